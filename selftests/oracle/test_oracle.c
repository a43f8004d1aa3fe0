// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_oracle.c - random clusters, changed step by step; after each commit the
 * model's answer, the compiled tables' and the real programs' must be what the
 * oracle says of the objects as they are now.
 *
 *	test_oracle [--seed N] [--cases N] [--model-cases N] [--cluster N]
 *
 * A case is one packet or one question. Each cluster has a seed of its own made
 * of the run's and its number, so that --seed and --cluster repeat it alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump.h"
#include "gen.h"
#include "image.h"
#include "kernel.h"
#include "sinkhole.h"
#include "model/xalloc.h"
#include "oracle.h"
#include "tap.h"
#include "traffic.h"
#include "tunnel.h"
#include "walk.h"

#define STEPS 24 /* commits of one cluster */
#define ASKED 30 /* questions after each, of the model */
#define TRACED 4 /* the same, where programs are */
#define SENT 24 /* packets after each, through the programs */
#define LIVE 24 /* flows kept alive between commits */
#define WAYS 4 /* to each cluster, see walk.h */
#define UPLINK 0xfffe /* a device that is no endpoint's */
/* away from every port of gen.c and of encap.h */
#define SPORT_FIRST 20000
#define SPORT_CNT 30000

/* A flow that the programs have an entry for. */
struct live {
	uint32_t ep; /* instance number, 0 unused */
	enum wd_dir dir;
	struct wd_flow flow;
	uint16_t sport;
	bool is_answered; /* the other side has sent something */
};

struct cluster {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_sink sink;
	struct wd_gen gen;
	struct wd_oracle oracle;
	struct wd_addr host[4];
	size_t host_cnt;
	struct wd_kernel *kernel; /* NULL: memory only */
	struct live live[LIVE];
	struct wd_sinkhole hole;
	uint32_t nr;
};

static uint64_t seed;
static uint64_t cases_wanted = 50000;
static uint64_t model_cases_wanted = 200000;
static long only_cluster = -1;
static uint32_t clusters_wanted = 40; /* walked to */
static uint64_t asked, sent, repeated, recomputed, walked, failures, services,
	traces;
static uint64_t reason_cnt[WD_R__MAX];
static uint32_t last_ep;
static uint32_t last_sport;
static uint32_t devices[2 * WD_GEN_EPS];
static bool tight; /* clusters have quotas */
static const uint32_t few[WD_QUOTA__MAX] = { 12, 6, 3, 5, 4 };

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

	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep == id)
			c->live[i].ep = 0;
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

static void move_tunnel(struct cluster *c)
{
	struct wd_encap encap = wd_tunnel_move(&c->gen, &c->oracle, c->model);

	if (c->kernel)
		wd_kernel_tunnels(c->kernel, &encap);
}

static void cluster_begin(struct cluster *c, struct wd_kernel *kernel,
			  uint32_t nr)
{
	static const enum wd_mode modes[] = { WD_MODE_UNSET, WD_MODE_ENFORCE,
					      WD_MODE_ENFORCE, WD_MODE_AUDIT };
	struct wd_model_config config = { .node = "n0" };

	if (tight) {
		memcpy(config.quota, few, sizeof(few));
		config.closed_most = 1 + nr % 3;
	}
	memset(c, 0, sizeof(*c));
	c->nr = nr;
	c->kernel = kernel;
	c->gen.rng = seed * 0x9e3779b97f4a7c15ULL + nr;
	config.mode = modes[wd_gen_rnd(&c->gen, 4)];
	c->oracle.mode = config.mode;
	c->oracle.host_policy = wd_gen_one_in(&c->gen, 3);
	c->sink = kernel ? wd_kernel_sink(kernel) : wd_sinkhole_open(&c->hole);
	if (kernel)
		wd_kernel_host_policy(kernel, c->oracle.host_policy);
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
	move_tunnel(c);
}

static void cluster_end(struct cluster *c)
{
	last_ep = c->gen.ep_id;
	wd_model_free(c->model);
	wd_store_free(c->store);
	wd_gen_fini(&c->gen);
	if (!c->kernel)
		wd_sinkhole_close(&c->sink);
}

