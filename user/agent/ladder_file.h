/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ladder_file.h - what of the ladder outlives the agent: ladder.json in the
 * state directory.
 *
 * Which rung an administrator asked for, and which objects this boot of this
 * kernel refuses for good, so that they are not tried at each start again.
 */
#ifndef WARDER_LADDER_FILE_H
#define WARDER_LADDER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "../datapath/ladder.h"

#define WD_BOOT_ID \
	40 /* bytes of /proc/sys/kernel/random/boot_id, with its end */

#define WD_REFUSALS_MAX ((int)WD_RUNG_PROG_CNT + (int)WD_PART__MAX)

/* One object of this binary that the running kernel refused. */
struct wd_refusal {
	char object[16];
	uint64_t hash; /* wd_ladder_hash(): another build is tried again */
	enum wd_cause cause;
	char *text; /* allocated */
};

struct wd_ladder_file {
	bool pinned;
	enum wd_rung pin;
	char boot_id[WD_BOOT_ID]; /* of the running kernel */
	struct wd_refusal refusal[WD_REFUSALS_MAX];
	int refusals; /* in this boot */
};

/**
 * wd_ladder_file_read() - what is in @state_dir; refusals of another boot are forgotten
 * A file that cannot be read counts as none, and is told of in the log.
 */
void wd_ladder_file_read(struct wd_ladder_file *file, const char *state_dir);

/** wd_ladder_file_write() - Return: 0 or -errno, the old file stays */
int wd_ladder_file_write(const struct wd_ladder_file *file,
			 const char *state_dir);

void wd_ladder_file_fini(struct wd_ladder_file *file);

/** wd_ladder_file_find() - the refusal of this build of @object, NULL none */
const struct wd_refusal *wd_ladder_file_find(const struct wd_ladder_file *file,
					     const char *object, uint64_t hash);

/** wd_ladder_file_note() - replace what the file says of refusals by what was just tried */
void wd_ladder_file_note(struct wd_ladder_file *file,
			 const struct wd_ladder *ladder);

#endif /* WARDER_LADDER_FILE_H */
