/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.c - stable numbers for rules, so that an event or a counter can name one.
 *
 * The number is a hash of what the rule is called, hence the same after a
 * restart and on every node; two rules that collide get neighbouring numbers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model_int.h"

/* FNV-1a, 32 bits (offset basis and prime as published by its authors). */
static uint32_t hash_text(const char *text)
{
	uint32_t h = 2166136261U;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619U;
	return h ? h : 1;
}

static bool is_rule(const struct mrule *r, const struct wd_object *p,
		    enum wd_dir dir, int index)
{
	return r->kind == p->kind && r->ns == p->ns && r->name == p->name &&
	       r->dir == dir && r->index == index;
}

uint32_t rule_get(struct wd_model *m, const struct wd_object *p,
		  enum wd_dir dir, int index)
{
	char text[640];
	struct mrule *r;
	uint32_t id;

	(void)snprintf(text, sizeof(text), "%s/%s/%s/%d/%d",
		       wd_kind_name(p->kind), p->ns, p->name, (int)dir, index);
	for (id = hash_text(text);; id = id + 1 ? id + 1 : 1) {
		HASH_FIND(hh, m->rules, &id, sizeof(id), r);
		if (!r || is_rule(r, p, dir, index))
			break;
	}
	if (!r) {
		r = wd_xcalloc(1, sizeof(*r));
		r->id = id;
		r->kind = p->kind;
		r->ns = wd_str_ref(p->ns);
		r->name = wd_str_ref(p->name);
		r->dir = dir;
		r->index = index;
		HASH_ADD(hh, m->rules, id, sizeof(r->id), r);
	}
	r->refs++;
	return r->id;
}

void rule_put(struct wd_model *m, uint32_t id)
{
	struct mrule *r;

	HASH_FIND(hh, m->rules, &id, sizeof(id), r);
	if (!r || --r->refs > 0)
		return;
	HASH_DELETE(hh, m->rules, r);
	wd_str_put(r->ns);
	wd_str_put(r->name);
	free(r);
}

const struct wd_object *wd_model_rule(const struct wd_model *m,
				      uint32_t rule_id, enum wd_dir *ret_dir,
				      int *ret_index)
{
	const struct wd_object *policy;
	struct mrule *r;

	HASH_FIND(hh, m->rules, &rule_id, sizeof(rule_id), r);
	if (!r)
		return NULL;
	*ret_dir = r->dir;
	*ret_index = r->index;
	policy = wd_store_get(m->store, r->kind, r->ns, r->name);
	return policy ? policy : host_policy(m, r->kind, r->name);
}
