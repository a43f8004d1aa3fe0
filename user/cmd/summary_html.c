/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary_html.c - the report as one page: no script, no other file, for paper,
 * a phone and a wide screen. Every text is escaped.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/markup.h"
#include "../base/page.h"
#include "../base/names.h"
#include "../base/table.h"
#include "summary.h"

#define SIDES_SHOWN 24 /* namespaces along each side of the matrix */
#define ROWS_SHOWN 100

static const char style[] = WD_PAGE_COLOURS
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1.2rem;max-width:76rem;background:var(--bg);"
	"color:var(--fg);font:16px/1.5 system-ui,sans-serif;"
	"overflow-wrap:anywhere}\n"
	"h1{font-size:1.5rem;margin:.2rem 0}"
	"h2{font-size:1.15rem;margin:1.8rem 0 .3rem}\n"
	"p{margin:.4rem 0;max-width:48rem}.dim{color:var(--dim)}"
	".big{font-size:1.1rem}\n"
	".two{display:flex;flex-wrap:wrap;gap:0 2rem;align-items:flex-start}\n"
	".two>*{flex:1 1 22rem;min-width:0}\n"
	".wide{overflow-x:auto;margin:.5rem 0}\n"
	"table{border-collapse:collapse;font-size:.92rem;"
	"font-variant-numeric:tabular-nums;overflow-wrap:normal}\n"
	"th,td{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0;"
	"border-bottom:1px solid var(--line)}\n"
	"th{color:var(--dim);font-weight:600;white-space:nowrap}"
	"td.n,th.n{text-align:right;white-space:nowrap}\n"
	".matrix th,.matrix td{padding:.3rem .6rem;border:1px solid var(--line)}"
	".matrix th{white-space:normal;overflow-wrap:anywhere;"
	"vertical-align:middle}"
	".matrix td{text-align:center;min-width:3.2rem;line-height:1.25}"
	"/* long names: across they stand upright, and those along the side stay */\n"
	".matrix th.to{vertical-align:bottom;text-align:left}"
	".matrix th.to span{writing-mode:vertical-rl;transform:rotate(180deg);"
	"max-height:14rem;max-width:4.5rem;line-height:1.2}"
	".matrix th:first-child{position:sticky;left:0;background:var(--bg);"
	"box-shadow:inset -1px -1px var(--line);"
	"min-width:6rem;max-width:18rem}"
	".matrix td.yes{background:var(--yes)}.matrix td.no{background:var(--no)}"
	".matrix td.both{background:var(--both)}.matrix b{color:var(--bad);"
	"font-weight:600}\n"
	".meter{display:inline-block;width:9rem;height:.8em;"
	"border:1px solid var(--dim);background:var(--bg)}"
	".meter i{display:block;height:100%;background:var(--bar)}"
	".meter i.full{background:var(--bad)}\n"
	"/* who, and to whom: long names share the room */\n"
	".pairs td:nth-child(-n+2){overflow-wrap:anywhere;min-width:11rem}\n"
	"/* on a phone: a card each */\n"
	"@media(max-width:44rem){.meter{width:4.5rem}"
	".matrix th:first-child{min-width:8rem;font-size:.78rem}"
	".cards tr:first-child{display:none}"
	".cards table,.cards tbody,.cards tr,.cards td{display:block}"
	".cards tr{border-bottom:1px solid var(--line);padding:.4rem 0}"
	".cards td{border:0;padding:0;text-align:left!important;"
	"white-space:normal!important;overflow-wrap:anywhere}"
	".cards td::before{content:attr(data-l) ' ';color:var(--dim)}}\n"
	"@media print{tr{break-inside:avoid}}\n";

/* ---- pieces ---- */

static void put_th(FILE *to, const char *text)
{
	(void)fputs("<th>", to);
	wd_markup(to, "%s", text);
	(void)fputs("</th>", to);
}

/* The name of a narrow column. */
static void put_across(FILE *to, const char *text)
{
	(void)fputs("<th class=to><span>", to);
	wd_markup(to, "%s", text);
	(void)fputs("</span></th>", to);
}

/* @label: what a phone shows before it; a literal */
static void put_td(FILE *to, const char *label, const char *text)
{
	(void)fprintf(to, "<td data-l=\"%s\">", label);
	wd_markup(to, "%s", *text ? text : "-");
	(void)fputs("</td>", to);
}

static void put_td_free(FILE *to, const char *label, char *text)
{
	put_td(to, label, text ?: "");
	free(text);
}

static void put_number(FILE *to, const char *label, long long number)
{
	(void)fprintf(to, "<td class=n data-l=\"%s\">%lld</td>", label, number);
}

