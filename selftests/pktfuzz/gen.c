/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen.c - chooses what happens next. The weights are such that about half of
 * all packets get past the headers; test_pktfuzz.c fails if they no longer do.
 */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "talk.h"

#define TALKS 20
#define RECENT 32
#define QUEUE_MAX 12
#define FLOOD_FULL 7000 /* steps after which a share is used up */

struct gen {
	struct rng rng;
	struct talk talks[TALKS];
	struct op recent[RECENT];
	uint8_t recent_data[RECENT][FRAME_MAX];
	uint32_t recent_cnt;
	/* fragments that were cut and not sent yet */
	struct draft queue[QUEUE_MAX];
	uint32_t queue_cnt;
	struct draft whole; /* what is being cut */
	uint32_t step;
	bool flood;
};

struct gen *gen_new(void)
{
	return calloc(1, sizeof(struct gen));
}

void gen_free(struct gen *gen)
{
	free(gen);
}

void gen_begin(struct gen *gen, uint64_t seed, bool flood)
{
	rng_seed(&gen->rng, seed);
	gen->recent_cnt = gen->queue_cnt = gen->step = 0;
	gen->flood = flood;
	for (int i = 0; i < TALKS; i++)
		talk_begin(&gen->talks[i], &gen->rng);
}

/* ---- not packets ---- */

static void next_publish(struct gen *gen, struct op *op)
{
	static const uint8_t modes[] = { 0, 0, 0,	    0,
					 0, 0, WD_EP_AUDIT, WD_EP_OFF };
	static const uint8_t policies[] = { 0, 1, 1, 2, 3, 4, 5,  6,
					    6, 6, 7, 8, 9, 9, 10, 10 };
	struct rng *rng = &gen->rng;

	op->kind = OP_PUBLISH;
	op->setting = (struct setting){
		.switches = (uint8_t)draw(rng, 8),
		.monitor = (uint8_t)draw(rng, 4),
		.rows = (uint8_t)(one_in(rng, 2) ? 0 : draw(rng, ROW_VARIANTS)),
	};
	for (int i = 0; i < PODS; i++) {
		op->setting.policy[i] = gen->flood ? 2 : PICK(rng, policies);
		op->setting.flags[i] = gen->flood ? 0 : PICK(rng, modes);
		if (one_in(rng, 3))
			op->setting.flags[i] |= WD_EP_ENCAP;
	}
}

static void next_wait(struct gen *gen, struct op *op)
{
	/* No life ends soon after a multiple of twenty, so a tick that passes by
	 * the clock meanwhile changes nothing. */
	static const uint32_t ticks[] = { 20,  20,  20,	 40,  60,   80,
					  100, 120, 540, 560, 20100 };

	op->kind = OP_WAIT;
	op->ticks = PICK(&gen->rng, ticks);
}

/* The talks that a pod had before anybody looked. */
static void next_seed(struct gen *gen, struct op *op)
{
	struct talk *talk = &gen->talks[draw(&gen->rng, TALKS)];
	const struct pod *pod = &site_pods[POD_OF(talk->dev)];
	const struct peer *peer = &site_peers[draw(&gen->rng, PEERS)];

	/* no socket of a pod is connected to what is no machine's address */
	talk->peer = talk->family == 4 ? peer->v4 : peer->v6;
	op->kind = OP_SEED;
	op->seed = (struct seed){
		.dev = talk->dev,
		.family = (uint8_t)talk->family,
		.proto = one_in(&gen->rng, 4) ? P_UDP : P_TCP,
		.own = addr_is_equal(&talk->own, talk->family == 4 ?
							 &pod->own4[1] :
							 &pod->own6[1]),
		.dir = talk->opener,
		.peer = talk->peer,
		.lport = talk->lport,
		.pport = talk->pport,
		.life = 500,
	};
	talk->proto = op->seed.proto;
	talk->stage = 5;
}

/* ---- packets ---- */

static struct talk *pick_talk(struct gen *gen)
{
	struct talk *talk = &gen->talks[draw(&gen->rng, TALKS)];

	if (one_in(&gen->rng, 60))
		talk_begin(talk, &gen->rng);
	return talk;
}

/* One of the many flows of a flood; the number says all of it. */
static void flood_ends(uint32_t nr, enum wd_dir dir, struct draft *d)
{
	struct talk talk = { .dev = DEV_ALPHA,
			     .iif = DEV_UPLINK,
			     .family = 4,
			     .own = site_pods[POD_OF(DEV_ALPHA)].own4[0],
			     .peer = site_strangers[2].v4,
			     .proto = nr % 2 ? P_TCP : P_UDP };

	talk.peer.b[3] = (uint8_t)(nr >> 12);
	talk_ends(&talk, dir, d);
}

