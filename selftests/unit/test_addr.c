/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_addr.c - addresses and prefixes: what is one, what is inside another.
 */
#include <errno.h>
#include <string.h>

#include "model/cidr_set.h"
#include "model/object.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static void what_is_translated_is_read_as_loosely_as_there(void)
{
	static const struct {
		const char *text;
		const char *printed; /* NULL: refused */
	} rows[] = {
		{ "10.0.0.10", "10.0.0.10" },
		{ "010.0.0000.012", "10.0.0.12" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "::FFFF:a00:1", "10.0.0.1" },
		{ "::ffff:010.0.0.01", "10.0.0.1" },
		{ "0:0:0:0:0:ffff:10.0.0.1", "10.0.0.1" },
		{ "64:ff9b::192.0.2.01", "64:ff9b::c000:201" },
		{ "fd00::5", "fd00::5" },
		{ "", NULL },
		{ "10.0.0.256", NULL },
		{ "10.0.0", NULL },
		{ "10.0.0.1.", NULL },
		{ "10..0.1", NULL },
		{ "10.0.0.1 ", NULL },
		{ "::ffff:10.0.0", NULL },
		{ "::ffff:10.0.0.1/128", NULL },
		{ "fe80::1%eth0", NULL },
		{ "0000000000000000000000000000000000000000000:10.0.0.1",
		  NULL },
		{ ":", NULL },
		{ "host", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char got[WD_ADDR_STRLEN] = "refused";
		struct wd_addr addr;

		if (!wd_addr_parse_loose(rows[i].text, &addr))
			wd_addr_str(&addr, got);
		wd_expect_str(rows[i].printed ?: "refused", got);
	}
}

static void addresses_are_read_one_way_or_not_at_all(void)
{
	static const struct {
		const char *text;
		const char *printed; /* NULL: refused */
	} rows[] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "10.0.0.10", "10.0.0.10" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "FD00::A", "fd00::a" },
		{ "fd00:0:0:0:0:0:0:5", "fd00::5" },
		{ "0:0:0:0:0:0:0:0", "::" },
		{ "fe80::0001", "fe80::1" },
		{ "64:ff9b::192.0.2.1", "64:ff9b::c000:201" },
		{ "", NULL },
		{ "10.0.0", NULL },
		{ "10.0.0.0.0", NULL },
		{ "10.0.0.256", NULL },
		{ "010.0.0.1", NULL },
		{ "10.0.0.01", NULL },
		{ "10.00.0.1", NULL },
		{ "0x0a.0.0.1", NULL },
		{ "10.1", NULL },
		{ "167772161", NULL },
		{ "10.0.0.1 ", NULL },
		{ " 10.0.0.1", NULL },
		{ "10.0.0.-1", NULL },
		{ "10..0.1", NULL },
		{ "10.0.0.1/32", NULL },
		{ "::ffff:10.0.0.1", NULL },
		{ "::ffff:a00:1", NULL },
		{ "fe80::1%eth0", NULL },
		{ "[::1]", NULL },
		{ ":::", NULL },
		{ "1::2::3", NULL },
		{ "fd00::12345", NULL },
		{ "1:2:3:4:5:6:7", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "host", NULL },
		{ ".", NULL },
		{ ".1.2.3", NULL },
		{ "1.2.3.", NULL },
		{ "1.2.3.4.", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_addr addr = { .family = 99 };
		char buf[WD_ADDR_STRLEN];

		wd_test_row(rows[i].text);
		wd_expect_int(rows[i].printed ? 0 : -EINVAL,
			      wd_addr_parse(rows[i].text, &addr));
		if (!rows[i].printed) {
			wd_expect_int(99, addr.family); /* untouched */
			continue;
		}
		wd_expect_int(strchr(rows[i].text, ':') ? 6 : 4, addr.family);
		wd_expect_str(rows[i].printed, wd_addr_str(&addr, buf));
	}
}

