// SPDX-License-Identifier: GPL-2.0-only
#include "stall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/store.h"
#include "model/xalloc.h"

#include "../oracle/sinkhole.h"
#include "../tap.h"
#include "told.h"

static struct wd_sinkhole hole;
static struct wd_sink sink;
struct wd_store *store;
struct wd_model *model;
struct wd_endpoint ep[MOST + THIRD + 1];
uint32_t ep_cnt;

/* Label "app" is @app; @web: number of its port of that name, or 0. */
void put_pod(int i, const char *ns, const char *app, uint16_t web)
{
	struct wd_label label = { "app", app };
	struct wd_object *obj;
	char name[16];

	(void)snprintf(name, sizeof(name), "p%d", i);
	obj = object_of(WD_KIND_POD, ns, name);
	obj->pod.labels = wd_labels_get(&label, 1);
	obj->pod.addr_cnt = 1;
	obj->pod.addr = wd_xcalloc(1, sizeof(*obj->pod.addr));
	obj->pod.addr->family = 4;
	obj->pod.addr->v4.s_addr = htonl(10U << 24 | (uint32_t)i);
	if (web) {
		obj->pod.port_cnt = 1;
		obj->pod.port = wd_xcalloc(1, sizeof(*obj->pod.port));
		obj->pod.port->name = wd_str_get("web");
		obj->pod.port->proto = IPPROTO_TCP;
		obj->pod.port->port = web;
	}
	ep[i] = (struct wd_endpoint){ .id = 1 + (uint32_t)i,
				      .ifindex = 7 + (uint32_t)i,
				      .ns = obj->ns,
				      .name = obj->name,
				      .uid = obj->uid };
	(void)wd_store_put(store, obj);
	wd_model_endpoint_set(model, &ep[i]);
	ep_cnt = (uint32_t)i + 1;
}

/* Elements that may be taken before the kernel refuses one, for want of memory. */
int reach_left = -1;

/* And it has never any for so many spans at once; 0: it has. */
uint32_t reach_never;

static int reach(void *ctx, enum wd_map map, uint32_t first, uint32_t cnt)
{
	(void)ctx;
	(void)first;
	if (reach_never && map == WD_MAP_wd_span && cnt >= reach_never)
		return -ENOMEM;
	return reach_left-- == 0 ? -ENOMEM : 0;
}

/* @apart: each pod has another number of port "web". */
void stall_begin(bool apart)
{
	static const struct wd_model_config config = { .node = "n" };

	sink = wd_sinkhole_open(&hole);
	sink.reach = reach;
	store = wd_store_new(tell_model, &model);
	model = wd_model_new(store, &sink, &config);
	for (int i = 0; i < PODS; i++)
		put_pod(i, "crowd", "c", apart ? (uint16_t)(50000 + i) : 0);
	put_pod(PODS, "shop", "a", 0);
	put_pod(PODS + 1, "shop", "b", 0);
}

void stall_end(void)
{
	for (uint32_t i = 0; i < ep_cnt; i++)
		wd_model_endpoint_del(model, 1 + i);
	wd_model_free(model);
	wd_store_free(store);
	wd_sinkhole_close(&sink);
}

/* As the agent does it, until nothing is left. Return: what it took. */
struct wd_model_stats stall_commit(void)
{
	struct wd_model_stats was, is;

	wd_model_stats(model, &was);
	for (int i = 0; i < 8; i++) {
		wd_expect_int(0, wd_model_commit(model, NULL));
		wd_expect_int(0, wd_model_settle(model));
		if (!wd_model_dirty(model))
			break;
	}
	wd_expect(!wd_model_dirty(model));
	wd_model_stats(model, &is);
	is.compiled -= was.compiled;
	is.sought -= was.sought;
	return is;
}

uint32_t stall_closed(const char *why)
{
	struct wd_ep_info info;
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < ep_cnt; i++) {
		wd_expect_int(0, wd_model_endpoint(model, 1 + i, &info));
		if (info.state != WD_EP_TOO_LARGE)
			continue;
		wd_expect(strstr(info.error, why));
		cnt++;
	}
	return cnt;
}

