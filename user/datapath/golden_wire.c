/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_wire.c - the same trial for the programs of wires and WireGuard
 * devices: a handful of packets, and what must become of each.
 *
 * The device is the loopback, which the kernel says a test packet came by; to
 * the programs it is a wire, and a WireGuard device. golden_frame.h says who
 * takes part: the pod need not encrypt, FRIEND on node 2 must, and its IPv6
 * address is one for which WireGuard has the key of another node; PREFIXED is
 * inside and unknown.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>

#include "golden_frame.h"
#include "internal.h"

#define LOOPBACK 1
#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */

#define FRIENDS_NODE 2
#define OTHER_NODE 3

/* @way is the packet's, as the reason is counted: leaving, or coming in. */
static const struct golden_wire {
	enum wd_family family;
	struct wd_golden g;
} goldens[] = {
#define AT(family_, name_, way_, version, from, to, reason_) \
	{ \
		(family_), \
		{ \
			.name = (name_), .way = (way_), .family = (version), \
			.src = (from), .dst = (to), .sport = 1000, \
			.dport = 80, .reason = (reason_) \
		} \
	}
#define WIRE(...) AT(WD_FAMILY_WIRE, __VA_ARGS__)
#define TUNNEL(...) AT(WD_FAMILY_TUNNEL, __VA_ARGS__)
#define OUT WD_EGRESS
#define IN WD_INGRESS
	WIRE("IPv4 that must be encrypted, leaving", OUT, 4, POD, FRIEND,
	     WD_R_PLAINTEXT_OUT),
	WIRE("IPv4 that must be encrypted, coming in", IN, 4, FRIEND, POD,
	     WD_R_PLAINTEXT_IN),
	WIRE("IPv6 that must be encrypted, leaving", OUT, 6, POD, FRIEND,
	     WD_R_PLAINTEXT_OUT),
	WIRE("IPv6 that must be encrypted, coming in", IN, 6, FRIEND, POD,
	     WD_R_PLAINTEXT_IN),
	WIRE("to an unknown address inside", OUT, 4, POD, PREFIXED,
	     WD_R_PLAINTEXT_OUT),
	WIRE("IPv4 that may be in clear", OUT, 4, POD, OTHER, WD_R_IN_CLEAR),
	WIRE("IPv6 that may be in clear", IN, 6, OTHER, POD, WD_R_IN_CLEAR),
	WIRE("to the outside", OUT, 4, FRIEND, NOBODY, WD_R_OUTSIDE),
	TUNNEL("into WireGuard", OUT, 4, POD, FRIEND, WD_R_ENCRYPTED),
	TUNNEL("out of WireGuard", IN, 4, FRIEND, POD, WD_R_ENCRYPTED),
	TUNNEL("into WireGuard for the wrong node", OUT, 6, POD, FRIEND,
	       WD_R_WG_STATE),
	TUNNEL("out of WireGuard from the wrong node", IN, 6, FRIEND, POD,
	       WD_R_TUN_BAD_PEER),
};

/* ---- the tables ---- */

static int put_host(struct bpf_object *obj, uint8_t last,
		    const struct wd_addr_val *val)
{
	struct wd_addr4_key key4 = wd_golden_addr4(last);
	struct wd_addr6_key key6 = wd_golden_addr6(last);
	int err = wd_golden_put(obj, WD_MAP_wd_addr4, &key4, val);

	return err ? err : wd_golden_put(obj, WD_MAP_wd_addr6, &key6, val);
}

static int put_hosts(struct bpf_object *obj)
{
	const struct wd_addr_val pod = { .flags = WD_ADDR_POD | WD_ADDR_LOCAL,
					 .node = 1 };
	const struct wd_addr_val friend = {
		.flags = WD_ADDR_POD | WD_ADDR_ENCRYPT,
		.node = FRIENDS_NODE,
	};
	const struct wd_addr_val other = { .flags = WD_ADDR_POD,
					   .node = FRIENDS_NODE };
	int err = put_host(obj, POD, &pod);

	if (!err)
		err = put_host(obj, FRIEND, &friend);
	return err ? err : put_host(obj, OTHER, &other);
}

