/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encryption_html.c - the report as one page: no script, no other file, dark
 * on light for paper too, for a phone and for a wide screen. It is read by
 * people who have never seen warder: each word is explained on it. Every text
 * is escaped.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/markup.h"
#include "../base/page.h"
#include "../base/table.h"
#include "encryption.h"

#define ROWS_SHOWN 200 /* of a table; the rest is in --json */
#define BARS_SHOWN 12
#define KINDS 8

/* Order and colour of the kinds, best first; to be seen on white and on black. */
static const struct {
	const char *kind, *color, *label;
} parts[KINDS] = {
	{ "wireguard", "var(--good)", "WireGuard, proven" },
	{ "esp", "#2f7f9a", "IPsec ESP, seen" },
	{ "hbone", "#8250df", "mesh HBONE, observed" },
	{ "linkerd", "#b07cf0", "mesh Linkerd, observed" },
	{ "exempt", "#d9822b", "in clear, exempt node" },
	{ "clear", "#7d8894", "in clear, not required" },
	{ "nodes", "#bcc4cc", "in clear, node to node" },
	{ "dropped", "var(--bad)", "required, not encrypted: stopped" },
};

static const char style[] = WD_PAGE_COLOURS
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1.2rem;max-width:76rem;background:var(--bg);"
	"color:var(--fg);font:16px/1.5 system-ui,sans-serif;"
	"overflow-wrap:anywhere}\n"
	"h1{font-size:1.5rem;margin:.2rem 0}"
	"h2{font-size:1.15rem;margin:1.8rem 0 .3rem}"
	"h3{font-size:1rem;margin:0}\n"
	"p{margin:.4rem 0;max-width:48rem}.dim{color:var(--dim)}\n"
	".big{font-size:1.1rem}.n{text-align:right}\n"
	".two{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}\n"
	".two>*{flex:1 1 22rem;min-width:0}\n"
	"svg{display:block;width:100%;max-width:36rem;height:auto}\n"
	".wide{overflow-x:auto;margin:.5rem 0}\n"
	"table{border-collapse:collapse;font-size:.92rem;"
	"font-variant-numeric:tabular-nums;overflow-wrap:normal}\n"
	"th,td{text-align:left;vertical-align:top;padding:.3rem .9rem .3rem 0;"
	"border-bottom:1px solid var(--line)}\n"
	"th{color:var(--dim);font-weight:600;white-space:nowrap}"
	"td.n,th.n,td.w{white-space:nowrap}td.n,th.n{text-align:right}\n"
	"/* kinds on a phone: a card each */\n"
	"@media(max-width:44rem){.kinds tr:first-child{display:none}"
	".kinds table,.kinds tbody,.kinds tr,.kinds td{display:block}"
	".kinds tr{border-bottom:1px solid var(--line);padding:.4rem 0}"
	".kinds td{display:flex;justify-content:space-between;border:0;"
	"padding:0}.kinds td.w{display:block;font-weight:600}"
	".kinds td::before{color:var(--dim)}"
	".kinds td:nth-child(2)::before{content:'evidence'}"
	".kinds td:nth-child(3)::before{content:'packets out'}"
	".kinds td:nth-child(4)::before{content:'bytes out'}"
	".kinds td:nth-child(5)::before{content:'packets in'}"
	".kinds td:nth-child(6)::before{content:'bytes in'}}\n"
	"i.s{display:inline-block;width:.8em;height:.8em;margin-right:.4em;"
	"border:1px solid var(--fg)}\n"
	"section{border:1px solid var(--line);border-left:4px solid var(--dim);"
	"padding:.6rem .9rem;margin:.6rem 0}\n"
	"section.bad{border-left-color:var(--bad)}\n"
	"@media print{section,tr{break-inside:avoid}}\n";

/* ---- pieces ---- */

static struct json_object *count_of(struct json_object *group, const char *kind)
{
	return wd_json_get(wd_json_get(group, "counts"), kind);
}

static uint64_t bytes_of(struct json_object *group, const char *kind)
{
	int64_t bytes = wd_json_get_int(count_of(group, kind), "bytes");

	return bytes > 0 ? (uint64_t)bytes : 0;
}

static uint64_t bytes_all(struct json_object *group)
{
	uint64_t all = 0;

	for (size_t i = 0; i < KINDS; i++)
		all += bytes_of(group, parts[i].kind);
	return all;
}

static void put_bytes(FILE *to, uint64_t bytes)
{
	char buf[WD_BYTES_STRLEN];

	wd_markup(to, "%s", wd_bytes_str(bytes, buf));
}

