// SPDX-License-Identifier: GPL-2.0-only
/*
 * who.c - addresses, labels, and the pod that an address belongs to.
 */
#include <netinet/in.h>
#include <string.h>

#include "model/intern.h"
#include "oracle_int.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

/* ---- addresses ---- */

uint32_t addr_bits(const struct wd_addr *addr)
{
	return addr->family == 4 ? 32 : 128;
}

bool addr_bit(const struct wd_addr *addr, uint32_t nr)
{
	const uint8_t *byte = addr->family == 4 ? (const uint8_t *)&addr->v4 :
						  (const uint8_t *)&addr->v6;

	return byte[nr / 8] >> (7 - nr % 8) & 1;
}

bool addr_same_prefix(const struct wd_addr *a, const struct wd_addr *b,
		      uint32_t len)
{
	if (a->family != b->family)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (addr_bit(a, i) != addr_bit(b, i))
			return false;
	return true;
}

static bool addr_is(const struct wd_addr *a, const struct wd_addr *b)
{
	return addr_same_prefix(a, b, addr_bits(a));
}

bool has_addr(const struct wd_addr *list, uint32_t cnt,
	      const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (addr_is(&list[i], addr))
			return true;
	return false;
}

/* ---- selectors ---- */

const char *label_of(const struct wd_labels *labels, const char *key)
{
	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		if (!strcmp(labels->label[i].key, key))
			return labels->label[i].value;
	return NULL;
}

bool req_holds(const struct wd_req *req, const char *value)
{
	bool in = false;

	for (uint32_t i = 0; value && i < req->cnt; i++)
		in |= !strcmp(req->values[i], value);
	switch (req->op) {
	case WD_OP_IN:
		return in;
	case WD_OP_NOT_IN:
		return !in; /* also when the key is not there */
	case WD_OP_EXISTS:
		return value;
	case WD_OP_NOT_EXISTS:
		return !value;
	}
	return false;
}

bool selects_pod(const struct wd_selector *sel, const struct wd_object *pod)
{
	for (uint32_t i = 0; sel && i < sel->cnt; i++)
		if (!req_holds(&sel->req[i],
			       label_of(pod->pod.labels, sel->req[i].key)))
			return false;
	return true;
}

/* A namespace nobody told of has the one label that every namespace has. */
bool selects_ns(const struct wd_oracle *oracle, const struct wd_selector *sel,
		const char *ns)
{
	const struct wd_object *obj =
		wd_store_get(oracle->store, WD_KIND_NAMESPACE, "", ns);

	if (is_far(ns) && !far_is_named(sel))
		return false;
	for (uint32_t i = 0; i < sel->cnt; i++) {
		const char *key = sel->req[i].key;
		const char *value = obj ? label_of(obj->nsp.labels, key) : NULL;
		bool holds;

		if (far_req(&sel->req[i], ns, &holds)) {
			if (!holds)
				return false;
			continue;
		}
		if (!strcmp(key, NAME_LABEL))
			value = far_ns_name(ns);
		if (!req_holds(&sel->req[i], value))
			return false;
	}
	return true;
}

/* ---- who has an address ---- */

const struct wd_object *wd_oracle_pod(const struct wd_oracle *oracle,
				      const struct wd_endpoint *ep)
{
	const struct wd_object *pod;

	if (oracle->self && ep == oracle->self)
		return oracle->self_pod;
	pod = wd_store_get(oracle->store, WD_KIND_POD, ep->ns, ep->name);
	/* another incarnation of that name is another pod */
	if (pod && *ep->uid && *pod->uid && strcmp(ep->uid, pod->uid) != 0)
		return NULL;
	return pod;
}

bool pod_counts(const struct wd_object *pod)
{
	return !pod->pod.finished && !pod->pod.host_network;
}

/* Of two pods with one address: does @a have it rather than @b? */
bool pod_is_newer(const struct wd_object *a, const struct wd_object *b)
{
	if (a->created != b->created)
		return a->created > b->created;
	if (a->pod.terminating != b->pod.terminating)
		return b->pod.terminating;
	return strcmp(a->uid, b->uid) > 0;
}

static bool pod_is_local(const struct wd_oracle *oracle,
			 const struct wd_object *pod)
{
	for (uint32_t i = 0; i < oracle->ep_cnt; i++)
		if (wd_oracle_pod(oracle, oracle->ep[i]) == pod)
			return true;
	return false;
}

uint32_t wd_oracle_local(const struct wd_oracle *oracle,
			 const struct wd_addr *addr,
			 const struct wd_endpoint **ret_ep)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_endpoint *ep = oracle->ep[i];

		if (!has_addr(ep->addr, ep->addr_cnt, addr))
			continue;
		if (!cnt++)
			*ret_ep = ep;
	}
	return cnt;
}

const struct wd_object *wd_oracle_owner(const struct wd_oracle *oracle,
					const struct wd_addr *addr)
{
	const struct wd_object *best = NULL, *pod = NULL;
	const struct wd_endpoint *last = NULL;

	/* The newest interface here; of a pod unknown, nobody else has it. */
	for (uint32_t i = 0; i < oracle->ep_cnt; i++) {
		const struct wd_endpoint *ep = oracle->ep[i];

		pod = wd_oracle_pod(oracle, ep);
		if (has_addr(ep->addr, ep->addr_cnt, addr) &&
		    (!pod || pod_counts(pod)) && (!last || ep->id > last->id))
			last = ep;
	}
	if (last)
		return wd_oracle_pod(oracle, last);
	pod = NULL;
	while ((pod = wd_store_next(oracle->store, WD_KIND_POD, pod))) {
		/* what a local interface has counts more than what is told */
		if (is_far(pod->ns) || !pod_counts(pod) ||
		    pod_is_local(oracle, pod) ||
		    !has_addr(pod->pod.addr, pod->pod.addr_cnt, addr))
			continue;
		if (!best || pod_is_newer(pod, best))
			best = pod;
	}
	return best ? best : far_owner(oracle, addr);
}