static int put_prefixes(struct bpf_object *obj)
{
	const struct wd_cidr4_key inside = { 25, wd_golden_addr4(128).addr };
	const struct wd_net_val net = { .flags = WD_NET_POD | WD_NET_ENCRYPT };
	const struct wd_tun_val right = { FRIENDS_NODE, LOOPBACK };
	const struct wd_tun_val wrong = { OTHER_NODE, LOOPBACK };
	struct wd_addr6_key friend = wd_golden_addr6(FRIEND);
	struct wd_cidr4_key key4 = { 32, wd_golden_addr4(FRIEND).addr };
	struct wd_cidr6_key key6 = { .prefixlen = 128 };
	int err = wd_golden_put(obj, WD_MAP_wd_net4, &inside, &net);

	memcpy(key6.addr, friend.addr, sizeof(key6.addr));
	if (!err)
		err = wd_golden_put(obj, WD_MAP_wd_tun4, &key4, &right);
	return err ? err : wd_golden_put(obj, WD_MAP_wd_tun6, &key6, &wrong);
}

static int put_all(struct bpf_object *obj)
{
	const struct wd_state_val state = { .gen = 1,
					    .flags = WD_STATE_ENCRYPT,
					    .schema = WD_SCHEMA };
	const struct wd_wire_val wire = { .kind = WD_WIRE_OUT };
	const uint32_t zero = 0, ifindex = LOOPBACK;
	int err = wd_golden_put(obj, WD_MAP_wd_state, &zero, &state);

	if (!err)
		err = wd_golden_put(obj, WD_MAP_wd_wire, &ifindex, &wire);
	if (!err)
		err = put_hosts(obj);
	return err ? err : put_prefixes(obj);
}

/* ---- the verdicts ---- */

static int run_one(int prog_fd, const struct golden_wire *w,
		   uint32_t *ret_verdict)
{
	/* a WireGuard device has no Ethernet header */
	size_t skip = w->family == WD_FAMILY_TUNNEL ? ETH_HLEN : 0;
	uint8_t frame[WD_GOLDEN_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame + skip,
		    .data_size_in = (uint32_t)(sizeof(frame) - skip),
		    .repeat = 1);
	int err;

	wd_golden_frame(frame, &w->g);
	err = bpf_prog_test_run_opts(prog_fd, &opts);
	if (!err)
		*ret_verdict = opts.retval;
	return err;
}

static int judge_one(struct wd_datapath *dp, struct bpf_object *obj,
		     int prog_fd, const struct golden_wire *w)
{
	uint32_t want = w->g.reason < WD_R_FIRST_DROP ? PASSED : SHOT, verdict;
	uint64_t before, after;
	int err = wd_golden_count(dp, obj, w->g.reason, w->g.way, &before);

	if (!err)
		err = run_one(prog_fd, w, &verdict);
	if (!err)
		err = wd_golden_count(dp, obj, w->g.reason, w->g.way, &after);
	if (err)
		return wd_fail(dp, err, WD_STAGE_RUN,
			       "golden packet '%s' cannot be tried", w->g.name);
	if (verdict == want && after == before + 1)
		return 0;
	return wd_fail(dp, -EBADMSG, WD_STAGE_RUN,
		       "this kernel runs the programs of wires wrongly, so "
		       "they are not used: golden packet '%s' returned %d, not "
		       "%d, and its reason was counted %d times, not once",
		       w->g.name, (int)verdict, (int)want,
		       (int)(after - before));
}

int wd_golden_wire(struct wd_datapath *dp, struct bpf_object *obj,
		   const char *const prog[WD_FAMILY__MAX][WD_DIR__MAX])
{
	int err = put_all(obj);

	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot fill the maps of the trial of wires");
	for (size_t i = 0; !err && i < sizeof(goldens) / sizeof(*goldens);
	     i++) {
		const struct golden_wire *w = &goldens[i];
		/* by hook: what leaves passes the one towards the device */
		int hook = w->g.way == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
		struct bpf_program *p = bpf_object__find_program_by_name(
			obj, prog[w->family][hook]);

		err = p ? judge_one(dp, obj, bpf_program__fd(p), w) : -ENOENT;
	}
	return err;
}
