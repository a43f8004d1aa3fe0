/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fragment.h - later fragments go where their first fragment was let go.
 *
 * Owns wd_frag: one train for each datagram in fragments, under (source,
 * destination, id, protocol, direction, endpoint instance). Only a first
 * fragment has ports; when it passes, they are noted in its train, and later
 * fragments are judged as packets of that flow. Nothing is ever read as a
 * header from the payload of a later fragment. A train keeps what has passed of
 * the datagram, so that no receiver can put together what was not judged:
 *
 *   fragment                        no train   train           at its end *
 *   first, denied                   -          ends it         -
 *   first, allowed, same ports      begins it  begins it anew  begins it anew
 *   first, allowed, other ports     begins it  OVERLAP, ends   OVERLAP
 *   later, over the header          OVERLAP    OVERLAP         OVERLAP
 *   later, of bytes not passed yet  ORPHAN     passes          ORPHAN
 *   any other later                 ORPHAN     OVERLAP, ends   ORPHAN
 *
 *   * until it expires; by then no receiver has anything left of it
 *
 * "Other" is what touches bytes that have passed, goes past the end that a last
 * fragment gave, gives an end that others have passed, or makes more holes than
 * a train has room for. A train whose bytes have all passed is forgotten: what
 * a receiver made of it has left the place where fragments are kept. So the
 * ports of what is put together are those of a first fragment that passed, and
 * while a train is known no first fragment with others passes. In mode off
 * nothing is noted, and orphans pass.
 *
 * Shares: trains stand in buckets chosen by hash. In a full one the owner of
 * most of its trains gives way: its oldest is lost, or it gets FRAG_FULL if it
 * is the one that asks. So one that floods takes all that is free, and not a
 * place of anybody else, whichever ids and addresses it picks. The owner is who
 * sent the train, here and at the receiver's hook alike: an endpoint of this
 * node, else the source address. Orphans make nothing.
 */
#ifndef WARDER_BPF_FRAGMENT_H
#define WARDER_BPF_FRAGMENT_H

#include "policy.h"

/* A fragment: what the code under the lock needs, because it may call nothing. */
struct wd_fragment {
	struct wd_frag_key key;
	__u32 now;
	__u32 expires;
	__u32 owner;
	__u32 lo; /* bytes lo .. hi - 1 of the datagram */
	__u32 hi;
	__u8 more;
	__be16 sport;
	__be16 dport;
};

static __always_inline void set_fragment(const struct wd_pkt *pkt,
					 struct wd_fragment *f)
{
	copy_addr6(f->key.src, (const void *)pkt->src);
	copy_addr6(f->key.dst, (const void *)pkt->dst);
	f->key.ep = pkt->key.ep;
	f->key.id = pkt->frag_id;
	f->key.proto = pkt->frag_proto;
	f->key.dir = pkt->dir;
	f->key.family = pkt->family;
	f->key.pad = 0;
	f->now = pkt->now;
	f->lo = pkt->frag_off;
	f->hi = f->lo + pkt->end - pkt_off(pkt);
	f->more = pkt->frag_more;
}

/* ---- buckets ---- */

#define WD_FRAG_KEY_WORDS (sizeof(struct wd_frag_key) / sizeof(__u32))

static __always_inline __u32 frag_mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

/* Not secret: whoever aims at a bucket shares it like anybody else. */
static __always_inline struct wd_frag_val *
bucket_of(const struct wd_frag_key *key)
{
	const __u32 *word = (const void *)key;
	__u32 at = 0, i;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_KEY_WORDS; i++)
		at = frag_mix(at, word[i]);
	at &= WD_FRAG_BUCKETS - 1;
	return bpf_map_lookup_elem(&wd_frag, &at);
}

static __always_inline bool frag_key_is_equal(const struct wd_frag_key *a,
					      const struct wd_frag_key *b)
{
	const __u32 *x = (const void *)a, *y = (const void *)b;
	__u32 diff = 0, i;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_KEY_WORDS; i++)
		diff |= x[i] ^ y[i];
	return !diff;
}

static __always_inline struct wd_train *train_at(struct wd_frag_val *bucket,
						 __u32 at)
{
	WD_OPAQUE(at);
	return &bucket->train[at & (WD_FRAG_WAYS - 1)];
}

/* Where the train of @f is; WD_FRAG_WAYS: nowhere. */
static __always_inline __u32 train_find(const struct wd_frag_val *bucket,
					const struct wd_fragment *f)
{
	const struct wd_train *train;
	__u32 i;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_WAYS; i++) {
		train = &bucket->train[i];
		if (train->expires > f->now &&
		    frag_key_is_equal(&train->key, &f->key))
			break;
	}
	return i;
}

