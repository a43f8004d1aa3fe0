/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bit.c - predicates of the ABI: a number, and the terms that make it true.
 *
 * A class with few rules has a bit for each; one with many has a bit for rules
 * in a row that do the same, so that the scan stays short. A bit
 * that nothing uses is given back; as it may still be set in rows in use, the
 * addresses with such rows are compiled again before it means something else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cidr_set.h"
#include "share_int.h"

static bool bit_is_set(const uint64_t *bits, uint32_t nr)
{
	return bits[nr / 64] >> (nr % 64) & 1;
}

static bool row_has(const struct wd_model *m, uint32_t row, uint32_t nr)
{
	const struct mrow *r = m->row_by_id[row];

	return r && nr / 64 < r->words && bit_is_set(r->bits, nr);
}

static bool entry_has(const struct wd_model *m, const struct mentry *e,
		      uint32_t nr)
{
	return e->in_kernel &&
	       ((e->owned[0] && row_has(m, e->have.row[0], nr)) ||
		(e->owned[1] && row_has(m, e->have.row[1], nr)));
}

/* The number is about to mean something else: whoever still has it set is looked at again. */
static void bit_wash(struct wd_model *m, uint32_t nr)
{
	if (!bit_is_set(m->bit_stale, nr))
		return;
	m->bit_stale[nr / 64] &= ~(1ULL << (nr % 64));
	for (struct maddr *a = m->addrs; a; a = a->hh.next) {
		if (entry_has(m, &a->e, nr))
			addr_dirty(m, a);
	}
	for (struct mprefix *p = m->prefixes; p; p = p->hh.next) {
		if (entry_has(m, &p->e, nr))
			prefix_dirty(m, p);
	}
	for (struct mfront *f = m->fronts; f; f = f->hh.next) {
		for (size_t i = 0; i < f->kinds.cnt; i++) {
			const struct mkind *kind = f->kinds.item[i];

			if (entry_has(m, &kind->e, nr))
				front_dirty(m, f);
		}
	}
}

static int part_cmp(const void *a, const void *b)
{
	const struct mpart *x = a;
	const struct mpart *y = b;

	return x->term < y->term ? -1 : x->term > y->term;
}

static bool has_order(const struct mpart *part, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		if (part[i].what != PART_YES)
			return true;
	}
	return false;
}

/* Parts that only say yes, in the one form that all of the same meaning have. */
static uint32_t parts_sort(struct mpart *part, uint32_t cnt)
{
	uint32_t kept = 0;

	qsort(part, cnt, sizeof(*part), part_cmp);
	for (uint32_t i = 0; i < cnt; i++) {
		part[i].tiers = 0;
		if (!kept || part[i].term != part[kept - 1].term)
			part[kept++] = part[i];
	}
	return kept;
}

static struct mbit *bit_new(struct wd_model *m, uint32_t nr,
			    const struct mpart *part, uint32_t cnt)
{
	struct mbit *b = wd_xcalloc(1, sizeof(*b));

	b->nr = nr;
	b->refs = b->wants = 1;
	b->fresh = true;
	b->ordered = has_order(part, cnt);
	b->cnt = cnt;
	b->part = wd_xcalloc(cnt, sizeof(*part));
	memcpy(b->part, part, cnt * sizeof(*part));
	for (uint32_t i = 0; i < cnt; i++) {
		struct vec *bits = &part[i].term->bits;

		term_ref(part[i].term);
		/* a term may stand among the parts more than once */
		if (!bits->cnt || bits->item[bits->cnt - 1] != b)
			vec_push(bits, b);
	}
	HASH_ADD_KEYPTR(hh, m->bits, b->part, cnt * sizeof(*part), b);
	m->bit_by_nr[nr] = b;
	vec_push(&m->fresh_bits, b);
	if (b->ordered)
		ordered_add(m, b);
	return b;
}

