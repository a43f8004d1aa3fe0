// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tunnels.c - packets in packets: what is inside is what counts, and what
 * cannot be looked into does not pass between nodes.
 *
 *	scenario 95	what_a_tunnel_holds_is_judged
 *	scenario 118	either family inside either
 *	scenario 119	what_a_tunnel_holds_is_judged
 *	scenario 128	what_a_tunnel_holds_is_judged
 */
#include <assert.h>
#include <string.h>

#include "wires.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEB 0x6558

/* Up to three pieces between the outer IP header and what is inside. */
struct tunnel {
	const char *name;
	struct piece piece[3];
	bool is_frame; /* Ethernet is inside */
};

#define TO_PORT(p) PIECE(P_UDP, .sport = 50000, .dport = (p))
#define VXLAN(...) PIECE(P_VXLAN, ##__VA_ARGS__)
#define GENEVE(...) PIECE(P_GENEVE, ##__VA_ARGS__)
#define GRE(...) PIECE(P_GRE, ##__VA_ARGS__)

static const struct tunnel tunnels[] = {
	{ "vxlan", { TO_PORT(4789), VXLAN() }, true },
	{ "vxlan of linux", { TO_PORT(8472), VXLAN() }, true },
	{ "vxlan at a port of this node",
	  { TO_PORT(OWN_VXLAN), VXLAN() },
	  true },
	{ "vxlan from a port of wireguard",
	  { PIECE(P_UDP, .sport = OWN_WIREGUARD, .dport = 4789), VXLAN() },
	  true },
	{ "vxlan from a port of esp",
	  { PIECE(P_UDP, .sport = 4500, .dport = 4789), VXLAN() },
	  true },
	{ "vxlan without its flag",
	  { TO_PORT(4789), VXLAN(.flags = 0x80) },
	  true },
	{ "gpe with a frame",
	  { TO_PORT(4790), VXLAN(.flags = 0xc, .next = 3) },
	  true },
	{ "gpe at the port of vxlan",
	  { TO_PORT(4789), VXLAN(.flags = 0xc, .next = 3) },
	  true },
	{ "gpe without its flag", { TO_PORT(4790), VXLAN(.next = 1) }, true },
	{ "geneve", { TO_PORT(6081), GENEVE() }, true },
	{ "geneve with ip", { TO_PORT(6081), GENEVE() }, false },
	{ "geneve with options", { TO_PORT(6081), GENEVE(.bytes = 252) }, true },
	{ "geneve at a port of this node",
	  { TO_PORT(OWN_GENEVE), GENEVE(.bytes = 4) },
	  true },
	{ "gre", { GRE() }, false },
	{ "gre with a frame", { GRE() }, true },
	{ "gre with a checksum", { GRE(.flags = 0x8000) }, false },
	{ "gre with a key", { GRE(.flags = 0x2000) }, false },
	{ "gre with a sequence", { GRE(.flags = 0x1000) }, true },
	{ "gre with all of them", { GRE(.flags = 0xb000) }, false },
	{ "gre in udp", { TO_PORT(4754), GRE(.flags = 0x2000) }, false },
	{ "ip in ip", { { .kind = P_END } }, false },
	{ "vlan in vxlan",
	  { TO_PORT(4789), VXLAN(), PIECE(P_ETH) },
	  false /* see add_inside() */ },
};

static struct piece list[PIECES_MAX];
static int list_cnt;

static void add(struct piece piece)
{
	assert(list_cnt < PIECES_MAX - 1);
	list[list_cnt++] = piece;
	list[list_cnt] = (struct piece){ .kind = P_END };
}

static void add_tunnel(const struct tunnel *t, int family, enum host src,
		       enum host dst)
{
	add((struct piece)PIECE(P_IP, .family = (uint8_t)family, .src = src,
				.dst = dst));
	for (int i = 0; i < 3 && t->piece[i].kind != P_END; i++)
		add(t->piece[i]);
	if (t->is_frame)
		add((struct piece)ETH);
	else if (t->piece[2].kind == P_ETH)
		add((struct piece)PIECE(P_VLAN));
}

