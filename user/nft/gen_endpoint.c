/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_endpoint.c - what is a pod's own: its chains ep<ifindex>_out, _in, and
 * _port for what this host sends it by way of a bridge; and what leads there.
 *
 * A device leads to its chains from the moment it is guarded until it is no
 * more. A pod on a bridge is also found by the bridge and its address, because
 * that is all that routing shows of it.
 */
#include <string.h>

#include "base/byteorder.h"
#include "nft/gen_int.h"

/* ---- sets ---- */

void wd_nft_endpoint_sets(struct wd_nft_gen *g, struct wd_nft_sets *ret_sets)
{
	static const struct {
		const char *name;
		enum wd_nft_kind kind;
		const char *suffix;
		size_t at;
		bool inet_only, bridge_only;
	} sets[] = {
#define SET(field) .name = #field, .at = offsetof(struct wd_nft_sets, field)
		{ SET(pods), .kind = WD_NFT_DEV },
		{ SET(audit), .kind = WD_NFT_DEV },
		{ SET(pod_out), .kind = WD_NFT_DEV_CHAIN, .suffix = "out" },
		{ SET(pod_in), .kind = WD_NFT_DEV_CHAIN, .suffix = "in" },
		{ SET(port_in), .kind = WD_NFT_DEV_CHAIN, .suffix = "port",
		  .bridge_only = true },
		{ SET(own4), .kind = WD_NFT_DEV_ADDR4 },
		{ SET(own6), .kind = WD_NFT_DEV_ADDR6 },
		{ SET(bridge_out4), .kind = WD_NFT_DEV_ADDR4_CHAIN,
		  .suffix = "out", .inet_only = true },
		{ SET(bridge_out6), .kind = WD_NFT_DEV_ADDR6_CHAIN,
		  .suffix = "out", .inet_only = true },
		{ SET(bridge_in4), .kind = WD_NFT_DEV_ADDR4_CHAIN,
		  .suffix = "in", .inet_only = true },
		{ SET(bridge_in6), .kind = WD_NFT_DEV_ADDR6_CHAIN,
		  .suffix = "in", .inet_only = true },
		{ SET(bridge_audit4), .kind = WD_NFT_DEV_ADDR4,
		  .inet_only = true },
		{ SET(bridge_audit6), .kind = WD_NFT_DEV_ADDR6,
		  .inet_only = true },
#undef SET
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		size_t *to = (size_t *)((char *)ret_sets + sets[i].at);

		*to = 0;
		if (sets[i].inet_only && g->family != WD_NFT_INET)
			continue;
		if (sets[i].bridge_only && g->family != WD_NFT_BRIDGE)
			continue;
		*to = wd_nft_set(g->rs, g->family, sets[i].kind, sets[i].name);
		g->rs->set[*to].suffix = sets[i].suffix;
	}
}

void wd_nft_dev_elem(struct wd_nft_gen *g, size_t set, uint32_t ifindex)
{
	__be32 elem[2] = { wd_be32(ifindex), wd_be32(ifindex) };

	wd_nft_elem(g->rs, set, elem);
}

/* An address behind @dev, for a set or a map to chains of @ifindex. */
static void addr_elem(struct wd_nft_gen *g, size_t set, uint32_t dev,
		      const __be32 *addr, size_t words, uint32_t ifindex)
{
	__be32 elem[6];

	elem[0] = wd_be32(dev);
	memcpy(elem + 1, addr, words * sizeof(*elem));
	elem[1 + words] = wd_be32(ifindex);
	wd_nft_elem(g->rs, set, elem);
}

