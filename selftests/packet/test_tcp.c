// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tcp.c - TCP in the flow tables: only a SYN opens, flags that no stack
 * sends are dropped, RST and FIN shorten the life, a tuple is used again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SYNACK (TCP_SYN | TCP_ACK)
#define UP (WD_FLOW_SYNACK | WD_FLOW_SEQ | WD_FLOW_REPLIED)

/* A connection: @to goes the way it is opened, @back the other. */
struct conn {
	struct packet to, back;
};

static struct conn conn(int family, int dir)
{
	struct packet to = { .family = family, .dir = dir };
	struct conn c;

	c.to = packet_full(&to);
	c.to.seq = c.to.ack = 0; /* as the flags of each packet want them */
	c.back = c.to;
	c.back.dir = !dir;
	c.back.src = c.to.dst;
	c.back.dst = c.to.src;
	c.back.has_src = c.back.has_dst = true;
	c.back.sport = c.to.dport;
	c.back.dport = c.to.sport;
	return c;
}

#define send_to(c, tcp_flags, reason) \
	do { \
		(c)->to.flags = (tcp_flags); \
		expect_this(reason, &(c)->to); \
	} while (0)
#define send_back(c, tcp_flags, reason) \
	do { \
		(c)->back.flags = (tcp_flags); \
		expect_this(reason, &(c)->back); \
	} while (0)

/* Does the flow hold a share? Only what the pod itself opens does. */
static int held(const struct conn *c)
{
	return c->to.dir == WD_EGRESS;
}

static void shake_hands(struct conn *c)
{
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	send_back(c, SYNACK, WD_R_ESTABLISHED);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
}

static void for_each_conn(void (*check)(struct conn *c))
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct conn c = conn(family, dir);

			world_reset();
			check(&c);
		}
	}
}

/*
 * Of the flow in the replied table: does it live as long as @ticks? The clocks
 * of program and test may be one tick apart, either way.
 */
static void expect_life(const struct conn *c, uint32_t ticks)
{
	struct flow ct = { 0 };
	uint32_t now = world_ticks();

	wd_expect_int(0, world_flow(&c->to, false, &ct));
	if (ct.expires + 1 < now + ticks || ct.expires > now + ticks + 1)
		wd_expect_int(ticks, ct.expires - now);
}

/* ---- opening ---- */

