/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi.h - keys and values of every map, and the event record.
 *
 * Written by the agent and read by the programs unless said otherwise. Fixed
 * width, natural alignment, explicit padding (always zero), sizes asserted.
 * Addresses and ports are network byte order (__be), everything else is host
 * byte order. bpftool prints these names, so they are meant to be read.
 *
 * How a decision walks through them (design: rows, slots, classes):
 *
 *   wd_device[ifindex], else wd_endpoint -> endpoint instance: own addresses, slot
 *   wd_front[peer, port] -> identity, row, port: of services, from pods only
 *   wd_addr4/6[peer], else wd_cidr4/6 -> identity, row
 *   wd_slot[slot * 2 + dir] -> isolated?, spans by protocol
 *   wd_span[first .. first+cnt) -> class of the port (binary search, last lo <= port)
 *   wd_class[class] -> rules in order; first whose predicate bit is set in wd_row[row] wins
 *
 * Generation: wd_state.gen. Its lowest bit selects which half of every
 * two-element array (slot[2], row[2]) is in force, so that one 4-byte store
 * switches the whole node; and flows judged under another gen are judged again.
 */
#ifndef WARDER_ABI_H
#define WARDER_ABI_H

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#include <linux/types.h>
#endif
#include "limits.h"
#include "verdict.h"

