// SPDX-License-Identifier: GPL-2.0-only
/* plants.c - one frame of each kind, from the inside out. */
#include "plants.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is inside, then what is around it. */
enum {
	TCP_SYN,
	TCP_RST,
	UDP,
	DNS,
	ECHO_,
	ICMP_ERROR,
	FRAG_FIRST,
	FRAG_LATER,
	WHAT__MAX
};

static const char *const whats[] = { "tcp-syn",	   "tcp-rst",	"udp",
				     "dns",	   "icmp-echo", "icmp-error",
				     "frag-first", "frag-later" };

enum { LINK_PLAIN, LINK_VLAN, LINK_QINQ, LINK_PPPOE, LINK_MPLS, LINK__MAX };

static const char *const links[] = { "", "vlan ", "qinq ", "pppoe ", "mpls " };

enum {
	TUN_NONE,
	TUN_VXLAN,
	TUN_VXLAN_LINUX, /* port 8472 */
	TUN_VXLAN_ODD, /* a port of nobody */
	TUN_GENEVE,
	TUN_GENEVE_OPTION,
	TUN_IP,
	TUN_GRE,
	TUN_GRE_KEY,
	TUN_GRE_ETHER,
	TUN_GRE_UDP,
	TUN_GPE,
	TUN_GUE,
	TUN_VXLAN_FIRST, /* in fragments outside */
	TUN_VXLAN_LATER,
	TUN__MAX
};

static const char *const tunnels[] = { "",
				       "vxlan",
				       "vxlan-8472",
				       "vxlan-odd",
				       "geneve",
				       "geneve-opt",
				       "ip",
				       "gre",
				       "gre-key",
				       "gre-eth",
				       "gre-udp",
				       "vxlan-gpe",
				       "gue",
				       "vxlan-in-first-fragment",
				       "vxlan-in-later-fragment" };

/* What a tunnel is tried with: ordinary traffic, and what has no flow. */
static const uint8_t inside[] = { UDP, TCP_RST };

/* ---- a frame that grows at its front ---- */

struct frame {
	uint8_t room[PLANT_BYTES];
	size_t at; /* first byte */
};

static size_t length(const struct frame *f)
{
	return PLANT_BYTES - f->at;
}

static uint8_t *push(struct frame *f, size_t bytes)
{
	if (f->at < bytes)
		abort();
	f->at -= bytes;
	memset(f->room + f->at, 0, bytes);
	return f->room + f->at;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum(uint32_t start, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		start += (uint32_t)at[i] << 8 | at[i + 1];
	return len % 2 ? start + ((uint32_t)at[len - 1] << 8) : start;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value >> 16) + (value & 0xffff);
	return (uint16_t)~value;
}

/* ---- transport ---- */

struct ends {
	const uint8_t *src, *dst;
	bool v6;
};

static struct ends ends_of(const uint8_t (*addr)[2][16], bool v6)
{
	return (struct ends){ addr[0][v6], addr[1][v6], v6 };
}

/* Checksum of all that is in @f, with the pseudo header of @proto. */
static uint16_t transport_sum(const struct frame *f, const struct ends *e,
			      unsigned int proto)
{
	size_t len = e->v6 ? 16 : 4;
	uint32_t value = proto + (uint32_t)length(f);

	value = sum(value, e->src, len);
	value = sum(value, e->dst, len);
	return fold(sum(value, f->room + f->at, length(f)));
}

static void push_udp(struct frame *f, const struct ends *e, unsigned int sport,
		     unsigned int dport)
{
	uint8_t *udp = push(f, 8);
	uint16_t check;

	put16(udp, sport);
	put16(udp + 2, dport);
	put16(udp + 4, length(f));
	check = transport_sum(f, e, IPPROTO_UDP);
	put16(udp + 6, check ? check : 0xffff);
}

static void push_tcp(struct frame *f, const struct ends *e, uint8_t flags)
{
	uint8_t *tcp = push(f, 20);

	put16(tcp, 40000);
	put16(tcp + 2, 80);
	put16(tcp + 4, 0x1234);
	tcp[12] = 5 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 64240);
	put16(tcp + 16, transport_sum(f, e, IPPROTO_TCP));
}

