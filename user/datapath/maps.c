/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps.c - the one set of maps of this node, and their entries.
 *
 * A set exists once wd_state is pinned: it is pinned last and unpinned first,
 * so what a crash leaves behind is never taken for a set. Pinned maps of
 * another shape or schema are not touched: ours are made beside them, and
 * handover.c puts them in their place. Every write is counted and its result
 * given back; what the entries mean is not known here.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"
#include "nft/nft.h"

#define MAP_NAME_(name, help) #name,
const char *const wd_map_names[WD_MAP__MAX] = { WD_MAPS(MAP_NAME_) };
#undef MAP_NAME_

static const enum wd_map mapped[] = { WD_MAP_wd_state, WD_MAP_wd_row,
				      WD_MAP_wd_slot,  WD_MAP_wd_span,
				      WD_MAP_wd_class, WD_MAP_wd_quota };

#define MAPPED_CNT (sizeof(mapped) / sizeof(*mapped))

/* ---- the set ---- */

static struct bpf_map *find_map(struct bpf_object *obj, size_t map)
{
	return bpf_object__find_map_by_name(obj, wd_map_names[map]);
}

int wd_maps_shape(struct wd_datapath *dp, struct bpf_object *obj)
{
	size_t i;

	for (i = 0; i < WD_MAP__MAX; i++) {
		struct bpf_map *map = find_map(obj, i);

		if (!map)
			return wd_fail(dp, -ENOENT, WD_STAGE_MAP,
				       "this binary has no map %s",
				       wd_map_names[i]);
		dp->shape[i] = (struct wd_map_shape){
			.type = bpf_map__type(map),
			.key_size = bpf_map__key_size(map),
			.value_size = bpf_map__value_size(map),
			.max = bpf_map__max_entries(map),
			.flags = bpf_map__map_flags(map),
		};
	}
	return 0;
}

/* The pinned set cannot be used by this version. */
static int stale(struct wd_datapath *dp, const char *name, const char *how)
{
	snprintf(dp->info.misfit, sizeof(dp->info.misfit), "%s %s", name, how);
	return -ESTALE;
}

static int check_shape(struct wd_datapath *dp, size_t map)
{
	const struct wd_map_shape *want = &dp->shape[map];
	struct bpf_map_info is = { 0 };
	uint32_t len = sizeof(is);
	int err;

	err = bpf_map_get_info_by_fd(dp->map_fd[map], &is, &len);
	if (err == -EINVAL)
		return stale(dp, wd_map_names[map], "is not a map");
	if (err)
		return wd_fail(dp, err, WD_STAGE_PIN, "cannot ask about map %s",
			       wd_map_names[map]);
	if (is.type != want->type || is.key_size != want->key_size ||
	    is.value_size != want->value_size || is.max_entries != want->max ||
	    is.map_flags != want->flags)
		return stale(dp, wd_map_names[map], "has another shape");
	dp->map_id[map] = is.id;
	return 0;
}

#define STATE_MOST 1024 /* bytes of wd_state, in any version */

/* Where the number stands is the same in every version. */
uint32_t wd_maps_schema(int fd)
{
	size_t at = offsetof(struct wd_state_val, schema);
	char state[STATE_MOST] __attribute__((aligned(8)));
	struct bpf_map_info is = { 0 };
	uint32_t len = sizeof(is), zero = 0, schema;

	if (bpf_map_get_info_by_fd(fd, &is, &len) ||
	    is.type != BPF_MAP_TYPE_ARRAY ||
	    is.value_size < at + sizeof(schema) ||
	    is.value_size > sizeof(state) ||
	    bpf_map_lookup_elem(fd, &zero, state))
		return 0;
	memcpy(&schema, state + at, sizeof(schema));
	return schema;
}

/* Looked at first: with another one nothing else means what it seems to. */
static int check_schema(struct wd_datapath *dp)
{
	int fd = dp->map_fd[WD_MAP_wd_state];

	dp->old_state_id = wd_map_id(fd);
	dp->info.schema_before = wd_maps_schema(fd);
	if (dp->info.schema_before == WD_SCHEMA)
		return 0;
	return stale(dp, wd_map_names[WD_MAP_wd_state], "has another schema");
}

