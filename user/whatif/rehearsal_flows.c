/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rehearsal_flows.c - two verdicts of each flow, and those that differ in words.
 */
#include "rehearsal_flows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/agent.h"
#include "../agent/rungs.h"
#include "../agent/services.h"
#include "../base/icmp.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../events/denied.h"
#include "../events/events.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "observed.h"

/* What the hooks that count say together. Words are shared: flows are many, rules few. */
struct said {
	bool is_judged;
	enum wd_verdict verdict;
	struct json_object *words;
};

/* The words of one rule or reason, once. */
struct words {
	UT_hash_handle hh;
	struct {
		const struct wd_object *policy;
		int32_t rule;
		uint32_t reason;
		uint32_t dir;
		uint32_t verdict;
	} key;
	struct json_object *doc;
};

struct wd_rehearsal_flows {
	const struct wd_agent *agent;
	uint32_t since_s;
	struct wd_observations seen;
	struct words *words;
	uint64_t cnt, dropped, allowed, audit;
};

struct wd_rehearsal_flows *wd_rehearsal_flows_new(const struct wd_agent *agent,
						  uint32_t since_s)
{
	struct wd_rehearsal_flows *flows = wd_xcalloc(1, sizeof(*flows));

	flows->agent = agent;
	flows->since_s = since_s;
	wd_observed_read(agent, since_s, &flows->seen);
	return flows;
}

/* ---- judging ---- */

static struct json_object *words_of(struct wd_rehearsal_flows *flows,
				    const struct wd_decision *d)
{
	struct words *words, key;

	memset(&key, 0, sizeof(key));
	key.key.policy = d->policy;
	key.key.rule = d->rule;
	key.key.reason = d->reason;
	key.key.dir = d->dir;
	key.key.verdict = d->verdict;
	HASH_FIND(hh, flows->words, &key.key, sizeof(key.key), words);
	if (words)
		return words->doc;
	words = wd_xcalloc(1, sizeof(*words));
	words->key = key.key;
	words->doc = json_object_new_object();
	wd_json_str(words->doc, "verdict", wd_verdict_name(d->verdict));
	wd_json_str(words->doc, "reason", wd_reason_name(d->reason));
	wd_json_str(words->doc, "direction", wd_dir_name(d->dir));
	wd_json_add(words->doc, "rule",
		    d->policy ? wd_query_rule(d->policy, d->dir, d->rule) :
				NULL);
	HASH_ADD(hh, flows->words, key, sizeof(words->key), words);
	return words->doc;
}

/* Objects of before are gone: their addresses may be those of others now. */
static void forget_words(struct wd_rehearsal_flows *flows)
{
	HASH_CLEAR(hh, flows->words); /* the documents live on in the flows */
}

static int weight(const struct wd_decision *d)
{
	switch (d->verdict) {
	case WD_DROP:
		return 3;
	case WD_AUDIT:
		return 2;
	case WD_ALLOW:
		break;
	}
	return d->reason == WD_R_POLICY_ALLOW ? 1 : 0;
}

/* Where policy does not fit, objects would let pass what the tables drop. */
static void take_table(struct wd_decision *d)
{
	if (d->table_verdict != WD_DROP || d->verdict == WD_DROP)
		return;
	d->verdict = d->table_verdict;
	d->reason = d->table_reason;
	d->policy = NULL;
	d->rule = -1;
}

/* In the order of a packet: what drops, else what would, else what needed a rule. */
static struct said judge(struct wd_rehearsal_flows *flows,
			 const struct wd_observed *seen)
{
	struct wd_flow flow = wd_observed_flow(seen);
	struct wd_decision hook[WD_DIR__MAX];
	struct wd_decision *best = NULL;
	static const enum wd_dir order[] = { WD_EGRESS, WD_INGRESS };

	flow.late = wd_services_exact(flows->agent);
	wd_model_why(flows->agent->model, &flow,
		     flows->agent->config.host_ingress_policy, hook, NULL);
	for (int i = 0; i < 2; i++) {
		struct wd_decision *d = &hook[order[i]];

		if (!d->enforced ||
		    (order[i] == WD_EGRESS && !(seen->hooks & 1U << WD_EGRESS)))
			continue;
		take_table(d);
		if (!best || weight(d) > weight(best))
			best = d;
	}
	if (!best)
		return (struct said){ .is_judged = false };
	return (struct said){ .is_judged = true,
			      .verdict = best->verdict,
			      .words = words_of(flows, best) };
}

