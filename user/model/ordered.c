/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ordered.c - predicates whose parts have an order: the first part that holds
 * decides. They are worked out for each address or prefix by itself.
 *
 * From what holds of an address to the parts that say it, not the other way
 * round: a list behind a Pass may have thousands of prefixes, of which a few
 * cover one address, and each of them has an entry of its own.
 */
#include <stdlib.h>

#include "model_int.h"

/* ---- where a term stands among the parts ---- */

static const struct mpart *sorted; /* while the order of its parts is found */

static int place_cmp(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;
	uintptr_t of_x = (uintptr_t)sorted[*x].term;
	uintptr_t of_y = (uintptr_t)sorted[*y].term;

	if (of_x != of_y)
		return of_x < of_y ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

void ordered_add(struct wd_model *m, struct mbit *b)
{
	b->place = wd_xcalloc(b->cnt, sizeof(*b->place));
	for (uint32_t i = 0; i < b->cnt; i++) {
		struct mterm *t = b->part[i].term;

		b->place[i] = i;
		if (t->type == TERM_PODS && !t->ordered++)
			vec_push(&m->ordered_pods, t);
	}
	sorted = b->part;
	qsort(b->place, b->cnt, sizeof(*b->place), place_cmp);
	m->ordered++;
}

void ordered_del(struct wd_model *m, struct mbit *b)
{
	for (uint32_t i = 0; i < b->cnt; i++) {
		struct mterm *t = b->part[i].term;

		if (t->type == TERM_PODS && !--t->ordered)
			(void)vec_remove(&m->ordered_pods, t);
	}
	free(b->place);
	m->ordered--;
}

/* The first of the places that are of @t; b->cnt: none is. */
static uint32_t place_of(const struct mbit *b, const struct mterm *t)
{
	uint32_t lo = 0;
	uint32_t hi = b->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)b->part[b->place[mid]].term < (uintptr_t)t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- what holds ---- */

/* Parts whose terms hold: bit << 32 | place. */
struct held {
	uint64_t *part;
	size_t cnt;
	size_t cap;
};

static void hold(struct held *h, const struct mterm *t)
{
	for (size_t i = 0; i < t->bits.cnt; i++) {
		const struct mbit *b = t->bits.item[i];

		if (!b->ordered)
			continue;
		for (uint32_t k = place_of(b, t);
		     k < b->cnt && b->part[b->place[k]].term == t; k++) {
			h->part = wd_grow(h->part, h->cnt, &h->cap,
					  sizeof(*h->part));
			h->part[h->cnt++] = (uint64_t)b->nr << 32 | b->place[k];
		}
	}
}

static void hold_all(struct wd_model *m, const struct whose *who,
		     struct held *h)
{
	struct vec cidrs = { 0 };

	cidr_terms(m, who, &cidrs);
	for (size_t i = 0; i < cidrs.cnt; i++)
		hold(h, cidrs.item[i]);
	vec_fini(&cidrs);
	for (size_t i = 0; who->is_unknown && i < m->unknown_terms.cnt; i++)
		hold(h, m->unknown_terms.item[i]);
	for (size_t i = 0; i < m->node_terms.cnt; i++)
		if (term_matches_node(m->node_terms.item[i], who))
			hold(h, m->node_terms.item[i]);
	for (size_t i = 0; who->group && i < m->ordered_pods.cnt; i++)
		if (term_matches_group(m->ordered_pods.item[i], who->group))
			hold(h, m->ordered_pods.item[i]);
}

static int held_cmp(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* ---- what comes of it ---- */

void ordered_bits(struct wd_model *m, const struct whose *who, uint64_t *bits)
{
	struct held h = { 0 };
	const struct mbit *b = NULL;
	uint32_t passed = 0; /* tiers, as in mpart */
	bool decided = false;

	if (!m->ordered)
		return;
	hold_all(m, who, &h);
	m->weighed += h.cnt;
	if (h.cnt > 1)
		qsort(h.part, h.cnt, sizeof(*h.part), held_cmp);
	for (size_t i = 0; i < h.cnt; i++) {
		uint32_t nr = (uint32_t)(h.part[i] >> 32);
		const struct mpart *p;

		if (!b || b->nr != nr) {
			b = m->bit_by_nr[nr];
			passed = 0;
			decided = false;
		}
		p = &b->part[(uint32_t)h.part[i]];
		if (decided || p->tiers & passed)
			continue;
		decided = p->what != PART_PASS;
		if (p->what == PART_PASS)
			passed |= p->tiers;
		else if (p->what == PART_YES)
			bits[nr / 64] |= 1ULL << (nr % 64);
	}
	free(h.part);
}
