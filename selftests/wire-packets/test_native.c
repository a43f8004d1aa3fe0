// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_native.c - packets as they are, without a tunnel around them: who says
 * what to whom on a wire, in clear.
 *
 *	scenario 117	one_that_nobody_knows_is_inside_and_its_prefix_decides
 *	scenario 118	all tests here run for IPv4 and IPv6
 *	scenario 128	what_must_be_encrypted_goes_by_no_wire
 */
#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void expect_pair(int reason, int cover, int dir, enum host src,
			enum host dst)
{
	wires_expect(reason, cover, WIRE, dir,
		     LIST(ETH, IP(src, dst), TCP(0, 80), DATA(9)));
	wires_expect(reason, cover, WIRE, dir,
		     LIST(ETH, IP(src, dst), UDP(0, 53), DATA(9)));
	wires_expect(reason, cover, WIRE, dir,
		     LIST(ETH, IP(src, dst), ICMP(128), DATA(9)));
	wires_expect(reason, cover, WIRE, dir,
		     LIST(ETH, IP(src, dst, .next = 132), DATA(9)));
}

/* Both ways round: who sends is not what matters. */
static void expect_ends(int reason, int cover, int dir, enum host a,
			enum host b)
{
	expect_pair(reason, cover, dir, a, b);
	expect_pair(reason, cover, dir, b, a);
}

static void what_must_be_encrypted_goes_by_no_wire(void)
{
	static const enum host ends[][2] = {
		{ LOCAL, SECRET }, { LOCAL, PLAIN },  { LOCAL2, SECRET },
		{ LOCAL, NODE2 },  { HERE, SECRET },  { LOCAL, NEW },
		{ LOCAL2, NEW },   { NEW, NODE2 },    { LOCAL, NEW_PLAIN },
		{ HERE, NEW },	   { LOCAL, LOCAL2 }, { LOCAL2, NEW_NOWHERE },
		{ LOCAL2, HALF },  { HERE, HALF },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(ends); i++)
			expect_ends(plaintext(dir), WD_COVER_DROPPED, dir,
				    ends[i][0], ends[i][1]);
	}
}

static void what_need_not_be_encrypted_passes_and_is_counted(void)
{
	static const enum host ends[][2] = {
		{ LOCAL2, PLAIN }, { LOCAL2, NODE2 },	  { HERE, PLAIN },
		{ HERE, PLAIN3 },  { LOCAL2, NEW_PLAIN }, { HERE, NEW_PLAIN },
		{ FREE, PLAIN },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(ends); i++)
			expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir,
				    ends[i][0], ends[i][1]);
	}
}

static void what_an_exempt_node_says_itself_passes_and_is_counted(void)
{
	for_each_way(dir)
	{
		expect_ends(WD_R_EXEMPT, WD_COVER_EXEMPT, dir, LOCAL, FREE);
		expect_ends(WD_R_EXEMPT, WD_COVER_EXEMPT, dir, NEW, FREE);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL,
			    NODE2);
	}
}

static void nodes_are_in_clear_unless_they_must_not_be(void)
{
	for_each_way(dir)
	{
		wires_reset();
		expect_ends(WD_R_IN_CLEAR, WD_COVER_NODES, dir, HERE, NODE2);
		expect_ends(WD_R_IN_CLEAR, WD_COVER_NODES, dir, HERE, FREE);
		wires_switch(WD_STATE_ENCRYPT_NODES, true);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, HERE, NODE2);
		expect_ends(WD_R_EXEMPT, WD_COVER_EXEMPT, dir, HERE, FREE);
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, HERE, PLAIN);
	}
	wires_reset();
}

static void what_nobody_of_the_cluster_is_an_end_of_passes_uncounted(void)
{
	for_each_way(dir)
	{
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, OUTSIDE);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, NEW, OUTSIDE);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, HERE, OUTSIDE);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, OUTSIDE2, OUTSIDE);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, GROUP);
	}
}

/* A node by an address that is not known yet, say, of what a pod has sent. */
static void expect_quoted(int reason, int cover, int dir, int type,
			  const struct piece *ip)
{
	wires_expect(reason, cover, WIRE, dir,
		     LIST(ETH, IP(OUTSIDE, LOCAL), ICMP((uint16_t)type), *ip,
			  UDP(0, 53), DATA(9)));
}

static void what_icmp_quotes_is_as_if_it_were_sent(void)
{
	static const int types[2][5] = { { 3, 4, 5, 11, 12 },
					 { 1, 2, 3, 4, 100 } };
	static const enum host ends[][2] = {
		{ LOCAL, SECRET },  { LOCAL, NEW },  { LOCAL2, PLAIN },
		{ LOCAL, OUTSIDE }, { HERE, NODE2 }, { OUTSIDE, HERE },
		{ LOCAL, FREE },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < 5 * COUNT(ends); i++) {
			int type = types[build_outer == 6][i % 5];
			const enum host *end = ends[i / 5];
			const struct piece ip = IP(end[0], end[1]);
			const struct piece cut =
				IP(end[0], end[1], .len = 1200);
			bool must = i / 5 < 2;

			expect_quoted(must ? plaintext(dir) : WD_R_OUTSIDE,
				      must ? WD_COVER_DROPPED : NO_COVER, dir,
				      type, &ip);
			expect_quoted(must ? plaintext(dir) : WD_R_OUTSIDE,
				      must ? WD_COVER_DROPPED : NO_COVER, dir,
				      type, &cut);
		}
	}
}

