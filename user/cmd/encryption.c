/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encryption.c - `warder encryption status|report`: what must be encrypted,
 * what was, and what nobody has proven.
 */
#include "encryption.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/since.h"
#include "../base/table.h"
#include "cmd.h"

#define WIDTH 79
#define LABEL 16 /* columns before the text of wd_show_line() */
#define NAMES_SHOWN 8 /* of a list, before "and N more" */

/* ---- pieces ---- */

const char *wd_encryption_ns(struct json_object *pair, const char *key)
{
	const char *name = wd_json_get_str(pair, key);

	if (!*name)
		return "(node)";
	return strcmp(name, "?") != 0 ? name : "(unknown pod)";
}

uint64_t wd_encryption_bytes(struct json_object *report, const char *evidence)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < wd_json_len(report, "kinds"); i++) {
		struct json_object *kind = wd_json_at(report, "kinds", i);
		const char *is = wd_json_get_str(kind, "evidence");

		if (evidence ? strcmp(evidence, is) != 0 :
			       !strcmp("stopped", is))
			continue;
		bytes += (uint64_t)wd_json_get_int(wd_json_get(kind, "egress"),
						   "bytes");
		bytes += (uint64_t)wd_json_get_int(wd_json_get(kind, "ingress"),
						   "bytes");
	}
	return bytes;
}

const char *wd_encryption_span(int64_t seconds, char buf[WD_SPAN_STRLEN])
{
	long long s = seconds < 0 ? 0 : seconds;

	if (s >= 86400)
		(void)snprintf(buf, WD_SPAN_STRLEN, "%lld d %lld h", s / 86400,
			       s % 86400 / 3600);
	else if (s >= 3600)
		(void)snprintf(buf, WD_SPAN_STRLEN, "%lld h %lld min", s / 3600,
			       s % 3600 / 60);
	else if (s >= 60)
		(void)snprintf(buf, WD_SPAN_STRLEN, "%lld min %lld s", s / 60,
			       s % 60);
	else
		(void)snprintf(buf, WD_SPAN_STRLEN, "%lld s", s);
	return buf;
}

/* @text from column @indent on, where we are, in lines of WIDTH; then a line feed. */
static void print_filled(const char *text, int indent)
{
	char *safe = wd_escape(text);
	int column = indent;

	for (const char *at = safe; *at;) {
		int len = (int)strcspn(at, " ");

		if (column > indent && column + 1 + len > WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		}
		column += printf("%s%.*s", column > indent ? " " : "", len, at);
		at += len;
		at += strspn(at, " ");
	}
	putchar('\n');
	free(safe);
}

static void print_line(const char *label, const char *text)
{
	printf("%-14s  ", label);
	print_filled(text, LABEL);
}

static void print_line_free(const char *label, char *text)
{
	print_line(label, text && *text ? text : "-");
	free(text);
}

/* "a, b and 3 more" of the strings below @key, or of @name of its objects. */
static char *names_of(struct json_object *obj, const char *key,
		      const char *name)
{
	size_t cnt = wd_json_len(obj, key), len = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return NULL;
	for (size_t i = 0; i < cnt && i < NAMES_SHOWN; i++) {
		struct json_object *at = wd_json_at(obj, key, i);

		(void)fprintf(to, "%s%s", i ? ", " : "",
			      name ? wd_json_get_str(at, name) :
				     json_object_get_string(at));
	}
	if (cnt > NAMES_SHOWN)
		(void)fprintf(to, " and %zu more", cnt - NAMES_SHOWN);
	(void)fclose(to);
	return text;
}

/* ---- status ---- */

/* Namespaces that say other than the cluster's default. */
static void print_namespaces(struct json_object *req)
{
	const char *usual = wd_json_get_str(req, "pods");
	struct json_object *differ = json_object_new_object();
	struct json_object *array = wd_json_array(differ, "differ");
	char *names, *text = NULL;

	for (size_t i = 0; i < wd_json_len(req, "namespaces"); i++) {
		struct json_object *ns = wd_json_at(req, "namespaces", i);

		if (strcmp(usual, wd_json_get_str(ns, "encryption")) != 0)
			wd_json_push_str(array,
					 wd_json_get_str(ns, "namespace"));
	}
	names = names_of(differ, "differ", NULL);
	wd_format(&text, "%s for %s",
		  strcmp(usual, "required") != 0 ? "required" : "none",
		  names ?: "");
	if (wd_json_len(differ, "differ"))
		print_line("", text ?: "");
	free(text);
	free(names);
	json_object_put(differ);
}

