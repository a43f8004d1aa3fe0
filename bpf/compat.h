/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat.h - constants that vmlinux.h does not carry, and the clock.
 *
 * Owns what differs between kernels, so that the other headers need not ask;
 * nothing here may decide about a packet.
 */
#ifndef WARDER_BPF_COMPAT_H
#define WARDER_BPF_COMPAT_H

#include <warder/limits.h>

/*
 * What a program returns. NEXT is TCX_NEXT and, under clsact, TC_ACT_UNSPEC:
 * both go on with the next program. Passing does not end the chain, so that
 * whoever is attached behind warder still sees the packet; but see below.
 */
#define WD_TC_NEXT (-1)
#define WD_TC_SHOT 2
/* Ends the chain: what we pass on to who judges late, nobody may lead elsewhere. */
#define WD_TC_PASS 0

#define WD_ETH_IP4 0x0800
#define WD_ETH_ARP 0x0806
#define WD_ETH_VLAN 0x8100
#define WD_ETH_IP6 0x86dd
#define WD_ETH_QINQ 0x88a8

/* IP protocols and IPv6 extension headers (IANA protocol numbers). */
#define WD_IP_HOPOPTS 0
#define WD_IP_ICMP 1
#define WD_IP_TCP 6
#define WD_IP_UDP 17
#define WD_IP_ROUTING 43
#define WD_IP_FRAGMENT 44
#define WD_IP_AH 51
#define WD_IP_ICMP6 58
#define WD_IP_DSTOPTS 60
#define WD_IP_SCTP 132
#define WD_IP_MOBILITY 135
#define WD_IP_HIP 139
#define WD_IP_SHIM6 140
#define WD_IP_EXP1 253
#define WD_IP_EXP2 254

/* log2 of the jiffies in a tick: what comes nearest to a second. Set by the loader, who knows HZ. */
const volatile __u32 wd_tick_shift = 8;

/*
 * Does anybody ever get to watch? Set by the loader: with 0 nothing uses
 * wd_events and wd_evstat, and the object loads without them.
 */
const volatile __u32 wd_with_events = 1;

/*
 * Now, in ticks. The kernel puts a load in the place of this call, where its
 * clocks cost two to four calls for each packet.
 */
static __always_inline __u32 clock_ticks(void)
{
	return (__u32)(bpf_jiffies64() >> (wd_tick_shift & 31));
}

/* Hide a value from the optimizer, so that a bound stands where it is put. */
#define WD_OPAQUE(var) asm volatile("" : "+r"(var))

/* @yes if @nr, of 32 bits, is 0, else @no: computed, not branched to. */
#define WD_PICK(nr, yes, no) \
	({ \
		__u64 nr_ = (nr); \
		__u32 no_ = (no); \
\
		WD_OPAQUE(nr_); \
		no_ ^ ((no_ ^ (yes)) & (__u32)((__s64)(nr_ - 1) >> 63)); \
	})

#endif /* WARDER_BPF_COMPAT_H */
