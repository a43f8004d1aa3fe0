// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_judge.c - what the lines of a guest mean: safe, not safe, not known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "node.h"
#include "preflight/asking.h"
#include "preflight/preflight.h"
#include "preflight/report.h"
#include "tap.h"

#define QUESTIONS 300

static struct node node;
static struct wd_preflight preflight;

/* The lines of a good guest on a kernel like ours. */
static const char *const good[] = {
	"{'up':'6.9.9'}",
	"{'object':'wd_pod','rung':'full','loads':true,'error':null,'log':null,"
	"'load_us':2000,'programs':[{'name':'wd_pod_in','insns':60000,"
	"'stack':'max 384'},{'name':'wd_pod_out','insns':61000,"
	"'stack':'max 400'}]}",
	"ANSWERS wd_pod",
	"{'datapath':{'opens':true,'rung':'full','object':'wd_pod','attach':"
	"'tcx','attaches':true,'error':null}}",
	"{'end':true}",
};

static bool feed(struct wd_preflight_result *r, const char *line)
{
	char *text = strdup(line);
	bool end;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	end = wd_preflight_line(&preflight, r, text);
	free(text);
	return end;
}

/* The right answers, the one of question @wrong turned round; -1: none. */
static void feed_answers(struct wd_preflight_result *r, const char *object,
			 long wrong, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		uint8_t answer = preflight.right[i];
		char line[128];

		if ((long)i == wrong)
			answer ^= WD_ANSWER_PASSES;
		(void)snprintf(line, sizeof(line),
			       "{'answers':'%s','from':%zu,'hex':'%02x'}",
			       object, i, answer);
		feed(r, line);
	}
}

/* A good guest, but for line @nr, which is @instead; NULL: it is left out. */
static void run(struct wd_preflight_result *r, int nr, const char *instead)
{
	memset(r, 0, sizeof(*r));
	r->vm.end = WD_VM_DIED;
	r->modules_cnt = 3;
	for (int i = 0; i < 5; i++) {
		const char *line = i == nr ? instead : good[i];
		bool is_last = false;

		if (line && !strcmp(line, "ANSWERS wd_pod"))
			feed_answers(r, "wd_pod", -1, preflight.questions.cnt);
		else if (line)
			is_last = feed(r, line);
		if (is_last)
			r->vm.end = WD_VM_DONE;
	}
	wd_preflight_judge(&preflight, r);
}

static bool has_why(const struct wd_preflight_result *r, const char *part)
{
	for (size_t i = 0; i < r->why_cnt; i++)
		if (strstr(r->why[i], part))
			return true;
	for (size_t i = 0; i < r->why_cnt; i++)
		printf("# why: %s\n", r->why[i]);
	return false;
}

static void good_guest_is_safe(void)
{
	static struct wd_preflight_result r;

	run(&r, -1, NULL);
	wd_expect_int(WD_PREFLIGHT_SAFE, r.answer);
	wd_expect_int(0, (long long)r.why_cnt);
	wd_expect_str("full", r.rung);
	wd_expect_str("wd_pod", r.in_force);
	wd_expect_int(61000, wd_report_insns(&r.object[0]));
	wd_expect_int(QUESTIONS, (long long)r.object[0].answered);
	wd_preflight_result_free(&r);
}

