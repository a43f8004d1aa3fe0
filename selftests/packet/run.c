// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - sends frames through the programs (BPF_PROG_TEST_RUN) and reads from
 * the counters what became of them: exactly one reason by one packet of the
 * right length and direction, exactly one verdict of the endpoint.
 */
#include "run.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <warder/maps.h>

#include "iif.h"
#include "image.h"
#include "world.h"

#define CPUS_MAX 256

uint32_t world_stat = 1;

static const struct bpf_program *progs[WD_DIR__MAX];
static int prog_fd[WD_DIR__MAX];
static int cpu_cnt;

void run_open(const struct bpf_object *obj)
{
	cpu_cnt = libbpf_num_possible_cpus();
	for (int i = 0; i < WD_DIR__MAX; i++) {
		progs[i] = wd_image_prog(obj, wd_image(), i);
		prog_fd[i] = bpf_program__fd(progs[i]);
	}
	if (cpu_cnt < 1 || cpu_cnt > CPUS_MAX)
		abort();
}

struct counters {
	struct wd_stat_val reason[2 * WD_R__MAX];
	struct wd_stat_val verdict[3][WD_DIR__MAX];
	uint64_t audited; /* by reason too: what is in that half of wd_stat */
};

/* What was read last of each element of wd_stat, all CPUs together. */
static struct wd_stat_val stat_sum[WD_STATS_MAX];
static bool has_no_batch; /* the kernel cannot read them at once (before 5.13) */

static void sum_element(uint32_t at, const struct wd_stat_val *val)
{
	memset(&stat_sum[at], 0, sizeof(stat_sum[at]));
	for (int cpu = 0; cpu < cpu_cnt; cpu++) {
		stat_sum[at].packets += val[cpu].packets;
		stat_sum[at].bytes += val[cpu].bytes;
	}
}

static void read_element(uint32_t at)
{
	static struct wd_stat_val val[CPUS_MAX];

	if (bpf_map_lookup_elem(world_map_fd("wd_stat"), &at, val))
		abort();
	sum_element(at, val);
}

/* All of wd_stat, at once where the kernel can: it is most of what a test costs. */
static void read_stat(void)
{
	static struct wd_stat_val val[WD_STATS_MAX * CPUS_MAX];
	static uint32_t keys[WD_STATS_MAX];
	uint32_t cnt = WD_STATS_MAX, next;

	(void)bpf_map_lookup_batch(world_map_fd("wd_stat"), NULL, &next, keys,
				   val, &cnt, NULL);
	has_no_batch = cnt != WD_STATS_MAX || keys[1] != 1;
	for (uint32_t i = 0; i < WD_STATS_MAX; i++) {
		if (has_no_batch)
			read_element(i);
		else
			sum_element(i, val + i * (uint32_t)cpu_cnt);
	}
}

/*
 * @reason: what the program says it was, -1 for all. Where each element takes a
 * system call only its own are read, and all of them once in a while: a packet
 * that was counted elsewhere too is found then.
 */
static void read_counters(struct counters *c, int reason)
{
	static struct wd_epstat_val ep[CPUS_MAX];
	static int turn;

	if (!has_no_batch || reason < 0 || ++turn % 50 == 0) {
		read_stat();
	} else {
		for (uint32_t i = 0; i < WD_DIR__MAX; i++) {
			read_element((uint32_t)reason * 2 + i);
			read_element((uint32_t)reason * 2 + i + WD_STAT_AUDIT);
		}
	}
	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < WD_STATS_MAX; i++) {
		struct wd_stat_val *sum = &c->reason[i % WD_STAT_AUDIT];

		sum->packets += stat_sum[i].packets;
		sum->bytes += stat_sum[i].bytes;
		if (i >= WD_STAT_AUDIT)
			c->audited += stat_sum[i].packets;
	}
	if (bpf_map_lookup_elem(world_map_fd("wd_epstat"), &world_stat, ep))
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
	/* Both counters tell apart what was dropped and what audit let pass. */
	if (!world_sheds() && b->audited - a->audited != (found == WD_AUDIT))
		return -1;
	return cnt == 1 ? found : -1;
}

