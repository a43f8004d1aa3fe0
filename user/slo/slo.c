/* SPDX-License-Identifier: GPL-2.0-only */
/* slo.c - see slo.h. */
#include "slo.h"

#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../datapath/ladder.h"
#include "../model/xalloc.h"
#include "groups.h"

struct wd_slo {
	struct wd_agent *agent;
	struct wd_groups *groups;
};

struct wd_slo *wd_slo_new(struct wd_agent *agent)
{
	struct wd_slo *slo = wd_xcalloc(1, sizeof(*slo));

	slo->agent = agent;
	slo->groups = wd_groups_new();
	return slo;
}

void wd_slo_free(struct wd_slo *slo)
{
	if (!slo)
		return;
	wd_groups_free(slo->groups);
	free(slo);
}

void wd_slo_tick(struct wd_slo *slo)
{
	wd_groups_tend(slo->groups, slo->agent);
}

const char *wd_slo_why_not(const struct wd_slo *slo)
{
	/* clsact, which is rung compat, may have it too */
	if (!strcmp(wd_ladder(slo->agent->dp)->object, "wd_pod"))
		return NULL;
	return "the programs in force do not: only wd_pod, that of rung full, does";
}

uint32_t wd_slo_next(const struct wd_slo *slo, uint32_t group,
		     const char **ret_ns)
{
	if (group == WD_GROUP_REST)
		group = WD_GROUP_FIRST - 1;
	while (++group < WD_GROUPS_MAX) {
		*ret_ns = wd_groups_ns(slo->groups, group);
		if (*ret_ns)
			return group;
	}
	return WD_GROUP_REST;
}

int wd_slo_read(const struct wd_slo *slo, uint32_t group,
		struct wd_timing_val *ret_val)
{
	return wd_timing_read(slo->agent->dp, group, ret_val);
}

const char *wd_timing_side_name(enum wd_timing_side side)
{
	return side == WD_TIMING_CLIENT ? "client" : "server";
}
