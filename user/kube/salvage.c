/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * salvage.c - quotes and brackets of a text that cannot be read.
 *
 *	{"type": "ADDED", "object": {"metadata": {"name": "web"}}}
 *	 depth 1                     2            3
 */
#include "salvage.h"

#include <stdint.h>
#include <string.h>

#define KEYS 4 /* deeper ones do not matter */

struct part {
	const char *text;
	size_t len;
};

struct scan {
	const char *at, *end;
	uint32_t depth;
	uint32_t base; /* depth around the object */
	struct part key[KEYS]; /* [depth]: that of the present value */
	struct wd_kube_salvage *found;
};

static bool part_is(const struct part *part, const char *text)
{
	return part->len == strlen(text) &&
	       memcmp(part->text, text, part->len) == 0;
}

/* The first one counts. */
static void take(const struct part *value, char *to)
{
	if (*to || value->len >= WD_KUBE_SALVAGE_MAX)
		return;
	for (size_t i = 0; i < value->len; i++) {
		if (value->text[i] <= ' ' || value->text[i] > '~' ||
		    value->text[i] == '\\')
			return;
	}
	memcpy(to, value->text, value->len);
	to[value->len] = '\0';
}

static void on_value(struct scan *s, const struct part *value)
{
	struct wd_kube_salvage *found = s->found;
	const struct part *key;

	if (s->base && s->depth == 1 && part_is(&s->key[1], "type"))
		take(value, found->type);
	if (s->depth != s->base + 2 ||
	    (s->base && !part_is(&s->key[1], "object")) ||
	    !part_is(&s->key[s->base + 1], "metadata"))
		return;
	key = &s->key[s->depth];
	if (part_is(key, "namespace"))
		take(value, found->ns);
	else if (part_is(key, "name"))
		take(value, found->name);
	else if (part_is(key, "uid"))
		take(value, found->uid);
	else if (part_is(key, "resourceVersion"))
		take(value, found->version);
}

/* After the opening quote. */
static void on_text(struct scan *s)
{
	struct part part = { .text = s->at };

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' && s->end - s->at > 1 ? 2 : 1;
	if (s->at == s->end)
		return; /* cut off */
	part.len = (size_t)(s->at++ - part.text);
	while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
		s->at++;
	if (s->at == s->end || *s->at != ':')
		on_value(s, &part);
	else if (s->depth < KEYS)
		s->key[s->depth] = part;
}

void wd_kube_salvage(const char *text, size_t len, bool is_event,
		     struct wd_kube_salvage *ret_found)
{
	struct scan s = {
		.at = text,
		.end = text + len,
		.base = is_event ? 1 : 0,
		.found = ret_found,
	};

	memset(ret_found, 0, sizeof(*ret_found));
	while (s.at < s.end) {
		char c = *s.at++;

		if (c == '"') {
			on_text(&s);
		} else if (c == '{' || c == '[') {
			s.depth++;
			if (s.depth < KEYS)
				s.key[s.depth] = (struct part){ 0 };
		} else if ((c == '}' || c == ']') && s.depth) {
			s.depth--;
		}
	}
}

const struct wd_tree *wd_kube_salvage_tree(struct wd_kube_salvage *found)
{
	const char *const keys[] = { "namespace", "name", "uid",
				     "resourceVersion" };
	const char *const texts[] = { found->ns, found->name, found->uid,
				      found->version };
	struct wd_tree *root = &found->node[0];
	struct wd_tree *meta = &found->node[1];
	struct wd_tree **tail = &meta->child;

	if (!*found->name)
		return NULL;
	*meta = (struct wd_tree){ .type = WD_TREE_MAP, .key = "metadata" };
	*root = (struct wd_tree){
		.type = WD_TREE_MAP,
		.cnt = 1,
		.child = meta,
	};
	for (size_t i = 0; i < 4; i++) {
		struct wd_tree *node = &found->node[2 + i];

		if (!*texts[i])
			continue;
		*node = (struct wd_tree){ .key = keys[i], .text = texts[i] };
		*tail = node;
		tail = &node->next;
		meta->cnt++;
	}
	return root;
}

void wd_kube_salvage_nuls(char *text, size_t len)
{
	static const char nul[] = { '\\', 'u', '0', '0', '0', '0' };
	char *at = text;

	while ((at = memmem(at, len - (size_t)(at - text), nul, sizeof(nul)))) {
		size_t before = 0;

		while (at - before > text && at[-1 - (ptrdiff_t)before] == '\\')
			before++;
		if (before % 2 == 0)
			memcpy(at + 2, "fffd", 4);
		at += 2; /* a run of backslashes is looked at again */
	}
}
