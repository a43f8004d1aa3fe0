// SPDX-License-Identifier: GPL-2.0-only
/*
 * oracle.c - plain loops over the objects. Slow on purpose: nothing is kept
 * between two questions, so that nothing can be out of date.
 */
#include "oracle_int.h"

#include <netinet/in.h>
#include <string.h>

#include "model/intern.h"

/* ---- rules ---- */

static bool is_meant(const struct wd_peer *peer, const struct wd_object *group)
{
	const struct wd_selector *sel = peer->group_sel;
	bool is_it = !peer->group || !strcmp(peer->group, group->name);

	for (uint32_t i = 0; sel && i < sel->cnt; i++)
		is_it &= req_holds(&sel->req[i], label_of(group->group.labels,
							  sel->req[i].key));
	return is_it;
}

static bool is_member(const struct wd_oracle *oracle,
		      const struct wd_peer *peer, const struct wd_addr *addr)
{
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(oracle->store, WD_KIND_CIDR_GROUP, obj)))
		for (uint32_t i = 0;
		     is_meant(peer, obj) && i < obj->group.cidr_cnt; i++)
			if (addr_same_prefix(&obj->group.cidr[i].addr, addr,
					     obj->group.cidr[i].len))
				return true;
	return false;
}

/* Groups may be none, or have nothing but what is excepted; services alike. */
static bool has_member(const struct wd_oracle *oracle,
		       const struct wd_peer *peer)
{
	const struct wd_object *obj = NULL;
	bool has = false;

	if (peer->type == WD_PEER_SERVICES)
		return serves_anybody(oracle, peer);
	if (peer->type != WD_PEER_GROUPS)
		return true;
	while ((obj = wd_store_next(oracle->store, WD_KIND_CIDR_GROUP, obj)))
		for (uint32_t i = 0;
		     is_meant(peer, obj) && i < obj->group.cidr_cnt; i++) {
			const struct wd_cidr *cidr = &obj->group.cidr[i];
			bool left = true;

			for (uint32_t k = 0; k < peer->except_cnt; k++)
				left &= peer->except[k].len > cidr->len ||
					!addr_same_prefix(&peer->except[k].addr,
							  &cidr->addr,
							  peer->except[k].len);
			has |= left;
		}
	return has;
}

static bool is_cidr(const struct wd_peer *peer)
{
	return peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS;
}

static bool cidr_matches(const struct wd_oracle *oracle,
			 const struct wd_peer *peer, const struct wd_addr *addr)
{
	if (peer->type == WD_PEER_GROUPS ?
		    !is_member(oracle, peer, addr) :
		    !addr_same_prefix(&peer->cidr.addr, addr, peer->cidr.len))
		return false;
	for (uint32_t i = 0; i < peer->except_cnt; i++)
		if (addr_same_prefix(&peer->except[i].addr, addr,
				     peer->except[i].len))
			return false;
	return true;
}

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
	return far_is_disputed(oracle, addr);
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

	if (is_cidr(peer))
		return cidr_matches(oracle, peer, addr) &&
		       scope_matches(oracle, peer->scope, addr);
	if (peer->type == WD_PEER_NODES)
		return selects_node(oracle, peer, addr);
	if (peer->type == WD_PEER_SERVICES)
		return is_served(oracle, peer, addr);
	pod = wd_oracle_owner(oracle, addr);
	if (!pod)
		return false;
	if (peer->ns_sel ? !selects_ns(oracle, peer->ns_sel, pod->ns) :
			   strcmp(pod->ns, policy->ns) != 0)
		return false;
	return selects_pod(peer->pod_sel, pod);
}

/* Somebody inside, of whom nobody has told who it is. */
static bool is_unknown(const struct wd_oracle *oracle,
		       const struct wd_addr *addr)
{
	if (is_local(oracle, addr))
		return !wd_oracle_owner(oracle, addr);
	return !is_known(oracle, addr) && is_inside(oracle, addr);
}

