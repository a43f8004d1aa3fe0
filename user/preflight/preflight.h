/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preflight.h - is it safe to boot this kernel? Boots it in a throw-away
 * machine, lets warder try itself there, and judges what came back.
 *
 * preflight.c prepares and runs, answers.c reads what the guest says, judge.c
 * decides. Printing is report.c's and html.c's.
 */
#ifndef WARDER_PREFLIGHT_H
#define WARDER_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "questions.h"
#include "vm.h"

/* What the verifier looks at before it gives up, and a program's whole stack. */
#define WD_VERIFIER_INSNS 1000000
#define WD_VERIFIER_STACK 512

#define WD_PREFLIGHT_OBJECTS 8
#define WD_PREFLIGHT_SHOWN 50 /* differences that are told one by one */

struct json_object;

enum wd_preflight_answer {
	WD_PREFLIGHT_SAFE,
	WD_PREFLIGHT_UNSAFE,
	WD_PREFLIGHT_UNKNOWN, /* it could not be tried */
};

struct wd_preflight_prog {
	char name[16];
	char stack[128]; /* as of struct wd_ask_prog */
	uint32_t insns;
};

struct wd_preflight_object {
	char name[16];
	char rung[16];
	bool loads;
	char *error; /* NULL none */
	char *log; /* end of the verifier's, NULL none */
	uint64_t load_us;
	struct wd_preflight_prog prog[WD_DIR__MAX];
	uint8_t *answer; /* to each question, as asking.h has it */
	size_t answered;
	size_t asked; /* and to be compared; of a ruleset not all */
	size_t different; /* from what is right */
	size_t wider; /* of them: passes there, and not here */
	size_t unasked; /* packets that could not be sent, or were not counted */
	size_t none; /* that are no questions to a ruleset, or about pods without a device */
	bool untried; /* for lack of something here, not there */
};

struct wd_preflight_diff {
	size_t question;
	size_t object;
	uint8_t here; /* answers */
	uint8_t there;
};

/* What was asked for. All is borrowed. */
struct wd_preflight {
	const struct wd_state *state; /* NULL: golden packets only */
	struct wd_questions questions;
	uint8_t *right; /* answers to them, by the judge of expect.c */
	uint8_t *by_rules; /* the same of the ruleset (trial.h), WD_ANSWER_NONE: it is not asked */
	uint64_t seed;
	size_t most; /* questions */
	const char *min_rung; /* lowest that is safe */
	const char *min_from; /* who says so, for a sentence */
	const char *accel;
	int timeout_ms; /* of one machine */
	/* Called as it goes on; NULL: nobody wants to know. */
	void (*progress)(void *ctx, const char *kernel, const char *text);
	void *ctx;
};

struct wd_preflight_result {
	char *kernel; /* as it was named */
	char release[128];
	enum wd_preflight_answer answer;
	char **why; /* one line each, if it is not safe */
	size_t why_cnt;
	struct wd_vm_report vm;
	bool ran; /* the guest said that it is up */
	struct wd_preflight_object object[WD_PREFLIGHT_OBJECTS];
	size_t object_cnt;
	bool opens; /* the data path: golden packets, maps of full size */
	bool attaches;
	bool late; /* services can be judged behind their translation */
	char *late_error; /* NULL: none, or not tried */
	bool wires; /* programs of wires can be had and attached */
	char *wires_error; /* NULL: none, or not tried */
	bool host; /* a policy about the node can be enforced */
	char *host_error; /* NULL: none, or not tried */
	bool host_rules; /* the same by a ruleset */
	char *host_rules_error; /* NULL: none, or not tried */
	char *golden_error; /* of the ruleset's golden packets: not tried; NULL */
	char attach[16]; /* "tcx", "clsact", "" */
	char *datapath_error;
	char rung[16]; /* that warder reaches, "" not known */
	char object_of[16]; /* name of its object, "" none */
	const char *in_force; /* the same, NULL none */
	char **attempt; /* what was tried in vain on the way down, a line each */
	size_t attempt_cnt;
	char *modules; /* that did not load, with why; NULL none */
	size_t modules_cnt; /* that were taken along */
	struct wd_preflight_diff diff[WD_PREFLIGHT_SHOWN];
	size_t diff_cnt; /* all; the first ones are in diff[] */
};

/** wd_preflight_prepare() - make the questions and what is right; 0 or -ENOMEM */
int wd_preflight_prepare(struct wd_preflight *preflight);
void wd_preflight_fini(struct wd_preflight *preflight);

/**
 * wd_preflight_kernel() - try one
 * @modules: as of wd_kernel_read()
 * @ret: always filled; to be freed
 */
void wd_preflight_kernel(const struct wd_preflight *preflight, const char *path,
			 const char *modules, struct wd_preflight_result *ret);
void wd_preflight_result_free(struct wd_preflight_result *result);

/** wd_preflight_why(), wd_preflight_attempt() - add a line */
void wd_preflight_why(struct wd_preflight_result *result, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void wd_preflight_attempt(struct wd_preflight_result *result, const char *fmt,
			  ...) __attribute__((format(printf, 2, 3)));

/* ---- answers.c ---- */

/** wd_preflight_line() - one line of the guest. Return: true: the last one */
bool wd_preflight_line(const struct wd_preflight *preflight,
		       struct wd_preflight_result *result, const char *line);

/* ---- judge.c ---- */

/** wd_preflight_ruleset() - the object that is the ruleset; NULL: nothing was said of it */
const struct wd_preflight_object *
wd_preflight_ruleset(const struct wd_preflight_result *result);

/** wd_preflight_judge() - what the results mean: rung, differences, answer */
void wd_preflight_judge(const struct wd_preflight *preflight,
			struct wd_preflight_result *result);

/**
 * wd_preflight_stack() - bytes of stack that such a description tells of
 * @ret_all: it is the longest chain of functions; else the largest one, and
 *           the chain takes more
 */
uint32_t wd_preflight_stack(const char *stack, bool *ret_all);

/** wd_preflight_diff_text() - a difference as one line; to be freed */
char *wd_preflight_diff_text(const struct wd_preflight *preflight,
			     const struct wd_preflight_result *result,
			     const struct wd_preflight_diff *diff);

#endif /* WARDER_PREFLIGHT_H */
