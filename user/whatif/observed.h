/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * observed.h - the flows that this node saw lately, each once.
 *
 * From the flow table what passed (also what ended, until its place is taken),
 * from denied.h what was dropped or would have been. Flows that differ only by
 * the port of who opened them are one. Judges nothing.
 */
#ifndef WARDER_OBSERVED_H
#define WARDER_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/hash.h"
#include "../model/model.h"

struct wd_agent;

/* Equal bytes are equal flows: made on zeroed memory. */
struct wd_observed_key {
	struct in6_addr src, dst; /* IPv4 in the first four bytes */
	uint16_t port; /* as in struct wd_flow */
	uint8_t family;
	uint8_t proto;
	uint8_t from_host;
	uint8_t pad[3];
};

struct wd_observed {
	UT_hash_handle hh;
	struct wd_observed_key key;
	uint8_t hooks; /* bit for each enum wd_dir of this node's hooks that saw it */
	uint32_t passed
		[2]; /* entries of the flow table, by enum wd_dir of the hook */
	uint64_t dropped; /* packets that were told of */
	uint64_t audited;
	uint32_t idle_s; /* since the last packet */
	void *own; /* whoever reads the list; NULL at first */
};

/* What was seen but cannot be judged again. */
enum wd_unjudged {
	WD_UNJUDGED_GONE, /* flows and denials of endpoints that are gone */
	WD_UNJUDGED_ANSWER, /* dropped answers of flows that are forgotten */
	WD_UNJUDGED_LINK, /* their own address is one of the link, or not theirs any more */
	WD_UNJUDGED_MOVED, /* filled by who judges: no end is guarded here now */
	WD_UNJUDGED__MAX,
};

struct wd_observations {
	struct wd_observed *flows; /* hash by key */
	uint32_t unjudged[WD_UNJUDGED__MAX]; /* flows */
	uint64_t other[256]; /* packets dropped, by reasons that are not policy's */
	int err; /* of reading the flow table */
};

/** wd_observed_read() - what was seen in the last @since_s seconds; for a process that ends soon, nothing is freed */
void wd_observed_read(const struct wd_agent *agent, uint32_t since_s,
		      struct wd_observations *ret);

/** wd_observed_passed() - how many flows got past all of these hooks */
uint32_t wd_observed_passed(const struct wd_observed *seen);

/** wd_observed_flow() - as a question to the model */
struct wd_flow wd_observed_flow(const struct wd_observed *seen);

#endif /* WARDER_OBSERVED_H */
