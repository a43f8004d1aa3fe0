/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.c - fills the maps by hand, without the compiler of the agent: what a
 * test expects must not come from the code that made the tables.
 */
#include "world.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <warder/maps.h>

#include "tap.h"
#include "wd_pod.skel.h"

uint32_t world_iif = IF_UPLINK;

static struct wd_pod *pod;
static int cpu_cnt;
static enum slot slot_now;

enum row { ROW_NONE, ROW_FRIEND, ROW_FOE, ROW_PREFIX, ROW_NODE };
enum pred { PRED_FRIEND = 3, PRED_FOE = 64, PRED_PREFIX = 4095, PRED_NODE = 7 };
enum class_nr { CLASS_NONE, CLASS_PEERS, CLASS_ALL, CLASS_DENY, CLASS_NODE };
enum { SPANS_RULES = 1, SPANS_DENY = 16 };

static const struct wd_class_val classes[] = {
	[CLASS_PEERS] = { .cnt = 3,
			  .rule = { { 11, PRED_FOE, WD_ACT_DENY, 0 },
				    { 12, PRED_FRIEND, WD_ACT_ALLOW, 0 },
				    { 13, PRED_PREFIX, WD_ACT_ALLOW, 0 } } },
	[CLASS_ALL] = { .cnt = 2,
			.rule = { { 21, PRED_FOE, WD_ACT_DENY, 0 },
				  { 22, WD_PRED_ANY, WD_ACT_ALLOW, 0 } } },
	[CLASS_DENY] = { .cnt = 1,
			 .rule = { { 31, PRED_FOE, WD_ACT_DENY, 0 } } },
	[CLASS_NODE] = { .cnt = 1,
			 .rule = { { 41, PRED_NODE, WD_ACT_ALLOW, 0 } } },
};

/* Ports 80-89 for peers, 443 for all, 9090 for the node, for each protocol. */
static const struct wd_span_val spans[] = {
	[SPANS_RULES] = { 0, 0 },	 { 80, CLASS_PEERS }, { 90, 0 },
	{ 443, CLASS_ALL },		 { 444, 0 },	      { 9090, CLASS_NODE },
	{ 9091, 0 },			 [SPANS_DENY] = { 0, CLASS_DENY },
};

static const struct wd_slot_val slots[] = {
	[SLOT_RULES] = { .flags = WD_SLOT_READY | WD_SLOT_ISOLATED,
			 .any = CLASS_PEERS,
			 .first = { SPANS_RULES, SPANS_RULES, SPANS_RULES },
			 .cnt = { 7, 7, 7 } },
	[SLOT_OPEN] = { .flags = WD_SLOT_READY },
	[SLOT_OPEN_DENY] = { .flags = WD_SLOT_READY,
			     .any = CLASS_DENY,
			     .first = { SPANS_DENY, SPANS_DENY, SPANS_DENY },
			     .cnt = { 1, 1, 1 } },
	[SLOT_SHUT] = { .flags = WD_SLOT_READY | WD_SLOT_ISOLATED },
	[SLOT_UNREADY] = { .flags = WD_SLOT_ISOLATED },
};

static const struct {
	enum host host;
	struct wd_addr_val val;
} addrs[] = {
	{ H_SELF, { 500, { 0, 0 }, WD_ADDR_POD | WD_ADDR_LOCAL, IF_POD, 1 } },
	{ H_FRIEND,
	  { 1000, { ROW_FRIEND, ROW_FRIEND }, WD_ADDR_POD, 0, 2 } },
	{ H_FOE, { 1001, { ROW_FOE, ROW_FOE }, WD_ADDR_POD, 0, 2 } },
	{ H_PLAIN, { 1002, { 0, 0 }, WD_ADDR_POD, 0, 2 } },
	{ H_NEAR,
	  { 1003,
	    { ROW_FRIEND, ROW_FRIEND },
	    WD_ADDR_POD | WD_ADDR_LOCAL,
	    IF_NEAR,
	    1 } },
	{ H_BRIDGED,
	  { 1004,
	    { ROW_FRIEND, ROW_FRIEND },
	    WD_ADDR_POD | WD_ADDR_LOCAL,
	    IF_BRIDGED,
	    1 } },
	{ H_NODE, { 1, { ROW_NODE, ROW_NODE }, WD_ADDR_HOST, 0, 1 } },
};