/* Another flow of the pod's; now and then some end of an old one stirs. */
static void next_flood(struct gen *gen, struct op *op)
{
	static const uint8_t answers[] = { T_RST | T_ACK, T_SYN | T_ACK,
					   T_SYN | T_ACK, T_ACK };
	struct rng *rng = &gen->rng;
	bool is_old = one_in(rng, 6);
	uint32_t nr = is_old ? draw(rng, gen->step) : gen->step;
	bool back = is_old && !one_in(rng, 3);
	uint16_t port = (uint16_t)(nr % 4096);
	struct segment segment = { T_SYN, nr * 1000, 0, 0 };
	struct draft d;

	flood_ends(nr, back ? WD_INGRESS : WD_EGRESS, &d);
	if (back) {
		segment.flags = PICK(rng, answers);
		segment.seq = nr * 2000;
		segment.ack = nr * 1000 + 1;
	} else if (is_old && one_in(rng, 2)) {
		segment.flags = one_in(rng, 2) ? T_RST : T_ACK;
		segment.seq = nr * 1000 + 1;
		segment.ack = nr * 2000 + 1;
	}
	if (d.proto == P_TCP)
		build_tcp(&d, back ? 53 : port, back ? port : 53, &segment);
	else
		build_ports(&d, back ? 53 : port, back ? port : 53, 0);
	build_frame(&d, op);
}

/* Cut a datagram in pieces. Some overlap, some are lost, some come early. */
static void cut(struct gen *gen, const struct draft *whole)
{
	struct rng *rng = &gen->rng;
	size_t at = 0;

	gen->queue_cnt = 0;
	while (at < whole->len && gen->queue_cnt < QUEUE_MAX) {
		struct draft *d = &gen->queue[gen->queue_cnt++];
		size_t len = 8 * (1 + draw(rng, 8));

		if (at + len > whole->len)
			len = whole->len - at;
		*d = *whole;
		d->is_frag = true;
		d->frag_at = (uint32_t)at;
		d->more = at + len < whole->len;
		d->len = len;
		memmove(d->body, whole->body + at, len);
		at += len;
		if (one_in(rng, 20) && at >= 8)
			at -= 8; /* the next overlaps */
		if (one_in(rng, 20))
			at += 8; /* a hole */
	}
	if (gen->queue_cnt > 1 && one_in(rng, 3)) {
		uint32_t a = draw(rng, gen->queue_cnt);
		struct draft first = gen->queue[0];

		gen->queue[0] = gen->queue[a];
		gen->queue[a] = first;
	}
}

static void next_fragment(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	struct draft *d = &gen->whole;

	if (!gen->queue_cnt) {
		talk_next(pick_talk(gen), rng, d);
		d->frag_id = draw(rng, 6);
		if (d->len < 200) {
			memset(d->body + d->len, 0, 200);
			d->len += draw(rng, 200);
		}
		cut(gen, d);
	}
	build_frame(&gen->queue[0], op);
	if (one_in(rng, 8))
		return; /* it comes once more */
	gen->queue_cnt--;
	memmove(gen->queue, gen->queue + 1,
		gen->queue_cnt * sizeof(gen->queue[0]));
}

/* Options, or a chain of extension headers. */
static void next_extras(struct gen *gen, struct op *op)
{
	static const uint8_t exts[] = { P_HOPOPTS, P_DSTOPTS, P_AH,
					P_DSTOPTS, P_HOPOPTS, P_FRAGMENT,
					P_DSTOPTS };
	static const uint8_t opts[] = { 0, 1, 1, 7, 68, 131, 137, 148, 2, 3 };
	struct rng *rng = &gen->rng;
	struct draft d;

	talk_next(pick_talk(gen), rng, &d);
	d.ext_cnt = d.family == 6 ? 1 + draw(rng, one_in(rng, 4) ? 8 : 3) : 0;
	for (size_t i = 0; i < d.ext_cnt; i++) {
		d.exts[i] = PICK(rng, exts);
		d.ext_words[i] = (uint8_t)(one_in(rng, 12) ? draw(rng, 40) :
							     draw(rng, 3));
		if (one_in(rng, 60))
			d.exts[i] = (uint8_t)draw(rng, 256);
	}
	d.opts_len = d.family == 4 ? 4 * (1 + draw(rng, 10)) : 0;
	memset(d.opts, 1, d.opts_len);
	for (size_t i = 0; i + 1 < d.opts_len; i++) {
		d.opts[i] = PICK(rng, opts);
		if (d.opts[i] > 1)
			d.opts[i + 1] = (uint8_t)(2 + draw(rng, 4));
		i += d.opts[i] > 1 ? d.opts[i + 1] - 1U : 0;
	}
	build_frame(&d, op);
}

