/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_state.c - what the agent has in force, as a file for `warder
 * preflight` on another machine: the tables, with the agent's names beside.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../agent/agent.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../base/version.h"
#include "../datapath/ladder.h"
#include "../host/hostpolicy.h"
#include "../preflight/collect.h"
#include "../preflight/state.h"
#include "query.h"

static int get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	return wd_map_get(ctx, map, key, ret_val);
}

static int next(void *ctx, enum wd_map map, const void *prev, void *ret_next)
{
	return wd_map_next(ctx, map, prev, ret_next);
}

static void name_endpoint(void *ctx, const struct wd_ep_info *info)
{
	struct wd_state *state = ctx;

	for (size_t i = 0; i < state->ep_cnt; i++) {
		struct wd_state_ep *ep = &state->ep[i];

		if (ep->val.id != info->ep->id)
			continue;
		free(ep->name);
		wd_format(&ep->name, "%s/%s", info->ep->ns, info->ep->name);
	}
}

/* One rule, if it is not there yet and a policy is behind it. */
static void name_rule(const struct wd_agent *agent, struct wd_state *state,
		      uint32_t id)
{
	const struct wd_object *policy;
	struct wd_state_rule *rule;
	enum wd_dir dir;
	int index;

	if (wd_state_rule(state, id))
		return;
	policy = wd_model_rule(agent->model, id, &dir, &index);
	rule = policy ? WD_STATE_ADD(state, rule) : NULL;
	if (!rule)
		return;
	rule->id = id;
	wd_format(&rule->name, "%s/%s/%s %s[%d]", wd_kind_name(policy->kind),
		  policy->ns, policy->name, wd_dir_name(dir), index);
}

static void name_all(const struct wd_agent *agent, struct wd_state *state)
{
	struct utsname uts;

	state->node = strdup(agent->config.node ?: "");
	state->kernel = strdup(uname(&uts) ? "" : uts.release);
	state->version = strdup(WARDER_VERSION);
	state->rung = strdup(wd_rungs_name(agent));
	wd_model_endpoints(agent->model, name_endpoint, state);
	for (size_t i = 0; i < state->class_cnt; i++)
		for (uint32_t j = 0; j < state->class[i].val.cnt; j++)
			name_rule(agent, state, state->class[i].val.rule[j].id);
	wd_state_sort(state);
}

void wd_query_state_export(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const struct wd_state_tables tables = { agent->dp, get, next };
	struct json_object *doc = NULL;
	struct wd_state *state = NULL;
	char *why = NULL;

	(void)req;
	wd_query_no_fd(fd);
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "state", "the agent is still starting");
		return;
	}
	if (wd_state_collect(&tables, &state, &why)) {
		wd_ctl_error(conn, 1, "state", "%s", why ?: "out of memory");
		free(why);
		return;
	}
	if (!state->gen) { /* an empty file would pass for a state */
		wd_state_free(state);
		wd_ctl_error(conn, 3, "state",
			     "nothing was put in force yet, on rung %s",
			     wd_rungs_name(agent));
		return;
	}
	/* The ruleset judges behind the translation, too, and says so nowhere. */
	if (wd_ladder(agent->dp)->rung == WD_RUNG_NFT &&
	    wd_model_mixes(agent->model))
		state->flags |= WD_STATE_LATE;
	state->host = wd_hostpolicy_wanted(agent->hostpolicy);
	name_all(agent, state);
	doc = wd_state_json(state);
	wd_state_free(state);
	if (doc)
		wd_ctl_reply(conn, doc);
	else
		wd_ctl_error(conn, 1, "state", "out of memory");
}
