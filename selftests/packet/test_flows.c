// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_flows.c - what makes a flow, what keeps it, and what ends it: new and
 * replied flows, generations, endpoints, time. TCP has a file of its own.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The protocols whose flows are made by any packet. */
static const int protos[] = { 17, 132, 47 };

static struct packet ask(int family, int dir, int proto)
{
	return (struct packet){ .family = family, .dir = dir, .proto = proto };
}

/* The packet that answers @p. */
static struct packet reply(const struct packet *p)
{
	struct packet full = packet_full(p), back = full;

	back.dir = !full.dir;
	back.src = full.dst;
	back.dst = full.src;
	back.has_src = back.has_dst = true;
	back.sport = full.dport;
	back.dport = full.sport;
	return back;
}

static void for_each_flow(void (*check)(const struct packet *p))
{
	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(protos) * 2; i++) {
			struct packet p =
				ask(family, (int)(i & 1), protos[i / 2]);

			world_reset();
			check(&p);
		}
	}
}

/* ---- making ---- */

static void check_made(const struct packet *p)
{
	struct flow ct;

	expect_this(WD_R_POLICY_ALLOW, p);
	wd_expect_int(0, world_flow(p, true, &ct));
	wd_expect_int(-ENOENT, world_flow(p, false, NULL));
	wd_expect_int(world_state().gen, ct.is.gen);
	wd_expect_int(p->dir, ct.is.dir);
	wd_expect_int(WD_R_POLICY_ALLOW, ct.is.reason);
	wd_expect_int(RULE_FRIEND, ct.is.rule);
	wd_expect_int(p->dir == WD_EGRESS ? WD_FLOW_OPEN | WD_FLOW_OUT : 0,
		      ct.is.flags);
	wd_expect(ct.expires >= world_ticks() + WD_LIFE_NEW - 1 &&
		  ct.expires <= world_ticks() + WD_LIFE_NEW);
	wd_expect_int(1, world_quota().flows);
	wd_expect_int(p->dir == WD_EGRESS, world_quota().open);
}

static void the_first_packet_makes_a_flow_without_a_reply(void)
{
	for_each_flow(check_made);
}

static void check_replied(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, p); /* again: no reply */
	wd_expect_int(0, world_flow(p, true, NULL));
	wd_expect_int(p->dir == WD_EGRESS, world_quota().open);
	expect_this(WD_R_ESTABLISHED, &back);
	wd_expect_int(-ENOENT, world_flow(p, true, NULL));
	wd_expect_int(0, world_flow(p, false, &ct));
	wd_expect_int(p->dir, ct.is.dir);
	wd_expect_int(0, world_quota().open);
	if (p->proto == 17) /* a question and its answer: kept no longer */
		wd_expect(ct.expires <= world_ticks() + WD_LIFE_NEW);
	else
		wd_expect(ct.expires > world_ticks() + WD_LIFE_NEW + 1);
	expect_this(WD_R_ESTABLISHED, p);
	expect_this(WD_R_ESTABLISHED, &back);
}

static void a_reply_moves_it_to_the_replied_flows(void)
{
	for_each_flow(check_replied);
}

static void check_denied(const struct packet *p)
{
	struct packet q = *p;

	q.src = q.dir == WD_EGRESS ? H_SELF : H_FOE;
	q.dst = q.dir == WD_EGRESS ? H_FOE : H_SELF;
	q.has_src = q.has_dst = true;
	expect_this(WD_R_POLICY, &q);
	expect_this(WD_R_POLICY, &q);
	wd_expect_int(0, world_flow_cnt());
	wd_expect_int(0, world_quota().open);
}

static void a_packet_that_does_not_pass_makes_no_flow(void)
{
	for_each_flow(check_denied);
}

/* One direction is open: answers pass, and nothing else comes back. */
static void check_one_way(const struct packet *p)
{
	struct packet back = reply(p), other = back;

	if (p->dir == WD_EGRESS)
		tables_mix(SLOT_SHUT, SLOT_ALL);
	else
		tables_mix(SLOT_ALL, SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	if (p->proto == 47)
		expect_this(WD_R_PROTO_UNSUP, &back);
	else
		expect_this(WD_R_DEFAULT, &back);
	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	if (p->proto == 47)
		return; /* has no ports to be another flow by */
	other.sport = 81;
	expect_this(WD_R_DEFAULT, &other);
	other.sport = back.sport;
	other.dport = 40001;
	expect_this(WD_R_DEFAULT, &other);
}

static void an_answer_passes_where_nothing_else_does(void)
{
	for_each_flow(check_one_way);
}

/* How many live. */
static int live_cnt(void)
{
	uint32_t cnt, now = world_ticks();
	const struct wd_bucket *bucket = world_buckets(&cnt);
	int live = 0;

	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++)
		live += bucket[i / WD_FLOW_WAYS].expires[i % WD_FLOW_WAYS] >
			now;
	return live;
}

