/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drift.c - what the kernel should hold, for those who compare and repair.
 */
#include <string.h>

#include "model_int.h"

uint32_t wd_model_wanted_cnt(const struct wd_model *m, enum wd_map map)
{
	struct wd_model_stats s;
	uint32_t cnt = 0;

	if (map == WD_MAP_wd_endpoint) {
		for (const struct mendpoint *e = m->endpoints; e;
		     e = e->hh.next)
			cnt += e->in_kernel;
		return cnt;
	}
	wd_model_stats(m, &s);
	switch ((int)map) {
	case WD_MAP_wd_addr4:
		return s.addrs[0];
	case WD_MAP_wd_addr6:
		return s.addrs[1];
	case WD_MAP_wd_cidr4:
		return s.prefixes[0];
	case WD_MAP_wd_cidr6:
		return s.prefixes[1];
	case WD_MAP_wd_front:
		return s.fronts;
	}
	return 0;
}

typedef int (*each_fn)(void *ctx, enum wd_map map, const void *key,
		       const void *want);

static int each_addr(struct wd_model *m, enum wd_map map, each_fn fn, void *ctx)
{
	uint8_t family = map == WD_MAP_wd_addr4 ? 4 : 6;
	int err = 0;

	for (struct maddr *a = m->addrs; a && !err; a = a->hh.next) {
		if (a->e.in_kernel && a->addr.family == family)
			err = fn(ctx, map, &a->addr.v6, &a->e.have);
	}
	return err;
}

static int each_prefix(struct wd_model *m, enum wd_map map, each_fn fn,
		       void *ctx)
{
	uint8_t family = map == WD_MAP_wd_cidr4 ? 4 : 6;
	int err = 0;

	for (struct mprefix *p = m->prefixes; p && !err; p = p->hh.next) {
		struct wd_cidr6_key key = { .prefixlen = p->cidr.len };

		if (!p->e.in_kernel || p->cidr.addr.family != family)
			continue;
		memcpy(key.addr, &p->cidr.addr.v6, family == 4 ? 4 : 16);
		err = fn(ctx, map, &key, &p->e.have);
	}
	return err;
}

static int each_front(struct wd_model *m, each_fn fn, void *ctx)
{
	int err = 0;

	for (struct mfront *f = m->fronts; f && !err; f = f->hh.next) {
		for (size_t i = 0; i < f->kinds.cnt && !err; i++) {
			const struct mkind *kind = f->kinds.item[i];

			if (kind->e.in_kernel)
				err = fn(ctx, WD_MAP_wd_front, &kind->key,
					 &kind->e.have);
		}
	}
	return err;
}

int wd_model_wanted_each(struct wd_model *m, enum wd_map map, each_fn fn,
			 void *ctx)
{
	int err = 0;

	if (map == WD_MAP_wd_addr4 || map == WD_MAP_wd_addr6)
		return each_addr(m, map, fn, ctx);
	if (map == WD_MAP_wd_cidr4 || map == WD_MAP_wd_cidr6)
		return each_prefix(m, map, fn, ctx);
	if (map == WD_MAP_wd_front)
		return each_front(m, fn, ctx);
	for (struct mendpoint *e = m->endpoints; e && !err; e = e->hh.next) {
		if (e->in_kernel)
			err = fn(ctx, map, &e->ep->ifindex, &e->have);
	}
	return err;
}

/* One element of an array: @at in the kernel, @want as it was written. Return: 1 if it differed. */
static int verify(void *at, const void *want, size_t size)
{
	if (memcmp(at, want, size) == 0)
		return 0;
	memcpy(at, want, size);
	return 1;
}

static int verify_rows(struct wd_model *m)
{
	int found = 0;

	for (const struct mrow *r = m->rows; r; r = r->hh.next) {
		struct wd_row_val want = { 0 };

		memcpy(want.bits, r->bits, r->words * sizeof(r->bits[0]));
		found += verify(&m->sink.row[r->id], &want, sizeof(want));
	}
	return found;
}

static int verify_slot(struct wd_model *m, const struct mslot *s)
{
	int found = verify(&m->sink.slot[(size_t)s->id * WD_DIR__MAX], s->val,
			   sizeof(s->val));

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		const struct wd_slot_val *val = &s->val[dir];

		for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
			for (uint32_t i = 0; i < val->cnt[l4]; i++)
				found += verify(
					&m->sink.span[val->first[l4] + i],
					&s->span[dir][l4][i],
					sizeof(struct wd_span_val));
		}
	}
	return found;
}

/* The elements that mean "none": no predicate holds, NOT_READY, no rule. */
static int verify_none(struct wd_model *m)
{
	static const struct wd_row_val row;
	static const struct wd_slot_val slot[WD_DIR__MAX];
	static const struct wd_class_val class;

	return verify(m->sink.row, &row, sizeof(row)) +
	       verify(m->sink.slot, slot, sizeof(slot)) +
	       verify(m->sink.class, &class, sizeof(class));
}

int wd_model_verify_arrays(struct wd_model *m)
{
	int found = verify_none(m) + verify_rows(m);

	for (const struct mclass *c = m->classes; c; c = c->hh.next)
		found += verify(&m->sink.class[c->id], &c->val, sizeof(c->val));
	for (const struct mslot *s = m->slots; s; s = s->hh.next)
		found += verify_slot(m, s);
	if (found)
		wd_model_republish(m);
	return found;
}
