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
	bool untranslated; /* what goes to a service is not translated on the way */
	bool untried; /* what is on trial is not asked after what is enforced */
	bool tries; /* policies on trial count, too */
	/* slices that a rule means only if they are known, or of any namespace, are not */
	bool few_known;
	bool lifts; /* only policies that no pod's mode lifts count */
	uint16_t tunnel; /* a port at which this node takes tunnels, 0 none */
	const struct wd_addr *host; /* addresses of this host */
	size_t host_cnt;
	const char *node; /* its name */
	bool judges_node; /* policies of nodes are in force here */
	const struct wd_endpoint *self; /* stands for this node, see node.c */
	const struct wd_object *self_pod;
};

struct wd_answer {
	enum wd_verdict verdict;
	enum wd_reason reason;
	/* of a service: backends differ, and which is asked first is open */
	bool may[WD_R__MAX];
	/* in doubt what is enforced lets it pass, and what is on trial says that reason */
	bool or_audit;
};

#define WD_ORACLE_ENDS 64

/* Where a flow to a service may end. */
struct wd_ends {
	uint32_t cnt; /* 0: nobody knows */
	struct wd_addr addr[WD_ORACLE_ENDS];
	uint16_t port[WD_ORACLE_ENDS];
};

/**
 * wd_oracle_ends() - is the destination of @flow a service's
 * @is_node: it is an address of a node
 */
bool wd_oracle_ends(const struct wd_oracle *oracle, const struct wd_flow *flow,
		    bool is_node, struct wd_ends *ret_ends);

/**
 * wd_oracle_judge() - what the hook of @ep must say of a new flow
 * @dir: WD_EGRESS: @ep is the sender, WD_INGRESS: the receiver
 */
struct wd_answer wd_oracle_judge(const struct wd_oracle *oracle,
				 const struct wd_endpoint *ep, enum wd_dir dir,
				 const struct wd_flow *flow);

/**
 * wd_oracle_node() - what must be said of a new flow that a socket of this node
 * opens (WD_EGRESS) or is asked for, behind the translation of services
 * Return: false, if nobody judges it there.
 */
bool wd_oracle_node(const struct wd_oracle *oracle, enum wd_dir dir,
		    const struct wd_flow *flow, struct wd_answer *ret);

/** wd_oracle_rule() - does this rule of @policy say anything of @flow to or from @ep */
bool wd_oracle_rule(const struct wd_oracle *oracle,
		    const struct wd_endpoint *ep, enum wd_dir dir,
		    const struct wd_flow *flow, const struct wd_object *policy,
		    uint32_t rule);

/** wd_oracle_isolates() - does @policy isolate @ep in this direction */
bool wd_oracle_isolates(const struct wd_oracle *oracle,
			const struct wd_endpoint *ep, enum wd_dir dir,
			const struct wd_object *policy);

/** wd_oracle_mode() - what an endpoint's policy is worth, as its pod or its namespace says */
enum wd_mode wd_oracle_mode(const struct wd_oracle *oracle,
			    const struct wd_endpoint *ep);

/** wd_oracle_is_lifted() - says so its pod, laxer than its namespace, and something of the cluster's stays in force */
bool wd_oracle_is_lifted(const struct wd_oracle *oracle,
			 const struct wd_endpoint *ep);

/** wd_oracle_enforced() - the mode of what stays in force */
enum wd_mode wd_oracle_enforced(const struct wd_oracle *oracle,
				const struct wd_endpoint *ep);

/** wd_oracle_pod() - the Pod of an endpoint, NULL if no source told of it */
const struct wd_object *wd_oracle_pod(const struct wd_oracle *oracle,
				      const struct wd_endpoint *ep);

/**
 * wd_oracle_strays() - is it an answer or an error of ICMP
 * They belong to a flow or to none, whatever policy says.
 * Return: false: another packet; else *ret_reason is why it is dropped where it
 * belongs to none.
 */
bool wd_oracle_strays(const struct wd_flow *flow, enum wd_reason *ret_reason);

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
