/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.c - questions about the model's state, for commands; changes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

static void count_families(const struct wd_model *m, struct wd_model_stats *s)
{
	for (const struct maddr *a = m->addrs; a; a = a->hh.next) {
		if (a->e.in_kernel)
			s->addrs[a->addr.family == 6]++;
	}
	for (const struct mprefix *p = m->prefixes; p; p = p->hh.next) {
		if (p->e.in_kernel)
			s->prefixes[p->cidr.addr.family == 6]++;
	}
	for (const struct mfront *f = m->fronts; f; f = f->hh.next) {
		for (size_t i = 0; i < f->kinds.cnt; i++)
			s->fronts += ((const struct mkind *)f->kinds.item[i])
					     ->e.in_kernel;
	}
}

void wd_model_stats(const struct wd_model *m, struct wd_model_stats *ret)
{
	struct wd_model_stats s = {
		.gen = m->gen,
		.groups = HASH_COUNT(m->groups),
		.portnames = HASH_COUNT(m->portnames),
		.services = HASH_COUNT(m->services),
		.preds = m->bit_alloc.used,
		.rows = m->row_alloc.used,
		.slots = m->slot_alloc.used,
		.spans = m->span_alloc.used,
		.classes = m->class_alloc.used,
		.endpoints = HASH_COUNT(m->endpoints),
		.commits = m->commits,
		.commit_us = m->commit_us,
		.compiled = m->compiled,
		.matched = m->matched,
		.weighed = m->weighed,
		.numbers = m->numbers,
		.sought = m->sought,
	};

	for (const struct midentity *id = m->identities; id; id = id->hh.next)
		s.identities += id->pods > 0;
	for (const struct mpod *pod = m->pods; pod; pod = pod->hh.next)
		s.pods += !SLIST_EMPTY(&pod->claims);
	count_families(m, &s);
	*ret = s;
}

static void endpoint_info(const struct wd_model *m, const struct mendpoint *e,
			  struct wd_ep_info *ret)
{
	struct wd_ep_info info = {
		.ep = e->ep,
		.state = e->error && !e->slot ? WD_EP_TOO_LARGE : WD_EP_WAITING,
		.mode = endpoint_mode(m, e),
		.lifted = e->lifted,
		.relaxed = endpoint_pod(e) &&
			   wd_model_relaxed(m, endpoint_pod(e)),
		.identity = endpoint_identity(e),
		.rejects = endpoint_rejects(e),
		.kept = e->kept,
		.error = e->error,
	};

	/* What is in force counts, not what the next commit will bring. */
	if (e->in_kernel && e->have.slot[m->gen & 1]) {
		const struct wd_slot_val *val;

		info.slot = e->have.slot[m->gen & 1];
		info.trial = e->have.trial[m->gen & 1];
		info.state = WD_EP_ENFORCED;
		val = &m->sink.slot[(size_t)info.slot * WD_DIR__MAX];
		info.isolated[WD_INGRESS] = val[WD_INGRESS].flags &
					    WD_SLOT_ISOLATED;
		info.isolated[WD_EGRESS] = val[WD_EGRESS].flags &
					   WD_SLOT_ISOLATED;
	}
	*ret = info;
}

int wd_model_endpoint(const struct wd_model *m, uint32_t id,
		      struct wd_ep_info *ret_info)
{
	const struct mendpoint *e;

	HASH_FIND(hh, m->endpoints, &id, sizeof(id), e);
	if (!e)
		return -ENOENT;
	endpoint_info(m, e, ret_info);
	return 0;
}

static int endpoint_cmp(const void *a, const void *b)
{
	const struct mendpoint *const *x = a;
	const struct mendpoint *const *y = b;

	return (*x)->id<(*y)->id ? -1 : (*x)->id>(*y)->id;
}

int wd_model_host(const struct wd_model *m, enum wd_host_which which,
		  struct wd_ep_info *ret_info)
{
	return wd_model_endpoint(
		m, which == WD_HOST_TRIED ? WD_HOST_TRIED_KEY : WD_HOST_KEY,
		ret_info);
}

