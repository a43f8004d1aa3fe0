/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h - what one version of one file says, before it is in force.
 *
 * Holds the rule of the last good version: what a version refuses, or may have
 * meant where it cannot be read, stays as the version before had it.
 */
#ifndef WARDER_LOAD_H
#define WARDER_LOAD_H

#include "manifests.h"
#include "../model/object.h"

/* Which object; strings are interned, references the list's. */
struct wd_key {
	enum wd_kind kind;
	const char *ns;
	const char *name;
};

struct wd_keys {
	size_t cnt;
	size_t cap;
	struct wd_key *key;
};

struct wd_load {
	const char *path; /* borrowed */
	size_t obj_cnt;
	size_t obj_cap;
	struct wd_object **
		obj; /* owned; NULL where it was taken; sorted by key, keys distinct */
	struct wd_keys refused; /* named, but not understood */
	bool unsure; /* something in it cannot be told apart: nothing of before goes */
	struct wd_problems problems;
	size_t unknown_cnt;
	size_t unknown_cap;
	struct wd_unknown_kind *unknown;
};

/** wd_load_text() - read a version; @text of @len bytes has room for one more and is changed */
void wd_load_text(struct wd_load *load, const char *path, char *text,
		  size_t len);

/** wd_load_failed() - a version that could not be read from the disk: @why */
void wd_load_failed(struct wd_load *load, const char *path, const char *why);

void wd_load_fini(struct wd_load *load);

/** wd_load_is_clean() - nothing of a version before is needed beside it */
bool wd_load_is_clean(const struct wd_load *load);

/** wd_load_has() - does this version say what the object is */
bool wd_load_has(const struct wd_load *load, const struct wd_key *key);

/** wd_load_keeps() - must the object stay as the version before had it */
bool wd_load_keeps(const struct wd_load *load, const struct wd_key *key);

/** wd_load_inherit() - take over from @before, another version's load, what this one keeps */
void wd_load_inherit(struct wd_load *load, struct wd_load *before);

/** wd_key_compare() - an order of keys */
int wd_key_compare(const struct wd_key *a, const struct wd_key *b);

/** wd_object_key() - key of an object, no references taken */
struct wd_key wd_object_key(const struct wd_object *obj);

/** wd_keys_add() - takes references */
void wd_keys_add(struct wd_keys *keys, const struct wd_key *key);
void wd_keys_sort(struct wd_keys *keys);
bool wd_keys_has(const struct wd_keys *keys,
		 const struct wd_key *key); /* sorted ones */
void wd_keys_fini(struct wd_keys *keys);

#endif /* WARDER_LOAD_H */
