/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink.c - where the model's words go: the maps of this agent's datapath.
 */
#include "sink.h"

#include <linux/types.h>

#include "agent.h"
#include "hits.h"

static int sink_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	struct wd_agent *agent = ctx;
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);

	/* Before the prefix: a program that misses the flag would miss the prefix. */
	if (map == WD_MAP_wd_cidr4)
		__atomic_or_fetch(&state->flags, WD_STATE_CIDR4,
				  __ATOMIC_RELEASE);
	if (map == WD_MAP_wd_cidr6)
		__atomic_or_fetch(&state->flags, WD_STATE_CIDR6,
				  __ATOMIC_RELEASE);
	if (map == WD_MAP_wd_front)
		__atomic_or_fetch(
			&state->flags,
			WD_STATE_FRONTS |
				(((const struct wd_front_key *)key)->port ?
					 0 :
					 WD_STATE_CLOSED),
			__ATOMIC_RELEASE);
	return wd_map_set(agent->dp, map, key, val);
}

static int sink_del(void *ctx, enum wd_map map, const void *key)
{
	struct wd_agent *agent = ctx;

	return wd_map_del(agent->dp, map, key);
}

static int sink_reach(void *ctx, enum wd_map map, uint32_t first, uint32_t cnt)
{
	struct wd_agent *agent = ctx;

	return wd_map_reach(agent->dp, map, first, cnt);
}

static void sink_publish(void *ctx, uint32_t gen)
{
	struct wd_agent *agent = ctx;

	wd_datapath_publish(agent->dp, gen);
}

struct wd_sink wd_sink_of(struct wd_agent *agent)
{
	return (struct wd_sink){
		.ctx = agent,
		.set = sink_set,
		.del = sink_del,
		.publish = sink_publish,
		.reach = sink_reach,
		.rule = wd_hits_rule,
		.row = wd_map_window(agent->dp, WD_MAP_wd_row),
		.slot = wd_map_window(agent->dp, WD_MAP_wd_slot),
		.span = wd_map_window(agent->dp, WD_MAP_wd_span),
		.class = wd_map_window(agent->dp, WD_MAP_wd_class),
	};
}

void wd_agent_rebind(struct wd_agent *agent)
{
	struct wd_sink sink = wd_sink_of(agent);

	wd_model_rebind(agent->model, &sink);
}
