/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtnl.c - netlink requests and what their answers say. Believes the kernel
 * and nobody else: datagrams of other senders are dropped. It keeps no state
 * and decides nothing about what an interface is for.
 */
#include "rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "netns.h"

int wd_rtnl_open(struct wd_rtnl *nl, int netns_fd, int protocol)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };

	nl->seq = 0;
	nl->buf = malloc(WD_RTNL_BUF_BYTES);
	if (!nl->buf)
		return -ENOMEM;
	nl->fd = wd_netns_socket(netns_fd, AF_NETLINK, SOCK_RAW, protocol);
	if (nl->fd >= 0 &&
	    bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		(void)close(nl->fd);
		nl->fd = err;
	}
	if (nl->fd >= 0)
		return 0;
	free(nl->buf);
	nl->buf = NULL;
	return nl->fd;
}

void wd_rtnl_close(struct wd_rtnl *nl)
{
	if (nl->fd >= 0)
		(void)close(nl->fd);
	free(nl->buf);
	nl->fd = -1;
	nl->buf = NULL;
}

ssize_t wd_rtnl_recv(struct wd_rtnl *nl, int flags)
{
	struct sockaddr_nl from = { .nl_family = AF_UNSPEC };
	struct iovec iov = { .iov_base = nl->buf,
			     .iov_len = WD_RTNL_BUF_BYTES };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t len;

	do {
		msg.msg_namelen = sizeof(from);
		len = recvmsg(nl->fd, &msg, flags);
	} while ((len < 0 && errno == EINTR) || (len >= 0 && from.nl_pid));
	if (len < 0)
		return -errno;
	return (msg.msg_flags & MSG_TRUNC) ? -EMSGSIZE : len;
}

struct run {
	uint32_t seq;
	int (*fn)(void *ctx, const struct nlmsghdr *msg);
	void *ctx;
	int err; /* first of @fn */
	bool changed;
	bool done;
};

/* Return: 0 or the error that the kernel answered with */
static int take_message(struct run *run, const struct nlmsghdr *msg)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(msg);
	int err;

	if (msg->nlmsg_seq != run->seq)
		return 0;
	run->changed |= (msg->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	switch (msg->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_OVERRUN:
		return -ENOBUFS;
	case NLMSG_ERROR:
		run->done = true;
		return mnl_nlmsg_get_payload_len(msg) < sizeof(*answer) ?
			       -EPROTO :
			       answer->error;
	case NLMSG_DONE:
		run->done = true;
		/* A dump that failed says so in its last message. */
		return mnl_nlmsg_get_payload_len(msg) < sizeof(int) ?
			       0 :
			       answer->error;
	default:
		break;
	}
	if (!run->err && run->fn) {
		err = run->fn(run->ctx, msg);
		run->err = err < 0 ? err : 0;
	}
	return 0;
}

static int receive(struct wd_rtnl *nl, struct run *run)
{
	while (!run->done) {
		const struct nlmsghdr *msg = (const void *)nl->buf;
		ssize_t got = wd_rtnl_recv(nl, 0);
		int len = (int)got;

		if (got < 0)
			return (int)got;
		for (; !run->done && mnl_nlmsg_ok(msg, len);
		     msg = mnl_nlmsg_next(msg, &len)) {
			int err = take_message(run, msg);

			if (err)
				return err;
		}
	}
	if (run->err)
		return run->err;
	return run->changed ? -EINTR : 0;
}

int wd_rtnl_run(struct wd_rtnl *nl, struct nlmsghdr *head,
		int (*fn)(void *ctx, const struct nlmsghdr *msg), void *ctx)
{
	struct run run = { .seq = ++nl->seq, .fn = fn, .ctx = ctx };

	head->nlmsg_seq = run.seq;
	head->nlmsg_pid = 0;
	head->nlmsg_flags |= NLM_F_REQUEST;
	/* The end of a dump is marked by itself. */
	if (!(head->nlmsg_flags & NLM_F_DUMP))
		head->nlmsg_flags |= NLM_F_ACK;
	if (send(nl->fd, head, head->nlmsg_len, 0) < 0)
		return -errno;
	return receive(nl, &run);
}

