/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_pred.c - who a predicate holds for, as sets.
 *
 * An address that the tables know decides by its own row, any other by the
 * longest prefix around it. Prefixes are cut into pieces that do not overlap,
 * each with the row of its innermost prefix; from them come the ranges of a
 * predicate. A known address needs an element of its own only where its row
 * and its piece differ: an element in p<nr>_4 or p<nr>_6 if its row alone has
 * the predicate, a hole in the ranges if only the piece has it.
 *
 * Pods come and go in the sets of addresses. A set of ranges never changes:
 * its name has a hash of what is in it, so that another one takes its place,
 * because kernels before 6.x are not to be trusted with ranges that are
 * replaced in one transaction.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/xalloc.h"
#include "nft/gen_int.h"

typedef unsigned __int128 addr_t; /* host byte order; IPv4 in the lower bits */

struct prefix {
	addr_t lo;
	addr_t hi;
	uint32_t row;
};

/* Pieces in order, without overlap. */
struct pieces {
	struct prefix *piece;
	size_t cnt;
	size_t cap;
};

/* Everything about one IP version. */
struct side {
	struct wd_nft_gen *g;
	const struct wd_nft_use *use;
	int version;
	const struct wd_row_val *rows;
	struct pieces pieces;
	size_t set[WD_PREDS_MAX]; /* of addresses, of used ones */
	/* holes: addresses by predicate, unsorted */
	struct hole {
		uint32_t pred;
		addr_t addr;
	} *hole;
	size_t hole_cnt;
	size_t hole_cap;
};

static addr_t addr_read(const void *at, int version)
{
	const uint8_t *b = at;
	addr_t a = 0;

	for (int i = 0; i < (version == 4 ? 4 : 16); i++)
		a = a << 8 | b[i];
	return a;
}

static void addr_write(uint8_t *to, addr_t a, int version)
{
	int bytes = version == 4 ? 4 : 16;

	for (int i = bytes - 1; i >= 0; i--, a >>= 8)
		to[i] = (uint8_t)a;
}

static const __u64 *row_bits(const struct side *s, uint32_t row)
{
	return s->rows[row % WD_ROWS_MAX].bits;
}

static bool is_used(const struct wd_nft_use *use, uint32_t pred)
{
	return use->pred[pred / 64] >> (pred % 64) & 1;
}

/* ---- prefixes to pieces ---- */

static int cmp_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	/* the wider one first */
	return x->hi > y->hi ? -1 : x->hi < y->hi;
}

static void add_prefix(struct pieces *list, addr_t lo, addr_t hi, uint32_t row)
{
	list->piece = wd_grow(list->piece, list->cnt, &list->cap,
			      sizeof(*list->piece));
	list->piece[list->cnt++] = (struct prefix){ lo, hi, row };
}

static int read_prefixes(const struct side *s, struct pieces *ret)
{
	const struct wd_tables *t = s->g->in->tables;
	enum wd_map map = s->version == 4 ? WD_MAP_wd_cidr4 : WD_MAP_wd_cidr6;
	struct wd_cidr6_key key, next;
	uint32_t bits = s->version == 4 ? 32 : 128;
	struct wd_addr_val val;
	bool any = false;
	int err;

	memset(&key, 0, sizeof(key));
	while (!(err = t->next(t->ctx, map, any ? &key : NULL, &next))) {
		addr_t lo, host;

		any = true;
		memcpy(&key, &next, sizeof(key));
		err = t->get(t->ctx, map, &key, &val);
		if (err)
			return err;
		if (key.prefixlen > bits)
			return -EINVAL;
		host = bits == key.prefixlen ?
			       0 :
			       ~(addr_t)0 >> (128 - (bits - key.prefixlen));
		lo = addr_read(key.addr, s->version) & ~host;
		add_prefix(ret, lo, lo | host, val.row[s->g->half]);
	}
	return err == -ENOENT ? 0 : err;
}

/* Where the next piece begins. */
struct cutter {
	struct pieces *to;
	addr_t at;
	bool done; /* behind the last address there is */
};

/* What is left of an open prefix, up to @last. */
static void emit(struct cutter *c, const struct prefix *open, addr_t last)
{
	if (c->done || c->at > last)
		return;
	add_prefix(c->to, c->at, last, open->row);
	c->done = last == ~(addr_t)0;
	c->at = last + 1;
}

/* @from: sorted. Prefixes nest or are apart, so those that are open are a stack. */
static void cut(const struct pieces *from, struct pieces *ret)
{
	const struct prefix *stack[130];
	struct cutter c = { .to = ret };
	size_t depth = 0;

	for (size_t i = 0; i < from->cnt; i++) {
		const struct prefix *p = &from->piece[i];

		while (depth && stack[depth - 1]->hi < p->lo) {
			depth--;
			emit(&c, stack[depth], stack[depth]->hi);
		}
		if (depth && p->lo)
			emit(&c, stack[depth - 1], p->lo - 1);
		c.at = p->lo;
		stack[depth++] = p;
	}
	while (depth--)
		emit(&c, stack[depth], stack[depth]->hi);
}

