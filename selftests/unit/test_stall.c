/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_stall.c - what one namespace writes does not hold up the agent: counted
 * by what is done, as machines are not equally fast.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"

#include "../oracle/sinkhole.h"
#include "../tap.h"
#include "stall.h"
#include "told.h"

static void what_a_peer_says_is_looked_for_once_for_all_its_ports(void)
{
	static const struct shape shape = { 3, 500, 700, 2, 0, true };
	struct wd_model_stats took;

	stall_begin(true);
	put_policy("crowd", "p", &shape);
	took = stall_commit();
	wd_expect_int(0, stall_closed(""));
	wd_expect_int(PODS + 2, took.compiled);
	wd_expect_int(3LL * PODS, took.sought);
	stall_end();
}

static void pods_that_no_policy_can_tell_apart_are_compiled_once(void)
{
	static const struct shape shape = { 3, 1, 4, 2, 0, true };
	struct wd_model_stats took;

	stall_begin(false);
	put_policy("crowd", "p", &shape);
	took = stall_commit();
	wd_expect_int(0, stall_closed(""));
	wd_expect_int(3, took.sought);
	put_policy("crowd", "p", &(struct shape){ 2, 1, 5, 2, 0, false });
	took = stall_commit();
	wd_expect_int(PODS, took.compiled);
	wd_expect_int(2, took.sought);
	wd_expect_int(3, took.slots); /* none, those of shop, of crowd */
	stall_end();
}

/* Each pod has spans of its own, more than the namespace may have in all. */
static const struct shape many = { 16, 1, 1000, 3, 0, true };

static void who_was_refused_waits_for_room_of_his_own(void)
{
	static const struct shape small = { 1, 1, 2, 2, 0, false };
	static const struct shape other = { 1, 1, 3, 2, 0, false };
	struct wd_model_stats took;
	uint32_t refused;

	stall_begin(true);
	put_policy("crowd", "p", &many);
	(void)stall_commit();
	refused = stall_closed("its namespace has half");
	wd_expect(refused > 0 && refused < PODS);
	put_policy("shop", "s", &small);
	(void)stall_commit();
	put_policy("shop", "s", &other);
	took = stall_commit();
	wd_expect_int(2, took.compiled);
	wd_expect_int(refused, stall_closed("its namespace has half"));
	wd_expect(wd_store_del(store, WD_KIND_POD, "crowd", ep[0].name, NULL));
	(void)stall_commit();
	wd_expect_int(refused - 1, stall_closed("its namespace has half"));
	put_policy("crowd", "p", &small);
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	stall_end();
}

static void
policies_of_the_whole_cluster_have_room_whoever_fills_the_tables(void)
{
	struct wd_ep_info info;
	struct wd_model_stats took;

	stall_begin(true);
	for (int i = PODS + 2; i < MOST - 2; i++)
		put_pod(i, "shop", "d", (uint16_t)(50000 + i));
	put_pod(MOST - 2, "sys", "sys", 60001);
	put_pod(MOST - 1, "sys", "sys", 60002);
	put_policy("crowd", "p", &many);
	put_policy("shop", "s", &many);
	took = stall_commit();
	wd_expect(took.spans > WD_SPANS_MAX / 8 * 7);
	put_policy("", "w", &many);
	(void)stall_commit();
	for (uint32_t i = MOST - 2; i < MOST; i++) {
		wd_expect_int(0, wd_model_endpoint(model, 1 + i, &info));
		wd_expect_int(WD_EP_ENFORCED, info.state);
	}
	stall_end();
}

/* Two namespaces have all there is for namespaces; a third one has come too late. */
static uint32_t begin_full(void)
{
	stall_begin(true);
	for (int i = PODS + 2; i < MOST; i++)
		put_pod(i, "shop", "d", (uint16_t)(50000 + i));
	for (int i = MOST; i < MOST + THIRD; i++)
		put_pod(i, "third", "t", (uint16_t)(50000 + i));
	put_policy("crowd", "p", &many);
	put_policy("shop", "s", &many);
	(void)stall_commit();
	put_policy("third", "t", &many);
	(void)stall_commit();
	wd_expect_int(THIRD, stall_closed_of("third", "no free slot"));
	return stall_closed("");
}

