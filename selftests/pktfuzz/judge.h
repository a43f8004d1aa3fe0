/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h - what must become of a packet, said by plain code over plain lists.
 *
 * The oracle of the packet fuzzer: written from the head comments of bpf/, the
 * reasons of warder/verdict.h and the RFCs, and sharing nothing with the
 * programs but the names of reasons and the sizes of warder/limits.h. Time is
 * what it is told.
 */
#ifndef WARDER_SELFTESTS_JUDGE_H
#define WARDER_SELFTESTS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <warder/verdict.h>

#include "site.h"

struct judge;

/* One packet at one hook. */
struct sight {
	enum wd_dir dir;
	enum dev dev; /* whose hook */
	enum dev iif; /* device it came in by; from a pod: @dev */
	const uint8_t *data; /* the frame, Ethernet header first */
	size_t len; /* at least ETH_LEN */
};

/* A connection that the agent found and tells the programs of. */
struct seed {
	enum dev dev;
	uint8_t family, proto;
	uint8_t own; /* which of the pod's addresses, 0 or 1 */
	enum wd_dir dir; /* of who opened it */
	struct addr peer;
	uint16_t lport, pport;
	uint32_t life; /* ticks */
};

/*
 * X(name, what it says): what the judge must come across, so that an agreement
 * says something. Counted over all packets.
 */
#define MARKS(X) \
	X(ANSWERED, "a SYN+ACK came") \
	X(UP, "a flow was answered") \
	X(REFUSED, "a RST answered a SYN") \
	X(RESET, "a RST ended a connection") \
	X(TAKEN_BACK, "who sent a SYN took it back") \
	X(CLOSED, "both sides said FIN") \
	X(CROSSED, "two SYNs met") \
	X(ASKED_AGAIN, "a SYN came to a connection that was up") \
	X(BEGAN_AGAIN, "it was answered") \
	X(REOPENED, "a dead, refused or stale flow began anew") \
	X(GAP, "a segment behind lost ones") \
	X(BEHIND, "a repeated segment") \
	X(BEHIND_IDLE, "one with an acknowledgement that does not fit") \
	X(BLIND, "a forged segment") \
	X(BLIND_RESET, "a forged RST") \
	X(IDLE_RESET, "a RST near the sequence") \
	X(LEARNED, "a pod's segment told of a seeded connection") \
	X(DENIED_LATER, "policy took back what it had allowed") \
	X(JUDGED_AGAIN, "policy allowed a flow once more") \
	X(FULL, "a pod's share of flows was used up") \
	X(EXPIRED, "a flow was looked for that had died") \
	X(TRAIN_HOLE, "fragments out of order") \
	X(TRAIN_DONE, "a datagram came whole") \
	X(TRAIN_ENDED, "a fragment ended its train") \
	X(TRAIN_ANEW, "a first fragment came again") \
	X(TRAIN_PORTS, "with other ports") \
	X(QUOTE_NOT_SENT, "an error quoted what nobody sent") \
	X(QUOTE_STALE, "an error about a flow to be judged again")

#define MARK_ENUM(name, what) MARK_##name,
enum mark {
	MARKS(MARK_ENUM) MARK__MAX,
};
#undef MARK_ENUM

extern uint64_t judge_marks[MARK__MAX];

struct ruling {
	int reason;
	enum wd_verdict verdict;
};

/* A live flow, as the judge and the programs know it. Zeroed, to be compared. */
struct flow_state {
	struct addr peer;
	uint16_t lport, pport;
	uint8_t pod, family, proto, own, sub;
	uint8_t dir; /* of who opened it */
	uint8_t is_answered, is_up, is_fresh; /* judged by what is in force */
	uint8_t is_host, is_open, is_reset, fin_in, fin_out;
	uint8_t pad[2];
	/* TCP, once known */
	uint32_t end[2], ack[2];
};

/**
 * judge_new()
 * @sheds: the programs are those of wd_minimal, which drops with SHED what
 *         bpf/rung.h lists
 */
struct judge *judge_new(bool sheds);
void judge_free(struct judge *judge);

/** judge_reset() - nothing is published, and there is no flow and no train */
void judge_reset(struct judge *judge);
void judge_publish(struct judge *judge, const struct setting *setting);
void judge_seed(struct judge *judge, const struct seed *seed);
void judge_wait(struct judge *judge, uint32_t ticks);

/** judge_flows() - Return: how many live flows it knows; at most @room are told */
size_t judge_flows(struct judge *judge, struct flow_state *ret, size_t room);
struct ruling judge_packet(struct judge *judge, const struct sight *sight);

#endif /* WARDER_SELFTESTS_JUDGE_H */
