/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_kube.c - any bytes as a list and as a watch of an API server: what is
 * cut out must not depend on where the bytes were split.
 */
#include <string.h>

#include "kube/stream.h"

#include "fuzz.h"

struct told {
	uint64_t hash; /* of everything told, in order */
	size_t cnt;
};

static void add(struct told *told, char what, const char *text, size_t len)
{
	told->hash = told->hash * 31 + (unsigned char)what;
	for (size_t i = 0; i < len; i++)
		told->hash = told->hash * 31 + (unsigned char)text[i];
	told->cnt++;
}

static int on_item(void *ctx, char *text, size_t len)
{
	add(ctx, 'i', text, len);
	fuzz_expect(len > 0 && len <= WD_KUBE_OBJECT_MAX);
	text[len] = '\0'; /* there is room */
	return 0;
}

static int on_meta(void *ctx, char *text, size_t len)
{
	add(ctx, 'm', text, len);
	fuzz_expect(text[0] == '{' && text[len - 1] == '}');
	return 0;
}

static const struct wd_kube_stream_fns fns = {
	.item = on_item,
	.meta = on_meta,
};

/* In pieces of @size bytes. Return: the first error. */
static int feed(const uint8_t *data, size_t len, size_t size, bool list,
		struct told *ret_told)
{
	struct wd_kube_stream s;
	int err = 0;

	memset(ret_told, 0, sizeof(*ret_told));
	wd_kube_stream_init(&s, &fns, ret_told);
	for (size_t at = 0; at < len && !err; at += size) {
		const char *piece = (const char *)data + at;
		size_t part = len - at < size ? len - at : size;

		err = list ? wd_kube_stream_list(&s, piece, part) :
			     wd_kube_stream_lines(&s, piece, part);
	}
	add(ret_told, wd_kube_stream_is_whole(&s) ? 'w' : 'p', "", 0);
	wd_kube_stream_fini(&s);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int list = 0; list < 2; list++) {
		struct told whole;
		struct told split;
		int err = feed(data, size, size ? size : 1, list, &whole);

		for (size_t piece = 1; piece < 8; piece += 3) {
			fuzz_expect(feed(data, size, piece, list, &split) ==
				    err);
			fuzz_expect(split.hash == whole.hash &&
				    split.cnt == whole.cnt);
		}
	}
	return 0;
}
