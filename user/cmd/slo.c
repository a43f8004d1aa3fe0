// SPDX-License-Identifier: GPL-2.0-only
/*
 * slo.c - `warder slo ...`: how long TCP handshakes of pods take.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/table.h"
#include "../model/xalloc.h"
#include "cmd.h"

/* As 85us, 1.34ms, 2.1s: three digits. To be freed. */
static char *time_text(int64_t ns)
{
	static const struct {
		double ns;
		const char *unit;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if ((double)ns >= units[i].ns)
			return wd_xprintf("%.3g%s", (double)ns / units[i].ns,
					  units[i].unit);
	}
	return wd_xprintf("%lldns", (long long)ns);
}

static void put_time(struct wd_table *table, struct json_object *obj,
		     const char *key)
{
	int64_t ns = wd_json_get_int(obj, key);
	char *text = ns ? time_text(ns) : wd_xstrdup("-");

	wd_table_cell(table, "%s", text);
	free(text);
}

/* A time of @obj, which may be missing. */
static void put_of(struct wd_table *table, struct json_object *side,
		   const char *of, const char *key)
{
	put_time(table, wd_json_get(side, of), key);
}

static void put_sides(struct wd_table *table, const char *ns,
		      struct json_object *of, const char *key)
{
	for (size_t i = 0; i < wd_json_len(of, key); i++) {
		struct json_object *side = wd_json_at(of, key, i);
		const char *guard = wd_json_get_str(side, "guard");

		wd_table_cell(table, "%s", ns);
		wd_table_cell(table, "%s", wd_json_get_str(side, "side"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(side, "handshakes"));
		put_time(table, side, "p50_ns");
		put_time(table, side, "p99_ns");
		put_of(table, side, "baseline", "p50_ns");
		put_of(table, side, "baseline", "p99_ns");
		put_of(table, side, "last", "p50_ns");
		put_of(table, side, "last", "p99_ns");
		wd_table_cell(table, "%s", *guard ? guard : "-");
	}
}

static void print_slow(struct json_object *guard)
{
	const char *since = wd_json_get_str(guard, "slow_since");
	const char *unmeasured = wd_json_get_str(guard, "unmeasured_since");

	if (*since && *unmeasured)
		wd_print(stdout,
			 "not measured since %s, slow before, since %s\n",
			 unmeasured, since);
	else if (*since)
		wd_print(stdout, "SLOW since %s\n", since);
}

/* What one namespace is held to. */
static void print_terms(struct json_object *guard)
{
	long long p50 = (long long)wd_json_get_int(guard, "p50_percent");
	long long p99 = (long long)wd_json_get_int(guard, "p99_percent");
	char tol50[32] = "", tol99[32] = "";

	if (!guard)
		return;
	if (p50)
		(void)snprintf(tol50, sizeof(tol50), "p50 +%lld %%", p50);
	if (p99)
		(void)snprintf(tol99, sizeof(tol99), "%sp99 +%lld %%",
			       p50 ? ", or " : "", p99);
	wd_print(stdout,
		 "slow: %s%s, by %lld us at least, in %lld windows in a row "
		 "(%lld s, %lld handshakes)%s\n",
		 tol50, tol99, (long long)wd_json_get_int(guard, "more_us"),
		 (long long)wd_json_get_int(guard, "times"),
		 (long long)wd_json_get_int(guard, "window_ms") / 1000,
		 (long long)wd_json_get_int(guard, "least"),
		 wd_json_get_bool(guard, "own_figures") ?
			 "" :
			 ", as the agent's slo-* say");
	if (wd_json_get_int(guard, "recording_ms"))
		wd_print(stdout, "a baseline is being taken\n");
	else if (*wd_json_get_str(guard, "taken"))
		wd_print(stdout, "baseline of %s\n",
			 wd_json_get_str(guard, "taken"));
	else
		wd_print(stdout, "no baseline yet: `warder slo baseline`\n");
	print_slow(guard);
	if (!strcmp(wd_json_get_str(guard, "action"), "audit") &&
	    !*wd_json_get_str(guard, "audit_since"))
		wd_print(stdout, "an alarm puts it in audit\n");
	else if (*wd_json_get_str(guard, "audit_since"))
		wd_print(stdout,
			 "IN AUDIT since %s: `warder slo clear`, or `slo set "
			 "--action alarm`, ends it\n",
			 wd_json_get_str(guard, "audit_since"));
}

static void print_status(struct json_object *doc)
{
	static const char *const head[] = {
		"NAMESPACE", "SIDE",	  ">HANDSHAKES", ">P50",
		">P99",	     ">BASE-P50", ">BASE-P99",	 ">LAST-P50",
		">LAST-P99", "GUARD",	  NULL
	};
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "namespaces"); i++) {
		struct json_object *ns = wd_json_at(doc, "namespaces", i);

		put_sides(table, wd_json_get_str(ns, "namespace"), ns, "sides");
	}
	put_sides(table, "(others)", doc, "others");
	wd_table_print(table, stdout, "");
	if (!wd_json_get_bool(doc, "measured"))
		wd_print(stdout, "NOT MEASURED NOW: %s\n",
			 wd_json_get_str(doc, "why_not"));
	if (wd_json_len(doc, "namespaces") == 1)
		print_terms(
			wd_json_get(wd_json_at(doc, "namespaces", 0), "guard"));
}

