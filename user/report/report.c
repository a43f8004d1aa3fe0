/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - what is told next, and when: the node's standing goes first, at most
 * once in the configured time and up to as much again, at random, so that nodes
 * to which the same happens do not tell of it together. What did not change is
 * told again now and then: a condition that nobody renews is of an agent that ended.
 */
#include "report.h"

#include <stdbool.h>
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <warder/abi.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../base/now.h"
#include "../events/event_doc.h"
#include "../kube/backoff.h"
#include "../kube/kinds.h"
#include "../kube/kube.h"
#include "../kube/reflector.h"
#include "../kube/writer.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "notices.h"
#include "standing.h"

#define SPREAD_MS 5000 /* of agents that start at once */
#define BEAT_TIMES \
	5 /* as seldom as news: who hears nothing knows that the agent is gone */
#define STATUS_TYPE "application/strategic-merge-patch+json"

enum telling {
	TELLING_NOTHING,
	TELLING_STANDING,
	TELLING_NOTICE,
};

struct wd_report {
	struct wd_agent *agent;
	struct wd_kube_writer *writer;
	struct wd_standing *standing; /* NULL: is not told */
	bool standing_due; /* there is something new */
	int64_t standing_ms; /* CLOCK_MONOTONIC: not before */
	int64_t beat_ms; /* CLOCK_MONOTONIC: told again then; 0: it was not told yet */
	struct wd_notices *notices; /* NULL: none are told */
	enum telling telling; /* what is under way */
};

static struct wd_notice_time now_both(void)
{
	struct wd_notice_time now = { .mono_ms = wd_now_ms() };
	struct timespec real;

	(void)clock_gettime(CLOCK_REALTIME, &real);
	now.real_us = real.tv_sec * 1000000LL + real.tv_nsec / 1000;
	return now;
}

/* ---- what the writer asks ---- */

static bool next_notice(struct wd_report *r, struct wd_kube_write *ret_write)
{
	if (!r->notices || !wd_notices_next(r->notices, now_both(), ret_write))
		return false;
	r->telling = TELLING_NOTICE;
	return true;
}

static bool next(void *ctx, struct wd_kube_write *ret_write)
{
	struct wd_report *r = ctx;

	if (!r->standing_due || wd_now_ms() < r->standing_ms)
		return next_notice(r, ret_write);
	r->telling = TELLING_STANDING;
	ret_write->method = "PATCH";
	ret_write->path =
		wd_xprintf("/api/v1/nodes/%s/status", r->agent->config.node);
	ret_write->type = STATUS_TYPE;
	ret_write->body = wd_standing_patch(r->standing);
	return true;
}

static void standing_done(struct wd_report *r, enum wd_kube_wrote wrote)
{
	if (wrote == WD_KUBE_WROTE)
		wd_standing_told(r->standing);
	/* A failure is waited for by the writer, and told again as it is then. */
	if (wrote != WD_KUBE_WROTE_FAILED) {
		r->standing_due = false;
		r->standing_ms =
			wd_now_ms() +
			wd_kube_spread(r->agent->config.report_every_ms);
		r->beat_ms =
			wd_now_ms() +
			(int64_t)BEAT_TIMES * r->agent->config.report_every_ms +
			wd_kube_random(r->agent->config.report_every_ms);
	}
}

static void done(void *ctx, enum wd_kube_wrote wrote)
{
	struct wd_report *r = ctx;
	enum telling telling = r->telling;

	r->telling = TELLING_NOTHING;
	switch (telling) {
	case TELLING_NOTHING:
		break;
	case TELLING_STANDING:
		standing_done(r, wrote);
		break;
	case TELLING_NOTICE:
		wd_notices_done(r->notices, (int)wrote, now_both());
		break;
	}
}

static const struct wd_kube_writer_fns fns = {
	.next = next,
	.done = done,
};

/* ---- what the agent tells ---- */

