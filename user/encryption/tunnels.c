/* SPDX-License-Identifier: GPL-2.0-only */
#include "tunnels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/complaints.h"
#include "../base/byteorder.h"
#include "../base/log.h"
#include "../model/nodes.h"
#include "../model/xalloc.h"
#include "../wireguard/check.h"
#include "../wireguard/watch.h"
#include "encryption.h"
#include "ports.h"
#include "prefix_table.h"

struct wd_tunnels {
	struct wd_agent *agent;
	struct wd_wg_watch *watch; /* NULL: nothing is followed */
	struct wd_prefix_table *owned;
	const struct wd_wg_state *state; /* the watch's */
	struct wd_wg_findings findings;
	bool unreadable; /* the kernel does not tell */
	bool dirty; /* the table does not say what nodes and WireGuard do */
	bool unchecked; /* nor the findings */
};

struct wd_tunnels *wd_tunnels_new(struct wd_agent *agent)
{
	struct wd_tunnels *t = wd_xcalloc(1, sizeof(*t));

	t->agent = agent;
	t->owned = wd_prefix_table_new(WD_MAP_wd_tun4, WD_MAP_wd_tun6);
	return t;
}

void wd_tunnels_free(struct wd_tunnels *t)
{
	if (!t)
		return;
	wd_wg_watch_free(t->watch);
	wd_wg_findings_fini(&t->findings);
	wd_prefix_table_free(t->owned);
	free(t);
}

int wd_tunnels_adopt(struct wd_tunnels *t)
{
	int n = wd_prefix_table_read(t->owned, t->agent->dp);

	return n < 0 ? n : 0;
}

/* ---- the cluster as WireGuard should have it ---- */

struct cluster {
	struct wd_wg_cluster c;
	struct wd_wg_node *node;
	struct wd_wg_pod *pod;
	size_t node_cap, pod_cap, node_cnt, pod_cnt;
	struct wd_nodes nodes; /* whose arrays the above borrows */
};

static void add_node(struct wd_tunnels *t, struct cluster *c,
		     const struct wd_named_node *named)
{
	const struct wd_node *n = &named->node;

	c->node = wd_grow(c->node, c->node_cnt, &c->node_cap, sizeof(*c->node));
	c->node[c->node_cnt++] = (struct wd_wg_node){
		.name = named->name,
		.number = wd_model_node_number(t->agent->model, named->name),
		.is_self = !strcmp(named->name, t->agent->config.node),
		.has_key = n->has_wgkey,
		.key = n->wgkey,
		.addr_cnt = n->addr_cnt,
		.cidr_cnt = n->cidr_cnt,
		.addr = n->addr,
		.cidr = n->cidr,
	};
}

static void add_pod(struct wd_tunnels *t, struct cluster *c,
		    const struct wd_object *obj)
{
	const struct wd_pod *p = &obj->pod;

	for (uint32_t i = 0; i < p->addr_cnt; i++) {
		c->pod = wd_grow(c->pod, c->pod_cnt, &c->pod_cap,
				 sizeof(*c->pod));
		c->pod[c->pod_cnt++] = (struct wd_wg_pod){
			.addr = p->addr[i],
			.node = p->node ? wd_model_node_number(t->agent->model,
							       p->node) :
					  0,
			.ns = obj->ns,
			.name = obj->name,
		};
	}
}

/* @pods: with the pods, which only the findings need. */
static void cluster_init(struct wd_tunnels *t, struct cluster *c, bool pods)
{
	const struct wd_object *obj = NULL;

	memset(c, 0, sizeof(*c));
	wd_nodes_read(t->agent->store, &c->nodes);
	for (size_t i = 0; i < c->nodes.cnt; i++)
		add_node(t, c, &c->nodes.node[i]);
	while (pods && (obj = wd_store_next(t->agent->store, WD_KIND_POD, obj)))
		if (!obj->pod.host_network && !obj->pod.finished)
			add_pod(t, c, obj);
	c->c = (struct wd_wg_cluster){
		.is_required = wd_encryption_required(t->agent->encryption),
		.node_cnt = (uint32_t)c->node_cnt,
		.pod_cnt = (uint32_t)c->pod_cnt,
		.node = c->node,
		.pod = c->pod,
	};
}

static void cluster_fini(struct cluster *c)
{
	free(c->node);
	free(c->pod);
	wd_nodes_fini(&c->nodes);
}

/* ---- whose prefixes are ---- */

static void want_owners(struct wd_tunnels *t, const struct cluster *c)
{
	struct wd_wg_owners owners;
	struct wd_wg_keys keys;

	wd_wg_keys_init(&keys, &c->c);
	wd_wg_owners_init(&owners, t->state, &keys, NULL);
	for (uint32_t i = 0; i < owners.cnt; i++) {
		const struct wd_wg_owner *o = &owners.owner[i];
		struct wd_prefix_val val = { { o->node, o->ifindex } };

		(void)wd_prefix_table_want(t->owned, &o->prefix, &val);
	}
	wd_wg_owners_fini(&owners);
	wd_wg_keys_fini(&keys);
}

