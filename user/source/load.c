/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - what one version of one file says, before it is in force.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/xalloc.h"
#include "problems.h"
#include "read.h"

/* ---- keys ---- */

int wd_key_compare(const struct wd_key *a, const struct wd_key *b)
{
	int diff = (int)a->kind - (int)b->kind;

	if (!diff && a->ns != b->ns)
		diff = strcmp(a->ns, b->ns);
	if (!diff && a->name != b->name)
		diff = strcmp(a->name, b->name);
	return diff;
}

static int compare_keys(const void *a, const void *b)
{
	return wd_key_compare(a, b);
}

struct wd_key wd_object_key(const struct wd_object *obj)
{
	return (struct wd_key){ obj->kind, obj->ns, obj->name };
}

void wd_keys_add(struct wd_keys *keys, const struct wd_key *key)
{
	keys->key =
		wd_grow(keys->key, keys->cnt, &keys->cap, sizeof(*keys->key));
	keys->key[keys->cnt++] = (struct wd_key){
		.kind = key->kind,
		.ns = wd_str_get(key->ns),
		.name = wd_str_get(key->name),
	};
}

void wd_keys_sort(struct wd_keys *keys)
{
	if (!keys->cnt)
		return;
	qsort(keys->key, keys->cnt, sizeof(*keys->key), compare_keys);
	keys->key = wd_xrealloc(keys->key, keys->cnt, sizeof(*keys->key));
	keys->cap = keys->cnt;
}

bool wd_keys_has(const struct wd_keys *keys, const struct wd_key *key)
{
	return keys->cnt && bsearch(key, keys->key, keys->cnt,
				    sizeof(*keys->key), compare_keys);
}

void wd_keys_fini(struct wd_keys *keys)
{
	for (size_t i = 0; i < keys->cnt; i++) {
		wd_str_put(keys->key[i].ns);
		wd_str_put(keys->key[i].name);
	}
	free(keys->key);
	memset(keys, 0, sizeof(*keys));
}

/* ---- told by the reader ---- */

static void add_object(struct wd_load *load, struct wd_object *obj)
{
	load->obj = wd_grow(load->obj, load->obj_cnt, &load->obj_cap,
			    sizeof(struct wd_object *));
	load->obj[load->obj_cnt++] = obj;
}

static void on_object(void *ctx, struct wd_object *obj)
{
	add_object(ctx, obj);
}

static void on_refused(void *ctx, int kind, const char *ns, const char *name)
{
	struct wd_load *load = ctx;
	const struct wd_key key = { (enum wd_kind)kind, ns, name };

	wd_keys_add(&load->refused, &key);
}

static void on_unreadable(void *ctx)
{
	struct wd_load *load = ctx;

	load->unsure = true;
}

static void on_unknown(void *ctx, const char *kind)
{
	struct wd_load *load = ctx;

	for (size_t i = 0; i < load->unknown_cnt; i++) {
		if (strcmp(load->unknown[i].kind, kind) == 0) {
			load->unknown[i].cnt++;
			return;
		}
	}
	load->unknown = wd_grow(load->unknown, load->unknown_cnt,
				&load->unknown_cap, sizeof(*load->unknown));
	load->unknown[load->unknown_cnt].kind = wd_xstrdup(kind);
	load->unknown[load->unknown_cnt++].cnt = 1;
}

static const struct wd_read_fns read_fns = {
	.object = on_object,
	.refused = on_refused,
	.unreadable = on_unreadable,
	.unknown = on_unknown,
};

/* ---- sorting out ---- */

/* By key; of the same key the one that stands first comes first. */
static int compare_objects(const void *a, const void *b)
{
	const struct wd_object *x = *(const struct wd_object *const *)a;
	const struct wd_object *y = *(const struct wd_object *const *)b;
	const struct wd_key kx = wd_object_key(x);
	const struct wd_key ky = wd_object_key(y);
	int diff = wd_key_compare(&kx, &ky);

	return diff ? diff : (x->line > y->line) - (x->line < y->line);
}

