// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_positions.c - TCP by its sequence numbers: what may be from the peer
 * and what is anybody's guess. A blind segment changes nothing of the flow,
 * whatever its flags; what a real peer sends late, twice or out of order passes.
 *
 * Each runs for connections opened by the pod and by the peer, and for numbers
 * that wrap around and that change sign on the way.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SYNACK (TCP_SYN | TCP_ACK)
#define FINACK (TCP_FIN | TCP_ACK)
#define RSTACK (TCP_RST | TCP_ACK)

/* Sizes of bpf/tcp.h. */
#define BEHIND 0x1000000U
#define SLACK 0x100000U

#define POD WD_EGRESS
#define PEER WD_INGRESS
#define GIVEN 30 /* ticks to live, so that it shows when a life is renewed */

static const uint32_t bases[] = { 0x1000, 0xffffff80, 0x7fffff80 };

/* A connection, and where both ends are: next number of each, by direction. */
struct conn {
	int family, opener;
	uint32_t at[2];
	enum host peer;
};

struct numbers {
	uint32_t seq, ack;
};

static void segment(struct frame *f, const struct conn *c, int from, int flags,
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

/* Any segment, with its numbers. */
#define expect_raw(c, from, flags, seq, ack, len, reason) \
	do { \
		struct frame f_; \
		segment(&f_, c, from, flags, (struct numbers){ seq, ack }, \
			len); \
		world_batch(&f_, from, reason); \
	} while (0)

/* The next segment of an end, which has got all of the other's. */
#define expect_next(c, from, flags, len, reason) \
	do { \
		expect_raw(c, from, flags, (c)->at[from], (c)->at[!(from)], \
			   len, reason); \
		(c)->at[from] += \
			(uint32_t)(len) + !!((flags) & (TCP_SYN | TCP_FIN)); \
	} while (0)

static struct packet key_of(const struct conn *c)
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

static bool flow_is(const struct conn *c, bool unreplied, struct flow *ret)
{
	struct packet p = key_of(c);

	return !world_flow(&p, unreplied, ret);
}

/* The flow, with a life that is told apart from a renewed one. */
static struct flow flow_now(const struct conn *c)
{
	struct packet p = key_of(c);
	struct flow flow = { 0 };

	if (world_flow(&p, false, &flow) && world_flow(&p, true, &flow))
		wd_expect(!"there is a flow");
	flow.expires = world_ticks() + GIVEN;
	world_flow_set(&p, &flow);
	return flow;
}

static void flow_put(const struct conn *c, const struct flow *flow)
{
	struct packet p = key_of(c);

	world_flow_set(&p, flow);
}

static bool flow_is_same(const struct conn *c, const struct flow *before)
{
	struct flow now = { 0 };
	bool found = flow_is(c, false, &now) || flow_is(c, true, &now);

	return found && !memcmp(&now, before, sizeof(now));
}

static void open_conn(struct conn *c)
{
	expect_next(c, c->opener, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_next(c, !c->opener, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, c->opener, TCP_ACK, 0, WD_R_ESTABLISHED);
}

/* Both ends go on, and what they say counts. */
static void expect_works(struct conn *c)
{
	expect_next(c, POD, TCP_ACK | TCP_PSH, 10, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK | TCP_PSH, 10, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
}

/* Only the opener's way is open: what passes back does by the flow alone. */
static void one_way(int opener)
{
	tables_mix(opener == PEER ? SLOT_ALL : SLOT_SHUT,
		   opener == POD ? SLOT_ALL : SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
}

static void for_each_conn_of(int opener, void (*check)(struct conn *c))
{
	char row[64];

	for (int i = 0; i < 2 * (int)COUNT(bases); i++) {
		struct conn c = { .family = i & 1 ? 6 : 4,
				  .opener = opener,
				  .at = { bases[i / 2], bases[i / 2] + 64 },
				  .peer = H_FRIEND };

		(void)snprintf(row, sizeof(row), "v%d from %s at %x", c.family,
			       opener == POD ? "the pod" : "the peer", c.at[0]);
		wd_test_row(row);
		world_reset();
		one_way(opener);
		world_batch_begin();
		check(&c);
		world_batch_end();
	}
	wd_test_row(NULL);
}

static void for_each_conn(void (*check)(struct conn *c))
{
	for_each_conn_of(POD, check);
	for_each_conn_of(PEER, check);
}

/* ---- blind RST ---- */

/* A connection with 3000 bytes of the peer that the pod did not acknowledge. */
static void open_with_data(struct conn *c)
{
	open_conn(c);
	for (int i = 0; i < 10; i++)
		expect_next(c, PEER, TCP_ACK, 300, WD_R_ESTABLISHED);
}

static void check_rst_edges(struct conn *c)
{
	static const struct {
		uint32_t off; /* from the peer's end */
		int reason;
		bool counts;
	} rsts[] = {
		{ 0, WD_R_ESTABLISHED, true },
		{ 0U - 3000, WD_R_ESTABLISHED, true },
		{ 0U - 1500, WD_R_ESTABLISHED, true },
		{ 1, WD_R_ESTABLISHED, false },
		{ 0U - 3001, WD_R_ESTABLISHED, false },
		{ SLACK, WD_R_ESTABLISHED, false },
		{ 0U - SLACK, WD_R_ESTABLISHED, false },
		{ SLACK + 1, WD_R_CT_INVALID, false },
		{ 0U - SLACK - 1, WD_R_CT_INVALID, false },
		{ 0x7fffffff, WD_R_CT_INVALID, false },
		{ 0x80000000, WD_R_CT_INVALID, false },
		{ 0x80000001, WD_R_CT_INVALID, false },
	};
	struct flow before;

	open_with_data(c);
	before = flow_now(c);
	for (size_t i = 0; i < 2 * COUNT(rsts); i++) {
		/* with an acknowledgement or without: it is not looked at */
		expect_raw(c, PEER, i & 1 ? RSTACK : TCP_RST,
			   c->at[PEER] + rsts[i / 2].off, 0x12345678, 0,
			   rsts[i / 2].reason);
		wd_expect_int(rsts[i / 2].counts, !flow_is_same(c, &before));
		flow_put(c, &before);
	}
	expect_works(c);
}

static void a_blind_reset_counts_only_where_the_pod_may_question_it(void)
{
	for_each_conn(check_rst_edges);
}

static void check_rst_denied(struct conn *c)
{
	struct flow ct = { 0 };

	open_with_data(c);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_RST, c->at[PEER] - 1, 0, 0, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	expect_raw(c, PEER, TCP_RST, c->at[PEER], 0, 0, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_RST));
	wd_expect(ct.expires <= world_ticks() + WD_LIFE_TCP_CLOSE);
	/* neither the pod's own segments nor blind ones take that back */
	expect_next(c, POD, TCP_ACK, 10, WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD] + 1, 10,
		   WD_R_CT_INVALID);
	wd_expect(flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_RST));
	expect_next(c, PEER, TCP_ACK, 10, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	wd_expect(ct.expires > world_ticks() + WD_LIFE_TCP_CLOSE + 2);
	expect_works(c);
}

static void a_guessed_reset_is_denied_by_what_the_peer_sends_then(void)
{
	for_each_conn(check_rst_denied);
}

/* What was on its way when the pod gave up does not keep the flow. */
static void check_rst_of_pod(struct conn *c)
{
	struct flow ct = { 0 };

	open_with_data(c);
	for (int i = 0; i < 2; i++) {
		if (i)
			expect_raw(c, PEER, TCP_RST, c->at[PEER], 0, 0,
				   WD_R_ESTABLISHED);
		expect_raw(c, POD, TCP_RST, c->at[POD], 0, 0, WD_R_ESTABLISHED);
		expect_next(c, PEER, TCP_ACK, 300, WD_R_ESTABLISHED);
		wd_expect(flow_is(c, false, &ct) &&
			  (ct.is.flags & WD_FLOW_RST));
		wd_expect(ct.expires <= world_ticks() + WD_LIFE_TCP_CLOSE);
	}
}

static void a_reset_of_the_pod_is_not_taken_back(void)
{
	for_each_conn(check_rst_of_pod);
}

/* ---- blind data ---- */

/* Whatever may follow a handshake, but a reset. */
static const uint8_t kinds[] = { TCP_ACK, TCP_ACK | TCP_PSH, FINACK, SYNACK,
				 TCP_ACK | TCP_URG };

/* 1000 bytes of the pod are on their way. */
static void check_ack_edges(struct conn *c)
{
	static const struct {
		uint32_t seq, ack; /* from the peer's end, from the pod's */
		int reason;
		bool counts;
	} segs[] = {
		{ 0, 0, WD_R_ESTABLISHED, true },
		{ 0, 0U - 1000, WD_R_ESTABLISHED, true },
		{ BEHIND, 0, WD_R_ESTABLISHED, true },
		{ 0U - BEHIND, 0, WD_R_ESTABLISHED, true },
		/* late ones */
		{ 0, 0U - 1001, WD_R_ESTABLISHED, false },
		{ 0, 0U - 1000 - BEHIND, WD_R_ESTABLISHED, false },
		{ 0U - BEHIND, 0U - 1001, WD_R_ESTABLISHED, false },
		{ SLACK, 0U - 1001, WD_R_ESTABLISHED, false },
		/* guesses */
		{ 0, 1, WD_R_CT_INVALID, false },
		{ 0, 0U - 1001 - BEHIND, WD_R_CT_INVALID, false },
		{ 0, 0x80000000, WD_R_CT_INVALID, false },
		{ SLACK + 1, 0U - 1001, WD_R_CT_INVALID, false },
		{ BEHIND + 1, 0, WD_R_CT_INVALID, false },
		{ 0U - BEHIND - 1, 0, WD_R_CT_INVALID, false },
		{ 0x80000000, 0, WD_R_CT_INVALID, false },
		{ 0U - BEHIND - 1, 0U - 1001, WD_R_CT_INVALID, false },
	};
	struct flow before;

	open_conn(c);
	expect_next(c, PEER, TCP_ACK, 100, WD_R_ESTABLISHED);
	for (int i = 0; i < 4; i++)
		expect_next(c, POD, TCP_ACK, 250, WD_R_ESTABLISHED);
	before = flow_now(c);
	for (size_t i = 0; i < COUNT(segs) * COUNT(kinds); i++) {
		size_t row = i / COUNT(kinds);

		expect_raw(c, PEER, kinds[i % COUNT(kinds)],
			   c->at[PEER] + segs[row].seq,
			   c->at[POD] + segs[row].ack, 50, segs[row].reason);
		if (segs[row].counts == flow_is_same(c, &before))
			wd_expect_int((long long)row, -1);
		flow_put(c, &before);
	}
	expect_works(c);
}

static void a_blind_segment_passes_by_numbers_or_changes_nothing(void)
{
	for_each_conn(check_ack_edges);
}

/* Of a window larger than any distance allowed for: what the pod waits for. */
static void check_large_window(struct conn *c)
{
	uint32_t first;

	open_conn(c);
	first = c->at[PEER];
	c->at[PEER] += 300; /* lost */
	for (int i = 0; i < 6; i++) {
		expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 300,
			   WD_R_ESTABLISHED);
		c->at[PEER] += BEHIND / 2;
		expect_raw(c, POD, TCP_ACK, c->at[POD], first, 0,
			   WD_R_ESTABLISHED);
	}
	expect_raw(c, PEER, TCP_ACK, first, c->at[POD], 300, WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, first - 1, c->at[POD], 300,
		   WD_R_CT_INVALID);
}

static void what_the_pod_has_not_got_may_be_repeated_however_long_ago(void)
{
	for_each_conn(check_large_window);
}

static void check_real_life(struct conn *c)
{
	struct flow before;

	open_conn(c);
	/* one is lost, the next two come in the wrong order, then again */
	expect_raw(c, PEER, TCP_ACK, c->at[PEER] + 200, c->at[POD], 100,
		   WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER] + 100, c->at[POD], 100,
		   WD_R_ESTABLISHED);
	for (int i = 0; i < 2; i++)
		expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 300,
			   WD_R_ESTABLISHED);
	c->at[PEER] += 300;
	expect_works(c);
	/* keepalive, with a byte or without; they keep it alive */
	for (int len = 0; len < 2; len++) {
		before = flow_now(c);
		expect_raw(c, PEER, TCP_ACK, c->at[PEER] - 1, c->at[POD], len,
			   WD_R_ESTABLISHED);
		wd_expect(!flow_is_same(c, &before));
		expect_raw(c, POD, TCP_ACK, c->at[POD] - 1, c->at[PEER], len,
			   WD_R_ESTABLISHED);
	}
	/* window probe: a byte ahead, again and again */
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 1,
		   WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 1,
		   WD_R_ESTABLISHED);
	expect_works(c);
	/* a FIN behind a hole, and what fills it */
	expect_raw(c, PEER, FINACK, c->at[PEER] + 300, c->at[POD], 0,
		   WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 300,
		   WD_R_ESTABLISHED);
}

