/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.h - the flow table: where an entry is, how it gets there and goes.
 *
 * Owns wd_flow and wd_quota; knows nothing of what the states of a flow mean.
 * One table for both families, in buckets of WD_FLOW_WAYS entries. A key hashes
 * to two buckets and may be in any way of either; most are in their home way,
 * which is tried first and costs one comparison. The hash is multilinear with
 * secret factors (Dietzfelbinger 1996): for who does not know them, two keys
 * meet with the chance of random ones.
 *
 * An entry is dead from the tick in `expires` on, whoever looks and whatever
 * the load; its place is taken by the next flow that hashes there, and a hand
 * goes on by some buckets with each insertion, so that counts do not stay behind.
 * Nothing scans the table, neither here nor in user space.
 *
 * What holds of concurrency. A place changes its flow under a spin lock, with
 * `expires` 0 meanwhile; `expires` itself is only written under it. Readers
 * take no lock: one that compared the old key just before may go by the new
 * flow for one packet, which belonged to a flow in force a moment before. Fields of a flow are written without a lock, as
 * single stores; packets of one flow on two CPUs may lose one of two updates,
 * of which the next packet makes up.
 */
#ifndef WARDER_BPF_FLOW_H
#define WARDER_BPF_FLOW_H

#include "handshake.h"
#include "maps.h"
#include "parse.h"

/* Buckets of the table less one; set by the loader, as the map's size. */
const volatile __u32 wd_bucket_mask = WD_FLOW_BUCKETS - 1;

/* Factors of the hash, odd; set by the loader, kept with the table. */
const volatile __u64 wd_hash_key[WD_HASH_WORDS] = { 1, 3, 5, 7, 9, 11, 13 };

#define WD_NO_PLACE 0xffffffffU

/* A flow in the table. */
struct wd_spot {
	struct wd_bucket *bucket; /* NULL: no such flow */
	__u32 way;
};

static __always_inline struct wd_flow_entry *
spot_flow(const struct wd_spot *spot)
{
	__u32 way = spot->way;

	WD_OPAQUE(way);
	return &spot->bucket->flow[way & (WD_FLOW_WAYS - 1)];
}

static __always_inline __u32 *spot_expires(const struct wd_spot *spot)
{
	__u32 way = spot->way;

	WD_OPAQUE(way);
	return &spot->bucket->expires[way & (WD_FLOW_WAYS - 1)];
}

static __always_inline struct wd_bucket *bucket_at(__u32 nr)
{
	nr &= wd_bucket_mask;
	return bpf_map_lookup_elem(&wd_flow, &nr);
}

/* ---- hash ---- */

static __always_inline __u64 flow_hash(const struct wd_pkt *pkt)
{
	const __u32 *word = (const void *)&pkt->key;
	__u64 sum = word[3] * wd_hash_key[3] + word[4] * wd_hash_key[4] +
		    word[5] * wd_hash_key[5] + word[6] * wd_hash_key[6];

	if (pkt->family == 4)
		return sum;
	return sum + word[0] * wd_hash_key[0] + word[1] * wd_hash_key[1] +
	       word[2] * wd_hash_key[2];
}

/* The upper half of the sum is as good as random, the lower bits are not. */
static __always_inline __u32 hash_bucket(__u64 hash)
{
	return (__u32)(hash >> 48);
}

static __always_inline __u32 hash_bucket2(__u64 hash)
{
	return (__u32)(hash >> 32) & 0xffff;
}

static __always_inline __u32 hash_tag(__u64 hash)
{
	return (__u32)(hash >> 24);
}

static __always_inline __u32 hash_home(__u64 hash)
{
	return (__u32)(hash >> 29) & (WD_FLOW_WAYS - 1);
}

/* ---- find ---- */

static __always_inline bool key_is(const struct wd_flow_key *key,
				   const struct wd_pkt *pkt)
{
	const __u64 *a = (const void *)key, *b = (const void *)&pkt->key;
	const __u32 *c = (const void *)key, *d = (const void *)&pkt->key;

	/* endpoint and ports, then protocol, own address, sub and family */
	if (a[2] != b[2] || c[6] != d[6])
		return false;
	if (pkt->family == 4)
		return c[3] == d[3];
	return a[0] == b[0] && a[1] == b[1];
}

