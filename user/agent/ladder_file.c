/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ladder_file.c - see ladder_file.h. A hash is written in hex: JSON's numbers
 * are too small for it.
 */
#include "ladder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../model/xalloc.h"
#include "statefile.h"

#define NAME "ladder.json"

static void read_boot_id(char id[WD_BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, id, WD_BOOT_ID - 1);

	if (fd >= 0)
		close(fd);
	id[len < 0 ? 0 : len] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

static void read_refusal(struct wd_ladder_file *file, struct json_object *obj)
{
	const char *object = wd_json_get_str(obj, "object");
	enum wd_cause cause = wd_cause_from(wd_json_get_str(obj, "cause"));
	struct wd_refusal *r = &file->refusal[file->refusals];
	char *end;

	if (file->refusals == WD_REFUSALS_MAX || cause == WD_CAUSE__MAX ||
	    strlen(object) >= sizeof(r->object))
		return; /* then it is tried again: costs time, no more */
	memcpy(r->object, object, strlen(object) + 1);
	r->hash = strtoull(wd_json_get_str(obj, "hash"), &end, 16);
	r->cause = cause;
	r->text = wd_xstrdup(wd_json_get_str(obj, "text"));
	file->refusals++;
}

static void read_pin(struct wd_ladder_file *file, struct json_object *doc)
{
	const char *pin = wd_json_get_str(doc, "pin");

	if (!*pin)
		return;
	file->pin = wd_rung_from(pin);
	file->pinned = file->pin != WD_RUNG__MAX;
	if (!file->pinned)
		wd_warn("ladder: %s: '%s' is no rung, ignoring", NAME, pin);
}

void wd_ladder_file_read(struct wd_ladder_file *file, const char *state_dir)
{
	struct json_object *doc;
	int err;

	memset(file, 0, sizeof(*file));
	read_boot_id(file->boot_id);
	err = wd_statefile_read(state_dir, NAME, &doc);
	if (err) {
		if (err != -ENOENT)
			wd_warn("ladder: reading %s: %s, a pinned rung is forgotten",
				NAME, wd_errno(err));
		return;
	}
	read_pin(file, doc);
	if (*file->boot_id &&
	    !strcmp(file->boot_id, wd_json_get_str(doc, "boot_id")))
		for (size_t i = 0; i < wd_json_len(doc, "refused"); i++)
			read_refusal(file, wd_json_at(doc, "refused", i));
	json_object_put(doc);
}

int wd_ladder_file_write(const struct wd_ladder_file *file,
			 const char *state_dir)
{
	struct json_object *doc = json_object_new_object(), *array;
	char hash[17];
	int err;

	wd_json_int(doc, "version", 1);
	if (file->pinned)
		wd_json_str(doc, "pin", wd_rung_name(file->pin));
	wd_json_str(doc, "boot_id", file->boot_id);
	array = wd_json_array(doc, "refused");
	for (int i = 0; i < file->refusals; i++) {
		const struct wd_refusal *r = &file->refusal[i];
		struct json_object *obj = wd_json_push(array);

		(void)snprintf(hash, sizeof(hash), "%016" PRIx64, r->hash);
		wd_json_str(obj, "object", r->object);
		wd_json_str(obj, "hash", hash);
		wd_json_str(obj, "cause", wd_cause_name(r->cause));
		wd_json_str(obj, "text", r->text);
	}
	err = wd_statefile_write(state_dir, NAME, doc);
	json_object_put(doc);
	return err;
}

static void forget(struct wd_ladder_file *file)
{
	for (int i = 0; i < file->refusals; i++)
		free(file->refusal[i].text);
	file->refusals = 0;
}

void wd_ladder_file_fini(struct wd_ladder_file *file)
{
	forget(file);
}

const struct wd_refusal *wd_ladder_file_find(const struct wd_ladder_file *file,
					     const char *object, uint64_t hash)
{
	for (int i = 0; i < file->refusals; i++) {
		const struct wd_refusal *r = &file->refusal[i];

		if (!strcmp(r->object, object) && r->hash == hash)
			return r;
	}
	return NULL;
}

/* A fault of the program against this kernel, not of the moment or the node. */
static bool is_for_good(const struct wd_attempt *a)
{
	if (!a->object || !*a->object || !wd_ladder_hash(a->object))
		return false;
	switch (a->cause) {
	case WD_CAUSE_COMPLEXITY:
	case WD_CAUSE_VERIFIER:
	case WD_CAUSE_HELPER:
	case WD_CAUSE_ATTACH_TYPE:
	case WD_CAUSE_BTF:
	case WD_CAUSE_LOCKS:
	case WD_CAUSE_JIT:
	case WD_CAUSE_GOLDEN:
		return true;
	default:
		return false;
	}
}

static void note(struct wd_ladder_file *file, const struct wd_attempt *a)
{
	struct wd_refusal *r = &file->refusal[file->refusals];

	if (!is_for_good(a) || file->refusals == WD_REFUSALS_MAX)
		return;
	*r = (struct wd_refusal){
		.hash = wd_ladder_hash(a->object),
		.cause = a->cause,
		.text = wd_xstrdup(a->text ? a->text : ""),
	};
	(void)snprintf(r->object, sizeof(r->object), "%s", a->object);
	file->refusals++;
}

void wd_ladder_file_note(struct wd_ladder_file *file,
			 const struct wd_ladder *ladder)
{
	struct wd_ladder_file before = *file;

	file->refusals = 0;
	/* parts are tried when they are wanted: until then it stays known */
	for (int i = 0; i < before.refusals; i++) {
		enum wd_part part = wd_part_from(before.refusal[i].object);

		if (part == WD_PART__MAX || ladder->part[part].at_ms)
			continue;
		file->refusal[file->refusals++] = before.refusal[i];
		before.refusal[i].text = NULL;
	}
	for (int i = 0; i < ladder->attempts; i++)
		note(file, &ladder->attempt[i]);
	for (int i = 0; i < WD_PART__MAX; i++) {
		if (ladder->part[i].err)
			note(file, &ladder->part[i]);
	}
	forget(&before);
}