static int make_pieces(struct side *s)
{
	struct pieces prefixes = { 0 };
	int err = read_prefixes(s, &prefixes);

	if (!err && prefixes.cnt) {
		qsort(prefixes.piece, prefixes.cnt, sizeof(struct prefix),
		      cmp_prefixes);
		cut(&prefixes, &s->pieces);
	}
	free(prefixes.piece);
	return err;
}

static const struct prefix *piece_of(const struct side *s, addr_t a)
{
	size_t lo = 0, hi = s->pieces.cnt;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->pieces.piece[mid].hi < a)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == s->pieces.cnt || s->pieces.piece[lo].lo > a)
		return NULL;
	return &s->pieces.piece[lo];
}

/* ---- known addresses ---- */

static void place(struct side *s, const void *key, addr_t a, uint32_t row)
{
	const struct prefix *piece = piece_of(s, a);
	const __u64 *own = row_bits(s, row);
	const __u64 *around = piece ? row_bits(s, piece->row) : NULL;

	for (uint32_t w = 0; w < WD_ROW_WORDS; w++) {
		uint64_t has = own[w] & s->use->pred[w];
		uint64_t covered = around ? around[w] & s->use->pred[w] : 0;

		for (uint64_t m = has & ~covered; m; m &= m - 1)
			wd_nft_elem(
				s->g->rs,
				s->set[w * 64 + (uint32_t)__builtin_ctzll(m)],
				key);
		for (uint64_t m = covered & ~has; m; m &= m - 1) {
			s->hole = wd_grow(s->hole, s->hole_cnt, &s->hole_cap,
					  sizeof(*s->hole));
			s->hole[s->hole_cnt].pred =
				w * 64 + (uint32_t)__builtin_ctzll(m);
			s->hole[s->hole_cnt++].addr = a;
		}
	}
}

int wd_nft_each_addr(const struct wd_nft_gen *g, int version,
		     void (*fn)(void *ctx, const void *key,
				const struct wd_addr_val *val),
		     void *ctx)
{
	const struct wd_tables *t = g->in->tables;
	enum wd_map map = version == 4 ? WD_MAP_wd_addr4 : WD_MAP_wd_addr6;
	struct wd_addr6_key key = { 0 }, next = { 0 };
	struct wd_addr_val val;
	bool any = false;
	int err;

	while (!(err = t->next(t->ctx, map, any ? &key : NULL, &next))) {
		any = true;
		key = next;
		err = t->get(t->ctx, map, &key, &val);
		if (err)
			return err;
		fn(ctx, &key, &val);
	}
	return err == -ENOENT ? 0 : err;
}

static void place_addr(void *ctx, const void *key,
		       const struct wd_addr_val *val)
{
	struct side *s = ctx;

	place(s, key, addr_read(key, s->version), val->row[s->g->half]);
}

/* ---- ranges ---- */

static int cmp_holes(const void *a, const void *b)
{
	const struct hole *x = a, *y = b;

	if (x->pred != y->pred)
		return x->pred < y->pred ? -1 : 1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

struct ranges {
	const struct side *side;
	uint8_t *elem;
	size_t cnt;
	size_t cap;
	bool open; /* lo and hi are one that still may grow */
	addr_t lo, hi;
};

static void range_flush(struct ranges *r)
{
	size_t half = r->side->version == 4 ? 4 : 16;
	uint8_t *to;

	if (!r->open)
		return;
	r->elem = wd_grow(r->elem, r->cnt, &r->cap, 2 * half);
	to = r->elem + r->cnt++ * 2 * half;
	addr_write(to, r->lo, r->side->version);
	addr_write(to + half, r->hi, r->side->version);
	r->open = false;
}

static void range_add(struct ranges *r, addr_t lo, addr_t hi)
{
	if (r->open && r->hi + 1 == lo) {
		r->hi = hi;
		return;
	}
	range_flush(r);
	r->open = true;
	r->lo = lo;
	r->hi = hi;
}

/* A piece that has the predicate, without its holes; returns the next hole. */
static size_t range_piece(struct ranges *r, const struct prefix *p,
			  uint32_t pred, size_t hole)
{
	const struct side *s = r->side;
	addr_t lo = p->lo;

	for (; hole < s->hole_cnt && s->hole[hole].pred == pred &&
	       s->hole[hole].addr <= p->hi;
	     hole++) {
		addr_t a = s->hole[hole].addr;

		if (a > lo)
			range_add(r, lo, a - 1);
		if (a == p->hi)
			return hole + 1;
		lo = a + 1;
	}
	range_add(r, lo, p->hi);
	return hole;
}

static void name_ranges(const struct ranges *r, uint32_t pred,
			char name[WD_NFT_NAME])
{
	size_t bytes = r->cnt * (r->side->version == 4 ? 8 : 32);
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ r->elem[i]) * 0x100000001b3ULL;
	(void)snprintf(name, WD_NFT_NAME, "p%u_%d_%016llx", pred,
		       r->side->version, (unsigned long long)hash);
}

