/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * questions.c - which packets are asked about.
 *
 * Flows are asked about one at a time, each in an empty flow table, so no
 * question depends on another.
 */
#include "questions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../model/l4.h"

/* No endpoint has this device: what comes by it comes from elsewhere. */
#define UPLINK 0x7ffffff0U
#define OSPF 89 /* a protocol without ports that no list here knows */

#define SPORT_FIRST 40000 /* no port that means something */
#define SPORTS 10000

struct peer {
	struct wd_addr addr;
	uint32_t row; /* as far as is known */
	uint32_t iif; /* the device it comes by */
};

struct port {
	uint8_t proto;
	uint16_t port;
};

/* Where a pod may ask for one. */
struct service {
	struct peer at;
	struct port port;
};

/* One endpoint, direction and family. */
struct combo {
	uint32_t ep;
	enum wd_dir dir;
	uint8_t family;
};

struct maker {
	const struct wd_state *s;
	uint64_t rng;
	const struct wd_row_val *row[WD_ROWS_MAX];
	struct wd_questions *out;
	size_t max;
	WD_STATE_LIST(struct peer, v4);
	WD_STATE_LIST(struct peer, v6);
	WD_STATE_LIST(struct service, service);
	WD_STATE_LIST(struct combo, combo);
	WD_STATE_LIST(struct port, port); /* of the combo at hand */
};

static uint32_t draw(struct maker *m, size_t below)
{
	/* splitmix64 */
	uint64_t z = m->rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return (uint32_t)((z >> 32) * below >> 32);
}

/* ---- peers ---- */

static int add_peer(struct maker *m, const struct wd_addr *addr, uint32_t row,
		    uint32_t iif)
{
	struct peer *peer = addr->family == 4 ? WD_STATE_ADD(m, v4) :
						WD_STATE_ADD(m, v6);

	if (!peer)
		return -ENOMEM;
	*peer = (struct peer){ *addr, row, iif };
	return 0;
}

static bool is_taken(const struct wd_state *s, const struct wd_addr *addr)
{
	if (wd_state_addr(s, addr))
		return true;
	for (size_t i = 0; i < s->cidr_cnt; i++)
		if (s->cidr[i].cidr.len && wd_cidr_has(&s->cidr[i].cidr, addr))
			return true;
	return false;
}

/* An address of a prefix: host bits drawn. */
static struct wd_addr inside(struct maker *m, const struct wd_cidr *cidr)
{
	struct wd_addr addr = cidr->addr;
	int bits = addr.family == 4 ? 32 : 128;

	for (int bit = cidr->len; bit < bits; bit++)
		if (draw(m, 2))
			addr.v6.s6_addr[bit / 8] |= 1U << (7 - bit % 8);
	return addr;
}

/* The device that a known address comes by; 0 for this host's own. */
static uint32_t device_of(const struct wd_addr_val *val)
{
	if (val->flags & WD_ADDR_HOST)
		return 0;
	return val->flags & WD_ADDR_LOCAL ? val->ifindex : UPLINK;
}

#define KINDS 16 /* of WD_ADDR_* together */

/* One for each row and kind of address, from somewhere in the list on. */
static int peers_of_addresses(struct maker *m, bool *seen)
{
	size_t cnt = m->s->addr_cnt, at = draw(m, cnt ? cnt : 1);
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		const struct wd_state_addr *a = &m->s->addr[(at + i) % cnt];
		size_t key = a->val.row[0] * KINDS + a->val.flags % KINDS;

		if (a->cidr.addr.family == 6)
			key += (size_t)WD_ROWS_MAX * KINDS;
		if (!seen[key])
			err = add_peer(m, &a->cidr.addr, a->val.row[0],
				       device_of(&a->val));
		seen[key] = true;
	}
	return err;
}

