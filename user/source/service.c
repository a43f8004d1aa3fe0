/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service.c - Service and EndpointSlice: which addresses and ports lead to
 * others, and to whom. Only what policy needs is read; a value that cannot be
 * read refuses the object as a whole, and the version before stays.
 *
 * Fields: api/core/v1 ServiceSpec and ServiceStatus, api/discovery/v1
 * EndpointSlice of Kubernetes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define SERVICE_LABEL "kubernetes.io/service-name"

/* ---- Service ---- */

static int read_target(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, struct wd_service_port *port)
{
	const struct wd_tree *node = wd_tree_get(map, "targetPort");
	const char *name = node ? wd_tree_str(node) : NULL;

	port->target = port->port;
	/* 0 is what clients send that mean "the same" */
	if (!node || (name && !*name) ||
	    (node->type == WD_TREE_SCALAR && strcmp(node->text, "0") == 0))
		return 0;
	if (!name)
		return wd_read_port_nr(r, WD_AT(at, "targetPort"), node,
				       &port->target);
	if (!wd_read_is_port_name(name)) {
		wd_read_problem(r, WD_AT(at, "targetPort"), node->line,
				"is neither a number nor the name of a port");
		return -EINVAL;
	}
	port->target = 0;
	port->target_name = wd_str_get(name);
	return 0;
}

static int read_node_port(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_service_port *port)
{
	const struct wd_tree *node = wd_tree_get(map, "nodePort");

	if (!node ||
	    (node->type == WD_TREE_SCALAR && strcmp(node->text, "0") == 0))
		return 0;
	return wd_read_port_nr(r, WD_AT(at, "nodePort"), node,
			       &port->node_port);
}

static int read_port(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_service_port *port)
{
	const struct wd_tree *nr = wd_tree_get(map, "port");
	const char *name = NULL;

	if (wd_read_is_hollow(r, at, map) ||
	    wd_read_str(r, at, map, "name", &name) ||
	    wd_read_proto(r, at, map, &port->proto))
		return -EINVAL;
	if (!nr) {
		wd_read_problem(r, WD_AT(at, "port"), map->line, "is missing");
		return -EINVAL;
	}
	port->name = wd_str_get(name ? name : "");
	if (wd_read_port_nr(r, WD_AT(at, "port"), nr, &port->port) ||
	    read_node_port(r, at, map, port))
		return -EINVAL;
	return read_target(r, at, map, port);
}

static int read_ports(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *spec, struct wd_service *service)
{
	const struct wd_tree *list = NULL;

	if (wd_read_list(r, at, spec, "ports", &list))
		return -EINVAL;
	at = WD_AT(at, "ports");
	service->port =
		wd_xcalloc(list ? list->cnt : 0, sizeof(*service->port));
	wd_for_each_entry(e, list) {
		uint32_t nr = service->port_cnt++;

		if (read_port(r, WD_ELEMENT(at, nr), e, &service->port[nr]))
			return -EINVAL;
	}
	return 0;
}

/* Once more if it is there: there may be very many, see drop_repeated(). */
static void add_addr(struct wd_service *service, const struct wd_addr *addr)
{
	uint32_t cnt = service->addr_cnt++;

	if (!(cnt & (cnt - 1))) /* a power of two is full */
		service->addr = wd_xrealloc(service->addr, cnt ? 2UL * cnt : 1,
					    sizeof(*service->addr));
	service->addr[cnt] = *addr;
}

static int cmp_addr(const struct wd_addr *a, const struct wd_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return a->family == 4 ? memcmp(&a->v4, &b->v4, sizeof(a->v4)) :
				memcmp(&a->v6, &b->v6, sizeof(a->v6));
}

/* Equal ones in the order in which they stand there. */
static int cmp_index(const void *const_a, const void *const_b, void *ctx)
{
	const struct wd_addr *addr = ctx;
	const uint32_t *a = const_a;
	const uint32_t *b = const_b;
	int cmp = cmp_addr(&addr[*a], &addr[*b]);

	return cmp ?: *a < *b ? -1 : 1;
}

