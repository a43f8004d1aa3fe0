// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_ladder_file.c - what of the ladder outlives an agent, and what must not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ladder_file.h"
#include "agent/statefile.h"
#include "base/json.h"
#include "base/log.h"
#include "tap.h"

static char dir[64];

static char words[] = "more than the verifier follows";
static char moment[] = "out of memory";

static struct wd_ladder ladder_of(enum wd_cause cause)
{
	return (struct wd_ladder){
		.attempts = 1,
		.attempt[0] = { .rung = WD_RUNG_FULL,
				.object = "wd_pod",
				.stage = WD_STAGE_PROG,
				.cause = cause,
				.text = cause == WD_CAUSE_TRANSIENT ? moment :
								      words },
	};
}

static void write_and_read(struct wd_ladder_file *file)
{
	wd_expect_int(0, wd_ladder_file_write(file, dir));
	wd_ladder_file_fini(file);
	wd_ladder_file_read(file, dir);
}

static void a_refusal_is_known_to_the_next_agent(void)
{
	struct wd_ladder ladder = ladder_of(WD_CAUSE_COMPLEXITY);
	uint64_t hash = wd_ladder_hash("wd_pod");
	struct wd_ladder_file file;
	const struct wd_refusal *r;

	wd_ladder_file_read(&file, dir);
	wd_expect(!wd_ladder_file_find(&file, "wd_pod", hash));
	wd_ladder_file_note(&file, &ladder);
	write_and_read(&file);
	r = wd_ladder_file_find(&file, "wd_pod", hash);
	if (wd_expect(r != NULL) && r) {
		wd_expect_int(WD_CAUSE_COMPLEXITY, r->cause);
		wd_expect_str(words, r->text);
	}
	/* another build, another object: tried */
	wd_expect(!wd_ladder_file_find(&file, "wd_pod", hash + 1));
	wd_expect(!wd_ladder_file_find(&file, "wd_minimal", hash));
	/* it works now, so nothing is known against it any more */
	ladder.attempts = 0;
	wd_ladder_file_note(&file, &ladder);
	write_and_read(&file);
	wd_expect(!wd_ladder_file_find(&file, "wd_pod", hash));
	wd_ladder_file_fini(&file);
}

static void what_may_pass_is_not_written_down(void)
{
	static const enum wd_cause causes[] = { WD_CAUSE_TRANSIENT,
						WD_CAUSE_PERMISSION,
						WD_CAUSE_MEMLOCK,
						WD_CAUSE_LOCKDOWN };
	struct wd_ladder_file file;

	wd_ladder_file_read(&file, dir);
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		struct wd_ladder ladder = ladder_of(causes[i]);

		wd_test_row(wd_cause_name(causes[i]));
		wd_ladder_file_note(&file, &ladder);
		wd_expect_int(0, file.refusals);
	}
	wd_test_row(NULL);
	wd_ladder_file_fini(&file);
}

static void another_boot_knows_of_no_refusal_but_of_the_pin(void)
{
	struct wd_ladder ladder = ladder_of(WD_CAUSE_VERIFIER);
	struct wd_ladder_file file;

	wd_ladder_file_read(&file, dir);
	wd_ladder_file_note(&file, &ladder);
	file.pinned = true;
	file.pin = WD_RUNG_MINIMAL;
	(void)snprintf(file.boot_id, sizeof(file.boot_id), "another");
	write_and_read(&file);
	wd_expect_int(0, file.refusals);
	wd_expect(file.pinned && file.pin == WD_RUNG_MINIMAL);
	wd_expect(*file.boot_id && strcmp(file.boot_id, "another") != 0);
	wd_ladder_file_fini(&file);
}

static void a_damaged_file_counts_as_none(void)
{
	struct json_object *doc = json_object_new_object();
	struct wd_ladder_file file;

	wd_json_str(doc, "pin", "best");
	wd_json_str(doc, "refused", "nothing");
	wd_expect_int(0, wd_statefile_write(dir, "ladder.json", doc));
	json_object_put(doc);
	wd_ladder_file_read(&file, dir);
	wd_expect(!file.pinned && !file.refusals);
	wd_ladder_file_fini(&file);
}

static void a_directory_that_is_gone_is_an_error(void)
{
	struct wd_ladder_file file;

	wd_ladder_file_read(&file, "/nonexistent");
	wd_expect(wd_ladder_file_write(&file, "/nonexistent") < 0);
	wd_ladder_file_fini(&file);
}

/* What is loaded beside is tried when it is wanted, which may be later. */
static void a_refused_part_stays_known_until_it_is_tried(void)
{
	uint64_t hash = wd_ladder_hash("wd_host");
	struct wd_ladder ladder = {
		.part[WD_PART_HOST] = { .object = "wd_host",
					.stage = WD_STAGE_PROG,
					.err = -EACCES,
					.cause = WD_CAUSE_VERIFIER,
					.text = words,
					.at_ms = 1 },
	};
	struct wd_ladder_file file;

	wd_expect(hash != 0);
	wd_ladder_file_read(&file, dir);
	wd_ladder_file_note(&file, &ladder);
	write_and_read(&file);
	wd_expect(wd_ladder_file_find(&file, "wd_host", hash));
	ladder.part[WD_PART_HOST] = (struct wd_attempt){ .object = "" };
	wd_ladder_file_note(&file, &ladder);
	write_and_read(&file);
	wd_expect(wd_ladder_file_find(&file, "wd_host", hash));
	ladder.part[WD_PART_HOST].at_ms = 2; /* and was had */
	wd_ladder_file_note(&file, &ladder);
	write_and_read(&file);
	wd_expect(!wd_ladder_file_find(&file, "wd_host", hash));
	wd_ladder_file_fini(&file);
}

int main(void)
{
	char *path = NULL;

	wd_log_set(WD_LOG_ERR);
	(void)snprintf(dir, sizeof(dir), "/tmp/wd-ladder-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	WD_TEST(a_refusal_is_known_to_the_next_agent);
	WD_TEST(what_may_pass_is_not_written_down);
	WD_TEST(another_boot_knows_of_no_refusal_but_of_the_pin);
	WD_TEST(a_damaged_file_counts_as_none);
	WD_TEST(a_directory_that_is_gone_is_an_error);
	WD_TEST(a_refused_part_stays_known_until_it_is_tried);
	if (asprintf(&path, "%s/ladder.json", dir) > 0)
		(void)unlink(path);
	free(path);
	(void)rmdir(dir);
	return wd_tests_end();
}
