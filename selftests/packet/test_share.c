// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_share.c - an endpoint's shares of the flow table: a flood of one stops
 * neither its established flows, nor the node's probes, nor another endpoint;
 * what expires is given back when it does, and a full table yields to who has
 * less.
 */
#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

/* Full, and still full if a tick passes before the packet. */
#define FULL world_quota_full(20)

/* Really send SYNs from @cnt different ports. */
static void flood(int family, int dir, int cnt)
{
	struct packet p = { .family = family, .dir = dir };
	struct frame f;

	frame_make(&f, &p);
	for (int i = 0; i < cnt; i++) {
		f.data[f.l4] = (uint8_t)(0x40 + (i >> 8));
		f.data[f.l4 + 1] = (uint8_t)i;
		world_send(&f, dir);
	}
}

static void a_flood_of_syns_uses_up_the_share_and_no_more(void)
{
	for_each_family(family)
	{
		world_reset();
		flood(family, WD_EGRESS, WD_OPEN_SHARE);
		wd_expect_int(WD_OPEN_SHARE, world_flow_cnt());
		wd_expect_int(WD_OPEN_SHARE, world_quota().open);
		wd_expect_int(WD_OPEN_SHARE, world_quota().flows);
		expect_packet(WD_R_CT_FULL, OUT, .family = family, .sport = 1);
		expect_packet(WD_R_CT_FULL, OUT, .family = family, .sport = 1,
			      .proto = 17);
		wd_expect_int(WD_OPEN_SHARE, world_flow_cnt());
	}
}

/* What others send counts against the larger share only. */
static void a_flood_from_outside_leaves_the_endpoint_its_own_share(void)
{
	for_each_family(family)
	{
		world_reset();
		flood(family, WD_INGRESS, WD_OPEN_SHARE + 100);
		wd_expect_int(0, world_quota().open);
		wd_expect_int(WD_OPEN_SHARE + 100, world_quota().flows);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
			      .sport = 1);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
	}
}

static void an_established_flow_survives_the_flood(void)
{
	for_each_family(family)
	{
		struct packet syn = { .family = family, IN, .sport = 500 };

		world_reset();
		expect_this(WD_R_POLICY_ALLOW, &syn);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 500,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 500, .flags = TCP_ACK);
		flood(family, WD_INGRESS, WD_OPEN_SHARE);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 500, .flags = TCP_ACK);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 500, .flags = TCP_ACK);
		wd_expect_int(0, world_flow(&syn, false, NULL));
	}
}

static void another_endpoint_has_its_own_share(void)
{
	struct wd_endpoint_val ep;

	for_each_family(family)
	{
		world_reset();
		ep = world_endpoint();
		flood(family, WD_EGRESS, WD_OPEN_SHARE);
		world_quota_set(FULL);
		expect_packet(WD_R_CT_FULL, OUT, .family = family, .sport = 1);
		ep.id = ep.stat = 2;
		world_endpoint_set(&ep);
		world_stat = 2;
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .sport = 1);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 80, .dport = 1,
			      .flags = TCP_SYN | TCP_ACK);
	}
}

static void a_share_used_up_stops_only_what_the_pod_opens(void)
{
	struct wd_quota_val all = { .ep = 1, .out = WD_FLOW_SHARE };

	for_each_family(family)
	{
		world_reset();
		all.tick = world_ticks();
		world_quota_set(all);
		expect_packet(WD_R_CT_FULL, OUT, .family = family);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family, .sport = 1);
	}
}

static void what_others_opened_does_not_count_for_it(void)
{
	struct wd_quota_val q = { .ep = 1, .flows = 4 * WD_FLOW_SHARE };

	for_each_family(family)
	{
		world_reset();
		q.tick = world_ticks();
		world_quota_set(q);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		wd_expect_int(1, world_quota().out);
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
		wd_expect_int(1, world_quota().out);
	}
}

static void an_answer_gives_the_share_back(void)
{
	struct wd_quota_val last;

	for_each_family(family)
	{
		world_reset();
		last = FULL;
		last.open--;
		last.due[(last.tick + 20) % WD_QUOTA_DUE]--;
		world_quota_set(last);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 17);
		expect_packet(WD_R_CT_FULL, OUT, .family = family, .proto = 17,
			      .sport = 1);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .proto = 17, .sport = 80, .dport = 40000);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
			      .proto = 17, .sport = 1);
	}
}

