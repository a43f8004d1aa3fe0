/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.c - columns and escapes. The only way by which text from objects may
 * reach a terminal.
 */
#include "table.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

struct wd_table {
	const char *const *head;
	size_t columns;
	char **cell; /* row after row, escaped */
	size_t cnt;
	size_t cap;
};

static bool byte_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

char *wd_escape(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *copy, *to;

	if (!text)
		return NULL;
	copy = to = wd_xcalloc(strlen(text) + 1, 4);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (byte_is_plain(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		if (c == '\\') {
			*to++ = '\\';
			continue;
		}
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 0xf];
	}
	return copy;
}

/* Line feeds that the format holds are ours; those of arguments are not. */
__attribute__((format(printf, 1, 0))) static char *format_safe(const char *fmt,
							       va_list ap)
{
	char *text = NULL, *safe;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	safe = wd_escape(text ?: "(out of memory)");
	free(text);
	return safe;
}

void wd_vprint(FILE *to, const char *fmt, va_list ap)
{
	size_t end = strlen(fmt), tail;
	char *safe, *body;

	while (end && fmt[end - 1] == '\n')
		end--;
	tail = strlen(fmt) - end;
	body = wd_xstrdup(fmt);
	body[end] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	safe = format_safe(body, ap);
#pragma GCC diagnostic pop
	fputs(safe, to);
	while (tail--)
		fputc('\n', to);
	free(body);
	free(safe);
}

void wd_print(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	wd_vprint(to, fmt, ap);
	va_end(ap);
}

/* @text, or its two ends, in at most @cols */
static char *squeeze(const char *text, size_t cols)
{
	size_t len = strlen(text), head = (cols - 2) / 2;
	char *copy = wd_xstrdup(text);

	if (len <= cols)
		return copy;
	memcpy(copy + head, "..", 2);
	memcpy(copy + head + 2, text + len - (cols - 2 - head),
	       cols - 2 - head + 1);
	return copy;
}

char *wd_squeeze_name(const char *outer, const char *name, size_t cols)
{
	size_t room = cols - 1, share = cols * 3 / 8, len = strlen(name);
	char *whole, *a, *b;

	assert(cols >= 20);
	if (len + share < room)
		share = room - len;
	if (strlen(outer) < share)
		share = strlen(outer);
	a = squeeze(outer, share);
	b = squeeze(name, room - share);
	whole = wd_xcalloc(1, cols + 1);
	(void)snprintf(whole, cols + 1, "%s/%s", a, b);
	free(a);
	free(b);
	return whole;
}

struct wd_table *wd_table_new(const char *const *head)
{
	struct wd_table *table = wd_xcalloc(1, sizeof(*table));

	table->head = head;
	while (head[table->columns])
		table->columns++;
	assert(table->columns);
	return table;
}

void wd_table_free(struct wd_table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cnt; i++)
		free(table->cell[i]);
	free(table->cell);
	free(table);
}

void wd_table_cell(struct wd_table *table, const char *fmt, ...)
{
	va_list ap;
	char *safe;

	va_start(ap, fmt);
	safe = format_safe(fmt, ap);
	va_end(ap);
	if (!*safe) {
		free(safe);
		safe = wd_xstrdup("-");
	}
	table->cell = wd_grow(table->cell, table->cnt, &table->cap,
			      sizeof(*table->cell));
	table->cell[table->cnt++] = safe;
}

static const char *head_text(const struct wd_table *table, size_t column)
{
	return table->head[column] + (*table->head[column] == '>');
}

static int column_width(const struct wd_table *table, size_t column)
{
	size_t width = strlen(head_text(table, column));

	for (size_t i = column; i < table->cnt; i += table->columns)
		if (strlen(table->cell[i]) > width)
			width = strlen(table->cell[i]);
	return (int)width;
}

static void print_cell(const struct wd_table *table, FILE *to, size_t column,
		       int width, const char *text)
{
	bool last = column + 1 == table->columns;

	if (*table->head[column] == '>')
		fprintf(to, "%*s", width, text);
	else
		fprintf(to, "%-*s", last ? 0 : width, text);
	fputs(last ? "\n" : "  ", to);
}

void wd_table_print(struct wd_table *table, FILE *to, const char *indent)
{
	int *width = wd_xcalloc(table->columns, sizeof(*width));
	size_t rows = table->cnt / table->columns;

	for (size_t c = 0; c < table->columns; c++)
		width[c] = column_width(table, c);
	fputs(indent, to);
	for (size_t c = 0; c < table->columns; c++)
		print_cell(table, to, c, width[c], head_text(table, c));
	for (size_t row = 0; row < rows; row++) {
		fputs(indent, to);
		for (size_t c = 0; c < table->columns; c++)
			print_cell(table, to, c, width[c],
				   table->cell[row * table->columns + c]);
	}
	free(width);
	wd_table_free(table);
}

const char *wd_bytes_str(uint64_t bytes, char *buf)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buf, WD_BYTES_STRLEN, "%u B", (unsigned int)bytes);
		return buf;
	}
	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, WD_BYTES_STRLEN, "%.1f %s", value, units[unit]);
	return buf;
}
