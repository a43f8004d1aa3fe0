/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event_doc.c - an event of the programs as JSON: names for its numbers.
 *
 * Owns what it remembers of who isolates an endpoint, since that takes a look at
 * every policy. Decides nothing about who is shown what.
 */
#include "event_doc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../datapath/ladder.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../query/query.h"

static void put_time(const struct wd_event_words *words,
		     const struct wd_event *event, struct json_object *obj)
{
	int64_t ns = (int64_t)event->time_ns + words->clock_ns;
	time_t seconds = ns / 1000000000;
	char text[64];
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%06dZ",
		 (int)(ns % 1000000000 / 1000));
	wd_json_str(obj, "time", text);
}

static struct wd_addr event_addr(const struct wd_event *event,
				 const __be32 raw[4])
{
	struct wd_addr addr = { .family = event->family };

	if (event->family == 4)
		memcpy(&addr.v4, raw, sizeof(addr.v4));
	else if (event->family == 6)
		memcpy(&addr.v6, raw, sizeof(addr.v6));
	return addr;
}

bool wd_event_has_ports(const struct wd_event *event)
{
	return event->proto == IPPROTO_TCP || event->proto == IPPROTO_UDP ||
	       event->proto == IPPROTO_SCTP;
}

/* Also where the address at hand is none of the pod's. */
static const struct wd_labels *pod_labels(const struct wd_event_words *words,
					  const struct wd_endpoint *ep)
{
	const struct wd_object *pod = wd_store_get(
		words->agent->store, WD_KIND_POD, ep->ns, ep->name);

	return pod ? pod->pod.labels : NULL;
}

static void put_side(const struct wd_event_words *words,
		     const struct wd_event *event, bool from, bool whole,
		     struct json_object *doc)
{
	struct wd_addr addr = event_addr(event, from ? event->src : event->dst);
	bool own = from == (event->dir == WD_EGRESS);
	struct json_object *obj = wd_json_object(doc, from ? "from" : "to");
	const struct wd_endpoint *ep =
		wd_endpoints_by_id(words->agent->endpoints, event->ep);
	struct wd_addr_info info = {};

	wd_query_addr(obj, "address", &addr);
	if (wd_event_has_ports(event))
		wd_json_int(obj, "port",
			    wd_host16(from ? event->sport : event->dport));
	else
		wd_json_str(obj, "port", NULL);
	if (addr.family)
		wd_model_addr(words->agent->model, &addr, &info);
	wd_json_str(obj, "namespace", own && ep ? ep->ns : info.ns);
	wd_json_str(obj, "name", own && ep ? ep->name : info.name);
	wd_query_identity(obj, "identity",
			  own ? event->local_id : event->peer_id);
	if (whole)
		wd_query_labels(obj, "labels",
				own && ep ? pod_labels(words, ep) :
					    info.labels);
}

static void put_proto(const struct wd_event *event, struct json_object *obj)
{
	uint16_t icmp = wd_host16(event->dport);
	char text[16];

	if (!event->family) {
		snprintf(text, sizeof(text), "0x%04x", event->proto_eth);
		wd_json_str(obj, "ethertype", text);
		return;
	}
	snprintf(text, sizeof(text), "%u", event->proto);
	wd_json_str(obj, "proto", wd_proto_name(event->proto) ?: text);
	if (event->proto != IPPROTO_ICMP && event->proto != IPPROTO_ICMPV6)
		return;
	wd_json_int(obj, "icmp_type", icmp >> 8);
	wd_json_int(obj, "icmp_code", icmp & 0xff);
}

static void put_rule(const struct wd_event_words *words,
		     const struct wd_event *event, struct json_object *obj)
{
	const struct wd_object *policy = NULL;
	enum wd_dir dir;
	int index;

	if (event->rule)
		policy = wd_model_rule(words->agent->model, event->rule, &dir,
				       &index);
	wd_json_add(obj, "rule",
		    policy ? wd_query_rule(policy, dir, index) : NULL);
	wd_json_int(obj, "rule_id", event->rule);
}

/* Nothing but the isolation of the endpoint: no rule is to be named. */
static bool is_by_isolation(const struct wd_event *event)
{
	return !event->rule &&
	       (event->reason == WD_R_DEFAULT || event->reason == WD_R_MCAST ||
		event->reason == WD_R_PROTO_UNSUP);
}

/* Are the objects those that the event was judged by? */
static bool is_of_now(const struct wd_model *model,
		      const struct wd_event *event)
{
	struct wd_model_stats stats;

	if (wd_model_dirty(model))
		return false;
	wd_model_stats(model, &stats);
	return stats.gen == event->gen;
}

static void put_isolated(struct wd_event_words *words,
			 const struct wd_event *event,
			 const struct wd_endpoint *ep, struct json_object *doc)
{
	struct wd_event_isolated *at =
		&words->isolated[event->ep % WD_EVENT_ISOLATED_KEPT];
	struct wd_query_subject of = { .store = words->agent->store,
				       .model = words->agent->model,
				       .ep = ep };

	if (!ep || !is_by_isolation(event))
		return;
	of.pod = wd_store_get(of.store, WD_KIND_POD, ep->ns, ep->name);
	if (!at->by || at->ep != event->ep || at->dir != event->dir ||
	    at->gen != event->gen) {
		if (!of.pod || !is_of_now(of.model, event))
			return; /* who did it then is not known */
		json_object_put(at->by);
		at->by = json_object_new_array();
		at->ep = event->ep;
		at->dir = event->dir;
		at->gen = event->gen;
		wd_query_isolated_by(&of, event->dir, at->by);
	}
	wd_json_add(doc, "isolated_by", json_object_get(at->by));
}

struct json_object *wd_event_doc(struct wd_event_words *words,
				 const struct wd_event *event, bool whole)
{
	struct json_object *doc = json_object_new_object(), *obj;
	const struct wd_endpoint *ep =
		wd_endpoints_by_id(words->agent->endpoints, event->ep);
	enum wd_rung rung = event->rung & ~WD_EVENT_TOLD;

	put_time(words, event, doc);
	wd_json_str(doc, "direction", wd_dir_name(event->dir));
	wd_json_str(doc, "verdict", wd_verdict_name(event->verdict));
	wd_json_str(doc, "reason", wd_reason_name(event->reason));
	wd_json_str(doc, "help", wd_reason_help(event->reason));
	put_proto(event, doc);
	put_side(words, event, true, whole, doc);
	put_side(words, event, false, whole, doc);
	obj = wd_json_object(doc, "endpoint");
	wd_json_str(obj, "namespace", ep ? ep->ns : NULL);
	wd_json_str(obj, "name", ep ? ep->name : NULL);
	wd_json_str(obj, "interface", ep ? ep->host_name : NULL);
	wd_json_int(obj, "ifindex", event->ifindex);
	put_rule(words, event, doc);
	wd_json_int(doc, "generation", event->gen);
	wd_json_int(doc, "bytes", event->len);
	wd_json_str(doc, "rung",
		    wd_rung_name(rung < WD_RUNG__MAX ? rung : WD_RUNG_FULL));
	if (event->rung & WD_EVENT_TOLD)
		wd_json_bool(doc, "sender_is_told", true);
	if (whole)
		wd_json_str(doc, "node", words->agent->config.node);
	if (whole || words->tells_isolated)
		put_isolated(words, event, ep, doc);
	return doc;
}

void wd_event_words_fini(struct wd_event_words *words)
{
	for (int i = 0; i < WD_EVENT_ISOLATED_KEPT; i++) {
		json_object_put(words->isolated[i].by);
		words->isolated[i].by = NULL;
	}
}