static void sync_oracle(struct cluster *c)
{
	c->oracle.ep = (const struct wd_endpoint *const *)c->gen.ep;
	c->oracle.ep_cnt = c->gen.ep_cnt;
	c->oracle.host = c->host;
	c->oracle.host_cnt = c->host_cnt;
	c->oracle.node = "n0";
}

static void inject_failure(struct cluster *c)
{
	uint32_t at = 1 + wd_gen_rnd(&c->gen, 8);

	if (c->kernel)
		wd_kernel_fail_after(c->kernel, at);
	else
		c->hole.fail_in = at;
}

static void stop_failures(struct cluster *c)
{
	if (c->kernel)
		wd_kernel_fail_after(c->kernel, 0);
	c->hole.fail_in = 0;
}

/* Now and then a write fails: the next commit has to make good for it. */
static bool commit(struct cluster *c)
{
	bool ends = wd_gen_one_in(&c->gen, 4);
	char *error = NULL;
	int err;

	if (wd_gen_one_in(&c->gen, 6))
		move_tunnel(c);
	if (wd_gen_one_in(&c->gen, 8)) {
		inject_failure(c);
		if (wd_model_commit(c->model, &error))
			failures++;
		free(error);
		error = NULL;
		stop_failures(c);
		if (wd_gen_one_in(&c->gen, 2))
			wd_gen_mutate(&c->gen);
	}
	err = wd_model_commit(c->model, &error);
	if (!wd_expect_int(0, err))
		printf("# commit: %s\n", error ? error : "no message");
	free(error);
	if (wd_gen_one_in(&c->gen, 3))
		wd_expect_int(0, wd_model_settle(c->model));
	/* what only the old generation needed goes with the next; that ends */
	for (int i = 0; ends && i < 4 && wd_model_dirty(c->model); i++)
		wd_expect_int(0, wd_model_commit(c->model, NULL));
	if (ends)
		wd_expect(!wd_model_dirty(c->model));
	sync_oracle(c);
	return !err;
}

/* ---- asking the model ---- */

static void report_seed(const struct cluster *c)
{
	printf("# again: --seed %llu --cluster %u%s\n",
	       (unsigned long long)seed, c->nr,
	       c->kernel ? " (programs)" : " (model)");
}

/* The seed twice: a long case is cut at either end by who shows it. */
static void report(const struct cluster *c, const struct wd_endpoint *ep,
		   enum wd_dir dir, const struct wd_flow *flow)
{
	report_seed(c);
	wd_dump_case(&c->gen, &c->oracle, ep, dir, flow);
	report_seed(c);
}

/* Is what the decision rests on really there? */
static bool basis_is_true(const struct cluster *c, const struct wd_endpoint *ep,
			  enum wd_dir dir, const struct wd_flow *flow,
			  const struct wd_decision *d)
{
	struct wd_oracle at = c->oracle;

	at.tries = d->on_trial;
	if (d->reason == WD_R_POLICY_ALLOW || d->reason == WD_R_POLICY)
		return wd_expect(d->policy && d->rule >= 0) &&
		       wd_expect(wd_oracle_rule(&at, ep, dir, flow, d->policy,
						(uint32_t)d->rule));
	if (d->reason == WD_R_DEFAULT || d->reason == WD_R_PROTO_UNSUP)
		return wd_expect(d->policy) &&
		       wd_expect(wd_oracle_isolates(&at, ep, dir, d->policy));
	return true;
}

/* Where several answers may be: the one that was given, if it is among them. */
static struct wd_answer one_of(const struct wd_answer *want, int given,
			       enum wd_verdict verdict)
{
	struct wd_answer one = *want;

	if (want->or_audit && given == (int)want->reason && verdict == WD_AUDIT)
		one.verdict = verdict;

	if (given < 0 || !want->may[given])
		return one;
	one.reason = (enum wd_reason)given;
	if (given < WD_R_FIRST_DROP)
		one.verdict = WD_ALLOW;
	return one;
}

