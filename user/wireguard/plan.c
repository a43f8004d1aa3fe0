/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.c - decides the steps. Who owns a prefix is settled as the check settles
 * it: in doubt nobody.
 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

#define SHOWN 6 /* prefixes in a line */

struct planning {
	const struct wd_wg_cluster *cluster;
	const struct wd_wg_wants *wants;
	const struct wd_wg_has *has;
	struct wd_wg_keys keys;
	struct wd_wg_owners homes;
	struct wd_wg_plan *out;
};

/* A list of prefixes that grows. */
struct prefixes {
	uint32_t cnt;
	size_t cap;
	struct wd_cidr *prefix;
};

static void add(struct prefixes *list, const struct wd_cidr *prefix)
{
	list->prefix = wd_grow(list->prefix, list->cnt, &list->cap,
			       sizeof(*list->prefix));
	list->prefix[list->cnt++] = *prefix;
}

static int compare(const void *a, const void *b)
{
	return wd_wg_prefix_compare(a, b);
}

static void sort(struct prefixes *list)
{
	uint32_t kept = 0;

	if (!list->cnt)
		return;
	qsort(list->prefix, list->cnt, sizeof(*list->prefix), compare);
	for (uint32_t i = 0; i < list->cnt; i++) {
		if (!kept || compare(&list->prefix[kept - 1], &list->prefix[i]))
			list->prefix[kept++] = list->prefix[i];
	}
	list->cnt = kept;
}

/* Those of @a that are not in @b, both sorted. Return: a list to be freed. */
static struct prefixes without(const struct wd_cidr *a, uint32_t a_cnt,
			       const struct wd_cidr *b, uint32_t b_cnt)
{
	struct prefixes rest = { 0 };

	for (uint32_t i = 0, k = 0; i < a_cnt; i++) {
		while (k < b_cnt && compare(&b[k], &a[i]) < 0)
			k++;
		if (k == b_cnt || compare(&b[k], &a[i]))
			add(&rest, &a[i]);
	}
	return rest;
}

static struct wd_wg_step *step(struct planning *p, enum wd_wg_act act)
{
	struct wd_wg_plan *out = p->out;

	out->step = wd_grow(out->step, out->cnt, &out->cap, sizeof(*out->step));
	memset(&out->step[out->cnt], 0, sizeof(*out->step));
	out->step[out->cnt].act = act;
	out->step[out->cnt].node = "";
	return &out->step[out->cnt++];
}

/* ---- what should be ---- */

/* May this node have a peer? */
static bool has_peer(const struct planning *p, const struct wd_wg_node *node)
{
	return !node->is_self && node->has_key &&
	       wd_wg_keys_find(&p->keys, &node->key, NULL) == node;
}

static bool is_home(const struct planning *p, const struct wd_addr *addr,
		    uint32_t node)
{
	const struct wd_wg_owner *home = wd_wg_owners_find(&p->homes, addr);

	return home && home->node == node;
}

/* Of each node, by its place in the cluster; to be freed with the lists. */
static struct prefixes *wanted(const struct planning *p)
{
	const struct wd_wg_cluster *c = p->cluster;
	struct prefixes *list = wd_xcalloc(c->node_cnt + 1, sizeof(*list));

	for (uint32_t i = 0; i < c->node_cnt; i++) {
		for (uint32_t k = 0; k < c->node[i].cidr_cnt; k++) {
			const struct wd_cidr *cidr = &c->node[i].cidr[k];

			if (is_home(p, &cidr->addr, c->node[i].number))
				add(&list[i], cidr);
		}
	}
	for (uint32_t i = 0; i < c->pod_cnt; i++) {
		const struct wd_wg_pod *pod = &c->pod[i];
		const struct wd_cidr alone = {
			.addr = pod->addr,
			.len = pod->addr.family == 4 ? 32 : 128,
		};

		if (is_home(p, &pod->addr, pod->node))
			continue;
		for (uint32_t k = 0; k < c->node_cnt; k++) {
			if (c->node[k].number == pod->node)
				add(&list[k], &alone);
		}
	}
	for (uint32_t i = 0; i < c->node_cnt; i++)
		sort(&list[i]);
	return list;
}

/* Where to reach a node: by the family that we are reached by, if it can be. */
static const struct wd_addr *endpoint_of(const struct planning *p,
					 const struct wd_wg_node *node)
{
	const struct wd_wg_node *self = wd_wg_self(p->cluster);

	for (uint32_t i = 0; self && self->addr_cnt && i < node->addr_cnt;
	     i++) {
		if (node->addr[i].family == self->addr[0].family)
			return &node->addr[i];
	}
	return node->addr_cnt ? &node->addr[0] : NULL;
}