/* To be wanted, where it is there, and perhaps by nobody any more. */
static bool bit_has_room(struct wd_model *m, const struct mbit *b)
{
	return b->wants || (share_may_use(m, b->payer, TABLE_BITS, 1) &&
			    share_may_use(m, b->payer, TABLE_PARTS, b->cnt));
}

struct mbit *bit_get(struct wd_model *m, struct mspace *payer,
		     struct mpart *part, uint32_t cnt)
{
	struct mbit *b;
	int64_t nr;

	if (!has_order(part, cnt))
		cnt = parts_sort(part, cnt);
	HASH_FIND(hh, m->bits, part, cnt * sizeof(*part), b);
	if (b && !bit_has_room(m, b))
		return NULL;
	if (b) {
		b->refs++;
		bit_want(m, b);
		return b;
	}
	if (!share_take(m, payer, TABLE_BITS, 1))
		return NULL;
	if (!share_take(m, payer, TABLE_PARTS, cnt)) {
		share_give(m, payer, TABLE_BITS, 1);
		return NULL;
	}
	nr = wd_alloc_get(&m->bit_alloc, 1);
	if (nr < 0) {
		share_give(m, payer, TABLE_PARTS, cnt);
		share_give(m, payer, TABLE_BITS, 1);
		return NULL;
	}
	b = bit_new(m, (uint32_t)nr, part, cnt);
	b->payer = payer;
	bit_wash(m, b->nr);
	return b;
}

void bit_want(struct wd_model *m, struct mbit *b)
{
	if (b->wants++)
		return;
	share_use(m, b->payer, TABLE_BITS, 1);
	share_use(m, b->payer, TABLE_PARTS, b->cnt);
}

void bit_leave(struct wd_model *m, struct mbit *b)
{
	if (--b->wants)
		return;
	share_idle(m, b->payer, TABLE_BITS, 1);
	share_idle(m, b->payer, TABLE_PARTS, b->cnt);
}

/* What came last goes first, mostly. A term may be part of thousands of bits. */
static void term_leave(struct mterm *t, const struct mbit *b)
{
	for (uint32_t i = t->bits.cnt; i-- > 0;) {
		if (t->bits.item[i] != b)
			continue;
		t->bits.item[i] = t->bits.item[--t->bits.cnt];
		return;
	}
}

/* Each of its terms once, however often it stands there. */
static void terms_leave(const struct mbit *b)
{
	const struct mterm *left = NULL;

	for (uint32_t i = 0; i < b->cnt; i++) {
		struct mterm *t = b->part[b->place ? b->place[i] : i].term;

		if (t != left)
			term_leave(t, b);
		left = t;
	}
}

void bit_put(struct wd_model *m, struct mbit *b)
{
	if (--b->refs > 0)
		return;
	HASH_DELETE(hh, m->bits, b);
	if (b->fresh)
		(void)vec_remove(&m->fresh_bits, b);
	terms_leave(b);
	if (b->ordered)
		ordered_del(m, b);
	m->bit_by_nr[b->nr] = NULL;
	m->bit_stale[b->nr / 64] |= 1ULL << (b->nr % 64);
	for (struct mgroup *g = m->groups; g && b->nr / 64 < m->words;
	     g = g->hh.next)
		g->bits[b->nr / 64] &= ~(1ULL << (b->nr % 64));
	wd_alloc_put(&m->bit_alloc, b->nr, 1);
	share_drop(m, b->payer, TABLE_BITS, 1);
	share_drop(m, b->payer, TABLE_PARTS, b->cnt);
	m->room = true;
	for (uint32_t i = 0; i < b->cnt; i++)
		term_put(m, b->part[i].term);
	free(b->part);
	free(b);
}

static void words_grow(struct wd_model *m, uint32_t nr)
{
	uint32_t words = nr / 64 + 1;

	if (words <= m->words)
		return;
	for (struct mgroup *g = m->groups; g; g = g->hh.next) {
		g->bits = wd_xrealloc(g->bits, words, sizeof(*g->bits));
		memset(g->bits + m->words, 0,
		       (words - m->words) * sizeof(*g->bits));
	}
	m->words = words;
}