/*
 * Trains of @owner in a full bucket. verifier: counted without a branch, since
 * it would follow each of the 2^8 ways through them.
 */
static __always_inline __u32 trains_of(const struct wd_frag_val *bucket,
				       __u32 owner)
{
	__u32 cnt = 0, i;
	__u64 diff;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_WAYS; i++) {
		diff = bucket->train[i].owner ^ owner;
		WD_OPAQUE(diff);
		cnt += (__u32)((diff - 1) >> 63); /* 1 if there is none */
	}
	return cnt;
}

/* In a full bucket: the oldest train of who has most, if that is more than @owner. */
static __always_inline __u32 train_evict(const struct wd_frag_val *bucket,
					 __u32 owner)
{
	const struct wd_train *train;
	__u64 rank, most = 0;
	__u32 i;

	/* rank: trains of its owner, age, place; in bits 35.., 3-34, 0-2 */
#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_WAYS; i++) {
		train = &bucket->train[i];
		rank = (__u64)trains_of(bucket, train->owner) << 35 |
		       (__u64)~train->expires << 3 | i;
		if (rank > most)
			most = rank;
	}
	if (most >> 35 <= trains_of(bucket, owner))
		return WD_FRAG_WAYS;
	return (__u32)most & (WD_FRAG_WAYS - 1);
}

/* A place for a new train. WD_FRAG_WAYS: the share is used up. */
static __always_inline __u32 train_place(const struct wd_frag_val *bucket,
					 const struct wd_fragment *f)
{
	__u32 i;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_WAYS; i++)
		if (bucket->train[i].expires <= f->now)
			return i;
	return train_evict(bucket, f->owner);
}

/* ---- what has passed ---- */

static __always_inline bool gap_is_empty(const struct wd_frag_gap *gap)
{
	return gap->lo == gap->hi;
}

static __always_inline int gap_add(struct wd_train *train, __u32 lo, __u32 hi)
{
	__u32 i;

	if (lo == hi)
		return WD_GO_ON;
#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_GAPS; i++) {
		if (!gap_is_empty(&train->gap[i]))
			continue;
		train->gap[i].lo = (__u16)lo;
		train->gap[i].hi = (__u16)hi;
		return WD_GO_ON;
	}
	return WD_R_FRAG_OVERLAP;
}

/* Take the bytes of @f out of the gap around them. */
static __always_inline int gap_take(struct wd_train *train,
				    const struct wd_fragment *f)
{
	struct wd_frag_gap *gap;
	__u32 i, end;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_GAPS; i++) {
		gap = &train->gap[i];
		if (gap_is_empty(gap) || f->lo < gap->lo || f->hi > gap->hi)
			continue;
		end = gap->hi;
		if (!f->more && end != WD_FRAG_OPEN)
			return WD_R_FRAG_OVERLAP; /* deny: not the end */
		gap->hi = (__u16)f->lo;
		return gap_add(train, f->hi, f->more ? end : f->hi);
	}
	return WD_R_FRAG_OVERLAP;
}

static __always_inline bool train_is_ended(const struct wd_train *train)
{
	bool ended = true;
	__u32 i;

#pragma clang loop unroll(full)
	for (i = 0; i < WD_FRAG_GAPS; i++)
		ended &= gap_is_empty(&train->gap[i]);
	return ended;
}

static __always_inline void train_end(struct wd_train *train)
{
	__builtin_memset(train->gap, 0, sizeof(train->gap));
}

/* ---- under the lock ---- */

/* A later fragment; sets the ports of @f. */
static __always_inline int train_go_on(struct wd_frag_val *bucket,
				       struct wd_fragment *f)
{
	__u32 at = train_find(bucket, f);
	struct wd_train *train = train_at(bucket, at);

	if (at >= WD_FRAG_WAYS || train_is_ended(train))
		return WD_R_FRAG_ORPHAN;
	f->sport = train->sport;
	f->dport = train->dport;
	if (gap_take(train, f) != WD_GO_ON) {
		train_end(train);
		return WD_R_FRAG_OVERLAP;
	}
	if (train_is_ended(train))
		train->expires = 0;
	return WD_GO_ON;
}

