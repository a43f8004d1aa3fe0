/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cppcheck.h - what uthash's macros mean, for cppcheck, which does not read
 * system headers. Never compiled into anything.
 */
#ifndef WARDER_CPPCHECK_H
#define WARDER_CPPCHECK_H

void *wd_lint_lookup(const void *head, const void *key);

#define HASH_ITER(hh, head, el, tmp) \
	for ((el) = (head), (tmp) = (el) ? (el)->hh.next : 0; (el); \
	     (el) = (tmp), (tmp) = (el) ? (el)->hh.next : 0)
#define HASH_FIND(hh, head, key, len, out) ((out) = wd_lint_lookup(head, key))
#define HASH_FIND_STR(head, key, out) ((out) = wd_lint_lookup(head, key))
#define HASH_FIND_INT(head, key, out) ((out) = wd_lint_lookup(head, key))

#endif
