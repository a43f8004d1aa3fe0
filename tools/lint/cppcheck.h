/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cppcheck.h - what the macros of uthash, sys/queue.h and libbpf mean, for
 * cppcheck, which does not read system headers. Never compiled into anything.
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

#define LIST_HEAD(name, type) \
	struct name { \
		struct type *first; \
	}
#define LIST_ENTRY(type) \
	struct { \
		struct type *next; \
		struct type **prev; \
	}
#define LIST_FIRST(head) ((head)->first)
#define LIST_EMPTY(head) (!(head)->first)
#define LIST_NEXT(el, field) ((el)->field.next)
#define LIST_FOREACH(el, head, field) \
	for ((el) = (head)->first; (el); (el) = (el)->field.next)
#define TAILQ_HEAD(name, type) LIST_HEAD(name, type)
#define TAILQ_ENTRY(type) LIST_ENTRY(type)
#define TAILQ_FIRST(head) LIST_FIRST(head)
#define TAILQ_EMPTY(head) LIST_EMPTY(head)
#define TAILQ_NEXT(el, field) LIST_NEXT(el, field)
#define TAILQ_FOREACH(el, head, field) LIST_FOREACH(el, head, field)
#define STAILQ_HEAD(name, type) LIST_HEAD(name, type)
#define STAILQ_ENTRY(type) LIST_ENTRY(type)
#define STAILQ_FOREACH(el, head, field) LIST_FOREACH(el, head, field)
#define SLIST_HEAD(name, type) LIST_HEAD(name, type)
#define SLIST_ENTRY(type) LIST_ENTRY(type)
#define SLIST_FOREACH(el, head, field) LIST_FOREACH(el, head, field)

#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define DECLARE_LIBBPF_OPTS LIBBPF_OPTS

#endif
