/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.h - the one list of verdicts and reasons, shared by programs and agent.
 *
 * Every packet that a warder program sees ends with exactly one reason, and
 * every reason has exactly one counter per direction (map wd_stat). Numbers are
 * ABI: they are in pinned maps and in event records. New ones go to the end of
 * their block; nothing is renumbered.
 */
#ifndef WARDER_VERDICT_H
#define WARDER_VERDICT_H

enum wd_verdict {
	WD_ALLOW = 0,
	WD_DROP = 1,
	WD_AUDIT = 2, /* would be dropped, but the endpoint is in audit mode */
};

/* Direction as the policy sees it: from the endpoint's side of the wire. */
enum wd_dir {
	/* towards the pod: hook at tc egress of its host-side veth */
	WD_INGRESS = 0,
	/* from the pod: hook at tc ingress of its host-side veth */
	WD_EGRESS = 1,
	WD_DIR__MAX = 2,
};

/*
 * X(NAME, number, is_drop, help). Numbers 0-31 let the packet pass, 32 and up
 * drop it. The help text is one clause for a person: why, and what to look at.
 */
#define WD_REASONS(X) \
	X(POLICY_ALLOW, 0, 0, "a policy rule allows it") \
	X(NOT_ISOLATED, 1, 0, \
	  "no policy isolates the endpoint in this direction") \
	X(ESTABLISHED, 2, 0, "belongs to a flow that policy allowed") \
	X(RELATED, 3, 0, "ICMP error about a live flow") \
	X(HOST, 4, 0, "sent by a socket of this host (kubelet probes)") \
	X(NEIGHBOUR, 5, 0, \
	  "ARP or neighbour discovery for the endpoint's own addresses") \
	X(MODE_OFF, 6, 0, "mode off: policy is not applied to this endpoint") \
	X(ENCRYPTED, 7, 0, "in WireGuard's tunnel, or ESP between nodes") \
	X(IN_CLEAR, 8, 0, \
	  "in clear between nodes, as nothing says that it must not be") \
	X(EXEMPT, 9, 0, \
	  "in clear between nodes, by the exemption of one of them") \
	X(OUTSIDE, 10, 0, \
	  "on a wire, but not between addresses of the cluster") \
	X(SERVICE_LATE, 11, 0, \
	  "to a service of which it may reach some backends: judged again when one is chosen") \
	X(ANSWER, 12, 0, \
	  "tells the sender, in the pod's place, that a packet to it was denied") \
	X(DEFAULT, 32, 1, "isolated, and no rule allows it") \
	X(POLICY, 33, 1, "a policy rule denies it") \
	X(NOT_READY, 34, 1, "no policy was compiled for this endpoint yet") \
	X(NO_ENDPOINT, 35, 1, "the interface is not a known endpoint") \
	X(SPOOF_IP, 36, 1, "source address is not the sender's own") \
	X(SPOOF_MAC, 37, 1, "hardware address is not the sender's own") \
	X(ARP_FORBIDDEN, 38, 1, \
	  "ARP for an address that is not the endpoint's") \
	X(ND_FORBIDDEN, 39, 1, \
	  "neighbour discovery or router message a pod may not send") \
	X(VLAN, 40, 1, "VLAN-tagged frame") \
	X(L2_UNSUP, 41, 1, "ethertype other than IPv4, IPv6 and ARP") \
	X(L3_BAD, 42, 1, "malformed or forbidden IP header or address") \
	X(IPOPT, 43, 1, "IPv4 source routing option") \
	X(EXTHDR, 44, 1, \
	  "IPv6 extension headers beyond the limit or forbidden") \
	X(L4_BAD, 45, 1, "transport header truncated or malformed") \
	X(PROTO_UNSUP, 46, 1, "protocol without ports that no rule allows") \
	X(FRAG_ORPHAN, 47, 1, \
	  "fragment whose first fragment was not seen or not allowed") \
	X(FRAG_TINY, 48, 1, \
	  "first fragment too short for its transport header") \
	X(FRAG_OVERLAP, 49, 1, \
	  "fragment overlaps a header or what has passed of its datagram") \
	X(ICMP_UNRELATED, 50, 1, "ICMP error about no live flow") \
	X(CT_INVALID, 51, 1, "packet does not fit the state of its flow") \
	X(CT_FULL, 52, 1, "the endpoint's share of the flow table is used up") \
	X(NOT_LOCAL, 53, 1, \
	  "destination is not one of the endpoint's addresses") \
	X(MAP_ERR, 54, 1, "a map lookup or update failed in the program") \
	X(MCAST, 55, 1, "to a group or to everybody, and no rule allows it") \
	X(ENCAP_FORBIDDEN, 56, 1, \
	  "a tunnel to or from a node that its namespace does not allow") \
	X(DHCP_FORBIDDEN, 57, 1, "a pod may not be a DHCP server") \
	X(FRAG_FULL, 58, 1, \
	  "the sender's share of the fragment table is used up") \
	X(NEIGHBOUR_FLOOD, 59, 1, \
	  "more ARP or neighbour discovery in a second than a pod may send") \
	X(SHED, 60, 1, \
	  "fragment, IP option or extension header, which the rung in force does not judge") \
	X(PLAINTEXT_OUT, 61, 1, \
	  "would leave this node in clear, and must be encrypted") \
	X(PLAINTEXT_IN, 62, 1, \
	  "came to this node in clear, and must be encrypted") \
	X(WG_STATE, 63, 1, \
	  "must be encrypted, and WireGuard would not send it to the pod's node, or a wire is unguarded") \
	X(TUN_BAD_PEER, 64, 1, \
	  "came by WireGuard from a node that is not the sender's") \
	X(TUN_OPAQUE, 65, 1, \
	  "a tunnel between nodes that cannot be looked into, where encryption is required") \
	X(SERVICE, 66, 1, \
	  "a service with no backend that is known, or too many kinds of them to judge")

#define WD_REASON_ENUM_(name, nr, drop, help) WD_R_##name = nr,
enum wd_reason {
	WD_REASONS(WD_REASON_ENUM_) WD_R__MAX = 128,
};
#undef WD_REASON_ENUM_

#define WD_R_FIRST_DROP 32

#endif /* WARDER_VERDICT_H */
