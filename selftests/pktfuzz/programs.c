/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs.c - loads the object, writes the lists of site.c into its maps,
 * and runs packets: one system call each, the reason comes back in skb->cb[0].
 */
#include "programs.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/byteorder.h"
#include "datapath/clock.h"
#include "iif.h"
#include "image.h"
#include "rng.h"
#include "tables.h"
#include "wd_seed.skel.h"
#include "wire.h"

#define CPUS_MAX 256

static struct bpf_object *pod;
static struct wd_seed *seeder;
static int prog_fd[WD_DIR__MAX];
static int cpu_cnt;
static bool takes_fragments; /* the test run makes packets that are not linear */
static uint32_t gen;
static uint32_t ifindex[DEV__MAX];
static uint32_t pod_id;
static uint32_t reset_cnt;

#define BUCKETS_BYTES (WD_FLOW_BUCKETS * sizeof(struct wd_bucket))
#define QUOTAS_BYTES (WD_ENDPOINTS_MAX * sizeof(struct wd_quota_val))

/* wd_flow and wd_quota, mapped */
static struct wd_bucket *buckets;
static struct wd_quota_val *quotas;

/* ---- devices ---- */

static int make_devices(const char *type)
{
	FILE *ip = popen("ip -batch - 2>/dev/null", "w");

	if (!ip)
		return -errno;
	for (int i = DEV_BETA; i <= DEV_UPLINK; i++)
		(void)fprintf(ip, "link add wdf%d type %s\n", i, type);
	return pclose(ip) ? -EOPNOTSUPP : 0;
}

/* The hooks' devices must be there; the loopback is the first pod's. */
static int open_devices(void)
{
	char name[IFNAMSIZ];

	if (unshare(CLONE_NEWNET))
		return -errno;
	if (make_devices("bridge") && make_devices("netkit"))
		return -EOPNOTSUPP;
	ifindex[DEV_ALPHA] = 1;
	for (int i = DEV_BETA; i <= DEV_UPLINK; i++) {
		(void)snprintf(name, sizeof(name), "wdf%d", i);
		ifindex[i] = if_nametoindex(name);
		if (!ifindex[i])
			return -ENODEV;
	}
	ifindex[DEV_BRIDGE] = 1000;
	return 0;
}

/* ---- maps ---- */

static int map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(pod, name);
}

static void write_map(const char *name, const void *key, const void *val)
{
	int err = bpf_map_update_elem(map_fd(name), key, val, BPF_ANY);

	if (err) {
		printf("# %s: cannot be written: %d\n", name, err);
		abort();
	}
}

static void read_map(const char *name, uint32_t at, void *ret_val)
{
	if (bpf_map_lookup_elem(map_fd(name), &at, ret_val))
		abort();
}

/* @other: flags that are not in force. */
static void fill_pod(int nr, const struct setting *set, uint8_t other)
{
	const struct pod *p = &site_pods[nr];
	struct wd_endpoint_val ep = {
		.id = pod_id + (uint32_t)nr,
		.stat = (uint32_t)nr + 1,
		.identity = 300,
		.master = ifindex[p->master],
	};

	ep.slot[gen & 1] = set->policy[nr];
	ep.flags[gen & 1] = set->flags[nr];
	ep.slot[~gen & 1] = 1; /* must not matter */
	ep.flags[~gen & 1] = other;
	for (int i = 0; i < WD_EP_ADDRS; i++) {
		memcpy(&ep.ip4[i], p->own4[i].b, 4);
		memcpy(ep.ip6[i], p->own6[i].b, 16);
	}
	memcpy(ep.ll6, p->link.b, 16);
	memcpy(ep.mac, p->mac, 6);
	write_map("wd_endpoint", &ifindex[DEV_ALPHA + nr], &ep);
}

