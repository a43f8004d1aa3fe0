/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.c - draws conversations and their packets. Nothing is random that need
 * not be: few addresses and ports, so that packets meet.
 */
#include "talk.h"

#include <string.h>

uint16_t draw_port(struct rng *rng)
{
	static const uint16_t ports[] = { 0,	53,    67,    68,   79,	  80,
					  81,	89,    90,    443,  444,  546,
					  547,	999,   1000,  1199, 1200, 1500,
					  1501, 2000,  4789,  8472, 9090, 9091,
					  6081, 51871, 65534, 65535 };

	if (one_in(rng, 3))
		return (uint16_t)(40000 + draw(rng, 8));
	return PICK(rng, ports);
}

/* Where packets of a peer come from, mostly. */
static enum dev iif_of(const struct peer *peer, struct rng *rng)
{
	if (one_in(rng, 12))
		return (enum dev)draw(rng, DEV__MAX);
	if (peer->flags & WD_ADDR_HOST)
		return DEV_HOST;
	if (!(peer->flags & WD_ADDR_LOCAL))
		return one_in(rng, 8) ? DEV_HOST : DEV_UPLINK;
	if (peer->dev == DEV_GAMMA && one_in(rng, 2))
		return DEV_BRIDGE;
	return peer->dev;
}

const struct addr *draw_peer(struct rng *rng, int family, enum dev *ret_iif)
{
	const struct peer *peer;

	if (one_in(rng, 5))
		peer = &site_strangers[draw(rng,
					    one_in(rng, 2) ? 5 : STRANGERS)];
	else
		peer = &site_peers[draw(rng, PEERS)];
	*ret_iif = iif_of(peer, rng);
	return family == 4 ? &peer->v4 : &peer->v6;
}

const struct addr *draw_own(struct rng *rng, int family, enum dev dev)
{
	const struct pod *pod = &site_pods[POD_OF(dev)];
	const struct addr *own = family == 4 ? pod->own4 : pod->own6;
	enum dev unused;

	if (one_in(rng, 40))
		return draw_peer(rng, family, &unused);
	if (family == 6 && !addr_is_zero(&pod->link) && one_in(rng, 8))
		return &pod->link;
	return !addr_is_zero(&own[1]) && one_in(rng, 4) ? &own[1] : &own[0];
}

void talk_begin(struct talk *talk, struct rng *rng)
{
	static const uint8_t protos[] = { P_TCP, P_TCP,	 P_TCP,	 P_TCP, P_UDP,
					  P_UDP, P_ICMP, P_SCTP, 47,	4 };

	memset(talk, 0, sizeof(*talk));
	talk->dev = (enum dev)(DEV_ALPHA + draw(rng, PODS));
	talk->family = one_in(rng, 2) ? 4 : 6;
	talk->own = *draw_own(rng, talk->family, talk->dev);
	talk->peer = *draw_peer(rng, talk->family, &talk->iif);
	talk->proto = PICK(rng, protos);
	if (talk->proto == P_ICMP && talk->family == 6)
		talk->proto = P_ICMP6;
	talk->opener = one_in(rng, 2) ? WD_EGRESS : WD_INGRESS;
	talk->lport = draw_port(rng);
	talk->pport = draw_port(rng);
	talk->seq[0] = draw32(rng);
	talk->seq[1] = one_in(rng, 4) ? 0U - draw(rng, 2000) : draw32(rng);
}

void talk_ends(const struct talk *talk, enum wd_dir dir, struct draft *draft)
{
	memset(draft, 0, offsetof(struct draft, body));
	draft->dir = dir;
	draft->dev = talk->dev;
	draft->iif = dir == WD_EGRESS ? talk->dev : talk->iif;
	draft->family = talk->family;
	draft->src = dir == WD_EGRESS ? talk->own : talk->peer;
	draft->dst = dir == WD_EGRESS ? talk->peer : talk->own;
	draft->proto = talk->proto;
	draft->hops = 64;
	draft->len = 0;
}

/* ---- TCP ---- */

static void put_tcp(struct draft *d, const struct talk *talk, uint8_t flags,
		    uint32_t seq, uint32_t ack, size_t payload)
{
	bool out = d->dir == WD_EGRESS;
	struct segment segment = { flags, seq, ack, payload };

	build_tcp(d, out ? talk->lport : talk->pport,
		  out ? talk->pport : talk->lport, &segment);
}

static uint32_t draw_shift(struct rng *rng)
{
	static const uint32_t shifts[] = {
		0,	   1,	      2,	  1000,	       0xffff,
		0x10000,   0x0fffff,  0x100000,	  0x100001,    0xffffff,
		0x1000000, 0x1000001, 0x7fffffff, 0x80000000U, 0x80000001U,
	};
	uint32_t shift = one_in(rng, 6) ? draw32(rng) : PICK(rng, shifts);

	if (one_in(rng, 3)) /* just beside what is right */
		return draw(rng, 5) - 2;

	return one_in(rng, 2) ? 0U - shift : shift;
}

/* What an honest end sends: the handshake, then data. */
static void tcp_honest(struct talk *talk, struct rng *rng, struct draft *d)
{
	enum wd_dir other = talk->opener == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
	enum wd_dir from = talk->stage == 1 ? other : talk->opener;
	size_t payload = one_in(rng, 2) ? 0 : draw(rng, 300);
	uint8_t flags = T_ACK;

	if (talk->stage > 2 && one_in(rng, 2))
		from = other;
	if (talk->stage == 0)
		flags = T_SYN;
	else if (talk->stage == 1)
		flags = T_SYN | T_ACK;
	else if (talk->stage > 3 && one_in(rng, 12))
		flags = T_FIN | T_ACK;
	if (talk->stage < 2)
		payload = one_in(rng, 12) ? payload : 0;
	talk_ends(talk, from, d);
	put_tcp(d, talk, flags, talk->seq[from],
		flags == T_SYN ? 0 : talk->seq[!from], payload);
	talk->seq[from] += (uint32_t)payload + !!(flags & (T_SYN | T_FIN));
	if (talk->stage < 9)
		talk->stage++;
}

