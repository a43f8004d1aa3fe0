/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_hits.c - which rules decided about no packet, and which about most.
 */
#include <stdlib.h>

#include "../agent/agent.h"
#include "../agent/hits.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../base/rule_text.h"
#include "../datapath/clock.h"
#include "query.h"

struct search {
	const struct wd_agent *agent;
	struct wd_hits_clock clock;
	int64_t since_ms; /* 0: since they are counted */
	struct json_object *unused;
	struct json_object *unknown;
};

static void put_found(struct json_object *array, const struct wd_object *policy,
		      enum wd_dir dir, uint32_t index,
		      const struct wd_hits *hits)
{
	const struct wd_policy_rule *rule =
		wd_policy_rule(&policy->policy, (int)dir, index);
	struct json_object *obj = wd_json_push(array);
	char *text = rule ? wd_rule_text(rule, dir) : NULL;

	wd_query_policy_name(obj, policy);
	wd_json_str(obj, "direction", wd_dir_name(dir));
	wd_json_int(obj, "index", index);
	wd_json_str(obj, "file", policy->file);
	wd_json_int(obj, "line", rule ? rule->line : policy->line);
	wd_json_str(obj, "action", rule ? wd_action_text(rule->action) : NULL);
	wd_json_str(obj, "text", text);
	free(text);
	wd_hits_put(hits, obj);
}

static void look(struct search *s, const struct wd_object *policy,
		 enum wd_dir dir, uint32_t index)
{
	struct wd_hits hits =
		wd_hits_of(s->agent, &s->clock, policy, dir, (int)index);

	if (hits.packets && (!s->since_ms || hits.last_ms >= s->since_ms))
		return;
	/* from when on it is known, is too late */
	if (hits.known && !hits.missing && s->since_ms &&
	    hits.since_ms > s->since_ms)
		hits.missing = "it is counted for a shorter time";
	put_found(hits.missing ? s->unknown : s->unused, policy, dir, index,
		  &hits);
}

void wd_query_policy_unused(void *ctx, struct wd_ctl_conn *conn,
			    struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	const struct wd_object *policy = NULL;
	struct search s = {
		.agent = agent,
		.clock = wd_hits_clock(),
		.since_ms = wd_json_get_int(req, "since_ms"),
	};
	uint32_t rules = 0;

	wd_query_no_fd(fd);
	wd_query_time(doc, "since", s.since_ms);
	s.unused = wd_json_array(doc, "unused");
	s.unknown = wd_json_array(doc, "not_known");
	while ((policy = wd_query_next_policy(agent->store, policy))) {
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			uint32_t cnt = wd_policy_rules(&policy->policy, dir);

			for (uint32_t i = 0; i < cnt; i++)
				look(&s, policy, (enum wd_dir)dir, i);
			rules += cnt;
		}
	}
	wd_json_int(doc, "rules", rules);
	wd_ctl_reply(conn, doc);
}

/* ---- which about most: who asks remembers, and the agent does not ---- */

#define NAMES_MAX 64 /* in one answer */

/*
 * "counts": number, packets, number, packets of rules that were hit since the tick
 * "since", or in the one before: a packet is counted after it was looked at. A number stays a rule's as long as the rule is in use.
 */
void wd_query_policy_hits(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object(), *counts;
	uint32_t since = (uint32_t)wd_json_get_int(req, "since"), now = 0;
	bool all = !wd_json_get(req, "since") || wd_clock_ticks(&now);
	struct wd_rulestat_val val;

	wd_query_no_fd(fd);
	wd_json_str(doc, "not_counted", wd_hits_not_counting(agent));
	/* before anything is read: what is hit meanwhile is told again */
	wd_json_int(doc, "tick", now);
	counts = wd_json_array(doc, "counts");
	for (uint32_t id = 0; (id = wd_model_next_rule(agent->model, id));) {
		if (wd_rulestat_read(agent->dp, id, &val) || !val.packets ||
		    (!all && (int32_t)(val.last + 1 - since) < 0))
			continue;
		json_object_array_add(counts, json_object_new_int64(id));
		json_object_array_add(
			counts, json_object_new_int64((int64_t)val.packets));
	}
	wd_ctl_reply(conn, doc);
}

/* "rules": of each number of "ids" its rule, or null if it has gone meanwhile. */
void wd_query_policy_rules(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc, *rules;
	size_t cnt = wd_json_len(req, "ids");

	wd_query_no_fd(fd);
	if (cnt > NAMES_MAX) {
		wd_ctl_error(conn, 2, "ids", "more than %d", NAMES_MAX);
		return;
	}
	doc = json_object_new_object();
	rules = wd_json_array(doc, "rules");
	for (size_t i = 0; i < cnt; i++) {
		const struct wd_object *policy;
		enum wd_dir dir = WD_INGRESS;
		int index = 0;

		policy = wd_model_rule(agent->model,
				       (uint32_t)json_object_get_int64(
					       wd_json_at(req, "ids", i)),
				       &dir, &index);
		json_object_array_add(rules, policy ? wd_query_rule(policy, dir,
								    index) :
						      NULL);
	}
	wd_ctl_reply(conn, doc);
}
