/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_object.h - random objects and addresses, made but not stored. Only gen*.c
 * use it.
 */
#ifndef WARDER_SELFTESTS_GEN_OBJECT_H
#define WARDER_SELFTESTS_GEN_OBJECT_H

#include "gen.h"

/** wd_gen_pick() - one of a few strings */
const char *wd_gen_pick(struct wd_gen *gen, const char *const *list,
			uint32_t cnt);

/** wd_gen_ns_name() - of one of the few namespaces, there or not */
const char *wd_gen_ns_name(struct wd_gen *gen);

/** wd_gen_space_name() - the same, or "CLUSTER/NAMESPACE" of another cluster, see clusters.h */
const char *wd_gen_space_name(struct wd_gen *gen);

/** wd_gen_pod_addr() - from the pool that pods share and reuse */
struct wd_addr wd_gen_pod_addr(struct wd_gen *gen, int family);

/** wd_gen_far_addr() - where pods of other clusters are, mostly; else where those of this one are */
struct wd_addr wd_gen_far_addr(struct wd_gen *gen, int family);

/** wd_gen_cidr() - any prefix */
struct wd_cidr wd_gen_cidr(struct wd_gen *gen);

/** wd_gen_except() - a prefix inside @outer: around somebody there, or anywhere */
struct wd_cidr wd_gen_except(struct wd_gen *gen, const struct wd_cidr *outer);

/** wd_gen_peer_addr() - of a pod, a node, or somebody outside */
struct wd_addr wd_gen_peer_addr(struct wd_gen *gen, int family);

/** wd_gen_odd_addr() - that no machine has: of the link, a group, everybody */
struct wd_addr wd_gen_odd_addr(struct wd_gen *gen, int family);

/** wd_gen_service_addr() - of a service, or whatever it claims */
struct wd_addr wd_gen_service_addr(struct wd_gen *gen, int family);

/** wd_gen_node_addr() - of node @nr */
struct wd_addr wd_gen_node_addr(uint32_t nr, int family);

/** wd_gen_port() - a port that policies speak of, or a neighbour of one */
uint16_t wd_gen_port(struct wd_gen *gen);

/** wd_gen_type() - type << 8 | code of ICMP that policies speak of, or any; never neighbour discovery */
uint16_t wd_gen_type(struct wd_gen *gen, int family);

/** wd_gen_other() - a protocol that has neither ports nor types */
uint8_t wd_gen_other(struct wd_gen *gen);

/* New objects; @name and the like are plain strings. */
struct wd_object *wd_gen_namespace(struct wd_gen *gen, const char *name);
struct wd_object *wd_gen_node(struct wd_gen *gen, uint32_t nr);
struct wd_object *wd_gen_group(struct wd_gen *gen, const char *name);
struct wd_object *wd_gen_pod(struct wd_gen *gen, const char *ns,
			     const char *name, const struct wd_object *was);
/* of another cluster, as user/kube/mesh.c puts it; @ns: of "CLUSTER/NAMESPACE" */
struct wd_object *wd_gen_far_pod(struct wd_gen *gen, const char *ns,
				 const char *name);
struct wd_object *wd_gen_netpol(struct wd_gen *gen, const char *ns,
				const char *name);
struct wd_object *wd_gen_service(struct wd_gen *gen, const char *ns,
				 const char *name);
struct wd_object *wd_gen_slice(struct wd_gen *gen, const char *ns,
			       const char *name, const char *service);
/* @ns "": of the cluster-wide kind */
struct wd_object *wd_gen_cilium(struct wd_gen *gen, const char *ns,
				const char *name);
/* about nodes, in some specs or in all */
struct wd_object *wd_gen_node_policy(struct wd_gen *gen, const char *name);
struct wd_object *wd_gen_wide(struct wd_gen *gen, enum wd_kind kind,
			      const char *name);

#endif /* WARDER_SELFTESTS_GEN_OBJECT_H */