/* Could it be one of these, as far as is told? */
static bool peer_may_match(const struct wd_oracle *oracle,
			   const struct wd_peer *peer,
			   const struct wd_addr *addr)
{
	if (is_cidr(peer))
		return cidr_matches(oracle, peer, addr) &&
		       scope_matches(oracle, peer->scope, addr);
	if (peer->type == WD_PEER_SERVICES)
		return serves_pods(oracle, peer);
	return peer->type == WD_PEER_PODS || peer->nodes != WD_NODES_OWN;
}

/* Who says ICMP means that of IPv4, who says ICMPv6 that of IPv6. */
static bool proto_matches(const struct wd_port *port,
			  const struct wd_flow *flow)
{
	if (port->proto == IPPROTO_ICMP && flow->src.family != 4)
		return false;
	if (port->proto == IPPROTO_ICMPV6 && flow->src.family != 6)
		return false;
	return port->proto == flow->proto;
}

/* @holder: the pod whose container ports give names a number, or NULL */
static bool port_matches(const struct wd_port *port, const struct wd_flow *flow,
			 const struct wd_object *holder)
{
	if (!proto_matches(port, flow))
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

/*
 * To deny a service of which nobody knows where it leads is to deny all; else
 * whoever it may lead to, by its selector or by its slices.
 */
static bool may_be_meant(const struct wd_oracle *oracle,
			 const struct wd_policy_rule *rule,
			 const struct wd_peer *peer, const struct wd_addr *addr)
{
	return peer->type == WD_PEER_SERVICES &&
	       rule->action != WD_RULE_ALLOW &&
	       (serves_unknown(oracle, peer) ||
		is_sliced(oracle, peer, addr, true));
}

static bool rule_peers_match(const struct wd_oracle *oracle,
			     const struct wd_object *policy,
			     const struct wd_policy_rule *rule,
			     const struct wd_addr *addr)
{
	if (rule->any_peer)
		return true;
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		if (peer_matches(oracle, policy, &rule->peer[i], addr) ||
		    may_be_meant(oracle, rule, &rule->peer[i], addr))
			return true;
	return false;
}

static bool rule_ports_match(const struct wd_policy_rule *rule,
			     const struct wd_flow *flow,
			     const struct wd_object *holder)
{
	if (rule->any_port)
		return true;
	for (uint32_t i = 0; i < rule->port_cnt; i++)
		if (port_matches(&rule->port[i], flow, holder))
			return true;
	return false;
}

/* To a pod of another cluster: which ports count depends on the peer that means it. */
static bool rule_is_about(const struct wd_oracle *oracle,
			  const struct wd_flow *flow,
			  const struct wd_object *policy,
			  const struct wd_policy_rule *r,
			  const struct wd_object *holder)
{
	const struct wd_addr *to = &flow->dst;

	for (uint32_t k = 0; k < (r->any_peer ? 1 : r->peer_cnt); k++) {
		const struct wd_peer *peer = r->any_peer ? NULL : &r->peer[k];

		if (peer && !peer_matches(oracle, policy, peer, to) &&
		    !may_be_meant(oracle, r, peer, to))
			continue;
		if (r->any_port)
			return true;
		for (uint32_t i = 0; i < r->port_cnt; i++)
			if (port_matches(&r->port[i], flow, holder) &&
			    far_name_counts(peer, &r->port[i]))
				return true;
	}
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

	if (dir == WD_EGRESS && holder && is_far(holder->ns))
		return rule_is_about(oracle, flow, policy, r, holder);
	return rule_peers_match(oracle, policy, r, peer) &&
	       rule_ports_match(r, flow, holder);
}

/* Only pods have names of ports; somebody unknown may have any. */
static bool port_may_match(const struct wd_port *port,
			   const struct wd_peer *peer,
			   const struct wd_flow *flow)
{
	if (!proto_matches(port, flow))
		return false;
	if (port->name)
		return !peer || peer->type == WD_PEER_PODS;
	return port->lo <= flow->port && flow->port <= port->hi;
}

/* The same of one whom nobody has told of: could this rule be about it? */
static bool rule_may_match(const struct wd_oracle *oracle,
			   const struct wd_endpoint *ep, enum wd_dir dir,
			   const struct wd_flow *flow,
			   const struct wd_policy_rule *r)
{
	const struct wd_addr *addr = dir == WD_EGRESS ? &flow->dst : &flow->src;
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	if (!is_unknown(oracle, addr))
		return false;
	for (uint32_t k = 0; k < (r->any_peer ? 1 : r->peer_cnt); k++) {
		const struct wd_peer *peer = r->any_peer ? NULL : &r->peer[k];

		if (peer && !peer_may_match(oracle, peer, addr))
			continue;
		/* by name: of the endpoint's own ports, or of the other's */
		if (r->any_port ||
		    (dir == WD_INGRESS && rule_ports_match(r, flow, pod)))
			return true;
		for (uint32_t i = 0; dir == WD_EGRESS && i < r->port_cnt; i++)
			if (port_may_match(&r->port[i], peer, flow))
				return true;
	}
	return false;
}

bool is_subject(const struct wd_oracle *oracle, const struct wd_object *pod,
		const struct wd_object *policy, const struct wd_spec *spec)
{
	/* of nodes or of pods, as it says */
	if (spec->nodes != pod->pod.is_node)
		return false;
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

	if (!policy_counts(oracle, policy))
		return false;
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
	SAY_MAYBE, /* pass, or nothing: it is not known about whom it is */
};

/*
 * Broken rules allow nothing; one that was to do other things denies all. Of
 * somebody unknown a rule that allows is not, one that denies is.
 */
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
	if (!rule_matches(oracle, ep, dir, flow, policy, rule)) {
		if (rule->action == WD_RULE_ALLOW ||
		    !rule_may_match(oracle, ep, dir, flow, rule))
			return SAY_NOTHING;
		return rule->action == WD_RULE_DENY ? SAY_DENY : SAY_MAYBE;
	}
	return rule->action == WD_RULE_ALLOW ? SAY_ALLOW :
	       rule->action == WD_RULE_DENY  ? SAY_DENY :
					       SAY_PASS;
}

