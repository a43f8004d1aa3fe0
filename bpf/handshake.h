/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * handshake.h - how long TCP handshakes take, by namespace.
 *
 * Only wd_pod has it (rung.h): it is no part of a verdict. Of a flow that is
 * being opened, wd_flow_entry.again says when the leg that its pod waits for
 * began; once the handshake is done that field has another meaning. What
 * carries data is not looked at, and pays nothing.
 *
 *   the pod opened     from its SYN to the SYN+ACK
 *   the pod answered   from its SYN+ACK to the ACK
 *
 * Who is blind can add nothing: only segments that fit their flow come here.
 */
#ifndef WARDER_BPF_HANDSHAKE_H
#define WARDER_BPF_HANDSHAKE_H

#include "maps.h"
#include "packet.h"

#define WD_TIMES (WD_COPIES && !WD_IS_WIRE && !WD_IS_NF)

/* In WD_TIMING_UNIT_NS, modulo 2^32; never 0, which is no time. */
static __always_inline __u32 handshake_now(void)
{
	return (__u32)(bpf_ktime_get_ns() / WD_TIMING_UNIT_NS) | 1;
}

/* Place of the highest bit of @v, which is not 0. */
static __always_inline __u32 highest_bit(__u32 v)
{
	__u32 bit = 0, more;

	more = (__u32)(v > 0xffff) << 4;
	v >>= more;
	bit |= more;
	more = (__u32)(v > 0xff) << 3;
	v >>= more;
	bit |= more;
	more = (__u32)(v > 0xf) << 2;
	v >>= more;
	bit |= more;
	more = (__u32)(v > 0x3) << 1;
	v >>= more;
	bit |= more;
	return bit | v >> 1;
}

/* The step of a histogram that @v counts in, see limits.h. */
static __always_inline __u32 timing_step(__u32 v)
{
	__u32 shift;

	if (v < WD_TIMING_PARTS)
		return v;
	shift = highest_bit(v) - WD_TIMING_PART_BITS;
	return (shift << WD_TIMING_PART_BITS) + (v >> shift);
}

/* The histogram of the packet's endpoint. */
static __always_inline struct wd_timing_val *timing_of(const struct wd_pkt *pkt)
{
	__u32 at = pkt->ep_stat & (WD_ENDPOINTS_MAX - 1);
	const struct wd_group_val *group = bpf_map_lookup_elem(&wd_group, &at);

	at = group && group->ep == pkt->key.ep ? group->group : WD_GROUP_REST;
	return bpf_map_lookup_elem(&wd_timing, &at);
}

/* A leg that began at @began is done. */
__noinline int handshake_note(WD_CTX *skb, __u32 began, __u32 side)
{
	const struct wd_pkt *pkt = WD_PACKET(skb);
	struct wd_timing_val *timing;
	__u32 step;

	WD_OPAQUE(skb);
	timing = pkt ? timing_of(pkt) : NULL;
	if (!timing)
		return 0;
	step = timing_step(handshake_now() - began);
	WD_OPAQUE(step);
	if (step >= WD_TIMING_STEPS)
		step = WD_TIMING_STEPS - 1;
	__sync_fetch_and_add(&timing->cnt[side & 1][step], 1);
	return 0;
}

/* When the leg began that the packet begins which makes a flow, 0 none. */
static __always_inline __u32 handshake_asked(const struct wd_pkt *pkt)
{
	return pkt->dir == WD_EGRESS && pkt->proto == WD_IP_TCP ?
		       handshake_now() :
		       0;
}

/* The SYN+ACK of a flow, or one more. */
static __always_inline void handshake_answered(WD_CTX *skb,
					       struct wd_flow_entry *flow)
{
	__u32 began = flow->again;

	if (!WD_TIMES)
		return;
	if (flow->dir == WD_EGRESS) {
		flow->again = 0;
		if (began)
			(void)handshake_note(skb, began, WD_TIMING_CLIENT);
	} else if (!began && !(flow->flags & WD_FLOW_HOST)) {
		flow->again = handshake_now();
	}
}

/* What follows it: that it was timed says that the pod answered. */
static __always_inline void handshake_done(WD_CTX *skb,
					   struct wd_flow_entry *flow)
{
	__u32 began = flow->again;

	if (!WD_TIMES || !began)
		return;
	flow->again = 0;
	(void)handshake_note(skb, began, WD_TIMING_SERVER);
}

#endif /* WARDER_BPF_HANDSHAKE_H */
