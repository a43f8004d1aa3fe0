/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why.c - what both hooks say about a new flow, and which rule says it. Of flows
 * to services see why_service.c.
 *
 * Answered twice: from the objects, rule by rule, which gives the words; and
 * from the compiled tables as the programs walk them, which gives the truth.
 * The two differ only by a defect, and then the caller says so.
 */
#include <stdlib.h>
#include <string.h>

#include <warder/encap.h>

#include "../base/icmp.h"
#include "clusters.h"
#include "l4.h"
#include "model_int.h"
#include "nodes.h"
#include "why_int.h"

/* ---- from the objects ---- */

const struct wd_object *why_side_pod(const struct side *s)
{
	const struct wd_object *obj = s->claim ? claim_pod(s->claim) : NULL;

	return obj && s->claim->pod->group ? obj : NULL;
}

static bool pod_has_port(const struct wd_object *pod,
			 const struct wd_port *port, uint16_t nr)
{
	for (uint32_t i = 0; pod && i < pod->pod.port_cnt; i++) {
		const struct wd_port_name *p = &pod->pod.port[i];

		if (p->name == port->name && p->proto == port->proto &&
		    p->port == nr)
			return true;
	}
	return false;
}

/* By which number a rule tells it from others of its kind, see enum wd_l4. */
static enum wd_l4 flow_l4(const struct wd_flow *flow, uint32_t *ret_port)
{
	return wd_l4_of_flow(flow->dst.family, flow->proto, flow->port,
			     ret_port);
}

bool why_port_matches(const struct wd_policy_rule *rule,
		      const struct wd_object *named_by,
		      const struct wd_flow *flow)
{
	uint32_t port;
	enum wd_l4 l4 = flow_l4(flow, &port);

	if (rule->any_port)
		return true;
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		const struct wd_port *p = &rule->port[i];

		if (p->proto != flow->proto || wd_l4_of(p->proto) != l4)
			continue;
		if (p->name ? pod_has_port(named_by, p, flow->port) :
			      flow->port >= p->lo && flow->port <= p->hi)
			return true;
	}
	return false;
}

static bool groups_have(const struct wd_model *m, const struct wd_peer *peer,
			const struct wd_addr *addr)
{
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(m->store, WD_KIND_CIDR_GROUP, obj))) {
		for (uint32_t i = 0;
		     wd_peer_means(peer, obj) && i < obj->group.cidr_cnt; i++) {
			if (wd_cidr_has(&obj->group.cidr[i], addr))
				return true;
		}
	}
	return false;
}

static bool cidr_matches(const struct wd_model *m, const struct wd_peer *peer,
			 const struct wd_addr *addr)
{
	if (peer->type == WD_PEER_GROUPS ? !groups_have(m, peer, addr) :
					   !wd_cidr_has(&peer->cidr, addr))
		return false;
	for (uint32_t i = 0; i < peer->except_cnt; i++) {
		if (wd_cidr_has(&peer->except[i], addr))
			return false;
	}
	return true;
}

static bool is_inside(const struct wd_model *m, const struct wd_addr *addr)
{
	const struct maddr *a;

	for (const struct minside *in = m->insides; in; in = in->hh.next) {
		if (wd_cidr_has(&in->cidr, addr))
			return true;
	}
	/* claimed, and nobody's: see addr_compile() */
	a = why_find_addr(m, addr);
	return a && !SLIST_EMPTY(&a->claims) && !addr_winner(m, a);
}

static bool scope_matches(const struct wd_model *m, enum wd_cidr_scope scope,
			  const struct side *who)
{
	switch (scope) {
	case WD_CIDR_WORLD:
		return !who->claim && !is_inside(m, who->addr);
	case WD_CIDR_UNKNOWN:
		return !who->claim && is_inside(m, who->addr);
	case WD_CIDR_STRANGER:
		return !who->claim;
	case WD_CIDR_ALL:
		break;
	}
	return true;
}

static bool claim_is_own(const struct wd_model *m, const struct mclaim *c)
{
	return c->kind == CLAIM_HOST || c->node->name == m->node;
}

