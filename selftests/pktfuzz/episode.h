/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * episode.h - what happens in a fresh world, one thing after the other, and
 * its form as text: a case of the corpus.
 *
 *	# why the case is there
 *	publish POLICY,POLICY,POLICY MODE,MODE,MODE SWITCHES MONITOR ROWS
 *	fresh
 *	wait TICKS
 *	seed in|out HOOK FAMILY OWN PROTO LPORT PPORT TICKS PEER
 *	in|out HOOK IIF LINEAR REASON[/audit] HEX
 *
 * `fresh` begins a world anew, so that a file may hold several episodes. PEER is an address in hex, 16 bytes, OWN which one of the pod's it is.
 * Policies, modes (WD_EP_*) and the rest are the numbers of struct setting;
 * HOOK and IIF are devices (alpha, beta, gamma, uplink, bridge, host), LINEAR
 * the bytes of the packet in the buffer's linear part, 0 for all.
 */
#ifndef WARDER_SELFTESTS_EPISODE_H
#define WARDER_SELFTESTS_EPISODE_H

#include <stdio.h>

#include "judge.h"
#include "wire.h"

enum op_kind { OP_PACKET, OP_PUBLISH, OP_WAIT, OP_SEED, OP_FRESH };

struct op {
	enum op_kind kind;
	enum wd_dir dir;
	enum dev dev, iif;
	struct ruling want; /* of a packet read from text; reason -1: unknown */
	struct setting setting;
	struct seed seed;
	uint32_t ticks;
	uint16_t len, linear;
	uint8_t *data;
};

struct episode {
	struct op *ops;
	size_t cnt, room;
};

void episode_free(struct episode *episode);

/** episode_add() - take a copy of @op and of its data */
void episode_add(struct episode *episode, const struct op *op);

/** episode_without() - a copy that lacks @cnt operations from @at on */
struct episode episode_without(const struct episode *episode, size_t at,
			       size_t cnt);

/** episode_read() - Return: 0, or the number of the line that makes no sense */
int episode_read(struct episode *episode, FILE *file);
void episode_write(const struct episode *episode, FILE *file);

const char *reason_name(int reason);

#endif /* WARDER_SELFTESTS_EPISODE_H */
