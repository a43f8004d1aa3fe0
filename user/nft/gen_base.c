/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_base.c - the chains that all pods share, in table inet and table bridge.
 *
 * Where packets are looked at. What is routed: from a pod before the kernel
 * translates addresses, to a pod after it, so that both see what is on the
 * pod's wire, as the programs do. What a bridge forwards between its ports:
 * there. A verdict "accept" ends one base chain, not the way of the packet.
 *
 *   pod -> prerouting (behind conntrack) -> routing, NAT -> postrouting -> pod
 *   pod -> bridge forward_out, forward_in -> pod
 *
 * No packet passes for being of an established flow: each is judged as the
 * flow it belongs to, by the addresses and ports that the flow has on the
 * pod's wire and in the direction it was opened in. conntrack tells both. So a
 * policy that changes ends a flow at its next packet.
 */
#include <string.h>
#include <warder/encap.h>

#include "base/byteorder.h"
#include "nft/gen_int.h"

#define NEAR4 "{ 169.254.0.0/16, 224.0.0.0/3 }"
#define NEAR6 "{ fe80::/10, ff00::/8 }"
#define GROUP4 "224.0.0.0/3"
/* Headers that are no transport: nothing is looked for behind them. */
#define EXTHDRS "{ 0, 43, 44, 51, 60, 135, 139, 140, 253, 254 }"

static bool is_bridge(const struct wd_nft_gen *g)
{
	return g->family == WD_NFT_BRIDGE;
}

/* ---- what does not depend on policy, before state ---- */

static void addresses(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *bad = wd_nft_count(g, WD_R_L3_BAD, dir);

	if (dir == WD_INGRESS) {
		/* the bit that is reserved, which the kernel passes on */
		wd_nft_rule(g, "ip frag-off & 0x8000 != 0 %s drop", bad);
		wd_nft_rule(g,
			    "ip saddr { 0.0.0.0/8, 127.0.0.0/8, " GROUP4
			    " } %s drop",
			    bad);
		wd_nft_rule(
			g,
			"ip6 saddr { ::/127, ::ffff:0.0.0.0/96, ff00::/8 } %s drop",
			bad);
	}
	wd_nft_rule(g, "ip daddr { 0.0.0.0, 127.0.0.0/8 } %s drop", bad);
	wd_nft_rule(g, "ip6 daddr { ::/127, ::ffff:0.0.0.0/96 } %s drop", bad);
}

/* No stack sends these. */
static void tcp_flags(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *bad = wd_nft_count(g, WD_R_CT_INVALID, dir);

	wd_nft_rule(g, "tcp flags & (fin|syn|rst|ack) == 0 %s drop", bad);
	wd_nft_rule(g, "tcp flags & (fin|ack) == fin %s drop", bad);
	wd_nft_rule(g, "tcp flags & (fin|syn) == (fin|syn) %s drop", bad);
	wd_nft_rule(g, "tcp flags & (syn|rst) == (syn|rst) %s drop", bad);
}

/*
 * An error belongs to the flow it quotes: conntrack has found it, and has
 * looked whom the error goes to.
 */
static void errors(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *bad = wd_nft_count(g, WD_R_ICMP_UNRELATED, dir);

	wd_nft_begin(g, "error_%s", wd_nft_way(dir));
	wd_nft_rule(g, "ct state != related %s drop", bad);
	wd_nft_rule(g, "icmp type { 4, 5 } %s drop", bad);
	wd_nft_rule(g, "icmpv6 type { 0, 5-127 } %s drop", bad);
	wd_nft_rule(g, "icmp type 3 icmp code 4 icmp mtu < 68 %s drop", bad);
	wd_nft_rule(g, "icmpv6 type 2 icmpv6 mtu < 1280 %s drop", bad);
	wd_nft_rule(
		g,
		"ct direction original ct status & seen-reply == 0 %s drop comment \"nothing went that way yet\"",
		bad);
	wd_nft_end(g, NULL);
}

