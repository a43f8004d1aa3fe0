// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel.c - loads the skeleton, writes its maps as the model says, builds
 * packets and reads the counters that tell what became of them.
 */
#include "kernel.h"

#include <arpa/inet.h>
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
#include "iif.h"
#include "image.h"
#include "model/trace.h"
#include "model/xalloc.h"
#include "tap.h"

#define CPUS_MAX 256
#define BUCKETS 256 /* of the flow table */
#define ISN 0x1000 /* first sequence number of both sides */
#define TCP_FLAGS_SYN 0x02
#define TCP_FLAGS_SYNACK 0x12
#define TCP_FLAGS_ACK 0x10

struct wd_kernel {
	struct bpf_object *pod;
	int fd[WD_MAP__MAX];
	void *mem[WD_MAP__MAX];
	size_t bytes[WD_MAP__MAX];
	int cpus;
	uint32_t calls_left; /* until the sink fails, 0 never */
	uint64_t seen[2 * WD_R__MAX]; /* packets, by element of wd_stat */
};

static const char *const map_names[] = {
#define NAME(name, help) [WD_MAP_##name] = #name,
	WD_MAPS(NAME)
#undef NAME
};

static const enum wd_map mapped[] = { WD_MAP_wd_state, WD_MAP_wd_row,
				      WD_MAP_wd_slot,  WD_MAP_wd_span,
				      WD_MAP_wd_class, WD_MAP_wd_quota,
				      WD_MAP_wd_flow };
static const enum wd_map entries[] = { WD_MAP_wd_addr4, WD_MAP_wd_addr6,
				       WD_MAP_wd_cidr4, WD_MAP_wd_cidr6,
				       WD_MAP_wd_front, WD_MAP_wd_endpoint };

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- maps ---- */

static int map_memory(struct wd_kernel *k, enum wd_map map)
{
	const struct bpf_map *m =
		bpf_object__find_map_by_name(k->pod, map_names[map]);
	size_t bytes = (size_t)bpf_map__value_size(m) * bpf_map__max_entries(m);
	void *mem;

	bytes = (bytes + 4095) & ~(size_t)4095;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd[map],
		   0);
	if (mem == MAP_FAILED)
		return -errno;
	k->mem[map] = mem;
	k->bytes[map] = bytes;
	return 0;
}

/* A small flow table: it is emptied again and again. */
static void set_constants(struct wd_kernel *k)
{
	if (bpf_map__set_max_entries(
		    bpf_object__find_map_by_name(k->pod, "wd_flow"), BUCKETS))
		abort();
	wd_image_settle(k->pod);
}

struct wd_kernel *wd_kernel_open(void)
{
	struct wd_kernel *k = wd_xcalloc(1, sizeof(*k));

	k->cpus = libbpf_num_possible_cpus();
	assert(k->cpus > 0 && k->cpus <= CPUS_MAX);
	if (!wd_iif_prepare())
		k->pod = wd_image_open(wd_image());
	if (k->pod)
		set_constants(k);
	if (!k->pod || bpf_object__load(k->pod)) {
		printf("# the programs do not load: -%d\n", errno);
		wd_kernel_close(k);
		return NULL;
	}
	for (int i = 0; i < WD_MAP__MAX; i++)
		k->fd[i] =
			bpf_object__find_map_fd_by_name(k->pod, map_names[i]);
	for (size_t i = 0; i < COUNT(mapped); i++) {
		int err = map_memory(k, mapped[i]);

		if (!err)
			continue;
		printf("# %s cannot be mapped: %d\n", map_names[mapped[i]],
		       err);
		wd_kernel_close(k);
		return NULL;
	}
	return k;
}

void wd_kernel_close(struct wd_kernel *kernel)
{
	for (int i = 0; i < WD_MAP__MAX; i++)
		if (kernel->mem[i])
			(void)munmap(kernel->mem[i], kernel->bytes[i]);
	bpf_object__close(kernel->pod);
	free(kernel);
}

static void empty_map(int fd)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		if (bpf_map_delete_elem(fd, key))
			abort();
}

/* ---- sink ---- */

static bool sink_fails(struct wd_kernel *k)
{
	if (!k->calls_left)
		return false;
	k->calls_left--;
	return k->calls_left == 0;
}

