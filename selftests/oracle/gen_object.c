// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_object.c - random namespaces, nodes, pods and policies from alphabets so
 * small that selectors, prefixes and ports meet all the time.
 */
#include "gen_object.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/clusters.h"
#include "model/intern.h"
#include "model/xalloc.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static const char *const namespaces[] = { "a", "b", "c" };
/* The last two differ from pod to pod in a real cluster. */
static const char *const keys[] = { "app", "env", "tier", "pod-template-hash",
				    "statefulset.kubernetes.io/pod-name" };
static const char *const values[] = { "", "x", "y", "z" };
static const char *const ns_keys[] = { "env", "team" };
static const char *const clusters[] = { "default", "east", "west" };
static const char *const far_spaces[] = { "east/a", "west/a", "west/b" };
static const char *const port_names[] = { "dns", "metrics", "web" };
static const uint8_t port_protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
static const uint16_t ports[] = { 0,	1,     2,     53,    67,   79,	 80,
				  81,	443,   547,   4789,  8080, 8081, 8082,
				  8472, 51820, 65533, 65534, 65535 };

/* Of ICMP and ICMPv6; echo is first, errors and answers are among them. */
static const uint8_t types[2][9] = {
	{ 8, 0, 3, 11, 13, 14, 42, 254, 255 },
	{ 128, 129, 1, 3, 131, 143, 160, 139, 255 },
};
/* Without AH, which in IPv6 is stepped over. */
static const uint8_t others[] = { IPPROTO_GRE,	IPPROTO_IPIP, IPPROTO_ESP,
				  IPPROTO_IGMP, 112,	      89,
				  103,		252 };

/* of nodes; the first address of each is sometimes a pod's */
static const char *const node_cidrs[][2] = { { "10.0.0.0/29", "fd00::/125" },
					     { "10.0.0.8/29", "fd00::8/125" },
					     { "10.0.0.16/29",
					       "fd00::10/125" } };
uint32_t wd_gen_rnd(struct wd_gen *gen, uint32_t n)
{
	uint64_t z = gen->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return (uint32_t)((z >> 32) * n >> 32);
}

bool wd_gen_one_in(struct wd_gen *gen, uint32_t n)
{
	return !wd_gen_rnd(gen, n);
}

const char *wd_gen_pick(struct wd_gen *gen, const char *const *list,
			uint32_t cnt)
{
	return list[wd_gen_rnd(gen, cnt)];
}

const char *wd_gen_ns_name(struct wd_gen *gen)
{
	return wd_gen_pick(gen, namespaces, COUNT(namespaces));
}

const char *wd_gen_space_name(struct wd_gen *gen)
{
	if (gen->meshed && wd_gen_one_in(gen, 3))
		return wd_gen_pick(gen, far_spaces, COUNT(far_spaces));
	return wd_gen_ns_name(gen);
}

uint16_t wd_gen_type(struct wd_gen *gen, int family)
{
	uint32_t type = types[family == 6][wd_gen_rnd(gen, COUNT(types[0]))];

	if (wd_gen_one_in(gen, 3))
		type = types[family == 6][0];
	else if (wd_gen_one_in(gen, 4))
		type = wd_gen_rnd(gen, 256);
	/* neighbour discovery is judged by what it says */
	if (family == 6 && type >= 133 && type <= 137)
		type = 130;
	return (uint16_t)(type << 8 |
			  (wd_gen_one_in(gen, 3) ? wd_gen_rnd(gen, 4) : 0));
}

uint8_t wd_gen_other(struct wd_gen *gen)
{
	return others[wd_gen_rnd(gen, COUNT(others))];
}

uint16_t wd_gen_port(struct wd_gen *gen)
{
	return ports[wd_gen_rnd(gen, COUNT(ports))];
}

/* ---- labels and selectors ---- */

