/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium_selector.c - selectors of Cilium's policies: keys with a source, and
 * namespaces among the labels.
 *
 *   k8s:KEY, any:KEY, KEY                 a label of the pod
 *   io.kubernetes.pod.namespace           the name of its namespace
 *   io.cilium.k8s.namespace.labels.KEY    a label of its namespace
 *   io.cilium.k8s.policy.serviceaccount   its service account
 *   io.cilium.k8s.policy.cluster          its cluster; this one if none is named
 *   reserved:NAME                         no pod, but an entity
 *
 * A selector that says which of these entities are not meant has nothing added
 * by Cilium: it is of all namespaces and clusters, and means who is no pod, too,
 * if all that it says is what is not meant. What denies means as much here; what
 * allows stays in its namespace.
 *
 * Requirements all hold at once, so those on the namespace and those on the
 * pod are two selectors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/clusters.h"
#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define NS_NAME "kubernetes.io/metadata.name"
#define KEY_NAMESPACE "io.kubernetes.pod.namespace"
#define KEY_NS_LABEL "io.cilium.k8s.namespace.labels."
#define KEY_CLUSTER "io.cilium.k8s.policy.cluster"
#define RESERVED "reserved:"

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What is behind the source, if that is one whose labels pods have. */
static const char *strip(const char *key)
{
	if (begins(key, "k8s:") || begins(key, "any:"))
		return key + 4;
	return key;
}

static int check_key(struct wd_read *r, const struct wd_at *at, uint32_t line,
		     const char *key)
{
	const char *bare = strip(key);

	if (begins(key, RESERVED))
		return 0;
	if (begins(bare, KEY_NS_LABEL))
		bare += strlen(KEY_NS_LABEL);
	if (!strchr(bare, ':'))
		return wd_read_label_key(r, at, line, bare);
	wd_read_problem(r, at, line,
			"'%.80s': labels of pods have the source k8s or any, "
			"or none; reserved names an entity",
			key);
	return -EINVAL;
}

/* ---- sorting requirements ---- */

static void req_give(struct wd_selector *to, struct wd_req *req,
		     const char *key)
{
	const char *old = req->key;

	to->req = wd_xrealloc(to->req, to->cnt + 1, sizeof(*to->req));
	to->req[to->cnt] = *req;
	to->req[to->cnt++].key = wd_str_get(key);
	wd_str_put(old);
	*req = (struct wd_req){ 0 };
}

static void req_drop(struct wd_req *req)
{
	wd_str_put(req->key);
	for (uint32_t i = 0; i < req->cnt; i++)
		wd_str_put(req->values[i]);
	free(req->values);
	*req = (struct wd_req){ 0 };
}

/* Pods have no label of the source reserved: does it hold for all of them? */
static bool is_without(const struct wd_req *req)
{
	return req->op == WD_OP_NOT_EXISTS || req->op == WD_OP_NOT_IN;
}

enum whose_cluster {
	CLUSTER_OWN, /* this one alone: nothing is required */
	CLUSTER_NONE, /* one that is not known */
	CLUSTER_OTHERS, /* also, or only, others that there are */
};

/* Which pods' clusters does it hold for? */
static enum whose_cluster whose_cluster(const struct wd_req *req)
{
	bool named = false;
	bool others = false;

	for (uint32_t i = 0; i < req->cnt; i++) {
		bool is_own = strcmp(req->values[i], wd_clusters_own()) == 0;

		named |= is_own;
		others |= !is_own && wd_clusters_has(req->values[i]);
	}
	switch (req->op) {
	case WD_OP_IN:
		break;
	case WD_OP_NOT_IN:
		if (!wd_clusters_alone())
			return CLUSTER_OTHERS;
		return named ? CLUSTER_NONE : CLUSTER_OWN;
	case WD_OP_EXISTS:
		return wd_clusters_alone() ? CLUSTER_OWN : CLUSTER_OTHERS;
	case WD_OP_NOT_EXISTS:
		return CLUSTER_NONE;
	}
	if (others)
		return CLUSTER_OTHERS;
	return named ? CLUSTER_OWN : CLUSTER_NONE;
}

/* A requirement on the cluster. */
static int route_cluster(struct wd_read *r, const struct wd_at *at,
			 uint32_t line, struct wd_req *req,
			 struct wd_selector *ns)
{
	switch (whose_cluster(req)) {
	case CLUSTER_OWN:
		req_drop(req);
		return 0;
	case CLUSTER_OTHERS:
		req_give(ns, req, WD_LABEL_CLUSTER);
		return 0;
	case CLUSTER_NONE:
		break;
	}
	wd_read_problem(r, at, line,
			"means other clusters than there are; this one is "
			"'%s', others are named by --cluster",
			wd_clusters_own());
	return -EINVAL;
}

