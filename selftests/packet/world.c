/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.c - loads the programs, owns their maps, and puts endpoint, generation
 * and flows into the state that a test begins with.
 */
#include "world.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "datapath/clock.h"
#include "iif.h"
#include "run.h"
#include "wd_pod.skel.h"

uint32_t world_iif = IF_UPLINK;

static struct wd_pod *pod;
static enum slot slot_now;

int world_map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(pod->obj, name);

	assert(fd >= 0);
	return fd;
}

void world_write(const char *name, const void *key, const void *val)
{
	int err = bpf_map_update_elem(world_map_fd(name), key, val, BPF_ANY);

	if (err)
		printf("# %s: update failed: %d\n", name, err);
	assert(!err);
}

void world_delete(const char *name, const void *key)
{
	(void)bpf_map_delete_elem(world_map_fd(name), key);
}

void world_read(const char *name, const void *key, void *ret_val)
{
	int err = bpf_map_lookup_elem(world_map_fd(name), key, ret_val);

	assert(!err);
}

void world_first_key(const char *name, void *ret_key)
{
	int err = bpf_map_get_next_key(world_map_fd(name), NULL, ret_key);

	assert(!err);
}

static void write_at(const char *name, uint32_t at, const void *val)
{
	world_write(name, &at, val);
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
	world_write("wd_endpoint", &ifindex, &ep);
}

int world_open(void (*bend)(struct bpf_object *obj))
{
	if (!wd_iif_prepare())
		pod = wd_pod__open();
	if (pod)
		pod->rodata->wd_tick_shift = wd_clock_shift();
	if (pod && bend)
		bend(pod->obj);
	if (!pod || wd_pod__load(pod)) {
		printf("# the programs do not load: -%d\n", errno);
		return -errno;
	}
	run_open(pod->obj);
	tables_fill();
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
	uint8_t key[64], next[64];
	int err = bpf_map_get_next_key(fd, NULL, next);

	while (!err) {
		memcpy(key, next, sizeof(key));
		err = bpf_map_get_next_key(fd, key, next);
		(void)bpf_map_delete_elem(fd, key);
	}
}

/* An array: nothing can be deleted from it. */
static void empty_frags(void)
{
	static const struct wd_frag_val none[WD_FRAG_BUCKETS];
	static uint32_t at[WD_FRAG_BUCKETS];
	uint32_t cnt = WD_FRAG_BUCKETS;
	int err;

	for (uint32_t i = 0; i < cnt; i++)
		at[i] = i;
	err = bpf_map_update_batch(world_map_fd("wd_frag"), at, none, &cnt,
				   NULL);
	assert(!err);
}

int world_trains(struct wd_train *ret_first)
{
	uint32_t now = world_ticks();
	struct wd_frag_val bucket;
	int cnt = 0;

	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++) {
		world_read("wd_frag", &at, &bucket);
		for (int i = 0; i < WD_FRAG_WAYS; i++) {
			if (bucket.train[i].expires <= now)
				continue;
			if (!cnt++ && ret_first)
				*ret_first = bucket.train[i];
		}
	}
	return cnt;
}

void world_frags_fill(const struct packet *first)
{
	struct wd_frag_val full;
	struct wd_train train;
	struct frame frame;
	int cnt;

	frame_make(&frame, first);
	world_send(&frame, first->dir);
	cnt = world_trains(&train);
	assert(cnt == 1);
	memset(&full, 0, sizeof(full));
	train.key.pad = 1; /* of no packet */
	for (int i = 0; i < WD_FRAG_WAYS; i++)
		full.train[i] = train;
	for (uint32_t at = 0; at < WD_FRAG_BUCKETS; at++)
		write_at("wd_frag", at, &full);
}

int world_flow_cnt(const char *map)
{
	uint8_t key[64];
	void *prev = NULL;
	int cnt = 0;

	while (!bpf_map_get_next_key(world_map_fd(map), prev, key)) {
		prev = key;
		cnt++;
	}
	return cnt;
}

