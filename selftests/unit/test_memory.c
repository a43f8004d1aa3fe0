/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_memory.c - the tables in own memory: as the kernel's maps, without it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "datapath/memory.h"

#include "../tap.h"

static struct wd_memory *mem;

static void set_up(void)
{
	wd_expect_int(0, wd_memory_new(&mem));
}

static void tear_down(void)
{
	wd_memory_free(mem);
	mem = NULL;
}

static const struct wd_addr_val web = { .identity = 256, .row = { 1, 2 } };
static const struct wd_addr_val db = { .identity = 257, .row = { 3, 4 } };

static struct wd_addr4_key addr4(const char *text)
{
	struct wd_addr4_key key;

	wd_expect_int(1, inet_pton(AF_INET, text, &key.addr));
	return key;
}

static void an_entry_is_read_as_it_was_written_last(void)
{
	struct wd_addr4_key key = addr4("10.0.0.1");
	struct wd_addr_val val;

	set_up();
	wd_expect_int(-ENOENT, wd_memory_get(mem, WD_MAP_wd_addr4, &key, &val));
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_addr4, &key, &web));
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_addr4, &key, &db));
	wd_expect_int(0, wd_memory_get(mem, WD_MAP_wd_addr4, &key, &val));
	wd_expect_int(0, memcmp(&db, &val, sizeof(val)));
	wd_expect_int(1, wd_memory_count(mem, WD_MAP_wd_addr4));
	wd_expect_int(0, wd_memory_count(mem, WD_MAP_wd_addr6));
	tear_down();
}

static void deleting_what_is_not_there_is_no_error(void)
{
	struct wd_addr4_key key = addr4("10.0.0.1");
	struct wd_addr_val val;

	set_up();
	wd_expect_int(0, wd_memory_del(mem, WD_MAP_wd_addr4, &key));
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_addr4, &key, &web));
	wd_expect_int(0, wd_memory_del(mem, WD_MAP_wd_addr4, &key));
	wd_expect_int(0, wd_memory_del(mem, WD_MAP_wd_addr4, &key));
	wd_expect_int(-ENOENT, wd_memory_get(mem, WD_MAP_wd_addr4, &key, &val));
	wd_expect_int(0, wd_memory_count(mem, WD_MAP_wd_addr4));
	tear_down();
}

static void a_walk_meets_each_key_once(void)
{
	uint32_t seen[100] = { 0 }, key, *prev = NULL;
	struct wd_endpoint_val ep = { .id = 1 };

	set_up();
	wd_expect_int(-ENOENT,
		      wd_memory_next(mem, WD_MAP_wd_endpoint, NULL, &key));
	for (key = 0; key < 100; key++)
		wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_endpoint, &key,
					       &ep));
	while (!wd_memory_next(mem, WD_MAP_wd_endpoint, prev, &key)) {
		seen[key]++;
		prev = &key;
	}
	for (key = 0; key < 100; key++)
		wd_expect_int(1, seen[key]);
	tear_down();
}

static void a_walk_from_a_key_that_is_gone_begins_again(void)
{
	struct wd_endpoint_val ep = { .id = 1 };
	uint32_t key, next, cnt = 0;

	set_up();
	for (key = 0; key < 10; key++)
		wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_endpoint, &key,
					       &ep));
	while (!wd_memory_next(mem, WD_MAP_wd_endpoint, cnt ? &key : NULL,
			       &next)) {
		key = next;
		cnt++;
		wd_expect_int(0, wd_memory_del(mem, WD_MAP_wd_endpoint, &key));
	}
	wd_expect_int(10, cnt);
	wd_expect_int(0, wd_memory_count(mem, WD_MAP_wd_endpoint));
	tear_down();
}

static void a_full_hash_takes_no_more_but_changes(void)
{
	struct wd_endpoint_val ep = { .id = 1 };
	uint32_t key;

	set_up();
	for (key = 0; key < WD_ENDPOINTS_MAX; key++)
		(void)wd_memory_set(mem, WD_MAP_wd_endpoint, &key, &ep);
	wd_expect_int(-E2BIG,
		      wd_memory_set(mem, WD_MAP_wd_endpoint, &key, &ep));
	key = 7;
	ep.id = 2;
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_endpoint, &key, &ep));
	wd_expect_int(0, wd_memory_del(mem, WD_MAP_wd_endpoint, &key));
	key = WD_ENDPOINTS_MAX;
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_endpoint, &key, &ep));
	tear_down();
}

static void a_full_table_of_prefixes_says_no_space(void)
{
	struct wd_cidr4_key key = { .prefixlen = 32 };

	set_up();
	for (uint32_t i = 0; i < WD_CIDRS_MAX; i++) {
		key.addr = wd_be32(i);
		(void)wd_memory_set(mem, WD_MAP_wd_cidr4, &key, &web);
	}
	wd_expect_int(WD_CIDRS_MAX, wd_memory_count(mem, WD_MAP_wd_cidr4));
	key.addr = wd_be32(WD_CIDRS_MAX);
	wd_expect_int(-ENOSPC, wd_memory_set(mem, WD_MAP_wd_cidr4, &key, &web));
	tear_down();
}

