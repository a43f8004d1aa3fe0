/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * object.c - the programs in this binary, one object for each rung that has any.
 *
 * Opens them and sets what they must be told before they load: of this kernel,
 * and of the flow table, whose size may have been set for a trial.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/sum.h"
#include "clock.h"
#include "internal.h"
#include "wd_compat.skel.h"
#include "wd_minimal.skel.h"
#include "wd_pod.skel.h"

#define IMAGE_(object, rung, in, out) \
	{ #object, \
	  { [WD_INGRESS] = (in), [WD_EGRESS] = (out) }, \
	  object##__elf_bytes },
static const struct image {
	const char *name;
	const char *prog[WD_DIR__MAX];
	const void *(*elf)(size_t *bytes);
} images[] = { WD_RUNG_PROGS(IMAGE_) }; /* by enum wd_rung */
#undef IMAGE_

#define IMAGES (sizeof(images) / sizeof(*images))
_Static_assert(IMAGES == WD_RUNG_PROG_CNT, "an object for each of these rungs");

static const struct image *image_of(enum wd_rung rung)
{
	return (size_t)rung < IMAGES ? &images[rung] : NULL;
}

const char *wd_object_prog_name(enum wd_rung rung, enum wd_dir way)
{
	return image_of(rung)->prog[way];
}

const char *wd_object_name(enum wd_rung rung)
{
	const struct image *image = image_of(rung);

	return image ? image->name : rung == WD_RUNG_NFT ? "nft" : "";
}

enum wd_rung wd_object_rung(const char *prog_name)
{
	for (size_t i = 0; i < IMAGES; i++) {
		for (int way = 0; way < WD_DIR__MAX; way++)
			if (!strcmp(prog_name, images[i].prog[way]))
				return (enum wd_rung)i;
	}
	return WD_RUNG_FULL;
}

uint64_t wd_ladder_hash(const char *object)
{
	const uint8_t *at = NULL;
	size_t bytes = 0;

	for (size_t i = 0; i < IMAGES; i++)
		if (!strcmp(images[i].name, object))
			at = images[i].elf(&bytes);
	if (!at)
		at = wd_part_elf(object, &bytes);
	return at ? wd_sum(at, bytes) : 0;
}

/* ---- loading ---- */

struct bpf_object *wd_object_read(enum wd_rung rung)
{
	const struct image *image = image_of(rung);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = image->name);
	const void *elf;
	size_t bytes;

	elf = image->elf(&bytes);
	return bpf_object__open_mem(elf, bytes, &opts);
}

struct bpf_object *wd_object_open(struct wd_datapath *dp, enum wd_rung rung)
{
	const struct image *image = image_of(rung);
	struct bpf_object *obj;

	if (!image) {
		wd_fail(dp, -ENOENT, WD_STAGE_PROG,
			"this binary has no programs for rung %s",
			wd_rung_name(rung));
		return NULL;
	}
	wd_capture_begin();
	obj = wd_object_read(rung);
	free(wd_capture_end());
	if (!obj)
		wd_fail(dp, -errno, WD_STAGE_PROG,
			"cannot read object %s in this binary", image->name);
	return obj;
}

/* Without a ring buffer nothing refers to it, and the map is not made. */
static int leave_out_events(struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(
		obj, wd_map_names[WD_MAP_wd_events]);

	return map ? bpf_map__set_autocreate(map, false) : -ENOENT;
}

void *wd_object_constant(struct bpf_object *obj, const char *name, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	const struct btf *btf = bpf_object__btf(obj);
	const struct btf_var_secinfo *var;
	const struct btf_type *sec;
	size_t bytes = 0;
	char *data = map ? bpf_map__initial_value(map, &bytes) : NULL;
	int id =
		btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) :
		      -1;

	if (!data || id < 0)
		return NULL;
	sec = btf__type_by_id(btf, id);
	var = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, t->name_off), name) &&
		    var->size == size && var->offset + size <= bytes)
			return data + var->offset;
	}
	return NULL;
}

/* All objects have the same ones, in the same order; wd_host has one more. */
int wd_object_constants(struct bpf_object *obj,
			const uint64_t hash_key[WD_HASH_WORDS],
			bool with_events)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	struct bpf_map *flows = bpf_object__find_map_by_name(obj, "wd_flow");
	size_t bytes = 0;
	struct wd_pod__rodata *is = map ? bpf_map__initial_value(map, &bytes) :
					  NULL;

	if (!is || !flows || bytes < sizeof(*is))
		return -EINVAL;
	is->wd_with_events = with_events;
	is->wd_tick_shift = wd_clock_shift();
	is->wd_bucket_mask = bpf_map__max_entries(flows) - 1;
	memcpy(is->wd_hash_key, hash_key, sizeof(is->wd_hash_key));
	return with_events ? 0 : leave_out_events(obj);
}

int wd_object_load(struct wd_datapath *dp, struct bpf_object *obj)
{
	int err = wd_object_constants(obj, dp->hash_key, dp->with_events);

	if (err)
		return wd_fail(dp, err, WD_STAGE_PROG,
			       "the programs have other constants than this "
			       "binary");
	return wd_types_load(dp, obj);
}

int wd_object_prog(struct bpf_object *obj, enum wd_rung rung, enum wd_dir way)
{
	const struct image *image = image_of(rung);
	struct bpf_program *prog;

	prog = image ? bpf_object__find_program_by_name(obj, image->prog[way]) :
		       NULL;
	return prog ? bpf_program__fd(prog) : -ENOENT;
}

int wd_events_probe(void)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF,
				wd_map_names[WD_MAP_wd_events], 0, 0, page,
				NULL);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
