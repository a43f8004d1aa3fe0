// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen.c - how a random cluster begins and changes, and who talks in it. Keeps
 * the last changes as text, for the report of a case that failed.
 */
#include "gen.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen_object.h"
#include "model/clusters.h"
#include "model/intern.h"
#include "model/xalloc.h"

#define PODS_PER_NS 5
#define POLICIES_PER_NS 5
#define NODES 3
#define SERVICES_PER_NS 2

static void note(struct wd_gen *gen, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct wd_gen *gen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(gen->note[gen->note_cnt++ % WD_GEN_NOTES],
			sizeof(gen->note[0]), fmt, ap);
	va_end(ap);
}

static const char *gen_name(struct wd_gen *gen, char buf[16], const char *stem,
			    uint32_t cnt)
{
	(void)snprintf(buf, 16, "%s%u", stem, wd_gen_rnd(gen, cnt));
	return buf;
}

/* ---- objects ---- */

static void put_policy(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16];

	gen_name(gen, name, "np", POLICIES_PER_NS);
	note(gen, "put NetworkPolicy %s/%s", ns, name);
	(void)wd_store_put(gen->store, wd_gen_netpol(gen, ns, name));
}

static void del_policy(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16];

	gen_name(gen, name, "np", POLICIES_PER_NS);
	if (wd_store_del(gen->store, WD_KIND_NETPOL, ns, name, NULL))
		note(gen, "delete NetworkPolicy %s/%s", ns, name);
}

static enum wd_kind wide_name(struct wd_gen *gen, char name[16])
{
	static const enum wd_kind kinds[] = { WD_KIND_CLUSTER_NP,
					      WD_KIND_ADMIN_NP,
					      WD_KIND_BASELINE_NP };
	enum wd_kind kind = kinds[wd_gen_rnd(gen, 3)];

	gen_name(gen, name, "w", kind == WD_KIND_BASELINE_NP ? 1 : 2);
	return kind;
}

static const char *cilium_name(struct wd_gen *gen, char name[16])
{
	gen_name(gen, name, "c", 2);
	return wd_gen_one_in(gen, 3) ? "" : wd_gen_ns_name(gen);
}

static void put_cilium(struct wd_gen *gen)
{
	char name[16];
	const char *ns = cilium_name(gen, name);

	note(gen, "put Cilium's policy %s/%s", ns, name);
	(void)wd_store_put(gen->store, wd_gen_cilium(gen, ns, name));
}

static void del_cilium(struct wd_gen *gen)
{
	char name[16];
	const char *ns = cilium_name(gen, name);
	enum wd_kind kind = *ns ? WD_KIND_CILIUM_NP : WD_KIND_CILIUM_CNP;

	if (wd_store_del(gen->store, kind, ns, name, NULL))
		note(gen, "delete Cilium's policy %s/%s", ns, name);
}

static void put_nodes(struct wd_gen *gen)
{
	char name[16];

	gen_name(gen, name, "h", 3);
	note(gen, "put a policy of nodes %s", name);
	(void)wd_store_put(gen->store, wd_gen_node_policy(gen, name));
}

static void del_nodes(struct wd_gen *gen)
{
	char name[16];

	gen_name(gen, name, "h", 3);
	if (wd_store_del(gen->store, WD_KIND_CILIUM_CNP, "", name, NULL))
		note(gen, "delete a policy of nodes %s", name);
}

static void put_wide(struct wd_gen *gen)
{
	char name[16];
	enum wd_kind kind = wide_name(gen, name);

	note(gen, "put %s %s", wd_kind_name(kind), name);
	(void)wd_store_put(gen->store, wd_gen_wide(gen, kind, name));
}

static void del_wide(struct wd_gen *gen)
{
	char name[16];
	enum wd_kind kind = wide_name(gen, name);

	if (wd_store_del(gen->store, kind, "", name, NULL))
		note(gen, "delete %s %s", wd_kind_name(kind), name);
}

