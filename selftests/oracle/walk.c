// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - a chain for each object, endpoint, and the host's addresses: some
 * steps astray, then the last one. Which chain goes on next is chance.
 */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "gen_object.h"
#include "tunnel.h"
#include "model/xalloc.h"

#define ASTRAY 24 /* objects that are not there in the end */
#define STRAYS 8 /* changes taken back at the end */

struct chain {
	enum wd_kind kind;
	char ns[16];
	char name[16];
	const struct wd_object *last; /* NULL: gone in the end */
	const struct wd_endpoint *ep; /* instead of an object */
	bool is_host; /* instead of both */
	uint32_t astray; /* steps before the last one */
};

struct way {
	struct wd_walk *walk;
	struct wd_gen *gen;
	const struct wd_oracle *to;
	struct chain *chain;
	uint32_t cnt;
};

static void object_changed(void *ctx, const struct wd_object *was,
			   const struct wd_object *now)
{
	struct wd_walk *walk = ctx;

	wd_model_changed(walk->model, was, now);
}

/* ---- chains ---- */

static struct chain *chain_add(struct way *w)
{
	struct chain *c;

	w->chain = wd_xrealloc(w->chain, w->cnt + 1, sizeof(*w->chain));
	c = &w->chain[w->cnt++];
	memset(c, 0, sizeof(*c));
	c->astray = wd_gen_rnd(w->gen, 4);
	return c;
}

static void chain_object(struct way *w, enum wd_kind kind, const char *ns,
			 const char *name, const struct wd_object *last)
{
	struct chain *c = chain_add(w);

	c->kind = kind;
	(void)snprintf(c->ns, sizeof(c->ns), "%s", ns);
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	c->last = last;
	if (!last)
		c->astray++;
}

static const char *stem_of(enum wd_kind kind, struct wd_gen *gen)
{
	switch ((int)kind) {
	case WD_KIND_POD:
		return "p";
	case WD_KIND_SERVICE:
		return "s";
	case WD_KIND_SLICE:
		return "es";
	case WD_KIND_NETPOL:
		return "np";
	case WD_KIND_CILIUM_NP:
		return "c";
	case WD_KIND_CILIUM_CNP:
		return wd_gen_one_in(gen, 2) ? "h" : "c";
	}
	return "w";
}

/* Under a name that gen.c would give, too, if nobody has it in the end. */
static void chain_astray(struct way *w)
{
	static const enum wd_kind kinds[] = {
		WD_KIND_POD,	    WD_KIND_POD,	WD_KIND_NETPOL,
		WD_KIND_CLUSTER_NP, WD_KIND_ADMIN_NP,	WD_KIND_BASELINE_NP,
		WD_KIND_CILIUM_NP,  WD_KIND_CILIUM_CNP, WD_KIND_SERVICE,
		WD_KIND_SLICE
	};
	enum wd_kind kind = kinds[wd_gen_rnd(w->gen, 10)];
	bool is_wide = kind >= WD_KIND_FIRST_POLICY && kind != WD_KIND_NETPOL &&
		       kind != WD_KIND_CILIUM_NP;
	const char *ns = is_wide ? "" : wd_gen_ns_name(w->gen);
	char name[16];

	(void)snprintf(name, sizeof(name), "%s%u", stem_of(kind, w->gen),
		       wd_gen_rnd(w->gen, 5));
	for (uint32_t i = 0; i < w->cnt; i++)
		if (w->chain[i].kind == kind && !strcmp(w->chain[i].ns, ns) &&
		    !strcmp(w->chain[i].name, name))
			return;
	chain_object(w, kind, ns, name, NULL);
}

static void chains_make(struct way *w)
{
	chain_add(w)->is_host = true;
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(w->to->store, (enum wd_kind)kind,
					    obj)))
			chain_object(w, obj->kind, obj->ns, obj->name, obj);
	}
	for (int i = 0; i < ASTRAY; i++)
		chain_astray(w);
	for (uint32_t i = 0; i < w->to->ep_cnt; i++)
		chain_add(w)->ep = w->to->ep[i];
}

/* ---- steps ---- */

/* The same name with other content. */
static struct wd_object *other(struct wd_gen *gen, const struct chain *c)
{
	struct wd_object *obj;

