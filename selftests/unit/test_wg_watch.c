/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wg_watch.c - when WireGuard is read again and what is told of it. The
 * readings are made up here, each with what it costs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/loop.h"
#include "wireguard/watch.h"

#include "../tap.h"

#define MIN_MS 100 /* instead of a second */
#define ASK_MS (2 * WD_WG_WATCH_KICK_MS)

/* One reading. */
struct step {
	int err;
	uint32_t devices;
	uint64_t counter;
	uint32_t burns_ms; /* of the processor */
	bool kicks; /* as soon as it was read */
	bool asks; /* a while after it was read */
};

static struct wd_loop *loop;
static struct wd_wg_watch *watch;
static struct wd_timer *ask;
static const struct step *step; /* the next one */
static int steps; /* done */
static int last; /* steps to do */
static uint64_t at_ms[16]; /* when each was */
static uint32_t diffs[16];
static int errs[16];
static int told_at[16];
static int told;
static uint32_t min_ms = MIN_MS;

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int read_step(void *ctx, struct wd_wg_state *ret_state)
{
	const struct step *this = &step[steps];
	uint64_t end = clock_ms(CLOCK_THREAD_CPUTIME_ID) + this->burns_ms;

	(void)ctx;
	at_ms[steps++] = clock_ms(CLOCK_MONOTONIC);
	if (steps == last)
		wd_loop_stop(loop, 0);
	if (this->asks)
		wd_timer_set(ask, ASK_MS);
	while (clock_ms(CLOCK_THREAD_CPUTIME_ID) < end)
		;
	if (this->err)
		return this->err;
	memset(ret_state, 0, sizeof(*ret_state));
	ret_state->boottime = 1000 + steps;
	ret_state->device_cnt = this->devices;
	ret_state->device =
		calloc(this->devices + 1, sizeof(struct wd_wg_device));
	if (!ret_state->device)
		abort();
	for (uint32_t i = 0; i < this->devices; i++) {
		struct wd_wg_peer *peer = calloc(1, sizeof(*peer));

		if (!peer)
			abort();
		peer->rx_bytes = peer->tx_bytes = this->counter;
		ret_state->device[i].ifindex = i + 1;
		ret_state->device[i].peer_cnt = 1;
		ret_state->device[i].peer = peer;
	}
	return 0;
}

static void on_told(void *ctx, const struct wd_wg_state *state, uint32_t diff,
		    int err)
{
	(void)ctx;
	wd_expect(state == wd_wg_watch_state(watch));
	diffs[told] = diff;
	told_at[told] = steps;
	errs[told++] = err;
}

static void on_kick(void *ctx)
{
	(void)ctx;
	wd_wg_watch_kick(watch);
}

/* Somebody asks, at once and again: read once more, then not until later. */
static void on_question(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < 3; i++)
		wd_wg_watch_now(watch);
}

/* Until @cnt of the readings in @script were done. */
static void run(const struct step *script, int cnt)
{
	const struct wd_wg_watch_ops ops = {
		.read = read_step,
		.told = on_told,
		.min_ms = min_ms,
	};
	struct wd_timer *kick;

	step = script;
	steps = told = 0;
	last = cnt;
	if (!wd_expect_int(0, wd_loop_new(&loop)) ||
	    !wd_expect_int(0, wd_wg_watch_new(loop, &ops, &watch)) ||
	    !wd_expect_int(0, wd_timer_new(loop, on_kick, NULL, &kick)) ||
	    !wd_expect_int(0, wd_timer_new(loop, on_question, NULL, &ask)))
		abort();
	if (script[0].kicks)
		wd_timer_set(kick, 10);
	wd_expect_int(0, wd_loop_run(loop));
	wd_expect_int(cnt, steps);
	wd_wg_watch_free(watch);
	wd_loop_free(loop);
}

/*
 * A busy machine is late now and then, a wrong pause is wrong each time.
 */
static bool once_of_many(bool (*in_time)(void))
{
	for (int i = 0; i < 10; i++)
		if (in_time())
			return true;
	return false;
}

static void readings_are_told_when_they_differ(void)
{
	static const struct step script[] = {
		{ .devices = 1, .counter = 5 },
		{ .devices = 2, .counter = 5 },
		{ .devices = 2, .counter = 5 },
	};

	run(script, 3);
	wd_expect_int(2, told);
	wd_expect_int(WD_WG_DEVICES | WD_WG_CONFIG | WD_WG_PEERS | WD_WG_LIVE,
		      diffs[0]);
	wd_expect(diffs[1] & WD_WG_DEVICES);
	/* The shortest pause after each change, or more on a busy machine. */
	wd_expect(at_ms[1] - at_ms[0] >= MIN_MS - 10);
	wd_expect(at_ms[2] - at_ms[1] >= MIN_MS - 10);
}

