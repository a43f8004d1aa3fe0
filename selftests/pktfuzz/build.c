/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.c - writes headers from the outside in. Checksums stay zero: nothing
 * that is tested reads them.
 */
#include "build.h"

#include <string.h>

static const uint8_t host_mac[6] = { 2, 0, 0, 0, 1, 0 };

static uint8_t *put_ethernet(const struct draft *d, uint8_t *at)
{
	const uint8_t *pod =
		DEV_IS_POD(d->dev) ? site_pods[POD_OF(d->dev)].mac : host_mac;

	memcpy(at, d->dir == WD_EGRESS ? host_mac : pod, 6);
	memcpy(at + 6, d->dir == WD_EGRESS ? pod : host_mac, 6);
	put16(at + 12, d->family == 4 ? 0x0800 : 0x86dd);
	return at + ETH_LEN;
}

static uint8_t *put_ip4(const struct draft *d, uint8_t *at)
{
	size_t header = IP4_LEN + d->opts_len;

	memset(at, 0, IP4_LEN);
	at[0] = (uint8_t)(0x40 | header / 4);
	put16(at + 2, (uint32_t)(header + d->len));
	if (d->is_frag) {
		put16(at + 4, d->frag_id);
		put16(at + 6, d->frag_at / 8 | (d->more ? 0x2000 : 0));
	}
	at[8] = d->hops;
	at[9] = d->proto;
	memcpy(at + 12, d->src.b, 4);
	memcpy(at + 16, d->dst.b, 4);
	memcpy(at + IP4_LEN, d->opts, d->opts_len);
	return at + header;
}

/* The type of the header behind extension header @i, or behind the fixed one. */
static uint8_t type_behind(const struct draft *d, size_t i)
{
	if (i < d->ext_cnt)
		return d->exts[i];
	return d->is_frag ? P_FRAGMENT : d->proto;
}

static uint8_t *put_ext(const struct draft *d, size_t i, uint8_t *at)
{
	size_t bytes = d->exts[i] == P_AH ? (d->ext_words[i] + 2U) * 4 :
					    (d->ext_words[i] + 1U) * 8;

	memset(at, 0, bytes);
	at[0] = type_behind(d, i + 1);
	/* a fragment header in the chain is an atomic one */
	if (d->exts[i] == P_FRAGMENT)
		return at + 8;
	at[1] = d->ext_words[i];
	return at + bytes;
}

static uint8_t *put_ip6(const struct draft *d, uint8_t *at)
{
	uint8_t *ip = at;

	memset(at, 0, IP6_LEN);
	at[0] = 0x60;
	at[6] = type_behind(d, 0);
	at[7] = d->hops;
	memcpy(at + 8, d->src.b, 16);
	memcpy(at + 24, d->dst.b, 16);
	at += IP6_LEN;
	for (size_t i = 0; i < d->ext_cnt; i++)
		at = put_ext(d, i, at);
	if (d->is_frag) {
		at[0] = d->proto;
		at[1] = 0;
		put16(at + 2, d->frag_at | d->more);
		put32(at + 4, d->frag_id);
		at += 8;
	}
	put16(ip + 4, (uint32_t)(at - ip) - IP6_LEN + (uint32_t)d->len);
	return at;
}

void build_frame(const struct draft *draft, struct op *op)
{
	uint8_t *at = put_ethernet(draft, op->data);

	at = draft->family == 4 ? put_ip4(draft, at) : put_ip6(draft, at);
	memcpy(at, draft->body, draft->len);
	op->kind = OP_PACKET;
	op->dir = draft->dir;
	op->dev = draft->dev;
	op->iif = draft->iif;
	op->linear = 0;
	op->len = (uint16_t)((size_t)(at - op->data) + draft->len);
}

void build_tcp(struct draft *d, uint16_t sport, uint16_t dport,
	       const struct segment *segment)
{
	memset(d->body, 0, TCP_LEN + segment->payload);
	put16(d->body, sport);
	put16(d->body + 2, dport);
	put32(d->body + 4, segment->seq);
	put32(d->body + 8, segment->ack);
	d->body[12] = 5 << 4;
	d->body[13] = segment->flags;
	d->proto = P_TCP;
	d->len = TCP_LEN + segment->payload;
}

void build_ports(struct draft *d, uint16_t sport, uint16_t dport,
		 size_t payload)
{
	size_t header = d->proto == P_SCTP ? SCTP_LEN : UDP_LEN;

	memset(d->body, 0, header + payload);
	put16(d->body, sport);
	put16(d->body + 2, dport);
	d->len = header + payload;
	if (d->proto == P_UDP)
		put16(d->body + 4, (uint32_t)d->len);
}

void build_icmp(struct draft *d, uint8_t type, uint8_t code, uint16_t id,
		size_t payload)
{
	memset(d->body, 0, ICMP_LEN + payload);
	d->body[0] = type;
	d->body[1] = code;
	put16(d->body + 4, id);
	d->proto = d->family == 4 ? P_ICMP : P_ICMP6;
	d->len = ICMP_LEN + payload;
}
