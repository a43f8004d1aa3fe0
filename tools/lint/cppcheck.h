/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cppcheck.h - what the macros of uthash, sys/queue.h, libbpf, json-c and
 * libmnl mean, for cppcheck, which does not read system headers. Never compiled into anything.
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

struct json_object *wd_lint_member(const struct json_object *obj, char **key);
#define json_object_object_foreach(obj, key, val) \
	char *key; \
	struct json_object *val; \
	while (((val) = wd_lint_member(obj, &(key))))

#define mnl_attr_for_each(attr, nlh, offset) \
	for ((attr) = mnl_nlmsg_get_payload_offset(nlh, offset); \
	     mnl_attr_ok(attr, 0); (attr) = mnl_attr_next(attr))
#define mnl_attr_for_each_nested(attr, nest) \
	for ((attr) = mnl_attr_get_payload(nest); mnl_attr_ok(attr, 0); \
	     (attr) = mnl_attr_next(attr))

#endif
