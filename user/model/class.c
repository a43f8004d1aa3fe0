/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * class.c - what decides in one piece of the port space, as the programs scan it.
 *
 * The atoms that cover the piece become items, each a predicate and what to do
 * where it holds. An atom behind one that passes on holds where that one does
 * not; programs know nothing of passing on. More items than a class takes are
 * merged: first those in a row that do the same; if that is not enough there
 * are two predicates, where the whole list denies and where it allows.
 *
 * Of whom it is not known if he was passed on: what denies behind it holds for
 * him, what allows does not, so that he gets what is worse.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h"
#include "slot_int.h"

/* ---- classes ---- */

void class_put(struct wd_model *m, struct mclass *c)
{
	if (--c->refs > 0)
		return;
	HASH_DELETE(hh, m->classes, c);
	wd_alloc_put(&m->class_alloc, c->id, 1);
	share_drop(m, c->payer, TABLE_CLASSES, 1);
	m->room = true;
	for (uint32_t i = 0; i < c->bit_cnt; i++)
		bit_put(m, c->bit[i]);
	free(c);
}

void class_want(struct wd_model *m, struct mclass *c)
{
	if (c->wants++)
		return;
	share_use(m, c->payer, TABLE_CLASSES, 1);
	for (uint32_t i = 0; i < c->bit_cnt; i++)
		bit_want(m, c->bit[i]);
}

void class_leave(struct wd_model *m, struct mclass *c)
{
	if (--c->wants)
		return;
	share_idle(m, c->payer, TABLE_CLASSES, 1);
	for (uint32_t i = 0; i < c->bit_cnt; i++)
		bit_leave(m, c->bit[i]);
}

/* One that came to nothing. */
static void give_bits_back(struct wd_model *m, const struct mclass *like)
{
	for (uint32_t i = 0; i < like->bit_cnt; i++) {
		bit_leave(m, like->bit[i]);
		bit_put(m, like->bit[i]);
	}
}

/* Keep @like (which owns its bits) or the class that is equal to it. NULL: no class is free. */
static struct mclass *class_intern(struct wd_model *m, struct mclass *like)
{
	struct mclass *c;
	int64_t id = -1;

	HASH_FIND(hh, m->classes, &like->val, sizeof(like->val), c);
	if (!c && share_take(m, like->payer, TABLE_CLASSES, 1)) {
		id = array_get(m, WD_MAP_wd_class, 1);
		if (id < 0)
			share_give(m, like->payer, TABLE_CLASSES, 1);
	}
	if (c && !c->wants && !share_may_use(m, c->payer, TABLE_CLASSES, 1))
		c = NULL;
	if (c) {
		c->refs++;
		class_want(m, c);
	}
	if (c || id < 0) {
		give_bits_back(m, like);
		return c;
	}
	c = wd_xcalloc(1, sizeof(*c));
	*c = *like;
	c->id = (uint32_t)id;
	c->refs = c->wants = 1;
	m->sink.class[id] = c->val;
	HASH_ADD(hh, m->classes, val, sizeof(c->val), c);
	return c;
}

/* ---- atoms of a piece ---- */

static bool passes(const struct atom *a)
{
	return a->action == ATOM_PASS || a->action == ATOM_MAYBE;
}

static void cover_add(struct cover *cov, const struct atom *a)
{
	cov->atom = wd_grow(cov->atom, cov->cnt, &cov->cap, sizeof(*cov->atom));
	cov->atom[cov->cnt++] = a;
	if (!passes(a))
		return;
	if (a->action == ATOM_MAYBE)
		cov->maybe_tier = a->tier;
	cov->pass_tier = a->tier;
	cov->passes = true;
}

/* Is anybody passed on in this tier before? Then "everybody" is not. */
static bool has_pass(const struct cover *cov, uint8_t tier)
{
	return cov->pass_tier == tier;
}

/* Not for who perhaps was passed on: what denies him may come yet. */
static bool is_allowed_only(const struct cover *cov, const struct atom *a)
{
	return a->action == ATOM_ALLOW && cov->maybe_tier == a->tier;
}

/* It decides nothing; once in a tier is enough. Atoms stand tier by tier. */
static bool maybe_is_known(const struct atom *a, uint64_t mark)
{
	if (a->term->maybe_mark == mark + a->tier)
		return true;
	a->term->maybe_mark = mark + a->tier;
	return false;
}

/*
 * Did an atom before it decide wherever this one could? @mark: of this piece.
 * What is behind one that passes on is only decided for its own tier, of which
 * each has a mark of its own. A policy may have tens of thousands of prefixes.
 */
static bool is_decided(const struct cover *cov, const struct atom *a,
		       uint64_t mark)
{
	if (!a->term)
		return false;
	if (a->action == ATOM_MAYBE)
		return maybe_is_known(a, mark);
	if (a->term->mark == mark || a->term->pass_mark == mark + a->tier)
		return true;
	if (is_allowed_only(cov, a))
		return false;
	if (passes(a) || has_pass(cov, a->tier))
		a->term->pass_mark = mark + a->tier;
	else
		a->term->mark = mark;
	return false;
}

