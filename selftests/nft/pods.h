/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pods.h - pods with a network stack of their own on a node, and sockets in
 * them: for tests of whole connections.
 *
 *   web 10.1.0.1 fd00:1::1  d0 --+                +-- d2  one 10.2.0.2 fd00:2::2
 *                                +-- the node -- br0
 *   db  10.1.0.2 fd00:1::2  d1 --+  10.2.0.1      +-- d3  two 10.2.0.3 fd00:2::3
 *                                   fd00:2::1
 *
 * web and db are routed, one and two hang on a bridge.
 */
#ifndef WARDER_SELFTESTS_NFT_PODS_H
#define WARDER_SELFTESTS_NFT_PODS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POD_WEB,
	POD_DB,
	POD_ONE,
	POD_TWO,
	POD_CNT,
};

#define POD_NODE POD_CNT /* this host */

struct pods {
	int ns[POD_CNT + 1]; /* descriptors */
	uint32_t ifindex[POD_CNT];
	uint32_t bridge;
	uint8_t mac[POD_CNT][6]; /* of the pods' ends */
};

/** pods_open() - in a namespace of its own. Return: false with the cause on stdout */
bool pods_open(struct pods *pods);
void pods_close(struct pods *pods);

/** pods_addr() - address of a pod or the node, of IP version 4 or 6 */
const char *pods_addr(int pod, int version);

/** pods_listen() - a TCP socket that waits for connections. Return: descriptor */
int pods_listen(const struct pods *pods, int pod, int version, uint16_t port);

/** pods_connect() - Return: descriptor, or -errno (-ETIMEDOUT: no answer) */
int pods_connect(const struct pods *pods, int from, int to, int version,
		 uint16_t port);

/** pods_accept() - the other end of a connection. Return: descriptor or -errno */
int pods_accept(int listener);

/** pods_passes() - does a word come from one end to the other, soon */
bool pods_passes(int from, int to);

/** pods_udp() - a UDP socket on a port. Return: descriptor */
int pods_udp(const struct pods *pods, int pod, int version, uint16_t port);

/** pods_udp_passes() - does a datagram get from @from to the socket @to of pod @pod */
bool pods_udp_passes(int from, int to, int pod, int version, uint16_t port);

#endif /* WARDER_SELFTESTS_NFT_PODS_H */
