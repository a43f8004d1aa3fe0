/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mixed.c - which rules may decide about what goes to a service whose backends
 * rules tell apart. That is judged after the translation, by a program that
 * does not count by rule: all other rules are counted in full.
 *
 * Asked is what the tables in force, and those to come, hold true of the kinds
 * of backends. Rather too many than too few: where that would be too much to
 * look at it is all of them.
 */
#include "rule.h"
#include "why_int.h"

#define STEPS_MAX (1U << 17)

struct search {
	struct wd_model *m;
	uint32_t steps;
	bool all; /* it may be any */
};

static bool is_mixed(const struct mfront *f)
{
	const struct mkind *first = f->kinds.cnt ? f->kinds.item[0] : NULL;

	return f->kinds.cnt > 1 ||
	       (first && (first->e.have.flags & WD_FRONT_MANY));
}

bool wd_model_mixes(const struct wd_model *m)
{
	for (const struct mfront *f = m->fronts; f; f = f->hh.next) {
		if (is_mixed(f))
			return true;
	}
	return false;
}

static void mark_class(struct wd_model *m, const struct wd_class_val *cls,
		       uint32_t row)
{
	const __u64 *bits = m->sink.row[row].bits;

	for (uint32_t i = 0; i < cls->cnt && i < WD_CLASS_RULES; i++) {
		const struct wd_rule *item = &cls->rule[i];
		struct mrule *r;

		if (item->pred != WD_PRED_ANY &&
		    !(bits[item->pred / 64] >> (item->pred % 64) & 1))
			continue;
		r = rule_find(m, item->id);
		if (r)
			r->mixed = m->rules_mix = true;
	}
}

/* What each pod's rules say of such a backend. */
static void mark_backend(struct search *s, const struct wd_flow *flow,
			 uint32_t row)
{
	const struct wd_model *m = s->m;

	for (const struct mslot *slot = m->slots; slot && !s->all;
	     slot = slot->hh.next) {
		const struct wd_slot_val *val =
			&m->sink.slot[(size_t)slot->id * WD_DIR__MAX +
				      WD_EGRESS];

		for (int l4 = 0; l4 < WD_L4__MAX; l4++)
			s->steps += val->cnt[l4];
		s->steps += WD_CLASS_RULES;
		s->all = s->steps > STEPS_MAX;
		mark_class(s->m, &m->sink.class[why_table_class(m, val, flow)],
			   row);
	}
}

/* Both halves: one may be in force for a moment more. */
static void mark_front(struct search *s, const struct mfront *f)
{
	struct wd_flow flow = { .proto = f->key.proto,
				.dst.family = f->key.family };

	for (size_t i = 0; i < f->kinds.cnt && !s->all; i++) {
		const struct mkind *kind = f->kinds.item[i];
		const struct wd_addr_val *have = &kind->e.have;

		if (!f->key.port || (have->flags & WD_FRONT_NONE)) {
			s->all = true;
			return;
		}
		for (int half = 0; half < 2; half++) {
			flow.port = have->ifindex >> (half ? 16 : 0) & 0xffff;
			mark_backend(s, &flow, have->row[half]);
		}
	}
}

void wd_model_note_mixed(struct wd_model *m, uint32_t tick)
{
	struct search s = { .m = m };
	bool before = m->rules_mix;

	if (m->mixed_at == m->commits)
		return;
	m->mixed_at = m->commits;
	m->rules_mix = false;
	for (struct mrule *r = before ? m->rules : NULL; r; r = r->hh.next) {
		if (r->mixed)
			r->mixed_end = tick;
		r->mixed = false;
	}
	for (const struct mfront *f = m->fronts; f && !s.all; f = f->hh.next) {
		if (is_mixed(f))
			mark_front(&s, f);
	}
	for (struct mrule *r = s.all ? m->rules : NULL; r; r = r->hh.next)
		r->mixed = m->rules_mix = true;
}

bool wd_model_is_mixed(const struct wd_model *m, uint32_t rule_id,
		       uint32_t *ret_end)
{
	const struct mrule *r = rule_find(m, rule_id);

	*ret_end = r ? r->mixed_end : 0;
	return r && r->mixed;
}