static void prefixes_are_read_strictly_and_masked(void)
{
	static const struct {
		const char *text;
		const char *printed;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.0.0.1/8", "10.0.0.0/8" },
		{ "10.255.255.255/9", "10.128.0.0/9" },
		{ "10.1.2.255/31", "10.1.2.254/31" },
		{ "10.1.2.255/25", "10.1.2.128/25" },
		{ "1.2.3.4/32", "1.2.3.4/32" },
		{ "255.255.255.255/0", "0.0.0.0/0" },
		{ "255.255.255.255/1", "128.0.0.0/1" },
		{ "fd00::5/64", "fd00::/64" },
		{ "fd00::5/127", "fd00::4/127" },
		{ "fd00::5/128", "fd00::5/128" },
		{ "ffff::/3", "e000::/3" },
		{ "ffff::/0", "::/0" },
		{ "", NULL },
		{ "10.0.0.0", NULL },
		{ "10.0.0.0/", NULL },
		{ "/8", NULL },
		{ "10.0.0.0/33", NULL },
		{ "10.0.0.0/08", NULL },
		{ "10.0.0.0/00", NULL },
		{ "10.0.0.0/+8", NULL },
		{ "10.0.0.0/-1", NULL },
		{ "10.0.0.0/8 ", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "10.0.0.0/4294967304", NULL },
		{ "10.0.0.0/255.0.0.0", NULL },
		{ "010.0.0.0/8", NULL },
		{ "10/8", NULL },
		{ "::/129", NULL },
		{ "::ffff:10.0.0.0/104", NULL },
		{ "0000000000000000000000000000000000000000000000000000000000"
		  "000000::/64",
		  NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_cidr cidr = { .len = 99 };
		char buf[WD_ADDR_STRLEN];

		wd_test_row(rows[i].text);
		wd_expect_int(rows[i].printed ? 0 : -EINVAL,
			      wd_cidr_parse(rows[i].text, &cidr));
		if (rows[i].printed)
			wd_expect_str(rows[i].printed, wd_cidr_str(&cidr, buf));
		else
			wd_expect_int(99, cidr.len);
	}
}

static void longest_prefix_fits_its_buffer(void)
{
	char buf[WD_ADDR_STRLEN];
	struct wd_cidr cidr;

	wd_expect_int(0, wd_cidr_parse("1111:2222:3333:4444:5555:6666:7777:"
				       "8888/128",
				       &cidr));
	wd_expect_str("1111:2222:3333:4444:5555:6666:7777:8888/128",
		      wd_cidr_str(&cidr, buf));
}

static void a_prefix_has_its_addresses_only(void)
{
	static const struct {
		const char *cidr;
		const char *addr;
		bool has;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0", true },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.1.2.128/25", "10.1.2.128", true },
		{ "10.1.2.128/25", "10.1.2.127", false },
		{ "10.1.2.3/32", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.2", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "fd00::1", false },
		{ "::/0", "fd00::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "fd00::/63", "fd00:0:0:1::1", true },
		{ "fd00::/63", "fd00:0:0:2::1", false },
		{ "fd00::5/128", "fd00::5", true },
		{ "fd00::5/128", "fd00::4", false },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_cidr cidr;
		struct wd_addr addr;

		wd_test_row(rows[i].addr);
		wd_expect_int(0, wd_cidr_parse(rows[i].cidr, &cidr));
		wd_expect_int(0, wd_addr_parse(rows[i].addr, &addr));
		wd_expect_int(rows[i].has, wd_cidr_has(&cidr, &addr));
	}
}

static void a_prefix_covers_what_lies_inside(void)
{
	static const struct {
		const char *outer;
		const char *inner;
		bool covers;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "10.0.0.0/8", "10.9.0.0/16", true },
		{ "10.9.0.0/16", "10.0.0.0/8", false },
		{ "10.0.0.0/8", "10.0.0.0/7", false },
		{ "10.0.0.0/8", "11.0.0.0/16", false },
		{ "0.0.0.0/0", "10.0.0.0/8", true },
		{ "0.0.0.0/0", "fd00::/8", false },
		{ "::/0", "fd00::1/128", true },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_cidr outer, inner;

		wd_test_row(rows[i].inner);
		wd_expect_int(0, wd_cidr_parse(rows[i].outer, &outer));
		wd_expect_int(0, wd_cidr_parse(rows[i].inner, &inner));
		wd_expect_int(rows[i].covers, wd_cidr_covers(&outer, &inner));
	}
}

static void addresses_are_equal_within_a_family(void)
{
	static const struct {
		const char *a;
		const char *b;
		bool equal;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false },
		{ "fd00::1", "fd00:0::1", true },
		{ "fd00::1", "fd00::1:1", false },
		{ "0.0.0.0", "::", false },
	};
	const struct wd_addr none = { 0 };
	char buf[WD_ADDR_STRLEN];

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_addr a, b;

		wd_test_row(rows[i].b);
		wd_expect_int(0, wd_addr_parse(rows[i].a, &a));
		wd_expect_int(0, wd_addr_parse(rows[i].b, &b));
		wd_expect_int(rows[i].equal, wd_addr_equal(&a, &b));
	}
	wd_expect(wd_addr_equal(&none, &none));
	wd_expect_str("none", wd_addr_str(&none, buf));
}