static void fill_peers(const struct setting *set)
{
	struct wd_cidr4_key k4;
	struct wd_cidr6_key k6;

	for (size_t i = 0; i < PEERS; i++) {
		const struct peer *p = &site_peers[i];
		struct wd_addr_val val = { .identity = 400 + (uint32_t)i,
					   .flags = p->flags,
					   .ifindex = ifindex[p->dev] };

		val.row[gen & 1] = site_preds_of(p->preds, set->rows);
		write_map("wd_addr4", p->v4.b, &val);
		write_map("wd_addr6", p->v6.b, &val);
	}
	for (size_t i = 0; i < PREFIXES; i++) {
		const struct prefix *p = &site_prefixes[i];
		struct wd_addr_val val = { .identity = 1U << 24 };

		val.row[gen & 1] = site_preds_of(p->preds, set->rows);
		k4.prefixlen = k6.prefixlen = p->bits;
		memcpy(&k4.addr, p->addr.b, 4);
		memcpy(k6.addr, p->addr.b, 16);
		if (p->family == 4)
			write_map("wd_cidr4", &k4, &val);
		else
			write_map("wd_cidr6", &k6, &val);
	}
}

static void write_state(const struct setting *set, uint32_t at)
{
	struct wd_state_val state = {
		.gen = at,
		.flags = set->switches,
		.monitor = set->monitor,
		.tunnel[SITE_TUNNEL_AT] = { .port = wd_be16(SITE_TUNNEL),
					    .kind = WD_TUNNEL_GENEVE },
		.schema = WD_SCHEMA
	};
	uint32_t zero = 0;

	write_map("wd_state", &zero, &state);
}

void programs_publish(const struct setting *setting)
{
	gen++;
	for (int i = 0; i < PODS; i++)
		fill_pod(i, setting, WD_EP_OFF);
	fill_peers(setting);
	write_state(setting, gen);
}

/* ---- life ---- */

static void *map_memory(const char *name, size_t bytes)
{
	void *mem = mmap(NULL, (bytes + 4095) & ~(size_t)4095,
			 PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(name), 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static int probe_linear(void)
{
	uint8_t frame[256] = { [12] = 0x12, [13] = 0x34 };
	struct sight sight = { .dir = WD_INGRESS,
			       .dev = DEV_ALPHA,
			       .iif = DEV_UPLINK,
			       .data = frame,
			       .len = sizeof(frame) };

	takes_fragments = true;
	takes_fragments = programs_run(&sight, 64).reason >= 0;
	printf("# the test run makes packets that are not linear: %s\n",
	       takes_fragments ? "yes" : "no");
	return programs_run(&sight, 0).reason >= 0 ? 0 : -EINVAL;
}

static void set_constants(void)
{
	struct wd_image_consts consts = wd_image_consts(pod);
	struct rng rng;

	rng_seed(&rng, 1);
	wd_image_settle(pod);
	seeder->rodata->wd_tick_shift = *consts.tick_shift;
	for (int i = 0; i < WD_HASH_WORDS; i++) {
		consts.hash_key[i] = (uint64_t)draw32(&rng) << 32 |
				     draw32(&rng) | 1;
		seeder->rodata->wd_hash_key[i] = consts.hash_key[i];
	}
}

/* What is seeded goes to the table of the programs. */
static int share_maps(void)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, seeder->obj) {
		int fd = map_fd(bpf_map__name(map));

		if (!strncmp(bpf_map__name(map), "wd_", 3) && fd >= 0 &&
		    bpf_map__reuse_fd(map, fd))
			return -EINVAL;
	}
	return 0;
}

int programs_open(void)
{
	int err = open_devices();

	if (err) {
		printf("# no devices: %d\n", err);
		return err;
	}
	cpu_cnt = libbpf_num_possible_cpus();
	assert(cpu_cnt > 0 && cpu_cnt <= CPUS_MAX);
	if (!wd_iif_prepare())
		pod = wd_image_open(wd_image());
	seeder = wd_seed__open();
	if (pod && seeder)
		set_constants();
	if (!pod || !seeder || bpf_object__load(pod) || share_maps() ||
	    wd_seed__load(seeder)) {
		err = -errno;
		printf("# the programs do not load: %d\n", err);
		programs_close();
		return err;
	}
	for (int i = 0; i < WD_DIR__MAX; i++)
		prog_fd[i] = bpf_program__fd(wd_image_prog(pod, wd_image(), i));
	buckets = map_memory("wd_flow", BUCKETS_BYTES);
	quotas = map_memory("wd_quota", QUOTAS_BYTES);
	if (!buckets || !quotas)
		return -ENOMEM;
	tables_fill(map_fd);
	programs_reset();
	return probe_linear();
}

