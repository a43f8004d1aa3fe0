/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * neighbour.c - the judge's view of ARP (RFC 826) and of neighbour discovery
 * (RFC 4861, RFC 6980): a pod speaks of its own addresses only.
 */
#include <string.h>

#include "look.h"
#include "wire.h"

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };
enum { ND_RS = 133, ND_RA, ND_NS, ND_NA, ND_REDIRECT };
/* Of routers too: RFC 3810, RFC 2894, RFC 4286. */
enum { MLD_QUERY = 130, RENUMBERING = 138, MRD_ADVERT = 151 };

static bool is_own4(const struct look *k, const uint8_t *at)
{
	struct addr a = { { 0 } };

	memcpy(a.b, at, 4);
	return own_of(k->pod, 4, &a) != OWN_NONE;
}

int judge_arp(const struct look *k)
{
	static const uint8_t ip_over_ethernet[] = { 0, 1, 8, 0, 6, 4, 0 };
	static const uint8_t nobody[4];
	const uint8_t *frame = k->l.frame, *arp = frame + ETH_LEN;
	const uint8_t *sha = arp + 8, *spa = arp + 14, *tpa = arp + 24;
	uint8_t op;

	if (k->l.len < ETH_LEN + ARP_LEN ||
	    memcmp(arp, ip_over_ethernet, sizeof(ip_over_ethernet)))
		return WD_R_ARP_FORBIDDEN;
	op = arp[7];
	if (op != ARP_REQUEST && op != ARP_REPLY)
		return WD_R_ARP_FORBIDDEN;
	if (k->sight->dir == WD_INGRESS)
		return is_own4(k, tpa) ? WD_R_NEIGHBOUR : WD_R_NOT_LOCAL;
	if (memcmp(sha, frame + 6, 6))
		return WD_R_ARP_FORBIDDEN;
	/* a probe asks whether the address it wants is taken, RFC 5227 */
	if (op == ARP_REQUEST && !memcmp(spa, nobody, 4))
		return is_own4(k, tpa) ? WD_R_NEIGHBOUR : WD_R_ARP_FORBIDDEN;
	return is_own4(k, spa) ? WD_R_NEIGHBOUR : WD_R_ARP_FORBIDDEN;
}

/* Own, or link-local while the pod's link-local address is not known. */
static bool may_be_own6(const struct look *k, const struct addr *a)
{
	if (own_of(k->pod, 6, a) != OWN_NONE)
		return true;
	return addr_is_zero(&k->pod->link) && is_link_local6(a);
}

static int judge_nd_out(const struct look *k, uint8_t type,
			const struct addr *target)
{
	if (type == ND_NS && addr_is_zero(&k->src)) /* address detection */
		return may_be_own6(k, target) ? WD_R_NEIGHBOUR :
						WD_R_ND_FORBIDDEN;
	if (!may_be_own6(k, &k->src))
		return WD_R_SPOOF_IP;
	if (type == ND_NS)
		return WD_R_NEIGHBOUR;
	if (type != ND_NA)
		return WD_R_ND_FORBIDDEN; /* routers' */
	if (own_of(k->pod, 6, target) != OWN_NONE)
		return WD_R_NEIGHBOUR;
	/* not known to be its own: it may at least speak as that address */
	if (may_be_own6(k, target) && addr_is_equal(target, &k->src))
		return WD_R_NEIGHBOUR;
	return WD_R_ND_FORBIDDEN;
}

static int judge_nd_in(const struct look *k, uint8_t type,
		       const struct addr *target)
{
	if (type == ND_RA && DEV_IS_POD(k->sight->iif))
		return WD_R_ND_FORBIDDEN; /* a pod is no router */
	if (type == ND_NS)
		return may_be_own6(k, target) ? WD_R_NEIGHBOUR : WD_R_NOT_LOCAL;
	if (type != ND_NA && type != ND_RA)
		return WD_R_ND_FORBIDDEN;
	if (is_multicast(6, &k->dst) || may_be_own6(k, &k->dst))
		return WD_R_NEIGHBOUR;
	return WD_R_NOT_LOCAL;
}

/* What a pod would make itself a router with. */
static bool is_routers(const struct look *k, uint8_t type)
{
	return k->sight->dir == WD_EGRESS &&
	       (type == MLD_QUERY || type == RENUMBERING || type == MRD_ADVERT);
}

int judge_nd(const struct look *k, bool wrapped)
{
	const uint8_t *icmp = k->l.frame + k->l.at;
	struct addr target = { { 0 } };
	uint8_t type;

	if (k->l.family != 6 || k->l.proto != P_ICMP6 ||
	    !layers_has(&k->l, k->l.at, ICMP_LEN))
		return GO_ON;
	type = icmp[0];
	if ((type < ND_RS || type > ND_REDIRECT) && !is_routers(k, type))
		return GO_ON;
	if (k->l.hops != 255 || icmp[1] || wrapped)
		return WD_R_ND_FORBIDDEN;
	if (type == ND_NS || type == ND_NA) {
		if (!layers_has(&k->l, k->l.at, ICMP_LEN + 16))
			return WD_R_ND_FORBIDDEN;
		memcpy(target.b, icmp + ICMP_LEN, 16);
	}
	return k->sight->dir == WD_EGRESS ? judge_nd_out(k, type, &target) :
					    judge_nd_in(k, type, &target);
}
