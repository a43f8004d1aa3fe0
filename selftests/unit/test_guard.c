// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_guard.c - when handshakes count as slower than their baseline.
 */
#include "slo/guard.h"

#include <string.h>

#include "slo/hist.h"
#include "tap.h"

static const struct wd_guard_span base = { 1000, 100000, 1000000 };

static void begin(struct wd_guard_side *side, struct wd_guard_terms *terms)
{
	memset(side, 0, sizeof(*side));
	wd_guard_terms_init(terms);
	terms->more_us = 0;
	wd_guard_rebase(side, &base);
}

/* A window in which both are so many percent of the baseline's. */
static enum wd_guard_turn see(struct wd_guard_side *side,
			      const struct wd_guard_terms *terms, uint32_t p50,
			      uint32_t p99)
{
	struct wd_guard_span span = { 600, base.p50_ns * p50 / 100,
				      base.p99_ns * p99 / 100 };

	return wd_guard_judge(side, terms, &span);
}

static void it_takes_windows_in_a_row_to_be_slow(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 120));
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 120));
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 100));
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 120));
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 120));
	wd_expect(!side.slow);
	wd_expect_int(WD_GUARD_BEGINS, see(&side, &terms, 100, 120));
	wd_expect(side.slow);
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 120));
}

static void it_ends_after_as_many_that_are_clearly_back(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	for (int i = 0; i < 3; i++)
		(void)see(&side, &terms, 100, 150);
	wd_expect(side.slow);
	/* over half of what is tolerated: for neither */
	for (int i = 0; i < 10; i++)
		wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 108));
	(void)see(&side, &terms, 100, 103);
	(void)see(&side, &terms, 100, 103);
	(void)see(&side, &terms, 100, 108);
	(void)see(&side, &terms, 100, 103);
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 103));
	wd_expect(side.slow);
	wd_expect_int(WD_GUARD_ENDS, see(&side, &terms, 100, 103));
	wd_expect(!side.slow);
}

static void exactly_what_is_tolerated_is_tolerated(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	for (int i = 0; i < 10; i++)
		wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 500, 110));
	for (int i = 0; i < 2; i++)
		wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 500, 111));
	wd_expect_int(WD_GUARD_BEGINS, see(&side, &terms, 500, 111));
}

static void each_threshold_is_for_its_own_share(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	terms.p50 = 50;
	terms.p99 = 0;
	terms.times = 1;
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 900));
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 150, 900));
	wd_expect_int(WD_GUARD_BEGINS, see(&side, &terms, 160, 100));
}

static void little_in_time_is_never_slow(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	terms.more_us = 500;
	terms.times = 1;
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 149));
	wd_expect_int(WD_GUARD_BEGINS, see(&side, &terms, 100, 150));
}

static void without_a_baseline_nothing_is_slow(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	memset(&side.base, 0, sizeof(side.base));
	for (int i = 0; i < 10; i++)
		wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 900, 900));
	wd_expect(!side.slow);
	wd_expect_int(600, (int64_t)side.last.cnt);
}

static void another_baseline_begins_anew(void)
{
	struct wd_guard_span more = { 1000, 200000, 2000000 };
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	for (int i = 0; i < 3; i++)
		(void)see(&side, &terms, 100, 200);
	wd_guard_rebase(&side, &more);
	wd_expect(!side.slow);
	for (int i = 0; i < 3; i++)
		wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 200, 200));
}

/* A fake clock: the monotonic one began at 1,000, when it was 5,000,000. */
static bool lapses(struct wd_guard_side *side,
		   const struct wd_guard_terms *terms, uint64_t ms)
{
	return wd_guard_lapse(side, terms, 1000 + ms, 5000000 + (int64_t)ms);
}

static void what_is_not_measured_is_no_alarm(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	for (int i = 0; i < 3; i++)
		(void)see(&side, &terms, 100, 150);
	(void)see(&side, &terms, 100, 100);
	(void)see(&side, &terms, 100, 100);
	wd_expect(!lapses(&side, &terms, 0)); /* it begins */
	wd_expect(!lapses(&side, &terms, 3 * 60000 - 1));
	wd_expect_int(0, side.unmeasured_ms);
	wd_expect(lapses(&side, &terms, 3 * 60000 + 7));
	wd_expect_int(5000000, side.unmeasured_ms);
	wd_expect(!lapses(&side, &terms, 9 * 60000)); /* told once */
	wd_expect_int(5000000, side.unmeasured_ms);
	/* measured again: what it was, and windows in a row are counted anew */
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 100));
	wd_expect_int(0, side.unmeasured_ms);
	wd_expect(side.slow);
	wd_expect_int(WD_GUARD_STAYS, see(&side, &terms, 100, 100));
	wd_expect_int(WD_GUARD_ENDS, see(&side, &terms, 100, 100));
}

