/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hosts.h - which node has which address, by the Nodes and CiliumNodes of a store.
 */
#ifndef WARDER_KUBE_HOSTS_H
#define WARDER_KUBE_HOSTS_H

#include <stdbool.h>

#include "../model/hash.h"
#include "../model/object.h"

struct wd_store;

struct wd_kube_host {
	UT_hash_handle hh;
	struct wd_addr addr;
	const char *name; /* interned; NULL: two nodes say that it is theirs */
};

/* Zero to begin. */
struct wd_kube_hosts {
	struct wd_kube_host *first;
	bool disputed; /* it was said that an address is two nodes' */
};

/** wd_kube_hosts_read() - as @store has them now */
void wd_kube_hosts_read(struct wd_kube_hosts *hosts,
			const struct wd_store *store);

/** wd_kube_hosts_find() - whose address, NULL: of no node */
const struct wd_kube_host *wd_kube_hosts_find(const struct wd_kube_hosts *hosts,
					      const struct wd_addr *addr);

/** wd_kube_hosts_fini() - none any more */
void wd_kube_hosts_fini(struct wd_kube_hosts *hosts);

#endif /* WARDER_KUBE_HOSTS_H */
