/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h - frames for the packet tests, made from a description. Knows the
 * wire formats and the cast of hosts; knows nothing of what is tested.
 */
#ifndef WARDER_SELFTESTS_FRAME_H
#define WARDER_SELFTESTS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who takes part. Each has an IPv4 and an IPv6 address, see frame.c. */
enum host {
	H_SELF, /* the pod behind the hook, and its second address */
	H_SELF2,
	H_LINK, /* its link-local address (v4: a link-local stranger) */
	H_LINK2, /* another link-local address */
	H_FRIEND, /* remote pod that rules allow */
	H_FOE, /* remote pod that rules deny */
	H_PLAIN, /* remote pod that no rule names */
	H_PREFIX, /* in a prefix that rules allow */
	H_HOLE, /* in the same, and in a longer one that no rule names */
	H_EXACT, /* remote pod in the first prefix; no rule names the pod */
	H_EDGES, /* remote pod of the row with the outermost bits */
	H_WORLD, /* nobody knows it */
	H_NEAR, /* pod of this node, routed */
	H_BRIDGED, /* pod of this node, behind a bridge */
	H_NODE, /* this node */
	H_NODE2, /* another node */
	H_GROUP, /* multicast */
	H_ALL, /* limited broadcast, all nodes */
	H_LOOP,
	H_ZERO,
	H_MAPPED, /* v6: a v4-mapped address (v4: 0/8) */
	H__MAX,
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

#define TCP_ISN 0x1000 /* of both sides */

#define FRAME_MAX 512

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
	size_t l4; /* offset of the transport header */
};

/* 0 is a sensible default for all but family and dir. */
struct packet {
	int family; /* 4 or 6 */
	int dir; /* enum wd_dir: sets the default hosts and hardware addresses */
	enum host src; /* default: SELF if it leaves the pod, else FRIEND */
	enum host dst; /* likewise */
	bool has_src; /* src is meant, also when 0 */
	bool has_dst;
	int proto; /* default TCP; 1 is ICMP of either family */
	uint16_t sport; /* default 40000 */
	uint16_t dport; /* default 80 */
	uint8_t flags; /* TCP; default SYN */
	uint32_t seq; /* TCP; default TCP_ISN in a SYN, else one more */
	uint32_t ack; /* TCP; default TCP_ISN + 1 if there is one */
	uint8_t type; /* ICMP */
	uint8_t code;
	uint16_t id; /* ICMP echo */
	int payload; /* bytes behind the transport header; default 32, -1 none */
	uint8_t hops; /* default 64 */
	int frag_off; /* bytes; > 0: no transport header, payload only */
	bool more;
	bool atomic; /* v6: fragment header of a whole packet */
	uint32_t frag_id; /* default 7 */
	const uint8_t *extra; /* v4 options or v6 extension headers */
	int extra_len;
	int extra_proto; /* v6: type of the first extension header */
};

/** frame_addr() - address of @host, 4 or 16 bytes in network order, written to @ret */
void frame_addr(enum host host, int family, void *ret);

/** packet_full() - @packet with its defaults filled in */
struct packet packet_full(const struct packet *packet);

/** frame_make() - build the frame that @packet describes */
void frame_make(struct frame *frame, const struct packet *packet);

/** frame_ether() - an Ethernet frame of @type with @len bytes of body */
void frame_ether(struct frame *frame, int dir, uint16_t type, const void *body,
		 size_t len);

/** frame_arp() - ARP with the given sender and target; sender MAC is the pod's or host's by @dir */
void frame_arp(struct frame *frame, int dir, int op, enum host sender,
	       enum host target);

/** frame_nd() - neighbour discovery of @type from @src to @dst about @target */
void frame_nd(struct frame *frame, int dir, uint8_t type, enum host src,
	      enum host dst, enum host target);

/** frame_quote() - ICMP error @outer that quotes @inner; 0 bytes: all of it */
void frame_quote(struct frame *frame, const struct packet *outer,
		 const struct packet *inner, int quoted_bytes);

extern const uint8_t frame_pod_mac[6];
extern const uint8_t frame_host_mac[6];

#endif /* WARDER_SELFTESTS_FRAME_H */
