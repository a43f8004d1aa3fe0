/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_policy.c - policies as they were read, and whom they select here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../agent/agent.h"
#include "../agent/hits.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/rule_text.h"
#include "../host/hostpolicy.h"
#include "../kube/kinds.h"
#include "../kube/kube.h"
#include "../model/xalloc.h"
#include "query.h"

/* Kinds that are policies, and how kubectl lets them be called. */
static const struct {
	enum wd_kind kind;
	const char *alias;
} kinds[] = {
	{ WD_KIND_NETPOL, "netpol" },
	{ WD_KIND_CLUSTER_NP, "cnp" },
	{ WD_KIND_ADMIN_NP, "anp" },
	{ WD_KIND_BASELINE_NP, "banp" },
	{ WD_KIND_CILIUM_NP, "ciliumnetworkpolicies" },
	{ WD_KIND_CILIUM_CNP, "ccnp" },
};

#define KINDS_CNT (sizeof(kinds) / sizeof(kinds[0]))

static void put_dirs(struct json_object *obj, const char *key,
		     const struct wd_policy *policy)
{
	struct json_object *array = wd_json_array(obj, key);

	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++)
		if (wd_policy_isolates(policy, dir))
			wd_json_push_str(array, wd_dir_name(dir));
}

static char *object_name(const struct wd_object *policy)
{
	char *name = NULL;

	wd_format(&name, "%s/%s%s%s", wd_kind_name(policy->kind), policy->ns,
		  *policy->ns ? "/" : "", policy->name);
	return name;
}

static size_t problem_cnt(const struct wd_agent *agent,
			  const struct wd_object *policy)
{
	const struct wd_problems *list =
		wd_manifests_problems(agent->manifests);
	struct wd_problems told = { 0 };
	char *name = object_name(policy);
	size_t cnt = 0;

	if (agent->kube)
		wd_kube_problems(agent->kube, &told);
	for (size_t i = 0; name && i < list->cnt; i++)
		cnt += !strcmp(list->problem[i].object, name);
	for (size_t i = 0; name && i < told.cnt; i++)
		cnt += !strcmp(told.problem[i].object, name);
	wd_problems_fini(&told);
	free(name);
	return cnt;
}

/* NULL if what selects is not understood. */
static char *subject_text(const struct wd_policy *policy)
{
	char *text = NULL;

	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		char *one = policy->spec[i].subject_broken ?
				    NULL :
				    wd_subject_text(&policy->spec[i]);
		char *both = NULL;

		if (!one) {
			free(text);
			return NULL;
		}
		wd_format(&both, "%s%s%s", text ?: "", text ? "; " : "", one);
		free(one);
		free(text);
		text = both;
	}
	return text;
}

static void put_policy(const struct wd_agent *agent,
		       const struct wd_object *policy, struct json_object *obj)
{
	const struct wd_policy *p = &policy->policy;
	char *subject = subject_text(p);

	wd_query_policy_name(obj, policy);
	wd_json_str(obj, "tier", wd_tier_text(p->tier));
	if (p->tier != WD_TIER_NORMAL)
		wd_json_int(obj, "priority", p->priority);
	wd_json_bool(obj, "audit", p->on_trial);
	wd_json_str(obj, "deny_response",
		    p->response == WD_RESPONSE_REJECT ? "reject" :
		    p->response == WD_RESPONSE_DROP   ? "drop" :
							NULL);
	wd_json_str(obj, "subject", subject);
	if (wd_policy_nodes(p))
		wd_json_str(obj, "host",
			    wd_hostpolicy_word(agent->hostpolicy, policy));
	put_dirs(obj, "isolates", p);
	wd_json_int(obj, "ingress_rules", wd_policy_rules(p, WD_INGRESS));
	wd_json_int(obj, "egress_rules", wd_policy_rules(p, WD_EGRESS));
	wd_json_int(obj, "endpoints",
		    wd_model_policy_endpoints(agent->model, policy));
	wd_json_str(obj, "file", policy->file);
	wd_json_int(obj, "line", policy->line);
	free(subject);
}