static void check_handshake(struct conn *c)
{
	struct flow ct;

	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	wd_expect_int(0, world_flow(&c->to, true, &ct));
	wd_expect_int(held(c), world_quota().open);
	send_back(c, SYNACK, WD_R_ESTABLISHED);
	wd_expect_int(0, world_flow(&c->to, true, &ct));
	wd_expect_int(WD_FLOW_SYNACK | WD_FLOW_SEQ |
			      (held(c) ? WD_FLOW_OPEN | WD_FLOW_OUT : 0),
		      ct.is.flags);
	wd_expect_int(-ENOENT, world_flow(&c->to, false, NULL));
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	wd_expect_int(-ENOENT, world_flow(&c->to, true, NULL));
	wd_expect_int(0, world_flow(&c->to, false, &ct));
	wd_expect_int(UP, ct.is.flags & ~WD_FLOW_OUT);
	wd_expect_int(c->to.dir, ct.is.dir);
	wd_expect_int(0, world_quota().open);
	send_back(c, TCP_ACK | TCP_PSH, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
}

static void a_connection_is_replied_when_its_handshake_is_complete(void)
{
	for_each_conn(check_handshake);
}

static void check_repeated(struct conn *c)
{
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	send_to(c, TCP_SYN, WD_R_ESTABLISHED);
	send_to(c, TCP_SYN, WD_R_ESTABLISHED);
	wd_expect_int(held(c), world_quota().open);
	send_back(c, SYNACK, WD_R_ESTABLISHED);
	send_back(c, SYNACK, WD_R_ESTABLISHED);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	wd_expect_int(0, world_quota().open);
	expect_life(c, WD_LIFE_TCP);
}

static void a_repeated_syn_counts_once(void)
{
	for_each_conn(check_repeated);
}

static void check_repeated_stale(struct conn *c)
{
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	world_publish(SLOT_ALL, 0);
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	wd_expect_int(held(c), world_quota().open);
	world_publish(SLOT_SHUT, 0);
	send_to(c, TCP_SYN, WD_R_DEFAULT);
}

static void a_repeated_syn_of_an_old_generation_is_judged(void)
{
	for_each_conn(check_repeated_stale);
}

/* ---- the middle of something ---- */

static const uint8_t middles[] = { TCP_ACK,	      SYNACK,
				   TCP_RST,	      TCP_RST | TCP_ACK,
				   TCP_FIN | TCP_ACK, TCP_ACK | TCP_PSH };

static void check_middle(struct conn *c)
{
	for (size_t i = 0; i < COUNT(middles); i++) {
		send_to(c, middles[i], WD_R_POLICY_ALLOW);
		send_to(c, middles[i], WD_R_POLICY_ALLOW);
	}
	wd_expect_int(-ENOENT, world_flow(&c->to, true, NULL));
	wd_expect_int(-ENOENT, world_flow(&c->to, false, NULL));
	wd_expect_int(0, world_quota().open);
}

static void the_middle_of_a_connection_passes_by_policy_and_makes_no_flow(void)
{
	for_each_conn(check_middle);
}

static void check_middle_one_way(struct conn *c)
{
	if (c->to.dir == WD_EGRESS)
		tables_mix(SLOT_SHUT, SLOT_RULES);
	else
		tables_mix(SLOT_RULES, SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	for (size_t i = 0; i < COUNT(middles); i++) {
		send_to(c, middles[i], WD_R_POLICY_ALLOW);
		send_back(c, middles[i], WD_R_DEFAULT);
		send_back(c, TCP_SYN, WD_R_DEFAULT);
	}
	shake_hands(c);
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
}

static void the_middle_of_a_connection_does_not_open_the_way_back(void)
{
	for_each_conn(check_middle_one_way);
}

/* ---- flags ---- */

/* FIN, SYN, RST, PSH, ACK, URG in every combination. */
static bool flags_are_possible(uint8_t flags)
{
	if (!(flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK)))
		return false;
	if ((flags & TCP_FIN) && !(flags & TCP_ACK))
		return false;
	return !((flags & TCP_SYN) && (flags & (TCP_FIN | TCP_RST)));
}

static void send_flags(struct conn *c, uint8_t flags, int reason)
{
	struct frame f;
	char row[64];

	(void)snprintf(row, sizeof(row), "v%d %s flags %02x", c->to.family,
		       c->to.dir == WD_INGRESS ? "in" : "out", flags);
	wd_test_row(row);
	frame_make(&f, &c->to);
	f.data[f.l4 + 13] = flags; /* 0 cannot be described */
	world_expect(&f, c->to.dir, reason);
}

static void check_flags_first(struct conn *c)
{
	for (int flags = 0; flags < 64; flags++) {
		world_reset();
		send_flags(c, (uint8_t)flags,
			   flags_are_possible((uint8_t)flags) ?
				   WD_R_POLICY_ALLOW :
				   WD_R_CT_INVALID);
	}
}

static void check_flags_established(struct conn *c)
{
	for (int flags = 0; flags < 64; flags++) {
		bool opens = (flags & SYNACK) == TCP_SYN;

		world_reset();
		shake_hands(c);
		send_flags(c, (uint8_t)flags,
			   !flags_are_possible((uint8_t)flags) ?
				   WD_R_CT_INVALID :
			   opens ? WD_R_POLICY_ALLOW :
				   WD_R_ESTABLISHED);
	}
}

static void flags_that_no_stack_sends_are_dropped(void)
{
	for_each_conn(check_flags_first);
	for_each_conn(check_flags_established);
}

/* ---- all flags in all states ---- */

enum state { NONE, ASKED, CONNECTED, HALF_CLOSED, CLOSED, STATES };

/* Only the opener's way is open. */
static void reach(struct conn *c, int state)
{
	if (c->to.dir == WD_EGRESS)
		tables_mix(SLOT_SHUT, SLOT_RULES);
	else
		tables_mix(SLOT_RULES, SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	if (state == ASKED)
		send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	if (state >= CONNECTED)
		shake_hands(c);
	if (state >= HALF_CLOSED)
		send_to(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	if (state == CLOSED)
		send_back(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
}

/* What a segment whose numbers fit is owed. */
static int owed(int state, bool is_opener, bool leaves, uint8_t flags)
{
	int judged = is_opener ? WD_R_POLICY_ALLOW : WD_R_DEFAULT;

	if (!flags_are_possible(flags))
		return WD_R_CT_INVALID;
	if (state == NONE)
		return judged;
	if ((flags & SYNACK) == TCP_SYN)
		return state == ASKED ? WD_R_ESTABLISHED : judged;
	if (state != ASKED)
		return WD_R_ESTABLISHED;
	if (is_opener)
		return flags & TCP_SYN ? WD_R_CT_INVALID : WD_R_ESTABLISHED;
	if (!leaves && (flags & (TCP_RST | TCP_ACK)) == TCP_RST)
		return WD_R_CT_INVALID; /* acknowledges nothing */
	return WD_R_ESTABLISHED;
}

static bool flow_of(const struct conn *c, struct flow *ret)
{
	return !world_flow(&c->to, true, ret) ||
	       !world_flow(&c->to, false, ret);
}

/* Each of the 256, as the opener or the other end sends it. */
static void check_all_flags(struct conn *c, int state, bool is_opener)
{
	struct packet p = is_opener ? c->to : c->back;
	struct flow before = { 0 }, after = { 0 };
	struct frame f;

	reach(c, state);
	wd_expect_int(state != NONE, flow_of(c, &before));
	p.flags = TCP_ACK;
	frame_make(&f, &p);
	world_batch_begin();
	for (int i = 0; i < 256; i++) {
		uint8_t flags = (uint8_t)i;
		int reason = owed(state, is_opener, p.dir == WD_EGRESS, flags);
		bool makes = reason == WD_R_POLICY_ALLOW &&
			     (flags & SYNACK) == TCP_SYN;

		if (state != NONE)
			world_flow_set(&c->to, &before);
		f.data[f.l4 + 13] = flags;
		world_batch(&f, p.dir, reason);
		wd_expect_int(state != NONE || makes, flow_of(c, &after));
		/* never does the side that may not open become the opener */
		if (state != NONE || makes)
			wd_expect_int(c->to.dir, after.is.dir);
		if (state == NONE && makes)
			world_flow_set(&c->to, &before);
	}
	world_batch_end();
}

static void check_all_states(struct conn *c)
{
	char row[64];

	for (int i = 0; i < 2 * STATES; i++) {
		(void)snprintf(row, sizeof(row), "v%d %s, state %d, %s",
			       c->to.family,
			       c->to.dir == WD_INGRESS ? "in" : "out", i / 2,
			       i & 1 ? "opener" : "other end");
		wd_test_row(row);
		world_reset();
		check_all_flags(c, i / 2, i & 1);
	}
}

static void all_flags_in_all_states_get_what_they_are_owed(void)
{
	for_each_conn(check_all_states);
}

/* Nor may it be longer than the packet, which is 20 and 32 bytes here. */
static void a_header_of_less_than_five_words_is_malformed(void)
{
	for_each_family(family)
	{
		struct conn c = conn(family, WD_EGRESS);
		struct frame f;

		for (int words = 0; words < 16; words++) {
			world_reset();
			frame_make(&f, &c.to);
			f.data[f.l4 + 12] = (uint8_t)(words << 4);
			world_expect(&f, WD_EGRESS,
				     words < 5 || words > 13 ?
					     WD_R_L4_BAD :
					     WD_R_POLICY_ALLOW);
		}
	}
}

/* ---- the end ---- */

static void check_rst(struct conn *c)
{
	shake_hands(c);
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
	send_back(c, TCP_RST, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP_CLOSE);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP_CLOSE);
}

static void a_reset_shortens_the_life(void)
{
	for_each_conn(check_rst);
}

static void check_fin(struct conn *c)
{
	struct flow ct;

	shake_hands(c);
	send_to(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP); /* half closed: the other side may talk */
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
	wd_expect_int(0, world_flow(&c->to, false, &ct));
	wd_expect_int(UP | (c->to.dir == WD_EGRESS ? WD_FLOW_FIN_OUT :
						     WD_FLOW_FIN_IN),
		      ct.is.flags & ~WD_FLOW_OUT);
	send_back(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP_CLOSE);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP_CLOSE);
}

static void both_ends_must_close_to_shorten_the_life(void)
{
	for_each_conn(check_fin);
}

static void check_fin_twice(struct conn *c)
{
	shake_hands(c);
	send_to(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	send_to(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
}

static void one_end_that_closes_twice_is_one_end(void)
{
	for_each_conn(check_fin_twice);
}

/* ---- again ---- */

static void check_reused(struct conn *c)
{
	shake_hands(c);
	send_to(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	send_back(c, TCP_FIN | TCP_ACK, WD_R_ESTABLISHED);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	shake_hands(c);
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
	wd_expect_int(0, world_quota().open);
}

static void a_closed_tuple_can_be_used_again(void)
{
	for_each_conn(check_reused);
}

/* Refused, and a moment later accepted: the port was opened meanwhile. */
static void check_refused(struct conn *c)
{
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	send_back(c, TCP_RST | TCP_ACK, WD_R_ESTABLISHED);
	wd_expect_int(0, world_quota().open);
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
	wd_expect_int(held(c), world_quota().open);
	send_back(c, SYNACK, WD_R_ESTABLISHED);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
	expect_life(c, WD_LIFE_TCP);
	wd_expect_int(0, world_quota().open);
}

static void a_refused_tuple_can_be_used_again_and_lives_as_long(void)
{
	for_each_conn(check_refused);
}

static void check_refused_counts(struct conn *c)
{
	for (int i = 0; i < 3; i++) {
		send_to(c, TCP_SYN, WD_R_POLICY_ALLOW);
		send_back(c, TCP_RST | TCP_ACK, WD_R_ESTABLISHED);
		send_back(c, TCP_RST | TCP_ACK, WD_R_ESTABLISHED);
		wd_expect_int(0, world_quota().open);
	}
}

static void a_refusal_gives_its_share_back_once(void)
{
	for_each_conn(check_refused_counts);
}

static void check_reopened(struct conn *c)
{
	shake_hands(c);
	world_publish(SLOT_SHUT, 0);
	send_to(c, TCP_SYN, WD_R_DEFAULT);
	world_publish(SLOT_RULES, 0);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED); /* the SYN was not its own */
	send_to(c, TCP_SYN, WD_R_POLICY_ALLOW); /* nor anything yet */
	wd_expect_int(0, world_flow(&c->to, false, NULL));
	expect_life(c, WD_LIFE_TCP);
}

static void a_syn_over_a_connection_is_judged_by_policy(void)
{
	for_each_conn(check_reopened);
}

static void check_opened_back(struct conn *c)
{
	if (c->to.dir == WD_EGRESS)
		tables_mix(SLOT_SHUT, SLOT_RULES);
	else
		tables_mix(SLOT_RULES, SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	shake_hands(c);
	send_back(c, TCP_SYN, WD_R_DEFAULT);
	send_back(c, TCP_ACK, WD_R_ESTABLISHED);
	send_to(c, TCP_ACK, WD_R_ESTABLISHED);
}

static void a_connection_does_not_open_the_way_for_one_back(void)
{
	for_each_conn(check_opened_back);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_connection_is_replied_when_its_handshake_is_complete);
	WD_TEST(a_repeated_syn_counts_once);
	WD_TEST(a_repeated_syn_of_an_old_generation_is_judged);
	WD_TEST(the_middle_of_a_connection_passes_by_policy_and_makes_no_flow);
	WD_TEST(the_middle_of_a_connection_does_not_open_the_way_back);
	WD_TEST(flags_that_no_stack_sends_are_dropped);
	WD_TEST(all_flags_in_all_states_get_what_they_are_owed);
	WD_TEST(a_header_of_less_than_five_words_is_malformed);
	WD_TEST(a_reset_shortens_the_life);
	WD_TEST(both_ends_must_close_to_shorten_the_life);
	WD_TEST(one_end_that_closes_twice_is_one_end);
	WD_TEST(a_closed_tuple_can_be_used_again);
	WD_TEST(a_refused_tuple_can_be_used_again_and_lives_as_long);
	WD_TEST(a_refusal_gives_its_share_back_once);
	WD_TEST(a_syn_over_a_connection_is_judged_by_policy);
	WD_TEST(a_connection_does_not_open_the_way_for_one_back);
	world_close();
	return wd_tests_end();
}
