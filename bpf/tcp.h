/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcp.h - where both ends of a connection are, and whether a segment fits.
 *
 * The pod's own segments are never blind: they all come by this hook, and move
 * the flow's numbers, whatever they say; a pod that lies harms its own
 * connection. Segments from the peer's side may be anybody's who can send with
 * the peer's address. They must fit what the pod sent and acknowledged, or they
 * change nothing:
 *
 *   data, ACK, FIN   in sequence, or a gap behind lost ones, with an
 *                    acknowledgement between the last one and what the pod has
 *                    sent; both must be met at once, so guessing takes 2^40
 *   repeated ones    pass; with an acknowledgement of before, without effect
 *   RST              counts only between what the pod acknowledged and what the
 *                    peer has sent, the room in which the pod's own stack takes
 *                    or questions it (RFC 5961, 3.2); near it, it passes without
 *                    effect, so that the stack can answer with a challenge.
 *                    In a transfer that room can be hit by guessing: what fits
 *                    of the peer afterwards says that the RST was not its own
 *
 * No window is tracked: an acknowledgement that fits is the stronger proof. All
 * arithmetic is modulo 2^32.
 */
#ifndef WARDER_BPF_TCP_H
#define WARDER_BPF_TCP_H

#include "flow.h"

#define WD_TCP_BEHIND 0x1000000U /* bytes that lost or repeated ones may span */
#define WD_TCP_SLACK 0x100000U /* around the sequence: passes without effect */
#define WD_TCP_EARLY 0xffffU /* data that a SYN carries (RFC 7413) */

/*
 * Before the answer, of who sent the SYN: end[] is behind its data, the other
 * side's ack[] behind the SYN itself: the least and most that can be answered.
 */

/* What a segment is to its flow. */
enum wd_fit {
	WD_FIT_FULL, /* passes, and has its effects */
	WD_FIT_IDLE, /* passes, and changes nothing */
	WD_FIT_NOT, /* does not belong to it */
};

static __always_inline bool is_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static __always_inline bool tcp_is_syn(const struct wd_pkt *pkt)
{
	return (pkt->tcp & (WD_TCP_SYN | WD_TCP_ACK)) == WD_TCP_SYN;
}

static __always_inline bool tcp_is_synack(const struct wd_pkt *pkt)
{
	return (pkt->tcp & (WD_TCP_SYN | WD_TCP_ACK)) ==
	       (WD_TCP_SYN | WD_TCP_ACK);
}

/* Does it acknowledge a SYN, and of its data no more than there is? */
static __always_inline bool acks_syn(const struct wd_pkt *pkt, __u32 after_syn,
				     __u32 after_data)
{
	return (pkt->tcp & WD_TCP_ACK) &&
	       pkt->ack - after_syn <= after_data - after_syn;
}

/* The pod's SYN, once more: maybe without its data, which still may arrive. */
static __always_inline void tcp_asked(const struct wd_pkt *pkt,
				      struct wd_flow_entry *flow)
{
	__u32 after_syn = pkt->seq + 1, after_data = pkt->seq + pkt->seg;

	if (flow->ack[WD_INGRESS] == after_syn &&
	    !is_after(after_data, flow->end[WD_EGRESS]))
		return;
	flow->ack[WD_INGRESS] = after_syn;
	flow->end[WD_EGRESS] = after_data;
}

/* ---- the pod's side ---- */

/* A connection that was there before: the pod's first segment tells of both. */
static __always_inline void tcp_learn(const struct wd_pkt *pkt,
				      struct wd_flow_entry *flow)
{
	if (!(pkt->tcp & WD_TCP_ACK) || (pkt->tcp & WD_TCP_RST))
		return;
	flow->end[WD_EGRESS] = pkt->seq + pkt->seg;
	flow->ack[WD_EGRESS] = pkt->ack;
	flow->end[WD_INGRESS] = pkt->ack;
	flow->ack[WD_INGRESS] = pkt->seq;
	flow->flags |= WD_FLOW_SEQ;
}