static void object_problem(struct wd_load *load, const struct wd_object *obj,
			   uint32_t other)
{
	char object[600];
	char text[128];
	struct wd_problem problem = {
		.effect = WD_PROBLEM_IGNORED,
		.file = load->path,
		.line = obj->line,
		.object = object,
		.field = "metadata.name",
		.text = text,
	};

	(void)snprintf(object, sizeof(object), "%s/%s%s%s",
		       wd_kind_name(obj->kind), obj->ns, *obj->ns ? "/" : "",
		       obj->name);
	(void)snprintf(
		text, sizeof(text),
		"stands in line %u too, which counts; remove one of them",
		other);
	wd_problems_add(&load->problems, &problem);
}

static void drop_doubles(struct wd_load *load)
{
	size_t out = 0;

	if (load->obj_cnt)
		qsort(load->obj, load->obj_cnt, sizeof(struct wd_object *),
		      compare_objects);
	for (size_t i = 0; i < load->obj_cnt; i++) {
		struct wd_key key = wd_object_key(load->obj[i]);
		struct wd_key last = out ? wd_object_key(load->obj[out - 1]) :
					   key;

		if (out && wd_key_compare(&key, &last) == 0) {
			object_problem(load, load->obj[i],
				       load->obj[out - 1]->line);
			wd_object_free(load->obj[i]);
			continue;
		}
		load->obj[out++] = load->obj[i];
	}
	load->obj_cnt = out;
}

static bool is_json(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

void wd_load_text(struct wd_load *load, const char *path, char *text,
		  size_t len)
{
	const char *file = wd_str_get(path);
	struct wd_read r = {
		.fns = &read_fns,
		.ctx = load,
		.problems = &load->problems,
		.file = file,
	};

	memset(load, 0, sizeof(*load));
	load->path = path;
	wd_read_text(&r, text, len, is_json(path));
	drop_doubles(load);
	wd_keys_sort(&load->refused);
	wd_str_put(file);
}

void wd_load_failed(struct wd_load *load, const char *path, const char *why)
{
	struct wd_problem problem = {
		.effect = WD_PROBLEM_KEPT,
		.file = path,
		.object = "",
		.field = "",
		.text = why,
	};

	memset(load, 0, sizeof(*load));
	load->path = path;
	load->unsure = true;
	wd_problems_add(&load->problems, &problem);
}

void wd_load_fini(struct wd_load *load)
{
	for (size_t i = 0; i < load->obj_cnt; i++)
		wd_object_free(load->obj[i]);
	free(load->obj);
	wd_keys_fini(&load->refused);
	wd_problems_fini(&load->problems);
	for (size_t i = 0; i < load->unknown_cnt; i++)
		free(load->unknown[i].kind);
	free(load->unknown);
	memset(load, 0, sizeof(*load));
}

/* ---- versions ---- */

bool wd_load_is_clean(const struct wd_load *load)
{
	return !load->unsure && !load->refused.cnt;
}

bool wd_load_has(const struct wd_load *load, const struct wd_key *key)
{
	size_t lo = 0;
	size_t hi = load->obj_cnt;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		struct wd_key at = wd_object_key(load->obj[mid]);
		int diff = wd_key_compare(key, &at);

		if (!diff)
			return true;
		if (diff < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

bool wd_load_keeps(const struct wd_load *load, const struct wd_key *key)
{
	return !wd_load_has(load, key) &&
	       (load->unsure || wd_keys_has(&load->refused, key));
}

void wd_load_inherit(struct wd_load *load, struct wd_load *before)
{
	size_t cnt = before->obj_cnt;
	size_t kept = 0;

	/* Decide on all first: an added object would disturb the order of the search. */
	for (size_t i = 0; i < cnt; i++) {
		struct wd_key key = wd_object_key(before->obj[i]);

		if (wd_load_keeps(load, &key))
			before->obj[kept++] = before->obj[i];
		else
			wd_object_free(before->obj[i]);
	}
	before->obj_cnt = 0;
	for (size_t i = 0; i < kept; i++)
		add_object(load, before->obj[i]);
	if (kept)
		qsort(load->obj, load->obj_cnt, sizeof(struct wd_object *),
		      compare_objects);
}
