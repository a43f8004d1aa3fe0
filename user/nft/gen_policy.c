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
#include "model/xalloc.h"
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

/* What has no ports. */
#define NOT_PORTS "ct protocol != tcp ct protocol != udp ct protocol != sctp"

/* Ports (of OTHER: protocols) that lead to a class. */
struct ports {
	uint32_t lo;
	uint32_t hi;
	uint32_t class;
};

/* Those that have a rule, @at and on. Return: false: there is no more. */
static bool next_ports(const struct wd_nft_gen *g, const struct wd_slot_val *s,
		       enum wd_l4 l4, uint32_t *at, struct ports *ret)
{
	uint32_t last = l4 == WD_L4_OTHER ? 255 : 65535;
	const struct wd_span_val *spans = spans_of(g);
	uint32_t cnt = s->cnt[l4], first = s->first[l4];

	while (*at < cnt) {
		const struct wd_span_val *span =
			&spans[(first + *at) % WD_SPANS_MAX];

		ret->lo = span->lo;
		ret->hi = last;
		ret->class = span->class % WD_CLASSES_MAX;
		if (++*at < cnt)
			ret->hi = spans[(first + *at) % WD_SPANS_MAX].lo - 1;
		if (ret->class && ret->hi <= last && ret->lo <= ret->hi)
			return true;
	}
	return false;
}

/* "lo-hi" */
static const char *ports_text(const struct ports *ports, char buf[24])
{
	if (ports->hi == ports->lo)
		(void)snprintf(buf, 24, "%u", ports->lo);
	else
		(void)snprintf(buf, 24, "%u-%u", ports->lo, ports->hi);
	return buf;
}

/* Ports and where they lead, in braces. */
static char *port_map(const struct wd_nft_gen *g, const struct wd_slot_val *s,
		      enum wd_l4 l4, char letter)
{
	struct ports ports;
	uint32_t at = 0;
	char *text = NULL, buf[24];
	size_t len;
	FILE *out = wd_xtext_open(&text, &len);

	for (const char *sep = ""; next_ports(g, s, l4, &at, &ports);
	     sep = ", ")
		fprintf(out, "%s%s : jump c%u_%c", sep, ports_text(&ports, buf),
			ports.class, letter);
	wd_xtext_close(out, &text);
	return text;
}

/* What the packets of @l4 are told by, and their port or protocol. */
struct l4_words {
	char proto[80];
	const char *port;
};

/*
 * Of ICMP conntrack has type and code where others have the port that a flow
 * was opened to, in the original tuple only: the reply's has the answer's.
 */
static void l4_words(enum wd_l4 l4, int version, struct l4_words *ret)
{
	static const char *const protos[WD_L4__MAX] = { "tcp",	  "udp",
							"sctp",	  "icmp",
							"icmpv6", NULL };

	ret->port = wd_l4_has_ports(l4) ? "ct reply proto-src" :
					  "ct original proto-dst";
	if (l4 == WD_L4_OTHER) {
		ret->port = "ct protocol";
		(void)snprintf(ret->proto, sizeof(ret->proto),
			       NOT_PORTS " ct protocol != %s",
			       version == 4 ? "icmp" : "icmpv6");
	} else {
		(void)snprintf(ret->proto, sizeof(ret->proto), "ct protocol %s",
			       protos[l4]);
	}
}

/* Comparisons rather than a map in braces, up to so many: see gen_own.c. */
#define FEW_PORTS 4

/* A jump that comes back finds no other of these. */
static void few_ports(struct wd_nft_gen *g, const struct wd_slot_val *s,
		      enum wd_l4 l4, int version, char letter)
{
	uint32_t at = 0, last = l4 == WD_L4_OTHER ? 255 : 65535;
	const char *is = wd_nft_is(g, version);
	struct l4_words words;
	struct ports ports;
	char buf[24];

	l4_words(l4, version, &words);
	while (next_ports(g, s, l4, &at, &ports))
		if (ports.lo == 0 && ports.hi == last)
			wd_nft_rule(g, "%s %s jump c%u_%c comment \"IPv%d\"",
				    is, words.proto, ports.class, letter,
				    version);
		else
			wd_nft_rule(g,
				    "%s %s %s %s jump c%u_%c comment \"IPv%d\"",
				    is, words.proto, words.port,
				    ports_text(&ports, buf), ports.class,
				    letter, version);
}

static void many_ports(struct wd_nft_gen *g, const struct wd_slot_val *s,
		       enum wd_l4 l4, int version, char letter)
{
	char *map = port_map(g, s, l4, letter);
	struct l4_words words;

	l4_words(l4, version, &words);
	wd_nft_rule(g, "%s %s %s vmap { %s } comment \"IPv%d\"",
		    wd_nft_is(g, version), words.proto, words.port, map,
		    version);
	free(map);
}

static void l4_rules(struct wd_nft_gen *g, const struct wd_slot_val *s,
		     enum wd_l4 l4, char letter)
{
	uint32_t at = 0, cnt = 0;
	struct ports ports;

	while (next_ports(g, s, l4, &at, &ports))
		cnt++;
	/* of each IP version, because nft asks for one to know ports */
	for (int version = 4; version <= 6; version += 2) {
		if ((l4 == WD_L4_ICMP && version == 6) ||
		    (l4 == WD_L4_ICMP6 && version == 4))
			continue;
		if (cnt <= FEW_PORTS)
			few_ports(g, s, l4, version, letter);
		else
			many_ports(g, s, l4, version, letter);
	}
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
	for (int l4 = 0; l4 < (rest ? WD_L4_ICMP : WD_L4__MAX); l4++)
		l4_rules(g, s, (enum wd_l4)l4, letter);
	if (rest)
		wd_nft_rule(g, NOT_PORTS " jump c%u_%c", rest, letter);
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
