/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pods.h - a node with three pods, for the real agent on any kernel.
 *
 *	srv ----+
 *	ok  ----+---- the node: routes between them, runs the agent
 *	bad ----+
 *
 * Each pod is a namespace behind a pair, with an address of each family that
 * the kernel has. A policy lets `ok` alone reach `srv`, on one port of TCP and
 * one of UDP. All of it is in namespaces of the test and ends with it.
 */
#ifndef WARDER_SELFTESTS_KERNELS_PODS_H
#define WARDER_SELFTESTS_KERNELS_PODS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "datapath/fixture.h"

#define PODS_MANIFESTS WD_FX_ROOT "/manifests"
#define PODS_PORT 80 /* of srv, allowed to `ok`; by TCP and UDP */
#define PODS_OTHER_PORT 82 /* listened to as well, allowed to nobody */

enum pod {
	POD_SRV,
	POD_OK,
	POD_BAD,
	POD__MAX,
};

/** pods_new() - namespaces, addresses, listeners, manifests. Return: false if it failed */
bool pods_new(void);

/** pods_has_ip6() - does this kernel have IPv6 */
bool pods_has_ip6(void);

/** pods_socket() - of @type and in the namespace of @pod; its descriptor, or -1 */
int pods_socket(enum pod pod, int family, int type);

/** pods_connect() - a TCP connection to srv. Return: descriptor, -1 if there is none within @wait_ms */
int pods_connect(enum pod from, int family, uint16_t port, int wait_ms);

/** pods_accept() - its other end, -1 if it has not come within @wait_ms */
int pods_accept(int family, uint16_t port, int wait_ms);

/** pods_datagram() - does one of UDP from @from reach srv within @wait_ms */
bool pods_datagram(enum pod from, int family, uint16_t port, int wait_ms);

/* Who tries to reach srv all the time, in a process of its own. */
struct prober {
	enum pod from;
	pid_t child;
	int result; /* a pipe: what it sent */
	uint32_t sent; /* datagrams, after prober_end() */
	uint32_t arrived; /* of these */
	uint32_t connected; /* connections that srv took, of many tries */
};

/** prober_begin() - a datagram each 2 ms and a connection each 20 ms. Return: false if it failed */
bool prober_begin(struct prober *prober, enum pod from);

/** prober_end() - stop it and count; @prober's numbers are valid then. Return: false if it broke */
bool prober_end(struct prober *prober);

#endif /* WARDER_SELFTESTS_KERNELS_PODS_H */
