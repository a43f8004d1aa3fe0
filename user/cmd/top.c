/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top.c - `warder top`: the node as it is from one look to the next: packets a
 * second by verdict, what is dropped for which reason, rules, pods, flows,
 * encryption.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "cmd.h"
#include "screen.h"
#include "top_rules.h"

#define INTERVAL_MS 2000
#define INTERVAL_MIN_MS 200
#define REASONS_SHOWN 6
#define POD_COLS 38
#define PODS_SHOWN 100 /* as far as there is room */
#define ENCRYPTION_EVERY 10 /* looks: its record is a file */

/* One look. */
struct look {
	struct json_object *status, *endpoints, *maps;
	double time; /* seconds, monotonic */
};

struct top {
	const struct wd_args *args;
	struct look was, now;
	struct wd_top_rules rules;
	struct json_object *encryption;
	uint32_t looks;
};

/* ---- looking ---- */

static void look_fini(struct look *look)
{
	json_object_put(look->status);
	json_object_put(look->endpoints);
	json_object_put(look->maps);
	*look = (struct look){};
}

static int look_at(const struct wd_args *args, struct look *ret)
{
	struct json_object *req = wd_cmd_request("endpoint.list");
	struct timespec now;
	int code;

	*ret = (struct look){};
	wd_json_bool(req, "counters", true);
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &ret->endpoints);
	if (!code)
		code = wd_cmd_ask(args, wd_cmd_request("status"),
				  WD_CMD_TIMEOUT_MS, &ret->status);
	if (!code)
		code = wd_cmd_ask(args, wd_cmd_request("map.list"),
				  WD_CMD_TIMEOUT_MS, &ret->maps);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	ret->time = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	if (code)
		look_fini(ret);
	return code;
}

static int look_again(struct top *top)
{
	struct look next;
	int code = look_at(top->args, &next);

	if (!code) {
		code = wd_top_rules_look(top->args, &top->rules);
		if (code)
			look_fini(&next);
	}
	if (!code && top->looks++ % ENCRYPTION_EVERY == 0) {
		json_object_put(top->encryption);
		top->encryption = NULL;
		code = wd_cmd_ask(top->args,
				  wd_cmd_request("encryption.status"),
				  WD_CMD_TIMEOUT_MS, &top->encryption);
		if (code)
			look_fini(&next);
	}
	if (code)
		return code;
	look_fini(&top->was);
	top->was = top->now;
	top->now = next;
	return WD_EXIT_OK;
}

/* ---- what it comes to ---- */

static double seconds(const struct top *top)
{
	double all = top->now.time - top->was.time;

	return top->was.status && all > 0 ? all : 0;
}

/* Counters of an agent that began anew began anew, too. */
static double rate(const struct top *top, int64_t was, int64_t now)
{
	double s = seconds(top);

	return s > 0 && now > was ? (double)(now - was) / s : 0;
}

static int64_t counted(struct json_object *status, const char *verdict,
		       size_t only)
{
	int64_t sum = 0;

	for (size_t i = 0; i < wd_json_len(status, "counters"); i++) {
		struct json_object *c = wd_json_at(status, "counters", i);

		if ((only == SIZE_MAX || only == i) &&
		    !strcmp(wd_json_get_str(c, "verdict"), verdict))
			sum += wd_json_get_int(c, "packets");
	}
	return sum;
}

static int64_t of_pod(struct json_object *ep, const char *verdict)
{
	struct json_object *c = wd_json_get(ep, "counters");

	return wd_json_get_int(wd_json_get(wd_json_get(c, "ingress"), verdict),
			       "packets") +
	       wd_json_get_int(wd_json_get(wd_json_get(c, "egress"), verdict),
			       "packets");
}

static struct json_object *pod_of(struct json_object *endpoints, int64_t id)
{
	for (size_t i = 0; i < wd_json_len(endpoints, "endpoints"); i++) {
		struct json_object *ep = wd_json_at(endpoints, "endpoints", i);

		if (wd_json_get_int(ep, "id") == id)
			return ep;
	}
	return NULL;
}

