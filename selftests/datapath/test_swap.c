// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_swap.c - programs are exchanged under a stream of datagrams, one half of
 * them denied: none of those gets through, and of the others none is lost.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "rig.h"
#include "stream.h"
#include "tap.h"

#define SWAPS 6

/* ---- the exchange ---- */

/* An agent of another version takes over, in place. */
static void take_over(enum wd_fx_variant variant, bool no_tcx)
{
	wd_datapath_close(rig.dp);
	wd_fx_variant = variant;
	wd_datapath_no_tcx = no_tcx;
	rig.dp = wd_fx_open();
	wd_fx_variant = WD_FX_AS_BUILT;
}

struct step {
	enum wd_fx_variant variant;
	bool no_tcx;
};

/* The pod's stream through all steps. Return: how many arrived. */
static uint32_t stream_through(const struct step *steps, int cnt,
			       uint32_t *ret_sent)
{
	struct stream s = { 0 };
	uint32_t got = 0;

	if (!wd_expect(stream_out(&s)))
		return 0;
	wd_expect(stream_more(&s, 50));
	for (int i = 0; rig.dp && i < cnt; i++) {
		take_over(steps[i].variant, steps[i].no_tcx);
		if (!wd_expect(rig.dp))
			break;
		wd_expect(wd_datapath_info(rig.dp)->adopted);
		wd_expect(wd_datapath_info(rig.dp)->swapped);
		wd_expect_int(0, rig_check());
	}
	wd_expect(stream_more(&s, 51));
	*ret_sent = stream_end(&s);
	got = stream_arrived(&s);
	return got;
}

static void swap_under_stream(enum wd_fx_policy policy, bool no_tcx)
{
	struct step steps[SWAPS];
	uint32_t sent = 0, got;

	for (int i = 0; i < SWAPS; i++)
		steps[i] =
			(struct step){ i % 2 ? WD_FX_AS_BUILT : WD_FX_OTHER_TAG,
				       no_tcx };
	if (rig_begin(no_tcx)) {
		wd_fx_policy(rig.dp, &rig.pod, policy);
		wd_expect_int(0, rig_attach());
		got = stream_through(steps, SWAPS, &sent);
		wd_expect(sent > 100);
		wd_expect_int(policy == WD_FX_ALLOW ? sent : 0, got);
		if (rig.dp) {
			rig_expect_hook(WD_INGRESS, 1);
			rig_expect_hook(WD_EGRESS, 1);
		}
	}
	rig_end();
}

static void no_denied_datagram_passes_while_links_change_programs(void)
{
	swap_under_stream(WD_FX_DENY, false);
}

static void no_denied_datagram_passes_while_filters_change_programs(void)
{
	swap_under_stream(WD_FX_DENY, true);
}

static void no_allowed_datagram_is_lost_while_links_change_programs(void)
{
	swap_under_stream(WD_FX_ALLOW, false);
}

static void no_allowed_datagram_is_lost_while_filters_change_programs(void)
{
	swap_under_stream(WD_FX_ALLOW, true);
}

/* ---- from filters to links: the kernel got tcx ---- */

static void move_under_stream(enum wd_fx_policy policy)
{
	struct stream s = { 0 };
	uint32_t sent, got;

	if (rig_begin(true)) {
		wd_fx_policy(rig.dp, &rig.pod, policy);
		wd_expect_int(0, rig_attach());
		if (!wd_expect(stream_out(&s)))
			_exit(1);
		wd_expect(stream_more(&s, 50));
		take_over(WD_FX_AS_BUILT, false);
		wd_expect(stream_more(&s, 51));
		sent = stream_end(&s);
		got = stream_arrived(&s);
		wd_expect(sent > 100);
		wd_expect_int(policy == WD_FX_ALLOW ? sent : 0, got);
		wd_expect_int(0, rig_check());
		wd_expect_int(2, rig_links());
		rig_expect_hook(WD_INGRESS, 1);
		wd_expect(!wd_fx_run("tc qdisc show dev %s | grep clsact",
				     rig.pod.name));
	}
	rig_end();
}

static void filters_become_links_with_no_packet_unjudged(void)
{
	move_under_stream(WD_FX_DENY);
	move_under_stream(WD_FX_ALLOW);
}

