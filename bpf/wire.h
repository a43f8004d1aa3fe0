/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h - the hooks on the devices by which packets leave the node, and on
 * WireGuard's: nothing that must be encrypted leaves or comes in clear.
 *
 * Each packet is read from outside, one IP header after the other, until it is
 * clear what it is. Of each header:
 *
 *   ends                    what                        verdict
 *   two pods                must be encrypted           PLAINTEXT_*
 *                           need not be                 IN_CLEAR
 *   pod and node            as the pod must             as above; EXEMPT, if the node is
 *   two nodes               ESP, WireGuard of this node ENCRYPTED
 *                           a tunnel                    what is inside
 *                           an ICMP error               what it quotes, if that is of pods that
 *                                                       must encrypt; else as anything else
 *                           one that cannot be read     TUN_OPAQUE
 *                           anything else               as nodes must; EXEMPT
 *   somebody outside        a tunnel                    what is inside
 *                           an ICMP error               what it quotes, if that is of pods that
 *                                                       must encrypt; else OUTSIDE
 *                           anything else               OUTSIDE
 *
 * UDP on a port that nobody told of and that begins like a tunnel is what is
 * inside, if that is of pods that must encrypt; else as any other of its ends.
 *
 * A pod is also what has an address of the cluster that nobody knows; where no
 * prefix of the cluster is known, whoever a pod that must encrypt talks to. What
 * cannot be read between nodes is dropped. At a WireGuard device all of it is
 * encrypted already, and the question is for whom, and from whom: the peer must
 * be the node that the pod is on.
 *
 * Threat model. Whatever routed the packet here is not believed: neither
 * routes, rules, marks and NAT of this node, nor what a pod wrote. Machines
 * elsewhere control all of what comes in. Believed are the tables of the agent,
 * and WireGuard: that what comes out of it was sent by the peer that may.
 *
 * wd_wire has the programs for all kernels from 5.10 on, and wd_wiremin those
 * with the fewest instructions for the verifier. It tells no events, and looks
 * into no tunnel, quoted or not: on a wire that is TUN_OPAQUE, at a WireGuard
 * device the nodes at its ends are all that is judged.
 */
#ifndef WARDER_BPF_WIRE_H
#define WARDER_BPF_WIRE_H

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "conclude.h"
#include "wire_cover.h"
#include "wire_inside.h"
#if !WD_IS_MINIMAL
#include "wire_short.h"
#endif

/* ---- on a wire ---- */

/* What lies between its ends is in clear. */
static __always_inline int judge_clear(struct wd_pkt *pkt)
{
	if (!must_encrypt(pkt)) {
		set_cover(pkt, clear_kind(pkt));
		return WD_R_IN_CLEAR;
	}
	if (is_exempt(pkt)) {
		set_cover(pkt, WD_COVER_EXEMPT);
		return WD_R_EXEMPT;
	}
	set_cover(pkt, WD_COVER_DROPPED);
	return pkt->dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT : WD_R_PLAINTEXT_IN;
}

/* allow: without neighbour discovery nodes reach nobody; ARP is not IP at all */
static __always_inline bool is_neighbour(struct __sk_buff *skb,
					 const struct wd_pkt *pkt)
{
	const __u8 *type;

	if (pkt->family != 6 || pkt->proto != WD_IP_ICMP6 ||
	    pkt->frag != WD_FRAG_NONE || pkt->hops != 255)
		return false;
	type = inner_header(skb, pkt, sizeof(struct icmp6hdr));
	return type && *type >= WD_ND_RS && *type <= WD_ND_REDIRECT;
}

/* Something is inside, or around, that is seen and not said here. */
static __always_inline int set_hidden(struct wd_pkt *pkt, __u8 kind, int r)
{
	set_cover(pkt, kind);
	pkt->wire.cover.family = 0;
	return r;
}

static __always_inline int judge_nodes(struct __sk_buff *skb,
				       struct wd_pkt *pkt, int inside)
{
	if (inside == WD_IN_ESP)
		return set_hidden(pkt, WD_COVER_ESP, WD_R_ENCRYPTED);
	if (inside == WD_IN_WIREGUARD)
		return WD_R_ENCRYPTED;
	if (inside == WD_IN_OPAQUE)
		return set_hidden(pkt, WD_COVER_DROPPED, WD_R_TUN_OPAQUE);
	if (inside == WD_IN_BAD)
		return pkt->wire.bad;
	if (inside == WD_IN_ORPHAN)
		return WD_R_FRAG_ORPHAN;
	/* deny: where it goes to is in that header, not where we looked */
	if (pkt->wire.is_routed)
		return WD_R_EXTHDR;
	if (must_encrypt(pkt) && is_neighbour(skb, pkt))
		return WD_R_OUTSIDE;
	return judge_clear(pkt);
}