static const struct {
	const char *name;
	int nr;
	const char *instead;
	enum wd_preflight_answer answer;
	const char *says;
} cases[] = {
	{ "a lower rung", 3,
	  "{'datapath':{'opens':true,'rung':'compat','object':'wd_pod',"
	  "'attach':'clsact','attaches':true}}",
	  WD_PREFLIGHT_UNSAFE, "rung compat is lower than full" },
	{ "nothing in force", 3,
	  "{'datapath':{'opens':false,'error':'no luck'}}", WD_PREFLIGHT_UNSAFE,
	  "no luck" },
	{ "a rung of another version", 3,
	  "{'datapath':{'opens':true,'rung':'super','attaches':true}}",
	  WD_PREFLIGHT_UNSAFE, "nothing can be put in force" },
	{ "it cannot be attached", 3,
	  "{'datapath':{'opens':true,'rung':'full','object':'wd_pod','attach':"
	  "'tcx','attaches':false,'error':'-ENOENT'}}",
	  WD_PREFLIGHT_UNSAFE, "cannot be attached" },
	{ "no word of the data path", 3, NULL, WD_PREFLIGHT_UNSAFE,
	  "nothing can be put in force" },
	{ "no answers", 2, NULL, WD_PREFLIGHT_UNSAFE, "only 0 of 300" },
	{ "answers of another object", 2,
	  "{'answers':'wd_tmp','from':0,'hex':'80'}", WD_PREFLIGHT_UNSAFE,
	  "only 0 of 300" },
	{ "answers with a gap", 2, "{'answers':'wd_pod','from':5,'hex':'80'}",
	  WD_PREFLIGHT_UNSAFE, "only 0 of 300" },
	{ "the object in force was not there to be asked", 1,
	  "{'object':'wd_pod','rung':'full','loads':false,'error':"
	  "'-ENOMEM'}",
	  WD_PREFLIGHT_UNKNOWN, "it was not asked all questions" },
	{ "the object in force is not the one that was asked", 3,
	  "{'datapath':{'opens':true,'rung':'full','object':'wd_other',"
	  "'attach':'tcx','attaches':true}}",
	  WD_PREFLIGHT_UNKNOWN, "wd_other is what would be in force" },
	{ "no word of the object in force", 1, NULL, WD_PREFLIGHT_UNKNOWN,
	  "it was not asked all questions" },
	{ "answers that are none", 2,
	  "{'answers':'wd_pod','from':0,'hex':'zz'}", WD_PREFLIGHT_UNSAFE,
	  "only 0 of 300" },
	{ "no last word", 4, NULL, WD_PREFLIGHT_UNSAFE, "the guest said" },
	{ "no first word", 0, NULL, WD_PREFLIGHT_UNKNOWN, "the guest said" },
};

static void what_is_not_good_is_not_safe_and_says_why(void)
{
	static struct wd_preflight_result r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		wd_test_row(cases[i].name);
		run(&r, cases[i].nr, cases[i].instead);
		wd_expect_int(cases[i].answer, r.answer);
		wd_expect(has_why(&r, cases[i].says));
		wd_preflight_result_free(&r);
	}
	wd_test_row(NULL);
}

static void one_other_verdict_is_not_safe_and_named(void)
{
	static struct wd_preflight_result r;
	char *text;

	memset(&r, 0, sizeof(r));
	r.vm.end = WD_VM_DONE;
	feed(&r, good[0]);
	feed(&r, good[1]);
	feed_answers(&r, "wd_pod", 17, preflight.questions.cnt);
	feed(&r, good[3]);
	wd_preflight_judge(&preflight, &r);

	wd_expect_int(WD_PREFLIGHT_UNSAFE, r.answer);
	wd_expect_int(1, (long long)r.diff_cnt);
	wd_expect_int(17, (long long)r.diff[0].question);
	wd_expect(has_why(&r, "1 of 300 questions"));
	text = wd_preflight_diff_text(&preflight, &r, &r.diff[0]);
	wd_expect(text && strstr(text, ": here ") && strstr(text, ", there "));
	wd_expect(text && !strncmp(text, "wd_pod: ", 8));
	free(text);
	wd_preflight_result_free(&r);
}

static void object_that_does_not_load_is_told_but_a_lower_one_may_do(void)
{
	static struct wd_preflight_result r;
	const char *min = preflight.min_rung;

	memset(&r, 0, sizeof(r));
	r.vm.end = WD_VM_DONE;
	preflight.min_rung = "compat";
	feed(&r, good[0]);
	feed(&r, "{'object':'wd_pod','rung':'full','loads':false,'error':"
		 "'-E2BIG','log':'too complex'}");
	feed(&r, "{'object':'wd_compat','rung':'compat','loads':true}");
	feed_answers(&r, "wd_compat", -1, preflight.questions.cnt);
	feed(&r, "{'attempt':'full','object':'wd_pod','text':'refused'}");
	feed(&r, "{'datapath':{'opens':true,'rung':'compat','object':"
		 "'wd_compat','attach':'tcx','attaches':true}}");
	wd_preflight_judge(&preflight, &r);

	wd_expect_int(WD_PREFLIGHT_SAFE, r.answer);
	wd_expect(has_why(&r, "wd_pod does not load: -E2BIG"));
	wd_expect(has_why(&r, "refused"));
	preflight.min_rung = min;
	wd_preflight_result_free(&r);
}

