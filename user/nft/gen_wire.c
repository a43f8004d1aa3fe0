/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_wire.c - what must be encrypted and would leave or come in clear.
 *
 * A ruleset sees what is routed, by the device that it is routed to or came by,
 * and what a bridge hands on between pods and others. So a packet that goes
 * into VXLAN, Geneve or another tunnel is judged there, as if that were the
 * wire: stricter than the programs, which look whether WireGuard comes after
 * it. Only a device of kind wireguard is known to encrypt.
 *
 *   one end              other end                    verdict
 *   exempt node          anybody                      passes; an ICMP error as below
 *   pod that must        anybody of the cluster       drop; anybody, where no prefix of
 *                                                     the cluster is known
 *   pod, node            pod, node                    passes; two nodes: as they must
 *   anybody of these     inside, but nobody knows it  drop, where some pods must
 *   anybody              pod that must, an ICMP       drop, where it leaves
 *                        error
 *   none of them pods    an ICMP error                drop, unless it quotes no two of
 *                                                     the cluster, or two nodes and no
 *                                                     tunnel
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "model/xalloc.h"
#include "nft/gen_int.h"

/* Prefixes inside the cluster, outer ones only: apart, the lowest first. */
struct range {
	uint8_t lo[16], hi[16];
};

struct ranges {
	struct range *range;
	size_t cnt, cap;
};

/* What the addresses of the cluster are, as sets. */
struct kinds {
	struct wd_nft_gen *g;
	const struct ranges *nets;
	int version;
	/* raw ones, for what is quoted: nodes, exempt ones, pods outside of nets */
	size_t quoted, spared, stray;
	size_t owed; /* raw too: as must; only where no prefix is known */
	size_t must, clear, node, exempt;
};

static int cmp_to_range(const void *addr, const void *elem)
{
	const struct range *r = elem;

	if (memcmp(addr, r->lo, sizeof(r->lo)) < 0)
		return -1;
	return memcmp(addr, r->hi, sizeof(r->hi)) > 0;
}

/* Of those that a ruleset finds by prefix only. */
static bool is_stray(const struct kinds *k, const void *addr)
{
	uint8_t key[16] = { 0 };

	memcpy(key, addr, k->version == 4 ? 4 : 16);
	return !k->nets->cnt || !bsearch(key, k->nets->range, k->nets->cnt,
					 sizeof(*k->nets->range), cmp_to_range);
}

static void sort_addr(void *ctx, const void *key, const struct wd_addr_val *val)
{
	const struct kinds *k = ctx;

	if (val->flags & WD_ADDR_EXEMPT) {
		wd_nft_elem(k->g->rs, k->exempt, key);
		wd_nft_elem(k->g->rs, k->spared, key);
	}
	if ((val->flags & WD_ADDR_POD) &&
	    !(val->flags & (WD_ADDR_HOST | WD_ADDR_NODE)) && is_stray(k, key))
		wd_nft_elem(k->g->rs, k->stray, key);
	if (val->flags & (WD_ADDR_HOST | WD_ADDR_NODE)) {
		wd_nft_elem(k->g->rs, k->node, key);
		wd_nft_elem(k->g->rs, k->quoted, key);
	} else if (val->flags & WD_ADDR_ENCRYPT) {
		wd_nft_elem(k->g->rs, k->must, key);
		if (k->g->no_net[k->version == 6])
			wd_nft_elem(k->g->rs, k->owed, key);
	} else if (val->flags & WD_ADDR_POD) {
		wd_nft_elem(k->g->rs, k->clear, key);
	}
}

