/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * share.c - how much of the tables that compiled policies fill is one namespace's.
 *
 * Few rules can come to many port spans, lists of rules and predicates: ranges
 * of ports that lie in each other, other rules for each pod, names of ports.
 * So beside what objects say (quota.c) it is counted what they come to on this
 * node. Half of a table is the most that a namespace gets; its pods for which
 * there is no room are closed, and others go on changing what is theirs. What
 * policies of the whole cluster alone come to is in nobody's share, but for items
 * of several rules and those behind a Pass, of which class.c does not know whose
 * they are alone. What several use is of the share of who used it first.
 */
#include "model_int.h"

static const uint32_t shares[TABLE__MAX] = {
	[TABLE_SPANS] = WD_SPANS_MAX / 2,
	[TABLE_CLASSES] = WD_CLASSES_MAX / 2,
	[TABLE_BITS] = WD_PREDS_MAX / 2,
};

bool share_take(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt)
{
	if (!payer)
		return true;
	if (payer->taken[table] + cnt > shares[table]) {
		m->crowded = true;
		return false;
	}
	payer->taken[table] += cnt;
	return true;
}

void share_give(struct mspace *payer, enum mtable table, uint32_t cnt)
{
	if (payer)
		payer->taken[table] -= cnt;
}