static __always_inline bool way_is(struct wd_bucket *bucket, __u32 way,
				   const struct wd_pkt *pkt)
{
	struct wd_spot spot = { bucket, way };

	WD_OPAQUE(way);
	return bucket->tag[way & (WD_FLOW_WAYS - 1)] == hash_tag(pkt->hash) &&
	       key_is(&spot_flow(&spot)->key, pkt) &&
	       *spot_expires(&spot) > pkt->now;
}

static __always_inline __u32 place_of(__u32 bucket, __u32 way)
{
	return (bucket & wd_bucket_mask) * WD_FLOW_WAYS + way;
}

/* What is at a place, which may be none. */
static __always_inline struct wd_spot spot_at(__u32 place)
{
	struct wd_spot none = { NULL, 0 };

	if (place == WD_NO_PLACE)
		return none;
	return (struct wd_spot){ bucket_at(place / WD_FLOW_WAYS),
				 place & (WD_FLOW_WAYS - 1) };
}

/* Is the packet's flow at @place? */
WD_STEP_OF(place_is, place)
{
	struct wd_spot spot = spot_at(place);

	(void)skb;
	return spot.bucket && way_is(spot.bucket, spot.way, pkt);
}

static __always_inline __u32 search_bucket(WD_CTX *skb, struct wd_pkt *pkt,
					   __u32 nr)
{
	struct wd_bucket *bucket = bucket_at(nr);
	__u32 way;

	if (!bucket)
		return WD_NO_PLACE;
	for (way = 0; way < WD_FLOW_WAYS; way++)
		if (WD_IS_MINIMAL ? place_is(skb, pkt, place_of(nr, way)) :
				    way_is(bucket, way, pkt))
			return place_of(nr, way);
	return WD_NO_PLACE;
}

/* Look everywhere for the packet's flow; sets pkt->place. */
__noinline int flow_search(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return 0;
	pkt->place = search_bucket(skb, pkt, hash_bucket(pkt->hash));
	if (pkt->place == WD_NO_PLACE)
		pkt->place = search_bucket(skb, pkt, hash_bucket2(pkt->hash));
	return 0;
}

/* What is at pkt->place. */
static __always_inline struct wd_spot spot_here(const struct wd_pkt *pkt)
{
	return spot_at(pkt->place);
}

/* The live flow that pkt->key names. Sets pkt->hash and pkt->place. */
static __always_inline struct wd_spot flow_find(WD_CTX *skb, struct wd_pkt *pkt)
{
	__u64 hash = flow_hash(pkt);
	struct wd_bucket *bucket = bucket_at(hash_bucket(hash));
	__u32 way = hash_home(hash);

	pkt->hash = hash;
	if (WD_LIKELY(bucket && way_is(bucket, way, pkt))) {
		pkt->place = place_of(hash_bucket(hash), way);
		return (struct wd_spot){ bucket, way };
	}
	(void)flow_search(skb);
	return spot_here(pkt);
}

/* ---- shares ---- */

static __always_inline struct wd_quota_val *quota_at(__u32 stat)
{
	stat &= WD_ENDPOINTS_MAX - 1;
	return bpf_map_lookup_elem(&wd_quota, &stat);
}

static __always_inline void quota_let_go(struct wd_quota_val *quota, __u32 tick)
{
	quota->due[tick & (WD_QUOTA_DUE - 1)] = 0;
}

/* The same of the packet's endpoint. */
WD_STEP_OF(let_go, tick)
{
	struct wd_quota_val *quota = quota_at(pkt->ep_stat);

	(void)skb;
	if (quota)
		quota_let_go(quota, tick);
	return 0;
}

/* Let go of what expired since the last time. */
static __always_inline void quota_pass(WD_CTX *skb, struct wd_pkt *pkt,
				       struct wd_quota_val *quota, __u32 now)
{
	__u32 ticks = now - quota->tick, i;
	__u32 open = 0;

	for (i = 0; i < WD_QUOTA_DUE; i++) {
		if (i >= ticks)
			break;
		if (WD_IS_MINIMAL)
			(void)let_go(skb, pkt, now - i);
		else
			quota_let_go(quota, now - i);
	}
#pragma clang loop unroll(full)
	for (i = 0; i < WD_QUOTA_DUE; i++)
		open += (__u32)quota->due[i];
	quota->open = (__s32)open;
	quota->neighbour = 0;
	quota->tick = now;
}

/*
 * Bring the share of the packet's endpoint up to date; that of an instance
 * before it is forgotten. CPUs may do this at once: slots that passed only get
 * 0, and the sum is taken anew each tick, so that what a race spoils does not
 * last.
 */
