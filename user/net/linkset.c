/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * linkset.c - requests that change links, addresses and routes. What they
 * should be is not decided here.
 */
#include "linkset.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

static int run_change(struct wd_rtnl *nl, struct nlmsghdr *head)
{
	/* Asked for here: NLM_F_REPLACE has a bit of NLM_F_DUMP. */
	head->nlmsg_flags |= NLM_F_ACK;
	return wd_rtnl_run(nl, head, NULL, NULL);
}

static uint8_t family_of(const struct wd_addr *addr)
{
	return addr->family == 4 ? AF_INET : AF_INET6;
}

static void put_addr(struct nlmsghdr *head, uint16_t type,
		     const struct wd_addr *addr)
{
	if (addr->family == 4)
		mnl_attr_put(head, type, sizeof(addr->v4), &addr->v4);
	else
		mnl_attr_put(head, type, sizeof(addr->v6), &addr->v6);
}

/* ---- links ---- */

int wd_link_create(struct wd_rtnl *nl, const char *name, const char *kind)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct nlattr *info;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	head->nlmsg_type = RTM_NEWLINK;
	head->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	(void)mnl_nlmsg_put_extra_header(head, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(head, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(head, IFLA_LINKINFO);
	mnl_attr_put_strz(head, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(head, info);
	return run_change(nl, head);
}

static void put_end(struct nlmsghdr *head, uint32_t ifindex, const char *name)
{
	struct ifinfomsg *info =
		mnl_nlmsg_put_extra_header(head, sizeof(*info));

	info->ifi_index = (int)ifindex;
	info->ifi_flags = info->ifi_change = IFF_NOARP;
	mnl_attr_put_strz(head, IFLA_IFNAME, name);
}

int wd_veth_create(struct wd_rtnl *nl, const struct wd_veth *veth)
{
	static const uint8_t none[sizeof(veth->mac)];
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct nlattr *info, *data, *other;
	int err;

	if (strlen(veth->name) >= IFNAMSIZ ||
	    strlen(veth->other_name) >= IFNAMSIZ)
		return -EINVAL;
	head->nlmsg_type = RTM_NEWLINK;
	head->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	put_end(head, veth->ifindex, veth->name);
	if (memcmp(veth->mac, none, sizeof(none)) != 0)
		mnl_attr_put(head, IFLA_ADDRESS, sizeof(veth->mac), veth->mac);
	info = mnl_attr_nest_start(head, IFLA_LINKINFO);
	mnl_attr_put_strz(head, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(head, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(head, VETH_INFO_PEER);
	put_end(head, veth->other, veth->other_name);
	mnl_attr_nest_end(head, other);
	mnl_attr_nest_end(head, data);
	mnl_attr_nest_end(head, info);
	err = run_change(nl, head);
	/* neither can be up before it has the other */
	if (!err)
		err = wd_link_set(nl, veth->other, true, 0);
	return err ? err : wd_link_set(nl, veth->ifindex, true, 0);
}

int wd_link_set(struct wd_rtnl *nl, uint32_t ifindex, bool up, uint32_t mtu)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct ifinfomsg *info;

	head->nlmsg_type = RTM_NEWLINK;
	info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
	info->ifi_index = (int)ifindex;
	if (up)
		info->ifi_flags = info->ifi_change = IFF_UP;
	if (mtu)
		mnl_attr_put_u32(head, IFLA_MTU, mtu);
	return run_change(nl, head);
}

/* ---- addresses ---- */

int wd_ifaddr_add(struct wd_rtnl *nl, uint32_t ifindex,
		  const struct wd_addr *addr)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct ifaddrmsg *info;
	int err;

	head->nlmsg_type = RTM_NEWADDR;
	head->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
	info->ifa_family = family_of(addr);
	info->ifa_prefixlen = addr->family == 4 ? 32 : 128;
	info->ifa_index = ifindex;
	put_addr(head, IFA_LOCAL, addr);
	put_addr(head, IFA_ADDRESS, addr);
	err = run_change(nl, head);
	return err == -EEXIST ? 0 : err;
}

/* ---- routes ---- */

static struct nlmsghdr *put_route(union wd_rtnl_req *req, uint16_t type,
				  uint32_t ifindex,
				  const struct wd_cidr *prefix)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(req);
	struct rtmsg *route;

	head->nlmsg_type = type;
	route = mnl_nlmsg_put_extra_header(head, sizeof(*route));
	route->rtm_family = family_of(&prefix->addr);
	route->rtm_dst_len = prefix->len;
	route->rtm_table = RT_TABLE_MAIN;
	route->rtm_protocol = WD_ROUTE_PROTO;
	route->rtm_scope = prefix->addr.family == 4 ? RT_SCOPE_LINK :
						      RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	put_addr(head, RTA_DST, &prefix->addr);
	mnl_attr_put_u32(head, RTA_OIF, ifindex);
	return head;
}

int wd_route_put(struct wd_rtnl *nl, uint32_t ifindex,
		 const struct wd_cidr *prefix)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = put_route(&req, RTM_NEWROUTE, ifindex, prefix);

	head->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	return run_change(nl, head);
}

