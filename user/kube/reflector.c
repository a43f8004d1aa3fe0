/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reflector.c - list, watch, and what to do when either goes wrong.
 *
 *	WAITING --> LISTING --(whole)--> WATCHING --(ends)--> WATCHING ...
 *	   ^           |                    |
 *	   +-- fails --+------ 410, silence, third failure: list again
 *
 * What an answer means (the contract as seen on kube-apiserver 1.36):
 *  1. 410, as HTTP status or in a watch's ERROR line below a 200: the version
 *     is too old; list again, at once the first time.
 *  2. A watch that is silent, or ends with nothing twice: the version may lie in
 *     the future (etcd was restored), which no error tells; list again.
 *  3. A stream that breaks: watch on from the last version; it cost nothing.
 *  4. 404 of a kind that may be missing: it is, unless another version of its
 *     API is served. Of another kind: a failure.
 *  5. 401: the token may have been renewed; once more at once.
 *  6. Anything else: wait, longer each time, at least as long as the server says.
 *  7. A list is asked for as the head of a watch, see initial.h. What breaks
 *     before its end mark was no list; the next one is asked for in pages, and
 *     so it is where a server refuses.
 */
#include "reflector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/loop.h"
#include "../base/now.h"
#include "../model/xalloc.h"
#include "../source/tree.h"
#include "backoff.h"
#include "http.h"
#include "initial.h"
#include "refusal.h"
#include "salvage.h"
#include "stream.h"
#include "url.h"

#define WATCH_FAILURES 3 /* in a row, then it is listed again */
#define EMPTY_WATCHES 2
#define BODY_MAX 1024 /* of an answer that is an error */
#define VERSION_MAX 64
#define PAGES_MAX 100000

const struct wd_kube_timing wd_kube_timing = {
	.backoff_ms = 800,
	.backoff_max_ms = 30000,
	.backoff_reset_ms = 120000,
	.refused_ms = 30000,
	.absent_max_ms = 60000,
	.quiet_ms = 150000,
	.list_quiet_ms = 60000,
	.short_ms = 1000,
	.watch_min_s = 300,
	.watch_max_s = 600,
	.page = 500,
	.grace_ms = 10000,
	.initial_ms = 60000,
	.initial_max_ms = 3600000,
};

struct wd_kube_reflector {
	struct wd_kube_http *http;
	struct wd_timer *timer; /* next try, or no byte came for too long */
	const struct wd_kube_timing *timing;
	const struct wd_kube_reflector_fns *fns;
	void *ctx;
	char *path;
	char *other; /* the same by another version, NULL none */
	bool turned; /* it was asked, too */
	char *select; /* "&fieldSelector=..." or "" */
	bool optional;
	bool refused; /* the last try: 403 */
	bool restart; /* what comes next is a list from its first page on */
	struct wd_kube_initial
		*server; /* does it stream lists; NULL: not asked */
	bool initial; /* what is under way is a list that is streamed */
	bool pages; /* the next list is asked for in pages whatever the server can */

	enum wd_kube_phase phase; /* as told */
	enum wd_kube_phase next; /* what a try is: LISTING or WATCHING */
	struct wd_kube_get *get; /* under way */
	struct wd_kube_stream stream;
	char *token; /* of the next page, NULL: the first */
	char version[VERSION_MAX]; /* reached */
	char page_version[VERSION_MAX]; /* of the list, by its first page */
	char *next_token; /* that this page told */
	uint32_t page_cnt;
	struct wd_kube_backoff backoff;
	uint32_t absent; /* times in a row */
	uint32_t watch_failures; /* in a row */
	uint32_t empty_watches; /* in a row */
	bool relisted; /* because of 410, and no event since */
	bool renewed; /* asked again because of 401 */
	uint32_t watch_events; /* of this watch, bookmarks too */
	int error_code; /* of an ERROR line, 0 none */
	char error_text[300];
	int64_t began_ms; /* CLOCK_MONOTONIC: this request */
	char body[BODY_MAX + 1];
	size_t body_len;

	int64_t since_ms, heard_ms, listed_ms;
	uint64_t lists, watches, events, failures;
	char *error;
};

