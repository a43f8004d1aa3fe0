/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hits.c - see hits.h. A rule without counters is not one without hits: what is
 * not known is said, and never a zero.
 */
#include "hits.h"

#include <string.h>
#include <time.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../datapath/clock.h"
#include "../datapath/ladder.h"
#include "../query/query.h"
#include "agent.h"

/* Counters are not worth that a policy waits for them: what fails comes again. */
int wd_hits_rule(void *ctx, uint32_t id, bool ends)
{
	struct wd_agent *agent = ctx;
	int err = ends ? wd_rulestat_end(agent->dp, id) :
			 wd_rulestat_begin(agent->dp, id);

	if (err)
		wd_debug("rule %u: its counters %s: %s", id,
			 ends ? "stay" : "are not to be had", wd_errno(err));
	return err;
}

struct wd_hits_clock wd_hits_clock(void)
{
	struct wd_hits_clock clock = { .tick_ns = wd_clock_tick_ns() };

	clock.now_ms = wd_wall_ms();
	if (wd_clock_ticks(&clock.now))
		clock.now = 0;
	return clock;
}

static int64_t time_of(const struct wd_hits_clock *clock, uint32_t tick)
{
	int32_t ago = (int32_t)(clock->now - tick);

	if (!clock->now)
		return 0;
	return clock->now_ms -
	       (ago > 0 ? ago : 0) * (int64_t)(clock->tick_ns / 1000) / 1000;
}

/* Why nobody counts what pods do; NULL: the programs do. */
const char *wd_hits_not_counting(const struct wd_agent *agent)
{
	switch (wd_ladder(agent->dp)->rung) {
	case WD_RUNG_FULL:
	case WD_RUNG_COMPAT:
		return NULL;
	case WD_RUNG_MINIMAL:
		return "rung minimal has no counters by rule";
	case WD_RUNG_NFT:
		return "rung nft has no counters by rule";
	case WD_RUNG_HOLD:
	case WD_RUNG__MAX:
		break;
	}
	return "rung hold: whether the programs in force count is not known";
}

/* The same of what the host does: a program of its own counts that, on any rung. */
static const char *not_counting_host(const struct wd_agent *agent)
{
	if (wd_nf_on(agent->dp, WD_NF_HOST) ||
	    wd_nf_goes_on(agent->dp, WD_NF_HOST))
		return NULL;
	return "no program that counts judges this host";
}

/*
 * What an agent before noted is of all egress rules alike: which of them were
 * mixed it took with it. So they are known from when none could be, or from now.
 */
static int begin_mixed(struct wd_agent *agent, uint32_t open)
{
	int err = wd_rulestat_gaps(agent->dp, open);

	if (err)
		return err;
	agent->mixed_since =
		wd_rulestat_whole(agent->dp, 1U << WD_GAP_SERVICES);
	agent->mixed_known = true;
	return 0;
}

void wd_hits_look(struct wd_agent *agent)
{
	uint32_t now, open = 0;
	int err = wd_clock_ticks(&now);

	if (wd_hits_not_counting(agent))
		open |= 1U << WD_GAP_PODS;
	if (not_counting_host(agent))
		open |= 1U << WD_GAP_HOST;
	if (!err && !agent->mixed_known)
		err = begin_mixed(agent, open);
	if (wd_model_mixes(agent->model))
		open |= 1U << WD_GAP_SERVICES;
	if (!err)
		err = wd_rulestat_gaps(agent->dp, open);
	if (!err)
		wd_model_note_mixed(agent->model, now ? now : 1);
	if (err)
		wd_debug("what is not counted cannot be noted: %s",
			 wd_errno(err));
}

/* Why some of its hits are not in its counters; NULL: all are. */
static const char *not_all(bool mixed, bool joined)
{
	if (joined)
		return "some of its hits are not told from other rules', "
		       "as more than 16 apply to one port";
	if (mixed)
		return "it may decide about backends of services that rules tell "
		       "apart, and what goes there is not counted by rule";
	return NULL;
}

