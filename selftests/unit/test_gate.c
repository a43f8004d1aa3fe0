/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_gate.c - the ruleset that keeps pods' packets off devices that nothing
 * judges yet, as text. Nothing here touches the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "nft/gate.h"

#include "../tap.h"

#define ADDRS 4

static struct wd_cidr inside[ADDRS], own[ADDRS];
static struct wd_addr node[ADDRS];
static uint32_t judged[] = { 2, 9, 7 };

static struct wd_cidr cidr(const char *text)
{
	struct wd_cidr ret;

	if (!wd_expect_int(0, wd_cidr_parse(text, &ret)))
		abort();
	return ret;
}

static struct wd_addr addr(const char *text)
{
	struct wd_addr ret;

	if (!wd_expect_int(0, wd_addr_parse(text, &ret)))
		abort();
	return ret;
}

/* Two nodes, of whom this is the first; the first two devices are judged. */
static struct wd_gate_want usual(void)
{
	inside[0] = cidr("10.2.0.0/24");
	inside[1] = cidr("10.1.0.0/24");
	inside[2] = cidr("fd00::/64");
	own[0] = cidr("10.1.0.0/24");
	own[1] = cidr("fd00:1::/64");
	node[0] = addr("192.0.2.1");
	node[1] = addr("2001:db8::1");
	return (struct wd_gate_want){
		.judged = judged,
		.judged_cnt = 2,
		.inside = inside,
		.inside_cnt = 3,
		.own = own,
		.own_cnt = 2,
		.node = node,
		.node_cnt = 2,
	};
}

static char *diff(const struct wd_gate_want *from,
		  const struct wd_gate_want *to, bool bridge)
{
	static char *text; /* gcc 12 believes the stream keeps its address */
	static size_t len;
	struct wd_nft_ruleset a = { 0 }, b;
	struct wd_nft_cost cost;
	FILE *out = open_memstream(&text, &len);

	if (from)
		wd_nft_generate_gate(from, bridge, &a);
	wd_nft_generate_gate(to, bridge, &b);
	wd_nft_diff(&a, &b, false, out, &cost);
	fclose(out);
	wd_nft_clear(&a);
	wd_nft_clear(&b);
	return text;
}

static void expect_has(const char *text, const char *line)
{
	if (!wd_expect(strstr(text, line)))
		printf("# not there: %s\n%s\n", line, text);
}

static void what_passes_comes_before_what_is_dropped(void)
{
	static const char *const rules[] = {
		" gate oif @judged return\n",
		" gate ip daddr 10.1.0.0/24 return\n",
		" gate ip6 daddr fd00:1::/64 return\n",
		" gate ip daddr @nodes4 goto node4\n",
		" gate ip6 daddr @nodes6 goto node6\n",
		" gate ip daddr @inside4 counter name plaintext_out_out drop\n",
		" gate ip6 daddr @inside6 counter name plaintext_out_out drop\n",
	};
	struct wd_gate_want want = usual();
	char *text = diff(NULL, &want, false);
	const char *at = text;

	for (size_t i = 0; at && i < sizeof(rules) / sizeof(*rules); i++) {
		at = strstr(at, rules[i]);
		if (!wd_expect(at))
			printf("# not there in its order: %s", rules[i]);
	}
	expect_has(text, "hook postrouting");
	wd_expect(!strstr(text, " bridge "));
	free(text);
}

static void a_bridge_has_the_same_where_it_forwards(void)
{
	struct wd_gate_want want = usual();
	char *text = diff(NULL, &want, true);

	expect_has(text, "add table bridge warder_gate\n");
	expect_has(text, "add rule bridge warder_gate gate ip daddr @inside4 "
			 "counter name plaintext_out_out drop\n");
	free(text);
}

