// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_neighbour.c - neighbour discovery (RFC 4861): a pod finds its gateway
 * and is found, is never a router, never redirects, speaks for nobody else.
 * All of it is scenario 41; DHCP is in test_forbidden.c, the tables of a real
 * host in selftests/net/test_hygiene.py.
 */
#include <string.h>

#include "world.h"

#define RS 133
#define RA 134
#define NS 135
#define NA 136
#define REDIRECT 137

static const struct {
	const char *name;
	int dir;
	uint8_t type;
	enum host src, dst, target;
	int reason;
} cases[] = {
	{ "a pod asks for its gateway", WD_EGRESS, NS, H_SELF, H_GROUP, H_NODE,
	  WD_R_NEIGHBOUR },
	{ "a pod asks from its link-local address", WD_EGRESS, NS, H_LINK,
	  H_GROUP, H_NODE, WD_R_NEIGHBOUR },
	{ "a pod asks from its second address", WD_EGRESS, NS, H_SELF2, H_GROUP,
	  H_NODE, WD_R_NEIGHBOUR },
	{ "a pod asks from the address of another", WD_EGRESS, NS, H_NEAR,
	  H_GROUP, H_NODE, WD_R_SPOOF_IP },
	{ "a pod asks from another link-local address", WD_EGRESS, NS, H_LINK2,
	  H_GROUP, H_NODE, WD_R_SPOOF_IP },
	{ "a pod asks whether its address is free", WD_EGRESS, NS, H_ZERO,
	  H_GROUP, H_SELF, WD_R_NEIGHBOUR },
	{ "a pod asks whether another's address is free", WD_EGRESS, NS, H_ZERO,
	  H_GROUP, H_NEAR, WD_R_ND_FORBIDDEN },
	{ "a pod answers for itself", WD_EGRESS, NA, H_SELF, H_NODE, H_SELF,
	  WD_R_NEIGHBOUR },
	{ "a pod answers for its link-local address", WD_EGRESS, NA, H_LINK,
	  H_NODE, H_LINK, WD_R_NEIGHBOUR },
	{ "a pod answers for its address from link-local", WD_EGRESS, NA,
	  H_LINK, H_NODE, H_SELF, WD_R_NEIGHBOUR },
	{ "a pod answers for another pod", WD_EGRESS, NA, H_SELF, H_NODE,
	  H_NEAR, WD_R_ND_FORBIDDEN },
	{ "a pod answers for the gateway", WD_EGRESS, NA, H_SELF, H_ALL, H_NODE,
	  WD_R_ND_FORBIDDEN },
	{ "a pod answers as another pod", WD_EGRESS, NA, H_NEAR, H_NODE, H_NEAR,
	  WD_R_SPOOF_IP },
	{ "a pod answers without an address", WD_EGRESS, NA, H_ZERO, H_ALL,
	  H_SELF, WD_R_SPOOF_IP },
	{ "a pod says it is a router", WD_EGRESS, RA, H_LINK, H_ALL, H_ZERO,
	  WD_R_ND_FORBIDDEN },
	{ "a pod says another is a router", WD_EGRESS, RA, H_LINK2, H_ALL,
	  H_ZERO, WD_R_SPOOF_IP },
	{ "a pod redirects", WD_EGRESS, REDIRECT, H_LINK, H_NEAR, H_FRIEND,
	  WD_R_ND_FORBIDDEN },
	{ "a pod looks for routers", WD_EGRESS, RS, H_LINK, H_ALL, H_ZERO,
	  WD_R_ND_FORBIDDEN },
	{ "the gateway asks for the pod", WD_INGRESS, NS, H_NODE, H_GROUP,
	  H_SELF, WD_R_NEIGHBOUR },
	{ "the gateway asks for its second address", WD_INGRESS, NS, H_NODE,
	  H_GROUP, H_SELF2, WD_R_NEIGHBOUR },
	{ "the gateway asks for its link-local address", WD_INGRESS, NS, H_NODE,
	  H_GROUP, H_LINK, WD_R_NEIGHBOUR },
	{ "somebody asks for another pod", WD_INGRESS, NS, H_NODE, H_GROUP,
	  H_NEAR, WD_R_NOT_LOCAL },
	{ "the gateway answers", WD_INGRESS, NA, H_NODE, H_SELF, H_NODE,
	  WD_R_NEIGHBOUR },
	{ "the gateway announces itself to all", WD_INGRESS, NA, H_NODE, H_ALL,
	  H_NODE, WD_R_NEIGHBOUR },
	{ "an answer for another pod", WD_INGRESS, NA, H_NODE, H_NEAR, H_NODE,
	  WD_R_NOT_LOCAL },
	{ "the host's router advertises", WD_INGRESS, RA, H_LINK2, H_ALL,
	  H_ZERO, WD_R_NEIGHBOUR },
	{ "somebody redirects the pod", WD_INGRESS, REDIRECT, H_LINK2, H_SELF,
	  H_FRIEND, WD_R_ND_FORBIDDEN },
	{ "somebody looks for routers in the pod", WD_INGRESS, RS, H_LINK2,
	  H_ALL, H_ZERO, WD_R_ND_FORBIDDEN },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void make(struct frame *f, size_t i)
{
	frame_nd(f, cases[i].dir, cases[i].type, cases[i].src, cases[i].dst,
		 cases[i].target);
}

static void discovery_is_of_the_pods_own_addresses_only(void)
{
	struct frame f;

	for (size_t i = 0; i < COUNT(cases); i++) {
		wd_test_row(cases[i].name);
		world_reset();
		make(&f, i);
		world_expect(&f, cases[i].dir, cases[i].reason);
	}
}

static void discovery_does_not_depend_on_policy_or_mode(void)
{
	struct frame f;

	for (size_t i = 0; i < COUNT(cases); i++) {
		wd_test_row(cases[i].name);
		world_reset();
		make(&f, i);
		world_publish(SLOT_SHUT, 0);
		world_expect(&f, cases[i].dir, cases[i].reason);
		world_publish(SLOT_NONE, 0);
		world_expect(&f, cases[i].dir, cases[i].reason);
		world_publish(SLOT_RULES, WD_EP_OFF);
		world_expect(&f, cases[i].dir, cases[i].reason);
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		world_expect(&f, cases[i].dir, cases[i].reason);
	}
}

static void discovery_must_come_from_this_link(void)
{
	static const uint8_t hops[] = { 1, 64, 254 };
	struct frame f;

	world_reset();
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t h = 0; h < COUNT(hops); h++) {
			wd_test_row(cases[i].name);
			make(&f, i);
			f.data[14 + 7] = hops[h];
			world_expect(&f, cases[i].dir, WD_R_ND_FORBIDDEN);
		}
	}
}