static void prefixes_of_one_address_are_entries_of_their_own(void)
{
	struct wd_cidr6_key key = { .prefixlen = 0 };
	struct wd_addr_val val;

	set_up();
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_cidr6, &key, &web));
	key.prefixlen = 128;
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_cidr6, &key, &db));
	wd_expect_int(2, wd_memory_count(mem, WD_MAP_wd_cidr6));
	key.prefixlen = 0;
	wd_expect_int(0, wd_memory_get(mem, WD_MAP_wd_cidr6, &key, &val));
	wd_expect_int(web.identity, val.identity);
	key.prefixlen = 129;
	wd_expect_int(-EINVAL, wd_memory_set(mem, WD_MAP_wd_cidr6, &key, &web));
	tear_down();
}

static void arrays_are_zero_until_written_and_have_an_end(void)
{
	uint32_t at = 2 * WD_SLOTS_MAX - 1;
	struct wd_slot_val val, was = { .flags = 9 };

	set_up();
	wd_expect_int(0, wd_memory_get(mem, WD_MAP_wd_slot, &at, &val));
	wd_expect_int(0, val.flags);
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_slot, &at, &was));
	wd_expect_int(0, wd_memory_get(mem, WD_MAP_wd_slot, &at, &val));
	wd_expect_int(9, val.flags);
	wd_expect_int(-EINVAL, wd_memory_del(mem, WD_MAP_wd_slot, &at));
	wd_expect_int(-ENOENT, wd_memory_next(mem, WD_MAP_wd_slot, &at, &at));
	at++;
	wd_expect_int(-ENOENT, wd_memory_get(mem, WD_MAP_wd_slot, &at, &val));
	wd_expect_int(-E2BIG, wd_memory_set(mem, WD_MAP_wd_slot, &at, &was));
	wd_expect_int(0, wd_memory_next(mem, WD_MAP_wd_slot, NULL, &at));
	wd_expect_int(0, at);
	tear_down();
}

static void a_window_and_the_entries_are_the_same_memory(void)
{
	struct wd_span_val *window, val = { .lo = 80, .class = 3 };
	uint32_t at = WD_SPANS_MAX - 1;

	set_up();
	window = wd_memory_window(mem, WD_MAP_wd_span);
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_span, &at, &val));
	wd_expect_int(80, window[at].lo);
	window[at].class = 4;
	wd_expect_int(0, wd_memory_get(mem, WD_MAP_wd_span, &at, &val));
	wd_expect_int(4, val.class);
	wd_expect(!wd_memory_window(mem, WD_MAP_wd_addr4));
	tear_down();
}

static void what_makes_no_sense_without_programs_is_not_there(void)
{
	uint32_t key = 0;

	set_up();
	wd_expect_int(-EOPNOTSUPP,
		      wd_memory_set(mem, WD_MAP_wd_events, &key, &key));
	wd_expect_int(-EOPNOTSUPP,
		      wd_memory_get(mem, WD_MAP_wd_events, &key, &key));
	wd_expect_int(-EOPNOTSUPP,
		      wd_memory_next(mem, WD_MAP_wd_events, NULL, &key));
	tear_down();
}

/* Pages of this process that are there, in KiB. */
static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128], *second;
	long pages = -1;

	if (file && fgets(line, sizeof(line), file)) {
		second = strchr(line, ' ');
		if (second)
			pages = strtol(second, NULL, 10);
	}
	if (file)
		fclose(file);
	return pages * 4;
}

static void tables_that_nobody_writes_take_no_memory(void)
{
	long before = resident_kib();

	set_up();
	wd_expect(resident_kib() - before < 512);
	tear_down();
}

int main(void)
{
	WD_TEST(tables_that_nobody_writes_take_no_memory);
	WD_TEST(an_entry_is_read_as_it_was_written_last);
	WD_TEST(deleting_what_is_not_there_is_no_error);
	WD_TEST(a_walk_meets_each_key_once);
	WD_TEST(a_walk_from_a_key_that_is_gone_begins_again);
	WD_TEST(a_full_hash_takes_no_more_but_changes);
	WD_TEST(a_full_table_of_prefixes_says_no_space);
	WD_TEST(prefixes_of_one_address_are_entries_of_their_own);
	WD_TEST(arrays_are_zero_until_written_and_have_an_end);
	WD_TEST(a_window_and_the_entries_are_the_same_memory);
	WD_TEST(what_makes_no_sense_without_programs_is_not_there);
	return wd_tests_end();
}
