/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_policy.c - slots and classes as chains: s<slot>_<e|i> finds the class of
 * a flow by protocol and port, c<class>_<e|i> has its rules in order.
 *
 * Peer and port are the flow's, not the packet's, as conntrack's reply tuple has
 * them: of what the pod opened, where it ends after any translation (a service's
 * backend); of what was opened to it, what it saw coming. The same for each
 * packet of the flow, and for an error about it.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model/l4.h"
#include "nft/gen_int.h"

static const struct wd_slot_val *slot_of(const struct wd_nft_gen *g,
					 uint32_t slot, enum wd_dir dir)
{
	const struct wd_slot_val *slots =
		g->in->tables->window(g->in->tables->ctx, WD_MAP_wd_slot);

	return &slots[(slot * 2 + dir) % (2 * WD_SLOTS_MAX)];
}

static const struct wd_span_val *spans_of(const struct wd_nft_gen *g)
{
	return g->in->tables->window(g->in->tables->ctx, WD_MAP_wd_span);
}

static const struct wd_class_val *class_of(const struct wd_nft_gen *g,
					   uint32_t nr)
{
	const struct wd_class_val *classes =
		g->in->tables->window(g->in->tables->ctx, WD_MAP_wd_class);

	return &classes[nr % WD_CLASSES_MAX];
}

bool wd_nft_slot_is_ready(const struct wd_nft_gen *g, uint32_t slot,
			  enum wd_dir dir)
{
	return slot && (slot_of(g, slot, dir)->flags & WD_SLOT_READY);
}

/* ---- what is reached ---- */

static void use_class(const struct wd_nft_gen *g, struct wd_nft_use *use,
		      uint32_t nr, enum wd_dir dir)
{
	const struct wd_class_val *class = class_of(g, nr);

	nr %= WD_CLASSES_MAX;
	if (!nr || use->class[dir][nr])
		return;
	use->class[dir][nr] = true;
	for (uint32_t i = 0; i < class->cnt && i < WD_CLASS_RULES; i++) {
		uint32_t pred = class->rule[i].pred;

		if (pred == WD_PRED_ANY)
			return;
		pred %= WD_PREDS_MAX;
		use->pred[pred / 64] |= 1ULL << (pred % 64);
	}
}

void wd_nft_use_slot(const struct wd_nft_gen *g, struct wd_nft_use *use,
		     uint32_t slot)
{
	const struct wd_span_val *spans = spans_of(g);

	slot %= WD_SLOTS_MAX;
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		const struct wd_slot_val *s = slot_of(g, slot, dir);

		if (!wd_nft_slot_is_ready(g, slot, dir) || use->slot[dir][slot])
			continue;
		use->slot[dir][slot] = true;
		for (int l4 = 0; l4 < WD_L4__MAX; l4++)
			for (uint32_t i = 0; i < s->cnt[l4]; i++)
				use_class(
					g, use,
					spans[(s->first[l4] + i) % WD_SPANS_MAX]
						.class,
					dir);
	}
}

/* ---- slots ---- */

/* Ports and where they lead, in braces; empty: no port has a rule. */
static char *port_map(const struct wd_nft_gen *g, const struct wd_slot_val *s,
		      int l4, char letter)
{
	uint32_t last = l4 == WD_L4_OTHER ? 255 : 65535;
	const struct wd_span_val *spans = spans_of(g);
	uint32_t cnt = s->cnt[l4], first = s->first[l4];
	const char *sep = "";
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort(); /* as xalloc.h */
	for (uint32_t i = 0; i < cnt; i++) {
		const struct wd_span_val *at =
			&spans[(first + i) % WD_SPANS_MAX];
		uint32_t hi = last;

		if (i + 1 < cnt)
			hi = spans[(first + i + 1) % WD_SPANS_MAX].lo - 1;
		if (!(at->class % WD_CLASSES_MAX) || hi > last || at->lo > hi)
			continue;
		fprintf(out, "%s%u", sep, at->lo);
		if (hi != at->lo)
			fprintf(out, "-%u", hi);
		fprintf(out, " : jump c%u_%c", at->class % WD_CLASSES_MAX,
			letter);
		sep = ", ";
	}
	if (fclose(out))
		abort();
	return text;
}

/*
 * Of ICMP conntrack has type and code where others have the port that a flow
 * was opened to, in the original tuple only: the reply's has the answer's.
 */
