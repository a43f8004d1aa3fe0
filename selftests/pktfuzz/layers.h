/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layers.h - a frame as the list of its headers, by the RFCs.
 *
 * Says where each header is and what is wrong with it; knows no endpoint, no
 * policy and no flow. Slow and obvious: the judge's view of a packet must owe
 * nothing to the parser of the programs.
 */
#ifndef WARDER_SELFTESTS_LAYERS_H
#define WARDER_SELFTESTS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYERS_MAX 8

enum frag_place { FRAG_WHOLE, FRAG_FIRST, FRAG_LATER };

struct layer {
	uint8_t proto; /* number under which the header before announced it */
	size_t at; /* bytes from the frame's start */
};

struct layers {
	const uint8_t *frame;
	size_t len;
	int family; /* 4, 6, or 0: no IP */
	uint16_t ethertype;

	/* The IP header; what follows is 0 if ip_fault is not. */
	int ip_fault; /* reason, or 0 */
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes */
	uint8_t hops;
	size_t ip_end; /* of the packet as its header states it */

	/* What lies between it and the transport header. */
	int extra_fault; /* reason, or 0 */
	bool has_ext; /* IPv6: it is not the first that is the transport's */
	struct layer ext[LAYERS_MAX];
	size_t ext_cnt;

	/* The transport header, or what follows a fragment header. */
	uint8_t proto;
	size_t at;

	enum frag_place frag;
	bool more; /* fragments follow */
	uint32_t frag_id;
	uint8_t frag_proto; /* as the header with the id names it */
	uint32_t frag_at; /* offset in the datagram, bytes */
};

/** layers_parse() - @frame has at least an Ethernet header */
void layers_parse(struct layers *l, const uint8_t *frame, size_t len);

/** layers_has() - are @len bytes from @at on part of the IP packet? */
bool layers_has(const struct layers *l, size_t at, size_t len);

/** layers_walks() - is it an extension header of IPv6 that may be there? */
bool layers_walks(uint8_t proto);

#endif /* WARDER_SELFTESTS_LAYERS_H */
