/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asof.c - the reader of manifests and the compiler of an agent, with tables in
 * memory that no program looks at.
 */
#include "asof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warder/limits.h>

#include "../agent/config.h"
#include "../base/log.h"
#include "../base/target.h"
#include "../model/model.h"
#include "../model/nodes.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/manifests.h"
#include "../source/problems.h"
#include "inquiry.h"

#define ENDS 2

struct wd_asof {
	struct wd_world world;
	struct wd_store *store;
	struct wd_manifests *manifests;
	struct wd_model *model;
	struct wd_sink sink;
	struct wd_nodes nodes;
	struct wd_target target[ENDS]; /* from, to */
	struct wd_endpoint *ep; /* WD_ENDPOINTS_MAX */
	size_t ep_cnt;
	uint32_t unasked; /* backends for which there was no more room */
};

/* ---- the ends ---- */

static bool has_addr(const struct wd_object *pod, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < pod->pod.addr_cnt; i++)
		if (wd_addr_equal(&pod->pod.addr[i], addr))
			return true;
	return false;
}

static bool is_guarded(const struct wd_object *pod)
{
	return !pod->pod.host_network && !pod->pod.finished &&
	       pod->pod.addr_cnt;
}

static const struct wd_object *pod_with(const struct wd_asof *asof,
					const struct wd_addr *addr)
{
	const struct wd_object *pod = NULL;

	while ((pod = wd_store_next(asof->store, WD_KIND_POD, pod)))
		if (is_guarded(pod) && has_addr(pod, addr))
			return pod;
	return NULL;
}

static const struct wd_object *pod_of(const struct wd_asof *asof, int end)
{
	const struct wd_target *target = &asof->target[end];

	if (target->type == WD_TARGET_POD)
		return wd_store_get(asof->store, WD_KIND_POD, target->ns,
				    target->name);
	return target->type == WD_TARGET_ADDR ? pod_with(asof, &target->addr) :
						NULL;
}

static void add_endpoint(struct wd_asof *asof, const struct wd_object *pod)
{
	struct wd_endpoint *ep = &asof->ep[asof->ep_cnt];
	uint32_t cnt = pod->pod.addr_cnt;

	for (size_t i = 0; i < asof->ep_cnt; i++)
		if (asof->ep[i].ns == pod->ns && asof->ep[i].name == pod->name)
			return;
	if (asof->ep_cnt == WD_ENDPOINTS_MAX) {
		asof->unasked++;
		return;
	}
	asof->ep_cnt++;
	*ep = (struct wd_endpoint){
		.id = (uint32_t)asof->ep_cnt,
		.stat = (uint32_t)asof->ep_cnt,
		.ifindex = 100 + (uint32_t)asof->ep_cnt,
		.addr_cnt = cnt < 2 * WD_EP_ADDRS ? cnt : 2 * WD_EP_ADDRS,
		.ns = pod->ns,
		.name = pod->name,
		.uid = pod->uid,
		.container = "",
		.network = "",
		.netns = "",
	};
	memcpy(ep->addr, pod->pod.addr, ep->addr_cnt * sizeof(*ep->addr));
	wd_model_endpoint_set(asof->model, ep);
}

static void add_backend(void *ctx, const struct wd_addr *addr)
{
	struct wd_asof *asof = ctx;
	const struct wd_object *pod = pod_with(asof, addr);

	if (pod)
		add_endpoint(asof, pod);
}

/* A service is no pod: who answers for it has the last word. Return: any more */
static bool add_backends(struct wd_asof *asof)
{
	const struct wd_target *to = &asof->target[1];
	const struct wd_flow flow = { .dst = to->addr,
				      .proto = to->proto,
				      .port = to->port };
	size_t before = asof->ep_cnt;

	if (to->type != WD_TARGET_ADDR || to->icmp)
		return false;
	wd_model_backends(asof->model, &flow, add_backend, asof);
	return asof->ep_cnt > before;
}

/* `host` is the node of the pod at the other end, unless it was said. */
static const char *node_of(const struct wd_asof *asof, const char *given)
{
	for (int end = 0; !given && end < ENDS; end++) {
		const struct wd_object *pod = pod_of(asof, end);

		if (pod)
			given = pod->pod.node;
	}
	return given ? given : "";
}

/* ---- who asks ---- */

static const struct wd_endpoint *by_pod(void *ctx, const char *ns,
					const char *name)
{
	const struct wd_asof *asof = ctx;

	for (size_t i = 0; i < asof->ep_cnt; i++)
		if (!strcmp(asof->ep[i].ns, ns) &&
		    !strcmp(asof->ep[i].name, name))
			return &asof->ep[i];
	return NULL;
}

static const struct wd_endpoint *by_addr(void *ctx, const struct wd_addr *addr)
{
	const struct wd_asof *asof = ctx;

	for (size_t i = 0; i < asof->ep_cnt; i++)
		for (uint32_t j = 0; j < asof->ep[i].addr_cnt; j++)
			if (wd_addr_equal(&asof->ep[i].addr[j], addr))
				return &asof->ep[i];
	return NULL;
}

/* As the agent has it: where no prefix is known, anybody may be inside. */
static bool inside(void *ctx, const struct wd_addr *addr)
{
	const struct wd_asof *asof = ctx;
	bool is_known = false;

	for (size_t i = 0; i < asof->nodes.cnt; i++) {
		const struct wd_node *node = &asof->nodes.node[i].node;

		for (uint32_t j = 0; j < node->cidr_cnt; j++) {
			if (node->cidr[j].addr.family != addr->family)
				continue;
			is_known = true;
			if (wd_cidr_has(&node->cidr[j], addr))
				return true;
		}
	}
	return !is_known;
}