static __always_inline void tcp_sent(const struct wd_pkt *pkt,
				     struct wd_flow_entry *flow)
{
	__u32 end = pkt->seq + pkt->seg;

	if (is_after(end, flow->end[WD_EGRESS]))
		flow->end[WD_EGRESS] = end;
	if (!(pkt->tcp & WD_TCP_ACK) || (pkt->tcp & WD_TCP_RST) ||
	    flow->ack[WD_EGRESS] == pkt->ack)
		return;
	flow->ack[WD_EGRESS] = pkt->ack;
	if (is_after(pkt->ack, flow->end[WD_INGRESS]))
		flow->end[WD_INGRESS] = pkt->ack;
}

/* ---- the peer's side ---- */

static __always_inline bool ack_fits(const struct wd_pkt *pkt,
				     const struct wd_flow_entry *flow)
{
	__u32 last = flow->ack[WD_INGRESS];

	return (pkt->tcp & WD_TCP_ACK) &&
	       pkt->ack - last <= flow->end[WD_EGRESS] - last;
}

/* The common segment: next in sequence. Return: whether it was one. */
static __always_inline bool tcp_got_next(const struct wd_pkt *pkt,
					 struct wd_flow_entry *flow)
{
	if (pkt->seq != flow->end[WD_INGRESS] || !ack_fits(pkt, flow))
		return false;
	if (pkt->seg)
		flow->end[WD_INGRESS] = pkt->seq + pkt->seg;
	if (flow->ack[WD_INGRESS] != pkt->ack)
		flow->ack[WD_INGRESS] = pkt->ack;
	return true;
}

static __always_inline enum wd_fit tcp_got_rst(const struct wd_pkt *pkt,
					       const struct wd_flow_entry *flow)
{
	__u32 acked = flow->ack[WD_EGRESS], end = flow->end[WD_INGRESS];

	if (pkt->seq - acked <= end - acked)
		return WD_FIT_FULL;
	return pkt->seq - end + WD_TCP_SLACK <= 2 * WD_TCP_SLACK ? WD_FIT_IDLE :
								   WD_FIT_NOT;
}

/* Of what the peer has sent already: the pod may not have got it. */
static __always_inline bool is_repeated(const struct wd_pkt *pkt,
					const struct wd_flow_entry *flow)
{
	__u32 end = flow->end[WD_INGRESS], behind = end - pkt->seq;

	return behind <= WD_TCP_BEHIND || behind <= end - flow->ack[WD_EGRESS];
}

/*
 * Overtaken on its way, so that it acknowledges less than what was seen. A
 * found connection may have sent more than it has shown yet: its first segment
 * was a repeated one, or a keepalive.
 */
static __always_inline bool is_near(const struct wd_pkt *pkt,
				    const struct wd_flow_entry *flow)
{
	__u32 least = flow->ack[WD_INGRESS] - WD_TCP_BEHIND;
	__u32 most = flow->end[WD_EGRESS];

	if (flow->flags & WD_FLOW_SEEDED)
		most += WD_TCP_SLACK;
	if (pkt->ack - least > most - least)
		return false;
	return is_repeated(pkt, flow) ||
	       pkt->seq - flow->end[WD_INGRESS] <= WD_TCP_SLACK;
}

static __always_inline enum wd_fit tcp_got(const struct wd_pkt *pkt,
					   struct wd_flow_entry *flow)
{
	__u32 ahead = pkt->seq - flow->end[WD_INGRESS];
	bool fits = ack_fits(pkt, flow);

	if (pkt->tcp & WD_TCP_RST)
		return tcp_got_rst(pkt, flow);
	if (fits && ahead <= WD_TCP_BEHIND) {
		flow->end[WD_INGRESS] = pkt->seq + pkt->seg;
		flow->ack[WD_INGRESS] = pkt->ack;
		return WD_FIT_FULL;
	}
	if (fits && is_repeated(pkt, flow)) {
		flow->ack[WD_INGRESS] = pkt->ack;
		if (is_after(pkt->seq + pkt->seg, flow->end[WD_INGRESS]))
			flow->end[WD_INGRESS] = pkt->seq + pkt->seg;
		return WD_FIT_FULL;
	}
	return is_near(pkt, flow) ? WD_FIT_IDLE : WD_FIT_NOT;
}

