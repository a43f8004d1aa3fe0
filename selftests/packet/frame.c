/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame.c - writes frames byte by byte, from the RFCs and not from the parser
 * that is tested with them. Checksums are left 0: no verdict looks at them.
 */
#include "frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <warder/verdict.h>

const uint8_t frame_pod_mac[6] = { 2, 0, 0, 0, 0, 1 };
const uint8_t frame_host_mac[6] = { 2, 0, 0, 0, 0, 0xfe };

static const struct {
	const char *ip4, *ip6;
} hosts[H__MAX] = {
	[H_SELF] = { "10.0.0.1", "fd00::1" },
	[H_SELF2] = { "10.0.0.2", "fd00::2" },
	[H_LINK] = { "169.254.7.7", "fe80::1" },
	[H_LINK2] = { "169.254.7.8", "fe80::2" },
	[H_FRIEND] = { "10.9.0.1", "fd09::1" },
	[H_FOE] = { "10.9.0.2", "fd09::2" },
	[H_PLAIN] = { "10.9.0.3", "fd09::3" },
	[H_PREFIX] = { "192.0.2.77", "2001:db8:2::77" },
	[H_HOLE] = { "192.0.2.18", "2001:db8:2::18" },
	[H_EXACT] = { "192.0.2.99", "2001:db8:2::99" },
	[H_EDGES] = { "10.9.0.4", "fd09::4" },
	[H_WORLD] = { "198.51.100.9", "2001:db8:9::9" },
	[H_NEAR] = { "10.0.0.101", "fd00::101" },
	[H_BRIDGED] = { "10.0.0.102", "fd00::102" },
	[H_NODE] = { "172.16.0.1", "fd10::1" },
	[H_NODE2] = { "172.16.0.2", "fd10::2" },
	[H_GROUP] = { "224.0.0.251", "ff02::fb" },
	[H_ALL] = { "255.255.255.255", "ff02::1" },
	[H_LOOP] = { "127.0.0.1", "::1" },
	[H_ZERO] = { "0.0.0.0", "::" },
	[H_MAPPED] = { "0.1.2.3", "::ffff:10.9.0.1" },
};

void frame_addr(enum host host, int family, void *ret)
{
	int ok = inet_pton(family == 4 ? AF_INET : AF_INET6,
			   family == 4 ? hosts[host].ip4 : hosts[host].ip6,
			   ret);

	assert(ok == 1);
}

static void put(struct frame *f, const void *bytes, size_t len)
{
	assert(f->len + len <= FRAME_MAX);
	if (len)
		memcpy(f->data + f->len, bytes, len);
	f->len += len;
}

static void put8(struct frame *f, unsigned int v)
{
	uint8_t b = (uint8_t)v;

	put(f, &b, 1);
}

static void put16(struct frame *f, unsigned int v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, v >> 16);
	put16(f, v);
}

static void put_addr(struct frame *f, enum host host, int family)
{
	uint8_t addr[16];

	frame_addr(host, family, addr);
	put(f, addr, family == 4 ? 4 : 16);
}

static void put_fill(struct frame *f, int len)
{
	for (int i = 0; i < len; i++)
		put8(f, 0xa5);
}

static void put_ether(struct frame *f, int dir, uint16_t type)
{
	put(f, dir == WD_EGRESS ? frame_host_mac : frame_pod_mac, 6);
	put(f, dir == WD_EGRESS ? frame_pod_mac : frame_host_mac, 6);
	put16(f, type);
}

struct packet packet_full(const struct packet *p)
{
	struct packet full = *p;
	bool leaves = p->dir == WD_EGRESS;

	if (!p->has_src && !p->src)
		full.src = leaves ? H_SELF : H_FRIEND;
	if (!p->has_dst && !p->dst)
		full.dst = leaves ? H_FRIEND : H_SELF;
	if (!p->proto)
		full.proto = 6;
	if (p->proto == 1 && p->family == 6)
		full.proto = 58;
	if (!p->sport)
		full.sport = 40000;
	if (!p->dport)
		full.dport = 80;
	if (!p->flags)
		full.flags = TCP_SYN;
	if (!p->seq)
		full.seq = full.flags & TCP_SYN ? TCP_ISN : TCP_ISN + 1;
	if (!p->ack && (full.flags & TCP_ACK))
		full.ack = TCP_ISN + 1;
	if (!p->payload)
		full.payload = 32;
	if (!p->hops)
		full.hops = 64;
	if (!p->frag_id)
		full.frag_id = 7;
	return full;
}

static void put_tcp(struct frame *f, const struct packet *p)
{
	put16(f, p->sport);
	put16(f, p->dport);
	put32(f, p->seq);
	put32(f, p->ack);
	put8(f, 5 << 4);
	put8(f, p->flags);
	put16(f, 1000);
	put32(f, 0);
}