/* Its own way is open, too: it makes none while there is one to belong to. */
static void check_replies_make_none(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;

	expect_this(WD_R_POLICY_ALLOW, p);
	for (int i = 0; i < 3; i++)
		expect_this(WD_R_ESTABLISHED, &back);
	wd_expect_int(1, live_cnt());
	wd_expect_int(0, world_flow(p, false, &ct));
	wd_expect_int(p->dir, ct.is.dir);
	if (p->dir == WD_EGRESS)
		tables_mix(SLOT_SHUT, SLOT_ALL);
	else
		tables_mix(SLOT_ALL, SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	ct.expires = world_ticks();
	world_flow_set(p, &ct);
	for (int i = 0; i < 3; i++)
		expect_this(p->proto == 47 ? WD_R_PROTO_UNSUP : WD_R_DEFAULT,
			    &back);
	wd_expect_int(0, live_cnt());
}

static void a_reply_never_makes_a_flow(void)
{
	for_each_flow(check_replies_make_none);
}

static void an_answer_must_be_of_the_peer_that_was_asked(void)
{
	static const enum host others[] = { H_FOE, H_PLAIN, H_PREFIX, H_WORLD };

	for_each_family(family)
	{
		struct packet p = ask(family, WD_EGRESS, 17), back = reply(&p);

		world_reset();
		tables_mix(SLOT_SHUT, SLOT_ALL);
		world_publish(SLOT_MIXED, 0);
		expect_this(WD_R_POLICY_ALLOW, &p);
		for (size_t i = 0; i < COUNT(others); i++) {
			struct packet other = back;

			other.src = others[i];
			expect_this(WD_R_DEFAULT, &other);
		}
		wd_expect_int(1, live_cnt());
		expect_this(WD_R_ESTABLISHED, &back);
	}
}

/* ---- whose flow ---- */

/* The hook's endpoint becomes that of @host, with @id and @id as counter. */
static void become(enum host host, uint32_t id)
{
	struct wd_endpoint_val ep = world_endpoint();

	ep.id = ep.stat = id;
	frame_addr(host, 4, &ep.ip4[0]);
	frame_addr(host, 6, ep.ip6[0]);
	world_endpoint_set(&ep);
	world_stat = id;
}

/*
 * A pod writes its neighbour's address into a frame to itself, so that its own
 * later question passes as the answer: no flow at either, then or later.
 */
static void a_forged_question_opens_nothing_at_either_endpoint(void)
{
	static const uint16_t ports[] = { 80, 443, 8080, 3306 };
	static const int of_ports[] = { 6, 17, 132 };

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(ports) * COUNT(of_ports); i++) {
			struct packet forged = { .family = family,
						 OUT,
						 .proto = of_ports[i % 3],
						 .sport = ports[i / 3],
						 .dport = 40000,
						 FROM(H_SELF),
						 TO(H_NEAR) };
			struct packet asks = reply(&forged);

			world_reset();
			tables_mix(SLOT_SHUT, SLOT_ALL);
			world_publish(SLOT_MIXED, 0);
			become(H_NEAR, 2);
			expect_this(WD_R_SPOOF_IP, &forged);
			wd_expect_int(0, world_flow_cnt());
			become(H_SELF, 1);
			world_iif = IF_NEAR;
			expect_this(WD_R_DEFAULT, &asks);
			expect_this(WD_R_DEFAULT, &asks);
			wd_expect_int(0, world_flow_cnt());
			/* had the victim asked, it would be an answer */
			expect_this(WD_R_POLICY_ALLOW, &forged);
			asks.flags = TCP_SYN | TCP_ACK;
			expect_this(WD_R_ESTABLISHED, &asks);
		}
	}
}

