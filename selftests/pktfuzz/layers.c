/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layers.c - splits a frame into headers: Ethernet, IPv4 with options (RFC
 * 791), IPv6 with extension headers (RFC 8200), fragments of both.
 */
#include "layers.h"

#include <string.h>
#include <warder/limits.h>
#include <warder/verdict.h>

#include "wire.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_LOOSE_ROUTE 131
#define OPT_STRICT_ROUTE 137
#define DATAGRAM_MAX 65535

bool layers_has(const struct layers *l, size_t at, size_t len)
{
	return at + len <= l->ip_end;
}

/* ---- IPv4 ---- */

/* Options that add up to the header's length and route nothing. */
static bool options_are_sound(const uint8_t *opt, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t step;

		if (opt[at] == OPT_END)
			return true;
		if (opt[at] == OPT_LOOSE_ROUTE || opt[at] == OPT_STRICT_ROUTE)
			return false;
		if (opt[at] == OPT_NOP) {
			step = 1;
		} else {
			if (at + 2 > len)
				return false;
			step = opt[at + 1];
			if (step < 2)
				return false;
		}
		at += step;
	}
	return at == len;
}

/*
 * Where the fragment is in its datagram. What stacks would cut to size or leave
 * out, each in its own way, is malformed: no bytes, an end that is not at a
 * multiple of eight though more follow, an end behind the largest datagram.
 */
static int place_fragment(struct layers *l)
{
	size_t len = l->ip_end - l->at;

	if (!l->frag_at && !l->more)
		return 0; /* not a fragment, or an atomic one */
	l->frag = l->frag_at ? FRAG_LATER : FRAG_FIRST;
	if (!len)
		return l->frag == FRAG_FIRST ? WD_R_FRAG_TINY : WD_R_L3_BAD;
	if (l->frag_at + len > DATAGRAM_MAX || (l->more && len % 8))
		return WD_R_L3_BAD;
	return 0;
}

static int parse_frag4(struct layers *l, const uint8_t *ip)
{
	uint16_t field = get16(ip + 6);

	if (field & 0x8000)
		return WD_R_L3_BAD; /* reserved, must be zero */
	l->more = field & 0x2000;
	l->frag_at = (field & 0x1fff) * 8U;
	l->frag_id = get16(ip + 4);
	l->frag_proto = l->proto;
	return place_fragment(l);
}

static int parse_ip4(struct layers *l)
{
	const uint8_t *ip = l->frame + ETH_LEN;
	size_t room = l->len - ETH_LEN, header, total;

	if (room < IP4_LEN || ip[0] >> 4 != 4 || !ip[8])
		return WD_R_L3_BAD;
	header = (ip[0] & 15U) * 4;
	total = get16(ip + 2);
	if (header < IP4_LEN || total < header || total > room)
		return WD_R_L3_BAD;
	memcpy(l->src, ip + 12, 4);
	memcpy(l->dst, ip + 16, 4);
	l->hops = ip[8];
	l->proto = ip[9];
	l->at = ETH_LEN + header;
	l->ip_end = ETH_LEN + total;
	if (!options_are_sound(ip + IP4_LEN, header - IP4_LEN))
		l->extra_fault = WD_R_IPOPT;
	return parse_frag4(l, ip);
}

/* ---- IPv6 ---- */

bool layers_walks(uint8_t proto)
{
	return proto == P_HOPOPTS || proto == P_DSTOPTS || proto == P_AH ||
	       proto == P_FRAGMENT;
}

/* Known to be no transport, and never let through. */
static bool is_refused(uint8_t proto)
{
	return proto == P_ROUTING || proto == P_MOBILITY || proto == P_HIP ||
	       proto == P_SHIM6 || proto == P_EXP1 || proto == P_EXP2;
}

static bool had_fragment_header(const struct layers *l)
{
	for (size_t i = 0; i < l->ext_cnt; i++)
		if (l->ext[i].proto == P_FRAGMENT)
			return true;
	return false;
}

static int parse_frag6(struct layers *l, const uint8_t *hdr)
{
	uint16_t field = get16(hdr + 2);

	l->more = field & 1;
	l->frag_at = field & 0xfff8;
	l->frag_id = get32(hdr + 4);
	l->frag_proto = hdr[0];
	return place_fragment(l);
}

/* One extension header. Return: reason, or 0 with l->at and l->proto behind it. */
static int parse_ext(struct layers *l)
{
	const uint8_t *hdr = l->frame + l->at;
	uint8_t proto = l->proto;

	/* all of a fragmented packet's headers are before its fragment header */
	if (!layers_has(l, l->at, 8) || l->frag == FRAG_FIRST)
		return WD_R_EXTHDR;
	if (proto == P_FRAGMENT && had_fragment_header(l))
		return WD_R_EXTHDR;
	l->ext[l->ext_cnt++] = (struct layer){ proto, l->at };
	l->proto = hdr[0];
	if (proto == P_FRAGMENT) {
		l->at += 8;
		return parse_frag6(l, hdr);
	}
	l->at += proto == P_AH ? (hdr[1] + 2U) * 4 : (hdr[1] + 1U) * 8;
	return l->at > l->ip_end ? WD_R_EXTHDR : 0;
}

static int parse_exts(struct layers *l)
{
	while (layers_walks(l->proto) && l->frag != FRAG_LATER) {
		int r;

		if (l->ext_cnt == WD_EXTHDR_MAX)
			return WD_R_EXTHDR;
		r = parse_ext(l);
		if (r)
			return r;
	}
	return is_refused(l->proto) && l->frag != FRAG_LATER ? WD_R_EXTHDR : 0;
}

static int parse_ip6(struct layers *l)
{
	const uint8_t *ip = l->frame + ETH_LEN;
	size_t room = l->len - ETH_LEN, payload;

	if (room < IP6_LEN || ip[0] >> 4 != 6 || !ip[7])
		return WD_R_L3_BAD;
	payload = get16(ip + 4);
	if (payload > room - IP6_LEN)
		return WD_R_L3_BAD;
	memcpy(l->src, ip + 8, 16);
	memcpy(l->dst, ip + 24, 16);
	l->hops = ip[7];
	l->proto = ip[6];
	l->at = ETH_LEN + IP6_LEN;
	l->ip_end = l->at + payload;
	l->has_ext = layers_walks(l->proto) || is_refused(l->proto);
	l->extra_fault = parse_exts(l);
	return 0;
}

void layers_parse(struct layers *l, const uint8_t *frame, size_t len)
{
	*l = (struct layers){ .frame = frame, .len = len };
	l->ethertype = get16(frame + 12);
	if (l->ethertype == 0x0800)
		l->family = 4;
	else if (l->ethertype == 0x86dd)
		l->family = 6;
	if (l->family == 4)
		l->ip_fault = parse_ip4(l);
	else if (l->family == 6)
		l->ip_fault = parse_ip6(l);
}
