// SPDX-License-Identifier: GPL-2.0-only
/*
 * cluster.c - makes the objects of the big cluster and the node they are for.
 */
#include "cluster.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/xalloc.h"

#define PORT_HTTP 8080
#define ENDPOINTS 1024

void bench_die(const char *what, int err)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, strerror(abs(err)));
	exit(1);
}

/* ---- the node ---- */

static int sink_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	struct bench_node *node = ctx;
	struct wd_state_val *state = wd_map_mem(node->dp, WD_MAP_wd_state);

	if (map == WD_MAP_wd_cidr4)
		state->flags |= WD_STATE_CIDR4;
	if (map == WD_MAP_wd_cidr6)
		state->flags |= WD_STATE_CIDR6;
	return wd_map_set(node->dp, map, key, val);
}

static int sink_del(void *ctx, enum wd_map map, const void *key)
{
	struct bench_node *node = ctx;

	return wd_map_del(node->dp, map, key);
}

static void sink_publish(void *ctx, uint32_t gen)
{
	struct bench_node *node = ctx;

	wd_datapath_publish(node->dp, gen);
}

static void object_changed(void *ctx, const struct wd_object *was,
			   const struct wd_object *now)
{
	struct bench_node *node = ctx;

	wd_model_changed(node->model, was, now);
}

void bench_node_open(struct bench_node *node, const char *bpffs)
{
	struct wd_model_config config = { .node = "n0" };
	char *error = NULL;
	struct wd_sink sink;
	int err;

	memset(node, 0, sizeof(*node));
	err = wd_datapath_open(bpffs, &node->dp, &error);
	if (err)
		bench_die(error ? error : "open the data path", err);
	sink = (struct wd_sink){
		.ctx = node,
		.set = sink_set,
		.del = sink_del,
		.publish = sink_publish,
		.row = wd_map_mem(node->dp, WD_MAP_wd_row),
		.slot = wd_map_mem(node->dp, WD_MAP_wd_slot),
		.span = wd_map_mem(node->dp, WD_MAP_wd_span),
		.class = wd_map_mem(node->dp, WD_MAP_wd_class),
	};
	node->store = wd_store_new(object_changed, node);
	node->model = wd_model_new(node->store, &sink, &config);
	node->ep = wd_xcalloc(ENDPOINTS, sizeof(*node->ep));
}

void bench_node_close(struct bench_node *node, const char *bpffs)
{
	wd_model_free(node->model);
	wd_store_free(node->store);
	for (uint32_t i = 0; i < node->ep_cnt; i++) {
		wd_str_put(node->ep[i].ns);
		wd_str_put(node->ep[i].name);
	}
	free(node->ep);
	wd_datapath_close(node->dp);
	(void)wd_datapath_remove(bpffs);
}

void bench_commit(struct bench_node *node)
{
	char *error = NULL;
	int err = wd_model_commit(node->model, &error);

	if (err)
		bench_die(error ? error : "commit", err);
	err = wd_model_settle(node->model);
	if (err)
		bench_die("settle", err);
}

/* ---- objects ---- */

static struct wd_object *new_object(enum wd_kind kind, const char *ns,
				    const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = kind;
	obj->ns = wd_str_get(ns);
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get(name);
	obj->file = wd_str_get("bench");
	if (wd_kind_is_policy(kind)) {
		wd_policy_specs(obj, 1);
		obj->policy.tier = WD_TIER_NORMAL;
	}
	return obj;
}

static struct wd_selector *select_one(const char *key, const char *value)
{
	struct wd_selector *sel = wd_xcalloc(1, sizeof(*sel));

	sel->cnt = 1;
	sel->req = wd_xcalloc(1, sizeof(*sel->req));
	sel->req->key = wd_str_get(key);
	sel->req->op = WD_OP_IN;
	sel->req->cnt = 1;
	sel->req->values = wd_xcalloc(1, sizeof(*sel->req->values));
	sel->req->values[0] = wd_str_get(value);
	return sel;
}

