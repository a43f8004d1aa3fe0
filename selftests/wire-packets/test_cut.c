// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cut.c - fragments and IPv6 extension headers on a wire.
 *
 * Between pods addresses say it all. Between nodes only the first fragment says
 * what is inside, and the others pass as it did.
 */
#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define SLACK 8 /* ticks that this may take */

#define FIRST(n) .more = true, .id = (n)
#define LATER(n, at) .off = (at), .id = (n)

#define EXT(nr, ...) PIECE(P_EXT, .type = (nr), ##__VA_ARGS__)

static void expect(int reason, int cover, int dir, const struct piece *pieces)
{
	wires_expect(reason, cover, WIRE, dir, pieces);
}

static void fragments_of_pods_are_judged_by_their_addresses(void)
{
	for_each_way(dir)
	{
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(LOCAL, SECRET, FIRST(1)), UDP(0, 0),
			    DATA(24)));
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(LOCAL, SECRET, LATER(1, 64)), DATA(24)));
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, SECRET, LATER(1, 64)), DATA(24)));
		expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir,
		       LIST(ETH, IP(LOCAL2, PLAIN, FIRST(1)), UDP(0, 0),
			    DATA(24)));
		expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir,
		       LIST(ETH, IP(LOCAL2, PLAIN, LATER(9, 64)), DATA(24)));
		/* What looks like a mesh's port in a later one is data. */
		expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir,
		       LIST(ETH, IP(LOCAL2, PLAIN, LATER(9, 64), .next = 6),
			    TCP(0, 15008), DATA(24)));
		expect(WD_R_IN_CLEAR, WD_COVER_HBONE, dir,
		       LIST(ETH, IP(LOCAL2, PLAIN, FIRST(9)), TCP(0, 15008),
			    DATA(24)));
	}
}

/* First fragments of 8 + 8 + 14 + 40 and 42 more bytes. */
static void expect_first(int reason, int cover, int dir, uint32_t id,
			 enum host a, enum host b)
{
	int inner = build_inner == 4 ? 20 : 40;

	expect(unless_min(reason), unless_min_cover(cover), dir,
	       LIST(ETH, IP(HERE, NODE2, FIRST(id)), UDP(50000, 4789),
		    PIECE(P_VXLAN), ETH, IN_IP(a, b, .len = 900), TCP(0, 0),
		    DATA(98 - 20 - inner)));
}

static void expect_later(int reason, int cover, int dir, uint32_t id, int at)
{
	expect(reason, cover, dir,
	       LIST(ETH, IP(HERE, NODE2, LATER(id, at)), DATA(24)));
}

static void later_fragments_pass_as_the_first_did(void)
{
	for_each_nest(dir)
	{
		bool is_min = wires_is_min();

		wires_reset();
		expect_first(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, 7, LOCAL2,
			     PLAIN);
		expect_first(plaintext(dir), WD_COVER_DROPPED, dir, 8, LOCAL,
			     SECRET);
		expect_later(is_min ? WD_R_FRAG_ORPHAN : WD_R_IN_CLEAR,
			     is_min ? NO_COVER : WD_COVER_CLEAR, dir, 7, 128);
		expect_later(is_min ? WD_R_FRAG_ORPHAN : WD_R_IN_CLEAR,
			     is_min ? NO_COVER : WD_COVER_CLEAR, dir, 7, 800);
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, dir, 8, 128);
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, dir, 9, 128);
		/* Another direction, other hosts: another datagram. */
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, !dir, 7, 128);
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(NODE2, HERE, LATER(7, 128)), DATA(24)));
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE3, LATER(7, 128)), DATA(24)));
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 128), .next = 47),
			    DATA(24)));
	}
}

static void a_first_that_is_denied_ends_what_was_allowed(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		expect_first(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, 7, LOCAL2,
			     PLAIN);
		expect_first(plaintext(dir), WD_COVER_DROPPED, dir, 7, LOCAL,
			     SECRET);
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, dir, 7, 128);
	}
}

