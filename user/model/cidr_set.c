/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cidr_set.c - prefixes in the order of their first addresses, none inside
 * another: of those, only the last that begins at or before an address may
 * have it.
 */
#include "cidr_set.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

static int addr_cmp(const struct wd_addr *a, const struct wd_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->v6, &b->v6, a->family == 4 ? 4 : 16);
}

/* Of those that begin at the same address the largest comes first. */
static int cidr_cmp(const void *a, const void *b)
{
	const struct wd_cidr *x = a;
	const struct wd_cidr *y = b;
	int cmp = addr_cmp(&x->addr, &y->addr);

	return cmp ? cmp : (int)x->len - (int)y->len;
}

void wd_cidr_set_add(struct wd_cidr_set *set, const struct wd_cidr *cidr)
{
	set->cidr = wd_grow(set->cidr, set->cnt, &set->cap, sizeof(*set->cidr));
	set->cidr[set->cnt++] = *cidr;
}

void wd_cidr_set_sort(struct wd_cidr_set *set)
{
	size_t kept = 0;

	if (set->cnt)
		qsort(set->cidr, set->cnt, sizeof(*set->cidr), cidr_cmp);
	for (size_t i = 0; i < set->cnt; i++) {
		if (!kept ||
		    !wd_cidr_covers(&set->cidr[kept - 1], &set->cidr[i]))
			set->cidr[kept++] = set->cidr[i];
	}
	set->cnt = kept;
}

bool wd_cidr_set_has(const struct wd_cidr_set *set, const struct wd_addr *addr)
{
	size_t lo = 0; /* how many begin at or before it: from lo to hi */
	size_t hi = set->cnt;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr_cmp(&set->cidr[mid].addr, addr) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && wd_cidr_has(&set->cidr[lo - 1], addr);
}

void wd_cidr_set_fini(struct wd_cidr_set *set)
{
	free(set->cidr);
	*set = (struct wd_cidr_set){ 0 };
}
