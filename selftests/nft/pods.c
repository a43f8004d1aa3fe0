/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pods.c - see pods.h.
 */
#include "pods.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node.h"

#define SOON_MS 300 /* a packet takes microseconds; machines are busy */

static const char *const addrs[POD_CNT + 1][2] = {
	[POD_WEB] = { "10.1.0.1", "fd00:1::1" },
	[POD_DB] = { "10.1.0.2", "fd00:1::2" },
	[POD_ONE] = { "10.2.0.2", "fd00:2::2" },
	[POD_TWO] = { "10.2.0.3", "fd00:2::3" },
	[POD_NODE] = { "10.2.0.1", "fd00:2::1" },
};

const char *pods_addr(int pod, int version)
{
	return addrs[pod][version == 6];
}

static void enter(const struct pods *pods, int pod)
{
	if (setns(pods->ns[pod], CLONE_NEWNET))
		abort();
}

static int new_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	(void)node_sysctl("ipv6/conf/default/accept_dad", "0");
	(void)node_sysctl("ipv6/conf/default/dad_transmits", "0");
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void make_node(void)
{
	(void)node_sysctl("ipv4/ip_forward", "1");
	(void)node_sysctl("ipv6/conf/all/forwarding", "1");
	node_ip(NULL, "link set lo up\n"
		      "link add br0 type bridge\n"
		      "link set br0 up\n"
		      "addr add 10.2.0.1/24 dev br0\n"
		      "addr add fd00:2::1/64 dev br0 nodad\n");
}

static void make_routed(const struct pods *pods, int pod)
{
	node_ip(NULL,
		"link add d%d type veth peer name p%d netns /proc/%d/fd/%d\n"
		"link set d%d up\n"
		"addr add 169.254.1.1/32 dev d%d\n"
		"addr add fe80::1/64 dev d%d nodad\n"
		"route add %s dev d%d\nroute add %s dev d%d\n",
		pod, pod, getpid(), pods->ns[pod], pod, pod, pod, addrs[pod][0],
		pod, addrs[pod][1], pod);
	enter(pods, pod);
	node_ip(NULL,
		"link set lo up\nlink set p%d up\n"
		"addr add %s/32 dev p%d\naddr add %s/128 dev p%d nodad\n"
		"route add default via 169.254.1.1 dev p%d onlink\n"
		"route add default via fe80::1 dev p%d\n",
		pod, addrs[pod][0], pod, addrs[pod][1], pod, pod, pod);
	enter(pods, POD_NODE);
}

static void make_bridged(const struct pods *pods, int pod)
{
	node_ip(NULL,
		"link add d%d type veth peer name p%d netns /proc/%d/fd/%d\n"
		"link set d%d master br0 up\n",
		pod, pod, getpid(), pods->ns[pod], pod);
	enter(pods, pod);
	node_ip(NULL,
		"link set lo up\nlink set p%d up\n"
		"addr add %s/24 dev p%d\naddr add %s/64 dev p%d nodad\n"
		"route add default via 10.2.0.1\n"
		"route add default via fd00:2::1\n",
		pod, addrs[pod][0], pod, addrs[pod][1], pod);
	enter(pods, POD_NODE);
}

static bool read_pod(struct pods *pods, int pod)
{
	struct ifreq req = { 0 };
	char name[IF_NAMESIZE];
	bool ok;
	int fd;

	(void)snprintf(name, sizeof(name), "d%d", pod);
	pods->ifindex[pod] = if_nametoindex(name);
	enter(pods, pod);
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "p%d", pod);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &req);
	memcpy(pods->mac[pod], req.ifr_hwaddr.sa_data, 6);
	if (fd >= 0)
		(void)close(fd);
	enter(pods, POD_NODE);
	return ok && pods->ifindex[pod];
}

bool pods_open(struct pods *pods)
{
	bool ok = true;

	memset(pods, 0, sizeof(*pods));
	for (int i = 0; ok && i <= POD_NODE; i++) {
		pods->ns[i] = new_namespace();
		ok = pods->ns[i] >= 0;
	}
	if (ok) {
		enter(pods, POD_NODE);
		make_node();
		make_routed(pods, POD_WEB);
		make_routed(pods, POD_DB);
		make_bridged(pods, POD_ONE);
		make_bridged(pods, POD_TWO);
		pods->bridge = if_nametoindex("br0");
	}
	for (int i = 0; ok && i < POD_CNT; i++)
		ok = read_pod(pods, i);
	if (!ok || !pods->bridge)
		printf("# no pods: %s\n", strerror(errno));
	return ok && pods->bridge;
}

void pods_close(struct pods *pods)
{
	for (int i = 0; i <= POD_NODE; i++)
		if (pods->ns[i] > 0)
			(void)close(pods->ns[i]);
}

/* ---- sockets ---- */

static socklen_t set_addr(struct sockaddr_storage *to, int pod, int version,
			  uint16_t port)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (version == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		inet_pton(AF_INET, pods_addr(pod, 4), &v4->sin_addr);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	inet_pton(AF_INET6, pods_addr(pod, 6), &v6->sin6_addr);
	return sizeof(*v6);
}

static int socket_in(const struct pods *pods, int pod, int version, int type)
{
	int fd;

	enter(pods, pod);
	fd = socket(version == 4 ? AF_INET : AF_INET6,
		    type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enter(pods, POD_NODE);
	if (fd < 0)
		abort();
	return fd;
}

static bool wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, SOON_MS) == 1;
}

static int bound(const struct pods *pods, int pod, int version, int type,
		 uint16_t port)
{
	int fd = socket_in(pods, pod, version, type), one = 1;
	struct sockaddr_storage at;
	socklen_t len = set_addr(&at, pod, version, port);

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, len)) {
		printf("# bind: %s\n", strerror(errno));
		abort();
	}
	return fd;
}

int pods_listen(const struct pods *pods, int pod, int version, uint16_t port)
{
	int fd = bound(pods, pod, version, SOCK_STREAM, port);

	if (listen(fd, 8))
		abort();
	return fd;
}

int pods_connect(const struct pods *pods, int from, int to, int version,
		 uint16_t port)
{
	int fd = socket_in(pods, from, version, SOCK_STREAM), err = 0;
	struct sockaddr_storage at;
	socklen_t len = set_addr(&at, to, version, port), err_len = sizeof(err);

	if (connect(fd, (struct sockaddr *)&at, len) && errno != EINPROGRESS)
		err = errno;
	else if (!wait_for(fd, POLLOUT))
		err = ETIMEDOUT;
	else
		(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
	if (!err)
		return fd;
	(void)close(fd);
	return -err;
}

int pods_accept(int listener)
{
	int fd;

	if (!wait_for(listener, POLLIN))
		return -ETIMEDOUT;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What came before belongs to another question. */
static void drain(int fd)
{
	char buf[64];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

bool pods_passes(int from, int to)
{
	char buf[8];

	drain(to);
	return send(from, "word", 4, MSG_NOSIGNAL) == 4 &&
	       wait_for(to, POLLIN) && recv(to, buf, sizeof(buf), 0) > 0;
}

int pods_udp(const struct pods *pods, int pod, int version, uint16_t port)
{
	return bound(pods, pod, version, SOCK_DGRAM, port);
}

bool pods_udp_passes(int from, int to, int pod, int version, uint16_t port)
{
	struct sockaddr_storage at;
	socklen_t len = set_addr(&at, pod, version, port);
	char buf[8];

	drain(to);
	(void)sendto(from, "word", 4, 0, (struct sockaddr *)&at, len);
	return wait_for(to, POLLIN) && recv(to, buf, sizeof(buf), 0) > 0;
}