/* ---- links ---- */

/* Where a device takes what comes by UDP; those of its kind send there, too. */
static void take_port(struct wd_link *link, const struct nlattr *data)
{
	static const struct {
		const char *kind;
		uint16_t type;
	} ports[] = {
		{ "vxlan", IFLA_VXLAN_PORT },
		{ "geneve", IFLA_GENEVE_PORT },
		{ "bareudp", IFLA_BAREUDP_PORT },
	};
	const struct nlattr *attr;
	uint16_t type = 0;

	for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++)
		if (!strcmp(link->kind, ports[i].kind))
			type = ports[i].type;
	mnl_attr_for_each_nested(attr, data) {
		if (type && mnl_attr_get_type(attr) == type &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint16_t))
			link->tunnel_port = ntohs(mnl_attr_get_u16(attr));
	}
}

/* TUNNEL_ENCAP_* of linux/if_tunnel.h, 0 none. */
static void take_encap(struct wd_link *link, const struct nlattr *data)
{
	bool is_gre = strstr(link->kind, "gre") || strstr(link->kind, "erspan");
	const struct nlattr *attr;

	if (!is_gre && strcmp(link->kind, "ipip") != 0 &&
	    strcmp(link->kind, "sit") != 0 && strcmp(link->kind, "ip6tnl") != 0)
		return;
	mnl_attr_for_each_nested(attr, data) {
		if (mnl_attr_get_type(attr) ==
			    (is_gre ? IFLA_GRE_ENCAP_TYPE :
				      IFLA_IPTUN_ENCAP_TYPE) &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint16_t))
			link->in_udp = mnl_attr_get_u16(attr) != 0;
	}
}

static void take_kind(struct wd_link *link, const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			(void)snprintf(link->kind, sizeof(link->kind), "%s",
				       mnl_attr_get_str(attr));
	}
	link->is_veth = !strcmp(link->kind, "veth");
	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) != IFLA_INFO_DATA)
			continue;
		take_port(link, attr);
		take_encap(link, attr);
	}
}

static bool xdp_is_attached(const struct nlattr *info)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, info) {
		if (mnl_attr_get_type(attr) == IFLA_XDP_ATTACHED &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint8_t))
			return mnl_attr_get_u8(attr) != XDP_ATTACHED_NONE;
	}
	return false;
}

static void take_link_attr(struct wd_link *link, const struct nlattr *attr)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case IFLA_IFNAME:
		if (len && len <= sizeof(link->name))
			memcpy(link->name, mnl_attr_get_payload(attr), len);
		link->name[sizeof(link->name) - 1] = '\0';
		break;
	case IFLA_ADDRESS:
		link->has_mac = len == sizeof(link->mac);
		if (link->has_mac)
			memcpy(link->mac, mnl_attr_get_payload(attr), len);
		break;
	case IFLA_MASTER:
		if (len == sizeof(uint32_t))
			link->master = mnl_attr_get_u32(attr);
		break;
	case IFLA_MTU:
		if (len == sizeof(uint32_t))
			link->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK:
		if (len == sizeof(uint32_t))
			link->peer = mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK_NETNSID:
		if (len == sizeof(uint32_t))
			link->peer_nsid = (int)mnl_attr_get_u32(attr);
		break;
	case IFLA_NEW_NETNSID:
		link->has_moved = true;
		break;
	case IFLA_LINKINFO:
		take_kind(link, attr);
		break;
	case IFLA_XDP:
		link->has_xdp = xdp_is_attached(attr);
		break;
	default:
		break;
	}
}

