/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.h - what the compiled policy says of one peer and one port, and what
 * no policy can allow.
 *
 * Owns the walk slot -> span -> class -> rule. Pure: looks things up, changes no
 * state, and does not care whether the packet opens a flow or belongs to one:
 * all it looks at is the same in both directions of a flow, so that the answer
 * to what may not be sent cannot be a way round. First match wins; what is
 * missing or does not add up allows nothing.
 */
#ifndef WARDER_BPF_POLICY_H
#define WARDER_BPF_POLICY_H

#include <warder/encap.h>

#include "identity.h"

/* Of those below 64. */
#define WD_IS_ONE_OF(r, set) ((r) < 64 && ((set) >> ((r) & 63) & 1))

#define WD_POLICY_REASONS \
	(1ULL << WD_R_DEFAULT | 1ULL << WD_R_POLICY | \
	 1ULL << WD_R_PROTO_UNSUP | 1ULL << WD_R_MCAST)

/* A policy verdict against the packet, which audit mode lets pass. */
static __always_inline bool reason_is_policy(int r)
{
	return r == WD_R_SERVICE || WD_IS_ONE_OF(r, WD_POLICY_REASONS);
}

/* Does a packet with reason @r go through? */
static __always_inline bool passes(const struct wd_pkt *pkt, int r)
{
	if ((__u32)r < WD_R_FIRST_DROP)
		return true;
	return reason_is_policy(r) &&
	       ((pkt->ep_flags & WD_EP_AUDIT) || pkt->tried);
}

/* ---- what no policy can allow ---- */

/*
 * Is the endpoint's own end of the flow a DHCP server? Neither may it send as
 * one nor be asked as one: the answer would belong to a flow.
 */
static __always_inline bool is_dhcp_server(const struct wd_pkt *pkt)
{
	return pkt->proto == WD_IP_UDP &&
	       pkt->key.lport == bpf_htons(pkt->family == 4 ? WD_DHCP4_SERVER :
							      WD_DHCP6_SERVER);
}

/* Besides a port: one that whoever asks may have, no tunnel unless known as one. */
#define WD_UNPACKED_KNOWN 0x10000u

/*
 * Does this node unpack what comes to UDP port @asked, in host byte order, or
 * can it not be said? All nodes of a cluster are taken to do alike. WireGuard
 * believes no packet, and gets ports that anybody may ask from.
 *
 * Without a branch for each entry: the verifier would go down both.
 */
__noinline int unpacked_at(__u32 asked)
{
	__u32 zero = 0, port = asked & 0xffff, found = 0;
	const struct wd_state_val *state;
	bool any;
	int i;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	if (!state)
		return 1;
	any = state->tunnel[WD_TUNNEL_PORTS - 1].kind == WD_TUNNEL_ANY ||
	      WD_ENCAP_IS_PORT(port);
	if (any && !(asked & WD_UNPACKED_KNOWN))
		return 1;
#pragma unroll
	for (i = 0; i < WD_TUNNEL_PORTS; i++) {
		__u64 other = bpf_ntohs(state->tunnel[i].port) ^ port;

		barrier_var(other);
		other = (other - 1) >> 63; /* 1 if it is the same */
		found |= -other & (state->tunnel[i].kind >> 1);
	}
	return found != 0;
}

/* Does a flow opened in direction @dir carry packets that its peer unpacks? */
static __always_inline bool is_tunnel(const struct wd_pkt *pkt, __u32 dir)
{
	__u32 port = bpf_ntohs(pkt->key.pport);

	if (pkt->proto != WD_IP_UDP)
		return WD_ENCAP_IS_PROTO(pkt->proto);
	if (dir == WD_INGRESS && port >= WD_ENCAP_EPHEMERAL)
		port |= WD_UNPACKED_KNOWN;
	return unpacked_at(port);
}

/*
 * May a node be at the other end? The addresses of all nodes are known but for
 * those of the link and of groups, which this host may have or listen to.
 */
static __always_inline bool is_peer_node(const struct wd_pkt *pkt)
{
	const struct wd_addr_val *val;

	if (pkt->family == 4 ? is_near4(pkt->key.peer[3]) :
			       is_near6(pkt->key.peer))
		return true;
	val = addr_of(pkt);
	return val && (val->flags & (WD_ADDR_NODE | WD_ADDR_HOST));
}

