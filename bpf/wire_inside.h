/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_inside.h - what is inside a packet between nodes, or with somebody
 * outside: another packet, something encrypted, or neither.
 *
 * Goes by content and by the side that unpacks: the destination's port makes a
 * tunnel, never the source's, which whoever sends may choose.
 */
#ifndef WARDER_BPF_WIRE_INSIDE_H
#define WARDER_BPF_WIRE_INSIDE_H

#include <warder/encap.h>

#include "wire_fragment.h"
#include "wire_layer.h"

/* What wire_inside() finds; below 0: another packet, at pkt->off. */
enum wd_inside {
	WD_IN_PACKET = WD_GO_ON,
	/*
	 * perhaps another packet, at pkt->off: quoted by ICMP, or in a tunnel
	 * on a port that nobody told of. Looked at for pods that must encrypt;
	 * else the packet is what it would be without
	 */
	WD_IN_HINT,
	WD_IN_NOTHING, /* nothing that would be seen: payload */
	WD_IN_ESP,
	WD_IN_WIREGUARD, /* of this node */
	WD_IN_OPAQUE, /* a tunnel that cannot be looked into */
	WD_IN_UNSEEN, /* one that this object does not look into */
	WD_IN_BAD, /* cannot be read, see pkt->wire.bad */
	WD_IN_FIRST, /* see the first fragment, which says it all */
	WD_IN_ORPHAN, /* there is none */
};

/* Tunnels by number of protocol or port, IANA; see warder/encap.h. */
#define WD_IP_IPIP 4
#define WD_IP_IPV6 41
#define WD_IP_GRE 47
#define WD_IP_ESP 50

#define WD_PORT_ESP 4500
#define WD_PORT_GRE 4754
#define WD_PORT_VXLAN 4789
#define WD_PORT_GPE 4790
#define WD_PORT_GENEVE 6081
#define WD_PORT_VXLAN_OLD 8472

/* As WD_TUNNEL_*, of the customary ports alone. */
#define WD_TUNNEL_GRE 128

/* VXLAN's second byte: remote checksum offload, told of in the last one. */
#define WD_VXLAN_RCO 0x20

static __always_inline int bad(struct wd_pkt *pkt)
{
	pkt->wire.bad = WD_R_L4_BAD;
	return WD_IN_BAD;
}

/*
 * Another packet begins @bytes from here. @type: what it is, an ethertype, or
 * WD_ETH_TEB for a frame.
 */
static __always_inline int enter(struct wd_pkt *pkt, __u32 bytes, __u16 type)
{
	if (type != WD_ETH_IP4 && type != WD_ETH_IP6 && type != WD_ETH_TEB)
		return WD_IN_OPAQUE;
	if (WD_IS_MINIMAL)
		return WD_IN_UNSEEN;
	if (!move_on(pkt, bytes))
		return bad(pkt);
	pkt->eth = type;
	pkt->wire.is_frame = type == WD_ETH_TEB;
	if (pkt->frag == WD_FRAG_FIRST)
		pkt->wire.is_cut = 1;
	return WD_IN_PACKET;
}

static __always_inline int hint(struct wd_pkt *pkt, __u32 bytes, __u16 type)
{
	int r = enter(pkt, bytes, type);

	if (r == WD_IN_BAD || r == WD_IN_OPAQUE)
		return WD_IN_NOTHING;
	return r == WD_IN_PACKET ? WD_IN_HINT : r;
}

/*
 * Does a node, or somebody outside, say by ICMP what became of a packet? It is
 * quoted there, so that may be in clear what must not: a node that has no route
 * to a pod any more answers what came by WireGuard, or answers by an address that
 * is not known here yet, or that is but of one link.
 */
