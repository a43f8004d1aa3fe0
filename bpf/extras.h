/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * extras.h - what may lie between the IP header and the transport header: the
 * options of IPv4, the extension headers of IPv6. Walks them, and refuses what
 * routers and stacks make something else of.
 */
#ifndef WARDER_BPF_EXTRAS_H
#define WARDER_BPF_EXTRAS_H

#include "parse.h"

/* ---- IPv4 ---- */

#define WD_IPOPT_END 0
#define WD_IPOPT_NOP 1
#define WD_IPOPT_LSRR 131
#define WD_IPOPT_SSRR 137
#define WD_IPOPT_BYTES 40

/* One step over the option at @at, whose bytes are linear. 0: refused. */
static __always_inline __u32 step_option(struct __sk_buff *skb, __u32 at,
					 __u32 hlen)
{
	__u8 *opt = WD_PKT_PTR(skb, data) + sizeof(struct ethhdr) + at;
	void *end = WD_PKT_PTR(skb, data_end);

	WD_OPAQUE(opt);
	if ((void *)(opt + 1) > end)
		return 0;
	if (*opt == WD_IPOPT_END)
		return hlen;
	if (*opt == WD_IPOPT_NOP)
		return at + 1;
	if (*opt == WD_IPOPT_LSRR || *opt == WD_IPOPT_SSRR)
		return 0;
	if ((void *)(opt + 2) > end || opt[1] < 2)
		return 0;
	return at + opt[1];
}

/*
 * Walk the options of an IPv4 header of @hlen bytes: source routes and lists
 * that do not add up are refused, because what routers make of them is not what
 * was judged here.
 */
__noinline int parse_ip4_options(struct __sk_buff *skb, __u32 hlen)
{
	__u32 at = sizeof(struct iphdr);
	int i;

	hlen &= 63;
	if (!header(skb, sizeof(struct ethhdr), hlen))
		return WD_R_IPOPT;
	for (i = 0; i < WD_IPOPT_BYTES; i++) {
		WD_OPAQUE(at);
		at = step_option(skb, at & 63, hlen);
		if (!at || at > hlen)
			return WD_R_IPOPT;
		if (at == hlen)
			return WD_GO_ON;
	}
	return WD_R_IPOPT;
}

/* ---- IPv6 ---- */

/*
 * Step over the extension header at pkt->off. A fragmented packet must have its
 * transport header right behind the fragment header: what lies between could be
 * cut so that later fragments overlap it.
 */
static __always_inline int step_exthdr(struct __sk_buff *skb,
				       struct wd_pkt *pkt, bool *fragmented)
{
	struct frag_hdr *hdr = inner_header(skb, pkt, sizeof(*hdr));
	__u8 nr = pkt->proto;
	__u16 frag;

	if (!hdr || pkt->frag != WD_FRAG_NONE)
		return WD_R_EXTHDR;
	pkt->proto = hdr->nexthdr;
	if (nr == WD_IP_AH) {
		pkt->off += (hdr->reserved + 2U) * 4;
		return WD_GO_ON;
	}
	if (nr != WD_IP_FRAGMENT) {
		pkt->off += (hdr->reserved + 1U) * 8;
		return WD_GO_ON;
	}
	if (*fragmented)
		return WD_R_EXTHDR;
	*fragmented = true;
	pkt->off += sizeof(*hdr);
	pkt->frag_id = hdr->identification;
	frag = bpf_ntohs(hdr->frag_off);
	return set_frag(pkt, frag & 0xfff8, frag & 1);
}

__noinline int parse_exthdrs(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	bool fragmented = false;
	int i, r;

	if (!pkt)
		return WD_R_MAP_ERR;
	pkt->exthdrs = 1;
	for (i = 0; i < WD_EXTHDR_MAX; i++) {
		if (!is_walked_exthdr(pkt->proto))
			break;
		r = step_exthdr(skb, pkt, &fragmented);
		if (r != WD_GO_ON)
			return r;
		if (pkt->off > pkt->end)
			return WD_R_EXTHDR;
		if (pkt->frag == WD_FRAG_LATER)
			return WD_GO_ON;
	}
	if (is_walked_exthdr(pkt->proto) || is_refused_exthdr(pkt->proto))
		return WD_R_EXTHDR;
	return WD_GO_ON;
}

/* What lies between the fixed IP header and the transport header. */
static __always_inline int parse_ip_extras(struct __sk_buff *skb,
					   struct wd_pkt *pkt)
{
	__u32 hlen = pkt_off(pkt) - sizeof(struct ethhdr);

	if (pkt->family == 4)
		return hlen > sizeof(struct iphdr) ?
			       parse_ip4_options(skb, hlen) :
			       WD_GO_ON;
	if (is_walked_exthdr(pkt->proto) || is_refused_exthdr(pkt->proto))
		return parse_exthdrs(skb);
	return WD_GO_ON;
}

#endif /* WARDER_BPF_EXTRAS_H */
