/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diag.h - live TCP and UDP sockets of a pod, by sock_diag.
 *
 * Used once per pod that was there before warder: its connections are seeded
 * into the flow table, so that the first enforcement cuts none that policy
 * permits.
 */
#ifndef WARDER_DIAG_H
#define WARDER_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/object.h"

struct wd_conn {
	struct wd_addr local;
	struct wd_addr peer;
	uint16_t lport; /* host byte order */
	uint16_t pport;
	uint8_t proto; /* IPPROTO_TCP or IPPROTO_UDP (connected sockets) */
	bool inbound; /* local port has a listener in this namespace: the peer began it */
};

/**
 * wd_diag_conns() - connected sockets of a namespace
 * @netns_fd: namespace to look into (entered by setns, left again)
 * TCP in ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1/2, CLOSE_WAIT, CLOSING, LAST_ACK; v4-mapped
 * addresses are returned as IPv4; loopback is left out.
 * Return: count with *ret_conn to be freed, or -errno.
 */
int wd_diag_conns(int netns_fd, struct wd_conn **ret_conn);

#endif /* WARDER_DIAG_H */