static void discovery_with_a_code_is_dropped(void)
{
	struct frame f;

	world_reset();
	for (size_t i = 0; i < COUNT(cases); i++) {
		wd_test_row(cases[i].name);
		make(&f, i);
		f.data[f.l4 + 1] = 1;
		world_expect(&f, cases[i].dir, WD_R_ND_FORBIDDEN);
	}
}

static void discovery_without_its_target_is_dropped(void)
{
	struct frame f;

	world_reset();
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		frame_nd(&f, dir, NS, dir == WD_EGRESS ? H_SELF : H_NODE,
			 H_GROUP, dir == WD_EGRESS ? H_NODE : H_SELF);
		world_expect(&f, dir, WD_R_NEIGHBOUR);
		f.data[14 + 5] = 23; /* the header states one byte less */
		world_expect(&f, dir, WD_R_ND_FORBIDDEN);
		f.data[14 + 5] = 8;
		world_expect(&f, dir, WD_R_ND_FORBIDDEN);
	}
}

/* Extension headers only hide it from filters (RFC 6980). */
static void discovery_behind_extension_headers_is_dropped(void)
{
	static const uint8_t options[8] = { 58, 0, 1, 4, 0, 0, 0, 0 };

	world_reset();
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		for (uint8_t type = RS; type <= REDIRECT; type++) {
			struct packet p = { .family = 6,
					    .dir = dir,
					    .proto = 58,
					    .type = type,
					    .hops = 255,
					    .extra = options,
					    .extra_len = 8,
					    .extra_proto = 60 };
			struct frame f;

			frame_make(&f, &p);
			world_expect(&f, dir, WD_R_ND_FORBIDDEN);
			p.extra_len = 0;
			p.atomic = true;
			frame_make(&f, &p);
			world_expect(&f, dir, WD_R_ND_FORBIDDEN);
			p.more = true;
			frame_make(&f, &p);
			world_expect(&f, dir, WD_R_ND_FORBIDDEN);
		}
	}
}

