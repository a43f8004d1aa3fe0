/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtnl.h - questions to the kernel over netlink, in any namespace.
 */
#ifndef WARDER_RTNL_H
#define WARDER_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "../model/object.h"

#define WD_RTNL_TRIES 5 /* of a dump that changed under way */
#define WD_RTNL_BUF_BYTES \
	65536 /* the kernel never makes a dump datagram longer */

struct wd_rtnl {
	int fd;
	uint32_t seq;
	char *buf; /* WD_RTNL_BUF_BYTES, the datagram received last */
};

/* A request; big enough for every question here. */
union wd_rtnl_req {
	struct nlmsghdr head;
	char space[256];
};

/** wd_rtnl_open() - a netlink socket of @protocol in @netns_fd, -1 for here. Return: 0 or -errno */
int wd_rtnl_open(struct wd_rtnl *nl, int netns_fd, int protocol);
void wd_rtnl_close(struct wd_rtnl *nl);

/**
 * wd_rtnl_run() - send a request, give each answer to @fn
 * @head: with type, flags (NLM_F_DUMP or none) and payload; the rest is set here
 * @fn: returns 0 or -errno, which is returned after all answers were read
 * Return: 0; -EINTR a dump changed under way: reset and ask again; -errno.
 */
int wd_rtnl_run(struct wd_rtnl *nl, struct nlmsghdr *head,
		int (*fn)(void *ctx, const struct nlmsghdr *msg), void *ctx);

/** wd_rtnl_recv() - one datagram of the kernel into nl->buf. Return: bytes or -errno */
ssize_t wd_rtnl_recv(struct wd_rtnl *nl, int flags);

/* ---- links ---- */

#define WD_LINK_KIND 16 /* bytes, longer ones are cut */

struct wd_link {
	uint32_t ifindex;
	uint32_t master; /* 0 none */
	uint32_t peer; /* IFLA_LINK, 0 none */
	uint32_t mtu; /* bytes */
	int peer_nsid; /* IFLA_LINK_NETNSID, -1: same namespace or none */
	bool is_veth;
	bool is_loopback;
	bool is_up; /* IFF_UP: not said whether it has a carrier */
	bool has_mac; /* of 6 bytes */
	bool has_moved; /* RTM_DELLINK: it is in another namespace now */
	bool has_xdp; /* a program sees its packets before any hook of tc */
	uint8_t mac[6];
	uint16_t type; /* ARPHRD_* */
	bool in_udp; /* IP or GRE, which it wraps into UDP (FOU, GUE) */
	uint16_t tunnel_port; /* UDP, of VXLAN, Geneve and bareudp, host byte order; else 0 */
	char name[IFNAMSIZ];
	char kind[WD_LINK_KIND]; /* as `ip link add type` calls it, "" hardware */
};

/** wd_link_parse() - read an RTM_NEWLINK or RTM_DELLINK. Return: 0 or -EPROTO */
int wd_link_parse(const struct nlmsghdr *msg, struct wd_link *ret_link);

/** wd_link_get() - by index, or by name when @ifindex is 0. Return: 0, -ENODEV, -errno */
int wd_link_get(struct wd_rtnl *nl, uint32_t ifindex, const char *name,
		struct wd_link *ret_link);

/**
 * wd_link_list() - every link of nl's namespace
 * Return: count with *ret_link to be freed; -EINTR when they kept changing; -errno.
 */
int wd_link_list(struct wd_rtnl *nl, struct wd_link **ret_link);

/** wd_link_list_here() - wd_link_list() of the caller's namespace, by a socket of its own */
int wd_link_list_here(struct wd_link **ret_link);

/** wd_nsid_get() - number that nl's namespace has for @netns_fd, -1 none. Return: 0 or -errno */
int wd_nsid_get(struct wd_rtnl *nl, int netns_fd, int *ret_nsid);

/** wd_route_get() - device by which nl's namespace sends to @addr, 0 none. Return: 0 or -errno */
int wd_route_get(struct wd_rtnl *nl, const struct wd_addr *addr,
		 uint32_t *ret_ifindex);

/* ---- addresses ---- */

struct wd_ifaddr {
	struct wd_addr addr;
	uint32_t ifindex;
	uint8_t scope; /* RT_SCOPE_* */
	struct wd_addr broadcast; /* family 0: none */
};

/**
 * wd_ifaddr_list() - addresses of nl's namespace; those that failed duplicate detection are left out
 * @ifindex: of this interface, 0 of all
 * Return: count with *ret_addr to be freed; -EINTR when they kept changing; -errno.
 */
int wd_ifaddr_list(struct wd_rtnl *nl, uint32_t ifindex,
		   struct wd_ifaddr **ret_addr);

#endif /* WARDER_RTNL_H */