static int cmd_slo_status(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("slo.status");

	wd_json_str(req, "namespace", args->argc ? args->argv[0] : "");
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_status);
}

const struct wd_cmd wd_cmd_slo_status = {
	.object = "slo",
	.verb = "status",
	.args = "[NS]",
	.min = 0,
	.max = 1,
	.summary = "how long TCP handshakes of the pods of this node take",
	.text = "By namespace, as the pod waits for it: client (it opened) from its "
		"SYN to the\nSYN+ACK, server (it answered) from its SYN+ACK to the "
		"ACK; from the first one,\nwhere they were repeated. Times are within "
		"3 % or so. Counted by the programs of\nrung full, since the namespace "
		"had its first pod here; what this host itself opens\n(probes) is left "
		"out, unless host-ingress is policy. (others): pods in their first\n"
		"second, and namespaces beyond the 254 that are told apart. Beside it "
		"the baseline\nthat is kept, the last window and what the guard says "
		"of it; of one namespace\nalso what counts as slow.",
	.fn = cmd_slo_status,
};

/* ---- what changes the guard ---- */

static void print_changed(struct json_object *doc)
{
	struct json_object *guard = wd_json_get(doc, "guard");

	wd_print(stdout, "namespace %s%s\n", wd_json_get_str(doc, "namespace"),
		 guard ? "" : ": is not guarded any more");
	print_terms(guard);
}

static int cmd_slo_baseline(const struct wd_args *args)
{
	const char *text = wd_args_get(args, "for");
	struct json_object *req;
	uint32_t ms = 0;

	if (text && (wd_duration_parse(text, &ms) || !ms))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--for",
				   "'%s' is no time up to a day, as 90s or 10m",
				   text);
	req = wd_cmd_request("slo.baseline");
	wd_json_str(req, "namespace", args->argv[0]);
	wd_json_int(req, "for_ms", ms);
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_changed);
}

static const struct wd_opt baseline_opts[] = {
	{ .name = "for",
	  .arg = "TIME",
	  .help = "of what is counted from now on, for so long (90s, 10m), and until\n"
		  "there are enough; without it of all that was counted so far" },
	{},
};

const struct wd_cmd wd_cmd_slo_baseline = {
	.object = "slo",
	.verb = "baseline",
	.args = "NS",
	.min = 1,
	.max = 1,
	.summary =
		"keep how long handshakes of a namespace take, to compare with",
	.text = "From now on windows of its handshakes on this node are compared with "
		"p50 and p99\nof the baseline, see `warder slo set`. It is kept over "
		"restarts, until another\none is taken. A side (client, server) of "
		"which too few were counted has none\nand is not looked at.",
	.opts = baseline_opts,
	.fn = cmd_slo_baseline,
};

/* A whole number of an option into @req. Return: 0 or -EINVAL. */
static int put_number(const struct wd_args *args, const char *name,
		      const char *key, struct json_object *req)
{
	const char *text = wd_args_get(args, name);
	char *end = NULL;
	long long value;

	if (!text)
		return 0;
	value = strtoll(text, &end, 10);
	if (!*text || *end || value < 0 || value > UINT32_MAX)
		return -EINVAL;
	wd_json_int(req, key, value);
	return 0;
}

static const struct {
	const char *name;
	const char *key;
} numbers[] = {
	{ "p50", "p50_percent" }, { "p99", "p99_percent" },
	{ "more", "more_us" },	  { "least", "least" },
	{ "times", "times" },
};

