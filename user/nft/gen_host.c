// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_host.c - chains of what sockets of this host receive and send, as
 * bpf/wd_host.bpf.c has it. Hooks of input and output only while there is a
 * policy for the node; behind the translation of services (-100).
 *
 * What is tried goes before what is in force until its time is over, by the
 * wall clock, which is what nftables knows: also where the agent that tried it
 * is no more. Under audit the host is not judged.
 *
 * Stricter than the program: what conntrack does not follow, IPv4 options that
 * the host sends, answers to ICMP questions of time and mask.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <warder/encap.h>

#include "nft/gen_int.h"

#define WHICH 2 /* what is in force, and what is tried */

static const struct {
	uint32_t key;
	const char *name;
} hosts[WHICH] = {
	{ WD_HOST_KEY, "force" },
	{ WD_HOST_TRIED_KEY, "tried" },
};

/* Return: 1 with its entry, which has a slot; 0 there is none; or -errno. */
static int host_of(const struct wd_nft_gen *g, int which,
		   struct wd_endpoint_val *ret_ep)
{
	const struct wd_tables *t = g->in->tables;
	uint32_t key = hosts[which].key;
	int err;

	if (!g->gen || g->family != WD_NFT_INET)
		return 0;
	err = t->get(t->ctx, WD_MAP_wd_endpoint, &key, ret_ep);
	if (err)
		return err == -ENOENT ? 0 : err;
	return wd_nft_slot_is_ready(g, ret_ep->slot[g->half], WD_INGRESS);
}

int wd_nft_host_use(const struct wd_nft_gen *g, struct wd_nft_use *use)
{
	for (int i = 0; i < WHICH; i++) {
		struct wd_endpoint_val ep;
		int is_there = host_of(g, i, &ep);

		if (is_there < 0)
			return is_there;
		if (is_there &&
		    !(ep.flags[g->half] & (WD_EP_OFF | WD_EP_AUDIT)))
			wd_nft_use_slot(g, use, ep.slot[g->half]);
	}
	return 0;
}

/* What comes with the address of a pod of this node comes by its device. */
static void source(struct wd_nft_gen *g)
{
	const char *spoof = wd_nft_count(g, WD_R_SPOOF_IP, WD_INGRESS);

	wd_nft_begin(g, "host_source");
	wd_nft_rule(g, "iif . ip saddr @own4 return");
	wd_nft_rule(g, "iif . ip6 saddr @own6 return");
	wd_nft_rule(g, "ip saddr @local4 %s drop", spoof);
	wd_nft_rule(g, "ip6 saddr @local6 %s drop", spoof);
	wd_nft_end(g, NULL);
}

/* What passes whatever policy says. */
static void always(struct wd_nft_gen *g, enum wd_dir dir)
{
	const char *link = wd_nft_count(g, WD_R_NEIGHBOUR, dir);
	const char *error = wd_nft_count(g, WD_R_RELATED, dir);
	const char *pods = wd_nft_count(g, WD_R_HOST, dir);
	const char *opens = dir == WD_EGRESS ? "original" : "reply";
	bool is_in = dir == WD_INGRESS;

	if (is_in) {
		wd_nft_rule(g, "iif 1 accept");
		wd_nft_rule(
			g,
			"meta pkttype 5 accept comment \"what it says to a group that it is in\"");
	} else {
		/* not by oif, which may be of before the translation */
		wd_nft_rule(g, "ip daddr 127.0.0.0/8 accept");
		wd_nft_rule(g, "ip6 daddr ::1 accept");
		wd_nft_rule(g, "ip daddr @host4 accept");
		wd_nft_rule(g, "ip6 daddr @host6 accept");
	}
	wd_nft_rule(g, "ip protocol 2 %s accept", link);
	wd_nft_rule(g, "icmpv6 type { 130-137, 143, 151-153 } %s accept", link);
	wd_nft_rule(g, "%s udp %s 67 udp %s 68 %s accept", wd_nft_is(g, 4),
		    is_in ? "sport" : "dport", is_in ? "dport" : "sport", link);
	wd_nft_rule(g, "%s udp %s 547 udp %s 546 %s accept", wd_nft_is(g, 6),
		    is_in ? "sport" : "dport", is_in ? "dport" : "sport", link);
	wd_nft_rule(g, "icmp type { 3, 4, 5, 11, 12 } %s accept", error);
	wd_nft_rule(g, "icmpv6 type 0-127 %s accept", error);
	wd_nft_rule(
		g,
		"ct direction %s ct reply ip saddr @local4 %s accept comment \"to pods of its own, who judge\"",
		opens, pods);
	wd_nft_rule(g, "ct direction %s ct reply ip6 saddr @local6 %s accept",
		    opens, pods);
}