/* Of 32 flows, one due at each tick: how many are left after a while? */
static void a_share_is_given_back_when_the_flow_expires(void)
{
	static const struct {
		uint32_t ago;
		int left;
	} waits[] = { { 0, 28 }, { 1, 27 }, { 10, 18 },
		      { 27, 1 }, { 28, 0 }, { 32, 0 },
		      { 33, 0 }, { 64, 0 }, { 1000000, 0 } };

	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
			uint32_t before;
			struct wd_quota_val q = { .ep = 1, .open = 28 };

			world_reset();
			world_begin_tick();
			before = world_ticks();
			q.tick = before - waits[i].ago;
			for (uint32_t k = 1; k <= WD_LIFE_NEW; k++)
				q.due[(q.tick + k) % WD_QUOTA_DUE] = 1;
			world_quota_set(q);
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
			q = world_quota();
			wd_expect_int(before, q.tick);
			wd_expect_int(waits[i].left + 1, q.open);
		}
	}
}

/* A packet that began before another CPU saw the tick is late by one. */
static void a_packet_behind_the_times_gives_nothing_back(void)
{
	struct wd_quota_val full;

	for_each_family(family)
	{
		world_reset();
		full = FULL;
		full.tick += 2; /* in case a tick passes */
		world_quota_set(full);
		expect_packet(WD_R_CT_FULL, OUT, .family = family);
		expect_packet(WD_R_CT_FULL, OUT, .family = family, .sport = 1);
	}
}

static void the_next_instance_with_the_counter_begins_at_nothing(void)
{
	struct wd_quota_val old;

	for_each_family(family)
	{
		world_reset();
		old = FULL;
		old.ep = 77;
		old.flows = WD_FLOW_SHARE;
		world_quota_set(old);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		wd_expect_int(1, world_quota().ep);
		wd_expect_int(1, world_quota().open);
		wd_expect_int(1, world_quota().flows);
	}
}

/* ---- neighbours ---- */

static void a_pod_sends_so_many_neighbour_packets_in_a_tick(void)
{
	struct frame arp, nd, in;

	frame_arp(&arp, WD_EGRESS, 1, H_SELF, H_NODE);
	frame_nd(&nd, WD_EGRESS, 135, H_SELF, H_GROUP, H_NODE);
	frame_arp(&in, WD_INGRESS, 1, H_NODE, H_SELF);
	world_reset();
	world_begin_tick();
	for (int i = 0; i < WD_NEIGHBOUR_RATE - 1; i++)
		world_send(&arp, WD_EGRESS);
	world_expect(&nd, WD_EGRESS, WD_R_NEIGHBOUR);
	world_expect(&arp, WD_EGRESS, WD_R_NEIGHBOUR_FLOOD);
	world_expect(&nd, WD_EGRESS, WD_R_NEIGHBOUR_FLOOD);
	world_expect(&in, WD_INGRESS, WD_R_NEIGHBOUR);
	expect_packet(WD_R_POLICY_ALLOW, .family = 4, OUT);
	world_begin_tick();
	world_expect(&arp, WD_EGRESS, WD_R_NEIGHBOUR);
}

/* What is refused for what it says is not counted: it costs the host nothing. */
static void a_refused_neighbour_packet_counts_for_nothing(void)
{
	struct frame arp;

	frame_arp(&arp, WD_EGRESS, 2, H_NEAR, H_NODE);
	world_reset();
	world_expect(&arp, WD_EGRESS, WD_R_ARP_FORBIDDEN);
	wd_expect_int(0, world_quota().neighbour);
}

/* ---- a full table ---- */

/* Every place is taken by a live flow of endpoint @ep, whose counter is @stat. */
static void fill_table(uint32_t ep, uint16_t stat, uint16_t flags)
{
	uint32_t cnt;
	struct wd_bucket *bucket = world_buckets(&cnt);
	struct wd_quota_val q = { .ep = ep,
				  .flows = (int32_t)(cnt * WD_FLOW_WAYS),
				  .tick = world_ticks() };
	int err;

	for (uint32_t i = 0; i < cnt; i++) {
		for (int way = 0; way < WD_FLOW_WAYS; way++) {
			bucket[i].expires[way] = world_ticks() + 1000;
			bucket[i].flow[way].key.ep = ep;
			bucket[i].flow[way].stat = stat;
			bucket[i].flow[way].flags = flags;
		}
	}
	err = bpf_map_update_elem(world_map_fd("wd_quota"), &(uint32_t){ stat },
				  &q, BPF_ANY);
	assert(!err);
}

