/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft_none.h - the ruleset that this version does not have: it cannot be opened.
 */
#ifndef WARDER_DATAPATH_NFT_NONE_H
#define WARDER_DATAPATH_NFT_NONE_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <warder/maps.h>
#include <warder/verdict.h>

/* Tables as a ruleset reads them. */
struct wd_tables {
	void *ctx;
	int (*get)(void *ctx, enum wd_map map, const void *key, void *ret_val);
	int (*next)(void *ctx, enum wd_map map, const void *prev,
		    void *ret_next);
	void *(*window)(void *ctx, enum wd_map map);
};

struct wd_nft;

static inline int wd_nft_open(struct wd_tables tables, struct wd_nft **ret_nft,
			      char **ret_error)
{
	(void)tables;
	(void)ret_nft;
	*ret_error = strdup("this version has no ruleset");
	return -ENOENT;
}

#define wd_nft_attach(nft, ifindex) ((void)(nft), (void)(ifindex), -ENOENT)
#define wd_nft_detach(nft, ifindex) ((void)(nft), (void)(ifindex), -ENOENT)
#define wd_nft_check(nft, ifindex) ((void)(nft), (void)(ifindex), -ENOENT)
#define wd_nft_changed(nft, map, key) ((void)(nft), (void)(map), (void)(key))
#define wd_nft_sync(nft, error) ((void)(nft), (void)(error), -ENOENT)
#define wd_nft_remove(error) ((void)(error), 0)
#define wd_nft_close(nft) ((void)(nft))
#define wd_nft_stats(nft, reason, dir, packets, bytes) \
	((void)(nft), (void)(reason), (void)(dir), *(packets) = 0, \
	 *(bytes) = 0, 0)

#endif /* WARDER_DATAPATH_NFT_NONE_H */
