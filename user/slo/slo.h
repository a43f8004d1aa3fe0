/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slo.h - how long TCP handshakes of pods take, by namespace.
 */
#ifndef WARDER_SLO_H
#define WARDER_SLO_H

#include <stdint.h>

#include <warder/abi.h>

struct wd_agent;
struct wd_slo;

/** wd_slo_new() - nothing is known; out of memory ends the program */
struct wd_slo *wd_slo_new(struct wd_agent *agent);
void wd_slo_free(struct wd_slo *slo);

/** wd_slo_tick() - look after it, once in a second */
void wd_slo_tick(struct wd_slo *slo);

/** wd_slo_why_not() - why nothing is measured now, NULL: it is */
const char *wd_slo_why_not(const struct wd_slo *slo);

/**
 * wd_slo_next() - namespaces that have a group, in the order of these
 * @group: of the one before, WD_GROUP_REST before the first
 * Return: the next group, WD_GROUP_REST there are no more.
 */
uint32_t wd_slo_next(const struct wd_slo *slo, uint32_t group,
		     const char **ret_ns);

/** wd_slo_read() - all that was counted in a group; 0 or -errno */
int wd_slo_read(const struct wd_slo *slo, uint32_t group,
		struct wd_timing_val *ret_val);

/** wd_timing_side_name() - "client", "server" */
const char *wd_timing_side_name(enum wd_timing_side side);

#endif /* WARDER_SLO_H */