int world_map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(pod->obj, name);

	assert(fd >= 0);
	return fd;
}

static void write_map(const char *name, const void *key, const void *val)
{
	int err = bpf_map_update_elem(world_map_fd(name), key, val, BPF_ANY);

	if (err)
		printf("# %s: update failed: %d\n", name, err);
	assert(!err);
}

static void write_at(const char *name, uint32_t at, const void *val)
{
	write_map(name, &at, val);
}

static void fill_addrs(void)
{
	struct wd_addr_val prefix = { .identity = 1 << 24,
				      .row = { ROW_PREFIX, ROW_PREFIX } };
	struct wd_cidr4_key c4 = { .prefixlen = 24 };
	struct wd_cidr6_key c6 = { .prefixlen = 48 };
	uint8_t addr[16];

	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		frame_addr(addrs[i].host, 4, addr);
		write_map("wd_addr4", addr, &addrs[i].val);
		frame_addr(addrs[i].host, 6, addr);
		write_map("wd_addr6", addr, &addrs[i].val);
	}
	frame_addr(H_PREFIX, 4, &c4.addr);
	frame_addr(H_PREFIX, 6, c6.addr);
	write_map("wd_cidr4", &c4, &prefix);
	write_map("wd_cidr6", &c6, &prefix);
}

static void fill_rows(void)
{
	static const int pred_of[] = { [ROW_FRIEND] = PRED_FRIEND,
				       [ROW_FOE] = PRED_FOE,
				       [ROW_PREFIX] = PRED_PREFIX,
				       [ROW_NODE] = PRED_NODE };

	for (uint32_t i = ROW_FRIEND; i <= ROW_NODE; i++) {
		struct wd_row_val row = { { 0 } };

		row.bits[pred_of[i] / 64] = 1ULL << pred_of[i] % 64;
		write_at("wd_row", i, &row);
	}
}