static void push_icmp(struct frame *f, const struct ends *e, uint8_t type4,
		      uint8_t type6, uint8_t code6)
{
	uint8_t *icmp = push(f, 8);

	icmp[0] = e->v6 ? type6 : type4;
	icmp[1] = e->v6 ? code6 : type4 == 3 ? 3 : 0;
	put16(icmp + 4, type4 == 8 ? 77 : 0);
	put16(icmp + 2, e->v6 ? transport_sum(f, e, IPPROTO_ICMPV6) :
				fold(sum(0, icmp, length(f))));
}

/* DNS asks for a name that is the payload; its header in front is enough. */
static void push_dns(struct frame *f, const struct ends *e)
{
	uint8_t *dns = push(f, 12);

	put16(dns, 4711);
	put16(dns + 2, 0x0100);
	put16(dns + 4, 1);
	push_udp(f, e, 40000, 53);
}

/* ---- IP ---- */

#define MORE_FRAGMENTS 0x2000

static void push_ip4(struct frame *f, const struct ends *e, unsigned int proto,
		     unsigned int frag)
{
	uint8_t *ip = push(f, 20);

	ip[0] = 0x45;
	put16(ip + 2, length(f));
	put16(ip + 4, 4242);
	put16(ip + 6, frag);
	ip[8] = 64;
	ip[9] = (uint8_t)proto;
	memcpy(ip + 12, e->src, 4);
	memcpy(ip + 16, e->dst, 4);
	put16(ip + 10, fold(sum(0, ip, 20)));
}

static void push_ip6(struct frame *f, const struct ends *e, unsigned int proto)
{
	size_t len = length(f);
	uint8_t *ip = push(f, 40);

	ip[0] = 0x60;
	put16(ip + 4, len);
	ip[6] = (uint8_t)proto;
	ip[7] = 64;
	memcpy(ip + 8, e->src, 16);
	memcpy(ip + 24, e->dst, 16);
}

static void push_ip(struct frame *f, const struct ends *e, unsigned int proto)
{
	if (e->v6)
		push_ip6(f, e, proto);
	else
		push_ip4(f, e, proto, 0);
}

/* As a fragment at @offset bytes; the first says that more come. */
static void push_fragment(struct frame *f, const struct ends *e,
			  unsigned int proto, unsigned int offset)
{
	unsigned int more = offset ? 0 : 1;
	uint8_t *ext;

	if (!e->v6) {
		push_ip4(f, e, proto, offset / 8 | (more ? MORE_FRAGMENTS : 0));
		return;
	}
	ext = push(f, 8);
	ext[0] = (uint8_t)proto;
	put16(ext + 2, offset | more);
	put16(ext + 6, 4242);
	push_ip6(f, e, IPPROTO_FRAGMENT);
}

