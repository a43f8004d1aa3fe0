/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slot.c - the policy of an endpoint, flattened, and shared by all that are equal.
 *
 * Policies that select the pod -> atoms (direction, ports, term, action, rule),
 * in order of precedence (draft.c) -> per protocol the port space cut where any
 * atom begins or ends -> per piece one class: the rules that cover it, in order
 * (class.c). Equal atoms are the same slot. Nothing here is reachable by a
 * program until an endpoint of a published generation points at it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot_int.h"

static const uint8_t l4_proto[WD_L4__MAX] = {
	[WD_L4_TCP] = IPPROTO_TCP,
	[WD_L4_UDP] = IPPROTO_UDP,
	[WD_L4_SCTP] = IPPROTO_SCTP,
};

/* ---- spans ---- */

static int u32_cmp(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where the rules of a protocol can change: sorted, distinct, beginning with 0. Return: count. */
static size_t cuts_find(const struct draft *d, enum wd_dir dir, uint8_t proto,
			uint32_t **ret_cut)
{
	uint32_t *cut = wd_xcalloc(2 * d->cnt + 1, sizeof(*cut));
	size_t cnt = 1;
	size_t kept = 1;

	for (size_t i = 0; i < d->cnt; i++) {
		const struct atom *a = &d->atom[i];

		if (a->dir != dir || a->any_port || a->proto != proto)
			continue;
		cut[cnt++] = a->lo;
		if (a->hi < 65535)
			cut[cnt++] = a->hi + 1U;
	}
	qsort(cut, cnt, sizeof(*cut), u32_cmp);
	for (size_t i = 1; i < cnt; i++) {
		if (cut[i] != cut[kept - 1])
			cut[kept++] = cut[i];
	}
	*ret_cut = cut;
	return kept;
}

static int spans_store(struct wd_model *m, struct mslot *s, enum wd_dir dir,
		       enum wd_l4 l4, const struct wd_span_val *span,
		       size_t cnt)
{
	int64_t first;

	if (cnt == 1 && span[0].class == 0)
		return 0;
	if (cnt > WD_SPANS_PER_SLOT)
		return -E2BIG;
	first = array_get(m, WD_MAP_wd_span, (uint32_t)cnt);
	if (first < 0)
		return (int)first;
	memcpy(&m->sink.span[first], span, cnt * sizeof(*span));
	s->span[dir][l4] = wd_xcalloc(cnt, sizeof(*span));
	memcpy(s->span[dir][l4], span, cnt * sizeof(*span));
	s->val[dir].first[l4] = (uint32_t)first;
	s->val[dir].cnt[l4] = (uint32_t)cnt;
	return 0;
}

static int slot_ports(struct wd_model *m, struct mslot *s,
		      const struct draft *d, enum wd_dir dir, enum wd_l4 l4)
{
	struct cover cov = { 0 };
	uint32_t *cut;
	size_t cuts = cuts_find(d, dir, l4_proto[l4], &cut);
	struct wd_span_val *span = wd_xcalloc(cuts, sizeof(*span));
	size_t cnt = 0;
	int err = 0;

	for (size_t i = 0; i < cuts && !err; i++) {
		struct mclass *c;

		cover_find(m, &cov, d, dir, l4_proto[l4], cut[i]);
		err = class_get(m, &cov, &c);
		if (err)
			break;
		if (c)
			vec_push(&s->classes, c);
		if (cnt && span[cnt - 1].class == (c ? c->id : 0))
			continue;
		span[cnt].lo = cut[i];
		span[cnt++].class = c ? c->id : 0;
	}
	if (!err)
		err = spans_store(m, s, dir, l4, span, cnt);
	free(cov.atom);
	free(cut);
	free(span);
	return err;
}

static int slot_any(struct wd_model *m, struct mslot *s, const struct draft *d,
		    enum wd_dir dir)
{
	struct cover cov = { 0 };
	struct mclass *c;
	int err;

	cover_find(m, &cov, d, dir, -1, 0);
	err = class_get(m, &cov, &c);
	free(cov.atom);
	if (err || !c)
		return err;
	vec_push(&s->classes, c);
	s->val[dir].any = c->id;
	return 0;
}

static int slot_build(struct wd_model *m, struct mslot *s,
		      const struct draft *d)
{
	int err;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		s->val[dir].flags = WD_SLOT_READY;
		if (d->isolated[dir])
			s->val[dir].flags |= WD_SLOT_ISOLATED;
		err = slot_any(m, s, d, dir);
		for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
			err = slot_ports(m, s, d, dir, l4);
		if (err)
			return err;
	}
	memcpy(&m->sink.slot[(size_t)s->id * WD_DIR__MAX], s->val,
	       sizeof(s->val));
	return 0;
}

