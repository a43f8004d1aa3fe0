/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conclude.h - the end of each decision: counted, told, carried out.
 *
 * Owns the counters, which are exact: each packet is counted once by reason
 * and, if its endpoint is known, once by endpoint. The one place where a reason
 * becomes a return code.
 */
#ifndef WARDER_BPF_CONCLUDE_H
#define WARDER_BPF_CONCLUDE_H

#include "policy.h"
#if WD_ANSWERS
#include "answer.h"
#endif
#if WD_IS_MINIMAL
#include "shed.h"
#else
#include "event.h"
#endif

static __always_inline void stat_add(struct wd_stat_val *stat, __u32 len)
{
	stat->packets++;
	stat->bytes += len;
}

static __always_inline void count(const struct wd_pkt *pkt, int r,
				  __u32 verdict)
{
	/* verifier: pkt is memory to it, so the bound is said again */
	__u32 dir = pkt->dir & 1;
	__u32 at = (__u32)r * 2 + dir;
	struct wd_stat_val *stat;
	struct wd_epstat_val *ep;

	if (verdict == WD_AUDIT)
		at += WD_STAT_AUDIT;
	at &= WD_STATS_MAX - 1;
	stat = bpf_map_lookup_elem(&wd_stat, &at);
	if (stat)
		stat_add(stat, pkt->len);
	if (WD_IS_MINIMAL || !pkt->has_ep)
		return;
	at = pkt->ep_stat & (WD_ENDPOINTS_MAX - 1);
	ep = bpf_map_lookup_elem(&wd_epstat, &at);
	if (!ep)
		return;
	if (verdict == WD_ALLOW)
		stat_add(&ep->allow[dir], pkt->len);
	else if (verdict == WD_DROP)
		stat_add(&ep->drop[dir], pkt->len);
	else
		stat_add(&ep->audit[dir], pkt->len);
}

#define WD_STATE_REASONS \
	(1ULL << WD_R_FRAG_ORPHAN | 1ULL << WD_R_FRAG_FULL | \
	 1ULL << WD_R_ICMP_UNRELATED | 1ULL << WD_R_CT_INVALID | \
	 1ULL << WD_R_CT_FULL)

/*
 * Reasons that rest on state. Mode off does not judge by them, and audit lets
 * pass: state may be missing only because warder was not there before.
 */
static __always_inline bool reason_is_state(int r)
{
	return WD_IS_ONE_OF(r, WD_STATE_REASONS);
}

/* What becomes of a packet with a reason to drop it; may change the reason. */
static __always_inline __u32 verdict_of(const struct wd_pkt *pkt, int *r)
{
	if ((pkt->ep_flags & WD_EP_OFF) && reason_is_state(*r)) {
		*r = WD_R_MODE_OFF;
		return WD_ALLOW;
	}
	if (passes(pkt, *r))
		return WD_AUDIT;
	return (pkt->ep_flags & WD_EP_AUDIT) && reason_is_state(*r) ? WD_AUDIT :
								      WD_DROP;
}

/* Drop it, or let it be its own answer. */
static __always_inline int refuse(WD_CTX *skb, const struct wd_pkt *pkt, int r)
{
#if WD_ANSWERS
	if (is_answered(pkt, r))
		return answer(skb);
#else
	(void)skb;
	(void)pkt;
	(void)r;
#endif
	return WD_TC_SHOT;
}

/* Count, tell and carry out the decision, which has reason @nr. */
WD_STEP_OF(conclude, nr)
{
	__u32 verdict = WD_ALLOW;
	int r = (int)nr;

	if (r >= WD_R_FIRST_DROP)
		verdict = verdict_of(pkt, &r);
	count(pkt, r, verdict);
	if (verdict != WD_ALLOW ?
		    pkt->monitor & WD_MONITOR_DROP :
		    pkt->is_new && (pkt->monitor & WD_MONITOR_NEW))
		event_send(skb, (__u32)r, verdict);
	/* for BPF_PROG_TEST_RUN: nothing here reads it */
	((struct __sk_buff *)(void *)skb)->cb[0] = (__u32)r;
	if (verdict == WD_DROP)
		return refuse(skb, pkt, r);
	return pkt->late && pkt->dir == WD_EGRESS ? WD_TC_PASS : WD_TC_NEXT;
}

#endif /* WARDER_BPF_CONCLUDE_H */