/* Perhaps it has a packet inside. Return: what it is without, if that is a drop */
static __always_inline int go_by_hint(struct __sk_buff *skb, struct wd_pkt *pkt,
				      bool is_nodes)
{
	int r = is_nodes ? judge_nodes(skb, pkt, WD_IN_NOTHING) : WD_R_OUTSIDE;

	if (r >= WD_R_FIRST_DROP)
		return r;
	pkt->wire.is_hint = 1;
	pkt->wire.otherwise = (__u8)r;
	return WD_GO_ON;
}

/*
 * Counted, and in nobody's name: whoever may send UDP to somebody outside writes
 * any address into what looks like a tunnel.
 */
static __always_inline int set_nameless(struct wd_pkt *pkt, int r)
{
	pkt->wire.cover.ns[0] = WD_NS_NONE;
	pkt->wire.cover.ns[1] = WD_NS_NONE;
	pkt->wire.cover.node = 0;
	return r;
}

/* A layer inside of such: pkt->wire.otherwise is what it is without. */
static __always_inline int judge_hinted(struct __sk_buff *skb,
					struct wd_pkt *pkt)
{
	int inside;

	if (pkt->wire.pair == WD_PAIR_PODS)
		return must_encrypt(pkt) && !is_exempt(pkt) ?
			       set_nameless(pkt, judge_clear(pkt)) :
			       pkt->wire.otherwise;
	inside = wire_inside(skb);
	if (inside == WD_IN_UNSEEN)
		return set_hidden(pkt, WD_COVER_DROPPED, WD_R_TUN_OPAQUE);
	return inside == WD_IN_PACKET || inside == WD_IN_HINT ?
		       WD_GO_ON :
		       pkt->wire.otherwise;
}

__noinline int judge_wire(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	bool is_nodes;
	int inside;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->wire.is_hint)
		return judge_hinted(skb, pkt);
	if (pkt->wire.pair == WD_PAIR_PODS)
		return judge_clear(pkt);
	is_nodes = pkt->wire.pair == WD_PAIR_NODES;
	inside = wire_inside(skb);
	if (inside == WD_IN_PACKET) {
		pkt->wire.otherwise = is_nodes ? 0 : WD_R_OUTSIDE;
		return WD_GO_ON;
	}
	if (inside == WD_IN_HINT)
		return go_by_hint(skb, pkt, is_nodes);
	if (inside == WD_IN_FIRST)
		return pkt->wire.first;
	if (inside == WD_IN_UNSEEN)
		return set_hidden(pkt, WD_COVER_DROPPED, WD_R_TUN_OPAQUE);
	return is_nodes ? judge_nodes(skb, pkt, inside) : WD_R_OUTSIDE;
}

/* ---- at a WireGuard device ---- */

/* The node whose key the packet is, or was, encrypted with. 0: nobody's */
static __always_inline __u32 peer_node(const struct __sk_buff *skb,
				       const struct wd_pkt *pkt)
{
	const struct wd_tun_val *tun =
		tun_of(pkt, pkt->dir == WD_EGRESS ? pkt->dst : pkt->src);

	return tun && tun->ifindex == skb->ifindex ? tun->node : 0;
}

/* Is the peer the node that the far end is on? Nobody knows that of outsiders. */
static __always_inline bool is_with_peer(const struct wd_pkt *pkt)
{
	const struct wd_end *far = far_end(pkt);

	if (far->who == WD_WHO_OUTSIDE)
		return true;
	if (!pkt->wire.peer)
		return false;
	if (far->who == WD_WHO_INSIDE && !far->node)
		return true;
	return far->node == pkt->wire.peer;
}

/* Into the device, and for the wrong node. */
static __always_inline int judge_astray(struct wd_pkt *pkt)
{
	if (!must_encrypt(pkt) || is_exempt(pkt)) {
		set_cover(pkt, WD_COVER_WIREGUARD);
		return WD_R_ENCRYPTED;
	}
	set_cover(pkt, WD_COVER_DROPPED);
	return WD_R_WG_STATE;
}

