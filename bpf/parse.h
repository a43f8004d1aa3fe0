/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.h - from bytes to struct wd_pkt: what the packet claims to be.
 *
 * Decides only whether a packet is well formed; says nothing about who may send
 * it. Every read goes through header(), which pulls bytes into the linear part
 * when they are not there, so that the verdict cannot depend on how the sender
 * cut the buffer. Nothing behind the length that the IP header states is read:
 * trailing bytes never become a port.
 *
 * A function that may end the decision returns a reason, or WD_GO_ON.
 */
#ifndef WARDER_BPF_PARSE_H
#define WARDER_BPF_PARSE_H

#include "compat.h"
#include "packet.h"

/*
 * Load a packet pointer of the context. verifier: the field is a __u32 to the
 * compiler, which keeps and extends it as such; what was a pointer is then a
 * number. One instruction of our own gives it no chance.
 */
#define WD_PKT_PTR(skb, field) \
	({ \
		void *p_; \
		asm volatile( \
			"%[p] = *(u32 *)(%[ctx] + %[at])" \
			: [p] "=r"(p_) \
			: [ctx] "r"(skb), [at] "i"(offsetof(struct __sk_buff, \
							    field))); \
		p_; \
	})

/*
 * The bytes off .. off+len of the frame, or NULL when it has no such bytes. Any
 * pointer got before is stale afterwards.
 */
static __always_inline void *header(void *skb, __u32 off, __u32 len)
{
	void *p = WD_PKT_PTR(skb, data) + off;

	/* verifier: checks the very register that is used, not an equal one */
	WD_OPAQUE(p);
	if (WD_LIKELY(p + len <= WD_PKT_PTR(skb, data_end)))
		return p;
	if (bpf_skb_pull_data(skb, off + len))
		return NULL;
	p = WD_PKT_PTR(skb, data) + off;
	WD_OPAQUE(p);
	return p + len <= WD_PKT_PTR(skb, data_end) ? p : NULL;
}

/* pkt->off as a bounded number: it may have been through memory. */
static __always_inline __u32 pkt_off(const struct wd_pkt *pkt)
{
	__u32 off = pkt->off;

	WD_OPAQUE(off);
	return off & WD_OFF_MASK;
}

/* As header(), at pkt->off and inside what the IP header states. */
static __always_inline void *inner_header(void *skb, const struct wd_pkt *pkt,
					  __u32 len)
{
	__u32 off = pkt_off(pkt);

	return WD_LIKELY(off + len <= pkt->end) ? header(skb, off, len) : NULL;
}

/* ---- fragments ---- */

/* Bytes of the transport header that no later fragment may cover. */
static __always_inline __u32 frag_guard(__u8 proto)
{
	if (proto == WD_IP_TCP)
		return sizeof(struct tcphdr);
	return proto == WD_IP_SCTP ? sizeof(struct sctphdr) :
				     sizeof(struct udphdr);
}

/*
 * Where in its datagram a packet is that has more than one fragment. deny:
 * what runs past the largest datagram there is, and lengths that stacks cut to
 * size or leave out, each in its own way
 */
static __always_inline int set_frag(struct wd_pkt *pkt, __u16 off, bool more)
{
	__u32 len = pkt->end - pkt_off(pkt);

	pkt->frag_proto = pkt->proto;
	pkt->frag_off = off;
	pkt->frag_more = more;
	if (!off && !more)
		return WD_GO_ON;
	pkt->frag = off ? WD_FRAG_LATER : WD_FRAG_FIRST;
	if (!off && !len)
		return WD_R_FRAG_TINY;
	if (!len || off + len > 0xffff || (more && (len & 7)))
		return WD_R_L3_BAD;
	return WD_GO_ON;
}

/* ---- IPv4 ---- */

WD_STEP(parse_ip4)
{
	struct iphdr *ip = header(skb, sizeof(struct ethhdr), sizeof(*ip));
	__u32 hlen, tot, frag;

	if (WD_UNLIKELY(!ip || (*(__u8 *)ip >> 4) != 4 || !ip->ttl))
		return WD_R_L3_BAD;
	hlen = (*(__u8 *)ip & 0xf) * 4U;
	tot = bpf_ntohs(ip->tot_len);
	/* allow: IPv4 BIG TCP, merged by this host, states no length */
	if (WD_UNLIKELY(!tot) && pkt->len - sizeof(struct ethhdr) > 0xffff)
		tot = pkt->len - sizeof(struct ethhdr);
	if (WD_UNLIKELY(hlen < sizeof(*ip) || tot < hlen ||
			tot > pkt->len - sizeof(struct ethhdr)))
		return WD_R_L3_BAD;
	pkt->src[0] = ip->saddr;
	pkt->dst[0] = ip->daddr;
	pkt->proto = ip->protocol;
	pkt->hops = ip->ttl;
	pkt->off = sizeof(struct ethhdr) + hlen;
	pkt->end = sizeof(struct ethhdr) + tot;
	frag = bpf_ntohs(ip->frag_off);
	if (WD_UNLIKELY(frag & 0x8000))
		return WD_R_L3_BAD;
	if (WD_UNLIKELY(frag & 0x3fff)) {
		pkt->frag_id = ip->id;
		return set_frag(pkt, (__u16)((frag & 0x1fff) * 8),
				frag & 0x2000);
	}
	return WD_GO_ON;
}