static void sane(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *bad;

	wd_nft_begin(g, "sane_%s", wd_nft_way(dir));
	wd_nft_rule(g, "ip6 nexthdr " EXTHDRS " %s drop",
		    wd_nft_count(g, WD_R_EXTHDR, dir));
	bad = wd_nft_count(g, WD_R_IPOPT, dir);
	if (dir == WD_EGRESS || is_bridge(g)) {
		/* deny: nobody has looked whether they add up */
		wd_nft_rule(g, "ip hdrlength != 5 %s drop", bad);
	} else {
		wd_nft_rule(g, "ip option lsrr exists %s drop", bad);
		wd_nft_rule(g, "ip option ssrr exists %s drop", bad);
	}
	addresses(g, dir);
	if (dir == WD_EGRESS)
		wd_nft_rule(
			g,
			"icmpv6 type 133-137 ip6 hoplimit 255 accept comment \"judged where it came out of the pod\"");
	tcp_flags(g, dir);
	wd_nft_rule(g, "ct state invalid,untracked %s drop",
		    wd_nft_count(g, WD_R_CT_INVALID, dir));
	bad = wd_nft_count(g, WD_R_CT_INVALID, dir);
	wd_nft_rule(
		g,
		"icmp type { 14, 16, 18 } %s drop comment \"conntrack takes them for answers, policy does not\"",
		bad);
	wd_nft_rule(g, "icmpv6 type 140 %s drop", bad);
	wd_nft_rule(g, "icmp type { 3, 4, 5, 11, 12 } jump error_%s",
		    wd_nft_way(dir));
	wd_nft_rule(g, "icmpv6 type 0-127 jump error_%s", wd_nft_way(dir));
	wd_nft_end(g, NULL);
}

/* Neighbour discovery towards a pod; whose it is, the pod's own chain asks. */
static void neighbour_in(struct wd_nft_gen *g)
{
	const char *bad = wd_nft_count(g, WD_R_ND_FORBIDDEN, WD_INGRESS);

	wd_nft_begin(g, "neighbour_in");
	wd_nft_rule(g, "ip6 nexthdr != 58 %s drop", bad);
	wd_nft_rule(g, "ip6 hoplimit != 255 %s drop", bad);
	wd_nft_rule(g, "icmpv6 code != 0 %s drop", bad);
	wd_nft_rule(g, "icmpv6 type { 133, 137 } %s drop", bad);
	wd_nft_rule(
		g,
		"icmpv6 type 134 iif @pods %s drop comment \"a router is never a pod\"",
		bad);
	wd_nft_end(g, NULL);
}

/* ---- where a packet to a pod came from ---- */

static void source_in(struct wd_nft_gen *g)
{
	const char *spoof = wd_nft_count(g, WD_R_SPOOF_IP, WD_INGRESS);

	wd_nft_begin(g, "source_in");
	if (!is_bridge(g)) {
		if (!g->host_policy)
			wd_nft_rule(
				g,
				"iif 0 ct state != related %s accept comment \"a socket of this host\"",
				wd_nft_count(g, WD_R_HOST, WD_INGRESS));
		wd_nft_rule(g, "iif 0 return");
		wd_nft_rule(
			g,
			"ct state != related ct original ip saddr @host4 %s drop",
			spoof);
		wd_nft_rule(
			g,
			"ct state != related ct original ip6 saddr @host6 %s drop",
			spoof);
	}
	wd_nft_rule(g, "iif . ip saddr @own4 return");
	wd_nft_rule(g, "iif . ip6 saddr @own6 return");
	wd_nft_rule(
		g,
		"iif @pods ip saddr @host4 return comment \"masqueraded by this host\"");
	wd_nft_rule(g, "iif @pods ip6 saddr @host6 return");
	wd_nft_rule(g, "iif @pods %s drop", spoof);
	wd_nft_rule(g, "ip saddr @local4 %s drop", spoof);
	wd_nft_rule(g, "ip6 saddr @local6 %s drop", spoof);
	wd_nft_end(g, NULL);
}

/* An answer to this host's own socket. No other flow begins with its address. */
static void host_reply(struct wd_nft_gen *g)
{
	const char *host = wd_nft_count(g, WD_R_HOST, WD_EGRESS);

	wd_nft_begin(g, "host_reply");
	wd_nft_rule(g, "ct original ip saddr @host4 %s accept", host);
	wd_nft_rule(g, "ct original ip6 saddr @host6 %s accept", host);
	wd_nft_end(g, NULL);
}

/* ---- what no policy can allow ---- */

/* X-macro lists, without what a flow that the peer opened may come from */
#define NUMBER_(nr, name) #nr ", "
static const char all_protos[] = WD_ENCAP_PROTOS(NUMBER_);

#define PORT_(nr, name) nr,
static const int ports[] = { WD_ENCAP_PORTS(PORT_) };

/* One that is to be listed: elements of a set must differ. */
static bool is_own(const struct wd_encap *encap, int nr)
{
	struct wd_encap before = { 0 };
	uint16_t port = wd_host16(encap->own[nr].port);

	memcpy(before.own, encap->own, (size_t)nr * sizeof(before.own[0]));
	return encap->own[nr].kind > WD_TUNNEL_WIREGUARD &&
	       !wd_encap_is_own(&before, port) && !WD_ENCAP_IS_PORT(port);
}

/*
 * With those of this node's own tunnels, from which no socket asks. Where there
 * are more than are told of it may be any; see is_tunnel() in bpf/policy.h.
 */
