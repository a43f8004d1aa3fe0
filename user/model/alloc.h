/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.h - which elements of a fixed array are in use.
 *
 * Numbers are handed out lowest first. Elements that an agent before left
 * reachable are reserved until the first publication of this one.
 */
#ifndef WARDER_ALLOC_H
#define WARDER_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

struct wd_alloc {
	uint32_t max;
	uint32_t used;
	uint32_t hint; /* nothing below is free */
	uint64_t *bits; /* in use */
	uint64_t *held; /* reserved, NULL when nothing is */
};

/** wd_alloc_init() - @max elements, of which the first @taken are never handed out */
void wd_alloc_init(struct wd_alloc *a, uint32_t max, uint32_t taken);
void wd_alloc_fini(struct wd_alloc *a);

/** wd_alloc_get() - @cnt elements in a row. Return: the first, or -1 when there is no such gap */
int64_t wd_alloc_get(struct wd_alloc *a, uint32_t cnt);
void wd_alloc_put(struct wd_alloc *a, uint32_t first, uint32_t cnt);

/** wd_alloc_hold() - keep an element from being handed out until wd_alloc_release() */
void wd_alloc_hold(struct wd_alloc *a, uint32_t index);
void wd_alloc_release(struct wd_alloc *a);

#endif /* WARDER_ALLOC_H */