static void change_group(struct wd_gen *gen)
{
	char name[16];

	gen_name(gen, name, "g", 3);
	if (wd_gen_one_in(gen, 3) &&
	    wd_store_del(gen->store, WD_KIND_CIDR_GROUP, "", name, NULL)) {
		note(gen, "delete CiliumCIDRGroup %s", name);
		return;
	}
	note(gen, "put CiliumCIDRGroup %s", name);
	(void)wd_store_put(gen->store, wd_gen_group(gen, name));
}

static void put_service(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16];

	gen_name(gen, name, "s", SERVICES_PER_NS);
	note(gen, "put Service %s/%s", ns, name);
	(void)wd_store_put(gen->store, wd_gen_service(gen, ns, name));
}

static void del_service(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16];

	gen_name(gen, name, "s", SERVICES_PER_NS);
	if (wd_store_del(gen->store, WD_KIND_SERVICE, ns, name, NULL))
		note(gen, "delete Service %s/%s", ns, name);
}

static void put_slice(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16], service[16];

	gen_name(gen, name, "es", 2 * SERVICES_PER_NS);
	gen_name(gen, service, "s", SERVICES_PER_NS);
	note(gen, "put EndpointSlice %s/%s of %s", ns, name, service);
	(void)wd_store_put(gen->store, wd_gen_slice(gen, ns, name, service));
}

static void del_slice(struct wd_gen *gen)
{
	const char *ns = wd_gen_ns_name(gen);
	char name[16];

	gen_name(gen, name, "es", 2 * SERVICES_PER_NS);
	if (wd_store_del(gen->store, WD_KIND_SLICE, ns, name, NULL))
		note(gen, "delete EndpointSlice %s/%s", ns, name);
}

static struct wd_endpoint *endpoint_of(struct wd_gen *gen, const char *ns,
				       const char *name)
{
	for (uint32_t i = 0; i < gen->ep_cnt; i++)
		if (!strcmp(gen->ep[i]->ns, ns) &&
		    !strcmp(gen->ep[i]->name, name))
			return gen->ep[i];
	return NULL;
}

static void put_pod(struct wd_gen *gen)
{
	const char *ns = wd_gen_space_name(gen);
	const struct wd_object *was;
	struct wd_object *pod;
	char name[16];

	gen_name(gen, name, "p", PODS_PER_NS);
	if (wd_cluster_is_other(ns)) {
		note(gen, "put Pod %s/%s", ns, name);
		(void)wd_store_put(gen->store, wd_gen_far_pod(gen, ns, name));
		return;
	}
	was = wd_store_get(gen->store, WD_KIND_POD, ns, name);
	if (was && wd_gen_one_in(gen, 6))
		was = NULL; /* made anew under its name */
	pod = wd_gen_pod(gen, ns, name, was);
	/* a pod with an interface of its own is not the host's */
	if (pod->pod.host_network && endpoint_of(gen, ns, name)) {
		pod->pod.host_network = false;
		pod->pod.addr_cnt = 0;
	}
	note(gen, "put Pod %s/%s uid %s%s%s", ns, name, pod->uid,
	     pod->pod.finished ? " finished" : "", was ? "" : " (new)");
	(void)wd_store_put(gen->store, pod);
}

static void del_pod(struct wd_gen *gen)
{
	const char *ns = wd_gen_space_name(gen);
	char name[16];

	gen_name(gen, name, "p", PODS_PER_NS);
	if (wd_store_del(gen->store, WD_KIND_POD, ns, name, NULL))
		note(gen, "delete Pod %s/%s", ns, name);
}

static void put_namespace(struct wd_gen *gen)
{
	const char *name = wd_gen_space_name(gen);

	note(gen, "put Namespace %s", name);
	(void)wd_store_put(gen->store, wd_gen_namespace(gen, name));
}

static void del_namespace(struct wd_gen *gen)
{
	const char *name = wd_gen_space_name(gen);

	if (wd_store_del(gen->store, WD_KIND_NAMESPACE, "", name, NULL))
		note(gen, "delete Namespace %s", name);
}