static void begin(void)
{
	list_cnt = 0;
	add((struct piece)ETH);
}

static void end(enum host src, enum host dst)
{
	add((struct piece)IN_IP(src, dst));
	add((struct piece)TCP(0, 0));
	add((struct piece)DATA(20));
}

static void expect_tunnel(int reason, int cover, int dir,
			  const struct tunnel *t, enum host src, enum host dst)
{
	begin();
	add_tunnel(t, build_outer, dir == OUT ? HERE : NODE2,
		   dir == OUT ? NODE2 : HERE);
	end(src, dst);
	wires_expect(reason, cover, WIRE, dir, list);
}

static void expect_inside(int reason, int cover, int dir,
			  const struct tunnel *t, enum host src, enum host dst)
{
	struct wd_cover_key key;

	begin();
	add_tunnel(t, build_outer, dir == OUT ? HERE : NODE2,
		   dir == OUT ? NODE2 : HERE);
	end(src, dst);
	key = wires_expect(unless_min(reason), unless_min_cover(cover), WIRE,
			   dir, list);
	if (cover != NO_COVER && !wires_is_min())
		wd_expect_int(build_inner, key.family);
	/* With somebody outside it is the same. */
	begin();
	add_tunnel(t, build_outer, dir == OUT ? HERE : OUTSIDE,
		   dir == OUT ? OUTSIDE : HERE);
	end(src, dst);
	wires_expect(unless_min(reason), unless_min_cover(cover), WIRE, dir,
		     list);
}

static void what_a_tunnel_holds_is_judged(void)
{
	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(tunnels); i++) {
			const struct tunnel *t = &tunnels[i];

			wd_test_row(t->name);
			expect_inside(plaintext(dir), WD_COVER_DROPPED, dir, t,
				      LOCAL, SECRET);
			expect_inside(plaintext(dir), WD_COVER_DROPPED, dir, t,
				      HERE, SECRET);
			expect_inside(WD_R_EXEMPT, WD_COVER_EXEMPT, dir, t,
				      LOCAL, FREE);
			expect_inside(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, t,
				      LOCAL2, PLAIN);
			expect_inside(WD_R_IN_CLEAR, WD_COVER_NODES, dir, t,
				      HERE, NODE2);
			expect_inside(WD_R_OUTSIDE, NO_COVER, dir, t, LOCAL,
				      OUTSIDE);
		}
	}
}

static void gpe_says_which_family_comes_next(void)
{
	for_each_nest(dir)
	{
		const struct tunnel gpe = {
			"gpe with ip",
			{ TO_PORT(4790),
			  VXLAN(.flags = 0xc,
				.next = build_inner == 4 ? 1 : 2) },
			false
		};

		expect_inside(plaintext(dir), WD_COVER_DROPPED, dir, &gpe,
			      LOCAL, SECRET);
		expect_inside(WD_R_IN_CLEAR, WD_COVER_CLEAR, dir, &gpe, LOCAL2,
			      PLAIN);
	}
}

static void an_exempt_node_is_no_excuse_for_what_its_tunnel_holds(void)
{
	for_each_nest(dir)
	{
		begin();
		add_tunnel(&tunnels[0], build_outer, HERE, FREE);
		end(LOCAL, SECRET);
		wires_expect(unless_min(plaintext(dir)), WD_COVER_DROPPED, WIRE,
			     dir, list);
	}
}

static void tunnels_in_tunnels_are_looked_into(void)
{
	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(tunnels); i++) {
			begin();
			add_tunnel(&tunnels[i], build_outer, HERE, NODE2);
			add_tunnel(&tunnels[COUNT(tunnels) - 1 - i],
				   build_inner, HERE, NODE2);
			end(LOCAL, SECRET);
			wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE,
				     dir, list);
			list[list_cnt - 3].src = LOCAL2;
			list[list_cnt - 3].dst = PLAIN;
			wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
				     list);
		}
	}
}

