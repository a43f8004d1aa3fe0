/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * node.h - a node of veth pairs in network namespaces of its own, on which a
 * ruleset is in force: frames go in at the pods' ends or at an uplink, and the
 * counters of the ruleset say what became of them.
 *
 *      pods' namespace              the node's namespace (the caller's)
 *   p0 ... p<n-1>  <--- veth --->  d0 ... d<n-1>
 *   up             <--- veth --->  uplink, the way to everybody else
 *
 * Nobody answers in the pods' namespace. Neighbours are permanent.
 */
#ifndef WARDER_SELFTESTS_NFT_NODE_H
#define WARDER_SELFTESTS_NFT_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datapath/memory.h"
#include "model/model.h"
#include "nft/nft.h"

#define NODE_PODS 16

struct node {
	struct wd_memory *mem;
	struct wd_nft *nft;
	int pods_ns; /* descriptors */
	int node_ns;
	int pid; /* holds the pods' namespace */
	uint32_t ifindex[NODE_PODS + 1]; /* of d0..., then of the uplink */
	uint8_t mac[NODE_PODS + 1][6]; /* of the node's ends */
	int sock[NODE_PODS + 1]; /* frames at p0..., then at up */
	int raw4, raw6; /* this host's own packets */
	uint64_t seen[2][WD_R__MAX][WD_DIR__MAX]; /* counters, [1]: audit */
};

#define NODE_UPLINK NODE_PODS

/* What was counted of a packet in one direction. */
struct verdict {
	int reason; /* -1: nothing, or more than one thing */
	bool audit;
};

struct verdicts {
	struct verdict at[WD_DIR__MAX];
};

/** node_open() - Return: false with the cause on stdout */
bool node_open(struct node *node);
void node_close(struct node *node);

/** node_ip() - run commands of ip, a line each, in the node's namespace; errors are ignored */
void node_ip(const struct node *node, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * node_wait_local() - wait until packets to an address of lo are delivered here
 * @addr: given to lo of the caller's namespace by node_ip()
 *
 * IPv6: a kernel worker puts the local route there, some time after ip(8) has
 * ended. Until then only the route of the prefix is there, which has the same
 * address, refuses, and comes after the chains that count: what it takes was
 * judged and is unknown to conntrack.
 *
 * Return: false when it is not there after half a minute or more
 */
bool node_wait_local(const struct wd_addr *addr);

/** node_sysctl() - write a file below /proc/sys/net of the caller's namespace */
bool node_sysctl(const char *name, const char *val);

/** node_tables() - the tables in memory, for the ruleset */
struct wd_tables node_tables(struct node *node);

/** node_sink() - the tables in memory, for the model */
struct wd_sink node_sink(struct node *node);

/** node_at() - which pair has the device; -1 none */
int node_at(const struct node *node, uint32_t ifindex);

/** node_inject() - a frame goes in at the far end of pair @at */
void node_inject(struct node *node, int at, uint8_t *frame, size_t len);

/** node_send() - an IP packet of this host's own */
void node_send(struct node *node, const uint8_t *ip, size_t len);

/** node_arrived() - IP packets that came out at pair @at, -1 any, since it was last asked */
int node_arrived(struct node *node, int at);

/** node_arrived_of() - the same of packets with this number (frame.h), anywhere */
int node_arrived_of(struct node *node, uint16_t id);

/** node_forget() - forget what was counted so far */
void node_forget(struct node *node);

/**
 * node_verdicts() - what was counted since the last call
 * @dir: waits until something was counted in this direction
 */
struct verdicts node_verdicts(struct node *node, enum wd_dir dir);

/** node_forget_flow() - conntrack forgets flows without ports between these two */
void node_forget_flow(const struct wd_flow *flow);

#endif /* WARDER_SELFTESTS_NFT_NODE_H */
