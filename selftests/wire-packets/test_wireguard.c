// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_wireguard.c - the hooks of a WireGuard device: whose key is used for whom.
 *
 *	scenario 123	without_peers_nothing_that_must_be_encrypted_goes_in
 *	scenario 130	nobody_sends_as_a_pod_of_another_node
 *	scenario 131	what_is_for_the_wrong_node_does_not_go_in
 */
#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void expect(int reason, int cover, int dir, enum host src, enum host dst)
{
	wires_expect(reason, cover, TUN, dir,
		     LIST(IP(src, dst), TCP(0, 0), DATA(20)));
	wires_expect(reason, cover, TUN, dir,
		     LIST(IP(src, dst), UDP(0, 53), DATA(20)));
	/* Addresses are all that counts. */
	wires_expect(reason, cover, TUN, dir,
		     LIST(IP(src, dst, .off = 64), DATA(20)));
}

/* @far is the end at the other node. */
static void expect_far(int reason, int cover, int dir, enum host near,
		       enum host far)
{
	if (dir == OUT)
		expect(reason, cover, dir, near, far);
	else
		expect(reason, cover, dir, far, near);
}

static void expect_wrong(int dir, enum host near, enum host far)
{
	if (dir == OUT)
		expect_far(WD_R_WG_STATE, WD_COVER_DROPPED, dir, near, far);
	else
		expect_far(WD_R_TUN_BAD_PEER, NO_COVER, dir, near, far);
}

static void what_is_for_its_own_node_passes_and_is_counted(void)
{
	static const enum host far[] = { SECRET, PLAIN, SECRET3, NEW, NEW_PLAIN,
					 NODE2,	 NODE3, FREE,	 HALF };

	for_each_way(dir)
	{
		wires_reset();
		for (size_t i = 0; i < COUNT(far); i++) {
			expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir,
				   LOCAL, far[i]);
			expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir,
				   LOCAL2, far[i]);
			expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir,
				   HERE, far[i]);
		}
	}
}

static void what_is_for_the_wrong_node_does_not_go_in(void)
{
	for_each_way(dir)
	{
		wires_reset();
		wires_tun(SECRET, 3, WIRE_IFINDEX);
		wires_tun(NEW, 3, WIRE_IFINDEX);
		wires_tun(NODE2, 3, WIRE_IFINDEX);
		expect_wrong(dir, LOCAL, SECRET);
		expect_wrong(dir, LOCAL2, SECRET);
		expect_wrong(dir, HERE, SECRET);
		expect_wrong(dir, LOCAL, NEW);
		expect_wrong(dir, LOCAL, NODE2);
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   PLAIN);
		/* The longest prefix says whose it is. */
		wires_tun(SECRET, 2, WIRE_IFINDEX);
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   SECRET);
	}
}

static void what_need_not_be_encrypted_may_go_to_the_wrong_node(void)
{
	for_each_way(dir)
	{
		if (dir == IN)
			continue;
		wires_reset();
		wires_tun_clear();
		expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, OUT, LOCAL2, PLAIN);
		expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, OUT, LOCAL, FREE);
		expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, OUT, HERE, NODE2);
		wires_switch(WD_STATE_ENCRYPT_NODES, true);
		expect(WD_R_WG_STATE, WD_COVER_DROPPED, OUT, HERE, NODE2);
		expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, OUT, HERE, FREE);
	}
}

static void without_peers_nothing_that_must_be_encrypted_goes_in(void)
{
	static const enum host far[] = { SECRET, PLAIN, NEW, NEW_NOWHERE,
					 NODE2 };

	for_each_way(dir)
	{
		wires_reset();
		wires_tun_clear();
		for (size_t i = 0; i < COUNT(far); i++)
			expect_wrong(dir, LOCAL, far[i]);
	}
}

/* Of another cluster, perhaps: nothing is known of its nodes. */
static void a_peer_of_no_known_node_is_believed_of_nobody(void)
{
	static const enum host far[] = { SECRET, PLAIN, NEW, NEW_PLAIN };

	for_each_way(dir)
	{
		wires_reset();
		for (size_t i = 0; i < COUNT(far); i++) {
			wires_tun(far[i], 0, WIRE_IFINDEX);
			expect_wrong(dir, LOCAL, far[i]);
			if (dir == IN) /* whatever must be encrypted */
				expect_wrong(IN, LOCAL2, far[i]);
		}
	}
}

