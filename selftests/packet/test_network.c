// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_network.c - IP headers: own addresses before anything else, what is
 * malformed, IPv4 options, IPv6 extension headers.
 *
 *	scenario 43	the_source_address_is_checked_before_flows
 *	scenario 44	a_forged_frame_opens_no_way_back
 *	scenario 45	addresses_that_stand_for_others_are_nobodys_own,
 *			a_pod_has_its_own_addresses_and_no_other
 *	scenario 54	headers_that_do_not_add_up_are_dropped and those after it;
 *			checksums: test_protocols
 *	scenario 55	source_routes_and_broken_options_are_dropped,
 *			ports_are_read_behind_the_options
 *	scenario 57	a_mapped_address_is_never_on_the_wire
 *	scenario 104	a_pod_has_its_own_addresses_and_no_other, test_hygiene.py
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- addresses ---- */

static const struct wcase address_cases[] = {
	{ "the pod's first address", WD_R_POLICY_ALLOW, ONLY_OUT,
	  .p = { FROM(H_SELF) } },
	{ "the pod's second address", WD_R_POLICY_ALLOW, ONLY_OUT,
	  .p = { FROM(H_SELF2) } },
	{ "the pod's link-local address", WD_R_POLICY_ALLOW, ONLY_OUT, 6,
	  .p = { FROM(H_LINK) } },
	{ "a link-local address in IPv4", WD_R_SPOOF_IP, ONLY_OUT, 4,
	  .p = { FROM(H_LINK) } },
	{ "another link-local address", WD_R_SPOOF_IP, ONLY_OUT,
	  .p = { FROM(H_LINK2) } },
	{ "the address of a pod next door", WD_R_SPOOF_IP, ONLY_OUT,
	  .p = { FROM(H_NEAR) } },
	{ "the address of this node", WD_R_SPOOF_IP, ONLY_OUT,
	  .p = { FROM(H_NODE) } },
	{ "an address nobody has", WD_R_SPOOF_IP, ONLY_OUT,
	  .p = { FROM(H_WORLD) } },
	{ "from no address", WD_R_L3_BAD, ONLY_OUT, .p = { FROM(H_ZERO) } },
	{ "from the loopback", WD_R_L3_BAD, ONLY_OUT, .p = { FROM(H_LOOP) } },
	{ "from a group", WD_R_L3_BAD, ONLY_OUT, .p = { FROM(H_GROUP) } },
	{ "from everybody", WD_R_L3_BAD, ONLY_OUT, .p = { FROM(H_ALL) } },
	{ "from a mapped address", WD_R_L3_BAD, ONLY_OUT,
	  .p = { FROM(H_MAPPED) } },
	{ "to no address", WD_R_L3_BAD, ONLY_OUT, .p = { TO(H_ZERO) } },
	{ "to the loopback", WD_R_L3_BAD, ONLY_OUT, .p = { TO(H_LOOP) } },
	{ "to a mapped address", WD_R_L3_BAD, ONLY_OUT, 6,
	  .p = { TO(H_MAPPED) } },
	{ "the first address is meant", WD_R_POLICY_ALLOW, ONLY_IN,
	  .p = { TO(H_SELF) } },
	{ "the second address is meant", WD_R_POLICY_ALLOW, ONLY_IN,
	  .p = { TO(H_SELF2) } },
	{ "the link-local address is meant", WD_R_POLICY_ALLOW, ONLY_IN, 6,
	  .p = { TO(H_LINK) } },
	{ "the pod next door is meant", WD_R_NOT_LOCAL, ONLY_IN,
	  .p = { TO(H_NEAR) } },
	{ "a stranger is meant", WD_R_NOT_LOCAL, ONLY_IN,
	  .p = { TO(H_WORLD) } },
	{ "the loopback is meant", WD_R_L3_BAD, ONLY_IN, .p = { TO(H_LOOP) } },
	{ "no address is meant", WD_R_L3_BAD, ONLY_IN, .p = { TO(H_ZERO) } },
	{ "sent by the loopback", WD_R_L3_BAD, ONLY_IN, .p = { FROM(H_LOOP) } },
	{ "sent by nobody", WD_R_L3_BAD, ONLY_IN, .p = { FROM(H_ZERO) } },
	{ "sent by a group", WD_R_L3_BAD, ONLY_IN, .p = { FROM(H_GROUP) } },
	{ "sent by everybody", WD_R_L3_BAD, ONLY_IN, .p = { FROM(H_ALL) } },
	{ "sent by a mapped address", WD_R_L3_BAD, ONLY_IN,
	  .p = { FROM(H_MAPPED) } },
	{ "a group may be meant, and policy judges the sender",
	  WD_R_POLICY_ALLOW, ONLY_IN, .p = { .proto = 17, TO(H_GROUP) } },
	{ "a group, by a sender that no rule names", WD_R_MCAST, ONLY_IN,
	  .peer = H_PLAIN, .p = { .proto = 17, TO(H_GROUP) } },
	{ "everybody, by a sender that no rule names", WD_R_MCAST, ONLY_IN,
	  .peer = H_PLAIN, .p = { .proto = 17, TO(H_ALL) } },
	{ "a pod sends to a group that no rule names", WD_R_MCAST, ONLY_OUT,
	  .p = { .proto = 17, TO(H_GROUP) } },
	{ "a pod sends to a group, to a port open to all", WD_R_POLICY_ALLOW,
	  ONLY_OUT, .p = { .proto = 17, .dport = 443, TO(H_GROUP) } },
};

