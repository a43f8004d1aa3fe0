/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mangle.c - see mangle.h.
 */
#include "mangle.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

/* A frame that is being built. */
struct build {
	uint64_t *rng;
	const struct mangle_ends *ends;
	uint8_t *frame;
	size_t ip; /* offset of the IP header, 0: it is no IP packet */
	size_t l4;
	size_t len;
	int version;
	uint8_t proto; /* at l4 */
	bool is_cut; /* a fragment, or its transport header is not at l4 */
};

static uint32_t rnd(struct build *b, uint32_t n)
{
	*b->rng = *b->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*b->rng >> 33) % n;
}

static bool one_in(struct build *b, uint32_t n)
{
	return rnd(b, n) == 0;
}

static void put16(uint8_t *at, uint32_t val)
{
	at[0] = (uint8_t)(val >> 8);
	at[1] = (uint8_t)val;
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

static void ether(struct build *b, uint32_t type)
{
	memcpy(b->frame, b->ends->dst_mac, 6);
	memcpy(b->frame + 6, b->ends->src_mac, 6);
	put16(b->frame + 12, type);
	b->len = 14;
}

/* An IP header with room for @opts bytes of options, then @len bytes. */
static void ip4(struct build *b, uint8_t proto, size_t opts, size_t len)
{
	uint8_t *ip = b->frame + 14;

	ether(b, 0x0800);
	b->version = 4;
	b->ip = 14;
	b->proto = proto;
	memset(ip, 0, 20 + opts + len);
	ip[0] = (uint8_t)(0x45 + opts / 4);
	put16(ip + 2, (uint32_t)(20 + opts + len));
	put16(ip + 4, rnd(b, 65536));
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, b->ends->src4, 4);
	memcpy(ip + 16, b->ends->dst4, 4);
	b->l4 = 34 + opts;
	b->len = b->l4 + len;
}

static void ip6(struct build *b, uint8_t proto, size_t len)
{
	uint8_t *ip = b->frame + 14;

	ether(b, 0x86dd);
	b->version = 6;
	b->ip = 14;
	b->proto = proto;
	memset(ip, 0, 40 + len);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)len);
	ip[6] = proto;
	ip[7] = 64;
	memcpy(ip + 8, b->ends->src6, 16);
	memcpy(ip + 24, b->ends->dst6, 16);
	b->l4 = 54;
	b->len = b->l4 + len;
}

static void ip(struct build *b, uint8_t proto, size_t len)
{
	if (one_in(b, 2))
		ip4(b, proto, 0, len);
	else
		ip6(b, proto, len);
}

static uint16_t some_port(struct build *b)
{
	static const uint16_t ports[] = { 53,	67,   68,   80,	  546,	 547,
					  1701, 4500, 4789, 6081, 8472,	 51820,
					  2152, 9,    443,  8285, 32768, 6635 };

	if (one_in(b, 3))
		return (uint16_t)rnd(b, 65536);
	return ports[rnd(b, sizeof(ports) / sizeof(*ports))];
}

/* ---- kinds ---- */

static void tcp(struct build *b)
{
	static const uint8_t flags[] = { 0x02, 0x02, 0x02, 0x10, 0x12, 0x04,
					 0x14, 0x11, 0x00, 0x01, 0x29, 0x03,
					 0x06, 0x18, 0x3f, 0xc2 };
	uint8_t *l4;

	ip(b, IPPROTO_TCP, 24);
	l4 = b->frame + b->l4;
	put16(l4, some_port(b));
	put16(l4 + 2, some_port(b));
	put16(l4 + 4, rnd(b, 65536));
	l4[12] = (uint8_t)(one_in(b, 8) ? rnd(b, 16) << 4 : 5 << 4);
	l4[13] = flags[rnd(b, sizeof(flags))];
	put16(l4 + 14, 1000);
}

static void udp(struct build *b)
{
	uint8_t *l4;

	ip(b, IPPROTO_UDP, 24);
	l4 = b->frame + b->l4;
	put16(l4, some_port(b));
	put16(l4 + 2, some_port(b));
	put16(l4 + 4, 24);
}

static void icmp(struct build *b)
{
	uint8_t *l4;

	ip4(b, IPPROTO_ICMP, 0, 40);
	l4 = b->frame + b->l4;
	l4[0] = (uint8_t)(one_in(b, 2) ? 8 : rnd(b, 20));
	l4[1] = (uint8_t)(one_in(b, 4) ? rnd(b, 6) : 0);
	put16(l4 + 4, rnd(b, 65536));
	/* quotes something */
	memcpy(l4 + 8, b->frame + b->ip, 20);
	put16(l4 + 28, some_port(b));
}

