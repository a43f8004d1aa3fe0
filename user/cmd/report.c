/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - `warder report`: who talked to whom, what was stopped and why, and
 * how the node stands; as text, as one document, or as a page.
 */
#include "summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../base/since.h"
#include "../base/table.h"
#include "../events/denied.h"
#include "cmd.h"

#define ROWS_SHOWN 40

/* ---- pieces ---- */

char *wd_summary_end(struct json_object *flow, const char *key)
{
	struct json_object *end = wd_json_get(flow, key);
	const char *ns = wd_json_get_str(end, "namespace");
	const char *name = wd_json_get_str(end, "name");
	const char *addr = wd_json_get_str(end, "address");
	char *text = NULL;

	if (!strcmp(wd_json_get_str(end, "kind"), "host"))
		wd_format(&text, "host (%s)", addr);
	else if (*name)
		wd_format(&text, "%s%s%s", ns, *ns ? "/" : "", name);
	else
		wd_format(&text, "%s", addr);
	return text;
}

char *wd_summary_port(struct json_object *flow)
{
	const char *proto = wd_json_get_str(flow, "proto");
	char *text = NULL, number[16];

	snprintf(number, sizeof(number), "%d",
		 (int)wd_json_get_int(flow, "proto_number"));
	proto = *proto ? proto : number;
	if (wd_json_get(flow, "port"))
		wd_format(&text, "%s/%lld", proto,
			  (long long)wd_json_get_int(flow, "port"));
	else if (wd_json_get(flow, "icmp_type"))
		wd_format(&text, "%s %lld/%lld", proto,
			  (long long)wd_json_get_int(flow, "icmp_type"),
			  (long long)wd_json_get_int(flow, "icmp_code"));
	else
		wd_format(&text, "%s", proto);
	return text;
}

char *wd_summary_why(struct json_object *flow)
{
	struct json_object *now = wd_json_get(flow, "now");
	struct json_object *rule = wd_json_get(now, "rule");
	char *text = NULL;

	if (!now)
		wd_format(&text, "no pod of this node any more");
	else if (rule)
		wd_format(&text, "%s at %s, %s " WD_SHOW_OBJECT_FMT,
			  wd_json_get_str(now, "reason"),
			  wd_json_get_str(now, "direction"),
			  strcmp(wd_json_get_str(now, "reason"), "DEFAULT") ?
				  "by" :
				  "isolated by",
			  WD_SHOW_OBJECT(rule));
	else
		wd_format(&text, "%s at %s", wd_json_get_str(now, "reason"),
			  wd_json_get_str(now, "direction"));
	return text;
}

long long wd_summary_packets(struct json_object *doc, const char *verdict)
{
	struct json_object *status = wd_json_get(doc, "status");
	long long sum = 0;

	for (size_t i = 0; i < wd_json_len(status, "counters"); i++) {
		struct json_object *c = wd_json_at(status, "counters", i);

		if (!strcmp(wd_json_get_str(c, "verdict"), verdict))
			sum += wd_json_get_int(c, "packets");
	}
	return sum;
}

/* ---- text ---- */

static void cell_free(struct wd_table *table, char *text)
{
	wd_table_cell(table, "%s", text ?: "");
	free(text);
}