const char *wd_nft_ports(const struct wd_nft_gen *g, bool all, char *buf,
			 size_t len)
{
	bool any = wd_encap_is_any(&g->encap);
	size_t at = 0;

	if (any && all)
		return "0-65535";
	if (any)
		at = (size_t)snprintf(buf, len, "0-%d", WD_ENCAP_EPHEMERAL - 1);
	for (size_t i = 0; !any && i < sizeof(ports) / sizeof(*ports); i++) {
		if (!all && ports[i] >= WD_ENCAP_EPHEMERAL)
			continue;
		at += (size_t)snprintf(buf + at, len - at, "%s%d",
				       at ? ", " : "", ports[i]);
	}
	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (is_own(&g->encap, i) &&
		    (!any ||
		     wd_host16(g->encap.own[i].port) >= WD_ENCAP_EPHEMERAL))
			at += (size_t)snprintf(buf + at, len - at, ", %u",
					       wd_host16(g->encap.own[i].port));
	return buf;
}

static void tunnel(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *bad = wd_nft_count(g, WD_R_ENCAP_FORBIDDEN, dir);
	const char *peer = dir == WD_EGRESS ? "daddr" : "saddr";
	const char *port = dir == WD_EGRESS ? "dport" : "sport";
	const char *way = wd_nft_way(dir);
	char buf[WD_NFT_LIST];

	wd_nft_begin(g, "node_%s", way);
	wd_nft_rule(g, "ip %s " NEAR4 " %s drop", peer, bad);
	wd_nft_rule(g, "ip6 %s " NEAR6 " %s drop", peer, bad);
	wd_nft_rule(g, "ip %s @node4 %s drop", peer, bad);
	wd_nft_rule(g, "ip6 %s @node6 %s drop", peer, bad);
	wd_nft_end(g, NULL);
	wd_nft_begin(g, "tunnel_%s", way);
	wd_nft_rule(g, "meta l4proto { %.*s } goto node_%s",
		    (int)(sizeof(all_protos) - sizeof(", ")), all_protos, way);
	/* the pod opened it: any of the ports unpacks */
	wd_nft_rule(g, "ct direction %s udp %s { %s } goto node_%s",
		    dir == WD_EGRESS ? "original" : "reply", port,
		    wd_nft_ports(g, true, buf, sizeof(buf)), way);
	wd_nft_rule(g, "ct direction %s udp %s { %s } goto node_%s",
		    dir == WD_EGRESS ? "reply" : "original", port,
		    wd_nft_ports(g, false, buf, sizeof(buf)), way);
	wd_nft_end(g, NULL);
}

/*
 * Also what conntrack would take for the middle of a connection that it never
 * saw begin: it may be an answer, or forged.
 */
static void forbidden(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *own = dir == WD_EGRESS ? "sport" : "dport";
	const char *bad = wd_nft_count(g, WD_R_DHCP_FORBIDDEN, dir);

	wd_nft_begin(g, "forbidden_%s", wd_nft_way(dir));
	wd_nft_rule(
		g,
		"ct status & confirmed == 0 tcp flags & (fin|syn|rst|ack) != syn %s drop comment \"a connection that was never opened\"",
		wd_nft_count(g, WD_R_CT_INVALID, dir));
	wd_nft_rule(g, "%s udp %s %d %s drop", wd_nft_is(g, 4), own,
		    WD_DHCP4_SERVER, bad);
	wd_nft_rule(g, "%s udp %s %d %s drop", wd_nft_is(g, 6), own,
		    WD_DHCP6_SERVER, bad);
	wd_nft_end(g, NULL);
}

/* ---- ends of a decision ---- */

/* Which packet it was of a flow opened in direction @dir, so who counts. */
static void by_sender(struct wd_nft_gen *g, const char *name, enum wd_dir dir)
{
	wd_nft_begin(g, "%s_%c", name, wd_nft_letter(dir));
	wd_nft_rule(g, "ct direction original goto %s_%s", name,
		    wd_nft_way(dir));
	wd_nft_rule(g, "goto %s_%s", name,
		    wd_nft_way(dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS));
	wd_nft_end(g, NULL);
}

static void pass(struct wd_nft_gen *g, const char *name, enum wd_reason reason)
{
	by_sender(g, name, WD_EGRESS);
	by_sender(g, name, WD_INGRESS);
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		wd_nft_begin(g, "%s_%s", name, wd_nft_way(dir));
		wd_nft_rule(g, "ct state related %s accept",
			    wd_nft_count(g, WD_R_RELATED, dir));
		wd_nft_rule(g, "ct status confirmed %s accept",
			    wd_nft_count(g, WD_R_ESTABLISHED, dir));
		wd_nft_rule(g, "%s accept", wd_nft_count(g, reason, dir));
		wd_nft_end(g, NULL);
	}
}