/* A node that has no route to the pod any more says so by the node's address. */
static void what_a_node_quotes_to_a_node_is_as_if_it_were_sent(void)
{
	const struct piece vxlan[] = { UDP(0, 4789), PIECE(P_VXLAN), ETH };

	for_each_way(dir)
	{
		const uint16_t type = build_outer == 4 ? 3 : 1;

		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), ICMP(type),
				  IP(LOCAL, SECRET, .len = 1200), UDP(0, 53),
				  DATA(9)));
		wires_expect(unless_min(plaintext(dir)), WD_COVER_DROPPED, WIRE,
			     dir,
			     LIST(ETH, IP(FREE, HERE), ICMP(type),
				  IP(HERE, FREE), vxlan[0], vxlan[1], vxlan[2],
				  IP(LOCAL, SECRET), UDP(0, 53), DATA(9)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), ICMP(type),
				  IP(LOCAL2, PLAIN), UDP(0, 53), DATA(9)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), ICMP(type),
				  IP(HERE, NODE2), UDP(0, 51820), DATA(9)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(NODE2, HERE), ICMP(type), DATA(12)));
	}
}

static void what_icmp_asks_and_cannot_be_read_is_no_quote(void)
{
	for_each_way(dir)
	{
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(OUTSIDE, LOCAL),
				  ICMP(build_outer == 4 ? 8 : 128),
				  IP(LOCAL, SECRET), UDP(0, 53), DATA(9)));
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(OUTSIDE, HERE), ICMP(3), DATA(12)));
	}
}

/* A fragment that is but quoted says nothing of those that follow. */
static void what_icmp_quotes_is_no_first_fragment(void)
{
	for_each_way(dir)
	{
		uint16_t id = 77;

		wires_reset();
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(OUTSIDE, HERE), ICMP(3),
				  IP(HERE, NODE2, .id = id, .more = true),
				  UDP(0, 53), DATA(8)));
		wires_expect(
			WD_R_FRAG_ORPHAN, NO_COVER, WIRE, dir,
			LIST(ETH,
			     IP(HERE, NODE2, .id = id, .off = 64, .next = 17),
			     DATA(24)));
	}
	wires_reset();
}

static void one_that_nobody_knows_is_inside_and_its_prefix_decides(void)
{
	for_each_way(dir)
	{
		wires_reset();
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, LOCAL2, PLAIN);
		/* 10.2.0.2 is in 10.2.0.0/16, which need not be encrypted. */
		wires_host(PLAIN, NULL);
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, LOCAL2, PLAIN);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL,
			    PLAIN);
		/* 10.1.0.2 is in 10.1.0.0/16, which must be. */
		wires_host(LOCAL2, NULL);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL2,
			    PLAIN);
	}
	wires_reset();
}

static void a_pod_that_is_known_is_not_judged_by_its_prefix(void)
{
	for_each_way(dir)
	{
		/* LOCAL2 is in 10.1.0.0/16 as LOCAL is. */
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, LOCAL2, PLAIN);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL,
			    PLAIN);
	}
}

static void flags_of_one_kind_of_host_mean_nothing_for_another(void)
{
	const struct wd_addr_val pod = { .identity = 9,
					 .flags = WD_ADDR_POD |
						  WD_ADDR_ENCRYPT |
						  WD_ADDR_EXEMPT,
					 .node = 2 };
	const struct wd_addr_val node = { .identity = 6,
					  .flags = WD_ADDR_NODE |
						   WD_ADDR_ENCRYPT,
					  .node = 2 };
	const struct wd_addr_val both = { .identity = 6,
					  .flags = WD_ADDR_POD | WD_ADDR_NODE |
						   WD_ADDR_ENCRYPT,
					  .node = 2 };

	for_each_way(dir)
	{
		wires_reset();
		wires_host(SECRET, &pod);
		wires_host(NODE2, &node);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, HERE,
			    SECRET);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL2,
			    SECRET);
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, LOCAL2, NODE2);
		wires_host(NODE2, &both);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL2,
			    NODE2);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, HERE, NODE2);
	}
	wires_reset();
}

/* A pod that must encrypt, and somebody of whom nobody can say that he is outside. */
static void where_no_prefix_is_known_nobody_is_outside_to_one_that_must(void)
{
	static const uint32_t no_net[] = {
		[4] = WD_STATE_NO_NET4, [6] = WD_STATE_NO_NET6
	};

	for_each_way(dir)
	{
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, OUTSIDE);
		wires_switch(no_net[build_outer == 4 ? 6 : 4], true);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, OUTSIDE);
		wires_switch(no_net[build_outer], true);
		expect_ends(plaintext(dir), WD_COVER_DROPPED, dir, LOCAL,
			    OUTSIDE);
		/* who need not, and the node's own traffic, go on */
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL2, OUTSIDE);
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, HERE, OUTSIDE);
		expect_ends(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, LOCAL2, PLAIN);
		wires_reset();
	}
}