/* @there: the same flow as the node translates it, if it goes to a service */
static bool check_end(const struct cluster *c, enum wd_dir dir,
		      const struct wd_flow *flow, const struct wd_flow *there,
		      const struct wd_decision *d)
{
	const struct wd_endpoint *ep = NULL;
	uint32_t cnt = wd_oracle_local(
		&c->oracle, dir == WD_EGRESS ? &flow->src : &flow->dst, &ep);
	const struct wd_object *pod;
	struct wd_answer want;
	bool ok;

	if (dir == WD_EGRESS && flow->from_host)
		return wd_expect(!d->enforced);
	if (cnt != 1)
		return cnt || wd_expect(!d->enforced);
	/* asked by address: a finished pod has none any more */
	pod = wd_oracle_pod(&c->oracle, ep);
	if (pod && pod->pod.finished)
		return true;
	want = wd_oracle_judge(&c->oracle, ep, dir, flow);
	want = one_of(&want, (int)d->reason, d->verdict);
	ok = wd_expect(d->enforced) &&
	     wd_expect_str(wd_dump_reason(want.reason),
			   wd_dump_reason(d->reason)) &&
	     wd_expect_int(want.verdict, d->verdict) &&
	     wd_expect_str(wd_dump_reason(want.reason),
			   wd_dump_reason(d->table_reason)) &&
	     wd_expect_int(want.verdict, d->table_verdict) &&
	     basis_is_true(c, ep, dir, there, d);
	if (!ok)
		report(c, ep, dir, flow);
	return ok;
}

static bool random_flow(struct cluster *c, const struct wd_endpoint **ret_ep,
			enum wd_dir *ret_dir, struct wd_flow *ret_flow)
{
	if (!c->gen.ep_cnt)
		return false;
	*ret_ep = c->gen.ep[wd_gen_rnd(&c->gen, c->gen.ep_cnt)];
	*ret_dir = wd_gen_one_in(&c->gen, 2) ? WD_EGRESS : WD_INGRESS;
	return wd_gen_flow(&c->gen, *ret_ep, *ret_dir, ret_flow);
}

/* A flow, what the model says of it, and the same as the node translates it. */
static bool say(struct cluster *c, struct wd_model *model, struct wd_flow *flow,
		struct wd_flow *there, struct wd_decision d[WD_DIR__MAX],
		bool *ret_to_service)
{
	struct wd_service_info service;
	const struct wd_endpoint *ep;
	enum wd_dir dir;

	if (!random_flow(c, &ep, &dir, flow))
		return false;
	memset(d, 0, WD_DIR__MAX * sizeof(*d));
	wd_model_why(model, flow, c->oracle.host_policy, d, &service);
	*there = *flow;
	*ret_to_service = service.ns != NULL;
	if (service.backends) {
		there->dst = service.addr;
		there->port = service.port;
		services++;
	}
	return true;
}

static bool ask(struct cluster *c, struct wd_model *model, uint64_t *counter)
{
	struct wd_decision d[WD_DIR__MAX];
	struct wd_flow flow, there;
	bool to_service;

	for (int i = 0; i < ASKED; i++) {
		if (!say(c, model, &flow, &there, d, &to_service))
			continue;
		(*counter)++;
		if (!check_end(c, WD_EGRESS, &flow, &there, &d[WD_EGRESS]) ||
		    !check_end(c, WD_INGRESS, &there, &there, &d[WD_INGRESS]))
			return false;
	}
	return true;
}

static bool check_maps(const struct cluster *c, enum wd_dir dir,
		       const struct wd_flow *flow, const struct wd_decision *d)
{
	const struct wd_addr *addr = dir == WD_EGRESS ? &flow->src : &flow->dst;
	const struct wd_endpoint *ep = NULL;

	if (!d->enforced || wd_oracle_local(&c->oracle, addr, &ep) != 1 ||
	    wd_kernel_agrees(c->kernel, ep, flow, d, &traces))
		return true;
	report(c, ep, dir, flow);
	return false;
}

/* Whoever reads the maps one by one hears what the model wrote. */
static bool ask_maps(struct cluster *c)
{
	struct wd_decision d[WD_DIR__MAX];
	struct wd_flow flow, there;
	bool to_service, ok = true;

	for (int i = 0; i < TRACED && ok; i++) {
		if (!say(c, c->model, &flow, &there, d, &to_service))
			continue;
		ok = to_service ||
		     check_maps(c, WD_EGRESS, &flow, &d[WD_EGRESS]);
		ok = ok && check_maps(c, WD_INGRESS, &there, &d[WD_INGRESS]);
	}
	return ok;
}

