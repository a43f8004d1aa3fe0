// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_since.c - points in time as people say them.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "base/since.h"
#include "tap.h"

#define NOW INT64_C(1800000000) /* 2027-01-15T08:00:00Z */

static void what_people_say_is_a_point_in_time(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{ "0s", NOW },
		{ "90s", NOW - 90 },
		{ "15m", NOW - 900 },
		{ "24h", NOW - 86400 },
		{ "7d", NOW - 7 * 86400 },
		{ "2027-01-15", NOW - 8 * 3600 },
		{ "2027-01-15T08:00Z", NOW },
		{ "2027-01-15T07:59:30Z", NOW - 30 },
		{ "2024-02-29", 1709164800 },
		{ "1970-01-01", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t got = -1;

		wd_test_row(cases[i].text);
		wd_expect_int(0, wd_since_parse(cases[i].text, NOW, &got));
		wd_expect_int(cases[i].want, got);
	}
	wd_test_row(NULL);
}

static void what_may_mean_another_time_is_refused(void)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", -EINVAL },
		{ "7", -EINVAL },
		{ "d", -EINVAL },
		{ "7 d", -EINVAL },
		{ "7dd", -EINVAL },
		{ "7w", -EINVAL },
		{ "1.5h", -EINVAL },
		{ "+7d", -EINVAL },
		{ "-7d", -EINVAL },
		{ "yesterday", -EINVAL },
		{ "2026-02-29", -EINVAL },
		{ "2026-04-31", -EINVAL },
		{ "2026-13-01", -EINVAL },
		{ "2026-1-1", -EINVAL },
		{ "01-02-2026", -EINVAL },
		{ "2026-01-01T25:00Z", -EINVAL },
		{ "2026-01-01T08:00", -EINVAL },
		{ "2026-01-01T08:00+01", -EINVAL },
		{ "2026-01-01 08:00Z", -EINVAL },
		{ "2026-01-01T08:00:00Zx", -EINVAL },
		{ "9999999999d", -ERANGE },
		{ "999999999d", -ERANGE },
		{ "2027-01-15T08:00:01Z", -ERANGE },
		{ "1969-12-31", -ERANGE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t got = -1;

		wd_test_row(cases[i].text);
		wd_expect_int(cases[i].err,
			      wd_since_parse(cases[i].text, NOW, &got));
		wd_expect_int(-1, got);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(what_people_say_is_a_point_in_time);
	WD_TEST(what_may_mean_another_time_is_refused);
	return wd_tests_end();
}
