/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_endpoint.c - the local pod interfaces: what each is and how it stands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../model/intern.h"
#include "../model/xalloc.h"
#include "query.h"

const char *wd_query_endpoint_state(const struct wd_agent *agent,
				    const struct wd_ep_info *info)
{
	if (wd_endpoints_trouble(agent->endpoints, info->ep->id))
		return "unattached";
	if (wd_endpoints_stray(agent->endpoints, info->ep->id))
		return "unenforced";
	switch (info->state) {
	case WD_EP_WAITING:
		return "waiting";
	case WD_EP_ENFORCED:
		return "enforced";
	case WD_EP_TOO_LARGE:
		return "too_large";
	}
	return "unknown";
}

/* What is wrong with it, NULL nothing. */
static const char *trouble_of(const struct wd_agent *agent,
			      const struct wd_ep_info *info)
{
	int err = wd_endpoints_trouble(agent->endpoints, info->ep->id);

	if (err)
		return wd_errno(err);
	return wd_endpoints_stray(agent->endpoints, info->ep->id) ?:
								    info->error;
}

static void put_isolated(const struct wd_ep_info *info, struct json_object *obj)
{
	struct json_object *array = wd_json_array(obj, "isolated");

	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++)
		if (info->isolated[dir])
			wd_json_push_str(array, wd_dir_name(dir));
}

static void put_endpoint(const struct wd_agent *agent,
			 const struct wd_ep_info *info, struct json_object *obj)
{
	const struct wd_endpoint *ep = info->ep;
	struct json_object *array;
	struct wd_model_stats stats;
	char buf[WD_ADDR_STRLEN];

	wd_model_stats(agent->model, &stats);
	wd_json_str(obj, "namespace", ep->ns);
	wd_json_str(obj, "name", ep->name);
	wd_json_int(obj, "id", ep->id);
	wd_json_str(obj, "interface", ep->host_name);
	wd_json_int(obj, "ifindex", ep->ifindex);
	array = wd_json_array(obj, "addresses");
	for (uint32_t i = 0; i < ep->addr_cnt; i++)
		wd_json_push_str(array, wd_addr_str(&ep->addr[i], buf));
	wd_query_identity(obj, "identity", info->identity);
	wd_json_int(obj, "slot", info->slot);
	wd_json_int(obj, "trial", info->trial);
	wd_json_bool(obj, "lifted", info->lifted);
	wd_json_bool(obj, "slo_audit", info->relaxed);
	wd_json_str(obj, "deny_response", info->rejects ? "reject" : "drop");
	wd_json_int(obj, "generation", stats.gen);
	wd_json_str(obj, "mode", wd_mode_name(info->mode));
	wd_json_str(obj, "state", wd_query_endpoint_state(agent, info));
	put_isolated(info, obj);
	wd_json_str(obj, "error", trouble_of(agent, info));
}

static void put_stat(struct json_object *obj, const char *key,
		     const struct wd_stat_val *stat)
{
	struct json_object *child = wd_json_object(obj, key);

	wd_json_int(child, "packets", (int64_t)stat->packets);
	wd_json_int(child, "bytes", (int64_t)stat->bytes);
}

static void put_counters(const struct wd_agent *agent,
			 const struct wd_endpoint *ep, struct json_object *obj)
{
	struct json_object *counters = wd_json_object(obj, "counters");
	struct wd_epstat_val stat;

	if (wd_epstat_read(agent->dp, ep->stat, &stat))
		return;
	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
		struct json_object *child =
			wd_json_object(counters, wd_dir_name(dir));

		put_stat(child, "allow", &stat.allow[dir]);
		put_stat(child, "drop", &stat.drop[dir]);
		put_stat(child, "audit", &stat.audit[dir]);
	}
}

