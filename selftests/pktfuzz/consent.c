/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * consent.c - the judge's view of where a packet came from and of policy: the
 * first rule that speaks of the peer and the traffic wins.
 */
#include <string.h>

#include "look.h"
#include "wire.h"

static const struct peer *peer_of(int family, const struct addr *a)
{
	for (size_t i = 0; i < PEERS; i++) {
		const struct peer *p = &site_peers[i];

		if (addr_is_equal(family == 4 ? &p->v4 : &p->v6, a))
			return p;
	}
	return NULL;
}

int provenance(const struct look *k)
{
	const struct peer *peer = peer_of(k->l.family, &k->src);
	enum dev iif = k->sight->iif;

	if (iif == DEV_HOST)
		return WD_R_HOST;
	/* by a pod: its own, or the host put its own address in place of it */
	if (DEV_IS_POD(iif))
		return own_of(&site_pods[POD_OF(iif)], k->l.family, &k->src) ==
					       OWN_NONE &&
				       !(peer && (peer->flags & WD_ADDR_HOST)) ?
			       WD_R_SPOOF_IP :
			       GO_ON;
	/* by the wire or a bridge: a pod of this node only by its own bridge */
	if (peer && (peer->flags & WD_ADDR_LOCAL) &&
	    site_pods[POD_OF(peer->dev)].master != iif)
		return WD_R_SPOOF_IP;
	return GO_ON;
}

static bool covers(const struct prefix *p, const struct addr *a)
{
	for (unsigned int bit = 0; bit < p->bits; bit++)
		if ((p->addr.b[bit / 8] ^ a->b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static uint32_t preds_of(const struct look *k)
{
	const struct setting *set = setting_of(k);
	int family = k->key.family;
	const struct peer *peer = peer_of(family, &k->key.peer);
	const struct prefix *best = NULL;

	if (peer)
		return site_preds_of(peer->preds, set->rows);
	if (!(set->switches & (family == 4 ? WD_STATE_CIDR4 : WD_STATE_CIDR6)))
		return 0;
	for (size_t i = 0; i < PREFIXES; i++) {
		const struct prefix *p = &site_prefixes[i];

		if (p->family == family && covers(p, &k->key.peer) &&
		    (!best || best->bits < p->bits))
			best = p;
	}
	return best ? site_preds_of(best->preds, set->rows) : 0;
}

static uint8_t traffic_of(const struct look *k)
{
	switch (k->key.proto) {
	case P_TCP:
		return OF_TCP;
	case P_UDP:
		return OF_UDP;
	case P_SCTP:
		return OF_SCTP;
	case P_ICMP:
		return k->key.family == 4 ? OF_ICMP : OF_OTHER;
	case P_ICMP6:
		return k->key.family == 6 ? OF_ICMP6 : OF_OTHER;
	}
	return OF_OTHER;
}

static bool rule_speaks_of(const struct rule *rule, const struct look *k,
			   enum wd_dir dir)
{
	uint16_t port = dir == WD_EGRESS ? k->key.pport : k->key.lport;
	uint8_t of = traffic_of(k);

	if (of == OF_ICMP || of == OF_ICMP6)
		port = k->key.pport; /* the question's type and code */
	if (of == OF_OTHER)
		port = k->key.proto;

	if (!(rule->dirs & 1U << dir) || !(rule->of & of))
		return false;
	if (port < rule->lo || port > rule->hi)
		return false;
	return rule->pred == PRED_OF_ALL || (preds_of(k) & HAS(rule->pred));
}

/* ---- what no policy can allow ---- */

static bool is_tunnel(const struct look *k, enum wd_dir dir)
{
	/* IANA's numbers of protocols that carry packets */
	static const uint8_t protos[] = { 4,  41, 47,  50,  51,	 55, 94,
					  97, 98, 108, 115, 137, 143 };
	static const uint16_t ports[] = { 1701, 2152, 4500, 4754,  4755,
					  4789, 4790, 6080, 6081,  6635,
					  6636, 8285, 8472, 51820, 51871 };

	for (size_t i = 0; i < sizeof(protos); i++)
		if (k->key.proto == protos[i])
			return true;
	if (k->key.proto == P_UDP && k->key.pport == SITE_TUNNEL)
		return true;
	/* WireGuard's, from which a node may also ask by chance */
	if (dir == WD_INGRESS && k->key.pport >= 32768)
		return false;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (k->key.proto == P_UDP && k->key.pport == ports[i])
			return true;
	return false;
}

/* A node, or an address that might be one: of the link, of a group. */
static bool may_be_node(const struct look *k)
{
	const struct addr *a = &k->key.peer;
	const struct peer *peer = peer_of(k->key.family, a);

	if (k->key.family == 6 && (a->b[0] == 0xff || is_link_local6(a)))
		return true;
	if (k->key.family == 4 &&
	    (a->b[0] >= 224 || (a->b[0] == 169 && a->b[1] == 254)))
		return true;
	return peer && (peer->flags & (WD_ADDR_NODE | WD_ADDR_HOST));
}

static bool is_dhcp_server(const struct look *k)
{
	return k->key.proto == P_UDP &&
	       k->key.lport == (k->key.family == 4 ? 67 : 547);
}

static bool names_group(const struct look *k)
{
	return k->l.family == 4 ? k->dst.b[0] >= 224 : k->dst.b[0] == 0xff;
}

int consent(const struct look *k, enum wd_dir dir)
{
	const struct setting *set = setting_of(k);
	const struct policy *policy = &site_policies[set->policy[k->pod_nr]];

	if (is_dhcp_server(k))
		return WD_R_DHCP_FORBIDDEN;
	if (is_tunnel(k, dir) && may_be_node(k) &&
	    !(set->flags[k->pod_nr] & WD_EP_ENCAP))
		return WD_R_ENCAP_FORBIDDEN;
	if (set->flags[k->pod_nr] & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!set->policy[k->pod_nr] || policy->is_unready)
		return WD_R_NOT_READY;
	for (size_t i = 0; i < policy->cnt; i++)
		if (rule_speaks_of(&policy->rules[i], k, dir))
			return policy->rules[i].is_deny ? WD_R_POLICY :
							  WD_R_POLICY_ALLOW;
	if (!(policy->isolates & 1U << dir))
		return WD_R_NOT_ISOLATED;
	if (names_group(k))
		return WD_R_MCAST;
	return traffic_of(k) == OF_OTHER ? WD_R_PROTO_UNSUP : WD_R_DEFAULT;
}

bool lets_pass(const struct look *k, int reason)
{
	if (reason < WD_R_FIRST_DROP)
		return true;
	return (setting_of(k)->flags[k->pod_nr] & WD_EP_AUDIT) &&
	       (reason == WD_R_DEFAULT || reason == WD_R_POLICY ||
		reason == WD_R_PROTO_UNSUP || reason == WD_R_MCAST);
}
