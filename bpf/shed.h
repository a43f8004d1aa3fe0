/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shed.h - what wd_minimal has in place of extras.h, fragment.h and the events:
 * it drops what it does not judge. rung.h lists it.
 *
 * Never the laxer of two: what passes here passes there, in the same state.
 */
#ifndef WARDER_BPF_SHED_H
#define WARDER_BPF_SHED_H

#include "parse.h"

/* What lies between the fixed IP header and the transport header. */
static __always_inline int parse_ip_extras(struct __sk_buff *skb,
					   struct wd_pkt *pkt)
{
	__u32 hlen = pkt_off(pkt) - sizeof(struct ethhdr);

	(void)skb;
	if (pkt->family == 4)
		return hlen > sizeof(struct iphdr) ? WD_R_SHED : WD_GO_ON;
	if (is_refused_exthdr(pkt->proto))
		return WD_R_EXTHDR;
	return is_walked_exthdr(pkt->proto) ? WD_R_SHED : WD_GO_ON;
}

/* A first fragment: its ports are judged, and what follows could not be. */
static __always_inline bool frag_is_shed(const struct wd_pkt *pkt)
{
	return pkt->frag == WD_FRAG_FIRST && !(pkt->ep_flags & WD_EP_OFF);
}

/* Nothing is noted of it. */
static __always_inline int frag_note(struct __sk_buff *skb, int r)
{
	(void)skb;
	return r;
}

/* A later fragment. allow: in mode off, as everywhere; conclude() sees to it */
static __always_inline int frag_find(struct __sk_buff *skb)
{
	const struct wd_pkt *pkt = this_packet();

	(void)skb;
	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->frag_off < frag_guard(pkt->frag_proto))
		return WD_R_FRAG_OVERLAP;
	return pkt->ep_flags & WD_EP_OFF ? WD_R_FRAG_ORPHAN : WD_R_SHED;
}

/* Nobody is told. */
static __always_inline int event_send(struct __sk_buff *skb, __u32 r,
				      __u32 verdict)
{
	(void)skb;
	(void)r;
	(void)verdict;
	return 0;
}

#endif /* WARDER_BPF_SHED_H */
