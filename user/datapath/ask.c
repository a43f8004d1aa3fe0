/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ask.c - loads an object by itself and sends packets through its programs.
 *
 * Each packet finds empty flow tables, so no answer depends on another.
 */
#include "ask.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define PASSED UINT32_MAX /* TCX_NEXT, TC_ACT_UNSPEC: -1 */
#define ENDS 0 /* TCX_PASS, TC_ACT_OK: nobody else is asked */
#define SHOT 2 /* TCX_DROP, TC_ACT_SHOT */

#define BUCKETS 16 /* of the flow table, which is emptied for each packet */
#define LOG_LEVEL 1
#define LOG_STATS 4
#define STATS_BYTES 4096 /* a log of nothing but the verifier's figures */
#define LOG_BYTES (16U << 20)
#define LOG_KEPT 4096 /* of its end, which says what was wrong */

struct wd_ask {
	enum wd_rung rung;
	struct bpf_object *obj;
	int prog_fd[WD_DIR__MAX];
	int map_fd[WD_MAP__MAX];
	void *flow; /* wd_flow, mapped */
	size_t flow_bytes;
	void *quota;
	size_t quota_bytes;
	bool knows_iif;
};

const char *wd_ask_object(size_t i)
{
	return i < WD_RUNG_PROG_CNT ? wd_object_name((enum wd_rung)i) : NULL;
}

const char *wd_ask_rung(size_t i)
{
	return i < WD_RUNG_PROG_CNT ? wd_rung_name((enum wd_rung)i) : NULL;
}

/* ---- loading ---- */

static int shrink(struct bpf_object *obj)
{
	struct bpf_map *flow = bpf_object__find_map_by_name(obj, "wd_flow");
	struct bpf_map *events = bpf_object__find_map_by_name(obj, "wd_events");
	int err = flow ? bpf_map__set_max_entries(flow, BUCKETS) : -ENOENT;

	if (!err && events)
		err = bpf_map__set_max_entries(events,
					       (uint32_t)sysconf(_SC_PAGESIZE));
	return err;
}

/* Any factors will do: what they hash is emptied for each packet. */
static struct bpf_object *open_object(enum wd_rung rung)
{
	struct bpf_object *obj = wd_object_read(rung);
	uint64_t key[WD_HASH_WORDS];

	for (size_t i = 0; i < WD_HASH_WORDS; i++)
		key[i] = (0x9e3779b97f4a7c15 * (i + 3)) | 1;
	if (obj && (shrink(obj) || wd_object_constants(obj, key, true))) {
		bpf_object__close(obj);
		errno = EINVAL;
		return NULL;
	}
	return obj;
}

/* Once more, only to learn why not: the end of what was said. */
static char *why_not(enum wd_rung rung)
{
	char *log = calloc(1, LOG_BYTES), *end = NULL;
	struct bpf_object *obj = open_object(rung);
	struct bpf_program *prog;

	if (obj && log) {
		bpf_object__for_each_program(prog, obj) {
			log[0] = '\0';
			bpf_program__set_log_level(prog, LOG_LEVEL | LOG_STATS);
			bpf_program__set_log_buf(prog, log, LOG_BYTES);
		}
		if (bpf_object__load(obj)) {
			size_t len = strnlen(log, LOG_BYTES - 1);

			end = strdup(log +
				     (len > LOG_KEPT ? len - LOG_KEPT : 0));
		}
	}
	bpf_object__close(obj);
	free(log);
	return end;
}

/* "processed 61530 insns"; "stack depth 64+0+32", from 7.3 on "stack depth max 384" */
static void read_stats(const char *log, struct wd_ask_prog *prog)
{
	static const char processed[] = "processed ", depth[] = "stack depth ";
	const char *at = log;

	/* some kernels have a line for the parts before that of the whole */
	while ((at = strstr(at, processed))) {
		at += strlen(processed);
		prog->insns = (uint32_t)strtoul(at, NULL, 10);
	}
	at = strstr(log, depth);
	if (at) {
		at += strlen(depth);
		(void)snprintf(prog->stack, sizeof(prog->stack), "%.*s",
			       (int)strcspn(at, "\n"), at);
	}
}

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int load(struct wd_ask *ask, struct wd_ask_load *ret)
{
	static char log[WD_DIR__MAX][STATS_BYTES];
	uint64_t begin = now_us();
	int err;

	for (int way = 0; way < WD_DIR__MAX; way++) {
		const char *name = wd_object_prog_name(ask->rung, way);
		struct bpf_program *prog =
			bpf_object__find_program_by_name(ask->obj, name);

		(void)snprintf(ret->prog[way].name, sizeof(ret->prog[way].name),
			       "%s", name);
		if (!prog)
			return -ENOENT;
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log[way], STATS_BYTES);
	}
	wd_capture_begin();
	err = bpf_object__load(ask->obj);
	ret->load_us = now_us() - begin;
	if (err)
		ret->log = why_not(ask->rung);
	free(wd_capture_end());
	for (int way = 0; !err && way < WD_DIR__MAX; way++) {
		ask->prog_fd[way] = wd_object_prog(ask->obj, ask->rung, way);
		read_stats(log[way], &ret->prog[way]);
	}
	return err;
}