static int64_t flow_cnt(struct json_object *maps)
{
	for (size_t i = 0; i < wd_json_len(maps, "maps"); i++) {
		struct json_object *map = wd_json_at(maps, "maps", i);

		if (!strcmp(wd_json_get_str(map, "name"), "wd_flow"))
			return wd_json_get_int(map, "used");
	}
	return 0;
}

/* Share of bytes between nodes that were proven to be encrypted; -1: none passed. */
static double proven(struct json_object *encryption)
{
	double all = 0, sure = 0;

	for (size_t i = 0; i < wd_json_len(encryption, "kinds"); i++) {
		struct json_object *kind = wd_json_at(encryption, "kinds", i);
		const char *evidence = wd_json_get_str(kind, "evidence");
		double bytes =
			(double)(wd_json_get_int(wd_json_get(kind, "egress"),
						 "bytes") +
				 wd_json_get_int(wd_json_get(kind, "ingress"),
						 "bytes"));

		if (!strcmp(evidence, "stopped"))
			continue;
		all += bytes;
		sure += !strcmp(evidence, "proven") ? bytes : 0;
	}
	return all > 0 ? sure * 100 / all : -1;
}

/* ---- the document ---- */

static void put_rate(struct json_object *obj, const char *key, double value)
{
	wd_json_add(obj, key, json_object_new_double(value));
}

static void put_reasons(const struct top *top, struct json_object *array)
{
	for (size_t i = 0; i < wd_json_len(top->now.status, "counters"); i++) {
		struct json_object *c =
			wd_json_at(top->now.status, "counters", i);
		const char *verdict = wd_json_get_str(c, "verdict");
		int64_t now = wd_json_get_int(c, "packets");
		struct json_object *obj;

		if (!strcmp(verdict, "allow") || !now)
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "reason", wd_json_get_str(c, "reason"));
		wd_json_str(obj, "direction", wd_json_get_str(c, "direction"));
		wd_json_str(obj, "verdict", verdict);
		wd_json_int(obj, "packets", now);
		put_rate(obj, "per_s",
			 rate(top, counted(top->was.status, verdict, i), now));
	}
}

static void put_pods(const struct top *top, struct json_object *array)
{
	static const char *const verdicts[] = { "allow", "drop", "audit" };

	for (size_t i = 0; i < wd_json_len(top->now.endpoints, "endpoints");
	     i++) {
		struct json_object *ep =
			wd_json_at(top->now.endpoints, "endpoints", i);
		struct json_object *was =
			pod_of(top->was.endpoints, wd_json_get_int(ep, "id"));
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "namespace", wd_json_get_str(ep, "namespace"));
		wd_json_str(obj, "name", wd_json_get_str(ep, "name"));
		wd_json_str(obj, "mode", wd_json_get_str(ep, "mode"));
		wd_json_str(obj, "state", wd_json_get_str(ep, "state"));
		for (size_t k = 0; k < 3; k++)
			put_rate(obj, verdicts[k],
				 was ? rate(top, of_pod(was, verdicts[k]),
					    of_pod(ep, verdicts[k])) :
				       0);
		wd_json_int(obj, "dropped", of_pod(ep, "drop"));
	}
}

static double get_rate(struct json_object *obj, const char *key)
{
	return json_object_get_double(wd_json_get(obj, key));
}

static int compare_double(double a, double b)
{
	return a > b ? -1 : a < b;
}

static int compare_reasons(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a;
	struct json_object *y = *(struct json_object *const *)b;
	int diff = compare_double(get_rate(x, "per_s"), get_rate(y, "per_s"));

	return diff ? diff :
		      compare_double((double)wd_json_get_int(x, "packets"),
				     (double)wd_json_get_int(y, "packets"));
}

static int compare_pods(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a;
	struct json_object *y = *(struct json_object *const *)b;
	int diff = compare_double(get_rate(x, "drop"), get_rate(y, "drop"));

	if (!diff)
		diff = compare_double(get_rate(x, "allow"),
				      get_rate(y, "allow"));
	if (!diff)
		diff = strcmp(wd_json_get_str(x, "namespace"),
			      wd_json_get_str(y, "namespace"));
	return diff ? diff :
		      strcmp(wd_json_get_str(x, "name"),
			     wd_json_get_str(y, "name"));
}