static void a_pod_has_its_own_addresses_and_no_other(void)
{
	world_cases(address_cases);
}

/* A spoofed packet of a flow must not ride on the flow. */
static void the_source_address_is_checked_before_flows(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family, .sport = 80,
			      .dport = 40000, .flags = TCP_ACK, FROM(H_NEAR));
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family,
			      FROM(H_NEAR));
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family, .sport = 80,
			      .dport = 40000, .flags = TCP_RST, FROM(H_NEAR));
		world_iif = IF_NEAR; /* towards the pod, in the friend's name */
		expect_packet(WD_R_SPOOF_IP, IN, .family = family,
			      .sport = 50000);
		world_iif = IF_UPLINK;
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000, .flags = TCP_ACK);
	}
}

/*
 * The same-node poisoning: a frame in the name of the pod behind this hook,
 * sent by the pod next door, must not make an entry that then lets the next
 * packet in as an answer. Here from the receiving end; the sending end is what
 * FROM(H_NEAR) is above.
 */
static void a_forged_frame_opens_no_way_back(void)
{
	static const int protos[] = { 6, 17, 132 };
	static const uint16_t to[] = { 80, 443, 8080, 3306 };

	for (size_t i = 0; i < COUNT(protos) * COUNT(to) * 2; i++) {
		int family = i & 1 ? 6 : 4, proto = protos[i / 2 % 3];
		struct packet forged = { .family = family,
					 OUT,
					 .proto = proto,
					 .sport = to[i / 6],
					 .dport = 50000,
					 FROM(H_NEAR),
					 TO(H_PLAIN) };
		struct packet attack = { .family = family,
					 IN,
					 .proto = proto,
					 .sport = 50000,
					 .dport = to[i / 6],
					 FROM(H_PLAIN) };

		world_reset();
		world_publish(SLOT_SHUT, 0);
		expect_this(WD_R_SPOOF_IP, &forged);
		forged.flags = TCP_SYN | TCP_ACK;
		expect_this(WD_R_SPOOF_IP, &forged);
		for (int tries = 0; tries < 3; tries++)
			expect_this(WD_R_DEFAULT, &attack);
		world_publish(SLOT_ALL, 0); /* the twin that may */
		expect_this(WD_R_POLICY_ALLOW, &attack);
	}
}

