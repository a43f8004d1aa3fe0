/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.h - what the cluster says that WireGuard should look like, and which
 * prefix is whose.
 *
 * Borrowed data: whoever fills it in (the model, the manifests) keeps it as long
 * as it is looked at.
 */
#ifndef WARDER_WG_CLUSTER_H
#define WARDER_WG_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device.h"

struct wd_wg_node {
	const char *name;
	uint32_t number; /* the model's; not 0, and of this node alone */
	bool is_self;
	bool has_key;
	struct wd_wgkey key; /* as its Node object says */
	uint32_t addr_cnt;
	uint32_t cidr_cnt;
	const struct wd_addr *addr; /* its own, first the one to reach it by */
	const struct wd_cidr *cidr; /* of its pods */
};

/* An address of a pod; of one with two there are two. None of the host's network. */
struct wd_wg_pod {
	struct wd_addr addr;
	uint32_t node; /* number, 0 unknown */
	const char *ns;
	const char *name;
};

/* Nodes: also those without an object that a pod names. */
struct wd_wg_cluster {
	bool is_required; /* some traffic between nodes must be encrypted */
	const char *
		device; /* the one to use, NULL: the one that has this node's key */
	uint32_t node_cnt;
	uint32_t pod_cnt;
	const struct wd_wg_node *node;
	const struct wd_wg_pod *pod;
};

/** wd_wg_own_device() - the one that is to connect the nodes: by name, by key, else the first. NULL: there is none */
const struct wd_wg_device *
wd_wg_own_device(const struct wd_wg_state *state,
		 const struct wd_wg_cluster *cluster);

/** wd_wg_self() - this node, NULL if the cluster has no such */
const struct wd_wg_node *wd_wg_self(const struct wd_wg_cluster *cluster);

/* ---- keys ---- */

/* Whose a public key is. */
struct wd_wg_keys {
	uint32_t cnt;
	const struct wd_wg_node **node; /* those with a key, by key */
};

void wd_wg_keys_init(struct wd_wg_keys *keys,
		     const struct wd_wg_cluster *cluster);
void wd_wg_keys_fini(struct wd_wg_keys *keys);

/**
 * wd_wg_keys_find() - the node that has this key
 * @ret_shared: several have it; NULL passes
 * Return: NULL if none has, or several: then nobody knows who speaks.
 */
const struct wd_wg_node *wd_wg_keys_find(const struct wd_wg_keys *keys,
					 const struct wd_wgkey *key,
					 bool *ret_shared);

/* ---- prefixes ---- */

/* One entry of the maps wd_tun4 and wd_tun6. */
struct wd_wg_owner {
	struct wd_cidr prefix;
	uint32_t node; /* number of the node whose key the peer has; 0 nobody's */
	uint32_t ifindex; /* device whose peer it is */
	int64_t wider; /* place of the longest prefix that it is inside of, -1 none */
};

/* Sorted by prefix, each once. Ended by wd_wg_owners_fini(). */
struct wd_wg_owners {
	uint32_t cnt;
	struct wd_wg_owner *owner;
};

/**
 * wd_wg_owners_init() - every prefix of every peer
 * @dev: of this device only; NULL: of all
 * A prefix that peers of different nodes have, on two devices, is nobody's.
 */
void wd_wg_owners_init(struct wd_wg_owners *owners,
		       const struct wd_wg_state *state,
		       const struct wd_wg_keys *keys,
		       const struct wd_wg_device *dev);

/** wd_wg_homes_init() - the same of the nodes' prefixes for pods; one that two nodes have is nobody's */
void wd_wg_homes_init(struct wd_wg_owners *homes,
		      const struct wd_wg_cluster *cluster);
void wd_wg_owners_fini(struct wd_wg_owners *owners);

/** wd_wg_owners_find() - longest prefix that has @addr, as the programs look it up; NULL none */
const struct wd_wg_owner *wd_wg_owners_find(const struct wd_wg_owners *owners,
					    const struct wd_addr *addr);

#endif /* WARDER_WG_CLUSTER_H */
