/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read.c - typed access to the fields of a document, and telling what is wrong
 * with them. Knows no kind.
 */
#include "read.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/object.h"
#include "../model/xalloc.h"
#include "problems.h"

/* ---- problems ---- */

/* "spec.ingress[0].from[1].ipBlock"; what does not fit is cut at the end. */
static size_t put_path(const struct wd_at *at, char *buf, size_t size)
{
	size_t len = 0;
	int n;

	if (!at)
		return 0;
	len = put_path(at->up, buf, size);
	if (at->key)
		n = snprintf(buf + len, size - len, "%s%s", len ? "." : "",
			     at->key);
	else
		n = snprintf(buf + len, size - len, "[%u]", at->index);
	if (n < 0)
		return len;
	return len + (size_t)n < size ? len + (size_t)n : size - 1;
}

void wd_read_problem(struct wd_read *r, const struct wd_at *at, uint32_t line,
		     const char *fmt, ...)
{
	char field[512] = "";
	char text[512];
	struct wd_problem problem = {
		.effect = r->effect,
		.file = r->file,
		.line = line ? r->line_base + line : 0,
		.object = r->object,
		.field = field,
		.text = text,
	};
	va_list args;

	if (r->problems->cnt > WD_PROBLEMS_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)put_path(at, field, sizeof(field));
	if (r->problems->cnt == WD_PROBLEMS_MAX) {
		problem.field = problem.object = "";
		problem.text =
			"more problems than are told of one file; mend these first";
	}
	wd_problems_add(r->problems, &problem);
}

/* ---- fields ---- */

static bool is_known(const char *key, const char *const *known)
{
	for (; *known; known++) {
		if (strcmp(key, *known) == 0)
			return true;
	}
	return false;
}

/* NULL: it says nothing */
static const char *why_not(const struct wd_tree *e,
			   const struct wd_read_beyond *beyond)
{
	for (; beyond && beyond->key; beyond++) {
		if (strcmp(e->key, beyond->key) != 0)
			continue;
		if (wd_tree_is_null(e) ||
		    (beyond->hollow && e->type != WD_TREE_SCALAR && !e->cnt))
			return NULL;
		return beyond->why;
	}
	return "unknown field, and what it should change cannot be enforced; "
	       "correct or remove it";
}

int wd_read_known_beyond(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, const char *const *known,
			 const struct wd_read_beyond *beyond)
{
	int err = 0;

	wd_for_each_entry(e, map) {
		const char *why;

		if (is_known(e->key, known))
			continue;
		why = why_not(e, beyond);
		if (!why)
			continue;
		wd_read_problem(r, WD_AT(at, e->key), e->line, "%s", why);
		err = -EINVAL;
	}
	return err;
}

int wd_read_known(struct wd_read *r, const struct wd_at *at,
		  const struct wd_tree *map, const char *const *known)
{
	return wd_read_known_beyond(r, at, map, known, NULL);
}

static int read_typed(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, const char *key,
		      enum wd_tree_type type, const struct wd_tree **ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);

	if (node && node->type != type) {
		wd_read_problem(r, WD_AT(at, key), node->line, "must be a %s",
				type == WD_TREE_MAP ? "mapping" : "list");
		return -EINVAL;
	}
	*ret = node;
	return 0;
}

int wd_read_map(struct wd_read *r, const struct wd_at *at,
		const struct wd_tree *map, const char *key,
		const struct wd_tree **ret)
{
	return read_typed(r, at, map, key, WD_TREE_MAP, ret);
}

int wd_read_list(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key,
		 const struct wd_tree **ret)
{
	return read_typed(r, at, map, key, WD_TREE_LIST, ret);
}

int wd_read_str(struct wd_read *r, const struct wd_at *at,
		const struct wd_tree *map, const char *key, const char **ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);

	if (node && !wd_tree_str(node)) {
		wd_read_problem(r, WD_AT(at, key), node->line,
				node->type == WD_TREE_SCALAR ?
					"must be text; put '%.60s' in quotes" :
					"must be text%.0s",
				node->type == WD_TREE_SCALAR ? node->text : "");
		return -EINVAL;
	}
	*ret = node ? node->text : NULL;
	return 0;
}