static struct json_object *document(const struct top *top)
{
	static const char *const verdicts[] = { "allow", "drop", "audit" };
	struct json_object *doc = json_object_new_object(), *obj;
	double share = proven(top->encryption);

	wd_json_str(doc, "node", wd_json_get_str(top->now.status, "node"));
	wd_json_str(doc, "rung", wd_json_get_str(top->now.status, "rung"));
	put_rate(doc, "seconds", seconds(top));
	obj = wd_json_object(doc, "packets_per_s");
	for (size_t i = 0; i < 3; i++)
		put_rate(obj, verdicts[i],
			 rate(top,
			      counted(top->was.status, verdicts[i], SIZE_MAX),
			      counted(top->now.status, verdicts[i], SIZE_MAX)));
	wd_json_int(doc, "flows", flow_cnt(top->now.maps));
	if (share < 0)
		wd_json_add(doc, "encrypted_percent", NULL);
	else
		put_rate(doc, "encrypted_percent", share);
	put_reasons(top, wd_json_array(doc, "reasons"));
	wd_top_rules_put(&top->rules, seconds(top), doc);
	put_pods(top, wd_json_array(doc, "pods"));
	json_object_array_sort(wd_json_get(doc, "reasons"), compare_reasons);
	json_object_array_sort(wd_json_get(doc, "pods"), compare_pods);
	return doc;
}

/* ---- for people: 80 columns ---- */

static void print_head(FILE *to, struct json_object *doc)
{
	struct json_object *rates = wd_json_get(doc, "packets_per_s");

	wd_print(to, "warder top: %.30s, rung %s, over %.1f s%s\n",
		 wd_json_get_str(doc, "node"), wd_json_get_str(doc, "rung"),
		 get_rate(doc, "seconds"), to == stdout ? "" : "   q: leave");
	wd_print(to, "packets/s  %.0f allowed, %.0f dropped, %.0f audited\n",
		 get_rate(rates, "allow"), get_rate(rates, "drop"),
		 get_rate(rates, "audit"));
	if (wd_json_get(doc, "encrypted_percent"))
		wd_print(to,
			 "flows      %lld; %.1f %% of bytes between nodes "
			 "proven encrypted\n\n",
			 (long long)wd_json_get_int(doc, "flows"),
			 get_rate(doc, "encrypted_percent"));
	else
		wd_print(to, "flows      %lld; no bytes between nodes\n\n",
			 (long long)wd_json_get_int(doc, "flows"));
}

static void print_reasons(FILE *to, struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "reasons");

	wd_print(to, "%-18s %-8s %-6s %12s %14s\n", "REASON", "WAY", "IS",
		 "PACKETS/S", "IN ALL");
	for (size_t i = 0; i < cnt && i < REASONS_SHOWN; i++) {
		struct json_object *r = wd_json_at(doc, "reasons", i);

		wd_print(to, "%-18s %-8s %-6s %12.0f %14lld\n",
			 wd_json_get_str(r, "reason"),
			 wd_json_get_str(r, "direction"),
			 wd_json_get_str(r, "verdict"), get_rate(r, "per_s"),
			 (long long)wd_json_get_int(r, "packets"));
	}
	if (!cnt)
		wd_print(to, "nothing was dropped\n");
}

