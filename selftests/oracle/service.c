// SPDX-License-Identifier: GPL-2.0-only
/*
 * service.c - where a flow to a service may end, found anew for each question
 * by walking all Services, EndpointSlices and Pods.
 */
#include <netinet/in.h>
#include <string.h>

#include "model/intern.h"
#include "oracle_int.h"

static bool claims(const struct wd_service *s, const struct wd_flow *flow)
{
	for (uint32_t i = 0; i < s->addr_cnt; i++)
		if (wd_addr_equal(&s->addr[i], &flow->dst))
			return true;
	return false;
}

static bool is_port(const struct wd_service_port *port,
		    const struct wd_flow *flow, bool by_node)
{
	return port->proto == flow->proto &&
	       (by_node ? port->node_port : port->port) == flow->port;
}

static bool serves(const struct wd_object *obj, const struct wd_flow *flow,
		   bool by_node)
{
	if (!by_node && !claims(&obj->service, flow))
		return false;
	for (uint32_t i = 0; i < obj->service.port_cnt; i++)
		if (is_port(&obj->service.port[i], flow, by_node))
			return true;
	return false;
}

static void add(struct wd_ends *ends, const struct wd_flow *flow,
		const struct wd_addr *addr, uint16_t port)
{
	if (addr->family != flow->dst.family || !port ||
	    ends->cnt == WD_ORACLE_ENDS)
		return;
	ends->addr[ends->cnt] = *addr;
	ends->port[ends->cnt++] = port;
}

static void add_slice_port(const struct wd_slice *slice,
			   const struct wd_slice_port *at,
			   const struct wd_service_port *port,
			   const struct wd_flow *flow, struct wd_ends *ends)
{
	if (strcmp(at->name, port->name) != 0 || at->proto != port->proto)
		return;
	for (uint32_t i = 0; i < slice->addr_cnt; i++)
		add(ends, flow, &slice->addr[i], at->port);
}

static bool add_slices(const struct wd_oracle *oracle,
		       const struct wd_object *service,
		       const struct wd_service_port *port,
		       const struct wd_flow *flow, struct wd_ends *ends)
{
	const struct wd_object *obj = NULL;
	bool any = false;

	while ((obj = wd_store_next(oracle->store, WD_KIND_SLICE, obj))) {
		const struct wd_slice *slice = &obj->slice;

		if (strcmp(obj->ns, service->ns) != 0 ||
		    strcmp(slice->service, service->name) != 0)
			continue;
		any = true;
		for (uint32_t i = 0; i < slice->port_cnt; i++)
			add_slice_port(slice, &slice->port[i], port, flow,
				       ends);
	}
	return any;
}

static uint16_t target(const struct wd_object *pod,
		       const struct wd_service_port *port)
{
	if (!port->target_name)
		return port->target;
	for (uint32_t i = 0; i < pod->pod.port_cnt; i++)
		if (pod->pod.port[i].proto == port->proto &&
		    !strcmp(pod->pod.port[i].name, port->target_name))
			return pod->pod.port[i].port;
	return 0;
}

static bool is_picked(const struct wd_object *pod,
		      const struct wd_object *service)
{
	const struct wd_selector *sel = service->service.selector;

	if (strcmp(pod->ns, service->ns) != 0 || pod->pod.finished)
		return false;
	for (uint32_t i = 0; i < sel->cnt; i++) {
		bool has = false;

		for (uint32_t k = 0; k < pod->pod.labels->cnt; k++)
			has |= !strcmp(pod->pod.labels->label[k].key,
				       sel->req[i].key) &&
			       !strcmp(pod->pod.labels->label[k].value,
				       sel->req[i].values[0]);
		if (!has)
			return false;
	}
	return true;
}

static void add_pod(const struct wd_oracle *oracle, const struct wd_object *pod,
		    const struct wd_service_port *port,
		    const struct wd_flow *flow, struct wd_ends *ends)
{
	bool here = false;

	/* what its interface here has, else what it is said to have */
	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_endpoint *ep = oracle->ep[i];

		if (wd_oracle_pod(oracle, ep) != pod)
			continue;
		here = true;
		for (uint32_t k = 0; k < ep->addr_cnt; k++)
			add(ends, flow, &ep->addr[k], target(pod, port));
	}
	for (uint32_t k = 0; !here && k < pod->pod.addr_cnt; k++)
		add(ends, flow, &pod->pod.addr[k], target(pod, port));
}

static void add_port(const struct wd_oracle *oracle,
		     const struct wd_object *service,
		     const struct wd_service_port *port,
		     const struct wd_flow *flow, struct wd_ends *ends)
{
	const struct wd_object *pod = NULL;

	if (add_slices(oracle, service, port, flow, ends) ||
	    !service->service.selector)
		return;
	while ((pod = wd_store_next(oracle->store, WD_KIND_POD, pod)))
		if (is_picked(pod, service))
			add_pod(oracle, pod, port, flow, ends);
}

static bool add_services(const struct wd_oracle *oracle,
			 const struct wd_flow *flow, bool by_node,
			 struct wd_ends *ends)
{
	const struct wd_object *obj = NULL;
	bool any = false;

