// SPDX-License-Identifier: GPL-2.0-only
/*
 * oracle.c - plain loops over the objects. Slow on purpose: nothing is kept
 * between two questions, so that nothing can be out of date.
 */
#include "oracle.h"

#include <netinet/in.h>
#include <string.h>

#include "model/intern.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

/* ---- addresses ---- */

static uint32_t addr_bits(const struct wd_addr *addr)
{
	return addr->family == 4 ? 32 : 128;
}

static bool addr_bit(const struct wd_addr *addr, uint32_t nr)
{
	const uint8_t *byte = addr->family == 4 ? (const uint8_t *)&addr->v4 :
						  (const uint8_t *)&addr->v6;

	return byte[nr / 8] >> (7 - nr % 8) & 1;
}

static bool addr_same_prefix(const struct wd_addr *a, const struct wd_addr *b,
			     uint32_t len)
{
	if (a->family != b->family)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (addr_bit(a, i) != addr_bit(b, i))
			return false;
	return true;
}

static bool addr_is(const struct wd_addr *a, const struct wd_addr *b)
{
	return addr_same_prefix(a, b, addr_bits(a));
}

static bool has_addr(const struct wd_addr *list, uint32_t cnt,
		     const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (addr_is(&list[i], addr))
			return true;
	return false;
}

/* ---- selectors ---- */

static const char *label_of(const struct wd_labels *labels, const char *key)
{
	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		if (!strcmp(labels->label[i].key, key))
			return labels->label[i].value;
	return NULL;
}

static bool req_holds(const struct wd_req *req, const char *value)
{
	bool in = false;

	for (uint32_t i = 0; value && i < req->cnt; i++)
		in |= !strcmp(req->values[i], value);
	switch (req->op) {
	case WD_OP_IN:
		return in;
	case WD_OP_NOT_IN:
		return !in; /* also when the key is not there */
	case WD_OP_EXISTS:
		return value;
	case WD_OP_NOT_EXISTS:
		return !value;
	}
	return false;
}

static bool selects_pod(const struct wd_selector *sel,
			const struct wd_object *pod)
{
	for (uint32_t i = 0; sel && i < sel->cnt; i++)
		if (!req_holds(&sel->req[i],
			       label_of(pod->pod.labels, sel->req[i].key)))
			return false;
	return true;
}

/* A namespace nobody told of has the one label that every namespace has. */
static bool selects_ns(const struct wd_oracle *oracle,
		       const struct wd_selector *sel, const char *ns)
{
	const struct wd_object *obj =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ns);

	for (uint32_t i = 0; i < sel->cnt; i++) {
		const char *key = sel->req[i].key;
		const char *value = obj ? label_of(obj->nsp.labels, key) : NULL;

		if (!strcmp(key, NAME_LABEL))
			value = ns;
		if (!req_holds(&sel->req[i], value))
			return false;
	}
	return true;
}

/* ---- who has an address ---- */

const struct wd_object *wd_oracle_pod(const struct wd_oracle *oracle,
				      const struct wd_endpoint *ep)
{
	const struct wd_object *pod =
		wd_store_get(oracle->store, WD_KIND_POD, ep->ns, ep->name);

	/* another incarnation of that name is another pod */
	if (pod && *ep->uid && *pod->uid && strcmp(ep->uid, pod->uid) != 0)
		return NULL;
	return pod;
}

static bool pod_counts(const struct wd_object *pod)
{
	return !pod->pod.finished && !pod->pod.host_network;
}

/* Of two pods with one address: does @a have it rather than @b? */
static bool pod_is_newer(const struct wd_object *a, const struct wd_object *b)
{
	if (a->created != b->created)
		return a->created > b->created;
	if (a->pod.terminating != b->pod.terminating)
		return b->pod.terminating;
	return strcmp(a->uid, b->uid) > 0;
}

static bool pod_is_local(const struct wd_oracle *oracle,
			 const struct wd_object *pod)
{
	for (uint32_t i = 0; i < oracle->ep_cnt; i++)
		if (wd_oracle_pod(oracle, oracle->ep[i]) == pod)
			return true;
	return false;
}

