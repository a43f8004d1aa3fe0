/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_squeeze.c - services beyond the quota of their namespace, and beyond what
 * the table holds: they close, and nobody else's changes wait for them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warder/limits.h>

#include "base/byteorder.h"
#include "model/intern.h"
#include "model/model.h"
#include "model/model_int.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"
#include "told.h"

#define PORTS 1000 /* of a service that fills the table */

/* What the kernel has of fronts and prefixes: bounded, as there. */
static struct {
	uint32_t cnt[WD_MAP__MAX];
	/* entries of wd_front with port 0: of an address or a prefix, of all */
	uint32_t closed[2];
	uint32_t flags; /* of what was last written to wd_front */
} kernel;

/* Of the services that are put, and where their slices lead. */
static uint8_t proto = IPPROTO_TCP;
static uint16_t to_port = 1;

struct world {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep[2];
	struct wd_sink sink;
};

static uint32_t *closed_of(enum wd_map map, const void *const_key)
{
	struct wd_front_key key;

	if (map != WD_MAP_wd_front)
		return NULL;
	memcpy(&key, const_key, sizeof(key));
	if (key.port)
		return NULL;
	return &kernel.closed[!key.proto && !key.addr[0] && !key.addr[3]];
}

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	const struct world *w = ctx;
	uint32_t *closed = closed_of(map, key);

	if (map == WD_MAP_wd_front)
		kernel.flags = ((const struct wd_front_val *)val)->flags;
	if (wd_model_wants(w->model, map, key))
		return 0;
	if ((map == WD_MAP_wd_front && kernel.cnt[map] == WD_FRONTS_MAX) ||
	    (map == WD_MAP_wd_cidr4 && kernel.cnt[map] == WD_CIDRS_MAX))
		return -E2BIG;
	kernel.cnt[map]++;
	if (closed)
		++*closed;
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	uint32_t *closed = closed_of(map, key);

	(void)ctx;
	kernel.cnt[map]--;
	if (closed)
		--*closed;
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	(void)gen;
}

/* As the agent does it: switch, settle, clear away. */
static void commit(struct world *w)
{
	for (int i = 0; i < 5 && (!i || wd_model_dirty(w->model)); i++) {
		wd_expect_int(0, wd_model_commit(w->model, NULL));
		wd_expect_int(0, wd_model_settle(w->model));
	}
}

static void put_pod(struct world *w, const char *ns)
{
	struct wd_object *obj = object_of(WD_KIND_POD, ns, "srv");

	obj->pod.labels = wd_labels_get(NULL, 0);
	(void)wd_store_put(w->store, obj);
}

/* A pod in namespace "a", another in "b". */
static void begin(struct world *w, uint32_t services, uint32_t backends)
{
	static const char *const names[] = { "a", "b" };
	struct wd_model_config config = { .node = "n" };

	config.quota[WD_QUOTA_SERVICES] = services;
	config.quota[WD_QUOTA_BACKENDS] = backends;
	memset(&kernel, 0, sizeof(kernel));
	memset(w, 0, sizeof(*w));
	w->sink = (struct wd_sink){
		.ctx = w,
		.set = set,
		.del = del,
		.publish = publish,
		.row = wd_xcalloc(WD_ROWS_MAX, sizeof(struct wd_row_val)),
		.slot = wd_xcalloc(2 * WD_SLOTS_MAX,
				   sizeof(struct wd_slot_val)),
		.span = wd_xcalloc(WD_SPANS_MAX, sizeof(struct wd_span_val)),
		.class =
			wd_xcalloc(WD_CLASSES_MAX, sizeof(struct wd_class_val)),
	};
	w->store = wd_store_new(tell_model, &w->model);
	w->model = wd_model_new(w->store, &w->sink, &config);
	for (uint32_t i = 0; i < 2; i++) {
		w->ep[i] = (struct wd_endpoint){
			.id = i + 1,
			.ifindex = i + 7,
			.ns = wd_str_get(names[i]),
			.name = wd_str_get("srv"),
			.uid = wd_str_get(""),
			.addr_cnt = 1,
		};
		w->ep[i].addr[0].family = 4;
		w->ep[i].addr[0].v4.s_addr = htonl(10U << 24 | (i + 1));
		wd_model_endpoint_set(w->model, &w->ep[i]);
		put_pod(w, names[i]);
	}
}

