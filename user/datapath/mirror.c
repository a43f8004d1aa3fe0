/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mirror.c - a second set of maps and programs, for packets that are asked
 * about and not sent.
 *
 * Copies entry by entry through the same syscalls that anybody has, so that
 * maps need no flag for it. What counts packets is not copied: nobody asks the
 * mirror how many there were.
 */
#include "mirror.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "model/xalloc.h"

#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define PASSED_LAST 0 /* TCX_PASS: behind it the translation is judged */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */
/* TCX_REDIRECT, TC_ACT_REDIRECT: dropped, and its sender would be told */
#define ANSWERED 7
#define TRIES 5 /* to copy all of one generation */

struct wd_mirror {
	struct bpf_object *obj;
	enum wd_rung rung;
	struct ring_buffer *ring; /* NULL where programs tell nothing */
	int evstat_fd;
	void *no_evstat; /* zeros for all CPUs */
	bool knows_iif;
	struct wd_mirror_verdict *at; /* of the packet under way */
};

/* ---- copies ---- */

static bool is_copied(enum wd_map map, bool with_flows)
{
	switch (map) {
	case WD_MAP_wd_flow:
	case WD_MAP_wd_quota:
	case WD_MAP_wd_frag:
		return with_flows;
	case WD_MAP_wd_flowlock:
	case WD_MAP_wd_stat:
	case WD_MAP_wd_epstat:
	case WD_MAP_wd_rulestat:
	case WD_MAP_wd_evstat:
	case WD_MAP_wd_answer:
	case WD_MAP_wd_group:
	case WD_MAP_wd_timing:
	case WD_MAP_wd_cover:
	case WD_MAP_wd_events:
	case WD_MAP__MAX:
		return false;
	case WD_MAP_wd_state:
	case WD_MAP_wd_endpoint:
	case WD_MAP_wd_device:
	case WD_MAP_wd_addr4:
	case WD_MAP_wd_addr6:
	case WD_MAP_wd_cidr4:
	case WD_MAP_wd_cidr6:
	case WD_MAP_wd_front:
	case WD_MAP_wd_row:
	case WD_MAP_wd_slot:
	case WD_MAP_wd_span:
	case WD_MAP_wd_class:
	case WD_MAP_wd_net4:
	case WD_MAP_wd_net6:
	case WD_MAP_wd_tun4:
	case WD_MAP_wd_tun6:
	case WD_MAP_wd_wire:
		return true;
	}
	return false;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Arrays begin as zeros; an entry that goes meanwhile is of another generation. */
static int copy_entry(int from, int to, const struct wd_map_shape *shape,
		      const void *key, void *val)
{
	int err = bpf_map_lookup_elem(from, key, val);

	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	if (shape->type == BPF_MAP_TYPE_ARRAY &&
	    is_zero(val, shape->value_size))
		return 0;
	return bpf_map_update_elem(to, key, val, BPF_ANY);
}

static int copy_map(int from, int to, const struct wd_map_shape *shape)
{
	uint8_t *key = wd_xcalloc(2, shape->key_size);
	uint8_t *next = key + shape->key_size;
	uint8_t *val = wd_xcalloc(1, (shape->value_size + 7U) & ~7U);
	uint32_t left = 2 * shape->max; /* a hash that changes may go round */
	int err = bpf_map_get_next_key(from, NULL, next);

	while (!err && left--) {
		err = copy_entry(from, to, shape, next, val);
		memcpy(key, next, shape->key_size);
		if (!err)
			err = bpf_map_get_next_key(from, key, next);
	}
	free(val);
	free(key);
	if (err == -ENOENT)
		return 0; /* that was the last */
	return err ? err : -EAGAIN; /* it went round: not all was seen */
}

static uint32_t generation(struct wd_datapath *dp)
{
	const struct wd_state_val *state = wd_map_window(dp, WD_MAP_wd_state);

	return __atomic_load_n(&state->gen, __ATOMIC_ACQUIRE);
}

static int copy_all(struct wd_datapath *dp, struct bpf_object *obj,
		    bool with_flows)
{
	int err = 0;

	for (int i = 0; i < WD_MAP__MAX && !err; i++) {
		int to = bpf_object__find_map_fd_by_name(obj, wd_map_names[i]);

		if (to >= 0 && is_copied((enum wd_map)i, with_flows))
			err = copy_map(dp->map_fd[i], to, &dp->shape[i]);
	}
	return err;
}

/* The programs of the mirror tell of all that they would tell anybody. */
static int set_state(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct wd_state_val state = *(
		const struct wd_state_val *)wd_map_window(dp, WD_MAP_wd_state);
	uint32_t zero = 0;

	state.monitor = WD_MONITOR_DROP | WD_MONITOR_NEW;
	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj,
								   "wd_state"),
				   &zero, &state, BPF_ANY);
}

/* ---- loading ---- */

static int set_sizes(const struct wd_datapath *dp, struct bpf_object *obj)
{
	int err = 0;

	for (int i = 0; i < WD_MAP__MAX && !err; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(obj, wd_map_names[i]);

		if (map && dp->shape[i].max)
			err = bpf_map__set_max_entries(map, dp->shape[i].max);
	}
	return err;
}

static int load(struct wd_datapath *dp, struct wd_mirror *mirror)
{
	int err;

	mirror->obj = wd_object_open(dp, mirror->rung);
	if (!mirror->obj)
		return -ENOENT;
	err = set_sizes(dp, mirror->obj);
	return err ? err : wd_object_load(dp, mirror->obj);
}