static void set_subject(struct wd_object *obj, const char *key,
			const char *value)
{
	struct wd_selector *sel = select_one(key, value);

	obj->policy.spec->subject = wd_selector_share(sel);
}

/* One rule with one peer, to be filled in, and @ports ports. */
static struct wd_policy_rule *add_rule(struct wd_object *obj, enum wd_dir dir,
				       uint32_t ports)
{
	struct wd_spec *np = obj->policy.spec;
	struct wd_policy_rule *rule;

	np->isolates[dir] = true;
	np->applies[dir] = true;
	np->rule[dir] = wd_xrealloc(np->rule[dir], np->rule_cnt[dir] + 1,
				    sizeof(*rule));
	rule = &np->rule[dir][np->rule_cnt[dir]++];
	memset(rule, 0, sizeof(*rule));
	rule->any_port = !ports;
	rule->peer = wd_xcalloc(1, sizeof(*rule->peer));
	rule->peer_cnt = 1;
	rule->port_cnt = ports;
	if (ports)
		rule->port = wd_xcalloc(ports, sizeof(*rule->port));
	return rule;
}

static void set_port(struct wd_port *port, uint8_t proto, uint16_t nr)
{
	port->proto = proto;
	port->lo = nr;
	port->hi = nr;
}

static const char *numbered(char buf[24], const char *stem, uint32_t nr)
{
	(void)snprintf(buf, 24, "%s%u", stem, nr);
	return buf;
}

static struct wd_addr pod_addr(uint32_t nr)
{
	struct wd_addr addr = { .family = 4 };

	/* 10.0.0.0/8, no address that ends in 0 or 255 */
	addr.v4.s_addr = htonl(0x0a000000 + nr / 250 * 256 + nr % 250 + 1);
	return addr;
}

static void put_namespace(struct bench_node *node, uint32_t nr)
{
	char name[24], team[24];
	struct wd_label label[] = {
		{ "kubernetes.io/metadata.name", numbered(name, "ns", nr) },
		{ "team", numbered(team, "t", nr % 10) },
	};
	struct wd_object *obj = new_object(WD_KIND_NAMESPACE, "", name);

	obj->nsp.labels = wd_labels_get(label, 2);
	(void)wd_store_put(node->store, obj);
}

void bench_put_pod(struct bench_node *node, uint32_t nr, uint32_t set,
		   bool is_local)
{
	char ns[24], name[24], app[24], tier[24], host[24];
	struct wd_label label[] = {
		{ "app", numbered(app, "app", set / BENCH_TIERS) },
		{ "tier", numbered(tier, "tier", set % BENCH_TIERS) },
	};
	struct wd_object *obj = new_object(
		WD_KIND_POD, numbered(ns, "ns", nr % BENCH_NAMESPACES),
		numbered(name, "pod", nr));

	obj->pod.labels = wd_labels_get(label, 2);
	obj->pod.node =
		wd_str_get(is_local ? "n0" : numbered(host, "n", 1 + nr % 599));
	obj->pod.addr = wd_xcalloc(1, sizeof(*obj->pod.addr));
	obj->pod.addr[0] = pod_addr(nr);
	obj->pod.addr_cnt = 1;
	obj->pod.port = wd_xcalloc(1, sizeof(*obj->pod.port));
	obj->pod.port[0] = (struct wd_port_name){ wd_str_get("http"), PORT_HTTP,
						  IPPROTO_TCP };
	obj->pod.port_cnt = 1;
	(void)wd_store_put(node->store, obj);
}

void bench_del_pod(struct bench_node *node, uint32_t nr)
{
	char ns[24], name[24];

	(void)wd_store_del(node->store, WD_KIND_POD,
			   numbered(ns, "ns", nr % BENCH_NAMESPACES),
			   numbered(name, "pod", nr), NULL);
}

/* @addr: host byte order, without bits beyond @len */
static void set_cidr(struct wd_policy_rule *rule, uint32_t addr, uint8_t len)
{
	rule->peer->type = WD_PEER_CIDR;
	rule->peer->cidr.addr.family = 4;
	rule->peer->cidr.addr.v4.s_addr = htonl(addr);
	rule->peer->cidr.len = len;
}

