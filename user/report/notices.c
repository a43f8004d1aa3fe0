/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notices.c - which Event is made or counted on next.
 *
 *	new		POST, a token of the budget
 *	made		PATCH of its series, when there was more of it, and a
 *			token, and not for the time after the last
 *	made, gone	404: whoever keeps Events let it go; POST again
 *	quiet		forgotten after ten times the time
 *
 * Those of policies have a name that all nodes find: who comes later is answered
 * that it exists, and need not tell. Nothing is counted there.
 */
#include "notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../kube/writer.h"
#include "../model/hash.h"
#include "../model/xalloc.h"

#define API "events.k8s.io/v1"
#define CONTROLLER "warder.io/agent"
#define PREFIX_MAX 200 /* of the object's name, in that of the Event */
#define TRIES_MAX 12 /* as client-go */
#define QUIET_TIMES 10

struct entry {
	UT_hash_handle hh;
	char *key;
	enum wd_notice_what what;
	char *api, *kind, *ns, *name, *uid, *reason, *text;
	char *event; /* its name; NULL: to be made */
	uint64_t cnt, told; /* that happened; that the server knows */
	uint64_t telling; /* of the request under way */
	int64_t first_us, last_us; /* CLOCK_REALTIME */
	int64_t last_ms; /* CLOCK_MONOTONIC */
	int64_t next_ms; /* nothing is told before */
	unsigned int tries; /* in a row that failed */
};

struct wd_notices {
	const char *node;
	uint32_t every_ms;
	struct entry *entries;
	struct entry *telling; /* the request under way, NULL none */
	uint32_t cnt[WD_NOTICE__MAX];
	unsigned int tokens;
	int64_t token_ms; /* CLOCK_MONOTONIC, of the last one that came */
	uint64_t untold;
};

static const uint32_t cnt_max[WD_NOTICE__MAX] = {
	[WD_NOTICE_POLICY] = WD_NOTICES_POLICY_MAX,
	[WD_NOTICE_DROP] = WD_NOTICES_DROP_MAX,
};

/* ---- entries ---- */

static void entry_free(struct entry *e)
{
	free(e->key);
	free(e->api);
	free(e->kind);
	free(e->ns);
	free(e->name);
	free(e->uid);
	free(e->reason);
	free(e->text);
	free(e->event);
	free(e);
}

static void forget(struct wd_notices *n, struct entry *e)
{
	n->untold += e->cnt - e->told;
	n->cnt[e->what]--;
	HASH_DEL(n->entries, e);
	entry_free(e);
}

/* Not more than the server takes, and no half of a character. */
static char *cut(const char *text)
{
	size_t len = strlen(text);
	char *copy = wd_xstrdup(text);

	if (len > WD_NOTICE_TEXT_MAX) {
		len = WD_NOTICE_TEXT_MAX;
		while (len && ((unsigned char)copy[len] & 0xc0) == 0x80)
			len--;
		copy[len] = '\0';
	}
	return copy;
}

bool wd_notices_again(struct wd_notices *n, enum wd_notice_what what,
		      const char *key, struct wd_notice_time now)
{
	struct entry *e;

	HASH_FIND_STR(n->entries, key, e);
	if (!e || e->what != what)
		return false;
	e->cnt += what != WD_NOTICE_POLICY; /* it is so, or not */
	e->last_us = now.real_us;
	e->last_ms = now.mono_ms;
	return true;
}

void wd_notices_add(struct wd_notices *n, enum wd_notice_what what,
		    const char *key, const struct wd_notice *notice,
		    uint32_t delay_ms, struct wd_notice_time now)
{
	struct entry *e;

	if (n->cnt[what] == cnt_max[what]) {
		n->untold++;
		return;
	}
	e = wd_xcalloc(1, sizeof(*e));
	e->key = wd_xstrdup(key);
	e->what = what;
	e->api = wd_xstrdup(notice->api);
	e->kind = wd_xstrdup(notice->kind);
	e->ns = wd_xstrdup(notice->ns);
	e->name = wd_xstrdup(notice->name);
	e->uid = wd_xstrdup(notice->uid);
	e->reason = wd_xstrdup(notice->reason);
	e->text = cut(notice->text);
	e->cnt = 1;
	e->first_us = e->last_us = now.real_us;
	e->last_ms = now.mono_ms;
	e->next_ms = now.mono_ms + delay_ms;
	HASH_ADD_KEYPTR(hh, n->entries, e->key, strlen(e->key), e);
	n->cnt[what]++;
}

