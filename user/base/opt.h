/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * opt.h - command line options as tables.
 *
 * A table is read three times: to parse, to print help, and by the tests that
 * hold the man pages to it.
 */
#ifndef WARDER_OPT_H
#define WARDER_OPT_H

#include <stdbool.h>
#include <stdint.h>

struct wd_opt {
	const char *name; /* without dashes; NULL ends a table */
	char key; /* one letter form, 0 none */
	const char *arg; /* what stands for the value; NULL: a switch */
	bool optional; /* the value may be left out: --name[=ARG] */
	const char *help; /* lines separated by \n */
};

#define WD_OPTS_MAX 64 /* of one command, all tables together */

/**
 * wd_opt_fn - one option was met
 * @value: NULL if none was given
 * Return: 0, or -EINVAL with *ret_error a message without the option's name.
 */
typedef int (*wd_opt_fn)(void *ctx, const struct wd_opt *opt, const char *value,
			 char **ret_error);

/**
 * wd_opt_parse() - call @fn for each option; argv[0] is skipped
 * @table: NULL-terminated list of tables
 * @argv: is permuted: positional arguments end up last
 * @ret_error: what is wrong with which option, to be freed
 * Return: index of the first positional argument, or -EINVAL.
 */
int wd_opt_parse(const struct wd_opt *const *table, int argc, char **argv,
		 wd_opt_fn fn, void *ctx, char **ret_error);

/**
 * wd_duration_parse() - "500ms", "2s", "1m" or plain seconds ("2")
 * Return: 0; -EINVAL; -ERANGE beyond a day.
 */
int wd_duration_parse(const char *text, uint32_t *ret_ms);

/** wd_format() - asprintf into @ret_text, which is NULL when there is no memory; NULL passes */
void wd_format(char **ret_text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* WARDER_OPT_H */
