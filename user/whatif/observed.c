/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * observed.c - two memories of what passed by and what did not, made one.
 */
#include "observed.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../base/byteorder.h"
#include "../base/icmp.h"
#include "../events/denied.h"
#include "../events/events.h"
#include "../model/xalloc.h"

/*
 * A drop, and by which key the flow table has its flow if the packet was not
 * the first of one: what an answer is dropped for is what its flow is.
 */
struct drop {
	UT_hash_handle hh;
	struct {
		struct in6_addr peer;
		uint32_t ep;
		uint16_t own_port, peer_port;
		uint8_t proto, family;
		uint8_t pad[2];
	} key;
	struct wd_denial denial;
	bool is_answer; /* of a flow that was found */
};

struct reading {
	const struct wd_agent *agent;
	struct drop *drops;
	uint32_t now_s; /* CLOCK_MONOTONIC */
	uint32_t since_s;
	struct wd_observations *to;
};

/* One end that is an endpoint here, and the other. */
struct leg {
	uint32_t ep;
	uint8_t family;
	uint8_t proto;
	uint8_t dir; /* who opened it */
	uint8_t own; /* which of the endpoint's addresses: wd_flow_key.laddr */
	bool from_host;
	uint16_t port;
	struct in6_addr peer;
};

static bool own_addr(const struct wd_endpoint *ep, const struct leg *leg,
		     struct in6_addr *ret)
{
	uint32_t nr = 0;

	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < ep->addr_cnt; i++) {
		if (ep->addr[i].family != leg->family || nr++ != leg->own)
			continue;
		memcpy(ret, &ep->addr[i].v6, leg->family == 4 ? 4 : 16);
		return true;
	}
	return false;
}

/* The flow that the leg is of, new or known; NULL: it cannot be judged. */
static struct wd_observed *flow_of(struct reading *reading,
				   const struct leg *leg)
{
	const struct wd_endpoint *ep =
		wd_endpoints_by_id(reading->agent->endpoints, leg->ep);
	bool is_out = leg->dir == WD_EGRESS;
	struct wd_observed_key key = {
		.family = leg->family,
		.proto = leg->proto,
		.port = leg->port,
		.from_host = leg->from_host,
	};
	struct wd_observed *seen;

	if (!ep) {
		reading->to->unjudged[WD_UNJUDGED_GONE]++;
		return NULL;
	}
	if (!own_addr(ep, leg, is_out ? &key.src : &key.dst)) {
		reading->to->unjudged[WD_UNJUDGED_LINK]++;
		return NULL;
	}
	*(is_out ? &key.dst : &key.src) = leg->peer;
	HASH_FIND(hh, reading->to->flows, &key, sizeof(key), seen);
	if (!seen) {
		seen = wd_xcalloc(1, sizeof(*seen));
		seen->key = key;
		seen->idle_s = UINT32_MAX;
		HASH_ADD(hh, reading->to->flows, key, sizeof(key), seen);
	}
	seen->hooks |= (uint8_t)(1U << leg->dir);
	return seen;
}

static void see(struct wd_observed *seen, uint32_t idle_s)
{
	if (idle_s < seen->idle_s)
		seen->idle_s = idle_s;
}

static void see_denied(const struct reading *reading, struct wd_observed *seen,
		       const struct wd_denial *denial)
{
	if (denial->verdict == WD_AUDIT)
		seen->audited += denial->cnt;
	else
		seen->dropped += denial->cnt;
	see(seen, reading->now_s > denial->last_s ?
			  reading->now_s - denial->last_s :
			  0);
}

/* Answers of this flow that were dropped are told of it. */
static void take_answers(struct reading *reading, const struct leg *leg,
			 const struct wd_flow_key *key)
{
	struct wd_observed *seen;
	struct drop *drop, find;

	memset(&find, 0, sizeof(find));
	find.key.peer = leg->peer;
	find.key.ep = leg->ep;
	find.key.own_port = wd_host16(key->lport);
	find.key.peer_port = wd_host16(key->pport);
	find.key.proto = leg->proto;
	find.key.family = leg->family;
	HASH_FIND(hh, reading->drops, &find.key, sizeof(find.key), drop);
	if (!drop || drop->is_answer || drop->denial.dir == leg->dir)
		return;
	seen = flow_of(reading, leg);
	if (seen)
		see_denied(reading, seen, &drop->denial);
	drop->is_answer = true;
}