static void print_pairs(struct json_object *seen)
{
	static const char *const head[] = { "FROM",	"TO",	    ">FLOWS",
					    ">DROPPED", ">AUDITED", NULL };
	struct wd_table *table = wd_table_new(head);
	size_t cnt = wd_json_len(seen, "pairs");

	for (size_t i = 0; i < cnt && i < ROWS_SHOWN; i++) {
		struct json_object *pair = wd_json_at(seen, "pairs", i);

		wd_table_cell(table, "%s", wd_json_get_str(pair, "from"));
		wd_table_cell(table, "%s", wd_json_get_str(pair, "to"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(pair, "flows"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(pair,
							 "dropped_packets"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(pair,
							 "audited_packets"));
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
	if (cnt > ROWS_SHOWN)
		printf("and %zu more pairs: --json\n", cnt - ROWS_SHOWN);
}

static void print_stopped(struct json_object *seen)
{
	static const char *const head[] = { "FROM",	"TO",  "PORT",
					    ">PACKETS", "WHY", NULL };
	struct wd_table *table = wd_table_new(head);
	size_t rows = 0;

	for (size_t i = 0; i < wd_json_len(seen, "flows"); i++) {
		struct json_object *flow = wd_json_at(seen, "flows", i);
		int64_t packets = wd_json_get_int(flow, "dropped_packets") +
				  wd_json_get_int(flow, "audited_packets");

		if (!packets || rows++ >= ROWS_SHOWN)
			continue;
		cell_free(table, wd_summary_end(flow, "from"));
		cell_free(table, wd_summary_end(flow, "to"));
		cell_free(table, wd_summary_port(flow));
		wd_table_cell(table, "%lld", (long long)packets);
		cell_free(table, wd_summary_why(flow));
	}
	puts(rows ? "\nstopped, or let pass by audit only" :
		    "\nnothing was stopped");
	if (rows)
		wd_table_print(table, stdout, "");
	else
		wd_table_free(table);
	if (rows > ROWS_SHOWN)
		printf("and %zu more: --json\n", rows - ROWS_SHOWN);
}

static void print_report(struct json_object *doc)
{
	struct json_object *status = wd_json_get(doc, "status");
	struct json_object *seen = wd_json_get(doc, "seen");
	long long kinds = (long long)wd_json_get_int(seen, "flow_count");
	long long dropped = wd_summary_packets(doc, "drop");

	wd_show_line("node", "%s, rung %s, kernel %s",
		     wd_json_get_str(status, "node"),
		     wd_json_get_str(status, "rung"),
		     wd_json_get_str(doc, "kernel"));
	wd_show_line("seen", "%lld kind%s of flows in the last %lld s", kinds,
		     kinds == 1 ? "" : "s",
		     (long long)wd_json_get_int(seen, "since_s"));
	wd_show_line("stopped", "%lld packet%s since the counters began",
		     dropped, dropped == 1 ? "" : "s");
	wd_show_line("encryption", "%s",
		     wd_json_get_str(wd_json_get(doc, "encryption"), "answer"));
	for (size_t i = 0; i < wd_json_len(seen, "notes"); i++)
		wd_show_line(
			"note", "%s",
			json_object_get_string(wd_json_at(seen, "notes", i)));
	print_pairs(seen);
	print_stopped(seen);
}

/* ---- asking ---- */

static int read_since(const struct wd_args *args, int64_t *ret_s)
{
	const char *text = wd_args_get(args, "since");
	int64_t now = time(NULL), then;

	*ret_s = WD_DENIED_S;
	if (!text)
		return WD_EXIT_OK;
	if (wd_since_parse(text, now, &then) || then >= now ||
	    now - then > WD_DENIED_S)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--since",
				   "'%s' is no time within the last hour, as "
				   "90s, 15m or 1h",
				   text);
	*ret_s = now - then;
	return WD_EXIT_OK;
}

static void put_head(struct json_object *doc)
{
	struct utsname self;
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	wd_json_str(doc, "kernel", uname(&self) ? "" : self.release);
	if (gmtime_r(&now, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		wd_json_str(doc, "time", text);
}

static int add_answer(const struct wd_args *args, const char *cmd,
		      const char *key, struct json_object *doc)
{
	struct json_object *result = NULL;
	int code = wd_cmd_ask(args, wd_cmd_request(cmd), WD_CMD_TIMEOUT_MS,
			      &result);

	if (!code)
		wd_json_add(doc, key, result);
	return code;
}

static int ask_all(const struct wd_args *args, int64_t since_s,
		   struct json_object *doc)
{
	struct json_object *req = wd_cmd_request("seen"), *seen = NULL;
	int code;

	wd_json_int(req, "since_s", since_s);
	code = wd_cmd_ask_child(args, req, &seen);
	if (!code)
		wd_json_add(doc, "seen", seen);
	code = code ?: add_answer(args, "status", "status", doc);
	return code ?: add_answer(args, "encryption.status", "encryption", doc);
}

static int cmd_report(const struct wd_args *args)
{
	bool html = wd_args_has(args, "html");
	bool to_stdout = html && !wd_args_get(args, "html");
	struct json_object *doc;
	int64_t since_s;
	int code = read_since(args, &since_s);

	if (!code && to_stdout && args->json)
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "--html",
				   "with --json it needs a file: --html=FILE");
	if (code)
		return code;
	doc = json_object_new_object();
	put_head(doc);
	code = ask_all(args, since_s, doc);
	if (!code && html)
		code = wd_cmd_page(args, doc, wd_summary_html);
	if (!code && args->json)
		wd_cmd_json(doc);
	else if (!code && !html)
		print_report(doc);
	json_object_put(doc);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "since",
	  .arg = "TIME",
	  .help = "only flows seen since then: 90s, 15m; at most 1h (default)" },
	{ .name = "html",
	  .arg = "FILE",
	  .optional = true,
	  .help = "a page that needs no other file, to FILE or instead\nof "
		  "text" },
	{},
};

const struct wd_cmd wd_cmd_report = {
	.object = "report",
	.summary =
		"who talked to whom, what was stopped and why, how it stands",
	.text = "The flows of the last hour that this node saw, by namespaces; what was "
		"dropped, or\nwould be but for audit, and what is said of it now; "
		"counters by reason, rung and\nkernel, encryption, and how full "
		"the maps are. Flows are seen as `warder policy diff`\nsees them: "
		"those that ended until others took their place, drops as far as the\n"
		"programs told of them.",
	.opts = opts,
	.fn = cmd_report,
};