/* Whose the count says it was: of nobody, or of pods of those namespaces. */
static void expect_whose(int dir, enum host src, enum host dst, uint32_t from,
			 uint32_t to)
{
	struct wd_cover_key key;

	begin();
	add_tunnel(&tunnels[0], build_outer, src, dst);
	add_tunnel(&tunnels[1], build_inner, HERE, NODE2);
	end(LOCAL2, PLAIN3);
	key = wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir, list);
	wd_expect_int(from, key.ns[0]);
	wd_expect_int(to, key.ns[1]);
	wd_expect_int(from != 0, key.node != 0);
	list[list_cnt - 3].src = LOCAL;
	list[list_cnt - 3].dst = SECRET;
	key = wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir, list);
	wd_expect_int(from != 0, key.ns[0] != 0);
	wd_expect_int(from != 0, key.node != 0);
}

/*
 * A pod may send tunnels to somebody outside, in its own name or in that of its
 * node, and what it writes inside must not be told as what others did.
 */
static void a_tunnel_with_somebody_outside_names_nobody(void)
{
	for_each_nest(dir)
	{
		expect_whose(dir, HERE, NODE2, 3, 7);
		expect_whose(dir, HERE, OUTSIDE, WD_NS_NONE, WD_NS_NONE);
		expect_whose(dir, LOCAL, OUTSIDE, WD_NS_NONE, WD_NS_NONE);
		expect_whose(dir, OUTSIDE, HERE, WD_NS_NONE, WD_NS_NONE);
	}
}

/* IP in IP as often as @layers says, all headers counted. */
static void nested(int layers, enum host a, enum host b)
{
	begin();
	for (int i = 1; i < layers; i++)
		add((struct piece)IP(a, b));
	add((struct piece)IP(LOCAL2, PLAIN));
	add((struct piece)TCP(0, 0));
}

static void four_headers_are_looked_at_and_no_more(void)
{
	for_each_way(dir)
	{
		nested(4, HERE, NODE2);
		wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir, list);
		nested(5, HERE, NODE2);
		wires_expect(WD_R_TUN_OPAQUE, NO_COVER, WIRE, dir, list);
		nested(5, HERE, OUTSIDE);
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir, list);
	}
}

/* ---- what makes a tunnel ---- */

static void a_port_that_one_sends_from_makes_no_tunnel(void)
{
	static const int from[] = { 4789, 8472, 4790,	   6081,      4754,
				    1701, 6080, OWN_VXLAN, OWN_GENEVE };

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(from); i++)
			wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2),
					  UDP(from[i], 999), DATA(60)));
	}
}

static void only_udp_has_tunnels_by_port(void)
{
	for_each_way(dir)
	{
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), TCP(0, 4789),
				  DATA(60)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), TCP(0, 1701),
				  DATA(60)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2, .next = 132),
				  UDP(0, 4500), DATA(60, .head = { 1 })));
	}
}

static void pods_are_judged_by_their_addresses_alone(void)
{
	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(tunnels); i++) {
			begin();
			add_tunnel(&tunnels[i], build_outer, LOCAL2, PLAIN);
			end(LOCAL, SECRET);
			wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
				     list);
			begin();
			add_tunnel(&tunnels[i], build_outer, LOCAL, NODE2);
			end(LOCAL2, PLAIN);
			wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE,
				     dir, list);
		}
	}
}

/* ---- what cannot be looked into ---- */

static const int opaque_ports[] = { 1701, 2152, 4755, 6080, 6635, 6636, 8285 };
/* AH is walked in IPv6. */
static const int opaque_protos[] = { 51, 55, 94, 97, 98, 108, 115, 137, 143 };