/* Packets of all its rules that are counted; null: none is. */
static void put_hits(const struct wd_agent *agent,
		     const struct wd_object *policy, struct json_object *obj)
{
	const struct wd_hits_clock clock = { 0 };
	uint64_t packets = 0;
	bool known = false;

	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
		uint32_t cnt = wd_policy_rules(&policy->policy, (int)dir);

		for (uint32_t i = 0; i < cnt; i++) {
			struct wd_hits hits =
				wd_hits_of(agent, &clock, policy, dir, (int)i);

			known |= hits.known;
			packets += hits.packets;
		}
	}
	if (known)
		wd_json_int(obj, "hits", (int64_t)packets);
	else
		wd_json_str(obj, "hits", NULL);
}

static int policy_cmp(const void *a, const void *b)
{
	const struct wd_object *const *left = a, *const *right = b;
	int cmp = strcmp((*left)->ns, (*right)->ns);

	return cmp ? cmp : strcmp((*left)->name, (*right)->name);
}

static void list_kind(const struct wd_agent *agent, enum wd_kind kind,
		      struct json_object *array)
{
	uint32_t max = wd_store_count(agent->store, kind), cnt = 0;
	const struct wd_object **list = wd_xcalloc(max + 1, sizeof(*list));
	const struct wd_object *policy = NULL;

	while ((policy = wd_store_next(agent->store, kind, policy)) &&
	       cnt < max)
		list[cnt++] = policy;
	qsort(list, cnt, sizeof(*list), policy_cmp);
	for (uint32_t i = 0; i < cnt; i++) {
		struct json_object *obj = wd_json_push(array);

		put_policy(agent, list[i], obj);
		put_hits(agent, list[i], obj);
		wd_json_int(obj, "problems",
			    (int64_t)problem_cnt(agent, list[i]) +
				    wd_model_policy_over(agent->model,
							 list[i]));
	}
	free(list);
}

void wd_query_policy_list(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	struct json_object *array = wd_json_array(doc, "policies");

	(void)req;
	wd_query_no_fd(fd);
	for (size_t i = 0; i < KINDS_CNT; i++)
		list_kind(agent, kinds[i].kind, array);
	wd_ctl_reply(conn, doc);
}

/* ---- get ---- */

static void put_rule(const struct wd_policy_rule *rule, uint32_t dir,
		     struct json_object *obj)
{
	struct json_object *array;
	char *text = wd_rule_text(rule, dir);

	wd_json_int(obj, "line", rule->line);
	wd_json_str(obj, "action", wd_action_text(rule->action));
	wd_json_bool(obj, "broken", rule->broken);
	wd_json_str(obj, "text", text);
	free(text);
	wd_json_bool(obj, "any_peer", rule->any_peer);
	array = wd_json_array(obj, "peers");
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		text = wd_peer_text(&rule->peer[i]);
		wd_json_push_str(array, text);
		free(text);
	}
	wd_json_bool(obj, "any_port", rule->any_port);
	array = wd_json_array(obj, "ports");
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		text = wd_port_text(&rule->port[i]);
		wd_json_push_str(array, text);
		free(text);
	}
}

static void put_rules(const struct wd_agent *agent,
		      const struct wd_object *policy, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "rules");
	struct wd_hits_clock clock = wd_hits_clock();

	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
		const struct wd_policy_rule *rule;

		for (uint32_t i = 0;
		     (rule = wd_policy_rule(&policy->policy, (int)dir, i));
		     i++) {
			struct json_object *obj = wd_json_push(array);
			struct wd_hits hits =
				wd_hits_of(agent, &clock, policy, dir, (int)i);

			wd_json_str(obj, "direction", wd_dir_name(dir));
			wd_json_int(obj, "index", i);
			put_rule(rule, dir, obj);
			wd_json_str(obj, "log",
				    wd_policy_log(&policy->policy, (int)dir,
						  i));
			wd_hits_put(&hits, obj);
		}
	}
}

struct selecting {
	const struct wd_agent *agent;
	const struct wd_object *policy;
	struct json_object *array;
};

