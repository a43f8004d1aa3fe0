// SPDX-License-Identifier: GPL-2.0-only
/*
 * query_slo.c - how long handshakes take, by namespace, and the guard over it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../slo/guards.h"
#include "../slo/hist.h"
#include "../slo/slo.h"
#include "query.h"

#define DAY_MS 86400000

/* ---- slo status ---- */

static void put_counted(const uint32_t *cnt, struct json_object *obj)
{
	wd_json_int(obj, "handshakes", (int64_t)wd_hist_sum(cnt));
	wd_json_int(obj, "p50_ns", (int64_t)wd_hist_share_ns(cnt, 500));
	wd_json_int(obj, "p99_ns", (int64_t)wd_hist_share_ns(cnt, 990));
}

static void put_span(struct json_object *obj, const char *key,
		     const struct wd_guard_span *span)
{
	if (!span->cnt) {
		wd_json_add(obj, key, NULL);
		return;
	}
	obj = wd_json_object(obj, key);
	wd_json_int(obj, "handshakes", (int64_t)span->cnt);
	wd_json_int(obj, "p50_ns", (int64_t)span->p50_ns);
	wd_json_int(obj, "p99_ns", (int64_t)span->p99_ns);
}

static const char *state_of(const struct wd_guard *guard,
			    const struct wd_guard_side *side)
{
	if (guard->record_ms)
		return "recording";
	if (!side->base.cnt)
		return "no baseline";
	if (side->unmeasured_ms)
		return "not measured";
	if (side->slow)
		return "slow";
	return side->last.cnt ? "ok" : "waiting";
}

static void put_guarded(const struct wd_guard *guard, int at,
			struct json_object *obj)
{
	if (!guard) {
		wd_json_str(obj, "guard", NULL);
		return;
	}
	wd_json_str(obj, "guard", state_of(guard, &guard->side[at]));
	put_span(obj, "baseline", &guard->side[at].base);
	put_span(obj, "last", &guard->side[at].last);
	wd_query_time(obj, "unmeasured_since", guard->side[at].unmeasured_ms);
}

/* @guard: NULL none */
static void put_sides(const struct wd_timing_val *val,
		      const struct wd_guard *guard, struct json_object *array)
{
	for (int side = 0; side < WD_TIMING__MAX; side++) {
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "side",
			    wd_timing_side_name((enum wd_timing_side)side));
		put_counted(val->cnt[side], obj);
		put_guarded(guard, side, obj);
	}
}

/* Both sides of a group, in @array. @guard: NULL none */
static void put_group(const struct wd_slo *slo, uint32_t group,
		      const struct wd_guard *guard, struct json_object *array)
{
	static struct wd_timing_val val; /* large for a stack */
	int err = wd_slo_read(slo, group, &val);

	if (err) {
		wd_debug("slo: reading group %u: %s", group, wd_errno(err));
		if (!guard)
			return;
		memset(&val, 0, sizeof(val));
	}
	put_sides(&val, guard, array);
}

static void put_terms(const struct wd_guard *guard, struct json_object *obj)
{
	const struct wd_guard_terms *terms;

	if (!guard) {
		wd_json_add(obj, "guard", NULL);
		return;
	}
	terms = &guard->terms;
	obj = wd_json_object(obj, "guard");
	wd_json_int(obj, "p50_percent", terms->p50);
	wd_json_int(obj, "p99_percent", terms->p99);
	wd_json_int(obj, "more_us", terms->more_us);
	wd_json_int(obj, "window_ms", terms->window_ms);
	wd_json_int(obj, "least", terms->least);
	wd_json_int(obj, "times", terms->times);
	wd_json_str(obj, "action", wd_guard_action_name(terms->action));
	wd_json_bool(obj, "own_figures", guard->own.figures);
	wd_json_bool(obj, "own_action", guard->own.action);
	wd_query_time(obj, "audit_since", guard->audit_ms);
	wd_query_time(obj, "taken", guard->taken_ms);
	wd_query_time(obj, "slow_since", guard->slow_ms);
	wd_query_time(obj, "unmeasured_since", wd_guard_unmeasured_ms(guard));
	wd_json_int(obj, "recording_ms", guard->record_ms);
}

static void put_namespace(const struct wd_slo *slo, uint32_t group,
			  const char *ns, struct json_object *array)
{
	const struct wd_guard *guard = wd_guards_find(wd_slo_guards(slo), ns);
	struct json_object *obj = wd_json_push(array);

	wd_json_str(obj, "namespace", ns);
	put_terms(guard, obj);
	put_group(slo, group, guard, wd_json_array(obj, "sides"));
}

/* Guarded ones whose pods are elsewhere now. */
static void put_absent(const struct wd_slo *slo, const char *only,
		       struct json_object *array)
{
	static const struct wd_timing_val none;
	const struct wd_guards *guards = wd_slo_guards(slo);

	for (size_t i = 0; i < guards->cnt; i++) {
		const struct wd_guard *guard = guards->guard[i];
		struct json_object *obj;

		if (*only && strcmp(only, guard->ns) != 0)
			continue;
		if (wd_slo_group(slo, guard->ns) != WD_GROUP_REST)
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", guard->ns);
		put_terms(guard, obj);
		put_sides(&none, guard, wd_json_array(obj, "sides"));
	}
}