int wd_link_parse(const struct nlmsghdr *msg, struct wd_link *ret_link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr;
	struct wd_link link = { .peer_nsid = -1 };

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*info) ||
	    info->ifi_index <= 0)
		return -EPROTO;
	link.ifindex = (uint32_t)info->ifi_index;
	link.type = info->ifi_type;
	link.is_loopback = (info->ifi_flags & IFF_LOOPBACK) != 0;
	link.is_up = (info->ifi_flags & IFF_UP) != 0;
	mnl_attr_for_each(attr, msg, sizeof(*info))
		take_link_attr(&link, attr);
	*ret_link = link;
	return 0;
}

static int take_link(void *ctx, const struct nlmsghdr *msg)
{
	return msg->nlmsg_type == RTM_NEWLINK ? wd_link_parse(msg, ctx) : 0;
}

int wd_link_get(struct wd_rtnl *nl, uint32_t ifindex, const char *name,
		struct wd_link *ret_link)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct wd_link link = { 0 };
	struct ifinfomsg *info;
	int err;

	if (ifindex > INT_MAX || (!ifindex && strlen(name) >= IFNAMSIZ))
		return -ENODEV;
	head->nlmsg_type = RTM_GETLINK;
	info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	if (!ifindex)
		mnl_attr_put_strz(head, IFLA_IFNAME, name);
	err = wd_rtnl_run(nl, head, take_link, &link);
	if (err)
		return err;
	if (!link.ifindex || (ifindex && link.ifindex != ifindex))
		return -ENODEV;
	*ret_link = link;
	return 0;
}

struct link_list {
	struct wd_link *link;
	size_t cnt;
	size_t cap;
};

static int add_link(void *ctx, const struct nlmsghdr *msg)
{
	struct link_list *list = ctx;
	int err;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (list->cnt == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct wd_link *grown =
			reallocarray(list->link, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->link = grown;
		list->cap = cap;
	}
	err = wd_link_parse(msg, &list->link[list->cnt]);
	list->cnt += !err;
	return err;
}

int wd_link_list(struct wd_rtnl *nl, struct wd_link **ret_link)
{
	struct link_list list = { 0 };
	int err = -EINTR;

	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++) {
		union wd_rtnl_req req;
		struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
		struct ifinfomsg *info;

		head->nlmsg_type = RTM_GETLINK;
		head->nlmsg_flags = NLM_F_DUMP;
		info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
		info->ifi_family = AF_UNSPEC;
		list.cnt = 0;
		err = wd_rtnl_run(nl, head, add_link, &list);
	}
	if (!err && list.cnt > INT_MAX)
		err = -E2BIG;
	if (err) {
		free(list.link);
		return err;
	}
	*ret_link = list.link;
	return (int)list.cnt;
}

int wd_link_list_here(struct wd_link **ret_link)
{
	struct wd_rtnl nl;
	int cnt = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (cnt)
		return cnt;
	cnt = wd_link_list(&nl, ret_link);
	wd_rtnl_close(&nl);
	return cnt;
}

static int take_nsid(void *ctx, const struct nlmsghdr *msg)
{
	const struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWNSID)
		return 0;
	mnl_attr_for_each(attr, msg, sizeof(struct rtgenmsg)) {
		if (mnl_attr_get_type(attr) == NETNSA_NSID &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			*(int *)ctx = (int)mnl_attr_get_u32(attr);
	}
	return 0;
}

int wd_nsid_get(struct wd_rtnl *nl, int netns_fd, int *ret_nsid)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct rtgenmsg *gen;
	int nsid = -1;
	int err;

	head->nlmsg_type = RTM_GETNSID;
	gen = mnl_nlmsg_put_extra_header(head, sizeof(*gen));
	gen->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(head, NETNSA_FD, (uint32_t)netns_fd);
	err = wd_rtnl_run(nl, head, take_nsid, &nsid);
	if (!err)
		*ret_nsid = nsid;
	return err;
}

static int take_route(void *ctx, const struct nlmsghdr *msg)
{
	uint32_t *ifindex = ctx;
	const struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWROUTE)
		return 0;
	mnl_attr_for_each(attr, msg, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(attr) == RTA_OIF &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*ifindex = mnl_attr_get_u32(attr);
	}
	return 0;
}

