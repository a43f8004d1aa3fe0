/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor.c - `warder monitor`: verdicts as they happen, one a line.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/choice.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/table.h"
#include "../events/hubble.h"
#include "../events/pcapng.h"
#include "../query/ctl.h"
#include "cmd.h"
#include "monitor_sum.h"

#define IDLE_MS 200 /* how late it may be that a time is over */

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

/* The first one, for a line is short. */
static void show_isolated(struct json_object *event)
{
	size_t cnt = wd_json_len(event, "isolated_by");
	struct json_object *first;

	if (!cnt)
		return;
	first = wd_json_at(event, "isolated_by", 0);
	wd_print(stdout, "  isolated by " WD_SHOW_OBJECT_FMT,
		 WD_SHOW_OBJECT(first));
	if (cnt > 1)
		wd_print(stdout, " and %zu more", cnt - 1);
}

/* It stands for others. */
static void show_more(struct json_object *event)
{
	long long more = (long long)wd_json_get_int(event, "more");
	const char *since = strchr(wd_json_get_str(event, "since"), 'T');

	if (more)
		wd_print(stdout, "  %lld more since %.15s", more,
			 since ? since + 1 : "");
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
	if (wd_json_get_bool(event, "sender_is_told"))
		wd_print(stdout, "  told");
	if (rule)
		wd_print(stdout, "  by " WD_SHOW_OBJECT_FMT " %s[%lld]",
			 WD_SHOW_OBJECT(rule),
			 wd_json_get_str(rule, "direction"),
			 (long long)wd_json_get_int(rule, "index"));
	show_isolated(event);
	if (rule && *wd_json_get_str(rule, "log"))
		wd_print(stdout, " \"%s\"", wd_json_get_str(rule, "log"));
	show_more(event);
	putchar('\n');
	free(from);
	free(to);
	free(proto);
}

enum output { AS_TEXT, AS_JSON, AS_HUBBLE };