static int sink_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	struct wd_kernel *k = ctx;
	struct wd_state_val *state = k->mem[WD_MAP_wd_state];

	if (sink_fails(k))
		return -ENOMEM;
	if (map == WD_MAP_wd_cidr4)
		state->flags |= WD_STATE_CIDR4;
	if (map == WD_MAP_wd_cidr6)
		state->flags |= WD_STATE_CIDR6;
	if (map == WD_MAP_wd_front)
		state->flags |= WD_STATE_FRONTS |
				(((const struct wd_front_key *)key)->port ?
					 0 :
					 WD_STATE_CLOSED);
	return bpf_map_update_elem(k->fd[map], key, val, BPF_ANY);
}

static int sink_del(void *ctx, enum wd_map map, const void *key)
{
	struct wd_kernel *k = ctx;
	int err;

	if (sink_fails(k))
		return -ENOMEM;
	err = bpf_map_delete_elem(k->fd[map], key);
	return err == -ENOENT ? 0 : err;
}

static void sink_publish(void *ctx, uint32_t gen)
{
	struct wd_kernel *k = ctx;
	struct wd_state_val *state = k->mem[WD_MAP_wd_state];

	__atomic_store_n(&state->gen, gen, __ATOMIC_RELEASE);
	/* the share of an endpoint is not what is tested here */
	memset(k->mem[WD_MAP_wd_quota], 0, k->bytes[WD_MAP_wd_quota]);
}

struct wd_sink wd_kernel_sink(struct wd_kernel *kernel)
{
	for (size_t i = 0; i < COUNT(mapped); i++)
		memset(kernel->mem[mapped[i]], 0, kernel->bytes[mapped[i]]);
	for (size_t i = 0; i < COUNT(entries); i++)
		empty_map(kernel->fd[entries[i]]);
	kernel->calls_left = 0;
	return (struct wd_sink){
		.ctx = kernel,
		.set = sink_set,
		.del = sink_del,
		.publish = sink_publish,
		.row = kernel->mem[WD_MAP_wd_row],
		.slot = kernel->mem[WD_MAP_wd_slot],
		.span = kernel->mem[WD_MAP_wd_span],
		.class = kernel->mem[WD_MAP_wd_class],
	};
}

void wd_kernel_host_policy(struct wd_kernel *kernel, bool on)
{
	struct wd_state_val *state = kernel->mem[WD_MAP_wd_state];

	state->flags &= ~(uint32_t)WD_STATE_HOST_POLICY;
	if (on)
		state->flags |= WD_STATE_HOST_POLICY;
}

void wd_kernel_tunnels(struct wd_kernel *kernel, const struct wd_encap *encap)
{
	struct wd_state_val *state = kernel->mem[WD_MAP_wd_state];

	memcpy(state->tunnel, encap->own, sizeof(state->tunnel));
}

static int get(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	const struct wd_kernel *k = ctx;

	return bpf_map_lookup_elem(k->fd[map], key, ret_val);
}

bool wd_kernel_agrees(struct wd_kernel *kernel, const struct wd_endpoint *ep,
		      const struct wd_flow *flow, const struct wd_decision *d,
		      uint64_t *cnt)
{
	const struct wd_trace_source maps = { .ctx = kernel, .get = get };
	const struct wd_trace_ask ask = { .dir = d->dir,
					  .ifindex = ep->ifindex,
					  .flow = flow };
	struct wd_trace trace = { 0 };

	(*cnt)++;
	return wd_expect_int(0, wd_trace(&maps, &ask, &trace)) &&
	       wd_expect_int(d->table_reason, trace.reason) &&
	       wd_expect_int(d->table_verdict, trace.verdict) &&
	       wd_expect_int(d->on_trial, trace.on_trial) &&
	       wd_expect_int(d->rule_id, trace.rule_id) &&
	       wd_expect_int(d->identity, trace.identity) &&
	       wd_expect_int(d->peer_identity, trace.peer_identity);
}

void wd_kernel_fail_after(struct wd_kernel *kernel, uint32_t cnt)
{
	kernel->calls_left = cnt;
}

/* ---- packets ---- */

static void put16(uint8_t *at, uint16_t val)
{
	at[0] = (uint8_t)(val >> 8);
	at[1] = (uint8_t)val;
}

static void put32(uint8_t *at, uint32_t val)
{
	put16(at, (uint16_t)(val >> 16));
	put16(at + 2, (uint16_t)val);
}

static enum wd_dir hook_of(const struct wd_probe *p)
{
	if (!p->is_reply)
		return p->dir;
	return p->dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
}

