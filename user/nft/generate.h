/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * generate.h - the ruleset that says what the tables say. Pure: reads tables,
 * touches no kernel.
 */
#ifndef WARDER_NFT_GENERATE_H
#define WARDER_NFT_GENERATE_H

#include <net/if.h>

#include "nft/ruleset.h"
#include "nft/tables.h"

struct wd_nft_device {
	uint32_t ifindex;
	char name[IF_NAMESIZE]; /* "": it is gone */
};

struct wd_nft_input {
	bool host_only; /* what policies of the node say, for WD_NFT_TABLE_HOST */
	const struct wd_tables *tables;
	const struct wd_nft_device *dev; /* guarded ones */
	size_t dev_cnt;
	bool bridge; /* the kernel has the bridge family */
	bool bridge_ct; /* and tracks connections there */
	bool arp; /* the kernel has the arp family */
};

/** wd_nft_generate() - all of it, sealed. Return: 0 or -errno of the tables */
int wd_nft_generate(const struct wd_nft_input *in,
		    struct wd_nft_ruleset *ret_rs);

/**
 * wd_nft_generate_closed() - the part that closes one more device, sealed
 * @in: as above; of @in->dev only @dev is looked at
 */
void wd_nft_generate_closed(const struct wd_nft_input *in,
			    const struct wd_nft_device *dev,
			    struct wd_nft_ruleset *ret_rs);

/** wd_nft_source_name() - the chain of a device in table netdev */
void wd_nft_source_name(uint32_t ifindex, char name[WD_NFT_NAME]);

#endif /* WARDER_NFT_GENERATE_H */
