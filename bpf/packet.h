/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.h - struct wd_pkt, which goes through all steps of a decision.
 *
 * Kept in a per-CPU array and not on the stack, so that the slow steps can be
 * global functions: the verifier then looks at each once, by itself, and not
 * again for every way that leads to it, and 5.10 takes no other pointer there
 * than the context. Both hooks run with softirqs off, so nothing else uses the
 * CPU's element before the packet is done.
 */
#ifndef WARDER_BPF_PACKET_H
#define WARDER_BPF_PACKET_H

#include <warder/abi.h>

#include "rung.h"

/* What the programs of the object are called with. */
#ifndef WD_CTX
#define WD_CTX struct __sk_buff
#endif

/* Where there is one: not in what programs of netfilter call. */
#define WD_SKB(ctx) ((const struct __sk_buff *)(const void *)(ctx))

/*
 * The packet in a function that has @ctx, and the device it came in by. In
 * wd_host what is passed around is the packet itself: there one may be
 * interrupted by the next, so each has an element of its own.
 */
#if WD_IS_HOST
#define WD_PACKET(ctx) (ctx)
#define WD_IIF(ctx) ((ctx)->iif)
#else
#define WD_PACKET(ctx) this_packet()
#define WD_IIF(ctx) (WD_SKB(ctx)->ingress_ifindex)
#endif

/* No decision yet: go on with the next step. */
#define WD_GO_ON (-1)

#define WD_LADDR_LINK 0xfe
#define WD_LADDR_OTHER 0xff

/* Offsets of a header are bounded so that a pointer plus them verifies. */
#define WD_OFF_MASK 0x3fff

enum wd_frag_pos {
	WD_FRAG_NONE, /* not fragmented, or IPv6 atomic */
	WD_FRAG_FIRST,
	WD_FRAG_LATER,
};

/* TCP flags as on the wire; other protocols use 0. */
#define WD_TCP_FIN 0x01
#define WD_TCP_SYN 0x02
#define WD_TCP_RST 0x04
#define WD_TCP_ACK 0x10

/* So that what is rare stays out of the way of what each packet runs through. */
#define WD_LIKELY(x) __builtin_expect(!!(x), 1)
#define WD_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Neighbour discovery: what the pod may speak for. */
#define WD_ND_OWNS_END 0x1 /* its end of the packet */
#define WD_ND_OWNS_TARGET 0x2
#define WD_ND_MAY_ANSWER \
	0x4 /* as the target, which is a known address or the sender */

/* A flow to be written: what the packet itself does not say. */
struct wd_draft {
	__u32 gen;
	__u32 expires;
	__u16 flags;
	__u8 dir;
	__u8 reason;
};

#if WD_IS_WIRE
#include "wire_packet.h"
#endif

/* What is known of the packet at hand. Zeroed at the start. */
#define WD_SOME_ANY 0x1
#define WD_SOME_HOST 0x2 /* in the network of a node, perhaps this one's */