/* Does it decide for all who are left? Then it is at the end, see cover_find(). */
static bool is_last(const struct cover *cov, size_t at)
{
	return at + 1 == cov->cnt && cov->atom[at]->any_peer &&
	       !has_pass(cov, cov->atom[at]->tier);
}

/* Return: does it decide for everybody who is left? @passed: as below. */
static bool cover_atom(struct cover *cov, const struct atom *a, int *passed)
{
	if (a->any_peer && a->action == ATOM_PASS) {
		*passed = a->tier;
		return false;
	}
	cover_add(cov, a);
	if (!a->any_peer)
		return false;
	if (!has_pass(cov, a->tier))
		return true;
	/* Who was not passed on is decided. */
	if (!is_allowed_only(cov, a))
		*passed = a->tier;
	return false;
}

void cover_find(struct wd_model *m, struct cover *cov, const struct sweep *w)
{
	uint64_t mark = m->mark += WD_TIER_BASELINE + 1;
	int passed = -1; /* tier that is over for everybody */

	cov->cnt = 0;
	cov->passes = false;
	cov->pass_tier = -1;
	cov->maybe_tier = -1;
	for (size_t i = 0; i < w->words; i++) {
		for (uint64_t on = w->on[i]; on; on &= on - 1) {
			const struct atom *a =
				w->atom[i * 64 + (size_t)__builtin_ctzll(on)];

			if (a->tier == passed || is_decided(cov, a, mark))
				continue;
			if (cover_atom(cov, a, &passed))
				return;
		}
	}
}

/* ---- items ---- */

/* One rule of the class to be. Its parts are a piece of items.part. */
struct item {
	uint32_t id;
	uint8_t action; /* WD_ACT_* */
	uint8_t tell; /* WD_TELL_*, if it denies */
	bool any; /* of everybody: no parts */
	size_t first;
	size_t cnt;
};

struct items {
	struct item *item;
	size_t cnt;
	size_t cap;
	struct mpart *part;
	size_t parts;
	size_t parts_cap;
	struct vec own; /* struct mterm: references to be dropped */
};

static void items_fini(struct wd_model *m, struct items *it)
{
	for (size_t i = 0; i < it->own.cnt; i++)
		term_put(m, it->own.item[i]);
	vec_fini(&it->own);
	free(it->item);
	free(it->part);
}

/* What of its tier an atom is part of, or ends: what allows, what denies. */
static uint32_t tiers_of(const struct atom *a)
{
	uint32_t allows = 1U << a->tier;
	uint32_t denies = 1U << (WD_TIER_BASELINE + 1 + a->tier);

	switch (a->action) {
	case ATOM_ALLOW:
	case ATOM_MAYBE:
		return allows;
	case ATOM_DENY:
		return denies;
	}
	return allows | denies;
}

static void add_part(struct items *it, struct mterm *term, enum part_what what,
		     uint32_t tiers)
{
	it->part =
		wd_grow(it->part, it->parts, &it->parts_cap, sizeof(*it->part));
	it->part[it->parts++] = (struct mpart){ term, what, tiers };
}

/* Everybody, as terms: a predicate that is not true of all has no other way to say it. */
static void add_everybody(struct wd_model *m, struct items *it,
			  enum part_what what, uint32_t tiers)
{
	struct wd_peer all = { .type = WD_PEER_CIDR };

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct mterm *term;

		all.cidr.addr.family = family;
		term = term_cidr(m, &all, NULL);
		vec_push(&it->own, term);
		add_part(it, term, what, tiers);
	}
}

/* The parts of the atom at @at: who was passed on before, in its tier, and its own. */
static void add_parts(struct wd_model *m, struct items *it,
		      const struct cover *cov, size_t at)
{
	const struct atom *a = cov->atom[at];

	for (size_t i = 0; i < at; i++) {
		const struct atom *b = cov->atom[i];

		if (passes(b) && tiers_of(b) & tiers_of(a))
			add_part(it, b->term, PART_PASS, tiers_of(b));
	}
	if (a->term)
		add_part(it, a->term, PART_YES, tiers_of(a));
	else
		add_everybody(m, it, PART_YES, tiers_of(a));
}

static uint8_t act_of(const struct atom *a)
{
	return a->action == ATOM_DENY ? WD_ACT_DENY : WD_ACT_ALLOW;
}

static void items_fill(struct wd_model *m, struct items *it,
		       const struct cover *cov)
{
	for (size_t i = 0; i < cov->cnt; i++) {
		const struct atom *a = cov->atom[i];
		struct item *item;

		if (passes(a))
			continue;
		it->item =
			wd_grow(it->item, it->cnt, &it->cap, sizeof(*it->item));
		item = &it->item[it->cnt++];
		*item = (struct item){
			.id = a->rule,
			.action = act_of(a),
			.tell = a->tell,
			.any = is_last(cov, i),
			.first = it->parts,
		};
		if (!item->any)
			add_parts(m, it, cov, i);
		item->cnt = it->parts - item->first;
	}
}