static void add_passed(void *ctx, const struct wd_flow_entry *flow,
		       const struct wd_flow_times *times)
{
	struct reading *reading = ctx;
	const struct wd_flow_key *key = &flow->key;
	struct leg leg = {
		.ep = key->ep,
		.family = key->family,
		.proto = key->proto,
		.dir = flow->dir,
		.own = key->laddr,
		.from_host = (flow->flags & WD_FLOW_HOST) ||
			     flow->reason == WD_R_HOST,
		.port = wd_host16(key->sub || flow->dir == WD_EGRESS ?
					  key->pport :
					  key->lport),
	};
	struct wd_observed *seen;

	memcpy(&leg.peer, key->family == 4 ? &key->peer[3] : key->peer,
	       key->family == 4 ? 4 : 16);
	if (reading->drops)
		take_answers(reading, &leg, key);
	if (times->idle_s > reading->since_s)
		return;
	seen = flow_of(reading, &leg);
	if (!seen)
		return;
	seen->passed[leg.dir]++;
	see(seen, times->idle_s);
}

static void add_denied(void *ctx, const struct wd_denial *denial)
{
	struct reading *reading = ctx;
	bool is_out = denial->dir == WD_EGRESS;
	struct drop *drop, *same;

	if (!wd_reason_by_policy(denial->reason)) {
		reading->to->other[denial->reason] += denial->cnt;
		return;
	}
	drop = wd_xcalloc(1, sizeof(*drop));
	drop->denial = *denial;
	memcpy(&drop->key.peer, denial->peer, sizeof(drop->key.peer));
	drop->key.ep = denial->ep;
	drop->key.own_port = is_out ? denial->src_port : denial->port;
	drop->key.peer_port = is_out ? denial->port : denial->src_port;
	drop->key.proto = denial->proto;
	drop->key.family = denial->family;
	HASH_FIND(hh, reading->drops, &drop->key, sizeof(drop->key), same);
	if (!same) {
		HASH_ADD(hh, reading->drops, key, sizeof(drop->key), drop);
		return;
	}
	/* dropped for another reason before: one of them is enough of a key */
	same->denial.cnt += denial->cnt;
	if (denial->last_s > same->denial.last_s)
		same->denial.last_s = denial->last_s;
	free(drop);
}

#define EPHEMERAL 32768 /* ip_local_port_range begins there by default */

/* Its flow is not in the table, but whoever opens one sends from a high port to a low one. */
static bool looks_like_answer(const struct wd_denial *denial)
{
	switch (denial->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return denial->port >= EPHEMERAL &&
		       denial->src_port < EPHEMERAL;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return !wd_icmp_opens(denial->family,
				      (uint8_t)(denial->port >> 8));
	}
	return false;
}

static void settle_drop(struct reading *reading, const struct wd_denial *denial)
{
	struct leg leg = {
		.ep = denial->ep,
		.family = denial->family,
		.proto = denial->proto,
		.dir = denial->dir,
		.port = denial->port,
	};
	struct wd_observed *seen;

	if (looks_like_answer(denial)) {
		reading->to->unjudged[WD_UNJUDGED_ANSWER]++;
		return;
	}
	memcpy(&leg.peer, denial->peer, sizeof(leg.peer));
	seen = flow_of(reading, &leg);
	if (seen)
		see_denied(reading, seen, denial);
}

void wd_observed_read(const struct wd_agent *agent, uint32_t since_s,
		      struct wd_observations *ret)
{
	struct reading reading = {
		.agent = agent,
		.since_s = since_s,
		.to = ret,
	};
	struct timespec now;

	memset(ret, 0, sizeof(*ret));
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	reading.now_s = (uint32_t)now.tv_sec;
	if (agent->events)
		wd_denied_each(wd_events_denied(agent->events), reading.now_s,
			       since_s, add_denied, &reading);
	ret->err = wd_flow_read_dead(agent->config.bpffs, add_passed, &reading);
	/* not freed: the process ends with the answer */
	for (const struct drop *drop = reading.drops; drop;
	     drop = drop->hh.next)
		if (!drop->is_answer)
			settle_drop(&reading, &drop->denial);
}

uint32_t wd_observed_passed(const struct wd_observed *seen)
{
	bool is_in = seen->hooks & (1U << WD_INGRESS);

	return seen->passed[is_in ? WD_INGRESS : WD_EGRESS];
}

struct wd_flow wd_observed_flow(const struct wd_observed *seen)
{
	struct wd_flow flow = {
		.src.family = seen->key.family,
		.dst.family = seen->key.family,
		.from_host = seen->key.from_host,
		.proto = seen->key.proto,
		.port = seen->key.port,
	};

	memcpy(&flow.src.v6, &seen->key.src, sizeof(seen->key.src));
	memcpy(&flow.dst.v6, &seen->key.dst, sizeof(seen->key.dst));
	return flow;
}
