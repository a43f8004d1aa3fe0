/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.c - stable numbers for rules, so that an event or a counter can name one.
 *
 * The number is a hash of what the rule is called, hence the same on every node,
 * but for this: the lower bits say where the rule is counted (wd_rulestat), so
 * no two rules in use have them in common. Whose place is taken gets the next
 * one, and after a restart the same again, by the numbers that the tables in
 * force have. A rule that finds no place has none, and is not counted. A number
 * is kept while it is in use: it is found by what the rule is called.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rule.h"

/* FNV-1a, 32 bits (offset basis and prime as published by its authors). */
static uint32_t hash_text(const char *text)
{
	uint32_t h = 2166136261U;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619U;
	return h ? h : 1;
}

static struct mrule_name name_of(const struct wd_object *p, enum wd_dir dir,
				 int index)
{
	return (struct mrule_name){ .ns = p->ns,
				    .name = p->name,
				    .kind = p->kind,
				    .dir = dir,
				    .index = index };
}

static struct mrule *find_named(const struct wd_model *m,
				const struct mrule_name *name)
{
	struct mrule *r;

	HASH_FIND(named, m->rules_named, name, sizeof(*name), r);
	return r;
}

/* Of the agent before, and nobody has come for it yet. */
static bool is_kept(const struct mrule *r)
{
	return !r->of.name;
}

struct mrule *rule_find(const struct wd_model *m, uint32_t id)
{
	struct mrule *r;

	HASH_FIND(hh, m->rules, &id, sizeof(id), r);
	return r;
}

/* ---- places: what a rule is counted at ---- */

#define PLACE(id) ((id) & (WD_RULES_MAX - 1))
/* more than one is away from where it would be: the table is too full to look on */
#define REACH_MAX 64

static bool is_taken(const struct wd_model *m, uint32_t place)
{
	return m->rule_places[place / 64] >> place % 64 & 1;
}

static void place_flip(struct wd_model *m, uint32_t id)
{
	m->rule_places[PLACE(id) / 64] ^= 1ULL << PLACE(id) % 64;
}

/* The number of whose place is @away from that of @hash. */
static uint32_t id_at(uint32_t hash, uint32_t away)
{
	return hash - PLACE(hash) + PLACE(hash + away);
}

/*
 * Of a rule that has no number and whose name has @hash: look for what is kept
 * for it, else for a free place. Return: its number; 0: there is no place.
 */
static uint32_t find_id(const struct wd_model *m, uint32_t hash)
{
	uint32_t spare = 0;

	for (uint32_t away = 0; away < REACH_MAX; away++) {
		uint32_t id = id_at(hash, away);
		const struct mrule *r = rule_find(m, id);

		if (!PLACE(id))
			continue; /* nobody's */
		if (r && is_kept(r))
			return id;
		if (!spare && !is_taken(m, PLACE(id)))
			spare = id;
		if (spare && !m->rules_kept)
			break;
	}
	return spare;
}

/*
 * A number of one that is not counted. Names may be chosen such that all want
 * the same: the next one is looked for behind what was given last.
 */
static uint32_t find_placeless(struct wd_model *m, uint32_t hash)
{
	uint32_t id = hash - PLACE(hash);

	m->numbers++;
	if (id && !rule_find(m, id))
		return id;
	do {
		m->numbers++;
		m->rule_placeless += WD_RULES_MAX;
	} while (!m->rule_placeless || rule_find(m, m->rule_placeless));
	return m->rule_placeless;
}

/* ---- who counts ---- */

void rules_begin(struct wd_model *m)
{
	struct mrule *r, *tmp;

	if (!m->rules_fresh || !m->sink.rule)
		return;
	m->rules_fresh = false;
	HASH_ITER(hh, m->rules, r, tmp) {
		if (r->told || is_kept(r))
			continue;
		r->told = !m->sink.rule(m->sink.ctx, r->id, false);
		m->rules_fresh |= !r->told;
	}
}

void rules_end(struct wd_model *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->rules_ended_cnt; i++) {
		uint32_t id = m->rules_ended[i];

		/* it may have come back meanwhile */
		if (m->sink.rule && !rule_find(m, id) &&
		    m->sink.rule(m->sink.ctx, id, true))
			m->rules_ended[kept++] = id;
	}
	m->rules_ended_cnt = kept;
	if (kept)
		return;
	free(m->rules_ended);
	m->rules_ended = NULL;
}

void rules_elsewhere(struct wd_model *m)
{
	struct mrule *r, *tmp;

	HASH_ITER(hh, m->rules, r, tmp)
		r->told = false;
	m->rules_fresh = true;
	rules_begin(m);
}

/* ---- coming and going ---- */

