/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * adopt.c - what the agent before left in the kernel, and what others changed there.
 *
 * At start the entries in force are handed to the model, and every row, slot,
 * span and class that they reach is named as used, so that the new agent
 * builds beside them and switches once. Later the same walk finds drift:
 * entries that are not as they were written.
 */
#include "adopt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../datapath/ladder.h"
#include "../events/journal.h"
#include "../model/xalloc.h"
#include "agent.h"

static const enum wd_map entry_maps[] = {
	WD_MAP_wd_addr4, WD_MAP_wd_addr6, WD_MAP_wd_cidr4,
	WD_MAP_wd_cidr6, WD_MAP_wd_front, WD_MAP_wd_endpoint,
};
#define ENTRY_MAPS (sizeof(entry_maps) / sizeof(entry_maps[0]))

/* Room for the largest key and value of the entry maps. */
union any_key {
	struct wd_cidr6_key cidr6;
	struct wd_front_key front;
	uint32_t ifindex;
};
union any_val {
	struct wd_addr_val addr;
	struct wd_front_val front;
	struct wd_endpoint_val ep;
};

typedef int (*entry_fn)(void *ctx, enum wd_map map, const void *key,
			const void *val);

static int each_entry(struct wd_datapath *dp, enum wd_map map, entry_fn fn,
		      void *ctx)
{
	union any_key key;
	union any_key next;
	union any_val val;
	const void *prev = NULL;
	int err;

	for (;;) {
		memset(&next, 0, sizeof(next));
		err = wd_map_next(dp, map, prev, &next);
		if (err)
			return err == -ENOENT ? 0 : err;
		err = wd_map_get(dp, map, &next, &val);
		if (!err)
			err = fn(ctx, map, &next, &val);
		else if (err == -ENOENT)
			err = 0;
		if (err)
			return err;
		key = next;
		prev = &key;
	}
}

/* ---- adoption ---- */

struct reach {
	struct wd_agent *agent;
	bool row[WD_ROWS_MAX];
	bool slot[WD_SLOTS_MAX];
	bool span[WD_SPANS_MAX];
	bool class[WD_CLASSES_MAX];
};

static int reach_spans(struct reach *r, const struct wd_slot_val *slot, int l4)
{
	const struct wd_span_val *span =
		wd_map_window(r->agent->dp, WD_MAP_wd_span);

	for (uint32_t i = 0; i < slot->cnt[l4] && i < WD_SPANS_PER_SLOT; i++) {
		uint32_t at = (slot->first[l4] + i) % WD_SPANS_MAX;
		int err = wd_map_reach(r->agent->dp, WD_MAP_wd_span, at, 1);

		if (err)
			return err;
		r->span[at] = true;
		r->class[span[at].class % WD_CLASSES_MAX] = true;
	}
	return 0;
}

static int reach_slot(struct reach *r, uint32_t nr)
{
	const struct wd_slot_val *slot =
		wd_map_window(r->agent->dp, WD_MAP_wd_slot);
	int err;

	if (nr >= WD_SLOTS_MAX)
		return 0;
	r->slot[nr] = true;
	err = wd_map_reach(r->agent->dp, WD_MAP_wd_slot, nr * WD_DIR__MAX,
			   WD_DIR__MAX);
	for (int dir = 0; dir < WD_DIR__MAX && !err; dir++) {
		const struct wd_slot_val *s =
			&slot[nr * WD_DIR__MAX + (uint32_t)dir];

		for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
			err = reach_spans(r, s, l4);
	}
	return err;
}

static int reach_entry(void *ctx, enum wd_map map, const void *key,
		       const void *val)
{
	struct reach *r = ctx;
	int err = 0;

	if (map == WD_MAP_wd_endpoint) {
		const struct wd_endpoint_val *ep = val;

		for (int i = 0; i < 2 && !err; i++) {
			err = reach_slot(r, ep->slot[i]);
			if (!err)
				err = reach_slot(r, ep->trial[i]);
		}
	} else {
		const struct wd_addr_val *addr = val;

		r->row[addr->row[0] % WD_ROWS_MAX] = true;
		r->row[addr->row[1] % WD_ROWS_MAX] = true;
	}
	wd_model_adopt_entry(r->agent->model, map, key, val);
	return err;
}

