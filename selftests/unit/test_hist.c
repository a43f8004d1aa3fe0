// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_hist.c - times by their share, from the steps of a histogram.
 */
#include "slo/hist.h"

#include <string.h>

#include "tap.h"

static uint32_t cnt[WD_TIMING_STEPS];

/* The step of a time, by search: the slow twin of bpf/handshake.h. */
static uint32_t step_of(uint64_t ns)
{
	uint32_t step = 0;

	while (step + 1 < WD_TIMING_STEPS && wd_hist_floor_ns(step + 1) <= ns)
		step++;
	return step;
}

static void steps_follow_each_other_and_are_at_most_a_sixteenth_wide(void)
{
	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++) {
		uint64_t from = wd_hist_floor_ns(i);
		uint64_t width = wd_hist_floor_ns(i + 1) - from;

		wd_expect(wd_hist_floor_ns(i + 1) > from);
		wd_expect(width == WD_TIMING_UNIT_NS || 16 * width <= from);
	}
	wd_expect_int(0, (int64_t)wd_hist_floor_ns(0));
	wd_expect_int((int64_t)WD_TIMING_UNIT_NS << 28,
		      (int64_t)wd_hist_floor_ns(WD_TIMING_STEPS));
}

static void nothing_counted_has_no_time(void)
{
	memset(cnt, 0, sizeof(cnt));
	wd_expect_int(0, (int64_t)wd_hist_sum(cnt));
	wd_expect_int(0, (int64_t)wd_hist_share_ns(cnt, 500));
}

static void the_share_is_within_a_step_of_the_true_one(void)
{
	uint64_t p50, p99;

	memset(cnt, 0, sizeof(cnt));
	for (uint64_t us = 1; us <= 10000; us++)
		cnt[step_of(us * 1000)]++;
	p50 = wd_hist_share_ns(cnt, 500);
	p99 = wd_hist_share_ns(cnt, 990);

	wd_expect_int(10000, (int64_t)wd_hist_sum(cnt));
	wd_expect(p50 > 4900000 && p50 < 5100000);
	wd_expect(p99 > 9750000 && p99 < 10050000);
}

static void a_tenth_more_is_seen_at_any_time(void)
{
	for (uint64_t us = 4; us < 10000000; us += us / 3 + 1) {
		uint64_t before, after;

		memset(cnt, 0, sizeof(cnt));
		cnt[step_of(us * 1000)] = 1000;
		before = wd_hist_share_ns(cnt, 990);
		memset(cnt, 0, sizeof(cnt));
		cnt[step_of(us * 1100)] = 1000;
		after = wd_hist_share_ns(cnt, 990);
		wd_expect(after * 100 >= before * 103);
	}
}

static void one_slow_one_in_a_hundred_does_not_move_the_rest(void)
{
	memset(cnt, 0, sizeof(cnt));
	cnt[step_of(100000)] = 99;
	cnt[step_of(1000000000)] = 1;
	wd_expect(wd_hist_share_ns(cnt, 990) < 110000);
	wd_expect(wd_hist_share_ns(cnt, 991) > 900000000);
}

static void what_came_since_is_the_difference(void)
{
	static uint32_t was[WD_TIMING_STEPS];

	memset(cnt, 0, sizeof(cnt));
	memset(was, 0, sizeof(was));
	was[3] = 5;
	cnt[3] = 7;
	was[4] = 9; /* began anew */
	cnt[4] = 2;
	wd_hist_less(cnt, was, cnt);
	wd_expect_int(2, cnt[3]);
	wd_expect_int(2, cnt[4]);
	wd_expect_int(4, (int64_t)wd_hist_sum(cnt));
}

int main(void)
{
	WD_TEST(steps_follow_each_other_and_are_at_most_a_sixteenth_wide);
	WD_TEST(nothing_counted_has_no_time);
	WD_TEST(the_share_is_within_a_step_of_the_true_one);
	WD_TEST(a_tenth_more_is_seen_at_any_time);
	WD_TEST(one_slow_one_in_a_hundred_does_not_move_the_rest);
	WD_TEST(what_came_since_is_the_difference);
	return wd_tests_end();
}
