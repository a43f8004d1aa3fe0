/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.c - the programs of devices that are no pod's, on a ladder of their own.
 *
 * Two families, wires and WireGuard devices, of one object; each is to attach.c
 * a data path with a folder, a filter handle and programs of its own, which
 * shares the maps. An object that fails costs what it could look into, see
 * bpf/wire.h; where all fail the agent closes what would have to be looked at
 * (WD_STATE_WIRE_OPEN).
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "internal.h"
#include "wd_wire.skel.h"
#include "wd_wiremin.skel.h"

const struct wd_family_kind wd_families[WD_FAMILY__MAX] = {
	[WD_FAMILY_WIRE] = { "wires", WD_HANDLE_WIRE },
	[WD_FAMILY_TUNNEL] = { "tunnels", WD_HANDLE_TUNNEL },
};

/* Programs are by hook, as enum wd_dir: towards the device, and from it. */
static const struct image {
	const char *name;
	const char *rung;
	const char *prog[WD_FAMILY__MAX][WD_DIR__MAX];
	const void *(*elf)(size_t *ret_bytes);
} images[] = {
#define IMAGE(object, step, wire_out, wire_in, tun_out, tun_in) \
	{ #object, \
	  #step, \
	  { [WD_FAMILY_WIRE] = { wire_out, wire_in }, \
	    [WD_FAMILY_TUNNEL] = { tun_out, tun_in } }, \
	  object##__elf_bytes },
	WD_WIRE_PROGS(IMAGE)
#undef IMAGE
};

#define IMAGES (sizeof(images) / sizeof(*images))

/* ---- one family ---- */

int wd_wire_folder(char path[WD_DIR_MAX], const char *dir,
		   enum wd_family family)
{
	int len = snprintf(path, WD_DIR_MAX, "%s/%s", dir,
			   wd_families[family].folder);

	return len < WD_DIR_MAX ? 0 : -ENAMETOOLONG;
}

static int family_new(struct wd_datapath *dp, enum wd_family family)
{
	struct wd_datapath *f = calloc(1, sizeof(*f));
	int err = f ? wd_wire_folder(f->dir, dp->dir, family) : -ENOMEM;

	if (err) {
		free(f);
		return err;
	}
	f->handle = wd_families[family].handle;
	f->prog_fd[0] = f->prog_fd[1] = -1;
	f->lock_fd = -1;
	for (int i = 0; i < WD_MAP__MAX; i++)
		f->map_fd[i] = -1;
	f->opened = true; /* filters are looked for */
	dp->family[family] = f;
	return 0;
}

static void family_free(struct wd_datapath *f)
{
	if (!f)
		return;
	for (int way = 0; way < WD_DIR__MAX; way++)
		if (f->prog_fd[way] >= 0)
			close(f->prog_fd[way]);
	wd_failure_clear(f);
	free(f);
}

void wd_wire_free(struct wd_datapath *dp)
{
	for (int i = 0; i < WD_FAMILY__MAX; i++) {
		family_free(dp->family[i]);
		dp->family[i] = NULL;
	}
}

static int make_folders(struct wd_datapath *dp, enum wd_family family)
{
	const char *dir = dp->family[family]->dir;
	int err = wd_bpffs_make(dp->dir, wd_families[family].folder);

	if (!err)
		err = wd_bpffs_make(dir, "links");
	return err ? err : wd_bpffs_make(dir, "progs");
}

/* Under the names of the first object, whichever is in force. */
static int pin_progs(const struct wd_datapath *f, enum wd_family family)
{
	char path[WD_PATH_MAX];
	int err = 0;

	for (int way = 0; !err && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, f->dir, "progs", images[0].prog[family][way]);
		err = wd_pin(f->prog_fd[way], path);
	}
	return err;
}

static int repin_family(struct wd_datapath *dp, enum wd_family family,
			int *ret_found)
{
	const struct wd_datapath *f = dp->family[family];
	int err = make_folders(dp, family);
	char path[WD_PATH_MAX];

	for (int way = 0; !err && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, f->dir, "progs", images[0].prog[family][way]);
		err = wd_repin_prog(path, f->prog_fd[way], f->info.prog_id[way],
				    ret_found);
	}
	return err;
}

int wd_wire_repin(struct wd_datapath *dp, int *ret_found)
{
	int err = 0;

	for (int i = 0; !err && dp->wire.loaded && i < WD_FAMILY__MAX; i++)
		err = repin_family(dp, i, ret_found);
	return err;
}

static int hold_progs(struct wd_datapath *f, struct bpf_object *obj,
		      const char *const prog[])
{
	int fd[WD_DIR__MAX] = { -1, -1 };

	for (int way = 0; way < WD_DIR__MAX; way++) {
		struct bpf_program *p =
			bpf_object__find_program_by_name(obj, prog[way]);

		fd[way] = p ? fcntl(bpf_program__fd(p), F_DUPFD_CLOEXEC, 3) :
			      -1;
		if (fd[way] >= 0)
			continue;
		if (fd[0] >= 0)
			close(fd[0]);
		return p ? -errno : -ENOENT;
	}
	wd_load_hold(f, fd);
	return wd_prog_describe(f);
}

/* The loaded programs take the place of those before, hook by hook. */
static int put_in_force(struct wd_datapath *dp, struct bpf_object *obj,
			const struct image *image, enum wd_family family)
{
	struct wd_datapath *f = dp->family[family];
	int err;

	f->info.attach = dp->info.attach;
	f->map_id[WD_MAP_wd_state] = dp->map_id[WD_MAP_wd_state];
	err = make_folders(dp, family);
	if (!err)
		err = hold_progs(f, obj, image->prog[family]);
	if (!err)
		err = wd_attach_swap(f);
	return err ? err : pin_progs(f, family);
}

