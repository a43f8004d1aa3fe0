/* SPDX-License-Identifier: GPL-2.0-only */
#include "gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/adopt.h"
#include "../agent/agent.h"
#include "../agent/endpoints_int.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../datapath/ladder.h"
#include "../model/cidr_set.h"
#include "../model/nodes.h"
#include "../model/xalloc.h"
#include "../nft/gate.h"
#include "encryption.h"
#include "wires.h"

#define PAUSE_CHECKS 5 /* between tries of what failed */

struct list {
	uint32_t *ifindex;
	size_t cnt, cap;
};

struct wd_gatekeeper {
	struct wd_agent *agent;
	struct list judged; /* as said last */
	struct wd_encap encap; /* likewise */
	struct wd_cidr_set own; /* prefixes of this node's pods, likewise */
	bool changed; /* all else may be another than was said last */
	int err; /* of the last try */
	unsigned int pause; /* checks until the next one */
};

struct wd_gatekeeper *wd_gatekeeper_new(struct wd_agent *agent)
{
	struct wd_gatekeeper *keeper = wd_xcalloc(1, sizeof(*keeper));

	keeper->agent = agent;
	keeper->changed = true;
	return keeper;
}

void wd_gatekeeper_free(struct wd_gatekeeper *keeper)
{
	if (!keeper)
		return;
	free(keeper->judged.ifindex);
	wd_cidr_set_fini(&keeper->own);
	free(keeper);
}

void wd_gatekeeper_changed(struct wd_gatekeeper *keeper)
{
	keeper->changed = true;
}

/* ---- devices ---- */

static void append(struct list *list, uint32_t ifindex)
{
	list->ifindex = wd_grow(list->ifindex, list->cnt, &list->cap,
				sizeof(*list->ifindex));
	list->ifindex[list->cnt++] = ifindex;
}

static void append_wire(void *ctx, const struct wd_wire *wire)
{
	if (wire->guarded)
		append(ctx, wire->ifindex);
}

/* Pods of this node with an address that its prefixes do not tell of. */
static void append_pods(const struct wd_gatekeeper *keeper, struct list *list)
{
	for (const struct wd_local *l = keeper->agent->endpoints->locals; l;
	     l = l->hh.next) {
		bool known = true;

		for (uint32_t i = 0; known && i < l->ep.addr_cnt; i++)
			known = wd_cidr_set_has(&keeper->own, &l->ep.addr[i]);
		if (!known && l->attached)
			append(list, l->ep.ifindex);
	}
}

static int cmp_indexes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void find_judged(const struct wd_gatekeeper *keeper, struct list *list)
{
	wd_wires_each(wd_encryption_wires(keeper->agent->encryption),
		      append_wire, list);
	append_pods(keeper, list);
	if (list->cnt)
		qsort(list->ifindex, list->cnt, sizeof(*list->ifindex),
		      cmp_indexes);
}

/* ---- what is said ---- */

struct words {
	struct wd_cidr *inside;
	size_t inside_cnt, inside_cap;
	struct wd_addr *node;
	size_t node_cnt, node_cap;
};

static void add_inside(struct words *w, const struct wd_cidr *cidr, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		w->inside = wd_grow(w->inside, w->inside_cnt, &w->inside_cap,
				    sizeof(*w->inside));
		w->inside[w->inside_cnt++] = cidr[i];
	}
}

static void add_node(struct words *w, const struct wd_node *node, bool pods)
{
	if (pods)
		add_inside(w, node->cidr, node->cidr_cnt);
	for (uint32_t i = 0; i < node->addr_cnt; i++) {
		w->node = wd_grow(w->node, w->node_cnt, &w->node_cap,
				  sizeof(*w->node));
		w->node[w->node_cnt++] = node->addr[i];
	}
}

static void find_own(struct wd_gatekeeper *keeper, const struct wd_nodes *nodes)
{
	wd_cidr_set_fini(&keeper->own);
	for (size_t i = 0; i < nodes->cnt; i++) {
		const struct wd_node *node = &nodes->node[i].node;

		if (strcmp(nodes->node[i].name, keeper->agent->config.node))
			continue;
		for (uint32_t j = 0; j < node->cidr_cnt; j++)
			wd_cidr_set_add(&keeper->own, &node->cidr[j]);
	}
	wd_cidr_set_sort(&keeper->own);
}

