/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h - how the readers of YAML and JSON put a tree together.
 */
#ifndef WARDER_BUILD_H
#define WARDER_BUILD_H

#include "arena.h"
#include "tree.h"

struct wd_build_frame {
	struct wd_tree *node;
	struct wd_tree **tail;
	const char *key; /* waits for its value */
	uint64_t seen; /* one bit of each key's hash, while there are few */
	size_t size_before; /* of the builder, for anchors */
	const char *anchor; /* for the reader */
	bool key_plain;
};

struct wd_build {
	struct wd_arena arena;
	struct wd_tree *root; /* when depth is 0 and a value was added */
	uint32_t depth;
	size_t size; /* nodes, those that aliases repeat counted again */
	size_t most; /* of them, SIZE_MAX: any number */
	struct wd_tree_error *error;
	struct wd_build_frame frame[WD_TREE_DEPTH_MAX];
};

/** wd_build_fail() - Return: -EBADMSG, with the error filled in */
int wd_build_fail(struct wd_build *b, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** wd_build_wants_key() - the next scalar is a key */
bool wd_build_wants_key(const struct wd_build *b);

/** wd_build_key() - Return: 0 or -EBADMSG */
int wd_build_key(struct wd_build *b, const char *key, bool plain,
		 uint32_t line);

/** wd_build_add() - a value at the present place. Return: NULL when refused */
struct wd_tree *wd_build_add(struct wd_build *b, enum wd_tree_type type,
			     uint32_t line);

/** wd_build_open() - as add for a map or list, whose entries follow. Return: 0 or -EBADMSG */
int wd_build_open(struct wd_build *b, enum wd_tree_type type, uint32_t line);

/** wd_build_close() - the map or list is complete. Return: 0 or -EBADMSG */
int wd_build_close(struct wd_build *b);

/** wd_build_reset() - ready for the next document */
void wd_build_reset(struct wd_build *b);

#endif /* WARDER_BUILD_H */