static void put_l4(struct frame *f, const struct packet *p)
{
	f->l4 = f->len;
	if (p->frag_off) {
		put_fill(f, p->payload);
		return;
	}
	if (p->proto == 6) {
		put_tcp(f, p);
	} else if (p->proto == 17) {
		put16(f, p->sport);
		put16(f, p->dport);
		put16(f, (unsigned int)(8 + p->payload));
		put16(f, 0);
	} else if (p->proto == 132) {
		put16(f, p->sport);
		put16(f, p->dport);
		put32(f, 9);
		put32(f, 0);
	} else if (p->proto == 1 || p->proto == 58) {
		put8(f, p->type);
		put8(f, p->code);
		put16(f, 0);
		put16(f, p->id);
		put16(f, 1);
	}
	put_fill(f, p->payload);
}

static void set16(struct frame *f, size_t at, size_t v)
{
	f->data[at] = (uint8_t)(v >> 8);
	f->data[at + 1] = (uint8_t)v;
}

static void put_ip4(struct frame *f, const struct packet *p)
{
	size_t start = f->len;

	put8(f, 0x40 | (5 + p->extra_len / 4));
	put8(f, 0);
	put16(f, 0);
	put16(f, p->frag_id);
	put16(f, (p->more ? 0x2000 : 0) | p->frag_off / 8);
	put8(f, p->hops);
	put8(f, (unsigned int)p->proto);
	put16(f, 0);
	put_addr(f, p->src, 4);
	put_addr(f, p->dst, 4);
	put(f, p->extra, (size_t)p->extra_len);
	put_l4(f, p);
	set16(f, start + 2, f->len - start);
}

static void put_ip6(struct frame *f, const struct packet *p)
{
	bool is_fragment = p->frag_off || p->more || p->atomic;
	int next = is_fragment ? 44 : p->proto;
	size_t start = f->len;

	put32(f, 6U << 28);
	put16(f, 0);
	put8(f, (unsigned int)(p->extra_len ? p->extra_proto : next));
	put8(f, p->hops);
	put_addr(f, p->src, 6);
	put_addr(f, p->dst, 6);
	put(f, p->extra, (size_t)p->extra_len);
	if (is_fragment) {
		put8(f, (unsigned int)p->proto);
		put8(f, 0);
		put16(f, (unsigned int)(p->frag_off | p->more));
		put32(f, p->frag_id);
	}
	put_l4(f, p);
	set16(f, start + 4, f->len - start - 40);
}

static void put_ip(struct frame *f, const struct packet *p)
{
	if (p->family == 4)
		put_ip4(f, p);
	else
		put_ip6(f, p);
}

void frame_make(struct frame *frame, const struct packet *packet)
{
	struct packet full = packet_full(packet);

	memset(frame, 0, sizeof(*frame));
	put_ether(frame, full.dir, full.family == 4 ? 0x0800 : 0x86dd);
	put_ip(frame, &full);
}

void frame_ether(struct frame *frame, int dir, uint16_t type, const void *body,
		 size_t len)
{
	memset(frame, 0, sizeof(*frame));
	put_ether(frame, dir, type);
	put(frame, body, len);
}

void frame_arp(struct frame *frame, int dir, int op, enum host sender,
	       enum host target)
{
	memset(frame, 0, sizeof(*frame));
	put_ether(frame, dir, 0x0806);
	put16(frame, 1);
	put16(frame, 0x0800);
	put8(frame, 6);
	put8(frame, 4);
	put16(frame, (unsigned int)op);
	put(frame, dir == WD_EGRESS ? frame_pod_mac : frame_host_mac, 6);
	put_addr(frame, sender, 4);
	put(frame, dir == WD_EGRESS ? frame_host_mac : frame_pod_mac, 6);
	put_addr(frame, target, 4);
}

void frame_nd(struct frame *frame, int dir, uint8_t type, enum host src,
	      enum host dst, enum host target)
{
	struct packet p = { .family = 6,
			    .dir = dir,
			    .proto = 58,
			    .type = type,
			    .src = src,
			    .has_src = true,
			    .dst = dst,
			    .has_dst = true,
			    .hops = 255,
			    .payload = 16 };
	uint8_t addr[16];

	frame_make(frame, &p);
	frame_addr(target, 6, addr);
	memcpy(frame->data + frame->l4 + 8, addr, 16);
}

void frame_quote(struct frame *frame, const struct packet *outer,
		 const struct packet *inner, int quoted_bytes)
{
	struct packet in = packet_full(inner);
	struct packet out = packet_full(outer);
	struct frame quoted = { .len = 0 };

	put_ip(&quoted, &in);
	if (quoted_bytes && quoted.len > (size_t)quoted_bytes)
		quoted.len = (size_t)quoted_bytes;
	out.payload = (int)quoted.len;
	frame_make(frame, &out);
	memcpy(frame->data + frame->l4 + 8, quoted.data, quoted.len);
}
