/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fragment.h - later fragments go where their first fragment was let go.
 *
 * Owns wd_frag. Only a first fragment has ports; when it passes, they are noted
 * under (source, destination, id, protocol, direction, endpoint instance), and
 * later fragments are judged as packets of that flow. A first fragment that does
 * not pass takes the note away. Nothing is ever read as a header from the
 * payload of a later fragment.
 */
#ifndef WARDER_BPF_FRAGMENT_H
#define WARDER_BPF_FRAGMENT_H

#include "policy.h"

static __always_inline void frag_key_of(const struct wd_pkt *pkt,
					struct wd_frag_key *key)
{
	copy_addr6(key->src, (const void *)pkt->src);
	copy_addr6(key->dst, (const void *)pkt->dst);
	key->ep = pkt->key.ep;
	key->id = pkt->frag_id;
	key->proto = pkt->frag_proto;
	key->dir = pkt->dir;
	key->family = pkt->family;
	key->pad = 0;
}

/* Bytes of the transport header that no later fragment may cover. */
static __always_inline __u32 frag_guard(__u8 proto)
{
	if (proto == WD_IP_TCP)
		return sizeof(struct tcphdr);
	return proto == WD_IP_SCTP ? sizeof(struct sctphdr) :
				     sizeof(struct udphdr);
}

/* Give a later fragment the ports of its first. */
__noinline int frag_find(struct __sk_buff *skb)
{
	struct wd_pkt *pkt = this_packet();
	const struct wd_frag_val *val;
	struct wd_frag_key key;

	WD_OPAQUE(skb); /* see packet.h: unused, but it must be passed */
	if (!pkt)
		return WD_R_MAP_ERR;
	if (pkt->frag_off < frag_guard(pkt->frag_proto))
		return WD_R_FRAG_OVERLAP;
	frag_key_of(pkt, &key);
	val = bpf_map_lookup_elem(&wd_frag, &key);
	if (!val || val->expires <= pkt->now)
		return WD_R_FRAG_ORPHAN;
	pkt->dport = val->dport;
	if (proto_is_icmp(pkt)) {
		set_icmp(pkt, pkt->dir, (__u8)(bpf_ntohs(val->dport) >> 8),
			 val->sport);
		return WD_GO_ON;
	}
	pkt->sport = val->sport;
	set_ports(pkt, pkt->dir, val->sport, val->dport);
	if (pkt->proto == WD_IP_TCP)
		pkt->tcp = WD_TCP_ACK; /* of a connection, and opens none */
	return WD_GO_ON;
}

/*
 * Note whether a first fragment passed. If that fails the later ones are
 * orphans, which is the safe side.
 */
__noinline int frag_note(struct __sk_buff *skb, int r)
{
	struct wd_pkt *pkt = this_packet();
	struct wd_frag_key key;
	struct wd_frag_val val;

	WD_OPAQUE(skb);
	if (!pkt)
		return 0;
	frag_key_of(pkt, &key);
	if (!passes(pkt, r)) {
		(void)bpf_map_delete_elem(&wd_frag, &key);
		return 0;
	}
	val.sport = proto_is_icmp(pkt) ? pkt->key.lport : pkt->sport;
	val.dport = pkt->dport;
	val.expires = pkt->now + WD_LIFE_FRAG;
	(void)bpf_map_update_elem(&wd_frag, &key, &val, BPF_ANY);
	return 0;
}

#endif /* WARDER_BPF_FRAGMENT_H */