/* Let all flows there are be of this direction and protocol. */
static void all_are(uint8_t dir, uint8_t proto)
{
	uint32_t cnt;
	struct wd_bucket *bucket = world_buckets(&cnt);

	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++) {
		bucket[i / WD_FLOW_WAYS].flow[i % WD_FLOW_WAYS].dir = dir;
		bucket[i / WD_FLOW_WAYS].flow[i % WD_FLOW_WAYS].key.proto =
			proto;
	}
}

/*
 * The table is full of the endpoint's own flows: what others opened gives way,
 * be it answered or not, but no connection; what the pod asked for gives way
 * only to what it asks for now.
 */
static void a_table_full_of_its_own_takes_in_what_comes(void)
{
	static const struct {
		uint16_t flags;
		uint8_t dir, proto;
		int in, out;
	} all[] = {
		{ 0, WD_INGRESS, 6, WD_R_POLICY_ALLOW, WD_R_POLICY_ALLOW },
		{ 0, WD_INGRESS, 17, WD_R_POLICY_ALLOW, WD_R_POLICY_ALLOW },
		{ WD_FLOW_REPLIED, WD_INGRESS, 17, WD_R_POLICY_ALLOW,
		  WD_R_POLICY_ALLOW },
		{ WD_FLOW_REPLIED, WD_INGRESS, 6, WD_R_CT_FULL, WD_R_CT_FULL },
		{ 0, WD_EGRESS, 17, WD_R_CT_FULL, WD_R_POLICY_ALLOW },
		{ WD_FLOW_REPLIED, WD_EGRESS, 17, WD_R_CT_FULL,
		  WD_R_POLICY_ALLOW },
	};

	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			world_reset();
			fill_table(1, 1, all[i].flags);
			all_are(all[i].dir, all[i].proto);
			expect_packet(all[i].in, IN, .family = family);
			expect_packet(all[i].out, OUT, .family = family);
		}
	}
}

static int32_t flows_of(uint32_t stat)
{
	struct wd_quota_val q;

	world_read("wd_quota", &stat, &q);
	return q.flows;
}

static void a_full_table_yields_to_who_has_less(void)
{
	static const uint16_t states[] = { 0, WD_FLOW_REPLIED };

	for_each_family(family)
	{
		for (int i = 0; i < 2; i++) {
			int32_t all;

			world_reset();
			fill_table(2, 2, states[i]);
			all = flows_of(2);
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      .sport = 80, .dport = 40000,
				      .flags = TCP_SYN | TCP_ACK);
			wd_expect_int(all - 1, flows_of(2));
			wd_expect_int(1, flows_of(1));
		}
	}
}

static void who_has_most_of_a_full_table_gets_no_more(void)
{
	for_each_family(family)
	{
		struct wd_quota_val other = { .ep = 2, .flows = 5 };
		uint32_t two = 2;

		world_reset();
		fill_table(2, 2, WD_FLOW_REPLIED);
		other.tick = world_ticks();
		world_write("wd_quota", &two, &other);
		other.ep = 1;
		other.flows = 6;
		world_quota_set(other);
		expect_packet(WD_R_CT_FULL, OUT, .family = family);
		expect_packet(WD_R_CT_FULL, IN, .family = family);
		wd_expect_int(5, flows_of(2));
		wd_expect_int(6, flows_of(1));
	}
}

static int way_of_endpoint(uint32_t ep)
{
	uint32_t cnt;
	const struct wd_bucket *bucket = world_buckets(&cnt);

	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++)
		if (bucket[i / WD_FLOW_WAYS].flow[i % WD_FLOW_WAYS].key.ep ==
		    ep)
			return (int)(i % WD_FLOW_WAYS);
	return -1;
}

static void flows_of_an_endpoint_that_is_gone_yield_first(void)
{
	for_each_family(family)
	{
		uint32_t cnt;
		struct wd_bucket *bucket;

		world_reset();
		fill_table(2, 2, WD_FLOW_REPLIED);
		bucket = world_buckets(&cnt);
		for (uint32_t i = 0; i < cnt; i++)
			bucket[i].flow[5].key.ep = 99;
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		wd_expect_int(5, way_of_endpoint(1));
		wd_expect_int((int)cnt * WD_FLOW_WAYS, flows_of(2));
	}
}

