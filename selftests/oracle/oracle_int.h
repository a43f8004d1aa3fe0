/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * oracle_int.h - plain questions about addresses, labels and their owners, for
 * the files of the oracle only.
 */
#ifndef WARDER_SELFTESTS_ORACLE_INT_H
#define WARDER_SELFTESTS_ORACLE_INT_H

#include "oracle.h"

uint32_t addr_bits(const struct wd_addr *addr);
bool addr_bit(const struct wd_addr *addr, uint32_t nr);
bool addr_same_prefix(const struct wd_addr *a, const struct wd_addr *b,
		      uint32_t len);
bool has_addr(const struct wd_addr *list, uint32_t cnt,
	      const struct wd_addr *addr);
const char *label_of(const struct wd_labels *labels, const char *key);
bool req_holds(const struct wd_req *req, const char *value);
bool selects_pod(const struct wd_selector *sel, const struct wd_object *pod);
bool selects_ns(const struct wd_oracle *oracle, const struct wd_selector *sel,
		const char *ns);
bool is_subject(const struct wd_oracle *oracle, const struct wd_object *pod,
		const struct wd_object *policy, const struct wd_spec *spec);
bool policy_counts(const struct wd_oracle *oracle,
		   const struct wd_object *policy);
bool pod_counts(const struct wd_object *pod);
/* forbidden.c */
bool node_has(const struct wd_object *node, const struct wd_addr *addr);
bool is_local(const struct wd_oracle *oracle, const struct wd_addr *addr);
bool is_link_local(const struct wd_addr *addr);
bool is_node(const struct wd_oracle *oracle, const struct wd_addr *addr);
bool is_tunnel(const struct wd_oracle *oracle, const struct wd_flow *flow,
	       enum wd_dir dir);
/* far.c */
bool is_far(const char *ns);
const char *far_ns_name(const char *ns);
/* is it about clusters, and if so does it hold for that namespace */
bool far_req(const struct wd_req *req, const char *ns, bool *ret_holds);
bool far_is_named(const struct wd_selector *sel);
/* two other clusters claim it, and this one does not */
bool far_is_disputed(const struct wd_oracle *oracle,
		     const struct wd_addr *addr);
const struct wd_object *far_owner(const struct wd_oracle *oracle,
				  const struct wd_addr *addr);
/* names of ports of a pod of another cluster: to who names that cluster */
bool far_name_counts(const struct wd_peer *peer, const struct wd_port *port);
bool pod_is_newer(const struct wd_object *a, const struct wd_object *b);
bool is_of_router(const struct wd_flow *flow, enum wd_dir dir);
bool is_dhcp_server(const struct wd_flow *flow, enum wd_dir dir);
bool may_encapsulate(const struct wd_oracle *oracle,
		     const struct wd_endpoint *ep);
/* service.c: as peers of rules */
bool is_served(const struct wd_oracle *oracle, const struct wd_peer *peer,
	       const struct wd_addr *addr);
bool is_sliced(const struct wd_oracle *oracle, const struct wd_peer *peer,
	       const struct wd_addr *addr, bool selected);
bool serves_pods(const struct wd_oracle *oracle, const struct wd_peer *peer);
bool serves_anybody(const struct wd_oracle *oracle, const struct wd_peer *peer);
bool serves_unknown(const struct wd_oracle *oracle, const struct wd_peer *peer);

#endif /* WARDER_SELFTESTS_ORACLE_INT_H */
