/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.c - fills the policy maps by hand, without the compiler of the agent.
 */
#include "tables.h"

#include <string.h>
#include <warder/abi.h>

#include "world.h"

enum pred {
	PRED_LOW = 0,
	PRED_FRIEND = 3,
	PRED_NODE = 7,
	PRED_HIGH = 63,
	PRED_FOE = 64,
	PRED_NOBODY = 100,
	PRED_PREFIX = 4095,
};

enum class_nr {
	CLASS_NONE,
	CLASS_PEERS,
	CLASS_ALL,
	CLASS_DENY,
	CLASS_NODE,
	CLASS_ANY,
	CLASS_ALLOW_FIRST,
	CLASS_DENY_FIRST,
	CLASS_LAST_OF_16,
	CLASS_LOW,
	CLASS_HIGH,
	CLASS__MAX,
};

#define ALLOW(id, pred) { id, pred, WD_ACT_ALLOW, 0 }
#define DENY(id, pred) { id, pred, WD_ACT_DENY, 0 }
#define NOBODY DENY(90, PRED_NOBODY)

static const struct wd_class_val classes[CLASS__MAX] = {
	[CLASS_PEERS] = { .cnt = 3,
			  .rule = { DENY(RULE_FOE, PRED_FOE),
				    ALLOW(RULE_FRIEND, PRED_FRIEND),
				    ALLOW(RULE_PREFIX, PRED_PREFIX) } },
	[CLASS_ALL] = { .cnt = 2,
			.rule = { DENY(21, PRED_FOE),
				  ALLOW(RULE_ALL, WD_PRED_ANY) } },
	[CLASS_DENY] = { .cnt = 1, .rule = { DENY(31, PRED_FOE) } },
	[CLASS_NODE] = { .cnt = 1, .rule = { ALLOW(41, PRED_NODE) } },
	[CLASS_ANY] = { .cnt = 1, .rule = { ALLOW(51, WD_PRED_ANY) } },
	[CLASS_ALLOW_FIRST] = { .cnt = 2,
				.rule = { ALLOW(61, PRED_FRIEND),
					  DENY(62, WD_PRED_ANY) } },
	[CLASS_DENY_FIRST] = { .cnt = 2,
			       .rule = { DENY(71, WD_PRED_ANY),
					 ALLOW(72, PRED_FRIEND) } },
	[CLASS_LAST_OF_16] = { .cnt = 16,
			       .rule = { NOBODY, NOBODY, NOBODY, NOBODY, NOBODY,
					 NOBODY, NOBODY, NOBODY, NOBODY, NOBODY,
					 NOBODY, NOBODY, NOBODY, NOBODY, NOBODY,
					 ALLOW(91, PRED_FRIEND) } },
	[CLASS_LOW] = { .cnt = 1, .rule = { ALLOW(81, PRED_LOW) } },
	[CLASS_HIGH] = { .cnt = 1, .rule = { ALLOW(82, PRED_HIGH) } },
};

enum { SPANS_MANY_CNT = WD_SPANS_PER_SLOT, SPANS_MANY = 1024 };

static const struct wd_span_val rules[] = {
	{ 0, 0 },
	{ 80, CLASS_PEERS },
	{ 90, 0 },
	{ 443, CLASS_ALL },
	{ 444, 0 },
	{ 9090, CLASS_NODE },
	{ 9091, CLASS_NONE },
};

static const struct wd_span_val edges[] = {
	{ 0, CLASS_ANY },    { 1, 0 },	  { 80, CLASS_ANY },	{ 81, 0 },
	{ 1000, CLASS_ANY }, { 2001, 0 }, { 65535, CLASS_ANY },
};

static const struct wd_span_val order[] = {
	{ 0, 0 },
	{ 1, CLASS_ALLOW_FIRST },
	{ 2, CLASS_DENY_FIRST },
	{ 3, CLASS_LAST_OF_16 },
	{ 4, CLASS_LOW },
	{ 5, CLASS_HIGH },
	{ 6, 0 },
};

static const struct wd_span_val deny[] = { { 0, CLASS_DENY } };
static const struct wd_span_val any[] = { { 0, CLASS_ANY } };