static void put_cell(FILE *to, const char *text)
{
	(void)fputs("<td>", to);
	wd_markup(to, "%s", *text ? text : "-");
	(void)fputs("</td>", to);
}

static void put_count_cells(FILE *to, struct json_object *count)
{
	(void)fprintf(to, "<td class=n>%lld</td><td class=n>",
		      (long long)wd_json_get_int(count, "packets"));
	put_bytes(to, (uint64_t)wd_json_get_int(count, "bytes"));
	(void)fputs("</td>", to);
}

static size_t part_of(const char *kind)
{
	size_t i = 0;

	while (i < KINDS - 1 && strcmp(parts[i].kind, kind) != 0)
		i++;
	return i;
}

static void put_swatch(FILE *to, const char *kind)
{
	(void)fprintf(to, "<i class=s style=\"background:%s\"></i>",
		      parts[part_of(kind)].color);
}

/* ---- the picture: a bar for everything, and for the largest pairs ---- */

#define SVG_WIDTH 380
#define BAR_HEIGHT 38 /* with its words above */
#define LABEL_LEN 40

struct bar {
	char label[LABEL_LEN + 4];
	uint64_t part[KINDS];
	uint64_t all;
};

static void bar_add(struct bar *bar, struct json_object *group)
{
	for (size_t i = 0; i < KINDS; i++)
		bar->part[i] += bytes_of(group, parts[i].kind);
	bar->all += bytes_all(group);
}

static void bar_name(struct bar *bar, struct json_object *pair)
{
	int len = snprintf(bar->label, LABEL_LEN + 1, "%s to %s",
			   wd_encryption_ns(pair, "from"),
			   wd_encryption_ns(pair, "to"));

	if (len > LABEL_LEN)
		memcpy(bar->label + LABEL_LEN, "...", 4);
}

static int larger(const void *a, const void *b)
{
	uint64_t left = ((const struct bar *)a)->all;
	uint64_t right = ((const struct bar *)b)->all;

	return left < right ? 1 : left > right ? -1 : 0;
}

static void put_bar(FILE *to, const struct bar *bar, size_t row)
{
	double x = 0;
	size_t y = row * BAR_HEIGHT;

	(void)fprintf(to, "<text x=\"0\" y=\"%zu\">", y + 14);
	wd_markup(to, "%s", bar->label);
	(void)fprintf(to,
		      "</text><text x=\"%d\" y=\"%zu\" text-anchor=\"end\">",
		      SVG_WIDTH, y + 14);
	put_bytes(to, bar->all);
	(void)fprintf(
		to,
		"</text><rect x=\"0\" y=\"%zu\" width=\"%d\" "
		"height=\"14\" fill=\"var(--bg)\" stroke=\"var(--dim)\"/>",
		y + 20, SVG_WIDTH);
	for (size_t i = 0; bar->all && i < KINDS; i++) {
		double width =
			(double)bar->part[i] * SVG_WIDTH / (double)bar->all;

		if (!bar->part[i])
			continue;
		(void)fprintf(to,
			      "<rect x=\"%.2f\" y=\"%zu\" width=\"%.2f\" "
			      "height=\"14\" fill=\"%s\"><title>",
			      x, y + 20, width, parts[i].color);
		wd_markup(to, "%s: %.2f %%", parts[i].label,
			  (double)bar->part[i] * 100 / (double)bar->all);
		(void)fputs("</title></rect>\n", to);
		x += width;
	}
}

/* @bar: the first is everything; those of pairs after it, largest first. */
static void put_bars(FILE *to, struct bar *bar, size_t cnt)
{
	size_t shown = cnt;

	if (cnt > BARS_SHOWN) {
		struct bar *rest = &bar[BARS_SHOWN - 1];

		for (size_t i = BARS_SHOWN; i < cnt; i++) {
			for (size_t k = 0; k < KINDS; k++)
				rest->part[k] += bar[i].part[k];
			rest->all += bar[i].all;
		}
		(void)snprintf(rest->label, sizeof(rest->label),
			       "%zu other pairs", cnt - BARS_SHOWN + 1);
		shown = BARS_SHOWN;
	}
	(void)fprintf(to,
		      "<svg viewBox=\"0 0 %d %zu\" role=\"img\" "
		      "aria-label=\"shares of bytes by how they were "
		      "protected\" "
		      "font-family=\"system-ui,sans-serif\" font-size=\"12\" "
		      "fill=\"var(--fg)\">\n",
		      SVG_WIDTH, shown * BAR_HEIGHT);
	for (size_t i = 0; i < shown; i++)
		put_bar(to, &bar[i], i);
	(void)fputs("</svg>\n", to);
}

