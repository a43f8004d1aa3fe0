// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_policy.c - what slot, span, class, row and address say of a new packet:
 * ports at their edges, rules in their order, peers by address and prefix,
 * all protocols, both halves of a generation.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- peers ---- */

static const struct wcase peer_cases[] = {
	{ "a peer that a rule allows", WD_R_POLICY_ALLOW, .peer = H_FRIEND },
	{ "a peer that a rule denies", WD_R_POLICY, .peer = H_FOE },
	{ "a pod that no rule names", WD_R_DEFAULT, .peer = H_PLAIN },
	{ "an address of an allowed prefix", WD_R_POLICY_ALLOW,
	  .peer = H_PREFIX },
	{ "an address of a longer prefix that no rule names", WD_R_DEFAULT,
	  .peer = H_HOLE },
	{ "a pod in an allowed prefix counts by its own row", WD_R_DEFAULT,
	  .peer = H_EXACT },
	{ "an address nobody knows", WD_R_DEFAULT, .peer = H_WORLD },
	{ "the node, on its port", WD_R_POLICY_ALLOW, .peer = H_NODE,
	  .p = { .dport = 9090 } },
	{ "the node, on another port", WD_R_DEFAULT, .peer = H_NODE },
	{ "a friend on the node's port", WD_R_DEFAULT, .peer = H_FRIEND,
	  .p = { .dport = 9090 } },
	{ "anybody on the port for all", WD_R_POLICY_ALLOW, .peer = H_WORLD,
	  .p = { .dport = 443 } },
	{ "a pod without a row on the port for all", WD_R_POLICY_ALLOW,
	  .peer = H_PLAIN, .p = { .dport = 443 } },
	{ "a denied peer on the port for all", WD_R_POLICY, .peer = H_FOE,
	  .p = { .dport = 443 } },
	{ "an endpoint that nothing isolates", WD_R_NOT_ISOLATED,
	  .peer = H_WORLD, .slot = SLOT_OPEN },
	{ "a deny for an endpoint that nothing isolates", WD_R_POLICY,
	  .peer = H_FOE, .slot = SLOT_OPEN_DENY },
	{ "anybody else for that endpoint", WD_R_NOT_ISOLATED, .peer = H_PLAIN,
	  .slot = SLOT_OPEN_DENY },
	{ "isolated, without any rule", WD_R_DEFAULT, .slot = SLOT_SHUT },
	{ "a slot that is not ready", WD_R_NOT_READY, .slot = SLOT_UNREADY },
	{ "an allowed peer by UDP", WD_R_POLICY_ALLOW, .p = { .proto = 17 } },
	{ "an allowed peer by SCTP", WD_R_POLICY_ALLOW, .p = { .proto = 132 } },
	{ "a denied peer by UDP", WD_R_POLICY, .peer = H_FOE,
	  .p = { .proto = 17 } },
	{ "a denied peer by SCTP", WD_R_POLICY, .peer = H_FOE,
	  .p = { .proto = 132 } },
	{ "a denied peer without ports", WD_R_POLICY, .peer = H_FOE,
	  .p = { .proto = 47 } },
	{ "an allowed peer without ports", WD_R_POLICY_ALLOW,
	  .p = { .proto = 47 } },
};

static void peers_are_who_their_addresses_say(void)
{
	world_cases(peer_cases);
}

static void prefixes_count_only_while_their_switch_is_on(void)
{
	for_each_family(family)
	{
		uint32_t own = family == 4 ? WD_STATE_CIDR4 : WD_STATE_CIDR6;

		world_reset();
		world_switch(own, false);
		expect_packet(WD_R_DEFAULT, OUT, .family = family,
			      TO(H_PREFIX));
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		world_switch(own, true);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      TO(H_PREFIX));
	}
}

static void an_address_that_goes_away_is_nobody_at_once(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		tables_map_addr(H_FRIEND, -1);
		expect_packet(WD_R_DEFAULT, OUT, .family = family,
			      .sport = 41000);
		tables_map_addr(H_FRIEND, ROW_FOE);
		expect_packet(WD_R_POLICY, OUT, .family = family,
			      .sport = 41000);
		tables_map_addr(H_FRIEND, ROW_FRIEND);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .sport = 41000);
	}
}