/* A model that sees only the end must say what the changed one says. */
static bool recompute(struct cluster *c)
{
	struct wd_sinkhole hole = { 0 };
	struct wd_sink sink = wd_sinkhole_open(&hole);
	struct wd_model_config config = { .node = "n0",
					  .mode = c->oracle.mode };
	struct wd_model *fresh = wd_model_new(c->store, &sink, &config);
	bool eps_first = wd_gen_one_in(&c->gen, 2);
	bool ok;

	wd_tunnel_tell(&c->oracle, fresh);
	for (uint32_t i = 0; eps_first && i < c->gen.ep_cnt; i++)
		wd_model_endpoint_set(fresh, c->gen.ep[i]);
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *obj = NULL;

		while ((obj = wd_store_next(c->store, (enum wd_kind)kind, obj)))
			wd_model_changed(fresh, NULL, obj);
	}
	for (uint32_t i = 0; !eps_first && i < c->gen.ep_cnt; i++)
		wd_model_endpoint_set(fresh, c->gen.ep[i]);
	wd_model_host_addrs(fresh, c->host, c->host_cnt);
	ok = wd_expect_int(0, wd_model_commit(fresh, NULL)) &&
	     ask(c, fresh, &recomputed);
	wd_model_free(fresh);
	wd_sinkhole_close(&sink);
	return ok;
}

/* ---- packets ---- */

static uint32_t iif_of(const struct cluster *c, const struct wd_flow *flow,
		       const struct wd_addr *peer)
{
	const struct wd_endpoint *from;

	if (flow->from_host)
		return 0;
	return wd_oracle_local(&c->oracle, peer, &from) ? from->ifindex :
							  UPLINK;
}

static struct wd_probe probe_of(const struct cluster *c,
				const struct wd_endpoint *ep, enum wd_dir dir,
				const struct wd_flow *flow, uint16_t sport)
{
	return (struct wd_probe){
		.ep = ep,
		.dir = dir,
		.flow = flow,
		.sport = sport,
		.iif = iif_of(c, flow,
			      dir == WD_EGRESS ? &flow->dst : &flow->src),
	};
}

static bool run(struct cluster *c, const struct wd_probe *probe,
		const struct wd_answer *want)
{
	struct wd_outcome got =
		wd_kernel_run(c->kernel, probe, (int)want->reason);
	const struct wd_answer one = one_of(want, got.reason, got.verdict);
	enum wd_verdict verdict = one.verdict;
	enum wd_reason reason = one.reason;
	bool ok = wd_expect_str(wd_dump_reason(reason),
				wd_dump_reason(got.reason)) &&
		  wd_expect_int(verdict, got.verdict);

	reason_cnt[reason]++;
	if (ok)
		return true;
	printf("# %s packet, source port %u, came in by device %u\n",
	       probe->is_reply ? "reply" :
	       probe->is_later ? "later" :
				 "first",
	       probe->sport, probe->iif);
	report(c, probe->ep, probe->dir, probe->flow);
	return false;
}

/* What has neither ports nor an id has one flow per peer: it must not be there yet. */
static bool make_room(struct cluster *c, const struct wd_probe *probe)
{
	if (wd_traffic_has_ports(probe->flow) ||
	    wd_traffic_is_echo(probe->flow))
		return true;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep == probe->ep->id &&
		    c->live[i].flow.proto == probe->flow->proto &&
		    c->live[i].flow.port == probe->flow->port)
			return false;
	wd_kernel_forget(c->kernel, probe);
	return true;
}

static void keep(struct cluster *c, const struct wd_probe *probe)
{
	struct live *live = &c->live[wd_gen_rnd(&c->gen, LIVE)];

	live->ep = probe->ep->id;
	live->dir = probe->dir;
	live->flow = *probe->flow;
	live->sport = probe->sport;
	live->is_answered = false;
}

