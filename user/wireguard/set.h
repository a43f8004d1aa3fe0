/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.h - changes to a WireGuard device over generic netlink.
 */
#ifndef WARDER_WG_SET_H
#define WARDER_WG_SET_H

#include "../net/rtnl.h"
#include "device.h"

struct wd_wg_set {
	struct wd_rtnl nl;
	uint16_t family;
	uint32_t ifindex;
	char *req; /* a request is put together here */
};

/** wd_wg_set_open() - for a device of this namespace. Return: 0; -ENOENT no WireGuard in this kernel; -errno */
int wd_wg_set_open(struct wd_wg_set *set, uint32_t ifindex);
void wd_wg_set_close(struct wd_wg_set *set);

/** wd_wg_set_key() - private key; the same again changes nothing. @port: 0 leaves it. Return: 0 or -errno */
int wd_wg_set_key(struct wd_wg_set *set, const struct wd_wgkey *secret,
		  uint16_t port);

/**
 * wd_wg_set_peer() - add a peer, or add to one
 * @endpoint: NULL leaves what is known
 * A prefix that another peer of the device has moves to this one, at once.
 * Return: 0 or -errno; then some of the prefixes may have been added.
 */
int wd_wg_set_peer(struct wd_wg_set *set, const struct wd_wgkey *key,
		   const struct wd_addr *endpoint, uint16_t port,
		   const struct wd_cidr *prefix, uint32_t cnt);

/** wd_wg_unset_peer() - remove a peer with its prefixes. Return: 0, also if there is none; -errno */
int wd_wg_unset_peer(struct wd_wg_set *set, const struct wd_wgkey *key);

/**
 * wd_wg_unset_prefixes() - take prefixes away from whoever has them
 * Most kernels can only replace all prefixes of a peer, which leaves it without
 * any for a moment. So these move to a peer made for it, which is then removed.
 * Return: 0 or -errno.
 */
int wd_wg_unset_prefixes(struct wd_wg_set *set, const struct wd_cidr *prefix,
			 uint32_t cnt);

#endif /* WARDER_WG_SET_H */
