/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cidr_set.h - prefixes of either family, asked whether any of them has an
 * address: many times, and faster than one after the other.
 */
#ifndef WARDER_CIDR_SET_H
#define WARDER_CIDR_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "object.h"

/* Begins as zeros. */
struct wd_cidr_set {
	struct wd_cidr *cidr;
	size_t cnt;
	size_t cap;
};

/** wd_cidr_set_add() - one more prefix, copied; wd_cidr_set_sort() before the next question */
void wd_cidr_set_add(struct wd_cidr_set *set, const struct wd_cidr *cidr);

/** wd_cidr_set_sort() - make it ready to be asked: in order, and none inside another */
void wd_cidr_set_sort(struct wd_cidr_set *set);

/** wd_cidr_set_has() - is the address inside any of its prefixes */
bool wd_cidr_set_has(const struct wd_cidr_set *set, const struct wd_addr *addr);

/** wd_cidr_set_fini() - free what it has; it is empty then */
void wd_cidr_set_fini(struct wd_cidr_set *set);

#endif /* WARDER_CIDR_SET_H */
