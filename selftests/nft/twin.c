/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * twin.c - see twin.h.
 */
#include "twin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/clock.h"
#include "iif.h"
#include "model/xalloc.h"
/* The skeleton's struct has the name of an object's. */
#define wd_pod wd_pod_skel
#include "wd_pod.skel.h"
#undef wd_pod

#define BUCKETS 64 /* of the flow table */
#define CPUS_MAX 256

struct twin {
	struct wd_pod_skel *pod;
	int fd[WD_MAP__MAX];
	uint64_t seen[2 * WD_R__MAX];
	int cpus;
};

static const char *const map_names[] = {
#define NAME(name, help) [WD_MAP_##name] = #name,
	WD_MAPS(NAME)
#undef NAME
};

static void copy_entries(struct twin *twin, const struct wd_memory *mem,
			 enum wd_map map)
{
	uint8_t key[32] = { 0 }, next[32], val[256];
	bool any = false;

	while (!wd_memory_next(mem, map, any ? key : NULL, next)) {
		any = true;
		memcpy(key, next, sizeof(key));
		if (wd_memory_get(mem, map, key, val) ||
		    bpf_map_update_elem(twin->fd[map], key, val, BPF_ANY))
			abort();
	}
}

/* The tables of these tests are small. */
static void copy_array(struct twin *twin, const struct wd_memory *mem,
		       enum wd_map map, uint32_t cnt)
{
	uint8_t val[1024];

	for (uint32_t i = 0; i < cnt; i++)
		if (wd_memory_get(mem, map, &i, val) ||
		    bpf_map_update_elem(twin->fd[map], &i, val, BPF_ANY))
			abort();
}

struct twin *twin_open(const struct wd_memory *mem)
{
	struct twin *twin = wd_xcalloc(1, sizeof(*twin));

	twin->cpus = libbpf_num_possible_cpus();
	if (!wd_iif_prepare())
		twin->pod = wd_pod__open();
	if (twin->pod) {
		twin->pod->rodata->wd_tick_shift = wd_clock_shift();
		twin->pod->rodata->wd_bucket_mask = BUCKETS - 1;
		for (int i = 0; i < WD_HASH_WORDS; i++)
			twin->pod->rodata->wd_hash_key[i] = 2 * i + 1;
		(void)bpf_map__set_max_entries(twin->pod->maps.wd_flow,
					       BUCKETS);
	}
	if (!twin->pod || wd_pod__load(twin->pod)) {
		printf("# the programs do not load: %s\n", strerror(errno));
		twin_close(twin);
		return NULL;
	}
	for (int i = 0; i < WD_MAP__MAX; i++)
		twin->fd[i] = bpf_object__find_map_fd_by_name(twin->pod->obj,
							      map_names[i]);
	copy_entries(twin, mem, WD_MAP_wd_endpoint);
	copy_entries(twin, mem, WD_MAP_wd_addr4);
	copy_entries(twin, mem, WD_MAP_wd_addr6);
	copy_entries(twin, mem, WD_MAP_wd_cidr4);
	copy_entries(twin, mem, WD_MAP_wd_cidr6);
	copy_array(twin, mem, WD_MAP_wd_state, 1);
	copy_array(twin, mem, WD_MAP_wd_row, 16);
	copy_array(twin, mem, WD_MAP_wd_slot, 32);
	copy_array(twin, mem, WD_MAP_wd_span, 16);
	copy_array(twin, mem, WD_MAP_wd_class, 16);
	return twin;
}

void twin_close(struct twin *twin)
{
	if (!twin)
		return;
	wd_pod__destroy(twin->pod);
	free(twin);
}

static void forget(struct twin *twin)
{
	static const struct wd_bucket empty;
	static const struct wd_quota_val none;
	uint32_t zero = 0;

	for (uint32_t i = 0; i < BUCKETS; i++)
		if (bpf_map_update_elem(twin->fd[WD_MAP_wd_flow], &i, &empty,
					BPF_ANY))
			abort();
	if (bpf_map_update_elem(twin->fd[WD_MAP_wd_quota], &zero, &none,
				BPF_ANY))
		abort();
}

static int find_reason(struct twin *twin)
{
	static struct wd_stat_val val[CPUS_MAX];
	int found = -1, cnt = 0;

	for (uint32_t at = 0; at < 2 * WD_R__MAX; at++) {
		uint64_t now = 0;

		if (bpf_map_lookup_elem(twin->fd[WD_MAP_wd_stat], &at, val))
			abort();
		for (int i = 0; i < twin->cpus; i++)
			now += val[i].packets;
		if (now == twin->seen[at])
			continue;
		cnt += now - twin->seen[at] == 1 ? 1 : 2;
		found = (int)at / 2;
		twin->seen[at] = now;
	}
	return cnt == 1 ? found : -1;
}

int twin_ask(struct twin *twin, uint32_t ifindex, enum wd_dir dir, uint32_t iif,
	     const uint8_t *frame, size_t len)
{
	struct __sk_buff ctx = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (uint32_t)len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	struct bpf_program *prog = dir == WD_INGRESS ?
					   twin->pod->progs.wd_pod_in :
					   twin->pod->progs.wd_pod_out;

	forget(twin);
	wd_iif_set(&ctx, iif);
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -1;
	return find_reason(twin);
}