/* Let all flows there are be dead. */
static void kill_all(void)
{
	uint32_t cnt;
	struct wd_bucket *bucket = world_buckets(&cnt);

	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++) {
		uint32_t *at =
			&bucket[i / WD_FLOW_WAYS].expires[i % WD_FLOW_WAYS];

		*at = *at ? 1 : 0;
	}
}

/* The dead leave the count by and by, as others come. */
static void dead_flows_leave_the_count(void)
{
	for_each_family(family)
	{
		world_reset();
		flood(family, WD_INGRESS, 100);
		kill_all();
		wd_expect_int(100, world_quota().flows);
		/* each new flow looks at three buckets, each CPU at its own */
		flood(family, WD_EGRESS, WD_OPEN_SHARE);
		flood(family, WD_EGRESS, 10 * WD_OPEN_SHARE);
		wd_expect(world_quota().flows < WD_OPEN_SHARE + 20);
	}
}

/* ---- two CPUs at once ---- */

#define KEPT 1000 /* flows that are talking meanwhile */
#define RACE_S (getenv("WD_LONG") ? 60 : 2)

static atomic_bool racing;
static int race_family;
static long raced; /* packets of the other thread */

/* SYNs to the pod from ever other ports: each a flow, in somebody's place. */
static void *flood_until_told(void *arg)
{
	struct packet p = { .family = race_family, IN };
	struct frame f;
	uint32_t nr = 0;

	(void)arg;
	frame_make(&f, &p);
	for (raced = 0; racing; raced++, nr++) {
		f.data[f.l4] = (uint8_t)(nr >> 8);
		f.data[f.l4 + 1] = (uint8_t)nr;
		f.data[f.l4 + 3] = (uint8_t)(80 + (nr >> 16) % 10);
		world_send(&f, WD_INGRESS);
	}
	return NULL;
}

static void *close_until_told(void *arg)
{
	struct packet rst = { .family = race_family,
			      IN,
			      .sport = 80,
			      .dport = 40000,
			      .flags = TCP_RST | TCP_ACK };
	struct frame f;

	(void)arg;
	frame_make(&f, &rst);
	for (raced = 0; racing; raced++)
		world_send(&f, WD_INGRESS);
	return NULL;
}

static bool race_is_on(time_t end)
{
	return time(NULL) < end;
}

static pthread_t race_start(int family, void *(*other)(void *))
{
	pthread_t thread;
	int err;

	race_family = family;
	racing = true;
	err = pthread_create(&thread, NULL, other, NULL);
	assert(!err);
	return thread;
}

static void race_end(pthread_t thread)
{
	int err;

	racing = false;
	err = pthread_join(thread, NULL);
	assert(!err);
	wd_expect(raced > 100);
}

static struct packet kept_packet(int family, int dir, int nr)
{
	struct packet p = { .family = family, .dir = dir, .proto = 17 };

	p.sport = dir == WD_EGRESS ? (uint16_t)(2000 + nr) : 80;
	p.dport = dir == WD_EGRESS ? 80 : (uint16_t)(2000 + nr);
	return p;
}

/* Question and answer of each. Return: how many answers did not pass. */
static int talk(const struct frame *out, const struct frame *in)
{
	int lost = 0;

	for (int i = 0; i < KEPT; i++) {
		lost += world_send(&out[i], WD_EGRESS) != -1;
		lost += world_send(&in[i], WD_INGRESS) != -1;
	}
	return lost;
}

/*
 * Answers pass by their flow alone. Each of the flood looks for dead flows to
 * clear, and for one that yields: none that talks is taken, at whatever moment
 * of that it is touched.
 */