/* A spoofed source: an endpoint's address by a device that is not its own. */
static bool send_spoofed(struct cluster *c, const struct wd_probe *probe)
{
	const struct wd_addr *src = &probe->flow->src;
	const struct wd_object *owner = wd_oracle_owner(&c->oracle, src);
	const struct wd_answer want = {
		WD_DROP, WD_R_SPOOF_IP, { false }, false
	};
	struct wd_probe spoof = *probe;
	const struct wd_endpoint *ep;

	if (probe->dir != WD_INGRESS || probe->flow->from_host ||
	    !wd_oracle_local(&c->oracle, src, &ep))
		return true;
	/* what a finished pod had is free for others */
	if (owner && owner != wd_oracle_pod(&c->oracle, ep))
		return true;
	if (!owner && wd_oracle_pod(&c->oracle, ep))
		return true;
	spoof.iif = UPLINK;
	sent++;
	return run(c, &spoof, &want);
}

static bool send_stray(struct cluster *c, const struct wd_probe *probe,
		       enum wd_reason reason)
{
	struct wd_answer want = { WD_DROP, reason, { false }, false };

	switch (wd_oracle_enforced(&c->oracle, probe->ep)) {
	case WD_MODE_OFF:
		want.verdict = WD_ALLOW;
		want.reason = WD_R_MODE_OFF;
		break;
	case WD_MODE_AUDIT:
		want.verdict = WD_AUDIT;
		break;
	default:
		break;
	}
	return run(c, probe, &want);
}

static bool send_new(struct cluster *c)
{
	const struct wd_endpoint *ep;
	struct wd_probe probe;
	struct wd_answer want;
	struct wd_flow flow;
	enum wd_dir dir;

	if (!random_flow(c, &ep, &dir, &flow))
		return true;
	probe = probe_of(c, ep, dir, &flow,
			 (uint16_t)(SPORT_FIRST + last_sport++ % SPORT_CNT));
	if (!make_room(c, &probe))
		return true;
	want = wd_oracle_judge(&c->oracle, ep, dir, &flow);
	sent++;
	if (wd_oracle_strays(&flow, &want.reason))
		return send_stray(c, &probe, want.reason);
	if (wd_gen_one_in(&c->gen, 8) && !send_spoofed(c, &probe))
		return false;
	if (!run(c, &probe, &want))
		return false;
	if (want.verdict != WD_DROP)
		keep(c, &probe);
	return true;
}

/* What the next packet of a flow in the tables must meet. */
static struct wd_answer live_answer(const struct cluster *c,
				    const struct wd_endpoint *ep,
				    const struct live *live)
{
	struct wd_answer want =
		wd_oracle_judge(&c->oracle, ep, live->dir, &live->flow);

	/* passing by mode is judged, and told, each time anew */
	if (want.verdict == WD_ALLOW && want.reason != WD_R_MODE_OFF) {
		want.reason = WD_R_ESTABLISHED;
		memset(want.may, 0, sizeof(want.may));
	}
	/* where it may be allowed or not, that it was is all that is told */
	for (int i = 0; i < WD_R_FIRST_DROP; i++)
		if (want.may[i] && i != WD_R_MODE_OFF)
			want.may[WD_R_ESTABLISHED] = true;
	return want;
}

static const struct wd_endpoint *endpoint_nr(const struct cluster *c,
					     uint32_t id)
{
	for (uint32_t i = 0; i < c->gen.ep_cnt; i++)
		if (c->gen.ep[i]->id == id)
			return c->gen.ep[i];
	return NULL;
}

static bool send_again(struct cluster *c, struct live *live)
{
	const struct wd_endpoint *ep = endpoint_nr(c, live->ep);
	struct wd_probe probe;
	struct wd_answer want;

	if (!ep)
		return true;
	probe = probe_of(c, ep, live->dir, &live->flow, live->sport);
	/* nothing comes from this host by the name of somebody's address */
	probe.is_reply = !wd_oracle_is_group(&live->flow.dst) &&
			 (!wd_traffic_is_icmp(&live->flow) ||
			  wd_traffic_is_echo(&live->flow)) &&
			 wd_gen_one_in(&c->gen, 2);
	probe.is_later = live->is_answered || wd_gen_one_in(&c->gen, 2);
	probe.is_synack = probe.is_reply && !live->is_answered;
	if (!probe.is_later && !probe.is_reply &&
	    live->flow.proto == IPPROTO_TCP)
		return true; /* a SYN opens anew: send_new() does that */
	want = live_answer(c, ep, live);
	repeated++;
	sent++;
	if (!run(c, &probe, &want))
		return false;
	if (want.verdict == WD_DROP)
		live->ep = 0;
	else if (probe.is_reply)
		live->is_answered = true;
	return true;
}

