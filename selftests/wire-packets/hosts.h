/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hosts.h - who takes part on the wires, and the tables of the agent that say
 * so. Each has an IPv4 and an IPv6 address.
 */
#ifndef WARDER_SELFTESTS_HOSTS_H
#define WARDER_SELFTESTS_HOSTS_H

#include <stdint.h>
#include <warder/abi.h>

enum host {
	LOCAL, /* pod of this node; what it says must be encrypted */
	LOCAL2, /* pod of this node; may be in clear */
	SECRET, /* pod of node 2; must be encrypted */
	PLAIN, /* pod of node 2; may be in clear */
	SECRET3, /* pod of node 3; must be encrypted */
	PLAIN3, /* pod of node 3; may be in clear */
	NEW, /* nobody knows it; in a prefix of node 2 that must be encrypted */
	NEW_PLAIN, /* the same, may be in clear */
	NEW_NOWHERE, /* as NEW, and nobody knows whose prefix it is */
	HALF, /* has an entry that says neither pod nor node, in NEW's prefix */
	HERE, /* this node, number 1 */
	NODE2,
	NODE3,
	FREE, /* node 4, exempt */
	OUTSIDE,
	OUTSIDE2,
	GROUP, /* multicast */
	HOST__MAX,
};

#define NODE_HERE 1

/** host_addr() - address of @host, 4 or 16 bytes in network order, to @ret */
void host_addr(enum host host, int family, void *ret);

/** host_name() - for people */
const char *host_name(enum host host);

/**
 * host_entry() - its entry in wd_addr*
 * Return: NULL: it has none
 */
const struct wd_addr_val *host_entry(enum host host);

/* A prefix of wd_net* or wd_tun*. */
struct prefix {
	const char *text[2]; /* IPv4, IPv6: ADDRESS/BITS */
	uint32_t flags; /* WD_NET_* */
	uint32_t node;
};

/* Ended by one without a text. */
extern const struct prefix nets[]; /* wd_net* */
extern const struct prefix tuns[]; /* wd_tun* */

/** prefix_addr() - its address, to @ret. Return: its bits */
uint32_t prefix_addr(const struct prefix *prefix, int family, void *ret);

#endif /* WARDER_SELFTESTS_HOSTS_H */
