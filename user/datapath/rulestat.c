/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rulestat.c - what the programs counted by rule: whose counters which are.
 *
 * An element of wd_rulestat says which rule it counts, so that another agent
 * goes on with it and none takes what a rule that is gone has counted for its
 * own. Programs only add to it and do not ask.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "internal.h"

static uint32_t place_of(uint32_t id)
{
	return id & (WD_RULES_MAX - 1);
}

static bool is_counted(const struct wd_datapath *dp, uint32_t id)
{
	return !dp->memory && dp->map_fd[WD_MAP_wd_rulestat] >= 0 &&
	       place_of(id);
}

/* All CPUs' values, of which each says the same id. Return: the first, or NULL. */
static struct wd_rulestat_val *load_all(struct wd_datapath *dp, uint32_t id,
					int *ret_err)
{
	uint32_t at = place_of(id);

	*ret_err = bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_rulestat], &at,
				       dp->percpu);
	return *ret_err ? NULL : dp->percpu;
}

static int store_all(struct wd_datapath *dp, uint32_t at,
		     const struct wd_rulestat_val *val)
{
	struct wd_rulestat_val *cpu = dp->percpu;

	if (dp->ladder.frozen)
		return -EROFS;
	for (int i = 0; i < dp->cpus; i++)
		cpu[i] = *val;
	dp->writes++;
	return bpf_map_update_elem(dp->map_fd[WD_MAP_wd_rulestat], &at, cpu,
				   BPF_ANY);
}

int wd_rulestat_begin(struct wd_datapath *dp, uint32_t id)
{
	struct wd_rulestat_val val = { .id = id };
	const struct wd_rulestat_val *have;
	int err;

	if (!is_counted(dp, id))
		return 0;
	have = load_all(dp, id, &err);
	if (!have || have->id == id)
		return err;
	err = wd_clock_ticks(&val.last);
	return err ? err : store_all(dp, place_of(id), &val);
}

int wd_rulestat_end(struct wd_datapath *dp, uint32_t id)
{
	static const struct wd_rulestat_val none;
	const struct wd_rulestat_val *have;
	int err;

	if (!is_counted(dp, id))
		return 0;
	have = load_all(dp, id, &err);
	if (!have || have->id != id)
		return err;
	return store_all(dp, place_of(id), &none);
}

int wd_rulestat_read(struct wd_datapath *dp, uint32_t id,
		     struct wd_rulestat_val *ret_val)
{
	struct wd_rulestat_val sum = { .id = id };
	const struct wd_rulestat_val *cpu;
	int err;

	if (!is_counted(dp, id))
		return -ENODATA;
	cpu = load_all(dp, id, &err);
	if (!cpu)
		return err;
	if (cpu->id != id)
		return -ENODATA;
	for (int i = 0; i < dp->cpus; i++) {
		sum.packets += cpu[i].packets;
		sum.bytes += cpu[i].bytes;
		sum.flows += cpu[i].flows;
		if ((int32_t)(cpu[i].last - sum.last) > 0 || !i)
			sum.last = cpu[i].last;
	}
	*ret_val = sum;
	return 0;
}

/* Element 0: id, which gaps are open; packets, bytes and flows: when each ended. */
static __u64 *gap_end(struct wd_rulestat_val *val, enum wd_gap gap)
{
	switch (gap) {
	case WD_GAP_PODS:
		return &val->packets;
	case WD_GAP_HOST:
		return &val->bytes;
	case WD_GAP_SERVICES:
	case WD_GAP__MAX:
		break;
	}
	return &val->flows;
}

int wd_rulestat_gaps(struct wd_datapath *dp, uint32_t open)
{
	const struct wd_rulestat_val *have;
	struct wd_rulestat_val val;
	uint32_t ended, now = 0;
	int err;

	dp->gaps |= open; /* until it is written down */
	if (dp->memory || dp->map_fd[WD_MAP_wd_rulestat] < 0)
		return 0;
	have = load_all(dp, 0, &err);
	if (!have)
		return err;
	val = *have;
	ended = (val.id | dp->gaps) & ~open;
	if (ended)
		err = wd_clock_ticks(&now);
	if (err)
		return err;
	for (int i = 0; i < WD_GAP__MAX; i++) {
		if (ended & 1U << i)
			*gap_end(&val, (enum wd_gap)i) = now ? now : 1;
	}
	val.id = open;
	if (memcmp(&val, have, sizeof(val)) != 0)
		err = store_all(dp, 0, &val);
	if (err)
		return err;
	dp->gaps = open;
	for (int i = 0; i < WD_GAP__MAX; i++)
		dp->gap_end[i] = (uint32_t)*gap_end(&val, (enum wd_gap)i);
	return 0;
}

uint32_t wd_rulestat_whole(const struct wd_datapath *dp, uint32_t gaps)
{
	uint32_t last = 0;

	for (int i = 0; i < WD_GAP__MAX; i++) {
		uint32_t end = (gaps & 1U << i) ? dp->gap_end[i] : 0;

		if (end && (!last || (int32_t)(end - last) > 0))
			last = end;
	}
	return last;
}