static void lost_repeated_and_empty_segments_of_the_peer_pass(void)
{
	for_each_conn(check_real_life);
}

/* Only the peer's must fit: the pod harms nobody but itself. */
static void check_pod_lies(struct conn *c)
{
	static const uint32_t offs[] = { 1, 0x7fffffff, 0x80000000,
					 0xffffffff };

	open_conn(c);
	for (size_t i = 0; i < COUNT(offs); i++)
		expect_raw(c, POD, TCP_ACK, c->at[POD] + offs[i],
			   c->at[PEER] - offs[i], 10, WD_R_ESTABLISHED);
	wd_expect_int(1, world_flow_cnt());
}

static void the_pods_own_segments_pass_whatever_they_say(void)
{
	for_each_conn(check_pod_lies);
}

/* ---- opening ---- */

/* Of the pod's SYN, with @data bytes (RFC 7413): which answers count? */
static void expect_answers(struct conn *c, int data)
{
	static const uint8_t how[] = { SYNACK, RSTACK };
	uint32_t isn = c->at[POD], edge = isn + 1 + (uint32_t)data;
	struct flow before;

	expect_raw(c, POD, TCP_SYN, isn, 0, data, WD_R_POLICY_ALLOW);
	before = flow_now(c);
	for (size_t i = 0; i < COUNT(how); i++) {
		const uint32_t wrong[] = { isn, edge + 1, isn + 0x80000001,
					   isn + 0x40000000 };

		for (size_t k = 0; k < COUNT(wrong); k++) {
			expect_raw(c, PEER, how[i], c->at[PEER], wrong[k], 0,
				   WD_R_CT_INVALID);
			wd_expect(flow_is_same(c, &before));
		}
		for (uint32_t ack = isn + 1;; ack = edge) {
			expect_raw(c, PEER, how[i], c->at[PEER], ack, 0,
				   WD_R_ESTABLISHED);
			wd_expect(!flow_is_same(c, &before));
			flow_put(c, &before);
			if (ack == edge)
				break;
		}
	}
	/* without an acknowledgement, a RST is anybody's */
	expect_raw(c, PEER, TCP_RST, 0, isn + 1, 0, WD_R_CT_INVALID);
	wd_expect(flow_is_same(c, &before));
}