static void rule_forget(struct wd_model *m, struct mrule *r)
{
	if (PLACE(r->id)) {
		place_flip(m, r->id);
		m->rules_ended = wd_xrealloc(m->rules_ended,
					     m->rules_ended_cnt + 1,
					     sizeof(*m->rules_ended));
		m->rules_ended[m->rules_ended_cnt++] = r->id;
	}
	if (!is_kept(r))
		HASH_DELETE(named, m->rules_named, r);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is no entry any more */
	HASH_DELETE(hh, m->rules, r);
	wd_str_put(r->of.ns);
	wd_str_put(r->of.name);
	free(r);
}

static struct mrule *rule_new(struct wd_model *m, uint32_t id)
{
	struct mrule *r = wd_xcalloc(1, sizeof(*r));

	r->id = id;
	HASH_ADD(hh, m->rules, id, sizeof(r->id), r);
	if (PLACE(id))
		place_flip(m, id);
	return r;
}

void wd_model_adopt_rule(struct wd_model *m, uint32_t id)
{
	if (!PLACE(id) || is_taken(m, PLACE(id)))
		return;
	(void)rule_new(m, id);
	m->rules_kept = true;
}

void rules_release(struct wd_model *m)
{
	struct mrule *r, *tmp;

	if (!m->rules_kept)
		return;
	HASH_ITER(hh, m->rules, r, tmp) {
		if (is_kept(r))
			rule_forget(m, r);
	}
	m->rules_kept = false;
}

void rules_fini(struct wd_model *m)
{
	rules_release(m);
	free(m->rules_ended);
}

/* ---- rules ---- */

static uint32_t rule_hash(const struct wd_object *p, enum wd_dir dir, int index)
{
	char text[640];

	(void)snprintf(text, sizeof(text), "%s/%s/%s/%d/%d",
		       wd_kind_name(p->kind), p->ns, p->name, (int)dir, index);
	return hash_text(text);
}

static struct mrule *rule_begin(struct wd_model *m, const struct wd_object *p,
				const struct mrule_name *name)
{
	uint32_t hash = rule_hash(p, (enum wd_dir)name->dir, (int)name->index);
	uint32_t id = find_id(m, hash);
	struct mrule *r;

	if (!id)
		id = find_placeless(m, hash);
	r = rule_find(m, id);
	if (!r)
		r = rule_new(m, id);
	r->of = *name;
	(void)wd_str_ref(name->ns);
	(void)wd_str_ref(name->name);
	HASH_ADD(named, m->rules_named, of, sizeof(r->of), r);
	m->rules_fresh = true;
	return r;
}

uint32_t rule_get(struct wd_model *m, const struct wd_object *p,
		  enum wd_dir dir, int index)
{
	struct mrule_name name = name_of(p, dir, index);
	struct mrule *r = find_named(m, &name);

	if (!r)
		r = rule_begin(m, p, &name);
	r->refs++;
	return r->id;
}

void rule_ref(struct wd_model *m, uint32_t id, uint32_t cnt)
{
	rule_find(m, id)->refs += cnt;
}

void rule_put(struct wd_model *m, uint32_t id, uint32_t cnt)
{
	struct mrule *r = rule_find(m, id);

	if (!r)
		return;
	r->refs -= cnt;
	if (!r->refs)
		rule_forget(m, r);
}

bool rule_is_wide(const struct wd_model *m, uint32_t id)
{
	const struct mrule *r = rule_find(m, id);

	return r && r->of.ns && !*r->of.ns;
}

void rule_joined(struct wd_model *m, uint32_t id)
{
	struct mrule *r = rule_find(m, id);

	if (r)
		r->joined = true;
}

uint32_t wd_model_rule_of(const struct wd_model *m,
			  const struct wd_object *policy, enum wd_dir dir,
			  int index, bool *ret_joined)
{
	struct mrule_name name = name_of(policy, dir, index);
	const struct mrule *r = find_named(m, &name);

	*ret_joined = r && r->joined;
	return r ? r->id : 0;
}

uint32_t wd_model_next_rule(const struct wd_model *m, uint32_t after)
{
	const struct mrule *r = after ? rule_find(m, after) : m->rules;

	if (after && r)
		r = r->hh.next;
	while (r && (is_kept(r) || !PLACE(r->id)))
		r = r->hh.next;
	return r ? r->id : 0;
}

const struct wd_object *wd_model_rule(const struct wd_model *m,
				      uint32_t rule_id, enum wd_dir *ret_dir,
				      int *ret_index)
{
	const struct wd_object *policy;
	const struct mrule *r = rule_find(m, rule_id);

	if (!r || is_kept(r))
		return NULL;
	*ret_dir = (enum wd_dir)r->of.dir;
	*ret_index = (int)r->of.index;
	policy = wd_store_get(m->store, (enum wd_kind)r->of.kind, r->of.ns,
			      r->of.name);
	return policy ? policy :
			host_policy(m, (enum wd_kind)r->of.kind, r->of.name);
}
