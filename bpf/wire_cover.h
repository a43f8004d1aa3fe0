/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_cover.h - counts what was encrypted and what was not, by who said it to
 * whom: evidence for people, on which no verdict rests.
 */
#ifndef WARDER_BPF_WIRE_COVER_H
#define WARDER_BPF_WIRE_COVER_H

#include "wire_who.h"

#define WD_PORT_HBONE 15008
#define WD_PORT_LINKERD 4143

/*
 * The packet is to be counted as @kind, by the ends of the header at hand. In a
 * tunnel with somebody outside they are nobody: a pod that may send there, and
 * who is there, write what addresses they like.
 */
static __always_inline void set_cover(struct wd_pkt *pkt, __u8 kind)
{
	struct wd_cover_key *key = &pkt->wire.cover;
	bool known = !pkt->wire.is_hearsay;

	key->ns[0] = known ? pkt->wire.end[0].ns : WD_NS_NONE;
	key->ns[1] = known ? pkt->wire.end[1].ns : WD_NS_NONE;
	key->node = known ? far_end(pkt)->node : 0;
	key->kind = kind;
	key->dir = pkt->dir;
	key->family = pkt->family;
	key->pad = 0;
	pkt->wire.has_cover = 1;
}

static __always_inline bool has_port(const struct wd_pkt *pkt, __u16 port)
{
	return pkt->proto == WD_IP_TCP &&
	       (pkt->sport == bpf_htons(port) || pkt->dport == bpf_htons(port));
}

/* What is in clear, and may be: a mesh is taken at its port's word. */
static __always_inline __u8 clear_kind(const struct wd_pkt *pkt)
{
	if (pkt->wire.pair == WD_PAIR_NODES)
		return WD_COVER_NODES;
	if (has_port(pkt, WD_PORT_HBONE))
		return WD_COVER_HBONE;
	return has_port(pkt, WD_PORT_LINKERD) ? WD_COVER_LINKERD :
						WD_COVER_CLEAR;
}

/* Add the packet to the entry of @key. Return: false: there is none, and no room */
static __always_inline bool cover_add(const struct wd_pkt *pkt,
				      const struct wd_cover_key *key)
{
	struct wd_stat_val *stat = bpf_map_lookup_elem(&wd_cover, key);
	struct wd_stat_val one = { .packets = 1, .bytes = pkt->len };

	if (!stat)
		return !bpf_map_update_elem(&wd_cover, key, &one, BPF_NOEXIST);
	stat->packets++;
	stat->bytes += pkt->len;
	return true;
}

__noinline int cover_count(struct __sk_buff *skb)
{
	struct wd_cover_key rest = {};
	struct wd_pkt *pkt = this_packet();

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt || !pkt->wire.has_cover)
		return 0;
	/* Twice: another CPU may make the entry at the same time. */
	if (cover_add(pkt, &pkt->wire.cover) ||
	    cover_add(pkt, &pkt->wire.cover))
		return 0;
	rest.kind = pkt->wire.cover.kind;
	rest.dir = pkt->wire.cover.dir;
	if (!cover_add(pkt, &rest))
		(void)cover_add(pkt, &rest);
	return 0;
}

#endif /* WARDER_BPF_WIRE_COVER_H */
