/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * standing.c - how enforcement stands on this node.
 *
 * Of each kind of policy the version is kept up to which everything is in force.
 * It moves when objects of the kind come, change or go, and with bookmarks only
 * along with these: a cluster in which nothing happens is told nothing.
 */
#include "standing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "../agent/agent.h"
#include "../agent/beside.h"
#include "../agent/complaints.h"
#include "../agent/endpoints.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../datapath/ladder.h"
#include "../host/hostpolicy.h"
#include "../kube/kinds.h"
#include "../kube/kube.h"
#include "../model/xalloc.h"
#include "../query/query.h"

#define STEADY_LOOKS 2 /* alike, one after the other */
#define TIME_MAX sizeof("2026-01-01T00:00:00Z")

struct reached {
	const char *kind; /* NULL: none */
	uint64_t moves; /* of the version that is kept */
	char *version;
};

struct wd_standing {
	const struct wd_agent *agent;
	struct reached reached[WD_KUBE_KINDS];
	bool enforcing;
	const char *reason;
	char *message;
	char *seen; /* all that matters, as one text */
	unsigned int looks; /* at which it was the same */
	char *patched; /* what the last patch said */
	char *told; /* what the server has; NULL: nothing of this agent */
	bool patched_enforcing, told_enforcing;
	char since[TIME_MAX]; /* that it is or is not enforcing */
};

/* ---- is it in force ---- */

static void set(struct wd_standing *s, bool enforcing, const char *reason,
		char *message)
{
	s->enforcing = enforcing;
	s->reason = reason;
	free(s->message);
	s->message = message;
}

static void judge(struct wd_standing *s)
{
	const struct wd_agent *agent = s->agent;
	const struct wd_ladder *ladder = wd_ladder(agent->dp);
	const char *host = wd_hostpolicy_amiss(agent->hostpolicy);

	if (ladder->open)
		set(s, false, "NothingEnforced",
		    wd_xstrdup("no rung works, and --hold allow is set: "
			       "everything passes"));
	else if (agent->config.mode != WD_MODE_ENFORCE)
		set(s, false, "NothingDropped",
		    wd_xprintf("the agent's mode is %s",
			       wd_mode_name(agent->config.mode)));
	else if (ladder->frozen)
		set(s, false, "RungHold",
		    wd_xstrdup("what was in force stays, changes wait"));
	else if (agent->commit_error)
		set(s, false, "NotInForce",
		    wd_xprintf("what was in force stays: %s",
			       agent->commit_error));
	else if (!wd_endpoints_all_attached(agent->endpoints))
		set(s, false, "PodsNotGuarded",
		    wd_xstrdup("interfaces of pods without warder's programs, "
			       "see `warder endpoint list`"));
	else if (wd_beside_cnt(agent))
		set(s, false, "PodsPassedBy",
		    wd_xstrdup("Cilium carries packets past warder's hooks, "
			       "see `warder status`"));
	else if (host)
		set(s, false, "NodeNotGuarded",
		    wd_xprintf("policies about this node are not enforced: %s",
			       host));
	else
		set(s, true, "Enforcing",
		    wd_xprintf("rung %s", wd_rungs_name(agent)));
}

/* ---- up to where ---- */

static void reach(struct reached *r, const struct wd_kube_kind_status *status)
{
	const struct wd_kube_reflector_status *at = &status->reflector;
	uint64_t moves = at->lists + at->events;

	if (!*at->version || status->held || status->kept ||
	    at->phase == WD_KUBE_ABSENT) {
		r->kind = NULL;
		return;
	}
	/* what was deleted and still counts is not in force as the server has it */
	if (status->unconfirmed || (r->kind && r->moves == moves))
		return;
	r->kind = status->name;
	r->moves = moves;
	free(r->version);
	r->version = wd_xstrdup(at->version);
}