/* An ICMP error about a recent packet. */
static void next_quote(struct gen *gen, struct op *op)
{
	static const uint8_t types4[] = { 3, 3, 3, 11, 12, 4, 5 };
	static const uint8_t types6[] = { 1, 2, 3, 4, 1, 2, 0, 5, 100 };
	struct rng *rng = &gen->rng;
	const struct op *about = &gen->recent[draw(
		rng, gen->recent_cnt < RECENT ? gen->recent_cnt : RECENT)];
	const uint8_t *ip = about->data + ETH_LEN;
	size_t len = about->len - ETH_LEN, most = 8 + 4 * draw(rng, 30);
	struct draft d = { .hops = 64 };
	enum dev from;

	d.dir = about->dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
	if (one_in(rng, 12))
		d.dir = about->dir;
	d.dev = about->dev;
	d.family = ip[0] >> 4 == 6 ? 6 : 4;
	if (len > most + (d.family == 4 ? IP4_LEN : IP6_LEN))
		len = most + (d.family == 4 ? IP4_LEN : IP6_LEN);
	memcpy(d.dst.b, d.family == 4 ? ip + 12 : ip + 8,
	       d.family == 4 ? 4 : 16);
	memcpy(d.src.b, d.family == 4 ? ip + 16 : ip + 24,
	       d.family == 4 ? 4 : 16);
	d.iif = d.dir == WD_EGRESS ? about->dev : DEV_UPLINK;
	if (one_in(rng, 3) && d.dir == WD_INGRESS)
		d.src = *draw_peer(rng, d.family, &d.iif);
	else if (d.dir == WD_INGRESS)
		(void)draw_peer(rng, d.family, &from);
	build_icmp(&d, d.family == 4 ? PICK(rng, types4) : PICK(rng, types6),
		   (uint8_t)draw(rng, 5), 0, len);
	memcpy(d.body + ICMP_LEN, ip, len);
	build_frame(&d, op);
}

static void next_arp(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	enum dev dev = (enum dev)(DEV_ALPHA + draw(rng, PODS)), unused;
	bool out = one_in(rng, 2);
	uint8_t *arp = op->data + ETH_LEN;
	struct draft d = { .dir = out ? WD_EGRESS : WD_INGRESS,
			   .dev = dev,
			   .iif = dev,
			   .family = 4 };

	build_frame(&d, op);
	put16(op->data + 12, 0x0806);
	memset(arp, 0, ARP_LEN);
	memcpy(arp, "\0\1\10\0\6\4\0", 7);
	arp[7] = (uint8_t)(1 + draw(rng, 2));
	memcpy(arp + 8, op->data + 6, 6);
	memcpy(arp + 14,
	       (one_in(rng, 4) ? draw_peer(rng, 4, &unused) :
				 draw_own(rng, 4, dev))
		       ->b,
	       4);
	memcpy(arp + 24,
	       (out && one_in(rng, 2) ? draw_peer(rng, 4, &unused) :
					draw_own(rng, 4, dev))
		       ->b,
	       4);
	if (one_in(rng, 6))
		memset(arp + 14, 0, 4); /* a probe */
	op->len = ETH_LEN + ARP_LEN;
}

static void next_nd(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	enum dev dev = (enum dev)(DEV_ALPHA + draw(rng, PODS)), iif;
	bool out = one_in(rng, 2);
	struct draft d = { .dir = out ? WD_EGRESS : WD_INGRESS,
			   .dev = dev,
			   .family = 6,
			   .hops = 255 };
	const struct addr *peer = draw_peer(rng, 6, &iif);

	d.src = out ? *draw_own(rng, 6, dev) : *peer;
	d.dst = out ? *peer : *draw_own(rng, 6, dev);
	if (out && one_in(rng, 6))
		memset(&d.src, 0, sizeof(d.src)); /* address detection */
	if (one_in(rng, 4))
		d.dst = site_strangers[5].v6;
	if (one_in(rng, 12))
		d.src = site_strangers[11].v6; /* link-local, anybody's */
	d.iif = out ? dev : iif;
	build_icmp(&d, (uint8_t)(133 + draw(rng, 5)), 0, 0, 24);
	memcpy(d.body + ICMP_LEN,
	       (one_in(rng, 4) ? draw_peer(rng, 6, &iif) :
				 draw_own(rng, 6, dev))
		       ->b,
	       16);
	if (one_in(rng, 12))
		memcpy(d.body + ICMP_LEN, d.src.b, 16);
	if (one_in(rng, 16))
		d.exts[d.ext_cnt++] = P_DSTOPTS;
	build_frame(&d, op);
}

