/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_net.c - see golden_net.h.
 */
#include "golden_net.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/byteorder.h"
#include "net/linkset.h"

#define DEVICE "golden"
#define HDRINCL6 36 /* IPV6_HDRINCL, of linux/in6.h, which netinet/in.h bars */

/* ---- the namespace ---- */

/*
 * Packets of the pod need CAP_NET_RAW, which the agent does not keep; in a
 * user namespace of its own a process has it, over its own interfaces alone.
 */
static int enter_any(const char **ret_failed)
{
	int fd;

	*ret_failed = "no network namespace";
	if (unshare(CLONE_NEWNET))
		return -errno;
	*ret_failed = "no packet sockets";
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		return close(fd) ? -errno : 0;
	if (errno != EPERM)
		return -errno;
	*ret_failed = "no CAP_NET_RAW, and no user namespace to have it in "
		      "(user.max_user_namespaces)";
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) ? -errno : 0;
}

/* Where it was sent it is worked off, before sending returns. */
static void stay_on_one_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	(void)sched_setaffinity(0, sizeof(set),
				&set); /* else it is waited for */
}

int wd_golden_net_enter(const char **ret_failed)
{
	int err = enter_any(ret_failed);

	if (!err)
		stay_on_one_cpu();
	return err;
}

/* ---- its interfaces ---- */

static int set_flags(int fd, const char *name, short flags)
{
	struct ifreq req = { .ifr_flags = flags };

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	return ioctl(fd, SIOCSIFFLAGS, &req) ? -errno : 0;
}

/*
 * The pod's end first: so the other end is ready to send as soon as it is up.
 * Without ARP: that gives every neighbour the device's own hardware address,
 * which the pod's end does not take for its own.
 */
static int set_up(const char *pod)
{
	struct ifreq req = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), DEVICE);
	memcpy(req.ifr_hwaddr.sa_data, wd_golden_host_mac, ETH_ALEN);
	err = ioctl(fd, SIOCSIFHWADDR, &req) ? -errno : 0;
	if (!err)
		err = set_flags(fd, pod, IFF_UP | IFF_NOARP);
	if (!err)
		err = set_flags(fd, DEVICE, IFF_UP | IFF_NOARP);
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static struct wd_addr address(int family, uint8_t last)
{
	struct wd_addr addr = { .family = (uint8_t)family };
	struct wd_addr4_key v4 = wd_golden_addr4(last);
	struct wd_addr6_key v6 = wd_golden_addr6(last);

	if (family == 4)
		memcpy(&addr.v4, &v4, sizeof(v4));
	else
		memcpy(&addr.v6, &v6, sizeof(v6));
	return addr;
}

/* The peers are here, all others of the prefix behind the device. */
static int add_addresses(struct wd_rtnl *nl, uint32_t ifindex, int family)
{
	static const uint8_t peers[] = { FRIEND, OTHER, PREFIXED };
	struct wd_cidr all = { .addr = address(family, 0),
			       .len = family == 4 ? 24 : 64 };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(peers); i++) {
		struct wd_addr addr = address(family, peers[i]);

		err = wd_ifaddr_add(nl, ifindex, &addr);
	}
	return err ? err : wd_route_put(nl, ifindex, &all);
}

static int make_pair(struct wd_rtnl *nl, struct wd_golden_net *net,
		     struct wd_link *ret_pod)
{
	struct wd_link link = { 0 };
	int err = wd_link_create(nl, DEVICE, "veth");

	if (!err)
		err = wd_link_get(nl, 0, DEVICE, &link);
	if (!err)
		err = wd_link_get(nl, link.peer, NULL, ret_pod);
	if (!err)
		err = set_up(ret_pod->name);
	if (err)
		net->failed = "no pair of interfaces (veth)";
	else
		net->ifindex = link.ifindex;
	return err;
}

static int make_links(struct wd_golden_net *net)
{
	struct wd_link pod;
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	net->failed = "no netlink";
	if (err)
		return err;
	err = make_pair(&nl, net, &pod);
	if (!err) {
		net->failed = "no addresses";
		err = add_addresses(&nl, net->ifindex, 4);
	}
	/* a kernel without it has no packets of it either */
	net->has6 = !err && !add_addresses(&nl, net->ifindex, 6);
	wd_rtnl_close(&nl);
	if (!err)
		net->pod = pod.ifindex;
	return err;
}