/*
 * The first of a policy's rules that says anything; @only: that says this, if
 * it is not SAY_NOTHING. @maybe: it was perhaps passed on before, which ends
 * what may allow and not what may deny; NULL: rules have no order.
 */
static enum say policy_says(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep, enum wd_dir dir,
			    const struct wd_flow *flow,
			    const struct wd_object *policy, enum say only,
			    bool *maybe)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	if (!policy_counts(oracle, policy))
		return SAY_NOTHING;
	for (uint32_t s = 0; pod && s < policy->policy.spec_cnt; s++) {
		const struct wd_spec *spec = &policy->policy.spec[s];

		if (!spec->applies[dir] ||
		    !is_subject(oracle, pod, policy, spec))
			continue;
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++) {
			enum say say = rule_says(oracle, ep, dir, flow, policy,
						 spec, &spec->rule[dir][i]);

			if (say == SAY_MAYBE)
				*maybe = true;
			else if (say == SAY_ALLOW && maybe && *maybe)
				continue;
			else if (say != SAY_NOTHING &&
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

	if (!policy_counts(oracle, policy))
		return false;
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
	bool maybe = false;

	while ((policy = next_of(oracle, tier, policy))) {
		enum say say = policy_says(oracle, ep, dir, flow, policy,
					   SAY_NOTHING, &maybe);

		if (say != SAY_NOTHING)
			return say;
	}
	return SAY_NOTHING;
}

/* ---- the verdict ---- */

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
			if (policy_says(oracle, ep, dir, flow, policy, SAY_DENY,
					NULL) == SAY_DENY)
				return WD_R_POLICY;
			isolated |= wd_oracle_isolates(oracle, ep, dir, policy);
			allowed |= policy_says(oracle, ep, dir, flow, policy,
					       SAY_ALLOW, NULL) == SAY_ALLOW;
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

/* ---- services ---- */

static bool means_somebody(const struct wd_oracle *oracle,
			   const struct wd_policy_rule *r)
{
	bool does = r->any_peer;

	for (uint32_t i = 0; i < r->peer_cnt; i++)
		does |= has_member(oracle, &r->peer[i]);
	return does;
}

/* Does some rule of it deny? @ret_unsure: its names may stand for no port. */
static bool spec_denies(const struct wd_oracle *oracle,
			const struct wd_spec *spec, bool *ret_unsure)
{
	bool denies = false;

	for (uint32_t i = 0; i < spec->rule_cnt[WD_EGRESS]; i++) {
		const struct wd_policy_rule *r = &spec->rule[WD_EGRESS][i];

		if (r->action == WD_RULE_ALLOW)
			continue;
		if (r->broken || spec->subject_broken)
			denies = true;
		else if (!means_somebody(oracle, r))
			continue;
		denies |= r->action == WD_RULE_DENY;
		*ret_unsure |= !r->broken && !r->any_port;
	}
	return denies;
}

static bool policy_denies(const struct wd_oracle *oracle,
			  const struct wd_endpoint *ep,
			  const struct wd_object *policy, bool *ret_unsure)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);
	bool denies = false;

	if (!policy_counts(oracle, policy))
		return false;
	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++) {
		const struct wd_spec *spec = &policy->policy.spec[i];

		if (spec->applies[WD_EGRESS] &&
		    is_subject(oracle, pod, policy, spec))
			denies |= spec_denies(oracle, spec, ret_unsure);
	}
	return denies;
}

