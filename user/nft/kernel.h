/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - what of a ruleset is in the kernel, asked over netlink: works
 * without the library, so also for who only wants to end it.
 *
 * All functions act on the caller's network namespace and return -errno;
 * -EPERM without CAP_NET_ADMIN.
 */
#ifndef WARDER_NFT_KERNEL_H
#define WARDER_NFT_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "nft/ruleset.h"

/** wd_nft_kernel_gen() - number of the ruleset in force; each transaction of anybody adds one */
int wd_nft_kernel_gen(uint32_t *ret_gen);

/** wd_nft_kernel_tables() - in which families there is a table of ours; -EPROTONOSUPPORT no nftables */
int wd_nft_kernel_tables(bool ret_table[WD_NFT_FAMILIES]);

/** wd_nft_kernel_delete() - delete these tables, in one transaction */
int wd_nft_kernel_delete(const bool table[WD_NFT_FAMILIES]);

/** wd_nft_kernel_chains() - call @fn for each chain of our table in @family */
int wd_nft_kernel_chains(enum wd_nft_family family,
			 void (*fn)(void *ctx, const char *name), void *ctx);

/** wd_nft_kernel_counters() - call @fn for each counter of our tables */
int wd_nft_kernel_counters(void (*fn)(void *ctx, const char *name,
				      uint64_t packets, uint64_t bytes),
			   void *ctx);

#endif /* WARDER_NFT_KERNEL_H */
