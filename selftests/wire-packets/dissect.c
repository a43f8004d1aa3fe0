/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dissect.c - plain reading of headers. Every length is checked against the
 * bytes that are there before anything else is done with it.
 */
#include "dissect.h"

#include <string.h>
#include <warder/limits.h>
#include <warder/verdict.h>

static unsigned int be16_at(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static struct span behind(struct span s, size_t bytes)
{
	return (struct span){ s.p + bytes, s.n - bytes, s.is_cut };
}

/* ---- link ---- */

enum form dissect_type(unsigned int type)
{
	switch (type) {
	case 0x0800:
		return FORM_IP4;
	case 0x86dd:
		return FORM_IP6;
	case 0x8847: /* MPLS */
	case 0x8848: /* MPLS, to groups */
	case 0x894f: /* NSH */
	case 0x892f: /* HSR */
	case 0x4305: /* B.A.T.M.A.N. */
	case 0x6558: /* a frame in a frame */
		return FORM_HIDDEN;
	default:
		return FORM_OTHER;
	}
}

static struct step no_step(int reason)
{
	return (struct step){ .reason = reason };
}

/* RFC 2516: version, code, session, length; then the protocol of PPP. */
static struct step dissect_pppoe(struct span s)
{
	unsigned int proto;
	size_t bytes = 8;

	if (s.n < 8)
		return no_step(WD_R_L2_UNSUP);
	proto = be16_at(s.p + 6);
	if (s.p[6] % 2) {
		proto = s.p[6];
		bytes = 7;
	}
	if (proto == 0x0021)
		return (struct step){ FORM_IP4, behind(s, bytes), 0 };
	if (proto == 0x0057)
		return (struct step){ FORM_IP6, behind(s, bytes), 0 };
	if (proto >= 0x8000)
		return (struct step){ FORM_OTHER, behind(s, bytes), 0 };
	return no_step(WD_R_TUN_OPAQUE);
}

struct step dissect_frame(struct span s)
{
	unsigned int type;

	if (s.n < 14)
		return no_step(WD_R_L2_UNSUP);
	type = be16_at(s.p + 12);
	s = behind(s, 14);
	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == 2)
			return no_step(WD_R_VLAN);
		if (s.n < 4)
			return no_step(WD_R_L2_UNSUP);
		type = be16_at(s.p + 2);
		s = behind(s, 4);
	}
	if (type == 0x8864)
		return dissect_pppoe(s);
	return (struct step){ dissect_type(type), s, 0 };
}

/* ---- IP ---- */

/* The bytes of a packet that says it has @said of them. Return: false: it has not */
static bool cut_to(struct span *s, size_t said)
{
	if (said > s->n && !s->is_cut)
		return false;
	if (said < s->n)
		s->n = said;
	return true;
}

static int dissect_ip4(struct span s, struct ip *ip)
{
	size_t header;
	unsigned int frag;

	if (s.n < 20 || s.p[0] >> 4 != 4)
		return WD_R_L3_BAD;
	header = (s.p[0] & 15) * 4U;
	if (header < 20 || be16_at(s.p + 2) < header ||
	    !cut_to(&s, be16_at(s.p + 2)) || s.n < header)
		return WD_R_L3_BAD;
	memcpy(ip->src, s.p + 12, 4);
	memcpy(ip->dst, s.p + 16, 4);
	ip->id = be16_at(s.p + 4);
	ip->hops = s.p[8];
	ip->proto = s.p[9];
	frag = be16_at(s.p + 6);
	ip->rest = behind(s, header);
	ip->at = (frag & 0x1fff) * 8UL;
	ip->is_later = ip->at > 0;
	ip->is_first = !ip->at && (frag & 0x2000);
	ip->share = ip->rest.n;
	ip->said = ip->proto;
	return 0;
}

/* RFC 8200, 4.5 */
static bool read_fragment(struct ip *ip)
{
	const uint8_t *p = ip->rest.p;

	if (ip->is_first)
		return false; /* a fragment of a fragment */
	ip->proto = p[0];
	ip->said = p[0];
	ip->at = be16_at(p + 2) & 0xfff8;
	ip->is_later = ip->at > 0;
	ip->is_first = !ip->at && (p[3] & 1);
	memcpy(&ip->id, p + 4, 4);
	ip->rest = behind(ip->rest, 8);
	ip->share = ip->rest.n;
	return true;
}

/* One header more, or none. Return: false: it cannot be walked */
static bool read_extension(struct ip *ip)
{
	size_t bytes;

	if (ip->rest.n < 8)
		return false;
	if (ip->proto == 44)
		return read_fragment(ip);
	bytes = ip->proto == 51 ? ip->rest.p[1] * 4UL + 8 :
				  ip->rest.p[1] * 8UL + 8;
	if (ip->proto == 43)
		ip->is_routed = true;
	ip->proto = ip->rest.p[0];
	if (bytes > ip->rest.n)
		return false;
	ip->rest = behind(ip->rest, bytes);
	return true;
}

static bool is_extension(int proto)
{
	static const int all[] = { 0, 43, 44, 51, 60, 135, 139, 140 };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (proto == all[i])
			return true;
	return false;
}

static void walk(struct ip *ip)
{
	for (int i = 0; !ip->is_later && is_extension(ip->proto); i++) {
		if (i == 6 || !read_extension(ip)) {
			ip->trouble = WD_R_EXTHDR;
			return;
		}
	}
}

static int dissect_ip6(struct span s, struct ip *ip)
{
	if (s.n < 40 || s.p[0] >> 4 != 6 || !cut_to(&s, 40 + be16_at(s.p + 4)))
		return WD_R_L3_BAD;
	memcpy(ip->src, s.p + 8, 16);
	memcpy(ip->dst, s.p + 24, 16);
	ip->proto = s.p[6];
	ip->hops = s.p[7];
	ip->rest = behind(s, 40);
	walk(ip);
	return 0;
}

static void read_ports(struct ip *ip)
{
	if (ip->trouble || ip->is_later ||
	    (ip->proto != 6 && ip->proto != 17 && ip->proto != 132))
		return;
	if (ip->rest.n < 8) {
		ip->trouble = ip->is_first ? WD_R_FRAG_TINY : WD_R_L4_BAD;
		return;
	}
	ip->sport = (int)be16_at(ip->rest.p);
	ip->dport = (int)be16_at(ip->rest.p + 2);
}

int dissect_ip(struct span span, int family, struct ip *ret_ip)
{
	struct ip ip = { .family = family };
	int reason = family == 4 ? dissect_ip4(span, &ip) :
				   dissect_ip6(span, &ip);

	if (reason)
		return reason;
	read_ports(&ip);
	*ret_ip = ip;
	return 0;
}
