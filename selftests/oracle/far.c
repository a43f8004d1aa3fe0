// SPDX-License-Identifier: GPL-2.0-only
/*
 * far.c - pods of other clusters: whatever this cluster says of an address counts
 * more, and who does not name a cluster means this one.
 */
#include <string.h>

#include "oracle_int.h"

#define CLUSTER_LABEL "k8s:io.cilium.k8s.policy.cluster"
#define OWN_CLUSTER "default"

bool is_far(const char *ns)
{
	return ns && strchr(ns, '/'); /* the node itself is in none */
}

const char *far_ns_name(const char *ns)
{
	const char *slash = strchr(ns, '/');

	return slash ? slash + 1 : ns;
}

bool far_req(const struct wd_req *req, const char *ns, bool *ret_holds)
{
	char cluster[64] = OWN_CLUSTER;

	if (strcmp(req->key, CLUSTER_LABEL) != 0)
		return false;
	if (is_far(ns)) {
		strncpy(cluster, ns, sizeof(cluster) - 1);
		*strchr(cluster, '/') = '\0';
	}
	*ret_holds = req_holds(req, cluster);
	return true;
}

bool far_is_named(const struct wd_selector *sel)
{
	for (uint32_t i = 0; i < sel->cnt; i++)
		if (!strcmp(sel->req[i].key, CLUSTER_LABEL))
			return true;
	return false;
}

static bool is_same_cluster(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return len == strcspn(b, "/") && !strncmp(a, b, len);
}

/* This cluster says something of the address: a node's, or where its pods are. */
static bool is_ours(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	const struct wd_object *node = NULL;

	if (has_addr(oracle->host, (uint32_t)oracle->host_cnt, addr))
		return true;
	while ((node = wd_store_next(oracle->store, WD_KIND_NODE, node))) {
		if (has_addr(node->node.addr, node->node.addr_cnt, addr))
			return true;
		for (uint32_t i = 0; i < node->node.cidr_cnt; i++)
			if (addr_same_prefix(&node->node.cidr[i].addr, addr,
					     node->node.cidr[i].len))
				return true;
	}
	return false;
}

bool far_is_disputed(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	const struct wd_object *pod = NULL, *first = NULL;

	while ((pod = wd_store_next(oracle->store, WD_KIND_POD, pod))) {
		if (!is_far(pod->ns) ||
		    !has_addr(pod->pod.addr, pod->pod.addr_cnt, addr))
			continue;
		if (first && !is_same_cluster(first->ns, pod->ns))
			return !is_ours(oracle, addr);
		first = pod;
	}
	return false;
}

const struct wd_object *far_owner(const struct wd_oracle *oracle,
				  const struct wd_addr *addr)
{
	const struct wd_object *best = NULL, *pod = NULL;

	if (is_ours(oracle, addr))
		return NULL;
	while ((pod = wd_store_next(oracle->store, WD_KIND_POD, pod))) {
		if (!is_far(pod->ns) ||
		    !has_addr(pod->pod.addr, pod->pod.addr_cnt, addr))
			continue;
		/* what two clusters claim is neither's */
		if (best && !is_same_cluster(best->ns, pod->ns))
			return NULL;
		if (!best || pod_is_newer(pod, best))
			best = pod;
	}
	return best;
}

bool far_name_counts(const struct wd_peer *peer, const struct wd_port *port)
{
	return !port->name || (peer && peer->type == WD_PEER_PODS);
}