static void check_answers(struct conn *c)
{
	expect_answers(c, 0);
	c->at[PEER]++; /* SYN+ACK is sent by expect_next() below */
	c->at[POD]++;
	expect_raw(c, PEER, SYNACK, c->at[PEER] - 1, c->at[POD], 0,
		   WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
}

static void only_what_acknowledges_the_syn_answers_it(void)
{
	for_each_conn_of(POD, check_answers);
}

static void check_fast_open(struct conn *c)
{
	expect_answers(c, 100);
	/* again, as stacks do, without the data; the answer is to the first */
	expect_raw(c, POD, TCP_SYN, c->at[POD], 0, 0, WD_R_ESTABLISHED);
	c->at[POD] += 101;
	expect_next(c, PEER, SYNACK, 0, WD_R_ESTABLISHED);
	/* the server need not wait for the end of the handshake */
	expect_next(c, PEER, TCP_ACK, 100, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
}

static void check_fast_open_in(struct conn *c)
{
	expect_next(c, PEER, TCP_SYN, 100, WD_R_POLICY_ALLOW);
	expect_next(c, POD, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 100, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
}

static void a_syn_may_bring_data_and_be_answered_for_it(void)
{
	for_each_conn_of(POD, check_fast_open);
	for_each_conn_of(PEER, check_fast_open_in);
}

/* The data was not taken: it is sent again, as that of any segment. */
static void check_fast_open_refused(struct conn *c)
{
	expect_next(c, POD, TCP_SYN, 100, WD_R_POLICY_ALLOW);
	c->at[POD] -= 100;
	expect_next(c, PEER, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 100, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
}

static void data_of_a_syn_may_be_refused(void)
{
	for_each_conn_of(POD, check_fast_open_refused);
}

/*
 * The peer still has an older connection of these ports: it answers the SYN
 * with an ACK of that, the pod resets it, and the next SYN is answered. The
 * flow must outlive that, though nothing of it fits.
 */
static void check_challenge(struct conn *c)
{
	uint32_t old_seq = c->at[PEER] + 0x40000000, old_ack = 0x77777777;
	struct flow before;

	expect_raw(c, POD, TCP_SYN, c->at[POD], 0, 0, WD_R_POLICY_ALLOW);
	before = flow_now(c);
	expect_raw(c, PEER, TCP_ACK, old_seq, old_ack, 0, WD_R_ESTABLISHED);
	expect_raw(c, POD, TCP_RST, old_ack, 0, 0, WD_R_ESTABLISHED);
	wd_expect(flow_is_same(c, &before));
	expect_raw(c, POD, TCP_SYN, c->at[POD], 0, 0, WD_R_ESTABLISHED);
	c->at[POD]++;
	expect_next(c, PEER, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
}

static void an_end_with_an_older_connection_is_made_to_forget_it(void)
{
	for_each_conn_of(POD, check_challenge);
}

static void check_taken_back(struct conn *c)
{
	uint32_t isn = c->at[c->opener];
	struct flow before, ct = { 0 };

	expect_raw(c, c->opener, TCP_SYN, isn, 0, 0, WD_R_POLICY_ALLOW);
	before = flow_now(c);
	for (int i = 0; i < 4; i++) {
		const uint32_t seq[] = { isn - 1, isn + 2, isn, isn + 1 };

		flow_put(c, &before);
		expect_raw(c, c->opener, TCP_RST, seq[i], 0, 0,
			   WD_R_ESTABLISHED);
		wd_expect(flow_is(c, true, &ct));
		wd_expect_int(i < 2, ct.expires == before.expires);
	}
}

static void a_syn_is_taken_back_by_a_reset_of_its_number(void)
{
	for_each_conn(check_taken_back);
}

/* ---- both at once ---- */

/* Both have sent a SYN, the opener first, and got the other's. */
static void cross(struct conn *c)
{
	expect_raw(c, c->opener, TCP_SYN, c->at[c->opener], 0, 0,
		   WD_R_POLICY_ALLOW);
	expect_raw(c, !c->opener, TCP_SYN, c->at[!c->opener], 0, 0,
		   WD_R_ESTABLISHED);
	c->at[0]++;
	c->at[1]++;
}

static void check_crossed(struct conn *c)
{
	for (int first = 0; first < 2; first++) {
		world_reset();
		one_way(c->opener);
		cross(c);
		for (int i = 0; i < 2; i++) {
			int from = i == first;

			expect_raw(c, from, SYNACK, c->at[from] - 1,
				   c->at[!from], 0, WD_R_ESTABLISHED);
		}
		expect_works(c);
		wd_expect(flow_is(c, false, NULL));
		c->at[0] += 5000;
		c->at[1] += 5000;
	}
}

static void two_that_open_at_once_connect_if_the_permitted_one_was_first(void)
{
	for_each_conn(check_crossed);
}

/* The denied side is first: nothing of it passes, and the other is no answer. */
static void check_crossed_denied(struct conn *c)
{
	int denied = !c->opener;

	expect_raw(c, denied, TCP_SYN, c->at[denied], 0, 0, WD_R_DEFAULT);
	expect_raw(c, denied, SYNACK, c->at[denied], c->at[!denied] + 1, 0,
		   WD_R_DEFAULT);
	wd_expect_int(0, world_flow_cnt());
	cross(c); /* what passes now does because the opener asked */
	expect_raw(c, denied, SYNACK, c->at[denied] - 1, c->at[!denied], 0,
		   WD_R_ESTABLISHED);
}

static void a_denied_side_that_opens_first_is_dropped(void)
{
	for_each_conn(check_crossed_denied);
}

/* SYN, SYN, SYN+ACK, ACK: the flow is the first SYN's, whoever acknowledges. */
static void check_split(struct conn *c)
{
	struct flow ct = { 0 };

	cross(c);
	expect_raw(c, c->opener, SYNACK, c->at[c->opener] - 1,
		   c->at[!c->opener], 0, WD_R_ESTABLISHED);
	expect_raw(c, !c->opener, TCP_ACK, c->at[!c->opener], c->at[c->opener],
		   0, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, true, &ct) && ct.is.dir == c->opener);
	wd_expect(ct.expires <= world_ticks() + WD_LIFE_NEW);
	/* nobody became an opener by that */
	one_way(!c->opener);
	expect_raw(c, !c->opener, TCP_ACK, c->at[!c->opener], c->at[c->opener],
		   0, WD_R_DEFAULT);
}

static void a_split_handshake_makes_nobody_else_the_opener(void)
{
	for_each_conn(check_split);
}

static void check_backwards(struct conn *c)
{
	struct flow before;

	expect_raw(c, c->opener, TCP_SYN, c->at[c->opener], 0, 0,
		   WD_R_POLICY_ALLOW);
	before = flow_now(c);
	expect_raw(c, c->opener, SYNACK, c->at[c->opener], 0, 0,
		   WD_R_CT_INVALID);
	wd_expect(flow_is_same(c, &before));
}

static void who_opens_cannot_answer_itself(void)
{
	for_each_conn(check_backwards);
}

/* ---- a SYN over a connection ---- */

static void check_blind_syn(struct conn *c)
{
	struct flow before, now = { 0 };
	uint32_t isn = c->at[PEER] + 0x30000000;

	open_conn(c);
	world_publish(SLOT_ALL, 0);
	expect_works(c);
	before = flow_now(c);
	expect_raw(c, PEER, TCP_SYN, isn, 0, 0, WD_R_POLICY_ALLOW);
	wd_expect(flow_is(c, false, &now));
	wd_expect_int(before.expires, now.expires);
	wd_expect(!memcmp(now.is.end, before.is.end, sizeof(now.is.end)) &&
		  !memcmp(now.is.ack, before.is.ack, sizeof(now.is.ack)));
	wd_expect_int(before.is.dir, now.is.dir);
	/* the pod's stack questions it; a guess at its answer fits nothing */
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_raw(c, PEER, SYNACK, isn, c->at[POD] + 1, 0, WD_R_CT_INVALID);
	expect_works(c);
}

static void a_blind_syn_over_a_connection_changes_nothing(void)
{
	for_each_conn(check_blind_syn);
}

static void check_denied_syn(struct conn *c)
{
	struct flow before;

	open_conn(c);
	before = flow_now(c);
	expect_raw(c, !c->opener, TCP_SYN, 0x55555555, 0, 0, WD_R_DEFAULT);
	wd_expect(flow_is_same(c, &before));
	expect_works(c);
}

static void a_syn_against_a_connection_is_denied_as_any(void)
{
	for_each_conn(check_denied_syn);
}

/* The other end asks for it anew, and is answered: now it is that one's. */
static void check_turned(struct conn *c)
{
	struct flow ct = { 0 };
	int other = !c->opener;

	open_conn(c);
	world_publish(SLOT_ALL, 0);
	c->at[0] += 0x20000000;
	c->at[1] += 0x20000000;
	expect_next(c, other, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_next(c, !other, SYNACK, 0, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, true, &ct));
	wd_expect_int(other, ct.is.dir);
	expect_next(c, other, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_works(c);
	wd_expect(flow_is(c, false, &ct) && ct.is.dir == other);
	/* so it is that one's permission which it needs */
	one_way(c->opener);
	expect_next(c, POD, TCP_ACK, 10, WD_R_DEFAULT);
	expect_next(c, PEER, TCP_ACK, 10, WD_R_DEFAULT);
}

static void a_syn_over_a_connection_that_is_answered_opens_it_anew(void)
{
	for_each_conn(check_turned);
}

/* Between question and answer the permission goes. */
static void check_turned_denied(struct conn *c)
{
	int other = !c->opener;

	open_conn(c);
	world_publish(SLOT_ALL, 0);
	expect_works(c);
	expect_raw(c, other, TCP_SYN, 0x55555555, 0, 0, WD_R_POLICY_ALLOW);
	one_way(c->opener);
	expect_raw(c, !other, SYNACK, 0x66666666, 0x55555556, 0, WD_R_DEFAULT);
	expect_works(c);
}

static void an_answer_to_a_syn_not_allowed_any_more_opens_nothing(void)
{
	for_each_conn(check_turned_denied);
}

/* ---- connections that were there before ---- */

static void seed(const struct conn *c)
{
	struct packet p = key_of(c);
	struct flow ct = { .expires = world_ticks() + 100,
			   .is.dir = (uint8_t)c->opener,
			   .is.flags = WD_FLOW_SEEDED | WD_FLOW_REPLIED };

	world_flow_set(&p, &ct);
}

static void check_seeded_blind(struct conn *c)
{
	struct flow ct = { 0 };

	seed(c);
	expect_raw(c, PEER, TCP_RST, 0x12345678, 0, 0, WD_R_ESTABLISHED);
	wd_expect(flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	for (size_t i = 0; i < COUNT(kinds); i++) {
		expect_raw(c, PEER, kinds[i], 0x12345678, 0x9abcdef0, 10,
			   WD_R_ESTABLISHED);
		wd_expect(flow_is(c, false, &ct));
		wd_expect(!ct.is.end[0] && !ct.is.end[1] && !ct.is.ack[0] &&
			  !ct.is.ack[1] && !(ct.is.flags & WD_FLOW_SEQ));
	}
	/* nor is a reset of the pod without an acknowledgement a lesson */
	expect_raw(c, POD, TCP_ACK, c->at[POD], c->at[PEER], 10,
		   WD_R_ESTABLISHED);
	c->at[POD] += 10;
	wd_expect(flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_SEQ));
	expect_raw(c, PEER, TCP_ACK, 0x12345678, 0x9abcdef0, 10,
		   WD_R_CT_INVALID);
	expect_works(c);
}

static void a_found_connection_learns_its_numbers_from_the_pod_alone(void)
{
	for_each_conn(check_seeded_blind);
}

/* Its first segment is a keepalive: the byte before the next one, or none. */
static void check_seeded_keepalive(struct conn *c)
{
	for (int len = 0; len < 2; len++) {
		world_reset();
		one_way(c->opener);
		seed(c);
		expect_raw(c, POD, TCP_ACK, c->at[POD] - 1, c->at[PEER], len,
			   WD_R_ESTABLISHED);
		expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
		expect_works(c);
	}
}

static void a_found_connection_may_begin_with_a_keepalive(void)
{
	for_each_conn(check_seeded_keepalive);
}

/* It is a repeated one, and more was sent before: 100,000 bytes. */
static void check_seeded_repeated(struct conn *c)
{
	seed(c);
	expect_raw(c, POD, TCP_ACK, c->at[POD] - 100000, c->at[PEER], 300,
		   WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 300, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 300, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 300, WD_R_ESTABLISHED);
	expect_works(c);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD] + SLACK + 1, 10,
		   WD_R_CT_INVALID);
}

static void a_found_connection_may_begin_with_a_repeated_segment(void)
{
	for_each_conn(check_seeded_repeated);
}

/* ---- fragments ---- */

/* How long a segment is in pieces is not known: none of its end is lost. */
static void check_fragment(struct conn *c)
{
	struct frame f;
	struct packet p = { .family = c->family, .more = true, .payload = 44 };

	open_conn(c);
	segment(&f, c, PEER, TCP_ACK,
		(struct numbers){ c->at[PEER], c->at[POD] }, 44);
	p.dir = PEER;
	p.sport = c->opener == PEER ? 40000 : 80;
	p.dport = c->opener == PEER ? 80 : 40000;
	p.flags = TCP_ACK;
	p.seq = c->at[PEER];
	p.ack = c->at[POD];
	frame_make(&f, &p);
	world_batch(&f, PEER, WD_R_ESTABLISHED);
	/* 2000 bytes in all; the pod acknowledges them, the peer goes on */
	c->at[PEER] += 2000;
	expect_works(c);
	/* a guess in pieces is one, too */
	p.ack = c->at[POD] + 1;
	p.frag_id = 8;
	frame_make(&f, &p);
	world_batch(&f, PEER, WD_R_CT_INVALID);
	expect_works(c);
}

static void a_first_fragment_has_numbers_as_a_whole_segment(void)
{
	for_each_conn(check_fragment);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_blind_reset_counts_only_where_the_pod_may_question_it);
	WD_TEST(a_guessed_reset_is_denied_by_what_the_peer_sends_then);
	WD_TEST(a_reset_of_the_pod_is_not_taken_back);
	WD_TEST(a_blind_segment_passes_by_numbers_or_changes_nothing);
	WD_TEST(what_the_pod_has_not_got_may_be_repeated_however_long_ago);
	WD_TEST(lost_repeated_and_empty_segments_of_the_peer_pass);
	WD_TEST(the_pods_own_segments_pass_whatever_they_say);
	WD_TEST(only_what_acknowledges_the_syn_answers_it);
	WD_TEST(a_syn_may_bring_data_and_be_answered_for_it);
	WD_TEST(data_of_a_syn_may_be_refused);
	WD_TEST(an_end_with_an_older_connection_is_made_to_forget_it);
	WD_TEST(a_syn_is_taken_back_by_a_reset_of_its_number);
	WD_TEST(two_that_open_at_once_connect_if_the_permitted_one_was_first);
	WD_TEST(a_denied_side_that_opens_first_is_dropped);
	WD_TEST(a_split_handshake_makes_nobody_else_the_opener);
	WD_TEST(who_opens_cannot_answer_itself);
	WD_TEST(a_blind_syn_over_a_connection_changes_nothing);
	WD_TEST(a_syn_against_a_connection_is_denied_as_any);
	WD_TEST(a_syn_over_a_connection_that_is_answered_opens_it_anew);
	WD_TEST(an_answer_to_a_syn_not_allowed_any_more_opens_nothing);
	WD_TEST(a_found_connection_learns_its_numbers_from_the_pod_alone);
	WD_TEST(a_found_connection_may_begin_with_a_keepalive);
	WD_TEST(a_found_connection_may_begin_with_a_repeated_segment);
	WD_TEST(a_first_fragment_has_numbers_as_a_whole_segment);
	world_close();
	return wd_tests_end();
}