static void end(struct world *w)
{
	for (uint32_t i = 0; i < 2; i++)
		wd_model_endpoint_del(w->model, i + 1);
	wd_model_free(w->model);
	wd_store_free(w->store);
	free(w->sink.row);
	free(w->sink.slot);
	free(w->sink.span);
	free(w->sink.class);
	for (uint32_t i = 0; i < 2; i++) {
		wd_str_put(w->ep[i].ns);
		wd_str_put(w->ep[i].name);
		wd_str_put(w->ep[i].uid);
	}
}

/* At 10.96.@nr.0 and on, with ports from 1 on that lead to themselves. */
static void put_service(struct world *w, const char *ns, uint32_t nr,
			uint32_t addrs, uint32_t ports)
{
	char name[16];
	struct wd_object *obj;
	struct wd_service *service;

	(void)snprintf(name, sizeof(name), "s%u", nr);
	obj = object_of(WD_KIND_SERVICE, ns, name);
	service = &obj->service;
	service->labels = wd_labels_get(NULL, 0);
	service->addr = wd_xcalloc(addrs, sizeof(*service->addr));
	service->port = wd_xcalloc(ports, sizeof(*service->port));
	for (; service->addr_cnt < addrs; service->addr_cnt++) {
		struct wd_addr *addr = &service->addr[service->addr_cnt];

		addr->family = 4;
		addr->v4.s_addr = htonl((10U << 24 | 96U << 16) + (nr << 8) +
					service->addr_cnt);
	}
	for (; service->port_cnt < ports; service->port_cnt++) {
		struct wd_service_port *port =
			&service->port[service->port_cnt];

		port->name = wd_str_get("");
		port->proto = proto;
		port->port = port->target = (uint16_t)(service->port_cnt + 1);
	}
	(void)wd_store_put(w->store, obj);
}

/* One that leads to @cnt addresses, 192.0.0.0 + @from and on, at to_port. */
static void put_slice_from(struct world *w, const char *ns, const char *name,
			   uint32_t nr, uint32_t from, uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_SLICE, ns, name);
	struct wd_slice *slice = &obj->slice;
	char service[16];

	(void)snprintf(service, sizeof(service), "s%u", nr);
	slice->service = wd_str_get(service);
	slice->port_cnt = 1;
	slice->port = wd_xcalloc(1, sizeof(*slice->port));
	slice->port->name = wd_str_get("");
	slice->port->proto = proto;
	slice->port->port = to_port;
	slice->addr = wd_xcalloc(cnt, sizeof(*slice->addr));
	for (; slice->addr_cnt < cnt; slice->addr_cnt++) {
		struct wd_addr *addr = &slice->addr[slice->addr_cnt];

		addr->family = 4;
		addr->v4.s_addr = htonl((192U << 24) + from + slice->addr_cnt);
	}
	(void)wd_store_put(w->store, obj);
}

static void put_slice(struct world *w, const char *ns, const char *name,
		      uint32_t nr, uint32_t cnt)
{
	put_slice_from(w, ns, name, nr, 0, cnt);
}

