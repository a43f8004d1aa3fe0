/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parcel.h - datagrams from one namespace into another, to see whether they get
 * there. Namespaces are below /run/netns, called by one letter.
 */
#ifndef WARDER_PARCEL_H
#define WARDER_PARCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/** wd_netns_of() - a descriptor of the namespace, or -1 */
int wd_netns_of(char node);

/** wd_socket_of() - a socket for datagrams that belongs to the namespace, or -1 */
int wd_socket_of(char node, int family);

/** wd_sockaddr_fill() - @addr with the port that all of them have. Return: its length */
socklen_t wd_sockaddr_fill(struct sockaddr_storage *to, const char *addr);

/**
 * wd_arrives() - does a datagram get from an address of one to one of the other
 * @bytes: of payload, 4 to 1600; by IPv4 it may not be cut on its way
 * @wait_ms: for so long it is sent again and again
 */
bool wd_arrives(size_t bytes, char from, const char *src, char to,
		const char *dst, int wait_ms);

#endif /* WARDER_PARCEL_H */