int wd_route_del(struct wd_rtnl *nl, uint32_t ifindex,
		 const struct wd_cidr *prefix)
{
	union wd_rtnl_req req;
	int err =
		run_change(nl, put_route(&req, RTM_DELROUTE, ifindex, prefix));

	return err == -ESRCH ? 0 : err;
}

struct route_list {
	struct wd_cidr *prefix;
	size_t cnt;
	size_t cap;
	uint32_t ifindex;
};

/* Return: is it one of ours by that link? */
static bool parse_route(const struct nlmsghdr *msg, uint32_t ifindex,
			struct wd_cidr *ret_prefix)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(msg);
	uint16_t want = route->rtm_family == AF_INET ? 4 : 16;
	const struct nlattr *attr;
	uint32_t oif = 0, table = route->rtm_table;

	memset(ret_prefix, 0, sizeof(*ret_prefix));
	ret_prefix->addr.family = want == 4 ? 4 : 6;
	ret_prefix->len = route->rtm_dst_len;
	mnl_attr_for_each(attr, msg, sizeof(*route)) {
		uint16_t type = mnl_attr_get_type(attr);
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (type == RTA_OIF && len == sizeof(oif))
			oif = mnl_attr_get_u32(attr);
		else if (type == RTA_TABLE && len == sizeof(table))
			table = mnl_attr_get_u32(attr);
		else if (type == RTA_DST && len == want)
			memcpy(&ret_prefix->addr.v6, mnl_attr_get_payload(attr),
			       want);
	}
	return oif == ifindex && table == RT_TABLE_MAIN &&
	       route->rtm_protocol == WD_ROUTE_PROTO;
}

static int take_route(void *ctx, const struct nlmsghdr *msg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(msg);
	struct route_list *list = ctx;

	if (msg->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(msg) < sizeof(*route) ||
	    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
		return 0;
	if (list->cnt == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct wd_cidr *grown =
			reallocarray(list->prefix, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->prefix = grown;
		list->cap = cap;
	}
	list->cnt += parse_route(msg, list->ifindex, &list->prefix[list->cnt]);
	return 0;
}

int wd_route_list(struct wd_rtnl *nl, uint32_t ifindex,
		  struct wd_cidr **ret_prefix)
{
	struct route_list list = { .ifindex = ifindex };
	int err = -EINTR;

	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++) {
		union wd_rtnl_req req;
		struct nlmsghdr *head = mnl_nlmsg_put_header(&req);

		head->nlmsg_type = RTM_GETROUTE;
		head->nlmsg_flags = NLM_F_DUMP;
		(void)mnl_nlmsg_put_extra_header(head, sizeof(struct rtmsg));
		list.cnt = 0;
		err = wd_rtnl_run(nl, head, take_route, &list);
	}
	if (!err && list.cnt > INT_MAX)
		err = -E2BIG;
	if (err) {
		free(list.prefix);
		return err;
	}
	*ret_prefix = list.prefix;
	return (int)list.cnt;
}
