/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * linkmon.c - which interfaces come, change and go in this namespace, and the
 * addresses of its own. It tells; what follows from it is the agent's matter.
 */
#include "veth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "rtnl.h"

#define RCVBUF_BYTES (4 << 20) /* a thousand pods at once */

struct wd_linkmon {
	struct wd_rtnl nl;
	wd_linkmon_fn fn;
	void *ctx;
	bool addrs_changed;
};

int wd_linkmon_open(wd_linkmon_fn fn, void *ctx, struct wd_linkmon **ret_mon)
{
	struct wd_linkmon *mon = calloc(1, sizeof(*mon));
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
				      RTNLGRP_IPV6_IFADDR };
	int size = RCVBUF_BYTES;
	int err;

	if (!mon)
		return -ENOMEM;
	mon->fn = fn;
	mon->ctx = ctx;
	err = wd_rtnl_open(&mon->nl, -1, NETLINK_ROUTE);
	if (err) {
		free(mon);
		return err;
	}
	/* Without it more events get lost; -ENOBUFS tells when. */
	(void)setsockopt(mon->nl.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
			 sizeof(size));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!setsockopt(mon->nl.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
				&groups[i], sizeof(groups[i])))
			continue;
		err = -errno;
		wd_linkmon_close(mon);
		return err;
	}
	*ret_mon = mon;
	return 0;
}

void wd_linkmon_close(struct wd_linkmon *mon)
{
	if (!mon)
		return;
	wd_rtnl_close(&mon->nl);
	free(mon);
}

int wd_linkmon_fd(const struct wd_linkmon *mon)
{
	return mon->nl.fd;
}

/*
 * @lost: the caller looks at every interface as it is now, later than all that
 * waits here, and soon, with thousands waiting. Only of those that are gone an
 * event says more than that: whether they live on in another namespace.
 */
static void take_event(struct wd_linkmon *mon, const struct nlmsghdr *msg,
		       bool lost)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct wd_link link;

	if (msg->nlmsg_type == RTM_NEWADDR || msg->nlmsg_type == RTM_DELADDR)
		mon->addrs_changed = true;
	if (msg->nlmsg_type != RTM_DELLINK &&
	    (msg->nlmsg_type != RTM_NEWLINK || lost))
		return;
	/*
	 * With the bridge's family, RTM_DELLINK says that a port left its
	 * bridge, not that the interface is gone.
	 */
	if (wd_link_parse(msg, &link) || info->ifi_family != AF_UNSPEC)
		return;
	mon->fn(mon->ctx, &link, msg->nlmsg_type == RTM_DELLINK);
}

int wd_linkmon_poll(struct wd_linkmon *mon)
{
	bool lost = false;

	for (;;) {
		const struct nlmsghdr *msg = (const void *)mon->nl.buf;
		ssize_t got = wd_rtnl_recv(&mon->nl, MSG_DONTWAIT);
		int len = (int)got;

		if (got == -EAGAIN && (lost || mon->addrs_changed)) {
			mon->addrs_changed = false;
			mon->fn(mon->ctx, NULL, false);
		}
		if (got == -EAGAIN)
			return lost ? -ENOBUFS : 0;
		if (got == -ENOBUFS || got == -EMSGSIZE) {
			lost = true;
			continue;
		}
		if (got < 0)
			return (int)got;
		for (; mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len))
			take_event(mon, msg, lost);
	}
}

int wd_link_look(uint32_t ifindex, struct wd_link *ret_link)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = ifindex ? wd_link_get(&nl, ifindex, NULL, ret_link) : -ENODEV;
	wd_rtnl_close(&nl);
	return err;
}

int wd_host_addrs(struct wd_addr **ret_addr)
{
	struct wd_ifaddr *list = NULL;
	struct wd_addr *addr;
	struct wd_rtnl nl;
	int cnt = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);
	int kept = 0;

	if (cnt)
		return cnt;
	cnt = wd_ifaddr_list(&nl, 0, &list);
	wd_rtnl_close(&nl);
	if (cnt < 0)
		return cnt;
	addr = calloc(2 * (size_t)cnt + 1, sizeof(*addr));
	for (int i = 0; addr && i < cnt; i++) {
		if (list[i].scope >= RT_SCOPE_LINK)
			continue;
		addr[kept++] = list[i].addr;
		if (list[i].broadcast.family)
			addr[kept++] = list[i].broadcast;
	}
	free(list);
	if (!addr)
		return -ENOMEM;
	*ret_addr = addr;
	return kept;
}
