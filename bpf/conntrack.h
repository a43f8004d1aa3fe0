/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conntrack.h - flows: what was allowed once need not be judged again.
 *
 * Owns the states of a flow (where flows are kept: flow.h, TCP's numbers:
 * tcp.h). A flow belongs to one endpoint instance; its other leg, if the peer
 * is local, is another flow. It is unreplied until it is answered, for TCP
 * until the handshake is complete. What makes and keeps it:
 *
 *   packet                 no flow          flow, fresh       flow, stale
 *   TCP SYN                judge, make      see below         see below
 *   other TCP              judge, no state  pass if it fits   judge * if it fits
 *   ICMP echo reply        CT_INVALID       pass              judge *
 *   anything else          judge, make      pass              judge *
 *
 *   *  in the direction the flow was opened in; denied: the flow stays, to be
 *      judged at every packet until it expires. Forgotten, the other side's
 *      next packet would be judged as that side's own and might pass
 *
 * A SYN to a flow that is there:
 *   unreplied, fresh       passes: it repeats the first one, or crosses it
 *                          (simultaneous open)
 *   replied, not closing   judge. Passes, but changes nothing until an answer
 *                          says that the end took it for a new connection: who
 *                          is blind may send a SYN, but not its answer
 *   else                   judge, make anew
 *
 * Only a packet that policy judged makes a flow, in the direction it was judged
 * in; a reply never does. Nothing here reads the packet.
 */
#ifndef WARDER_BPF_CONNTRACK_H
#define WARDER_BPF_CONNTRACK_H

#include "handshake.h"
#include "policy.h"
#include "tcp.h"

/* The packet passes by its flow: it counts for the rule that let that in. */
static __always_inline void count_by(struct wd_pkt *pkt,
				     const struct wd_flow_entry *flow)
{
	if (!WD_IS_MINIMAL)
		pkt->rule = flow->rule;
}

/* ---- life of a flow ---- */

#define WD_FLOW_FINS (WD_FLOW_FIN_IN | WD_FLOW_FIN_OUT)

static __always_inline bool flow_is_closing(const struct wd_flow_entry *flow)
{
	return (flow->flags & WD_FLOW_RST) ||
	       (flow->flags & WD_FLOW_FINS) == WD_FLOW_FINS;
}

/*
 * Is more said than a question and its answer? Two ticks after it began, as the
 * kernel's conntrack has it (nf_conntrack_proto_udp.c: 2 s). A resolver's flows
 * are most of a node's and last for milliseconds.
 */
static __always_inline bool flow_is_stream(const struct wd_pkt *pkt,
					   const struct wd_flow_entry *flow)
{
	return (__u16)(pkt->now - flow->made) >= 2;
}

static __always_inline __u32 flow_life(const struct wd_pkt *pkt,
				       const struct wd_flow_entry *flow)
{
	if (pkt->proto == WD_IP_TCP)
		return flow_is_closing(flow) ? WD_LIFE_TCP_CLOSE : WD_LIFE_TCP;
	if (pkt->proto == WD_IP_UDP)
		return flow_is_stream(pkt, flow) ? WD_LIFE_UDP : WD_LIFE_NEW;
	return proto_is_icmp(pkt) ? WD_LIFE_ICMP : WD_LIFE_OTHER;
}

/* Written at most once a tick, so that busy flows do not fight for the line. */
static __always_inline void refresh_spot(const struct wd_pkt *pkt,
					 const struct wd_spot *spot)
{
	__u32 expires = pkt->now + flow_life(pkt, spot_flow(spot));
	__u32 was = *(volatile __u32 *)spot_expires(spot);

	if (WD_UNLIKELY(was != expires))
		(void)spot_renew(pkt, spot, was, expires);
}

WD_STEP(refresh_here)
{
	struct wd_spot spot = spot_here(pkt);

	(void)skb;
	if (spot.bucket)
		refresh_spot(pkt, &spot);
	return 0;
}

/* The packet's flow, which is at pkt->place, lives on. */
static __always_inline void flow_refresh(WD_CTX *skb, struct wd_pkt *pkt,
					 const struct wd_spot *spot)
{
	if (WD_IS_MINIMAL)
		(void)refresh_here(skb, pkt);
	else
		refresh_spot(pkt, spot);
}