static int make_sets(struct wd_nft_gen *g, int version,
		     const struct ranges *nets)
{
	enum wd_nft_kind kind = version == 4 ? WD_NFT_ADDR4 : WD_NFT_ADDR6;
	enum wd_nft_kind raw = version == 4 ? WD_NFT_QUOTE4 : WD_NFT_QUOTE6;
	static const char *const names[2][7] = {
		{ "must4", "clear4", "nodes4", "exempt4", "quoted4", "spared4",
		  "stray4" },
		{ "must6", "clear6", "nodes6", "exempt6", "quoted6", "spared6",
		  "stray6" },
	};
	const char *const *name = names[version == 6];
	struct kinds k = {
		.g = g,
		.nets = nets,
		.version = version,
		.must = wd_nft_set(g->rs, g->family, kind, name[0]),
		.clear = wd_nft_set(g->rs, g->family, kind, name[1]),
		.node = wd_nft_set(g->rs, g->family, kind, name[2]),
		.exempt = wd_nft_set(g->rs, g->family, kind, name[3]),
		.quoted = wd_nft_set(g->rs, g->family, raw, name[4]),
		.spared = wd_nft_set(g->rs, g->family, raw, name[5]),
		.stray = wd_nft_set(g->rs, g->family, raw, name[6]),
	};

	if (g->no_net[version == 6])
		k.owed = wd_nft_set(g->rs, g->family, raw,
				    version == 4 ? "owed4" : "owed6");
	return wd_nft_each_addr(g, version, sort_addr, &k);
}

/* ---- prefixes, as "a-b, c-d"; raw: as numbers ---- */

static int cmp_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int cmp = memcmp(x->lo, y->lo, sizeof(x->lo));

	return cmp ? cmp : -memcmp(x->hi, y->hi, sizeof(x->hi));
}

