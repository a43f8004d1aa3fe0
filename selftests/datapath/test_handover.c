// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_handover.c - maps of another schema are replaced by a set built beside
 * them: until that is whole the old one enforces, from then on the new one, and
 * wherever it is interrupted the next open goes on.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "rig.h"
#include "stream.h"
#include "tap.h"

#define CRASHED 42 /* exit code */
#define OTHER_SCHEMA (WD_SCHEMA + 1)

static struct wd_state_val *state(void)
{
	return wd_map_mem(rig.dp, WD_MAP_wd_state);
}

/* What is in force becomes a set of another version without an agent. */
static void become_other(void)
{
	state()->schema = OTHER_SCHEMA;
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
}

/* Such a set enforces @policy. */
static bool begin(bool no_tcx, enum wd_fx_policy policy)
{
	if (!rig_begin(no_tcx))
		return false;
	wd_fx_policy(rig.dp, &rig.pod, policy);
	wd_expect_int(0, rig_attach());
	become_other();
	return true;
}

static bool open_beside(void)
{
	rig.dp = wd_fx_open();
	if (!wd_expect(rig.dp))
		return false;
	wd_expect(!wd_datapath_info(rig.dp)->adopted);
	return wd_expect(wd_datapath_info(rig.dp)->beside);
}

static int take_over(struct wd_datapath *dp)
{
	char *error = NULL;
	int err = wd_datapath_take_over(dp, &error);

	if (err)
		printf("# said: %s\n", error ? error : "nothing");
	free(error);
	return err;
}

/* One set, one pair of programs, nothing else. */
static void expect_one_set(uint32_t state_id)
{
	wd_expect_int(state_id, wd_state_id(WD_FX_BPFFS, "maps"));
	wd_expect_int(WD_MAP__MAX, wd_fx_count(WD_FX_BPFFS "/maps"));
	wd_expect_int(2, wd_fx_count(WD_FX_BPFFS "/progs"));
	wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS "/next"));
}

static void expect_hooks(int cnt)
{
	rig_expect_hook(WD_INGRESS, cnt);
	rig_expect_hook(WD_EGRESS, cnt);
}

/* ---- from beginning to end ---- */

static void check_old_enforces(void)
{
	uint32_t id = wd_state_id(WD_FX_BPFFS, "maps");

	if (!open_beside())
		return;
	wd_expect_int(OTHER_SCHEMA, wd_datapath_info(rig.dp)->schema_before);
	wd_expect_int(-EAGAIN, rig_attach());
	wd_expect_int(0, rig_check());
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	expect_one_set(id);
	wd_expect(!wd_datapath_info(rig.dp)->replaced);
}

static void check_new_enforces(void)
{
	uint32_t id = wd_map_id(wd_map_fd(rig.dp, WD_MAP_wd_state));
	int found;

	wd_expect_int(0, take_over(rig.dp));
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect(wd_fx_no_way_in(&rig.pod));
	wd_expect(wd_datapath_info(rig.dp)->replaced);
	wd_expect(!wd_datapath_info(rig.dp)->beside);
	wd_expect_int(0, rig_check());
	expect_hooks(1);
	expect_one_set(id);
	wd_expect_int(0, wd_datapath_repin(rig.dp, &found));
	wd_expect_int(0, found);
	wd_expect_int(0, take_over(rig.dp)); /* nothing to do any more */
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
}

static void from_old_to_new(bool no_tcx)
{
	if (begin(no_tcx, WD_FX_ALLOW)) {
		check_old_enforces();
		check_new_enforces();
		wd_datapath_close(rig.dp);
		rig.dp = wd_fx_open();
		if (wd_expect(rig.dp)) {
			wd_expect(wd_datapath_info(rig.dp)->adopted);
			wd_expect(!wd_datapath_info(rig.dp)->swapped);
			wd_expect(!wd_datapath_info(rig.dp)->replaced);
		}
	}
	rig_end();
}

static void the_old_set_enforces_until_the_new_one_takes_over(void)
{
	from_old_to_new(false);
	from_old_to_new(true);
	wd_test_row(NULL);
}

static void what_only_the_other_version_pinned_goes_with_it(void)
{
	int map;

	if (begin(false, WD_FX_ALLOW)) {
		map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wd_ct4", 4, 4, 1,
				     NULL);
		wd_expect_int(0, bpf_obj_pin(map, WD_FX_BPFFS "/maps/wd_ct4"));
		close(map);
		map = wd_fx_foreign(0);
		wd_expect_int(0, bpf_obj_pin(map, WD_FX_BPFFS "/progs/wd_up"));
		close(map);
		if (open_beside()) {
			wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
			wd_expect_int(0, take_over(rig.dp));
			expect_one_set(
				wd_map_id(wd_map_fd(rig.dp, WD_MAP_wd_state)));
		}
	}
	rig_end();
	wd_test_row(NULL);
}

