// SPDX-License-Identifier: GPL-2.0-only
/*
 * bare.c - loads wd_bare.bpf.c with the maps and constants of a node, as the
 * agent loads wd_pod.
 */
#include "bare.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "datapath/clock.h"
#include "wd_bare.skel.h"

static const char *const prog_names[WD_DIR__MAX] = {
	[WD_INGRESS] = WD_PROG_IN,
	[WD_EGRESS] = WD_PROG_OUT,
};

static const char *const map_names[] = {
#define NAME_(name, help) #name,
	WD_MAPS(NAME_)
#undef NAME_
};

static void use_maps(struct bpf_object *obj, const struct bench_node *node)
{
	for (int i = 0; i < WD_MAP__MAX; i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(obj, map_names[i]);
		int fd = wd_map_fd(node->dp, (enum wd_map)i);
		int err = 0;

		if (i == WD_MAP_wd_events || i == WD_MAP_wd_evstat)
			err = bpf_map__set_autocreate(map, false);
		else if (map && fd >= 0)
			err = bpf_map__reuse_fd(map, fd);
		if (err)
			bench_die("use the maps of the node", err);
	}
}

static void set_constants(struct bpf_object *obj, const struct bench_node *node)
{
	const struct wd_state_val *state =
		wd_map_mem(node->dp, WD_MAP_wd_state);
	struct bpf_map *flows = bpf_object__find_map_by_name(obj, "wd_flow");
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	size_t bytes = 0;
	struct wd_bare__rodata *is = map ? bpf_map__initial_value(map, &bytes) :
					   NULL;

	if (!is || !flows || !state || bytes != sizeof(*is))
		bench_die("read the constants of wd_bare", EINVAL);
	is->wd_with_events = 0;
	is->wd_tick_shift = wd_clock_shift();
	is->wd_bucket_mask = bpf_map__max_entries(flows) - 1;
	memcpy(is->wd_hash_key, state->hash_key, sizeof(is->wd_hash_key));
}

void bench_bare_open(struct bench_bare *bare, const struct bench_node *node)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_bare");
	size_t bytes;
	const void *elf = wd_bare__elf_bytes(&bytes);
	int err;

	bare->obj = bpf_object__open_mem(elf, bytes, &opts);
	if (!bare->obj)
		bench_die("open wd_bare", errno);
	use_maps(bare->obj, node);
	set_constants(bare->obj, node);
	err = bpf_object__load(bare->obj);
	if (err)
		bench_die("load wd_bare", err);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(
			bare->obj, prog_names[dir]);

		bare->prog[dir] = prog ? bpf_program__fd(prog) : -1;
		if (bare->prog[dir] < 0)
			bench_die(prog_names[dir], ENOENT);
	}
}

void bench_bare_close(struct bench_bare *bare)
{
	bpf_object__close(bare->obj);
	bare->obj = NULL;
}
