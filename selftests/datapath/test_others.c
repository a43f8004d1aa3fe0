// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_others.c - others on the same hooks: they run behind ours and never
 * before, and what they take off is found and put back.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "rig.h"
#include "tap.h"

#define SHOT 2

/* ---- a kernel, or a call, that claims success ---- */

static struct lies {
	bool link, filter;
} lies;

typedef int attach_fn(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		      bool *ret_made);

attach_fn __real_wd_tcx_attach, __wrap_wd_tcx_attach;
attach_fn __real_wd_clsact_attach, __wrap_wd_clsact_attach;

int __wrap_wd_tcx_attach(struct wd_datapath *dp, uint32_t ifindex,
			 enum wd_dir way, bool *ret_made)
{
	return lies.link ? 0 : __real_wd_tcx_attach(dp, ifindex, way, ret_made);
}

int __wrap_wd_clsact_attach(struct wd_datapath *dp, uint32_t ifindex,
			    enum wd_dir way, bool *ret_made)
{
	return lies.filter ?
		       0 :
		       __real_wd_clsact_attach(dp, ifindex, way, ret_made);
}

static void what_is_attached_in_words_only_is_no_success(void)
{
	static const struct {
		const char *name;
		bool by_filters;
		struct lies lies;
		int err;
	} rows[] = {
		{ "links", false, { .link = true }, 0 }, /* by filters, then */
		{ "links and filters", false, { true, true }, -EBADMSG },
		{ "filters", true, { .filter = true }, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rig_begin(rows[i].by_filters)) {
			wd_test_row(rows[i].name);
			wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
			lies = rows[i].lies;
			wd_expect_int(rows[i].err, rig_attach());
			lies = (struct lies){ 0 };
			wd_expect_int(rows[i].err ? -ENOLINK : 0, rig_check());
			wd_expect(wd_fx_no_way_out(&rig.pod) == !rows[i].err);
		}
		rig_end();
	}
	wd_test_row(NULL);
}

/* ---- others on the same hooks ---- */

/* Somebody else's filter on the way out of the rig.pod. */
static bool add_filter(int prog_fd, int priority)
{
	bool ok;

	if (bpf_obj_pin(prog_fd, WD_FX_BPFFS "/foreign"))
		return false;
	ok = wd_fx_run("tc filter add dev %s ingress prio %d bpf da "
		       "object-pinned " WD_FX_BPFFS "/foreign",
		       rig.pod.name, priority);
	(void)unlink(WD_FX_BPFFS "/foreign");
	return ok;
}

/* Somebody else's program, behind ours. */
static bool add_behind(uint32_t ifindex, int code)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = BPF_F_AFTER);
	int fd = wd_fx_foreign(code);
	bool ok;

	if (wd_datapath_no_tcx)
		ok = add_filter(fd, 50);
	else
		ok = !bpf_prog_attach_opts(fd, ifindex, BPF_TCX_INGRESS, &opts);
	close(fd);
	return ok;
}

static void check_next(void)
{
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	wd_expect_int(0, rig_attach());
	wd_expect(wd_fx_gets_out(&rig.pod));
	wd_expect(add_behind(rig.pod.ifindex, SHOT));
	rig_expect_hook(WD_EGRESS, 2);
	wd_expect_int(0, rig_check());
	wd_expect(wd_fx_no_way_out(&rig.pod)); /* we pass, it still decides */
	wd_expect(wd_fx_gets_in(&rig.pod));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, wd_datapath_detach(rig.dp, rig.pod.ifindex));
	wd_expect(wd_fx_no_way_out(&rig.pod)); /* theirs was left alone */
}

static void another_program_behind_ours_still_runs(void)
{
	rig_by_both(check_next);
}

static void ours_goes_before_a_program_that_was_there(void)
{
	int fd;

	if (rig_begin(false)) {
		fd = wd_fx_foreign(0); /* TCX_PASS: ends the chain */
		wd_expect_int(0, bpf_prog_attach_opts(fd, rig.pod.ifindex,
						      BPF_TCX_INGRESS, NULL));
		close(fd);
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect(wd_fx_gets_out(&rig.pod));
		wd_expect_int(0, rig_attach());
		rig_expect_hook(WD_EGRESS, 2);
		wd_expect(wd_fx_no_way_out(&rig.pod));
	}
	rig_end();
}

