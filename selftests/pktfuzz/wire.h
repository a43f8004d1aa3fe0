/* SPDX-License-Identifier: GPL-2.0-only */
/* wire.h - numbers as they stand in a frame, and the numbers of protocols. */
#ifndef WARDER_SELFTESTS_WIRE_H
#define WARDER_SELFTESTS_WIRE_H

#include <stdint.h>

enum {
	ETH_LEN = 14,
	IP4_LEN = 20,
	IP6_LEN = 40,
	ARP_LEN = 28,
	TCP_LEN = 20,
	UDP_LEN = 8,
	SCTP_LEN = 12,
	ICMP_LEN = 8,
	FRAME_MAX = 3000, /* what every kernel's test run takes in one page */
};

enum {
	P_HOPOPTS = 0,
	P_ICMP = 1,
	P_TCP = 6,
	P_UDP = 17,
	P_ROUTING = 43,
	P_FRAGMENT = 44,
	P_AH = 51,
	P_ICMP6 = 58,
	P_DSTOPTS = 60,
	P_SCTP = 132,
	P_MOBILITY = 135,
	P_HIP = 139,
	P_SHIM6 = 140,
	P_EXP1 = 253,
	P_EXP2 = 254,
};

enum {
	T_FIN = 0x01,
	T_SYN = 0x02,
	T_RST = 0x04,
	T_PSH = 0x08,
	T_ACK = 0x10,
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint32_t val)
{
	p[0] = val >> 8 & 0xff;
	p[1] = val & 0xff;
}

static inline void put32(uint8_t *p, uint32_t val)
{
	put16(p, val >> 16);
	put16(p + 2, val);
}

#endif /* WARDER_SELFTESTS_WIRE_H */