/* The node judges the backend that is chosen: so must the other kernel. */
static void services_that_cannot_be_judged_exactly_there_are_not_safe(void)
{
	static const struct {
		const char *late;
		enum wd_preflight_answer answer;
	} guests[] = {
		{ "true", WD_PREFLIGHT_SAFE },
		{ "false,'late_error':'no such kind'", WD_PREFLIGHT_UNSAFE },
	};
	static struct wd_preflight_result r;
	char line[256];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(line, sizeof(line),
			       "{'datapath':{'opens':true,'rung':'full',"
			       "'object':'wd_pod','attach':'tcx','attaches':"
			       "true,'late':%s}}",
			       guests[i].late);
		node.state->flags |= WD_STATE_LATE;
		run(&r, 3, line);
		node.state->flags &= ~(uint32_t)WD_STATE_LATE;
		wd_expect_int(guests[i].answer, r.answer);
		if (i)
			wd_expect(has_why(&r, "cannot be had: no such kind"));
		wd_preflight_result_free(&r);
	}
}

static void kernel_without_programs_of_wires_is_not_safe_where_they_judge(void)
{
	static const struct {
		const char *datapath;
		enum wd_preflight_answer answer;
		const char *says;
	} guests[] = {
		{ "'full','object':'wd_pod','attach':'tcx','wires':true",
		  WD_PREFLIGHT_SAFE, NULL },
		{ "'full','object':'wd_pod','attach':'tcx','wires':false,"
		  "'wires_error':'too complex'",
		  WD_PREFLIGHT_UNSAFE, "cannot be had: too complex" },
		{ "'full','object':'wd_pod','attach':'tcx'",
		  WD_PREFLIGHT_UNSAFE, "nothing was said of them" },
	};
	static struct wd_preflight_result r;
	char line[256];

	for (size_t i = 0; i < sizeof(guests) / sizeof(*guests); i++) {
		wd_test_row(guests[i].datapath);
		(void)snprintf(line, sizeof(line),
			       "{'datapath':{'opens':true,'attaches':true,"
			       "'rung':%s}}",
			       guests[i].datapath);
		node.state->encrypt = true;
		run(&r, 3, line);
		node.state->encrypt = false;
		wd_expect_int(guests[i].answer, r.answer);
		if (guests[i].says)
			wd_expect(has_why(&r, guests[i].says));
		wd_preflight_result_free(&r);
	}
	wd_test_row(NULL);
}

/* A kernel on which only the ruleset of nf_tables can be had. */
static void run_nft(struct wd_preflight_result *r, const char *min)
{
	const char *before = preflight.min_rung;

	preflight.min_rung = min;
	run(r, 3,
	    "{'datapath':{'opens':true,'rung':'nft','object':'nft','attach':"
	    "'nft','attaches':true,'error':null}}");
	preflight.min_rung = before;
}

#define BY_PROGRAMS \
	"{'datapath':{'opens':true,'rung':'full','object':'wd_pod','attach':" \
	"'tcx','attaches':true}}"
#define BY_RULES \
	"{'datapath':{'opens':true,'rung':'nft','object':'nft','attach':" \
	"'nft','attaches':true}}"
#define LOADS "{'object':'ruleset','rung':'nft','loads':true,'programs':[]}"
#define REFUSED \
	"{'object':'ruleset','rung':'nft','loads':false,'error':'no set'}"
#define UNTRIED \
	"{'object':'ruleset','rung':'nft','loads':false,'untried':true," \
	"'error':'no library'}"

/* What becomes of one answer of the ruleset. */
enum change { NONE, WIDER, STRICTER, UNSENT, MISSING };

static uint8_t changed(uint8_t answer, enum change *change)
{
	bool passes = answer & WD_ANSWER_PASSES;
	enum change now = *change;

	if (answer == WD_ANSWER_NONE || (now == WIDER && passes) ||
	    (now == STRICTER && !passes))
		return answer;
	*change = NONE;
	return now == NONE   ? answer :
	       now == UNSENT ? WD_ANSWER_FAILED :
			       answer ^ WD_ANSWER_PASSES;
}

