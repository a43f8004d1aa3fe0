/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.c - reaches into a process that waits. Knows no system call but its own.
 */
#include "target.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096 /* the smallest there is: a string may end with its page */

int wd_target_read(pid_t pid, uint64_t at, void *to, size_t bytes)
{
	struct iovec here = { to, bytes };
	struct iovec there = { (void *)(uintptr_t)at, bytes };
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -EFAULT;
}

int wd_target_write(pid_t pid, uint64_t at, const void *from, size_t bytes)
{
	struct iovec here = { (void *)(uintptr_t)from, bytes };
	struct iovec there = { (void *)(uintptr_t)at, bytes };
	ssize_t n = process_vm_writev(pid, &here, 1, &there, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == bytes ? 0 : -EFAULT;
}

int wd_target_text(pid_t pid, uint64_t at, char *to, size_t room)
{
	size_t done = 0;

	memset(to, 0, room);
	while (done + 1 < room) {
		size_t part = PAGE - (at + done) % PAGE;
		int err;

		if (part > room - 1 - done)
			part = room - 1 - done;
		err = wd_target_read(pid, at + done, to + done, part);
		if (err)
			return done ? 0 : err;
		if (memchr(to + done, 0, part))
			break;
		done += part;
	}
	return 0;
}

int wd_target_fd(pid_t pid, int fd)
{
	int proc = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy;

	if (proc < 0)
		return -errno;
	copy = (int)syscall(SYS_pidfd_getfd, proc, fd, 0);
	if (copy < 0)
		copy = -errno;
	close(proc);
	return copy;
}