int wd_read_bool(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key, bool *ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);

	*ret = false;
	if (!node)
		return 0;
	if (node->type != WD_TREE_SCALAR ||
	    wd_tree_scalar(node) != WD_SCALAR_BOOL) {
		wd_read_problem(r, WD_AT(at, key), node->line,
				"must be true or false");
		return -EINVAL;
	}
	/* true, yes, on; and not false, no, off */
	*ret = strchr("tTyY", node->text[0]) || node->text[1] == 'n' ||
	       node->text[1] == 'N';
	return 0;
}

int wd_read_port_nr(struct wd_read *r, const struct wd_at *at,
		    const struct wd_tree *node, uint16_t *ret)
{
	long nr = 0;

	if (node->type == WD_TREE_SCALAR &&
	    wd_tree_scalar(node) == WD_SCALAR_INT && strlen(node->text) < 8)
		nr = strtol(node->text, NULL, 10);
	if (nr < 1 || nr > 65535) {
		wd_read_problem(r, at, node->line,
				"must be a number from 1 to 65535");
		return -EINVAL;
	}
	*ret = (uint16_t)nr;
	return 0;
}

int wd_read_proto(struct wd_read *r, const struct wd_at *at,
		  const struct wd_tree *map, uint8_t *ret)
{
	const struct wd_tree *node = wd_tree_get(map, "protocol");
	const char *name = node ? wd_tree_str(node) : "TCP";

	if (name && strcmp(name, "TCP") == 0)
		*ret = IPPROTO_TCP;
	else if (name && strcmp(name, "UDP") == 0)
		*ret = IPPROTO_UDP;
	else if (name && strcmp(name, "SCTP") == 0)
		*ret = IPPROTO_SCTP;
	else {
		wd_read_problem(r, WD_AT(at, "protocol"), node->line,
				"must be TCP, UDP or SCTP (in capitals)");
		return -EINVAL;
	}
	return 0;
}

static int read_addr(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, const char *key,
		     int (*parse)(const char *text, struct wd_addr *ret_addr),
		     struct wd_addr *ret_addr)
{
	const struct wd_tree *node = wd_tree_get(map, key);
	const char *text = node ? wd_tree_str(node) : NULL;

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (!node || (text && !*text))
		return 0;
	if (text && !parse(text, ret_addr))
		return 0;
	wd_read_problem(r, WD_AT(at, key), node->line, "is no address");
	return -EINVAL;
}

int wd_read_addr(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key,
		 struct wd_addr *ret_addr)
{
	return read_addr(r, at, map, key, wd_addr_parse, ret_addr);
}

int wd_read_addr_loose(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, const char *key,
		       struct wd_addr *ret_addr)
{
	return read_addr(r, at, map, key, wd_addr_parse_loose, ret_addr);
}

int wd_read_addr_add(struct wd_read *r, const struct wd_at *at,
		     const struct wd_addr *addr, struct wd_addr **list,
		     uint32_t *cnt)
{
	for (uint32_t i = 0; i < *cnt; i++) {
		if (wd_addr_equal(&(*list)[i], addr))
			return 0;
	}
	if (*cnt == WD_READ_ADDRS_MAX) {
		wd_read_problem(r, at, 0,
				"are more than %d addresses of one object",
				WD_READ_ADDRS_MAX);
		return -EINVAL;
	}
	*list = wd_xrealloc(*list, *cnt + 1, sizeof(**list));
	(*list)[(*cnt)++] = *addr;
	return 0;
}

bool wd_read_is_hollow(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *entry)
{
	if (entry->type == WD_TREE_MAP)
		return false;
	if (wd_tree_is_null(entry))
		wd_read_problem(
			r, at, entry->line,
			"an entry that says nothing; write {} if everything is meant, "
			"or remove it");
	else
		wd_read_problem(r, at, entry->line, "must be a mapping");
	return true;
}
