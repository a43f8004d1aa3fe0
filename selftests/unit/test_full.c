/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_full.c - a map that is full, or the share of a namespace: what was in
 * force stays, and what is wanted comes in as soon as it fits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"
#include "told.h"

#define ROOM 100 /* prefixes that the map takes */
#define MOST 4000 /* of the largest policy that must fit */
#define KEY 8 /* bytes of an IPv4 prefix */

static struct {
	struct wd_cidr4_key key[MOST];
	uint32_t cnt;
	uint32_t room;
	uint32_t others; /* writes to other maps */
	uint32_t gen;
	uint32_t fails_at; /* a generation in which nothing can be written */
} kernel;

static int find(const void *key)
{
	for (uint32_t i = 0; i < kernel.cnt; i++) {
		if (!memcmp(&kernel.key[i], key, KEY))
			return (int)i;
	}
	return -1;
}

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	(void)ctx;
	(void)val;
	if (kernel.fails_at && kernel.gen == kernel.fails_at)
		return -ENOMEM;
	kernel.others += map != WD_MAP_wd_cidr4;
	if (map != WD_MAP_wd_cidr4 || find(key) >= 0)
		return 0;
	if (kernel.cnt == kernel.room)
		return -ENOSPC;
	memcpy(&kernel.key[kernel.cnt++], key, KEY);
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	int at = map == WD_MAP_wd_cidr4 ? find(key) : -1;

	(void)ctx;
	if (at >= 0)
		kernel.key[at] = kernel.key[--kernel.cnt];
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	kernel.gen = gen;
}

static struct wd_object *make_pod(void)
{
	struct wd_object *obj = object_of(WD_KIND_POD, "shop", "srv");

	obj->pod.labels = wd_labels_get(NULL, 0);
	return obj;
}

/* Ingress from @cnt prefixes 10.@net.0.0/32 and on. */
static struct wd_object *make_named_policy(const char *name, uint32_t net,
					   uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_NETPOL, "shop", name);
	struct wd_policy_rule *rule = wd_xcalloc(1, sizeof(*rule));

	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, 1);
	obj->policy.spec->isolates[WD_INGRESS] = true;
	obj->policy.spec->applies[WD_INGRESS] = true;
	obj->policy.spec->rule_cnt[WD_INGRESS] = 1;
	obj->policy.spec->rule[WD_INGRESS] = rule;
	rule->any_port = true;
	rule->peer_cnt = cnt;
	rule->peer = wd_xcalloc(cnt, sizeof(*rule->peer));
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_cidr *cidr = &rule->peer[i].cidr;

		rule->peer[i].type = WD_PEER_CIDR;
		cidr->addr.family = 4;
		cidr->addr.v4.s_addr = htonl(10U << 24 | net << 16 | i);
		cidr->len = 32;
	}
	return obj;
}

static struct wd_object *make_policy(uint32_t net, uint32_t cnt)
{
	return make_named_policy("p", net, cnt);
}

struct world {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep;
	struct wd_sink sink;
};

static void begin_within(struct world *w, enum wd_quota quota, uint32_t limit)
{
	struct wd_model_config config = { .node = "n" };

	if (quota < WD_QUOTA__MAX)
		config.quota[quota] = limit;

	memset(&kernel, 0, sizeof(kernel));
	kernel.room = ROOM;
	memset(w, 0, sizeof(*w));
	w->sink = (struct wd_sink){
		.ctx = w,
		.set = set,
		.del = del,
		.publish = publish,
		.row = wd_xcalloc(WD_ROWS_MAX, sizeof(struct wd_row_val)),
		.slot = wd_xcalloc(2 * WD_SLOTS_MAX,
				   sizeof(struct wd_slot_val)),
		.span = wd_xcalloc(WD_SPANS_MAX, sizeof(struct wd_span_val)),
		.class =
			wd_xcalloc(WD_CLASSES_MAX, sizeof(struct wd_class_val)),
	};
	w->store = wd_store_new(tell_model, &w->model);
	w->model = wd_model_new(w->store, &w->sink, &config);
	w->ep = (struct wd_endpoint){
		.id = 1,
		.ifindex = 7,
		.ns = wd_str_get("shop"),
		.name = wd_str_get("srv"),
		.uid = wd_str_get(""),
	};
	wd_model_endpoint_set(w->model, &w->ep);
	(void)wd_store_put(w->store, make_pod());
}

