/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.h - short forms over json-c, for the answers of the agent and the
 * commands that print them.
 */
#ifndef WARDER_JSON_H
#define WARDER_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

/* ---- making: @obj is an object, @key a literal ---- */

/** wd_json_str() - NULL becomes null */
void wd_json_str(struct json_object *obj, const char *key, const char *value);
void wd_json_int(struct json_object *obj, const char *key, int64_t value);
void wd_json_bool(struct json_object *obj, const char *key, bool value);

/** wd_json_add() - takes ownership of @child */
void wd_json_add(struct json_object *obj, const char *key,
		 struct json_object *child);

/** wd_json_object() / wd_json_array() - a new child below @key, borrowed */
struct json_object *wd_json_object(struct json_object *obj, const char *key);
struct json_object *wd_json_array(struct json_object *obj, const char *key);

/** wd_json_push() - a new object at the end of an array, borrowed */
struct json_object *wd_json_push(struct json_object *array);
void wd_json_push_str(struct json_object *array, const char *value);

/* ---- reading: a missing key, or one of another type, gives the empty value ---- */

struct json_object *wd_json_get(struct json_object *obj, const char *key);
const char *wd_json_get_str(struct json_object *obj, const char *key);
int64_t wd_json_get_int(struct json_object *obj, const char *key);
bool wd_json_get_bool(struct json_object *obj, const char *key);

/** wd_json_len() - elements of the array below @key; 0 if there is none */
size_t wd_json_len(struct json_object *obj, const char *key);
struct json_object *wd_json_at(struct json_object *obj, const char *key,
			       size_t i);

#endif /* WARDER_JSON_H */