int wd_tunnels_write(struct wd_tunnels *t)
{
	struct cluster c;
	int err;

	if (!t->dirty || !t->state)
		return 0;
	cluster_init(t, &c, false);
	wd_prefix_table_begin(t->owned);
	want_owners(t, &c);
	cluster_fini(&c);
	err = wd_prefix_table_end(t->owned, t->agent->dp);
	t->dirty = err != 0;
	if (err)
		wd_err("wireguard: writing prefixes of peers: %s",
		       wd_errno(err));
	return err;
}

/* ---- what is wrong ---- */

static void set_findings(struct wd_tunnels *t, struct wd_wg_findings *now)
{
	wd_complaints_wireguard(t->agent->complaints, &t->findings, now);
	wd_wg_findings_fini(&t->findings);
	t->findings = *now;
}

static void look(struct wd_tunnels *t)
{
	struct wd_wg_findings found;
	struct cluster c;

	cluster_init(t, &c, true);
	wd_wg_check(t->unreadable ? NULL : t->state, &c.c, &found);
	cluster_fini(&c);
	set_findings(t, &found);
	t->unchecked = false;
}

/* ---- following ---- */

static void tell_ports(struct wd_tunnels *t)
{
	wd_ports_wireguard(wd_encryption_ports(t->agent->encryption), t->state);
}

static void told(void *ctx, const struct wd_wg_state *state, uint32_t diff,
		 int err)
{
	struct wd_tunnels *t = ctx;

	t->state = state;
	if (err)
		wd_err("wireguard: reading its devices: %s; what was known stays in force",
		       wd_errno(err));
	t->unreadable = err != 0;
	t->unchecked = true;
	if (!(diff & ~(uint32_t)WD_WG_LIVE))
		return;
	t->dirty = true;
	tell_ports(t);
	(void)wd_tunnels_write(t);
	wd_encryption_changed(t->agent);
}

void wd_tunnels_want(struct wd_tunnels *t, bool wanted)
{
	struct wd_wg_watch_ops ops = { .told = told, .ctx = t };
	struct wd_wg_findings none = { 0 };
	int err;

	if (wanted == (t->watch != NULL)) {
		if (!wanted)
			tell_ports(
				t); /* also that there are none, at the start */
		return;
	}
	if (!wanted) {
		wd_wg_watch_free(t->watch);
		t->watch = NULL;
		t->state = NULL;
		tell_ports(t);
		set_findings(t, &none);
		wd_prefix_table_begin(t->owned);
		(void)wd_prefix_table_end(t->owned, t->agent->dp);
		return;
	}
	err = wd_wg_watch_new(t->agent->loop, &ops, &t->watch);
	if (err)
		wd_err("wireguard: following its devices: %s, trying again",
		       wd_errno(err));
}

void wd_tunnels_kick(struct wd_tunnels *t)
{
	if (t->watch)
		wd_wg_watch_kick(t->watch);
}

void wd_tunnels_object(struct wd_tunnels *t, const struct wd_object *was,
		       const struct wd_object *now)
{
	enum wd_kind kind = now ? now->kind : was->kind;
	bool is_node = kind == WD_KIND_NODE || kind == WD_KIND_CILIUM_NODE;

	t->dirty |= is_node;
	t->unchecked |= is_node || kind == WD_KIND_POD;
	/* Another key: the peers that have been read may be those of before. */
	if (is_node && t->watch)
		wd_wg_watch_kick(t->watch);
}

void wd_tunnels_reload(struct wd_tunnels *t)
{
	(void)wd_prefix_table_read(t->owned, t->agent->dp);
	t->dirty = true;
	(void)wd_tunnels_write(t);
}

void wd_tunnels_look(struct wd_tunnels *t)
{
	if (t->watch && t->unchecked && (t->state || t->unreadable))
		look(t);
}

void wd_tunnels_look_now(struct wd_tunnels *t)
{
	if (t->watch)
		wd_wg_watch_now(t->watch);
	wd_tunnels_look(t);
}

int wd_tunnels_check(struct wd_tunnels *t)
{
	int found = wd_prefix_table_read(t->owned, t->agent->dp);

	if (found > 0)
		t->dirty = true;
	(void)wd_tunnels_write(t);
	wd_tunnels_look(t);
	return found;
}

const struct wd_wg_state *wd_tunnels_state(const struct wd_tunnels *t)
{
	return t->state;
}

const struct wd_wg_findings *wd_tunnels_findings(const struct wd_tunnels *t)
{
	return &t->findings;
}
