/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random.c - packets as they come, and as nobody would send them: layers by a
 * grammar with a bias to what the rules speak of, and now and then a byte or a
 * length that is wrong.
 */
#include "random.h"

#include <string.h>

#include "pktfuzz/rng.h"
#include "wires.h"

#define ODDS(n) one_in(&rng, n)

static struct rng rng;
static struct piece last_first; /* header of the last first fragment */

void random_seed(uint64_t seed)
{
	rng_seed(&rng, seed);
	last_first = (struct piece){ .kind = P_END };
}

uint32_t random_below(uint32_t limit)
{
	return draw(&rng, limit);
}

/* ---- scenes ---- */

static void random_tunnels(struct scene *s)
{
	static const uint16_t ports[] = { OWN_WIREGUARD, OWN_WIREGUARD2,
					  OWN_VXLAN,	 OWN_GENEVE,
					  4789,		 4500,
					  6081,		 51820 };

	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		uint16_t port = PICK(&rng, ports);
		uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };

		if (ODDS(2))
			continue;
		memcpy(&s->tunnel[i].port, bytes, 2);
		s->tunnel[i].kind = (uint8_t)(1 + random_below(3));
	}
}

static void random_hosts(struct scene *s)
{
	static const uint32_t flags[] = { WD_ADDR_ENCRYPT, WD_ADDR_EXEMPT,
					  WD_ADDR_LOCAL, WD_ADDR_POD,
					  WD_ADDR_NODE };

	for (enum host h = 0; h < HOST__MAX; h++) {
		const struct wd_addr_val *val = host_entry(h);

		s->has[h] = val != NULL;
		if (val)
			s->entry[h] = *val;
		if (ODDS(6))
			s->has[h] = false;
		else if (ODDS(5))
			s->entry[h].flags ^= PICK(&rng, flags);
		if (ODDS(10))
			s->entry[h].node = random_below(5);
	}
}

void random_scene(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->flags = ODDS(20) ? 0 : WD_STATE_ENCRYPT;
	if (ODDS(2))
		s->flags |= WD_STATE_ENCRYPT_NODES;
	if (ODDS(4))
		s->flags |= WD_STATE_WIRE_OPEN;
	if (ODDS(6))
		s->flags |= WD_STATE_NO_NET4;
	if (ODDS(6))
		s->flags |= WD_STATE_NO_NET6;
	s->has_wire = !ODDS(20);
	s->is_raw = ODDS(4);
	s->has_tuns = !ODDS(5);
	random_tunnels(s);
	random_hosts(s);
	while (s->tun_cnt < SCENE_TUNS && !ODDS(4)) {
		s->tun_host[s->tun_cnt] = random_below(HOST__MAX);
		s->tun[s->tun_cnt].node = random_below(5);
		s->tun[s->tun_cnt].ifindex = ODDS(5) ? OTHER_IFINDEX :
						       WIRE_IFINDEX;
		s->tun_cnt++;
	}
}

/* ---- packets ---- */

struct draft {
	struct piece p[PIECES_MAX];
	int cnt;
	int depth;
};

static struct piece *add(struct draft *d, enum piece_kind kind)
{
	struct piece *p = &d->p[d->cnt];

	if (d->cnt < PIECES_MAX - 2)
		d->cnt++;
	*p = (struct piece){ .kind = (uint8_t)kind };
	d->p[d->cnt] = (struct piece){ .kind = P_END };
	return p;
}

static uint16_t random_port(void)
{
	static const uint16_t ports[] = {
		4789, 8472, 4790, 6081,	 4754,	4500,	       500,
		1701, 2152, 8285, 51820, 51871, OWN_WIREGUARD, OWN_WIREGUARD2,
		53,   4143, 6080, 15008, 0,	OWN_VXLAN,     OWN_GENEVE,
	};

	return ODDS(3) ? (uint16_t)random_below(65536) : PICK(&rng, ports);
}

static void add_layers(struct draft *d);

static void add_frame(struct draft *d)
{
	static const uint16_t types[] = { 0x0806, 0x8847, 0x8848, 0x894f,
					  0x892f, 0x4305, 0x6558, 0x88cc,
					  0x86dd, 0x0800, 0x8100, 0x8864 };
	struct piece *eth = add(d, P_ETH);

	if (ODDS(12))
		eth->next = PICK(&rng, types);
	while (ODDS(6)) {
		struct piece *tag = add(d, P_VLAN);

		tag->type = ODDS(2) ? 0x88a8 : 0x8100;
		if (ODDS(12))
			tag->next = PICK(&rng, types);
	}
	if (ODDS(12)) {
		struct piece *ppp = add(d, P_PPPOE);

		ppp->flags = ODDS(3);
		if (ODDS(4))
			ppp->next = ODDS(2) ? 0xc021 : 0x00fd;
	}
}

static void add_bytes(struct draft *d, uint32_t most)
{
	struct piece *data = add(d, P_BYTES);

	data->bytes = (uint16_t)random_below(most);
	for (int i = 0; i < 4; i++)
		data->head[i] = (uint8_t)random_below(ODDS(3) ? 256 : 6);
	if (ODDS(2))
		data->head[1] = data->head[2] = data->head[3] = 0;
}