static void put_picture(FILE *to, struct json_object *doc)
{
	size_t pairs = wd_json_len(doc, "namespaces");
	struct bar *bar = calloc(pairs + 1, sizeof(*bar));

	if (!bar)
		return;
	(void)snprintf(bar->label, sizeof(bar->label), "everything");
	for (size_t i = 0; i < pairs; i++) {
		struct json_object *pair = wd_json_at(doc, "namespaces", i);

		bar_add(bar, pair);
		bar_add(&bar[i + 1], pair);
		bar_name(&bar[i + 1], pair);
	}
	qsort(bar + 1, pairs, sizeof(*bar), larger);
	put_bars(to, bar, pairs + 1);
	free(bar);
}

/* ---- what it comes to ---- */

static void put_statement(FILE *to, struct json_object *doc)
{
	uint64_t passed = wd_encryption_bytes(doc, NULL);
	uint64_t proven = wd_encryption_bytes(doc, "proven");

	(void)fputs("<p class=big>", to);
	if (passed) {
		(void)fputs("Of <b>", to);
		put_bytes(to, passed);
		(void)fputs("</b> that passed this node's wires between "
			    "addresses of the cluster, <b>",
			    to);
		wd_markup(to, "%.1f %%", (double)proven * 100 / (double)passed);
		(void)fputs("</b> were proven to be encrypted to the right "
			    "node. ",
			    to);
	} else {
		(void)fputs("Nothing that passed was counted in this time. ",
			    to);
	}
	put_bytes(to, wd_encryption_bytes(doc, "stopped"));
	(void)fputs(" had to be encrypted, were not, and were stopped.</p>\n",
		    to);
}

static void put_head(FILE *to, struct json_object *doc)
{
	(void)fputs("<h1>What was encrypted between nodes</h1>\n<p>Node <b>",
		    to);
	wd_markup(to, "%s", wd_json_get_str(doc, "node"));
	(void)fputs("</b>, ", to);
	wd_markup(to, "%s to %s (UTC). warder %s.",
		  wd_json_get_str(doc, "from"), wd_json_get_str(doc, "to"),
		  wd_json_get_str(doc, "version"));
	(void)fputs("</p>\n", to);
	put_statement(to, doc);
}

static void put_fact(FILE *to, const char *name, const char *text)
{
	(void)fputs("<tr><th>", to);
	wd_markup(to, "%s", name);
	(void)fputs("</th>", to);
	put_cell(to, text);
	(void)fputs("</tr>\n", to);
}

static void put_part(FILE *to, const char *name, int64_t part, int64_t all)
{
	char text[2 * WD_SPAN_STRLEN], buf[WD_SPAN_STRLEN];

	if (all && part == all)
		(void)snprintf(text, sizeof(text), "all of the recorded time");
	else if (part)
		(void)snprintf(text, sizeof(text), "%s of it",
			       wd_encryption_span(part, buf));
	else
		(void)snprintf(text, sizeof(text), "never");
	put_fact(to, name, text);
}

static void put_facts(FILE *to, struct json_object *doc)
{
	struct json_object *s = wd_json_get(doc, "seconds");
	struct json_object *req = wd_json_get(doc, "requirement");
	int64_t known = wd_json_get_int(s, "known");
	char buf[WD_SPAN_STRLEN];

	(void)fputs("<div class=wide><table>\n", to);
	put_fact(to, "recorded", wd_encryption_span(known, buf));
	put_fact(to, "not recorded",
		 wd_encryption_span(wd_json_get_int(s, "gaps"), buf));
	put_part(to, "wires judged", wd_json_get_int(s, "required"), known);
	put_part(to, "a wire without a program",
		 wd_json_get_int(s, "wire_open"), known);
	put_fact(to, "pods, by default", wd_json_get_str(req, "pods"));
	put_fact(to, "nodes among each other", wd_json_get_str(req, "nodes"));
	(void)fputs("</table></div>\n", to);
}

static void put_kinds(FILE *to, struct json_object *doc)
{
	(void)fputs("<div class=\"wide kinds\"><table><tr><th>what<th>evidence"
		    "<th class=n>packets out<th class=n>bytes out"
		    "<th class=n>packets in<th class=n>bytes in"
		    "<th>what it says</tr>\n",
		    to);
	for (size_t i = 0; i < wd_json_len(doc, "kinds"); i++) {
		struct json_object *kind = wd_json_at(doc, "kinds", i);
		const char *name = wd_json_get_str(kind, "kind");

		(void)fputs("<tr><td class=w>", to);
		put_swatch(to, name);
		wd_markup(to, "%s", name);
		(void)fputs("</td>", to);
		put_cell(to, wd_json_get_str(kind, "evidence"));
		put_count_cells(to, wd_json_get(kind, "egress"));
		put_count_cells(to, wd_json_get(kind, "ingress"));
		put_cell(to, wd_json_get_str(kind, "help"));
		(void)fputs("</tr>\n", to);
	}
	(void)fputs("</table></div>\n", to);
}