static void who_was_refused_waits_for_room_that_all_lack(void)
{
	static const struct shape small = { 1, 1, 2, 2, 0, false };
	static const struct shape other = { 1, 1, 3, 2, 0, false };
	uint32_t refused = begin_full();

	put_pod(MOST + THIRD, "fourth", "f", 0);
	put_policy("fourth", "t", &small);
	(void)stall_commit();
	put_policy("fourth", "t", &other);
	wd_expect_int(1, stall_commit().compiled);
	wd_expect_int(refused, stall_closed(""));
	stall_end();
}

/* Those who wait have their turn, some with each commit, till all have had it. */
static void who_waits_for_room_has_his_turn(void)
{
	static const struct shape small = { 1, 1, 2, 2, 0, false };
	struct wd_model_stats was, is;
	int commits = 0;

	(void)begin_full();
	put_policy("crowd", "p", &small);
	do {
		wd_model_stats(model, &was);
		wd_expect_int(0, wd_model_commit(model, NULL));
		wd_expect_int(0, wd_model_settle(model));
		wd_model_stats(model, &is);
		if (commits++)
			wd_expect(is.compiled - was.compiled < THIRD);
	} while (wd_model_dirty(model) && commits < 100);
	wd_expect(commits > 3 && commits < 100);
	wd_expect_int(0, stall_closed_of("third", ""));
	wd_expect_int(0, stall_closed_of("crowd", ""));
	stall_end();
}

/* @cnt prefixes of @base on. */
static void put_prefixes(const char *ns, const char *name, const char *app,
			 uint32_t base, uint32_t cnt)
{
	struct wd_policy_rule rule = { .peer_cnt = cnt };

	rule.peer = wd_xcalloc(cnt, sizeof(*rule.peer));
	for (uint32_t i = 0; i < cnt; i++) {
		rule.peer[i].cidr.addr.family = 4;
		rule.peer[i].cidr.addr.v4.s_addr = htonl(base + 2 * i);
		rule.peer[i].cidr.len = 32;
		rule.peer[i].type = WD_PEER_CIDR;
	}
	rule.port_cnt = 1;
	rule.port = wd_xcalloc(1, sizeof(*rule.port));
	rule.port->proto = IPPROTO_TCP;
	rule.port->lo = rule.port->hi = 80;
	put_rule(ns, name, of_app(app), &rule);
}

/* Who waits for prefixes gets none by what others built, and could not keep. */
static void a_try_that_fails_is_no_reason_for_another(void)
{
	static const struct shape few = { 1, 1, 2, 2, 0, false };
	static const struct shape more = { 1, 1, 100, 2, 0, false };
	struct wd_policy_rule rule = { 0 };
	struct wd_model_stats was, is;

	stall_fill(&rule, &few);
	put_rule("shop", "a", of_app("a"), &rule);
	(void)stall_commit(); /* what it had is given back by now */
	stall_fill(&rule, &more);
	on_trial = true;
	put_rule("shop", "t", of_app("a"), &rule);
	on_trial = false;
	reach_never = 100;
	for (int i = 0; i < 2; i++) {
		wd_model_stats(model, &was);
		wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
		wd_model_stats(model, &is);
		wd_expect_int(1, is.compiled - was.compiled);
	}
	reach_never = 0;
}

/* Beyond what namespaces may have, of which they name none, or one that is there. */
static void prefixes_of_the_whole_cluster_close_nobody_elses_pods(void)
{
	struct shape plain = { .peers = 1, .values = 1 };
	struct wd_policy_rule rule = { 0 };

	stall_begin(false);
	put_pod(PODS + 2, "sys", "sys", 0);
	put_prefixes("", "w", "sys", 11U << 24, WD_CIDRS_MAX / 16 * 15 + 100);
	wd_expect(stall_commit().prefixes[0] > WD_CIDRS_MAX / 16 * 15);
	wd_expect_int(0, stall_closed(""));
	stall_fill(&rule, &plain);
	put_rule("shop", "a", of_app("a"), &rule);
	put_prefixes("shop", "b", "b", 11U << 24, 1);
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	put_prefixes("shop", "b", "b", 12U << 24, 1);
	(void)stall_commit();
	wd_expect_int(1, stall_closed("no free slot"));
	a_try_that_fails_is_no_reason_for_another();
	stall_end();
}

#define TERMS \
	10 /* 1,023 sets of them that are not empty: a list of rules each */
#define EACH 8 /* pods of each namespace that have such lists of their own */