__noinline int quota_update(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	struct wd_quota_val *quota;
	__u32 now;

	WD_OPAQUE(skb);
	if (!pkt)
		return 0;
	quota = quota_at(pkt->ep_stat);
	if (!quota)
		return 0;
	now = pkt->now;
	if (quota->ep != pkt->key.ep) {
		__builtin_memset(quota, 0, sizeof(*quota));
		quota->ep = pkt->key.ep;
		quota->tick = now;
	}
	/* not behind another CPU's, or another clock's, reading */
	if ((__s32)(now - quota->tick) > 0)
		quota_pass(skb, pkt, quota, now);
	return 0;
}

/* The share of the packet's endpoint. */
static __always_inline struct wd_quota_val *quota_of(WD_CTX *skb,
						     const struct wd_pkt *pkt)
{
	struct wd_quota_val *quota = quota_at(pkt->ep_stat);

	if (quota && (quota->tick != pkt->now || quota->ep != pkt->key.ep))
		(void)quota_update(skb);
	return quota;
}

/*
 * An answer to a single neighbour: it makes no entry in a table, only keeps one
 * that somebody asked for.
 */
static __always_inline bool is_answer_to_one(WD_CTX *skb,
					     const struct wd_pkt *pkt)
{
	const struct ethhdr *eth;

	if (!pkt->is_answer)
		return false;
	eth = header(skb, 0, sizeof(*eth));
	return eth && !(eth->h_dest[0] & 1);
}

/*
 * One more packet of ARP or neighbour discovery from the pod: each may make the
 * host work on a table that all pods share. allow: answers are not rationed, or
 * whoever asks much uses up the ration of the one who is asked
 */
static __always_inline int quota_neighbour(WD_CTX *skb,
					   const struct wd_pkt *pkt)
{
	struct wd_quota_val *quota;

	if (is_answer_to_one(skb, pkt))
		return WD_R_NEIGHBOUR;
	quota = quota_of(skb, pkt);
	if (!quota)
		return WD_R_MAP_ERR;
	if (quota->neighbour >= WD_NEIGHBOUR_RATE)
		return WD_R_NEIGHBOUR_FLOOD;
	__sync_fetch_and_add(&quota->neighbour, 1);
	return WD_R_NEIGHBOUR;
}

static __always_inline void quota_open_add(struct wd_quota_val *quota,
					   __u32 expires, __s32 cnt)
{
	__u32 at = expires & (WD_QUOTA_DUE - 1);

	if ((__s32)(expires - quota->tick) <= 0)
		return; /* what was due then has been let go */
	__sync_fetch_and_add(&quota->due[at], cnt);
	__sync_fetch_and_add(&quota->open, cnt);
}

/* The flow at @spot is not counted as unreplied any more. */
static __always_inline void close_spot(const struct wd_spot *spot)
{
	struct wd_flow_entry *flow = spot_flow(spot);
	struct wd_quota_val *quota;

	if (!(flow->flags & WD_FLOW_OPEN))
		return;
	flow->flags &= (__u16)~WD_FLOW_OPEN;
	quota = quota_at(flow->stat);
	if (quota && quota->ep == flow->key.ep)
		quota_open_add(quota, *spot_expires(spot), -1);
}

WD_STEP(close_here)
{
	struct wd_spot spot = spot_here(pkt);

	(void)skb;
	if (spot.bucket)
		close_spot(&spot);
	return 0;
}

/* The same of the packet's flow, which is at pkt->place. */
static __always_inline void quota_close(WD_CTX *skb, struct wd_pkt *pkt,
					const struct wd_spot *spot)
{
	if (WD_IS_MINIMAL)
		(void)close_here(skb, pkt);
	else
		close_spot(spot);
}

/* ---- places ---- */

static __always_inline struct wd_flowlock_val *lock_of(__u32 bucket)
{
	__u32 at = bucket & wd_bucket_mask & (WD_FLOW_LOCKS - 1);

	return bpf_map_lookup_elem(&wd_flowlock, &at);
}

/*
 * Let the packet's flow, which is at pkt->place, die at @to instead of @from.
 * Not if another CPU took it out meanwhile: a place that is free must not come
 * back to life, or its flow would be let go, and counted so, a second time.
 */
