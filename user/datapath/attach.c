/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attach.c - which interfaces our programs are on: the engine of most rungs.
 *
 * Decides order and undoing: towards the pod first, then from it; what this
 * call made is taken off again when it fails, what was there before stays. How
 * a program gets onto a hook is known to tcx.c and clsact.c. Works after the
 * agent has dropped all but CAP_BPF and CAP_NET_ADMIN, but for swap and remove.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "nft/gate.h"
#include "nft/nft.h"

bool wd_datapath_no_tcx;

static int attach_one(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		      bool *ret_made)
{
	if (dp->info.attach == WD_ATTACH_TCX)
		return wd_tcx_attach(dp, ifindex, way, ret_made);
	return wd_clsact_attach(dp, ifindex, way, ret_made);
}

static struct wd_owner us(const struct wd_datapath *dp)
{
	return (struct wd_owner){
		.handle = dp->handle,
		.state_id = { dp->map_id[WD_MAP_wd_state], dp->old_state_id },
		.prog_id = { dp->info.prog_id[0], dp->info.prog_id[1] },
	};
}

/* Is it guarded by the set that is still in force? */
static int check_old(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way)
{
	struct wd_owner owner = us(dp);
	int err = -ENOLINK;

	if (dp->info.attach == WD_ATTACH_TCX)
		err = wd_tcx_guards(dp->dir, ifindex, way);
	return err == -ENOLINK ? wd_clsact_guards(ifindex, way, &owner) : err;
}

static int check_one(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way)
{
	int err = -ENOLINK;

	if (dp->info.beside)
		return check_old(dp, ifindex, way);
	if (dp->info.attach == WD_ATTACH_CLSACT)
		err = wd_clsact_check(dp, ifindex, way);
	/* links are left where they could not be made for others */
	if (err == -ENOLINK) {
		int err2 = wd_tcx_check(dp, ifindex, way);

		if (!err2 || dp->info.attach == WD_ATTACH_TCX)
			return err2;
	}
	return err;
}

static int detach_one(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way)
{
	struct wd_owner owner = us(dp);
	int err, err2 = 0;

	err = wd_tcx_detach(dp->dir, ifindex, way);
	if (dp->info.attach == WD_ATTACH_CLSACT)
		err2 = wd_clsact_detach(ifindex, way, &owner);
	return err ? err : err2;
}

static int attach_both(struct wd_datapath *dp, uint32_t ifindex)
{
	bool made[WD_DIR__MAX] = { false };
	int way, err = 0;

	for (way = 0; !err && way < WD_DIR__MAX; way++)
		err = attach_one(dp, ifindex, way, &made[way]);
	if (!err) {
		err = wd_progs_check(dp, ifindex);
		if (err == -ENOLINK)
			err = -EBADMSG; /* attached, but not what is there */
	}
	for (way = 0; err && way < WD_DIR__MAX; way++) {
		if (made[way])
			(void)detach_one(dp, ifindex, way);
	}
	return err;
}

/* A link cannot be had here, as somebody forbids it: @err. Filters need no pin. */
static int attach_by_filters(struct wd_datapath *dp, uint32_t ifindex, int err)
{
	dp->info.attach = WD_ATTACH_CLSACT;
	if (attach_both(dp, ifindex)) {
		dp->info.attach = WD_ATTACH_TCX; /* no better */
		return err;
	}
	wd_ladder_no_tcx(dp, err);
	return 0;
}

/* The folder of the pins may have been removed, which is no reason to go down. */
static int attach_again(struct wd_datapath *dp, uint32_t ifindex)
{
	int err = wd_bpffs_make(dp->dir, "links");

	return err ? err : attach_both(dp, ifindex);
}

int wd_progs_attach(struct wd_datapath *dp, uint32_t ifindex)
{
	int hurry = wd_hurry_begin();
	int err = attach_both(dp, ifindex);

	if (err == -ENOENT && dp->info.attach == WD_ATTACH_TCX)
		err = attach_again(dp, ifindex);

	/* also a link without a pin, which would end with the agent */
	if (err && err != -ENODEV && dp->info.attach == WD_ATTACH_TCX)
		err = attach_by_filters(dp, ifindex, err);
	wd_hurry_end(hurry);
	return err;
}

int wd_progs_check(struct wd_datapath *dp, uint32_t ifindex)
{
	int way, err = 0;

	for (way = 0; !err && way < WD_DIR__MAX; way++)
		err = check_one(dp, ifindex, way);
	return err;
}

