/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netdev.c - sorts the devices of a pod's namespace by where they lead.
 *
 * A device made on top of another one says in which namespace that is, if not
 * in its own. What says nothing leads nowhere else only if its kind cannot:
 * a WireGuard device, say, sends by the namespace it was made in and does not
 * tell which, and a tap by whoever holds its file. So the list is of kinds
 * that are known to stay, and what is not in it counts as a way out.
 */
#include "netdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"

static bool kind_stays(const char *kind)
{
	static const char *const kinds[] = {
		"bond",	     "bridge",	"dummy",   "erspan",	"geneve",
		"gre",	     "gretap",	"ifb",	   "ip6erspan", "ip6gre",
		"ip6gretap", "ip6tnl",	"ipip",	   "ipvlan",	"ipvtap",
		"macsec",    "macvlan", "macvtap", "nlmon",	"sit",
		"team",	     "vlan",	"vrf",	   "vti",	"vti6",
		"vxlan",     "xfrm",
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kind, kinds[i]))
			return true;
	}
	return false;
}

static enum wd_netdev_way way_of(const struct wd_link *link, int here)
{
	if (link->is_loopback)
		return WD_NETDEV_INSIDE;
	if (link->peer_nsid >= 0)
		return link->is_veth && link->peer_nsid == here ?
			       WD_NETDEV_PAIR :
			       WD_NETDEV_OUTSIDE;
	/* A pair with both ends in here. */
	if (link->is_veth && link->peer)
		return WD_NETDEV_INSIDE;
	return kind_stays(link->kind) ? WD_NETDEV_INSIDE : WD_NETDEV_OUTSIDE;
}

/* The number of the caller's namespace in @nl's, -1 none. */
static int number_here(struct wd_rtnl *nl, int *ret_nsid)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int err;

	if (here < 0)
		return -errno;
	err = wd_nsid_get(nl, here, ret_nsid);
	(void)close(here);
	return err;
}

static int sort_links(const struct wd_link *link, int cnt, int here,
		      struct wd_netdev **ret_dev)
{
	struct wd_netdev *dev = calloc((size_t)cnt + 1, sizeof(*dev));

	if (!dev)
		return -ENOMEM;
	for (int i = 0; i < cnt; i++) {
		dev[i].way = way_of(&link[i], here);
		if (dev[i].way == WD_NETDEV_PAIR)
			dev[i].host_ifindex = link[i].peer;
		memcpy(dev[i].name, link[i].name, sizeof(dev[i].name));
		memcpy(dev[i].kind, link[i].kind, sizeof(dev[i].kind));
	}
	*ret_dev = dev;
	return cnt;
}

int wd_netdev_list(int netns_fd, struct wd_netdev **ret_dev,
		   uint64_t *ret_cookie)
{
	struct wd_link *list = NULL;
	struct wd_rtnl nl;
	int here = -1;
	int cnt = wd_rtnl_open(&nl, netns_fd, NETLINK_ROUTE);

	if (cnt)
		return cnt;
	/* The list first: it gives a number to a namespace that had none. */
	cnt = wd_link_list(&nl, &list);
	if (cnt >= 0) {
		int err = number_here(&nl, &here);

		cnt = err ? err : sort_links(list, cnt, here, ret_dev);
	}
	if (cnt >= 0)
		*ret_cookie = wd_netns_cookie(nl.fd);
	wd_rtnl_close(&nl);
	free(list);
	return cnt;
}
