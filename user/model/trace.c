/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.c - identity, row, slot, span, class, rule: as the programs take them.
 * Whatever is missing allows nothing.
 */
#include "trace.h"

#include <errno.h>
#include <string.h>

#include "l4.h"
#include "why_int.h"

struct trail {
	const struct wd_trace_source *from;
	const struct wd_trace_ask *ask;
	struct wd_state_val state;
	struct wd_endpoint_val ep;
	struct wd_addr_val peer; /* where none is found: the world */
	struct wd_trace *to;
};

/* ---- looking up ---- */

static int get(const struct trail *w, enum wd_map map, const void *key,
	       void *val, size_t len)
{
	int err = w->from->get(w->from->ctx, map, key, val);

	if (err != -ENOENT)
		return err;
	memset(val, 0, len);
	return 0;
}

static const struct wd_addr *peer_addr(const struct trail *w)
{
	return w->ask->dir == WD_EGRESS ? &w->ask->flow->dst :
					  &w->ask->flow->src;
}

static int get_cidr(struct trail *w, const struct wd_addr *addr)
{
	struct wd_cidr4_key k4 = { .prefixlen = 32 };
	struct wd_cidr6_key k6 = { .prefixlen = 128 };
	bool is4 = addr->family == 4;
	int err;

	w->peer = (struct wd_addr_val){ .identity = WD_ID_WORLD };
	if (!(w->state.flags & (is4 ? WD_STATE_CIDR4 : WD_STATE_CIDR6)))
		return 0;
	memcpy(&k4.addr, &addr->v4, sizeof(k4.addr));
	memcpy(k6.addr, &addr->v6, sizeof(k6.addr));
	err = w->from->get(w->from->ctx,
			   is4 ? WD_MAP_wd_cidr4 : WD_MAP_wd_cidr6,
			   is4 ? (const void *)&k4 : (const void *)&k6,
			   &w->peer);
	return err == -ENOENT ? 0 : err;
}

/* As find_peer() of bpf/identity.h: exact, then by prefix, then the world. */
static int get_peer(struct trail *w)
{
	const struct wd_addr *addr = peer_addr(w);
	enum wd_map map = addr->family == 4 ? WD_MAP_wd_addr4 : WD_MAP_wd_addr6;
	int err = w->from->get(w->from->ctx, map, &addr->v6, &w->peer);

	if (err == -ENOENT)
		err = get_cidr(w, addr);
	if (err)
		return err;
	w->to->peer_identity = w->peer.identity;
	w->to->row = w->peer.row[w->state.gen & 1];
	return 0;
}

/* ---- the rules ---- */

/* The last span that begins at or below the port; found by halving. */
static int get_class(struct trail *w, const struct wd_slot_val *slot,
		     uint32_t *ret_class)
{
	uint32_t port, first, cnt, half;
	enum wd_l4 l4 = wd_l4_of_flow(w->ask->flow->dst.family,
				      w->ask->flow->proto, w->ask->flow->port,
				      &port);
	struct wd_span_val span = { 0 };
	int err;

	*ret_class = 0;
	first = slot->first[l4];
	cnt = slot->cnt[l4];
	if (!cnt)
		return 0;
	while ((half = cnt / 2)) {
		uint32_t at = (first + half) & (WD_SPANS_MAX - 1);

		err = get(w, WD_MAP_wd_span, &at, &span, sizeof(span));
		if (err)
			return err;
		first += span.lo <= port ? half : 0;
		cnt -= half;
	}
	first &= WD_SPANS_MAX - 1;
	err = get(w, WD_MAP_wd_span, &first, &span, sizeof(span));
	if (!err && span.lo <= port)
		*ret_class = span.class;
	return err;
}

static enum wd_reason no_rule(const struct trail *w,
			      const struct wd_slot_val *slot)
{
	return slot->flags & WD_SLOT_ISOLATED ? why_deny_reason(w->ask->flow) :
						WD_R_NOT_ISOLATED;
}

static int scan(struct trail *w, const struct wd_slot_val *slot, uint32_t nr)
{
	struct wd_class_val class = { 0 };
	struct wd_row_val row = { 0 };
	uint32_t at = w->to->row & (WD_ROWS_MAX - 1);
	int err = get(w, WD_MAP_wd_class, &nr, &class, sizeof(class));

	if (!err)
		err = get(w, WD_MAP_wd_row, &at, &row, sizeof(row));
	if (err)
		return err;
	for (uint32_t i = 0; i < class.cnt && i < WD_CLASS_RULES; i++) {
		const struct wd_rule *r = &class.rule[i];

		if (r->pred != WD_PRED_ANY &&
		    !(row.bits[r->pred / 64 & (WD_ROW_WORDS - 1)] >>
			      (r->pred % 64) &
		      1))
			continue;
		w->to->rule_id = r->id;
		w->to->reason = r->action == WD_ACT_ALLOW ? WD_R_POLICY_ALLOW :
							    WD_R_POLICY;
		return 0;
	}
	w->to->reason = no_rule(w, slot);
	return 0;
}

