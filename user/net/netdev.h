/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netdev.h - what else leads out of a pod's namespace.
 *
 * A pod is guarded at the host's end of its veth pairs. A device that reaches
 * the network without such an end is told apart here; what follows from it is
 * the agent's matter.
 */
#ifndef WARDER_NETDEV_H
#define WARDER_NETDEV_H

#include <stdint.h>

#include "rtnl.h"

enum wd_netdev_way {
	WD_NETDEV_INSIDE, /* loopback, or sends by a device of its own namespace */
	WD_NETDEV_PAIR, /* a veth whose other end is in the caller's namespace */
	WD_NETDEV_OUTSIDE, /* anything else: no hook of ours is on its way */
};

struct wd_netdev {
	enum wd_netdev_way way;
	uint32_t host_ifindex; /* WD_NETDEV_PAIR: of the other end, as the namespace tells */
	char name[IFNAMSIZ];
	char kind[WD_LINK_KIND]; /* "" hardware */
};

/**
 * wd_netdev_list() - every device of a namespace
 * @netns_fd: the namespace (entered by setns, left again)
 * @ret_cookie: its cookie, 0 if the kernel has none (before 5.14)
 * What a namespace says of itself is good enough to find out more and to warn;
 * before anything is let through a pair is followed by wd_veth_find().
 * Return: count with *ret_dev to be freed, or -errno.
 */
int wd_netdev_list(int netns_fd, struct wd_netdev **ret_dev,
		   uint64_t *ret_cookie);

#endif /* WARDER_NETDEV_H */
