/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * prefix_table.h - a pair of kernel tables by prefix, one a family, as one list
 * of what they should say.
 *
 * For wd_net4/6 and wd_tun4/6, whose values are two 32-bit words. The list is
 * given anew as a whole; only what differs is written, additions first.
 */
#ifndef WARDER_PREFIX_TABLE_H
#define WARDER_PREFIX_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/maps.h>

#include "../model/object.h"

struct wd_datapath;
struct wd_prefix_table;

struct wd_prefix_val {
	uint32_t word[2]; /* struct wd_net_val or wd_tun_val */
};

/** wd_prefix_table_new() - of the maps @v4 and @v6; out of memory ends the program */
struct wd_prefix_table *wd_prefix_table_new(enum wd_map v4, enum wd_map v6);
void wd_prefix_table_free(struct wd_prefix_table *table);

/** wd_prefix_table_begin() - nothing is wanted; what the kernel has is not touched yet */
void wd_prefix_table_begin(struct wd_prefix_table *table);

/**
 * wd_prefix_table_want() - one line of the new list
 * Return: NULL it is new; else the value that it has in this list, which may
 * be changed.
 */
struct wd_prefix_val *wd_prefix_table_want(struct wd_prefix_table *table,
					   const struct wd_cidr *cidr,
					   const struct wd_prefix_val *val);

/**
 * wd_prefix_table_end() - write what differs from what was written before
 * @dp: whose maps
 * Return: 0; or the first -errno: what failed is tried again by the next one.
 */
int wd_prefix_table_end(struct wd_prefix_table *table, struct wd_datapath *dp);

/**
 * wd_prefix_table_read() - take what the kernel has for what was written
 * At start, after the maps changed, and to find what others wrote.
 * Return: entries that differed, or -errno.
 */
int wd_prefix_table_read(struct wd_prefix_table *table, struct wd_datapath *dp);

/** wd_prefix_table_cnt() - lines that are in the kernel, of IPv4 or IPv6 */
size_t wd_prefix_table_cnt(const struct wd_prefix_table *table, bool is_v6);

/** wd_prefix_table_has() - is the address in one of them */
bool wd_prefix_table_has(const struct wd_prefix_table *table,
			 const struct wd_addr *addr);

/** wd_prefix_table_each() - each line that is in the kernel, in no order */
void wd_prefix_table_each(const struct wd_prefix_table *table,
			  void (*fn)(void *ctx, const struct wd_cidr *cidr,
				     const struct wd_prefix_val *val),
			  void *ctx);

#endif /* WARDER_PREFIX_TABLE_H */
