/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portname.h - what pods call their ports: one copy of each distinct list, and
 * the numbers that each name stands for, by which egress rules by name go.
 */
#ifndef WARDER_PORTNAME_H
#define WARDER_PORTNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hash.h"
#include "object.h"

struct mgroup;
struct mgroup_key;
struct mspace;
struct wd_model;

/* The named ports of a pod, one copy of each distinct list. */
struct mports {
	UT_hash_handle hh;
	uint32_t refs;
	uint32_t cnt;
	struct wd_port_name port[];
};

/* Numbers that a port name stands for among the pods of a namespace, or among all. */
struct mportname {
	UT_hash_handle hh; /* by key */
	struct {
		const char *name;
		const struct mspace *space; /* NULL: all of this cluster */
		uint64_t proto;
	} key;
	size_t cnt;
	size_t cap;
	struct {
		uint16_t port;
		uint32_t refs;
	} *num;
};

/* So many times the numbers of a namespace are many: of other clusters, of all. */
#define PORTNAMES_MANY 4
/* Where all have many, a namespace brings this part of what it may have otherwise. */
#define PORTNAMES_FEW 32

/* Return: a reference, of ports_put(); NULL: it names none. */
const struct mports *ports_get(struct wd_model *m, const struct wd_pod *pod);
/* @ports: NULL passes */
void ports_put(struct wd_model *m, const struct mports *ports);

/**
 * portnames_count() - a group of @space with such ports comes, or (!@add) goes
 *
 * Raises m->portnames_changed where a name has another set of numbers by it,
 * and m->portnames_room where all have many no longer.
 * @ports: NULL passes
 */
void portnames_count(struct wd_model *m, const struct mspace *space,
		     const struct mports *ports, bool add);

/**
 * portnames_have_room() - would a group of @key keep to WD_QUOTA_NUMBERS
 *
 * Namespaces of other clusters are counted together, for there may be any
 * number, and have PORTNAMES_MANY times as many. Where those of this cluster
 * have as many together, each is left a PORTNAMES_FEWth (one at least) of what
 * it may have, but for numbers that others have as well: a rule by name over all
 * of them has one span or two for each, see WD_SPANS_PER_SLOT.
 * @leaving: the group that its first pod leaves for it, or NULL
 */
bool portnames_have_room(const struct wd_model *m, const struct mgroup_key *key,
			 const struct mgroup *leaving);

/** portnames_most() - numbers that the name with most of them has among the pods of @space */
size_t portnames_most(const struct wd_model *m, const struct mspace *space);

#endif /* WARDER_PORTNAME_H */