static int peers_of_prefixes(struct maker *m, bool *seen)
{
	size_t cnt = m->s->cidr_cnt, at = draw(m, cnt ? cnt : 1);
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		const struct wd_state_addr *a = &m->s->cidr[(at + i) % cnt];
		size_t key = a->val.row[0];
		struct wd_addr addr = inside(m, &a->cidr);

		if (a->cidr.addr.family == 6)
			key += WD_ROWS_MAX;
		/* one that is a pod's, too, has a row and a device of its own */
		if (!seen[key] && !wd_state_addr(m->s, &addr)) {
			err = add_peer(m, &addr, a->val.row[0], UPLINK);
			seen[key] = true;
		}
	}
	return err;
}

static int peers_unknown(struct maker *m)
{
	static const char *const texts[] = {
		"198.51.100.77",  "203.0.113.9", "169.254.1.1", "224.0.0.251",
		"2001:db8:77::9", "3fff::77",	 "fe80::77",	"ff02::fb",
	};
	struct wd_addr addr;
	int err = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts) && !err; i++)
		if (!wd_addr_parse(texts[i], &addr) && !is_taken(m->s, &addr))
			err = add_peer(m, &addr, 0, UPLINK);
	return err;
}

static int find_peers(struct maker *m)
{
	bool *seen = calloc((size_t)WD_ROWS_MAX * KINDS, 2);
	int err = seen ? peers_of_addresses(m, seen) : -ENOMEM;

	free(seen);
	seen = err ? NULL : calloc(WD_ROWS_MAX, 2);
	if (!err)
		err = seen ? peers_of_prefixes(m, seen) : -ENOMEM;
	free(seen);
	return err ? err : peers_unknown(m);
}

/* ---- ports ---- */

static int add_port(struct maker *m, uint8_t proto, uint32_t port)
{
	struct port *p;

	for (size_t i = 0; i < m->port_cnt; i++)
		if (m->port[i].proto == proto && m->port[i].port == port)
			return 0;
	p = WD_STATE_ADD(m, port);
	if (!p)
		return -ENOMEM;
	*p = (struct port){ proto, (uint16_t)port };
	return 0;
}

#define SPANS_LOOKED_AT 64 /* of one protocol; of more every n-th */

/* Where a span begins, and the port beside it. */
static int add_ports(struct maker *m, const struct wd_state_slot *slot, int l4,
		     uint8_t proto)
{
	uint32_t cnt = slot ? slot->val.cnt[l4] : 0;
	uint32_t step = 1 + cnt / SPANS_LOOKED_AT, at = draw(m, step);
	int err = add_port(m, proto, 80);

	for (; at < cnt && !err; at += step) {
		uint32_t lo = m->s->span[slot->val.first[l4] + at].lo;

		err = add_port(m, proto, lo ? lo : 1);
		if (!err && lo > 1)
			err = add_port(m, proto, lo - 1);
	}
	return err ? err : add_port(m, proto, 65535);
}

/* Neither an answer, an error nor neighbour discovery: what rules are asked about. */
static bool opens_flow(uint8_t family, uint32_t type)
{
	if (family == 6)
		return type > 129 && (type < 133 || type > 137);
	return type > 12 || type == 9 || type == 10;
}

/* Echo, and what ICMP spans begin with. */
static int add_types(struct maker *m, const struct wd_state_slot *slot,
		     uint8_t family)
{
	uint8_t proto = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	int l4 = family == 4 ? WD_L4_ICMP : WD_L4_ICMP6;
	uint32_t cnt = slot ? slot->val.cnt[l4] : 0;
	int err = add_port(m, proto, (family == 4 ? 8 : 128) << 8);

	for (uint32_t i = 0; i < cnt && i < SPANS_LOOKED_AT && !err; i++) {
		uint32_t lo = m->s->span[slot->val.first[l4] + i].lo;

		if (opens_flow(family, lo >> 8))
			err = add_port(m, proto, lo);
	}
	return err;
}

