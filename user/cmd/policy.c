/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.c - `warder policy list|get`: policies as the agent read them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "cmd.h"

static void put_tier(struct wd_table *table, struct json_object *policy)
{
	const char *audit = wd_json_get_bool(policy, "audit") ? ", audit" : "";

	if (wd_json_get(policy, "priority"))
		wd_table_cell(table, "%s %lld%s",
			      wd_json_get_str(policy, "tier"),
			      (long long)wd_json_get_int(policy, "priority"),
			      audit);
	else
		wd_table_cell(table, "%s%s", wd_json_get_str(policy, "tier"),
			      audit);
}

static void print_list(struct json_object *doc)
{
	static const char *const head[] = {
		"POLICY",     "TIER",  "SUBJECT",   "ISOLATES", ">RULES",
		">ENDPOINTS", ">HITS", ">PROBLEMS", "FILE",	NULL,
	};
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "policies"); i++) {
		struct json_object *policy = wd_json_at(doc, "policies", i);
		char *isolates = wd_show_join(policy, "isolates", ",");
		long long rules;

		wd_table_cell(table, WD_SHOW_OBJECT_FMT,
			      WD_SHOW_OBJECT(policy));
		put_tier(table, policy);
		wd_table_cell(table, "%s", wd_json_get_str(policy, "subject"));
		wd_table_cell(table, "%s", isolates ?: "");
		rules = wd_json_get_int(policy, "ingress_rules") +
			wd_json_get_int(policy, "egress_rules");
		wd_table_cell(table, "%lld", rules);
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(policy, "endpoints"));
		if (wd_json_get(policy, "hits"))
			wd_table_cell(table, "%lld",
				      (long long)wd_json_get_int(policy,
								 "hits"));
		else
			wd_table_cell(table, "%s", "");
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(policy, "problems"));
		wd_table_cell(table, "%s:%lld", wd_json_get_str(policy, "file"),
			      (long long)wd_json_get_int(policy, "line"));
		free(isolates);
	}
	wd_table_print(table, stdout, "");
	if (!wd_json_len(doc, "policies"))
		puts("none: no source has told of a policy, so none isolates a pod");
}

static int cmd_policy_list(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("policy.list"),
			     WD_CMD_TIMEOUT_MS, print_list);
}

const struct wd_cmd wd_cmd_policy_list = {
	.object = "policy",
	.verb = "list",
	.summary =
		"every policy that was read, and how many pods here it selects",
	.text = "HITS are the packets that its rules decided about, and those of "
		"the flows they\nlet in; - where rules are not counted, as "
		"policy get tells of each.",
	.fn = cmd_policy_list,
};

/* ---- get ---- */

/* Packets, bytes, flows and the last hit; empty cells: not known. */
static void put_counts(struct wd_table *table, struct json_object *rule)
{
	static const char *const keys[] = { "packets", "bytes", "new_flows" };
	struct json_object *counts = wd_json_get(rule, "counts");
	const char *last = wd_json_get_str(counts, "last_hit");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (counts)
			wd_table_cell(table, "%lld",
				      (long long)wd_json_get_int(counts,
								 keys[i]));
		else
			wd_table_cell(table, "%s", "");
	}
	/* to the second: it is not known better */
	wd_table_cell(table, *last ? "%.19sZ" : "%s", last);
}

static void print_missing(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "rules"); i++) {
		struct json_object *rule = wd_json_at(doc, "rules", i);
		const char *why = wd_json_get_str(rule, "not_counted");

		if (*why)
			wd_print(stdout, "%s rule %lld: %s: %s\n",
				 wd_json_get_str(rule, "direction"),
				 (long long)wd_json_get_int(rule, "index"),
				 wd_json_get(rule, "counts") ?
					 "counted in part" :
					 "not counted",
				 why);
	}
}