/* ---- tests ---- */

static bool step(struct cluster *c)
{
	uint32_t changes = 1 + wd_gen_rnd(&c->gen, 4);

	for (uint32_t i = 0; i < changes; i++)
		wd_gen_mutate(&c->gen);
	if (!commit(c))
		return false;
	if (!c->kernel)
		return ask(c, c->model, &asked);
	if (!ask_maps(c))
		return false;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep && !send_again(c, &c->live[i]))
			return false;
	for (int i = 0; i < SENT; i++)
		if (!send_new(c))
			return false;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep && wd_gen_one_in(&c->gen, 3) &&
		    !send_again(c, &c->live[i]))
			return false;
	return true;
}

static bool run_cluster(struct wd_kernel *kernel, uint32_t nr)
{
	static struct cluster c;
	bool ok;

	cluster_begin(&c, kernel, nr);
	ok = commit(&c);
	for (int i = 0; ok && i < STEPS; i++)
		ok = step(&c);
	ok = ok && (kernel || recompute(&c));
	ok = ok && wd_expect_int(0, wd_model_verify_arrays(c.model));
	cluster_end(&c);
	return ok;
}

static void run_clusters(struct wd_kernel *kernel, const uint64_t *cnt,
			 uint64_t wanted)
{
	uint32_t nr = 0;

	if (only_cluster >= 0) {
		(void)run_cluster(kernel, (uint32_t)only_cluster);
		return;
	}
	while (*cnt < wanted && run_cluster(kernel, nr))
		nr++;
}

static void model_and_tables_say_what_the_objects_say(void)
{
	run_clusters(NULL, &asked, model_cases_wanted);
	printf("# %llu questions, %llu of recomputed models, %llu to services, "
	       "%llu failed commits made good\n",
	       (unsigned long long)asked, (unsigned long long)recomputed,
	       (unsigned long long)services, (unsigned long long)failures);
}

static void programs_say_what_the_objects_say(void)
{
	struct wd_kernel *kernel = wd_kernel_open();

	if (!wd_expect(kernel))
		return;
	run_clusters(kernel, &sent, cases_wanted);
	wd_kernel_close(kernel);
	printf("# %llu packets, %llu of them of live flows, %llu ways through "
	       "the maps\n",
	       (unsigned long long)sent, (unsigned long long)repeated,
	       (unsigned long long)traces);
	for (int i = 0; i < WD_R__MAX; i++)
		if (reason_cnt[i])
			printf("#   %s %llu\n", wd_dump_reason(i),
			       (unsigned long long)reason_cnt[i]);
}

/* Adds, updates and removals in any order, the last of each object being the same. */
static bool walk_to(struct cluster *c, uint64_t *commits)
{
	static struct wd_walk walk;
	bool ok = true;

	for (int i = 0; ok && i < WAYS; i++) {
		ok = wd_expect_int(0, wd_walk(&walk, &c->gen, &c->oracle)) &&
		     ask(c, walk.model, &walked) &&
		     wd_expect_int(0, wd_model_verify_arrays(walk.model));
		*commits += walk.commits;
		wd_walk_fini(&walk);
	}
	return ok;
}

static void any_order_of_changes_ends_in_the_same_verdicts(void)
{
	static struct cluster c;
	uint64_t commits = 0;
	bool ok = true;

	for (uint32_t nr = 0; ok && nr < clusters_wanted; nr++) {
		if (only_cluster >= 0 && nr != only_cluster)
			continue;
		cluster_begin(&c, NULL, nr);
		for (int i = 0; i < STEPS; i++)
			wd_gen_mutate(&c.gen);
		ok = commit(&c) && walk_to(&c, &commits);
		cluster_end(&c);
	}
	printf("# %llu questions, %llu commits on the way\n",
	       (unsigned long long)walked, (unsigned long long)commits);
}

static bool passes(const struct wd_answer *want)
{
	for (int i = 0; i < WD_R_FIRST_DROP; i++)
		if (want->may[i])
			return true;
	return want->verdict != WD_DROP || want->or_audit;
}