static void set_phase(struct wd_kube_reflector *r, enum wd_kube_phase phase)
{
	if (r->phase == phase)
		return;
	r->phase = phase;
	r->since_ms = wd_wall_ms();
}

/* ---- waiting ---- */

static void try_in(struct wd_kube_reflector *r, enum wd_kube_phase what,
		   uint32_t ms)
{
	r->next = what;
	wd_timer_set(r->timer, ms);
}

static void set_error(struct wd_kube_reflector *r, const char *text)
{
	if (!r->error || strcmp(r->error, text) != 0)
		wd_debug("kube: %s: %s", r->path, text);
	free(r->error);
	r->error = wd_xstrdup(text);
}

/* Wait as after a failure; at least @min_ms. */
static void try_later(struct wd_kube_reflector *r, enum wd_kube_phase what,
		      uint32_t min_ms)
{
	uint32_t ms = wd_kube_backoff(&r->backoff, r->timing, wd_now_ms());

	r->failures++;
	if (ms < min_ms)
		ms = wd_kube_spread(min_ms);
	if (r->phase != WD_KUBE_ABSENT)
		set_phase(r, WD_KUBE_WAITING);
	try_in(r, what, ms);
}

/* List from the first page on: at once, unless that was done for the same reason just now. */
static void list_again(struct wd_kube_reflector *r, bool at_once)
{
	free(r->token);
	r->token = NULL;
	*r->version = '\0';
	r->watch_failures = r->empty_watches = 0;
	if (at_once && !r->relisted) {
		r->relisted = true;
		try_in(r, WD_KUBE_LISTING, 0);
	} else {
		try_later(r, WD_KUBE_LISTING, 0);
	}
}

/* ---- parsing ---- */

static void copy_version(char *to, const struct wd_tree *meta)
{
	const char *text = NULL;
	const struct wd_tree *node = wd_tree_get(meta, "resourceVersion");

	if (node && node->type == WD_TREE_SCALAR)
		text = node->text;
	if (text && strlen(text) < VERSION_MAX)
		(void)snprintf(to, VERSION_MAX, "%s", text);
}

/* Line ends outside of texts are white space: all of an object is one line to its readers. */
static void flatten(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			text[i] = ' ';
	}
}

static void on_item_tree(void *ctx, const struct wd_tree *root)
{
	struct wd_kube_reflector *r = ctx;

	r->fns->item(r->ctx, root);
}

/*
 * One object that cannot be read is not to hide all others. Reading changes
 * the text, so that of one that failed only a copy can tell its names.
 */
static int read_or_salvage(struct wd_kube_reflector *r, char *text, size_t len,
			   wd_tree_fn fn, struct wd_kube_salvage *ret_found)
{
	bool is_event = fn != on_item_tree;
	struct wd_tree_error error = { 0 };
	char *copy;
	int err;

	flatten(text, len);
	wd_kube_salvage_nuls(text, len);
	copy = wd_xcalloc(len, 1);
	memcpy(copy, text, len);
	err = wd_json_read_object(text, len, fn, r, &error);
	if (err) {
		wd_kube_salvage(copy, len, is_event, ret_found);
		if (len == WD_KUBE_OBJECT_MAX)
			(void)snprintf(error.text, sizeof(error.text),
				       "it is larger than %u MiB",
				       WD_KUBE_OBJECT_MAX >> 20);
		(void)snprintf(r->error_text, sizeof(r->error_text), "%s",
			       error.text);
	}
	free(copy);
	return err;
}

static int on_item(void *ctx, char *text, size_t len)
{
	struct wd_kube_reflector *r = ctx;
	struct wd_kube_salvage found;

	if (!read_or_salvage(r, text, len, on_item_tree, &found))
		return 0;
	r->fns->garbled(r->ctx, wd_kube_salvage_tree(&found), r->error_text);
	*r->error_text = '\0';
	return 0;
}

static void on_meta_tree(void *ctx, const struct wd_tree *root)
{
	struct wd_kube_reflector *r = ctx;
	const char *token = wd_tree_str(wd_tree_get(root, "continue"));

	if (!*r->page_version)
		copy_version(r->page_version, root);
	free(r->next_token);
	r->next_token = token && *token ? wd_xstrdup(token) : NULL;
}