void programs_close(void)
{
	bpf_object__close(pod);
	wd_seed__destroy(seeder);
	pod = NULL;
	seeder = NULL;
}

/* Instances get new numbers, so that flows of those before are not theirs. */
void programs_reset(void)
{
	static const struct wd_frag_val no_trains;
	static const struct setting nothing;

	pod_id += PODS;
	for (int i = 0; i < PODS; i++)
		fill_pod(i, &nothing, 0);
	write_state(&nothing, 0);
	for (uint32_t i = 0; i < WD_FRAG_BUCKETS; i++)
		write_map("wd_frag", &i, &no_trains);
	/* the flows' instances keep them apart; but the table must not fill up */
	if (reset_cnt++ % 32 == 0)
		memset(buckets, 0, BUCKETS_BYTES);
}

void programs_seed(const struct seed *seed)
{
	struct wd_seed_in in = {
		.key = { .ep = pod_id + (uint32_t)POD_OF(seed->dev),
			 .lport = wd_be16(seed->lport),
			 .pport = wd_be16(seed->pport),
			 .proto = seed->proto,
			 .laddr = seed->own,
			 .family = seed->family },
		.life = seed->life,
		.stat = (uint32_t)POD_OF(seed->dev) + 1,
		.dir = (uint32_t)seed->dir,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &in,
		    .data_size_in = sizeof(in), .repeat = 1);

	if (seed->family == 4)
		memcpy(&in.key.peer[3], seed->peer.b, 4);
	else
		memcpy(in.key.peer, seed->peer.b, 16);
	if (bpf_prog_test_run_opts(bpf_program__fd(seeder->progs.wd_seed),
				   &opts) ||
	    opts.retval > WD_SEED_KNOWN)
		abort();
}

/* Nobody can put the clock forward; so all that has a time is put back. */

static void age_flows(uint32_t ticks)
{
	for (size_t i = 0; i < WD_FLOW_BUCKETS; i++) {
		for (int way = 0; way < WD_FLOW_WAYS; way++) {
			uint32_t *at = &buckets[i].expires[way];

			if (*at)
				*at = *at > ticks ? *at - ticks : 1;
			buckets[i].flow[way].made -= (uint16_t)ticks;
		}
	}
}

static void age_quota(struct wd_quota_val *quota, uint32_t ticks)
{
	struct wd_quota_val old = *quota;

	quota->open = 0;
	memset(quota->due, 0, sizeof(quota->due));
	for (uint32_t i = ticks + 1; i < WD_QUOTA_DUE; i++) {
		int32_t cnt = old.due[(old.tick + i) % WD_QUOTA_DUE];

		quota->due[(old.tick + i - ticks) % WD_QUOTA_DUE] = cnt;
		quota->open += cnt;
	}
}

static void age_trains(uint32_t ticks)
{
	struct wd_frag_val bucket;

	for (uint32_t i = 0; i < WD_FRAG_BUCKETS; i++) {
		bool is_used = false;

		read_map("wd_frag", i, &bucket);
		for (int way = 0; way < WD_FRAG_WAYS; way++) {
			uint32_t *at = &bucket.train[way].expires;

			is_used |= *at;
			if (*at)
				*at = *at > ticks ? *at - ticks : 1;
		}
		if (is_used)
			write_map("wd_frag", &i, &bucket);
	}
}

void programs_wait(uint32_t ticks)
{
	age_flows(ticks);
	for (int i = 0; i < PODS; i++)
		age_quota(&quotas[i + 1], ticks);
	age_trains(ticks);
}