static void expect_opaque(int dir, const struct piece *pieces)
{
	struct wd_cover_key key = wires_expect(
		WD_R_TUN_OPAQUE, WD_COVER_DROPPED, WIRE, dir, pieces);

	wd_expect_int(0, key.family);
	wd_expect_int(dir == OUT ? 2 : 1, key.node);
}

static void
a_tunnel_that_cannot_be_looked_into_does_not_pass_between_nodes(void)
{
	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(opaque_ports); i++) {
			expect_opaque(dir,
				      LIST(ETH, IP(HERE, NODE2),
					   UDP(0, opaque_ports[i]), DATA(60)));
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(ETH, IP(HERE, OUTSIDE),
					  UDP(0, opaque_ports[i]), DATA(60)));
			wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
				     LIST(ETH, IP(LOCAL2, PLAIN),
					  UDP(0, opaque_ports[i]), DATA(60)));
		}
		for (size_t i = 0; i < COUNT(opaque_protos); i++) {
			int proto = opaque_protos[i];

			if (proto == 51 && build_outer == 6)
				continue;
			expect_opaque(dir,
				      LIST(ETH, IP(HERE, NODE2, .next = proto),
					   DATA(60)));
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(ETH,
					  IP(OUTSIDE, NODE2, .next = proto),
					  DATA(60)));
		}
	}
}

static void what_of_a_tunnel_is_not_known_cannot_be_looked_into(void)
{
	/* routing, PPTP, a version to come; another payload */
	static const struct tunnel unknown[] = {
		{ "gre with routes",
		  { GRE(.flags = 0x4000, .next = 0x0800) },
		  false },
		{ "gre of pptp", { GRE(.flags = 1, .next = 0x0800) }, false },
		{ "gre to come", { GRE(.flags = 4, .next = 0x0800) }, false },
		{ "gre with labels", { GRE(.next = 0x8847) }, false },
		{ "gre with a mirror", { GRE(.next = 0x88be) }, false },
		{ "geneve to come",
		  { TO_PORT(6081), GENEVE(.flags = 1, .next = TEB) },
		  false },
		{ "geneve with labels",
		  { TO_PORT(6081), GENEVE(.next = 0x8847) },
		  false },
		{ "gpe with nsh",
		  { TO_PORT(4790), VXLAN(.flags = 4, .next = 4) },
		  false },
		{ "gpe with nothing",
		  { TO_PORT(4790), VXLAN(.flags = 4) },
		  false },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(unknown); i++) {
			wd_test_row(unknown[i].name);
			begin();
			add_tunnel(&unknown[i], build_outer, HERE, NODE2);
			add((struct piece)DATA(60));
			expect_opaque(dir, list);
			list[1].dst = OUTSIDE;
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir, list);
		}
	}
}

/* Is it one that may not be so by chance? */
static bool is_told(const struct piece *p)
{
	return p->kind == P_VXLAN ? p->flags == 8 && !p->id : p->kind != P_END;
}

