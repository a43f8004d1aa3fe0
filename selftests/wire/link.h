/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link.h - how the nodes of a site are joined: WireGuard between them, and, if
 * wished, a tunnel of VXLAN or Geneve inside it.
 *
 * Native, pods' packets are routed into wg0. With a tunnel they are routed into
 * ov0, whose packets go from node to node; a rule by their port sends these
 * into wg0, which knows the nodes' own addresses, too.
 */
#ifndef WARDER_SELFTESTS_WIRE_LINK_H
#define WARDER_SELFTESTS_WIRE_LINK_H

#include "site.h"

enum link_over { LINK_NATIVE, LINK_VXLAN, LINK_GENEVE };

struct link_way {
	const char *name;
	enum link_over over;
	bool v6; /* nodes talk by IPv6: WireGuard, and the tunnel inside it */
};

/* The one in use; to be set before link_new(). */
extern const struct link_way *link_way;

/** link_find() - by name. Return: false if there is no such way */
bool link_find(const char *name);

/** link_new() - join all nodes. False if it failed */
bool link_new(void);

/** link_again() - make wg0 of @node, that was deleted, with a new key, its peer and the routes. False if it failed */
bool link_again(int node);

/** link_peer() - what @node knows of the other one's key */
struct wg_peer link_peer(int node);

/** link_route() - put back what leads to the other node's pods. False if it failed */
bool link_route(int node);

/** link_unroute() - take it away, but for the devices. False if it failed */
bool link_unroute(int node);

/** link_route_to() - the same for one more prefix or address, add or take it away. False if it failed */
bool link_route_to(int node, const char *to, bool add);

/** link_new_key() - of @node, and the other node is told. False if it failed */
bool link_new_key(int node);

/** link_rule() - the rule by the port of the tunnel's packets; there is none in native ways. False if it failed */
bool link_rule(int node, bool add);

#endif /* WARDER_SELFTESTS_WIRE_LINK_H */
