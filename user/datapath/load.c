/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - opens the data path with one rung's programs: trial first, then
 * maps, programs, switch-over.
 *
 *  1. the bpffs and its directories are there; what an agent before began to
 *     take over is finished
 *  2. the pinned maps, if there are any, are ours to use, or of another
 *     version: then all below is done with maps beside, but 5 and 6, which
 *     wait until they are filled (handover.c)
 *  3. TRIAL: the programs load beside everything, with small maps of their
 *     own, and give the golden verdicts
 *  4. the programs in force stay if they are the same as the trial's; else
 *     they are loaded again, with the maps in force, which are made if missing
 *  5. attachments of other programs are switched, one by one, in place
 *  6. the programs are pinned, for the next agent
 *
 * A crash at any point leaves what was in force in force; the next open goes
 * through the same steps. Nothing is ever detached here, and nothing edited of
 * a set with another schema or shape.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"
#include "nft/nft.h"

const char *const wd_prog_names[WD_DIR__MAX] = {
	[WD_INGRESS] = WD_PROG_IN,
	[WD_EGRESS] = WD_PROG_OUT,
};

/* ---- step 3: the trial ---- */

static int trial(struct wd_datapath *dp, struct bpf_object *obj,
		 enum wd_rung rung)
{
	int err;

	err = wd_golden_shrink(obj);
	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot size the maps of the trial");
	err = wd_object_load(dp, obj);
	return err ? err : wd_golden_run(dp, obj, rung);
}

/* ---- step 4: programs in force, or new ones ---- */

/*
 * The tag is a hash of the instructions without the maps they use, so those
 * are compared too.
 */
static bool is_same(struct wd_datapath *dp, int fd, int trial_fd)
{
	struct bpf_prog_info have, want;

	if (wd_prog_info(fd, &have) || wd_prog_info(trial_fd, &want))
		return false;
	if (memcmp(have.tag, want.tag, sizeof(have.tag)) ||
	    have.nr_map_ids != want.nr_map_ids)
		return false;
	return wd_prog_uses(fd, dp->map_id[WD_MAP_wd_state]) == 1;
}

void wd_load_hold(struct wd_datapath *dp, const int fd[WD_DIR__MAX])
{
	for (int way = 0; way < WD_DIR__MAX; way++) {
		if (dp->prog_fd[way] >= 0 && dp->prog_fd[way] != fd[way])
			close(dp->prog_fd[way]);
		dp->prog_fd[way] = fd[way];
	}
}

static bool adopt_programs(struct wd_datapath *dp, struct bpf_object *tried,
			   enum wd_rung rung)
{
	char path[WD_PATH_MAX];
	int fd[WD_DIR__MAX] = { -1, -1 };
	bool same = true;
	int way;

	for (way = 0; same && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, dp->dir, "progs", wd_prog_names[way]);
		fd[way] = bpf_obj_get(path);
		same = fd[way] >= 0 &&
		       is_same(dp, fd[way], wd_object_prog(tried, rung, way));
	}
	if (same)
		wd_load_hold(dp, fd);
	for (way = 0; way < WD_DIR__MAX && !same; way++) {
		if (fd[way] >= 0)
			close(fd[way]);
	}
	return same;
}

static int keep_programs(struct wd_datapath *dp, struct bpf_object *obj,
			 enum wd_rung rung)
{
	int fd[WD_DIR__MAX] = { -1, -1 };
	int way, err;

	for (way = 0; way < WD_DIR__MAX; way++) {
		fd[way] = fcntl(wd_object_prog(obj, rung, way), F_DUPFD_CLOEXEC,
				3);
		if (fd[way] >= 0)
			continue;
		err = -errno;
		if (way)
			close(fd[0]);
		return wd_fail(dp, err, WD_STAGE_PROG, "cannot hold program %s",
			       wd_prog_names[way]);
	}
	wd_load_hold(dp, fd);
	return 0;
}

