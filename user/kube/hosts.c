/* SPDX-License-Identifier: GPL-2.0-only */
#include "hosts.h"

#include <stdlib.h>

#include "../base/log.h"
#include "../model/intern.h"
#include "../model/store.h"
#include "../model/xalloc.h"

void wd_kube_hosts_fini(struct wd_kube_hosts *hosts)
{
	struct wd_kube_host *n = hosts->first;

	HASH_CLEAR(hh, hosts->first);
	while (n) {
		struct wd_kube_host *next = n->hh.next;

		wd_str_put(n->name);
		free(n);
		n = next;
	}
}

static struct wd_kube_host *find(const struct wd_kube_hosts *hosts,
				 const struct wd_addr *addr)
{
	struct wd_kube_host *n;

	HASH_FIND(hh, hosts->first, addr, sizeof(*addr), n);
	return n;
}

const struct wd_kube_host *wd_kube_hosts_find(const struct wd_kube_hosts *hosts,
					      const struct wd_addr *addr)
{
	return find(hosts, addr);
}

/* Whose it is cannot be told: a node's object could take another one's pods. */
static void dispute(struct wd_kube_hosts *hosts, struct wd_kube_host *n,
		    const char *other)
{
	if (!n->name || n->name == other)
		return;
	if (!hosts->disputed)
		wd_warn("kube: nodes %s and %s have one address: which of them "
			"pods there are on is not known",
			n->name, other);
	hosts->disputed = true;
	wd_str_put(n->name);
	n->name = NULL;
}

static void add(struct wd_kube_hosts *hosts, const struct wd_object *obj)
{
	for (uint32_t i = 0; i < obj->node.addr_cnt; i++) {
		struct wd_kube_host *n = find(hosts, &obj->node.addr[i]);

		if (n) {
			dispute(hosts, n, obj->name);
			continue;
		}
		n = wd_xcalloc(1, sizeof(*n));
		n->addr = obj->node.addr[i];
		n->name = wd_str_ref(obj->name);
		HASH_ADD(hh, hosts->first, addr, sizeof(n->addr), n);
	}
}

void wd_kube_hosts_read(struct wd_kube_hosts *hosts,
			const struct wd_store *store)
{
	static const enum wd_kind kinds[] = { WD_KIND_CILIUM_NODE,
					      WD_KIND_NODE };

	wd_kube_hosts_fini(hosts);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(store, kinds[i], obj)))
			add(hosts, obj);
	}
}