void wd_report_look(struct wd_report *r)
{
	if (!r)
		return;
	if (r->standing)
		r->standing_due = wd_standing_look(r->standing) ||
				  (r->beat_ms && wd_now_ms() >= r->beat_ms);
	if (r->standing_due ||
	    (r->notices && wd_notices_due(r->notices, now_both())))
		wd_kube_writer_poke(r->writer);
}

/* ---- policies ---- */

static const struct wd_kube_kind *kind_named(const char *name, size_t len)
{
	for (const struct wd_kube_kind *k = wd_kube_kinds; k->path; k++)
		if (strlen(k->name) == len && !strncmp(k->name, name, len))
			return k;
	return NULL;
}

/* As `wd_problem.object` has it: KIND/NS/NAME, or KIND/NAME. */
static void tell_policy(struct wd_report *r, const struct wd_problem *problem,
			const struct wd_kube_kind *kind)
{
	bool kept = problem->effect == WD_PROBLEM_KEPT;
	char *rest = wd_xstrdup(strchr(problem->object, '/') + 1);
	char *slash = strchr(rest, '/');
	const char *name = slash ? slash + 1 : rest;
	const char *ns = slash ? rest : "";
	const struct wd_object *obj;
	char *text = wd_xprintf(
		"%s%s%s (%s)", problem->field, *problem->field ? ": " : "",
		problem->text,
		kept ? "it is not enforced; a version before stays in force" :
		       "what it selects is isolated, and this allows nothing");
	char *key = wd_xprintf("%s %s", problem->object, text);
	struct wd_notice notice = {
		.api = kind->api,
		.kind = kind->name,
		.ns = ns,
		.name = name,
		.reason = kept ? "PolicyRefused" : "PolicyIsolates",
		.text = text,
	};

	if (slash)
		*slash = '\0';
	obj = wd_store_get(r->agent->store, kind->kind, ns, name);
	notice.uid = obj ? obj->uid : "";
	if (!wd_notices_again(r->notices, WD_NOTICE_POLICY, key, now_both()))
		wd_notices_add(r->notices, WD_NOTICE_POLICY, key, &notice,
			       wd_kube_random(r->agent->config.report_every_ms),
			       now_both());
	free(key);
	free(text);
	free(rest);
}

void wd_report_problem(struct wd_report *r, const struct wd_problem *problem)
{
	const struct wd_kube_kind *kind;

	if (!r || !(r->agent->config.report_events & WD_REPORT_POLICIES) ||
	    problem->effect == WD_PROBLEM_IGNORED ||
	    strcmp(problem->file, WD_MANIFESTS_KUBE) != 0 ||
	    !strchr(problem->object, '/'))
		return;
	kind = kind_named(problem->object, strcspn(problem->object, "/"));
	if (kind && kind->kind >= WD_KIND_FIRST_POLICY &&
	    kind->kind < WD_KIND__MAX)
		tell_policy(r, problem, kind);
}

/* ---- drops ---- */

/* Of the peer the address alone: who may read a pod's Events need not know more. */
static char *drop_text(const struct wd_report *r, const struct wd_event *event,
		       const struct wd_endpoint *ep)
{
	bool in = event->dir == WD_INGRESS;
	int family = event->family == 6 ? AF_INET6 : AF_INET;
	char peer[INET6_ADDRSTRLEN] = "?", port[32] = "", number[16];

	(void)inet_ntop(family, in ? event->src : event->dst, peer,
			sizeof(peer));
	(void)snprintf(number, sizeof(number), "protocol %u", event->proto);
	if (wd_event_has_ports(event))
		(void)snprintf(port, sizeof(port), " port %u",
			       wd_host16(event->dport));
	return wd_xprintf(
		"the first of them: %s %s, %s%s: %s: %s (`warder monitor --pod %s/%s` on node %s tells more)",
		in ? "from" : "to", event->family ? peer : "a stranger",
		wd_proto_name(event->proto) ?: number, port,
		wd_reason_name(event->reason), wd_reason_help(event->reason),
		ep->ns, ep->name, r->agent->config.node);
}