static bool node_matches(const struct wd_model *m, const struct wd_peer *peer,
			 const struct side *who)
{
	const struct wd_object *node;

	if (!who->claim ||
	    (who->claim->kind != CLAIM_NODE && who->claim->kind != CLAIM_HOST))
		return false;
	if (peer->nodes != WD_NODES_ALL &&
	    claim_is_own(m, who->claim) != (peer->nodes == WD_NODES_OWN))
		return false;
	node = who->claim->kind == CLAIM_NODE ?
		       who->claim->node :
		       wd_nodes_object(m->store, m->node);
	return wd_selector_matches(peer->node_sel,
				   node ? node->node.labels : m->no_labels);
}

static bool slices_have(const struct mservice *service,
			const struct wd_addr *addr)
{
	for (size_t i = 0; i < service->slices.cnt; i++) {
		const struct wd_slice *slice =
			&((const struct wd_object *)service->slices.item[i])
				 ->slice;

		for (uint32_t k = 0; k < slice->addr_cnt; k++) {
			if (wd_addr_equal(&slice->addr[k], addr))
				return true;
		}
	}
	return false;
}

static bool services_have(const struct wd_model *m, const struct wd_peer *peer,
			  const struct side *who)
{
	const struct wd_object *pod = why_side_pod(who);
	const struct mservice *s = NULL;

	while ((s = service_next(m, peer, s))) {
		if (!service_pods(s) ?
			    slices_have(s, who->addr) :
			    pod && pod->ns == s->key.ns &&
				    wd_selector_matches(service_pods(s),
							pod->pod.labels))
			return true;
	}
	return false;
}

bool why_peer_matches(const struct wd_model *m, const struct wd_peer *peer,
		      const char *ns, const struct side *who)
{
	const struct wd_object *pod = why_side_pod(who);
	const struct mspace *s;

	if (peer->type == WD_PEER_SERVICES)
		return services_have(m, peer, who);
	if (peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS)
		return cidr_matches(m, peer, who->addr) &&
		       scope_matches(m, peer->scope, who);
	if (peer->type == WD_PEER_NODES)
		return node_matches(m, peer, who);
	if (!pod)
		return false;
	if (!peer->ns_sel && strcmp(pod->ns, ns) != 0)
		return false;
	HASH_FIND(hh, m->spaces, pod->ns, strlen(pod->ns), s);
	if (peer->ns_sel && (!s || !wd_space_matches(peer->ns_sel, s->labels)))
		return false;
	return wd_selector_matches(peer->pod_sel, pod->pod.labels);
}

/* What denies is about more than what allows, see draft.c. */
static bool may_be_meant(const struct wd_model *m,
			 const struct wd_policy_rule *rule,
			 const struct wd_peer *peer, const struct side *who)
{
	const struct mservice *s = NULL;

	if (peer->type != WD_PEER_SERVICES || rule->action == WD_RULE_ALLOW)
		return false;
	if (services_unknown(m, peer))
		return true;
	while ((s = service_next(m, peer, s))) {
		if (slices_have(s, who->addr))
			return true;
	}
	return false;
}

bool why_rule_matches(const struct wd_model *m,
		      const struct wd_policy_rule *rule, const char *ns,
		      const struct side *peer)
{
	if (rule->any_peer)
		return true;
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		if (why_peer_matches(m, &rule->peer[i], ns, peer) ||
		    may_be_meant(m, rule, &rule->peer[i], peer))
			return true;
	}
	return false;
}

const struct wd_object *why_named_by(const struct wd_model *m,
				     const struct wd_policy_rule *rule,
				     const char *ns, const struct side *peer)
{
	const struct wd_object *pod = why_side_pod(peer);

	if (!pod || !wd_cluster_is_other(pod->ns))
		return pod;
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		if (rule->peer[i].type == WD_PEER_PODS &&
		    why_peer_matches(m, &rule->peer[i], ns, peer))
			return pod;
	}
	return NULL;
}

/* Somebody inside the cluster, of whom no source has told who it is. */
static bool side_is_unknown(const struct wd_model *m, const struct side *who)
{
	return who->claim ? who->claim->pod && !why_side_pod(who) :
			    is_inside(m, who->addr);
}

static bool addr_is_group(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return ntohl(addr->v4.s_addr) >= 0xe0000000;
	return IN6_IS_ADDR_MULTICAST(&addr->v6);
}