static void a_pod_comes_up_before_its_link_local_address_is_known(void)
{
	struct wd_endpoint_val ep;
	struct frame f;

	world_reset();
	ep = world_endpoint();
	memset(ep.ll6, 0, sizeof(ep.ll6));
	world_endpoint_set(&ep);

	frame_nd(&f, WD_EGRESS, NS, H_ZERO, H_GROUP, H_LINK2);
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	frame_nd(&f, WD_EGRESS, NS, H_LINK2, H_GROUP, H_NODE);
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	frame_nd(&f, WD_EGRESS, NA, H_LINK2, H_NODE, H_LINK2);
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	frame_nd(&f, WD_INGRESS, NS, H_NODE, H_GROUP, H_LINK2);
	world_expect(&f, WD_INGRESS, WD_R_NEIGHBOUR);

	wd_test_row("but it speaks for none but the one it sends from");
	frame_nd(&f, WD_EGRESS, NA, H_LINK2, H_NODE, H_LINK);
	world_expect(&f, WD_EGRESS, WD_R_ND_FORBIDDEN);
	frame_nd(&f, WD_EGRESS, NA, H_LINK2, H_NODE, H_NEAR);
	world_expect(&f, WD_EGRESS, WD_R_ND_FORBIDDEN);
	expect_packet(WD_R_SPOOF_IP, OUT, .family = 6, FROM(H_LINK2));
}

static void a_router_is_never_a_pod(void)
{
	struct frame f;

	world_reset();
	frame_nd(&f, WD_INGRESS, RA, H_LINK2, H_ALL, H_ZERO);
	world_iif = IF_NEAR;
	world_expect(&f, WD_INGRESS, WD_R_ND_FORBIDDEN);
	world_iif = IF_UPLINK;
	world_expect(&f, WD_INGRESS, WD_R_NEIGHBOUR);
	world_iif = 0;
	world_expect(&f, WD_INGRESS, WD_R_NEIGHBOUR);
}

static void other_icmpv6_is_judged_by_policy(void)
{
	static const uint8_t types[] = { 131, 132, 139, 143, 152, 200 };

	for (size_t i = 0; i < COUNT(types); i++) {
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 6, .proto = 58,
			      .type = types[i]);
		world_reset();
		expect_packet(WD_R_DEFAULT, OUT, .family = 6, .proto = 58,
			      .type = types[i], TO(H_PLAIN));
		expect_packet(WD_R_DEFAULT, IN, .family = 6, .proto = 58,
			      .type = types[i], FROM(H_PLAIN));
	}
}