int wd_route_get(struct wd_rtnl *nl, const struct wd_addr *addr,
		 uint32_t *ret_ifindex)
{
	bool is_v4 = addr->family == 4;
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct rtmsg *route;
	int err;

	*ret_ifindex = 0;
	head->nlmsg_type = RTM_GETROUTE;
	route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
	route->rtm_family = is_v4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = is_v4 ? 32 : 128;
	if (is_v4)
		mnl_attr_put(head, RTA_DST, sizeof(addr->v4), &addr->v4);
	else
		mnl_attr_put(head, RTA_DST, sizeof(addr->v6), &addr->v6);
	err = wd_rtnl_run(nl, head, take_route, ret_ifindex);
	return err == -ENETUNREACH || err == -EHOSTUNREACH ? 0 : err;
}

/* ---- addresses ---- */

struct addr_list {
	struct wd_ifaddr *addr;
	size_t cnt;
	size_t cap;
	uint32_t ifindex; /* only of this one, 0 all */
};

static bool parse_addr(const struct nlmsghdr *msg, struct wd_ifaddr *ret_addr)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(msg);
	uint16_t want = info->ifa_family == AF_INET ? 4 : 16;
	const struct nlattr *attr;
	const void *bytes = NULL;
	const void *all = NULL;
	uint32_t flags = info->ifa_flags;

	mnl_attr_for_each(attr, msg, sizeof(*info)) {
		uint16_t type = mnl_attr_get_type(attr);
		uint16_t len = mnl_attr_get_payload_len(attr);

		/* Of a point-to-point pair, IFA_ADDRESS is the other end. */
		if ((type == IFA_LOCAL || (type == IFA_ADDRESS && !bytes)) &&
		    len == want)
			bytes = mnl_attr_get_payload(attr);
		else if (type == IFA_BROADCAST && len == want)
			all = mnl_attr_get_payload(attr);
		else if (type == IFA_FLAGS && len == sizeof(flags))
			flags = mnl_attr_get_u32(attr);
	}
	if (!bytes || flags & IFA_F_DADFAILED)
		return false;
	memset(ret_addr, 0, sizeof(*ret_addr));
	ret_addr->ifindex = info->ifa_index;
	ret_addr->scope = info->ifa_scope;
	ret_addr->addr.family = want == 4 ? 4 : 6;
	memcpy(&ret_addr->addr.v6, bytes, want);
	if (all) {
		ret_addr->broadcast.family = ret_addr->addr.family;
		memcpy(&ret_addr->broadcast.v6, all, want);
	}
	return true;
}

static int take_addr(void *ctx, const struct nlmsghdr *msg)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(msg);
	struct addr_list *list = ctx;

	if (msg->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(msg) < sizeof(*info) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) ||
	    (list->ifindex && info->ifa_index != list->ifindex))
		return 0;
	if (list->cnt == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct wd_ifaddr *addr =
			reallocarray(list->addr, cap, sizeof(*addr));

		if (!addr)
			return -ENOMEM;
		list->addr = addr;
		list->cap = cap;
	}
	list->cnt += parse_addr(msg, &list->addr[list->cnt]);
	return 0;
}

int wd_ifaddr_list(struct wd_rtnl *nl, uint32_t ifindex,
		   struct wd_ifaddr **ret_addr)
{
	struct addr_list list = { .ifindex = ifindex };
	int err = -EINTR;

	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++) {
		union wd_rtnl_req req;
		struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
		struct ifaddrmsg *info;

		head->nlmsg_type = RTM_GETADDR;
		head->nlmsg_flags = NLM_F_DUMP;
		info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
		info->ifa_family = AF_UNSPEC;
		list.cnt = 0;
		err = wd_rtnl_run(nl, head, take_addr, &list);
	}
	if (!err && list.cnt > INT_MAX)
		err = -E2BIG;
	if (err) {
		free(list.addr);
		return err;
	}
	*ret_addr = list.addr;
	return (int)list.cnt;
}