/* The node got a kernel's tcx with the upgrade: both changes in one. */
static void filters_of_another_schema_become_links(void)
{
	if (begin(true, WD_FX_ALLOW)) {
		wd_datapath_no_tcx = false;
		if (open_beside()) {
			wd_expect_int(0, rig_check());
			wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
			wd_expect_int(0, take_over(rig.dp));
			wd_expect_int(2, rig_links());
			expect_hooks(1);
			wd_expect(wd_fx_no_way_out(&rig.pod));
			wd_expect(!wd_fx_run("tc qdisc show dev %s | "
					     "grep clsact",
					     rig.pod.name));
		}
	}
	rig_end();
	wd_test_row(NULL);
}

/* ---- under streams ---- */

#define ROUNDS 2

static void change_sets(enum wd_fx_policy policy)
{
	for (int i = 0; i < ROUNDS && open_beside(); i++) {
		wd_fx_policy(rig.dp, &rig.pod, policy);
		wd_expect_int(0, take_over(rig.dp));
		become_other(); /* for the next round */
	}
}

static void change_under_streams(enum wd_fx_policy policy, bool no_tcx)
{
	struct stream out = { 0 }, in = { 0 };
	uint32_t sent_out, sent_in;
	bool passes = policy == WD_FX_ALLOW;

	if (begin(no_tcx, policy) && wd_expect(stream_out(&out)) &&
	    wd_expect(stream_in(&in))) {
		wd_expect(stream_more(&out, 50) && stream_more(&in, 50));
		change_sets(policy);
		wd_expect(stream_more(&out, 51) && stream_more(&in, 51));
		sent_out = stream_end(&out);
		sent_in = stream_end(&in);
		wd_expect(sent_out > 100);
		wd_expect(sent_in > 100);
		wd_expect_int(passes ? sent_out : 0, stream_arrived(&out));
		wd_expect_int(passes ? sent_in : 0, stream_arrived(&in));
	}
	rig_end();
}

static void no_denied_datagram_passes_while_sets_change(void)
{
	change_under_streams(WD_FX_DENY, false);
	change_under_streams(WD_FX_DENY, true);
	wd_test_row(NULL);
}

static void no_allowed_datagram_is_lost_while_sets_change(void)
{
	change_under_streams(WD_FX_ALLOW, false);
	change_under_streams(WD_FX_ALLOW, true);
	wd_test_row(NULL);
}

/* ---- interrupted ---- */

/* Before the @nth of such a step. */
static const struct point {
	const char *name;
	enum wd_handover_step step;
	int nth;
	bool is_new; /* it ends with the set that was being pinned */
	bool tcx_only;
} points[] = {
	{ "without its last pin", WD_STEP_PIN, WD_MAP__MAX + 2, false, false },
	{ "when it is pinned", WD_STEP_SWITCH, 1, true, false },
	{ "between two hooks", WD_STEP_SWITCH, 2, true, false },
	{ "when all hooks have it", WD_STEP_UNPIN, 1, true, true },
	{ "when the old set has only its state", WD_STEP_UNPIN, 2, true, true },
	{ "when the old set is gone", WD_STEP_MOVE, 1, true, false },
	{ "among its maps", WD_STEP_MOVE, 5, true, true },
	{ "between its programs", WD_STEP_MOVE, WD_MAP__MAX + 1, true, true },
	{ "before its last pin", WD_STEP_MOVE_STATE, 1, true, false },
	{ "before its directory goes", WD_STEP_END, 1, true, true },
	{ 0 },
};

static const struct point *point;
static int left; /* steps of the point's kind before it */
static int failure; /* what happens there: 0 a crash */

static int at_step(enum wd_handover_step step)
{
	if (step != point->step || --left)
		return 0;
	if (!failure)
		_exit(CRASHED);
	return failure;
}

static void interrupt_at(const struct point *p, int err)
{
	point = p;
	left = p->nth;
	failure = err;
	wd_handover_hook = at_step;
}

/* An agent that crashes at @p while it replaces the set. */
static void crash(const struct point *p)
{
	int status = 0;
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (!child) {
		struct wd_datapath *dp = wd_fx_open();

		if (!dp)
			_exit(1);
		wd_fx_policy(dp, &rig.pod, WD_FX_ALLOW);
		interrupt_at(p, 0);
		(void)wd_datapath_take_over(dp, &(char *){ NULL });
		_exit(2);
	}
	wd_expect_int(child, waitpid(child, &status, 0));
	wd_expect(WIFEXITED(status));
	wd_expect_int(CRASHED, WEXITSTATUS(status));
}