/* ---- its sockets ---- */

/* Past any queue, which a device may not have yet. */
static int open_pod(struct wd_golden_net *net)
{
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	net->pod_fd = fd;
	return setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
			  sizeof(one)) ?
		       -errno :
		       0;
}

static int open_raw(struct wd_golden_net *net, int family)
{
	int one = 1, mark = WD_GOLDEN_MARK;
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		return -errno;
	net->raw_fd[family == AF_INET6] = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
	    (family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, HDRINCL6, &one, sizeof(one))))
		return -errno;
	return 0;
}

int wd_golden_net_sockets(struct wd_golden_net *net)
{
	int err;

	net->failed = "no sockets";
	err = open_pod(net);
	if (!err)
		err = open_raw(net, AF_INET);
	if (!err && net->has6)
		err = open_raw(net, AF_INET6);
	return err;
}

int wd_golden_net_open(struct wd_golden_net *ret_net)
{
	struct wd_golden_net *net = ret_net;
	int err;

	*net = (struct wd_golden_net){ .pod_fd = -1, .raw_fd = { -1, -1 } };
	err = wd_golden_net_enter(&net->failed);
	if (!err)
		err = make_links(net);
	return err ? err : wd_golden_net_sockets(net);
}

/* ---- packets ---- */

static uint32_t sum(const uint8_t *at, size_t len, uint32_t so_far)
{
	for (size_t i = 0; i < len; i++)
		so_far += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return so_far;
}

static void put_sum(uint8_t *at, uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Bytes of the packet; with its checksums, without which conntrack takes none. */
static size_t finish(uint8_t *ip)
{
	bool v4 = *ip >> 4 == 4;
	size_t head = v4 ? (*ip & 15) * 4U : 40;
	size_t len = v4 ? get16(ip + 2) : get16(ip + 4) + head;
	uint8_t proto = v4 ? ip[9] : ip[6];
	uint8_t *l4 = ip + head;
	size_t at = proto == IPPROTO_TCP			     ? 16 :
		    proto == IPPROTO_UDP			     ? 6 :
		    proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? 2 :
								       0;
	uint32_t pseudo = proto == IPPROTO_ICMP ? 0 :
			  v4			? sum(ip + 12, 8, proto) :
						  sum(ip + 8, 32, proto);

	if (v4)
		put_sum(ip + 10, sum(ip, head, 0));
	if (proto != IPPROTO_ICMP)
		pseudo += (uint32_t)(len - head);
	if (at)
		put_sum(l4 + at, sum(l4, len - head, pseudo));
	return len;
}

static ssize_t send_raw(const struct wd_golden_net *net, const uint8_t *ip,
			size_t len)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };

	if (*ip >> 4 == 4) {
		memcpy(&to4.sin_addr, ip + 16, sizeof(to4.sin_addr));
		return sendto(net->raw_fd[0], ip, len, 0,
			      (struct sockaddr *)&to4, sizeof(to4));
	}
	memcpy(&to6.sin6_addr, ip + 24, sizeof(to6.sin6_addr));
	return sendto(net->raw_fd[1], ip, len, 0, (struct sockaddr *)&to6,
		      sizeof(to6));
}

static ssize_t send_frame(const struct wd_golden_net *net, const uint8_t *frame,
			  size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)net->pod };

	memcpy(&to.sll_protocol, frame + 2 * ETH_ALEN, sizeof(__be16));
	return sendto(net->pod_fd, frame, len, 0, (struct sockaddr *)&to,
		      sizeof(to));
}

static int sent(ssize_t put)
{
	/* what is dropped on the way out is an error of who sends it: EPERM */
	return put < 0 && errno != EPERM ? -errno : 0;
}

int wd_golden_net_frame(const struct wd_golden_net *net, enum wd_dir way,
			uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + ETH_HLEN;
	size_t bytes = finish(ip);

	return sent(way == WD_EGRESS ? send_frame(net, frame, len) :
				       send_raw(net, ip, bytes));
}

int wd_golden_net_send(const struct wd_golden_net *net,
		       const struct wd_golden *g)
{
	uint8_t frame[WD_GOLDEN_BYTES];

	wd_golden_frame(frame, g);
	if (g->family)
		return wd_golden_net_frame(net, g->way, frame, sizeof(frame));
	return sent(send_frame(net, frame, sizeof(frame)));
}
