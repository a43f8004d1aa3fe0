/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self.h - this program and what it is linked with, for a machine that has
 * nothing else.
 */
#ifndef WARDER_SELF_H
#define WARDER_SELF_H

struct wd_cpio;

/**
 * wd_self_add() - the running program as @path, and its libraries where they are here
 * Return: 0 or -errno; -ENOENT a library was replaced since this program started.
 */
int wd_self_add(struct wd_cpio *cpio, const char *path);

#endif /* WARDER_SELF_H */