/* The pods of @ns may send to everything below 0.0.0.0/1 and to @peer, if there is one. */
static void put_policy(struct world *w, const char *ns,
		       const struct wd_peer *peer)
{
	struct wd_object *obj = object_of(WD_KIND_NETPOL, ns, "p");
	struct wd_policy_rule *rule = wd_xcalloc(1, sizeof(*rule));

	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, 1);
	obj->policy.spec->isolates[WD_EGRESS] = true;
	obj->policy.spec->applies[WD_EGRESS] = true;
	obj->policy.spec->rule_cnt[WD_EGRESS] = 1;
	obj->policy.spec->rule[WD_EGRESS] = rule;
	rule->any_port = true;
	rule->peer_cnt = peer ? 2 : 1;
	rule->peer = wd_xcalloc(rule->peer_cnt, sizeof(*rule->peer));
	rule->peer[0].type = WD_PEER_CIDR;
	rule->peer[0].cidr.addr.family = 4;
	rule->peer[0].cidr.len = 1;
	if (peer)
		rule->peer[1] = *peer;
	(void)wd_store_put(w->store, obj);
}

static enum wd_reason reason_of(const struct world *w, uint32_t from,
				uint32_t to, uint16_t port)
{
	struct wd_decision d[WD_DIR__MAX];
	struct wd_service_info service;
	struct wd_flow flow = {
		.src = w->ep[from].addr[0],
		.dst = { .family = 4 },
		.proto = IPPROTO_TCP,
		.port = port,
	};

	flow.dst.v4.s_addr = htonl(to);
	wd_model_why(w->model, &flow, false, d, &service);
	wd_expect_int(d[WD_EGRESS].reason, d[WD_EGRESS].table_reason);
	return d[WD_EGRESS].reason;
}

#define SERVICE_ADDR(nr) ((10U << 24 | 96U << 16) + ((nr) << 8))

static void count_over(void *ctx, const struct wd_over *over)
{
	uint32_t *cnt = ctx;

	(void)over;
	++*cnt;
}

static void expect_over(const struct world *w, uint32_t want)
{
	uint32_t cnt = 0;

	wd_model_over(w->model, count_over, &cnt);
	wd_expect_int(want, cnt);
}

/* Its own address is inside of what policy allows, and opens nothing. */
static void a_service_beyond_the_quota_closes_its_address(void)
{
	struct world w;

	begin(&w, 20, 0);
	put_policy(&w, "a", NULL);
	put_service(&w, "b", 1, 1, 20);
	put_slice(&w, "b", "e1", 1, 1);
	put_service(&w, "b", 2, 2, 1);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(22, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(2, kernel.closed[0]);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(2), 1));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(2), 9));
	wd_expect_int(WD_R_NOT_ISOLATED, reason_of(&w, 1, SERVICE_ADDR(2), 1));
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(3), 1));
	put_service(&w, "b", 1, 1, 18); /* room for it */
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(20, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(0, kernel.closed[0]);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(2), 9));
	end(&w);
}

#define ALLOWED ((9U - 192U) << 24) /* is 9.0.0.0 of put_slice_from() */

/* Another's entry for its port is looked up first, and must not hide it. */
static void
a_service_beyond_the_quota_closes_what_others_have_of_its_address(void)
{
	struct world w;

	begin(&w, 20, 0);
	put_policy(&w, "a", NULL);
	put_service(&w, "a", 2, 1, 1);
	put_slice_from(&w, "a", "e2", 2, ALLOWED, 1);
	put_service(&w, "b", 1, 1, 20);
	commit(&w);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(2), 1));
	put_service(&w, "b", 2, 1, 2);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(2), 1));
	put_service(&w, "b", 2, 1, 0); /* of no port: within */
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(2), 1));
	put_service(&w, "b", 3, 1, 2);
	put_service(&w, "a", 3, 1, 1); /* comes after it */
	put_slice_from(&w, "a", "e3", 3, ALLOWED, 1);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(3), 1));
	put_service(&w, "b", 1, 1, 18); /* room for it */
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(3), 1));
	end(&w);
}

static struct wd_peer named(const char *ns, const char *name)
{
	return (struct wd_peer){
		.type = WD_PEER_SERVICES,
		.service_ns = wd_str_get(ns),
		.service = wd_str_get(name),
	};
}

