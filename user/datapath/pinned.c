/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned.c - reads a pinned set of maps as it is. Writes nothing, locks
 * nothing: an agent that runs is to be asked instead.
 */
#include "pinned.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* What is read of them, and how large a key and a value then must be. */
static const struct {
	enum wd_map map;
	uint32_t key;
	uint32_t value;
} read_maps[] = {
	{ WD_MAP_wd_state, 4, sizeof(struct wd_state_val) },
	{ WD_MAP_wd_endpoint, 4, sizeof(struct wd_endpoint_val) },
	{ WD_MAP_wd_addr4, sizeof(struct wd_addr4_key),
	  sizeof(struct wd_addr_val) },
	{ WD_MAP_wd_addr6, sizeof(struct wd_addr6_key),
	  sizeof(struct wd_addr_val) },
	{ WD_MAP_wd_cidr4, sizeof(struct wd_cidr4_key),
	  sizeof(struct wd_addr_val) },
	{ WD_MAP_wd_cidr6, sizeof(struct wd_cidr6_key),
	  sizeof(struct wd_addr_val) },
	{ WD_MAP_wd_front, sizeof(struct wd_front_key),
	  sizeof(struct wd_front_val) },
	{ WD_MAP_wd_row, 4, sizeof(struct wd_row_val) },
	{ WD_MAP_wd_slot, 4, sizeof(struct wd_slot_val) },
	{ WD_MAP_wd_span, 4, sizeof(struct wd_span_val) },
	{ WD_MAP_wd_class, 4, sizeof(struct wd_class_val) },
};

#define READ_CNT (sizeof(read_maps) / sizeof(*read_maps))

struct wd_pinned {
	int fd[WD_MAP__MAX]; /* -1 not read */
};

static int open_one(struct wd_pinned *pinned, const char *bpffs, size_t i)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	enum wd_map map = read_maps[i].map;
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[WD_PATH_MAX];
	int err;

	wd_pin_path(path, bpffs, "maps", wd_map_names[map]);
	pinned->fd[map] = bpf_obj_get_opts(path, &opts);
	if (pinned->fd[map] < 0)
		return i && pinned->fd[map] == -ENOENT ? -ESTALE :
							 pinned->fd[map];
	err = bpf_map_get_info_by_fd(pinned->fd[map], &info, &len);
	if (!err && (info.key_size != read_maps[i].key ||
		     info.value_size != read_maps[i].value))
		err = -ESTALE;
	return err;
}

int wd_pinned_open(const char *bpffs, struct wd_pinned **ret_pinned)
{
	struct wd_pinned *pinned;
	int err = 0;

	if (strlen(bpffs) >= WD_DIR_MAX)
		return -ENAMETOOLONG;
	pinned = malloc(sizeof(*pinned));
	if (!pinned)
		return -ENOMEM;
	for (size_t i = 0; i < WD_MAP__MAX; i++)
		pinned->fd[i] = -1;
	for (size_t i = 0; i < READ_CNT && !err; i++)
		err = open_one(pinned, bpffs, i);
	if (!err && wd_maps_schema(pinned->fd[WD_MAP_wd_state]) != WD_SCHEMA)
		err = -ESTALE;
	if (err)
		wd_pinned_close(pinned);
	else
		*ret_pinned = pinned;
	return err;
}

void wd_pinned_close(struct wd_pinned *pinned)
{
	if (!pinned)
		return;
	for (size_t i = 0; i < WD_MAP__MAX; i++)
		if (pinned->fd[i] >= 0)
			close(pinned->fd[i]);
	free(pinned);
}

int wd_pinned_get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	const struct wd_pinned *pinned = ctx;

	return bpf_map_lookup_elem(pinned->fd[map], key, ret_val);
}

int wd_pinned_next(void *ctx, enum wd_map map, const void *prev, void *ret_next)
{
	const struct wd_pinned *pinned = ctx;

	return bpf_map_get_next_key(pinned->fd[map], prev, ret_next);
}
