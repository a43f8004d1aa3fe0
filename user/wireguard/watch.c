/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.c - when to read WireGuard's devices, and when to tell of it. Knows
 * nothing of what a reading means.
 */
#include "watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "../base/loop.h"

#define DIFF_ALL (WD_WG_DEVICES | WD_WG_CONFIG | WD_WG_PEERS | WD_WG_LIVE)
#define US_PER_MS 1000
#define SENT_S 10 /* a peer that was sent nothing for so long does not matter */

struct wd_wg_watch {
	struct wd_wg_watch_ops ops;
	struct wd_timer *timer;
	struct wd_wg_state state;
	bool has_state;
	bool told_err;
	uint32_t fails; /* in a row */
	uint64_t wait_ms; /* between readings, before the cost is looked at */
	uint64_t cost_us; /* of the last reading and of who was told */
	uint64_t read_ms; /* when it was */
};

static uint64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	/* Cannot fail: the clocks exist and the address is ours. */
	(void)clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Does a peer not answer what it was sent? Then the next reading says more. */
static bool somebody_waits(const struct wd_wg_state *state)
{
	for (uint32_t i = 0; i < state->device_cnt; i++) {
		const struct wd_wg_device *dev = &state->device[i];

		for (uint32_t k = 0; k < dev->peer_cnt; k++) {
			if (dev->peer[k].trace.waits &&
			    dev->peer[k].trace.sent + SENT_S > state->boottime)
				return true;
		}
	}
	return false;
}

static void take_state(struct wd_wg_watch *watch, struct wd_wg_state *now)
{
	uint64_t longest = (uint64_t)watch->ops.min_ms * WD_WG_WATCH_MAX;
	uint32_t diff = DIFF_ALL;

	if (watch->has_state) {
		diff = wd_wg_diff(&watch->state, now);
		wd_wg_follow(&watch->state, now);
		wd_wg_state_fini(&watch->state);
	} else {
		wd_wg_follow(&watch->state, now); /* an empty one */
	}
	watch->state = *now;
	watch->has_state = true;
	/* Counters that run are what is usual. */
	if (diff & ~(uint32_t)WD_WG_LIVE || somebody_waits(&watch->state))
		watch->wait_ms = watch->ops.min_ms;
	else
		watch->wait_ms = smaller(2 * watch->wait_ms, longest);
	watch->fails = 0;
	if (diff || watch->told_err) {
		watch->told_err = false;
		watch->ops.told(watch->ops.ctx, &watch->state, diff, 0);
	}
}

static void take_failure(struct wd_wg_watch *watch, int err)
{
	watch->wait_ms = watch->ops.min_ms;
	watch->fails++;
	if (watch->told_err ||
	    (watch->has_state && watch->fails < WD_WG_WATCH_FAILS))
		return;
	watch->told_err = true;
	watch->ops.told(watch->ops.ctx, wd_wg_watch_state(watch), 0, err);
}

static void read_now(struct wd_wg_watch *watch)
{
	uint64_t begin = clock_us(CLOCK_THREAD_CPUTIME_ID);
	struct wd_wg_state now;
	int err = watch->ops.read ? watch->ops.read(watch->ops.ctx, &now) :
				    wd_wg_read(-1, &now);

	if (err)
		take_failure(watch, err);
	else
		take_state(watch, &now);
	watch->cost_us = clock_us(CLOCK_THREAD_CPUTIME_ID) - begin;
	watch->read_ms = clock_us(CLOCK_MONOTONIC) / US_PER_MS;
}

static void on_timer(void *ctx)
{
	struct wd_wg_watch *watch = ctx;

	read_now(watch);
	wd_timer_set(watch->timer,
		     larger(watch->wait_ms,
			    watch->cost_us * WD_WG_WATCH_SHARE / US_PER_MS));
}

int wd_wg_watch_new(struct wd_loop *loop, const struct wd_wg_watch_ops *ops,
		    struct wd_wg_watch **ret_watch)
{
	struct wd_wg_watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->ops = *ops;
	if (!watch->ops.min_ms)
		watch->ops.min_ms = WD_WG_WATCH_MIN_MS;
	watch->wait_ms = watch->ops.min_ms;
	err = wd_timer_new(loop, on_timer, watch, &watch->timer);
	if (err) {
		free(watch);
		return err;
	}
	wd_timer_set(watch->timer, 0);
	*ret_watch = watch;
	return 0;
}

void wd_wg_watch_free(struct wd_wg_watch *watch)
{
	if (!watch)
		return;
	wd_timer_free(watch->timer);
	wd_wg_state_fini(&watch->state);
	free(watch);
}

/* Return: ms until the cost of the last reading allows another one. */
static uint64_t allowed_in(const struct wd_wg_watch *watch)
{
	uint64_t gap =
		larger(WD_WG_WATCH_KICK_MS, watch->cost_us * 10 / US_PER_MS);
	uint64_t now = clock_us(CLOCK_MONOTONIC) / US_PER_MS;
	uint64_t due = watch->read_ms + gap;

	return !watch->read_ms || due <= now ? 0 : due - now;
}

void wd_wg_watch_kick(struct wd_wg_watch *watch)
{
	watch->wait_ms = watch->ops.min_ms;
	wd_timer_set(watch->timer, allowed_in(watch));
}

void wd_wg_watch_now(struct wd_wg_watch *watch)
{
	if (!allowed_in(watch))
		read_now(watch);
}

const struct wd_wg_state *wd_wg_watch_state(const struct wd_wg_watch *watch)
{
	return watch->has_state ? &watch->state : NULL;
}