static void a_slice_beyond_the_quota_allows_nobody(void)
{
	struct wd_peer peer = named("b", "s1");
	struct world w;

	begin(&w, 0, 10);
	put_policy(&w, "a", &peer);
	put_service(&w, "b", 1, 1, 1);
	put_slice(&w, "b", "e1", 1, 8);
	commit(&w);
	wd_expect_int(9, kernel.cnt[WD_MAP_wd_cidr4]);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	put_slice(&w, "b", "e2", 1, 3);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(9, kernel.cnt[WD_MAP_wd_cidr4]);
	/* it may lead to those of the other, too */
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	put_slice(&w, "b", "e1", 1, 7);
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	end(&w);
}

/* The API server's own service is asked for by the node itself. */
static void kubernetes_itself_is_in_no_quota(void)
{
	struct wd_object *obj;
	struct world w;

	begin(&w, 1, 1);
	obj = object_of(WD_KIND_SLICE, "default", "kubernetes");
	obj->slice.service = wd_str_get("kubernetes");
	obj->slice.addr_cnt = 3;
	obj->slice.addr = wd_xcalloc(3, sizeof(*obj->slice.addr));
	put_slice(&w, "default", "e1", 1, 1);
	(void)wd_store_put(w.store, obj);
	commit(&w);
	expect_over(&w, 0);
	end(&w);
}

/* What backends remember: how many fronts lead to each, added up. */
static uint64_t count_pairs(const struct world *w)
{
	uint64_t cnt = 0;

	for (const struct mback *b = w->model->backs; b; b = b->hh.next)
		cnt += b->fronts.cnt;
	return cnt;
}

#define QUOTA 16384 /* as it is by default */

/* 16,300 addresses and ports times 16,000 backends: each alone is within. */
static void many_fronts_times_many_backends_are_not_looked_up(void)
{
	struct world w;
	char name[16];

	begin(&w, QUOTA, QUOTA);
	put_policy(&w, "a", NULL);
	put_service(&w, "b", 1, 163, 100);
	for (uint32_t i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), "e%u", i);
		put_slice_from(&w, "b", name, 1, i * 1000, 1000);
	}
	put_service(&w, "b", 999, 1, 1);
	put_slice(&w, "b", "last", 999, 1);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(1, count_pairs(&w));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(999), 1));
	put_service(&w, "b", 1, 32, 1); /* room for it */
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(32 * 16000 + 1, count_pairs(&w));
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	end(&w);
}

/* Who comes first is served, and what another gives back is for those after. */
static void pairs_that_one_gives_back_others_have(void)
{
	struct world w;

	begin(&w, 0, 100); /* times 32 */
	put_policy(&w, "a", NULL);
	put_service(&w, "b", 1, 50, 1);
	put_slice(&w, "b", "e1", 1, 62);
	commit(&w);
	put_service(&w, "b", 2, 10, 1);
	put_slice(&w, "b", "e2", 2, 10);
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(50 * 62, count_pairs(&w));
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(2), 1));
	put_slice(&w, "b", "e1", 1, 60);
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(50 * 60 + 10 * 10, count_pairs(&w));
	put_slice(&w, "b", "e1", 1, 63); /* who grows is who waits */
	commit(&w);
	expect_over(&w, 1);
	wd_expect_int(10 * 10, count_pairs(&w));
	wd_expect(wd_store_del(w.store, WD_KIND_SERVICE, "b", "s2", NULL));
	wd_expect(wd_store_del(w.store, WD_KIND_SLICE, "b", "e2", NULL));
	put_service(&w, "b", 1, 49, 1);
	commit(&w);
	expect_over(&w, 0);
	wd_expect_int(49 * 63, count_pairs(&w));
	end(&w);
}

#define OWN (WD_FRONTS_MAX / 8) /* addresses of a namespace that have entries */