static int find_ports(struct maker *m, const struct combo *c)
{
	const struct wd_state_slot *slot =
		wd_state_slot(m->s, m->s->ep[c->ep].val.slot[0], c->dir);
	int err;

	m->port_cnt = 0;
	err = add_ports(m, slot, WD_L4_TCP, IPPROTO_TCP);
	if (!err)
		err = add_ports(m, slot, WD_L4_UDP, IPPROTO_UDP);
	if (!err)
		err = add_ports(m, slot, WD_L4_SCTP, IPPROTO_SCTP);
	if (!err)
		err = add_port(m, IPPROTO_UDP, 4789);
	for (int i = 0; i < WD_TUNNEL_PORTS && !err; i++)
		if (m->s->encap.own[i].port)
			err = add_port(m, IPPROTO_UDP,
				       wd_host16(m->s->encap.own[i].port));
	if (!err)
		err = add_types(m, slot, c->family);
	return err ? err : add_port(m, OSPF, 0);
}

/* ---- services ---- */

#define SERVICES_LOOKED_AT 64 /* addresses and ports; of more every n-th */

static int add_service(struct maker *m, const struct wd_addr *addr,
		       const struct wd_state_front *front)
{
	struct service *service = WD_STATE_ADD(m, service);

	if (!service)
		return -ENOMEM;
	*service = (struct service){ .at = { .addr = *addr, .iif = UPLINK },
				     .port = { front->proto, front->port } };
	if (!front->port) /* holds for each */
		service->port = (struct port){ IPPROTO_TCP, 443 };
	return 0;
}

/* A node port: at an address of this node and at one of another. */
static int add_node_port(struct maker *m, const struct wd_state_front *front)
{
	uint32_t seen = 0;
	int err = 0;

	for (size_t i = 0; i < m->s->addr_cnt && !err; i++) {
		const struct wd_state_addr *a = &m->s->addr[i];
		uint32_t kind = a->val.flags & WD_ADDR_HOST ?
					WD_ADDR_HOST :
					a->val.flags & WD_ADDR_NODE;

		if (a->cidr.addr.family != front->addr.family ||
		    !(kind & ~seen))
			continue;
		seen |= kind;
		err = add_service(m, &a->cidr.addr, front);
	}
	return err;
}

static int find_services(struct maker *m)
{
	static const struct wd_addr any[2] = { { .family = 4 },
					       { .family = 6 } };
	size_t step = 1 + m->s->front_cnt / SERVICES_LOOKED_AT;
	size_t at = draw(m, step);
	int err = 0;

	for (; at < m->s->front_cnt && !err; at += step) {
		const struct wd_state_front *f = &m->s->front[at];

		if (f->nr && step == 1)
			continue; /* its first kind was here */
		if (wd_addr_equal(&f->addr, &any[f->addr.family == 6]))
			err = add_node_port(m, f);
		else
			err = add_service(m, &f->addr, f);
	}
	return err;
}

/* ---- questions ---- */

static void ask(struct maker *m, const struct combo *c, const struct port *port,
		const struct peer *peer)
{
	struct wd_question *q = &m->out->list[m->out->cnt];

	if (m->out->cnt == m->max)
		return; /* ports that were drawn may be more than last time */
	*q = (struct wd_question){
		.ep = c->ep,
		.dir = c->dir,
		.own = wd_state_own(&m->s->ep[c->ep], c->family, 0),
		.peer = peer->addr,
		.proto = port->proto,
		.port = port->port,
		.sport = (uint16_t)(SPORT_FIRST + m->out->cnt % SPORTS),
		.iif = c->dir == WD_INGRESS ? peer->iif : 0,
	};
	m->out->cnt++;
}

static const struct peer *peers_of(const struct maker *m, uint8_t family,
				   size_t *ret_cnt)
{
	*ret_cnt = family == 4 ? m->v4_cnt : m->v6_cnt;
	return family == 4 ? m->v4 : m->v6;
}

/* Nobody comes to a pod by a service's address. */
static bool is_for(const struct combo *c, const struct service *service)
{
	return c->dir == WD_EGRESS && c->family == service->at.addr.family;
}

