/* SPDX-License-Identifier: GPL-2.0-only */
/* guards.c - see guards.h. */
#include "guards.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/statefile.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../model/intern.h"
#include "../model/xalloc.h"
#include "slo.h"

#define NAME "slo.json"

void wd_guards_fini(struct wd_guards *guards)
{
	while (guards->cnt)
		wd_guard_free(guards->guard[--guards->cnt]);
}

struct wd_guard *wd_guards_find(const struct wd_guards *guards, const char *ns)
{
	for (size_t i = 0; i < guards->cnt; i++) {
		if (!strcmp(guards->guard[i]->ns, ns))
			return guards->guard[i];
	}
	return NULL;
}

struct wd_guard *wd_guards_get(struct wd_guards *guards, const char *ns)
{
	struct wd_guard *guard = wd_guards_find(guards, ns);

	if (guard || guards->cnt == WD_GUARDS_MAX)
		return guard;
	guard = wd_xcalloc(1, sizeof(*guard));
	guard->ns = wd_str_get(ns);
	guard->began = wd_xcalloc(1, sizeof(*guard->began));
	guard->terms = guards->terms;
	wd_guards_add(guards, guard);
	return guard;
}

void wd_guards_take(struct wd_guards *guards, struct wd_guard *guard)
{
	for (size_t i = 0; i < guards->cnt; i++) {
		if (guards->guard[i] != guard)
			continue;
		guards->guard[i] = guards->guard[--guards->cnt];
		return;
	}
}

void wd_guards_add(struct wd_guards *guards, struct wd_guard *guard)
{
	guards->guard[guards->cnt++] = guard;
}

void wd_guard_free(struct wd_guard *guard)
{
	wd_str_put(guard->ns);
	wd_str_put(guard->audit_uid);
	free(guard->began);
	free(guard);
}

void wd_guard_set(struct wd_guard *guard, const struct wd_guard_terms *terms,
		  const struct wd_guard_own *own)
{
	guard->terms = *terms;
	guard->own.figures |= own->figures;
	guard->own.action |= own->action;
}

bool wd_guard_is_slow(const struct wd_guard *guard)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		if (guard->side[i].slow)
			return true;
	}
	return false;
}

int64_t wd_guard_unmeasured_ms(const struct wd_guard *guard)
{
	int64_t last_ms = 0;

	for (int i = 0; i < WD_TIMING__MAX; i++) {
		const struct wd_guard_side *side = &guard->side[i];

		if (side->slow && !side->unmeasured_ms)
			return 0;
		if (side->slow && side->unmeasured_ms > last_ms)
			last_ms = side->unmeasured_ms;
	}
	return last_ms;
}

/* ---- the file ---- */

static uint32_t get_u32(struct json_object *obj, const char *key)
{
	int64_t value = wd_json_get_int(obj, key);

	return value < 0 || value > UINT32_MAX ? 0 : (uint32_t)value;
}

static uint64_t get_u64(struct json_object *obj, const char *key)
{
	int64_t value = wd_json_get_int(obj, key);

	return value < 0 ? 0 : (uint64_t)value;
}

/* Nothing is opened but what surely was, for the namespace that it was for. */
static void read_audit(struct wd_guard *guard, struct json_object *obj)
{
	const char *why = NULL;

	guard->audit_ms = wd_json_get_int(obj, "audit_ms");
	if (!guard->audit_ms)
		return;
	if (guard->terms.action != WD_GUARD_AUDIT)
		why = "its action is not audit";
	else if (!wd_json_get(obj, "audit_uid"))
		why = "it has no audit_uid";
	if (!why) {
		guard->audit_uid =
			wd_str_get(wd_json_get_str(obj, "audit_uid"));
		return;
	}
	wd_warn("slo: %s: '%s' was in audit, which is not taken up again: %s",
		NAME, guard->ns, why);
	guard->audit_ms = 0;
}

static bool same_figures(const struct wd_guard_terms *a,
			 const struct wd_guard_terms *b)
{
	return a->p50 == b->p50 && a->p99 == b->p99 &&
	       a->more_us == b->more_us && a->window_ms == b->window_ms &&
	       a->least == b->least && a->times == b->times;
}

/*
 * Of an agent that did not write whose the terms are: other figures than the
 * config's are its own, and so is alarm. Audit, which opens the namespace, is not:
 * that may be of a config that has been changed since, so that must be said again.
 */
static void read_old_own(struct wd_guards *guards, const char *ns,
			 const char *action, const struct wd_guard_terms *terms,
			 struct wd_guard_own *ret_own)
{
	bool other = *action && terms->action != guards->terms.action;

	ret_own->figures = !same_figures(terms, &guards->terms);
	ret_own->action = other && terms->action == WD_GUARD_ALARM;
	if (other)
		wd_warn("slo: %s: '%s' has the action %s, the agent's slo-action is "
			"%s, and the file does not say who said so: it is alarm; "
			"`warder slo set %s --action audit` if audit is meant",
			NAME, ns, action,
			wd_guard_action_name(guards->terms.action), ns);
	guards->unsaved = true;
}

