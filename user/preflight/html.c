/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * html.c - results as one page: no script, no other file, for a phone and for
 * a wide screen, light and dark. Every text in it is escaped.
 */
#include <stdlib.h>

#include "../base/markup.h"
#include "../base/page.h"
#include "../base/version.h"
#include "report.h"

static const char style[] = WD_PAGE_COLOURS
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1.2rem;max-width:76rem;background:var(--bg);"
	"color:var(--fg);font:16px/1.5 system-ui,sans-serif;"
	"overflow-wrap:anywhere}\n"
	"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.05rem;margin:0}\n"
	"p{margin:.3rem 0}.dim{color:var(--dim)}\n"
	".safe{color:var(--good)}.unsafe{color:var(--bad)}"
	".unknown{color:var(--open)}\n"
	".mark{font-weight:700;white-space:nowrap}\n"
	".wide{overflow-x:auto;margin:1rem 0}\n"
	"table{border-collapse:collapse;width:100%;font-size:.92rem;"
	"font-variant-numeric:tabular-nums}\n"
	"th,td{text-align:left;padding:.35rem .8rem .35rem 0;"
	"border-bottom:1px solid var(--line);white-space:nowrap}\n"
	"th{color:var(--dim);font-weight:600}.n{text-align:right}\n"
	"@media(max-width:48rem){tr:first-child{display:none}"
	"table,tbody,tr{display:block}"
	"tr{border-bottom:1px solid var(--line);padding:.4rem 0}"
	"td{display:flex;justify-content:space-between;gap:1rem;border:0;"
	"padding:.1rem 0;white-space:normal;text-align:right}"
	"td::before{content:attr(data-n);color:var(--dim);"
	"white-space:nowrap}td .bar{flex:0 1 9rem;align-self:center}}\n"
	"section{background:var(--card);border:1px solid var(--line);"
	"border-radius:8px;padding:.9rem 1rem;margin:1rem 0}\n"
	"section .wide{margin:.6rem 0 0}\n"
	".bar{display:block;height:6px;min-width:5rem;border-radius:3px;"
	"background:var(--line);overflow:hidden}\n"
	".bar i{display:block;height:100%;background:var(--bar)}\n"
	"ul{margin:.4rem 0;padding-left:1.2rem}\n"
	"pre{overflow-x:auto;font-size:.8rem;margin:.6rem 0 0;padding:.6rem;"
	"border:1px solid var(--line);border-radius:6px;white-space:pre-wrap}\n";

static const char *name_of(const struct wd_preflight_result *r)
{
	return *r->release ? r->release : r->kernel;
}

static const char *word_of(enum wd_preflight_answer answer)
{
	switch (answer) {
	case WD_PREFLIGHT_SAFE:
		return "safe";
	case WD_PREFLIGHT_UNSAFE:
		return "not safe";
	case WD_PREFLIGHT_UNKNOWN:
		return "not known";
	}
	return "not known";
}

static void put_mark(FILE *to, enum wd_preflight_answer answer)
{
	(void)fprintf(to, "<span class=\"mark %s\">%s</span>",
		      wd_report_answer(answer), word_of(answer));
}

static void put_insns(FILE *to, uint32_t insns)
{
	double percent = insns * 100.0 / WD_VERIFIER_INSNS;

	if (!insns) {
		(void)fputs("<td class=n data-n=instructions>-</td><td></td>",
			    to);
		return;
	}
	(void)fprintf(
		to,
		"<td class=n data-n=instructions>%u</td><td data-n=\"of 1 "
		"M\" title=\"%.1f %% of what the "
		"verifier looks at\"><span class=bar><i "
		"style=\"width:%.1f%%\"></i></span></td>",
		insns, percent, percent > 100 ? 100 : percent);
}

static void put_cell(FILE *to, const char *name, const char *word)
{
	(void)fprintf(to, "<td data-n=%s>", name);
	wd_markup(to, "%s", word && *word ? word : "-");
	(void)fputs("</td>", to);
}

static void put_number(FILE *to, const char *name, const char *number)
{
	(void)fprintf(to, "<td class=n data-n=%s>", name);
	wd_markup(to, "%s", *number ? number : "-");
	(void)fputs("</td>", to);
}

/* ---- the matrix ---- */

static void put_row(FILE *to, const struct wd_preflight *p,
		    const struct wd_preflight_result *r, size_t nr)
{
	const struct wd_preflight_object *obj = wd_report_object(r);
	char stack[WD_REPORT_STACK];

	(void)fprintf(to, "<tr><td data-n=kernel><a href=\"#k%zu\">", nr);
	wd_markup(to, "%s", name_of(r));
	(void)fputs("</a></td><td data-n=answer>", to);
	put_mark(to, r->answer);
	(void)fputs("</td>", to);
	put_cell(to, "rung", r->rung);
	put_cell(to, "nft", wd_report_nft(r));
	put_cell(to, "object", r->in_force);
	put_cell(to, "attach", r->attach);
	put_insns(to, obj ? wd_report_insns(obj) : 0);
	put_number(to, "stack", wd_report_stack(obj, stack));
	if (p->state)
		(void)fprintf(to, "<td class=n data-n=different>%zu</td>",
			      r->diff_cnt);
	(void)fprintf(to, "<td class=n data-n=seconds>%.1f</td></tr>\n",
		      r->vm.all_ms / 1000.0);
}

static void put_matrix(FILE *to, const struct wd_preflight *p,
		       const struct wd_preflight_result *result, size_t cnt)
{
	(void)fprintf(
		to,
		"<div class=wide><table><tr><th>kernel<th>answer<th>rung<th>nft"
		"<th>object<th>attach<th class=n>instructions<th>of 1 M"
		"<th class=n>stack%s<th class=n>seconds</tr>\n",
		p->state ? "<th class=n>different" : "");
	for (size_t i = 0; i < cnt; i++)
		put_row(to, p, &result[i], i);
	(void)fputs("</table></div>\n", to);
}

