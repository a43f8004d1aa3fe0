/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden.c - the trial of new programs before they decide anything real.
 *
 * Owns a handful of packets and what must become of each, on one endpoint with
 * one small policy; the endpoint is the loopback device, which the kernel says
 * a test packet came by. A program that a compiler or a verifier bent gives
 * another verdict or counts another reason, and is refused. What the policy
 * language means is not tested here: the selftests do that.
 * What wd_minimal sheds it must drop: bpf/rung.h.
 *
 * The policy, of TCP and UDP alike: port 80 allowed, 82 denied by a rule, others
 * not mentioned; ICMP and what has no ports allowed. golden_frame.h says of
 * whom.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "golden_frame.h"
#include "internal.h"

#define LOOPBACK 1
#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */

#define GEN WD_GOLDEN_GEN
#define SLOT WD_GOLDEN_SLOT
#define ROW WD_GOLDEN_ROW
#define PRED 70 /* in the second word of the row */
#define CLASS_ALLOW 1
#define CLASS_DENY 2

#define MAP_ROOM 1024 /* entries of the trial's larger maps */

/* A TCP packet that opens a connection, or answers such a one. */
#define TO_FROM(way_, family_, src_, dst_) \
	.way = (way_), .family = (family_), .src = (src_), .dst = (dst_)
#define TCP(way_, family_, src_, dst_, sport_, dport_, flags_) \
	TO_FROM(way_, family_, src_, dst_), .sport = (sport_), \
		.dport = (dport_), .flags = (flags_)
#define OPEN(...) TCP(__VA_ARGS__, TH_SYN)
#define REPLY(...) TCP(__VA_ARGS__, TH_SYN | TH_ACK)
#define UDP(way_, family_, src_, dst_, sport_, dport_) \
	TO_FROM(way_, family_, src_, dst_), .proto = 17, .sport = (sport_), \
		.dport = (dport_)
#define ICMP(way_, family_, src_, dst_, proto_, type_) \
	TO_FROM(way_, family_, src_, dst_), .proto = (proto_), .sport = (type_)
#define MORE 0x2000 /* of the field of an IPv4 header: fragments follow */
#define IN WD_INGRESS
#define OUT WD_EGRESS

