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
		veth.nsid = host.peer_nsid;
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

int wd_veth_each(wd_veth_fn fn, void *ctx)
{
	struct wd_link *list = NULL;
	struct wd_rtnl nl;
	int cnt = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);
	int err = 0;

	if (cnt)
		return cnt;
	cnt = wd_link_list(&nl, &list);
	wd_rtnl_close(&nl);
	if (cnt < 0)
		return cnt;
	for (int i = 0; i < cnt && !err; i++) {
		if (list[i].is_veth && list[i].peer && list[i].peer_nsid >= 0)
			err = fn(ctx, &list[i]);
	}
	free(list);
	return err;
}