/* Return: why the flow may not be, whatever policy and mode say; WD_GO_ON. */
static __always_inline int forbidden(const struct wd_pkt *pkt, __u32 dir)
{
	if (pkt->proto == WD_IP_TCP)
		return WD_GO_ON;
	if (is_dhcp_server(pkt))
		return WD_R_DHCP_FORBIDDEN;
	if (!(pkt->ep_flags & WD_EP_ENCAP) && is_tunnel(pkt, dir) &&
	    is_peer_node(pkt))
		return WD_R_ENCAP_FORBIDDEN;
	return WD_GO_ON;
}

/* ---- policy ---- */

static __always_inline const struct wd_slot_val *
find_slot(const struct wd_pkt *pkt, __u32 dir)
{
	__u32 at = pkt->ep_slot;

	if (!at)
		return NULL;
	at = (at * 2 + dir) & (2 * WD_SLOTS_MAX - 1);
	return bpf_map_lookup_elem(&wd_slot, &at);
}

/* @half if the span begins at or below @port, else 0. */
static __always_inline __u32 half_below(const struct wd_span_val *span,
					__u32 port, __u32 half)
{
	__u64 after = (__u64)port - span->lo;

	if (WD_COPIES)
		return span->lo <= port ? half : 0;
	/* verifier: without a branch, or it follows both in each step */
	WD_OPAQUE(after);
	return half & ~(__u32)((__s64)after >> 63);
}

/*
 * The class of @port among @cnt spans from @first on: last span that begins at
 * or below it. Halving leaves one after WD_SPAN_STEPS; the first begins at 0.
 */
static __always_inline __u32 find_span(__u32 first, __u32 cnt, __u32 port)
{
	const struct wd_span_val *span;
	__u32 at, half;
	int i;

	for (i = 0; i < WD_SPAN_STEPS; i++) {
		half = cnt >> 1;
		if (!half)
			break;
		at = (first + half) & (WD_SPANS_MAX - 1);
		span = bpf_map_lookup_elem(&wd_span, &at);
		if (!span)
			return 0;
		first += half_below(span, port, half);
		cnt -= half;
	}
	at = first & (WD_SPANS_MAX - 1);
	span = bpf_map_lookup_elem(&wd_span, &at);
	return span && span->lo <= port ? span->class : 0;
}

/*
 * What a rule speaks of. The port: the peer's for egress, the endpoint's for
 * ingress; or what stands for it, see enum wd_l4.
 */
static __always_inline __u32 ruled_port(const struct wd_pkt *pkt, __u32 dir)
{
	return bpf_ntohs(dir == WD_EGRESS ? pkt->key.pport : pkt->key.lport);
}

static __always_inline __u32 find_class(const struct wd_pkt *pkt,
					const struct wd_slot_val *slot,
					__u32 port)
{
	__u32 l4;

	if (pkt->proto == WD_IP_TCP) {
		l4 = WD_L4_TCP;
	} else if (pkt->proto == WD_IP_UDP) {
		l4 = WD_L4_UDP;
	} else if (pkt->proto == WD_IP_SCTP) {
		l4 = WD_L4_SCTP;
	} else if (proto_is_icmp(pkt)) {
		l4 = pkt->family == 4 ? WD_L4_ICMP : WD_L4_ICMP6;
		port = bpf_ntohs(pkt->key.pport);
	} else {
		l4 = WD_L4_OTHER;
		port = pkt->proto;
	}
	return slot->cnt[l4] ? find_span(slot->first[l4], slot->cnt[l4], port) :
			       0;
}

static __always_inline bool row_has(const struct wd_row_val *row, __u32 pred)
{
	if (pred == WD_PRED_ANY)
		return true;
	return row->bits[(pred >> 6) & (WD_ROW_WORDS - 1)] >> (pred & 63) & 1;
}

/* First rule of the class that holds for the row. Return: WD_GO_ON if none. */
static __always_inline int scan_class(struct wd_pkt *pkt, __u32 nr)
{
	__u32 row_nr = pkt->peer_row & (WD_ROWS_MAX - 1);
	const struct wd_class_val *class;
	const struct wd_row_val *row;
	__u32 i;

	nr &= WD_CLASSES_MAX - 1;
	class = bpf_map_lookup_elem(&wd_class, &nr);
	row = bpf_map_lookup_elem(&wd_row, &row_nr);
	if (!class || !row)
		return WD_R_MAP_ERR;
	/* The scan is most of what a denied packet costs. */
	WD_STRAIGHT
	for (i = 0; i < WD_CLASS_RULES; i++) {
		if (i >= class->cnt)
			break;
		if (!row_has(row, class->rule[i].pred))
			continue;
		pkt->rule = class->rule[i].id;
		if (WD_ANSWERS)
			pkt->tell = class->rule[i].tell;
		return class->rule[i].action == WD_ACT_ALLOW ?
			       WD_R_POLICY_ALLOW :
			       WD_R_POLICY;
	}
	return WD_GO_ON;
}

