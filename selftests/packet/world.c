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
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/clock.h"
#include "iif.h"
#include "image.h"
#include "run.h"

uint32_t world_iif = IF_UPLINK;

#define BUCKETS 1024 /* of the flow table, until a test says otherwise */

static struct bpf_object *pod;
static enum slot slot_now;
static struct wd_bucket *buckets; /* mapped */
static uint32_t bucket_cnt;
static uint64_t hash_key[WD_HASH_WORDS];

int world_map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(pod, name);

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

static void set_constants(void)
{
	struct wd_image_consts consts = wd_image_consts(pod);

	wd_image_settle(pod);
	bucket_cnt = *consts.bucket_mask + 1;
	memcpy(hash_key, consts.hash_key, sizeof(hash_key));
}

static void map_buckets(void)
{
	buckets = mmap(NULL, bucket_cnt * sizeof(*buckets),
		       PROT_READ | PROT_WRITE, MAP_SHARED,
		       world_map_fd("wd_flow"), 0);
	assert(buckets != MAP_FAILED);
}

int world_open(void (*bend)(struct bpf_object *obj))
{
	if (!wd_iif_prepare())
		pod = wd_image_open(wd_image());
	if (pod &&
	    bpf_map__set_max_entries(
		    bpf_object__find_map_by_name(pod, "wd_flow"), BUCKETS))
		return -EINVAL;
	if (pod && bend)
		bend(pod);
	if (pod)
		set_constants();
	if (!pod || bpf_object__load(pod)) {
		printf("# the programs do not load: -%d\n", errno);
		return -errno;
	}
	map_buckets();
	run_open(pod);
	tables_fill();
	world_reset();
	return 0;
}

bool world_sheds(void)
{
	return wd_image_sheds(wd_image());
}

void world_close(void)
{
	(void)munmap(buckets, bucket_cnt * sizeof(*buckets));
	bpf_object__close(pod);
	pod = NULL;
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

struct wd_bucket *world_buckets(uint32_t *ret_cnt)
{
	*ret_cnt = bucket_cnt;
	return buckets;
}

int world_flow_cnt(void)
{
	int cnt = 0;

	for (uint32_t i = 0; i < bucket_cnt; i++)
		for (int way = 0; way < WD_FLOW_WAYS; way++)
			cnt += buckets[i].expires[way] != 0;
	return cnt;
}

void world_reset(void)
{
	struct wd_state_val state = { .gen = 0,
				      .flags = WD_STATE_CIDR4 | WD_STATE_CIDR6,
				      .rung = 7,
				      .schema = WD_SCHEMA };
	struct wd_quota_val quota = { .tick = world_ticks() };

	memset(buckets, 0, bucket_cnt * sizeof(*buckets));
	empty_frags();
	write_at("wd_state", 0, &state);
	for (quota.ep = 1; quota.ep <= 3; quota.ep++)
		write_at("wd_quota", quota.ep, &quota);
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
	ep.flags[0] = ep.flags[1] = (uint16_t)flags;
	slot_now = slot;
	world_endpoint_set(&ep);
	write_at("wd_state", 0, &state);
}

void world_try(enum slot trial)
{
	struct wd_endpoint_val ep = world_endpoint();

	ep.trial[world_state().gen & 1] = trial;
	ep.trial[~world_state().gen & 1] = SLOT_NONE;
	world_endpoint_set(&ep);
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
static void key_ports(const struct packet *p, struct wd_flow_key *key)
{
	bool leaves = p->dir == WD_EGRESS;

	if (p->proto == 6 || p->proto == 17 || p->proto == 132) {
		put_be16(&key->lport, leaves ? p->sport : p->dport);
		put_be16(&key->pport, leaves ? p->dport : p->sport);
	}
	if (p->proto != (p->family == 4 ? 1 : 58))
		return;
	put_be16(&key->lport, p->id);
	put_be16(&key->pport,
		 (uint16_t)((p->family == 4 ? 8 : 128) << 8 | p->code));
	if (p->type == 8 || p->type == 128)
		key->sub = (uint8_t)(p->dir + 1);
	else
		key->sub = (uint8_t)(!p->dir + 1);
}

/* The flow key that the ABI gives to @packet. */
static struct wd_flow_key flow_key(const struct packet *packet)
{
	struct packet p = packet_full(packet);
	enum host peer = p.dir == WD_EGRESS ? p.dst : p.src;
	enum host own = p.dir == WD_EGRESS ? p.src : p.dst;
	struct wd_flow_key key = { .ep = 1,
				   .proto = (uint8_t)p.proto,
				   .laddr = own == H_SELF2 ? 1 : 0,
				   .family = (uint8_t)p.family };

	key_ports(&p, &key);
	frame_addr(peer, p.family, p.family == 4 ? &key.peer[3] : key.peer);
	return key;
}

/* Where the programs keep a live flow of this key; *ret_way -1: there is none. */
static struct wd_bucket *flow_place(const struct wd_flow_key *key, int *ret_way)
{
	uint32_t now = world_ticks();

	for (uint32_t i = 0; i < bucket_cnt * WD_FLOW_WAYS; i++) {
		struct wd_bucket *at = &buckets[i / WD_FLOW_WAYS];

		*ret_way = (int)(i % WD_FLOW_WAYS);
		if (at->expires[*ret_way] > now &&
		    !memcmp(&at->flow[*ret_way].key, key, sizeof(*key)))
			return at;
	}
	*ret_way = -1;
	return NULL;
}

int world_flow(const struct packet *packet, bool unreplied,
	       struct flow *ret_flow)
{
	struct wd_flow_key key = flow_key(packet);
	int way;
	const struct wd_bucket *at = flow_place(&key, &way);

	if (!at || !(at->flow[way].flags & WD_FLOW_REPLIED) != unreplied)
		return -ENOENT;
	if (ret_flow)
		*ret_flow = (struct flow){ at->flow[way], at->expires[way] };
	return 0;
}

/* The hash of flow.h, by the words of the key one after the other. */
static uint64_t flow_hash(const struct wd_flow_key *key)
{
	uint64_t sum = 0;
	uint32_t word;

	for (size_t i = 0; i < WD_HASH_WORDS; i++) {
		memcpy(&word, (const uint8_t *)key + 4 * i, 4);
		sum += word * hash_key[i];
	}
	return sum;
}

void world_flow_set(const struct packet *packet, const struct flow *flow)
{
	struct wd_flow_key key = flow_key(packet);
	uint64_t hash = flow_hash(&key);
	int way;
	struct wd_bucket *at = flow_place(&key, &way);

	if (!at) {
		at = &buckets[hash >> 48 & (bucket_cnt - 1)];
		way = hash >> 29 & (WD_FLOW_WAYS - 1);
	}
	at->flow[way] = flow->is;
	at->flow[way].key = key;
	at->tag[way] = (uint32_t)(hash >> 24);
	at->expires[way] = flow->expires;
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

struct wd_quota_val world_quota_full(uint32_t ticks)
{
	struct wd_quota_val full = { .ep = 1,
				     .open = WD_OPEN_SHARE,
				     .tick = world_ticks() };

	full.due[(full.tick + ticks) % WD_QUOTA_DUE] = WD_OPEN_SHARE;
	return full;
}
