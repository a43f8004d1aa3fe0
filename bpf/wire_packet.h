/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_packet.h - what the programs of the wires note of a packet beside what
 * packet.h has. Data only, part of struct wd_pkt in their objects.
 */
#ifndef WARDER_BPF_WIRE_PACKET_H
#define WARDER_BPF_WIRE_PACKET_H

#include <warder/abi.h>

/* IP headers in one packet that are looked at. */
#define WD_WIRE_LAYERS 4

/* Who an address is. */
enum wd_who {
	WD_WHO_OUTSIDE, /* nobody of the cluster */
	WD_WHO_POD, /* a pod that is known */
	WD_WHO_INSIDE, /* in a prefix of the cluster, but nobody knows it */
	WD_WHO_NODE, /* a node, this one too */
};

struct wd_end {
	__u32 node; /* number of the node it is on or is, 0 unknown */
	__u32 ns; /* WD_NS_*, or of its namespace */
	__u8 who; /* enum wd_who */
	__u8 encrypt; /* pods: what it exchanges must be encrypted */
	__u8 exempt; /* nodes: what it exchanges need not be */
	__u8 here; /* on this node, or this node */
};

/* Who the two ends of an IP header are, taken together. */
enum wd_pair {
	WD_PAIR_OUTSIDE, /* one of them is nobody of the cluster */
	WD_PAIR_PODS, /* or a pod and a node */
	WD_PAIR_NODES,
};

/* A datagram in fragments, of which only the first says what is inside. */
struct wd_wirefrag_key {
	__be32 src[4]; /* IPv4 in src[0], rest 0 */
	__be32 dst[4];
	__u32 id; /* as on the wire */
	__u8 proto; /* as each fragment states it */
	__u8 dir; /* enum wd_dir */
	__u8 family;
	__u8 pad;
};

struct wd_wirefrag_val {
	struct wd_cover_key cover;
	__u32 expires; /* ticks */
	__u32 hi; /* bytes of the datagram that the first fragment holds */
	__u8 reason; /* what became of the first */
	__u8 has_cover;
	__u8 pad[2];
};

struct wd_layers {
	struct wd_end end[2]; /* of the header at hand: source, destination */
	struct wd_wirefrag_key note; /* the first fragment in this packet */
	struct wd_cover_key cover;
	__u32 note_hi; /* see wd_wirefrag_val.hi */
	__u32 share; /* bytes of its datagram that the fragment at hand holds */
	__u32 peer; /* WireGuard: node whose key is used, 0 nobody's */
	__u8 is_tun; /* the hook of a WireGuard device */
	__u8 is_frame; /* what comes next is an Ethernet frame */
	__u8 is_cut; /* something around is a first fragment: lengths run past it */
	__u8 is_routed; /* IPv6: has a routing header */
	__u8 is_hint; /* what is inside counts only if it must not be, see WD_IN_HINT */
	__u8 is_hearsay; /* around it is one that somebody outside has part in */
	__u8 has_note;
	__u8 has_cover;
	__u8 pair; /* enum wd_pair of the header at hand */
	__u8 bad; /* why what is behind the header cannot be read, 0 it can */
	/* what it is if what is inside cannot be read; 0: that is a reason to drop */
	__u8 otherwise;
	__u8 first; /* a later fragment: what its first says, enum wd_reason */
};

#endif /* WARDER_BPF_WIRE_PACKET_H */
