/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_nf.c - the same trial for the programs of netfilter's hooks: wd_host,
 * which judges this host's own sockets, and wd_late, which judges services
 * behind their translation.
 *
 * The kernel runs them on a packet that conntrack does not know, so of wd_late
 * it is shown that what is not translated is stopped, and nothing else is. Such a
 * packet comes by no device or by the loopback, as the kernel likes: wd_host is
 * told of another one, and the pod is behind the loopback.
 *
 * The policy is that of golden.c; to wd_host POD is this host. Behind NOBODY is
 * a service of two kinds of backends, of which policy allows one; behind
 * PREFIXED one of backends that are all allowed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h> /* before the kernel's, which make way for it */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <string.h>

#include "base/byteorder.h"
#include "golden_frame.h"
#include "internal.h"

#define LOOPBACK 1
#define PORT 80
/* TCP flags */
#define SYN 0x02
#define ACK 0x10

/* What is in force when the packet comes. */
enum scene {
	IN_FORCE,
	TRIED, /* of the host: nothing is in force, but it is tried */
	TRY_ENDED, /* and its time is over */
	NOTHING, /* no policy about it */
	UNPUBLISHED,
};

/* Counted is what has a reason; the others pass. */
static const struct golden_nf {
	enum wd_nf nf;
	enum scene scene;
	bool uncounted; /* it passes, and is not counted as .reason */
	struct wd_golden g;
} goldens[] = {
#define FULL(nf_, scene_, silent, what, way_, version, from, to, ...) \
	{ \
		.nf = (nf_), .scene = (scene_), .uncounted = (silent), \
		.g = {.name = (what), \
		      .way = (way_), \
		      .family = (version), \
		      .src = (from), \
		      .dst = (to), \
		      __VA_ARGS__ } \
	}
#define HOST(...) FULL(WD_NF_HOST, IN_FORCE, false, __VA_ARGS__)
#define HOST_PASSES(scene_, ...) FULL(WD_NF_HOST, scene_, true, __VA_ARGS__)
#define LATE(...) FULL(WD_NF_LATE, IN_FORCE, false, __VA_ARGS__)
#define LATE_PASSES(scene_, ...) FULL(WD_NF_LATE, scene_, true, __VA_ARGS__)
#define TO(port_, reason_) \
	.sport = 1000, .dport = (port_), .flags = SYN, .reason = (reason_)
#define UDP(from_, to_, reason_) \
	.proto = 17, .sport = (from_), .dport = (to_), .reason = (reason_)
#define ANSWER \
	.sport = 80, .dport = 1000, .flags = SYN | ACK, \
	.reason = WD_R_ESTABLISHED
#define ICMP(proto_, type_, reason_) \
	.proto = (proto_), .sport = (type_), .reason = (reason_)
#define IN WD_INGRESS
#define OUT WD_EGRESS
	HOST("IPv4 to the host, allowed", IN, 4, FRIEND, POD,
	     TO(80, WD_R_POLICY_ALLOW)),
	HOST("IPv4 answer of the host", OUT, 4, POD, FRIEND, ANSWER),
	HOST("IPv4 to the host, wrong peer", IN, 4, OTHER, POD,
	     TO(80, WD_R_DEFAULT)),
	HOST("IPv4 to the host, wrong port", IN, 4, FRIEND, POD,
	     TO(81, WD_R_DEFAULT)),
	HOST("IPv4 to the host, denied by rule", IN, 4, FRIEND, POD,
	     TO(82, WD_R_POLICY)),
	HOST("IPv4 of the host, allowed", OUT, 4, POD, FRIEND,
	     TO(80, WD_R_POLICY_ALLOW)),
	HOST("IPv4 of the host, not allowed", OUT, 4, POD, OTHER,
	     TO(80, WD_R_DEFAULT)),
	HOST("IPv4 of the host, denied by rule", OUT, 4, POD, FRIEND,
	     TO(82, WD_R_POLICY)),
	HOST("IPv6 to the host, allowed", IN, 6, FRIEND, POD,
	     TO(80, WD_R_POLICY_ALLOW)),
	HOST("IPv6 answer of the host", OUT, 6, POD, FRIEND, ANSWER),
	HOST("IPv6 to the host, wrong peer", IN, 6, OTHER, POD,
	     TO(80, WD_R_DEFAULT)),
	HOST("IPv6 of the host, not allowed", OUT, 6, POD, OTHER,
	     TO(80, WD_R_DEFAULT)),
	HOST("UDP to the host, allowed", IN, 4, FRIEND, POD,
	     UDP(1000, 80, WD_R_POLICY_ALLOW)),
	HOST("UDP to the host, wrong peer", IN, 6, OTHER, POD,
	     UDP(1000, 80, WD_R_DEFAULT)),
	HOST("ping of the host, not allowed", IN, 4, OTHER, POD,
	     ICMP(1, 8, WD_R_DEFAULT)),
	HOST("neighbour discovery", IN, 6, OTHER, POD,
	     ICMP(58, 135, WD_R_NEIGHBOUR)),
	HOST("DHCP of the host", OUT, 4, POD, OTHER,
	     UDP(68, 67, WD_R_NEIGHBOUR)),
	HOST("ICMP error", IN, 4, OTHER, POD, ICMP(1, 3, WD_R_RELATED)),
	HOST("fragment", IN, 4, FRIEND, POD, .proto = 17, .frag = 2,
	     .reason = WD_R_FRAG_ORPHAN),
	HOST("protocol without ports", IN, 4, OTHER, POD, .proto = 47,
	     .reason = WD_R_PROTO_UNSUP),
	FULL(WD_NF_HOST, TRIED, false, "what is tried", IN, 4, OTHER, POD,
	     TO(80, WD_R_DEFAULT)),
	HOST_PASSES(TRY_ENDED, "what was tried", IN, 4, OTHER, POD,
		    TO(80, WD_R_DEFAULT)),
	HOST_PASSES(NOTHING, "no policy about the host", OUT, 6, POD, OTHER,
		    TO(80, WD_R_DEFAULT)),
	HOST_PASSES(UNPUBLISHED, "nothing published about the host", IN, 4,
		    OTHER, POD, TO(80, WD_R_NOT_READY)),

	LATE("IPv4 to a service, not translated", OUT, 4, POD, NOBODY,
	     TO(PORT, WD_R_SERVICE)),
	LATE("IPv6 to a service, not translated", OUT, 6, POD, NOBODY,
	     TO(PORT, WD_R_SERVICE)),
	LATE("UDP to a service, not translated", OUT, 4, POD, NOBODY,
	     UDP(1000, PORT, WD_R_SERVICE)),
	LATE_PASSES(IN_FORCE, "to a service that the pod's hook decides", OUT,
		    4, POD, PREFIXED, TO(PORT, WD_R_SERVICE)),
	LATE_PASSES(IN_FORCE, "to no service", OUT, 6, POD, OTHER,
		    TO(PORT, WD_R_SERVICE)),
	LATE_PASSES(IN_FORCE, "to another port", OUT, 4, POD, NOBODY,
		    TO(PORT + 1, WD_R_SERVICE)),
	LATE_PASSES(NOTHING, "to a service, of no endpoint", OUT, 4, POD,
		    NOBODY, TO(PORT, WD_R_SERVICE)),
	LATE_PASSES(UNPUBLISHED, "to a service, nothing published", OUT, 6, POD,
		    NOBODY, TO(PORT, WD_R_SERVICE)),
};