/* One requirement where it belongs. */
static int route(struct wd_read *r, const struct wd_at *at, uint32_t line,
		 struct wd_req *req, struct wd_selector *ns,
		 struct wd_selector *pod)
{
	const char *key = strip(req->key);

	if (begins(req->key, RESERVED) && is_without(req)) {
		req_drop(req);
	} else if (begins(req->key, RESERVED)) {
		wd_read_problem(r, at, line,
				"'%.80s' must stand alone: no pod has it",
				req->key);
		return -EINVAL;
	} else if (strcmp(key, KEY_CLUSTER) == 0) {
		return route_cluster(r, at, line, req, ns);
	} else if (strcmp(key, KEY_NAMESPACE) == 0) {
		req_give(ns, req, NS_NAME);
	} else if (begins(key, KEY_NS_LABEL)) {
		req_give(ns, req, key + strlen(KEY_NS_LABEL));
	} else {
		req_give(pod, req, key);
	}
	return 0;
}

/* "reserved:host" by itself, as a label or as Exists. */
static const char *entity_of(const struct wd_selector *sel)
{
	const struct wd_req *req = sel->req;

	if (sel->cnt != 1 || !begins(req->key, RESERVED) || is_without(req))
		return NULL;
	if (req->op == WD_OP_IN && (req->cnt != 1 || *req->values[0]))
		return NULL;
	return req->key + strlen(RESERVED);
}

static void add_name(struct wd_selector *ns, const char *name)
{
	struct wd_req req = { .key = wd_str_get(NS_NAME),
			      .op = WD_OP_IN,
			      .cnt = 1,
			      .values = wd_xcalloc(1, sizeof(*req.values)) };

	req.values[0] = wd_str_get(name);
	req_give(ns, &req, NS_NAME);
}

static bool names(const struct wd_req *req, const char *name)
{
	bool in = false;

	for (uint32_t i = 0; i < req->cnt; i++)
		in |= strcmp(req->values[i], name) == 0;
	return in ? req->op == WD_OP_IN :
		    req->op == WD_OP_NOT_IN || req->op == WD_OP_EXISTS;
}

/*
 * A subject is of the policy's own namespace. Cilium removes what says
 * otherwise; to select nobody instead would leave open what it closes.
 */
static void stay_within(struct wd_read *r, const struct wd_at *at,
			uint32_t line, struct wd_selector *ns,
			const char *within)
{
	enum wd_problem_effect effect = r->effect;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < ns->cnt; i++) {
		struct wd_req *req = &ns->req[i];

		if (strcmp(req->key, NS_NAME) != 0) {
			ns->req[kept++] = *req;
			continue;
		}
		r->effect = WD_PROBLEM_IGNORED;
		if (!names(req, within))
			wd_read_problem(r, at, line,
					"names another namespace; it means "
					"pods of '%.63s', as Cilium takes it",
					within);
		r->effect = effect;
		req_drop(req);
	}
	ns->cnt = kept;
	if (kept)
		add_name(ns, within);
}

/* Each pod has a namespace: who is meant is not said, and may be many. */
static int check_namespaces(struct wd_read *r, const struct wd_at *at,
			    uint32_t line, const struct wd_selector *all)
{
	for (uint32_t i = 0; i < all->cnt; i++) {
		if (strcmp(strip(all->req[i].key), KEY_NAMESPACE) != 0 ||
		    all->req[i].op != WD_OP_NOT_EXISTS)
			continue;
		wd_read_problem(r, at, line,
				"means who has no namespace, which is no pod; "
				"name entities instead");
		return -EINVAL;
	}
	return 0;
}

/* Is the entity whose label it is kept out? That label has no value. */
static bool is_sparing(const struct wd_req *req)
{
	bool sparing = req->op == WD_OP_NOT_EXISTS;

	for (uint32_t i = 0; req->op == WD_OP_NOT_IN && i < req->cnt; i++)
		sparing |= !*req->values[i];
	return sparing;
}

/* Which entities are not meant. Return: true if it says so of any. */
static bool read_spared(const struct wd_selector *all,
			struct wd_cilium_selector *sel)
{
	bool found = false;
	bool without = true;

