/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * walk.h - from nothing to a cluster that is there, on a way of its own:
 * objects in any order, some first as others, some that go again, commits in
 * between that may fail.
 */
#ifndef WARDER_SELFTESTS_WALK_H
#define WARDER_SELFTESTS_WALK_H

#include "gen.h"
#include "sinkhole.h"
#include "oracle.h"
#include "self.h"

struct wd_walk {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_sinkhole hole;
	struct wd_sink sink;
	struct wd_self self;
	uint32_t commits; /* on the way */
};

/**
 * wd_walk() - go there
 * @gen: whose numbers are used; its store is the cluster
 * @to: the same, as the oracle sees it; also whether this node is judged
 * Return: 0, or the error of the last commit; wd_walk_fini() in either case.
 */
int wd_walk(struct wd_walk *walk, struct wd_gen *gen,
	    const struct wd_oracle *to);

void wd_walk_fini(struct wd_walk *walk);

#endif /* WARDER_SELFTESTS_WALK_H */