static void print_requirement(struct json_object *req)
{
	wd_show_line("pods", "%s, unless their namespace says otherwise",
		     wd_json_get_str(req, "pods"));
	print_namespaces(req);
	wd_show_line("nodes", "%s among each other",
		     wd_json_get_str(req, "nodes"));
	if (wd_json_len(req, "exempt"))
		print_line_free("exempt nodes", names_of(req, "exempt", NULL));
	if (wd_json_len(req, "prefixes"))
		print_line_free("inside", names_of(req, "prefixes", "prefix"));
	else
		print_line("inside", "no prefix: only addresses of known pods "
				     "and nodes are judged");
}

static void print_judged(struct json_object *doc)
{
	struct json_object *wires = wd_json_get(doc, "wires");

	if (wd_json_get_bool(wd_json_get(doc, "requirement"), "judged"))
		wd_show_line("judged", "on every wire, by %s",
			     wd_json_get_str(wires, "object"));
	else
		wd_show_line("judged", "not on every wire");
	if (*wd_json_get_str(wires, "error"))
		print_line("", wd_json_get_str(wires, "error"));
}

static void print_wires(struct json_object *doc)
{
	static const char *const head[] = { "DEVICE", "IS", "GUARDED", NULL };
	struct json_object *wires = wd_json_get(doc, "wires");
	size_t cnt = wd_json_len(wires, "devices");
	struct wd_table *table;

	if (!cnt) {
		wd_show_line("wires", "none known");
		return;
	}
	table = wd_table_new(head);
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *wire = wd_json_at(wires, "devices", i);
		const char *error = wd_json_get_str(wire, "error");

		wd_table_cell(table, "%s", wd_json_get_str(wire, "interface"));
		wd_table_cell(table, "%s", wd_json_get_str(wire, "kind"));
		wd_table_cell(table, "%s%s%s",
			      wd_json_get_bool(wire, "guarded") ? "yes" : "NO",
			      *error ? ": " : "", error);
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
}

static void print_wireguard(struct json_object *doc)
{
	struct json_object *wg = wd_json_get(doc, "wireguard");
	size_t cnt = wd_json_len(wg, "devices");
	size_t findings = wd_json_len(wg, "findings");

	if (!cnt)
		wd_show_line("wireguard", "no device");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *dev = wd_json_at(wg, "devices", i);

		wd_show_line(i ? "" : "wireguard",
			     "%s, %s, port %lld, %lld peer%s",
			     wd_json_get_str(dev, "interface"),
			     wd_json_get_bool(dev, "up") ? "up" : "DOWN",
			     (long long)wd_json_get_int(dev, "port"),
			     (long long)wd_json_get_int(dev, "peers"),
			     wd_json_get_int(dev, "peers") == 1 ? "" : "s");
	}
	/* of what is required they are problems, and told */
	if (wd_json_len(doc, "problems"))
		findings = 0;
	for (size_t i = 0; i < findings; i++) {
		struct json_object *f = wd_json_at(wg, "findings", i);
		char *text = NULL;

		wd_format(&text, "%s: %s: %s", wd_json_get_str(f, "finding"),
			  wd_json_get_str(f, "object"),
			  wd_json_get_str(f, "text"));
		print_line_free(i ? "" : "findings", text);
	}
	for (size_t i = 0; i < wd_json_len(doc, "tunnels"); i++) {
		struct json_object *tunnel = wd_json_at(doc, "tunnels", i);

		wd_show_line(i ? "" : "tunnels", "UDP port %lld: %s",
			     (long long)wd_json_get_int(tunnel, "port"),
			     wd_json_get_str(tunnel, "kind"));
	}
}

static void bytes_cell(struct wd_table *table, struct json_object *count)
{
	char buf[WD_BYTES_STRLEN];

	wd_table_cell(table, "%lld",
		      (long long)wd_json_get_int(count, "packets"));
	wd_table_cell(table, "%s",
		      wd_bytes_str((uint64_t)wd_json_get_int(count, "bytes"),
				   buf));
}

static void print_kinds(struct json_object *doc)
{
	static const char *const head[] = {
		"WHAT",	      "EVIDENCE",    ">PACKETS OUT",
		">BYTES OUT", ">PACKETS IN", ">BYTES IN",
		NULL
	};
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "kinds"); i++) {
		struct json_object *kind = wd_json_at(doc, "kinds", i);

		wd_table_cell(table, "%s", wd_json_get_str(kind, "kind"));
		wd_table_cell(table, "%s", wd_json_get_str(kind, "evidence"));
		bytes_cell(table, wd_json_get(kind, "egress"));
		bytes_cell(table, wd_json_get(kind, "ingress"));
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
}

static void print_problems(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "problems"); i++)
		print_line(
			i ? "" : "problems",
			json_object_get_string(wd_json_at(doc, "problems", i)));
}

