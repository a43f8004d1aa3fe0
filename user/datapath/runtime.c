/* SPDX-License-Identifier: GPL-2.0-only */
/* runtime.c - see runtime.h. */
#include "runtime.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

int wd_runtime_begin(int *ret_fd)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int wd_runtime_read(uint32_t prog_id, struct wd_runtime *ret_runtime)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);
	int err;

	if (fd < 0)
		return fd;
	err = bpf_prog_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (err)
		return err;
	ret_runtime->ns = info.run_time_ns;
	ret_runtime->cnt = info.run_cnt;
	return 0;
}