/* What is told of that no rule matches. verifier: computed, not branched to */
static __always_inline __u8 tell_of(const struct wd_slot_val *slot)
{
	__u32 flags = slot->flags;

	_Static_assert(WD_SLOT_REJECT >> 2 == WD_TELL_DENIED, "is a shift");
	_Static_assert(WD_SLOT_SILENT >> 4 == WD_TELL_NOTHING, "is a shift");
	return (flags & WD_SLOT_REJECT) >> 2 | (flags & WD_SLOT_SILENT) >> 4;
}

static __always_inline int no_rule(struct wd_pkt *pkt,
				   const struct wd_slot_val *slot)
{
	if (WD_ANSWERS)
		pkt->tell = tell_of(slot);
	if (!(slot->flags & WD_SLOT_ISOLATED))
		return WD_R_NOT_ISOLATED;
	if (pkt->family == 4 ? is_group4(pkt->dst[0]) : is_multicast6(pkt->dst))
		return WD_R_MCAST;
	if (pkt->proto == WD_IP_TCP || pkt->proto == WD_IP_UDP ||
	    pkt->proto == WD_IP_SCTP || proto_is_icmp(pkt))
		return WD_R_DEFAULT;
	return WD_R_PROTO_UNSUP;
}

/*
 * What rules say of the peer and @port. They come before isolation: a deny
 * holds for an endpoint that nothing isolates, too.
 */
