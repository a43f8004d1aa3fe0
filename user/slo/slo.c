/* SPDX-License-Identifier: GPL-2.0-only */
/* slo.c - see slo.h. */
#include "slo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../datapath/ladder.h"
#include "../events/journal.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "groups.h"
#include "guards.h"
#include "relax.h"

struct wd_slo {
	struct wd_agent *agent;
	struct wd_groups *groups;
	struct wd_guards guards;
	bool told; /* what was slow when the agent before ended */
};

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

uint32_t wd_slo_group(const struct wd_slo *slo, const char *ns)
{
	return wd_groups_of(slo->groups, ns);
}

int wd_slo_read(const struct wd_slo *slo, uint32_t group,
		struct wd_timing_val *ret_val)
{
	return wd_timing_read(slo->agent->dp, group, ret_val);
}

const struct wd_guards *wd_slo_guards(const struct wd_slo *slo)
{
	return &slo->guards;
}

const char *wd_timing_side_name(enum wd_timing_side side)
{
	return side == WD_TIMING_CLIENT ? "client" : "server";
}

/* ---- telling ---- */

static void put_span(struct json_object *obj, const char *key,
		     const struct wd_guard_span *span)
{
	obj = wd_json_object(obj, key);
	wd_json_int(obj, "handshakes", (int64_t)span->cnt);
	wd_json_int(obj, "p50_ns", (int64_t)span->p50_ns);
	wd_json_int(obj, "p99_ns", (int64_t)span->p99_ns);
}

static void tell_turn(const struct wd_slo *slo, const struct wd_guard *guard,
		      enum wd_timing_side at, enum wd_phase phase)
{
	const struct wd_guard_side *side = &guard->side[at];
	const struct wd_guard_span *last = &side->last, *base = &side->base;
	const char *name = wd_timing_side_name(at);
	struct wd_happens happens = {
		.what = WD_HAPPENS_SLO,
		.phase = phase,
		.level = phase == WD_BEGINS ? WD_LOG_WARN : WD_LOG_INFO,
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "namespace", guard->ns);
	wd_json_str(happens.about, "side", name);
	put_span(happens.about, "last", last);
	put_span(happens.about, "baseline", base);
	if (!last->cnt)
		wd_journal_tell(
			slo->agent->journal, &happens,
			"slo: namespace %s as %s: %s", guard->ns, name,
			phase == WD_BEGINS ?
				"slow when the agent before ended" :
				"no longer compared with that baseline");
	else
		wd_journal_tell(slo->agent->journal, &happens,
				"slo: namespace %s as %s: handshakes are %s: "
				"p50 %" PRIu64 " us, p99 %" PRIu64
				" us; baseline %" PRIu64 " and %" PRIu64 " us",
				guard->ns, name,
				phase == WD_BEGINS ? "slow" : "no longer slow",
				last->p50_ns / 1000, last->p99_ns / 1000,
				base->p50_ns / 1000, base->p99_ns / 1000);
}

/* Whether a side that was slow is measured: not any more, or again. */
static void tell_measured(const struct wd_slo *slo,
			  const struct wd_guard *guard, enum wd_timing_side at)
{
	const struct wd_guard_side *side = &guard->side[at];
	const char *name = wd_timing_side_name(at);
	struct wd_happens happens = {
		.what = WD_HAPPENS_SLO,
		.level = WD_LOG_INFO,
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "namespace", guard->ns);
	wd_json_str(happens.about, "side", name);
	wd_query_time(happens.about, "unmeasured_since", side->unmeasured_ms);
	wd_journal_tell(slo->agent->journal, &happens,
			"slo: namespace %s as %s: %s", guard->ns, name,
			side->unmeasured_ms ?
				"was slow, and is not measured any more" :
				"was slow, and is measured again");
}

/* Of the sides that are slow: it begins, or it is over. */
static void tell_all(const struct wd_slo *slo, const struct wd_guard *guard,
		     enum wd_phase phase)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		enum wd_timing_side at = (enum wd_timing_side)i;

		if (!guard->side[i].slow)
			continue;
		if (phase == WD_BEGINS && guard->side[i].unmeasured_ms)
			tell_measured(slo, guard, at);
		else
			tell_turn(slo, guard, at, phase);
	}
}

/* Of @was, which is not compared any more: what was slow is over. */
static void tell_over(const struct wd_slo *slo, struct wd_guard *was)
{
	for (int i = 0; i < WD_TIMING__MAX; i++)
		was->side[i].last = (struct wd_guard_span){};
	tell_all(slo, was, WD_ENDS);
}

