/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * simple.c - see simple.h.
 */
#include "simple.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static void *window(struct wd_memory *mem, enum wd_map map)
{
	return wd_memory_window(mem, map);
}

void simple_begin(struct wd_memory *mem)
{
	struct wd_state_val *state = window(mem, WD_MAP_wd_state);

	state->gen = 2;
	state->flags = WD_STATE_CIDR4 | WD_STATE_CIDR6;
	state->schema = WD_SCHEMA;
}

/* Return: whether it is IPv6. */
static bool parse(const char *text, void *to)
{
	bool is_v6 = strchr(text, ':');

	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, text, to) != 1)
		abort();
	return is_v6;
}

void simple_addr(struct wd_memory *mem, const char *text, uint32_t row,
		 uint32_t flags, uint32_t ifindex)
{
	struct wd_addr_val val = { .row = { row, row },
				   .flags = flags,
				   .ifindex = ifindex };
	__be32 key[4];
	bool is_v6 = parse(text, key);

	if (wd_memory_set(mem, is_v6 ? WD_MAP_wd_addr6 : WD_MAP_wd_addr4, key,
			  &val))
		abort();
}

void simple_no_addr(struct wd_memory *mem, const char *text)
{
	__be32 key[4];
	bool is_v6 = parse(text, key);

	if (wd_memory_del(mem, is_v6 ? WD_MAP_wd_addr6 : WD_MAP_wd_addr4, key))
		abort();
}

void simple_prefix(struct wd_memory *mem, const char *text, uint32_t bits,
		   uint32_t row)
{
	struct wd_addr_val val = { .row = { row, row } };
	struct wd_cidr6_key key = { .prefixlen = bits };
	bool is_v6 = parse(text, key.addr);

	if (wd_memory_set(mem, is_v6 ? WD_MAP_wd_cidr6 : WD_MAP_wd_cidr4, &key,
			  &val))
		abort();
}

void simple_row(struct wd_memory *mem, uint32_t row, uint32_t pred)
{
	struct wd_row_val *rows = window(mem, WD_MAP_wd_row);

	rows[row].bits[pred / 64] |= 1ULL << (pred % 64);
}

void simple_class(struct wd_memory *mem, uint32_t nr, uint32_t pred)
{
	struct wd_class_val *classes = window(mem, WD_MAP_wd_class);

	classes[nr].cnt = 1;
	classes[nr].rule[0] =
		(struct wd_rule){ .id = nr, .pred = (uint16_t)pred };
}

/* The first two spans: no class, and one after it for each class. */
void simple_slot(struct wd_memory *mem, uint32_t slot, enum wd_dir dir,
		 bool isolated, uint32_t class)
{
	struct wd_slot_val *slots = window(mem, WD_MAP_wd_slot);
	struct wd_span_val *spans = window(mem, WD_MAP_wd_span);
	struct wd_slot_val *s = &slots[slot * 2 + dir];

	memset(s, 0, sizeof(*s));
	s->flags = WD_SLOT_READY | (isolated ? WD_SLOT_ISOLATED : 0);
	spans[class].class = class;
	for (int l4 = 0; class && l4 < WD_L4__MAX; l4++) {
		s->first[l4] = class;
		s->cnt[l4] = 1;
	}
}

void simple_pod_at(struct wd_memory *mem, uint32_t ifindex, uint32_t slot,
		   const char *const ip[2], const uint8_t mac[6],
		   uint32_t master)
{
	struct wd_endpoint_val ep = { .id = ifindex,
				      .slot = { slot, slot },
				      .master = master };

	memcpy(ep.mac, mac, sizeof(ep.mac));
	if (ip[0])
		(void)parse(ip[0], &ep.ip4[0]);
	if (ip[1])
		(void)parse(ip[1], ep.ip6[0]);
	if (wd_memory_set(mem, WD_MAP_wd_endpoint, &ifindex, &ep))
		abort();
}
