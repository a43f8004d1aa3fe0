/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * salvage.h - whose text that was, of a text that cannot be read.
 */
#ifndef WARDER_KUBE_SALVAGE_H
#define WARDER_KUBE_SALVAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "../source/tree.h"

#define WD_KUBE_SALVAGE_MAX 256 /* bytes of a name, and its NUL */

/* "" is what was not found. */
struct wd_kube_salvage {
	char type[WD_KUBE_SALVAGE_MAX]; /* of an event */
	char ns[WD_KUBE_SALVAGE_MAX];
	char name[WD_KUBE_SALVAGE_MAX];
	char uid[WD_KUBE_SALVAGE_MAX];
	char version[WD_KUBE_SALVAGE_MAX];
	struct wd_tree node[6]; /* for wd_kube_salvage_tree() */
};

/**
 * wd_kube_salvage() - look for an object's names in a text that is no JSON
 * @is_event: the object is in an event of a watch
 *
 * The text may be cut off anywhere. A name that has escapes in it is none.
 */
void wd_kube_salvage(const char *text, size_t len, bool is_event,
		     struct wd_kube_salvage *ret_found);

/**
 * wd_kube_salvage_tree() - what was found as an object with metadata only
 * Return: borrowed from @found; NULL: it has no name.
 */
const struct wd_tree *wd_kube_salvage_tree(struct wd_kube_salvage *found);

/**
 * wd_kube_salvage_nuls() - make U+0000 in texts U+FFFD
 *
 * A server lets it into any text; as a C string the text would end there,
 * and be another one. No name or address may have either.
 */
void wd_kube_salvage_nuls(char *text, size_t len);

#endif /* WARDER_KUBE_SALVAGE_H */
