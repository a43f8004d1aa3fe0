/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.h - one copy of every string and of every label set.
 *
 * A cluster repeats the same few thousand names in tens of thousands of
 * objects. Interned strings and label sets are equal exactly when their
 * pointers are, which is what makes selectors and identities cheap. Counted
 * references: every _get or _ref needs one _put. Not thread safe.
 */
#ifndef WARDER_INTERN_H
#define WARDER_INTERN_H

#include <stdint.h>

/* A label; both strings are interned. */
struct wd_label {
	const char *key;
	const char *value;
};

/* A label set, sorted by key (strcmp), interned as a whole. Never changed. */
struct wd_labels {
	uint32_t refs;
	uint32_t cnt;
	uint32_t hash;
	struct wd_label label[];
};

/**
 * wd_str_get() - intern a string
 * @s: NUL-terminated; NULL is returned as NULL
 * Return: the interned copy with one more reference; never NULL for non-NULL
 * @s (out of memory ends the program with a message, as for all of this file).
 */
const char *wd_str_get(const char *s);

/** wd_str_ref() - one more reference to an interned string; NULL passes */
const char *wd_str_ref(const char *s);

/** wd_str_put() - drop a reference; NULL passes */
void wd_str_put(const char *s);

/**
 * wd_str_longest_chain() - how many strings at most one wd_str_get() looks at
 * By no choice of strings can anybody make them many. Costs a walk through all.
 */
uint32_t wd_str_longest_chain(void);

/**
 * wd_labels_get() - intern a label set
 * @label: keys and values, plain or interned strings, any order, keys distinct
 * @cnt: number of labels, 0 gives the empty set
 * Return: the interned set with one more reference; never NULL.
 */
const struct wd_labels *wd_labels_get(const struct wd_label *label,
				      uint32_t cnt);

/** wd_labels_ref() / wd_labels_put() - as for strings */
const struct wd_labels *wd_labels_ref(const struct wd_labels *labels);
void wd_labels_put(const struct wd_labels *labels);

/**
 * wd_labels_find() - value of a key
 * @key: interned
 * Return: the interned value (borrowed), or NULL if the key is not there.
 */
const char *wd_labels_find(const struct wd_labels *labels, const char *key);

#endif /* WARDER_INTERN_H */
