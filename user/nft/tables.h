/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.h - the tables of warder/maps.h to look at, wherever they are: kernel
 * maps or own memory. Nothing here writes them.
 */
#ifndef WARDER_NFT_TABLES_H
#define WARDER_NFT_TABLES_H

#include <warder/abi.h>
#include <warder/maps.h>

/* As wd_map_get(), wd_map_next() and wd_map_window() of datapath.h. */
struct wd_tables {
	void *ctx;
	int (*get)(void *ctx, enum wd_map map, const void *key, void *ret_val);
	int (*next)(void *ctx, enum wd_map map, const void *prev,
		    void *ret_next);
	void *(*window)(void *ctx, enum wd_map map);
};

#endif /* WARDER_NFT_TABLES_H */
