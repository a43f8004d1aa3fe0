/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.c - reads the headers of a captured frame, as far as they are there.
 */
#include "frame.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#define ETH_IP4 0x0800
#define ETH_IP6 0x86dd
#define EXTHDRS_MAX 8 /* more than anybody sends */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* ---- network ---- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Return: offset of the transport header, or 0. */
static size_t read_ip4(struct wd_frame *frame)
{
	const uint8_t *ip = frame->data + frame->l3;
	size_t room = frame->len - frame->l3, bytes, total;
	uint16_t frag;

	if (room < sizeof(struct iphdr) || ip[0] >> 4 != 4)
		return 0;
	bytes = (ip[0] & 0xfU) * 4;
	total = get16(ip + 2) ?: room; /* 0: more than the field can say */
	if (bytes < sizeof(struct iphdr) || bytes > room || total < bytes)
		return 0;
	frame->src.family = frame->dst.family = 4;
	memcpy(&frame->src.v4, ip + 12, sizeof(frame->src.v4));
	memcpy(&frame->dst.v4, ip + 16, sizeof(frame->dst.v4));
	frame->proto = ip[9];
	frame->end = frame->l3 + least(total, room);
	frag = get16(ip + 6);
	frame->is_fragment = frag & 0x3fff;
	return frag & 0x1fff ? 0 : frame->l3 + bytes;
}

static bool is_exthdr(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT;
}

/* Steps over extension headers. Return: offset of the transport header, or 0. */
static size_t read_exthdrs(struct wd_frame *frame, size_t at)
{
	for (int i = 0; i < EXTHDRS_MAX && is_exthdr(frame->proto); i++) {
		const uint8_t *header = frame->data + at;
		bool is_frag = frame->proto == IPPROTO_FRAGMENT;
		size_t bytes;

		if (at + 8 > frame->end)
			return 0;
		bytes = is_frag ? 8 : (header[1] + 1U) * 8;
		frame->proto = header[0];
		if (is_frag)
			frame->is_fragment = true;
		if (is_frag && get16(header + 2) & 0xfff8)
			return 0;
		at += bytes;
	}
	return at <= frame->end ? at : 0;
}

static size_t read_ip6(struct wd_frame *frame)
{
	const uint8_t *ip = frame->data + frame->l3;
	size_t room = frame->len - frame->l3, payload;

	if (room < sizeof(struct ip6_hdr) || ip[0] >> 4 != 6)
		return 0;
	room -= sizeof(struct ip6_hdr);
	payload = get16(ip + 4) ?: room;
	frame->src.family = frame->dst.family = 6;
	memcpy(&frame->src.v6, ip + 8, sizeof(frame->src.v6));
	memcpy(&frame->dst.v6, ip + 24, sizeof(frame->dst.v6));
	frame->proto = ip[6];
	frame->end = frame->l3 + sizeof(struct ip6_hdr) + least(payload, room);
	return read_exthdrs(frame, frame->l3 + sizeof(struct ip6_hdr));
}

/* ---- transport ---- */

static bool proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP;
}

static void read_l4(struct wd_frame *frame)
{
	const uint8_t *l4 = frame->data + frame->l4;
	size_t room = frame->end - frame->l4, bytes;

	if (room < 4)
		return;
	if (frame->proto == IPPROTO_ICMP || frame->proto == IPPROTO_ICMPV6) {
		frame->icmp_type = l4[0];
		frame->icmp_code = l4[1];
		return;
	}
	if (!proto_has_ports(frame->proto))
		return;
	frame->has_ports = true;
	frame->sport = get16(l4);
	frame->dport = get16(l4 + 2);
	if (frame->proto != IPPROTO_TCP || room < sizeof(struct tcphdr))
		return;
	bytes = (l4[12] >> 4) * 4U;
	if (bytes >= sizeof(struct tcphdr) && bytes <= room)
		frame->payload = frame->l4 + bytes;
}

void wd_frame_read(struct wd_frame *frame, const uint8_t *data, size_t len)
{
	*frame = (struct wd_frame){ .data = data, .len = len };
	if (len < WD_FRAME_ETH)
		return;
	frame->ethertype = get16(data + 12);
	frame->l3 = WD_FRAME_ETH;
	if (frame->ethertype == ETH_IP4)
		frame->l4 = read_ip4(frame);
	else if (frame->ethertype == ETH_IP6)
		frame->l4 = read_ip6(frame);
	if (frame->l4)
		read_l4(frame);
}

/* ---- segments ---- */

bool wd_frame_is_cuttable(const struct wd_frame *frame)
{
	const uint8_t *tcp = frame->data + frame->l4;

	return frame->payload && !frame->is_fragment &&
	       frame->end > frame->payload &&
	       !(tcp[13] & (TH_SYN | TH_RST | TH_URG));
}

static void set_length(const struct wd_frame *frame, uint8_t *to, size_t len)
{
	if (frame->src.family == 4)
		put16(to + frame->l3 + 2, len - frame->l3);
	else
		put16(to + frame->l3 + 4,
		      len - frame->l3 - sizeof(struct ip6_hdr));
}

size_t wd_frame_cut(const struct wd_frame *frame, size_t at, size_t max,
		    uint8_t *to, size_t *ret_next)
{
	size_t all = frame->end - frame->payload;
	size_t part = least(all - at, max - frame->payload);
	uint8_t *tcp = to + frame->l4;

	memcpy(to, frame->data, frame->payload);
	memcpy(to + frame->payload, frame->data + frame->payload + at, part);
	set_length(frame, to, frame->payload + part);
	put32(tcp + 4, get32(tcp + 4) + (uint32_t)at);
	if (at + part < all)
		tcp[13] &= (uint8_t)~TH_FIN;
	*ret_next = at + part < all ? at + part : 0;
	return frame->payload + part;
}
