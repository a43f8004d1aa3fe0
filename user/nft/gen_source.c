/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_source.c - what a pod may put on its wire: a chain of its own at the
 * ingress of its device, in table netdev. It sees frames as the pod made them,
 * fragments too. Nothing here depends on policy.
 */
#include <arpa/inet.h>
#include <string.h>

#include "nft/gen_int.h"

/* Half of WD_NEIGHBOUR_RATE at once, half in a second: no second has more. */
#define NEIGHBOURS (WD_NEIGHBOUR_RATE / 2)

#define EXTHDRS "{ 0, 43, 51, 60, 135, 139, 140, 253, 254 }"
/* Neighbour discovery, and what else only a router sends. */
#define ND_TYPES "{ 130, 133-138, 151 }"
#define ND_RANGES "130", "133-138", "151"

static const char *drop(struct wd_nft_gen *g, enum wd_reason reason)
{
	return wd_nft_count(g, reason, WD_EGRESS);
}

void wd_nft_source_name(uint32_t ifindex, char name[WD_NFT_NAME])
{
	(void)snprintf(name, WD_NFT_NAME, "dev%u", ifindex);
}

static bool mac_is_zero(const uint8_t *mac)
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

static void link_layer(struct wd_nft_gen *g, const struct wd_endpoint_val *ep)
{
	const uint8_t *m = ep->mac;

	wd_nft_rule(g, "ether type 8021q %s drop", drop(g, WD_R_VLAN));
	wd_nft_rule(g, "ether type 8021ad %s drop", drop(g, WD_R_VLAN));
	if (!mac_is_zero(m))
		wd_nft_rule(
			g,
			"ether saddr != %02x:%02x:%02x:%02x:%02x:%02x %s drop",
			m[0], m[1], m[2], m[3], m[4], m[5],
			drop(g, WD_R_SPOOF_MAC));
}

/* Answers to a single neighbour are not rationed. */
static void ration(struct wd_nft_gen *g, const char *name, uint32_t ifindex,
		   const char *answer)
{
	wd_nft_begin(g, "dev%u_%s", ifindex, name);
	wd_nft_rule(
		g,
		"%s ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 %s accept",
		answer, wd_nft_count(g, WD_R_NEIGHBOUR, WD_EGRESS));
	wd_nft_rule(g, "limit rate over %d/second burst %d packets %s drop",
		    NEIGHBOURS, NEIGHBOURS, drop(g, WD_R_NEIGHBOUR_FLOOD));
	wd_nft_rule(g, "%s accept", wd_nft_count(g, WD_R_NEIGHBOUR, WD_EGRESS));
	wd_nft_end(g, NULL);
}

/* Whole, for Ethernet and IPv4. A rule about a field that is not there never matches. */
#define ARP_WHOLE \
	"arp htype 1 arp ptype 0x0800 arp hlen 6 arp plen 4 arp saddr ether " \
	"%02x:%02x:%02x:%02x:%02x:%02x arp daddr ip != 255.255.255.255"

/* It may speak of its own addresses only. */
static void arp(struct wd_nft_gen *g, uint32_t ifindex,
		const struct wd_endpoint_val *ep)
{
	const uint8_t *m = ep->mac;
	char own[WD_NFT_LIST], whole[200];
	bool has_mac = !mac_is_zero(m);

	ration(g, "arp_ok", ifindex, "arp operation reply");
	wd_nft_begin(g, "dev%u_arp", ifindex);
	(void)snprintf(whole, sizeof(whole), ARP_WHOLE, m[0], m[1], m[2], m[3],
		       m[4], m[5]);
	for (int i = 0; has_mac && wd_nft_own_text(ep, 4, &i, own);) {
		/* a probe asks whether anybody has the address (RFC 5227) */
		wd_nft_rule(
			g,
			"%s arp operation request arp saddr ip 0.0.0.0 arp daddr ip %s goto dev%u_arp_ok",
			whole, own, ifindex);
		wd_nft_rule(
			g,
			"%s arp operation 1-2 arp saddr ip %s goto dev%u_arp_ok",
			whole, own, ifindex);
	}
	wd_nft_rule(g, "%s drop", drop(g, WD_R_ARP_FORBIDDEN));
	wd_nft_end(g, NULL);
}

