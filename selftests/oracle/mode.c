// SPDX-License-Identifier: GPL-2.0-only
/*
 * mode.c - which policies have a say about an endpoint, and what it is worth.
 */
#include "oracle_int.h"

static enum wd_mode space_mode(const struct wd_oracle *oracle,
			       const struct wd_endpoint *ep)
{
	const struct wd_object *ns =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ep->ns);

	if (ns && ns->nsp.mode != WD_MODE_UNSET)
		return ns->nsp.mode;
	return oracle->mode == WD_MODE_UNSET ? WD_MODE_ENFORCE : oracle->mode;
}

enum wd_mode wd_oracle_mode(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);

	if (pod && pod->pod.mode != WD_MODE_UNSET)
		return pod->pod.mode;
	return space_mode(oracle, ep);
}

static bool is_of_cluster(const struct wd_object *policy)
{
	return policy->kind == WD_KIND_CILIUM_CNP ||
	       policy->policy.tier == WD_TIER_ADMIN;
}

static bool selects(const struct wd_oracle *oracle,
		    const struct wd_object *policy, const struct wd_object *pod)
{
	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++)
		if (is_subject(oracle, pod, policy, &policy->policy.spec[i]))
			return true;
	return false;
}

bool wd_oracle_is_lifted(const struct wd_oracle *oracle,
			 const struct wd_endpoint *ep)
{
	const struct wd_object *pod = wd_oracle_pod(oracle, ep);
	enum wd_mode mode = wd_oracle_mode(oracle, ep);
	enum wd_mode space = space_mode(oracle, ep);
	const struct wd_object *p = NULL;

	if (mode == space || mode == WD_MODE_ENFORCE || space == WD_MODE_OFF)
		return false;
	for (int kind = WD_KIND_FIRST_POLICY; kind < WD_KIND__MAX; kind++)
		while ((p = wd_store_next(oracle->store, (enum wd_kind)kind,
					  p)))
			if (is_of_cluster(p) && selects(oracle, p, pod))
				return true;
	return false;
}

enum wd_mode wd_oracle_enforced(const struct wd_oracle *oracle,
				const struct wd_endpoint *ep)
{
	return wd_oracle_is_lifted(oracle, ep) ? space_mode(oracle, ep) :
						 wd_oracle_mode(oracle, ep);
}

bool policy_counts(const struct wd_oracle *oracle,
		   const struct wd_object *policy)
{
	return (!policy->policy.on_trial || oracle->tries) &&
	       (!oracle->lifts || is_of_cluster(policy));
}