static void no_later_fragment_covers_what_was_judged(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		/* 8 + 120 bytes of UDP */
		expect(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)), UDP(0, 53),
			    DATA(120)));
		expect_later(WD_R_FRAG_OVERLAP, NO_COVER, dir, 7, 8);
		expect_later(WD_R_FRAG_OVERLAP, NO_COVER, dir, 7, 120);
		expect_later(WD_R_IN_CLEAR, WD_COVER_NODES, dir, 7, 128);
	}
}

static void the_first_is_forgotten_in_time(void)
{
	for_each_way(dir)
	{
		wires_reset();
		expect(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)), UDP(0, 53),
			    DATA(120)));
		expect_later(WD_R_IN_CLEAR, WD_COVER_NODES, dir, 7, 128);
		wires_frags_age(
			(build_outer == 4 ? WD_LIFE_FRAG4 : WD_LIFE_FRAG6) -
			SLACK);
		expect_later(WD_R_IN_CLEAR, WD_COVER_NODES, dir, 7, 128);
		wires_frags_age(SLACK);
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, dir, 7, 128);
	}
}

static void fragments_of_wireguard_pass_uncounted(void)
{
	for_each_way(dir)
	{
		wires_reset();
		wires_switch(WD_STATE_ENCRYPT_NODES, true);
		expect(WD_R_ENCRYPTED, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)),
			    UDP(OWN_WIREGUARD, OWN_WIREGUARD),
			    DATA(64, .head = { 4 })));
		expect_later(WD_R_ENCRYPTED, NO_COVER, dir, 7, 72);
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(8)), UDP(0, 53),
			    DATA(64)));
		expect_later(WD_R_FRAG_ORPHAN, NO_COVER, dir, 8, 72);
	}
	wires_reset();
}

static void fragments_whose_protocol_says_it_all_need_no_first(void)
{
	for_each_way(dir)
	{
		wires_reset();
		expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 50),
			    DATA(24)));
		expect(WD_R_TUN_OPAQUE, WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 115),
			    DATA(24)));
		expect(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 6),
			    DATA(24)));
		wires_switch(WD_STATE_ENCRYPT_NODES, true);
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 6),
			    DATA(24)));
	}
	wires_reset();
}

static void fragments_of_tunnels_need_their_first(void)
{
	static const int protos[] = { 17, 4, 41, 47 };

	for_each_way(dir)
	{
		wires_reset();
		for (size_t i = 0; i < COUNT(protos); i++) {
			expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
			       LIST(ETH,
				    IP(HERE, NODE2, LATER(7, 64),
				       .next = protos[i]),
				    DATA(24)));
			expect(WD_R_OUTSIDE, NO_COVER, dir,
			       LIST(ETH,
				    IP(HERE, OUTSIDE, LATER(7, 64),
				       .next = protos[i]),
				    DATA(24)));
		}
	}
}

static void a_tunnel_to_somebody_outside_leaks_no_later_fragment(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		expect(unless_min(plaintext(dir)), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, OUTSIDE, FIRST(7)), UDP(0, 4789),
			    PIECE(P_VXLAN), ETH,
			    IN_IP(LOCAL, SECRET, .len = 900), DATA(42)));
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, OUTSIDE, LATER(7, 128)), DATA(24)));
		expect(WD_R_OUTSIDE, NO_COVER, dir,
		       LIST(ETH, IP(HERE, OUTSIDE, FIRST(8)), UDP(0, 53),
			    DATA(120)));
		expect(WD_R_OUTSIDE, NO_COVER, dir,
		       LIST(ETH, IP(HERE, OUTSIDE, LATER(8, 128)), DATA(24)));
	}
}