static void force(struct wd_nft_gen *g, int which,
		  const struct wd_endpoint_val *ep, enum wd_dir dir)
{
	const char *own = dir == WD_EGRESS ? "sport" : "dport";
	const char *dhcp = wd_nft_count(g, WD_R_DHCP_FORBIDDEN, dir);

	wd_nft_begin(g, "host_%s_%s", hosts[which].name, wd_nft_way(dir));
	if (ep->flags[g->half] & (WD_EP_OFF | WD_EP_AUDIT)) {
		wd_nft_rule(g, "%s accept",
			    wd_nft_count(g, WD_R_MODE_OFF, dir));
		wd_nft_end(g, NULL);
		return;
	}
	/* an answer perhaps to what a peer asked, whom policy does not let in */
	wd_nft_rule(
		g,
		"ct status & confirmed == 0 tcp flags & (fin|syn|rst|ack) != syn %s drop comment \"a connection that was never opened\"",
		wd_nft_count(g, WD_R_CT_INVALID, dir));
	wd_nft_rule(g, "%s udp %s %d %s drop", wd_nft_is(g, 4), own,
		    WD_DHCP4_SERVER, dhcp);
	wd_nft_rule(g, "%s udp %s %d %s drop", wd_nft_is(g, 6), own,
		    WD_DHCP6_SERVER, dhcp);
	wd_nft_by_slot(g, ep, dir);
	wd_nft_end(g, NULL);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec now;

	(void)clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* When a try ends, in seconds of the wall clock; 0: it is over. */
static uint64_t end_of(const struct wd_endpoint_val *tried)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (tried->cookie <= now)
		return 0;
	return (clock_ns(CLOCK_REALTIME) + (tried->cookie - now)) / 1000000000;
}

static void hook(struct wd_nft_gen *g, enum wd_dir dir, uint64_t until,
		 bool has_force)
{
	const char *way = wd_nft_way(dir);

	wd_nft_begin(g, "host_%s", way);
	always(g, dir);
	wd_nft_rule(g, "jump sane_%s", way);
	if (dir == WD_INGRESS)
		wd_nft_rule(g, "ct direction original jump host_source");
	if (until)
		wd_nft_rule(g, "meta time < %llu goto host_tried_%s",
			    (unsigned long long)until, way);
	if (has_force)
		wd_nft_rule(g, "goto host_force_%s", way);
	wd_nft_end(
		g,
		dir == WD_INGRESS ?
			"type filter hook input priority -95; policy accept; "
			"comment \"to sockets of this host\";" :
			"type filter hook output priority -95; policy accept; "
			"comment \"from sockets of this host\";");
}

int wd_nft_host(struct wd_nft_gen *g)
{
	struct wd_endpoint_val ep[WHICH];
	bool is_there[WHICH];
	uint64_t until = 0;

	for (int i = 0; i < WHICH; i++) {
		int ret = host_of(g, i, &ep[i]);

		if (ret < 0)
			return ret;
		is_there[i] = ret;
	}
	if (is_there[1])
		until = end_of(&ep[1]);
	if (!is_there[0] && !until)
		return 0;
	source(g);
	for (enum wd_dir dir = 0; dir < WD_DIR__MAX; dir++) {
		if (is_there[0])
			force(g, 0, &ep[0], dir);
		if (until)
			force(g, 1, &ep[1], dir);
		hook(g, dir, until, is_there[0]);
	}
	return 0;
}