static const struct wd_labels *gen_labels(struct wd_gen *gen,
					  const char *const *key, uint32_t cnt,
					  const char *name)
{
	struct wd_label label[8];
	uint32_t n = 0;

	for (uint32_t i = 0; i < cnt; i++) {
		if (wd_gen_one_in(gen, i > 2 ? 5 : 2))
			continue;
		label[n].key = key[i];
		label[n++].value = wd_gen_pick(gen, values, COUNT(values));
	}
	if (name) {
		label[n].key = "kubernetes.io/metadata.name";
		label[n++].value = name;
	}
	return wd_labels_get(label, n);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_req(const void *a, const void *b)
{
	const struct wd_req *x = a, *y = b;
	int diff = strcmp(x->key, y->key);

	return diff ? diff : (int)x->op - (int)y->op;
}

/* What Cilium's policies say of clusters, see source/cilium_selector.c. */
static void cluster_req(struct wd_gen *gen, struct wd_req *req)
{
	uint32_t mask = 1 + wd_gen_rnd(gen, (1U << COUNT(clusters)) - 1);

	req->key = wd_str_get(WD_LABEL_CLUSTER);
	req->op = (enum wd_op)wd_gen_rnd(gen, 4);
	if (req->op == WD_OP_EXISTS || req->op == WD_OP_NOT_EXISTS)
		return;
	req->values = wd_xcalloc(COUNT(clusters), sizeof(*req->values));
	for (uint32_t i = 0; i < COUNT(clusters); i++)
		if (mask >> i & 1)
			req->values[req->cnt++] = wd_str_get(clusters[i]);
}

static void gen_req(struct wd_gen *gen, struct wd_req *req, bool is_ns)
{
	bool by_name = is_ns && wd_gen_one_in(gen, 3);
	const char *key = by_name ? "kubernetes.io/metadata.name" :
			  is_ns	  ? wd_gen_pick(gen, ns_keys, COUNT(ns_keys)) :
				    wd_gen_pick(gen, keys, COUNT(keys));
	const char *const *from = by_name ? namespaces : values;
	uint32_t cnt = by_name ? COUNT(namespaces) : COUNT(values);
	uint32_t mask;

	if (is_ns && gen->meshed && wd_gen_one_in(gen, 4)) {
		cluster_req(gen, req);
		return;
	}
	req->key = wd_str_get(key);
	req->op = wd_gen_one_in(gen, 2) ? WD_OP_IN :
					  (enum wd_op)wd_gen_rnd(gen, 4);
	if (req->op == WD_OP_EXISTS || req->op == WD_OP_NOT_EXISTS)
		return;
	req->values = wd_xcalloc(cnt, sizeof(*req->values));
	mask = 1 + wd_gen_rnd(gen, (1U << cnt) - 1);
	if (wd_gen_one_in(gen, 2))
		mask = 1U << wd_gen_rnd(gen, cnt);
	for (uint32_t i = 0; i < cnt; i++)
		if (mask >> i & 1)
			req->values[req->cnt++] = wd_str_get(from[i]);
	qsort(req->values, req->cnt, sizeof(*req->values), by_text);
}

static void gen_selector(struct wd_gen *gen, struct wd_selector *sel,
			 bool is_ns)
{
	static const uint8_t cnts[] = { 0, 1, 1, 1, 2, 2, 3 };

	sel->cnt = cnts[wd_gen_rnd(gen, COUNT(cnts))];
	if (!sel->cnt)
		return;
	sel->req = wd_xcalloc(sel->cnt, sizeof(*sel->req));
	for (uint32_t i = 0; i < sel->cnt; i++)
		gen_req(gen, &sel->req[i], is_ns);
	qsort(sel->req, sel->cnt, sizeof(*sel->req), by_req);
}

static struct wd_selector *new_selector(struct wd_gen *gen, bool is_ns)
{
	struct wd_selector *sel = wd_xcalloc(1, sizeof(*sel));

	gen_selector(gen, sel, is_ns);
	return sel;
}

/* ---- objects ---- */

static struct wd_object *new_object(struct wd_gen *gen, enum wd_kind kind,
				    const char *ns, const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "u%05u", ++gen->uid);
	obj->kind = kind;
	if (wd_kind_is_policy(kind)) {
		wd_policy_specs(obj, 1);
		obj->policy.tier = WD_TIER_NORMAL;
		obj->policy.on_trial = wd_gen_one_in(gen, 8);
	}
	obj->ns = wd_str_get(ns);
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get(uid);
	obj->file = wd_str_get("random.yaml");
	/* sometimes in the same second as the one before */
	gen->clock += wd_gen_rnd(gen, 2);
	obj->created = gen->clock;
	return obj;
}

static enum wd_mode gen_mode(struct wd_gen *gen)
{
	return wd_gen_one_in(gen, 6) ? (enum wd_mode)wd_gen_rnd(gen, 4) :
				       WD_MODE_UNSET;
}