/* A recent packet again, or where it does not belong. */
static void next_replay(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	const struct op *old = &gen->recent[draw(
		rng, gen->recent_cnt < RECENT ? gen->recent_cnt : RECENT)];
	uint8_t *data = op->data;

	*op = *old;
	op->data = data;
	memcpy(op->data, old->data, old->len);
	if (one_in(rng, 2))
		return;
	op->iif = (enum dev)draw(rng, DEV__MAX);
	if (one_in(rng, 3))
		op->dev = (enum dev)(DEV_ALPHA + draw(rng, PODS + 1U));
	if (one_in(rng, 3))
		op->dir = op->dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
	if (op->dir == WD_EGRESS)
		op->iif = op->dev;
}

static void next_noise(struct gen *gen, struct op *op)
{
	static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806, 0x8100,
					  0x88a8, 0x9100, 0x88cc, 0x0000,
					  0xffff, 0x8847, 0x8863 };
	struct rng *rng = &gen->rng;
	struct draft d = { .dir = one_in(rng, 2) ? WD_EGRESS : WD_INGRESS,
			   .dev = (enum dev)(DEV_ALPHA + draw(rng, PODS)),
			   .family = 4 };

	build_frame(&d, op);
	op->iif = op->dir == WD_EGRESS ? op->dev :
					 (enum dev)draw(rng, DEV__MAX);
	op->len = (uint16_t)(ETH_LEN + draw(rng, 120));
	put16(op->data + 12, PICK(rng, types));
	for (size_t i = ETH_LEN; i < op->len; i++)
		op->data[i] = (uint8_t)draw(rng, 256);
}

static void remember(struct gen *gen, const struct op *op)
{
	uint32_t at = gen->recent_cnt++ % RECENT;

	gen->recent[at] = *op;
	gen->recent[at].data = gen->recent_data[at];
	memcpy(gen->recent_data[at], op->data, op->len);
}

static void next_packet(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	uint32_t way = draw(rng, 100);
	struct draft d;

	if (gen->flood && way < 92)
		next_flood(gen, op);
	else if (gen->queue_cnt && way < 40)
		next_fragment(gen, op);
	else if (way < 66 || !gen->recent_cnt) {
		talk_next(pick_talk(gen), rng, &d);
		build_frame(&d, op);
	} else if (way < 73)
		next_quote(gen, op);
	else if (way < 79)
		next_fragment(gen, op);
	else if (way < 86)
		next_extras(gen, op);
	else if (way < 88)
		next_arp(gen, op);
	else if (way < 92)
		next_nd(gen, op);
	else if (way < 98)
		next_replay(gen, op);
	else
		next_noise(gen, op);
}

/*
 * The kernel's test run takes no packet whose IP header is not whole, and wants
 * it in the linear part; a shorter one gets zeros. Others leave it to chance.
 */
static void fit_test_run(struct op *op, struct rng *rng)
{
	uint16_t type = get16(op->data + 12), least = ETH_LEN;

	if (type == 0x0800)
		least = ETH_LEN + IP4_LEN;
	else if (type == 0x86dd)
		least = ETH_LEN + IP6_LEN;
	if (op->len < least) {
		memset(op->data + op->len, 0, least - op->len);
		op->len = least;
	}
	op->linear = 0;
	if (one_in(rng, 3))
		op->linear =
			(uint16_t)(least + draw(rng, op->len - least + 1U));
}

void gen_next(struct gen *gen, struct op *op)
{
	struct rng *rng = &gen->rng;
	uint8_t *data = op->data;
	uint32_t way = draw(rng, 1000);

	*op = (struct op){ .data = data };
	/* mostly there is a publication to begin with */
	if (gen->step++ == (one_in(rng, 8) ? 20U : 0U) ||
	    (way < 4 && !gen->flood)) {
		next_publish(gen, op);
		return;
	}
	if (way > 997 && (!gen->flood || gen->step > FLOOD_FULL)) {
		next_wait(gen, op);
		return;
	}
	if (way == 997 || way == 996) {
		next_seed(gen, op);
		return;
	}
	next_packet(gen, op);
	if (!gen->flood && one_in(rng, 3)) {
		uint32_t cnt = 1 + draw(rng, one_in(rng, 3) ? 3 : 1);

		while (cnt--)
			mutate(op, rng);
	}
	fit_test_run(op, rng);
	remember(gen, op);
}
