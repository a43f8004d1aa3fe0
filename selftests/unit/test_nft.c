/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_nft.c - the ruleset made of tables, as text and as sets. Nothing here
 * touches the kernel.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft/generate.h"
#include "nft/simple.h"

#include "../tap.h"

static struct wd_memory *mem;
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static int table_get(void *ctx, enum wd_map map, const void *key, void *ret)
{
	return wd_memory_get(ctx, map, key, ret);
}

static int table_next(void *ctx, enum wd_map map, const void *prev, void *ret)
{
	return wd_memory_next(ctx, map, prev, ret);
}

static void *table_window(void *ctx, enum wd_map map)
{
	return wd_memory_window(ctx, map);
}

static void set_up(void)
{
	wd_expect_int(0, wd_memory_new(&mem));
	simple_begin(mem);
}

static void tear_down(void)
{
	wd_memory_free(mem);
	mem = NULL;
}

static const struct wd_nft_device devices[] = { { 5, "veth5" },
						{ 6, "veth6" } };

/* What the tables say, for the first @cnt devices. */
static struct wd_nft_ruleset made(size_t cnt)
{
	struct wd_tables tables = { mem, table_get, table_next, table_window };
	struct wd_nft_input in = { .tables = &tables,
				   .dev = devices,
				   .dev_cnt = cnt,
				   .bridge = true,
				   .bridge_ct = true,
				   .arp = true };
	struct wd_nft_ruleset rs;

	if (!wd_expect_int(0, wd_nft_generate(&in, &rs)))
		abort();
	return rs;
}

static char *diff(const struct wd_nft_ruleset *from,
		  const struct wd_nft_ruleset *to, struct wd_nft_cost *cost)
{
	static char *text; /* gcc 12 believes the stream keeps its address */
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	wd_nft_diff(from, to, false, out, cost);
	fclose(out);
	return text;
}

/* Lines of @text that begin with @start, without it. */
static char *lines(const char *text, const char *start)
{
	char *found = NULL;
	size_t len;
	FILE *out = open_memstream(&found, &len);

	for (const char *at = text; *at; at = strchr(at, '\n') + 1)
		if (strncmp(at, start, strlen(start)) == 0)
			fprintf(out, "%.*s\n",
				(int)(strcspn(at, "\n") - strlen(start)),
				at + strlen(start));
	fclose(out);
	return found;
}

static void expect_lines(const char *expected, const char *text,
			 const char *start)
{
	char *found = lines(text, start);

	wd_test_row(start);
	wd_expect_str(expected, found);
	wd_test_row(NULL);
	free(found);
}

/* Pod 5 has slot 3: isolated for ingress, class 9 for all: predicate 7 */
static void one_pod(void)
{
	set_up();
	simple_row(mem, 1, 7);
	simple_class(mem, 9, 7);
	simple_slot(mem, 3, WD_INGRESS, true, 9);
	simple_slot(mem, 3, WD_EGRESS, false, 0);
	simple_pod(mem, 5, 3, "10.1.0.1", "fd00:1::1", mac, 0);
	simple_addr(mem, "10.9.0.1", 1, WD_ADDR_POD, 0);
	simple_addr(mem, "10.9.0.2", 2, WD_ADDR_POD, 0);
	simple_addr(mem, "fd00:9::1", 1, WD_ADDR_POD, 0);
	simple_prefix(mem, "192.0.2.0", 24, 1);
	simple_prefix(mem, "192.0.2.128", 25, 2);
}