struct wd_object *wd_gen_namespace(struct wd_gen *gen, const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_NAMESPACE, "", name);
	bool is_far = wd_cluster_is_other(name);

	obj->nsp.labels =
		gen_labels(gen, ns_keys, COUNT(ns_keys), is_far ? NULL : name);
	if (is_far) {
		const struct wd_labels *own = obj->nsp.labels;

		obj->nsp.labels = wd_cluster_labels(own, name);
		wd_labels_put(own);
		return obj;
	}
	obj->nsp.mode = gen_mode(gen);
	obj->nsp.encap = wd_gen_one_in(gen, 4);
	return obj;
}

static struct wd_cidr node_cidr(const char *text)
{
	struct wd_cidr cidr;
	int err = wd_cidr_parse(text, &cidr);

	assert(!err);
	return cidr;
}

struct wd_object *wd_gen_node(struct wd_gen *gen, uint32_t nr)
{
	struct wd_object *obj;
	char name[16];

	(void)snprintf(name, sizeof(name), "n%u", nr);
	obj = new_object(gen, WD_KIND_NODE, "", name);
	obj->node.labels = gen_labels(gen, keys, COUNT(keys), NULL);
	obj->node.addr = wd_xcalloc(2, sizeof(*obj->node.addr));
	obj->node.addr[obj->node.addr_cnt++] = wd_gen_node_addr(nr, 4);
	if (!wd_gen_one_in(gen, 4))
		obj->node.addr[obj->node.addr_cnt++] = wd_gen_node_addr(nr, 6);
	obj->node.cidr = wd_xcalloc(2, sizeof(*obj->node.cidr));
	for (int i = 0; i < 2; i++)
		if (!wd_gen_one_in(gen, 3))
			obj->node.cidr[obj->node.cidr_cnt++] =
				node_cidr(node_cidrs[nr][i]);
	return obj;
}

struct wd_object *wd_gen_group(struct wd_gen *gen, const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_CIDR_GROUP, "", name);
	struct wd_cidr_group *group = &obj->group;

	group->labels = gen_labels(gen, keys, COUNT(keys), NULL);
	group->cidr_cnt = wd_gen_rnd(gen, 4);
	group->cidr = wd_xcalloc(group->cidr_cnt, sizeof(*group->cidr));
	for (uint32_t i = 0; i < group->cidr_cnt; i++)
		group->cidr[i] = wd_gen_cidr(gen);
	return obj;
}

static void gen_pod_ports(struct wd_gen *gen, struct wd_pod *pod)
{
	pod->port = wd_xcalloc(COUNT(port_names) * 2, sizeof(*pod->port));
	for (uint32_t i = 0; i < COUNT(port_names); i++) {
		uint32_t first = wd_gen_rnd(gen, 3);

		/* the same name for two protocols: two entries */
		for (uint32_t k = 0; k < 2; k++) {
			struct wd_port_name *p = &pod->port[pod->port_cnt];

			if (wd_gen_rnd(gen, 4) > (k ? 0 : 2))
				continue;
			p->name = wd_str_get(port_names[i]);
			p->proto = port_protos[(first + k) % 3];
			p->port = ports[1 + wd_gen_rnd(gen, COUNT(ports) - 1)];
			pod->port_cnt++;
		}
	}
}

/* @was: a pod that lives on keeps who it is, and mostly its address */
struct wd_object *wd_gen_pod(struct wd_gen *gen, const char *ns,
			     const char *name, const struct wd_object *was)
{
	struct wd_object *obj = new_object(gen, WD_KIND_POD, ns, name);
	struct wd_pod *pod = &obj->pod;

	if (was) {
		wd_str_put(obj->uid);
		obj->uid = wd_str_ref(was->uid);
		obj->created = was->created;
	}
	pod->node = wd_str_get(wd_gen_one_in(gen, 2) ? "n0" : "n1");
	pod->labels = gen_labels(gen, keys, COUNT(keys), NULL);
	pod->host_network = was ? was->pod.host_network :
				  wd_gen_one_in(gen, 12);
	pod->finished = wd_gen_one_in(gen, 12);
	pod->terminating = wd_gen_one_in(gen, 8);
	pod->mode = gen_mode(gen);
	gen_pod_ports(gen, pod);
	pod->addr = wd_xcalloc(4, sizeof(*pod->addr));
	if (was && !wd_gen_one_in(gen, 4)) {
		pod->addr_cnt = was->pod.addr_cnt;
		for (uint32_t i = 0; i < pod->addr_cnt; i++)
			pod->addr[i] = was->pod.addr[i];
	} else if (pod->host_network) {
		pod->addr[pod->addr_cnt++] = wd_gen_node_addr(0, 4);
	} else if (!wd_gen_one_in(gen, 8)) {
		if (!wd_gen_one_in(gen, 5))
			pod->addr[pod->addr_cnt++] = wd_gen_pod_addr(gen, 4);
		if (!wd_gen_one_in(gen, 3))
			pod->addr[pod->addr_cnt++] = wd_gen_pod_addr(gen, 6);
	}
	pod->host_addr = wd_gen_node_addr(0, 4);
	return obj;
}

