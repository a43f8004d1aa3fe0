// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nodes.c - random clusters with policies of nodes, changed step by step:
 * what the model says of the sockets of this node, its tables, and what becomes
 * of real packets must be what the oracle says of the objects as they are now.
 *
 *	test_nodes [--seed N] [--cases N] [--packets N] [--cluster N]
 *
 * Each cluster has a seed of its own made of the run's and its number, so that
 * --seed and --cluster repeat it alone.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump.h"
#include "gen.h"
#include "gen_object.h"
#include "image.h"
#include "kernel.h"
#include "model/xalloc.h"
#include "nodehook.h"
#include "oracle_int.h"
#include "self.h"
#include "sinkhole.h"
#include "tap.h"
#include "walk.h"

#define STEPS 24 /* commits of one cluster */
#define ASKED 40 /* questions after each */
#define SENT 40 /* packets after each */
#define LIVE 24 /* flows kept alive between commits */
#define WAYS 4 /* to each cluster, see walk.h */
/* away from every port of gen.c */
#define SPORT_FIRST 20000
#define SPORT_CNT 30000

/* A flow that the program has an entry for. */
struct live {
	bool is_used;
	bool is_answered;
	enum wd_dir dir;
	uint16_t sport;
	struct wd_flow flow;
};

struct cluster {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_sink sink;
	struct wd_sinkhole hole;
	struct wd_gen gen;
	struct wd_oracle oracle;
	struct wd_self self;
	struct wd_addr host[4];
	size_t host_cnt;
	struct wd_kernel *kernel; /* NULL: memory only */
	struct wd_nodehook *hook;
	struct live live[LIVE];
	uint32_t nr;
};

static uint64_t seed;
static uint64_t cases_wanted = 50000;
static uint64_t packets_wanted = 50000;
static uint32_t clusters_wanted = 40; /* walked to */
static long only_cluster = -1;
static uint64_t asked, judged, walked, sent, repeated;
static uint64_t reason_cnt[WD_R__MAX];
static uint32_t last_ep;
static uint32_t last_sport;
static uint32_t devices[2 * WD_GEN_EPS];

/* ---- a cluster ---- */

static void object_changed(void *ctx, const struct wd_object *was,
			   const struct wd_object *now)
{
	struct cluster *c = ctx;

	wd_model_changed(c->model, was, now);
}

static void ep_set(void *ctx, const struct wd_endpoint *ep)
{
	struct cluster *c = ctx;

	wd_model_endpoint_set(c->model, ep);
}

static void ep_del(void *ctx, uint32_t id)
{
	struct cluster *c = ctx;

	wd_model_endpoint_del(c->model, id);
}

static void host_addrs(void *ctx, const struct wd_addr *addr, size_t cnt)
{
	struct cluster *c = ctx;

	for (size_t i = 0; i < cnt; i++)
		c->host[i] = addr[i];
	c->host_cnt = cnt;
	wd_model_host_addrs(c->model, addr, cnt);
}

static void cluster_begin(struct cluster *c, struct wd_kernel *kernel,
			  struct wd_nodehook *hook, uint32_t nr)
{
	static const enum wd_mode modes[] = { WD_MODE_UNSET, WD_MODE_ENFORCE,
					      WD_MODE_ENFORCE, WD_MODE_AUDIT,
					      WD_MODE_OFF };
	struct wd_model_config config = { .node = "n0" };

	memset(c, 0, sizeof(*c));
	c->nr = nr;
	c->gen.rng = seed * 0x9e3779b97f4a7c15ULL + nr;
	config.mode = modes[wd_gen_rnd(&c->gen, 5)];
	c->oracle.mode = config.mode;
	c->oracle.judges_node = true;
	c->oracle.node = config.node;
	c->kernel = kernel;
	c->hook = hook;
	c->sink = kernel ? wd_kernel_sink(kernel) : wd_sinkhole_open(&c->hole);
	c->store = wd_store_new(object_changed, c);
	c->model = wd_model_new(c->store, &c->sink, &config);
	c->oracle.store = c->store;
	c->gen.store = c->store;
	c->gen.ep_id = last_ep;
	c->gen.ifindex = devices;
	c->gen.ifindex_cnt = 2 * WD_GEN_EPS;
	c->gen.ep_set = ep_set;
	c->gen.ep_del = ep_del;
	c->gen.host_addrs = host_addrs;
	c->gen.ctx = c;
	wd_gen_fill(&c->gen);
	(void)wd_store_put(c->store, wd_gen_node(&c->gen, 0));
	for (uint32_t i = 0; i < 3; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "h%u", i);
		(void)wd_store_put(c->store, wd_gen_node_policy(&c->gen, name));
	}
}

