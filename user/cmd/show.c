/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * show.c - pieces of answers that several commands print.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/table.h"
#include "../model/object.h"
#include "cmd.h"

/* A stream into memory; a command without memory has nothing to say. */
static FILE *text_open(char **text, size_t *len)
{
	FILE *to = open_memstream(text, len);

	if (!to) {
		perror("warder");
		exit(WD_EXIT_NO);
	}
	return to;
}

void wd_show_problem(FILE *to, struct json_object *problem)
{
	const char *field = wd_json_get_str(problem, "field");
	const char *object = wd_json_get_str(problem, "object");
	const char *effect = wd_json_get_str(problem, "effect");
	int nr = (int)wd_json_get_int(problem, "line");
	char line[16] = ""; /* a directory has none */

	if (nr)
		snprintf(line, sizeof(line), ":%d", nr);
	wd_print(to, "%s%s: %s%s%s%s%s%s%s%s\n",
		 wd_json_get_str(problem, "file"), line, field,
		 *field ? ": " : "", wd_json_get_str(problem, "text"),
		 *object ? " (" : "", object, *object ? ", " : " (", effect,
		 ")");
}

char *wd_show_join(struct json_object *obj, const char *key, const char *sep)
{
	char *text = NULL;
	size_t len;
	FILE *to = text_open(&text, &len);

	for (size_t i = 0; i < wd_json_len(obj, key); i++)
		fprintf(to, "%s%s", i ? sep : "",
			json_object_get_string(wd_json_at(obj, key, i)));
	fclose(to);
	return text;
}

/* What most pods have says nothing. */
static bool is_plain_account(const char *key, const char *value)
{
	return strcmp(key, WD_LABEL_ACCOUNT) == 0 &&
	       strcmp(value, "default") == 0;
}

char *wd_show_labels(struct json_object *obj, const char *key)
{
	struct json_object *labels = wd_json_get(obj, key);
	char *text = NULL;
	size_t len;
	FILE *to = text_open(&text, &len);
	int cnt = 0;

	if (json_object_is_type(labels, json_type_object)) {
		json_object_object_foreach(labels, name, value) {
			const char *text_of = json_object_get_string(value);

			if (!is_plain_account(name, text_of))
				fprintf(to, "%s%s=%s", cnt++ ? "," : "", name,
					text_of);
		}
	}
	fclose(to);
	return text;
}

char *wd_show_identity(struct json_object *obj, const char *key)
{
	char name_key[64], *text = NULL;
	const char *name;

	snprintf(name_key, sizeof(name_key), "%s_name", key);
	name = wd_json_get_str(obj, name_key);
	wd_format(&text, "%lld%s%s%s", (long long)wd_json_get_int(obj, key),
		  *name ? " (" : "", name, *name ? ")" : "");
	return text;
}

char *wd_show_policies(struct json_object *obj, const char *key)
{
	char *text = NULL;
	size_t len;
	FILE *to = text_open(&text, &len);

	for (size_t i = 0; i < wd_json_len(obj, key); i++) {
		struct json_object *policy = wd_json_at(obj, key, i);

		fprintf(to, "%s" WD_SHOW_OBJECT_FMT, i ? ", " : "",
			WD_SHOW_OBJECT(policy));
	}
	fclose(to);
	return text;
}

void wd_show_line(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("%-14s  ", label);
	va_start(ap, fmt);
	wd_vprint(stdout, fmt, ap);
	va_end(ap);
	putchar('\n');
}

void wd_show_line_free(const char *label, char *text)
{
	wd_show_line(label, "%s", text && *text ? text : "-");
	free(text);
}

void wd_show_happened(struct json_object *event)
{
	const char *time = strchr(wd_json_get_str(event, "time"), 'T');
	const char *kind = wd_json_get_str(event, "agent");
	const char *text = wd_json_get_str(event, "text");
	size_t len = strlen(kind);

	if (!strncmp(text, kind, len) && !strncmp(text + len, ": ", 2))
		text += len + 2; /* the log has it, here it has a column */
	wd_print(stdout, "%-15.12s  agent    %-7s  %-10s  %s\n",
		 time ? time + 1 : "", wd_json_get_str(event, "level"), kind,
		 text);
}
