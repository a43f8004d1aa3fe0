/* SPDX-License-Identifier: GPL-2.0-only */
/* why_stages.c - see why_stages.h. */
#include "why_stages.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/table.h"
#include "../datapath/datapath.h"
#include "../model/object.h"
#include "cmd.h"

#define ENDED_S 600

/* ---- flows that are there ---- */

/* What is looked for at one hook. */
struct search {
	uint32_t ep; /* instance */
	enum wd_dir dir;
	struct wd_addr peer;
	uint8_t proto;
	uint16_t port;
	bool icmp;
	uint32_t gen; /* in force */
	struct json_object *stage; /* gets the numbers */
	int64_t live, older, ended, answers_live, answers_ended;
};

static bool has_peer(const struct search *s, const struct wd_flow_key *key)
{
	if (key->family != s->peer.family)
		return false;
	return key->family == 4 ?
		       !memcmp(&key->peer[3], &s->peer.v4, 4) :
		       !memcmp(key->peer, &s->peer.v6, sizeof(key->peer));
}

/* Is it one that the packet asked about would open, or is of? */
static bool is_same(const struct search *s, const struct wd_flow_entry *flow)
{
	const struct wd_flow_key *key = &flow->key;

	if (flow->dir != s->dir)
		return false;
	if (s->icmp)
		return wd_host16(key->pport) == s->port;
	return wd_host16(s->dir == WD_INGRESS ? key->lport : key->pport) ==
	       s->port;
}

/* Was it opened the other way, from the port that is asked about? */
static bool is_answered(const struct search *s,
			const struct wd_flow_entry *flow)
{
	const struct wd_flow_key *key = &flow->key;

	return !s->icmp && flow->dir != s->dir &&
	       wd_host16(s->dir == WD_INGRESS ? key->lport : key->pport) ==
		       s->port;
}

/* Did it end so lately that somebody may still answer it? */
static bool is_over(const struct wd_flow_times *times)
{
	return !times->left_s && times->idle_s <= ENDED_S;
}

static void count(void *ctx, const struct wd_flow_entry *flow,
		  const struct wd_flow_times *times)
{
	struct search *s = ctx;

	if (flow->key.ep != s->ep || flow->key.proto != s->proto ||
	    !has_peer(s, &flow->key))
		return;
	if (is_same(s, flow)) {
		s->live += times->left_s != 0;
		s->older += times->left_s && flow->gen != s->gen;
		s->ended += is_over(times);
	} else if (is_answered(s, flow)) {
		s->answers_live += times->left_s != 0;
		s->answers_ended += is_over(times);
	}
}

static struct json_object *stage_of(struct json_object *hook, const char *name)
{
	for (size_t i = 0; i < wd_json_len(hook, "stages"); i++) {
		struct json_object *stage = wd_json_at(hook, "stages", i);

		if (!strcmp(wd_json_get_str(stage, "stage"), name))
			return stage;
	}
	return NULL;
}

/* Return: is there anything to look for. */
static bool search_init(struct search *s, struct json_object *doc,
			struct json_object *hook)
{
	bool in = !strcmp(wd_json_get_str(hook, "direction"), "ingress");
	struct json_object *peer = wd_json_get(doc, in ? "from" : "to");

	*s = (struct search){
		.dir = in ? WD_INGRESS : WD_EGRESS,
		.proto = (uint8_t)wd_json_get_int(doc, "proto_number"),
		.icmp = wd_json_get(doc, "icmp_type"),
		.gen = (uint32_t)wd_json_get_int(doc, "generation"),
		.stage = stage_of(hook, "conntrack"),
	};
	s->ep = (uint32_t)wd_json_get_int(s->stage, "endpoint");
	s->port = (uint16_t)wd_json_get_int(s->stage, "port");
	return s->ep &&
	       !wd_addr_parse(wd_json_get_str(peer, "address"), &s->peer);
}

/* Is it here that flows could be, and the agent does not say of which port? */
static bool is_of_older_agent(struct json_object *hook)
{
	return !strcmp(wd_json_get_str(hook, "where"), "here") &&
	       !wd_json_get(stage_of(hook, "conntrack"), "port");
}

static void warn_older(struct json_object *doc)
{
	wd_json_push_str(
		wd_json_get(doc, "warnings"),
		"the agent is older than this program and does not say what live flows are to be looked for by: none were. Start it anew with this version");
}

