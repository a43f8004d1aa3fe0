// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_overlap.c - no byte of a datagram in fragments passes twice, and what is
 * put together has the ports that were judged. Sizes are of IPv4 and IPv6
 * alike, offsets in bytes: the first fragment ends at 40.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UDP .proto = 17
#define FIRST .more = true
#define LATER(off) .frag_off = (off)
#define BYTES(n) .payload = (n)

static void no_later_fragment_covers_the_transport_header(void)
{
	static const struct {
		int proto, payload, off, reason;
	} offs[] = {
		{ 6, 4, 8, WD_R_FRAG_OVERLAP },
		{ 6, 4, 16, WD_R_FRAG_OVERLAP },
		{ 6, 4, 24, WD_R_ESTABLISHED },
		{ 132, 4, 8, WD_R_FRAG_OVERLAP },
		{ 132, 4, 16, WD_R_ESTABLISHED },
		{ 17, -1, 8, WD_R_ESTABLISHED },
	};

	for_each_family(family)
	{
		for (size_t i = 0; i < COUNT(offs); i++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
				      .proto = offs[i].proto, FIRST,
				      .payload = offs[i].payload);
			if (offs[i].proto == 6) /* a flow needs an answer */
				expect_packet(WD_R_ESTABLISHED, OUT,
					      .family = family, .sport = 80,
					      .dport = 40000,
					      .flags = TCP_SYN | TCP_ACK);
			expect_packet(offs[i].reason, IN, .family = family,
				      .proto = offs[i].proto,
				      LATER(offs[i].off));
		}
	}
}

static void reassembly_past_the_largest_packet_is_refused(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
			      LATER(65528), .payload = 32);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(65504), .payload = 31);
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
			      LATER(65504), .payload = 32);
	}
}

/* Not the last one, so of a length that no end can have; or of none. */
static void a_fragment_of_a_length_that_none_has_is_malformed(void)
{
	static const int lens[] = { 1, 7, 9, 12, 31, 33 };

	for_each_family(family)
	{
		world_reset();
		for (size_t i = 0; i < COUNT(lens); i++) {
			expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
				      FIRST, BYTES(lens[i]));
			expect_packet(WD_R_L3_BAD, IN, .family = family, UDP,
				      LATER(80), FIRST, BYTES(lens[i]));
		}
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP, LATER(80),
			      FIRST, BYTES(-1));
		expect_packet(WD_R_L3_BAD, IN, .family = family, UDP, LATER(80),
			      BYTES(-1));
		wd_expect_int(0, world_trains(NULL));

		wd_test_row("the last one may end anywhere");
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(40), BYTES(7));
		wd_test_row(NULL);
	}
}

/* After a first fragment of 40 bytes, and 80 .. 111. */
static const struct {
	const char *name;
	int off, len;
	bool is_last;
	int reason;
} places[] = {
	{ "the same again", 80, 32, false, WD_R_FRAG_OVERLAP },
	{ "the same as the last", 80, 32, true, WD_R_FRAG_OVERLAP },
	{ "within", 88, 8, false, WD_R_FRAG_OVERLAP },
	{ "around", 72, 64, false, WD_R_FRAG_OVERLAP },
	{ "into it from before", 72, 16, false, WD_R_FRAG_OVERLAP },
	{ "out of it", 104, 16, false, WD_R_FRAG_OVERLAP },
	{ "the last byte", 104, 8, true, WD_R_FRAG_OVERLAP },
	{ "out of the first", 32, 16, false, WD_R_FRAG_OVERLAP },
	{ "within the first", 32, 8, false, WD_R_FRAG_OVERLAP },
	{ "over all", 32, 160, true, WD_R_FRAG_OVERLAP },
	{ "an end before it", 40, 40, true, WD_R_FRAG_OVERLAP },
	{ "an end far before it", 56, 3, true, WD_R_FRAG_OVERLAP },
	{ "between", 56, 8, false, WD_R_ESTABLISHED },
	{ "all between", 40, 40, false, WD_R_ESTABLISHED },
	{ "right behind the first", 40, 8, false, WD_R_ESTABLISHED },
	{ "right before it", 72, 8, false, WD_R_ESTABLISHED },
	{ "right behind it", 112, 8, false, WD_R_ESTABLISHED },
	{ "the end right behind it", 112, 1, true, WD_R_ESTABLISHED },
	{ "far behind", 4000, 8, false, WD_R_ESTABLISHED },
	{ "the end far behind", 4000, 9, true, WD_R_ESTABLISHED },
};