/* Packets went through that nobody looked at: the counters are not known. */
static bool is_unknown = true;

/* The return code of one run, or -errno below all of them. */
static int run_once(const struct frame *frame, int dir, uint32_t *ret_code,
		    int *ret_reason)
{
	struct __sk_buff ctx = { .ifindex = IF_POD }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);
	int err;

	wd_iif_set(&ctx, dir == WD_INGRESS ? world_iif : IF_POD);
	err = bpf_prog_test_run_opts(prog_fd[dir], &opts);
	*ret_code = opts.retval;
	*ret_reason = (int)(out.cb[0] % WD_R__MAX);
	return err;
}

/* ---- what a lower rung is stricter in ---- */

static bool is_walked(uint8_t next)
{
	return next == 0 || next == 44 || next == 51 || next == 60;
}

/* Is it of a kind that bpf/rung.h says wd_minimal drops? */
static bool is_shed_kind(const struct frame *frame)
{
	const uint8_t *ip = frame->data + 14;

	if (frame->len < 34)
		return false;
	if (frame->data[12] == 0x08 && frame->data[13] == 0x00)
		return (ip[0] & 15) > 5 || (ip[6] & 0x3f) || ip[7];
	return frame->data[12] == 0x86 && frame->data[13] == 0xdd &&
	       is_walked(ip[6]);
}

/*
 * What the object at hand must say where wd_pod says @want, and it said @got:
 * what it sheds it may drop for another reason, and may not let pass, but for
 * fragments in mode off.
 */
static int want_here(const struct frame *frame, int want, int got)
{
	if (!world_sheds() || !is_shed_kind(frame))
		return want;
	if (want >= WD_R_FIRST_DROP || want == WD_R_MODE_OFF)
		return got == WD_R_SHED ? got : want;
	return WD_R_SHED;
}

struct outcome world_run(const struct frame *frame, int dir)
{
	static struct counters before, after;
	struct outcome out = { .reason = -1, .verdict = -1 };
	int err, reason;

	read_counters(&before, is_unknown ? -1 : 0);
	is_unknown = false;
	err = run_once(frame, dir, &out.retval, &reason);
	if (err) {
		printf("# BPF_PROG_TEST_RUN: %d\n", err);
		return out;
	}
	read_counters(&after, reason);
	out.reason = counted_reason(&before, &after, dir, frame->len);
	out.verdict = counted_verdict(&before, &after, dir);
	return out;
}

int world_send(const struct frame *frame, int dir)
{
	uint32_t code;
	int reason;

	is_unknown = true;
	if (run_once(frame, dir, &code, &reason))
		abort();
	return (int32_t)code;
}

/* ---- many packets ---- */

static struct counters batch_before;
static uint64_t batch_cnt[2 * WD_R__MAX];

void world_batch_begin(void)
{
	memset(batch_cnt, 0, sizeof(batch_cnt));
	is_unknown = true;
	read_counters(&batch_before, -1);
}

void world_batch_at(const char *file, int line, const struct frame *frame,
		    int dir, int reason)
{
	struct __sk_buff in = { .ifindex = IF_POD }, out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);

	wd_iif_set(&in, dir == WD_INGRESS ? world_iif : IF_POD);
	if (bpf_prog_test_run_opts(prog_fd[dir], &opts))
		abort();
	reason = want_here(frame, reason, (int)out.cb[0]);
	batch_cnt[reason * 2 + dir]++;
	wd_expect_str_at(file, line, "reason", world_reason(reason),
			 world_reason((int)out.cb[0]));
	wd_expect_int_at(file, line, "return code",
			 reason >= WD_R_FIRST_DROP ? 2 : -1,
			 (int32_t)opts.retval);
}

void world_batch_end(void)
{
	static struct counters after;

	read_counters(&after, -1);
	for (int i = 0; i < 2 * WD_R__MAX; i++)
		wd_expect_int((long long)batch_cnt[i],
			      (long long)(after.reason[i].packets -
					  batch_before.reason[i].packets));
}

