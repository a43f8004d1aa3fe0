/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_who.h - who the ends of an IP header are, what of theirs must be
 * encrypted, and whose key WireGuard has for an address.
 *
 * Goes by addresses alone: a mark, a route or a header of a tunnel proves
 * nothing. An address that nobody knows, in a prefix of the cluster, is inside
 * and unknown, never outside.
 */
#ifndef WARDER_BPF_WIRE_WHO_H
#define WARDER_BPF_WIRE_WHO_H

#include "identity.h"

#define WD_END_SRC 0
#define WD_END_DST 1

/* WireGuard's peer that is sent @addr and may send from it, or NULL. */
static __always_inline const struct wd_tun_val *tun_of(const struct wd_pkt *pkt,
						       const __be32 *addr)
{
	struct wd_cidr6_key k6;
	struct wd_cidr4_key k4;

	if (pkt->family == 4) {
		k4.prefixlen = 32;
		k4.addr = addr[0];
		return bpf_map_lookup_elem(&wd_tun4, &k4);
	}
	k6.prefixlen = 128;
	copy_addr6(k6.addr, (const void *)addr);
	return bpf_map_lookup_elem(&wd_tun6, &k6);
}

/* @val has an address of a pod or of a node. Return: false: of neither */
static __always_inline bool set_known(struct wd_end *end,
				      const struct wd_addr_val *val)
{
	end->node = val->node;
	end->here = !!(val->flags & (WD_ADDR_LOCAL | WD_ADDR_HOST));
	if (val->flags & WD_ADDR_POD) {
		end->who = WD_WHO_POD;
		end->ns = val->ns;
		end->encrypt = !!(val->flags & WD_ADDR_ENCRYPT);
		return true;
	}
	end->who = WD_WHO_NODE;
	end->exempt = !!(val->flags & WD_ADDR_EXEMPT);
	return val->flags & (WD_ADDR_NODE | WD_ADDR_HOST);
}

static __always_inline void set_unknown(struct wd_end *end,
					const struct wd_net_val *net)
{
	end->who = WD_WHO_INSIDE;
	end->node = net->node;
	end->ns = WD_NS_UNKNOWN;
	end->encrypt = !!(net->flags & WD_NET_ENCRYPT);
}

/* Look up one end of the header at hand: WD_END_*. */
__noinline int wire_end(struct __sk_buff *skb, __u32 nr)
{
	struct wd_pkt *pkt = this_packet();
	const struct wd_addr_val *val;
	const struct wd_net_val *net;
	const __be32 *addr;
	struct wd_end *end;

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return WD_R_MAP_ERR;
	addr = nr ? pkt->dst : pkt->src;
	end = &pkt->wire.end[nr ? WD_END_DST : WD_END_SRC];
	__builtin_memset(end, 0, sizeof(*end));
	val = exact_of(pkt, addr);
	if (val && pkt->dir == (nr ? WD_EGRESS : WD_INGRESS))
		pkt->peer_id = val->identity;
	if (val && set_known(end, val))
		return WD_GO_ON;
	__builtin_memset(end, 0, sizeof(*end));
	net = net_of(pkt, addr);
	if (net)
		set_unknown(end, net);
	return WD_GO_ON;
}

static __always_inline bool is_pod(const struct wd_end *end)
{
	return end->who == WD_WHO_POD || end->who == WD_WHO_INSIDE;
}

/* deny: @a, which nobody knows, may be inside, and @b must encrypt */
static __always_inline bool may_be_pods(const struct wd_pkt *pkt,
					const struct wd_end *a,
					const struct wd_end *b)
{
	return a->who == WD_WHO_OUTSIDE && b->encrypt && has_no_net(pkt);
}

static __always_inline __u8 pair_of(const struct wd_pkt *pkt,
				    const struct wd_end *a,
				    const struct wd_end *b)
{
	if (may_be_pods(pkt, a, b) || may_be_pods(pkt, b, a))
		return WD_PAIR_PODS;
	if (a->who == WD_WHO_OUTSIDE || b->who == WD_WHO_OUTSIDE)
		return WD_PAIR_OUTSIDE;
	return is_pod(a) || is_pod(b) ? WD_PAIR_PODS : WD_PAIR_NODES;
}

/* Both ends of the header at hand. */
static __always_inline int wire_ends(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	int r = wire_end(skb, WD_END_SRC);

	if (r == WD_GO_ON)
		r = wire_end(skb, WD_END_DST);
	pkt->wire.pair = pair_of(pkt, &pkt->wire.end[0], &pkt->wire.end[1]);
	return r;
}

/* The end on the other side of the wire, as this node sees it. */
static __always_inline const struct wd_end *far_end(const struct wd_pkt *pkt)
{
	return &pkt->wire.end[pkt->dir == WD_EGRESS ? WD_END_DST : WD_END_SRC];
}

/* Must what the two ends say to each other be encrypted? */
static __always_inline bool must_encrypt(const struct wd_pkt *pkt)
{
	const struct wd_end *end = pkt->wire.end;

	if (pkt->wire.pair == WD_PAIR_OUTSIDE)
		return false;
	if (pkt->wire.pair == WD_PAIR_NODES)
		return pkt->switches & WD_STATE_ENCRYPT_NODES;
	return end[0].encrypt || end[1].encrypt;
}

/* May it be in clear all the same, as one of them is an exempt node? */
static __always_inline bool is_exempt(const struct wd_pkt *pkt)
{
	return pkt->wire.end[0].exempt || pkt->wire.end[1].exempt;
}

#endif /* WARDER_BPF_WIRE_WHO_H */
