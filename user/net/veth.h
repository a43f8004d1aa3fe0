/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * veth.h - which interface of this host belongs to a pod, from the kernel.
 *
 * The answer decides where a policy is attached, so nothing that a runtime or
 * a plugin says is believed: the pair is followed from both ends.
 */
#ifndef WARDER_VETH_H
#define WARDER_VETH_H

#include <net/if.h>
#include <stdint.h>

#include "../model/object.h"

#define WD_VETH_ADDRS 16

struct wd_link;

struct wd_veth {
	uint32_t host_ifindex;
	uint32_t pod_ifindex;
	uint32_t master; /* bridge the host side is a port of, 0 none */
	int nsid; /* of the pod's namespace as this one numbers it, -1 unknown */
	char host_name[IFNAMSIZ];
	char pod_name[IFNAMSIZ];
	uint8_t host_mac[6];
	uint8_t pod_mac[6];
	uint64_t cookie; /* SO_NETNS_COOKIE of the pod's namespace, 0 if the kernel has none (before 5.14) */
	struct in6_addr
		ll6; /* link-local address of the pod side: as configured, else EUI-64 of its MAC */
	uint32_t addr_cnt; /* global addresses on the pod side */
	struct wd_addr addr[WD_VETH_ADDRS];
};

/**
 * wd_veth_find() - the host side of a pod's interface
 * @netns_fd: the pod's network namespace
 * @ifname: interface inside it
 * Looks up the peer index inside, then checks outside (namespace of the
 * caller) that this interface is a veth whose peer is that interface in that
 * namespace. Enters the namespace by setns and comes back; if coming back
 * fails the process ends.
 * Return: 0; -ENODEV no such interface inside; -ENOTSUP not a veth;
 * -EXDEV the peer is not in this namespace or does not point back; -errno.
 */
int wd_veth_find(int netns_fd, const char *ifname, struct wd_veth *ret_veth);

/**
 * wd_veth_check() - is host interface @ifindex still a veth with this peer namespace cookie and pod side
 * Return: 0; -ENODEV; -ESTALE when it is another pair than @veth describes; -errno.
 */
int wd_veth_check(int netns_fd, const struct wd_veth *veth);

/* Call @fn for each veth of this namespace whose peer is in another namespace. For discovery. */
typedef int (*wd_veth_fn)(void *ctx, const struct wd_link *link);
int wd_veth_each(wd_veth_fn fn, void *ctx);

/* ---- link events ---- */

struct wd_linkmon;

/*
 * @link: NULL: not of an interface, addresses of this namespace may have changed
 * @gone: the interface left this namespace or was deleted; else it appeared or changed
 */
typedef void (*wd_linkmon_fn)(void *ctx, const struct wd_link *link, bool gone);

/** wd_linkmon_open() - follow links and addresses. Return: 0 or -errno */
int wd_linkmon_open(wd_linkmon_fn fn, void *ctx, struct wd_linkmon **ret_mon);
void wd_linkmon_close(struct wd_linkmon *mon);
int wd_linkmon_fd(const struct wd_linkmon *mon);

/**
 * wd_linkmon_poll() - deliver pending events
 * Return: 0; -ENOBUFS when events were lost, and of the rest only those of interfaces that are gone
 * were delivered: the caller must look at every interface again; -errno.
 */
int wd_linkmon_poll(struct wd_linkmon *mon);

/** wd_link_look() - one interface of this namespace as it is now. Return: 0, -ENODEV, -errno */
int wd_link_look(uint32_t ifindex, struct wd_link *ret_link);

/** wd_host_addrs() - addresses and broadcasts of this namespace's own interfaces; array to be freed. Return: count or -errno */
int wd_host_addrs(struct wd_addr **ret_addr);

#endif /* WARDER_VETH_H */