static void fill_policy(void)
{
	for (uint32_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		write_at("wd_class", i, &classes[i]);
	for (uint32_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		write_at("wd_span", i, &spans[i]);
	for (uint32_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		write_at("wd_slot", i * 2 + WD_INGRESS, &slots[i]);
		write_at("wd_slot", i * 2 + WD_EGRESS, &slots[i]);
	}
}

static void fill_endpoint(uint32_t ifindex, uint32_t id, enum host host)
{
	struct wd_endpoint_val ep = { .id = id, .stat = id, .identity = 500 };

	frame_addr(host, 4, &ep.ip4[0]);
	frame_addr(host, 6, ep.ip6[0]);
	if (ifindex == IF_BRIDGED)
		ep.master = IF_BRIDGE;
	if (ifindex == IF_POD) {
		frame_addr(H_SELF2, 4, &ep.ip4[1]);
		frame_addr(H_SELF2, 6, ep.ip6[1]);
		frame_addr(H_LINK, 6, ep.ll6);
		memcpy(ep.mac, frame_pod_mac, 6);
		memcpy(ep.host_mac, frame_host_mac, 6);
	}
	write_map("wd_endpoint", &ifindex, &ep);
}

int world_open(void)
{
	cpu_cnt = libbpf_num_possible_cpus();
	pod = wd_pod__open_and_load();
	if (!pod) {
		printf("# the programs do not load: -%d\n", errno);
		return -errno;
	}
	fill_addrs();
	fill_rows();
	fill_policy();
	world_reset();
	return 0;
}

void world_close(void)
{
	wd_pod__destroy(pod);
	pod = NULL;
}

static void empty_map(const char *name)
{
	int fd = world_map_fd(name);
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		(void)bpf_map_delete_elem(fd, key);
}

void world_reset(void)
{
	static const char *const flows[] = { "wd_ct4",	"wd_ct6", "wd_new4",
					     "wd_new6", "wd_frag" };
	struct wd_state_val state = { .gen = 0,
				      .flags = WD_STATE_CIDR4 | WD_STATE_CIDR6,
				      .rung = 7,
				      .schema = WD_SCHEMA };
	struct wd_quota_val quota = { .open = 0, .tick = world_ticks() };

	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		empty_map(flows[i]);
	write_at("wd_state", 0, &state);
	write_at("wd_quota", 1, &quota);
	fill_endpoint(IF_POD, 1, H_SELF);
	fill_endpoint(IF_NEAR, 2, H_NEAR);
	fill_endpoint(IF_BRIDGED, 3, H_BRIDGED);
	world_iif = IF_UPLINK;
	world_publish(SLOT_RULES, 0);
}

struct wd_endpoint_val world_endpoint(void)
{
	struct wd_endpoint_val ep;
	uint32_t ifindex = IF_POD;
	int err = bpf_map_lookup_elem(world_map_fd("wd_endpoint"), &ifindex,
				      &ep);

	assert(!err);
	return ep;
}

void world_endpoint_set(const struct wd_endpoint_val *val)
{
	uint32_t ifindex = IF_POD;

	write_map("wd_endpoint", &ifindex, val);
}

void world_publish(enum slot slot, uint32_t flags)
{
	struct wd_endpoint_val ep = world_endpoint();
	struct wd_state_val state = *world_state();

	state.gen++;
	ep.slot[state.gen & 1] = slot;
	ep.slot[~state.gen & 1] = slot_now;
	ep.flags = flags;
	slot_now = slot;
	world_endpoint_set(&ep);
	write_at("wd_state", 0, &state);
}

struct wd_state_val *world_state(void)
{
	static struct wd_state_val state;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(world_map_fd("wd_state"), &zero, &state);

	assert(!err);
	return &state;
}

void world_state_set(const struct wd_state_val *state)
{
	write_at("wd_state", 0, state);
}

uint32_t world_ticks(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)(((uint64_t)ts.tv_sec * 1000000000ULL +
			   (uint64_t)ts.tv_nsec) >>
			  WD_TICK_SHIFT);
}

/* The flow key that the ABI gives to @packet. */
static size_t flow_key(const struct packet *p, struct wd_ct6_key *ret_key)
{
	enum host peer = p->dir == WD_EGRESS ? p->dst : p->src;
	enum host own = p->dir == WD_EGRESS ? p->src : p->dst;
	uint16_t lport = p->dir == WD_EGRESS ? p->sport : p->dport;
	uint16_t pport = p->dir == WD_EGRESS ? p->dport : p->sport;
	struct wd_ct6_key k6 = { .ep = 1,
				 .lport = htobe16(lport),
				 .pport = htobe16(pport),
				 .proto = (uint8_t)p->proto,
				 .laddr = own == H_SELF2 ? 1 : 0 };
	struct wd_ct4_key k4 = { .ep = 1,
				 .lport = k6.lport,
				 .pport = k6.pport,
				 .proto = k6.proto,
				 .laddr = k6.laddr };

	memset(ret_key, 0, sizeof(*ret_key));
	if (p->family == 6) {
		frame_addr(peer, 6, k6.peer);
		memcpy(ret_key, &k6, sizeof(k6));
		return sizeof(k6);
	}
	frame_addr(peer, 4, &k4.peer);
	memcpy(ret_key, &k4, sizeof(k4));
	return sizeof(k4);
}

static int flow_fd(const struct packet *p, bool in_new)
{
	if (p->family == 4)
		return world_map_fd(in_new ? "wd_new4" : "wd_ct4");
	return world_map_fd(in_new ? "wd_new6" : "wd_ct6");
}

int world_flow(const struct packet *packet, bool in_new,
	       struct wd_ct_val *ret_val)
{
	struct wd_ct6_key key;
	struct wd_ct_val val;

	(void)flow_key(packet, &key);
	if (bpf_map_lookup_elem(flow_fd(packet, in_new), &key, &val))
		return -ENOENT;
	if (ret_val)
		*ret_val = val;
	return 0;
}

void world_flow_set(const struct packet *packet, bool in_new,
		    const struct wd_ct_val *val)
{
	struct wd_ct6_key key;
	int err;

	(void)flow_key(packet, &key);
	err = bpf_map_update_elem(flow_fd(packet, in_new), &key, val, BPF_ANY);
	assert(!err);
}

struct wd_quota_val world_quota(void)
{
	struct wd_quota_val val;
	uint32_t at = 1;
	int err = bpf_map_lookup_elem(world_map_fd("wd_quota"), &at, &val);

	assert(!err);
	return val;
}

void world_quota_set(struct wd_quota_val val)
{
	write_at("wd_quota", 1, &val);
}

/* ---- running ---- */

struct counters {
	struct wd_stat_val reason[2 * WD_R__MAX];
	struct wd_stat_val verdict[3][WD_DIR__MAX];
};

static void read_counters(struct counters *c)
{
	struct wd_epstat_val ep[256];
	struct wd_stat_val val[256];

	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < 2 * WD_R__MAX; i++) {
		if (bpf_map_lookup_elem(world_map_fd("wd_stat"), &i, val))
			abort();
		for (int cpu = 0; cpu < cpu_cnt; cpu++) {
			c->reason[i].packets += val[cpu].packets;
			c->reason[i].bytes += val[cpu].bytes;
		}
	}
	if (bpf_map_lookup_elem(world_map_fd("wd_epstat"), &(uint32_t){ 1 },
				ep))
		abort();
	for (int cpu = 0; cpu < cpu_cnt; cpu++) {
		for (int d = 0; d < WD_DIR__MAX; d++) {
			c->verdict[WD_ALLOW][d].packets +=
				ep[cpu].allow[d].packets;
			c->verdict[WD_DROP][d].packets +=
				ep[cpu].drop[d].packets;
			c->verdict[WD_AUDIT][d].packets +=
				ep[cpu].audit[d].packets;
		}
	}
}

