/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why.c - `warder why`: what happens to a new flow, who decides it, by which
 * rule. The exit code is the verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../base/target.h"
#include "../model/xalloc.h"
#include "../query/asof.h"
#include "../query/inquiry.h"
#include "../query/yaml_text.h"
#include "cmd.h"
#include "why_stages.h"

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

/* What each says that was asked, where they do not agree. */
static void print_drift(struct json_object *hook)
{
	static const char *const who[][2] = {
		{ "objects", "the objects say" },
		{ "table", "the agent wrote" },
		{ "kernel", "the kernel's maps say" },
	};

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		struct json_object *said = wd_json_get(hook, who[i][0]);

		if (said)
			wd_print(stdout, "  %-7s  DRIFT: %s %s: %s\n", "",
				 who[i][1], wd_json_get_str(said, "verdict"),
				 wd_json_get_str(said, "reason"));
	}
}

static void print_hook(struct json_object *hook)
{
	const char *where = wd_json_get_str(hook, "where");
	const char *node = wd_json_get_str(hook, "node");
	const char *dir = wd_json_get_str(hook, "direction");
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
	if (wd_json_get_bool(hook, "drift"))
		print_drift(hook);
}

static void print_service(struct json_object *doc)
{
	struct json_object *service = wd_json_get(doc, "service");
	long long backends = wd_json_get_int(service, "backends");
	long long allowed = wd_json_get_int(service, "allowed");
	long long denied = wd_json_get_int(service, "denied");
	bool late = wd_json_get_bool(service, "late");

	if (!service)
		return;
	if (!*wd_json_get_str(service, "name")) {
		wd_show_line("service",
			     "one, perhaps: there are more than the table has "
			     "room for%s",
			     late ? ", judged after translation" : "");
		return;
	}
	wd_show_line("service", "%s/%s, which leads to %lld backend%s%s",
		     wd_json_get_str(service, "namespace"),
		     wd_json_get_str(service, "name"), backends,
		     backends == 1 ? "" : "s",
		     late	   ? ", judged after translation" :
		     backends == 1 ? "" :
				     ": each must be allowed");
	if (denied)
		wd_show_line(
			"",
			"%lld of them denied at %s own hook, as %s port %lld",
			denied, denied == 1 ? "its" : "their",
			wd_json_get_str(service, "address"),
			(long long)wd_json_get_int(service, "port"));
	else if (late && backends)
		wd_show_line("", "%lld of them allowed, %s %s port %lld",
			     allowed, allowed ? "as" : "nor is",
			     wd_json_get_str(service, "address"),
			     (long long)wd_json_get_int(service, "port"));
	else if (backends)
		wd_show_line("", "decided by %s port %lld",
			     wd_json_get_str(service, "address"),
			     (long long)wd_json_get_int(service, "port"));
}

/* "to allow", once for each hook that would have to. */
static void print_fixes(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "fixes"); i++) {
		struct json_object *fix = wd_json_at(doc, "fixes", i);
		char label[16];

		snprintf(label, sizeof(label), "to %s",
			 wd_json_get_str(fix, "to"));
		wd_show_line(label, "at %s: %s",
			     wd_json_get_str(fix, "direction"),
			     wd_json_get_str(fix, "text"));
	}
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
	if (wd_json_get_bool(doc, "sender_is_told"))
		wd_show_line("answer", "%s",
			     !strcmp(proto, "tcp") ?
				     "a reset" :
				     "an ICMP error: prohibited");
	print_rule(doc);
	print_fixes(doc);
	wd_stages_print_flows(doc);
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
	if (*wd_json_get_str(doc, "as_of"))
		wd_show_line("as of", "%s, no kernel was asked",
			     wd_json_get_str(doc, "as_of"));
	else
		wd_show_line("generation", "%lld, rung %s, asked: the %s",
			     (long long)wd_json_get_int(doc, "generation"),
			     wd_json_get_str(doc, "rung"),
			     wd_json_get_str(doc, "answered_by"));
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

static struct json_object *request(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("why");

	wd_json_str(req, "from", args->argv[0]);
	wd_json_str(req, "to", args->argv[1]);
	wd_json_str(req, "ask", wd_args_get(args, "from"));
	wd_json_int(req, "family",
		    wd_args_has(args, "ipv4") ? 4 :
		    wd_args_has(args, "ipv6") ? 6 :
						0);
	return req;
}

