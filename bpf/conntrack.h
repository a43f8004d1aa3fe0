/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conntrack.h - flows: what was allowed once need not be judged again.
 *
 * Owns the flow tables. A flow belongs to one endpoint instance; its other leg,
 * if the peer is local, is another flow. Two tables, so that a flood of
 * unanswered packets evicts no flow that works: wd_new until it is replied to,
 * then wd_ct. What makes and keeps a flow:
 *
 *   packet                      no flow             flow, fresh     flow, stale
 *   TCP SYN                     judge, make         judge, make *   judge, make
 *   other TCP                   judge, no state     pass            judge **
 *   ICMP echo reply             CT_INVALID          pass            judge **
 *   anything else               judge, make         pass            judge **
 *
 *   *  a repeated SYN of a flow without a reply passes; after a refusal it
 *      begins a new one
 *   ** in the direction the flow was opened in; denied: the flow stays, to be
 *      judged at every packet until it expires. Forgotten, the other side's
 *      next packet would be judged as that side's own and might pass
 *
 * Only a packet that policy judged makes a flow, in the direction it was judged
 * in; a reply never does. Nothing here reads the packet.
 */
#ifndef WARDER_BPF_CONNTRACK_H
#define WARDER_BPF_CONNTRACK_H

#include "policy.h"

#define WD_KEY_SAME(field) \
	_Static_assert(offsetof(struct wd_ct6_key, peer[3]) + \
				       offsetof(struct wd_ct4_key, field) == \
			       offsetof(struct wd_ct6_key, field), \
		       "the tail of a v6 flow key is a v4 flow key")
WD_KEY_SAME(ep);
WD_KEY_SAME(lport);
WD_KEY_SAME(pport);
WD_KEY_SAME(proto);
WD_KEY_SAME(laddr);
WD_KEY_SAME(sub);
WD_KEY_SAME(pad);

/* ---- tables, by family ---- */

static __always_inline const void *ct_key4(const struct wd_pkt *pkt)
{
	return &pkt->key.peer[3];
}

static __always_inline bool ct_is_live(const struct wd_pkt *pkt,
				       const struct wd_ct_val *ct)
{
	return ct && ct->expires > pkt->now;
}

static __always_inline struct wd_ct_val *ct_find(const struct wd_pkt *pkt)
{
	struct wd_ct_val *ct;

	if (pkt->family == 4)
		ct = bpf_map_lookup_elem(&wd_ct4, ct_key4(pkt));
	else
		ct = bpf_map_lookup_elem(&wd_ct6, &pkt->key);
	return ct_is_live(pkt, ct) ? ct : NULL;
}

static __always_inline struct wd_ct_val *new_find(const struct wd_pkt *pkt)
{
	struct wd_ct_val *ct;

	if (pkt->family == 4)
		ct = bpf_map_lookup_elem(&wd_new4, ct_key4(pkt));
	else
		ct = bpf_map_lookup_elem(&wd_new6, &pkt->key);
	return ct_is_live(pkt, ct) ? ct : NULL;
}

static __always_inline long ct_insert(const struct wd_pkt *pkt,
				      const struct wd_ct_val *val)
{
	if (pkt->family == 4)
		return bpf_map_update_elem(&wd_ct4, ct_key4(pkt), val, BPF_ANY);
	return bpf_map_update_elem(&wd_ct6, &pkt->key, val, BPF_ANY);
}

static __always_inline long new_insert(const struct wd_pkt *pkt,
				       const struct wd_ct_val *val)
{
	if (pkt->family == 4)
		return bpf_map_update_elem(&wd_new4, ct_key4(pkt), val,
					   BPF_ANY);
	return bpf_map_update_elem(&wd_new6, &pkt->key, val, BPF_ANY);
}

/* Deleting what another CPU or the LRU deleted first is no failure. */
static __always_inline void ct_delete(const struct wd_pkt *pkt)
{
	if (pkt->family == 4)
		(void)bpf_map_delete_elem(&wd_ct4, ct_key4(pkt));
	else
		(void)bpf_map_delete_elem(&wd_ct6, &pkt->key);
}

