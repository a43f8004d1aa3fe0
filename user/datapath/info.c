/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * info.c - what the kernel tells of our programs and maps.
 *
 * Only reads. The ids that it asks for by number need CAP_SYS_ADMIN, so what
 * an agent does after it gave that up must go by descriptors of its own.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"

#define BATCH 4096 /* entries counted by one call */
#define PROG_MAPS_MAX 64 /* maps of one program that are looked at */

#define MAP_HELP_(name, help) help,
static const char *const map_help[WD_MAP__MAX] = { WD_MAPS(MAP_HELP_) };
#undef MAP_HELP_

static const struct {
	uint32_t type;
	const char *name;
} map_types[] = {
	{ BPF_MAP_TYPE_HASH, "hash" },
	{ BPF_MAP_TYPE_ARRAY, "array" },
	{ BPF_MAP_TYPE_PERCPU_HASH, "percpu_hash" },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, "percpu_array" },
	{ BPF_MAP_TYPE_LRU_HASH, "lru_hash" },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, "lru_percpu_hash" },
	{ BPF_MAP_TYPE_LPM_TRIE, "lpm_trie" },
	{ BPF_MAP_TYPE_RINGBUF, "ringbuf" },
};

int wd_prog_info(int fd, struct bpf_prog_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_prog_get_info_by_fd(fd, ret_info, &len);
}

int wd_prog_describe(struct wd_datapath *dp)
{
	struct bpf_prog_info info;
	size_t i, way;
	int err;

	for (way = 0; way < WD_DIR__MAX; way++) {
		err = wd_prog_info(dp->prog_fd[way], &info);
		if (err)
			return wd_fail(dp, err, WD_STAGE_PROG,
				       "cannot ask about program %s",
				       wd_prog_names[way]);
		dp->info.prog_id[way] = info.id;
		snprintf(dp->info.prog_name[way],
			 sizeof(dp->info.prog_name[way]), "%s", info.name);
		dp->info.verified_insns[way] = info.verified_insns;
		for (i = 0; i < sizeof(info.tag); i++)
			snprintf(&dp->info.tag[way][2 * i], 3, "%02x",
				 info.tag[i]);
	}
	return 0;
}

void wd_progs_close(struct wd_progs *progs)
{
	for (int way = 0; way < WD_DIR__MAX; way++) {
		if (progs->fd[way] >= 0)
			close(progs->fd[way]);
		progs->fd[way] = -1;
	}
}

int wd_prog_uses(int fd, uint32_t map_id)
{
	uint32_t ids[PROG_MAPS_MAX], i;
	struct bpf_prog_info info = {
		.nr_map_ids = PROG_MAPS_MAX,
		.map_ids = (uintptr_t)ids,
	};
	uint32_t len = sizeof(info);
	int err;

	err = bpf_prog_get_info_by_fd(fd, &info, &len);
	if (err)
		return err;
	for (i = 0; i < info.nr_map_ids && i < PROG_MAPS_MAX; i++) {
		if (ids[i] == map_id)
			return 1;
	}
	return 0;
}

uint32_t wd_map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_map_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static void name_type(uint32_t type, char name[24])
{
	size_t i;

	for (i = 0; i < sizeof(map_types) / sizeof(*map_types); i++) {
		if (map_types[i].type == type) {
			snprintf(name, 24, "%s", map_types[i].name);
			return;
		}
	}
	snprintf(name, 24, "type %u", type);
}

static int read_memory(int fd, uint64_t *ret_bytes)
{
	static const char label[] = "memlock:";
	char path[40], line[128], *end;
	unsigned long long bytes;
	int err = -ENODATA;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (err && fgets(line, sizeof(line), file)) {
		if (strncmp(line, label, sizeof(label) - 1) != 0)
			continue;
		bytes = strtoull(line + sizeof(label) - 1, &end, 10);
		if (*end != '\n')
			continue;
		*ret_bytes = bytes;
		err = 0;
	}
	fclose(file);
	return err;
}

/* Key by key, where the kernel cannot tell a batch of this type. */
static int count_keys(int fd, void *key, uint32_t *ret_used)
{
	uint32_t used = 0;
	void *prev = NULL;
	int err;

	while (!(err = bpf_map_get_next_key(fd, prev, key))) {
		prev = key;
		used++;
	}
	if (err != -ENOENT)
		return err;
	*ret_used = used;
	return 0;
}

static int count_batches(int fd, const struct wd_map_shape *shape, char *room,
			 uint32_t *ret_used)
{
	uint32_t cnt, used = 0;
	char *mark = room, *keys = mark + 64;
	char *values = keys + (size_t)BATCH * shape->key_size;
	void *from = NULL;
	int err;

	do {
		cnt = BATCH;
		err = bpf_map_lookup_batch(fd, from, mark, keys, values, &cnt,
					   NULL);
		if (err && err != -ENOENT)
			return err;
		used += cnt;
		from = mark;
	} while (!err);
	*ret_used = used;
	return 0;
}

static int count_entries(int fd, const struct wd_map_shape *shape,
			 uint32_t *ret_used)
{
	char *room;
	int err;

	room = malloc(64 +
		      (size_t)BATCH * (shape->key_size + shape->value_size));
	if (!room)
		return -ENOMEM;
	err = count_batches(fd, shape, room, ret_used);
	if (err)
		err = count_keys(fd, room, ret_used);
	free(room);
	return err;
}

int wd_map_info(struct wd_datapath *dp, enum wd_map map,
		struct wd_map_info *ret_info)
{
	const struct wd_map_shape *shape = &dp->shape[map];
	struct wd_map_info info = {
		.name = wd_map_names[map],
		.help = map_help[map],
		.used = UINT32_MAX,
		.max = shape->max,
	};
	int err = 0;

	if (dp->memory) {
		snprintf(info.type, sizeof(info.type), "memory");
		info.max = wd_memory_max(map);
		info.used = wd_memory_count(dp->memory, map);
		info.bytes = wd_memory_bytes(dp->memory, map);
		*ret_info = info;
		return 0;
	}
	if (dp->map_fd[map] < 0)
		return -ENODEV;
	name_type(shape->type, info.type);
	switch (shape->type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		err = count_entries(dp->map_fd[map], shape, &info.used);
		break;
	default:
		break; /* every element of an array exists from the start */
	}
	if (!err)
		err = read_memory(dp->map_fd[map], &info.bytes);
	if (!err)
		*ret_info = info;
	return err;
}
