/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ports.h - the UDP ports at which this node takes tunnels, in wd_state.
 *
 * Followed always, whether anything must be encrypted or not: what a pod sends
 * to such a port of a node would be unpacked there and come out as a packet of
 * somebody else. WireGuard's are told of by wireguard/watch.h.
 */
#ifndef WARDER_PORTS_H
#define WARDER_PORTS_H

#include <stdbool.h>

#include "../net/rtnl.h"

struct wd_agent;
struct wd_ports;
struct wd_wg_state;

/** wd_ports_new() - none are known yet; out of memory ends the program */
struct wd_ports *wd_ports_new(struct wd_agent *agent);
void wd_ports_free(struct wd_ports *ports);

/** wd_ports_link() - a device came, changed, or is gone: told at once if it has a port */
void wd_ports_link(struct wd_ports *ports, const struct wd_link *link,
		   bool gone);

/** wd_ports_wireguard() - WireGuard's devices; borrowed, NULL: not followed */
void wd_ports_wireguard(struct wd_ports *ports,
			const struct wd_wg_state *state);

/**
 * wd_ports_list() - ask the kernel for all of them
 * Return: 0 or -errno of listing devices; what was known stays. Sockets without a
 * device: see wd_ports_error().
 */
int wd_ports_list(struct wd_ports *ports);

/**
 * wd_ports_write() - have wd_state say what is known, if it does not
 * Where the ports are others than they were, the next commit has all flows
 * judged again. Return: 0, or -errno if the kernel has never told of any.
 */
int wd_ports_write(struct wd_ports *ports);

/** wd_ports_fit() - does wd_state have room for all of them */
bool wd_ports_fit(const struct wd_ports *ports);

/** wd_ports_error() - why not all ports of FOU and L2TP are known, -errno; 0: they are */
int wd_ports_error(const struct wd_ports *ports);

#endif /* WARDER_PORTS_H */
