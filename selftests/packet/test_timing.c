// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_timing.c - each TCP handshake is counted once, by what its pod waited
 * for, where its endpoint's namespace is counted; and nothing else is.
 */
#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "image.h"

#define GROUP 7
#define WAIT_NS 30000000

static struct wd_timing_val before, since;

/* Is it measured at all? */
static bool is_full(void)
{
	return !wd_image_is_lower();
}

static void read_group(uint32_t group, struct wd_timing_val *ret_val)
{
	world_read("wd_timing", &group, ret_val);
}

/* In group GROUP, as that of instance @ep. */
static void begin_as(uint32_t ep)
{
	struct wd_group_val val = { .ep = ep, .group = GROUP };

	world_write("wd_group", &world_stat, &val);
	read_group(GROUP, &before);
}

static void begin(void)
{
	begin_as(world_endpoint().id);
}

/* How many more there are of a side, and in which step the last of them is. */
static int count(enum wd_timing_side side, uint32_t *ret_step)
{
	int sum = 0;

	read_group(GROUP, &since);
	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++) {
		int more = (int)(since.cnt[side][i] - before.cnt[side][i]);

		sum += more;
		if (more && ret_step)
			*ret_step = i;
	}
	return sum;
}

/* Since begin(), of the side that the pod is on if @opener opened. */
#define expect_counted(opener, want) expect_counted_at(__LINE__, opener, want)
static void expect_counted_at(int line, int opener, int want)
{
	bool is_client = opener == POD;

	want *= is_full();
	wd_expect_int_at(__FILE__, line, "client", is_client ? want : 0,
			 count(WD_TIMING_CLIENT, NULL));
	wd_expect_int_at(__FILE__, line, "server", is_client ? 0 : want,
			 count(WD_TIMING_SERVER, NULL));
}

static void once(struct conn *c)
{
	begin();
	conn_open(c);
	conn_works(c);
	expect_counted(c->opener, 1);
}

static void a_handshake_counts_once_on_the_side_of_the_pod(void)
{
	for_each_conn(once);
}

static void repeated(struct conn *c)
{
	uint32_t opener = c->at[c->opener], other = c->at[!c->opener];

	begin();
	expect_next(c, c->opener, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_raw(c, c->opener, TCP_SYN, opener, 0, 0, WD_R_ESTABLISHED);
	expect_next(c, !c->opener, SYNACK, 0, WD_R_ESTABLISHED);
	expect_raw(c, !c->opener, SYNACK, other, opener + 1, 0,
		   WD_R_ESTABLISHED);
	expect_next(c, c->opener, TCP_ACK, 0, WD_R_ESTABLISHED);
	expect_counted(c->opener, 1);
}

static void what_is_repeated_counts_once(void)
{
	for_each_conn(repeated);
}

static void wait_a_little(void)
{
	const struct timespec time = { .tv_nsec = WAIT_NS };

	(void)nanosleep(&time, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The least time that counts in a step, by the text of limits.h. */
static uint64_t floor_of(uint32_t step)
{
	uint64_t unit = WD_TIMING_UNIT_NS;

	for (; step >= 2 * WD_TIMING_PARTS; step -= WD_TIMING_PARTS)
		unit *= 2;
	return step * unit;
}

/* From the first of what was repeated: it took at least what was waited. */
static void timed(struct conn *c)
{
	enum wd_timing_side side = c->opener == POD ? WD_TIMING_CLIENT :
						      WD_TIMING_SERVER;
	uint32_t step = 0;
	uint64_t began;

	begin();
	expect_next(c, c->opener, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	if (c->opener == PEER)
		expect_next(c, POD, SYNACK, 0, WD_R_ESTABLISHED);
	began = now_ns();
	wait_a_little();
	expect_raw(c, POD, c->opener == POD ? TCP_SYN : SYNACK, c->at[POD] - 1,
		   c->at[PEER], 0, WD_R_ESTABLISHED);
	if (c->opener == POD)
		expect_next(c, PEER, SYNACK, 0, WD_R_ESTABLISHED);
	else
		expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
	wd_expect_int(1, count(side, &step));
	wd_expect(floor_of(step + 1) > WAIT_NS);
	/* not longer than from before the first of both, which waited too */
	wd_expect(floor_of(step) < now_ns() - began + WAIT_NS);
}

static void it_takes_from_the_first_of_what_is_repeated(void)
{
	if (!is_full()) {
		wd_expect_int(0, count(WD_TIMING_CLIENT, NULL));
		return; /* nothing is timed, see expect_counted() */
	}
	for_each_conn(timed);
}

static void unanswered(struct conn *c)
{
	begin();
	expect_next(c, c->opener, TCP_SYN, 0, WD_R_POLICY_ALLOW);
	expect_counted(c->opener, 0);
	expect_next(c, !c->opener, RSTACK, 0, WD_R_ESTABLISHED);
	expect_counted(c->opener, 0);
}

static void what_is_not_answered_counts_not(void)
{
	for_each_conn(unanswered);
}

static void another(struct conn *c)
{
	static struct wd_timing_val rest, rest_after;
	int sum = 0;

	begin_as(world_endpoint().id + 1);
	read_group(WD_GROUP_REST, &rest);
	conn_open(c);
	expect_counted(c->opener, 0);
	read_group(WD_GROUP_REST, &rest_after);
	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++)
		sum += (int)(rest_after.cnt[c->opener != POD][i] -
			     rest.cnt[c->opener != POD][i]);
	wd_expect_int(is_full(), sum);
}

static void the_group_of_another_instance_is_not_its_own(void)
{
	for_each_conn(another);
}

static void by_the_host(struct conn *c)
{
	begin();
	world_iif = 0;
	expect_next(c, PEER, TCP_SYN, 0, WD_R_HOST);
	expect_next(c, POD, SYNACK, 0, WD_R_ESTABLISHED);
	expect_next(c, PEER, TCP_ACK, 0, WD_R_ESTABLISHED);
	world_iif = IF_UPLINK;
	expect_counted(PEER, 0);
}

static void what_this_host_opens_counts_not(void)
{
	for_each_conn_of(PEER, by_the_host);
}

static void what_is_no_tcp_counts_not(void)
{
	world_reset();
	begin();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4, .proto = 17);
	expect_packet(WD_R_ESTABLISHED, IN, .family = 4, .proto = 17,
		      .sport = 80, .dport = 40000);
	expect_packet(WD_R_ESTABLISHED, OUT, .family = 4, .proto = 17);
	expect_counted(POD, 0);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(a_handshake_counts_once_on_the_side_of_the_pod);
	WD_TEST(what_is_repeated_counts_once);
	WD_TEST(it_takes_from_the_first_of_what_is_repeated);
	WD_TEST(what_is_not_answered_counts_not);
	WD_TEST(the_group_of_another_instance_is_not_its_own);
	WD_TEST(what_this_host_opens_counts_not);
	WD_TEST(what_is_no_tcp_counts_not);
	world_close();
	return wd_tests_end();
}
