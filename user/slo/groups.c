/* SPDX-License-Identifier: GPL-2.0-only */
/* groups.c - see groups.h. */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/endpoints_int.h"
#include "../base/log.h"
#include "../model/intern.h"
#include "../model/xalloc.h"

struct wd_groups {
	const char *ns[WD_GROUPS_MAX]; /* interned, NULL nobody's */
	uint16_t pods[WD_GROUPS_MAX]; /* endpoints at the last look */
	uint32_t written
		[WD_ENDPOINTS_MAX]; /* instance whose entry is right, 0 none */
	uint32_t map; /* kernel's id of the wd_group that was written to, 0 none */
};

struct wd_groups *wd_groups_new(void)
{
	return wd_xcalloc(1, sizeof(struct wd_groups));
}

void wd_groups_free(struct wd_groups *groups)
{
	if (!groups)
		return;
	for (uint32_t i = 0; i < WD_GROUPS_MAX; i++) {
		if (groups->ns[i])
			wd_str_put(groups->ns[i]);
	}
	free(groups);
}

uint32_t wd_groups_of(const struct wd_groups *groups, const char *ns)
{
	for (uint32_t i = WD_GROUP_FIRST; i < WD_GROUPS_MAX; i++) {
		if (groups->ns[i] == ns)
			return i;
	}
	return WD_GROUP_REST;
}

const char *wd_groups_ns(const struct wd_groups *groups, uint32_t group)
{
	return groups->ns[group];
}

static void take(struct wd_groups *groups, uint32_t group, const char *ns)
{
	if (groups->ns[group])
		wd_str_put(groups->ns[group]);
	groups->ns[group] = wd_str_get(ns);
}

/* A group for a namespace that has none: of nobody, else of one without pods. */
static uint32_t find_room(const struct wd_groups *groups)
{
	uint32_t room = wd_groups_of(groups, NULL);

	for (uint32_t i = WD_GROUP_FIRST; !room && i < WD_GROUPS_MAX; i++) {
		if (!groups->pods[i])
			room = i;
	}
	return room;
}

/* What an agent before has written of an endpoint, if it fits. */
static bool adopt(struct wd_groups *groups, struct wd_datapath *dp,
		  const struct wd_endpoint *ep)
{
	struct wd_group_val val;
	uint32_t stat = ep->stat;

	if (wd_map_get(dp, WD_MAP_wd_group, &stat, &val) || val.ep != ep->id ||
	    val.group < WD_GROUP_FIRST || val.group >= WD_GROUPS_MAX)
		return false;
	if (!groups->ns[val.group] && !wd_groups_of(groups, ep->ns))
		take(groups, val.group, ep->ns);
	return groups->ns[val.group] == ep->ns;
}

/* The group of a namespace, a new one from 0. */
static uint32_t group_for(struct wd_groups *groups, struct wd_datapath *dp,
			  const char *ns)
{
	uint32_t group = wd_groups_of(groups, ns);
	int err;

	if (group != WD_GROUP_REST)
		return group;
	group = find_room(groups);
	if (group == WD_GROUP_REST)
		return group;
	err = wd_timing_reset(dp, group);
	if (err) {
		wd_debug("slo: group %u cannot be emptied: %s", group,
			 wd_errno(err));
		return WD_GROUP_REST;
	}
	take(groups, group, ns);
	return group;
}

static void tend_one(struct wd_groups *groups, struct wd_datapath *dp,
		     const struct wd_endpoint *ep)
{
	struct wd_group_val val = { .ep = ep->id };
	uint32_t stat = ep->stat;
	int err;

	val.group = group_for(groups, dp, ep->ns);
	if (val.group == WD_GROUP_REST)
		return; /* what is written of another instance says the same */
	groups->pods[val.group]++;
	err = wd_map_set(dp, WD_MAP_wd_group, &stat, &val);
	if (err)
		wd_debug("slo: endpoint %u has no group: %s", ep->id,
			 wd_errno(err));
	else
		groups->written[stat] = ep->id;
}

void wd_groups_tend(struct wd_groups *groups, struct wd_agent *agent)
{
	uint32_t map = wd_group_map(agent->dp);
	struct wd_local *local;
	struct wd_local *tmp;

	if (map != groups->map)
		memset(groups->written, 0, sizeof(groups->written));
	groups->map = map;
	if (!map)
		return;
	memset(groups->pods, 0, sizeof(groups->pods));
	/* what was there keeps its group before newcomers look for one */
	HASH_ITER(hh, agent->endpoints->locals, local, tmp) {
		uint32_t *written = &groups->written[local->ep.stat];

		if (*written != local->ep.id &&
		    adopt(groups, agent->dp, &local->ep))
			*written = local->ep.id;
		groups->pods[wd_groups_of(groups, local->ep.ns)]++;
	}
	HASH_ITER(hh, agent->endpoints->locals, local, tmp) {
		if (groups->written[local->ep.stat] != local->ep.id)
			tend_one(groups, agent->dp, &local->ep);
	}
}