/* A device so new that nobody has told of its port, or another machine's. */
static void a_tunnel_on_any_port_shows_pods_that_must(void)
{
	static const struct tunnel any[] = {
		{ "vxlan", { TO_PORT(7777), VXLAN(.flags = 8) }, true },
		{ "vxlan with a group",
		  { TO_PORT(7777),
		    VXLAN(.flags = 0x88, .id = 0x4812, .next = 7) },
		  true },
		{ "vxlan with a checksum for others",
		  { TO_PORT(7777),
		    VXLAN(.flags = 8, .id = 0x2000, .bytes = 0x85) },
		  true },
		{ "gpe",
		  { TO_PORT(7777), VXLAN(.flags = 0xc, .next = 3) },
		  true },
		{ "geneve", { TO_PORT(7777), GENEVE() }, true },
		{ "geneve with options",
		  { TO_PORT(53), GENEVE(.bytes = 252) },
		  false },
		{ "geneve at the port of esp",
		  { TO_PORT(4500), GENEVE() },
		  true },
		{ "ip", { TO_PORT(7777) }, false },
	};

	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(any); i++) {
			const struct tunnel *t = &any[i];
			bool told = is_told(&t->piece[1]);

			wd_test_row(t->name);
			if (wires_is_min() && !told) {
				expect_tunnel(WD_R_IN_CLEAR, WD_COVER_NODES,
					      dir, t, LOCAL, SECRET);
				continue;
			}
			expect_tunnel(unless_min(plaintext(dir)),
				      WD_COVER_DROPPED, dir, t, LOCAL, SECRET);
			expect_tunnel(unless_min(plaintext(dir)),
				      WD_COVER_DROPPED, dir, t, NEW, LOCAL2);
			expect_tunnel(unless_min(WD_R_IN_CLEAR),
				      wires_is_min() ? WD_COVER_DROPPED :
						       WD_COVER_NODES,
				      dir, t, LOCAL2, PLAIN);
			expect_tunnel(unless_min(WD_R_IN_CLEAR),
				      wires_is_min() ? WD_COVER_DROPPED :
						       WD_COVER_NODES,
				      dir, t, LOCAL, OUTSIDE);
			expect_tunnel(unless_min(WD_R_IN_CLEAR),
				      wires_is_min() ? WD_COVER_DROPPED :
						       WD_COVER_NODES,
				      dir, t, LOCAL, FREE);
		}
	}
}

static void bytes_that_no_vxlan_has_are_none(void)
{
	static const struct tunnel none[] = {
		{ "the last one", { TO_PORT(7777), VXLAN(.bytes = 7) }, true },
		{ "the last one, with a group",
		  { TO_PORT(7777),
		    VXLAN(.flags = 0x88, .id = 0x4812, .bytes = 7) },
		  true },
		{ "no number", { TO_PORT(7777), VXLAN(.flags = 0x80) }, true },
	};

	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(none); i++) {
			wd_test_row(none[i].name);
			expect_tunnel(WD_R_IN_CLEAR, WD_COVER_NODES, dir,
				      &none[i], LOCAL, SECRET);
		}
	}
}

static void an_opaque_port_outside_hides_no_other_tunnel(void)
{
	for_each_nest(dir)
	{
		for (size_t i = 0; i < COUNT(opaque_ports); i++) {
			int port = opaque_ports[i];

			wires_expect(
				wires_is_min() ? WD_R_OUTSIDE : plaintext(dir),
				wires_is_min() ? NO_COVER : WD_COVER_DROPPED,
				WIRE, dir,
				LIST(ETH, IP(HERE, OUTSIDE), UDP(0, port),
				     VXLAN(), ETH, IN_IP(LOCAL, SECRET),
				     TCP(0, 0), DATA(20)));
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(ETH, IP(HERE, OUTSIDE), UDP(0, port),
					  VXLAN(), ETH, IN_IP(LOCAL2, PLAIN),
					  TCP(0, 0), DATA(20)));
		}
	}
}

/* Any pod may write such a thing to somebody outside, with any addresses. */
static void what_may_be_a_tunnel_is_counted_in_nobodys_name(void)
{
	for_each_nest(dir)
	{
		struct wd_cover_key key = wires_expect(
			plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			LIST(ETH, IP(HERE, OUTSIDE), UDP(0, 7777), VXLAN(), ETH,
			     IN_IP(LOCAL, SECRET), TCP(0, 0), DATA(20)));

		wd_expect_int(WD_NS_NONE, key.ns[0]);
		wd_expect_int(WD_NS_NONE, key.ns[1]);
		wd_expect_int(0, key.node);
		key = wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
				   LIST(ETH, IP(HERE, NODE2), UDP(0, 4789),
					VXLAN(), ETH, IN_IP(LOCAL, SECRET),
					TCP(0, 0), DATA(20)));
		wd_expect_int(host_entry(LOCAL)->ns, key.ns[0]);
		wd_expect_int(host_entry(SECRET)->ns, key.ns[1]);
	}
}