/*
 * Slices that a rule means if they are known, or of whatever namespace, may be
 * beyond their quota: not known then, or who lists too many could close others.
 */
static bool passes_if_unknown(const struct cluster *c,
			      const struct wd_endpoint *ep, enum wd_dir dir,
			      const struct wd_flow *flow)
{
	struct wd_oracle at = c->oracle;
	struct wd_answer want;

	at.few_known = true;
	want = wd_oracle_judge(&at, ep, dir, flow);
	return passes(&want);
}

/* What the oracle, who knows no quotas, drops must be dropped. */
static bool is_no_wider(const struct cluster *c, enum wd_dir dir,
			const struct wd_flow *flow, const struct wd_decision *d,
			uint64_t *closed)
{
	const struct wd_endpoint *ep = NULL;
	const struct wd_object *pod;
	struct wd_answer want;

	if (!d->enforced ||
	    wd_oracle_local(&c->oracle,
			    dir == WD_EGRESS ? &flow->src : &flow->dst,
			    &ep) != 1)
		return true;
	pod = wd_oracle_pod(&c->oracle, ep);
	if (pod && pod->pod.finished)
		return true;
	want = wd_oracle_judge(&c->oracle, ep, dir, flow);
	*closed += d->verdict == WD_DROP && passes(&want);
	if (wd_expect(d->verdict == WD_DROP || passes(&want) ||
		      passes_if_unknown(c, ep, dir, flow)) &&
	    wd_expect_int(d->table_verdict, d->verdict) &&
	    wd_expect_str(wd_dump_reason(d->table_reason),
			  wd_dump_reason(d->reason)))
		return true;
	report(c, ep, dir, flow);
	return false;
}

static bool ask_no_wider(struct cluster *c, uint64_t *cnt, uint64_t *closed)
{
	struct wd_decision d[WD_DIR__MAX];
	struct wd_flow flow, there;
	bool to_service;

	for (int i = 0; i < ASKED; i++) {
		if (!say(c, c->model, &flow, &there, d, &to_service))
			continue;
		(*cnt)++;
		if (!is_no_wider(c, WD_EGRESS, &flow, &d[WD_EGRESS], closed) ||
		    !is_no_wider(c, WD_INGRESS, &there, &d[WD_INGRESS], closed))
			return false;
	}
	return true;
}

static void quotas_close_and_never_open(void)
{
	static struct cluster c;
	uint64_t cnt = 0, closed = 0;
	bool ok = true;

	tight = true;
	for (uint32_t nr = 0; ok && nr < clusters_wanted; nr++) {
		if (only_cluster >= 0 && nr != only_cluster)
			continue;
		cluster_begin(&c, NULL, nr);
		for (int i = 0; ok && i < STEPS; i++) {
			wd_gen_mutate(&c.gen);
			ok = commit(&c) && ask_no_wider(&c, &cnt, &closed);
		}
		cluster_end(&c);
	}
	tight = false;
	printf("# %llu questions, %llu of them closed by quotas\n",
	       (unsigned long long)cnt, (unsigned long long)closed);
	wd_expect(closed || only_cluster >= 0 || clusters_wanted < 40);
}

static void parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "cases", required_argument, NULL, 'c' },
		{ "model-cases", required_argument, NULL, 'm' },
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
		else if (opt == 'm')
			model_cases_wanted = val;
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
		cases_wanted = 1000000;
		model_cases_wanted = 2000000;
		clusters_wanted = 5000;
	} else if (wd_image_is_lower()) {
		cases_wanted = 20000;
		model_cases_wanted = 1000; /* the model is the same */
		clusters_wanted = 1;
	}
	parse_args(argc, argv);
	printf("# seed %llu\n", (unsigned long long)seed);
	err = wd_kernel_devices(devices, 2 * WD_GEN_EPS);
	if (err) {
		printf("Bail out! no devices: %d\n", err);
		return 1;
	}
	WD_TEST(model_and_tables_say_what_the_objects_say);
	WD_TEST(any_order_of_changes_ends_in_the_same_verdicts);
	WD_TEST(quotas_close_and_never_open);
	WD_TEST(programs_say_what_the_objects_say);
	return wd_tests_end();
}
