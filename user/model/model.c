/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.c - what changed, and the commit that makes it true.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model_int.h"

struct wd_model *wd_model_new(const struct wd_store *store,
			      const struct wd_sink *sink,
			      const struct wd_model_config *config)
{
	struct wd_model *m = wd_xcalloc(1, sizeof(*m));

	m->store = store;
	m->sink = *sink;
	m->node = wd_str_get(config->node ? config->node : "");
	m->mode = config->mode == WD_MODE_UNSET ? WD_MODE_ENFORCE :
						  config->mode;
	m->encrypt = config->encrypt;
	m->exempt = config->exempt;
	m->exempt_cnt = config->exempt_cnt;
	memcpy(m->quota, config->quota, sizeof(m->quota));
	m->closed_most = config->closed_most;
	m->no_labels = wd_labels_get(NULL, 0);
	m->identity_next = WD_ID_FIRST;
	m->first = true;
	m->commit_needed = true;
	m->words = 1;
	wd_alloc_init(&m->bit_alloc, WD_PREDS_MAX, 0);
	/* Element 0 of each means "none": empty row, NOT_READY, no rule. */
	wd_alloc_init(&m->row_alloc, WD_ROWS_MAX, 1);
	wd_alloc_init(&m->slot_alloc, WD_SLOTS_MAX, 1);
	wd_alloc_init(&m->class_alloc, WD_CLASSES_MAX, 1);
	wd_alloc_init(&m->span_alloc, WD_SPANS_MAX, 0);
	for (size_t i = 0; i < config->inside_cnt; i++)
		inside_add(m, &config->inside[i]);
	return m;
}

/* ---- changes ---- */

/*
 * Order of precedence, where there is one. Of two with equal priority the API
 * leaves it open; here the kind and then the name decide, on every node alike.
 */
static int policy_cmp(const struct wd_object *a, const struct wd_object *b)
{
	int cmp = (int)a->policy.tier - (int)b->policy.tier;

	if (!cmp)
		cmp = (a->policy.priority > b->policy.priority) -
		      (a->policy.priority < b->policy.priority);
	if (!cmp)
		cmp = (int)a->kind - (int)b->kind;
	return cmp ? cmp : strcmp(a->name, b->name);
}

static void policy_insert(struct vec *v, const struct wd_object *policy)
{
	union {
		const struct wd_object *in;
		void *out;
	} cast = { policy };
	size_t i;

	vec_push(v, cast.out);
	for (i = v->cnt - 1; i > 0 && policy_cmp(v->item[i - 1], policy) > 0;
	     i--)
		v->item[i] = v->item[i - 1];
	v->item[i] = cast.out;
}

static void policy_delete(struct vec *v, const struct wd_object *policy)
{
	size_t i;

	for (i = 0; i < v->cnt && v->item[i] != policy; i++)
		;
	if (i == v->cnt)
		return;
	memmove(&v->item[i], &v->item[i + 1],
		(v->cnt - i - 1) * sizeof(*v->item));
	v->cnt--;
}

bool policy_selects(const struct wd_object *policy, const struct mspace *s,
		    const struct wd_object *pod)
{
	for (uint32_t i = 0; policy && i < policy->policy.spec_cnt; i++) {
		if (wd_spec_selects(&policy->policy.spec[i], policy->ns, pod,
				    s->labels))
			return true;
	}
	return false;
}

/* Is it for the whole cluster? */
static bool is_wide(const struct wd_object *policy)
{
	return !*policy->ns;
}

static void subject_dirty(struct wd_model *m, struct mendpoint *e)
{
	e->dirty = true;
	m->commit_needed = true;
}

/* Note the change in the list of an endpoint that has one. */
static void relist(struct mendpoint *e, const struct wd_object *was,
		   const struct wd_object *now)
{
	if (e->listed && was)
		policy_delete(is_wide(was) ? &e->wide : &e->near, was);
	if (e->listed && now)
		policy_insert(is_wide(now) ? &e->wide : &e->near, now);
}

/*
 * Whom a policy selected or selects. Other changes of who is selected make
 * endpoints dirty by themselves.
 */
static void subjects_changed(struct wd_model *m, const struct mspace *s,
			     const struct wd_object *was,
			     const struct wd_object *now)
{
	for (size_t i = 0; i < s->endpoints.cnt; i++) {
		struct mendpoint *e = s->endpoints.item[i];
		const struct wd_object *pod = endpoint_pod(e);
		bool given = e->is_host; /* what the store says is not its */
		bool had = pod && !given && policy_selects(was, s, pod);
		bool has = pod && !given && policy_selects(now, s, pod);

		relist(e, had ? was : NULL, has ? now : NULL);
		if (had || has)
			subject_dirty(m, e);
	}
}