/* ---- ports ---- */

/* @port as the port that rules speak of; 0 cannot be said by a packet. */
static void expect_port(int family, int dir, int proto, uint16_t port,
			int reason)
{
	struct packet p = { .family = family,
			    .dir = dir,
			    .proto = proto,
			    TO(dir == WD_EGRESS ? H_FRIEND : H_SELF) };
	struct frame f;
	char row[64];

	(void)snprintf(row, sizeof(row), "v%d %s protocol %d port %u", family,
		       dir == WD_INGRESS ? "in" : "out", proto, port);
	wd_test_row(row);
	world_reset();
	world_publish(SLOT_EDGES, 0);
	frame_make(&f, &p);
	f.data[f.l4 + 2] = (uint8_t)(port >> 8);
	f.data[f.l4 + 3] = (uint8_t)port;
	world_expect(&f, dir, reason);
}

static void port_ranges_end_where_they_end(void)
{
	static const struct {
		uint16_t port;
		bool allowed;
	} ports[] = {
		{ 0, true },	  { 1, false },	    { 79, false },
		{ 80, true },	  { 81, false },    { 999, false },
		{ 1000, true },	  { 1001, true },   { 1999, true },
		{ 2000, true },	  { 2001, false },  { 20480, false },
		{ 40000, false }, { 65534, false }, { 65535, true },
	};

	for (size_t i = 0; i < COUNT(ports) * 4; i++) {
		int family = i & 1 ? 6 : 4, dir = i & 2 ? 1 : 0;

		expect_port(family, dir, 6, ports[i / 4].port,
			    ports[i / 4].allowed ? WD_R_POLICY_ALLOW :
						   WD_R_DEFAULT);
		wd_test_row("ports of TCP are none of UDP or SCTP");
		expect_port(family, dir, 17, ports[i / 4].port, WD_R_DEFAULT);
		expect_port(family, dir, 132, ports[i / 4].port, WD_R_DEFAULT);
	}
}

static void the_source_port_opens_nothing(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			world_publish(SLOT_EDGES, 0);
			expect_packet(WD_R_DEFAULT, .family = family,
				      .dir = dir, .sport = 80, .dport = 81);
			expect_packet(WD_R_POLICY_ALLOW, .family = family,
				      .dir = dir, .sport = 81, .dport = 80);
		}
	}
}

/* 2048 spans of 32 ports, every other one allowed. */
static void as_many_spans_as_the_limit_says_are_searched(void)
{
	for (uint32_t span = 0; span < 2048; span += span < 8 ? 1 : 73) {
		int reason = span % 2 ? WD_R_POLICY_ALLOW : WD_R_DEFAULT;
		uint16_t first = (uint16_t)(span * 32);

		world_reset();
		world_publish(SLOT_MANY, 0);
		if (first)
			expect_packet(reason, IN, .family = 4, .dport = first);
		expect_packet(reason, OUT, .family = 6,
			      .dport = (uint16_t)(first + 31));
	}
	world_reset();
	world_publish(SLOT_MANY, 0);
	expect_packet(WD_R_POLICY_ALLOW, IN, .family = 4, .dport = 65535);
	expect_packet(WD_R_DEFAULT, IN, .family = 4, .dport = 65503);
}

/* ---- order of rules ---- */