void wd_nft_own(struct wd_nft_gen *g, const struct wd_nft_sets *sets,
		uint32_t ifindex, const struct wd_endpoint_val *ep)
{
	const uint32_t devs[2] = { ifindex, ep->master };

	for (int d = 0; d < 2 && devs[d]; d++) {
		for (int i = 0; i < WD_EP_ADDRS; i++)
			if (wd_nft_own4(ep, i))
				addr_elem(g, sets->own4, devs[d],
					  wd_nft_own4(ep, i), 1, 0);
		for (int i = 0; i <= WD_EP_ADDRS; i++)
			if (wd_nft_own6(ep, i))
				addr_elem(g, sets->own6, devs[d],
					  wd_nft_own6(ep, i), 4, 0);
	}
}

/* A pod on a bridge, by the bridge and its address: table inet only. */
static void bridged_elems(struct wd_nft_gen *g, const struct wd_nft_sets *s,
			  uint32_t ifindex, const struct wd_endpoint_val *ep)
{
	bool audit = ep->flags[g->half] & WD_EP_AUDIT;
	uint32_t dev = ep->master;

	for (int i = 0; i < WD_EP_ADDRS; i++) {
		const __be32 *a = wd_nft_own4(ep, i);

		if (!a)
			continue;
		addr_elem(g, s->bridge_out4, dev, a, 1, ifindex);
		addr_elem(g, s->bridge_in4, dev, a, 1, ifindex);
		if (audit)
			addr_elem(g, s->bridge_audit4, dev, a, 1, 0);
	}
	for (int i = 0; i <= WD_EP_ADDRS; i++) {
		const __be32 *a = wd_nft_own6(ep, i);

		if (!a)
			continue;
		addr_elem(g, s->bridge_out6, dev, a, 4, ifindex);
		addr_elem(g, s->bridge_in6, dev, a, 4, ifindex);
		if (audit)
			addr_elem(g, s->bridge_audit6, dev, a, 4, 0);
	}
}

/* ---- chains ---- */

void wd_nft_by_slot(struct wd_nft_gen *g, const struct wd_endpoint_val *ep,
		    enum wd_dir dir)
{
	const char *closed = wd_nft_count(g, WD_R_NOT_READY, dir);
	enum wd_dir other = dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
	uint32_t slot = g->gen ? ep->slot[g->half] : 0;

	if (wd_nft_slot_is_ready(g, slot, dir))
		wd_nft_rule(
			g,
			"ct direction original goto s%u_%c comment \"endpoint %u\"",
			slot, wd_nft_letter(dir), ep->id);
	else
		wd_nft_rule(g, "ct direction original %s drop", closed);
	if (wd_nft_slot_is_ready(g, slot, other))
		wd_nft_rule(g, "goto s%u_%c", slot, wd_nft_letter(other));
	else
		wd_nft_rule(g, "%s drop", closed);
}

/* Is this the place where such a packet of the pod can be judged? */
static bool is_judged_here(const struct wd_nft_gen *g,
			   const struct wd_endpoint_val *ep)
{
	return g->family == WD_NFT_INET || (ep->master && g->in->bridge_ct);
}

/*
 * What a pod sends to itself never comes out of its stack. On the wire it may
 * look the same in both directions, so that nobody can tell who opened it.
 */
static void own_ends(struct wd_nft_gen *g, const struct wd_endpoint_val *ep)
{
	const char *bad = wd_nft_count(g, WD_R_CT_INVALID, WD_EGRESS);
	const char *spoof = wd_nft_count(g, WD_R_SPOOF_IP, WD_EGRESS);
	char text[WD_NFT_LIST];

	/* once more, should table netdev ever be gone */
	if (wd_nft_not_own(ep, 4, "ip saddr", text))
		wd_nft_rule(g, "%s %s drop", text, spoof);
	if (wd_nft_not_own(ep, 6, "ip6 saddr", text))
		wd_nft_rule(g, "%s %s drop", text, spoof);

	for (int i = 0; wd_nft_own_text(ep, 4, &i, text);)
		wd_nft_rule(g, "ip daddr %s %s drop", text, bad);
	for (int i = 0; wd_nft_own_text(ep, 6, &i, text);)
		wd_nft_rule(g, "ip6 daddr %s %s drop", text, bad);
}