/* Of the link or of a group: may be this host, though nobody claims it. */
bool addr_is_near(const struct wd_addr *addr)
{
	if (addr_is_group(addr))
		return true;
	if (addr->family == 4)
		return ntohl(addr->v4.s_addr) >> 16 == 0xa9fe;
	return IN6_IS_ADDR_LINKLOCAL(&addr->v6);
}

const struct wd_encap *why_encap(const struct wd_model *m, bool may)
{
	return may ? NULL : &m->encap;
}

/*
 * What no policy can allow, as far as the question tells: the source port of
 * a flow is not asked for, and is none that matters here.
 */
enum wd_reason why_forbidden(const struct wd_flow *flow, enum wd_dir dir,
			     const struct wd_encap *encap, bool is_node,
			     bool is_host)
{
	bool is_udp = flow->proto == IPPROTO_UDP;

	if (!is_host && dir == WD_EGRESS && flow->dst.family == 6 &&
	    flow->proto == IPPROTO_ICMPV6 &&
	    wd_icmp6_is_routers((uint8_t)(flow->port >> 8)))
		return WD_R_ND_FORBIDDEN;
	if (is_udp && dir == WD_INGRESS &&
	    flow->port ==
		    (flow->dst.family == 4 ? WD_DHCP4_SERVER : WD_DHCP6_SERVER))
		return WD_R_DHCP_FORBIDDEN;
	if (!encap || !is_node || flow->proto == IPPROTO_TCP)
		return WD_R_POLICY_ALLOW;
	if (is_udp ? dir == WD_EGRESS && wd_encap_is_port(encap, flow->port) :
		     WD_ENCAP_IS_PROTO(flow->proto))
		return WD_R_ENCAP_FORBIDDEN;
	return WD_R_POLICY_ALLOW;
}

enum wd_reason why_deny_reason(const struct wd_flow *flow)
{
	uint32_t port;

	if (addr_is_group(&flow->dst))
		return WD_R_MCAST;
	return flow_l4(flow, &port) == WD_L4_OTHER ? WD_R_PROTO_UNSUP :
						     WD_R_DEFAULT;
}

/* A question, and where the search for its answer stands. */
struct quest {
	const struct wd_model *m;
	const struct mspace *space;
	const struct wd_object *subject;
	const struct vec *wide; /* policies of the cluster that may have a say */
	const struct side *peer;
	const struct wd_flow *flow;
	struct wd_decision *d;
	const struct wd_object *isolates; /* the first policy that does */
	bool tries, lifts; /* see wd_policy_counts() */
	/* perhaps this tier was left: what allows in it does not count */
	bool maybe[WD_TIER_BASELINE + 1];
};

/* The words of draft.c: what a rule comes to if it was not understood. */
static enum wd_rule_action action_of(const struct wd_policy_rule *rule,
				     bool broken)
{
	return broken && rule->action == WD_RULE_PASS ? WD_RULE_DENY :
							rule->action;
}

static bool rule_decides(const struct quest *q, const struct wd_object *policy,
			 const struct wd_policy_rule *rule, bool broken)
{
	const struct wd_object *named_by =
		q->d->dir == WD_INGRESS ?
			q->subject :
			why_named_by(q->m, rule, policy->ns, q->peer);

	if (broken)
		return rule->action != WD_RULE_ALLOW;
	return why_port_matches(rule, named_by, q->flow) &&
	       why_rule_matches(q->m, rule, policy->ns, q->peer);
}

/* Does a service mean pods by labels, which somebody unknown may have? */
static bool services_mean_pods(const struct wd_model *m,
			       const struct wd_peer *peer)
{
	const struct mservice *s = NULL;

	while ((s = service_next(m, peer, s))) {
		if (service_pods(s))
			return true;
	}
	return false;
}

