/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ladder.c - `warder ladder show|climb|pin`: the rung in force, what kept the
 * node from a better one, and another try.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/table.h"
#include "cmd.h"

#include <warder/rung.h>

/* A load takes its time where the verifier gives up only at its limit. */
#define CLIMB_TIMEOUT_MS 120000

#define ROW_(id, nr, name, is, lacks) { name, is },
static const struct {
	const char *name, *is;
} rungs[] = { WD_RUNGS(ROW_) };
#undef ROW_

/* What became of a rung: in force, tried without success, or not needed. */
static const char *outcome(struct json_object *doc, const char *rung)
{
	size_t cnt = wd_json_len(doc, "attempts");

	if (!strcmp(rung, wd_json_get_str(doc, "rung")))
		return "in force";
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *a = wd_json_at(doc, "attempts", i);

		if (wd_json_get_bool(a, "optional") ||
		    strcmp(rung, wd_json_get_str(a, "rung")) != 0)
			continue;
		return wd_json_get_bool(a, "skipped") ? "known to fail" :
							"failed";
	}
	return "";
}

/* @key: "attempts" of rungs, or "parts" that are loaded beside. */
static void print_attempts(struct json_object *doc, const char *key)
{
	size_t cnt = wd_json_len(doc, key);

	for (size_t i = 0; i < cnt; i++) {
		struct json_object *a = wd_json_at(doc, key, i);

		wd_print(stdout, "\n%s%s%s: %s\n", wd_json_get_str(a, "rung"),
			 *wd_json_get_str(a, "object") ? ", " : "",
			 wd_json_get_str(a, "object"),
			 wd_json_get_str(a, "text"));
		wd_print(stdout, "  cause %s, at %s, %s%s%s\n",
			 wd_json_get_str(a, "cause"),
			 wd_json_get_str(a, "step"), wd_json_get_str(a, "time"),
			 wd_json_get_bool(a, "optional") ?
				 "; the rung was had without it" :
				 "",
			 wd_json_get_bool(a, "skipped") ?
				 "; known from before, not tried again" :
				 "");
		wd_print(stdout, "  what would help: %s\n",
			 wd_json_get_str(a, "fix"));
	}
}

static void print_ladder(struct json_object *doc)
{
	const char *now = wd_json_get_str(doc, "rung");

	for (size_t i = 0; i < sizeof(rungs) / sizeof(*rungs); i++)
		printf("%c %-8s %-14s %s\n",
		       strcmp(rungs[i].name, now) != 0 ? ' ' : '*',
		       rungs[i].name, outcome(doc, rungs[i].name), rungs[i].is);
	putchar('\n');
	wd_show_line("since", "%s", wd_json_get_str(doc, "rung_since"));
	wd_show_line("why", "%s", wd_json_get_str(doc, "rung_reason"));
	wd_show_line("object", "%s%s",
		     *wd_json_get_str(doc, "object") ?
			     wd_json_get_str(doc, "object") :
			     "none",
		     wd_json_get_bool(doc, "kept") ?
			     ", loaded by the agent before" :
			     "");
	wd_show_line("lacks", "%s", wd_json_get_str(doc, "rung_lacks"));
	wd_show_line("pinned", "%s",
		     *wd_json_get_str(doc, "pin") ?
			     wd_json_get_str(doc, "pin") :
			     "no");
	wd_show_line("tables", "in %s",
		     !strcmp(wd_json_get_str(doc, "tables"), "memory") ?
			     "the agent's memory" :
			     "maps of the kernel");
	print_attempts(doc, "attempts");
	print_attempts(doc, "parts");
}

static int ask(const struct wd_args *args, struct json_object *req)
{
	return wd_cmd_answer(args, req, CLIMB_TIMEOUT_MS, print_ladder);
}

static int cmd_show(const struct wd_args *args)
{
	return ask(args, wd_cmd_request("ladder.show"));
}

static int cmd_climb(const struct wd_args *args)
{
	return ask(args, wd_cmd_request("ladder.climb"));
}

static int cmd_pin(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("ladder.pin");

	wd_json_str(req, "rung", args->argv[0]);
	return ask(args, req);
}

const struct wd_cmd wd_cmd_ladder_show = {
	.object = "ladder",
	.verb = "show",
	.summary =
		"the rung in force, and what kept this node from a better one",
	.text = "A rung is found by trying, from the top down. For each one that "
		"could not be had:\nwhat failed, its cause in a word, and what "
		"would help. The verifier's whole words\nare in the state "
		"directory, load-OBJECT.log.",
	.fn = cmd_show,
};

const struct wd_cmd wd_cmd_ladder_climb = {
	.object = "ladder",
	.verb = "climb",
	.summary = "try all rungs again, from the top down",
	.text = "What is in force stays until a better rung has passed the "
		"verifier and the golden\npackets. By itself the agent climbs "
		"only when it starts, and a few times after a\nfailure that may "
		"have been of the moment. What this boot of the kernel has "
		"refused\nfor good is tried again only by this command, or by "
		"another version of warder.",
	.fn = cmd_climb,
};

const struct wd_cmd wd_cmd_ladder_pin = {
	.object = "ladder",
	.verb = "pin",
	.args = "RUNG|auto",
	.min = 1,
	.max = 1,
	.summary = "go to a rung, and no higher from now on",
	.text = "RUNG is full, compat, minimal, nft or hold; auto ends it. Holds "
		"over restarts of\nthe agent. On rung hold nothing in the kernel "
		"is changed any more: what is in\nforce stays in force, new pods "
		"stay closed, changes of policy wait.",
	.fn = cmd_pin,
};
