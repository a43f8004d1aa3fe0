/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h - memory and descriptors of a process that waits in a system call.
 *
 * All of them need what ptrace(2) needs of the process, and fail with -ESRCH
 * once it is gone.
 */
#ifndef WARDER_SELFTESTS_TARGET_H
#define WARDER_SELFTESTS_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** wd_target_read(), wd_target_write() - @bytes at address @at of @pid; 0 or -errno */
int wd_target_read(pid_t pid, uint64_t at, void *to, size_t bytes);
int wd_target_write(pid_t pid, uint64_t at, const void *from, size_t bytes);

/**
 * wd_target_text() - the string at @at, cut to @room bytes with its end
 * Return: 0; -EFAULT nothing can be read there; or -errno.
 */
int wd_target_text(pid_t pid, uint64_t at, char *to, size_t room);

/**
 * wd_target_fd() - a copy of descriptor @fd of @pid, to be closed
 * @pid: the first thread of its process
 * Return: the copy, or -errno.
 */
int wd_target_fd(pid_t pid, int fd);

#endif /* WARDER_SELFTESTS_TARGET_H */
