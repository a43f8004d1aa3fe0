/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel_guest.c - what must hold on every kernel, and what the verifier said.
 *
 * Loads every object as it is shipped, with maps of full size, and prints for
 * tools/kernels/run, besides TAP:
 *
 *	@object NAME RUNG yes|no MS        did it load, in how long
 *	@insns NAME PROGRAM COUNT STACK    instructions the verifier looked at,
 *	                                   bytes of stack of one function
 *	@tried NAME                        its programs are attached now
 *	@attach NAME tcx|clsact|netfilter  packets were judged by it there
 *
 * then attaches the programs to a pair, by each way the kernel has; with
 * --attach-best those of the best object only. WD_LACKS
 * names what need not be there: clsact, tcx, veth, load, late, defrag.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/fixture.h"
#include "datapath/internal.h" /* wd_datapath_no_tcx */
#include "datapath/ladder.h"
#include "image.h"
#include "tap.h"
#include "wd_host.skel.h"
#include "wd_late.skel.h"
#include "wd_seed.skel.h"
#include "wd_wire.skel.h"
#include "wd_wiremin.skel.h"

#define LOOPBACK 1
#define STATS_BYTES 4096 /* a log of nothing but the verifier's figures */
#define LOG_BYTES (16 << 20)
#define LOG_LEVEL 1
#define LOG_STATS 4
#define LINES_SHOWN 25
#define PROGS_MAX 16

/* Not attached here, but loaded beside those of the pods. */
static const struct wd_image others[] = {
	{ .name = "wd_seed", .rung = "compat", .elf_bytes = wd_seed__elf_bytes },
	{ .name = "wd_wire", .rung = "full", .elf_bytes = wd_wire__elf_bytes },
	{ .name = "wd_wiremin",
	  .rung = "minimal",
	  .elf_bytes = wd_wiremin__elf_bytes },
	{ .name = NULL },
};

/* Of netfilter, and optional: older kernels need not have that kind. */
static const struct wd_image netfilter[WD_NF__MAX] = {
	[WD_NF_LATE] = { .name = "wd_late",
			 .rung = "full",
			 .elf_bytes = wd_late__elf_bytes },
	[WD_NF_HOST] = { .name = "wd_host",
			 .rung = "full",
			 .elf_bytes = wd_host__elf_bytes },
};

static bool only_best; /* of the objects is attached */

