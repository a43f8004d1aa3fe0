/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.c - one slot for each policy and direction, a span from each port at
 * which the rules that speak of it change, and a class for each such list.
 */
#include "tables.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site.h"

static int (*fd_of)(const char *name);
static uint32_t class_cnt, span_cnt;

static void write_at(const char *name, uint32_t at, const void *val)
{
	if (!bpf_map_update_elem(fd_of(name), &at, val, BPF_ANY))
		return;
	printf("# %s: cannot be written\n", name);
	abort();
}

/* The row of a set of predicates has the set's number. */
static void fill_rows(void)
{
	for (uint32_t set = 0; set < 1U << PREDS; set++) {
		struct wd_row_val row = { { 0 } };

		for (unsigned int p = 0; p < PREDS; p++)
			if (set & HAS(p))
				row.bits[site_pred_bit[p] / 64] |=
					1ULL << site_pred_bit[p] % 64;
		write_at("wd_row", set, &row);
	}
}

/* The class of those rules that speak of @port. 0: no rule. */
static uint32_t add_class(const struct policy *policy, uint8_t of, int dir,
			  uint32_t port)
{
	struct wd_class_val class = { .cnt = 0 };

	for (uint32_t i = 0; i < policy->cnt; i++) {
		const struct rule *r = &policy->rules[i];

		if (!(r->of & of) || !(r->dirs & 1U << dir))
			continue;
		if (port < r->lo || port > r->hi)
			continue;
		class.rule[class.cnt++] = (struct wd_rule){
			.id = i + 1,
			.pred = r->pred == PRED_OF_ALL ? WD_PRED_ANY :
							 site_pred_bit[r->pred],
			.action = r->is_deny ? WD_ACT_DENY : WD_ACT_ALLOW,
		};
	}
	if (!class.cnt)
		return 0;
	write_at("wd_class", ++class_cnt, &class);
	return class_cnt;
}

static int compare_ports(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Ports at which something changes, in order. Return: how many. */
static uint32_t find_edges(const struct policy *policy, uint8_t of, int dir,
			   uint32_t *edges)
{
	uint32_t cnt = 0;

	edges[cnt++] = 0;
	for (uint32_t i = 0; i < policy->cnt; i++) {
		const struct rule *r = &policy->rules[i];

		if (!(r->of & of) || !(r->dirs & 1U << dir))
			continue;
		edges[cnt++] = r->lo;
		if (r->hi < 65535)
			edges[cnt++] = r->hi + 1U;
	}
	qsort(edges, cnt, sizeof(*edges), compare_ports);
	return cnt;
}

static void fill_spans(const struct policy *policy, enum wd_l4 l4, int dir,
		       struct wd_slot_val *slot)
{
	static const uint8_t of[] = {
		[WD_L4_TCP] = OF_TCP,	  [WD_L4_UDP] = OF_UDP,
		[WD_L4_SCTP] = OF_SCTP,	  [WD_L4_ICMP] = OF_ICMP,
		[WD_L4_ICMP6] = OF_ICMP6, [WD_L4_OTHER] = OF_OTHER,
	};
	uint32_t edges[2 * RULES_MAX + 1];
	uint32_t cnt = find_edges(policy, of[l4], dir, edges);

	slot->first[l4] = span_cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_span_val span = { .lo = edges[i] };

		if (i && edges[i] == edges[i - 1])
			continue;
		span.class = add_class(policy, of[l4], dir, edges[i]);
		write_at("wd_span", span_cnt++, &span);
		slot->cnt[l4]++;
	}
}

static void fill_slot(uint32_t nr, int dir)
{
	const struct policy *policy = &site_policies[nr];
	struct wd_slot_val slot = { .flags = 0 };

	if (!policy->is_unready)
		slot.flags |= WD_SLOT_READY;
	if (policy->isolates & 1U << dir)
		slot.flags |= WD_SLOT_ISOLATED;
	for (int l4 = 0; l4 < WD_L4__MAX; l4++)
		fill_spans(policy, (enum wd_l4)l4, dir, &slot);
	write_at("wd_slot", nr * 2 + (uint32_t)dir, &slot);
}

void tables_fill(int (*map_fd)(const char *name))
{
	fd_of = map_fd;
	class_cnt = span_cnt = 0;
	fill_rows();
	for (uint32_t i = 1; i < POLICIES; i++) {
		fill_slot(i, WD_INGRESS);
		fill_slot(i, WD_EGRESS);
	}
}