#define WD_ABI_SIZE(type, bytes) \
	_Static_assert(sizeof(type) == (bytes), #type " is ABI")

/* ---- wd_state: ARRAY, 1 entry, mmap'd by the agent ---- */

/* traffic of this host's sockets is judged too */
#define WD_STATE_HOST_POLICY 0x1
#define WD_STATE_CIDR4 0x2 /* wd_cidr4 is not empty: worth a lookup */
#define WD_STATE_CIDR6 0x4
/* some traffic between nodes must be encrypted: the wires judge */
#define WD_STATE_ENCRYPT 0x8
/* also what nodes say to each other */
#define WD_STATE_ENCRYPT_NODES 0x10
/*
 * A wire is not guarded: what must be encrypted passes between pods and other
 * nodes in no direction.
 */
#define WD_STATE_WIRE_OPEN 0x20
/*
 * No prefix of the cluster is known, of IPv4 or of IPv6: whoever a pod that must
 * encrypt talks to may be inside, and is taken for it.
 */
#define WD_STATE_NO_NET4 0x40
#define WD_STATE_NO_NET6 0x80
#define WD_STATE_FRONTS 0x100 /* wd_front is not empty: worth a lookup */
/* a program judges after the translation of services, by these maps, see late.h */
#define WD_STATE_LATE 0x200
/* wd_front has entries with port 0: worth a lookup where there is no other */
#define WD_STATE_CLOSED 0x400
/* all that is said of encryption */
#define WD_STATE_ENCRYPTION \
	(WD_STATE_ENCRYPT | WD_STATE_ENCRYPT_NODES | WD_STATE_WIRE_OPEN | \
	 WD_STATE_NO_NET4 | WD_STATE_NO_NET6)

#define WD_MONITOR_DROP 0x1 /* emit events for drops and audits */
#define WD_MONITOR_NEW 0x2 /* emit events for flows newly allowed */

/* UDP ports beyond the customary ones that this node sends tunnels to or from. */
#define WD_TUNNEL_WIREGUARD 1 /* believes no packet: none of a pod's business */
#define WD_TUNNEL_VXLAN 2
#define WD_TUNNEL_GENEVE 3
#define WD_TUNNEL_OTHER 4 /* is unpacked as well; wires do not look into it */
/* in the last one, with port 0: there are more than fit, any may be one */
#define WD_TUNNEL_ANY 5

struct wd_tunnel_port {
	__be16 port; /* 0 none */
	__u8 kind; /* WD_TUNNEL_* */
	__u8 pad;
};

struct wd_state_val {
	__u32 gen; /* generation in force, 0 = nothing published yet */
	__u32 flags; /* WD_STATE_* */
	__u32 monitor; /* WD_MONITOR_*: 0 when nobody listens */
	__u32 rung; /* what is attached, for event records */
	__u32 schema; /* WD_SCHEMA */
	struct wd_tunnel_port tunnel[WD_TUNNEL_PORTS];
	__u32 pad; /* a cache line of its own */
	/*
	 * Of wd_addr4, wd_tun4, wd_wire and their like of IPv6, see wd_map_set():
	 * each write of one makes it odd before and even, and another, after. What
	 * programs found there in an even one holds while it lasts; 0: nobody says
	 */
	__u64 epoch;
	/* secret factors of the hash of wd_flow, as its entries were placed */
	__u64 hash_key[8];
};
WD_ABI_SIZE(struct wd_state_val, 128);

/* ---- wd_endpoint: HASH, key __u32 ifindex of the host-side veth ---- */

#define WD_EP_AUDIT 0x1 /* judge, count and report, but let pass */
#define WD_EP_OFF 0x2 /* do not judge; source checks stay */
#define WD_EP_ENCAP 0x4 /* may exchange tunnels with nodes, see encap.h */
/* what it exchanges with other nodes must be encrypted */
#define WD_EP_ENCRYPT 0x8
/* who is denied something is told: a reset, or prohibited by ICMP */
#define WD_EP_REJECT 0x10

/*
 * Keys of the host itself, which no interface has: what is in force, and what is
 * tried, which goes before it up to a time. No entry: nothing is judged. Both
 * are instance WD_HOST_KEY in wd_flow and have WD_HOST_STAT; addresses are
 * none, since all of the host's are meant.
 */
#define WD_HOST_KEY 0xffffffffu
#define WD_HOST_TRIED_KEY 0xfffffffeu
#define WD_HOST_STAT (WD_ENDPOINTS_MAX - 1)

struct wd_endpoint_val {
	/*
	 * netns cookie of the pod's namespace, 0 unknown; of WD_HOST_TRIED_KEY
	 * when it ends, by CLOCK_MONOTONIC
	 */
	__u64 cookie;
	__u32 id; /* endpoint instance: never used twice in one set of pins, >= 1 */
	__u32 stat; /* index into wd_epstat, wd_quota and wd_answer, < WD_ENDPOINTS_MAX */
	__u32 identity;
	__u16 flags[2]; /* WD_EP_*, by gen & 1: in force with the slot */
	__u32 slot[2]; /* by gen & 1; 0 = NOT_READY: drop all */
	/*
	 * The same of what is judged once slot[] lets a flow pass: what it would
	 * drop passes all the same, as WD_AUDIT. 0 = nothing is on trial.
	 */
	__u32 trial[2];
	__u32 master; /* ifindex of the bridge it is a port of, else 0 */
	__be32 ip4[WD_EP_ADDRS]; /* 0 = none */
	__be32 ip6[WD_EP_ADDRS][4]; /* :: = none */
	__be32 ll6[4]; /* the pod's link-local address, :: = none */
	__u8 mac[6]; /* of the pod's side */
	__u8 host_mac[6]; /* of the host's side */
};
WD_ABI_SIZE(struct wd_endpoint_val, 112);

/* ---- wd_device: ARRAY of WD_DEVICES, index ifindex modulo WD_DEVICES ---- */

/* A copy of what wd_endpoint has of one of the devices with that index. */
struct wd_device_val {
	__u32 ifindex; /* whose it is, 0 nobody's; others are in wd_endpoint only */
	__u32 pad;
	struct wd_endpoint_val ep;
	__u64 pad2;
};
WD_ABI_SIZE(struct wd_device_val, 128);

/* ---- wd_addr4/wd_addr6: HASH; wd_cidr4/wd_cidr6: LPM_TRIE ---- */

#define WD_ADDR_POD 0x1
#define WD_ADDR_NODE 0x2 /* another node */
#define WD_ADDR_HOST 0x4 /* this node */
#define WD_ADDR_LOCAL 0x8 /* an endpoint of this node; ifindex is set */
/* a pod: what it exchanges with other nodes must be encrypted */
#define WD_ADDR_ENCRYPT 0x10
/* a node: what it exchanges itself may be in clear, and is counted */
#define WD_ADDR_EXEMPT 0x20
/* a pod: a service for which wd_front has no room claims it, see find_cover() */
#define WD_ADDR_SERVED 0x40

struct wd_addr4_key {
	__be32 addr;
};

struct wd_addr6_key {
	__be32 addr[4];
};

struct wd_cidr4_key {
	__u32 prefixlen; /* bits */
	__be32 addr;
};

struct wd_cidr6_key {
	__u32 prefixlen; /* bits */
	__be32 addr[4];
};

struct wd_addr_val {
	__u32 identity;
	__u32 row[2]; /* by gen & 1; index into wd_row; 0 = no predicate holds */
	__u32 flags; /* WD_ADDR_*; 0 for a CIDR */
	__u32 ifindex; /* host-side veth if WD_ADDR_LOCAL, else 0 */
	__u32 node; /* number of the node it is on, 0 unknown */
	__u32 ns; /* number of its namespace, for wd_cover; 0 none */
};
WD_ABI_SIZE(struct wd_addr_val, 28);

/* ---- wd_front: HASH: services: who is behind an address and port ---- */

/*
 * One entry for each kind of backends, nr 0 up without a gap: those with the
 * same row, port and flags. A flow that a pod opens to the address may end at
 * any of them, so each must be allowed. Where there is no entry for address and
 * port, one for the address with port and protocol 0 counts, of a service beyond
 * its namespace's quota. Then, for what is no pod's, one that stands for all
 * addresses around those for which there is no room: WD_FRONT_BLOCK,
 * WD_FRONT_REGION with the bits behind the prefix 0; at last one with address,
 * port and protocol 0, for every address.
 */
struct wd_front_key {
	__be32 addr[4]; /* IPv4 in addr[3], rest 0; all 0: any address of a node */
	__be16 port; /* of the service, or node port; 0: each */
	/* IP protocol number; with port 0: 0, WD_FRONT_BLOCK or WD_FRONT_REGION */
	__u8 proto;
	__u8 family; /* 4 or 6 */
	__u32 nr; /* < WD_FRONT_KINDS */
};
WD_ABI_SIZE(struct wd_front_key, 24);

#define WD_FRONT_BLOCK 255 /* of IPv4 a /24, of IPv6 a /112 */
#define WD_FRONT_REGION 254 /* of IPv4 a /8, of IPv6 a /32 */

/* the backends are addresses of nodes; with WD_FRONT_NONE: may be tunnels of them */
#define WD_FRONT_NODE 0x1
/* nobody is known to be behind it, or too many kinds: no rule allows it */
#define WD_FRONT_NONE 0x2
#define WD_FRONT_MANY 0x4 /* too many kinds; with WD_FRONT_NONE */

/* Laid out as wd_addr_val. */
struct wd_front_val {
	__u32 identity; /* of the first of these backends */
	__u32 row[2]; /* as in wd_addr_val */
	__u32 flags; /* WD_FRONT_* */
	__u16 port[2]; /* of these backends, host byte order; by gen & 1 */
	__u32 pad[2];
};
WD_ABI_SIZE(struct wd_front_val, 28);

/* ---- wd_net4/wd_net6: LPM_TRIE: what is inside the cluster ---- */

#define WD_NET_POD 0x1 /* addresses of pods, known ones and others */
/* one that nobody knows may be of a pod whose traffic must be encrypted */
#define WD_NET_ENCRYPT 0x2

struct wd_net_val {
	__u32 flags; /* WD_NET_* */
	__u32 node; /* number of the node that has the prefix, 0 unknown */
};
WD_ABI_SIZE(struct wd_net_val, 8);

/* ---- wd_tun4/wd_tun6: LPM_TRIE: what WireGuard's peers may send and are sent ---- */

struct wd_tun_val {
	__u32 node; /* number of the node whose key it is, 0 nobody's */
	__u32 ifindex; /* WireGuard device */
};
WD_ABI_SIZE(struct wd_tun_val, 8);

/* ---- wd_wire: HASH, key __u32 ifindex: devices that are no endpoint ---- */

/* it leads out of the node: both its hooks judge what is in clear */
#define WD_WIRE_OUT 1
/* WireGuard: its hooks see what is in the tunnel, before and after encryption */
#define WD_WIRE_WIREGUARD 2
/* on top of others, which judge: VXLAN, VLAN, a bridge; it has no hooks of ours */
#define WD_WIRE_UPPER 3

struct wd_wire_val {
	__u8 kind; /* WD_WIRE_* */
	__u8 raw; /* frames begin with the IP header, not with Ethernet's */
	__u8 pad[2];
};
WD_ABI_SIZE(struct wd_wire_val, 4);

/* ---- wd_cover: PERCPU_HASH: what was encrypted and what was not; by programs ---- */

enum wd_cover_kind {
	WD_COVER_WIREGUARD, /* seen at the WireGuard device, by both ends' pods */
	WD_COVER_ESP, /* between nodes; what is inside is not seen */
	WD_COVER_DROPPED, /* must be encrypted and was not */
	WD_COVER_EXEMPT, /* would have to be, but for an exempt node */
	WD_COVER_HBONE, /* in clear, to or from TCP port 15008: a mesh, observed */
	WD_COVER_LINKERD, /* the same of TCP port 4143 */
	WD_COVER_CLEAR, /* in clear, and may be */
	WD_COVER_NODES, /* in clear between nodes, and may be */
	WD_COVER__MAX,
};

#define WD_NS_NONE 0 /* a node, or not of the cluster */
#define WD_NS_UNKNOWN 1 /* inside, but nobody knows the pod */
#define WD_NS_FIRST 2

/* All zero but kind and dir: what did not fit. */
struct wd_cover_key {
	__u32 ns[2]; /* of source and destination: WD_NS_*, or of wd_addr_val */
	__u32 node; /* number of the other node, 0 unknown */
	__u8 kind; /* enum wd_cover_kind */
	__u8 dir; /* enum wd_dir, as seen from this node: in or out */
	__u8 family; /* of the packet between the pods: 4 or 6, 0 not seen */
	__u8 pad;
};
WD_ABI_SIZE(struct wd_cover_key, 16);

/* ---- wd_row: ARRAY of WD_ROWS_MAX, mmap'd ---- */

/* Bit p of the row: word p / 64, bit p % 64. Row 0 stays all zero. */
struct wd_row_val {
	__u64 bits[WD_ROW_WORDS];
};
WD_ABI_SIZE(struct wd_row_val, 512);

/* ---- wd_slot: ARRAY of 2 * WD_SLOTS_MAX, index slot * 2 + direction ---- */

/* What a rule can tell apart, and by which number: its "port". */
enum wd_l4 {
	WD_L4_TCP = 0, /* destination port of the flow */
	WD_L4_UDP = 1,
	WD_L4_SCTP = 2,
	WD_L4_ICMP = 3, /* in IPv4: type << 8 | code; of echo: the request's */
	WD_L4_ICMP6 = 4, /* in IPv6, the same */
	WD_L4_OTHER = 5, /* IP protocol number, ICMP of the other family, too */
	WD_L4__MAX = 6,
};

#define WD_SLOT_READY 0x1 /* unset: drop all with NOT_READY */
/* no rule matches: drop with DEFAULT; unset: allow */
#define WD_SLOT_ISOLATED 0x2
#define WD_SLOT_DENIES 0x4 /* some rule denies */
/* what no rule matches is answered, or never; neither: as WD_EP_REJECT says */
#define WD_SLOT_REJECT 0x8
#define WD_SLOT_SILENT 0x10

struct wd_slot_val {
	__u32 flags; /* WD_SLOT_* */
	__u32 first[WD_L4__MAX]; /* first span in wd_span */
	__u32 cnt[WD_L4__MAX]; /* spans, <= WD_SPANS_PER_SLOT; 0 = no rule for any port */
	__u32 pad;
};
WD_ABI_SIZE(struct wd_slot_val, 56);

/* ---- wd_span: ARRAY of WD_SPANS_MAX ---- */

/* Ports lo .. (lo of the next span) - 1. The first span of a list has lo 0. */
struct wd_span_val {
	__u32 lo; /* host byte order, 0-65535 */
	__u32 class; /* index into wd_class, 0 = no rule */
};
WD_ABI_SIZE(struct wd_span_val, 8);

/* ---- wd_class: ARRAY of WD_CLASSES_MAX ---- */

#define WD_PRED_ANY 0xffff /* true for every peer, known or not */

#define WD_ACT_ALLOW 0
#define WD_ACT_DENY 1

/* Is the sender of what a rule denies told so? */
#define WD_TELL_AS_EP 0 /* as WD_EP_REJECT says */
#define WD_TELL_NOTHING 1
#define WD_TELL_DENIED 2

struct wd_rule {
	/*
	 * stable id of the rule, for events and `warder why`; the lower bits
	 * say where in wd_rulestat it is counted
	 */
	__u32 id;
	__u16 pred; /* predicate bit, or WD_PRED_ANY */
	__u8 action; /* WD_ACT_* */
	__u8 tell; /* WD_TELL_* */
};

struct wd_class_val {
	__u32 cnt; /* rules in use, <= WD_CLASS_RULES */
	__u32 pad;
	struct wd_rule rule[WD_CLASS_RULES];
};
WD_ABI_SIZE(struct wd_class_val, 136);

/* ---- wd_flow: ARRAY of WD_FLOW_BUCKETS; by programs ---- */

/*
 * Keyed by endpoint instance: each endpoint has its own leg of a flow, also
 * when both ends are on this node. l* is the endpoint's side, p* the peer's.
 * ICMP echo: lport is the id, sub the direction of the request + 1; other types
 * 0 and the packet's own + 3. pport is what rules tell apart, see WD_L4_ICMP.
 */
struct wd_flow_key {
	__be32 peer[4]; /* IPv4 in peer[3], rest 0 */
	__u32 ep; /* wd_endpoint_val.id */
	__be16 lport;
	__be16 pport;
	__u8 proto; /* IP protocol number */
	/*
	 * which own address: 0.. = ip4[]/ip6[], 0xfe link-local, 0xff other; of
	 * the host WD_HOST_LADDR()
	 */
	__u8 laddr;
	__u8 sub; /* ICMP: direction of the request + 1, other types + 3; else 0 */
	__u8 family; /* 4 or 6 */
};
WD_ABI_SIZE(struct wd_flow_key, 28);

/*
 * The host has any number of addresses, and rules do not tell them apart: some
 * bits of the address keep nearly all flows of one peer's port apart. Of the
 * four words of an address (IPv4 in the first) exclusive-or'd.
 */
#define WD_HOST_LADDR(word) \
	((__u8)(((word) ^ (word) >> 8 ^ (word) >> 16 ^ (word) >> 24) & 0x7f))

#define WD_FLOW_FIN_IN 0x1 /* TCP: the peer said FIN */
#define WD_FLOW_FIN_OUT 0x2 /* TCP: the pod did */
#define WD_FLOW_RST 0x4 /* TCP: refused or reset */
#define WD_FLOW_SEEDED 0x8 /* written by the agent for a connection it found */
#define WD_FLOW_HOST 0x10 /* allowed as this host's own traffic */
#define WD_FLOW_SYNACK 0x20 /* TCP answered, handshake not complete yet */
#define WD_FLOW_REPLIED 0x40 /* answered; TCP: handshake complete */
#define WD_FLOW_OPEN 0x80 /* counted in wd_quota_val.open */
#define WD_FLOW_SYN_BACK 0x100 /* TCP: answered by a SYN: simultaneous open */
#define WD_FLOW_AGAIN 0x200 /* TCP: a SYN came that may open it anew */
#define WD_FLOW_AGAIN_OUT 0x400 /* it was the pod's */
#define WD_FLOW_AGAIN_HOST 0x800 /* it was this host's */
#define WD_FLOW_SEQ \
	0x1000 /* end[] and ack[] of both sides are known; not TCP: set */
#define WD_FLOW_RST_IN 0x2000 /* WD_FLOW_RST was the peer's, as it seems */

#define WD_FLOW_OUT 0x4000 /* counted in wd_quota_val.out */

struct wd_flow_entry {
	struct wd_flow_key key;
	__u32 gen; /* generation it was judged under, 0 judge at each packet */
	__u32 rule; /* id of the rule that allowed it, 0 none */
	/*
	 * TCP sequence numbers by enum wd_dir, which is who sent them: the peer
	 * or the pod. Highest one sent, plus one; last acknowledgement sent.
	 */
	__u32 end[WD_DIR__MAX];
	__u32 ack[WD_DIR__MAX];
	/*
	 * WD_FLOW_AGAIN: acknowledges that SYN. While TCP is being opened: when
	 * what is timed began, see handshake.h; 0: it is not timed
	 */
	__u32 again;
	__u16 flags; /* WD_FLOW_* */
	__u16 stat; /* index of the endpoint's wd_quota_val */
	__u8 dir; /* direction of the flow's first packet, enum wd_dir */
	__u8 reason; /* enum wd_reason of the verdict */
	__u16 made; /* tick it was made in, lower half */
};
WD_ABI_SIZE(struct wd_flow_entry, 64);

/* What decides whether an entry counts is in front, in one cache line. */
struct wd_bucket {
	__u32 tag[WD_FLOW_WAYS]; /* part of the hash of the key */
	__u32 expires[WD_FLOW_WAYS]; /* tick from which on it is dead, 0 empty */
	struct wd_flow_entry flow[WD_FLOW_WAYS];
};
WD_ABI_SIZE(struct wd_bucket, 72 * WD_FLOW_WAYS);

/* What program wd_seed takes for a packet: a connection that is there already. */
struct wd_seed_in {
	struct wd_flow_key key;
	__u32 life; /* ticks */
	__u32 stat; /* index of the endpoint's wd_quota_val */
	__u32 dir; /* who opened it, enum wd_dir */
};
WD_ABI_SIZE(struct wd_seed_in, 40);

/* What it returns. */
enum wd_seed_result {
	WD_SEED_MADE,
	WD_SEED_KNOWN, /* the flow is there already, and stays as it is */
	WD_SEED_FULL, /* no place, or the endpoint's share is used up */
	WD_SEED_FAILED,
};

/* ---- wd_quota: ARRAY of WD_ENDPOINTS_MAX; by programs ---- */

/*
 * Flows of an endpoint against its shares. Unreplied ones leave `open` exactly
 * when they die: due[] holds how many do so at each of the next ticks.
 */
struct wd_quota_val {
	__u32 ep; /* instance that is counted; another one begins at 0 */
	__s32 flows; /* in the table, also dead ones whose place nobody took */
	__s32 open; /* unreplied ones that the pod opened */
	__u32 tick; /* up to which due[] was let go */
	__s32 due[WD_QUOTA_DUE]; /* by tick they die at, modulo WD_QUOTA_DUE */
	__u32 neighbour; /* ARP and neighbour discovery it sent in this tick */
	__s32 out; /* of `flows`: those that the pod opened */
};
WD_ABI_SIZE(struct wd_quota_val, 24 + 4 * WD_QUOTA_DUE);

/* ---- wd_answer: ARRAY of WD_ENDPOINTS_MAX; by programs ---- */

/* Answers to what was denied of an endpoint, in both directions. */
struct wd_answer_val {
	__u64 sent;
	__u64 held; /* not sent: more than WD_ANSWER_RATE in a tick */
	__u64 failed; /* not sent: the kernel did not change the packet so */
	__u32 ep; /* instance that is counted; another one begins at 0 */
	__u32 tick; /* that cnt_in and cnt_out are of */
	__u32 cnt_in; /* in the tick, to what was to come to the pod */
	__u32 mark; /* of those on their way out by the hook from the pod */
	__s32 flight; /* how many are */
	__u32 cnt_out; /* in the tick, to what the pod sent */
};
WD_ABI_SIZE(struct wd_answer_val, 48);

/* ---- wd_group: ARRAY of WD_ENDPOINTS_MAX, index wd_endpoint_val.stat ---- */

struct wd_group_val {
	__u32 ep; /* endpoint instance it is of; not that of another: WD_GROUP_REST */
	__u32 group; /* index into wd_timing */
};
WD_ABI_SIZE(struct wd_group_val, 8);

/* ---- wd_timing: ARRAY of WD_GROUPS_MAX; by programs of rung full ---- */

/* of pods not known yet, and of namespaces that no group was left for */
#define WD_GROUP_REST 0
/* one each for namespaces with pods on this node, as the agent numbers them */
#define WD_GROUP_FIRST 2

/* What of a TCP handshake the pod waits for. Not those that this host opens. */
enum wd_timing_side {
	WD_TIMING_CLIENT, /* it opened: from its SYN to the peer's SYN+ACK */
	WD_TIMING_SERVER, /* it answered: from its SYN+ACK to the peer's ACK */
	WD_TIMING__MAX,
};

#define WD_TIMING_UNIT_NS 128

/*
 * How many took so long. From the first SYN or SYN+ACK of several on: that one
 * was lost is a part of what it took.
 */
struct wd_timing_val {
	__u32 cnt[WD_TIMING__MAX][WD_TIMING_STEPS];
};
WD_ABI_SIZE(struct wd_timing_val, 8 * WD_TIMING_STEPS);

/* ---- wd_frag: ARRAY of WD_FRAG_BUCKETS, index by hash of the key; by programs ---- */

struct wd_frag_key {
	__be32 src[4]; /* IPv4 in src[0], rest 0 */
	__be32 dst[4];
	__u32 ep;
	__u32 id; /* fragment id as on the wire (IPv4: 16 bits) */
	__u8 proto;
	__u8 dir; /* enum wd_dir */
	__u8 family; /* 4 or 6 */
	__u8 pad;
};
WD_ABI_SIZE(struct wd_frag_key, 44);

/* Bytes lo .. hi - 1 of the datagram behind its IP header; lo == hi: none. */
struct wd_frag_gap {
	__u16 lo;
	__u16 hi; /* WD_FRAG_OPEN: to the end, wherever that is */
};

#define WD_FRAG_OPEN 0xffff

/* One datagram in fragments. */
struct wd_train {
	struct wd_frag_key key;
	__u32 expires; /* ticks; not later than now: the place is free */
	__u32 owner; /* who answers for it: an endpoint, or hash | WD_FRAG_REMOTE */
	__be16 sport; /* of the first fragment; ICMP echo: its id */
	__be16 dport; /* ICMP: type and code, as in wd_event */
	/* what may still pass; none: the train is at its end */
	struct wd_frag_gap gap[WD_FRAG_GAPS];
};
WD_ABI_SIZE(struct wd_train, 76);

/* owner: not a pod of this node */
#define WD_FRAG_REMOTE 0x80000000u

struct wd_frag_val {
	struct bpf_spin_lock lock; /* of all that follows */
	struct wd_train train[WD_FRAG_WAYS];
};
WD_ABI_SIZE(struct wd_frag_val, 612);

/* ---- wd_stat: PERCPU_ARRAY, index reason * 2 + direction; by programs ---- */

/* Added to the index: packets that audit mode let pass in spite of the reason. */
#define WD_STAT_AUDIT (2 * WD_R__MAX)
#define WD_STATS_MAX (4 * WD_R__MAX) /* (2^n) */

/*
 * What became of the answers to denied packets, as if it were the reason of one
 * that audit let pass: those below WD_R_FIRST_DROP never are.
 */
enum wd_answered {
	WD_ANSWERED_RESET,
	WD_ANSWERED_PROHIBITED,
	WD_ANSWERED_HELD, /* not sent: more than WD_ANSWER_RATE in a tick */
	WD_ANSWERED_FAILED, /* not sent: the kernel did not change the packet so */
	WD_ANSWERED__MAX,
};
_Static_assert(WD_ANSWERED__MAX <= WD_R_FIRST_DROP, "elements of audit");
#define WD_STAT_ANSWERED WD_STAT_AUDIT

struct wd_stat_val {
	__u64 packets;
	__u64 bytes;
};

/* ---- wd_epstat: PERCPU_ARRAY of WD_ENDPOINTS_MAX; by programs ---- */

struct wd_epstat_val {
	struct wd_stat_val allow[WD_DIR__MAX];
	struct wd_stat_val drop[WD_DIR__MAX];
	struct wd_stat_val audit[WD_DIR__MAX];
};

/* ---- wd_rulestat: PERCPU_ARRAY of WD_RULES_MAX, index id of the rule modulo that; by programs ---- */

/*
 * Packets that the rule decided about, and those of the flows it let in, in both
 * directions. Element 0 is no rule's: the agent keeps there since when there is
 * nothing that is not counted.
 */
struct wd_rulestat_val {
	__u64 packets;
	__u64 bytes;
	__u64 flows; /* new ones that it let in */
	__u32 last; /* tick of the last packet; before the first, of the beginning */
	__u32 id; /* whose it is, 0 nobody's; by the agent */
};
WD_ABI_SIZE(struct wd_rulestat_val, 32);

/* ---- wd_evstat: PERCPU_ARRAY of 1; by programs ---- */

struct wd_evstat_val {
	__u64 sent;
	__u64 limited; /* not sent: rate limit of the CPU */
	__u64 lost; /* not sent: ring buffer full */
	__u32 tick; /* of the current window */
	__u32 in_tick; /* events in it */
};

/* ---- wd_events: RINGBUF ---- */

struct wd_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex; /* host-side veth */
	__u32 ep; /* endpoint instance */
	__u32 local_id; /* identity of the endpoint */
	__u32 peer_id; /* identity of the peer, 0 unknown */
	__be32 src[4]; /* IPv4 in src[0] */
	__be32 dst[4];
	__be16 sport; /* ICMP: 0 */
	__be16 dport; /* ICMP: type << 8 | code in host order, swapped to __be16 */
	__u32 rule; /* stable rule id, 0 none */
	__u32 gen;
	__u32 len; /* bytes of the packet */
	__u16 proto_eth; /* ethertype, host byte order */
	__u8 proto; /* IP protocol */
	__u8 family; /* 4, 6, or 0 for other ethertypes */
	__u8 dir; /* enum wd_dir */
	__u8 verdict; /* enum wd_verdict */
	__u8 reason; /* enum wd_reason */
	__u8 rung; /* | WD_EVENT_TOLD */
};
WD_ABI_SIZE(struct wd_event, 80);

#define WD_EVENT_TOLD 0x80 /* the sender of the packet is told, see answer.h */

#endif /* WARDER_ABI_H */