/* Addresses at @step from each other, beyond the quota of @ns. */
static void put_closed(struct world *w, const char *ns, uint32_t first,
		       uint32_t cnt, uint32_t step)
{
	struct wd_object *obj = object_of(WD_KIND_SERVICE, ns, "closed");
	struct wd_service *service = &obj->service;

	service->labels = wd_labels_get(NULL, 0);
	service->addr = wd_xcalloc(cnt, sizeof(*service->addr));
	service->port = wd_xcalloc(1, sizeof(*service->port));
	for (; service->addr_cnt < cnt; service->addr_cnt++) {
		struct wd_addr *addr = &service->addr[service->addr_cnt];

		addr->family = 4;
		addr->v4.s_addr = htonl(first + service->addr_cnt * step);
	}
	service->port_cnt = 1;
	service->port->name = wd_str_get("");
	service->port->proto = IPPROTO_TCP;
	service->port->port = service->port->target = 1;
	(void)wd_store_put(w->store, obj);
}

/* One in each IPv6 /32 from 2000::/32 on. */
static void put_closed6(struct world *w, const char *ns, uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_SERVICE, ns, "closed");
	struct wd_service *service = &obj->service;

	service->labels = wd_labels_get(NULL, 0);
	service->addr = wd_xcalloc(cnt, sizeof(*service->addr));
	for (; service->addr_cnt < cnt; service->addr_cnt++) {
		struct wd_addr *addr = &service->addr[service->addr_cnt];

		addr->family = 6;
		addr->v6.s6_addr32[0] =
			htonl((0x2000U << 16) + service->addr_cnt);
		addr->v6.s6_addr32[3] = htonl(1);
	}
	service->port = wd_xcalloc(1, sizeof(*service->port));
	service->port_cnt = 1;
	service->port->name = wd_str_get("");
	service->port->proto = IPPROTO_TCP;
	service->port->port = service->port->target = 1;
	(void)wd_store_put(w->store, obj);
}

static void count_covered(void *ctx, const struct wd_over *over)
{
	uint32_t *cnt = ctx;

	*cnt += over->covered;
	if (over->covered)
		wd_expect_int(OWN, over->limit);
}

static void expect_covered(const struct world *w, uint32_t want)
{
	uint32_t cnt = 0;

	wd_model_over(w->model, count_covered, &cnt);
	wd_expect_int(want, cnt);
}

/* One service with more addresses than the table has entries. */
static void closed_addresses_leave_others_their_entries(void)
{
	struct world w;

	begin(&w, QUOTA, QUOTA);
	put_policy(&w, "a", NULL);
	put_service(&w, "b", 1, WD_FRONTS_MAX + 100, 1);
	commit(&w);
	expect_covered(&w, WD_FRONTS_MAX + 100 - OWN);
	wd_expect_int(WD_FRONTS_MAX + 100 - OWN, wd_model_squeezed(w.model));
	/* it begins with a block, and so do those without an entry */
	wd_expect_int(OWN + (WD_FRONTS_MAX + 100 - OWN + 255) / 256,
		      kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(0, kernel.closed[1]);
	put_service(&w, "a", 999, 1, 1);
	put_slice(&w, "a", "e1", 999, 1);
	commit(&w);
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(999), 1));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(1), 1));
	/* nor does one open for which there was no room */
	wd_expect_int(WD_R_SERVICE,
		      reason_of(&w, 0, SERVICE_ADDR(1) + WD_FRONTS_MAX, 1));
	/* what is not around them stays open */
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, 0x08080808, 53));
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, SERVICE_ADDR(0), 53));
	put_service(&w, "b", 1, 1, 1);
	commit(&w);
	wd_expect_int(0, wd_model_squeezed(w.model));
	expect_covered(&w, 0);
	wd_expect_int(0, kernel.closed[1]);
	wd_expect_int(2, kernel.cnt[WD_MAP_wd_front]);
	end(&w);
}

