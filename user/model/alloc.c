/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.c - which elements of a fixed array are in use: a bitmap, first fit.
 */
#include "alloc.h"

#include <assert.h>
#include <stdlib.h>

#include "xalloc.h"

static bool bit_get(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static void bit_set(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= 1ULL << (i % 64);
}

static bool taken(const struct wd_alloc *a, uint32_t i)
{
	return bit_get(a->bits, i) || (a->held && bit_get(a->held, i));
}

void wd_alloc_init(struct wd_alloc *a, uint32_t max, uint32_t taken)
{
	*a = (struct wd_alloc){ .max = max };
	a->bits = wd_xcalloc((max + 63) / 64, sizeof(*a->bits));
	for (uint32_t i = 0; i < taken; i++)
		bit_set(a->bits, i);
	a->used = taken;
	a->hint = taken;
}

void wd_alloc_fini(struct wd_alloc *a)
{
	free(a->bits);
	free(a->held);
	*a = (struct wd_alloc){ 0 };
}

/* Is the whole word that begins with @i taken? */
static bool word_taken(const struct wd_alloc *a, uint32_t i)
{
	return i % 64 == 0 &&
	       !~(a->bits[i / 64] | (a->held ? a->held[i / 64] : 0));
}

int64_t wd_alloc_get(struct wd_alloc *a, uint32_t cnt)
{
	uint32_t run = 0;

	assert(cnt > 0);
	for (uint32_t i = a->hint; i < a->max; i++) {
		if (word_taken(a, i)) {
			run = 0;
			i += 63;
			continue;
		}
		run = taken(a, i) ? 0 : run + 1;
		if (run < cnt)
			continue;
		for (uint32_t k = i + 1 - cnt; k <= i; k++)
			bit_set(a->bits, k);
		a->used += cnt;
		if (i + 1 - cnt == a->hint)
			a->hint = i + 1;
		return i + 1 - cnt;
	}
	return -1;
}

void wd_alloc_put(struct wd_alloc *a, uint32_t first, uint32_t cnt)
{
	for (uint32_t i = first; i < first + cnt; i++) {
		assert(bit_get(a->bits, i));
		a->bits[i / 64] &= ~(1ULL << (i % 64));
	}
	a->used -= cnt;
	if (first < a->hint)
		a->hint = first;
}

void wd_alloc_hold(struct wd_alloc *a, uint32_t index)
{
	if (!a->held)
		a->held = wd_xcalloc((a->max + 63) / 64, sizeof(*a->held));
	bit_set(a->held, index);
}

void wd_alloc_release(struct wd_alloc *a)
{
	free(a->held);
	a->held = NULL;
	a->hint = 0;
	while (a->hint < a->max && bit_get(a->bits, a->hint))
		a->hint++;
}