static void nobody_sends_as_a_pod_of_another_node(void)
{
	static const enum host far[] = { SECRET, PLAIN, NEW, NEW_PLAIN, NODE2 };

	for_each_way(dir)
	{
		if (dir == OUT)
			continue;
		wires_reset();
		for (size_t i = 0; i < COUNT(far); i++) {
			wires_tun(far[i], 3, WIRE_IFINDEX);
			/* Whatever must be encrypted. */
			expect(WD_R_TUN_BAD_PEER, NO_COVER, IN, far[i], LOCAL);
			expect(WD_R_TUN_BAD_PEER, NO_COVER, IN, far[i], LOCAL2);
			wires_tun(far[i], 2, WIRE_IFINDEX);
			expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, IN, far[i],
			       LOCAL2);
		}
	}
}

static void nobody_sends_as_this_node_or_a_pod_of_it(void)
{
	static const enum host own[] = { LOCAL, LOCAL2, HERE };

	for_each_way(dir)
	{
		if (dir == OUT)
			continue;
		wires_reset();
		for (size_t i = 0; i < COUNT(own); i++) {
			expect(WD_R_TUN_BAD_PEER, NO_COVER, IN, own[i], LOCAL2);
			/* Not even a peer that has this node's number. */
			wires_tun(own[i], NODE_HERE, WIRE_IFINDEX);
			expect(WD_R_TUN_BAD_PEER, NO_COVER, IN, own[i], LOCAL2);
		}
	}
}

static void a_peer_of_another_device_is_none_of_this_one(void)
{
	for_each_way(dir)
	{
		wires_reset();
		wires_tun(SECRET, 2, OTHER_IFINDEX);
		expect_wrong(dir, LOCAL, SECRET);
		wires_tun(SECRET, 2, WIRE_IFINDEX);
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   SECRET);
	}
}

static void where_nobody_knows_the_node_some_peer_must_have_it(void)
{
	const struct wd_addr_val lost = {
		.identity = 9, .flags = WD_ADDR_POD | WD_ADDR_ENCRYPT
	};

	for_each_way(dir)
	{
		wires_reset();
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   NEW_NOWHERE);
		/* A peer that is no node. */
		wires_tun(NEW_NOWHERE, 0, WIRE_IFINDEX);
		expect_wrong(dir, LOCAL, NEW_NOWHERE);
		/* A pod that is known, but not where it is: nobody may be it. */
		wires_host(SECRET, &lost);
		expect_wrong(dir, LOCAL, SECRET);
		wires_tun(SECRET, 0, WIRE_IFINDEX);
		expect_wrong(dir, LOCAL, SECRET);
	}
	wires_reset();
}

static void outsiders_by_wireguard_are_nobodys_pods(void)
{
	for_each_way(dir)
	{
		wires_reset();
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   OUTSIDE);
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			   OUTSIDE2);
		expect_far(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, OUTSIDE,
			   SECRET);
	}
}

static void the_count_has_who_and_where(void)
{
	for_each_way(dir)
	{
		struct wd_cover_key key;

		wires_reset();
		key = wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN, dir,
				   dir == OUT ?
					   LIST(IP(LOCAL, SECRET), TCP(0, 0)) :
					   LIST(IP(SECRET, LOCAL), TCP(0, 0)));
		wd_expect_int(dir == OUT ? 2 : 4, key.ns[0]);
		wd_expect_int(dir == OUT ? 4 : 2, key.ns[1]);
		wd_expect_int(2, key.node);
		wd_expect_int(build_outer, key.family);
	}
}

/* ---- tunnels in WireGuard ---- */

static void expect_nested(int reason, int cover, int dir, enum host near,
			  enum host far, uint32_t ns_far)
{
	struct wd_cover_key key;
	enum host src = dir == OUT ? near : far, dst = dir == OUT ? far : near;

	if (wires_is_min()) {
		reason = WD_R_ENCRYPTED;
		cover = WD_COVER_WIREGUARD;
		ns_far = 0;
	}
	key = wires_expect(
		reason, cover, TUN, dir,
		LIST(IP(dir == OUT ? HERE : NODE2, dir == OUT ? NODE2 : HERE),
		     UDP(0, 8472), PIECE(P_VXLAN), ETH, IN_IP(src, dst),
		     TCP(0, 0)));
	if (cover != NO_COVER)
		wd_expect_int(ns_far, key.ns[dir == OUT]);
}