static void decide(struct wd_nft_gen *g, const struct wd_endpoint_val *ep,
		   enum wd_dir dir)
{
	const char *way = wd_nft_way(dir);

	if (!is_judged_here(g, ep)) {
		/* deny: bridged, and no telling to which flow it belongs */
		wd_nft_rule(g, "%s drop", wd_nft_count(g, WD_R_MAP_ERR, dir));
		return;
	}
	wd_nft_rule(g, "jump sane_%s", way);
	if (dir == WD_EGRESS)
		own_ends(g, ep);
	if (!g->gen) {
		wd_nft_rule(g, "%s drop", wd_nft_count(g, WD_R_NOT_READY, dir));
		return;
	}
	if (dir == WD_INGRESS) {
		wd_nft_rule(g, "ct direction original jump source_in");
		wd_nft_rule(g, "ct state related jump source_in");
	}
	if (dir == WD_EGRESS && g->family == WD_NFT_INET && !g->host_policy)
		wd_nft_rule(g, "ct direction reply jump host_reply");
	wd_nft_rule(g, "jump forbidden_%s", way);
	if (!(ep->flags[g->half] & WD_EP_ENCAP))
		wd_nft_rule(g, "jump tunnel_%s", way);
	if (ep->flags[g->half] & WD_EP_OFF)
		wd_nft_rule(g, "%s accept",
			    wd_nft_count(g, WD_R_MODE_OFF, dir));
	else
		wd_nft_by_slot(g, ep, dir);
}

static void chain_out(struct wd_nft_gen *g, uint32_t ifindex,
		      const struct wd_endpoint_val *ep)
{
	wd_nft_begin(g, "ep%u_out", ifindex);
	if (!ep) {
		wd_nft_rule(g, "%s drop",
			    wd_nft_count(g, WD_R_NO_ENDPOINT, WD_EGRESS));
	} else {
		if (g->family == WD_NFT_BRIDGE) {
			wd_nft_rule(g, "ether type arp accept");
			if (!is_judged_here(g, ep))
				wd_nft_rule(
					g,
					"icmpv6 type 133-137 ip6 hoplimit 255 accept");
		}
		decide(g, ep, WD_EGRESS);
	}
	wd_nft_end(g, NULL);
}

/* Neighbour discovery and ARP towards the pod, for its own addresses. */
static void neighbours_in(struct wd_nft_gen *g,
			  const struct wd_endpoint_val *ep)
{
	const char *pass = wd_nft_count(g, WD_R_NEIGHBOUR, WD_INGRESS);
	const char *other = wd_nft_count(g, WD_R_NOT_LOCAL, WD_INGRESS);
	char text[WD_NFT_LIST];

	if (g->family == WD_NFT_BRIDGE) {
		for (int i = 0; wd_nft_own_text(ep, 4, &i, text);)
			wd_nft_rule(g, "arp daddr ip %s %s accept", text, pass);
		wd_nft_rule(g, "ether type arp %s drop", other);
	}
	wd_nft_rule(g, "icmpv6 type 133-137 jump neighbour_in");
	for (int i = 0; wd_nft_own_raw(ep, &i, text);)
		wd_nft_rule(g, "icmpv6 type 135 @nh,384,128 %s %s accept", text,
			    pass);
	/* until it is known it may be any */
	if (!wd_nft_ll6_known(ep))
		wd_nft_rule(g, "icmpv6 type 135 @nh,384,10 0x3fa %s accept",
			    pass);
	wd_nft_rule(g, "icmpv6 type 135 %s drop", other);
	(void)wd_nft_not_own(ep, 6, "ip6 daddr", text);
	wd_nft_rule(g,
		    "icmpv6 type 134-136 ip6 daddr != ff00::/8 %s %s %s drop",
		    wd_nft_ll6_known(ep) ? "" : "ip6 daddr != fe80::/10", text,
		    other);
	/* whole: a rule about bytes that are not there never matches */
	wd_nft_rule(g, "icmpv6 type 134 @nh,320,64 != 0 %s accept", pass);
	wd_nft_rule(g, "icmpv6 type 136 @nh,384,128 != 0 %s accept", pass);
	wd_nft_rule(g, "icmpv6 type 134-136 %s drop", other);
}

