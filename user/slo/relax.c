/* SPDX-License-Identifier: GPL-2.0-only */
/* relax.c - see relax.h. */
#include "relax.h"

#include <time.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../events/journal.h"
#include "../model/intern.h"
#include "../model/model.h"
#include "../model/store.h"
#include "../query/query.h"
#include "guards.h"

static void tell(const struct wd_agent *agent, const char *ns,
		 enum wd_phase phase)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_SLO,
		.phase = phase,
		.level = WD_LOG_WARN, /* both change what is enforced */
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "namespace", ns);
	wd_json_str(happens.about, "action", "audit");
	if (phase == WD_BEGINS)
		wd_journal_tell(agent->journal, &happens,
				"slo: namespace %s is in audit now, as its "
				"handshakes are slow and --action audit was "
				"set: what its own policies deny passes, until "
				"`warder slo clear %s`",
				ns, ns);
	else
		wd_journal_tell(agent->journal, &happens,
				"slo: namespace %s is not in audit any more by "
				"its handshakes",
				ns);
}

void wd_relax_again(struct wd_agent *agent, const struct wd_guard *guard)
{
	if (!guard->audit_ms)
		return;
	wd_model_relax(agent->model, guard->ns, guard->audit_uid);
	tell(agent, guard->ns, WD_BEGINS);
}

bool wd_relax_lost(const struct wd_agent *agent, struct wd_guard *guard)
{
	if (!guard->audit_ms || wd_model_relaxes(agent->model, guard->ns))
		return false;
	guard->audit_ms = 0;
	tell(agent, guard->ns, WD_ENDS);
	return true;
}

/* "": it has none, as from files, or nobody has told of it yet */
static const char *uid_of(const struct wd_agent *agent, const char *ns)
{
	const struct wd_object *obj =
		wd_store_get(agent->store, WD_KIND_NAMESPACE, "", ns);

	return obj ? obj->uid : "";
}

static bool alarms(const struct wd_guard *guard)
{
	for (int i = 0; i < WD_TIMING__MAX; i++) {
		if (wd_guard_alarms(&guard->side[i], &guard->terms))
			return true;
	}
	return false;
}

bool wd_relax_tend(struct wd_agent *agent, struct wd_guard *guard)
{
	if (guard->terms.action != WD_GUARD_AUDIT || guard->audit_ms ||
	    !alarms(guard))
		return false;
	guard->audit_ms = wd_wall_ms();
	wd_str_put(guard->audit_uid);
	guard->audit_uid = wd_str_get(uid_of(agent, guard->ns));
	wd_model_relax(agent->model, guard->ns, guard->audit_uid);
	wd_agent_commit_soon(agent);
	tell(agent, guard->ns, WD_BEGINS);
	return true;
}

void wd_relax_end(struct wd_agent *agent, const struct wd_guard *was)
{
	if (!was->audit_ms)
		return;
	wd_model_relax(agent->model, was->ns, NULL);
	wd_agent_commit_soon(agent);
	tell(agent, was->ns, WD_ENDS);
}

void wd_relax_put(const struct wd_agent *agent, const struct wd_guard *guard,
		  struct json_object *array)
{
	struct json_object *obj;

	if (!guard->audit_ms)
		return;
	obj = wd_json_push(array);
	wd_json_str(obj, "namespace", guard->ns);
	wd_query_time(obj, "since", guard->audit_ms);
	wd_json_int(obj, "pods", wd_model_relaxed_cnt(agent->model, guard->ns));
}
