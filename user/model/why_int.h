/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why_int.h - what why.c and why_service.c share. As the functions of the same
 * names in bpf/policy.h, where there are such.
 */
#ifndef WARDER_WHY_INT_H
#define WARDER_WHY_INT_H

#include "model_int.h"

/* One end as a rule sees it. */
struct side {
	const struct mclaim *claim; /* NULL: no claim */
	const struct wd_addr *addr;
};

/** why_find_addr() - Return: what is known of the address, NULL nothing */
struct maddr *why_find_addr(const struct wd_model *m,
			    const struct wd_addr *addr);

/** why_side_of() - the end that has this address, which is borrowed */
struct side why_side_of(const struct wd_model *m, const struct wd_addr *addr);

/** why_side_pod() - as a peer: one whose labels are beyond the quota is nobody. Return: NULL no pod */
const struct wd_object *why_side_pod(const struct side *s);

/** why_peer_matches() - is this peer of a rule, in a policy of @ns, about @who */
bool why_peer_matches(const struct wd_model *m, const struct wd_peer *peer,
		      const char *ns, const struct side *who);

/** why_rule_matches() - is any peer of the rule */
bool why_rule_matches(const struct wd_model *m,
		      const struct wd_policy_rule *rule, const char *ns,
		      const struct side *peer);

/**
 * why_named_by() - whose names of ports count, of those that a flow is sent to
 * A pod's of another cluster do where the rule names that cluster. NULL: nobody's.
 */
const struct wd_object *why_named_by(const struct wd_model *m,
				     const struct wd_policy_rule *rule,
				     const char *ns, const struct side *peer);

/** why_port_matches() - is any of its ports; @named_by: the pod whose names of ports count, or NULL */
bool why_port_matches(const struct wd_policy_rule *rule,
		      const struct wd_object *named_by,
		      const struct wd_flow *flow);

/** why_side_is_node() - is it an address of this node or another */
bool why_side_is_node(const struct side *s);

/** why_reason_is_policy() - does audit mode let it pass */
bool why_reason_is_policy(enum wd_reason reason);

/** why_verdict_of() - what becomes of a flow with that reason */
enum wd_verdict why_verdict_of(const struct wd_model *m,
			       const struct mendpoint *e, enum wd_reason reason,
			       bool on_trial);

/**
 * why_forbidden() - why no policy can allow it, or WD_R_POLICY_ALLOW
 * @encap: what is a tunnel; NULL: the endpoint may exchange them with nodes
 * @is_host: the endpoint is this node itself, which may say what a router does
 */
enum wd_reason why_forbidden(const struct wd_flow *flow, enum wd_dir dir,
			     const struct wd_encap *encap, bool is_node,
			     bool is_host);

/** why_encap() - what is a tunnel to an endpoint that @may exchange them, or not */
const struct wd_encap *why_encap(const struct wd_model *m, bool may);

/** why_deny_reason() - of an isolated endpoint that no rule lets */
enum wd_reason why_deny_reason(const struct wd_flow *flow);

/** why_judge_objects() - what the objects say, into reason, policy, rule, verdict of @d */
void why_judge_objects(const struct wd_model *m, const struct mendpoint *e,
		       const struct side *peer, const struct wd_flow *flow,
		       struct wd_decision *d);

/** why_table_slot() - number of the slot in force, enforced or on trial; 0 none */
uint32_t why_table_slot(const struct wd_model *m, const struct mendpoint *e,
			bool on_trial);

/* Which entry of the tables decided. */
struct why_hit {
	uint32_t rule; /* id, 0 none */
	uint8_t tell; /* WD_TELL_* */
};

/** why_table_class() - number of the class that a slot has for the flow's port; 0 none */
uint32_t why_table_class(const struct wd_model *m,
			 const struct wd_slot_val *slot,
			 const struct wd_flow *flow);

/** why_table_flags() - WD_EP_* in force */
uint16_t why_table_flags(const struct wd_model *m, const struct mendpoint *e);

/** why_is_told() - is the sender of what is dropped for @reason told so, where the rung can */
bool why_is_told(const struct wd_model *m, const struct mendpoint *e,
		 enum wd_verdict verdict, enum wd_reason reason, uint8_t tell);

/** why_table_rules() - what the tables say of a row */
enum wd_reason why_table_rules(const struct wd_model *m,
			       const struct wd_slot_val *slot, uint32_t row,
			       const struct wd_flow *flow,
			       struct why_hit *ret_hit);

/** why_is_tried() - does what is on trial have a say, after @d */
bool why_is_tried(const struct wd_model *m, const struct mendpoint *e,
		  const struct wd_decision *d);

/** why_on_trial() - an empty decision beside @d, of what is on trial */
struct wd_decision why_on_trial(const struct wd_decision *d);

/** why_try_out() - *@trial in place of *@d, if it would drop. Return: is it */
bool why_try_out(struct wd_decision *d, const struct wd_decision *trial);

/**
 * why_judge_hook() - what the hook of @self says, in direction @d->dir
 * @peer: the other end
 * @host_policy: what this host sends to its pods is judged, too
 * Nothing is set but the rule to none where nobody judges.
 */
void why_judge_hook(const struct wd_model *m, const struct side *self,
		    const struct side *peer, const struct wd_flow *flow,
		    bool host_policy, struct wd_decision *d);

/**
 * why_service() - the sender's hook, where the flow goes to a service
 * Return: does it; then @d and @info are what that comes to.
 */
bool why_service(const struct wd_model *m, const struct side *src,
		 const struct side *dst, const struct wd_flow *flow,
		 struct wd_decision *d, struct wd_service_info *info);

/**
 * why_host_service() - where a flow of this host's own sockets to a service ends
 * Theirs is translated before anybody judges it, so there is no hook that sees
 * the service: @info is the first backend that the hooks here let it come to, or,
 * if there is none, the first one. It is left as it is where this node translates
 * nothing.
 */
void why_host_service(const struct wd_model *m, const struct side *src,
		      const struct side *dst, const struct wd_flow *flow,
		      bool host_policy, struct wd_service_info *info);

#endif /* WARDER_WHY_INT_H */