static const struct wd_golden goldens[] = {
	{ .name = "IPv4 allowed",
	  OPEN(IN, 4, FRIEND, POD, 1000, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "IPv4 reply",
	  REPLY(OUT, 4, POD, FRIEND, 80, 1000),
	  .reason = WD_R_ESTABLISHED },
	{ .name = "forged reset of that connection",
	  TCP(IN, 4, FRIEND, POD, 1000, 80, TH_RST),
	  .seq = 0x40000000,
	  .reason = WD_R_CT_INVALID },
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
	{ .name = "UDP allowed",
	  UDP(IN, 4, FRIEND, POD, 1000, 80),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "UDP reply",
	  UDP(OUT, 4, POD, FRIEND, 80, 1000),
	  .reason = WD_R_ESTABLISHED },
	{ .name = "UDP wrong peer",
	  UDP(IN, 6, OTHER, POD, 1000, 80),
	  .reason = WD_R_DEFAULT },
	{ .name = "UDP denied by rule",
	  UDP(OUT, 6, POD, FRIEND, 1000, 82),
	  .reason = WD_R_POLICY },
	{ .name = "DHCP server",
	  UDP(OUT, 4, POD, FRIEND, 67, 68),
	  .reason = WD_R_DHCP_FORBIDDEN },
	{ .name = "ping",
	  ICMP(OUT, 4, POD, FRIEND, 1, 8),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "ping answered",
	  ICMP(IN, 4, FRIEND, POD, 1, 0),
	  .reason = WD_R_ESTABLISHED },
	{ .name = "ping not allowed",
	  ICMP(IN, 4, OTHER, POD, 1, 8),
	  .reason = WD_R_DEFAULT },
	{ .name = "IPv6 ping",
	  ICMP(OUT, 6, POD, FRIEND, 58, 128),
	  .reason = WD_R_POLICY_ALLOW },
	{ .name = "answer that nobody asked for",
	  ICMP(IN, 6, FRIEND, POD, 58, 129),
	  .dport = 9,
	  .reason = WD_R_CT_INVALID },
	{ .name = "error about nothing",
	  ICMP(IN, 4, FRIEND, POD, 1, 3),
	  .reason = WD_R_ICMP_UNRELATED },
	{ .name = "protocol without ports",
	  TO_FROM(IN, 4, OTHER, POD),
	  .proto = 47,
	  .reason = WD_R_PROTO_UNSUP },
	{ .name = "first fragment",
	  UDP(OUT, 4, POD, FRIEND, 1001, 80),
	  .frag = MORE,
	  .reason = WD_R_POLICY_ALLOW,
	  .shed = true },
	{ .name = "last fragment",
	  UDP(OUT, 4, POD, FRIEND, 0, 0),
	  .frag = 2,
	  .reason = WD_R_ESTABLISHED,
	  .shed = true },
	{ .name = "first fragment not allowed",
	  UDP(OUT, 4, POD, OTHER, 1001, 80),
	  .frag = MORE,
	  .reason = WD_R_DEFAULT,
	  .shed = true },
	{ .name = "fragment of it",
	  UDP(OUT, 4, POD, OTHER, 0, 0),
	  .frag = 2,
	  .reason = WD_R_FRAG_ORPHAN,
	  .shed = true },
	{ .name = "fragment over a header",
	  TCP(IN, 4, FRIEND, POD, 0, 0, 0),
	  .frag = 1,
	  .reason = WD_R_FRAG_OVERLAP },
	{ .name = "IPv4 option",
	  UDP(OUT, 4, POD, FRIEND, 1002, 80),
	  .extra = ROUTER_ALERT,
	  .reason = WD_R_POLICY_ALLOW,
	  .shed = true },
	{ .name = "source route",
	  UDP(OUT, 4, POD, FRIEND, 1003, 80),
	  .extra = SOURCE_ROUTE,
	  .reason = WD_R_IPOPT,
	  .shed = true },
	{ .name = "IPv6 destination options",
	  OPEN(IN, 6, FRIEND, POD, 1001, 80),
	  .extra = DST_OPTIONS,
	  .reason = WD_R_POLICY_ALLOW,
	  .shed = true },
	{ .name = "IPv6 destination options, wrong peer",
	  OPEN(IN, 6, OTHER, POD, 1001, 80),
	  .extra = DST_OPTIONS,
	  .reason = WD_R_DEFAULT,
	  .shed = true },
	{ .name = "IPv6 routing header",
	  OPEN(IN, 6, FRIEND, POD, 1002, 80),
	  .extra = ROUTING,
	  .reason = WD_R_EXTHDR },
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

int wd_golden_put(struct bpf_object *obj, enum wd_map map, const void *key,
		  const void *val)
{
	return bpf_map_update_elem(
		bpf_object__find_map_fd_by_name(obj, wd_map_names[map]), key,
		val, BPF_ANY);
}

static int put_addr(struct bpf_object *obj, uint8_t last, uint32_t row)
{
	struct wd_addr_val val = { .identity = 1000U + last,
				   .row = { row, row },
				   .flags = WD_ADDR_POD };
	struct wd_addr4_key key4 = wd_golden_addr4(last);
	struct wd_addr6_key key6 = wd_golden_addr6(last);
	int err;

	err = wd_golden_put(obj, WD_MAP_wd_addr4, &key4, &val);
	return err ? err : wd_golden_put(obj, WD_MAP_wd_addr6, &key6, &val);
}

static int put_peers(struct bpf_object *obj)
{
	struct wd_row_val row = { .bits[PRED / 64] = 1ULL << PRED % 64 };
	struct wd_cidr4_key prefix = { 25, wd_golden_addr4(128).addr };
	struct wd_addr_val val = { .identity = 1 << 24, .row = { ROW, ROW } };
	uint32_t nr = ROW;
	int err;

	err = wd_golden_put(obj, WD_MAP_wd_row, &nr, &row);
	if (!err)
		err = put_addr(obj, FRIEND, ROW);
	if (!err)
		err = put_addr(obj, OTHER, 0);
	return err ? err : wd_golden_put(obj, WD_MAP_wd_cidr4, &prefix, &val);
}

static int put_classes(struct bpf_object *obj)
{
	struct wd_class_val class = {
		.cnt = 1,
		.rule[0] = { .id = 1, .pred = PRED, .action = WD_ACT_ALLOW },
	};
	uint32_t nr = CLASS_ALLOW;
	int err;

	err = wd_golden_put(obj, WD_MAP_wd_class, &nr, &class);
	class.rule[0].id = 2;
	class.rule[0].action = WD_ACT_DENY;
	nr = CLASS_DENY;
	return err ? err : wd_golden_put(obj, WD_MAP_wd_class, &nr, &class);
}

static int put_slots(struct bpf_object *obj)
{
	static const struct wd_span_val spans[] = {
		{ 0, 0 },  { 80, CLASS_ALLOW }, { 81, 0 }, { 82, CLASS_DENY },
		{ 83, 0 }, { 0, CLASS_ALLOW }, /* of what has no ports */
	};
	enum { PORTS = sizeof(spans) / sizeof(*spans) - 1 };
	struct wd_slot_val slot = {
		.flags = WD_SLOT_READY | WD_SLOT_ISOLATED,
		.first = { [WD_L4_TCP] = 1,
			   [WD_L4_UDP] = 1,
			   [WD_L4_ICMP] = 1 + PORTS,
			   [WD_L4_ICMP6] = 1 + PORTS,
			   [WD_L4_OTHER] = 1 + PORTS },
		.cnt = { [WD_L4_TCP] = PORTS,
			 [WD_L4_UDP] = PORTS,
			 [WD_L4_ICMP] = 1,
			 [WD_L4_ICMP6] = 1,
			 [WD_L4_OTHER] = 1 },
	};
	uint32_t nr, i;
	int err = 0;

	for (i = 0; !err && i < sizeof(spans) / sizeof(*spans); i++) {
		nr = slot.first[WD_L4_TCP] + i;
		err = wd_golden_put(obj, WD_MAP_wd_span, &nr, &spans[i]);
	}
	for (i = 0; !err && i < WD_DIR__MAX; i++) {
		nr = SLOT * 2 + i;
		err = wd_golden_put(obj, WD_MAP_wd_slot, &nr, &slot);
	}
	return err;
}

static int put_endpoint(struct bpf_object *obj, enum wd_golden_scene scene)
{
	uint32_t ifindex = scene == STRANGER ? INT32_MAX : LOOPBACK;
	struct wd_endpoint_val ep = { .id = 1,
				      .identity = 1000 + POD,
				      .ip4[0] = wd_golden_addr4(POD).addr };
	uint32_t gone = LOOPBACK;

	memcpy(ep.ip6[0], wd_golden_addr6(POD).addr, sizeof(ep.ip6[0]));
	memcpy(ep.mac, wd_golden_pod_mac, sizeof(ep.mac));
	memcpy(ep.host_mac, wd_golden_host_mac, sizeof(ep.host_mac));
	if (scene != NO_SLOT)
		ep.slot[GEN & 1] = SLOT;
	if (scene == STRANGER)
		(void)bpf_map_delete_elem(
			bpf_object__find_map_fd_by_name(obj, "wd_endpoint"),
			&gone); /* if it stays, the packets tell */
	return wd_golden_put(obj, WD_MAP_wd_endpoint, &ifindex, &ep);
}

static int set_scene(struct bpf_object *obj, enum wd_golden_scene scene)
{
	struct wd_state_val state = { .gen = scene == NO_GEN ? 0 : GEN,
				      .flags = WD_STATE_CIDR4,
				      .schema = WD_SCHEMA };
	uint32_t zero = 0;
	int err;

	if (scene != HOST_FREE)
		state.flags |= WD_STATE_HOST_POLICY;
	err = wd_golden_put(obj, WD_MAP_wd_state, &zero, &state);
	return err ? err : put_endpoint(obj, scene);
}

/* ---- the verdicts ---- */

int wd_golden_count(struct wd_datapath *dp, struct bpf_object *obj,
		    enum wd_reason reason, enum wd_dir way,
		    uint64_t *ret_packets)
{
	const struct wd_stat_val *val = dp->percpu;
	uint32_t at = reason * 2 + way;
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
		   const struct wd_golden *g, uint32_t *ret_verdict)
{
	uint8_t frame[WD_GOLDEN_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = 1);
	int err;

	wd_golden_frame(frame, g);
	err = bpf_prog_test_run_opts(wd_object_prog(obj, rung, g->way), &opts);
	if (!err)
		*ret_verdict = opts.retval;
	return err;
}

static int judge_one(struct wd_datapath *dp, struct bpf_object *obj,
		     enum wd_rung rung, const struct wd_golden *g)
{
	enum wd_reason reason = g->shed && rung == WD_RUNG_MINIMAL ? WD_R_SHED :
								     g->reason;
	uint32_t want = reason < WD_R_FIRST_DROP ? PASSED : SHOT, verdict;
	uint64_t before, after;
	int err;

	err = set_scene(obj, g->scene);
	if (!err)
		err = wd_golden_count(dp, obj, reason, g->way, &before);
	if (!err)
		err = run_one(obj, rung, g, &verdict);
	if (!err)
		err = wd_golden_count(dp, obj, reason, g->way, &after);
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

int wd_golden_policy(struct wd_datapath *dp, struct bpf_object *obj)
{
	int err = put_peers(obj);

	if (!err)
		err = put_classes(obj);
	if (!err)
		err = put_slots(obj);
	return err ? wd_fail(dp, err, WD_STAGE_MAP,
			     "cannot fill the maps of the trial") :
		     0;
}

int wd_golden_run(struct wd_datapath *dp, struct bpf_object *obj,
		  enum wd_rung rung)
{
	int err = wd_golden_policy(dp, obj);
	size_t i;

	for (i = 0; !err && i < GOLDEN_CNT; i++)
		err = judge_one(dp, obj, rung, &goldens[i]);
	return err;
}