static __always_inline bool spot_renew(const struct wd_pkt *pkt,
				       const struct wd_spot *spot, __u32 from,
				       __u32 to)
{
	struct wd_flowlock_val *lock = lock_of(pkt->place / WD_FLOW_WAYS);
	volatile __u32 *at = spot_expires(spot);
	bool is_it;

	if (!lock || !from)
		return false;
	bpf_spin_lock(&lock->lock);
	is_it = *at == from;
	if (is_it)
		*at = to;
	bpf_spin_unlock(&lock->lock);
	return is_it;
}

/* Let the flow at @spot die at another time, also in the count. */
static __always_inline void
spot_die_at(const struct wd_pkt *pkt, const struct wd_spot *spot, __u32 expires)
{
	struct wd_flow_entry *flow = spot_flow(spot);
	__u32 was = *(volatile __u32 *)spot_expires(spot);
	struct wd_quota_val *quota;

	if (was == expires || !spot_renew(pkt, spot, was, expires) ||
	    !(flow->flags & WD_FLOW_OPEN))
		return;
	quota = quota_at(flow->stat);
	if (!quota || quota->ep != flow->key.ep)
		return;
	quota_open_add(quota, was, -1);
	quota_open_add(quota, expires, 1);
}

WD_STEP_OF(die_at, expires)
{
	struct wd_spot spot = spot_here(pkt);

	(void)skb;
	if (spot.bucket)
		spot_die_at(pkt, &spot, expires);
	return 0;
}

/* Give the packet's flow, which is at pkt->place, another time of death. */
static __always_inline void spot_set_expires(WD_CTX *skb, struct wd_pkt *pkt,
					     const struct wd_spot *spot,
					     __u32 expires)
{
	if (WD_IS_MINIMAL)
		(void)die_at(skb, pkt, expires);
	else
		spot_die_at(pkt, spot, expires);
}

/*
 * Has the flow been dead for a whole tick? A packet on another CPU that began
 * in the tick before may have found it alive and be about to prolong it.
 */
static __always_inline bool is_free(const struct wd_bucket *bucket, __u32 way,
				    __u32 now)
{
	WD_OPAQUE(way);
	return bucket->expires[way & (WD_FLOW_WAYS - 1)] < now;
}

/* A way of the bucket that is free, home first. */
static __always_inline __u32 free_way(const struct wd_bucket *bucket,
				      __u32 home, __u32 now)
{
	__u32 way;

	if (is_free(bucket, home, now))
		return home;
	for (way = 0; way < WD_FLOW_WAYS; way++)
		if (is_free(bucket, way, now))
			return way;
	return WD_FLOW_WAYS;
}

enum wd_yield {
	WD_YIELD_NOT,
	WD_YIELD_REPLIED, /* a replied one, of an endpoint that has more */
	WD_YIELD_ANSWERED, /* one of its own, of no connection */
	WD_YIELD_FIRST, /* nothing yields better: no need to look on */
};

/*
 * May the flow at @spot give way to the packet's, whose endpoint has @mine? Those
 * whose endpoint is gone; of its own what others opened, but no connection; of
 * other endpoints only what belongs to one that has more. What a pod asked for
 * itself does not yield to what others send it.
 */
static __always_inline enum wd_yield
yields(const struct wd_spot *spot, const struct wd_pkt *pkt, __s32 mine)
{
	const struct wd_flow_entry *flow = spot_flow(spot);
	struct wd_quota_val *quota = quota_at(flow->stat);
	bool replied = flow->flags & WD_FLOW_REPLIED;

	if (!quota || quota->ep != flow->key.ep)
		return WD_YIELD_FIRST;
	if (flow->key.ep == pkt->key.ep) {
		if (flow->dir == WD_EGRESS && pkt->dir == WD_INGRESS)
			return WD_YIELD_NOT;
		if (!replied)
			return WD_YIELD_FIRST;
		return flow->key.proto == WD_IP_TCP ? WD_YIELD_NOT :
						      WD_YIELD_ANSWERED;
	}
	if (quota->flows <= mine)
		return WD_YIELD_NOT;
	return replied ? WD_YIELD_REPLIED : WD_YIELD_FIRST;
}

/*
 * Put @place into pkt->place if its flow, which is at @spot, is the best one to
 * give way so far. Return: whether there is no better.
 */
