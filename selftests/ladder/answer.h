/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.h - what a rule makes of a call.
 */
#ifndef WARDER_SELFTESTS_ANSWER_H
#define WARDER_SELFTESTS_ANSWER_H

struct seccomp_notif_resp;
struct wd_call;
struct wd_rule;

/**
 * wd_answer() - fill @ret_resp but for its id, and what the caller reads
 * @rule: NULL lets the call go by
 * Return: the errno that is told, 0 none.
 */
int wd_answer(const struct wd_call *call, const struct wd_rule *rule,
	      struct seccomp_notif_resp *ret_resp);

#endif /* WARDER_SELFTESTS_ANSWER_H */