static void fill_policy(struct wd_object *obj, uint32_t nr, uint32_t app,
			uint16_t port)
{
	struct wd_policy_rule *rule;
	char text[24];

	set_subject(obj, "app", numbered(text, "app", app));
	rule = add_rule(obj, WD_INGRESS, 2);
	rule->peer->ns_sel = select_one("team", numbered(text, "t", nr % 10));
	rule->peer->pod_sel =
		select_one("app", numbered(text, "app", nr * 7 % BENCH_APPS));
	set_port(&rule->port[0], IPPROTO_TCP, port);
	set_port(&rule->port[1], IPPROTO_TCP, 0);
	rule->port[1].name = wd_str_get("http");
	rule = add_rule(obj, WD_EGRESS, 1);
	set_port(&rule->port[0], IPPROTO_UDP, 53);
	rule->peer->ns_sel = select_one("kubernetes.io/metadata.name", "ns0");
	if (nr % 10 == 0) {
		rule = add_rule(obj, WD_EGRESS, 1);
		set_cidr(rule,
			 0xac100000 + (nr % 16 << 16) + (nr / 16 % 256 << 8),
			 24);
		set_port(&rule->port[0], IPPROTO_TCP, 443);
	}
}

void bench_put_policy(struct bench_node *node, uint32_t nr, uint32_t app,
		      uint16_t port)
{
	char ns[24], name[24];
	struct wd_object *obj = new_object(
		WD_KIND_NETPOL, numbered(ns, "ns", nr % BENCH_NAMESPACES),
		numbered(name, "np", nr));

	fill_policy(obj, nr, app, port);
	(void)wd_store_put(node->store, obj);
}

/* Denies before it allows, and the nodes may come in. */
static void fill_cilium(struct wd_object *obj, uint32_t nr, uint32_t app,
			uint16_t port)
{
	struct wd_policy_rule *rule = add_rule(obj, WD_EGRESS, 0);
	char text[24];

	rule->action = WD_RULE_DENY;
	set_cidr(rule, 0xa9fea900 + nr % 4, 32);
	fill_policy(obj, nr, app, port);
	rule = add_rule(obj, WD_INGRESS, 0);
	rule->peer->type = WD_PEER_NODES;
	if (*obj->ns)
		return;
	obj->policy.spec->ns_sel =
		select_one("team", numbered(text, "t", nr % 10));
}

/* Passes on what its first rule means, denies the rest of a team. */
static void fill_admin(struct wd_object *obj, uint32_t nr, uint32_t app,
		       uint16_t port)
{
	struct wd_policy_rule *rule;
	char text[24];

	fill_policy(obj, nr, app, port);
	obj->policy.tier = WD_TIER_ADMIN;
	obj->policy.priority = nr % 1000;
	obj->policy.spec->isolates[WD_INGRESS] = false;
	obj->policy.spec->isolates[WD_EGRESS] = false;
	obj->policy.spec->ns_sel =
		select_one("team", numbered(text, "t", nr % 10));
	obj->policy.spec->rule[WD_INGRESS][0].action = WD_RULE_PASS;
	rule = add_rule(obj, WD_INGRESS, 1);
	obj->policy.spec->isolates[WD_INGRESS] = false;
	rule->action = WD_RULE_DENY;
	rule->peer->ns_sel =
		select_one("team", numbered(text, "t", (nr + 5) % 10));
	set_port(&rule->port[0], IPPROTO_TCP, port);
}

void bench_put_mixed(struct bench_node *node, enum wd_kind kind, uint32_t nr,
		     uint32_t app, uint16_t port)
{
	char ns[24] = "", name[24];
	struct wd_object *obj;

	if (kind == WD_KIND_NETPOL) {
		bench_put_policy(node, nr, app, port);
		return;
	}
	if (kind == WD_KIND_CILIUM_NP)
		(void)numbered(ns, "ns", nr % BENCH_NAMESPACES);
	obj = new_object(kind, ns, numbered(name, "p", nr));
	if (kind == WD_KIND_ADMIN_NP)
		fill_admin(obj, nr, app, port);
	else
		fill_cilium(obj, nr, app, port);
	(void)wd_store_put(node->store, obj);
}