/* Could it be about somebody unknown, by this peer (NULL: any)? Only pods name ports. */
static bool peer_may_match(const struct quest *q,
			   const struct wd_policy_rule *rule,
			   const struct wd_peer *peer)
{
	bool egress = q->d->dir == WD_EGRESS;

	if (peer &&
	    (peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS) &&
	    !why_peer_matches(q->m, peer, "", q->peer))
		return false;
	if (peer && peer->type == WD_PEER_NODES && peer->nodes == WD_NODES_OWN)
		return false;
	if (peer && peer->type == WD_PEER_SERVICES &&
	    !services_mean_pods(q->m, peer))
		return false;
	if (why_port_matches(rule, egress ? NULL : q->subject, q->flow))
		return true;
	for (uint32_t i = 0; egress && i < rule->port_cnt; i++) {
		if (rule->port[i].name &&
		    rule->port[i].proto == q->flow->proto &&
		    (!peer || peer->type == WD_PEER_PODS))
			return true;
	}
	return false;
}

static bool rule_may_decide(const struct quest *q,
			    const struct wd_policy_rule *rule)
{
	if (!side_is_unknown(q->m, q->peer))
		return false;
	if (rule->any_peer)
		return peer_may_match(q, rule, NULL);
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		if (peer_may_match(q, rule, &rule->peer[i]))
			return true;
	}
	return false;
}

/* What is sure, and what might be where that closes; see class.c. */
static bool rule_counts(struct quest *q, const struct wd_object *policy,
			const struct wd_policy_rule *rule, bool broken)
{
	bool decides = rule_decides(q, policy, rule, broken);

	if (rule->action == WD_RULE_ALLOW)
		return decides && !q->maybe[policy->policy.tier];
	if (decides || !rule_may_decide(q, rule))
		return decides;
	q->maybe[policy->policy.tier] |= rule->action == WD_RULE_PASS;
	return rule->action == WD_RULE_DENY;
}

/* A rule that allows, and does not count: would it decide? */
static void note_refused(struct quest *q, const struct wd_object *policy,
			 const struct wd_policy_rule *rule, bool broken)
{
	if (!q->d->refused && (broken || rule_decides(q, policy, rule, false)))
		q->d->refused = policy;
}

/* The first rule that does @only (-1: anything) and matches. Return: was there one. */
static bool ask_spec(struct quest *q, const struct wd_object *policy,
		     const struct wd_spec *spec, int first, int only,
		     enum wd_rule_action *ret_action)
{
	for (uint32_t i = 0; i < spec->rule_cnt[q->d->dir]; i++) {
		const struct wd_policy_rule *rule = &spec->rule[q->d->dir][i];
		bool unread = rule->broken || spec->subject_broken;
		bool broken = unread || quota_is_over(q->m, policy);

		if (only >= 0 && only != (int)rule->action)
			continue;
		if (broken && rule->action == WD_RULE_ALLOW)
			note_refused(q, policy, rule, unread);
		if (!rule_counts(q, policy, rule, broken))
			continue;
		*ret_action = action_of(rule, broken);
		q->d->policy = policy;
		q->d->rule = first + (int)i;
		return true;
	}
	return false;
}

static bool ask_policy(struct quest *q, const struct wd_object *policy,
		       int only, enum wd_rule_action *ret_action)
{
	int first = 0;

	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++) {
		const struct wd_spec *spec = &policy->policy.spec[i];

		if (spec->applies[q->d->dir] &&
		    wd_spec_selects(spec, policy->ns, q->subject,
				    q->space->labels)) {
			if (spec->isolates[q->d->dir] && !q->isolates)
				q->isolates = policy;
			if (ask_spec(q, policy, spec, first, only, ret_action))
				return true;
		}
		first += (int)spec->rule_cnt[q->d->dir];
	}
	return false;
}

static bool ask_list(struct quest *q, const struct vec *list, enum wd_tier tier,
		     int only, enum wd_rule_action *ret_action)
{
	for (size_t i = 0; i < list->cnt; i++) {
		const struct wd_object *policy = list->item[i];

		if (policy->policy.tier == tier &&
		    wd_policy_counts(policy, q->tries, q->lifts) &&
		    ask_policy(q, policy, only, ret_action))
			return true;
	}
	return false;
}

