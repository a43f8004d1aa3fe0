/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rehearsal.h - what applying files would change, found out without doing it.
 *
 * A forked child of the agent has all that the agent knows. It lets go of the
 * kernel's maps, applies the files to its own copy of the objects, compiles,
 * and judges what was observed before and after. What it breaks ends with it.
 */
#ifndef WARDER_REHEARSAL_H
#define WARDER_REHEARSAL_H

#include <stdint.h>

struct json_object;
struct wd_agent;

/*
 * What the child is given: a socket. It reads messages of this head, a name
 * and a text, up to the end; then it writes one JSON document and ends.
 * Numbers are as in memory: both ends are of one machine and one version.
 */
struct wd_rehearsal_head {
	uint32_t name_bytes; /* without NUL; at most 4096 */
	uint32_t text_bytes; /* at most WD_REHEARSAL_TEXT_MAX */
};

#define WD_REHEARSAL_NAME_MAX 4096
#define WD_REHEARSAL_TEXT_MAX (64U << 20) /* of one file */

struct wd_rehearsal {
	uint32_t since_s; /* of what was observed */
	struct json_object *deleted; /* array of KIND/NS/NAME, borrowed */
};

/**
 * wd_rehearsal_run() - what the child does, see wd_forked_start()
 * @ctx: struct wd_rehearsal
 * Return: 0, or -errno of telling the answer.
 */
int wd_rehearsal_run(struct wd_agent *agent, int fd, void *ctx);

#endif /* WARDER_REHEARSAL_H */