/* ---- of manifests ---- */

static void warn_unasked(const struct wd_asof *asof, struct json_object *doc)
{
	uint32_t cnt = wd_asof_unasked(asof);
	char *text = NULL;

	if (!cnt)
		return;
	wd_format(&text,
		  "the service leads to %u more pod%s that %s not asked: too "
		  "many for one question",
		  cnt, cnt == 1 ? "" : "s", cnt == 1 ? "is" : "are");
	wd_json_push_str(wd_json_get(doc, "warnings"), text);
	free(text);
}

static void warn_problems(const struct wd_asof *asof, struct json_object *doc)
{
	uint32_t cnt = wd_asof_problems(asof);
	char *text = NULL;

	if (!cnt)
		return;
	wd_format(&text,
		  "%u problem%s in the manifests, which `warder policy check` "
		  "tells: not all is enforced as it is written",
		  cnt, cnt == 1 ? "" : "s");
	wd_json_push_str(wd_json_get(doc, "warnings"), text);
	free(text);
}

static int ask_world(const struct wd_args *args, const struct wd_asof *asof,
		     struct json_object **ret_doc)
{
	struct json_object *req = request(args);
	struct wd_refusal refusal;
	int code = WD_EXIT_OK;

	*ret_doc = wd_inquire(wd_asof_world(asof), req, &refusal);
	if (*ret_doc) {
		warn_problems(asof, *ret_doc);
		warn_unasked(asof, *ret_doc);
	} else {
		code = wd_cmd_fail(args, (enum wd_exit)refusal.code,
				   refusal.where, "%s", refusal.text);
	}
	free(refusal.where);
	free(refusal.text);
	json_object_put(req);
	return code;
}

#define DIRS_MAX 32

static int ask_manifests(const struct wd_args *args,
			 struct json_object **ret_doc)
{
	const char *dir[DIRS_MAX];
	struct wd_config config;
	struct wd_asof_opts of = {
		.dir = dir,
		.config = &config,
		.node = wd_args_get(args, "node"),
		.from = args->argv[0],
		.to = args->argv[1],
	};
	struct wd_asof *asof = NULL;
	char *error = NULL;
	int code = wd_cmd_config(args, &config), err;

	for (size_t i = 0; i < args->set_cnt && of.dir_cnt < DIRS_MAX; i++)
		if (!strcmp(args->set[i].name, "as-of-manifests"))
			dir[of.dir_cnt++] = args->set[i].value;
	err = code ? 0 : wd_asof_open(&of, &asof, &error);
	if (err)
		code = wd_cmd_fail(args, WD_EXIT_NO, dir[0], "%s",
				   error ?: wd_errno(err));
	if (!code)
		code = ask_world(args, asof, ret_doc);
	free(error);
	wd_asof_close(asof);
	wd_config_fini(&config);
	return code;
}

/* ---- the command ---- */

static int check_options(const struct wd_args *args)
{
	bool is_asof = wd_args_has(args, "as-of-manifests");
	const char *from = wd_args_get(args, "from");

	if (from && strcmp(from, "kernel") != 0 && strcmp(from, "model") != 0)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--from",
				   "'%s' is neither kernel nor model", from);
	if (from && is_asof)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--from",
				   "there is no kernel to ask with "
				   "--as-of-manifests");

	if (wd_args_has(args, "ipv4") && wd_args_has(args, "ipv6"))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "",
				   "-4 and -6 exclude each other");
	if (!is_asof &&
	    (wd_args_has(args, "config") || wd_args_has(args, "node")))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "",
				   "--config and --node are for "
				   "--as-of-manifests; the agent has its own");
	return check_words(args);
}

/* ---- --suggest ---- */

/* What it says stands before it, so that nobody applies it unread. */
static void print_manifest(struct json_object *fix,
			   struct json_object *manifest)
{
	wd_print(stdout, "# to %s at %s: %s\n", wd_json_get_str(fix, "to"),
		 wd_json_get_str(fix, "direction"),
		 wd_json_get_str(fix, "text"));
	wd_yaml_print(stdout, manifest);
}

