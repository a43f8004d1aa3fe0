// SPDX-License-Identifier: GPL-2.0-only
/*
 * node.c - objects of oracle/gen.h through the model into tables in memory.
 */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight/collect.h"
#include "tap.h"

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	struct node *node = ctx;

	return wd_memory_set(node->tables, map, key, val);
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	struct node *node = ctx;

	return wd_memory_del(node->tables, map, key);
}

static void publish(void *ctx, uint32_t gen)
{
	struct node *node = ctx;
	struct wd_state_val *state =
		wd_memory_window(node->tables, WD_MAP_wd_state);

	state->gen = gen;
}

static void object_changed(void *ctx, const struct wd_object *was,
			   const struct wd_object *now)
{
	struct node *node = ctx;

	wd_model_changed(node->model, was, now);
}

static void ep_set(void *ctx, const struct wd_endpoint *ep)
{
	struct node *node = ctx;

	wd_model_endpoint_set(node->model, ep);
}

static void ep_del(void *ctx, uint32_t id)
{
	struct node *node = ctx;

	wd_model_endpoint_del(node->model, id);
}

static void host_addrs(void *ctx, const struct wd_addr *addr, size_t cnt)
{
	struct node *node = ctx;

	for (size_t i = 0; i < cnt; i++)
		node->host[i] = addr[i];
	node->host_cnt = cnt;
	wd_model_host_addrs(node->model, addr, cnt);
}

static int get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	return wd_memory_get(ctx, map, key, ret_val);
}

static int next(void *ctx, enum wd_map map, const void *prev, void *ret_next)
{
	return wd_memory_next(ctx, map, prev, ret_next);
}

static void wire(struct node *node, struct wd_sink *sink)
{
	static const uint32_t devices[2 * WD_GEN_EPS] = {
		11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	};

	*sink = (struct wd_sink){
		.ctx = node,
		.set = set,
		.del = del,
		.publish = publish,
		.row = wd_memory_window(node->tables, WD_MAP_wd_row),
		.slot = wd_memory_window(node->tables, WD_MAP_wd_slot),
		.span = wd_memory_window(node->tables, WD_MAP_wd_span),
		.class = wd_memory_window(node->tables, WD_MAP_wd_class),
	};
	node->gen.store = node->store;
	node->gen.ifindex = devices;
	node->gen.ifindex_cnt = 2 * WD_GEN_EPS;
	node->gen.ep_set = ep_set;
	node->gen.ep_del = ep_del;
	node->gen.host_addrs = host_addrs;
	node->gen.ctx = node;
	node->oracle.store = node->store;
}

static bool settle(struct node *node)
{
	struct wd_state_tables tables = { node->tables, get, next };
	struct wd_state_val *state =
		wd_memory_window(node->tables, WD_MAP_wd_state);
	char *why = NULL;

	state->schema = WD_SCHEMA;
	if (node->oracle.host_policy)
		state->flags |= WD_STATE_HOST_POLICY;
	node->oracle.ep = (const struct wd_endpoint *const *)node->gen.ep;
	node->oracle.ep_cnt = node->gen.ep_cnt;
	node->oracle.host = node->host;
	node->oracle.host_cnt = node->host_cnt;
	node->oracle.node = "n0";
	if (!wd_expect_int(0, wd_state_collect(&tables, &node->state, &why))) {
		printf("# %s\n", why ? why : "");
		free(why);
		return false;
	}
	node->state->node = strdup("n0");
	node->state->kernel = strdup("6.18.44");
	node->state->version = strdup("0.1.0");
	node->state->rung = strdup("full");
	return true;
}

bool node_begin(struct node *node, uint64_t seed, int changes)
{
	static const enum wd_mode modes[] = { WD_MODE_UNSET, WD_MODE_ENFORCE,
					      WD_MODE_ENFORCE, WD_MODE_AUDIT };
	struct wd_model_config config = { .node = "n0" };
	static struct wd_sink sink;

	memset(node, 0, sizeof(*node));
	node->gen.rng = seed * 0x9e3779b97f4a7c15ULL + 7;
	config.mode = modes[wd_gen_rnd(&node->gen, 4)];
	node->oracle.mode = config.mode;
	node->oracle.host_policy = wd_gen_one_in(&node->gen, 3);
	if (!wd_expect_int(0, wd_memory_new(&node->tables)))
		return false;
	node->store = wd_store_new(object_changed, node);
	wire(node, &sink);
	node->model = wd_model_new(node->store, &sink, &config);
	wd_gen_fill(&node->gen);
	if (!wd_expect_int(0, wd_model_commit(node->model, NULL)))
		return false;
	for (int i = 0; i < changes; i++) {
		wd_gen_mutate(&node->gen);
		if (!wd_expect_int(0, wd_model_commit(node->model, NULL)))
			return false;
	}
	return settle(node);
}

void node_end(struct node *node)
{
	wd_state_free(node->state);
	wd_model_free(node->model);
	wd_store_free(node->store);
	wd_gen_fini(&node->gen);
	wd_memory_free(node->tables);
}