static void put_fact(FILE *to, const char *name, const char *text)
{
	(void)fputs("<tr>", to);
	put_th(to, name);
	put_td(to, "", text);
	(void)fputs("</tr>\n", to);
}

/* ---- the matrix ---- */

struct sides {
	const char *name[SIDES_SHOWN];
	size_t cnt;
	size_t left; /* that had no room */
};

static void add_side(struct sides *sides, const char *name)
{
	for (size_t i = 0; i < sides->cnt; i++)
		if (!strcmp(sides->name[i], name))
			return;
	if (sides->cnt < SIDES_SHOWN)
		sides->name[sides->cnt++] = name;
	else
		sides->left++;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct json_object *find_pair(struct json_object *seen, const char *from,
				     const char *to)
{
	for (size_t i = 0; i < wd_json_len(seen, "pairs"); i++) {
		struct json_object *pair = wd_json_at(seen, "pairs", i);

		if (!strcmp(wd_json_get_str(pair, "from"), from) &&
		    !strcmp(wd_json_get_str(pair, "to"), to))
			return pair;
	}
	return NULL;
}

/* Flows above, stopped packets below. */
static void put_pair(FILE *to, struct json_object *pair)
{
	long long flows = (long long)wd_json_get_int(pair, "flows");
	long long stopped = (long long)wd_json_get_int(pair, "dropped_packets");
	long long audited = (long long)wd_json_get_int(pair, "audited_packets");

	(void)fprintf(to, "<td class=%s>",
		      stopped && flows ? "both" :
		      stopped	       ? "no" :
		      flows || audited ? "yes" :
					 "none");
	if (flows)
		(void)fprintf(to, "%lld", flows);
	if (stopped)
		(void)fprintf(to, "%s<b>&#10005;&nbsp;%lld</b>",
			      flows ? "<br>" : "", stopped);
	if (audited)
		(void)fprintf(to, "%s(%lld)", flows || stopped ? "<br>" : "",
			      audited);
	(void)fputs("</td>", to);
}

static void put_matrix(FILE *to, struct json_object *seen)
{
	struct sides from = { .cnt = 0 }, dst = { .cnt = 0 };

	for (size_t i = 0; i < wd_json_len(seen, "pairs"); i++) {
		struct json_object *pair = wd_json_at(seen, "pairs", i);

		add_side(&from, wd_json_get_str(pair, "from"));
		add_side(&dst, wd_json_get_str(pair, "to"));
	}
	if (!from.cnt) {
		(void)fputs("<p>No flow was seen.</p>\n", to);
		return;
	}
	qsort(from.name, from.cnt, sizeof(*from.name), compare_names);
	qsort(dst.name, dst.cnt, sizeof(*dst.name), compare_names);
	(void)fputs("<div class=wide><table class=matrix><tr><th>from \\ to",
		    to);
	for (size_t i = 0; i < dst.cnt; i++)
		put_across(to, dst.name[i]);
	(void)fputs("</tr>\n", to);
	for (size_t i = 0; i < from.cnt; i++) {
		(void)fputs("<tr>", to);
		put_th(to, from.name[i]);
		for (size_t k = 0; k < dst.cnt; k++)
			put_pair(to,
				 find_pair(seen, from.name[i], dst.name[k]));
		(void)fputs("</tr>\n", to);
	}
	(void)fputs("</table></div>\n<p class=dim>Numbers are flows that "
		    "passed; <b>&#10005;</b> packets that were dropped; in "
		    "brackets packets that only audit let pass.</p>\n",
		    to);
	if (from.left || dst.left)
		(void)fputs("<p class=dim>More namespaces are in <code>warder "
			    "report --json</code>.</p>\n",
			    to);
}

/* ---- what was stopped ---- */

static void put_stopped(FILE *to, struct json_object *seen)
{
	size_t rows = 0;

	for (size_t i = 0; i < wd_json_len(seen, "flows"); i++) {
		struct json_object *flow = wd_json_at(seen, "flows", i);
		long long dropped =
			(long long)wd_json_get_int(flow, "dropped_packets");
		long long audited =
			(long long)wd_json_get_int(flow, "audited_packets");

		if (!(dropped + audited) || rows >= ROWS_SHOWN)
			continue;
		if (!rows++)
			(void)fputs(
				"<div class=\"wide cards pairs\"><table><tr>"
				"<th>from<th>to<th>port<th class=n>dropped"
				"<th class=n>audited<th>said now</tr>\n",
				to);
		(void)fputs("<tr>", to);
		put_td_free(to, "from", wd_summary_end(flow, "from"));
		put_td_free(to, "to", wd_summary_end(flow, "to"));
		put_td_free(to, "port", wd_summary_port(flow));
		put_number(to, "dropped", dropped);
		put_number(to, "audited", audited);
		put_td_free(to, "now", wd_summary_why(flow));
		(void)fputs("</tr>\n", to);
	}
	(void)fputs(rows ? "</table></div>\n" :
			   "<p>Nothing that policy decides about.</p>\n",
		    to);
}

static void put_reasons(FILE *to, struct json_object *status)
{
	(void)fputs("<div class=\"wide cards\"><table><tr><th>reason"
		    "<th>direction<th>verdict<th class=n>packets<th>what it is"
		    "</tr>\n",
		    to);
	for (size_t i = 0; i < wd_json_len(status, "counters"); i++) {
		struct json_object *c = wd_json_at(status, "counters", i);
		const char *reason = wd_json_get_str(c, "reason");
		int number = wd_reason_find(reason);

		if (!wd_json_get_int(c, "packets") ||
		    !strcmp(wd_json_get_str(c, "verdict"), "allow"))
			continue;
		(void)fputs("<tr>", to);
		put_td(to, "reason", reason);
		put_td(to, "direction", wd_json_get_str(c, "direction"));
		put_td(to, "verdict", wd_json_get_str(c, "verdict"));
		put_number(to, "packets",
			   (long long)wd_json_get_int(c, "packets"));
		put_td(to, "is:",
		       number < 0 ? "" : wd_reason_help((uint32_t)number));
		(void)fputs("</tr>\n", to);
	}
	(void)fputs("</table></div>\n", to);
}

/* ---- how it stands ---- */

static void put_facts(FILE *to, struct json_object *doc)
{
	struct json_object *status = wd_json_get(doc, "status");
	struct json_object *enc = wd_json_get(doc, "encryption");
	const char *cause = wd_json_get_str(status, "rung_cause");

	(void)fputs("<div class=wide><table>\n", to);
	put_fact(to, "rung", wd_json_get_str(status, "rung"));
	put_fact(to, "because", wd_json_get_str(status, "rung_reason"));
	if (*cause)
		put_fact(to, "would help", wd_json_get_str(status, "rung_fix"));
	put_fact(to, "kernel", wd_json_get_str(doc, "kernel"));
	put_fact(to, "mode", wd_json_get_str(status, "mode"));
	put_fact(to, "encryption", wd_json_get_str(enc, "answer"));
	put_fact(to, "in force",
		 wd_json_get_bool(status, "settled") ?
			 "everything that was read" :
			 "changes are on their way, or do not fit");
	(void)fputs("</table></div>\n", to);
}

static void put_problems(FILE *to, struct json_object *status,
			 struct json_object *enc)
{
	size_t pods = wd_json_len(status, "endpoint_problems");

	for (size_t i = 0; i < pods; i++) {
		struct json_object *p =
			wd_json_at(status, "endpoint_problems", i);

		(void)fputs("<p>Pod ", to);
		wd_markup(to, "%s/%s: %s: %s", wd_json_get_str(p, "namespace"),
			  wd_json_get_str(p, "name"),
			  wd_json_get_str(p, "state"),
			  wd_json_get_str(p, "error"));
		(void)fputs("</p>\n", to);
	}
	for (size_t i = 0; i < wd_json_len(enc, "problems"); i++) {
		(void)fputs("<p>Encryption: ", to);
		wd_markup(
			to, "%s",
			json_object_get_string(wd_json_at(enc, "problems", i)));
		(void)fputs("</p>\n", to);
	}
	if (!pods && !wd_json_len(enc, "problems"))
		(void)fputs("<p>None. <code>warder doctor</code> looks at "
			    "more.</p>\n",
			    to);
}

static int64_t bytes_of(struct json_object *kind, const char *dir)
{
	return wd_json_get_int(wd_json_get(kind, dir), "bytes");
}

static bool is_counted(struct json_object *enc)
{
	for (size_t i = 0; i < wd_json_len(enc, "kinds"); i++) {
		struct json_object *kind = wd_json_at(enc, "kinds", i);

		if (bytes_of(kind, "egress") || bytes_of(kind, "ingress"))
			return true;
	}
	return false;
}

static void put_coverage(FILE *to, struct json_object *enc)
{
	char buf[2][WD_BYTES_STRLEN];

	if (!is_counted(enc)) {
		(void)fputs("<p>Nothing was counted on a wire of this node: "
			    "nothing has to be encrypted, or nothing "
			    "crossed.</p>\n",
			    to);
		return;
	}
	(void)fputs("<div class=\"wide cards\"><table><tr><th>what"
		    "<th>evidence<th class=n>out<th class=n>in<th>what it says"
		    "</tr>\n",
		    to);
	for (size_t i = 0; i < wd_json_len(enc, "kinds"); i++) {
		struct json_object *kind = wd_json_at(enc, "kinds", i);
		int64_t out = bytes_of(kind, "egress");
		int64_t in = bytes_of(kind, "ingress");

		if (!out && !in)
			continue;
		(void)fputs("<tr>", to);
		put_td(to, "what", wd_json_get_str(kind, "kind"));
		put_td(to, "evidence", wd_json_get_str(kind, "evidence"));
		put_td(to, "out", wd_bytes_str((uint64_t)out, buf[0]));
		put_td(to, "in", wd_bytes_str((uint64_t)in, buf[1]));
		put_td(to, "is:", wd_json_get_str(kind, "help"));
		(void)fputs("</tr>\n", to);
	}
	(void)fputs("</table></div>\n<p class=dim><code>warder encryption "
		    "report --html</code> is the page for an auditor.</p>\n",
		    to);
}

static void put_maps(FILE *to, struct json_object *status)
{
	struct json_object *maps = wd_json_get(status, "maps");

	(void)fputs("<div class=wide><table><tr><th>map<th class=n>used"
		    "<th class=n>of<th></tr>\n",
		    to);
	if (json_object_is_type(maps, json_type_object)) {
		json_object_object_foreach(maps, name, map) {
			long long used =
				(long long)wd_json_get_int(map, "used");
			long long max = (long long)wd_json_get_int(map, "max");
			double share = max ? (double)used * 100 / (double)max :
					     0;

			(void)fputs("<tr>", to);
			put_td(to, "", name);
			put_number(to, "", used);
			put_number(to, "", max);
			(void)fprintf(to,
				      "<td><span class=meter><i%s "
				      "style=\"width:%.1f%%\"></i></span>"
				      "</td></tr>\n",
				      share > 80 ? " class=full" : "", share);
		}
	}
	(void)fputs("</table></div>\n", to);
}

static void put_head(FILE *to, struct json_object *doc)
{
	struct json_object *status = wd_json_get(doc, "status");
	struct json_object *seen = wd_json_get(doc, "seen");
	long long kinds = (long long)wd_json_get_int(seen, "flow_count");
	long long dropped = wd_summary_packets(doc, "drop");

	(void)fputs("<h1>What this node lets talk</h1>\n<p>Node <b>", to);
	wd_markup(to, "%s", wd_json_get_str(status, "node"));
	(void)fputs("</b>, ", to);
	wd_markup(to, "%s (UTC). warder %s.", wd_json_get_str(doc, "time"),
		  wd_json_get_str(status, "version"));
	(void)fprintf(to,
		      "</p>\n<p class=big>%lld %s seen in the last %lld min. "
		      "<b>%lld packet%s dropped since the counters began, and "
		      "%lld passed that would have been but for audit.</p>\n",
		      kinds,
		      kinds == 1 ? "kind of flows was" : "kinds of flows were",
		      (long long)(wd_json_get_int(seen, "since_s") + 59) / 60,
		      dropped, dropped == 1 ? "</b> was" : "s</b> were",
		      wd_summary_packets(doc, "audit"));
	for (size_t i = 0; i < wd_json_len(seen, "notes"); i++) {
		(void)fputs("<p class=dim>Note: ", to);
		wd_markup(to, "%s",
			  json_object_get_string(wd_json_at(seen, "notes", i)));
		(void)fputs(".</p>\n", to);
	}
}

void wd_summary_html(struct json_object *doc, FILE *to)
{
	struct json_object *status = wd_json_get(doc, "status");
	struct json_object *seen = wd_json_get(doc, "seen");
	struct json_object *enc = wd_json_get(doc, "encryption");

	(void)fprintf(to,
		      "<!doctype html>\n<html lang=en><head><meta "
		      "charset=utf-8><meta name=viewport content=\"width="
		      "device-width,initial-scale=1\"><title>warder: report"
		      "</title><style>\n%s</style></head><body>\n",
		      style);
	put_head(to, doc);
	(void)fputs("<h2>Who talks to whom</h2>\n", to);
	put_matrix(to, seen);
	(void)fputs("<h2>What was stopped, and why</h2>\n", to);
	put_stopped(to, seen);
	(void)fputs("<div class=two><div><h2>How it stands</h2>\n", to);
	put_facts(to, doc);
	(void)fputs("<h2>Problems</h2>\n", to);
	put_problems(to, status, enc);
	(void)fputs("</div><div><h2>Map use</h2>\n", to);
	put_maps(to, status);
	(void)fputs("</div></div><h2>All drops, by reason</h2>\n", to);
	put_reasons(to, status);
	(void)fputs("<h2>Encryption coverage</h2>\n", to);
	put_coverage(to, enc);
	(void)fputs("</body></html>\n", to);
}
