// SPDX-License-Identifier: GPL-2.0-only
/*
 * headers.c - steps through a frame, layer by layer.
 *
 * UDP is tried as every tunnel that we know, on any port: what a guess finds is
 * believed only where it ends at a pair of addresses of the cluster.
 */
#include "headers.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 12
#define FRAG_OFFSET 0x1fff

enum {
	ETH_IP4 = 0x0800,
	ETH_TEB = 0x6558, /* an Ethernet frame in a tunnel */
	ETH_VLAN = 0x8100,
	ETH_IP6 = 0x86dd,
	ETH_MPLS = 0x8847,
	ETH_MPLS_MULTI = 0x8848,
	ETH_PPPOE = 0x8864,
	ETH_NSH = 0x894f,
	ETH_QINQ = 0x88a8,
	ETH_QINQ_OLD = 0x9100,
	PPP_IP4 = 0x0021,
	PPP_IP6 = 0x0057,
	P_HOPOPT = 0,
	P_ICMP = 1,
	P_IPIP = 4,
	P_TCP = 6,
	P_UDP = 17,
	P_IP6 = 41,
	P_ROUTING = 43,
	P_FRAGMENT = 44,
	P_GRE = 47,
	P_ESP = 50,
	P_AH = 51,
	P_ICMP6 = 58,
	P_DSTOPT = 60,
	P_MPLS = 137,
};

struct step {
	const struct wire_rules *rules;
	struct wire_found *found;
	const uint8_t *at;
	size_t left;
	int depth;
	char path[WIRE_PATH_BYTES - 8]; /* one more name must fit behind it */
};

static void on_ip(struct step s);
static void on_ether(struct step s);
static void on_type(struct step s, unsigned int type);
static void on_proto(struct step s, unsigned int proto);

static unsigned int be16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

/* Go on behind @bytes of a header called @name. Return: there is something */
static bool skip(struct step *s, size_t bytes, const char *name)
{
	size_t len = strlen(s->path);

	if (s->left < bytes || ++s->depth > DEPTH_MAX)
		return false;
	s->at += bytes;
	s->left -= bytes;
	snprintf(s->path + len, sizeof(s->path) - len, "%s%s", len ? " " : "",
		 name);
	return true;
}

static void judge(struct step *s, int family, const uint8_t *src)
{
	const uint8_t *dst = src + (family == 6 ? 16 : 4);
	enum wire_pair pair = wire_pair_of(s->rules, family, src, dst);

	if (pair == WIRE_PAIR_OPEN)
		s->found->open = true;
	if (pair != WIRE_PAIR_SECRET || s->found->leak & WIRE_BY_HEADERS)
		return;
	s->found->leak |= WIRE_BY_HEADERS;
	snprintf(s->found->path, sizeof(s->found->path), "%s ip%d", s->path,
		 family);
}

/* ---- tunnels in UDP ---- */

static void on_vxlan(struct step s)
{
	static const unsigned int next[] = { 0,	      ETH_IP4, ETH_IP6,
					     ETH_TEB, ETH_NSH, ETH_MPLS };
	unsigned int proto = s.left >= 8 ? s.at[3] : 0;
	struct step plain = s;

	if (!skip(&s, 8, "vxlan"))
		return;
	on_ether(s);
	if (proto && proto < sizeof(next) / sizeof(next[0]) &&
	    skip(&plain, 8, "vxlan-gpe"))
		on_type(plain, next[proto]);
}

static void on_geneve(struct step s)
{
	unsigned int type;

	if (s.left < 8)
		return;
	type = be16(s.at + 2);
	if (skip(&s, 8 + (size_t)(s.at[0] & 0x3f) * 4, "geneve"))
		on_type(s, type);
}

static void on_gue(struct step s)
{
	unsigned int proto;

	if (s.left < 4)
		return;
	proto = s.at[1];
	if (!(s.at[0] & 0xc0) &&
	    skip(&s, 4 + (size_t)(s.at[0] & 0x1f) * 4, "gue"))
		on_proto(s, proto);
}

static void on_gre(struct step s)
{
	size_t len = 4;
	unsigned int type;

	if (s.left < 4)
		return;
	type = be16(s.at + 2);
	len += s.at[0] & 0xc0 ? 4 : 0; /* checksum or routing */
	len += s.at[0] & 0x20 ? 4 : 0; /* key */
	len += s.at[0] & 0x10 ? 4 : 0; /* sequence number */
	len += s.at[1] & 0x80 ? 4 : 0; /* acknowledgement of version 1 */
	if (skip(&s, len, "gre"))
		on_type(s, type);
}

static bool is_sealed(const struct step *s)
{
	static const uint8_t zero[3];

	return s->left >= 32 && s->at[0] >= 1 && s->at[0] <= 4 &&
	       !memcmp(s->at + 1, zero, sizeof(zero));
}

