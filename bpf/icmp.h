/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * icmp.h - ICMP errors pass when they quote a packet of a live flow.
 *
 * Reads the quoted packet and looks for its flow; makes no flow and keeps none
 * alive. The error must go to the sender of the quoted packet, and the quoted
 * packet must have crossed this endpoint's wire the other way. The source of
 * the error itself may be any router. Of TCP the quoted sequence number must be
 * in flight, as the pod's own stack requires too (RFC 5927, 4.1). A path of
 * less than every link has to carry is a lie, whatever is quoted.
 */
#ifndef WARDER_BPF_ICMP_H
#define WARDER_BPF_ICMP_H

#include "conntrack.h"

/* A packet as an ICMP error quotes it. */
struct wd_quote {
	__be32 src[4];
	__be32 dst[4];
	__u32 off; /* of its transport header, bytes from the frame's start */
	__u8 proto;
};

static __always_inline bool quote_parse4(struct __sk_buff *skb,
					 const struct wd_pkt *pkt, __u32 off,
					 struct wd_quote *quote)
{
	struct iphdr *ip = header(skb, off, sizeof(*ip));
	__u32 hlen;

	if (!ip || (*(__u8 *)ip >> 4) != 4 ||
	    (ip->frag_off & bpf_htons(0x1fff)))
		return false;
	hlen = (*(__u8 *)ip & 0xf) * 4U;
	if (hlen < sizeof(*ip))
		return false;
	quote->src[0] = ip->saddr;
	quote->dst[0] = ip->daddr;
	quote->proto = ip->protocol;
	quote->off = off + hlen;
	return quote->off + 8 <= pkt->end;
}

static __always_inline bool quote_parse6(struct __sk_buff *skb,
					 const struct wd_pkt *pkt, __u32 off,
					 struct wd_quote *quote)
{
	struct ipv6hdr *ip = header(skb, off, sizeof(*ip));
	struct frag_hdr *frag;

	if (!ip || (*(__u8 *)ip >> 4) != 6)
		return false;
	copy_addr6(quote->src, &ip->saddr);
	copy_addr6(quote->dst, &ip->daddr);
	quote->proto = ip->nexthdr;
	quote->off = off + sizeof(*ip);
	if (quote->proto == WD_IP_FRAGMENT) {
		frag = header(skb, quote->off & WD_OFF_MASK, sizeof(*frag));
		if (!frag || (frag->frag_off & bpf_htons(0xfff8)))
			return false;
		quote->proto = frag->nexthdr;
		quote->off += sizeof(*frag);
	}
	return quote->off + 8 <= pkt->end;
}

/* Set the flow key to the quoted packet's, which went the other way. */
static __always_inline bool quote_to_key(struct __sk_buff *skb,
					 struct wd_pkt *pkt, __u32 off)
{
	__u8 dir = dir_reverse(pkt->dir);
	struct icmphdr *icmp;
	struct udphdr *l4;

	pkt->key.proto = pkt->proto;
	if (proto_is_icmp(pkt)) {
		icmp = header(skb, off, sizeof(*icmp));
		if (!icmp || icmp_is_error(pkt->family, icmp->type))
			return false;
		set_icmp(pkt, dir, icmp->type, icmp->code, icmp->un.echo.id);
		return true;
	}
	l4 = header(skb, off, sizeof(*l4));
	if (!l4)
		return false;
	/* where TCP has its sequence number, UDP has length and checksum */
	pkt->seq = bpf_ntohl(((const __be32 *)l4)[1]);
	if (pkt->proto == WD_IP_TCP || pkt->proto == WD_IP_UDP ||
	    pkt->proto == WD_IP_SCTP)
		set_ports(pkt, dir, l4->source, l4->dest);
	else
		set_ports(pkt, dir, 0, 0);
	return true;
}

/*
 * Ends of the quoted packet: it was sent by whom the error goes to, and the
 * endpoint's end is the one this error has too.
 */
static __always_inline bool quote_ends_fit(struct wd_pkt *pkt,
					   const struct wd_quote *quote)
{
	bool sent_here = pkt->dir == WD_INGRESS;
	const __be32 *peer = sent_here ? quote->dst : quote->src;

	if (pkt->key.laddr == WD_LADDR_OTHER ||
	    !is_equal6(pkt->dst, quote->src))
		return false;
	if (!sent_here && !is_equal6(pkt->src, quote->dst))
		return false;
	if (pkt->family == 4)
		pkt->key.peer[3] = peer[0];
	else
		copy_addr6(pkt->key.peer, (const void *)peer);
	return true;
}