static void feed_rules(struct wd_preflight_result *r, enum change change)
{
	size_t cnt = preflight.questions.cnt - (change == MISSING);

	if (change == MISSING)
		change = NONE;
	for (size_t i = 0; i < cnt; i++) {
		char line[128];

		(void)snprintf(line, sizeof(line),
			       "{'answers':'ruleset','from':%zu,'hex':'%02x'}",
			       i, changed(preflight.by_rules[i], &change));
		feed(r, line);
	}
	wd_expect_int(NONE, change); /* one was there to be changed */
}

static const struct {
	const char *name;
	const char *datapath;
	const char *object;
	enum change change;
	enum wd_preflight_answer answer;
	const char *says; /* NULL: nothing */
} rules[] = {
	{ "it answers as here", BY_RULES, LOADS, NONE, WD_PREFLIGHT_SAFE,
	  NULL },
	{ "nothing was said of it", BY_RULES, NULL, NONE, WD_PREFLIGHT_UNKNOWN,
	  "was not tried: nothing was said" },
	{ "no library here", BY_RULES, UNTRIED, NONE, WD_PREFLIGHT_UNKNOWN,
	  "was not tried: no library" },
	{ "it is refused", BY_RULES, REFUSED, NONE, WD_PREFLIGHT_UNSAFE,
	  "cannot be had there: no set" },
	{ "it is wider", BY_RULES, LOADS, WIDER, WD_PREFLIGHT_UNSAFE,
	  ", 1 of them pass there and not here" },
	{ "it is stricter", BY_RULES, LOADS, STRICTER, WD_PREFLIGHT_UNSAFE,
	  ", 0 of them pass there and not here" },
	{ "a packet was not seen", BY_RULES, LOADS, UNSENT,
	  WD_PREFLIGHT_UNKNOWN, "ruleset: 1 questions could not be asked" },
	{ "the last answer is missing", BY_RULES, LOADS, MISSING,
	  WD_PREFLIGHT_UNKNOWN, "ruleset: 1 questions could not be asked" },
	{ "below programs, as here", BY_PROGRAMS, LOADS, NONE,
	  WD_PREFLIGHT_SAFE, NULL },
	{ "below programs, refused", BY_PROGRAMS, REFUSED, NONE,
	  WD_PREFLIGHT_SAFE, "rung nft cannot be had there: no set" },
	{ "below programs, no library", BY_PROGRAMS, UNTRIED, NONE,
	  WD_PREFLIGHT_SAFE, "was not tried: no library" },
	{ "below programs, wider", BY_PROGRAMS, LOADS, WIDER,
	  WD_PREFLIGHT_UNSAFE, ", 1 of them pass there and not here" },
	{ "below programs, stricter", BY_PROGRAMS, LOADS, STRICTER,
	  WD_PREFLIGHT_SAFE, ", 0 of them pass there and not here" },
	{ "below programs, not seen", BY_PROGRAMS, LOADS, UNSENT,
	  WD_PREFLIGHT_SAFE, "ruleset: 1 questions could not be asked" },
};

static void run_rules(struct wd_preflight_result *r, const char *datapath,
		      const char *object, enum change change)
{
	memset(r, 0, sizeof(*r));
	r->vm.end = WD_VM_DONE;
	feed(r, good[0]);
	feed(r, good[1]);
	feed_answers(r, "wd_pod", -1, preflight.questions.cnt);
	feed(r, datapath);
	if (object)
		feed(r, object);
	if (object && !strcmp(object, LOADS))
		feed_rules(r, change);
	wd_preflight_judge(&preflight, r);
}

static void a_ruleset_counts_as_far_as_it_may_be_needed(void)
{
	static struct wd_preflight_result r;
	const char *min = preflight.min_rung;

	preflight.min_rung = "nft";
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		wd_test_row(rules[i].name);
		run_rules(&r, rules[i].datapath, rules[i].object,
			  rules[i].change);
		wd_expect_int(rules[i].answer, r.answer);
		if (rules[i].says)
			wd_expect(has_why(&r, rules[i].says));
		else
			wd_expect_int(0, (long long)r.why_cnt);
		wd_preflight_result_free(&r);
	}
	wd_test_row(NULL);
	preflight.min_rung = min;
}