void wd_rehearsal_flows_before(struct wd_rehearsal_flows *flows)
{
	for (struct wd_observed *seen = flows->seen.flows; seen;
	     seen = seen->hh.next) {
		struct said *said = wd_xcalloc(1, sizeof(*said));

		*said = judge(flows, seen);
		seen->own = said;
	}
	forget_words(flows);
}

/* ---- telling ---- */

static void put_end(const struct wd_rehearsal_flows *flows,
		    const struct wd_addr *addr, bool is_host,
		    struct json_object *obj)
{
	struct wd_addr_info info = { 0 };

	wd_model_addr(flows->agent->model, addr, &info);
	wd_json_str(obj, "kind", is_host ? "host" : info.kind);
	wd_json_str(obj, "namespace", info.ns);
	wd_json_str(obj, "name", info.name);
	wd_query_addr(obj, "address", addr);
	wd_query_identity(obj, "identity", info.identity);
}

static bool has_port(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       proto == IPPROTO_SCTP;
}

static void put_flow(const struct wd_rehearsal_flows *flows,
		     const struct wd_observed *seen, struct json_object *obj)
{
	struct wd_flow flow = wd_observed_flow(seen);
	struct timespec now;

	put_end(flows, &flow.src, flow.from_host, wd_json_object(obj, "from"));
	put_end(flows, &flow.dst, false, wd_json_object(obj, "to"));
	wd_json_str(obj, "proto", wd_proto_name(flow.proto));
	wd_json_int(obj, "proto_number", flow.proto);
	if (has_port(flow.proto)) {
		wd_json_int(obj, "port", flow.port);
	} else if (flow.proto == IPPROTO_ICMP || flow.proto == IPPROTO_ICMPV6) {
		wd_json_int(obj, "icmp_type", flow.port >> 8);
		wd_json_int(obj, "icmp_code", flow.port & 0xff);
		wd_json_str(obj, "icmp_name",
			    wd_icmp_name(flow.dst.family,
					 (uint8_t)(flow.port >> 8)));
	}
	wd_json_int(obj, "flows", wd_observed_passed(seen));
	wd_json_int(obj, "dropped_packets", (int64_t)seen->dropped);
	wd_json_int(obj, "audited_packets", (int64_t)seen->audited);
	wd_json_int(obj, "idle_s", seen->idle_s);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	wd_query_time(obj, "last_seen",
		      (now.tv_sec - (int64_t)seen->idle_s) * 1000);
}

/* In one word; NULL: no other verdict. */
static const char *change_of(struct wd_rehearsal_flows *flows,
			     enum wd_verdict was, enum wd_verdict now)
{
	if (was == now)
		return NULL;
	if (now == WD_DROP) {
		flows->dropped++;
		return "dropped";
	}
	if (was == WD_DROP) {
		flows->allowed++;
		return "allowed";
	}
	flows->audit++;
	return now == WD_AUDIT ? "audited" : "no longer audited";
}

static void put_change(struct wd_rehearsal_flows *flows,
		       struct wd_observed *seen, struct json_object *changes)
{
	const struct said *was = seen->own;
	struct said now = judge(flows, seen);
	const char *change;
	struct json_object *obj;

	if (!was->is_judged || !now.is_judged) {
		flows->seen.unjudged[WD_UNJUDGED_MOVED]++;
		return;
	}
	flows->cnt++;
	change = change_of(flows, was->verdict, now.verdict);
	if (!change)
		return;
	obj = wd_json_push(changes);
	wd_json_str(obj, "change", change);
	put_flow(flows, seen, obj);
	wd_json_add(obj, "before", json_object_get(was->words));
	wd_json_add(obj, "after", json_object_get(now.words));
}

static int rank_of(struct json_object *change)
{
	static const char *const order[] = { "dropped", "allowed", "audited" };
	const char *what = wd_json_get_str(change, "change");
	int rank = 0;

	while (rank < 3 && strcmp(what, order[rank]) != 0)
		rank++;
	return rank;
}

static int compare_ends(struct json_object *a, struct json_object *b)
{
	static const char *const keys[] = { "namespace", "name", "address" };
	int diff = 0;

	for (size_t i = 0; i < 3 && !diff; i++)
		diff = strcmp(wd_json_get_str(a, keys[i]),
			      wd_json_get_str(b, keys[i]));
	return diff;
}

