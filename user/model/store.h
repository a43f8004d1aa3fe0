/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - the objects in force, by kind, namespace and name.
 *
 * Sources put and delete; the model listens. The store decides nothing: it
 * keeps one object per key, tells the listener of each real change (equal
 * objects are not a change), and frees what is replaced after the listener
 * returned.
 */
#ifndef WARDER_STORE_H
#define WARDER_STORE_H

#include "object.h"

struct wd_store;

/*
 * Called for each change: @was NULL = added, @now NULL = deleted, both = the
 * object was replaced (also when only its uid differs). Both are valid during
 * the call, @now until it is replaced itself.
 */
typedef void (*wd_store_fn)(void *ctx, const struct wd_object *was,
			    const struct wd_object *now);

/** wd_store_new() - an empty store; @fn may be NULL */
struct wd_store *wd_store_new(wd_store_fn fn, void *ctx);

/** wd_store_free() - free the store and its objects without telling the listener; NULL passes */
void wd_store_free(struct wd_store *store);

/**
 * wd_store_put() - add or replace an object; the store takes ownership
 * Return: true if that was a change (an equal object only takes over file and line).
 */
bool wd_store_put(struct wd_store *store, struct wd_object *obj);

/**
 * wd_store_del() - remove an object
 * @uid: only if the stored one has this uid; NULL or "" = whatever is there
 * Return: true if something was removed.
 */
bool wd_store_del(struct wd_store *store, enum wd_kind kind, const char *ns,
		  const char *name, const char *uid);

/** wd_store_get() - borrowed object or NULL; plain strings will do */
const struct wd_object *wd_store_get(const struct wd_store *store,
				     enum wd_kind kind, const char *ns,
				     const char *name);

/** wd_store_count() - objects of a kind */
uint32_t wd_store_count(const struct wd_store *store, enum wd_kind kind);

/**
 * wd_store_next() - walk the objects of a kind, in no particular order
 * @prev: NULL to begin, else the last one returned; no put or del in between
 * Return: the next object, or NULL at the end.
 */
const struct wd_object *wd_store_next(const struct wd_store *store,
				      enum wd_kind kind,
				      const struct wd_object *prev);

#endif /* WARDER_STORE_H */