static void ask_all(struct maker *m, const struct combo *c)
{
	size_t cnt;
	const struct peer *peer = peers_of(m, c->family, &cnt);

	for (size_t i = 0; i < cnt; i++)
		for (size_t j = 0; j < m->port_cnt; j++)
			ask(m, c, &m->port[j], &peer[i]);
	for (size_t i = 0; i < m->service_cnt; i++)
		if (is_for(c, &m->service[i]))
			ask(m, c, &m->service[i].port, &m->service[i].at);
}

static const struct wd_state_class *
class_at(const struct maker *m, const struct combo *c, const struct port *port)
{
	const struct wd_state_slot *slot =
		wd_state_slot(m->s, m->s->ep[c->ep].val.slot[0], c->dir);
	uint32_t number, nr = 0;
	enum wd_l4 l4 =
		wd_l4_of_flow(c->family, port->proto, port->port, &number);

	for (uint32_t i = 0; slot && i < slot->val.cnt[l4]; i++) {
		const struct wd_span_val *span =
			&m->s->span[slot->val.first[l4] + i];

		if (span->lo <= number)
			nr = span->class;
	}
	return wd_state_class(m->s, nr);
}

/* A peer that some rule for the port speaks of, else any. */
static const struct peer *draw_peer(struct maker *m, const struct combo *c,
				    const struct port *port)
{
	const struct wd_state_class *class = class_at(m, c, port);
	size_t cnt;
	const struct peer *peer = peers_of(m, c->family, &cnt);
	size_t at = draw(m, cnt);
	uint32_t pred;

	if (!class || !class->val.cnt || draw(m, 2))
		return &peer[at];
	pred = class->val.rule[draw(m, class->val.cnt)].pred;
	for (size_t i = 0; pred != WD_PRED_ANY && i < cnt; i++) {
		const struct peer *p = &peer[(at + i) % cnt];
		const struct wd_row_val *row = m->row[p->row];

		if (row && row->bits[pred / 64] >> (pred % 64) & 1)
			return p;
	}
	return &peer[at];
}

static void ask_some(struct maker *m, const struct combo *c, size_t cnt)
{
	while (cnt--) {
		const struct service *service =
			m->service_cnt ? &m->service[draw(m, m->service_cnt)] :
					 NULL;
		const struct port *port = &m->port[draw(m, m->port_cnt)];

		if (service && is_for(c, service) && !draw(m, 4))
			ask(m, c, &service->port, &service->at);
		else
			ask(m, c, port, draw_peer(m, c, port));
	}
}

/* ---- all of it ---- */

static int find_combos(struct maker *m)
{
	for (uint32_t i = 0; i < m->s->ep_cnt * 4; i++) {
		struct combo c = { i / 4, i & 1 ? WD_EGRESS : WD_INGRESS,
				   i & 2 ? 6 : 4 };
		struct combo *to;
		size_t peers;

		(void)peers_of(m, c.family, &peers);
		if (!wd_state_own(&m->s->ep[c.ep], c.family, 0).family ||
		    !peers)
			continue;
		to = WD_STATE_ADD(m, combo);
		if (!to)
			return -ENOMEM;
		*to = c;
		if (find_ports(m, &c))
			return -ENOMEM;
		m->out->possible += peers * m->port_cnt;
		for (size_t k = 0; k < m->service_cnt; k++)
			m->out->possible += is_for(&c, &m->service[k]);
	}
	return 0;
}

static int fill(struct maker *m)
{
	size_t done = 0;
	int err = 0;

	for (size_t i = 0; i < m->s->row_cnt; i++)
		m->row[m->s->row[i].nr] = &m->s->row[i].val;
	err = find_peers(m);
	if (!err)
		err = find_services(m);
	if (!err)
		err = find_combos(m);
	if (err || !m->out->possible)
		return err;
	if (m->out->possible < m->max)
		m->max = (size_t)m->out->possible;
	m->out->list = calloc(m->max, sizeof(*m->out->list));
	if (!m->out->list)
		return -ENOMEM;
	for (size_t i = 0; i < m->combo_cnt && !err; i++) {
		size_t due = (i + 1) * m->max / m->combo_cnt;

		err = find_ports(m, &m->combo[i]);
		if (err)
			break;
		if (m->max == m->out->possible)
			ask_all(m, &m->combo[i]);
		else
			ask_some(m, &m->combo[i], due - done);
		done = due;
	}
	return err;
}

