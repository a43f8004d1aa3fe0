/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.h - the tables of warder/maps.h in this process's own memory.
 *
 * For a node where bpf(2) is refused or maps cannot be made: same keys, same
 * values, same limits and errors as the kernel's maps, so that what fills them
 * does not notice. No program reads them: whoever enforces by them does.
 * Calls no bpf(2), and lives as long as the process. Not for two threads.
 */
#ifndef WARDER_MEMORY_H
#define WARDER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>
#include <warder/maps.h>

struct wd_memory;

/**
 * wd_memory_new() - all tables, empty: arrays are zero, hashes have no entry
 * What nobody writes takes no memory.
 * Return: 0 or -ENOMEM.
 */
int wd_memory_new(struct wd_memory **ret_mem);

/** wd_memory_free() - takes NULL */
void wd_memory_free(struct wd_memory *mem);

/**
 * wd_memory_set() / wd_memory_del() / wd_memory_get() - one entry
 * @key: of warder/abi.h; an index (uint32_t) for arrays
 * A per-CPU array has one value here. Prefixes are found by their exact key,
 * not by an address that they cover. wd_memory_del() returns 0 also if there
 * was none.
 * Return: 0; -ENOENT (get); -E2BIG full or index beyond the end, -ENOSPC a full
 * table of prefixes; -EINVAL a prefix that is too long, an element of an array
 * cannot be deleted; -EOPNOTSUPP wd_events; -ENOMEM.
 */
int wd_memory_set(struct wd_memory *mem, enum wd_map map, const void *key,
		  const void *val);
int wd_memory_del(struct wd_memory *mem, enum wd_map map, const void *key);
int wd_memory_get(const struct wd_memory *mem, enum wd_map map, const void *key,
		  void *ret_val);

/**
 * wd_memory_next() - walk the keys; a key that is gone begins again, as in the kernel
 * @prev: NULL to begin; may be @ret_next
 * Return: 0 with @ret_next filled, -ENOENT at the end, -EOPNOTSUPP.
 */
int wd_memory_next(const struct wd_memory *mem, enum wd_map map,
		   const void *prev, void *ret_next);

/** wd_memory_window() - element 0 of an array, to be written directly; NULL for other tables */
void *wd_memory_window(struct wd_memory *mem, enum wd_map map);

/** wd_memory_count() - entries of a hash or table of prefixes; of an array its size */
uint32_t wd_memory_count(const struct wd_memory *mem, enum wd_map map);

/** wd_memory_max() - how many there may be */
uint32_t wd_memory_max(enum wd_map map);

/** wd_memory_bytes() - memory that the table takes, about; of an array that was written in full */
uint64_t wd_memory_bytes(const struct wd_memory *mem, enum wd_map map);

#endif /* WARDER_MEMORY_H */
