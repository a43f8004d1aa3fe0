/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_short.h - the short way of what nearly all packets are where everything is
 * encrypted: WireGuard's own from node to node on a wire, and at its device what
 * two pods say to each other by the peer that has the far one.
 *
 * Decides nothing that the way of wire.h would not decide alike, and counts
 * alike: it asks for all that makes such a packet one, in the simplest form it
 * can have (IPv4 without options, no fragment, no tag), and leaves whatever is
 * otherwise to that way, of which nothing has been done then. What the tables
 * said of two addresses is kept from packet to packet in wd_proof, and nowhere
 * else; it does not touch wd_scratch.
 */
#ifndef WARDER_BPF_WIRE_SHORT_H
#define WARDER_BPF_WIRE_SHORT_H

#include "conclude.h"
#include "wire_inside.h"
#include "wire_proof.h"

/* Type and reserved bytes of WireGuard's messages, and the shortest of them. */
#define WD_WG_TYPE 4
#define WD_WG_LEAST 32

/* The state, if anything must be encrypted; else NULL. */
static __always_inline const struct wd_state_val *short_state(void)
{
	const struct wd_state_val *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	return state && (state->flags & WD_STATE_ENCRYPT) ? state : NULL;
}

/*
 * Is the header as simple as they are, and states at least @least bytes of the
 * @room there are?
 */
static __always_inline bool is_simple(const struct iphdr *ip, __u32 least,
				      __u32 room)
{
	__u32 bytes = bpf_ntohs(ip->tot_len);

	return *(const __u8 *)ip == 0x45 &&
	       !(ip->frag_off & bpf_htons(0x3fff)) && bytes >= least &&
	       bytes <= room;
}

static __always_inline const struct wd_addr_val *short_addr(__be32 addr)
{
	struct wd_addr4_key key = { addr };

	return bpf_map_lookup_elem(&wd_addr4, &key);
}

/* The packet is encrypted, and passes: WD_TC_NEXT, as conclude() has it. */
static __always_inline bool short_pass(struct __sk_buff *skb, __u32 dir)
{
	__u32 at = WD_R_ENCRYPTED * 2 + dir;
	struct wd_stat_val *stat = bpf_map_lookup_elem(&wd_stat, &at);

	if (stat)
		stat_add(stat, skb->len);
	skb->cb[0] = WD_R_ENCRYPTED; /* for BPF_PROG_TEST_RUN */
	return true;
}

/* ---- on a wire ---- */

/* Is it a port of this node's WireGuard, and none where tunnels are looked for? */
static __always_inline bool is_wg_port(const struct wd_state_val *state,
				       __be16 port)
{
	int i;

	if (tunnel_at(port, WD_TUNNEL_WIREGUARD))
		return false;
	for (i = 0; i < WD_TUNNEL_PORTS; i++)
		if (state->tunnel[i].port == port)
			return state->tunnel[i].kind == WD_TUNNEL_WIREGUARD;
	return false;
}

static __always_inline bool is_node(const struct wd_addr_val *val)
{
	return val && !(val->flags & WD_ADDR_POD) &&
	       (val->flags & (WD_ADDR_NODE | WD_ADDR_HOST));
}

/* By its ports, which are equal where all nodes use one, and its first bytes. */
static __always_inline bool is_sealed(const struct wd_state_val *state,
				      const struct udphdr *udp, __u32 dir)
{
	__be16 own = dir == WD_EGRESS ? udp->source : udp->dest;
	const __u8 *msg = (const void *)(udp + 1);

	/* verifier: the port first, or each turn of its loop is followed on */
	return is_wg_port(state, own) && udp->dest == own && msg[0] >= 1 &&
	       msg[0] <= 4 && !(msg[1] | msg[2] | msg[3]);
}

static __always_inline bool is_ethernet_wire(__u32 ifindex)
{
	const struct wd_wire_val *wire;

	wire = bpf_map_lookup_elem(&wd_wire, &ifindex);
	return wire && !wire->raw;
}

/* By the tables, which are read after the epoch. */
static __always_inline bool is_between_nodes(const struct __sk_buff *skb,
					     const struct wd_finding *f)
{
	__u32 zero = after(f->epoch);

	return is_ethernet_wire(skb->ifindex + zero) &&
	       is_node(short_addr(f->src + zero)) &&
	       is_node(short_addr(f->dst + zero));
}

/*
 * Return: 0: it has to go the long way
 *
 * verifier: a function, so that none of what was looked at here is followed into
 * the long way; so is tun_short().
 */
