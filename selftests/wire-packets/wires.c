/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wires.c - loads the programs of the wires and owns their maps; one frame at a
 * time goes through (BPF_PROG_TEST_RUN), and exactly one reason must be counted.
 */
#include "wires.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datapath/clock.h"
#include "judge.h"
#include "wd_wire.skel.h"
#include "wd_wiremin.skel.h"

#define CPUS_MAX 256
#define HOOKS 2
#define COVERS 4096 /* entries of wd_cover */

static const char *const names[2][HOOKS][WD_DIR__MAX] = {
	{ { "wd_wire_in", "wd_wire_out" }, { "wd_tun_in", "wd_tun_out" } },
	{ { "wd_wiremin_in", "wd_wiremin_out" },
	  { "wd_tunmin_in", "wd_tunmin_out" } },
};

static struct bpf_object *obj;
static bool is_min;
static int prog_fd[HOOKS][WD_DIR__MAX];
static int cpu_cnt;

bool wires_is_min(void)
{
	return is_min;
}

int unless_min(int reason)
{
	return is_min ? WD_R_TUN_OPAQUE : reason;
}

int unless_min_cover(int cover)
{
	return is_min ? WD_COVER_DROPPED : cover;
}

int wires_map_fd(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(obj, name);

	assert(fd >= 0);
	return fd;
}

/* ---- entries ---- */

/* Tables that wd_state_val.epoch is of. */
static bool has_epoch(const char *name)
{
	static const char *const kept[] = { "wd_addr4", "wd_addr6", "wd_tun4",
					    "wd_tun6", "wd_wire" };

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (!strcmp(name, kept[i]))
			return true;
	return false;
}

static struct wd_state_val *live; /* wd_state itself */
static bool is_behind;

void wires_behind(bool behind)
{
	is_behind = behind;
}

void wires_epoch(uint64_t epoch)
{
	__atomic_store_n(&live->epoch, epoch, __ATOMIC_SEQ_CST);
}

/* As wd_map_set() and wd_map_del() do it. */
static void epoch_begin(const char *name)
{
	if (has_epoch(name) && !is_behind)
		wires_epoch((live->epoch + 1) | 1);
}

static void epoch_end(const char *name)
{
	if (has_epoch(name) && !is_behind)
		wires_epoch(live->epoch + 1);
}

static void write_map(const char *name, const void *key, const void *val)
{
	int err;

	epoch_begin(name);
	err = bpf_map_update_elem(wires_map_fd(name), key, val, BPF_ANY);
	epoch_end(name);
	if (err)
		printf("# %s: update failed: %d\n", name, err);
	assert(!err);
}

static void delete_key(const char *name, const void *key)
{
	epoch_begin(name);
	(void)bpf_map_delete_elem(wires_map_fd(name), key);
	epoch_end(name);
}

/* ---- tables ---- */

void wires_host(enum host host, const struct wd_addr_val *val)
{
	for (int family = 4; family <= 6; family += 2) {
		const char *map = family == 4 ? "wd_addr4" : "wd_addr6";
		uint8_t addr[16];

		host_addr(host, family, addr);
		if (val)
			write_map(map, addr, val);
		else
			delete_key(map, addr);
	}
}

struct lpm_key {
	uint32_t bits;
	uint8_t addr[16];
};

void wires_addr4(struct in_addr addr, const struct wd_addr_val *val,
		 uint32_t ifindex)
{
	struct lpm_key key = { .bits = 32 };

	memcpy(key.addr, &addr, sizeof(addr));
	if (val) {
		struct wd_tun_val tun = { val->node, ifindex };

		write_map("wd_addr4", &addr, val);
		write_map("wd_tun4", &key, &tun);
		return;
	}
	delete_key("wd_addr4", &addr);
	delete_key("wd_tun4", &key);
}

static void empty(const char *name)
{
	int fd = wires_map_fd(name);
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		delete_key(name, key);
}

static void fill_nets(void)
{
	struct lpm_key key;

	for (const struct prefix *p = nets; p->text[0]; p++) {
		struct wd_net_val val = { p->flags, p->node };

		key.bits = prefix_addr(p, 4, key.addr);
		write_map("wd_net4", &key, &val);
		key.bits = prefix_addr(p, 6, key.addr);
		write_map("wd_net6", &key, &val);
	}
}

