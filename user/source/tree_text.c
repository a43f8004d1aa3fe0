/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree_text.c - a tree as YAML in one line, which reads as the same tree.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../model/xalloc.h"
#include "tree.h"

static void put_quoted(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(to, "\\%c", byte);
		else if (byte < ' ' || byte == 0x7f)
			fprintf(to, "\\x%02x", byte);
		else
			fputc(byte, to);
	}
	fputc('"', to);
}

static void put_scalar(FILE *to, const char *text, bool plain)
{
	if (plain && wd_text_scalar(text) != WD_SCALAR_TEXT)
		fputs(*text ? text : "null", to);
	else
		put_quoted(to, text);
}

static void put_tree(FILE *to, const struct wd_tree *node)
{
	bool is_map = node->type == WD_TREE_MAP;

	if (node->type == WD_TREE_SCALAR) {
		put_scalar(to, node->text, node->plain);
		return;
	}
	fputc(is_map ? '{' : '[', to);
	for (const struct wd_tree *e = node->child; e; e = e->next) {
		if (e != node->child)
			fputs(", ", to);
		if (is_map) {
			put_scalar(to, e->key, e->key_plain);
			fputs(": ", to);
		}
		put_tree(to, e);
	}
	fputc(is_map ? '}' : ']', to);
}

char *wd_tree_text(const struct wd_tree *node)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	put_tree(to, node);
	wd_xtext_close(to, &text);
	return text;
}