static void slots_and_classes_read_as_they_are_written(void)
{
	struct wd_nft_ruleset empty = { 0 }, rs;
	struct wd_nft_cost cost;
	char *text;

	one_pod();
	rs = made(1);
	text = diff(&empty, &rs, &cost);
	expect_lines(
		"meta nfproto ipv4 ct protocol tcp jump c9_i comment \"IPv4\"\n"
		"meta nfproto ipv6 ct protocol tcp jump c9_i comment \"IPv6\"\n"
		"meta nfproto ipv4 ct protocol udp jump c9_i comment \"IPv4\"\n"
		"meta nfproto ipv6 ct protocol udp jump c9_i comment \"IPv6\"\n"
		"meta nfproto ipv4 ct protocol sctp jump c9_i comment \"IPv4\"\n"
		"meta nfproto ipv6 ct protocol sctp jump c9_i comment \"IPv6\"\n"
		"ct protocol != tcp ct protocol != udp ct protocol != sctp jump c9_i\n"
		"goto none_i\n",
		text, "add rule inet warder s3_i ");
	expect_lines("goto open_e\n", text, "add rule inet warder s3_e ");
	expect_lines(
		"ct reply ip daddr @p7_4 goto allow_i comment \"rule 9, predicate 7\"\n"
		"ct reply ip daddr @p7_4_9a04b2a0dfbdc568 goto allow_i comment \"rule 9, prefixes of predicate 7\"\n"
		"ct reply ip6 daddr @p7_6 goto allow_i comment \"rule 9, predicate 7\"\n",
		text, "add rule inet warder c9_i ");
	expect_lines("{ 10.9.0.1 }\n", text, "add element inet warder p7_4 ");
	expect_lines("{ fd00:9::1 }\n", text, "add element inet warder p7_6 ");
	expect_lines("{ 192.0.2.0-192.0.2.127 }\n", text,
		     "add element inet warder p7_4_9a04b2a0dfbdc568 ");
	expect_lines("{ 5 : goto ep5_in }\n", text,
		     "add element inet warder pod_in ");
	/* not on a bridge: its policy is not there */
	expect_lines("", text, "add rule bridge warder s3_i ");
	free(text);
	wd_nft_clear(&rs);
	tear_down();
}

/* Slot 3: class 9 at @cnt single ports of TCP from 100 on, 2 apart; nothing else. */
static void at_ports(uint32_t cnt)
{
	struct wd_slot_val *slots = table_window(mem, WD_MAP_wd_slot);
	struct wd_span_val *spans = table_window(mem, WD_MAP_wd_span);
	struct wd_slot_val *s = &slots[3 * 2 + WD_INGRESS];

	memset(s->cnt, 0, sizeof(s->cnt));
	s->first[WD_L4_TCP] = 50;
	s->cnt[WD_L4_TCP] = (uint16_t)(2 * cnt + 1);
	spans[50] = (struct wd_span_val){ 0 };
	for (uint32_t i = 0; i < cnt; i++) {
		spans[51 + 2 * i] =
			(struct wd_span_val){ .lo = (uint16_t)(100 + 2 * i),
					      .class = 9 };
		spans[52 + 2 * i] =
			(struct wd_span_val){ .lo = (uint16_t)(101 + 2 * i) };
	}
}

