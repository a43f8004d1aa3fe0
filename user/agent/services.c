/* SPDX-License-Identifier: GPL-2.0-only */
#include "services.h"

#include "../base/json.h"
#include "../base/log.h"
#include "../datapath/ladder.h"
#include "adopt.h"
#include "agent.h"

#define WAIT_CHECKS 30 /* about a minute */

bool wd_services_exact(const struct wd_agent *agent)
{
	return wd_nf_on(agent->dp, WD_NF_LATE);
}

/*
 * What flows were judged under is another thing now: all are judged again. Off
 * goes first, before anything is done about why.
 */
static void set_bit(struct wd_agent *agent, bool on)
{
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);
	uint32_t was;

	if (!state)
		return;
	was = on ? __atomic_fetch_or(&state->flags, WD_STATE_LATE,
				     __ATOMIC_SEQ_CST) :
		   __atomic_fetch_and(&state->flags, ~(uint32_t)WD_STATE_LATE,
				      __ATOMIC_SEQ_CST);
	if (!!(was & WD_STATE_LATE) == on)
		return;
	if (on)
		wd_info("services: judged by the backend that is chosen");
	else
		wd_warn("services: each backend must be allowed, as nothing judges after the translation%s%s",
			*wd_nf_error(agent->dp, WD_NF_LATE) ? ": " : "",
			wd_nf_error(agent->dp, WD_NF_LATE));
	wd_model_republish(agent->model);
	wd_agent_commit_soon(agent);
}

void wd_services_retry(struct wd_agent *agent)
{
	agent->services.wait = 0;
}

/* A ruleset judges all by itself, once nothing else does. */
static void leave(struct wd_agent *agent)
{
	int err;

	if (wd_ladder(agent->dp)->rung != WD_RUNG_NFT ||
	    wd_datapath_unsettled(agent->dp))
		return;
	set_bit(agent, false);
	err = wd_nf_leave(agent->dp, WD_NF_LATE);
	if (err)
		wd_warn("services: taking off what judges after the translation: %s, trying again",
			wd_errno(err));
}

static void try_open(struct wd_agent *agent)
{
	struct wd_services *s = &agent->services;
	int err, left = 0;

	if (s->wait > 0)
		return;
	err = wd_nf_open(agent->dp, WD_NF_LATE);
	s->wait = err ? WAIT_CHECKS : 0;
	if (err) { /* what is left of before would judge by its tables */
		set_bit(agent, false);
		left = wd_nf_leave(agent->dp, WD_NF_LATE);
	}
	if (left)
		wd_warn("services: taking off what judges after the translation: %s, trying again",
			wd_errno(left));
	if (err && !s->told)
		wd_info("services: each backend must be allowed: %s",
			*wd_nf_error(agent->dp, WD_NF_LATE) ?
				wd_nf_error(agent->dp, WD_NF_LATE) :
				wd_errno(err));
	s->told = err != 0;
}

static void check_open(struct wd_agent *agent)
{
	int found;
	int err = wd_nf_check(agent->dp, WD_NF_LATE, &found);

	if (err)
		set_bit(agent, false);
	if (found)
		wd_drift_tell(
			agent, found, !err,
			"services: what judges after the translation was taken off");
}

void wd_services_tend(struct wd_agent *agent, bool check)
{
	struct wd_datapath *dp = agent->dp;

	if (wd_datapath_info(dp)->beside || wd_ladder(dp)->frozen)
		return; /* what is attached goes on as it is */
	if (!wd_datapath_has_programs(dp)) {
		if (check)
			leave(agent);
		return;
	}
	if (check && agent->services.wait > 0)
		agent->services.wait--;
	if (check && wd_nf_on(dp, WD_NF_LATE))
		check_open(agent);
	if (!wd_nf_on(dp, WD_NF_LATE) &&
	    (wd_model_mixes(agent->model) || wd_nf_pinned(dp, WD_NF_LATE)))
		try_open(agent);
	set_bit(agent, wd_nf_on(dp, WD_NF_LATE));
}

void wd_services_put(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "services");
	bool by_ruleset = wd_ladder(agent->dp)->rung == WD_RUNG_NFT;
	bool exact = by_ruleset || wd_services_exact(agent);
	const char *why = "it is attached behind the translation";

	if (by_ruleset)
		why = "the ruleset judges after the translation";
	else if (!exact && *wd_nf_error(agent->dp, WD_NF_LATE))
		why = wd_nf_error(agent->dp, WD_NF_LATE);
	else if (!exact && !wd_datapath_has_programs(agent->dp))
		why = "no programs are in force";
	else if (!exact)
		why = "no service has backends that policy could treat differently";
	wd_json_str(obj, "judged", exact ? "exact" : "all backends");
	wd_json_bool(obj, "exact", exact);
	wd_json_str(obj, "why", why);
	wd_json_str(obj, "error",
		    !exact && *wd_nf_error(agent->dp, WD_NF_LATE) ?
			    wd_nf_error(agent->dp, WD_NF_LATE) :
			    NULL);
}