static void change_node(struct wd_gen *gen)
{
	uint32_t nr = wd_gen_rnd(gen, NODES);
	char name[16];

	(void)snprintf(name, sizeof(name), "n%u", nr);
	if (wd_gen_one_in(gen, 3) &&
	    wd_store_del(gen->store, WD_KIND_NODE, "", name, NULL)) {
		note(gen, "delete Node %s", name);
		return;
	}
	note(gen, "put Node %s", name);
	(void)wd_store_put(gen->store, wd_gen_node(gen, nr));
}

/* ---- endpoints ---- */

static void endpoint_free(struct wd_endpoint *ep)
{
	wd_str_put(ep->ns);
	wd_str_put(ep->name);
	wd_str_put(ep->uid);
	wd_str_put(ep->container);
	wd_str_put(ep->netns);
	free(ep);
}

static bool ifindex_is_free(const struct wd_gen *gen, uint32_t ifindex)
{
	for (uint32_t i = 0; i < gen->ep_cnt; i++)
		if (gen->ep[i]->ifindex == ifindex)
			return false;
	return true;
}

static bool addr_is_local(const struct wd_gen *gen, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < gen->ep_cnt; i++)
		for (uint32_t k = 0; k < gen->ep[i]->addr_cnt; k++)
			if (wd_addr_equal(&gen->ep[i]->addr[k], addr))
				return true;
	return false;
}

static bool has_addr(const struct wd_endpoint *ep, const struct wd_addr *addr)
{
	for (uint32_t k = 0; k < ep->addr_cnt; k++)
		if (wd_addr_equal(&ep->addr[k], addr))
			return true;
	return false;
}

static void add_addr(struct wd_gen *gen, struct wd_endpoint *ep,
		     struct wd_addr addr)
{
	uint32_t same = 0;

	for (uint32_t k = 0; k < ep->addr_cnt; k++)
		same += ep->addr[k].family == addr.family;
	if (same >= WD_EP_ADDRS || has_addr(ep, &addr))
		return;
	/* seldom: two interfaces with one address, while one is going */
	if (addr_is_local(gen, &addr) && !wd_gen_one_in(gen, 40))
		return;
	ep->addr[ep->addr_cnt++] = addr;
}

static void give_addrs(struct wd_gen *gen, struct wd_endpoint *ep,
		       const struct wd_object *pod)
{
	for (uint32_t i = 0; pod && i < pod->pod.addr_cnt; i++)
		if (!wd_gen_one_in(gen, 8))
			add_addr(gen, ep, pod->pod.addr[i]);
	for (int i = 0; i < 20 && !ep->addr_cnt; i++)
		add_addr(gen, ep, wd_gen_pod_addr(gen, 4));
	if (wd_gen_one_in(gen, 3))
		add_addr(gen, ep, wd_gen_pod_addr(gen, 6));
	if (wd_gen_one_in(gen, 6))
		add_addr(gen, ep, wd_gen_pod_addr(gen, 4));
}

static void add_endpoint(struct wd_gen *gen)
{
	struct wd_endpoint *ep;
	const struct wd_object *pod = NULL;
	const char *ns = wd_gen_ns_name(gen);
	char name[16];
	uint32_t at = wd_gen_rnd(gen, gen->ifindex_cnt);

	/* mostly of a pod that a source has told of */
	for (int i = 0; i < 6; i++) {
		gen_name(gen, name, "p", PODS_PER_NS);
		pod = wd_store_get(gen->store, WD_KIND_POD, ns, name);
		if (pod && !pod->pod.host_network)
			break;
	}
	if (gen->ep_cnt == WD_GEN_EPS || endpoint_of(gen, ns, name) ||
	    (pod && pod->pod.host_network))
		return;
	while (!ifindex_is_free(gen, gen->ifindex[at]))
		at = (at + 1) % gen->ifindex_cnt;
	ep = wd_xcalloc(1, sizeof(*ep));
	ep->id = ++gen->ep_id;
	ep->stat = ep->id % WD_ENDPOINTS_MAX;
	ep->ifindex = gen->ifindex[at];
	ep->pod_mac[0] = 2;
	ep->pod_mac[5] = (uint8_t)ep->ifindex;
	ep->host_mac[0] = 2;
	ep->host_mac[4] = 1;
	(void)snprintf(ep->host_name, sizeof(ep->host_name), "d%u",
		       ep->ifindex % 1000000);
	ep->ns = wd_str_get(ns);
	ep->name = wd_str_get(name);
	ep->uid = wd_str_get(pod && wd_gen_one_in(gen, 2) ? pod->uid : "");
	ep->container = wd_str_get("");
	ep->netns = wd_str_get("");
	give_addrs(gen, ep, pod);
	gen->ep[gen->ep_cnt++] = ep;
	note(gen, "add endpoint %u of %s/%s ifindex %u uid '%s'", ep->id, ns,
	     name, ep->ifindex, ep->uid);
	gen->ep_set(gen->ctx, ep);
}