static __always_inline void new_delete(const struct wd_pkt *pkt)
{
	if (pkt->family == 4)
		(void)bpf_map_delete_elem(&wd_new4, ct_key4(pkt));
	else
		(void)bpf_map_delete_elem(&wd_new6, &pkt->key);
}

/* ---- the endpoint's share of unreplied flows ---- */

#define WD_QUOTA_LEAK (WD_NEW_SHARE / WD_LIFE_NEW) /* flows per tick */

static __always_inline struct wd_quota_val *quota_of(const struct wd_pkt *pkt)
{
	__u32 at = pkt->ep_stat & (WD_ENDPOINTS_MAX - 1);

	return bpf_map_lookup_elem(&wd_quota, &at);
}

/*
 * Let go what has expired since the last time. CPUs may race and forget or
 * repeat some of each other's work; the floor at 0 keeps that from adding up.
 */
static __always_inline void quota_leak(struct wd_quota_val *quota, __u32 now)
{
	__s32 ticks = (__s32)(now - quota->tick);
	__s32 left = quota->open;

	/* negative: another CPU, or another clock's reading, is ahead */
	if (ticks <= 0)
		return;
	quota->tick = now;
	if (ticks >= WD_LIFE_NEW)
		left = 0;
	else
		left -= ticks * WD_QUOTA_LEAK;
	quota->open = left > 0 ? left : 0;
}

static __always_inline bool quota_take(const struct wd_pkt *pkt, bool is_host)
{
	struct wd_quota_val *quota = quota_of(pkt);

	if (!quota)
		return false;
	quota_leak(quota, pkt->now);
	/* allow: a flood of the pod must not fail the kubelet's probes */
	if (quota->open >= WD_NEW_SHARE && !is_host)
		return false;
	__sync_fetch_and_add(&quota->open, 1);
	return true;
}

static __always_inline void quota_release(const struct wd_pkt *pkt)
{
	struct wd_quota_val *quota = quota_of(pkt);

	if (quota)
		__sync_fetch_and_add(&quota->open, -1);
}

/*
 * Does an entry of wd_new still count? A refused one no longer does. A TCP
 * handshake half way through counts against who began it, and not against an
 * endpoint that answered: else a flood from outside would shut it up.
 */
static __always_inline bool quota_is_held(const struct wd_ct_val *ct)
{
	if (ct->flags & WD_CT_RST)
		return false;
	return !(ct->flags & WD_CT_SYNACK) || ct->dir == WD_EGRESS;
}

/* ---- life of an entry ---- */

#define WD_CT_FINS (WD_CT_FIN_ORIG | WD_CT_FIN_REPLY)

static __always_inline __u32 ct_life(const struct wd_pkt *pkt, __u8 flags)
{
	if (pkt->proto == WD_IP_TCP)
		return (flags & WD_CT_RST) ||
				       (flags & WD_CT_FINS) == WD_CT_FINS ?
			       WD_LIFE_TCP_CLOSE :
			       WD_LIFE_TCP;
	if (pkt->proto == WD_IP_UDP)
		return WD_LIFE_UDP;
	return proto_is_icmp(pkt) ? WD_LIFE_ICMP : WD_LIFE_OTHER;
}

/* Written at most once a tick, so that busy flows do not fight for the line. */
static __always_inline void ct_refresh(const struct wd_pkt *pkt,
				       struct wd_ct_val *ct)
{
	__u32 expires = pkt->now + ct_life(pkt, ct->flags);

	if (ct->expires != expires)
		ct->expires = expires;
}

/* The flags of an entry after this packet. */
static __always_inline __u8 ct_flags(const struct wd_pkt *pkt,
				     const struct wd_ct_val *ct)
{
	__u8 flags = ct->flags;

	if (pkt->tcp & WD_TCP_FIN)
		flags |= ct->dir == pkt->dir ? WD_CT_FIN_ORIG : WD_CT_FIN_REPLY;
	if (pkt->tcp & WD_TCP_RST)
		flags |= WD_CT_RST;
	return flags;
}

/*
 * The generation to write into an entry. 0 is never in force, so that flows
 * which pass only because of the endpoint's mode are judged at every packet: a
 * mode ends at once, and audit counts each packet it would drop.
 */