static int suggest(const struct wd_args *args, struct json_object *result)
{
	int printed = 0, code = WD_EXIT_OK;

	for (size_t i = 0; i < wd_json_len(result, "fixes"); i++) {
		struct json_object *fix = wd_json_at(result, "fixes", i);
		struct json_object *manifest = wd_json_get(fix, "manifest");

		if (!manifest)
			continue;
		if (printed++)
			puts("---");
		print_manifest(fix, manifest);
	}
	if (!printed)
		code = wd_cmd_fail(
			args, WD_EXIT_NO, "suggest",
			"no NetworkPolicy changes that: %s",
			wd_json_get_str(wd_json_at(result, "fixes", 0),
					"text"));
	json_object_put(result);
	return code;
}

static void print_answer(const struct wd_args *args, struct json_object *doc)
{
	print_verdict(doc);
	if (wd_args_has(args, "stages"))
		wd_stages_print(doc);
}

static int cmd_why(const struct wd_args *args)
{
	struct json_object *result = NULL;
	int code = check_options(args);

	if (!code)
		code = wd_args_has(args, "as-of-manifests") ?
			       ask_manifests(args, &result) :
			       wd_cmd_ask(args, request(args),
					  WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	if (wd_args_has(args, "suggest") && !args->json)
		return suggest(args, result);
	wd_stages_flows(result);
	if (args->json)
		wd_cmd_json(result);
	else
		print_answer(args, result);
	code = strcmp(wd_json_get_str(result, "verdict"), "drop") != 0 ?
		       WD_EXIT_OK :
		       WD_EXIT_NO;
	json_object_put(result);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "ipv4", .key = '4', .help = "ask about IPv4 only" },
	{ .name = "ipv6", .key = '6', .help = "ask about IPv6 only" },
	{ .name = "from",
	  .arg = "kernel|model",
	  .help = "whose word counts: the kernel's maps (default), or the objects" },
	{ .name = "suggest",
	  .help = "print the NetworkPolicy that changes it, and nothing else" },
	{ .name = "stages",
	  .help = "also each step of each hook, and the rules it looked at in their\n"
		  "order" },
	{ .name = "as-of-manifests",
	  .arg = "DIR",
	  .help = "what would happen in a cluster of these objects (repeatable)" },
	{ .name = "config",
	  .arg = "FILE",
	  .help = "with --as-of-manifests: the agent's, for its defaults" },
	{ .name = "node",
	  .arg = "NAME",
	  .help = "with --as-of-manifests: the node that `host` is" },
	{},
};

const struct wd_cmd wd_cmd_why = {
	.object = "why",
	.args = "FROM TO[:PORT[/PROTO]]",
	.min = 2,
	.max = 2,
	.summary = "what happens to a new flow, and by which rule",
	.text = "FROM and TO are NS/POD, CLUSTER/NS/POD (a pod of another "
		"cluster), an address or\n`host` (this node's own sockets). "
		"An IPv6 address with a port stands in brackets.\n"
		"PORT is a number or the name of a port of TO; PROTO is tcp "
		"(default), udp, sctp,\nicmp or a number. Without PORT the "
		"question is about an\nICMP echo request; other types stand for "
		"the port, with a code or without:\nNS/POD:Timestamp/icmp, "
		"NS/POD:13.1/icmp. Protocols without ports leave it out:\n"
		"NS/POD:/47. Exit code 0: passes (also in audit mode), 1: is "
		"dropped.\n\n"
		"The verdict is what the kernel's maps say, found as the programs find it, where\n"
		"programs are in force; with --from model it is what the objects say. Both are\n"
		"asked in any case: where they differ, each is told, and the maps are checked,\n"
		"repaired and counted as drift.\n\n"
		"The answer says what to change to allow what is dropped, or to deny "
		"what passes. With\n--suggest a NetworkPolicy that does it is printed, "
		"ready for `kubectl apply -f -`; the\nexit code then is 0 if there is "
		"one.\n\n"
		"Asked is what becomes of a new flow. Where flows between the two at that port are\n"
		"there, or one ended that this would be an answer of, the line `flows` says so.\n\n"
		"With --as-of-manifests the question is about a cluster that need "
		"not run: no root and\nno agent is needed. Pods are where the "
		"objects say, with the addresses of their\nstatus, and both ends "
		"are judged. Services are taken for judged behind their\n"
		"translation.",
	.opts = opts,
	.fn = cmd_why,
};
