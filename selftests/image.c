// SPDX-License-Identifier: GPL-2.0-only
/* image.c - opens the objects of the ladder as tests want them. */
#include "image.h"

#include <assert.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <warder/maps.h>

#include "datapath/clock.h"
#include "wd_compat.skel.h"
#include "wd_minimal.skel.h"
#include "wd_pod.skel.h"

#define IMAGE(object, step, in, out) \
	{ \
		.name = #object, \
		.rung = #step, \
		.prog = { [WD_INGRESS] = (in), [WD_EGRESS] = (out) }, \
		.elf_bytes = object##__elf_bytes, \
	},
const struct wd_image wd_images[] = { WD_RUNG_PROGS(IMAGE){} };
#undef IMAGE

const struct wd_image *wd_image(void)
{
	const char *name = getenv("WD_OBJECT");
	const struct wd_image *at;

	if (!name || !*name)
		return wd_images;
	for (at = wd_images; at->name; at++)
		if (!strcmp(at->name, name))
			return at;
	printf("Bail out! WD_OBJECT: there is no object '%s'\n", name);
	exit(1);
}

bool wd_image_is_lower(void)
{
	return wd_image() != wd_images;
}

bool wd_image_sheds(const struct wd_image *image)
{
	return !strcmp(image->rung, "minimal");
}

struct bpf_object *wd_image_open(const struct wd_image *image)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = image->name);
	const void *elf;
	size_t bytes;

	/* another build of it, see wire-packets/test_mutants.py */
	if (getenv("WD_ELF"))
		return bpf_object__open_file(getenv("WD_ELF"), NULL);
	elf = image->elf_bytes(&bytes);
	return bpf_object__open_mem(elf, bytes, &opts);
}

/*
 * test_alike.c holds the layout of the others against this one's; wd_host has
 * more behind it, see netfilter.c.
 */
struct wd_image_consts wd_image_consts(const struct bpf_object *obj)
{
	const struct bpf_map *map =
		bpf_object__find_map_by_name(obj, ".rodata");
	size_t bytes = 0;
	struct wd_pod__rodata *is = map ? bpf_map__initial_value(map, &bytes) :
					  NULL;

	assert(is && bytes >= sizeof(*is));
	return (struct wd_image_consts){
		.tick_shift = (uint32_t *)&is->wd_tick_shift,
		.with_events = (uint32_t *)&is->wd_with_events,
		.bucket_mask = (uint32_t *)&is->wd_bucket_mask,
		.hash_key = (uint64_t *)is->wd_hash_key,
	};
}

void wd_image_settle(const struct bpf_object *obj)
{
	struct wd_image_consts is = wd_image_consts(obj);
	uint64_t *factor = is.hash_key;

	*is.tick_shift = wd_clock_shift();
	*is.bucket_mask = bpf_map__max_entries(bpf_object__find_map_by_name(
				  obj, "wd_flow")) -
			  1;
	for (int i = 0; i < WD_HASH_WORDS; i++)
		factor[i] = 0x9e3779b97f4a7c15 * (uint64_t)(i + 3) | 1;
}

struct bpf_program *wd_image_prog(const struct bpf_object *obj,
				  const struct wd_image *image, enum wd_dir dir)
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(obj, image->prog[dir]);

	assert(prog);
	return prog;
}
