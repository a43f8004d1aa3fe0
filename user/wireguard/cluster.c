/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.c - whose a key is and whose a prefix is. Pure; what is wrong with the
 * answers is check.c's matter. In doubt a prefix is nobody's: then nothing is
 * sent by it that must be encrypted.
 */
#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

const struct wd_wg_node *wd_wg_self(const struct wd_wg_cluster *cluster)
{
	for (uint32_t i = 0; i < cluster->node_cnt; i++) {
		if (cluster->node[i].is_self)
			return &cluster->node[i];
	}
	return NULL;
}

const struct wd_wg_device *wd_wg_own_device(const struct wd_wg_state *state,
					    const struct wd_wg_cluster *cluster)
{
	const struct wd_wg_node *self = wd_wg_self(cluster);

	if (cluster->device)
		return wd_wg_device_find(state, cluster->device);
	for (uint32_t i = 0; self && self->has_key && i < state->device_cnt;
	     i++) {
		const struct wd_wg_device *dev = &state->device[i];

		if (dev->has_key && !wd_wgkey_compare(&dev->key, &self->key))
			return dev;
	}
	return state->device_cnt ? &state->device[0] : NULL;
}

/* ---- keys ---- */

static int compare_nodes(const void *a, const void *b)
{
	const struct wd_wg_node *const *x = a;
	const struct wd_wg_node *const *y = b;

	return wd_wgkey_compare(&(*x)->key, &(*y)->key);
}

void wd_wg_keys_init(struct wd_wg_keys *keys,
		     const struct wd_wg_cluster *cluster)
{
	keys->cnt = 0;
	keys->node = wd_xcalloc(cluster->node_cnt + 1, sizeof(*keys->node));
	for (uint32_t i = 0; i < cluster->node_cnt; i++) {
		if (cluster->node[i].has_key)
			keys->node[keys->cnt++] = &cluster->node[i];
	}
	qsort(keys->node, keys->cnt, sizeof(*keys->node), compare_nodes);
}

void wd_wg_keys_fini(struct wd_wg_keys *keys)
{
	free(keys->node);
	memset(keys, 0, sizeof(*keys));
}

const struct wd_wg_node *wd_wg_keys_find(const struct wd_wg_keys *keys,
					 const struct wd_wgkey *key,
					 bool *ret_shared)
{
	const struct wd_wg_node want = { .key = *key };
	const struct wd_wg_node *at = &want;
	const struct wd_wg_node **hit = bsearch(
		&at, keys->node, keys->cnt, sizeof(*keys->node), compare_nodes);
	bool shared;

	if (!hit) {
		if (ret_shared)
			*ret_shared = false;
		return NULL;
	}
	shared = (hit > keys->node && !compare_nodes(hit - 1, hit)) ||
		 (hit + 1 < keys->node + keys->cnt &&
		  !compare_nodes(hit, hit + 1));
	if (ret_shared)
		*ret_shared = shared;
	return shared ? NULL : *hit;
}

/* ---- prefixes ---- */

static int compare_owners(const void *a, const void *b)
{
	const struct wd_wg_owner *x = a;
	const struct wd_wg_owner *y = b;
	int diff = wd_wg_prefix_compare(&x->prefix, &y->prefix);

	if (diff)
		return diff;
	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static void add_device(struct wd_wg_owners *owners,
		       const struct wd_wg_device *dev,
		       const struct wd_wg_keys *keys)
{
	for (uint32_t i = 0; i < dev->peer_cnt; i++) {
		const struct wd_wg_peer *peer = &dev->peer[i];
		const struct wd_wg_node *node =
			wd_wg_keys_find(keys, &peer->key, NULL);

		for (uint32_t k = 0; k < peer->prefix_cnt; k++)
			owners->owner[owners->cnt++] = (struct wd_wg_owner){
				.prefix = peer->prefix[k],
				.node = node ? node->number : 0,
				.ifindex = dev->ifindex,
			};
	}
}

static size_t count_prefixes(const struct wd_wg_device *dev)
{
	size_t cnt = 0;

	for (uint32_t i = 0; i < dev->peer_cnt; i++)
		cnt += dev->peer[i].prefix_cnt;
	return cnt;
}

/* One device has a prefix once; two may both have it. */
static void merge_equal(struct wd_wg_owners *owners)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < owners->cnt; i++) {
		struct wd_wg_owner *last = kept ? &owners->owner[kept - 1] :
						  NULL;
		const struct wd_wg_owner *this = &owners->owner[i];

		if (!last || wd_wg_prefix_compare(&last->prefix, &this->prefix))
			owners->owner[kept++] = *this;
		else if (last->node != this->node)
			last->node = 0;
	}
	owners->cnt = kept;
}