struct wd_object *wd_gen_far_pod(struct wd_gen *gen, const char *ns,
				 const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_POD, ns, name);
	struct wd_pod *pod = &obj->pod;

	pod->node = wd_str_get("cluster west");
	pod->labels = gen_labels(gen, keys, COUNT(keys), NULL);
	pod->terminating = wd_gen_one_in(gen, 8);
	gen_pod_ports(gen, pod);
	pod->addr = wd_xcalloc(2, sizeof(*pod->addr));
	if (!wd_gen_one_in(gen, 4))
		pod->addr[pod->addr_cnt++] = wd_gen_far_addr(gen, 4);
	if (!pod->addr_cnt || wd_gen_one_in(gen, 2))
		pod->addr[pod->addr_cnt++] = wd_gen_far_addr(gen, 6);
	return obj;
}

/* What peers of a kind of policy may be, besides pods and prefixes. */
enum peers {
	PEERS_NODES = 1,
	PEERS_SCOPES = 2, /* prefixes of the world and so on */
	PEERS_WIDE = 4, /* pods by namespace only: the policy has none */
};

/* Excepts inside, around, and beside what the groups have. */
static void gen_groups(struct wd_gen *gen, struct wd_peer *peer)
{
	static const char *const names[] = { "g0", "g1", "g2" };

	peer->type = WD_PEER_GROUPS;
	peer->scope = (enum wd_cidr_scope)wd_gen_rnd(gen, 4);
	if (wd_gen_one_in(gen, 2))
		peer->group = wd_str_get(wd_gen_pick(gen, names, COUNT(names)));
	else
		peer->group_sel = new_selector(gen, false);
	peer->except_cnt = wd_gen_one_in(gen, 2) ? wd_gen_rnd(gen, 4) : 0;
	peer->except = wd_xcalloc(peer->except_cnt, sizeof(*peer->except));
	for (uint32_t i = 0; i < peer->except_cnt; i++)
		peer->except[i] = wd_gen_cidr(gen);
}

/* By name or labels, here or elsewhere, there or not. */
static void gen_served(struct wd_gen *gen, struct wd_peer *peer)
{
	static const char *const names[] = { "s0", "s1" };

	peer->type = WD_PEER_SERVICES;
	if (!wd_gen_one_in(gen, 3))
		peer->service_ns = wd_str_get(wd_gen_ns_name(gen));
	peer->only_known = wd_gen_one_in(gen, 4);
	if (wd_gen_one_in(gen, 2))
		peer->service = wd_str_get(wd_gen_pick(gen, names, 2));
	else
		peer->service_sel = new_selector(gen, false);
}

static void gen_peer(struct wd_gen *gen, struct wd_peer *peer, uint32_t kinds)
{
	if (kinds & PEERS_SCOPES && wd_gen_one_in(gen, 6)) {
		gen_served(gen, peer);
		return;
	}
	if (kinds & PEERS_SCOPES && wd_gen_one_in(gen, 6)) {
		gen_groups(gen, peer);
		return;
	}
	if (wd_gen_one_in(gen, 3)) {
		peer->type = WD_PEER_CIDR;
		peer->cidr = wd_gen_cidr(gen);
		if (kinds & PEERS_SCOPES)
			peer->scope = (enum wd_cidr_scope)wd_gen_rnd(gen, 4);
		peer->except_cnt = wd_gen_one_in(gen, 2) ? wd_gen_rnd(gen, 4) :
							   0;
		if (!peer->except_cnt)
			return;
		peer->except =
			wd_xcalloc(peer->except_cnt, sizeof(*peer->except));
		for (uint32_t i = 0; i < peer->except_cnt; i++)
			peer->except[i] = wd_gen_except(gen, &peer->cidr);
		return;
	}
	if (kinds & PEERS_NODES && wd_gen_one_in(gen, 6)) {
		peer->type = WD_PEER_NODES;
		peer->nodes = (enum wd_which_nodes)wd_gen_rnd(gen, 3);
		if (!wd_gen_one_in(gen, 3))
			peer->node_sel = new_selector(gen, false);
		return;
	}
	peer->type = WD_PEER_PODS;
	if (kinds & PEERS_WIDE || wd_gen_one_in(gen, 2))
		peer->ns_sel = new_selector(gen, true);
	if (!peer->ns_sel || wd_gen_one_in(gen, 2))
		peer->pod_sel = new_selector(gen, false);
}