/* ---- one kernel ---- */

static void put_objects(FILE *to, const struct wd_preflight_result *r)
{
	if (!r->object_cnt)
		return;
	(void)fputs("<div class=wide><table><tr><th>object<th>rung<th "
		    "class=n>instructions<th>of 1 M<th class=n>stack<th "
		    "class=n>loaded in<th>result</tr>\n",
		    to);
	for (size_t i = 0; i < r->object_cnt; i++) {
		const struct wd_preflight_object *obj = &r->object[i];
		char stack[WD_REPORT_STACK];

		(void)fputs("<tr>", to);
		put_cell(to, "object", obj->name);
		put_cell(to, "rung", obj->rung);
		put_insns(to, wd_report_insns(obj));
		put_number(to, "stack", wd_report_stack(obj, stack));
		(void)fprintf(
			to,
			"<td class=n data-n=\"loaded in\">%.0f ms</td><td "
			"data-n=result>",
			(double)obj->load_us / 1000);
		if (obj->untried)
			wd_markup(to, "not tried: %s",
				  obj->error ? obj->error : "");
		else if (!obj->loads)
			wd_markup(to, "does not load: %s",
				  obj->error ? obj->error : "");
		else if (obj->different)
			wd_markup(to, "%zu of %zu answers differ",
				  obj->different, obj->asked);
		else if (obj->answered)
			wd_markup(to, "%zu answers as here", obj->asked);
		else
			wd_markup(to, "loads");
		(void)fputs("</td></tr>\n", to);
	}
	(void)fputs("</table></div>\n", to);
}

static void put_list(FILE *to, const struct wd_preflight *p,
		     const struct wd_preflight_result *r)
{
	if (!r->why_cnt && !r->diff_cnt)
		return;
	(void)fputs("<ul>", to);
	for (size_t i = 0; i < r->why_cnt; i++) {
		(void)fputs("<li>", to);
		wd_markup(to, "%s", r->why[i]);
	}
	for (size_t i = 0; i < r->diff_cnt && i < WD_PREFLIGHT_SHOWN; i++) {
		char *diff = wd_preflight_diff_text(p, r, &r->diff[i]);

		(void)fputs("<li>", to);
		wd_markup(to, "%s", diff ? diff : "");
		free(diff);
	}
	if (r->diff_cnt > WD_PREFLIGHT_SHOWN)
		(void)fprintf(to, "<li>and %zu more",
			      r->diff_cnt - WD_PREFLIGHT_SHOWN);
	(void)fputs("</ul>\n", to);
}

static void put_logs(FILE *to, const struct wd_preflight_result *r)
{
	for (size_t i = 0; i < r->object_cnt; i++) {
		if (!r->object[i].log)
			continue;
		(void)fputs("<pre>", to);
		wd_markup(to, "%s: %s", r->object[i].name, r->object[i].log);
		(void)fputs("</pre>\n", to);
	}
	if (r->ran || !r->vm.console || !*r->vm.console)
		return;
	(void)fputs("<pre>", to);
	wd_markup(to, "%s", r->vm.console);
	(void)fputs("</pre>\n", to);
}

static void put_kernel(FILE *to, const struct wd_preflight *p,
		       const struct wd_preflight_result *r, size_t nr)
{
	(void)fprintf(to, "<section id=k%zu><h2>", nr);
	wd_markup(to, "%s", name_of(r));
	(void)fputs(": ", to);
	put_mark(to, r->answer);
	(void)fputs("</h2><p class=dim>", to);
	wd_markup(to, "%s", r->kernel);
	if (*r->rung)
		wd_markup(to, "; rung %s: %s%s%s", r->rung, wd_report_engine(r),
			  r->in_force ? ", attached by " : "",
			  r->in_force ? r->attach : "");
	if (r->vm.all_ms)
		wd_markup(to, "; %.1f s, %s", r->vm.all_ms / 1000.0,
			  r->vm.kvm ? "with KVM" : "emulated");
	(void)fputs("</p>\n", to);
	put_list(to, p, r);
	put_objects(to, r);
	put_logs(to, r);
	(void)fputs("</section>\n", to);
}

void wd_report_html(const struct wd_preflight *preflight,
		    const struct wd_preflight_result *result, size_t cnt,
		    FILE *to)
{
	char *asked = wd_report_questions(preflight);

	(void)fprintf(
		to,
		"<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
		"<meta name=viewport content=\"width=device-width,"
		"initial-scale=1\"><title>warder preflight</title><style>"
		"\n%s</style></head><body>\n<h1>Kernel upgrade: ",
		style);
	put_mark(to, wd_report_worst(result, cnt));
	(void)fputs("</h1>\n<p>", to);
	if (preflight->state)
		wd_markup(
			to,
			"State of node '%s' (kernel %s, rung %s, generation %u). ",
			preflight->state->node, preflight->state->kernel,
			*preflight->state->rung ? preflight->state->rung :
						  "not known",
			preflight->state->gen);
	wd_markup(to, "Wanted: rung %s at least, %s.", preflight->min_rung,
		  preflight->min_from);
	(void)fputs("</p><p class=dim>", to);
	wd_markup(to, "Questions: %s. warder " WARDER_VERSION ".",
		  asked ? asked : "");
	(void)fputs("</p>\n", to);
	put_matrix(to, preflight, result, cnt);
	for (size_t i = 0; i < cnt; i++)
		put_kernel(to, preflight, &result[i], i);
	(void)fputs("</body></html>\n", to);
	free(asked);
}
