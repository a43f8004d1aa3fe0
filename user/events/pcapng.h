/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pcapng.h - events as a capture file, for tshark and Wireshark.
 *
 * Source: draft-ietf-opsawg-pcapng. An event has no bytes of its packet: the
 * headers are made from what it says, and the comment of each packet says so,
 * with verdict, reason and rule.
 */
#ifndef WARDER_PCAPNG_H
#define WARDER_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

/* Ethernet, IPv6 and TCP: nothing longer is made. */
#define WD_PCAPNG_HEAD_MAX 74

struct wd_pcapng {
	FILE *to; /* borrowed */
	uint32_t *ifindex; /* of the capture's interfaces, in order */
	uint32_t ifindex_cnt;
};

/**
 * wd_pcapng_begin() - write the head of a capture
 * @to: stays the caller's, for as long as @ret_file is used
 * Return: 0, to be given to wd_pcapng_end(); -errno.
 */
int wd_pcapng_begin(FILE *to, struct wd_pcapng *ret_file);

/**
 * wd_pcapng_event() - one packet more, flushed
 * @event: of wd_event_doc(), best with @whole
 * Return: 0, or -errno.
 */
int wd_pcapng_event(struct wd_pcapng *file, struct json_object *event);
void wd_pcapng_end(struct wd_pcapng *file);

/**
 * wd_pcapng_head() - the headers of a packet as far as its event tells them
 * @buf: WD_PCAPNG_HEAD_MAX bytes
 * Return: bytes written; not more than the packet had.
 */
size_t wd_pcapng_head(struct json_object *event, uint8_t *buf);

#endif /* WARDER_PCAPNG_H */