static void prefixes_are_joined_where_they_touch_or_lie_in_each_other(void)
{
	static const struct {
		const char *name, *prefix[3], *want;
	} rows[] = {
		{ "touch",
		  { "10.1.1.0/24", "10.1.0.0/24", "10.1.2.0/24" },
		  "inside4 { 10.1.0.0-10.1.2.255 }" },
		{ "apart",
		  { "10.1.0.0/24", "10.1.2.0/24", "10.1.4.0/32" },
		  "inside4 { 10.1.0.0-10.1.0.255, 10.1.2.0-10.1.2.255, "
		  "10.1.4.0 }" },
		{ "in each other",
		  { "10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8" },
		  "inside4 { 10.0.0.0-11.255.255.255 }" },
		{ "to the very end",
		  { "255.255.255.0/24", "255.255.255.255/32", "0.0.0.0/8" },
		  "inside4 { 0.0.0.0-0.255.255.255, "
		  "255.255.255.0-255.255.255.255 }" },
		{ "IPv6",
		  { "fd00:0:0:1::/64", "fd00::/64", "fe00::/8" },
		  "inside6 { fd00::-fd00::1:ffff:ffff:ffff:ffff, "
		  "fe00::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wd_gate_want want = usual();
		char *text;

		wd_test_row(rows[i].name);
		for (int j = 0; j < 3; j++)
			inside[j] = cidr(rows[i].prefix[j]);
		text = diff(NULL, &want, false);
		expect_has(text, rows[i].want);
		free(text);
	}
}

static void a_device_more_is_one_element_and_so_is_one_less(void)
{
	struct wd_gate_want before = usual(), after = usual();
	char *text;

	after.judged_cnt = 3;
	text = diff(&before, &after, false);
	wd_expect_str("add element inet warder_gate judged { 7 }\n", text);
	free(text);
	text = diff(&after, &before, false);
	wd_expect_str("delete element inet warder_gate judged { 7 }\n", text);
	free(text);
}

static void nodes_are_let_seal_and_no_tunnel(void)
{
	struct wd_gate_want want = usual();
	char *text;

	want.encap.own[0] =
		(struct wd_tunnel_port){ .port = wd_be16(51871),
					 .kind = WD_TUNNEL_WIREGUARD };
	want.encap.own[1] = (struct wd_tunnel_port){ .port = wd_be16(7777),
						     .kind = WD_TUNNEL_VXLAN };
	text = diff(NULL, &want, false);
	/* from a pod it would be a packet in clear from a port of its choice */
	expect_has(text, " node4 ip saddr @nodes4 udp sport 51871 "
			 "@th,64,32 { 0x1000000, 0x2000000, 0x3000000, "
			 "0x4000000 } return\n");
	expect_has(text, " node6 ip6 saddr @nodes6 udp sport 51871 "
			 "@th,64,32 { 0x1000000, 0x2000000, 0x3000000, "
			 "0x4000000 } return\n");
	expect_has(text, " node4 ip saddr @nodes4 meta l4proto 50 return\n");
	/* from any address: that of a new device is no node's */
	expect_has(text, " node4 goto tunnels\n");
	expect_has(text, " node6 goto tunnels\n");
	expect_has(text, " tunnels udp dport 7777 counter");
	expect_has(text, " tunnels meta l4proto { 4, 41, 47, 51,");
	wd_expect(!strstr(text, "saddr @nodes4 counter"));
	wd_expect(!strstr(text, "51820"));
	wd_expect(!strstr(text, "4500"));
	free(text);
	want.encrypt_nodes = true;
	text = diff(NULL, &want, false);
	expect_has(text, " node4 ip saddr @nodes4 counter name "
			 "plaintext_out_out drop\n");
	expect_has(text, " node6 goto tunnels\n");
	free(text);
}

int main(void)
{
	WD_TEST(what_passes_comes_before_what_is_dropped);
	WD_TEST(a_bridge_has_the_same_where_it_forwards);
	WD_TEST(prefixes_are_joined_where_they_touch_or_lie_in_each_other);
	WD_TEST(a_device_more_is_one_element_and_so_is_one_less);
	WD_TEST(nodes_are_let_seal_and_no_tunnel);
	return wd_tests_end();
}
