/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bare.h - warder's programs without what they count and tell (wd_bare.bpf.c).
 *
 * They go by the tables and flows of a node, beside its own programs. What they
 * are to others is the cost of all that is seen.
 */
#ifndef WARDER_BENCH_BARE_H
#define WARDER_BENCH_BARE_H

#include "cluster.h"

struct bpf_object;

struct bench_bare {
	struct bpf_object *obj;
	int prog[WD_DIR__MAX]; /* borrowed from it */
};

/** bench_bare_open() - load them for @node; ends the program on failure */
void bench_bare_open(struct bench_bare *bare, const struct bench_node *node);

/** bench_bare_close() - what is attached stays as long as its link does */
void bench_bare_close(struct bench_bare *bare);

#endif /* WARDER_BENCH_BARE_H */