static __always_inline bool has_quote(struct __sk_buff *skb,
				      const struct wd_pkt *pkt)
{
	const __u8 *type;

	if (pkt->wire.pair == WD_PAIR_PODS || pkt->wire.bad ||
	    !proto_is_icmp(pkt) || pkt->frag == WD_FRAG_LATER)
		return false;
	type = inner_header(skb, pkt, sizeof(struct icmphdr));
	return type && icmp_is_error(pkt->family, *type);
}

/*
 * The quoted packet is the next one; it is cut short, and of the same family.
 * Each object reads it: its ends are in no tunnel.
 */
static __always_inline int enter_quote(struct wd_pkt *pkt)
{
	if (!move_on(pkt, sizeof(struct icmphdr)))
		return WD_IN_NOTHING;
	pkt->wire.is_cut = 1;
	pkt->wire.is_frame = 0;
	pkt->eth = pkt->family == 4 ? WD_ETH_IP4 : WD_ETH_IP6;
	return WD_IN_HINT;
}

/* RFC 2784, 2890. Version 1 is PPTP's; a routing field is of RFC 1701. */
__noinline int inside_gre(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const __be16 *gre;
	__u32 flags, bytes = 4;

	if (!pkt)
		return WD_IN_BAD;
	gre = inner_header(skb, pkt, 4);
	if (!gre)
		return bad(pkt);
	flags = bpf_ntohs(gre[0]);
	if (flags & 0x4007)
		return WD_IN_OPAQUE;
	bytes += flags & 0x8000 ? 4 : 0;
	bytes += flags & 0x2000 ? 4 : 0;
	bytes += flags & 0x1000 ? 4 : 0;
	return enter(pkt, bytes, bpf_ntohs(gre[1]));
}

/* The next protocol of VXLAN-GPE, as an ethertype; 0: another. */
static __always_inline __u16 gpe_type(__u8 next)
{
	if (next == 1)
		return WD_ETH_IP4;
	if (next == 2)
		return WD_ETH_IP6;
	return next == 3 ? WD_ETH_TEB : 0;
}

/* RFC 7348; with flag P the next protocol is said (draft-ietf-nvo3-vxlan-gpe). */
__noinline int inside_vxlan(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const __u8 *vxlan;

	if (!pkt)
		return WD_IN_BAD;
	vxlan = inner_header(skb, pkt, 8);
	if (!vxlan)
		return bad(pkt);
	return enter(pkt, 8, vxlan[0] & 4 ? gpe_type(vxlan[3]) : WD_ETH_TEB);
}

/* RFC 8926 */
__noinline int inside_geneve(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const __u8 *geneve;

	if (!pkt)
		return WD_IN_BAD;
	geneve = inner_header(skb, pkt, 8);
	if (!geneve)
		return bad(pkt);
	if (geneve[0] >> 6)
		return WD_IN_OPAQUE; /* another version */
	return enter(pkt, 8 + (geneve[0] & 0x3fU) * 4,
		     (__u16)(geneve[2] << 8 | geneve[3]));
}

/* ---- UDP ---- */

/* What this node says that one of its ports is: WD_TUNNEL_*, 0 nothing. */
static __always_inline __u8 own_port(__be16 port)
{
	const struct wd_state_val *state;
	__u32 zero = 0;
	int i;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	if (!state || !port)
		return 0;
	for (i = 0; i < WD_TUNNEL_PORTS; i++)
		if (state->tunnel[i].port == port)
			return state->tunnel[i].kind;
	return 0;
}

/* What is unpacked at a port: WD_TUNNEL_*, 0 nothing. */
static __always_inline __u8 tunnel_at(__be16 port, __u8 own)
{
	if (own == WD_TUNNEL_VXLAN || own == WD_TUNNEL_GENEVE)
		return own;
	if (port == bpf_htons(WD_PORT_VXLAN) ||
	    port == bpf_htons(WD_PORT_GPE) ||
	    port == bpf_htons(WD_PORT_VXLAN_OLD))
		return WD_TUNNEL_VXLAN;
	if (port == bpf_htons(WD_PORT_GENEVE))
		return WD_TUNNEL_GENEVE;
	return port == bpf_htons(WD_PORT_GRE) ? WD_TUNNEL_GRE : 0;
}

