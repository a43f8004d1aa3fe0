/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_intern.c - equal strings and label sets are one, as long as anybody
 * holds them. What is not given back shows as a leak under ASan.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "model/intern.h"

#include "../tap.h"

static void equal_strings_are_one(void)
{
	char text[] = "app";
	const char *a = wd_str_get("app");
	const char *b = wd_str_get(text);
	const char *c = wd_str_get("ap");

	wd_expect(a == b);
	wd_expect(a != text);
	wd_expect(a != c);
	text[0] = 'x';
	wd_expect_str("xpp", text);
	wd_expect_str("app", a);
	wd_str_put(a);
	wd_expect_str("app", b); /* still held once */
	wd_str_put(b);
	wd_str_put(c);
}

static void nothing_and_the_empty_string_differ(void)
{
	const char *empty = wd_str_get("");

	wd_expect(wd_str_get(NULL) == NULL);
	wd_expect(wd_str_ref(NULL) == NULL);
	wd_str_put(NULL);
	wd_expect_str("", empty);
	wd_expect(empty == wd_str_ref(empty));
	wd_str_put(empty);
	wd_str_put(empty);
}

static void a_string_may_be_put_and_got_again(void)
{
	for (int i = 0; i < 3; i++) {
		const char *s = wd_str_get("again");

		wd_expect_str("again", s);
		wd_str_put(s);
	}
}

static void many_strings_stay_apart(void)
{
	enum { CNT = 5000 };
	static const char *s[CNT];
	char text[16];
	int wrong = 0;

	for (int i = 0; i < CNT; i++) {
		(void)snprintf(text, sizeof(text), "s%d", i);
		s[i] = wd_str_get(text);
	}
	for (int i = 0; i < CNT; i++) {
		const char *same;

		(void)snprintf(text, sizeof(text), "s%d", i);
		same = wd_str_get(text);
		wrong += same != s[i] || strcmp(same, text) != 0;
		wd_str_put(same);
		wd_str_put(s[i]);
	}
	wd_expect_int(0, wrong);
}

/* FNV-1a, the hash without a secret that stood here before. */
static uint32_t public_hash(const char *s)
{
	uint32_t hash = 2166136261U;

	for (; *s; s++)
		hash = (hash ^ (uint8_t)*s) * 16777619U;
	return hash ^ hash >> 15;
}

/* The first names after @nr whose public hash ends in ten zeros, as a tenant finds them. */
static const char *chosen_name(uint32_t *nr)
{
	static char text[16];

	do {
		(void)snprintf(text, sizeof(text), "t%u", (*nr)++);
	} while (public_hash(text) & 1023);
	return text;
}

/* Half as many as there are chains: 16 in one by chance once in 10^15. */
static void names_chosen_to_meet_do_not(void)
{
	enum { CNT = 512 };
	static const char *s[CNT];
	uint32_t nr = 0;

	for (int i = 0; i < CNT; i++)
		s[i] = wd_str_get(chosen_name(&nr));
	wd_expect(wd_str_longest_chain() < 16);
	for (int i = 0; i < CNT; i++)
		wd_str_put(s[i]);
	wd_expect_int(0, wd_str_longest_chain());
}

static void equal_label_sets_are_one_in_any_order(void)
{
	static const struct wd_label ab[] = { { "a", "1" }, { "b", "2" } };
	static const struct wd_label ba[] = { { "b", "2" }, { "a", "1" } };
	static const struct wd_label other[] = { { "a", "2" }, { "b", "1" } };
	static const struct wd_label more[] = { { "a", "1" },
						{ "b", "2" },
						{ "c", "" } };
	const struct wd_labels *x = wd_labels_get(ab, 2);
	const struct wd_labels *y = wd_labels_get(ba, 2);
	const struct wd_labels *z = wd_labels_get(other, 2);
	const struct wd_labels *w = wd_labels_get(more, 3);

	wd_expect(x == y);
	wd_expect(x != z);
	wd_expect(x != w);
	wd_expect_int(2, x->cnt);
	wd_expect_str("a", y->label[0].key);
	wd_expect_str("b", y->label[1].key);
	wd_labels_put(x);
	wd_labels_put(y);
	wd_labels_put(z);
	wd_labels_put(w);
}

static void the_empty_set_is_one_too(void)
{
	static const struct wd_label one[] = { { "a", "" } };
	const struct wd_labels *x = wd_labels_get(NULL, 0);
	const struct wd_labels *y = wd_labels_get(one, 0);
	const struct wd_labels *z = wd_labels_get(one, 1);

	wd_expect(x == y);
	wd_expect(x != z);
	wd_expect_int(0, x->cnt);
	wd_expect(wd_labels_ref(x) == y);
	wd_expect(wd_labels_ref(NULL) == NULL);
	wd_labels_put(NULL);
	wd_labels_put(x);
	wd_labels_put(x);
	wd_labels_put(y);
	wd_labels_put(z);
}

static void labels_are_found_by_key(void)
{
	static const struct wd_label some[] = { { "app", "web" },
						{ "empty", "" } };
	const struct wd_labels *set = wd_labels_get(some, 2);
	const char *app = wd_str_get("app");
	const char *empty = wd_str_get("empty");
	const char *none = wd_str_get("none");

	wd_expect_str("web", wd_labels_find(set, app));
	wd_expect_str("", wd_labels_find(set, empty));
	wd_expect(wd_labels_find(set, none) == NULL);
	wd_str_put(app);
	wd_str_put(empty);
	wd_str_put(none);
	wd_labels_put(set);
}

int main(void)
{
	WD_TEST(equal_strings_are_one);
	WD_TEST(nothing_and_the_empty_string_differ);
	WD_TEST(a_string_may_be_put_and_got_again);
	WD_TEST(many_strings_stay_apart);
	WD_TEST(names_chosen_to_meet_do_not);
	WD_TEST(equal_label_sets_are_one_in_any_order);
	WD_TEST(the_empty_set_is_one_too);
	WD_TEST(labels_are_found_by_key);
	return wd_tests_end();
}
