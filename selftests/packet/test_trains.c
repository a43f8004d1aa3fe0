// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_trains.c - whose fragment trains have a place in the table: a sender
 * that floods it takes no place of another's.
 */
#include <string.h>

#include "world.h"

#define UDP .proto = 17
#define FIRST .more = true
#define LATER(off) .frag_off = (off)
#define TRAINS_MAX (WD_FRAG_BUCKETS * WD_FRAG_WAYS)
#define SLOW_TRAINS 50 /* of another sender, while one floods */

/* The next first fragment of a flood of trains that are never finished. */
static int flood_once(struct frame *f, int family, int dir, uint32_t number)
{
	size_t id = family == 4 ? 14 + 4 : 14 + 40 + 4;

	for (int i = 0; i < 2; i++)
		f->data[id + (family == 4 ? 0U : 2U) + (size_t)i] =
			(uint8_t)(number >> (8 - 8 * i));
	return world_send(f, dir);
}

static void flood(const struct packet *first, uint32_t cnt)
{
	struct frame f;

	frame_make(&f, first);
	for (uint32_t i = 0; i < cnt; i++)
		(void)flood_once(&f, first->family, first->dir, i);
}

static void orphans_take_no_place(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet orphan = {
				.family = family, .dir = dir, UDP, LATER(40)
			};

			world_reset();
			flood(&orphan, 1000);
			wd_expect_int(0, world_trains(NULL));
		}
	}
}

static void denied_fragments_take_no_place(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet denied = { .family = family,
						 .dir = dir,
						 UDP,
						 FIRST,
						 .dport = 90 };

			world_reset();
			flood(&denied, 1000);
			wd_expect_int(0, world_trains(NULL));
		}
	}
}

/* From the pod, and towards it from the pod next door. */
static struct packet flooder(int family, int dir)
{
	struct packet first = { .family = family, .dir = dir, UDP, FIRST };

	if (dir == WD_INGRESS) {
		world_iif = IF_NEAR;
		first.src = H_NEAR;
	}
	return first;
}

static void expect_flood(int family, int dir)
{
	struct packet first;
	struct frame f;
	int refused = 0;

	world_reset();
	world_publish(SLOT_OPEN, 0);
	first = flooder(family, dir);
	flood(&first, 2 * TRAINS_MAX);
	wd_expect(world_trains(NULL) > TRAINS_MAX * 9 / 10);
	/* most buckets are full by now */
	frame_make(&f, &first);
	for (uint32_t i = 0; i < 32; i++)
		refused += flood_once(&f, family, dir, 0x8000 + i) == 2;
	wd_expect(refused > 24);
	wd_test_row("what it has goes on");
	first.frag_id = 1;
	first.frag_off = 40;
	expect_this(WD_R_ESTABLISHED, &first);
	wd_test_row(NULL);
}

static void a_flood_fills_the_table_and_is_refused_the_rest(void)
{
	expect_flood(4, WD_EGRESS);
	expect_flood(6, WD_INGRESS);
}

/* A whole train towards the pod, with a flood between its fragments. */
static void slow_train(int family, struct frame *noise,
		       const struct packet *loud, uint32_t turn)
{
	uint32_t quiet_iif = IF_UPLINK, loud_iif = world_iif;
	struct packet p = {
		.family = family, IN, UDP, FIRST, .frag_id = 1 + turn
	};
	struct frame f;

	for (uint32_t part = 0; part < 3; part++) {
		p.frag_off = part ? 8 + 32 * (int)part : 0;
		p.more = part < 2;
		world_iif = quiet_iif;
		frame_make(&f, &p);
		wd_expect_int(-1, world_send(&f, WD_INGRESS));
		world_iif = loud_iif;
		for (uint32_t i = 0; i < 10; i++)
			(void)flood_once(noise, family, loud->dir,
					 turn * 30 + part * 10 + i);
	}
}

static void trains_of_others_pass_in_a_flood(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			struct packet first;
			struct frame noise;

			world_reset();
			world_publish(SLOT_OPEN, 0);
			first = flooder(family, dir);
			world_frags_fill(&first);
			frame_make(&noise, &first);
			for (uint32_t i = 0; i < SLOW_TRAINS; i++)
				slow_train(family, &noise, &first, i);
		}
	}
}

/* The pod floods; another pod, with the same peer, is not refused. */
static void another_endpoint_has_a_share_of_its_own(void)
{
	struct wd_endpoint_val ep;

	for_each_family(family)
	{
		struct packet first = { .family = family, OUT, UDP, FIRST };

		world_reset();
		world_frags_fill(&first);
		expect_packet(WD_R_FRAG_FULL, OUT, .family = family, UDP, FIRST,
			      .frag_id = 8);
		ep = world_endpoint();
		ep.id = ep.stat = 2;
		world_endpoint_set(&ep);
		world_stat = 2;
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family, UDP,
			      FIRST, .frag_id = 8);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family, UDP,
			      LATER(40), .frag_id = 8);
	}
}

/* At the receiver's hook, the sender answers for what it sends. */
static void a_receiver_hears_others_than_the_one_that_floods_it(void)
{
	for_each_family(family)
	{
		struct packet loud = { .family = family, IN, UDP, FIRST };

		world_reset();
		world_frags_fill(&loud);
		loud.frag_id = 8;
		expect_this(WD_R_FRAG_FULL, &loud);
		wd_test_row("but another one's train passes");
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST, FROM(H_PREFIX));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40), FROM(H_PREFIX));
		wd_test_row("and it may send itself");
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family, UDP,
			      FIRST, .sport = 3);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family, UDP,
			      LATER(40));
		wd_test_row(NULL);
	}
}

