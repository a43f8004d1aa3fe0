/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sum.c - see sum.h.
 */
#include "sum.h"

uint64_t wd_sum(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 1099511628211ULL;
	return hash;
}