/* ---- IPv6 ---- */

/* Headers that are no transport and that are not walked. */
static __always_inline bool is_refused_exthdr(__u8 nr)
{
	return nr == WD_IP_ROUTING || nr == WD_IP_MOBILITY || nr == WD_IP_HIP ||
	       nr == WD_IP_SHIM6 || nr == WD_IP_EXP1 || nr == WD_IP_EXP2;
}

static __always_inline bool is_walked_exthdr(__u8 nr)
{
	return nr == WD_IP_HOPOPTS || nr == WD_IP_DSTOPTS || nr == WD_IP_AH ||
	       nr == WD_IP_FRAGMENT;
}

static __always_inline void copy_addr6(__be32 *to, const struct in6_addr *from)
{
	to[0] = from->in6_u.u6_addr32[0];
	to[1] = from->in6_u.u6_addr32[1];
	to[2] = from->in6_u.u6_addr32[2];
	to[3] = from->in6_u.u6_addr32[3];
}

WD_STEP(parse_ip6)
{
	struct ipv6hdr *ip = header(skb, sizeof(struct ethhdr), sizeof(*ip));
	__u32 room = pkt->len - sizeof(struct ethhdr) - sizeof(*ip);
	__u32 payload;

	if (WD_UNLIKELY(!ip || (*(__u8 *)ip >> 4) != 6 || !ip->hop_limit))
		return WD_R_L3_BAD;
	payload = bpf_ntohs(ip->payload_len);
	/* allow: IPv6 BIG TCP, merged by this host, with or without jumbo option */
	if (WD_UNLIKELY(!payload) && room > 0xffff)
		payload = room;
	if (WD_UNLIKELY(payload > room))
		return WD_R_L3_BAD;
	copy_addr6(pkt->src, &ip->saddr);
	copy_addr6(pkt->dst, &ip->daddr);
	pkt->proto = ip->nexthdr;
	pkt->hops = ip->hop_limit;
	pkt->off = sizeof(struct ethhdr) + sizeof(*ip);
	pkt->end = pkt->off + payload;
	return WD_GO_ON;
}

/* ---- transport ---- */

static __always_inline bool proto_is_icmp(const struct wd_pkt *pkt)
{
	return pkt->proto == (pkt->family == 4 ? WD_IP_ICMP : WD_IP_ICMP6);
}

/* Fill in the ports of a packet that goes in direction @dir. */
static __always_inline void set_ports(struct wd_pkt *pkt, __u8 dir,
				      __be16 sport, __be16 dport)
{
	pkt->key.lport = dir == WD_EGRESS ? sport : dport;
	pkt->key.pport = dir == WD_EGRESS ? dport : sport;
	pkt->key.sub = 0;
}

#define WD_ICMP4_ECHO_REPLY 0
#define WD_ICMP4_UNREACH 3
#define WD_ICMP4_TOO_BIG 4 /* code of UNREACH */
#define WD_ICMP4_PROHIBITED 13 /* code of UNREACH */
#define WD_ICMP4_QUENCH 4
#define WD_ICMP4_REDIRECT 5
#define WD_ICMP4_ECHO 8
#define WD_ICMP4_TIME 11
#define WD_ICMP4_PARAM 12
#define WD_ICMP6_UNREACH 1
#define WD_ICMP6_PROHIBITED 1 /* code of UNREACH */
#define WD_ICMP6_TOO_BIG 2
#define WD_ICMP6_ECHO 128
#define WD_ICMP6_ECHO_REPLY 129

static __always_inline bool icmp_is_error(__u8 family, __u8 type)
{
	if (family == 6)
		return type < WD_ICMP6_ECHO;
	return type == WD_ICMP4_UNREACH || type == WD_ICMP4_QUENCH ||
	       type == WD_ICMP4_REDIRECT || type == WD_ICMP4_TIME ||
	       type == WD_ICMP4_PARAM;
}

/*
 * The flow of an ICMP message that goes in direction @dir. Rules tell types and
 * codes apart, so each is a flow of its own: the peer's port says which. Echo
 * is keyed by its id, too, and by the direction of the request, so that a
 * request from the other side with the same id is another flow; its answer has
 * the request's type and its code. Nothing replies to the other types.
 */