static bool is_there(const struct wd_agent *agent, struct wd_ctl_conn *conn)
{
	if (!agent->slo)
		wd_ctl_error(conn, 3, "slo", "the agent is still starting");
	return agent->slo != NULL;
}

void wd_query_slo_status(void *ctx, struct wd_ctl_conn *conn,
			 struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *only = wd_json_get_str(req, "namespace");
	struct json_object *doc, *array;
	uint32_t group = WD_GROUP_REST;
	const char *ns = NULL, *why;

	wd_query_no_fd(fd);
	if (!is_there(agent, conn))
		return;
	why = wd_slo_why_not(agent->slo);
	doc = json_object_new_object();
	array = wd_json_array(doc, "namespaces");
	wd_json_bool(doc, "measured", !why);
	wd_json_str(doc, "why_not", why);
	while ((group = wd_slo_next(agent->slo, group, &ns))) {
		if (!*only || !strcmp(only, ns))
			put_namespace(agent->slo, group, ns, array);
	}
	put_absent(agent->slo, only, array);
	put_group(agent->slo, WD_GROUP_REST, NULL,
		  wd_json_array(doc, "others"));
	if (*only && !json_object_array_length(array)) {
		json_object_put(doc);
		wd_ctl_error(conn, 1, only,
			     "no pod of this namespace was on this node");
		return;
	}
	wd_ctl_reply(conn, doc);
}

/* ---- what changes the guard ---- */

/* What became of it: the same document as of `slo status NS`. */
static void answer(const struct wd_agent *agent, struct wd_ctl_conn *conn,
		   const char *ns, int err, char *error)
{
	const struct wd_guard *guard =
		wd_guards_find(wd_slo_guards(agent->slo), ns);
	struct json_object *doc;

	if (err) {
		wd_ctl_error(conn, err == -EINVAL ? 2 : 1, ns, "%s",
			     error ?: wd_errno(err));
	} else {
		doc = json_object_new_object();
		wd_json_str(doc, "namespace", ns);
		put_terms(guard, doc);
		wd_ctl_reply(conn, doc);
	}
	free(error);
}

void wd_query_slo_baseline(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *ns = wd_json_get_str(req, "namespace");
	int64_t ms = wd_json_get_int(req, "for_ms");
	char *error = NULL;
	int err;

	wd_query_no_fd(fd);
	if (!is_there(agent, conn))
		return;
	if (!*ns || ms < 0 || ms > DAY_MS) {
		wd_ctl_error(conn, 2, "slo baseline",
			     "needs a namespace, and a time of at most 24h");
		return;
	}
	err = wd_slo_baseline(agent->slo, ns, (uint32_t)ms, &error);
	answer(agent, conn, ns, err, error);
}

static int take_action(struct json_object *req, enum wd_guard_action *action)
{
	return wd_json_get(req, "action") ?
		       wd_guard_action_parse(wd_json_get_str(req, "action"),
					     action) :
		       0;
}

/* Replaces *@to by what is asked for. Return: whether it is. */
static bool take(struct json_object *req, const char *key, uint32_t *to)
{
	int64_t value = wd_json_get_int(req, key);

	if (!wd_json_get(req, key))
		return false;
	/* beyond any range: refused with the rest */
	*to = value < 0 || value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
	return true;
}

/* The same of all figures. Return: whether any is asked for. */
static bool take_figures(struct json_object *req, struct wd_guard_terms *terms)
{
	bool any = take(req, "p50_percent", &terms->p50);

	any |= take(req, "p99_percent", &terms->p99);
	any |= take(req, "more_us", &terms->more_us);
	any |= take(req, "window_ms", &terms->window_ms);
	any |= take(req, "least", &terms->least);
	any |= take(req, "times", &terms->times);
	return any;
}

void wd_query_slo_set(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *ns = wd_json_get_str(req, "namespace");
	struct wd_guard_terms terms;
	const struct wd_guard *guard;
	struct wd_guard_own own;
	char *error = NULL;
	int err;

	wd_query_no_fd(fd);
	if (!is_there(agent, conn))
		return;
	if (!*ns) {
		wd_ctl_error(conn, 2, "slo set", "needs a namespace");
		return;
	}
	guard = wd_guards_find(wd_slo_guards(agent->slo), ns);
	terms = guard ? guard->terms : wd_slo_guards(agent->slo)->terms;
	own.figures = take_figures(req, &terms);
	own.action = wd_json_get(req, "action") != NULL;
	if (take_action(req, &terms.action)) {
		wd_ctl_error(conn, 2, "slo set", "an action is alarm or audit");
		return;
	}
	err = wd_slo_set(agent->slo, ns, &terms, &own, &error);
	answer(agent, conn, ns, err, error);
}

void wd_query_slo_clear(void *ctx, struct wd_ctl_conn *conn,
			struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *ns = wd_json_get_str(req, "namespace");
	char *error = NULL;
	int err;

	wd_query_no_fd(fd);
	if (!is_there(agent, conn))
		return;
	err = wd_slo_clear(agent->slo, ns, &error);
	answer(agent, conn, ns, err, error);
}
