/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * object.c - the objects of a cluster: their end, their equality, their selectors.
 */
#include "object.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusters.h"
#include "intern.h"
#include "xalloc.h"

static void selector_fini(struct wd_selector *sel)
{
	for (uint32_t i = 0; i < sel->cnt; i++) {
		wd_str_put(sel->req[i].key);
		for (uint32_t k = 0; k < sel->req[i].cnt; k++)
			wd_str_put(sel->req[i].values[k]);
		free(sel->req[i].values);
	}
	free(sel->req);
}

/* ---- selectors that are shared ---- */

struct shared {
	UT_hash_handle hh; /* by key */
	struct wd_selector *sel;
	size_t key_size;
	uint64_t key[]; /* all of the selector in a row; strings are interned, so addresses do */
};

static struct shared *shareds;

static size_t key_words(const struct wd_selector *sel)
{
	size_t words = 1;

	for (uint32_t i = 0; i < sel->cnt; i++)
		words += 2 + sel->req[i].cnt;
	return words;
}

static struct shared *shared_new(struct wd_selector *sel)
{
	size_t size = key_words(sel) * sizeof(uint64_t);
	struct shared *s = wd_xcalloc(1, sizeof(*s) + size);
	uint64_t *at = s->key;

	s->sel = sel;
	s->key_size = size;
	*at++ = sel->cnt;
	for (uint32_t i = 0; i < sel->cnt; i++) {
		const struct wd_req *req = &sel->req[i];

		*at++ = (uintptr_t)req->key;
		*at++ = (uint64_t)req->op << 32 | req->cnt;
		for (uint32_t k = 0; k < req->cnt; k++)
			*at++ = (uintptr_t)req->values[k];
	}
	return s;
}

struct wd_selector *wd_selector_share(struct wd_selector *sel)
{
	struct shared *mine = shared_new(sel);
	struct shared *there;

	HASH_FIND(hh, shareds, mine->key, mine->key_size, there);
	if (there) {
		selector_fini(sel);
		free(sel);
		free(mine);
	} else {
		there = mine;
		HASH_ADD_KEYPTR(hh, shareds, there->key, there->key_size,
				there);
	}
	there->sel->refs++;
	return there->sel;
}

static void shared_forget(struct wd_selector *sel)
{
	struct shared *like = shared_new(sel);
	struct shared *there;

	HASH_FIND(hh, shareds, like->key, like->key_size, there);
	free(like);
	assert(there && there->sel == sel);
	HASH_DELETE(hh, shareds, there);
	free(there);
}

static void selector_free(struct wd_selector *sel)
{
	if (!sel || sel->refs > 1) {
		if (sel)
			sel->refs--;
		return;
	}
	if (sel->refs)
		shared_forget(sel);
	selector_fini(sel);
	free(sel);
}

static struct wd_selector *selector_copy(const struct wd_selector *from)
{
	struct wd_selector *to = wd_xcalloc(1, sizeof(*to));

	to->cnt = from->cnt;
	to->req = wd_xcalloc(from->cnt, sizeof(*to->req));
	for (uint32_t i = 0; i < from->cnt; i++) {
		struct wd_req *req = &to->req[i];

		*req = from->req[i];
		req->key = wd_str_ref(req->key);
		req->values = wd_xcalloc(req->cnt, sizeof(*req->values));
		for (uint32_t k = 0; k < req->cnt; k++)
			req->values[k] = wd_str_ref(from->req[i].values[k]);
	}
	return to;
}

const struct wd_selector *wd_selector_keep(const struct wd_selector *sel)
{
	union {
		const struct wd_selector *in;
		struct wd_selector *out;
	} cast = { sel };

	if (!sel || !sel->cnt)
		return NULL;
	if (!sel->refs)
		return wd_selector_share(selector_copy(sel));
	cast.out->refs++;
	return sel;
}

void wd_selector_put(const struct wd_selector *sel)
{
	union {
		const struct wd_selector *in;
		struct wd_selector *out;
	} cast = { sel };

	selector_free(cast.out);
}

/* ---- freeing ---- */

