/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nodes.h - the nodes of a cluster, each once: what its Node says and what its
 * CiliumNode says, together.
 */
#ifndef WARDER_NODES_H
#define WARDER_NODES_H

#include "object.h"

struct wd_store;

struct wd_nodes {
	size_t cnt;
	struct wd_named_node {
		const char *name; /* borrowed from the store */
		/* labels as of the Node, if there is one; arrays are its own */
		struct wd_node node;
	} *node; /* by name */
};

/**
 * wd_nodes_read() - every node of the store, by name
 * @ret: ended by wd_nodes_fini(); good until the store changes
 * A key counts if one object has it, or both have the same one: of two that
 * differ nobody knows which is the node's.
 */
void wd_nodes_read(const struct wd_store *store, struct wd_nodes *ret);
void wd_nodes_fini(struct wd_nodes *nodes);

/** wd_nodes_object() - the Node of a name, else its CiliumNode. Return: borrowed, or NULL */
const struct wd_object *wd_nodes_object(const struct wd_store *store,
					const char *name);

#endif /* WARDER_NODES_H */