static void cluster_end(struct cluster *c)
{
	last_ep = c->gen.ep_id;
	wd_self_fini(&c->self, c->model);
	wd_model_free(c->model);
	wd_store_free(c->store);
	wd_gen_fini(&c->gen);
	if (!c->kernel)
		wd_sinkhole_close(&c->sink);
}

static bool commit(struct cluster *c)
{
	wd_self_sync(&c->self, c->store, c->oracle.node, c->model);
	if (wd_gen_one_in(&c->gen, 8)) {
		c->hole.fail_in = 1 + wd_gen_rnd(&c->gen, 8);
		(void)wd_model_commit(c->model, NULL);
		c->hole.fail_in = 0;
	}
	c->oracle.ep = (const struct wd_endpoint *const *)c->gen.ep;
	c->oracle.ep_cnt = c->gen.ep_cnt;
	c->oracle.host = c->host;
	c->oracle.host_cnt = c->host_cnt;
	return wd_expect_int(0, wd_model_commit(c->model, NULL));
}

/* ---- asking ---- */

static void report_seed(const struct cluster *c)
{
	printf("# again: --seed %llu --cluster %u%s\n",
	       (unsigned long long)seed, c->nr,
	       c->kernel ? " (packets)" : " (model)");
}

/* The seed twice: a long case is cut at either end by who shows it. */
static void report(const struct cluster *c, enum wd_dir dir,
		   const struct wd_flow *flow)
{
	const struct wd_endpoint none = { .ns = "", .name = "", .uid = "" };

	report_seed(c);
	wd_dump_case(&c->gen, &c->oracle, &none, dir, flow);
	report_seed(c);
}

/* From or to one of its addresses that no pod's interface has. */
static bool random_flow(struct cluster *c, enum wd_dir *ret_dir,
			struct wd_flow *ret_flow)
{
	struct wd_endpoint self = { .addr_cnt = 1 };
	const struct wd_endpoint *ep;

	if (!c->host_cnt)
		return false;
	self.addr[0] = c->host[wd_gen_rnd(&c->gen, (uint32_t)c->host_cnt)];
	if (wd_oracle_local(&c->oracle, &self.addr[0], &ep))
		return false;
	*ret_dir = wd_gen_one_in(&c->gen, 2) ? WD_EGRESS : WD_INGRESS;
	if (!wd_gen_flow(&c->gen, &self, *ret_dir, ret_flow))
		return false;
	ret_flow->from_host = *ret_dir == WD_EGRESS;
	return true;
}

/* Is what is said of the flow what must be said? */
static bool is_true(const struct wd_answer *want, bool is_judged,
		    const struct wd_decision *d)
{
	if (!is_judged)
		return wd_expect(!d->enforced);
	reason_cnt[want->reason]++;
	return wd_expect(d->enforced) &&
	       wd_expect_str(wd_dump_reason(want->reason),
			     wd_dump_reason(d->reason)) &&
	       wd_expect_int(want->verdict, d->verdict) &&
	       wd_expect_str(wd_dump_reason(want->reason),
			     wd_dump_reason(d->table_reason)) &&
	       wd_expect_int(want->verdict, d->table_verdict);
}