static void peer_fini(struct wd_peer *peer)
{
	switch (peer->type) {
	case WD_PEER_PODS:
		selector_free(peer->ns_sel);
		selector_free(peer->pod_sel);
		break;
	case WD_PEER_NODES:
		selector_free(peer->node_sel);
		break;
	case WD_PEER_GROUPS:
		wd_str_put(peer->group);
		selector_free(peer->group_sel);
		free(peer->except);
		break;
	case WD_PEER_CIDR:
		free(peer->except);
		break;
	case WD_PEER_SERVICES:
		wd_str_put(peer->service_ns);
		wd_str_put(peer->service);
		selector_free(peer->service_sel);
		break;
	}
}

void wd_rule_nobody(struct wd_policy_rule *rule)
{
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		peer_fini(&rule->peer[i]);
	free(rule->peer);
	rule->peer = NULL;
	rule->peer_cnt = 0;
	rule->any_peer = false;
}

static void rules_free(struct wd_policy_rule *rule, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		wd_rule_nobody(&rule[i]);
		for (uint32_t k = 0; k < rule[i].port_cnt; k++)
			wd_str_put(rule[i].port[k].name);
		free(rule[i].port);
	}
	free(rule);
}

static void policy_fini(struct wd_policy *policy)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		struct wd_spec *spec = &policy->spec[i];

		selector_free(spec->ns_sel);
		selector_free(spec->subject);
		wd_str_put(spec->log);
		rules_free(spec->rule[0], spec->rule_cnt[0]);
		rules_free(spec->rule[1], spec->rule_cnt[1]);
	}
	free(policy->text);
	free(policy->spec);
}

/* ---- lists of named ports that are shared ---- */

struct ports {
	UT_hash_handle hh; /* by the list */
	uint32_t refs;
	uint32_t cnt;
	struct wd_port_name port[];
};

static struct ports *all_ports;

static void ports_free(struct wd_port_name *port, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		wd_str_put(port[i].name);
	free(port);
}

struct wd_port_name *wd_ports_share(struct wd_port_name *port, uint32_t cnt)
{
	size_t size = cnt * sizeof(*port);
	/* Zeroed: what lies between the fields is part of the key. */
	struct ports *mine = wd_xcalloc(1, sizeof(*mine) + size);
	struct ports *there;

	mine->cnt = cnt;
	for (uint32_t i = 0; i < cnt; i++) {
		mine->port[i].name = wd_str_ref(port[i].name);
		mine->port[i].port = port[i].port;
		mine->port[i].proto = port[i].proto;
	}
	ports_free(port, cnt);
	HASH_FIND(hh, all_ports, mine->port, size, there);
	if (there) {
		for (uint32_t i = 0; i < cnt; i++)
			wd_str_put(mine->port[i].name);
		free(mine);
	} else {
		there = mine;
		HASH_ADD_KEYPTR(hh, all_ports, there->port, size, there);
	}
	there->refs++;
	return there->port;
}

static void ports_put(const struct wd_port_name *port, uint32_t cnt)
{
	struct ports *there;

	HASH_FIND(hh, all_ports, port, cnt * sizeof(*port), there);
	assert(there && there->port == port);
	if (--there->refs > 0)
		return;
	HASH_DELETE(hh, all_ports, there);
	for (uint32_t i = 0; i < cnt; i++)
		wd_str_put(there->port[i].name);
	free(there);
}

static void pod_fini(struct wd_pod *pod)
{
	wd_str_put(pod->node);
	wd_labels_put(pod->labels);
	if (pod->ports_shared)
		ports_put(pod->port, pod->port_cnt);
	else
		ports_free(pod->port, pod->port_cnt);
	free(pod->addr);
}

static void service_fini(struct wd_service *s)
{
	wd_labels_put(s->labels);
	selector_free(s->selector);
	for (uint32_t i = 0; i < s->port_cnt; i++) {
		wd_str_put(s->port[i].name);
		wd_str_put(s->port[i].target_name);
	}
	free(s->port);
	free(s->addr);
}

static void slice_fini(struct wd_slice *s)
{
	for (uint32_t i = 0; i < s->port_cnt; i++)
		wd_str_put(s->port[i].name);
	wd_str_put(s->service);
	free(s->port);
	free(s->addr);
}