/* ---- life ---- */

static int read_targets(struct wd_asof *asof, const struct wd_asof_opts *opts,
			char **ret_error)
{
	int err = wd_target_from(opts->from, &asof->target[0], ret_error);

	return err ? err : wd_target_to(opts->to, &asof->target[1], ret_error);
}

static int read_manifests(struct wd_asof *asof, const struct wd_asof_opts *opts,
			  char **ret_error)
{
	const struct wd_problems *lost;
	int err = wd_manifests_new(opts->dir, opts->dir_cnt, NULL, asof->store,
				   &asof->manifests);
	int cnt = err ? err : wd_manifests_scan(asof->manifests);

	if (cnt < 0) {
		*ret_error = wd_xprintf("the manifests cannot be read: %s",
					wd_errno(cnt));
		return cnt;
	}
	lost = wd_manifests_lost(asof->manifests);
	if (!lost->cnt)
		return 0;
	*ret_error = wd_xprintf("%s: cannot be read", lost->problem[0].file);
	return -ENOENT;
}

static void start_model(struct wd_asof *asof, const struct wd_asof_opts *opts,
			const char *node)
{
	const struct wd_config *from = opts->config;
	struct wd_model_config config = {
		.node = node,
		.mode = from->mode,
		.encrypt = from->encryption_required,
		.exempt = (const char *const *)from->exempt,
		.exempt_cnt = from->exempt_cnt,
		.inside = from->prefix,
		.inside_cnt = from->prefix_cnt,
	};
	const struct wd_object *self = wd_nodes_object(asof->store, node);

	memcpy(config.quota, from->quota, sizeof(config.quota));
	asof->model = wd_model_new(asof->store, &asof->sink, &config);
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(asof->store, (enum wd_kind)kind,
					    obj)))
			wd_model_changed(asof->model, NULL, obj);
	}
	if (self)
		wd_model_host_addrs(asof->model, self->node.addr,
				    self->node.addr_cnt);
	for (int end = 0; end < ENDS; end++) {
		const struct wd_object *pod = pod_of(asof, end);

		if (pod && is_guarded(pod))
			add_endpoint(asof, pod);
	}
}

/* Judged at the pod it goes to, whose node it is not: it is an address like others. */
static int check_host(const struct wd_asof *asof, const char *node,
		      char **ret_error)
{
	const struct wd_object *to = pod_of(asof, 1);

	if (asof->target[0].type != WD_TARGET_HOST || !to || !to->pod.node ||
	    !strcmp(to->pod.node, node))
		return 0;
	*ret_error = wd_xprintf("'host' is node '%s', and the receiver is on "
				"'%s': give an address of the node instead",
				node, to->pod.node);
	return -EINVAL;
}

static int open_all(struct wd_asof *asof, const struct wd_asof_opts *opts,
		    char **ret_error)
{
	int err = read_targets(asof, opts, ret_error);
	const char *node;

	if (!err)
		err = read_manifests(asof, opts, ret_error);
	if (err)
		return err;
	wd_nodes_read(asof->store, &asof->nodes);
	node = node_of(asof, opts->node);
	err = check_host(asof, node, ret_error);
	if (err)
		return err;
	start_model(asof, opts, node);
	asof->world = (struct wd_world){
		.store = asof->store,
		.model = asof->model,
		.node = node,
		.host_policy = opts->config->host_ingress_policy,
		.late = true,
		.everywhere = true,
		.as_of = opts->dir[0],
		.by_pod = by_pod,
		.by_addr = by_addr,
		.inside = inside,
		.ctx = asof,
	};
	err = wd_model_commit_whole(asof->model, ret_error);
	if (!err && add_backends(asof))
		err = wd_model_commit_whole(asof->model, ret_error);
	return err;
}

int wd_asof_open(const struct wd_asof_opts *opts, struct wd_asof **ret_asof,
		 char **ret_error)
{
	struct wd_asof *asof = wd_xcalloc(1, sizeof(*asof));
	int err;

	*ret_error = NULL;
	wd_sink_nowhere(&asof->sink);
	wd_sink_tables(&asof->sink);
	asof->ep = wd_xcalloc(WD_ENDPOINTS_MAX, sizeof(*asof->ep));
	asof->store = wd_store_new(NULL, NULL);
	err = open_all(asof, opts, ret_error);
	if (err)
		wd_asof_close(asof);
	else
		*ret_asof = asof;
	return err;
}

void wd_asof_close(struct wd_asof *asof)
{
	if (!asof)
		return;
	if (asof->model)
		wd_model_free(asof->model);
	wd_nodes_fini(&asof->nodes);
	wd_manifests_free(asof->manifests);
	wd_store_free(asof->store);
	free(asof->ep);
	wd_sink_tables_free(&asof->sink);
	free(asof);
}

const struct wd_world *wd_asof_world(const struct wd_asof *asof)
{
	return &asof->world;
}

uint32_t wd_asof_unasked(const struct wd_asof *asof)
{
	return asof->unasked;
}

uint32_t wd_asof_problems(const struct wd_asof *asof)
{
	const struct wd_problems *problems =
		wd_manifests_problems(asof->manifests);
	uint32_t cnt = 0;

	for (size_t i = 0; i < problems->cnt; i++)
		cnt += problems->problem[i].effect != WD_PROBLEM_IGNORED;
	return cnt;
}
