/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree.h - one document as maps, lists and scalars that know their line.
 *
 * YAML and JSON both become this. A tree lives in an arena and is never
 * changed. What is refused here (a key given twice, too deep) makes the whole
 * file unreadable.
 */
#ifndef WARDER_TREE_H
#define WARDER_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_arena;

enum wd_tree_type {
	WD_TREE_SCALAR,
	WD_TREE_MAP,
	WD_TREE_LIST,
};

struct wd_tree {
	uint8_t type; /* enum wd_tree_type */
	bool plain; /* scalar without quotes: may be a number, a boolean, null */
	bool key_plain; /* the same of the key */
	uint32_t line; /* from 1 */
	uint32_t cnt; /* entries of a map or list */
	uint32_t key_hash;
	const char *key; /* in a map, else NULL */
	union {
		const char *text; /* scalar */
		struct wd_tree *child; /* first entry */
	};
	struct wd_tree *next; /* next entry of the same map or list */
};

/* What a scalar says; quoted ones are always text. */
enum wd_scalar {
	WD_SCALAR_TEXT,
	WD_SCALAR_NULL,
	WD_SCALAR_BOOL, /* true, false, yes, no, on, off */
	WD_SCALAR_INT, /* decimal, as JSON writes it */
	WD_SCALAR_NUMBER, /* any other number: 0x50, 010, 8.0, 1e3, 1_000, .inf */
};

#define WD_TREE_DEPTH_MAX 64
/* nodes that aliases may add to one document */
#define WD_TREE_ALIAS_MAX 100000

struct wd_tree_error {
	uint32_t line;
	char text[200]; /* what is wrong and what to do */
};

/* Called for each document that is not empty; @root ends with the call. */
typedef void (*wd_tree_fn)(void *ctx, const struct wd_tree *root);

/**
 * wd_yaml_read() - read all documents of a YAML text
 * Return: 0, or -EBADMSG with *ret_error; documents before the error were told.
 */
int wd_yaml_read(const char *text, size_t len, wd_tree_fn fn, void *ctx,
		 struct wd_tree_error *ret_error);

/**
 * wd_json_read() - read JSON values one after the other
 * @text: is changed; @len bytes and one more that may be written
 * Return: as wd_yaml_read().
 */
int wd_json_read(char *text, size_t len, wd_tree_fn fn, void *ctx,
		 struct wd_tree_error *ret_error);

/* Values of one object of an API: as text it is small, a tree takes 64 bytes for each. */
#define WD_TREE_OBJECT_VALUES (1U << 20)

/** wd_json_read_object() - the same of somebody else's text: not more than WD_TREE_OBJECT_VALUES */
int wd_json_read_object(char *text, size_t len, wd_tree_fn fn, void *ctx,
			struct wd_tree_error *ret_error);

/** wd_tree_get() - the value below a key of a map; NULL if absent, null, or @map is no map */
const struct wd_tree *wd_tree_get(const struct wd_tree *map, const char *key);

/** wd_tree_scalar() - what kind of value a scalar is; not for maps and lists */
enum wd_scalar wd_tree_scalar(const struct wd_tree *node);

/** wd_text_scalar() - the same of unquoted text */
enum wd_scalar wd_text_scalar(const char *text);

/** wd_tree_text() - YAML in one line that reads as the same tree; to be freed */
char *wd_tree_text(const struct wd_tree *node);

bool wd_tree_is_null(const struct wd_tree *node);

/** wd_tree_str() - text of a scalar that is text; else (also NULL) NULL */
const char *wd_tree_str(const struct wd_tree *node);

#endif /* WARDER_TREE_H */
