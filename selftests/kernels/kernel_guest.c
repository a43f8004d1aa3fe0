/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_guest.c - what must hold on every kernel, and what the verifier said.
 *
 * Loads every object as it is shipped, with maps of full size, and prints for
 * selftests/kernels/run, besides TAP:
 *
 *	@object NAME RUNG yes|no        did it load
 *	@insns NAME PROGRAM COUNT       instructions the verifier looked at
 *
 * then attaches the programs to a veth pair, by each way the kernel has.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/fixture.h"
#include "datapath/internal.h" /* wd_datapath_no_tcx */
#include "tap.h"
#include "wd_pod.skel.h"

#define LOOPBACK 1
#define STATS_BYTES 4096 /* a log of nothing but the verifier's figures */
#define LOG_BYTES (16 << 20)
#define LOG_LEVEL 1
#define LOG_STATS 4
#define LINES_SHOWN 25
#define PROGS_MAX 16

static const struct image {
	const char *object;
	const char *rung;
	const void *(*elf_bytes)(size_t *ret_bytes);
} images[] = {
	{ "wd_pod", "full", wd_pod__elf_bytes },
};

static bool no_veth; /* nor a module that would be it */

#define IMAGE_CNT (sizeof(images) / sizeof(*images))

/* ---- loading ---- */

static struct bpf_object *open_image(const struct image *image)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = image->object);
	const void *elf;
	size_t bytes;

	elf = image->elf_bytes(&bytes);
	return bpf_object__open_mem(elf, bytes, &opts);
}

/* The end of a long log, for a person. */
static void show_end(const char *log)
{
	const char *at = log + strlen(log);
	int lines = 0;

	while (at > log && lines <= LINES_SHOWN)
		lines += *--at == '\n';
	while (*at) {
		size_t len = strcspn(at, "\n");

		if (len)
			printf("# %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
}

/* Once more, only to learn why not. */
static void show_refusal(const struct image *image)
{
	struct bpf_object *obj = open_image(image);
	char *log = calloc(1, LOG_BYTES);
	struct bpf_program *prog;

	if (!obj || !log)
		abort();
	bpf_object__for_each_program(prog, obj) {
		log[0] = '\0';
		bpf_program__set_log_level(prog, LOG_LEVEL | LOG_STATS);
		bpf_program__set_log_buf(prog, log, LOG_BYTES);
	}
	if (bpf_object__load(obj))
		show_end(log);
	bpf_object__close(obj);
	free(log);
}

/* Kernels from 5.16 on also tell by the program's descriptor. */
static void report_insns(const struct image *image,
			 const struct bpf_program *prog, const char *log)
{
	static const char mark[] = "processed ";
	const char *at = log, *rest = "";
	struct bpf_prog_info info;
	unsigned int insns = 0;
	char *end;

	/* 7.2 has a line for the parts before that of the whole */
	while ((at = strstr(at, mark))) {
		at += strlen(mark);
		insns = (unsigned int)strtoul(at, &end, 10);
		rest = end;
	}
	wd_expect(!strncmp(rest, " insns", strlen(" insns")));
	wd_expect(insns > 0);
	if (wd_expect_int(0, wd_prog_info(bpf_program__fd(prog), &info)) &&
	    info.verified_insns)
		wd_expect_int(info.verified_insns, insns);
	printf("@insns %s %s %u\n", image->object, bpf_program__name(prog),
	       insns);
}

static void load_image(const struct image *image)
{
	static char log[PROGS_MAX][STATS_BYTES];
	struct bpf_object *obj = open_image(image);
	struct bpf_program *prog;
	size_t i = 0;
	int err;

	if (!obj)
		abort();
	bpf_object__for_each_program(prog, obj) {
		if (i == PROGS_MAX)
			abort();
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log[i++], STATS_BYTES);
	}
	err = bpf_object__load(obj);
	printf("@object %s %s %s\n", image->object, image->rung,
	       err ? "no" : "yes");
	i = 0;
	bpf_object__for_each_program(prog, obj) {
		if (!err)
			report_insns(image, prog, log[i++]);
	}
	bpf_object__close(obj);
	if (!wd_expect_int(0, err))
		show_refusal(image);
}

static void objects_load_with_maps_of_full_size(void)
{
	size_t i;

	for (i = 0; i < IMAGE_CNT; i++) {
		wd_test_row(images[i].object);
		load_image(&images[i]);
	}
}

/* ---- attaching ---- */

static bool kernel_has_tcx(void)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return !bpf_prog_query_opts(LOOPBACK, BPF_TCX_INGRESS, &opts);
}

