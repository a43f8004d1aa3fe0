/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - what is counted and told of each decision.
 *
 * Owns the counters and the ring buffer; the one place where a reason becomes a
 * return code. Each packet is counted once by reason and, if its endpoint is
 * known, once by endpoint. Events are for people and may be limited or lost,
 * which is counted too; counters are exact.
 */
#ifndef WARDER_BPF_EVENT_H
#define WARDER_BPF_EVENT_H

#include "fragment.h"

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
	if (!pkt->has_ep)
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

/* May this CPU send one more event in this tick? */
static __always_inline bool event_is_due(const struct wd_pkt *pkt,
					 struct wd_evstat_val *stat)
{
	if (stat->tick != pkt->now) {
		stat->tick = pkt->now;
		stat->in_tick = 0;
	}
	if (stat->in_tick >= WD_EVENTS_BURST) {
		stat->limited++;
		return false;
	}
	stat->in_tick++;
	return true;
}

/*
 * Who the peer is, also if the decision did not get as far as asking. What is
 * no IP packet, or has no address that could be read, has no peer.
 */
static __always_inline void event_peer(struct wd_pkt *pkt)
{
	if (!pkt->key.ep || !pkt->family)
		return;
	if (is_zero6(pkt->key.peer))
		set_key_peer(pkt);
	if (!is_zero6(pkt->key.peer))
		find_peer(pkt);
}

static __always_inline void event_fill(const struct wd_pkt *pkt,
				       struct wd_event *event)
{
	copy_addr6(event->src, (const void *)pkt->src);
	copy_addr6(event->dst, (const void *)pkt->dst);
	event->time_ns = bpf_ktime_get_ns();
	event->peer_id = pkt->peer_id;
	event->sport = pkt->sport;
	event->dport = pkt->dport;
	event->rule = pkt->rule;
	event->gen = pkt->gen;
	event->len = pkt->len;
	event->proto_eth = pkt->eth;
	event->proto = pkt->proto;
	event->family = pkt->family;
	event->dir = pkt->dir;
	event->rung = pkt->rung;
}

__noinline int event_send(struct __sk_buff *skb, __u32 r, __u32 verdict)
{
	const struct wd_endpoint_val *ep = this_endpoint(skb);
	struct wd_pkt *pkt = this_packet();
	struct wd_evstat_val *stat;
	struct wd_event *event;
	__u32 zero = 0;

	if (!pkt)
		return 0;
	stat = bpf_map_lookup_elem(&wd_evstat, &zero);
	if (!stat || !event_is_due(pkt, stat))
		return 0;
	event_peer(pkt);
	event = bpf_ringbuf_reserve(&wd_events, sizeof(*event), 0);
	if (!event) {
		stat->lost++;
		return 0;
	}
	event_fill(pkt, event);
	event->ifindex = skb->ifindex;
	event->ep = ep ? ep->id : 0;
	event->local_id = ep ? ep->identity : 0;
	event->reason = (__u8)r;
	event->verdict = (__u8)verdict;
	/* The agent polls: a wakeup per event would cost 100 times the rest. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	stat->sent++;
	return 0;
}

/*
 * Reasons that rest on state. Mode off does not judge by them, and audit lets
 * pass: state may be missing only because warder was not there before.
 */
static __always_inline bool reason_is_state(int r)
{
	return r == WD_R_FRAG_ORPHAN || r == WD_R_FRAG_FULL ||
	       r == WD_R_ICMP_UNRELATED || r == WD_R_CT_INVALID ||
	       r == WD_R_CT_FULL;
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

/* Count, tell and carry out the decision. */
static __always_inline int conclude(struct __sk_buff *skb, struct wd_pkt *pkt,
				    int r)
{
	__u32 verdict = WD_ALLOW;

	if (pkt->frag == WD_FRAG_FIRST && pkt->key.ep)
		r = frag_note(skb, r);
	if (r >= WD_R_FIRST_DROP)
		verdict = verdict_of(pkt, &r);
	count(pkt, r, verdict);
	if (verdict != WD_ALLOW ?
		    pkt->monitor & WD_MONITOR_DROP :
		    pkt->is_new && (pkt->monitor & WD_MONITOR_NEW))
		event_send(skb, (__u32)r, verdict);
	/* for BPF_PROG_TEST_RUN: nothing here reads it */
	skb->cb[0] = (__u32)r;
	return verdict == WD_DROP ? WD_TC_SHOT : WD_TC_NEXT;
}

#endif /* WARDER_BPF_EVENT_H */
