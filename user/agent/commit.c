/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commit.c - from what the sources say to the generation in force.
 */
#include "commit.h"

#include <errno.h>
#include <stdlib.h>

#include "../base/log.h"
#include "../datapath/ladder.h"
#include "../encryption/encryption.h"
#include "../encryption/witness.h"
#include "../host/hostpolicy.h"
#include "../model/xalloc.h"
#include "agent.h"
#include "complaints.h"
#include "endpoints_int.h"
#include "identities.h"

#define COMMIT_DELAY_MS 3 /* changes that come together are one generation */
#define SETTLE_DELAY_MS 20 /* no program runs that long */
#define RETRY_MAX_MS 5000

static void commit_failed(struct wd_agent *agent, int err, char *why)
{
	uint64_t wait =
		50ULL
		<< (agent->commit_failures < 7 ? agent->commit_failures : 7);

	free(agent->commit_error);
	agent->commit_error = why ? why : wd_xstrdup(wd_errno(err));
	agent->commit_failures++;
	wd_err("%s (failure %d)", agent->commit_error, agent->commit_failures);
	wd_timer_set(agent->commit_timer,
		     wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

static void tell_commit(const struct wd_agent *agent)
{
	struct wd_model_stats stats;

	wd_model_stats(agent->model, &stats);
	wd_debug(
		"commit: generation %u in force after %llu us, %llu map writes so far",
		stats.gen, (unsigned long long)stats.commit_us,
		(unsigned long long)wd_datapath_writes(agent->dp));
}

/* On rung hold nothing is written; what waits is told, not tried again and again. */
static int commit_held(struct wd_agent *agent)
{
	if (!agent->commit_error)
		agent->commit_error = wd_xstrdup(
			"rung hold: nothing is changed until `warder ladder climb` finds a better one");
	wd_endpoints_guard(agent->endpoints);
	wd_hostpolicy_tend(agent->hostpolicy, false);
	return -EROFS;
}

/* As wd_model_commit(). *ret_behind: it failed for some endpoints, the rest is in force. */
static int commit_model(struct wd_agent *agent, bool *ret_behind,
			char **ret_why)
{
	int err;

	if (!wd_model_dirty(agent->model))
		return 0;
	wd_identities_keep(agent);
	err = wd_model_commit(agent->model, ret_why);
	*ret_behind = err && wd_model_behind(agent->model);
	if (!err)
		tell_commit(agent);
	return err;
}

static int commit(struct wd_agent *agent, bool *ret_behind, char **ret_why)
{
	int err = wd_encryption_write(agent->encryption);
	char *why = NULL;
	int unsettled;

	if (!err)
		err = commit_model(agent, ret_behind, ret_why);
	if (err && !*ret_behind)
		return err;
	/* What comes guards all that a ruleset of before does, the node too. */
	if (wd_datapath_unsettled(agent->dp)) {
		wd_endpoints_guard(agent->endpoints);
		wd_hostpolicy_tend(agent->hostpolicy, false);
	}
	unsettled = wd_datapath_settle(agent->dp, &why);
	if (!unsettled) {
		free(why);
		return err;
	}
	/* a ruleset does not say it, so it is in force for nobody */
	*ret_behind = false;
	free(*ret_why);
	*ret_why = why;
	return unsettled;
}

/* What a generation in force is followed by. */
static void committed(struct wd_agent *agent)
{
	wd_endpoints_committed(agent->endpoints);
	wd_encryption_apply(agent->encryption);
	wd_witness_look(agent->witness);
	wd_services_tend(agent, false);
	wd_hostpolicy_tend(agent->hostpolicy, false);
}

/* Who waits for what is given back soon does not wait as long as for memory. */
static void committed_behind(struct wd_agent *agent)
{
	committed(agent);
	if (wd_model_unsettled(agent->model) || wd_model_waits(agent->model))
		wd_timer_set(agent->commit_timer, SETTLE_DELAY_MS);
}

int wd_agent_commit(struct wd_agent *agent)
{
	char *why = NULL;
	int err;

	wd_timer_stop(agent->commit_timer);
	/* What no source has told of yet is not known to be nothing. */
	if (agent->waiting)
		return -EAGAIN;
	wd_hostpolicy_look(agent->hostpolicy);
	if (wd_ladder(agent->dp)->frozen)
		return commit_held(agent);
	agent->commit_behind = false;
	err = commit(agent, &agent->commit_behind, &why);
	if (err) {
		commit_failed(agent, err, why);
		if (agent->commit_behind)
			committed_behind(agent);
		return err;
	}
	free(why);
	free(agent->commit_error);
	agent->commit_error = NULL;
	agent->commit_failures = 0;
	committed(agent);
	if (wd_model_unsettled(agent->model) || wd_model_dirty(agent->model))
		wd_timer_set(agent->commit_timer, SETTLE_DELAY_MS);
	return 0;
}

void wd_agent_commit_soon(struct wd_agent *agent)
{
	/* what waits for memory keeps no other change waiting */
	bool tries = agent->commit_failures == 0 || agent->commit_behind;

	if (tries && !agent->is_copy)
		wd_timer_set(agent->commit_timer, COMMIT_DELAY_MS);
}

void wd_commit_on_timer(void *ctx)
{
	struct wd_agent *agent = ctx;
	int err;

	if (agent->waiting)
		return;
	wd_hostpolicy_look(agent->hostpolicy);
	if (wd_model_dirty(agent->model) || agent->commit_failures ||
	    wd_ladder(agent->dp)->frozen || wd_datapath_replaces(agent->dp)) {
		(void)wd_agent_commit(agent);
		return;
	}
	err = wd_model_settle(agent->model);
	if (err)
		wd_warn("commit: settling: %s, the next commit tries again",
			wd_errno(err));
}

int wd_agent_sync(struct wd_agent *agent)
{
	int err = wd_manifests_scan(agent->manifests);

	if (err < 0)
		return err;
	wd_complaints_sources(agent->complaints);
	(void)wd_endpoints_discover(agent->endpoints);
	err = wd_agent_commit(agent);
	/* What sync has answered for outlives a crash right after it. */
	wd_manifests_flush(agent->manifests);
	return err;
}
