/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - opens the data path: trial first, then maps, programs, switch-over.
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

#include "clock.h"
#include "internal.h"
#include "wd_pod.skel.h"

const char *const wd_prog_names[WD_DIR__MAX] = {
	[WD_INGRESS] = WD_PROG_IN,
	[WD_EGRESS] = WD_PROG_OUT,
};

/* ---- objects ---- */

/*
 * What the programs must be told before they load: of this kernel, and of the
 * flow table, whose size may have been set for a trial.
 */
static int set_constants(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	struct bpf_map *flows = bpf_object__find_map_by_name(obj, "wd_flow");
	size_t bytes = 0;
	struct wd_pod__rodata *is = map ? bpf_map__initial_value(map, &bytes) :
					  NULL;

	if (!is || !flows || bytes != sizeof(*is))
		return wd_fail(dp, -EINVAL, WD_STAGE_PROG,
			       "the programs have other constants than this "
			       "binary");
	is->wd_tick_shift = wd_clock_shift();
	is->wd_bucket_mask = bpf_map__max_entries(flows) - 1;
	memcpy(is->wd_hash_key, dp->hash_key, sizeof(is->wd_hash_key));
	return 0;
}

static struct bpf_object *open_object(struct wd_datapath *dp)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_pod");
	struct bpf_object *obj;
	const void *elf;
	size_t bytes;

	elf = wd_pod__elf_bytes(&bytes);
	obj = bpf_object__open_mem(elf, bytes, &opts);
	if (!obj)
		wd_fail(dp, -errno, WD_STAGE_PROG,
			"cannot read the programs in this binary");
	return obj;
}

static int load_object(struct wd_datapath *dp, struct bpf_object *obj)
{
	char *said;
	int err = set_constants(dp, obj);

	if (err)
		return err;
	wd_capture_begin();
	err = bpf_object__load(obj);
	said = wd_capture_end();
	if (err)
		wd_fail_load(dp, err, said);
	free(said);
	return err;
}

static int prog_fd_of(struct bpf_object *obj, enum wd_dir way)
{
	struct bpf_program *prog;

	prog = bpf_object__find_program_by_name(obj, wd_prog_names[way]);
	return prog ? bpf_program__fd(prog) : -ENOENT;
}

/* ---- step 3: the trial ---- */

static int trial(struct wd_datapath *dp, struct bpf_object *obj)
{
	int err;

	err = wd_golden_shrink(obj);
	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot size the maps of the trial");
	err = load_object(dp, obj);
	return err ? err : wd_golden_run(dp, obj);
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

static bool adopt_programs(struct wd_datapath *dp, struct bpf_object *tried)
{
	char path[WD_PATH_MAX];
	int fd[WD_DIR__MAX] = { -1, -1 };
	bool same = true;
	int way;

	for (way = 0; same && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, dp->dir, "progs", wd_prog_names[way]);
		fd[way] = bpf_obj_get(path);
		same = fd[way] >= 0 &&
		       is_same(dp, fd[way], prog_fd_of(tried, way));
	}
	for (way = 0; way < WD_DIR__MAX; way++) {
		if (same)
			dp->prog_fd[way] = fd[way];
		else if (fd[way] >= 0)
			close(fd[way]);
	}
	return same;
}

static int keep_programs(struct wd_datapath *dp, struct bpf_object *obj)
{
	int way;

	for (way = 0; way < WD_DIR__MAX; way++) {
		dp->prog_fd[way] =
			fcntl(prog_fd_of(obj, way), F_DUPFD_CLOEXEC, 3);
		if (dp->prog_fd[way] < 0)
			return wd_fail(dp, -errno, WD_STAGE_PROG,
				       "cannot hold program %s",
				       wd_prog_names[way]);
	}
	return 0;
}