static void taken_in(struct wd_model *m, struct mspace *s,
		     const struct wd_object *obj)
{
	if (!wd_kind_is_policy(obj->kind)) {
		service_taken_in(m, obj);
		return;
	}
	for (size_t i = 0; i < s->endpoints.cnt; i++) {
		struct mendpoint *e = s->endpoints.item[i];
		const struct wd_object *pod = endpoint_pod(e);

		if (pod && policy_selects(obj, s, pod))
			subject_dirty(m, e);
	}
}

/* Where one goes, or gets smaller, others may have room. */
static void quotas_changed(struct wd_model *m, struct mspace *s,
			   const struct wd_object *was,
			   const struct wd_object *now)
{
	if (was)
		(void)quota_goes(m, s, was);
	if (now)
		(void)quota_comes(m, s, now);
	if (was)
		quota_next(m, s, taken_in);
}

static void policy_changed(struct wd_model *m, const struct wd_object *was,
			   const struct wd_object *now)
{
	const struct wd_object *any = now ? now : was;
	struct mspace *s = is_wide(any) ? NULL : space_get(m, any->ns);
	struct vec *list = s ? &s->policies : &m->wide;

	if (was)
		policy_delete(list, was);
	if (now)
		policy_insert(list, now);
	if (s) {
		quotas_changed(m, s, was, now);
		subjects_changed(m, s, was, now);
		return;
	}
	for (s = m->spaces; s; s = s->hh.next)
		subjects_changed(m, s, was, now);
}

void wd_model_changed(void *model, const struct wd_object *was,
		      const struct wd_object *now)
{
	struct wd_model *m = model;

	switch (now ? now->kind : was->kind) {
	case WD_KIND_NAMESPACE:
		space_changed(m, was, now);
		break;
	case WD_KIND_POD:
		pod_changed(m, was, now);
		break;
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		node_changed(m, was, now);
		break;
	case WD_KIND_CIDR_GROUP:
		m->groups_changed = m->commit_needed = true;
		break;
	case WD_KIND_SERVICE:
		service_changed(m, was, now);
		if (was)
			quota_next(m, space_get(m, was->ns), taken_in);
		break;
	case WD_KIND_SLICE:
		slice_changed(m, was, now);
		if (was)
			quota_next(m, space_get(m, was->ns), taken_in);
		break;
	case WD_KIND_NETPOL:
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		policy_changed(m, was, now);
		break;
	case WD_KIND__MAX:
		break;
	}
}

/* ---- endpoints ---- */

static struct mendpoint *endpoint_find(const struct wd_model *m, uint32_t id)
{
	struct mendpoint *e;

	HASH_FIND(hh, m->endpoints, &id, sizeof(id), e);
	return e;
}

/* An entry of the agent before under this interface is where this endpoint begins. */
static void endpoint_adopt(struct wd_model *m, struct mendpoint *e)
{
	struct madopted *old;

	HASH_FIND(hh, m->adopted, &e->ep->ifindex, sizeof(e->ep->ifindex), old);
	if (!old)
		return;
	e->in_kernel = true;
	e->have = old->val;
	HASH_DELETE(hh, m->adopted, old);
	free(old);
}

void wd_model_endpoint_set(struct wd_model *m, const struct wd_endpoint *ep)
{
	struct mendpoint *e = endpoint_find(m, ep->id);

	if (!e) {
		e = wd_xcalloc(1, sizeof(*e));
		e->id = ep->id;
		e->ep = ep;
		e->pod = pod_get(m, ep->ns, ep->name);
		e->space = space_get(m, ep->ns);
		e->left = true;
		SLIST_INSERT_HEAD(&e->pod->endpoints, e, of_pod);
		vec_push(&e->space->endpoints, e);
		HASH_ADD(hh, m->endpoints, id, sizeof(e->id), e);
		endpoint_adopt(m, e);
	}
	e->ep = ep;
	pod_update(m, e->pod);
}

