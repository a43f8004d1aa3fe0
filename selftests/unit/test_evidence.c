// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_evidence.c - counters over time: agents that end, crash and come again,
 * maps that are new, files that are gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encryption/cover_last.h"
#include "encryption/evidence.h"
#include "tap.h"

#define BEGIN INT64_C(1800000000)
#define ENTRIES 4

static char dir[64];

/* The kernel and the model, as the evidence sees them. */
static struct {
	uint64_t epoch;
	struct wd_cover_key key[ENTRIES];
	struct wd_stat_val val[ENTRIES];
	int cnt;
	const char *ns[4]; /* from WD_NS_FIRST on */
	const char *node[4]; /* from 1 on */
	uint32_t flags;
	int64_t now_s;
	int err; /* of reading */
} world;

static uint64_t epoch(void *ctx)
{
	(void)ctx;
	return world.epoch;
}

static int read_counters(void *ctx, wd_cover_fn fn, void *fn_ctx)
{
	int err = world.err;

	(void)ctx;
	for (int i = 0; !err && i < world.cnt; i++)
		err = fn(fn_ctx, &world.key[i], &world.val[i]);
	return err;
}

static const char *ns_name(void *ctx, uint32_t number)
{
	(void)ctx;
	return number >= WD_NS_FIRST && number < WD_NS_FIRST + 4 ?
		       world.ns[number - WD_NS_FIRST] :
		       NULL;
}

static const char *node_name(void *ctx, uint32_t number)
{
	(void)ctx;
	return number && number <= 4 ? world.node[number - 1] : NULL;
}

static uint32_t flags(void *ctx)
{
	(void)ctx;
	return world.flags;
}

static int64_t now_s(void *ctx)
{
	(void)ctx;
	return world.now_s;
}

static const struct wd_evidence_source source = {
	.epoch = epoch,
	.read = read_counters,
	.ns_name = ns_name,
	.node_name = node_name,
	.flags = flags,
	.now_s = now_s,
};

static const char *path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	(void)unlink(path_of(WD_COVER_FILE));
	(void)unlink(path_of(WD_COVER_LAST));
	memset(&world, 0, sizeof(world));
	world.epoch = 1;
	world.ns[0] = "shop";
	world.ns[1] = "db";
	world.node[0] = "node-1";
	world.node[1] = "node-2";
	world.flags = WD_STATE_ENCRYPT;
	world.now_s = BEGIN;
	world.cnt = 1;
	world.key[0] = (struct wd_cover_key){
		.ns = { WD_NS_FIRST, WD_NS_FIRST + 1 },
		.node = 2,
		.kind = WD_COVER_WIREGUARD,
		.dir = WD_EGRESS,
		.family = 4,
	};
}

static void count(uint64_t packets)
{
	world.val[0].packets += packets;
	world.val[0].bytes += packets * 100;
}

static void wait_s(int64_t seconds)
{
	world.now_s += seconds;
}

static struct wd_evidence *open_it(void)
{
	struct wd_evidence *ev = NULL;

	wd_expect_int(0, wd_evidence_open(dir, &source, &ev));
	return ev;
}

/* What is known now of packets from @from; all if NULL. */
static uint64_t packets_of(struct wd_evidence *ev, const char *from)
{
	struct wd_evidence_sum sum;
	struct wd_cover_row *row;
	uint64_t packets = 0;

	if (!wd_expect_int(0, wd_evidence_since(ev, 0, &sum)))
		return 0;
	row = wd_cover_rows(sum.cover);
	for (size_t i = 0; i < wd_cover_cnt(sum.cover); i++)
		if (!from || !strcmp(from, row[i].from))
			packets += row[i].packets;
	free(row);
	wd_evidence_sum_fini(&sum);
	return packets;
}

static uint64_t gap_of(struct wd_evidence *ev)
{
	struct wd_evidence_sum sum;

	if (!wd_expect_int(0, wd_evidence_since(ev, 0, &sum)))
		return 0;
	wd_evidence_sum_fini(&sum);
	return sum.gap_s;
}

