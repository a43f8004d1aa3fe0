/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.c - counts tests and prints TAP. Knows nothing of what is tested.
 */
#include "tap.h"

#include <stdio.h>
#include <string.h>

static int test_cnt;
static int failed_cnt;
static bool failed; /* the running test */
static const char *skipped;
static const char *row;

void wd_test_run(const char *name, void (*fn)(void))
{
	failed = false;
	skipped = NULL;
	row = NULL;
	fn();
	test_cnt++;
	failed_cnt += failed;
	printf("%sok %d - %s%s%s\n", failed ? "not " : "", test_cnt, name,
	       skipped && !failed ? " # SKIP " : "",
	       skipped && !failed ? skipped : "");
	(void)fflush(stdout);
}

void wd_test_row(const char *name)
{
	row = name;
}

void wd_test_skip(const char *what)
{
	skipped = what;
}

int wd_tests_end(void)
{
	printf("1..%d\n", test_cnt);
	return failed_cnt != 0;
}

static void complain(const char *file, int line, const char *what)
{
	failed = true;
	printf("# %s:%d: %s%s%s%s\n", file, line, what, row ? " [" : "",
	       row ? row : "", row ? "]" : "");
}

bool wd_expect_int_at(const char *file, int line, const char *what,
		      long long expected, long long actual)
{
	if (expected == actual)
		return true;
	complain(file, line, what);
	printf("#   expected %lld, got %lld\n", expected, actual);
	return false;
}

bool wd_expect_str_at(const char *file, int line, const char *what,
		      const char *expected, const char *actual)
{
	if (expected == actual ||
	    (expected && actual && !strcmp(expected, actual)))
		return true;
	complain(file, line, what);
	printf("#   expected '%s', got '%s'\n", expected ? expected : "(null)",
	       actual ? actual : "(null)");
	return false;
}