/* Is it said that this kernel does not have @what? A list of words. */
static bool lacks(const char *what)
{
	const char *at = getenv("WD_LACKS");
	size_t len = strlen(what);

	while (at && *at) {
		size_t word = strcspn(at, " ");

		if (word == len && !strncmp(at, what, len))
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}

/* ---- loading ---- */

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
static void show_refusal(const struct wd_image *image)
{
	struct bpf_object *obj = wd_image_open(image);
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

/* The number behind the last @mark in @log, 0 if there is none. */
static unsigned int last_number(const char *log, const char *mark)
{
	const char *at = log;
	unsigned int number = 0;

	while ((at = strstr(at, mark))) {
		at += strlen(mark);
		number = (unsigned int)strtoul(at, NULL, 10);
	}
	return number;
}

/*
 * "stack depth 320+64" lists the functions of a program; 7.2 has a line for
 * each, which ends with "stack 64". Which of them calls which, and so how deep
 * a chain gets, is not told by all. Return: of the deepest.
 */
static unsigned long stack_bytes(const char *log)
{
	static const char mark[] = "stack ", word[] = "depth ";
	const char *at = log;
	unsigned long most = 0, one;
	char *end;

	while ((at = strstr(at, mark))) {
		at += strlen(mark);
		if (!strncmp(at, word, strlen(word)))
			at += strlen(word);
		for (;; at = end + 1) {
			one = strtoul(at, &end, 10);
			most = one > most ? one : most;
			if (end == at || *end != '+')
				break;
		}
	}
	return most;
}

/* Kernels from 5.16 on also tell by the program's descriptor. */
static void report_insns(const struct wd_image *image,
			 const struct bpf_program *prog, const char *log)
{
	/* 7.2 has a line for the parts before that of the whole */
	unsigned int insns = last_number(log, "processed ");
	struct bpf_prog_info info;

	wd_expect(strstr(log, " insns (limit "));
	wd_expect(insns > 0);
	if (wd_expect_int(0, wd_prog_info(bpf_program__fd(prog), &info)) &&
	    info.verified_insns)
		wd_expect_int(info.verified_insns, insns);
	printf("@insns %s %s %u %lu\n", image->name, bpf_program__name(prog),
	       insns, stack_bytes(log));
}

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Return: 0 or -errno; what the verifier said is printed */
static int load_and_report(const struct wd_image *image)
{
	static char log[PROGS_MAX][STATS_BYTES];
	struct bpf_object *obj = wd_image_open(image);
	struct bpf_program *prog;
	long begin = now_ms();
	size_t i = 0;
	int err;

	wd_test_row(image->name);
	if (!obj)
		abort();
	bpf_object__for_each_program(prog, obj) {
		if (i == PROGS_MAX)
			abort();
		bpf_program__set_log_level(prog, LOG_STATS);
		bpf_program__set_log_buf(prog, log[i++], STATS_BYTES);
	}
	err = bpf_object__load(obj);
	printf("@object %s %s %s %ld\n", image->name, image->rung,
	       err ? "no" : "yes", now_ms() - begin);
	i = 0;
	bpf_object__for_each_program(prog, obj) {
		if (!err)
			report_insns(image, prog, log[i++]);
	}
	bpf_object__close(obj);
	return err;
}

static void load_image(const struct wd_image *image)
{
	int err = load_and_report(image);

	if (lacks("load"))
		wd_expect(err);
	else if (!wd_expect_int(0, err))
		show_refusal(image);
}

static void objects_load_with_maps_of_full_size(void)
{
	const struct wd_image *image;

	for (image = wd_images; image->name; image++)
		load_image(image);
	for (image = others; image->name; image++)
		load_image(image);
}

/* They read the kernel's own structures, and are no part of pods' verdicts. */
static void what_hangs_on_netfilter_loads(void)
{
	struct bpf_object *obj;

	for (int nf = 0; nf < WD_NF__MAX; nf++) {
		if (!lacks("late") && !lacks("load")) {
			load_image(&netfilter[nf]);
			continue;
		}
		wd_test_row(netfilter[nf].name);
		obj = wd_image_open(&netfilter[nf]);
		wd_expect(obj && bpf_object__load(obj));
		bpf_object__close(obj);
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

/* The data path with programs of one object and of no other. */
static struct wd_datapath *open_at(const struct wd_image *image)
{
	struct wd_ladder_opts opts = {
		.top = wd_rung_from(image->rung),
		.bottom = wd_rung_from(image->rung),
	};
	struct wd_datapath *dp = NULL;
	char *error = NULL;

	if (wd_expect_int(0, wd_datapath_open_at(WD_FX_BPFFS, &opts, &dp,
						 &error)) &&
	    wd_expect_str(image->name, wd_ladder(dp)->object))
		return dp;
	printf("# %s\n", error ? error : "no message");
	free(error);
	wd_datapath_close(dp);
	return NULL;
}

/* Return: packets were judged. */
static bool attach_one_way(const struct wd_image *image,
			   enum wd_attach_kind kind)
{
	struct wd_datapath *dp;
	struct wd_fx_pod pod;
	bool attached = false;

	wd_datapath_no_tcx = kind == WD_ATTACH_CLSACT;
	dp = open_at(image);
	if (!dp)
		return false;
	wd_expect_int(kind, wd_datapath_info(dp)->attach);
	if (wd_expect(wd_fx_pod_new(&pod, "wdk0"))) {
		wd_expect(wd_fx_gets_out(&pod)); /* before there is a policy */
		attached =
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
	return attached;
}

static void attach_all(enum wd_attach_kind kind, const char *way)
{
	const struct wd_image *image;

	if (lacks("load")) {
		wd_test_skip("no program can be loaded here");
		return;
	}
	if (lacks(way)) {
		wd_test_skip("this kernel lacks it");
		return;
	}
	for (image = wd_images; image->name; image++) {
		wd_test_row(image->name);
		printf("@tried %s\n", image->name);
		if (attach_one_way(image, kind))
			printf("@attach %s %s\n", image->name, way);
		if (only_best)
			break;
	}
}

static void packets_are_judged_by_way_of_clsact(void)
{
	attach_all(WD_ATTACH_CLSACT, "clsact");
}

static void packets_are_judged_by_way_of_tcx(void)
{
	attach_all(WD_ATTACH_TCX, "tcx");
}

static void agent_would_choose_clsact(void)
{
	struct wd_datapath *dp;

	if (lacks("load")) {
		wd_test_skip("no program can be loaded here");
		return;
	}
	wd_datapath_no_tcx = false;
	dp = wd_fx_open();
	if (wd_expect(dp))
		wd_expect_int(WD_ATTACH_CLSACT, wd_datapath_info(dp)->attach);
	wd_datapath_close(dp);
}

/* ---- netfilter ---- */

/* With the golden packets before; or it is told why not, and nothing is left. */
static bool open_netfilter(struct wd_datapath *dp, enum wd_nf nf)
{
	int err = wd_nf_open(dp, nf);

	wd_test_row(netfilter[nf].name);
	if (lacks("late") || lacks("defrag")) {
		wd_expect(err);
		wd_expect(!wd_nf_on(dp, nf));
		wd_expect(strstr(wd_nf_error(dp, nf),
				 lacks("late") ? netfilter[nf].name :
						 "nf_defrag_ipv4"));
		return false;
	}
	printf("@tried %s\n", netfilter[nf].name);
	if (wd_expect_int(0, err))
		return wd_expect(wd_nf_on(dp, nf));
	printf("# %s\n", wd_nf_error(dp, nf));
	return false;
}

/* Its policy is written as a pod's is, by the key that no interface has. */
static void expect_host_to_be_judged(struct wd_datapath *dp)
{
	const struct wd_fx_pod host = { .ifindex = WD_HOST_KEY };
	struct wd_fx_pod pod;

	if (!wd_expect(wd_fx_pod_new(&pod, "wdk0")))
		return;
	wd_expect(wd_fx_gets_out(&pod)); /* before there is a policy */
	wd_fx_policy(dp, &host, WD_FX_DENY);
	wd_expect(wd_fx_no_way_out(&pod));
	wd_expect(wd_fx_no_way_in(&pod));
	wd_fx_policy(dp, &host, WD_FX_ALLOW);
	wd_expect(wd_fx_gets_out(&pod));
	wd_expect(wd_fx_gets_in(&pod));
	wd_fx_policy(dp, &host, WD_FX_DENY);
	wd_expect(wd_fx_no_way_out(&pod));
	wd_expect_int(0, wd_nf_leave(dp, WD_NF_HOST));
	wd_expect(wd_fx_gets_out(&pod));
	wd_fx_pod_free(&pod);
}

static void what_hangs_on_netfilter_passes_the_golden_packets_and_judges(void)
{
	struct wd_datapath *dp;

	if (lacks("load")) {
		wd_test_skip("no program can be loaded here");
		return;
	}
	wd_datapath_no_tcx = false;
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	if (open_netfilter(dp, WD_NF_LATE))
		printf("@attach wd_late netfilter\n");
	wd_expect_int(0, wd_nf_leave(dp, WD_NF_LATE));
	if (open_netfilter(dp, WD_NF_HOST)) {
		expect_host_to_be_judged(dp);
		printf("@attach wd_host netfilter\n");
	}
	wd_expect_int(0, wd_nf_leave(dp, WD_NF_HOST));
	wd_datapath_close(dp);
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
}

int main(int argc, char **argv)
{
	only_best = argc > 1 && !strcmp(argv[1], "--attach-best");
	wd_fx_enter();
	WD_TEST(objects_load_with_maps_of_full_size);
	WD_TEST(what_hangs_on_netfilter_loads);
	WD_TEST(packets_are_judged_by_way_of_clsact);
	if (lacks("tcx") && !kernel_has_tcx())
		WD_TEST(agent_would_choose_clsact);
	else
		WD_TEST(packets_are_judged_by_way_of_tcx);
	WD_TEST(what_hangs_on_netfilter_passes_the_golden_packets_and_judges);
	return wd_tests_end();
}
