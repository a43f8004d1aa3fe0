/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answers.c - reads the lines of a guest (guest.h has the words). The kernel
 * there is not trusted: what does not fit is left out, and then missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/opt.h"
#include "preflight.h"

static char *copy(struct json_object *doc, const char *key)
{
	const char *text = wd_json_get_str(doc, key);

	return *text ? strdup(text) : NULL;
}

static void say(const struct wd_preflight *p,
		const struct wd_preflight_result *r, const char *text)
{
	if (p->progress)
		p->progress(p->ctx, *r->release ? r->release : r->kernel, text);
}

static void read_object(const struct wd_preflight *p,
			struct wd_preflight_result *r, struct json_object *doc)
{
	struct wd_preflight_object *obj = &r->object[r->object_cnt];
	uint32_t most = 0;
	char *text = NULL;

	if (r->object_cnt == WD_PREFLIGHT_OBJECTS)
		return;
	memset(obj, 0, sizeof(*obj));
	(void)snprintf(obj->name, sizeof(obj->name), "%s",
		       wd_json_get_str(doc, "object"));
	(void)snprintf(obj->rung, sizeof(obj->rung), "%s",
		       wd_json_get_str(doc, "rung"));
	obj->loads = wd_json_get_bool(doc, "loads");
	obj->error = copy(doc, "error");
	obj->log = copy(doc, "log");
	obj->untried = wd_json_get_bool(doc, "untried");
	obj->load_us = (uint64_t)wd_json_get_int(doc, "load_us");
	for (size_t i = 0; i < WD_DIR__MAX; i++) {
		struct json_object *prog = wd_json_at(doc, "programs", i);
		struct wd_preflight_prog *to = &obj->prog[i];

		(void)snprintf(to->name, sizeof(to->name), "%s",
			       wd_json_get_str(prog, "name"));
		(void)snprintf(to->stack, sizeof(to->stack), "%s",
			       wd_json_get_str(prog, "stack"));
		to->insns = (uint32_t)wd_json_get_int(prog, "insns");
		if (to->insns > most)
			most = to->insns;
	}
	if (p->questions.cnt)
		obj->answer = calloc(p->questions.cnt, 1);
	r->object_cnt++;
	if (obj->loads && !most)
		wd_format(&text, "%s loads", obj->name);
	else if (obj->loads)
		wd_format(&text, "%s loads, %u instructions", obj->name, most);
	else
		wd_format(&text, "%s does NOT load: %s", obj->name,
			  obj->error ?: "");
	say(p, r, text ? text : obj->name);
	free(text);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Answers come in order; a piece that leaves a gap is not taken. */
static void read_answers(const struct wd_preflight *p,
			 struct wd_preflight_result *r, struct json_object *doc)
{
	const char *hex = wd_json_get_str(doc, "hex");
	struct wd_preflight_object *obj =
		r->object_cnt ? &r->object[r->object_cnt - 1] : NULL;

	if (!obj || !obj->answer ||
	    strcmp(obj->name, wd_json_get_str(doc, "answers")) != 0 ||
	    wd_json_get_int(doc, "from") != (int64_t)obj->answered)
		return;
	for (; hex[0] && hex[1] && obj->answered < p->questions.cnt; hex += 2) {
		int high = digit(hex[0]), low = digit(hex[1]);

		if (high < 0 || low < 0)
			return;
		obj->answer[obj->answered++] = (uint8_t)(high * 16 + low);
	}
	if (obj->answered == p->questions.cnt)
		say(p, r, "questions answered");
}

static void read_module(struct wd_preflight_result *r, struct json_object *doc)
{
	char *before = r->modules;

	r->modules = NULL;
	wd_format(&r->modules, "%s%s%s: %s", before ?: "", before ? ", " : "",
		  wd_json_get_str(doc, "module"),
		  wd_json_get_str(doc, "error"));
	free(before);
}

static void read_datapath(const struct wd_preflight *p,
			  struct wd_preflight_result *r,
			  struct json_object *doc)
{
	struct json_object *obj = wd_json_get(doc, "datapath");

	r->opens = wd_json_get_bool(obj, "opens");
	r->attaches = wd_json_get_bool(obj, "attaches");
	r->late = wd_json_get_bool(obj, "late");
	free(r->late_error);
	r->late_error = copy(obj, "late_error");
	r->wires = wd_json_get_bool(obj, "wires");
	free(r->wires_error);
	r->wires_error = copy(obj, "wires_error");
	r->host = wd_json_get_bool(obj, "host");
	free(r->host_error);
	r->host_error = copy(obj, "host_error");
	free(r->datapath_error);
	r->datapath_error = copy(obj, "error");
	(void)snprintf(r->attach, sizeof(r->attach), "%s",
		       wd_json_get_str(obj, "attach"));
	(void)snprintf(r->rung, sizeof(r->rung), "%s",
		       wd_json_get_str(obj, "rung"));
	(void)snprintf(r->object_of, sizeof(r->object_of), "%s",
		       wd_json_get_str(obj, "object"));
	say(p, r, r->attaches ? "attached" : "NOT attached");
}

static void read_rules(struct wd_preflight_result *r, struct json_object *doc)
{
	r->host_rules = wd_json_get_bool(doc, "host_rules");
	free(r->host_rules_error);
	r->host_rules_error = copy(doc, "error");
}

static void read_golden(struct wd_preflight_result *r, struct json_object *doc)
{
	free(r->golden_error);
	r->golden_error = copy(doc, "golden");
}

static void read_up(const struct wd_preflight *p, struct wd_preflight_result *r,
		    struct json_object *doc)
{
	r->ran = true;
	(void)snprintf(r->release, sizeof(r->release), "%s",
		       wd_json_get_str(doc, "up"));
	say(p, r, "up");
}

bool wd_preflight_line(const struct wd_preflight *preflight,
		       struct wd_preflight_result *result, const char *line)
{
	struct json_object *doc = json_tokener_parse(line);
	bool end = wd_json_get_bool(doc, "end");

	if (!json_object_is_type(doc, json_type_object)) {
		json_object_put(doc);
		return false;
	}
	if (wd_json_get(doc, "up"))
		read_up(preflight, result, doc);
	else if (wd_json_get(doc, "attempt"))
		wd_preflight_attempt(result, "rung %s, %s: %s",
				     wd_json_get_str(doc, "attempt"),
				     wd_json_get_str(doc, "object"),
				     wd_json_get_str(doc, "text"));
	else if (wd_json_get(doc, "object"))
		read_object(preflight, result, doc);
	else if (wd_json_get(doc, "answers"))
		read_answers(preflight, result, doc);
	else if (wd_json_get(doc, "module"))
		read_module(result, doc);
	else if (wd_json_get(doc, "datapath"))
		read_datapath(preflight, result, doc);
	else if (json_object_object_get_ex(doc, "host_rules", NULL))
		read_rules(result, doc);
	else if (wd_json_get(doc, "golden"))
		read_golden(result, doc);
	else if (wd_json_get(doc, "failed"))
		wd_preflight_why(result, "%s there: %s",
				 wd_json_get_str(doc, "failed"),
				 wd_json_get_str(doc, "error"));
	json_object_put(doc);
	return end;
}