/*
 * Types 1 to 4 and three bytes of 0 begin a message, of which the shortest has
 * 32 bytes (protocol.pdf of WireGuard, 5.4).
 */
static __always_inline bool is_wireguard(struct __sk_buff *skb,
					 const struct wd_pkt *pkt)
{
	const __u8 *msg = inner_header(skb, pkt, 32);

	return msg && msg[0] >= 1 && msg[0] <= 4 && !(msg[1] | msg[2] | msg[3]);
}

/* RFC 3948: an SPI is not 0, which is how IKE is told apart; then a sequence. */
static __always_inline bool is_esp(struct __sk_buff *skb,
				   const struct wd_pkt *pkt)
{
	const __u8 *spi = inner_header(skb, pkt, 8);

	return spi && (spi[0] | spi[1] | spi[2] | spi[3]);
}

__noinline int inside_udp(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	__u8 kind;

	if (!pkt)
		return WD_IN_BAD;
	kind = tunnel_at(pkt->dport, own_port(pkt->dport));
	if (!move_on(pkt, sizeof(struct udphdr)))
		return bad(pkt);
	if (kind == WD_TUNNEL_VXLAN)
		return inside_vxlan(skb);
	if (kind == WD_TUNNEL_GENEVE)
		return inside_geneve(skb);
	if (kind == WD_TUNNEL_GRE)
		return inside_gre(skb);
	/* The port is this node's: its own, not the one that it sends to. */
	if (own_port(pkt->dir == WD_EGRESS ? pkt->sport : pkt->dport) ==
		    WD_TUNNEL_WIREGUARD &&
	    is_wireguard(skb, pkt))
		return WD_IN_WIREGUARD;
	/*
	 * Both ports: nobody translates between nodes, and who chose one of
	 * them alone may be a pod that the node speaks for. To the other one no
	 * pod may send (forbidden() in policy.h).
	 */
	if (pkt->sport == bpf_htons(WD_PORT_ESP) &&
	    pkt->dport == bpf_htons(WD_PORT_ESP))
		return is_esp(skb, pkt) ? WD_IN_ESP : WD_IN_NOTHING;
	if (pkt->dport == bpf_htons(WD_PORT_ESP))
		return WD_IN_NOTHING;
	if (bpf_ntohs(pkt->dport) < WD_ENCAP_EPHEMERAL &&
	    WD_ENCAP_IS_PORT(bpf_ntohs(pkt->dport)))
		return WD_IN_OPAQUE;
	return WD_IN_NOTHING;
}

/*
 * RFC 7348: flag I, and no reserved octet at the end. What flags of extensions
 * (group policy, GPE, remote checksum) give a meaning may be anything, but for
 * the bits by which IP is told.
 */
static __always_inline bool is_vxlan(const __u8 *at)
{
	if (WD_IS_MINIMAL) /* it may be so by chance: nobody would look */
		return at[0] == 8 && !(at[1] | at[2] | at[3] | at[7]);
	return (at[0] & 0x78) == 8 && (!at[7] || at[1] & WD_VXLAN_RCO);
}

/*
 * UDP on a port that nobody told of, or that is told to be opaque: a device for a
 * tunnel may be so new that the agent has not heard of it, or be another
 * machine's. Tunnels are told by how they begin; what only looks like one has no
 * pods inside.
 */
static __always_inline int inside_unknown(struct __sk_buff *skb,
					  struct wd_pkt *pkt)
{
	const __u8 *at = inner_header(skb, pkt, 8);
	__u16 type;

