/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mirror.h - the programs of the rung in force once more, with copies of the
 * maps: what they would say to a packet, without touching what is in force.
 *
 * Loaded and asked by BPF_PROG_TEST_RUN, pinned and attached nowhere. The copies
 * are of one generation. Packets leave their traces in the copies, so each is
 * judged as if those before it had just passed.
 */
#ifndef WARDER_MIRROR_H
#define WARDER_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>

struct wd_datapath;
struct wd_mirror;

/* Bytes of a frame that every kernel takes for a test packet: less than a page. */
#define WD_MIRROR_FRAME_MAX 3000

struct wd_mirror_frame {
	enum wd_dir dir; /* the hook that it meets */
	uint32_t ifindex; /* host-side interface of the endpoint */
	uint32_t iif; /* towards the pod: device it came in by, 0 this host's own sockets */
	const uint8_t *data; /* from the Ethernet header on, borrowed */
	size_t len; /* 14 .. WD_MIRROR_FRAME_MAX */
};

struct wd_mirror_verdict {
	bool passes;
	enum wd_reason reason;
	bool has_event; /* the programs told of it, as they tell `warder monitor` */
	struct wd_event event;
};

/**
 * wd_mirror_open() - copy maps, load programs
 * @with_flows: the flows that exist, too; else every packet finds none
 * @ret_error: on failure why, to be freed
 * Return: 0; -EOPNOTSUPP no programs are in force here; -EAGAIN policy changed
 *         all the while; -errno of copying or loading.
 * Context: in a forked child of the agent, whose copies of links it closes; needs
 *          what loading programs needs; takes as much memory as the maps.
 */
int wd_mirror_open(struct wd_datapath *dp, bool with_flows,
		   struct wd_mirror **ret_mirror, char **ret_error);
void wd_mirror_close(struct wd_mirror *mirror);

/**
 * wd_mirror_knows_iif() - can a packet be given the device it came in by
 * Before 5.12 all test packets come from this host's own sockets.
 */
bool wd_mirror_knows_iif(const struct wd_mirror *mirror);

/**
 * wd_mirror_packet() - what the programs say to one packet
 * Return: 0; -EBADMSG they returned neither pass nor drop; -errno of running
 *         them, -EINVAL also for a frame they are not run with.
 */
int wd_mirror_packet(struct wd_mirror *mirror,
		     const struct wd_mirror_frame *frame,
		     struct wd_mirror_verdict *ret_verdict);

#endif /* WARDER_MIRROR_H */