/* The set of maps in force is whole; else the object's own become one. */
static int load_programs(struct wd_datapath *dp, enum wd_rung rung)
{
	struct bpf_object *obj = wd_object_open(dp, rung);
	bool has_maps = dp->map_fd[WD_MAP_wd_state] >= 0;
	int err;

	if (!obj)
		return -ENOENT;
	err = has_maps ? wd_maps_reuse(dp, obj) : 0;
	if (!err)
		err = wd_object_load(dp, obj);
	if (!err)
		err = keep_programs(dp, obj, rung);
	if (!err && !has_maps)
		err = wd_maps_create(dp, obj);
	if (!err && !has_maps && !dp->info.beside)
		err = wd_maps_pin(dp, "maps");
	bpf_object__close(obj);
	return err;
}

/* ---- step 6 ---- */

static int pin_programs(struct wd_datapath *dp)
{
	char path[WD_PATH_MAX];
	int way, err;

	for (way = 0; way < WD_DIR__MAX; way++) {
		wd_pin_path(path, dp->dir, "progs", wd_prog_names[way]);
		err = wd_pin(dp->prog_fd[way], path);
		if (err)
			return wd_fail(dp, err, WD_STAGE_PIN, "cannot pin '%s'",
				       path);
	}
	return 0;
}

/* ---- all of it ---- */

static int make_scratch(struct wd_datapath *dp)
{
	if (dp->percpu)
		return 0;
	dp->cpus = libbpf_num_possible_cpus();
	if (dp->cpus < 0)
		return wd_fail(dp, dp->cpus, WD_STAGE_MAP,
			       "cannot count the CPUs");
	dp->percpu = calloc(dp->cpus, sizeof(struct wd_epstat_val));
	return dp->percpu ? 0 :
			    wd_fail(dp, -ENOMEM, WD_STAGE_MAP,
				    "cannot make room for counters");
}

static int put_in_force(struct wd_datapath *dp, bool is_pinned)
{
	int err = wd_attach_swap(dp);

	if (!err && !is_pinned)
		err = pin_programs(dp);
	return err;
}

static int make_ready(struct wd_datapath *dp, struct bpf_object *tried,
		      enum wd_rung rung)
{
	bool has_maps = dp->map_fd[WD_MAP_wd_state] >= 0;
	bool same = has_maps && !dp->info.beside &&
		    adopt_programs(dp, tried, rung);
	int err = 0;

	if (!same)
		err = load_programs(dp, rung);
	if (!err && !dp->mem[WD_MAP_wd_state])
		err = wd_maps_mmap(dp);
	if (!err)
		err = wd_device_mend(dp);
	if (!err)
		err = wd_prog_describe(dp);
	if (!err && !dp->info.beside)
		err = put_in_force(dp, same);
	if (err && !has_maps) {
		if (!dp->info.beside) /* nobody has seen this set */
			(void)wd_maps_unpin(dp->dir);
		wd_maps_close(dp);
	}
	return err;
}

static void let_go(struct wd_progs *progs)
{
	for (int way = 0; way < WD_DIR__MAX; way++)
		if (progs->fd[way] >= 0)
			close(progs->fd[way]);
}

/* The programs in force stay so: hooks that were switched go back. */
static void give_back(struct wd_datapath *dp, const struct wd_progs *before)
{
	struct wd_failure failure = dp->failure; /* what led here is told */

	wd_load_hold(dp, before->fd);
	if (before->fd[0] < 0)
		return;
	dp->failure = (struct wd_failure){ 0 };
	if (!wd_prog_describe(dp) && !dp->info.beside)
		(void)wd_attach_swap(dp);
	wd_failure_clear(dp);
	dp->failure = failure;
}

int wd_load_rung(struct wd_datapath *dp, enum wd_rung rung)
{
	struct wd_progs before = { .fd = { dp->prog_fd[0], dp->prog_fd[1] } };
	struct bpf_object *tried = wd_object_open(dp, rung);
	int err;

	if (!tried)
		return -ENOENT;
	err = trial(dp, tried, rung);
	if (!err) {
		dp->prog_fd[0] = dp->prog_fd[1] = -1; /* held by before */
		err = make_ready(dp, tried, rung);
		if (err)
			give_back(dp, &before);
		else
			let_go(&before);
	}
	bpf_object__close(tried);
	return err;
}

