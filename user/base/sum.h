/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sum.h - a checksum: against a disk that lost something, not against an author.
 */
#ifndef WARDER_SUM_H
#define WARDER_SUM_H

#include <stddef.h>
#include <stdint.h>

#define WD_SUM_DIGITS 16 /* hex, lower case, as it is written */

/**
 * wd_sum() - of some bytes; one byte that is another one is always found
 * Source: FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
 */
uint64_t wd_sum(const void *data, size_t len);

#endif /* WARDER_SUM_H */
