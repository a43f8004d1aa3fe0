/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_full.c - a map that is full: the old generation stays, and the node
 * comes back as soon as what is wanted fits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"

#define ROOM 100 /* prefixes that the map takes */
#define KEY 8 /* bytes of an IPv4 prefix */

static struct {
	struct wd_cidr4_key key[ROOM];
	uint32_t cnt;
	uint32_t gen;
} kernel;

static int find(const void *key)
{
	for (uint32_t i = 0; i < kernel.cnt; i++) {
		if (!memcmp(&kernel.key[i], key, KEY))
			return (int)i;
	}
	return -1;
}

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	(void)ctx;
	(void)val;
	if (map != WD_MAP_wd_cidr4 || find(key) >= 0)
		return 0;
	if (kernel.cnt == ROOM)
		return -ENOSPC;
	memcpy(&kernel.key[kernel.cnt++], key, KEY);
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	int at = map == WD_MAP_wd_cidr4 ? find(key) : -1;

	(void)ctx;
	if (at >= 0)
		kernel.key[at] = kernel.key[--kernel.cnt];
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	kernel.gen = gen;
}

static struct wd_object *object_of(enum wd_kind kind, const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = kind;
	obj->ns = wd_str_get("shop");
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get("");
	obj->file = wd_str_get("f");
	return obj;
}

static struct wd_object *make_pod(void)
{
	struct wd_object *obj = object_of(WD_KIND_POD, "srv");

	obj->pod.labels = wd_labels_get(NULL, 0);
	return obj;
}

/* Ingress from @cnt prefixes 10.@net.0.0/32 and on. */
static struct wd_object *make_policy(uint32_t net, uint32_t cnt)
{
	struct wd_object *obj = object_of(WD_KIND_NETPOL, "p");
	struct wd_policy_rule *rule = wd_xcalloc(1, sizeof(*rule));

	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, 1);
	obj->policy.spec->isolates[WD_INGRESS] = true;
	obj->policy.spec->applies[WD_INGRESS] = true;
	obj->policy.spec->rule_cnt[WD_INGRESS] = 1;
	obj->policy.spec->rule[WD_INGRESS] = rule;
	rule->any_port = true;
	rule->peer_cnt = cnt;
	rule->peer = wd_xcalloc(cnt, sizeof(*rule->peer));
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_cidr *cidr = &rule->peer[i].cidr;

		rule->peer[i].type = WD_PEER_CIDR;
		cidr->addr.family = 4;
		cidr->addr.v4.s_addr = htonl(10U << 24 | net << 16 | i);
		cidr->len = 32;
	}
	return obj;
}

struct world {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep;
	struct wd_sink sink;
};

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	wd_model_changed(((struct world *)ctx)->model, was, now);
}

static void begin(struct world *w)
{
	struct wd_model_config config = { .node = "n" };

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
	w->store = wd_store_new(changed, w);
	w->model = wd_model_new(w->store, &w->sink, &config);
	w->ep = (struct wd_endpoint){
		.id = 1,
		.ifindex = 7,
		.ns = wd_str_get("shop"),
		.name = wd_str_get("srv"),
		.uid = wd_str_get(""),
	};
	wd_model_endpoint_set(w->model, &w->ep);
	(void)wd_store_put(w->store, make_pod());
}

static void end(struct world *w)
{
	wd_model_endpoint_del(w->model, 1);
	wd_model_free(w->model);
	wd_store_free(w->store);
	free(w->sink.row);
	free(w->sink.slot);
	free(w->sink.span);
	free(w->sink.class);
	wd_str_put(w->ep.ns);
	wd_str_put(w->ep.name);
	wd_str_put(w->ep.uid);
}

/* As the agent does it: switch, settle, clear away. */
static int apply(struct world *w, uint32_t net, uint32_t cnt)
{
	int err;

	(void)wd_store_put(w->store, make_policy(net, cnt));
	err = wd_model_commit(w->model, NULL);
	if (!err)
		err = wd_model_settle(w->model);
	if (!err && wd_model_dirty(w->model)) /* what the old half held */
		err = wd_model_commit(w->model, NULL);
	return err;
}

static void what_does_not_fit_leaves_the_old_generation(void)
{
	struct world w;
	uint32_t gen;

	begin(&w);
	wd_expect_int(0, apply(&w, 1, 50));
	gen = kernel.gen;
	wd_expect_int(-ENOSPC, apply(&w, 2, 80));
	wd_expect_int(gen, kernel.gen);
	wd_expect(wd_model_dirty(w.model));
	wd_expect_int(0, apply(&w, 1, 50));
	wd_expect_int(50, kernel.cnt);
	end(&w);
}

/* Nothing of the failed try may take the room of what comes after it. */
static void a_failed_try_leaves_room_for_the_next(void)
{
	struct world w;

	begin(&w);
	wd_expect_int(0, apply(&w, 1, 50));
	wd_expect_int(-ENOSPC, apply(&w, 2, 80));
	wd_expect_int(ROOM, kernel.cnt);
	wd_expect_int(0, apply(&w, 3, 45));
	wd_expect_int(45, kernel.cnt);
	wd_expect_int(0, apply(&w, 4, 55));
	wd_expect_int(55, kernel.cnt);
	end(&w);
}

/* An exception is a prefix of its own, not what is left of the block. */
static void an_exception_costs_one_prefix(void)
{
	struct wd_object *obj = make_policy(0, 1);
	struct wd_peer *peer = &obj->policy.spec->rule[WD_INGRESS]->peer[0];
	struct world w;

	begin(&w);
	peer->cidr.addr.v4.s_addr = 0;
	peer->cidr.len = 0;
	peer->except_cnt = ROOM - 1;
	peer->except = wd_xcalloc(ROOM - 1, sizeof(*peer->except));
	for (uint32_t i = 0; i < ROOM - 1; i++) {
		peer->except[i].addr.family = 4;
		peer->except[i].addr.v4.s_addr = htonl(10U << 24 | i * 7919U);
		peer->except[i].len = 32;
	}
	(void)wd_store_put(w.store, obj);
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_expect_int(ROOM, kernel.cnt);
	end(&w);
}

int main(void)
{
	WD_TEST(what_does_not_fit_leaves_the_old_generation);
	WD_TEST(a_failed_try_leaves_room_for_the_next);
	WD_TEST(an_exception_costs_one_prefix);
	return wd_tests_end();
}