static void select_endpoint(void *ctx, const struct wd_ep_info *info)
{
	struct selecting *selecting = ctx;
	const struct wd_object *pod = wd_store_get(selecting->agent->store,
						   WD_KIND_POD, info->ep->ns,
						   info->ep->name);
	char *name = NULL;

	if (!pod || !wd_model_policy_selects(selecting->agent->model,
					     selecting->policy, pod))
		return;
	wd_format(&name, "%s/%s", info->ep->ns, info->ep->name);
	wd_json_push_str(selecting->array, name ?: "");
	free(name);
}

const struct wd_object *wd_query_policy_find(const struct wd_store *store,
					     char **part, int cnt)
{
	const char *name = part[cnt - 1];

	for (size_t i = 0; i < KINDS_CNT; i++) {
		const struct wd_object *policy;
		bool is_named =
			!strcasecmp(part[0], wd_kind_name(kinds[i].kind)) ||
			!strcasecmp(part[0], kinds[i].alias);

		if (cnt == 3 && !is_named)
			continue;
		/* NS/NAME, or the KIND/NAME of one that has no namespace */
		policy = wd_store_get(store, kinds[i].kind,
				      cnt == 2 && is_named ? "" : part[cnt - 2],
				      name);
		if (policy)
			return policy;
	}
	return NULL;
}

/* What the server says of the kind reaches that far; NULL: it is no server's. */
static const char *version_of(const struct wd_agent *agent,
			      const struct wd_object *policy,
			      struct wd_kube_kind_status *status)
{
	if (!agent->kube || strcmp(policy->file, WD_MANIFESTS_KUBE) != 0)
		return NULL;
	for (size_t i = 0; wd_kube_status(agent->kube, i, status); i++)
		if (wd_kube_kinds[i].kind == policy->kind)
			return *status->reflector.version ?
				       status->reflector.version :
				       NULL;
	return NULL;
}

static void put_in_force(const struct wd_agent *agent,
			 const struct wd_object *policy,
			 struct json_object *doc)
{
	struct wd_kube_kind_status status;
	struct wd_model_stats stats;

	wd_model_stats(agent->model, &stats);
	wd_json_str(doc, "node", agent->config.node);
	wd_json_bool(doc, "in_force", wd_query_in_force(agent));
	wd_json_int(doc, "generation", stats.gen);
	wd_json_str(doc, "version", version_of(agent, policy, &status));
}

static struct json_object *policy_doc(const struct wd_agent *agent,
				      const struct wd_object *policy)
{
	struct json_object *doc = json_object_new_object();
	struct selecting selecting = { agent, policy, NULL };
	char *name = object_name(policy);

	put_policy(agent, policy, doc);
	put_rules(agent, policy, doc);
	selecting.array = wd_json_array(doc, "selected");
	wd_model_endpoints(agent->model, select_endpoint, &selecting);
	put_in_force(agent, policy, doc);
	wd_query_problems(agent, name, wd_json_array(doc, "problems"));
	free(name);
	return doc;
}

void wd_query_policy_get(void *ctx, struct wd_ctl_conn *conn,
			 struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *name = wd_json_get_str(req, "name");
	char *copy = wd_xstrdup(name), *part[3];
	const struct wd_object *policy;
	int cnt = wd_query_split(copy, part, 3);

	wd_query_no_fd(fd);
	if (cnt < 2 || cnt > 3) {
		wd_ctl_error(conn, 2, name, "is not KIND/NS/NAME or KIND/NAME");
		goto out;
	}
	policy = wd_query_policy_find(agent->store, part, cnt);
	if (policy)
		wd_ctl_reply(conn, policy_doc(agent, policy));
	else
		wd_ctl_error(conn, 1, name,
			     "no such policy; see `warder policy list`");
out:
	free(copy);
}

/* ---- confirm ---- */

void wd_query_policy_confirm(void *ctx, struct wd_ctl_conn *conn,
			     struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct json_object *doc;
	char *why = NULL;
	int err;

	wd_query_no_fd(fd);
	err = wd_hostpolicy_confirm(agent->hostpolicy,
				    wd_json_get_bool(req, "again"), &why);
	if (err) {
		wd_ctl_error(conn, 1, "policy confirm", "%s",
			     why ? why : wd_errno(err));
	} else {
		doc = json_object_new_object();
		wd_hostpolicy_put(agent->hostpolicy, doc);
		wd_ctl_reply(conn, doc);
	}
	free(why);
}