/* Pods of @ns that are closed because of @why; "": of whatever. */
uint32_t stall_closed_of(const char *ns, const char *why)
{
	struct wd_ep_info info;
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < ep_cnt; i++) {
		wd_expect_int(0, wd_model_endpoint(model, 1 + i, &info));
		cnt += info.state == WD_EP_TOO_LARGE && !strcmp(ep[i].ns, ns) &&
		       strstr(info.error, why);
	}
	return cnt;
}

/* Of pods with label "app" @app. */
struct wd_selector *of_app(const char *app)
{
	struct wd_selector *sel = wd_xcalloc(1, sizeof(*sel));

	sel->cnt = 1;
	sel->req = wd_xcalloc(1, sizeof(*sel->req));
	sel->req->key = wd_str_get("app");
	sel->req->cnt = 1;
	sel->req->values = wd_xcalloc(1, sizeof(*sel->req->values));
	sel->req->values[0] = wd_str_get(app);
	return wd_selector_share(sel);
}

struct wd_selector *app_in(int from, int cnt)
{
	struct wd_selector *sel = wd_xcalloc(1, sizeof(*sel));
	struct wd_req *req = wd_xcalloc(1, sizeof(*req));
	char value[16];

	sel->cnt = 1;
	sel->req = req;
	req->key = wd_str_get("app");
	req->cnt = (uint32_t)cnt;
	req->values = wd_xcalloc(req->cnt, sizeof(*req->values));
	for (int i = 0; i < cnt; i++) {
		(void)snprintf(value, sizeof(value), "v%08d", from + i);
		req->values[i] = wd_str_get(value);
	}
	return wd_selector_share(sel);
}

void stall_fill(struct wd_policy_rule *rule, const struct shape *shape)
{
	struct wd_port *port;

	rule->peer_cnt = (uint32_t)shape->peers;
	rule->peer = wd_xcalloc(rule->peer_cnt, sizeof(*rule->peer));
	for (int i = 0; i < shape->peers; i++)
		rule->peer[i].pod_sel =
			app_in(i * shape->values, shape->values);
	rule->port_cnt = (uint32_t)shape->ports + shape->web;
	rule->port = port = wd_xcalloc(rule->port_cnt, sizeof(*rule->port));
	for (int i = 0; i < shape->ports; i++, port++) {
		port->proto = IPPROTO_TCP;
		port->lo = (uint16_t)(1 + i * shape->step);
		port->hi = (uint16_t)(port->lo + shape->wide);
	}
	if (shape->web) {
		port->proto = IPPROTO_TCP;
		port->name = wd_str_get("web");
	}
}

bool on_trial; /* policies to come */

/* Ingress of those who are @subject. Takes over what @rule has, @cnt of them. */
void put_rules(const char *ns, const char *name, struct wd_selector *subject,
	       const struct wd_policy_rule *rule, uint32_t cnt)
{
	struct wd_object *obj =
		object_of(*ns ? WD_KIND_NETPOL : WD_KIND_CILIUM_CNP, ns, name);
	struct wd_spec *spec;

	obj->policy.tier = WD_TIER_NORMAL;
	obj->policy.on_trial = on_trial;
	wd_policy_specs(obj, 1);
	spec = obj->policy.spec;
	spec->subject = subject;
	spec->isolates[WD_INGRESS] = spec->applies[WD_INGRESS] = true;
	spec->rule_cnt[WD_INGRESS] = cnt;
	spec->rule[WD_INGRESS] = wd_xcalloc(cnt, sizeof(*rule));
	memcpy(spec->rule[WD_INGRESS], rule, cnt * sizeof(*rule));
	(void)wd_store_put(store, obj);
}

void put_rule(const char *ns, const char *name, struct wd_selector *subject,
	      const struct wd_policy_rule *rule)
{
	put_rules(ns, name, subject, rule, 1);
}

/* Ingress of every pod of @ns; "": of those whose app is "sys", of all. */
void put_policy(const char *ns, const char *name, const struct shape *shape)
{
	struct wd_policy_rule rule = { 0 };

	stall_fill(&rule, shape);
	put_rule(ns, name, *ns ? NULL : of_app("sys"), &rule);
}
