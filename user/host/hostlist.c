/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostlist.c - policies that select this node, as text that reads as them.
 */
#include "hostlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../model/xalloc.h"
#include "../source/load.h"

void wd_hostlist_clear(struct wd_hostlist *list)
{
	for (size_t i = 0; i < list->cnt; i++) {
		free(list->entry[i].text);
		wd_object_free(list->entry[i].obj);
	}
	free(list->entry);
	memset(list, 0, sizeof(*list));
}

struct wd_object *wd_host_object_of(const char *text)
{
	char *copy = wd_xprintf("%s ", text);
	struct wd_object *obj = NULL;
	struct wd_load load;

	wd_load_text(&load, "host policy", copy, strlen(text));
	if (load.obj_cnt == 1 && wd_kind_is_policy(load.obj[0]->kind)) {
		obj = load.obj[0];
		load.obj[0] = NULL;
	}
	wd_load_fini(&load);
	free(copy);
	return obj;
}

int wd_hostlist_add(struct wd_hostlist *list, char *text)
{
	struct wd_object *obj = wd_host_object_of(text);

	if (!obj) {
		free(text);
		return -EBADMSG;
	}
	list->entry = wd_grow(list->entry, list->cnt, &list->cap,
			      sizeof(*list->entry));
	list->entry[list->cnt].text = text;
	list->entry[list->cnt++].obj = obj;
	return 0;
}

static bool same_policy(const struct wd_host_entry *a,
			const struct wd_host_entry *b)
{
	size_t head = strcspn(a->text, "\n") + 1;

	return !strcmp(a->text, b->text) ||
	       (!strncmp(a->text, b->text, head) &&
		!strcmp(a->obj->name, b->obj->name) &&
		wd_object_equal(a->obj, b->obj));
}

bool wd_hostlist_same(const struct wd_hostlist *a, const struct wd_hostlist *b)
{
	if (a->cnt != b->cnt)
		return false;
	for (size_t i = 0; i < a->cnt; i++) {
		if (!same_policy(&a->entry[i], &b->entry[i]))
			return false;
	}
	return true;
}

bool wd_hostlist_has(const struct wd_hostlist *list, const char *name)
{
	for (size_t i = 0; i < list->cnt; i++) {
		if (!strcmp(list->entry[i].obj->name, name))
			return true;
	}
	return false;
}

struct json_object *wd_hostlist_texts(const struct wd_hostlist *list)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->cnt; i++)
		wd_json_push_str(array, list->entry[i].text);
	return array;
}

/* All of it, or nothing: half of what was confirmed was never confirmed. */
int wd_hostlist_read(struct json_object *doc, const char *key,
		     struct wd_hostlist *list)
{
	int err = 0;

	for (size_t i = 0; !err && i < wd_json_len(doc, key); i++) {
		const char *text =
			json_object_get_string(wd_json_at(doc, key, i));

		err = text ? wd_hostlist_add(list, wd_xstrdup(text)) : -EBADMSG;
	}
	if (err)
		wd_hostlist_clear(list);
	return err;
}

void wd_hostlist_move(struct wd_hostlist *to, struct wd_hostlist *from)
{
	wd_hostlist_clear(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

void wd_hostlist_put_names(const struct wd_hostlist *list,
			   struct json_object *doc, const char *key)
{
	struct json_object *array = wd_json_array(doc, key);

	for (size_t i = 0; i < list->cnt; i++)
		wd_json_push_str(array, list->entry[i].obj->name);
}
