/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree.c - one document as maps, lists and scalars: putting it together and
 * asking it. Decides what plain YAML text is a number, a boolean or null.
 */
#include "tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"
#include "build.h"

/* So many are compared as they come; more when all of them are there. */
#define FEW_KEYS 64

int wd_build_fail(struct wd_build *b, uint32_t line, const char *format, ...)
{
	va_list args;

	b->error->line = line;
	va_start(args, format);
	(void)vsnprintf(b->error->text, sizeof(b->error->text), format, args);
	va_end(args);
	return -EBADMSG;
}

bool wd_build_wants_key(const struct wd_build *b)
{
	const struct wd_build_frame *f = &b->frame[b->depth ? b->depth - 1 : 0];

	return b->depth && f->node->type == WD_TREE_MAP && !f->key;
}

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619U;
	return hash;
}

static int fail_twice(struct wd_build *b, const char *key, uint32_t line,
		      uint32_t first)
{
	return wd_build_fail(
		b, line, "'%.60s' is given twice (first in line %u), keep one",
		key, first);
}

int wd_build_key(struct wd_build *b, const char *key, bool plain, uint32_t line)
{
	struct wd_build_frame *f = &b->frame[b->depth - 1];
	uint32_t hash = hash_text(key);
	uint64_t bit = 1ULL << (hash >> 26);

	if (plain && strcmp(key, "<<") == 0)
		return wd_build_fail(
			b, line,
			"merge keys (<<) are not read, write the fields out");
	for (const struct wd_tree *e =
		     f->node->cnt < FEW_KEYS && (f->seen & bit) ?
			     f->node->child :
			     NULL;
	     e; e = e->next) {
		if (e->key_hash == hash && strcmp(e->key, key) == 0)
			return fail_twice(b, key, line, e->line);
	}
	f->seen |= bit;
	f->key = key;
	f->key_plain = plain;
	return 0;
}

struct wd_tree *wd_build_add(struct wd_build *b, enum wd_tree_type type,
			     uint32_t line)
{
	struct wd_build_frame *f;
	struct wd_tree *node;

	if (b->size >= b->most) {
		(void)wd_build_fail(b, line, "more than %zu values in it",
				    b->most);
		return NULL;
	}
	node = wd_arena_get(&b->arena, sizeof(*node));
	memset(node, 0, sizeof(*node));
	node->type = (uint8_t)type;
	node->line = line;
	b->size++;
	if (!b->depth) {
		b->root = node;
		return node;
	}
	f = &b->frame[b->depth - 1];
	if (f->key) {
		node->key = f->key;
		node->key_plain = f->key_plain;
		node->key_hash = hash_text(f->key);
		f->key = NULL;
	}
	f->node->cnt++;
	*f->tail = node;
	f->tail = &node->next;
	return node;
}