/*
 * The generation to write into an entry. 0 is never in force, so that flows
 * which pass only because of the endpoint's mode are judged at every packet: a
 * mode ends at once, and audit counts each packet it would drop. So are those
 * that somebody judges later: they end with him. What a try of the host allows
 * ends with its time, which no generation tells.
 */
static __always_inline __u32 flow_gen(const struct wd_pkt *pkt, int r)
{
#if WD_IS_HOST
	if (pkt->is_try)
		return 0;
#endif
	return r == WD_R_MODE_OFF || r == WD_R_SERVICE_LATE ||
			       r >= WD_R_FIRST_DROP ?
		       0 :
		       pkt->gen;
}

/*
 * Make a flow for a packet that passed with reason @nr. Shares are of what the
 * pod opens: what others open it cannot help, so that has no share, and yields
 * when places run out. A flood from outside neither shuts the endpoint up nor
 * stops what it opens itself, and one of the pod fails no probe of the kubelet.
 */
WD_STEP_OF(flow_make, nr)
{
	int r = (int)nr;
	struct wd_quota_val *quota = quota_of(skb, pkt);
	struct wd_draft draft = {
		.gen = flow_gen(pkt, r),
		.expires = pkt->now + WD_LIFE_NEW,
		.flags = r == WD_R_HOST ? WD_FLOW_HOST : 0,
		.dir = pkt->dir,
		.reason = (__u8)r,
	};

	if (!quota)
		return WD_R_MAP_ERR;
	if (WD_TIMES)
		pkt->began = handshake_asked(pkt);
	(void)flow_sweep(skb);
	if (pkt->dir == WD_EGRESS) {
		draft.flags |= WD_FLOW_OPEN | WD_FLOW_OUT;
		if (quota->out > WD_FLOW_SHARE / 4) {
			(void)flow_sweep(skb);
			(void)flow_sweep(skb);
			(void)flow_sweep(skb);
		}
		if (!WD_IS_HOST && (quota->open >= WD_OPEN_SHARE ||
				    quota->out >= WD_FLOW_SHARE))
			return WD_R_CT_FULL;
	}
	/* allow: the host is not shut up because pods have filled the table */
	if (!flow_insert(skb, pkt, &draft))
		return WD_IS_HOST ? r : WD_R_CT_FULL;
	pkt->is_new = 1;
	return r;
}

/* ---- judging ---- */

/* The host to a pod of its own: what its probes are told is the pod's to say. */
static __always_inline bool is_to_own_pod(const struct wd_pkt *pkt, __u8 dir)
{
	const struct wd_addr_val *val;

	if (!WD_IS_HOST || dir != WD_EGRESS)
		return false;
	val = addr_of(pkt);
	return val && (val->flags & WD_ADDR_LOCAL);
}

/* A packet on its own, in its own direction. */
static __always_inline int judge_packet(WD_CTX *skb, struct wd_pkt *pkt)
{
	int r;

	if (pkt->dir == WD_INGRESS) {
		r = WD_COPIES ? provenance(skb, pkt) : check_provenance(skb);
		if (r >= WD_R_FIRST_DROP)
			return r;
		if (r == WD_R_HOST && !(pkt->switches & WD_STATE_HOST_POLICY)) {
			pkt->peer_id = WD_ID_HOST;
			pkt->has_peer = 1;
			return r;
		}
	}
	if (is_to_own_pod(pkt, pkt->dir))
		return WD_R_HOST;
	return WD_COPIES ? policy_of(skb, pkt, pkt->dir & 1, true) :
			   judge(skb, pkt->dir & 1);
}

/* A flow that was, or is to be, opened in direction @dir. */
static __always_inline int judge_flow(WD_CTX *skb, const struct wd_pkt *pkt,
				      bool is_host, __u8 dir)
{
	if (!WD_IS_HOST && is_host && !(pkt->switches & WD_STATE_HOST_POLICY))
		return WD_R_HOST;
	/* of the host: as long as it is one, the address may be another's now */
	if (is_to_own_pod(pkt, dir))
		return WD_R_HOST;
	return judge(skb, dir);
}

