// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_ladder.c - which rung an open data path comes to stand on when objects
 * are refused, and what passes while it changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/internal.h"
#include "rig.h"
#include "stream.h"
#include "tap.h"

static const struct wd_ladder_opts whole = { .top = WD_RUNG_FULL,
					     .bottom = WD_RUNG_HOLD };

static bool open_at(const struct wd_ladder_opts *opts)
{
	char *why = NULL;
	int err = wd_datapath_open_at(WD_FX_BPFFS, opts, &rig.dp, &why);

	if (err)
		printf("# open: %d: %s\n", err, why ? why : "nothing said");
	free(why);
	return wd_expect_int(0, err);
}

static void expect_rung(enum wd_rung rung, const char *object)
{
	wd_expect_str(wd_rung_name(rung),
		      wd_rung_name(wd_ladder(rig.dp)->rung));
	wd_expect_str(object, wd_ladder(rig.dp)->object);
}

/* The attempt that was made at @rung, as the ladder noted it. */
static void expect_attempt(enum wd_rung rung, enum wd_stage stage,
			   enum wd_cause cause)
{
	const struct wd_ladder *l = wd_ladder(rig.dp);

	for (int i = 0; i < l->attempts; i++) {
		const struct wd_attempt *a = &l->attempt[i];

		if (a->optional || a->rung != rung)
			continue;
		wd_expect_str(wd_stage_name(stage), wd_stage_name(a->stage));
		wd_expect_str(wd_cause_name(cause), wd_cause_name(a->cause));
		wd_expect(a->text && *a->text && a->at_ms);
		return;
	}
	wd_expect(!"there was such an attempt");
}

static bool climb(enum wd_rung top)
{
	struct wd_ladder_opts opts = { .top = top, .bottom = WD_RUNG_HOLD };
	bool moved = true;
	char *why = NULL;
	int err = wd_datapath_climb(rig.dp, &opts, &moved, &why);

	if (err)
		printf("# climb: %d: %s\n", err, why ? why : "nothing said");
	free(why);
	wd_expect(!moved);
	return wd_expect_int(0, err);
}

/* ---- refused objects ---- */

static void a_refused_object_makes_way_for_the_next(void)
{
	wd_fx_variant = WD_FX_INVALID;
	wd_fx_varied = "wd_pod";
	if (open_at(&whole)) {
		expect_rung(WD_RUNG_COMPAT, "wd_compat");
		expect_attempt(WD_RUNG_FULL, WD_STAGE_PROG, WD_CAUSE_VERIFIER);
		wd_expect(wd_ladder(rig.dp)->attempt[0].log != NULL);
	}
	rig_end();
	wd_fx_variant = WD_FX_PASS_ALL;
	wd_fx_varied = "wd_pod";
	if (open_at(&whole)) {
		expect_rung(WD_RUNG_COMPAT, "wd_compat");
		expect_attempt(WD_RUNG_FULL, WD_STAGE_RUN, WD_CAUSE_GOLDEN);
	}
	rig_end();
}

static void refused_programs_leave_those_of_the_agent_before(void)
{
	uint32_t before[8], after[8];

	wd_fx_variant = WD_FX_AS_BUILT;
	if (!rig_begin(false)) {
		rig_end();
		return;
	}
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	wd_expect_int(0, rig_attach());
	wd_fx_hook(rig.pod.ifindex, WD_INGRESS, before);
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
	wd_fx_varied = NULL;
	wd_fx_variant = WD_FX_INVALID;
	if (open_at(&whole)) {
		expect_rung(WD_RUNG_FULL, "wd_pod");
		wd_expect(wd_ladder(rig.dp)->kept);
		wd_fx_hook(rig.pod.ifindex, WD_INGRESS, after);
		wd_expect_int(before[0], after[0]);
		wd_expect(wd_fx_gets_out(&rig.pod));
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(0, rig_check());
	}
	wd_fx_variant = WD_FX_AS_BUILT;
	rig_end();
}

static bool knows(void *ctx, const char *object, uint64_t hash,
		  enum wd_cause *ret_cause, const char **ret_text)
{
	*ret_cause = WD_CAUSE_COMPLEXITY;
	*ret_text = "seen before";
	wd_expect(hash == wd_ladder_hash(object) && hash);
	return !strcmp(object, ctx);
}

static void what_is_known_to_be_refused_is_not_tried(void)
{
	char object[] = "wd_pod";
	struct wd_ladder_opts opts = whole;

	opts.refused = knows;
	opts.ctx = object;
	if (open_at(&opts)) {
		expect_rung(WD_RUNG_COMPAT, "wd_compat");
		wd_expect(wd_ladder(rig.dp)->attempt[0].skipped);
		wd_expect_str("seen before",
			      wd_ladder(rig.dp)->attempt[0].text);
		climb(WD_RUNG_FULL);
		expect_rung(WD_RUNG_FULL, "wd_pod");
	}
	rig_end();
}