void wd_object_free(struct wd_object *obj)
{
	if (!obj)
		return;
	switch (obj->kind) {
	case WD_KIND_NAMESPACE:
		wd_labels_put(obj->nsp.labels);
		break;
	case WD_KIND_POD:
		pod_fini(&obj->pod);
		break;
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		wd_labels_put(obj->node.labels);
		free(obj->node.addr);
		free(obj->node.cidr);
		break;
	case WD_KIND_CIDR_GROUP:
		wd_labels_put(obj->group.labels);
		free(obj->group.cidr);
		break;
	case WD_KIND_SERVICE:
		service_fini(&obj->service);
		break;
	case WD_KIND_SLICE:
		slice_fini(&obj->slice);
		break;
	case WD_KIND_NETPOL:
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		policy_fini(&obj->policy);
		break;
	case WD_KIND__MAX:
		break;
	}
	wd_str_put(obj->ns);
	wd_str_put(obj->name);
	wd_str_put(obj->uid);
	wd_str_put(obj->file);
	free(obj);
}

/* ---- equality: interned strings and label sets are equal by pointer ---- */

static bool selector_equal(const struct wd_selector *a,
			   const struct wd_selector *b)
{
	if (!a || !b || a == b)
		return a == b;
	if (a->cnt != b->cnt)
		return false;
	for (uint32_t i = 0; i < a->cnt; i++) {
		const struct wd_req *x = &a->req[i];
		const struct wd_req *y = &b->req[i];

		if (x->key != y->key || x->op != y->op || x->cnt != y->cnt)
			return false;
		for (uint32_t k = 0; k < x->cnt; k++) {
			if (x->values[k] != y->values[k])
				return false;
		}
	}
	return true;
}

static bool cidr_equal(const struct wd_cidr *a, const struct wd_cidr *b)
{
	return a->len == b->len && wd_addr_equal(&a->addr, &b->addr);
}

static bool cidrs_equal(const struct wd_cidr *a, const struct wd_cidr *b,
			uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		if (!cidr_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

static bool peer_equal(const struct wd_peer *a, const struct wd_peer *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == WD_PEER_PODS)
		return selector_equal(a->ns_sel, b->ns_sel) &&
		       selector_equal(a->pod_sel, b->pod_sel);
	if (a->type == WD_PEER_NODES)
		return a->nodes == b->nodes &&
		       selector_equal(a->node_sel, b->node_sel);
	if (a->type == WD_PEER_SERVICES)
		return a->service_ns == b->service_ns &&
		       a->service == b->service &&
		       a->only_known == b->only_known &&
		       selector_equal(a->service_sel, b->service_sel);
	if (a->scope != b->scope || a->except_cnt != b->except_cnt ||
	    !cidrs_equal(a->except, b->except, a->except_cnt))
		return false;
	if (a->type == WD_PEER_CIDR)
		return cidr_equal(&a->cidr, &b->cidr);
	return a->group == b->group &&
	       selector_equal(a->group_sel, b->group_sel);
}

static bool rule_equal(const struct wd_policy_rule *a,
		       const struct wd_policy_rule *b)
{
	if (a->broken != b->broken || a->action != b->action ||
	    a->any_peer != b->any_peer || a->any_port != b->any_port ||
	    a->peer_cnt != b->peer_cnt || a->port_cnt != b->port_cnt)
		return false;
	for (uint32_t i = 0; i < a->peer_cnt; i++) {
		if (!peer_equal(&a->peer[i], &b->peer[i]))
			return false;
	}
	for (uint32_t i = 0; i < a->port_cnt; i++) {
		const struct wd_port *x = &a->port[i];
		const struct wd_port *y = &b->port[i];

		if (x->proto != y->proto || x->name != y->name ||
		    x->lo != y->lo || x->hi != y->hi)
			return false;
	}
	return true;
}

static bool spec_equal(const struct wd_spec *a, const struct wd_spec *b)
{
	if (a->subject_broken != b->subject_broken || a->log != b->log ||
	    a->nodes != b->nodes || !selector_equal(a->ns_sel, b->ns_sel) ||
	    !selector_equal(a->subject, b->subject))
		return false;
	for (int dir = 0; dir < 2; dir++) {
		if (a->isolates[dir] != b->isolates[dir] ||
		    a->applies[dir] != b->applies[dir] ||
		    a->rule_cnt[dir] != b->rule_cnt[dir])
			return false;
		for (uint32_t i = 0; i < a->rule_cnt[dir]; i++) {
			if (!rule_equal(&a->rule[dir][i], &b->rule[dir][i]))
				return false;
		}
	}
	return true;
}

static bool policy_equal(const struct wd_policy *a, const struct wd_policy *b)
{
	if (a->tier != b->tier || a->priority != b->priority ||
	    a->on_trial != b->on_trial || a->response != b->response ||
	    a->spec_cnt != b->spec_cnt)
		return false;
	for (uint32_t i = 0; i < a->spec_cnt; i++) {
		if (!spec_equal(&a->spec[i], &b->spec[i]))
			return false;
	}
	return true;
}

static bool addrs_equal(const struct wd_addr *a, const struct wd_addr *b,
			uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++) {
		if (!wd_addr_equal(&a[i], &b[i]))
			return false;
	}
	return true;
}

