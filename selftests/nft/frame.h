/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.h - packets of a flow, with checksums that are right: conntrack looks.
 */
#ifndef WARDER_SELFTESTS_NFT_FRAME_H
#define WARDER_SELFTESTS_NFT_FRAME_H

#include "model/model.h"

#define FRAME_MAX 256
#define FRAME_ETH 14

struct packet {
	const struct wd_flow *flow;
	uint16_t sport; /* of the flow; ICMP echo: the id */
	uint16_t id; /* IPv4: identification, IPv6: flow label; 0 none */
	bool is_reply; /* goes the other way */
	bool is_later; /* TCP: not the SYN */
	bool is_synack; /* TCP: answers the SYN */
};

/** frame_build() - an Ethernet frame. Return: its length */
size_t frame_build(uint8_t frame[FRAME_MAX], const struct packet *p,
		   const uint8_t dst[6], const uint8_t src[6]);

#endif /* WARDER_SELFTESTS_NFT_FRAME_H */