static int on_meta(void *ctx, char *text, size_t len)
{
	struct wd_kube_reflector *r = ctx;
	struct wd_tree_error error = { 0 };

	return wd_json_read_object(text, len, on_meta_tree, r, &error) ?
		       -EBADMSG :
		       0;
}

static void on_status(struct wd_kube_reflector *r, const struct wd_tree *status)
{
	const struct wd_tree *code = wd_tree_get(status, "code");
	const char *text = wd_tree_str(wd_tree_get(status, "message"));
	long value = code && code->type == WD_TREE_SCALAR ?
			     strtol(code->text, NULL, 10) :
			     0;

	r->error_code = value > 0 && value < 1000 ? (int)value : 500;
	(void)snprintf(r->error_text, sizeof(r->error_text),
		       "watch: the server says %d: %.200s", r->error_code,
		       text ? text : "nothing more");
}

static void end_list(struct wd_kube_reflector *r)
{
	(void)snprintf(r->version, VERSION_MAX, "%s", r->page_version);
	r->lists++;
	r->absent = 0;
	r->turned = r->pages = false;
	r->listed_ms = wd_wall_ms();
	free(r->error);
	r->error = NULL;
	r->fns->end(r->ctx);
	set_phase(r, WD_KUBE_WATCHING);
}

/* All that was there has been told: what follows are events. */
static void on_end_mark(struct wd_kube_reflector *r, const struct wd_tree *meta)
{
	copy_version(r->page_version, meta);
	if (!*r->page_version) {
		r->error_code = 500;
		(void)snprintf(r->error_text, sizeof(r->error_text),
			       "list: its end has no resourceVersion");
		return;
	}
	if (r->restart) /* it is of what is not asked for any more */
		return;
	r->initial = false;
	r->next = WD_KUBE_WATCHING;
	r->watches++;
	r->began_ms = wd_now_ms();
	wd_kube_initial_given(r->server);
	wd_timer_set(r->timer, r->timing->quiet_ms);
	end_list(r);
}

/*
 * Versions of these are in no order and are not to be remembered. A server that
 * knows nothing of end marks tells no end, but that time goes by.
 */
static void on_initial_event(struct wd_kube_reflector *r, const char *type,
			     const struct wd_tree *object)
{
	const struct wd_tree *meta = wd_tree_get(object, "metadata");

	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0) {
		r->fns->item(r->ctx, object);
	} else if (strcmp(type, "DELETED") == 0) {
		r->events++;
		r->fns->event(r->ctx, object, true);
	} else if (strcmp(type, "BOOKMARK") != 0) {
		wd_debug("kube: %s: event '%.40s' is not known, ignoring",
			 r->path, type);
	} else if (wd_kube_initial_is_end(meta)) {
		on_end_mark(r, meta);
	} else {
		r->error_code = 422;
		(void)snprintf(r->error_text, sizeof(r->error_text),
			       "list: a bookmark came and no end before it");
	}
}

static void on_event_tree(void *ctx, const struct wd_tree *root)
{
	struct wd_kube_reflector *r = ctx;
	const char *type = wd_tree_str(wd_tree_get(root, "type"));
	const struct wd_tree *object = wd_tree_get(root, "object");

	if (!type || !object || object->type != WD_TREE_MAP) {
		r->error_code = 500;
		(void)snprintf(r->error_text, sizeof(r->error_text),
			       "watch: a line has no type and object");
		return;
	}
	if (strcmp(type, "ERROR") == 0) {
		on_status(r, object);
		return;
	}
	if (r->initial) {
		on_initial_event(r, type, object);
		return;
	}
	r->watch_events++;
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0) {
		r->events++;
		r->fns->event(r->ctx, object, false);
	} else if (strcmp(type, "DELETED") == 0) {
		r->events++;
		r->fns->event(r->ctx, object, true);
	} else if (strcmp(type, "BOOKMARK") != 0) {
		wd_debug("kube: %s: event '%.40s' is not known, ignoring",
			 r->path, type);
		return;
	}
	copy_version(r->version, wd_tree_get(object, "metadata"));
}

