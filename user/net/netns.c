/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns.c - the only place where the agent steps into a pod's namespace, and
 * it stays for one system call. Nothing of the pod runs, opens or is read
 * there; what is learnt comes over the socket, from the kernel.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/log.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, since 5.14 */
#endif

int wd_netns_open(const char *path)
{
	static const char link[] = "/var/run/";
	/* A path to a FIFO must not hang the agent. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT && !strncmp(path, link, strlen(link)))
		fd = open(path + strlen("/var"),
			  O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int wd_netns_socket(int netns_fd, int family, int type, int protocol)
{
	int home;
	int fd;

	if (netns_fd < 0) {
		fd = socket(family, type | SOCK_CLOEXEC, protocol);
		return fd < 0 ? -errno : fd;
	}
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return -errno;
	if (setns(netns_fd, CLONE_NEWNET)) {
		fd = -errno;
		(void)close(home);
		return fd;
	}
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	/* deny: an agent that goes on in a pod's namespace acts for the pod. */
	if (setns(home, CLONE_NEWNET)) {
		wd_err("netns: cannot leave a pod's namespace: %s",
		       wd_errno(errno));
		abort();
	}
	(void)close(home);
	return fd;
}

uint64_t wd_netns_cookie(int sock)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		return 0;
	return cookie;
}