int world_send_ctx(const struct frame *frame, int dir,
		   const struct __sk_buff *ctx)
{
	struct __sk_buff in = *ctx;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .repeat = 1);
	int err;

	is_unknown = true;
	in.ifindex = IF_POD;
	wd_iif_set(&in, dir == WD_INGRESS ? world_iif : IF_POD);
	err = bpf_prog_test_run_opts(prog_fd[dir], &opts);
	return err ? err - 1000 : (int)opts.retval;
}

int world_send_back(const void *frame, size_t len, int dir, uint32_t *mark,
		    void *ret_frame, size_t *ret_len)
{
	struct __sk_buff in = { .ifindex = IF_POD, .mark = *mark }, out = in;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (uint32_t)len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .data_out = ret_frame,
		    .data_size_out = (uint32_t)*ret_len, .repeat = 1);
	int err;

	is_unknown = true;
	wd_iif_set(&in, dir == WD_INGRESS ? world_iif : IF_POD);
	err = bpf_prog_test_run_opts(prog_fd[dir], &opts);
	*mark = out.mark;
	*ret_len = opts.data_size_out;
	return err ? err - 1000 : (int)opts.retval;
}

uint64_t world_ctx_loads(int dir)
{
	uint64_t words;

	if (wd_ctx_loads(progs[dir], &words))
		abort();
	return words;
}

const char *world_reason(int reason)
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
		     int dir, int reason, int verdict)
{
	struct outcome out = world_run(frame, dir);
	int here = want_here(frame, reason, out.reason);

	if (verdict < 0 || here != reason)
		verdict = here >= WD_R_FIRST_DROP ? WD_DROP : WD_ALLOW;
	wd_expect_str_at(file, line, "reason", world_reason(here),
			 world_reason(out.reason));
	wd_expect_int_at(file, line, "return code", verdict == WD_DROP ? 2 : -1,
			 (int32_t)out.retval);
	/* Nobody's packet is in nobody's counter. */
	wd_expect_int_at(file, line, "endpoint's counter",
			 reason == WD_R_NO_ENDPOINT || world_sheds() ? -1 :
								       verdict,
			 out.verdict);
}

void expect_packet_at(const char *file, int line, int reason,
		      const struct packet *packet)
{
	struct frame frame;

	frame_make(&frame, packet);
	world_expect_at(file, line, &frame, packet->dir, reason, -1);
}

void expect_audit_at(const char *file, int line, int reason,
		     const struct packet *packet)
{
	struct frame frame;

	frame_make(&frame, packet);
	world_expect_at(file, line, &frame, packet->dir, reason, WD_AUDIT);
}

void expect_error_at(const char *file, int line, int reason, int verdict,
		     const struct packet *outer, const struct packet *inner)
{
	struct frame frame;

	frame_quote(&frame, outer, inner, 0);
	world_expect_at(file, line, &frame, outer->dir, reason, verdict);
}

/* ---- tables of packets ---- */

static void run_case(const char *file, int line, const struct wcase *c,
		     int family, int dir)
{
	struct packet p = c->p;
	struct frame frame;
	char row[160];

	p.family = family;
	p.dir = dir;
	if (c->peer != H_SELF && dir == WD_INGRESS) {
		p.src = c->peer;
		p.has_src = true;
	} else if (c->peer != H_SELF) {
		p.dst = c->peer;
		p.has_dst = true;
	}
	(void)snprintf(row, sizeof(row), "v%d %s: %s", family,
		       dir == WD_INGRESS ? "in" : "out", c->name);
	wd_test_row(row);
	world_reset();
	if (c->slot != SLOT_NONE)
		world_publish(c->slot, 0);
	frame_make(&frame, &p);
	world_expect_at(file, line, &frame, dir, c->reason, -1);
	wd_test_row(NULL);
}

void world_cases_at(const char *file, int line, const struct wcase *cases,
		    size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		const struct wcase *c = &cases[i];

		for (int family = 4; family <= 6; family += 2) {
			if (c->family && c->family != family)
				continue;
			if (c->ways != ONLY_OUT)
				run_case(file, line, c, family, WD_INGRESS);
			if (c->ways != ONLY_IN)
				run_case(file, line, c, family, WD_EGRESS);
		}
	}
}