/* It is known that it was deleted, or that it is not as it was any more. */
static int on_garbled_event(struct wd_kube_reflector *r,
			    struct wd_kube_salvage *found)
{
	const struct wd_tree *root = wd_kube_salvage_tree(found);
	bool gone = strcmp(found->type, "DELETED") == 0;

	/* Of a list nothing is sure then, and nothing goes. */
	if (r->initial && !gone && strcmp(found->type, "BOOKMARK") != 0) {
		r->fns->garbled(r->ctx, root, r->error_text);
		*r->error_text = '\0';
		return 0;
	}
	if (!root || (!gone && strcmp(found->type, "ADDED") != 0 &&
		      strcmp(found->type, "MODIFIED") != 0)) {
		char *text = wd_xprintf("watch: a line is not JSON: %.200s",
					r->error_text);

		(void)snprintf(r->error_text, sizeof(r->error_text), "%s",
			       text);
		free(text);
		return -EBADMSG;
	}
	r->watch_events++;
	r->events++;
	if (gone)
		r->fns->event(r->ctx, root, true);
	else
		r->fns->garbled(r->ctx, root, r->error_text);
	if (!r->initial)
		copy_version(r->version, wd_tree_get(root, "metadata"));
	*r->error_text = '\0';
	return 0;
}

static int on_line(void *ctx, char *text, size_t len)
{
	struct wd_kube_reflector *r = ctx;
	struct wd_kube_salvage found;

	if (read_or_salvage(r, text, len, on_event_tree, &found))
		return on_garbled_event(r, &found);
	return r->error_code ? -ECANCELED : 0;
}

static const struct wd_kube_stream_fns list_fns = {
	.item = on_item,
	.meta = on_meta,
};

static const struct wd_kube_stream_fns watch_fns = { .item = on_line };

/* ---- answers that are errors ---- */

static void tell_answer(struct wd_kube_reflector *r,
			const struct wd_kube_answer *answer)
{
	char *text = wd_kube_refusal_text(answer, r->body, r->body_len);

	set_error(r, text);
	free(text);
}

/* A version may have come or gone; the objects are the same. Return: is another one asked now */
static bool turn(struct wd_kube_reflector *r)
{
	char *path = r->other;

	r->turned = path && !r->turned;
	if (!r->turned)
		return false;
	r->other = r->path;
	r->path = path;
	free(r->token);
	r->token = NULL;
	*r->version = '\0';
	try_in(r, WD_KUBE_LISTING, 0);
	return true;
}

static void on_absent(struct wd_kube_reflector *r)
{
	uint64_t ms = (uint64_t)r->timing->backoff_ms
		      << (r->absent < 16 ? r->absent : 16);

	r->absent++;
	free(r->token);
	r->token = NULL;
	free(r->error);
	r->error = NULL;
	*r->version = '\0';
	r->heard_ms = wd_wall_ms();
	set_phase(r, WD_KUBE_ABSENT);
	r->fns->absent(r->ctx);
	if (ms > r->timing->absent_max_ms)
		ms = r->timing->absent_max_ms;
	try_in(r, WD_KUBE_LISTING, wd_kube_spread((uint32_t)ms));
}

static void on_refusal(struct wd_kube_reflector *r, enum wd_kube_phase what,
		       const struct wd_kube_answer *answer)
{
	uint32_t min_ms = answer->retry_after_s * 1000;

	if (answer->status == 404 && r->optional) {
		if (!turn(r))
			on_absent(r);
		return;
	}
	tell_answer(r, answer);
	r->refused = answer->status == 403;
	if (answer->status == 410) {
		list_again(r, true);
		return;
	}
	if (answer->status == 401 && !r->renewed) {
		r->renewed = true;
		try_in(r, what, 0);
		return;
	}
	if (wd_kube_refusal_is(answer->status) &&
	    min_ms < r->timing->refused_ms)
		min_ms = r->timing->refused_ms;
	/* A watch that is refused again and again: perhaps a list is not. */
	if (what == WD_KUBE_WATCHING && ++r->watch_failures >= WATCH_FAILURES) {
		r->watch_failures = 0;
		*r->version = '\0';
		what = WD_KUBE_LISTING;
	}
	try_later(r, what, min_ms);
}