/* The first of equal ones stays where it is. */
static void drop_repeated(struct wd_service *service)
{
	uint32_t cnt = service->addr_cnt;
	struct wd_addr *addr = service->addr;
	uint32_t *order;
	uint32_t kept = 0;

	if (cnt < 2)
		return;
	order = wd_xcalloc(cnt, sizeof(*order));
	for (uint32_t i = 0; i < cnt; i++)
		order[i] = i;
	qsort_r(order, cnt, sizeof(*order), cmp_index, addr);
	for (uint32_t i = cnt - 1; i > 0; i--) {
		if (!cmp_addr(&addr[order[i]], &addr[order[i - 1]]))
			addr[order[i]].family = 0; /* none */
	}
	for (uint32_t i = 0; i < cnt; i++) {
		if (addr[i].family)
			addr[kept++] = addr[i];
	}
	service->addr_cnt = kept;
	service->addr = wd_xrealloc(addr, kept, sizeof(*addr));
	free(order);
}

/*
 * Nobody's, or the sender's own: rung by rung, what a pod sends there is dropped.
 * The API server takes groups, the broadcast and addresses of the link, and
 * kube-proxy translates them: left out, they would be judged as what they seem.
 */
static bool is_nowhere(const struct wd_addr *addr)
{
	uint32_t v4 = ntohl(addr->v4.s_addr);

	if (addr->family == 6)
		return IN6_IS_ADDR_UNSPECIFIED(&addr->v6) ||
		       IN6_IS_ADDR_LOOPBACK(&addr->v6);
	return v4 == INADDR_ANY || v4 >> 24 == IN_LOOPBACKNET;
}

/* Told once for all: there may be very many. */
static void drop_nowhere(struct wd_read *r, uint32_t line,
			 struct wd_service *service)
{
	const enum wd_problem_effect effect = r->effect;
	struct wd_addr first = { 0 };
	char text[WD_ADDR_STRLEN];
	uint32_t kept = 0;

	for (uint32_t i = 0; i < service->addr_cnt; i++) {
		if (!is_nowhere(&service->addr[i]))
			service->addr[kept++] = service->addr[i];
		else if (!first.family)
			first = service->addr[i];
	}
	if (kept == service->addr_cnt)
		return;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(r, WD_AT(NULL, "spec"), line,
			"has %u addresses that no service has (unspecified or "
			"loopback, as %s); they are left out",
			service->addr_cnt - kept, wd_addr_str(&first, text));
	r->effect = effect;
	service->addr_cnt = kept;
}

/* Texts of a list that are addresses; "None" and "" are none. */
static int read_addr_list(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map, const char *key,
			  struct wd_service *service)
{
	const struct wd_tree *list = NULL;
	struct wd_addr addr;
	uint32_t index;

	if (wd_read_list(r, at, map, key, &list))
		return -EINVAL;
	wd_for_each_element(e, index, list) {
		const char *text = wd_tree_str(e);

		if (text && (!*text || strcmp(text, "None") == 0))
			continue;
		if (!text || wd_addr_parse_loose(text, &addr)) {
			wd_read_problem(r, WD_ELEMENT(WD_AT(at, key), index),
					e->line, "is no address");
			return -EINVAL;
		}
		add_addr(service, &addr);
	}
	return 0;
}

/* The first of clusterIPs, for those who write only that. */
static int read_cluster_ip(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *spec,
			   struct wd_service *service)
{
	const char *text = wd_tree_str(wd_tree_get(spec, "clusterIP"));
	struct wd_addr addr;

	if (text && strcmp(text, "None") == 0)
		return 0;
	if (wd_read_addr_loose(r, at, spec, "clusterIP", &addr))
		return -EINVAL;
	if (addr.family)
		add_addr(service, &addr);
	return 0;
}