int wd_build_open(struct wd_build *b, enum wd_tree_type type, uint32_t line)
{
	size_t size = b->size;
	struct wd_build_frame *f;
	struct wd_tree *node;

	if (b->depth == WD_TREE_DEPTH_MAX)
		return wd_build_fail(
			b, line,
			"nested more than %d levels deep, which no object is",
			WD_TREE_DEPTH_MAX);
	node = wd_build_add(b, type, line);
	if (!node)
		return -EBADMSG;
	f = &b->frame[b->depth++];
	*f = (struct wd_build_frame){ .node = node,
				      .tail = &node->child,
				      .size_before = size };
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct wd_tree *const *x = a;
	const struct wd_tree *const *y = b;
	int diff = strcmp((*x)->key, (*y)->key);

	return diff ? diff :
		      ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* Of a large map, whoever wrote it: no walk for each of its keys. */
static int look_for_twins(struct wd_build *b, const struct wd_tree *map)
{
	const struct wd_tree **all = wd_xcalloc(map->cnt, sizeof(*all));
	uint32_t cnt = 0;
	int err = 0;

	for (const struct wd_tree *e = map->child; e; e = e->next)
		all[cnt++] = e;
	qsort(all, cnt, sizeof(*all), compare_keys);
	for (uint32_t i = 1; i < cnt && !err; i++) {
		if (strcmp(all[i - 1]->key, all[i]->key) == 0)
			err = fail_twice(b, all[i]->key, all[i]->line,
					 all[i - 1]->line);
	}
	free(all);
	return err;
}

int wd_build_close(struct wd_build *b)
{
	const struct wd_tree *node = b->frame[--b->depth].node;

	return node->type == WD_TREE_MAP && node->cnt > FEW_KEYS ?
		       look_for_twins(b, node) :
		       0;
}

void wd_build_reset(struct wd_build *b)
{
	wd_arena_reset(&b->arena);
	b->root = NULL;
	b->depth = 0;
	b->size = 0;
}

/* ---- asking ---- */

const struct wd_tree *wd_tree_get(const struct wd_tree *map, const char *key)
{
	if (!map || map->type != WD_TREE_MAP)
		return NULL;
	for (const struct wd_tree *e = map->child; e; e = e->next) {
		if (strcmp(e->key, key) == 0)
			return wd_tree_is_null(e) ? NULL : e;
	}
	return NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static bool only(const char *text, const char *chars)
{
	return *text && text[strspn(text, chars)] == '\0';
}

static bool is_json_int(const char *text)
{
	text += *text == '-';
	return only(text, "0123456789") && (*text != '0' || !text[1]);
}

static bool is_prefixed(const char *text)
{
	char base = text[0] == '0' ? (char)(text[1] | 32) : '\0';

	if (base == 'x')
		return only(text + 2, "0123456789abcdefABCDEF_");
	return (base == 'o' && only(text + 2, "01234567_")) ||
	       (base == 'b' && only(text + 2, "01_"));
}

/* Digits with an optional point and exponent, as YAML 1.1 readers take them. */
static bool is_float(const char *text)
{
	size_t whole = strspn(text, "0123456789_");
	size_t part = 0;
	const char *at = text + whole;

	if (*text == '_')
		return false;
	if (*at == '.') {
		at++;
		part = strspn(at, "0123456789_");
		at += part;
	}
	if (!whole && !part)
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		at += *at == '+' || *at == '-';
		return only(at, "0123456789");
	}
	return !*at;
}

enum wd_scalar wd_text_scalar(const char *text)
{
	static const char *const nulls[] = { "",     "~",    "null",
					     "Null", "NULL", NULL };
	static const char *const bools[] = {
		"true", "True", "TRUE", "false", "False", "FALSE", "yes",
		"Yes",	"YES",	"no",	"No",	 "NO",	  "on",	   "On",
		"ON",	"off",	"Off",	"OFF",	 NULL,
	};
	static const char *const odd[] = { ".inf", ".Inf", ".INF", ".nan",
					   ".NaN", ".NAN", NULL };

	if (is_one_of(text, nulls))
		return WD_SCALAR_NULL;
	if (is_one_of(text, bools))
		return WD_SCALAR_BOOL;
	if (is_json_int(text))
		return WD_SCALAR_INT;
	text += *text == '-' || *text == '+';
	if (is_prefixed(text) || is_float(text) || is_one_of(text, odd))
		return WD_SCALAR_NUMBER;
	return WD_SCALAR_TEXT;
}

enum wd_scalar wd_tree_scalar(const struct wd_tree *node)
{
	return node->plain ? wd_text_scalar(node->text) : WD_SCALAR_TEXT;
}

bool wd_tree_is_null(const struct wd_tree *node)
{
	return node->type == WD_TREE_SCALAR && node->plain &&
	       wd_tree_scalar(node) == WD_SCALAR_NULL;
}

const char *wd_tree_str(const struct wd_tree *node)
{
	if (!node || node->type != WD_TREE_SCALAR ||
	    wd_tree_scalar(node) != WD_SCALAR_TEXT)
		return NULL;
	return node->text;
}