static void no_flow_that_talks_is_lost_in_a_flood_on_another_cpu(void)
{
	static struct frame out[KEPT], in[KEPT];

	for_each_family(family)
	{
		time_t end = time(NULL) + RACE_S;
		pthread_t thread;
		long rounds = 0;
		int lost = 0;

		world_reset();
		tables_mix(SLOT_RULES, SLOT_ALL);
		world_publish(SLOT_MIXED, 0);
		for (int i = 0; i < KEPT; i++) {
			struct packet p = kept_packet(family, WD_EGRESS, i);
			struct packet q = kept_packet(family, WD_INGRESS, i);

			frame_make(&out[i], &p);
			frame_make(&in[i], &q);
		}
		/* the port of the first is nobody's: without a flow, no answer */
		wd_expect_int(2, world_send(&in[0], WD_INGRESS));
		wd_expect_int(0, talk(out, in));
		thread = race_start(family, flood_until_told);
		for (; race_is_on(end); rounds++)
			lost += talk(out, in);
		race_end(thread);
		wd_expect_int(0, lost);
		wd_expect(rounds > 0);
		wd_expect_int(world_flow_cnt(), world_quota().flows);
		wd_expect(world_quota().flows > KEPT + 100);
	}
}

/* RSTs that answer its SYNs, from the other CPU: what is opened last is there. */
static void closing_does_not_take_what_is_opened_at_the_same_time(void)
{
	for_each_family(family)
	{
		struct packet syn = { .family = family, OUT };
		time_t end = time(NULL) + RACE_S;
		struct frame f;
		pthread_t thread;
		int refused = 0;

		world_reset();
		tables_mix(SLOT_SHUT, SLOT_ALL);
		world_publish(SLOT_MIXED, 0);
		frame_make(&f, &syn);
		thread = race_start(family, close_until_told);
		while (race_is_on(end))
			refused += world_send(&f, WD_EGRESS) != -1;
		race_end(thread);
		wd_expect_int(0, refused);
		world_send(&f, WD_EGRESS);
		wd_expect_int(0, world_flow(&syn, true, NULL));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .flags = TCP_ACK);
		wd_expect_int(1, world_flow_cnt());
		wd_expect_int(1, world_quota().flows);
	}
}

/* ---- the handshake ---- */

static void an_endpoint_that_asks_holds_it_until_the_handshake_is_done(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		wd_expect_int(1, world_quota().open);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .flags = TCP_ACK);
		wd_expect_int(0, world_quota().open);
	}
}

static void mode_off_passes_what_has_no_share_left(void)
{
	for_each_family(family)
	{
		world_reset();
		world_publish(SLOT_RULES, WD_EP_OFF);
		world_quota_set(FULL);
		expect_packet(WD_R_MODE_OFF, OUT, .family = family);
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_audit(WD_R_CT_FULL, OUT, .family = family);
	}
}

/* Room for the floods: 32,768 flows. */
static void bend_table(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "wd_flow");
	int err = bpf_map__set_max_entries(map, 4096);

	assert(!err);
}

int main(void)
{
	if (world_open(bend_table))
		return 1;
	WD_TEST(a_flood_of_syns_uses_up_the_share_and_no_more);
	WD_TEST(a_flood_from_outside_leaves_the_endpoint_its_own_share);
	WD_TEST(an_established_flow_survives_the_flood);
	WD_TEST(another_endpoint_has_its_own_share);
	WD_TEST(a_share_used_up_stops_only_what_the_pod_opens);
	WD_TEST(what_others_opened_does_not_count_for_it);
	WD_TEST(a_table_full_of_its_own_takes_in_what_comes);
	WD_TEST(an_answer_gives_the_share_back);
	WD_TEST(a_share_is_given_back_when_the_flow_expires);
	WD_TEST(a_packet_behind_the_times_gives_nothing_back);
	WD_TEST(the_next_instance_with_the_counter_begins_at_nothing);
	WD_TEST(a_pod_sends_so_many_neighbour_packets_in_a_tick);
	WD_TEST(a_refused_neighbour_packet_counts_for_nothing);
	WD_TEST(a_full_table_yields_to_who_has_less);
	WD_TEST(who_has_most_of_a_full_table_gets_no_more);
	WD_TEST(flows_of_an_endpoint_that_is_gone_yield_first);
	WD_TEST(dead_flows_leave_the_count);
	WD_TEST(no_flow_that_talks_is_lost_in_a_flood_on_another_cpu);
	WD_TEST(closing_does_not_take_what_is_opened_at_the_same_time);
	WD_TEST(an_endpoint_that_asks_holds_it_until_the_handshake_is_done);
	WD_TEST(mode_off_passes_what_has_no_share_left);
	world_close();
	return wd_tests_end();
}
