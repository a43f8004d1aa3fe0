/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - datagrams of a process of its own, one a millisecond, while the
 * test changes what they pass through.
 */
#ifndef WARDER_SELFTESTS_DATAPATH_STREAM_H
#define WARDER_SELFTESTS_DATAPATH_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stream {
	pid_t child;
	int stop; /* the write end of a pipe: closing it ends the child */
	int result; /* the read end of another: ready, then how many were sent */
	int to; /* where they arrive */
	uint32_t *sent; /* so far; the child writes it */
};

/** stream_out(), stream_in() - begin, from the pod of the rig or to it; false if that failed */
bool stream_out(struct stream *s);
bool stream_in(struct stream *s);

/** stream_more() - wait until @cnt more were sent; false: they were not, in 20 s */
bool stream_more(const struct stream *s, uint32_t cnt);

/** stream_end() - Return: how many were sent */
uint32_t stream_end(struct stream *s);

/** stream_arrived() - Return: how many came; they may take a while on a busy machine */
uint32_t stream_arrived(const struct stream *s);

#endif /* WARDER_SELFTESTS_DATAPATH_STREAM_H */