uint32_t wd_oracle_local(const struct wd_oracle *oracle,
			 const struct wd_addr *addr,
			 const struct wd_endpoint **ret_ep)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_endpoint *ep = oracle->ep[i];

		if (!has_addr(ep->addr, ep->addr_cnt, addr))
			continue;
		if (!cnt++)
			*ret_ep = ep;
	}
	return cnt;
}

const struct wd_object *wd_oracle_owner(const struct wd_oracle *oracle,
					const struct wd_addr *addr)
{
	const struct wd_object *best = NULL, *pod = NULL;
	const struct wd_endpoint *last = NULL;

	/* The newest interface here; of a pod unknown, nobody else has it. */
	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_endpoint *ep = oracle->ep[i];

		pod = wd_oracle_pod(oracle, ep);
		if (has_addr(ep->addr, ep->addr_cnt, addr) &&
		    (!pod || pod_counts(pod)) && (!last || ep->id > last->id))
			last = ep;
	}
	if (last)
		return wd_oracle_pod(oracle, last);
	pod = NULL;
	while ((pod = wd_store_next(oracle->store, WD_KIND_POD, pod))) {
		/* what a local interface has counts more than what is told */
		if (!pod_counts(pod) || pod_is_local(oracle, pod) ||
		    !has_addr(pod->pod.addr, pod->pod.addr_cnt, addr))
			continue;
		if (!best || pod_is_newer(pod, best))
			best = pod;
	}
	return best;
}

/* ---- rules ---- */

static bool cidr_matches(const struct wd_peer *peer, const struct wd_addr *addr)
{
	if (!addr_same_prefix(&peer->cidr.addr, addr, peer->cidr.len))
		return false;
	for (uint32_t i = 0; i < peer->except_cnt; i++)
		if (addr_same_prefix(&peer->except[i].addr, addr,
				     peer->except[i].len))
			return false;
	return true;
}

static bool node_has(const struct wd_object *node, const struct wd_addr *addr);
static bool is_local(const struct wd_oracle *oracle,
		     const struct wd_addr *addr);

/* Whose address is it: a node's, as far as no pod has it. */
static bool selects_node(const struct wd_oracle *oracle,
			 const struct wd_peer *peer, const struct wd_addr *addr)
{
	const struct wd_selector *sel = peer->node_sel;
	const struct wd_object *node = NULL, *best = NULL;
	bool is_host = has_addr(oracle->host, (uint32_t)oracle->host_cnt, addr);
	bool is_own;

	if (is_local(oracle, addr))
		return false;
	if (!is_host && wd_oracle_owner(oracle, addr))
		return false;
	while ((node = wd_store_next(oracle->store, WD_KIND_NODE, node))) {
		if (is_host ? strcmp(node->name, oracle->node) != 0 :
			      !node_has(node, addr))
			continue;
		if (!best || strcmp(node->name, best->name) > 0)
			best = node;
	}
	if (!best && !is_host)
		return false;
	is_own = is_host || !strcmp(best->name, oracle->node);
	if ((peer->nodes == WD_NODES_OWN && !is_own) ||
	    (peer->nodes == WD_NODES_OTHER && is_own))
		return false;
	for (uint32_t i = 0; sel && i < sel->cnt; i++)
		if (!req_holds(&sel->req[i], best ? label_of(best->node.labels,
							     sel->req[i].key) :
						    NULL))
			return false;
	return true;
}

/* A pod, a node or this host has it. */
static bool is_known(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	const struct wd_peer any = { .type = WD_PEER_NODES };

	return is_local(oracle, addr) || wd_oracle_owner(oracle, addr) ||
	       selects_node(oracle, &any, addr);
}