void group_dirty(struct wd_model *m, const struct mgroup *g)
{
	for (size_t i = 0; i < g->pods.cnt; i++) {
		const struct mpod *pod = g->pods.item[i];
		const struct mclaim *c;

		SLIST_FOREACH(c, &pod->claims, of_pod)
			addr_dirty(m, c->addr);
	}
}

static void fresh_nodes(struct wd_model *m)
{
	for (struct maddr *a = m->addrs; a; a = a->hh.next) {
		const struct mclaim *c = addr_winner(m, a);

		if (c && (c->kind == CLAIM_NODE || c->kind == CLAIM_HOST))
			addr_dirty(m, a);
	}
}

static void fresh_cidr(struct wd_model *m, const struct wd_cidr *cidr,
		       struct wd_cidr_set *fresh)
{
	uint8_t all = cidr->addr.family == 4 ? 32 : 128;
	struct maddr *one;

	if (cidr->len < all) {
		wd_cidr_set_add(fresh, cidr);
		return;
	}
	HASH_FIND(hh, m->addrs, &cidr->addr, sizeof(cidr->addr), one);
	if (one)
		addr_dirty(m, one);
}

/* All of them at once: each by itself would be looked for among all addresses. */
static void fresh_cidrs(struct wd_model *m, struct wd_cidr_set *fresh)
{
	wd_cidr_set_sort(fresh);
	for (struct maddr *a = fresh->cnt ? m->addrs : NULL; a;
	     a = a->hh.next) {
		if (wd_cidr_set_has(fresh, &a->addr))
			addr_dirty(m, a);
	}
	wd_cidr_set_fini(fresh);
}

static void fresh_prefixes(struct wd_model *m, const struct mterm *t,
			   struct wd_cidr_set *fresh)
{
	const struct wd_cidr *cidr;
	uint32_t cnt = term_prefixes(t, &cidr);

	m->prefixes_dirty = true;
	for (uint32_t i = 0; i < cnt; i++)
		fresh_cidr(m, &cidr[i], fresh);
}

/*
 * Prefixes, and what pods have of whom no source has told, or that quotas leave
 * out; and what pods of other clusters claim in vain.
 */
static void fresh_unknown(struct wd_model *m)
{
	const struct mclaim *c;

	for (const struct mspace *s = m->spaces; s; s = s->hh.next) {
		for (size_t i = 0; i < s->nameless.cnt; i++) {
			const struct mpod *pod = s->nameless.item[i];

			SLIST_FOREACH(c, &pod->claims, of_pod)
				addr_dirty(m, c->addr);
		}
	}

	for (struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		SLIST_FOREACH(c, &e->pod->claims, of_pod)
			if (!claim_pod(c))
				addr_dirty(m, c->addr);
	}
	for (struct maddr *a = m->others ? m->addrs : NULL; a; a = a->hh.next) {
		if (a->e.is_nobodys)
			addr_dirty(m, a);
	}
	m->prefixes_dirty = true;
}

/* The fresh bits that a term is part of, for the groups it holds for. */
struct fresh {
	uint64_t set[WD_ROW_WORDS];
	uint32_t end; /* words up to the last that is not 0 */
	bool ordered; /* one is worked out for each address by itself */
};

static void fresh_find(const struct mterm *t, struct fresh *f)
{
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < t->bits.cnt; i++) {
		const struct mbit *b = t->bits.item[i];

		if (!b->fresh)
			continue;
		f->ordered |= b->ordered;
		if (b->ordered)
			continue;
		f->set[b->nr / 64] |= 1ULL << (b->nr % 64);
		if (f->end <= b->nr / 64)
			f->end = b->nr / 64 + 1;
	}
}

