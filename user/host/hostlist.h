/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostlist.h - policies that select this node, as text that reads as them: what
 * was confirmed has to outlive the objects and the agent.
 */
#ifndef WARDER_HOSTLIST_H
#define WARDER_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct wd_object;

struct wd_host_entry {
	char *text; /* a line of which specs do, then the policy */
	struct wd_object *obj;
};

/* By name. Empty where all is 0. */
struct wd_hostlist {
	size_t cnt;
	size_t cap;
	struct wd_host_entry *entry;
};

/** wd_host_object_of() - the policy that a text says, to be freed; NULL if it is none */
struct wd_object *wd_host_object_of(const char *text);

/** wd_hostlist_add() - at the end; takes over @text. Return: 0 or -EBADMSG */
int wd_hostlist_add(struct wd_hostlist *list, char *text);
void wd_hostlist_clear(struct wd_hostlist *list);

/** wd_hostlist_move() - what is in @to goes, @from is empty then */
void wd_hostlist_move(struct wd_hostlist *to, struct wd_hostlist *from);

/** wd_hostlist_same() - do both say the same of this node */
bool wd_hostlist_same(const struct wd_hostlist *a, const struct wd_hostlist *b);

/** wd_hostlist_has() - by the policy's name */
bool wd_hostlist_has(const struct wd_hostlist *list, const char *name);

/** wd_hostlist_texts() - an array, for the disk */
struct json_object *wd_hostlist_texts(const struct wd_hostlist *list);

/** wd_hostlist_read() - from such an array, @key of @doc; an empty list on failure. 0 or -EBADMSG */
int wd_hostlist_read(struct json_object *doc, const char *key,
		     struct wd_hostlist *list);

/** wd_hostlist_put_names() - as an array, @key of @doc */
void wd_hostlist_put_names(const struct wd_hostlist *list,
			   struct json_object *doc, const char *key);

#endif /* WARDER_HOSTLIST_H */