/* ---- what cannot be swapped ---- */

/* A bad new version comes along while the old one is in force. */
static void check_refused(void)
{
	struct stream s = { 0 };
	uint32_t before[8], after[8];
	bool no_tcx = wd_datapath_no_tcx;

	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, rig_attach());
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, before));
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
	if (!wd_expect(stream_out(&s)))
		return;
	wd_fx_variant = WD_FX_PASS_ALL;
	wd_fx_refused(-EBADMSG, "golden packet");
	wd_fx_variant = WD_FX_INVALID;
	wd_fx_refused(-EACCES, "does not load");
	wd_fx_variant = WD_FX_AS_BUILT;
	wd_expect(stream_end(&s) > 5); /* a refusal is quick */
	wd_expect_int(0, stream_arrived(&s));
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, after));
	wd_expect_int(before[0], after[0]);
	wd_datapath_no_tcx = no_tcx;
	rig.dp = wd_fx_open();
	if (wd_expect(rig.dp)) {
		wd_expect(!wd_datapath_info(rig.dp)->swapped);
		wd_expect_int(0, rig_check());
	}
}

static void a_bad_version_changes_nothing_that_is_in_force(void)
{
	rig_by_both(check_refused);
}

/* The device of a pinned link went away while no agent was running. */
static void a_vanished_interface_does_not_stop_the_takeover(void)
{
	if (rig_begin(false)) {
		uint32_t other = wd_fx_veth("wdt1");

		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, rig_attach());
		wd_expect_int(0, wd_datapath_attach(rig.dp, other));
		wd_expect_int(4, rig_links());
		wd_expect(wd_fx_run("ip link del wdt1"));
		take_over(WD_FX_OTHER_TAG, false);
		if (wd_expect(rig.dp)) {
			wd_expect_int(0, rig_check());
			wd_expect_int(2, rig_links());
		}
		wd_expect(wd_fx_no_way_out(&rig.pod));
	}
	rig_end();
}

/* A crash between the pin of a link and its name. */
static void a_link_pinned_under_its_temporary_name_is_kept(void)
{
	uint32_t before[8] = { 0 }, after[8] = { 0 };
	char path[128], temp[130];

	if (rig_begin(false)) {
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, rig_attach());
		wd_expect_int(1,
			      wd_fx_hook(rig.pod.ifindex, WD_EGRESS, before));
		snprintf(path, sizeof(path), RIG_LINKS "/%u-out",
			 rig.pod.ifindex);
		snprintf(temp, sizeof(temp), "%s~", path);
		wd_expect_int(0, rename(path, temp));
		wd_datapath_close(rig.dp);
		rig.dp = wd_fx_open();
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, after));
		wd_expect_int(before[0], after[0]);
		wd_expect_int(2, rig_links());
		wd_expect_int(0, access(path, F_OK));
	}
	rig_end();
}

/* Somebody's map under the name of a link holds nothing and stops nobody. */
static void a_pin_named_as_a_link_that_is_none_is_cleared(void)
{
	if (rig_begin(false)) {
		wd_expect_int(0, bpf_obj_pin(wd_map_fd(rig.dp, WD_MAP_wd_row),
					     RIG_LINKS "/777-in"));
		wd_expect_int(0, rig_attach());
		wd_expect_int(3, rig_links());
		take_over(WD_FX_AS_BUILT, false);
		wd_expect(rig.dp);
		wd_expect_int(2, rig_links());
	}
	rig_end();
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(no_denied_datagram_passes_while_links_change_programs);
	WD_TEST(no_denied_datagram_passes_while_filters_change_programs);
	WD_TEST(no_allowed_datagram_is_lost_while_links_change_programs);
	WD_TEST(no_allowed_datagram_is_lost_while_filters_change_programs);
	WD_TEST(filters_become_links_with_no_packet_unjudged);
	WD_TEST(a_bad_version_changes_nothing_that_is_in_force);
	WD_TEST(a_vanished_interface_does_not_stop_the_takeover);
	WD_TEST(a_link_pinned_under_its_temporary_name_is_kept);
	WD_TEST(a_pin_named_as_a_link_that_is_none_is_cleared);
	return wd_tests_end();
}
