/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * node.h - a random node: objects, the tables that the model makes of them, in
 * memory, and the state collected from these. Comes from one seed.
 */
#ifndef WARDER_SELFTESTS_NODE_H
#define WARDER_SELFTESTS_NODE_H

#include "datapath/memory.h"
#include "model/model.h"
#include "model/store.h"
#include "oracle/gen.h"
#include "oracle/oracle.h"
#include "preflight/state.h"

struct node {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_memory *tables;
	struct wd_gen gen;
	struct wd_oracle oracle;
	struct wd_addr host[4];
	size_t host_cnt;
	struct wd_state *state;
};

/** node_begin() - a node after @changes changes. Return: false after a failed expectation */
bool node_begin(struct node *node, uint64_t seed, int changes);
void node_end(struct node *node);

#endif /* WARDER_SELFTESTS_NODE_H */
