/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collect.h - the state of a node from its tables, wherever these are.
 */
#ifndef WARDER_COLLECT_H
#define WARDER_COLLECT_H

#include <stdint.h>

#include <warder/maps.h>

struct wd_state;

/* The tables. Both functions are those of user/datapath/datapath.h. */
struct wd_state_tables {
	void *ctx;
	int (*get)(void *ctx, enum wd_map map, const void *key, void *ret_val);
	int (*next)(void *ctx, enum wd_map map, const void *prev,
		    void *ret_next);
};

/**
 * wd_state_collect() - all that can be reached from endpoints and addresses
 * Nobody may write the tables meanwhile. Names stay empty: node, kernel,
 * version and rung are NULL, endpoints have their ifindex as name.
 * @ret_error: which table; to be freed
 * Return: 0; -EBADMSG if the tables do not hold together; -errno.
 */
int wd_state_collect(const struct wd_state_tables *tables,
		     struct wd_state **ret_state, char **ret_error);

#endif /* WARDER_COLLECT_H */
