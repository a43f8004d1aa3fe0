/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * free.c - taking the model apart, so that tests can tell a leak from a cache.
 */
#include <stdlib.h>

#include "model_int.h"
#include "rule.h"

static void entry_forget(struct wd_model *m, struct mentry *e)
{
	for (int i = 0; i < 2; i++) {
		if (e->owned[i])
			row_put(m, e->have.row[i]);
	}
	if (e->wanted)
		row_put(m, e->want.row[0]);
}

static void free_endpoints(struct wd_model *m)
{
	struct mendpoint *e;
	struct mendpoint *tmp;

	HASH_ITER(hh, m->endpoints, e, tmp)
		wd_model_endpoint_del(m, e->id);
	for (size_t i = 0; i < m->ghosts.cnt; i++) {
		struct mghost *g = m->ghosts.item[i];

		owned_put(m, &g->owned);
		free(g);
	}
	vec_fini(&m->ghosts);
}

static void free_pods(struct wd_model *m)
{
	struct mpod *pod;
	struct mpod *tmp;

	HASH_ITER(hh, m->pods, pod, tmp) {
		pod->obj = NULL;
		pod_update(m, pod);
	}
}

static void free_addrs(struct wd_model *m)
{
	struct maddr *a;
	struct maddr *tmp;
	struct mprefix *p;
	struct mprefix *ptmp;

	wd_model_host_addrs(m, NULL, 0);
	HASH_ITER(hh, m->addrs, a, tmp) {
		while (!SLIST_EMPTY(&a->claims))
			claim_free(m, SLIST_FIRST(&a->claims));
		entry_forget(m, &a->e);
		HASH_DELETE(hh, m->addrs, a);
		free(a);
	}
	HASH_ITER(hh, m->prefixes, p, ptmp) {
		entry_forget(m, &p->e);
		HASH_DELETE(hh, m->prefixes, p);
		vec_fini(&p->in);
		vec_fini(&p->out);
		free(p);
	}
}

static void free_spaces(struct wd_model *m)
{
	struct mspace *s;
	struct mspace *tmp;
	struct mportname *n;
	struct mportname *ntmp;

	quota_fini(m);

	HASH_ITER(hh, m->spaces, s, tmp) {
		HASH_DELETE(hh, m->spaces, s);
		wd_str_put(s->relaxed);
		wd_str_put(s->name);
		wd_labels_put(s->labels);
		vec_fini(&s->policies);
		vec_fini(&s->groups);
		vec_fini(&s->endpoints);
		vec_fini(&s->services);
		vec_fini(&s->nameless);
		free(s);
	}
	HASH_ITER(hh, m->portnames, n, ntmp) {
		HASH_DELETE(hh, m->portnames, n);
		wd_str_put(n->key.name);
		free(n->num);
		free(n);
	}
}

static void free_insides(struct wd_model *m)
{
	struct minside *in;
	struct minside *tmp;

	HASH_ITER(hh, m->insides, in, tmp) {
		HASH_DELETE(hh, m->insides, in);
		free(in);
	}
}

void wd_model_rebind(struct wd_model *model, const struct wd_sink *sink)
{
	model->sink = *sink;
	rules_elsewhere(model);
}

void wd_model_free(struct wd_model *m)
{
	struct madopted *old;
	struct madopted *tmp;

	if (!m)
		return;
	fronts_fini(m);
	services_fini(m);
	hosts_fini(m);
	free_endpoints(m);
	free_pods(m);
	free_addrs(m);
	free_spaces(m);
	HASH_ITER(hh, m->adopted, old, tmp) {
		HASH_DELETE(hh, m->adopted, old);
		free(old);
	}
	identities_fini(m);
	free_insides(m);
	for (size_t i = 0; i < m->nodes.cnt; i++)
		wd_str_put(m->nodes.item[i]);
	vec_fini(&m->nodes);
	vec_fini(&m->numbered);
	vec_fini(&m->fresh_bits);
	vec_fini(&m->wide);
	vec_fini(&m->node_terms);
	vec_fini(&m->unknown_terms);
	vec_fini(&m->ordered_pods);
	wd_labels_put(m->no_labels);
	vec_fini(&m->dirty_addrs);
	vec_fini(&m->dirty_prefixes);
	vec_fini(&m->unsettled_addrs);
	vec_fini(&m->unsettled_prefixes);
	wd_alloc_fini(&m->bit_alloc);
	wd_alloc_fini(&m->row_alloc);
	wd_alloc_fini(&m->slot_alloc);
	wd_alloc_fini(&m->span_alloc);
	wd_alloc_fini(&m->class_alloc);
	rules_fini(m);
	wd_str_put(m->node);
	free(m);
}
