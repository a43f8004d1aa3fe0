/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_frame.h - the description of a golden packet, and the frame it makes.
 * Knows wire formats and who takes part; nothing of maps and verdicts' sense.
 *
 *   .2 the pod    .3 a peer the policy allows    .4 one it does not
 *   .200 a peer allowed as part of a prefix      .9 nobody
 */
#ifndef WARDER_GOLDEN_FRAME_H
#define WARDER_GOLDEN_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>

#define WD_GOLDEN_BYTES \
	96 /* of a frame; what the IP header leaves is padding */

/* What the trial's policy has, see wd_golden_policy(). */
#define WD_GOLDEN_GEN 1U
#define WD_GOLDEN_SLOT 1U
#define WD_GOLDEN_TUNNEL 7777 /* a port like any, but for what wd_state says */
#define WD_GOLDEN_ROW 1U /* of a peer that is allowed */

enum wd_golden_host {
	POD = 2,
	FRIEND = 3,
	OTHER = 4,
	NODE = 5,
	NOBODY = 9,
	PREFIXED = 200,
};

/* What the maps say at the time of a packet. */
enum wd_golden_scene {
	NORMAL, /* policy applies, to the host's own sockets too */
	HOST_FREE, /* the host's own sockets pass */
	NO_SLOT, /* nothing compiled for the endpoint */
	NO_GEN, /* nothing published */
	STRANGER, /* the device is no endpoint */
};

/* What lies between the IP header and the transport header. */
enum wd_golden_extra {
	PLAIN,
	ROUTER_ALERT, /* IPv4 option, RFC 2113 */
	SOURCE_ROUTE, /* IPv4 option */
	DST_OPTIONS, /* IPv6 */
	ROUTING, /* IPv6 */
};

/* Fields of no use are 0. */
struct wd_golden {
	const char *name;
	enum wd_dir way;
	uint8_t family; /* 4, 6; else the frame is of @eth */
	uint8_t src, dst; /* last byte of the address, enum wd_golden_host */
	uint8_t proto; /* 0: TCP */
	uint16_t sport, dport; /* ICMP: type, id */
	uint8_t flags; /* TCP */
	uint32_t seq; /* TCP */
	uint16_t frag; /* IPv4: flag of more and offset in units of 8 bytes */
	enum wd_golden_extra extra;
	enum wd_reason reason; /* what the programs must say */
	bool shed; /* but wd_minimal says SHED */
	enum wd_reason nft; /* but the ruleset says this; 0: the same */
	bool no_nft; /* not to be had where the ruleset is tried */
	enum wd_golden_scene scene;
	bool bad_mac;
	uint16_t eth;
};

extern const struct wd_golden wd_goldens[];
extern const size_t wd_golden_cnt;

extern const uint8_t wd_golden_pod_mac[6];
extern const uint8_t wd_golden_host_mac[6];

struct wd_addr4_key wd_golden_addr4(uint8_t last);
struct wd_addr6_key wd_golden_addr6(uint8_t last);

/** wd_golden_frame() - make the frame of @g */
void wd_golden_frame(uint8_t frame[WD_GOLDEN_BYTES], const struct wd_golden *g);

#endif /* WARDER_GOLDEN_FRAME_H */
