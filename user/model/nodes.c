/* SPDX-License-Identifier: GPL-2.0-only */
#include "nodes.h"

#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "xalloc.h"

static int compare_names(const void *a, const void *b)
{
	const struct wd_named_node *x = a;
	const struct wd_named_node *y = b;

	return strcmp(x->name, y->name);
}

static void add_addr(struct wd_node *to, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < to->addr_cnt; i++) {
		if (wd_addr_equal(&to->addr[i], addr))
			return;
	}
	to->addr = wd_xrealloc(to->addr, to->addr_cnt + 1, sizeof(*to->addr));
	to->addr[to->addr_cnt++] = *addr;
}

static void add_cidr(struct wd_node *to, const struct wd_cidr *cidr)
{
	for (uint32_t i = 0; i < to->cidr_cnt; i++) {
		if (to->cidr[i].len == cidr->len &&
		    wd_addr_equal(&to->cidr[i].addr, &cidr->addr))
			return;
	}
	to->cidr = wd_xrealloc(to->cidr, to->cidr_cnt + 1, sizeof(*to->cidr));
	to->cidr[to->cidr_cnt++] = *cidr;
}

static void merge(struct wd_node *to, const struct wd_node *from)
{
	for (uint32_t i = 0; i < from->addr_cnt; i++)
		add_addr(to, &from->addr[i]);
	for (uint32_t i = 0; i < from->cidr_cnt; i++)
		add_cidr(to, &from->cidr[i]);
	if (!to->labels)
		to->labels = from->labels;
	if (!from->has_wgkey)
		return;
	to->has_wgkey = !to->has_wgkey ||
			wd_wgkey_compare(&to->wgkey, &from->wgkey) == 0;
	to->wgkey = from->wgkey;
}

static const enum wd_kind kinds[] = { WD_KIND_NODE, WD_KIND_CILIUM_NODE };

#define KINDS (sizeof(kinds) / sizeof(*kinds))

void wd_nodes_read(const struct wd_store *store, struct wd_nodes *ret)
{
	size_t max = wd_store_count(store, WD_KIND_NODE) +
		     (size_t)wd_store_count(store, WD_KIND_CILIUM_NODE);
	size_t sorted = 0;

	ret->node = wd_xcalloc(max, sizeof(*ret->node));
	ret->cnt = 0;
	for (size_t k = 0; k < KINDS; k++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(store, kinds[k], obj))) {
			const struct wd_named_node like = { .name = obj->name };
			struct wd_named_node *n =
				sorted ? bsearch(&like, ret->node, sorted,
						 sizeof(like), compare_names) :
					 NULL;

			if (!n)
				n = &ret->node[ret->cnt++];
			n->name = obj->name;
			merge(&n->node, &obj->node);
		}
		if (ret->cnt)
			qsort(ret->node, ret->cnt, sizeof(*ret->node),
			      compare_names);
		sorted = ret->cnt;
	}
}

void wd_nodes_fini(struct wd_nodes *nodes)
{
	for (size_t i = 0; i < nodes->cnt; i++) {
		free(nodes->node[i].node.addr);
		free(nodes->node[i].node.cidr);
	}
	free(nodes->node);
	*nodes = (struct wd_nodes){ 0 };
}

const struct wd_object *wd_nodes_object(const struct wd_store *store,
					const char *name)
{
	const struct wd_object *obj = NULL;

	for (size_t k = 0; !obj && k < KINDS; k++)
		obj = wd_store_get(store, kinds[k], "", name);
	return obj;
}