/* Some rule denies, so that not everybody may be the peer. */
static bool has_deny(const struct wd_oracle *oracle,
		     const struct wd_endpoint *ep, bool *ret_unsure)
{
	const struct wd_object *p = NULL;
	bool denies = false;

	for (int kind = WD_KIND_FIRST_POLICY; kind < WD_KIND__MAX; kind++)
		while ((p = wd_store_next(oracle->store, (enum wd_kind)kind,
					  p)))
			denies |= policy_denies(oracle, ep, p, ret_unsure);
	return denies;
}

/* To a service of which nobody knows where it leads. */
static struct wd_answer judge_nobody(const struct wd_oracle *oracle,
				     const struct wd_endpoint *ep)
{
	struct wd_answer ret = { WD_ALLOW, WD_R_NOT_ISOLATED, { false }, false };
	const struct wd_object *policy = NULL;
	bool isolated = false, unsure = false;

	for (int kind = WD_KIND_FIRST_POLICY; kind < WD_KIND__MAX; kind++)
		while ((policy = wd_store_next(oracle->store,
					       (enum wd_kind)kind, policy)))
			isolated |= wd_oracle_isolates(oracle, ep, WD_EGRESS,
						       policy);
	if (isolated || has_deny(oracle, ep, &unsure))
		ret.reason = WD_R_SERVICE;
	ret.may[WD_R_NOT_ISOLATED] = !isolated && unsure;
	return ret;
}

static bool is_policy(enum wd_reason reason)
{
	return reason == WD_R_POLICY || reason == WD_R_DEFAULT ||
	       reason == WD_R_PROTO_UNSUP || reason == WD_R_MCAST;
}

static bool leads_to_tunnel(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep,
			    const struct wd_flow *flow,
			    const struct wd_ends *ends)
{
	for (uint32_t i = 0; i < ends->cnt; i++) {
		struct wd_flow one = *flow;

		one.dst = ends->addr[i];
		one.port = ends->port[i];
		if (is_tunnel(oracle, &one, WD_EGRESS) &&
		    !may_encapsulate(oracle, ep) && is_node(oracle, &one.dst))
			return true;
	}
	return false;
}

/* Every backend must be allowed. */
static struct wd_answer judge_ends(const struct wd_oracle *oracle,
				   const struct wd_endpoint *ep,
				   const struct wd_flow *flow,
				   const struct wd_ends *ends)
{
	struct wd_answer ret = { WD_ALLOW, WD_R_NOT_ISOLATED, { false }, false };

	for (uint32_t i = 0; i < ends->cnt; i++) {
		struct wd_flow one = *flow;
		enum wd_reason r;

		one.dst = ends->addr[i];
		one.port = ends->port[i];
		r = reason_of(oracle, ep, WD_EGRESS, &one);
		if (r == WD_R_MCAST && !wd_oracle_is_group(&flow->dst))
			r = WD_R_DEFAULT; /* a packet to a group was not sent */
		if (ret.reason < WD_R_FIRST_DROP && is_policy(r)) {
			memset(ret.may, 0, sizeof(ret.may));
			ret.reason = r;
		}
		if ((r >= WD_R_FIRST_DROP) == (ret.reason >= WD_R_FIRST_DROP)) {
			ret.reason = r;
			ret.may[r] = true;
		}
	}
	return ret;
}

