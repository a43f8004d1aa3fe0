// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_rulestat.c - what is counted by rule: each packet that a rule decided
 * about, or the flow of which one let in, once; and nothing else.
 */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define CPUS_MAX 1024

static struct wd_rulestat_val before[2];

static const uint32_t rules[] = { RULE_FRIEND, RULE_FOE };

static struct wd_rulestat_val stat_of(uint32_t rule)
{
	static struct wd_rulestat_val cpu[CPUS_MAX];
	struct wd_rulestat_val sum = { 0 };

	memset(cpu, 0, sizeof(cpu));
	if (bpf_map_lookup_elem(world_map_fd("wd_rulestat"), &rule, cpu))
		abort();
	for (int i = 0; i < CPUS_MAX; i++) {
		sum.packets += cpu[i].packets;
		sum.bytes += cpu[i].bytes;
		sum.flows += cpu[i].flows;
		sum.last = cpu[i].last > sum.last ? cpu[i].last : sum.last;
	}
	return sum;
}

static void note(void)
{
	for (int i = 0; i < 2; i++)
		before[i] = stat_of(rules[i]);
}

#define expect_counted(rule, packets, flows) \
	expect_counted_at(__LINE__, rule, packets, flows)
/* Since note(); of the other rule nothing. */
static void expect_counted_at(int line, uint32_t rule, int packets, int flows)
{
	for (int i = 0; i < 2; i++) {
		struct wd_rulestat_val is = stat_of(rules[i]);
		bool it = rules[i] == rule;

		wd_expect_int_at(__FILE__, line, "packets", it ? packets : 0,
				 (int64_t)(is.packets - before[i].packets));
		wd_expect_int_at(__FILE__, line, "flows", it ? flows : 0,
				 (int64_t)(is.flows - before[i].flows));
		wd_expect_int_at(__FILE__, line, "any bytes", it && packets,
				 is.bytes != before[i].bytes);
	}
	note();
}

static void each_packet_of_a_flow_counts_for_the_rule_that_let_it_in(void)
{
	for_each_family(family)
	{
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			world_reset();
			note();
			expect_packet(WD_R_POLICY_ALLOW, .family = family,
				      .dir = dir);
			expect_counted(RULE_FRIEND, 1, 1);
			/* again, answered, complete: slow, then fast */
			expect_packet(WD_R_ESTABLISHED, .family = family,
				      .dir = dir);
			expect_counted(RULE_FRIEND, 1, 0);
			expect_packet(WD_R_ESTABLISHED, .family = family,
				      .dir = !dir, .sport = 80, .dport = 40000,
				      .flags = TCP_SYN | TCP_ACK);
			expect_counted(RULE_FRIEND, 1, 0);
			for (int i = 0; i < 3; i++)
				expect_packet(WD_R_ESTABLISHED,
					      .family = family, .dir = dir,
					      .flags = TCP_ACK);
			expect_counted(RULE_FRIEND, 3, 0);
			expect_packet(WD_R_ESTABLISHED, .family = family,
				      .dir = !dir, .sport = 80, .dport = 40000,
				      .flags = TCP_ACK);
			expect_counted(RULE_FRIEND, 1, 0);
		}
	}
}

static void the_bytes_are_those_of_the_frames(void)
{
	struct packet p = { .family = 4, .proto = 17, .dir = WD_EGRESS };
	struct wd_rulestat_val was;
	struct frame f;

	world_reset();
	frame_make(&f, &p);
	was = stat_of(RULE_FRIEND);
	expect_this(WD_R_POLICY_ALLOW, &p);
	expect_this(WD_R_ESTABLISHED, &p);
	wd_expect_int((int64_t)(2 * f.len),
		      (int64_t)(stat_of(RULE_FRIEND).bytes - was.bytes));
}

static void the_last_hit_is_now(void)
{
	world_reset();
	world_begin_tick();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
	wd_expect_int(world_ticks(), stat_of(RULE_FRIEND).last);
}

static void what_a_rule_denies_counts_and_lets_in_no_flow(void)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		struct packet p = { .family = 4, .dir = dir, .proto = 17 };

		if (dir == WD_INGRESS)
			p.src = H_FOE;
		else
			p.dst = H_FOE;
		world_reset();
		note();
		expect_this(WD_R_POLICY, &p);
		expect_this(WD_R_POLICY, &p);
		expect_counted(RULE_FOE, 2, 0);
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		expect_audit_this(WD_R_POLICY, &p);
		/* it is judged at each packet, and is one flow */
		expect_audit_this(WD_R_POLICY, &p);
		expect_counted(RULE_FOE, 2, 1);
	}
}

