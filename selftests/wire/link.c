// SPDX-License-Identifier: GPL-2.0-only
/* link.c - keys, peers, devices, routes. */
#include "link.h"

#include <stdio.h>
#include <string.h>

#include "datapath/fixture.h"
#include "objects.h"

#define TABLE 200 /* of what goes into wg0 by its port */
#define PRIORITY 200
#define AFTER (PRIORITY + 1)
#define TUNNEL_ID 7

static const struct link_way ways[] = {
	{ "native", LINK_NATIVE, false }, { "native6", LINK_NATIVE, true },
	{ "vxlan", LINK_VXLAN, false },	  { "vxlan6", LINK_VXLAN, true },
	{ "geneve", LINK_GENEVE, false }, { "geneve6", LINK_GENEVE, true },
};

const struct link_way *link_way = &ways[0];

bool link_find(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name)) {
			link_way = &ways[i];
			return true;
		}
	return false;
}

/* ---- WireGuard ---- */

struct wg_peer link_peer(int n)
{
	const struct site_node *other = &site_node[!n];
	struct wg_peer peer = {
		.key = other->key,
		.endpoint = other->ip[link_way->v6],
		.port = SITE_WG_PORT,
		.prefix = { other->net[0], other->net[1] },
	};

	if (link_way->over != LINK_NATIVE)
		peer.prefix[2] = other->host[link_way->v6];
	return peer;
}

static bool tell_peer(int n)
{
	struct wg_peer peer = link_peer(n);

	return !wg_peer(site_node[n].wg, "wg0", &peer, WG_SET);
}

static bool make_device(int n)
{
	struct site_node *node = &site_node[n];

	return wd_fx_run("ip -n %s link add wg0 type wireguard", node->name) &&
	       !wg_new_key(node->wg, "wg0", SITE_WG_PORT, &node->key) &&
	       wd_fx_run("ip -n %s link set wg0 up", node->name);
}

bool link_new_key(int n)
{
	struct site_node *node = &site_node[n];
	struct wg_peer old = link_peer(!n);

	return !wg_new_key(node->wg, "wg0", SITE_WG_PORT, &node->key) &&
	       tell_peer(!n) &&
	       !wg_peer(site_node[!n].wg, "wg0", &old, WG_REMOVE) &&
	       objects_write();
}

static bool open_wg(int n)
{
	bool ok = site_enter(site_node[n].name);

	site_node[n].wg = ok ? wg_open() : NULL;
	return site_enter(NULL) && site_node[n].wg;
}

/* ---- a tunnel inside it ---- */

static int tunnel_port(void)
{
	return link_way->over == LINK_VXLAN ? 4789 : 6081;
}

static bool make_tunnel(int n)
{
	const struct site_node *node = &site_node[n], *other = &site_node[!n];
	const char *to = other->ip[link_way->v6];
	char type[160];

	if (link_way->over == LINK_NATIVE)
		return true;
	if (link_way->over == LINK_VXLAN)
		snprintf(type, sizeof(type),
			 "vxlan id %d local %s remote %s dstport %d", TUNNEL_ID,
			 node->ip[link_way->v6], to, tunnel_port());
	else
		snprintf(type, sizeof(type), "geneve id %d remote %s",
			 TUNNEL_ID, to);
	return wd_fx_run("ip -n %s link add ov0 type %s", node->name, type) &&
	       wd_fx_run("ip -n %s link set ov0 address 02:00:00:00:07:%02d up",
			 node->name, n + 1) &&
	       wd_fx_run("ip -n %s neigh replace 10.99.0.%d lladdr "
			 "02:00:00:00:07:%02d dev ov0",
			 node->name, 2 - n, 2 - n) &&
	       wd_fx_run("ip -n %s neigh replace fe80::%d lladdr "
			 "02:00:00:00:07:%02d dev ov0",
			 node->name, 2 - n, 2 - n);
}

/* By number: a guest has no names of protocols. */
bool link_rule(int n, bool add)
{
	if (link_way->over == LINK_NATIVE)
		return true;
	return wd_fx_run("ip -n %s %s rule %s priority %d ipproto 17 dport %d "
			 "lookup %d",
			 site_node[n].name, link_way->v6 ? "-6" : "-4",
			 add ? "add" : "del", PRIORITY, tunnel_port(), TABLE);
}

/*
 * Over IPv6 the kernel lets a tunnel keep the route that it found until the
 * table that this is in changes there, or a rule does. A route in a table that
 * comes before it is no such change, so the tunnel would go on beside WireGuard.
 */
static bool forget_routes(int n)
{
	const char *node = site_node[n].name;

	return wd_fx_run("ip -n %s -6 rule add priority %d lookup main", node,
			 AFTER) &&
	       wd_fx_run("ip -n %s -6 rule del priority %d", node, AFTER);
}

/* ---- routes ---- */

bool link_route_to(int n, const char *to, bool add)
{
	const char *node = site_node[n].name;
	bool v6 = strchr(to, ':');
	const char *family = v6 ? "-6" : "-4", *do_it = add ? "replace" : "del";

	if (link_way->over == LINK_NATIVE)
		return wd_fx_run("ip -n %s %s route %s %s dev wg0", node,
				 family, do_it, to);
	return wd_fx_run("ip -n %s %s route %s %s via %s%d dev ov0 %s", node,
			 family, do_it, to, v6 ? "fe80::" : "10.99.0.", 2 - n,
			 v6 ? "" : "onlink");
}

static bool route_tunnel(int n)
{
	return wd_fx_run("ip -n %s %s route replace default dev wg0 src %s "
			 "table %d",
			 site_node[n].name, link_way->v6 ? "-6" : "-4",
			 site_node[n].ip[link_way->v6], TABLE) &&
	       (!link_way->v6 || forget_routes(n));
}

bool link_route(int n)
{
	return (link_way->over == LINK_NATIVE || route_tunnel(n)) &&
	       link_route_to(n, site_node[!n].net[0], true) &&
	       link_route_to(n, site_node[!n].net[1], true);
}

bool link_unroute(int n)
{
	return link_route_to(n, site_node[!n].net[0], false) &&
	       link_route_to(n, site_node[!n].net[1], false);
}

/* ---- all of it ---- */

bool link_again(int n)
{
	struct wg_peer old = link_peer(!n);

	return make_device(n) &&
	       !wg_peer(site_node[!n].wg, "wg0", &old, WG_REMOVE) &&
	       tell_peer(n) && tell_peer(!n) && link_route(n) && objects_tell();
}

bool link_new(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		if (!open_wg(n) || !make_device(n) || !make_tunnel(n) ||
		    !link_rule(n, true))
			return false;
	return tell_peer(0) && tell_peer(1) && link_route(0) && link_route(1);
}
