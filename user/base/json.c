/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.c - short forms over json-c. Knows no key by name.
 *
 * What cannot be put into a document for lack of memory ends the program, as
 * memory that is not there does elsewhere: a state that is kept, or an answer,
 * without some of its fields would be taken for one that says otherwise.
 */
#include "json.h"

#include "../model/xalloc.h"

static struct json_object *must(struct json_object *obj)
{
	if (!obj)
		wd_xfail();
	return obj;
}

void wd_json_add(struct json_object *obj, const char *key,
		 struct json_object *child)
{
	/* Keys are literals and the values fresh: fails without memory only. */
	if (json_object_object_add(must(obj), key, child))
		wd_xfail();
}

static void push(struct json_object *array, struct json_object *child)
{
	if (json_object_array_add(must(array), child))
		wd_xfail();
}

void wd_json_str(struct json_object *obj, const char *key, const char *value)
{
	wd_json_add(obj, key,
		    value ? must(json_object_new_string(value)) : NULL);
}

void wd_json_int(struct json_object *obj, const char *key, int64_t value)
{
	wd_json_add(obj, key, must(json_object_new_int64(value)));
}

void wd_json_bool(struct json_object *obj, const char *key, bool value)
{
	wd_json_add(obj, key, must(json_object_new_boolean(value)));
}

struct json_object *wd_json_object(struct json_object *obj, const char *key)
{
	struct json_object *child = must(json_object_new_object());

	wd_json_add(obj, key, child);
	return child;
}

struct json_object *wd_json_array(struct json_object *obj, const char *key)
{
	struct json_object *child = must(json_object_new_array());

	wd_json_add(obj, key, child);
	return child;
}

struct json_object *wd_json_push(struct json_object *array)
{
	struct json_object *child = must(json_object_new_object());

	push(array, child);
	return child;
}

void wd_json_push_str(struct json_object *array, const char *value)
{
	push(array, must(json_object_new_string(value)));
}

struct json_object *wd_json_get(struct json_object *obj, const char *key)
{
	struct json_object *child = NULL;

	if (!json_object_is_type(obj, json_type_object))
		return NULL;
	json_object_object_get_ex(obj, key, &child);
	return child;
}

const char *wd_json_get_str(struct json_object *obj, const char *key)
{
	struct json_object *child = wd_json_get(obj, key);

	if (!json_object_is_type(child, json_type_string))
		return "";
	return json_object_get_string(child);
}

int64_t wd_json_get_int(struct json_object *obj, const char *key)
{
	struct json_object *child = wd_json_get(obj, key);

	return json_object_is_type(child, json_type_int) ?
		       json_object_get_int64(child) :
		       0;
}

bool wd_json_get_bool(struct json_object *obj, const char *key)
{
	struct json_object *child = wd_json_get(obj, key);

	return json_object_is_type(child, json_type_boolean) &&
	       json_object_get_boolean(child);
}

size_t wd_json_len(struct json_object *obj, const char *key)
{
	struct json_object *child = wd_json_get(obj, key);

	return json_object_is_type(child, json_type_array) ?
		       json_object_array_length(child) :
		       0;
}

struct json_object *wd_json_at(struct json_object *obj, const char *key,
			       size_t i)
{
	return i < wd_json_len(obj, key) ?
		       json_object_array_get_idx(wd_json_get(obj, key), i) :
		       NULL;
}