/* As it is read: the worst first, then by name. */
static int compare_changes(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a;
	struct json_object *y = *(struct json_object *const *)b;
	int diff = rank_of(x) - rank_of(y);

	if (!diff)
		diff = compare_ends(wd_json_get(x, "from"),
				    wd_json_get(y, "from"));
	if (!diff)
		diff = compare_ends(wd_json_get(x, "to"), wd_json_get(y, "to"));
	if (!diff)
		diff = (int)(wd_json_get_int(x, "proto_number") -
			     wd_json_get_int(y, "proto_number"));
	return diff ? diff :
		      (int)(wd_json_get_int(x, "port") -
			    wd_json_get_int(y, "port"));
}

static int64_t put_unjudged(const struct wd_rehearsal_flows *flows,
			    struct json_object *doc)
{
	static const char *const why[WD_UNJUDGED__MAX] = {
		[WD_UNJUDGED_GONE] = "their pod is gone",
		[WD_UNJUDGED_ANSWER] =
			"dropped answers of flows that the table has forgotten",
		[WD_UNJUDGED_LINK] =
			"the pod's end is an address of the link, or no longer the pod's",
		[WD_UNJUDGED_MOVED] =
			"no end is a guarded pod of this node now",
	};
	struct json_object *array = wd_json_array(doc, "not_judged");
	int64_t sum = 0;

	for (int i = 0; i < WD_UNJUDGED__MAX; i++) {
		struct json_object *obj;

		if (!flows->seen.unjudged[i])
			continue;
		obj = wd_json_push(array);
		wd_json_int(obj, "flows", flows->seen.unjudged[i]);
		wd_json_str(obj, "why", why[i]);
		sum += flows->seen.unjudged[i];
	}
	return sum;
}

/* Packets that no policy would let pass: their reason is another. */
static void put_other(const struct wd_rehearsal_flows *flows,
		      struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "other_drops");

	for (int reason = 0; reason < 256; reason++) {
		struct json_object *obj;

		if (!flows->seen.other[reason])
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "reason", wd_reason_name((uint32_t)reason));
		wd_json_int(obj, "packets", (int64_t)flows->seen.other[reason]);
	}
}

static void put_loss(const struct wd_rehearsal_flows *flows,
		     struct json_object *notes)
{
	struct wd_denied_loss loss =
		wd_denied_losses(wd_events_denied(flows->agent->events));
	struct timespec now;
	char *text;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (!loss.cnt || (uint32_t)now.tv_sec - loss.last_s > flows->since_s)
		return;
	text = wd_xprintf("%llu dropped packets are not among them, the last "
			  "%u s ago: too many at once, or of too many kinds",
			  (unsigned long long)loss.cnt,
			  (uint32_t)now.tv_sec - loss.last_s);
	wd_json_push_str(notes, text);
	free(text);
}

/* What could not be seen, as far as it is known. */
static void put_notes(const struct wd_rehearsal_flows *flows,
		      struct json_object *doc)
{
	const struct wd_agent *agent = flows->agent;
	struct json_object *notes = wd_json_array(doc, "notes");
	const char *rung = wd_rungs_name(agent);
	struct timespec now;
	int64_t age_s;
	char *text;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	age_s = now.tv_sec - agent->started_ms / 1000;
	if (!strcmp(rung, "nft"))
		wd_json_push_str(notes, "rung nft keeps no flows and tells of "
					"no drops: nothing was seen on it");
	else if (!strcmp(rung, "minimal"))
		wd_json_push_str(notes, "rung minimal tells of no drops: only "
					"what passed was seen on it");
	if (flows->seen.err && flows->seen.err != -ENOENT) {
		text = wd_xprintf("the flow table cannot be read: %s",
				  wd_errno(flows->seen.err));
		wd_json_push_str(notes, text);
		free(text);
	}
	if (age_s < flows->since_s) {
		text = wd_xprintf("drops are known since the agent began, "
				  "%lld s ago",
				  (long long)age_s);
		wd_json_push_str(notes, text);
		free(text);
	}
	if (agent->commit_error)
		wd_json_push_str(notes,
				 "what is compared with is not all in force "
				 "yet; see `warder status`");
	put_loss(flows, notes);
}

