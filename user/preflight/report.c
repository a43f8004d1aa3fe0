/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - results as text and as JSON. Judges nothing.
 */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "../base/version.h"
#include "../datapath/ladder.h"
#include "asking.h"

enum wd_preflight_answer
wd_report_worst(const struct wd_preflight_result *result, size_t cnt)
{
	enum wd_preflight_answer worst = WD_PREFLIGHT_SAFE;

	for (size_t i = 0; i < cnt; i++) {
		if (result[i].answer == WD_PREFLIGHT_UNSAFE)
			return WD_PREFLIGHT_UNSAFE;
		if (result[i].answer == WD_PREFLIGHT_UNKNOWN)
			worst = WD_PREFLIGHT_UNKNOWN;
	}
	return worst;
}

const char *wd_report_answer(enum wd_preflight_answer answer)
{
	switch (answer) {
	case WD_PREFLIGHT_SAFE:
		return "safe";
	case WD_PREFLIGHT_UNSAFE:
		return "unsafe";
	case WD_PREFLIGHT_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

uint32_t wd_report_insns(const struct wd_preflight_object *object)
{
	uint32_t most = 0;

	for (int i = 0; i < WD_DIR__MAX; i++)
		if (object->prog[i].insns > most)
			most = object->prog[i].insns;
	return most;
}

const char *wd_report_stack(const struct wd_preflight_object *object,
			    char buf[WD_REPORT_STACK])
{
	uint32_t most = 0;
	bool all = true;

	for (int i = 0; object && i < WD_DIR__MAX; i++) {
		bool is_chain;
		uint32_t bytes =
			wd_preflight_stack(object->prog[i].stack, &is_chain);

		if (bytes > most)
			most = bytes;
		all &= is_chain;
	}
	buf[0] = '\0';
	if (most)
		(void)snprintf(buf, WD_REPORT_STACK, "%s%u",
			       all ? "" : ">=", most);
	return buf;
}

const struct wd_preflight_object *
wd_report_object(const struct wd_preflight_result *result)
{
	if (*result->rung && !result->in_force)
		return NULL; /* no program is */
	for (size_t i = 0; i < result->object_cnt; i++)
		if (result->in_force &&
		    !strcmp(result->object[i].name, result->in_force))
			return &result->object[i];
	return result->object_cnt ? &result->object[0] : NULL;
}

const char *wd_report_engine(const struct wd_preflight_result *result)
{
	return result->in_force				 ? result->in_force :
	       wd_rung_from(result->rung) == WD_RUNG_NFT ? "a ruleset of "
							   "nf_tables" :
							   "nothing enforces";
}

const char *wd_report_nft(const struct wd_preflight_result *result)
{
	const struct wd_preflight_object *obj = wd_preflight_ruleset(result);

	if (!obj || obj->untried)
		return "";
	return obj->loads && !obj->different ? "yes" : "no";
}

char *wd_report_questions(const struct wd_preflight *p)
{
	char *text = NULL;

	if (!p->state)
		wd_format(&text, "none: without --state only the golden "
				 "packets of warder itself are tried");
	else
		wd_format(&text,
			  "%zu of %llu possible, seed %llu, about %zu "
			  "endpoint%s",
			  p->questions.cnt,
			  (unsigned long long)p->questions.possible,
			  (unsigned long long)p->seed, p->state->ep_cnt,
			  p->state->ep_cnt == 1 ? "" : "s");
	return text;
}

/* ---- text ---- */

static void line(const char *label, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void line(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("%-16s", label);
	va_start(ap, fmt);
	wd_vprint(stdout, fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void cell_number(struct wd_table *table, size_t number, bool is_known)
{
	if (is_known)
		wd_table_cell(table, "%zu", number);
	else
		wd_table_cell(table, "%s", "");
}

static void cell_insns(struct wd_table *table, uint32_t insns)
{
	cell_number(table, insns, insns);
	if (insns)
		wd_table_cell(table, "%.1f%%",
			      insns * 100.0 / WD_VERIFIER_INSNS);
	else
		wd_table_cell(table, "%s", "");
}

static void print_objects(const struct wd_preflight_result *r)
{
	static const char *const head[] = { "OBJECT", "RUNG",	">INSTRUCTIONS",
					    ">LIMIT", ">STACK", ">LOADED IN",
					    "RESULT", NULL };
	struct wd_table *table;

	if (!r->object_cnt)
		return;
	putchar('\n');
	table = wd_table_new(head);
	for (size_t i = 0; i < r->object_cnt; i++) {
		const struct wd_preflight_object *obj = &r->object[i];
		uint32_t insns = wd_report_insns(obj);
		char stack[WD_REPORT_STACK];

		wd_table_cell(table, "%s", obj->name);
		wd_table_cell(table, "%s", obj->rung);
		cell_insns(table, insns);
		wd_table_cell(table, "%s", wd_report_stack(obj, stack));
		wd_table_cell(table, "%.0f ms", (double)obj->load_us / 1000);
		if (obj->untried)
			wd_table_cell(table, "not tried: %s", obj->error ?: "");
		else if (!obj->loads)
			wd_table_cell(table, "does not load: %s",
				      obj->error ?: "");
		else if (obj->different)
			wd_table_cell(table, "%zu answers differ",
				      obj->different);
		else if (obj->answered)
			wd_table_cell(table, "%zu answers as here", obj->asked);
		else
			wd_table_cell(table, "loads");
	}
	wd_table_print(table, stdout, "");
}

static void print_diffs(const struct wd_preflight *p,
			const struct wd_preflight_result *r)
{
	if (!r->diff_cnt)
		return;
	puts("\ndifferences");
	for (size_t i = 0; i < r->diff_cnt && i < WD_PREFLIGHT_SHOWN; i++) {
		char *text = wd_preflight_diff_text(p, r, &r->diff[i]);

		wd_print(stdout, "  %s\n", text ? text : "");
		free(text);
	}
	if (r->diff_cnt > WD_PREFLIGHT_SHOWN)
		printf("  and %zu more\n", r->diff_cnt - WD_PREFLIGHT_SHOWN);
}

static void print_state(const struct wd_preflight *p)
{
	char *asked = wd_report_questions(p);

	if (p->state)
		line("state",
		     "of node '%s', kernel %s, rung %s, generation %u, warder "
		     "%s",
		     p->state->node, p->state->kernel,
		     *p->state->rung ? p->state->rung : "not known",
		     p->state->gen, p->state->version);
	line("questions", "%s", asked ? asked : "");
	free(asked);
}

static void print_one(const struct wd_preflight *p,
		      const struct wd_preflight_result *r)
{
	line("kernel", "%s%s%s", *r->release ? r->release : "release not known",
	     *r->release ? ", " : ": ", r->kernel);
	line("answer", "%s",
	     r->answer == WD_PREFLIGHT_SAFE   ? "safe" :
	     r->answer == WD_PREFLIGHT_UNSAFE ? "NOT SAFE" :
						"NOT KNOWN");
	for (size_t i = 0; i < r->why_cnt; i++)
		line(i				    ? "" :
		     r->answer == WD_PREFLIGHT_SAFE ? "note" :
						      "because",
		     "%s", r->why[i]);
	if (*r->rung)
		line("rung", "%s: %s%s%s; at least %s is wanted, %s", r->rung,
		     wd_report_engine(r), r->in_force ? ", attached by " : "",
		     r->in_force ? r->attach : "", p->min_rung, p->min_from);
	print_state(p);
	if (r->vm.all_ms)
		line("time", "%.1f s, %.1f s of them until warder ran; %s",
		     r->vm.all_ms / 1000.0, r->vm.first_ms / 1000.0,
		     r->vm.kvm ? "with KVM" : "emulated");
	print_objects(r);
	print_diffs(p, r);
	if (!r->ran && r->vm.console && *r->vm.console) {
		puts("\nthe kernel's last words");
		wd_print(stdout, "%s\n", r->vm.console);
	}
}

static void print_table(const struct wd_preflight *p,
			const struct wd_preflight_result *result, size_t cnt)
{
	static const char *const head[] = {
		"KERNEL", "ANSWER",	"RUNG",		 "NFT",
		"OBJECT", "ATTACH",	">INSTRUCTIONS", ">LIMIT",
		">STACK", ">DIFFERENT", ">SECONDS",	 NULL
	};
	struct wd_table *table = wd_table_new(head);
	int told = 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct wd_preflight_result *r = &result[i];
		const struct wd_preflight_object *obj = wd_report_object(r);
		uint32_t insns = obj ? wd_report_insns(obj) : 0;
		char stack[WD_REPORT_STACK];

		wd_table_cell(table, "%s",
			      *r->release ? r->release : r->kernel);
		wd_table_cell(table, "%s", wd_report_answer(r->answer));
		wd_table_cell(table, "%s", r->rung);
		wd_table_cell(table, "%s", wd_report_nft(r));
		wd_table_cell(table, "%s", r->in_force ?: "");
		wd_table_cell(table, "%s", r->attach);
		cell_insns(table, insns);
		wd_table_cell(table, "%s", wd_report_stack(obj, stack));
		cell_number(table, r->diff_cnt, p->state);
		wd_table_cell(table, "%.1f", r->vm.all_ms / 1000.0);
	}
	wd_table_print(table, stdout, "");
	putchar('\n');
	print_state(p);
	line("wanted", "rung %s at least, %s", p->min_rung, p->min_from);
	for (size_t i = 0; i < cnt; i++)
		for (size_t j = 0; j < result[i].why_cnt; j++)
			line(told++ ? "" : "notes", "%s: %s",
			     *result[i].release ? result[i].release :
						  result[i].kernel,
			     result[i].why[j]);
	for (size_t i = 0; i < cnt; i++)
		print_diffs(p, &result[i]);
}

void wd_report_text(const struct wd_preflight *preflight,
		    const struct wd_preflight_result *result, size_t cnt)
{
	if (cnt == 1)
		print_one(preflight, result);
	else
		print_table(preflight, result, cnt);
}

/* ---- JSON ---- */

static void put_str(struct json_object *obj, const char *key, const char *text)
{
	wd_json_str(obj, key, text && *text ? text : NULL);
}

static void put_prog(const struct wd_preflight_prog *prog,
		     struct json_object *obj)
{
	bool all;
	uint32_t stack = wd_preflight_stack(prog->stack, &all);

	wd_json_str(obj, "name", prog->name);
	wd_json_int(obj, "insns", prog->insns);
	wd_json_int(obj, "insns_limit", WD_VERIFIER_INSNS);
	put_str(obj, "stack", prog->stack);
	wd_json_int(obj, "stack_bytes", stack);
	wd_json_bool(obj, "stack_is_all", all);
	wd_json_int(obj, "stack_limit", WD_VERIFIER_STACK);
}

static void put_object(const struct wd_preflight_object *object,
		       struct json_object *obj)
{
	struct json_object *array;

	wd_json_str(obj, "object", object->name);
	wd_json_str(obj, "rung", object->rung);
	wd_json_bool(obj, "loads", object->loads);
	put_str(obj, "error", object->error);
	put_str(obj, "log", object->log);
	wd_json_add(obj, "load_ms",
		    json_object_new_double((double)object->load_us / 1000));
	array = wd_json_array(obj, "programs");
	for (int i = 0; i < WD_DIR__MAX && *object->prog[i].name; i++)
		put_prog(&object->prog[i], wd_json_push(array));
	wd_json_int(obj, "answered", (int64_t)object->asked);
	wd_json_int(obj, "not_asked",
		    (int64_t)(object->unasked + object->none));
	wd_json_int(obj, "different", (int64_t)object->different);
	wd_json_int(obj, "wider", (int64_t)object->wider);
}

static void put_verdict(struct json_object *obj, const char *key,
			uint8_t answer)
{
	bool failed = answer == WD_ANSWER_FAILED;
	struct json_object *to = wd_json_object(obj, key);

	wd_json_str(to, "verdict",
		    failed		      ? NULL :
		    answer & WD_ANSWER_PASSES ? "pass" :
						"drop");
	wd_json_str(to, "reason",
		    failed ? NULL : wd_reason_name(answer & ~WD_ANSWER_PASSES));
}

static void put_diff(const struct wd_preflight *p,
		     const struct wd_preflight_result *r,
		     const struct wd_preflight_diff *diff,
		     struct json_object *obj)
{
	const struct wd_question *q = &p->questions.list[diff->question];
	char buf[WD_ADDR_STRLEN], *text = wd_preflight_diff_text(p, r, diff);

	wd_json_str(obj, "object", r->object[diff->object].name);
	wd_json_str(obj, "endpoint", p->state->ep[q->ep].name);
	wd_json_str(obj, "direction", wd_dir_name(q->dir));
	wd_json_str(obj, "own", wd_addr_str(&q->own, buf));
	wd_json_str(obj, "peer", wd_addr_str(&q->peer, buf));
	wd_json_int(obj, "proto", q->proto);
	wd_json_int(obj, "port", q->port);
	put_verdict(obj, "here", diff->here);
	put_verdict(obj, "there", diff->there);
	wd_json_str(obj, "text", text);
	free(text);
}

static void put_result(const struct wd_preflight *p,
		       const struct wd_preflight_result *r,
		       struct json_object *obj)
{
	struct json_object *array;

	wd_json_str(obj, "kernel", r->kernel);
	put_str(obj, "release", r->release);
	wd_json_str(obj, "answer", wd_report_answer(r->answer));
	array = wd_json_array(obj, "why");
	for (size_t i = 0; i < r->why_cnt; i++)
		wd_json_push_str(array, r->why[i]);
	array = wd_json_array(obj, "attempts");
	for (size_t i = 0; i < r->attempt_cnt; i++)
		wd_json_push_str(array, r->attempt[i]);
	put_str(obj, "rung", r->rung);
	put_str(obj, "object", r->in_force);
	put_str(obj, "attach", r->attach);
	if (*wd_report_nft(r))
		wd_json_bool(obj, "nft", !strcmp(wd_report_nft(r), "yes"));
	else
		wd_json_str(obj, "nft", NULL);
	if (p->state && (p->state->flags & WD_STATE_LATE) && r->in_force)
		wd_json_bool(obj, "services_exact", r->late);
	if (p->state && p->state->encrypt && r->in_force)
		wd_json_bool(obj, "wires", r->wires);
	if (p->state && p->state->host && r->in_force)
		wd_json_bool(obj, "host_enforced", r->host || r->host_rules);
	wd_json_bool(obj, "ran", r->ran);
	wd_json_int(obj, "modules", (int64_t)r->modules_cnt);
	put_str(obj, "modules_failed", r->modules);
	wd_json_add(obj, "seconds",
		    json_object_new_double(r->vm.all_ms / 1000.0));
	wd_json_add(obj, "boot_seconds",
		    json_object_new_double(r->vm.first_ms / 1000.0));
	wd_json_str(obj, "accel", r->vm.kvm ? "kvm" : "tcg");
	array = wd_json_array(obj, "objects");
	for (size_t i = 0; i < r->object_cnt; i++)
		put_object(&r->object[i], wd_json_push(array));
	wd_json_int(obj, "different", (int64_t)r->diff_cnt);
	array = wd_json_array(obj, "differences");
	for (size_t i = 0; i < r->diff_cnt && i < WD_PREFLIGHT_SHOWN; i++)
		put_diff(p, r, &r->diff[i], wd_json_push(array));
	if (!r->ran)
		put_str(obj, "console", r->vm.console);
}

static void put_state(const struct wd_state *state, struct json_object *doc)
{
	struct json_object *obj;

	if (!state) {
		wd_json_str(doc, "state", NULL);
		return;
	}
	obj = wd_json_object(doc, "state");
	wd_json_str(obj, "node", state->node);
	wd_json_str(obj, "kernel", state->kernel);
	wd_json_str(obj, "warder", state->version);
	put_str(obj, "rung", state->rung);
	wd_json_int(obj, "generation", state->gen);
	wd_json_int(obj, "endpoints", (int64_t)state->ep_cnt);
	wd_json_bool(obj, "services_exact", state->flags & WD_STATE_LATE);
	wd_json_bool(obj, "encryption_required", state->encrypt);
	wd_json_bool(obj, "host_enforced", state->host);
}

struct json_object *wd_report_json(const struct wd_preflight *p,
				   const struct wd_preflight_result *result,
				   size_t cnt)
{
	struct json_object *doc = json_object_new_object(), *obj;

	wd_json_str(doc, "answer",
		    wd_report_answer(wd_report_worst(result, cnt)));
	wd_json_str(doc, "warder", WARDER_VERSION);
	wd_json_str(doc, "min_rung", p->min_rung);
	put_state(p->state, doc);
	obj = wd_json_object(doc, "questions");
	wd_json_int(obj, "asked", (int64_t)p->questions.cnt);
	wd_json_int(obj, "possible", (int64_t)p->questions.possible);
	wd_json_int(obj, "seed", (int64_t)p->seed);
	obj = wd_json_array(doc, "kernels");
	for (size_t i = 0; i < cnt; i++)
		put_result(p, &result[i], wd_json_push(obj));
	return doc;
}