/* Return: did any rule decide; *ret_action what, never PASS. */
static bool ask_tiers(struct quest *q, enum wd_rule_action *ret_action)
{
	static const enum wd_rule_action order[] = { WD_RULE_DENY,
						     WD_RULE_ALLOW };

	if (ask_list(q, q->wide, WD_TIER_ADMIN, -1, ret_action) &&
	    *ret_action != WD_RULE_PASS)
		return true;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		if (ask_list(q, q->wide, WD_TIER_NORMAL, (int)order[i],
			     ret_action) ||
		    ask_list(q, &q->space->policies, WD_TIER_NORMAL,
			     (int)order[i], ret_action))
			return true;
	}
	return !q->isolates &&
	       ask_list(q, q->wide, WD_TIER_BASELINE, -1, ret_action) &&
	       *ret_action != WD_RULE_PASS;
}

static void judge_policies(const struct wd_model *m, const struct mendpoint *e,
			   const struct side *peer, const struct wd_flow *flow,
			   struct wd_decision *d)
{
	const struct wd_object *subject = endpoint_pod(e);
	struct quest q = {
		.m = m,
		.subject = subject,
		.wide = e->is_host ? &e->wide : &m->wide,
		.peer = peer,
		.flow = flow,
		.d = d,
		.tries = d->on_trial,
		.lifts = e->lifted &&
			 (!d->on_trial || endpoint_mode(m, e) == WD_MODE_OFF),
	};
	enum wd_rule_action action;

	HASH_FIND(hh, m->spaces, subject->ns, strlen(subject->ns), q.space);
	d->reason = WD_R_NOT_ISOLATED;
	if (!q.space)
		return; /* cannot be: its endpoint is there */
	if (ask_tiers(&q, &action)) {
		d->reason = action == WD_RULE_ALLOW ? WD_R_POLICY_ALLOW :
						      WD_R_POLICY;
		return;
	}
	d->rule = -1; /* one that passed on may have been noted */
	d->policy = q.isolates;
	if (q.isolates)
		d->reason = why_deny_reason(flow);
}

/* Of the reasons that a question gets, those that audit mode lets pass. */
bool why_reason_is_policy(enum wd_reason reason)
{
	return reason == WD_R_DEFAULT || reason == WD_R_POLICY ||
	       reason == WD_R_PROTO_UNSUP || reason == WD_R_MCAST ||
	       reason == WD_R_SERVICE;
}

bool why_side_is_node(const struct side *s)
{
	return addr_is_near(s->addr) ||
	       (s->claim &&
		(s->claim->kind == CLAIM_HOST || s->claim->kind == CLAIM_NODE));
}

enum wd_verdict why_verdict_of(const struct wd_model *m,
			       const struct mendpoint *e, enum wd_reason reason,
			       bool on_trial)
{
	if (reason < WD_R_FIRST_DROP)
		return WD_ALLOW;
	if (why_reason_is_policy(reason) &&
	    (on_trial || endpoint_enforced(m, e) == WD_MODE_AUDIT))
		return WD_AUDIT;
	return WD_DROP;
}

void why_judge_objects(const struct wd_model *m, const struct mendpoint *e,
		       const struct side *peer, const struct wd_flow *flow,
		       struct wd_decision *d)
{
	d->reason = why_forbidden(flow, d->dir, why_encap(m, endpoint_encap(e)),
				  why_side_is_node(peer), e->is_host);
	if (d->reason != WD_R_POLICY_ALLOW)
		; /* no mode and no policy has a say */
	else if (endpoint_enforced(m, e) == WD_MODE_OFF)
		d->reason = WD_R_MODE_OFF;
	else if (!endpoint_pod(e))
		d->reason = WD_R_NOT_READY;
	else
		judge_policies(m, e, peer, flow, d);
	d->verdict = why_verdict_of(m, e, d->reason, d->on_trial);
}

/* ---- from the tables ---- */

/* Number of the slot in force, of what is enforced or of what is on trial; 0 none. */
uint32_t why_table_slot(const struct wd_model *m, const struct mendpoint *e,
			bool on_trial)
{
	if (!e->in_kernel)
		return 0;
	return on_trial ? e->have.trial[m->gen & 1] : e->have.slot[m->gen & 1];
}

uint16_t why_table_flags(const struct wd_model *m, const struct mendpoint *e)
{
	return e->have.flags[m->gen & 1];
}

uint32_t why_table_class(const struct wd_model *m,
			 const struct wd_slot_val *slot,
			 const struct wd_flow *flow)
{
	uint32_t port, cls = 0;
	enum wd_l4 l4 = flow_l4(flow, &port);
	const struct wd_span_val *span = &m->sink.span[slot->first[l4]];

	for (uint32_t i = 0; i < slot->cnt[l4] && span[i].lo <= port; i++)
		cls = span[i].class;
	return cls;
}