static void icmp6(struct build *b)
{
	uint8_t *l4;

	ip6(b, IPPROTO_ICMPV6, 64);
	l4 = b->frame + b->l4;
	l4[0] = (uint8_t)(one_in(b, 2) ? 128 : rnd(b, 160));
	put16(l4 + 4, rnd(b, 65536));
	memcpy(l4 + 8, b->frame + b->ip, 40);
}

static void neighbour(struct build *b)
{
	static const uint8_t types[] = { 133, 134, 135, 135, 135, 136,
					 136, 137, 130, 143, 138, 151 };
	uint8_t *ip = b->frame + 14, *l4;

	ip6(b, IPPROTO_ICMPV6, 32);
	l4 = b->frame + b->l4;
	l4[0] = types[rnd(b, sizeof(types))];
	ip[7] = (uint8_t)(one_in(b, 6) ? 64 : 255);
	if (one_in(b, 3))
		memcpy(ip + 8, b->ends->link6, 16);
	else if (one_in(b, 4))
		memset(ip + 8, 0, 16);
	if (one_in(b, 2)) {
		memset(ip + 24, 0, 16);
		ip[24] = 0xff;
		ip[25] = 2;
		ip[39] = 1;
	}
	memcpy(l4 + 8,
	       one_in(b, 3) ? b->ends->dst6 :
	       one_in(b, 3) ? b->ends->link6 :
			      b->ends->src6,
	       16);
}

static void arp(struct build *b)
{
	uint8_t *a = b->frame + 14;

	ether(b, 0x0806);
	memset(a, 0, 46);
	put16(a, 1);
	put16(a + 2, 0x0800);
	a[4] = 6;
	a[5] = 4;
	put16(a + 6, one_in(b, 8) ? rnd(b, 12) : 1 + rnd(b, 2));
	memcpy(a + 8, b->ends->src_mac, 6);
	if (!one_in(b, 4))
		memcpy(a + 14, one_in(b, 6) ? b->ends->dst4 : b->ends->src4, 4);
	memcpy(a + 24, one_in(b, 3) ? b->ends->src4 : b->ends->dst4, 4);
	if (one_in(b, 2))
		memset(b->frame, 0xff, 6);
	b->ip = 0;
	b->len = 60;
}

static void other_proto(struct build *b)
{
	static const uint8_t protos[] = { 4,  41, 47,  50,  51,	 55,  94,
					  97, 98, 108, 115, 137, 143, 2,
					  89, 58, 1,   0,   255, 136, 33 };

	ip(b, protos[rnd(b, sizeof(protos))], 40);
	memset(b->frame + b->l4, one_in(b, 2) ? 0 : 0x5a, 40);
	if (one_in(b, 3) && b->version == 4)
		memcpy(b->frame + b->l4, b->frame + b->ip, 20);
}

static void exthdr(struct build *b)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60, 135, 139, 140, 253 };
	static const uint8_t inner[] = { 6, 17, 58, 44, 60, 59 };
	uint8_t *l4;

	ip6(b, kinds[rnd(b, sizeof(kinds))], 72);
	l4 = b->frame + b->l4;
	l4[0] = inner[rnd(b, sizeof(inner))];
	if (b->proto == 44) {
		put16(l4 + 2, rnd(b, 3) | (one_in(b, 2) ? 8 * rnd(b, 9) : 0));
		put16(l4 + 6, rnd(b, 65536));
	}
	b->proto = l4[0];
	put16(l4 + 8, some_port(b));
	put16(l4 + 10, some_port(b));
	if (b->proto == 58)
		l4[8] = (uint8_t)(128 + rnd(b, 16));
	if (b->proto == 6) {
		l4[20] = 5 << 4;
		l4[21] = 2;
	}
	b->is_cut = true;
}

static void fragment4(struct build *b)
{
	uint8_t *ip = b->frame + 14;

	if (one_in(b, 2))
		udp(b);
	else
		icmp(b);
	if (b->version != 4)
		return;
	put16(ip + 6, rnd(b, 4) << 13 | (one_in(b, 2) ? rnd(b, 10) : 0));
	b->is_cut = true;
}

static void options4(struct build *b)
{
	static const uint8_t kinds[] = { 0, 1, 7, 68, 131, 137, 148, 130, 25 };
	uint8_t *opt;

	ip4(b, IPPROTO_UDP, 12, 24);
	opt = b->frame + 34;
	opt[0] = kinds[rnd(b, sizeof(kinds))];
	opt[1] = (uint8_t)(one_in(b, 3) ? rnd(b, 14) : 12);
	opt[2] = 4;
	put16(b->frame + b->l4, some_port(b));
	put16(b->frame + b->l4 + 2, some_port(b));
	put16(b->frame + b->l4 + 4, 24);
}

static void vlan(struct build *b)
{
	udp(b);
	memmove(b->frame + 16, b->frame + 12, b->len - 12);
	put16(b->frame + 12, one_in(b, 2) ? 0x8100 : 0x88a8);
	put16(b->frame + 14, rnd(b, 4096));
	b->len += 4;
	b->ip = 0;
}