static int open_pin(struct wd_datapath *dp, size_t map)
{
	char path[WD_PATH_MAX];
	int fd;

	wd_pin_path(path, dp->dir, "maps", wd_map_names[map]);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		dp->map_fd[map] = fd;
	return fd < 0 ? fd : 0;
}

/* Maps without which programs do all but tell of it. */
static bool is_optional(size_t map)
{
	return map == WD_MAP_wd_events;
}

static int open_and_check(struct wd_datapath *dp, size_t map)
{
	int err = dp->map_fd[map] < 0 ? open_pin(dp, map) : 0;

	if (err == -ENOENT && is_optional(map))
		return 0; /* made when this kernel can: wd_maps_mend() */
	if (err == -ENOENT)
		return stale(dp, wd_map_names[map], "is missing");
	if (err == -EACCES || err == -EINVAL)
		return stale(dp, wd_map_names[map], "is not a map");
	return err ? err : check_shape(dp, map);
}

static void let_go(struct wd_datapath *dp)
{
	for (size_t i = 0; i < WD_MAP__MAX; i++) {
		if (dp->map_fd[i] >= 0)
			close(dp->map_fd[i]);
		dp->map_fd[i] = -1;
		dp->map_id[i] = 0;
	}
}

int wd_maps_adopt(struct wd_datapath *dp)
{
	int err = open_pin(dp, WD_MAP_wd_state);

	if (err == -ENOENT)
		return 0;
	if (!err)
		err = check_schema(dp);
	else if (err == -EACCES || err == -EINVAL)
		err = stale(dp, wd_map_names[WD_MAP_wd_state], "is not a map");
	for (size_t i = 0; !err && i < WD_MAP__MAX; i++)
		err = open_and_check(dp, i);
	if (!err) {
		dp->old_state_id = 0;
		dp->info.schema_before = 0;
		return 1;
	}
	let_go(dp);
	if (err == -ESTALE)
		return err;
	return wd_fail(dp, err, WD_STAGE_PIN,
		       "cannot open the pinned maps in '%s'", dp->dir);
}

int wd_maps_reuse(struct wd_datapath *dp, struct bpf_object *obj)
{
	size_t i;
	int err;

	for (i = 0; i < WD_MAP__MAX; i++) {
		if (dp->map_fd[i] < 0)
			continue; /* an optional one: not made */
		err = bpf_map__reuse_fd(find_map(obj, i), dp->map_fd[i]);
		if (err)
			return wd_fail(dp, err, WD_STAGE_MAP,
				       "cannot use pinned map %s",
				       wd_map_names[i]);
	}
	return 0;
}

static int write_schema(struct wd_datapath *dp)
{
	struct wd_state_val state = { .schema = WD_SCHEMA };
	uint32_t zero = 0;
	int err;

	memcpy(state.hash_key, dp->hash_key, sizeof(dp->hash_key));
	err = bpf_map_update_elem(dp->map_fd[WD_MAP_wd_state], &zero, &state,
				  BPF_ANY);
	return err ? wd_fail(dp, err, WD_STAGE_MAP, "cannot write wd_state") :
		     0;
}

static int pin_map(struct wd_datapath *dp, const char *sub, size_t map)
{
	char path[WD_PATH_MAX];
	int err;

	if (dp->map_fd[map] < 0)
		return 0; /* an optional one: not made */
	wd_pin_path(path, dp->dir, sub, wd_map_names[map]);
	err = wd_handover_at(WD_STEP_PIN);
	if (!err)
		err = wd_pin(dp->map_fd[map], path);
	return err ? wd_fail(dp, err, WD_STAGE_PIN, "cannot pin '%s'", path) :
		     0;
}

