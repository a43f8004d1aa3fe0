/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.c - the flow table as user space deals with it: the secret by which it is
 * hashed, the one way in for flows that no packet made, and a look at all of it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "clock.h"
#include "internal.h"
#include "nft/seed.h"
#include "wd_seed.skel.h"

int wd_flow_hash_key(struct wd_datapath *dp)
{
	struct wd_state_val state;
	uint32_t zero = 0;
	int err;

	if (dp->info.adopted) {
		err = bpf_map_lookup_elem(dp->map_fd[WD_MAP_wd_state], &zero,
					  &state);
		if (err)
			return wd_fail(dp, err, WD_STAGE_PIN,
				       "cannot read wd_state");
		memcpy(dp->hash_key, state.hash_key, sizeof(dp->hash_key));
		return 0;
	}
	if (getrandom(dp->hash_key, sizeof(dp->hash_key), 0) !=
	    sizeof(dp->hash_key))
		return wd_fail(dp, -errno, WD_STAGE_MAP,
			       "cannot get a secret for the flow table");
	for (int i = 0; i < WD_HASH_WORDS; i++)
		dp->hash_key[i] |= 1;
	return 0;
}

static bool is_used(enum wd_map map)
{
	return map == WD_MAP_wd_flow || map == WD_MAP_wd_flowlock ||
	       map == WD_MAP_wd_quota;
}

/* The maps of this node in place of the object's; what it does not use, none. */
static int use_maps(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct bpf_map *map;
	int err;

	for (int i = 0; i < WD_MAP__MAX; i++) {
		map = bpf_object__find_map_by_name(obj, wd_map_names[i]);
		if (!map)
			continue;
		err = is_used(i) ? bpf_map__reuse_fd(map, dp->map_fd[i]) :
				   bpf_map__set_autocreate(map, false);
		if (err)
			return err;
	}
	return 0;
}

static int set_constants(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	size_t bytes = 0;
	struct wd_seed__rodata *is = map ? bpf_map__initial_value(map, &bytes) :
					   NULL;

	if (!is || bytes != sizeof(*is))
		return -EINVAL;
	is->wd_tick_shift = wd_clock_shift();
	is->wd_bucket_mask = dp->shape[WD_MAP_wd_flow].max - 1;
	memcpy(is->wd_hash_key, dp->hash_key, sizeof(is->wd_hash_key));
	return 0;
}

static int load_seed(struct wd_datapath *dp)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_seed");
	struct bpf_object *obj;
	const void *elf;
	size_t bytes;
	int err;

	elf = wd_seed__elf_bytes(&bytes);
	obj = bpf_object__open_mem(elf, bytes, &opts);
	if (!obj)
		return -errno;
	err = use_maps(dp, obj);
	if (!err)
		err = set_constants(dp, obj);
	wd_capture_begin();
	if (!err)
		err = bpf_object__load(obj);
	free(wd_capture_end()); /* the caller says what this means */
	if (err) {
		bpf_object__close(obj);
		return err;
	}
	dp->seed = obj;
	return 0;
}

/* The kernel's own table picks up all but TCP by itself. */
static int seed_ruleset(const struct wd_seed_in *seed, const __be32 own[4])
{
	bool is_own_first = seed->dir == WD_EGRESS;
	struct wd_nft_conn conn = {
		.family = seed->key.family,
		.opener_port = is_own_first ? seed->key.lport : seed->key.pport,
		.other_port = is_own_first ? seed->key.pport : seed->key.lport,
		.life_s = (uint32_t)(seed->life * wd_clock_tick_ns() /
				     1000000000),
	};
	__be32 peer[4];

	if (seed->key.proto != IPPROTO_TCP)
		return 0;
	memcpy(peer, seed->key.peer, sizeof(peer));
	if (seed->key.family == 4) {
		peer[0] = seed->key.peer[3];
		peer[3] = 0;
	}
	memcpy(conn.opener, is_own_first ? own : peer, sizeof(peer));
	memcpy(conn.other, is_own_first ? peer : own, sizeof(peer));
	return wd_nft_seed(&conn);
}

int wd_flow_seed(struct wd_datapath *dp, const struct wd_seed_in *seed,
		 const __be32 own[4])
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = seed,
		    .data_size_in = sizeof(*seed), .repeat = 1);
	const struct bpf_program *prog;
	int err;

	if (dp->engine == WD_ENGINE_NFT ||
	    (seed->key.ep == WD_HOST_KEY && dp->hostrules.nft))
		return seed_ruleset(seed, own);
	if (dp->engine == WD_ENGINE_NONE)
		return 0; /* nothing judges by flows */
	err = dp->seed ? 0 : load_seed(dp);
	if (err)
		return err;
	prog = bpf_object__find_program_by_name(dp->seed, "wd_seed");
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err)
		return err;
	dp->writes++;
	switch (opts.retval) {
	case WD_SEED_MADE:
	case WD_SEED_KNOWN:
		return 0;
	case WD_SEED_FULL:
		return -ENOSPC;
	default:
		return -EINVAL;
	}
}