/* Every type, every code of one, one code, or some codes of it. */
static void gen_types(struct wd_gen *gen, struct wd_port *port)
{
	bool is_v4 = wd_gen_one_in(gen, 2);
	uint16_t type = wd_gen_type(gen, is_v4 ? 4 : 6);

	port->proto = is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	port->lo = wd_gen_one_in(gen, 2) ? type : type & 0xff00;
	port->hi = wd_gen_one_in(gen, 2) ? port->lo : port->lo | 0xff;
	if (!wd_gen_one_in(gen, 8))
		return;
	port->lo = 0;
	port->hi = 65535;
}

static void gen_port(struct wd_gen *gen, struct wd_port *port)
{
	if (wd_gen_one_in(gen, 5)) {
		gen_types(gen, port);
		return;
	}
	if (wd_gen_one_in(gen, 12)) {
		port->proto = wd_gen_other(gen);
		port->hi = 65535;
		return;
	}
	port->proto =
		port_protos[wd_gen_one_in(gen, 2) ? 0 : wd_gen_rnd(gen, 3)];
	if (wd_gen_one_in(gen, 4)) {
		port->name = wd_str_get(
			wd_gen_pick(gen, port_names, COUNT(port_names)));
		return;
	}
	if (wd_gen_one_in(gen, 6)) {
		port->hi = 65535;
		return;
	}
	port->lo = ports[1 + wd_gen_rnd(gen, COUNT(ports) - 1)];
	port->hi = port->lo;
	if (wd_gen_one_in(gen, 3))
		port->hi = ports[1 + wd_gen_rnd(gen, COUNT(ports) - 1)];
	if (port->hi < port->lo)
		port->hi = wd_gen_one_in(gen, 2) ? 65535 : port->lo;
}

/* Not said beside services. */
static void drop_names(struct wd_policy_rule *rule)
{
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		struct wd_port *port = &rule->port[i];

		if (!port->name)
			continue;
		wd_str_put(port->name);
		port->name = NULL;
		port->lo = port->hi = 80;
	}
}

static void gen_rule(struct wd_gen *gen, struct wd_policy_rule *rule,
		     uint32_t kinds)
{
	rule->broken = wd_gen_one_in(gen, 20);
	rule->any_peer = wd_gen_one_in(gen, 6);
	rule->any_port = wd_gen_rnd(gen, 5) < 2;
	if (!rule->any_peer) {
		rule->peer_cnt = 1 + wd_gen_rnd(gen, 3);
		rule->peer = wd_xcalloc(rule->peer_cnt, sizeof(*rule->peer));
	}
	if (!rule->any_port) {
		rule->port_cnt = 1 + wd_gen_rnd(gen, 4);
		rule->port = wd_xcalloc(rule->port_cnt, sizeof(*rule->port));
	}
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		gen_peer(gen, &rule->peer[i], kinds);
	for (uint32_t i = 0; i < rule->port_cnt; i++)
		gen_port(gen, &rule->port[i]);
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		if (rule->peer[i].type == WD_PEER_SERVICES)
			drop_names(rule);
}

/* ---- services ---- */

static const char *const service_ports[] = { "", "web" };