/* @was: what the guard was until now. */
static void tell_taken(const struct wd_slo *slo, const struct wd_guard *guard,
		       struct wd_guard *was)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_SLO,
		.level = WD_LOG_INFO,
		.about = json_object_new_object(),
	};

	tell_over(slo, was);
	wd_json_str(happens.about, "namespace", guard->ns);
	wd_journal_tell(slo->agent->journal, &happens,
			"slo: namespace %s: baseline taken", guard->ns);
}

/* ---- windows ---- */

static void save(struct wd_slo *slo)
{
	bool was = slo->guards.unsaved;
	int err = wd_guards_write(&slo->guards, slo->agent->config.state_dir);

	if (err && !was)
		wd_warn("slo: writing what is known: %s, trying again",
			wd_errno(err));
}

static void begin_windows(struct wd_guard *guard,
			  const struct wd_timing_val *val, uint64_t now)
{
	*guard->began = *val;
	for (int i = 0; i < WD_TIMING__MAX; i++)
		guard->began_ms[i] = now;
}

/* Is there a side of which enough was counted for a baseline? */
static bool can_rebase(const struct wd_guard_terms *terms,
		       const struct wd_guard_span *span)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		if (span[i].cnt >= terms->least)
			return true;
	}
	return false;
}

static void rebase(struct wd_guard *guard, const struct wd_guard_span *span)
{
	static const struct wd_guard_span none;

	for (int i = 0; i < WD_TIMING__MAX; i++)
		wd_guard_rebase(&guard->side[i],
				span[i].cnt >= guard->terms.least ? &span[i] :
								    &none);
	guard->taken_ms = wd_wall_ms();
	guard->slow_ms = 0;
	guard->record_ms = 0;
}

static void record(struct wd_slo *slo, struct wd_guard *guard,
		   const struct wd_timing_val *val)
{
	struct wd_guard_span span[WD_TIMING__MAX];
	struct wd_guard was = *guard;

	for (int i = 0; i < WD_TIMING__MAX; i++)
		wd_guard_since(guard->began->cnt[i], val->cnt[i], &span[i]);
	if (!can_rebase(&guard->terms, span))
		return; /* it goes on until there are */
	rebase(guard, span);
	tell_taken(slo, guard, &was);
	begin_windows(guard, val, (uint64_t)wd_now_ms());
	slo->guards.unsaved = true;
}

static void judge(struct wd_slo *slo, struct wd_guard *guard,
		  enum wd_timing_side at, const uint32_t *cnt)
{
	struct wd_guard_side *side = &guard->side[at];
	bool lapsed = side->unmeasured_ms != 0;
	struct wd_guard_span span;
	enum wd_guard_turn turn;

	wd_guard_since(guard->began->cnt[at], cnt, &span);
	if (span.cnt < guard->terms.least)
		return; /* the window goes on */
	turn = wd_guard_judge(side, &guard->terms, &span);
	memcpy(guard->began->cnt[at], cnt, sizeof(guard->began->cnt[at]));
	guard->began_ms[at] = (uint64_t)wd_now_ms();
	side->heard_ms = guard->began_ms[at];
	if (lapsed) {
		slo->guards.unsaved = true;
		if (side->slow)
			tell_measured(slo, guard, at);
	}
	if (turn == WD_GUARD_STAYS)
		return;
	if (!wd_guard_is_slow(guard))
		guard->slow_ms = 0;
	else if (!guard->slow_ms)
		guard->slow_ms = wd_wall_ms();
	tell_turn(slo, guard, at,
		  turn == WD_GUARD_BEGINS ? WD_BEGINS : WD_ENDS);
	slo->guards.unsaved = true;
}

/* Is it time to look at a window? Each second where it is over, no sooner. */
static bool is_due(const struct wd_guard *guard, int side, uint64_t now)
{
	uint32_t ms = guard->record_ms ?: guard->terms.window_ms;

	return now - guard->began_ms[side] >= ms;
}

/* Before anything else: it is so as well where nothing can be read. */
static void lapse(struct wd_slo *slo, struct wd_guard *guard, uint64_t now)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		if (!wd_guard_lapse(&guard->side[i], &guard->terms, now,
				    wd_wall_ms()))
			continue;
		slo->guards.unsaved = true;
		if (guard->side[i].slow)
			tell_measured(slo, guard, (enum wd_timing_side)i);
	}
}

