/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * encap.h - what a pod may not exchange with a node: packets inside packets,
 * and what answers for addresses. A node unpacks the first kind and routes what
 * is inside as if it came from a peer of its own, past every hook.
 *
 * Only what Linux, a cluster's network or both unpack by themselves is listed.
 * Numbers: IANA "Protocol Numbers" and "Service Name and Transport Protocol
 * Port Number Registry", unless a line says otherwise. Host byte order.
 */
#ifndef WARDER_ENCAP_H
#define WARDER_ENCAP_H

/* X(number, name): IP protocols */
#define WD_ENCAP_PROTOS(X) \
	X(4, "IP in IP, RFC 2003") \
	X(41, "IPv6 in IP, RFC 2473, 4213") \
	X(47, "GRE and ERSPAN, RFC 2784") \
	X(50, "ESP, RFC 4303") \
	X(51, "AH, RFC 4302; of IPv6 it is walked instead") \
	X(55, "minimal encapsulation, RFC 2004") \
	X(94, "IP within IP") \
	X(97, "Ethernet within IP, RFC 3378") \
	X(98, "encapsulation header, RFC 1241") \
	X(108, "compressed IP, RFC 3173") \
	X(115, "L2TP version 3, RFC 3931") \
	X(137, "MPLS in IP, RFC 4023") \
	X(143, "Ethernet behind segment routing, RFC 8986")

/* X(number, name): UDP ports of the side that unpacks */
#define WD_ENCAP_PORTS(X) \
	X(1701, "L2TP, RFC 2661") \
	X(2152, "GTP-U, 3GPP TS 29.281") \
	X(4500, "ESP in UDP, RFC 3948") \
	X(4754, "GRE in UDP, RFC 8086") \
	X(4755, "GRE in UDP with DTLS, RFC 8086") \
	X(4789, "VXLAN, RFC 7348") \
	X(4790, "VXLAN with other payloads (GPE)") \
	X(6080, "GUE and FOU, as Linux documents them") \
	X(6081, "Geneve, RFC 8926") \
	X(6635, "MPLS in UDP, RFC 7510") \
	X(6636, "MPLS in UDP with DTLS, RFC 7510") \
	X(8285, "flannel's UDP backend; not registered") \
	X(8472, \
	  "VXLAN as Linux, flannel and Cilium number it; not registered") \
	X(51820, "WireGuard's customary port; not registered") \
	X(51871, "WireGuard of Cilium; not registered")

/*
 * Ports from here on are what sockets of a node get by themselves (Linux's
 * ip_local_port_range): that a node asks from one does not make it a tunnel.
 * The ports above that are listed are WireGuard's, which believes no packet.
 */
#define WD_ENCAP_EPHEMERAL 32768

/* The port that a DHCP server answers from: RFC 2131, RFC 8415. */
#define WD_DHCP4_SERVER 67
#define WD_DHCP6_SERVER 547

#define WD_ENCAP_IS_(nr, name) || wd_number_ == (nr)
#define WD_ENCAP_IS_PROTO(nr) \
	({ \
		const __u32 wd_number_ = (nr); \
		0 WD_ENCAP_PROTOS(WD_ENCAP_IS_); \
	})
#define WD_ENCAP_IS_PORT(nr) \
	({ \
		const __u32 wd_number_ = (nr); \
		0 WD_ENCAP_PORTS(WD_ENCAP_IS_); \
	})

#endif /* WARDER_ENCAP_H */