static __always_inline void set_icmp(struct wd_pkt *pkt, __u8 dir, __u8 type,
				     __u8 code, __be16 id)
{
	bool is_v4 = pkt->family == 4;
	__u8 asks = is_v4 ? WD_ICMP4_ECHO : WD_ICMP6_ECHO;

	pkt->key.lport = id;
	pkt->key.sub = dir + 1;
	if (type == (is_v4 ? WD_ICMP4_ECHO_REPLY : WD_ICMP6_ECHO_REPLY)) {
		pkt->key.sub = dir_reverse(dir) + 1;
		pkt->is_answer = 1;
		type = asks;
	} else if (type != asks) {
		pkt->key.lport = 0;
		pkt->key.sub = dir + 3;
	}
	pkt->key.pport = bpf_htons((__u16)(type << 8 | code));
}

/*
 * Where a TCP segment is in the sequence, and what it takes of it: the length
 * of one that is cut into fragments is not known here, so the most it can be.
 * Return: whether its header is there and as long as it says.
 */
static __always_inline bool set_segment(struct wd_pkt *pkt,
					const struct tcphdr *tcp)
{
	__u32 hlen = (((const __u8 *)tcp)[12] >> 4) * 4U;
	__u32 room = pkt->end - pkt_off(pkt);

	if (WD_UNLIKELY(hlen < sizeof(*tcp) || hlen > room))
		return false;
	pkt->seq = bpf_ntohl(tcp->seq);
	pkt->ack = bpf_ntohl(tcp->ack_seq);
	pkt->seg = pkt->frag == WD_FRAG_FIRST ? 0xffff : room - hlen;
	if (WD_UNLIKELY(pkt->tcp & WD_TCP_FIN))
		pkt->seg++;
	if (WD_UNLIKELY(pkt->tcp & WD_TCP_SYN))
		pkt->seg++;
	return true;
}

/* deny: no stack sends these; they are probes for filters that let go */
static __always_inline int tcp_flags(__u8 flags)
{
	if (WD_UNLIKELY(!flags ||
			(flags & (WD_TCP_FIN | WD_TCP_ACK)) == WD_TCP_FIN))
		return WD_R_CT_INVALID;
	if (WD_UNLIKELY(flags & WD_TCP_SYN) &&
	    (flags & (WD_TCP_FIN | WD_TCP_RST)))
		return WD_R_CT_INVALID;
	return WD_GO_ON;
}

WD_STEP(parse_tcp)
{
	struct tcphdr *tcp = inner_header(skb, pkt, sizeof(*tcp));
	__u8 flags;

	if (WD_UNLIKELY(!tcp))
		return WD_R_L4_BAD;
	flags = ((__u8 *)tcp)[13] &
		(WD_TCP_FIN | WD_TCP_SYN | WD_TCP_RST | WD_TCP_ACK);
	pkt->sport = tcp->source;
	pkt->dport = tcp->dest;
	pkt->tcp = flags;
	if (WD_UNLIKELY(!set_segment(pkt, tcp)))
		return WD_R_L4_BAD;
	set_ports(pkt, pkt->dir, tcp->source, tcp->dest);
	return tcp_flags(flags);
}

static __always_inline int parse_ports(WD_CTX *skb, struct wd_pkt *pkt,
				       __u32 len)
{
	struct udphdr *udp = inner_header(skb, pkt, len);

	if (WD_UNLIKELY(!udp))
		return WD_R_L4_BAD;
	pkt->sport = udp->source;
	pkt->dport = udp->dest;
	set_ports(pkt, pkt->dir, udp->source, udp->dest);
	return WD_GO_ON;
}

WD_STEP(parse_icmp)
{
	struct icmphdr *icmp = inner_header(skb, pkt, sizeof(*icmp));

	if (!icmp)
		return WD_R_L4_BAD;
	pkt->dport = bpf_htons((__u16)(icmp->type << 8 | icmp->code));
	pkt->is_error = icmp_is_error(pkt->family, icmp->type);
	set_icmp(pkt, pkt->dir, icmp->type, icmp->code, icmp->un.echo.id);
	return WD_GO_ON;
}

/* The transport header of a packet that has one: all but later fragments. */
WD_STEP(parse_l4)
{
	int r = WD_GO_ON;

	if (pkt->proto == WD_IP_TCP)
		r = parse_tcp(skb, pkt);
	else if (pkt->proto == WD_IP_UDP)
		r = parse_ports(skb, pkt, sizeof(struct udphdr));
	else if (pkt->proto == WD_IP_SCTP)
		r = parse_ports(skb, pkt, sizeof(struct sctphdr));
	else if (proto_is_icmp(pkt))
		r = parse_icmp(skb, pkt);
	if (WD_UNLIKELY(r == WD_R_L4_BAD) && pkt->frag == WD_FRAG_FIRST)
		return WD_R_FRAG_TINY;
	return r;
}

#endif /* WARDER_BPF_PARSE_H */