static size_t put_l4(uint8_t *l4, const struct wd_probe *p)
{
	const struct wd_flow *f = p->flow;
	bool is_v4 = f->src.family == 4;

	memset(l4, 0, 24);
	put16(l4, p->is_reply ? f->port : p->sport);
	put16(l4 + 2, p->is_reply ? p->sport : f->port);
	if (f->proto == IPPROTO_TCP) {
		put32(l4 + 4,
		      ISN + (p->is_later || (p->is_reply && !p->is_synack)));
		if (p->is_later || p->is_reply)
			put32(l4 + 8, ISN + 1);
		l4[12] = 5 << 4;
		l4[13] = p->is_synack		    ? TCP_FLAGS_SYNACK :
			 p->is_later || p->is_reply ? TCP_FLAGS_ACK :
						      TCP_FLAGS_SYN;
		return 20;
	}
	if (f->proto == IPPROTO_UDP) {
		put16(l4 + 4, 24);
	} else if (f->proto == (is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		put16(l4, f->port);
		if (p->is_reply) /* to an echo, nothing else is answered */
			l4[0] = is_v4 ? 0 : 129;
		put16(l4 + 2, 0);
		put16(l4 + 4, p->sport);
	} else if (f->proto != IPPROTO_SCTP) {
		memset(l4, 0x5a, 24); /* nobody may take these for ports */
	}
	return 24;
}

static size_t put_ip(uint8_t *ip, const struct wd_probe *p, size_t l4_len)
{
	const struct wd_flow *f = p->flow;
	const struct wd_addr *src = p->is_reply ? &f->dst : &f->src;
	const struct wd_addr *dst = p->is_reply ? &f->src : &f->dst;

	memset(ip, 0, 40);
	if (f->src.family == 4) {
		ip[0] = 0x45;
		put16(ip + 2, (uint16_t)(20 + l4_len));
		ip[8] = 64;
		ip[9] = f->proto;
		memcpy(ip + 12, &src->v4, 4);
		memcpy(ip + 16, &dst->v4, 4);
		return 20;
	}
	ip[0] = 0x60;
	put16(ip + 4, (uint16_t)l4_len);
	ip[6] = f->proto;
	ip[7] = 64;
	memcpy(ip + 8, &src->v6, 16);
	memcpy(ip + 24, &dst->v6, 16);
	return 40;
}

static size_t build(uint8_t frame[128], const struct wd_probe *p)
{
	bool is_out = hook_of(p) == WD_EGRESS;
	uint8_t l4[24];
	size_t l4_len = put_l4(l4, p), ip_len;

	memcpy(frame, is_out ? p->ep->host_mac : p->ep->pod_mac, 6);
	memcpy(frame + 6, is_out ? p->ep->pod_mac : p->ep->host_mac, 6);
	put16(frame + 12, p->flow->src.family == 4 ? 0x0800 : 0x86dd);
	ip_len = put_ip(frame + 14, p, l4_len);
	memcpy(frame + 14 + ip_len, l4, l4_len);
	return 14 + ip_len + l4_len;
}

size_t wd_kernel_packet(uint8_t packet[WD_KERNEL_PACKET],
			const struct wd_probe *probe)
{
	uint8_t l4[24];
	size_t l4_len = put_l4(l4, probe);
	size_t ip_len = put_ip(packet, probe, l4_len);

	memcpy(packet + ip_len, l4, l4_len);
	return ip_len + l4_len;
}

/* ---- counters ---- */

static uint64_t read_element(struct wd_kernel *k, uint32_t at)
{
	static struct wd_stat_val val[CPUS_MAX];
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(k->fd[WD_MAP_wd_stat], &at, val))
		abort();
	for (int i = 0; i < k->cpus; i++)
		sum += val[i].packets;
	return sum;
}

/* Packets of a reason, dropped or let pass by audit. */
static uint64_t read_stat(struct wd_kernel *k, uint32_t at)
{
	return read_element(k, at) + read_element(k, at + WD_STAT_AUDIT);
}

/* The expected counter first: reading all for each packet takes long. */
static int find_reason(struct wd_kernel *k, enum wd_dir hook, int expected)
{
	uint32_t at = (uint32_t)expected * 2 + hook;
	int found = -1, cnt = 0;

	if (read_stat(k, at) == k->seen[at] + 1) {
		k->seen[at]++;
		return expected;
	}
	for (at = 0; at < 2 * WD_R__MAX; at++) {
		uint64_t now = read_stat(k, at);

		if (now == k->seen[at])
			continue;
		if (now == k->seen[at] + 1 && at % 2 == (uint32_t)hook)
			found = (int)at / 2;
		k->seen[at] = now;
		cnt++;
	}
	return cnt == 1 ? found : -1;
}

int wd_kernel_reason(struct wd_kernel *kernel, enum wd_dir dir, int expected)
{
	return find_reason(kernel, dir, expected);
}