/* Client and server here: each leg needs the permission of its own endpoint. */
static void check_legs(int family, bool out_open, bool in_open)
{
	struct packet ask_out = {
		.family = family, OUT, .proto = 17, FROM(H_BRIDGED), TO(H_SELF)
	};
	struct packet ask_in = ask_out, back_out, back_in;
	int out = out_open ? WD_R_POLICY_ALLOW : WD_R_DEFAULT;
	int in = in_open ? WD_R_POLICY_ALLOW : WD_R_DEFAULT;

	world_reset();
	tables_mix(in_open ? SLOT_ALL : SLOT_SHUT,
		   out_open ? SLOT_ALL : SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	ask_in.dir = WD_INGRESS;
	back_in = reply(&ask_out);
	back_out = reply(&ask_in);
	become(H_BRIDGED, 3);
	expect_this(out, &ask_out);
	wd_expect_int(out_open, world_flow_cnt());
	become(H_SELF, 1);
	world_iif = IF_BRIDGED;
	expect_this(in, &ask_in);
	wd_expect_int(out_open + in_open, world_flow_cnt());
	/* the other leg's flow does not answer for this one */
	expect_this(in_open ? WD_R_ESTABLISHED : out, &back_out);
	become(H_BRIDGED, 3);
	if (out_open)
		expect_this(WD_R_ESTABLISHED, &back_in);
}

static void both_legs_of_a_local_flow_are_judged_by_themselves(void)
{
	for_each_family(family) for (int i = 0; i < 4; i++)
		check_legs(family, i & 1, i & 2);
}

static void check_instance(const struct packet *p)
{
	struct packet back = reply(p);
	struct wd_endpoint_val ep;

	tables_mix(SLOT_SHUT, SLOT_SHUT);
	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	ep = world_endpoint();
	ep.id = 9; /* the pod is gone, another has device and address */
	ep.slot[0] = ep.slot[1] = SLOT_MIXED;
	world_endpoint_set(&ep);
	expect_this(p->proto == 47 ? WD_R_PROTO_UNSUP : WD_R_DEFAULT, p);
	expect_this(p->proto == 47 ? WD_R_PROTO_UNSUP : WD_R_DEFAULT, &back);
}

static void a_flow_is_of_one_instance_of_an_endpoint(void)
{
	for_each_flow(check_instance);
}

static void each_own_address_has_its_own_flows(void)
{
	for_each_family(family)
	{
		world_reset();
		tables_mix(SLOT_SHUT, SLOT_ALL);
		world_publish(SLOT_MIXED, 0);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 17, FROM(H_SELF2));
		expect_packet(WD_R_DEFAULT, IN, .family = family, .proto = 17,
			      .sport = 80, .dport = 40000, TO(H_SELF));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 17, .sport = 80, .dport = 40000,
			      TO(H_SELF2));
	}
}

/* ---- generations ---- */

static void check_stale(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;

	expect_this(WD_R_POLICY_ALLOW, p);
	world_publish(SLOT_ALL, 0);
	expect_this(WD_R_ESTABLISHED, p);
	wd_expect_int(0, world_flow(p, true, &ct));
	wd_expect_int(world_state().gen, ct.is.gen);
	wd_expect_int(51, ct.is.rule); /* of the new policy */
	expect_this(WD_R_ESTABLISHED, &back);
	world_publish(SLOT_RULES, 0);
	expect_this(WD_R_ESTABLISHED, &back);
	wd_expect_int(0, world_flow(p, false, &ct));
	wd_expect_int(world_state().gen, ct.is.gen);
	wd_expect_int(RULE_FRIEND, ct.is.rule);
}

static void a_flow_still_allowed_goes_on_under_a_new_generation(void)
{
	for_each_flow(check_stale);
}

static int denial(const struct packet *p)
{
	return p->proto == 47 ? WD_R_PROTO_UNSUP : WD_R_DEFAULT;
}

/*
 * A flow that policy ended drops whatever comes, from either side and again,
 * though the other side's own direction is open: it is not forgotten.
 */
static void expect_ended(const struct packet *p, bool in_new, int reason)
{
	struct packet back = reply(p);
	struct flow ct = { .is.gen = 1 };

	wd_expect_int(0, world_flow(p, in_new, &ct));
	wd_expect_int(0, ct.is.gen);
	for (int i = 0; i < 2; i++) {
		expect_this(reason, &back);
		expect_this(reason, p);
	}
	wd_expect_int(0, world_flow(p, in_new, NULL));
	wd_expect_int(-ENOENT, world_flow(p, !in_new, NULL));
}

