/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * near.c - looks at every rule that could have allowed a flow, and keeps the one
 * that lacks least. Decides nothing about packets.
 */
#include "near.h"

#include <string.h>

#include "model_int.h"
#include "why_int.h"

struct search {
	const struct wd_model *m;
	const struct wd_flow *flow;
	enum wd_dir dir;
	const struct wd_object *subject;
	const struct mspace *space; /* of the subject */
	struct side peer;
	struct wd_near best; /* .lack WD_NEAR__MAX: nothing yet */
};

const char *wd_near_port_name(const struct wd_object *pod, uint8_t proto,
			      uint16_t port)
{
	for (uint32_t i = 0; pod && i < pod->pod.port_cnt; i++) {
		const struct wd_port_name *p = &pod->pod.port[i];

		if (p->proto == proto && p->port == port)
			return p->name;
	}
	return NULL;
}

static void keep(struct search *s, const struct wd_near *found)
{
	if (found->lack < s->best.lack)
		s->best = *found;
}

/* How many requirements do not hold; *ret is one of them. */
static uint32_t unmet(const struct wd_selector *sel,
		      const struct wd_labels *labels, const struct wd_req **ret)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		const struct wd_selector one = { .cnt = 1,
						 .req = &sel->req[i] };

		if (wd_selector_matches(&one, labels))
			continue;
		*ret = &sel->req[i];
		cnt++;
	}
	return cnt;
}

/* Is the peer a pod that this lacks one thing of? */
static bool is_near_pods(const struct search *s, const struct wd_peer *peer,
			 const char *ns, struct wd_near *found)
{
	const struct wd_object *pod = why_side_pod(&s->peer);
	const struct wd_req *of_pod = NULL, *of_ns = NULL;
	const struct mspace *space;
	uint32_t pods, spaces;

	if (!pod || peer->type != WD_PEER_PODS)
		return false;
	HASH_FIND(hh, s->m->spaces, pod->ns, strlen(pod->ns), space);
	/* Which cluster it means is not one requirement that it lacks. */
	if (wd_cluster_is_other(pod->ns) &&
	    !wd_selector_names_cluster(peer->ns_sel))
		return false;
	pods = unmet(peer->pod_sel, pod->pod.labels, &of_pod);
	spaces = !peer->ns_sel ? strcmp(pod->ns, ns) != 0 :
		 space	       ? unmet(peer->ns_sel, space->labels, &of_ns) :
				 1;
	if (pods + spaces != 1)
		return false;
	found->lack = pods ? WD_NEAR_LABEL : WD_NEAR_NAMESPACE;
	found->req = pods ? of_pod : of_ns;
	return true;
}

static void look_at_peers(struct search *s, const struct wd_policy_rule *rule,
			  struct wd_near found)
{
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		if (is_near_pods(s, &rule->peer[i], found.policy->ns, &found))
			keep(s, &found);
	}
}

/* A name counts as near where the pod has another one for this port. */
static void look_at_ports(struct search *s, const struct wd_policy_rule *rule,
			  struct wd_near found)
{
	const struct wd_object *named_by =
		s->dir == WD_INGRESS ? s->subject : why_side_pod(&s->peer);

	found.lack = rule->any_peer ? WD_NEAR_PORT_OF_ANY : WD_NEAR_PORT;
	keep(s, &found);
	if (!wd_near_port_name(named_by, s->flow->proto, s->flow->port))
		return;
	found.lack = WD_NEAR_PORT_NAME;
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		found.port = &rule->port[i];
		if (found.port->name && found.port->proto == s->flow->proto)
			keep(s, &found);
	}
}

static void look_at_rule(struct search *s, const struct wd_object *policy,
			 const struct wd_policy_rule *rule, int index)
{
	const struct wd_object *named_by =
		s->dir == WD_INGRESS ?
			s->subject :
			why_named_by(s->m, rule, policy->ns, &s->peer);
	struct wd_near found = { .policy = policy, .rule = index };
	bool peer, port;

	if (rule->broken || rule->action != WD_RULE_ALLOW)
		return;
	peer = why_rule_matches(s->m, rule, policy->ns, &s->peer);
	port = why_port_matches(rule, named_by, s->flow);
	if (peer && !port)
		look_at_ports(s, rule, found);
	else if (port && !peer)
		look_at_peers(s, rule, found);
}

static void look_at_policies(struct search *s, const struct vec *list)
{
	for (size_t i = 0; i < list->cnt; i++) {
		const struct wd_object *policy = list->item[i];
		int index = 0;

		if (policy->policy.tier != WD_TIER_NORMAL ||
		    policy->policy.on_trial)
			continue;
		for (uint32_t k = 0; k < policy->policy.spec_cnt; k++) {
			const struct wd_spec *spec = &policy->policy.spec[k];
			uint32_t cnt = spec->rule_cnt[s->dir];

			/* what its policyTypes leave out is no rule */
			for (uint32_t r = 0;
			     r < cnt && spec->applies[s->dir] &&
			     wd_spec_selects(spec, policy->ns, s->subject,
					     s->space->labels);
			     r++)
				look_at_rule(s, policy, &spec->rule[s->dir][r],
					     index + (int)r);
			index += (int)cnt;
		}
	}
}

bool wd_model_near(const struct wd_model *m, const struct wd_flow *flow,
		   enum wd_dir dir, const struct wd_object *subject,
		   struct wd_near *ret)
{
	const struct wd_addr *addr = dir == WD_INGRESS ? &flow->src :
							 &flow->dst;
	const struct maddr *known = why_find_addr(m, addr);
	struct search s = {
		.m = m,
		.flow = flow,
		.dir = dir,
		.subject = subject,
		.peer = { known ? addr_winner(m, known) : NULL, addr },
		.best = { .lack = WD_NEAR__MAX },
	};

	HASH_FIND(hh, m->spaces, subject->ns, strlen(subject->ns), s.space);
	if (!s.space)
		return false;
	look_at_policies(&s, &m->wide);
	look_at_policies(&s, &s.space->policies);
	if (s.best.lack == WD_NEAR__MAX)
		return false;
	*ret = s.best;
	return true;
}
