/* SPDX-License-Identifier: GPL-2.0-only */
#include "complaints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../events/journal.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "../report/report.h"
#include "../source/problems.h"
#include "../wireguard/check.h"
#include "agent.h"
#include "objections.h"

#define TOLD_MAX 16 /* of one look, beginning or ending */

struct wd_complaints {
	struct wd_agent *agent;
	struct wd_problems told;
};

struct wd_complaints *wd_complaints_new(struct wd_agent *agent)
{
	struct wd_complaints *c = wd_xcalloc(1, sizeof(*c));

	c->agent = agent;
	return c;
}

void wd_complaints_free(struct wd_complaints *c)
{
	if (!c)
		return;
	wd_problems_fini(&c->told);
	free(c);
}

static void tell_rest(struct wd_complaints *c, enum wd_happening what,
		      enum wd_phase phase, size_t cnt, const char *noun)
{
	struct wd_happens happens = {
		.what = what,
		.phase = phase,
		.level = phase == WD_BEGINS ? WD_LOG_WARN : WD_LOG_INFO,
	};

	if (cnt > TOLD_MAX)
		wd_journal_tell(c->agent->journal, &happens,
				"%s: %zu more %s, see `warder status`", noun,
				cnt - TOLD_MAX,
				phase == WD_BEGINS ? "things are wrong" :
						     "are over");
}

/* ---- sources ---- */

/*
 * Strings are interned: where both lists have them, they are the same. Lines move
 * with every change above them and do not count.
 */
static int compare(const struct wd_problem *a, const struct wd_problem *b)
{
	const uintptr_t x[] = { (uintptr_t)a->file, (uintptr_t)a->object,
				(uintptr_t)a->field, (uintptr_t)a->text,
				(uintptr_t)a->effect };
	const uintptr_t y[] = { (uintptr_t)b->file, (uintptr_t)b->object,
				(uintptr_t)b->field, (uintptr_t)b->text,
				(uintptr_t)b->effect };

	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	return compare(*(const struct wd_problem *const *)a,
		       *(const struct wd_problem *const *)b);
}

static const struct wd_problem **sorted(const struct wd_problems *list)
{
	const struct wd_problem **out =
		wd_xcalloc(list->cnt + 1, sizeof(const struct wd_problem *));

	for (size_t i = 0; i < list->cnt; i++)
		out[i] = &list->problem[i];
	qsort(out, list->cnt, sizeof(*out), compare_places);
	return out;
}

static void tell_problem(struct wd_complaints *c,
			 const struct wd_problem *problem, enum wd_phase phase)
{
	bool is_source = !problem->line && !*problem->object;
	bool is_bad = problem->effect != WD_PROBLEM_IGNORED;
	const char *effect = wd_problem_effect_name(problem->effect);
	struct wd_happens happens = {
		.what = is_source ? WD_HAPPENS_SOURCE : WD_HAPPENS_OBJECT,
		.phase = phase,
		.level = phase == WD_BEGINS && is_bad ? WD_LOG_WARN :
							WD_LOG_INFO,
		.about = json_object_new_object(),
	};
	char line[16] = ""; /* an object of an API server has none */

	wd_json_str(happens.about, "effect", effect);
	wd_json_str(happens.about, "file", problem->file);
	wd_json_int(happens.about, "line", problem->line);
	wd_json_str(happens.about, "object", problem->object);
	wd_json_str(happens.about, "field", problem->field);
	if (problem->line)
		(void)snprintf(line, sizeof(line), ":%u", problem->line);
	if (is_source)
		wd_journal_tell(c->agent->journal, &happens, "source: %s: %s%s",
				problem->file, problem->text,
				phase == WD_ENDS ? "; no longer so" : "");
	else
		wd_journal_tell(c->agent->journal, &happens,
				"object: %s%s: %s%s%s (%s%s%s)%s",
				problem->file, line, problem->field,
				*problem->field ? ": " : "", problem->text,
				problem->object, *problem->object ? ", " : "",
				effect,
				phase == WD_ENDS ? "; no longer so" : "");
}

/* Those of @a that @b has not; both end with NULL. */
static void tell_missing(struct wd_complaints *c, const struct wd_problem **a,
			 const struct wd_problem **b, enum wd_phase phase)
{
	size_t cnt = 0;

	while (*a) {
		int cmp = *b ? compare(*a, *b) : -1;

		if (cmp < 0 && ++cnt <= TOLD_MAX)
			tell_problem(c, *a, phase);
		if (cmp < 0 && phase == WD_BEGINS)
			wd_report_problem(c->agent->report, *a);
		a += cmp <= 0;
		b += cmp >= 0;
	}
	tell_rest(c, WD_HAPPENS_OBJECT, phase, cnt, "object");
}

void wd_complaints_sources(struct wd_complaints *c)
{
	const struct wd_problem **was, **now;
	struct wd_problems list;

	wd_objections(c->agent, &list);
	if (!list.cnt && !c->told.cnt)
		return;
	was = sorted(&c->told);
	now = sorted(&list);
	tell_missing(c, was, now, WD_ENDS);
	tell_missing(c, now, was, WD_BEGINS);
	free(was);
	free(now);
	wd_problems_fini(&c->told);
	c->told = list;
}

size_t wd_complaints_cnt(const struct wd_complaints *c)
{
	size_t cnt = 0;

	for (size_t i = 0; i < c->told.cnt; i++)
		cnt += c->told.problem[i].effect != WD_PROBLEM_IGNORED;
	return cnt;
}

/* ---- WireGuard ---- */

static bool has_finding(const struct wd_wg_findings *list,
			const struct wd_wg_finding *finding)
{
	for (uint32_t i = 0; i < list->cnt; i++)
		if (list->finding[i].kind == finding->kind &&
		    !strcmp(list->finding[i].object, finding->object))
			return true;
	return false;
}

static void tell_finding(struct wd_complaints *c,
			 const struct wd_wg_finding *finding,
			 enum wd_phase phase)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_WIREGUARD,
		.phase = phase,
		.level = phase == WD_BEGINS ? WD_LOG_WARN : WD_LOG_INFO,
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "finding", wd_wg_kind_name(finding->kind));
	wd_json_str(happens.about, "object", finding->object);
	wd_json_bool(happens.about, "stops", wd_wg_kind_stops(finding->kind));
	wd_journal_tell(c->agent->journal, &happens, "wireguard: %s: %s: %s",
			wd_wg_kind_name(finding->kind), finding->object,
			phase == WD_ENDS ? "no longer so" : finding->text);
}

static void tell_findings(struct wd_complaints *c,
			  const struct wd_wg_findings *of,
			  const struct wd_wg_findings *less,
			  enum wd_phase phase)
{
	size_t cnt = 0;

	for (uint32_t i = 0; i < of->cnt; i++)
		if (!has_finding(less, &of->finding[i]) && ++cnt <= TOLD_MAX)
			tell_finding(c, &of->finding[i], phase);
	tell_rest(c, WD_HAPPENS_WIREGUARD, phase, cnt, "wireguard");
}

void wd_complaints_wireguard(struct wd_complaints *c,
			     const struct wd_wg_findings *was,
			     const struct wd_wg_findings *now)
{
	if (wd_wg_findings_equal(was, now))
		return;
	tell_findings(c, was, now, WD_ENDS);
	tell_findings(c, now, was, WD_BEGINS);
}