int wd_progs_before(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir dir,
		    uint32_t *ret_prog)
{
	if (dp->info.attach == WD_ATTACH_TCX && !dp->info.beside)
		return wd_tcx_before(dp, ifindex, dir, ret_prog);
	*ret_prog = 0;
	return 0;
}

int wd_progs_detach(struct wd_datapath *dp, uint32_t ifindex)
{
	int hurry = wd_hurry_begin();
	int way, err, first = 0;

	for (way = 0; way < WD_DIR__MAX; way++) {
		err = detach_one(dp, ifindex, way);
		if (err && !first)
			first = err;
	}
	wd_hurry_end(hurry);
	if (dp->info.attach == WD_ATTACH_CLSACT)
		wd_clsact_tidy(ifindex);
	return first;
}

/* Join two lists; both are used up. */
static int join(uint32_t *one, int one_cnt, uint32_t *two, int two_cnt,
		uint32_t **ret_both)
{
	uint32_t *both = calloc(one_cnt + two_cnt + 1, sizeof(*both));

	if (both && one_cnt)
		memcpy(both, one, one_cnt * sizeof(*both));
	if (both && two_cnt)
		memcpy(both + one_cnt, two, two_cnt * sizeof(*both));
	free(one);
	free(two);
	if (!both)
		return -ENOMEM;
	*ret_both = both;
	return wd_sort_unique(both, one_cnt + two_cnt);
}

int wd_progs_attached(struct wd_datapath *dp, uint32_t **ret_ifindex)
{
	uint32_t *links = NULL, *filters = NULL;
	struct wd_owner owner = us(dp);
	int link_cnt, filter_cnt = 0;

	link_cnt = wd_links_list(dp->dir, &links);
	if (link_cnt < 0)
		return link_cnt;
	if (dp->info.attach == WD_ATTACH_CLSACT)
		filter_cnt = wd_clsact_list(&owner, &filters);
	if (filter_cnt < 0) {
		free(links);
		return filter_cnt;
	}
	return join(links, link_cnt, filters, filter_cnt, ret_ifindex);
}

static int move_links(const char *dir, const struct wd_progs *to,
		      bool *ret_swapped)
{
	uint32_t *list = NULL;
	int cnt, i, err = 0;

	cnt = wd_links_list(dir, &list);
	if (cnt < 0)
		return cnt;
	for (i = 0; !err && i < 2 * cnt; i++) {
		err = wd_handover_at(WD_STEP_SWITCH);
		if (!err)
			err = wd_tcx_swap(dir, list[i / 2], i % 2, to,
					  ret_swapped);
	}
	free(list);
	return err;
}

static int move_filters(const struct wd_owner *owner, const struct wd_progs *to,
			bool *ret_swapped)
{
	uint32_t *list = NULL;
	int cnt, i, err = 0;

	cnt = wd_clsact_list(owner, &list);
	if (cnt < 0)
		return cnt;
	for (i = 0; !err && i < 2 * cnt; i++) {
		err = wd_handover_at(WD_STEP_SWITCH);
		if (!err)
			err = wd_clsact_swap(list[i / 2], i % 2, owner, to,
					     ret_swapped);
		if (err == -ENODEV)
			err = 0;
	}
	free(list);
	return err;
}

int wd_attach_move(const char *dir, const struct wd_owner *owner,
		   const struct wd_progs *to, bool *ret_swapped)
{
	int err = move_links(dir, to, ret_swapped);

	return err ? err : move_filters(owner, to, ret_swapped);
}

/*
 * A filter of ours on a kernel that has tcx is left from an agent before: the
 * link comes first, so that one of the two is always there.
 */
static int swap_filter(struct wd_datapath *dp, uint32_t ifindex)
{
	struct wd_owner owner = us(dp);
	bool made;
	int way, err = 0;

	for (way = 0; !err && way < WD_DIR__MAX; way++)
		err = attach_one(dp, ifindex, way, &made);
	if (dp->info.attach == WD_ATTACH_CLSACT)
		return err;
	for (way = 0; !err && way < WD_DIR__MAX; way++)
		err = wd_clsact_detach(ifindex, way, &owner);
	if (!err)
		wd_clsact_tidy(ifindex);
	return err;
}