/* Only while all that was heard is in force. */
static void look_at_kinds(struct wd_standing *s)
{
	struct wd_kube_kind_status status;

	if (!wd_query_in_force(s->agent))
		return;
	for (size_t i = 0; wd_kube_status(s->agent->kube, i, &status); i++) {
		/* identities and their like are no kind of the store's */
		if (wd_kube_kinds[i].kind >= WD_KIND_FIRST_POLICY &&
		    wd_kube_kinds[i].kind < WD_KIND__MAX)
			reach(&s->reached[i], &status);
	}
}

/* ---- as text ---- */

static struct json_object *value_of(const struct wd_standing *s)
{
	struct json_object *doc = json_object_new_object(), *versions;

	wd_json_str(doc, "rung", wd_rungs_name(s->agent));
	wd_json_int(doc, "problems",
		    (int64_t)wd_complaints_cnt(s->agent->complaints));
	versions = wd_json_object(doc, "versions");
	for (size_t i = 0; i < WD_KUBE_KINDS; i++)
		if (s->reached[i].kind)
			wd_json_str(versions, s->reached[i].kind,
				    s->reached[i].version);
	return doc;
}

static char *text_of(struct json_object *doc)
{
	return wd_xstrdup(json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static char *essence(const struct wd_standing *s)
{
	struct json_object *doc = value_of(s);
	char *text;

	wd_json_str(doc, "reason", s->reason);
	wd_json_str(doc, "message", s->message);
	text = text_of(doc);
	json_object_put(doc);
	return text;
}

bool wd_standing_look(struct wd_standing *s)
{
	char *now;

	judge(s);
	look_at_kinds(s);
	now = essence(s);
	if (s->seen && strcmp(s->seen, now) == 0) {
		free(now);
		s->looks++;
	} else {
		free(s->seen);
		s->seen = now;
		s->looks = 1;
	}
	return s->looks >= STEADY_LOOKS &&
	       (!s->told || strcmp(s->told, s->seen) != 0);
}

static void put_time(char *to)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
	    !strftime(to, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		*to = '\0';
}

static void put_condition(struct wd_standing *s, struct json_object *doc)
{
	struct json_object *condition = wd_json_push(
		wd_json_array(wd_json_object(doc, "status"), "conditions"));
	char now[TIME_MAX];

	put_time(now);
	if (!s->told || s->told_enforcing != s->enforcing)
		memcpy(s->since, now, sizeof(now));
	wd_json_str(condition, "type", WD_STANDING_CONDITION);
	wd_json_str(condition, "status", s->enforcing ? "True" : "False");
	wd_json_str(condition, "reason", s->reason);
	wd_json_str(condition, "message", s->message);
	wd_json_str(condition, "lastHeartbeatTime", now);
	wd_json_str(condition, "lastTransitionTime", s->since);
}

char *wd_standing_patch(struct wd_standing *s)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *value = value_of(s);
	struct wd_model_stats stats;
	char *text;

	wd_model_stats(s->agent->model, &stats);
	wd_json_int(value, "generation", stats.gen);
	text = text_of(value);
	wd_json_str(wd_json_object(wd_json_object(doc, "metadata"),
				   "annotations"),
		    WD_STANDING_ANNOTATION, text);
	free(text);
	json_object_put(value);
	put_condition(s, doc);
	text = text_of(doc);
	json_object_put(doc);
	free(s->patched);
	s->patched = wd_xstrdup(s->seen);
	s->patched_enforcing = s->enforcing;
	return text;
}

void wd_standing_told(struct wd_standing *s)
{
	free(s->told);
	s->told = s->patched;
	s->patched = NULL;
	s->told_enforcing = s->patched_enforcing;
}

/* ---- life ---- */

struct wd_standing *wd_standing_new(const struct wd_agent *agent)
{
	struct wd_standing *s = wd_xcalloc(1, sizeof(*s));

	s->agent = agent;
	return s;
}

void wd_standing_free(struct wd_standing *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < WD_KUBE_KINDS; i++)
		free(s->reached[i].version);
	free(s->message);
	free(s->seen);
	free(s->patched);
	free(s->told);
	free(s);
}
