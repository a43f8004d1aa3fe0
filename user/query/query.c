/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query.c - the table of control commands, what they share, and the two that
 * change something: sync and stop. Renders; what is true is asked of the model.
 */
#include "query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../agent/objections.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/rule_text.h"
#include "../events/events.h"
#include "../metrics/collect.h"
#include "../model/intern.h"

void wd_query_no_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

const char *wd_problem_effect_name(enum wd_problem_effect effect)
{
	switch (effect) {
	case WD_PROBLEM_KEPT:
		return "kept";
	case WD_PROBLEM_ISOLATED:
		return "isolated";
	case WD_PROBLEM_IGNORED:
		return "ignored";
	}
	return "unknown";
}

void wd_query_problem(const struct wd_problem *problem, struct json_object *obj)
{
	wd_json_str(obj, "effect", wd_problem_effect_name(problem->effect));
	wd_json_str(obj, "file", problem->file);
	wd_json_int(obj, "line", problem->line);
	wd_json_str(obj, "object", problem->object);
	wd_json_str(obj, "field", problem->field);
	wd_json_str(obj, "text", problem->text);
}

void wd_query_problems(const struct wd_agent *agent, const char *object,
		       struct json_object *array)
{
	struct wd_problems list;

	wd_objections(agent, &list);
	for (size_t i = 0; i < list.cnt; i++) {
		const struct wd_problem *problem = &list.problem[i];

		if (object && strcmp(object, problem->object) != 0)
			continue;
		wd_query_problem(problem, wd_json_push(array));
	}
	wd_problems_fini(&list);
}

void wd_query_addr(struct json_object *obj, const char *key,
		   const struct wd_addr *addr)
{
	char buf[WD_ADDR_STRLEN];

	wd_json_str(obj, key, addr->family ? wd_addr_str(addr, buf) : NULL);
}

void wd_query_time(struct json_object *obj, const char *key, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[64];
	struct tm tm;
	size_t len;

	if (!ms || !gmtime_r(&seconds, &tm)) {
		wd_json_str(obj, key, NULL);
		return;
	}
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(ms % 1000));
	wd_json_str(obj, key, text);
}

void wd_query_labels(struct json_object *obj, const char *key,
		     const struct wd_labels *labels)
{
	struct json_object *to = wd_json_object(obj, key);

	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		wd_json_str(to, labels->label[i].key, labels->label[i].value);
}

void wd_query_identity(struct json_object *obj, const char *key, uint32_t id)
{
	char name_key[64];

	wd_json_int(obj, key, id);
	snprintf(name_key, sizeof(name_key), "%s_name", key);
	wd_json_str(obj, name_key, wd_identity_name(id));
}

void wd_query_policy_name(struct json_object *obj,
			  const struct wd_object *policy)
{
	wd_json_str(obj, "kind", wd_kind_name(policy->kind));
	wd_json_str(obj, "namespace", policy->ns);
	wd_json_str(obj, "name", policy->name);
}

struct json_object *wd_query_rule(const struct wd_object *policy,
				  enum wd_dir dir, int index)
{
	struct json_object *obj = json_object_new_object();
	const struct wd_policy_rule *rule = NULL;
	char *text;

	if (index >= 0)
		rule = wd_policy_rule(&policy->policy, (int)dir,
				      (uint32_t)index);
	wd_query_policy_name(obj, policy);
	wd_json_int(obj, "index", index);
	wd_json_str(obj, "action",
		    rule ? wd_action_text(rule->action) : "isolate");
	wd_json_str(obj, "direction", wd_dir_name(dir));
	wd_json_str(obj, "file", policy->file);
	wd_json_int(obj, "line", rule ? rule->line : policy->line);
	text = rule ? wd_rule_text(rule, dir) : NULL;
	wd_json_str(obj, "text", text);
	wd_json_str(obj, "log",
		    rule ? wd_policy_log(&policy->policy, (int)dir,
					 (uint32_t)index) :
			   NULL);
	free(text);
	return obj;
}

int wd_query_split(char *text, char **part, int max)
{
	int cnt = 0;

	while (text && cnt < max) {
		part[cnt++] = text;
		text = strchr(text, '/');
		if (text)
			*text++ = '\0';
	}
	return text ? max + 1 : cnt;
}

const struct wd_object *wd_query_next_policy(const struct wd_store *store,
					     const struct wd_object *prev)
{
	enum wd_kind kind = prev ? prev->kind : WD_KIND_FIRST_POLICY;
	const struct wd_object *next = wd_store_next(store, kind, prev);

	while (!next && ++kind < WD_KIND__MAX)
		next = wd_store_next(store, kind, NULL);
	return next;
}

void wd_query_isolated_by(const struct wd_query_subject *of, enum wd_dir dir,
			  struct json_object *array)
{
	struct wd_ep_info info = { 0 };

	if (of->ep)
		(void)wd_model_endpoint(of->model, of->ep->id, &info);
	/* what is on trial isolates only whom nothing else does */
	for (int tries = 0; tries < 2 && !json_object_array_length(array);
	     tries++) {
		const struct wd_object *policy = NULL;
		bool lifts = info.lifted &&
			     (!tries || info.mode == WD_MODE_OFF);

		while ((policy = wd_query_next_policy(of->store, policy)))
			if (wd_policy_counts(policy, tries, lifts) &&
			    wd_model_policy_isolates(of->model, policy, of->pod,
						     dir))
				wd_query_policy_name(wd_json_push(array),
						     policy);
	}
}