static void counters_are_told_by_the_names_of_their_numbers(void)
{
	struct wd_evidence_sum sum;
	struct wd_cover_row *row;
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(3);
	world.key[1] = (struct wd_cover_key){ .ns = { WD_NS_UNKNOWN, 99 },
					      .kind = WD_COVER_CLEAR };
	world.val[1].packets = 1;
	world.cnt = 2;
	wd_expect_int(0, wd_evidence_since(ev, 0, &sum));
	row = wd_cover_rows(sum.cover);
	wd_expect_int(2, (long long)wd_cover_cnt(sum.cover));
	wd_expect_str("?", row[0].from);
	wd_expect_str("#99", row[0].to);
	wd_expect_str("", row[0].peer);
	wd_expect_str("shop", row[1].from);
	wd_expect_str("db", row[1].to);
	wd_expect_str("node-2", row[1].peer);
	wd_expect_int(300, (long long)row[1].bytes);
	free(row);
	wd_evidence_sum_fini(&sum);
	wd_evidence_free(ev);
}

/* Whether an agent ends in good order, or is killed with something unwritten. */
static void nothing_is_lost_or_counted_twice_over_agents(void)
{
	struct wd_evidence *ev;
	uint64_t all = 0;

	begin();
	for (int round = 0; round < 8; round++) {
		ev = open_it();
		for (int i = 0; i < round; i++) {
			count(5);
			all += 5;
			wait_s(300);
			if (i != 2)
				wd_expect_int(0, wd_evidence_keep(ev));
			else
				wd_expect_int(0, wd_evidence_take(ev));
		}
		wd_expect_int((long long)all, (long long)packets_of(ev, NULL));
		wd_evidence_free(ev); /* as a crash does: writes nothing */
		count(1); /* while nobody ran */
		all++;
		wait_s(60);
	}
	ev = open_it();
	wd_expect_int((long long)all, (long long)packets_of(ev, NULL));
	wd_expect_int(0, (long long)gap_of(ev));
	wd_evidence_free(ev);
}

/* Files as they are after each possible moment of a crash while writing. */
static void a_crash_between_the_two_files_counts_nothing_twice(void)
{
	struct wd_evidence *ev;
	char old[128], cmd[400];

	begin();
	ev = open_it();
	count(5);
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	(void)snprintf(old, sizeof(old), "%s/old", dir);
	(void)snprintf(cmd, sizeof(cmd), "%s", path_of(WD_COVER_LAST));
	wd_expect_int(0, link(cmd, old));
	count(7);
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	wd_expect_int(0, rename(old,
				cmd)); /* the span was written, the rest not */
	ev = open_it();
	wd_expect_int(12, (long long)packets_of(ev, NULL));
	wd_expect_int(0, (long long)gap_of(ev));
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	ev = open_it();
	wd_expect_int(12, (long long)packets_of(ev, NULL));
	wd_evidence_free(ev);
}

static void the_same_crash_and_another_map_keeps_the_span(void)
{
	struct wd_evidence *ev;
	char old[128], last[128];

	begin();
	ev = open_it();
	wd_expect_int(0, wd_evidence_keep(ev));
	(void)snprintf(old, sizeof(old), "%s/old", dir);
	(void)snprintf(last, sizeof(last), "%s", path_of(WD_COVER_LAST));
	wd_expect_int(0, link(last, old));
	count(7);
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	wd_expect_int(0, rename(old, last));
	world.epoch = 2;
	world.val[0].packets = 2;
	wait_s(40);
	ev = open_it();
	wd_expect_int(9, (long long)packets_of(ev, NULL));
	wd_expect_int(40, (long long)gap_of(ev));
	wd_evidence_free(ev);
}

static void another_map_begins_anew_and_leaves_a_gap(void)
{
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(50);
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	/* the node was booted: 90 s later an agent with a new map */
	wait_s(90);
	world.epoch = 2;
	world.val[0] = (struct wd_stat_val){ .packets = 60, .bytes = 1 };
	ev = open_it();
	wd_expect_int(110, (long long)packets_of(ev, NULL));
	wd_expect_int(90, (long long)gap_of(ev));
	/* and while it runs: maps of another version were put in place */
	world.epoch = 3;
	world.val[0] = (struct wd_stat_val){ .packets = 70, .bytes = 1 };
	wd_expect_int(180, (long long)packets_of(ev, NULL));
	wd_evidence_free(ev);
}