void bench_put_everybody(struct bench_node *node, uint16_t port)
{
	struct wd_object *obj = new_object(WD_KIND_CILIUM_CNP, "", "everybody");
	struct wd_policy_rule *rule = add_rule(obj, WD_INGRESS, 1);

	obj->policy.spec->ns_sel = wd_xcalloc(1, sizeof(struct wd_selector));
	rule->peer->ns_sel = select_one("team", "t0");
	set_port(&rule->port[0], IPPROTO_TCP, port);
	(void)wd_store_put(node->store, obj);
}

void bench_put_service(struct bench_node *node, uint32_t nr, uint32_t app,
		       uint16_t port)
{
	char ns[24], name[24], text[24];
	struct wd_object *obj = new_object(
		WD_KIND_SERVICE, numbered(ns, "ns", nr % BENCH_NAMESPACES),
		numbered(name, "svc", nr));
	struct wd_service *s = &obj->service;

	s->labels = wd_labels_get(NULL, 0);
	s->selector = select_one("app", numbered(text, "app", app));
	s->addr = wd_xcalloc(1, sizeof(*s->addr));
	s->addr_cnt = s->port_cnt = 1;
	s->addr->family = 4;
	s->addr->v4.s_addr = htonl(0x0a600001 + nr);
	s->port = wd_xcalloc(1, sizeof(*s->port));
	*s->port = (struct wd_service_port){ .name = wd_str_get(""),
					     .port = port,
					     .target = 80,
					     .proto = IPPROTO_TCP };
	(void)wd_store_put(node->store, obj);
}

void bench_put_served(struct bench_node *node, uint32_t nr, uint32_t app)
{
	char ns[24], name[24], text[24];
	struct wd_object *obj = new_object(
		WD_KIND_CILIUM_NP, numbered(ns, "ns", nr % BENCH_NAMESPACES),
		numbered(name, "served", nr));
	struct wd_policy_rule *rule = add_rule(obj, WD_EGRESS, 0);

	set_subject(obj, "app", numbered(text, "app", app));
	rule->peer->type = WD_PEER_SERVICES;
	rule->peer->service_ns = wd_str_get(ns);
	rule->peer->service = wd_str_get(numbered(text, "svc", nr));
	(void)wd_store_put(node->store, obj);
}

void bench_put_cidrs(struct bench_node *node, uint32_t cnt)
{
	struct wd_object *obj = new_object(WD_KIND_CILIUM_CNP, "", "cidrs");

	set_subject(obj, "app", "app0");
	obj->policy.spec->ns_sel = wd_xcalloc(1, sizeof(struct wd_selector));
	for (uint32_t i = 0; i < 2 * cnt; i++) {
		struct wd_policy_rule *rule = add_rule(obj, WD_EGRESS, 0);

		rule->action = i < cnt ? WD_RULE_DENY : WD_RULE_ALLOW;
		if (i < cnt)
			set_cidr(rule, 0x64400000 + i, 32);
		else
			set_cidr(rule, 0xc6000000 + (i << 8), 24);
		rule->peer->scope = i < cnt ? WD_CIDR_STRANGER : WD_CIDR_WORLD;
	}
	(void)wd_store_put(node->store, obj);
}

void bench_put_endpoint(struct bench_node *node, const char *ns,
			const char *name, const char *const ip[2],
			uint32_t ifindex)
{
	struct wd_endpoint *ep = &node->ep[node->ep_cnt++];

	ep->id = node->ep_cnt;
	ep->stat = ep->id;
	ep->ifindex = ifindex;
	for (int i = 0; i < 2; i++)
		if (ip[i] && wd_addr_parse(ip[i], &ep->addr[ep->addr_cnt++]))
			abort();
	ep->ns = wd_str_get(ns);
	ep->name = wd_str_get(name);
	ep->uid = "";
	ep->container = "";
	ep->netns = "";
	wd_model_endpoint_set(node->model, ep);
}

