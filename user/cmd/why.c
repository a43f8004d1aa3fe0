/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why.c - `warder why`: what happens to a new flow, who decides it, by which
 * rule. The exit code is the verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../json.h"
#include "../table.h"
#include "../target.h"
#include "cmd.h"

static char *end_text(struct json_object *end)
{
	const char *ns = wd_json_get_str(end, "namespace");
	const char *name = wd_json_get_str(end, "name");
	char *identity = wd_show_identity(end, "identity"), *text = NULL;

	wd_format(&text, "%s%s%s%s%s, identity %s", ns, *ns ? "/" : "", name,
		  *name ? " " : "", wd_json_get_str(end, "address"),
		  identity ?: "");
	free(identity);
	return text;
}

static void print_end(const char *label, struct json_object *end)
{
	char *labels = wd_show_labels(end, "labels");

	wd_show_line_free(label, end_text(end));
	if (labels && *labels)
		wd_show_line("", "labels %s", labels);
	free(labels);
}

static void print_rule(struct json_object *decision)
{
	struct json_object *rule = wd_json_get(decision, "rule");

	const char *action = rule ? wd_json_get_str(rule, "action") : "";

	if (*action && strcmp(action, "isolate") != 0) {
		bool denies = strcmp(action, "allow") != 0;

		wd_show_line("rule", WD_SHOW_OBJECT_FMT " %s[%lld], %s:%lld",
			     WD_SHOW_OBJECT(rule),
			     wd_json_get_str(rule, "direction"),
			     (long long)wd_json_get_int(rule, "index"),
			     wd_json_get_str(rule, "file"),
			     (long long)wd_json_get_int(rule, "line"));
		wd_show_line("", "%s %s", denies ? "denies" : "allows",
			     wd_json_get_str(rule, "text"));
		if (*wd_json_get_str(rule, "log"))
			wd_show_line("", "logged as \"%s\"",
				     wd_json_get_str(rule, "log"));
	}
	if (wd_json_len(decision, "isolated_by"))
		wd_show_line_free("isolated by",
				  wd_show_policies(decision, "isolated_by"));
}

static void print_hook(struct json_object *hook)
{
	const char *where = wd_json_get_str(hook, "where");
	const char *node = wd_json_get_str(hook, "node");
	const char *dir = wd_json_get_str(hook, "direction");
	/* of a service's backend only the address is asked for */
	const char *on = wd_json_get_str(hook, "interface");

	if (!strcmp(where, "here"))
		wd_print(stdout, "  %-7s  %s: %s (%s)%s%s\n", dir,
			 wd_json_get_str(hook, "verdict"),
			 wd_json_get_str(hook, "reason"),
			 wd_json_get_str(hook, "help"), *on ? " on " : "", on);
	else if (!strcmp(where, "elsewhere"))
		wd_print(stdout,
			 "  %-7s  not on this node: ask the agent of %s\n", dir,
			 *node ? node : "(not scheduled)");
	else if (!strcmp(where, "missing"))
		wd_print(stdout,
			 "  %-7s  NOT GUARDED: a pod of this node without a "
			 "known interface\n",
			 dir);
	else
		wd_print(stdout, "  %-7s  not a pod: no hook\n", dir);
	if (wd_json_get_bool(hook, "drift")) {
		struct json_object *table = wd_json_get(hook, "table");

		wd_print(stdout,
			 "  %-7s  DRIFT: the programs' tables say %s: %s\n", "",
			 wd_json_get_str(table, "verdict"),
			 wd_json_get_str(table, "reason"));
	}
}

static void print_service(struct json_object *doc)
{
	struct json_object *service = wd_json_get(doc, "service");
	long long backends = wd_json_get_int(service, "backends");
	bool late = wd_json_get_bool(service, "late");

	if (!service)
		return;
	wd_show_line("service", "%s/%s, which leads to %lld backend%s%s",
		     wd_json_get_str(service, "namespace"),
		     wd_json_get_str(service, "name"), backends,
		     backends == 1 ? "" : "s",
		     late	   ? ", judged after translation" :
		     backends == 1 ? "" :
				     ": each must be allowed");
	if (late && backends)
		wd_show_line("", "%lld of them allowed, as %s port %lld",
			     (long long)wd_json_get_int(service, "allowed"),
			     wd_json_get_str(service, "address"),
			     (long long)wd_json_get_int(service, "port"));
	else if (backends)
		wd_show_line("", "decided by %s port %lld",
			     wd_json_get_str(service, "address"),
			     (long long)wd_json_get_int(service, "port"));
}