/* The terms of its own; what is not is the config's, whatever it was then. */
static const char *read_terms(struct wd_guards *guards, struct json_object *obj,
			      struct wd_guard_terms *ret_terms,
			      struct wd_guard_own *ret_own)
{
	const char *action = wd_json_get_str(obj, "action");
	struct wd_guard_terms terms = {
		.p50 = get_u32(obj, "p50_percent"),
		.p99 = get_u32(obj, "p99_percent"),
		.more_us = get_u32(obj, "more_us"),
		.window_ms = get_u32(obj, "window_ms"),
		.least = get_u32(obj, "least"),
		.times = get_u32(obj, "times"),
	};

	*ret_terms = guards->terms;
	/* one of an agent before 'audit' was known has none */
	if (*action && wd_guard_action_parse(action, &terms.action))
		return "its action is neither alarm nor audit";
	ret_own->figures = wd_json_get_bool(obj, "own_figures");
	ret_own->action = wd_json_get_bool(obj, "own_action");
	if (!wd_json_get(obj, "own_action"))
		read_old_own(guards, wd_json_get_str(obj, "namespace"), action,
			     &terms, ret_own);
	if (ret_own->figures)
		*ret_terms = terms;
	ret_terms->action = ret_own->action ? terms.action :
					      guards->terms.action;
	return wd_guard_terms_check(ret_terms);
}

static void read_one(struct wd_guards *guards, struct json_object *obj)
{
	const char *ns = wd_json_get_str(obj, "namespace");
	struct wd_guard_own own = {};
	struct wd_guard_terms terms;
	const char *why = *ns ? read_terms(guards, obj, &terms, &own) :
				"no namespace";
	struct wd_guard *guard;

	guard = why ? NULL : wd_guards_get(guards, ns);
	if (!guard) {
		wd_warn("slo: %s: '%s': %s, ignoring", NAME, ns,
			why ?: "too many");
		return;
	}
	wd_guard_set(guard, &terms, &own);
	guard->taken_ms = wd_json_get_int(obj, "taken_ms");
	guard->slow_ms = wd_json_get_int(obj, "slow_ms");
	read_audit(guard, obj);
	/* or another start, by another config, would take it up */
	guards->unsaved |= !guard->audit_ms && wd_json_get_int(obj, "audit_ms");
	guard->record_ms = get_u32(obj, "record_ms");
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		struct json_object *side = wd_json_get(
			obj, wd_timing_side_name((enum wd_timing_side)i));

		guard->side[i].base = (struct wd_guard_span){
			.cnt = get_u64(side, "handshakes"),
			.p50_ns = get_u64(side, "p50_ns"),
			.p99_ns = get_u64(side, "p99_ns"),
		};
		guard->side[i].slow = wd_json_get_bool(side, "slow");
		guard->side[i].unmeasured_ms =
			wd_json_get_int(side, "unmeasured_ms");
	}
}

void wd_guards_read(struct wd_guards *guards, const char *state_dir)
{
	struct json_object *doc;
	int err = wd_statefile_read(state_dir, NAME, &doc);

	if (err) {
		if (err != -ENOENT)
			wd_warn("slo: reading %s: %s, baselines are forgotten",
				NAME, wd_errno(err));
		return;
	}
	for (size_t i = 0; i < wd_json_len(doc, "namespaces"); i++)
		read_one(guards, wd_json_at(doc, "namespaces", i));
	json_object_put(doc);
}

static void write_one(const struct wd_guard *guard, struct json_object *obj)
{
	wd_json_str(obj, "namespace", guard->ns);
	wd_json_int(obj, "p50_percent", guard->terms.p50);
	wd_json_int(obj, "p99_percent", guard->terms.p99);
	wd_json_int(obj, "more_us", guard->terms.more_us);
	wd_json_int(obj, "window_ms", guard->terms.window_ms);
	wd_json_int(obj, "least", guard->terms.least);
	wd_json_int(obj, "times", guard->terms.times);
	wd_json_str(obj, "action", wd_guard_action_name(guard->terms.action));
	wd_json_bool(obj, "own_figures", guard->own.figures);
	wd_json_bool(obj, "own_action", guard->own.action);
	wd_json_int(obj, "audit_ms", guard->audit_ms);
	if (guard->audit_ms)
		wd_json_str(obj, "audit_uid", guard->audit_uid);
	wd_json_int(obj, "taken_ms", guard->taken_ms);
	wd_json_int(obj, "slow_ms", guard->slow_ms);
	wd_json_int(obj, "record_ms", guard->record_ms);
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		const struct wd_guard_side *side = &guard->side[i];
		struct json_object *to = wd_json_object(
			obj, wd_timing_side_name((enum wd_timing_side)i));

		wd_json_int(to, "handshakes", (int64_t)side->base.cnt);
		wd_json_int(to, "p50_ns", (int64_t)side->base.p50_ns);
		wd_json_int(to, "p99_ns", (int64_t)side->base.p99_ns);
		wd_json_bool(to, "slow", side->slow);
		wd_json_int(to, "unmeasured_ms", side->unmeasured_ms);
	}
}

int wd_guards_write(struct wd_guards *guards, const char *state_dir)
{
	struct json_object *doc = json_object_new_object(), *array;
	int err;

	wd_json_int(doc, "version", 1);
	array = wd_json_array(doc, "namespaces");
	for (size_t i = 0; i < guards->cnt; i++)
		write_one(guards->guard[i], wd_json_push(array));
	err = wd_statefile_write(state_dir, NAME, doc);
	json_object_put(doc);
	guards->unsaved = err != 0;
	return err;
}
