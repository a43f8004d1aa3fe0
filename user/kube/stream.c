/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.c - cuts objects out of lists and watches.
 *
 *	{"kind": "PodList", "metadata": {...}, "items": [{...}, {...}]}
 *	 depth 1             META, from depth 2          ITEM, from depth 3
 */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

enum part { PART_OTHER, PART_META, PART_ITEMS };

void wd_kube_stream_init(struct wd_kube_stream *s,
			 const struct wd_kube_stream_fns *fns, void *ctx)
{
	*s = (struct wd_kube_stream){ .fns = fns, .ctx = ctx };
}

void wd_kube_stream_fini(struct wd_kube_stream *s)
{
	free(s->text);
	s->text = NULL;
	s->len = s->cap = 0;
}

/* ---- what is cut out ---- */

/* One byte more than is asked for is there, for a NUL. */
static void make_room(struct wd_kube_stream *s, size_t more)
{
	size_t want = s->len + more + 1;
	size_t cap = s->cap ? s->cap : 4096;

	while (cap < want)
		cap *= 2;
	if (cap != s->cap)
		s->text = wd_xrealloc(s->text, cap, 1);
	s->cap = cap;
}

/* What is too much is left out: the names come first, and others follow. */
static void put(struct wd_kube_stream *s, const char *bytes, size_t len)
{
	if (len > WD_KUBE_OBJECT_MAX - s->len)
		len = WD_KUBE_OBJECT_MAX - s->len;
	make_room(s, len);
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
}

/* What was large once is not kept for ever. */
static void forget(struct wd_kube_stream *s)
{
	s->len = 0;
	if (s->cap > 65536) {
		free(s->text);
		s->text = NULL;
		s->cap = 0;
	}
}

/* ---- lists ---- */

static bool key_is(const struct wd_kube_stream *s, const char *name)
{
	return s->key_len == strlen(name) &&
	       memcmp(s->key, name, s->key_len) == 0;
}

static enum part part_of(const struct wd_kube_stream *s)
{
	if (key_is(s, "items"))
		return PART_ITEMS;
	return key_is(s, "metadata") ? PART_META : PART_OTHER;
}

/* Depth at which an object of this part is open. */
static uint32_t object_depth(const struct wd_kube_stream *s)
{
	return s->part == PART_ITEMS ? 3 : s->part == PART_META ? 2 : 0;
}

static int on_open(struct wd_kube_stream *s, char c)
{
	if (s->depth == 0 && (s->began || c != '{'))
		return -EBADMSG;
	if (s->depth == WD_KUBE_DEPTH_MAX)
		return -EBADMSG;
	/* An item is an object, and the items are a list of them. */
	if (s->depth == 1 && s->part == PART_ITEMS && c != '[')
		return -EBADMSG;
	if (s->depth == 2 && s->part == PART_ITEMS && c != '{')
		return -EBADMSG;
	s->began = true;
	s->open[s->depth++] = c == '{' ? '}' : ']';
	if (s->depth == 1)
		s->key_next = true;
	if (s->depth == object_depth(s) && c == '{')
		s->taking = true;
	return 0;
}

static int on_object(struct wd_kube_stream *s)
{
	int err;

	s->taking = false;
	err = s->part == PART_META ? s->fns->meta(s->ctx, s->text, s->len) :
				     s->fns->item(s->ctx, s->text, s->len);
	forget(s);
	return err;
}

static int on_close(struct wd_kube_stream *s, char c)
{
	bool is_object = s->taking && s->depth == object_depth(s);

	if (!s->depth || s->open[s->depth - 1] != c)
		return -EBADMSG;
	s->depth--;
	if (!s->depth)
		s->ended = true;
	return is_object ? on_object(s) : 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A byte outside of texts that is not taken, or ends what is. */
static int on_byte(struct wd_kube_stream *s, char c)
{
	if (s->ended)
		return is_space(c) ? 0 : -EBADMSG;
	switch (c) {
	case '{':
	case '[':
		return on_open(s, c);
	case '}':
	case ']':
		return on_close(s, c);
	case ',':
		if (s->depth == 1)
			s->key_next = true;
		return 0;
	case ':':
		if (s->depth != 1)
			return 0;
		s->key_next = false;
		s->part = (uint8_t)part_of(s);
		s->has_items |= s->part == PART_ITEMS;
		return 0;
	case '"':
		s->in_text = true;
		if (s->depth == 1 && s->key_next)
			s->key_len = 0;
		return s->depth ? 0 : -EBADMSG;
	default:
		/* an item that is no object, such as null, would be lost */
		if (s->depth == 2 && s->part == PART_ITEMS && !is_space(c))
			return -EBADMSG;
		return s->depth || is_space(c) ? 0 : -EBADMSG;
	}
}

static void on_text_byte(struct wd_kube_stream *s, char c)
{
	if (s->escaped) {
		s->escaped = false;
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '"') {
		s->in_text = false;
		return;
	}
	if (s->depth == 1 && s->key_next) {
		if (s->key_len < sizeof(s->key))
			s->key[s->key_len] = c;
		s->key_len += s->key_len <= sizeof(s->key);
	}
}

int wd_kube_stream_list(struct wd_kube_stream *s, const char *piece, size_t len)
{
	size_t from = 0; /* what of the piece is to be taken */
	int err = 0;

	for (size_t i = 0; i < len && !err; i++) {
		bool was = s->taking;
		char c = piece[i];

		if (s->in_text) {
			on_text_byte(s, c);
			continue;
		}
		/* The closing bracket belongs to the object, and ends it. */
		if (was && (c == '}' || c == ']')) {
			put(s, piece + from, i + 1 - from);
			from = i + 1;
		}
		err = on_byte(s, c);
		if (!was && s->taking)
			from = i;
	}
	if (!err && s->taking)
		put(s, piece + from, len - from);
	return err;
}

bool wd_kube_stream_is_whole(const struct wd_kube_stream *s)
{
	return s->ended && s->has_items;
}

/* ---- watches ---- */

static int on_line(struct wd_kube_stream *s)
{
	int err = 0;
	size_t i = 0;

	while (i < s->len && is_space(s->text[i]))
		i++;
	if (i < s->len)
		err = s->fns->item(s->ctx, s->text, s->len);
	forget(s);
	return err;
}

int wd_kube_stream_lines(struct wd_kube_stream *s, const char *piece,
			 size_t len)
{
	int err = 0;

	while (len && !err) {
		const char *eol = memchr(piece, '\n', len);
		size_t part = eol ? (size_t)(eol - piece) : len;

		put(s, piece, part);
		if (eol)
			err = on_line(s);
		part += eol ? 1 : 0;
		piece += part;
		len -= part;
	}
	return err;
}
