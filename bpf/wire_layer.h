/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_layer.h - reads the headers of one layer of a packet on a wire: link, IP,
 * extension headers, ports.
 *
 * Each begins at pkt->off and moves it behind what it read; pkt->end is where
 * the layer ends. Decides nothing but what cannot be read.
 */
#ifndef WARDER_BPF_WIRE_LAYER_H
#define WARDER_BPF_WIRE_LAYER_H

#include "parse.h"

#define WD_ETH_PPPOE 0x8864
#define WD_ETH_MPLS 0x8847
#define WD_ETH_MPLS_MC 0x8848
#define WD_ETH_NSH 0x894f
#define WD_ETH_HSR 0x892f
#define WD_ETH_BATMAN 0x4305 /* B.A.T.M.A.N. advanced; not registered */
#define WD_ETH_TEB 0x6558 /* an Ethernet frame, in GRE and its like */
#define WD_ETH_MIN 0x600 /* below: the length of an 802.3 frame */

#define WD_VLAN_TAGS 2 /* stepped over */
#define WD_PPP_IP4 0x21
#define WD_PPP_IP6 0x57
#define WD_PPP_CONTROL 0x8000 /* from here on: no data of the network layer */

/*
 * What cannot be read is dropped for reason @r, unless what is around says what
 * the packet is all the same.
 */
static __always_inline int torn(const struct wd_pkt *pkt, int r)
{
	return pkt->wire.otherwise ? pkt->wire.otherwise : r;
}

/* Move on by @bytes. Return: false: further than offsets reach */
static __always_inline bool move_on(struct wd_pkt *pkt, __u32 bytes)
{
	__u32 off = pkt_off(pkt) + bytes;

	if (off > WD_OFF_MASK)
		return false;
	pkt->off = off;
	return true;
}

/* ---- link ---- */

/* Ethertypes that carry packets, and that are not looked into. */
static __always_inline bool is_opaque_type(__u16 type)
{
	return type == WD_ETH_MPLS || type == WD_ETH_MPLS_MC ||
	       type == WD_ETH_NSH || type == WD_ETH_HSR ||
	       type == WD_ETH_BATMAN || type == WD_ETH_TEB;
}

static __always_inline bool is_tag(__u16 type)
{
	return type == WD_ETH_VLAN || type == WD_ETH_QINQ;
}

/* The protocol that PPP says, as an ethertype; RFC 1661: short if odd. */
static __always_inline int step_pppoe(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const __u8 *at = inner_header(skb, pkt, 8);
	__u32 proto, bytes = 8;

	if (!at)
		return torn(pkt, WD_R_L2_UNSUP);
	proto = at[6];
	if (proto & 1)
		bytes = 7;
	else
		proto = proto << 8 | at[7];
	if (!move_on(pkt, bytes))
		return torn(pkt, WD_R_L2_UNSUP);
	if (proto == WD_PPP_IP4)
		pkt->eth = WD_ETH_IP4;
	else if (proto == WD_PPP_IP6)
		pkt->eth = WD_ETH_IP6;
	else if (proto < WD_PPP_CONTROL)
		return torn(pkt, WD_R_TUN_OPAQUE);
	return WD_GO_ON;
}

/* An Ethernet header and what may lie between it and the IP header. */
__noinline int wire_link(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct ethhdr *eth;
	const __be16 *tag;
	int i;

	if (!pkt)
		return WD_R_MAP_ERR;
	eth = inner_header(skb, pkt, sizeof(*eth));
	if (!eth || !move_on(pkt, sizeof(*eth)))
		return torn(pkt, WD_R_L2_UNSUP);
	pkt->eth = bpf_ntohs(eth->h_proto);
	for (i = 0; i < WD_VLAN_TAGS; i++) {
		if (!is_tag(pkt->eth))
			break;
		tag = inner_header(skb, pkt, 4);
		if (!tag || !move_on(pkt, 4))
			return torn(pkt, WD_R_L2_UNSUP);
		pkt->eth = bpf_ntohs(tag[1]);
	}
	if (is_tag(pkt->eth))
		return torn(pkt, WD_R_VLAN);
	if (pkt->eth == WD_ETH_PPPOE)
		return step_pppoe(skb, pkt);
	return WD_GO_ON;
}

