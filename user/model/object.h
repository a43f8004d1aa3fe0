/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * object.h - the objects of a cluster as warder understands them.
 *
 * Plain data, validated by source/, never changed after they are in the store:
 * an update is a new object. All strings and label sets are interned and owned
 * by the object. What a policy says is kept as written (peers, ports, rules
 * with their index) so that every verdict can be traced to a line.
 */
#ifndef WARDER_OBJECT_H
#define WARDER_OBJECT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "wgkey.h"

struct wd_labels;

/* Key under which a pod's service account is among its labels. */
#define WD_LABEL_ACCOUNT "io.cilium.k8s.policy.serviceaccount"

enum wd_kind {
	WD_KIND_NAMESPACE,
	WD_KIND_POD,
	WD_KIND_NODE,
	WD_KIND_CILIUM_NODE, /* cilium.io/v2 CiliumNode; a wd_node, too */
	WD_KIND_CIDR_GROUP, /* cilium.io/v2 CiliumCIDRGroup */
	WD_KIND_SERVICE,
	WD_KIND_SLICE, /* discovery.k8s.io/v1 EndpointSlice */
	/* policies, from here on */
	WD_KIND_NETPOL, /* networking.k8s.io/v1 NetworkPolicy */
	WD_KIND_CLUSTER_NP, /* policy.networking.k8s.io ClusterNetworkPolicy */
	WD_KIND_ADMIN_NP, /* policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy */
	WD_KIND_BASELINE_NP, /* ... BaselineAdminNetworkPolicy */
	WD_KIND_CILIUM_NP, /* cilium.io/v2 CiliumNetworkPolicy */
	WD_KIND_CILIUM_CNP, /* ... CiliumClusterwideNetworkPolicy */
	WD_KIND__MAX,
};

#define WD_KIND_FIRST_POLICY WD_KIND_NETPOL

/* An address of either family. */
struct wd_addr {
	uint8_t family; /* 4 or 6; 0 = none */
	uint8_t pad[3];
	union {
		struct in_addr v4; /* network byte order */
		struct in6_addr v6;
	};
};

/* A prefix; host bits are zero. */
struct wd_cidr {
	struct wd_addr addr;
	uint8_t len; /* 0-32 or 0-128 */
};

enum wd_op {
	WD_OP_IN,
	WD_OP_NOT_IN,
	WD_OP_EXISTS,
	WD_OP_NOT_EXISTS,
};

/* One requirement of a selector. matchLabels become IN with one value. */
struct wd_req {
	const char *key;
	enum wd_op op;
	uint32_t cnt; /* values; >= 1 for IN and NOT_IN, else 0 */
	const char **values; /* sorted by strcmp, distinct */
};

/*
 * All requirements must hold. cnt 0 selects everything. Sorted, so that equal
 * meaning mostly is equal bytes. May be shared by many peers, see
 * wd_selector_share(); never changed then.
 */
struct wd_selector {
	uint32_t cnt;
	uint32_t refs; /* 0: not shared */
	struct wd_req *req;
};

enum wd_peer_type {
	WD_PEER_PODS,
	WD_PEER_CIDR,
	WD_PEER_NODES,
	WD_PEER_GROUPS,
	WD_PEER_SERVICES, /* whom services lead to */
};

enum wd_which_nodes {
	WD_NODES_ALL,
	WD_NODES_OWN, /* the one this agent runs on */
	WD_NODES_OTHER,
};

/* Which addresses of a prefix. */
enum wd_cidr_scope {
	WD_CIDR_ALL,
	WD_CIDR_WORLD, /* of no pod or node, and not inside the cluster */
	WD_CIDR_UNKNOWN, /* inside the cluster, and of no pod or node */
	/* of no pod or node: what a rule that denies the world means */
	WD_CIDR_STRANGER,
};

