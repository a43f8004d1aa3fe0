/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps.h - every map of the programs, as warder/maps.h lists them.
 *
 * One set for the node, shared by all endpoints and pinned by the agent (the
 * loader sets pin paths: a definition here says nothing about where). Keys and
 * values are in warder/abi.h, sizes in warder/limits.h. Large tables that are
 * filled by the agent take memory as they fill (NO_PREALLOC); arrays that the
 * agent writes in bulk are mmap'able; what packets create is bounded by LRU.
 */
#ifndef WARDER_BPF_MAPS_H
#define WARDER_BPF_MAPS_H

#include <warder/abi.h>

/* ---- written by the agent, read by the programs ---- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_state_val);
} wd_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WD_ENDPOINTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct wd_endpoint_val);
} wd_endpoint SEC(".maps");

/* Mapped memory begins at a page, so that elements begin at a cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_DEVICES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_device_val);
} wd_device SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WD_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_addr4_key);
	__type(value, struct wd_addr_val);
} wd_addr4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WD_ADDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_addr6_key);
	__type(value, struct wd_addr_val);
} wd_addr6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_CIDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr4_key);
	__type(value, struct wd_addr_val);
} wd_cidr4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_CIDRS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr6_key);
	__type(value, struct wd_addr_val);
} wd_cidr6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WD_FRONTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_front_key);
	__type(value, struct wd_front_val);
} wd_front SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_ROWS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_row_val);
} wd_row SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * WD_SLOTS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_slot_val);
} wd_slot SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_SPANS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_span_val);
} wd_span SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_CLASSES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_class_val);
} wd_class SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_NETS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr4_key);
	__type(value, struct wd_net_val);
} wd_net4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_NETS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr6_key);
	__type(value, struct wd_net_val);
} wd_net6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_TUNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr4_key);
	__type(value, struct wd_tun_val);
} wd_tun4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, WD_TUNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cidr6_key);
	__type(value, struct wd_tun_val);
} wd_tun6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WD_WIRES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct wd_wire_val);
} wd_wire SEC(".maps");

/* ---- written by the programs (and flows by wd_seed, for the agent) ---- */

/* Mapped memory begins at a page, so that buckets begin at a cache line. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_FLOW_BUCKETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_bucket);
} wd_flow SEC(".maps");

/* Apart from the buckets, because what holds a lock cannot be mapped. */
struct wd_flowlock_val {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_FLOW_LOCKS);
	__type(key, __u32);
	__type(value, struct wd_flowlock_val);
} wd_flowlock SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_ENDPOINTS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wd_quota_val);
} wd_quota SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_FRAG_BUCKETS);
	__type(key, __u32);
	__type(value, struct wd_frag_val);
} wd_frag SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_STATS_MAX);
	__type(key, __u32);
	__type(value, struct wd_stat_val);
} wd_stat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct wd_epstat_val);
} wd_epstat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WD_RULES_MAX);
	__type(key, __u32);
	__type(value, struct wd_rulestat_val);
} wd_rulestat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wd_evstat_val);
} wd_evstat SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct wd_answer_val);
} wd_answer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_ENDPOINTS_MAX);
	__type(key, __u32);
	__type(value, struct wd_group_val);
} wd_group SEC(".maps");

/* Not by CPU: a handshake is rare beside packets, and few meet in one step. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WD_GROUPS_MAX);
	__type(key, __u32);
	__type(value, struct wd_timing_val);
} wd_timing SEC(".maps");

/* Packets find their pair, new pairs are few: memory is taken as it fills. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, WD_COVERS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wd_cover_key);
	__type(value, struct wd_stat_val);
} wd_cover SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WD_EVENTS_BYTES);
} wd_events SEC(".maps");

#endif /* WARDER_BPF_MAPS_H */