static __always_inline __u32 ct_gen(const struct wd_pkt *pkt, int r)
{
	return r == WD_R_MODE_OFF || r >= WD_R_FIRST_DROP ? 0 : pkt->gen;
}

static __always_inline bool tcp_is_syn(const struct wd_pkt *pkt)
{
	return (pkt->tcp & (WD_TCP_SYN | WD_TCP_ACK)) == WD_TCP_SYN;
}

/* Move an entry from wd_new to wd_ct. If that fails it stays where it is. */
static __always_inline void ct_promote(const struct wd_pkt *pkt,
				       const struct wd_ct_val *ct)
{
	struct wd_ct_val val = *ct;
	bool held = quota_is_held(ct);

	val.flags = ct_flags(pkt, ct) & (__u8)~WD_CT_SYNACK;
	val.expires = pkt->now + ct_life(pkt, val.flags);
	if (ct_insert(pkt, &val))
		return;
	new_delete(pkt);
	if (held)
		quota_release(pkt);
}

/* Forget a flow, wherever it is. */
static __always_inline void ct_forget(const struct wd_pkt *pkt,
				      const struct wd_ct_val *ct, bool in_new)
{
	if (!in_new) {
		ct_delete(pkt);
		return;
	}
	if (quota_is_held(ct))
		quota_release(pkt);
	new_delete(pkt);
}

/* Make a flow for a packet that passed with reason @r. */
static __always_inline int ct_make(struct wd_pkt *pkt, int r)
{
	bool is_host = r == WD_R_HOST;
	struct wd_ct_val val = {
		.gen = ct_gen(pkt, r),
		.expires = pkt->now + WD_LIFE_NEW,
		.rule = pkt->rule,
		.dir = pkt->dir,
		.flags = is_host ? WD_CT_HOST : 0,
		.reason = (__u8)r,
	};

	if (!quota_take(pkt, is_host))
		return WD_R_CT_FULL;
	if (new_insert(pkt, &val)) {
		/* deny: without the entry its replies could not pass */
		quota_release(pkt);
		return WD_R_MAP_ERR;
	}
	pkt->is_new = 1;
	return r;
}

/* ---- judging ---- */

/* A packet on its own, in its own direction. */
static __always_inline int judge_packet(struct __sk_buff *skb,
					struct wd_pkt *pkt)
{
	int r;

	if (pkt->dir == WD_INGRESS) {
		r = provenance(skb, pkt);
		if (r >= WD_R_FIRST_DROP)
			return r;
		if (r == WD_R_HOST && !(pkt->switches & WD_STATE_HOST_POLICY)) {
			pkt->peer_id = WD_ID_HOST;
			pkt->has_peer = 1;
			return r;
		}
	}
	return policy_of(pkt, pkt->dir & 1);
}

/* A flow, in the direction it was opened in. */
static __always_inline int judge_flow(struct __sk_buff *skb,
				      const struct wd_pkt *pkt,
				      const struct wd_ct_val *ct)
{
	if ((ct->flags & WD_CT_HOST) && !(pkt->switches & WD_STATE_HOST_POLICY))
		return WD_R_HOST;
	return judge(skb, ct->dir);
}

/* A stale flow. Return: ESTABLISHED, or what else decides about the packet. */
static __always_inline int ct_rejudge(struct __sk_buff *skb, struct wd_pkt *pkt,
				      struct wd_ct_val *ct)
{
	int r;

	if (pkt->dir == WD_INGRESS) {
		r = check_provenance(skb);
		if (r >= WD_R_FIRST_DROP)
			return r; /* says nothing about the flow */
	}
	r = judge_flow(skb, pkt, ct);
	if (!passes(pkt, r)) {
		ct->gen = 0; /* deny: never in force; its life is not renewed */
		return r;
	}
	ct->gen = ct_gen(pkt, r);
	ct->rule = pkt->rule;
	ct->reason = (__u8)r;
	return ct->gen ? WD_R_ESTABLISHED : r;
}