void wd_model_endpoint_del(struct wd_model *m, uint32_t id)
{
	struct mendpoint *e = endpoint_find(m, id);

	if (!e)
		return;
	SLIST_REMOVE(&e->pod->endpoints, e, mendpoint, of_pod);
	(void)vec_remove(&e->space->endpoints, e);
	HASH_DELETE(hh, m->endpoints, e);
	pod_update(m, e->pod);
	endpoint_leave(m, e);
	slot_put(m, e->slot);
	slot_put(m, e->trial);
	if (e->in_kernel)
		ghost_add(m, e->ep->ifindex, &e->owned);
	free(e->error);
	vec_fini(&e->wide);
	vec_fini(&e->near);
	free(e);
}

/* ---- beginning on top of what is there ---- */

static void hold_used(struct wd_alloc *a, enum wd_map map,
		      bool (*used)(void *ctx, enum wd_map map, uint32_t index),
		      void *ctx)
{
	for (uint32_t i = 0; i < a->max; i++) {
		if (used(ctx, map, i))
			wd_alloc_hold(a, i);
	}
}

void wd_model_adopt(struct wd_model *m, uint32_t gen,
		    bool (*used)(void *ctx, enum wd_map map, uint32_t index),
		    void *ctx)
{
	m->gen = gen;
	m->held = true;
	hold_used(&m->row_alloc, WD_MAP_wd_row, used, ctx);
	hold_used(&m->slot_alloc, WD_MAP_wd_slot, used, ctx);
	hold_used(&m->span_alloc, WD_MAP_wd_span, used, ctx);
	hold_used(&m->class_alloc, WD_MAP_wd_class, used, ctx);
}

static void adopt_addr(struct wd_model *m, uint8_t family, const void *key,
		       const void *val)
{
	struct wd_addr addr = { .family = family };
	struct maddr *a;

	memcpy(&addr.v6, key, family == 4 ? 4 : 16);
	a = addr_get(m, &addr);
	a->e.in_kernel = true;
	a->e.published = true;
	memcpy(&a->e.have, val, sizeof(a->e.have));
	addr_dirty(m, a);
}

static void adopt_prefix(struct wd_model *m, uint8_t family, const void *key,
			 const void *val)
{
	struct wd_cidr cidr;
	struct mprefix *p;

	memset(&cidr, 0, sizeof(cidr));
	cidr.addr.family = family;
	cidr.len = (uint8_t)((const struct wd_cidr6_key *)key)->prefixlen;
	memcpy(&cidr.addr.v6, (const uint8_t *)key + 4, family == 4 ? 4 : 16);
	HASH_FIND(hh, m->prefixes, &cidr, sizeof(cidr), p);
	if (!p) {
		p = wd_xcalloc(1, sizeof(*p));
		p->cidr = cidr;
		HASH_ADD(hh, m->prefixes, cidr, sizeof(p->cidr), p);
		m->prefix_lens[family == 6][cidr.len]++;
		m->prefix_cnt[family == 6]++;
	}
	p->e.in_kernel = true;
	p->e.published = true;
	memcpy(&p->e.have, val, sizeof(p->e.have));
	prefix_dirty(m, p);
}

static void adopt_endpoint(struct wd_model *m, const void *key, const void *val)
{
	struct madopted *old = wd_xcalloc(1, sizeof(*old));

	memcpy(&old->ifindex, key, sizeof(old->ifindex));
	memcpy(&old->val, val, sizeof(old->val));
	HASH_ADD(hh, m->adopted, ifindex, sizeof(old->ifindex), old);
}

void wd_model_adopt_entry(struct wd_model *m, enum wd_map map, const void *key,
			  const void *val)
{
	switch ((int)map) {
	case WD_MAP_wd_addr4:
		adopt_addr(m, 4, key, val);
		break;
	case WD_MAP_wd_addr6:
		adopt_addr(m, 6, key, val);
		break;
	case WD_MAP_wd_cidr4:
		adopt_prefix(m, 4, key, val);
		break;
	case WD_MAP_wd_cidr6:
		adopt_prefix(m, 6, key, val);
		break;
	case WD_MAP_wd_front:
		front_adopt(m, key, val);
		break;
	case WD_MAP_wd_endpoint:
		adopt_endpoint(m, key, val);
		break;
	}
}

/* Endpoint entries of the agent before that no endpoint took up go with the first commit. */
static void adopted_to_ghosts(struct wd_model *m)
{
	struct madopted *old;
	struct madopted *tmp;

	HASH_ITER(hh, m->adopted, old, tmp) {
		ghost_add(m, old->ifindex, NULL);
		HASH_DELETE(hh, m->adopted, old);
		free(old);
	}
}