__noinline int judge_tun(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();

	if (!pkt)
		return WD_R_MAP_ERR;
	/* The outermost header is the one that WireGuard goes by. */
	if (!pkt->wire.otherwise)
		pkt->wire.peer = peer_node(skb, pkt);
	if (pkt->dir == WD_INGRESS &&
	    (pkt->wire.end[WD_END_SRC].here || !is_with_peer(pkt))) {
		pkt->wire.has_cover = 0;
		return WD_R_TUN_BAD_PEER;
	}
	if (!is_with_peer(pkt))
		return judge_astray(pkt);
	set_cover(pkt, WD_COVER_WIREGUARD);
	if (pkt->wire.pair == WD_PAIR_PODS)
		return WD_R_ENCRYPTED;
	pkt->wire.otherwise = WD_R_ENCRYPTED;
	return wire_inside(skb) == WD_IN_PACKET ? WD_GO_ON : WD_R_ENCRYPTED;
}

/* ---- the order of the decision ---- */

/* One layer: WD_GO_ON if what is inside it says what it is. */
__noinline int wire_layer(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	int r;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->wire.is_frame) {
		r = wire_link(skb);
		if (r != WD_GO_ON)
			return r;
	}
	r = wire_ip(skb, pkt);
	if (r != WD_GO_ON)
		return r;
	r = wire_transport(skb);
	if (r != WD_GO_ON)
		return r;
	r = wire_ends(skb, pkt);
	if (r != WD_GO_ON)
		return r;
	r = pkt->wire.is_tun ? judge_tun(skb) : judge_wire(skb);
	if (r == WD_GO_ON && pkt->wire.pair == WD_PAIR_OUTSIDE)
		pkt->wire.is_hearsay = 1;
	return r;
}

static __always_inline int read_switches(struct wd_pkt *pkt)
{
	const struct wd_state_val *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	if (!state)
		return WD_R_MAP_ERR;
	pkt->gen = *(const volatile __u32 *)&state->gen;
	pkt->switches = state->flags;
	pkt->monitor = (__u8)state->monitor;
	pkt->rung = (__u8)state->rung;
	pkt->now = clock_ticks();
	return pkt->switches & WD_STATE_ENCRYPT ? WD_GO_ON : WD_R_OUTSIDE;
}

/* What the outermost layer begins with. */
static __always_inline int wire_begin(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const struct wd_wire_val *wire;
	__u32 ifindex = skb->ifindex;

	pkt->end = pkt->len;
	if (pkt->wire.is_tun)
		return wire_raw(skb, pkt);
	wire = bpf_map_lookup_elem(&wd_wire, &ifindex);
	/* deny: nobody knows where in it to look */
	if (!wire)
		return WD_R_NO_ENDPOINT;
	if (wire->raw)
		return wire_raw(skb, pkt);
	pkt->wire.is_frame = 1;
	return WD_GO_ON;
}

static __always_inline int wire_decide(struct __sk_buff *skb,
				       struct wd_pkt *pkt)
{
	int r, i;

	r = read_switches(pkt);
	if (r != WD_GO_ON)
		return r;
	r = wire_begin(skb, pkt);
	for (i = 0; i < WD_WIRE_LAYERS; i++) {
		if (r != WD_GO_ON)
			return r;
		r = wire_layer(skb);
	}
	/* deny: a packet may not hide behind as many others */
	return r == WD_GO_ON ? torn(pkt, WD_R_TUN_OPAQUE) : r;
}

static __always_inline int wire_handle(struct __sk_buff *skb, __u8 dir,
				       bool is_tun)
{
	struct wd_pkt *pkt;
	int r;

#if !WD_IS_MINIMAL
	if (WD_LIKELY(is_tun ? tun_short(skb, dir) : wire_short(skb, dir)))
		return WD_TC_NEXT;
#endif
	pkt = this_packet();
	if (!pkt)
		return WD_TC_SHOT; /* deny: not reached, see this_packet() */
	__builtin_memset(pkt, 0, WD_PKT_ZEROED);
	pkt->dir = dir;
	pkt->len = skb->len;
	pkt->wire.is_tun = is_tun;
	r = wire_decide(skb, pkt);
	if (pkt->wire.has_note)
		r = wire_frag_end(skb, (__u32)r);
	if (pkt->wire.has_cover)
		cover_count(skb);
	return conclude(skb, pkt, (__u32)r);
}

#endif /* WARDER_BPF_WIRE_H */
