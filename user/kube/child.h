/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.h - work on files that the agent does not wait for.
 *
 * To bring megabytes to a busy disk takes seconds, in which the agent has
 * changes to enforce.
 */
#ifndef WARDER_KUBE_CHILD_H
#define WARDER_KUBE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * wd_kube_child_start() - fork one that does @run and ends
 * @fd: the only file beyond stderr that it has
 * @run: returns 0, or what has failed
 * Return: its pid, or -errno.
 */
pid_t wd_kube_child_start(int fd, int (*run)(void *ctx, int fd), void *ctx);

/**
 * wd_kube_child_look() - has it ended
 * @pid: 0 once it has
 * @wait: until it has
 * Return: 0: its work is done; -EAGAIN: not yet; -EIO: it has failed.
 */
int wd_kube_child_look(pid_t *pid, bool wait);

/** wd_kube_child_end() - end it, whatever it does; @pid is 0 then, or was */
void wd_kube_child_end(pid_t *pid);

#endif /* WARDER_KUBE_CHILD_H */