static void a_counter_that_goes_back_began_anew(void)
{
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(50);
	wd_expect_int(50, (long long)packets_of(ev, NULL));
	world.val[0] = (struct wd_stat_val){ .packets = 4, .bytes = 400 };
	wd_expect_int(54, (long long)packets_of(ev, NULL));
	/* the same number of packets, but fewer bytes */
	world.val[0] = (struct wd_stat_val){ .packets = 4, .bytes = 4 };
	wd_expect_int(58, (long long)packets_of(ev, NULL));
	wd_evidence_free(ev);
}

static void what_was_counted_under_old_numbers_keeps_its_names(void)
{
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(5);
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	count(2); /* still by the old numbers */
	world.ns[0] = "other"; /* the next agent numbers otherwise */
	wait_s(10);
	ev = open_it();
	wd_expect_int(7, (long long)packets_of(ev, "shop"));
	count(4);
	wd_expect_int(4, (long long)packets_of(ev, "other"));
	wd_expect_int(7, (long long)packets_of(ev, "shop"));
	wd_evidence_free(ev);
}

static void without_the_last_counters_nothing_is_made_up(void)
{
	struct wd_evidence *ev;

	for (int damaged = 0; damaged < 2; damaged++) {
		begin();
		ev = open_it();
		count(5);
		wait_s(300);
		wd_expect_int(0, wd_evidence_keep(ev));
		wd_evidence_free(ev);
		if (damaged)
			wd_expect_int(0, truncate(path_of(WD_COVER_LAST), 20));
		else
			wd_expect_int(0, unlink(path_of(WD_COVER_LAST)));
		count(3); /* nobody can tell these from the five */
		wait_s(100);
		ev = open_it();
		wd_expect(!damaged == !wd_evidence_error(ev));
		wd_expect_int(5, (long long)packets_of(ev, NULL));
		wd_expect_int(100, (long long)gap_of(ev));
		count(2);
		wd_expect_int(7, (long long)packets_of(ev, NULL));
		wd_expect_int(0, wd_evidence_keep(ev));
		wd_expect(!wd_evidence_error(ev));
		wd_evidence_free(ev);
	}
}

static void since_takes_whole_spans_from_its_time_on(void)
{
	struct wd_evidence_sum sum;
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	for (int i = 0; i < 4; i++) {
		count(1);
		wait_s(300);
		wd_expect_int(0, wd_evidence_keep(ev));
	}
	count(1);
	wait_s(10);
	for (int i = 0; i < 4; i++) {
		wd_expect_int(0,
			      wd_evidence_since(ev, BEGIN + i * 300 + 1, &sum));
		wd_expect_int(BEGIN + i * 300, sum.from_s);
		wd_expect_int(BEGIN + 1210, sum.to_s);
		wd_expect_int(1210 - i * 300, (long long)sum.known_s);
		wd_expect_int(1210 - i * 300, (long long)sum.required_s);
		wd_evidence_sum_fini(&sum);
	}
	/* later than now: what there is of now */
	wd_expect_int(0, wd_evidence_since(ev, BEGIN + 5000, &sum));
	wd_expect_int(1, (long long)wd_cover_cnt(sum.cover));
	wd_evidence_sum_fini(&sum);
	wd_evidence_free(ev);
}

