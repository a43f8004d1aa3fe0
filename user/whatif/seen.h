/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seen.h - who talked to whom on this node lately, told by a forked child.
 */
#ifndef WARDER_SEEN_H
#define WARDER_SEEN_H

#include <stdint.h>

struct wd_agent;

#define WD_SEEN_FLOWS 500 /* told one by one; all are in the sums */

struct wd_seen {
	uint32_t since_s; /* 1 .. WD_DENIED_S */
};

/**
 * wd_seen_run() - what the child does, see wd_forked_start(): one document
 * @ctx: struct wd_seen
 * Return: 0, or -errno of telling the answer.
 */
int wd_seen_run(struct wd_agent *agent, int fd, void *ctx);

#endif /* WARDER_SEEN_H */