static int map_window(const struct wd_ask *ask, enum wd_map map, void **ret_mem,
		      size_t *ret_bytes)
{
	const struct bpf_map *m =
		bpf_object__find_map_by_name(ask->obj, wd_map_names[map]);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes;
	void *mem;

	bytes = (size_t)(bpf_map__value_size(m) + 7) / 8 * 8 *
		bpf_map__max_entries(m);
	bytes = (bytes + page - 1) / page * page;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		   ask->map_fd[map], 0);
	if (mem == MAP_FAILED)
		return -errno;
	*ret_mem = mem;
	*ret_bytes = bytes;
	return 0;
}

/* ---- running ---- */

static int run(const struct wd_ask *ask, const struct wd_ask_frame *frame,
	       uint32_t *ret_code, uint32_t *ret_reason)
{
	struct __sk_buff in = { .ifindex = WD_ASK_IFINDEX,
				.ingress_ifindex = frame->iif };
	struct __sk_buff out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data,
		    .data_size_in = (uint32_t)frame->len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out,
		    .ctx_size_out = sizeof(out), .repeat = 1);
	int err = bpf_prog_test_run_opts(ask->prog_fd[frame->dir], &opts);

	*ret_code = opts.retval;
	*ret_reason = out.cb[0];
	return err;
}

/* Older kernels take no ingress_ifindex. */
static int probe_iif(struct wd_ask *ask)
{
	static const uint8_t data[64];
	const struct wd_ask_frame frame = { WD_INGRESS, WD_ASK_IFINDEX, data,
					    sizeof(data) };
	uint32_t code, reason;
	int err = run(ask, &frame, &code, &reason);

	ask->knows_iif = !err;
	return err == -EINVAL ? 0 : err;
}

static int make_ready(struct wd_ask *ask)
{
	int err;

	for (int i = 0; i < WD_MAP__MAX; i++)
		ask->map_fd[i] = bpf_object__find_map_fd_by_name(
			ask->obj, wd_map_names[i]);
	err = map_window(ask, WD_MAP_wd_flow, &ask->flow, &ask->flow_bytes);
	if (!err)
		err = map_window(ask, WD_MAP_wd_quota, &ask->quota,
				 &ask->quota_bytes);
	return err ? err : probe_iif(ask);
}

int wd_ask_open(size_t i, struct wd_ask **ret_ask, struct wd_ask_load *ret_load)
{
	bool known = i < WD_RUNG_PROG_CNT;
	struct wd_ask *ask = known ? calloc(1, sizeof(*ask)) : NULL;
	int err;

	memset(ret_load, 0, sizeof(*ret_load));
	if (!ask)
		return known ? -ENOMEM : -ENOENT;
	ask->rung = (enum wd_rung)i;
	ask->obj = open_object(ask->rung);
	err = ask->obj ? load(ask, ret_load) : -errno;
	if (!err)
		err = make_ready(ask);
	if (err)
		wd_ask_close(ask);
	else
		*ret_ask = ask;
	return err;
}

void wd_ask_close(struct wd_ask *ask)
{
	if (!ask)
		return;
	if (ask->flow)
		(void)munmap(ask->flow, ask->flow_bytes);
	if (ask->quota)
		(void)munmap(ask->quota, ask->quota_bytes);
	bpf_object__close(ask->obj);
	free(ask);
}

int wd_ask_set(struct wd_ask *ask, enum wd_map map, const void *key,
	       const void *val)
{
	return bpf_map_update_elem(ask->map_fd[map], key, val, BPF_ANY);
}

bool wd_ask_knows_iif(const struct wd_ask *ask)
{
	return ask->knows_iif;
}

int wd_ask_packet(struct wd_ask *ask, const struct wd_ask_frame *frame,
		  bool *ret_passes, uint32_t *ret_reason)
{
	uint32_t code, reason;
	int err;

	memset(ask->flow, 0, ask->flow_bytes);
	memset(ask->quota, 0, ask->quota_bytes);
	err = run(ask, frame, &code, &reason);
	if (err)
		return err;
	if ((code != PASSED && code != ENDS && code != SHOT) ||
	    reason >= WD_R__MAX)
		return -EBADMSG;
	*ret_passes = code != SHOT;
	*ret_reason = reason;
	return 0;
}