/* In this order a prefix stands behind all that it is inside of. */
static void link_wider(struct wd_wg_owners *owners)
{
	int64_t open = -1; /* the innermost that the one before is in, or it */

	for (uint32_t i = 0; i < owners->cnt; i++) {
		struct wd_wg_owner *this = &owners->owner[i];

		while (open >= 0 && !wd_cidr_covers(&owners->owner[open].prefix,
						    &this->prefix))
			open = owners->owner[open].wider;
		this->wider = open;
		open = i;
	}
}

static void settle(struct wd_wg_owners *owners)
{
	qsort(owners->owner, owners->cnt, sizeof(*owners->owner),
	      compare_owners);
	merge_equal(owners);
	link_wider(owners);
}

void wd_wg_owners_init(struct wd_wg_owners *owners,
		       const struct wd_wg_state *state,
		       const struct wd_wg_keys *keys,
		       const struct wd_wg_device *dev)
{
	size_t cnt = 0;

	for (uint32_t i = 0; i < state->device_cnt; i++) {
		if (!dev || dev == &state->device[i])
			cnt += count_prefixes(&state->device[i]);
	}
	owners->cnt = 0;
	owners->owner = wd_xcalloc(cnt + 1, sizeof(*owners->owner));
	for (uint32_t i = 0; i < state->device_cnt; i++) {
		if (!dev || dev == &state->device[i])
			add_device(owners, &state->device[i], keys);
	}
	settle(owners);
}

void wd_wg_homes_init(struct wd_wg_owners *homes,
		      const struct wd_wg_cluster *cluster)
{
	size_t cnt = 0;

	for (uint32_t i = 0; i < cluster->node_cnt; i++)
		cnt += cluster->node[i].cidr_cnt;
	homes->cnt = 0;
	homes->owner = wd_xcalloc(cnt + 1, sizeof(*homes->owner));
	for (uint32_t i = 0; i < cluster->node_cnt; i++) {
		const struct wd_wg_node *node = &cluster->node[i];

		for (uint32_t k = 0; k < node->cidr_cnt; k++)
			homes->owner[homes->cnt++] = (struct wd_wg_owner){
				.prefix = node->cidr[k],
				.node = node->number,
			};
	}
	settle(homes);
}

void wd_wg_owners_fini(struct wd_wg_owners *owners)
{
	free(owners->owner);
	memset(owners, 0, sizeof(*owners));
}

const struct wd_wg_owner *wd_wg_owners_find(const struct wd_wg_owners *owners,
					    const struct wd_addr *addr)
{
	const struct wd_cidr want = {
		.addr = *addr,
		.len = addr->family == 4 ? 32 : 128,
	};
	uint32_t low = 0, high = owners->cnt;
	int64_t at;

	/* The last that is not behind @addr; what has it is that, or wider. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (wd_wg_prefix_compare(&owners->owner[middle].prefix, &want) >
		    0)
			high = middle;
		else
			low = middle + 1;
	}
	for (at = (int64_t)low - 1; at >= 0; at = owners->owner[at].wider) {
		if (wd_cidr_has(&owners->owner[at].prefix, addr))
			return &owners->owner[at];
	}
	return NULL;
}