struct wd_peer {
	enum wd_peer_type type; /* which of the following there is */
	union {
		struct { /* WD_PEER_PODS */
			/* NULL: the policy's own namespace only */
			struct wd_selector *ns_sel;
			/* NULL: every pod of these namespaces */
			struct wd_selector *pod_sel;
		};
		struct { /* WD_PEER_NODES: addresses of nodes */
			enum wd_which_nodes nodes;
			/* NULL: every one of these */
			struct wd_selector *node_sel;
		};
		struct { /* WD_PEER_CIDR, WD_PEER_GROUPS */
			enum wd_cidr_scope scope;
			uint32_t except_cnt;
			struct wd_cidr *except; /* of one CIDR: each inside it */
			union {
				struct wd_cidr cidr;
				struct { /* every CIDR of the groups */
					const char *group; /* its name, or NULL */
					struct wd_selector
						*group_sel; /* without name */
				};
			};
		};
		struct { /* WD_PEER_SERVICES */
			const char *service_ns; /* NULL: of any namespace */
			const char *service; /* its name, or NULL */
			struct wd_selector *service_sel; /* without name */
			/* what denies is about nobody, not everybody, while the
			 * one that is named is not known */
			bool only_known;
		};
	};
};

/*
 * Of ICMP the ports are type << 8 | code, and IPPROTO_ICMP is that of IPv4,
 * IPPROTO_ICMPV6 that of IPv6. Other protocols have none: lo 0, hi 65535.
 */
struct wd_port {
	const char *name; /* named port, else NULL */
	uint16_t lo; /* first port; 0 with hi 65535: every port of the protocol */
	uint16_t hi; /* last port, >= lo */
	uint8_t proto; /* IPPROTO_*; with a name one that has ports */
};

/*
 * Whose rules are looked at first. In Admin and Baseline the first rule that
 * matches decides; in between any deny decides, then any allow, then isolation.
 */
enum wd_tier {
	WD_TIER_ADMIN,
	WD_TIER_NORMAL,
	WD_TIER_BASELINE, /* only where nothing isolates */
};

enum wd_rule_action {
	WD_RULE_ALLOW,
	WD_RULE_DENY,
	WD_RULE_PASS, /* on to the next tier; of Baseline: to what no tier decides */
};

/*
 * One rule, about any peer of (any_peer or peers) on any port of (any_port or
 * ports). any_port means every protocol, also ICMP. A broken rule could not be
 * understood as a whole: it allows nothing, and if it was to deny or to pass
 * on it denies everything, since skipping it could open what it was to close.
 */
struct wd_policy_rule {
	bool broken;
	enum wd_rule_action action;
	bool any_peer; /* from/to absent or empty */
	bool any_port; /* ports absent or empty */
	uint32_t line;
	uint32_t peer_cnt;
	uint32_t port_cnt;
	struct wd_peer *peer;
	struct wd_port *port;
};

/* Rules, and for whom. */
struct wd_spec {
	/* Of the pods' namespace. NULL: any; a policy in a namespace selects there only */
	struct wd_selector *ns_sel;
	struct wd_selector *subject; /* NULL: every pod there */
	const char *log; /* what events of its rules carry, or NULL */
	bool nodes; /* the subject is nodes, by their labels; ns_sel is NULL */
	bool subject_broken; /* selector not understood: subject is every pod of the namespaces */
	bool isolates[2]; /* by enum wd_dir */
	bool applies[2]; /* its rules of that direction count */
	uint32_t rule_cnt[2];
	struct wd_policy_rule *rule[2];
};

/*
 * warder.io/deny-response: is the sender of what is denied told so? UNSET
 * inherits: policy, namespace of the pod; at the end of it all, nobody is.
 */
enum wd_response {
	WD_RESPONSE_UNSET,
	WD_RESPONSE_DROP,
	WD_RESPONSE_REJECT,
};

struct wd_policy {
	enum wd_tier tier;
	bool on_trial; /* warder.io/audit: judged and reported, not enforced */
	enum wd_response response; /* of what it denies */
	uint32_t priority; /* the lower one first; 0 in the normal tier */
	/* Of one with specs for nodes: what reads as the same policy; else NULL */
	char *text;
	uint32_t spec_cnt;
	struct wd_spec *spec;
};

