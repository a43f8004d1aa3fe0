/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns.h - sockets that live in another network namespace.
 */
#ifndef WARDER_NETNS_H
#define WARDER_NETNS_H

#include <stdint.h>

/**
 * wd_netns_socket() - socket(2) inside a network namespace
 * @netns_fd: the namespace, or -1 for the caller's own
 * The thread is inside only as long as socket(2) takes; if it cannot come
 * back the process ends. The descriptor is close-on-exec.
 * Return: the descriptor, or -errno. Context: CAP_SYS_ADMIN to enter.
 */
int wd_netns_socket(int netns_fd, int family, int type, int protocol);

/**
 * wd_netns_open() - a namespace by the path that a runtime told
 * A container has no link /var/run: what is not found there is looked for in
 * /run, which it leads to on the host.
 * Return: the descriptor, close-on-exec, or -errno.
 */
int wd_netns_open(const char *path);

/** wd_netns_cookie() - cookie of a socket's namespace, 0 if the kernel has none (before 5.14) */
uint64_t wd_netns_cookie(int sock);

#endif /* WARDER_NETNS_H */