static void what_a_tunnel_in_wireguard_holds_must_be_of_that_node(void)
{
	for_each_nest(dir)
	{
		int bad = dir == OUT ? WD_R_WG_STATE : WD_R_TUN_BAD_PEER;
		int cover = dir == OUT ? WD_COVER_DROPPED : NO_COVER;

		wires_reset();
		expect_nested(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			      SECRET, 4);
		expect_nested(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			      NEW, WD_NS_UNKNOWN);
		expect_nested(bad, cover, dir, LOCAL, SECRET3, 6);
		/* Its own tables do not count: node 2 has the key. */
		wires_tun(SECRET3, 2, WIRE_IFINDEX);
		expect_nested(bad, cover, dir, LOCAL, SECRET3, 6);
		wires_tun(SECRET, 3, WIRE_IFINDEX);
		expect_nested(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, dir, LOCAL,
			      SECRET, 4);
		if (dir == IN)
			expect_nested(WD_R_TUN_BAD_PEER, NO_COVER, IN, LOCAL,
				      LOCAL2, 3);
	}
	wires_reset();
}

/* What is encrypted for the right node need not be understood. */
static void what_cannot_be_read_in_wireguard_is_the_nodes(void)
{
	static const struct piece odd[] = {
		PIECE(P_IP, .next = 115),
		PIECE(P_IP, .next = 50),
		PIECE(P_IP, .next = 17),
		PIECE(P_IP, .next = 47),
		PIECE(P_IP, .next = 4),
		PIECE(P_IP, .next = 41),
		PIECE(P_IP, .next = 47, .off = 64),
	};

	for_each_way(dir)
	{
		wires_reset();
		wires_switch(WD_STATE_ENCRYPT_NODES, true);
		for (size_t i = 0; i < COUNT(odd); i++) {
			struct piece ip = odd[i];

			ip.family = (uint8_t)build_outer;
			ip.src = dir == OUT ? HERE : NODE2;
			ip.dst = dir == OUT ? NODE2 : HERE;
			wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN,
				     dir, LIST(ip, DATA(3)));
			wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN,
				     dir, LIST(ip, DATA(60)));
		}
		wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN, dir,
			     LIST(IP(dir == OUT ? HERE : NODE2,
				     dir == OUT ? NODE2 : HERE),
				  UDP(0, 8472), PIECE(P_VXLAN),
				  PIECE(P_ETH, .next = 0x0806), DATA(28)));
	}
	wires_reset();
}

/* Fragments of one datagram, or so it seems, at both kinds of devices. */
static void what_passed_encrypted_is_no_word_for_what_is_in_clear(void)
{
	for_each_way(dir)
	{
		enum host src = dir == OUT ? HERE : NODE2;
		enum host dst = dir == OUT ? NODE2 : HERE;

		wires_reset();
		wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN, dir,
			     LIST(IP(src, dst, .more = true, .id = 7),
				  UDP(0, 53), DATA(56)));
		wires_expect(WD_R_FRAG_ORPHAN, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(src, dst, .off = 64, .id = 7),
				  DATA(24)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(src, dst, .more = true, .id = 7),
				  UDP(0, 53), DATA(56)));
		wires_expect(WD_R_ENCRYPTED, WD_COVER_WIREGUARD, TUN, dir,
			     LIST(IP(src, dst, .off = 64, .id = 7), DATA(24)));
	}
}

int main(void)
{
	wires_open();
	WD_TEST(what_is_for_its_own_node_passes_and_is_counted);
	WD_TEST(what_is_for_the_wrong_node_does_not_go_in);
	WD_TEST(what_need_not_be_encrypted_may_go_to_the_wrong_node);
	WD_TEST(without_peers_nothing_that_must_be_encrypted_goes_in);
	WD_TEST(a_peer_of_no_known_node_is_believed_of_nobody);
	WD_TEST(nobody_sends_as_a_pod_of_another_node);
	WD_TEST(nobody_sends_as_this_node_or_a_pod_of_it);
	WD_TEST(a_peer_of_another_device_is_none_of_this_one);
	WD_TEST(where_nobody_knows_the_node_some_peer_must_have_it);
	WD_TEST(outsiders_by_wireguard_are_nobodys_pods);
	WD_TEST(the_count_has_who_and_where);
	WD_TEST(what_a_tunnel_in_wireguard_holds_must_be_of_that_node);
	WD_TEST(what_cannot_be_read_in_wireguard_is_the_nodes);
	WD_TEST(what_passed_encrypted_is_no_word_for_what_is_in_clear);
	wires_close();
	return wd_tests_end();
}
