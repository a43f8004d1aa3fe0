/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_gate.c - the ruleset of gate.h. A packet that leaves by a device that is
 * not judged:
 *
 *   to                   from                     verdict
 *   a pod of this node   anybody                  passes
 *   a node               a node, WireGuard or ESP passes
 *   a node               a node, anything else    drop, where nodes must encrypt
 *   a node               inside                   drop
 *   a node               anybody, a tunnel        drop
 *   inside               anybody                  drop
 *   anywhere else        anybody                  passes
 */
#include <stdlib.h>
#include <string.h>
#include <warder/encap.h>

#include "base/byteorder.h"
#include "model/xalloc.h"
#include "nft/gate.h"
#include "nft/gen_int.h"

#define PROTO_ESP 50
#define PORT_ESP 4500 /* RFC 3948 */
/*
 * How WireGuard's messages begin: type, three bytes of 0. A pod's packet that was
 * masqueraded may come from its port, too; what begins so is no tunnel's.
 */
#define SEALED "@th,64,32 { 0x1000000, 0x2000000, 0x3000000, 0x4000000 }"
#define LOOPBACK 1 /* its index, in every namespace */

/* ---- sets ---- */

struct range {
	uint8_t lo[16], hi[16];
};

static void range_of(const struct wd_cidr *cidr, struct range *ret)
{
	uint32_t bits = cidr->addr.family == 4 ? 32 : 128;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->lo, &cidr->addr.v6, bits / 8);
	memcpy(ret->hi, &cidr->addr.v6, bits / 8);
	for (uint32_t i = cidr->len; i < bits; i++) {
		ret->lo[i / 8] &= (uint8_t)~(0x80 >> i % 8);
		ret->hi[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
}

static int cmp_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return memcmp(x->lo, y->lo, sizeof(x->lo));
}

/* Does @next begin in @range, or right behind it? It begins no earlier. */
static bool joins(const struct range *range, const struct range *next,
		  size_t len)
{
	uint8_t behind[16];
	size_t i = len;

	memcpy(behind, range->hi, sizeof(behind));
	while (i && !++behind[i - 1])
		i--;
	return !i || memcmp(next->lo, behind, len) <= 0;
}

/* Of a thousand nodes' prefixes, often one behind the other, few are left. */
static void put_ranges(struct wd_nft_gen *g, int version, const char *name,
		       const struct wd_cidr *cidr, size_t cnt)
{
	size_t set = wd_nft_set(g->rs, g->family,
				version == 4 ? WD_NFT_RANGE4 : WD_NFT_RANGE6,
				name);
	struct range *range = wd_xcalloc(cnt + 1, sizeof(*range)), *last;
	size_t all = 0, len = version == 4 ? 4 : 16;
	uint8_t elem[32];

	for (size_t i = 0; i < cnt; i++)
		if (cidr[i].addr.family == version)
			range_of(&cidr[i], &range[all++]);
	qsort(range, all, sizeof(*range), cmp_ranges);
	last = range;
	for (size_t i = 1; i <= all; i++) {
		if (i < all && joins(last, &range[i], len)) {
			if (memcmp(range[i].hi, last->hi, len) > 0)
				memcpy(last->hi, range[i].hi, len);
			continue;
		}
		memcpy(elem, last->lo, len);
		memcpy(elem + len, last->hi, len);
		wd_nft_elem(g->rs, set, elem);
		last = &range[i];
	}
	free(range);
}

static void put_nodes(struct wd_nft_gen *g, int version, const char *name,
		      const struct wd_gate_want *want)
{
	size_t set = wd_nft_set(g->rs, g->family,
				version == 4 ? WD_NFT_ADDR4 : WD_NFT_ADDR6,
				name);

	for (size_t i = 0; i < want->node_cnt; i++)
		if (want->node[i].family == version)
			wd_nft_elem(g->rs, set, &want->node[i].v6);
}

static void put_judged(struct wd_nft_gen *g, const struct wd_gate_want *want)
{
	size_t set = wd_nft_set(g->rs, g->family, WD_NFT_DEV, "judged");

	wd_nft_dev_elem(g, set, LOOPBACK);
	for (size_t i = 0; i < want->judged_cnt; i++)
		wd_nft_dev_elem(g, set, want->judged[i]);
}

static void put_sets(struct wd_nft_gen *g, const struct wd_gate_want *want)
{
	put_judged(g, want);
	put_ranges(g, 4, "inside4", want->inside, want->inside_cnt);
	put_ranges(g, 6, "inside6", want->inside, want->inside_cnt);
	put_nodes(g, 4, "nodes4", want);
	put_nodes(g, 6, "nodes6", want);
}

/* ---- chains ---- */

