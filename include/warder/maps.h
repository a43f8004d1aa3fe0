/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - names of programs, maps and pins.
 *
 * Below the bpffs directory (default /sys/fs/bpf/warder):
 *   maps/<name>                 every map, one set for the node
 *   progs/wd_pod_in, wd_pod_out the programs attached now, of whichever object
 *   wires/, tunnels/            the same two folders of devices that are no pod's:
 *                               wires (<ifindex>-in: towards it, at tc egress),
 *                               WireGuard devices
 *   links/<ifindex>-in, -out    tcx links, one pair per endpoint (absent under clsact)
 *   late/wd_late4, wd_late6     links of what judges after the translation of services
 */
#ifndef WARDER_MAPS_H
#define WARDER_MAPS_H

#define WD_BPFFS_DEFAULT "/sys/fs/bpf/warder"

/* X(name, what it is for). Order is the order of `warder map list`. */
#define WD_MAPS(X) \
	X(wd_state, "generation in force and switches of the programs") \
	X(wd_endpoint, "local pod interfaces: own addresses and policy slot") \
	X(wd_device, "copies of most of wd_endpoint, found by ifindex") \
	X(wd_addr4, "IPv4 addresses of pods and nodes: identity and row") \
	X(wd_addr6, "IPv6 addresses of pods and nodes: identity and row") \
	X(wd_cidr4, "IPv4 prefixes that policies name: row") \
	X(wd_cidr6, "IPv6 prefixes that policies name: row") \
	X(wd_front, \
	  "addresses and ports of services: rows and ports of backends") \
	X(wd_row, "sets of predicates true of an address, as bits") \
	X(wd_slot, "compiled policies by slot and direction") \
	X(wd_span, "port spans of the slots: class of each port") \
	X(wd_class, "ordered rules of a slot, direction, protocol and port") \
	X(wd_flow, "flows of both families, in buckets") \
	X(wd_flowlock, "locks of the buckets of wd_flow") \
	X(wd_quota, "flows by endpoint, against its shares") \
	X(wd_frag, \
	  "fragment trains whose first fragment was allowed, in buckets") \
	X(wd_stat, "packets and bytes by reason and direction") \
	X(wd_epstat, "packets and bytes by endpoint, verdict and direction") \
	X(wd_rulestat, "packets, bytes and flows by rule") \
	X(wd_evstat, "events sent, rate-limited and lost") \
	X(wd_answer, \
	  "answers to denied packets by endpoint, against its rate") \
	X(wd_group, "which histogram an endpoint's handshakes are in") \
	X(wd_timing, "histograms of TCP handshakes by namespace") \
	X(wd_net4, "IPv4 prefixes inside the cluster: node, encryption") \
	X(wd_net6, "IPv6 prefixes inside the cluster: node, encryption") \
	X(wd_tun4, "IPv4 prefixes of WireGuard's peers: whose node") \
	X(wd_tun6, "IPv6 prefixes of WireGuard's peers: whose node") \
	X(wd_wire, "devices that are no pod's: what their hooks judge") \
	X(wd_cover, \
	  "packets and bytes encrypted or not, by namespaces and node") \
	X(wd_events, "ring buffer of verdict events")

#define WD_MAP_ENUM_(name, help) WD_MAP_##name,
enum wd_map {
	WD_MAPS(WD_MAP_ENUM_) WD_MAP__MAX,
};
#undef WD_MAP_ENUM_

/* tc egress of the host-side veth: towards the pod */
#define WD_PROG_IN "wd_pod_in"
/* tc ingress of the host-side veth: from the pod */
#define WD_PROG_OUT "wd_pod_out"

/*
 * X(object, rung, program towards the pod, program from the pod): the objects
 * of the ladder from its top down, see bpf/rung.h. Pins keep the names above,
 * whichever is in force; the program's own name tells the rung.
 */
#define WD_RUNG_PROGS(X) \
	X(wd_pod, full, "wd_pod_in", "wd_pod_out") \
	X(wd_compat, compat, "wd_compat_in", "wd_compat_out") \
	X(wd_minimal, minimal, "wd_minimal_in", "wd_minimal_out")

/*
 * X(object, rung, leaving by a wire, coming in by it, into a WireGuard device,
 * out of it): the objects of the wires' own ladder, see bpf/wire.h.
 */
#define WD_WIRE_PROGS(X) \
	X(wd_wire, full, "wd_wire_out", "wd_wire_in", "wd_tun_out", \
	  "wd_tun_in") \
	X(wd_wiremin, minimal, "wd_wiremin_out", "wd_wiremin_in", \
	  "wd_tunmin_out", "wd_tunmin_in")

#endif /* WARDER_MAPS_H */
