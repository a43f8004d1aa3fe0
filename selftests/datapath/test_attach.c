// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_attach.c - both programs on an interface, by tcx and by clsact: from the
 * first packet, beyond the agent's life, and all gone at the end.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "rig.h"
#include "tap.h"

/* ---- attaching ---- */

static void check_guarded(void)
{
	wd_expect_int(-ENOLINK, rig_check());
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect(wd_fx_gets_out(&rig.pod)); /* nothing is attached yet */
	wd_expect_int(0, rig_attach());
	wd_expect_int(0, rig_check());
	rig_expect_hook(WD_INGRESS, 1);
	rig_expect_hook(WD_EGRESS, 1);
	wd_expect_int(wd_datapath_no_tcx ? 0 : 2, rig_links());
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect(wd_fx_no_way_in(&rig.pod));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_NONE);
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect(wd_fx_no_way_in(&rig.pod));
}

static void both_ways_are_guarded_from_the_first_packet(void)
{
	rig_by_both(check_guarded);
}

static void check_again(void)
{
	uint32_t prog[8];

	wd_expect_int(0, rig_attach());
	wd_expect_int(0, rig_attach());
	wd_expect_int(0, rig_attach());
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_INGRESS, prog));
	wd_expect_int(1, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, prog));
	wd_expect(!wd_datapath_info(rig.dp)->swapped);
}

static void attaching_again_changes_nothing(void)
{
	rig_by_both(check_again);
}

static void check_outlives(void)
{
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, rig_attach());
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
	wd_expect(wd_fx_no_way_out(&rig.pod));
	rig.dp = wd_fx_open();
	if (!wd_expect(rig.dp))
		return;
	wd_expect_int(0, rig_check());
	rig_expect_hook(WD_EGRESS, 1);
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(&rig.pod));
}

static void enforcement_outlives_the_agent_and_is_adopted(void)
{
	rig_by_both(check_outlives);
}

static void check_listed(void)
{
	uint32_t *list = NULL, other = wd_fx_veth("wdt1");

	wd_expect_int(0, wd_datapath_attached(rig.dp, &list));
	free(list);
	wd_expect_int(0, rig_attach());
	wd_expect_int(0, wd_datapath_attach(rig.dp, other));
	if (wd_expect_int(2, wd_datapath_attached(rig.dp, &list))) {
		wd_expect(list[0] < list[1]);
		wd_expect(list[0] == rig.pod.ifindex ||
			  list[1] == rig.pod.ifindex);
		wd_expect(list[0] == other || list[1] == other);
	}
	free(list);
	wd_expect(wd_fx_run("ip link del wdt1"));
}

static void attached_interfaces_are_listed(void)
{
	rig_by_both(check_listed);
}

static void check_no_device(void)
{
	wd_expect_int(-ENODEV, wd_datapath_attach(rig.dp, 0x7ffffff));
	wd_expect_int(-ENODEV, wd_datapath_check(rig.dp, 0x7ffffff));
	wd_expect_int(0, wd_datapath_detach(rig.dp, 0x7ffffff));
	wd_expect_int(0, rig_links());
}

static void an_interface_that_is_not_there_is_an_error(void)
{
	rig_by_both(check_no_device);
}

/* ---- interfaces come and go ---- */

static void check_gone(void)
{
	uint32_t ifindex = rig.pod.ifindex, *list = NULL;

	wd_expect_int(0, rig_attach());
	wd_expect(wd_fx_run("ip link del %s", rig.pod.name));
	wd_expect_int(-ENODEV, wd_datapath_check(rig.dp, ifindex));
	wd_expect_int(0, wd_datapath_detach(rig.dp, ifindex));
	wd_expect_int(0, rig_links());
	wd_expect_int(0, wd_datapath_attached(rig.dp, &list));
	free(list);
}

static void pins_of_a_vanished_interface_go(void)
{
	rig_by_both(check_gone);
}