/* The later one of two ticks, of which 0 is before all others. */
static uint32_t later(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	return (int32_t)(a - b) > 0 ? a : b;
}

/* @whole: the tick since when all is counted, 0: ever */
static void set_counts(struct wd_hits *hits, const struct wd_hits_clock *clock,
		       const struct wd_rulestat_val *val, uint32_t whole)
{
	hits->known = true;
	hits->packets = val->packets;
	hits->bytes = val->bytes;
	hits->flows = val->flows;
	if (val->packets)
		hits->last_ms = time_of(clock, val->last);
	else if (!whole || (int32_t)(val->last - whole) > 0)
		whole = val->last;
	if (whole)
		hits->since_ms = time_of(clock, whole);
}

struct wd_hits wd_hits_of(const struct wd_agent *agent,
			  const struct wd_hits_clock *clock,
			  const struct wd_object *policy, enum wd_dir dir,
			  int index)
{
	const struct wd_policy *p = &policy->policy;
	const struct wd_policy_rule *rule =
		wd_policy_rule(p, (int)dir, (uint32_t)index);
	bool host = wd_policy_of_nodes(p, (int)dir, (uint32_t)index);
	struct wd_hits hits = { 0 };
	struct wd_rulestat_val val;
	bool joined = false, mixed = false;
	uint32_t id, whole, mixed_end = 0,
			    gaps = 1U << (host ? WD_GAP_HOST : WD_GAP_PODS);

	hits.missing = host ? not_counting_host(agent) :
			      wd_hits_not_counting(agent);
	if (hits.missing)
		return hits;
	hits.missing = "it decides nothing: later tiers do";
	if (rule && rule->action == WD_RULE_PASS)
		return hits;
	hits.missing = "nothing on this node is judged by it";
	id = wd_model_rule_of(agent->model, policy, dir, index, &joined);
	if (!id)
		return hits;
	hits.missing = "too many rules: there was no place to count it at";
	if (id % WD_RULES_MAX == 0)
		return hits;
	hits.missing = "its counters cannot be read";
	if (wd_rulestat_read(agent->dp, id, &val))
		return hits;
	whole = wd_rulestat_whole(agent->dp, gaps);
	if (dir == WD_EGRESS && !host) {
		mixed = !agent->mixed_known ||
			wd_model_is_mixed(agent->model, id, &mixed_end);
		whole = later(whole, later(agent->mixed_since, mixed_end));
	}
	set_counts(&hits, clock, &val, whole);
	hits.missing = not_all(mixed, joined);
	return hits;
}

void wd_hits_put(const struct wd_hits *hits, struct json_object *obj)
{
	struct json_object *counts;

	wd_json_str(obj, "not_counted", hits->missing);
	if (!hits->known) {
		wd_json_str(obj, "counts", NULL);
		return;
	}
	counts = wd_json_object(obj, "counts");
	wd_json_int(counts, "packets", (int64_t)hits->packets);
	wd_json_int(counts, "bytes", (int64_t)hits->bytes);
	wd_json_int(counts, "new_flows", (int64_t)hits->flows);
	wd_query_time(counts, "last_hit", hits->last_ms);
	wd_query_time(counts, "no_hit_since",
		      hits->packets ? 0 : hits->since_ms);
}

struct wd_hits_sums wd_hits_sums(const struct wd_agent *agent)
{
	const struct wd_hits_clock clock = { 0 };
	const struct wd_object *policy = NULL;
	struct wd_hits_sums sums = { 0 };

	while ((policy = wd_query_next_policy(agent->store, policy))) {
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			uint32_t cnt = wd_policy_rules(&policy->policy, dir);

			for (uint32_t i = 0; i < cnt; i++) {
				struct wd_hits hits =
					wd_hits_of(agent, &clock, policy,
						   (enum wd_dir)dir, (int)i);

				sums.hit += hits.packets > 0;
				sums.unused += hits.known && !hits.packets &&
					       !hits.missing;
				sums.unknown += !hits.packets &&
						(!hits.known || hits.missing);
			}
		}
	}
	return sums;
}