int wd_maps_create(struct wd_datapath *dp, struct bpf_object *obj)
{
	size_t i;

	for (i = 0; i < WD_MAP__MAX; i++) {
		if (!dp->with_events && is_optional(i))
			continue;
		dp->map_fd[i] = fcntl(bpf_map__fd(find_map(obj, i)),
				      F_DUPFD_CLOEXEC, 3);
		if (dp->map_fd[i] < 0)
			return wd_fail(dp, -errno, WD_STAGE_MAP,
				       "cannot hold map %s", wd_map_names[i]);
		dp->map_id[i] = wd_map_id(dp->map_fd[i]);
	}
	return write_schema(dp);
}

int wd_maps_mend(struct wd_datapath *dp)
{
	const struct wd_map_shape *shape = &dp->shape[WD_MAP_wd_events];
	int fd;

	if (dp->map_fd[WD_MAP_wd_events] >= 0 || !dp->with_events)
		return 0;
	fd = bpf_map_create(shape->type, wd_map_names[WD_MAP_wd_events],
			    shape->key_size, shape->value_size, shape->max,
			    NULL);
	if (fd < 0) {
		dp->with_events = false;
		return fd;
	}
	dp->map_fd[WD_MAP_wd_events] = fd;
	dp->map_id[WD_MAP_wd_events] = wd_map_id(fd);
	return pin_map(dp, "maps", WD_MAP_wd_events);
}

int wd_maps_pin(struct wd_datapath *dp, const char *sub)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < WD_MAP__MAX; i++) {
		if (i != WD_MAP_wd_state)
			err = pin_map(dp, sub, i);
	}
	return err ? err : pin_map(dp, sub, WD_MAP_wd_state);
}

int wd_maps_unpin(const char *dir)
{
	char path[WD_PATH_MAX];
	int err, first;

	wd_pin_path(path, dir, "maps", wd_map_names[WD_MAP_wd_state]);
	first = wd_unpin(path);
	err = wd_pins_clear(dir, "maps", NULL);
	return first ? first : err;
}

static size_t chunk_bytes(const struct wd_datapath *dp, enum wd_map map,
			  size_t chunk)
{
	size_t left = dp->mem_bytes[map] - chunk * WD_MEM_CHUNK;

	return left < WD_MEM_CHUNK ? left : WD_MEM_CHUNK;
}

static int map_chunk(struct wd_datapath *dp, enum wd_map map, size_t chunk)
{
	char *at = (char *)dp->mem[map] + chunk * WD_MEM_CHUNK;

	if (dp->mem_chunk[map][chunk])
		return 0;
	if (mmap(at, chunk_bytes(dp, map, chunk), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, dp->map_fd[map],
		 (off_t)(chunk * WD_MEM_CHUNK)) == MAP_FAILED)
		return -errno;
	dp->mem_chunk[map][chunk] = true;
	return 0;
}

static size_t element_bytes(const struct wd_datapath *dp, enum wd_map map)
{
	return (dp->shape[map].value_size + 7) / 8 * 8;
}

int wd_map_reach(struct wd_datapath *dp, enum wd_map map, uint32_t first,
		 uint32_t cnt)
{
	size_t begin = first * element_bytes(dp, map);
	size_t end = begin + cnt * element_bytes(dp, map);

	if (dp->memory)
		return first + cnt > wd_memory_max(map) ? -ERANGE : 0;
	if (!cnt)
		return 0;
	if (end > dp->mem_bytes[map])
		return -ERANGE;
	for (size_t i = begin / WD_MEM_CHUNK; i <= (end - 1) / WD_MEM_CHUNK;
	     i++) {
		int err = map_chunk(dp, map, i);

		if (err)
			return err;
	}
	return 0;
}

/*
 * Only room is taken at first, in which everything reads as zero: a page of a
 * map counts as memory of whoever has it mapped.
 */
static int reserve(struct wd_datapath *dp, enum wd_map map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = element_bytes(dp, map) * dp->shape[map].max;
	void *mem;

	bytes = (bytes + page - 1) / page * page;
	if (bytes > WD_MEM_CHUNK * WD_MEM_CHUNKS_MAX)
		return -E2BIG;
	mem = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	dp->mem[map] = mem;
	dp->mem_bytes[map] = bytes;
	memset(dp->mem_chunk[map], 0, sizeof(dp->mem_chunk[map]));
	return wd_map_reach(dp, map, 0, 1);
}