	for (uint32_t i = 0; i < all->cnt; i++) {
		const char *key = all->req[i].key;

		without &= is_without(&all->req[i]);
		if (!begins(key, RESERVED))
			continue;
		found = true;
		if (!is_sparing(&all->req[i]))
			continue;
		sel->spares_own |= !strcmp(key, RESERVED "host");
		sel->spares_nodes |= !strcmp(key, RESERVED "remote-node");
		sel->spares_world |= !strcmp(key, RESERVED "world");
	}
	sel->others = found && without;
	return found;
}

/* Of all namespaces and clusters, but for those that are named. */
static struct wd_selector *unbind(struct wd_selector *ns)
{
	struct wd_req any = { .op = WD_OP_EXISTS };

	if (!wd_clusters_alone() && !wd_selector_names_cluster(ns))
		req_give(ns, &any, WD_LABEL_CLUSTER);
	wd_selector_sort(ns);
	return wd_selector_share(ns);
}

/* A cluster alone was named: it means the policy's namespace there. */
static void stay_home(struct wd_selector *ns, const char *home)
{
	if (*home && ns->cnt == 1 && wd_selector_names_cluster(ns))
		add_name(ns, home);
}

int wd_read_cilium_selector(struct wd_read *r, const struct wd_at *at,
			    const struct wd_tree *map, const char *home,
			    enum wd_cilium_use use,
			    struct wd_cilium_selector *ret_sel)
{
	struct wd_selector all = { 0 };
	struct wd_selector *ns = wd_xcalloc(1, sizeof(*ns));
	uint32_t line = map ? map->line : 0;
	const char *entity;
	bool unbound;
	int err = wd_read_selector_keys(r, at, map, check_key, &all);

	*ret_sel = (struct wd_cilium_selector){
		.pod_sel = wd_xcalloc(1, sizeof(*ret_sel->pod_sel))
	};
	if (!err && use != WD_CILIUM_SUBJECT)
		err = check_namespaces(r, at, line, &all);
	entity = err ? NULL : entity_of(&all);
	if (entity)
		ret_sel->entity = wd_str_get(entity);
	unbound = !err && !entity && use == WD_CILIUM_DENIED &&
		  read_spared(&all, ret_sel);
	for (uint32_t i = 0; i < all.cnt; i++) {
		if (!err && !entity)
			err = route(r, at, line, &all.req[i], ns,
				    ret_sel->pod_sel);
		if (all.req[i].key)
			req_drop(&all.req[i]);
	}
	free(all.req);
	wd_selector_sort(ret_sel->pod_sel);
	if (unbound) {
		ret_sel->ns_sel = unbind(ns);
		return err;
	}
	if (use == WD_CILIUM_SUBJECT && *home)
		stay_within(r, at, line, ns, home);
	stay_home(ns, home);
	wd_selector_sort(ns);
	if (ns->cnt) {
		ret_sel->ns_sel = wd_selector_share(ns);
	} else {
		free(ns->req);
		free(ns);
	}
	return err;
}

/* ---- of services and nodes ---- */

static const char *strip_node(const char *key)
{
	if (begins(key, "node:"))
		return key + 5;
	return begins(key, "any:") ? key + 4 : key;
}

static int check_sourced(struct wd_read *r, const struct wd_at *at,
			 uint32_t line, const char *key)
{
	return wd_read_label_key(r, at, line, strip(key));
}

static int check_node(struct wd_read *r, const struct wd_at *at, uint32_t line,
		      const char *key)
{
	if (strcmp(strip(key), KEY_CLUSTER) != 0)
		return wd_read_label_key(r, at, line, strip_node(key));
	wd_read_problem(r, at, line,
			"the cluster of a node is not known; leave it out if "
			"nodes of this one are meant");
	return -EINVAL;
}

int wd_read_sourced_selector(struct wd_read *r, const struct wd_at *at,
			     const struct wd_tree *map,
			     enum wd_read_source source,
			     struct wd_selector **ret_sel)
{
	bool node = source == WD_SOURCE_NODE;
	struct wd_selector *sel;
	int err;

	if (!map)
		return 0;
	sel = wd_xcalloc(1, sizeof(*sel));
	err = wd_read_selector_keys(r, at, map,
				    node ? check_node : check_sourced, sel);
	for (uint32_t i = 0; i < sel->cnt; i++) {
		const char *was = sel->req[i].key;

		if (!was)
			continue;
		sel->req[i].key =
			wd_str_get(node ? strip_node(was) : strip(was));
		wd_str_put(was);
	}
	wd_selector_sort(sel);
	*ret_sel = wd_selector_share(sel);
	return err;
}
