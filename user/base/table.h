/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.h - output for people: columns that line up, text that is safe.
 *
 * Names and texts come from whoever may write objects; a terminal must never
 * obey them. Everything that is not printable ASCII is shown as \xNN, a
 * backslash doubled.
 */
#ifndef WARDER_TABLE_H
#define WARDER_TABLE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

struct wd_table;

/** wd_escape() - safe copy of @text, to be freed; NULL passes */
char *wd_escape(const char *text);

/** wd_print() - printf whose result is escaped; line feeds that end @fmt stay */
void wd_print(FILE *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void wd_vprint(FILE *to, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/**
 * wd_squeeze_name() - "outer/name" in at most @cols, to be freed
 *
 * What is too long loses its middle: "observ..here-is/collector-..-q8z7w". Both
 * halves stay to be seen: three eighths are @outer's if it needs them.
 *
 * @outer: namespace or kind
 * @cols: columns, 20 or more
 */
char *wd_squeeze_name(const char *outer, const char *name, size_t cols);

/**
 * wd_table_new() - an empty table
 * @head: NULL-terminated; a leading '>' sets the column to the right
 */
struct wd_table *wd_table_new(const char *const *head);
void wd_table_free(struct wd_table *table);

/** wd_table_cell() - the next cell, row after row; an empty one shows as "-" */
void wd_table_cell(struct wd_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wd_table_print() - the head and all full rows, each line after @indent; frees the table */
void wd_table_print(struct wd_table *table, FILE *to, const char *indent);

/* Enough for "18446744073709551615 KiB" with NUL. */
#define WD_BYTES_STRLEN 32
/** wd_bytes_str() - "12.3 MiB" into @buf, returned */
const char *wd_bytes_str(uint64_t bytes, char *buf);

#endif /* WARDER_TABLE_H */