/* ---- requests ---- */

static int on_data(void *ctx, const struct wd_kube_answer *answer,
		   const char *piece, size_t len)
{
	struct wd_kube_reflector *r = ctx;
	bool is_list = r->next == WD_KUBE_LISTING;
	bool is_document = is_list && !r->initial;

	if (answer->status != 200) {
		size_t room = BODY_MAX - r->body_len;

		len = len < room ? len : room;
		memcpy(r->body + r->body_len, piece, len);
		r->body_len += len;
		return 0;
	}
	r->renewed = r->refused = false;
	r->heard_ms = wd_wall_ms();
	if (!r->restart)
		wd_timer_set(r->timer, is_list ? r->timing->list_quiet_ms :
						 r->timing->quiet_ms);
	return is_document ? wd_kube_stream_list(&r->stream, piece, len) :
			     wd_kube_stream_lines(&r->stream, piece, len);
}

static void on_page(struct wd_kube_reflector *r)
{
	if (r->restart) { /* it is of what is not asked for any more */
		try_in(r, WD_KUBE_LISTING, 0);
		return;
	}
	free(r->token);
	r->token = r->next_token;
	r->next_token = NULL;
	if (r->token && ++r->page_cnt < PAGES_MAX) {
		try_in(r, WD_KUBE_LISTING, 0);
		return;
	}
	if (r->token || !*r->page_version) {
		set_error(r, "list: it has no end, or no resourceVersion");
		list_again(r, false);
		return;
	}
	end_list(r);
	try_in(r, WD_KUBE_WATCHING, 0);
}

static void on_list_end(void *ctx, const struct wd_kube_answer *answer)
{
	struct wd_kube_reflector *r = ctx;
	bool whole = wd_kube_stream_is_whole(&r->stream);

	r->get = NULL;
	wd_timer_stop(r->timer);
	wd_kube_stream_fini(&r->stream);
	if (answer->status && answer->status != 200) {
		on_refusal(r, WD_KUBE_LISTING, answer);
	} else if (answer->status && !*answer->error && whole) {
		on_page(r);
	} else {
		set_error(r, *answer->error ? answer->error :
					      "list: the answer is cut off");
		try_later(r, WD_KUBE_LISTING, answer->retry_after_s * 1000);
	}
	r->fns->settled(r->ctx);
}

/* The stream of a watch has ended, by itself or not. */
static void on_stream_end(struct wd_kube_reflector *r,
			  const struct wd_kube_answer *answer)
{
	int64_t lasted = wd_now_ms() - r->began_ms;
	bool broken = *answer->error && !r->error_code;

	if (r->watch_events) {
		r->relisted = false;
		r->watch_failures = r->empty_watches = 0;
	}
	if (r->error_code || *r->error_text) {
		set_error(r, r->error_text);
		if (r->error_code == 410)
			list_again(r, true);
		else if (++r->watch_failures >= WATCH_FAILURES)
			list_again(r, false);
		else
			try_later(r, WD_KUBE_WATCHING, 0);
		return;
	}
	if (!r->watch_events && ++r->empty_watches >= EMPTY_WATCHES) {
		set_error(r, "watch: ended with nothing twice, listing again");
		list_again(r, false);
		return;
	}
	if (broken)
		set_error(r, answer->error);
	if (broken || (!r->watch_events && lasted < r->timing->short_ms)) {
		try_later(r, WD_KUBE_WATCHING, 0);
		return;
	}
	try_in(r, WD_KUBE_WATCHING, 0);
}

/* A list that was streamed, or was to be, ended before its end mark. */
static void on_initial_end(struct wd_kube_reflector *r,
			   const struct wd_kube_answer *answer)
{
	bool is_answer = answer->status && answer->status != 200;
	int code = is_answer ? answer->status : r->error_code;

	r->initial = false;
	/* perhaps it is this form alone that somebody on the way cannot do */
	r->pages |= answer->status == 200 || wd_kube_refusal_is(code) ||
		    (is_answer && code >= 500);
	if (wd_kube_refusal_is(code) && code != 403)
		wd_kube_initial_refused(r->server, r->timing, r->path, code);
	if (is_answer && wd_kube_refusal_is(code)) {
		try_in(r, WD_KUBE_LISTING, 0);
		return;
	}
	if (is_answer) {
		on_refusal(r, WD_KUBE_LISTING, answer);
		return;
	}
	if (*r->error_text)
		set_error(r, r->error_text);
	else
		set_error(r, *answer->error ?
				     answer->error :
				     "list: it ended before its end was told");
	if (code == 410)
		list_again(r, true);
	else
		try_later(r, WD_KUBE_LISTING, answer->retry_after_s * 1000);
}

