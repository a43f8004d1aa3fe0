// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cover.c - sums by names, and the lines in which they are kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encryption/cover.h"
#include "encryption/cover_line.h"
#include "tap.h"

static struct wd_cover_row row(const char *from, const char *to,
			       enum wd_cover_kind kind, uint64_t packets)
{
	return (struct wd_cover_row){
		.from = from,
		.to = to,
		.peer = "node-2",
		.kind = kind,
		.dir = WD_EGRESS,
		.family = 4,
		.packets = packets,
		.bytes = packets * 100,
	};
}

static void add(struct wd_cover *cover, const char *from, const char *to,
		enum wd_cover_kind kind, uint64_t packets)
{
	struct wd_cover_row r = row(from, to, kind, packets);

	wd_cover_add(cover, &r);
}

static void equal_names_are_one_row_whoever_owns_them(void)
{
	char a[] = "shop", b[] = "shop";
	struct wd_cover *cover = wd_cover_new();
	struct wd_cover_row *rows;

	add(cover, a, "db", WD_COVER_WIREGUARD, 2);
	add(cover, b, "db", WD_COVER_WIREGUARD, 3);
	memset(a, 'x', 4);
	memset(b, 'x', 4);
	wd_expect_int(1, (long long)wd_cover_cnt(cover));
	rows = wd_cover_rows(cover);
	wd_expect_str("shop", rows[0].from);
	wd_expect_int(5, (long long)rows[0].packets);
	wd_expect_int(500, (long long)rows[0].bytes);
	free(rows);
	wd_cover_free(cover);
}

static void rows_differ_by_each_part_of_what_they_are_of(void)
{
	struct wd_cover_row base = row("a", "b", WD_COVER_CLEAR, 1), r;
	struct wd_cover *cover = wd_cover_new();

	wd_cover_add(cover, &base);
	r = base, r.from = "c", wd_cover_add(cover, &r);
	r = base, r.to = "c", wd_cover_add(cover, &r);
	r = base, r.peer = "c", wd_cover_add(cover, &r);
	r = base, r.kind = WD_COVER_DROPPED, wd_cover_add(cover, &r);
	r = base, r.dir = WD_INGRESS, wd_cover_add(cover, &r);
	r = base, r.family = 6, wd_cover_add(cover, &r);
	wd_expect_int(7, (long long)wd_cover_cnt(cover));
	wd_cover_clear(cover);
	wd_expect_int(0, (long long)wd_cover_cnt(cover));
	wd_expect(!wd_cover_rows(cover));
	wd_cover_free(cover);
	wd_cover_free(NULL);
}

static void what_counted_nothing_makes_no_row(void)
{
	struct wd_cover *cover = wd_cover_new(), *sum = wd_cover_new();

	add(cover, "a", "b", WD_COVER_CLEAR, 0);
	wd_expect_int(0, (long long)wd_cover_cnt(cover));
	add(cover, "a", "b", WD_COVER_CLEAR, 1);
	wd_cover_merge(sum, cover);
	wd_cover_merge(sum, cover);
	wd_expect_int(1, (long long)wd_cover_cnt(sum));
	wd_cover_free(cover);
	wd_cover_free(sum);
}

static void rows_come_in_the_order_of_their_names(void)
{
	static const char *const want[] = { "", "?", "a", "b" };
	struct wd_cover *cover = wd_cover_new();
	struct wd_cover_row *rows;

	for (size_t i = 4; i-- > 0;)
		add(cover, want[i], "x", WD_COVER_CLEAR, 1);
	rows = wd_cover_rows(cover);
	for (size_t i = 0; i < 4; i++)
		wd_expect_str(want[i], rows[i].from);
	free(rows);
	wd_cover_free(cover);
}

static void every_kind_has_a_name_and_says_what_it_is_worth(void)
{
	for (uint32_t kind = 0; kind < WD_COVER__MAX; kind++) {
		const char *name = wd_cover_kind_name(kind);

		if (!wd_expect(name != NULL) || !name)
			continue;
		wd_test_row(name);
		wd_expect_int(kind, wd_cover_kind_find(name));
		wd_expect(strlen(wd_cover_kind_help(kind)) > 20);
		wd_expect(strlen(wd_cover_kind_evidence(kind)) > 3);
	}
	wd_test_row(NULL);
	wd_expect(!wd_cover_kind_name(WD_COVER__MAX));
	wd_expect_int(-ENOENT, wd_cover_kind_find("proven"));
}

