/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - the time of the data path, as the agent must know it to write flows.
 */
#ifndef WARDER_CLOCK_H
#define WARDER_CLOCK_H

#include <stdint.h>

/**
 * wd_clock_shift() - log2 of the jiffies in a tick, the same until the next boot
 * Source: HZ, by the resolution of CLOCK_MONOTONIC_COARSE, which is one jiffy
 * (kernel/time/posix-timers.c, posix_get_coarse_res).
 */
uint32_t wd_clock_shift(void);

/** wd_clock_tick_ns() - length of a tick, nanoseconds */
uint64_t wd_clock_tick_ns(void);

/**
 * wd_clock_ticks() - now, in ticks, asked of the kernel by a program of three instructions
 * Return: 0, or -errno of loading or running it. Needs the right to load programs.
 */
int wd_clock_ticks(uint32_t *ret_ticks);

#endif /* WARDER_CLOCK_H */