/*
 * What a frame without Ethernet header is: as the kernel has it, or else as its
 * first half-byte says, which is what whoever unpacks it goes by.
 */
static __always_inline int wire_raw(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const __u8 *first = header(skb, 0, 1);

	pkt->eth = bpf_ntohs((__be16)skb->protocol);
	if (pkt->eth == WD_ETH_IP4 || pkt->eth == WD_ETH_IP6 ||
	    is_opaque_type(pkt->eth))
		return WD_GO_ON;
	if (!first)
		return WD_R_L2_UNSUP;
	if (*first >> 4 == 4)
		pkt->eth = WD_ETH_IP4;
	else if (*first >> 4 == 6)
		pkt->eth = WD_ETH_IP6;
	return WD_GO_ON;
}

/* ---- IP ---- */

/* The layer takes @bytes from pkt->off on, of which its header is @hlen. */
static __always_inline bool set_bounds(struct wd_pkt *pkt, __u32 hlen,
				       __u32 bytes)
{
	__u32 off = pkt_off(pkt), room = pkt->end - off;

	/* allow: BIG TCP, merged by this host, states no length */
	if (bytes <= hlen && room > 0xffff)
		bytes = room;
	if (bytes > room && pkt->wire.is_cut)
		bytes = room;
	if (bytes < hlen || bytes > room)
		return false;
	pkt->end = off + bytes;
	return move_on(pkt, hlen);
}

/* Its share of the datagram begins at @at, and is what is at @off of that. */
static __always_inline void set_share(struct wd_pkt *pkt, __u32 at, __u16 off,
				      bool more)
{
	pkt->frag_off = off;
	pkt->frag_proto = pkt->proto;
	pkt->wire.share = pkt->end - at;
	if (off)
		pkt->frag = WD_FRAG_LATER;
	else if (more)
		pkt->frag = WD_FRAG_FIRST;
}

__noinline int wire_ip4(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct iphdr *ip;
	__u32 hlen, frag;

	if (!pkt)
		return WD_R_MAP_ERR;
	ip = inner_header(skb, pkt, sizeof(*ip));
	if (!ip || *(const __u8 *)ip >> 4 != 4)
		return torn(pkt, WD_R_L3_BAD);
	hlen = (*(const __u8 *)ip & 0xf) * 4U;
	if (hlen < sizeof(*ip) ||
	    !set_bounds(pkt, hlen, bpf_ntohs(ip->tot_len)))
		return torn(pkt, WD_R_L3_BAD);
	pkt->family = 4;
	pkt->src[0] = ip->saddr;
	pkt->dst[0] = ip->daddr;
	pkt->proto = ip->protocol;
	pkt->hops = ip->ttl;
	pkt->frag_id = ip->id;
	frag = bpf_ntohs(ip->frag_off);
	set_share(pkt, pkt_off(pkt), (__u16)((frag & 0x1fff) * 8),
		  frag & 0x2000);
	return WD_GO_ON;
}

__noinline int wire_ip6(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct ipv6hdr *ip;

	if (!pkt)
		return WD_R_MAP_ERR;
	ip = inner_header(skb, pkt, sizeof(*ip));
	if (!ip || *(const __u8 *)ip >> 4 != 6 ||
	    !set_bounds(pkt, sizeof(*ip),
			sizeof(*ip) + bpf_ntohs(ip->payload_len)))
		return torn(pkt, WD_R_L3_BAD);
	pkt->family = 6;
	copy_addr6(pkt->src, &ip->saddr);
	copy_addr6(pkt->dst, &ip->daddr);
	pkt->proto = ip->nexthdr;
	pkt->hops = ip->hop_limit;
	return WD_GO_ON;
}

/*
 * Forget the layer around. Its end stays, as what is inside cannot run past it.
 */
