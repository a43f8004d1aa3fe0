/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collection.c - one kind's objects between the server's words and the store.
 *
 * Objects are put as they come; nothing is deleted but by an event, or by a
 * list that was read to its end. What the server says counts more than a
 * manifest of the same name.
 */
#include "collection.h"

#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/problems.h"
#include "../source/read.h"
#include "../source/tree.h"
#include "remote.h"
#include "room.h"

struct wd_kube_trouble {
	LIST_ENTRY(wd_kube_trouble) link;
	char *name; /* "ns/name" or "name"; "" of what has none */
	bool listed; /* by the list that is being read */
	struct wd_problems problems;
};

/* One object while it is read. */
struct reading {
	struct wd_kube_collection *c;
	struct wd_read *r;
	enum wd_kube_put what;
};

void wd_kube_collection_init(struct wd_kube_collection *c,
			     const struct wd_kube_kind *kind,
			     struct wd_store *store, const char *source)
{
	*c = (struct wd_kube_collection){
		.kind = kind,
		.store = store,
		.file = wd_str_get(source),
	};
}

/* ---- problems ---- */

static void trouble_free(struct wd_kube_collection *c,
			 struct wd_kube_trouble *trouble)
{
	LIST_REMOVE(trouble, link);
	wd_problems_fini(&trouble->problems);
	free(trouble->name);
	free(trouble);
	c->trouble_cnt--;
	c->changed = true;
}

/* They are few, or the cluster has worse worries. */
static struct wd_kube_trouble *find_trouble(const struct wd_kube_collection *c,
					    const char *name)
{
	struct wd_kube_trouble *trouble;

	LIST_FOREACH(trouble, &c->troubles, link) {
		if (strcmp(trouble->name, name) == 0)
			return trouble;
	}
	return NULL;
}

/* What is wrong with an object takes the place of what was; takes over @problems. */
static void set_trouble(struct wd_kube_collection *c, const char *name,
			struct wd_problems *problems)
{
	struct wd_kube_trouble *trouble = find_trouble(c, name);

	/* Of what has no name each one counts. */
	if (trouble && *name)
		trouble_free(c, trouble);
	if (!problems->cnt)
		return;
	if (trouble && !*name) {
		if (trouble->problems.cnt < WD_PROBLEMS_MAX)
			wd_problems_append(&trouble->problems, problems);
		wd_problems_fini(problems);
		return;
	}
	if (c->trouble_cnt == WD_PROBLEMS_MAX) {
		wd_problems_fini(problems);
		c->changed |= !c->untold;
		c->untold = true;
		return;
	}
	c->trouble_cnt++;
	trouble = wd_xcalloc(1, sizeof(*trouble));
	trouble->name = wd_xstrdup(name);
	trouble->listed = c->listing;
	trouble->problems = *problems;
	*problems = (struct wd_problems){ 0 };
	LIST_INSERT_HEAD(&c->troubles, trouble, link);
	c->changed = true;
}

static void drop_troubles(struct wd_kube_collection *c, bool unlisted_only)
{
	struct wd_kube_trouble *next = LIST_FIRST(&c->troubles);

	while (next) {
		struct wd_kube_trouble *trouble = next;

		next = LIST_NEXT(trouble, link);
		if (!unlisted_only || !trouble->listed)
			trouble_free(c, trouble);
	}
}

void wd_kube_collection_fini(struct wd_kube_collection *c)
{
	drop_troubles(c, false);
	wd_keys_fini(&c->seen);
	wd_str_put(c->file);
}

/* ---- one object ---- */

/* Of another source's it is not this one's to give back. */
static uint64_t own_room(const struct wd_kube_collection *c,
			 const struct wd_object *was)
{
	return was && was->file == c->file ? wd_kube_room_object(was) : 0;
}

static void on_refused(void *ctx, int kind, const char *ns, const char *name)
{
	struct reading *reading = ctx;
	struct wd_kube_collection *c = reading->c;
	const struct wd_key key = { (enum wd_kind)kind, ns, name };

	if (key.kind != c->kind->kind)
		return;
	reading->what = WD_KUBE_REFUSED;
	if (c->listing)
		wd_keys_add(&c->seen, &key);
}

static void on_object(void *ctx, struct wd_object *obj)
{
	struct reading *reading = ctx;
	struct wd_kube_collection *c = reading->c;
	const struct wd_key key = wd_object_key(obj);
	const struct wd_object *was;

	if (obj->kind != c->kind->kind) {
		wd_object_free(obj);
		return;
	}
	if (obj->kind == WD_KIND_POD && c->remote)
		obj->pod.identity =
			wd_kube_remote_number(c->remote, obj->ns, obj->name);
	was = wd_store_get(c->store, obj->kind, obj->ns, obj->name);
	if (c->room && !wd_kube_room_take(c->room, reading->r, own_room(c, was),
					  wd_kube_room_object(obj))) {
		on_refused(ctx, (int)obj->kind, obj->ns, obj->name);
		wd_object_free(obj);
		return;
	}
	reading->what = was && was->file == c->file ? WD_KUBE_SAME :
						      WD_KUBE_PUT;
	if (c->listing)
		wd_keys_add(&c->seen, &key);
	if (wd_store_put(c->store, obj)) {
		reading->what = WD_KUBE_PUT;
		c->changed = true;
	}
}

