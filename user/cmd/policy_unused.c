/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy_unused.c - `warder policy unused`: rules that decided about nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/json.h"
#include "../base/since.h"
#include "../base/table.h"
#include "cmd.h"

static void put_rule(struct wd_table *table, struct json_object *rule)
{
	wd_table_cell(table, WD_SHOW_OBJECT_FMT, WD_SHOW_OBJECT(rule));
	wd_table_cell(table, "%s", wd_json_get_str(rule, "direction"));
	wd_table_cell(table, "%lld", (long long)wd_json_get_int(rule, "index"));
	wd_table_cell(table, "%s:%lld", wd_json_get_str(rule, "file"),
		      (long long)wd_json_get_int(rule, "line"));
}

static void print_unused(struct json_object *doc)
{
	static const char *const head[] = { "POLICY", "DIRECTION",    ">RULE",
					    "FILE",   "NO HIT SINCE", "WHAT",
					    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "unused"); i++) {
		struct json_object *rule = wd_json_at(doc, "unused", i);
		struct json_object *counts = wd_json_get(rule, "counts");
		const char *last = wd_json_get_str(counts, "last_hit");

		if (!*last)
			last = wd_json_get_str(counts, "no_hit_since");
		put_rule(table, rule);
		wd_table_cell(table, *last ? "%.19sZ" : "%s", last);
		wd_table_cell(table, "%s %s", wd_json_get_str(rule, "action"),
			      wd_json_get_str(rule, "text"));
	}
	wd_table_print(table, stdout, "");
}

static void print_unknown(struct json_object *doc)
{
	static const char *const head[] = { "NOT KNOWN", "DIRECTION", ">RULE",
					    "FILE",	 "WHY",	      NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "not_known"); i++) {
		struct json_object *rule = wd_json_at(doc, "not_known", i);

		put_rule(table, rule);
		wd_table_cell(table, "%s",
			      wd_json_get_str(rule, "not_counted"));
	}
	wd_table_print(table, stdout, "");
}

static void print_all(struct json_object *doc)
{
	size_t unused = wd_json_len(doc, "unused");
	size_t unknown = wd_json_len(doc, "not_known");
	long long rules = (long long)wd_json_get_int(doc, "rules");

	if (unused)
		print_unused(doc);
	if (unused && unknown)
		putchar('\n');
	if (unknown)
		print_unknown(doc);
	if (unused || unknown)
		putchar('\n');
	printf("%lld rule%s: %zu unused, %zu not known\n", rules,
	       rules == 1 ? "" : "s", unused, unknown);
}

static int cmd_policy_unused(const struct wd_args *args)
{
	const char *since = wd_args_get(args, "since");
	struct json_object *req;
	struct json_object *result = NULL;
	int64_t since_s = 0;
	int code;

	if (since && wd_since_parse(since, time(NULL), &since_s))
		return wd_cmd_fail(
			args, WD_EXIT_USAGE, "--since",
			"'%s' is no time as 15m, 24h, 7d or YYYY-MM-DD, or not past",
			since);
	req = wd_cmd_request("policy.unused");
	wd_json_int(req, "since_ms", since_s * 1000);
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	if (args->json)
		wd_cmd_json(result);
	else
		print_all(result);
	json_object_put(result);
	return WD_EXIT_OK;
}

static const struct wd_opt unused_opts[] = {
	{ .name = "since",
	  .arg = "TIME",
	  .help = "without a hit since then: 90m, 24h, 7d, YYYY-MM-DD" },
	{},
};

const struct wd_cmd wd_cmd_policy_unused = {
	.object = "policy",
	.verb = "unused",
	.summary = "rules that decided about no packet on this node",
	.text = "Since they are counted, or since a time. Rules are counted by "
		"the programs of\nrungs full and compat, through restarts of the "
		"agent, as long as they stand at\nthe same place of the same policy; "
		"rules for the node itself by its own program.\nThose that are not "
		"counted, or not for so long, are listed as not known, with\nwhy; so "
		"are those that were not counted, or not in full, for a part of the "
		"time,\nin this boot. Other nodes have counters of their own.",
	.opts = unused_opts,
	.fn = cmd_policy_unused,
};
