// SPDX-License-Identifier: GPL-2.0-only
/*
 * node.c - this node as what policies are about: to them it is a pod that has
 * the labels of its Node and no namespace.
 */
#include <string.h>

#include "oracle_int.h"

static const struct wd_object *node_of(const struct wd_oracle *oracle)
{
	return wd_store_get(oracle->store, WD_KIND_NODE, "", oracle->node);
}

static bool is_selected(const struct wd_oracle *oracle,
			const struct wd_object *self)
{
	const struct wd_object *policy = NULL;

	while ((policy = wd_store_next(oracle->store, WD_KIND_CILIUM_CNP,
				       policy)))
		for (uint32_t i = 0; i < policy->policy.spec_cnt; i++)
			if (is_subject(oracle, self, policy,
				       &policy->policy.spec[i]))
				return true;
	return false;
}

static bool is_own(const struct wd_oracle *oracle, const struct wd_addr *addr)
{
	return !is_local(oracle, addr) &&
	       has_addr(oracle->host, (uint32_t)oracle->host_cnt, addr);
}

bool wd_oracle_node(const struct wd_oracle *oracle, enum wd_dir dir,
		    const struct wd_flow *flow, struct wd_answer *ret)
{
	const struct wd_addr *own = dir == WD_EGRESS ? &flow->src : &flow->dst;
	const struct wd_addr *peer = dir == WD_EGRESS ? &flow->dst : &flow->src;
	const struct wd_object *node = node_of(oracle);
	const struct wd_endpoint self = { .ns = "", .name = "", .uid = "" };
	struct wd_object pod = { .kind = WD_KIND_POD, .ns = "" };
	struct wd_flow here = *flow;
	struct wd_oracle at = *oracle;

	if (!oracle->judges_node || !node)
		return false;
	pod.pod.labels = node->node.labels;
	pod.pod.is_node = true;
	at.self = &self;
	at.self_pod = &pod;
	at.untranslated = true; /* it was */
	here.from_host = false; /* which is about pods */
	/* by lo, or to a pod of its own, which judges */
	if (!is_own(oracle, own) || is_own(oracle, peer) ||
	    (dir == WD_EGRESS && is_local(oracle, peer)))
		return false;
	if (!is_selected(&at, &pod))
		return false;
	*ret = wd_oracle_judge(&at, &self, dir, &here);
	return true;
}
