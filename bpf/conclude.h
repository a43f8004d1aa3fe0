/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conclude.h - the end of each decision: counted, told, carried out.
 *
 * Owns the counters, which are exact: each packet is counted once by reason
 * and, if its endpoint is known, once by endpoint; if a rule decided about it or
 * about its flow, once by that. The one place where a reason becomes a return
 * code.
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

/*
 * By the rule that decided, of this packet or of its flow. Not what was dropped
 * for something else after a rule had let it pass.
 */
static __always_inline void rule_add(__u32 id, int r, __u32 len, __u32 now,
				     __u32 flows)
{
	__u32 at = id & (WD_RULES_MAX - 1);
	struct wd_rulestat_val *rule;

	if (!at || (r >= WD_R_FIRST_DROP && !reason_is_policy(r)))
		return;
	rule = bpf_map_lookup_elem(&wd_rulestat, &at);
	if (!rule)
		return;
	rule->packets++;
	rule->bytes += len;
	if (WD_UNLIKELY(flows))
		rule->flows += flows;
	rule->last = now;
}

#if WD_IS_NF
/* verifier: looked at once, by itself, and not for each way that leads to it */
__noinline int rule_add_apart(__u32 id, int r, __u32 len, __u32 now,
			      __u32 flows)
{
	rule_add(id, r, len, now, flows);
	return 0;
}
#endif

static __always_inline void count_rule(const struct wd_pkt *pkt, int r)
{
#if WD_IS_NF
	(void)rule_add_apart(pkt->rule, r, pkt->len, pkt->now, pkt->is_new);
#else
	rule_add(pkt->rule, r, pkt->len, pkt->now, pkt->is_new);
#endif
}

static __always_inline void count(const struct wd_pkt *pkt, int r,
				  __u32 verdict)
{
	/* verifier: pkt is memory to it, so the bound is said again */
	__u32 dir = pkt->dir & 1;
	__u32 at = (__u32)r * 2 + dir;
	struct wd_stat_val *stat;
	struct wd_epstat_val *ep;

	if (WD_UNLIKELY(verdict == WD_AUDIT))
		at += WD_STAT_AUDIT;
	at &= WD_STATS_MAX - 1;
	stat = bpf_map_lookup_elem(&wd_stat, &at);
	if (stat)
		stat_add(stat, pkt->len);
	if (WD_IS_MINIMAL)
		return;
	count_rule(pkt, r);
	if (!pkt->has_ep)
		return;
	at = pkt->ep_stat & (WD_ENDPOINTS_MAX - 1);
	ep = bpf_map_lookup_elem(&wd_epstat, &at);
	if (!ep)
		return;
	if (WD_LIKELY(verdict == WD_ALLOW))
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

#if WD_ANSWERS
/* What is to be dropped: is its sender to be told? */
static __always_inline void plan_answer(WD_CTX *skb, const struct wd_pkt *pkt,
					int r)
{
	if (is_answered(pkt, r))
		(void)answer_plan(skb);
}

static __always_inline int refuse(WD_CTX *skb, const struct wd_pkt *pkt)
{
	return pkt->told ? answer(skb) : WD_TC_SHOT;
}
#else
static __always_inline void plan_answer(WD_CTX *skb, const struct wd_pkt *pkt,
					int r)
{
	(void)skb;
	(void)pkt;
	(void)r;
}

static __always_inline int refuse(WD_CTX *skb, const struct wd_pkt *pkt)
{
	(void)skb;
	(void)pkt;
	return WD_TC_SHOT;
}
#endif

/* Count, tell and carry out the decision, which has reason @nr. */
WD_STEP_OF(conclude, nr)
{
	__u32 verdict = WD_ALLOW;
	int r = (int)nr;

	if (WD_UNLIKELY(r >= WD_R_FIRST_DROP))
		verdict = verdict_of(pkt, &r);
	count(pkt, r, verdict);
	if (WD_UNLIKELY(verdict == WD_DROP))
		plan_answer(skb, pkt, r);
	if (WD_UNLIKELY(verdict != WD_ALLOW ?
				pkt->monitor & WD_MONITOR_DROP :
				pkt->is_new && (pkt->monitor & WD_MONITOR_NEW)))
		event_send(skb, (__u32)r, verdict);
	/* for BPF_PROG_TEST_RUN: nothing here reads it */
	((struct __sk_buff *)(void *)skb)->cb[0] = (__u32)r;
	if (WD_UNLIKELY(verdict == WD_DROP))
		return refuse(skb, pkt);
	return pkt->late && pkt->dir == WD_EGRESS ? WD_TC_PASS : WD_TC_NEXT;
}

#endif /* WARDER_BPF_CONCLUDE_H */
