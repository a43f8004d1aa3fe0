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
 *
 * A policy that changes is there twice until no program sees the one of before.
 * That one is idle then, and not of the half, as long as a quarter of the table
 * is nobody's; who finds no room but for it waits with what he has, see late.c.
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

/* What is his and not idle. */
static uint32_t used_of(const struct mspace *payer, enum mtable table)
{
	return payer->taken[table] - payer->idle[table];
}

void share_begin(struct wd_model *m, struct mspace *payer)
{
	m->payer = payer;
	m->crowded = TABLE__MAX;
	m->needs = 0;
	for (int i = 0; payer && i < TABLE__MAX; i++)
		m->before[i] = used_of(payer, (enum mtable)i);
}

bool share_fits(const struct mspace *payer, enum mtable table, uint32_t cnt)
{
	return used_of(payer, table) + cnt <= sizes[table] / 2;
}

bool share_has(const struct wd_model *m, const struct mspace *payer,
	       enum mtable table, uint32_t cnt)
{
	/* steps and parts are no tables: what is idle hinders nobody */
	return share_fits(payer, table, cnt) &&
	       (table == TABLE_STEPS || table == TABLE_PARTS ||
		payer->taken[table] + cnt <= sizes[table] / 2 ||
		m->taken[table] + cnt <= sizes[table] / 4 * 3);
}

bool share_left(const struct wd_model *m, enum mtable table, uint32_t cnt)
{
	/* steps are of each namespace by itself */
	return table == TABLE_STEPS ||
	       m->taken[table] + cnt <= sizes[table] - reserve_of(table);
}

static void note_crowded(struct wd_model *m, const struct mspace *payer,
			 enum mtable table, uint32_t cnt)
{
	m->crowded = table;
	m->needs = used_of(payer, table) - m->before[table] + cnt;
}

bool share_take(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	if (!payer)
		return true;
	if (!share_has(m, payer, table, cnt) || !share_left(m, table, cnt)) {
		note_crowded(m, payer, table, cnt);
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

void share_idle(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	if (!payer)
		return;
	payer->idle[table] += cnt;
	m->idle[table] += cnt;
}

void share_use(struct wd_model *m, struct mspace *payer, enum mtable table,
	       uint32_t cnt)
{
	if (!payer)
		return;
	payer->idle[table] -= cnt;
	m->idle[table] -= cnt;
}

void share_drop(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	share_use(m, payer, table, cnt);
	share_give(m, payer, table, cnt);
}

bool share_may_use(struct wd_model *m, const struct mspace *payer,
		   enum mtable table, uint32_t cnt)
{
	if (!payer || payer != m->payer || share_fits(payer, table, cnt))
		return true;
	note_crowded(m, payer, table, cnt);
	return false;
}

bool share_is_kept(struct wd_model *m, const struct mspace *payer,
		   const uint32_t *idle)
{
	for (int i = 0; i < TABLE__MAX; i++) {
		enum mtable table = (enum mtable)i;

		if (payer->idle[i] == idle[i] || share_fits(payer, table, 0))
			continue;
		m->crowded = table;
		m->needs = idle[i] - payer->idle[i];
		return false;
	}
	return true;
}
