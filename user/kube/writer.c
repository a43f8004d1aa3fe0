/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * writer.c - when to write, and what an answer means.
 *
 *	2xx				the server has it
 *	409 of a POST			it was there
 *	404				what was to be changed is not
 *	401, 403			failed; a long wait, the right may come
 *	408, 409, 429, 5xx, none	failed; wait, as long as the server says
 *	anything else			refused for good
 *
 * After each answer a second passes, so that one node never tells more than one
 * thing a second, whatever happens on it.
 */
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/loop.h"
#include "../base/now.h"
#include "../model/xalloc.h"
#include "backoff.h"
#include "reflector.h"

#define GAP_MS 1000
#define ANSWER_MS 10000 /* a server that takes longer has failed */
#define BODY_MAX 4096 /* of an answer; a Status fits */

struct wd_kube_writer {
	struct wd_kube_http *http;
	struct wd_timer *timer; /* not armed, and no request: nothing to tell */
	const struct wd_kube_timing *timing;
	const struct wd_kube_writer_fns *fns; /* NULL: not started */
	void *ctx;
	struct wd_kube_get *get; /* under way */
	bool posts; /* that is a POST */
	struct wd_kube_backoff backoff;
	char body[BODY_MAX + 1];
	size_t len;
	uint64_t written, refused, failures;
	int64_t written_ms;
	char *error;
};

/* ---- what an answer means ---- */

static enum wd_kube_wrote judge(const struct wd_kube_writer *w,
				const struct wd_kube_answer *answer)
{
	int status = answer->status;

	/* The server has done it, whatever became of the rest of its answer. */
	if (status >= 200 && status < 300)
		return WD_KUBE_WROTE;
	if (status == 409 && w->posts)
		return WD_KUBE_WROTE_BEFORE;
	if (status == 404)
		return WD_KUBE_WROTE_MISSING;
	if (status < 400 || status >= 500 || status == 401 || status == 403 ||
	    status == 408 || status == 409 || status == 429)
		return WD_KUBE_WROTE_FAILED;
	return WD_KUBE_WROTE_REFUSED;
}

static void set_error(struct wd_kube_writer *w,
		      const struct wd_kube_answer *answer)
{
	struct json_object *doc = NULL;
	const char *text = "";

	free(w->error);
	if (!answer->status) {
		w->error = wd_xstrdup(*answer->error ? answer->error :
						       "no answer");
		return;
	}
	w->body[w->len] = '\0';
	if (answer->json)
		doc = json_tokener_parse(w->body);
	if (json_object_is_type(doc, json_type_object))
		text = wd_json_get_str(doc, "message");
	w->error = wd_xprintf("HTTP %d%s%.300s", answer->status,
			      *text ? ": " : "", text);
	json_object_put(doc);
}

/* How long nothing is told after it. */
static uint32_t pause_after(struct wd_kube_writer *w,
			    const struct wd_kube_answer *answer)
{
	bool denied = answer->status == 401 || answer->status == 403;
	uint32_t least = denied ? w->timing->refused_ms :
				  answer->retry_after_s * 1000;
	uint32_t ms = wd_kube_backoff(&w->backoff, w->timing, wd_now_ms());

	if (ms < least)
		ms = wd_kube_spread(least);
	return ms < GAP_MS ? GAP_MS : ms;
}

static void settle(struct wd_kube_writer *w,
		   const struct wd_kube_answer *answer)
{
	enum wd_kube_wrote wrote = judge(w, answer);
	uint32_t ms = GAP_MS;

	if (wrote == WD_KUBE_WROTE || wrote == WD_KUBE_WROTE_BEFORE) {
		w->written++;
		w->written_ms = wd_wall_ms();
		w->backoff.failures = 0;
		free(w->error);
		w->error = NULL;
	} else {
		set_error(w, answer);
		if (wrote == WD_KUBE_WROTE_FAILED) {
			w->failures++;
			ms = pause_after(w, answer);
		} else {
			w->refused++;
		}
		wd_debug("kube: writing: %s, next in %u ms", w->error, ms);
	}
	w->fns->done(w->ctx, wrote);
	wd_timer_set(w->timer, ms);
}

/* ---- requests ---- */

static int on_data(void *ctx, const struct wd_kube_answer *answer,
		   const char *piece, size_t len)
{
	struct wd_kube_writer *w = ctx;

	/* Of what is good nothing is read, of the rest the begin. */
	if (answer->status < 300)
		return 0;
	if (len > BODY_MAX - w->len)
		len = BODY_MAX - w->len;
	memcpy(w->body + w->len, piece, len);
	w->len += len;
	return 0;
}

static void on_end(void *ctx, const struct wd_kube_answer *answer)
{
	struct wd_kube_writer *w = ctx;

	w->get = NULL;
	settle(w, answer);
}

static const struct wd_kube_get_fns get_fns = {
	.data = on_data,
	.end = on_end,
};

static void on_timer(void *ctx)
{
	struct wd_kube_writer *w = ctx;
	struct wd_kube_write write = { 0 };
	int err;

	if (w->get || !w->fns->next(w->ctx, &write))
		return;
	w->len = 0;
	w->posts = strcmp(write.method, "POST") == 0;
	err = wd_kube_send(w->http, &write, ANSWER_MS, &get_fns, w, &w->get);
	free(write.path);
	free(write.body);
	if (err) {
		struct wd_kube_answer none = { 0 };

		w->get = NULL;
		(void)snprintf(none.error, sizeof(none.error),
			       "asking the server: %s", wd_errno(err));
		settle(w, &none);
	}
}

/* ---- life ---- */

int wd_kube_writer_new(struct wd_kube_http *http, struct wd_loop *loop,
		       const struct wd_kube_timing *timing,
		       struct wd_kube_writer **ret_writer)
{
	struct wd_kube_writer *w = wd_xcalloc(1, sizeof(*w));
	int err = wd_timer_new(loop, on_timer, w, &w->timer);

	if (err) {
		free(w);
		return err;
	}
	w->http = http;
	w->timing = timing;
	*ret_writer = w;
	return 0;
}

void wd_kube_writer_start(struct wd_kube_writer *w, uint32_t ms,
			  const struct wd_kube_writer_fns *fns, void *ctx)
{
	w->fns = fns;
	w->ctx = ctx;
	wd_timer_set(w->timer, ms);
}

void wd_kube_writer_poke(struct wd_kube_writer *w)
{
	if (w->fns && !w->get && !wd_timer_armed(w->timer))
		wd_timer_set(w->timer, 0);
}

void wd_kube_writer_free(struct wd_kube_writer *w)
{
	if (!w)
		return;
	if (w->get)
		wd_kube_get_end(w->get);
	wd_timer_free(w->timer);
	free(w->error);
	free(w);
}

void wd_kube_writer_status(const struct wd_kube_writer *w,
			   struct wd_kube_writer_status *ret_status)
{
	*ret_status = (struct wd_kube_writer_status){
		.written = w->written,
		.refused = w->refused,
		.failures = w->failures,
		.written_ms = w->written_ms,
		.error = w->error,
	};
}