static bool ask(struct cluster *c, struct wd_model *model, uint64_t *counter)
{
	for (int i = 0; i < ASKED; i++) {
		struct wd_decision d[WD_DIR__MAX];
		struct wd_service_info service;
		struct wd_answer want;
		struct wd_flow flow;
		enum wd_dir dir;
		bool is_judged;

		if (!random_flow(c, &dir, &flow))
			continue;
		is_judged = wd_oracle_node(&c->oracle, dir, &flow, &want);
		wd_model_why(model, &flow, false, d, &service);
		if (service.backends)
			continue; /* a pod of this node, to a port of a service */
		++*counter;
		judged += is_judged;
		if (is_true(&want, is_judged, &d[dir]))
			continue;
		report(c, dir, &flow);
		return false;
	}
	return true;
}

/* ---- packets ---- */

static bool has_ports(const struct wd_flow *flow)
{
	return flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP ||
	       flow->proto == IPPROTO_SCTP;
}

static bool is_icmp(const struct wd_flow *flow)
{
	return flow->proto ==
	       (flow->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool is_echo(const struct wd_flow *flow)
{
	return is_icmp(flow) &&
	       flow->port >> 8 == (flow->src.family == 4 ? 8 : 128);
}

/* By the device of the pod that has the address, or by the wire. */
static uint32_t iif_of(const struct cluster *c, const struct wd_addr *peer)
{
	const struct wd_endpoint *from;

	return wd_oracle_local(&c->oracle, peer, &from) ? from->ifindex : 0;
}

static bool run(struct cluster *c, const struct wd_probe *probe,
		const struct wd_answer *want)
{
	struct wd_outcome got =
		wd_nodehook_run(c->hook, probe, (int)want->reason);
	bool ok = wd_expect_str(wd_dump_reason(want->reason),
				wd_dump_reason(got.reason)) &&
		  wd_expect_int(want->verdict, got.verdict);

	sent++;
	reason_cnt[want->reason]++;
	if (ok)
		return true;
	printf("# %s packet, source port %u, came in by device %u\n",
	       probe->is_reply ? "reply" :
	       probe->is_later ? "later" :
				 "first",
	       probe->sport, probe->iif);
	report(c, probe->dir, probe->flow);
	return false;
}

/* What has neither ports nor an id has one flow per peer: it must not be there yet. */
static bool make_room(struct cluster *c, const struct wd_probe *probe)
{
	const struct wd_flow *flow = probe->flow;

	if (has_ports(flow) || is_echo(flow))
		return true;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].is_used &&
		    c->live[i].flow.proto == flow->proto &&
		    c->live[i].flow.port == flow->port)
			return false;
	wd_kernel_forget(c->kernel, probe);
	return true;
}

static void keep(struct cluster *c, const struct wd_probe *probe)
{
	struct live *live = &c->live[wd_gen_rnd(&c->gen, LIVE)];

	*live = (struct live){ .is_used = true,
			       .dir = probe->dir,
			       .sport = probe->sport,
			       .flow = *probe->flow };
}

static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };

/* Of the link, errors, and answers to nothing: whatever policy says. */
static bool is_no_question(const struct wd_flow *flow, enum wd_mode mode,
			   struct wd_answer *ret)
{
	bool is4 = flow->src.family == 4;
	uint8_t type = (uint8_t)(flow->port >> 8);
	bool is_error = is4 ? memchr(errors4, type, sizeof(errors4)) != NULL :
			      type < 128;

	*ret = (struct wd_answer){ WD_ALLOW, WD_R_NEIGHBOUR, { false }, false };
	if (is4 && flow->proto == IPPROTO_IGMP)
		return true;
	if (!is_icmp(flow))
		return false;
	if (!is4 && ((type >= 130 && type <= 137) || type == 143 ||
		     (type >= 151 && type <= 153)))
		return true;
	ret->reason = WD_R_RELATED;
	if (is_error)
		return true;
	ret->reason = WD_R_CT_INVALID;
	ret->verdict = mode == WD_MODE_AUDIT ? WD_AUDIT : WD_DROP;
	if (mode == WD_MODE_OFF) {
		ret->reason = WD_R_MODE_OFF;
		ret->verdict = WD_ALLOW;
	}
	return type == (is4 ? 0 : 129);
}