static void del_endpoint(struct wd_gen *gen)
{
	uint32_t at;
	struct wd_endpoint *ep;

	if (gen->ep_cnt < 2)
		return;
	at = wd_gen_rnd(gen, gen->ep_cnt);
	ep = gen->ep[at];
	gen->ep[at] = gen->ep[--gen->ep_cnt];
	note(gen, "delete endpoint %u of %s/%s", ep->id, ep->ns, ep->name);
	gen->ep_del(gen->ctx, ep->id);
	endpoint_free(ep);
}

static void change_host(struct wd_gen *gen)
{
	struct wd_addr addr[4];
	size_t cnt = 0;

	for (uint32_t i = 0; i < 2; i++) {
		if (!wd_gen_one_in(gen, 3))
			addr[cnt++] = wd_gen_node_addr(i * 3, 4);
		if (!wd_gen_one_in(gen, 3))
			addr[cnt++] = wd_gen_node_addr(i * 3, 6);
	}
	note(gen, "host has %zu addresses", cnt);
	gen->host_addrs(gen->ctx, addr, cnt);
}

/* ---- the whole ---- */

void wd_gen_fill(struct wd_gen *gen)
{
	uint32_t pods = 6 + wd_gen_rnd(gen, 10);
	uint32_t policies = 2 + wd_gen_rnd(gen, 12);

	gen->clock = 1700000000;
	gen->meshed = wd_gen_one_in(gen, 3);
	change_host(gen);
	for (int i = 0; i < 3; i++)
		put_namespace(gen);
	change_node(gen);
	change_node(gen);
	change_group(gen);
	for (uint32_t i = 0; i < pods; i++)
		put_pod(gen);
	for (int i = 0; i < 40 && gen->ep_cnt < 3; i++)
		add_endpoint(gen);
	for (uint32_t i = 0; i < policies; i++)
		put_policy(gen);
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--)
		put_wide(gen);
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--)
		put_cilium(gen);
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--)
		put_nodes(gen);
	for (uint32_t i = wd_gen_rnd(gen, 6); i > 0; i--)
		put_service(gen);
	for (uint32_t i = wd_gen_rnd(gen, 4); i > 0; i--)
		put_slice(gen);
}

void wd_gen_mutate(struct wd_gen *gen)
{
	static const struct {
		void (*fn)(struct wd_gen *gen);
		uint32_t weight; /* of 100 */
	} table[] = {
		{ put_policy, 10 },  { del_policy, 8 },	   { put_pod, 20 },
		{ del_pod, 4 },	     { put_namespace, 7 }, { del_namespace, 2 },
		{ change_node, 3 },  { add_endpoint, 7 },  { del_endpoint, 5 },
		{ change_host, 2 },  { put_wide, 4 },	   { del_wide, 4 },
		{ put_cilium, 5 },   { del_cilium, 3 },	   { put_service, 3 },
		{ del_service, 1 },  { put_slice, 3 },	   { del_slice, 1 },
		{ change_group, 3 }, { put_nodes, 3 },	   { del_nodes, 2 },
	};
	uint32_t left = wd_gen_rnd(gen, 100), i = 0;

	while (left >= table[i].weight)
		left -= table[i++].weight;
	table[i].fn(gen);
}

