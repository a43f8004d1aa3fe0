/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seed.h - connections that were there before the ruleset, told to the
 * kernel's own table: without it the middle of a TCP connection is invalid.
 */
#ifndef WARDER_NFT_SEED_H
#define WARDER_NFT_SEED_H

#include <stdint.h>

#include <linux/types.h>

/* Two ends of a TCP connection; IPv4 in addr[0], rest 0. */
struct wd_nft_conn {
	uint8_t family; /* 4 or 6 */
	__be32 opener[4];
	__be32 other[4];
	__be16 opener_port;
	__be16 other_port;
	uint32_t life_s;
};

/**
 * wd_nft_seed() - make an entry for it, established and with any window
 * Return: 0, also if the kernel has it; -EOPNOTSUPP the kernel takes none
 * (nf_conntrack_netlink); -errno.
 */
int wd_nft_seed(const struct wd_nft_conn *conn);

#endif /* WARDER_NFT_SEED_H */