static void print_verdict(struct json_object *doc)
{
	const char *dir = wd_json_get_str(doc, "direction");
	const char *proto = wd_json_get_str(doc, "proto");
	const char *icmp = wd_json_get_str(doc, "icmp_name");
	char number[16];

	snprintf(number, sizeof(number), "%d",
		 (int)wd_json_get_int(doc, "proto_number"));
	for (size_t i = 0; i < wd_json_len(doc, "warnings"); i++)
		wd_print(
			stdout, "WARNING: %s\n",
			json_object_get_string(wd_json_at(doc, "warnings", i)));
	wd_show_line("verdict", "%s%s%s", wd_json_get_str(doc, "verdict"),
		     *dir ? ", decided at " : "", dir);
	wd_show_line("reason", "%s: %s", wd_json_get_str(doc, "reason"),
		     wd_json_get_str(doc, "help"));
	if (wd_json_get_bool(doc, "on_trial"))
		wd_show_line("on trial",
			     "only what is not enforced would drop it");
	print_rule(doc);
	if (wd_json_get(doc, "icmp_type"))
		wd_show_line("traffic", "%s type %lld code %lld%s%s", proto,
			     (long long)wd_json_get_int(doc, "icmp_type"),
			     (long long)wd_json_get_int(doc, "icmp_code"),
			     *icmp ? ", " : "", icmp);
	else if (wd_json_get(doc, "port"))
		wd_show_line("traffic", "%s port %lld", *proto ? proto : number,
			     (long long)wd_json_get_int(doc, "port"));
	else
		wd_show_line("traffic", "%s%s", *proto ? "" : "protocol ",
			     *proto ? proto : number);
	print_end("from", wd_json_get(doc, "from"));
	print_end("to", wd_json_get(doc, "to"));
	print_service(doc);
	wd_show_line("encryption", "%s", wd_json_get_str(doc, "encryption"));
	wd_show_line("generation", "%lld, rung %s",
		     (long long)wd_json_get_int(doc, "generation"),
		     wd_json_get_str(doc, "rung"));
	if (!wd_json_len(doc, "hooks"))
		return;
	puts("hooks");
	for (size_t i = 0; i < wd_json_len(doc, "hooks"); i++)
		print_hook(wd_json_at(doc, "hooks", i));
}

/* What the agent would refuse is refused without asking it. */
static int check_words(const struct wd_args *args)
{
	struct wd_target target;
	char *why = NULL;
	int code = WD_EXIT_OK;

	if (wd_target_from(args->argv[0], &target, &why))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "FROM", "%s",
				   why ?: "");
	else if (wd_target_to(args->argv[1], &target, &why))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "TO", "%s", why ?: "");
	free(why);
	return code;
}

static int cmd_why(const struct wd_args *args)
{
	bool only4 = wd_args_has(args, "ipv4"),
	     only6 = wd_args_has(args, "ipv6");
	struct json_object *req, *result = NULL;
	int code = check_words(args);

	if (code)
		return code;
	if (only4 && only6)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "",
				   "-4 and -6 exclude each other");
	req = wd_cmd_request("why");
	wd_json_str(req, "from", args->argv[0]);
	wd_json_str(req, "to", args->argv[1]);
	wd_json_int(req, "family", only4 ? 4 : only6 ? 6 : 0);
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	if (args->json)
		wd_cmd_json(result);
	else
		print_verdict(result);
	code = strcmp(wd_json_get_str(result, "verdict"), "drop") != 0 ?
		       WD_EXIT_OK :
		       WD_EXIT_NO;
	json_object_put(result);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "ipv4", .key = '4', .help = "ask about IPv4 only" },
	{ .name = "ipv6", .key = '6', .help = "ask about IPv6 only" },
	{},
};

const struct wd_cmd wd_cmd_why = {
	.object = "why",
	.args = "FROM TO[:PORT[/PROTO]]",
	.min = 2,
	.max = 2,
	.summary = "what happens to a new flow, and by which rule",
	.text = "FROM and TO are NS/POD, an address or `host` (this node's own "
		"sockets). An IPv6\naddress with a port stands in brackets. "
		"PORT is a number or the name of a port of TO;\nPROTO is tcp "
		"(default), udp, sctp, icmp or a number. Without PORT the "
		"question is about an\nICMP echo request; other types stand for "
		"the port, with a code or without:\nNS/POD:Timestamp/icmp, "
		"NS/POD:13.1/icmp. Protocols without ports leave it out:\n"
		"NS/POD:/47. Exit code 0: passes (also in audit mode), 1: is "
		"dropped.",
	.opts = opts,
	.fn = cmd_why,
};