void wd_model_endpoints(const struct wd_model *m,
			void (*fn)(void *ctx, const struct wd_ep_info *info),
			void *ctx)
{
	size_t cnt = HASH_COUNT(m->endpoints);
	const struct mendpoint **sorted = wd_xcalloc(cnt, sizeof(*sorted));
	size_t i = 0;

	for (const struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		if (!e->is_host)
			sorted[i++] = e;
	}
	cnt = i;
	if (cnt)
		qsort(sorted, cnt, sizeof(*sorted), endpoint_cmp);
	for (i = 0; i < cnt; i++) {
		struct wd_ep_info info;

		endpoint_info(m, sorted[i], &info);
		fn(ctx, &info);
	}
	free(sorted);
}

static void addr_info(const struct wd_model *m, const struct maddr *a,
		      struct wd_addr_info *info)
{
	const struct mclaim *c = addr_winner(m, a);

	info->identity = a->e.have.identity;
	info->row = a->e.have.row[m->gen & 1];
	info->flags = a->e.have.flags;
	if (!c)
		return;
	switch (c->kind) {
	case CLAIM_ENDPOINT:
	case CLAIM_POD:
		info->kind = "pod";
		info->ns = c->pod->key.ns;
		info->name = c->pod->key.name;
		info->labels = claim_pod(c) ? claim_pod(c)->pod.labels : NULL;
		break;
	case CLAIM_NODE:
		info->kind = "node";
		info->name = c->node->name;
		info->labels = c->node->node.labels;
		break;
	case CLAIM_HOST:
		info->kind = "host";
		break;
	}
}

/* The longest prefix in the kernel that holds the address, or NULL. */
static const struct mprefix *prefix_of(const struct wd_model *m,
				       const struct wd_addr *addr)
{
	const struct mprefix *best = NULL;

	for (const struct mprefix *p = m->prefixes; p; p = p->hh.next) {
		if (p->e.in_kernel && wd_cidr_has(&p->cidr, addr) &&
		    (!best || p->cidr.len > best->cidr.len))
			best = p;
	}
	return best;
}

static struct maddr *addr_find(const struct wd_model *m,
			       const struct wd_addr *addr)
{
	struct wd_addr key;
	struct maddr *a;

	memset(&key, 0, sizeof(key));
	key.family = addr->family;
	if (addr->family == 4)
		key.v4 = addr->v4;
	else
		key.v6 = addr->v6;
	HASH_FIND(hh, m->addrs, &key, sizeof(key), a);
	return a;
}

void wd_model_addr(const struct wd_model *m, const struct wd_addr *addr,
		   struct wd_addr_info *ret_info)
{
	struct wd_addr_info info = { .addr = *addr,
				     .kind = "world",
				     .identity = WD_ID_WORLD };
	const struct maddr *a = addr_find(m, addr);
	const struct mprefix *p;

	if (a && a->e.in_kernel) {
		addr_info(m, a, &info);
	} else {
		p = prefix_of(m, addr);
		if (p) {
			info.kind = "cidr";
			info.row = p->e.have.row[m->gen & 1];
		}
	}
	*ret_info = info;
}

void wd_model_addrs(const struct wd_model *m,
		    void (*fn)(void *ctx, const struct wd_addr_info *info),
		    void *ctx)
{
	for (const struct maddr *a = m->addrs; a; a = a->hh.next) {
		struct wd_addr_info info = { .addr = a->addr, .kind = "world" };

		if (!a->e.in_kernel)
			continue;
		addr_info(m, a, &info);
		fn(ctx, &info);
	}
}

uint32_t wd_model_policy_endpoints(const struct wd_model *m,
				   const struct wd_object *policy)
{
	uint32_t cnt = 0;

	for (const struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		const struct wd_object *pod = endpoint_pod(e);

		cnt += pod && !e->is_host &&
		       wd_model_policy_selects(m, policy, pod);
	}
	return cnt;
}

bool wd_model_policy_isolates(const struct wd_model *m,
			      const struct wd_object *policy,
			      const struct wd_object *pod, enum wd_dir dir)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, pod->ns, strlen(pod->ns), s);
	for (uint32_t i = 0; s && i < policy->policy.spec_cnt; i++) {
		const struct wd_spec *spec = &policy->policy.spec[i];

		if (spec->applies[dir] && spec->isolates[dir] &&
		    wd_spec_selects(spec, policy->ns, pod, s->labels))
			return true;
	}
	return false;
}

bool wd_model_policy_selects(const struct wd_model *m,
			     const struct wd_object *policy,
			     const struct wd_object *pod)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, pod->ns, strlen(pod->ns), s);
	return s && policy_selects(policy, s, pod);
}
