/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - see memory.h. Hashes and tables of prefixes are uthash, arrays
 * are anonymous mappings, whose pages come when they are written.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "memory.h"

#define HASH_NONFATAL_OOM 1
#include "../model/hash.h"

enum kind {
	KIND_ARRAY,
	KIND_HASH,
	KIND_PREFIX, /* the key begins with its length in bits */
	KIND_NONE, /* makes no sense without programs */
};

struct shape {
	enum kind kind;
	uint32_t key; /* bytes */
	uint32_t val; /* bytes */
	uint32_t max; /* entries */
};

#define INDEX sizeof(uint32_t)

/* as bpf/maps.h has them. */
static const struct shape shapes[WD_MAP__MAX] = {
	[WD_MAP_wd_state] = { KIND_ARRAY, INDEX, sizeof(struct wd_state_val),
			      1 },
	[WD_MAP_wd_endpoint] = { KIND_HASH, sizeof(uint32_t),
				 sizeof(struct wd_endpoint_val),
				 WD_ENDPOINTS_MAX },
	[WD_MAP_wd_device] = { KIND_ARRAY, INDEX, sizeof(struct wd_device_val),
			       WD_DEVICES },
	[WD_MAP_wd_addr4] = { KIND_HASH, sizeof(struct wd_addr4_key),
			      sizeof(struct wd_addr_val), WD_ADDRS_MAX },
	[WD_MAP_wd_addr6] = { KIND_HASH, sizeof(struct wd_addr6_key),
			      sizeof(struct wd_addr_val), WD_ADDRS_MAX },
	[WD_MAP_wd_cidr4] = { KIND_PREFIX, sizeof(struct wd_cidr4_key),
			      sizeof(struct wd_addr_val), WD_CIDRS_MAX },
	[WD_MAP_wd_cidr6] = { KIND_PREFIX, sizeof(struct wd_cidr6_key),
			      sizeof(struct wd_addr_val), WD_CIDRS_MAX },
	[WD_MAP_wd_front] = { KIND_HASH, sizeof(struct wd_front_key),
			      sizeof(struct wd_front_val), WD_FRONTS_MAX },
	[WD_MAP_wd_row] = { KIND_ARRAY, INDEX, sizeof(struct wd_row_val),
			    WD_ROWS_MAX },
	[WD_MAP_wd_slot] = { KIND_ARRAY, INDEX, sizeof(struct wd_slot_val),
			     2 * WD_SLOTS_MAX },
	[WD_MAP_wd_span] = { KIND_ARRAY, INDEX, sizeof(struct wd_span_val),
			     WD_SPANS_MAX },
	[WD_MAP_wd_class] = { KIND_ARRAY, INDEX, sizeof(struct wd_class_val),
			      WD_CLASSES_MAX },
	[WD_MAP_wd_flow] = { KIND_ARRAY, INDEX, sizeof(struct wd_bucket),
			     WD_FLOW_BUCKETS },
	[WD_MAP_wd_flowlock] = { KIND_ARRAY, INDEX,
				 sizeof(struct bpf_spin_lock), WD_FLOW_LOCKS },
	[WD_MAP_wd_quota] = { KIND_ARRAY, INDEX, sizeof(struct wd_quota_val),
			      WD_ENDPOINTS_MAX },
	[WD_MAP_wd_frag] = { KIND_ARRAY, INDEX, sizeof(struct wd_frag_val),
			     WD_FRAG_BUCKETS },
	[WD_MAP_wd_stat] = { KIND_ARRAY, INDEX, sizeof(struct wd_stat_val),
			     WD_STATS_MAX },
	[WD_MAP_wd_epstat] = { KIND_ARRAY, INDEX, sizeof(struct wd_epstat_val),
			       WD_ENDPOINTS_MAX },
	[WD_MAP_wd_rulestat] = { KIND_NONE, INDEX,
				 sizeof(struct wd_rulestat_val), WD_RULES_MAX },
	[WD_MAP_wd_evstat] = { KIND_ARRAY, INDEX, sizeof(struct wd_evstat_val),
			       1 },
	[WD_MAP_wd_answer] = { KIND_ARRAY, INDEX, sizeof(struct wd_answer_val),
			       WD_ENDPOINTS_MAX },
	[WD_MAP_wd_group] = { KIND_ARRAY, INDEX, sizeof(struct wd_group_val),
			      WD_ENDPOINTS_MAX },
	[WD_MAP_wd_timing] = { KIND_NONE, INDEX, sizeof(struct wd_timing_val),
			       WD_GROUPS_MAX },
	[WD_MAP_wd_net4] = { KIND_PREFIX, sizeof(struct wd_cidr4_key),
			     sizeof(struct wd_net_val), WD_NETS_MAX },
	[WD_MAP_wd_net6] = { KIND_PREFIX, sizeof(struct wd_cidr6_key),
			     sizeof(struct wd_net_val), WD_NETS_MAX },
	[WD_MAP_wd_tun4] = { KIND_PREFIX, sizeof(struct wd_cidr4_key),
			     sizeof(struct wd_tun_val), WD_TUNS_MAX },
	[WD_MAP_wd_tun6] = { KIND_PREFIX, sizeof(struct wd_cidr6_key),
			     sizeof(struct wd_tun_val), WD_TUNS_MAX },
	[WD_MAP_wd_wire] = { KIND_HASH, sizeof(uint32_t),
			     sizeof(struct wd_wire_val), WD_WIRES_MAX },
	[WD_MAP_wd_cover] = { KIND_HASH, sizeof(struct wd_cover_key),
			      sizeof(struct wd_stat_val), WD_COVERS_MAX },
	[WD_MAP_wd_events] = { KIND_NONE, 0, 0, WD_EVENTS_BYTES },
};