int wd_attach_swap(struct wd_datapath *dp)
{
	struct wd_owner owner = us(dp);
	struct wd_progs ours = { .fd = { dp->prog_fd[0], dp->prog_fd[1] },
				 .id = { owner.prog_id[0], owner.prog_id[1] } };
	uint32_t *list = NULL;
	int cnt, i, err;

	err = move_links(dp->dir, &ours, &dp->info.swapped);
	if (err)
		return wd_fail(dp, err, WD_STAGE_ATTACH,
			       "cannot switch the programs in force");
	if (!dp->info.adopted && !dp->info.replaced && !dp->opened)
		return 0; /* no filter can use maps that are new */
	cnt = wd_clsact_list(&owner, &list);
	err = cnt < 0 ? cnt : 0;
	for (i = 0; !err && i < cnt; i++) {
		err = swap_filter(dp, list[i]);
		if (err == -ENODEV)
			err = 0;
	}
	free(list);
	return err ? wd_fail(dp, err, WD_STAGE_ATTACH,
			     "cannot switch the filters in force") :
		     0;
}

/* ---- the end of enforcement, without an open data path ---- */

static void keep_first(int *first, int err)
{
	if (err && !*first)
		*first = err;
}

static int remove_links(const char *dir)
{
	uint32_t *list = NULL;
	int cnt, i, first = 0;

	cnt = wd_links_list(dir, &list);
	if (cnt < 0)
		return cnt;
	for (i = 0; i < 2 * cnt; i++)
		keep_first(&first, wd_tcx_detach(dir, list[i / 2], i % 2));
	free(list);
	return first;
}

static int remove_filters_of(const struct wd_owner *owner)
{
	uint32_t *list = NULL;
	int cnt, i, first = 0;

	cnt = wd_clsact_list(owner, &list);
	if (cnt < 0)
		return cnt;
	for (i = 0; i < 2 * cnt; i++)
		keep_first(&first, wd_clsact_detach(list[i / 2], i % 2, owner));
	for (i = 0; i < cnt; i++)
		wd_clsact_tidy(list[i]);
	free(list);
	return first;
}

static int remove_filters(const char *dir)
{
	static const uint32_t handles[] = { WD_HANDLE_POD, WD_HANDLE_WIRE,
					    WD_HANDLE_TUNNEL };
	struct wd_owner owner = { .state_id = { wd_state_id(dir, "maps"),
						wd_handover_state(dir) } };
	int first = 0;

	if (!owner.state_id[0] && !owner.state_id[1])
		return 0; /* nothing tells which filters are ours */
	for (size_t i = 0; i < sizeof(handles) / sizeof(*handles); i++) {
		owner.handle = handles[i];
		keep_first(&first, remove_filters_of(&owner));
	}
	return first;
}

/* Pins of wires and WireGuard devices, in folders of their own. */
static int remove_families(const char *dir)
{
	char path[WD_DIR_MAX];
	int first = 0;

	for (int i = 0; i < WD_FAMILY__MAX; i++) {
		keep_first(&first, wd_wire_folder(path, dir, i));
		if (!first)
			keep_first(&first, remove_links(path));
		keep_first(&first, wd_wire_unpin(dir, i));
	}
	return first;
}

int wd_wire_leave(struct wd_datapath *dp)
{
	struct wd_owner owner = { .state_id = {
					  wd_state_id(dp->dir, "maps") } };
	int hurry = wd_hurry_begin();
	int first = remove_families(dp->dir);

	wd_hurry_end(hurry);
	for (int i = 0; owner.state_id[0] && i < WD_FAMILY__MAX; i++) {
		owner.handle = wd_families[i].handle;
		keep_first(&first, remove_filters_of(&owner));
	}
	return first;
}

static int open_closed(void)
{
	struct wd_hold_list closed;
	int err = wd_hold_list(&closed), first = err;

	for (int i = 0; !err && i < closed.cnt; i++)
		keep_first(&first, wd_hold_open(closed.ifindex[i]));
	if (!err)
		free(closed.ifindex);
	return first;
}

int wd_datapath_remove(const char *bpffs)
{
	int hurry, first = 0;

	if (strlen(bpffs) >= WD_DIR_MAX)
		return -ENAMETOOLONG;
	hurry = wd_hurry_begin();
	keep_first(&first, remove_links(bpffs));
	keep_first(&first, remove_families(bpffs));
	wd_hurry_end(hurry);
	keep_first(&first, remove_filters(bpffs));
	for (int nf = 0; nf < WD_NF__MAX; nf++)
		keep_first(&first, wd_nf_unpin(bpffs, (enum wd_nf)nf));
	keep_first(&first, wd_nft_remove(NULL));
	keep_first(&first, wd_nft_remove_host(NULL));
	keep_first(&first, wd_nft_gate_remove());
	keep_first(&first, open_closed());
	keep_first(&first, wd_bpffs_remove(bpffs));
	return first;
}
