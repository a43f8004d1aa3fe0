/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * simple.h - tables written by hand, a word for each: for tests that need a
 * policy and no model. Generation 2 is in force, so halves 0 count.
 */
#ifndef WARDER_SELFTESTS_NFT_SIMPLE_H
#define WARDER_SELFTESTS_NFT_SIMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/memory.h"

/** simple_begin() - publish generation 2; row 0, slot 0 and class 0 stay empty */
void simple_begin(struct wd_memory *mem);

/** simple_addr() - an address of @text with row @row and WD_ADDR_* @flags */
void simple_addr(struct wd_memory *mem, const char *text, uint32_t row,
		 uint32_t flags, uint32_t ifindex);
void simple_no_addr(struct wd_memory *mem, const char *text);

/** simple_prefix() - a CIDR with a row */
void simple_prefix(struct wd_memory *mem, const char *text, uint32_t bits,
		   uint32_t row);

/** simple_row() - predicate @pred holds in @row */
void simple_row(struct wd_memory *mem, uint32_t row, uint32_t pred);

/** simple_class() - @nr is one rule: whom @pred holds for is allowed */
void simple_class(struct wd_memory *mem, uint32_t nr, uint32_t pred);

/** simple_slot() - isolated, or not, and what class all its traffic has; 0 none */
void simple_slot(struct wd_memory *mem, uint32_t slot, enum wd_dir dir,
		 bool isolated, uint32_t class);

/** simple_pod() - an endpoint with an address of either family; NULL none */
#define simple_pod(mem, ifindex, slot, ip4, ip6, mac, master) \
	simple_pod_at(mem, ifindex, slot, (const char *const[2]){ ip4, ip6 }, \
		      mac, master)
void simple_pod_at(struct wd_memory *mem, uint32_t ifindex, uint32_t slot,
		   const char *const ip[2], const uint8_t mac[6],
		   uint32_t master);

#endif /* WARDER_SELFTESTS_NFT_SIMPLE_H */
