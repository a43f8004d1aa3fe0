/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diff.c - the commands from one ruleset to another, in an order that the
 * kernel takes in one transaction:
 *
 *   1 make tables, counters, sets and chains, empty
 *   2 empty every chain that changes or goes, so that nothing refers to what goes
 *   3 write the rules of those that change
 *   4 delete elements, then add elements
 *   5 delete chains, then sets
 *
 * The counters stay: what was counted is not forgotten.
 */
#include <arpa/inet.h>
#include <string.h>

#include "nft/ruleset.h"

static void put_addr(FILE *out, int af, const uint8_t *at)
{
	char text[INET6_ADDRSTRLEN];

	fputs(inet_ntop(af, at, text, sizeof(text)), out);
}

static uint32_t number_at(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof(be));
	return ntohl(be);
}

static void put_elem(FILE *out, const struct wd_nft_set *set, const uint8_t *at)
{
	size_t size = wd_nft_elem_size(set->kind);

	switch (set->kind) {
	case WD_NFT_ADDR4:
		put_addr(out, AF_INET, at);
		break;
	case WD_NFT_ADDR6:
		put_addr(out, AF_INET6, at);
		break;
	case WD_NFT_RANGE4:
	case WD_NFT_RANGE6:
		put_addr(out, size == 8 ? AF_INET : AF_INET6, at);
		if (memcmp(at, at + size / 2, size / 2) == 0)
			break;
		fputc('-', out);
		put_addr(out, size == 8 ? AF_INET : AF_INET6, at + size / 2);
		break;
	case WD_NFT_QUOTE4:
	case WD_NFT_QUOTE6:
		fputs("0x", out);
		for (size_t i = 0; i < size; i++)
			fprintf(out, "%02x", at[i]);
		break;
	case WD_NFT_DEV:
	case WD_NFT_DEV_CHAIN:
		fprintf(out, "%u", number_at(at));
		break;
	case WD_NFT_DEV_ADDR4:
	case WD_NFT_DEV_ADDR4_CHAIN:
		fprintf(out, "%u . ", number_at(at));
		put_addr(out, AF_INET, at + 4);
		break;
	case WD_NFT_DEV_ADDR6:
	case WD_NFT_DEV_ADDR6_CHAIN:
		fprintf(out, "%u . ", number_at(at));
		put_addr(out, AF_INET6, at + 4);
		break;
	case WD_NFT_KINDS:
		break;
	}
	if (set->kind >= WD_NFT_DEV_CHAIN)
		fprintf(out, " : goto ep%u_%s", number_at(at + size - 4),
			set->suffix);
}

static const char *const kind_types[WD_NFT_KINDS] = {
	[WD_NFT_ADDR4] = "type ipv4_addr",
	[WD_NFT_ADDR6] = "type ipv6_addr",
	[WD_NFT_RANGE4] = "type ipv4_addr; flags interval",
	[WD_NFT_RANGE6] = "type ipv6_addr; flags interval",
	[WD_NFT_QUOTE4] = "typeof @th,160,32",
	[WD_NFT_QUOTE6] = "typeof @th,128,128",
	[WD_NFT_DEV] = "type iface_index",
	[WD_NFT_DEV_ADDR4] = "type iface_index . ipv4_addr",
	[WD_NFT_DEV_ADDR6] = "type iface_index . ipv6_addr",
	[WD_NFT_DEV_CHAIN] = "type iface_index : verdict",
	[WD_NFT_DEV_ADDR4_CHAIN] = "type iface_index . ipv4_addr : verdict",
	[WD_NFT_DEV_ADDR6_CHAIN] = "type iface_index . ipv6_addr : verdict",
};

static const char *family_of(enum wd_nft_family family)
{
	return wd_nft_family_names[family];
}

static const char *set_word(const struct wd_nft_set *set)
{
	return set->kind >= WD_NFT_DEV_CHAIN ? "map" : "set";
}

/* ---- two sorted lists, side by side ---- */