static void push_error(struct frame *f, const struct ends *e)
{
	struct ends back = { e->dst, e->src, e->v6 };

	push_udp(f, &back, 40000, 81);
	push_ip(f, &back, IPPROTO_UDP);
	push_icmp(f, e, 3, 1, 4);
	push_ip(f, e, e->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void push_inner(struct frame *f, const struct ends *e, int what)
{
	switch (what) {
	case TCP_SYN:
	case TCP_RST:
		push_tcp(f, e, what == TCP_SYN ? 0x02 : 0x04);
		push_ip(f, e, IPPROTO_TCP);
		break;
	case UDP:
		push_udp(f, e, 40000, 81);
		push_ip(f, e, IPPROTO_UDP);
		break;
	case DNS:
		push_dns(f, e);
		push_ip(f, e, IPPROTO_UDP);
		break;
	case ECHO_:
		push_icmp(f, e, 8, 128, 0);
		push_ip(f, e, e->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		break;
	case ICMP_ERROR:
		push_error(f, e);
		break;
	case FRAG_FIRST:
		push_udp(f, e, 40000, 81);
		push_fragment(f, e, IPPROTO_UDP, 0);
		break;
	case FRAG_LATER:
		push_fragment(f, e, IPPROTO_UDP, 1400);
		break;
	}
}

/* ---- tunnels ---- */

static void push_ether(struct frame *f, const struct plant_ends *ends,
		       unsigned int type)
{
	uint8_t *eth = push(f, 14);

	memcpy(eth, ends->mac[1], 6);
	memcpy(eth + 6, ends->mac[0], 6);
	put16(eth + 12, type);
}

static unsigned int ethertype(bool v6)
{
	return v6 ? 0x86dd : 0x0800;
}

static void push_vxlan(struct frame *f, const struct plant_ends *ends, bool v6)
{
	uint8_t *vxlan;

	push_ether(f, ends, ethertype(v6));
	vxlan = push(f, 8);
	vxlan[0] = 0x08;
	vxlan[6] = 1;
}

static void push_geneve(struct frame *f, bool v6, bool option)
{
	uint8_t *geneve;

	if (option) {
		geneve = push(f, 8);
		put16(geneve, 0x0102);
		geneve[3] = 1;
	}
	geneve = push(f, 8);
	geneve[0] = option ? 2 : 0;
	put16(geneve + 2, option ? ethertype(v6) : 0x6558);
	geneve[6] = 1;
}

static void push_gre(struct frame *f, unsigned int type, bool key)
{
	uint8_t *gre = push(f, key ? 8 : 4);

	gre[0] = key ? 0x20 : 0;
	put16(gre + 2, type);
	if (key)
		gre[7] = 7;
}

static void push_gpe(struct frame *f, bool v6)
{
	uint8_t *gpe = push(f, 8);

	gpe[0] = 0x0c;
	gpe[3] = v6 ? 2 : 1;
	gpe[6] = 1;
}

static void push_gue(struct frame *f, bool v6)
{
	push(f, 4)[1] = v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* The header of the tunnel itself, without the datagram around it. */
static void push_tunnel(struct frame *f, const struct plant_ends *ends,
			const struct plant *p)
{
	switch (p->tunnel) {
	case TUN_GENEVE:
		push_ether(f, ends, ethertype(p->inner));
		push_geneve(f, p->inner, false);
		break;
	case TUN_GENEVE_OPTION:
		push_geneve(f, p->inner, true);
		break;
	case TUN_GRE:
	case TUN_GRE_UDP:
	case TUN_GRE_KEY:
		push_gre(f, ethertype(p->inner), p->tunnel == TUN_GRE_KEY);
		break;
	case TUN_GRE_ETHER:
		push_ether(f, ends, ethertype(p->inner));
		push_gre(f, 0x6558, false);
		break;
	case TUN_GPE:
		push_gpe(f, p->inner);
		break;
	case TUN_GUE:
		push_gue(f, p->inner);
		break;
	case TUN_IP:
		break;
	default:
		push_vxlan(f, ends, p->inner);
		break;
	}
}

static unsigned int port_of(int tunnel)
{
	switch (tunnel) {
	case TUN_VXLAN_LINUX:
		return 8472;
	case TUN_VXLAN_ODD:
		return 14789;
	case TUN_GENEVE:
	case TUN_GENEVE_OPTION:
		return 6081;
	case TUN_GRE_UDP:
		return 4754;
	case TUN_GPE:
		return 4790;
	case TUN_GUE:
		return 6080;
	}
	return 4789;
}

static void push_outer(struct frame *f, const struct plant_ends *ends,
		       const struct plant *p)
{
	struct ends e = ends_of(ends->node, p->outer);

	switch (p->tunnel) {
	case TUN_IP:
		push_ip(f, &e, p->inner ? IPPROTO_IPV6 : IPPROTO_IPIP);
		return;
	case TUN_GRE:
	case TUN_GRE_KEY:
	case TUN_GRE_ETHER:
		push_ip(f, &e, IPPROTO_GRE);
		return;
	case TUN_VXLAN_LATER:
		push_fragment(f, &e, IPPROTO_UDP, 1400);
		return;
	}
	push_udp(f, &e, 41000, port_of(p->tunnel));
	if (p->tunnel == TUN_VXLAN_FIRST)
		push_fragment(f, &e, IPPROTO_UDP, 0);
	else
		push_ip(f, &e, IPPROTO_UDP);
}

/* ---- below IP ---- */

static void push_vlan(struct frame *f, unsigned int *type, unsigned int tag,
		      unsigned int id)
{
	uint8_t *vlan = push(f, 4);

	put16(vlan, id);
	put16(vlan + 2, *type);
	*type = tag;
}

static void push_pppoe(struct frame *f, bool v6)
{
	size_t len = length(f) + 2;
	uint8_t *ppp = push(f, 8);

	ppp[0] = 0x11;
	put16(ppp + 2, 5);
	put16(ppp + 4, len);
	put16(ppp + 6, v6 ? 0x0057 : 0x0021);
}

static void push_link(struct frame *f, const struct plant_ends *ends,
		      const struct plant *p)
{
	bool v6 = p->tunnel == TUN_NONE ? p->inner : p->outer;
	unsigned int type = ethertype(v6);

	if (p->link == LINK_VLAN || p->link == LINK_QINQ)
		push_vlan(f, &type, 0x8100, 100);
	if (p->link == LINK_QINQ)
		push_vlan(f, &type, 0x88a8, 200);
	if (p->link == LINK_PPPOE) {
		push_pppoe(f, v6);
		type = 0x8864;
	}
	if (p->link == LINK_MPLS) {
		put16(push(f, 4) + 1, 0x0111); /* label 17, the last one */
		f->room[f->at + 3] = 64;
		type = 0x8847;
	}
	push_ether(f, ends, type);
}

/* ---- which there are ---- */

static bool bare(unsigned int n, struct plant *p)
{
	p->inner = (uint8_t)(n % 2);
	p->what = (uint8_t)(n / 2);
	return n < 2 * WHAT__MAX;
}

static bool linked(unsigned int n, struct plant *p)
{
	p->inner = (uint8_t)(n % 2);
	p->link = (uint8_t)(1 + n / 2);
	p->what = UDP;
	return n < 2 * (LINK__MAX - 1);
}

static bool tunnelled(unsigned int n, struct plant *p)
{
	p->inner = (uint8_t)(n % 2);
	p->outer = (uint8_t)(n / 2 % 2);
	p->what = inside[n / 4 % sizeof(inside)];
	p->tunnel = (uint8_t)(1 + n / 4 / sizeof(inside));
	p->no_header = p->tunnel == TUN_VXLAN_LATER;
	return p->tunnel < TUN__MAX;
}

bool plant_get(unsigned int number, struct plant *ret)
{
	unsigned int n = number;

	*ret = (struct plant){ .number = (uint16_t)number };
	if (bare(n, ret)) {
		snprintf(ret->name, sizeof(ret->name), "ip%c %s",
			 ret->inner ? '6' : '4', whats[ret->what]);
		return true;
	}
	n -= 2 * WHAT__MAX;
	*ret = (struct plant){ .number = (uint16_t)number };
	if (linked(n, ret)) {
		snprintf(ret->name, sizeof(ret->name), "%sip%c udp",
			 links[ret->link], ret->inner ? '6' : '4');
		return true;
	}
	n -= 2 * (LINK__MAX - 1);
	*ret = (struct plant){ .number = (uint16_t)number };
	if (!tunnelled(n, ret))
		return false;
	snprintf(ret->name, sizeof(ret->name), "ip%c %s ip%c %s",
		 ret->outer ? '6' : '4', tunnels[ret->tunnel],
		 ret->inner ? '6' : '4', whats[ret->what]);
	return true;
}

size_t plant_build(const struct plant *plant, const struct plant_ends *ends,
		   const uint8_t *payload, size_t payload_len, uint8_t *ret)
{
	struct frame f = { .at = PLANT_BYTES };
	struct ends inner = ends_of(ends->pod, plant->inner);

	if (payload_len > PLANT_PAYLOAD_MAX)
		abort();
	memcpy(push(&f, payload_len), payload, payload_len);
	if (plant->tunnel != TUN_VXLAN_LATER)
		push_inner(&f, &inner, plant->what);
	if (plant->tunnel != TUN_NONE) {
		if (plant->tunnel != TUN_VXLAN_LATER)
			push_tunnel(&f, ends, plant);
		push_outer(&f, ends, plant);
	}
	push_link(&f, ends, plant);
	memcpy(ret, f.room + f.at, length(&f));
	return length(&f);
}

bool plant_end(uint8_t (*what)[16], const char *text)
{
	bool v6 = strchr(text, ':');

	return inet_pton(v6 ? AF_INET6 : AF_INET, text, what[v6]) == 1;
}

bool plant_mac(uint8_t mac[6], const char *text)
{
	char *end;

	for (int i = 0; i < 6; i++) {
		unsigned long byte = strtoul(text, &end, 16);

		if (end == text || byte > UINT8_MAX || (i < 5 && *end != ':'))
			return false;
		mac[i] = (uint8_t)byte;
		text = end + 1;
	}
	return true;
}