static const struct wcase order_cases[] = {
	{ "allow before deny: the named peer", WD_R_POLICY_ALLOW,
	  .slot = SLOT_ORDER, .p = { .dport = 1 } },
	{ "allow before deny: all others", WD_R_POLICY, .peer = H_PLAIN,
	  .slot = SLOT_ORDER, .p = { .dport = 1 } },
	{ "allow before deny: an address nobody knows", WD_R_POLICY,
	  .peer = H_WORLD, .slot = SLOT_ORDER, .p = { .dport = 1 } },
	{ "deny before allow: the named peer", WD_R_POLICY, .slot = SLOT_ORDER,
	  .p = { .dport = 2 } },
	{ "the last of sixteen rules", WD_R_POLICY_ALLOW, .slot = SLOT_ORDER,
	  .p = { .dport = 3 } },
	{ "none of sixteen rules", WD_R_DEFAULT, .peer = H_PLAIN,
	  .slot = SLOT_ORDER, .p = { .dport = 3 } },
	{ "the first bit of a row", WD_R_POLICY_ALLOW, .peer = H_EDGES,
	  .slot = SLOT_ORDER, .p = { .dport = 4 } },
	{ "the first bit of another row", WD_R_DEFAULT, .slot = SLOT_ORDER,
	  .p = { .dport = 4 } },
	{ "the last bit of a word", WD_R_POLICY_ALLOW, .peer = H_EDGES,
	  .slot = SLOT_ORDER, .p = { .dport = 5 } },
	{ "the last bit of another row's word", WD_R_DEFAULT, .peer = H_FOE,
	  .slot = SLOT_ORDER, .p = { .dport = 5 } },
	{ "a port of no class", WD_R_DEFAULT, .slot = SLOT_ORDER,
	  .p = { .dport = 6 } },
};

static void the_first_rule_that_holds_decides(void)
{
	world_cases(order_cases);
}

/* ---- protocols ---- */

/* A packet of protocol @nr that is well formed where the programs know it. */
static void make_proto(struct frame *f, int family, int dir, int nr)
{
	bool is_icmp = nr == (family == 4 ? 1 : 58);
	bool is_known = nr == 6 || nr == 17 || nr == 132 || is_icmp;
	struct packet p = { .family = family,
			    .dir = dir,
			    .proto = is_known ? nr : 250,
			    .type = family == 4 ? 8 : 128,
			    .id = 5 };

	frame_make(f, &p);
	f->data[14 + (family == 4 ? 9 : 6)] = (uint8_t)nr;
}

/* IPv6 numbers of extension headers are no protocols: 0 if it is none. */
static int exthdr_reason(int family, int nr)
{
	if (family == 4)
		return 0;
	if (nr == 44)
		return WD_R_FRAG_ORPHAN; /* what follows says offset 0xa5a0 */
	if (nr == 0 || nr == 43 || nr == 51 || nr == 60 || nr == 135 ||
	    nr == 139 || nr == 140 || nr == 253 || nr == 254)
		return WD_R_EXTHDR;
	return 0;
}

static int reason_tcp_only(int family, int nr)
{
	if (exthdr_reason(family, nr))
		return exthdr_reason(family, nr);
	if (nr == 6)
		return WD_R_POLICY_ALLOW;
	if (nr == 17 || nr == 132 || nr == (family == 4 ? 1 : 58))
		return WD_R_DEFAULT;
	return WD_R_PROTO_UNSUP;
}

static int reason_all(int family, int nr)
{
	if (exthdr_reason(family, nr))
		return exthdr_reason(family, nr);
	return WD_R_POLICY_ALLOW;
}

static int reason_open(int family, int nr)
{
	if (exthdr_reason(family, nr))
		return exthdr_reason(family, nr);
	return WD_R_NOT_ISOLATED;
}

static void check_protocols(enum slot slot, int (*expected)(int, int))
{
	struct frame f;
	char row[64];

	for (int nr = 0; nr < 1024; nr++) {
		int family = nr & 256 ? 6 : 4, dir = nr >> 9;

		if (!(nr & 255)) {
			world_reset();
			world_publish(slot, 0);
		}
		(void)snprintf(row, sizeof(row), "v%d %s protocol %d", family,
			       dir == WD_INGRESS ? "in" : "out", nr & 255);
		wd_test_row(row);
		make_proto(&f, family, dir, nr & 255);
		world_expect(&f, dir, expected(family, nr & 255));
	}
}

static void a_rule_of_tcp_allows_no_other_of_256_protocols(void)
{
	check_protocols(SLOT_TCP, reason_tcp_only);
}

static void a_rule_without_ports_allows_every_protocol(void)
{
	check_protocols(SLOT_ALL, reason_all);
}

static void without_isolation_every_protocol_passes(void)
{
	check_protocols(SLOT_OPEN, reason_open);
}