/* ---- packets ---- */

struct ruling programs_run(const struct sight *sight, size_t linear)
{
	struct __sk_buff ctx = { .ifindex = ifindex[sight->dev] };
	struct __sk_buff ctx_out = { .cb = { 0xffff } };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = sight->data,
		    .data_size_in = (uint32_t)sight->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &ctx_out,
		    .ctx_size_out = sizeof(ctx_out), .repeat = 1);
	bool drops;
	int err;

	if (takes_fragments && linear && linear < sight->len)
		ctx.data_end = (uint32_t)linear;
	wd_iif_set(&ctx, ifindex[sight->iif]);
	err = bpf_prog_test_run_opts(prog_fd[sight->dir], &opts);
	if (err)
		return (struct ruling){ err, WD_DROP };
	drops = opts.retval == 2; /* TC_ACT_SHOT, else TC_ACT_UNSPEC */
	if (!drops && opts.retval != (uint32_t)-1)
		return (struct ruling){ -ERANGE, WD_DROP };
	if (drops)
		return (struct ruling){ (int)ctx_out.cb[0], WD_DROP };
	return (struct ruling){ (int)ctx_out.cb[0],
				ctx_out.cb[0] < WD_R_FIRST_DROP ? WD_ALLOW :
								  WD_AUDIT };
}

static void tell_flow(const struct wd_flow_entry *f, struct flow_state *ret)
{
	const struct wd_flow_key *key = &f->key;
	uint32_t known = WD_FLOW_SYNACK | WD_FLOW_REPLIED;

	*ret = (struct flow_state){
		.lport = wd_host16(key->lport),
		.pport = wd_host16(key->pport),
		.pod = (uint8_t)(key->ep - pod_id),
		.family = key->family,
		.proto = key->proto,
		.own = key->laddr < 2 ? key->laddr : key->laddr - 0xfc,
		.sub = key->sub,
		.dir = f->dir,
		.is_answered = (f->flags & known) == WD_FLOW_SYNACK,
		.is_up = !!(f->flags & WD_FLOW_REPLIED),
		.is_fresh = f->gen == gen,
		.is_host = !!(f->flags & WD_FLOW_HOST),
		.is_open = !!(f->flags & WD_FLOW_OPEN),
		.is_reset = !!(f->flags & WD_FLOW_RST),
		.fin_in = !!(f->flags & WD_FLOW_FIN_IN),
		.fin_out = !!(f->flags & WD_FLOW_FIN_OUT),
	};
	memcpy(ret->peer.b, key->family == 4 ? &key->peer[3] : key->peer,
	       key->family == 4 ? 4 : 16);
	if (key->proto != P_TCP || !(f->flags & WD_FLOW_SEQ))
		return;
	memcpy(ret->end, f->end, sizeof(ret->end));
	memcpy(ret->ack, f->ack, sizeof(ret->ack));
}

size_t programs_flows(struct flow_state *ret, size_t room)
{
	uint32_t now = 0;
	size_t cnt = 0;

	if (wd_clock_ticks(&now))
		abort();
	for (size_t i = 0; i < WD_FLOW_BUCKETS; i++) {
		for (int way = 0; way < WD_FLOW_WAYS; way++) {
			const struct wd_flow_entry *f = &buckets[i].flow[way];

			if (buckets[i].expires[way] <= now ||
			    f->key.ep - pod_id >= PODS)
				continue;
			if (cnt < room)
				tell_flow(f, &ret[cnt]);
			cnt++;
		}
	}
	return cnt;
}

uint64_t programs_counted(void)
{
	static struct wd_stat_val val[CPUS_MAX];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < WD_STATS_MAX; i++) {
		if (bpf_map_lookup_elem(map_fd("wd_stat"), &i, val))
			abort();
		for (int cpu = 0; cpu < cpu_cnt; cpu++)
			sum += val[cpu].packets;
	}
	return sum;
}
