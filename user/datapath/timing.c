/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timing.c - histograms of handshakes. Programs only add to them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "internal.h"

uint32_t wd_group_map(const struct wd_datapath *dp)
{
	return dp->memory ? 0 : dp->map_id[WD_MAP_wd_group];
}

int wd_timing_read(struct wd_datapath *dp, uint32_t group,
		   struct wd_timing_val *ret_val)
{
	if (dp->memory || dp->map_fd[WD_MAP_wd_timing] < 0)
		return -ENODATA;
	return bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_timing], &group,
				   ret_val);
}

int wd_timing_reset(struct wd_datapath *dp, uint32_t group)
{
	static const struct wd_timing_val none;

	if (dp->memory || dp->map_fd[WD_MAP_wd_timing] < 0)
		return -ENODATA;
	if (dp->ladder.frozen)
		return -EROFS;
	dp->writes++;
	return bpf_map_update_elem(dp->map_fd[WD_MAP_wd_timing], &group, &none,
				   BPF_ANY);
}
