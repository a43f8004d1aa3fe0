/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_table.c - output for people: columns, escapes, sizes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#include "../tap.h"

static void control_characters_never_reach_a_terminal(void)
{
	static const struct {
		const char *text;
		const char *safe;
	} rows[] = {
		{ "app=web", "app=web" },
		{ "", "" },
		{ "\x1b[2J", "\\x1b[2J" },
		{ "a\nb\tc\r", "a\\x0ab\\x09c\\x0d" },
		{ "a\\b", "a\\\\b" },
		{ "\x7f", "\\x7f" },
		/* U+202E turns text around */
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): what is tested */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },
		{ "\xc2\x9b",
		  "\\xc2\\x9b" }, /* U+009B is an escape of its own */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *safe = wd_escape(rows[i].text);

		wd_test_row(rows[i].safe);
		wd_expect_str(rows[i].safe, safe);
		free(safe);
	}
	wd_expect(!wd_escape(NULL));
}

static void print_keeps_only_its_own_line_feeds(void)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	wd_print(to, "%s: %d\n", "a\nb", 7);
	wd_print(to, "plain");
	fclose(to);
	wd_expect_str("a\\x0ab: 7\nplain", text);
	free(text);
}

static void long_names_lose_their_middle_never_their_namespace(void)
{
	static const struct {
		const char *outer, *name, *squeezed;
	} rows[] = {
		{ "shop", "db", "shop/db" },
		{ "", "db", "/db" },
		{ "shop", "a-pod-of-which-all-is-seen-0123456789", NULL },
		{ "shop", "abcdefghijklmnopqrstuvwxyz0123456", NULL },
		{ "shop", "abcdefghijklmnopqrstuvwxyz01234567",
		  "shop/abcdefghijklmno..stuvwxyz01234567" },
		{ "observability-of-all-that-there-is", "db",
		  "observability-of-all-that-there-is/db" },
		{ "observability-of-all-that-there-is", "db-0",
		  "observability-o..ll-that-there-is/db-0" },
		{ "observability-of-all-that-there-is",
		  "collector-7d9f8b6c5d-x2k4p",
		  "observ..ere-is/collector-..b6c5d-x2k4p" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *name = wd_squeeze_name(rows[i].outer, rows[i].name, 38);

		wd_test_row(rows[i].name);
		wd_expect(strlen(name) <= 38);
		if (rows[i].squeezed)
			wd_expect_str(rows[i].squeezed, name);
		free(name);
	}
	wd_test_row(NULL);
}

static char *render(const char *const *head, const char *const *cell,
		    const char *indent)
{
	struct wd_table *table = wd_table_new(head);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	for (; *cell; cell++)
		wd_table_cell(table, "%s", *cell);
	wd_table_print(table, to, indent);
	fclose(to);
	return text;
}

static void columns_line_up_left_and_right(void)
{
	static const char *const head[] = { "NAME", ">SIZE", "FOR", NULL };
	static const char *const cell[] = { "a",     "1",    "short", "bc",
					    "12345", "last", NULL };
	char *text = render(head, cell, "");

	wd_expect_str("NAME   SIZE  FOR\n"
		      "a         1  short\n"
		      "bc    12345  last\n",
		      text);
	free(text);
}

static void wide_cells_widen_their_column(void)
{
	static const char *const head[] = { "A", "B", NULL };
	static const char *const cell[] = { "wide cell", "x", "y", "", NULL };
	char *text = render(head, cell, "  ");

	wd_expect_str("  A          B\n"
		      "  wide cell  x\n"
		      "  y          -\n",
		      text);
	free(text);
}

static void cells_are_escaped_before_they_are_measured(void)
{
	static const char *const head[] = { "A", "B", NULL };
	static const char *const cell[] = { "\x01", "x", NULL };
	char *text = render(head, cell, "");

	wd_expect_str("A     B\n\\x01  x\n", text);
	free(text);
}

static void a_table_without_rows_is_its_head(void)
{
	static const char *const head[] = { "A", ">B", NULL };
	static const char *const cell[] = { NULL };
	char *text = render(head, cell, "");

	wd_expect_str("A  B\n", text);
	free(text);
}

static void sizes_have_units(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 12UL << 20, "12.0 MiB" },
		{ 3UL << 30, "3.0 GiB" },
		{ 5000UL << 40, "5000.0 TiB" },
	};
	char buf[WD_BYTES_STRLEN];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wd_expect_str(rows[i].text, wd_bytes_str(rows[i].bytes, buf));
}

int main(void)
{
	WD_TEST(control_characters_never_reach_a_terminal);
	WD_TEST(print_keeps_only_its_own_line_feeds);
	WD_TEST(long_names_lose_their_middle_never_their_namespace);
	WD_TEST(columns_line_up_left_and_right);
	WD_TEST(wide_cells_widen_their_column);
	WD_TEST(cells_are_escaped_before_they_are_measured);
	WD_TEST(a_table_without_rows_is_its_head);
	WD_TEST(sizes_have_units);
	return wd_tests_end();
}