struct wd_port_name {
	const char *name;
	uint16_t port;
	uint8_t proto; /* IPPROTO_* */
};

/* warder.io/mode; UNSET inherits: pod, namespace, then the agent's default. */
enum wd_mode {
	WD_MODE_UNSET,
	WD_MODE_ENFORCE,
	WD_MODE_AUDIT,
	WD_MODE_OFF,
};

/* warder.io/encryption; UNSET inherits the agent's default. */
enum wd_encryption_want {
	WD_ENCRYPTION_UNSET,
	WD_ENCRYPTION_NONE,
	WD_ENCRYPTION_REQUIRED,
};

/* In an order without gaps: a cluster has tens of thousands. */
struct wd_pod {
	const char *node; /* spec.nodeName, NULL when not scheduled */
	const struct wd_labels *labels; /* its service account, too */
	struct wd_addr *addr; /* status.podIPs (or podIP) */
	struct wd_port_name *
		port; /* named containerPorts, init sidecars too; sorted, first wins */
	struct wd_addr host_addr; /* status.hostIP, family 0 if absent */
	uint32_t addr_cnt;
	uint32_t identity; /* Cilium's number for its labels, 0: none is known */
	enum wd_mode mode;
	uint16_t port_cnt;
	bool host_network;
	bool mode_bad; /* it says one that cannot be read; mode is UNSET */
	bool is_node; /* stands for this node itself, see model/host.c */
	bool finished; /* phase Succeeded or Failed: contributes nothing */
	bool terminating; /* has a deletionTimestamp; still counts */
	bool ports_shared; /* port is of wd_ports_share() */
};

struct wd_namespace {
	const struct wd_labels *
		labels; /* kubernetes.io/metadata.name always included, set to the name */
	enum wd_mode mode;
	bool mode_bad; /* it says one that cannot be read; mode is UNSET */
	bool encap; /* warder.io/encapsulation: allowed */
	enum wd_encryption_want encryption;
	enum wd_response response;
};

struct wd_node {
	const struct wd_labels *labels;
	bool has_wgkey;
	struct wd_wgkey wgkey; /* public, of its WireGuard device */
	uint32_t addr_cnt;
	uint32_t cidr_cnt;
	struct wd_addr *addr; /* status.addresses InternalIP and ExternalIP */
	struct wd_cidr *cidr; /* spec.podCIDRs */
};

struct wd_cidr_group {
	const struct wd_labels *labels;
	uint32_t cidr_cnt;
	struct wd_cidr *cidr;
};

struct wd_service_port {
	const char *name; /* "" if it has none */
	const char *target_name; /* port of the pods by name, or NULL */
	uint16_t port;
	uint16_t target; /* the same by number; 0 with target_name */
	uint16_t node_port; /* on every node, 0 none */
	uint8_t proto; /* IPPROTO_* */
};

struct wd_service {
	const struct wd_labels *labels;
	/* Pods it leads to where no EndpointSlice says so; NULL: none */
	struct wd_selector *selector;
	uint32_t addr_cnt; /* 0: headless, or a name elsewhere */
	uint32_t port_cnt;
	/* clusterIPs, externalIPs and those of the load balancer's status */
	struct wd_addr *addr;
	struct wd_service_port *port;
};

struct wd_slice_port {
	const char *name; /* of the service's port, "" if it has none */
	uint16_t port;
	uint8_t proto; /* IPPROTO_* */
};

/* Whatever their conditions: which of them are used is not ours to say. */
struct wd_slice {
	const char *service; /* in the same namespace, "" none */
	uint32_t addr_cnt;
	uint32_t port_cnt;
	struct wd_addr *addr;
	struct wd_slice_port *port;
};