static bool is_inside(const struct wd_oracle *oracle,
		      const struct wd_addr *addr)
{
	const struct wd_object *node = NULL;

	while ((node = wd_store_next(oracle->store, WD_KIND_NODE, node)))
		for (uint32_t i = 0; i < node->node.cidr_cnt; i++)
			if (addr_same_prefix(&node->node.cidr[i].addr, addr,
					     node->node.cidr[i].len))
				return true;
	return false;
}

static bool scope_matches(const struct wd_oracle *oracle,
			  enum wd_cidr_scope scope, const struct wd_addr *addr)
{
	switch (scope) {
	case WD_CIDR_ALL:
		return true;
	case WD_CIDR_WORLD:
		return !is_known(oracle, addr) && !is_inside(oracle, addr);
	case WD_CIDR_UNKNOWN:
		return !is_known(oracle, addr) && is_inside(oracle, addr);
	case WD_CIDR_STRANGER:
		return !is_known(oracle, addr);
	}
	return false;
}

static bool peer_matches(const struct wd_oracle *oracle,
			 const struct wd_object *policy,
			 const struct wd_peer *peer, const struct wd_addr *addr)
{
	const struct wd_object *pod;

	if (peer->type == WD_PEER_CIDR)
		return cidr_matches(peer, addr) &&
		       scope_matches(oracle, peer->scope, addr);
	if (peer->type == WD_PEER_NODES)
		return selects_node(oracle, peer, addr);
	pod = wd_oracle_owner(oracle, addr);
	if (!pod)
		return false;
	if (peer->ns_sel ? !selects_ns(oracle, peer->ns_sel, pod->ns) :
			   strcmp(pod->ns, policy->ns) != 0)
		return false;
	return selects_pod(peer->pod_sel, pod);
}

/* @holder: the pod whose container ports give names a number, or NULL */
static bool port_matches(const struct wd_port *port, const struct wd_flow *flow,
			 const struct wd_object *holder)
{
	if (port->proto != flow->proto)
		return false;
	if (!port->name)
		return port->lo <= flow->port && flow->port <= port->hi;
	for (uint32_t i = 0; holder && i < holder->pod.port_cnt; i++) {
		const struct wd_port_name *name = &holder->pod.port[i];

		if (name->proto == port->proto &&
		    !strcmp(name->name, port->name))
			return name->port == flow->port;
	}
	return false;
}

static bool rule_peers_match(const struct wd_oracle *oracle,
			     const struct wd_object *policy,
			     const struct wd_policy_rule *rule,
			     const struct wd_addr *addr)
{
	if (rule->any_peer)
		return true;
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		if (peer_matches(oracle, policy, &rule->peer[i], addr))
			return true;
	return false;
}

static bool rule_ports_match(const struct wd_policy_rule *rule,
			     const struct wd_flow *flow,
			     const struct wd_object *holder)
{
	if (rule->any_port)
		return true;
	if (flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP &&
	    flow->proto != IPPROTO_SCTP)
		return false;
	for (uint32_t i = 0; i < rule->port_cnt; i++)
		if (port_matches(&rule->port[i], flow, holder))
			return true;
	return false;
}

/* Is this rule about @flow to or from @ep, and understood? */
static bool rule_matches(const struct wd_oracle *oracle,
			 const struct wd_endpoint *ep, enum wd_dir dir,
			 const struct wd_flow *flow,
			 const struct wd_object *policy,
			 const struct wd_policy_rule *r)
{
	const struct wd_addr *peer = dir == WD_EGRESS ? &flow->dst : &flow->src;
	const struct wd_object *holder =
		dir == WD_EGRESS ? wd_oracle_owner(oracle, &flow->dst) :
				   wd_oracle_pod(oracle, ep);

	return rule_peers_match(oracle, policy, r, peer) &&
	       rule_ports_match(r, flow, holder);
}

static bool is_subject(const struct wd_oracle *oracle,
		       const struct wd_object *pod,
		       const struct wd_object *policy,
		       const struct wd_spec *spec)
{
	/* what is in a namespace is about pods of that namespace */
	if (*policy->ns && strcmp(policy->ns, pod->ns) != 0)
		return false;
	if (spec->ns_sel && !selects_ns(oracle, spec->ns_sel, pod->ns))
		return false;
	return spec->subject_broken || selects_pod(spec->subject, pod);
}