static void put_counts(const struct search *s)
{
	wd_json_int(s->stage, "live", s->live);
	wd_json_int(s->stage, "older", s->older);
	wd_json_int(s->stage, "ended", s->ended);
	wd_json_int(s->stage, "answers_live", s->answers_live);
	wd_json_int(s->stage, "answers_ended", s->answers_ended);
}

void wd_stages_flows(struct json_object *doc)
{
	const char *bpffs = wd_json_get_str(doc, "bpffs");
	bool older = false;

	for (size_t i = 0; *bpffs && i < wd_json_len(doc, "hooks"); i++) {
		struct json_object *hook = wd_json_at(doc, "hooks", i);
		struct search s;

		if (is_of_older_agent(hook))
			older = true;
		else if (search_init(&s, doc, hook) &&
			 !wd_flow_read_dead(bpffs, count, &s))
			put_counts(&s);
	}
	if (older)
		warn_older(doc);
}

static void print_flows_of(const char *dir, struct json_object *stage)
{
	long long live = (long long)wd_json_get_int(stage, "live");
	long long older = (long long)wd_json_get_int(stage, "older");

	if (wd_json_get_int(stage, "answers_live"))
		wd_show_line(
			"flows",
			"at %s: these ports are of a live flow that was opened the other way: its packets pass, this is about none of them",
			dir);
	else if (wd_json_get_int(stage, "answers_ended"))
		wd_show_line(
			"flows",
			"at %s: a flow that was opened the other way ended here: an answer that comes so late is judged as a new flow. Have the opener ask again, or keep it alive (README, Limits)",
			dir);
	if (live)
		wd_show_line(
			"flows",
			"at %s: %lld live, %lld of them judged under an older generation, which is done anew at their next packet",
			dir, live, older);
}

void wd_stages_print_flows(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "hooks"); i++) {
		struct json_object *hook = wd_json_at(doc, "hooks", i);

		print_flows_of(wd_json_get_str(hook, "direction"),
			       stage_of(hook, "conntrack"));
	}
}

/* ---- the stages ---- */

static void put_rule(struct wd_table *table, struct json_object *one, size_t nr)
{
	struct json_object *rule = wd_json_get(one, "rule");
	bool wins = wd_json_get_bool(one, "wins");

	wd_table_cell(table, "  rule %zu", nr);
	wd_table_cell(table, "%s%s", wins ? "> " : "",
		      !wd_json_get_bool(one, "holds") ? "not the peer" :
		      wins ? wd_json_get_str(one, "action") :
			     "not reached");
	if (!rule)
		wd_table_cell(table, "%s, id %lld, of several policies",
			      wd_json_get_str(one, "action"),
			      (long long)wd_json_get_int(one, "id"));
	else
		wd_table_cell(table,
			      "%s %s (" WD_SHOW_OBJECT_FMT
			      " %s[%lld], %s:%lld)",
			      wd_json_get_str(one, "action"),
			      wd_json_get_str(rule, "text"),
			      WD_SHOW_OBJECT(rule),
			      wd_json_get_str(rule, "direction"),
			      (long long)wd_json_get_int(rule, "index"),
			      wd_json_get_str(rule, "file"),
			      (long long)wd_json_get_int(rule, "line"));
}

static void put_stage(struct wd_table *table, struct json_object *stage)
{
	wd_table_cell(table, "%s", wd_json_get_str(stage, "stage"));
	wd_table_cell(table, "%s", wd_json_get_str(stage, "outcome"));
	wd_table_cell(table, "%s", wd_json_get_str(stage, "text"));
	for (size_t i = 0; i < wd_json_len(stage, "rules"); i++)
		put_rule(table, wd_json_at(stage, "rules", i), i);
}

void wd_stages_print(struct json_object *doc)
{
	static const char *const head[] = { "STAGE", "OUTCOME", "WHAT", NULL };

	for (size_t i = 0; i < wd_json_len(doc, "hooks"); i++) {
		struct json_object *hook = wd_json_at(doc, "hooks", i);
		struct wd_table *table;

		if (!wd_json_len(hook, "stages"))
			continue;
		wd_print(stdout, "stages at %s: %s\n",
			 wd_json_get_str(hook, "direction"),
			 wd_json_get_str(hook, "verdict"));
		table = wd_table_new(head);
		for (size_t k = 0; k < wd_json_len(hook, "stages"); k++)
			put_stage(table, wd_json_at(hook, "stages", k));
		wd_table_print(table, stdout, "  ");
	}
}
