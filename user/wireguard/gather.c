/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gather.c - from objects to nodes with keys, prefixes and pods. Reads only.
 */
#include "gather.h"

#include <stdlib.h>
#include <string.h>

#include "../model/store.h"
#include "../model/xalloc.h"

/* Has it addresses of its own that are in use? */
static bool pod_counts(const struct wd_pod *pod)
{
	return !pod->host_network && !pod->finished && pod->addr_cnt;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct wd_wg_node *x = a;
	const struct wd_wg_node *y = b;

	return strcmp(x->name, y->name);
}

static void take_node(const struct wd_named_node *from, struct wd_wg_node *node)
{
	node->name = from->name;
	node->has_key = from->node.has_wgkey;
	node->key = from->node.wgkey;
	node->addr_cnt = from->node.addr_cnt;
	node->addr = from->node.addr;
	node->cidr_cnt = from->node.cidr_cnt;
	node->cidr = from->node.cidr;
}

/* Names that several say; that of an object first. */
static uint32_t keep_distinct(struct wd_wg_node *node, uint32_t objects,
			      uint32_t cnt)
{
	uint32_t kept = objects, sorted = objects;

	qsort(node, objects, sizeof(*node), compare_nodes);
	for (uint32_t i = objects; i < cnt; i++) {
		if (bsearch(&node[i], node, sorted, sizeof(*node),
			    compare_nodes))
			continue;
		node[kept++] = node[i];
		/* Seldom: a node that has pods and no object. */
		qsort(node, kept, sizeof(*node), compare_nodes);
		sorted = kept;
	}
	return kept;
}

static void gather_nodes(const struct wd_store *store, const char *self,
			 struct wd_wg_gathered *ret)
{
	uint32_t cnt = 0, objects;
	const struct wd_object *obj = NULL;

	wd_nodes_read(store, &ret->nodes);
	ret->node = wd_xcalloc(ret->nodes.cnt +
				       wd_store_count(store, WD_KIND_POD) + 1,
			       sizeof(*ret->node));
	for (size_t i = 0; i < ret->nodes.cnt; i++)
		take_node(&ret->nodes.node[i], &ret->node[cnt++]);
	objects = cnt;
	while ((obj = wd_store_next(store, WD_KIND_POD, obj))) {
		if (obj->pod.node && pod_counts(&obj->pod))
			ret->node[cnt++].name = obj->pod.node;
	}
	cnt = keep_distinct(ret->node, objects, cnt);
	for (uint32_t i = 0; i < cnt; i++) {
		ret->node[i].number = i + 1;
		ret->node[i].is_self = !strcmp(ret->node[i].name, self);
	}
	ret->cluster.node = ret->node;
	ret->cluster.node_cnt = cnt;
}

static uint32_t number_of(const struct wd_wg_gathered *gathered,
			  const char *name)
{
	const struct wd_wg_node want = { .name = name };
	const struct wd_wg_node *hit = NULL;

	if (name)
		hit = bsearch(&want, gathered->node, gathered->cluster.node_cnt,
			      sizeof(want), compare_nodes);
	return hit ? hit->number : 0;
}

static void gather_pods(const struct wd_store *store,
			struct wd_wg_gathered *ret)
{
	const struct wd_object *obj = NULL;
	size_t cap = 0;

	while ((obj = wd_store_next(store, WD_KIND_POD, obj))) {
		uint32_t node;

		if (!pod_counts(&obj->pod))
			continue;
		node = number_of(ret, obj->pod.node);
		for (uint32_t i = 0; i < obj->pod.addr_cnt; i++) {
			ret->pod = wd_grow(ret->pod, ret->cluster.pod_cnt, &cap,
					   sizeof(*ret->pod));
			ret->pod[ret->cluster.pod_cnt++] = (struct wd_wg_pod){
				.addr = obj->pod.addr[i],
				.node = node,
				.ns = obj->ns,
				.name = obj->name,
			};
		}
	}
	ret->cluster.pod = ret->pod;
}

void wd_wg_gather(const struct wd_store *store, const char *self,
		  struct wd_wg_gathered *ret)
{
	memset(ret, 0, sizeof(*ret));
	gather_nodes(store, self, ret);
	gather_pods(store, ret);
}

void wd_wg_gathered_fini(struct wd_wg_gathered *gathered)
{
	free(gathered->node);
	wd_nodes_fini(&gathered->nodes);
	free(gathered->pod);
	memset(gathered, 0, sizeof(*gathered));
}
