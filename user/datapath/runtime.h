/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runtime.h - how long programs run, as the kernel counts it while it is asked to.
 *
 * The kernel reads the clock before and after each run, of all programs there
 * are, and only while somebody wants it: nothing is paid in between, and nothing
 * of it is in the programs.
 */
#ifndef WARDER_RUNTIME_H
#define WARDER_RUNTIME_H

#include <stdint.h>

/* Since the program was loaded, of the times that it was counted. */
struct wd_runtime {
	uint64_t ns;
	uint64_t cnt;
};

/**
 * wd_runtime_begin() - have runs counted until the descriptor is closed
 * Return: 0; -EINVAL the kernel is older than 5.8; -EPERM; -errno.
 * Context: CAP_SYS_ADMIN
 */
int wd_runtime_begin(int *ret_fd);

/**
 * wd_runtime_read() - of a program by its number
 * Return: 0; -ENOENT it is gone; -EPERM; -errno.
 * Context: CAP_SYS_ADMIN
 */
int wd_runtime_read(uint32_t prog_id, struct wd_runtime *ret_runtime);

#endif /* WARDER_RUNTIME_H */
