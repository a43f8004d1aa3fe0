/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_why.c - `why`: a question to this agent, of what it enforces now.
 */
#include <stdlib.h>

#include "../agent/adopt.h"
#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../agent/rungs.h"
#include "../agent/services.h"
#include "../base/json.h"
#include "../datapath/datapath.h"
#include "../encryption/encryption.h"
#include "../model/trace.h"
#include "inquiry.h"
#include "query.h"

static const struct wd_endpoint *by_pod(void *ctx, const char *ns,
					const char *name)
{
	const struct wd_agent *agent = ctx;

	return wd_endpoints_find(agent->endpoints, ns, name);
}

static const struct wd_endpoint *by_addr(void *ctx, const struct wd_addr *addr)
{
	const struct wd_agent *agent = ctx;

	return wd_endpoints_by_addr(agent->endpoints, addr);
}

static bool inside(void *ctx, const struct wd_addr *addr)
{
	const struct wd_agent *agent = ctx;

	return wd_encryption_inside(agent->encryption, addr);
}

static int get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	const struct wd_agent *agent = ctx;

	return wd_map_get(agent->dp, map, key, ret_val);
}

/*
 * What differs is looked for in all maps at once, repaired and counted; what that
 * does not find is counted all the same. Not while a change is on its way.
 */
static void tell_drift(struct wd_agent *agent, struct json_object *doc)
{
	if (!wd_json_get_bool(doc, "drift") || wd_model_dirty(agent->model))
		return;
	if (wd_drift_check(agent) == 0)
		wd_drift_tell(agent, 1, false,
			      "drift: `warder why` hears something else of the "
			      "kernel than of the objects");
}

void wd_query_why(void *ctx, struct wd_ctl_conn *conn, struct json_object *req,
		  int fd)
{
	struct wd_agent *agent = ctx;
	const struct wd_trace_source kernel = { .ctx = agent, .get = get };
	const struct wd_world world = {
		.store = agent->store,
		.model = agent->model,
		.node = agent->config.node,
		.host_policy = agent->config.host_ingress_policy,
		.late = wd_services_exact(agent),
		.rung = wd_rungs_name(agent),
		.kernel = wd_datapath_has_programs(agent->dp) ? &kernel : NULL,
		.by_pod = by_pod,
		.by_addr = by_addr,
		.inside = inside,
		.ctx = agent,
	};
	struct wd_refusal refusal;
	struct json_object *doc;

	wd_query_no_fd(fd);
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "why", "the agent is still starting");
		return;
	}
	doc = wd_inquire(&world, req, &refusal);
	if (doc) {
		if (world.kernel)
			wd_json_str(doc, "bpffs", agent->config.bpffs);
		tell_drift(agent, doc);
		wd_ctl_reply(conn, doc);
	} else {
		wd_ctl_error(conn, refusal.code, refusal.where, "%s",
			     refusal.text);
	}
	free(refusal.where);
	free(refusal.text);
}