static void a_first_must_hold_what_it_is_judged_by(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		expect(WD_R_FRAG_TINY, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7), .next = 17),
			    DATA(7)));
		expect(unless_min(WD_R_L3_BAD), unless_min_cover(NO_COVER), dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)), UDP(0, 4789),
			    PIECE(P_VXLAN), PIECE(P_ETH, .next = 0x0800),
			    DATA(10, .head = { 0x45 })));
		/* A length that runs past is no excuse in what is not cut. */
		expect(unless_min(WD_R_L3_BAD), unless_min_cover(NO_COVER), dir,
		       LIST(ETH, IP(HERE, NODE2), UDP(0, 4789), PIECE(P_VXLAN),
			    ETH, IN_IP(LOCAL2, PLAIN, .len = 900), DATA(42)));
		/* Options that are not there. */
		if (build_inner == 6)
			continue;
		expect(unless_min(WD_R_L3_BAD), unless_min_cover(NO_COVER), dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)), UDP(0, 4789),
			    PIECE(P_VXLAN), PIECE(P_ETH, .next = 0x0800),
			    DATA(22, .head = { 0x46, 0, 1, 0 })));
	}
}

static void fragments_in_a_tunnel_have_firsts_of_their_own(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2), PIECE(P_GRE),
			    IN_IP(HERE, NODE2, LATER(7, 64)), DATA(24)));
		expect(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
		       LIST(ETH, IP(HERE, NODE2), PIECE(P_GRE),
			    IN_IP(HERE, NODE2, FIRST(7)), UDP(0, 53),
			    DATA(56)));
		expect(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
		       LIST(ETH, IP(HERE, NODE2), PIECE(P_GRE),
			    IN_IP(HERE, NODE2, LATER(7, 64)), DATA(24)));
		/* Of two in one packet the outer one is remembered. */
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(9)), PIECE(P_GRE),
			    IN_IP(HERE, NODE2, FIRST(10)), PIECE(P_GRE),
			    IP(LOCAL, SECRET), DATA(24)));
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(9, 256), .next = 47),
			    DATA(24)));
	}
}

/* ---- extension headers ---- */

static void extension_headers_are_walked(void)
{
	static const int headers[] = { 0, 60, 51, 135, 139, 140 };

	build_outer = 6;
	build_inner = 4;
	for (int dir = IN; dir <= OUT; dir++) {
		wires_reset();
		for (size_t i = 0; i < COUNT(headers); i++) {
			expect(WD_R_IN_CLEAR, WD_COVER_HBONE, dir,
			       LIST(ETH, IP(LOCAL2, PLAIN), EXT(headers[i]),
				    TCP(0, 15008), DATA(24)));
			expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
			       LIST(ETH, IP(HERE, NODE2),
				    EXT(headers[i], .bytes = 24, .next = 50),
				    DATA(24)));
			expect(unless_min(plaintext(dir)), WD_COVER_DROPPED,
			       dir,
			       LIST(ETH, IP(HERE, NODE2),
				    EXT(headers[i], .bytes = 24), UDP(0, 4789),
				    PIECE(P_VXLAN), ETH, IN_IP(LOCAL, SECRET),
				    DATA(24)));
			expect(WD_R_EXTHDR, NO_COVER, dir,
			       LIST(ETH, IP(HERE, NODE2),
				    EXT(headers[i], .len = 90), TCP(0, 0),
				    DATA(24)));
		}
	}
	build_outer = 4;
}

#define FIVE_OF(nr) EXT(nr), EXT(nr), EXT(nr), EXT(nr), EXT(nr)

static void six_extension_headers_are_walked_and_no_more(void)
{
	build_outer = 6;
	for (int dir = IN; dir <= OUT; dir++) {
		wires_reset();
		expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
		       LIST(ETH, IP(HERE, NODE2), FIVE_OF(60),
			    EXT(60, .next = 50), DATA(24)));
		expect(WD_R_EXTHDR, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2), FIVE_OF(60), EXT(60),
			    EXT(60, .next = 50), DATA(24)));
		expect(WD_R_OUTSIDE, NO_COVER, dir,
		       LIST(ETH, IP(HERE, OUTSIDE), FIVE_OF(60), EXT(60),
			    EXT(60), DATA(24)));
		expect(plaintext(dir), WD_COVER_DROPPED, dir,
		       LIST(ETH, IP(LOCAL, SECRET), FIVE_OF(60), EXT(60),
			    EXT(60), DATA(24)));
	}
	build_outer = 4;
}