/* ---- pairs ---- */

/* Return: rows that were written. */
static size_t put_group(FILE *to, struct json_object *group, const char *from,
			const char *second)
{
	struct json_object *counts = wd_json_get(group, "counts");
	size_t rows = 0;

	if (!json_object_is_type(counts, json_type_object))
		return 0;
	json_object_object_foreach(counts, kind, count) {
		(void)fputs("<tr>", to);
		put_cell(to, from);
		put_cell(to, second);
		(void)fputs("<td class=w>", to);
		put_swatch(to, kind);
		wd_markup(to, "%s", kind);
		(void)fputs("</td>", to);
		put_count_cells(to, count);
		(void)fputs("</tr>\n", to);
		rows++;
	}
	return rows;
}

static void put_rest(FILE *to, size_t left)
{
	(void)fputs("</table></div>\n", to);
	if (left)
		(void)fprintf(to,
			      "<p class=dim>and %zu more: <code>warder "
			      "encryption report --json</code></p>\n",
			      left);
}

static void put_namespaces(FILE *to, struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "namespaces"), rows = 0, i;

	(void)fputs("<div class=wide><table><tr><th>from<th>to<th>what"
		    "<th class=n>packets<th class=n>bytes</tr>\n",
		    to);
	for (i = 0; i < cnt && rows < ROWS_SHOWN; i++) {
		struct json_object *pair = wd_json_at(doc, "namespaces", i);

		rows += put_group(to, pair, wd_encryption_ns(pair, "from"),
				  wd_encryption_ns(pair, "to"));
	}
	put_rest(to, cnt - i);
}

static void put_nodes(FILE *to, struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "nodes"), rows = 0, i;

	(void)fputs("<div class=wide><table><tr><th>other node<th>way<th>what"
		    "<th class=n>packets<th class=n>bytes</tr>\n",
		    to);
	for (i = 0; i < cnt && rows < ROWS_SHOWN; i++) {
		struct json_object *pair = wd_json_at(doc, "nodes", i);
		const char *peer = wd_json_get_str(pair, "peer");
		bool out =
			!strcmp(wd_json_get_str(pair, "direction"), "egress");

		rows += put_group(to, pair, *peer ? peer : "(unknown)",
				  out ? "to it" : "from it");
	}
	put_rest(to, cnt - i);
}

/* ---- what is not covered, and when ---- */

static void put_strings(FILE *to, struct json_object *obj, const char *key)
{
	size_t cnt = wd_json_len(obj, key);

	for (size_t i = 0; i < cnt && i < ROWS_SHOWN; i++)
		wd_markup(to, "%s%s", i ? ", " : "",
			  json_object_get_string(wd_json_at(obj, key, i)));
	if (cnt > ROWS_SHOWN)
		(void)fprintf(to, " and %zu more", cnt - ROWS_SHOWN);
}

static void put_path(FILE *to, struct json_object *path)
{
	const char *word = wd_json_get_str(path, "path");
	bool bad = !strcmp(word, "not-judged") ||
		   !strcmp(word, "nothing-required");

	(void)fprintf(to, "<section%s><h3>", bad ? " class=bad" : "");
	wd_markup(to, "%s", wd_json_get_str(path, "title"));
	(void)fputs("</h3><p>", to);
	wd_markup(to, "%s", wd_json_get_str(path, "why"));
	(void)fputs("</p>", to);
	if (wd_json_len(path, "subjects")) {
		(void)fputs("<p>", to);
		wd_markup(to, "%s: ", wd_json_get_str(path, "subjects_are"));
		put_strings(to, path, "subjects");
		(void)fputs("</p>", to);
	}
	(void)fputs("<p class=dim>Counted as: ", to);
	if (wd_json_len(path, "counted_as"))
		put_strings(to, path, "counted_as");
	else
		(void)fputs("not counted", to);
	wd_markup(to, ". What would cover it: %s.",
		  *wd_json_get_str(path, "change") ?
			  wd_json_get_str(path, "change") :
			  "nothing of warder's");
	(void)fputs("</p></section>\n", to);
}