static int ask_slot(struct trail *w, uint32_t nr)
{
	uint32_t at = (nr * WD_DIR__MAX + (uint32_t)w->ask->dir) &
		      (WD_DIR__MAX * WD_SLOTS_MAX - 1);
	struct wd_slot_val slot = { 0 };
	uint32_t class = 0;
	int err = nr ? get(w, WD_MAP_wd_slot, &at, &slot, sizeof(slot)) : 0;

	w->to->slot = nr;
	if (err)
		return err;
	if (!(slot.flags & WD_SLOT_READY)) {
		w->to->reason = WD_R_NOT_READY;
		return 0;
	}
	err = get_class(w, &slot, &class);
	class &= WD_CLASSES_MAX - 1;
	w->to->class = class;
	if (err)
		return err;
	if (class)
		return scan(w, &slot, class);
	w->to->reason = no_rule(w, &slot);
	return 0;
}

/* ---- the verdict ---- */

static uint16_t flags_of(const struct trail *w)
{
	return w->ep.flags[w->state.gen & 1];
}

static enum wd_verdict verdict_of(const struct trail *w)
{
	enum wd_reason reason = w->to->reason;

	if (reason < WD_R_FIRST_DROP)
		return WD_ALLOW;
	if (why_reason_is_policy(reason) &&
	    (w->to->on_trial || (flags_of(w) & WD_EP_AUDIT)))
		return WD_AUDIT;
	return WD_DROP;
}

/* What lets pass is asked once more of what is on trial, which only tells. */
static int try_out(struct trail *w)
{
	uint32_t nr = w->ep.trial[w->state.gen & 1];
	struct wd_trace before = *w->to;
	int err;

	if (!nr || before.verdict != WD_ALLOW)
		return 0;
	w->to->on_trial = true;
	w->to->rule_id = 0;
	err = ask_slot(w, nr);
	if (err)
		return err;
	w->to->verdict = verdict_of(w);
	if (w->to->verdict != WD_AUDIT)
		*w->to = before;
	return 0;
}

static int judge(struct trail *w)
{
	bool is_node = addr_is_near(peer_addr(w)) ||
		       (w->peer.flags & (WD_ADDR_HOST | WD_ADDR_NODE));
	struct wd_encap encap;
	int err = 0;

	memcpy(encap.own, w->state.tunnel, sizeof(encap.own));
	w->to->reason = why_forbidden(w->ask->flow, w->ask->dir,
				      flags_of(w) & WD_EP_ENCAP ? NULL : &encap,
				      is_node, w->ask->ifindex == WD_HOST_KEY);
	if (w->to->reason == WD_R_POLICY_ALLOW) {
		if (flags_of(w) & WD_EP_OFF)
			w->to->reason = WD_R_MODE_OFF;
		else
			err = ask_slot(w, w->ep.slot[w->state.gen & 1]);
	}
	w->to->verdict = verdict_of(w);
	if (!err && !(flags_of(w) & WD_EP_OFF))
		err = try_out(w);
	return err;
}

static int walk(struct trail *w)
{
	static const uint32_t zero;
	int err = get(w, WD_MAP_wd_state, &zero, &w->state, sizeof(w->state));

	if (!err)
		err = w->from->get(w->from->ctx, WD_MAP_wd_endpoint,
				   &w->ask->ifindex, &w->ep);
	if (err == -ENOENT) {
		w->to->reason = WD_R_NO_ENDPOINT;
		w->to->verdict = WD_DROP;
		return 0;
	}
	w->to->gen = w->state.gen;
	w->to->identity = w->ep.identity;
	if (!err && w->ask->flow->from_host && w->ask->dir == WD_INGRESS &&
	    !(w->state.flags & WD_STATE_HOST_POLICY)) {
		w->to->reason = WD_R_HOST;
		w->to->peer_identity = WD_ID_HOST;
		return 0;
	}
	if (!err)
		err = get_peer(w);
	return err ? err : judge(w);
}

int wd_trace(const struct wd_trace_source *source,
	     const struct wd_trace_ask *ask, struct wd_trace *ret)
{
	struct wd_trace to = { .verdict = WD_ALLOW };
	struct trail w = { .from = source, .ask = ask, .to = &to };
	int err = walk(&w);

	if (!err)
		*ret = to;
	return err;
}
