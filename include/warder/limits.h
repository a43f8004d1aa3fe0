/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * limits.h - every fixed size of the data path: number, unit, reason.
 *
 * What does not fit is refused by the compiler in user space, with the old
 * generation left in force; a program never truncates. Programs mask indexes
 * with LIMIT - 1, so the sizes marked (2^n) must be powers of two.
 */
#ifndef WARDER_LIMITS_H
#define WARDER_LIMITS_H

/* of the pinned maps; another number means: rebuild beside */
#define WD_SCHEMA 11

/* local pod interfaces (2^n); 250 is the sized load */
#define WD_ENDPOINTS_MAX 1024
/* devices that are found without a hash (2^n): several per endpoint, few meet */
#define WD_DEVICES 4096
/* pod and node addresses per family; 100,000 pods fit */
#define WD_ADDRS_MAX 262144
#define WD_CIDRS_MAX 65536 /* distinct prefixes per family */
#define WD_FRONTS_MAX 131072 /* addresses and ports of services, by kind */
#define WD_FRONTS_COVER 8192 /* of these, kept for what stands for prefixes */
#define WD_FRONT_KINDS 16 /* kinds of backends behind one of them */
#define WD_ROW_WORDS 64 /* 64-bit words in a row (2^n): 4096 predicates */
#define WD_PREDS_MAX (WD_ROW_WORDS * 64)
#define WD_ROWS_MAX 16384 /* distinct rows (2^n) */
#define WD_SLOTS_MAX 2048 /* distinct compiled policies (2^n) */
#define WD_SPANS_MAX 131072 /* port spans of all slots together (2^n) */
/* binary search: at most 2^11 spans per slot, direction, protocol */
#define WD_SPAN_STEPS 12
#define WD_SPANS_PER_SLOT 2048
#define WD_CLASSES_MAX 16384 /* distinct rule lists (2^n) */
/* rules scanned per class; more are merged by the compiler */
#define WD_CLASS_RULES 16

/* rules with counters (2^n): the lower bits of a rule's id, 0 of those without */
#define WD_RULES_MAX 16384

/* buckets of the flow table (2^n), for both families together */
#define WD_FLOW_BUCKETS 32768
#define WD_FLOW_WAYS 8 /* flows in a bucket (2^n): 262,144 in all */
#define WD_FLOW_LOCKS 1024 /* locks of the buckets (2^n) */
#define WD_FLOW_SHARE 32768 /* flows of one endpoint */
#define WD_OPEN_SHARE 4096 /* of these unreplied ones that it opened */
/* ARP and neighbour discovery of one endpoint in a tick: hosts of a /22 at once */
#define WD_NEIGHBOUR_RATE 1024
/* denied packets of one endpoint and direction that are answered in a tick */
#define WD_ANSWER_RATE 128
/* histograms of handshakes: local namespaces, and two more (2^n) */
#define WD_GROUPS_MAX 256
/*
 * Steps of a histogram: below WD_TIMING_PARTS one for each unit, then that many
 * (2^n) to a doubling, so that one is 6.25 % wide at most; up to 2^28 units.
 */
#define WD_TIMING_PART_BITS 4
#define WD_TIMING_PARTS (1 << WD_TIMING_PART_BITS)
#define WD_TIMING_STEPS (WD_TIMING_PARTS * 25)
#define WD_QUOTA_DUE 32 /* ticks, more than WD_LIFE_NEW (2^n) */
#define WD_HASH_WORDS 7 /* 32-bit words of a flow's key */
#define WD_FRAG_BUCKETS 1024 /* (2^n) */
/* fragment trains in one bucket (2^n), 8192 in all */
#define WD_FRAG_WAYS 8
/* holes in a train that a fragment may still fill: 9,000 bytes in any order */
#define WD_FRAG_GAPS 5
#define WD_EVENTS_BYTES 262144 /* ring buffer */
#define WD_EVENTS_BURST 1000 /* events per CPU and tick before limiting */

#define WD_NETS_MAX 16384 /* prefixes of the cluster per family */
/* prefixes of WireGuard's peers per family: mostly one for each pod elsewhere */
#define WD_TUNS_MAX WD_ADDRS_MAX
#define WD_WIRES_MAX 1024 /* devices that are no endpoint */
#define WD_TUNNEL_PORTS 8
#define WD_WIREFRAGS_MAX 4096 /* datagrams in fragments between nodes */
#define WD_COVERS_MAX 16384 /* pairs of namespaces, by node, kind, direction */

#define WD_EP_ADDRS 2 /* addresses per family of one endpoint */
#define WD_EXTHDR_MAX 6 /* IPv6 extension headers walked */

/*
 * Time in the data path is jiffies in ticks of a power of two, the one nearest
 * to a second: 1.024 s with HZ 250 and 1000, 0.85 s with 300, 1.28 s with 100
 * (user/datapath/clock.h). Lifetimes follow the kernel's nf_conntrack defaults
 * except TCP established (there 5 days), which a table of this size cannot hold.
 */
#define WD_LIFE_NEW 28 /* ticks, about 30 s: any flow without a reply */
#define WD_LIFE_TCP 20115 /* about 6 h */
#define WD_LIFE_TCP_CLOSE 9 /* about 10 s after RST or both FINs */
#define WD_LIFE_UDP 112 /* about 120 s */
#define WD_LIFE_ICMP 28
#define WD_LIFE_OTHER 560 /* about 600 s */
/* not shorter than a receiver keeps fragments: ipfrag_time, ip6frag_time */
#define WD_LIFE_FRAG4 36 /* 30 s with HZ 300 */
#define WD_LIFE_FRAG6 71 /* 60 s */

#endif /* WARDER_LIMITS_H */