int wd_maps_mmap(struct wd_datapath *dp)
{
	for (size_t i = 0; i < MAPPED_CNT; i++) {
		int err = reserve(dp, mapped[i]);

		if (err)
			return wd_fail(dp, err, WD_STAGE_MAP,
				       "cannot mmap map %s",
				       wd_map_names[mapped[i]]);
	}
	return 0;
}

/* What is mapped of @map, in memory of this process at the same address. */
static int make_private(struct wd_datapath *dp, enum wd_map map)
{
	size_t bytes = dp->mem_bytes[map];
	char *copy;

	if (!dp->mem[map])
		return 0;
	copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (copy == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i * WD_MEM_CHUNK < bytes; i++) {
		size_t at = i * WD_MEM_CHUNK;

		if (dp->mem_chunk[map][i])
			memcpy(copy + at, (char *)dp->mem[map] + at,
			       chunk_bytes(dp, map, i));
		dp->mem_chunk[map][i] = true;
	}
	if (mremap(copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   dp->mem[map]) == MAP_FAILED)
		return -errno;
	return 0;
}

int wd_datapath_let_go(struct wd_datapath *dp)
{
	int err = 0;

	for (int i = 0; i < WD_MAP__MAX && !err; i++)
		err = make_private(dp, (enum wd_map)i);
	for (int i = 0; i < WD_MAP__MAX; i++) {
		if (dp->map_fd[i] >= 0)
			close(dp->map_fd[i]);
		dp->map_fd[i] = -1;
	}
	return err;
}

void wd_maps_close(struct wd_datapath *dp)
{
	size_t i;

	for (i = 0; i < WD_MAP__MAX; i++) {
		if (dp->mem[i])
			munmap(dp->mem[i], dp->mem_bytes[i]);
		dp->mem[i] = NULL;
		if (dp->map_fd[i] >= 0)
			close(dp->map_fd[i]);
		dp->map_fd[i] = -1;
	}
}

/* ---- entries ---- */

/* A ruleset says it with the next wd_datapath_settle(). */
static void note_change(struct wd_datapath *dp, enum wd_map map,
			const void *key)
{
	if (!dp->nft)
		return;
	wd_nft_changed(dp->nft, map, key);
	dp->unsynced = true;
}

/* What programs keep of what they read in them, see wd_state_val.epoch. */
static bool is_kept(enum wd_map map)
{
	return map == WD_MAP_wd_addr4 || map == WD_MAP_wd_addr6 ||
	       map == WD_MAP_wd_tun4 || map == WD_MAP_wd_tun6 ||
	       map == WD_MAP_wd_wire;
}

/*
 * Before and after @map is written, or was to be. An agent that ends in between
 * leaves it odd: nothing is kept then until the next write.
 * Return: 0, or -ENODEV: wd_state is not at hand
 */
static int epoch_begin(struct wd_datapath *dp, enum wd_map map)
{
	struct wd_state_val *state = dp->mem[WD_MAP_wd_state];

	if (!is_kept(map))
		return 0;
	if (!state)
		return -ENODEV;
	__atomic_store_n(&state->epoch, (state->epoch + 1) | 1,
			 __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return 0;
}

static void epoch_end(struct wd_datapath *dp, enum wd_map map)
{
	struct wd_state_val *state = dp->mem[WD_MAP_wd_state];

	if (!is_kept(map))
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&state->epoch, state->epoch + 1, __ATOMIC_SEQ_CST);
}

static int write_entry(struct wd_datapath *dp, enum wd_map map, const void *key,
		       const void *val)
{
	int err;

	if (dp->memory)
		return wd_memory_set(dp->memory, map, key, val);
	if (dp->map_fd[map] < 0)
		return -ENODEV;
	err = epoch_begin(dp, map);
	if (err)
		return err;
	err = bpf_map_update_elem(dp->map_fd[map], key, val, BPF_ANY);
	epoch_end(dp, map);
	if (!err && map == WD_MAP_wd_endpoint)
		err = wd_device_set(dp, *(const uint32_t *)key, val);
	return err;
}