static void end(struct world *w)
{
	wd_model_endpoint_del(w->model, 1);
	wd_model_free(w->model);
	wd_store_free(w->store);
	free(w->sink.row);
	free(w->sink.slot);
	free(w->sink.span);
	free(w->sink.class);
	wd_str_put(w->ep.ns);
	wd_str_put(w->ep.name);
	wd_str_put(w->ep.uid);
}

static void begin(struct world *w)
{
	begin_within(w, WD_QUOTA__MAX, 0);
}

/* As the agent does it: switch, settle, clear away. */
static int commit(struct world *w)
{
	int err = wd_model_commit(w->model, NULL);

	if (!err)
		err = wd_model_settle(w->model);
	if (!err && wd_model_dirty(w->model)) /* what the old half held */
		err = wd_model_commit(w->model, NULL);
	return err;
}

static int apply(struct world *w, uint32_t net, uint32_t cnt)
{
	(void)wd_store_put(w->store, make_policy(net, cnt));
	return commit(w);
}

static void what_does_not_fit_leaves_the_old_generation(void)
{
	struct world w;
	uint32_t gen;

	begin(&w);
	wd_expect_int(0, apply(&w, 1, 50));
	gen = kernel.gen;
	wd_expect_int(-ENOSPC, apply(&w, 2, 80));
	wd_expect_int(gen, kernel.gen);
	wd_expect(wd_model_dirty(w.model));
	wd_expect_int(0, apply(&w, 1, 50));
	wd_expect_int(50, kernel.cnt);
	end(&w);
}

/* Nothing of the failed try may take the room of what comes after it. */
static void a_failed_try_leaves_room_for_the_next(void)
{
	struct world w;

	begin(&w);
	wd_expect_int(0, apply(&w, 1, 50));
	wd_expect_int(-ENOSPC, apply(&w, 2, 80));
	wd_expect_int(ROOM, kernel.cnt);
	wd_expect_int(0, apply(&w, 3, 45));
	wd_expect_int(45, kernel.cnt);
	wd_expect_int(0, apply(&w, 4, 55));
	wd_expect_int(55, kernel.cnt);
	end(&w);
}

/* An exception is a prefix of its own, not what is left of the block. */
static void an_exception_costs_one_prefix(void)
{
	struct wd_object *obj = make_policy(0, 1);
	struct wd_peer *peer = &obj->policy.spec->rule[WD_INGRESS]->peer[0];
	struct world w;

	begin(&w);
	peer->cidr.addr.v4.s_addr = 0;
	peer->cidr.len = 0;
	peer->except_cnt = ROOM - 1;
	peer->except = wd_xcalloc(ROOM - 1, sizeof(*peer->except));
	for (uint32_t i = 0; i < ROOM - 1; i++) {
		peer->except[i].addr.family = 4;
		peer->except[i].addr.v4.s_addr = htonl(10U << 24 | i * 7919U);
		peer->except[i].len = 32;
	}
	(void)wd_store_put(w.store, obj);
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(ROOM, kernel.cnt);
	end(&w);
}

/* Blocks of 256 that are allowed, and in each one address that is denied. */
static void holes_in_a_thousand_blocks_cost_a_prefix_each(void)
{
	enum { BLOCKS = 1000 };
	struct wd_object *obj = make_policy(0, BLOCKS);
	struct wd_spec *spec = obj->policy.spec;
	struct wd_object *denies = make_named_policy("d", 0, BLOCKS);
	struct wd_policy_rule *deny = denies->policy.spec->rule[WD_INGRESS];
	struct wd_ep_info info;
	struct world w;

	begin(&w);
	kernel.room = MOST;
	deny->action = WD_RULE_DENY;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct wd_cidr *block = &spec->rule[WD_INGRESS]->peer[i].cidr;

		block->addr.v4.s_addr = htonl(10U << 24 | i << 8);
		block->len = 24;
		deny->peer[i].cidr.addr.v4.s_addr =
			htonl(10U << 24 | i << 8 | 7);
	}
	(void)wd_store_put(w.store, obj);
	(void)wd_store_put(w.store, denies);
	wd_expect_int(0, commit(&w));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	wd_expect_int(2LL * BLOCKS, kernel.cnt);
	wd_expect(kernel.cnt + kernel.others <= MOST);
	end(&w);
}