/*
 * What is around addresses is open to pods, but not to those whose address a
 * service claims that has no entry: a proxy translates what is sent there.
 */
static void a_service_without_an_entry_closes_a_pods_address(void)
{
	const uint32_t pod = 10U << 24 | 2; /* in "b" */
	struct world w;

	begin(&w, QUOTA, QUOTA);
	put_policy(&w, "a", NULL);
	commit(&w);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, pod, 1));
	put_closed(&w, "b", pod - OWN, OWN + 1, 1);
	commit(&w);
	expect_covered(&w, 1);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, pod, 1));
	/* also if it is found first */
	wd_model_endpoint_del(w.model, 2);
	commit(&w);
	wd_model_endpoint_set(w.model, &w.ep[1]);
	commit(&w);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, pod, 1));
	put_closed(&w, "b", pod - OWN - 1, OWN + 1, 1);
	commit(&w);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, pod, 1));
	end(&w);
}

/* One address in each /24: blocks run out, and only their regions are closed. */
static void scattered_addresses_close_no_more_than_their_regions(void)
{
	enum { BLOCKS = WD_FRONTS_COVER / 4 };
	struct world w;

	begin(&w, QUOTA, QUOTA);
	put_policy(&w, "a", NULL);
	put_closed(&w, "b", 64U << 24, OWN + BLOCKS + 65536, 256);
	commit(&w);
	expect_covered(&w, BLOCKS + 65536);
	wd_expect_int(OWN + BLOCKS + 2, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(0, kernel.closed[1]);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, 64U << 24 | 255 << 16, 1));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, 65U << 24, 1));
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, 66U << 24, 1));
	/* others have blocks of their own */
	put_closed(&w, "a", 70U << 24, OWN + 256, 1);
	commit(&w);
	wd_expect_int(2 * OWN + BLOCKS + 3, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, (70U << 24) + OWN + 1, 1));
	wd_expect_int(WD_R_POLICY_ALLOW,
		      reason_of(&w, 0, (70U << 24) + OWN + 256, 1));
	put_closed(&w, "a", 70U << 24, OWN, 1); /* who told of it has gone */
	put_closed(&w, "b", 64U << 24, OWN - 1, 256);
	commit(&w);
	wd_expect_int(2 * OWN - 1, kernel.cnt[WD_MAP_wd_front]);
	expect_covered(&w, 0);
	wd_expect_int(WD_R_POLICY_ALLOW,
		      reason_of(&w, 0, (70U << 24) + OWN + 1, 1));
	put_closed(&w, "b", 64U << 24, OWN, 256);
	commit(&w);
	wd_expect_int(2 * OWN, kernel.cnt[WD_MAP_wd_front]);
	expect_covered(&w, 0);
	end(&w);
}