/* A policy says no: audit mode counts, and lets pass. */
static void deny(struct wd_nft_gen *g, const char *name, enum wd_reason reason)
{
	by_sender(g, name, WD_EGRESS);
	by_sender(g, name, WD_INGRESS);
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		const char *dev = dir == WD_EGRESS ? "iif" : "oif";
		const char *own = dir == WD_EGRESS ? "saddr" : "daddr";
		const char *audit = wd_nft_audit(g, reason, dir);

		wd_nft_begin(g, "%s_%s", name, wd_nft_way(dir));
		wd_nft_rule(g, "%s @audit %s accept", dev, audit);
		if (!is_bridge(g)) {
			wd_nft_rule(g, "%s . ip %s @bridge_audit4 %s accept",
				    dev, own, audit);
			wd_nft_rule(g, "%s . ip6 %s @bridge_audit6 %s accept",
				    dev, own, audit);
		}
		wd_nft_rule(g, "%s drop", wd_nft_count(g, reason, dir));
		wd_nft_end(g, NULL);
	}
}

/* No rule matched, and the pod is isolated. */
static void none(struct wd_nft_gen *g, enum wd_dir dir)
{
	char c = wd_nft_letter(dir);

	wd_nft_begin(g, "none_%c", c);
	wd_nft_rule(g, "ip daddr " GROUP4 " goto mcast_%c", c);
	wd_nft_rule(g, "ip6 daddr ff00::/8 goto mcast_%c", c);
	wd_nft_rule(g, "meta l4proto { 1, 6, 17, 58, 132 } goto default_%c", c);
	wd_nft_rule(g, "goto proto_%c", c);
	wd_nft_end(g, NULL);
}

/* ---- hooks ---- */

static void inet_hooks(struct wd_nft_gen *g)
{
	wd_nft_begin(g, "prerouting");
	wd_nft_rule(g, "iif vmap @pod_out");
	wd_nft_rule(g, "iif . ip saddr vmap @bridge_out4");
	wd_nft_rule(g, "iif . ip6 saddr vmap @bridge_out6");
	/* behind translation (-100): a service's backend is what is judged */
	wd_nft_end(g,
		   "type filter hook prerouting priority -99; policy accept; "
		   "comment \"from pods, to where it goes\";");
	wd_nft_begin(g, "postrouting");
	wd_nft_rule(g, "oif vmap @pod_in");
	wd_nft_rule(g, "oif . ip daddr vmap @bridge_in4");
	wd_nft_rule(g, "oif . ip6 daddr vmap @bridge_in6");
	/* behind any translation (100), before conntrack confirms */
	wd_nft_end(g,
		   "type filter hook postrouting priority 250; policy accept; "
		   "comment \"to pods, as they will see it\";");
}

static void bridge_hooks(struct wd_nft_gen *g)
{
	wd_nft_begin(g, "forward_out");
	wd_nft_rule(g, "iif vmap @pod_out");
	wd_nft_end(g, "type filter hook forward priority -20; policy accept; "
		      "comment \"from pods, between ports of a bridge\";");
	wd_nft_begin(g, "forward_in");
	wd_nft_rule(g, "oif vmap @pod_in");
	wd_nft_end(g, "type filter hook forward priority -19; policy accept; "
		      "comment \"to pods, between ports of a bridge\";");
	wd_nft_begin(g, "output");
	wd_nft_rule(g, "oif vmap @port_in");
	wd_nft_end(g,
		   "type filter hook output priority -20; policy accept; "
		   "comment \"to pods, from this host by way of a bridge\";");
}

void wd_nft_base(struct wd_nft_gen *g)
{
	if (is_bridge(g))
		bridge_hooks(g);
	else
		inet_hooks(g);
	neighbour_in(g);
	if (is_bridge(g) && !g->in->bridge_ct)
		return;
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		tunnel(g, dir);
		forbidden(g, dir);
	}
	source_in(g);
	if (!is_bridge(g) && !g->host_policy)
		host_reply(g);
	wd_nft_decisions(g);
}

void wd_nft_decisions(struct wd_nft_gen *g)
{
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		errors(g, dir);
		sane(g, dir);
		none(g, dir);
	}
	pass(g, "allow", WD_R_POLICY_ALLOW);
	pass(g, "open", WD_R_NOT_ISOLATED);
	deny(g, "policy", WD_R_POLICY);
	deny(g, "default", WD_R_DEFAULT);
	deny(g, "mcast", WD_R_MCAST);
	deny(g, "proto", WD_R_PROTO_UNSUP);
}
