/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.c - see frame.h.
 */
#include "frame.h"

#include <netinet/in.h>
#include <string.h>

#define ISN 0x1000 /* first sequence number of both sides */

static void put16(uint8_t *at, uint32_t val)
{
	at[0] = (uint8_t)(val >> 8);
	at[1] = (uint8_t)val;
}

static void put32(uint8_t *at, uint32_t val)
{
	put16(at, val >> 16);
	put16(at + 2, val);
}

static uint32_t sum(const uint8_t *at, size_t len, uint32_t s)
{
	for (size_t i = 0; i < len; i++)
		s += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* RFC 9260, appendix A: Castagnoli, bits reflected. */
static uint32_t crc32c(const uint8_t *at, size_t len)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < len; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static size_t put_tcp(uint8_t *l4, const struct packet *p)
{
	bool is_later = p->is_later || p->is_reply;

	put32(l4 + 4, ISN + (is_later && !p->is_synack));
	if (is_later)
		put32(l4 + 8, ISN + 1);
	l4[12] = 5 << 4;
	l4[13] = p->is_synack ? 0x12 : is_later ? 0x10 : 0x02;
	put16(l4 + 14, 0xfff0); /* window */
	return 20;
}

static size_t put_sctp(uint8_t *l4, const struct packet *p)
{
	uint32_t crc;

	put32(l4 + 4, p->is_reply); /* of an INIT: 0 */
	l4[12] = p->is_reply ? 2 : 1; /* INIT, INIT ACK */
	put16(l4 + 14, 20);
	put32(l4 + 16, 1); /* tag */
	put32(l4 + 20, 4096);
	put16(l4 + 24, 1);
	put16(l4 + 26, 1);
	crc = crc32c(l4, 32);
	for (int i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> (8 * i));
	return 32;
}

static bool is_icmp(const struct wd_flow *f)
{
	return f->proto == (f->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static size_t put_l4(uint8_t *l4, const struct packet *p)
{
	const struct wd_flow *f = p->flow;

	memset(l4, 0, 32);
	put16(l4, p->is_reply ? f->port : p->sport);
	put16(l4 + 2, p->is_reply ? p->sport : f->port);
	if (f->proto == IPPROTO_TCP)
		return put_tcp(l4, p);
	if (f->proto == IPPROTO_SCTP)
		return put_sctp(l4, p);
	if (f->proto == IPPROTO_UDP) {
		put16(l4 + 4, 24);
		return 24;
	}
	if (is_icmp(f)) {
		put32(l4, (uint32_t)f->port << 16);
		if (p->is_reply) /* 0 to echo in IPv4, else the next one */
			l4[0] = f->port >> 8 == 8 ? 0 : (uint8_t)(l4[0] + 1);
		put16(l4 + 4, p->sport);
		return 24;
	}
	memset(l4, 0x5a, 24);
	if (f->proto == IPPROTO_GRE)
		put16(l4, 0); /* version 0, no flags */
	return 24;
}

static int checksum_at(const struct wd_flow *f)
{
	if (f->proto == IPPROTO_TCP)
		return 16;
	if (f->proto == IPPROTO_UDP)
		return 6;
	return is_icmp(f) ? 2 : -1;
}

static void put_checksum(uint8_t *ip, size_t ip_len, uint8_t *l4, size_t len,
			 const struct wd_flow *f)
{
	int at = checksum_at(f);
	uint32_t s = (uint32_t)len + f->proto;

	if (at < 0)
		return;
	if (f->proto == IPPROTO_ICMP)
		s = 0;
	else if (ip_len == 20)
		s = sum(ip + 12, 8, s);
	else
		s = sum(ip + 8, 32, s);
	put16(l4 + at, fold(sum(l4, len, s)));
}

static size_t put_ip(uint8_t *ip, const struct packet *p, size_t l4_len)
{
	const struct wd_flow *f = p->flow;
	const struct wd_addr *src = p->is_reply ? &f->dst : &f->src;
	const struct wd_addr *dst = p->is_reply ? &f->src : &f->dst;

	memset(ip, 0, 40);
	if (f->src.family == 4) {
		ip[0] = 0x45;
		put16(ip + 2, (uint32_t)(20 + l4_len));
		put16(ip + 4, p->id);
		ip[8] = 64;
		ip[9] = f->proto;
		memcpy(ip + 12, &src->v4, 4);
		memcpy(ip + 16, &dst->v4, 4);
		put16(ip + 10, fold(sum(ip, 20, 0)));
		return 20;
	}
	ip[0] = 0x60;
	put16(ip + 2, p->id);
	put16(ip + 4, (uint32_t)l4_len);
	ip[6] = f->proto;
	ip[7] = 64;
	memcpy(ip + 8, &src->v6, 16);
	memcpy(ip + 24, &dst->v6, 16);
	return 40;
}

size_t frame_build(uint8_t frame[FRAME_MAX], const struct packet *p,
		   const uint8_t dst[6], const uint8_t src[6])
{
	uint8_t l4[32];
	size_t l4_len = put_l4(l4, p), ip_len;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	put16(frame + 12, p->flow->src.family == 4 ? 0x0800 : 0x86dd);
	ip_len = put_ip(frame + FRAME_ETH, p, l4_len);
	put_checksum(frame + FRAME_ETH, ip_len, l4, l4_len, p->flow);
	memcpy(frame + FRAME_ETH + ip_len, l4, l4_len);
	return FRAME_ETH + ip_len + l4_len;
}