static int read_balancer(struct wd_read *r, const struct wd_tree *doc,
			 struct wd_service *service)
{
	const struct wd_at *at = WD_AT(NULL, "status");
	const struct wd_tree *status = NULL;
	const struct wd_tree *balancer = NULL;
	const struct wd_tree *list = NULL;
	struct wd_addr addr;
	uint32_t index;

	if (wd_read_map(r, NULL, doc, "status", &status) ||
	    wd_read_map(r, at, status, "loadBalancer", &balancer))
		return -EINVAL;
	at = WD_AT(at, "loadBalancer");
	if (wd_read_list(r, at, balancer, "ingress", &list))
		return -EINVAL;
	at = WD_AT(at, "ingress");
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);

		if (wd_read_is_hollow(r, here, e) ||
		    wd_read_addr_loose(r, here, e, "ip", &addr))
			return -EINVAL;
		if (addr.family)
			add_addr(service, &addr);
	}
	return 0;
}

/* No selector, or an empty one: others say where it leads. */
static int read_service_selector(struct wd_read *r, const struct wd_at *at,
				 const struct wd_tree *spec,
				 struct wd_service *service)
{
	const struct wd_tree *map = NULL;
	struct wd_selector *sel;
	struct wd_label *label;
	uint32_t cnt;

	if (wd_read_map(r, at, spec, "selector", &map))
		return -EINVAL;
	if (!map || !map->cnt)
		return 0;
	if (wd_read_labels(r, WD_AT(at, "selector"), map, &label, &cnt))
		return -EINVAL;
	sel = wd_xcalloc(1, sizeof(*sel));
	sel->req = wd_xcalloc(cnt, sizeof(*sel->req));
	for (; sel->cnt < cnt; sel->cnt++) {
		struct wd_req *req = &sel->req[sel->cnt];

		req->key = wd_str_get(label[sel->cnt].key);
		req->op = WD_OP_IN;
		req->cnt = 1;
		req->values = wd_xcalloc(1, sizeof(*req->values));
		req->values[0] = wd_str_get(label[sel->cnt].value);
	}
	free(label);
	wd_selector_sort(sel);
	service->selector = sel;
	return 0;
}

static int read_service_spec(struct wd_read *r, const struct wd_tree *doc,
			     struct wd_service *service)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const struct wd_tree *spec = NULL;
	const char *type = NULL;

	if (wd_read_map(r, NULL, doc, "spec", &spec) ||
	    wd_read_str(r, at, spec, "type", &type))
		return -EINVAL;
	if (type && strcmp(type, "ExternalName") == 0)
		return 0;
	if (read_service_selector(r, at, spec, service) ||
	    read_ports(r, at, spec, service) ||
	    read_cluster_ip(r, at, spec, service) ||
	    read_addr_list(r, at, spec, "clusterIPs", service) ||
	    read_addr_list(r, at, spec, "externalIPs", service))
		return -EINVAL;
	if (read_balancer(r, doc, service))
		return -EINVAL;
	drop_repeated(service);
	drop_nowhere(r, spec ? spec->line : doc->line, service);
	return 0;
}

/*
 * A service without its labels is still where packets lead to: were it refused,
 * whoever gives it too many would have it judged as if it were none.
 */
static int read_service_labels(struct wd_read *r, const struct wd_meta *meta,
			       struct wd_service *service)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "labels");
	struct wd_meta own = *meta;

	if (own.labels && own.labels->type == WD_TREE_MAP) {
		enum wd_problem_effect effect = r->effect;

		r->effect = WD_PROBLEM_IGNORED;
		if (wd_read_label_cnt(r, at, own.labels->line, own.labels->cnt))
			own.labels = NULL;
		r->effect = effect;
	}
	return wd_read_own_labels(r, &own, NULL, NULL, &service->labels);
}