static void a_filter_that_comes_first_keeps_us_from_attaching(void)
{
	uint32_t prog[8];
	int fd;

	if (rig_begin(true)) {
		fd = wd_fx_foreign(0); /* TC_ACT_OK: ends the chain */
		wd_expect(
			wd_fx_run("tc qdisc add dev %s clsact", rig.pod.name));
		wd_expect(add_filter(fd, 1));
		close(fd);
		wd_expect_int(-EBUSY, rig_attach());
		wd_expect_int(-ENOLINK, rig_check());
		/* the half that was attached is gone again */
		wd_expect_int(0, wd_fx_hook(rig.pod.ifindex, WD_INGRESS, prog));
		wd_expect(wd_fx_run("tc filter del dev %s ingress prio 1",
				    rig.pod.name));
		wd_expect_int(0, rig_attach());
	}
	rig_end();
}

/* Before anybody told of the pod, its device was one that leads out. */
static void check_was_a_wire(void)
{
	if (!wd_expect_int(0, wd_wire_open(rig.dp)))
		return;
	wd_expect_int(0,
		      wd_wire_attach(rig.dp, WD_FAMILY_WIRE, rig.pod.ifindex));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect_int(0, rig_attach());
	wd_expect_int(0, rig_check());
	rig_expect_hook(WD_EGRESS, 2);
	rig_expect_hook(WD_INGRESS, 2);
	wd_expect(wd_fx_no_way_out(&rig.pod));
	wd_expect_int(0,
		      wd_wire_detach(rig.dp, WD_FAMILY_WIRE, rig.pod.ifindex));
	wd_expect_int(0, rig_check());
	rig_expect_hook(WD_EGRESS, 1);
	rig_expect_hook(WD_INGRESS, 1);
	wd_expect(wd_fx_no_way_out(&rig.pod));
}

static void a_device_that_was_taken_for_a_wire_becomes_a_pods(void)
{
	rig_by_both(check_was_a_wire);
}

/* ---- taken off by somebody ---- */

static bool take_off(enum wd_dir way)
{
	char path[128];
	int fd, err;

	if (wd_datapath_no_tcx)
		return wd_fx_run("tc filter del dev %s %s", rig.pod.name,
				 way == WD_INGRESS ? "egress" : "ingress");
	snprintf(path, sizeof(path), RIG_LINKS "/%u-%s", rig.pod.ifindex,
		 way == WD_INGRESS ? "in" : "out");
	fd = bpf_obj_get(path);
	err = bpf_link_detach(fd);
	close(fd);
	return !err;
}

static void check_taken_off(void)
{
	for (int way = 0; way < WD_DIR__MAX; way++) {
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, rig_attach());
		wd_expect(take_off(way));
		wd_expect_int(-ENOLINK, rig_check());
		wd_expect(way == WD_INGRESS ? wd_fx_gets_in(&rig.pod) :
					      wd_fx_gets_out(&rig.pod));
		wd_expect_int(0, rig_attach());
		wd_expect_int(0, rig_check());
		wd_expect(wd_fx_no_way_in(&rig.pod));
		wd_expect(wd_fx_no_way_out(&rig.pod));
	}
}

static void what_somebody_takes_off_is_found_and_put_back(void)
{
	rig_by_both(check_taken_off);
}

/* The kernel ends a link behind the back of who let go of it last. */
static int check_within_5_s(void)
{
	int err = rig_check();

	for (int i = 0; !err && i < 500; i++) {
		(void)usleep(10000);
		err = rig_check();
	}
	return err;
}

static void a_deleted_pin_is_found_and_put_back(void)
{
	char path[128];

	if (rig_begin(false)) {
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, rig_attach());
		snprintf(path, sizeof(path), RIG_LINKS "/%u-out",
			 rig.pod.ifindex);
		wd_expect_int(0, unlink(path)); /* the link ends with it */
		wd_expect_int(-ENOLINK, check_within_5_s());
		wd_expect_int(0, rig_attach());
		wd_expect_int(2, rig_links());
		wd_expect(wd_fx_no_way_out(&rig.pod));
	}
	rig_end();
}

static void a_deleted_qdisc_is_found_and_put_back(void)
{
	if (rig_begin(true)) {
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, rig_attach());
		wd_expect(
			wd_fx_run("tc qdisc del dev %s clsact", rig.pod.name));
		wd_expect_int(-ENOLINK, rig_check());
		wd_expect_int(0, rig_attach());
		wd_expect_int(0, rig_check());
		wd_expect(wd_fx_no_way_out(&rig.pod));
	}
	rig_end();
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(what_is_attached_in_words_only_is_no_success);
	WD_TEST(another_program_behind_ours_still_runs);
	WD_TEST(ours_goes_before_a_program_that_was_there);
	WD_TEST(a_filter_that_comes_first_keeps_us_from_attaching);
	WD_TEST(a_device_that_was_taken_for_a_wire_becomes_a_pods);
	WD_TEST(what_somebody_takes_off_is_found_and_put_back);
	WD_TEST(a_deleted_pin_is_found_and_put_back);
	WD_TEST(a_deleted_qdisc_is_found_and_put_back);
	return wd_tests_end();
}