/* ---- all of them, as they stand ---- */

static uint64_t stopped(const struct wd_observed *seen)
{
	return seen->dropped + seen->audited;
}

/* What was stopped most, then what passed most. */
static int compare_seen(const struct wd_observed *a,
			const struct wd_observed *b)
{
	if (stopped(a) != stopped(b))
		return stopped(a) > stopped(b) ? -1 : 1;
	return wd_observed_passed(a) > wd_observed_passed(b) ?
		       -1 :
		       wd_observed_passed(a) < wd_observed_passed(b);
}

/* As what an end counts among others: its namespace, or what it is. */
static const char *group_of(const struct wd_rehearsal_flows *flows,
			    const struct wd_addr *addr, bool is_host)
{
	struct wd_addr_info info = { 0 };

	wd_model_addr(flows->agent->model, addr, &info);
	if (is_host || !strcmp(info.kind, "host"))
		return "(this node)";
	if (!strcmp(info.kind, "node"))
		return "(nodes)";
	return info.ns ? info.ns : "(world)";
}

static void add_to(struct json_object *obj, const char *key, uint64_t more)
{
	wd_json_int(obj, key, wd_json_get_int(obj, key) + (int64_t)more);
}

/* @known: the pairs by their names, borrowed from @pairs. */
static void add_pair(const struct wd_rehearsal_flows *flows,
		     const struct wd_observed *seen, struct json_object *known,
		     struct json_object *pairs)
{
	struct wd_flow flow = wd_observed_flow(seen);
	const char *from = group_of(flows, &flow.src, flow.from_host);
	const char *to = group_of(flows, &flow.dst, false);
	char *key = wd_xprintf("%s\n%s", from, to);
	struct json_object *pair = NULL;

	if (!json_object_object_get_ex(known, key, &pair)) {
		pair = wd_json_push(pairs);
		wd_json_str(pair, "from", from);
		wd_json_str(pair, "to", to);
		json_object_object_add(known, key, json_object_get(pair));
	}
	add_to(pair, "flows", wd_observed_passed(seen));
	add_to(pair, "dropped_packets", seen->dropped);
	add_to(pair, "audited_packets", seen->audited);
	free(key);
}

void wd_rehearsal_flows_tell(struct wd_rehearsal_flows *flows, uint32_t max,
			     struct json_object *doc)
{
	struct json_object *pairs = wd_json_array(doc, "pairs");
	struct json_object *array = wd_json_array(doc, "flows");
	struct json_object *known = json_object_new_object();
	uint32_t cnt = 0;

	HASH_SORT(flows->seen.flows, compare_seen);
	for (struct wd_observed *seen = flows->seen.flows; seen;
	     seen = seen->hh.next, cnt++) {
		struct json_object *obj;
		struct said said;

		add_pair(flows, seen, known, pairs);
		if (cnt >= max)
			continue;
		said = judge(flows, seen);
		obj = wd_json_push(array);
		put_flow(flows, seen, obj);
		wd_json_add(obj, "now",
			    said.is_judged ? json_object_get(said.words) :
					     NULL);
	}
	json_object_put(known);
	wd_json_int(doc, "flow_count", cnt);
	put_other(flows, doc);
	put_notes(flows, doc);
}

void wd_rehearsal_flows_after(struct wd_rehearsal_flows *flows,
			      struct json_object *doc)
{
	struct json_object *changes = wd_json_array(doc, "changes"), *summary;
	int64_t unjudged;

	for (struct wd_observed *seen = flows->seen.flows; seen;
	     seen = seen->hh.next)
		put_change(flows, seen, changes);
	json_object_array_sort(changes, compare_changes);
	unjudged = put_unjudged(flows, doc);
	put_other(flows, doc);
	put_notes(flows, doc);
	summary = wd_json_object(doc, "summary");
	wd_json_int(summary, "flows", (int64_t)flows->cnt + unjudged);
	wd_json_int(summary, "dropped", (int64_t)flows->dropped);
	wd_json_int(summary, "allowed", (int64_t)flows->allowed);
	wd_json_int(summary, "audit", (int64_t)flows->audit);
	wd_json_int(summary, "unchanged",
		    (int64_t)(flows->cnt - flows->dropped - flows->allowed -
			      flows->audit));
	wd_json_int(summary, "not_judged", unjudged);
}
