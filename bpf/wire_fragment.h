/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_fragment.h - what became of the first fragments of datagrams of which
 * the others do not say what is inside.
 *
 * Only of datagrams that are judged by what is inside: those with a pod at
 * each end, or at one, are judged by their addresses. Memory is bounded by
 * LRU; a first that was pushed out is as one never seen.
 */
#ifndef WARDER_BPF_WIRE_FRAGMENT_H
#define WARDER_BPF_WIRE_FRAGMENT_H

#include "identity.h"

/* Private to the object: it means nothing after a few ticks. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WD_WIREFRAGS_MAX);
	__type(key, struct wd_wirefrag_key);
	__type(value, struct wd_wirefrag_val);
} wd_wirefrag SEC(".maps");

static __always_inline void set_wirefrag(const struct wd_pkt *pkt,
					 struct wd_wirefrag_key *key)
{
	copy_addr6(key->src, (const void *)pkt->src);
	copy_addr6(key->dst, (const void *)pkt->dst);
	key->id = pkt->frag_id;
	key->proto = pkt->frag_proto;
	key->dir = pkt->dir;
	key->family = pkt->family;
	key->pad = 0;
}

/* A later fragment. Return: is its first known? Then pkt->wire has what it was. */
__noinline int wire_frag_find(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct wd_wirefrag_val *val;
	struct wd_wirefrag_key key = {};

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return 0;
	set_wirefrag(pkt, &key);
	val = bpf_map_lookup_elem(&wd_wirefrag, &key);
	if (!val || (__s32)(val->expires - pkt->now) <= 0)
		return 0;
	pkt->wire.first = val->reason;
	if (val->reason >= WD_R_FIRST_DROP)
		pkt->wire.first = WD_R_FRAG_ORPHAN;
	else if (pkt->frag_off < val->hi)
		pkt->wire.first = WD_R_FRAG_OVERLAP;
	else if (val->has_cover)
		pkt->wire.cover = val->cover;
	pkt->wire.has_cover = val->has_cover && pkt->wire.first == val->reason;
	return 1;
}

/* The layer at hand is a first fragment: to be told at the end what became of it. */
static __always_inline void wire_frag_note(struct wd_pkt *pkt)
{
	if (pkt->wire.has_note)
		return;
	set_wirefrag(pkt, &pkt->wire.note);
	pkt->wire.note_hi = pkt->wire.share;
	pkt->wire.has_note = 1;
}

/*
 * The packet has such a fragment, and ends with reason @r.
 * Return: @r, or why it does not pass after all.
 */
__noinline int wire_frag_end(struct __sk_buff *skb, __u32 r)
{
	struct wd_wirefrag_val val = {};
	struct wd_pkt *pkt = this_packet();

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return WD_R_MAP_ERR;
	if (!pkt->wire.has_note)
		return (int)r;
	val.cover = pkt->wire.cover;
	val.has_cover = pkt->wire.has_cover;
	val.expires = pkt->now + (pkt->wire.note.family == 4 ? WD_LIFE_FRAG4 :
							       WD_LIFE_FRAG6);
	val.hi = pkt->wire.note_hi;
	val.reason = (__u8)r;
	if (bpf_map_update_elem(&wd_wirefrag, &pkt->wire.note, &val, BPF_ANY) &&
	    r < WD_R_FIRST_DROP)
		return WD_R_MAP_ERR;
	return (int)r;
}

#endif /* WARDER_BPF_WIRE_FRAGMENT_H */
