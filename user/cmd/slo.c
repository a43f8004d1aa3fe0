// SPDX-License-Identifier: GPL-2.0-only
/*
 * slo.c - `warder slo ...`: how long TCP handshakes of pods take.
 */
#include <stdio.h>
#include <stdlib.h>

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

static void put_sides(struct wd_table *table, const char *ns,
		      struct json_object *of, const char *key)
{
	for (size_t i = 0; i < wd_json_len(of, key); i++) {
		struct json_object *side = wd_json_at(of, key, i);

		wd_table_cell(table, "%s", ns);
		wd_table_cell(table, "%s", wd_json_get_str(side, "side"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(side, "handshakes"));
		put_time(table, side, "p50_ns");
		put_time(table, side, "p99_ns");
	}
}

static void print_status(struct json_object *doc)
{
	static const char *const head[] = { "NAMESPACE", "SIDE", ">HANDSHAKES",
					    ">P50",	 ">P99", NULL };
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
		"second, and namespaces beyond the 254 that are told apart.",
	.fn = cmd_slo_status,
};