static __always_inline int rules_of(struct wd_pkt *pkt, __u32 dir, __u32 port)
{
	const struct wd_slot_val *slot;
	__u32 nr;
	int r;

	pkt->rule = 0;
	if (pkt->ep_flags & WD_EP_OFF)
		return WD_R_MODE_OFF;
	slot = find_slot(pkt, dir);
	if (!slot || !(slot->flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	nr = find_class(pkt, slot, port);
	if (!nr)
		return no_rule(pkt, slot);
	find_peer(pkt);
	r = scan_class(pkt, nr);
	return r == WD_GO_ON ? no_rule(pkt, slot) : r;
}

/* The same for those who call it often; @at: port * 2 + direction. */
__noinline int judge_rules(WD_CTX *skb, __u32 at)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	return pkt ? rules_of(pkt, at & 1, (at >> 1) & 0xffff) : WD_R_MAP_ERR;
}

/* ---- services ---- */

/* The entry for that address and port; or, of a node's, for a node port. */
static __always_inline const struct wd_front_val *find_open(struct wd_pkt *pkt,
							    __u32 nr)
{
	struct wd_front_key key = {
		.port = pkt->key.pport,
		.proto = pkt->proto,
		.family = pkt->family,
		.nr = nr,
	};
	const struct wd_front_val *front;
	const struct wd_addr_val *val;

	if (!pkt->any_node) {
		copy_addr6(key.addr, (const void *)pkt->key.peer);
		front = bpf_map_lookup_elem(&wd_front, &key);
		if (front || nr)
			return front;
		val = addr_of(pkt);
		if (!val || !(val->flags & (WD_ADDR_NODE | WD_ADDR_HOST)))
			return NULL;
		pkt->any_node = 1;
		__builtin_memset(key.addr, 0, sizeof(key.addr));
	}
	return bpf_map_lookup_elem(&wd_front, &key);
}

/*
 * The entry that stands for what is around the address in @key, wider and wider.
 * verifier: masks are computed, not branched to
 */
static __always_inline const struct wd_front_val *
find_cover(struct wd_front_key *key)
{
	const struct wd_front_val *front;
	__u32 is_4 = key->family == 4;

	key->proto = WD_FRONT_BLOCK;
	key->addr[3] &= bpf_htonl(is_4 ? 0xffffff00 : 0xffff0000);
	front = bpf_map_lookup_elem(&wd_front, key);
	if (front)
		return front;
	key->proto = WD_FRONT_REGION;
	key->addr[3] &= bpf_htonl(is_4 ? 0xff000000 : 0);
	key->addr[2] = key->addr[1] = 0;
	front = bpf_map_lookup_elem(&wd_front, key);
	if (front)
		return front;
	key->proto = 0;
	key->addr[3] = key->addr[0] = 0;
	return bpf_map_lookup_elem(&wd_front, key);
}

/*
 * The entry for an address whatever the port: of a service that has no other.
 * Else one for all around it, which is there when some of these have none.
 */
static __always_inline const struct wd_front_val *
find_closed(struct wd_pkt *pkt)
{
	struct wd_front_key key = { .family = pkt->family };
	const struct wd_front_val *front;
	const struct wd_addr_val *val;

	copy_addr6(key.addr, (const void *)pkt->key.peer);
	front = bpf_map_lookup_elem(&wd_front, &key);
	if (front)
		return front;
	val = addr_of(pkt);
	if (val && (val->flags & (WD_ADDR_POD | WD_ADDR_SERVED)) == WD_ADDR_POD)
		return NULL;
	return find_cover(&key);
}

/*
 * Entry @nr of the service that a pod opens its flow to, NULL none. Only node
 * ports are the same on all addresses of nodes.
 */
static __always_inline const struct wd_front_val *find_front(struct wd_pkt *pkt,
							     __u32 nr)
{
	const struct wd_front_val *front = find_open(pkt, nr);

	if (front || nr || !(pkt->switches & WD_STATE_CLOSED))
		return front;
	return find_closed(pkt);
}

/* Is the peer a service, by the port at hand? */
__noinline int peer_is_service(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	return pkt && find_front(pkt, 0);
}

/*
 * Does this node translate what is sent to the service? A bridge may hand it to
 * others as it is.
 */
static __always_inline bool is_translated_here(const struct wd_pkt *pkt)
{
	const struct wd_addr_val *val;

	if (pkt->detour)
		return false;
	if (!pkt->any_node)
		return true;
	val = addr_of(pkt);
	return val && (val->flags & WD_ADDR_HOST);
}

/* Nobody knows where it leads: only who may send to anybody may send there. */
static __always_inline int judge_nobody(struct wd_pkt *pkt)
{
	const struct wd_slot_val *slot = find_slot(pkt, WD_EGRESS);

	pkt->tell = WD_TELL_AS_EP;
	if (pkt->ep_flags & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!slot || !(slot->flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	return slot->flags & (WD_SLOT_ISOLATED | WD_SLOT_DENIES) ?
		       WD_R_SERVICE :
		       WD_R_NOT_ISOLATED;
}

/*
 * The same where it may lead to a tunnel of a node: whoever may not send there
 * may not send at all, unless somebody judges where it goes.
 */
static __always_inline int judge_unknown(struct wd_pkt *pkt, __u32 flags)
{
	int r = judge_nobody(pkt);

	if (!(flags & WD_FRONT_NODE) || pkt->proto != WD_IP_UDP ||
	    (pkt->ep_flags & WD_EP_ENCAP))
		return r;
	if (!(pkt->switches & WD_STATE_LATE) || !is_translated_here(pkt))
		return WD_R_ENCAP_FORBIDDEN;
	return r < WD_R_FIRST_DROP ? WD_R_SERVICE : r;
}

/* May the flow end at these backends? They are what it is judged by. */
static __always_inline int judge_front(WD_CTX *skb, struct wd_pkt *pkt,
				       const struct wd_front_val *front)
{
	__u32 half = pkt->gen & 1;
	__u32 port = front->port[half];

	if (front->flags & WD_FRONT_NONE)
		return judge_unknown(pkt, front->flags);
	if ((front->flags & WD_FRONT_NODE) && pkt->proto == WD_IP_UDP &&
	    !(pkt->ep_flags & WD_EP_ENCAP) && unpacked_at(port))
		return WD_R_ENCAP_FORBIDDEN;
	pkt->peer_id = front->identity;
	pkt->peer_row = front->row[half];
	pkt->has_peer = 1;
	return judge_rules(skb, port << 1 | WD_EGRESS);
}

/* What entry @nr says; kept is what decides. Return: 1: no other has a say */
__noinline int judge_backends(WD_CTX *skb, __u32 nr)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	const struct wd_front_val *front;
	int r;

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return 1;
	front = find_front(pkt, nr);
	if (!front)
		return 1;
	r = judge_front(skb, pkt, front);
	if (r < WD_R_FIRST_DROP || (front->flags & WD_FRONT_MANY))
		pkt->service_some |=
			front->flags & (WD_FRONT_NODE | WD_FRONT_MANY) ?
				WD_SOME_ANY | WD_SOME_HOST :
				WD_SOME_ANY;
	if (pkt->service != WD_GO_ON &&
	    (r < WD_R_FIRST_DROP ||
	     (pkt->service >= WD_R_FIRST_DROP && reason_is_policy(r))))
		return 0; /* one before says as much */
	pkt->service = r;
	pkt->service_rule = pkt->rule;
	pkt->service_tell = pkt->tell;
	pkt->service_peer = pkt->peer_id;
	return r >= WD_R_FIRST_DROP && !reason_is_policy(r);
}

/* What a socket of this host answers goes by nobody after us. */
static __always_inline bool is_judged_late(const struct wd_pkt *pkt)
{
	return pkt->service_some & (pkt->by_host ? WD_SOME_HOST : WD_SOME_ANY);
}

/*
 * A flow that a pod opens to a service may go where each backend may be the
 * peer, because the node translates after this hook. Where it may go to some and
 * not to others, who judges after the translation decides, if there is one. All
 * are asked even when one is refused: what audit lets pass must not hide what
 * nothing lets pass.
 * verifier: what they say is kept in the packet, so that the loop has one way.
 * Return: WD_GO_ON: to no service that is known.
 */
__noinline int judge_service(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	__u32 nr;

	if (!pkt)
		return WD_R_MAP_ERR;
	pkt->service = WD_GO_ON;
	pkt->service_some = 0;
	for (nr = 0; nr < WD_FRONT_KINDS; nr++) {
		if (judge_backends(skb, nr))
			break;
	}
	if (pkt->service == WD_GO_ON)
		return WD_GO_ON;
	pkt->rule = pkt->service_rule;
	pkt->tell = pkt->service_tell;
	pkt->peer_id = pkt->service_peer;
	if (is_judged_late(pkt) && reason_is_policy(pkt->service) &&
	    (pkt->switches & WD_STATE_LATE) && is_translated_here(pkt)) {
		pkt->late = 1;
		pkt->rule = 0;
		return WD_R_SERVICE_LATE;
	}
	return pkt->service;
}

/* ---- both ---- */

/* By the slot at hand. @copy: for speed, the rules are looked at right here */
static __always_inline int judge_slot(WD_CTX *skb, struct wd_pkt *pkt,
				      __u32 dir, bool copy)
{
	__u32 port;
	int r;

	pkt->rule = 0;
	if (dir == WD_EGRESS && (pkt->switches & WD_STATE_FRONTS)) {
		r = judge_service(skb);
		if (r != WD_GO_ON)
			return r;
	}
	port = ruled_port(pkt, dir);
	return copy ? rules_of(pkt, dir, port) :
		      judge_rules(skb, port << 1 | dir);
}

/*
 * What is on trial, about a flow that what is enforced lets pass, for what
 * pkt->enforced says. Only what would drop it is told.
 */
static __always_inline int trial_of(WD_CTX *skb, struct wd_pkt *pkt, __u32 dir)
{
	__u32 slot = pkt->ep_slot;
	__u32 rule = pkt->rule;
	__u32 peer = pkt->peer_id;
	int r;

	pkt->ep_slot = pkt->ep_trial;
	r = judge_slot(skb, pkt, dir, false);
	pkt->ep_slot = slot;
	if (reason_is_policy(r)) {
		pkt->tried = 1;
		return r;
	}
	pkt->rule = rule;
	pkt->peer_id = peer;
	return (int)pkt->enforced;
}

/* The same where policy_of() is a copy; in judge() it would be a frame more. */
__noinline int judge_trial(WD_CTX *skb, __u32 dir)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	return pkt ? trial_of(skb, pkt, dir & 1) : WD_R_MAP_ERR;
}

/*
 * What policy says of the flow of @pkt if it was opened in direction @dir; of
 * several that are judged for one packet, the last one counts.
 */
static __always_inline int policy_of(WD_CTX *skb, struct wd_pkt *pkt, __u32 dir,
				     bool copy)
{
	int r = forbidden(pkt, dir);

	pkt->tried = 0;
	pkt->rule = 0;
	if (r != WD_GO_ON)
		return r;
	r = judge_slot(skb, pkt, dir, copy);
	if (r >= WD_R_FIRST_DROP || !pkt->ep_trial)
		return r;
	pkt->enforced = (__u32)r;
	return copy ? judge_trial(skb, dir) : trial_of(skb, pkt, dir);
}

/* The same where speed is not all: each copy is verified anew. */
__noinline int judge(WD_CTX *skb, __u32 dir)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	return pkt ? policy_of(skb, pkt, dir & 1, false) : WD_R_MAP_ERR;
}

#endif /* WARDER_BPF_POLICY_H */