/* @hole: the first of this predicate; returns the first of the next one */
static size_t make_ranges(struct side *s, uint32_t pred, size_t hole,
			  char name[WD_NFT_NAME])
{
	struct ranges r = { .side = s };
	size_t set;

	*name = '\0';
	for (size_t i = 0; i < s->pieces.cnt; i++) {
		const struct prefix *p = &s->pieces.piece[i];

		if (row_bits(s, p->row)[pred / 64] >> (pred % 64) & 1)
			hole = range_piece(&r, p, pred, hole);
	}
	range_flush(&r);
	if (r.cnt) {
		name_ranges(&r, pred, name);
		set = wd_nft_set(
			s->g->rs, s->g->family,
			s->version == 4 ? WD_NFT_RANGE4 : WD_NFT_RANGE6, name);
		for (size_t i = 0; i < r.cnt; i++)
			wd_nft_elem(s->g->rs, set,
				    r.elem + i * (s->version == 4 ? 8 : 32));
	}
	free(r.elem);
	return hole;
}

static int make_side(struct wd_nft_gen *g, const struct wd_nft_use *use,
		     int version, char (*names)[WD_NFT_NAME])
{
	const struct wd_tables *t = g->in->tables;
	struct side *s = wd_xcalloc(1, sizeof(*s));
	char name[WD_NFT_NAME];
	size_t hole = 0;
	int err;

	*s = (struct side){ .g = g, .use = use, .version = version };
	s->rows = t->window(t->ctx, WD_MAP_wd_row);
	for (uint32_t p = 0; p < WD_PREDS_MAX; p++) {
		if (!is_used(use, p))
			continue;
		(void)snprintf(name, sizeof(name), "p%u_%d", p, version);
		s->set[p] = wd_nft_set(
			g->rs, g->family,
			version == 4 ? WD_NFT_ADDR4 : WD_NFT_ADDR6, name);
	}
	err = make_pieces(s);
	if (!err)
		err = wd_nft_each_addr(g, version, place_addr, s);
	if (!err && s->hole_cnt)
		qsort(s->hole, s->hole_cnt, sizeof(*s->hole), cmp_holes);
	for (uint32_t p = 0; !err && p < WD_PREDS_MAX; p++)
		if (is_used(use, p))
			hole = make_ranges(s, p, hole, names[p]);
	free(s->pieces.piece);
	free(s->hole);
	free(s);
	return err;
}

int wd_nft_preds(struct wd_nft_gen *g, const struct wd_nft_use *use,
		 struct wd_nft_preds *ret_preds)
{
	int err = make_side(g, use, 4, ret_preds->range4);

	return err ? err : make_side(g, use, 6, ret_preds->range6);
}

/* ---- addresses by what they are ---- */

struct flag_sets {
	struct wd_nft_gen *g;
	size_t local, host, node;
};

static void sort_addr(void *ctx, const void *key, const struct wd_addr_val *val)
{
	struct flag_sets *s = ctx;

	if (val->flags & WD_ADDR_LOCAL)
		wd_nft_elem(s->g->rs, s->local, key);
	if (val->flags & WD_ADDR_HOST)
		wd_nft_elem(s->g->rs, s->host, key);
	if (val->flags & (WD_ADDR_HOST | WD_ADDR_NODE))
		wd_nft_elem(s->g->rs, s->node, key);
}

int wd_nft_addr_sets(struct wd_nft_gen *g)
{
	int err = 0;

	for (int version = 4; !err && version <= 6; version += 2) {
		enum wd_nft_kind kind = version == 4 ? WD_NFT_ADDR4 :
						       WD_NFT_ADDR6;
		const char *const names[2][3] = {
			{ "local4", "host4", "node4" },
			{ "local6", "host6", "node6" },
		};
		const char *const *name = names[version == 6];
		struct flag_sets s = {
			.g = g,
			.local = wd_nft_set(g->rs, g->family, kind, name[0]),
			.host = wd_nft_set(g->rs, g->family, kind, name[1]),
			.node = wd_nft_set(g->rs, g->family, kind, name[2]),
		};

		err = wd_nft_each_addr(g, version, sort_addr, &s);
	}
	return err;
}
