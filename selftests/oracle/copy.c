// SPDX-License-Identifier: GPL-2.0-only
#include "copy.h"

#include <string.h>

#include "model/intern.h"
#include "model/object.h"
#include "model/xalloc.h"

static void *copy_of(const void *from, uint32_t cnt, size_t size)
{
	void *to = wd_xcalloc(cnt, size);

	if (cnt)
		memcpy(to, from, cnt * size);
	return to;
}

static struct wd_selector *copy_selector(const struct wd_selector *from)
{
	struct wd_selector *to;

	if (!from)
		return NULL;
	to = wd_xcalloc(1, sizeof(*to));
	to->cnt = from->cnt;
	to->req = copy_of(from->req, from->cnt, sizeof(*to->req));
	for (uint32_t i = 0; i < to->cnt; i++) {
		struct wd_req *req = &to->req[i];

		req->key = wd_str_ref(req->key);
		req->values = copy_of(from->req[i].values, req->cnt,
				      sizeof(*req->values));
		for (uint32_t k = 0; k < req->cnt; k++)
			req->values[k] = wd_str_ref(req->values[k]);
	}
	return to;
}

static void copy_peer(struct wd_peer *peer)
{
	switch (peer->type) {
	case WD_PEER_PODS:
		peer->ns_sel = copy_selector(peer->ns_sel);
		peer->pod_sel = copy_selector(peer->pod_sel);
		break;
	case WD_PEER_NODES:
		peer->node_sel = copy_selector(peer->node_sel);
		break;
	case WD_PEER_GROUPS:
		peer->group = wd_str_ref(peer->group);
		peer->group_sel = copy_selector(peer->group_sel);
		peer->except = copy_of(peer->except, peer->except_cnt,
				       sizeof(*peer->except));
		break;
	case WD_PEER_SERVICES:
		peer->service_ns = wd_str_ref(peer->service_ns);
		peer->service = wd_str_ref(peer->service);
		peer->service_sel = copy_selector(peer->service_sel);
		break;
	case WD_PEER_CIDR:
		peer->except = copy_of(peer->except, peer->except_cnt,
				       sizeof(*peer->except));
		break;
	}
}

static void copy_rule(struct wd_policy_rule *rule)
{
	rule->peer = copy_of(rule->peer, rule->peer_cnt, sizeof(*rule->peer));
	rule->port = copy_of(rule->port, rule->port_cnt, sizeof(*rule->port));
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		copy_peer(&rule->peer[i]);
	for (uint32_t i = 0; i < rule->port_cnt; i++)
		rule->port[i].name = wd_str_ref(rule->port[i].name);
}

static void copy_policy(struct wd_policy *policy)
{
	if (policy->text)
		policy->text = wd_xstrdup(policy->text);
	policy->spec =
		copy_of(policy->spec, policy->spec_cnt, sizeof(*policy->spec));
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		struct wd_spec *spec = &policy->spec[i];

		spec->ns_sel = copy_selector(spec->ns_sel);
		spec->subject = copy_selector(spec->subject);
		spec->log = wd_str_ref(spec->log);
		for (int dir = 0; dir < 2; dir++) {
			spec->rule[dir] = copy_of(spec->rule[dir],
						  spec->rule_cnt[dir],
						  sizeof(*spec->rule[dir]));
			for (uint32_t k = 0; k < spec->rule_cnt[dir]; k++)
				copy_rule(&spec->rule[dir][k]);
		}
	}
}

static void copy_pod(struct wd_pod *pod)
{
	pod->node = wd_str_ref(pod->node);
	pod->labels = wd_labels_ref(pod->labels);
	pod->addr = copy_of(pod->addr, pod->addr_cnt, sizeof(*pod->addr));
	pod->port = copy_of(pod->port, pod->port_cnt, sizeof(*pod->port));
	pod->ports_shared = false;
	for (uint32_t i = 0; i < pod->port_cnt; i++)
		pod->port[i].name = wd_str_ref(pod->port[i].name);
}

static void copy_node(struct wd_node *node)
{
	node->labels = wd_labels_ref(node->labels);
	node->addr = copy_of(node->addr, node->addr_cnt, sizeof(*node->addr));
	node->cidr = copy_of(node->cidr, node->cidr_cnt, sizeof(*node->cidr));
}

static void copy_group(struct wd_cidr_group *group)
{
	group->labels = wd_labels_ref(group->labels);
	group->cidr =
		copy_of(group->cidr, group->cidr_cnt, sizeof(*group->cidr));
}

static void copy_service(struct wd_service *s)
{
	s->labels = wd_labels_ref(s->labels);
	s->selector = copy_selector(s->selector);
	s->addr = copy_of(s->addr, s->addr_cnt, sizeof(*s->addr));
	s->port = copy_of(s->port, s->port_cnt, sizeof(*s->port));
	for (uint32_t i = 0; i < s->port_cnt; i++) {
		s->port[i].name = wd_str_ref(s->port[i].name);
		s->port[i].target_name = wd_str_ref(s->port[i].target_name);
	}
}

static void copy_slice(struct wd_slice *s)
{
	s->service = wd_str_ref(s->service);
	s->addr = copy_of(s->addr, s->addr_cnt, sizeof(*s->addr));
	s->port = copy_of(s->port, s->port_cnt, sizeof(*s->port));
	for (uint32_t i = 0; i < s->port_cnt; i++)
		s->port[i].name = wd_str_ref(s->port[i].name);
}

struct wd_object *wd_copy_object(const struct wd_object *obj)
{
	struct wd_object *to = copy_of(obj, 1, sizeof(*to));

	memset(&to->hh, 0, sizeof(to->hh));
	to->ns = wd_str_ref(to->ns);
	to->name = wd_str_ref(to->name);
	to->uid = wd_str_ref(to->uid);
	to->file = wd_str_ref(to->file);
	if (wd_kind_is_policy(to->kind))
		copy_policy(&to->policy);
	else if (to->kind == WD_KIND_POD)
		copy_pod(&to->pod);
	else if (to->kind == WD_KIND_CIDR_GROUP)
		copy_group(&to->group);
	else if (to->kind == WD_KIND_SERVICE)
		copy_service(&to->service);
	else if (to->kind == WD_KIND_SLICE)
		copy_slice(&to->slice);
	else if (to->kind == WD_KIND_NAMESPACE)
		to->nsp.labels = wd_labels_ref(to->nsp.labels);
	else
		copy_node(&to->node);
	return to;
}
