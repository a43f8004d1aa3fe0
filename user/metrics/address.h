/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * address.h - where metrics are served: the word of `--metrics`.
 */
#ifndef WARDER_METRICS_ADDRESS_H
#define WARDER_METRICS_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct wd_metrics_address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len;
};

/**
 * wd_metrics_address() - read "unix:/PATH", "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT"
 * A port alone is one of the loopback, 127.0.0.1. Names are not looked up.
 * Return: 0; -EINVAL it is none of these; -ENAMETOOLONG the path.
 */
int wd_metrics_address(const char *text, struct wd_metrics_address *ret_addr);

/**
 * wd_metrics_listen() - a socket that listens there, non-blocking
 * One in the file system is for its owner alone (0600); what a process before
 * left there is replaced, if it is a socket on which nobody answers.
 * Return: the descriptor; -EADDRINUSE; -errno.
 */
int wd_metrics_listen(const struct wd_metrics_address *addr);

#endif /* WARDER_METRICS_ADDRESS_H */