/* Each port less one, in binary, is the set of those whom it is open to. */
static void put_sets(const char *ns, const char *app)
{
	for (int i = 0; i < TERMS; i++) {
		struct shape shape = { .peers = 1,
				       .values = 1 + i,
				       .ports = 1 << (TERMS - 1 - i),
				       .step = 2 << i,
				       .wide = (1 << i) - 1 };
		struct wd_policy_rule rule = { 0 };
		char name[16];

		(void)snprintf(name, sizeof(name), "%s-%d", app, i);
		stall_fill(&rule, &shape);
		for (uint32_t k = 0; k < rule.port_cnt; k++) {
			rule.port[k].lo =
				(uint16_t)(rule.port[k].lo + (1 << i));
			rule.port[k].hi =
				(uint16_t)(rule.port[k].hi + (1 << i));
		}
		put_rule(ns, name, of_app(app), &rule);
	}
}

/* @cnt peers, @first and on, two of each port: as many predicates. */
static void put_predicates(const char *ns, const char *app, int first,
			   uint32_t cnt)
{
	struct wd_policy_rule *rule = wd_xcalloc(cnt, sizeof(*rule));

	for (uint32_t i = 0; i < cnt; i++) {
		rule[i].peer_cnt = rule[i].port_cnt = 1;
		rule[i].peer = wd_xcalloc(1, sizeof(*rule[i].peer));
		rule[i].peer->pod_sel = app_in(first + (int)i, 1);
		rule[i].port = wd_xcalloc(1, sizeof(*rule[i].port));
		rule[i].port->proto = IPPROTO_TCP;
		rule[i].port->lo = rule[i].port->hi = (uint16_t)(1 + i / 2);
	}
	put_rules(ns, app, of_app(app), rule, cnt);
	free(rule);
}

