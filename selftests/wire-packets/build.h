/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h - frames of any depth, made of pieces from outside in.
 *
 * What a piece says of the next one (ethertype, protocol) and lengths are filled
 * in, unless the piece says otherwise. Addresses are those of hosts.h.
 */
#ifndef WARDER_SELFTESTS_BUILD_H
#define WARDER_SELFTESTS_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hosts.h"

#define FRAME_MAX 2048
#define PIECES_MAX 24

enum piece_kind {
	P_END, /* ends a list of pieces */
	P_ETH,
	P_VLAN,
	P_PPPOE,
	P_IP,
	P_EXT, /* an IPv6 extension header of 8 bytes and more */
	P_UDP,
	P_TCP,
	P_ICMP,
	P_GRE,
	P_VXLAN,
	P_GENEVE,
	P_BYTES, /* payload */
};

/* 0 is a sensible default for all but kind, and for IP src and dst. */
struct piece {
	uint8_t kind; /* enum piece_kind */
	uint8_t family; /* IP: 4 or 6 */
	uint8_t src, dst; /* IP: enum host */
	uint8_t hops; /* IP: default 64 */
	uint8_t version; /* IP: what it says, default family */
	uint8_t options; /* IPv4: bytes of options, a multiple of 4 */
	bool more; /* IP: more fragments follow */
	int next; /* what it says of the next one; 0: what that is, -1: 0 */
	int len; /* what it says of its length; 0: what that is, -1: 0 */
	uint16_t off; /* IP: fragment offset, bytes */
	uint16_t id; /* IP; VXLAN: second and third byte */
	uint16_t type; /* EXT: its own number; ICMP: type; VLAN: ethertype of the tag */
	uint16_t sport, dport; /* default 40000, 80 */
	uint16_t flags; /* GRE, VXLAN: first bytes; Geneve: version; PPPoE: 1: short */
	/* BYTES, EXT, Geneve options: how many (EXT: in all); VXLAN: last byte */
	uint16_t bytes;
	uint8_t head[4]; /* BYTES: how they begin */
};

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
};

/** frame_build() - the frame of a list of pieces, ended by P_END */
void frame_build(struct frame *frame, const struct piece *pieces);

/* The family of IP(); that of IN_IP(), inside a tunnel. */
extern int build_outer, build_inner;

#define LIST(...) ((const struct piece[]){ __VA_ARGS__, { .kind = P_END } })
#define PIECE(k, ...) { .kind = (k), ##__VA_ARGS__ }
#define ETH PIECE(P_ETH)
#define IP(s, d, ...) \
	PIECE(P_IP, .family = (uint8_t)build_outer, .src = (s), .dst = (d), \
	      ##__VA_ARGS__)
#define IN_IP(s, d, ...) \
	PIECE(P_IP, .family = (uint8_t)build_inner, .src = (s), .dst = (d), \
	      ##__VA_ARGS__)
#define UDP(s, d, ...) PIECE(P_UDP, .sport = (s), .dport = (d), ##__VA_ARGS__)
#define TCP(s, d) PIECE(P_TCP, .sport = (s), .dport = (d))
#define ICMP(t) PIECE(P_ICMP, .type = (t))
#define DATA(n, ...) PIECE(P_BYTES, .bytes = (n), ##__VA_ARGS__)

#endif /* WARDER_SELFTESTS_BUILD_H */
