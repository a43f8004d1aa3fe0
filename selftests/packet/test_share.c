// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_share.c - the share of an endpoint in the table of unreplied flows: a
 * flood of one stops neither its established flows, nor the node's probes, nor
 * another endpoint.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

#define PER_TICK (WD_NEW_SHARE / WD_LIFE_NEW)

/* Full, and still full if a tick passes before the packet. */
#define FULL \
	((struct wd_quota_val){ WD_NEW_SHARE + 2 * PER_TICK, world_ticks() })

/* Really send SYNs from different ports until the share is used up. */
static void flood(int family, int dir)
{
	struct packet p = { .family = family, .dir = dir };
	struct frame f;

	frame_make(&f, &p);
	for (int i = 0; i < WD_NEW_SHARE; i++) {
		f.data[f.l4] = (uint8_t)(0x40 + (i >> 8));
		f.data[f.l4 + 1] = (uint8_t)i;
		world_send(&f, dir);
	}
}

static void a_flood_of_syns_uses_up_the_share_and_no_more(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			int made;

			world_reset();
			flood(family, dir);
			made = world_flow_cnt(family == 4 ? "wd_new4" :
							    "wd_new6");
			wd_expect_int(WD_NEW_SHARE, made);
			/* ticks that passed meanwhile let some go */
			wd_expect(world_quota().open >
				  WD_NEW_SHARE - 3 * PER_TICK);
			world_quota_set(FULL);
			expect_packet(WD_R_CT_FULL, .family = family,
				      .dir = dir, .sport = 1);
			expect_packet(WD_R_CT_FULL, .family = family,
				      .dir = dir, .sport = 1, .proto = 17);
		}
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
		flood(family, WD_INGRESS);
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
		flood(family, WD_EGRESS);
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

static void a_share_used_up_does_not_stop_the_nodes_own_probes(void)
{
	for_each_family(family)
	{
		world_reset();
		world_quota_set(FULL);
		expect_packet(WD_R_CT_FULL, IN, .family = family);
		world_iif = 0;
		expect_packet(WD_R_HOST, IN, .family = family);
	}
}

static void an_answer_gives_the_share_back(void)
{
	struct wd_quota_val last;

	for_each_family(family)
	{
		world_reset();
		world_begin_tick();
		last.open = WD_NEW_SHARE - 1;
		last.tick = world_ticks();
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

static void time_gives_the_share_back(void)
{
	static const struct {
		uint32_t ago;
		int left;
	} waits[] = {
		{ 1, WD_NEW_SHARE - PER_TICK },
		{ 10, WD_NEW_SHARE - 10 * PER_TICK },
		{ WD_LIFE_NEW, 0 },
		{ 1000000, 0 },
	};

	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
			uint32_t before = world_ticks();
			struct wd_quota_val q = { WD_NEW_SHARE,
						  before - waits[i].ago };

			world_reset();
			world_quota_set(q);
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
			q = world_quota();
			if (world_ticks() == before)
				wd_expect_int(waits[i].left + 1, q.open);
			wd_expect(q.tick >= before);
		}
	}
}

/* A flood from outside must not shut up the endpoint that answers it. */
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

static void an_endpoint_that_answers_holds_no_share_for_the_asker(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family);
		wd_expect_int(1, world_quota().open);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		wd_expect_int(0, world_quota().open);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .flags = TCP_ACK);
		wd_expect_int(0, world_quota().open);
	}
}

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
		expect_packet(WD_R_CT_FULL, OUT, .family = family);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_flood_of_syns_uses_up_the_share_and_no_more);
	WD_TEST(an_established_flow_survives_the_flood);
	WD_TEST(another_endpoint_has_its_own_share);
	WD_TEST(a_share_used_up_does_not_stop_the_nodes_own_probes);
	WD_TEST(an_answer_gives_the_share_back);
	WD_TEST(time_gives_the_share_back);
	WD_TEST(a_packet_behind_the_times_gives_nothing_back);
	WD_TEST(an_endpoint_that_answers_holds_no_share_for_the_asker);
	WD_TEST(an_endpoint_that_asks_holds_it_until_the_handshake_is_done);
	WD_TEST(mode_off_passes_what_has_no_share_left);
	world_close();
	return wd_tests_end();
}
