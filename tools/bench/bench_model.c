// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_model.c - what it costs to keep the maps of a node true in a cluster of
 * 18,000 pods and 5,000 policies: one pod more, one policy changed, all of it
 * at once. With the real maps, without manifests and sockets. JSON lines.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>

#include "cluster.h"

#define BPFFS "/mnt/bpf"
#define PODS 18000
#define POLICIES 5000
#define LOCAL 250
#define ROUNDS 41
#define FIRST_IFINDEX 1000 /* entries of wd_endpoint need no device */
#define ATTACHED 32 /* devices that are attached for real */

static double now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, int cnt)
{
	qsort(value, (size_t)cnt, sizeof(*value), by_value);
	return value[cnt / 2];
}

static void tell(const char *name, double value, const char *unit)
{
	printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", name,
	       value, unit);
	(void)fflush(stdout);
}

static void enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("wdb", "/mnt", "tmpfs", 0, "mode=0755"))
		bench_die("new namespaces", errno);
}

static void measure_start(struct bench_node *node)
{
	double begin = now_us();

	bench_fill(node, PODS, POLICIES, LOCAL);
	for (uint32_t i = 0; i < LOCAL; i++)
		bench_endpoint_of_pod(node, i, FIRST_IFINDEX + i);
	bench_commit(node);
	tell("model_start_ms", (now_us() - begin) / 1e3, "ms");
}

/* Map entries by syscall until the pod is in force; settling comes later. */
static void measure_pod(struct bench_node *node)
{
	double us[ROUNDS], del_us[ROUNDS], writes[ROUNDS], other_us[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t nr = PODS + (uint32_t)i;
		uint64_t before = wd_datapath_writes(node->dp);
		double begin = now_us();

		bench_put_pod(node, nr, nr % BENCH_LABEL_SETS, false);
		bench_commit(node);
		us[i] = now_us() - begin;
		writes[i] = (double)(wd_datapath_writes(node->dp) - before);
	}
	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		bench_del_pod(node, PODS + (uint32_t)i);
		bench_commit(node);
		del_us[i] = now_us() - begin;
	}
	/* with labels that no pod had before */
	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		bench_put_pod(node, PODS, BENCH_LABEL_SETS + (uint32_t)i * 4,
			      false);
		bench_commit(node);
		other_us[i] = now_us() - begin;
	}
	tell("pod_add_writes", median(writes, ROUNDS), "writes");
	tell("pod_add_us", median(us, ROUNDS), "us");
	tell("pod_new_labels_us", median(other_us, ROUNDS), "us");
	tell("pod_del_us", median(del_us, ROUNDS), "us");
}

/* One policy of one pod here, then at once one for each of the pods here. */
static void measure_policy(struct bench_node *node)
{
	double ms[ROUNDS], all_ms[5], switches = 0;
	struct wd_model_stats was, is;

	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		bench_put_policy(node, 7, 7 / BENCH_TIERS,
				 (uint16_t)(2000 + i));
		bench_commit(node);
		ms[i] = (now_us() - begin) / 1e3;
	}
	tell("policy_change_1_ms", median(ms, ROUNDS), "ms");
	wd_model_stats(node->model, &was);
	for (int i = 0; i < 5; i++) {
		double begin = now_us();

		for (uint32_t nr = 0; nr < LOCAL; nr++)
			bench_put_policy(node, nr, nr / BENCH_TIERS,
					 (uint16_t)(3000 + i));
		bench_commit(node);
		all_ms[i] = (now_us() - begin) / 1e3;
	}
	wd_model_stats(node->model, &is);
	switches = (double)(is.gen - was.gen) / 5;
	tell("policy_change_ms", median(all_ms, 5), "ms");
	tell("policy_change_switches", switches, "generations");
}

static void make_devices(void)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip)
		bench_die("run ip", errno);
	for (int i = 0; i < ATTACHED; i++)
		(void)fprintf(ip, "link add b%d type veth peer name p%d\n", i,
			      i);
	if (pclose(ip))
		bench_die("make devices", EINVAL);
}

static void measure_attach(struct bench_node *node)
{
	double us[ATTACHED];
	char name[IFNAMSIZ];

	make_devices();
	for (int i = 0; i < ATTACHED; i++) {
		uint32_t ifindex;
		double begin;
		int err;

		(void)snprintf(name, sizeof(name), "b%d", i);
		ifindex = if_nametoindex(name);
		begin = now_us();
		err = wd_datapath_attach(node->dp, ifindex);
		us[i] = now_us() - begin;
		if (err)
			bench_die("attach", err);
	}
	/* the first pays for what all share */
	tell("attach_first_us", us[0], "us");
	tell("attach_us", median(us + 1, ATTACHED - 1), "us");
}

/* ---- policies of all kinds ---- */