/* Of pods without a device, and of kinds that are none for it, nothing is known. */
static void ruleset_that_decides_must_have_been_asked_about_all_pods(void)
{
	static struct wd_preflight_result r;
	const char *min = preflight.min_rung;
	size_t cnt = node.state->ep_cnt, n = preflight.questions.cnt;
	uint8_t *before = preflight.by_rules, *none = malloc(n);

	wd_expect(none);
	if (!none)
		return;
	memset(none, WD_ANSWER_NONE, n);
	preflight.min_rung = "nft";
	for (int by_rules = 0; by_rules < 2; by_rules++) {
		const char *datapath = by_rules ? BY_RULES : BY_PROGRAMS;
		enum wd_preflight_answer answer =
			by_rules ? WD_PREFLIGHT_UNKNOWN : WD_PREFLIGHT_SAFE;

		node.state->ep_cnt = 65; /* only the number is looked at */
		run_rules(&r, datapath, LOADS, NONE);
		node.state->ep_cnt = cnt;
		wd_expect_int(answer, r.answer);
		if (by_rules)
			wd_expect(has_why(&r, "the first 64 of 65 pods"));
		wd_preflight_result_free(&r);

		preflight.by_rules = none;
		run_rules(&r, datapath, LOADS, NONE);
		preflight.by_rules = before;
		wd_expect_int(answer, r.answer);
		wd_expect_int((long long)n, (long long)r.object[1].none);
		if (by_rules)
			wd_expect(has_why(&r, "no question was asked"));
		wd_preflight_result_free(&r);
	}
	preflight.min_rung = min;
	free(none);
}

static void a_ruleset_is_lower_than_programs(void)
{
	static struct wd_preflight_result r;
	const struct wd_state *state = preflight.state;

	run_nft(&r, "compat");
	wd_expect_int(WD_PREFLIGHT_UNSAFE, r.answer);
	wd_expect(has_why(&r, "rung nft is lower than compat"));
	wd_expect(!r.in_force && !wd_report_object(&r));
	wd_expect_str("a ruleset of nf_tables", wd_report_engine(&r));
	wd_preflight_result_free(&r);

	preflight.state = NULL; /* nobody asks for verdicts */
	run_nft(&r, "nft");
	preflight.state = state;
	wd_expect_int(WD_PREFLIGHT_SAFE, r.answer);
	wd_preflight_result_free(&r);
}

/* Kernels before 6.6 have no program for it, and a ruleset that does it. */
static void a_policy_about_the_node_may_be_enforced_by_a_ruleset(void)
{
	static const struct {
		const char *line;
		enum wd_preflight_answer answer;
		const char *says;
	} guests[] = {
		{ "{'host_rules':true}", WD_PREFLIGHT_SAFE,
		  "by an nftables ruleset, not by a program: no such hook" },
		{ "{'host_rules':false,'error':'no table'}",
		  WD_PREFLIGHT_UNSAFE,
		  "cannot be had: no such hook; nor a ruleset: no table" },
		{ "{}", WD_PREFLIGHT_UNSAFE, "nothing was said of it" },
	};
	static struct wd_preflight_result r;

	node.state->host = true;
	for (size_t i = 0; i < sizeof(guests) / sizeof(*guests); i++) {
		wd_test_row(guests[i].line);
		memset(&r, 0, sizeof(r));
		r.vm.end = WD_VM_DONE;
		feed(&r, good[0]);
		feed(&r, good[1]);
		feed_answers(&r, "wd_pod", -1, preflight.questions.cnt);
		feed(&r, "{'datapath':{'opens':true,'rung':'full','object':"
			 "'wd_pod','attach':'tcx','attaches':true,'host':false,"
			 "'host_error':'no such hook'}}");
		feed(&r, guests[i].line);
		wd_preflight_judge(&preflight, &r);
		wd_expect_int(guests[i].answer, r.answer);
		wd_expect(has_why(&r, guests[i].says));
		wd_preflight_result_free(&r);
	}
	wd_test_row(NULL);
	node.state->host = false;
}

static void how_a_ruleset_judges_encryption_is_not_known(void)
{
	static struct wd_preflight_result r;
	const char *min = preflight.min_rung;

	preflight.min_rung = "nft";
	node.state->encrypt = true;
	run_rules(&r, BY_RULES, LOADS, NONE);
	node.state->encrypt = false;
	preflight.min_rung = min;
	wd_expect_int(WD_PREFLIGHT_UNKNOWN, r.answer);
	wd_expect(has_why(&r, "encryption is required"));
	wd_preflight_result_free(&r);
}

