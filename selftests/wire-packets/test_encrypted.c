// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_encrypted.c - what passes a wire because it is encrypted, and what only
 * looks so. Neighbour discovery is here too: it passes although it is not.
 *
 *	scenario 126	what_is_not_wireguards_does_not_pass_by_its_port
 *	scenario 132	nodes_that_must_be_encrypted_can_still_find_each_other
 */
#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ESP 50

static const uint8_t hosts_that_must[][2] = { { HERE, NODE2 },
					      { NODE2, HERE } };

static void nodes_must(bool must)
{
	wires_reset();
	wires_switch(WD_STATE_ENCRYPT_NODES, must);
}

static void expect_esp(int dir, const struct piece *pieces)
{
	struct wd_cover_key key =
		wires_expect(WD_R_ENCRYPTED, WD_COVER_ESP, WIRE, dir, pieces);

	/* Who is inside is not seen. */
	wd_expect_int(0, key.family);
	wd_expect_int(WD_NS_NONE, key.ns[0]);
	wd_expect_int(WD_NS_NONE, key.ns[1]);
}

static void esp_between_nodes_is_encrypted(void)
{
	for_each_way(dir)
	{
		nodes_must(true);
		for (size_t i = 0; i < 2; i++) {
			enum host a = hosts_that_must[i][0],
				  b = hosts_that_must[i][1];

			expect_esp(dir,
				   LIST(ETH, IP(a, b, .next = ESP), DATA(40)));
			expect_esp(dir, LIST(ETH, IP(a, b), UDP(4500, 4500),
					     DATA(40, .head = { 0, 0, 0, 9 })));
			expect_esp(dir, LIST(ETH, IP(a, b), UDP(4500, 4500),
					     DATA(8, .head = { 9, 0, 0, 0 })));
			expect_esp(dir, LIST(ETH, IP(a, b), UDP(4500, 4500),
					     DATA(40, .head = { 0, 9, 0, 0 })));
			expect_esp(dir, LIST(ETH, IP(a, b), UDP(4500, 4500),
					     DATA(40, .head = { 0, 0, 9, 0 })));
		}
	}
	wires_reset();
}

/* A pod that the node speaks for chooses the port it sends from. */
static void one_port_of_esp_is_none(void)
{
	static const uint16_t ports[][2] = {
		{ 4500, 50000 },
		{ 50000, 4500 },
		{ 4500, 53 },
		{ 80, 4500 },
	};

	for_each_way(dir)
	{
		nodes_must(true);
		for (size_t i = 0; i < COUNT(ports); i++)
			wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE,
				     dir,
				     LIST(ETH, IP(HERE, NODE2),
					  UDP(ports[i][0], ports[i][1]),
					  DATA(40, .head = { 9, 9, 9, 9 })));
	}
}

static void esp_of_others_proves_nothing(void)
{
	for_each_way(dir)
	{
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(LOCAL, SECRET, .next = ESP),
				  DATA(40)));
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, SECRET), UDP(4500, 4500),
				  DATA(40)));
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, OUTSIDE, .next = ESP),
				  DATA(40)));
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, OUTSIDE), UDP(4500, 4500),
				  DATA(40)));
	}
}

static void what_is_not_esp_does_not_pass_by_its_port(void)
{
	for_each_way(dir)
	{
		nodes_must(true);
		/* IKE: four bytes of 0 are in front; a keepalive; too short */
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), UDP(4500, 4500),
				  PIECE(P_VXLAN, .flags = 0x100), DATA(40)));
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), UDP(4500, 4500),
				  DATA(1)));
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), UDP(4500, 4500),
				  DATA(7)));
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), TCP(4500, 4500),
				  DATA(40)));
		nodes_must(false);
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), UDP(4500, 4500),
				  PIECE(P_VXLAN, .flags = 0x100), DATA(40)));
	}
}

/* ---- WireGuard ---- */

/* The port at this node's end, and another at the other. */
#define OWN(port) \
	PIECE(P_UDP, .sport = dir == OUT ? (port) : 50000, \
	      .dport = dir == OUT ? 50000 : (port))
#define THEIRS(port) \
	PIECE(P_UDP, .sport = dir == OUT ? 50000 : (port), \
	      .dport = dir == OUT ? (port) : 50000)

static void wireguard_of_this_node_is_encrypted_and_counted_at_its_device(void)
{
	for_each_way(dir)
	{
		nodes_must(true);
		for (uint8_t type = 1; type <= 4; type++)
			wires_expect(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2),
					  OWN(OWN_WIREGUARD),
					  DATA(32, .head = { type })));
		/* Of the second device: the last place of the list. */
		wires_expect(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD2),
				  DATA(148, .head = { 1 })));
		wires_expect(WD_R_ENCRYPTED, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), OWN(OWN_WIREGUARD),
				  DATA(96, .head = { 4 })));
	}
	wires_reset();
}