static void destination(struct wd_nft_gen *g, const struct wd_endpoint_val *ep)
{
	const char *other = wd_nft_count(g, WD_R_NOT_LOCAL, WD_INGRESS);
	char text[WD_NFT_LIST];

	(void)wd_nft_not_own(ep, 4, "ip daddr", text);
	wd_nft_rule(
		g,
		"ip daddr != 224.0.0.0/4 ip daddr != 255.255.255.255 %s %s drop",
		text, other);
	(void)wd_nft_not_own(ep, 6, "ip6 daddr", text);
	wd_nft_rule(g, "ip6 daddr != ff00::/8 %s %s drop", text, other);
}

static void chain_in(struct wd_nft_gen *g, uint32_t ifindex,
		     const struct wd_endpoint_val *ep)
{
	wd_nft_begin(g, "ep%u_in", ifindex);
	if (!ep) {
		wd_nft_rule(g, "%s drop",
			    wd_nft_count(g, WD_R_NO_ENDPOINT, WD_INGRESS));
	} else {
		neighbours_in(g, ep);
		destination(g, ep);
		if (g->family == WD_NFT_BRIDGE)
			wd_nft_rule(
				g, "ether type != ip ether type != ip6 %s drop",
				wd_nft_count(g, WD_R_L2_UNSUP, WD_INGRESS));
		decide(g, ep, WD_INGRESS);
	}
	wd_nft_end(g, NULL);
}

/*
 * From this host to a port of a bridge. What is to one address was judged when
 * it was routed; the bridge may have flooded it. What is to a group was not.
 */
static void chain_port(struct wd_nft_gen *g, uint32_t ifindex,
		       const struct wd_endpoint_val *ep)
{
	char text[WD_NFT_LIST];

	wd_nft_begin(g, "ep%u_port", ifindex);
	if (!ep) {
		wd_nft_rule(g, "%s drop",
			    wd_nft_count(g, WD_R_NO_ENDPOINT, WD_INGRESS));
	} else {
		for (int i = 0; wd_nft_own_text(ep, 4, &i, text);)
			wd_nft_rule(g, "ip daddr %s accept", text);
		neighbours_in(g, ep);
		for (int i = 0; wd_nft_own_text(ep, 6, &i, text);)
			wd_nft_rule(g, "ip6 daddr %s accept", text);
		wd_nft_rule(g, "goto ep%u_in", ifindex);
	}
	wd_nft_end(g, NULL);
}

void wd_nft_endpoint(struct wd_nft_gen *g, const struct wd_nft_sets *sets,
		     const struct wd_nft_device *dev,
		     const struct wd_endpoint_val *ep)
{
	uint32_t ifindex = dev->ifindex;

	chain_out(g, ifindex, ep);
	chain_in(g, ifindex, ep);
	wd_nft_dev_elem(g, sets->pods, ifindex);
	wd_nft_dev_elem(g, sets->pod_out, ifindex);
	wd_nft_dev_elem(g, sets->pod_in, ifindex);
	if (g->family == WD_NFT_BRIDGE) {
		chain_port(g, ifindex, ep);
		wd_nft_dev_elem(g, sets->port_in, ifindex);
	}
	if (!ep)
		return;
	if (ep->flags[g->half] & WD_EP_AUDIT)
		wd_nft_dev_elem(g, sets->audit, ifindex);
	wd_nft_own(g, sets, ifindex, ep);
	if (g->family == WD_NFT_INET && ep->master)
		bridged_elems(g, sets, ifindex, ep);
}