static void few_ports_are_compared_and_many_are_looked_up(void)
{
	static const struct {
		uint32_t cnt;
		const char *rules; /* those of IPv6 */
	} rows[] = {
		{ 0, "" },
		{ 1,
		  "ct protocol tcp ct reply proto-src 100 jump c9_i comment \"IPv6\"\n" },
		{ 2,
		  "ct protocol tcp ct reply proto-src 100 jump c9_i comment \"IPv6\"\n"
		  "ct protocol tcp ct reply proto-src 102 jump c9_i comment \"IPv6\"\n" },
		{ 5,
		  "ct protocol tcp ct reply proto-src vmap { 100 : jump c9_i, 102 : jump c9_i, 104 : jump c9_i, 106 : jump c9_i, 108 : jump c9_i } comment \"IPv6\"\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wd_nft_ruleset empty = { 0 }, rs;
		struct wd_nft_cost cost;
		char *text;

		one_pod();
		at_ports(rows[i].cnt);
		rs = made(1);
		text = diff(&empty, &rs, &cost);
		expect_lines(rows[i].rules, text,
			     "add rule inet warder s3_i meta nfproto ipv6 ");
		free(text);
		wd_nft_clear(&rs);
		tear_down();
	}
}

/* Sets in braces, which the kernel looks at one beside all others. */
static int braces(size_t devices_cnt)
{
	struct wd_nft_ruleset empty = { 0 }, rs = made(devices_cnt);
	struct wd_nft_cost cost;
	char *text = diff(&empty, &rs, &cost), *rules;
	int cnt = 0;

	rules = lines(text, "add rule ");
	for (const char *at = rules; (at = strchr(at, '{')); at++)
		cnt++;
	free(rules);
	free(text);
	wd_nft_clear(&rs);
	return cnt;
}

static void a_pod_more_has_no_sets_of_its_own(void)
{
	int one;

	for (uint32_t master = 0; master < 2; master++) {
		one_pod();
		simple_pod(mem, 5, 3, "10.1.0.1", "fd00:1::1", mac, master);
		simple_class(mem, 10, 7);
		simple_slot(mem, 4, WD_INGRESS, true, 10);
		simple_slot(mem, 4, WD_EGRESS, true, 10);
		simple_pod(mem, 6, 4, "10.1.0.2", "fd00:1::2", mac, master);
		one = braces(1);
		wd_expect(one > 0);
		wd_expect_int(one, braces(2));
		tear_down();
	}
}

static void the_same_tables_make_the_same_ruleset(void)
{
	struct wd_nft_ruleset a, b;
	struct wd_nft_cost cost;
	char *text;

	one_pod();
	a = made(1);
	b = made(1);
	text = diff(&a, &b, &cost);
	wd_expect_str("", text);
	free(text);
	wd_nft_clear(&a);
	wd_nft_clear(&b);
	tear_down();
}

static void a_pod_more_is_elements_and_no_rule(void)
{
	struct wd_nft_ruleset before, after;
	struct wd_nft_cost cost;
	char *text;

	one_pod();
	before = made(1);
	simple_addr(mem, "10.9.0.3", 1, WD_ADDR_POD, 0);
	simple_no_addr(mem, "10.9.0.1");
	after = made(1);
	text = diff(&before, &after, &cost);
	wd_expect_str("delete element inet warder p7_4 { 10.9.0.1 }\n"
		      "add element inet warder p7_4 { 10.9.0.3 }\n",
		      text);
	wd_expect_int(0, cost.rules);
	free(text);
	wd_nft_clear(&before);
	wd_nft_clear(&after);
	tear_down();
}

static void a_pod_comes_with_its_policy_and_goes_with_it(void)
{
	struct wd_nft_ruleset none, one;
	struct wd_nft_cost cost;
	char *text, *found;

	one_pod();
	none = made(0);
	one = made(1);
	text = diff(&none, &one, &cost);
	wd_expect(strstr(text, "add chain inet warder ep5_in\n"));
	wd_expect(strstr(text, "add set inet warder p7_4 "));
	free(text);
	text = diff(&one, &none, &cost);
	/* emptied before it goes, and nothing leads there any more */
	found = strstr(text, "flush chain inet warder ep5_in\n");
	wd_expect(found);
	found = found ? strstr(found, "delete element inet warder pod_in { 5") :
			NULL;
	wd_expect(found);
	found = found ? strstr(found, "delete chain inet warder ep5_in\n") :
			NULL;
	wd_expect(found);
	wd_expect(found && strstr(found, "delete set inet warder p7_4\n"));
	free(text);
	wd_nft_clear(&none);
	wd_nft_clear(&one);
	tear_down();
}

static void an_address_that_two_pods_claim_is_neithers(void)
{
	struct wd_nft_ruleset empty = { 0 }, rs;
	struct wd_nft_cost cost;
	char *text;

	one_pod();
	simple_pod(mem, 5, 3, "10.1.0.1", NULL, mac, 77);
	simple_pod(mem, 6, 3, "10.1.0.1", NULL, mac, 77);
	rs = made(2);
	text = diff(&empty, &rs, &cost);
	expect_lines("{ 77 . 10.1.0.1 : goto ep0_in }\n", text,
		     "add element inet warder bridge_in4 ");
	free(text);
	wd_nft_clear(&rs);
	tear_down();
}

/* ---- who a predicate holds for ---- */

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(rng >> 33) % n;
}

/* Addresses of a small world, so that things meet: 10.0.0.0/26 and its end. */
static uint32_t some_addr(void)
{
	return rnd(8) ? 0x0a000000 + rnd(64) : rnd(2) ? 0 : 0xffffffff;
}