static void print_rules(struct json_object *doc)
{
	static const char *const head[] = { "DIRECTION", ">RULE",    ">LINE",
					    "ACTION",	 ">PACKETS", ">BYTES",
					    ">FLOWS",	 "LAST HIT", "WHAT",
					    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "rules"); i++) {
		struct json_object *rule = wd_json_at(doc, "rules", i);
		const char *log;

		wd_table_cell(table, "%s", wd_json_get_str(rule, "direction"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(rule, "index"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(rule, "line"));
		wd_table_cell(table, "%s", wd_json_get_str(rule, "action"));
		put_counts(table, rule);
		log = wd_json_get_str(rule, "log");
		wd_table_cell(table, *log ? "%s, logged as \"%s\"" : "%s",
			      wd_json_get_str(rule, "text"), log);
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
	print_missing(doc);
}

static void print_in_force(struct json_object *doc)
{
	const char *version = wd_json_get_str(doc, "version");

	wd_show_line("in force", "%s, generation %lld on %s%s%s",
		     wd_json_get_bool(doc, "in_force") ?
			     "yes" :
			     "not yet as read; what was in force stays",
		     (long long)wd_json_get_int(doc, "generation"),
		     wd_json_get_str(doc, "node"),
		     *version ? ", the server's up to resourceVersion " : "",
		     version);
}

static void print_policy(struct json_object *doc)
{
	const char *subject = wd_json_get_str(doc, "subject");

	wd_show_line("policy", WD_SHOW_OBJECT_FMT, WD_SHOW_OBJECT(doc));
	wd_show_line("read from", "%s:%lld", wd_json_get_str(doc, "file"),
		     (long long)wd_json_get_int(doc, "line"));
	if (wd_json_get_bool(doc, "audit"))
		wd_show_line(
			"mode",
			"audit: judged and told of, but not enforced (warder.io/audit)");
	wd_show_line("subject", "%s%s",
		     strncmp(subject, "nodes ", 6) ? "pods " : "",
		     *subject ? subject :
				"*: its selector was not understood, so every "
				"pod of the namespace is isolated");
	if (wd_json_get(doc, "host"))
		wd_show_line("this node", "%s", wd_json_get_str(doc, "host"));
	wd_show_line_free("isolates", wd_show_join(doc, "isolates", ", "));
	wd_show_line_free("selects here", wd_show_join(doc, "selected", ", "));
	print_in_force(doc);
	for (size_t i = 0; i < wd_json_len(doc, "problems"); i++) {
		fputs("problem         ", stdout);
		wd_show_problem(stdout, wd_json_at(doc, "problems", i));
	}
	print_rules(doc);
}

static int cmd_policy_get(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("policy.get");

	wd_json_str(req, "name", args->argv[0]);
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_policy);
}

const struct wd_cmd wd_cmd_policy_get = {
	.object = "policy",
	.verb = "get",
	.args = "KIND/NS/NAME",
	.min = 1,
	.max = 1,
	.summary = "one of them: rules, pods it selects, problems",
	.text = "KIND as in kubectl, NetworkPolicy or netpol; NS/NAME alone "
		"will do. Kinds\nwithout a namespace are KIND/NAME, as "
		"anp/isolate-tenants.",
	.fn = cmd_policy_get,
};

/* ---- confirm ---- */

static int cmd_policy_confirm(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("policy.confirm");
	struct json_object *result = NULL;
	struct json_object *host;
	int code;

	wd_json_bool(req, "again", wd_args_has(args, "again"));
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	host = wd_json_get(result, "host");
	if (args->json)
		wd_cmd_json(result);
	else if (wd_args_has(args, "again"))
		printf("tried once more: taken back in %lld s unless confirmed\n",
		       (long long)wd_json_get_int(host, "seconds_left"));
	else
		puts("confirmed");
	json_object_put(result);
	return WD_EXIT_OK;
}

static const struct wd_opt confirm_opts[] = {
	{ .name = "again",
	  .help = "try once more what was taken back, instead" },
	{},
};

const struct wd_cmd wd_cmd_policy_confirm = {
	.object = "policy",
	.verb = "confirm",
	.summary = "keep the policies about this node that are tried now",
	.text = "Policies with a nodeSelector are taken back after a time unless "
		"somebody who\nstill gets to the node says that they stay.",
	.opts = confirm_opts,
	.fn = cmd_policy_confirm,
};