static void on_unreadable(void *ctx)
{
	(void)ctx;
}

static void on_unknown(void *ctx, const char *kind)
{
	(void)ctx;
	(void)kind;
}

static const struct wd_read_fns read_fns = {
	.object = on_object,
	.refused = on_refused,
	.unreadable = on_unreadable,
	.unknown = on_unknown,
};

/* "ns/name" or "name"; "" where there is none. */
static char *name_of(const struct wd_tree *root)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const struct wd_tree *ns = wd_tree_get(meta, "namespace");
	const struct wd_tree *name = wd_tree_get(meta, "name");

	if (!name || name->type != WD_TREE_SCALAR ||
	    (ns && ns->type != WD_TREE_SCALAR))
		return wd_xstrdup("");
	return wd_xprintf("%s%s%s", ns ? ns->text : "", ns ? "/" : "",
			  name->text);
}

static void add_problem(const struct wd_kube_collection *c,
			struct wd_problems *problems, const char *text)
{
	struct wd_problem problem = {
		.effect = WD_PROBLEM_KEPT,
		.file = c->file,
		.object = c->kind->name,
		.field = "",
		.text = text,
	};

	wd_problems_add(problems, &problem);
}

void wd_kube_collection_problems(const struct wd_kube_collection *c,
				 struct wd_problems *list)
{
	const struct wd_kube_trouble *t;

	LIST_FOREACH(t, &c->troubles, link)
		wd_problems_append(list, &t->problems);
	if (c->untold)
		add_problem(c, list,
			    "more objects of it have problems than are told "
			    "of; mend these first");
}

static bool is_remote(const struct wd_kube_collection *c)
{
	return c->kind->role != WD_KUBE_OBJECTS;
}

static void add_seen(struct wd_kube_collection *c, const struct wd_tree *root);

/* Of a kind that is none of the store's. */
static void put_remote(struct wd_kube_collection *c, struct wd_read *r,
		       const struct wd_tree *root, const char *name)
{
	struct reading *reading = r->ctx;

	reading->what = wd_kube_remote_put(c->remote, c->kind->role, r, root);
	if (c->listing && *name && reading->what != WD_KUBE_UNREADABLE)
		add_seen(c, root);
}

/* Nobody's list may go on for ever: what more there is counts as not known. */
static bool is_too_long(struct wd_kube_collection *c)
{
	if (!c->room || !c->listing || c->seen.cnt < WD_KUBE_ROOM_LIST)
		return false;
	c->unsure = c->room->full = true;
	return true;
}

enum wd_kube_put wd_kube_collection_put(struct wd_kube_collection *c,
					const struct wd_tree *root)
{
	struct reading reading = { .c = c, .what = WD_KUBE_UNREADABLE };
	struct wd_problems problems = { 0 };
	struct wd_read r = {
		.fns = &read_fns,
		.ctx = &reading,
		.problems = &problems,
		.file = c->file,
		/* an object of the API is one line, and lines say nothing */
		.line_base = UINT32_MAX,
	};
	char *name;

	if (is_too_long(c))
		return WD_KUBE_UNREADABLE;
	reading.r = &r;
	name = name_of(root);
	if (is_remote(c))
		put_remote(c, &r, root, name);
	else
		wd_read_object(&r, root, c->kind->api, c->kind->name);
	if (reading.what == WD_KUBE_UNREADABLE) {
		c->unsure |= c->listing;
		if (!problems.cnt)
			add_problem(c, &problems, "is no object of this kind");
	}
	set_trouble(c, name, &problems);
	free(name);
	return reading.what;
}

/* ---- what goes ---- */

/* Return: false if another instance of the name stays. */
static bool del_object(struct wd_kube_collection *c, const char *ns,
		       const char *name, const char *uid)
{
	bool gone = true;
	struct wd_key key = {
		.kind = c->kind->kind,
		.ns = wd_str_get(ns),
		.name = wd_str_get(name),
	};
	const struct wd_object *obj =
		is_remote(c) ?
			NULL :
			wd_store_get(c->store, key.kind, key.ns, key.name);

	if (is_remote(c)) {
		gone = wd_kube_remote_del(c->remote, c->kind->role, ns, name,
					  uid);
	} else if (obj && obj->file == c->file) {
		uint64_t bytes = c->room ? wd_kube_room_object(obj) : 0;

		gone = wd_store_del(c->store, key.kind, key.ns, key.name, uid);
		if (gone && c->room)
			(void)wd_kube_room_take(c->room, NULL, bytes, 0);
		c->changed |= gone;
		if (gone && c->gone)
			c->gone(c->ctx, (int)key.kind, key.ns, key.name);
	}
	wd_str_put(key.ns);
	wd_str_put(key.name);
	return gone;
}