/* ---- the tables ---- */

static int put_front(struct bpf_object *obj, uint8_t family, uint8_t proto,
		     uint8_t service)
{
	struct wd_front_key key = { .port = wd_be16(PORT),
				    .proto = proto,
				    .family = family };
	struct wd_front_val val = { .row = { WD_GOLDEN_ROW, WD_GOLDEN_ROW },
				    .port = { PORT, PORT } };
	struct wd_addr6_key addr6 = wd_golden_addr6(service);
	int err;

	if (family == 4)
		key.addr[3] = wd_golden_addr4(service).addr;
	else
		memcpy(key.addr, addr6.addr, sizeof(key.addr));
	err = wd_golden_put(obj, WD_MAP_wd_front, &key, &val);
	if (err || service != NOBODY)
		return err;
	key.nr = 1;
	val.row[0] = val.row[1] = 0;
	return wd_golden_put(obj, WD_MAP_wd_front, &key, &val);
}

/* The pod itself, by its addresses, and the services. */
static int put_services(struct bpf_object *obj)
{
	const struct wd_addr_val pod = { .flags = WD_ADDR_POD | WD_ADDR_LOCAL,
					 .ifindex = LOOPBACK };
	struct wd_addr4_key key4 = wd_golden_addr4(POD);
	struct wd_addr6_key key6 = wd_golden_addr6(POD);
	int err = wd_golden_put(obj, WD_MAP_wd_addr4, &key4, &pod);

	if (!err)
		err = wd_golden_put(obj, WD_MAP_wd_addr6, &key6, &pod);
	if (!err)
		err = put_front(obj, 4, IPPROTO_TCP, NOBODY);
	if (!err)
		err = put_front(obj, 6, IPPROTO_TCP, NOBODY);
	if (!err)
		err = put_front(obj, 4, IPPROTO_UDP, NOBODY);
	return err ? err : put_front(obj, 4, IPPROTO_TCP, PREFIXED);
}

