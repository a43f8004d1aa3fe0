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

#include <libmnl/libmnl.h>

#include "nft/ruleset.h"

#define WD_NFT_KERNEL_TRIES 5 /* of a listing that others get into */

/** wd_nft_kernel_gen() - number of the ruleset in force; each transaction of anybody adds one */
int wd_nft_kernel_gen(uint32_t *ret_gen);

/** wd_nft_kernel_tables() - in which families there is such a table; -EPROTONOSUPPORT no nftables */
int wd_nft_kernel_tables(const char *name, bool ret_table[WD_NFT_FAMILIES]);

/** wd_nft_kernel_delete() - delete these tables, in one transaction */
int wd_nft_kernel_delete(const char *name, const bool table[WD_NFT_FAMILIES]);

/** wd_nft_kernel_chains() - call @fn for each chain of the table in @family */
int wd_nft_kernel_chains(const char *table, enum wd_nft_family family,
			 void (*fn)(void *ctx, const char *name), void *ctx);

/**
 * wd_nft_kernel_counters() - call @fn for each counter of tables of this name, of any family
 * Return: 0; -EINTR a transaction got into it, to be begun again; -errno.
 */
int wd_nft_kernel_counters(const char *table,
			   void (*fn)(void *ctx, const char *name,
				      uint64_t packets, uint64_t bytes),
			   void *ctx);

/* What is listed. */
struct wd_nft_kernel_ask {
	uint16_t msg; /* NFT_MSG_GET... */
	enum wd_nft_family family;
	bool all; /* of all families instead */
	const char *table; /* NULL: of all */
	const char *set; /* for NFT_MSG_GETSETELEM, else NULL */
};

/** wd_nft_kernel_dump() - call @cb for each answer. Return: as wd_nft_kernel_counters() */
int wd_nft_kernel_dump(const struct wd_nft_kernel_ask *ask, mnl_cb_t cb,
		       void *ctx);

/** wd_nft_kernel_parse() - attributes of an answer by number, up to @max. Return: < 0: it is malformed */
int wd_nft_kernel_parse(const struct nlmsghdr *nlh, const struct nlattr **at,
			uint16_t max);

#endif /* WARDER_NFT_KERNEL_H */