/* Both hooks hold our program, and nothing else. */
static void expect_hooks(const struct wd_datapath *dp, uint32_t ifindex,
			 bool ours)
{
	uint32_t prog[8] = { 0 };
	int way;

	for (way = 0; way < WD_DIR__MAX; way++) {
		wd_expect_int(ours, wd_fx_hook(ifindex, way, prog));
		if (ours)
			wd_expect_int(wd_datapath_info(dp)->prog_id[way],
				      prog[0]);
	}
}

static void expect_packets_to_be_judged(struct wd_datapath *dp,
					const struct wd_fx_pod *pod)
{
	struct wd_state_val *state = wd_map_mem(dp, WD_MAP_wd_state);

	state->flags |= WD_STATE_HOST_POLICY; /* the node is the only peer */
	wd_fx_policy(dp, pod, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(pod));
	wd_expect(wd_fx_gets_in(pod));
	wd_fx_policy(dp, pod, WD_FX_DENY);
	wd_expect(wd_fx_no_way_out(pod));
	wd_expect(wd_fx_no_way_in(pod));
	wd_fx_policy(dp, pod, WD_FX_NONE);
	wd_expect(wd_fx_no_way_out(pod));
	wd_expect(wd_fx_no_way_in(pod));
	wd_fx_policy(dp, pod, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(pod));
	wd_expect(wd_fx_gets_in(pod));
}

static void attach_one_way(enum wd_attach_kind kind)
{
	struct wd_datapath *dp;
	struct wd_fx_pod pod;

	wd_datapath_no_tcx = kind == WD_ATTACH_CLSACT;
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect_int(kind, wd_datapath_info(dp)->attach);
	if (wd_expect(wd_fx_pod_new(&pod, "wdk0"))) {
		wd_expect(wd_fx_gets_out(&pod)); /* before there is a policy */
		wd_expect_int(0, wd_datapath_attach(dp, pod.ifindex));
		expect_hooks(dp, pod.ifindex, true);
		expect_packets_to_be_judged(dp, &pod);
		wd_expect_int(0, wd_datapath_check(dp, pod.ifindex));
		wd_expect_int(0, wd_datapath_detach(dp, pod.ifindex));
		expect_hooks(dp, pod.ifindex, false);
		wd_expect(wd_fx_gets_out(&pod));
	}
	wd_fx_pod_free(&pod);
	wd_datapath_close(dp);
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS)); /* unmounted, too */
}

static void packets_are_judged_by_way_of_clsact(void)
{
	if (no_veth)
		wd_test_skip("the archive has no modules for this kernel");
	else
		attach_one_way(WD_ATTACH_CLSACT);
}

static void packets_are_judged_by_way_of_tcx(void)
{
	if (no_veth)
		wd_test_skip("the archive has no modules for this kernel");
	else
		attach_one_way(WD_ATTACH_TCX);
}

static void agent_would_choose_clsact(void)
{
	struct wd_datapath *dp;

	wd_datapath_no_tcx = false;
	dp = wd_fx_open();
	if (wd_expect(dp))
		wd_expect_int(WD_ATTACH_CLSACT, wd_datapath_info(dp)->attach);
	wd_datapath_close(dp);
}

int main(void)
{
	wd_fx_enter();
	no_veth = getenv("WD_NO_MODULES") && !wd_fx_veth("wdk1");
	WD_TEST(objects_load_with_maps_of_full_size);
	WD_TEST(packets_are_judged_by_way_of_clsact);
	if (kernel_has_tcx())
		WD_TEST(packets_are_judged_by_way_of_tcx);
	else
		WD_TEST(agent_would_choose_clsact);
	return wd_tests_end();
}
