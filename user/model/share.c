/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * share.c - how much of the tables that compiled policies fill is one namespace's.
 *
 * Few rules can come to many port spans, lists of rules and predicates: ranges
 * of ports that lie in each other, other rules for each pod, names of ports.
 * So beside what objects say (quota.c) it is counted what they come to on this
 * node. Half of a table is the most that a namespace gets; its pods for which
 * there is no room are closed, and others go on changing what is theirs. All
 * together leave a sixteenth to what policies of the whole cluster alone come
 * to on a pod, which is in nobody's share; with those of a namespace beside them
 * items of several rules and those behind a Pass are in its share, as class.c
 * does not know whose they are alone. What several use is of the share of who
 * used it first.
 */
#include <string.h>

#include "share_int.h"

static const uint32_t sizes[TABLE__MAX] = {
	[TABLE_SPANS] = WD_SPANS_MAX,
	[TABLE_CLASSES] = WD_CLASSES_MAX,
	[TABLE_BITS] = WD_PREDS_MAX,
	/* no tables: of one namespace some 0.1 s, and 25 MB */
	[TABLE_STEPS] = 1U << 25,
	[TABLE_PARTS] = 1U << 21,
};

/* What policies of the whole cluster need has room, whatever namespaces take. */
static uint32_t reserve_of(enum mtable table)
{
	return sizes[table] / 16;
}

void share_begin(struct wd_model *m, struct mspace *payer)
{
	m->payer = payer;
	m->crowded = TABLE__MAX;
	m->needs = 0;
	if (payer)
		memcpy(m->before, payer->taken, sizeof(m->before));
}

bool share_has(const struct mspace *payer, enum mtable table, uint32_t cnt)
{
	return payer->taken[table] + cnt <= sizes[table] / 2;
}

bool share_left(const struct wd_model *m, enum mtable table, uint32_t cnt)
{
	/* steps are of each namespace by itself */
	return table == TABLE_STEPS ||
	       m->taken[table] + cnt <= sizes[table] - reserve_of(table);
}

bool share_take(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	if (!payer)
		return true;
	if (!share_has(payer, table, cnt) || !share_left(m, table, cnt)) {
		m->crowded = table;
		m->needs = payer->taken[table] - m->before[table] + cnt;
		return false;
	}
	payer->taken[table] += cnt;
	m->taken[table] += cnt;
	return true;
}

void share_give(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	if (!payer)
		return;
	payer->taken[table] -= cnt;
	m->taken[table] -= cnt;
}