static void fill_tuns(void)
{
	struct lpm_key key;

	for (const struct prefix *p = tuns; p->text[0]; p++) {
		struct wd_tun_val val = { p->node, WIRE_IFINDEX };

		key.bits = prefix_addr(p, 4, key.addr);
		write_map("wd_tun4", &key, &val);
		key.bits = prefix_addr(p, 6, key.addr);
		write_map("wd_tun6", &key, &val);
	}
}

void wires_tun(enum host host, uint32_t node, uint32_t ifindex)
{
	struct wd_tun_val val = { node, ifindex };
	struct lpm_key key = { .bits = 32 };

	host_addr(host, 4, key.addr);
	write_map("wd_tun4", &key, &val);
	key.bits = 128;
	host_addr(host, 6, key.addr);
	write_map("wd_tun6", &key, &val);
}

void wires_tun_clear(void)
{
	empty("wd_tun4");
	empty("wd_tun6");
}

struct wd_state_val wires_state(void)
{
	struct wd_state_val state;
	uint32_t zero = 0;
	int err = bpf_map_lookup_elem(wires_map_fd("wd_state"), &zero, &state);

	assert(!err);
	return state;
}

void wires_state_set(const struct wd_state_val *state)
{
	uint32_t zero = 0;

	write_map("wd_state", &zero, state);
}

void wires_switch(uint32_t switches, bool on)
{
	struct wd_state_val state = wires_state();

	state.flags = on ? state.flags | switches : state.flags & ~switches;
	wires_state_set(&state);
}

void wires_monitor(uint32_t monitor)
{
	struct wd_state_val state = wires_state();

	state.monitor = monitor;
	wires_state_set(&state);
}

void wires_device(uint32_t ifindex, bool raw)
{
	struct wd_wire_val val = { .kind = WD_WIRE_OUT, .raw = raw };

	write_map("wd_wire", &ifindex, &val);
}

void wires_raw(bool raw)
{
	wires_device(WIRE_IFINDEX, raw);
}

void wires_forget(void)
{
	uint32_t ifindex = WIRE_IFINDEX;

	delete_key("wd_wire", &ifindex);
}

void wires_frags_age(uint32_t ticks)
{
	int fd = wires_map_fd("wd_wirefrag");
	/* bpf/wire_packet.h: 16 bytes of cover, then the tick it ends at */
	uint32_t key[16], val[8];
	void *from = NULL;

	for (; !bpf_map_get_next_key(fd, from, key); from = key) {
		if (bpf_map_lookup_elem(fd, key, val))
			abort();
		val[4] -= ticks;
		write_map("wd_wirefrag", key, val);
	}
}

static __be16 be16(uint16_t port)
{
	uint8_t bytes[2] = { (uint8_t)(port >> 8), (uint8_t)port };
	__be16 ret;

	memcpy(&ret, bytes, sizeof(ret));
	return ret;
}

void wires_reset(void)
{
	struct wd_state_val state = {
		.gen = 1,
		.flags = WD_STATE_ENCRYPT,
		.rung = 3,
		.schema = WD_SCHEMA,
		.epoch = live->epoch,
		.tunnel = { { be16(OWN_WIREGUARD), WD_TUNNEL_WIREGUARD, 0 },
			    { be16(OWN_VXLAN), WD_TUNNEL_VXLAN, 0 },
			    { be16(OWN_GENEVE), WD_TUNNEL_GENEVE, 0 } },
	};

	/* The last place is looked at too. */
	state.tunnel[WD_TUNNEL_PORTS - 1].port = be16(OWN_WIREGUARD2);
	state.tunnel[WD_TUNNEL_PORTS - 1].kind = WD_TUNNEL_WIREGUARD;
	wires_state_set(&state);
	for (enum host host = 0; host < HOST__MAX; host++)
		wires_host(host, host_entry(host));
	wires_tun_clear();
	fill_nets();
	fill_tuns();
	wires_raw(false);
	empty("wd_wirefrag");
}

