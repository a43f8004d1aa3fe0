/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor_sum.c - see monitor_sum.h. Kinds stand in the order of their first, so
 * that those whose time is over are the first ones.
 */
#include "monitor_sum.h"

#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/now.h"
#include "../model/hash.h"
#include "../model/xalloc.h"

#define KINDS_MAX 16384 /* the oldest is told of before its time then */

struct kind {
	UT_hash_handle hh;
	char *text; /* what is the same of all of them */
	char *since; /* when the first was */
	struct json_object *last; /* NULL: there was one alone */
	int64_t begin_ms;
	int64_t more;
};

struct wd_sums {
	struct kind *kinds;
	uint32_t window_ms;
};

struct wd_sums *wd_sums_new(uint32_t window_ms)
{
	struct wd_sums *sums = wd_xcalloc(1, sizeof(*sums));

	sums->window_ms = window_ms;
	return sums;
}

static void forget(struct wd_sums *sums, struct kind *kind)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is no entry any more */
	HASH_DEL(sums->kinds, kind);
	json_object_put(kind->last);
	free(kind->since);
	free(kind->text);
	free(kind);
}

void wd_sums_free(struct wd_sums *sums)
{
	struct kind *kind, *next;

	if (!sums)
		return;
	HASH_ITER(hh, sums->kinds, kind, next)
		forget(sums, kind);
	free(sums);
}

static char *side_text(struct json_object *side)
{
	return wd_xprintf("%s/%s %s %lld", wd_json_get_str(side, "namespace"),
			  wd_json_get_str(side, "name"),
			  wd_json_get_str(side, "address"),
			  (long long)wd_json_get_int(side, "identity"));
}

static char *kind_text(struct json_object *event)
{
	char *from = side_text(wd_json_get(event, "from"));
	char *to = side_text(wd_json_get(event, "to"));
	char *text = wd_xprintf(
		"%s %s %s %lld %lld %s%s %lld %lld.%lld %s > %s",
		wd_json_get_str(event, "direction"),
		wd_json_get_str(event, "verdict"),
		wd_json_get_str(event, "reason"),
		(long long)wd_json_get_int(event, "rule_id"),
		(long long)wd_json_get_int(wd_json_get(event, "endpoint"),
					   "ifindex"),
		wd_json_get_str(event, "proto"),
		wd_json_get_str(event, "ethertype"),
		(long long)wd_json_get_int(wd_json_get(event, "to"), "port"),
		(long long)wd_json_get_int(event, "icmp_type"),
		(long long)wd_json_get_int(event, "icmp_code"), from, to);

	free(from);
	free(to);
	return text;
}

static bool is_over(const struct wd_sums *sums, const struct kind *kind)
{
	return wd_now_ms() - kind->begin_ms >= sums->window_ms ||
	       HASH_COUNT(sums->kinds) > KINDS_MAX;
}

bool wd_sums_add(struct wd_sums *sums, struct json_object *event)
{
	char *text = kind_text(event);
	struct kind *kind;

	HASH_FIND_STR(sums->kinds, text, kind);
	if (kind) {
		free(text);
		json_object_put(kind->last);
		kind->last = json_object_get(event);
		kind->more++;
		return false;
	}
	kind = wd_xcalloc(1, sizeof(*kind));
	kind->text = text;
	kind->since = wd_xstrdup(wd_json_get_str(event, "time"));
	kind->begin_ms = wd_now_ms();
	HASH_ADD_KEYPTR(hh, sums->kinds, kind->text, strlen(kind->text), kind);
	return true;
}

struct json_object *wd_sums_due(struct wd_sums *sums, bool all)
{
	struct json_object *doc = NULL;
	struct kind *kind, *next;

	HASH_ITER(hh, sums->kinds, kind, next) {
		if (doc || (!all && !is_over(sums, kind)))
			break;
		if (kind->more) {
			doc = json_object_get(kind->last);
			wd_json_int(doc, "more", kind->more);
			wd_json_str(doc, "since", kind->since);
		}
		forget(sums, kind);
	}
	return doc;
}