	if (!at)
		return WD_IN_NOTHING;
	/* RFC 8926: version 0, what is reserved is 0, a protocol that is known */
	type = (__u16)(at[2] << 8 | at[3]);
	if (!(at[0] >> 6 | (at[1] & 0x3f) | at[7]) &&
	    (type == WD_ETH_TEB || type == WD_ETH_IP4 || type == WD_ETH_IP6))
		return hint(pkt, 8 + (at[0] & 0x3fU) * 4, type);
	if (is_vxlan(at))
		return hint(pkt, 8, at[0] & 4 ? gpe_type(at[3]) : WD_ETH_TEB);
	if (WD_IS_MINIMAL) /* the same */
		return WD_IN_NOTHING;
	if (at[0] >> 4 == 4)
		return hint(pkt, 0, WD_ETH_IP4);
	return at[0] >> 4 == 6 ? hint(pkt, 0, WD_ETH_IP6) : WD_IN_NOTHING;
}

/* ---- all of them ---- */

static __always_inline int inside_proto(struct __sk_buff *skb,
					struct wd_pkt *pkt)
{
	if (pkt->proto == WD_IP_UDP)
		return inside_udp(skb);
	if (pkt->proto == WD_IP_IPIP)
		return enter(pkt, 0, WD_ETH_IP4);
	if (pkt->proto == WD_IP_IPV6)
		return enter(pkt, 0, WD_ETH_IP6);
	if (pkt->proto == WD_IP_GRE)
		return inside_gre(skb);
	if (pkt->proto == WD_IP_ESP)
		return WD_IN_ESP;
	return WD_ENCAP_IS_PROTO(pkt->proto) ? WD_IN_OPAQUE : WD_IN_NOTHING;
}

/* Does only the first fragment of such a datagram say what is inside? */
static __always_inline bool is_said_first(__u8 proto)
{
	return proto == WD_IP_UDP || proto == WD_IP_IPIP ||
	       proto == WD_IP_IPV6 || proto == WD_IP_GRE ||
	       is_stepped_over(proto);
}

/*
 * A fragment of such a datagram. At a WireGuard device nothing is remembered:
 * what passed encrypted is no word for what is in clear, nor the other way round.
 * Nor is what is but quoted.
 * Return: WD_GO_ON: it says itself what is inside
 */
static __always_inline int inside_fragment(struct __sk_buff *skb,
					   struct wd_pkt *pkt)
{
	if (pkt->frag == WD_FRAG_LATER) {
		if (pkt->wire.is_tun || pkt->wire.is_hint)
			return WD_IN_NOTHING;
		return wire_frag_find(skb) ? WD_IN_FIRST : WD_IN_ORPHAN;
	}
	if (!pkt->wire.is_tun && !pkt->wire.is_hint)
		wire_frag_note(pkt);
	return WD_GO_ON;
}

/*
 * Does only how it begins say what is in UDP? Between nodes what is opaque is
 * dropped as such; with somebody outside it passes.
 */
static __always_inline bool is_unsaid(const struct wd_pkt *pkt, int inside)
{
	if (pkt->proto != WD_IP_UDP || pkt->wire.is_tun)
		return false;
	if (inside == WD_IN_OPAQUE)
		return !WD_IS_MINIMAL && pkt->wire.pair == WD_PAIR_OUTSIDE;
	return inside == WD_IN_NOTHING;
}

/* What is inside the layer at hand. */
__noinline int wire_inside(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	int r;

	if (!pkt)
		return WD_IN_BAD;
	if (!pkt->wire.is_tun && has_quote(skb, pkt))
		return enter_quote(pkt);
	if (pkt->frag != WD_FRAG_NONE && is_said_first(pkt->frag_proto)) {
		r = inside_fragment(skb, pkt);
		if (r != WD_GO_ON)
			return r;
	}
	if (pkt->wire.bad)
		return WD_IN_BAD;
	r = inside_proto(skb, pkt);
	return is_unsaid(pkt, r) ? inside_unknown(skb, pkt) : r;
}

#endif /* WARDER_BPF_WIRE_INSIDE_H */