/* ---- flows ---- */

static uint8_t gen_proto(struct wd_gen *gen, int family)
{
	static const uint8_t with_ports[] = { IPPROTO_TCP, IPPROTO_TCP,
					      IPPROTO_TCP, IPPROTO_UDP,
					      IPPROTO_UDP, IPPROTO_SCTP };

	if (!wd_gen_one_in(gen, 3))
		return with_ports[wd_gen_rnd(gen, sizeof(with_ports))];
	if (wd_gen_rnd(gen, 3))
		return family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	/* ICMP of the other family is just another protocol */
	if (wd_gen_one_in(gen, 5))
		return family == 4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return wd_gen_other(gen);
}

/* To a port of some service, by an address of its own or of a node. */
static void to_service(struct wd_gen *gen, struct wd_flow *flow)
{
	uint32_t left = wd_gen_rnd(
		gen, 1 + (uint32_t)wd_store_count(gen->store, WD_KIND_SERVICE));
	const struct wd_object *obj = NULL;
	const struct wd_service_port *port;

	do {
		obj = wd_store_next(gen->store, WD_KIND_SERVICE, obj);
	} while (obj && left--);
	if (!obj || !obj->service.port_cnt)
		return;
	port = &obj->service.port[wd_gen_rnd(gen, obj->service.port_cnt)];
	flow->proto = port->proto;
	flow->port = port->port;
	if (port->node_port && wd_gen_one_in(gen, 3)) {
		flow->port = port->node_port;
		flow->dst =
			wd_gen_node_addr(wd_gen_rnd(gen, 4), flow->src.family);
		return;
	}
	for (uint32_t i = 0; i < obj->service.addr_cnt; i++)
		if (obj->service.addr[i].family == flow->src.family)
			flow->dst = obj->service.addr[i];
}

bool wd_gen_flow(struct wd_gen *gen, const struct wd_endpoint *ep,
		 enum wd_dir dir, struct wd_flow *ret_flow)
{
	struct wd_addr own, peer;

	if (!ep->addr_cnt)
		return false;
	memset(ret_flow, 0, sizeof(*ret_flow));
	own = ep->addr[wd_gen_rnd(gen, ep->addr_cnt)];
	peer = wd_gen_peer_addr(gen, own.family);
	if (wd_gen_one_in(gen, 16))
		peer = own;
	else if (dir == WD_EGRESS && wd_gen_one_in(gen, 12))
		peer = wd_gen_odd_addr(gen, own.family);
	ret_flow->src = dir == WD_EGRESS ? own : peer;
	ret_flow->dst = dir == WD_EGRESS ? peer : own;
	if (dir == WD_INGRESS && wd_gen_one_in(gen, 10)) {
		ret_flow->from_host = true;
		ret_flow->src =
			wd_gen_node_addr(wd_gen_one_in(gen, 2) * 3, own.family);
	}
	ret_flow->proto = gen_proto(gen, own.family);
	if (ret_flow->proto == IPPROTO_TCP || ret_flow->proto == IPPROTO_UDP ||
	    ret_flow->proto == IPPROTO_SCTP)
		ret_flow->port = wd_gen_one_in(gen, 8) ?
					 (uint16_t)wd_gen_rnd(gen, 65536) :
					 wd_gen_port(gen);
	if (ret_flow->proto ==
	    (own.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		ret_flow->port = wd_gen_type(gen, own.family);
	if (dir == WD_EGRESS && wd_gen_one_in(gen, 4))
		to_service(gen, ret_flow);
	return true;
}

void wd_gen_fini(struct wd_gen *gen)
{
	for (uint32_t i = 0; i < gen->ep_cnt; i++)
		endpoint_free(gen->ep[i]);
	gen->ep_cnt = 0;
}