/*
 * A packet that opens a flow: only policy decides, and state starts over.
 * @ct: what is there of an older flow, or NULL
 */
static __always_inline int flow_open(struct __sk_buff *skb, struct wd_pkt *pkt,
				     const struct wd_ct_val *ct, bool in_new)
{
	int r;

	if (pkt->is_answer)
		return WD_R_CT_INVALID;
	r = judge_packet(skb, pkt);
	if (!passes(pkt, r))
		return r;
	/*
	 * allow: the middle of a connection nobody told us of may go where
	 * policy lets it go. It makes no flow, so that the other direction
	 * cannot be opened by a packet that may be an answer or forged.
	 */
	if (pkt->proto == WD_IP_TCP && !tcp_is_syn(pkt))
		return r;
	if (ct)
		ct_forget(pkt, ct, in_new);
	return ct_make(pkt, r);
}

/*
 * A packet of a flow in wd_new. TCP leaves it when the handshake is complete,
 * that is by the packet after the SYN+ACK: so a SYN flood against an open port
 * does not reach wd_ct. A refused one stays here for its short rest.
 */
static __always_inline void flow_unreplied(struct wd_pkt *pkt,
					   struct wd_ct_val *ct)
{
	bool is_reply = ct->dir != pkt->dir;

	if (pkt->tcp & WD_TCP_RST) {
		if (is_reply && quota_is_held(ct))
			quota_release(pkt);
		if (is_reply)
			ct->flags |= WD_CT_RST;
		ct->expires = pkt->now + WD_LIFE_TCP_CLOSE;
		return;
	}
	if (is_reply && (pkt->tcp & WD_TCP_SYN)) {
		if (ct->flags & WD_CT_SYNACK)
			return;
		if (ct->dir == WD_INGRESS && quota_is_held(ct))
			quota_release(pkt);
		ct->flags |= WD_CT_SYNACK;
		ct->expires = pkt->now + WD_LIFE_NEW;
		return;
	}
	if (is_reply || (ct->flags & WD_CT_SYNACK))
		ct_promote(pkt, ct);
}

/* Does the packet only repeat the SYN that opened a flow nobody answered yet? */
static __always_inline bool is_repeat(const struct wd_pkt *pkt,
				      const struct wd_ct_val *ct, bool in_new)
{
	return in_new && ct->gen == pkt->gen && ct->dir == pkt->dir &&
	       !(ct->flags & WD_CT_RST);
}

/*
 * Everything but a packet in the middle of a fresh, replied flow.
 * @in_ct: the flow is in wd_ct; else it is not
 */
__noinline int flow_slow(struct __sk_buff *skb, __u32 in_ct)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_ct_val *ct;
	bool in_new;
	int r = WD_R_ESTABLISHED;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (has_martian(pkt))
		return WD_R_L3_BAD;
	ct = in_ct ? ct_find(pkt) : NULL;
	in_new = !ct;
	if (!ct)
		ct = new_find(pkt);
	if (ct && tcp_is_syn(pkt) && is_repeat(pkt, ct, in_new))
		return r;
	if (!ct || tcp_is_syn(pkt))
		return flow_open(skb, pkt, ct, in_new);
	if (ct->gen != pkt->gen) {
		r = ct_rejudge(skb, pkt, ct);
		if (!passes(pkt, r))
			return r;
	}
	if (in_new) {
		flow_unreplied(pkt, ct);
		return r;
	}
	ct->flags = ct_flags(pkt, ct);
	ct_refresh(pkt, ct);
	return r;
}

/* The flow a packet belongs to, or what policy says if there is none. */
static __always_inline int judge_flow_of(struct __sk_buff *skb,
					 struct wd_pkt *pkt)
{
	struct wd_ct_val *ct = ct_find(pkt);

	if (!ct)
		return flow_slow(skb, 0);
	if (ct->gen != pkt->gen ||
	    (pkt->tcp & (WD_TCP_FIN | WD_TCP_SYN | WD_TCP_RST)))
		return flow_slow(skb, 1);
	ct_refresh(pkt, ct);
	return WD_R_ESTABLISHED;
}

#endif /* WARDER_BPF_CONNTRACK_H */