/* ---- what is told next ---- */

static bool is_open(const struct entry *e)
{
	return !e->event || e->cnt > e->told;
}

/* New ones before counts, policies before drops, those that failed last. */
static bool goes_before(const struct entry *a, const struct entry *b)
{
	if (!b || a->tries != b->tries)
		return !b || a->tries < b->tries;
	if (!a->event != !b->event)
		return !a->event;
	if (a->what != b->what)
		return a->what < b->what;
	return a->next_ms < b->next_ms;
}

static void refill(struct wd_notices *n, int64_t now_ms)
{
	int64_t more = (now_ms - n->token_ms) / n->every_ms;

	if (more <= 0)
		return;
	n->token_ms += more * n->every_ms;
	if (more > WD_NOTICES_BURST - n->tokens)
		n->tokens = WD_NOTICES_BURST;
	else
		n->tokens += (unsigned int)more;
}

static void forget_old(struct wd_notices *n, int64_t now_ms)
{
	int64_t quiet = (int64_t)n->every_ms * QUIET_TIMES;
	struct entry *e = n->entries, *next;

	for (; e; e = next) {
		next = e->hh.next;
		if (e != n->telling && now_ms - e->last_ms > quiet &&
		    now_ms >= e->next_ms + (is_open(e) ? quiet : 0))
			forget(n, e);
	}
}

static struct entry *find_next(struct wd_notices *n, int64_t now_ms)
{
	struct entry *best = NULL, *e, *next;

	refill(n, now_ms);
	if (!n->tokens)
		return NULL;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed is no entry any more */
	HASH_ITER(hh, n->entries, e, next) {
		if (is_open(e) && now_ms >= e->next_ms && goes_before(e, best))
			best = e;
	}
	return best;
}

bool wd_notices_due(struct wd_notices *n, struct wd_notice_time now)
{
	forget_old(n, now.mono_ms);
	return !n->telling && find_next(n, now.mono_ms);
}

/* ---- as requests ---- */

/* FNV-1a, 64 bits. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	} while (*text++);
	return hash;
}

static char *name_of(const struct entry *e)
{
	uint64_t number = (uint64_t)e->first_us;
	size_t len = strnlen(e->name, PREFIX_MAX);

	if (e->what == WD_NOTICE_POLICY) {
		number = hash_text(0xcbf29ce484222325ULL, e->kind);
		number = hash_text(number, e->uid);
		number = hash_text(number, e->reason);
		number = hash_text(number, e->text);
	}
	/* what was cut may end as no part of a name does */
	while (len && (e->name[len - 1] == '.' || e->name[len - 1] == '-'))
		len--;
	return wd_xprintf("%.*s.%016llx", (int)len, e->name,
			  (unsigned long long)number);
}

/* RFC 3339 with microseconds, as all times of Events. */
static void put_time(struct json_object *obj, const char *key, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	char text[64];
	struct tm tm;
	size_t len;

	if (!gmtime_r(&seconds, &tm))
		return;
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + len, sizeof(text) - len, ".%06dZ",
		       (int)(us % 1000000));
	wd_json_str(obj, key, text);
}

/* The server wants two of a thing at least. */
static void put_series(const struct entry *e, struct json_object *doc)
{
	struct json_object *series;

	if (e->cnt < 2 || e->what == WD_NOTICE_POLICY)
		return;
	series = wd_json_object(doc, "series");
	wd_json_int(series, "count",
		    e->cnt < INT32_MAX ? (int64_t)e->cnt : INT32_MAX);
	put_time(series, "lastObservedTime", e->last_us);
}

/* Of an object without a namespace they are in this one. */
static const char *ns_of(const struct entry *e)
{
	return *e->ns ? e->ns : "default";
}

