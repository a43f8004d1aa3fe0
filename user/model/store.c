/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.c - the objects in force, by kind, namespace and name.
 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "intern.h"
#include "xalloc.h"

/* Interned strings: the pointers are the key. */
struct key {
	const char *ns;
	const char *name;
};

struct entry {
	UT_hash_handle hh;
	struct key key;
	struct wd_object *obj;
};

struct wd_store {
	struct entry *kind[WD_KIND__MAX];
	wd_store_fn fn;
	void *ctx;
};

struct wd_store *wd_store_new(wd_store_fn fn, void *ctx)
{
	struct wd_store *store = wd_xcalloc(1, sizeof(*store));

	store->fn = fn;
	store->ctx = ctx;
	return store;
}

void wd_store_free(struct wd_store *store)
{
	if (!store)
		return;
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		struct entry *e;
		struct entry *tmp;

		HASH_ITER(hh, store->kind[kind], e, tmp) {
			HASH_DELETE(hh, store->kind[kind], e);
			wd_object_free(e->obj);
			free(e);
		}
	}
	free(store);
}

static void tell(struct wd_store *store, const struct wd_object *was, const struct wd_object *now)
{
	if (store->fn)
		store->fn(store->ctx, was, now);
}

static struct entry *find_interned(const struct wd_store *store, enum wd_kind kind,
				   const char *ns, const char *name)
{
	struct key key = { ns, name };
	struct entry *e;

	HASH_FIND(hh, store->kind[kind], &key, sizeof(key), e);
	return e;
}

static struct entry *find(const struct wd_store *store, enum wd_kind kind, const char *ns,
			  const char *name)
{
	const char *ins = wd_str_get(ns);
	const char *iname = wd_str_get(name);
	struct entry *e = find_interned(store, kind, ins, iname);

	wd_str_put(ins);
	wd_str_put(iname);
	return e;
}

/* An equal object only moved: take over where it stands, and drop the new one. */
static void take_place(struct wd_object *old, struct wd_object *obj)
{
	const char *file = old->file;

	old->file = obj->file;
	obj->file = file;
	old->line = obj->line;
	for (int dir = 0; old->kind == WD_KIND_NETPOL && dir < 2; dir++) {
		for (uint32_t i = 0; i < old->netpol.rule_cnt[dir]; i++)
			old->netpol.rule[dir][i].line = obj->netpol.rule[dir][i].line;
	}
	wd_object_free(obj);
}

bool wd_store_put(struct wd_store *store, struct wd_object *obj)
{
	struct entry *e = find_interned(store, obj->kind, obj->ns, obj->name);
	struct wd_object *was;

	if (!e) {
		e = wd_xcalloc(1, sizeof(*e));
		e->key.ns = obj->ns;
		e->key.name = obj->name;
		e->obj = obj;
		HASH_ADD(hh, store->kind[obj->kind], key, sizeof(e->key), e);
		tell(store, NULL, obj);
		return true;
	}
	if (wd_object_equal(e->obj, obj)) {
		take_place(e->obj, obj);
		return false;
	}
	was = e->obj;
	e->obj = obj; /* holds references to the same interned key strings */
	tell(store, was, obj);
	wd_object_free(was);
	return true;
}

bool wd_store_del(struct wd_store *store, enum wd_kind kind, const char *ns, const char *name,
		  const char *uid)
{
	struct entry *e = find(store, kind, ns, name);

	if (!e || (uid && *uid && strcmp(e->obj->uid, uid) != 0))
		return false;
	HASH_DELETE(hh, store->kind[kind], e);
	tell(store, e->obj, NULL);
	wd_object_free(e->obj);
	free(e);
	return true;
}

const struct wd_object *wd_store_get(const struct wd_store *store, enum wd_kind kind,
				     const char *ns, const char *name)
{
	const struct entry *e = find(store, kind, ns, name);

	return e ? e->obj : NULL;
}

uint32_t wd_store_count(const struct wd_store *store, enum wd_kind kind)
{
	return HASH_COUNT(store->kind[kind]);
}

const struct wd_object *wd_store_next(const struct wd_store *store, enum wd_kind kind,
				      const struct wd_object *prev)
{
	const struct entry *e = store->kind[kind];

	if (prev) {
		e = find_interned(store, kind, prev->ns, prev->name);
		e = e ? e->hh.next : NULL;
	}
	return e ? e->obj : NULL;
}
