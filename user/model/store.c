/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.c - the objects in force, by kind, namespace and name.
 */
#include "store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "xalloc.h"

/* The key of an object: its two interned strings, one after the other. */
#define KEY_SIZE (2 * sizeof(const char *))
_Static_assert(offsetof(struct wd_object, name) ==
		       offsetof(struct wd_object, ns) + sizeof(const char *),
	       "namespace and name are one key");

struct wd_store {
	struct wd_object *kind[WD_KIND__MAX];
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
		struct wd_object *obj;
		struct wd_object *tmp;

		HASH_ITER(hh, store->kind[kind], obj, tmp) {
			HASH_DELETE(hh, store->kind[kind], obj);
			wd_object_free(obj);
		}
	}
	free(store);
}

static void tell(struct wd_store *store, const struct wd_object *was,
		 const struct wd_object *now)
{
	if (store->fn)
		store->fn(store->ctx, was, now);
}

static void link_object(struct wd_store *store, struct wd_object *obj)
{
	HASH_ADD_KEYPTR(hh, store->kind[obj->kind], &obj->ns, KEY_SIZE, obj);
}

static struct wd_object *find(const struct wd_store *store, enum wd_kind kind,
			      const char *ns, const char *name)
{
	const char *key[2] = { wd_str_get(ns), wd_str_get(name) };
	struct wd_object *obj;

	HASH_FIND(hh, store->kind[kind], key, KEY_SIZE, obj);
	wd_str_put(key[0]);
	wd_str_put(key[1]);
	return obj;
}

/* Two policies that are equal. */
static void take_lines(struct wd_policy *to, const struct wd_policy *from)
{
	for (uint32_t s = 0; s < to->spec_cnt; s++) {
		for (int dir = 0; dir < 2; dir++) {
			for (uint32_t i = 0; i < to->spec[s].rule_cnt[dir]; i++)
				to->spec[s].rule[dir][i].line =
					from->spec[s].rule[dir][i].line;
		}
	}
}

/* An equal object only moved: take over where it stands, and drop the new one. */
static void take_place(struct wd_object *old, struct wd_object *obj)
{
	const char *file = old->file;

	old->file = obj->file;
	obj->file = file;
	old->line = obj->line;
	if (wd_kind_is_policy(old->kind))
		take_lines(&old->policy, &obj->policy);
	wd_object_free(obj);
}

bool wd_store_put(struct wd_store *store, struct wd_object *obj)
{
	struct wd_object *was;

	HASH_FIND(hh, store->kind[obj->kind], &obj->ns, KEY_SIZE, was);
	if (!was) {
		link_object(store, obj);
		tell(store, NULL, obj);
		return true;
	}
	if (wd_object_equal(was, obj)) {
		take_place(was, obj);
		return false;
	}
	HASH_DELETE(hh, store->kind[obj->kind], was);
	link_object(store, obj);
	tell(store, was, obj);
	wd_object_free(was);
	return true;
}

bool wd_store_del(struct wd_store *store, enum wd_kind kind, const char *ns,
		  const char *name, const char *uid)
{
	struct wd_object *obj = find(store, kind, ns, name);

	if (!obj || (uid && *uid && strcmp(obj->uid, uid) != 0))
		return false;
	HASH_DELETE(hh, store->kind[kind], obj);
	tell(store, obj, NULL);
	wd_object_free(obj);
	return true;
}

const struct wd_object *wd_store_get(const struct wd_store *store,
				     enum wd_kind kind, const char *ns,
				     const char *name)
{
	return find(store, kind, ns, name);
}

uint32_t wd_store_count(const struct wd_store *store, enum wd_kind kind)
{
	return HASH_COUNT(store->kind[kind]);
}

const struct wd_object *wd_store_next(const struct wd_store *store,
				      enum wd_kind kind,
				      const struct wd_object *prev)
{
	return prev ? prev->hh.next : store->kind[kind];
}
