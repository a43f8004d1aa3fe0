/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden.c - the trial of new programs before they decide anything real.
 *
 * Owns a handful of packets and what must become of each, on one endpoint with
 * one small policy; the endpoint is the loopback device, which the kernel says
 * a test packet came by. A program that a compiler or a verifier bent gives
 * another verdict or counts another reason, and is refused. What the policy
 * language means is not tested here: the selftests do that.
 *
 *   .2 the pod    .3 a peer the policy allows    .4 one it does not
 *   .200 a peer allowed as part of a prefix      .9 nobody
 *   ports: 80 allowed, 82 denied by a rule, others not mentioned
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "byteorder.h"
#include "internal.h"

#define LOOPBACK 1
#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */
#define FRAME_BYTES 96

#define POD 2
#define FRIEND 3
#define OTHER 4
#define NOBODY 9
#define PREFIXED 200

#define GEN 1
#define SLOT 1
#define ROW 1
#define PRED 70 /* in the second word of the row */
#define CLASS_ALLOW 1
#define CLASS_DENY 2

#define MAP_ROOM 1024 /* entries of the trial's larger maps */

/* What the maps say at the time of a packet. */
enum scene {
	NORMAL, /* policy applies, to the host's own sockets too */
	HOST_FREE, /* the host's own sockets pass */
	NO_SLOT, /* nothing compiled for the endpoint */
	NO_GEN, /* nothing published */
	STRANGER, /* the device is no endpoint */
};

/* A TCP packet that opens a connection, or answers such a one. */
#define TCP(way_, family_, src_, dst_, sport_, dport_, flags_) \
	.way = (way_), .family = (family_), .src = (src_), .dst = (dst_), \
	.sport = (sport_), .dport = (dport_), .flags = (flags_)
#define OPEN(...) TCP(__VA_ARGS__, TH_SYN)
#define REPLY(...) TCP(__VA_ARGS__, TH_SYN | TH_ACK)
#define IN WD_INGRESS
#define OUT WD_EGRESS

