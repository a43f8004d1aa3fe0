/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - packets without a pause, each full of a marker.
 *
 * Sent by ordinary sockets of the namespace that the stream is opened in. The
 * marker fills each packet, so that any part of it shows one.
 */
#ifndef WARDER_SELFTESTS_WIRE_STREAM_H
#define WARDER_SELFTESTS_WIRE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "look.h"

struct stream;

struct stream_opts {
	uint8_t marker[WIRE_MARKER_BYTES];
	uint32_t so_mark; /* SO_MARK of the sockets, 0 none */
	bool any_source; /* the source need not be an address of this host */
};

/**
 * stream_open() - one kind of packet to one target
 * @text: "udp=[SOURCE>]TARGET,PORT", the same with gso (many datagrams in one
 *        buffer, cut late) and tcp (segments that open a connection), or
 *        "echo=[SOURCE>]TARGET"
 *
 * Return: NULL if it makes no sense, or with errno.
 */
struct stream *stream_open(const char *text, const struct stream_opts *opts);
void stream_close(struct stream *stream);

/** stream_send() - the next packet, or buffer of them. What the own stack refuses does not count */
void stream_send(struct stream *stream);

/** stream_sent() - how many were sent, and how many the own stack refused */
uint64_t stream_sent(const struct stream *stream, uint64_t *ret_refused);

/**
 * stream_run() - send on all in turn until @stop_fd is readable
 * @rate: packets a second of all together, 0: as fast as it goes
 */
void stream_run(struct stream *const *streams, int count, unsigned int rate,
		int stop_fd);

#endif /* WARDER_SELFTESTS_WIRE_STREAM_H */