static void on_udp(struct step s)
{
	if (!skip(&s, 8, "udp"))
		return;
	s.found->sealed = s.found->sealed || is_sealed(&s);
	on_vxlan(s);
	on_geneve(s);
	on_gue(s);
	on_gre(s);
	on_ip(s); /* FOU, Teredo, GUE of variant 1 */
	on_ether(s);
}

/* ---- IP ---- */

static void on_icmp(struct step s)
{
	/* An error quotes the packet that it is about. */
	if (skip(&s, 8, "icmp"))
		on_ip(s);
}

static void on_mpls(struct step s)
{
	bool last = false;
	struct step under;

	while (!last && s.left >= 4) {
		last = s.at[2] & 1;
		if (!skip(&s, 4, "mpls"))
			return;
	}
	on_ip(s);
	on_ether(s);
	under = s;
	if (skip(&under, 4, "control")) /* of a pseudo-wire */
		on_ether(under);
}

static void on_proto(struct step s, unsigned int proto)
{
	switch (proto) {
	case P_ICMP:
	case P_ICMP6:
		on_icmp(s);
		break;
	case P_IPIP:
	case P_IP6:
		on_ip(s);
		break;
	case P_UDP:
		on_udp(s);
		break;
	case P_GRE:
		on_gre(s);
		break;
	case P_MPLS:
		on_mpls(s);
		break;
	}
}

static void on_ip4(struct step s)
{
	size_t len = (size_t)(s.at[0] & 0xf) * 4;
	unsigned int proto, offset;

	if (s.left < 20)
		return;
	proto = s.at[9];
	offset = be16(s.at + 6) & FRAG_OFFSET;
	judge(&s, 4, s.at + 12);
	if (len >= 20 && !offset && skip(&s, len, "ip4"))
		on_proto(s, proto);
}

static size_t extension_bytes(const struct step *s, unsigned int proto)
{
	if (s->left < 8)
		return 0;
	switch (proto) {
	case P_HOPOPT:
	case P_ROUTING:
	case P_DSTOPT:
		return 8 + (size_t)s->at[1] * 8;
	case P_AH:
		return 8 + (size_t)s->at[1] * 4;
	case P_FRAGMENT:
		return be16(s->at + 2) >> 3 ? 0 : 8;
	}
	return 0;
}

static void on_ip6(struct step s)
{
	unsigned int proto;
	size_t len;

	if (s.left < 40)
		return;
	proto = s.at[6];
	judge(&s, 6, s.at + 8);
	if (!skip(&s, 40, "ip6"))
		return;
	while ((len = extension_bytes(&s, proto))) {
		proto = s.at[0];
		if (!skip(&s, len, "ext"))
			return;
	}
	on_proto(s, proto);
}

static void on_ip(struct step s)
{
	if (s.left && s.at[0] >> 4 == 4)
		on_ip4(s);
	else if (s.left && s.at[0] >> 4 == 6)
		on_ip6(s);
}

/* ---- below IP ---- */

static void on_pppoe(struct step s)
{
	unsigned int proto;

	if (s.left < 8)
		return;
	proto = be16(s.at + 6);
	if (skip(&s, 8, "pppoe") && (proto == PPP_IP4 || proto == PPP_IP6))
		on_ip(s);
}

static void on_nsh(struct step s)
{
	static const unsigned int next[] = { 0,	      ETH_IP4, ETH_IP6,
					     ETH_TEB, ETH_NSH, ETH_MPLS };
	unsigned int proto;

	if (s.left < 8)
		return;
	proto = s.at[3];
	if (proto < sizeof(next) / sizeof(next[0]) &&
	    skip(&s, (size_t)(be16(s.at) & 0x3f) * 4, "nsh"))
		on_type(s, next[proto]);
}

static void on_vlan(struct step s)
{
	unsigned int type;

	if (s.left < 4)
		return;
	type = be16(s.at + 2);
	if (skip(&s, 4, "vlan"))
		on_type(s, type);
}

static void on_type(struct step s, unsigned int type)
{
	switch (type) {
	case ETH_IP4:
	case ETH_IP6:
		on_ip(s);
		break;
	case ETH_VLAN:
	case ETH_QINQ:
	case ETH_QINQ_OLD:
		on_vlan(s);
		break;
	case ETH_PPPOE:
		on_pppoe(s);
		break;
	case ETH_TEB:
		on_ether(s);
		break;
	case ETH_MPLS:
	case ETH_MPLS_MULTI:
		on_mpls(s);
		break;
	case ETH_NSH:
		on_nsh(s);
		break;
	}
}

static void on_ether(struct step s)
{
	unsigned int type;

	if (s.left < 14)
		return;
	type = be16(s.at + 12);
	if (skip(&s, 14, "eth"))
		on_type(s, type);
}

void wire_headers(const struct wire_rules *rules, const uint8_t *frame,
		  size_t len, bool raw, struct wire_found *ret)
{
	struct step s = {
		.rules = rules,
		.found = ret,
		.at = frame,
		.left = len,
	};

	if (raw)
		on_ip(s);
	else
		on_ether(s);
}
