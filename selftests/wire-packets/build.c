/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.c - writes frames byte by byte, from the RFCs and not from the programs
 * that are tested with them. Checksums are left 0: no verdict looks at them.
 */
#include "build.h"

#include <assert.h>
#include <string.h>

int build_outer = 4, build_inner = 4;

/* A length that is known only when all that is inside is written. */
struct hole {
	size_t at; /* of its two bytes */
	size_t from; /* where what it counts begins */
};

struct work {
	struct frame *f;
	struct hole holes[PIECES_MAX];
	int hole_cnt;
};

static void put(struct frame *f, const void *bytes, size_t len)
{
	assert(f->len + len <= FRAME_MAX);
	memcpy(f->data + f->len, bytes, len);
	f->len += len;
}

static void put8(struct frame *f, int v)
{
	uint8_t b = (uint8_t)v;

	put(f, &b, 1);
}

static void put16(struct frame *f, int v)
{
	put8(f, v >> 8);
	put8(f, v);
}

static void put32(struct frame *f, uint32_t v)
{
	put16(f, (int)(v >> 16));
	put16(f, (int)v);
}

static void fill(struct frame *f, int cnt, int with)
{
	for (int i = 0; i < cnt; i++)
		put8(f, with);
}

static void put_addr(struct frame *f, enum host host, int family)
{
	uint8_t addr[16];

	host_addr(host, family, addr);
	put(f, addr, family == 4 ? 4 : 16);
}

/* A length field of what begins at @from, unless the piece says it. */
static void put_length(struct work *w, const struct piece *p, size_t from)
{
	if (p->len) {
		put16(w->f, p->len < 0 ? 0 : p->len);
		return;
	}
	assert(w->hole_cnt < PIECES_MAX);
	w->holes[w->hole_cnt++] = (struct hole){ w->f->len, from };
	put16(w->f, 0);
}

/* ---- what a piece is called by the one around it ---- */

static int ethertype(const struct piece *p)
{
	switch (p->kind) {
	case P_VLAN:
		return p->type ? p->type : 0x8100;
	case P_PPPOE:
		return 0x8864;
	case P_IP:
		return p->family == 4 ? 0x0800 : 0x86dd;
	case P_ETH:
		return 0x6558;
	default:
		return 0x88b5; /* for experiments */
	}
}

static int protocol(const struct piece *p, int family)
{
	switch (p->kind) {
	case P_IP:
		return p->family == 4 ? 4 : 41;
	case P_EXT:
		return p->type;
	case P_UDP:
		return 17;
	case P_TCP:
		return 6;
	case P_ICMP:
		return family == 4 ? 1 : 58;
	case P_GRE:
		return 47;
	case P_BYTES:
		return 17; /* of a later fragment */
	default:
		return 59;
	}
}

static int said(const struct piece *p, int is)
{
	if (p->next)
		return p->next < 0 ? 0 : p->next;
	return is;
}

/* ---- pieces ---- */

static void put_ip4(struct work *w, const struct piece *p, int next)
{
	struct frame *f = w->f;
	size_t from = f->len;

	put8(f, (p->version ? p->version : 4) << 4 | (5 + p->options / 4));
	put8(f, 0);
	put_length(w, p, from);
	put16(f, (int)p->id);
	put16(f, p->off / 8 | (p->more ? 0x2000 : 0));
	put8(f, p->hops ? p->hops : 64);
	put8(f, said(p, next));
	put16(f, 0);
	put_addr(f, p->src, 4);
	put_addr(f, p->dst, 4);
	fill(f, p->options, 1);
}

static void put_ip6(struct work *w, const struct piece *p, int next)
{
	struct frame *f = w->f;
	bool is_frag = p->off || p->more;

	put32(f, (uint32_t)(p->version ? p->version : 6) << 28);
	put_length(w, p, f->len + 36);
	put8(f, is_frag ? 44 : said(p, next));
	put8(f, p->hops ? p->hops : 64);
	put_addr(f, p->src, 6);
	put_addr(f, p->dst, 6);
	if (!is_frag)
		return;
	put8(f, said(p, next));
	put8(f, 0);
	put16(f, p->off | p->more);
	put32(f, p->id);
}

/* The Authentication Header counts its length in words, RFC 4302. */
static void put_ext(struct frame *f, const struct piece *p, int next)
{
	int bytes = p->bytes ? p->bytes : 8;

	put8(f, said(p, next));
	if (p->len)
		put8(f, p->len);
	else
		put8(f, p->type == 51 ? bytes / 4 - 2 : bytes / 8 - 1);
	fill(f, bytes - 2, 0);
}