/* Policy allows all in the other direction: that must not help. */
static void shut_way_of(const struct packet *p)
{
	if (p->dir == WD_EGRESS)
		tables_mix(SLOT_ALL, SLOT_SHUT);
	else
		tables_mix(SLOT_SHUT, SLOT_ALL);
	world_publish(SLOT_MIXED, 0);
}

static void check_cut_by_packet(const struct packet *p)
{
	struct packet back = reply(p);

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	shut_way_of(p);
	expect_this(denial(p), p);
	expect_ended(p, false, denial(p));
}

static void check_cut_by_reply(const struct packet *p)
{
	struct packet back = reply(p);

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	shut_way_of(p);
	expect_this(denial(p), &back);
	expect_ended(p, false, denial(p));
}

static void check_cut_unreplied(const struct packet *p)
{
	struct packet back = reply(p);

	expect_this(WD_R_POLICY_ALLOW, p);
	shut_way_of(p);
	expect_this(denial(p), &back);
	expect_ended(p, true, denial(p));
}

static void a_flow_not_allowed_any_more_ends_at_its_next_packet(void)
{
	for_each_flow(check_cut_by_packet);
}

static void it_ends_at_a_reply_too_judged_the_way_it_was_opened(void)
{
	for_each_flow(check_cut_by_reply);
	for_each_flow(check_cut_unreplied);
}

/* The other way round: a reply's own direction may be shut meanwhile. */
static void check_kept(const struct packet *p)
{
	struct packet back = reply(p), other = back;

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	shut_way_of(&back);
	expect_this(WD_R_ESTABLISHED, &back);
	expect_this(WD_R_ESTABLISHED, p);
	other.sport = 81;
	if (p->proto != 47)
		expect_this(WD_R_DEFAULT, &other);
}

static void it_stays_while_the_way_it_was_opened_is_allowed(void)
{
	for_each_flow(check_kept);
}

static void check_relabelled(const struct packet *p)
{
	struct packet back = reply(p);
	struct frame f;

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	tables_map_addr(H_FRIEND, ROW_FOE);
	expect_this(WD_R_ESTABLISHED, &back); /* not published yet */
	world_publish(SLOT_RULES, 0);
	expect_this(WD_R_POLICY, &back);
	tables_map_addr(H_FRIEND, -1);
	world_publish(SLOT_RULES, 0);
	expect_this(denial(p), p);
	expect_this(denial(p), &back);
	tables_map_addr(H_FRIEND, ROW_FRIEND);
	world_publish(SLOT_RULES, 0);
	frame_make(&f, p);
	wd_expect_int(-1, (int32_t)world_run(&f, p->dir).retval);
}

static void a_peer_that_became_another_loses_its_flows(void)
{
	for_each_flow(check_relabelled);
}

static void check_not_ready(const struct packet *p)
{
	struct packet back = reply(p);

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	world_publish(SLOT_NONE, 0);
	expect_this(WD_R_NOT_READY, &back);
	expect_this(WD_R_NOT_READY, p);
	expect_ended(p, false, WD_R_NOT_READY);
}

static void an_endpoint_that_loses_its_slot_loses_its_flows(void)
{
	for_each_flow(check_not_ready);
}

/* ---- time ---- */

static void check_expired(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;

	tables_mix(p->dir == WD_EGRESS ? SLOT_SHUT : SLOT_ALL,
		   p->dir == WD_EGRESS ? SLOT_ALL : SLOT_SHUT);
	world_publish(SLOT_MIXED, 0);
	for (int in_new = 1; in_new >= 0; in_new--) {
		expect_this(WD_R_POLICY_ALLOW, p);
		if (!in_new)
			expect_this(WD_R_ESTABLISHED, &back);
		wd_expect_int(0, world_flow(p, in_new, &ct));
		ct.expires = world_ticks() + 3;
		world_flow_set(p, &ct);
		expect_this(WD_R_ESTABLISHED, p);
		wd_expect_int(0, world_flow(p, in_new, &ct));
		ct.expires = world_ticks();
		world_flow_set(p, &ct);
		expect_this(denial(p), &back);
	}
}

static void a_flow_past_its_time_is_none(void)
{
	for_each_flow(check_expired);
}

