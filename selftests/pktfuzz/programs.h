/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.h - the programs under test, on maps of this process that say what
 * site.h does. Nothing is pinned or attached.
 */
#ifndef WARDER_SELFTESTS_PROGRAMS_H
#define WARDER_SELFTESTS_PROGRAMS_H

#include "judge.h"

/**
 * programs_open() - load them in a network namespace of their own, with devices
 * Return: 0 or -errno, told on stdout. Context: needs root.
 */
int programs_open(void);
void programs_close(void);

/** programs_reset() - nothing is published, and there is no flow and no train */
void programs_reset(void);
void programs_publish(const struct setting *setting);

/** programs_seed() - as the agent does for a connection that it found */
void programs_seed(const struct seed *seed);

/** programs_wait() - let flows and trains age by @ticks */
void programs_wait(uint32_t ticks);

/**
 * programs_run() - one packet
 * @linear: bytes of it in the linear part of the buffer, 0 all. Ignored where
 *          the kernel's test run makes linear packets only.
 */
struct ruling programs_run(const struct sight *sight, size_t linear);

/** programs_flows() - as judge_flows(), from the table of the programs */
size_t programs_flows(struct flow_state *ret, size_t room);

/** programs_counted() - packets that the counters hold, of all reasons */
uint64_t programs_counted(void);

#endif /* WARDER_SELFTESTS_PROGRAMS_H */
