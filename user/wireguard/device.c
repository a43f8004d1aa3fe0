/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.c - readings of WireGuard devices: their order, and what one says that
 * the one before did not. Asks the kernel nothing.
 */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void wd_wg_device_fini(struct wd_wg_device *dev)
{
	for (uint32_t i = 0; i < dev->peer_cnt; i++)
		free(dev->peer[i].prefix);
	free(dev->peer);
	dev->peer = NULL;
	dev->peer_cnt = 0;
}

void wd_wg_state_fini(struct wd_wg_state *state)
{
	for (uint32_t i = 0; i < state->device_cnt; i++)
		wd_wg_device_fini(&state->device[i]);
	free(state->device);
	memset(state, 0, sizeof(*state));
}

/* ---- order ---- */

int wd_wg_prefix_compare(const struct wd_cidr *a, const struct wd_cidr *b)
{
	size_t bytes = a->addr.family == 4 ? 4 : 16;
	int diff = (int)a->addr.family - (int)b->addr.family;

	if (!diff)
		diff = memcmp(&a->addr.v6, &b->addr.v6, bytes);
	return diff ? diff : (int)a->len - (int)b->len;
}

static int compare_prefixes(const void *a, const void *b)
{
	return wd_wg_prefix_compare(a, b);
}

static int compare_peers(const void *a, const void *b)
{
	const struct wd_wg_peer *x = a;
	const struct wd_wg_peer *y = b;

	return wd_wgkey_compare(&x->key, &y->key);
}

int wd_wg_device_sort(struct wd_wg_device *dev)
{
	if (dev->peer_cnt > 1)
		qsort(dev->peer, dev->peer_cnt, sizeof(*dev->peer),
		      compare_peers);
	for (uint32_t i = 0; i < dev->peer_cnt; i++) {
		struct wd_wg_peer *peer = &dev->peer[i];

		if (i && !compare_peers(peer - 1, peer))
			return -EINTR;
		if (peer->prefix_cnt > 1)
			qsort(peer->prefix, peer->prefix_cnt,
			      sizeof(*peer->prefix), compare_prefixes);
	}
	return 0;
}

const struct wd_wg_device *wd_wg_device_find(const struct wd_wg_state *state,
					     const char *name)
{
	for (uint32_t i = 0; i < state->device_cnt; i++) {
		if (!strcmp(state->device[i].name, name))
			return &state->device[i];
	}
	return NULL;
}

const struct wd_wg_peer *wd_wg_peer_find(const struct wd_wg_device *dev,
					 const struct wd_wgkey *key)
{
	const struct wd_wg_peer want = { .key = *key };

	if (!dev->peer_cnt)
		return NULL;
	return bsearch(&want, dev->peer, dev->peer_cnt, sizeof(want),
		       compare_peers);
}

/* ---- what changed ---- */

static bool prefixes_equal(const struct wd_wg_peer *a,
			   const struct wd_wg_peer *b)
{
	if (a->prefix_cnt != b->prefix_cnt)
		return false;
	for (uint32_t i = 0; i < a->prefix_cnt; i++) {
		if (wd_wg_prefix_compare(&a->prefix[i], &b->prefix[i]) != 0)
			return false;
	}
	return true;
}

static uint32_t diff_peer(const struct wd_wg_peer *was,
			  const struct wd_wg_peer *now)
{
	uint32_t diff = 0;

	if (compare_peers(was, now) || was->keepalive != now->keepalive ||
	    !prefixes_equal(was, now))
		diff |= WD_WG_PEERS;
	if (!wd_addr_equal(&was->endpoint, &now->endpoint) ||
	    was->endpoint_port != now->endpoint_port ||
	    was->handshake != now->handshake ||
	    was->rx_bytes != now->rx_bytes || was->tx_bytes != now->tx_bytes)
		diff |= WD_WG_LIVE;
	return diff;
}

static uint32_t diff_device(const struct wd_wg_device *was,
			    const struct wd_wg_device *now)
{
	uint32_t diff = 0;

	if (was->ifindex != now->ifindex || was->is_up != now->is_up ||
	    strcmp(was->name, now->name) != 0)
		diff |= WD_WG_DEVICES;
	if (was->has_key != now->has_key ||
	    wd_wgkey_compare(&was->key, &now->key) || was->port != now->port ||
	    was->fwmark != now->fwmark)
		diff |= WD_WG_CONFIG;
	if (was->peer_cnt != now->peer_cnt)
		return diff | WD_WG_PEERS | WD_WG_LIVE;
	for (uint32_t i = 0; i < now->peer_cnt; i++)
		diff |= diff_peer(&was->peer[i], &now->peer[i]);
	return diff;
}

uint32_t wd_wg_diff(const struct wd_wg_state *was,
		    const struct wd_wg_state *now)
{
	uint32_t diff = 0;

	if (was->device_cnt != now->device_cnt)
		return WD_WG_DEVICES | WD_WG_CONFIG | WD_WG_PEERS | WD_WG_LIVE;
	for (uint32_t i = 0; i < now->device_cnt; i++)
		diff |= diff_device(&was->device[i], &now->device[i]);
	return diff;
}

/* ---- what several readings say together ---- */

static void follow_peer(const struct wd_wg_peer *was, struct wd_wg_peer *now,
			int64_t boottime)
{
	bool sent = now->tx_bytes != was->tx_bytes;

	now->trace = was->trace;
	if (sent)
		now->trace.sent = boottime;
	/* Counters that fell are of a peer that was made anew. */
	if (now->rx_bytes != was->rx_bytes || now->tx_bytes < was->tx_bytes) {
		now->trace.waits = 0;
		now->trace.tx_then = now->tx_bytes;
	} else if (sent && !now->trace.waits) {
		now->trace.waits = boottime;
	}
}

static const struct wd_wg_device *same_device(const struct wd_wg_state *state,
					      uint32_t ifindex)
{
	for (uint32_t i = 0; i < state->device_cnt; i++) {
		if (state->device[i].ifindex == ifindex)
			return &state->device[i];
	}
	return NULL;
}

void wd_wg_follow(const struct wd_wg_state *was, struct wd_wg_state *now)
{
	for (uint32_t i = 0; i < now->device_cnt; i++) {
		struct wd_wg_device *dev = &now->device[i];
		const struct wd_wg_device *old = same_device(was, dev->ifindex);

		for (uint32_t k = 0; k < dev->peer_cnt; k++) {
			struct wd_wg_peer *peer = &dev->peer[k];
			const struct wd_wg_peer *then =
				old ? wd_wg_peer_find(old, &peer->key) : NULL;

			if (then)
				follow_peer(then, peer, now->boottime);
			else
				peer->trace.tx_then = peer->tx_bytes;
		}
	}
}
