/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * part.c - what is loaded beside the programs of pods: the objects of wires, of
 * services behind their translation, and of the host's own sockets.
 *
 * Keeps why one could not be had the last time, and when it may be tried again:
 * to hear the same refusal costs the verifier's time, in which the agent answers
 * nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "ladder.h"

#define PAUSE_MS 10000 /* after the first failure, then twice as long */
#define PAUSES 4 /* that it grows */

static const struct {
	const char *object;
	enum wd_rung rung;
} parts[WD_PART__MAX] = {
	[WD_PART_WIRE] = { "wd_wire", WD_RUNG_FULL },
	[WD_PART_WIREMIN] = { "wd_wiremin", WD_RUNG_MINIMAL },
	[WD_PART_LATE] = { "wd_late", WD_RUNG_FULL },
	[WD_PART_HOST] = { "wd_host", WD_RUNG_FULL },
};

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum wd_part wd_part_from(const char *object)
{
	int part = 0;

	while (part < WD_PART__MAX && strcmp(object, parts[part].object) != 0)
		part++;
	return (enum wd_part)part;
}

const void *wd_part_elf(const char *object, size_t *ret_bytes)
{
	enum wd_part part = wd_part_from(object);

	switch (part) {
	case WD_PART_WIRE:
	case WD_PART_WIREMIN:
		return wd_wire_elf(part, ret_bytes);
	case WD_PART_LATE:
		return wd_nf_elf(WD_NF_LATE, ret_bytes);
	case WD_PART_HOST:
		return wd_nf_elf(WD_NF_HOST, ret_bytes);
	case WD_PART__MAX:
		break;
	}
	return NULL;
}

static void clear(struct wd_attempt *a)
{
	free(a->text);
	free(a->log);
	*a = (struct wd_attempt){ .object = "" };
}

static struct wd_attempt *new_attempt(struct wd_datapath *dp, enum wd_part part)
{
	struct wd_attempt *a = &dp->ladder.part[part];

	clear(a);
	*a = (struct wd_attempt){ .rung = parts[part].rung,
				  .object = parts[part].object,
				  .optional = true,
				  .at_ms = clock_ms(CLOCK_REALTIME) };
	return a;
}

/* By the kernel and not by the moment. */
static bool is_for_good(const struct wd_attempt *a)
{
	return (a->stage == WD_STAGE_PROG || a->stage == WD_STAGE_RUN) &&
	       !wd_cause_is_transient(a->cause);
}

/* What is refused by who holds the place, or by the file system, costs little. */
static bool costs_time(const struct wd_attempt *a)
{
	return a->stage == WD_STAGE_MAP || a->stage == WD_STAGE_PROG ||
	       a->stage == WD_STAGE_RUN;
}

/* An agent before has heard it in this boot of the kernel. */
static bool is_known(struct wd_datapath *dp, enum wd_part part)
{
	const char *object = parts[part].object, *text = NULL;
	enum wd_cause cause = WD_CAUSE_UNKNOWN;
	struct wd_attempt *a;

	if (!dp->refused || !dp->refused(dp->refused_ctx, object,
					 wd_ladder_hash(object), &cause, &text))
		return false;
	a = new_attempt(dp, part);
	a->stage = WD_STAGE_PROG;
	a->err = -EACCES;
	a->cause = cause;
	a->skipped = true;
	a->text = strdup(text ? text : "refused before in this boot");
	return true;
}

int wd_part_begin(struct wd_datapath *dp, enum wd_part part)
{
	const struct wd_ladder *l = &dp->ladder;
	const struct wd_attempt *a = &l->part[part];

	wd_failure_clear(dp);
	if (a->err && (is_for_good(a) ||
		       clock_ms(CLOCK_MONOTONIC) < l->part_next_ms[part]))
		return a->err;
	return !a->err && is_known(dp, part) ? a->err : 0;
}

static void note(struct wd_datapath *dp, enum wd_part part, int err)
{
	struct wd_ladder *l = &dp->ladder;
	struct wd_attempt *a = new_attempt(dp, part);
	int *tries = &l->part_tries[part];

	if (!dp->failure.err)
		wd_fail(dp, err, WD_STAGE_PROG, "%s cannot be had", a->object);
	a->stage = dp->failure.stage;
	a->err = dp->failure.err;
	a->cause = wd_failure_cause(dp);
	a->text = dp->failure.text;
	a->log = dp->failure.log;
	dp->failure = (struct wd_failure){ 0 };
	l->part_next_ms[part] = 0;
	if (!costs_time(a))
		return;
	l->part_next_ms[part] =
		clock_ms(CLOCK_MONOTONIC) + ((uint64_t)PAUSE_MS << *tries);
	*tries += *tries < PAUSES;
}

void wd_part_end(struct wd_datapath *dp, enum wd_part part, int err,
		 char *error, size_t bytes)
{
	struct wd_attempt *a = &dp->ladder.part[part];

	*error = '\0';
	if (!err) {
		clear(a);
		a->at_ms = clock_ms(CLOCK_REALTIME);
		dp->ladder.part_tries[part] = 0;
		return;
	}
	if (dp->failure.err || !a->err)
		note(dp, part, err);
	(void)snprintf(error, bytes, "%s: %s", a->object,
		       a->text ? a->text : strerror(-err));
}

void wd_part_forget(struct wd_datapath *dp, const struct wd_ladder_opts *opts)
{
	for (int i = 0; i < WD_PART__MAX; i++) {
		clear(&dp->ladder.part[i]);
		dp->ladder.part_tries[i] = 0;
	}
	dp->refused = opts ? opts->refused : NULL;
	dp->refused_ctx = opts ? opts->ctx : NULL;
}