static bool pod_equal(const struct wd_pod *a, const struct wd_pod *b)
{
	if (a->node != b->node || a->labels != b->labels ||
	    a->host_network != b->host_network || a->finished != b->finished ||
	    a->terminating != b->terminating || a->mode != b->mode ||
	    a->mode_bad != b->mode_bad || a->addr_cnt != b->addr_cnt ||
	    a->port_cnt != b->port_cnt || a->identity != b->identity ||
	    !wd_addr_equal(&a->host_addr, &b->host_addr) ||
	    !addrs_equal(a->addr, b->addr, a->addr_cnt))
		return false;
	for (uint32_t i = 0; i < a->port_cnt; i++) {
		const struct wd_port_name *x = &a->port[i];
		const struct wd_port_name *y = &b->port[i];

		if (x->name != y->name || x->port != y->port ||
		    x->proto != y->proto)
			return false;
	}
	return true;
}

static bool node_equal(const struct wd_node *a, const struct wd_node *b)
{
	if (a->labels != b->labels || a->addr_cnt != b->addr_cnt ||
	    a->cidr_cnt != b->cidr_cnt || a->has_wgkey != b->has_wgkey ||
	    wd_wgkey_compare(&a->wgkey, &b->wgkey) != 0 ||
	    !addrs_equal(a->addr, b->addr, a->addr_cnt))
		return false;
	return cidrs_equal(a->cidr, b->cidr, a->cidr_cnt);
}

static bool group_equal(const struct wd_cidr_group *a,
			const struct wd_cidr_group *b)
{
	return a->labels == b->labels && a->cidr_cnt == b->cidr_cnt &&
	       cidrs_equal(a->cidr, b->cidr, a->cidr_cnt);
}

static bool service_equal(const struct wd_service *a,
			  const struct wd_service *b)
{
	if (a->labels != b->labels || a->addr_cnt != b->addr_cnt ||
	    a->port_cnt != b->port_cnt ||
	    !selector_equal(a->selector, b->selector) ||
	    !addrs_equal(a->addr, b->addr, a->addr_cnt))
		return false;
	for (uint32_t i = 0; i < a->port_cnt; i++) {
		const struct wd_service_port *x = &a->port[i];
		const struct wd_service_port *y = &b->port[i];

		if (x->name != y->name || x->target_name != y->target_name ||
		    x->port != y->port || x->target != y->target ||
		    x->node_port != y->node_port || x->proto != y->proto)
			return false;
	}
	return true;
}

static bool slice_equal(const struct wd_slice *a, const struct wd_slice *b)
{
	if (a->service != b->service || a->addr_cnt != b->addr_cnt ||
	    a->port_cnt != b->port_cnt ||
	    !addrs_equal(a->addr, b->addr, a->addr_cnt))
		return false;
	for (uint32_t i = 0; i < a->port_cnt; i++) {
		const struct wd_slice_port *x = &a->port[i];
		const struct wd_slice_port *y = &b->port[i];

		if (x->name != y->name || x->port != y->port ||
		    x->proto != y->proto)
			return false;
	}
	return true;
}