static int cmd_slo_set(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("slo.set");
	const char *window = wd_args_get(args, "window");
	const char *bad = NULL;
	uint32_t ms = 0;

	wd_json_str(req, "namespace", args->argv[0]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (put_number(args, numbers[i].name, numbers[i].key, req))
			bad = numbers[i].name;
	}
	if (window && wd_duration_parse(window, &ms))
		bad = "window";
	if (window)
		wd_json_int(req, "window_ms", ms);
	wd_json_str(req, "action", wd_args_get(args, "action"));
	if (!bad)
		return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS,
				     print_changed);
	json_object_put(req);
	return wd_cmd_fail(args, WD_EXIT_USAGE, bad, "'%s' is no %s",
			   wd_args_get(args, bad),
			   window && ms == 0 && bad[0] == 'w' ?
				   "time up to a day, as 90s or 10m" :
				   "whole number");
}

static const struct wd_opt set_opts[] = {
	{ .name = "p99",
	  .arg = "PERCENT",
	  .help = "slow is p99 so much above the baseline's (default 10; 0: do not\n"
		  "look at it)" },
	{ .name = "p50",
	  .arg = "PERCENT",
	  .help = "the same of p50 (default 0)" },
	{ .name = "more",
	  .arg = "MICROSECONDS",
	  .help = "and by so much at least (default 100)" },
	{ .name = "window",
	  .arg = "TIME",
	  .help = "a window lasts so long (default 60s), and until there are enough" },
	{ .name = "least",
	  .arg = "NUMBER",
	  .help = "handshakes in a window and in a baseline (default 500)" },
	{ .name = "times",
	  .arg = "NUMBER",
	  .help = "windows in a row that begin or end an alarm (default 3)" },
	{ .name = "action",
	  .arg = "alarm|audit",
	  .help = "what an alarm does: tell (alarm, the default), or also put the\n"
		  "pods of the namespace on this node in audit, until `slo clear`" },
	{},
};

const struct wd_cmd wd_cmd_slo_set = {
	.object = "slo",
	.verb = "set",
	.args = "NS",
	.min = 1,
	.max = 1,
	.summary = "what counts as slower than the baseline of a namespace",
	.text = "What is not given stays as it was. Once a figure is given all of "
		"them are the\nnamespace's own, and so is the action once it is "
		"given; what is not its own is what\nthe agent's slo-* say when it "
		"begins. An alarm is an event, a finding of "
		"`warder\nstatus` and the metric warder_slo_slow; nothing is changed by "
		"it, but for\n--action audit. It ends after as many windows in a row that "
		"are over by less than\nhalf of that. A figure is within its step of the "
		"histogram, which is up to 6.25 %\nwide, so 7 is the least that is taken, "
		"and a true +10 % may at the worst be read\nas none or as +24 %: 20 is "
		"surer. Where no window ends for as long as --times of\nthem (3 at the "
		"least) take, as no pod is on the node, few connect or the rung is\nbelow "
		"full, a side is not measured: an alarm of it is none until one ends "
		"again,\nand then what it was.\n\n"
		"WITH --action audit WHO CAN DELAY HANDSHAKES CAN OPEN THE NAMESPACE: "
		"whoever can load\nthis node or the way to it, also those whom its "
		"policies deny; any client or server\nthat answers late. Only for a "
		"roll-out, never where policies keep somebody hostile\nout. It takes an "
		"alarm by these terms, of windows since they were given. What its own\n"
		"policies deny passes then, on this node. What is cluster-wide, but for "
		"the tier\nBaseline, and what must be encrypted stays in force; so does a "
		"mode that a Pod or the\nNamespace says: warder.io/mode: enforce keeps "
		"out of it. It stays in audit when the\nalarm ends, over restarts too, "
		"until `warder slo clear`, --action alarm, or the\nNamespace is deleted.",
	.opts = set_opts,
	.fn = cmd_slo_set,
};

static int cmd_slo_clear(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("slo.clear");

	wd_json_str(req, "namespace", args->argv[0]);
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_changed);
}

const struct wd_cmd wd_cmd_slo_clear = {
	.object = "slo",
	.verb = "clear",
	.args = "NS",
	.min = 1,
	.max = 1,
	.summary = "forget the baseline of a namespace and what counts as slow",
	.text = "It is not guarded any more; an alarm of it ends, and audit that it "
		"is in by one.\nWhat was counted stays.",
	.fn = cmd_slo_clear,
};