/* Of IPv6: 6to4, NAT64, IPv4-compatible, Teredo, site-local, another's. */
static const struct {
	const char *addr;
	int as_src, as_dst; /* of what the pod sends; the policy allows all */
} stand_ins[] = {
	{ "2002:0a00:0001::1", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "64:ff9b::10.0.0.1", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "::10.0.0.1", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "2001:0:a00:1::1", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "fec0::1", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "fd00::101", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "fe80::101", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "::ffff:10.0.0.1", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "::ffff:127.0.0.1", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "ff02::1", WD_R_L3_BAD, WD_R_POLICY_ALLOW },
	{ "::1", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "::", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "127.0.0.1", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "127.255.255.254", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "0.0.0.0", WD_R_L3_BAD, WD_R_L3_BAD },
	{ "0.1.2.3", WD_R_L3_BAD, WD_R_POLICY_ALLOW },
	{ "224.0.0.1", WD_R_L3_BAD, WD_R_POLICY_ALLOW },
	{ "240.0.0.1", WD_R_L3_BAD, WD_R_POLICY_ALLOW },
	{ "255.255.255.255", WD_R_L3_BAD, WD_R_POLICY_ALLOW },
	{ "169.254.169.254", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
	{ "10.0.0.101", WD_R_SPOOF_IP, WD_R_POLICY_ALLOW },
};

static void addresses_that_stand_for_others_are_nobodys_own(void)
{
	for (size_t i = 0; i < COUNT(stand_ins); i++) {
		const char *addr = stand_ins[i].addr;
		int family = strchr(addr, ':') ? 6 : 4;
		int type = family == 4 ? AF_INET : AF_INET6;
		struct packet p = { .family = family, OUT };
		size_t src = family == 4 ? 12 : 8;
		struct frame f;

		wd_test_row(addr);
		world_reset();
		world_publish(SLOT_ALL, 0);
		frame_make(&f, &p);
		wd_expect_int(1, inet_pton(type, addr, f.data + 14 + src));
		world_expect(&f, WD_EGRESS, stand_ins[i].as_src);
		frame_make(&f, &p);
		(void)inet_pton(type, addr,
				f.data + 14 + src + (family == 4 ? 4 : 16));
		world_expect(&f, WD_EGRESS, stand_ins[i].as_dst);
	}
	wd_test_row(NULL);
}

/* A socket that speaks IPv4 by a mapped address sends IPv4: that is judged. */
static void a_mapped_address_is_never_on_the_wire(void)
{
	static const enum slot slots[] = { SLOT_ALL, SLOT_OPEN, SLOT_SHUT };

	for (size_t i = 0; i < COUNT(slots); i++) {
		world_reset();
		world_publish(slots[i], 0);
		expect_packet(WD_R_L3_BAD, OUT, .family = 6, TO(H_MAPPED));
		expect_packet(WD_R_L3_BAD, OUT, .family = 6, FROM(H_MAPPED));
		expect_packet(WD_R_L3_BAD, IN, .family = 6, FROM(H_MAPPED));
	}
}

static void mode_off_keeps_the_check_of_addresses(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_RULES, WD_EP_OFF);
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family,
			      FROM(H_NEAR));
		expect_packet(WD_R_MODE_OFF, OUT, .family = family, TO(H_FOE));
	}
}

static void an_endpoint_without_an_address_of_a_family_sends_none(void)
{
	struct wd_endpoint_val ep;

	world_reset();
	ep = world_endpoint();
	memset(ep.ip6, 0, sizeof(ep.ip6));
	memset(ep.ll6, 0, sizeof(ep.ll6));
	world_endpoint_set(&ep);
	expect_packet(WD_R_SPOOF_IP, OUT, .family = 6);
	expect_packet(WD_R_NOT_LOCAL, IN, .family = 6);
	expect_packet(WD_R_L3_BAD, OUT, .family = 6, FROM(H_ZERO));
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
}

/* ---- headers ---- */

/* One byte of a good packet, in both directions, set to something else. */
static const struct bad_byte {
	const char *name;
	size_t at; /* of the IP header */
	uint8_t val;
} bad4[] = {
	{ "version 0", 0, 0x05 },
	{ "version 6 under the ethertype of IPv4", 0, 0x65 },
	{ "version 15", 0, 0xf5 },
	{ "header of no words", 0, 0x40 },
	{ "header of 4 words", 0, 0x44 },
	{ "header longer than the packet", 3, 19 },
	{ "total length 0", 3, 0 },
	{ "total length above the frame", 3, 73 },
	{ "total length far above the frame", 2, 0xff },
	{ "time to live 0", 8, 0 },
	{ "reserved flag", 6, 0x80 },
}, bad6[] = {
	{ "version 0", 0, 0x00 },
	{ "version 4 under the ethertype of IPv6", 0, 0x40 },
	{ "payload length above the frame", 5, 53 },
	{ "payload length far above the frame", 4, 0xff },
	{ "hop limit 0", 7, 0 },
};

static void check_bad_bytes(int family, const struct bad_byte *bad, size_t cnt)
{
	char row[80];

	for (size_t i = 0; i < cnt * 2; i++) {
		struct packet p = { .family = family, .dir = (int)(i & 1) };
		struct frame f, g;

		(void)snprintf(row, sizeof(row), "v%d %s", family,
			       bad[i / 2].name);
		wd_test_row(row);
		world_reset();
		frame_make(&f, &p);
		g = f;
		f.data[14 + bad[i / 2].at] = bad[i / 2].val;
		world_expect(&f, p.dir, WD_R_L3_BAD);
		world_expect(&g, p.dir, WD_R_POLICY_ALLOW);
	}
}

static void headers_that_do_not_add_up_are_dropped(void)
{
	check_bad_bytes(4, bad4, COUNT(bad4));
	check_bad_bytes(6, bad6, COUNT(bad6));
}

static void what_lies_behind_the_stated_length_is_not_read(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, .dir = WD_EGRESS };
		struct frame f;

		world_reset();
		frame_make(&f, &p);
		if (family == 4)
			f.data[14 + 3] = 20 + 19; /* all but a byte of TCP */
		else
			f.data[14 + 5] = 19;
		world_expect(&f, WD_EGRESS, WD_R_L4_BAD);
		f.data[14 + (family == 4 ? 3 : 5)]++;
		world_expect(&f, WD_EGRESS, WD_R_POLICY_ALLOW);
	}
}