int wd_map_set(struct wd_datapath *dp, enum wd_map map, const void *key,
	       const void *val)
{
	int err;

	if (dp->ladder.frozen)
		return -EROFS;
	dp->writes++;
	err = write_entry(dp, map, key, val);
	if (!err)
		note_change(dp, map, key);
	return err;
}

static int delete_entry(struct wd_datapath *dp, enum wd_map map,
			const void *key)
{
	int err = 0;

	if (dp->memory)
		return wd_memory_del(dp->memory, map, key);
	if (map == WD_MAP_wd_endpoint)
		err = wd_device_del(dp, *(const uint32_t *)key);
	if (!err)
		err = epoch_begin(dp, map);
	if (err)
		return err;
	err = bpf_map_delete_elem(dp->map_fd[map], key);
	epoch_end(dp, map);
	return err == -ENOENT ? 0 : err;
}

int wd_map_del(struct wd_datapath *dp, enum wd_map map, const void *key)
{
	int err;

	/* an endpoint that is gone: its interface is closed by that */
	if (dp->ladder.frozen && map != WD_MAP_wd_endpoint)
		return -EROFS;
	dp->writes++;
	err = delete_entry(dp, map, key);
	if (!err)
		note_change(dp, map, key);
	return err;
}

int wd_map_get(struct wd_datapath *dp, enum wd_map map, const void *key,
	       void *ret_val)
{
	int err;

	if (dp->memory)
		return wd_memory_get(dp->memory, map, key, ret_val);
	err = bpf_map_lookup_elem(dp->map_fd[map], key, ret_val);
	if (!err && map == WD_MAP_wd_endpoint)
		err = wd_device_get(dp, *(const uint32_t *)key, ret_val);
	return err;
}

int wd_map_next(struct wd_datapath *dp, enum wd_map map, const void *prev,
		void *ret_next)
{
	if (dp->memory)
		return wd_memory_next(dp->memory, map, prev, ret_next);
	return bpf_map_get_next_key(dp->map_fd[map], prev, ret_next);
}

void *wd_map_window(struct wd_datapath *dp, enum wd_map map)
{
	return dp->memory ? wd_memory_window(dp->memory, map) : dp->mem[map];
}

void *wd_map_mem(struct wd_datapath *dp, enum wd_map map)
{
	if (dp->memory)
		return wd_memory_window(dp->memory, map);
	if (wd_map_reach(dp, map, 0, dp->shape[map].max))
		return NULL;
	return dp->mem[map];
}

int wd_map_fd(const struct wd_datapath *dp, enum wd_map map)
{
	return dp->map_fd[map];
}

uint64_t wd_datapath_writes(const struct wd_datapath *dp)
{
	return dp->writes;
}

void wd_datapath_publish(struct wd_datapath *dp, uint32_t gen)
{
	struct wd_state_val *state = wd_map_window(dp, WD_MAP_wd_state);

	__atomic_store_n(&state->gen, gen, __ATOMIC_RELEASE);
	dp->unsynced = true;
}

/* ---- the tables as a whole ---- */

static int table_get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	return wd_map_get(ctx, map, key, ret_val);
}

static int table_next(void *ctx, enum wd_map map, const void *prev,
		      void *ret_next)
{
	return wd_map_next(ctx, map, prev, ret_next);
}

static void *table_window(void *ctx, enum wd_map map)
{
	return wd_map_mem(ctx, map);
}

struct wd_tables wd_tables(struct wd_datapath *dp)
{
	return (struct wd_tables){
		.ctx = dp,
		.get = table_get,
		.next = table_next,
		.window = table_window,
	};
}

static bool is_zero(const void *at, size_t bytes)
{
	const char *c = at;

	return !*c && !memcmp(c, c + 1, bytes - 1);
}

