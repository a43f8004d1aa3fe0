/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_hits.c - which rules decided about no packet.
 */
#include <stdlib.h>

#include "../agent/agent.h"
#include "../agent/hits.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../base/rule_text.h"
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