/* Multicast listener queries, router renumbering, router advertisements. */
static void what_only_routers_send_no_pod_sends(void)
{
	static const uint8_t types[] = { 130, 138, 151 };
	static const uint32_t modes[] = { 0, WD_EP_AUDIT, WD_EP_OFF };
	static const uint8_t alert[8] = { 58, 0, 5, 2, 0, 0, 1, 0 };

	for (size_t i = 0; i < COUNT(types) * COUNT(modes); i++) {
		struct packet p = { .family = 6,
				    OUT,
				    .proto = 1,
				    .type = types[i / COUNT(modes)],
				    .hops = 1,
				    FROM(H_LINK),
				    TO(H_ALL) };

		world_reset();
		world_publish(SLOT_OPEN, modes[i % COUNT(modes)]);
		expect_this(WD_R_ND_FORBIDDEN, &p);
		p.hops = 255;
		expect_this(WD_R_ND_FORBIDDEN, &p);
		p.src = H_LINK2;
		expect_this(WD_R_SPOOF_IP, &p);
		p.src = H_LINK;
		p.extra = alert;
		p.extra_len = 8;
		p.extra_proto = 0;
		expect_this(WD_R_ND_FORBIDDEN, &p);
	}
}

static void towards_the_pod_a_query_is_what_policy_says(void)
{
	world_reset();
	expect_packet(WD_R_MCAST, IN, .family = 6, .proto = 1, .type = 130,
		      .hops = 1, FROM(H_LINK2), TO(H_ALL));
	world_publish(SLOT_OPEN, 0);
	expect_packet(WD_R_NOT_ISOLATED, IN, .family = 6, .proto = 1,
		      .type = 130, .hops = 1, FROM(H_LINK2), TO(H_ALL));
}

static void discovery_makes_no_flow(void)
{
	struct frame f;

	world_reset();
	frame_nd(&f, WD_EGRESS, NS, H_SELF, H_GROUP, H_NODE);
	world_expect(&f, WD_EGRESS, WD_R_NEIGHBOUR);
	wd_expect_int(0, world_flow_cnt());
}

/* Else a neighbour that asks all the time could make the pod deaf and mute. */
static void answers_to_one_neighbour_take_nothing_of_the_ration(void)
{
	struct wd_quota_val full = { .ep = 1, .neighbour = WD_NEIGHBOUR_RATE };
	static struct frame ask, arp, all, nd, group;

	frame_arp(&ask, WD_EGRESS, 1, H_SELF, H_NODE);
	frame_arp(&arp, WD_EGRESS, 2, H_SELF, H_NODE);
	frame_nd(&nd, WD_EGRESS, NA, H_SELF, H_NODE, H_SELF);
	all = arp;
	all.data[0] |= 1;
	group = nd;
	group.data[0] |= 1;
	world_reset();
	world_begin_tick();
	world_expect(&arp, WD_EGRESS, WD_R_NEIGHBOUR);
	world_expect(&nd, WD_EGRESS, WD_R_NEIGHBOUR);
	wd_expect_int(0, world_quota().neighbour);
	full.tick = world_ticks() + 1; /* in case a tick passes */
	world_quota_set(full);
	world_expect(&arp, WD_EGRESS, WD_R_NEIGHBOUR);
	world_expect(&nd, WD_EGRESS, WD_R_NEIGHBOUR);
	world_expect(&ask, WD_EGRESS, WD_R_NEIGHBOUR_FLOOD);
	world_expect(&all, WD_EGRESS, WD_R_NEIGHBOUR_FLOOD);
	world_expect(&group, WD_EGRESS, WD_R_NEIGHBOUR_FLOOD);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(discovery_is_of_the_pods_own_addresses_only);
	WD_TEST(discovery_does_not_depend_on_policy_or_mode);
	WD_TEST(discovery_must_come_from_this_link);
	WD_TEST(discovery_with_a_code_is_dropped);
	WD_TEST(discovery_without_its_target_is_dropped);
	WD_TEST(discovery_behind_extension_headers_is_dropped);
	WD_TEST(a_pod_comes_up_before_its_link_local_address_is_known);
	WD_TEST(a_router_is_never_a_pod);
	WD_TEST(other_icmpv6_is_judged_by_policy);
	WD_TEST(what_only_routers_send_no_pod_sends);
	WD_TEST(towards_the_pod_a_query_is_what_policy_says);
	WD_TEST(discovery_makes_no_flow);
	WD_TEST(answers_to_one_neighbour_take_nothing_of_the_ration);
	world_close();
	return wd_tests_end();
}