static void l4_rule(struct wd_nft_gen *g, enum wd_l4 l4, int version,
		    const char *map)
{
	static const char *const protos[WD_L4__MAX] = { "tcp",	  "udp",
							"sctp",	  "icmp",
							"icmpv6", NULL };
	const char *port = wd_l4_has_ports(l4) ? "ct reply proto-src" :
						 "ct original proto-dst";

	if ((l4 == WD_L4_ICMP && version == 6) ||
	    (l4 == WD_L4_ICMP6 && version == 4))
		return;
	if (l4 == WD_L4_OTHER)
		wd_nft_rule(
			g,
			"%s ct protocol != { tcp, udp, sctp, %s } ct protocol vmap { %s } comment \"IPv%d\"",
			wd_nft_is(g, version), version == 4 ? "icmp" : "icmpv6",
			map, version);
	else
		wd_nft_rule(
			g, "%s ct protocol %s %s vmap { %s } comment \"IPv%d\"",
			wd_nft_is(g, version), protos[l4], port, map, version);
}

/* The class of all that has no ports, where that is one, as nearly always; 0: it is not. */
static uint32_t rest_class(const struct wd_nft_gen *g,
			   const struct wd_slot_val *s)
{
	const struct wd_span_val *spans = spans_of(g);
	uint32_t class = 0;

	for (int l4 = WD_L4_ICMP; l4 < WD_L4__MAX; l4++) {
		uint32_t nr = spans[s->first[l4] % WD_SPANS_MAX].class;

		if (s->cnt[l4] != 1 || (l4 > WD_L4_ICMP && nr != class))
			return 0;
		class = nr;
	}
	return class % WD_CLASSES_MAX;
}

static void slot_chain(struct wd_nft_gen *g, uint32_t slot, enum wd_dir dir)
{
	const struct wd_slot_val *s = slot_of(g, slot, dir);
	char letter = wd_nft_letter(dir);
	uint32_t rest = rest_class(g, s);

	wd_nft_begin(g, "s%u_%c", slot, letter);
	for (int l4 = 0; l4 < (rest ? WD_L4_ICMP : WD_L4__MAX); l4++) {
		char *map = port_map(g, s, l4, letter);

		/* of each IP version, because nft asks for one to know ports */
		for (int version = 4; *map && version <= 6; version += 2)
			l4_rule(g, (enum wd_l4)l4, version, map);
		free(map);
	}
	if (rest)
		wd_nft_rule(g, "ct protocol != { tcp, udp, sctp } jump c%u_%c",
			    rest, letter);
	wd_nft_rule(g,
		    s->flags & WD_SLOT_ISOLATED ? "goto none_%c" :
						  "goto open_%c",
		    letter);
	wd_nft_end(g, NULL);
}

/* ---- classes ---- */

static void rule(struct wd_nft_gen *g, const struct wd_rule *r, char letter,
		 const struct wd_nft_preds *preds)
{
	const char *to = r->action == WD_ACT_ALLOW ? "allow" : "policy";
	const char *peer = letter == 'e' ? "saddr" : "daddr";
	uint32_t pred = r->pred % WD_PREDS_MAX;

	if (r->pred == WD_PRED_ANY) {
		wd_nft_rule(g, "goto %s_%c comment \"rule %u, any peer\"", to,
			    letter, r->id);
		return;
	}
	wd_nft_rule(
		g,
		"ct reply ip %s @p%u_4 goto %s_%c comment \"rule %u, predicate %u\"",
		peer, pred, to, letter, r->id, pred);
	if (*preds->range4[pred])
		wd_nft_rule(
			g,
			"ct reply ip %s @%s goto %s_%c comment \"rule %u, prefixes of predicate %u\"",
			peer, preds->range4[pred], to, letter, r->id, pred);
	wd_nft_rule(
		g,
		"ct reply ip6 %s @p%u_6 goto %s_%c comment \"rule %u, predicate %u\"",
		peer, pred, to, letter, r->id, pred);
	if (*preds->range6[pred])
		wd_nft_rule(
			g,
			"ct reply ip6 %s @%s goto %s_%c comment \"rule %u, prefixes of predicate %u\"",
			peer, preds->range6[pred], to, letter, r->id, pred);
}

static void class_chain(struct wd_nft_gen *g, uint32_t nr, enum wd_dir dir,
			const struct wd_nft_preds *preds)
{
	const struct wd_class_val *class = class_of(g, nr);
	char letter = wd_nft_letter(dir);

	wd_nft_begin(g, "c%u_%c", nr, letter);
	for (uint32_t i = 0; i < class->cnt && i < WD_CLASS_RULES; i++) {
		rule(g, &class->rule[i], letter, preds);
		if (class->rule[i].pred == WD_PRED_ANY)
			break;
	}
	wd_nft_end(g, NULL);
}

void wd_nft_policy(struct wd_nft_gen *g, const struct wd_nft_use *use,
		   const struct wd_nft_preds *preds)
{
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		for (uint32_t i = 0; i < WD_SLOTS_MAX; i++)
			if (use->slot[dir][i])
				slot_chain(g, i, dir);
		for (uint32_t i = 0; i < WD_CLASSES_MAX; i++)
			if (use->class[dir][i])
				class_chain(g, i, dir, preds);
	}
}
