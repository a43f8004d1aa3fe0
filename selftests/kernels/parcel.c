/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parcel.c - see parcel.h. Decides nothing.
 */
#include "parcel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int wd_netns_of(char node)
{
	char path[] = "/run/netns/x";

	path[sizeof(path) - 2] = node;
	return open(path, O_RDONLY | O_CLOEXEC);
}

int wd_socket_of(char node, int family)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = wd_netns_of(node), fd;

	if (here < 0 || there < 0 || setns(there, CLONE_NEWNET))
		return -1;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (setns(here, CLONE_NEWNET))
		abort();
	close(here);
	close(there);
	return fd;
}

socklen_t wd_sockaddr_fill(struct sockaddr_storage *to, const char *addr)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;
	bool is_v6 = strchr(addr, ':');

	memset(to, 0, sizeof(*to));
	to->ss_family = is_v6 ? AF_INET6 : AF_INET;
	*(is_v6 ? &v6->sin6_port : &v4->sin_port) = htons(9999);
	if (inet_pton(to->ss_family, addr,
		      is_v6 ? (void *)&v6->sin6_addr : &v4->sin_addr) != 1)
		abort();
	return is_v6 ? sizeof(*v6) : sizeof(*v4);
}

/*
 * Has the datagram @nr come within @wait_ms? Others are passed by: WireGuard
 * keeps what is sent before its handshake and delivers all of it after, so a
 * question may meet the datagrams of the one before.
 */
static bool comes(int in, uint32_t nr, int wait_ms)
{
	struct pollfd wait = { .fd = in, .events = POLLIN };
	uint32_t got;

	while (poll(&wait, 1, wait_ms) == 1)
		if (recv(in, &got, sizeof(got), 0) == sizeof(got) && got == nr)
			return true;
	return false;
}

bool wd_arrives(size_t bytes, char from, const char *src, char to,
		const char *dst, int wait_ms)
{
	static uint32_t buf[400], nr; /* of the question */
	const int whole = IP_PMTUDISC_DO;
	struct sockaddr_storage addr;
	socklen_t len = wd_sockaddr_fill(&addr, src);
	int out = wd_socket_of(from, addr.ss_family);
	int in = wd_socket_of(to, addr.ss_family);
	bool got = false;

	if (out < 0 || in < 0 || bind(out, (void *)&addr, len))
		abort();
	len = wd_sockaddr_fill(&addr, dst);
	if (bind(in, (void *)&addr, len) ||
	    (addr.ss_family == AF_INET &&
	     setsockopt(out, IPPROTO_IP, IP_MTU_DISCOVER, &whole,
			sizeof(whole))))
		abort();
	buf[0] = ++nr;
	for (; !got && wait_ms > 0; wait_ms -= 50) {
		(void)!sendto(out, buf, bytes, 0, (void *)&addr, len);
		got = comes(in, nr, 50);
	}
	close(in);
	close(out);
	return got;
}