static int load_programs(struct wd_datapath *dp)
{
	struct bpf_object *obj = open_object(dp);
	int err;

	if (!obj)
		return -ENOENT;
	err = dp->info.adopted ? wd_maps_reuse(dp, obj) : 0;
	if (!err)
		err = load_object(dp, obj);
	if (!err)
		err = keep_programs(dp, obj);
	if (!err && !dp->info.adopted)
		err = wd_maps_create(dp, obj);
	if (!err && !dp->info.adopted && !dp->info.beside)
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

static int make_ready(struct wd_datapath *dp, struct bpf_object *tried)
{
	bool same = dp->info.adopted && adopt_programs(dp, tried);
	int err = 0;

	if (!same)
		err = load_programs(dp);
	if (!err)
		err = wd_maps_mmap(dp);
	if (!err)
		err = wd_device_mend(dp);
	if (!err)
		err = wd_prog_describe(dp);
	if (!err && !dp->info.beside)
		err = put_in_force(dp, same);
	if (err && !dp->info.adopted && !dp->info.beside)
		(void)wd_maps_unpin(dp->dir); /* nobody has seen this set */
	return err;
}

static int adopt(struct wd_datapath *dp)
{
	int err = wd_maps_adopt(dp);

	dp->info.adopted = err == 1;
	dp->info.beside = err == -ESTALE;
	return err == 1 || err == -ESTALE ? 0 : err;
}

static int open_all(struct wd_datapath *dp)
{
	struct bpf_object *tried;
	int err;

	err = wd_bpffs_open(dp);
	if (!err)
		err = wd_pins_lock(dp);
	if (!err)
		err = wd_handover_finish(dp);
	if (err)
		return err;
	tried = open_object(dp);
	if (!tried)
		return -ENOENT;
	err = wd_maps_shape(dp, tried);
	if (!err)
		err = adopt(dp);
	if (!err)
		err = wd_flow_hash_key(dp);
	if (!err)
		err = make_scratch(dp);
	if (!err)
		err = trial(dp, tried);
	if (!err) {
		wd_bpffs_sweep(dp->dir);
		if (!wd_datapath_no_tcx && wd_tcx_probe())
			dp->info.attach = WD_ATTACH_TCX;
		else
			dp->info.attach = WD_ATTACH_CLSACT;
		err = make_ready(dp, tried);
	}
	bpf_object__close(tried);
	return err;
}

static struct wd_datapath *new_datapath(const char *bpffs)
{
	struct wd_datapath *dp = calloc(1, sizeof(*dp));
	size_t i;

	if (!dp)
		return NULL;
	memcpy(dp->dir, bpffs, strlen(bpffs)); /* length seen to by open */
	dp->lock_fd = -1;
	for (i = 0; i < WD_DIR__MAX; i++)
		dp->prog_fd[i] = -1;
	for (i = 0; i < WD_MAP__MAX; i++)
		dp->map_fd[i] = -1;
	return dp;
}

int wd_datapath_open(const char *bpffs, struct wd_datapath **ret_dp,
		     char **ret_error)
{
	struct wd_datapath *dp;
	int err;

	if (strlen(bpffs) >= WD_DIR_MAX) {
		*ret_error = strdup("datapath: the bpffs directory's name is "
				    "too long");
		return -ENAMETOOLONG;
	}
	dp = new_datapath(bpffs);
	if (!dp) {
		*ret_error = strdup("datapath: out of memory");
		return -ENOMEM;
	}
	err = open_all(dp);
	if (!err) {
		*ret_dp = dp;
		return 0;
	}
	*ret_error = dp->why;
	dp->why = NULL;
	wd_datapath_close(dp);
	return err;
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
	if (err) {
		*ret_error = dp->why;
		dp->why = NULL;
	}
	return err;
}

void wd_datapath_close(struct wd_datapath *dp)
{
	size_t i;

	if (!dp)
		return;
	wd_flow_close(dp);
	wd_maps_close(dp);
	for (i = 0; i < WD_DIR__MAX; i++) {
		if (dp->prog_fd[i] >= 0)
			close(dp->prog_fd[i]);
	}
	wd_datapath_unlock(dp);
	free(dp->percpu);
	free(dp->why);
	free(dp);
}

const struct wd_datapath_info *wd_datapath_info(const struct wd_datapath *dp)
{
	return &dp->info;
}