static int say(struct wd_gatekeeper *keeper, const struct wd_nodes *nodes)
{
	const struct wd_config *config = &keeper->agent->config;
	bool pods = wd_encryption_pods(keeper->agent->encryption);
	struct words w = { 0 };
	struct wd_gate_want want = {
		.judged = keeper->judged.ifindex,
		.judged_cnt = keeper->judged.cnt,
		.own = keeper->own.cidr,
		.own_cnt = keeper->own.cnt,
		.encap = keeper->encap,
		.encrypt_nodes = config->encryption_nodes,
	};
	int err;

	for (size_t i = 0; i < nodes->cnt; i++)
		add_node(&w, &nodes->node[i].node, pods);
	if (pods)
		add_inside(&w, config->prefix, config->prefix_cnt);
	want.inside = w.inside;
	want.inside_cnt = w.inside_cnt;
	want.node = w.node;
	want.node_cnt = w.node_cnt;
	err = wd_gate_put(keeper->agent->dp, &want);
	free(w.inside);
	free(w.node);
	return err;
}

static void tell(struct wd_gatekeeper *keeper, int err)
{
	if (err && err != -EOPNOTSUPP && err != keeper->err)
		wd_warn("encryption: a new device is not kept closed until it is guarded: %s",
			wd_gate_error(keeper->agent->dp));
	keeper->err = err;
	keeper->pause = PAUSE_CHECKS;
}

static bool same(const struct list *a, const struct list *b)
{
	return a->cnt == b->cnt &&
	       (!a->cnt ||
		!memcmp(a->ifindex, b->ifindex, a->cnt * sizeof(*a->ifindex)));
}

/* Did what it is said of change: devices, or ports of tunnels. */
static bool take_news(struct wd_gatekeeper *keeper)
{
	const struct wd_state_val *state =
		wd_map_mem(keeper->agent->dp, WD_MAP_wd_state);
	struct list judged = { 0 };
	bool news;

	find_judged(keeper, &judged);
	news = !same(&judged, &keeper->judged) ||
	       memcmp(keeper->encap.own, state->tunnel,
		      sizeof(keeper->encap.own)) != 0;
	free(keeper->judged.ifindex);
	keeper->judged = judged;
	memcpy(keeper->encap.own, state->tunnel, sizeof(keeper->encap.own));
	return news;
}

/* Devices come and go one by one, and most that do are pods'. */
static void put(struct wd_gatekeeper *keeper)
{
	const struct wd_agent *agent = keeper->agent;
	bool all = keeper->changed || !wd_gate_on(agent->dp);
	struct wd_nodes nodes;

	if (!all && !take_news(keeper))
		return;
	wd_nodes_read(agent->store, &nodes);
	if (all) {
		find_own(keeper, &nodes);
		(void)take_news(keeper);
	}
	tell(keeper, say(keeper, &nodes));
	keeper->changed = keeper->err != 0;
	wd_nodes_fini(&nodes);
}

static void leave(struct wd_gatekeeper *keeper)
{
	int err = wd_gate_leave(keeper->agent->dp);

	keeper->changed = true;
	if (err && err != keeper->err)
		wd_warn("encryption: table warder_gate cannot be taken off: %s, trying again",
			wd_errno(err));
	keeper->err = err;
}

/* What judges every device, or lets everything pass, needs none beside it. */
static bool is_needless(const struct wd_agent *agent)
{
	const struct wd_ladder *ladder = wd_ladder(agent->dp);

	return ladder->open || (ladder->rung == WD_RUNG_NFT &&
				!wd_datapath_unsettled(agent->dp));
}

void wd_gatekeeper_tend(struct wd_gatekeeper *keeper, bool wanted)
{
	const struct wd_agent *agent = keeper->agent;

	if (!wanted || agent->config.new_devices_open || is_needless(agent))
		leave(keeper);
	else if (wd_datapath_has_programs(agent->dp) &&
		 (!keeper->err || !keeper->pause))
		put(keeper);
}

void wd_gatekeeper_check(struct wd_gatekeeper *keeper, bool wanted)
{
	bool was_on = wd_gate_on(keeper->agent->dp);

	if (keeper->pause)
		keeper->pause--;
	if (was_on && wd_gate_check(keeper->agent->dp) == -ENOLINK) {
		wd_gatekeeper_tend(keeper, wanted);
		wd_drift_tell(keeper->agent, 1, wd_gate_on(keeper->agent->dp),
			      "encryption: table warder_gate was edited");
		return;
	}
	wd_gatekeeper_tend(keeper, wanted);
}

/* ---- answers ---- */

bool wd_gatekeeper_open(const struct wd_agent *agent)
{
	return wd_encryption_required(agent->encryption) &&
	       !is_needless(agent) && !wd_gate_on(agent->dp);
}

void wd_gatekeeper_put(const struct wd_agent *agent, struct json_object *wires)
{
	struct wd_stat_val dropped = { 0 };
	const char *error = wd_gate_error(agent->dp);

	(void)wd_gate_dropped(agent->dp,
			      &dropped); /* 0 where it is not known */
	wd_json_bool(wires, "new_devices_open", wd_gatekeeper_open(agent));
	wd_json_str(wires, "new_devices_error", *error ? error : NULL);
	wd_json_int(wires, "new_devices_dropped", (int64_t)dropped.packets);
}
