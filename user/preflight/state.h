/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - what a node enforces, in one file that can leave the node.
 *
 * The tables that are in force, as the programs read them, with names beside
 * the numbers for people: endpoints, addresses, prefixes, services, and of rows,
 * slots, spans and classes those that can be reached. No counters, no flows, no
 * secrets. state.c makes JSON of it, state_read.c reads that strictly,
 * collect.c fills it from maps.
 *
 * One generation only: in each value that has two halves both are the half in
 * force.
 */
#ifndef WARDER_STATE_H
#define WARDER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>

#include "model/encap.h"
#include "model/object.h"

/* Of the file; another number is refused. */
#define WD_STATE_FORMAT 6

struct json_object;

struct wd_state_ep {
	uint32_t ifindex;
	char *name; /* "ns/pod", or "ifindex 5" */
	struct wd_endpoint_val val;
};

/* An address or a prefix. */
struct wd_state_addr {
	struct wd_cidr cidr; /* of an address: all bits */
	struct wd_addr_val val;
};

/* One kind of backends of a service. */
struct wd_state_front {
	struct wd_addr addr; /* all 0: any address of a node */
	uint16_t port; /* of the service, or node port */
	uint8_t proto; /* IP protocol number */
	uint8_t nr; /* < WD_FRONT_KINDS, from 0 up */
	struct wd_front_val val;
};

struct wd_state_row {
	uint32_t nr;
	struct wd_row_val val;
};

struct wd_state_slot {
	uint32_t nr;
	enum wd_dir dir;
	struct wd_slot_val val; /* first[] is an index into span[] of the state */
};

struct wd_state_class {
	uint32_t nr;
	struct wd_class_val val;
};

struct wd_state_rule {
	uint32_t id;
	char *name; /* "NetworkPolicy/shop/db ingress[0]" */
};

/* A list that grows; see wd_state_grow(). */
#define WD_STATE_LIST(type, name) \
	type *name; \
	size_t name##_cnt; \
	size_t name##_cap

struct wd_state {
	char *node; /* its name, "" not known */
	char *kernel; /* release */
	char *version; /* of warder */
	char *rung; /* in force when it was written, "" not known */
	uint32_t schema; /* WD_SCHEMA of the tables */
	uint32_t gen; /* 0: nothing published */
	uint32_t flags; /* WD_STATE_* */
	struct wd_encap encap; /* of kind WD_TUNNEL_OTHER, or any */
	bool encrypt; /* some traffic between nodes must be encrypted */
	bool host; /* a policy about the node itself is enforced */
	uint32_t host_slot; /* of that policy, 0 none is in force */
	WD_STATE_LIST(struct wd_state_ep, ep); /* by ifindex */
	WD_STATE_LIST(struct wd_state_addr, addr); /* by family, address */
	WD_STATE_LIST(struct wd_state_addr, cidr); /* and by length */
	WD_STATE_LIST(struct wd_state_front,
		      front); /* by address, port .. nr */
	WD_STATE_LIST(struct wd_state_row, row); /* these by number */
	WD_STATE_LIST(struct wd_state_slot, slot); /* and direction */
	WD_STATE_LIST(struct wd_span_val, span);
	WD_STATE_LIST(struct wd_state_class, class);
	WD_STATE_LIST(struct wd_state_rule, rule);
};

/** wd_state_new() - an empty one. Return: NULL without memory */
struct wd_state *wd_state_new(void);
void wd_state_free(struct wd_state *state);

/**
 * wd_state_grow() - room for one more element of a list
 * @list, @cnt, @cap: of a WD_STATE_LIST
 * Return: the element, zeroed and counted, or NULL without memory.
 */
void *wd_state_grow(void **list, size_t *cnt, size_t *cap, size_t size);
#define WD_STATE_ADD(state, name) \
	wd_state_grow((void **)&(state)->name, &(state)->name##_cnt, \
		      &(state)->name##_cap, sizeof(*(state)->name))

/** wd_state_sort() - bring the lists in their order, and WD_STATE_CIDR*, _FRONTS up to date */
void wd_state_sort(struct wd_state *state);

/** wd_state_json() - the document; to be put. NULL without memory */
struct json_object *wd_state_json(const struct wd_state *state);

/**
 * wd_state_parse() - the other way round, strictly
 * A field that is not known, missing, of another type or out of range, a number
 * that stands for nothing in the file, an entry that is there twice: refused.
 * @ret_error: where in the file and what; to be freed
 * Return: 0, -EINVAL or -ENOMEM.
 */
int wd_state_parse(struct json_object *doc, struct wd_state **ret_state,
		   char **ret_error);

/** wd_state_read() - the same of a file. Return: also -errno of reading it */
int wd_state_read(const char *path, struct wd_state **ret_state,
		  char **ret_error);

/* ---- looking, in a sorted state; NULL: there is none ---- */

const struct wd_state_slot *wd_state_slot(const struct wd_state *state,
					  uint32_t nr, enum wd_dir dir);
const struct wd_state_class *wd_state_class(const struct wd_state *state,
					    uint32_t nr);
const struct wd_state_row *wd_state_row(const struct wd_state *state,
					uint32_t nr);
/** wd_state_addr() - exactly this address */
const struct wd_state_addr *wd_state_addr(const struct wd_state *state,
					  const struct wd_addr *addr);
/** wd_state_front() - kind @nr of the service at exactly this address */
const struct wd_state_front *wd_state_front(const struct wd_state *state,
					    const struct wd_addr *addr,
					    uint8_t proto, uint16_t port,
					    uint8_t nr);
const char *wd_state_rule(const struct wd_state *state, uint32_t id);

/** wd_state_l4_name() - name of a slot's list of spans of this kind */
const char *wd_state_l4_name(enum wd_l4 l4);

/** wd_state_own() - the endpoint's address number @i; family 0: it has no such */
struct wd_addr wd_state_own(const struct wd_state_ep *ep, uint8_t family,
			    int i);

#endif /* WARDER_STATE_H */
