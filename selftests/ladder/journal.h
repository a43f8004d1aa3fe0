/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - what came and what was answered, one JSON object a line.
 *
 *	{"t": 8123.456789, "pid": 7, "family": "bpf", "what": "PROG_LOAD",
 *	 "name": "wd_pod_in", "insns": 4000, "probe": false, "rule": 0,
 *	 "errno": 13, "us": 12}
 *
 * t is CLOCK_MONOTONIC in seconds. errno is absent where the call went by: what
 * the kernel said then is not known. Calls for a map's entries and questions
 * about objects are left out, unless a rule decided.
 */
#ifndef WARDER_SELFTESTS_JOURNAL_H
#define WARDER_SELFTESTS_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

struct wd_call;

/** wd_journal_open() - append to @path; 0 or -errno */
int wd_journal_open(const char *path);

/** wd_journal_now() - CLOCK_MONOTONIC in us */
uint64_t wd_journal_now(void);

/** wd_journal_call() - @rule: its place, -1 none; @err: errno told, 0 none; @since: when it came */
void wd_journal_call(const struct wd_call *call, int rule, int err,
		     uint64_t since);

/** wd_journal_rules() - @cnt rules are in force; @error: why they are not, NULL */
void wd_journal_rules(int cnt, const char *error);

#endif /* WARDER_SELFTESTS_JOURNAL_H */