/* ---- slots ---- */

static void slot_free(struct wd_model *m, struct mslot *s)
{
	struct draft d = { 0 };

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
			if (s->val[dir].cnt[l4])
				wd_alloc_put(&m->span_alloc,
					     s->val[dir].first[l4],
					     s->val[dir].cnt[l4]);
			free(s->span[dir][l4]);
		}
	}
	for (size_t i = 0; i < s->classes.cnt; i++)
		class_put(m, s->classes.item[i]);
	vec_fini(&s->classes);
	wd_alloc_put(&m->slot_alloc, s->id, 1);
	if (s->key) {
		d.cnt = (s->key_len - sizeof(struct atom)) /
			sizeof(struct atom);
		d.atom = wd_xcalloc(d.cnt, sizeof(*d.atom));
		memcpy(d.atom, (struct atom *)s->key + 1,
		       d.cnt * sizeof(*d.atom));
		draft_fini(m, &d);
		free(s->key);
	}
	free(s);
}

void slot_put(struct wd_model *m, struct mslot *s)
{
	if (!s || --s->refs > 0)
		return;
	HASH_DELETE(hh, m->slots, s);
	slot_free(m, s);
}

/* The slot of a draft; takes over the draft's references. NULL with *ret_err: it does not fit. */
static struct mslot *slot_get(struct wd_model *m, struct draft *d, int *ret_err)
{
	size_t len = (d->cnt + 1) * sizeof(struct atom);
	struct atom *key =
		wd_xcalloc(1, len); /* element 0 holds the isolation flags */
	struct mslot *s;
	int64_t id;

	key[0].dir = d->isolated[WD_INGRESS];
	key[0].proto = d->isolated[WD_EGRESS];
	if (d->cnt)
		memcpy(key + 1, d->atom, d->cnt * sizeof(*d->atom));
	HASH_FIND(hh, m->slots, key, len, s);
	if (s) {
		s->refs++;
		free(key);
		draft_fini(m, d);
		return s;
	}
	id = array_get(m, WD_MAP_wd_slot, 1);
	if (id < 0) {
		*ret_err = -ENOSPC;
		free(key);
		draft_fini(m, d);
		return NULL;
	}
	s = wd_xcalloc(1, sizeof(*s));
	s->id = (uint32_t)id;
	*ret_err = slot_build(m, s, d);
	if (*ret_err) {
		free(key);
		slot_free(m, s);
		draft_fini(m, d);
		return NULL;
	}
	free(d->atom); /* its references live on in the key */
	s->key = key;
	s->key_len = len;
	s->refs = 1;
	HASH_ADD_KEYPTR(hh, m->slots, s->key, s->key_len, s);
	return s;
}

enum wd_mode endpoint_mode(const struct wd_model *m, const struct mendpoint *e)
{
	const struct wd_object *obj = endpoint_pod(e);
	const struct mspace *s;

	if (obj && obj->pod.mode != WD_MODE_UNSET)
		return obj->pod.mode;
	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return s && s->mode != WD_MODE_UNSET ? s->mode : m->mode;
}

/* @s: NULL, a namespace that nobody has told of */
bool space_encrypts(const struct wd_model *m, const struct mspace *s)
{
	return s && s->encryption != WD_ENCRYPTION_UNSET ?
		       s->encryption == WD_ENCRYPTION_REQUIRED :
		       m->encrypt;
}

bool endpoint_encrypts(const struct wd_model *m, const struct mendpoint *e)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return space_encrypts(m, s);
}

bool endpoint_encap(const struct wd_model *m, const struct mendpoint *e)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return s && s->encap;
}

static char *too_large(int err)
{
	char *text = NULL;

	if (asprintf(
		    &text,
		    "its policy does not fit (%s): split port lists or peers of the policies that select it",
		    err == -E2BIG ?
			    "too many distinct port ranges" :
			    "no free slot, span, class or predicate") < 0)
		return NULL;
	return text;
}

/*
 * Work out the endpoint's slot for the next generation.
 * Return: 0; the error of a policy that does not fit is kept in the endpoint,
 * which then drops everything.
 */
int endpoint_compile(struct wd_model *m, struct mendpoint *e)
{
	struct mslot *old = e->slot;
	struct draft d = { 0 };
	int err = 0;

	free(e->error);
	e->error = NULL;
	e->slot = NULL;
	if (endpoint_pod(e)) {
		draft_fill(m, &d, endpoint_pod(e));
		e->named_egress = d.named_egress;
		e->slot = slot_get(m, &d, &err);
		if (!e->slot)
			e->error = too_large(err);
	}
	e->dirty = false;
	slot_put(m, old);
	return 0;
}