void wires_play(const struct scene *scene)
{
	struct wd_state_val state = wires_state();

	state.flags = scene->flags;
	memcpy(state.tunnel, scene->tunnel, sizeof(state.tunnel));
	wires_state_set(&state);
	wires_raw(scene->is_raw);
	if (!scene->has_wire)
		wires_forget();
	for (enum host host = 0; host < HOST__MAX; host++)
		wires_host(host, scene->has[host] ? &scene->entry[host] : NULL);
	if (!scene->has_tuns)
		wires_tun_clear();
	for (int i = 0; i < scene->tun_cnt; i++)
		wires_tun(scene->tun_host[i], scene->tun[i].node,
			  scene->tun[i].ifindex);
}

/* ---- programs ---- */

static struct bpf_object *open_object(void)
{
	const char *name = getenv("WD_OBJECT");
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_wire");
	const void *elf;
	size_t bytes;

	if (!name || !*name || !strcmp(name, "wd_wire")) {
		elf = wd_wire__elf_bytes(&bytes);
	} else if (!strcmp(name, "wd_wiremin")) {
		is_min = true;
		opts.object_name = name;
		elf = wd_wiremin__elf_bytes(&bytes);
	} else {
		printf("Bail out! WD_OBJECT: there is no object '%s'\n", name);
		exit(1);
	}
	/* Another build of it, see test_mutants.py. */
	if (getenv("WD_ELF"))
		return bpf_object__open_file(getenv("WD_ELF"), NULL);
	return bpf_object__open_mem(elf, bytes, &opts);
}

struct bpf_program *wires_prog(enum hook hook, int dir)
{
	return bpf_object__find_program_by_name(obj, names[is_min][hook][dir]);
}

/* Not used by these programs: no need to take their memory. */
static void shrink(void)
{
	static const char *const big[] = { "wd_flow", "wd_frag", "wd_row" };

	for (size_t i = 0; i < sizeof(big) / sizeof(*big); i++)
		(void)bpf_map__set_max_entries(
			bpf_object__find_map_by_name(obj, big[i]), 1);
	(void)bpf_map__set_max_entries(
		bpf_object__find_map_by_name(obj, "wd_cover"), COVERS);
}

static void set_clock(void)
{
	size_t bytes;
	struct wd_wire__rodata *is = bpf_map__initial_value(
		bpf_object__find_map_by_name(obj, ".rodata"), &bytes);

	/* wd_wiremin tells no events, but has the same in front. */
	assert(is && bytes >= sizeof(is->wd_tick_shift));
	is->wd_tick_shift = wd_clock_shift();
}

static void map_state(void)
{
	live = mmap(NULL, sizeof(*live), PROT_READ | PROT_WRITE, MAP_SHARED,
		    wires_map_fd("wd_state"), 0);
	if (live == MAP_FAILED)
		abort();
}

void wires_open(void)
{
	cpu_cnt = libbpf_num_possible_cpus();
	obj = open_object();
	if (obj) {
		shrink();
		set_clock();
	}
	if (!obj || bpf_object__load(obj) || cpu_cnt < 1 ||
	    cpu_cnt > CPUS_MAX) {
		printf("Bail out! the programs do not load: -%d\n", errno);
		exit(1);
	}
	for (int hook = 0; hook < HOOKS; hook++)
		for (int dir = 0; dir < WD_DIR__MAX; dir++)
			prog_fd[hook][dir] =
				bpf_program__fd(wires_prog(hook, dir));
	map_state();
	wires_reset();
}

void wires_close(void)
{
	(void)munmap(live, sizeof(*live));
	bpf_object__close(obj);
	obj = NULL;
}

/* ---- runs ---- */

int wires_send(const struct frame *frame, enum hook hook, int dir,
	       int *ret_reason)
{
	struct __sk_buff ctx = { .ifindex = WIRE_IFINDEX }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);
	int err = bpf_prog_test_run_opts(prog_fd[hook][dir], &opts);

	if (err)
		return err - 1000;
	*ret_reason = (int)(out.cb[0] % WD_R__MAX);
	return (int)opts.retval;
}

#define SCRATCH_MAX 4096 /* more than wd_scratch has for one CPU */
#define UNTOUCHED 0xa5

