/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kube_stream.c - lists and watches, however their bytes are split.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kube/stream.h"
#include "tap.h"

struct told {
	char text[512]; /* "item {...}\n" and "meta {...}\n" */
	size_t len;
	int refuse; /* what item() returns */
};

static int tell(struct told *told, const char *what, const char *text,
		size_t len)
{
	told->len += (size_t)snprintf(told->text + told->len,
				      sizeof(told->text) - told->len,
				      "%s %.*s\n", what, (int)len, text);
	return 0;
}

static int on_item(void *ctx, char *text, size_t len)
{
	struct told *told = ctx;

	text[len] = '\0'; /* there is room */
	(void)tell(told, "item", text, len);
	return told->refuse;
}

static int on_meta(void *ctx, char *text, size_t len)
{
	return tell(ctx, "meta", text, len);
}

static const struct wd_kube_stream_fns fns = {
	.item = on_item,
	.meta = on_meta,
};

typedef int (*feed_fn)(struct wd_kube_stream *s, const char *piece, size_t len);

/* In pieces of @size bytes. */
static int feed(struct wd_kube_stream *s, feed_fn fn, const char *text,
		size_t size)
{
	size_t len = strlen(text);
	int err = 0;

	for (size_t at = 0; at < len && !err; at += size)
		err = fn(s, text + at, len - at < size ? len - at : size);
	return err;
}

static const struct list_case {
	const char *name;
	const char *text;
	const char *told;
	int err;
	bool whole;
} lists[] = {
	{ "metadata first",
	  "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\"},"
	  "\"items\":[{\"a\":1},{\"b\":{\"c\":[{}]}}]}\n",
	  "meta {\"resourceVersion\":\"7\"}\nitem {\"a\":1}\n"
	  "item {\"b\":{\"c\":[{}]}}\n",
	  0, true },
	{ "metadata last, brackets and quotes in texts",
	  " { \"items\" : [ {\"]}\\\"\": \"{[\\\\\"} , {} ] , "
	  "\"metadata\": {} } ",
	  "item {\"]}\\\"\": \"{[\\\\\"}\nitem {}\nmeta {}\n", 0, true },
	{ "items of a field below are none",
	  "{\"x\":{\"items\":[{\"a\":1}]},\"items\":null}", "", 0, true },
	{ "no items at all", "{\"kind\":\"Status\",\"metadata\":{}}",
	  "meta {}\n", 0, false },
	{ "cut off", "{\"items\":[{\"a\":1},{\"b\"", "item {\"a\":1}\n", 0,
	  false },
	{ "an item that is none", "{\"items\":[null]}", "", -EBADMSG, false },
	{ "items that are no list", "{\"items\":{}}", "", -EBADMSG, false },
	{ "brackets that do not match", "{\"items\":[{]}]}", "", -EBADMSG,
	  false },
	{ "a list", "[]", "", -EBADMSG, false },
	{ "a page of a proxy", "<html>", "", -EBADMSG, false },
	{ "more than one value", "{\"items\":[]}{}", "", -EBADMSG, true },
};

static void a_list_is_cut_into_items_wherever_it_is_split(void)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		const struct list_case *c = &lists[i];

		wd_test_row(c->name);
		for (size_t size = 1; size <= strlen(c->text); size++) {
			struct told told = { .len = 0 };
			struct wd_kube_stream s;

			wd_kube_stream_init(&s, &fns, &told);
			wd_expect_int(c->err, feed(&s, wd_kube_stream_list,
						   c->text, size));
			wd_expect_str(c->told, told.text);
			wd_expect_int(c->whole, wd_kube_stream_is_whole(&s));
			wd_kube_stream_fini(&s);
		}
	}
	wd_test_row(NULL);
}

static void a_watch_is_a_line_each_and_a_torn_one_is_not_told(void)
{
	static const char text[] = "{\"a\":1}\n\n \r\n{\"b\":2}\n{\"c\":";

	for (size_t size = 1; size <= strlen(text); size++) {
		struct told told = { .len = 0 };
		struct wd_kube_stream s;

		wd_kube_stream_init(&s, &fns, &told);
		wd_expect_int(0, feed(&s, wd_kube_stream_lines, text, size));
		wd_expect_str("item {\"a\":1}\nitem {\"b\":2}\n", told.text);
		wd_kube_stream_fini(&s);
	}
}

static void what_a_function_refuses_ends_the_reading(void)
{
	struct told told = { .refuse = -ECANCELED };
	struct wd_kube_stream s;

	wd_kube_stream_init(&s, &fns, &told);
	wd_expect_int(-ECANCELED, feed(&s, wd_kube_stream_lines, "1\n2\n", 4));
	wd_expect_str("item 1\n", told.text);
	wd_kube_stream_fini(&s);
}

struct sizes {
	size_t first, cnt;
};

static int on_sized(void *ctx, char *text, size_t len)
{
	struct sizes *sizes = ctx;

	(void)text;
	if (!sizes->cnt++)
		sizes->first = len;
	return 0;
}

/* An object without an end must not take the node's memory, nor hide others. */
static void of_an_object_that_is_too_large_the_rest_is_left_out(void)
{
	static const struct wd_kube_stream_fns sized = { .item = on_sized };
	static const struct {
		const char *name;
		feed_fn fn;
		const char *head, *tail;
	} cases[] = {
		{ "list", wd_kube_stream_list, "{\"items\":[{\"a\":\"",
		  "\"},{\"b\":1}]}" },
		{ "watch", wd_kube_stream_lines, "{\"a\":\"",
		  "\"}\n{\"b\":1}\n" },
	};
	static char filler[65537];

	memset(filler, 'x', sizeof(filler) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sizes sizes = { .cnt = 0 };
		struct wd_kube_stream s;
		size_t fed = 0;
		int err;

		wd_test_row(cases[i].name);
		wd_kube_stream_init(&s, &sized, &sizes);
		err = feed(&s, cases[i].fn, cases[i].head, 100);
		while (!err && fed < 2 * (size_t)WD_KUBE_OBJECT_MAX) {
			err = feed(&s, cases[i].fn, filler, 65536);
			fed += 65536;
		}
		wd_expect_int(0, err);
		wd_expect(s.cap <= 2 * (size_t)WD_KUBE_OBJECT_MAX);
		wd_expect_int(0, feed(&s, cases[i].fn, cases[i].tail, 100));
		wd_expect_int(WD_KUBE_OBJECT_MAX, sizes.first);
		wd_expect_int(2, sizes.cnt);
		wd_kube_stream_fini(&s);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(a_list_is_cut_into_items_wherever_it_is_split);
	WD_TEST(a_watch_is_a_line_each_and_a_torn_one_is_not_told);
	WD_TEST(what_a_function_refuses_ends_the_reading);
	WD_TEST(of_an_object_that_is_too_large_the_rest_is_left_out);
	return wd_tests_end();
}