/* Of ICMP and ICMPv6, and of other protocols; see tables.h. */
static const struct wd_span_val types4[] = {
	{ 0, 0 },      { 0x0800, CLASS_ANY },
	{ 0x0900, 0 }, { 0x0d02, CLASS_ANY },
	{ 0x0d03, 0 }, { 0xff00, CLASS_ALLOW_FIRST },
};
static const struct wd_span_val types6[] = {
	{ 0, 0 },      { 0x8000, CLASS_ANY },
	{ 0x8100, 0 }, { 0x9002, CLASS_ANY },
	{ 0x9003, 0 }, { 0xff00, CLASS_ALLOW_FIRST },
};
static const struct wd_span_val protos[] = {
	{ 0, 0 },
	{ 89, CLASS_ANY },
	{ 90, 0 },
	{ 255, CLASS_ANY },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Spans of a slot: its own for TCP, for UDP and SCTP too unless TCP only. */
static const struct {
	uint32_t flags;
	uint32_t any; /* class of ICMP and other protocols, 0 none */
	const struct wd_span_val *spans;
	uint32_t cnt;
	bool tcp_only;
} policies[SLOT__MAX] = {
	[SLOT_RULES] = { WD_SLOT_READY | WD_SLOT_ISOLATED, CLASS_PEERS, rules,
			 COUNT(rules), false },
	[SLOT_OPEN] = { WD_SLOT_READY, 0, NULL, 0, false },
	[SLOT_OPEN_DENY] = { WD_SLOT_READY, CLASS_DENY, deny, 1, false },
	[SLOT_SHUT] = { WD_SLOT_READY | WD_SLOT_ISOLATED, 0, NULL, 0, false },
	[SLOT_UNREADY] = { WD_SLOT_ISOLATED, CLASS_ANY, any, 1, false },
	[SLOT_TCP] = { WD_SLOT_READY | WD_SLOT_ISOLATED, 0, any, 1, true },
	[SLOT_ALL] = { WD_SLOT_READY | WD_SLOT_ISOLATED, CLASS_ANY, any, 1,
		       false },
	[SLOT_EDGES] = { WD_SLOT_READY | WD_SLOT_ISOLATED, 0, edges,
			 COUNT(edges), true },
	[SLOT_ORDER] = { WD_SLOT_READY | WD_SLOT_ISOLATED, 0, order,
			 COUNT(order), true },
};

static void write_at(const char *name, uint32_t at, const void *val)
{
	world_write(name, &at, val);
}

/* ---- policy ---- */

static void fill_rows(void)
{
	static const int pred_of[ROW__MAX] = {
		[ROW_FRIEND] = PRED_FRIEND, [ROW_FOE] = PRED_FOE,
		[ROW_PREFIX] = PRED_PREFIX, [ROW_NODE] = PRED_NODE,
		[ROW_EDGES] = PRED_LOW,
	};

	for (uint32_t i = ROW_FRIEND; i < ROW__MAX; i++) {
		struct wd_row_val row = { { 0 } };

		row.bits[pred_of[i] / 64] = 1ULL << pred_of[i] % 64;
		if (i == ROW_EDGES)
			row.bits[0] |= 1ULL << PRED_HIGH;
		write_at("wd_row", i, &row);
	}
}

static void write_slot(uint32_t nr, const struct wd_slot_val *slot)
{
	write_at("wd_slot", nr * 2 + WD_INGRESS, slot);
	write_at("wd_slot", nr * 2 + WD_EGRESS, slot);
}

static void fill_slots(void)
{
	uint32_t next = 1;

	for (uint32_t i = 0; i < SLOT__MAX; i++) {
		struct wd_slot_val slot = { .flags = policies[i].flags };
		struct wd_span_val rest = { 0, policies[i].any };

		for (int l4 = 0; l4 <= WD_L4_SCTP; l4++) {
			if (policies[i].tcp_only && l4 != WD_L4_TCP)
				continue;
			slot.first[l4] = next;
			slot.cnt[l4] = policies[i].cnt;
		}
		for (uint32_t k = 0; k < policies[i].cnt; k++)
			write_at("wd_span", next++, &policies[i].spans[k]);
		for (int l4 = WD_L4_ICMP; rest.class && l4 < WD_L4__MAX; l4++) {
			slot.first[l4] = next;
			slot.cnt[l4] = 1;
		}
		if (rest.class)
			write_at("wd_span", next++, &rest);
		write_slot(i, &slot);
	}
}

void tables_mix(enum slot in, enum slot out)
{
	uint32_t in_at = in * 2 + WD_INGRESS, out_at = out * 2 + WD_EGRESS;
	struct wd_slot_val slot;

	world_read("wd_slot", &in_at, &slot);
	write_at("wd_slot", SLOT_MIXED * 2 + WD_INGRESS, &slot);
	world_read("wd_slot", &out_at, &slot);
	write_at("wd_slot", SLOT_MIXED * 2 + WD_EGRESS, &slot);
}

static void fill_many(void)
{
	struct wd_slot_val slot = { .flags = WD_SLOT_READY | WD_SLOT_ISOLATED,
				    .first = { SPANS_MANY },
				    .cnt = { SPANS_MANY_CNT } };

	for (uint32_t i = 0; i < SPANS_MANY_CNT; i++) {
		struct wd_span_val span = { i * 32, i % 2 ? CLASS_ANY : 0 };

		write_at("wd_span", SPANS_MANY + i, &span);
	}
	write_slot(SLOT_MANY, &slot);
}

static void put_spans(struct wd_slot_val *slot, enum wd_l4 l4,
		      const struct wd_span_val *spans, uint32_t cnt)
{
	static uint32_t next = SPANS_MANY + SPANS_MANY_CNT;

	slot->first[l4] = next;
	slot->cnt[l4] = cnt;
	for (uint32_t i = 0; i < cnt; i++)
		write_at("wd_span", next++, &spans[i]);
}

static void fill_types(void)
{
	struct wd_slot_val slot = { .flags = WD_SLOT_READY | WD_SLOT_ISOLATED };

	put_spans(&slot, WD_L4_ICMP, types4, COUNT(types4));
	put_spans(&slot, WD_L4_ICMP6, types6, COUNT(types6));
	put_spans(&slot, WD_L4_OTHER, protos, COUNT(protos));
	write_slot(SLOT_TYPES, &slot);
}

/* ---- addresses ---- */

static const struct {
	enum host host;
	struct wd_addr_val val;
} addrs[] = {
	{ H_SELF,
	  { 500, { 0, 0 }, WD_ADDR_POD | WD_ADDR_LOCAL, IF_POD, 1, 0 } },
	{ H_FRIEND,
	  { 1000, { ROW_FRIEND, ROW_FRIEND }, WD_ADDR_POD, 0, 2, 0 } },
	{ H_FOE, { 1001, { ROW_FOE, ROW_FOE }, WD_ADDR_POD, 0, 2, 0 } },
	{ H_PLAIN, { 1002, { 0, 0 }, WD_ADDR_POD, 0, 2, 0 } },
	{ H_EDGES, { 1005, { ROW_EDGES, ROW_EDGES }, WD_ADDR_POD, 0, 2, 0 } },
	{ H_EXACT, { 1006, { 0, 0 }, WD_ADDR_POD, 0, 2, 0 } },
	{ H_NEAR,
	  { 1003,
	    { ROW_FRIEND, ROW_FRIEND },
	    WD_ADDR_POD | WD_ADDR_LOCAL,
	    IF_NEAR,
	    1,
	    0 } },
	{ H_BRIDGED,
	  { 1004,
	    { ROW_FRIEND, ROW_FRIEND },
	    WD_ADDR_POD | WD_ADDR_LOCAL,
	    IF_BRIDGED,
	    1,
	    0 } },
	{ H_NODE, { 1, { ROW_NODE, ROW_NODE }, WD_ADDR_HOST, 0, 1, 0 } },
	{ H_NODE2, { 6, { ROW_NODE, ROW_NODE }, WD_ADDR_NODE, 0, 2, 0 } },
};

static void write_addr(enum host host, const struct wd_addr_val *val)
{
	uint8_t addr[16];

	frame_addr(host, 4, addr);
	world_write("wd_addr4", addr, val);
	frame_addr(host, 6, addr);
	world_write("wd_addr6", addr, val);
}

/* 192.0.2.0/24 and 2001:db8:2::/48; inside them a longer one of nothing. */
static void fill_prefixes(void)
{
	struct wd_addr_val prefix = { .identity = 1 << 24,
				      .row = { ROW_PREFIX, ROW_PREFIX } };
	struct wd_addr_val hole = { .identity = (1 << 24) + 1 };
	struct wd_cidr4_key c4 = { .prefixlen = 24 };
	struct wd_cidr6_key c6 = { .prefixlen = 48 };

	frame_addr(H_PREFIX, 4, &c4.addr);
	frame_addr(H_PREFIX, 6, c6.addr);
	world_write("wd_cidr4", &c4, &prefix);
	world_write("wd_cidr6", &c6, &prefix);
	c4.prefixlen = 28;
	c6.prefixlen = 124;
	frame_addr(H_HOLE, 4, &c4.addr);
	frame_addr(H_HOLE, 6, c6.addr);
	world_write("wd_cidr4", &c4, &hole);
	world_write("wd_cidr6", &c6, &hole);
}

void tables_map_addr(enum host host, int row)
{
	struct wd_addr_val val = { .identity = 1000,
				   .row = { (uint32_t)row, (uint32_t)row },
				   .flags = WD_ADDR_POD };
	uint8_t addr[16];

	if (row >= 0) {
		write_addr(host, &val);
		return;
	}
	frame_addr(host, 4, addr);
	world_delete("wd_addr4", addr);
	frame_addr(host, 6, addr);
	world_delete("wd_addr6", addr);
}

void tables_fill(void)
{
	for (size_t i = 0; i < COUNT(addrs); i++)
		write_addr(addrs[i].host, &addrs[i].val);
	fill_prefixes();
	fill_rows();
	for (uint32_t i = 0; i < CLASS__MAX; i++)
		write_at("wd_class", i, &classes[i]);
	fill_slots();
	fill_many();
	fill_types();
}
