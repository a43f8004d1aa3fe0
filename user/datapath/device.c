/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.c - wd_device, the copy of wd_endpoint that programs look at first.
 *
 * Nobody else knows of it: who writes wd_endpoint writes both, and who reads
 * an entry back is shown the copy if the two differ, because the copy decides.
 * A cell belongs to the first of the devices that meet in it. Its ifindex is
 * written after its value and taken away before.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

static int cell_read(struct wd_datapath *dp, uint32_t ifindex,
		     struct wd_device_val *ret_cell)
{
	uint32_t at = ifindex % WD_DEVICES;

	return bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_device], &at, ret_cell);
}

static int cell_write(struct wd_datapath *dp, uint32_t at,
		      const struct wd_device_val *cell)
{
	dp->writes++;
	return bpf_map_update_elem(dp->map_fd[WD_MAP_wd_device], &at, cell,
				   BPF_ANY);
}

int wd_device_set(struct wd_datapath *dp, uint32_t ifindex,
		  const struct wd_endpoint_val *ep)
{
	struct wd_device_val cell;
	bool is_ours;
	int err = cell_read(dp, ifindex, &cell);

	if (err)
		return err;
	is_ours = cell.ifindex == ifindex;
	if (cell.ifindex && !is_ours)
		return 0;
	cell.ep = *ep;
	err = cell_write(dp, ifindex % WD_DEVICES, &cell);
	if (err || is_ours)
		return err;
	cell.ifindex = ifindex;
	return cell_write(dp, ifindex % WD_DEVICES, &cell);
}

int wd_device_del(struct wd_datapath *dp, uint32_t ifindex)
{
	struct wd_device_val cell;
	int err = cell_read(dp, ifindex, &cell);

	if (err || cell.ifindex != ifindex)
		return err;
	cell.ifindex = 0;
	return cell_write(dp, ifindex % WD_DEVICES, &cell);
}

int wd_device_get(struct wd_datapath *dp, uint32_t ifindex,
		  struct wd_endpoint_val *ret_ep)
{
	struct wd_device_val cell;
	int err = cell_read(dp, ifindex, &cell);

	if (!err && cell.ifindex == ifindex)
		*ret_ep = cell.ep;
	return err;
}

/* One cell, as what wd_endpoint has says. */
static int mend_cell(struct wd_datapath *dp, const struct wd_device_val *cell)
{
	uint32_t ifindex = cell->ifindex;
	struct wd_endpoint_val ep;
	int err;

	err = bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_endpoint], &ifindex,
				  &ep);
	if (err == -ENOENT)
		return wd_device_del(dp, ifindex);
	if (!err && memcmp(&ep, &cell->ep, sizeof(ep)) != 0)
		err = wd_device_set(dp, ifindex, &ep);
	return err;
}

static int mend_all(struct wd_datapath *dp, const struct wd_device_val *cells)
{
	uint32_t ifindex = 0, *prev = NULL;
	struct wd_endpoint_val ep;
	int err = 0;

	for (uint32_t at = 0; !err && at < WD_DEVICES; at++) {
		if (cells[at].ifindex)
			err = mend_cell(dp, &cells[at]);
	}
	while (!err && !bpf_map_get_next_key(dp->map_fd[WD_MAP_wd_endpoint],
					     prev, &ifindex)) {
		prev = &ifindex;
		if (!bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_endpoint],
					 &ifindex, &ep))
			err = wd_device_set(dp, ifindex, &ep);
	}
	return err;
}

int wd_device_mend(struct wd_datapath *dp)
{
	size_t bytes = WD_DEVICES * sizeof(struct wd_device_val);
	void *cells = mmap(NULL, bytes, PROT_READ, MAP_SHARED,
			   dp->map_fd[WD_MAP_wd_device], 0);
	int err;

	if (cells == MAP_FAILED)
		return wd_fail(dp, -errno, WD_STAGE_MAP,
			       "cannot map wd_device");
	err = mend_all(dp, cells);
	(void)munmap(cells, bytes);
	return err ? wd_fail(dp, err, WD_STAGE_MAP, "cannot mend wd_device") :
		     0;
}
