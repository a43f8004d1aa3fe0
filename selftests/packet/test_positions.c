// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_positions.c - TCP by its sequence numbers: what may be from the peer
 * and what is anybody's guess. A blind segment changes nothing of the flow,
 * whatever its flags; what a real peer sends late, twice or out of order passes.
 */
#include "conn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Sizes of bpf/tcp.h. */
#define BEHIND 0x1000000U
#define SLACK 0x100000U

/* ---- blind RST ---- */

/* A connection with 3000 bytes of the peer that the pod did not acknowledge. */
static void open_with_data(struct conn *c)
{
	conn_open(c);
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
	before = conn_flow_now(c);
	for (size_t i = 0; i < 2 * COUNT(rsts); i++) {
		/* with an acknowledgement or without: it is not looked at */
		expect_raw(c, PEER, i & 1 ? RSTACK : TCP_RST,
			   c->at[PEER] + rsts[i / 2].off, 0x12345678, 0,
			   rsts[i / 2].reason);
		wd_expect_int(rsts[i / 2].counts,
			      !conn_flow_is_same(c, &before));
		conn_flow_put(c, &before);
	}
	conn_works(c);
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
	wd_expect(conn_flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	expect_raw(c, PEER, TCP_RST, c->at[PEER], 0, 0, WD_R_ESTABLISHED);
	wd_expect(conn_flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_RST));
	wd_expect(ct.expires <= world_ticks() + WD_LIFE_TCP_CLOSE);
	/* neither the pod's own segments nor blind ones take that back */
	expect_next(c, POD, TCP_ACK, 10, WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD] + 1, 10,
		   WD_R_CT_INVALID);
	wd_expect(conn_flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_RST));
	expect_next(c, PEER, TCP_ACK, 10, WD_R_ESTABLISHED);
	wd_expect(conn_flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	wd_expect(ct.expires > world_ticks() + WD_LIFE_TCP_CLOSE + 2);
	conn_works(c);
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
		wd_expect(conn_flow_is(c, false, &ct) &&
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

	conn_open(c);
	expect_next(c, PEER, TCP_ACK, 100, WD_R_ESTABLISHED);
	for (int i = 0; i < 4; i++)
		expect_next(c, POD, TCP_ACK, 250, WD_R_ESTABLISHED);
	before = conn_flow_now(c);
	for (size_t i = 0; i < COUNT(segs) * COUNT(kinds); i++) {
		size_t row = i / COUNT(kinds);

		expect_raw(c, PEER, kinds[i % COUNT(kinds)],
			   c->at[PEER] + segs[row].seq,
			   c->at[POD] + segs[row].ack, 50, segs[row].reason);
		if (segs[row].counts == conn_flow_is_same(c, &before))
			wd_expect_int((long long)row, -1);
		conn_flow_put(c, &before);
	}
	conn_works(c);
}

static void a_blind_segment_passes_by_numbers_or_changes_nothing(void)
{
	for_each_conn(check_ack_edges);
}

/* Of a window larger than any distance allowed for: what the pod waits for. */
static void check_large_window(struct conn *c)
{
	uint32_t first;

	conn_open(c);
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

	conn_open(c);
	/* one is lost, the next two come in the wrong order, then again */
	expect_raw(c, PEER, TCP_ACK, c->at[PEER] + 200, c->at[POD], 100,
		   WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER] + 100, c->at[POD], 100,
		   WD_R_ESTABLISHED);
	for (int i = 0; i < 2; i++)
		expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 300,
			   WD_R_ESTABLISHED);
	c->at[PEER] += 300;
	conn_works(c);
	/* keepalive, with a byte or without; they keep it alive */
	for (int len = 0; len < 2; len++) {
		before = conn_flow_now(c);
		expect_raw(c, PEER, TCP_ACK, c->at[PEER] - 1, c->at[POD], len,
			   WD_R_ESTABLISHED);
		wd_expect(!conn_flow_is_same(c, &before));
		expect_raw(c, POD, TCP_ACK, c->at[POD] - 1, c->at[PEER], len,
			   WD_R_ESTABLISHED);
	}
	/* window probe: a byte ahead, again and again */
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 1,
		   WD_R_ESTABLISHED);
	expect_raw(c, PEER, TCP_ACK, c->at[PEER], c->at[POD], 1,
		   WD_R_ESTABLISHED);
	conn_works(c);
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

	conn_open(c);
	for (size_t i = 0; i < COUNT(offs); i++)
		expect_raw(c, POD, TCP_ACK, c->at[POD] + offs[i],
			   c->at[PEER] - offs[i], 10, WD_R_ESTABLISHED);
	wd_expect_int(1, world_flow_cnt());
}

static void the_pods_own_segments_pass_whatever_they_say(void)
{
	for_each_conn(check_pod_lies);
}

/* ---- connections that were there before ---- */

static void seed(const struct conn *c)
{
	struct packet p = conn_key(c);
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
	wd_expect(conn_flow_is(c, false, &ct) && !(ct.is.flags & WD_FLOW_RST));
	for (size_t i = 0; i < COUNT(kinds); i++) {
		expect_raw(c, PEER, kinds[i], 0x12345678, 0x9abcdef0, 10,
			   WD_R_ESTABLISHED);
		wd_expect(conn_flow_is(c, false, &ct));
		wd_expect(!ct.is.end[0] && !ct.is.end[1] && !ct.is.ack[0] &&
			  !ct.is.ack[1] && !(ct.is.flags & WD_FLOW_SEQ));
	}
	/* nor is a reset of the pod without an acknowledgement a lesson */
	expect_raw(c, POD, TCP_ACK, c->at[POD], c->at[PEER], 10,
		   WD_R_ESTABLISHED);
	c->at[POD] += 10;
	wd_expect(conn_flow_is(c, false, &ct) && (ct.is.flags & WD_FLOW_SEQ));
	expect_raw(c, PEER, TCP_ACK, 0x12345678, 0x9abcdef0, 10,
		   WD_R_CT_INVALID);
	conn_works(c);
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
		conn_one_way(c->opener);
		seed(c);
		expect_raw(c, POD, TCP_ACK, c->at[POD] - 1, c->at[PEER], len,
			   WD_R_ESTABLISHED);
		expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
		conn_works(c);
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
	conn_works(c);
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

	conn_open(c);
	conn_segment(&f, c, PEER, TCP_ACK,
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
	conn_works(c);
	/* a guess in pieces is one, too */
	p.ack = c->at[POD] + 1;
	p.frag_id = 8;
	frame_make(&f, &p);
	world_batch(&f, PEER, WD_R_CT_INVALID);
	conn_works(c);
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
	WD_TEST(a_found_connection_learns_its_numbers_from_the_pod_alone);
	WD_TEST(a_found_connection_may_begin_with_a_keepalive);
	WD_TEST(a_found_connection_may_begin_with_a_repeated_segment);
	WD_TEST(a_first_fragment_has_numbers_as_a_whole_segment);
	world_close();
	return wd_tests_end();
}