static const struct golden {
	const char *name;
	enum wd_dir way;
	uint8_t family; /* 4, 6; else the frame is of @eth */
	uint8_t src, dst; /* last byte of the address */
	uint16_t sport, dport;
	uint8_t flags; /* TCP */
	enum wd_reason reason;
	enum scene scene;
	bool bad_mac;
	uint16_t eth;
} goldens[] = {
	{ .name = "IPv4 allowed",
	  OPEN(IN, 4, FRIEND, POD, 1000, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "IPv4 reply",
	  REPLY(OUT, 4, POD, FRIEND, 80, 1000),
	  .reason = WD_R_ESTABLISHED },
	{ .name = "IPv4 allowed by prefix",
	  OPEN(IN, 4, PREFIXED, POD, 1000, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "IPv4 wrong peer",
	  OPEN(IN, 4, OTHER, POD, 1000, 80),
	  .reason = WD_R_DEFAULT },
	{ .name = "IPv4 wrong port",
	  OPEN(IN, 4, FRIEND, POD, 1000, 81),
	  .reason = WD_R_DEFAULT },
	{ .name = "IPv4 denied by rule",
	  OPEN(IN, 4, FRIEND, POD, 1000, 82),
	  .reason = WD_R_POLICY },
	{ .name = "IPv4 not for the pod",
	  OPEN(IN, 4, FRIEND, NOBODY, 1000, 80),
	  .reason = WD_R_NOT_LOCAL },
	{ .name = "IPv4 outward allowed",
	  OPEN(OUT, 4, POD, FRIEND, 1001, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "IPv4 outward not allowed",
	  OPEN(OUT, 4, POD, OTHER, 1001, 80),
	  .reason = WD_R_DEFAULT },
	{ .name = "IPv4 spoofed",
	  OPEN(OUT, 4, NOBODY, FRIEND, 1001, 80),
	  .reason = WD_R_SPOOF_IP },
	{ .name = "IPv6 allowed",
	  OPEN(IN, 6, FRIEND, POD, 1000, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "IPv6 reply",
	  REPLY(OUT, 6, POD, FRIEND, 80, 1000),
	  .reason = WD_R_ESTABLISHED },
	{ .name = "IPv6 wrong peer",
	  OPEN(IN, 6, OTHER, POD, 1000, 80),
	  .reason = WD_R_DEFAULT },
	{ .name = "IPv6 denied by rule",
	  OPEN(IN, 6, FRIEND, POD, 1000, 82),
	  .reason = WD_R_POLICY },
	{ .name = "IPv6 spoofed",
	  OPEN(OUT, 6, NOBODY, FRIEND, 1001, 80),
	  .reason = WD_R_SPOOF_IP },
	{ .name = "wrong hardware address",
	  OPEN(OUT, 4, POD, FRIEND, 1002, 80),
	  .reason = WD_R_SPOOF_MAC,
	  .bad_mac = true },
	{ .name = "VLAN", .way = WD_EGRESS, .reason = WD_R_VLAN, .eth = 0x8100 },
	{ .name = "LLDP",
	  .way = WD_INGRESS,
	  .reason = WD_R_L2_UNSUP,
	  .eth = 0x88cc },
	{ .name = "host",
	  OPEN(IN, 4, OTHER, POD, 1003, 81),
	  .reason = WD_R_HOST,
	  .scene = HOST_FREE },
	{ .name = "no policy compiled",
	  OPEN(IN, 4, FRIEND, POD, 1004, 80),
	  .reason = WD_R_NOT_READY,
	  .scene = NO_SLOT },
	{ .name = "nothing published",
	  OPEN(IN, 6, FRIEND, POD, 1004, 80),
	  .reason = WD_R_NOT_READY,
	  .scene = NO_GEN },
	{ .name = "no endpoint, towards it",
	  OPEN(IN, 4, FRIEND, POD, 1005, 80),
	  .reason = WD_R_NO_ENDPOINT,
	  .scene = STRANGER },
	{ .name = "no endpoint, from it",
	  OPEN(OUT, 4, POD, FRIEND, 1005, 80),
	  .reason = WD_R_NO_ENDPOINT,
	  .scene = STRANGER },
};

#define GOLDEN_CNT (sizeof(goldens) / sizeof(*goldens))

static const uint8_t pod_mac[6] = { 2, 0, 0, 0, 0, POD };
static const uint8_t host_mac[6] = { 2, 0, 0, 0, 0, 1 };

/* ---- the maps ---- */

static uint32_t small(uint32_t type, uint32_t max)
{
	if (type == BPF_MAP_TYPE_RINGBUF)
		return sysconf(_SC_PAGESIZE);
	if (type == BPF_MAP_TYPE_PERCPU_ARRAY && max <= 2 * WD_R__MAX)
		return max; /* a counter for every reason */
	return max < MAP_ROOM ? max : MAP_ROOM;
}

int wd_golden_shrink(struct bpf_object *obj)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, obj) {
		if (bpf_map__is_internal(map))
			continue;
		err = bpf_map__set_max_entries(
			map,
			small(bpf_map__type(map), bpf_map__max_entries(map)));
		if (err)
			return err;
	}
	return 0;
}

static int put(struct bpf_object *obj, enum wd_map map, const void *key,
	       const void *val)
{
	return bpf_map_update_elem(
		bpf_object__find_map_fd_by_name(obj, wd_map_names[map]), key,
		val, BPF_ANY);
}

static struct wd_addr4_key addr4(uint8_t last)
{
	return (struct wd_addr4_key){ wd_be32(0x0a000000 | last) };
}

static struct wd_addr6_key addr6(uint8_t last)
{
	return (struct wd_addr6_key){ { wd_be32(0xfd000000), 0, 0,
					wd_be32(last) } };
}

static int put_addr(struct bpf_object *obj, uint8_t last, uint32_t row)
{
	struct wd_addr_val val = { .identity = 1000U + last,
				   .row = { row, row },
				   .flags = WD_ADDR_POD };
	struct wd_addr4_key key4 = addr4(last);
	struct wd_addr6_key key6 = addr6(last);
	int err;

	err = put(obj, WD_MAP_wd_addr4, &key4, &val);
	return err ? err : put(obj, WD_MAP_wd_addr6, &key6, &val);
}

static int put_peers(struct bpf_object *obj)
{
	struct wd_row_val row = { .bits[PRED / 64] = 1ULL << PRED % 64 };
	struct wd_cidr4_key prefix = { 25, addr4(128).addr };
	struct wd_addr_val val = { .identity = 1 << 24, .row = { ROW, ROW } };
	uint32_t nr = ROW;
	int err;

	err = put(obj, WD_MAP_wd_row, &nr, &row);
	if (!err)
		err = put_addr(obj, FRIEND, ROW);
	if (!err)
		err = put_addr(obj, OTHER, 0);
	return err ? err : put(obj, WD_MAP_wd_cidr4, &prefix, &val);
}

static int put_classes(struct bpf_object *obj)
{
	struct wd_class_val class = {
		.cnt = 1,
		.rule[0] = { .id = 1, .pred = PRED, .action = WD_ACT_ALLOW },
	};
	uint32_t nr = CLASS_ALLOW;
	int err;

	err = put(obj, WD_MAP_wd_class, &nr, &class);
	class.rule[0].id = 2;
	class.rule[0].action = WD_ACT_DENY;
	nr = CLASS_DENY;
	return err ? err : put(obj, WD_MAP_wd_class, &nr, &class);
}

static int put_slots(struct bpf_object *obj)
{
	static const struct wd_span_val spans[] = {
		{ 0, 0 },	    { 80, CLASS_ALLOW }, { 81, 0 },
		{ 82, CLASS_DENY }, { 83, 0 },
	};
	struct wd_slot_val slot = {
		.flags = WD_SLOT_READY | WD_SLOT_ISOLATED,
		.first[WD_L4_TCP] = 1,
		.cnt[WD_L4_TCP] = sizeof(spans) / sizeof(*spans),
	};
	uint32_t nr, i;
	int err = 0;

	for (i = 0; !err && i < sizeof(spans) / sizeof(*spans); i++) {
		nr = slot.first[WD_L4_TCP] + i;
		err = put(obj, WD_MAP_wd_span, &nr, &spans[i]);
	}
	for (i = 0; !err && i < WD_DIR__MAX; i++) {
		nr = SLOT * 2 + i;
		err = put(obj, WD_MAP_wd_slot, &nr, &slot);
	}
	return err;
}

static int put_endpoint(struct bpf_object *obj, enum scene scene)
{
	uint32_t ifindex = scene == STRANGER ? INT32_MAX : LOOPBACK;
	struct wd_endpoint_val ep = { .id = 1,
				      .identity = 1000 + POD,
				      .ip4[0] = addr4(POD).addr };
	uint32_t gone = LOOPBACK;

	memcpy(ep.ip6[0], addr6(POD).addr, sizeof(ep.ip6[0]));
	memcpy(ep.mac, pod_mac, sizeof(ep.mac));
	memcpy(ep.host_mac, host_mac, sizeof(ep.host_mac));
	if (scene != NO_SLOT)
		ep.slot[GEN & 1] = SLOT;
	if (scene == STRANGER)
		(void)bpf_map_delete_elem(
			bpf_object__find_map_fd_by_name(obj, "wd_endpoint"),
			&gone); /* if it stays, the packets tell */
	return put(obj, WD_MAP_wd_endpoint, &ifindex, &ep);
}

static int set_scene(struct bpf_object *obj, enum scene scene)
{
	struct wd_state_val state = { .gen = scene == NO_GEN ? 0 : GEN,
				      .flags = WD_STATE_CIDR4,
				      .schema = WD_SCHEMA };
	uint32_t zero = 0;
	int err;

	if (scene != HOST_FREE)
		state.flags |= WD_STATE_HOST_POLICY;
	err = put(obj, WD_MAP_wd_state, &zero, &state);
	return err ? err : put_endpoint(obj, scene);
}

/* ---- the packets ---- */

static void put_ip4(uint8_t *at, const struct golden *g)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = wd_in_addr(addr4(g->src).addr).s_addr,
		.daddr = wd_in_addr(addr4(g->dst).addr).s_addr,
	};

	memcpy(at, &ip, sizeof(ip));
}

