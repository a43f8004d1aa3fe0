/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.h - a local pod interface instance, as the agent found it in the kernel.
 *
 * Plain data shared by the agent (which finds, attaches and remembers it) and
 * the model (which decides its slot). An instance is never changed into
 * another one: a new interface is a new endpoint with a new id.
 */
#ifndef WARDER_ENDPOINT_H
#define WARDER_ENDPOINT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <warder/limits.h>

#include "object.h"

struct wd_endpoint {
	uint32_t id; /* instance number, >= 1, never used twice */
	uint32_t stat; /* index into wd_epstat and wd_quota */
	uint32_t ifindex; /* host side */
	uint32_t master; /* bridge, or 0 */
	uint64_t cookie; /* of the pod's namespace */
	char host_name[IFNAMSIZ];
	char pod_name[IFNAMSIZ];
	uint8_t host_mac[6];
	uint8_t pod_mac[6];
	struct in6_addr ll6;
	uint32_t addr_cnt;
	struct wd_addr
		addr[2 * WD_EP_ADDRS]; /* at most WD_EP_ADDRS of each family */
	const char *ns; /* interned; the pod it belongs to */
	const char *name;
	const char *uid; /* "" if the runtime did not say */
	const char *
		container; /* runtime's container id, interned; "" if discovered */
	const char *
		network; /* CNI network that attached it, interned; "" if discovered */
	const char *netns; /* path of the namespace, interned, "" unknown */
};

#endif /* WARDER_ENDPOINT_H */