static __always_inline void clear_layer(struct wd_pkt *pkt)
{
	__builtin_memset(pkt->src, 0, sizeof(pkt->src));
	__builtin_memset(pkt->dst, 0, sizeof(pkt->dst));
	pkt->family = 0;
	pkt->proto = 0;
	pkt->frag = WD_FRAG_NONE;
	pkt->sport = 0;
	pkt->dport = 0;
	pkt->peer_id = 0;
	pkt->wire.bad = 0;
	pkt->wire.is_routed = 0;
}

/* The IP header at pkt->off, if pkt->eth says that there is one. */
static __always_inline int wire_ip(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	clear_layer(pkt);
	if (pkt->eth == WD_ETH_IP4)
		return wire_ip4(skb);
	if (pkt->eth == WD_ETH_IP6)
		return wire_ip6(skb);
	/* deny: what is in there would be judged by whoever unpacks it alone */
	if (is_opaque_type(pkt->eth))
		return torn(pkt, WD_R_TUN_OPAQUE);
	/* allow: ARP, LLDP and their like carry no packets */
	return torn(pkt, WD_R_OUTSIDE);
}

/* ---- behind the IP header ---- */

/*
 * IPv6 headers that say which comes next and how long they are; more of them
 * than for pods, as here they are only stepped over.
 */
static __always_inline bool is_stepped_over(__u8 nr)
{
	return is_walked_exthdr(nr) || nr == WD_IP_ROUTING ||
	       nr == WD_IP_MOBILITY || nr == WD_IP_HIP || nr == WD_IP_SHIM6;
}

static __always_inline bool step_over(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const struct frag_hdr *hdr = inner_header(skb, pkt, sizeof(*hdr));
	__u32 bytes = sizeof(*hdr);
	__u8 nr = pkt->proto;
	__u16 frag;

	if (!hdr)
		return false;
	pkt->proto = hdr->nexthdr;
	if (nr == WD_IP_FRAGMENT) {
		if (pkt->frag != WD_FRAG_NONE)
			return false;
		pkt->frag_id = hdr->identification;
		frag = bpf_ntohs(hdr->frag_off);
		set_share(pkt, pkt_off(pkt) + bytes, frag & 0xfff8, frag & 1);
	} else if (nr == WD_IP_AH) {
		bytes = (hdr->reserved + 2U) * 4;
	} else {
		bytes = (hdr->reserved + 1U) * 8;
	}
	if (nr == WD_IP_ROUTING)
		pkt->wire.is_routed = 1;
	return move_on(pkt, bytes) && pkt->off <= pkt->end;
}

__noinline int wire_exthdrs(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	int i;

	if (!pkt)
		return WD_R_MAP_ERR;
	for (i = 0; i < WD_EXTHDR_MAX; i++) {
		if (pkt->frag == WD_FRAG_LATER || !is_stepped_over(pkt->proto))
			return WD_GO_ON;
		if (!step_over(skb, pkt))
			return WD_R_EXTHDR;
	}
	return pkt->frag != WD_FRAG_LATER && is_stepped_over(pkt->proto) ?
		       WD_R_EXTHDR :
		       WD_GO_ON;
}

static __always_inline bool has_ports(__u8 proto)
{
	return proto == WD_IP_TCP || proto == WD_IP_UDP || proto == WD_IP_SCTP;
}

static __always_inline int read_ports(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const __be16 *at;

	if (pkt->frag == WD_FRAG_LATER || !has_ports(pkt->proto))
		return WD_GO_ON;
	at = inner_header(skb, pkt, sizeof(struct udphdr));
	if (!at)
		return pkt->frag == WD_FRAG_FIRST ? WD_R_FRAG_TINY :
						    WD_R_L4_BAD;
	pkt->sport = at[0];
	pkt->dport = at[1];
	return WD_GO_ON;
}

/*
 * Transport protocol and ports, as far as they are there; else pkt->wire.bad
 * says why not.
 */
__noinline int wire_transport(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	int r = WD_GO_ON;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->family == 6)
		r = wire_exthdrs(skb);
	if (r == WD_GO_ON)
		r = read_ports(skb, pkt);
	if (r != WD_GO_ON)
		pkt->wire.bad = (__u8)r;
	return WD_GO_ON;
}

#endif /* WARDER_BPF_WIRE_LAYER_H */