/* Of what two rules deny, as one: where they differ, the endpoint's counts. */
static uint8_t tell_both(uint8_t a, uint8_t b)
{
	return a == b ? a : WD_TELL_AS_EP;
}

/* What these decide is counted by another rule, or by none. */
static void join_ids(struct wd_model *m, struct item *into,
		     const struct item *item)
{
	if (into->id == item->id)
		return;
	rule_joined(m, into->id);
	rule_joined(m, item->id);
	into->id = item->any ? item->id : 0;
}

/* Items in a row that do the same are one; of several rules it names none. */
static void items_join(struct wd_model *m, struct items *it)
{
	size_t kept = 0;

	for (size_t i = 0; i < it->cnt; i++) {
		struct item *into = kept ? &it->item[kept - 1] : NULL;

		if (!into || into->action != it->item[i].action) {
			it->item[kept++] = it->item[i];
			continue;
		}
		/* Parts lie in the same order as items. */
		into->cnt += it->item[i].cnt;
		join_ids(m, into, &it->item[i]);
		into->tell = tell_both(into->tell, it->item[i].tell);
		into->any |= it->item[i].any;
	}
	it->cnt = kept;
}

/* Everybody whom the list denies (or allows), as one item. */
static struct item decided_by(struct wd_model *m, struct items *it,
			      const struct cover *cov, uint8_t action)
{
	struct item item = { .action = action, .first = it->parts };
	bool said = false;

	for (size_t i = 0; i < cov->cnt && !is_last(cov, i); i++) {
		const struct atom *a = cov->atom[i];
		enum part_what what = passes(a)		  ? PART_PASS :
				      act_of(a) == action ? PART_YES :
							    PART_NO;

		if (a->term)
			add_part(it, a->term, what, tiers_of(a));
		else
			add_everybody(m, it, what, tiers_of(a));
		if (what != PART_YES)
			continue;
		item.tell = said ? tell_both(item.tell, a->tell) : a->tell;
		rule_joined(m, a->rule);
		said = true;
	}
	item.cnt = it->parts - item.first;
	return item;
}

static void item_add(struct items *it, struct item item)
{
	it->item = wd_grow(it->item, it->cnt, &it->cap, sizeof(*it->item));
	it->item[it->cnt++] = item;
}

/*
 * The whole list in at most three: whom it denies; whom it allows; and all
 * others, if it speaks of everybody at its end.
 */
static void items_decide(struct wd_model *m, struct items *it,
			 const struct cover *cov)
{
	const struct atom *last = cov->atom[cov->cnt - 1];

	it->cnt = 0;
	it->parts = 0;
	item_add(it, decided_by(m, it, cov, WD_ACT_DENY));
	item_add(it, decided_by(m, it, cov, WD_ACT_ALLOW));
	if (is_last(cov, cov->cnt - 1))
		item_add(it, (struct item){ .id = last->rule,
					    .action = act_of(last),
					    .tell = last->tell,
					    .any = true });
}

/* ---- a class of items ---- */

static int class_fill(struct wd_model *m, const struct items *it,
		      struct mclass *c)
{
	for (size_t i = 0; i < it->cnt; i++) {
		const struct item *item = &it->item[i];
		struct wd_rule *rule = &c->val.rule[c->val.cnt];
		struct mspace *payer =
			item->cnt < 2 && rule_is_wide(m, item->id) ? NULL :
								     m->payer;
		struct mbit *bit = NULL;

		if (!item->any) {
			bit = bit_get(m, payer, &it->part[item->first],
				      (uint32_t)item->cnt);
			if (!bit)
				return -ENOSPC;
			c->bit[c->bit_cnt++] = bit;
		}
		rule->id = item->id;
		rule->pred = bit ? (uint16_t)bit->nr : WD_PRED_ANY;
		rule->action = item->action;
		rule->tell = item->tell;
		c->val.cnt++;
		if (payer)
			c->payer = payer;
	}
	return 0;
}

int class_get(struct wd_model *m, const struct cover *cov,
	      struct mclass **ret_class)
{
	struct mclass like = { 0 };
	struct items it = { 0 };
	int err;

	*ret_class = NULL;
	if (!cov->cnt)
		return 0;
	/* Each item repeats whom the ones before it passed on: not for long lists. */
	if (cov->passes && cov->cnt > 4 * WD_CLASS_RULES)
		items_decide(m, &it, cov);
	else
		items_fill(m, &it, cov);
	if (it.cnt > WD_CLASS_RULES)
		items_join(m, &it);
	if (it.cnt > WD_CLASS_RULES)
		items_decide(m, &it, cov);
	err = class_fill(m, &it, &like);
	items_fini(m, &it);
	if (err) {
		give_bits_back(m, &like);
		return err;
	}
	if (!like.val.cnt)
		return 0;
	*ret_class = class_intern(m, &like);
	return *ret_class ? 0 : -ENOSPC;
}