/* A copy that is not of one generation is thrown away, with its programs. */
static int fill(struct wd_datapath *dp, struct wd_mirror *mirror,
		bool with_flows)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t gen = generation(dp);
		int err = load(dp, mirror);

		if (!err)
			err = copy_all(dp, mirror->obj, with_flows);
		if (!err)
			err = set_state(dp, mirror->obj);
		if (err || generation(dp) == gen)
			return err;
		bpf_object__close(mirror->obj);
		mirror->obj = NULL;
	}
	return -EAGAIN;
}

static int take_event(void *ctx, void *data, size_t size)
{
	struct wd_mirror *mirror = ctx;

	if (size < sizeof(mirror->at->event))
		return 0;
	memcpy(&mirror->at->event, data, sizeof(mirror->at->event));
	mirror->at->has_event = true;
	return 0;
}

static int open_events(const struct wd_datapath *dp, struct wd_mirror *mirror)
{
	int fd = bpf_object__find_map_fd_by_name(mirror->obj, "wd_events");

	if (!dp->with_events || fd < 0)
		return 0;
	mirror->evstat_fd =
		bpf_object__find_map_fd_by_name(mirror->obj, "wd_evstat");
	mirror->no_evstat = wd_xcalloc(
		(size_t)dp->cpus, (sizeof(struct wd_evstat_val) + 7) / 8 * 8);
	mirror->ring = ring_buffer__new(fd, take_event, mirror, NULL);
	return mirror->ring ? 0 : -errno;
}

/* ---- asking ---- */

static int run(const struct wd_mirror *mirror,
	       const struct wd_mirror_frame *frame, uint32_t *ret_code,
	       uint32_t *ret_reason)
{
	struct __sk_buff in = { .ifindex = frame->ifindex,
				.ingress_ifindex = frame->iif };
	struct __sk_buff out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);
	int err = bpf_prog_test_run_opts(
		wd_object_prog(mirror->obj, mirror->rung, frame->dir), &opts);

	*ret_code = opts.retval;
	*ret_reason = out.cb[0];
	return err;
}

/* Older kernels take no ingress_ifindex. On loopback there is no endpoint. */
static int probe_iif(struct wd_mirror *mirror)
{
	static const uint8_t data[64];
	const struct wd_mirror_frame frame = { .dir = WD_INGRESS,
					       .ifindex = 1,
					       .iif = 1,
					       .data = data,
					       .len = sizeof(data) };
	uint32_t code, reason;
	int err = run(mirror, &frame, &code, &reason);

	mirror->knows_iif = !err;
	return err == -EINVAL ? 0 : err;
}

bool wd_mirror_knows_iif(const struct wd_mirror *mirror)
{
	return mirror->knows_iif;
}

int wd_mirror_packet(struct wd_mirror *mirror,
		     const struct wd_mirror_frame *frame,
		     struct wd_mirror_verdict *ret_verdict)
{
	struct wd_mirror_verdict verdict = { .has_event = false };
	uint32_t zero = 0, code, reason;
	int err = 0;

	if (frame->len > WD_MIRROR_FRAME_MAX)
		return -EINVAL;
	/* Else the limit of events by time holds here, too. */
	if (mirror->ring)
		err = bpf_map_update_elem(mirror->evstat_fd, &zero,
					  mirror->no_evstat, BPF_ANY);
	if (!err)
		err = run(mirror, frame, &code, &reason);
	if (err)
		return err;
	verdict.passes = code == PASSED || code == PASSED_LAST;
	if ((!verdict.passes && code != SHOT && code != ANSWERED) ||
	    reason >= WD_R__MAX)
		return -EBADMSG;
	verdict.reason = (enum wd_reason)reason;
	mirror->at = &verdict;
	if (mirror->ring)
		err = ring_buffer__consume(mirror->ring);
	mirror->at = NULL;
	if (err < 0)
		return err;
	*ret_verdict = verdict;
	return 0;
}

/* ---- life ---- */

int wd_mirror_open(struct wd_datapath *dp, bool with_flows,
		   struct wd_mirror **ret_mirror, char **ret_error)
{
	struct wd_mirror *mirror;
	int err;

	*ret_error = NULL;
	wd_nf_close(dp); /* else what is taken off meanwhile would stay on */
	if (!wd_datapath_has_programs(dp) || dp->ladder.kept ||
	    (size_t)dp->ladder.rung >= WD_RUNG_PROG_CNT) {
		*ret_error = wd_xprintf("on rung %s there are no programs of "
					"this version to ask",
					wd_rung_name(dp->ladder.rung));
		return -EOPNOTSUPP;
	}
	mirror = wd_xcalloc(1, sizeof(*mirror));
	mirror->rung = dp->ladder.rung;
	err = fill(dp, mirror, with_flows);
	if (!err)
		err = open_events(dp, mirror);
	if (!err)
		err = probe_iif(mirror);
	if (err) {
		*ret_error = err == -EAGAIN ?
				     wd_xstrdup("policy changed all the while, "
						"ask again") :
				     wd_failure_why(dp);
		wd_mirror_close(mirror);
		return err;
	}
	*ret_mirror = mirror;
	return 0;
}

void wd_mirror_close(struct wd_mirror *mirror)
{
	if (!mirror)
		return;
	ring_buffer__free(mirror->ring);
	bpf_object__close(mirror->obj);
	free(mirror->no_evstat);
	free(mirror);
}