/*
 * An answer of a backend on this node: the host gave it the service's address,
 * and the backend's own hook saw its real one.
 */
static __always_inline bool is_service_answer(WD_CTX *skb,
					      const struct wd_pkt *pkt,
					      const struct wd_flow_entry *flow)
{
	return flow->dir == WD_EGRESS && (pkt->switches & WD_STATE_FRONTS) &&
	       peer_is_service(skb);
}

/* A stale flow. Return: ESTABLISHED, or what else decides about the packet. */
static __always_inline int flow_rejudge(WD_CTX *skb, struct wd_pkt *pkt,
					struct wd_flow_entry *flow)
{
	int r;

	if (pkt->dir == WD_INGRESS) {
		r = check_provenance(skb);
		if (r == WD_R_SPOOF_IP && is_service_answer(skb, pkt, flow))
			r = WD_GO_ON;
		if (r >= WD_R_FIRST_DROP)
			return r; /* says nothing about the flow */
	}
	r = judge_flow(skb, pkt, flow->flags & WD_FLOW_HOST, flow->dir);
	if (!passes(pkt, r)) {
		flow->gen =
			0; /* deny: never in force; its life is not renewed */
		return r;
	}
	flow->gen = flow_gen(pkt, r);
	flow->rule = pkt->rule;
	flow->reason = (__u8)r;
	return flow->gen ? WD_R_ESTABLISHED : r;
}

/*
 * Take out the flow at pkt->place, an older one, if there is one; also if
 * another CPU gives it another life meanwhile.
 */
WD_STEP(forget)
{
	struct wd_spot spot = spot_here(pkt);
	__u32 was;
	int i;

	(void)skb;
	if (!spot.bucket)
		return 0;
	for (i = 0; i < 3; i++) {
		was = *(volatile __u32 *)spot_expires(&spot);
		if (!was || spot_clear(&spot, pkt->place / WD_FLOW_WAYS, was))
			break;
	}
	return 0;
}

/*
 * A packet that opens a flow: only policy decides, and state starts over. What
 * pkt->place may have is an older one.
 */
__noinline int flow_open(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	int r;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (has_martian(skb, pkt))
		return WD_R_L3_BAD;
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
	(void)forget(skb, pkt);
	return flow_make(skb, pkt, (__u32)r);
}

/* ---- TCP ---- */

/* A SYN to a connection that is up, see above. */
static __always_inline int flow_again(WD_CTX *skb, struct wd_pkt *pkt,
				      struct wd_flow_entry *flow)
{
	int r = judge_packet(skb, pkt);

	if (!passes(pkt, r))
		return r;
	flow->flags &= (__u16) ~(WD_FLOW_AGAIN_OUT | WD_FLOW_AGAIN_HOST);
	flow->flags |= WD_FLOW_AGAIN;
	if (pkt->dir == WD_EGRESS)
		flow->flags |= WD_FLOW_AGAIN_OUT;
	if (r == WD_R_HOST)
		flow->flags |= WD_FLOW_AGAIN_HOST;
	flow->again = pkt->seq + 1;
	return r;
}

/* A SYN to an unreplied flow that is fresh. */
static __always_inline int flow_repeat(struct wd_pkt *pkt,
				       struct wd_flow_entry *flow)
{
	if (flow->dir != pkt->dir)
		flow->flags |= WD_FLOW_SYN_BACK;
	/* The peer's number is the pod's to tell, in its answer. */
	if (pkt->dir == WD_EGRESS)
		tcp_asked(pkt, flow);
	count_by(pkt, flow);
	return WD_R_ESTABLISHED;
}

/* Is this the answer to a SYN that wants the connection anew? */
static __always_inline bool answers_again(const struct wd_pkt *pkt,
					  const struct wd_flow_entry *flow)
{
	__u8 dir = flow->flags & WD_FLOW_AGAIN_OUT ? WD_EGRESS : WD_INGRESS;

	return (flow->flags & WD_FLOW_AGAIN) && tcp_is_synack(pkt) &&
	       pkt->dir != dir &&
	       acks_syn(pkt, flow->again, flow->again + WD_TCP_EARLY);
}