bool why_is_told(const struct wd_model *m, const struct mendpoint *e,
		 enum wd_verdict verdict, enum wd_reason reason, uint8_t tell)
{
	if (e->is_host || verdict != WD_DROP || reason == WD_R_MCAST ||
	    !why_reason_is_policy(reason))
		return false;
	return tell == WD_TELL_DENIED ||
	       (tell == WD_TELL_AS_EP &&
		(why_table_flags(m, e) & WD_EP_REJECT));
}

enum wd_reason why_table_rules(const struct wd_model *m,
			       const struct wd_slot_val *slot, uint32_t row,
			       const struct wd_flow *flow,
			       struct why_hit *ret_hit)
{
	const struct wd_class_val *cls =
		&m->sink.class[why_table_class(m, slot, flow)];
	const __u64 *bits = m->sink.row[row].bits;

	for (uint32_t i = 0; i < cls->cnt; i++) {
		const struct wd_rule *r = &cls->rule[i];

		if (r->pred != WD_PRED_ANY &&
		    !(bits[r->pred / 64] >> (r->pred % 64) & 1))
			continue;
		*ret_hit = (struct why_hit){ r->id, r->tell };
		return r->action == WD_ACT_ALLOW ? WD_R_POLICY_ALLOW :
						   WD_R_POLICY;
	}
	ret_hit->tell = slot->flags & WD_SLOT_REJECT ? WD_TELL_DENIED :
			slot->flags & WD_SLOT_SILENT ? WD_TELL_NOTHING :
						       WD_TELL_AS_EP;
	return slot->flags & WD_SLOT_ISOLATED ? why_deny_reason(flow) :
						WD_R_NOT_ISOLATED;
}

static void judge_tables(const struct wd_model *m, const struct mendpoint *e,
			 const struct wd_addr *peer, const struct wd_flow *flow,
			 struct wd_decision *d)
{
	uint32_t nr = why_table_slot(m, e, d->on_trial);
	const struct wd_slot_val *slot =
		&m->sink.slot[(size_t)nr * WD_DIR__MAX + d->dir];
	struct why_hit hit = { 0 };
	struct wd_addr_info info;

	wd_model_addr(m, peer, &info);
	d->peer_identity = info.identity;
	d->identity = e->have.identity;
	d->table_reason = why_forbidden(
		flow, d->dir, why_encap(m, why_table_flags(m, e) & WD_EP_ENCAP),
		addr_is_near(peer) ||
			info.flags & (WD_ADDR_HOST | WD_ADDR_NODE),
		e->is_host);
	if (d->table_reason != WD_R_POLICY_ALLOW)
		; /* no mode and no policy has a say */
	else if (why_table_flags(m, e) & WD_EP_OFF)
		d->table_reason = WD_R_MODE_OFF;
	else if (nr == 0 || !(slot->flags & WD_SLOT_READY))
		d->table_reason = WD_R_NOT_READY;
	else
		d->table_reason =
			why_table_rules(m, slot, info.row, flow, &hit);
	if (hit.rule)
		d->rule_id = hit.rule;
	d->table_verdict = why_verdict_of(m, e, d->table_reason, d->on_trial);
	d->told =
		why_is_told(m, e, d->table_verdict, d->table_reason, hit.tell);
}

/* ---- both ---- */

struct maddr *why_find_addr(const struct wd_model *m,
			    const struct wd_addr *addr)
{
	struct wd_addr key;
	struct maddr *a;

	memset(&key, 0, sizeof(key));
	key.family = addr->family;
	memcpy(&key.v6, &addr->v6, addr->family == 4 ? 4 : 16);
	HASH_FIND(hh, m->addrs, &key, sizeof(key), a);
	return a;
}

struct side why_side_of(const struct wd_model *m, const struct wd_addr *addr)
{
	struct maddr *a = why_find_addr(m, addr);

	return (struct side){ a ? addr_winner(m, a) : NULL, addr };
}

