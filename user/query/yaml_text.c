/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * yaml_text.c - walks the document. What is not surely a plain word is written
 * as JSON writes it, which YAML reads alike.
 */
#include "yaml_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "../base/json.h"

/* "true", "1", "1e3" and "~" are no strings to a reader of YAML; "a-b.c/d" is one. */
static bool is_plain(const char *text)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on",
					     "off",  "null",  "y",   "n" };

	if (!isalpha((unsigned char)*text))
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-._/", *c))
			return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(words[i], text))
			return false;
	return true;
}

static void put_text(FILE *to, const char *text)
{
	struct json_object *str;

	if (is_plain(text)) {
		fputs(text, to);
		return;
	}
	str = json_object_new_string(text);
	fputs(json_object_to_json_string_ext(
		      str,
		      JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	      to);
	json_object_put(str);
}

static void put_indent(FILE *to, int depth)
{
	fprintf(to, "%*s", 2 * depth, "");
}

static bool is_empty(struct json_object *value)
{
	return json_object_is_type(value, json_type_object) ?
		       !json_object_object_length(value) :
		       json_object_is_type(value, json_type_array) &&
			       !json_object_array_length(value);
}

static bool is_scalar(struct json_object *value)
{
	return (!json_object_is_type(value, json_type_object) &&
		!json_object_is_type(value, json_type_array)) ||
	       is_empty(value);
}

static void put_scalar(FILE *to, struct json_object *value)
{
	if (json_object_is_type(value, json_type_string))
		put_text(to, json_object_get_string(value));
	else
		fputs(json_object_to_json_string_ext(value,
						     JSON_C_TO_STRING_PLAIN),
		      to);
}

static void put_value(FILE *to, struct json_object *value, int depth,
		      bool after_dash);

/* The first key of an element stands behind its dash. */
static void put_object(FILE *to, struct json_object *obj, int depth,
		       bool after_dash)
{
	json_object_object_foreach(obj, key, value) {
		if (!after_dash)
			put_indent(to, depth);
		after_dash = false;
		put_text(to, key);
		fputc(':', to);
		put_value(to, value, depth + 1, false);
	}
}

static void put_array(FILE *to, struct json_object *array, int depth)
{
	size_t cnt = json_object_array_length(array);

	for (size_t i = 0; i < cnt; i++) {
		put_indent(to, depth);
		fputc('-', to);
		put_value(to, json_object_array_get_idx(array, i), depth + 1,
			  true);
	}
}

static void put_value(FILE *to, struct json_object *value, int depth,
		      bool after_dash)
{
	if (is_scalar(value)) {
		fputc(' ', to);
		put_scalar(to, value);
		fputc('\n', to);
	} else if (json_object_is_type(value, json_type_array)) {
		fputc('\n', to);
		/* a list may stand where its key stands */
		put_array(to, value, after_dash ? depth : depth - 1);
	} else {
		fputc(after_dash ? ' ' : '\n', to);
		put_object(to, value, depth, after_dash);
	}
}

void wd_yaml_print(FILE *to, struct json_object *obj)
{
	put_object(to, obj, 0, false);
}
