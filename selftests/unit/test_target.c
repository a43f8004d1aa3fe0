/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_target.c - the two ends of `warder why`, as text.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/target.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

static void what_is_asked_about_is_understood(void)
{
	static const struct {
		const char *text;
		enum wd_target_type type;
		const char *who; /* NS/POD or the address */
		uint16_t port;
		const char *port_name;
		uint8_t proto; /* 0: ICMP */
	} rows[] = {
		{ "host", WD_TARGET_HOST, "", 0, "", 0 },
		{ "host:22", WD_TARGET_HOST, "", 22, "", TCP },
		{ "a/b", WD_TARGET_POD, "a/b", 0, "", 0 },
		{ "a/b:80", WD_TARGET_POD, "a/b", 80, "", TCP },
		{ "a/b:65535/udp", WD_TARGET_POD, "a/b", 65535, "", UDP },
		{ "a/b:53/UDP", WD_TARGET_POD, "a/b", 53, "", UDP },
		{ "a/b:http", WD_TARGET_POD, "a/b", 0, "http", TCP },
		{ "a/b:dns/udp", WD_TARGET_POD, "a/b", 0, "dns", UDP },
		{ "a/b:9/132", WD_TARGET_POD, "a/b", 9, "", IPPROTO_SCTP },
		{ "a/b:/icmp", WD_TARGET_POD, "a/b", 0, "", 0 },
		{ "a/b:0/47", WD_TARGET_POD, "a/b", 0, "", 47 },
		{ "c/a/b", WD_TARGET_POD, "c/a/b", 0, "", 0 },
		{ "c/a/b:80", WD_TARGET_POD, "c/a/b", 80, "", TCP },
		{ "a/b.c-d", WD_TARGET_POD, "a/b.c-d", 0, "", 0 },
		{ "10.0.0.1", WD_TARGET_ADDR, "10.0.0.1", 0, "", 0 },
		{ "10.0.0.1:443", WD_TARGET_ADDR, "10.0.0.1", 443, "", TCP },
		{ "fd00::1", WD_TARGET_ADDR, "fd00::1", 0, "", 0 },
		{ "fd00::1:80", WD_TARGET_ADDR, "fd00::1:80", 0, "", 0 },
		{ "[fd00::1]", WD_TARGET_ADDR, "fd00::1", 0, "", 0 },
		{ "[fd00::1]:80", WD_TARGET_ADDR, "fd00::1", 80, "", TCP },
		{ "[fd00::1]:x/udp", WD_TARGET_ADDR, "fd00::1", 0, "x", UDP },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		char buf[WD_ADDR_STRLEN], who[600] = "";
		struct wd_target to;
		char *error = NULL;

		wd_test_row(rows[i].text);
		if (!wd_expect_int(0,
				   wd_target_to(rows[i].text, &to, &error))) {
			free(error);
			continue;
		}
		wd_expect_int(rows[i].type, to.type);
		if (to.type == WD_TARGET_POD) {
			(void)snprintf(who, sizeof(who), "%s/%s", to.ns,
				       to.name);
			wd_expect_str(rows[i].who, who);
		} else if (to.type == WD_TARGET_ADDR) {
			wd_expect_str(rows[i].who, wd_addr_str(&to.addr, buf));
		}
		wd_expect_int(rows[i].port, to.port);
		wd_expect_str(rows[i].port_name, to.port_name);
		wd_expect_int(rows[i].proto == 0, to.icmp);
		if (rows[i].proto)
			wd_expect_int(rows[i].proto, to.proto);
		wd_expect_int(!rows[i].port && !*rows[i].port_name,
			      to.no_ports);
	}
}

static void types_of_icmp_stand_for_the_port(void)
{
	static const struct {
		const char *text, *type;
		int code;
	} rows[] = {
		{ "a/b", "", 0 },
		{ "a/b:/icmp", "", 0 },
		{ "a/b:13/icmp", "13", 0 },
		{ "a/b:Timestamp.2/icmp", "Timestamp", 2 },
		{ "[fd00::1]:PacketTooBig/icmpv6", "PacketTooBig", 0 },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_target to = { 0 };
		char *error = NULL;

		wd_test_row(rows[i].text);
		wd_expect_int(0, wd_target_to(rows[i].text, &to, &error));
		wd_expect_str(rows[i].type, to.icmp_type);
		wd_expect_int(rows[i].code, to.icmp_code);
		wd_expect(to.icmp && to.no_ports);
		free(error);
	}
}

static void what_reads_two_ways_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"a",
		"/b",
		"a/",
		"a/b/c/d",
		"a//c",
		"/b/c",
		"a/b:",
		"a/b:0",
		"a/b:65536",
		"a/b:99999999",
		"a/b:80/",
		"a/b:80/foo",
		"a/b:80/256",
		"a/b:256/icmp",
		"a/b:Hello/icmp",
		"a/b:8./icmp",
		"a/b:8.256/icmp",
		"a/b:8.x/icmpv6",
		"a/b:80/-1",
		"10.0.0",
		"010.0.0.1",
		"[fd00::1",
		"[fd00::1]80",
		"[]",
		"fd00::1%eth0",
		"::ffff:10.0.0.1",
		"hosts",
		"Host",
	};

	for (size_t i = 0; i < ROWS(texts); i++) {
		struct wd_target to = { .port = 77 };
		char *error = NULL;

		wd_test_row(texts[i]);
		wd_expect_int(-EINVAL, wd_target_to(texts[i], &to, &error));
		wd_expect_int(77, to.port);
		wd_expect(error && *error);
		free(error);
	}
}

static void from_has_no_port(void)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ "a/b", 0 },
		{ "10.0.0.1", 0 },
		{ "host", 0 },
		{ "fd00::1", 0 },
		{ "10.0.0.1:80", -EINVAL },
		{ "host:80", -EINVAL },
		{ "[fd00::1]", -EINVAL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_target from;
		char *error = NULL;

		wd_test_row(rows[i].text);
		wd_expect_int(rows[i].err,
			      wd_target_from(rows[i].text, &from, &error));
		free(error);
	}
}

static void names_longer_than_any_are_refused(void)
{
	char text[700];
	struct wd_target to;
	char *error = NULL;

	memset(text, 'a', sizeof(text));
	text[253] = '/';
	text[253 + 1 + 253] = '\0';
	wd_expect_int(0, wd_target_to(text, &to, &error));
	wd_expect_int(253, (long long)strlen(to.ns));
	wd_expect_int(253, (long long)strlen(to.name));

	text[253 + 1 + 253] = 'a';
	text[253 + 1 + 254] = '\0';
	wd_expect_int(-EINVAL, wd_target_to(text, &to, &error));
	free(error);
	error = NULL;
	text[253 + 1 + 254] = 'a';
	text[sizeof(text) - 1] = '\0';
	wd_expect_int(-EINVAL, wd_target_to(text, &to, &error));
	wd_expect_str("longer than any name", error);
	free(error);
}

int main(void)
{
	WD_TEST(what_is_asked_about_is_understood);
	WD_TEST(types_of_icmp_stand_for_the_port);
	WD_TEST(what_reads_two_ways_is_refused);
	WD_TEST(from_has_no_port);
	WD_TEST(names_longer_than_any_are_refused);
	return wd_tests_end();
}