/* Egress to the port "web" of pods of the own namespace. */
static struct wd_object *make_named(void)
{
	struct wd_object *obj = make_policy(1, 1);
	struct wd_spec *spec = obj->policy.spec;
	struct wd_policy_rule *rule = spec->rule[WD_INGRESS];

	spec->rule[WD_EGRESS] = rule;
	spec->rule[WD_INGRESS] = NULL;
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		spec->isolates[dir] = spec->applies[dir] = dir == WD_EGRESS;
		spec->rule_cnt[dir] = dir == WD_EGRESS;
	}
	memset(rule->peer, 0, sizeof(*rule->peer));
	rule->peer->type = WD_PEER_PODS;
	rule->any_port = false;
	rule->port_cnt = 1;
	rule->port = wd_xcalloc(1, sizeof(*rule->port));
	rule->port->name = wd_str_get("web");
	rule->port->proto = IPPROTO_TCP;
	return obj;
}

static struct wd_object *make_web(const char *ns, uint16_t port)
{
	struct wd_object *obj = make_pod();
	char name[16];

	(void)snprintf(name, sizeof(name), "p%u", port);
	wd_str_put(obj->ns);
	wd_str_put(obj->name);
	obj->ns = wd_str_get(ns);
	obj->name = wd_str_get(name);
	obj->pod.port_cnt = 1;
	obj->pod.port = wd_xcalloc(1, sizeof(*obj->pod.port));
	obj->pod.port->name = wd_str_get("web");
	obj->pod.port->proto = IPPROTO_TCP;
	obj->pod.port->port = port;
	return obj;
}

/* Who may make pods in another namespace cannot make this one's policy too large. */
static void what_others_call_their_ports_takes_no_room_here(void)
{
	struct wd_ep_info info;
	struct world w;

	begin(&w);
	(void)wd_store_put(w.store, make_named());
	for (uint16_t i = 0; i < 2000; i++)
		(void)wd_store_put(w.store,
				   make_web("other", (uint16_t)(2 * i + 1)));
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	for (uint16_t i = 0; i < 2000; i++)
		(void)wd_store_put(w.store,
				   make_web("shop", (uint16_t)(2 * i + 1)));
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	end(&w);
}

static bool most_spans(void *ctx, enum wd_map map, uint32_t index)
{
	(void)ctx;
	return map == WD_MAP_wd_span && index >= 50;
}

static void add_webs(struct world *w, uint16_t from, uint16_t to)
{
	for (uint16_t i = from; i < to; i++)
		(void)wd_store_put(w->store,
				   make_web("shop", (uint16_t)(2 * i + 1)));
}

/* What the agent before used is free once both halves are settled, however late. */
static void room_of_the_agent_before_comes_back(void)
{
	struct wd_ep_info info;
	struct world w;

	begin(&w);
	wd_model_adopt(w.model, 6, most_spans, NULL);
	(void)wd_store_put(w.store, make_named());
	add_webs(&w, 0, 10);
	kernel.fails_at = 7;
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(7, kernel.gen);
	wd_expect(wd_model_unsettled(w.model));
	wd_expect_int(-ENOMEM, wd_model_settle(w.model));
	add_webs(&w, 10, 90);
	kernel.fails_at = 0;
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	end(&w);
}

static void add_name(void *ctx, const struct wd_over *over)
{
	char *text = ctx;
	size_t len = strlen(text);

	if (over->obj)
		(void)snprintf(text + len, 64 - len, "%s ", over->obj->name);
	else
		(void)snprintf(text + len, 64 - len, "%u pods ", over->pods);
}

static void expect_over(const struct world *w, const char *want)
{
	char text[64] = "";

	wd_model_over(w->model, add_name, text);
	wd_expect_str(want, text);
}