struct wd_object {
	UT_hash_handle hh; /* the store's */
	enum wd_kind kind;
	const char *ns; /* "" for cluster-scoped kinds */
	const char *name;
	const char *uid; /* "" if the source gave none */
	int64_t created; /* creationTimestamp, seconds since the epoch, 0 unknown */
	const char *file; /* where it was read */
	uint32_t line;
	union {
		struct wd_namespace nsp;
		struct wd_pod pod;
		struct wd_node node;
		struct wd_cidr_group group;
		struct wd_service service;
		struct wd_slice slice;
		struct wd_policy policy;
	};
};

/** wd_object_free() - free an object with all it owns; NULL passes */
void wd_object_free(struct wd_object *obj);

/** wd_object_equal() - same meaning: everything but file and line (line of rules too is ignored) */
bool wd_object_equal(const struct wd_object *a, const struct wd_object *b);

/**
 * wd_selector_share() - one copy of equal selectors, as policies repeat a few of them by the thousand
 * @sel: allocated, not shared yet; the caller's no longer
 * Return: a selector that means the same, with one more reference, dropped by wd_object_free().
 */
struct wd_selector *wd_selector_share(struct wd_selector *sel);

/**
 * wd_selector_keep() - a shared selector that means the same, with one more reference
 * @sel: of an object, shared or not; NULL passes
 * Return: dropped by wd_selector_put(); NULL: it selects everything.
 */
const struct wd_selector *wd_selector_keep(const struct wd_selector *sel);
void wd_selector_put(const struct wd_selector *sel);

/**
 * wd_ports_share() - one copy of equal lists of named ports, which all pods of a deployment have
 * @port: allocated, with references to the names; the caller's no longer
 * Return: the shared list, for a pod with ports_shared set; wd_object_free() lets go of it.
 */
struct wd_port_name *wd_ports_share(struct wd_port_name *port, uint32_t cnt);

/** wd_kind_name() - "NetworkPolicy" and so on */
const char *wd_kind_name(enum wd_kind kind);

/** wd_kind_is_policy() - do objects of this kind have a wd_object.policy */
bool wd_kind_is_policy(enum wd_kind kind);

/** wd_policy_specs() - room for @cnt specs, zeroed, in an object that has none */
void wd_policy_specs(struct wd_object *obj, uint32_t cnt);

/**
 * wd_policy_rule() - the @index-th rule of a direction, counted through all specs
 * Return: borrowed; NULL: there are not so many.
 */
const struct wd_policy_rule *wd_policy_rule(const struct wd_policy *policy,
					    int dir, uint32_t index);

/** wd_policy_of_nodes() - is the subject of that rule nodes */
bool wd_policy_of_nodes(const struct wd_policy *policy, int dir,
			uint32_t index);

/** wd_policy_log() - what events of that rule carry, borrowed; NULL: nothing, or there is no such rule */
const char *wd_policy_log(const struct wd_policy *policy, int dir,
			  uint32_t index);

/* What each namespace may take, see quota.c. */
enum wd_quota {
	/* peers of rules, a rule without any counts one, over all its policies;
	 * of selectors what wd_selector_cost() says more, those of subjects too */
	WD_QUOTA_RULES,
	WD_QUOTA_CIDRS, /* prefixes and exceptions in these, as often as they stand there */
	WD_QUOTA_LABELS, /* distinct sets of labels (and named ports) of its pods */
	/* addresses and ports of its services; a node port counts for both families */
	WD_QUOTA_SERVICES,
	WD_QUOTA_BACKENDS, /* addresses in its EndpointSlices, as often as they stand there */
	WD_QUOTA_NUMBERS, /* that one port name has among its pods, by protocol */
	WD_QUOTA__MAX,
};

/** wd_selector_cost() - as how many peers it counts beside being one: each 32 of its requirements and values; NULL passes */
uint64_t wd_selector_cost(const struct wd_selector *sel);

/** wd_rule_nobody() - take out whom the rule is about */
void wd_rule_nobody(struct wd_policy_rule *rule);