static void on_watch_end(void *ctx, const struct wd_kube_answer *answer)
{
	struct wd_kube_reflector *r = ctx;

	r->get = NULL;
	wd_timer_stop(r->timer);
	wd_kube_stream_fini(&r->stream);
	if (r->initial) {
		on_initial_end(r, answer);
	} else if (answer->status && answer->status != 200) {
		on_refusal(r, WD_KUBE_WATCHING, answer);
	} else if (!answer->status) {
		set_error(r, *answer->error ? answer->error : "no answer");
		try_later(r, WD_KUBE_WATCHING, 0);
	} else {
		on_stream_end(r, answer);
	}
	r->fns->settled(r->ctx);
}

/* Events are acted on as they come, not when the stream ends. */
static int on_watch_data(void *ctx, const struct wd_kube_answer *answer,
			 const char *piece, size_t len)
{
	struct wd_kube_reflector *r = ctx;
	uint32_t before = r->watch_events;
	bool listing = r->initial;
	int err = on_data(ctx, answer, piece, len);

	if (r->watch_events != before || r->initial != listing) {
		free(r->error);
		r->error = NULL;
		r->fns->settled(r->ctx);
	}
	return err;
}

static const struct wd_kube_get_fns list_get = {
	.data = on_data,
	.end = on_list_end,
};

static const struct wd_kube_get_fns watch_get = {
	.data = on_watch_data,
	.end = on_watch_end,
};

static uint32_t watch_seconds(const struct wd_kube_reflector *r)
{
	const struct wd_kube_timing *t = r->timing;

	return t->watch_min_s +
	       wd_kube_random(t->watch_max_s - t->watch_min_s + 1);
}

static char *path_of(const struct wd_kube_reflector *r)
{
	if (r->initial)
		return wd_kube_url_initial(r->path, r->select,
					   watch_seconds(r));
	if (r->next == WD_KUBE_LISTING)
		return wd_kube_url_list(r->path, r->select, r->timing->page,
					r->token);
	return wd_kube_url_watch(r->path, r->select, watch_seconds(r),
				 r->version);
}

/* From the first page on, whatever it was about. */
static void begin_anew(struct wd_kube_reflector *r)
{
	if (r->get) {
		wd_kube_get_end(r->get);
		wd_kube_stream_fini(&r->stream);
	}
	r->get = NULL;
	r->initial = false;
	free(r->token);
	r->token = NULL;
	*r->version = '\0';
	r->watch_failures = r->empty_watches = 0;
	r->restart = false;
	r->next = WD_KUBE_LISTING;
}

static void ask(struct wd_kube_reflector *r)
{
	bool is_list = r->next == WD_KUBE_LISTING;
	bool is_document;
	char *path;
	int err;

	r->initial = is_list && !r->token && !r->pages &&
		     wd_kube_initial_may(r->server);
	is_document = is_list && !r->initial;
	path = path_of(r);
	wd_kube_stream_init(&r->stream, is_document ? &list_fns : &watch_fns,
			    r);
	r->body_len = 0;
	r->error_code = 0;
	*r->error_text = '\0';
	r->watch_events = 0;
	free(r->next_token);
	r->next_token = NULL;
	r->began_ms = wd_now_ms();
	if (is_list && !r->token) {
		*r->page_version = '\0';
		r->page_cnt = 0;
		r->fns->begin(r->ctx);
	}
	if (is_list && r->phase != WD_KUBE_ABSENT)
		set_phase(r, WD_KUBE_LISTING);
	if (!is_list)
		set_phase(r, WD_KUBE_WATCHING);
	r->watches += !is_list;
	err = wd_kube_get(r->http, path, is_document ? &list_get : &watch_get,
			  r, &r->get);
	free(path);
	if (err) {
		char *text = wd_xprintf("asking: %s", wd_errno(err));

		set_error(r, text);
		free(text);
		try_later(r, r->next, 0);
		r->fns->settled(r->ctx);
		return;
	}
	wd_timer_set(r->timer,
		     is_list ? r->timing->list_quiet_ms : r->timing->quiet_ms);
}