static bool reach_used(void *ctx, enum wd_map map, uint32_t index)
{
	const struct reach *r = ctx;

	switch ((int)map) {
	case WD_MAP_wd_row:
		return r->row[index];
	case WD_MAP_wd_slot:
		return r->slot[index];
	case WD_MAP_wd_span:
		return r->span[index];
	case WD_MAP_wd_class:
		return r->class[index];
	}
	return true;
}

static int adopt_rules(struct reach *r)
{
	struct wd_class_val val;

	for (uint32_t nr = 1; nr < WD_CLASSES_MAX; nr++) {
		int err;

		if (!r->class[nr])
			continue;
		err = wd_map_get(r->agent->dp, WD_MAP_wd_class, &nr, &val);
		if (err)
			return err;
		for (uint32_t i = 0; i < val.cnt && i < WD_CLASS_RULES; i++)
			wd_model_adopt_rule(r->agent->model, val.rule[i].id);
	}
	return 0;
}

int wd_adopt(struct wd_agent *agent)
{
	const struct wd_state_val *state =
		wd_map_mem(agent->dp, WD_MAP_wd_state);
	struct reach *r = wd_xcalloc(1, sizeof(*r));
	int err = 0;

	r->agent = agent;
	for (size_t i = 0; i < ENTRY_MAPS && !err; i++)
		err = each_entry(agent->dp, entry_maps[i], reach_entry, r);
	if (!err) {
		wd_model_adopt(agent->model, state->gen, reach_used, r);
		err = adopt_rules(r);
	}
	free(r);
	return err;
}

static int max_id(void *ctx, enum wd_map map, const void *key, const void *val)
{
	const struct wd_endpoint_val *ep = val;
	uint32_t *max = ctx;

	(void)map;
	(void)key;
	if (ep->id > *max && ep->id < WD_HOST_TRIED_KEY) /* not the host's */
		*max = ep->id;
	return 0;
}

unsigned int wd_adopt_max_endpoint_id(struct wd_agent *agent)
{
	uint32_t max = 0;

	if (each_entry(agent->dp, WD_MAP_wd_endpoint, max_id, &max))
		wd_warn("endpoints: reading wd_endpoint failed, numbers start after the saved one");
	return max;
}

/* ---- drift ---- */

struct drift {
	struct wd_agent *agent;
	int found;
	uint32_t seen;
	enum wd_map map;
};

static int drift_entry(void *ctx, enum wd_map map, const void *key,
		       const void *val)
{
	struct drift *d = ctx;
	const void *want = wd_model_wants(d->agent->model, map, key);
	size_t size = map == WD_MAP_wd_endpoint ?
			      sizeof(struct wd_endpoint_val) :
			      sizeof(struct wd_addr_val);

	d->seen++;
	if (want && memcmp(want, val, size) == 0)
		return 0;
	d->found++;
	wd_model_refresh(d->agent->model, map, key);
	return 0;
}

/* Entries that are missing are not met by the walk: count, and if too few, look each up. */
static int drift_missing(void *ctx, enum wd_map map, const void *key,
			 const void *want)
{
	struct drift *d = ctx;
	union any_val val;
	int err = wd_map_get(d->agent->dp, map, key, &val);

	(void)want;
	if (err != -ENOENT)
		return err;
	d->found++;
	wd_model_refresh(d->agent->model, map, key);
	return 0;
}