/* WireGuard follows a peer that moves among its addresses; so do we. */
static bool endpoint_is_good(const struct planning *p,
			     const struct wd_wg_node *node,
			     const struct wd_wg_peer *peer)
{
	if (!node->addr_cnt)
		return true;
	if (peer->endpoint_port != p->wants->port)
		return false;
	for (uint32_t i = 0; i < node->addr_cnt; i++) {
		if (wd_addr_equal(&node->addr[i], &peer->endpoint))
			return true;
	}
	return false;
}

/* ---- steps ---- */

static void plan_device(struct planning *p)
{
	const struct wd_wg_device *dev = p->has->dev;
	struct wd_wg_step *key;

	if (!dev)
		(void)step(p, WD_WG_ACT_LINK);
	key = step(p, WD_WG_ACT_KEY);
	key->number = p->wants->port;
	key->is_silent = dev && dev->has_key && dev->port == p->wants->port;
}

static void plan_peer(struct planning *p, const struct wd_wg_node *node,
		      const struct prefixes *want)
{
	const struct wd_wg_peer none = { 0 };
	const struct wd_wg_peer *peer =
		p->has->dev ? wd_wg_peer_find(p->has->dev, &node->key) : NULL;
	const struct wd_wg_peer *old = peer ? peer : &none;
	struct prefixes more =
		without(want->prefix, want->cnt, old->prefix, old->prefix_cnt);
	const struct wd_addr *endpoint =
		peer && endpoint_is_good(p, node, peer) ? NULL :
							  endpoint_of(p, node);
	struct wd_wg_step *s;

	if (peer && !endpoint && !more.cnt) {
		free(more.prefix);
		return;
	}
	s = step(p, WD_WG_ACT_PEER);
	s->is_new = !peer;
	s->node = node->name;
	s->key = node->key;
	s->number = p->wants->port;
	if (endpoint)
		s->addr = *endpoint;
	s->prefix_cnt = more.cnt;
	s->prefix = more.prefix;
}

static void plan_link(struct planning *p)
{
	const struct wd_wg_node *self = wd_wg_self(p->cluster);
	bool had[2] = { false, false }; /* IPv4, IPv6 */

	if (p->wants->mtu && p->wants->mtu != p->has->mtu)
		step(p, WD_WG_ACT_MTU)->number = p->wants->mtu;
	/*
	 * The first address of the prefix, which no pod is given: what this
	 * node itself sends to pods elsewhere must come from one that its peer
	 * may send from.
	 */
	for (uint32_t i = 0; self && i < self->cidr_cnt; i++) {
		const struct wd_addr *addr = &self->cidr[i].addr;
		bool *one = &had[addr->family == 6];
		bool there = false;

		for (uint32_t k = 0; k < p->has->addr_cnt; k++)
			there |= wd_addr_equal(&p->has->addr[k], addr);
		if (!*one && !there)
			step(p, WD_WG_ACT_ADDR)->addr = *addr;
		*one = true;
	}
	if (!p->has->dev || !p->has->dev->is_up)
		(void)step(p, WD_WG_ACT_UP);
}

static void plan_routes(struct planning *p, const struct prefixes *all)
{
	struct prefixes has = { 0 }, more, less;

	for (uint32_t i = 0; i < p->has->route_cnt; i++)
		add(&has, &p->has->route[i]);
	sort(&has);
	more = without(all->prefix, all->cnt, has.prefix, has.cnt);
	less = without(has.prefix, has.cnt, all->prefix, all->cnt);
	free(has.prefix);
	if (more.cnt) {
		struct wd_wg_step *s = step(p, WD_WG_ACT_ROUTE);

		s->prefix_cnt = more.cnt;
		s->prefix = more.prefix;
	}
	if (less.cnt && p->wants->may_remove) {
		struct wd_wg_step *s = step(p, WD_WG_ACT_UNROUTE);

		s->prefix_cnt = less.cnt;
		s->prefix = less.prefix;
		return;
	}
	free(less.prefix);
}

/* @all: of every peer. What another peer will have moves there by itself. */
static void plan_removal(struct planning *p, const struct prefixes *all)
{
	const struct wd_wg_device *dev = p->has->dev;

	if (!dev || !p->wants->may_remove)
		return;
	for (int peers = 0; peers < 2; peers++) {
		for (uint32_t i = 0; i < dev->peer_cnt; i++) {
			const struct wd_wg_peer *peer = &dev->peer[i];
			const struct wd_wg_node *node =
				wd_wg_keys_find(&p->keys, &peer->key, NULL);
			bool stays = node && has_peer(p, node);
			struct prefixes less = { 0 };
			struct wd_wg_step *s;

			if (stays == (peers == 1))
				continue;
			if (stays)
				less = without(peer->prefix, peer->prefix_cnt,
					       all->prefix, all->cnt);
			if (stays && !less.cnt)
				continue;
			s = step(p,
				 stays ? WD_WG_ACT_UNPREFIX : WD_WG_ACT_UNPEER);
			s->node = node ? node->name : "";
			s->key = peer->key;
			s->prefix_cnt = less.cnt;
			s->prefix = less.prefix;
		}
	}
}

