/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h - frames from a description, all of them as the RFCs want them: what
 * is wrong with a packet is the work of mutate.c.
 */
#ifndef WARDER_SELFTESTS_BUILD_H
#define WARDER_SELFTESTS_BUILD_H

#include "episode.h"
#include "rng.h"
#include "wire.h"

#define EXTS_MAX 9
#define BODY_MAX 1600

struct draft {
	enum wd_dir dir;
	enum dev dev, iif;
	int family;
	struct addr src, dst;
	uint8_t proto, hops;

	/* IPv4: options, a multiple of four bytes */
	uint8_t opts[40];
	size_t opts_len;
	/* IPv6: extension headers before a fragment header, and their length field */
	uint8_t exts[EXTS_MAX], ext_words[EXTS_MAX];
	size_t ext_cnt;

	bool is_frag;
	uint32_t frag_id, frag_at;
	bool more;

	uint8_t body[BODY_MAX]; /* from the transport header on */
	size_t len;
};

struct segment {
	uint8_t flags;
	uint32_t seq, ack;
	size_t payload;
};

/** build_frame() - write the frame to op->data, which has FRAME_MAX bytes */
void build_frame(const struct draft *draft, struct op *op);

/* Each writes a transport header to the body, and as many zeros as @payload. */
void build_tcp(struct draft *d, uint16_t sport, uint16_t dport,
	       const struct segment *segment);
void build_ports(struct draft *d, uint16_t sport, uint16_t dport,
		 size_t payload);
void build_icmp(struct draft *d, uint8_t type, uint8_t code, uint16_t id,
		size_t payload);

#endif /* WARDER_SELFTESTS_BUILD_H */