int wd_load_kept(struct wd_datapath *dp)
{
	int fd[WD_DIR__MAX] = { -1, -1 }, way, err = 0;
	char path[WD_PATH_MAX];

	if (!dp->info.adopted)
		return -ENOENT;
	for (way = 0; !err && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, dp->dir, "progs", wd_prog_names[way]);
		fd[way] = bpf_obj_get(path);
		err = fd[way] < 0 ? fd[way] : 0;
		if (!err &&
		    wd_prog_uses(fd[way], dp->map_id[WD_MAP_wd_state]) != 1)
			err = -ENOENT;
	}
	wd_load_hold(dp, fd);
	if (!err && !dp->mem[WD_MAP_wd_state])
		err = wd_maps_mmap(dp);
	if (!err)
		err = wd_device_mend(dp);
	if (!err)
		err = wd_prog_describe(dp);
	return err ? err : wd_attach_swap(dp);
}

void wd_load_undo(struct wd_datapath *dp)
{
	static const int none[WD_DIR__MAX] = { -1, -1 };
	bool ours = dp->map_fd[WD_MAP_wd_state] >= 0 && !dp->info.adopted;

	if (ours && dp->info.beside)
		(void)wd_handover_drop(dp->dir);
	else if (ours)
		(void)wd_maps_unpin(dp->dir);
	wd_load_hold(dp, none);
	wd_maps_close(dp);
	dp->info.adopted = false;
	dp->info.beside = false;
}

static int adopt(struct wd_datapath *dp)
{
	int err = wd_maps_adopt(dp);

	dp->info.adopted = err == 1;
	dp->info.beside = err == -ESTALE;
	return err == 1 || err == -ESTALE ? 0 : err;
}

/* How this binary wants its maps: any object tells, none is loaded. */
static int read_shapes(struct wd_datapath *dp)
{
	struct bpf_object *obj = wd_object_open(dp, WD_RUNG_FULL);
	int err = obj ? wd_maps_shape(dp, obj) : -ENOENT;

	bpf_object__close(obj);
	return err;
}

/* Before any pin is read: what cannot be read must not be taken for missing. */
static int probe_bpf(struct wd_datapath *dp)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wd_probe", 4, 4, 1, NULL);

	if (fd < 0)
		return wd_fail(dp, fd, WD_STAGE_MAP, "bpf(2) makes no map");
	close(fd);
	return 0;
}

int wd_load_prepare(struct wd_datapath *dp)
{
	int err;

	err = wd_types_guard();
	if (err)
		return wd_fail(dp, err, WD_STAGE_PROG,
			       "cannot tell libbpf what to look at");
	err = wd_bpffs_open(dp);
	if (!err && dp->lock_fd < 0)
		err = wd_pins_lock(dp);
	if (!err)
		err = probe_bpf(dp);
	if (!err)
		err = wd_handover_finish(dp);
	if (!err)
		err = read_shapes(dp);
	if (!err)
		err = adopt(dp);
	if (!err)
		err = wd_late_inherit(dp);
	if (!err)
		err = wd_flow_hash_key(dp);
	if (!err)
		err = make_scratch(dp);
	if (err)
		return err;
	wd_bpffs_sweep(dp->dir);
	return 0;
}

int wd_datapath_take_over(struct wd_datapath *dp, char **ret_error)
{
	int err;

	if (!dp->info.beside)
		return 0;
	err = wd_handover_begin(dp);
	if (!err)
		err = wd_handover_finish(dp);
	if (!err) {
		dp->info.beside = false;
		dp->old_state_id = 0;
		err = wd_attach_swap(dp); /* what else: filters to links */
	}
	if (err)
		*ret_error = wd_failure_why(dp);
	return err;
}

void wd_datapath_close(struct wd_datapath *dp)
{
	size_t i;

	if (!dp)
		return;
	wd_flow_close(dp);
	wd_wire_free(dp);
	wd_nf_close(dp);
	wd_hostrules_close(dp);
	wd_gate_close(dp);
	wd_maps_close(dp);
	wd_nft_close(dp->nft);
	wd_memory_free(dp->memory);
	for (i = 0; i < WD_DIR__MAX; i++) {
		if (dp->prog_fd[i] >= 0)
			close(dp->prog_fd[i]);
	}
	wd_datapath_unlock(dp);
	free(dp->percpu);
	free(dp->guarded);
	free(dp->left);
	wd_failure_clear(dp);
	wd_ladder_forget(dp);
	wd_part_forget(dp, NULL);
	free(dp);
}

const struct wd_datapath_info *wd_datapath_info(const struct wd_datapath *dp)
{
	return &dp->info;
}
