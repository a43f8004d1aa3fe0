/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * veth.c - follows veth pairs from both ends.
 *
 * What an attacker controls: a pod with CAP_NET_ADMIN names, renumbers and
 * re-addresses the interfaces of its own namespace and makes pairs there, and
 * a broken runtime hands over any namespace. What it does not control is which
 * pair the kernel says an interface here belongs to. So the pair counts only
 * if this end, seen from here, points to that interface in that namespace:
 * index and namespace number both, since indexes repeat across namespaces.
 */
#include "veth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include "netns.h"
#include "rtnl.h"

/* Both namespaces, from which the same pair is looked at. */
struct ends {
	struct wd_rtnl in;
	struct wd_rtnl out;
	int netns_fd;
};

static int open_ends(struct ends *ends, int netns_fd)
{
	int err;

	if (netns_fd < 0)
		return -EBADF;
	ends->netns_fd = netns_fd;
	err = wd_rtnl_open(&ends->in, netns_fd, NETLINK_ROUTE);
	if (err)
		return err;
	err = wd_rtnl_open(&ends->out, -1, NETLINK_ROUTE);
	if (err)
		wd_rtnl_close(&ends->in);
	return err;
}

static void close_ends(struct ends *ends)
{
	wd_rtnl_close(&ends->in);
	wd_rtnl_close(&ends->out);
}

/* Does @host, seen from here, point to interface @pod_ifindex over there? */
static int check_outside(struct ends *ends, const struct wd_link *host,
			 uint32_t pod_ifindex)
{
	int nsid;
	int err;

	if (!host->is_veth || host->peer != pod_ifindex || host->peer_nsid < 0)
		return -EXDEV;
	err = wd_nsid_get(&ends->out, ends->netns_fd, &nsid);
	if (err)
		return err;
	return host->peer_nsid == nsid ? 0 : -EXDEV;
}

/* Does @pod, seen from there, point into the namespace of the caller? */
static int check_inside(struct ends *ends, const struct wd_link *pod)
{
	int here;
	int nsid;
	int err;

	if (pod->peer_nsid < 0)
		return -EXDEV;
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return -errno;
	err = wd_nsid_get(&ends->in, here, &nsid);
	(void)close(here);
	if (err)
		return err;
	return pod->peer_nsid == nsid ? 0 : -EXDEV;
}

/* RFC 4291, appendix A: the address an interface gives itself. */
static void make_eui64(const uint8_t *mac, struct in6_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	addr->s6_addr[0] = 0xfe;
	addr->s6_addr[1] = 0x80;
	memcpy(&addr->s6_addr[8], mac, 3);
	addr->s6_addr[8] ^= 2;
	addr->s6_addr[11] = 0xff;
	addr->s6_addr[12] = 0xfe;
	memcpy(&addr->s6_addr[13], mac + 3, 3);
}

/*
 * A pod that keeps changing its addresses, or has more than fit, must not keep
 * itself from being found: then only the first ones, or none, are told.
 */
static int read_addrs(struct ends *ends, struct wd_veth *veth)
{
	struct wd_ifaddr *list = NULL;
	int cnt = wd_ifaddr_list(&ends->in, veth->pod_ifindex, &list);
	bool has_ll6 = false;

	make_eui64(veth->pod_mac, &veth->ll6);
	if (cnt == -EINTR)
		return 0;
	if (cnt < 0)
		return cnt;
	for (int i = 0; i < cnt; i++) {
		const struct wd_ifaddr *a = &list[i];

		if (a->scope < RT_SCOPE_LINK) {
			if (veth->addr_cnt < WD_VETH_ADDRS)
				veth->addr[veth->addr_cnt++] = a->addr;
		} else if (a->addr.family == 6 && a->scope == RT_SCOPE_LINK &&
			   !has_ll6) {
			veth->ll6 = a->addr.v6;
			has_ll6 = true;
		}
	}
	free(list);
	return 0;
}

static int find_pair(struct ends *ends, const char *ifname, struct wd_link *pod,
		     struct wd_link *host)
{
	int err = wd_link_get(&ends->in, 0, ifname, pod);

	if (err)
		return err;
	if (!pod->is_veth || !pod->has_mac)
		return -ENOTSUP;
	if (!pod->peer)
		return -EXDEV;
	err = wd_link_get(&ends->out, pod->peer, NULL, host);
	if (err)
		return err == -ENODEV ? -EXDEV : err;
	err = check_outside(ends, host, pod->ifindex);
	return err ? err : check_inside(ends, pod);
}

int wd_veth_find(int netns_fd, const char *ifname, struct wd_veth *ret_veth)
{
	struct wd_veth veth = { 0 };
	struct wd_link pod;
	struct wd_link host;
	struct ends ends;
	int err = open_ends(&ends, netns_fd);

	if (err)
		return err;
	err = find_pair(&ends, ifname, &pod, &host);
	if (!err) {
		veth.host_ifindex = host.ifindex;
		veth.pod_ifindex = pod.ifindex;
		veth.master = host.master;
		memcpy(veth.host_name, host.name, sizeof(host.name));
		memcpy(veth.pod_name, pod.name, sizeof(pod.name));
		memcpy(veth.host_mac, host.mac, sizeof(host.mac));
		memcpy(veth.pod_mac, pod.mac, sizeof(pod.mac));
		veth.cookie = wd_netns_cookie(ends.in.fd);
		err = read_addrs(&ends, &veth);
	}
	close_ends(&ends);
	if (!err)
		*ret_veth = veth;
	return err;
}

int wd_veth_check(int netns_fd, const struct wd_veth *veth)
{
	struct wd_link host;
	struct ends ends;
	int err = open_ends(&ends, netns_fd);

	if (err)
		return err;
	err = wd_link_get(&ends.out, veth->host_ifindex, NULL, &host);
	if (!err)
		err = check_outside(&ends, &host, veth->pod_ifindex);
	if (!err && wd_netns_cookie(ends.in.fd) != veth->cookie)
		err = -ESTALE;
	close_ends(&ends);
	return err == -EXDEV ? -ESTALE : err;
}

/* ---- all of them ---- */

struct link_list {
	struct wd_link *link;
	size_t cnt;
	size_t cap;
};

static int take_veth(void *ctx, const struct nlmsghdr *msg)
{
	struct link_list *list = ctx;
	struct wd_link link;
	int err;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	err = wd_link_parse(msg, &link);
	if (err || !link.is_veth || !link.peer || link.peer_nsid < 0)
		return err;
	if (list->cnt == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 64;
		struct wd_link *grown =
			reallocarray(list->link, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->link = grown;
		list->cap = cap;
	}
	list->link[list->cnt++] = link;
	return 0;
}

static int list_veths(struct link_list *list)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = -EINTR;
	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++) {
		union wd_rtnl_req req;
		struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
		struct ifinfomsg *info;

		head->nlmsg_type = RTM_GETLINK;
		head->nlmsg_flags = NLM_F_DUMP;
		info = mnl_nlmsg_put_extra_header(head, sizeof(*info));
		info->ifi_family = AF_UNSPEC;
		list->cnt = 0;
		err = wd_rtnl_run(&nl, head, take_veth, list);
	}
	wd_rtnl_close(&nl);
	return err;
}

int wd_veth_each(wd_veth_fn fn, void *ctx)
{
	struct link_list list = { 0 };
	int err = list_veths(&list);

	for (size_t i = 0; i < list.cnt && !err; i++)
		err = fn(ctx, list.link[i].ifindex, list.link[i].name,
			 list.link[i].peer_nsid);
	free(list.link);
	return err;
}