static void gen_service_port(struct wd_gen *gen, struct wd_service_port *port)
{
	port->name = wd_str_get(wd_gen_pick(gen, service_ports, 2));
	port->proto = port_protos[wd_gen_rnd(gen, COUNT(port_protos))];
	do {
		port->port = wd_gen_port(gen);
	} while (!port->port);
	if (wd_gen_one_in(gen, 3))
		port->target_name = wd_str_get(
			wd_gen_pick(gen, port_names, COUNT(port_names)));
	else
		port->target = wd_gen_one_in(gen, 2) ? port->port :
						       wd_gen_port(gen);
	if (wd_gen_one_in(gen, 3))
		port->node_port = wd_gen_port(gen);
}

static struct wd_selector *gen_service_selector(struct wd_gen *gen)
{
	struct wd_selector *sel = wd_xcalloc(1, sizeof(*sel));
	struct wd_req *req = wd_xcalloc(1, sizeof(*req));

	req->key = wd_str_get(keys[wd_gen_rnd(gen, 3)]);
	req->op = WD_OP_IN;
	req->cnt = 1;
	req->values = wd_xcalloc(1, sizeof(*req->values));
	req->values[0] = wd_str_get(wd_gen_pick(gen, values, COUNT(values)));
	sel->cnt = 1;
	sel->req = req;
	return sel;
}

struct wd_object *wd_gen_service(struct wd_gen *gen, const char *ns,
				 const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_SERVICE, ns, name);
	struct wd_service *s = &obj->service;

	s->labels = gen_labels(gen, keys, COUNT(keys), NULL);
	s->addr = wd_xcalloc(3, sizeof(*s->addr));
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--)
		s->addr[s->addr_cnt++] =
			wd_gen_service_addr(gen, wd_gen_one_in(gen, 2) ? 4 : 6);
	s->port = wd_xcalloc(2, sizeof(*s->port));
	for (uint32_t i = wd_gen_rnd(gen, 3); i > 0; i--)
		gen_service_port(gen, &s->port[s->port_cnt++]);
	if (!wd_gen_one_in(gen, 4))
		s->selector = gen_service_selector(gen);
	return obj;
}

struct wd_object *wd_gen_slice(struct wd_gen *gen, const char *ns,
			       const char *name, const char *service)
{
	struct wd_object *obj = new_object(gen, WD_KIND_SLICE, ns, name);
	struct wd_slice *s = &obj->slice;
	int family = wd_gen_one_in(gen, 2) ? 4 : 6;

	s->service = wd_str_get(service);
	s->addr = wd_xcalloc(4, sizeof(*s->addr));
	for (uint32_t i = wd_gen_rnd(gen, 5); i > 0; i--)
		s->addr[s->addr_cnt++] = wd_gen_one_in(gen, 12) ?
						 wd_gen_odd_addr(gen, family) :
						 wd_gen_peer_addr(gen, family);
	s->port = wd_xcalloc(3, sizeof(*s->port));
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--) {
		struct wd_slice_port *port = &s->port[s->port_cnt++];

		port->name = wd_str_get(wd_gen_pick(gen, service_ports, 2));
		port->proto = port_protos[wd_gen_rnd(gen, COUNT(port_protos))];
		port->port = wd_gen_port(gen);
	}
	return obj;
}

/* ---- policies ---- */

struct wd_object *wd_gen_netpol(struct wd_gen *gen, const char *ns,
				const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_NETPOL, ns, name);
	struct wd_spec *np = obj->policy.spec;

	np->subject = new_selector(gen, false);
	np->subject_broken = wd_gen_one_in(gen, 25);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		np->isolates[dir] = !wd_gen_one_in(gen, 3);
		np->applies[dir] = np->isolates[dir];
		/* also rules of a direction that policyTypes leave out */
		np->rule_cnt[dir] = wd_gen_rnd(gen, 5);
		if (!np->isolates[dir] && !wd_gen_one_in(gen, 4))
			np->rule_cnt[dir] = 0;
		if (np->rule_cnt[dir])
			np->rule[dir] = wd_xcalloc(np->rule_cnt[dir],
						   sizeof(*np->rule[dir]));
		for (uint32_t i = 0; i < np->rule_cnt[dir]; i++)
			gen_rule(gen, &np->rule[dir][i], 0);
	}
	return obj;
}

/* For any pod of the cluster; has no namespace that a peer could be of. */
static void gen_act(struct wd_gen *gen, struct wd_policy_rule *rule,
		    enum wd_kind kind)
{
	gen_rule(gen, rule, PEERS_WIDE | PEERS_NODES);
	rule->action = (enum wd_rule_action)wd_gen_rnd(
		gen, kind == WD_KIND_BASELINE_NP ? 2 : 3);
}

