/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - what is told next, and when: the node's standing goes first, at most
 * once in the configured time and up to as much again, at random, so that nodes
 * to which the same happens do not tell of it together.
 */
#include "report.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../kube/backoff.h"
#include "../kube/kube.h"
#include "../kube/reflector.h"
#include "../kube/writer.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "standing.h"

#define SPREAD_MS 5000 /* of agents that start at once */
#define STATUS_TYPE "application/strategic-merge-patch+json"

enum telling {
	TELLING_NOTHING,
	TELLING_STANDING,
};

struct wd_report {
	struct wd_agent *agent;
	struct wd_kube_writer *writer;
	struct wd_standing *standing; /* NULL: is not told */
	bool standing_due; /* there is something new */
	int64_t standing_ms; /* CLOCK_MONOTONIC: not before */
	enum telling telling; /* what is under way */
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- what the writer asks ---- */

static bool next(void *ctx, struct wd_kube_write *ret_write)
{
	struct wd_report *r = ctx;

	if (!r->standing_due || now_ms() < r->standing_ms)
		return false;
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
			now_ms() +
			wd_kube_spread(r->agent->config.report_every_ms);
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
		r->standing_due = wd_standing_look(r->standing);
	if (r->standing_due)
		wd_kube_writer_poke(r->writer);
}

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
	wd_json_int(obj, "written", (int64_t)status.written);
	wd_json_int(obj, "refused", (int64_t)status.refused);
	wd_json_int(obj, "failed", (int64_t)status.failures);
	wd_json_int(obj, "waiting", r->standing_due);
	wd_query_time(obj, "last", status.written_ms);
	wd_json_str(obj, "error", status.error);
}

/* ---- life ---- */

int wd_report_new(struct wd_agent *agent, struct wd_report **ret_report)
{
	struct wd_report *r;
	int err;

	*ret_report = NULL;
	if (!agent->config.report_node)
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
	free(r);
}
