/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_quote.c - what ICMP errors quote: a packet that must be encrypted may be
 * told of in clear, whoever tells.
 *
 * A ruleset sees the bytes of a quoted header at fixed places, so the ends of
 * the quoted packet are looked up like those of any other. It does not see
 * what is inside of that.
 *
 *   quoted                                    verdict
 *   two nodes: TCP, SCTP, ESP, echo, and UDP  passes
 *   to a port that unpacks nothing
 *   two nodes: anything else                  drop
 *   an exempt node, and anybody               passes
 *   node, pod or inside, and another of these drop
 *   a pod that must, and anybody              drop, where no prefix of the cluster is known
 *   anything else, by a node to a node        drop, where no prefix of the cluster is known
 *   anything else                             passes
 *
 * Errors between two pods, or a pod and a node, are judged as what these say
 * themselves, see gen_wire.c; and none leaves for a pod that must be encrypted.
 */
#include "base/byteorder.h"
#include "nft/gen_int.h"

/* Where it is in the error: nftables counts bits from where ICMP begins. */
struct place {
	const char *ip, *types;
	const char *src, *dst;
	const char
		*plain; /* no options or extension headers, no later fragment */
	const char *proto;
	const char *icmp, *dport;
	const char *whole, *echo; /* protocols; types of ICMP */
};

static const struct place places[2] = {
	{
		.ip = "ip",
		.types = "icmp type { 3, 4, 5, 11, 12 }",
		.src = "@th,160,32",
		.dst = "@th,192,32",
		.plain = "@th,64,8 0x45 @th,115,13 0",
		.proto = "@th,136,8",
		.icmp = "1 @th,224,8",
		.dport = "17 @th,240,16",
		.whole = "{ 6, 50, 132 }",
		.echo = "{ 0, 8 }",
	},
	{
		.ip = "ip6",
		.types = "icmpv6 type { 1, 2, 3, 4 }",
		.src = "@th,128,128",
		.dst = "@th,256,128",
		.plain = "@th,64,4 6",
		.proto = "@th,112,8",
		.icmp = "58 @th,384,8",
		.dport = "17 @th,400,16",
		.whole = "{ 6, 50, 132 }",
		.echo = "{ 128, 129 }",
	},
};

static const struct place *place_of(int version)
{
	return &places[version == 6];
}

static const char *bad_of(struct wd_nft_gen *g, enum wd_dir dir)
{
	return wd_nft_count(
		g, dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN,
		dir);
}

/* Two nodes are quoted. */
static void nodes(struct wd_nft_gen *g, int version, enum wd_dir dir)
{
	const struct place *p = place_of(version);
	const char *bad = bad_of(g, dir);
	char buf[WD_NFT_LIST];

	wd_nft_begin(g, "said%d_%s", version, wd_nft_way(dir));
	wd_nft_rule(g, "%s %s %s return", p->plain, p->proto, p->whole);
	wd_nft_rule(g, "%s %s %s %s return", p->plain, p->proto, p->icmp,
		    p->echo);
	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (g->encap.own[i].kind == WD_TUNNEL_WIREGUARD)
			wd_nft_rule(g, "%s %s %s %u return", p->plain, p->proto,
				    p->dport, wd_host16(g->encap.own[i].port));
	/* else any port may unpack, those too from which a socket may ask */
	if (!wd_encap_is_any(&g->encap))
		wd_nft_rule(g, "%s %s %s != { %s } return", p->plain, p->proto,
			    p->dport, wd_nft_ports(g, false, buf, sizeof(buf)));
	wd_nft_rule(g, "%s drop", bad);
	wd_nft_end(g, NULL);
}

/* What may be an end in the cluster: nodes, pods outside of its prefixes, those. */
static void two_inside(struct wd_nft_gen *g, int version, const char *bad,
		       const char *nets)
{
	const struct place *p = place_of(version);
	static const char *const sets[] = { "quoted", "stray" };

	for (int a = 0; a < 2; a++)
		for (int b = 0; b < 2; b++)
			if (a || b)
				wd_nft_rule(g, "%s @%s%d %s @%s%d %s drop",
					    p->src, sets[a], version, p->dst,
					    sets[b], version, bad);
	if (!*nets)
		return;
	wd_nft_rule(g, "%s { %s } %s { %s } %s drop", p->src, nets, p->dst,
		    nets, bad);
	for (int a = 0; a < 2; a++) {
		wd_nft_rule(g, "%s @%s%d %s { %s } %s drop", p->src, sets[a],
			    version, p->dst, nets, bad);
		wd_nft_rule(g, "%s { %s } %s @%s%d %s drop", p->src, nets,
			    p->dst, sets[a], version, bad);
	}
}

/* Whoever is not known may be inside of the cluster. */
static void no_prefix(struct wd_nft_gen *g, int version, const char *bad)
{
	const struct place *p = place_of(version);

	wd_nft_rule(g, "%s @owed%d %s drop", p->src, version, bad);
	wd_nft_rule(g, "%s @owed%d %s drop", p->dst, version, bad);
	wd_nft_rule(g, "%s saddr @nodes%d %s daddr @nodes%d %s drop", p->ip,
		    version, p->ip, version, bad);
}

void wd_nft_quote(struct wd_nft_gen *g, int version, enum wd_dir dir,
		  const char *nets)
{
	const struct place *p = place_of(version);
	const char *way = wd_nft_way(dir);
	const char *bad = bad_of(g, dir);

	nodes(g, version, dir);
	wd_nft_begin(g, "quote%d_%s", version, way);
	wd_nft_rule(g, "%s @quoted%d %s @quoted%d goto said%d_%s", p->src,
		    version, p->dst, version, version, way);
	wd_nft_rule(g, "%s @spared%d return", p->src, version);
	wd_nft_rule(g, "%s @spared%d return", p->dst, version);
	two_inside(g, version, bad, nets);
	if (g->no_net[version == 6])
		no_prefix(g, version, bad);
	wd_nft_end(g, NULL);
}

void wd_nft_quote_look(struct wd_nft_gen *g, int version, enum wd_dir dir)
{
	wd_nft_rule(g, "%s jump quote%d_%s", place_of(version)->types, version,
		    wd_nft_way(dir));
}

void wd_nft_quote_nodes(struct wd_nft_gen *g, int version, enum wd_dir dir)
{
	const struct place *p = place_of(version);

	wd_nft_rule(g, "%s saddr @nodes%d %s daddr @nodes%d %s jump quote%d_%s",
		    p->ip, version, p->ip, version, p->types, version,
		    wd_nft_way(dir));
}

void wd_nft_quote_exempt(struct wd_nft_gen *g, int version, enum wd_dir dir)
{
	static const char *const ends[] = { "saddr", "daddr" };
	const struct place *p = place_of(version);

	for (int i = 0; i < 2; i++)
		wd_nft_rule(g, "%s %s @exempt%d %s jump quote%d_%s", p->ip,
			    ends[i], version, p->types, version,
			    wd_nft_way(dir));
}

void wd_nft_quote_none(struct wd_nft_gen *g, int version,
		       const struct wd_nft_nets *nets)
{
	const struct place *p = place_of(version);
	const char *bad = bad_of(g, WD_EGRESS);

	wd_nft_rule(g, "%s daddr @must%d %s %s drop", p->ip, version, p->types,
		    bad);
	if (*nets->addr)
		wd_nft_rule(g, "%s daddr { %s } %s %s drop", p->ip, nets->addr,
			    p->types, bad);
}
