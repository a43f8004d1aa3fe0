/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what was found, for people, for programs, and as a page.
 */
#ifndef WARDER_REPORT_H
#define WARDER_REPORT_H

#include <stdio.h>

#include "preflight.h"

struct json_object;

/** wd_report_worst() - unsafe before not known before safe */
enum wd_preflight_answer
wd_report_worst(const struct wd_preflight_result *result, size_t cnt);

/** wd_report_answer() - "safe", "unsafe", "unknown" */
const char *wd_report_answer(enum wd_preflight_answer answer);

/** wd_report_insns() - most that the verifier looked at of the programs of an object; 0 not told */
uint32_t wd_report_insns(const struct wd_preflight_object *object);

#define WD_REPORT_STACK 24
/** wd_report_stack() - "384", ">=216" or "" into @buf, returned; @object NULL: "" */
const char *wd_report_stack(const struct wd_preflight_object *object,
			    char buf[WD_REPORT_STACK]);

/**
 * wd_report_object() - the one that would be in force, where no rung is known the
 * first; NULL none
 */
const struct wd_preflight_object *
wd_report_object(const struct wd_preflight_result *result);

/** wd_report_engine() - what enforces on the rung that is reached, in words */
const char *wd_report_engine(const struct wd_preflight_result *result);

/** wd_report_questions() - what was asked, one line; to be freed */
char *wd_report_questions(const struct wd_preflight *preflight);

/** wd_report_text() - one kernel in full, several as a table with the whys below */
void wd_report_text(const struct wd_preflight *preflight,
		    const struct wd_preflight_result *result, size_t cnt);

/** wd_report_json() - to be put */
struct json_object *wd_report_json(const struct wd_preflight *preflight,
				   const struct wd_preflight_result *result,
				   size_t cnt);

/* ---- html.c ---- */

/** wd_report_html() - a page that needs no other file; writing errors stay in @to */
void wd_report_html(const struct wd_preflight *preflight,
		    const struct wd_preflight_result *result, size_t cnt,
		    FILE *to);

/** wd_report_nft() - would rung nft do what it should there: "yes", "no", "" not known */
const char *wd_report_nft(const struct wd_preflight_result *result);

#endif /* WARDER_REPORT_H */