/* The one reason that grew by one packet of @len bytes, else -1. */
static int counted_reason(const struct counters *a, const struct counters *b,
			  int dir, size_t len)
{
	int found = -1, cnt = 0;

	for (int i = 0; i < 2 * WD_R__MAX; i++) {
		if (a->reason[i].packets == b->reason[i].packets)
			continue;
		cnt++;
		if (b->reason[i].packets == a->reason[i].packets + 1 &&
		    b->reason[i].bytes == a->reason[i].bytes + len &&
		    i % 2 == dir)
			found = i / 2;
	}
	return cnt == 1 ? found : -1;
}

static int counted_verdict(const struct counters *a, const struct counters *b,
			   int dir)
{
	int found = -1, cnt = 0;

	for (int v = WD_ALLOW; v <= WD_AUDIT; v++) {
		if (a->verdict[v][dir].packets == b->verdict[v][dir].packets)
			continue;
		cnt++;
		found = v;
	}
	return cnt == 1 ? found : -1;
}

struct outcome world_run(const struct frame *frame, int dir)
{
	static struct counters before, after;
	struct __sk_buff ctx = {
		.ifindex = IF_POD,
		.ingress_ifindex = dir == WD_INGRESS ? world_iif : IF_POD,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	struct outcome out = { .reason = -1, .verdict = -1 };
	int fd = bpf_program__fd(dir == WD_INGRESS ? pod->progs.wd_pod_in :
						     pod->progs.wd_pod_out);
	int err;

	read_counters(&before);
	err = bpf_prog_test_run_opts(fd, &opts);
	if (err) {
		printf("# BPF_PROG_TEST_RUN: %d\n", err);
		return out;
	}
	read_counters(&after);
	out.retval = opts.retval;
	out.reason = counted_reason(&before, &after, dir, frame->len);
	out.verdict = counted_verdict(&before, &after, dir);
	return out;
}

static const char *reason_name(int reason)
{
#define NAME(name, nr, drop, help) \
	case nr: \
		return #name;
	switch (reason) {
		WD_REASONS(NAME)
	}
#undef NAME
	return "(not one reason)";
}

void world_expect_at(const char *file, int line, const struct frame *frame,
		     int dir, int reason)
{
	struct outcome out = world_run(frame, dir);
	bool drops = reason >= WD_R_FIRST_DROP;

	wd_expect_str_at(file, line, "reason", reason_name(reason),
			 reason_name(out.reason));
	wd_expect_int_at(file, line, "return code", drops ? 2 : -1,
			 (int32_t)out.retval);
	if (reason != WD_R_NO_ENDPOINT)
		wd_expect_int_at(file, line, "endpoint's counter",
				 drops ? WD_DROP : WD_ALLOW, out.verdict);
}