/* ---- commit ---- */

/* What policies speak of without naming its content. */
static void content_apply(struct wd_model *m)
{
	if (!m->portnames_changed && !m->groups_changed &&
	    !m->services_changed && !m->slices_changed)
		return;
	quota_regroup(m, taken_in);
	for (struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		e->dirty |= e->named_egress && m->portnames_changed;
		e->dirty |= e->grouped && m->groups_changed;
		e->dirty |= (e->served & m->services_changed) != 0;
		e->dirty |= (e->sliced & m->slices_changed) != 0;
	}
	m->portnames_changed = m->groups_changed = false;
	m->services_changed = m->slices_changed = 0;
}

static int compile_peers(struct wd_model *m)
{
	int err = 0;

	if (m->prefixes_dirty) {
		for (struct mprefix *p = m->prefixes; p; p = p->hh.next)
			prefix_dirty(m, p);
		m->prefixes_dirty = false;
	}
	for (size_t i = 0; i < m->dirty_prefixes.cnt && !err; i++)
		err = prefix_compile(m, m->dirty_prefixes.item[i]);
	for (size_t i = 0; i < m->dirty_addrs.cnt && !err; i++)
		err = addr_compile(m, m->dirty_addrs.item[i]);
	if (m->dirty_prefixes.cnt)
		front_prefixes_changed(m);
	services_weigh(m);
	for (size_t i = 0; i < m->dirty_fronts.cnt && !err; i++)
		err = front_compile(m, m->dirty_fronts.item[i]);
	return err;
}

static int compile(struct wd_model *m)
{
	int err;

	content_apply(m);
	err = endpoints_compile(m);
	if (err)
		return err;
	bits_evaluate(m);
	return compile_peers(m);
}

/* It is done, but for those that the kernel has no memory for. Return: 0 or why */
static int commit_ends(const struct wd_model *m, char **ret_error)
{
	if (m->behind && ret_error &&
	    asprintf(
		    ret_error,
		    "commit: compiling: %s; what %u endpoints have stays in force, for others generation %u is",
		    strerror(-m->behind_err), m->behind, m->gen) < 0)
		*ret_error = NULL;
	return m->behind_err;
}

static int commit(struct wd_model *m, char **ret_error)
{
	const char *what = "compiling";
	bool wrote = m->gen == 0 || m->republish;
	int err;

	adopted_to_ghosts(m);
	err = wd_model_settle(m);
	if (!err)
		err = compile(m);
	if (!err) {
		what = "writing maps";
		err = write_all(m, &wrote);
	}
	if (err) {
		m->behind = 0;
		if (ret_error &&
		    asprintf(ret_error,
			     "commit: %s: %s; generation %u stays in force",
			     what, strerror(-err), m->gen) < 0)
			*ret_error = NULL;
		return err;
	}
	if (wrote) {
		m->gen = m->gen + 1 ? m->gen + 1 : 2;
		m->sink.publish(m->sink.ctx, m->gen);
	}
	m->commit_needed = m->behind > 0 || m->late;
	m->republish = false;
	write_done(m);
	m->commits++;
	if (!m->first)
		return commit_ends(m, ret_error);
	m->first = false;
	/* If it fails the next commit begins with it: so long all stays held. */
	(void)wd_model_settle(m);
	return 0;
}

int wd_model_commit(struct wd_model *m, char **ret_error)
{
	struct timespec begin;
	struct timespec end;
	int err;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	err = commit(m, ret_error);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	m->commit_us = (uint64_t)(end.tv_sec - begin.tv_sec) * 1000000 +
		       (uint64_t)(end.tv_nsec / 1000) -
		       (uint64_t)(begin.tv_nsec / 1000);
	return err;
}

int wd_model_commit_whole(struct wd_model *m, char **ret_error)
{
	int err = wd_model_commit(m, ret_error);

	for (int i = 0; i < 100 && !err && wd_model_dirty(m); i++)
		err = wd_model_commit(m, ret_error);
	return err;
}

uint32_t wd_model_behind(const struct wd_model *m)
{
	return m->behind;
}

bool wd_model_waits(const struct wd_model *m)
{
	return m->late || endpoints_wait(m);
}

void wd_model_encap(struct wd_model *m, const struct wd_encap *encap)
{
	if (!memcmp(&m->encap, encap, sizeof(*encap)))
		return;
	m->encap = *encap;
	fronts_encap(m);
}

