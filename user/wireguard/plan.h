/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.h - what has to be done so that a WireGuard device is what the nodes'
 * objects say. Pure: from what is there and what should be to a list of steps,
 * empty where nothing has to be done.
 */
#ifndef WARDER_WG_PLAN_H
#define WARDER_WG_PLAN_H

#include "cluster.h"

/* In the order of the steps: what is added comes before what is removed. */
enum wd_wg_act {
	WD_WG_ACT_LINK, /* make it */
	WD_WG_ACT_KEY, /* private key and listen port */
	WD_WG_ACT_PEER, /* a new one, or an endpoint or prefixes for one */
	WD_WG_ACT_MTU,
	WD_WG_ACT_ADDR,
	WD_WG_ACT_UP,
	WD_WG_ACT_ROUTE,
	WD_WG_ACT_UNROUTE,
	WD_WG_ACT_UNPREFIX, /* what a peer that stays must no longer have */
	WD_WG_ACT_UNPEER,
};

struct wd_wg_step {
	enum wd_wg_act act;
	bool is_silent; /* done in any case, and changes nothing as far as is known */
	bool is_new; /* PEER: there is none yet */
	const char *node; /* whose peer; "" unknown */
	struct wd_wgkey key; /* of the peer */
	struct wd_addr addr; /* ADDR; PEER: endpoint, family 0: as it is */
	uint32_t number; /* MTU: bytes; KEY and PEER: port */
	uint32_t prefix_cnt;
	struct wd_cidr *prefix;
};

struct wd_wg_plan {
	uint32_t cnt;
	size_t cap;
	struct wd_wg_step *step;
};

/* What should be, besides the nodes. */
struct wd_wg_wants {
	const char *device;
	uint16_t port; /* of every node */
	uint32_t mtu; /* 0: whatever it has */
	bool may_remove; /* the cluster is known as a whole */
};

/* What is there. */
struct wd_wg_has {
	const struct wd_wg_device *dev; /* NULL: no link */
	uint32_t mtu;
	uint32_t addr_cnt;
	uint32_t route_cnt;
	const struct wd_addr *addr;
	const struct wd_cidr *route; /* ours, by this device */
};

/**
 * wd_wg_plan() - compare
 * @ret: ended by wd_wg_plan_fini(); borrows names of nodes
 * A peer gets the prefixes of its node's pods and each address of a pod outside
 * of them. A node without key, or with one that another has, gets no peer; a
 * prefix that two nodes have is nobody's.
 */
void wd_wg_plan(const struct wd_wg_cluster *cluster,
		const struct wd_wg_wants *wants, const struct wd_wg_has *has,
		struct wd_wg_plan *ret);
void wd_wg_plan_fini(struct wd_wg_plan *plan);

/** wd_wg_step_str() - one line for a person; to be freed. No private key is in it */
char *wd_wg_step_str(const struct wd_wg_step *step);

#endif /* WARDER_WG_PLAN_H */
