/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.h - the policy and the addresses of the packet tests, written by
 * hand: what a test expects must not come from the code that makes tables.
 */
#ifndef WARDER_SELFTESTS_TABLES_H
#define WARDER_SELFTESTS_TABLES_H

#include "frame.h"

enum {
	IF_POD = 1, /* the hook */
	IF_NEAR = 101, /* endpoint: H_NEAR */
	IF_BRIDGED = 102, /* endpoint: H_BRIDGED, port of IF_BRIDGE */
	IF_BRIDGE = 103, /* no endpoint */
	IF_OTHER = 104, /* another device that is no endpoint */
	IF_UPLINK = 200, /* the same */
};

/* Compiled policies. Each says the same of both directions. */
enum slot {
	SLOT_NONE,
	SLOT_RULES, /* isolated; see RULES below */
	SLOT_OPEN, /* ready, not isolated, no rule */
	SLOT_OPEN_DENY, /* not isolated, denies H_FOE everything */
	SLOT_SHUT, /* isolated, no rule */
	SLOT_UNREADY, /* isolated, allows all, but not ready */
	SLOT_TCP, /* isolated, allows any peer all of TCP and nothing else */
	SLOT_ALL, /* isolated, allows any peer everything */
	SLOT_EDGES, /* isolated; TCP ports 0, 80, 1000-2000, 65535 of any peer */
	SLOT_MANY, /* isolated; 2048 spans of TCP: odd ones of 32 ports allowed */
	SLOT_ORDER, /* isolated; classes in which the order matters */
	SLOT_TYPES, /* isolated; see TYPES below */
	SLOT_MIXED, /* as tables_mix() says */
	SLOT__MAX,
};

/*
 * RULES, for TCP, UDP and SCTP, and for what has no ports:
 *   80-89 and port-less   H_FOE denied, H_FRIEND and H_PREFIX allowed
 *   443                   H_FOE denied, all others allowed
 *   9090                  H_NODE allowed
 *
 * ORDER, TCP:
 *   1  allow H_FRIEND, deny all    2  deny all, allow H_FRIEND
 *   3  15 rules of nobody, allow H_FRIEND as the last of 16
 *   4  allow by bit 0              5  allow by bit 63
 *
 * TYPES, of any peer:
 *   ICMP    echo of any code, type 13 code 2; type 255: H_FRIEND
 *   ICMPv6  echo of any code, type 144 code 2; type 255: H_FRIEND
 *   others  protocols 89 and 255
 */

/* Stable ids of rules, as events tell them. */
enum rule_id {
	RULE_FOE = 11,
	RULE_FRIEND = 12,
	RULE_PREFIX = 13,
	RULE_ALL = 22,
};

/** tables_fill() - write addresses, rows, classes, spans and slots */
void tables_fill(void);

/** tables_mix() - make SLOT_MIXED of what two slots say, each of one direction */
void tables_mix(enum slot in, enum slot out);

/** tables_map_addr() - make @host's addresses (both families) mean @row; -1: unknown */
void tables_map_addr(enum host host, int row);

/* Rows: what is true of an address. */
enum row {
	ROW_NONE,
	ROW_FRIEND,
	ROW_FOE,
	ROW_PREFIX,
	ROW_NODE,
	ROW_EDGES, /* first and last bit of the first word */
	ROW__MAX,
};

#endif /* WARDER_SELFTESTS_TABLES_H */
