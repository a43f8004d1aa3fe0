/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect.h - what a state says of a packet that opens a flow, found the slow
 * and obvious way.
 *
 * A second reading of include/warder/abi.h, without maps, masks and caches, to
 * hold programs against. Shares no code with them or with the compiler of
 * policies, but for the lists of include/warder/.
 */
#ifndef WARDER_EXPECT_H
#define WARDER_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"

/* The first packet of a flow: TCP SYN, UDP, SCTP, ICMP that asks or other. */
struct wd_question {
	uint32_t ep; /* index into the state's endpoints */
	enum wd_dir dir; /* the hook: who opens it */
	struct wd_addr own; /* of the endpoint */
	struct wd_addr peer;
	uint8_t proto; /* IP protocol number */
	uint16_t sport; /* of who opens it, host byte order; ICMP: its id */
	uint16_t port; /* where to; ICMP: type << 8 | code; else 0 */
	uint32_t iif; /* ingress: device it came in by, 0 this host's own socket */
};

struct wd_expected {
	bool passes; /* audit mode included */
	enum wd_reason reason;
	uint32_t rule; /* id of the rule that decided, 0 none */
};

/** wd_expected() - what is right */
struct wd_expected wd_expected(const struct wd_state *state,
			       const struct wd_question *question);

/** wd_expected_enforced() - the same without policies that are only tried */
struct wd_expected wd_expected_enforced(const struct wd_state *state,
					const struct wd_question *question);

/** wd_expected_service() - does the question go to a service, by its own address and port */
bool wd_expected_service(const struct wd_state *state,
			 const struct wd_question *question);

#endif /* WARDER_EXPECT_H */