/* Seen before, or lost in between. */
static void tcp_again(struct talk *talk, struct rng *rng, struct draft *d)
{
	enum wd_dir from = one_in(rng, 2) ? WD_EGRESS : WD_INGRESS;
	static const uint8_t flags[] = { T_SYN, T_SYN | T_ACK, T_ACK, T_ACK };
	uint32_t back = draw(rng, 3) ? draw(rng, 400) : 1;

	if (one_in(rng, 8))
		talk->seq[from] += draw(rng, 3000); /* what was lost */
	talk_ends(talk, from, d);
	put_tcp(d, talk, PICK(rng, flags), talk->seq[from] - back,
		talk->seq[!from] - (one_in(rng, 3) ? draw(rng, 400) : 0),
		draw(rng, 200));
}

/* By somebody who sees nothing of it, or too much. */
static void tcp_forged(struct talk *talk, struct rng *rng, struct draft *d)
{
	enum wd_dir from = one_in(rng, 3) ? WD_EGRESS : WD_INGRESS;
	static const uint8_t flags[] = { T_RST, T_RST,	       T_RST | T_ACK,
					 T_ACK, T_SYN,	       T_SYN | T_ACK,
					 T_ACK, T_FIN | T_ACK, T_ACK | T_PSH };

	talk_ends(talk, from, d);
	put_tcp(d, talk, PICK(rng, flags), talk->seq[from] + draw_shift(rng),
		talk->seq[!from] + (one_in(rng, 2) ? 0 : draw_shift(rng)),
		one_in(rng, 2) ? 0 : draw(rng, 200));
}

/* An answer to the latest SYN, or nearly: after that the talk goes on. */
static void tcp_answer(struct talk *talk, struct rng *rng, struct draft *d)
{
	enum wd_dir from = talk->opener == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
	static const uint32_t off[] = { 0, 0,	   0,	    0,	    1,
					2, 0xffff, 0x10000, 0U - 1, 0U - 2 };

	if (one_in(rng, 6)) { /* by who sent the SYN, about itself */
		talk_ends(talk, talk->opener, d);
		put_tcp(d, talk, T_SYN | T_ACK, talk->seq[from],
			talk->seq[talk->opener], 0);
		return;
	}
	talk_ends(talk, from, d);
	put_tcp(d, talk, one_in(rng, 4) ? T_RST | T_ACK : T_SYN | T_ACK,
		talk->seq[from], talk->seq[!from] + PICK(rng, off), 0);
	if (one_in(rng, 2))
		return;
	talk->seq[from]++;
	talk->stage = 2;
}

/* The same ends once more, with other numbers, or from the other side. */
static void tcp_anew(struct talk *talk, struct rng *rng, struct draft *d)
{
	if (one_in(rng, 2))
		talk->opener = talk->opener == WD_EGRESS ? WD_INGRESS :
							   WD_EGRESS;
	talk->seq[talk->opener] += 1 + draw(rng, 1U << 20);
	talk->stage = 0;
	tcp_honest(talk, rng, d);
}

static void tcp_reset(struct talk *talk, struct rng *rng, struct draft *d)
{
	enum wd_dir from = one_in(rng, 2) ? WD_EGRESS : WD_INGRESS;

	talk_ends(talk, from, d);
	put_tcp(d, talk, one_in(rng, 2) ? T_RST : T_RST | T_ACK,
		talk->seq[from], talk->seq[!from], 0);
}

static void tcp_next(struct talk *talk, struct rng *rng, struct draft *d)
{
	uint32_t way = draw(rng, 100);

	if (talk->stage == 1 && way < 30)
		tcp_answer(talk, rng, d);
	else if (way < 60)
		tcp_honest(talk, rng, d);
	else if (way < 74)
		tcp_again(talk, rng, d);
	else if (way < 90)
		tcp_forged(talk, rng, d);
	else if (way < 96)
		tcp_anew(talk, rng, d);
	else
		tcp_reset(talk, rng, d);
}

/* ---- the others ---- */

static void icmp_next(const struct talk *talk, struct rng *rng, struct draft *d)
{
	static const uint8_t others[] = { 0,  3,   5,	8,   13, 17,
					  42, 128, 130, 143, 255 };
	bool is_request = d->dir == talk->opener;
	uint8_t request = talk->family == 4 ? 8 : 128;
	uint8_t type = is_request ? request : talk->family == 4 ? 0 : 129;

	if (one_in(rng, 8))
		type = PICK(rng, others);
	build_icmp(d, type, one_in(rng, 4) ? (uint8_t)draw(rng, 5) : 0,
		   talk->lport, draw(rng, 60));
}

void talk_next(struct talk *talk, struct rng *rng, struct draft *draft)
{
	bool forth = one_in(rng, 2) || !talk->stage;
	enum wd_dir dir = forth			    ? talk->opener :
			  talk->opener == WD_EGRESS ? WD_INGRESS :
						      WD_EGRESS;
	bool out = dir == WD_EGRESS;

	if (talk->proto == P_TCP) {
		tcp_next(talk, rng, draft);
		return;
	}
	talk->stage = 1;
	talk_ends(talk, dir, draft);
	if (talk->proto == P_ICMP || talk->proto == P_ICMP6)
		icmp_next(talk, rng, draft);
	else
		build_ports(draft, out ? talk->lport : talk->pport,
			    out ? talk->pport : talk->lport, draw(rng, 200));
}