	while ((obj = wd_store_next(oracle->store, WD_KIND_SERVICE, obj))) {
		if (!serves(obj, flow, by_node))
			continue;
		any = true;
		for (uint32_t i = 0; i < obj->service.port_cnt; i++)
			if (is_port(&obj->service.port[i], flow, by_node))
				add_port(oracle, obj, &obj->service.port[i],
					 flow, ends);
	}
	return any;
}

bool wd_oracle_ends(const struct wd_oracle *oracle, const struct wd_flow *flow,
		    bool is_node, struct wd_ends *ret_ends)
{
	ret_ends->cnt = 0;
	if (!flow->port)
		return false;
	if (add_services(oracle, flow, false, ret_ends))
		return true;
	return is_node && add_services(oracle, flow, true, ret_ends);
}

/* ---- as peers of rules ---- */

static bool is_meant(const struct wd_peer *peer, const struct wd_object *obj)
{
	const struct wd_selector *sel = peer->service_sel;

	if (peer->service_ns && strcmp(peer->service_ns, obj->ns) != 0)
		return false;
	if (peer->service)
		return !strcmp(peer->service, obj->name);
	for (uint32_t i = 0; i < sel->cnt; i++)
		if (!req_holds(&sel->req[i],
			       label_of(obj->service.labels, sel->req[i].key)))
			return false;
	return true;
}

/* Slices go by the name only: their service may not be there. */
/* @selected: also if its service has a selector */
static bool is_meant_slice(const struct wd_oracle *oracle,
			   const struct wd_peer *peer,
			   const struct wd_object *slice, bool selected)
{
	const struct wd_object *obj = NULL;

	if (!*slice->slice.service)
		return false;
	while ((obj = wd_store_next(oracle->store, WD_KIND_SERVICE, obj)))
		if (!strcmp(obj->ns, slice->ns) &&
		    !strcmp(obj->name, slice->slice.service))
			return (selected || !obj->service.selector) &&
			       is_meant(peer, obj);
	return peer->service && !strcmp(peer->service, slice->slice.service) &&
	       (!peer->service_ns || !strcmp(peer->service_ns, slice->ns));
}

bool is_sliced(const struct wd_oracle *oracle, const struct wd_peer *peer,
	       const struct wd_addr *addr, bool selected)
{
	const struct wd_object *obj = NULL;

	if (oracle->few_known && (peer->only_known || !peer->service_ns))
		return false;
	while ((obj = wd_store_next(oracle->store, WD_KIND_SLICE, obj)))
		if (is_meant_slice(oracle, peer, obj, selected) &&
		    has_addr(obj->slice.addr, obj->slice.addr_cnt, addr))
			return true;
	return false;
}

bool is_served(const struct wd_oracle *oracle, const struct wd_peer *peer,
	       const struct wd_addr *addr)
{
	const struct wd_object *pod = wd_oracle_owner(oracle, addr);
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(oracle->store, WD_KIND_SERVICE, obj)))
		if (is_meant(peer, obj) && obj->service.selector && pod &&
		    is_picked(pod, obj))
			return true;
	return is_sliced(oracle, peer, addr, false);
}

bool serves_pods(const struct wd_oracle *oracle, const struct wd_peer *peer)
{
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(oracle->store, WD_KIND_SERVICE, obj)))
		if (is_meant(peer, obj) && obj->service.selector)
			return true;
	return false;
}

static bool has_slice(const struct wd_oracle *oracle,
		      const struct wd_object *service)
{
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(oracle->store, WD_KIND_SLICE, obj)))
		if (!strcmp(obj->ns, service->ns) &&
		    !strcmp(obj->slice.service, service->name))
			return true;
	return false;
}

/*
 * Nobody can say where it leads: named and not there, or without anything. Of any
 * namespace one that is known is enough.
 */
bool serves_unknown(const struct wd_oracle *oracle, const struct wd_peer *peer)
{
	const struct wd_object *obj = NULL;
	bool known = false;

	if (peer->only_known)
		return false;
	while ((obj = wd_store_next(oracle->store, WD_KIND_SERVICE, obj))) {
		if (!is_meant(peer, obj))
			continue;
		if (obj->service.selector || has_slice(oracle, obj))
			known = true;
		else if (peer->service_ns)
			return true;
	}
	while ((obj = wd_store_next(oracle->store, WD_KIND_SLICE, obj)))
		known |= is_meant_slice(oracle, peer, obj, false);
	return peer->service && !known;
}

/* What denies by it denies somebody. */
bool serves_anybody(const struct wd_oracle *oracle, const struct wd_peer *peer)
{
	const struct wd_object *obj = NULL;

	if (serves_pods(oracle, peer) || serves_unknown(oracle, peer))
		return true;
	while ((obj = wd_store_next(oracle->store, WD_KIND_SLICE, obj)))
		if (is_meant_slice(oracle, peer, obj, false) &&
		    obj->slice.addr_cnt)
			return true;
	return false;
}