static void expect_plain(int dir, const struct piece *pieces)
{
	wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir, pieces);
}

static void what_is_not_wireguards_does_not_pass_by_its_port(void)
{
	for_each_way(dir)
	{
		nodes_must(true);
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(31, .head = { 4 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(32, .head = { 5 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(32, .head = { 0, 0, 0, 1 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(32, .head = { 4, 1 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(32, .head = { 4, 0, 1 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(OWN_WIREGUARD),
				       DATA(32, .head = { 4, 0, 0, 1 })));
	}
	wires_reset();
}

static void a_port_of_wireguard_is_one_at_this_nodes_end(void)
{
	for_each_way(dir)
	{
		nodes_must(true);
		expect_plain(dir,
			     LIST(ETH, IP(HERE, NODE2), THEIRS(OWN_WIREGUARD),
				  DATA(32, .head = { 4 })));
		/* A customary number that is none of its ports. */
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), OWN(51820),
				       DATA(32, .head = { 4 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2), THEIRS(51871),
				       DATA(32, .head = { 4 })));
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, OUTSIDE), OWN(OWN_WIREGUARD),
				  DATA(32, .head = { 4 })));
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(HERE, SECRET), OWN(OWN_WIREGUARD),
				  DATA(32, .head = { 4 })));
	}
	wires_reset();
}

static void no_port_is_0(void)
{
	struct wd_state_val state;

	for_each_way(dir)
	{
		nodes_must(true);
		/* Entries that are not used have port 0, whatever else. */
		state = wires_state();
		state.tunnel[5].kind = WD_TUNNEL_WIREGUARD;
		state.tunnel[6].kind = WD_TUNNEL_VXLAN;
		wires_state_set(&state);
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .next = 17),
				       DATA(52, .head = { 0, 0, 0, 0 })));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .next = 17),
				       PIECE(P_VXLAN, .flags = 0x100),
				       DATA(40, .head = { 4 })));
	}
	wires_reset();
}

/* ---- neighbour discovery ---- */

static void nodes_that_must_be_encrypted_can_still_find_each_other(void)
{
	build_outer = 6;
	for (int dir = IN; dir <= OUT; dir++) {
		nodes_must(true);
		for (int type = 133; type <= 137; type++)
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2, .hops = 255),
					  ICMP(type), DATA(20)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .hops = 254),
				       ICMP(135), DATA(20)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .hops = 255),
				       ICMP(132), DATA(20)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .hops = 255),
				       ICMP(138), DATA(20)));
		expect_plain(dir, LIST(ETH, IP(HERE, NODE2, .hops = 255),
				       ICMP(128), DATA(20)));
		expect_plain(dir,
			     LIST(ETH, IP(HERE, NODE2, .hops = 255, .next = 58),
				  DATA(7, .head = { 135 })));
		expect_plain(dir, LIST(ETH, IP(HERE, SECRET, .hops = 255),
				       ICMP(135), DATA(20)));
		expect_plain(dir,
			     LIST(ETH, IP(HERE, NODE2, .hops = 255, .next = 1),
				  DATA(20, .head = { 135 })));
		expect_plain(dir, LIST(ETH,
				       IP(HERE, NODE2, .hops = 255,
					  .more = true, .next = 58),
				       DATA(24, .head = { 135 })));
		nodes_must(false);
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2, .hops = 255), ICMP(135),
				  DATA(20)));
	}
	build_outer = 4;
	nodes_must(true);
	expect_plain(OUT, LIST(ETH, IP(HERE, NODE2, .hops = 255, .next = 58),
			       DATA(20, .head = { 135 })));
	wires_reset();
}

int main(void)
{
	wires_open();
	WD_TEST(esp_between_nodes_is_encrypted);
	WD_TEST(one_port_of_esp_is_none);
	WD_TEST(esp_of_others_proves_nothing);
	WD_TEST(what_is_not_esp_does_not_pass_by_its_port);
	WD_TEST(wireguard_of_this_node_is_encrypted_and_counted_at_its_device);
	WD_TEST(what_is_not_wireguards_does_not_pass_by_its_port);
	WD_TEST(a_port_of_wireguard_is_one_at_this_nodes_end);
	WD_TEST(no_port_is_0);
	WD_TEST(nodes_that_must_be_encrypted_can_still_find_each_other);
	wires_close();
	return wd_tests_end();
}