bool wd_oracle_isolates(const struct wd_oracle *oracle,
			const struct wd_endpoint *ep, enum wd_dir dir,
			const struct wd_object *policy)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	for (uint32_t i = 0; pod && i < policy->policy.spec_cnt; i++)
		if (policy->policy.spec[i].isolates[dir] &&
		    is_subject(oracle, pod, policy, &policy->policy.spec[i]))
			return true;
	return false;
}

/* ---- tiers ---- */

enum say {
	SAY_NOTHING,
	SAY_ALLOW,
	SAY_DENY,
	SAY_PASS,
};

/* Broken rules allow nothing; one that was to do other things denies all. */
static enum say rule_says(const struct wd_oracle *oracle,
			  const struct wd_endpoint *ep, enum wd_dir dir,
			  const struct wd_flow *flow,
			  const struct wd_object *policy,
			  const struct wd_spec *spec,
			  const struct wd_policy_rule *rule)
{
	bool broken = rule->broken || spec->subject_broken;

	if (broken)
		return rule->action == WD_RULE_ALLOW ? SAY_NOTHING : SAY_DENY;
	if (!rule_matches(oracle, ep, dir, flow, policy, rule))
		return SAY_NOTHING;
	return rule->action == WD_RULE_ALLOW ? SAY_ALLOW :
	       rule->action == WD_RULE_DENY  ? SAY_DENY :
					       SAY_PASS;
}

/* The first of a policy's rules that says anything; @only: that says this, if it is not SAY_NOTHING. */
static enum say policy_says(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep, enum wd_dir dir,
			    const struct wd_flow *flow,
			    const struct wd_object *policy, enum say only)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	for (uint32_t s = 0; pod && s < policy->policy.spec_cnt; s++) {
		const struct wd_spec *spec = &policy->policy.spec[s];

		if (!spec->applies[dir] ||
		    !is_subject(oracle, pod, policy, spec))
			continue;
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++) {
			enum say say = rule_says(oracle, ep, dir, flow, policy,
						 spec, &spec->rule[dir][i]);

			if (say != SAY_NOTHING &&
			    (only == SAY_NOTHING || say == only))
				return say;
		}
	}
	return SAY_NOTHING;
}

bool wd_oracle_rule(const struct wd_oracle *oracle,
		    const struct wd_endpoint *ep, enum wd_dir dir,
		    const struct wd_flow *flow, const struct wd_object *policy,
		    uint32_t rule)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	for (uint32_t s = 0; s < policy->policy.spec_cnt; s++) {
		const struct wd_spec *spec = &policy->policy.spec[s];

		if (rule < spec->rule_cnt[dir])
			return pod && spec->applies[dir] &&
			       is_subject(oracle, pod, policy, spec) &&
			       rule_says(oracle, ep, dir, flow, policy, spec,
					 &spec->rule[dir][rule]) != SAY_NOTHING;
		rule -= spec->rule_cnt[dir];
	}
	return false;
}

static bool comes_before(const struct wd_object *a, const struct wd_object *b)
{
	if (a->policy.priority != b->policy.priority)
		return a->policy.priority < b->policy.priority;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return strcmp(a->name, b->name) < 0;
}

/* The policy of a tier that comes next after @prev. */
static const struct wd_object *next_of(const struct wd_oracle *oracle,
				       enum wd_tier tier,
				       const struct wd_object *prev)
{
	const struct wd_object *best = NULL;

	for (int kind = WD_KIND_FIRST_POLICY; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *p = NULL;

		while ((p = wd_store_next(oracle->store, (enum wd_kind)kind,
					  p)))
			if (p->policy.tier == tier &&
			    (!prev || comes_before(prev, p)) &&
			    (!best || comes_before(p, best)))
				best = p;
	}
	return best;
}