struct wd_pkt {
	__be32 src[4]; /* IPv4 in src[0], rest 0 */
	__be32 dst[4];
	struct wd_flow_key key;
	__u32 place; /* of its flow in wd_flow: bucket * WD_FLOW_WAYS + way */
	__u64 hash; /* of the key */
	__u32 seq; /* TCP: sequence number of the segment */
	__u32 ack; /* TCP: acknowledgement */
	__u32 seg; /* TCP: what it takes of the sequence, SYN and FIN included */
	__u32 ep_flags; /* WD_EP_* */
	__u32 ep_slot; /* slot that is judged by, 0 none */
	__u32 ep_trial; /* slot of what is on trial, 0 none */
	__u32 enforced; /* what the other slot came to, see judge_trial() */
	__u32 ep_stat; /* index of its counters */
	__u32 gen; /* read once, so that one packet sees one generation */
	__u32 switches; /* WD_STATE_* */
	__u32 now; /* ticks */
	__u32 len; /* bytes of the frame */
	__u32 off; /* of the header to parse next, bytes from the frame's start */
	__u32 end; /* of the IP packet, bytes from the frame's start */
	__u32 frag_id; /* as on the wire */
	__u32 rule; /* id of the rule that decided, 0 none */
	__u32 peer_id; /* identity of the peer, 0 unknown */
	__u32 peer_row;
	__u32 detour; /* not 0: others than the host may pass on what the pod sends */
	int service; /* what the backends asked so far come to, or WD_GO_ON */
	__u32 service_rule; /* and the rule and peer behind it */
	__u32 service_peer;
	__be16 sport; /* ICMP: 0 */
	__be16 dport; /* ICMP: type << 8 | code in network order */
	__u16 eth; /* ethertype, host order */
	__u16 frag_off; /* bytes */
	__u8 has_ep; /* the endpoint is known */
	__u8 dir; /* direction of this hook, enum wd_dir */
	__u8 family; /* 4, 6 or 0 */
	__u8 proto; /* transport protocol */
	__u8 tcp; /* WD_TCP_* */
	__u8 frag; /* enum wd_frag_pos */
	__u8 frag_proto; /* protocol as the fragment states it */
	__u8 frag_more; /* it is not the last one */
	__u8 hops; /* TTL or hop limit */
	__u8 exthdrs; /* IPv6: extension headers were walked */
	__u8 is_answer; /* ARP, ND; ICMP echo reply: makes no sense without its request */
	__u8 is_error; /* ICMP error: belongs to the flow it quotes */
	__u8 is_new; /* a flow was made for it */
	__u8 has_peer; /* peer_id and peer_row were looked up */
	__u8 monitor; /* WD_MONITOR_* */
	__u8 rung; /* for event records */
	__u8 nd_type; /* neighbour discovery: ICMPv6 type */
	__u8 nd_owns; /* WD_ND_* */
	__u8 tried; /* what is on trial would drop it; what is enforced did not */
	__u8 any_node; /* the peer is a node, and the service its node port */
	__u8 by_host; /* a socket of this host sends it to the pod */
	__u8 late; /* somebody is to judge it after the translation */
	__u8 tell; /* WD_TELL_*: of what denied it */
	__u8 service_tell; /* of what service_rule is of */
	__u8 told; /* it is to be dropped, and its sender told */
	__u8 service_some; /* WD_SOME_*: of the backends asked so far these may be the peer */
#if WD_IS_WIRE
	struct wd_layers wire;
#endif
#if WD_IS_HOST
	__u32 iif; /* device it came in by, 0 none */
	__u32 is_try; /* what it is judged by ends by the clock */
#endif

	/* Not zeroed: stays from packet to packet, see sender_of(), */
	__u32 uplink; /* a device that is no endpoint's, 0 none */
	__u32 uplink_gen; /* generation in which that was found */
	__u32 trusted; /* a device of what is encrypted, see encrypt.h, */
	__u64 trusted_epoch; /* and when it was one */
	__u32 hand; /* bucket that flow_sweep() looks at next */
	__u32 began; /* of a flow to be written, see handshake.h */
	__u32 busy; /* wd_late and wd_host only: somebody is at it, see there */
	struct wd_endpoint_val own; /* of this packet, see own_endpoint() */
	struct wd_draft draft; /* see flow_insert() */
	__u32 quote_sum; /* answer.h: of the bytes that are quoted */
	__u32 quote[130]; /* and 508 of them */
};

#define WD_PKT_ZEROED offsetof(struct wd_pkt, uplink)

/* The opposite of a direction. */
static __always_inline __u8 dir_reverse(__u8 dir)
{
	return dir ^ 1;
}

#if WD_IS_HOST
#define WD_SCRATCH 8 /* packets that may be under way on one CPU */
#else
#define WD_SCRATCH 1
#endif

/* No pin, no meaning between packets: not a map of warder/maps.h. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_SCRATCH);
	__type(key, __u32);
	__type(value, struct wd_pkt);
} wd_scratch SEC(".maps");

/* The packet of this CPU. NULL never happens, but the verifier cannot know. */
static __always_inline struct wd_pkt *this_packet(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wd_scratch, &zero);
}

#endif /* WARDER_BPF_PACKET_H */