/* A first fragment that passes. */
static __always_inline int train_begin(struct wd_frag_val *bucket,
				       const struct wd_fragment *f)
{
	__u32 at = train_find(bucket, f);
	bool is_new = at >= WD_FRAG_WAYS;
	struct wd_train *train;

	if (is_new)
		at = train_place(bucket, f);
	if (at >= WD_FRAG_WAYS)
		return WD_R_FRAG_FULL;
	train = train_at(bucket, at);
	if (!is_new && (train->sport != f->sport || train->dport != f->dport)) {
		train_end(train);
		return WD_R_FRAG_OVERLAP;
	}
	train->key = f->key;
	train->expires = f->expires;
	train->owner = f->owner;
	train->sport = f->sport;
	train->dport = f->dport;
	train_end(train);
	train->gap[0].lo = (__u16)f->hi;
	train->gap[0].hi = WD_FRAG_OPEN;
	return WD_GO_ON;
}

/* A first fragment that does not. */
static __always_inline void train_deny(struct wd_frag_val *bucket,
				       const struct wd_fragment *f)
{
	__u32 at = train_find(bucket, f);

	if (at < WD_FRAG_WAYS)
		train_end(train_at(bucket, at));
}

/* ---- fragments ---- */

/* All of them are judged, see shed.h. */
static __always_inline bool frag_is_shed(const struct wd_pkt *pkt)
{
	(void)pkt;
	return false;
}

/* Give a later fragment the ports of its first. */
__noinline int frag_find(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_frag_val *bucket;
	struct wd_fragment f = {};
	int r;

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->frag_off < frag_guard(pkt->frag_proto))
		return WD_R_FRAG_OVERLAP;
	if (pkt->ep_flags & WD_EP_OFF)
		return WD_R_FRAG_ORPHAN;
	set_fragment(pkt, &f);
	bucket = bucket_of(&f.key);
	if (!bucket)
		return WD_R_MAP_ERR;
	bpf_spin_lock(&bucket->lock);
	r = train_go_on(bucket, &f);
	bpf_spin_unlock(&bucket->lock);
	if (r != WD_GO_ON)
		return r;
	pkt->dport = f.dport;
	if (proto_is_icmp(pkt)) {
		set_icmp(pkt, pkt->dir, (__u8)(bpf_ntohs(f.dport) >> 8),
			 (__u8)bpf_ntohs(f.dport), f.sport);
		return WD_GO_ON;
	}
	pkt->sport = f.sport;
	set_ports(pkt, pkt->dir, f.sport, f.dport);
	if (pkt->proto == WD_IP_TCP)
		pkt->tcp = WD_TCP_ACK; /* of a connection, and opens none */
	return WD_GO_ON;
}

/*
 * Who answers for a train. A pod behind a bridge is known by its address, which
 * its own outbound hook has checked.
 */
static __always_inline __u32 frag_owner(const struct __sk_buff *skb,
					const struct wd_pkt *pkt)
{
	__u32 iif = skb->ingress_ifindex;
	const struct wd_endpoint_val *from;
	const struct wd_addr_val *val;

	if (pkt->dir == WD_EGRESS)
		return pkt->key.ep;
	from = endpoint_of(iif);
	if (from)
		return from->id;
	val = addr_of(pkt);
	if (val && (val->flags & WD_ADDR_LOCAL)) {
		from = endpoint_of(val->ifindex);
		if (from && from->master == iif)
			return from->id;
	}
	return frag_mix(
		       frag_mix(frag_mix(frag_mix(0, pkt->src[0]), pkt->src[1]),
				pkt->src[2]),
		       pkt->src[3]) |
	       WD_FRAG_REMOTE;
}

/*
 * Note whether a first fragment passed with reason @r.
 * Return: @r, or why it does not pass after all.
 */
__noinline int frag_note(struct __sk_buff *skb, int r)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_frag_val *bucket;
	struct wd_fragment f = {};
	bool allowed;
	int began = WD_GO_ON;

	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->ep_flags & WD_EP_OFF)
		return r;
	set_fragment(pkt, &f);
	f.owner = frag_owner(skb, pkt);
	f.expires =
		pkt->now + (pkt->family == 4 ? WD_LIFE_FRAG4 : WD_LIFE_FRAG6);
	f.sport = proto_is_icmp(pkt) ? pkt->key.lport : pkt->sport;
	f.dport = pkt->dport;
	allowed = passes(pkt, r);
	bucket = bucket_of(&f.key);
	if (!bucket)
		return allowed ? WD_R_MAP_ERR : r;
	bpf_spin_lock(&bucket->lock);
	if (allowed)
		began = train_begin(bucket, &f);
	else
		train_deny(bucket, &f);
	bpf_spin_unlock(&bucket->lock);
	return began == WD_GO_ON ? r : began;
}

#endif /* WARDER_BPF_FRAGMENT_H */