static void expect_recovery(const struct point *p)
{
	rig.dp = wd_fx_open();
	if (!wd_expect(rig.dp))
		return;
	wd_expect_int(p->is_new, wd_datapath_info(rig.dp)->adopted);
	wd_expect_int(!p->is_new, wd_datapath_info(rig.dp)->beside);
	wd_expect_int(0, rig_check());
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, take_over(rig.dp));
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect(wd_fx_no_way_in(&rig.pod));
	expect_one_set(wd_map_id(wd_map_fd(rig.dp, WD_MAP_wd_state)));
	expect_hooks(1);
}

static void crash_and_recover(const struct point *p)
{
	uint32_t progs[8];

	wd_test_row(p->name);
	crash(p);
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_INGRESS, progs));
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, progs));
	expect_recovery(p);
}

static void crash_at_all_points(bool no_tcx)
{
	bool goes_on = begin(no_tcx, WD_FX_ALLOW);

	for (const struct point *p = points; goes_on && p->name; p++) {
		if (no_tcx && p->tcx_only)
			continue;
		crash_and_recover(p);
		if (!rig.dp)
			break;
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
		become_other();
	}
	rig_end();
}

static void a_crash_at_any_step_leaves_one_of_both_in_force(void)
{
	crash_at_all_points(false);
	if (getenv("WD_LONG")) /* the steps are the same ones */
		crash_at_all_points(true);
	wd_test_row(NULL);
}

static void check_undone(void)
{
	uint32_t id = wd_state_id(WD_FX_BPFFS, "maps"), was[2][8], is[2][8];

	for (int way = 0; way < WD_DIR__MAX; way++)
		wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, way, was[way]));
	if (!open_beside())
		return;
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	interrupt_at(&points[2], -EIO);
	wd_expect_int(-EIO, take_over(rig.dp));
	wd_handover_hook = NULL;
	for (int way = 0; way < WD_DIR__MAX; way++) {
		wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, way, is[way]));
		wd_expect_int(was[way][0], is[way][0]);
	}
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	expect_one_set(id);
	wd_datapath_close(rig.dp);
	(void)open_beside();
}

static void a_hook_that_cannot_be_switched_leaves_the_old_set_in_force(void)
{
	for (int no_tcx = 0; no_tcx < 2; no_tcx++) {
		if (begin(no_tcx, WD_FX_ALLOW))
			check_undone();
		rig_end();
	}
	wd_test_row(NULL);
}

/* What was interrupted is of no version that this one knows. */
static void check_finished_for_another(void)
{
	uint32_t id, zero = 0;
	struct wd_state_val other;
	int fd;

	crash(&points[2]);
	id = wd_handover_state(WD_FX_BPFFS);
	fd = bpf_obj_get(WD_FX_BPFFS "/next/maps/wd_state");
	wd_expect_int(0, bpf_map_lookup_elem(fd, &zero, &other));
	other.schema = OTHER_SCHEMA + 1;
	wd_expect_int(0, bpf_map_update_elem(fd, &zero, &other, 0));
	close(fd);
	if (!open_beside())
		return;
	wd_expect_int(OTHER_SCHEMA + 1,
		      wd_datapath_info(rig.dp)->schema_before);
	expect_one_set(id);
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, take_over(rig.dp));
	wd_expect(wd_fx_no_way_out(&rig.pod));
	expect_hooks(1);
}

static void what_another_version_began_is_finished_for_it(void)
{
	for (int no_tcx = 0; no_tcx < 2; no_tcx++) {
		if (begin(no_tcx, WD_FX_ALLOW))
			check_finished_for_another();
		rig_end();
	}
	wd_test_row(NULL);
}

static void enforcement_can_be_ended_between_two_sets(void)
{
	for (int no_tcx = 0; no_tcx < 2; no_tcx++) {
		if (begin(no_tcx, WD_FX_DENY)) {
			crash(&points[2]);
			wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
			wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS));
			wd_expect(wd_fx_gets_out(&rig.pod));
			expect_hooks(0);
		}
		rig_end();
	}
	wd_test_row(NULL);
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(the_old_set_enforces_until_the_new_one_takes_over);
	WD_TEST(what_only_the_other_version_pinned_goes_with_it);
	WD_TEST(filters_of_another_schema_become_links);
	WD_TEST(no_denied_datagram_passes_while_sets_change);
	WD_TEST(no_allowed_datagram_is_lost_while_sets_change);
	WD_TEST(a_crash_at_any_step_leaves_one_of_both_in_force);
	WD_TEST(a_hook_that_cannot_be_switched_leaves_the_old_set_in_force);
	WD_TEST(what_another_version_began_is_finished_for_it);
	WD_TEST(enforcement_can_be_ended_between_two_sets);
	return wd_tests_end();
}
