/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wires.h - the devices of this node that are no pod's, and what guards them.
 *
 * What each is, is told by its kind (rtnetlink):
 *   wire       leads out of the node, or nobody knows where: hardware, tun, a
 *              veth of something that is no pod, any unknown kind
 *   wireguard  a WireGuard device: sees what is in the tunnel
 *   upper      hands all it sends to other devices of this node, which judge:
 *              bridge, bond, VLAN, VXLAN, Geneve, GRE, IPIP and so on
 * Hooks are there only while something must be encrypted. While one that should
 * be there is missing, what would have to be encrypted does not pass between
 * pods and other nodes (WD_STATE_WIRE_OPEN).
 */
#ifndef WARDER_WIRES_H
#define WARDER_WIRES_H

#include <stdbool.h>
#include <stdint.h>

#include "../net/rtnl.h"

struct wd_agent;
struct wd_wires;

/** wd_wires_new() - nothing is guarded yet; out of memory ends the program */
struct wd_wires *wd_wires_new(struct wd_agent *agent);
void wd_wires_free(struct wd_wires *wires);

/** wd_wires_link() - a device came, changed, or is gone: guarded at once if it should be */
void wd_wires_link(struct wd_wires *wires, const struct wd_link *link,
		   bool gone);

/** wd_wires_endpoint() - this device is a pod's now; its pod's programs are attached */
void wd_wires_endpoint(struct wd_wires *wires, uint32_t ifindex);

/**
 * wd_wires_want() - guard all devices, or none
 * The programs are loaded the first time, see wd_wire_open().
 */
void wd_wires_want(struct wd_wires *wires, bool wanted);

/** wd_wires_reload() - the maps or the engine are others: load and attach again */
void wd_wires_reload(struct wd_wires *wires);

/** wd_wires_check() - look at all devices anew, and attach what is missing */
void wd_wires_check(struct wd_wires *wires);

/** wd_wires_open() - is a device unguarded that should be guarded */
bool wd_wires_open(const struct wd_wires *wires);

struct wd_wire {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	uint8_t kind; /* WD_WIRE_* */
	bool guarded; /* of an upper one: true */
	int err; /* why not, as -errno */
};

/** wd_wires_each() - of what is known */
void wd_wires_each(const struct wd_wires *wires,
		   void (*fn)(void *ctx, const struct wd_wire *wire),
		   void *ctx);

#endif /* WARDER_WIRES_H */