/* No byte for too long. Of a watch: its version may lie in the future. */
static void on_quiet(struct wd_kube_reflector *r)
{
	wd_kube_get_end(r->get);
	r->get = NULL;
	wd_kube_stream_fini(&r->stream);
	if (r->next == WD_KUBE_LISTING) {
		r->pages |= r->initial;
		r->initial = false;
		set_error(r, "list: no answer in time");
		try_later(r, WD_KUBE_LISTING, 0);
	} else {
		set_error(r, "watch: silent for too long, listing again");
		list_again(r, true);
	}
	r->fns->settled(r->ctx);
}

static void on_timer(void *ctx)
{
	struct wd_kube_reflector *r = ctx;

	if (r->restart)
		begin_anew(r);
	if (r->get)
		on_quiet(r);
	else
		ask(r);
}

/* ---- life ---- */

int wd_kube_reflector_new(struct wd_kube_http *http, struct wd_loop *loop,
			  const char *path, bool optional,
			  const struct wd_kube_timing *timing,
			  struct wd_kube_reflector **ret_reflector)
{
	struct wd_kube_reflector *r = wd_xcalloc(1, sizeof(*r));
	int err = wd_timer_new(loop, on_timer, r, &r->timer);

	if (err) {
		free(r);
		return err;
	}
	r->http = http;
	r->path = wd_xstrdup(path);
	r->select = wd_xstrdup("");
	r->optional = optional;
	r->timing = timing;
	r->since_ms = wd_wall_ms();
	*ret_reflector = r;
	return 0;
}

void wd_kube_reflector_or(struct wd_kube_reflector *r, const char *path)
{
	r->other = wd_xstrdup(path);
}

void wd_kube_reflector_stream(struct wd_kube_reflector *r,
			      struct wd_kube_initial *server)
{
	r->server = server;
}

void wd_kube_reflector_start(struct wd_kube_reflector *r, uint32_t ms,
			     const struct wd_kube_reflector_fns *fns, void *ctx)
{
	r->fns = fns;
	r->ctx = ctx;
	try_in(r, WD_KUBE_LISTING, wd_kube_random(ms));
}

void wd_kube_reflector_select(struct wd_kube_reflector *r, const char *field,
			      const char *value)
{
	char *text;
	char *encoded;

	free(r->select);
	if (!value) {
		r->select = wd_xstrdup("");
		return;
	}
	text = wd_xprintf("%s=%s", field, value);
	encoded = wd_kube_url_encode(text);
	r->select = wd_xprintf("&fieldSelector=%s", encoded);
	free(encoded);
	free(text);
}

void wd_kube_reflector_restart(struct wd_kube_reflector *r, uint32_t ms)
{
	r->restart = true;
	wd_timer_set(r->timer, wd_kube_random(ms));
}

void wd_kube_reflector_free(struct wd_kube_reflector *r)
{
	if (!r)
		return;
	if (r->get)
		wd_kube_get_end(r->get);
	wd_kube_stream_fini(&r->stream);
	wd_timer_free(r->timer);
	free(r->path);
	free(r->other);
	free(r->select);
	free(r->token);
	free(r->next_token);
	free(r->error);
	free(r);
}

void wd_kube_reflector_status(const struct wd_kube_reflector *r,
			      struct wd_kube_reflector_status *ret_status)
{
	*ret_status = (struct wd_kube_reflector_status){
		.phase = r->phase,
		.since_ms = r->since_ms,
		.heard_ms = r->heard_ms,
		.listed_ms = r->listed_ms,
		.lists = r->lists,
		.watches = r->watches,
		.events = r->events,
		.failures = r->failures,
		.version = r->version,
		.refused = r->refused,
		.error = r->error,
	};
}