/* Of IPv6 there are more regions than there is room for: then everything closes. */
static void what_is_scattered_over_everything_closes_everything(void)
{
	enum { REGIONS = WD_FRONTS_COVER / 16, ALL = OWN + OWN / 8 + REGIONS };
	struct world w;

	begin(&w, QUOTA, QUOTA);
	put_closed6(&w, "b", ALL);
	commit(&w);
	wd_expect_int(ALL, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(0, kernel.closed[1]);
	put_closed6(&w, "b", ALL + 1);
	commit(&w);
	wd_expect_int(ALL + 1, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(1, kernel.closed[1]);
	put_closed6(&w, "b", OWN);
	commit(&w);
	wd_expect_int(OWN, kernel.cnt[WD_MAP_wd_front]);
	end(&w);
}

/* At 10.99.232.0, that is, as of service 1000; it leads to 192.0.0.0. */
static void put_kubernetes(struct world *w)
{
	struct wd_object *obj =
		object_of(WD_KIND_SERVICE, "default", "kubernetes");
	struct wd_service *service = &obj->service;

	service->labels = wd_labels_get(NULL, 0);
	service->addr = wd_xcalloc(1, sizeof(*service->addr));
	service->addr_cnt = 1;
	service->addr->family = 4;
	service->addr->v4.s_addr = htonl(SERVICE_ADDR(1000));
	service->port = wd_xcalloc(1, sizeof(*service->port));
	service->port_cnt = 1;
	service->port->name = wd_str_get("");
	service->port->proto = IPPROTO_TCP;
	service->port->port = service->port->target = 443;
	(void)wd_store_put(w->store, obj);
	obj = object_of(WD_KIND_SLICE, "default", "kubernetes");
	obj->slice.service = wd_str_get("kubernetes");
	obj->slice.port_cnt = 1;
	obj->slice.port = wd_xcalloc(1, sizeof(*obj->slice.port));
	obj->slice.port->name = wd_str_get("");
	obj->slice.port->proto = IPPROTO_TCP;
	obj->slice.port->port = 6443;
	obj->slice.addr_cnt = 1;
	obj->slice.addr = wd_xcalloc(1, sizeof(*obj->slice.addr));
	obj->slice.addr->family = 4;
	obj->slice.addr->v4.s_addr = htonl(192U << 24);
	(void)wd_store_put(w->store, obj);
}

/* Two entries are for everything, 64 for kubernetes. */
#define FULL (WD_FRONTS_MAX - WD_FRONTS_COVER - 2 - 64)

/* Whoever fills the table: changes are enforced, and nothing opens. */
static void a_full_table_of_services_holds_up_nobody(void)
{
	uint32_t covers;
	struct world w;

	begin(&w, 0, 0);
	for (uint32_t i = 1; i <= WD_FRONTS_MAX / PORTS + 1; i++)
		put_service(&w, "b", i, 1, PORTS);
	put_service(&w, "b", 999, 1, 1);
	put_slice(&w, "b", "e1", 999, 1);
	commit(&w);
	/* services of as many blocks, and a part of one, have none of their own */
	covers = 1 + (WD_FRONTS_MAX / PORTS + 1) - FULL / PORTS;
	wd_expect_int(FULL + covers, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(covers, kernel.closed[0]);
	wd_expect(wd_model_squeezed(w.model) > 0);
	put_policy(&w, "a", NULL);
	commit(&w);
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(999), 1));
	wd_expect_int(WD_R_SERVICE, reason_of(&w, 0, SERVICE_ADDR(999) + 9, 1));
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 0, 0x08080808, 53));
	put_kubernetes(&w);
	commit(&w);
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(1000), 443));
	wd_expect_int(FULL + covers + 1, kernel.cnt[WD_MAP_wd_front]);
	for (uint32_t i = 1; i <= covers; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "s%u", i);
		wd_expect(wd_store_del(w.store, WD_KIND_SERVICE, "b", name,
				       NULL));
	}
	commit(&w);
	wd_expect_int(0, wd_model_squeezed(w.model));
	wd_expect_int(0, kernel.closed[0]);
	wd_expect_int(WD_R_POLICY_ALLOW,
		      reason_of(&w, 0, SERVICE_ADDR(999) + 9, 1));
	wd_expect_int(WD_R_DEFAULT, reason_of(&w, 0, SERVICE_ADDR(999), 1));
	end(&w);
}