static void nothing_on_hold_is_safe(void)
{
	static struct wd_preflight_result r;

	run(&r, 3,
	    "{'datapath':{'opens':true,'rung':'hold','object':'','attaches':"
	    "true,'error':null}}");
	wd_expect_int(WD_PREFLIGHT_UNSAFE, r.answer);
	wd_expect(has_why(&r, "on rung hold nothing enforces"));
	wd_expect_str("nothing enforces", wd_report_engine(&r));
	wd_preflight_result_free(&r);
}

static void node_below_programs_is_told_that_it_may_stay_there(void)
{
	static struct wd_preflight_result r;
	char *rung = node.state->rung;

	node.state->rung = (char[]){ "nft" };
	preflight.min_rung = "nft";
	run(&r, -1, NULL);
	wd_expect_int(WD_PREFLIGHT_SAFE, r.answer);
	wd_expect(has_why(&r, "on rung nft now, and this kernel allows full"));
	wd_preflight_result_free(&r);

	run_nft(&r, "nft");
	wd_expect(!has_why(&r, "allows nft")); /* it is as it was */
	wd_preflight_result_free(&r);
	node.state->rung = rung;
	preflight.min_rung = "full";
}

/* Nothing that a kernel or a file says may be more than text in the page. */
static void page_has_no_markup_of_others(void)
{
	static struct wd_preflight_result r;
	char *page = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);

	wd_expect(to);
	if (!to)
		return;
	run(&r, 0, "{'up':'<script>alert(1)</script>&\\'\\u0007'}");
	r.kernel = strdup("<img src=x>");
	wd_report_html(&preflight, &r, 1, to);
	wd_expect_int(0, fclose(to));

	wd_expect(!strstr(page, "<script") && !strstr(page, "<img"));
	wd_expect(strstr(page, "&#60;script&#62;") != NULL);
	wd_expect(strstr(page, "class=\"mark safe\"") != NULL);
	wd_expect(!strstr(page, "http")); /* no other file */
	wd_expect(!strchr(page, 7));
	free(page);
	wd_preflight_result_free(&r);
}

static void worst_kernel_decides(void)
{
	static struct wd_preflight_result r[3];

	wd_expect_int(WD_PREFLIGHT_SAFE, wd_report_worst(r, 3));
	r[2].answer = WD_PREFLIGHT_UNKNOWN;
	wd_expect_int(WD_PREFLIGHT_UNKNOWN, wd_report_worst(r, 3));
	r[1].answer = WD_PREFLIGHT_UNSAFE;
	wd_expect_int(WD_PREFLIGHT_UNSAFE, wd_report_worst(r, 3));
}

int main(void)
{
	/* a seed whose node has enough to ask about */
	if (!node_begin(&node, 1, 5))
		return 1;
	preflight = (struct wd_preflight){
		.state = node.state,
		.seed = 1,
		.most = QUESTIONS,
		.min_rung = "full",
		.min_from = "which the node has now",
	};
	if (wd_preflight_prepare(&preflight))
		return 1;
	WD_TEST(good_guest_is_safe);
	WD_TEST(what_is_not_good_is_not_safe_and_says_why);
	WD_TEST(one_other_verdict_is_not_safe_and_named);
	WD_TEST(object_that_does_not_load_is_told_but_a_lower_one_may_do);
	WD_TEST(services_that_cannot_be_judged_exactly_there_are_not_safe);
	WD_TEST(kernel_without_programs_of_wires_is_not_safe_where_they_judge);
	WD_TEST(a_ruleset_counts_as_far_as_it_may_be_needed);
	WD_TEST(ruleset_that_decides_must_have_been_asked_about_all_pods);
	WD_TEST(a_ruleset_is_lower_than_programs);
	WD_TEST(a_policy_about_the_node_may_be_enforced_by_a_ruleset);
	WD_TEST(how_a_ruleset_judges_encryption_is_not_known);
	WD_TEST(nothing_on_hold_is_safe);
	WD_TEST(node_below_programs_is_told_that_it_may_stay_there);
	WD_TEST(page_has_no_markup_of_others);
	WD_TEST(worst_kernel_decides);
	wd_preflight_fini(&preflight);
	node_end(&node);
	return wd_tests_end();
}