/* What was never written is not touched, here and there. */
static int copy_array(struct wd_datapath *dp, enum wd_map map, const char *from)
{
	size_t size = element_bytes(dp, map);
	int err = 0;

	for (uint32_t i = 0; !err && i < dp->shape[map].max; i++) {
		if (is_zero(from + i * size, size))
			continue;
		err = wd_map_reach(dp, map, i, 1);
		if (!err)
			memcpy((char *)dp->mem[map] + i * size, from + i * size,
			       size);
	}
	return err;
}

static int copy_entries(struct wd_datapath *dp, enum wd_map map,
			const struct wd_memory *memory)
{
	union {
		uint32_t index;
		struct wd_cidr6_key cidr6;
		struct wd_front_key front;
	} key;
	union {
		struct wd_addr_val addr;
		struct wd_front_val front;
		struct wd_endpoint_val ep;
		struct wd_net_val net;
		struct wd_tun_val tun;
		struct wd_wire_val wire;
	} val;
	void *prev = NULL;
	int err = 0;

	while (!err && !wd_memory_next(memory, map, prev, &key)) {
		prev = &key;
		err = wd_memory_get(memory, map, &key, &val);
		if (!err)
			err = wd_map_set(dp, map, &key, &val);
	}
	return err;
}

int wd_maps_copy(struct wd_datapath *dp, struct wd_memory *memory)
{
	static const enum wd_map arrays[] = { WD_MAP_wd_row, WD_MAP_wd_slot,
					      WD_MAP_wd_span, WD_MAP_wd_class };
	static const enum wd_map entries[] = {
		WD_MAP_wd_addr4, WD_MAP_wd_addr6,    WD_MAP_wd_cidr4,
		WD_MAP_wd_cidr6, WD_MAP_wd_net4,     WD_MAP_wd_net6,
		WD_MAP_wd_tun4,	 WD_MAP_wd_tun6,     WD_MAP_wd_wire,
		WD_MAP_wd_front, WD_MAP_wd_endpoint,
	};
	const struct wd_state_val *from =
		wd_memory_window(memory, WD_MAP_wd_state);
	struct wd_state_val *state = dp->mem[WD_MAP_wd_state];
	int err = 0;

	state->flags = from->flags;
	state->monitor = from->monitor;
	for (size_t i = 0; !err && i < sizeof(arrays) / sizeof(*arrays); i++)
		err = copy_array(dp, arrays[i],
				 wd_memory_window(memory, arrays[i]));
	for (size_t i = 0; !err && i < sizeof(entries) / sizeof(*entries); i++)
		err = copy_entries(dp, entries[i], memory);
	if (!err)
		wd_datapath_publish(dp, from->gen);
	return err;
}

/* ---- counters: one value for each CPU, 8-byte aligned ---- */

/*
 * sum_cpus() - add up the first @words 64-bit words of an element
 * @size: of the value
 */
static int sum_cpus(struct wd_datapath *dp, enum wd_map map, uint32_t index,
		    size_t size, uint64_t *ret_sum, size_t words)
{
	const char *at = dp->percpu;
	size_t i;
	int cpu, err;

	memset(ret_sum, 0, words * sizeof(*ret_sum));
	if (dp->memory || dp->map_fd[map] < 0)
		return 0; /* no program counts */
	err = bpf_map_lookup_elem(dp->map_fd[map], &index, dp->percpu);
	if (err)
		return err;
	for (cpu = 0; cpu < dp->cpus; cpu++, at += size) {
		for (i = 0; i < words; i++)
			ret_sum[i] += ((const uint64_t *)at)[i];
	}
	return 0;
}

static int stat_read(struct wd_datapath *dp, uint32_t index,
		     struct wd_stat_val *ret_val)
{
	uint64_t sum[2];
	int err;

	err = sum_cpus(dp, WD_MAP_wd_stat, index, sizeof(*ret_val), sum, 2);
	if (err)
		return err;
	ret_val->packets = sum[0];
	ret_val->bytes = sum[1];
	return 0;
}

