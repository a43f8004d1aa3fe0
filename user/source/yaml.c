/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * yaml.c - YAML to trees, by the events of libyaml.
 *
 * Aliases share what they name, so they cost no memory; how far they may blow
 * up a walk is bounded. What cannot be a Kubernetes object is refused: merge
 * keys, keys that are not text, tags of one's own.
 */
#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "../model/xalloc.h"
#include "build.h"
#include "tree.h"

#define TAG_PREFIX "tag:yaml.org,2002:"
#define ANCHORS_MAX 1000

struct anchor {
	const char *name;
	struct wd_tree *node;
	size_t size; /* nodes, aliases inside counted as what they name */
};

struct reader {
	yaml_parser_t parser;
	struct wd_build b;
	size_t alias_size;
	uint32_t anchor_cnt;
	struct anchor anchor[ANCHORS_MAX];
};

static uint32_t line_of(yaml_mark_t mark)
{
	return (uint32_t)mark.line + 1;
}

static const char *copy_text(struct reader *r, const yaml_char_t *text,
			     size_t len)
{
	char *copy = wd_arena_get(&r->b.arena, len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static int add_anchor(struct reader *r, const char *name, struct wd_tree *node,
		      size_t size, uint32_t line)
{
	if (!name)
		return 0;
	if (r->anchor_cnt == ANCHORS_MAX)
		return wd_build_fail(
			&r->b, line,
			"more than %d anchors, write the fields out",
			ANCHORS_MAX);
	r->anchor[r->anchor_cnt++] = (struct anchor){ name, node, size };
	return 0;
}

static int on_alias(struct reader *r, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	uint32_t line = line_of(event->start_mark);
	const struct anchor *found = NULL;
	struct wd_tree *node;

	if (wd_build_wants_key(&r->b))
		return wd_build_fail(&r->b, line,
				     "an alias is no field name, write it out");
	for (uint32_t i = r->anchor_cnt; i > 0 && !found; i--) {
		if (strcmp(r->anchor[i - 1].name, name) == 0)
			found = &r->anchor[i - 1];
	}
	if (!found)
		return wd_build_fail(&r->b, line,
				     "alias '*%.40s' names no anchor before it",
				     name);
	r->alias_size += found->size;
	if (r->alias_size > WD_TREE_ALIAS_MAX)
		return wd_build_fail(
			&r->b, line,
			"aliases make more than %d values of this document",
			WD_TREE_ALIAS_MAX);
	node = wd_build_add(&r->b, (enum wd_tree_type)found->node->type, line);
	if (!node)
		return -EBADMSG;
	r->b.size += found->size - 1;
	node->plain = found->node->plain;
	node->cnt = found->node->cnt;
	if (node->type == WD_TREE_SCALAR)
		node->text = found->node->text;
	else
		node->child = found->node->child;
	return 0;
}

/* Is a scalar plain, by its style and its tag; -EBADMSG for tags that are not read. */
static int scalar_plain(struct reader *r, const yaml_event_t *event)
{
	const char *tag = (const char *)event->data.scalar.tag;

	if (!tag || strcmp(tag, "!") == 0)
		return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		       !tag;
	if (strcmp(tag, TAG_PREFIX "str") == 0)
		return 0;
	if (strcmp(tag, TAG_PREFIX "int") == 0 ||
	    strcmp(tag, TAG_PREFIX "bool") == 0 ||
	    strcmp(tag, TAG_PREFIX "null") == 0 ||
	    strcmp(tag, TAG_PREFIX "float") == 0)
		return 1;
	return wd_build_fail(&r->b, line_of(event->start_mark),
			     "tag '%.60s' is not read, leave it out", tag);
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
	const yaml_char_t *value = event->data.scalar.value;
	const char *anchor = (const char *)event->data.scalar.anchor;
	size_t len = event->data.scalar.length;
	uint32_t line = line_of(event->start_mark);
	int plain = scalar_plain(r, event);
	struct wd_tree *node;
	const char *text;

	if (plain < 0)
		return plain;
	if (memchr(value, '\0', len))
		return wd_build_fail(&r->b, line, "text holds a NUL character");
	text = copy_text(r, value, len);
	if (wd_build_wants_key(&r->b)) {
		if (anchor)
			return wd_build_fail(
				&r->b, line,
				"an anchor on a field name is not read");
		return wd_build_key(&r->b, text, plain, line);
	}
	node = wd_build_add(&r->b, WD_TREE_SCALAR, line);
	if (!node)
		return -EBADMSG;
	node->text = text;
	node->plain = plain;
	if (anchor)
		anchor =
			copy_text(r, event->data.scalar.anchor, strlen(anchor));
	return add_anchor(r, anchor, node, 1, line);
}

static int on_open(struct reader *r, const yaml_event_t *event)
{
	bool map = event->type == YAML_MAPPING_START_EVENT;
	const yaml_char_t *anchor = map ? event->data.mapping_start.anchor :
					  event->data.sequence_start.anchor;
	const yaml_char_t *tag = map ? event->data.mapping_start.tag :
				       event->data.sequence_start.tag;
	uint32_t line = line_of(event->start_mark);
	int err;

	if (wd_build_wants_key(&r->b))
		return wd_build_fail(
			&r->b, line,
			"a field name must be text (braces of a template?)");
	if (tag && strcmp((const char *)tag, "!") != 0 &&
	    strcmp((const char *)tag,
		   map ? TAG_PREFIX "map" : TAG_PREFIX "seq") != 0)
		return wd_build_fail(&r->b, line,
				     "tag '%.60s' is not read, leave it out",
				     (const char *)tag);
	err = wd_build_open(&r->b, map ? WD_TREE_MAP : WD_TREE_LIST, line);
	if (!err && anchor)
		r->b.frame[r->b.depth - 1].anchor =
			copy_text(r, anchor, strlen((const char *)anchor));
	return err;
}

/* An anchor counts from its end on: no node can hold itself. */
static int on_close(struct reader *r)
{
	const struct wd_build_frame *f = &r->b.frame[r->b.depth - 1];
	struct wd_tree *node = f->node;

	if (wd_build_close(&r->b))
		return -EBADMSG;
	return add_anchor(r, f->anchor, node, r->b.size - f->size_before,
			  node->line);
}

static int on_event(struct reader *r, const yaml_event_t *event, wd_tree_fn fn,
		    void *ctx)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return on_alias(r, event);
	case YAML_SCALAR_EVENT:
		return on_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_open(r, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_close(r);
	case YAML_DOCUMENT_END_EVENT:
		if (r->b.root && !wd_tree_is_null(r->b.root))
			fn(ctx, r->b.root);
		wd_build_reset(&r->b);
		r->anchor_cnt = 0;
		r->alias_size = 0;
		return 0;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
	return 0;
}

static int parser_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;

	/* Not a mistake of the text's: who took it for one would go on with
	 * what the text said before until somebody writes it anew. */
	if (p->error == YAML_MEMORY_ERROR)
		wd_xfail();
	if (p->error == YAML_READER_ERROR)
		return wd_build_fail(&r->b, line_of(p->mark),
				     "not UTF-8 text: %s",
				     p->problem ? p->problem : "unreadable");
	return wd_build_fail(&r->b, line_of(p->problem_mark),
			     "not YAML: %s%s%s",
			     p->problem ? p->problem : "unreadable",
			     p->context ? ", " : "",
			     p->context ? p->context : "");
}

int wd_yaml_read(const char *text, size_t len, wd_tree_fn fn, void *ctx,
		 struct wd_tree_error *ret_error)
{
	static struct reader
		r; /* big; one reader at a time, the agent has one thread */
	bool end = false;
	int err = 0;

	memset(&r, 0, offsetof(struct reader, anchor));
	r.b.error = ret_error;
	r.b.most = SIZE_MAX;
	if (!yaml_parser_initialize(&r.parser))
		wd_xfail();
	/* Not guessed from a byte order mark: that of UTF-16 alone would be an empty text. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const yaml_char_t *)text, len);
	while (!end && !err) {
		yaml_event_t event;

		if (!yaml_parser_parse(&r.parser, &event)) {
			err = parser_error(&r);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		err = on_event(&r, &event, fn, ctx);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&r.parser);
	wd_arena_fini(&r.b.arena);
	return err;
}