/* Does what is on trial have a say, after what is enforced said so much? */
bool why_is_tried(const struct wd_model *m, const struct mendpoint *e,
		  const struct wd_decision *d)
{
	return why_table_slot(m, e, true) && d->verdict == WD_ALLOW;
}

struct wd_decision why_on_trial(const struct wd_decision *d)
{
	return (struct wd_decision){
		.dir = d->dir, .enforced = true, .rule = -1, .on_trial = true
	};
}

/* Only what would drop is told; the rest passes for what it passes for. */
bool why_try_out(struct wd_decision *d, const struct wd_decision *trial)
{
	if (trial->verdict != WD_AUDIT && trial->table_verdict != WD_AUDIT)
		return false;
	*d = *trial;
	return true;
}

/* Who judges at that end: a pod's hook, or the host's. NULL nobody. */
static const struct mendpoint *judge_at(const struct wd_model *m,
					const struct side *self,
					const struct side *peer,
					enum wd_dir dir)
{
	const struct mendpoint *e = NULL;

	if (!self->claim)
		return NULL;
	if (self->claim->kind == CLAIM_ENDPOINT)
		HASH_FIND(hh, m->endpoints, &self->claim->ep->id,
			  sizeof(uint32_t), e);
	/* what the host sends to a pod of its own is the pod's to judge */
	else if (self->claim->kind == CLAIM_HOST &&
		 (dir == WD_INGRESS || !peer->claim ||
		  peer->claim->kind != CLAIM_ENDPOINT))
		e = host_endpoint(m);
	return e;
}

void why_judge_hook(const struct wd_model *m, const struct side *self,
		    const struct side *peer, const struct wd_flow *flow,
		    bool host_policy, struct wd_decision *d)
{
	const struct mendpoint *e = judge_at(m, self, peer, d->dir);

	d->rule = -1;
	if (!e || (e->is_host && peer->claim &&
		   peer->claim->kind == CLAIM_HOST)) /* by lo, unjudged */
		return;
	d->enforced = true;
	why_judge_objects(m, e, peer, flow, d);
	judge_tables(m, e, peer->addr, flow, d);
	if (why_is_tried(m, e, d)) {
		struct wd_decision trial = why_on_trial(d);

		why_judge_objects(m, e, peer, flow, &trial);
		judge_tables(m, e, peer->addr, flow, &trial);
		(void)why_try_out(d, &trial);
	}
	if (d->dir == WD_INGRESS && flow->from_host && !host_policy &&
	    !e->is_host) {
		d->verdict = d->table_verdict = WD_ALLOW;
		d->reason = d->table_reason = WD_R_HOST;
		d->policy = NULL;
		d->rule = -1;
		d->rule_id = 0;
		d->peer_identity = WD_ID_HOST;
		d->on_trial = false;
	}
}

/* The flow as its receiver sees it. */
static struct wd_flow translated(const struct wd_flow *flow,
				 const struct wd_service_info *info)
{
	struct wd_flow there = *flow;

	if (info->backends) {
		there.dst = info->addr;
		there.port = info->port;
	}
	return there;
}

void wd_model_why(const struct wd_model *m, const struct wd_flow *flow,
		  bool host_policy, struct wd_decision ret[WD_DIR__MAX],
		  struct wd_service_info *ret_service)
{
	struct wd_service_info info = { 0 };
	struct wd_flow there;
	struct side src = why_side_of(m, &flow->src);
	struct side dst = why_side_of(m, &flow->dst);
	bool judged = false;

	memset(ret, 0, WD_DIR__MAX * sizeof(*ret));
	ret[WD_INGRESS].dir = WD_INGRESS;
	ret[WD_EGRESS].dir = WD_EGRESS;
	if (flow->from_host)
		why_host_service(m, &src, &dst, flow, host_policy, &info);
	else if (why_service(m, &src, &dst, flow, &ret[WD_EGRESS], &info))
		judged = true;
	there = translated(flow, &info);
	if (info.backends)
		dst = why_side_of(m, &info.addr);
	if (!judged)
		why_judge_hook(m, &src, &dst, &there, host_policy,
			       &ret[WD_EGRESS]);
	if (ret_service)
		*ret_service = info;
	why_judge_hook(m, &dst, &src, &there, host_policy, &ret[WD_INGRESS]);
}