static const char *text_of(uint32_t addr, int version, char buf[64])
{
	if (version == 4)
		(void)snprintf(buf, 64, "%u.%u.%u.%u", addr >> 24,
			       addr >> 16 & 255, addr >> 8 & 255, addr & 255);
	else if (addr == 0xffffffff)
		(void)snprintf(buf, 64,
			       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	else
		(void)snprintf(buf, 64, "::%x:%x", addr >> 16, addr & 0xffff);
	return buf;
}

struct entry {
	uint32_t addr, bits, row;
};

static bool covers(const struct entry *e, uint32_t addr)
{
	return !e->bits || (addr ^ e->addr) >> (32 - e->bits) == 0;
}

static bool row_has(uint32_t row, uint32_t pred)
{
	const struct wd_row_val *rows = wd_memory_window(mem, WD_MAP_wd_row);

	return rows[row].bits[pred / 64] >> (pred % 64) & 1;
}

/* The obvious way. */
static bool holds(const struct entry *addr, int addrs,
		  const struct entry *prefix, int prefixes, uint32_t a,
		  uint32_t pred)
{
	const struct entry *best = NULL;

	for (int i = 0; i < addrs; i++)
		if (addr[i].addr == a)
			return row_has(addr[i].row, pred);
	for (int i = 0; i < prefixes; i++)
		if (covers(&prefix[i], a) &&
		    (!best || prefix[i].bits > best->bits))
			best = &prefix[i];
	return best && row_has(best->row, pred);
}

/* Is it in one of the predicate's sets of this family? */
static bool is_in_sets(const struct wd_nft_ruleset *rs, int version,
		       uint32_t pred, const uint8_t *key)
{
	size_t bytes = version == 4 ? 4 : 16;
	char name[32];

	(void)snprintf(name, sizeof(name), "p%u_%d", pred, version);
	for (size_t i = 0; i < rs->set_cnt; i++) {
		const struct wd_nft_set *s = &rs->set[i];
		size_t size = wd_nft_elem_size(s->kind), len = strlen(name);

		if (s->family != WD_NFT_INET || strncmp(s->name, name, len) ||
		    (s->name[len] && s->name[len] != '_'))
			continue;
		for (size_t j = 0; j < s->cnt; j++) {
			const uint8_t *at = s->elem + j * size;

			if (memcmp(at, key, bytes) <= 0 &&
			    memcmp(at + size - bytes, key, bytes) >= 0)
				return true;
		}
	}
	return false;
}

static void random_world(int version)
{
	struct entry addr[12], prefix[12];
	struct wd_nft_ruleset rs;
	int wrong = 0;
	char buf[64];

	set_up();
	for (uint32_t row = 1; row < 6; row++)
		for (uint32_t pred = 0; pred < 3; pred++)
			if (rnd(2))
				simple_row(mem, row, pred);
	for (uint32_t pred = 0; pred < 3; pred++)
		simple_class(mem, 1 + pred, pred);
	for (int i = 0; i < 12; i++) {
		uint32_t bits = rnd(3) ? 26 + rnd(7) : rnd(33);
		uint32_t a = some_addr();

		a = bits ? a & ~(uint32_t)(0xffffffffULL >> bits) : 0;
		prefix[i] = (struct entry){ a, bits, rnd(6) };
		for (int j = 0; j < i; j++)
			if (prefix[j].addr == a && prefix[j].bits == bits)
				prefix[i].row = prefix[j].row;
		/* of IPv6 the same, in the last 32 bits */
		simple_prefix(mem, text_of(a, version, buf),
			      version == 4 ? bits : 96 + bits, prefix[i].row);
	}
	for (int i = 0; i < 12; i++) {
		addr[i] = (struct entry){ some_addr(), 32, rnd(6) };
		for (int j = 0; j < i; j++)
			if (addr[j].addr == addr[i].addr)
				addr[i].row = addr[j].row;
		simple_addr(mem, text_of(addr[i].addr, version, buf),
			    addr[i].row, WD_ADDR_POD, 0);
	}
	for (uint32_t i = 0; i < 3; i++)
		simple_slot(mem, 1 + i, WD_INGRESS, true, 1 + i);
	simple_pod(mem, 5, 1 + rnd(3), NULL, NULL, mac, 0);
	rs = made(1);
	for (int i = 0; i < 200; i++) {
		uint32_t a = some_addr();
		uint32_t pred = 0, slot;
		struct wd_endpoint_val ep;
		uint8_t key[16];

		(void)wd_memory_get(mem, WD_MAP_wd_endpoint, &(uint32_t){ 5 },
				    &ep);
		slot = ep.slot[0];
		pred = slot - 1;
		/* the end of all addresses is another one in IPv6 */
		if (version == 6 && a == 0xffffffff)
			continue;
		inet_pton(version == 4 ? AF_INET : AF_INET6,
			  text_of(a, version, buf), key);
		wrong += holds(addr, 12, prefix, 12, a, pred) !=
			 is_in_sets(&rs, version, pred, key);
	}
	wd_expect_int(0, wrong);
	wd_nft_clear(&rs);
	tear_down();
}

static void sets_hold_whom_rows_and_longest_prefixes_say(void)
{
	for (rng = 1; rng < 200;) {
		uint64_t seed = rng;

		random_world(4);
		random_world(6);
		rng = seed + 1;
	}
}

static void prefix_of_everybody_reaches_the_last_address(void)
{
	struct wd_nft_ruleset empty = { 0 }, rs;
	struct wd_nft_cost cost;
	char *text;

	one_pod();
	simple_prefix(mem, "::", 0, 1);
	simple_prefix(mem, "ffff::", 16, 1);
	simple_prefix(mem, "0.0.0.0", 0, 1);
	rs = made(1);
	text = diff(&empty, &rs, &cost);
	wd_expect(strstr(text,
			 "{ ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }\n"));
	/* but for 10.9.0.2, whose own row has it not */
	wd_expect(strstr(
		text,
		"{ 0.0.0.0-10.9.0.1, 10.9.0.3-192.0.2.127, 192.0.3.0-255.255.255.255 }\n"));
	free(text);
	wd_nft_clear(&rs);
	tear_down();
}

/* ---- what must be encrypted ---- */

static void put_net(const char *text, uint32_t bits, uint32_t flags)
{
	const struct wd_net_val val = { .flags = WD_NET_POD | flags };
	struct wd_cidr4_key key = { .prefixlen = bits };

	inet_pton(AF_INET, text, &key.addr);
	wd_expect_int(0, wd_memory_set(mem, WD_MAP_wd_net4, &key, &val));
}

/* Apart, beside each other, one inside the other, and the last of all. */
static void put_nets(void)
{
	put_net("10.3.0.0", 24, WD_NET_ENCRYPT);
	put_net("10.1.0.0", 16, WD_NET_ENCRYPT);
	put_net("10.1.7.0", 24, WD_NET_ENCRYPT);
	put_net("10.1.255.255", 32, WD_NET_ENCRYPT);
	put_net("10.2.0.0", 24, WD_NET_ENCRYPT);
	put_net("10.9.0.0", 24, 0);
	put_net("255.255.255.0", 24, WD_NET_ENCRYPT);
}

/* Beyond them the ruleset has to know a pod by its address. */
static void pods_outside_of_every_prefix_are_named_one_by_one(void)
{
	static const struct {
		const char *addr;
		bool stray;
	} pods[] = {
		{ "10.0.255.255", true },     { "10.1.0.0", false },
		{ "10.1.8.0", false },	      { "10.1.255.255", false },
		{ "10.2.0.0", false },	      { "10.2.0.255", false },
		{ "10.2.1.0", true },	      { "10.2.255.255", true },
		{ "10.3.0.255", false },      { "10.3.1.0", true },
		{ "10.9.0.1", true },	      { "255.255.254.255", true },
		{ "255.255.255.255", false },
	};
	struct wd_nft_ruleset empty = { 0 }, rs;
	struct wd_state_val *state;
	struct wd_nft_cost cost;
	char *text, *strays;

	set_up();
	for (size_t i = 0; i < sizeof(pods) / sizeof(*pods); i++)
		simple_addr(mem, pods[i].addr, 0, WD_ADDR_POD, 0);
	put_nets();
	state = wd_memory_window(mem, WD_MAP_wd_state);
	state->flags |= WD_STATE_ENCRYPT;
	rs = made(1);
	text = diff(&empty, &rs, &cost);
	strays = lines(text, "add element inet warder stray4 ");
	for (size_t i = 0; i < sizeof(pods) / sizeof(*pods); i++) {
		char hex[16];
		struct in_addr addr;

		inet_pton(AF_INET, pods[i].addr, &addr);
		(void)snprintf(hex, sizeof(hex), "0x%08x", ntohl(addr.s_addr));
		wd_test_row(pods[i].addr);
		wd_expect_int(pods[i].stray, strstr(strays, hex) != NULL);
	}
	wd_test_row(NULL);
	free(strays);
	wd_nft_clear(&rs);
	tear_down();
}

int main(void)
{
	WD_TEST(slots_and_classes_read_as_they_are_written);
	WD_TEST(few_ports_are_compared_and_many_are_looked_up);
	WD_TEST(a_pod_more_has_no_sets_of_its_own);
	WD_TEST(the_same_tables_make_the_same_ruleset);
	WD_TEST(a_pod_more_is_elements_and_no_rule);
	WD_TEST(a_pod_comes_with_its_policy_and_goes_with_it);
	WD_TEST(an_address_that_two_pods_claim_is_neithers);
	WD_TEST(sets_hold_whom_rows_and_longest_prefixes_say);
	WD_TEST(prefix_of_everybody_reaches_the_last_address);
	WD_TEST(pods_outside_of_every_prefix_are_named_one_by_one);
	return wd_tests_end();
}