static void so_long_is_what_an_alarm_takes_and_three_at_least(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	side.heard_ms = 1000;
	terms.times = 10;
	wd_expect(!lapses(&side, &terms, 10 * 60000 - 1));
	wd_expect(lapses(&side, &terms, 10 * 60000));

	begin(&side, &terms);
	side.heard_ms = 1000;
	terms.times = 1;
	wd_expect(!lapses(&side, &terms, 3 * 60000 - 1));
	wd_expect(lapses(&side, &terms, 3 * 60000));
	wd_guard_rebase(&side, &base);
	wd_expect_int(0, side.unmeasured_ms);
	wd_expect_int(0, (int64_t)side.heard_ms);

	memset(&side, 0, sizeof(side)); /* no baseline: nothing to say */
	side.heard_ms = 1000;
	wd_expect(!lapses(&side, &terms, 99 * 60000));
}

/* Whoever gives other terms has not said that what was slow by the old ones is. */
static void what_was_slow_by_other_terms_is_no_alarm_by_these(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	for (int i = 0; i < 3; i++) {
		wd_expect(!wd_guard_alarms(&side, &terms));
		(void)see(&side, &terms, 100, 150);
	}
	wd_expect(wd_guard_alarms(&side, &terms));
	terms.p99 = 200;
	wd_guard_anew(&side);
	wd_expect(side.slow);
	wd_expect(!wd_guard_alarms(&side, &terms));
	(void)see(&side, &terms, 100, 250);
	wd_expect(!wd_guard_alarms(&side, &terms));
	for (int i = 0; i < 3; i++) {
		wd_expect(!wd_guard_alarms(&side, &terms));
		(void)see(&side, &terms, 100, 350);
	}
	wd_expect(wd_guard_alarms(&side, &terms));
}

static void one_good_window_after_none_is_no_alarm(void)
{
	struct wd_guard_side side;
	struct wd_guard_terms terms;

	begin(&side, &terms);
	side.heard_ms = 1;
	for (int i = 0; i < 3; i++)
		(void)see(&side, &terms, 100, 150);
	wd_expect(wd_guard_lapse(&side, &terms, 10000000, 20000000));
	wd_expect(!wd_guard_alarms(&side, &terms));
	(void)see(&side, &terms, 100, 100);
	wd_expect(side.slow && !side.unmeasured_ms);
	wd_expect(!wd_guard_alarms(&side, &terms));
	for (int i = 0; i < 3; i++) {
		wd_expect(!wd_guard_alarms(&side, &terms));
		(void)see(&side, &terms, 100, 150);
	}
	wd_expect(wd_guard_alarms(&side, &terms));
}

static void a_window_holds_what_was_counted_in_it(void)
{
	static uint32_t cnt[WD_TIMING_STEPS];
	static uint32_t was[WD_TIMING_STEPS];
	struct wd_guard_span span;

	memset(cnt, 0, sizeof(cnt));
	cnt[100] = 5000;
	memcpy(was, cnt, sizeof(was));
	cnt[200] += 70;
	wd_guard_since(was, cnt, &span);

	wd_expect_int(70, (int64_t)span.cnt);
	wd_expect(span.p50_ns >= wd_hist_floor_ns(200) &&
		  span.p50_ns < wd_hist_floor_ns(201));
	wd_expect(span.p99_ns >= span.p50_ns);
}

static void terms_that_mean_nothing_are_refused(void)
{
	static const struct {
		const char *name;
		struct wd_guard_terms terms;
		bool ok;
	} rows[] = {
		{ "a step is wider", { 0, 6, 0, 1000, 100, 1, 0 }, false },
		{ "the least", { 0, 7, 0, 1000, 100, 1, 0 }, true },
		{ "p50 alone", { 7, 0, 0, 1000, 100, 1, 0 }, true },
		{ "no threshold", { 0, 0, 0, 1000, 100, 1, 0 }, false },
		{ "too high", { 0, 10001, 0, 1000, 100, 1, 0 }, false },
		{ "short", { 0, 7, 0, 999, 100, 1, 0 }, false },
		{ "long", { 0, 7, 0, 86400001, 100, 1, 0 }, false },
		{ "few", { 0, 7, 0, 1000, 49, 1, 0 }, false },
		{ "no window", { 0, 7, 0, 1000, 100, 0, 0 }, false },
		{ "an hour", { 0, 7, 3600000000U, 1000, 100, 1, 0 }, false },
	};
	struct wd_guard_terms terms;

	wd_guard_terms_init(&terms);
	wd_expect(!wd_guard_terms_check(&terms));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		wd_test_row(rows[i].name);
		wd_expect_int(rows[i].ok,
			      !wd_guard_terms_check(&rows[i].terms));
	}
}

int main(void)
{
	WD_TEST(it_takes_windows_in_a_row_to_be_slow);
	WD_TEST(it_ends_after_as_many_that_are_clearly_back);
	WD_TEST(exactly_what_is_tolerated_is_tolerated);
	WD_TEST(each_threshold_is_for_its_own_share);
	WD_TEST(little_in_time_is_never_slow);
	WD_TEST(without_a_baseline_nothing_is_slow);
	WD_TEST(another_baseline_begins_anew);
	WD_TEST(what_is_not_measured_is_no_alarm);
	WD_TEST(so_long_is_what_an_alarm_takes_and_three_at_least);
	WD_TEST(what_was_slow_by_other_terms_is_no_alarm_by_these);
	WD_TEST(one_good_window_after_none_is_no_alarm);
	WD_TEST(a_window_holds_what_was_counted_in_it);
	WD_TEST(terms_that_mean_nothing_are_refused);
	return wd_tests_end();
}
