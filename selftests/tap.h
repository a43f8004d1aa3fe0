/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.h - how a test in C tells what it found: TAP on stdout, one line for
 * each test, what was expected and what came as diagnosis.
 *
 *	static void timer_fires_once(void) { ... wd_expect_int(1, fired); }
 *
 *	int main(void)
 *	{
 *		WD_TEST(timer_fires_once);
 *		return wd_tests_end();
 *	}
 */
#ifndef WARDER_SELFTESTS_TAP_H
#define WARDER_SELFTESTS_TAP_H

#include <stdbool.h>

/** WD_TEST() - run a void function as one test named after it */
#define WD_TEST(fn) wd_test_run(#fn, fn)
void wd_test_run(const char *name, void (*fn)(void));

/** wd_test_row() - name the table row that the next expectations belong to; NULL: none */
void wd_test_row(const char *name);

/** wd_test_skip() - the running test lacks @what of this machine */
void wd_test_skip(const char *what);

/** wd_tests_end() - print the plan. Return: the exit code of the program */
int wd_tests_end(void);

/* Each is true when it holds; a test goes on after one that does not. */
#define wd_expect_int(expected, actual) \
	wd_expect_int_at(__FILE__, __LINE__, #actual, expected, actual)
#define wd_expect_str(expected, actual) \
	wd_expect_str_at(__FILE__, __LINE__, #actual, expected, actual)
#define wd_expect(condition) \
	wd_expect_int_at(__FILE__, __LINE__, #condition, 1, !!(condition))

bool wd_expect_int_at(const char *file, int line, const char *what,
		      long long expected, long long actual);
bool wd_expect_str_at(const char *file, int line, const char *what,
		      const char *expected, const char *actual);

#endif /* WARDER_SELFTESTS_TAP_H */