/* The same for each pod: once, so that the kernel keeps what is in braces once. */
static void any_ip4(struct wd_nft_gen *g)
{
	const char *bad = drop(g, WD_R_L3_BAD);

	wd_nft_begin(g, "from4");
	wd_nft_rule(g, "ip version != 4 %s drop", bad);
	wd_nft_rule(g, "ip hdrlength < 5 %s drop", bad);
	wd_nft_rule(g, "ip ttl 0 %s drop", bad);
	wd_nft_rule(g, "ip frag-off & 0x8000 != 0 %s drop", bad);
	wd_nft_rule(
		g,
		"ip frag-off & 0x3fff != 0 icmp type { 3, 4, 5, 11, 12 } %s drop",
		drop(g, WD_R_ICMP_UNRELATED));
	wd_nft_rule(g,
		    "ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 } %s drop",
		    bad);
	wd_nft_end(g, NULL);
}

static void ip4(struct wd_nft_gen *g, const struct wd_endpoint_val *ep)
{
	char own[WD_NFT_LIST];

	wd_nft_rule(g, "ether type ip jump from4");
	for (int i = 0; wd_nft_own_text(ep, 4, &i, own);)
		wd_nft_rule(g, "ip saddr %s accept", own);
	wd_nft_rule(g, "ether type ip %s drop", drop(g, WD_R_SPOOF_IP));
}

/*
 * Behind a fragment header there must be the transport header. Who would hide
 * neighbour discovery there is told by the first fragment.
 */
static void fragments6(struct wd_nft_gen *g)
{
	wd_nft_rule(
		g,
		"ip6 nexthdr 44 @nh,320,8 { 0, 43, 44, 51, 60, 135, 139, 140, 253, 254 } %s drop",
		drop(g, WD_R_EXTHDR));
	wd_nft_rule(
		g,
		"ip6 nexthdr 44 @nh,320,8 58 @nh,336,13 0 @nh,384,8 " ND_TYPES
		" %s drop",
		drop(g, WD_R_ND_FORBIDDEN));
	wd_nft_rule(
		g,
		"ip6 nexthdr 44 @nh,320,8 58 @nh,336,13 0 @nh,384,8 0-127 %s drop",
		drop(g, WD_R_ICMP_UNRELATED));
}

static void any_ip6(struct wd_nft_gen *g)
{
	const char *bad = drop(g, WD_R_L3_BAD);

	wd_nft_begin(g, "from6");
	wd_nft_rule(g, "ip6 version != 6 %s drop", bad);
	wd_nft_rule(g, "ip6 hoplimit 0 %s drop", bad);
	wd_nft_rule(g, "ip6 nexthdr " EXTHDRS " %s drop", drop(g, WD_R_EXTHDR));
	fragments6(g);
	/* a probe has no address yet: the chain of the device is next */
	wd_nft_rule(g, "ip6 nexthdr 58 icmpv6 type " ND_TYPES " return");
	wd_nft_rule(g,
		    "ip6 saddr { ::/127, ::ffff:0.0.0.0/96, ff00::/8 } %s drop",
		    bad);
	wd_nft_end(g, NULL);
}

void wd_nft_source_all(struct wd_nft_gen *g)
{
	g->family = WD_NFT_NETDEV;
	any_ip4(g);
	any_ip6(g);
}