struct wd_object *wd_gen_wide(struct wd_gen *gen, enum wd_kind kind,
			      const char *name)
{
	struct wd_object *obj = new_object(gen, kind, "", name);
	struct wd_policy *policy = &obj->policy;
	struct wd_spec *spec = policy->spec;

	policy->tier = kind == WD_KIND_BASELINE_NP ||
				       (kind == WD_KIND_CLUSTER_NP &&
					wd_gen_one_in(gen, 3)) ?
			       WD_TIER_BASELINE :
			       WD_TIER_ADMIN;
	policy->priority = wd_gen_rnd(gen, 3); /* some are equal */
	spec->ns_sel = new_selector(gen, true);
	spec->subject = new_selector(gen, false);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		spec->applies[dir] = !wd_gen_one_in(gen, 8);
		spec->rule_cnt[dir] = wd_gen_rnd(gen, 5);
		/* seldom more than a class has room for */
		if (wd_gen_one_in(gen, 12))
			spec->rule_cnt[dir] += 12;
		if (spec->rule_cnt[dir])
			spec->rule[dir] = wd_xcalloc(spec->rule_cnt[dir],
						     sizeof(*spec->rule[dir]));
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++)
			gen_act(gen, &spec->rule[dir][i], kind);
	}
	return obj;
}

/* As Cilium's policies: deny, several specs, prefixes of the world. */
static void gen_cilium_spec(struct wd_gen *gen, bool wide, struct wd_spec *spec)
{
	if (!spec->nodes && (wide || wd_gen_one_in(gen, 4)))
		spec->ns_sel = new_selector(gen, true);
	spec->subject = new_selector(gen, false);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		uint32_t denies = wd_gen_rnd(gen, 3);
		uint32_t cnt = denies + wd_gen_rnd(gen, 4);

		spec->isolates[dir] = cnt ? !wd_gen_one_in(gen, 4) :
					    wd_gen_one_in(gen, 4);
		spec->applies[dir] = cnt || spec->isolates[dir];
		spec->rule_cnt[dir] = cnt;
		if (cnt)
			spec->rule[dir] =
				wd_xcalloc(cnt, sizeof(*spec->rule[dir]));
		for (uint32_t i = 0; i < cnt; i++) {
			gen_rule(gen, &spec->rule[dir][i],
				 PEERS_NODES | PEERS_SCOPES |
					 (wide ? PEERS_WIDE : 0));
			if (i < denies)
				spec->rule[dir][i].action = WD_RULE_DENY;
			if (spec->nodes) /* where no port has a name */
				drop_names(&spec->rule[dir][i]);
		}
	}
}

struct wd_object *wd_gen_cilium(struct wd_gen *gen, const char *ns,
				const char *name)
{
	struct wd_object *obj = new_object(
		gen, *ns ? WD_KIND_CILIUM_NP : WD_KIND_CILIUM_CNP, ns, name);
	struct wd_spec *one = obj->policy.spec;
	uint32_t cnt = 1 + wd_gen_one_in(gen, 4);

	wd_policy_specs(obj, cnt);
	free(one);
	for (uint32_t i = 0; i < cnt; i++)
		gen_cilium_spec(gen, !*ns, &obj->policy.spec[i]);
	return obj;
}

/* The first name stands for what is always open: of the first tier, and sure. */
struct wd_object *wd_gen_node_policy(struct wd_gen *gen, const char *name)
{
	struct wd_object *obj = new_object(gen, WD_KIND_CILIUM_CNP, "", name);
	struct wd_spec *one = obj->policy.spec;
	uint32_t cnt = 1 + wd_gen_one_in(gen, 4);

	wd_policy_specs(obj, cnt);
	free(one);
	for (uint32_t i = 0; i < cnt; i++) {
		obj->policy.spec[i].nodes = !i || wd_gen_one_in(gen, 2);
		gen_cilium_spec(gen, true, &obj->policy.spec[i]);
	}
	if (strcmp(name, "h0") != 0)
		return obj;
	obj->policy.tier = WD_TIER_ADMIN;
	obj->policy.on_trial = false;
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_spec *spec = &obj->policy.spec[i];

		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			spec->isolates[dir] = false;
			spec->applies[dir] = spec->rule_cnt[dir] > 0;
		}
	}
	return obj;
}