static void a_padded_frame_is_as_good(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, .payload = -1 };
		struct frame f;

		world_reset();
		frame_make(&f, &p);
		f.len += 30;
		world_expect(&f, WD_INGRESS, WD_R_POLICY_ALLOW);
	}
}

/* ---- IPv4 options ---- */

static const struct {
	const char *name;
	uint8_t bytes[40];
	int len, reason;
} options[] = {
	{ "padding", { 1, 1, 1, 1 }, 4, WD_R_POLICY_ALLOW },
	{ "the end at once", { 0, 0xff, 0xff, 0xff }, 4, WD_R_POLICY_ALLOW },
	{ "router alert", { 148, 4, 0, 0 }, 4, WD_R_POLICY_ALLOW },
	{ "record route", { 7, 7, 4, 0, 0, 0, 0, 0 }, 8, WD_R_POLICY_ALLOW },
	{ "timestamps", { 68, 8, 5, 0, 0, 0, 0, 0 }, 8, WD_R_POLICY_ALLOW },
	{ "forty bytes of padding",
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	  40,
	  WD_R_POLICY_ALLOW },
	{ "one option of forty bytes", { 7, 40, 4 }, 40, WD_R_POLICY_ALLOW },
	{ "loose source route", { 131, 7, 4, 10, 9, 0, 1, 0 }, 8, WD_R_IPOPT },
	{ "strict source route", { 137, 7, 4, 10, 9, 0, 1, 0 }, 8, WD_R_IPOPT },
	{ "source route behind padding",
	  { 1, 1, 1, 131, 3, 4, 0, 0 },
	  8,
	  WD_R_IPOPT },
	{ "source route behind another",
	  { 7, 3, 4, 137, 3, 4, 0, 0 },
	  8,
	  WD_R_IPOPT },
	{ "source route in the last byte", { 1, 1, 1, 131 }, 4, WD_R_IPOPT },
	{ "source route behind the end is none",
	  { 0, 131, 3, 4 },
	  4,
	  WD_R_POLICY_ALLOW },
	{ "option of length 0", { 7, 0, 1, 1 }, 4, WD_R_IPOPT },
	{ "option of length 1", { 7, 1, 1, 1 }, 4, WD_R_IPOPT },
	{ "option longer than the header", { 7, 5, 4, 0 }, 4, WD_R_IPOPT },
	{ "option of 255 bytes", { 7, 255, 4, 0 }, 4, WD_R_IPOPT },
	{ "option without room for its length", { 1, 1, 1, 7 }, 4, WD_R_IPOPT },
};

static void source_routes_and_broken_options_are_dropped(void)
{
	for (size_t i = 0; i < COUNT(options) * 2; i++) {
		wd_test_row(options[i / 2].name);
		world_reset();
		expect_packet(options[i / 2].reason, .family = 4,
			      .dir = (int)(i & 1),
			      .extra = options[i / 2].bytes,
			      .extra_len = options[i / 2].len);
	}
}

static void ports_are_read_behind_the_options(void)
{
	static const uint8_t route[40] = { 7, 39, 4, 0, 80, 0, 80, 1 };

	world_reset();
	for (int len = 4; len <= 40; len += 4) {
		uint8_t bytes[40];

		memcpy(bytes, route, sizeof(bytes));
		bytes[1] = (uint8_t)len;
		expect_packet(WD_R_DEFAULT, IN, .family = 4, .dport = 90,
			      .extra = bytes, .extra_len = len);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = 4,
			      .sport = (uint16_t)(1000 + len), .extra = bytes,
			      .extra_len = len);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_pod_has_its_own_addresses_and_no_other);
	WD_TEST(the_source_address_is_checked_before_flows);
	WD_TEST(a_forged_frame_opens_no_way_back);
	WD_TEST(addresses_that_stand_for_others_are_nobodys_own);
	WD_TEST(a_mapped_address_is_never_on_the_wire);
	WD_TEST(mode_off_keeps_the_check_of_addresses);
	WD_TEST(an_endpoint_without_an_address_of_a_family_sends_none);
	WD_TEST(headers_that_do_not_add_up_are_dropped);
	WD_TEST(what_lies_behind_the_stated_length_is_not_read);
	WD_TEST(a_padded_frame_is_as_good);
	WD_TEST(source_routes_and_broken_options_are_dropped);
	WD_TEST(ports_are_read_behind_the_options);
	world_close();
	return wd_tests_end();
}
