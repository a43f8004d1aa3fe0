/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_opt.c - options from tables, times with units, and the words for the
 * numbers of the ABI.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"
#include "base/opt.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define WORDS_MAX 8

static const struct wd_opt common[] = {
	{ .name = "json", .help = "" },
	{ .name = "help", .key = 'h', .help = "" },
	{},
};

static const struct wd_opt own[] = {
	{ .name = "pod", .key = 'p', .arg = "NS/POD", .help = "" },
	{ .name = "wait", .arg = "SECONDS", .optional = true, .help = "" },
	{},
};

static char seen[256];

static int note(void *ctx, const struct wd_opt *opt, const char *value,
		char **ret_error)
{
	size_t len = strlen(seen);

	(void)ctx;
	(void)snprintf(seen + len, sizeof(seen) - len, "<%s%s%s>", opt->name,
		       value ? "=" : "", value ? value : "");
	if (value && !strcmp(value, "bad")) {
		wd_format(ret_error, "is bad");
		return -EINVAL;
	}
	return 0;
}

/* Return: as wd_opt_parse(), with the first positional argument in *ret_first. */
static int parse(const char *const *word, const char **ret_first,
		 char **ret_error)
{
	static const struct wd_opt *const tables[] = { common, own, NULL };
	static char copy[WORDS_MAX][64];
	char *argv[WORDS_MAX + 1] = { NULL };
	int argc = 0, first;

	for (; *word && argc < WORDS_MAX; word++, argc++) {
		(void)snprintf(copy[argc], sizeof(copy[argc]), "%s", *word);
		argv[argc] = copy[argc];
	}
	seen[0] = '\0';
	*ret_error = NULL;
	first = wd_opt_parse(tables, argc, argv, note, NULL, ret_error);
	*ret_first = first >= 0 && argv[first] ? argv[first] : "";
	return first;
}

static void options_are_told_in_order(void)
{
	static const struct {
		const char *word[WORDS_MAX];
		const char *seen;
		const char *first;
	} rows[] = {
		{ { "x" }, "", "" },
		{ { "x", "a" }, "", "a" },
		{ { "x", "--json", "-h" }, "<json><help>", "" },
		{ { "x", "a", "--pod", "b", "c" }, "<pod=b>", "a" },
		{ { "x", "--pod=b", "-pc", "-p", "d" },
		  "<pod=b><pod=c><pod=d>",
		  "" },
		{ { "x", "--pod=" }, "<pod=>", "" },
		{ { "x", "--wait", "5" }, "<wait>", "5" },
		{ { "x", "--wait=5" }, "<wait=5>", "" },
		{ { "x", "--js" }, "<json>", "" },
		{ { "x", "--", "--json" }, "", "--json" },
		{ { "x", "-" }, "", "-" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *first;
		char *error;

		wd_test_row(rows[i].word[1] ? rows[i].word[1] : "none");
		wd_expect(parse(rows[i].word, &first, &error) > 0);
		wd_expect_str(rows[i].seen, seen);
		wd_expect_str(rows[i].first, first);
		wd_expect(!error);
	}
}

static void wrong_options_are_named(void)
{
	static const struct {
		const char *word[WORDS_MAX];
		const char *error;
	} rows[] = {
		{ { "x", "--pods=a" },
		  "--pods=a: unknown or ambiguous option" },
		{ { "x", "-q" }, "-q: unknown option" },
		{ { "x", "--pod" }, "--pod: needs a value: NS/POD" },
		{ { "x", "-p" }, "--pod: needs a value: NS/POD" },
		{ { "x", "--json=1" }, "--json: takes no value" },
		{ { "x", "--pod=bad", "--json" }, "--pod: is bad" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *first;
		char *error;

		wd_test_row(rows[i].word[1]);
		wd_expect_int(-EINVAL, parse(rows[i].word, &first, &error));
		wd_expect_str(rows[i].error, error);
		wd_expect(!strstr(seen, "json"));
		free(error);
	}
}

static void times_have_units(void)
{
	static const struct {
		const char *text;
		int err;
		uint32_t ms;
	} rows[] = {
		{ "0", 0, 0 },
		{ "2", 0, 2000 },
		{ "2s", 0, 2000 },
		{ "500ms", 0, 500 },
		{ "1m", 0, 60000 },
		{ "007", 0, 7000 },
		{ "1440m", 0, 86400000 },
		{ "86400000ms", 0, 86400000 },
		{ "1441m", -ERANGE, 0 },
		{ "86401", -ERANGE, 0 },
		{ "4294967297", -ERANGE, 0 },
		{ "99999999999999999999ms", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1h", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint32_t ms = 77;

		wd_test_row(rows[i].text);
		wd_expect_int(rows[i].err,
			      wd_duration_parse(rows[i].text, &ms));
		wd_expect_int(rows[i].err ? 77 : rows[i].ms, ms);
	}
}

static void every_reason_has_a_name_that_finds_it(void)
{
	int cnt = 0;

	for (int r = wd_reason_next(-1); r >= 0; r = wd_reason_next(r)) {
		const char *name = wd_reason_name((uint32_t)r);

		wd_test_row(name);
		wd_expect_int(r, wd_reason_find(name));
		wd_expect(*wd_reason_help((uint32_t)r) != '\0');
		cnt++;
	}
	wd_expect(cnt > 10);
	wd_test_row("unknown");
	wd_expect_str("UNKNOWN", wd_reason_name(WD_R__MAX));
	wd_expect_str("UNKNOWN", wd_reason_name(UINT32_MAX));
	wd_expect_int(-ENOENT, wd_reason_find("UNKNOWN"));
	wd_expect_int(-ENOENT, wd_reason_find(""));
	wd_expect_int(WD_R_NO_ENDPOINT, wd_reason_find("no_endpoint"));
}

static void words_and_numbers_go_both_ways(void)
{
	wd_expect_str("allow", wd_verdict_name(WD_ALLOW));
	wd_expect_str("drop", wd_verdict_name(WD_DROP));
	wd_expect_str("audit", wd_verdict_name(WD_AUDIT));
	wd_expect_str("unknown", wd_verdict_name(99));
	wd_expect_str("ingress", wd_dir_name(WD_INGRESS));
	wd_expect_str("egress", wd_dir_name(WD_EGRESS));
	wd_expect_int(WD_MODE_AUDIT, wd_mode_find("audit"));
	wd_expect_int(-ENOENT, wd_mode_find("unset")); /* nobody may say so */
	wd_expect_str("unset", wd_mode_name(WD_MODE_UNSET));
	wd_expect_int(IPPROTO_SCTP, wd_proto_find("SCTP"));
	wd_expect_str("icmpv6", wd_proto_name(IPPROTO_ICMPV6));
	wd_expect(!wd_proto_name(255));
	wd_expect_int(-ENOENT, wd_proto_find("tcp6"));
	wd_expect_int(6, wd_identity_find("remote-node"));
	wd_expect_str("host", wd_identity_name(1));
	wd_expect(!wd_identity_name(11));
	wd_expect_int(-ENOENT, wd_identity_find("Host"));
}

int main(void)
{
	WD_TEST(options_are_told_in_order);
	WD_TEST(wrong_options_are_named);
	WD_TEST(times_have_units);
	WD_TEST(every_reason_has_a_name_that_finds_it);
	WD_TEST(words_and_numbers_go_both_ways);
	return wd_tests_end();
}