static void put_gaps(FILE *to, struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "gaps");
	char buf[WD_SPAN_STRLEN];

	if (!cnt) {
		(void)fputs("<p>None: counters were read, or went on counting "
			    "while no agent ran, in all of the time.</p>\n",
			    to);
		return;
	}
	(void)fputs("<p>Within these times counters began anew (the node was "
		    "booted, enforcement was ended, or maps were replaced) or "
		    "the record was damaged. What was counted then is not in "
		    "this report.</p>\n<div class=wide><table><tr><th>from"
		    "<th>to<th>of it unknown</tr>\n",
		    to);
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *gap = wd_json_at(doc, "gaps", i);

		(void)fputs("<tr>", to);
		put_cell(to, wd_json_get_str(gap, "from"));
		put_cell(to, wd_json_get_str(gap, "to"));
		put_cell(to, wd_encryption_span(wd_json_get_int(gap, "seconds"),
						buf));
		(void)fputs("</tr>\n", to);
	}
	put_rest(to, (size_t)wd_json_get_int(doc, "gap_count") - cnt);
}

static void put_requirement(FILE *to, struct json_object *req)
{
	size_t cnt = wd_json_len(req, "namespaces"), i;

	(void)fputs("<div class=wide><table><tr><th>namespace<th>with other "
		    "nodes<th>because of</tr>\n",
		    to);
	for (i = 0; i < cnt && i < ROWS_SHOWN; i++) {
		struct json_object *ns = wd_json_at(req, "namespaces", i);

		(void)fputs("<tr>", to);
		put_cell(to, wd_json_get_str(ns, "namespace"));
		put_cell(to, wd_json_get_str(ns, "encryption"));
		put_cell(to, wd_json_get_str(ns, "by"));
		(void)fputs("</tr>\n", to);
	}
	put_rest(to, cnt - i);
}

static const char reading[] =
	"<h2>How to read it</h2>\n<p><b>Proven</b>: programs in the kernel of "
	"this node saw each packet at a WireGuard device, before it was "
	"encrypted or after it was decrypted, and the key's owner was the node "
	"of the pod. WireGuard has one set of algorithms (Curve25519, "
	"ChaCha20-Poly1305, BLAKE2s); keys are not in this report. <b>Seen</b> "
	"and <b>observed</b> say what a packet looked like, no more. "
	"<b>Stopped</b> packets had to be encrypted and were not: they did not "
	"pass. The check is by content, on the last device before the wire and "
	"the first behind it; marks and routes do not change it.</p>\n"
	"<p>Each packet is counted once on each of the two nodes: for a "
	"cluster add up what went out of each. Bytes are those of packets at "
	"the device, with headers.</p>\n"
	"<p class=dim>What it can support: SOC 2 CC6.7 (data in transmission), "
	"ISO/IEC 27001:2022 A.8.24 (use of cryptography), A.8.20 (networks) "
	"and A.5.14 (information transfer), NIS2 Article 21(2)(h) "
	"(cryptography and encryption). It is evidence of what crossed this "
	"node's wires, not of key management, of policies, or of what is "
	"listed below as not covered.</p>\n";

void wd_encryption_html(struct json_object *doc, FILE *to)
{
	(void)fprintf(to,
		      "<!doctype html>\n<html lang=en><head><meta "
		      "charset=utf-8><meta name=viewport content=\"width="
		      "device-width,initial-scale=1\"><title>warder: "
		      "encryption</title><style>\n%s</style></head><body>\n",
		      style);
	put_head(to, doc);
	(void)fputs("<div class=two><div>", to);
	put_picture(to, doc);
	(void)fputs("</div><div>", to);
	put_facts(to, doc);
	(void)fputs("</div></div>\n", to);
	put_kinds(to, doc);
	(void)fputs(reading, to);
	(void)fputs("<h2>Not covered</h2>\n<p>Every path that is not proven, "
		    "used or not, and why.</p>\n",
		    to);
	for (size_t i = 0; i < wd_json_len(doc, "not_covered"); i++)
		put_path(to, wd_json_at(doc, "not_covered", i));
	(void)fputs("<h2>By namespaces</h2>\n", to);
	put_namespaces(to, doc);
	(void)fputs("<h2>By nodes</h2>\n", to);
	put_nodes(to, doc);
	(void)fputs("<h2>Gaps in the record</h2>\n", to);
	put_gaps(to, doc);
	(void)fputs("<h2>What is required</h2>\n", to);
	put_requirement(to, wd_json_get(doc, "requirement"));
	(void)fputs("</body></html>\n", to);
}
