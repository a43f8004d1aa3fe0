/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reading.h - manifests to objects for the tests of the readers, and both
 * objects and problems as one line of text, so that a table can hold them.
 *
 * A policy is "SUBJECT|DIRECTIONS|RULES":
 *   SUBJECT     requirements, or * for every pod; "app=db,tier!=a/b,x,!y"
 *   DIRECTIONS  of "IE" those that are isolated, "-" for none
 *   RULES       "I" or "E", peers, "@", ports; "I!" is broken. Peers and ports:
 *               "any", or joined by "+": pod:SEL ns:SEL ns:SEL&pod:SEL
 *               10.0.0.0/8-10.1.0.0/16; TCP:80 UDP:53-60 TCP:name SCTP:*
 * A pod is "LABELS|NODE|FLAGS|ADDRESSES|PORTS|MODE", a namespace
 * "LABELS|MODE", a node "LABELS|ADDRESSES|PREFIXES", with "|KEY" if it has one;
 * a group of CIDRs "LABELS|PREFIXES".
 */
#ifndef WARDER_SELFTESTS_READING_H
#define WARDER_SELFTESTS_READING_H

#include "source/load.h"

#define READING_TEXT 4096

/** reading_load() - read @text as a file named @path; ended by wd_load_fini() */
void reading_load(struct wd_load *load, const char *path, const char *text);

/** reading_bytes() - the same of text with any bytes */
void reading_bytes(struct wd_load *load, const char *path, const char *text,
		   size_t len);

/** reading_object() - an object as text; "none" for NULL. Return: @buf of READING_TEXT bytes */
const char *reading_object(const struct wd_object *obj, char *buf);

/** reading_objects() - "Kind/ns/name" of all, joined by spaces; "Kind/ns/name?" of those refused, "?" if unsure */
const char *reading_objects(const struct wd_load *load, char *buf);

/* A document's end, what it becomes with the head before it, what is wrong with it. */
struct reading_row {
	const char *body;
	const char *policy; /* "refused": the version before stays */
	const char *problems;
};

/** reading_expect_row() - read @head and the row's body together: is it as the row says */
void reading_expect_row(const char *head, const struct reading_row *row);

#define READING_EXPECT_ROWS(head, rows) \
	do { \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(*(rows)); i_++) \
			reading_expect_row((head), &(rows)[i_]); \
	} while (0)

/** reading_problems() - "effect line field" of each, joined by "; "; "" for none */
const char *reading_problems(const struct wd_problems *list, char *buf);

#endif /* WARDER_SELFTESTS_READING_H */