static const enum wd_kind mix[] = {
	WD_KIND_NETPOL,	   WD_KIND_NETPOL,    WD_KIND_NETPOL,
	WD_KIND_NETPOL,	   WD_KIND_CILIUM_NP, WD_KIND_CILIUM_NP,
	WD_KIND_CILIUM_NP, WD_KIND_CILIUM_NP, WD_KIND_CILIUM_CNP,
	WD_KIND_ADMIN_NP,
};

/* Of the first tenth each selects pods that are here. */
static void put_mixed(struct bench_node *node, uint32_t nr, uint16_t port)
{
	uint32_t app = nr < POLICIES / 10 ? nr % LOCAL / BENCH_TIERS :
					    100 + nr % (BENCH_APPS - 100);

	bench_put_mixed(node, mix[nr % (sizeof(mix) / sizeof(*mix))], nr, app,
			port);
}

static void measure_mixed_change(struct bench_node *node, const char *name,
				 uint32_t nr)
{
	double ms[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		put_mixed(node, nr, (uint16_t)(2000 + i));
		bench_commit(node);
		ms[i] = (now_us() - begin) / 1e3;
	}
	tell(name, median(ms, ROUNDS), "ms");
}

/* One that selects all the pods here: each is compiled again. */
static void measure_everybody(struct bench_node *node)
{
	double ms[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		bench_put_everybody(node, (uint16_t)(2000 + i));
		bench_commit(node);
		ms[i] = (now_us() - begin) / 1e3;
	}
	tell("mixed_change_everybody_ms", median(ms, ROUNDS), "ms");
}

static uint32_t prefixes(const struct bench_node *node)
{
	struct wd_model_stats stats;

	wd_model_stats(node->model, &stats);
	return stats.prefixes[0] + stats.prefixes[1];
}

/* 1,000 rules that deny and 1,000 that allow a CIDR, and nothing else of that kind. */
static void measure_cidrs(struct bench_node *node)
{
	uint32_t before = prefixes(node);
	double begin = now_us();

	bench_put_cidrs(node, 1000);
	bench_commit(node);
	tell("cidr_rules_ms", (now_us() - begin) / 1e3, "ms");
	tell("cidr_rules_entries", prefixes(node) - before, "entries");
}

/* Each pod here has a service that its policy names: one of them changes. */
static void measure_service(struct bench_node *node)
{
	double ms[ROUNDS];

	for (uint32_t i = 0; i < LOCAL; i++) {
		bench_put_service(node, i, i / BENCH_TIERS, 80);
		bench_put_served(node, i, i / BENCH_TIERS);
	}
	bench_commit(node);
	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_us();

		bench_put_service(node, 0, 0, (uint16_t)(2000 + i));
		bench_commit(node);
		ms[i] = (now_us() - begin) / 1e3;
	}
	tell("mixed_change_service_ms", median(ms, ROUNDS), "ms");
}

static void measure_mixed(struct bench_node *node)
{
	double begin = now_us(), filled;

	bench_fill(node, PODS, 0, LOCAL);
	for (uint32_t i = 0; i < POLICIES; i++)
		put_mixed(node, i, (uint16_t)(1000 + i % 100));
	for (uint32_t i = 0; i < LOCAL; i++)
		bench_endpoint_of_pod(node, i, FIRST_IFINDEX + i);
	filled = now_us();
	bench_commit(node);
	tell("mixed_compile_ms", (now_us() - filled) / 1e3, "ms");
	tell("mixed_start_ms", (now_us() - begin) / 1e3, "ms");
	measure_mixed_change(node, "mixed_change_netpol_ms", 0);
	measure_mixed_change(node, "mixed_change_cilium_ms", 4);
	measure_mixed_change(node, "mixed_change_wide_ms", 8);
	measure_mixed_change(node, "mixed_change_admin_ms", 9);
	measure_everybody(node);
	measure_service(node);
	measure_cidrs(node);
}

int main(void)
{
	struct wd_model_stats stats;
	struct bench_node node;

	enter();
	bench_node_open(&node, BPFFS);
	measure_start(&node);
	measure_pod(&node);
	measure_policy(&node);
	measure_attach(&node);
	wd_model_stats(node.model, &stats);
	tell("model_rows", stats.rows, "rows");
	tell("model_predicates", stats.preds, "predicates");
	tell("model_slots", stats.slots, "slots");
	tell("model_classes", stats.classes, "classes");
	bench_node_close(&node, BPFFS);
	bench_node_open(&node, BPFFS);
	measure_mixed(&node);
	wd_model_stats(node.model, &stats);
	tell("mixed_rows", stats.rows, "rows");
	tell("mixed_slots", stats.slots, "slots");
	bench_node_close(&node, BPFFS);
	return 0;
}
