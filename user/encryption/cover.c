/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover.c - sums by names. A name is kept once, so that equal names are equal
 * pointers and the key of a row is a few words.
 */
#include "cover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/hash.h"
#include "../model/intern.h"
#include "../model/xalloc.h"

/* All bytes of it are hashed: set to zero before it is filled. */
struct key {
	const char *from, *to, *peer; /* interned */
	uint32_t kind, dir, family;
};

struct entry {
	struct key key;
	uint64_t packets, bytes;
	UT_hash_handle hh;
};

struct wd_cover {
	struct entry *entries;
};

struct kind {
	const char *name, *evidence, *help;
};

static const struct kind kinds[WD_COVER__MAX] = {
	[WD_COVER_WIREGUARD] = { "wireguard", "proven",
				 "handed to or taken from a WireGuard device, "
				 "whose peer is the node of the pod" },
	[WD_COVER_ESP] = { "esp", "seen",
			   "IPsec ESP between nodes; whose it is and how it "
			   "is encrypted is not seen" },
	[WD_COVER_DROPPED] = { "dropped", "stopped",
			       "had to be encrypted, was not, and was not let "
			       "pass" },
	[WD_COVER_EXEMPT] = { "exempt", "clear",
			      "had to be encrypted, but for a node that is "
			      "exempt by configuration" },
	[WD_COVER_HBONE] = { "hbone", "observed",
			     "to or from TCP port 15008 of a mesh (HBONE): "
			     "the port, no proof" },
	[WD_COVER_LINKERD] = { "linkerd", "observed",
			       "to or from TCP port 4143 of a mesh (Linkerd): "
			       "the port, no proof" },
	[WD_COVER_CLEAR] = { "clear", "clear",
			     "in clear between pods, and no side requires "
			     "more" },
	[WD_COVER_NODES] = { "nodes", "clear",
			     "in clear between nodes, which are not required "
			     "to encrypt" },
};

const char *wd_cover_kind_name(uint32_t kind)
{
	return kind < WD_COVER__MAX ? kinds[kind].name : NULL;
}

const char *wd_cover_kind_evidence(uint32_t kind)
{
	return kind < WD_COVER__MAX ? kinds[kind].evidence : NULL;
}

const char *wd_cover_kind_help(uint32_t kind)
{
	return kind < WD_COVER__MAX ? kinds[kind].help : NULL;
}

int wd_cover_kind_find(const char *name)
{
	for (int i = 0; i < WD_COVER__MAX; i++)
		if (!strcmp(kinds[i].name, name))
			return i;
	return -ENOENT;
}

struct wd_cover *wd_cover_new(void)
{
	return wd_xcalloc(1, sizeof(struct wd_cover));
}

static void entry_free(struct entry *e)
{
	wd_str_put(e->key.from);
	wd_str_put(e->key.to);
	wd_str_put(e->key.peer);
	free(e);
}

void wd_cover_clear(struct wd_cover *cover)
{
	struct entry *e = cover->entries, *next;

	HASH_CLEAR(hh, cover->entries);
	for (; e; e = next) {
		next = e->hh.next;
		entry_free(e);
	}
}

void wd_cover_free(struct wd_cover *cover)
{
	if (!cover)
		return;
	wd_cover_clear(cover);
	free(cover);
}

void wd_cover_add(struct wd_cover *cover, const struct wd_cover_row *row)
{
	struct entry *e = wd_xcalloc(1, sizeof(*e)), *have;

	e->key.from = wd_str_get(row->from);
	e->key.to = wd_str_get(row->to);
	e->key.peer = wd_str_get(row->peer);
	e->key.kind = row->kind;
	e->key.dir = row->dir;
	e->key.family = row->family;
	e->packets = row->packets;
	e->bytes = row->bytes;
	HASH_FIND(hh, cover->entries, &e->key, sizeof(e->key), have);
	if (!have && (row->packets || row->bytes)) {
		HASH_ADD(hh, cover->entries, key, sizeof(e->key), e);
		return;
	}
	if (have) {
		have->packets += row->packets;
		have->bytes += row->bytes;
	}
	entry_free(e);
}

static struct wd_cover_row row_of(const struct entry *e)
{
	return (struct wd_cover_row){
		.from = e->key.from,
		.to = e->key.to,
		.peer = e->key.peer,
		.kind = (uint8_t)e->key.kind,
		.dir = (uint8_t)e->key.dir,
		.family = (uint8_t)e->key.family,
		.packets = e->packets,
		.bytes = e->bytes,
	};
}

void wd_cover_merge(struct wd_cover *cover, const struct wd_cover *from)
{
	for (const struct entry *e = from->entries; e; e = e->hh.next) {
		struct wd_cover_row row = row_of(e);

		wd_cover_add(cover, &row);
	}
}

size_t wd_cover_cnt(const struct wd_cover *cover)
{
	return HASH_COUNT(cover->entries);
}

static int compare(const void *left, const void *right)
{
	const struct wd_cover_row *a = left, *b = right;
	int cmp = strcmp(a->from, b->from);

	if (!cmp)
		cmp = strcmp(a->to, b->to);
	if (!cmp)
		cmp = strcmp(a->peer, b->peer);
	if (!cmp)
		cmp = a->dir - b->dir;
	if (!cmp)
		cmp = a->kind - b->kind;
	return cmp ? cmp : a->family - b->family;
}

struct wd_cover_row *wd_cover_rows(const struct wd_cover *cover)
{
	size_t cnt = wd_cover_cnt(cover), i = 0;
	struct wd_cover_row *row;

	if (!cnt)
		return NULL;
	row = wd_xcalloc(cnt, sizeof(*row));
	for (const struct entry *e = cover->entries; e; e = e->hh.next)
		row[i++] = row_of(e);
	qsort(row, cnt, sizeof(*row), compare);
	return row;
}