/* ---- a connection that is being opened ---- */

/* The answer to a SYN: now both ends are known. */
static __always_inline void tcp_answered(const struct wd_pkt *pkt,
					 struct wd_flow_entry *flow)
{
	__u8 from = pkt->dir & 1, to = dir_reverse(from);

	flow->end[from] = pkt->seq + pkt->seg;
	flow->ack[from] = pkt->ack;
	flow->ack[to] = pkt->seq;
	/* the pod tells which of several SYNs it took */
	if (from == WD_EGRESS || is_after(pkt->ack, flow->end[to]))
		flow->end[to] = pkt->ack;
	flow->flags |= WD_FLOW_SYNACK | WD_FLOW_SEQ;
}

/*
 * The peer's segment to a pod that opened the connection and has no answer yet:
 * only an answer to its SYN counts. Others pass, because an end that still
 * holds an older connection of that name answers with an ACK of it.
 */
static __always_inline enum wd_fit tcp_got_early(const struct wd_pkt *pkt,
						 struct wd_flow_entry *flow)
{
	bool is_answer =
		acks_syn(pkt, flow->ack[WD_INGRESS], flow->end[WD_EGRESS]);

	if (pkt->tcp & (WD_TCP_SYN | WD_TCP_RST))
		return is_answer ? WD_FIT_FULL : WD_FIT_NOT;
	return WD_FIT_IDLE;
}

/* Before the SYN+ACK, from who opened it: a RST that takes its SYN back. */
static __always_inline enum wd_fit tcp_opener_early(const struct wd_pkt *pkt,
						    struct wd_flow_entry *flow)
{
	__u8 dir = pkt->dir & 1;
	__u32 isn = flow->ack[dir_reverse(dir)] - 1;

	if (tcp_is_synack(pkt))
		return flow->flags & WD_FLOW_SYN_BACK ? WD_FIT_IDLE :
							WD_FIT_NOT;
	if ((pkt->tcp & WD_TCP_RST) && pkt->seq - isn <= flow->end[dir] - isn)
		return WD_FIT_FULL;
	return WD_FIT_IDLE;
}

static __always_inline enum wd_fit tcp_early(const struct wd_pkt *pkt,
					     struct wd_flow_entry *flow)
{
	if (flow->dir == pkt->dir)
		return tcp_opener_early(pkt, flow);
	if (pkt->dir == WD_INGRESS)
		return tcp_got_early(pkt, flow);
	/* the pod answers: an ACK is of an older connection, see above */
	return pkt->tcp & (WD_TCP_SYN | WD_TCP_RST) ? WD_FIT_FULL : WD_FIT_IDLE;
}

/*
 * What is the segment to its flow? Notes the numbers of what fits. Not for a
 * SYN, see conntrack.h.
 */
static __always_inline enum wd_fit tcp_fit(const struct wd_pkt *pkt,
					   struct wd_flow_entry *flow)
{
	if (pkt->frag == WD_FRAG_LATER)
		return WD_FIT_IDLE; /* has no numbers */
	if (!(flow->flags & (WD_FLOW_REPLIED | WD_FLOW_SYNACK)))
		return tcp_early(pkt, flow);
	if (pkt->dir == WD_EGRESS) {
		if (flow->flags & WD_FLOW_SEQ)
			tcp_sent(pkt, flow);
		else
			tcp_learn(pkt, flow);
		return WD_FIT_FULL;
	}
	if (!(flow->flags & WD_FLOW_SEQ))
		return pkt->tcp & WD_TCP_RST ? WD_FIT_IDLE : WD_FIT_FULL;
	return tcp_got(pkt, flow);
}

#endif /* WARDER_BPF_TCP_H */