static int order(enum wd_nft_family f1, const char *n1, enum wd_nft_family f2,
		 const char *n2)
{
	if (f1 != f2)
		return f1 < f2 ? -1 : 1;
	return strcmp(n1, n2);
}

/* A pair of the same name; one of them NULL: only the other ruleset has it. */
struct set_pair {
	const struct wd_nft_set *from;
	const struct wd_nft_set *to;
};

static bool next_sets(const struct wd_nft_ruleset *from,
		      const struct wd_nft_ruleset *to, size_t *at_from,
		      size_t *at_to, struct set_pair *ret)
{
	const struct wd_nft_set *a = NULL, *b = NULL;
	int way;

	if (*at_from < from->set_cnt)
		a = &from->set[*at_from];
	if (*at_to < to->set_cnt)
		b = &to->set[*at_to];
	if (!a && !b)
		return false;
	way = !a ? 1 : !b ? -1 : order(a->family, a->name, b->family, b->name);
	ret->from = way <= 0 ? a : NULL;
	ret->to = way >= 0 ? b : NULL;
	*at_from += ret->from != NULL;
	*at_to += ret->to != NULL;
	return true;
}

struct chain_pair {
	const struct wd_nft_chain *from;
	const struct wd_nft_chain *to;
};

static bool next_chains(const struct wd_nft_ruleset *from,
			const struct wd_nft_ruleset *to, size_t *at_from,
			size_t *at_to, struct chain_pair *ret)
{
	const struct wd_nft_chain *a = NULL, *b = NULL;
	int way;

	if (*at_from < from->chain_cnt)
		a = &from->chain[*at_from];
	if (*at_to < to->chain_cnt)
		b = &to->chain[*at_to];
	if (!a && !b)
		return false;
	way = !a ? 1 : !b ? -1 : order(a->family, a->name, b->family, b->name);
	ret->from = way <= 0 ? a : NULL;
	ret->to = way >= 0 ? b : NULL;
	*at_from += ret->from != NULL;
	*at_to += ret->to != NULL;
	return true;
}

static bool chain_differs(const struct chain_pair *pair)
{
	return !pair->from || !pair->to ||
	       pair->from->hash[0] != pair->to->hash[0] ||
	       pair->from->hash[1] != pair->to->hash[1];
}

/* ---- steps ---- */

struct diff {
	const struct wd_nft_ruleset *from;
	const struct wd_nft_ruleset *to;
	bool only_add;
	FILE *out;
	struct wd_nft_cost *cost;
};

static void make_tables(const struct diff *d)
{
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		if (d->to->table[i] && !d->from->table[i])
			fprintf(d->out, "add table %s %s\n", family_of(i),
				d->to->name);
	for (size_t i = 0, j = 0; i < d->to->counter_cnt; i++) {
		const struct wd_nft_counter *c = &d->to->counter[i];
		int way = 1;

		while (j < d->from->counter_cnt &&
		       (way = order(d->from->counter[j].family,
				    d->from->counter[j].name, c->family,
				    c->name)) < 0)
			j++;
		if (j >= d->from->counter_cnt || way)
			fprintf(d->out, "add counter %s %s %s\n",
				family_of(c->family), d->to->name, c->name);
	}
}

static void make_sets(const struct diff *d)
{
	struct set_pair p;
	size_t i = 0, j = 0;

	while (next_sets(d->from, d->to, &i, &j, &p))
		if (!p.from)
			fprintf(d->out, "add %s %s %s %s { %s; }\n",
				set_word(p.to), family_of(p.to->family),
				d->to->name, p.to->name,
				kind_types[p.to->kind]);
}

static void make_chains(const struct diff *d)
{
	struct chain_pair p;
	size_t i = 0, j = 0;

	while (next_chains(d->from, d->to, &i, &j, &p)) {
		if (p.from)
			continue;
		fprintf(d->out, "add chain %s %s %s", family_of(p.to->family),
			d->to->name, p.to->name);
		if (p.to->hook)
			fprintf(d->out, " { %s }", p.to->hook);
		fputc('\n', d->out);
	}
}

