/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.c - one copy of every string and of every label set, counted.
 */
#include "intern.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../base/siphash.h"
#include "hash.h"
#include "xalloc.h"

/*
 * A string and its place in a chain. Not uthash's: a node with 18,000 pods has
 * 47,000 strings, and a handle of 56 bytes with each was 2 MB of the 24 MB
 * that the agent may take.
 */
struct str {
	struct str *next;
	uint32_t hash;
	uint32_t refs;
	char text[];
};

#define STR_BUCKETS_MIN 1024U

static struct str **buckets;
static uint32_t bucket_cnt; /* a power of two */
static uint32_t str_cnt;

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
	void *head = cast.out - offsetof(struct str, text);

	return head;
}

static void buckets_grow(void)
{
	uint32_t cnt = bucket_cnt ? bucket_cnt * 2 : STR_BUCKETS_MIN;
	struct str **grown = wd_xcalloc(cnt, sizeof(struct str *));

	for (uint32_t i = 0; i < bucket_cnt; i++) {
		while (buckets[i]) {
			struct str *str = buckets[i];

			buckets[i] = str->next;
			str->next = grown[str->hash & (cnt - 1)];
			grown[str->hash & (cnt - 1)] = str;
		}
	}
	free(buckets);
	buckets = grown;
	bucket_cnt = cnt;
}

static struct str *str_new(const char *s, uint32_t hash)
{
	size_t len = strlen(s);
	struct str *str = wd_xcalloc(1, sizeof(*str) + len + 1);
	struct str **bucket;

	if (str_cnt >= 2 * bucket_cnt)
		buckets_grow();
	memcpy(str->text, s, len + 1);
	str->hash = hash;
	bucket = &buckets[hash & (bucket_cnt - 1)];
	str->next = *bucket;
	*bucket = str;
	str_cnt++;
	return str;
}

const char *wd_str_get(const char *s)
{
	struct str *str = NULL;
	uint32_t hash;

	if (!s)
		return NULL;
	hash = wd_hash(s, strlen(s));
	if (bucket_cnt)
		str = buckets[hash & (bucket_cnt - 1)];
	while (str && (str->hash != hash || strcmp(str->text, s) != 0))
		str = str->next;
	if (!str)
		str = str_new(s, hash);
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
	struct str **at;
	struct str *str;

	if (!s)
		return;
	str = str_of(s);
	if (--str->refs > 0)
		return;
	assert(buckets); /* this one is in them */
	at = &buckets[str->hash & (bucket_cnt - 1)];
	while (*at != str)
		at = &(*at)->next;
	*at = str->next;
	free(str);
	if (--str_cnt > 0)
		return;
	free(buckets);
	buckets = NULL;
	bucket_cnt = 0;
}

uint32_t wd_str_longest_chain(void)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < bucket_cnt; i++) {
		uint32_t cnt = 0;

		for (const struct str *str = buckets[i]; str; str = str->next)
			cnt++;
		if (cnt > longest)
			longest = cnt;
	}
	return longest;
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
	void *head = cast.out - offsetof(struct set, labels);

	return head;
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

const struct wd_labels *wd_labels_get(const struct wd_label *label,
				      uint32_t cnt)
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
		HASH_ADD_KEYPTR(hh, sets,
				cnt ? (const void *)set->labels.label : &empty,
				size, set);
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