uint32_t wd_flow_count(struct wd_datapath *dp)
{
	const struct wd_quota_val *quota = wd_map_mem(dp, WD_MAP_wd_quota);
	uint32_t cnt = 0;

	for (int i = 0; quota && i < WD_ENDPOINTS_MAX; i++)
		cnt += quota[i].flows > 0 ? (uint32_t)quota[i].flows : 0;
	return cnt;
}

/* Dead, not gone: the programs account for those whose place they take. */
int wd_flow_forget(struct wd_datapath *dp)
{
	uint32_t cnt = dp->shape[WD_MAP_wd_flow].max;
	struct wd_bucket *bucket = mmap(NULL, cnt * sizeof(*bucket),
					PROT_READ | PROT_WRITE, MAP_SHARED,
					dp->map_fd[WD_MAP_wd_flow], 0);

	if (bucket == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < cnt * WD_FLOW_WAYS; i++) {
		uint32_t *expires =
			&bucket[i / WD_FLOW_WAYS].expires[i % WD_FLOW_WAYS];

		if (*expires > 1)
			*expires = 1;
	}
	(void)munmap(bucket, cnt * sizeof(*bucket));
	return 0;
}

/* ---- reading it from outside ---- */

static int open_table(const char *bpffs, uint32_t *ret_buckets)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[WD_PATH_MAX];
	int fd, err;

	if (strlen(bpffs) >= WD_DIR_MAX)
		return -ENAMETOOLONG;
	wd_pin_path(path, bpffs, "maps", wd_map_names[WD_MAP_wd_flow]);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = bpf_map_get_info_by_fd(fd, &info, &len);
	if (!err &&
	    (info.value_size != sizeof(struct wd_bucket) || !info.max_entries))
		err = -ESTALE;
	if (err) {
		close(fd);
		return err;
	}
	*ret_buckets = info.max_entries;
	return fd;
}

static uint32_t seconds(uint32_t ticks)
{
	uint64_t ns = (uint64_t)ticks * wd_clock_tick_ns();

	return (uint32_t)(ns / 1000000000);
}

/* Ticks after its last packet in which an entry dies; the words of flow_life() in bpf/conntrack.h. */
static uint32_t life_of(const struct wd_flow_entry *flow, uint32_t expires)
{
	const uint16_t fins = WD_FLOW_FIN_IN | WD_FLOW_FIN_OUT;
	uint16_t age = (uint16_t)(expires - WD_LIFE_NEW - flow->made);

	if (!(flow->flags & WD_FLOW_REPLIED) && !(flow->flags & WD_FLOW_RST))
		return WD_LIFE_NEW;
	switch (flow->key.proto) {
	case IPPROTO_TCP:
		return (flow->flags & WD_FLOW_RST) ||
				       (flow->flags & fins) == fins ?
			       WD_LIFE_TCP_CLOSE :
			       WD_LIFE_TCP;
	case IPPROTO_UDP: /* if no stream, it was seen less than 2 ticks after it began */
		return age < 2 ? WD_LIFE_NEW : WD_LIFE_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return WD_LIFE_ICMP;
	}
	return WD_LIFE_OTHER;
}

static void tell(const struct wd_flow_entry *flow, uint32_t expires,
		 uint32_t now, wd_flow_fn fn, void *ctx)
{
	struct wd_flow_times times = { 0 };
	int32_t idle = (int32_t)(now - (expires - life_of(flow, expires)));

	if (expires > now)
		times.left_s = seconds(expires - now);
	if (idle > 0)
		times.idle_s = seconds((uint32_t)idle);
	fn(ctx, flow, &times);
}

static int read_table(const char *bpffs, bool dead, wd_flow_fn fn, void *ctx)
{
	uint32_t cnt = 0, now = 0;
	int fd = open_table(bpffs, &cnt), err;
	struct wd_bucket *bucket;

	if (fd < 0)
		return fd;
	if (!cnt) {
		close(fd);
		return -ESTALE;
	}
	err = wd_clock_ticks(&now);
	bucket =
		mmap(NULL, cnt * sizeof(*bucket), PROT_READ, MAP_SHARED, fd, 0);
	if (bucket == MAP_FAILED && !err)
		err = -errno;
	close(fd);
	for (uint32_t i = 0; !err && i < cnt * WD_FLOW_WAYS; i++) {
		const struct wd_bucket *at = &bucket[i / WD_FLOW_WAYS];
		struct wd_flow_entry flow = at->flow[i % WD_FLOW_WAYS];
		uint32_t expires = at->expires[i % WD_FLOW_WAYS];

		if (expires > (dead ? WD_LIFE_TCP : now))
			tell(&flow, expires, now, fn, ctx);
	}
	if (bucket != MAP_FAILED)
		(void)munmap(bucket, cnt * sizeof(*bucket));
	return err;
}

int wd_flow_read(const char *bpffs, wd_flow_fn fn, void *ctx)
{
	return read_table(bpffs, false, fn, ctx);
}

int wd_flow_read_dead(const char *bpffs, wd_flow_fn fn, void *ctx)
{
	return read_table(bpffs, true, fn, ctx);
}

void wd_flow_close(struct wd_datapath *dp)
{
	bpf_object__close(dp->seed);
	dp->seed = NULL;
}
