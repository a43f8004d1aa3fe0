/* SPDX-License-Identifier: GPL-2.0-only */
/* handshakes.c - see handshakes.h. */
#include "metrics/handshakes.h"

#include "agent/agent.h"
#include "base/json.h"
#include "metrics/collect.h"
#include "slo/guards.h"
#include "slo/hist.h"
#include "slo/slo.h"

/*
 * Of each doubling the histogram has WD_TIMING_PARTS steps: buckets are whole
 * doublings, whose ends are ends of steps, so nothing is guessed. The sum is: a
 * time counts as the middle of its step, 3 % off at most.
 */
static void put_side(const uint32_t *cnt, struct json_object *obj)
{
	struct json_object *array = wd_json_array(obj, "below");
	uint64_t below = 0;
	double sum_ns = 0;

	for (uint32_t i = 0; i < WD_TIMING_STEPS; i++) {
		uint64_t from = wd_hist_floor_ns(i);

		if (i % WD_TIMING_PARTS == 0 &&
		    i / WD_TIMING_PARTS >= WD_HANDSHAKES_FIRST)
			json_object_array_add(
				array, json_object_new_int64((int64_t)below));
		below += cnt[i];
		sum_ns += cnt[i] *
			  ((double)from + (double)wd_hist_floor_ns(i + 1)) / 2;
	}
	wd_json_int(obj, "count", (int64_t)below);
	wd_json_int(obj, "sum_ns", (int64_t)sum_ns);
}

static void put_group(const struct wd_agent *agent, uint32_t group,
		      const char *ns, struct json_object *array)
{
	static struct wd_timing_val val; /* large for a stack */

	if (wd_slo_read(agent->slo, group, &val))
		return; /* nothing is counted where there is no map */
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		struct json_object *obj;

		if (!wd_hist_sum(val.cnt[i]))
			continue; /* most namespaces have one side only */
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", ns);
		wd_json_str(obj, "side",
			    wd_timing_side_name((enum wd_timing_side)i));
		put_side(val.cnt[i], obj);
	}
}

static void put_guard(const struct wd_guard *guard, struct json_object *array)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		const struct wd_guard_side *side = &guard->side[i];
		struct json_object *obj;

		if (!side->base.cnt)
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", guard->ns);
		wd_json_str(obj, "side",
			    wd_timing_side_name((enum wd_timing_side)i));
		if (!side->unmeasured_ms) /* else it is not known */
			wd_json_bool(obj, "slow", side->slow);
		wd_json_int(obj, "baseline_p50_ns", (int64_t)side->base.p50_ns);
		wd_json_int(obj, "baseline_p99_ns", (int64_t)side->base.p99_ns);
		wd_json_int(obj, "last_p50_ns", (int64_t)side->last.p50_ns);
		wd_json_int(obj, "last_p99_ns", (int64_t)side->last.p99_ns);
	}
}

/* Only where it may be put in audit: there it is 0 or 1. */
static void put_audit(const struct wd_guard *guard, struct json_object *array)
{
	struct json_object *obj;

	if (guard->terms.action != WD_GUARD_AUDIT)
		return;
	obj = wd_json_push(array);
	wd_json_str(obj, "namespace", guard->ns);
	wd_json_bool(obj, "audit", guard->audit_ms != 0);
}

void wd_handshakes_collect(const struct wd_agent *agent,
			   struct json_object *doc)
{
	struct json_object *counted = wd_json_array(doc, "handshakes");
	struct json_object *guarded = wd_json_array(doc, "guards");
	struct json_object *audit = wd_json_array(doc, "guards_audit");
	const struct wd_guards *guards;

	if (!agent->slo)
		return;
	guards = wd_slo_guards(agent->slo);
	for (size_t i = 0; i < guards->cnt; i++) {
		const struct wd_guard *guard = guards->guard[i];
		uint32_t group = wd_slo_group(agent->slo, guard->ns);

		if (group != WD_GROUP_REST)
			put_group(agent, group, guard->ns, counted);
		put_guard(guard, guarded);
		put_audit(guard, audit);
	}
}