/*
 * Does a "packet too big" ask for less than links have to carry: 68 bytes (RFC
 * 791), 1280 (RFC 8201, 4)? An IPv4 router of before RFC 1191 says 0: none is
 * left that could not say how much.
 */
static __always_inline bool is_too_small(struct __sk_buff *skb,
					 const struct wd_pkt *pkt)
{
	const struct icmphdr *icmp = header(skb, pkt_off(pkt), sizeof(*icmp));
	__u32 mtu;

	if (!icmp)
		return true;
	mtu = bpf_ntohl(icmp->un.gateway);
	if (pkt->family == 6)
		return icmp->type == WD_ICMP6_TOO_BIG && mtu < 1280;
	return icmp->type == WD_ICMP4_UNREACH &&
	       icmp->code == WD_ICMP4_TOO_BIG && (mtu & 0xffff) < 68;
}

/* Errors that transports act on; a redirect or quench only ever misleads. */
static __always_inline bool error_is_served(const struct wd_pkt *pkt)
{
	__u32 type = bpf_ntohs(pkt->dport) >> 8;

	if (pkt->frag != WD_FRAG_NONE)
		return false;
	if (pkt->family == 6)
		return type >= 1 && type <= 4;
	return type != WD_ICMP4_REDIRECT && type != WD_ICMP4_QUENCH;
}

/* Could the quoted packet, which went the other way, have been sent? */
static __always_inline bool was_sent(const struct wd_pkt *pkt,
				     const struct wd_flow_entry *flow)
{
	__u32 seq = pkt->seq;

	/* deny: nothing went that way yet, so nothing can be quoted */
	if (!(flow->flags & (WD_FLOW_REPLIED | WD_FLOW_SYNACK)) &&
	    flow->dir == pkt->dir)
		return false;
	if (pkt->proto != WD_IP_TCP)
		return true;
	if (!(flow->flags & (WD_FLOW_REPLIED | WD_FLOW_SYNACK)))
		return flow->ack[dir_reverse(flow->dir) & 1] - seq == 1;
	if (!(flow->flags & WD_FLOW_SEQ))
		return true;
	if (pkt->dir == WD_EGRESS)
		return flow->end[WD_INGRESS] - seq <= WD_TCP_BEHIND;
	return flow->end[WD_EGRESS] - seq <=
	       flow->end[WD_EGRESS] - flow->ack[WD_INGRESS];
}

static __always_inline int judge_quote(struct __sk_buff *skb,
				       struct wd_pkt *pkt)
{
	__u32 off = pkt_off(pkt) + sizeof(struct icmphdr);
	struct wd_quote quote = {};
	const struct wd_flow_entry *flow;
	struct wd_spot spot;
	int r;

	if (pkt->family == 4 ? !quote_parse4(skb, pkt, off, &quote) :
			       !quote_parse6(skb, pkt, off, &quote))
		return WD_R_ICMP_UNRELATED;
	pkt->proto = quote.proto;
	if (!quote_ends_fit(pkt, &quote) ||
	    !quote_to_key(skb, pkt, quote.off & WD_OFF_MASK))
		return WD_R_ICMP_UNRELATED;
	spot = flow_find(skb, pkt);
	if (!spot.bucket)
		return WD_R_ICMP_UNRELATED;
	flow = spot_flow(&spot);
	if (!was_sent(pkt, flow))
		return WD_R_ICMP_UNRELATED;
	if (flow->gen == pkt->gen) {
		count_by(pkt, flow);
		return WD_R_RELATED;
	}
	r = judge_flow(skb, pkt, flow->flags & WD_FLOW_HOST, flow->dir);
	return passes(pkt, r) ? WD_R_RELATED : r;
}

__noinline int judge_icmp_error(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	int r;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (!error_is_served(pkt) || is_too_small(skb, pkt))
		return WD_R_ICMP_UNRELATED;
	if (has_martian(skb, pkt))
		return WD_R_L3_BAD;
	if (pkt->dir == WD_INGRESS) {
		r = check_provenance(skb);
		if (r >= WD_R_FIRST_DROP)
			return r;
	}
	pkt->has_peer = 0; /* the flow's peer, not the error's source */
	r = judge_quote(skb, pkt);
	pkt->proto = pkt->family == 4 ? WD_IP_ICMP : WD_IP_ICMP6;
	return r;
}

#endif /* WARDER_BPF_ICMP_H */