static void add_udp(struct draft *d)
{
	struct piece *udp = add(d, P_UDP);
	struct piece *in;
	int geneve = ODDS(2);

	udp->sport = random_port();
	udp->dport = random_port();
	if (ODDS(2)) {
		add_bytes(d, 60);
		return;
	}
	if (ODDS(8)) {
		/* IP at once */
	} else if (ODDS(6)) {
		add(d, P_GRE);
		udp->dport = 4754;
	} else if (geneve) {
		in = add(d, P_GENEVE);
		udp->dport = ODDS(5) ? OWN_GENEVE : 6081;
		in->flags = ODDS(12);
		in->bytes = (uint16_t)(4 * random_below(ODDS(4) ? 64 : 2));
		if (ODDS(2))
			add_frame(d);
	} else {
		in = add(d, P_VXLAN);
		udp->dport = ODDS(3) ? 8472 : ODDS(3) ? OWN_VXLAN : 4789;
		if (ODDS(4)) {
			in->flags = 0x0c;
			in->next = (int)random_below(6);
			udp->dport = 4790;
		}
		if (!in->flags || in->next == 3)
			add_frame(d);
		if (ODDS(4)) {
			in->flags |= ODDS(4) ? 0x48 : 0x88;
			in->id = (uint16_t)random_below(0x10000);
			in->bytes = (uint16_t)random_below(ODDS(2) ? 1 : 256);
		}
	}
	if (ODDS(4))
		udp->dport = random_port();
	add_layers(d);
}

static void add_gre(struct draft *d)
{
	static const uint16_t flags[] = { 0,	  0x8000, 0x2000, 0x1000,
					  0xb000, 0x4000, 1,	  7 };
	struct piece *gre = add(d, P_GRE);

	gre->flags = ODDS(2) ? 0 : PICK(&rng, flags);
	if (ODDS(10))
		gre->next = 0x8847;
	if (ODDS(3))
		add_frame(d);
	add_layers(d);
}

static void add_transport(struct draft *d)
{
	static const uint8_t odd[] = { 50, 51, 4,   41,	 47,  94, 97, 115,
				       55, 98, 108, 137, 143, 59, 89, 132 };
	struct piece *p;

	switch (random_below(10)) {
	case 0:
	case 1:
		p = add(d, P_TCP);
		p->sport = random_port();
		p->dport = random_port();
		break;
	case 2:
		p = add(d, P_ICMP);
		p->type = (uint16_t)(130 + random_below(10));
		if (ODDS(2)) {
			p->type = (uint16_t)random_below(14);
			add_layers(d);
			break;
		}
		add_bytes(d, 30);
		break;
	case 3:
		d->p[d->cnt - 1].next = PICK(&rng, odd);
		add_bytes(d, 60);
		break;
	case 4:
	case 5:
		add_gre(d);
		break;
	case 6:
		add_layers(d);
		break;
	default:
		add_udp(d);
		break;
	}
}

static void add_extensions(struct draft *d)
{
	static const uint8_t types[] = { 0, 43, 44, 51, 60, 135, 139, 140 };

	do {
		struct piece *ext = add(d, P_EXT);

		ext->type = PICK(&rng, types);
		ext->bytes = (uint16_t)(8 * (1 + random_below(3)));
		if (ext->type == 44)
			ext->bytes = 8;
		if (ODDS(20))
			ext->len = (int)random_below(256);
	} while (!ODDS(3));
}

/* Often of a datagram whose first fragment went by. */
static void later_fragment(struct piece *ip)
{
	if (last_first.kind == P_IP && !ODDS(3))
		*ip = last_first;
	ip->more = ODDS(2);
	ip->off = (uint16_t)(8 * (1 + random_below(20)));
	if (!ip->next)
		ip->next = ODDS(3) ? (int)random_below(64) : 17;
}

/* One IP header and what is behind it. */
static void add_layers(struct draft *d)
{
	struct piece *ip;

	if (d->depth++ > 5 || d->cnt > PIECES_MAX - 10) {
		add_bytes(d, 40);
		return;
	}
	ip = add(d, P_IP);
	ip->family = ODDS(2) ? 4 : 6;
	/* mostly nodes around, pods inside */
	ip->src = (uint8_t)(ODDS(2) ? HERE + random_below(3) :
				      random_below(HOST__MAX));
	ip->dst = (uint8_t)(ODDS(2) ? HERE + random_below(3) :
				      random_below(HOST__MAX));
	ip->hops = ODDS(3) ? 255 : 64;
	ip->id = (uint16_t)(1 + random_below(3));
	if (ip->family == 4 && ODDS(8))
		ip->options = (uint8_t)(4 * (1 + random_below(10)));
	if (ODDS(6))
		ip->more = true;
	if (ODDS(30))
		ip->len = (int)random_below(200);
	if (ODDS(60))
		ip->version = (uint8_t)random_below(16);
	if (ODDS(8)) {
		later_fragment(ip);
		add_bytes(d, 40);
		return;
	}
	if (ip->more) {
		last_first = *ip;
		if (ODDS(8)) {
			ip->next = ODDS(2) ? 17 : 6;
			add_bytes(d, 12);
			return;
		}
	}
	if (ip->family == 6 && ODDS(5))
		add_extensions(d);
	add_transport(d);
}

/* What no grammar has. */
static void spoil(struct frame *f)
{
	uint32_t at;

	if (!f->len)
		return;
	if (ODDS(3)) {
		f->len = 1 + random_below((uint32_t)f->len);
		return;
	}
	do {
		at = random_below((uint32_t)f->len);
		f->data[at] ^= (uint8_t)(1U << random_below(8));
	} while (ODDS(2));
}

void random_frame(struct frame *ret_frame, bool is_raw)
{
	struct draft d = { .cnt = 0 };

	if (!is_raw)
		add_frame(&d);
	add_layers(&d);
	add_bytes(&d, ODDS(4) ? 60 : 2);
	frame_build(ret_frame, d.p);
	if (ODDS(8))
		spoil(ret_frame);
}
