// SPDX-License-Identifier: GPL-2.0-only
/* move.c - interfaces, peers, routes, objects: each at its own time. */
#include "move.h"

#include <stdio.h>
#include <string.h>

#include "agents.h"
#include "expect.h"
#include "link.h"
#include "objects.h"
#include "tap.h"

/* Of node a: its peer, node b, may send from the address, or no longer. */
static bool give_address(bool add)
{
	char prefix[2][48];
	struct wg_peer peer = link_peer(0);
	int at = 0;

	if (!add)
		return !wg_peer(site_node[0].wg, "wg0", &peer, WG_SET);
	peer.endpoint = NULL;
	for (; at < 2; at++) {
		snprintf(prefix[at], sizeof(prefix[at]), "%s/%d",
			 site_ip(0, SITE_POD, at), at ? 128 : 32);
		peer.prefix[at] = prefix[at];
	}
	peer.prefix[at] = NULL;
	return !wg_peer(site_node[0].wg, "wg0", &peer, WG_ADD_PREFIXES);
}

/* Of node a: to the pod that moves, as to all pods of node b. */
static bool route_address(bool add)
{
	return link_route_to(0, site_ip(0, SITE_POD, false), add) &&
	       link_route_to(0, site_ip(0, SITE_POD, true), add);
}

/* A pod of node a that may talk in clear sends to the pod that moves. */
static bool talk_neighbour(struct talk *talk)
{
	const char *src[2] = { site_ip(0, SITE_OPEN, false),
			       site_ip(0, SITE_OPEN, true) };
	const char *dst[2] = { site_ip(0, SITE_POD, false),
			       site_ip(0, SITE_POD, true) };
	struct stream_opts opts = { 0 };

	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	return talk_begin(talk, site_pod_name(0, SITE_OPEN), src, dst, TALK_ALL,
			  &opts);
}

static bool pod_is_reached(bool sealed)
{
	long until = site_now_ms() + EXPECT_MENDED_MS;

	do {
		struct seen seen = expect_no_leak(expect_hold_ms);

		if (seen.arrived[0][SITE_POD] && (seen.sealed || !sealed))
			return true;
	} while (site_now_ms() < until);
	return false;
}

static void move_interface(int to)
{
	wd_expect(site_part_pod(0, !to));
	wd_expect(site_join_pod(0, to));
}

/* To node @to, that of the other. */
static void move_pod(int to, bool interface_first)
{
	if (interface_first)
		move_interface(to);
	(void)expect_no_leak(expect_hold_ms / 2);
	wd_expect(give_address(to == 1));
	/* A pod that is back has brought its route, in place of that one. */
	if (to == 1 || !interface_first)
		wd_expect(route_address(to == 1));
	(void)expect_no_leak(expect_hold_ms / 2);
	if (!interface_first)
		move_interface(to);
	wd_expect(watch_again(0));
	if (to == 1)
		expect_nothing_arrives(expect_hold_ms / 2);
	else
		(void)expect_no_leak(expect_hold_ms / 2);
	objects_pod(0, true, to);
	wd_expect(objects_tell());
}

void move_and_back(bool interface_first)
{
	struct talk talk;

	wd_expect(talk_neighbour(&talk));
	wd_expect(pod_is_reached(false));
	move_pod(1, interface_first);
	if (!wd_expect(pod_is_reached(true)))
		agents_show();
	move_pod(0, interface_first);
	if (!wd_expect(pod_is_reached(false)))
		agents_show();
	wd_expect(talk_end(&talk));
}
