/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_service.c - services: their addresses and ports, to whom they lead, and
 * what policy makes of that.
 */
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/services.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../base/rule_text.h"
#include "../datapath/ladder.h"
#include "../model/served.h"
#include "../model/xalloc.h"
#include "query.h"

static const char *const states[WD_SERVED__MAX] = {
	[WD_SERVED_ALIKE] = "alike",	   [WD_SERVED_MIXED] = "mixed",
	[WD_SERVED_NOBODY] = "nobody",	   [WD_SERVED_MANY] = "too many kinds",
	[WD_SERVED_OVER] = "beyond quota", [WD_SERVED_FULL] = "no room",
};

/* The words of wd_services_put(). */
static const char *judged(const struct wd_agent *agent)
{
	return wd_ladder(agent->dp)->rung == WD_RUNG_NFT ||
			       wd_services_exact(agent) ?
		       "exact" :
		       "all backends";
}

/* ---- list ---- */

/* One service's fronts, added up. */
struct sum {
	struct wd_addr *addr; /* of backends, each once */
	size_t cnt;
	size_t cap;
	enum wd_served worst;
};

static int by_addr(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wd_addr));
}

static void sum_front(void *ctx, const struct wd_served_front *front)
{
	struct sum *sum = ctx;

	if (front->state > sum->worst)
		sum->worst = front->state;
	for (size_t i = 0; i < front->end_cnt; i++) {
		sum->addr = wd_grow(sum->addr, sum->cnt, &sum->cap,
				    sizeof(*sum->addr));
		sum->addr[sum->cnt++] = front->end[i].addr;
	}
}

static size_t distinct(struct sum *sum)
{
	size_t cnt = 0;

	if (sum->cnt)
		qsort(sum->addr, sum->cnt, sizeof(*sum->addr), by_addr);
	for (size_t i = 0; i < sum->cnt; i++)
		cnt += !i || by_addr(&sum->addr[i - 1], &sum->addr[i]) != 0;
	return cnt;
}

static void put_ports(const struct wd_service *service, struct json_object *obj)
{
	struct json_object *array = wd_json_array(obj, "ports");

	for (uint32_t i = 0; service && i < service->port_cnt; i++) {
		const struct wd_service_port *port = &service->port[i];
		struct json_object *one = wd_json_push(array);

		wd_json_int(one, "port", port->port);
		wd_json_str(one, "protocol", wd_proto_name(port->proto));
		wd_json_str(one, "name", port->name);
		wd_json_int(one, "node_port", port->node_port);
	}
}

static void put_service(const struct wd_served_service *s,
			struct json_object *obj)
{
	const struct wd_service *service = s->obj ? &s->obj->service : NULL;
	struct json_object *array;
	char text[WD_ADDR_STRLEN];

	wd_json_str(obj, "namespace", s->ns);
	wd_json_str(obj, "name", s->name);
	wd_json_bool(obj, "known", service != NULL);
	array = wd_json_array(obj, "addresses");
	for (uint32_t i = 0; service && i < service->addr_cnt; i++)
		wd_json_push_str(array, wd_addr_str(&service->addr[i], text));
	put_ports(service, obj);
	wd_json_int(obj, "slices", s->slices);
	wd_json_int(obj, "slices_beyond_quota", s->slices_over);
}

struct listing {
	const struct wd_agent *agent;
	struct json_object *array;
};

static void list_service(void *ctx, const struct wd_served_service *s)
{
	struct listing *listing = ctx;
	struct json_object *obj = wd_json_push(listing->array);
	struct sum sum = { .worst = WD_SERVED_ALIKE };
	bool any;

	put_service(s, obj);
	wd_served_fronts(listing->agent->model, s, sum_front, &sum);
	any = s->obj && s->obj->service.addr_cnt && s->obj->service.port_cnt;
	wd_json_int(obj, "backends", (int64_t)distinct(&sum));
	/* headless, or a name elsewhere: nothing is translated */
	wd_json_str(obj, "state", any ? states[sum.worst] : NULL);
	free(sum.addr);
}

void wd_query_service_list(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	struct listing listing = { agent, wd_json_array(doc, "services") };

	(void)req;
	wd_query_no_fd(fd);
	wd_json_str(doc, "judged", judged(agent));
	wd_served_each(agent->model, list_service, &listing);
	wd_ctl_reply(conn, doc);
}

/* ---- get ---- */

struct finding {
	const struct wd_agent *agent;
	const char *name; /* NS/NAME */
	struct json_object *doc; /* NULL: not found yet */
	struct json_object *fronts;
};

static void put_end(const struct wd_agent *agent, const struct wd_end *end,
		    struct json_object *obj)
{
	struct wd_addr_info info;

	wd_model_addr(agent->model, &end->addr, &info);
	wd_query_addr(obj, "address", &end->addr);
	wd_json_int(obj, "port", end->port);
	wd_json_str(obj, "kind", info.kind);
	wd_json_str(obj, "namespace", info.ns);
	wd_json_str(obj, "name", info.name);
}

static void put_front(void *ctx, const struct wd_served_front *front)
{
	struct finding *f = ctx;
	struct json_object *obj = wd_json_push(f->fronts);
	struct json_object *array;

	if (front->any_node)
		wd_json_str(obj, "address", NULL);
	else
		wd_query_addr(obj, "address", &front->addr);
	wd_json_int(obj, "family", front->addr.family);
	wd_json_bool(obj, "any_node", front->any_node);
	wd_json_int(obj, "port", front->port);
	wd_json_str(obj, "protocol",
		    front->port ? wd_proto_name(front->proto) : NULL);
	wd_json_str(obj, "state", states[front->state]);
	wd_json_int(obj, "kinds", front->kinds);
	array = wd_json_array(obj, "backends");
	for (size_t i = 0; i < front->end_cnt; i++)
		put_end(f->agent, &front->end[i], wd_json_push(array));
}

static bool has_name(const struct wd_served_service *s, const char *name)
{
	size_t len = strlen(s->ns);

	return !strncmp(name, s->ns, len) && name[len] == '/' &&
	       !strcmp(name + len + 1, s->name);
}

static void find_service(void *ctx, const struct wd_served_service *s)
{
	struct finding *f = ctx;
	const struct wd_selector *sel = s->obj ? s->obj->service.selector :
						 NULL;
	char *text;

	if (f->doc || !has_name(s, f->name))
		return;
	f->doc = json_object_new_object();
	put_service(s, f->doc);
	text = sel ? wd_selector_text(sel) : NULL;
	wd_json_str(f->doc, "selector", text);
	free(text);
	wd_json_str(f->doc, "judged", judged(f->agent));
	f->fronts = wd_json_array(f->doc, "fronts");
	wd_served_fronts(f->agent->model, s, put_front, f);
}

void wd_query_service_get(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct finding f = { .agent = agent,
			     .name = wd_json_get_str(req, "name") };

	wd_query_no_fd(fd);
	if (!strchr(f.name, '/')) {
		wd_ctl_error(conn, 2, f.name, "is not NAMESPACE/NAME");
		return;
	}
	wd_served_each(agent->model, find_service, &f);
	if (f.doc)
		wd_ctl_reply(conn, f.doc);
	else
		wd_ctl_error(conn, 1, f.name,
			     "no source has told of this service");
}