static void put(struct world *w, const char *name, uint32_t net, uint32_t cnt)
{
	(void)wd_store_put(w->store, make_named_policy(name, net, cnt));
	wd_expect_int(0, commit(w));
}

static void drop(struct world *w, enum wd_kind kind, const char *name)
{
	wd_expect(wd_store_del(w->store, kind, "shop", name, NULL));
	wd_expect_int(0, commit(w));
}

/* Who came first stays; what waits comes in when there is room, in its order. */
static void policies_share_what_their_namespace_may_have(void)
{
	static const enum wd_quota quotas[] = { WD_QUOTA_CIDRS,
						WD_QUOTA_RULES };
	struct world w;

	for (size_t i = 0; i < 2; i++) {
		begin_within(&w, quotas[i], 20);
		put(&w, "z", 1, 18);
		expect_over(&w, "");
		put(&w, "a", 2, 3);
		put(&w, "b", 3, 2);
		put(&w, "c", 4, 3);
		expect_over(&w, "a c ");
		wd_expect_int(20, kernel.cnt);
		put(&w, "z", 1,
		    21); /* grows beyond it: itself, and nobody else */
		expect_over(&w, "z ");
		wd_expect_int(8, kernel.cnt);
		put(&w, "z", 1, 12);
		expect_over(&w, "");
		wd_expect_int(20, kernel.cnt);
		put(&w, "d", 5, 1);
		expect_over(&w, "d ");
		drop(&w, WD_KIND_NETPOL, "d");
		expect_over(&w, "");
		drop(&w, WD_KIND_NETPOL, "z");
		wd_expect_int(8, kernel.cnt);
		end(&w);
	}
}

static void put_group(struct world *w, const char *name, uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_CIDR_GROUP, "shop", name);

	wd_str_put(obj->ns);
	obj->ns = wd_str_get("");
	obj->group.labels = wd_labels_get(NULL, 0);
	obj->group.cidr = wd_xcalloc(cnt, sizeof(*obj->group.cidr));
	obj->group.cidr_cnt = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		obj->group.cidr[i].addr.family = 4;
		obj->group.cidr[i].addr.v4.s_addr = htonl(11U << 24 | i);
		obj->group.cidr[i].len = 32;
	}
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

static void put_referrer(struct world *w, const char *name, uint32_t times)
{
	struct wd_object *obj = make_named_policy(name, 1, times);
	struct wd_policy_rule *rule = obj->policy.spec->rule[WD_INGRESS];

	for (uint32_t i = 0; i < times; i++) {
		rule->peer[i] = (struct wd_peer){ .type = WD_PEER_GROUPS };
		rule->peer[i].group = wd_str_get("g");
	}
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

/* Else one who may write policies could multiply a long list that is not his. */
static void a_group_of_cidrs_costs_who_refers_to_it(void)
{
	struct world w;

	begin_within(&w, WD_QUOTA_CIDRS, 20);
	put_group(&w, "g", 9);
	put_referrer(&w, "a", 1);
	put_referrer(&w, "b", 2);
	expect_over(&w, "b ");
	put(&w, "c", 3, 11);
	expect_over(&w, "b ");
	wd_expect_int(20, kernel.cnt);
	put(&w, "c", 3, 12);
	expect_over(&w, "b c ");
	put_group(&w, "g", 4);
	expect_over(&w, "c ");
	put_group(&w, "other", 100);
	expect_over(&w, "c ");
	put_group(&w, "g", 21);
	expect_over(&w, "a b ");
	wd_expect_int(12, kernel.cnt);
	put_group(&w, "g", 2);
	expect_over(&w, "");
	drop(&w, WD_KIND_NETPOL, "a");
	put_group(&w, "g", 4);
	expect_over(&w, "");
	put_group(&w, "g", 5);
	expect_over(&w, "b ");
	drop(&w, WD_KIND_NETPOL, "b");
	put(&w, "c", 3, 20);
	expect_over(&w, "");
	end(&w);
}

/* Of service db/s, or (@ns) of one of another namespace. */
static void put_slice(struct world *w, const char *ns, uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_SLICE, "shop", "s-1");

	wd_str_put(obj->ns);
	obj->ns = wd_str_get(ns);
	obj->slice.service = wd_str_get("s");
	obj->slice.addr = wd_xcalloc(cnt, sizeof(*obj->slice.addr));
	obj->slice.addr_cnt = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		obj->slice.addr[i].family = 4;
		obj->slice.addr[i].v4.s_addr = htonl(12U << 24 | i);
	}
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