static enum say tier_says(const struct wd_oracle *oracle,
			  const struct wd_endpoint *ep, enum wd_dir dir,
			  const struct wd_flow *flow, enum wd_tier tier)
{
	const struct wd_object *policy = NULL;

	while ((policy = next_of(oracle, tier, policy))) {
		enum say say =
			policy_says(oracle, ep, dir, flow, policy, SAY_NOTHING);

		if (say != SAY_NOTHING)
			return say;
	}
	return SAY_NOTHING;
}

/* ---- the verdict ---- */

static enum wd_mode mode_of(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep,
			    const struct wd_object *pod)
{
	const struct wd_object *ns =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ep->ns);

	if (pod && pod->pod.mode != WD_MODE_UNSET)
		return pod->pod.mode;
	if (ns && ns->nsp.mode != WD_MODE_UNSET)
		return ns->nsp.mode;
	return oracle->mode == WD_MODE_UNSET ? WD_MODE_ENFORCE : oracle->mode;
}

static bool is_icmp(const struct wd_flow *flow)
{
	return flow->proto ==
	       (flow->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool has_ports(const struct wd_flow *flow)
{
	return flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP ||
	       flow->proto == IPPROTO_SCTP;
}

/* ---- what no policy can allow ---- */

static uint8_t addr_byte(const struct wd_addr *addr, uint32_t nr)
{
	uint8_t byte = 0;

	for (uint32_t i = 0; i < 8; i++)
		byte = (uint8_t)(byte << 1 | addr_bit(addr, nr * 8 + i));
	return byte;
}

/* 224.0.0.0 and all above it; ff00::/8 */
bool wd_oracle_is_group(const struct wd_addr *addr)
{
	return addr_byte(addr, 0) >= (addr->family == 4 ? 224 : 255);
}

/* 169.254.0.0/16, fe80::/10 */
static bool is_link_local(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return addr_byte(addr, 0) == 169 && addr_byte(addr, 1) == 254;
	return addr_byte(addr, 0) == 0xfe && addr_byte(addr, 1) >> 6 == 2;
}

static bool node_has(const struct wd_object *node, const struct wd_addr *addr)
{
	if (has_addr(node->node.addr, node->node.addr_cnt, addr))
		return true;
	for (uint32_t i = 0; i < node->node.cidr_cnt; i++) {
		const struct wd_cidr *cidr = &node->node.cidr[i];
		uint32_t last = addr_bits(addr) - 1;

		/* the first one: the prefix, zeros, one */
		if (addr_same_prefix(&cidr->addr, addr, last) &&
		    addr_bit(addr, last))
			return true;
	}
	return false;
}

/*
 * Who a pod may not exchange tunnels with: this host, nodes, and whoever may
 * be meant by an address of the link or of a group. Who is a pod is no node.
 */
static bool is_node(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	const struct wd_object *node = NULL;

	if (wd_oracle_is_group(addr) || is_link_local(addr))
		return true;
	if (is_local(oracle, addr))
		return false;
	if (has_addr(oracle->host, (uint32_t)oracle->host_cnt, addr))
		return true;
	if (wd_oracle_owner(oracle, addr))
		return false;
	while ((node = wd_store_next(oracle->store, WD_KIND_NODE, node)))
		if (node_has(node, addr))
			return true;
	return false;
}

/* Does an interface here have it, of a pod that counts or that nobody told of? */
static bool is_local(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_object *pod =
			wd_oracle_pod(oracle, oracle->ep[i]);

		if (has_addr(oracle->ep[i]->addr, oracle->ep[i]->addr_cnt,
			     addr) &&
		    (!pod || pod_counts(pod)))
			return true;
	}
	return false;
}

static bool is_tunnel(const struct wd_flow *flow, enum wd_dir dir)
{
	static const uint8_t protos[] = { 4,  41, 47,  50,  51,	 55, 94,
					  97, 98, 108, 115, 137, 143 };
	static const uint16_t ports[] = { 1701, 2152, 4500, 4754,  4755,
					  4789, 4790, 6080, 6081,  6635,
					  6636, 8285, 8472, 51820, 51871 };

	for (size_t i = 0; i < sizeof(protos); i++)
		if (flow->proto == protos[i])
			return true;
	/* what comes in comes from a port of no meaning, see test_oracle.c */
	if (flow->proto != IPPROTO_UDP || dir == WD_INGRESS)
		return false;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (flow->port == ports[i])
			return true;
	return false;
}

static bool is_dhcp_server(const struct wd_flow *flow, enum wd_dir dir)
{
	return dir == WD_INGRESS && flow->proto == IPPROTO_UDP &&
	       flow->port == (flow->dst.family == 4 ? 67 : 547);
}

static bool may_encapsulate(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep)
{
	const struct wd_object *ns =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ep->ns);

	return ns && ns->nsp.encap;
}