/* Routed by its device, bridged by its address: one sender, one share. */
static void a_pod_of_this_node_answers_at_both_hooks(void)
{
	static const struct {
		const char *name;
		uint32_t iif, owner;
		enum host src;
	} ways[] = {
		{ "routed", IF_NEAR, 2, H_NEAR },
		{ "bridged", IF_BRIDGE, 3, H_BRIDGED },
	};
	struct wd_train train;

	for_each_family(family)
	{
		for (int i = 0; i < 2; i++) {
			wd_test_row(ways[i].name);
			world_reset();
			world_publish(SLOT_OPEN, 0);
			world_iif = ways[i].iif;
			expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
				      UDP, FIRST, FROM(ways[i].src));
			wd_expect_int(1, world_trains(&train));
			wd_expect_int(ways[i].owner, train.owner);
		}
		wd_test_row("a remote one's");
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		wd_expect_int(1, world_trains(&train));
		wd_expect(train.owner & WD_FRAG_REMOTE);
		wd_test_row("the pod's own");
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family, UDP,
			      FIRST);
		wd_expect_int(1, world_trains(&train));
		wd_expect_int(1, train.owner);
		wd_test_row(NULL);
	}
}

/* A flow is there, so nobody asks again by which device its packets come. */
static void an_address_by_another_device_does_not_make_its_pod_answer(void)
{
	static const struct {
		uint32_t iif;
		enum host src;
	} ways[] = { { IF_NEAR, H_NEAR }, { IF_BRIDGE, H_BRIDGED } };
	struct wd_train train;

	for_each_family(family)
	{
		for (int i = 0; i < 2; i++) {
			world_reset();
			world_publish(SLOT_OPEN, 0);
			world_iif = ways[i].iif;
			expect_packet(WD_R_NOT_ISOLATED, IN, .family = family,
				      UDP, FROM(ways[i].src));
			expect_packet(WD_R_ESTABLISHED, OUT, .family = family,
				      UDP, .sport = 80, .dport = 40000,
				      TO(ways[i].src));
			world_iif = IF_UPLINK;
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      UDP, FIRST, FROM(ways[i].src));
			wd_expect_int(1, world_trains(&train));
			wd_expect(train.owner & WD_FRAG_REMOTE);
		}
	}
}

/* Each bucket full of one sender's trains, the oldest in place @oldest. */
static void set_ages(uint32_t oldest)
{
	struct wd_frag_val bucket;

	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++) {
		world_read("wd_frag", &at, &bucket);
		for (uint32_t i = 0; i < WD_FRAG_WAYS; i++)
			bucket.train[i].expires =
				world_ticks() + 10 + (i ^ oldest);
		world_write("wd_frag", &at, &bucket);
	}
}

/* The place that a train of @owner has; -1: none. */
static int place_of(uint32_t owner)
{
	struct wd_frag_val bucket;

	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++) {
		world_read("wd_frag", &at, &bucket);
		for (int i = 0; i < WD_FRAG_WAYS; i++)
			if (bucket.train[i].owner == owner)
				return i;
	}
	return -1;
}

static void the_oldest_train_gives_way(void)
{
	for_each_family(family)
	{
		struct packet loud = { .family = family, IN, UDP, FIRST };

		for (uint32_t oldest = 0; oldest < WD_FRAG_WAYS; oldest++) {
			world_reset();
			world_frags_fill(&loud);
			set_ages(oldest);
			expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family,
				      UDP, FIRST, .sport = 3);
			wd_expect_int(oldest, place_of(1));
		}
	}
}

static void set_all_expired(void)
{
	struct wd_frag_val bucket;

	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++) {
		world_read("wd_frag", &at, &bucket);
		for (int i = 0; i < WD_FRAG_WAYS; i++)
			bucket.train[i].expires = world_ticks();
		world_write("wd_frag", &at, &bucket);
	}
}

static void time_gives_the_places_back(void)
{
	for_each_family(family)
	{
		struct packet first = { .family = family, OUT, UDP, FIRST };

		world_reset();
		world_frags_fill(&first);
		first.frag_id = 8;
		expect_this(WD_R_FRAG_FULL, &first);
		set_all_expired();
		expect_this(WD_R_ESTABLISHED, &first);
		wd_expect_int(1, world_trains(NULL));
	}
}

static void mode_off_needs_no_place(void)
{
	for_each_family(family)
	{
		struct packet first = { .family = family, OUT, UDP, FIRST };

		world_reset();
		world_frags_fill(&first);
		world_publish(SLOT_RULES, WD_EP_OFF);
		first.frag_id = 8;
		expect_this(WD_R_MODE_OFF, &first);
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_audit_this(WD_R_FRAG_FULL, &first);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(orphans_take_no_place);
	WD_TEST(denied_fragments_take_no_place);
	WORLD_TEST(a_flood_fills_the_table_and_is_refused_the_rest);
	WORLD_TEST(trains_of_others_pass_in_a_flood);
	WORLD_TEST(another_endpoint_has_a_share_of_its_own);
	WORLD_TEST(a_receiver_hears_others_than_the_one_that_floods_it);
	WORLD_TEST(a_pod_of_this_node_answers_at_both_hooks);
	WORLD_TEST(an_address_by_another_device_does_not_make_its_pod_answer);
	WORLD_TEST(the_oldest_train_gives_way);
	WORLD_TEST(time_gives_the_places_back);
	WORLD_TEST(mode_off_needs_no_place);
	world_close();
	return wd_tests_end();
}
