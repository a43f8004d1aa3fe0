/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor.c - `warder monitor`: verdicts as they happen, one a line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ctl.h"
#include "../json.h"
#include "../names.h"
#include "../table.h"
#include "cmd.h"

/* "ns/pod (10.0.0.1:80, 256)", as much of it as is known. */
static char *side_text(struct json_object *side)
{
	const char *ns = wd_json_get_str(side, "namespace");
	const char *name = wd_json_get_str(side, "name");
	const char *addr = wd_json_get_str(side, "address");
	const char *identity = wd_json_get_str(side, "identity_name");
	bool v6 = strchr(addr, ':') != NULL;
	char port[16] = "", *text = NULL;

	if (wd_json_get(side, "port"))
		snprintf(port, sizeof(port), ":%d",
			 (int)wd_json_get_int(side, "port"));
	else
		v6 = false; /* brackets only where they are needed */
	wd_format(&text, "%s%s%s (%s%s%s%s%s%lld)", ns, *ns ? "/" : "",
		  *name	    ? name :
		  *identity ? identity :
			      "unknown",
		  v6 ? "[" : "", addr, v6 ? "]" : "", port, *addr ? ", " : "",
		  (long long)wd_json_get_int(side, "identity"));
	return text;
}

static char *proto_text(struct json_object *event)
{
	char *text = NULL;

	if (*wd_json_get_str(event, "ethertype"))
		wd_format(&text, "ethertype %s",
			  wd_json_get_str(event, "ethertype"));
	else if (wd_json_get(event, "icmp_type"))
		wd_format(&text, "%s %d/%d", wd_json_get_str(event, "proto"),
			  (int)wd_json_get_int(event, "icmp_type"),
			  (int)wd_json_get_int(event, "icmp_code"));
	else
		wd_format(&text, "%s", wd_json_get_str(event, "proto"));
	return text;
}

void wd_show_event(struct json_object *event)
{
	struct json_object *rule = wd_json_get(event, "rule");
	char *from = side_text(wd_json_get(event, "from"));
	char *to = side_text(wd_json_get(event, "to"));
	char *proto = proto_text(event);
	const char *time = strchr(wd_json_get_str(event, "time"), 'T');

	wd_print(stdout, "%.15s  %-7s  %-5s  %-14s  %s -> %s %s",
		 time ? time + 1 : "", wd_json_get_str(event, "direction"),
		 wd_json_get_str(event, "verdict"),
		 wd_json_get_str(event, "reason"), from ?: "", to ?: "",
		 proto ?: "");
	if (rule)
		wd_print(stdout, "  by " WD_SHOW_OBJECT_FMT " %s[%lld]",
			 WD_SHOW_OBJECT(rule),
			 wd_json_get_str(rule, "direction"),
			 (long long)wd_json_get_int(rule, "index"));
	if (rule && *wd_json_get_str(rule, "log"))
		wd_print(stdout, " \"%s\"", wd_json_get_str(rule, "log"));
	putchar('\n');
	free(from);
	free(to);
	free(proto);
}

struct watching {
	const struct wd_args *args;
	int code; /* the agent's refusal */
};

/* A refusal comes as the whole answer instead of an event. */
static int take_refusal(struct watching *watching, struct json_object *answer)
{
	int code = (int)wd_json_get_int(answer, "code");

	watching->code =
		wd_cmd_fail(watching->args,
			    code == WD_EXIT_USAGE ? WD_EXIT_USAGE : WD_EXIT_NO,
			    wd_json_get_str(answer, "where"), "%s",
			    wd_json_get_str(answer, "error"));
	return 1;
}

static int take_event(void *ctx, struct json_object *event)
{
	struct watching *watching = ctx;

	if (wd_json_get(event, "ok"))
		return take_refusal(watching, event);
	if (watching->args->json)
		puts(json_object_to_json_string_ext(
			event, JSON_C_TO_STRING_PLAIN |
				       JSON_C_TO_STRING_NOSLASHESCAPE));
	else if (wd_json_get(event, "lost"))
		wd_print(stdout, "%lld events lost: %s\n",
			 (long long)wd_json_get_int(event, "lost"),
			 wd_json_get_str(event, "cause"));
	else if (wd_json_get(event, "agent"))
		wd_show_happened(event);
	else
		wd_show_event(event);
	/* Who reads a pipe wants it now; a closed pipe ends the command. */
	return fflush(stdout) ? -1 : 0;
}

static int cmd_monitor(const struct wd_args *args)
{
	const char *reason = wd_args_get(args, "reason");
	const char *pod = wd_args_get(args, "pod");
	struct watching watching = { .args = args };
	struct json_object *req;
	int err;

	if (reason && wd_reason_find(reason) < 0)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--reason",
				   "'%s' is no reason; `warder help monitor` "
				   "lists them",
				   reason);
	if (wd_args_has(args, "agent") &&
	    (wd_args_has(args, "drops") || reason || pod))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--agent",
				   "shows no packets: leave the other out");
	req = wd_cmd_request("monitor");
	wd_json_bool(req, "agent", wd_args_has(args, "agent"));
	wd_json_bool(req, "drops", wd_args_has(args, "drops"));
	if (pod)
		wd_json_str(req, "pod", pod);
	if (reason)
		wd_json_str(req, "reason", reason);
	err = wd_ctl_stream(args->run_dir, req, take_event, &watching);
	json_object_put(req);
	if (watching.code)
		return watching.code;
	if (err == -EPROTO || err == -ECONNRESET)
		return wd_cmd_fail(args, WD_EXIT_NO_AGENT, args->run_dir,
				   "the agent ended");
	return err ? wd_cmd_lost(args, err) : WD_EXIT_OK;
}

#define REASON_LINE(name, nr, drop, help) "\n  " #name ": " help

static const struct wd_opt opts[] = {
	{ .name = "agent",
	  .help = "no packets, only what happens to the agent; on any rung" },
	{ .name = "drops",
	  .help = "only what is dropped, or would be (audit)" },
	{ .name = "pod", .arg = "NS/POD", .help = "only traffic of this pod" },
	{ .name = "reason", .arg = "REASON", .help = "only this reason" },
	{},
};

const struct wd_cmd wd_cmd_monitor = {
	.object = "monitor",
	.summary = "verdicts as they happen, until interrupted",
	.text = "Shows new flows and every drop; packets of flows already "
		"allowed are not shown. What\ncould not be shown is counted and "
		"told. So is what happens to the agent: another rung,\nfindings of WireGuard, "
		"a wire unguarded, drift, objects that are not enforced as\nwritten, sources "
		"that are lost; where packets are chosen, only another rung. With\n"
		"--json one object a line. `warder status --events` has the last 100 of these.\n\n"
		"Reasons:" WD_REASONS(REASON_LINE),
	.opts = opts,
	.fn = cmd_monitor,
};
