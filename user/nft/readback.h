/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * readback.h - is what the kernel has the ruleset that it was given, when all of
 * it was put there anew? Works by the kernel's own listings, not by the library
 * that wrote it.
 */
#ifndef WARDER_NFT_READBACK_H
#define WARDER_NFT_READBACK_H

#include "nft/ruleset.h"

/**
 * wd_nft_readback() - compare: chains with their hooks, priorities and policies
 * and how many rules each has; sets, and how many elements each has
 * @rs: sealed
 * @ret_error: on -EBADMSG the first difference, to be freed
 * Return: 0; -EBADMSG; -EINTR others keep changing it; -errno.
 */
int wd_nft_readback(const struct wd_nft_ruleset *rs, char **ret_error);

#endif /* WARDER_NFT_READBACK_H */
