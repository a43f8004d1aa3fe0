/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden.c - the trial of new programs before they decide anything real.
 *
 * Owns a handful of packets and what must become of each, on one endpoint with
 * one small policy; the endpoint is the loopback device, which the kernel says
 * a test packet came by. A program that a compiler or a verifier bent gives
 * another verdict or counts another reason, and is refused. What the policy
 * language means is not tested here: the selftests do that.
 * What wd_minimal sheds it must drop: bpf/rung.h.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "golden_scene.h"
#include "internal.h"

#define LOOPBACK 1
#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */

#define MAP_ROOM 1024 /* entries of the trial's larger maps */

/* ---- the maps ---- */

static uint32_t small(uint32_t type, uint32_t max)
{
	if (type == BPF_MAP_TYPE_RINGBUF)
		return sysconf(_SC_PAGESIZE);
	if (type == BPF_MAP_TYPE_PERCPU_ARRAY && max <= 2 * WD_R__MAX)
		return max; /* a counter for every reason */
	return max < MAP_ROOM ? max : MAP_ROOM;
}

int wd_golden_shrink(struct bpf_object *obj)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__is_internal(map))
			continue;
		err = bpf_map__set_max_entries(
			map,
			small(bpf_map__type(map), bpf_map__max_entries(map)));
		if (err)
			return err;
	}
	return 0;
}

int wd_golden_put(struct bpf_object *obj, enum wd_map map, const void *key,
		  const void *val)
{
	return bpf_map_update_elem(
		bpf_object__find_map_fd_by_name(obj, wd_map_names[map]), key,
		val, BPF_ANY);
}

static int set_entry(void *ctx, enum wd_map map, const void *key,
		     const void *val)
{
	return wd_golden_put(ctx, map, key, val);
}

static int del_entry(void *ctx, enum wd_map map, const void *key)
{
	return bpf_map_delete_elem(
		bpf_object__find_map_fd_by_name(ctx, wd_map_names[map]), key);
}

static struct wd_golden_tables tables_of(struct bpf_object *obj)
{
	return (struct wd_golden_tables){ obj, set_entry, del_entry, LOOPBACK };
}

/* ---- the verdicts ---- */

int wd_golden_count(struct wd_datapath *dp, struct bpf_object *obj,
		    enum wd_reason reason, enum wd_dir way,
		    uint64_t *ret_packets)
{
	const struct wd_stat_val *val = dp->percpu;
	uint32_t at = reason * 2 + way;
	int cpu, err;

	err = bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj,
								  "wd_stat"),
				  &at, dp->percpu);
	if (err)
		return err;
	*ret_packets = 0;
	for (cpu = 0; cpu < dp->cpus; cpu++)
		*ret_packets += val[cpu].packets;
	return 0;
}

static int run_one(struct bpf_object *obj, enum wd_rung rung,
		   const struct wd_golden *g, uint32_t *ret_verdict)
{
	uint8_t frame[WD_GOLDEN_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = 1);
	int err;

	wd_golden_frame(frame, g);
	err = bpf_prog_test_run_opts(wd_object_prog(obj, rung, g->way), &opts);
	if (!err)
		*ret_verdict = opts.retval;
	return err;
}

static int judge_one(struct wd_datapath *dp, struct bpf_object *obj,
		     enum wd_rung rung, const struct wd_golden *g)
{
	enum wd_reason reason = g->shed && rung == WD_RUNG_MINIMAL ? WD_R_SHED :
								     g->reason;
	uint32_t want = reason < WD_R_FIRST_DROP ? PASSED : SHOT, verdict;
	struct wd_golden_tables to = tables_of(obj);
	uint64_t before, after;
	int err;

	err = wd_golden_scene(&to, g->scene);
	if (!err)
		err = wd_golden_count(dp, obj, reason, g->way, &before);
	if (!err)
		err = run_one(obj, rung, g, &verdict);
	if (!err)
		err = wd_golden_count(dp, obj, reason, g->way, &after);
	if (err)
		return wd_fail(dp, err, WD_STAGE_RUN,
			       "golden packet '%s' cannot be tried", g->name);
	if (verdict == want && after == before + 1)
		return 0;
	return wd_fail(dp, -EBADMSG, WD_STAGE_RUN,
		       "this kernel runs the programs wrongly, so they are not "
		       "used: golden packet '%s' returned %d, not %d, and its "
		       "reason was counted %d times, not once",
		       g->name, (int)verdict, (int)want, (int)(after - before));
}

int wd_golden_fill(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct wd_golden_tables to = tables_of(obj);
	int err = wd_golden_policy(&to);

	return err ? wd_fail(dp, err, WD_STAGE_MAP,
			     "cannot fill the maps of the trial") :
		     0;
}

int wd_golden_run(struct wd_datapath *dp, struct bpf_object *obj,
		  enum wd_rung rung)
{
	int err = wd_golden_fill(dp, obj);
	size_t i;

	for (i = 0; !err && i < wd_golden_cnt; i++)
		err = judge_one(dp, obj, rung, &wd_goldens[i]);
	return err;
}