__noinline int wire_short(struct __sk_buff *skb, __u32 dir)
{
	const struct wd_state_val *state = short_state();
	const struct ethhdr *eth = WD_PKT_PTR(skb, data);
	const struct iphdr *ip = (const void *)(eth + 1);
	const struct udphdr *udp = (const void *)(ip + 1);
	const void *end = WD_PKT_PTR(skb, data_end);
	const struct wd_found none = {};
	struct wd_proof_val *proof;
	struct wd_finding f;

	if (!state || (const void *)(udp + 1) + WD_WG_TYPE > end)
		return 0;
	if (eth->h_proto != bpf_htons(WD_ETH_IP4) ||
	    ip->protocol != WD_IP_UDP ||
	    !is_simple(ip, sizeof(*ip) + sizeof(*udp) + WD_WG_LEAST,
		       skb->len - sizeof(*eth)) ||
	    !is_sealed(state, udp, dir))
		return 0;
	f = finding_of(skb, state, ip, dir);
	proof = proof_of(&f);
	if (!proof)
		return 0;
	if (!proof_is(proof, &f)) {
		if (!is_between_nodes(skb, &f))
			return 0;
		proof_keep(proof, &f, &none);
	}
	return short_pass(skb, dir);
}

/* ---- at a WireGuard device ---- */

/* Is the far end, @val at @addr, on the node whose key the packet has? */
static __always_inline bool is_at_peer(const struct __sk_buff *skb,
				       const struct wd_addr_val *val,
				       __be32 addr)
{
	struct wd_cidr4_key key = { .prefixlen = 32, .addr = addr };
	const struct wd_tun_val *tun = bpf_map_lookup_elem(&wd_tun4, &key);

	return tun && tun->ifindex == skb->ifindex && tun->node &&
	       tun->node == val->node;
}

/* Return: whether it is counted: the first one of a pair is not */
static __always_inline bool short_cover(const struct __sk_buff *skb,
					const struct wd_cover_key *key)
{
	struct wd_stat_val *stat = bpf_map_lookup_elem(&wd_cover, key);

	if (!stat)
		return false;
	stat_add(stat, skb->len);
	return true;
}

/* As wire_raw() has it, of what begins like IPv4. */
static __always_inline bool is_ip4_frame(const struct __sk_buff *skb)
{
	__u16 type = bpf_ntohs((__be16)skb->protocol);

	return type != WD_ETH_IP6 && !is_opaque_type(type);
}

/* By the tables, as above. */
static __always_inline bool is_between_pods(const struct __sk_buff *skb,
					    const struct wd_finding *f,
					    __u32 dir,
					    struct wd_found *ret_found)
{
	const struct wd_addr_val *src, *dst, *far;
	__u32 zero = after(f->epoch);

	src = short_addr(f->src + zero);
	dst = short_addr(f->dst + zero);
	if (!src || !dst || !(src->flags & dst->flags & WD_ADDR_POD))
		return false;
	far = dir == WD_EGRESS ? dst : src;
	if (!is_at_peer(skb, far,
			(dir == WD_EGRESS ? f->dst : f->src) + zero) ||
	    (dir == WD_INGRESS &&
	     (src->flags & (WD_ADDR_LOCAL | WD_ADDR_HOST))))
		return false;
	ret_found->ns[0] = src->ns;
	ret_found->ns[1] = dst->ns;
	ret_found->node = far->node;
	return true;
}

/* Return: 0: it has to go the long way */
__noinline int tun_short(struct __sk_buff *skb, __u32 dir)
{
	const struct iphdr *ip = WD_PKT_PTR(skb, data);
	const struct wd_state_val *state = short_state();
	struct wd_cover_key key = { .kind = WD_COVER_WIREGUARD,
				    .dir = (__u8)dir,
				    .family = 4 };
	struct wd_proof_val *proof;
	struct wd_found found;
	struct wd_finding f;

	if (!state || (const void *)(ip + 1) > WD_PKT_PTR(skb, data_end) ||
	    !is_ip4_frame(skb) || !is_simple(ip, sizeof(*ip), skb->len))
		return 0;
	f = finding_of(skb, state, ip, dir);
	proof = proof_of(&f);
	if (!proof)
		return 0;
	if (!proof_has(proof, &f, &found)) {
		if (!is_between_pods(skb, &f, dir, &found))
			return 0;
		proof_keep(proof, &f, &found);
	}
	key.ns[0] = found.ns[0];
	key.ns[1] = found.ns[1];
	key.node = found.node;
	return short_cover(skb, &key) && short_pass(skb, dir);
}

#endif /* WARDER_BPF_WIRE_SHORT_H */