static void other_type(struct build *b)
{
	static const uint16_t types[] = { 0x8847, 0x88cc, 0x8863, 0x0801,
					  0x9100, 0x05dc, 0x22f0, 0x8137 };

	udp(b);
	put16(b->frame + 12, types[rnd(b, sizeof(types) / sizeof(*types))]);
	b->ip = 0;
}

/* ---- flaws ---- */

static void odd_address(struct build *b)
{
	static const uint8_t odd4[][4] = {
		{ 127, 0, 0, 1 },   { 0, 0, 0, 0 },   { 0, 1, 2, 3 },
		{ 224, 0, 0, 1 },   { 240, 0, 0, 1 }, { 255, 255, 255, 255 },
		{ 169, 254, 1, 1 }, { 10, 9, 9, 9 }
	};
	static const uint8_t odd6[][16] = { { 0 },
					    { [15] = 1 },
					    { [10] = 0xff, 0xff, 1, 2, 3, 4 },
					    { 0xff, 2, [15] = 1 },
					    { 0xfe, 0x80, [15] = 9 },
					    { 0xfd, 9, [15] = 9 } };
	bool is_src = one_in(b, 2);

	if (b->version == 4)
		memcpy(b->frame + b->ip + (is_src ? 12 : 16), odd4[rnd(b, 8)],
		       4);
	else
		memcpy(b->frame + b->ip + (is_src ? 8 : 24), odd6[rnd(b, 6)],
		       16);
}

static void flaw(struct build *b)
{
	uint8_t *ip = b->frame + b->ip;
	size_t header = b->version == 4 ? 20 : 40;

	switch (rnd(b, 7)) {
	case 6: /* somebody else's address */
		if (b->ip)
			ip[b->version == 4 ? 15 : 23] ^=
				(uint8_t)(1 + rnd(b, 255));
		break;
	case 0:
		b->frame[rnd(b, (uint32_t)b->len)] ^=
			(uint8_t)(1U << rnd(b, 8));
		break;
	case 1:
		b->frame[6 + rnd(b, 6)] ^= 1;
		break;
	case 2:
		if (b->ip)
			odd_address(b);
		break;
	case 3:
		if (b->ip)
			ip[rnd(b, (uint32_t)header)] = (uint8_t)rnd(b, 256);
		break;
	case 4:
		if (b->ip)
			ip[b->version == 4 ? 8 : 7] = (uint8_t)rnd(b, 2);
		break;
	default:
		b->len -= rnd(b, (uint32_t)(b->len - 13));
		break;
	}
}

/* ---- checksums ---- */

static int checksum_at(const struct build *b)
{
	if (b->proto == IPPROTO_TCP)
		return 16;
	if (b->proto == IPPROTO_UDP)
		return 6;
	if (b->proto == IPPROTO_ICMP && b->version == 4)
		return 2;
	return b->proto == IPPROTO_ICMPV6 && b->version == 6 ? 2 : -1;
}

static void checksums(struct build *b)
{
	uint8_t *ip = b->frame + b->ip, *l4 = b->frame + b->l4;
	size_t len = b->len - b->l4;
	int at = checksum_at(b);
	uint32_t s = 0;

	if (!b->ip || b->len < b->l4)
		return;
	if (b->version == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, fold(sum(ip, b->l4 - b->ip, 0)));
	}
	if (at < 0 || b->is_cut || len < (size_t)at + 2)
		return;
	if (b->proto != IPPROTO_ICMP)
		s = (uint32_t)len + b->proto +
		    (b->version == 4 ? sum(ip + 12, 8, 0) : sum(ip + 8, 32, 0));
	put16(l4 + at, 0);
	put16(l4 + at, fold(sum(l4, len, s)));
}

size_t mangle_frame(uint64_t *rng, const struct mangle_ends *ends,
		    uint8_t frame[MANGLE_MAX], const char **ret_kind)
{
	static const struct {
		const char *name;
		void (*build)(struct build *b);
	} kinds[] = {
		{ "tcp", tcp },
		{ "udp", udp },
		{ "icmp", icmp },
		{ "icmp6", icmp6 },
		{ "neighbour", neighbour },
		{ "arp", arp },
		{ "other protocol", other_proto },
		{ "exthdr", exthdr },
		{ "fragment", fragment4 },
		{ "options", options4 },
		{ "vlan", vlan },
		{ "other type", other_type },
	};
	struct build b = { .rng = rng, .ends = ends, .frame = frame };
	uint32_t kind = rnd(&b, sizeof(kinds) / sizeof(*kinds));

	kinds[kind].build(&b);
	*ret_kind = kinds[kind].name;
	while (one_in(&b, 3))
		flaw(&b);
	if (!one_in(&b, 12))
		checksums(&b);
	return b.len;
}
