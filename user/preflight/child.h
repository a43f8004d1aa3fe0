/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.h - other programs, run without a shell, and never left behind.
 *
 * A child dies with this process. Once a signal asked this process to end
 * (wd_child_signals()), waiting ends with -EINTR and the child with it.
 */
#ifndef WARDER_CHILD_H
#define WARDER_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "bytes.h"

struct wd_child {
	pid_t pid; /* 0 none */
	int out; /* its stdout, -1 not ours */
};

/** wd_child_signals() - SIGINT, SIGTERM and SIGHUP are noted instead of ending this process */
void wd_child_signals(void);

/** wd_child_stopped() - the signal that came, 0 none */
int wd_child_stopped(void);

/**
 * wd_child_start() - run argv[0], found in $PATH
 * @log: path of a file for stdout and stderr; NULL: stdout is @ret's out, stderr goes nowhere
 * Return: 0; -ENOENT there is no such program; -errno of starting it.
 */
int wd_child_start(char *const argv[], const char *log, struct wd_child *ret);

/**
 * wd_child_wait() - for at most @ms
 * @ret_status: as of waitpid()
 * Return: 0 it has ended; -ETIMEDOUT; -EINTR.
 */
int wd_child_wait(struct wd_child *child, int ms, int *ret_status);

/** wd_child_kill() - end it now, if it runs, and let go of it */
void wd_child_kill(struct wd_child *child);

/**
 * wd_child_output() - run a program to its end
 * @ret: what it wrote is added
 * Return: 0; -ENOENT; -EIO it failed; -EFBIG more than @most; -EINTR; -errno.
 */
int wd_child_output(char *const argv[], size_t most, struct wd_bytes *ret);

#endif /* WARDER_CHILD_H */