/* What the packet of a new flow must meet. Return: false, if that is not asked here */
static bool wanted(const struct cluster *c, enum wd_dir dir,
		   const struct wd_flow *flow, struct wd_answer *ret)
{
	static const struct wd_answer pods = {
		WD_ALLOW, WD_R_HOST, { false }, false
	};

	if (wd_oracle_node(&c->oracle, dir, flow, ret))
		return true;
	*ret = pods; /* to its own: theirs to judge; all else goes by lo */
	return c->self.cnt && dir == WD_EGRESS &&
	       is_local(&c->oracle, &flow->dst);
}

static bool send_new(struct cluster *c)
{
	struct wd_answer want, other;
	struct wd_probe probe = { .iif = 0 };
	struct wd_flow flow;
	enum wd_dir dir;

	if (!random_flow(c, &dir, &flow) || !wanted(c, dir, &flow, &want))
		return true;
	probe.dir = dir;
	probe.flow = &flow;
	probe.sport = (uint16_t)(SPORT_FIRST + last_sport++ % SPORT_CNT);
	probe.iif = iif_of(c, dir == WD_EGRESS ? &flow.dst : &flow.src);
	if (!make_room(c, &probe))
		return true;
	if (is_no_question(&flow, c->oracle.mode, &other))
		return run(c, &probe, &other);
	if (!run(c, &probe, &want))
		return false;
	if (want.verdict != WD_DROP)
		keep(c, &probe);
	return true;
}

/* The next packet of a flow in the table, or an answer to it. */
static bool send_again(struct cluster *c, struct live *live)
{
	struct wd_probe probe = { .dir = live->dir,
				  .flow = &live->flow,
				  .sport = live->sport };
	const struct wd_addr *peer = live->dir == WD_EGRESS ? &live->flow.dst :
							      &live->flow.src;
	struct wd_answer want;

	if (!wanted(c, live->dir, &live->flow, &want)) {
		live->is_used = false;
		return true;
	}
	probe.iif = iif_of(c, peer);
	probe.is_reply = !wd_oracle_is_group(&live->flow.dst) &&
			 (!is_icmp(&live->flow) || is_echo(&live->flow)) &&
			 wd_gen_one_in(&c->gen, 2);
	probe.is_later = live->is_answered || wd_gen_one_in(&c->gen, 2);
	probe.is_synack = probe.is_reply && !live->is_answered;
	if (!probe.is_later && !probe.is_reply &&
	    live->flow.proto == IPPROTO_TCP)
		return true; /* a SYN opens anew: send_new() does that */
	if (want.verdict == WD_ALLOW && want.reason != WD_R_MODE_OFF)
		want.reason = WD_R_ESTABLISHED;
	repeated++;
	if (!run(c, &probe, &want))
		return false;
	if (want.verdict == WD_DROP)
		live->is_used = false;
	else if (probe.is_reply)
		live->is_answered = true;
	return true;
}

static bool send_all(struct cluster *c)
{
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].is_used && !send_again(c, &c->live[i]))
			return false;
	for (int i = 0; i < SENT; i++)
		if (!send_new(c))
			return false;
	return true;
}

/* ---- tests ---- */

static bool run_cluster(struct wd_kernel *kernel, struct wd_nodehook *hook,
			uint32_t nr)
{
	static struct cluster c;
	bool ok;

	cluster_begin(&c, kernel, hook, nr);
	ok = commit(&c);
	for (int i = 0; ok && i < STEPS; i++) {
		for (uint32_t k = wd_gen_rnd(&c.gen, 4) + 1; k > 0; k--)
			wd_gen_mutate(&c.gen);
		ok = commit(&c) &&
		     (hook ? send_all(&c) : ask(&c, c.model, &asked));
	}
	ok = ok && wd_expect_int(0, wd_model_verify_arrays(c.model));
	cluster_end(&c);
	return ok;
}