/* The flow begins again, in the direction of that SYN. */
static __always_inline int flow_restart(WD_CTX *skb, struct wd_pkt *pkt,
					const struct wd_spot *spot)
{
	struct wd_flow_entry *flow = spot_flow(spot);
	bool is_host = flow->flags & WD_FLOW_AGAIN_HOST;
	__u8 dir = dir_reverse(pkt->dir) & 1;
	int r = judge_flow(skb, pkt, is_host, dir);

	if (!passes(pkt, r))
		return r;
	quota_close(skb, pkt, spot);
	flow->dir = dir;
	flow->gen = flow_gen(pkt, r);
	flow->rule = pkt->rule;
	flow->reason = (__u8)r;
	flow->flags &= WD_FLOW_OUT;
	if (is_host)
		flow->flags |= WD_FLOW_HOST;
	flow->end[dir] = flow->again;
	tcp_answered(pkt, flow);
	flow->again = 0; /* when that SYN came is not known */
	handshake_answered(skb, flow);
	spot_set_expires(skb, pkt, spot, pkt->now + WD_LIFE_NEW);
	return flow->gen ? WD_R_ESTABLISHED : r;
}

static __always_inline void tcp_reset(WD_CTX *skb, struct wd_pkt *pkt,
				      const struct wd_spot *spot)
{
	struct wd_flow_entry *flow = spot_flow(spot);

	if (flow->dir != pkt->dir || (flow->flags & WD_FLOW_REPLIED)) {
		quota_close(skb, pkt, spot);
		flow->flags |= WD_FLOW_RST;
	}
	if (pkt->dir == WD_EGRESS)
		flow->flags &= (__u16)~WD_FLOW_RST_IN;
	else if (flow->flags & WD_FLOW_REPLIED)
		flow->flags |= WD_FLOW_RST_IN;
	spot_set_expires(skb, pkt, spot, pkt->now + WD_LIFE_TCP_CLOSE);
}

/* The effects of a segment that fits. */
static __always_inline void tcp_advance(WD_CTX *skb, struct wd_pkt *pkt,
					const struct wd_spot *spot)
{
	struct wd_flow_entry *flow = spot_flow(spot);
	bool is_answer = flow->dir != pkt->dir;

	if (pkt->tcp & WD_TCP_RST) {
		tcp_reset(skb, pkt, spot);
		return;
	}
	/* who has reset a connection sends no more in it: it was a forger */
	if (pkt->dir == WD_INGRESS && (flow->flags & WD_FLOW_RST_IN))
		flow->flags &= (__u16) ~(WD_FLOW_RST | WD_FLOW_RST_IN);
	if (pkt->tcp & WD_TCP_FIN)
		flow->flags |= pkt->dir == WD_EGRESS ? WD_FLOW_FIN_OUT :
						       WD_FLOW_FIN_IN;
	if (flow->flags & WD_FLOW_REPLIED) {
		flow_refresh(skb, pkt, spot);
		return;
	}
	if (is_answer && tcp_is_synack(pkt)) {
		tcp_answered(pkt, flow);
		handshake_answered(skb, flow);
		spot_set_expires(skb, pkt, spot, pkt->now + WD_LIFE_NEW);
	} else if ((flow->flags & WD_FLOW_SYNACK) && !tcp_is_synack(pkt)) {
		quota_close(skb, pkt, spot);
		handshake_done(skb, flow);
		flow->flags |= WD_FLOW_REPLIED;
		flow_refresh(skb, pkt, spot);
	}
}

/* ---- all packets of a flow ---- */

/* A SYN to a flow that is there. Return: WD_GO_ON if it opens one anew. */
static __always_inline int flow_syn(WD_CTX *skb, struct wd_pkt *pkt,
				    struct wd_flow_entry *flow)
{
	if (flow->flags & WD_FLOW_REPLIED)
		return flow_is_closing(flow) ? WD_GO_ON :
					       flow_again(skb, pkt, flow);
	if (flow->gen != pkt->gen || (flow->flags & WD_FLOW_RST))
		return WD_GO_ON;
	return flow_repeat(pkt, flow);
}