/* What the ruleset has counted, added to what programs have. */
static int add_ruleset(struct wd_nft *nft, enum wd_reason reason,
		       enum wd_dir dir,
		       int (*read)(struct wd_nft *nft, enum wd_reason reason,
				   enum wd_dir dir, uint64_t *ret_packets,
				   uint64_t *ret_bytes),
		       struct wd_stat_val *val)
{
	uint64_t packets, bytes;
	int err = nft ? read(nft, reason, dir, &packets, &bytes) : 0;

	if (err || !nft)
		return err;
	val->packets += packets;
	val->bytes += bytes;
	return 0;
}

int wd_stat_read(struct wd_datapath *dp, enum wd_reason reason, enum wd_dir dir,
		 struct wd_stat_val *ret_val)
{
	int err = stat_read(dp, reason * 2 + dir, ret_val);
	struct wd_stat_val gate;

	if (!err)
		err = add_ruleset(dp->nft, reason, dir, wd_nft_stats, ret_val);
	if (!err)
		err = add_ruleset(dp->hostrules.nft, reason, dir, wd_nft_stats,
				  ret_val);
	if (err || reason != WD_R_PLAINTEXT_OUT || dir != WD_EGRESS)
		return err;
	err = wd_gate_dropped(dp, &gate);
	if (err)
		return err;
	ret_val->packets += gate.packets;
	ret_val->bytes += gate.bytes;
	return 0;
}

int wd_stat_audit_read(struct wd_datapath *dp, enum wd_reason reason,
		       enum wd_dir dir, struct wd_stat_val *ret_val)
{
	int err = stat_read(dp, WD_STAT_AUDIT + reason * 2 + dir, ret_val);

	if (!err)
		err = add_ruleset(dp->nft, reason, dir, wd_nft_audit_stats,
				  ret_val);
	return err ? err :
		     add_ruleset(dp->hostrules.nft, reason, dir,
				 wd_nft_audit_stats, ret_val);
}

int wd_stat_answered_read(struct wd_datapath *dp, enum wd_answered what,
			  enum wd_dir dir, struct wd_stat_val *ret_val)
{
	return stat_read(dp, WD_STAT_ANSWERED + what * 2 + dir, ret_val);
}

int wd_epstat_read(struct wd_datapath *dp, uint32_t stat,
		   struct wd_epstat_val *ret_val)
{
	uint64_t sum[sizeof(*ret_val) / sizeof(uint64_t)];
	int err;

	err = sum_cpus(dp, WD_MAP_wd_epstat, stat, sizeof(*ret_val), sum,
		       sizeof(sum) / sizeof(*sum));
	if (!err)
		memcpy(ret_val, sum, sizeof(*ret_val));
	return err;
}

int wd_epstat_reset(struct wd_datapath *dp, uint32_t stat)
{
	if (dp->memory)
		return 0; /* no program counts */
	memset(dp->percpu, 0, dp->cpus * sizeof(struct wd_epstat_val));
	return wd_map_set(dp, WD_MAP_wd_epstat, &stat, dp->percpu);
}

int wd_evstat_read(struct wd_datapath *dp, struct wd_evstat_val *ret_val)
{
	uint64_t sum[3];
	int err;

	err = sum_cpus(dp, WD_MAP_wd_evstat, 0, sizeof(*ret_val), sum, 3);
	if (err)
		return err;
	*ret_val = (struct wd_evstat_val){
		.sent = sum[0],
		.limited = sum[1],
		.lost = sum[2],
	};
	return 0;
}

int wd_answer_read(struct wd_datapath *dp, uint32_t stat, uint32_t ep,
		   struct wd_answer_val *ret_val)
{
	struct wd_answer_val val = { 0 };
	int err = dp->memory ? 0 :
			       wd_map_get(dp, WD_MAP_wd_answer, &stat, &val);

	if (err)
		return err;
	/* of one before, which had its place */
	*ret_val = val.ep == ep ? val : (struct wd_answer_val){ .ep = ep };
	return 0;
}