static void run_clusters(struct wd_kernel *kernel, struct wd_nodehook *hook,
			 const uint64_t *cnt, uint64_t wanted)
{
	uint32_t nr = 0;

	memset(reason_cnt, 0, sizeof(reason_cnt));
	if (only_cluster >= 0)
		(void)run_cluster(kernel, hook, (uint32_t)only_cluster);
	else
		while (*cnt < wanted && run_cluster(kernel, hook, nr))
			nr++;
}

static void print_reasons(void)
{
	for (int i = 0; i < WD_R__MAX; i++)
		if (reason_cnt[i])
			printf("#   %s %llu\n", wd_dump_reason(i),
			       (unsigned long long)reason_cnt[i]);
}

static void model_and_tables_say_of_the_node_what_the_objects_say(void)
{
	run_clusters(NULL, NULL, &asked, cases_wanted);
	printf("# %llu questions, %llu of them judged\n",
	       (unsigned long long)asked, (unsigned long long)judged);
	print_reasons();
	wd_expect(judged > asked / 10 || only_cluster >= 0);
}

static void the_program_does_with_packets_what_the_objects_say(void)
{
	struct wd_kernel *kernel = wd_kernel_open();
	struct wd_nodehook *hook = NULL;

	if (wd_expect(kernel))
		hook = wd_nodehook_open(kernel);
	if (kernel && wd_expect(hook)) {
		run_clusters(kernel, hook, &sent, packets_wanted);
		wd_nodehook_close(hook);
	}
	if (kernel)
		wd_kernel_close(kernel);
	printf("# %llu packets, %llu of them of live flows\n",
	       (unsigned long long)sent, (unsigned long long)repeated);
	print_reasons();
}

/* Adds, updates and removals in any order, the last of each object being the same. */
static bool walk_to(struct cluster *c)
{
	static struct wd_walk walk;
	bool ok = true;

	for (int i = 0; ok && i < WAYS; i++) {
		ok = wd_expect_int(0, wd_walk(&walk, &c->gen, &c->oracle)) &&
		     ask(c, walk.model, &walked) &&
		     wd_expect_int(0, wd_model_verify_arrays(walk.model));
		wd_walk_fini(&walk);
	}
	return ok;
}

static void any_order_of_changes_ends_in_the_same_verdicts_of_the_node(void)
{
	static struct cluster c;
	bool ok = true;

	for (uint32_t nr = 0; ok && nr < clusters_wanted; nr++) {
		if (only_cluster >= 0 && nr != only_cluster)
			continue;
		cluster_begin(&c, NULL, NULL, nr);
		for (int i = 0; i < STEPS; i++)
			wd_gen_mutate(&c.gen);
		ok = commit(&c) && walk_to(&c);
		cluster_end(&c);
	}
	printf("# %llu questions\n", (unsigned long long)walked);
}

static void parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cases", required_argument, NULL, 'c' },
		{ "packets", required_argument, NULL, 'p' },
		{ "cluster", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long long val = optarg ? strtoull(optarg, NULL, 0) : 0;

		if (opt == 's')
			seed = val;
		else if (opt == 'c')
			cases_wanted = val;
		else if (opt == 'p')
			packets_wanted = val;
		else if (opt == 'n')
			only_cluster = (long)val;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct timespec now;
	int err;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (getenv("WD_LONG")) {
		cases_wanted = packets_wanted = 1000000;
		clusters_wanted = 2000;
	} else if (wd_image_is_lower()) {
		/* model and program are the same */
		packets_wanted = 1000;
		cases_wanted =
			20000; /* one cluster may have few policies of nodes */
		clusters_wanted = 1;
	}
	parse_args(argc, argv);
	printf("# seed %llu\n", (unsigned long long)seed);
	err = wd_nodehook_devices(devices, 2 * WD_GEN_EPS);
	if (err) {
		printf("Bail out! no devices: %d\n", err);
		return 1;
	}
	WD_TEST(model_and_tables_say_of_the_node_what_the_objects_say);
	WD_TEST(any_order_of_changes_ends_in_the_same_verdicts_of_the_node);
	WD_TEST(the_program_does_with_packets_what_the_objects_say);
	return wd_tests_end();
}
