/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.h - which calls are refused, and what is told instead.
 *
 * A rule is a line, the first that fits a call decides; '#' begins a comment:
 *
 *	FAMILY:WHAT [WORD=VALUE | WORD]...
 *
 *	bpf:COMMAND	a command of bpf(2): PROG_LOAD, MAP_CREATE, LINK_*, *
 *	socket:PROTOCOL	the making of a netlink socket: ROUTE, NETFILTER, *
 *	netlink:PROTOCOL a message written to such a socket
 *
 *	name=PATTERN	bpf: of the program or map (also of the one that is
 *			tested, attached or written), last part of a pin's path
 *	type=PATTERN	netlink: of any message of the call: NEWTFILTER, NEWRULE
 *	errno=NAME	what the call fails with: EPERM, 524
 *	retval=NUMBER	PROG_TEST_RUN: it runs, and the verdict is said to be this
 *	log="TEXT"	PROG_LOAD, BTF_LOAD: what the kernel's log says; \n \" \\
 *	pad=BYTES	so much is in the log before it
 *	after=N		the first N calls that fit go by
 *	times=N		not more than N are refused; those that come after them
 *			are left to the rules below
 *	sleep=MS	the answer, or the call, comes so late
 *	probes		libbpf's own tries of the kernel, too; of * always
 *
 * PATTERNs are those of fnmatch(3). A rule with neither errno nor retval lets
 * the call go by.
 */
#ifndef WARDER_SELFTESTS_RULE_H
#define WARDER_SELFTESTS_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "names.h"

#define WD_RULES_MAX 64
#define WD_TYPES_MAX 8 /* messages of one call that are looked at */

enum wd_family {
	WD_FAMILY_BPF,
	WD_FAMILY_SOCKET,
	WD_FAMILY_NETLINK,
};

/* What rules can say of a call. */
struct wd_face {
	enum wd_family family;
	char what[WD_NAME_MAX];
	char name[WD_NAME_MAX]; /* "" has none */
	char type[WD_TYPES_MAX][WD_NAME_MAX];
	int type_cnt;
	bool is_probe;
};

struct wd_rule {
	enum wd_family family;
	char what[WD_NAME_MAX];
	char name[WD_NAME_MAX]; /* "" any */
	char type[WD_NAME_MAX]; /* "" any */
	int err; /* errno, 0 none */
	bool has_retval;
	unsigned int retval;
	char *log; /* NULL none */
	unsigned long pad, after, times, sleep_ms;
	bool probes;
	unsigned long seen;
};

struct wd_rules {
	struct wd_rule rule[WD_RULES_MAX];
	int cnt;
};

/**
 * wd_rules_add() - read the lines of @text
 * @ret_error: what is wrong, with the line's number; room for @room bytes
 * Return: 0, or -EINVAL with those before added.
 */
int wd_rules_add(struct wd_rules *rules, const char *text, char *ret_error,
		 size_t room);

/** wd_rules_clear() - back to none; @rules was all zero once */
void wd_rules_clear(struct wd_rules *rules);

/** wd_rules_find() - the rule that decides; counts it. Return: its place, or -1 */
int wd_rules_find(struct wd_rules *rules, const struct wd_face *face);

/** wd_rules_has() - is there a rule of this family */
bool wd_rules_has(const struct wd_rules *rules, enum wd_family family);

/** wd_rules_ask_entries() - does one ask for the map whose entries are touched */
bool wd_rules_ask_entries(const struct wd_rules *rules);

#endif /* WARDER_SELFTESTS_RULE_H */