static void tend(struct wd_slo *slo, struct wd_guard *guard)
{
	static struct wd_timing_val val; /* large for a stack */
	uint64_t now = (uint64_t)wd_now_ms();
	const char *ns = guard->ns;
	uint32_t group = wd_groups_of(slo->groups, ns);
	bool is_new = group != guard->group;
	bool due[WD_TIMING__MAX];
	bool any = is_new;

	lapse(slo, guard, now);
	guard->group = group;
	if (group == WD_GROUP_REST)
		return;
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		due[i] = is_due(guard, i, now);
		any |= due[i];
	}
	if (!any || wd_slo_read(slo, group, &val)) {
		/* what cannot be read now is not counted for either */
		guard->group = is_new ? WD_GROUP_REST : group;
		return;
	}
	if (is_new) {
		begin_windows(guard, &val, now);
		return;
	}
	if (guard->record_ms) {
		record(slo, guard, &val);
		return;
	}
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		if (due[i])
			judge(slo, guard, (enum wd_timing_side)i, val.cnt[i]);
	}
}

/* What was slow was a namespace that is no more. Its terms stay: the operator's. */
static void forget(struct wd_slo *slo, struct wd_guard *guard)
{
	struct wd_guard was = *guard;

	for (int i = 0; i < WD_TIMING__MAX; i++) {
		wd_guard_anew(&guard->side[i]);
		guard->side[i].slow = false;
	}
	guard->slow_ms = 0;
	tell_over(slo, &was);
	slo->guards.unsaved = true;
}

void wd_slo_tick(struct wd_slo *slo)
{
	wd_groups_tend(slo->groups, slo->agent);
	for (size_t i = 0; i < slo->guards.cnt; i++) {
		struct wd_guard *guard = slo->guards.guard[i];

		if (!slo->told)
			tell_all(slo, guard, WD_BEGINS);
		if (wd_relax_lost(slo->agent, guard))
			forget(slo, guard);
		tend(slo, guard);
		slo->guards.unsaved |= wd_relax_tend(slo->agent, guard);
	}
	slo->told = true;
	if (slo->guards.unsaved)
		save(slo);
}

/* ---- what people ask for ---- */

/* What was changed must be in the file, or it is not changed. */
static int keep(struct wd_slo *slo, struct wd_guard *guard,
		const struct wd_guard *was, char **ret_error)
{
	bool unsaved = slo->guards.unsaved;
	int err = wd_guards_write(&slo->guards, slo->agent->config.state_dir);

	if (!err)
		return 0;
	*ret_error = wd_xprintf("slo.json cannot be written: %s, so nothing "
				"is changed",
				wd_errno(err));
	slo->guards.unsaved = unsaved; /* what was, and may wait to be saved */
	if (was) {
		*guard = *was;
		return err;
	}
	wd_guards_take(&slo->guards, guard);
	wd_guard_free(guard);
	return err;
}

static struct wd_guard *get(struct wd_slo *slo, const char *ns,
			    char **ret_error)
{
	struct wd_guard *guard = wd_guards_get(&slo->guards, ns);

	if (!guard)
		*ret_error = wd_xprintf("%d namespaces are guarded, which is "
					"the most; clear another one",
					WD_GUARDS_MAX);
	return guard;
}

/* What was counted so far in the namespace's group. */
static int read_spans(const struct wd_slo *slo, const char *ns,
		      struct wd_guard_span *ret_span, char **ret_error)
{
	static struct wd_timing_val val; /* large for a stack */
	uint32_t group = WD_GROUP_REST;
	const char *name = "";
	int err;

	while ((group = wd_slo_next(slo, group, &name))) {
		if (!strcmp(name, ns))
			break;
	}
	err = group == WD_GROUP_REST ? -ENODATA : wd_slo_read(slo, group, &val);
	if (err) {
		*ret_error = group == WD_GROUP_REST ?
				     wd_xstrdup("no pod of this namespace was "
						"on this node") :
				     wd_xprintf("reading its histogram: %s",
						wd_errno(err));
		return err;
	}
	for (int i = 0; i < WD_TIMING__MAX; i++)
		wd_guard_span_of(val.cnt[i], &ret_span[i]);
	return 0;
}

static int baseline_now(struct wd_slo *slo, const char *ns, char **ret_error)
{
	const struct wd_guard *known = wd_guards_find(&slo->guards, ns);
	struct wd_guard_span span[WD_TIMING__MAX];
	struct wd_guard_terms terms;
	struct wd_guard *guard;
	struct wd_guard was;
	int err = read_spans(slo, ns, span, ret_error);

	if (err)
		return err;
	terms = known ? known->terms : slo->guards.terms;
	if (!can_rebase(&terms, span)) {
		*ret_error = wd_xprintf(
			"%" PRIu64 " handshakes were counted as client and "
			"%" PRIu64 " as server; a baseline needs %u of one "
			"(`warder slo set %s --least`)",
			span[WD_TIMING_CLIENT].cnt, span[WD_TIMING_SERVER].cnt,
			terms.least, ns);
		return -ENODATA;
	}
	guard = get(slo, ns, ret_error);
	if (!guard)
		return -ENOSPC;
	was = *guard;
	guard->group = WD_GROUP_REST; /* windows begin anew */
	rebase(guard, span);
	err = keep(slo, guard, known ? &was : NULL, ret_error);
	if (!err)
		tell_taken(slo, guard, &was);
	return err;
}