static void a_routing_header_between_nodes_is_dropped(void)
{
	build_outer = 6;
	for (int dir = IN; dir <= OUT; dir++) {
		for (build_inner = 4; build_inner <= 6; build_inner += 2) {
			wires_reset();
			expect(WD_R_EXTHDR, NO_COVER, dir,
			       LIST(ETH, IP(HERE, NODE2), EXT(43), TCP(0, 0)));
			expect(WD_R_OUTSIDE, NO_COVER, dir,
			       LIST(ETH, IP(HERE, OUTSIDE), EXT(43),
				    TCP(0, 0)));
			/* Segment routing: what is inside is judged. */
			expect(unless_min(plaintext(dir)), WD_COVER_DROPPED,
			       dir,
			       LIST(ETH, IP(HERE, OUTSIDE),
				    EXT(43, .bytes = 24), IN_IP(LOCAL, SECRET),
				    TCP(0, 0)));
			/* It is of the header it belongs to alone. */
			expect(unless_min(WD_R_IN_CLEAR),
			       unless_min_cover(WD_COVER_NODES), dir,
			       LIST(ETH, IP(HERE, OUTSIDE), EXT(43),
				    IN_IP(HERE, NODE2), TCP(0, 0)));
		}
	}
	build_outer = 4;
}

/* What lies behind the fragment header is of the first alone. */
static void a_later_fragment_is_not_walked(void)
{
	build_outer = 6;
	for (int dir = IN; dir <= OUT; dir++) {
		wires_reset();
		expect(WD_R_FRAG_ORPHAN, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 60),
			    EXT(60, .next = 50), DATA(24)));
		expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(7)), EXT(60, .next = 50),
			    DATA(56)));
		expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
		       LIST(ETH, IP(HERE, NODE2, LATER(7, 64), .next = 60),
			    DATA(24)));
		/* An atomic fragment is a whole packet. */
		expect(WD_R_ENCRYPTED, WD_COVER_ESP, dir,
		       LIST(ETH, IP(HERE, NODE2), EXT(44, .next = 50),
			    DATA(24)));
		/* Two fragment headers in one. */
		expect(WD_R_EXTHDR, NO_COVER, dir,
		       LIST(ETH, IP(HERE, NODE2, FIRST(9)), EXT(44, .next = 50),
			    DATA(24)));
	}
	build_outer = 4;
}

int main(void)
{
	wires_open();
	WD_TEST(fragments_of_pods_are_judged_by_their_addresses);
	WD_TEST(later_fragments_pass_as_the_first_did);
	WD_TEST(a_first_that_is_denied_ends_what_was_allowed);
	WD_TEST(no_later_fragment_covers_what_was_judged);
	WD_TEST(the_first_is_forgotten_in_time);
	WD_TEST(fragments_of_wireguard_pass_uncounted);
	WD_TEST(fragments_whose_protocol_says_it_all_need_no_first);
	WD_TEST(fragments_of_tunnels_need_their_first);
	WD_TEST(a_tunnel_to_somebody_outside_leaks_no_later_fragment);
	WD_TEST(a_first_must_hold_what_it_is_judged_by);
	WIRES_TEST(fragments_in_a_tunnel_have_firsts_of_their_own);
	WD_TEST(extension_headers_are_walked);
	WD_TEST(six_extension_headers_are_walked_and_no_more);
	WD_TEST(a_routing_header_between_nodes_is_dropped);
	WD_TEST(a_later_fragment_is_not_walked);
	wires_close();
	return wd_tests_end();
}
