/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn.h - a TCP connection of the pod, and where both of its ends are.
 *
 * Tests run for connections opened by the pod and by the peer, and for numbers
 * that wrap around and that change sign on the way.
 */
#ifndef WD_SELFTESTS_PACKET_CONN_H
#define WD_SELFTESTS_PACKET_CONN_H

#include "world.h"

#define SYNACK (TCP_SYN | TCP_ACK)
#define FINACK (TCP_FIN | TCP_ACK)
#define RSTACK (TCP_RST | TCP_ACK)

#define POD WD_EGRESS
#define PEER WD_INGRESS

struct conn {
	int family, opener;
	uint32_t at[2]; /* the next number of each end, by direction */
	enum host peer;
};

struct numbers {
	uint32_t seq, ack;
};

/* Makes a segment that the end @from sends, with @len bytes. */
void conn_segment(struct frame *f, const struct conn *c, int from, int flags,
		  struct numbers nr, int len);

/* Any segment, with its numbers. */
#define expect_raw(c, from, flags, seq, ack, len, reason) \
	do { \
		struct frame f_; \
		conn_segment(&f_, c, from, flags, \
			     (struct numbers){ seq, ack }, len); \
		world_batch(&f_, from, reason); \
	} while (0)

/* The next segment of an end, which has got all of the other's. */
#define expect_next(c, from, flags, len, reason) \
	do { \
		expect_raw(c, from, flags, (c)->at[from], (c)->at[!(from)], \
			   len, reason); \
		(c)->at[from] += \
			(uint32_t)(len) + !!((flags) & (TCP_SYN | TCP_FIN)); \
	} while (0)

/* The packet that opens it, for world_flow() and the like. */
struct packet conn_key(const struct conn *c);

/* The connection's flow: is there one in this state? Copied to @ret. */
bool conn_flow_is(const struct conn *c, bool unreplied, struct flow *ret);

/* The flow, with a life that is told apart from a renewed one. */
struct flow conn_flow_now(const struct conn *c);

/* Writes the flow over what is there. */
void conn_flow_put(const struct conn *c, const struct flow *flow);

/* Is the flow still what it was, in every field? */
bool conn_flow_is_same(const struct conn *c, const struct flow *before);

/* The handshake, each segment with its reason. */
void conn_open(struct conn *c);

/* Expects that both ends go on, and that what they say counts. */
void conn_works(struct conn *c);

/* Only the opener's way is open: what passes back does by the flow alone. */
void conn_one_way(int opener);

/* Runs @check for connections that @opener opens: families, numbers. */
void for_each_conn_of(int opener, void (*check)(struct conn *c));
void for_each_conn(void (*check)(struct conn *c));

#endif
