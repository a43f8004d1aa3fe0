/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * denied.h - who was refused what in the last hour, in memory that is bounded.
 *
 * Fed with the events of drops and would-be drops. Alike ones are one entry:
 * the same endpoint, direction, protocol, port, reason, verdict and peer. Pods
 * of one identity are one peer, known by the address of the last of them; of
 * what no policy decides neither peer nor port is told apart. Where it is
 * full, what was seen least goes; that is counted.
 */
#ifndef WARDER_DENIED_H
#define WARDER_DENIED_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/abi.h>

struct wd_denied;

#define WD_DENIED_MAX 2048 /* entries; 96 KiB, taken with the first event */
#define WD_DENIED_S 3600 /* so long is an entry kept without another packet */

struct wd_denial {
	uint32_t ep; /* endpoint instance */
	uint32_t peer_id; /* identity */
	__be32 peer[4]; /* IPv4 in peer[0]; zero: reason is not policy's */
	uint32_t cnt; /* packets that were told of; the programs limit them */
	uint32_t first_s; /* CLOCK_MONOTONIC, seconds */
	uint32_t last_s;
	uint16_t port; /* destination's, host byte order; ICMP: type << 8 | code */
	uint16_t src_port; /* of the last packet; by it an answer is told from a question */
	uint8_t proto; /* IP protocol */
	uint8_t family; /* 4, 6; 0: no IP packet */
	uint8_t dir; /* enum wd_dir */
	uint8_t verdict; /* WD_DROP or WD_AUDIT */
	uint8_t reason; /* enum wd_reason */
};

struct wd_denied_loss {
	uint64_t cnt; /* packets that no entry tells of */
	uint32_t first_s; /* CLOCK_MONOTONIC, seconds; 0 with cnt 0 */
	uint32_t last_s;
};

/** wd_denied_new() - empty; out of memory ends the program */
struct wd_denied *wd_denied_new(void);
void wd_denied_free(struct wd_denied *denied);

/** wd_denied_add() - what passes is not noted */
void wd_denied_add(struct wd_denied *denied, const struct wd_event *event);

/** wd_denied_lost() - @cnt packets were dropped, or would have been, of which no event came */
void wd_denied_lost(struct wd_denied *denied, uint64_t cnt, uint32_t now_s);

/** wd_denied_each() - call @fn for each entry that was seen in the last @since_s seconds */
void wd_denied_each(const struct wd_denied *denied, uint32_t now_s,
		    uint32_t since_s,
		    void (*fn)(void *ctx, const struct wd_denial *denial),
		    void *ctx);

/** wd_denied_losses() - since the last hour without any */
struct wd_denied_loss wd_denied_losses(const struct wd_denied *denied);

/** wd_reason_by_policy() - a drop for it is one that policies decide */
bool wd_reason_by_policy(uint32_t reason);

#endif /* WARDER_DENIED_H */