/* Key, then value behind it. */
struct entry {
	UT_hash_handle hh;
	unsigned char data[];
};

struct wd_memory {
	struct entry *entries[WD_MAP__MAX]; /* hashes and prefixes */
	void *array[WD_MAP__MAX]; /* arrays */
};

static size_t array_bytes(enum wd_map map)
{
	return (size_t)shapes[map].val * shapes[map].max;
}

int wd_memory_new(struct wd_memory **ret_mem)
{
	struct wd_memory *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return -ENOMEM;
	for (size_t i = 0; i < WD_MAP__MAX; i++) {
		if (shapes[i].kind != KIND_ARRAY)
			continue;
		mem->array[i] = mmap(
			NULL, array_bytes(i), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (mem->array[i] == MAP_FAILED) {
			mem->array[i] = NULL;
			wd_memory_free(mem);
			return -ENOMEM;
		}
	}
	((struct wd_state_val *)mem->array[WD_MAP_wd_state])->schema =
		WD_SCHEMA;
	*ret_mem = mem;
	return 0;
}

static void free_entries(struct wd_memory *mem, enum wd_map map)
{
	struct entry *e, *next;

	HASH_ITER(hh, mem->entries[map], e, next) {
		HASH_DEL(mem->entries[map], e);
		free(e);
	}
}

void wd_memory_free(struct wd_memory *mem)
{
	if (!mem)
		return;
	for (size_t i = 0; i < WD_MAP__MAX; i++) {
		if (mem->array[i])
			(void)munmap(mem->array[i], array_bytes(i));
		free_entries(mem, i);
	}
	free(mem);
}

/* The element of an array, NULL beyond its end. */
static void *element(const struct wd_memory *mem, enum wd_map map,
		     const void *key)
{
	uint32_t at;

	memcpy(&at, key, sizeof(at));
	if (at >= shapes[map].max)
		return NULL;
	return (char *)mem->array[map] + (size_t)at * shapes[map].val;
}

static struct entry *find(const struct wd_memory *mem, enum wd_map map,
			  const void *key)
{
	struct entry *e;

	HASH_FIND(hh, mem->entries[map], key, shapes[map].key, e);
	return e;
}

static bool prefix_is_good(enum wd_map map, const void *key)
{
	uint32_t bits;

	if (shapes[map].kind != KIND_PREFIX)
		return true;
	memcpy(&bits, key, sizeof(bits));
	return bits <= (shapes[map].key - sizeof(bits)) * 8;
}

static int add(struct wd_memory *mem, enum wd_map map, const void *key,
	       const void *val)
{
	const struct shape *shape = &shapes[map];
	struct entry *e;

	if (HASH_COUNT(mem->entries[map]) >= shape->max)
		return shape->kind == KIND_PREFIX ? -ENOSPC : -E2BIG;
	e = malloc(sizeof(*e) + shape->key + shape->val);
	if (!e)
		return -ENOMEM;
	memset(&e->hh, 0, sizeof(e->hh));
	memcpy(e->data, key, shape->key);
	memcpy(e->data + shape->key, val, shape->val);
	HASH_ADD_KEYPTR(hh, mem->entries[map], e->data, shape->key, e);
	/* uthash leaves out what it had no memory for */
	if (!find(mem, map, key)) {
		free(e);
		return -ENOMEM;
	}
	return 0;
}

int wd_memory_set(struct wd_memory *mem, enum wd_map map, const void *key,
		  const void *val)
{
	const struct shape *shape = &shapes[map];
	struct entry *e;
	void *at;

	if (shape->kind == KIND_NONE)
		return -EOPNOTSUPP;
	if (shape->kind == KIND_ARRAY) {
		at = element(mem, map, key);
		if (!at)
			return -E2BIG;
		memcpy(at, val, shape->val);
		return 0;
	}
	if (!prefix_is_good(map, key))
		return -EINVAL;
	e = find(mem, map, key);
	if (!e)
		return add(mem, map, key, val);
	memcpy(e->data + shape->key, val, shape->val);
	return 0;
}

int wd_memory_del(struct wd_memory *mem, enum wd_map map, const void *key)
{
	struct entry *e;

	if (shapes[map].kind == KIND_NONE)
		return -EOPNOTSUPP;
	if (shapes[map].kind == KIND_ARRAY || !prefix_is_good(map, key))
		return -EINVAL;
	e = find(mem, map, key);
	if (!e)
		return 0;
	HASH_DEL(mem->entries[map], e);
	free(e);
	return 0;
}

int wd_memory_get(const struct wd_memory *mem, enum wd_map map, const void *key,
		  void *ret_val)
{
	const struct shape *shape = &shapes[map];
	const struct entry *e;
	const void *at;

	if (shape->kind == KIND_NONE)
		return -EOPNOTSUPP;
	if (shape->kind == KIND_ARRAY) {
		at = element(mem, map, key);
	} else {
		e = find(mem, map, key);
		at = e ? e->data + shape->key : NULL;
	}
	if (!at)
		return -ENOENT;
	memcpy(ret_val, at, shape->val);
	return 0;
}

static int next_index(enum wd_map map, const void *prev, void *ret_next)
{
	uint32_t at;

	if (prev)
		memcpy(&at, prev, sizeof(at));
	at = prev && at < shapes[map].max ? at + 1 : 0;
	if (at >= shapes[map].max)
		return -ENOENT;
	memcpy(ret_next, &at, sizeof(at));
	return 0;
}

int wd_memory_next(const struct wd_memory *mem, enum wd_map map,
		   const void *prev, void *ret_next)
{
	const struct entry *e;

	if (shapes[map].kind == KIND_NONE)
		return -EOPNOTSUPP;
	if (shapes[map].kind == KIND_ARRAY)
		return next_index(map, prev, ret_next);
	e = prev ? find(mem, map, prev) : NULL;
	e = e ? e->hh.next : mem->entries[map];
	if (!e)
		return -ENOENT;
	memcpy(ret_next, e->data, shapes[map].key);
	return 0;
}

void *wd_memory_window(struct wd_memory *mem, enum wd_map map)
{
	return mem->array[map];
}

uint32_t wd_memory_count(const struct wd_memory *mem, enum wd_map map)
{
	if (shapes[map].kind == KIND_ARRAY)
		return shapes[map].max;
	return HASH_COUNT(mem->entries[map]);
}

uint32_t wd_memory_max(enum wd_map map)
{
	return shapes[map].max;
}

uint64_t wd_memory_bytes(const struct wd_memory *mem, enum wd_map map)
{
	size_t each = sizeof(struct entry) + shapes[map].key + shapes[map].val;

	if (shapes[map].kind == KIND_ARRAY)
		return array_bytes(map);
	return (uint64_t)HASH_COUNT(mem->entries[map]) * each +
	       HASH_OVERHEAD(hh, mem->entries[map]);
}
