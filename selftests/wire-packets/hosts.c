/* SPDX-License-Identifier: GPL-2.0-only */
/* hosts.c - the cast, and what the agent would have written of it. */
#include "hosts.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POD(node_, ns_, more) \
	{ .identity = 100 + (ns_), \
	  .flags = WD_ADDR_POD | (more), \
	  .node = (node_), \
	  .ns = (ns_) }
#define NODE(node_, is) { .identity = 6, .flags = (is), .node = (node_) }

static const struct {
	const char *name, *ip4, *ip6;
	struct wd_addr_val val;
} hosts[HOST__MAX] = {
	[LOCAL] = { "LOCAL", "10.1.0.1", "fd01::1",
		    POD(1, 2, WD_ADDR_LOCAL | WD_ADDR_ENCRYPT) },
	[LOCAL2] = { "LOCAL2", "10.1.0.2", "fd01::2",
		     POD(1, 3, WD_ADDR_LOCAL) },
	[SECRET] = { "SECRET", "10.2.0.1", "fd02::1",
		     POD(2, 4, WD_ADDR_ENCRYPT) },
	[PLAIN] = { "PLAIN", "10.2.0.2", "fd02::2", POD(2, 5, 0) },
	[SECRET3] = { "SECRET3", "10.3.0.1", "fd03::1",
		      POD(3, 6, WD_ADDR_ENCRYPT) },
	[PLAIN3] = { "PLAIN3", "10.3.0.2", "fd03::2", POD(3, 7, 0) },
	[NEW] = { "NEW", "10.2.1.9", "fd02:0:0:1::9", { 0 } },
	[NEW_PLAIN] = { "NEW_PLAIN", "10.2.2.9", "fd02:0:0:2::9", { 0 } },
	[NEW_NOWHERE] = { "NEW_NOWHERE", "10.9.0.9", "fd09::9", { 0 } },
	[HALF] = { "HALF",
		   "10.2.1.77",
		   "fd02:0:0:1::77",
		   { .identity = 9, .node = 3, .ns = 9 } },
	[HERE] = { "HERE", "172.16.0.1", "fd10::1",
		   NODE(NODE_HERE, WD_ADDR_HOST) },
	[NODE2] = { "NODE2", "172.16.0.2", "fd10::2", NODE(2, WD_ADDR_NODE) },
	[NODE3] = { "NODE3", "172.16.0.3", "fd10::3", NODE(3, WD_ADDR_NODE) },
	[FREE] = { "FREE", "172.16.0.4", "fd10::4",
		   NODE(4, WD_ADDR_NODE | WD_ADDR_EXEMPT) },
	[OUTSIDE] = { "OUTSIDE", "198.51.100.9", "2001:db8:9::9", { 0 } },
	[OUTSIDE2] = { "OUTSIDE2", "203.0.113.7", "2001:db8:7::7", { 0 } },
	[GROUP] = { "GROUP", "239.1.1.1", "ff05::1", { 0 } },
};

const struct prefix nets[] = {
	{ { "10.1.0.0/16", "fd01::/48" }, WD_NET_POD | WD_NET_ENCRYPT, 1 },
	{ { "10.2.0.0/16", "fd02::/48" }, WD_NET_POD, 2 },
	{ { "10.2.1.0/24", "fd02:0:0:1::/64" }, WD_NET_POD | WD_NET_ENCRYPT, 2 },
	{ { "10.3.0.0/16", "fd03::/48" }, WD_NET_POD, 3 },
	{ { "10.9.0.0/16", "fd09::/48" }, WD_NET_POD | WD_NET_ENCRYPT, 0 },
	{ { NULL, NULL }, 0, 0 },
};

/* What each peer of WireGuard may send and is sent. */
const struct prefix tuns[] = {
	{ { "10.2.0.0/16", "fd02::/48" }, 0, 2 },
	{ { "10.3.0.0/16", "fd03::/48" }, 0, 3 },
	{ { "10.9.0.0/16", "fd09::/48" }, 0, 3 },
	{ { "172.16.0.2/32", "fd10::2/128" }, 0, 2 },
	{ { "172.16.0.3/32", "fd10::3/128" }, 0, 3 },
	{ { "172.16.0.4/32", "fd10::4/128" }, 0, 4 },
	{ { "198.51.100.0/24", "2001:db8:9::/48" }, 0, 2 },
	{ { NULL, NULL }, 0, 0 },
};

void host_addr(enum host host, int family, void *ret)
{
	int ok = inet_pton(family == 4 ? AF_INET : AF_INET6,
			   family == 4 ? hosts[host].ip4 : hosts[host].ip6,
			   ret);

	assert(ok == 1);
}

const char *host_name(enum host host)
{
	return hosts[host].name;
}

const struct wd_addr_val *host_entry(enum host host)
{
	return hosts[host].val.identity ? &hosts[host].val : NULL;
}

uint32_t prefix_addr(const struct prefix *prefix, int family, void *ret)
{
	char text[64], *slash;
	int ok;

	(void)snprintf(text, sizeof(text), "%s", prefix->text[family == 6]);
	slash = strchr(text, '/');
	assert(slash);
	*slash = '\0';
	ok = inet_pton(family == 4 ? AF_INET : AF_INET6, text, ret);
	assert(ok == 1);
	return (uint32_t)strtoul(slash + 1, NULL, 10);
}