static void without_the_requirement_all_passes(void)
{
	wires_switch(WD_STATE_ENCRYPT, false);
	wires_switch(WD_STATE_ENCRYPT_NODES | WD_STATE_WIRE_OPEN, true);
	for_each_way(dir)
	{
		expect_ends(WD_R_OUTSIDE, NO_COVER, dir, LOCAL, SECRET);
		wires_expect(WD_R_OUTSIDE, NO_COVER, TUN, dir,
			     LIST(IP(LOCAL, SECRET3), TCP(0, 0), DATA(30)));
	}
	wires_reset();
}

static void a_mesh_is_told_by_its_port(void)
{
	static const struct {
		int port, cover;
	} mesh[] = {
		{ 15008, WD_COVER_HBONE },
		{ 4143, WD_COVER_LINKERD },
		{ 15006, WD_COVER_CLEAR },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(mesh); i++) {
			wires_expect(WD_R_IN_CLEAR, mesh[i].cover, WIRE, dir,
				     LIST(ETH, IP(LOCAL2, PLAIN),
					  TCP(0, mesh[i].port), DATA(20)));
			wires_expect(WD_R_IN_CLEAR, mesh[i].cover, WIRE, dir,
				     LIST(ETH, IP(HERE, PLAIN),
					  TCP(mesh[i].port, 0), DATA(20)));
			/* Not of UDP, not between nodes, and no excuse. */
			wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
				     LIST(ETH, IP(LOCAL2, PLAIN),
					  UDP(0, mesh[i].port), DATA(20)));
			wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2),
					  TCP(0, mesh[i].port), DATA(20)));
			wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE,
				     dir,
				     LIST(ETH, IP(LOCAL, PLAIN),
					  TCP(0, mesh[i].port), DATA(20)));
		}
	}
}

/* NOLINTNEXTLINE(readability-function-size): a row of the tests below */
static void expect_key(int dir, enum host src, enum host dst, uint32_t ns_src,
		       uint32_t ns_dst, uint32_t node_out, uint32_t node_in)
{
	struct wd_cover_key key;
	struct outcome out;
	static struct frame f;

	frame_build(&f, LIST(ETH, IP(src, dst), TCP(0, 0), DATA(20)));
	out = wires_run(&f, WIRE, dir);
	key = out.cover;
	wd_expect_int(1, out.cover_cnt);
	wd_expect_int(ns_src, key.ns[0]);
	wd_expect_int(ns_dst, key.ns[1]);
	wd_expect_int(dir == OUT ? node_out : node_in, key.node);
	wd_expect_int(dir, key.dir);
	wd_expect_int(build_outer, key.family);
}

static void the_count_says_who_and_where(void)
{
	for_each_way(dir)
	{
		expect_key(dir, LOCAL, SECRET, 2, 4, 2, 1);
		expect_key(dir, LOCAL2, PLAIN3, 3, 7, 3, 1);
		expect_key(dir, PLAIN3, NEW, 7, WD_NS_UNKNOWN, 2, 3);
		expect_key(dir, NEW_NOWHERE, LOCAL2, WD_NS_UNKNOWN, 3, 1, 0);
		expect_key(dir, HERE, SECRET3, WD_NS_NONE, 6, 3, 1);
		expect_key(dir, FREE, LOCAL, WD_NS_NONE, 2, 1, 4);
		expect_key(dir, HERE, NODE3, WD_NS_NONE, WD_NS_NONE, 3, 1);
		expect_key(dir, HALF, LOCAL2, WD_NS_UNKNOWN, 3, 1, 2);
	}
}

int main(void)
{
	wires_open();
	WD_TEST(what_must_be_encrypted_goes_by_no_wire);
	WD_TEST(what_need_not_be_encrypted_passes_and_is_counted);
	WD_TEST(what_an_exempt_node_says_itself_passes_and_is_counted);
	WD_TEST(nodes_are_in_clear_unless_they_must_not_be);
	WD_TEST(what_nobody_of_the_cluster_is_an_end_of_passes_uncounted);
	WD_TEST(what_icmp_quotes_is_as_if_it_were_sent);
	WD_TEST(what_a_node_quotes_to_a_node_is_as_if_it_were_sent);
	WD_TEST(what_icmp_asks_and_cannot_be_read_is_no_quote);
	WD_TEST(what_icmp_quotes_is_no_first_fragment);
	WD_TEST(one_that_nobody_knows_is_inside_and_its_prefix_decides);
	WD_TEST(a_pod_that_is_known_is_not_judged_by_its_prefix);
	WD_TEST(flags_of_one_kind_of_host_mean_nothing_for_another);
	WD_TEST(where_no_prefix_is_known_nobody_is_outside_to_one_that_must);
	WD_TEST(without_the_requirement_all_passes);
	WD_TEST(a_mesh_is_told_by_its_port);
	WD_TEST(the_count_says_who_and_where);
	wires_close();
	return wd_tests_end();
}