bool wires_is_short(const struct piece *pieces, enum hook hook, int dir)
{
	static uint8_t before[SCRATCH_MAX * CPUS_MAX];
	static uint8_t after[sizeof(before)];
	struct bpf_map *map = bpf_object__find_map_by_name(obj, "wd_scratch");
	uint32_t zero = 0;
	static struct frame frame;
	int said;

	assert(map && bpf_map__value_size(map) <= SCRATCH_MAX);
	memset(before, UNTOUCHED, sizeof(before));
	memset(after, UNTOUCHED, sizeof(after));
	write_map("wd_scratch", &zero, before);
	frame_build(&frame, pieces);
	(void)wires_send(&frame, hook, dir, &said);
	if (bpf_map_lookup_elem(bpf_map__fd(map), &zero, after))
		abort();
	return !memcmp(before, after, sizeof(before));
}

static void read_element(uint32_t at, const struct wd_stat_val *val,
			 struct wd_stat_val *sum)
{
	static struct wd_stat_val own[CPUS_MAX];

	if (!val) {
		val = own;
		if (bpf_map_lookup_elem(wires_map_fd("wd_stat"), &at, own))
			abort();
	}
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < cpu_cnt; cpu++) {
		sum->packets += val[cpu].packets;
		sum->bytes += val[cpu].bytes;
	}
}

uint64_t wires_counted(int reason, int dir)
{
	struct wd_stat_val sum;

	read_element((uint32_t)(reason * 2 + dir), NULL, &sum);
	return sum.packets;
}

/* All of wd_stat, at once where the kernel can (from 5.13 on). */
static void read_stat(struct wd_stat_val sum[WD_STATS_MAX])
{
	static struct wd_stat_val val[WD_STATS_MAX * CPUS_MAX];
	static uint32_t keys[WD_STATS_MAX];
	uint32_t cnt = WD_STATS_MAX, next;
	bool at_once;

	(void)bpf_map_lookup_batch(wires_map_fd("wd_stat"), NULL, &next, keys,
				   val, &cnt, NULL);
	at_once = cnt == WD_STATS_MAX && keys[1] == 1;
	for (uint32_t at = 0; at < WD_STATS_MAX; at++)
		read_element(at, at_once ? val + at * (uint32_t)cpu_cnt : NULL,
			     &sum[at]);
}

/* The one reason that one packet of @len bytes was counted with, else -1. */
static int counted_reason(const struct wd_stat_val *before,
			  const struct wd_stat_val *after, int dir, size_t len)
{
	int found = -1, cnt = 0;

	for (int at = 0; at < WD_STATS_MAX; at++) {
		if (before[at].packets == after[at].packets)
			continue;
		cnt++;
		if (at < WD_STAT_AUDIT && at % 2 == dir &&
		    after[at].packets == before[at].packets + 1 &&
		    after[at].bytes == before[at].bytes + len)
			found = at / 2;
	}
	return cnt == 1 ? found : -1;
}

/* A new entry may fail for want of memory at hand: those that take it are there. */
void wires_cover_clear(void)
{
	static const struct wd_stat_val none[CPUS_MAX];
	struct wd_cover_key rest = { 0 };

	empty("wd_cover");
	for (int i = 0; i < WD_COVER__MAX * WD_DIR__MAX; i++) {
		rest.kind = (__u8)(i / WD_DIR__MAX);
		rest.dir = i % WD_DIR__MAX;
		write_map("wd_cover", &rest, none);
	}
}

void wires_cover_fill(const struct wd_cover_key *key)
{
	static const struct wd_stat_val none[CPUS_MAX];
	struct wd_cover_key at = *key;

	empty("wd_cover");
	for (uint32_t i = 0; i < COVERS; i++) {
		write_map("wd_cover", &at, none);
		at.ns[0] = 1000 + i;
	}
}

struct wd_stat_val wires_cover_of(const struct wd_cover_key *key)
{
	static struct wd_stat_val val[CPUS_MAX];
	struct wd_stat_val sum = { 0 };

	if (bpf_map_lookup_elem(wires_map_fd("wd_cover"), key, val))
		return sum;
	for (int cpu = 0; cpu < cpu_cnt; cpu++) {
		sum.packets += val[cpu].packets;
		sum.bytes += val[cpu].bytes;
	}
	return sum;
}

int wires_cover_cnt(void)
{
	int fd = wires_map_fd("wd_cover"), cnt = 0;
	struct wd_cover_key key;
	void *from = NULL;

	for (; !bpf_map_get_next_key(fd, from, &key); from = &key)
		cnt += wires_cover_of(&key).packets > 0;
	return cnt;
}