/* Prefixes of both families that meet, lie in each other and end at corners. */
static void a_set_of_prefixes_has_what_any_of_them_has(void)
{
	static const char *const cidrs[] = {
		"10.0.1.0/24",	  "10.0.0.0/24",   "10.0.0.0/25",
		"10.0.0.128/25",  "10.0.3.0/24",   "10.0.3.77/32",
		"10.9.0.0/16",	  "10.9.255.0/24", "255.255.255.255/32",
		"0.0.0.0/32",	  "fd00::/16",	   "fd00:0:0:1::/64",
		"fd01::/127",	  "::1/128",	   "10.0.0.0/24",
		"192.168.0.0/31",
	};
	static const char *const addrs[] = {
		"0.0.0.0",
		"0.0.0.1",
		"9.255.255.255",
		"10.0.0.0",
		"10.0.0.127",
		"10.0.0.128",
		"10.0.1.255",
		"10.0.2.0",
		"10.0.2.255",
		"10.0.3.0",
		"10.0.3.255",
		"10.0.4.0",
		"10.8.255.255",
		"10.9.0.0",
		"10.9.255.255",
		"10.10.0.0",
		"192.168.0.1",
		"192.168.0.2",
		"255.255.255.254",
		"fd00::",
		"255.255.255.255",
		"::",
		"::1",
		"::2",
		"fcff:ffff::",
		"fd00:ffff::",
		"fd01::1",
		"fd01::2",
		"ffff::",
	};
	struct wd_cidr_set set = { 0 };
	struct wd_cidr cidr[ROWS(cidrs)];

	for (size_t cnt = 0; cnt <= ROWS(cidrs); cnt++) {
		for (size_t i = 0; i < ROWS(addrs); i++) {
			struct wd_addr addr;
			bool has = false;

			wd_test_row(addrs[i]);
			wd_expect_int(0, wd_addr_parse(addrs[i], &addr));
			for (size_t k = 0; k < cnt; k++)
				has |= wd_cidr_has(&cidr[k], &addr);
			wd_expect_int(has, wd_cidr_set_has(&set, &addr));
		}
		if (cnt == ROWS(cidrs))
			break;
		wd_expect_int(0, wd_cidr_parse(cidrs[cnt], &cidr[cnt]));
		wd_cidr_set_add(&set, &cidr[cnt]);
		wd_cidr_set_sort(&set);
	}
	wd_cidr_set_fini(&set);
}

int main(void)
{
	WD_TEST(what_is_translated_is_read_as_loosely_as_there);
	WD_TEST(addresses_are_read_one_way_or_not_at_all);
	WD_TEST(prefixes_are_read_strictly_and_masked);
	WD_TEST(longest_prefix_fits_its_buffer);
	WD_TEST(a_prefix_has_its_addresses_only);
	WD_TEST(a_prefix_covers_what_lies_inside);
	WD_TEST(addresses_are_equal_within_a_family);
	WD_TEST(a_set_of_prefixes_has_what_any_of_them_has);
	return wd_tests_end();
}