	switch (c->kind) {
	case WD_KIND_NAMESPACE:
		return wd_gen_namespace(gen, c->name);
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		return wd_gen_node(gen, (uint32_t)(c->name[1] - '0'));
	case WD_KIND_CIDR_GROUP:
		return wd_gen_group(gen, c->name);
	case WD_KIND_POD:
		obj = wd_gen_pod(gen, c->ns, c->name, NULL);
		obj->pod.host_network = false; /* it may have an interface */
		return obj;
	case WD_KIND_SERVICE:
		return wd_gen_service(gen, c->ns, c->name);
	case WD_KIND_SLICE:
		return wd_gen_slice(gen, c->ns, c->name,
				    wd_gen_one_in(gen, 2) ? "s0" : "s1");
	case WD_KIND_NETPOL:
		return wd_gen_netpol(gen, c->ns, c->name);
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		if (*c->name == 'h')
			return wd_gen_node_policy(gen, c->name);
		return wd_gen_cilium(gen, c->ns, c->name);
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
		return wd_gen_wide(gen, c->kind, c->name);
	case WD_KIND__MAX:
		break;
	}
	return NULL;
}

static void step_object(struct way *w, struct chain *c)
{
	bool is_last = !c->astray;

	if (is_last ? !c->last : wd_gen_one_in(w->gen, 3))
		(void)wd_store_del(w->walk->store, c->kind, c->ns, c->name,
				   NULL);
	else
		(void)wd_store_put(w->walk->store,
				   is_last ? wd_copy_object(c->last) :
					     other(w->gen, c));
}

static void step_endpoint(struct way *w, const struct chain *c)
{
	if (c->astray && wd_gen_one_in(w->gen, 2))
		wd_model_endpoint_del(w->walk->model, c->ep->id);
	else
		wd_model_endpoint_set(w->walk->model, c->ep);
}

static void step_host(struct way *w, const struct chain *c)
{
	const struct wd_addr some = wd_gen_node_addr(wd_gen_rnd(w->gen, 4), 4);

	if (c->astray)
		wd_model_host_addrs(w->walk->model, &some,
				    wd_gen_rnd(w->gen, 2));
	else
		wd_model_host_addrs(w->walk->model, w->to->host,
				    w->to->host_cnt);
}

static void step(struct way *w, struct chain *c)
{
	if (c->is_host)
		step_host(w, c);
	else if (c->ep)
		step_endpoint(w, c);
	else
		step_object(w, c);
}

static void sync_self(const struct way *w)
{
	if (w->to->judges_node)
		wd_self_sync(&w->walk->self, w->walk->store, w->to->node,
			     w->walk->model);
}

static void commit(struct way *w)
{
	if (!wd_gen_one_in(w->gen, 4))
		return;
	sync_self(w);
	if (wd_gen_one_in(w->gen, 8))
		w->walk->hole.fail_in = 1 + wd_gen_rnd(w->gen, 20);
	(void)wd_model_commit(w->walk->model, NULL);
	w->walk->hole.fail_in = 0;
	w->walk->commits++;
}

/* All chains to their ends. */
static void go(struct way *w)
{
	uint32_t left = w->cnt;

	while (left) {
		uint32_t at = wd_gen_rnd(w->gen, left);
		struct chain done = w->chain[at];

		step(w, &w->chain[at]);
		commit(w);
		if (w->chain[at].astray--)
			continue;
		w->chain[at] = w->chain[--left];
		w->chain[left] = done;
	}
}

/* There, and off again by one: what changes last is not hidden by what comes after. */
static void stray(struct way *w)
{
	for (int i = 0; i < STRAYS; i++) {
		struct chain *c = &w->chain[wd_gen_rnd(w->gen, w->cnt)];

		c->astray = 1;
		step(w, c);
		commit(w);
		c->astray = 0;
		step(w, c);
		commit(w);
	}
}

int wd_walk(struct wd_walk *walk, struct wd_gen *gen,
	    const struct wd_oracle *to)
{
	struct wd_model_config config = { .node = to->node, .mode = to->mode };
	struct way w = { .walk = walk, .gen = gen, .to = to };

	memset(walk, 0, sizeof(*walk));
	walk->sink = wd_sinkhole_open(&walk->hole);
	walk->store = wd_store_new(object_changed, walk);
	walk->model = wd_model_new(walk->store, &walk->sink, &config);
	wd_tunnel_tell(to, walk->model);
	chains_make(&w);
	go(&w);
	stray(&w);
	free(w.chain);
	sync_self(&w);
	return wd_model_commit(walk->model, NULL);
}

void wd_walk_fini(struct wd_walk *walk)
{
	wd_self_fini(&walk->self, walk->model);
	wd_model_free(walk->model);
	wd_store_free(walk->store);
	wd_sinkhole_close(&walk->sink);
}