/* What wd_cover has of one packet of @len bytes. */
static void read_cover(struct outcome *out, size_t len)
{
	int fd = wires_map_fd("wd_cover");
	struct wd_cover_key key;
	void *from = NULL;

	for (; !bpf_map_get_next_key(fd, from, &key); from = &key) {
		struct wd_stat_val is = wires_cover_of(&key);

		if (!is.packets)
			continue;
		out->cover = key;
		out->cover_cnt++;
		if (is.packets != 1 || is.bytes != len)
			out->cover_cnt += 100;
	}
}

/* Return: the reason that it says and that it is counted with, else -1 */
static int send_counted(const struct frame *frame, enum hook hook, int dir,
			int *ret_retval)
{
	static struct wd_stat_val before[WD_STATS_MAX], after[WD_STATS_MAX];
	int said = -1, reason;

	read_stat(before);
	*ret_retval = wires_send(frame, hook, dir, &said);
	read_stat(after);
	reason = counted_reason(before, after, dir, frame->len);
	return reason == said ? reason : -1;
}

/* What a packet is counted as is there now: does the next one fare alike? */
static bool is_alike_again(const struct frame *frame, int dir,
			   const struct outcome *out)
{
	struct wd_stat_val is;
	int retval;

	if (send_counted(frame, TUN, dir, &retval) != out->reason ||
	    retval != out->retval)
		return false;
	is = wires_cover_of(&out->cover);
	return wires_cover_cnt() == 1 && is.packets == 2 &&
	       is.bytes == 2 * frame->len;
}

struct outcome wires_run(const struct frame *frame, enum hook hook, int dir)
{
	struct outcome out = { .reason = -1 };

	empty("wd_cover");
	out.reason = send_counted(frame, hook, dir, &out.retval);
	read_cover(&out, frame->len);
	if (hook == TUN && out.reason == WD_R_ENCRYPTED && out.cover_cnt == 1 &&
	    !is_alike_again(frame, dir, &out))
		out.reason = -1;
	return out;
}

const char *wires_reason(int reason)
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

static const char *cover_name(int kind)
{
	static const char *const kinds[WD_COVER__MAX] = {
		"WIREGUARD", "ESP",	"DROPPED", "EXEMPT",
		"HBONE",     "LINKERD", "CLEAR",   "NODES",
	};

	return kind == NO_COVER ? "(none)" : kinds[kind % WD_COVER__MAX];
}

/* NOLINTNEXTLINE(readability-function-size): two of them are the macro's */
struct wd_cover_key wires_expect_at(const char *file, int line, int reason,
				    int cover, enum hook hook, int dir,
				    const struct piece *pieces)
{
	struct outcome out;
	static struct frame frame;

	frame_build(&frame, pieces);
	out = wires_run(&frame, hook, dir);
	wd_expect_str_at(file, line, "reason", wires_reason(reason),
			 wires_reason(out.reason));
	wd_expect_int_at(file, line, "return code",
			 reason >= WD_R_FIRST_DROP ? 2 : -1, out.retval);
	wd_expect_int_at(file, line, "entries of wd_cover", cover != NO_COVER,
			 out.cover_cnt);
	wd_expect_str_at(file, line, "cover", cover_name(cover),
			 out.cover_cnt ? cover_name(out.cover.kind) :
					 cover_name(NO_COVER));
	if (out.cover_cnt)
		wd_expect_int_at(file, line, "direction", dir, out.cover.dir);
	return out.cover;
}

/* ---- both families, both ways ---- */

static bool set_way(int nr, int *ret_dir, int outer, int inner)
{
	static char row[64];

	*ret_dir = nr & 1 ? OUT : IN;
	build_outer = outer;
	build_inner = inner;
	(void)snprintf(row, sizeof(row), "v%d in v%d, %s", inner, outer,
		       nr & 1 ? "out" : "in");
	wd_test_row(row);
	return true;
}

bool wires_way(int nr, int *ret_dir)
{
	int family = nr & 2 ? 6 : 4;

	if (nr < 4)
		return set_way(nr, ret_dir, family, family);
	wd_test_row(NULL);
	return false;
}

bool wires_nest(int nr, int *ret_dir)
{
	if (nr < 8)
		return set_way(nr, ret_dir, nr & 2 ? 6 : 4, nr & 4 ? 6 : 4);
	wd_test_row(NULL);
	return false;
}
