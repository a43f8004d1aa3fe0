/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.h - conversations between a pod and a peer, as both ends see them: what
 * either would send next, and what a third one might guess.
 */
#ifndef WARDER_SELFTESTS_TALK_H
#define WARDER_SELFTESTS_TALK_H

#include "build.h"

struct talk {
	enum dev dev,
		iif; /* the pod's hook; where the peer's packets come from */
	int family;
	struct addr own, peer;
	uint8_t proto;
	uint16_t lport, pport; /* ICMP echo: lport is the id */
	enum wd_dir opener; /* direction of its first packet */
	/* TCP, by direction */
	uint32_t seq[2]; /* next to be sent */
	uint8_t stage; /* of the handshake */
};

/** talk_begin() - somebody to talk to, about something */
void talk_begin(struct talk *talk, struct rng *rng);

/** talk_next() - a packet that one of the two might send, or a third one forge */
void talk_next(struct talk *talk, struct rng *rng, struct draft *draft);

/** talk_ends() - addresses and devices of a packet in @dir */
void talk_ends(const struct talk *talk, enum wd_dir dir, struct draft *draft);

/** draw_peer(), draw_own() - some address; the pod's own with most chance */
const struct addr *draw_peer(struct rng *rng, int family, enum dev *ret_iif);
const struct addr *draw_own(struct rng *rng, int family, enum dev dev);

uint16_t draw_port(struct rng *rng);

#endif /* WARDER_SELFTESTS_TALK_H */