struct watching {
	const struct wd_args *args;
	enum output output;
	FILE *capture; /* NULL: none is written */
	struct wd_pcapng pcapng;
	struct wd_sums *sums; /* NULL: each event is shown */
	bool quiet; /* the capture goes where the lines would */
	uint32_t left; /* packets to be shown before it ends; 0 no end */
	int code; /* what it failed with, already said */
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

static void print_json(struct json_object *doc)
{
	puts(json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* What happens to the agent is nothing that Hubble has a flow for. */
static void print_hubble(struct json_object *event)
{
	struct json_object *doc = NULL;
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	if (wd_json_get(event, "lost")) {
		gmtime_r(&now, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		doc = wd_hubble_lost(wd_json_get_int(event, "lost"), text);
	} else if (!wd_json_get(event, "agent")) {
		doc = wd_hubble_flow(event);
	}
	if (doc)
		print_json(doc);
	json_object_put(doc);
}

static void print_text(struct json_object *event)
{
	if (wd_json_get(event, "lost"))
		wd_print(stdout, "%lld events lost: %s\n",
			 (long long)wd_json_get_int(event, "lost"),
			 wd_json_get_str(event, "cause"));
	else if (wd_json_get(event, "agent"))
		wd_show_happened(event);
	else
		wd_show_event(event);
}

static void print_one(const struct watching *watching,
		      struct json_object *event)
{
	switch (watching->output) {
	case AS_JSON:
		print_json(event);
		return;
	case AS_HUBBLE:
		print_hubble(event);
		return;
	case AS_TEXT:
		print_text(event);
	}
}

static int capture(struct watching *watching, struct json_object *event)
{
	int err = wd_pcapng_event(&watching->pcapng, event);

	if (!err)
		return 0;
	watching->code = wd_cmd_fail(watching->args, WD_EXIT_NO,
				     wd_args_get(watching->args, "pcap"),
				     "cannot be written: %s", wd_errno(err));
	return 1;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* Numbers that were not shown yet are, before it ends. */
static void end_by_hand(void)
{
	struct sigaction act = { .sa_handler = interrupt };

	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
}

static void print_sums(const struct watching *watching, bool all)
{
	struct json_object *event;

	while (watching->sums && (event = wd_sums_due(watching->sums, all))) {
		print_one(watching, event);
		json_object_put(event);
	}
}

/* @event: NULL: none came for a moment */
static int take_event(void *ctx, struct json_object *event)
{
	struct watching *watching = ctx;
	bool packet = wd_json_get(event, "reason") != NULL;

	if (wd_json_get(event, "ok"))
		return take_refusal(watching, event);
	if (packet && watching->capture && capture(watching, event))
		return 1;
	print_sums(watching, false);
	if (event && !watching->quiet &&
	    (!packet || !watching->sums || wd_sums_add(watching->sums, event)))
		print_one(watching, event);
	/* Who reads a pipe wants it now; a closed pipe ends the command. */
	if (fflush(stdout))
		return -1;
	if (interrupted)
		return 1;
	if (!packet || !watching->left)
		return 0;
	return --watching->left == 0;
}

/* What is chosen, as the agent reads it. */
static struct json_object *request(const struct watching *watching)
{
	static const char *const words[] = { "pod",    "namespace", "identity",
					     "port",   "policy",    "reason",
					     "verdict" };
	const struct wd_args *args = watching->args;
	struct json_object *req = wd_cmd_request("monitor");

	wd_json_bool(req, "agent", wd_args_has(args, "agent"));
	wd_json_bool(req, "drops", wd_args_has(args, "drops"));
	wd_json_bool(req, "whole",
		     watching->output == AS_HUBBLE ||
			     wd_args_has(args, "pcap"));
	wd_json_bool(req, "isolated", watching->output == AS_TEXT);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (wd_args_has(args, words[i]))
			wd_json_str(req, words[i], wd_args_get(args, words[i]));
	return req;
}

/* Return: WD_EXIT_OK, or what was said. */
static int check_request(const struct wd_args *args, struct json_object *req)
{
	const char *where, *what;
	struct wd_choice choice;
	char option[32];

	if (!wd_choice_read(req, &choice, &where, &what)) {
		wd_choice_fini(&choice);
		return WD_EXIT_OK;
	}
	snprintf(option, sizeof(option), "--%s", where);
	if (!strcmp(where, "agent"))
		return wd_cmd_fail(args, WD_EXIT_USAGE, option, "%s", what);
	return wd_cmd_fail(args, WD_EXIT_USAGE, option, "'%s' %s",
			   wd_args_get(args, where), what);
}

static int read_output(struct watching *watching)
{
	const char *name = wd_args_get(watching->args, "output");

	watching->output = watching->args->json ? AS_JSON : AS_TEXT;
	if (!name)
		return WD_EXIT_OK;
	if (!strcmp(name, "hubble"))
		watching->output = AS_HUBBLE;
	else if (!strcmp(name, "json"))
		watching->output = AS_JSON;
	else if (strcmp(name, "text") != 0)
		return wd_cmd_fail(watching->args, WD_EXIT_USAGE, "--output",
				   "'%s' is none of text, json and hubble",
				   name);
	return WD_EXIT_OK;
}

static int read_count(struct watching *watching)
{
	const char *text = wd_args_get(watching->args, "count");
	char *end = NULL;
	unsigned long cnt;

	if (!text)
		return WD_EXIT_OK;
	cnt = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || !cnt || cnt > UINT32_MAX)
		return wd_cmd_fail(watching->args, WD_EXIT_USAGE, "--count",
				   "'%s' is no number above 0", text);
	watching->left = (uint32_t)cnt;
	return WD_EXIT_OK;
}

static int read_aggregate(struct watching *watching)
{
	const char *text = wd_args_get(watching->args, "aggregate");
	const char *pcap = wd_args_get(watching->args, "pcap");
	uint32_t ms;

	if (!text)
		return WD_EXIT_OK;
	if (wd_duration_parse(text, &ms) || !ms)
		return wd_cmd_fail(watching->args, WD_EXIT_USAGE, "--aggregate",
				   "'%s' is no time as 5s or 1m", text);
	if (watching->output == AS_HUBBLE || (pcap && !strcmp(pcap, "-")))
		return wd_cmd_fail(
			watching->args, WD_EXIT_USAGE, "--aggregate",
			"flows of Hubble and captures have no number for that");
	watching->sums = wd_sums_new(ms);
	end_by_hand();
	return WD_EXIT_OK;
}

static int open_capture(struct watching *watching)
{
	const char *path = wd_args_get(watching->args, "pcap");
	int err;

	if (!path)
		return WD_EXIT_OK;
	watching->quiet = !strcmp(path, "-");
	watching->capture = watching->quiet ? stdout : fopen(path, "we");
	err = watching->capture ?
		      wd_pcapng_begin(watching->capture, &watching->pcapng) :
		      -errno;
	if (!err)
		return WD_EXIT_OK;
	return wd_cmd_fail(watching->args, WD_EXIT_NO, path,
			   "cannot be written: %s", wd_errno(err));
}

/* Return: @code, or that the rest of the capture could not be written. */
static int close_capture(struct watching *watching, int code)
{
	wd_pcapng_end(&watching->pcapng);
	if (!watching->capture || watching->quiet ||
	    !fclose(watching->capture) || code)
		return code;
	return wd_cmd_fail(watching->args, WD_EXIT_NO,
			   wd_args_get(watching->args, "pcap"),
			   "cannot be written: %s", wd_errno(-errno));
}

static int watch(struct watching *watching, struct json_object *req)
{
	const struct wd_args *args = watching->args;
	int err = wd_ctl_stream(args->run_dir, req,
				watching->sums ? IDLE_MS : -1, take_event,
				watching);

	print_sums(watching, true);
	if (watching->code)
		return watching->code;
	if (err == -EPROTO || err == -ECONNRESET)
		return wd_cmd_fail(args, WD_EXIT_NO_AGENT, args->run_dir,
				   "the agent ended");
	return err ? wd_cmd_lost(args, err) : WD_EXIT_OK;
}

static int cmd_monitor(const struct wd_args *args)
{
	struct watching watching = { .args = args };
	struct json_object *req;
	int code = read_output(&watching);

	if (!code)
		code = read_count(&watching);
	if (!code)
		code = read_aggregate(&watching);
	if (code)
		return code;
	req = request(&watching);
	code = check_request(args, req);
	if (!code)
		code = open_capture(&watching);
	if (!code)
		code = watch(&watching, req);
	json_object_put(req);
	wd_sums_free(watching.sums);
	return close_capture(&watching, code);
}

#define REASON_LINE(name, nr, drop, help) "\n  " #name ": " help

static const struct wd_opt opts[] = {
	{ .name = "agent",
	  .help = "no packets, only what happens to the agent; on any rung" },
	{ .name = "drops",
	  .help = "only what is dropped, or would be (audit)" },
	{ .name = "verdict",
	  .arg = "VERDICT",
	  .help = "only this one: allow, drop or audit" },
	{ .name = "reason", .arg = "REASON", .help = "only this reason" },
	{ .name = "pod", .arg = "NS/POD", .help = "only traffic of this pod" },
	{ .name = "namespace",
	  .arg = "NS",
	  .help = "only traffic of pods of this namespace" },
	{ .name = "identity",
	  .arg = "ID",
	  .help = "only traffic of this identity: number or name (world, host)" },
	{ .name = "port",
	  .arg = "PORT",
	  .help = "only from or to this port of TCP, UDP or SCTP" },
	{ .name = "policy",
	  .arg = "POLICY",
	  .help = "only what a rule of this policy decided, or its\nisolation: KIND/NS/NAME or NS/NAME" },
	{ .name = "count", .arg = "N", .help = "end after so many packets" },
	{ .name = "aggregate",
	  .arg = "TIME",
	  .help = "show the first of those that say the same, and how many\nmore came within TIME, as 5s or 1m, once it is over" },
	{ .name = "output",
	  .arg = "FORMAT",
	  .help = "text, json, or hubble: the JSON of Hubble's flows" },
	{ .name = "pcap",
	  .arg = "FILE",
	  .help = "write the packets to a capture (pcapng), too;\n- is stdout, and then nothing else is printed" },
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
		"--json one object a line. What is chosen must all hold. `warder status --events` has the last 100 of these.\n\n"
		"Reasons:" WD_REASONS(REASON_LINE),
	.opts = opts,
	.fn = cmd_monitor,
};