static void put_ip6(uint8_t *at, const struct golden *g)
{
	struct wd_addr6_key src = addr6(g->src), dst = addr6(g->dst);
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons(sizeof(struct tcphdr)),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = 64,
	};

	memcpy(&ip.ip6_src, &src, sizeof(src));
	memcpy(&ip.ip6_dst, &dst, sizeof(dst));
	memcpy(at, &ip, sizeof(ip));
}

static void make_frame(uint8_t frame[FRAME_BYTES], const struct golden *g)
{
	struct tcphdr tcp = { .th_sport = htons(g->sport),
			      .th_dport = htons(g->dport),
			      /* the SYNs have number 0 */
			      .th_ack = htonl((g->flags & TH_ACK) ? 1 : 0),
			      .th_off = 5,
			      .th_flags = g->flags };

	uint16_t eth = g->family == 4 ? ETH_P_IP :
		       g->family == 6 ? ETH_P_IPV6 :
					g->eth;
	uint8_t *at = frame + ETH_HLEN;

	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, g->way == WD_INGRESS ? pod_mac : host_mac, 6);
	memcpy(frame + 6, g->way == WD_INGRESS ? host_mac : pod_mac, 6);
	if (g->bad_mac)
		frame[6 + 5] ^= 0x10;
	frame[12] = eth >> 8;
	frame[13] = eth & 0xff;
	if (g->family == 4) {
		put_ip4(at, g);
		memcpy(at + sizeof(struct iphdr), &tcp, sizeof(tcp));
	} else if (g->family == 6) {
		put_ip6(at, g);
		memcpy(at + sizeof(struct ip6_hdr), &tcp, sizeof(tcp));
	}
}