/* But for its head it is none, or nothing is in it: what its ends say counts. */
static void what_only_looks_like_a_tunnel_is_what_nodes_say(void)
{
	static const uint8_t heads[][4] = {
		{ 8, 0, 0, 0 },	   { 0, 0, 0x65, 0x58 }, { 0x45, 0, 0, 40 },
		{ 0x60, 0, 0, 0 }, { 0x12, 0x34, 1, 0 },
	};

	if (wires_is_min())
		return;
	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(heads); i++) {
			struct piece data = DATA(60);

			memcpy(data.head, heads[i], 4);
			wires_expect(WD_R_IN_CLEAR, WD_COVER_NODES, WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2), UDP(0, 7777),
					  data));
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(ETH, IP(HERE, OUTSIDE), UDP(0, 7777),
					  data));
		}
	}
}

static void a_frame_of_labels_does_not_pass(void)
{
	static const int types[] = {
		0x8847, 0x8848, 0x894f, 0x892f, 0x4305, TEB
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(types); i++) {
			wires_expect(WD_R_TUN_OPAQUE, NO_COVER, WIRE, dir,
				     LIST(PIECE(P_ETH, .next = types[i]),
					  DATA(60)));
			wires_expect(WD_R_TUN_OPAQUE, NO_COVER, WIRE, dir,
				     LIST(ETH, PIECE(P_VLAN, .next = types[i]),
					  DATA(60)));
			wires_expect(
				WD_R_TUN_OPAQUE,
				wires_is_min() ? WD_COVER_DROPPED : NO_COVER,
				WIRE, dir,
				LIST(ETH, IP(HERE, NODE2), UDP(0, 4789),
				     VXLAN(), PIECE(P_ETH, .next = types[i]),
				     DATA(60)));
			wires_expect(unless_min(WD_R_OUTSIDE),
				     unless_min_cover(NO_COVER), WIRE, dir,
				     LIST(ETH, IP(HERE, OUTSIDE), UDP(0, 4789),
					  VXLAN(),
					  PIECE(P_ETH, .next = types[i]),
					  DATA(60)));
		}
	}
}

static void frames_without_packets_pass(void)
{
	static const int types[] = { 0x0806, 0x88cc, 0x8863, 0x888e,
				     0x88e5, 0x8809, 0x0100 };

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(types); i++) {
			wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
				     LIST(PIECE(P_ETH, .next = types[i]),
					  DATA(60)));
			wires_expect(unless_min(WD_R_OUTSIDE),
				     unless_min_cover(NO_COVER), WIRE, dir,
				     LIST(ETH, IP(HERE, NODE2), UDP(0, 4789),
					  VXLAN(),
					  PIECE(P_ETH, .next = types[i]),
					  DATA(60)));
		}
	}
}

/* ---- what cannot be read ---- */