int wd_questions_make(const struct wd_state *state, uint64_t seed, size_t max,
		      struct wd_questions *ret)
{
	struct maker *m = calloc(1, sizeof(*m));
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!m)
		return -ENOMEM;
	m->s = state;
	m->rng = seed;
	m->max = max;
	m->out = ret;
	err = fill(m);
	if (err)
		wd_questions_free(ret);
	free(m->v4);
	free(m->v6);
	free(m->service);
	free(m->combo);
	free(m->port);
	free(m);
	return err;
}

void wd_questions_free(struct wd_questions *questions)
{
	free(questions->list);
	memset(questions, 0, sizeof(*questions));
}

/* ---- packets ---- */

static void put16(uint8_t *at, uint16_t val)
{
	at[0] = (uint8_t)(val >> 8);
	at[1] = (uint8_t)val;
}

static size_t put_l4(uint8_t *l4, const struct wd_question *q)
{
	put16(l4, q->sport);
	put16(l4 + 2, q->port);
	switch (q->proto) {
	case IPPROTO_TCP:
		l4[12] = 5 << 4;
		l4[13] = 0x02; /* SYN */
		return 20;
	case IPPROTO_UDP:
		put16(l4 + 4, 24);
		return 24;
	case IPPROTO_SCTP:
		return 24;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		memset(l4, 0, 4);
		put16(l4, q->port); /* type and code */
		put16(l4 + 4, q->sport);
		return 24;
	}
	memset(l4, 0x5a, 24); /* nobody may take these for ports */
	return 24;
}

size_t wd_question_frame(const struct wd_state *state,
			 const struct wd_question *q, uint8_t *frame)
{
	const struct wd_endpoint_val *ep = &state->ep[q->ep].val;
	bool is_out = q->dir == WD_EGRESS, is_v4 = q->own.family == 4;
	const struct wd_addr *src = is_out ? &q->own : &q->peer;
	const struct wd_addr *dst = is_out ? &q->peer : &q->own;
	uint8_t *ip = frame + 14;
	size_t len;

	memset(frame, 0, WD_QUESTION_FRAME);
	memcpy(frame, is_out ? ep->host_mac : ep->mac, 6);
	memcpy(frame + 6, is_out ? ep->mac : ep->host_mac, 6);
	put16(frame + 12, is_v4 ? 0x0800 : 0x86dd);
	len = put_l4(ip + (is_v4 ? 20 : 40), q);
	if (is_v4) {
		ip[0] = 0x45;
		put16(ip + 2, (uint16_t)(20 + len));
		ip[8] = 64;
		ip[9] = q->proto;
		memcpy(ip + 12, &src->v4, 4);
		memcpy(ip + 16, &dst->v4, 4);
		len += 20;
	} else {
		ip[0] = 0x60;
		put16(ip + 4, (uint16_t)len);
		ip[6] = q->proto;
		ip[7] = 64;
		memcpy(ip + 8, &src->v6, 16);
		memcpy(ip + 24, &dst->v6, 16);
		len += 40;
	}
	return 14 + len;
}

char *wd_question_text(const struct wd_question *q)
{
	bool is_out = q->dir == WD_EGRESS;
	const char *name = wd_proto_name(q->proto);
	char src[WD_ADDR_STRLEN], dst[WD_ADDR_STRLEN], port[16] = "";
	char *text = NULL;

	(void)wd_addr_str(is_out ? &q->own : &q->peer, src);
	(void)wd_addr_str(is_out ? &q->peer : &q->own, dst);
	if (q->port)
		(void)snprintf(port, sizeof(port), " port %u", q->port);
	if (name)
		wd_format(&text, "%s %s -> %s%s", name, src, dst, port);
	else
		wd_format(&text, "protocol %u %s -> %s%s", q->proto, src, dst,
			  port);
	return text;
}