int wd_kernel_map(const struct wd_kernel *kernel, enum wd_map map)
{
	return kernel->fd[map];
}

struct wd_outcome wd_kernel_run(struct wd_kernel *kernel,
				const struct wd_probe *probe, int expected)
{
	enum wd_dir hook = hook_of(probe);
	uint8_t frame[128];
	struct __sk_buff ctx = {
		.ifindex = probe->ep->ifindex,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (uint32_t)build(frame, probe),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	struct bpf_program *prog = wd_image_prog(kernel->pod, wd_image(), hook);
	struct wd_outcome out = { WD_DROP, -1 };
	int err;

	wd_iif_set(&ctx, hook == WD_INGRESS ? probe->iif : probe->ep->ifindex);
	err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (err) {
		printf("# BPF_PROG_TEST_RUN on ifindex %u: %d\n", ctx.ifindex,
		       err);
		return out;
	}
	out.reason = find_reason(kernel, hook, expected);
	if ((int32_t)opts.retval == -1)
		out.verdict = out.reason >= WD_R_FIRST_DROP ? WD_AUDIT :
							      WD_ALLOW;
	else if (opts.retval != 2)
		out.reason = -1;
	return out;
}

/* Which of its addresses; of the node, what they come to in eight bits. */
static uint8_t laddr_of(const struct wd_probe *p, const struct wd_addr *own)
{
	uint32_t word[4] = { own->v4.s_addr };
	uint8_t nr = 0;

	if (!p->ep && own->family == 6)
		memcpy(word, &own->v6, sizeof(word));
	if (!p->ep)
		return WD_HOST_LADDR(word[0] ^ word[1] ^ word[2] ^ word[3]);
	for (uint32_t i = 0; i < p->ep->addr_cnt; i++) {
		if (wd_addr_equal(&p->ep->addr[i], own))
			break;
		nr += p->ep->addr[i].family == own->family;
	}
	return nr;
}

static struct wd_flow_key key_of(const struct wd_probe *p)
{
	const struct wd_flow *f = p->flow;
	bool is_out = p->dir == WD_EGRESS;
	const struct wd_addr *peer = is_out ? &f->dst : &f->src;
	const struct wd_addr *own = is_out ? &f->src : &f->dst;
	struct wd_flow_key key = { .ep = p->ep ? p->ep->id : WD_HOST_KEY,
				   .laddr = laddr_of(p, own),
				   .proto = f->proto,
				   .family = f->src.family };

	if (f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP ||
	    f->proto == IPPROTO_SCTP) {
		key.lport = wd_be16(is_out ? p->sport : f->port);
		key.pport = wd_be16(is_out ? f->port : p->sport);
	}
	if (f->proto == (f->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		key.pport = wd_be16(f->port); /* not echo, which has its id */
		key.sub = (uint8_t)(p->dir + 3);
	}
	if (f->src.family == 4)
		key.peer[3] = wd_be32_of(peer->v4);
	else
		memcpy(key.peer, &peer->v6, 16);
	return key;
}

void wd_kernel_forget(struct wd_kernel *kernel, const struct wd_probe *probe)
{
	struct wd_bucket *bucket = kernel->mem[WD_MAP_wd_flow];
	struct wd_flow_key key = key_of(probe);

	for (int i = 0; i < BUCKETS; i++)
		for (int way = 0; way < WD_FLOW_WAYS; way++)
			if (!memcmp(&bucket[i].flow[way].key, &key,
				    sizeof(key)))
				bucket[i].expires[way] = 0;
}

/* ---- devices ---- */

static int make_devices(const char *type, uint32_t cnt)
{
	FILE *ip = popen("ip -batch - 2>/dev/null", "w");

	if (!ip)
		return -errno;
	for (uint32_t i = 0; i < cnt; i++)
		(void)fprintf(ip, "link add wdt%u type %s\n", i, type);
	return pclose(ip) ? -EOPNOTSUPP : 0;
}

int wd_kernel_devices(uint32_t *ret_ifindex, uint32_t cnt)
{
	char name[IFNAMSIZ];

	if (unshare(CLONE_NEWNET))
		return -errno;
	/* a kernel without modules may have no bridges, but netkit built in */
	if (make_devices("bridge", cnt) && make_devices("netkit", cnt))
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < cnt; i++) {
		(void)snprintf(name, sizeof(name), "wdt%u", i);
		ret_ifindex[i] = if_nametoindex(name);
		if (!ret_ifindex[i])
			return -ENODEV;
	}
	return 0;
}