/* Not required at one reading is not required in the whole span. */
static void the_requirement_counts_only_where_it_held_throughout(void)
{
	struct wd_evidence_sum sum;
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	world.flags = 0;
	wait_s(100);
	wd_expect_int(0, wd_evidence_take(ev));
	world.flags = WD_STATE_ENCRYPT | WD_STATE_ENCRYPT_NODES |
		      WD_STATE_WIRE_OPEN;
	wait_s(200);
	wd_expect_int(0, wd_evidence_keep(ev));
	wait_s(300);
	wd_expect_int(0, wd_evidence_since(ev, 0, &sum));
	wd_expect_int(900, (long long)sum.known_s);
	wd_expect_int(600, (long long)sum.required_s);
	wd_expect_int(300, (long long)sum.nodes_s);
	wd_expect_int(600, (long long)sum.open_s);
	wd_evidence_sum_fini(&sum);
	wd_evidence_free(ev);
	/* and over a restart: what it was before the agent came counts */
	world.flags = 0;
	ev = open_it();
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_evidence_free(ev);
	world.flags = WD_STATE_ENCRYPT;
	wait_s(500);
	ev = open_it();
	wd_expect_int(0, wd_evidence_since(ev, BEGIN + 901, &sum));
	wd_expect_int(500, (long long)sum.known_s);
	wd_expect_int(0, (long long)sum.required_s);
	wd_evidence_sum_fini(&sum);
	wd_evidence_free(ev);
}

static void a_clock_set_back_makes_no_gap_and_no_endless_span(void)
{
	struct wd_evidence_sum sum;
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(1);
	wait_s(300);
	wd_expect_int(0, wd_evidence_keep(ev));
	wait_s(-7200);
	count(1);
	wd_expect_int(0, wd_evidence_keep(ev));
	wait_s(300);
	count(1);
	wd_expect_int(0, wd_evidence_since(ev, 0, &sum));
	wd_expect_int(600, (long long)sum.known_s);
	wd_expect_int(0, (long long)sum.gap_s);
	wd_evidence_sum_fini(&sum);
	wd_expect_int(3, (long long)packets_of(ev, NULL));
	wd_evidence_free(ev);
}

static void what_cannot_be_written_is_kept_and_told(void)
{
	struct wd_evidence *ev;
	char away[128];

	begin();
	ev = open_it();
	count(5);
	(void)snprintf(away, sizeof(away), "%s.away", dir);
	wd_expect_int(0, rename(dir, away));
	wd_expect_int(-ENOENT, wd_evidence_keep(ev));
	wd_expect(wd_evidence_error(ev) != NULL);
	wd_expect_int(0, rename(away, dir));
	count(1);
	wd_expect_int(0, wd_evidence_keep(ev));
	wd_expect(!wd_evidence_error(ev));
	wd_expect_int(6, (long long)packets_of(ev, NULL));
	world.err = -EPERM;
	wd_expect_int(-EPERM, wd_evidence_keep(ev));
	world.err = 0;
	wd_evidence_free(ev);
}

static void while_no_program_counts_nothing_changes(void)
{
	struct wd_evidence *ev;

	begin();
	ev = open_it();
	count(5);
	wd_expect_int(0, wd_evidence_keep(ev));
	world.epoch = 0; /* the rung nft is in force */
	world.err = -EIO; /* must not be asked */
	wd_expect_int(0, wd_evidence_keep(ev));
	world.epoch = 1; /* the same map again */
	world.err = 0;
	count(2);
	wd_expect_int(7, (long long)packets_of(ev, NULL));
	wd_evidence_free(ev);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wd-evidence-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	WD_TEST(counters_are_told_by_the_names_of_their_numbers);
	WD_TEST(nothing_is_lost_or_counted_twice_over_agents);
	WD_TEST(a_crash_between_the_two_files_counts_nothing_twice);
	WD_TEST(the_same_crash_and_another_map_keeps_the_span);
	WD_TEST(another_map_begins_anew_and_leaves_a_gap);
	WD_TEST(a_counter_that_goes_back_began_anew);
	WD_TEST(what_was_counted_under_old_numbers_keeps_its_names);
	WD_TEST(without_the_last_counters_nothing_is_made_up);
	WD_TEST(since_takes_whole_spans_from_its_time_on);
	WD_TEST(the_requirement_counts_only_where_it_held_throughout);
	WD_TEST(a_clock_set_back_makes_no_gap_and_no_endless_span);
	WD_TEST(what_cannot_be_written_is_kept_and_told);
	WD_TEST(while_no_program_counts_nothing_changes);
	begin();
	(void)rmdir(dir);
	return wd_tests_end();
}