static bool has_all(const struct mgroup *g, const struct fresh *f)
{
	for (uint32_t i = 0; i < f->end; i++) {
		if (f->set[i] & ~g->bits[i])
			return false;
	}
	return true;
}

static void fresh_pods(struct wd_model *m, const struct fresh *f,
		       const struct mterm *t, struct mgroup *g)
{
	if (!f->ordered && has_all(g, f))
		return;
	m->matched++;
	if (!term_matches_group(t, g))
		return;
	for (uint32_t i = 0; i < f->end; i++)
		g->bits[i] |= f->set[i];
	group_dirty(m, g);
}

static void fresh_groups(struct wd_model *m, const struct mterm *t)
{
	struct fresh f;

	fresh_find(t, &f);
	if (t->space) {
		for (size_t i = 0; i < t->space->groups.cnt; i++)
			fresh_pods(m, &f, t, t->space->groups.item[i]);
	} else {
		for (struct mgroup *g = m->groups; g; g = g->hh.next)
			fresh_pods(m, &f, t, g);
	}
}

/*
 * Whom it may be about, once for all bits that it is part of: a policy whose
 * ports lie in each other has as many bits as terms, each of most of them.
 */
static void fresh_term(struct wd_model *m, struct mterm *t,
		       struct wd_cidr_set *cidrs)
{
	if (t->fresh_mark == m->evaluations)
		return;
	t->fresh_mark = m->evaluations;
	if (t->or_unknown)
		fresh_unknown(m);
	if (t->type == TERM_PODS)
		fresh_groups(m, t);
	else if (t->type == TERM_CIDR)
		fresh_prefixes(m, t, cidrs);
	else if (t->type == TERM_NODES)
		fresh_nodes(m);
}

/* New bits get their truth: in the groups at once, in addresses and prefixes by making them dirty. */
void bits_evaluate(struct wd_model *m)
{
	struct wd_cidr_set cidrs = { 0 };

	m->evaluations++;
	for (size_t i = 0; i < m->fresh_bits.cnt; i++) {
		const struct mbit *b = m->fresh_bits.item[i];

		words_grow(m, b->nr);
	}
	for (size_t i = 0; i < m->fresh_bits.cnt; i++) {
		const struct mbit *b = m->fresh_bits.item[i];

		for (uint32_t k = 0; k < b->cnt; k++)
			fresh_term(m, b->part[k].term, &cidrs);
	}
	for (size_t i = 0; i < m->fresh_bits.cnt; i++)
		((struct mbit *)m->fresh_bits.item[i])->fresh = false;
	m->fresh_bits.cnt = 0;
	fresh_cidrs(m, &cidrs);
}

/* All bits of one group, from nothing. Fresh bits too: evaluating them twice does no harm. */
void group_evaluate(struct wd_model *m, struct mgroup *g)
{
	memset(g->bits, 0, m->words * sizeof(*g->bits));
	for (struct mterm *t = m->terms; t; t = t->hh.next) {
		if (t->bits.cnt == 0 || !term_matches_group(t, g))
			continue;
		for (size_t i = 0; i < t->bits.cnt; i++) {
			const struct mbit *b = t->bits.item[i];

			if (!b->ordered && b->nr / 64 < m->words)
				g->bits[b->nr / 64] |= 1ULL << (b->nr % 64);
		}
	}
}

void wd_model_row_preds(const struct wd_model *m, uint32_t row,
			void (*fn)(void *ctx, uint32_t pred, const char *text),
			void *ctx)
{
	for (uint32_t nr = 0; nr < WD_PREDS_MAX; nr++) {
		const struct mbit *b = m->bit_by_nr[nr];

		if (!b || !row_has(m, row, nr))
			continue;
		for (uint32_t i = 0; i < b->cnt; i++) {
			char *text = term_text(b->part[i].term);

			fn(ctx, nr, text);
			free(text);
		}
	}
}