static void run_place(int family, int dir, size_t i)
{
	wd_test_row(places[i].name);
	world_reset();
	for (uint32_t id = 7; id <= 8; id++) {
		expect_packet(WD_R_POLICY_ALLOW, .dir = dir, .family = family,
			      UDP, FIRST, .frag_id = id,
			      .sport = (uint16_t)(100 + id));
		expect_packet(WD_R_ESTABLISHED, .dir = dir, .family = family,
			      UDP, FIRST, LATER(80), .frag_id = id);
	}
	expect_packet(places[i].reason, .dir = dir, .family = family, UDP,
		      LATER(places[i].off), BYTES(places[i].len),
		      .more = !places[i].is_last);
	/* an overlap ends the train, and no other */
	if (places[i].reason != WD_R_ESTABLISHED)
		expect_packet(WD_R_FRAG_ORPHAN, .dir = dir, .family = family,
			      UDP, FIRST, LATER(64), BYTES(8));
	expect_packet(WD_R_ESTABLISHED, .dir = dir, .family = family, UDP,
		      FIRST, LATER(64), BYTES(8), .frag_id = 8);
	wd_test_row(NULL);
}

static void no_byte_passes_twice(void)
{
	for (int family = 4; family <= 6; family += 2)
		for (int dir = 0; dir < WD_DIR__MAX; dir++)
			for (size_t i = 0; i < COUNT(places); i++)
				run_place(family, dir, i);
}

static void nothing_passes_behind_the_end(void)
{
	for_each_family(family)
	{
		for (int cut = 0; cut < 3; cut++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, IN, .family = family,
				      UDP, FIRST);
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      UDP, LATER(80), BYTES(9));
			/* behind, across, and another end */
			if (cut == 0)
				expect_packet(WD_R_FRAG_OVERLAP, IN,
					      .family = family, UDP, FIRST,
					      LATER(96), BYTES(8));
			if (cut == 1)
				expect_packet(WD_R_FRAG_OVERLAP, IN,
					      .family = family, UDP, LATER(200),
					      BYTES(9));
			if (cut == 2)
				expect_packet(WD_R_FRAG_OVERLAP, IN,
					      .family = family, UDP, LATER(48),
					      BYTES(8));
			expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family,
				      UDP, FIRST, LATER(40));
		}
	}
}

/* Room for as many holes as the table says, the one at the end among them. */
static void a_train_with_too_many_holes_is_at_its_end(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		for (int i = 1; i < WD_FRAG_GAPS; i++)
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      UDP, FIRST, LATER(40 + 64 * i));
		wd_test_row("one filled is room for another");
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST, LATER(40), BYTES(64));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST, LATER(1000));
		wd_test_row("there is no more");
		expect_packet(WD_R_FRAG_OVERLAP, IN, .family = family, UDP,
			      FIRST, LATER(2000));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      FIRST, LATER(136));
		wd_test_row(NULL);
	}
}

static void a_train_that_has_passed_is_forgotten(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      LATER(72), BYTES(3));
		wd_expect_int(1, world_trains(NULL));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST, LATER(40));
		wd_expect_int(0, world_trains(NULL));
		expect_packet(WD_R_FRAG_ORPHAN, IN, .family = family, UDP,
			      FIRST, LATER(40));
		wd_test_row("its id may be used again, with other ports");
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST, .sport = 4);
		wd_test_row(NULL);
	}
}

/* ---- two CPUs at once ---- */

#define ROUNDS 2000

static const struct packet *later; /* what both send */
static atomic_int round_now, other_done;
static int other_passed;

static bool passes_now(const struct packet *packet)
{
	struct frame f;

	frame_make(&f, packet);
	return world_send(&f, packet->dir) != 2;
}

static void *other_cpu(void *arg)
{
	for (int i = 1; i <= ROUNDS; i++) {
		while (atomic_load(&round_now) < i)
			(void)sched_yield();
		other_passed = passes_now(later);
		atomic_store(&other_done, i);
	}
	return arg;
}