static __always_inline bool is_victim(const struct wd_spot *spot,
				      struct wd_pkt *pkt, __s32 mine,
				      __u32 place)
{
	enum wd_yield yield = yields(spot, pkt, mine);

	if (yield == WD_YIELD_NOT ||
	    (yield == WD_YIELD_REPLIED && pkt->place != WD_NO_PLACE))
		return false;
	pkt->place = place;
	return yield == WD_YIELD_FIRST;
}

WD_STEP_OF(place_is_victim, place)
{
	struct wd_spot spot = spot_at(place);
	struct wd_quota_val *quota = quota_at(pkt->ep_stat);

	(void)skb;
	return spot.bucket && quota &&
	       is_victim(&spot, pkt, quota->flows, place);
}

/*
 * The place in one bucket that is best taken from its flow, into pkt->place.
 * Return: whether there is no better. Begins at the home way: in a flood that
 * is mostly one of the flood's.
 */
static __always_inline bool find_victim(WD_CTX *skb, struct wd_pkt *pkt,
					__u32 nr, __s32 mine)
{
	struct wd_spot spot = { bucket_at(nr), 0 };
	__u32 home = hash_home(pkt->hash);
	__u32 i, place;

	if (!spot.bucket)
		return false;
	for (i = 0; i < WD_FLOW_WAYS; i++) {
		spot.way = (home + i) & (WD_FLOW_WAYS - 1);
		place = place_of(nr, spot.way);
		if (WD_IS_MINIMAL ? place_is_victim(skb, pkt, place) :
				    is_victim(&spot, pkt, mine, place))
			return true;
	}
	return false;
}

/* Set pkt->place to one whose flow gives way to the packet's; or to none. */
__noinline int flow_victim(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	struct wd_quota_val *quota;

	WD_OPAQUE(skb);
	if (!pkt)
		return 0;
	pkt->place = WD_NO_PLACE;
	quota = quota_at(pkt->ep_stat);
	if (!quota ||
	    find_victim(skb, pkt, hash_bucket(pkt->hash), quota->flows))
		return 0;
	(void)find_victim(skb, pkt, hash_bucket2(pkt->hash), quota->flows);
	return 0;
}

/* Set pkt->place to a free one; or to none. */
static __always_inline void find_room(struct wd_pkt *pkt, __u32 nr)
{
	struct wd_bucket *bucket = bucket_at(nr);
	__u32 way;

	if (!bucket)
		return;
	way = free_way(bucket, hash_home(pkt->hash), pkt->now);
	if (way < WD_FLOW_WAYS)
		pkt->place = place_of(nr, way);
}

/* ---- in and out ---- */

/* What the flow that was at a place is counted by. */
struct wd_gone {
	__u32 ep;
	__u32 stat;
	__u32 expires; /* 0: there was none */
	__u16 flags;
};

static __always_inline void quota_forget(const struct wd_gone *gone)
{
	struct wd_quota_val *quota;

	if (!gone->expires)
		return;
	quota = quota_at(gone->stat);
	if (!quota || quota->ep != gone->ep)
		return;
	__sync_fetch_and_add(&quota->flows, -1);
	if (gone->flags & WD_FLOW_OUT)
		__sync_fetch_and_add(&quota->out, -1);
	if (gone->flags & WD_FLOW_OPEN)
		quota_open_add(quota, gone->expires, -1);
}

static __always_inline void note_gone(struct wd_gone *gone,
				      const struct wd_flow_entry *flow)
{
	gone->ep = flow->key.ep;
	gone->stat = flow->stat;
	gone->flags = flow->flags;
}

/* Take out the flow at @spot if it dies at @expires. Return: whether it did. */
static __always_inline bool spot_clear(const struct wd_spot *spot, __u32 nr,
				       __u32 expires)
{
	struct wd_flowlock_val *lock = lock_of(nr);
	struct wd_flow_entry *flow = spot_flow(spot);
	struct wd_gone gone = { .expires = expires };
	volatile __u32 *at = spot_expires(spot);
	bool is_it;

	if (!lock)
		return false;
	bpf_spin_lock(&lock->lock);
	is_it = *at == expires;
	if (is_it) {
		note_gone(&gone, flow);
		*at = 0;
	}
	bpf_spin_unlock(&lock->lock);
	if (is_it)
		quota_forget(&gone);
	return is_it;
}

/* Drop the flow at @spot if it is dead. */
static __always_inline void sweep_spot(const struct wd_pkt *pkt,
				       const struct wd_spot *spot, __u32 nr)
{
	__u32 expires = *spot_expires(spot);

	if (expires && expires < pkt->now)
		(void)spot_clear(spot, nr, expires);
}