void wd_model_republish(struct wd_model *m)
{
	m->republish = true;
	m->commit_needed = true;
}

bool wd_model_dirty(const struct wd_model *m)
{
	return m->commit_needed || endpoints_wait(m);
}

/* ---- drift ---- */

static struct mentry *entry_find(const struct wd_model *m, enum wd_map map,
				 const void *key, struct maddr **ret_addr,
				 struct mprefix **ret_prefix)
{
	uint8_t family = map == WD_MAP_wd_addr4 || map == WD_MAP_wd_cidr4 ? 4 :
									    6;
	struct wd_cidr cidr;

	memset(&cidr, 0, sizeof(cidr));
	cidr.addr.family = family;
	*ret_addr = NULL;
	*ret_prefix = NULL;
	if (map == WD_MAP_wd_addr4 || map == WD_MAP_wd_addr6) {
		memcpy(&cidr.addr.v6, key, family == 4 ? 4 : 16);
		HASH_FIND(hh, m->addrs, &cidr.addr, sizeof(cidr.addr),
			  *ret_addr);
		return *ret_addr ? &(*ret_addr)->e : NULL;
	}
	cidr.len = (uint8_t)((const struct wd_cidr6_key *)key)->prefixlen;
	memcpy(&cidr.addr.v6, (const uint8_t *)key + 4, family == 4 ? 4 : 16);
	HASH_FIND(hh, m->prefixes, &cidr, sizeof(cidr), *ret_prefix);
	return *ret_prefix ? &(*ret_prefix)->e : NULL;
}

static struct mkind *kind_find(const struct wd_model *m, const void *key,
			       struct mfront **ret_front)
{
	struct wd_front_key first;
	uint32_t nr;

	memcpy(&first, key, sizeof(first));
	nr = first.nr;
	first.nr = 0;
	HASH_FIND(hh, m->fronts, &first, sizeof(first), *ret_front);
	return *ret_front && nr < (*ret_front)->kinds.cnt ?
		       (*ret_front)->kinds.item[nr] :
		       NULL;
}

static struct mendpoint *endpoint_by_ifindex(const struct wd_model *m,
					     uint32_t ifindex)
{
	struct mendpoint *e;

	for (e = m->endpoints; e; e = e->hh.next) {
		if (e->ep->ifindex == ifindex)
			return e;
	}
	return NULL;
}

const void *wd_model_wants(const struct wd_model *m, enum wd_map map,
			   const void *key)
{
	struct maddr *addr;
	struct mprefix *prefix;
	const struct mentry *e;
	uint32_t ifindex;

	if (map == WD_MAP_wd_endpoint) {
		const struct mendpoint *ep;

		memcpy(&ifindex, key, sizeof(ifindex));
		ep = endpoint_by_ifindex(m, ifindex);
		return ep && ep->in_kernel ? &ep->have : NULL;
	}
	if (map == WD_MAP_wd_front) {
		struct mfront *front;
		const struct mkind *kind = kind_find(m, key, &front);

		return kind && kind->e.in_kernel ? &kind->e.have : NULL;
	}
	e = entry_find(m, map, key, &addr, &prefix);
	return e && e->in_kernel ? &e->have : NULL;
}

void wd_model_refresh(struct wd_model *m, enum wd_map map, const void *key)
{
	struct maddr *addr;
	struct mprefix *prefix;
	struct mentry *e;
	uint32_t ifindex;

	m->commit_needed = true;
	if (map == WD_MAP_wd_endpoint) {
		struct mendpoint *ep;

		memcpy(&ifindex, key, sizeof(ifindex));
		ep = endpoint_by_ifindex(m, ifindex);
		if (ep)
			ep->rewrite = true;
		else
			ghost_add(m, ifindex, NULL);
		return;
	}
	if (map == WD_MAP_wd_front) {
		struct wd_front_val stray = { 0 };
		struct mfront *front;
		struct mkind *kind = kind_find(m, key, &front);

		if (!kind) {
			front_adopt(m, key, &stray);
			return;
		}
		kind->e.rewrite = true;
		front_dirty(m, front);
		return;
	}
	e = entry_find(m, map, key, &addr, &prefix);
	if (!e) { /* nobody wants it: known from now on, and deleted by the next commit */
		struct wd_addr_val stray = { 0 };

		wd_model_adopt_entry(m, map, key, &stray);
		return;
	}
	e->rewrite = true;
	if (addr)
		addr_dirty(m, addr);
	else
		prefix_dirty(m, prefix);
}
