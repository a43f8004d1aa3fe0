// SPDX-License-Identifier: GPL-2.0-only
/*
 * dump.c - prints objects the way a person would tell them.
 */
#include "dump.h"

#include <stdio.h>
#include <string.h>

#include "model/intern.h"

const char *wd_dump_reason(int reason)
{
#define NAME(name, nr, drop, help) \
	case nr: \
		return #name;
	switch (reason) {
		WD_REASONS(NAME)
	}
#undef NAME
	return "?";
}

static void print_labels(const struct wd_labels *labels)
{
	printf(" {");
	for (uint32_t i = 0; i < labels->cnt; i++)
		printf("%s%s=%s", i ? " " : "", labels->label[i].key,
		       labels->label[i].value);
	printf("}");
}

static void print_selector(const char *what, const struct wd_selector *sel)
{
	static const char *const ops[] = { "in", "notin", "exists",
					   "notexists" };

	printf(" %s[", what);
	for (uint32_t i = 0; i < sel->cnt; i++) {
		printf("%s%s %s", i ? ", " : "", sel->req[i].key,
		       ops[sel->req[i].op]);
		for (uint32_t k = 0; k < sel->req[i].cnt; k++)
			printf("%s%s", k ? "|" : " ", sel->req[i].values[k]);
	}
	printf("]");
}

static void print_addrs(const struct wd_addr *addr, uint32_t cnt)
{
	char buf[WD_ADDR_STRLEN];

	for (uint32_t i = 0; i < cnt; i++)
		printf(" %s", wd_addr_str(&addr[i], buf));
}

static void print_pod(const struct wd_object *obj)
{
	static const char *const modes[] = { "", " enforce", " audit", " off" };
	const struct wd_pod *pod = &obj->pod;

	printf("# Pod %s/%s uid %s created %lld%s%s%s%s", obj->ns, obj->name,
	       obj->uid, (long long)obj->created,
	       pod->host_network ? " hostNetwork" : "",
	       pod->finished ? " finished" : "",
	       pod->terminating ? " terminating" : "", modes[pod->mode]);
	print_labels(pod->labels);
	print_addrs(pod->addr, pod->addr_cnt);
	for (uint32_t i = 0; i < pod->port_cnt; i++)
		printf(" %s=%u/%u", pod->port[i].name, pod->port[i].port,
		       pod->port[i].proto);
	printf("\n");
}

static void print_peer(const struct wd_peer *peer)
{
	char buf[WD_ADDR_STRLEN];

	printf("#       peer");
	if (peer->type == WD_PEER_NODES) {
		printf(" nodes %d", peer->nodes);
		if (peer->node_sel)
			print_selector("labels", peer->node_sel);
	}
	if (peer->type == WD_PEER_GROUPS) {
		printf(" groups %s", peer->group ? peer->group : "");
		if (peer->group_sel)
			print_selector("labels", peer->group_sel);
	}
	if (peer->type == WD_PEER_SERVICES) {
		printf(" services %s/%s%s",
		       peer->service_ns ? peer->service_ns : "*",
		       peer->service ? peer->service : "",
		       peer->only_known ? " if known" : "");
		if (peer->service_sel)
			print_selector("labels", peer->service_sel);
	}
	if (peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS) {
		printf(" scope %d %s", peer->scope,
		       peer->type == WD_PEER_CIDR ?
			       wd_cidr_str(&peer->cidr, buf) :
			       "");
		for (uint32_t i = 0; i < peer->except_cnt; i++)
			printf(" except %s",
			       wd_cidr_str(&peer->except[i], buf));
	}
	if (peer->type == WD_PEER_PODS && peer->ns_sel)
		print_selector("namespaces", peer->ns_sel);
	if (peer->type == WD_PEER_PODS && peer->pod_sel)
		print_selector("pods", peer->pod_sel);
	printf("\n");
}