static void what_cannot_be_read_between_nodes_is_dropped(void)
{
	static const struct {
		const char *name;
		struct piece piece[3];
		int reason;
	} torn[] = {
		{ "no udp header", { DATA(7, .head = { 1, 1, 1, 1 }) }, 45 },
		{ "half a vxlan header", { TO_PORT(4789), DATA(7) }, 45 },
		{ "half a geneve header", { TO_PORT(6081), DATA(7) }, 45 },
		{ "half a gre header in udp", { TO_PORT(4754), DATA(3) }, 45 },
		{ "half a frame", { TO_PORT(4789), VXLAN(), DATA(13) }, 41 },
		{ "half a tag",
		  { TO_PORT(4789), VXLAN(), PIECE(P_ETH, .next = 0x8100) },
		  41 },
		{ "half a session",
		  { TO_PORT(4789), VXLAN(), PIECE(P_ETH, .next = 0x8864) },
		  41 },
		{ "half an ip header",
		  { TO_PORT(4789), VXLAN(), PIECE(P_ETH, .next = 0x0800) },
		  42 },
		{ "half an ipv6 header",
		  { TO_PORT(4789), VXLAN(), PIECE(P_ETH, .next = 0x86dd) },
		  42 },
	};

	for_each_way(dir)
	{
		for (size_t i = 0; i < COUNT(torn); i++) {
			bool inside = torn[i].reason != WD_R_L4_BAD;
			struct piece ip = IP(HERE, NODE2, .next = 17);

			wd_test_row(torn[i].name);
			begin();
			add(ip);
			for (int k = 0; k < 3 && torn[i].piece[k].kind; k++)
				add(torn[i].piece[k]);
			wires_expect(inside ? unless_min(torn[i].reason) :
					      torn[i].reason,
				     inside ? unless_min_cover(NO_COVER) :
					      NO_COVER,
				     WIRE, dir, list);
			list[1].dst = OUTSIDE;
			wires_expect(inside ? unless_min(WD_R_OUTSIDE) :
					      WD_R_OUTSIDE,
				     inside ? unless_min_cover(NO_COVER) :
					      NO_COVER,
				     WIRE, dir, list);
		}
	}
}

static void an_ip_header_that_does_not_add_up_is_dropped(void)
{
	for_each_way(dir)
	{
		bool is_v4 = build_outer == 4;

		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2, .version = 5),
				  TCP(0, 0)));
		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, OUTSIDE, .len = 2000),
				  TCP(0, 0)));
		/* The kernel makes no packet of it without the tag. */
		wires_expect(
			WD_R_L3_BAD, NO_COVER, WIRE, dir,
			LIST(ETH,
			     PIECE(P_VLAN, .next = is_v4 ? 0x0800 : 0x86dd),
			     DATA(is_v4 ? 19 : 39,
				  .head = { is_v4 ? 0x45 : 0x60 })));
		if (!is_v4)
			continue;
		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2, .len = 19), TCP(0, 0)));
		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2, .len = -1), TCP(0, 0)));
		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(ETH,
				  IP(HERE, NODE2, .options = 40, .len = 59),
				  TCP(0, 0)));
		wires_expect(WD_R_L3_BAD, NO_COVER, WIRE, dir,
			     LIST(PIECE(P_ETH, .next = 0x0800),
				  DATA(40, .head = { 0x44, 0, 0, 40 })));
	}
}

/* What is inside may not run past what is around it. */
static void a_packet_longer_than_what_is_around_it_is_dropped(void)
{
	for_each_nest(dir)
	{
		wires_expect(unless_min(WD_R_L3_BAD),
			     unless_min_cover(NO_COVER), WIRE, dir,
			     LIST(ETH, IP(HERE, NODE2), GRE(),
				  IN_IP(LOCAL2, PLAIN, .len = 300), TCP(0, 0)));
		/* what trails the outer one is not read */
		wires_expect(
			unless_min(WD_R_L3_BAD), unless_min_cover(NO_COVER),
			WIRE, dir,
			LIST(ETH,
			     IP(HERE, NODE2, .len = build_outer == 4 ? 24 : 4),
			     GRE(), IN_IP(LOCAL2, PLAIN), TCP(0, 0)));
	}
}

/* ---- link ---- */

