/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * findings.c - the list of what is wrong. Decides nothing.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

void wd_doctor_init(struct wd_doctor *doctor, const char *root)
{
	doctor->root = root;
	doctor->findings = json_object_new_array();
	doctor->skipped = json_object_new_array();
}

void wd_doctor_fini(struct wd_doctor *doctor)
{
	json_object_put(doctor->findings);
	json_object_put(doctor->skipped);
}

void wd_doctor_find(struct wd_doctor *doctor, const char *check,
		    const char *object, const char *fix, const char *fmt, ...)
{
	struct json_object *obj = wd_json_push(doctor->findings);
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	wd_json_str(obj, "check", check);
	wd_json_str(obj, "object", object);
	wd_json_str(obj, "text", text ?: "out of memory");
	wd_json_str(obj, "fix", fix);
	free(text);
}

void wd_doctor_skip(struct wd_doctor *doctor, const char *check,
		    const char *fmt, ...)
{
	struct json_object *obj = wd_json_push(doctor->skipped);
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	wd_json_str(obj, "check", check);
	wd_json_str(obj, "text", text ?: "out of memory");
	free(text);
}

char *wd_doctor_read(const struct wd_doctor *doctor, const char *path)
{
	char line[512], *whole = NULL, *got;
	FILE *file;

	wd_format(&whole, "%s%s", doctor->root, path);
	file = whole ? fopen(whole, "re") : NULL;
	free(whole);
	if (!file)
		return NULL;
	got = fgets(line, sizeof(line), file);
	(void)fclose(file);
	if (!got)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

bool wd_doctor_is_plain(const char *name)
{
	if (!*name || *name == '-')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-_.@", *name))
			return false;
	return true;
}

size_t wd_doctor_fields(char *line, char **ret_field, size_t max)
{
	size_t cnt = 0;
	char *word;

	while (cnt < max && (word = strsep(&line, " \t\n")))
		if (*word)
			ret_field[cnt++] = word;
	return cnt;
}
