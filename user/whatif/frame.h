/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h - a captured Ethernet frame: whose it is, and how to make it fit.
 *
 * Only for people to read and to find the hook it would meet. What a packet
 * means is for the programs to say, which read it for themselves.
 */
#ifndef WARDER_FRAME_H
#define WARDER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../model/object.h"

#define WD_FRAME_ETH 14 /* bytes of an Ethernet header */

/* What could be read; all zero from where on it could not. */
struct wd_frame {
	const uint8_t *data; /* borrowed */
	size_t len;
	uint16_t ethertype; /* host byte order; 0: not even that is there */
	uint8_t proto; /* IP protocol of the transport */
	bool is_fragment;
	bool has_ports; /* the first bytes of TCP, UDP or SCTP are there */
	struct wd_addr src, dst; /* family 0: no IP packet */
	uint16_t sport, dport; /* host byte order */
	uint8_t icmp_type, icmp_code;
	size_t l3, l4; /* offsets of the IP and transport headers */
	size_t payload; /* offset of what TCP carries, else 0 */
	size_t end; /* of the IP packet, by its own word, at most len */
};

/** wd_frame_read() - @data is from the Ethernet header on */
void wd_frame_read(struct wd_frame *frame, const uint8_t *data, size_t len);

/**
 * wd_frame_is_cuttable() - can it be had as several TCP segments
 * As a device does that is handed more than fits: no fragments, no flags but ACK, PSH and FIN.
 */
bool wd_frame_is_cuttable(const struct wd_frame *frame);

/**
 * wd_frame_cut() - one of those segments
 * @at: bytes of the payload before it
 * @max: room in @to, and its largest size; more than the headers take
 * Lengths, sequence number and FIN are its own; checksums are not made, since
 * the programs read none.
 * Return: bytes written to @to; @ret_next: where the next begins, 0 it is the last.
 */
size_t wd_frame_cut(const struct wd_frame *frame, size_t at, size_t max,
		    uint8_t *to, size_t *ret_next);

#endif /* WARDER_FRAME_H */
