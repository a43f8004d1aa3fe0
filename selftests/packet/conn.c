// SPDX-License-Identifier: GPL-2.0-only
/* conn.c - see conn.h. */
#include "conn.h"

#include <stdio.h>
#include <string.h>

#define GIVEN 30 /* ticks to live, so that it shows when a life is renewed */

/* Somewhere, before they wrap around, and before they change sign. */
static const uint32_t bases[] = { 0x1000, 0xffffff80, 0x7fffff80 };

void conn_segment(struct frame *f, const struct conn *c, int from, int flags,
		  struct numbers nr, int len)
{
	bool is_opener = from == c->opener;
	struct packet p = { .family = c->family,
			    .dir = from,
			    .sport = is_opener ? 40000 : 80,
			    .dport = is_opener ? 80 : 40000,
			    .flags = (uint8_t)flags,
			    .payload = len ? len : -1 };
	enum host *end = from == POD ? &p.dst : &p.src;

	*end = c->peer;
	p.has_src = from == PEER;
	p.has_dst = from == POD;
	frame_make(f, &p);
	for (int i = 0; i < 4; i++) {
		f->data[f->l4 + 4 + (size_t)i] =
			(uint8_t)(nr.seq >> (24 - 8 * i));
		f->data[f->l4 + 8 + (size_t)i] =
			(uint8_t)(nr.ack >> (24 - 8 * i));
	}
}

struct packet conn_key(const struct conn *c)
{
	struct packet p = { .family = c->family, .dir = c->opener };

	if (c->opener == POD)
		p.dst = c->peer;
	else
		p.src = c->peer;
	p.has_dst = c->opener == POD;
	p.has_src = c->opener == PEER;
	return p;
}

bool conn_flow_is(const struct conn *c, bool unreplied, struct flow *ret)
{
	struct packet p = conn_key(c);

	return !world_flow(&p, unreplied, ret);
}

/* The flow, with a life that is told apart from a renewed one. */
struct flow conn_flow_now(const struct conn *c)
{
	struct packet p = conn_key(c);
	struct flow flow = { 0 };

	if (world_flow(&p, false, &flow) && world_flow(&p, true, &flow))
		wd_expect(!"there is a flow");
	flow.expires = world_ticks() + GIVEN;
	world_flow_set(&p, &flow);
	return flow;
}

void conn_flow_put(const struct conn *c, const struct flow *flow)
{
	struct packet p = conn_key(c);

	world_flow_set(&p, flow);
}

bool conn_flow_is_same(const struct conn *c, const struct flow *before)
{
	struct flow now = { 0 };
	bool found = conn_flow_is(c, false, &now) ||
		     conn_flow_is(c, true, &now);

	return found && !memcmp(&now, before, sizeof(now));
}

void conn_open(struct conn *c)
{
	expect_next(c, c->opener, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_next(c, !c->opener, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, c->opener, TCP_ACK, 0, WD_R_ESTABLISHED);
}

/* Both ends go on, and what they say counts. */
void conn_works(struct conn *c)
{
	expect_next(c, POD, TCP_ACK | TCP_PSH, 10, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK | TCP_PSH, 10, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
}

/* Only the opener's way is open: what passes back does by the flow alone. */
void conn_one_way(int opener)
{
	tables_mix(opener == PEER ? SLOT_ALL : SLOT_SHUT,
		   opener == POD ? SLOT_ALL : SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
}

void for_each_conn_of(int opener, void (*check)(struct conn *c))
{
	char row[64];

	for (int i = 0; i < 2 * (int)(sizeof(bases) / sizeof(*bases)); i++) {
		struct conn c = { .family = i & 1 ? 6 : 4,
				  .opener = opener,
				  .at = { bases[i / 2], bases[i / 2] + 64 },
				  .peer = H_FRIEND };

		(void)snprintf(row, sizeof(row), "v%d from %s at %x", c.family,
			       opener == POD ? "the pod" : "the peer", c.at[0]);
		wd_test_row(row);
		world_reset();
		conn_one_way(opener);
		world_batch_begin();
		check(&c);
		world_batch_end();
	}
	wd_test_row(NULL);
}

void for_each_conn(void (*check)(struct conn *c))
{
	for_each_conn_of(POD, check);
	for_each_conn_of(PEER, check);
}
