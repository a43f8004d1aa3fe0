/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.h - a large cluster as objects, and a node that enforces it.
 *
 * Always the same for the same sizes. gen_manifests.py writes the same cluster
 * as manifests. Measures nothing.
 */
#ifndef WARDER_BENCH_CLUSTER_H
#define WARDER_BENCH_CLUSTER_H

#include "datapath/datapath.h"
#include "model/model.h"
#include "model/store.h"

#define BENCH_NAMESPACES 50
#define BENCH_LABEL_SETS 2000
#define BENCH_TIERS 4
#define BENCH_APPS (BENCH_LABEL_SETS / BENCH_TIERS)

struct bench_node {
	struct wd_datapath *dp;
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint *ep; /* ep_cnt of them */
	uint32_t ep_cnt;
};

/** bench_node_open() - an empty node below @bpffs; ends the program on failure */
void bench_node_open(struct bench_node *node, const char *bpffs);

/** bench_node_close() - also takes every pin and attachment away */
void bench_node_close(struct bench_node *node, const char *bpffs);

/** bench_commit() - commit and settle; ends the program on failure */
void bench_commit(struct bench_node *node);

/** bench_fill() - namespaces, @pods pods, @policies policies, @local of the pods here */
void bench_fill(struct bench_node *node, uint32_t pods, uint32_t policies,
		uint32_t local);

/** bench_put_pod() - pod @nr with the labels of set @set; here if @is_local */
void bench_put_pod(struct bench_node *node, uint32_t nr, uint32_t set,
		   bool is_local);
void bench_del_pod(struct bench_node *node, uint32_t nr);

/** bench_put_policy() - policy @nr selecting app @app, with @port in its first rule */
void bench_put_policy(struct bench_node *node, uint32_t nr, uint32_t app,
		      uint16_t port);

/**
 * bench_put_mixed() - policy @nr of the kind @kind, which selects app @app: as
 * bench_put_policy(), with what that kind has besides
 */
void bench_put_mixed(struct bench_node *node, enum wd_kind kind, uint32_t nr,
		     uint32_t app, uint16_t port);

/** bench_put_everybody() - one of Cilium's that selects every pod */
void bench_put_everybody(struct bench_node *node, uint16_t port);

/** bench_put_service() - service @nr of app @app, at @port; for bench_put_served() of @nr */
void bench_put_service(struct bench_node *node, uint32_t nr, uint32_t app,
		       uint16_t port);

/** bench_put_served() - one of Cilium's by which app @app may send to service @nr of its namespace */
void bench_put_served(struct bench_node *node, uint32_t nr, uint32_t app);

/** bench_put_cidrs() - one of Cilium's, for app 0: @cnt rules that deny and @cnt that allow, each about a prefix of its own */
void bench_put_cidrs(struct bench_node *node, uint32_t cnt);

/* Two pods that talk, by UDP and TCP on ports first .. last. */
struct bench_pair {
	const char *client[2]; /* IPv4 and IPv6 address, or NULL */
	const char *server[2];
	uint16_t first;
	uint16_t last;
};

/** bench_put_pair() - pods "client" and "server" in namespace "path", that allow just that */
void bench_put_pair(struct bench_node *node, const struct bench_pair *pair);

/* bench_put_rules() gives its rules to these ports, 16 each. */
#define BENCH_RULES_PORT 20000
#define BENCH_RULES_STEP 2

/** bench_put_rules() - @cnt more ingress rules for "server", each for another app */
void bench_put_rules(struct bench_node *node, uint32_t cnt);

/** bench_put_endpoint() - the interface of a pod, with addresses @ip4 and (or NULL) @ip6 */
void bench_put_endpoint(struct bench_node *node, const char *ns,
			const char *name, const char *const ip[2],
			uint32_t ifindex);

/** bench_endpoint_of_pod() - as bench_put_endpoint(), for pod @nr of bench_fill() */
void bench_endpoint_of_pod(struct bench_node *node, uint32_t nr,
			   uint32_t ifindex);

/** bench_die() - say what failed and end */
void bench_die(const char *what, int err) __attribute__((noreturn));

#endif /* WARDER_BENCH_CLUSTER_H */