void bench_endpoint_of_pod(struct bench_node *node, uint32_t nr,
			   uint32_t ifindex)
{
	char ns[24], name[24], text[WD_ADDR_STRLEN];
	struct wd_addr addr = pod_addr(nr);
	const char *ip[2] = { wd_addr_str(&addr, text), NULL };

	bench_put_endpoint(node, numbered(ns, "ns", nr % BENCH_NAMESPACES),
			   numbered(name, "pod", nr), ip, ifindex);
}

/*
 * The first pods are here, and the first tenth of the policies selects pods
 * here: policy j the app of pod j % local in its namespace.
 */
void bench_fill(struct bench_node *node, uint32_t pods, uint32_t policies,
		uint32_t local)
{
	uint32_t here = policies / 10;

	for (uint32_t i = 0; i < BENCH_NAMESPACES; i++)
		put_namespace(node, i);
	for (uint32_t i = 0; i < pods; i++)
		bench_put_pod(node, i, i % BENCH_LABEL_SETS, i < local);
	for (uint32_t i = 0; i < policies; i++)
		bench_put_policy(node, i,
				 i < here && local ?
					 i % local / BENCH_TIERS :
					 100 + i % (BENCH_APPS - 100),
				 (uint16_t)(1000 + i % 100));
}

/* ---- two pods that talk ---- */

static void put_path_pod(struct bench_node *node, const char *name,
			 const char *const ip[2])
{
	struct wd_label label[] = { { "role", name } };
	struct wd_object *obj = new_object(WD_KIND_POD, "path", name);
	struct wd_pod *pod = &obj->pod;

	pod->labels = wd_labels_get(label, 1);
	pod->node = wd_str_get("n0");
	pod->addr = wd_xcalloc(2, sizeof(*pod->addr));
	for (int i = 0; i < 2; i++)
		if (ip[i] && wd_addr_parse(ip[i], &pod->addr[pod->addr_cnt++]))
			abort();
	(void)wd_store_put(node->store, obj);
}

static void put_path_policy(struct bench_node *node, const char *subject,
			    enum wd_dir dir, const char *peer,
			    const struct bench_pair *pair)
{
	struct wd_object *obj = new_object(WD_KIND_NETPOL, "path", subject);
	struct wd_policy_rule *rule = add_rule(obj, dir, 2);

	set_subject(obj, "role", subject);
	rule->peer->pod_sel = select_one("role", peer);
	set_port(&rule->port[0], IPPROTO_TCP, pair->first);
	set_port(&rule->port[1], IPPROTO_UDP, pair->first);
	rule->port[0].hi = pair->last;
	rule->port[1].hi = pair->last;
	(void)wd_store_put(node->store, obj);
}

void bench_put_pair(struct bench_node *node, const struct bench_pair *pair)
{
	put_path_pod(node, "client", pair->client);
	put_path_pod(node, "server", pair->server);
	put_path_policy(node, "client", WD_EGRESS, "server", pair);
	put_path_policy(node, "server", WD_INGRESS, "client", pair);
}

void bench_put_rules(struct bench_node *node, uint32_t cnt)
{
	struct wd_object *obj = new_object(WD_KIND_NETPOL, "path", "rules");
	char app[24];

	set_subject(obj, "role", "server");
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_policy_rule *rule = add_rule(obj, WD_INGRESS, 1);
		uint32_t at = i / WD_CLASS_RULES;

		rule->peer->ns_sel = wd_xcalloc(1, sizeof(struct wd_selector));
		rule->peer->pod_sel = select_one(
			"app",
			numbered(app, "app", i % WD_CLASS_RULES + at % 400));
		set_port(&rule->port[0], IPPROTO_UDP,
			 (uint16_t)(BENCH_RULES_PORT + at * BENCH_RULES_STEP));
	}
	(void)wd_store_put(node->store, obj);
}
