/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why_stages.h - `warder why`, for people: the flows that are there of what was
 * asked about, and each stage of each hook.
 */
#ifndef WARDER_WHY_STAGES_H
#define WARDER_WHY_STAGES_H

struct json_object;

/**
 * wd_stages_flows() - count flows of the kernel's table, into the stages "conntrack"
 * live, older (judged under another generation), ended; and of flows the other
 * way, of which what was asked about would be answers: answers_live, answers_ended.
 * Nothing is added where the table cannot be read. Of an agent that is older than
 * this program, and does not say what to look for, a warning is added instead.
 * @doc: the answer of the agent
 */
void wd_stages_flows(struct json_object *doc);

/** wd_stages_print_flows() - what of that says more than the verdict; on one line each */
void wd_stages_print_flows(struct json_object *doc);

/** wd_stages_print() - a table for each hook of the answer */
void wd_stages_print(struct json_object *doc);

#endif /* WARDER_WHY_STAGES_H */