/* ---- sync ---- */

/* The first endpoint that is not as the policies want it. */
struct trouble {
	const struct wd_agent *agent;
	bool found;
	int attach_err;
	struct wd_ep_info info;
};

static void note_trouble(void *ctx, const struct wd_ep_info *info)
{
	struct trouble *trouble = ctx;
	int err = wd_endpoints_trouble(trouble->agent->endpoints, info->ep->id);

	if (trouble->found || (!err && info->state != WD_EP_TOO_LARGE))
		return;
	trouble->found = true;
	trouble->attach_err = err;
	trouble->info = *info;
}

static void sync_trouble(struct wd_ctl_conn *conn,
			 const struct trouble *trouble)
{
	const struct wd_endpoint *ep = trouble->info.ep;

	if (trouble->attach_err)
		wd_ctl_error(conn, 1, "sync",
			     "endpoint %s/%s: NOT enforced, no programs on "
			     "%s: %s",
			     ep->ns, ep->name, ep->host_name,
			     wd_errno(trouble->attach_err));
	else
		wd_ctl_error(conn, 1, "sync",
			     "endpoint %s/%s: its policy does not fit, all its "
			     "traffic is dropped: %s",
			     ep->ns, ep->name,
			     trouble->info.error ?: "too large");
}

static void query_sync(void *ctx, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct trouble trouble = { .agent = agent };
	struct wd_model_stats stats;
	struct json_object *doc;
	int err = wd_agent_sync(agent);

	(void)req;
	wd_query_no_fd(fd);
	if (err) {
		wd_ctl_error(conn, 1, "sync", "%s: %s; generation unchanged",
			     agent->commit_error ?: "reading the sources",
			     wd_errno(err));
		return;
	}
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "sync", "the agent is still starting");
		return;
	}
	wd_model_endpoints(agent->model, note_trouble, &trouble);
	if (trouble.found) {
		sync_trouble(conn, &trouble);
		return;
	}
	wd_model_stats(agent->model, &stats);
	doc = json_object_new_object();
	wd_json_int(doc, "generation", stats.gen);
	wd_query_problems(agent, NULL, wd_json_array(doc, "problems"));
	wd_ctl_reply(conn, doc);
}

/* ---- stop ---- */

/* Gives the answer time to leave, and ends what came in between. */
static void stop_now(void *ctx)
{
	struct wd_agent *agent = ctx;
	int err = wd_datapath_remove(agent->config.bpffs);

	if (err)
		wd_err("stop: removing %s: %s", agent->config.bpffs,
		       wd_errno(err));
	wd_loop_stop(agent->loop, err ? 1 : 0);
}

static void query_stop(void *ctx, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_timer *timer;
	struct json_object *doc;
	int err;

	wd_query_no_fd(fd);
	if (!wd_json_get_bool(req, "detach")) {
		wd_ctl_error(conn, 2, "stop", "needs detach");
		return;
	}
	err = wd_timer_new(agent->loop, stop_now, agent, &timer);
	if (!err) {
		/* Nothing may attach again behind the removal. */
		wd_timer_stop(agent->tick_timer);
		wd_timer_stop(agent->commit_timer);
		wd_datapath_unlock(agent->dp);
		err = wd_datapath_remove(agent->config.bpffs);
	}
	if (err) {
		wd_ctl_error(conn, 1, agent->config.bpffs,
			     "enforcement could not be removed: %s",
			     wd_errno(err));
		return;
	}
	wd_info("stop: enforcement removed on request, ending");
	doc = json_object_new_object();
	wd_json_bool(doc, "detached", true);
	wd_json_str(doc, "bpffs", agent->config.bpffs);
	wd_json_int(doc, "pid", getpid());
	wd_ctl_reply(conn, doc);
	wd_timer_set(timer, 20);
}

const struct wd_ctl_cmd wd_query_cmds[] = {
	{ "status", wd_query_status },
	{ "sync", query_sync },
	{ "stop", query_stop },
	{ "endpoint.list", wd_query_endpoint_list },
	{ "endpoint.get", wd_query_endpoint_get },
	{ "identity.list", wd_query_identity_list },
	{ "identity.get", wd_query_identity_get },
	{ "service.list", wd_query_service_list },
	{ "service.get", wd_query_service_get },
	{ "policy.list", wd_query_policy_list },
	{ "policy.get", wd_query_policy_get },
	{ "policy.unused", wd_query_policy_unused },
	{ "policy.hits", wd_query_policy_hits },
	{ "policy.rules", wd_query_policy_rules },
	{ "policy.diff", wd_query_policy_diff },
	{ "replay", wd_query_replay },
	{ "seen", wd_query_seen },
	{ "policy.confirm", wd_query_policy_confirm },
	{ "why", wd_query_why },
	{ "monitor", wd_events_monitor },
	{ "metrics", wd_query_metrics },
	{ "map.list", wd_query_map_list },
	{ "ladder.show", wd_query_ladder_show },
	{ "ladder.climb", wd_query_ladder_climb },
	{ "ladder.pin", wd_query_ladder_pin },
	{ "state.export", wd_query_state_export },
	{ "encryption.status", wd_query_encryption_status },
	{ "encryption.report", wd_query_encryption_report },
	{ "slo.status", wd_query_slo_status },
	{ "slo.baseline", wd_query_slo_baseline },
	{ "slo.set", wd_query_slo_set },
	{ "slo.clear", wd_query_slo_clear },
	{},
};