/* Of an agent that let fronts have what is kept now for those that cover others. */
static void a_table_left_nearly_full_holds_up_nobody(void)
{
	enum { LEFT = WD_FRONTS_MAX - 66, SERVICES = 100 };
	struct world w;

	begin(&w, 0, 0);
	kernel.cnt[WD_MAP_wd_front] = w.model->kind_cnt = LEFT;
	for (uint32_t i = 1; i <= SERVICES; i++)
		put_service(&w, "b", i, 1, 1);
	put_policy(&w, "a", NULL);
	commit(&w);
	/* 64 have blocks, the others nothing but what is everything's */
	wd_expect_int(WD_FRONTS_MAX - 1, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(1, kernel.closed[1]);
	for (uint32_t i = 1; i <= SERVICES; i++)
		wd_expect_int(WD_R_SERVICE,
			      reason_of(&w, 0, SERVICE_ADDR(i), 1));
	w.model->kind_cnt -= LEFT;
	end(&w);
}

/* Its own endpoint is closed; the policy of the other is enforced at once. */
static void prefixes_that_do_not_fit_close_whose_they_are(void)
{
	struct wd_peer peer = named("b", "s1");
	struct wd_ep_info info;
	struct world w;

	begin(&w, 0, 0);
	put_policy(&w, "a", &peer);
	put_service(&w, "b", 1, 1, 1);
	put_slice(&w, "b", "e1", 1, WD_CIDRS_MAX);
	put_policy(&w, "b", NULL);
	commit(&w);
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	wd_expect_int(0, wd_model_endpoint(w.model, 2, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	wd_expect_int(WD_R_POLICY_ALLOW, reason_of(&w, 1, 0x08080808, 53));
	wd_expect_int(1, kernel.cnt[WD_MAP_wd_cidr4]);
	put_slice(&w, "b", "e1", 1, 100);
	commit(&w);
	wd_expect_int(0, wd_model_endpoint(w.model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	wd_expect_int(101, kernel.cnt[WD_MAP_wd_cidr4]);
	end(&w);
}

static void change_tunnel(struct world *w, uint16_t port)
{
	struct wd_encap encap = { 0 };

	if (port)
		encap.own[0] =
			(struct wd_tunnel_port){ .port = wd_be16(port),
						 .kind = WD_TUNNEL_VXLAN };
	wd_model_encap(w->model, &encap);
	wd_model_republish(w->model);
	commit(w);
}

/* Nobody knows to which of them it goes: one that leads to a tunnel is enough. */
static void what_leads_to_too_many_follows_the_ports_of_tunnels(void)
{
	const uint32_t none = WD_FRONT_NONE | WD_FRONT_MANY;
	struct world w;

	begin(&w, QUOTA, QUOTA);
	proto = IPPROTO_UDP;
	put_service(&w, "b", 1, 1, 1);
	for (uint32_t i = 0; i < WD_FRONT_KINDS + 4; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "e%u", i);
		to_port = (uint16_t)(2000 + i);
		put_slice_from(&w, "b", name, 1, i, 1);
	}
	commit(&w);
	wd_expect_int(1, kernel.cnt[WD_MAP_wd_front]);
	wd_expect_int(none, kernel.flags);
	change_tunnel(&w, to_port);
	wd_expect_int(none | WD_FRONT_NODE, kernel.flags);
	change_tunnel(&w, to_port + 1);
	wd_expect_int(none, kernel.flags);
	end(&w);
	proto = IPPROTO_TCP;
	to_port = 1;
}

int main(void)
{
	WD_TEST(a_service_beyond_the_quota_closes_its_address);
	WD_TEST(a_service_beyond_the_quota_closes_what_others_have_of_its_address);
	WD_TEST(a_slice_beyond_the_quota_allows_nobody);
	WD_TEST(kubernetes_itself_is_in_no_quota);
	WD_TEST(many_fronts_times_many_backends_are_not_looked_up);
	WD_TEST(pairs_that_one_gives_back_others_have);
	WD_TEST(closed_addresses_leave_others_their_entries);
	WD_TEST(a_service_without_an_entry_closes_a_pods_address);
	WD_TEST(scattered_addresses_close_no_more_than_their_regions);
	WD_TEST(what_is_scattered_over_everything_closes_everything);
	WD_TEST(a_full_table_of_services_holds_up_nobody);
	WD_TEST(a_table_left_nearly_full_holds_up_nobody);
	WD_TEST(prefixes_that_do_not_fit_close_whose_they_are);
	WD_TEST(what_leads_to_too_many_follows_the_ports_of_tunnels);
	return wd_tests_end();
}
