/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.c - one copy of every string and of every label set, counted.
 */
#include "intern.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "xalloc.h"

struct str {
	UT_hash_handle hh;
	uint32_t refs;
	char text[];
};

static struct str *strings;

/* A set in the table; the handle stands before what the header shows. */
struct set {
	UT_hash_handle hh;
	struct wd_labels labels; /* flexible array last */
};

static struct set *sets;

static struct str *str_of(const char *s)
{
	union {
		const char *in;
		char *out;
	} cast = { s };

	return (struct str *)(void *)(cast.out - offsetof(struct str, text));
}

const char *wd_str_get(const char *s)
{
	size_t len;
	struct str *str;

	if (!s)
		return NULL;
	len = strlen(s);
	HASH_FIND(hh, strings, s, len, str);
	if (!str) {
		str = wd_xcalloc(1, sizeof(*str) + len + 1);
		memcpy(str->text, s, len + 1);
		HASH_ADD_KEYPTR(hh, strings, str->text, len, str);
	}
	str->refs++;
	return str->text;
}

const char *wd_str_ref(const char *s)
{
	if (s)
		str_of(s)->refs++;
	return s;
}

void wd_str_put(const char *s)
{
	struct str *str;

	if (!s)
		return;
	str = str_of(s);
	if (--str->refs > 0)
		return;
	HASH_DELETE(hh, strings, str);
	free(str);
}

static int label_cmp(const void *a, const void *b)
{
	const struct wd_label *x = a;
	const struct wd_label *y = b;

	return strcmp(x->key, y->key);
}

static struct set *set_of(const struct wd_labels *labels)
{
	union {
		const struct wd_labels *in;
		char *out;
	} cast = { labels };

	return (struct set *)(void *)(cast.out - offsetof(struct set, labels));
}

/* Interned copies of @label, sorted; the caller owns the references. */
static struct wd_label *label_copy(const struct wd_label *label, uint32_t cnt)
{
	struct wd_label *copy = wd_xcalloc(cnt, sizeof(*copy));

	for (uint32_t i = 0; i < cnt; i++) {
		copy[i].key = wd_str_get(label[i].key);
		copy[i].value = wd_str_get(label[i].value);
	}
	if (cnt)
		qsort(copy, cnt, sizeof(*copy), label_cmp);
	return copy;
}

static void label_drop(const struct wd_label *label, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		wd_str_put(label[i].key);
		wd_str_put(label[i].value);
	}
}

const struct wd_labels *wd_labels_get(const struct wd_label *label, uint32_t cnt)
{
	static const char empty;
	struct wd_label *copy = label_copy(label, cnt);
	size_t size = cnt * sizeof(*copy);
	const void *key = cnt ? (const void *)copy : &empty;
	struct set *set;

	if (cnt == 0)
		size = 1; /* a key of its own that no pointers can equal */
	HASH_FIND(hh, sets, key, size, set);
	if (set) {
		label_drop(copy, cnt);
	} else {
		set = wd_xcalloc(1, sizeof(*set) + cnt * sizeof(*copy));
		set->labels.cnt = cnt;
		if (cnt)
			memcpy(set->labels.label, copy, size);
		HASH_ADD_KEYPTR(hh, sets, cnt ? (const void *)set->labels.label : &empty, size,
				set);
		set->labels.hash = set->hh.hashv;
	}
	set->labels.refs++;
	free(copy);
	return &set->labels;
}

const struct wd_labels *wd_labels_ref(const struct wd_labels *labels)
{
	if (labels)
		set_of(labels)->labels.refs++;
	return labels;
}

void wd_labels_put(const struct wd_labels *labels)
{
	struct set *set;

	if (!labels)
		return;
	set = set_of(labels);
	if (--set->labels.refs > 0)
		return;
	HASH_DELETE(hh, sets, set);
	label_drop(set->labels.label, set->labels.cnt);
	free(set);
}

const char *wd_labels_find(const struct wd_labels *labels, const char *key)
{
	for (uint32_t i = 0; i < labels->cnt; i++) {
		if (labels->label[i].key == key)
			return labels->label[i].value;
	}
	return NULL;
}