static struct json_object *event_of(const struct wd_notices *n,
				    const struct entry *e, const char *name)
{
	struct json_object *doc = json_object_new_object(), *obj;

	wd_json_str(doc, "apiVersion", API);
	wd_json_str(doc, "kind", "Event");
	obj = wd_json_object(doc, "metadata");
	wd_json_str(obj, "namespace", ns_of(e));
	wd_json_str(obj, "name", name);
	put_time(doc, "eventTime", e->first_us);
	put_series(e, doc);
	wd_json_str(doc, "reportingController", CONTROLLER);
	wd_json_str(doc, "reportingInstance", n->node);
	wd_json_str(doc, "action", "Enforcing");
	wd_json_str(doc, "reason", e->reason);
	obj = wd_json_object(doc, "regarding");
	wd_json_str(obj, "apiVersion", e->api);
	wd_json_str(obj, "kind", e->kind);
	if (*e->ns)
		wd_json_str(obj, "namespace", e->ns);
	wd_json_str(obj, "name", e->name);
	if (*e->uid)
		wd_json_str(obj, "uid", e->uid);
	wd_json_str(doc, "note", e->text);
	wd_json_str(doc, "type", "Warning");
	return doc;
}

static char *path_of(const struct entry *e)
{
	return wd_xprintf("/apis/" API "/namespaces/%s/events%s%s", ns_of(e),
			  e->event ? "/" : "", e->event ?: "");
}

bool wd_notices_next(struct wd_notices *n, struct wd_notice_time now,
		     struct wd_kube_write *ret_write)
{
	struct entry *e = n->telling ? NULL : find_next(n, now.mono_ms);
	struct json_object *doc;
	char *name;

	if (!e)
		return false;
	n->tokens--;
	n->telling = e;
	e->telling = e->cnt;
	ret_write->path = path_of(e);
	if (e->event) {
		doc = json_object_new_object();
		put_series(e, doc);
		ret_write->method = "PATCH";
		ret_write->type = "application/strategic-merge-patch+json";
	} else {
		name = name_of(e);
		doc = event_of(n, e, name);
		free(name);
		ret_write->method = "POST";
		ret_write->type = "application/json";
	}
	ret_write->body = wd_xstrdup(
		json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN));
	json_object_put(doc);
	return true;
}

/* ---- what came of it ---- */

static void took(struct wd_notices *n, struct entry *e, int64_t now_ms)
{
	if (!e->event)
		e->event = name_of(e);
	e->told = e->telling;
	e->tries = 0;
	e->next_ms = now_ms + n->every_ms;
}

static void missed(struct wd_notices *n, struct entry *e, int64_t now_ms)
{
	if (++e->tries == TRIES_MAX) {
		forget(n, e);
		return;
	}
	e->next_ms = now_ms;
	if (n->tokens < WD_NOTICES_BURST)
		n->tokens++; /* it was not spent */
}

void wd_notices_done(struct wd_notices *n, int wrote, struct wd_notice_time now)
{
	struct entry *e = n->telling;

	n->telling = NULL;
	if (!e)
		return;
	switch ((enum wd_kube_wrote)wrote) {
	case WD_KUBE_WROTE:
	case WD_KUBE_WROTE_BEFORE:
		took(n, e, now.mono_ms);
		break;
	case WD_KUBE_WROTE_MISSING:
		if (!e->event) {
			forget(n, e); /* its namespace is gone */
			break;
		}
		free(e->event);
		e->event = NULL;
		e->first_us = e->last_us; /* another name */
		missed(n, e, now.mono_ms);
		break;
	case WD_KUBE_WROTE_REFUSED:
		forget(n, e);
		break;
	case WD_KUBE_WROTE_FAILED:
		missed(n, e, now.mono_ms);
		break;
	}
}

/* ---- life ---- */

struct wd_notices *wd_notices_new(const char *node, uint32_t every_ms)
{
	struct wd_notices *n = wd_xcalloc(1, sizeof(*n));

	n->node = node;
	n->every_ms = every_ms;
	n->tokens = WD_NOTICES_BURST;
	return n;
}

void wd_notices_free(struct wd_notices *n)
{
	struct entry *e, *next;

	if (!n)
		return;
	e = n->entries;
	HASH_CLEAR(hh, n->entries);
	for (; e; e = next) {
		next = e->hh.next;
		entry_free(e);
	}
	free(n);
}

uint64_t wd_notices_untold(const struct wd_notices *n)
{
	return n->untold;
}

uint32_t wd_notices_waiting(const struct wd_notices *n)
{
	uint32_t cnt = 0;

	for (const struct entry *e = n->entries; e; e = e->hh.next)
		cnt += is_open(e);
	return cnt;
}