void world_reset(void)
{
	static const char *const flows[] = { "wd_ct4", "wd_ct6", "wd_new4",
					     "wd_new6" };
	struct wd_state_val state = { .gen = 0,
				      .flags = WD_STATE_CIDR4 | WD_STATE_CIDR6,
				      .rung = 7,
				      .schema = WD_SCHEMA };
	struct wd_quota_val quota = { .open = 0, .tick = world_ticks() };

	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		empty_map(flows[i]);
	empty_frags();
	write_at("wd_state", 0, &state);
	write_at("wd_quota", 1, &quota);
	write_at("wd_quota", 2, &quota);
	fill_endpoint(IF_POD, 1, H_SELF);
	fill_endpoint(IF_NEAR, 2, H_NEAR);
	fill_endpoint(IF_BRIDGED, 3, H_BRIDGED);
	world_iif = IF_UPLINK;
	world_stat = 1;
	world_publish(SLOT_RULES, 0);
}

struct wd_endpoint_val world_endpoint(void)
{
	struct wd_endpoint_val ep;
	uint32_t ifindex = IF_POD;
	int err =
		bpf_map_lookup_elem(world_map_fd("wd_endpoint"), &ifindex, &ep);

	assert(!err);
	return ep;
}

void world_endpoint_set(const struct wd_endpoint_val *val)
{
	uint32_t ifindex = IF_POD;

	world_write("wd_endpoint", &ifindex, val);
}

void world_publish(enum slot slot, uint32_t flags)
{
	struct wd_endpoint_val ep = world_endpoint();
	struct wd_state_val state = world_state();

	state.gen++;
	ep.slot[state.gen & 1] = slot;
	ep.slot[~state.gen & 1] = slot_now;
	ep.flags = flags;
	slot_now = slot;
	world_endpoint_set(&ep);
	write_at("wd_state", 0, &state);
}

struct wd_state_val world_state(void)
{
	struct wd_state_val state;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(world_map_fd("wd_state"), &zero, &state);

	assert(!err);
	return state;
}

void world_state_set(const struct wd_state_val *state)
{
	write_at("wd_state", 0, state);
}

void world_switch(uint32_t switches, bool on)
{
	struct wd_state_val state = world_state();

	state.flags = on ? state.flags | switches : state.flags & ~switches;
	world_state_set(&state);
}

uint32_t world_ticks(void)
{
	uint32_t ticks = 0;
	int err = wd_clock_ticks(&ticks);

	if (err)
		printf("# the clock of the programs cannot be read: %d\n", err);
	assert(!err);
	return ticks;
}

void world_begin_tick(void)
{
	uint32_t now = world_ticks();

	while (world_ticks() == now)
		(void)usleep(2000);
}

static void put_be16(__be16 *at, uint16_t val)
{
	uint8_t bytes[2] = { (uint8_t)(val >> 8), (uint8_t)val };

	memcpy(at, bytes, sizeof(bytes));
}

/* The two ports, or the key of an ICMP echo; others have none. */
static void key_ports(const struct packet *p, struct wd_ct6_key *key)
{
	bool leaves = p->dir == WD_EGRESS;

	if (p->proto == 6 || p->proto == 17 || p->proto == 132) {
		put_be16(&key->lport, leaves ? p->sport : p->dport);
		put_be16(&key->pport, leaves ? p->dport : p->sport);
	}
	if (p->proto != (p->family == 4 ? 1 : 58))
		return;
	put_be16(&key->lport, p->id);
	if (p->type == 8 || p->type == 128)
		key->sub = (uint8_t)(p->dir + 1);
	else
		key->sub = (uint8_t)(!p->dir + 1);
}

/* The flow key that the ABI gives to @packet. */
static void flow_key(const struct packet *packet, struct wd_ct6_key *ret_key)
{
	struct packet p = packet_full(packet);
	enum host peer = p.dir == WD_EGRESS ? p.dst : p.src;
	enum host own = p.dir == WD_EGRESS ? p.src : p.dst;
	struct wd_ct6_key k6 = { .ep = 1,
				 .proto = (uint8_t)p.proto,
				 .laddr = own == H_SELF2 ? 1 : 0 };
	struct wd_ct4_key k4;

	key_ports(&p, &k6);
	if (p.family == 6) {
		frame_addr(peer, 6, k6.peer);
		*ret_key = k6;
		return;
	}
	k4 = (struct wd_ct4_key){ .ep = 1,
				  .lport = k6.lport,
				  .pport = k6.pport,
				  .proto = k6.proto,
				  .laddr = k6.laddr,
				  .sub = k6.sub };
	frame_addr(peer, 4, &k4.peer);
	memcpy(ret_key, &k4, sizeof(k4));
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

	flow_key(packet, &key);
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

	flow_key(packet, &key);
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