static void tell_drop(struct wd_report *r, const char *key,
		      const struct wd_event *event,
		      const struct wd_endpoint *ep)
{
	const struct wd_object *pod =
		wd_store_get(r->agent->store, WD_KIND_POD, ep->ns, ep->name);
	char *text = drop_text(r, event, ep);
	struct wd_notice notice = {
		.api = "v1",
		.kind = "Pod",
		.ns = ep->ns,
		.name = ep->name,
		.uid = pod ? pod->uid : ep->uid,
		.reason = event->verdict == WD_AUDIT ? "PacketsWouldDrop" :
						       "PacketsDropped",
		.text = text,
	};

	wd_notices_add(r->notices, WD_NOTICE_DROP, key, &notice, 0, now_both());
	free(text);
}

void wd_report_drop(struct wd_report *r, const struct wd_event *event)
{
	const struct wd_endpoint *ep;
	char key[64];

	if (!r || !(r->agent->config.report_events & WD_REPORT_DROPS) ||
	    (event->verdict != WD_DROP && event->verdict != WD_AUDIT))
		return;
	(void)snprintf(key, sizeof(key), "%u %u %u %u", event->ep, event->dir,
		       event->reason, event->verdict);
	if (wd_notices_again(r->notices, WD_NOTICE_DROP, key, now_both()))
		return;
	ep = wd_endpoints_by_id(r->agent->endpoints, event->ep);
	if (ep && *ep->ns)
		tell_drop(r, key, event, ep);
}

/* ---- how it goes ---- */

void wd_report_put(const struct wd_report *r, struct json_object *doc)
{
	struct wd_kube_writer_status status;
	struct json_object *obj;

	if (!r) {
		json_object_object_add(doc, "reports", NULL);
		return;
	}
	wd_kube_writer_status(r->writer, &status);
	obj = wd_json_object(doc, "reports");
	wd_json_bool(obj, "node", r->standing != NULL);
	wd_json_str(obj, "events",
		    wd_report_events_name(r->agent->config.report_events));
	wd_json_int(obj, "written", (int64_t)status.written);
	wd_json_int(obj, "refused", (int64_t)status.refused);
	wd_json_int(obj, "failed", (int64_t)status.failures);
	wd_json_int(obj, "waiting",
		    r->standing_due +
			    (r->notices ? wd_notices_waiting(r->notices) : 0));
	wd_json_int(obj, "untold",
		    r->notices ? (int64_t)wd_notices_untold(r->notices) : 0);
	wd_query_time(obj, "last", status.written_ms);
	wd_json_str(obj, "error", status.error);
}

/* ---- life ---- */

int wd_report_new(struct wd_agent *agent, struct wd_report **ret_report)
{
	struct wd_report *r;
	int err;

	*ret_report = NULL;
	if (!agent->config.report_node && !agent->config.report_events)
		return 0;
	r = wd_xcalloc(1, sizeof(*r));
	r->agent = agent;
	err = wd_kube_writer_new(wd_kube_http(agent->kube), agent->loop,
				 &wd_kube_timing, &r->writer);
	if (err) {
		free(r);
		return err;
	}
	if (agent->config.report_node)
		r->standing = wd_standing_new(agent);
	if (agent->config.report_events)
		r->notices = wd_notices_new(agent->config.node,
					    agent->config.report_every_ms);
	wd_kube_writer_start(r->writer, wd_kube_random(SPREAD_MS), &fns, r);
	*ret_report = r;
	return 0;
}

void wd_report_free(struct wd_report *r)
{
	if (!r)
		return;
	wd_kube_writer_free(r->writer);
	wd_standing_free(r->standing);
	wd_notices_free(r->notices);
	free(r);
}
