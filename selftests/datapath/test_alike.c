// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_alike.c - the objects of the ladder are so alike that any of them can
 * take the place of any other, and load where a part of the kernel is missing.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <warder/maps.h>

#include "datapath/ladder.h"
#include "fixture.h"
#include "image.h"
#include "tap.h"

#define VMLINUX_BTF "/sys/kernel/btf/vmlinux"

#define for_each_image(image) \
	for (const struct wd_image *image = wd_images; (image)->name; (image)++)

static struct bpf_object *open_image(const struct wd_image *image)
{
	struct bpf_object *obj = wd_image_open(image);

	wd_test_row(image->name);
	if (!wd_expect(obj))
		exit(1);
	return obj;
}

/* ---- alike ---- */

static void objects_define_the_same_maps_in_the_same_shapes(void)
{
	struct bpf_object *full = open_image(wd_images);

	for_each_image(image)
	{
		struct bpf_object *obj = open_image(image);
		const struct bpf_map *map, *want;
		int cnt = 0;

		bpf_object__for_each_map(want, full) {
			if (bpf_map__is_internal(want))
				continue;
			cnt++;
			map = bpf_object__find_map_by_name(obj,
							   bpf_map__name(want));
			wd_test_row(bpf_map__name(want));
			if (!wd_expect(map))
				continue;
			wd_expect_int(bpf_map__type(want), bpf_map__type(map));
			wd_expect_int(bpf_map__key_size(want),
				      bpf_map__key_size(map));
			wd_expect_int(bpf_map__value_size(want),
				      bpf_map__value_size(map));
			wd_expect_int(bpf_map__max_entries(want),
				      bpf_map__max_entries(map));
			wd_expect_int(bpf_map__map_flags(want),
				      bpf_map__map_flags(map));
		}
		wd_expect_int(WD_MAP__MAX + 1, cnt); /* and wd_scratch */
		bpf_object__close(obj);
	}
	bpf_object__close(full);
}

/* "name offset size" of each constant. */
static void describe_constants(const struct bpf_object *obj, char text[512])
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *sec = btf__type_by_id(btf, id);
	const struct btf_var_secinfo *var = btf_var_secinfos(sec);
	size_t len = 0;

	for (int i = 0; i < btf_vlen(sec); i++)
		len += snprintf(
			text + len, 512 - len, "%s %u %u, ",
			btf__name_by_offset(
				btf,
				btf__type_by_id(btf, var[i].type)->name_off),
			var[i].offset, var[i].size);
}

static void objects_have_the_same_constants_at_the_same_places(void)
{
	struct bpf_object *full = open_image(wd_images);
	char want[512] = "", text[512] = "";

	describe_constants(full, want);
	wd_expect(strstr(want, "wd_with_events"));
	for_each_image(image)
	{
		struct bpf_object *obj = open_image(image);

		describe_constants(obj, text);
		wd_expect_str(want, text);
		bpf_object__close(obj);
	}
	bpf_object__close(full);
}

static void programs_have_the_names_that_the_list_gives(void)
{
	for_each_image(image)
	{
		struct bpf_object *obj = open_image(image);
		struct bpf_program *prog;
		int cnt = 0;

		bpf_object__for_each_program(prog, obj) {
			cnt++;
			wd_expect(strlen(bpf_program__name(prog)) < 16);
		}
		wd_expect_int(WD_DIR__MAX, cnt);
		for (int dir = 0; dir < WD_DIR__MAX; dir++)
			wd_expect(bpf_object__find_program_by_name(
				obj, image->prog[dir]));
		bpf_object__close(obj);
	}
}

/* ---- loading ---- */

static void expect_to_load(const struct wd_image *image, bool with_events)
{
	struct bpf_object *obj = open_image(image);

	wd_image_settle(obj);
	*wd_image_consts(obj).with_events = with_events;
	if (!with_events) {
		(void)bpf_map__set_autocreate(
			bpf_object__find_map_by_name(obj, "wd_events"), false);
		(void)bpf_map__set_autocreate(
			bpf_object__find_map_by_name(obj, "wd_evstat"), false);
	}
	wd_expect_int(0, bpf_object__load(obj));
	bpf_object__close(obj);
}

static void every_object_loads(void)
{
	for_each_image(image) expect_to_load(image, true);
}

static void every_object_loads_without_the_maps_of_events(void)
{
	for_each_image(image) expect_to_load(image, false);
}

/* A golden packet that is denied there must be here, too, so it is refused if not. */
static void every_object_gives_the_golden_verdicts(void)
{
	for (int nr = 0; wd_images[nr].name; nr++) {
		struct wd_ladder_opts opts = { .top = (enum wd_rung)nr,
					       .bottom = (enum wd_rung)nr };
		struct wd_datapath *dp = NULL;
		char *error = NULL;

		wd_test_row(wd_images[nr].name);
		if (wd_expect_int(0, wd_datapath_open_at(WD_FX_BPFFS, &opts,
							 &dp, &error)))
			wd_expect_str(wd_images[nr].name,
				      wd_ladder(dp)->object);
		else
			printf("# %s\n", error ? error : "no message");
		free(error);
		wd_datapath_close(dp);
		wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	}
}

static bool hide_btf(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("/dev/null", VMLINUX_BTF, NULL, MS_BIND, NULL);
}

/* libbpf gives up on an object that needs it, and on none that does not. */
static void every_object_loads_where_the_kernel_has_no_btf(void)
{
	struct btf *btf;

	if (!access(VMLINUX_BTF, F_OK) && !wd_expect(hide_btf()))
		return;
	btf = btf__load_vmlinux_btf();
	wd_expect(!btf);
	btf__free(btf);
	for_each_image(image) expect_to_load(image, true);
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(objects_define_the_same_maps_in_the_same_shapes);
	WD_TEST(objects_have_the_same_constants_at_the_same_places);
	WD_TEST(programs_have_the_names_that_the_list_gives);
	WD_TEST(every_object_loads);
	WD_TEST(every_object_gives_the_golden_verdicts);
	WD_TEST(every_object_loads_without_the_maps_of_events);
	WD_TEST(every_object_loads_where_the_kernel_has_no_btf);
	return wd_tests_end();
}