static void print_status(struct json_object *doc)
{
	struct json_object *history = wd_json_get(doc, "history");
	char buf[WD_BYTES_STRLEN];

	wd_show_line("encryption", "%s", wd_json_get_str(doc, "answer"));
	print_problems(doc);
	print_requirement(wd_json_get(doc, "requirement"));
	print_judged(doc);
	print_wireguard(doc);
	wd_show_line("history", "since %s, %s",
		     *wd_json_get_str(history, "from") ?
			     wd_json_get_str(history, "from") :
			     "now",
		     wd_bytes_str((uint64_t)wd_json_get_int(history, "bytes"),
				  buf));
	print_wires(doc);
	print_kinds(doc);
}

static int cmd_status(const struct wd_args *args)
{
	struct json_object *doc = NULL;
	int code = wd_cmd_ask(args, wd_cmd_request("encryption.status"),
			      WD_CMD_TIMEOUT_MS, &doc);

	if (code)
		return code;
	if (args->json)
		wd_cmd_json(doc);
	else
		print_status(doc);
	code = wd_json_len(doc, "problems") ? WD_EXIT_NO : WD_EXIT_OK;
	json_object_put(doc);
	return code;
}

/* ---- report ---- */

static void print_period(struct json_object *doc)
{
	struct json_object *s = wd_json_get(doc, "seconds");
	int64_t known = wd_json_get_int(s, "known");
	int64_t gaps = wd_json_get_int(s, "gaps");
	int64_t required = wd_json_get_int(s, "required");
	int64_t open = wd_json_get_int(s, "wire_open");
	char a[WD_SPAN_STRLEN], b[WD_SPAN_STRLEN];

	wd_show_line("node", "%s, warder %s", wd_json_get_str(doc, "node"),
		     wd_json_get_str(doc, "version"));
	wd_show_line("period", "%s to %s", wd_json_get_str(doc, "from"),
		     wd_json_get_str(doc, "to"));
	wd_show_line("recorded", gaps ? "%s; not in %s, gaps: %lld" : "%s",
		     wd_encryption_span(known, a), wd_encryption_span(gaps, b),
		     (long long)wd_json_get_int(doc, "gap_count"));
	wd_show_line("judged",
		     required == known ? "all the time" :
		     required	       ? "%s of it" :
					 "never",
		     wd_encryption_span(required, a));
	if (open)
		wd_show_line("",
			     "a wire was unguarded within %s of it: pods "
			     "were closed then",
			     wd_encryption_span(open, a));
	for (size_t i = 0; i < wd_json_len(doc, "gaps"); i++) {
		struct json_object *gap = wd_json_at(doc, "gaps", i);

		wd_show_line(i ? "" : "gaps", "%s in %s to %s",
			     wd_encryption_span(wd_json_get_int(gap, "seconds"),
						a),
			     wd_json_get_str(gap, "from"),
			     wd_json_get_str(gap, "to"));
	}
}

/* Of all that passed. */
static void print_share(struct json_object *doc, const char *evidence,
			const char *text)
{
	uint64_t all = wd_encryption_bytes(doc, NULL);
	uint64_t bytes = wd_encryption_bytes(doc, evidence);
	char buf[WD_BYTES_STRLEN];

	wd_show_line(evidence, "%5.1f %%  %-12s %s",
		     all ? (double)bytes * 100 / (double)all : 0.0,
		     wd_bytes_str(bytes, buf), text);
}

static void print_shares(struct json_object *doc)
{
	char buf[WD_BYTES_STRLEN];

	putchar('\n');
	wd_show_line("passed", "         %s",
		     wd_bytes_str(wd_encryption_bytes(doc, NULL), buf));
	print_share(doc, "proven", "WireGuard, to the node of the pod");
	print_share(doc, "seen", "IPsec ESP, not looked into");
	print_share(doc, "observed", "ports of a mesh, no proof");
	print_share(doc, "clear", "not required, or exempt");
	wd_show_line("stopped", "         %-12s %s",
		     wd_bytes_str(wd_encryption_bytes(doc, "stopped"), buf),
		     "required, not encrypted, dropped");
}

static void add_counts(struct wd_table *table, struct json_object *group,
		       const char *first, const char *second)
{
	struct json_object *counts = wd_json_get(group, "counts");

	if (!json_object_is_type(counts, json_type_object))
		return;
	json_object_object_foreach(counts, kind, count) {
		wd_table_cell(table, "%s", first);
		wd_table_cell(table, "%s", second);
		wd_table_cell(table, "%s", kind);
		bytes_cell(table, count);
	}
}