bool wd_object_equal(const struct wd_object *a, const struct wd_object *b)
{
	if (a->kind != b->kind || a->ns != b->ns || a->name != b->name ||
	    a->uid != b->uid || a->created != b->created)
		return false;
	switch (a->kind) {
	case WD_KIND_NAMESPACE:
		return a->nsp.labels == b->nsp.labels &&
		       a->nsp.mode == b->nsp.mode &&
		       a->nsp.mode_bad == b->nsp.mode_bad &&
		       a->nsp.encap == b->nsp.encap &&
		       a->nsp.response == b->nsp.response &&
		       a->nsp.encryption == b->nsp.encryption;
	case WD_KIND_POD:
		return pod_equal(&a->pod, &b->pod);
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		return node_equal(&a->node, &b->node);
	case WD_KIND_CIDR_GROUP:
		return group_equal(&a->group, &b->group);
	case WD_KIND_SERVICE:
		return service_equal(&a->service, &b->service);
	case WD_KIND_SLICE:
		return slice_equal(&a->slice, &b->slice);
	case WD_KIND_NETPOL:
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		return policy_equal(&a->policy, &b->policy);
	case WD_KIND__MAX:
		break;
	}
	return false;
}

/* ---- meaning ---- */

const char *wd_kind_name(enum wd_kind kind)
{
	static const char *const name[WD_KIND__MAX] = {
		[WD_KIND_NAMESPACE] = "Namespace",
		[WD_KIND_POD] = "Pod",
		[WD_KIND_NODE] = "Node",
		[WD_KIND_CILIUM_NODE] = "CiliumNode",
		[WD_KIND_CIDR_GROUP] = "CiliumCIDRGroup",
		[WD_KIND_SERVICE] = "Service",
		[WD_KIND_SLICE] = "EndpointSlice",
		[WD_KIND_NETPOL] = "NetworkPolicy",
		[WD_KIND_CLUSTER_NP] = "ClusterNetworkPolicy",
		[WD_KIND_ADMIN_NP] = "AdminNetworkPolicy",
		[WD_KIND_BASELINE_NP] = "BaselineAdminNetworkPolicy",
		[WD_KIND_CILIUM_NP] = "CiliumNetworkPolicy",
		[WD_KIND_CILIUM_CNP] = "CiliumClusterwideNetworkPolicy",
	};

	return kind < WD_KIND__MAX ? name[kind] : "unknown";
}

bool wd_kind_is_policy(enum wd_kind kind)
{
	return kind >= WD_KIND_FIRST_POLICY && kind < WD_KIND__MAX;
}

void wd_policy_specs(struct wd_object *obj, uint32_t cnt)
{
	obj->policy.spec = wd_xcalloc(cnt, sizeof(*obj->policy.spec));
	obj->policy.spec_cnt = cnt;
}

/* The spec that has the *@index-th rule, which becomes its number there. */
static const struct wd_spec *spec_of(const struct wd_policy *policy, int dir,
				     uint32_t *index)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		const struct wd_spec *spec = &policy->spec[i];

		if (*index < spec->rule_cnt[dir])
			return spec;
		*index -= spec->rule_cnt[dir];
	}
	return NULL;
}

const struct wd_policy_rule *wd_policy_rule(const struct wd_policy *policy,
					    int dir, uint32_t index)
{
	const struct wd_spec *spec = spec_of(policy, dir, &index);

	return spec ? &spec->rule[dir][index] : NULL;
}

bool wd_policy_of_nodes(const struct wd_policy *policy, int dir, uint32_t index)
{
	const struct wd_spec *spec = spec_of(policy, dir, &index);

	return spec && spec->nodes;
}

const char *wd_policy_log(const struct wd_policy *policy, int dir,
			  uint32_t index)
{
	const struct wd_spec *spec = spec_of(policy, dir, &index);

	return spec ? spec->log : NULL;
}

/* As much of a selector counts as one peer. */
#define SELECTOR_PART 32