/* The flow of a pod that is known, to what is no tunnel. */
static struct wd_answer judge_policy(const struct wd_oracle *oracle,
				     const struct wd_endpoint *ep,
				     enum wd_dir dir,
				     const struct wd_flow *flow,
				     const struct wd_ends *ends)
{
	struct wd_answer ret = { WD_ALLOW, WD_R_HOST, { false }, false };

	if (!ends)
		ret.reason = reason_of(oracle, ep, dir, flow);
	else if (!ends->cnt)
		ret = judge_nobody(oracle, ep);
	else
		ret = judge_ends(oracle, ep, flow, ends);
	return ret;
}

static bool is_claimed_by_node(const struct wd_oracle *oracle,
			       const struct wd_addr *addr)
{
	return !wd_oracle_is_group(addr) && !is_link_local(addr) &&
	       is_node(oracle, addr);
}

struct wd_answer wd_oracle_judge(const struct wd_oracle *oracle,
				 const struct wd_endpoint *ep, enum wd_dir dir,
				 const struct wd_flow *flow)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);
	struct wd_answer ret = { WD_ALLOW, WD_R_HOST, { false }, false };
	struct wd_answer trial;
	struct wd_oracle at = *oracle;
	struct wd_ends ends;
	bool serves;
	enum wd_mode mode;

	if (dir == WD_INGRESS && flow->from_host && !oracle->host_policy)
		return ret;
	if (ep != oracle->self && is_of_router(flow, dir))
		return (struct wd_answer){
			WD_DROP, WD_R_ND_FORBIDDEN, { false }, false
		};
	if (is_dhcp_server(flow, dir))
		return (struct wd_answer){
			WD_DROP, WD_R_DHCP_FORBIDDEN, { false }, false
		};
	if (is_tunnel(oracle, flow, dir) && !may_encapsulate(oracle, ep) &&
	    is_node(oracle, dir == WD_EGRESS ? &flow->dst : &flow->src))
		return (struct wd_answer){
			WD_DROP, WD_R_ENCAP_FORBIDDEN, { false }, false
		};
	serves = dir == WD_EGRESS && !oracle->untranslated &&
		 wd_oracle_ends(oracle, flow,
				is_claimed_by_node(oracle, &flow->dst), &ends);
	mode = wd_oracle_enforced(oracle, ep);
	if (serves && leads_to_tunnel(oracle, ep, flow, &ends)) {
		ret.verdict = WD_DROP;
		ret.reason = WD_R_ENCAP_FORBIDDEN;
		ret.may[ret.reason] = true;
		ret.may[WD_R_NOT_READY] = !pod && mode != WD_MODE_OFF;
		return ret;
	}
	if (mode == WD_MODE_OFF)
		return (struct wd_answer){
			WD_ALLOW, WD_R_MODE_OFF, { false }, false
		};
	if (!pod)
		return (struct wd_answer){
			WD_DROP, WD_R_NOT_READY, { false }, false
		};
	at.lifts = wd_oracle_is_lifted(oracle, ep);
	ret = judge_policy(&at, ep, dir, flow, serves ? &ends : NULL);
	if (ret.reason >= WD_R_FIRST_DROP) {
		ret.verdict = mode == WD_MODE_AUDIT ? WD_AUDIT : WD_DROP;
		ret.or_audit = ret.may[WD_R_NOT_ISOLATED];
		return ret;
	}
	if (oracle->untried)
		return ret;
	at.tries = true;
	at.lifts &= wd_oracle_mode(oracle, ep) == WD_MODE_OFF;
	trial = judge_policy(&at, ep, dir, flow, serves ? &ends : NULL);
	if (trial.reason < WD_R_FIRST_DROP)
		return ret;
	trial.verdict = WD_AUDIT;
	return trial;
}
