/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encrypt.h - at a pod: what it exchanges with other nodes and must be
 * encrypted comes out of a device that decrypted it, or of one on top of others
 * that were judged; and does not pass at all while a wire is unguarded.
 *
 * The second line behind the programs of the wires (wire.h), for each packet,
 * also of flows that are allowed: a device may come that nobody guards yet.
 */
#ifndef WARDER_BPF_ENCRYPT_H
#define WARDER_BPF_ENCRYPT_H

#include "epoch.h"
#include "identity.h"

/* Is the peer elsewhere, and must what the pod says to it be encrypted? */
static __always_inline bool must_be_encrypted(const struct wd_pkt *pkt)
{
	const __be32 *peer = pkt->dir == WD_EGRESS ? pkt->dst : pkt->src;
	const struct wd_addr_val *val = exact_of(pkt, peer);
	bool own = pkt->ep_flags & WD_EP_ENCRYPT;
	const struct wd_net_val *net;

	if (val) {
		if (val->flags & (WD_ADDR_LOCAL | WD_ADDR_HOST))
			return false;
		if (val->flags & WD_ADDR_POD)
			return own || (val->flags & WD_ADDR_ENCRYPT);
		if (val->flags & WD_ADDR_NODE)
			return own && !(val->flags & WD_ADDR_EXEMPT);
	}
	net = net_of(pkt, peer);
	if (!net)
		return own && has_no_net(pkt);
	return own || (net->flags & WD_NET_ENCRYPT);
}

static __always_inline __u64 epoch_now(void)
{
	const struct wd_state_val *state;
	__u32 zero = 0;

	state = bpf_map_lookup_elem(&wd_state, &zero);
	return state ? epoch_of(state) : 0;
}

/*
 * May what must be encrypted come by the device? 0 is this host's own socket. The
 * last one that may, mostly the only one, is kept.
 */
static __always_inline bool is_trusted_device(struct wd_pkt *pkt, __u32 iif)
{
	const struct wd_wire_val *wire;
	__u64 epoch;

	if (!iif)
		return true;
	epoch = epoch_now();
	if (pkt->trusted == iif && pkt->trusted_epoch == epoch)
		return true;
	iif += after(epoch);
	wire = bpf_map_lookup_elem(&wd_wire, &iif);
	if (!wire ||
	    (wire->kind != WD_WIRE_WIREGUARD && wire->kind != WD_WIRE_UPPER))
		return false;
	if (epoch_lasts(epoch)) {
		pkt->trusted = iif;
		pkt->trusted_epoch = epoch;
	}
	return true;
}

/* Return: a reason to drop, or WD_GO_ON. */
__noinline int check_encrypted(WD_CTX *skb)
{
	struct wd_pkt *pkt = this_packet();
	bool is_open;

	if (!pkt)
		return WD_R_MAP_ERR;
	is_open = pkt->switches & WD_STATE_WIRE_OPEN;
	if (!is_open && (pkt->dir == WD_EGRESS ||
			 is_trusted_device(pkt, WD_SKB(skb)->ingress_ifindex)))
		return WD_GO_ON;
	if (!must_be_encrypted(pkt))
		return WD_GO_ON;
	return is_open ? WD_R_WG_STATE : WD_R_PLAINTEXT_IN;
}

/*
 * Has anything to be asked of the packet? Of what the pod sends only while a
 * wire is open: where it goes the wires' own programs see.
 */
static __always_inline bool asks_for_encryption(const struct wd_pkt *pkt)
{
	__u32 all = pkt->dir == WD_EGRESS ?
			    WD_STATE_ENCRYPT | WD_STATE_WIRE_OPEN :
			    WD_STATE_ENCRYPT;

	return (pkt->switches & all) == all;
}

#endif /* WARDER_BPF_ENCRYPT_H */