static int put_judged(struct bpf_object *obj, uint32_t key, uint64_t until)
{
	const struct wd_endpoint_val ep = {
		.cookie = until,
		.id = key,
		.slot[WD_GOLDEN_GEN & 1] = WD_GOLDEN_SLOT,
	};

	return wd_golden_put(obj, WD_MAP_wd_endpoint, &key, &ep);
}

static int set_scene(struct bpf_object *obj, enum wd_nf nf, enum scene scene)
{
	const struct wd_state_val state = {
		.gen = scene == UNPUBLISHED ? 0 : WD_GOLDEN_GEN,
		.flags = WD_STATE_CIDR4 | WD_STATE_FRONTS,
		.schema = WD_SCHEMA,
	};
	static const uint32_t keys[] = { LOOPBACK, WD_HOST_KEY,
					 WD_HOST_TRIED_KEY };
	int fd = bpf_object__find_map_fd_by_name(
		obj, wd_map_names[WD_MAP_wd_endpoint]);
	const uint32_t zero = 0;
	int err;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		err = bpf_map_delete_elem(fd, &keys[i]);
		if (err && err != -ENOENT)
			return err;
	}
	err = wd_golden_put(obj, WD_MAP_wd_state, &zero, &state);
	if (err || scene == NOTHING)
		return err;
	if (scene == TRIED || scene == TRY_ENDED)
		return put_judged(obj, WD_HOST_TRIED_KEY,
				  scene == TRIED ? UINT64_MAX : 1);
	return put_judged(obj, nf == WD_NF_HOST ? WD_HOST_KEY : LOOPBACK, 0);
}

/* ---- the verdicts ---- */

/* As the kernel's nf_hook_state begins, which the rest of must be 0. */
struct hook {
	uint8_t nr, pf;
};

static struct hook hook_of(const struct golden_nf *n)
{
	uint8_t nr = n->nf == WD_NF_LATE    ? NF_INET_PRE_ROUTING :
		     n->g.way == WD_INGRESS ? NF_INET_LOCAL_IN :
					      NF_INET_LOCAL_OUT;

	return (struct hook){ nr,
			      n->g.family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6 };
}

static int run_one(int prog_fd, const struct golden_nf *n,
		   uint32_t *ret_verdict)
{
	struct hook hook = hook_of(n);
	/* what is sent has no Ethernet header yet */
	size_t skip = hook.nr == NF_INET_LOCAL_OUT ? ETH_HLEN : 0;
	uint8_t frame[WD_GOLDEN_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame + skip,
		    .data_size_in = (uint32_t)(sizeof(frame) - skip),
		    .ctx_in = &hook, .ctx_size_in = sizeof(hook), .repeat = 1);
	int err;

	wd_golden_frame(frame, &n->g);
	err = bpf_prog_test_run_opts(prog_fd, &opts);
	if (!err)
		*ret_verdict = opts.retval;
	return err;
}

static int judge_one(struct wd_datapath *dp, struct bpf_object *obj,
		     int prog_fd, const struct golden_nf *n)
{
	bool passes = n->uncounted || n->g.reason < WD_R_FIRST_DROP;
	uint32_t want = passes ? NF_ACCEPT : NF_DROP, verdict;
	uint64_t before, after;
	int err = set_scene(obj, n->nf, n->scene);

	if (!err)
		err = wd_golden_count(dp, obj, n->g.reason, n->g.way, &before);
	if (!err)
		err = run_one(prog_fd, n, &verdict);
	if (!err)
		err = wd_golden_count(dp, obj, n->g.reason, n->g.way, &after);
	if (err)
		return wd_fail(dp, err, WD_STAGE_RUN,
			       "golden packet '%s' cannot be tried", n->g.name);
	if (verdict == want && after == before + !n->uncounted)
		return 0;
	return wd_fail(dp, -EBADMSG, WD_STAGE_RUN,
		       "this kernel runs the program wrongly, so it is not "
		       "used: golden packet '%s' returned %d, not %d, and its "
		       "reason was counted %d times, not %d",
		       n->g.name, (int)verdict, (int)want,
		       (int)(after - before), !n->uncounted);
}

int wd_golden_nf(struct wd_datapath *dp, struct bpf_object *obj, enum wd_nf nf)
{
	struct bpf_program *prog = bpf_object__next_program(obj, NULL);
	int err = prog ? wd_golden_fill(dp, obj) : -ENOENT;

	if (!err && nf == WD_NF_LATE) {
		err = put_services(obj);
		if (err)
			wd_fail(dp, err, WD_STAGE_MAP,
				"cannot fill the maps of the trial");
	}
	for (size_t i = 0; !err && i < sizeof(goldens) / sizeof(*goldens);
	     i++) {
		if (goldens[i].nf == nf)
			err = judge_one(dp, obj, bpf_program__fd(prog),
					&goldens[i]);
	}
	return err;
}