/** wd_rule_cost() - add what a rule takes of its namespace's quotas, see enum wd_quota */
void wd_rule_cost(const struct wd_policy_rule *rule, uint64_t *peers,
		  uint64_t *cidrs);

/** wd_policy_rules() - how many rules a direction has in all */
uint32_t wd_policy_rules(const struct wd_policy *policy, int dir);

/** wd_policy_isolates() - does any of its specs isolate in this direction */
bool wd_policy_isolates(const struct wd_policy *policy, int dir);

/**
 * wd_policy_counts() - does a policy have a say, given who asks
 * @tries: those on trial are asked, too
 * @lifts: the subject's own mode lifts what its namespace says: only what is
 *	for the whole cluster counts, and of that not the Baseline tier, which
 *	any policy of the namespace could lift as well
 */
bool wd_policy_counts(const struct wd_object *policy, bool tries, bool lifts);

/** wd_policy_nodes() - is any of its specs about nodes */
bool wd_policy_nodes(const struct wd_policy *policy);

/**
 * wd_spec_selects() - is a pod its subject
 * @ns: namespace of the policy, "" for kinds that have none
 * @ns_labels: of the pod's namespace
 */
bool wd_spec_selects(const struct wd_spec *spec, const char *ns,
		     const struct wd_object *pod,
		     const struct wd_labels *ns_labels);

/** wd_peer_means() - is @group one of those that a WD_PEER_GROUPS refers to */
bool wd_peer_means(const struct wd_peer *peer, const struct wd_object *group);

/**
 * wd_peer_names() - is this service one of those that a WD_PEER_SERVICES refers to
 * @labels: of its object; NULL: it has none, and nobody knows its labels
 */
bool wd_peer_names(const struct wd_peer *peer, const char *ns, const char *name,
		   const struct wd_labels *labels);

/** wd_selector_matches() - does the selector hold for this label set; NULL selector: yes */
bool wd_selector_matches(const struct wd_selector *sel,
			 const struct wd_labels *labels);

/** wd_cidr_has() - is the address inside the prefix (false across families) */
bool wd_cidr_has(const struct wd_cidr *cidr, const struct wd_addr *addr);

/** wd_cidr_covers() - is every address of @inner in @outer */
bool wd_cidr_covers(const struct wd_cidr *outer, const struct wd_cidr *inner);

/** wd_addr_equal() - same family and bytes */
bool wd_addr_equal(const struct wd_addr *a, const struct wd_addr *b);

/**
 * wd_addr_parse() - read a textual address, strictly
 * Return: 0, or -EINVAL (leading zeros, IPv4-mapped IPv6, zone, anything inet_pton refuses).
 */
int wd_addr_parse(const char *text, struct wd_addr *ret_addr);

/**
 * wd_addr_parse_loose() - read it as the API server and kube-proxy do
 * Leading zeros mean nothing, and an IPv4-mapped address is the IPv4 one. For what
 * they translate, whoever wrote it: refused, it would be judged as none.
 * Source: ParseIPSloppy() of k8s.io/utils/net, net.ParseIP() of Go before 1.17
 * Return: 0 or -EINVAL
 */
int wd_addr_parse_loose(const char *text, struct wd_addr *ret_addr);

/**
 * wd_cidr_parse() - read "addr/len", strictly; host bits are masked off
 * Return: 0, or -EINVAL (no length, leading zeros in it, IPv4-mapped).
 */
int wd_cidr_parse(const char *text, struct wd_cidr *ret_cidr);

/* Enough for an IPv6 prefix with NUL. */
#define WD_ADDR_STRLEN 64
/** wd_addr_str() / wd_cidr_str() - print into @buf of WD_ADDR_STRLEN bytes and return it */
const char *wd_addr_str(const struct wd_addr *addr, char *buf);
const char *wd_cidr_str(const struct wd_cidr *cidr, char *buf);

#endif /* WARDER_OBJECT_H */
