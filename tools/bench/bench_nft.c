// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_nft.c - what it costs to put the ruleset of a node with few or many
 * pods into the kernel, all of it at once, and one pod more. Of a cluster with
 * twenty times the pods and ten times the policies; each pod here is selected
 * by some, has an address of each family and a link-local one. JSON lines.
 *
 *	bench_nft [PODS]... (1 50 250)
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
#include "datapath/internal.h"
#include "nft/nft.h"

#define BPFFS "/mnt/bpf"
#define ROUNDS 5
#define PODS_MAX 1000

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void tell(const char *name, uint32_t pods, double *ms)
{
	qsort(ms, ROUNDS, sizeof(*ms), by_value);
	printf("{\"name\": \"%s_%u_ms\", \"value\": %.3f, \"unit\": \"ms\"}\n",
	       name, pods, ms[ROUNDS / 2]);
	(void)fflush(stdout);
}

static void enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("wdb", "/mnt", "tmpfs", 0, "mode=0755"))
		bench_die("new namespaces", errno);
}

/* b0 and on: the host's ends, as far as nftables looks at them. */
static void make_devices(uint32_t made, uint32_t cnt)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip)
		bench_die("run ip", errno);
	for (uint32_t i = made; i < cnt; i++)
		(void)fprintf(ip, "link add b%u type veth peer name p%u\n", i,
			      i);
	if (pclose(ip))
		bench_die("make devices", EINVAL);
}

static uint32_t device(uint32_t nr)
{
	char name[IFNAMSIZ];

	(void)snprintf(name, sizeof(name), "b%u", nr);
	return if_nametoindex(name);
}

static void add_pod(struct bench_node *node, uint32_t nr)
{
	struct wd_endpoint *ep = &node->ep[node->ep_cnt];

	bench_endpoint_of_pod(node, nr, device(nr));
	memcpy(ep->pod_mac, (uint8_t[]){ 2, 0, 0, 0, nr >> 8, nr & 0xff }, 6);
	ep->ll6 = (struct in6_addr){
		{ { 0xfe, 0x80, [14] = nr >> 8, [15] = nr & 0xff } }
	};
	ep->addr[1] = (struct wd_addr){ .family = 6 };
	ep->addr[1].v6 = (struct in6_addr){
		{ { 0xfd, [14] = nr >> 8, [15] = nr & 0xff } }
	};
	ep->addr_cnt = 2;
	wd_model_endpoint_set(node->model, ep);
}

static void sync_now(struct wd_nft *nft)
{
	char *why = NULL;
	int err = wd_nft_sync(nft, &why);

	if (err)
		bench_die(why ? why : "sync", err);
}

/* All but the last device, then that one. */
static void measure_load(const struct wd_tables *tables, uint32_t pods,
			 double *ret_ms, double *ret_pod_ms)
{
	struct wd_nft *nft = NULL;
	char *why = NULL;
	double begin;
	int err;

	err = wd_nft_remove(NULL);
	if (!err)
		err = wd_nft_open(tables, &nft, &why);
	if (err)
		bench_die(why ? why : "open the ruleset", err);
	for (uint32_t i = 0; i < pods; i++)
		if (wd_nft_expect(nft, device(i)))
			bench_die("expect a device", ENODEV);
	begin = now_ms();
	sync_now(nft);
	*ret_ms = now_ms() - begin;
	begin = now_ms();
	err = wd_nft_attach(nft, device(pods), &why);
	if (err)
		bench_die(why ? why : "attach", err);
	sync_now(nft);
	*ret_pod_ms = now_ms() - begin;
	wd_nft_close(nft);
}

static void measure(uint32_t pods)
{
	double ms[ROUNDS], pod_ms[ROUNDS];
	struct wd_tables tables;
	struct bench_node node;

	bench_node_open(&node, BPFFS);
	bench_fill(&node, 20 * (pods + 1), 10 * (pods + 1), pods + 1);
	for (uint32_t i = 0; i <= pods; i++)
		add_pod(&node, i);
	bench_commit(&node);
	tables = wd_tables(node.dp);
	for (int i = 0; i < ROUNDS; i++)
		measure_load(&tables, pods, &ms[i], &pod_ms[i]);
	tell("nft_load", pods, ms);
	tell("nft_pod", pods, pod_ms);
	if (wd_nft_remove(NULL))
		bench_die("remove the ruleset", EINVAL);
	bench_node_close(&node, BPFFS);
}

int main(int argc, char **argv)
{
	static const char *const usual[] = { "1", "50", "250" };
	const char *const *list = argc > 1 ? (const char *const *)argv + 1 :
					     usual;
	int cnt = argc > 1 ? argc - 1 : 3;
	uint32_t made = 0;

	enter();
	for (int i = 0; i < cnt; i++) {
		unsigned long pods = strtoul(list[i], NULL, 10);

		if (!pods || pods > PODS_MAX)
			bench_die("pods must be 1 to 1000", EINVAL);
		make_devices(made, (uint32_t)pods + 1);
		if (made < pods + 1)
			made = (uint32_t)pods + 1;
		measure((uint32_t)pods);
	}
	return 0;
}
