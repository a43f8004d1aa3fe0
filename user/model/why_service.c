/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * why_service.c - what a pod's hook says about a flow to a service: it may end
 * at any backend, so each is asked; and once more by the tables, kind by kind.
 * And where a flow of this host to a service may end.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"
#include "why_int.h"

static int weight(enum wd_reason reason)
{
	if (reason < WD_R_FIRST_DROP)
		return 0;
	return why_reason_is_policy(reason) ? 1 : 2;
}

/* Does @a, about one backend, hold for the service rather than @b, which was said before? */
static bool outweighs(enum wd_reason a, enum wd_reason b)
{
	return weight(a) > weight(b);
}

static bool leads_to_nobody(const struct mfront *f)
{
	const struct mkind *kind = f->kinds.cnt ? f->kinds.item[0] : NULL;

	return !kind || (kind->e.have.flags & WD_FRONT_NONE);
}

static bool has_many(const struct mfront *f)
{
	const struct mkind *kind = f->kinds.cnt ? f->kinds.item[0] : NULL;

	return kind && (kind->e.have.flags & WD_FRONT_MANY);
}

/* The words of judge_nobody() in bpf/policy.h. */
static enum wd_reason judge_nobody(const struct wd_model *m,
				   const struct mendpoint *e, bool on_trial)
{
	uint32_t nr = why_table_slot(m, e, on_trial);
	uint32_t flags =
		m->sink.slot[(size_t)nr * WD_DIR__MAX + WD_EGRESS].flags;

	if (why_table_flags(m, e) & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!(flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	if (flags & (WD_SLOT_ISOLATED | WD_SLOT_DENIES))
		return WD_R_SERVICE;
	return WD_R_NOT_ISOLATED;
}

/* And those of judge_unknown(): @f may lead to a tunnel of a node. */
static enum wd_reason nobody_reason(const struct wd_model *m,
				    const struct mendpoint *e,
				    const struct mfront *f,
				    const struct wd_flow *flow, bool on_trial)
{
	const struct mkind *kind = f->kinds.cnt ? f->kinds.item[0] : NULL;
	enum wd_reason r = judge_nobody(m, e, on_trial);

	if (!kind || !(kind->e.have.flags & WD_FRONT_NONE) ||
	    !(kind->e.have.flags & WD_FRONT_NODE) ||
	    flow->proto != IPPROTO_UDP || (why_table_flags(m, e) & WD_EP_ENCAP))
		return r;
	if (!flow->late)
		return WD_R_ENCAP_FORBIDDEN;
	return r < WD_R_FIRST_DROP ? WD_R_SERVICE : r;
}

/* Does who receives it drop it? */
static bool is_denied_there(const struct wd_model *m,
			    const struct wd_flow *flow)
{
	struct wd_decision in = { .dir = WD_INGRESS };
	struct side src = why_side_of(m, &flow->src);
	struct side dst = why_side_of(m, &flow->dst);

	why_judge_hook(m, &dst, &src, flow, false, &in);
	return in.enforced && in.verdict == WD_DROP;
}

/* The first that is denied there is told, if the sender may send at all. */
static void tell_denied(const struct wd_model *m, const struct mfront *f,
			const struct mendpoint *e, const struct wd_flow *flow,
			const struct wd_decision *d,
			struct wd_service_info *info)
{
	struct wd_end *end = NULL;
	size_t cnt = service_ends(m, f, &end);

	for (size_t i = 0; i < cnt; i++) {
		struct wd_decision out = *d;
		struct wd_flow one = *flow;
		struct side dst = why_side_of(m, &end[i].addr);

		one.dst = end[i].addr;
		one.port = end[i].port;
		why_judge_objects(m, e, &dst, &one, &out);
		if (out.verdict == WD_DROP || !is_denied_there(m, &one) ||
		    info->denied++)
			continue;
		info->addr = end[i].addr;
		info->port = end[i].port;
	}
	free(end);
}

static void ask_backends(const struct wd_model *m, const struct mendpoint *e,
			 const struct mfront *f, const struct wd_flow *flow,
			 struct wd_decision *d, struct wd_service_info *info)
{
	struct wd_end *end = NULL;
	size_t cnt = service_ends(m, f, &end);

	info->backends = leads_to_nobody(f) ? 0 : (uint32_t)cnt;
	info->allowed = 0;
	d->reason = nobody_reason(m, e, f, flow, d->on_trial);
	for (size_t i = 0; i < info->backends; i++) {
		struct wd_flow one = *flow;
		struct wd_decision said = *d;
		struct side dst = why_side_of(m, &end[i].addr);

		one.dst = end[i].addr;
		one.port = end[i].port;
		said.policy = NULL;
		said.rule = -1;
		why_judge_objects(m, e, &dst, &one, &said);
		if (said.reason == WD_R_MCAST) /* the hook sees no group */
			said.reason = why_deny_reason(flow);
		if (said.reason < WD_R_FIRST_DROP && !info->allowed++) {
			info->first = end[i].addr;
			info->first_port = end[i].port;
		}
		if (i && !outweighs(said.reason, d->reason))
			continue;
		*d = said;
		info->addr = end[i].addr;
		info->port = end[i].port;
	}
	d->verdict = why_verdict_of(m, e, d->reason, d->on_trial);
	free(end);
}

static enum wd_reason kind_reason(const struct wd_model *m,
				  const struct mendpoint *e, bool on_trial,
				  const struct mkind *kind,
				  const struct wd_flow *flow,
				  struct why_hit *ret_hit)
{
	unsigned int half = m->gen & 1;
	const struct wd_addr_val *val = &kind->e.have;
	uint32_t nr = why_table_slot(m, e, on_trial);
	const struct wd_slot_val *slot =
		&m->sink.slot[(size_t)nr * WD_DIR__MAX + WD_EGRESS];
	struct wd_flow one = *flow;
	enum wd_reason r;

	one.port = (uint16_t)(val->ifindex >> (half ? 16 : 0));
	r = why_forbidden(&one, WD_EGRESS,
			  why_encap(m, why_table_flags(m, e) & WD_EP_ENCAP),
			  val->flags & WD_FRONT_NODE, e->is_host);
	if (r != WD_R_POLICY_ALLOW)
		return r;
	if (why_table_flags(m, e) & WD_EP_OFF)
		return WD_R_MODE_OFF;
	if (!(slot->flags & WD_SLOT_READY))
		return WD_R_NOT_READY;
	return why_table_rules(m, slot, val->row[half], &one, ret_hit);
}

/* Return: may some of them be sent to. */
static bool ask_kinds(const struct wd_model *m, const struct mendpoint *e,
		      const struct mfront *f, const struct wd_flow *flow,
		      struct wd_decision *d)
{
	bool some = has_many(f);
	uint8_t tell = WD_TELL_AS_EP;

	d->identity = e->have.identity;
	d->table_reason = nobody_reason(m, e, f, flow, d->on_trial);
	for (size_t i = 0; i < f->kinds.cnt && !leads_to_nobody(f); i++) {
		const struct mkind *kind = f->kinds.item[i];
		struct why_hit hit = { 0 };
		enum wd_reason r =
			kind_reason(m, e, d->on_trial, kind, flow, &hit);

		some |= r < WD_R_FIRST_DROP;
		if (i && !outweighs(r, d->table_reason))
			continue;
		d->table_reason = r;
		d->rule_id = hit.rule;
		tell = hit.tell;
		d->peer_identity = kind->e.have.identity;
	}
	d->table_verdict = why_verdict_of(m, e, d->table_reason, d->on_trial);
	d->told = why_is_told(m, e, d->table_verdict, d->table_reason, tell);
	return some;
}

/* Does this node translate what is sent to the service? */
static bool is_translated_here(const struct mfront *f, const struct side *dst)
{
	static const __be32 any_node[4];

	bool is_node = dst->claim && (dst->claim->kind == CLAIM_HOST ||
				      dst->claim->kind == CLAIM_NODE);

	if (f->key.port && memcmp(f->key.addr, any_node, sizeof(any_node)))
		return true;
	return !is_node || dst->claim->kind == CLAIM_HOST;
}

/* Some of the backends may be sent to: who judges late decides, see bpf/policy.h. */
static void leave_it(const struct mfront *f, struct wd_decision *d,
		     struct wd_service_info *info, bool some)
{
	if (why_reason_is_policy(d->reason) && (info->allowed || has_many(f))) {
		d->reason = WD_R_SERVICE_LATE;
		d->verdict = WD_ALLOW;
		d->policy = NULL;
		d->rule = -1;
		info->late = true;
	}
	if (some && why_reason_is_policy(d->table_reason)) {
		d->table_reason = WD_R_SERVICE_LATE;
		d->table_verdict = WD_ALLOW;
		d->told = false;
		d->rule_id = 0;
	}
	if (info->late && info->allowed) {
		info->addr = info->first;
		info->port = info->first_port;
	}
}

static void put_name(const struct mfront *f, struct wd_service_info *info)
{
	const struct mservice *s = f->services.cnt ? f->services.item[0] : NULL;

	info->ns = s ? s->key.ns : "";
	info->name = s ? s->key.name : "";
}

/* What all backends come to, for what is enforced or on trial. */
static void ask_all(const struct wd_model *m, const struct mendpoint *e,
		    const struct mfront *f, const struct wd_flow *flow,
		    struct wd_decision *d, struct wd_service_info *info)
{
	bool some;

	ask_backends(m, e, f, flow, d, info);
	some = ask_kinds(m, e, f, flow, d);
	if (flow->late)
		leave_it(f, d, info, some);
	info->denied = 0;
	if (flow->everywhere && info->backends && d->verdict != WD_DROP)
		tell_denied(m, f, e, flow, d, info);
}

/* The sender's hook, where the flow goes to a service. Return: does it. */
bool why_service(const struct wd_model *m, const struct side *src,
		 const struct side *dst, const struct wd_flow *flow,
		 struct wd_decision *d, struct wd_service_info *info)
{
	const struct mfront *f =
		front_of(m, &flow->dst, flow->proto, flow->port, dst->claim);
	struct wd_flow asked = *flow;
	const struct mendpoint *e = NULL;

	if (!f || !src->claim || src->claim->kind != CLAIM_ENDPOINT)
		return false;
	HASH_FIND(hh, m->endpoints, &src->claim->ep->id, sizeof(uint32_t), e);
	if (!e ||
	    why_forbidden(flow, WD_EGRESS, why_encap(m, endpoint_encap(e)),
			  why_side_is_node(dst),
			  e->is_host) != WD_R_POLICY_ALLOW)
		return false;
	put_name(f, info);
	d->enforced = true;
	d->rule = -1;
	asked.late = flow->late && !e->have.master &&
		     is_translated_here(f, dst);
	ask_all(m, e, f, &asked, d, info);
	if (why_is_tried(m, e, d)) {
		struct wd_decision trial = why_on_trial(d);
		struct wd_service_info end = *info;

		ask_all(m, e, f, &asked, &trial, &end);
		if (why_try_out(d, &trial))
			*info = end;
	}
	return true;
}

/* ---- of this host ---- */

/* Does it come through, by the host's own hook and by that of a pod of this node? */
static bool lets_through(const struct wd_model *m, const struct side *src,
			 const struct wd_flow *flow, bool host_policy)
{
	struct wd_decision out = { .dir = WD_EGRESS };
	struct wd_decision in = { .dir = WD_INGRESS };
	struct side dst = why_side_of(m, &flow->dst);

	why_judge_hook(m, src, &dst, flow, host_policy, &out);
	why_judge_hook(m, &dst, src, flow, host_policy, &in);
	return !(out.enforced && out.verdict == WD_DROP) &&
	       !(in.enforced && in.verdict == WD_DROP);
}

void why_host_service(const struct wd_model *m, const struct side *src,
		      const struct side *dst, const struct wd_flow *flow,
		      bool host_policy, struct wd_service_info *info)
{
	const struct mfront *f =
		front_of(m, &flow->dst, flow->proto, flow->port, dst->claim);
	struct wd_flow one = *flow;
	struct wd_end *end = NULL;
	uint32_t told = 0;

	if (!f || !is_translated_here(f, dst))
		return;
	put_name(f, info);
	info->late = true;
	info->backends = (uint32_t)service_ends(m, f, &end);
	for (uint32_t i = 0; i < info->backends; i++) {
		bool lets;

		one.dst = end[i].addr;
		one.port = end[i].port;
		lets = lets_through(m, src, &one, host_policy);
		if (lets && !info->allowed++) {
			info->first = one.dst;
			info->first_port = one.port;
		}
		if (!lets && flow->everywhere && !info->denied++)
			told = i;
	}
	if (info->backends) {
		bool first = info->allowed && !info->denied;

		info->addr = first ? info->first : end[told].addr;
		info->port = first ? info->first_port : end[told].port;
	}
	free(end);
}

void wd_model_backends(const struct wd_model *m, const struct wd_flow *flow,
		       void (*fn)(void *ctx, const struct wd_addr *addr),
		       void *ctx)
{
	struct side dst = why_side_of(m, &flow->dst);
	const struct mfront *f =
		front_of(m, &flow->dst, flow->proto, flow->port, dst.claim);
	struct wd_end *end = NULL;
	size_t cnt = f ? service_ends(m, f, &end) : 0;

	for (size_t i = 0; i < cnt; i++)
		fn(ctx, &end[i].addr);
	free(end);
}
