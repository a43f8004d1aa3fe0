/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site.h - two nodes with WireGuard between them, on any kernel.
 *
 *	pod a, open a - node a - eth0 --- port1 -+
 *	                  wg0                    +- br0, the sniffer
 *	pod b, open b - node b - eth0 --- port2 -+
 *	                  wg0          port3/wild0  nobody guards it
 *
 * Nodes and pods are namespaces; the test itself is the underlay. Addresses are
 * 10.N.0.10 and fd00:10:N::a of the pods of node N, .200 and ::c8 of those that
 * may talk in clear, 192.168.77.N and fd00:77::N of the nodes. How pods reach each
 * other says link.h. All of it ends with the test.
 */
#ifndef WARDER_SELFTESTS_WIRE_SITE_H
#define WARDER_SELFTESTS_WIRE_SITE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "look.h"
#include "plants.h"
#include "wg.h"

#define SITE_NODES 2
#define SITE_WG_PORT 51871
#define SITE_PREFIX4 "10.0.0.0/8" /* all pods, and more */
#define SITE_PREFIX6 "fd00:10::/32"
#define SITE_MARKER "wire:secret-0123"
#define SITE_OPEN_MARKER "wire:open---4567"
#define SITE_TAG "planted:"

enum site_pod { SITE_POD, SITE_OPEN, SITE_PODS };

struct site_node {
	char name[8]; /* of its namespace */
	char ip[2][40]; /* v4, v6 */
	char net[2][40]; /* of its pods */
	char host[2][40]; /* @ip as a prefix */
	struct wg *wg;
	struct wg_key key; /* public */
	pid_t agent; /* 0 none */
	uint8_t mac[6]; /* of eth0 */
};

extern struct site_node site_node[SITE_NODES];
/** site_new() - namespaces, nodes and pods. Return: false if it failed */
bool site_new(void);

/** site_rules() - whose addresses are whose, the marker, the tag */
void site_rules(struct wire_rules *ret);

/** site_ends() - for frames that seem to come from pod @pod of node @from */
void site_ends(int from, enum site_pod pod, struct plant_ends *ret);

/** site_ip() - address of a pod, in a buffer of its own */
const char *site_ip(int node, enum site_pod pod, bool v6);

/** site_enter() - the calling thread goes into a namespace; NULL: back. False if it failed */
bool site_enter(const char *name);

/** site_pod_name() - its namespace, and its interface on the node's side */
const char *site_pod_name(int node, enum site_pod pod);

/** site_part_pod() - delete the interface of pod SITE_POD of @node, which is on node @on. False if it failed */
bool site_part_pod(int node, int on);

/** site_join_pod() - a new one, on node @on. False if it failed */
bool site_join_pod(int node, int on);

/** site_route_pod() - put back the routes to it that its interface has lost. False if it failed */
bool site_route_pod(int node, int on);

/** site_now_ms() - of a clock that only goes forward */
long site_now_ms(void);

#endif /* WARDER_SELFTESTS_WIRE_SITE_H */