/* ---- the object ---- */

static struct bpf_object *open_image(const struct image *image)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = image->name);
	const void *elf;
	size_t bytes;

	elf = image->elf(&bytes);
	return bpf_object__open_mem(elf, bytes, &opts);
}

static void set_constants(const struct wd_datapath *dp, struct bpf_object *obj)
{
	uint32_t *shift =
		wd_object_constant(obj, "wd_tick_shift", sizeof(*shift));
	uint32_t *events =
		wd_object_constant(obj, "wd_with_events", sizeof(*events));

	if (shift)
		*shift = wd_clock_shift();
	if (events)
		*events = dp->with_events;
}

/* A kernel without ring buffers gets neither the map nor who would fill it. */
static int leave_out_events(const struct wd_datapath *dp,
			    struct bpf_object *obj)
{
	struct bpf_map *events = bpf_object__find_map_by_name(obj, "wd_events");

	return events && !dp->with_events ?
		       bpf_map__set_autocreate(events, false) :
		       0;
}

int wd_load_other(struct wd_datapath *dp, struct bpf_object *obj)
{
	int err = leave_out_events(dp, obj);

	if (err)
		return err;
	set_constants(dp, obj);
	return wd_types_load(dp, obj);
}

/* Beside everything, with small maps of its own, before it decides anything. */
static int try_image(struct wd_datapath *dp, const struct image *image)
{
	struct bpf_object *obj = open_image(image);
	int err = obj ? wd_golden_shrink(obj) : -errno;

	if (!err)
		err = wd_load_other(dp, obj);
	if (!err)
		err = wd_golden_wire(dp, obj, image->prog);
	bpf_object__close(obj);
	return err;
}

static int load_image(struct wd_datapath *dp, const struct image *image)
{
	struct bpf_object *obj;
	int err = try_image(dp, image);

	if (err)
		return err;
	obj = open_image(image);
	err = obj ? wd_maps_reuse(dp, obj) : -errno;
	if (!err)
		err = wd_load_other(dp, obj);
	for (int i = 0; !err && i < WD_FAMILY__MAX; i++)
		err = put_in_force(dp, obj, image, i);
	bpf_object__close(obj);
	return err;
}

static int load(struct wd_datapath *dp)
{
	int err = -ENOENT;

	for (size_t i = 0; i < IMAGES; i++) {
		enum wd_part part = WD_PART_WIRE + i;

		err = wd_part_begin(dp, part);
		if (!err)
			err = load_image(dp, &images[i]);
		wd_part_end(dp, part, err, dp->wire.error,
			    sizeof(dp->wire.error));
		if (!err) {
			dp->wire.loaded = true;
			dp->wire.object = images[i].name;
			dp->wire.rung = images[i].rung;
			break;
		}
	}
	return err;
}

const void *wd_wire_elf(enum wd_part part, size_t *ret_bytes)
{
	return images[part - WD_PART_WIRE].elf(ret_bytes);
}

int wd_wire_open(struct wd_datapath *dp)
{
	int err = 0;

	dp->wire = (struct wd_wire_info){ 0 };
	if (dp->engine != WD_ENGINE_PROGS || dp->info.beside)
		return -EOPNOTSUPP;
	for (int i = 0; !err && i < WD_FAMILY__MAX; i++) {
		if (!dp->family[i])
			err = family_new(dp, i);
	}
	if (!err)
		err = load(dp);
	dp->wire.attach = dp->info.attach;
	return err;
}

const struct wd_wire_info *wd_wire_info(const struct wd_datapath *dp)
{
	return &dp->wire;
}

/* ---- attaching ---- */

static struct wd_datapath *family_of(struct wd_datapath *dp,
				     enum wd_family family)
{
	return dp->wire.loaded ? dp->family[family] : NULL;
}

int wd_wire_attach(struct wd_datapath *dp, enum wd_family family,
		   uint32_t ifindex)
{
	struct wd_datapath *f = family_of(dp, family);

	return f ? wd_progs_attach(f, ifindex) : -EOPNOTSUPP;
}

int wd_wire_check(struct wd_datapath *dp, enum wd_family family,
		  uint32_t ifindex)
{
	struct wd_datapath *f = family_of(dp, family);

	return f ? wd_progs_check(f, ifindex) : -EOPNOTSUPP;
}

int wd_wire_detach(struct wd_datapath *dp, enum wd_family family,
		   uint32_t ifindex)
{
	struct wd_datapath *f = dp->family[family];

	return f ? wd_progs_detach(f, ifindex) : 0;
}

int wd_wire_attached(struct wd_datapath *dp, enum wd_family family,
		     uint32_t **ret_ifindex)
{
	struct wd_datapath *f = family_of(dp, family);

	return f ? wd_progs_attached(f, ret_ifindex) : -EOPNOTSUPP;
}

int wd_wire_unpin(const char *dir, enum wd_family family)
{
	static const char *const subs[] = { "links", "progs" };
	char path[WD_DIR_MAX], sub[WD_PATH_MAX];
	int err = wd_wire_folder(path, dir, family);

	if (err)
		return err;
	err = wd_pins_clear(path, "progs", NULL);
	for (size_t i = 0; i < sizeof(subs) / sizeof(*subs); i++) {
		wd_pin_path(sub, path, subs[i], "");
		(void)rmdir(sub); /* stays if it holds what is not ours */
	}
	(void)rmdir(path);
	return err;
}