static void print_pairs(struct json_object *doc)
{
	static const char *const spaces[] = { "FROM",	  "TO",	    "WHAT",
					      ">PACKETS", ">BYTES", NULL };
	static const char *const nodes[] = { "NODE",	 "WAY",	   "WHAT",
					     ">PACKETS", ">BYTES", NULL };
	struct wd_table *table = wd_table_new(spaces);

	for (size_t i = 0; i < wd_json_len(doc, "namespaces"); i++) {
		struct json_object *pair = wd_json_at(doc, "namespaces", i);

		add_counts(table, pair, wd_encryption_ns(pair, "from"),
			   wd_encryption_ns(pair, "to"));
	}
	puts("\nby namespaces");
	wd_table_print(table, stdout, "");
	table = wd_table_new(nodes);
	for (size_t i = 0; i < wd_json_len(doc, "nodes"); i++) {
		struct json_object *pair = wd_json_at(doc, "nodes", i);
		const char *peer = wd_json_get_str(pair, "peer");
		bool out =
			!strcmp(wd_json_get_str(pair, "direction"), "egress");

		add_counts(table, pair, *peer ? peer : "(unknown)",
			   out ? "to it" : "from it");
	}
	puts("\nby nodes");
	wd_table_print(table, stdout, "");
}

static void print_uncovered(struct json_object *doc)
{
	puts("\nnot covered");
	for (size_t i = 0; i < wd_json_len(doc, "not_covered"); i++) {
		struct json_object *path = wd_json_at(doc, "not_covered", i);
		char *names = names_of(path, "subjects", NULL);

		printf("%2zu. ", i + 1);
		print_filled(wd_json_get_str(path, "title"), 4);
		printf("    ");
		print_filled(wd_json_get_str(path, "why"), 4);
		if (names && *names) {
			printf("    ");
			wd_print(stdout,
				 "%s: ", wd_json_get_str(path, "subjects_are"));
			print_filled(names, 6 + (int)strlen(wd_json_get_str(
							path, "subjects_are")));
		}
		free(names);
	}
}

static void print_report(struct json_object *doc)
{
	print_period(doc);
	print_shares(doc);
	print_kinds(doc);
	print_pairs(doc);
	print_uncovered(doc);
}

static int ask_report(const struct wd_args *args, struct json_object **ret_doc)
{
	struct json_object *req;
	const char *since = wd_args_get(args, "since");
	int64_t since_s = 0;
	int err = since ? wd_since_parse(since, time(NULL), &since_s) : 0;

	if (err == -ERANGE)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--since",
				   "'%s' is not between 1970 and now", since);
	if (err)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--since",
				   "'%s' is no time: say 90m, 24h, 7d, "
				   "2026-01-31 or 2026-01-31T08:00Z",
				   since);
	req = wd_cmd_request("encryption.report");
	wd_json_int(req, "since", since_s);
	return wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, ret_doc);
}

static int cmd_report(const struct wd_args *args)
{
	bool html = wd_args_has(args, "html");
	bool to_stdout = html && !wd_args_get(args, "html");
	struct json_object *doc = NULL;
	int code;

	if (to_stdout && args->json)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--html",
				   "with --json it needs a file: --html=FILE");
	code = ask_report(args, &doc);
	if (code)
		return code;
	if (html)
		code = wd_cmd_page(args, doc, wd_encryption_html);
	if (args->json)
		wd_cmd_json(doc);
	else if (!to_stdout)
		print_report(doc);
	json_object_put(doc);
	return code;
}

const struct wd_cmd wd_cmd_encryption_status = {
	.object = "encryption",
	.verb = "status",
	.summary =
		"what must be encrypted, and whether this node sees to it now",
	.text = "The requirement, the WireGuard devices and what is wrong with "
		"them, every device that\nleads out of the node and whether "
		"programs judge there, and what the programs have\ncounted "
		"in the time of the record.\n\n"
		"Exit code 1: something is required, and something stands "
		"against it; each is a\nproblem on a line.",
	.fn = cmd_status,
};

static const struct wd_opt report_opts[] = {
	{ .name = "since",
	  .arg = "TIME",
	  .help = "from then on: 90m, 24h, 7d, 2026-01-31 or\n"
		  "2026-01-31T08:00Z (default: all there is, 90 days\n"
		  "at most)" },
	{ .name = "html",
	  .arg = "FILE",
	  .optional = true,
	  .help = "a page that needs no other file, to FILE or instead\nof "
		  "text" },
	{},
};

const struct wd_cmd wd_cmd_encryption_report = {
	.object = "encryption",
	.verb = "report",
	.summary =
		"what was encrypted, stopped or in clear, and what is not covered",
	.text = "Packets and bytes by pairs of namespaces and of nodes, over "
		"restarts of the agent and\nof the node: proven (WireGuard, to "
		"the node of the pod), seen (IPsec ESP), observed (ports\nof a "
		"mesh), in clear because nothing requires more, exempt, and "
		"what was required, not\nencrypted and therefore dropped. Times "
		"of which nothing is known are gaps, and told.\nThen every path "
		"that is not covered, used or not, and why.\n\n"
		"A report is one node's. It is kept in spans of 5 minutes for a "
		"day and of an hour for\n90 days; a report begins with the span "
		"that its time is in.",
	.opts = report_opts,
	.fn = cmd_report,
};
