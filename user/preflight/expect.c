/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect.c - the judge of what programs say. Each step is one sentence of the
 * design; none is quick.
 */
#include "expect.h"

#include <arpa/inet.h>
#include <string.h>

#include <warder/encap.h>

#include "../base/icmp.h"

#define DECIDED(r) ((r) >= 0)
#define GO_ON (-1)

struct case_of {
	const struct wd_state *state;
	const struct wd_question *q;
	const struct wd_state_ep *ep;
	const struct wd_state_addr *peer; /* exactly this address, or NULL */
	uint32_t rule;
	bool tried; /* only what is on trial says so */
	bool untried; /* what is only tried says nothing */
};

/* ---- addresses ---- */

static uint32_t host4(const struct wd_addr *addr)
{
	return ntohl(addr->v4.s_addr);
}

static bool is_group(const struct wd_addr *addr)
{
	return addr->family == 4 ? host4(addr) >= 0xe0000000 :
				   addr->v6.s6_addr[0] == 0xff;
}

static bool is_link_local(const struct wd_addr *addr)
{
	const uint8_t *b = addr->v6.s6_addr;

	if (addr->family == 4)
		return host4(addr) >> 16 == 0xa9fe;
	return b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

static bool is_nobody(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return host4(addr) >> 24 == 127 || host4(addr) == 0;
	return IN6_IS_ADDR_UNSPECIFIED(&addr->v6) ||
	       IN6_IS_ADDR_LOOPBACK(&addr->v6) ||
	       IN6_IS_ADDR_V4MAPPED(&addr->v6);
}

static bool cannot_send(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return is_nobody(addr) || is_group(addr) ||
		       host4(addr) >> 24 == 0;
	return is_nobody(addr) || is_group(addr);
}

/* Do the first @len bits agree? */
static bool is_within(const struct wd_cidr *cidr, const struct wd_addr *addr)
{
	const uint8_t *a = cidr->addr.v6.s6_addr, *b = addr->v6.s6_addr;

	if (cidr->addr.family != addr->family)
		return false;
	for (int bit = 0; bit < cidr->len; bit++)
		if ((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static bool is_own_of(const struct wd_state_ep *ep, const struct wd_addr *addr)
{
	for (int i = 0; i < WD_EP_ADDRS; i++) {
		struct wd_addr own = wd_state_own(ep, addr->family, i);

		if (own.family && wd_addr_equal(&own, addr))
			return true;
	}
	return addr->family == 6 && !is_nobody(addr) &&
	       !memcmp(ep->val.ll6, &addr->v6, sizeof(ep->val.ll6));
}

/* ---- who sends it ---- */

static const struct wd_state_ep *endpoint_at(const struct wd_state *state,
					     uint32_t ifindex)
{
	for (size_t i = 0; ifindex && i < state->ep_cnt; i++)
		if (state->ep[i].ifindex == ifindex)
			return &state->ep[i];
	return NULL;
}

/* Towards a pod: a local pod's address only by that pod's device. */
static int provenance(const struct case_of *c)
{
	const struct wd_state_ep *from = endpoint_at(c->state, c->q->iif);
	uint32_t flags = c->peer ? c->peer->val.flags : 0;

	if (!c->q->iif)
		return c->state->flags & WD_STATE_HOST_POLICY ? GO_ON :
								WD_R_HOST;
	if (from)
		return is_own_of(from, &c->q->peer) || (flags & WD_ADDR_HOST) ?
			       GO_ON :
			       WD_R_SPOOF_IP;
	if (!(flags & WD_ADDR_LOCAL) || c->peer->val.ifindex == c->q->iif)
		return GO_ON;
	from = endpoint_at(c->state, c->peer->val.ifindex);
	return from && from->val.master == c->q->iif ? GO_ON : WD_R_SPOOF_IP;
}

/* ---- what no policy can allow ---- */

static bool is_node(const struct case_of *c)
{
	if (is_group(&c->q->peer) || is_link_local(&c->q->peer))
		return true;
	return c->peer && (c->peer->val.flags & (WD_ADDR_NODE | WD_ADDR_HOST));
}

/* By the peer's port, whoever opens it. */
static bool is_tunnel(const struct case_of *c)
{
	uint16_t port = c->q->dir == WD_EGRESS ? c->q->port : c->q->sport;

	if (c->q->proto != IPPROTO_UDP)
		return WD_ENCAP_IS_PROTO(c->q->proto);
	if (c->q->dir == WD_INGRESS && port >= WD_ENCAP_EPHEMERAL)
		return wd_encap_is_own(&c->state->encap, port);
	return wd_encap_is_port(&c->state->encap, port);
}

static int forbidden(const struct case_of *c)
{
	uint16_t own = c->q->dir == WD_EGRESS ? c->q->sport : c->q->port;
	uint16_t dhcp = c->q->own.family == 4 ? WD_DHCP4_SERVER :
						WD_DHCP6_SERVER;

	if (c->q->proto == IPPROTO_TCP)
		return GO_ON;
	if (c->q->dir == WD_EGRESS && c->q->proto == IPPROTO_ICMPV6 &&
	    wd_icmp6_is_routers((uint8_t)(c->q->port >> 8)))
		return WD_R_ND_FORBIDDEN;
	if (c->q->proto == IPPROTO_UDP && own == dhcp)
		return WD_R_DHCP_FORBIDDEN;
	if (!(c->ep->val.flags[0] & WD_EP_ENCAP) && is_tunnel(c) && is_node(c))
		return WD_R_ENCAP_FORBIDDEN;
	return GO_ON;
}

/* ---- policy ---- */

static bool is_icmp(const struct wd_question *q)
{
	return q->proto == (q->own.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* The last span that begins at or below the port says the class. */
static uint32_t class_of(const struct case_of *c,
			 const struct wd_state_slot *slot, uint32_t number)
{
	bool is4 = c->q->own.family == 4;
	uint32_t found = 0;
	int l4;

	if (c->q->proto == IPPROTO_TCP) {
		l4 = WD_L4_TCP;
	} else if (c->q->proto == IPPROTO_UDP) {
		l4 = WD_L4_UDP;
	} else if (c->q->proto == IPPROTO_SCTP) {
		l4 = WD_L4_SCTP;
	} else if (is_icmp(c->q)) {
		l4 = is4 ? WD_L4_ICMP : WD_L4_ICMP6;
	} else {
		l4 = WD_L4_OTHER;
		number = c->q->proto;
	}
	for (uint32_t i = 0; i < slot->val.cnt[l4]; i++) {
		const struct wd_span_val *span =
			&c->state->span[slot->val.first[l4] + i];

		if (span->lo <= number)
			found = span->class;
	}
	return found;
}

/* Of an address that is known; else of the longest prefix; else none. */
static uint32_t row_of(const struct case_of *c)
{
	uint32_t row = 0;
	int longest = -1;

	if (c->peer)
		return c->peer->val.row[0];
	for (size_t i = 0; i < c->state->cidr_cnt; i++) {
		const struct wd_state_addr *cidr = &c->state->cidr[i];

		if (is_within(&cidr->cidr, &c->q->peer) &&
		    cidr->cidr.len > longest) {
			longest = cidr->cidr.len;
			row = cidr->val.row[0];
		}
	}
	return row;
}

static int scan(struct case_of *c, uint32_t nr, uint32_t row_nr)
{
	const struct wd_state_class *class = wd_state_class(c->state, nr);
	const struct wd_state_row *row = wd_state_row(c->state, row_nr);

	for (uint32_t i = 0; class && i < class->val.cnt; i++) {
		const struct wd_rule *rule = &class->val.rule[i];
		bool holds = rule->pred == WD_PRED_ANY;

		if (!holds && row)
			holds = row->val.bits[rule->pred / 64] >>
					(rule->pred % 64) &
				1;
		if (!holds)
			continue;
		c->rule = rule->id;
		return rule->action == WD_ACT_ALLOW ? WD_R_POLICY_ALLOW :
						      WD_R_POLICY;
	}
	return GO_ON;
}

static int no_rule(const struct case_of *c, const struct wd_state_slot *slot)
{
	const struct wd_addr *to = c->q->dir == WD_EGRESS ? &c->q->peer :
							    &c->q->own;

	if (!(slot->val.flags & WD_SLOT_ISOLATED))
		return WD_R_NOT_ISOLATED;
	if (is_group(to))
		return WD_R_MCAST;
	if (c->q->proto == IPPROTO_TCP || c->q->proto == IPPROTO_UDP ||
	    c->q->proto == IPPROTO_SCTP || is_icmp(c->q))
		return WD_R_DEFAULT;
	return WD_R_PROTO_UNSUP;
}

/* As if the peer had row @row and the flow went to @port. */
static int by_rules(struct case_of *c, uint32_t nr, uint32_t row, uint32_t port)
{
	const struct wd_state_slot *slot =
		wd_state_slot(c->state, nr, c->q->dir);
	int r;

	c->rule = 0;
	if (c->ep->val.flags[0] & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!nr || !slot || !(slot->val.flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	r = scan(c, class_of(c, slot, port), row);
	return DECIDED(r) ? r : no_rule(c, slot);
}

static bool is_policy(int r)
{
	return r == WD_R_DEFAULT || r == WD_R_POLICY || r == WD_R_PROTO_UNSUP ||
	       r == WD_R_MCAST || r == WD_R_SERVICE;
}

/* ---- services ---- */

static bool is_nodes(const struct case_of *c)
{
	return c->peer && (c->peer->val.flags & (WD_ADDR_NODE | WD_ADDR_HOST));
}

/* Where the entries of a service are. */
struct front_at {
	struct wd_addr addr;
	uint8_t proto;
	uint16_t port;
	bool is_node; /* not by the address itself: a node's own port */
};

static const struct wd_state_front *
front_nr(const struct case_of *c, const struct front_at *at, uint8_t nr)
{
	return wd_state_front(c->state, &at->addr, at->proto, at->port, nr);
}

/* Moves @at to what stands for the addresses around it, and is there. */
static void widen(const struct case_of *c, struct front_at *at)
{
	static const struct {
		uint8_t proto, kept4, kept6; /* bytes of the address */
	} cover[] = { { WD_FRONT_BLOCK, 3, 14 }, { WD_FRONT_REGION, 1, 4 } };
	const struct wd_addr all = { .family = at->addr.family };

	for (size_t i = 0; i < sizeof(cover) / sizeof(*cover); i++) {
		size_t bytes = all.family == 4 ? 4 : 16;
		size_t kept = all.family == 4 ? cover[i].kept4 : cover[i].kept6;

		memset((uint8_t *)&at->addr.v6 + kept, 0, bytes - kept);
		at->proto = cover[i].proto;
		if (front_nr(c, at, 0))
			return;
	}
	at->addr = all;
	at->proto = 0;
}

/*
 * The service's own address and port; else, of a node's, a port of all nodes;
 * else the address whatever the port; else, of no pod's, those around it.
 */
static struct front_at service_of(const struct case_of *c)
{
	const struct wd_addr all = { .family = c->q->peer.family };
	struct front_at at = { c->q->peer, c->q->proto, c->q->port, false };

	if (front_nr(c, &at, 0))
		return at;
	at.is_node = is_nodes(c);
	if (at.is_node)
		at.addr = all;
	if (front_nr(c, &at, 0))
		return at;
	at.addr = c->q->peer;
	at.proto = 0;
	at.port = 0;
	if (!front_nr(c, &at, 0) &&
	    !(c->peer && (c->peer->val.flags &
			  (WD_ADDR_POD | WD_ADDR_SERVED)) == WD_ADDR_POD))
		widen(c, &at);
	return at;
}

/* Nobody knows where it leads. */
static int by_nobody(const struct case_of *c, uint32_t nr)
{
	const struct wd_state_slot *slot =
		wd_state_slot(c->state, nr, c->q->dir);

	if (c->ep->val.flags[0] & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!nr || !slot || !(slot->val.flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	if (slot->val.flags & (WD_SLOT_ISOLATED | WD_SLOT_DENIES))
		return WD_R_SERVICE;
	return WD_R_NOT_ISOLATED;
}

/* Is it this node that translates, and nobody before it? */
static bool is_translated_here(const struct case_of *c,
			       const struct front_at *service)
{
	if (c->ep->val.master)
		return false;
	return !service->is_node || (c->peer->val.flags & WD_ADDR_HOST);
}

static bool is_late(const struct case_of *c, const struct front_at *service)
{
	return (c->state->flags & WD_STATE_LATE) &&
	       is_translated_here(c, service);
}

/* It may lead to a tunnel of a node, too. */
static int by_unknown(const struct case_of *c, uint32_t nr,
		      const struct wd_state_front *front,
		      const struct front_at *at)
{
	int r = by_nobody(c, nr);

	if (!(front->val.flags & WD_FRONT_NODE) || c->q->proto != IPPROTO_UDP ||
	    (c->ep->val.flags[0] & WD_EP_ENCAP))
		return r;
	if (!is_late(c, at))
		return WD_R_ENCAP_FORBIDDEN;
	return r < WD_R_FIRST_DROP ? WD_R_SERVICE : r;
}

static int by_kind(struct case_of *c, uint32_t nr,
		   const struct wd_state_front *front,
		   const struct front_at *at)
{
	uint16_t port = front->val.port[0];

	if (front->val.flags & WD_FRONT_NONE)
		return by_unknown(c, nr, front, at);
	if ((front->val.flags & WD_FRONT_NODE) && c->q->proto == IPPROTO_UDP &&
	    !(c->ep->val.flags[0] & WD_EP_ENCAP) &&
	    wd_encap_is_port(&c->state->encap, port))
		return WD_R_ENCAP_FORBIDDEN;
	return by_rules(c, nr, front->val.row[0], port);
}

/* Which drop counts: one that no policy takes back, then the first. */
static int worse_of(int r, int other)
{
	if (r < WD_R_FIRST_DROP)
		return other < WD_R_FIRST_DROP ? r : other;
	return is_policy(r) && other >= WD_R_FIRST_DROP && !is_policy(other) ?
		       other :
		       r;
}

/* Each backend must be allowed, or one, where somebody judges behind us. */
static int by_service(struct case_of *c, uint32_t nr)
{
	struct front_at service = service_of(c);
	const struct wd_state_front *front;
	bool some = false;
	int r = GO_ON;

	for (uint8_t i = 0; i < WD_FRONT_KINDS; i++) {
		int one;

		front = front_nr(c, &service, i);
		if (!front)
			break;
		one = by_kind(c, nr, front, &service);
		some |= one < WD_R_FIRST_DROP ||
			(front->val.flags & WD_FRONT_MANY);
		r = DECIDED(r) ? worse_of(r, one) : one;
	}
	if (some && is_policy(r) && is_late(c, &service))
		return WD_R_SERVICE_LATE;
	return r;
}

static int by_slot(struct case_of *c, uint32_t nr)
{
	int r = c->q->dir == WD_EGRESS ? by_service(c, nr) : GO_ON;

	return DECIDED(r) ? r : by_rules(c, nr, row_of(c), c->q->port);
}

static int policy(struct case_of *c)
{
	uint32_t trial = c->ep->val.trial[0];
	uint32_t rule;
	int r, tried;

	r = by_slot(c, c->ep->val.slot[0]);
	if (r >= WD_R_FIRST_DROP || !trial || c->untried)
		return r;
	rule = c->rule;
	tried = by_slot(c, trial);
	c->tried = is_policy(tried);
	if (c->tried)
		return tried;
	c->rule = rule;
	return r;
}

/* ---- all of it, in order ---- */

static int decide(struct case_of *c)
{
	bool is_out = c->q->dir == WD_EGRESS;
	int r = GO_ON;

	if (!c->state->gen)
		return WD_R_NOT_READY;
	if (is_out ? is_nobody(&c->q->peer) || cannot_send(&c->q->own) :
		     cannot_send(&c->q->peer) || is_nobody(&c->q->own))
		return WD_R_L3_BAD;
	if (!is_out)
		r = provenance(c);
	if (!DECIDED(r))
		r = forbidden(c);
	return DECIDED(r) ? r : policy(c);
}

static struct wd_expected expected_of(const struct wd_state *state,
				      const struct wd_question *question,
				      bool untried)
{
	struct case_of c = {
		.state = state,
		.q = question,
		.ep = &state->ep[question->ep],
		.peer = wd_state_addr(state, &question->peer),
		.untried = untried,
	};
	struct wd_expected expected = { .reason = decide(&c) };

	expected.rule = c.rule;
	expected.passes = expected.reason < WD_R_FIRST_DROP;
	if ((c.ep->val.flags[0] & WD_EP_AUDIT) || c.tried)
		expected.passes |= is_policy(expected.reason);
	return expected;
}

struct wd_expected wd_expected(const struct wd_state *state,
			       const struct wd_question *question)
{
	return expected_of(state, question, false);
}

struct wd_expected wd_expected_enforced(const struct wd_state *state,
					const struct wd_question *question)
{
	return expected_of(state, question, true);
}

bool wd_expected_service(const struct wd_state *state,
			 const struct wd_question *question)
{
	const struct case_of c = {
		.state = state,
		.q = question,
		.ep = &state->ep[question->ep],
		.peer = wd_state_addr(state, &question->peer),
	};
	struct front_at at = service_of(&c);

	return question->dir == WD_EGRESS && front_nr(&c, &at, 0);
}