/* Gives the rounds in which not exactly one of the two passed. */
static int race(const struct packet *first)
{
	pthread_t other;
	int wrong = 0;

	atomic_store(&round_now, 0);
	atomic_store(&other_done, 0);
	wd_expect_int(0, pthread_create(&other, NULL, other_cpu, NULL));
	for (int i = 1; i <= ROUNDS; i++) {
		bool passed;

		wd_expect(passes_now(first));
		atomic_store(&round_now, i);
		passed = passes_now(later);
		while (atomic_load(&other_done) < i)
			(void)sched_yield();
		wrong += passed + other_passed != 1;
	}
	wd_expect_int(0, pthread_join(other, NULL));
	return wrong;
}

static void of_two_equal_fragments_at_once_one_passes(void)
{
	for_each_family(family)
	{
		struct packet first = { .family = family, IN, UDP, FIRST };
		struct packet same = first;

		same.frag_off = 40;
		later = &same;
		world_reset();
		wd_expect_int(0, race(&first));
	}
}

/* ---- a first fragment again ---- */

static void a_first_with_the_same_ports_begins_the_train_anew(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, .dir = dir,
				      .family = family, UDP, FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST, LATER(40));
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST);
			wd_expect_int(1, world_trains(NULL));
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST, LATER(40));
			expect_packet(WD_R_FRAG_OVERLAP, .dir = dir,
				      .family = family, UDP, FIRST, LATER(40));
			wd_test_row("also of one at its end");
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST, LATER(40));
			wd_test_row(NULL);
		}
	}
}

/* The holes of before are gone: what fills one of the new train fills it for good. */
static void a_train_begun_anew_has_no_holes_of_before(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		for (int i = 1; i < WD_FRAG_GAPS; i++)
			expect_packet(WD_R_ESTABLISHED, IN, .family = family,
				      UDP, FIRST, LATER(40 + 64 * i));
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST, LATER(40), BYTES(400));
		expect_packet(WD_R_FRAG_OVERLAP, IN, .family = family, UDP,
			      FIRST, LATER(136));
	}
}

/* Else a receiver that keeps the one would give it the rest of the other. */
static void a_first_with_other_ports_ends_the_train_and_does_not_pass(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			expect_packet(WD_R_POLICY_ALLOW, .dir = dir,
				      .family = family, UDP, FIRST);
			for (int i = 0; i < 2; i++) {
				expect_packet(WD_R_FRAG_OVERLAP, .dir = dir,
					      .family = family, UDP, FIRST,
					      .sport = 4);
				expect_packet(WD_R_FRAG_ORPHAN, .dir = dir,
					      .family = family, UDP, FIRST,
					      LATER(40));
			}
			wd_test_row("the same ports and another id pass");
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST, .sport = 4,
				      .frag_id = 8);
			expect_packet(WD_R_ESTABLISHED, .dir = dir,
				      .family = family, UDP, FIRST, LATER(40),
				      .frag_id = 8);
			wd_test_row(NULL);
		}
	}
}

static void a_denied_first_does_not_make_room_for_other_ports(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, IN, .family = family, UDP,
			      FIRST);
		expect_packet(WD_R_DEFAULT, IN, .family = family, UDP, FIRST,
			      .dport = 90);
		expect_packet(WD_R_FRAG_OVERLAP, IN, .family = family, UDP,
			      FIRST, .sport = 4);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      FIRST);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WORLD_TEST(no_later_fragment_covers_the_transport_header);
	WD_TEST(reassembly_past_the_largest_packet_is_refused);
	WD_TEST(a_fragment_of_a_length_that_none_has_is_malformed);
	WD_TEST(no_byte_passes_twice);
	WD_TEST(nothing_passes_behind_the_end);
	WD_TEST(a_train_with_too_many_holes_is_at_its_end);
	WORLD_TEST(a_train_that_has_passed_is_forgotten);
	WORLD_TEST(of_two_equal_fragments_at_once_one_passes);
	WORLD_TEST(a_first_with_the_same_ports_begins_the_train_anew);
	WD_TEST(a_train_begun_anew_has_no_holes_of_before);
	WD_TEST(a_first_with_other_ports_ends_the_train_and_does_not_pass);
	WD_TEST(a_denied_first_does_not_make_room_for_other_ports);
	world_close();
	return wd_tests_end();
}