static void ip6(struct wd_nft_gen *g, uint32_t ifindex,
		const struct wd_endpoint_val *ep)
{
	static const char *const nd_types[] = { ND_RANGES };
	char own[WD_NFT_LIST];

	wd_nft_rule(g, "jump from6");
	for (size_t i = 0; i < sizeof(nd_types) / sizeof(*nd_types); i++)
		wd_nft_rule(g, "ip6 nexthdr 58 icmpv6 type %s goto dev%u_nd",
			    nd_types[i], ifindex);
	for (int i = 0; wd_nft_own_text(ep, 6, &i, own);)
		wd_nft_rule(g, "ip6 saddr %s accept", own);
	wd_nft_rule(g, "%s drop", drop(g, WD_R_SPOOF_IP));
}

/*
 * @nh,384,128 is the target: behind the IPv6 header and eight bytes. While the
 * pod's link-local address is not known it may be any, so that it can come up.
 */
static void neighbours(struct wd_nft_gen *g, uint32_t ifindex,
		       const struct wd_endpoint_val *ep)
{
	bool known = wd_nft_ll6_known(ep);
	const char *bad = drop(g, WD_R_ND_FORBIDDEN);
	char own[WD_NFT_LIST];

	ration(g, "nd_ok", ifindex, "icmpv6 type 136");
	wd_nft_begin(g, "dev%u_nd", ifindex);
	wd_nft_rule(g, "ip6 hoplimit != 255 %s drop", bad);
	wd_nft_rule(g, "icmpv6 code != 0 %s drop", bad);
	wd_nft_rule(g, "icmpv6 type != 135-136 %s drop", bad);
	wd_nft_rule(g, "ip6 length < 24 %s drop", bad);
	/* a probe: does anybody have the address already */
	for (int i = 0; wd_nft_own_raw(ep, &i, own);)
		wd_nft_rule(
			g,
			"ip6 saddr :: icmpv6 type 135 @nh,384,128 %s goto dev%u_nd_ok",
			own, ifindex);
	if (!known)
		wd_nft_rule(
			g,
			"ip6 saddr :: icmpv6 type 135 @nh,384,10 0x3fa goto dev%u_nd_ok",
			ifindex);
	wd_nft_rule(g, "ip6 saddr :: icmpv6 type 135 %s drop", bad);
	(void)wd_nft_not_own(ep, 6, "ip6 saddr", own);
	wd_nft_rule(g, "%s %s %s drop", known ? "" : "ip6 saddr != fe80::/10",
		    own, drop(g, WD_R_SPOOF_IP));
	/* of anybody, but there must be a target */
	wd_nft_rule(g, "icmpv6 type 135 @nh,384,128 != 0 goto dev%u_nd_ok",
		    ifindex);
	for (int i = 0; wd_nft_own_raw(ep, &i, own);)
		wd_nft_rule(g, "@nh,384,128 %s goto dev%u_nd_ok", own, ifindex);
	wd_nft_rule(g, "%s drop", bad);
	wd_nft_end(g, NULL);
}

void wd_nft_source(struct wd_nft_gen *g, const struct wd_nft_device *dev,
		   const struct wd_endpoint_val *ep)
{
	char hook[160];

	if (!*dev->name)
		return;
	g->family = WD_NFT_NETDEV;
	if (ep) {
		arp(g, dev->ifindex, ep);
		neighbours(g, dev->ifindex, ep);
	}
	wd_nft_begin(g, "dev%u", dev->ifindex);
	if (ep) {
		link_layer(g, ep);
		wd_nft_rule(g, "ether type arp goto dev%u_arp", dev->ifindex);
		ip4(g, ep);
		wd_nft_rule(g, "ether type != ip6 %s drop",
			    drop(g, WD_R_L2_UNSUP));
		ip6(g, dev->ifindex, ep);
	} else {
		wd_nft_rule(g, "%s drop", drop(g, WD_R_NO_ENDPOINT));
	}
	(void)snprintf(hook, sizeof(hook),
		       "type filter hook ingress device \"%s\" priority -500; "
		       "policy drop;",
		       dev->name);
	wd_nft_end(g, hook);
}