/* A packet that fits its flow; TCP apart, any of the other side is an answer. */
static __always_inline void flow_advance(WD_CTX *skb, struct wd_pkt *pkt,
					 const struct wd_spot *spot)
{
	struct wd_flow_entry *flow = spot_flow(spot);

	if (pkt->proto == WD_IP_TCP) {
		tcp_advance(skb, pkt, spot);
		return;
	}
	if (!(flow->flags & WD_FLOW_REPLIED)) {
		if (flow->dir == pkt->dir)
			return;
		quota_close(skb, pkt, spot);
		flow->flags |= WD_FLOW_REPLIED | WD_FLOW_SEQ;
	}
	flow_refresh(skb, pkt, spot);
}

/* What the segment is to its flow, which is at pkt->place. */
WD_STEP(fit_here)
{
	struct wd_spot spot = spot_here(pkt);

	(void)skb;
	return spot.bucket ? tcp_fit(pkt, spot_flow(&spot)) : WD_FIT_NOT;
}

/* A packet of a flow that is there, but not in the middle of a fresh, replied one. */
__noinline int flow_slow(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	enum wd_fit fit = WD_FIT_FULL;
	struct wd_spot spot;
	struct wd_flow_entry *flow;
	int r = WD_GO_ON;

	if (!pkt)
		return WD_R_MAP_ERR;
	/* deny: what a pod sent to a group is not answered by a group */
	if (has_martian(skb, pkt))
		return WD_R_L3_BAD;
	spot = spot_here(pkt);
	if (!spot.bucket)
		return WD_R_MAP_ERR; /* not reached: there is a flow */
	flow = spot_flow(&spot);
	if (pkt->proto == WD_IP_TCP && tcp_is_syn(pkt)) {
		r = flow_syn(skb, pkt, flow);
		return r == WD_GO_ON ? flow_open(skb) : r;
	}
	r = WD_R_ESTABLISHED;
	if (flow->gen != pkt->gen) {
		r = flow_rejudge(skb, pkt, flow);
		if (!passes(pkt, r))
			return r;
	}
	if (pkt->proto == WD_IP_TCP) {
		if (answers_again(pkt, flow))
			return flow_restart(skb, pkt, &spot);
		fit = WD_IS_MINIMAL ? fit_here(skb, pkt) : tcp_fit(pkt, flow);
	}
	if (fit == WD_FIT_NOT)
		return WD_R_CT_INVALID;
	if (fit == WD_FIT_FULL)
		flow_advance(skb, pkt, &spot);
	count_by(pkt, flow);
	return r;
}

#define WD_FLOW_FAST (WD_FLOW_REPLIED | WD_FLOW_SEQ)

/* May the packet go by the flow as it is, with no more than its numbers noted? */
static __always_inline bool flow_is_fast(const struct wd_pkt *pkt,
					 struct wd_flow_entry *flow)
{
	if (WD_UNLIKELY(flow->gen != pkt->gen ||
			(flow->flags & (WD_FLOW_FAST | WD_FLOW_RST)) !=
				WD_FLOW_FAST))
		return false;
	if (pkt->proto != WD_IP_TCP)
		return true;
	if (WD_UNLIKELY((pkt->tcp & (WD_TCP_FIN | WD_TCP_SYN | WD_TCP_RST)) ||
			pkt->frag == WD_FRAG_LATER))
		return false;
	if (pkt->dir == WD_INGRESS)
		return tcp_got_next(pkt, flow);
	tcp_sent(pkt, flow);
	return true;
}

/* The flow a packet belongs to, or what policy says if there is none. */
static __always_inline int judge_flow_of(WD_CTX *skb, struct wd_pkt *pkt)
{
	struct wd_spot spot = flow_find(skb, pkt);

	if (WD_UNLIKELY(!spot.bucket))
		return flow_open(skb);
	if (WD_UNLIKELY(!flow_is_fast(pkt, spot_flow(&spot))))
		return flow_slow(skb);
	count_by(pkt, spot_flow(&spot));
	flow_refresh(skb, pkt, &spot);
	return WD_R_ESTABLISHED;
}

#endif /* WARDER_BPF_CONNTRACK_H */