static void print_rule(const struct wd_policy_rule *rule)
{
	if (rule->broken)
		printf(" broken");
	if (rule->any_peer)
		printf(" any-peer");
	if (rule->any_port)
		printf(" any-port");
	for (uint32_t i = 0; i < rule->port_cnt; i++)
		if (rule->port[i].name)
			printf(" %s/%u", rule->port[i].name,
			       rule->port[i].proto);
		else
			printf(" %u-%u/%u", rule->port[i].lo, rule->port[i].hi,
			       rule->port[i].proto);
	printf("\n");
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		print_peer(&rule->peer[i]);
}

static void print_spec(const struct wd_spec *np)
{
	if (np->nodes)
		printf(" of nodes");
	if (np->ns_sel)
		print_selector("namespaces", np->ns_sel);
	if (np->subject)
		print_selector(np->subject_broken ? "broken subject" :
						    "subject",
			       np->subject);
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		printf(" %s%s", np->isolates[dir] ? "isolates" : "",
		       np->applies[dir] ? "+" : "-");
	printf("\n");
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		for (uint32_t i = 0; i < np->rule_cnt[dir]; i++) {
			printf("#    %s %u action %d:",
			       dir ? "egress" : "ingress", i,
			       np->rule[dir][i].action);
			print_rule(&np->rule[dir][i]);
		}
}

static void print_policy(const struct wd_object *obj)
{
	printf("# %s%s %s/%s tier %d priority %u",
	       obj->policy.on_trial ? "on trial: " : "",
	       wd_kind_name(obj->kind), obj->ns, obj->name, obj->policy.tier,
	       obj->policy.priority);
	for (uint32_t i = 0; i < obj->policy.spec_cnt; i++)
		print_spec(&obj->policy.spec[i]);
}

static void print_service(const struct wd_object *obj)
{
	const struct wd_service *s = &obj->service;

	printf("# Service %s/%s", obj->ns, obj->name);
	print_addrs(s->addr, s->addr_cnt);
	for (uint32_t i = 0; i < s->port_cnt; i++)
		printf(" '%s' %u/%u node %u to %u%s", s->port[i].name,
		       s->port[i].port, s->port[i].proto, s->port[i].node_port,
		       s->port[i].target,
		       s->port[i].target_name ? s->port[i].target_name : "");
	if (s->selector)
		print_selector("pods", s->selector);
	printf("\n");
}

static void print_slice(const struct wd_object *obj)
{
	const struct wd_slice *s = &obj->slice;

	printf("# EndpointSlice %s/%s of '%s'", obj->ns, obj->name, s->service);
	print_addrs(s->addr, s->addr_cnt);
	for (uint32_t i = 0; i < s->port_cnt; i++)
		printf(" '%s' %u/%u", s->port[i].name, s->port[i].port,
		       s->port[i].proto);
	printf("\n");
}

void wd_dump_object(const struct wd_object *obj)
{
	char buf[WD_ADDR_STRLEN];

	switch (obj->kind) {
	case WD_KIND_NAMESPACE:
		printf("# Namespace %s mode %d%s", obj->name, obj->nsp.mode,
		       obj->nsp.encap ? " encapsulation allowed" : "");
		print_labels(obj->nsp.labels);
		printf("\n");
		break;
	case WD_KIND_POD:
		print_pod(obj);
		break;
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		printf("# Node %s", obj->name);
		print_labels(obj->node.labels);
		print_addrs(obj->node.addr, obj->node.addr_cnt);
		printf("\n");
		break;
	case WD_KIND_CIDR_GROUP:
		printf("# CiliumCIDRGroup %s", obj->name);
		print_labels(obj->group.labels);
		for (uint32_t i = 0; i < obj->group.cidr_cnt; i++)
			printf(" %s", wd_cidr_str(&obj->group.cidr[i], buf));
		printf("\n");
		break;
	case WD_KIND_SERVICE:
		print_service(obj);
		break;
	case WD_KIND_SLICE:
		print_slice(obj);
		break;
	case WD_KIND_NETPOL:
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		print_policy(obj);
		break;
	case WD_KIND__MAX:
		break;
	}
}