static bool pauses_grow(void)
{
	static const struct step script[] = {
		{ .devices = 1, .counter = 5 }, { .devices = 1, .counter = 6 },
		{ .devices = 1, .counter = 7 }, { .devices = 1, .counter = 8 },
		{ .devices = 1, .counter = 9 },
	};
	bool grow = true;

	run(script, 5);
	wd_expect_int(5, told);
	for (int i = 1; i < 5; i++) {
		uint64_t pause = at_ms[i] - at_ms[i - 1];
		uint64_t least = i > 1 ? MIN_MS * WD_WG_WATCH_MAX : MIN_MS;

		wd_expect_int(WD_WG_LIVE, diffs[i]);
		wd_expect(pause >= least - 10);
		grow &= pause < 2 * least;
	}
	return grow;
}

static void pauses_grow_to_twice_while_but_counters_run(void)
{
	wd_expect(once_of_many(pauses_grow));
}

static bool dear_ones_are_rarer(void)
{
	static const struct step script[] = {
		{ .devices = 1, .burns_ms = 10 },
		{ .devices = 1 },
	};

	run(script, 2);
	wd_expect(at_ms[1] - at_ms[0] >= 800);
	return at_ms[1] - at_ms[0] <= 4000;
}

static void dear_readings_are_rarer(void)
{
	wd_expect(once_of_many(dear_ones_are_rarer));
}

static bool a_kick_is_soon_but_not_at_once(void)
{
	static const struct step script[] = {
		{ .devices = 1, .kicks = true },
		{ .devices = 1 },
	};

	min_ms = 1000;
	run(script, 2);
	min_ms = MIN_MS;
	wd_expect(at_ms[1] - at_ms[0] >= WD_WG_WATCH_KICK_MS - 10);
	return at_ms[1] - at_ms[0] <= 900;
}

static void a_kick_makes_the_next_reading_soon_but_not_at_once(void)
{
	wd_expect(once_of_many(a_kick_is_soon_but_not_at_once));
}

static bool asking_is_soon(void)
{
	static const struct step script[] = {
		{ .devices = 1, .asks = true },
		{ .devices = 2 },
		{ .devices = 2 },
	};

	min_ms = 2000;
	run(script, 3);
	min_ms = MIN_MS;
	wd_expect_int(2, told_at[1]);
	wd_expect(at_ms[1] - at_ms[0] >= ASK_MS - 10);
	wd_expect(at_ms[2] - at_ms[0] >= 1990);
	return at_ms[1] - at_ms[0] <= 1900;
}

static void who_asks_has_it_read_but_not_without_end(void)
{
	wd_expect(once_of_many(asking_is_soon));
}

static void failures_are_told_when_they_last(void)
{
	static const struct step script[] = {
		{ .err = -EPERM }, /* nothing is known yet: told */
		{ .devices = 1 }, /* told */
		{ .err = -EINTR }, { .err = -EINTR },
		{ .err = -EINTR }, /* told */
		{ .err = -EINTR }, { .devices = 1 }, /* told */
		{ .err = -EINTR }, { .devices = 1 },
	};
	static const struct {
		int err;
		int at; /* readings done */
	} want[] = { { -EPERM, 1 }, { 0, 2 }, { -EINTR, 5 }, { 0, 7 } };

	run(script, 9);
	if (!wd_expect_int(4, told))
		return;
	for (int i = 0; i < 4; i++) {
		wd_expect_int(want[i].err, errs[i]);
		wd_expect_int(want[i].at, told_at[i]);
	}
	wd_expect_int(0, diffs[2]);
	wd_expect_int(0, diffs[3]); /* as it was before */
}

int main(void)
{
	WD_TEST(readings_are_told_when_they_differ);
	WD_TEST(pauses_grow_to_twice_while_but_counters_run);
	WD_TEST(dear_readings_are_rarer);
	WD_TEST(a_kick_makes_the_next_reading_soon_but_not_at_once);
	WD_TEST(who_asks_has_it_read_but_not_without_end);
	WD_TEST(failures_are_told_when_they_last);
	return wd_tests_end();
}