/* ---- lines ---- */

/* A line of a name and two numbers, to be freed. */
static char *line_of(const char *name)
{
	char *words = NULL, *line;
	size_t len = 0;
	FILE *to = open_memstream(&words, &len);

	(void)fprintf(to, "%d", 7);
	wd_word_put(to, name);
	(void)fprintf(to, " %s", "ff");
	(void)fclose(to);
	line = wd_line_seal(words);
	free(words);
	return line;
}

static void a_name_comes_back_whatever_is_in_it(void)
{
	static const char *const names[] = {
		"shop",
		"",
		"%",
		"a b",
		"new\nline",
		"%41",
		"\xc3\xa9\x01\xff",
		"a%",
		"-",
		"?",
		"#12",
		"kube-system.v1_x:y",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *line = line_of(names[i]);
		struct wd_words words = { .at = wd_line_open(line) };

		wd_test_row(names[i]);
		if (wd_expect(words.at != NULL) && words.at) {
			wd_expect_int(7, (long long)wd_word_u64(&words, 10, 7));
			wd_expect_str(names[i], wd_word_str(&words));
			wd_expect_int(255,
				      (long long)wd_word_u64(&words, 16, 255));
			wd_expect_int(0, wd_words_end(&words));
		}
		free(line);
	}
	wd_test_row(NULL);
}

static void no_changed_byte_and_no_cut_passes(void)
{
	char *line = line_of("namespace");
	size_t len = strlen(line);

	for (size_t i = 0; i < len; i++) {
		char *copy = strdup(line);

		copy[i] ^= 1;
		wd_expect(!wd_line_open(copy));
		memcpy(copy, line, len);
		copy[i] = '\0';
		wd_expect(!wd_line_open(copy));
		free(copy);
	}
	wd_expect(wd_line_open(line) != NULL);
	free(line);
}

static void words_that_make_no_sense_are_refused(void)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{ "no number", "x" },
		{ "negative", "-1" },
		{ "too large", "256" },
		{ "nothing", "" },
		{ "beyond 64 bits", "99999999999999999999999" },
		{ "number and more", "1x" },
		{ "two blanks", " 1" },
	};
	static const char *const names[] = { "%4", "%zz", "%00", "a%1", "%4g" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *copy = strdup(cases[i].words);
		struct wd_words words = { .at = copy };

		wd_test_row(cases[i].name);
		wd_expect_int(0, (long long)wd_word_u64(&words, 10, 255));
		wd_expect_int(-EBADMSG, wd_words_end(&words));
		free(copy);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *copy = strdup(names[i]);
		struct wd_words words = { .at = copy };

		wd_test_row(names[i]);
		wd_expect_str("", wd_word_str(&words));
		wd_expect_int(-EBADMSG, wd_words_end(&words));
		free(copy);
	}
	wd_test_row(NULL);
}

static void a_row_comes_back(void)
{
	struct wd_cover_row want = row("", "a b", WD_COVER_LINKERD, UINT64_MAX),
			    got;
	struct wd_words words = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	want.bytes = 1;
	wd_word_row_put(to, &want);
	(void)fclose(to);
	words.at = text + 1; /* each word comes after a blank */
	got = wd_word_row(&words);
	wd_expect_int(0, wd_words_end(&words));
	wd_expect_str(want.from, got.from);
	wd_expect_str(want.to, got.to);
	wd_expect_str(want.peer, got.peer);
	wd_expect(got.kind == want.kind && got.dir == want.dir &&
		  got.family == want.family && got.packets == want.packets &&
		  got.bytes == want.bytes);
	free(text);
}

int main(void)
{
	WD_TEST(equal_names_are_one_row_whoever_owns_them);
	WD_TEST(rows_differ_by_each_part_of_what_they_are_of);
	WD_TEST(what_counted_nothing_makes_no_row);
	WD_TEST(rows_come_in_the_order_of_their_names);
	WD_TEST(every_kind_has_a_name_and_says_what_it_is_worth);
	WD_TEST(a_name_comes_back_whatever_is_in_it);
	WD_TEST(no_changed_byte_and_no_cut_passes);
	WD_TEST(words_that_make_no_sense_are_refused);
	WD_TEST(a_row_comes_back);
	return wd_tests_end();
}
