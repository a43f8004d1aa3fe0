/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pinned.h - the tables pinned below a directory, to be read without an agent.
 */
#ifndef WARDER_PINNED_H
#define WARDER_PINNED_H

#include <warder/maps.h>

struct wd_pinned;

/**
 * wd_pinned_open() - open every map of the set for reading
 * Return: 0; -ENOENT there is none; -ESTALE it is of another version; -EPERM; -errno.
 */
int wd_pinned_open(const char *bpffs, struct wd_pinned **ret_pinned);
void wd_pinned_close(struct wd_pinned *pinned);

/** wd_pinned_get(), wd_pinned_next() - as wd_map_get() and wd_map_next(); @ctx: a struct wd_pinned */
int wd_pinned_get(void *ctx, enum wd_map map, const void *key, void *ret_val);
int wd_pinned_next(void *ctx, enum wd_map map, const void *prev,
		   void *ret_next);

#endif /* WARDER_PINNED_H */
