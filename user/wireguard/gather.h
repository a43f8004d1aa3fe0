/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gather.h - the cluster as WireGuard should know it, out of the store, where no
 * agent keeps it.
 */
#ifndef WARDER_WG_GATHER_H
#define WARDER_WG_GATHER_H

#include "../model/nodes.h"
#include "cluster.h"

struct wd_store;

struct wd_wg_gathered {
	struct wd_wg_cluster cluster; /* of the two below */
	struct wd_wg_node *node; /* by name; also those that only pods name */
	struct wd_wg_pod *pod;
	struct wd_nodes nodes; /* whose arrays the above borrows */
};

/**
 * wd_wg_gather() - every node, and each address of a pod that has its own
 * @self: name of this node
 * @ret: ended by wd_wg_gathered_fini(); borrows from the store, which must not
 *       change meanwhile. Numbers of nodes are good for this one alone.
 */
void wd_wg_gather(const struct wd_store *store, const char *self,
		  struct wd_wg_gathered *ret);
void wd_wg_gathered_fini(struct wd_wg_gathered *gathered);

#endif /* WARDER_WG_GATHER_H */
