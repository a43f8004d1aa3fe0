// SPDX-License-Identifier: GPL-2.0-only
/*
 * rig.c - begins and ends one small node for a test.
 */
#include "rig.h"

#include "datapath/internal.h"
#include "tap.h"

struct rig rig;

bool rig_begin(bool no_tcx)
{
	wd_test_row(no_tcx ? "clsact" : "tcx");
	wd_datapath_no_tcx = no_tcx;
	rig.dp = wd_fx_open();
	if (!wd_expect(rig.dp) || !wd_expect(wd_fx_pod_new(&rig.pod, "wdt0")))
		return false;
	return wd_expect_int(no_tcx ? WD_ATTACH_CLSACT : WD_ATTACH_TCX,
			     wd_datapath_info(rig.dp)->attach);
}

void rig_end(void)
{
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS));
	wd_fx_pod_free(&rig.pod);
}

void rig_by_both(void (*check)(void))
{
	for (int no_tcx = 0; no_tcx < 2; no_tcx++) {
		if (rig_begin(no_tcx))
			check();
		rig_end();
	}
	wd_test_row(NULL);
}

int rig_attach(void)
{
	return wd_datapath_attach(rig.dp, rig.pod.ifindex);
}

int rig_check(void)
{
	return wd_datapath_check(rig.dp, rig.pod.ifindex);
}

/* How many programs are on a hook, and is ours the first? */
void rig_expect_hook(enum wd_dir way, int cnt)
{
	uint32_t prog[8] = { 0 };

	wd_expect_int(cnt, wd_fx_hook(rig.pod.ifindex, way, prog));
	if (cnt)
		wd_expect_int(wd_datapath_info(rig.dp)->prog_id[way], prog[0]);
}

int rig_links(void)
{
	return wd_fx_count(RIG_LINKS);
}
