/* SPDX-License-Identifier: GPL-2.0-only */
/* way.c - see way.h. As judge_tables() of why.c walks them. */
#include "way.h"

#include <errno.h>
#include <string.h>

#include "why_int.h"

static bool row_has(const struct wd_row_val *row, uint16_t pred)
{
	return pred == WD_PRED_ANY || (row->bits[pred / 64] >> (pred % 64) & 1);
}

int wd_model_way(const struct wd_model *m, const struct wd_way_ask *ask,
		 struct wd_way *ret)
{
	const struct wd_addr *peer = ask->dir == WD_EGRESS ? &ask->flow->dst :
							     &ask->flow->src;
	const struct wd_slot_val *slot;
	struct wd_way way = { 0 };
	struct wd_addr_info info;
	const struct mendpoint *e;

	if (ask->ep)
		HASH_FIND(hh, m->endpoints, &ask->ep, sizeof(ask->ep), e);
	else
		e = host_endpoint(m);
	if (!e || !e->in_kernel)
		return -ENOENT;
	wd_model_addr(m, peer, &info);
	way.row = info.row;
	way.slot = why_table_slot(m, e, ask->on_trial);
	way.tried = !ask->ep && e->id == WD_HOST_TRIED_KEY;
	slot = &m->sink.slot[(size_t)way.slot * WD_DIR__MAX + ask->dir];
	if (way.slot && (slot->flags & WD_SLOT_READY)) {
		way.isolated = slot->flags & WD_SLOT_ISOLATED;
		way.class = why_table_class(m, slot, ask->flow);
		way.rules = m->sink.class[way.class];
	}
	for (uint32_t i = 0; i < way.rules.cnt && i < WD_CLASS_RULES; i++)
		way.holds[i] =
			row_has(&m->sink.row[way.row], way.rules.rule[i].pred);
	*ret = way;
	return 0;
}
