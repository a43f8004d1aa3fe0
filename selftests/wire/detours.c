// SPDX-License-Identifier: GPL-2.0-only
/* detours.c - one after the other, each taken and left again. */
#include "detours.h"

#include <string.h>

#include "agents.h"
#include "around.h"
#include "expect.h"
#include "link.h"
#include "tap.h"

/* ---- routes and rules ---- */

void go_by_route(void)
{
	wd_expect(around_route(true));
}

void no_route(void)
{
	wd_expect(around_route(false));
}

void row_136_nothing_shows_by_a_longer_route(void)
{
	expect_hidden(go_by_route);
	expect_nothing_arrives_at(1);
	(void)expect_mended(no_route);
}

void go_by_rule(void)
{
	wd_expect(around_rule(true));
}

void no_rule(void)
{
	wd_expect(around_rule(false));
}

void row_136_nothing_shows_by_a_rule_in_front(void)
{
	expect_hidden(go_by_rule);
	expect_nothing_arrives_at(1);
	(void)expect_mended(no_rule);
}

void go_by_default(void)
{
	wd_expect(link_unroute(0));
}

void route_back(void)
{
	wd_expect(link_route(0));
}

void row_136_nothing_shows_by_the_default_route(void)
{
	expect_hidden(go_by_default);
	expect_nothing_arrives_at(1);
	(void)expect_mended(route_back);
}

static void tunnel_beside(void)
{
	wd_expect(link_rule(0, false));
}

static void tunnel_inside(void)
{
	wd_expect(link_rule(0, true));
}

/* The tunnel that was inside WireGuard is beside it. */
void row_136_nothing_shows_of_a_tunnel_without_its_rule(void)
{
	if (link_way->over == LINK_NATIVE) {
		wd_test_skip("there is no tunnel");
		return;
	}
	expect_hidden(tunnel_beside);
	expect_nothing_arrives_at(1);
	(void)expect_mended(tunnel_inside);
}

/* ---- addresses and marks ---- */

static bool talk_service(struct talk *talk)
{
	const char *src[2] = { site_ip(0, SITE_POD, false),
			       site_ip(0, SITE_POD, true) };
	const char *dst[2] = { AROUND_SERVICE4, AROUND_SERVICE6 };
	struct stream_opts opts = { 0 };

	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	return talk_begin(talk, site_pod_name(0, SITE_POD), src, dst, TALK_ALL,
			  &opts);
}

/* A service's address becomes that of node b's pod behind the pod's own hook. */
void row_136_nothing_shows_of_rewritten_destinations(void)
{
	struct talk talk;

	if (!wd_expect(around_service(true)))
		return;
	wd_expect(talk_service(&talk));
	wd_expect(expect_arrival_at(1));
	go_by_route();
	(void)expect_no_leak(expect_hold_ms);
	expect_nothing_arrives_at(1);
	no_route();
	if (!wd_expect(expect_arrival_at(1)))
		agents_show();
	wd_expect(talk_end(&talk));
	(void)expect_no_leak(EXPECT_LATER_MS);
	wd_expect(around_service(false));
}

/* Processes of the node send with marks, with its address and with the pod's. */
static void expect_forged_hidden(uint32_t mark)
{
	const char *dst[2] = { site_ip(1, SITE_POD, false),
			       site_ip(1, SITE_POD, true) };
	const char *pod[2] = { site_ip(0, SITE_POD, false),
			       site_ip(0, SITE_POD, true) };
	struct stream_opts opts = { .so_mark = mark, .any_source = true };
	struct talk one, other;

	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	wd_expect(talk_host(&one, 0, mark));
	wd_expect(talk_begin(&other, "na", pod, dst, TALK_ALL, &opts));
	(void)expect_no_leak(expect_hold_ms);
	wd_expect(talk_end(&one));
	wd_expect(talk_end(&other));
	wd_expect(one.sent + one.refused > 0);
	wd_expect(other.sent + other.refused > 0);
	(void)expect_no_leak(EXPECT_LATER_MS);
}

void row_129_marks_open_no_way(void)
{
	static const uint32_t marks[] = { AROUND_MARK, 0xe00, 0xca6c };

	wd_expect(around_mark(true));
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		expect_forged_hidden(marks[i]);
	wd_expect(around_mark(false));
}

/* ---- devices ---- */

static void into_vrf(void)
{
	wd_expect(around_vrf(true));
}

static void out_of_vrf(void)
{
	wd_expect(around_vrf(false));
}

/* What the pod of node a sends is routed by a table that knows the uplink alone. */
void row_136_nothing_shows_by_another_routing_domain(void)
{
	expect_hidden(into_vrf);
	expect_nothing_arrives_at(1);
	(void)expect_mended(out_of_vrf);
}

static size_t device; /* see around_name() */

static void go_around(void)
{
	wd_expect(around_device(device));
}

static void come_back(void)
{
	wd_expect(around_end());
}

void row_119_nothing_shows_in_other_tunnels(void)
{
	for (device = 0; around_name(device); device++) {
		wd_test_row(around_name(device));
		expect_hidden(go_around);
		(void)expect_mended(come_back);
	}
}