int wd_read_service(struct wd_read *r, const struct wd_tree *doc,
		    const struct wd_meta *meta, struct wd_object **ret_obj)
{
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_SERVICE, meta, doc->line);

	if (read_service_labels(r, meta, &obj->service) ||
	    read_service_spec(r, doc, &obj->service)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	*ret_obj = obj;
	return 0;
}

/* ---- EndpointSlice ---- */

static int read_slice_ports(struct wd_read *r, const struct wd_tree *doc,
			    struct wd_slice *slice)
{
	const struct wd_at *at = WD_AT(NULL, "ports");
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_list(r, NULL, doc, "ports", &list))
		return -EINVAL;
	slice->port = wd_xcalloc(list ? list->cnt : 0, sizeof(*slice->port));
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);
		const struct wd_tree *nr = wd_tree_get(e, "port");
		struct wd_slice_port *port = &slice->port[slice->port_cnt];
		const char *name = NULL;

		if (wd_read_is_hollow(r, here, e) ||
		    wd_read_str(r, here, e, "name", &name) ||
		    wd_read_proto(r, here, e, &port->proto))
			return -EINVAL;
		if (!nr) /* of a headless service: nothing is translated */
			continue;
		if (wd_read_port_nr(r, WD_AT(here, "port"), nr, &port->port))
			return -EINVAL;
		port->name = wd_str_get(name ? name : "");
		slice->port_cnt++;
	}
	return 0;
}

static int read_slice_endpoint(struct wd_read *r, const struct wd_at *at,
			       const struct wd_tree *map,
			       struct wd_slice *slice)
{
	const struct wd_tree *list = NULL;
	struct wd_addr addr;
	uint32_t index;

	if (wd_read_is_hollow(r, at, map) ||
	    wd_read_list(r, at, map, "addresses", &list))
		return -EINVAL;
	wd_for_each_element(e, index, list) {
		const char *text = wd_tree_str(e);

		if (!text || wd_addr_parse_loose(text, &addr)) {
			wd_read_problem(
				r, WD_ELEMENT(WD_AT(at, "addresses"), index),
				e->line, "is no address");
			return -EINVAL;
		}
		slice->addr[slice->addr_cnt++] = addr;
	}
	return 0;
}

static uint32_t count_addrs(const struct wd_tree *list)
{
	uint32_t cnt = 0;

	wd_for_each_entry(e, list) {
		const struct wd_tree *addrs = wd_tree_get(e, "addresses");

		cnt += addrs ? addrs->cnt : 0;
	}
	return cnt;
}

static int read_slice_endpoints(struct wd_read *r, const struct wd_tree *doc,
				struct wd_slice *slice)
{
	const struct wd_tree *list = NULL;
	const char *type = NULL;
	uint32_t index;

	if (wd_read_str(r, NULL, doc, "addressType", &type) ||
	    wd_read_list(r, NULL, doc, "endpoints", &list))
		return -EINVAL;
	/* Names, which nobody translates to: it says nothing of its service. */
	if (type && strcmp(type, "FQDN") == 0) {
		wd_str_put(slice->service);
		slice->service = wd_str_get("");
		return 0;
	}
	slice->addr = wd_xcalloc(count_addrs(list), sizeof(*slice->addr));
	wd_for_each_element(e, index, list) {
		if (read_slice_endpoint(
			    r, WD_ELEMENT(WD_AT(NULL, "endpoints"), index), e,
			    slice))
			return -EINVAL;
	}
	return 0;
}

int wd_read_slice(struct wd_read *r, const struct wd_tree *doc,
		  const struct wd_meta *meta, struct wd_object **ret_obj)
{
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_SLICE, meta, doc->line);
	const char *service =
		wd_tree_str(wd_tree_get(meta->labels, SERVICE_LABEL));

	obj->slice.service = wd_str_get(service ? service : "");
	if (read_slice_ports(r, doc, &obj->slice) ||
	    read_slice_endpoints(r, doc, &obj->slice)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	*ret_obj = obj;
	return 0;
}