static void
policies_of_the_whole_cluster_have_predicates_whoever_takes_them(void)
{
	struct wd_ep_info info;
	uint32_t sys = PODS + 2;

	stall_begin(false);
	put_pod((int)sys, "sys", "sys", 0);
	put_predicates("crowd", "c", 0, WD_PREDS_MAX / 2);
	put_predicates("shop", "a", 10000, WD_PREDS_MAX / 16 * 7);
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	put_predicates("shop", "b", 20000, 1);
	(void)stall_commit();
	wd_expect_int(1, stall_closed("no free slot"));
	put_predicates("", "sys", 30000, WD_PREDS_MAX / 16);
	(void)stall_commit();
	wd_expect_int(0, wd_model_endpoint(model, 1 + sys, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	stall_end();
}

static void
policies_of_the_whole_cluster_have_lists_of_rules_whoever_takes_them(void)
{
	static const char *const spaces[] = { "crowd", "shop" };
	struct wd_ep_info info;
	int at = PODS + 2;
	char app[16];

	stall_begin(false);
	for (int i = 0; i < 2 * EACH; i++) {
		(void)snprintf(app, sizeof(app), "s%d", i);
		put_pod(at++, spaces[i / EACH], app, 0);
		put_sets(spaces[i / EACH], app);
	}
	put_pod(at, "sys", "sys", 0);
	(void)stall_commit();
	wd_expect_int(1, stall_closed("no free slot"));
	put_sets("", "sys");
	(void)stall_commit();
	wd_expect_int(0, wd_model_endpoint(model, 1 + (uint32_t)at, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	stall_end();
}

/*
 * @cnt ranges that lie in each other, each with one peer more than the one
 * around it: as many predicates, all of them with the first 2,000 peers too.
 */
static void put_nested(int cnt)
{
	static const struct shape base = { 2000, 1, 1, 1, 60000, false };
	struct shape shape = { 1, 0, 1, 1, 0, false };
	char name[16];

	put_policy("crowd", "base", &base);
	for (int i = 0; i < cnt; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		shape.values = 2 + i;
		shape.wide = 50000 - i;
		put_policy("crowd", name, &shape);
	}
}

static void predicates_of_many_parts_are_refused_by_what_they_have(void)
{
	static const struct shape small = { 1, 1, 2, 2, 0, false };

	stall_begin(false);
	put_nested(200);
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	put_nested(560);
	(void)stall_commit();
	wd_expect_int(PODS, stall_closed("as many parts"));
	put_policy("shop", "s", &many);
	(void)stall_commit();
	put_policy("shop", "s", &small);
	wd_expect_int(2, stall_commit().compiled);
	wd_expect(wd_store_del(store, WD_KIND_NETPOL, "crowd", "base", NULL));
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	stall_end();
}

/* Whatever it is that it was wanted for, also where pods had a policy before. */
static void no_pod_is_closed_because_the_kernel_has_no_memory(void)
{
	struct shape shape = { 1, 1, 2, 2, 0, false };
	int failures = 0;

	stall_begin(false);
	put_policy("shop", "s", &shape);
	(void)stall_commit();
	for (int at = 0; at < 100; at++) {
		char *why = NULL;

		shape.ports++;
		shape.values++;
		put_policy("shop", "s", &shape);
		reach_left = at;
		if (!wd_model_commit(model, &why))
			break;
		failures++;
		wd_expect(why && strstr(why, "stays in force"));
		free(why);
		wd_expect(wd_model_dirty(model));
		wd_expect_int(0, stall_closed(""));
		reach_left = -1;
		(void)stall_commit();
		wd_expect_int(0, stall_closed(""));
	}
	reach_left = -1;
	wd_expect(failures >= 3 && failures < 100);
	stall_end();
}

static struct wd_ep_info info_of(uint32_t id)
{
	struct wd_ep_info info;

	wd_expect_int(0, wd_model_endpoint(model, id, &info));
	return info;
}

/* The crowd's pods get none of what they want; @at: how often it was tried. */
static void commit_without_crowd(uint32_t at)
{
	uint32_t had = info_of(1).slot;
	struct wd_model_stats stats;
	char *why = NULL;

	wd_expect_int(-ENOMEM, wd_model_commit(model, &why));
	wd_expect(why && strstr(why, "what 40 endpoints have stays in force"));
	free(why);
	wd_expect_int(PODS, wd_model_behind(model));
	wd_expect(wd_model_dirty(model));
	wd_expect_int(0, wd_model_settle(model));
	wd_model_stats(model, &stats);
	wd_expect_int(at, stats.gen);
	wd_expect_int(0, stall_closed(""));
	for (uint32_t i = 0; i < PODS; i++)
		wd_expect_int(had, info_of(1 + i).slot);
}

static void who_lacks_memory_for_good_keeps_nobody_else_waiting(void)
{
	static const struct shape few = { 1, 1, 2, 2, 0, false };
	static const struct shape more = { 1, 1, 100, 2, 0, false };
	static const struct shape less = { 1, 1, 1, 2, 0, false };
	uint32_t shop = PODS + 1;
	struct wd_model_stats stats;
	uint32_t had;

	stall_begin(false);
	put_policy("crowd", "p", &few);
	put_policy("shop", "s", &few);
	(void)stall_commit();
	wd_model_stats(model, &stats);
	had = info_of(shop).slot;
	reach_never = 100;
	put_policy("crowd", "p", &more);
	put_policy("shop", "s", &less);
	commit_without_crowd(stats.gen + 1);
	wd_expect(had != info_of(shop).slot);
	wd_expect(wd_store_del(store, WD_KIND_NETPOL, "shop", "s", NULL));
	wd_expect(info_of(shop).isolated[WD_INGRESS]);
	commit_without_crowd(stats.gen + 2);
	wd_expect(!info_of(shop).isolated[WD_INGRESS]);
	commit_without_crowd(stats.gen + 2); /* nobody wants anything else */
	/* one that is new has nothing, and lets nothing pass */
	put_pod((int)PODS + 2, "crowd", "c", 0);
	wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
	wd_expect_int(WD_EP_WAITING, info_of(PODS + 3).state);
	had = info_of(1).slot;
	reach_never = 0;
	(void)stall_commit();
	wd_expect_int(0, wd_model_behind(model));
	wd_expect(had != info_of(1).slot);
	wd_expect_int(info_of(1).slot, info_of(PODS + 3).slot);
	stall_end();
}

/* Pod @i of the crowd, which wants nothing to be judged. */
static void put_pod_off(int i)
{
	struct wd_label label = { "app", "c" };
	struct wd_object *obj;
	char name[16];

	(void)snprintf(name, sizeof(name), "p%d", i);
	obj = object_of(WD_KIND_POD, "crowd", name);
	obj->pod.labels = wd_labels_get(&label, 1);
	obj->pod.mode = WD_MODE_OFF;
	(void)wd_store_put(store, obj);
}

/* Of the interface of pod @i, in the half that is in force. */
static uint16_t flags_of(int i)
{
	const struct wd_endpoint_val *val =
		wd_model_wants(model, WD_MAP_wd_endpoint, &ep[i].ifindex);
	struct wd_model_stats stats;

	wd_model_stats(model, &stats);
	return wd_expect(val) ? val->flags[stats.gen & 1] : 0;
}

/* The cluster's policies hold for it, whatever the pod says. */
static void who_lacks_memory_is_not_open_by_what_its_pod_says(void)
{
	static const struct shape few = { 1, 1, 2, 2, 0, false };
	struct wd_policy_rule rule = { 0 };
	int late = (int)PODS + 2;

	stall_begin(false);
	put_policy("crowd", "p", &few);
	stall_fill(&rule, &(struct shape){ 1, 1, 3, 2, 0, false });
	put_rule("", "w", of_app("c"), &rule);
	(void)stall_commit();
	wd_expect_int(0, flags_of(0) & WD_EP_OFF);
	reach_never = 1;
	put_pod_off(0);
	put_pod(late, "crowd", "c", 0);
	put_pod_off(late);
	for (int i = 0; i < 3; i++) {
		wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
		wd_expect_int(0, wd_model_settle(model));
		wd_expect_int(0, flags_of(0) & (WD_EP_OFF | WD_EP_AUDIT));
		wd_expect_int(0, flags_of(late) & (WD_EP_OFF | WD_EP_AUDIT));
	}
	reach_never = 0;
	(void)stall_commit();
	wd_expect(info_of(1).lifted);
	wd_expect_int(0, flags_of(0) & WD_EP_OFF);
	wd_expect_int(0, flags_of(late) & WD_EP_OFF);
	stall_end();
}

/* Nobody waits for all that they try in vain; each has its turn. */
static void who_lacks_memory_does_not_take_long_each_time(void)
{
	static const struct shape heavy = { 20, 1, 100, 1, 30000, true };
	static const struct shape few = { 1, 1, 2, 2, 0, false };
	int late = (int)PODS + 2, commits = 0;
	struct wd_policy_rule rule = { 0 };
	struct wd_model_stats was, is;

	stall_begin(true);
	put_pod(late, "crowd", "q", 0);
	stall_fill(&rule, &few);
	put_rule("crowd", "q", of_app("q"), &rule);
	(void)stall_commit();
	reach_never = 2;
	stall_fill(&rule, &heavy);
	put_rule("crowd", "p", of_app("c"), &rule);
	stall_fill(&rule, &(struct shape){ 1, 1, 4, 2, 0, false });
	put_rule("crowd", "q", of_app("q"), &rule);
	wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
	wd_expect_int(PODS + 1, wd_model_behind(model));
	/* it needs no spans any more */
	wd_expect(wd_store_del(store, WD_KIND_NETPOL, "crowd", "q", NULL));
	while (info_of(1 + (uint32_t)late).isolated[WD_INGRESS] &&
	       commits++ < 100) {
		wd_model_stats(model, &was);
		wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
		wd_model_stats(model, &is);
		wd_expect(is.compiled - was.compiled < PODS / 4 * 3);
		wd_expect(wd_model_behind(model) >= PODS);
	}
	wd_expect(commits > 1 && commits < 100);
	reach_never = 0;
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	stall_end();
}

/* Whom there may be room for is tried once all the same, and counted once. */
static void who_lacks_memory_and_waited_for_room_is_tried_once(void)
{
	static const struct shape small = { 1, 1, 2, 2, 0, false };
	struct wd_model_stats was, is;

	stall_begin(true);
	put_policy("crowd", "p", &many);
	(void)stall_commit();
	wd_expect(stall_closed("") > 0);
	wd_expect(wd_store_del(store, WD_KIND_POD, "crowd", ep[0].name, NULL));
	wd_expect_int(0, wd_model_commit(model, NULL));
	put_policy("crowd", "p", &small);
	reach_never = 1;
	wd_model_stats(model, &was);
	wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
	wd_model_stats(model, &is);
	wd_expect_int(PODS - 1, wd_model_behind(model));
	wd_expect_int(PODS - 1, is.compiled - was.compiled);
	reach_never = 0;
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	stall_end();
}

/* What is on trial may be anybody's, and what is enforced the cluster's. */
static void a_trial_without_memory_keeps_nothing_from_being_in_force(void)
{
	static const struct shape few = { 1, 1, 2, 2, 0, false };
	static const struct shape more = { 1, 1, 100, 2, 0, false };
	struct wd_policy_rule rule = { 0 };
	uint32_t had;

	stall_begin(false);
	put_policy("crowd", "p", &few);
	(void)stall_commit();
	had = info_of(1).slot;
	on_trial = true;
	put_policy("crowd", "t", &more);
	on_trial = false;
	stall_fill(&rule, &few);
	put_rule("", "w", of_app("c"), &rule);
	reach_never = 100;
	for (int i = 0; i < 3; i++) {
		wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
		wd_expect_int(0, wd_model_settle(model));
		wd_expect_int(PODS, wd_model_behind(model));
		wd_expect(wd_model_dirty(model) && !wd_model_waits(model));
		wd_expect(had != info_of(1).slot);
		wd_expect_int(WD_EP_ENFORCED, info_of(1).state);
		wd_expect(!info_of(1).trial);
	}
	reach_never = 0;
	(void)stall_commit();
	wd_expect(had != info_of(1).slot);
	wd_expect(info_of(1).trial);
	wd_expect(!info_of(1).error);
	stall_end();
}

/* What the agent before has in force is all there is. */
static void a_first_commit_does_without_nobody(void)
{
	static const struct shape more = { 1, 1, 100, 2, 0, false };
	struct wd_model_stats stats;

	stall_begin(false);
	put_policy("crowd", "p", &more);
	reach_never = 100;
	wd_expect_int(-ENOMEM, wd_model_commit(model, NULL));
	wd_expect_int(0, wd_model_behind(model));
	wd_model_stats(model, &stats);
	wd_expect_int(0, stats.gen);
	reach_never = 0;
	(void)stall_commit();
	wd_expect_int(WD_EP_ENFORCED, info_of(1).state);
	stall_end();
}

static void what_is_too_much_at_any_time_is_not_tried_again(void)
{
	static const struct shape vast = { 70, 1, 1000, 2, 0, true };
	static const struct shape steps = { 100, 1, 600, 1, 30000, true };
	static const struct shape small = { 1, 1, 2, 2, 0, false };

	stall_begin(true);
	put_policy("crowd", "p", &vast);
	put_policy("shop", "s", &many);
	(void)stall_commit();
	wd_expect_int(PODS, stall_closed("too many ports, or peers"));
	put_policy("shop", "s", &small);
	wd_expect_int(2, stall_commit().compiled);
	put_policy("crowd", "p", &steps);
	(void)stall_commit();
	wd_expect_int(PODS, stall_closed("as many steps"));
	put_policy("shop", "s", &many);
	wd_expect_int(2, stall_commit().compiled);
	stall_end();
}

int main(void)
{
	WD_TEST(what_a_peer_says_is_looked_for_once_for_all_its_ports);
	WD_TEST(pods_that_no_policy_can_tell_apart_are_compiled_once);
	WD_TEST(who_was_refused_waits_for_room_of_his_own);
	WD_TEST(who_was_refused_waits_for_room_that_all_lack);
	WD_TEST(who_waits_for_room_has_his_turn);
	WD_TEST(policies_of_the_whole_cluster_have_room_whoever_fills_the_tables);
	WD_TEST(policies_of_the_whole_cluster_have_lists_of_rules_whoever_takes_them);
	WD_TEST(policies_of_the_whole_cluster_have_predicates_whoever_takes_them);
	WD_TEST(prefixes_of_the_whole_cluster_close_nobody_elses_pods);
	WD_TEST(predicates_of_many_parts_are_refused_by_what_they_have);
	WD_TEST(no_pod_is_closed_because_the_kernel_has_no_memory);
	WD_TEST(who_lacks_memory_for_good_keeps_nobody_else_waiting);
	WD_TEST(who_lacks_memory_is_not_open_by_what_its_pod_says);
	WD_TEST(who_lacks_memory_and_waited_for_room_is_tried_once);
	WD_TEST(a_trial_without_memory_keeps_nothing_from_being_in_force);
	WD_TEST(who_lacks_memory_does_not_take_long_each_time);
	WD_TEST(a_first_commit_does_without_nobody);
	WD_TEST(what_is_too_much_at_any_time_is_not_tried_again);
	return wd_tests_end();
}
