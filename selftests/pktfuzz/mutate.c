/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mutate.c - spoils one thing in a packet, mostly in its first bytes, mostly
 * with values at which something changes.
 */
#include <string.h>

#include "gen.h"
#include "site.h"

static const uint32_t odd_values[] = {
	0,   1,	  2,   3,      4,      5,      6,      7,      8,
	15,  16,  17,  20,     28,     40,     44,     51,     58,
	60,  63,  64,  67,     80,     127,    128,    129,    132,
	133, 134, 135, 136,    137,    224,    240,    253,    254,
	255, 256, 443, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xfff8, 0xffff,
};

static void flip_bit(struct op *op, struct rng *rng)
{
	uint32_t most = op->len < 90 ? op->len : 90;

	op->data[draw(rng, most)] ^= (uint8_t)(1U << draw(rng, 8));
}

static void set_value(struct op *op, struct rng *rng)
{
	uint32_t most = op->len < 90 ? op->len : 90;
	uint32_t at = draw(rng, most), val = PICK(rng, odd_values);

	if (at + 2 > op->len || one_in(rng, 2))
		op->data[at] = (uint8_t)val;
	else
		put16(op->data + at, val);
}

static void cut_or_grow(struct op *op, struct rng *rng)
{
	uint32_t len = op->len;

	if (one_in(rng, 2)) {
		op->len = (uint16_t)(ETH_LEN + draw(rng, len - ETH_LEN + 1));
		return;
	}
	len += 1 + draw(rng, 60);
	if (len > FRAME_MAX)
		return;
	memset(op->data + op->len, 0xff, len - op->len);
	op->len = (uint16_t)len;
}

/* The length that the IP header states, but not the packet's. */
static void lie_about_length(struct op *op, struct rng *rng)
{
	uint8_t *at = op->data + ETH_LEN;
	uint32_t by = draw(rng, 40);

	if (op->len < ETH_LEN + 6)
		return;
	at += at[0] >> 4 == 6 ? 4 : 2;
	put16(at, get16(at) + (one_in(rng, 2) ? by : 0U - by));
}

static void insert(struct op *op, struct rng *rng)
{
	static const uint16_t tags[] = { 0x8100, 0x88a8, 0x9100 };
	uint32_t at = one_in(rng, 2) ? 12 : ETH_LEN + draw(rng, 48);

	if (op->len + 4U > FRAME_MAX || at > op->len)
		return;
	memmove(op->data + at + 4, op->data + at, op->len - at);
	op->len += 4;
	put32(op->data + at, draw32(rng));
	if (at == 12)
		put16(op->data + at, PICK(rng, tags));
}

static void swap_ends(struct op *op, struct rng *rng)
{
	bool is_v6 = op->len > ETH_LEN && op->data[ETH_LEN] >> 4 == 6;
	size_t at = ETH_LEN + (is_v6 ? 8 : 12), len = is_v6 ? 16 : 4;
	uint8_t src[16];

	(void)rng;
	if (op->len < at + 2 * len)
		return;
	memcpy(src, op->data + at, len);
	memcpy(op->data + at, op->data + at + len, len);
	memcpy(op->data + at + len, src, len);
}

static void change_end(struct op *op, struct rng *rng)
{
	bool is_v6 = op->len > ETH_LEN && op->data[ETH_LEN] >> 4 == 6;
	size_t at = ETH_LEN + (is_v6 ? 8 : 12), len = is_v6 ? 16 : 4;
	const struct peer *peer = &site_strangers[draw(rng, STRANGERS)];

	if (op->len < at + 2 * len)
		return;
	if (one_in(rng, 2))
		peer = &site_peers[draw(rng, PEERS)];
	at += one_in(rng, 2) ? len : 0;
	memcpy(op->data + at, is_v6 ? peer->v6.b : peer->v4.b, len);
}

static void change_device(struct op *op, struct rng *rng)
{
	if (op->dir == WD_INGRESS)
		op->iif = (enum dev)draw(rng, DEV__MAX);
	else
		op->data[6 + draw(rng, 6)] ^= 1;
	if (one_in(rng, 20))
		op->dev = DEV_UPLINK;
}

/* Where the transport header is if nothing is between. */
static void change_transport(struct op *op, struct rng *rng)
{
	bool is_v6 = op->len > ETH_LEN && op->data[ETH_LEN] >> 4 == 6;
	size_t l4 = ETH_LEN + (is_v6 ? IP6_LEN : IP4_LEN);
	static const uint8_t fields[] = { 0, 2, 4, 12, 13, 13, 13 };
	size_t at = l4 + PICK(rng, fields);

	if (at + 1 > op->len)
		return;
	op->data[at] = (uint8_t)draw(rng, one_in(rng, 2) ? 256 : 32);
}

static void change_fragment(struct op *op, struct rng *rng)
{
	static const uint32_t fields[] = { 0x2000, 0x0001, 0x2001, 0x0002,
					   0x0003, 0x4000, 0x8000, 0x1fff,
					   0x3ffe, 0x1000 };
	bool is_v4 = op->len > ETH_LEN && op->data[ETH_LEN] >> 4 == 4;

	if (is_v4 && op->len > ETH_LEN + 8)
		put16(op->data + ETH_LEN + 6, PICK(rng, fields));
	else if (op->len > ETH_LEN + IP6_LEN + 8)
		put16(op->data + ETH_LEN + IP6_LEN + 2, PICK(rng, fields));
}

void mutate(struct op *op, struct rng *rng)
{
	static void (*const ways[])(struct op *op, struct rng *rng) = {
		flip_bit,	  set_value,	    set_value,
		cut_or_grow,	  lie_about_length, insert,
		swap_ends,	  change_end,	    change_device,
		change_transport, change_transport, change_fragment,
	};

	PICK(rng, ways)(op, rng);
}