static void what_no_rule_decides_counts_for_none(void)
{
	struct packet syn = { .family = 4, .dir = WD_EGRESS };

	world_reset();
	note();
	expect_packet(WD_R_DEFAULT, OUT, .family = 4, TO(H_WORLD));
	expect_packet(WD_R_CT_INVALID, OUT, .family = 4, .proto = 1, .type = 0);
	/* a rule lets it pass, and there is no place for its flow */
	world_quota_set(world_quota_full(20));
	expect_this(WD_R_CT_FULL, &syn);
	world_publish(SLOT_OPEN, 0);
	world_reset();
	world_publish(SLOT_OPEN, 0);
	expect_this(WD_R_NOT_ISOLATED, &syn);
	expect_this(WD_R_ESTABLISHED, &syn);
	expect_counted(RULE_FRIEND, 0, 0);
}

static void a_segment_that_does_not_fit_counts_for_none(void)
{
	world_reset();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
	expect_packet(WD_R_ESTABLISHED, IN, .family = 4, .sport = 80,
		      .dport = 40000, .flags = TCP_SYN | TCP_ACK);
	expect_packet(WD_R_ESTABLISHED, OUT, .family = 4, .flags = TCP_ACK);
	note();
	expect_packet(WD_R_CT_INVALID, IN, .family = 4, .sport = 80,
		      .dport = 40000, .flags = TCP_RST, .seq = 0x7fffffff);
	expect_counted(RULE_FRIEND, 0, 0);
}

static void an_error_about_a_flow_counts_for_its_rule(void)
{
	struct packet flow = { .family = 4, .dir = WD_EGRESS, .proto = 17 };
	struct packet error = {
		.family = 4, .dir = WD_INGRESS, .proto = 1, .type = 3
	};

	world_reset();
	expect_this(WD_R_POLICY_ALLOW, &flow);
	note();
	expect_error(WD_R_RELATED, &error, &flow);
	expect_counted(RULE_FRIEND, 1, 0);
	world_publish(SLOT_RULES, 0); /* stale: the same */
	expect_error(WD_R_RELATED, &error, &flow);
	expect_counted(RULE_FRIEND, 1, 0);
}

static void each_fragment_counts_for_the_rule_of_the_first(void)
{
	world_reset();
	note();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4, .proto = 17,
		      .more = true);
	expect_counted(RULE_FRIEND, 1, 1);
	expect_packet(WD_R_ESTABLISHED, OUT, .family = 4, .proto = 17,
		      .frag_off = 40, .payload = 32);
	expect_counted(RULE_FRIEND, 1, 0);
}

static void a_flow_judged_anew_counts_for_the_rule_of_then(void)
{
	struct packet syn = { .family = 4, .dir = WD_EGRESS, .proto = 17 };

	world_reset();
	expect_this(WD_R_POLICY_ALLOW, &syn);
	note();
	world_publish(SLOT_RULES, 0);
	expect_this(WD_R_ESTABLISHED, &syn);
	expect_counted(RULE_FRIEND, 1, 0);
	world_publish(SLOT_OPEN, 0);
	expect_this(WD_R_ESTABLISHED, &syn);
	expect_counted(RULE_FRIEND, 0, 0);
	world_publish(SLOT_RULES, 0);
	expect_this(WD_R_ESTABLISHED, &syn);
	expect_counted(RULE_FRIEND, 1, 0);
}

/* Some of what passed, or none of it in one rung: who reads would take it for all. */
static void who_counts_not_all_counts_nothing(void)
{
	world_reset();
	note();
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
	expect_packet(WD_R_ESTABLISHED, OUT, .family = 4);
	expect_counted(RULE_FRIEND, world_sheds() ? 0 : 2, !world_sheds());
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WORLD_TEST(each_packet_of_a_flow_counts_for_the_rule_that_let_it_in);
	WORLD_TEST(the_bytes_are_those_of_the_frames);
	WORLD_TEST(the_last_hit_is_now);
	WORLD_TEST(what_a_rule_denies_counts_and_lets_in_no_flow);
	WORLD_TEST(what_no_rule_decides_counts_for_none);
	WORLD_TEST(a_segment_that_does_not_fit_counts_for_none);
	WORLD_TEST(an_error_about_a_flow_counts_for_its_rule);
	WORLD_TEST(each_fragment_counts_for_the_rule_of_the_first);
	WORLD_TEST(a_flow_judged_anew_counts_for_the_rule_of_then);
	WD_TEST(who_counts_not_all_counts_nothing);
	world_close();
	return wd_tests_end();
}