static void empty_chains(const struct diff *d)
{
	struct chain_pair p;
	size_t i = 0, j = 0;

	while (next_chains(d->from, d->to, &i, &j, &p)) {
		if (!p.from || (!p.to && d->only_add) || !chain_differs(&p))
			continue;
		fprintf(d->out, "flush chain %s %s %s\n",
			family_of(p.from->family), d->to->name, p.from->name);
	}
}

static void write_rules(const struct diff *d, const struct wd_nft_chain *chain)
{
	const char *line = chain->rules, *end;

	for (; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		fprintf(d->out, "add rule %s %s %s %.*s\n",
			family_of(chain->family), d->to->name, chain->name,
			(int)(end - line), line);
		d->cost->rules++;
		if (!*end)
			break;
	}
}

static void write_chains(const struct diff *d)
{
	struct chain_pair p;
	size_t i = 0, j = 0;

	while (next_chains(d->from, d->to, &i, &j, &p)) {
		if (!p.to || !chain_differs(&p))
			continue;
		write_rules(d, p.to);
		d->cost->chains++;
	}
}

/* Elements of @set that @other lacks. */
static uint32_t say_elems(const struct diff *d, const char *verb,
			  const struct wd_nft_set *set,
			  const struct wd_nft_set *other)
{
	size_t size = wd_nft_elem_size(set->kind), j = 0;
	uint32_t cnt = 0;

	for (size_t i = 0; i < set->cnt; i++) {
		const uint8_t *at = set->elem + i * size;
		int way = 1;

		while (other && j < other->cnt &&
		       (way = memcmp(other->elem + j * size, at, size)) < 0)
			j++;
		if (other && j < other->cnt && !way)
			continue;
		if (cnt++)
			fputs(", ", d->out);
		else
			fprintf(d->out, "%s element %s %s %s { ", verb,
				family_of(set->family), d->to->name, set->name);
		put_elem(d->out, set, at);
	}
	if (cnt)
		fputs(" }\n", d->out);
	return cnt;
}

static void delete_elems(const struct diff *d)
{
	struct set_pair p;
	size_t i = 0, j = 0;

	while (!d->only_add && next_sets(d->from, d->to, &i, &j, &p)) {
		/* a map that goes still holds its chains */
		if (!p.to && p.from->kind < WD_NFT_DEV_CHAIN)
			continue;
		if (p.from)
			d->cost->deleted +=
				say_elems(d, "delete", p.from, p.to);
	}
}

static void add_elems(const struct diff *d)
{
	struct set_pair p;
	size_t i = 0, j = 0;

	while (next_sets(d->from, d->to, &i, &j, &p))
		if (p.to)
			d->cost->added += say_elems(d, "add", p.to, p.from);
}

static void delete_what_goes(const struct diff *d)
{
	struct chain_pair c;
	struct set_pair s;
	size_t i = 0, j = 0;

	while (next_chains(d->from, d->to, &i, &j, &c))
		if (!c.to)
			fprintf(d->out, "delete chain %s %s %s\n",
				family_of(c.from->family), d->to->name,
				c.from->name);
	i = j = 0;
	while (next_sets(d->from, d->to, &i, &j, &s))
		if (!s.to)
			fprintf(d->out, "delete %s %s %s %s\n",
				set_word(s.from), family_of(s.from->family),
				d->to->name, s.from->name);
}

void wd_nft_diff(const struct wd_nft_ruleset *from,
		 const struct wd_nft_ruleset *to, bool only_add, FILE *out,
		 struct wd_nft_cost *ret_cost)
{
	struct wd_nft_cost cost = { 0 };
	struct diff d = { from, to, only_add, out, &cost };

	make_tables(&d);
	make_sets(&d);
	make_chains(&d);
	empty_chains(&d);
	write_chains(&d);
	delete_elems(&d);
	add_elems(&d);
	if (!only_add)
		delete_what_goes(&d);
	*ret_cost = cost;
}
