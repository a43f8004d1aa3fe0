/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rig.h - one pod and one open data path, for tests that are the same by tcx
 * and by clsact. Each test begins with a fresh one and leaves none.
 */
#ifndef WARDER_SELFTESTS_DATAPATH_RIG_H
#define WARDER_SELFTESTS_DATAPATH_RIG_H

#include "fixture.h"

#define RIG_LINKS WD_FX_BPFFS "/links"

extern struct rig {
	struct wd_datapath *dp;
	struct wd_fx_pod pod;
} rig;

/** rig_begin() - open and make a pod. Return: false if a test cannot go on */
bool rig_begin(bool no_tcx);

/** rig_end() - end enforcement, and expect that nothing is left */
void rig_end(void);

/** rig_by_both() - run @check by tcx, then by clsact */
void rig_by_both(void (*check)(void));

/** rig_attach(), rig_check() - of the pod. Return: as wd_datapath_attach() */
int rig_attach(void);
int rig_check(void);

/** rig_expect_hook() - @cnt programs are on a hook of the pod, ours first */
void rig_expect_hook(enum wd_dir way, int cnt);

/** rig_links() - pins of attachments */
int rig_links(void);

#endif /* WARDER_SELFTESTS_DATAPATH_RIG_H */