WD_STEP_OF(sweep_place, place)
{
	struct wd_spot spot = spot_at(place);

	(void)skb;
	if (spot.bucket)
		sweep_spot(pkt, &spot, place / WD_FLOW_WAYS);
	return 0;
}

/* Drop the dead of the bucket that this CPU's hand points to, and go on. */
__noinline int flow_sweep(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	struct wd_spot spot = {};
	__u32 nr, way;

	WD_OPAQUE(skb);
	if (!pkt)
		return 0;
	nr = pkt->hand++;
	spot.bucket = bucket_at(nr);
	if (!spot.bucket)
		return 0;
	for (way = 0; way < WD_FLOW_WAYS; way++) {
		spot.way = way;
		if (WD_IS_MINIMAL)
			(void)sweep_place(skb, pkt, place_of(nr, way));
		else
			sweep_spot(pkt, &spot, nr);
	}
	return 0;
}

/*
 * Write the packet's flow to pkt->place, in place of what is there. Return:
 * false if another CPU was faster.
 */
static __always_inline bool place_fill(struct wd_pkt *pkt,
				       const struct wd_draft *draft)
{
	struct wd_flowlock_val *lock = lock_of(pkt->place / WD_FLOW_WAYS);
	struct wd_spot spot = spot_here(pkt);
	struct wd_gone gone = {};
	volatile __u32 *at;
	struct wd_flow_entry *flow;
	__u32 way;
	bool is_it;

	if (!lock || !spot.bucket)
		return false;
	flow = spot_flow(&spot);
	at = spot_expires(&spot);
	way = spot.way;
	WD_OPAQUE(way);
	gone.expires = *at;
	bpf_spin_lock(&lock->lock);
	is_it = *at == gone.expires;
	if (is_it) {
		note_gone(&gone, flow);
		*at = 0;
		spot.bucket->tag[way & (WD_FLOW_WAYS - 1)] =
			hash_tag(pkt->hash);
		flow->key = pkt->key;
		flow->gen = draft->gen;
		flow->rule = pkt->rule;
		/* both directions' alike; the packet's are the ones read */
		flow->end[WD_INGRESS] = pkt->seq + pkt->seg;
		flow->end[WD_EGRESS] = pkt->seq + pkt->seg;
		flow->ack[WD_INGRESS] = pkt->seq + 1;
		flow->ack[WD_EGRESS] = pkt->seq + 1;
		flow->again = WD_TIMES ? pkt->began : 0;
		flow->flags = draft->flags;
		flow->stat = (__u16)pkt->ep_stat;
		flow->dir = draft->dir;
		flow->made = (__u16)pkt->now;
		flow->reason = draft->reason;
		*at = draft->expires;
	}
	bpf_spin_unlock(&lock->lock);
	if (is_it)
		quota_forget(&gone);
	return is_it;
}

/* A place for the packet's flow, or none, in pkt->place. */
WD_STEP(find_place)
{
	pkt->place = WD_NO_PLACE;
	find_room(pkt, hash_bucket(pkt->hash));
	if (pkt->place == WD_NO_PLACE)
		find_room(pkt, hash_bucket2(pkt->hash));
	if (pkt->place == WD_NO_PLACE)
		(void)flow_victim(skb);
	return 0;
}

/*
 * Make the packet's flow, counted against its endpoint's share. Return: false
 * if there is no place for it.
 */
static __always_inline bool flow_insert(WD_CTX *skb, struct wd_pkt *pkt,
					const struct wd_draft *draft)
{
	struct wd_quota_val *quota;

	/* verifier: forgets in memory which ways have led to which draft */
	if (WD_IS_MINIMAL) {
		pkt->draft = *draft;
		draft = &pkt->draft;
	}
	(void)find_place(skb, pkt);
	if (pkt->place == WD_NO_PLACE || !place_fill(pkt, draft))
		return false;
	quota = quota_at(pkt->ep_stat);
	if (!quota)
		return true;
	__sync_fetch_and_add(&quota->flows, 1);
	if (draft->flags & WD_FLOW_OUT)
		__sync_fetch_and_add(&quota->out, 1);
	if (draft->flags & WD_FLOW_OPEN)
		quota_open_add(quota, draft->expires, 1);
	return true;
}

#endif /* WARDER_BPF_FLOW_H */