static void tags_and_sessions_are_stepped_over(void)
{
	static const struct piece tag = PIECE(P_VLAN);
	static const struct piece outer_tag = PIECE(P_VLAN, .type = 0x88a8);
	static const struct piece session = PIECE(P_PPPOE);
	static const struct piece brief = PIECE(P_PPPOE, .flags = 1);

	for_each_way(dir)
	{
		const struct piece *links[][3] = {
			{ &tag },
			{ &outer_tag, &tag },
			{ &tag, &tag },
			{ &session },
			{ &tag, &session },
			{ &brief },
			{ &outer_tag, &tag, &session },
		};

		for (size_t i = 0; i < COUNT(links); i++) {
			begin();
			for (int k = 0; k < 3 && links[i][k]; k++)
				add(*links[i][k]);
			end(LOCAL, SECRET);
			wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE,
				     dir, list);
			list[list_cnt - 3].src = LOCAL2;
			list[list_cnt - 3].dst = PLAIN;
			wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
				     list);
		}
		wires_expect(WD_R_VLAN, NO_COVER, WIRE, dir,
			     LIST(ETH, tag, tag, tag, IP(LOCAL2, PLAIN),
				  TCP(0, 0)));
	}
}

static void a_session_carries_ip_or_what_holds_it_up(void)
{
	for_each_way(dir)
	{
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, PIECE(P_PPPOE, .next = 0xc021),
				  DATA(40)));
		wires_expect(WD_R_OUTSIDE, NO_COVER, WIRE, dir,
			     LIST(ETH, PIECE(P_PPPOE, .next = 0x8000),
				  DATA(40)));
		wires_expect(WD_R_TUN_OPAQUE, NO_COVER, WIRE, dir,
			     LIST(ETH,
				  PIECE(P_PPPOE, .next = 0x00fd, .flags = 1),
				  DATA(40)));
		wires_expect(WD_R_TUN_OPAQUE, NO_COVER, WIRE, dir,
			     LIST(ETH, PIECE(P_PPPOE, .next = 0x7ffe),
				  DATA(40)));
	}
}

static void a_device_that_nobody_knows_lets_nothing_through(void)
{
	for_each_way(dir)
	{
		wires_forget();
		wires_expect(WD_R_NO_ENDPOINT, NO_COVER, WIRE, dir,
			     LIST(ETH, IP(LOCAL2, PLAIN), TCP(0, 0)));
		wires_reset();
		wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
			     LIST(ETH, IP(LOCAL2, PLAIN), TCP(0, 0)));
	}
}

int main(void)
{
	wires_open();
	WD_TEST(what_a_tunnel_holds_is_judged);
	WD_TEST(gpe_says_which_family_comes_next);
	WD_TEST(an_exempt_node_is_no_excuse_for_what_its_tunnel_holds);
	WIRES_TEST(tunnels_in_tunnels_are_looked_into);
	WIRES_TEST(a_tunnel_with_somebody_outside_names_nobody);
	WIRES_TEST(four_headers_are_looked_at_and_no_more);
	WD_TEST(a_port_that_one_sends_from_makes_no_tunnel);
	WD_TEST(only_udp_has_tunnels_by_port);
	WD_TEST(pods_are_judged_by_their_addresses_alone);
	WD_TEST(a_tunnel_that_cannot_be_looked_into_does_not_pass_between_nodes);
	WD_TEST(what_of_a_tunnel_is_not_known_cannot_be_looked_into);
	WD_TEST(a_tunnel_on_any_port_shows_pods_that_must);
	WD_TEST(bytes_that_no_vxlan_has_are_none);
	WD_TEST(an_opaque_port_outside_hides_no_other_tunnel);
	WIRES_TEST(what_may_be_a_tunnel_is_counted_in_nobodys_name);
	WD_TEST(what_only_looks_like_a_tunnel_is_what_nodes_say);
	WD_TEST(a_frame_of_labels_does_not_pass);
	WD_TEST(frames_without_packets_pass);
	WD_TEST(what_cannot_be_read_between_nodes_is_dropped);
	WD_TEST(an_ip_header_that_does_not_add_up_is_dropped);
	WD_TEST(a_packet_longer_than_what_is_around_it_is_dropped);
	WD_TEST(tags_and_sessions_are_stepped_over);
	WD_TEST(a_session_carries_ip_or_what_holds_it_up);
	WD_TEST(a_device_that_nobody_knows_lets_nothing_through);
	wires_close();
	return wd_tests_end();
}