void wd_wg_plan(const struct wd_wg_cluster *cluster,
		const struct wd_wg_wants *wants, const struct wd_wg_has *has,
		struct wd_wg_plan *ret)
{
	struct planning p = {
		.cluster = cluster,
		.wants = wants,
		.has = has,
		.out = ret,
	};
	struct prefixes *list, all = { 0 };

	memset(ret, 0, sizeof(*ret));
	wd_wg_keys_init(&p.keys, cluster);
	wd_wg_homes_init(&p.homes, cluster);
	list = wanted(&p);
	plan_device(&p);
	for (uint32_t i = 0; i < cluster->node_cnt; i++) {
		if (has_peer(&p, &cluster->node[i])) {
			plan_peer(&p, &cluster->node[i], &list[i]);
			for (uint32_t k = 0; k < list[i].cnt; k++)
				add(&all, &list[i].prefix[k]);
		}
		free(list[i].prefix);
	}
	sort(&all);
	plan_link(&p);
	plan_routes(&p, &all);
	plan_removal(&p, &all);
	free(all.prefix);
	free(list);
	wd_wg_owners_fini(&p.homes);
	wd_wg_keys_fini(&p.keys);
}

void wd_wg_plan_fini(struct wd_wg_plan *plan)
{
	for (uint32_t i = 0; i < plan->cnt; i++)
		free(plan->step[i].prefix);
	free(plan->step);
	memset(plan, 0, sizeof(*plan));
}

/* ---- for a person ---- */

static void put_prefixes(FILE *to, const struct wd_wg_step *s)
{
	char text[WD_ADDR_STRLEN];

	for (uint32_t i = 0; i < s->prefix_cnt && i < SHOWN; i++)
		fprintf(to, " %s", wd_cidr_str(&s->prefix[i], text));
	if (s->prefix_cnt > SHOWN)
		fprintf(to, " and %u more", s->prefix_cnt - SHOWN);
}

static void put_peer(FILE *to, const char *verb, const struct wd_wg_step *s)
{
	char key[WD_WGKEY_STRLEN];

	fprintf(to, "%s %s", verb, wd_wgkey_str(&s->key, key));
	if (*s->node)
		fprintf(to, " (node %s)", s->node);
}

static void put_addition(FILE *to, const struct wd_wg_step *s)
{
	char addr[WD_ADDR_STRLEN];

	put_peer(to, s->is_new ? "add peer" : "change peer", s);
	if (s->addr.family)
		fprintf(to,
			s->addr.family == 4 ? ", endpoint %s:%u" :
					      ", endpoint [%s]:%u",
			wd_addr_str(&s->addr, addr), s->number);
	if (s->prefix_cnt)
		fputs(", add", to);
	put_prefixes(to, s);
}

static void put_step(FILE *to, const struct wd_wg_step *s)
{
	char addr[WD_ADDR_STRLEN];

	switch (s->act) {
	case WD_WG_ACT_LINK:
		fputs("make the device", to);
		break;
	case WD_WG_ACT_KEY:
		fprintf(to, "set private key and port %u", s->number);
		break;
	case WD_WG_ACT_PEER:
		put_addition(to, s);
		break;
	case WD_WG_ACT_MTU:
		fprintf(to, "set MTU %u", s->number);
		break;
	case WD_WG_ACT_ADDR:
		fprintf(to, "add address %s", wd_addr_str(&s->addr, addr));
		break;
	case WD_WG_ACT_UP:
		fputs("bring it up", to);
		break;
	case WD_WG_ACT_ROUTE:
		fputs("add routes", to);
		put_prefixes(to, s);
		break;
	case WD_WG_ACT_UNROUTE:
		fputs("remove routes", to);
		put_prefixes(to, s);
		break;
	case WD_WG_ACT_UNPREFIX:
		put_peer(to, "take from peer", s);
		put_prefixes(to, s);
		break;
	case WD_WG_ACT_UNPEER:
		put_peer(to, "remove peer", s);
		break;
	}
}

char *wd_wg_step_str(const struct wd_wg_step *step)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return wd_xstrdup("");
	put_step(to, step);
	if (fclose(to)) {
		free(text);
		return wd_xstrdup("");
	}
	return text;
}
