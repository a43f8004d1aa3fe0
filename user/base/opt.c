/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * opt.c - getopt_long driven by tables. Knows no option by name.
 */
#include "opt.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long's val for table entry i; above every letter. */
#define VAL(i) (256 + (int)(i))

struct parser {
	const struct wd_opt *opt[WD_OPTS_MAX];
	struct option longopt[WD_OPTS_MAX + 1];
	char letters[2 + 3 * WD_OPTS_MAX];
	int cnt;
};

static void parser_add(struct parser *parser, const struct wd_opt *opt)
{
	int i = parser->cnt++;
	struct option *to = &parser->longopt[i];
	size_t len = strlen(parser->letters);

	assert(i < WD_OPTS_MAX);
	parser->opt[i] = opt;
	to->name = opt->name;
	to->has_arg = !opt->arg	    ? no_argument :
		      opt->optional ? optional_argument :
				      required_argument;
	to->val = VAL(i);
	if (!opt->key)
		return;
	parser->letters[len++] = opt->key;
	for (int colon = 0; colon < to->has_arg; colon++)
		parser->letters[len++] = ':';
}

static void parser_init(struct parser *parser,
			const struct wd_opt *const *table)
{
	memset(parser, 0, sizeof(*parser));
	parser->letters[0] =
		':'; /* tell a missing value from a strange option */
	for (; *table; table++)
		for (const struct wd_opt *opt = *table; opt->name; opt++)
			parser_add(parser, opt);
}

static const struct wd_opt *parser_find(const struct parser *parser, int val)
{
	if (val >= VAL(0) && val < VAL(parser->cnt))
		return parser->opt[val - VAL(0)];
	for (int i = 0; i < parser->cnt; i++)
		if (parser->opt[i]->key && parser->opt[i]->key == val)
			return parser->opt[i];
	return NULL;
}

/* What getopt_long stumbled over, in its own words lost. */
static void explain(const struct parser *parser, int val, char **argv,
		    char **ret_error)
{
	const struct wd_opt *opt = parser_find(parser, optopt);

	if (val == ':' && opt)
		wd_format(ret_error, "--%s: needs a value: %s", opt->name,
			  opt->arg);
	else if (opt)
		wd_format(ret_error, "--%s: takes no value", opt->name);
	else if (optopt)
		wd_format(ret_error, "-%c: unknown option", optopt);
	else
		wd_format(ret_error, "%s: unknown or ambiguous option",
			  argv[optind - 1]);
}

static int parse_all(const struct parser *parser, int argc, char **argv,
		     wd_opt_fn fn, void *ctx, char **ret_error)
{
	int val;

	opterr = 0;
	optind = 0; /* GNU: forget an earlier parse */
	while ((val = getopt_long(argc, argv, parser->letters, parser->longopt,
				  NULL)) != -1) {
		const struct wd_opt *opt = parser_find(parser, val);
		char *text = NULL;

		if (!opt) {
			explain(parser, val, argv, ret_error);
			return -EINVAL;
		}
		if (!fn(ctx, opt, optarg, &text))
			continue;
		wd_format(ret_error, "--%s: %s", opt->name, text ?: "invalid");
		free(text);
		return -EINVAL;
	}
	return optind;
}

int wd_opt_parse(const struct wd_opt *const *table, int argc, char **argv,
		 wd_opt_fn fn, void *ctx, char **ret_error)
{
	struct parser *parser = malloc(sizeof(*parser)); /* large for a stack */
	int first;

	if (!parser) {
		wd_format(ret_error, "out of memory");
		return -ENOMEM;
	}
	parser_init(parser, table);
	first = parse_all(parser, argc, argv, fn, ctx, ret_error);
	free(parser);
	return first;
}

int wd_duration_parse(const char *text, uint32_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint32_t ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 } };
	uint64_t value = 0;
	size_t digits = strspn(text, "0123456789");

	if (!digits)
		return -EINVAL;
	if (digits > 9)
		return -ERANGE;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) != 0)
			continue;
		if (value * units[i].ms > 86400000)
			return -ERANGE;
		*ret_ms = (uint32_t)(value * units[i].ms);
		return 0;
	}
	return -EINVAL;
}

void wd_format(char **ret_text, const char *fmt, ...)
{
	va_list ap;

	if (!ret_text)
		return;
	va_start(ap, fmt);
	if (vasprintf(ret_text, fmt, ap) < 0)
		*ret_text = NULL;
	va_end(ap);
}