/* A new interface with the number of an old one must not pass for guarded. */
static void a_number_used_again_is_attached_anew(void)
{
	uint32_t ifindex;

	if (rig_begin(false)) {
		ifindex = rig.pod.ifindex;
		wd_expect_int(0, rig_attach());
		wd_expect(wd_fx_run("ip link del %s", rig.pod.name));
		wd_expect_int(2, rig_links());
		wd_expect(wd_fx_run("ip link add wdt5 index %u type veth peer "
				    "name wdt5-p",
				    ifindex));
		wd_expect_int(-ENOLINK, rig_check());
		wd_expect_int(0, rig_attach());
		wd_expect_int(0, rig_check());
		rig_expect_hook(WD_INGRESS, 1);
		rig_expect_hook(WD_EGRESS, 1);
		wd_expect(wd_fx_run("ip link del wdt5"));
	}
	rig_end();
}

/* ---- detaching, and the end ---- */

static void check_detached(void)
{
	uint32_t prog[8];

	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, rig_attach());
	wd_expect_int(0, wd_datapath_detach(rig.dp, rig.pod.ifindex));
	wd_expect_int(0, wd_datapath_detach(rig.dp, rig.pod.ifindex));
	wd_expect_int(-ENOLINK, rig_check());
	wd_expect_int(0, rig_links());
	wd_expect_int(0, wd_fx_hook(rig.pod.ifindex, WD_INGRESS, prog));
	wd_expect_int(0, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, prog));
	wd_expect(wd_fx_gets_out(&rig.pod));
	if (wd_datapath_no_tcx)
		wd_expect(!wd_fx_run("tc qdisc show dev %s | grep clsact",
				     rig.pod.name));
}

static void detaching_leaves_nothing_on_the_interface(void)
{
	rig_by_both(check_detached);
}

static void check_removed(void)
{
	uint32_t prog[8];

	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, rig_attach());
	wd_datapath_close(rig.dp); /* after a crash: nobody has it open */
	rig.dp = NULL;
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	wd_expect_int(0, wd_fx_hook(rig.pod.ifindex, WD_INGRESS, prog));
	wd_expect_int(0, wd_fx_hook(rig.pod.ifindex, WD_EGRESS, prog));
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(wd_fx_gets_in(&rig.pod));
	wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS));
}

static void the_end_takes_off_and_removes_everything(void)
{
	rig_by_both(check_removed);
}

/* ---- half way ---- */

/* Both hooks are guarded by filters, which need none; the other link is gone. */
static void a_pin_that_cannot_be_made_makes_way_for_filters(void)
{
	char path[128];

	if (rig_begin(false)) {
		snprintf(path, sizeof(path), RIG_LINKS "/%u-out",
			 rig.pod.ifindex);
		wd_expect_int(0, mkdir(path, 0700)); /* in the way */
		wd_expect_int(0, rig_attach());
		wd_expect_int(0, rig_check());
		wd_expect_int(WD_ATTACH_CLSACT,
			      wd_datapath_info(rig.dp)->attach);
		rig_expect_hook(WD_INGRESS, 1);
		rig_expect_hook(WD_EGRESS, 1);
		wd_expect_int(1, rig_links());
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(0, rmdir(path));
	}
	rig_end();
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(both_ways_are_guarded_from_the_first_packet);
	WD_TEST(attaching_again_changes_nothing);
	WD_TEST(enforcement_outlives_the_agent_and_is_adopted);
	WD_TEST(attached_interfaces_are_listed);
	WD_TEST(an_interface_that_is_not_there_is_an_error);
	WD_TEST(pins_of_a_vanished_interface_go);
	WD_TEST(a_number_used_again_is_attached_anew);
	WD_TEST(detaching_leaves_nothing_on_the_interface);
	WD_TEST(the_end_takes_off_and_removes_everything);
	WD_TEST(a_pin_that_cannot_be_made_makes_way_for_filters);
	return wd_tests_end();
}