static void put_tcp(struct frame *f, const struct piece *p)
{
	put16(f, p->sport ? p->sport : 40000);
	put16(f, p->dport ? p->dport : 80);
	put32(f, 1);
	put32(f, 1);
	put16(f, 5 << 12 | 0x10);
	put16(f, 1000);
	put32(f, 0);
}

static void put_udp(struct work *w, const struct piece *p)
{
	size_t from = w->f->len;

	put16(w->f, p->sport ? p->sport : 40000);
	put16(w->f, p->dport ? p->dport : 80);
	put_length(w, p, from);
	put16(w->f, 0);
}

static void put_gre(struct frame *f, const struct piece *p, int next)
{
	put16(f, p->flags);
	put16(f, said(p, next));
	for (int bit = 0x8000; bit >= 0x1000; bit >>= 1)
		if (p->flags & bit)
			put32(f, 0);
}

static void put_vxlan(struct frame *f, const struct piece *p)
{
	put8(f, p->flags ? p->flags : 8);
	put16(f, p->id);
	put8(f, said(p, 0));
	put32(f, 42 << 8 | p->bytes);
}

static void put_geneve(struct frame *f, const struct piece *p, int next)
{
	put8(f, p->flags << 6 | p->bytes / 4);
	put8(f, 0);
	put16(f, said(p, next));
	put32(f, 42 << 8);
	fill(f, p->bytes, 0);
}

static void put_pppoe(struct work *w, const struct piece *p,
		      const struct piece *next)
{
	struct frame *f = w->f;
	int proto = said(p, next->kind != P_IP ? 0xc021 :
			    next->family == 4  ? 0x21 :
						 0x57);

	put16(f, 0x1100);
	put16(f, 1);
	put_length(w, p, f->len + 2);
	if (p->flags)
		put8(f, proto);
	else
		put16(f, proto);
}

static void put_bytes(struct frame *f, const struct piece *p)
{
	for (int i = 0; i < p->bytes; i++)
		put8(f, i < 4 && (p->head[0] | p->head[1] | p->head[2] |
				  p->head[3]) ?
				p->head[i] :
				0xa5);
}

static void put_link(struct work *w, const struct piece *p)
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };

	if (p->kind == P_PPPOE) {
		put_pppoe(w, p, p + 1);
		return;
	}
	if (p->kind == P_ETH)
		put(w->f, macs, sizeof(macs));
	else
		put16(w->f, 42);
	put16(w->f, said(p, ethertype(p + 1)));
}

static void put_piece(struct work *w, const struct piece *p, int family)
{
	switch (p->kind) {
	case P_ETH:
	case P_VLAN:
	case P_PPPOE:
		put_link(w, p);
		break;
	case P_IP:
		if (p->family == 4)
			put_ip4(w, p, protocol(p + 1, 4));
		else
			put_ip6(w, p, protocol(p + 1, 6));
		break;
	case P_EXT:
		put_ext(w->f, p, protocol(p + 1, family));
		break;
	case P_UDP:
		put_udp(w, p);
		break;
	case P_TCP:
		put_tcp(w->f, p);
		break;
	case P_ICMP:
		put8(w->f, p->type);
		fill(w->f, 7, 0);
		break;
	case P_GRE:
		put_gre(w->f, p, ethertype(p + 1));
		break;
	case P_VXLAN:
		put_vxlan(w->f, p);
		break;
	case P_GENEVE:
		put_geneve(w->f, p, ethertype(p + 1));
		break;
	case P_BYTES:
		put_bytes(w->f, p);
		break;
	case P_END:
		break;
	}
}

void frame_build(struct frame *frame, const struct piece *pieces)
{
	struct work w = { .f = frame };
	int family = 4;

	frame->len = 0;
	for (const struct piece *p = pieces; p->kind != P_END; p++) {
		if (p->kind == P_IP)
			family = p->family;
		put_piece(&w, p, family);
	}
	for (int i = 0; i < w.hole_cnt; i++) {
		size_t bytes = frame->len - w.holes[i].from;

		frame->data[w.holes[i].at] = (uint8_t)(bytes >> 8);
		frame->data[w.holes[i].at + 1] = (uint8_t)bytes;
	}
}