static void put_answers(const struct wd_agent *agent,
			const struct wd_endpoint *ep, struct json_object *obj)
{
	struct wd_answer_val val;

	if (wd_answer_read(agent->dp, ep->stat, ep->id, &val))
		return;
	obj = wd_json_object(obj, "answers");
	wd_json_int(obj, "sent", (int64_t)val.sent);
	wd_json_int(obj, "held", (int64_t)val.held);
	wd_json_int(obj, "failed", (int64_t)val.failed);
}

struct listing {
	const struct wd_agent *agent;
	struct json_object *array;
	bool with_counters;
};

static void list_endpoint(void *ctx, const struct wd_ep_info *info)
{
	struct listing *listing = ctx;

	struct json_object *obj = wd_json_push(listing->array);

	put_endpoint(listing->agent, info, obj);
	if (listing->with_counters)
		put_counters(listing->agent, info->ep, obj);
}

void wd_query_endpoint_list(void *ctx, struct wd_ctl_conn *conn,
			    struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	struct listing listing = { agent, wd_json_array(doc, "endpoints"),
				   wd_json_get_bool(req, "counters") };

	wd_query_no_fd(fd);
	wd_model_endpoints(agent->model, list_endpoint, &listing);
	wd_ctl_reply(conn, doc);
}

static void put_policies(const struct wd_agent *agent,
			 const struct wd_object *pod, struct json_object *obj)
{
	struct json_object *array = wd_json_array(obj, "policies");
	const struct wd_object *policy = NULL;

	if (!pod)
		return;
	while ((policy = wd_query_next_policy(agent->store, policy))) {
		struct json_object *child, *dirs;

		if (!wd_model_policy_selects(agent->model, policy, pod))
			continue;
		child = wd_json_push(array);
		wd_query_policy_name(child, policy);
		dirs = wd_json_array(child, "isolates");
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++)
			if (wd_policy_isolates(&policy->policy, (int)dir))
				wd_json_push_str(dirs, wd_dir_name(dir));
	}
}

static void put_mac(struct json_object *obj, const char *key,
		    const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	wd_json_str(obj, key, text);
}

static void put_details(const struct wd_agent *agent,
			const struct wd_endpoint *ep, struct json_object *obj)
{
	const struct wd_object *pod =
		wd_store_get(agent->store, WD_KIND_POD, ep->ns, ep->name);

	wd_json_str(obj, "uid", ep->uid);
	wd_json_str(obj, "container", ep->container);
	wd_json_str(obj, "netns", ep->netns);
	wd_json_str(obj, "pod_interface", ep->pod_name);
	put_mac(obj, "pod_mac", ep->pod_mac);
	put_mac(obj, "host_mac", ep->host_mac);
	wd_json_int(obj, "master", ep->master);
	wd_json_bool(obj, "attached",
		     wd_datapath_check(agent->dp, ep->ifindex) == 0);
	wd_query_labels(obj, "labels", pod ? pod->pod.labels : NULL);
	put_policies(agent, pod, obj);
	put_counters(agent, ep, obj);
	put_answers(agent, ep, obj);
}

void wd_query_endpoint_get(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *name = wd_json_get_str(req, "name");
	char *copy = wd_xstrdup(name), *part[2];
	const struct wd_endpoint *ep = NULL;
	struct wd_ep_info info;
	struct json_object *doc;

	wd_query_no_fd(fd);
	if (wd_query_split(copy, part, 2) != 2) {
		wd_ctl_error(conn, 2, name, "is not NS/POD");
		goto out;
	}
	ep = wd_endpoints_find(agent->endpoints, part[0], part[1]);
	if (!ep || wd_model_endpoint(agent->model, ep->id, &info)) {
		wd_ctl_error(conn, 1, name,
			     "is not an endpoint of this node; see `warder "
			     "endpoint list`");
		goto out;
	}
	doc = json_object_new_object();
	put_endpoint(agent, &info, doc);
	put_details(agent, ep, doc);
	wd_ctl_reply(conn, doc);
out:
	free(copy);
}
