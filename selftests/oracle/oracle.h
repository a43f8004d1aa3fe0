/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle.h - the slow, obvious truth of what policy says about a packet.
 *
 * Plain loops over the objects, written from the Kubernetes specification and
 * from nothing of the compiler: it shares only the plain structs with it, not
 * one function. Knows no tables, no identities, no flows.
 */
#ifndef WARDER_SELFTESTS_ORACLE_H
#define WARDER_SELFTESTS_ORACLE_H

#include "model/model.h"
#include "model/store.h"

/* What there is on a node. */
struct wd_oracle {
	const struct wd_store *store;
	const struct wd_endpoint *const *ep; /* local, in any order */
	uint32_t ep_cnt;
	enum wd_mode mode; /* of the cluster */
	bool host_policy;
	const struct wd_addr *host; /* addresses of this host */
	size_t host_cnt;
	const char *node; /* its name */
};

struct wd_answer {
	enum wd_verdict verdict;
	enum wd_reason reason;
};

/**
 * wd_oracle_judge() - what the hook of @ep must say of a new flow
 * @dir: WD_EGRESS: @ep is the sender, WD_INGRESS: the receiver
 */
struct wd_answer wd_oracle_judge(const struct wd_oracle *oracle,
				 const struct wd_endpoint *ep, enum wd_dir dir,
				 const struct wd_flow *flow);

/** wd_oracle_rule() - does this rule of @policy say anything of @flow to or from @ep */
bool wd_oracle_rule(const struct wd_oracle *oracle,
		    const struct wd_endpoint *ep, enum wd_dir dir,
		    const struct wd_flow *flow, const struct wd_object *policy,
		    uint32_t rule);

/** wd_oracle_isolates() - does @policy isolate @ep in this direction */
bool wd_oracle_isolates(const struct wd_oracle *oracle,
			const struct wd_endpoint *ep, enum wd_dir dir,
			const struct wd_object *policy);

/** wd_oracle_pod() - the Pod of an endpoint, NULL if no source told of it */
const struct wd_object *wd_oracle_pod(const struct wd_oracle *oracle,
				      const struct wd_endpoint *ep);

/** wd_oracle_is_group() - is it no address of one machine, so that nothing comes from it */
bool wd_oracle_is_group(const struct wd_addr *addr);

/** wd_oracle_owner() - the pod that an address belongs to, or NULL */
const struct wd_object *wd_oracle_owner(const struct wd_oracle *oracle,
					const struct wd_addr *addr);

/** wd_oracle_local() - local endpoints that have @addr. Return: how many; *ret_ep the first */
uint32_t wd_oracle_local(const struct wd_oracle *oracle,
			 const struct wd_addr *addr,
			 const struct wd_endpoint **ret_ep);

#endif /* WARDER_SELFTESTS_ORACLE_H */
