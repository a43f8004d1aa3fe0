// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_opening.c - TCP by its sequence numbers, as connections open: which
 * answer counts, both ends at once, and a SYN over a connection.
 */
#include <string.h>

#include "conn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- opening ---- */

/* Of the pod's SYN, with @data bytes (RFC 7413): which answers count? */
static void expect_answers(struct conn *c, int data)
{
	static const uint8_t how[] = { SYNACK, RSTACK };
	uint32_t isn = c->at[POD], edge = isn + 1 + (uint32_t)data;
	struct flow before;

	expect_raw(c, POD, TCP_SYN, isn, 0, data, WD_R_POLICY_ALLOW);
	before = conn_flow_now(c);
	for (size_t i = 0; i < COUNT(how); i++) {
		const uint32_t wrong[] = { isn, edge + 1, isn + 0x80000001,
					   isn + 0x40000000 };

		for (size_t k = 0; k < COUNT(wrong); k++) {
			expect_raw(c, PEER, how[i], c->at[PEER], wrong[k], 0,
				   WD_R_CT_INVALID);
			wd_expect(conn_flow_is_same(c, &before));
		}
		for (uint32_t ack = isn + 1;; ack = edge) {
			expect_raw(c, PEER, how[i], c->at[PEER], ack, 0,
				   WD_R_ESTABLISHED);
			wd_expect(!conn_flow_is_same(c, &before));
			conn_flow_put(c, &before);
			if (ack == edge)
				break;
		}
	}
	/* without an acknowledgement, a RST is anybody's */
	expect_raw(c, PEER, TCP_RST, 0, isn + 1, 0, WD_R_CT_INVALID);
	wd_expect(conn_flow_is_same(c, &before));
}

static void check_answers(struct conn *c)
{
	expect_answers(c, 0);
	c->at[PEER]++; /* SYN+ACK is sent by expect_next() below */
	c->at[POD]++;
	expect_raw(c, PEER, SYNACK, c->at[PEER] - 1, c->at[POD], 0,
		   WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	conn_works(c);
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
	conn_works(c);
}

static void check_fast_open_in(struct conn *c)
{
	expect_next(c, PEER, TCP_SYN, 100, WD_R_POLICY_ALLOW);
	expect_next(c, POD, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 100, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
	conn_works(c);
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
	conn_works(c);
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
	before = conn_flow_now(c);
	expect_raw(c, PEER, TCP_ACK, old_seq, old_ack, 0, WD_R_ESTABLISHED);
	expect_raw(c, POD, TCP_RST, old_ack, 0, 0, WD_R_ESTABLISHED);
	wd_expect(conn_flow_is_same(c, &before));
	expect_raw(c, POD, TCP_SYN, c->at[POD], 0, 0, WD_R_ESTABLISHED);
	c->at[POD]++;
	expect_next(c, PEER, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	conn_works(c);
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
	before = conn_flow_now(c);
	for (int i = 0; i < 4; i++) {
		const uint32_t seq[] = { isn - 1, isn + 2, isn, isn + 1 };

		conn_flow_put(c, &before);
		expect_raw(c, c->opener, TCP_RST, seq[i], 0, 0,
			   WD_R_ESTABLISHED);
		wd_expect(conn_flow_is(c, true, &ct));
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
		conn_one_way(c->opener);
		cross(c);
		for (int i = 0; i < 2; i++) {
			int from = i == first;

			expect_raw(c, from, SYNACK, c->at[from] - 1,
				   c->at[!from], 0, WD_R_ESTABLISHED);
		}
		conn_works(c);
		wd_expect(conn_flow_is(c, false, NULL));
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
	wd_expect(conn_flow_is(c, true, &ct) && ct.is.dir == c->opener);
	wd_expect(ct.expires <= world_ticks() + WD_LIFE_NEW);
	/* nobody became an opener by that */
	conn_one_way(!c->opener);
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
	before = conn_flow_now(c);
	expect_raw(c, c->opener, SYNACK, c->at[c->opener], 0, 0,
		   WD_R_CT_INVALID);
	wd_expect(conn_flow_is_same(c, &before));
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

	conn_open(c);
	world_publish(SLOT_ALL, 0);
	conn_works(c);
	before = conn_flow_now(c);
	expect_raw(c, PEER, TCP_SYN, isn, 0, 0, WD_R_POLICY_ALLOW);
	wd_expect(conn_flow_is(c, false, &now));
	wd_expect_int(before.expires, now.expires);
	wd_expect(!memcmp(now.is.end, before.is.end, sizeof(now.is.end)) &&
		  !memcmp(now.is.ack, before.is.ack, sizeof(now.is.ack)));
	wd_expect_int(before.is.dir, now.is.dir);
	/* the pod's stack questions it; a guess at its answer fits nothing */
	expect_next(c, POD, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_raw(c, PEER, SYNACK, isn, c->at[POD] + 1, 0, WD_R_CT_INVALID);
	conn_works(c);
}

static void a_blind_syn_over_a_connection_changes_nothing(void)
{
	for_each_conn(check_blind_syn);
}

static void check_denied_syn(struct conn *c)
{
	struct flow before;

	conn_open(c);
	before = conn_flow_now(c);
	expect_raw(c, !c->opener, TCP_SYN, 0x55555555, 0, 0, WD_R_DEFAULT);
	wd_expect(conn_flow_is_same(c, &before));
	conn_works(c);
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

	conn_open(c);
	world_publish(SLOT_ALL, 0);
	c->at[0] += 0x20000000;
	c->at[1] += 0x20000000;
	expect_next(c, other, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_next(c, !other, SYNACK, 0, WD_R_ESTABLISHED);
	wd_expect(conn_flow_is(c, true, &ct));
	wd_expect_int(other, ct.is.dir);
	expect_next(c, other, TCP_ACK, 0, WD_R_ESTABLISHED);
	conn_works(c);
	wd_expect(conn_flow_is(c, false, &ct) && ct.is.dir == other);
	/* so it is that one's permission which it needs */
	conn_one_way(c->opener);
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

	conn_open(c);
	world_publish(SLOT_ALL, 0);
	conn_works(c);
	expect_raw(c, other, TCP_SYN, 0x55555555, 0, 0, WD_R_POLICY_ALLOW);
	conn_one_way(c->opener);
	expect_raw(c, !other, SYNACK, 0x66666666, 0x55555556, 0, WD_R_DEFAULT);
	conn_works(c);
}

static void an_answer_to_a_syn_not_allowed_any_more_opens_nothing(void)
{
	for_each_conn(check_turned_denied);
}

/* One packet, judged twice: as any of the flow, and as what turns it. */
static void check_turned_on_trial(struct conn *c)
{
	int other = !c->opener;
	struct frame f;

	conn_open(c);
	world_publish(SLOT_ALL, 0);
	conn_works(c);
	world_batch_end();
	world_publish(SLOT_ALL,
		      0); /* so that it is judged as any of the flow, too */
	world_try(SLOT_SHUT);
	conn_segment(&f, c, other, TCP_SYN, (struct numbers){ 0x55555555, 0 },
		     0);
	world_expect_audit(&f, other, WD_R_DEFAULT);
	conn_segment(&f, c, !other, SYNACK,
		     (struct numbers){ 0x66666666, 0x55555556 }, 0);
	world_expect_audit(&f, !other, WD_R_DEFAULT);
	world_batch_begin();
}

static void a_connection_opened_anew_is_on_trial_as_any(void)
{
	for_each_conn(check_turned_on_trial);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
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
	WD_TEST(a_connection_opened_anew_is_on_trial_as_any);
	world_close();
	return wd_tests_end();
}
