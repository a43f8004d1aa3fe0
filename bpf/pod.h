/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pod.h - the hooks on the host side of a pod's interface.
 *
 * One image for all pods: what differs between them is in maps. The order of
 * the decision is below; every way through it ends in conclude() with one
 * reason. rung.h says what objects are built from this.
 *
 * Threat model. A pod may have CAP_NET_RAW and CAP_NET_ADMIN in its namespace:
 * it controls every byte of what it sends, fragments, buffer layout, marks and
 * the timing; it also answers what it receives as it likes. It does not control
 * the device its packets come out of, nor what runs in the host's namespace.
 * Machines elsewhere control all of a packet that the host lets in. Nothing in
 * a packet or its metadata that either of them can write is proof of anything,
 * except what is compared here with what the agent knows of the device.
 */
#ifndef WARDER_BPF_POD_H
#define WARDER_BPF_POD_H

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "conclude.h"
#include "encrypt.h"
#include "icmp.h"
#if WD_IS_MINIMAL
#include "shed.h"
#else
#include "extras.h"
#include "fragment.h"
#endif

/* verifier: a number, which it need not follow in two ways. 0: they are equal */
static __always_inline __u32 mac_diff(const __u8 *x, const __u8 *y)
{
	const __u16 *a = (const void *)x, *b = (const void *)y;

	return (__u32)((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]));
}

/* Source address of the frame; the pod's interface has only the one. */
static __always_inline bool has_own_mac(const struct wd_endpoint_val *ep,
					const struct ethhdr *eth)
{
	const __u16 *a = (const void *)eth->h_source;
	const __u16 *b = (const void *)ep->mac;

	if (WD_UNLIKELY(!(b[0] | b[1] | b[2])))
		return true; /* no hardware address to compare with */
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]));
}

static __always_inline int decide_ip(struct __sk_buff *skb, struct wd_pkt *pkt,
				     const struct wd_endpoint_val *ep)
{
	int r = pkt->family == 4 ? parse_ip4(skb, pkt) : parse_ip6(skb, pkt);

	if (WD_UNLIKELY(r != WD_GO_ON))
		return r;
	/* Has rules of its own for the source, so it comes before them. */
	if (WD_UNLIKELY(pkt->family == 6 && pkt->proto == WD_IP_ICMP6)) {
		r = judge_nd(skb);
		if (WD_UNLIKELY(r != WD_GO_ON))
			return r;
	}
	/* Before anything that depends on state: nobody rides on another's. */
	r = WD_IS_MINIMAL ? check_own(skb, pkt) : check_own_end(skb, pkt, ep);
	if (WD_UNLIKELY(r != WD_GO_ON))
		return r;
	r = parse_ip_extras(skb, pkt);
	if (WD_UNLIKELY(r != WD_GO_ON))
		return r;
	if (WD_UNLIKELY(pkt->exthdrs) && pkt->proto == WD_IP_ICMP6 &&
	    pkt->frag != WD_FRAG_LATER) {
		r = judge_nd(skb);
		if (WD_UNLIKELY(r != WD_GO_ON))
			return r;
	}
	pkt->key.proto = pkt->proto;
	set_key_peer(pkt);
	if (asks_for_encryption(pkt)) {
		r = check_encrypted(skb);
		if (WD_UNLIKELY(r != WD_GO_ON))
			return r;
	}
	r = WD_UNLIKELY(pkt->frag == WD_FRAG_LATER) ? frag_find(skb) :
						      parse_l4(skb, pkt);
	if (WD_UNLIKELY(r != WD_GO_ON))
		return r;
	if (WD_UNLIKELY(frag_is_shed(pkt)))
		return WD_R_SHED;
	if (WD_UNLIKELY(!pkt->gen))
		return WD_R_NOT_READY;
#if WD_ANSWERS
	if (pkt->dir == WD_EGRESS && takes_answer(skb, pkt))
		return WD_R_ANSWER;
#endif
	if (WD_UNLIKELY(pkt->is_error))
		return judge_icmp_error(skb);
	return judge_flow_of(skb, pkt);
}

static __always_inline int decide(struct __sk_buff *skb, struct wd_pkt *pkt)
{
	const struct wd_endpoint_val *ep;
	struct ethhdr *eth;
	int r;

	r = read_state(pkt);
	if (WD_UNLIKELY(r != WD_GO_ON))
		return r;
	ep = this_endpoint(skb);
	if (WD_UNLIKELY(!ep))
		return WD_R_NO_ENDPOINT;
	if (WD_IS_MINIMAL) {
		pkt->own = *ep;
		ep = &pkt->own;
	}
	set_endpoint(pkt, ep);
	eth = header(skb, 0, sizeof(*eth));
	if (WD_UNLIKELY(!eth))
		return WD_R_L2_UNSUP;
	pkt->eth = bpf_ntohs(eth->h_proto);
	if (WD_UNLIKELY(skb->vlan_present || pkt->eth == WD_ETH_VLAN ||
			pkt->eth == WD_ETH_QINQ))
		return WD_R_VLAN;
	if (pkt->dir == WD_EGRESS && WD_UNLIKELY(!has_own_mac(ep, eth)))
		return WD_R_SPOOF_MAC;
	pkt->detour = ep->master |
		      (mac_diff(eth->h_dest, ep->host_mac) & -(__u32)pkt->dir);
	pkt->by_host = pkt->dir == WD_INGRESS && !skb->ingress_ifindex;
	if (WD_UNLIKELY(pkt->eth == WD_ETH_ARP))
		return judge_arp(skb, pkt->dir);
	if (pkt->eth == WD_ETH_IP4)
		pkt->family = 4;
	else if (pkt->eth == WD_ETH_IP6)
		pkt->family = 6;
	else
		return WD_R_L2_UNSUP;
	return decide_ip(skb, pkt, ep);
}

static __always_inline int handle(struct __sk_buff *skb, __u8 dir)
{
	struct wd_pkt *pkt = this_packet();
	int r;

	if (WD_UNLIKELY(!pkt))
		return WD_TC_SHOT; /* deny: not reached, see this_packet() */
	__builtin_memset(pkt, 0, WD_PKT_ZEROED);
	pkt->dir = dir;
	pkt->len = skb->len;
	r = decide(skb, pkt);
	if (WD_UNLIKELY(r == WD_R_NEIGHBOUR) && dir == WD_EGRESS)
		r = quota_neighbour(skb, pkt);
	if (WD_UNLIKELY(pkt->frag == WD_FRAG_FIRST) && pkt->key.ep)
		r = frag_note(skb, r);
	return conclude(skb, pkt, (__u32)r);
}

#endif /* WARDER_BPF_POD_H */
