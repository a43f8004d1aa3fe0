/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * now.h - what time it is, in milliseconds.
 */
#ifndef WARDER_NOW_H
#define WARDER_NOW_H

#include <stdint.h>
#include <time.h>

/** wd_clock_ms() - of @clock; one that is always there, so this cannot fail */
static inline int64_t wd_clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** wd_now_ms() - for how long something takes: nobody sets this clock (CLOCK_MONOTONIC) */
static inline int64_t wd_now_ms(void)
{
	return wd_clock_ms(CLOCK_MONOTONIC);
}

/** wd_wall_ms() - since the epoch, for people: this clock may jump (CLOCK_REALTIME) */
static inline int64_t wd_wall_ms(void)
{
	return wd_clock_ms(CLOCK_REALTIME);
}

#endif /* WARDER_NOW_H */