static void check_refreshed(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;
	uint32_t life = p->proto == 17 ? WD_LIFE_UDP : WD_LIFE_OTHER;

	expect_this(WD_R_POLICY_ALLOW, p);
	expect_this(WD_R_ESTABLISHED, &back);
	for (int i = 0; i < 2; i++) {
		wd_expect_int(0, world_flow(p, false, &ct));
		ct.expires = world_ticks() + 2;
		ct.is.made -= 2; /* a UDP flow is a stream from then on */
		world_flow_set(p, &ct);
		expect_this(WD_R_ESTABLISHED, i ? p : &back);
		wd_expect_int(0, world_flow(p, false, &ct));
		wd_expect(ct.expires + 1 >= world_ticks() + life);
	}
}

static void each_packet_of_a_replied_flow_prolongs_its_life(void)
{
	for_each_flow(check_refreshed);
}

static void check_lifetimes(const struct packet *p)
{
	struct packet back = reply(p);
	struct flow ct;

	if (p->proto != 17)
		return;
	expect_this(WD_R_POLICY_ALLOW, p);
	wd_expect_int(0, world_flow(p, true, &ct));
	/* a tick is at most 1024 ms, but with HZ 100 */
	wd_expect((ct.expires - world_ticks()) * 1024 <= 30000);
	for (int i = 0; i < 3; i++)
		expect_this(WD_R_ESTABLISHED, p);
	wd_expect_int(0, world_flow(p, true, &ct));
	wd_expect(ct.expires <= world_ticks() + WD_LIFE_NEW);
	expect_this(WD_R_ESTABLISHED, &back);
	wd_expect_int(0, world_flow(p, false, &ct));
	wd_expect((ct.expires - world_ticks()) * 1024 <= 180000);
}

static void unreplied_udp_lives_for_30_seconds_and_replied_for_180_at_most(void)
{
	for_each_flow(check_lifetimes);
}

/* ---- what the agent writes ---- */

static void a_seeded_flow_is_judged_once_and_goes_on(void)
{
	for_each_family(family)
	{
		struct packet p = ask(family, WD_EGRESS, 6), back = reply(&p);
		struct flow ct = { .expires = world_ticks() + 100,
				   .is.dir = WD_EGRESS,
				   .is.flags = WD_FLOW_SEEDED |
					       WD_FLOW_REPLIED };

		p.flags = back.flags = TCP_ACK;
		world_reset();
		world_flow_set(&p, &ct);
		expect_this(WD_R_ESTABLISHED, &back);
		wd_expect_int(0, world_flow(&p, false, &ct));
		wd_expect_int(world_state().gen, ct.is.gen);
		wd_expect_int(RULE_FRIEND, ct.is.rule);
		ct.is.gen = 0;
		world_flow_set(&p, &ct);
		world_publish(SLOT_SHUT, 0);
		expect_this(WD_R_DEFAULT, &back);
		expect_ended(&p, false, WD_R_DEFAULT);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(the_first_packet_makes_a_flow_without_a_reply);
	WD_TEST(a_reply_moves_it_to_the_replied_flows);
	WD_TEST(a_packet_that_does_not_pass_makes_no_flow);
	WD_TEST(an_answer_passes_where_nothing_else_does);
	WD_TEST(a_reply_never_makes_a_flow);
	WD_TEST(an_answer_must_be_of_the_peer_that_was_asked);
	WD_TEST(a_flow_is_of_one_instance_of_an_endpoint);
	WD_TEST(a_forged_question_opens_nothing_at_either_endpoint);
	WD_TEST(both_legs_of_a_local_flow_are_judged_by_themselves);
	WD_TEST(each_own_address_has_its_own_flows);
	WD_TEST(a_flow_still_allowed_goes_on_under_a_new_generation);
	WD_TEST(a_flow_not_allowed_any_more_ends_at_its_next_packet);
	WD_TEST(it_ends_at_a_reply_too_judged_the_way_it_was_opened);
	WD_TEST(it_stays_while_the_way_it_was_opened_is_allowed);
	WD_TEST(a_peer_that_became_another_loses_its_flows);
	WD_TEST(an_endpoint_that_loses_its_slot_loses_its_flows);
	WD_TEST(a_flow_past_its_time_is_none);
	WD_TEST(each_packet_of_a_replied_flow_prolongs_its_life);
	WD_TEST(unreplied_udp_lives_for_30_seconds_and_replied_for_180_at_most);
	WD_TEST(a_seeded_flow_is_judged_once_and_goes_on);
	world_close();
	return wd_tests_end();
}
