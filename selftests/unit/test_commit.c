/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_commit.c - what the agent does behind a commit that went without some
 * endpoints: the model, the data path and all parts are stubs that count.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/complaints.h"
#include "agent/endpoints_int.h"
#include "agent/identities.h"
#include "datapath/ladder.h"
#include "encryption/encryption.h"
#include "encryption/witness.h"
#include "host/hostpolicy.h"
#include "model/xalloc.h"

#include "../tap.h"

static struct wd_ladder ladder;
static int model_err, settle_err; /* what they say */
static bool unsettled, waits; /* of the model */
static int settled,
	done; /* how often a ruleset was told; what follows a commit */
static uint64_t timer_ms;

const struct wd_ladder *wd_ladder(const struct wd_datapath *dp)
{
	(void)dp;
	return &ladder;
}

int wd_datapath_settle(struct wd_datapath *dp, char **ret_error)
{
	(void)dp;
	settled++;
	if (settle_err)
		*ret_error = wd_xstrdup("ruleset");
	return settle_err;
}

bool wd_datapath_unsettled(const struct wd_datapath *dp)
{
	return !dp && true;
}

bool wd_datapath_replaces(const struct wd_datapath *dp)
{
	return dp != NULL;
}

uint64_t wd_datapath_writes(const struct wd_datapath *dp)
{
	return dp != NULL;
}

int wd_model_commit(struct wd_model *m, char **ret_error)
{
	(void)m;
	if (model_err)
		*ret_error = wd_xstrdup("memory");
	return model_err;
}

uint32_t wd_model_behind(const struct wd_model *m)
{
	return !m && model_err == -ENOMEM;
}

bool wd_model_dirty(const struct wd_model *m)
{
	return !m;
}

bool wd_model_unsettled(const struct wd_model *m)
{
	return !m && unsettled;
}

bool wd_model_waits(const struct wd_model *m)
{
	return !m && waits;
}

int wd_model_settle(struct wd_model *m)
{
	return m != NULL;
}

void wd_model_stats(const struct wd_model *m, struct wd_model_stats *stats)
{
	(void)m;
	memset(stats, 0, sizeof(*stats));
}

void wd_timer_set(struct wd_timer *timer, uint64_t ms)
{
	(void)timer;
	timer_ms = ms;
}

void wd_timer_stop(struct wd_timer *timer)
{
	(void)timer;
	timer_ms = 0;
}

int wd_encryption_write(struct wd_encryption *enc)
{
	return enc != NULL;
}

void wd_encryption_apply(struct wd_encryption *enc)
{
	(void)enc;
}

void wd_identities_keep(struct wd_agent *agent)
{
	(void)agent;
}

void wd_endpoints_guard(struct wd_endpoints *eps)
{
	(void)eps;
}

void wd_endpoints_committed(struct wd_endpoints *eps)
{
	(void)eps;
	done++;
}

int wd_endpoints_discover(struct wd_endpoints *eps)
{
	return eps != NULL;
}

void wd_witness_look(struct wd_witness *witness)
{
	(void)witness;
}

void wd_services_tend(struct wd_agent *agent, bool check)
{
	(void)agent;
	(void)check;
}

void wd_hostpolicy_look(struct wd_hostpolicy *hp)
{
	(void)hp;
}

void wd_hostpolicy_tend(struct wd_hostpolicy *hp, bool check)
{
	(void)hp;
	(void)check;
}

int wd_manifests_scan(struct wd_manifests *src)
{
	return src != NULL;
}

void wd_manifests_flush(struct wd_manifests *src)
{
	(void)src;
}

void wd_complaints_sources(struct wd_complaints *complaints)
{
	(void)complaints;
}

/* One commit, after @failures that failed. */
static struct wd_agent committed(int failures, int ret)
{
	struct wd_agent agent = { .commit_failures = failures };

	settled = done = 0;
	wd_expect_int(ret, wd_agent_commit(&agent));
	return agent;
}

/* Where a ruleset judges, what others changed is in force with it, not before. */
static void a_ruleset_says_what_others_changed(void)
{
	struct wd_agent agent;

	model_err = -ENOMEM;
	agent = committed(0, -ENOMEM);
	wd_expect_int(1, settled);
	wd_expect_int(1, done);
	wd_expect(agent.commit_behind);
	wd_expect_str("memory", agent.commit_error);
	free(agent.commit_error);
	model_err = -EIO; /* it did not switch at all */
	agent = committed(0, -EIO);
	wd_expect_int(0, settled);
	wd_expect_int(0, done);
	free(agent.commit_error);
	model_err = 0;
}

static void nothing_is_in_force_that_a_ruleset_does_not_say(void)
{
	struct wd_agent agent;

	model_err = -ENOMEM;
	settle_err = -EPERM;
	agent = committed(0, -EPERM);
	wd_expect_int(0, done);
	wd_expect(!agent.commit_behind);
	wd_expect_str("ruleset", agent.commit_error);
	free(agent.commit_error);
	model_err = settle_err = 0;
}

/* What may be wider than it is to be is kept for a number of commits, not of waits for memory. */
static void who_waits_for_room_does_not_wait_for_memory(void)
{
	struct wd_agent agent;

	model_err = -ENOMEM;
	agent = committed(20, -ENOMEM);
	wd_expect_int(5000, timer_ms);
	free(agent.commit_error);
	waits = true;
	agent = committed(20, -ENOMEM);
	wd_expect(timer_ms <= 20);
	free(agent.commit_error);
	waits = false;
	unsettled = true;
	agent = committed(20, -ENOMEM);
	wd_expect(timer_ms <= 20);
	free(agent.commit_error);
	unsettled = false;
	model_err = 0;
}

int main(void)
{
	WD_TEST(a_ruleset_says_what_others_changed);
	WD_TEST(nothing_is_in_force_that_a_ruleset_does_not_say);
	WD_TEST(who_waits_for_room_does_not_wait_for_memory);
	return wd_tests_end();
}
