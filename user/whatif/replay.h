/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replay.h - what the programs would say to captured packets, found out in a
 * forked child of the agent, which asks a mirror of them (datapath/mirror.h).
 *
 * On its socket the child first writes a JSON document of its own, one line:
 * node, rung, generation, endpoint, or "error", and then it ends. Each packet
 * that it is sent, with the head below, it answers by one line before it reads
 * the next: as an event of `warder monitor`, or "error". It ends where the
 * packets end.
 */
#ifndef WARDER_REPLAY_H
#define WARDER_REPLAY_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct wd_agent;
struct wd_endpoint;

#define WD_REPLAY_FRAME_MAX 262144 /* bytes: what capturing programs cut at */

/* Numbers are as in memory: both ends are of one machine and one version. */
struct wd_replay_head {
	int64_t time_us; /* when it was captured, since 1970 */
	uint32_t number; /* of the packet in its file, for the answer */
	uint32_t bytes; /* of the frame that follows, <= WD_REPLAY_FRAME_MAX */
	uint32_t dir; /* enum wd_dir; WD_DIR__MAX: by its addresses */
	char device[IFNAMSIZ]; /* towards the pod: it came in by this, "" by its source */
};

struct wd_replay {
	const struct wd_endpoint *ep;
	bool with_flows; /* judged beside the flows that are there now */
};

/**
 * wd_replay_run() - what the child does, see wd_forked_start()
 * @ctx: struct wd_replay
 * Return: 0, or -errno of telling the answer.
 */
int wd_replay_run(struct wd_agent *agent, int fd, void *ctx);

#endif /* WARDER_REPLAY_H */