static void the_answer_of_a_protocol_without_ports_belongs_to_its_flow(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 47);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 47);
		expect_packet(WD_R_PROTO_UNSUP, IN, .family = family,
			      .proto = 47, FROM(H_PLAIN));
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      .proto = 50);
	}
}

/* ---- generations ---- */

static void one_store_switches_slot_and_row(void)
{
	struct wd_endpoint_val ep;
	struct wd_state_val state;

	for_each_family(family)
	{
		world_reset();
		state = world_state();
		ep = world_endpoint();
		ep.slot[state.gen & 1] = SLOT_RULES;
		ep.slot[~state.gen & 1] = SLOT_SHUT;
		world_endpoint_set(&ep);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		state.gen++;
		world_state_set(&state);
		expect_packet(WD_R_DEFAULT, OUT, .family = family,
			      .sport = 41000);
		state.gen++;
		world_state_set(&state);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .sport = 42000);
	}
}

static void a_row_is_read_from_the_half_in_force(void)
{
	struct wd_addr_val val = { .identity = 1000, .flags = WD_ADDR_POD };
	struct wd_state_val state;
	uint8_t addr[16];

	for_each_family(family)
	{
		world_reset();
		state = world_state();
		val.row[state.gen & 1] = ROW_FRIEND;
		val.row[~state.gen & 1] = ROW_FOE;
		frame_addr(H_FRIEND, family, addr);
		world_write(family == 4 ? "wd_addr4" : "wd_addr6", addr, &val);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_POLICY, OUT, .family = family,
			      .sport = 41000);
	}
	tables_map_addr(H_FRIEND, ROW_FRIEND);
}

static void nothing_published_drops_all(void)
{
	struct wd_state_val state;

	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_OPEN, 0);
		state = world_state();
		state.gen = 0;
		world_state_set(&state);
		expect_packet(WD_R_NOT_READY, IN, .family = family);
		expect_packet(WD_R_NOT_READY, OUT, .family = family);
		world_iif = 0;
		expect_packet(WD_R_NOT_READY, IN, .family = family);
	}
}

static void an_endpoint_without_a_slot_drops_all(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_NONE, 0);
		expect_packet(WD_R_NOT_READY, IN, .family = family);
		expect_packet(WD_R_NOT_READY, OUT, .family = family);
		expect_packet(WD_R_NOT_READY, OUT, .family = family, .proto = 1,
			      .type = family == 4 ? 8 : 128);
		world_publish(SLOT_RULES, 0);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
	}
}

static void a_device_that_is_no_endpoint_drops_all(void)
{
	uint32_t ifindex = IF_POD;
	struct frame f;

	for_each_family(family)
	{
		world_reset();
		world_delete("wd_endpoint", &ifindex);
		expect_packet(WD_R_NO_ENDPOINT, IN, .family = family);
		expect_packet(WD_R_NO_ENDPOINT, OUT, .family = family);
		frame_arp(&f, WD_EGRESS, 1, H_SELF, H_NODE);
		world_expect(&f, WD_EGRESS, WD_R_NO_ENDPOINT);
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(peers_are_who_their_addresses_say);
	WD_TEST(prefixes_count_only_while_their_switch_is_on);
	WD_TEST(an_address_that_goes_away_is_nobody_at_once);
	WD_TEST(port_ranges_end_where_they_end);
	WD_TEST(the_source_port_opens_nothing);
	WD_TEST(as_many_spans_as_the_limit_says_are_searched);
	WD_TEST(the_first_rule_that_holds_decides);
	WD_TEST(a_rule_of_tcp_allows_no_other_of_256_protocols);
	WD_TEST(a_rule_without_ports_allows_every_protocol);
	WD_TEST(without_isolation_every_protocol_passes);
	WD_TEST(the_answer_of_a_protocol_without_ports_belongs_to_its_flow);
	WD_TEST(one_store_switches_slot_and_row);
	WD_TEST(a_row_is_read_from_the_half_in_force);
	WD_TEST(nothing_published_drops_all);
	WD_TEST(an_endpoint_without_a_slot_drops_all);
	WD_TEST(a_device_that_is_no_endpoint_drops_all);
	world_close();
	return wd_tests_end();
}