/* ---- the verdicts ---- */

static int count_reason(struct wd_datapath *dp, struct bpf_object *obj,
			const struct golden *g, uint64_t *ret_packets)
{
	const struct wd_stat_val *val = dp->percpu;
	uint32_t at = g->reason * 2 + g->way;
	int cpu, err;

	err = bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(obj,
								  "wd_stat"),
				  &at, dp->percpu);
	if (err)
		return err;
	*ret_packets = 0;
	for (cpu = 0; cpu < dp->cpus; cpu++)
		*ret_packets += val[cpu].packets;
	return 0;
}

static int run_one(struct bpf_object *obj, enum wd_rung rung,
		   const struct golden *g, uint32_t *ret_verdict)
{
	uint8_t frame[FRAME_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = 1);
	int err;

	make_frame(frame, g);
	err = bpf_prog_test_run_opts(wd_object_prog(obj, rung, g->way), &opts);
	if (!err)
		*ret_verdict = opts.retval;
	return err;
}

static int judge_one(struct wd_datapath *dp, struct bpf_object *obj,
		     enum wd_rung rung, const struct golden *g)
{
	uint32_t want = g->reason < WD_R_FIRST_DROP ? PASSED : SHOT, verdict;
	uint64_t before, after;
	int err;

	err = set_scene(obj, g->scene);
	if (!err)
		err = count_reason(dp, obj, g, &before);
	if (!err)
		err = run_one(obj, rung, g, &verdict);
	if (!err)
		err = count_reason(dp, obj, g, &after);
	if (err)
		return wd_fail(dp, err, WD_STAGE_RUN,
			       "golden packet '%s' cannot be tried", g->name);
	if (verdict == want && after == before + 1)
		return 0;
	return wd_fail(dp, -EBADMSG, WD_STAGE_RUN,
		       "this kernel runs the programs wrongly, so they are not "
		       "used: golden packet '%s' returned %d, not %d, and its "
		       "reason was counted %d times, not once",
		       g->name, (int)verdict, (int)want, (int)(after - before));
}

int wd_golden_run(struct wd_datapath *dp, struct bpf_object *obj,
		  enum wd_rung rung)
{
	size_t i;
	int err;

	err = put_peers(obj);
	if (!err)
		err = put_classes(obj);
	if (!err)
		err = put_slots(obj);
	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot fill the maps of the trial");
	for (i = 0; !err && i < GOLDEN_CNT; i++)
		err = judge_one(dp, obj, rung, &goldens[i]);
	return err;
}
