/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * linkset.h - changes to links, addresses and routes of a namespace.
 *
 * The agent changes none of them. `warder wireguard apply` does, to a device
 * of its own.
 */
#ifndef WARDER_LINKSET_H
#define WARDER_LINKSET_H

#include <stdbool.h>
#include <stdint.h>

#include "rtnl.h"

/** wd_link_create() - as `ip link add NAME type KIND`. Return: 0; -EEXIST; -EOPNOTSUPP the kernel has no such kind; -errno */
int wd_link_create(struct wd_rtnl *nl, const char *name, const char *kind);

/* Two ends of a veth; which belongs where is the caller's. */
struct wd_veth {
	const char *name;
	uint32_t ifindex; /* wanted, as that of @other */
	uint8_t mac[6]; /* all 0: the kernel makes one up */
	const char *other_name;
	uint32_t other;
};

/**
 * wd_veth_create() - both ends, up, and without ARP
 * Return: 0; -EEXIST or -EBUSY a name or number is taken; -EOPNOTSUPP the
 * kernel has no such kind; -errno
 */
int wd_veth_create(struct wd_rtnl *nl, const struct wd_veth *veth);

/** wd_link_set() - bring up, if @up, and set the MTU, if @mtu is not 0. Return: 0 or -errno */
int wd_link_set(struct wd_rtnl *nl, uint32_t ifindex, bool up, uint32_t mtu);

/** wd_ifaddr_add() - give the link this address, of nothing but itself. Return: 0, also if it has it; -errno */
int wd_ifaddr_add(struct wd_rtnl *nl, uint32_t ifindex,
		  const struct wd_addr *addr);

/* Who made a route (rtm_protocol), for those of ours; no number of rt_protos. */
#define WD_ROUTE_PROTO 87

/** wd_route_put() - lead @prefix by this link, whatever route there was to it. Return: 0 or -errno */
int wd_route_put(struct wd_rtnl *nl, uint32_t ifindex,
		 const struct wd_cidr *prefix);

/** wd_route_del() - take away a route of WD_ROUTE_PROTO. Return: 0, also if there is none; -errno */
int wd_route_del(struct wd_rtnl *nl, uint32_t ifindex,
		 const struct wd_cidr *prefix);

/**
 * wd_route_list() - prefixes that the main table leads by this link with WD_ROUTE_PROTO
 * Return: count with *ret_prefix to be freed; -EINTR when they kept changing; -errno.
 */
int wd_route_list(struct wd_rtnl *nl, uint32_t ifindex,
		  struct wd_cidr **ret_prefix);

#endif /* WARDER_LINKSET_H */