static void a_way_of_attaching_is_part_of_the_rung(void)
{
	wd_datapath_no_tcx = true;
	if (open_at(&whole)) {
		expect_rung(WD_RUNG_COMPAT, "wd_pod");
		wd_expect(wd_ladder(rig.dp)->attempt[0].optional);
		wd_expect_int(WD_CAUSE_NO_TCX,
			      wd_ladder(rig.dp)->attempt[0].cause);
	}
	rig_end();
	wd_datapath_no_tcx = false;
}

/* ---- changes under traffic ---- */

static void climb_under_stream(enum wd_fx_policy policy, bool no_tcx)
{
	static const enum wd_rung way[] = { WD_RUNG_COMPAT, WD_RUNG_MINIMAL,
					    WD_RUNG_FULL,   WD_RUNG_MINIMAL,
					    WD_RUNG_HOLD,   WD_RUNG_COMPAT,
					    WD_RUNG_FULL };
	struct stream s = { 0 };
	uint32_t sent;

	if (rig_begin(no_tcx)) {
		wd_fx_policy(rig.dp, &rig.pod, policy);
		wd_expect_int(0, rig_attach());
		if (wd_expect(stream_out(&s))) {
			wd_expect(stream_more(&s, 50));
			for (size_t i = 0; i < sizeof(way) / sizeof(*way);
			     i++) {
				climb(way[i]);
				wd_expect_int(0, rig_check());
			}
			wd_expect(stream_more(&s, 51));
			sent = stream_end(&s);
			wd_expect(sent > 100);
			wd_expect_int(policy == WD_FX_ALLOW ? sent : 0,
				      stream_arrived(&s));
		}
		rig_expect_hook(WD_INGRESS, 1);
		rig_expect_hook(WD_EGRESS, 1);
	}
	rig_end();
}

static void no_change_of_rung_loses_or_lets_pass_a_packet(void)
{
	climb_under_stream(WD_FX_ALLOW, false);
	climb_under_stream(WD_FX_DENY, false);
	climb_under_stream(WD_FX_ALLOW, true);
	climb_under_stream(WD_FX_DENY, true);
	wd_datapath_no_tcx = false;
}

static void on_hold_nothing_is_written(void)
{
	uint32_t key = 0x0a0b0c0d;
	struct wd_addr_val val = { .identity = 300 };

	if (rig_begin(false)) {
		wd_expect_int(0,
			      wd_map_set(rig.dp, WD_MAP_wd_addr4, &key, &val));
		climb(WD_RUNG_HOLD);
		wd_expect(wd_ladder(rig.dp)->frozen);
		wd_expect_int(-EROFS,
			      wd_map_set(rig.dp, WD_MAP_wd_addr4, &key, &val));
		wd_expect_int(-EROFS,
			      wd_map_del(rig.dp, WD_MAP_wd_addr4, &key));
		wd_expect_int(0,
			      wd_map_get(rig.dp, WD_MAP_wd_addr4, &key, &val));
		climb(WD_RUNG_FULL);
		wd_expect_int(0, wd_map_del(rig.dp, WD_MAP_wd_addr4, &key));
	}
	rig_end();
}

static void a_climb_that_fails_changes_nothing(void)
{
	uint32_t before[8], after[8];

	if (rig_begin(false)) {
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
		wd_expect_int(0, rig_attach());
		wd_fx_hook(rig.pod.ifindex, WD_INGRESS, before);
		wd_fx_variant = WD_FX_INVALID;
		climb(WD_RUNG_FULL);
		wd_fx_variant = WD_FX_AS_BUILT;
		expect_rung(WD_RUNG_FULL, "wd_pod");
		wd_expect(wd_ladder(rig.dp)->kept);
		expect_attempt(WD_RUNG_MINIMAL, WD_STAGE_PROG,
			       WD_CAUSE_VERIFIER);
		wd_fx_hook(rig.pod.ifindex, WD_INGRESS, after);
		wd_expect_int(before[0], after[0]);
		wd_expect(wd_fx_gets_out(&rig.pod));
		climb(WD_RUNG_FULL);
		wd_expect(!wd_ladder(rig.dp)->kept);
	}
	rig_end();
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(a_refused_object_makes_way_for_the_next);
	WD_TEST(refused_programs_leave_those_of_the_agent_before);
	WD_TEST(what_is_known_to_be_refused_is_not_tried);
	WD_TEST(a_way_of_attaching_is_part_of_the_rung);
	WD_TEST(no_change_of_rung_loses_or_lets_pass_a_packet);
	WD_TEST(on_hold_nothing_is_written);
	WD_TEST(a_climb_that_fails_changes_nothing);
	return wd_tests_end();
}
