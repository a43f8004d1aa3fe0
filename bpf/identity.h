/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.h - who a packet is from and to, and whether that can be believed.
 *
 * Owns the checks of hardware addresses, own addresses, ARP and neighbour
 * discovery, and the provenance of packets towards a pod; maps a peer's address
 * to identity and row. Knows nothing of policy. A pod controls every byte of
 * the frames it sends; it does not control the device they come out of, which
 * is why that device (skb->ifindex, skb->ingress_ifindex) is the proof.
 */
#ifndef WARDER_BPF_IDENTITY_H
#define WARDER_BPF_IDENTITY_H

#include "maps.h"
#include "parse.h"

#define WD_ID_HOST 1 /* reserved identities, Cilium's numbers */
#define WD_ID_WORLD 2

/* ---- addresses ---- */

static __always_inline bool is_zero6(const __be32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

static __always_inline bool is_equal6(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline bool is_link_local6(const __be32 *a)
{
	return (a[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

static __always_inline bool is_multicast6(const __be32 *a)
{
	return (a[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

/* ::ffff:0:0/96 never belongs on a wire. */
static __always_inline bool is_mapped6(const __be32 *a)
{
	return !(a[0] | a[1]) && a[2] == bpf_htonl(0xffff);
}

static __always_inline bool is_loopback6(const __be32 *a)
{
	return !(a[0] | a[1] | a[2]) && a[3] == bpf_htonl(1);
}

/* 224.0.0.0/4 and the limited broadcast. */
static __always_inline bool is_multicast4(__be32 a)
{
	return (a & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	       a == bpf_htonl(0xffffffff);
}

/* All that is no address of one machine: groups, class E, the broadcast. */
static __always_inline bool is_group4(__be32 a)
{
	return bpf_ntohl(a) >= 0xe0000000;
}

/* Of the link or of a group: may be this host, though no map says so. */
static __always_inline bool is_near4(__be32 a)
{
	return is_group4(a) ||
	       (a & bpf_htonl(0xffff0000)) == bpf_htonl(0xa9fe0000);
}

static __always_inline bool is_near6(const __be32 *a)
{
	return is_multicast6(a) || is_link_local6(a);
}

/* Which of the endpoint's own addresses @a is; WD_LADDR_OTHER: none. */
static __always_inline __u8 own_addr4(const struct wd_endpoint_val *ep,
				      __be32 a)
{
	if (!a)
		return WD_LADDR_OTHER;
	if (WD_LIKELY(a == ep->ip4[0]))
		return 0;
	return a == ep->ip4[1] ? 1 : WD_LADDR_OTHER;
}

static __always_inline __u32 diff6(const __be32 *a, const __be32 *b)
{
	return (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]);
}

/* The same as below. verifier: without a branch, so there is one way through. */
static __always_inline __u8 own_addr6_flat(const struct wd_endpoint_val *ep,
					   const __be32 *a)
{
	__u32 is = WD_LADDR_OTHER;

	is = WD_PICK(diff6(a, ep->ll6), WD_LADDR_LINK, is);
	is = WD_PICK(diff6(a, ep->ip6[1]), 1, is);
	is = WD_PICK(diff6(a, ep->ip6[0]), 0, is);
	return (__u8)WD_PICK(a[0] | a[1] | a[2] | a[3], WD_LADDR_OTHER, is);
}

static __always_inline __u8 own_addr6(const struct wd_endpoint_val *ep,
				      const __be32 *a)
{
	if (WD_IS_MINIMAL)
		return own_addr6_flat(ep, a);
	if (WD_UNLIKELY(is_zero6(a)))
		return WD_LADDR_OTHER;
	if (WD_LIKELY(is_equal6(a, ep->ip6[0])))
		return 0;
	if (is_equal6(a, ep->ip6[1]))
		return 1;
	return is_equal6(a, ep->ll6) ? WD_LADDR_LINK : WD_LADDR_OTHER;
}

/* Addresses that no packet between machines may carry. */
static __always_inline bool has_martian4(const struct wd_pkt *pkt)
{
	__u32 src = bpf_ntohl(pkt->src[0]), dst = bpf_ntohl(pkt->dst[0]);

	return src >> 24 == 127 || src >> 24 == 0 || src >= 0xe0000000 ||
	       dst >> 24 == 127 || dst == 0;
}

static __always_inline bool has_martian6(const struct wd_pkt *pkt)
{
	return is_multicast6(pkt->src) || is_zero6(pkt->src) ||
	       is_loopback6(pkt->src) || is_mapped6(pkt->src) ||
	       is_zero6(pkt->dst) || is_loopback6(pkt->dst) ||
	       is_mapped6(pkt->dst);
}

WD_STEP(has_martian)
{
	(void)skb;
	return pkt->family == 4 ? has_martian4(pkt) : has_martian6(pkt);
}

/*
 * The endpoint's own end of an IP packet: its source if it sends, else its
 * destination, which may also be a group it could listen to.
 */
static __always_inline int check_own_end(WD_CTX *skb, struct wd_pkt *pkt,
					 const struct wd_endpoint_val *ep)
{
	const __be32 *own = pkt->dir == WD_EGRESS ? pkt->src : pkt->dst;
	bool is_v4 = pkt->family == 4;

	pkt->key.laddr = is_v4 ? own_addr4(ep, own[0]) : own_addr6(ep, own);
	if (WD_LIKELY(pkt->key.laddr != WD_LADDR_OTHER))
		return WD_GO_ON;
	if (has_martian(skb, pkt))
		return WD_R_L3_BAD;
	if (pkt->dir == WD_EGRESS)
		return WD_R_SPOOF_IP;
	if (is_v4 ? is_multicast4(own[0]) : is_multicast6(own))
		return WD_GO_ON;
	return WD_R_NOT_LOCAL;
}

/* The same of the copy, see own_endpoint(). */
WD_STEP(check_own)
{
	return check_own_end(skb, pkt, &pkt->own);
}

/* ---- link layer ---- */

static __always_inline bool mac_is_zero(const __u8 *m)
{
	return !(m[0] | m[1] | m[2] | m[3] | m[4] | m[5]);
}

static __always_inline bool mac_is_equal(const __u8 *a, const __u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) |
		 (a[4] ^ b[4]) | (a[5] ^ b[5]));
}

/* Body of an ARP frame for Ethernet and IPv4, RFC 826. */
struct wd_arp {
	struct arphdr h;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
};

#define WD_ARP_REQUEST 1
#define WD_ARP_REPLY 2

static __always_inline __be32 addr4_at(const __u8 *b)
{
	return bpf_htonl((__u32)b[0] << 24 | (__u32)b[1] << 16 |
			 (__u32)b[2] << 8 | b[3]);
}

static __always_inline bool arp_is_ip4(const struct wd_arp *arp)
{
	return arp->h.ar_hrd == bpf_htons(1) &&
	       arp->h.ar_pro == bpf_htons(WD_ETH_IP4) && arp->h.ar_hln == 6 &&
	       arp->h.ar_pln == 4 &&
	       (arp->h.ar_op == bpf_htons(WD_ARP_REQUEST) ||
		arp->h.ar_op == bpf_htons(WD_ARP_REPLY));
}

/* From the pod: it may speak of its own addresses only. */
static __always_inline int judge_arp_out(const struct wd_endpoint_val *ep,
					 const struct wd_arp *arp,
					 const __u8 *eth_src)
{
	bool is_probe = arp->h.ar_op == bpf_htons(WD_ARP_REQUEST) &&
			!addr4_at(arp->spa);
	__be32 own = addr4_at(is_probe ? arp->tpa : arp->spa);

	if (!mac_is_equal(arp->sha, eth_src))
		return WD_R_ARP_FORBIDDEN;
	if (own_addr4(ep, own) == WD_LADDR_OTHER)
		return WD_R_ARP_FORBIDDEN;
	return WD_R_NEIGHBOUR;
}

/*
 * The endpoint behind a device, NULL if it is none. Nearly all are found in the
 * array, which costs a tenth of the hash.
 */
static __always_inline const struct wd_endpoint_val *endpoint_of(__u32 ifindex)
{
	__u32 at = ifindex & (WD_DEVICES - 1);
	const struct wd_device_val *device;

	device = bpf_map_lookup_elem(&wd_device, &at);
	if (WD_LIKELY(device && ifindex && device->ifindex == ifindex))
		return &device->ep;
	return bpf_map_lookup_elem(&wd_endpoint, &ifindex);
}

/* The endpoint of this hook. */
static __always_inline const struct wd_endpoint_val *
this_endpoint(const WD_CTX *skb)
{
	return endpoint_of(WD_SKB(skb)->ifindex);
}

/*
 * The same, again. verifier: where an endpoint is one of two maps', it follows
 * all that comes after for each; so wd_minimal goes by a copy.
 */
static __always_inline const struct wd_endpoint_val *
own_endpoint(const WD_CTX *skb, const struct wd_pkt *pkt)
{
	return WD_IS_MINIMAL ? &pkt->own : this_endpoint(skb);
}

__noinline int judge_arp(WD_CTX *skb, __u32 dir)
{
	const struct wd_endpoint_val *ep;
	struct wd_pkt *pkt = WD_PACKET(skb);
	struct wd_arp *arp;
	struct ethhdr *eth;

	if (!pkt)
		return WD_R_MAP_ERR;
	ep = own_endpoint(skb, pkt);
	if (!ep)
		return WD_R_NO_ENDPOINT;
	eth = header(skb, 0, sizeof(*eth) + sizeof(*arp));
	if (!eth)
		return WD_R_ARP_FORBIDDEN;
	arp = (struct wd_arp *)(eth + 1);
	if (!arp_is_ip4(arp))
		return WD_R_ARP_FORBIDDEN;
	if (dir == WD_EGRESS) {
		pkt->is_answer = arp->h.ar_op == bpf_htons(WD_ARP_REPLY);
		return judge_arp_out(ep, arp, eth->h_source);
	}
	/* Towards the pod: who asks is the sender's hook's business. */
	if (own_addr4(ep, addr4_at(arp->tpa)) == WD_LADDR_OTHER)
		return WD_R_NOT_LOCAL;
	return WD_R_NEIGHBOUR;
}

/* ---- neighbour discovery, RFC 4861; what else only a router sends ---- */

#define WD_ND_RS 133
#define WD_ND_RA 134
#define WD_ND_NS 135
#define WD_ND_NA 136
#define WD_ND_REDIRECT 137
#define WD_MLD_QUERY 130 /* RFC 3810: makes its sender the querier of a link */
#define WD_RENUMBERING 138 /* RFC 2894 */
#define WD_MRD_ADVERT 151 /* RFC 4286: all groups of the link go to it */

static __always_inline bool icmp6_is_router(__u8 type)
{
	return type == WD_MLD_QUERY || type == WD_RENUMBERING ||
	       type == WD_MRD_ADVERT;
}

/*
 * Is @a, which is own address @nr, one that the pod may speak for? While its
 * link-local address is not known, any link-local one: it must be able to come
 * up before the agent learns it.
 */
static __always_inline bool nd_is_own(const struct wd_endpoint_val *ep,
				      const __be32 *a, __u8 nr)
{
	if (nr != WD_LADDR_OTHER)
		return true;
	return is_zero6(ep->ll6) && is_link_local6(a);
}

/*
 * Note what the pod may speak for: its end of the packet, and the target, of a
 * message that has one.
 */
WD_STEP(nd_look)
{
	const struct wd_endpoint_val *ep = own_endpoint(skb, pkt);
	const __be32 *end = pkt->dir == WD_EGRESS ? pkt->src : pkt->dst;
	const struct in6_addr *at;
	__be32 target[4];
	__u8 owns = 0, nr;

	if (!ep)
		return WD_R_MAP_ERR;
	if (nd_is_own(ep, end, own_addr6(ep, end)))
		owns |= WD_ND_OWNS_END;
	pkt->nd_owns = owns;
	if (pkt->nd_type != WD_ND_NS && pkt->nd_type != WD_ND_NA)
		return WD_GO_ON;
	at = header(skb, sizeof(struct ethhdr) + sizeof(struct ipv6hdr),
		    sizeof(struct icmp6hdr) + sizeof(*at));
	if (!at || pkt->off + sizeof(struct icmp6hdr) + sizeof(*at) > pkt->end)
		return WD_R_ND_FORBIDDEN;
	copy_addr6(target, (const void *)at + sizeof(struct icmp6hdr));
	nr = own_addr6(ep, target);
	if (nd_is_own(ep, target, nr))
		owns |= WD_ND_OWNS_TARGET;
	if (nr != WD_LADDR_OTHER || is_equal6(target, pkt->src))
		owns |= WD_ND_MAY_ANSWER;
	pkt->nd_owns = owns;
	return WD_GO_ON;
}

static __always_inline int judge_nd_out(struct wd_pkt *pkt)
{
	bool is_probe = pkt->nd_type == WD_ND_NS && is_zero6(pkt->src);
	__u8 owns = pkt->nd_owns;

	pkt->is_answer = pkt->nd_type == WD_ND_NA;
	if (!is_probe && !(owns & WD_ND_OWNS_END))
		return WD_R_SPOOF_IP;
	if (pkt->nd_type == WD_ND_NS)
		return !is_probe || (owns & WD_ND_OWNS_TARGET) ?
			       WD_R_NEIGHBOUR :
			       WD_R_ND_FORBIDDEN;
	return pkt->nd_type == WD_ND_NA && (owns & WD_ND_OWNS_TARGET) &&
			       (owns & WD_ND_MAY_ANSWER) ?
		       WD_R_NEIGHBOUR :
		       WD_R_ND_FORBIDDEN;
}

static __always_inline int judge_nd_in(const struct wd_pkt *pkt)
{
	if (pkt->nd_type == WD_ND_NS)
		return pkt->nd_owns & WD_ND_OWNS_TARGET ? WD_R_NEIGHBOUR :
							  WD_R_NOT_LOCAL;
	if (pkt->nd_type != WD_ND_NA && pkt->nd_type != WD_ND_RA)
		return WD_R_ND_FORBIDDEN;
	if (!is_multicast6(pkt->dst) && !(pkt->nd_owns & WD_ND_OWNS_END))
		return WD_R_NOT_LOCAL;
	return WD_R_NEIGHBOUR;
}

/*
 * Neighbour discovery is decided here, all other ICMPv6 goes on. Hop limit 255
 * proves that it was sent on this link. Extension headers or fragments around
 * it serve only to get past filters (RFC 6980), so they are refused.
 */
__noinline int judge_nd(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);
	__u32 iif = WD_SKB(skb)->ingress_ifindex;
	struct icmp6hdr *icmp;
	__u8 type;
	int r;

	if (!pkt)
		return WD_R_MAP_ERR;
	icmp = inner_header(skb, pkt, sizeof(*icmp));
	if (!icmp)
		return WD_GO_ON; /* parse_icmp() finds the reason */
	type = icmp->icmp6_type;
	if ((type < WD_ND_RS || type > WD_ND_REDIRECT) &&
	    !(pkt->dir == WD_EGRESS && icmp6_is_router(type)))
		return WD_GO_ON;
	if (pkt->hops != 255 || icmp->icmp6_code || pkt->exthdrs)
		return WD_R_ND_FORBIDDEN;
	pkt->nd_type = type;
	r = nd_look(skb, pkt);
	if (r != WD_GO_ON)
		return r;
	if (pkt->dir == WD_EGRESS)
		return judge_nd_out(pkt);
	/* deny: a router is never a pod, whatever its own hook said */
	if (type == WD_ND_RA && endpoint_of(iif))
		return WD_R_ND_FORBIDDEN;
	return judge_nd_in(pkt);
}

/* ---- what holds for the packet ---- */

static __always_inline int read_state(struct wd_pkt *pkt)
{
	const struct wd_state_val *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	if (WD_UNLIKELY(!state))
		return WD_R_MAP_ERR;
	pkt->gen = *(const volatile __u32 *)&state->gen;
	pkt->switches = state->flags;
	pkt->monitor = (__u8)state->monitor;
	pkt->rung = (__u8)state->rung;
	pkt->now = clock_ticks();
	return WD_GO_ON;
}

static __always_inline void set_endpoint(struct wd_pkt *pkt,
					 const struct wd_endpoint_val *ep)
{
	pkt->has_ep = 1;
	pkt->key.ep = ep->id;
	pkt->ep_stat = ep->stat;
	pkt->ep_flags = ep->flags[pkt->gen & 1];
	pkt->ep_slot = ep->slot[pkt->gen & 1];
	pkt->ep_trial = ep->trial[pkt->gen & 1];
}

/* ---- peers ---- */

/* The peer's address of an IP packet, as the maps want it. */
static __always_inline void set_key_peer(struct wd_pkt *pkt)
{
	const __be32 *peer = pkt->dir == WD_EGRESS ? pkt->dst : pkt->src;

	pkt->key.family = pkt->family;
	if (pkt->family == 4)
		pkt->key.peer[3] = peer[0];
	else
		copy_addr6(pkt->key.peer, (const void *)peer);
}

/* The entry of @addr, which is as in pkt->src, or NULL. */
static __always_inline const struct wd_addr_val *
exact_of(const struct wd_pkt *pkt, const __be32 *addr)
{
	if (pkt->family == 4)
		return bpf_map_lookup_elem(&wd_addr4, addr);
	return bpf_map_lookup_elem(&wd_addr6, addr);
}

/* That of the peer. */
static __always_inline const struct wd_addr_val *
addr_of(const struct wd_pkt *pkt)
{
	return exact_of(pkt,
			pkt->family == 4 ? &pkt->key.peer[3] : pkt->key.peer);
}

/* The longest prefix of the cluster that has @addr, or NULL. */
static __always_inline const struct wd_net_val *net_of(const struct wd_pkt *pkt,
						       const __be32 *addr)
{
	struct wd_cidr6_key k6;
	struct wd_cidr4_key k4;

	if (pkt->family == 4) {
		k4.prefixlen = 32;
		k4.addr = addr[0];
		return bpf_map_lookup_elem(&wd_net4, &k4);
	}
	k6.prefixlen = 128;
	copy_addr6(k6.addr, (const void *)addr);
	return bpf_map_lookup_elem(&wd_net6, &k6);
}

/* May anybody be inside the cluster, as no prefix of it is known? */
static __always_inline bool has_no_net(const struct wd_pkt *pkt)
{
	return pkt->switches &
	       (pkt->family == 4 ? WD_STATE_NO_NET4 : WD_STATE_NO_NET6);
}

static __always_inline void set_peer(struct wd_pkt *pkt,
				     const struct wd_addr_val *val)
{
	pkt->peer_id = val->identity;
	pkt->peer_row = val->row[pkt->gen & 1];
	pkt->has_peer = 1;
}

static __always_inline const struct wd_addr_val *
cidr_of(const struct wd_pkt *pkt)
{
	struct wd_cidr6_key k6;
	struct wd_cidr4_key k4;

	if (pkt->family == 4) {
		if (!(pkt->switches & WD_STATE_CIDR4))
			return NULL;
		k4.prefixlen = 32;
		k4.addr = pkt->key.peer[3];
		return bpf_map_lookup_elem(&wd_cidr4, &k4);
	}
	if (!(pkt->switches & WD_STATE_CIDR6))
		return NULL;
	k6.prefixlen = 128;
	k6.addr[0] = pkt->key.peer[0];
	k6.addr[1] = pkt->key.peer[1];
	k6.addr[2] = pkt->key.peer[2];
	k6.addr[3] = pkt->key.peer[3];
	return bpf_map_lookup_elem(&wd_cidr6, &k6);
}

/*
 * Identity and row of the peer: pods and nodes by exact match, whose rows hold
 * the prefixes around them too; anybody else by longest prefix; else the world,
 * of which no predicate holds.
 */
static __always_inline void find_peer(struct wd_pkt *pkt)
{
	const struct wd_addr_val *val;

	if (pkt->has_peer)
		return;
	val = addr_of(pkt);
	if (!val)
		val = cidr_of(pkt);
	if (val) {
		set_peer(pkt, val);
		return;
	}
	pkt->peer_id = WD_ID_WORLD;
	pkt->peer_row = 0;
	pkt->has_peer = 1;
}

/* Is the packet's source an address of the endpoint behind a device? */
static __always_inline bool is_addr_of(const struct wd_endpoint_val *ep,
				       const struct wd_pkt *pkt)
{
	if (pkt->family == 4)
		return own_addr4(ep, pkt->src[0]) != WD_LADDR_OTHER;
	return own_addr6(ep, pkt->src) != WD_LADDR_OTHER;
}

WD_STEP_OF(is_addr_behind, ifindex)
{
	const struct wd_endpoint_val *ep = endpoint_of(ifindex);

	(void)skb;
	return ep && is_addr_of(ep, pkt);
}

/*
 * The endpoint behind a device, NULL if it is none: mostly the uplink, by which
 * packets come one after the other. That a device is no endpoint holds for a
 * generation, because one that becomes an endpoint is guarded only after the
 * generation that knows it.
 */
static __always_inline const struct wd_endpoint_val *
sender_of(struct wd_pkt *pkt, __u32 iif)
{
	const struct wd_endpoint_val *from;

	if (pkt->uplink == iif && pkt->uplink_gen == pkt->gen)
		return NULL;
	from = endpoint_of(iif);
	if (!from) {
		pkt->uplink = iif;
		pkt->uplink_gen = pkt->gen;
	}
	return from;
}

/*
 * Towards a pod: may the source address come by the device it came by? The
 * kernel says the device, a pod cannot forge it.
 *   0                  this host's own socket
 *   an endpoint        only that endpoint's addresses, or this host's: then the
 *                      host masqueraded it (a service that leads back to its
 *                      node), since its own hook lets no such source out
 *   any other device   no address of a local endpoint, unless the device is the
 *                      bridge that endpoint is a port of and routes for it
 * Return: WD_R_HOST, a reason to drop, or WD_GO_ON.
 */
static __always_inline int provenance(WD_CTX *skb, struct wd_pkt *pkt)
{
	__u32 iif = WD_IIF(skb);
	const struct wd_endpoint_val *from;
	const struct wd_addr_val *val;

	if (!iif)
		return WD_R_HOST;
	val = addr_of(pkt);
	if (val)
		set_peer(pkt, val);
	from = sender_of(pkt, iif);
	if (from)
		return (WD_IS_MINIMAL ? is_addr_behind(skb, pkt, iif) :
					is_addr_of(from, pkt)) ||
				       (val && (val->flags & WD_ADDR_HOST)) ?
			       WD_GO_ON :
			       WD_R_SPOOF_IP;
	if (!val || !(val->flags & WD_ADDR_LOCAL) || val->ifindex == iif)
		return WD_GO_ON;
	from = endpoint_of(val->ifindex);
	return from && from->master == iif ? WD_GO_ON : WD_R_SPOOF_IP;
}

/* The same where speed is not all: each copy is verified anew. */
__noinline int check_provenance(WD_CTX *skb)
{
	struct wd_pkt *pkt = WD_PACKET(skb);

	return pkt ? provenance(skb, pkt) : WD_R_MAP_ERR;
}

#endif /* WARDER_BPF_IDENTITY_H */