int wd_slo_baseline(struct wd_slo *slo, const char *ns, uint32_t for_ms,
		    char **ret_error)
{
	const struct wd_guard *known = wd_guards_find(&slo->guards, ns);
	struct wd_guard *guard;
	struct wd_guard was;

	if (!for_ms)
		return baseline_now(slo, ns, ret_error);
	guard = get(slo, ns, ret_error);
	if (!guard)
		return -ENOSPC;
	was = *guard;
	guard->record_ms = for_ms;
	guard->group = WD_GROUP_REST; /* from now on */
	return keep(slo, guard, known ? &was : NULL, ret_error);
}

int wd_slo_set(struct wd_slo *slo, const char *ns,
	       const struct wd_guard_terms *terms,
	       const struct wd_guard_own *own, char **ret_error)
{
	const struct wd_guard *known = wd_guards_find(&slo->guards, ns);
	const char *why = wd_guard_terms_check(terms);
	struct wd_guard *guard;
	struct wd_guard was;
	int err;

	if (why) {
		*ret_error = wd_xstrdup(why);
		return -EINVAL;
	}
	guard = get(slo, ns, ret_error);
	if (!guard)
		return -ENOSPC;
	was = *guard;
	wd_guard_set(guard, terms, own);
	for (int i = 0; i < WD_TIMING__MAX; i++)
		wd_guard_anew(&guard->side[i]);
	if (terms->action != WD_GUARD_AUDIT)
		guard->audit_ms = 0;
	err = keep(slo, guard, known ? &was : NULL, ret_error);
	if (!err && terms->action != WD_GUARD_AUDIT)
		wd_relax_end(slo->agent, &was);
	return err;
}

int wd_slo_clear(struct wd_slo *slo, const char *ns, char **ret_error)
{
	struct wd_guard *guard = wd_guards_find(&slo->guards, ns);
	bool unsaved = slo->guards.unsaved;
	int err;

	if (!guard) {
		*ret_error = wd_xstrdup("is not guarded");
		return -ENOENT;
	}
	wd_guards_take(&slo->guards, guard);
	err = wd_guards_write(&slo->guards, slo->agent->config.state_dir);
	if (err) {
		*ret_error = wd_xprintf("slo.json cannot be written: %s, so "
					"nothing is changed",
					wd_errno(err));
		wd_guards_add(&slo->guards, guard);
		slo->guards.unsaved = unsaved;
		return err;
	}
	tell_over(slo, guard);
	wd_relax_end(slo->agent, guard);
	wd_guard_free(guard);
	return 0;
}

/* ---- the account of it ---- */

static void put_slow(const struct wd_guard *guard, struct json_object *array)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		const struct wd_guard_side *side = &guard->side[i];
		struct json_object *obj;

		if (!side->slow)
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", guard->ns);
		wd_json_str(obj, "side",
			    wd_timing_side_name((enum wd_timing_side)i));
		wd_query_time(obj, "since", guard->slow_ms);
		wd_query_time(obj, "unmeasured_since", side->unmeasured_ms);
		put_span(obj, "last", &side->last);
		put_span(obj, "baseline", &side->base);
	}
}

void wd_slo_put(const struct wd_slo *slo, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "slo");
	struct json_object *array = wd_json_array(obj, "slow");
	struct json_object *audit = wd_json_array(obj, "audit");
	int64_t guarded = 0;

	for (size_t i = 0; slo && i < slo->guards.cnt; i++) {
		guarded += slo->guards.guard[i]->taken_ms != 0;
		put_slow(slo->guards.guard[i], array);
		wd_relax_put(slo->agent, slo->guards.guard[i], audit);
	}
	wd_json_int(obj, "guarded", guarded);
}

/* ---- the whole ---- */

struct wd_slo *wd_slo_new(struct wd_agent *agent)
{
	struct wd_slo *slo = wd_xcalloc(1, sizeof(*slo));

	slo->agent = agent;
	slo->groups = wd_groups_new();
	slo->guards.terms = agent->config.slo;
	wd_guards_read(&slo->guards, agent->config.state_dir);
	for (size_t i = 0; i < slo->guards.cnt; i++)
		wd_relax_again(agent, slo->guards.guard[i]);
	return slo;
}

void wd_slo_free(struct wd_slo *slo)
{
	if (!slo)
		return;
	wd_guards_fini(&slo->guards);
	wd_groups_free(slo->groups);
	free(slo);
}
