/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - what is told of a decision to who watches.
 *
 * Owns the ring buffer. Events are for people and may be limited or lost, which
 * is counted; an object whose loader sets wd_with_events to 0 tells nothing, and
 * loads without wd_events and wd_evstat.
 */
#ifndef WARDER_BPF_EVENT_H
#define WARDER_BPF_EVENT_H

#include "identity.h"

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
	event->rung = pkt->rung | (pkt->told ? WD_EVENT_TOLD : 0);
}

/* Tell of a packet at the device @ifindex, whose endpoint, if any, is @ep. */
static __always_inline void event_put(struct wd_pkt *pkt,
				      const struct wd_endpoint_val *ep,
				      __u32 ifindex, __u32 r, __u32 verdict)
{
	struct wd_evstat_val *stat;
	struct wd_event *event;
	__u32 zero = 0;

	stat = bpf_map_lookup_elem(&wd_evstat, &zero);
	if (!stat || !event_is_due(pkt, stat))
		return;
	event_peer(pkt);
	event = bpf_ringbuf_reserve(&wd_events, sizeof(*event), 0);
	if (!event) {
		stat->lost++;
		return;
	}
	event_fill(pkt, event);
	event->ifindex = ifindex;
	event->ep = ep ? ep->id : 0;
	event->local_id = ep ? ep->identity : 0;
	event->reason = (__u8)r;
	event->verdict = (__u8)verdict;
	/* The agent polls: a wakeup per event would cost 100 times the rest. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	stat->sent++;
}

__noinline int event_send(WD_CTX *skb, __u32 r, __u32 verdict)
{
	struct wd_pkt *pkt = this_packet();

	if (wd_with_events && pkt)
		event_put(pkt, this_endpoint(skb), WD_SKB(skb)->ifindex, r,
			  verdict);
	return 0;
}

#endif /* WARDER_BPF_EVENT_H */