static enum wd_reason reason_of(const struct wd_oracle *oracle,
				const struct wd_endpoint *ep, enum wd_dir dir,
				const struct wd_flow *flow)
{
	const struct wd_object *policy = NULL;
	bool isolated = false, allowed = false;
	enum say say = tier_says(oracle, ep, dir, flow, WD_TIER_ADMIN);

	if (say == SAY_ALLOW || say == SAY_DENY)
		return say == SAY_ALLOW ? WD_R_POLICY_ALLOW : WD_R_POLICY;
	for (int kind = WD_KIND_FIRST_POLICY; kind < WD_KIND__MAX; kind++)
		while ((policy = wd_store_next(oracle->store,
					       (enum wd_kind)kind, policy))) {
			if (policy->policy.tier != WD_TIER_NORMAL)
				continue;
			if (policy_says(oracle, ep, dir, flow, policy,
					SAY_DENY) == SAY_DENY)
				return WD_R_POLICY;
			isolated |= wd_oracle_isolates(oracle, ep, dir, policy);
			allowed |= policy_says(oracle, ep, dir, flow, policy,
					       SAY_ALLOW) == SAY_ALLOW;
		}
	if (allowed)
		return WD_R_POLICY_ALLOW;
	if (!isolated) {
		say = tier_says(oracle, ep, dir, flow, WD_TIER_BASELINE);
		return say == SAY_ALLOW ? WD_R_POLICY_ALLOW :
		       say == SAY_DENY	? WD_R_POLICY :
					  WD_R_NOT_ISOLATED;
	}
	if (wd_oracle_is_group(&flow->dst))
		return WD_R_MCAST;
	return has_ports(flow) || is_icmp(flow) ? WD_R_DEFAULT :
						  WD_R_PROTO_UNSUP;
}

struct wd_answer wd_oracle_judge(const struct wd_oracle *oracle,
				 const struct wd_endpoint *ep, enum wd_dir dir,
				 const struct wd_flow *flow)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);
	struct wd_answer ret = { WD_ALLOW, WD_R_HOST };
	enum wd_mode mode;

	if (dir == WD_INGRESS && flow->from_host && !oracle->host_policy)
		return ret;
	if (is_dhcp_server(flow, dir))
		return (struct wd_answer){ WD_DROP, WD_R_DHCP_FORBIDDEN };
	if (is_tunnel(flow, dir) && !may_encapsulate(oracle, ep) &&
	    is_node(oracle, dir == WD_EGRESS ? &flow->dst : &flow->src))
		return (struct wd_answer){ WD_DROP, WD_R_ENCAP_FORBIDDEN };
	mode = mode_of(oracle, ep, pod);
	if (mode == WD_MODE_OFF)
		return (struct wd_answer){ WD_ALLOW, WD_R_MODE_OFF };
	if (!pod)
		return (struct wd_answer){ WD_DROP, WD_R_NOT_READY };
	ret.reason = reason_of(oracle, ep, dir, flow);
	if (ret.reason >= WD_R_FIRST_DROP)
		ret.verdict = mode == WD_MODE_AUDIT ? WD_AUDIT : WD_DROP;
	return ret;
}