static void add_range(struct ranges *list, const struct wd_cidr6_key *key,
		      int version)
{
	uint32_t bits = version == 4 ? 32 : 128;
	struct range r;

	memset(&r, 0, sizeof(r));
	memcpy(r.lo, key->addr, bits / 8);
	memcpy(r.hi, key->addr, bits / 8);
	for (uint32_t i = key->prefixlen; i < bits; i++) {
		r.lo[i / 8] &= (uint8_t)~(0x80 >> i % 8);
		r.hi[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	list->range = wd_grow(list->range, list->cnt, &list->cap, sizeof(r));
	list->range[list->cnt++] = r;
}

/* Prefixes are apart or one inside the other. */
static void keep_outer(struct ranges *list)
{
	size_t cnt = 0;

	if (list->cnt)
		qsort(list->range, list->cnt, sizeof(*list->range), cmp_ranges);
	for (size_t i = 0; i < list->cnt; i++) {
		const struct range *r = &list->range[i];

		if (!cnt ||
		    memcmp(r->hi, list->range[cnt - 1].hi, sizeof(r->hi)) > 0)
			list->range[cnt++] = *r;
	}
	list->cnt = cnt;
}

/* Those of which an address that nobody knows must be encrypted. */
static int read_nets(const struct wd_nft_gen *g, int version,
		     struct ranges *list)
{
	enum wd_map map = version == 4 ? WD_MAP_wd_net4 : WD_MAP_wd_net6;
	const struct wd_tables *t = g->in->tables;
	struct wd_cidr6_key key = { 0 }, next = { 0 };
	struct wd_net_val val;
	bool any = false;
	int err;

	while (!(err = t->next(t->ctx, map, any ? &key : NULL, &next))) {
		any = true;
		key = next;
		err = t->get(t->ctx, map, &key, &val);
		if (err)
			return err;
		if (val.flags & WD_NET_ENCRYPT)
			add_range(list, &key, version);
	}
	keep_outer(list);
	return err == -ENOENT ? 0 : err;
}

static void print_end(FILE *to, const uint8_t *addr, int version, bool raw)
{
	char text[INET6_ADDRSTRLEN];

	if (!raw) {
		inet_ntop(version == 4 ? AF_INET : AF_INET6, addr, text,
			  sizeof(text));
		fputs(text, to);
		return;
	}
	fputs("0x", to);
	for (size_t i = 0; i < (version == 4 ? 4 : 16); i++)
		fprintf(to, "%02x", addr[i]);
}

static char *print_nets(const struct ranges *list, int version, bool raw)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	for (size_t i = 0; i < list->cnt; i++) {
		const struct range *r = &list->range[i];

		fputs(i ? ", " : "", to);
		print_end(to, r->lo, version, raw);
		if (memcmp(r->lo, r->hi, sizeof(r->lo)) != 0) {
			fputc('-', to);
			print_end(to, r->hi, version, raw);
		}
	}
	wd_xtext_close(to, &text);
	return text;
}

/* ---- chains ---- */

/* What an end has to be for a pair with one that must be encrypted. */
static void far_end(struct wd_nft_gen *g, int version, const char *end,
		    enum wd_dir dir, const struct wd_nft_nets *nets)
{
	const char *ip = version == 4 ? "ip" : "ip6";
	const char *bad = wd_nft_count(
		g, dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN,
		dir);
	static const char *const sets[] = { "must", "clear", "nodes" };

	wd_nft_begin(g, "far%d_%s_%s", version, end, wd_nft_way(dir));
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		wd_nft_rule(g, "%s %s @%s%d %s drop", ip, end, sets[i], version,
			    bad);
	if (*nets->addr)
		wd_nft_rule(g, "%s %s { %s } %s drop", ip, end, nets->addr,
			    bad);
	if (g->no_net[version == 6])
		wd_nft_rule(g, "%s drop comment \"who may be inside\"", bad);
	wd_nft_quote_look(g, version, dir);
	wd_nft_end(g, NULL);
}

/* Two nodes, where they must encrypt what they say themselves. */
static void two_nodes(struct wd_nft_gen *g, int version, enum wd_dir dir,
		      const char *bad)
{
	const char *ip = version == 4 ? "ip" : "ip6";

	if (!g->encrypt_nodes) {
		wd_nft_quote_nodes(g, version, dir);
		wd_nft_rule(g, "%s saddr @nodes%d %s daddr @nodes%d return", ip,
			    version, ip, version);
		return;
	}
	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (g->encap.own[i].kind == WD_TUNNEL_WIREGUARD)
			wd_nft_rule(
				g,
				"%s saddr @nodes%d %s daddr @nodes%d udp sport %u return",
				ip, version, ip, version,
				wd_host16(g->encap.own[i].port));
	wd_nft_rule(
		g, "%s saddr @nodes%d %s daddr @nodes%d meta l4proto 50 return",
		ip, version, ip, version);
	wd_nft_rule(g, "%s saddr @nodes%d %s daddr @nodes%d %s drop", ip,
		    version, ip, version, bad);
}

/* One of them is not known, or outside. */
static void strangers(struct wd_nft_gen *g, int version, enum wd_dir dir,
		      const char *nets)
{
	static const char *const known[] = { "clear", "nodes" };
	const char *ip = version == 4 ? "ip" : "ip6";
	const char *bad = wd_nft_count(
		g, dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN,
		dir);

	for (size_t i = 0; *nets && i < sizeof(known) / sizeof(*known); i++) {
		wd_nft_rule(g, "%s saddr @%s%d %s daddr { %s } %s drop", ip,
			    known[i], version, ip, nets, bad);
		wd_nft_rule(g, "%s daddr @%s%d %s saddr { %s } %s drop", ip,
			    known[i], version, ip, nets, bad);
	}
	if (*nets)
		wd_nft_rule(g, "%s saddr { %s } %s daddr { %s } %s drop", ip,
			    nets, ip, nets, bad);
	wd_nft_quote_look(g, version, dir);
}

static void pair(struct wd_nft_gen *g, int version, enum wd_dir dir,
		 const struct wd_nft_nets *nets)
{
	static const char *const clear[][2] = { { "clear", "clear" },
						{ "clear", "nodes" },
						{ "nodes", "clear" } };
	const char *ip = version == 4 ? "ip" : "ip6";
	const char *way = wd_nft_way(dir);
	const char *bad;

	far_end(g, version, "saddr", dir, nets);
	far_end(g, version, "daddr", dir, nets);
	wd_nft_begin(g, "clear%d_%s", version, way);
	bad = wd_nft_count(
		g, dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN,
		dir);
	wd_nft_quote_exempt(g, version, dir);
	wd_nft_rule(g, "%s saddr @exempt%d return", ip, version);
	wd_nft_rule(g, "%s daddr @exempt%d return", ip, version);
	if (dir == WD_EGRESS)
		wd_nft_quote_none(g, version, nets);
	wd_nft_rule(g, "%s saddr @must%d goto far%d_daddr_%s", ip, version,
		    version, way);
	wd_nft_rule(g, "%s daddr @must%d goto far%d_saddr_%s", ip, version,
		    version, way);
	two_nodes(g, version, dir, bad);
	for (size_t i = 0; i < sizeof(clear) / sizeof(*clear); i++)
		wd_nft_rule(g, "%s saddr @%s%d %s daddr @%s%d return", ip,
			    clear[i][0], version, ip, clear[i][1], version);
	strangers(g, version, dir, nets->addr);
	wd_nft_end(g, NULL);
}

static int version_chains(struct wd_nft_gen *g, int version)
{
	struct wd_nft_nets nets = { NULL, NULL };
	struct ranges list = { 0 };
	int err = read_nets(g, version, &list);

	if (!err)
		err = make_sets(g, version, &list);
	if (!err) {
		nets.addr = print_nets(&list, version, false);
		nets.raw = print_nets(&list, version, true);
		err = nets.addr && nets.raw ? 0 : -ENOMEM;
	}
	for (enum wd_dir dir = 0; !err && dir < WD_DIR__MAX; dir++) {
		wd_nft_quote(g, version, dir, nets.raw);
		pair(g, version, dir, &nets);
	}
	free(nets.addr);
	free(nets.raw);
	free(list.range);
	return err;
}

/* ---- hooks ---- */

static void by_version(struct wd_nft_gen *g, const char *way)
{
	wd_nft_rule(g, "%s goto clear4_%s", wd_nft_is(g, 4), way);
	wd_nft_rule(g, "%s goto clear6_%s", wd_nft_is(g, 6), way);
}

/* Behind what judges for pods; a drop there has ended the packet's way. */
static void routed_hooks(struct wd_nft_gen *g)
{
	wd_nft_begin(g, "wire_out");
	wd_nft_rule(g, "oif @pods return");
	wd_nft_rule(g, "oif . ip daddr @own4 return");
	wd_nft_rule(g, "oif . ip6 daddr @own6 return");
	wd_nft_rule(g, "oifname \"lo\" return");
	wd_nft_rule(g, "meta oifkind \"wireguard\" return");
	by_version(g, "out");
	wd_nft_end(g,
		   "type filter hook postrouting priority 251; policy accept; "
		   "comment \"leaving, not to pods\";");
	wd_nft_begin(g, "wire_in");
	wd_nft_rule(g, "iif @pods return");
	wd_nft_rule(g, "iif . ip saddr @own4 return");
	wd_nft_rule(g, "iif . ip6 saddr @own6 return");
	wd_nft_rule(g, "iifname \"lo\" return");
	wd_nft_rule(g, "meta iifkind \"wireguard\" return");
	by_version(g, "in");
	wd_nft_end(g,
		   "type filter hook prerouting priority -198; policy accept; "
		   "comment \"coming in, not from pods\";");
}

static void bridged_hooks(struct wd_nft_gen *g)
{
	wd_nft_begin(g, "wire_out");
	wd_nft_rule(g, "iif @pods oif @pods return");
	wd_nft_rule(g, "iif != @pods oif @pods return");
	by_version(g, "out");
	wd_nft_end(g, "type filter hook forward priority -18; policy accept; "
		      "comment \"leaving by a port that is no pod's\";");
	wd_nft_begin(g, "wire_in");
	wd_nft_rule(g, "iif @pods return");
	wd_nft_rule(g, "oif != @pods return");
	by_version(g, "in");
	wd_nft_end(g, "type filter hook forward priority -17; policy accept; "
		      "comment \"to pods, from a port that is no pod's\";");
}

int wd_nft_wire(struct wd_nft_gen *g)
{
	int err;

	if (!g->encrypt)
		return 0;
	err = version_chains(g, 4);
	if (!err)
		err = version_chains(g, 6);
	if (err)
		return err;
	if (g->family == WD_NFT_BRIDGE)
		bridged_hooks(g);
	else
		routed_hooks(g);
	return 0;
}
