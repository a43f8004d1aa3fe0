/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - one object after the other out of what an API server sends.
 *
 * A list is never held whole: its items are cut out of the bytes as they come,
 * wherever these are split. A watch is a line each. What is cut out is bounded
 * and is parsed by others; here only quotes and brackets are understood.
 */
#ifndef WARDER_KUBE_STREAM_H
#define WARDER_KUBE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* bytes of one object; etcd takes 1.5 MiB of what may be protobuf */
#define WD_KUBE_OBJECT_MAX (16U << 20)
#define WD_KUBE_DEPTH_MAX 200

struct wd_kube_stream_fns {
	/*
	 * A text of @len bytes that has room for one more and may be changed: an
	 * item of the list, a line. -errno ends the reading. Of one that is too
	 * large @len is WD_KUBE_OBJECT_MAX, and what follows is not there.
	 */
	int (*item)(void *ctx, char *text, size_t len);
	/* Of a list only: its metadata, before or after the items. */
	int (*meta)(void *ctx, char *text, size_t len);
};

struct wd_kube_stream {
	const struct wd_kube_stream_fns *fns;
	void *ctx;
	char *text; /* what is being cut out */
	size_t len, cap;
	char open[WD_KUBE_DEPTH_MAX]; /* brackets */
	uint32_t depth;
	bool in_text, escaped;
	bool taking; /* bytes go to @text */
	uint8_t part; /* which field of the list this is */
	bool key_next; /* the next text is a field's name */
	char key[16]; /* of the list's own fields */
	uint8_t key_len;
	bool began, ended, has_items;
};

/** wd_kube_stream_init() - ready for an answer's first byte */
void wd_kube_stream_init(struct wd_kube_stream *s,
			 const struct wd_kube_stream_fns *fns, void *ctx);
void wd_kube_stream_fini(struct wd_kube_stream *s);

/**
 * wd_kube_stream_list() - the next bytes of a list
 * Return: 0; -EBADMSG: no JSON list; what a function said.
 */
int wd_kube_stream_list(struct wd_kube_stream *s, const char *piece,
			size_t len);

/** wd_kube_stream_is_whole() - has the list ended, as a list with items (null will do) does */
bool wd_kube_stream_is_whole(const struct wd_kube_stream *s);

/** wd_kube_stream_lines() - the next bytes of a watch; returns as wd_kube_stream_list() */
int wd_kube_stream_lines(struct wd_kube_stream *s, const char *piece,
			 size_t len);

#endif /* WARDER_KUBE_STREAM_H */