static int drift_map(struct drift *d, enum wd_map map)
{
	int err;

	d->map = map;
	d->seen = 0;
	err = each_entry(d->agent->dp, map, drift_entry, d);
	if (!err && d->seen < wd_model_wanted_cnt(d->agent->model, map))
		err = wd_model_wanted_each(d->agent->model, map, drift_missing,
					   d);
	return err;
}

/* The switches of the programs. The generation is mended by switching to the next one. */
static int drift_state(struct wd_agent *agent)
{
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);
	uint32_t rung = wd_ladder(agent->dp)->rung;
	struct wd_model_stats stats;
	uint32_t want = wd_agent_state_flags(agent);
	uint32_t have = __atomic_load_n(&state->flags, __ATOMIC_RELAXED);

	wd_model_stats(agent->model, &stats);
	if (stats.prefixes[0])
		want |= WD_STATE_CIDR4;
	if (stats.prefixes[1])
		want |= WD_STATE_CIDR6;
	if (stats.fronts)
		want |= WD_STATE_FRONTS;
	if (wd_model_closes(agent->model))
		want |= WD_STATE_CLOSED;
	/* A flag of a table that is empty again costs a lookup, no more. */
	have &= want | ~(uint32_t)(WD_STATE_CIDR4 | WD_STATE_CIDR6 |
				   WD_STATE_FRONTS | WD_STATE_CLOSED);
	if (have == want && state->gen == stats.gen &&
	    state->schema == WD_SCHEMA && state->rung == rung)
		return 0;
	state->schema = WD_SCHEMA;
	state->rung = rung;
	__atomic_store_n(&state->flags, want, __ATOMIC_RELEASE);
	wd_model_republish(agent->model);
	return 1;
}

void wd_drift_tell(struct wd_agent *agent, int found, bool repaired,
		   const char *fmt, ...)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_DRIFT,
		.level = WD_LOG_WARN,
		.about = json_object_new_object(),
	};
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	agent->drift.found += (uint64_t)found;
	if (repaired)
		agent->drift.repaired += (uint64_t)found;
	wd_json_int(happens.about, "found", found);
	wd_json_bool(happens.about, "repaired", repaired);
	wd_journal_tell(agent->journal, &happens, "%s, %s",
			text ? text : "drift",
			repaired ? "repaired" : "NOT repaired, trying again");
	free(text);
}

static int drift_maps(struct wd_agent *agent)
{
	struct drift d = { .agent = agent };
	int err = 0;

	for (size_t i = 0; i < ENTRY_MAPS && !err; i++)
		err = drift_map(&d, entry_maps[i]);
	d.found += wd_model_verify_arrays(agent->model);
	d.found += drift_state(agent);
	if (d.found)
		wd_drift_tell(agent, d.found, wd_agent_commit(agent) == 0,
			      "drift: %d map entries were not as written",
			      d.found);
	return err;
}

static int drift_pins(struct wd_agent *agent)
{
	int found;
	int err = wd_datapath_repin(agent->dp, &found);

	if (found)
		wd_drift_tell(agent, found, !err,
			      "drift: %d pins were gone or not ours", found);
	return err;
}

static void drift_failed(struct wd_agent *agent, const char *what, int err)
{
	if (asprintf(&agent->drift.error, "%s: %s", what, wd_errno(err)) < 0)
		agent->drift.error = NULL;
	wd_err("drift: %s: %s", what, wd_errno(err));
}

int wd_drift_check(struct wd_agent *agent)
{
	uint64_t before = agent->drift.found;
	int err;

	if (wd_model_dirty(agent->model) || wd_ladder(agent->dp)->frozen)
		return 0; /* the maps are about to change: compare them afterwards */
	free(agent->drift.error);
	agent->drift.error = NULL;
	err = drift_pins(agent);
	if (err)
		drift_failed(agent, "making pins again", err);
	err = drift_maps(agent);
	if (err)
		drift_failed(agent, "reading the maps", err);
	agent->drift.checks++;
	agent->drift.last_ms = wd_wall_ms();
	return err ? err : (int)(agent->drift.found - before);
}