uint64_t wd_selector_cost(const struct wd_selector *sel)
{
	uint64_t parts = sel ? sel->cnt : 0;

	for (uint32_t i = 0; sel && i < sel->cnt; i++)
		parts += sel->req[i].cnt;
	return parts / SELECTOR_PART;
}

static uint64_t selectors_cost(const struct wd_peer *peer)
{
	switch (peer->type) {
	case WD_PEER_PODS:
		return wd_selector_cost(peer->ns_sel) +
		       wd_selector_cost(peer->pod_sel);
	case WD_PEER_NODES:
		return wd_selector_cost(peer->node_sel);
	case WD_PEER_GROUPS:
		return wd_selector_cost(peer->group_sel);
	case WD_PEER_SERVICES:
		return wd_selector_cost(peer->service_sel);
	case WD_PEER_CIDR:
		break;
	}
	return 0;
}

void wd_rule_cost(const struct wd_policy_rule *rule, uint64_t *peers,
		  uint64_t *cidrs)
{
	*peers += rule->peer_cnt ? rule->peer_cnt : 1;
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		const struct wd_peer *peer = &rule->peer[i];

		*peers += selectors_cost(peer);
		if (peer->type == WD_PEER_CIDR)
			*cidrs += 1;
		if (peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS)
			*cidrs += peer->except_cnt;
	}
}

uint32_t wd_policy_rules(const struct wd_policy *policy, int dir)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < policy->spec_cnt; i++)
		cnt += policy->spec[i].rule_cnt[dir];
	return cnt;
}

bool wd_policy_isolates(const struct wd_policy *policy, int dir)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		if (policy->spec[i].isolates[dir])
			return true;
	}
	return false;
}

static bool has_value(const struct wd_req *req, const char *value)
{
	for (uint32_t i = 0; i < req->cnt; i++) {
		if (req->values[i] == value)
			return true;
	}
	return false;
}

static bool req_matches(const struct wd_req *req,
			const struct wd_labels *labels)
{
	const char *value = wd_labels_find(labels, req->key);

	/* No namespace of this cluster says it. */
	if (!value && strcmp(req->key, WD_LABEL_CLUSTER) == 0)
		value = wd_clusters_own();
	switch (req->op) {
	case WD_OP_IN:
		return value && has_value(req, value);
	case WD_OP_NOT_IN:
		return !value || !has_value(req, value);
	case WD_OP_EXISTS:
		return value != NULL;
	case WD_OP_NOT_EXISTS:
		return value == NULL;
	}
	return false;
}

bool wd_selector_matches(const struct wd_selector *sel,
			 const struct wd_labels *labels)
{
	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		if (!req_matches(&sel->req[i], labels))
			return false;
	}
	return true;
}

bool wd_peer_means(const struct wd_peer *peer, const struct wd_object *group)
{
	if (peer->group)
		return strcmp(peer->group, group->name) == 0;
	return wd_selector_matches(peer->group_sel, group->group.labels);
}

bool wd_peer_names(const struct wd_peer *peer, const char *ns, const char *name,
		   const struct wd_labels *labels)
{
	if (peer->service_ns && strcmp(peer->service_ns, ns) != 0)
		return false;
	if (peer->service)
		return strcmp(peer->service, name) == 0;
	return labels && wd_selector_matches(peer->service_sel, labels);
}

bool wd_policy_counts(const struct wd_object *policy, bool tries, bool lifts)
{
	if (policy->policy.on_trial && !tries)
		return false;
	return !lifts ||
	       (!*policy->ns && policy->policy.tier != WD_TIER_BASELINE);
}

bool wd_policy_nodes(const struct wd_policy *policy)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		if (policy->spec[i].nodes)
			return true;
	}
	return false;
}

bool wd_spec_selects(const struct wd_spec *spec, const char *ns,
		     const struct wd_object *pod,
		     const struct wd_labels *ns_labels)
{
	if (spec->nodes != pod->pod.is_node)
		return false;
	if (*ns && strcmp(ns, pod->ns) != 0)
		return false;
	if (!wd_space_matches(spec->ns_sel, ns_labels))
		return false;
	return spec->subject_broken ||
	       wd_selector_matches(spec->subject, pod->pod.labels);
}