/* The same, with pods behind it. */
static void put_selector(struct world *w)
{
	struct wd_object *obj = object_of(WD_KIND_SERVICE, "shop", "s");

	wd_str_put(obj->ns);
	obj->ns = wd_str_get("db");
	obj->service.labels = wd_labels_get(NULL, 0);
	obj->service.selector = wd_selector_share(
		wd_xcalloc(1, sizeof(*obj->service.selector)));
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

/* @ns: NULL, of any namespace, but for what is known of the own one. */
static void put_caller(struct world *w, const char *name, uint32_t times,
		       const char *ns, enum wd_rule_action action)
{
	struct wd_object *obj = make_named_policy(name, 1, times);
	struct wd_policy_rule *rule = obj->policy.spec->rule[WD_INGRESS];

	rule->action = action;
	for (uint32_t i = 0; i < times; i++) {
		rule->peer[i] = (struct wd_peer){ .type = WD_PEER_SERVICES };
		rule->peer[i].service = wd_str_get("s");
		rule->peer[i].service_ns = ns ? wd_str_get(ns) : NULL;
		rule->peer[i].only_known = !ns;
	}
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

/* The same of what others' services lead to. */
static void a_service_costs_who_refers_to_it(void)
{
	struct world w;

	begin_within(&w, WD_QUOTA_CIDRS, 20);
	put_slice(&w, "db", 9);
	put_caller(&w, "a", 1, "db", WD_RULE_ALLOW);
	put_caller(&w, "b", 2, "db", WD_RULE_ALLOW);
	expect_over(&w, "b ");
	put(&w, "c", 3, 11);
	expect_over(&w, "b ");
	wd_expect_int(20, kernel.cnt);
	put_slice(&w, "db", 10);
	expect_over(&w, "b a ");
	put_slice(&w, "db", 3);
	expect_over(&w, "");
	wd_expect_int(14, kernel.cnt);
	put_slice(&w, "other", 100);
	expect_over(&w, "");
	put_slice(&w, "db", 21);
	expect_over(&w, "b a ");
	put_selector(&w); /* to whom it leads is a peer, not its addresses */
	expect_over(&w, "");
	put_caller(&w, "b", 1, "db", WD_RULE_DENY);
	expect_over(&w, "b ");
	put_slice(&w, "db", 9);
	expect_over(&w, "");
	put_slice(&w, "db", 10);
	expect_over(&w, "b ");
	end(&w);
}

/* Or whoever calls his own so would make what others deny go beyond. */
static void what_means_anybodys_service_costs_nothing(void)
{
	struct world w;

	begin_within(&w, WD_QUOTA_CIDRS, 20);
	put_caller(&w, "a", 1, NULL, WD_RULE_DENY);
	put_slice(&w, "db", 21);
	expect_over(&w, "");
	end(&w);
}

static void put_pod_in(struct world *w, const char *ns, const char *name,
		       const char *app, uint16_t web)
{
	struct wd_object *obj = object_of(WD_KIND_POD, ns, name);
	struct wd_label label = { "app", app };

	if (web) {
		obj->pod.port = wd_xcalloc(1, sizeof(*obj->pod.port));
		obj->pod.port_cnt = 1;
		obj->pod.port->name = wd_str_get("web");
		obj->pod.port->port = web;
		obj->pod.port->proto = IPPROTO_TCP;
	}
	obj->pod.labels = wd_labels_get(&label, 1);
	obj->pod.addr_cnt = 1;
	obj->pod.addr = wd_xcalloc(1, sizeof(*obj->pod.addr));
	obj->pod.addr->family = 4;
	obj->pod.addr->v4.s_addr = htonl(10U << 24 | (uint8_t)*name);
	(void)wd_store_put(w->store, obj);
	wd_expect_int(0, commit(w));
}

static void put_pod_with(struct world *w, const char *name, const char *app,
			 uint16_t web)
{
	put_pod_in(w, "shop", name, app, web);
}

static void put_pod(struct world *w, const char *name, const char *app)
{
	put_pod_with(w, name, app, 0);
}

static bool is_known(const struct world *w, const char *name)
{
	struct wd_addr addr = { .family = 4 };
	struct wd_addr_info info;

	addr.v4.s_addr = htonl(10U << 24 | (uint8_t)*name);
	wd_model_addr(w->model, &addr, &info);
	return info.identity != 0; /* unknown */
}

/* The pod of the endpoint has a set of its own: room for two more. */
static void pods_share_the_sets_of_labels_of_their_namespace(void)
{
	struct world w;

	begin_within(&w, WD_QUOTA_LABELS, 3);
	put_pod(&w, "a", "1");
	put_pod(&w, "b", "2");
	put_pod(&w, "c", "3");
	put_pod(&w, "d", "2"); /* of a set that is there */
	put_pod(&w, "e", "3");
	expect_over(&w, "2 pods ");
	wd_expect(is_known(&w, "a") && is_known(&w, "b") && is_known(&w, "d"));
	wd_expect(!is_known(&w, "c") && !is_known(&w, "e"));
	put_pod(&w, "a", "4"); /* its old set goes with it */
	wd_expect(is_known(&w, "a"));
	expect_over(&w, "2 pods ");
	drop(&w, WD_KIND_POD, "a"); /* one set more: for both who wait for it */
	expect_over(&w, "");
	wd_expect(is_known(&w, "c") && is_known(&w, "e"));
	end(&w);
}

/* Or one could make every rule of others that names it too large. */
static void pods_share_the_numbers_of_a_port_name(void)
{
	struct world w;

	begin_within(&w, WD_QUOTA_NUMBERS, 2);
	put_pod_with(&w, "a", "1", 1001);
	put_pod_with(&w, "b", "2", 1002);
	put_pod_with(&w, "c", "3", 1003);
	put_pod_with(&w, "d", "4", 1002); /* a number that is there */
	put_pod_with(&w, "e", "5", 1003);
	put_pod_with(&w, "f", "6", 0);
	put_pod_with(&w, "g", "7", 1004);
	expect_over(&w, "3 pods ");
	wd_expect(is_known(&w, "a") && is_known(&w, "b") && is_known(&w, "d"));
	wd_expect(is_known(&w, "f"));
	wd_expect(!is_known(&w, "c") && !is_known(&w, "e"));
	put_pod_with(&w, "a", "1", 1005); /* its old number goes with it */
	wd_expect(is_known(&w, "a"));
	expect_over(&w, "3 pods ");
	put_pod_with(&w, "b", "2", 1006); /* its old one is d's, too */
	wd_expect(!is_known(&w, "b"));
	expect_over(&w, "4 pods ");
	drop(&w, WD_KIND_POD, "a"); /* for both of the first who waits */
	wd_expect(is_known(&w, "c") && is_known(&w, "e"));
	wd_expect(!is_known(&w, "g") && !is_known(&w, "b"));
	expect_over(&w, "2 pods ");
	drop(&w, WD_KIND_POD, "g");
	drop(&w, WD_KIND_POD, "d");
	wd_expect(is_known(&w, "b"));
	expect_over(&w, "");
	end(&w);
}

/* Nor do a few namespaces together: where all have eight, each has one of its own. */
static void namespaces_share_the_numbers_of_a_port_name(void)
{
	static const char *const ns[] = { "n0", "n1", "n2", "n3" };
	struct world w;

	begin_within(&w, WD_QUOTA_NUMBERS, 2);
	for (int i = 0; i < 8; i++)
		put_pod_in(&w, ns[i / 2], (char[]){ (char)('a' + i), 0 }, "1",
			   (uint16_t)(1001 + i));
	expect_over(&w, "");
	put_pod_in(&w, "n5", "i", "1", 1009);
	put_pod_in(&w, "n5", "j", "2", 1001); /* a number that is there */
	put_pod_in(&w, "n6", "k", "1", 1010);
	put_pod_in(&w, "n6", "l", "2", 1011);
	wd_expect(is_known(&w, "i") && is_known(&w, "j") && is_known(&w, "k"));
	wd_expect(!is_known(&w, "l"));
	expect_over(&w, "1 pods ");
	put_pod_in(&w, "n6", "k", "1", 1012); /* for one that goes with it */
	wd_expect(is_known(&w, "k") && !is_known(&w, "l"));
	(void)wd_store_del(w.store, WD_KIND_POD, "n0", "b", NULL);
	(void)wd_store_del(w.store, WD_KIND_POD, "n1", "c", NULL);
	wd_expect_int(0, commit(&w));
	wd_expect(!is_known(&w, "l")); /* they are eight still */
	(void)wd_store_del(w.store, WD_KIND_POD, "n1", "d", NULL);
	wd_expect_int(0, commit(&w));
	wd_expect(is_known(&w, "l"));
	expect_over(&w, "");
	end(&w);
}

/* Pods may come with new ones for ever. */
static void a_port_name_goes_with_its_last_pod(void)
{
	struct wd_model_stats stats;
	struct world w;
	uint32_t before;

	begin(&w);
	wd_model_stats(w.model, &stats);
	before = stats.portnames;
	put_pod_with(&w, "a", "1", 1001);
	put_pod_with(&w, "b", "2", 1001);
	put_pod_with(&w, "c", "3", 1002);
	wd_model_stats(w.model, &stats);
	wd_expect_int(before + 2, stats.portnames); /* here, and over all */
	drop(&w, WD_KIND_POD, "a");
	drop(&w, WD_KIND_POD, "b");
	wd_model_stats(w.model, &stats);
	wd_expect_int(before + 2, stats.portnames);
	drop(&w, WD_KIND_POD, "c");
	wd_model_stats(w.model, &stats);
	wd_expect_int(before, stats.portnames);
	end(&w);
}

/* Without a change of its own, and not again and again. */
static void who_did_not_fit_is_tried_again_when_there_is_room(void)
{
	struct wd_ep_info info;
	struct world w;

	begin(&w);
	wd_model_adopt(w.model, 6, most_spans, NULL);
	(void)wd_store_put(w.store, make_named());
	add_webs(&w, 0, 90);
	kernel.fails_at =
		7; /* what the agent before used is not given back yet */
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	kernel.fails_at = 0;
	wd_expect_int(0, wd_model_settle(w.model));
	wd_expect(wd_model_dirty(w.model));
	wd_expect_int(0, commit(&w));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	add_webs(&w, 90, 3000); /* too many whatever the room */
	wd_expect_int(0, commit(&w));
	wd_expect_int(0, wd_model_settle(w.model));
	for (int i = 0; i < 3 && wd_model_dirty(w.model); i++)
		wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect(!wd_model_dirty(w.model));
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	end(&w);
}

int main(void)
{
	WD_TEST(what_does_not_fit_leaves_the_old_generation);
	WD_TEST(a_failed_try_leaves_room_for_the_next);
	WD_TEST(an_exception_costs_one_prefix);
	WD_TEST(holes_in_a_thousand_blocks_cost_a_prefix_each);
	WD_TEST(policies_share_what_their_namespace_may_have);
	WD_TEST(a_group_of_cidrs_costs_who_refers_to_it);
	WD_TEST(a_service_costs_who_refers_to_it);
	WD_TEST(what_means_anybodys_service_costs_nothing);
	WD_TEST(pods_share_the_sets_of_labels_of_their_namespace);
	WD_TEST(pods_share_the_numbers_of_a_port_name);
	WD_TEST(namespaces_share_the_numbers_of_a_port_name);
	WD_TEST(a_port_name_goes_with_its_last_pod);
	WD_TEST(who_did_not_fit_is_tried_again_when_there_is_room);
	WD_TEST(room_of_the_agent_before_comes_back);
	WD_TEST(what_others_call_their_ports_takes_no_room_here);
	return wd_tests_end();
}
