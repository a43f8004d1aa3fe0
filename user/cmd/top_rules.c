/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_rules.c - see top_rules.h. The first look is told of each rule that ever was
 * hit here, the next ones of what was hit since: so one that is new to us had
 * no hit before, and each rate is exact.
 */
#include "top_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "cmd.h"

#define NAMED 20 /* in the document */
#define SHOWN 5 /* on the screen, which has 24 rows */
#define NAME_COLS 42

struct wd_top_count {
	uint32_t id;
	int64_t was, now; /* packets at the last two looks */
};

static int by_id(const void *a, const void *b)
{
	const struct wd_top_count *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* What began anew meanwhile has no rate. */
static int64_t grown(const struct wd_top_count *count)
{
	return count->now > count->was ? count->now - count->was : 0;
}

static int by_hits(const void *a, const void *b)
{
	const struct wd_top_count *x = a, *y = b;

	if (grown(x) != grown(y))
		return grown(x) > grown(y) ? -1 : 1;
	if (x->now != y->now)
		return x->now > y->now ? -1 : 1;
	return by_id(a, b);
}

static int64_t number_at(struct json_object *answer, size_t i)
{
	return json_object_get_int64(wd_json_at(answer, "counts", i));
}

/* Take in what the agent told. Return: 0 or -ENOMEM. */
static int take(struct wd_top_rules *rules, struct json_object *answer)
{
	size_t pairs = wd_json_len(answer, "counts") / 2, had = rules->cnt;
	struct wd_top_count *grown_to =
		realloc(rules->count, (had + pairs + 1) * sizeof(*grown_to));

	if (!grown_to)
		return -ENOMEM;
	rules->count = grown_to;
	for (size_t i = 0; i < had; i++)
		grown_to[i].was = grown_to[i].now;
	for (size_t i = 0; i < pairs; i++) {
		struct wd_top_count new = {
			.id = (uint32_t)number_at(answer, 2 * i),
			.now = number_at(answer, 2 * i + 1),
		};
		struct wd_top_count *count =
			bsearch(&new, grown_to, had, sizeof(*grown_to), by_id);

		if (count) {
			count->now = new.now;
			continue;
		}
		grown_to[rules->cnt++] = new;
	}
	qsort(grown_to, rules->cnt, sizeof(*grown_to), by_id);
	return 0;
}

/* The most hit ones by name. Return: an exit code; it has said what failed. */
static int name_most(const struct wd_args *args, struct wd_top_rules *rules)
{
	struct json_object *req = wd_cmd_request("policy.rules");
	struct json_object *ids = wd_json_array(req, "ids");
	struct wd_top_count *most;

	json_object_put(rules->named);
	rules->named = NULL;
	free(rules->named_id);
	rules->named_id = calloc(NAMED, sizeof(*rules->named_id));
	most = calloc(rules->cnt + 1, sizeof(*most));
	if (!most || !rules->named_id) {
		free(most);
		json_object_put(req);
		return wd_cmd_fail(args, WD_EXIT_NO, "rules", "%s",
				   wd_errno(-ENOMEM));
	}
	for (size_t i = 0; i < rules->cnt; i++)
		most[i] = rules->count[i];
	qsort(most, rules->cnt, sizeof(*most), by_hits);
	for (size_t i = 0; i < NAMED && i < rules->cnt; i++) {
		rules->named_id[i] = most[i].id;
		json_object_array_add(ids, json_object_new_int64(most[i].id));
	}
	free(most);
	return wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &rules->named);
}

int wd_top_rules_look(const struct wd_args *args, struct wd_top_rules *rules)
{
	struct json_object *req = wd_cmd_request("policy.hits");
	struct json_object *answer = NULL;
	int code, err;

	if (rules->tick)
		wd_json_int(req, "since", rules->tick);
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &answer);
	if (code)
		return code;
	err = take(rules, answer);
	json_object_put(rules->answer);
	rules->answer = answer;
	if (err)
		return wd_cmd_fail(args, WD_EXIT_NO, "rules", "%s",
				   wd_errno(err));
	rules->tick = wd_json_get_int(answer, "tick");
	return name_most(args, rules);
}

void wd_top_rules_put(const struct wd_top_rules *rules, double seconds,
		      struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "rules");

	for (size_t i = 0; i < wd_json_len(rules->named, "rules"); i++) {
		struct json_object *rule = wd_json_at(rules->named, "rules", i);
		struct wd_top_count key = { .id = rules->named_id[i] };
		const struct wd_top_count *count =
			bsearch(&key, rules->count, rules->cnt,
				sizeof(*rules->count), by_id);

		if (!rule || !count)
			continue; /* it has gone meanwhile */
		json_object_array_add(array, json_object_get(rule));
		wd_json_int(rule, "packets", count->now);
		wd_json_add(rule, "per_s",
			    json_object_new_double(
				    seconds > 0 ?
					    (double)grown(count) / seconds :
					    0));
	}
	wd_json_str(doc, "rules_not_counted",
		    wd_json_get(rules->answer, "not_counted") ?
			    wd_json_get_str(rules->answer, "not_counted") :
			    NULL);
}

static void print_rule(FILE *to, struct json_object *rule)
{
	int64_t index = wd_json_get_int(rule, "index");
	const char *ns = wd_json_get_str(rule, "namespace");
	char *name = NULL, at[24] = "-";

	wd_format(&name, WD_SHOW_OBJECT_FMT, WD_SHOW_OBJECT(rule));
	if (name && strlen(name) > NAME_COLS) {
		/* the kind is what can be missed */
		free(name);
		name = wd_squeeze_name(*ns ? ns : wd_json_get_str(rule, "kind"),
				       wd_json_get_str(rule, "name"),
				       NAME_COLS);
	}
	if (index >= 0)
		snprintf(at, sizeof(at), "%lld", (long long)index);
	wd_print(to, "%-*s %-7s %4s %9.0f %13lld\n", NAME_COLS, name ?: "",
		 wd_json_get_str(rule, "direction"), at,
		 json_object_get_double(wd_json_get(rule, "per_s")),
		 (long long)wd_json_get_int(rule, "packets"));
	free(name);
}

void wd_top_rules_print(FILE *to, struct json_object *doc)
{
	const char *missing = wd_json_get_str(doc, "rules_not_counted");
	size_t cnt = wd_json_len(doc, "rules");

	fputc('\n', to);
	wd_print(to, "%-*s %-7s %4s %9s %13s\n", NAME_COLS, "RULE", "WAY", "NR",
		 "PACKETS/S", "IN ALL");
	for (size_t i = 0; i < cnt && i < SHOWN; i++)
		print_rule(to, wd_json_at(doc, "rules", i));
	if (*missing)
		wd_print(to, "not counted now: %.60s\n", missing);
	else if (!cnt)
		wd_print(to, "no rule decided about a packet\n");
}

void wd_top_rules_fini(struct wd_top_rules *rules)
{
	free(rules->count);
	free(rules->named_id);
	json_object_put(rules->named);
	json_object_put(rules->answer);
	*rules = (struct wd_top_rules){};
}