static const char *count(struct wd_nft_gen *g)
{
	return wd_nft_count(g, WD_R_PLAINTEXT_OUT, WD_EGRESS);
}

#define LIST_(nr, name) nr,

static void list(struct wd_nft_gen *g, const char *what,
		 const unsigned int *number, size_t cnt)
{
	const char *before = "{ ";

	fprintf(g->out, "%s ", what);
	for (size_t i = 0; i < cnt; i++) {
		if (number[i] == PROTO_ESP || number[i] == PORT_ESP ||
		    number[i] >= WD_ENCAP_EPHEMERAL)
			continue;
		fprintf(g->out, "%s%u", before, number[i]);
		before = ", ";
	}
	wd_nft_rule(g, " } %s drop", count(g));
}

/*
 * What nodes may not be sealed in: not ESP, alone or in UDP, nor WireGuard. From
 * whatever address: that of a new device is no node's, and tunnels send from it.
 */
static void tunnels(struct wd_nft_gen *g, const struct wd_gate_want *want)
{
	static const unsigned int protos[] = { WD_ENCAP_PROTOS(LIST_) };
	static const unsigned int ports[] = { WD_ENCAP_PORTS(LIST_) };

	wd_nft_begin(g, "tunnels");
	list(g, "meta l4proto", protos, sizeof(protos) / sizeof(*protos));
	list(g, "udp dport", ports, sizeof(ports) / sizeof(*ports));
	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		const struct wd_tunnel_port *own = &want->encap.own[i];

		if (own->port && own->kind != WD_TUNNEL_WIREGUARD)
			wd_nft_rule(g, "udp dport %u %s drop",
				    wd_host16(own->port), count(g));
	}
	wd_nft_end(g, NULL);
}

static void to_node(struct wd_nft_gen *g, int version,
		    const struct wd_gate_want *want)
{
	const char *ip = version == 4 ? "ip" : "ip6";

	wd_nft_begin(g, "node%d", version);
	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		const struct wd_tunnel_port *own = &want->encap.own[i];

		if (own->port && own->kind == WD_TUNNEL_WIREGUARD)
			wd_nft_rule(g,
				    "%s saddr @nodes%d udp sport %u " SEALED
				    " return",
				    ip, version, wd_host16(own->port));
	}
	wd_nft_rule(g, "%s saddr @nodes%d meta l4proto %d return", ip, version,
		    PROTO_ESP);
	if (want->encrypt_nodes)
		wd_nft_rule(g, "%s saddr @nodes%d %s drop", ip, version,
			    count(g));
	wd_nft_rule(g, "%s saddr @inside%d %s drop", ip, version, count(g));
	wd_nft_rule(g, "goto tunnels");
	wd_nft_end(g, NULL);
}

/* Few, and on the way of all that comes to pods: a rule is faster than a set. */
static void let_own_pass(struct wd_nft_gen *g, const struct wd_gate_want *want)
{
	char text[WD_ADDR_STRLEN];

	for (size_t i = 0; i < want->own_cnt; i++)
		wd_nft_rule(g, "%s daddr %s return",
			    want->own[i].addr.family == 4 ? "ip" : "ip6",
			    wd_cidr_str(&want->own[i], text));
}

static void gate(struct wd_nft_gen *g, const struct wd_gate_want *want)
{
	wd_nft_begin(g, "gate");
	wd_nft_rule(g, "oif @judged return");
	let_own_pass(g, want);
	wd_nft_rule(g, "ip daddr @nodes4 goto node4");
	wd_nft_rule(g, "ip6 daddr @nodes6 goto node6");
	wd_nft_rule(g, "ip daddr @inside4 %s drop", count(g));
	wd_nft_rule(g, "ip6 daddr @inside6 %s drop", count(g));
	wd_nft_end(g, g->family == WD_NFT_INET ?
			      "type filter hook postrouting priority 252; "
			      "policy accept; comment \"leaving by a device "
			      "that nothing judges\";" :
			      "type filter hook forward priority -16; policy "
			      "accept; comment \"the same of a bridge\";");
}

void wd_nft_generate_gate(const struct wd_gate_want *want, bool bridge,
			  struct wd_nft_ruleset *ret_rs)
{
	static const enum wd_nft_family families[] = { WD_NFT_INET,
						       WD_NFT_BRIDGE };
	struct wd_nft_gen g = { .rs = ret_rs };

	memset(ret_rs, 0, sizeof(*ret_rs));
	ret_rs->name = WD_NFT_TABLE_GATE;
	for (int i = 0; i < (bridge ? 2 : 1); i++) {
		g.family = families[i];
		put_sets(&g, want);
		tunnels(&g, want);
		to_node(&g, 4, want);
		to_node(&g, 6, want);
		gate(&g, want);
	}
	wd_nft_seal(ret_rs);
}
