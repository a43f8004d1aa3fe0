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
#include <sys/types.h>

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
#define WD_REHEARSAL_S 300 /* a child that is not done by then is ended */

struct wd_rehearsal {
	uint32_t since_s; /* of what was observed */
	struct json_object *deleted; /* array of KIND/NS/NAME, borrowed */
};

/**
 * wd_rehearsal_start() - fork the child
 * @fd: the socket; stays the caller's
 * Return: its pid, to be waited for; or -errno.
 */
pid_t wd_rehearsal_start(struct wd_agent *agent, int fd,
			 const struct wd_rehearsal *rehearsal);

#endif /* WARDER_REHEARSAL_H */
