/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_text.c - where in a configuration its plugins stand. A reader and writer of
 * JSON would give back the same values in a layout of its own, with numbers and
 * escapes as it likes them: somebody who compares his file with what he wrote would
 * find it changed by us.
 *
 * It does not judge whether the text is JSON; it reads no byte beyond it whatever it
 * is.
 */
#include "cni_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "../base/json.h"

#define LIST "\"plugins\""

struct cursor {
	const char *text;
	size_t len;
	size_t at;
};

struct span {
	size_t from, to; /* [from, to) */
};

/* The list, and the two last items of it that were found. */
struct list {
	struct span last, before; /* .to 0: there is none */
	struct span ours; /* the last one of the type, .to 0: there is none */
	size_t ours_before; /* where the item before that ends, 0: none is */
	size_t ours_next; /* where the item behind that begins, 0: none is */
	size_t inside; /* behind the bracket that opens it */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct cursor *c)
{
	while (c->at < c->len && is_space(c->text[c->at]))
		c->at++;
}

/* Is this the next sign? Then it is passed. */
static bool takes(struct cursor *c, char sign)
{
	skip_space(c);
	if (c->at >= c->len || c->text[c->at] != sign)
		return false;
	c->at++;
	return true;
}

static bool skip_string(struct cursor *c)
{
	if (!takes(c, '"'))
		return false;
	for (; c->at < c->len && c->text[c->at] != '"'; c->at++)
		if (c->text[c->at] == '\\')
			c->at++;
	c->at++;
	return c->at <= c->len;
}

/* An object or a list: up to the bracket that closes it. */
static bool skip_nested(struct cursor *c)
{
	size_t depth = 0;

	for (;;) {
		skip_space(c);
		if (c->at >= c->len)
			return false;
		switch (c->text[c->at]) {
		case '"':
			if (!skip_string(c))
				return false;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		default:
			break;
		}
		c->at++;
		if (!depth)
			return true;
	}
}

/* Return: has it one, and @ret_span is where. */
static bool skip_value(struct cursor *c, struct span *ret_span)
{
	size_t from;
	bool good = true;

	skip_space(c);
	from = c->at;
	if (c->at >= c->len)
		return false;
	if (c->text[c->at] == '"')
		good = skip_string(c);
	else if (c->text[c->at] == '{' || c->text[c->at] == '[')
		good = skip_nested(c);
	else
		while (c->at < c->len && !is_space(c->text[c->at]) &&
		       !strchr(",]}", c->text[c->at]))
			c->at++;
	*ret_span = (struct span){ .from = from, .to = c->at };
	return good && c->at > from;
}

/* Behind the '[' of the last "plugins" of the object: the one that counts. */
static bool find_list(const char *text, size_t len, size_t *ret_at)
{
	struct cursor c = { .text = text, .len = len };
	size_t found = 0;

	if (!takes(&c, '{'))
		return false;
	do {
		struct span key, value;

		if (!skip_value(&c, &key) || !takes(&c, ':') ||
		    !skip_value(&c, &value))
			return false;
		if (key.to - key.from == strlen(LIST) &&
		    !memcmp(text + key.from, LIST, strlen(LIST)))
			found = text[value.from] == '[' ? value.from + 1 : 0;
	} while (takes(&c, ','));
	*ret_at = found;
	return found;
}

static bool is_of_type(const char *text, const struct span *item,
		       const char *type)
{
	char *copy = strndup(text + item->from, item->to - item->from);
	struct json_object *doc = copy ? json_tokener_parse(copy) : NULL;
	bool is = json_object_is_type(doc, json_type_object) &&
		  !strcmp(wd_json_get_str(doc, "type"), type);

	json_object_put(doc);
	free(copy);
	return is;
}

static bool read_list(const char *text, size_t len, const char *type,
		      struct list *ret_list)
{
	struct cursor c = { .text = text, .len = len };
	struct list list = { 0 };

	if (!find_list(text, len, &list.inside))
		return false;
	c.at = list.inside;
	do {
		struct span item;

		if (!skip_value(&c, &item))
			break; /* an empty list */
		if (list.ours.to && !list.ours_next)
			list.ours_next = item.from;
		if (is_of_type(text, &item, type)) {
			list.ours = item;
			list.ours_before = list.last.to;
			list.ours_next = 0;
		}
		list.before = list.last;
		list.last = item;
	} while (takes(&c, ','));
	*ret_list = list;
	return true;
}

/* @text less [from, to), with @more and then @item in its place; to be freed. */
static char *spliced(const char *text, size_t len, struct span gone,
		     struct span more, const char *item)
{
	size_t put = more.to - more.from, add = strlen(item);
	char *out = malloc(len - (gone.to - gone.from) + put + add + 2);
	char *at = out;

	if (!out)
		return NULL;
	at = mempcpy(at, text, gone.from);
	if (add) {
		/* With no second item before, only the sign is missing. */
		if (!memchr(text + more.from, ',', put))
			*at++ = ',';
		at = mempcpy(at, text + more.from, put);
		at = mempcpy(at, item, add);
	}
	at = mempcpy(at, text + gone.to, len - gone.to);
	*at = '\0';
	return out;
}

/* What is between the two last items; or before the only one. */
static struct span between(const struct list *list)
{
	struct span span = { .to = list->last.from };

	span.from = list->before.to ?: list->inside;
	return span;
}

static int take_one(char **text, const struct list *list)
{
	struct span gone = list->ours;
	char *left;

	if (list->ours_before)
		gone.from = list->ours_before;
	else if (list->ours_next)
		gone.to = list->ours_next;
	left = spliced(*text, strlen(*text), gone, (struct span){ 0 }, "");
	if (!left)
		return -ENOMEM;
	free(*text);
	*text = left;
	return 0;
}

static int add_one(char **text, const struct list *list, const char *item)
{
	struct span at = { .from = list->last.to, .to = list->last.to };
	char *more;

	if (!list->last.to)
		return -EINVAL;
	more = spliced(*text, strlen(*text), at, between(list), item);
	if (!more)
		return -ENOMEM;
	free(*text);
	*text = more;
	return 0;
}

int wd_cni_text_edit(const char *text, size_t len, const char *type,
		     const char *item, char **ret_text)
{
	char *out = strndup(text, len);
	struct list list;
	int err = out ? 0 : -ENOMEM;

	do {
		if (err)
			break;
		if (!read_list(out, strlen(out), type, &list))
			err = -EINVAL;
		else if (list.ours.to)
			err = take_one(&out, &list);
	} while (!err && list.ours.to);
	if (!err && item)
		err = add_one(&out, &list, item);
	if (err)
		free(out);
	else
		*ret_text = out;
	return err;
}