/* Also what could not be understood, or is not wanted any more, can go. */
bool wd_kube_collection_del(struct wd_kube_collection *c,
			    const struct wd_tree *root)
{
	bool gone = true;
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const struct wd_tree *ns = wd_tree_get(meta, "namespace");
	const struct wd_tree *name = wd_tree_get(meta, "name");
	const struct wd_tree *uid = wd_tree_get(meta, "uid");
	const char *own = wd_tree_str(wd_tree_get(
		wd_tree_get(meta, "annotations"), WD_MIRROR_ANNOTATION));
	struct wd_problems none = { 0 };
	char *full = name_of(root);

	if (*full) {
		const char *ns_text = ns ? ns->text : "";

		gone = del_object(
			c, ns_text, name->text,
			uid && uid->type == WD_TREE_SCALAR ? uid->text : NULL);
		/* A static pod is known by the uid that its node gave it. */
		if (!gone && own && *own)
			gone = del_object(c, ns_text, name->text, own);
		if (gone)
			set_trouble(c, full, &none);
	}
	free(full);
	return gone;
}

/* ---- lists ---- */

void wd_kube_collection_begin(struct wd_kube_collection *c)
{
	struct wd_kube_trouble *t;

	wd_keys_fini(&c->seen);
	c->listing = true;
	c->unsure = c->untold = false;
	LIST_FOREACH(t, &c->troubles, link)
		t->listed = false;
}

static void add_seen(struct wd_kube_collection *c, const struct wd_tree *root)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const struct wd_tree *ns = wd_tree_get(meta, "namespace");
	const struct wd_key key = {
		.kind = c->kind->kind,
		.ns = wd_str_get(ns ? ns->text : ""),
		.name = wd_str_get(wd_tree_get(meta, "name")->text),
	};

	wd_keys_add(&c->seen, &key);
	wd_str_put(key.ns);
	wd_str_put(key.name);
}

void wd_kube_collection_garbled(struct wd_kube_collection *c,
				const struct wd_tree *root, const char *why)
{
	struct wd_problems problems = { 0 };
	char *name;
	char *text;

	if (is_too_long(c))
		return;
	name = root ? name_of(root) : wd_xstrdup("");
	text = wd_xprintf("%s%scannot be read: %s",
			  *name ? name : "an object of the list",
			  *name ? " stays as it was, for it " : " ", why);

	if (!*name)
		c->unsure = true;
	else if (c->listing)
		add_seen(c, root);
	add_problem(c, &problems, text);
	set_trouble(c, name, &problems);
	free(text);
	free(name);
}

struct sweeping {
	struct wd_kube_collection *c;
	struct wd_keys old; /* what goes now */
};

/* Was it in the list? */
static void sweep_one(void *ctx, const struct wd_object *obj)
{
	struct sweeping *s = ctx;
	const struct wd_key key = wd_object_key(obj);

	if (wd_keys_has(&s->c->seen, &key))
		return;
	if (s->c->missing)
		s->c->missing(s->c->ctx, obj);
	else
		wd_keys_add(&s->old, &key);
}

/* Objects that are the server's and were not in the list. */
static void sweep(struct wd_kube_collection *c)
{
	struct sweeping s = { .c = c };
	const struct wd_object *obj = NULL;

	if (is_remote(c))
		wd_kube_remote_each(c->remote, c->kind->role, sweep_one, &s);
	while (!is_remote(c) &&
	       (obj = wd_store_next(c->store, c->kind->kind, obj))) {
		if (obj->file == c->file)
			sweep_one(&s, obj);
	}
	for (size_t i = 0; i < s.old.cnt; i++)
		(void)del_object(c, s.old.key[i].ns, s.old.key[i].name, NULL);
	wd_keys_fini(&s.old);
}

void wd_kube_collection_end(struct wd_kube_collection *c)
{
	c->listing = false;
	c->changed |= !c->known || c->held;
	c->known = true;
	c->held = false;
	if (!c->unsure) {
		wd_keys_sort(&c->seen);
		sweep(c);
		drop_troubles(c, true);
	}
	wd_keys_fini(&c->seen);
}

uint32_t wd_kube_collection_cnt(const struct wd_kube_collection *c)
{
	const struct wd_object *obj = NULL;
	uint32_t cnt = 0;

	if (is_remote(c))
		return wd_kube_remote_cnt(c->remote, c->kind->role);
	while ((obj = wd_store_next(c->store, c->kind->kind, obj)))
		cnt += obj->file == c->file;
	return cnt;
}

void wd_kube_collection_absent(struct wd_kube_collection *c)
{
	bool held = wd_kube_collection_cnt(c) > 0;

	wd_keys_fini(&c->seen);
	c->listing = false;
	c->changed |= !c->known || c->held != held;
	c->known = true;
	c->held = held;
}