static void print_pods(FILE *to, struct json_object *doc)
{
	fputc('\n', to);
	wd_print(to, "%-*s %-8s %9s %9s %12s\n", POD_COLS, "POD", "MODE",
		 "ALLOW/S", "DROP/S", "DROPPED");
	for (size_t i = 0; i < wd_json_len(doc, "pods") && i < PODS_SHOWN;
	     i++) {
		struct json_object *p = wd_json_at(doc, "pods", i);
		const char *state = wd_json_get_str(p, "state");
		char *name = wd_squeeze_name(wd_json_get_str(p, "namespace"),
					     wd_json_get_str(p, "name"),
					     POD_COLS);

		wd_print(to, "%-*s %-8.8s %9.0f %9.0f %12lld\n", POD_COLS, name,
			 strcmp(state, "enforced") ? state :
						     wd_json_get_str(p, "mode"),
			 get_rate(p, "allow"), get_rate(p, "drop"),
			 (long long)wd_json_get_int(p, "dropped"));
		free(name);
	}
}

static void print_all(FILE *to, struct json_object *doc)
{
	print_head(to, doc);
	print_reasons(to, doc);
	wd_top_rules_print(to, doc);
	print_pods(to, doc);
}

/* ---- the loop ---- */

static int paint(const struct top *top)
{
	struct json_object *doc = document(top);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int err = to ? 0 : -ENOMEM;

	if (to) {
		print_all(to, doc);
		err = fclose(to) ? -errno : wd_screen_paint(text);
	}
	free(text);
	json_object_put(doc);
	return err;
}

/* Until a key or a signal ends it. Return: the exit code; words only behind it. */
static int show(struct top *top, int ms)
{
	int key = 0, err = 0;

	for (;;) {
		if (key != -EINTR && look_again(top)) {
			/* said once more, where it stays to be read */
			wd_screen_close();
			(void)look_again(top);
			return WD_EXIT_NO_AGENT;
		}
		err = paint(top);
		if (err)
			break;
		/* the first has nothing to be compared with */
		key = wd_screen_wait(top->looks == 1 ? INTERVAL_MIN_MS : ms);
		if (key == 'q' || key == 'Q' || key == 3 || key == -ECANCELED)
			return WD_EXIT_OK;
		if (key < 0 && key != -EINTR)
			return WD_EXIT_NO; /* nobody looks any more */
	}
	return wd_cmd_fail(top->args, WD_EXIT_NO, "terminal", "%s",
			   wd_errno(err));
}

static int once(struct top *top, int ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000,
					.tv_nsec = ms % 1000 * 1000000L };
	int code = look_again(top);
	struct json_object *doc;

	if (code)
		return code;
	(void)nanosleep(&pause, NULL);
	code = look_again(top);
	if (code)
		return code;
	doc = document(top);
	if (top->args->json)
		wd_cmd_json(doc);
	else
		print_all(stdout, doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

static int cmd_top(const struct wd_args *args)
{
	const char *text = wd_args_get(args, "interval");
	struct top top = { .args = args };
	uint32_t ms = INTERVAL_MS;
	int code;

	if (text && (wd_duration_parse(text, &ms) || ms < INTERVAL_MIN_MS ||
		     ms > 3600000))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--interval",
				   "'%s' is no time from 200ms to 1h", text);
	if (args->json || wd_args_has(args, "once") || !isatty(STDIN_FILENO) ||
	    !isatty(STDOUT_FILENO)) {
		code = once(&top, (int)ms);
	} else {
		int err = wd_screen_open();

		code = err ? wd_cmd_fail(args, WD_EXIT_NO, "terminal", "%s",
					 wd_errno(err)) :
			     show(&top, (int)ms);
		wd_screen_close();
	}
	look_fini(&top.was);
	look_fini(&top.now);
	wd_top_rules_fini(&top.rules);
	json_object_put(top.encryption);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "interval",
	  .arg = "TIME",
	  .help = "between two looks: 500ms, 5s (default 2s)" },
	{ .name = "once",
	  .help = "two looks, and what is between them as plain text" },
	{},
};

const struct wd_cmd wd_cmd_top = {
	.object = "top",
	.summary = "what this node does now, second by second",
	.text = "Packets a second by verdict, what is dropped for which reason, the rules that\n"
		"decide about most packets, pods with the most drops first, flows, and how much\n"
		"between nodes is proven encrypted. In 80 columns; q leaves. Where it is no\n"
		"terminal, or with --json, it is asked as with --once.",
	.opts = opts,
	.fn = cmd_top,
};