void wd_dump_flow(const struct wd_endpoint *ep, enum wd_dir dir,
		  const struct wd_flow *flow)
{
	char a[WD_ADDR_STRLEN], b[WD_ADDR_STRLEN];

	printf("# endpoint %u of %s/%s uid '%s' ifindex %u%s:", ep->id, ep->ns,
	       ep->name, ep->uid, ep->ifindex,
	       dir == WD_EGRESS ? " sends" : " receives");
	printf(" %s -> %s proto %u port %u%s; it has",
	       wd_addr_str(&flow->src, a), wd_addr_str(&flow->dst, b),
	       flow->proto, flow->port, flow->from_host ? " from host" : "");
	print_addrs(ep->addr, ep->addr_cnt);
	printf("\n");
}

static bool pod_has(const struct wd_object *pod, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < pod->pod.addr_cnt; i++)
		if (wd_addr_equal(&pod->pod.addr[i], addr))
			return true;
	return false;
}

static void dump_peer(const struct wd_gen *gen, const struct wd_oracle *oracle,
		      const struct wd_addr *addr)
{
	const struct wd_object *owner = wd_oracle_owner(oracle, addr);
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(oracle->store, WD_KIND_POD, obj)))
		if (obj != owner && pod_has(obj, addr))
			wd_dump_object(obj);
	for (uint32_t i = 0; i < gen->ep_cnt; i++) {
		const struct wd_endpoint *ep = gen->ep[i];

		for (uint32_t k = 0; k < ep->addr_cnt; k++)
			if (wd_addr_equal(&ep->addr[k], addr))
				printf("# endpoint %u of %s/%s uid '%s' has "
				       "the peer's address\n",
				       ep->id, ep->ns, ep->name, ep->uid);
	}
	printf("# the peer is %s\n", owner ? "this pod:" : "no pod");
	if (owner)
		wd_dump_object(owner);
}

void wd_dump_case(const struct wd_gen *gen, const struct wd_oracle *oracle,
		  const struct wd_endpoint *ep, enum wd_dir dir,
		  const struct wd_flow *flow)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep), *obj = NULL;
	uint32_t from =
		gen->note_cnt > WD_GEN_NOTES ? gen->note_cnt - WD_GEN_NOTES : 0;

	wd_dump_flow(ep, dir, flow);
	printf("# its pod is %s\n", pod ? "this:" : "not known");
	if (pod)
		wd_dump_object(pod);
	dump_peer(gen, oracle, dir == WD_EGRESS ? &flow->dst : &flow->src);
	while ((obj = wd_store_next(oracle->store, WD_KIND_NAMESPACE, obj)))
		wd_dump_object(obj);
	while ((obj = wd_store_next(oracle->store, WD_KIND_NETPOL, obj)))
		if (!strcmp(obj->ns, ep->ns) &&
		    (!pod || wd_oracle_isolates(oracle, ep, dir, obj)))
			wd_dump_object(obj);
	while ((obj = wd_store_next(oracle->store, WD_KIND_NODE, obj)))
		wd_dump_object(obj);
	while ((obj = wd_store_next(oracle->store, WD_KIND_CIDR_GROUP, obj)))
		wd_dump_object(obj);
	for (int kind = WD_KIND_SERVICE; kind < WD_KIND__MAX; kind++)
		while (kind != WD_KIND_NETPOL &&
		       (obj = wd_store_next(oracle->store, (enum wd_kind)kind,
					    obj)))
			wd_dump_object(obj);
	printf("# changes before it, oldest first:\n");
	for (uint32_t i = from; i < gen->note_cnt; i++)
		printf("#   %s\n", gen->note[i % WD_GEN_NOTES]);
}
