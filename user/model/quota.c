/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quota.c - what one namespace may take of the node's tables.
 *
 * Counted by what its objects say, on every node alike, whatever they select
 * here. Who comes first is served: what is in force stays in force, and what
 * there is no room for comes in as soon as there is. A policy beyond a quota
 * isolates its subjects and allows nothing, as one with rules that were not
 * understood; a pod beyond it is somebody inside of whom nobody has told; of a
 * service beyond it nobody knows where it leads, nor of one with a slice beyond.
 * A group of CIDRs costs its prefixes wherever a policy refers to it, and so do
 * services the addresses that a rule means by them; where they grow, who came
 * last is beyond.
 * Addresses and backends are counted apart; what they come to together is too,
 * see services_weigh().
 */
#include <stdlib.h>
#include <string.h>

#include "cover_int.h"

static bool fits(uint64_t have, uint64_t more, uint32_t quota)
{
	return !quota || have + more <= quota;
}

/* ---- objects: policies, services, slices ---- */

static uint64_t cost_of_groups(const struct wd_model *m,
			       const struct wd_peer *peer)
{
	const struct wd_object *obj = NULL;
	uint64_t cost = 0;

	while ((obj = wd_store_next(m->store, WD_KIND_CIDR_GROUP, obj)))
		if (wd_peer_means(peer, obj))
			cost += obj->group.cidr_cnt;
	return cost;
}

/* Addresses in slices, where a rule means these, see add_services() in draft.c. */
static uint64_t cost_of_slices(const struct mservice *service, bool denies)
{
	uint64_t cost = 0;

	if (service_pods(service) && !denies)
		return 0;
	for (size_t i = 0; i < service->slices.cnt; i++)
		cost += ((const struct wd_object *)service->slices.item[i])
				->slice.addr_cnt;
	return cost;
}

/*
 * Only where their namespace is named: else anybody could, by a service of that
 * name, make the policy go beyond what its namespace may have.
 */
static uint64_t cost_of_services(const struct wd_model *m,
				 const struct wd_peer *peer, bool denies)
{
	const char *ns = peer->service_ns;
	const struct mspace *space = NULL;
	uint64_t cost = 0;

	if (ns)
		HASH_FIND(hh, m->spaces, ns, strlen(ns), space);
	for (size_t i = 0; space && i < space->services.cnt; i++) {
		const struct mservice *s = space->services.item[i];

		if (wd_peer_names(peer, s->key.ns, s->key.name,
				  s->obj ? s->obj->service.labels : NULL))
			cost += cost_of_slices(s, denies);
	}
	return cost;
}

/* Prefixes that @rule does not say itself, but what it refers to. */
static uint64_t cost_of_referred(const struct wd_model *m,
				 const struct wd_policy_rule *rule)
{
	bool denies = rule->action != WD_RULE_ALLOW;
	uint64_t cost = 0;

	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		const struct wd_peer *peer = &rule->peer[i];

		if (peer->type == WD_PEER_GROUPS)
			cost += cost_of_groups(m, peer);
		else if (peer->type == WD_PEER_SERVICES)
			cost += cost_of_services(m, peer, denies);
	}
	return cost;
}

static void cost_of_policy(const struct wd_model *m,
			   const struct wd_policy *policy, struct mcost *cost)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		const struct wd_spec *spec = &policy->spec[i];

		cost->of[WD_QUOTA_RULES] += wd_selector_cost(spec->subject) +
					    wd_selector_cost(spec->ns_sel);
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			for (uint32_t k = 0; k < spec->rule_cnt[dir]; k++) {
				const struct wd_policy_rule *rule =
					&spec->rule[dir][k];

				wd_rule_cost(rule, &cost->of[WD_QUOTA_RULES],
					     &cost->of[WD_QUOTA_CIDRS]);
				cost->of[WD_QUOTA_CIDRS] +=
					cost_of_referred(m, rule);
			}
		}
	}
}

static void rule_refers(const struct wd_policy_rule *rule,
			struct mrefers *refers)
{
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		const struct wd_peer *peer = &rule->peer[i];

		if (peer->type == WD_PEER_GROUPS)
			refers->grouped = true;
		if (peer->type != WD_PEER_SERVICES || !peer->service_ns)
			continue;
		refers->served |= service_bit(peer->service);
		if (rule->action != WD_RULE_ALLOW)
			refers->sliced |= service_bit(peer->service);
	}
}

static void spec_refers(const struct wd_spec *spec, struct mrefers *refers)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++)
			rule_refers(&spec->rule[dir][i], refers);
}

/* What else has to do with what it takes. */
static struct mrefers refers_of(const struct wd_object *obj)
{
	struct mrefers refers = { 0 };

	if (!wd_kind_is_policy(obj->kind))
		return refers;
	for (uint32_t i = 0; i < obj->policy.spec_cnt; i++)
		spec_refers(&obj->policy.spec[i], &refers);
	return refers;
}

static bool refers_to_changed(const struct wd_model *m,
			      const struct mrefers *refers)
{
	return (refers->grouped && m->groups_changed) ||
	       (refers->served & m->services_changed) ||
	       (refers->sliced & m->slices_changed);
}

static uint64_t cost_of_service(const struct wd_service *service)
{
	uint64_t cost = (uint64_t)service->addr_cnt * service->port_cnt;

	for (uint32_t i = 0; i < service->port_cnt; i++)
		cost += service->port[i].node_port ? 2 : 0;
	return cost;
}

/* The API server's own: the node itself needs it, whoever fills the namespace. */
bool quota_spares(const char *ns, const char *service)
{
	return !strcmp(ns, "default") && !strcmp(service, "kubernetes");
}

static struct mcost cost_of(const struct wd_model *m,
			    const struct wd_object *obj)
{
	struct mcost cost = { 0 };

	if (obj->kind == WD_KIND_SERVICE) {
		if (!quota_spares(obj->ns, obj->name))
			cost.of[WD_QUOTA_SERVICES] =
				cost_of_service(&obj->service);
	} else if (obj->kind == WD_KIND_SLICE) {
		if (*obj->slice.service &&
		    !quota_spares(obj->ns, obj->slice.service))
			cost.of[WD_QUOTA_BACKENDS] = obj->slice.addr_cnt;
	} else {
		cost_of_policy(m, &obj->policy, &cost);
	}
	return cost;
}

static struct mover *over_find(const struct wd_model *m,
			       const struct wd_object *obj)
{
	struct mover *over;

	HASH_FIND_PTR(m->over, &obj, over);
	return over;
}

bool quota_is_over(const struct wd_model *m, const struct wd_object *obj)
{
	return m->over && over_find(m, obj);
}

static enum wd_quota lacks(const struct wd_model *m, const struct mspace *s,
			   const struct mcost *cost)
{
	for (int i = 0; i < WD_QUOTA__MAX; i++)
		if (!fits(s->cost.of[i], cost->of[i], m->quota[i]))
			return (enum wd_quota)i;
	return WD_QUOTA__MAX;
}

static void give_back(struct mspace *s, const struct mcost *cost)
{
	for (int i = 0; i < WD_QUOTA__MAX; i++)
		s->cost.of[i] -= cost->of[i];
}

/* There is room for it. */
static void take(struct wd_model *m, struct mspace *s,
		 const struct wd_object *obj, const struct mcost *cost)
{
	struct mrefers refers = refers_of(obj);
	struct mreferrer *one;

	for (int i = 0; i < WD_QUOTA__MAX; i++)
		s->cost.of[i] += cost->of[i];
	if (!refers.grouped && !refers.served)
		return;
	one = wd_xcalloc(1, sizeof(*one));
	*one = (struct mreferrer){
		.obj = obj, .space = s, .refers = refers, .cost = *cost
	};
	HASH_ADD_PTR(m->referrers, obj, one);
}

static void over_add(struct wd_model *m, struct mspace *s,
		     const struct wd_object *obj, const struct mcost *cost)
{
	struct mover *over = wd_xcalloc(1, sizeof(*over));

	over->obj = obj;
	over->space = s;
	over->quota = lacks(m, s, cost);
	over->refers = refers_of(obj);
	over->cost = *cost;
	HASH_ADD_PTR(m->over, obj, over);
	s->over++;
}

static void over_free(struct wd_model *m, struct mover *over)
{
	HASH_DEL(m->over, over);
	over->space->over--;
	free(over);
}

bool quota_goes(struct wd_model *m, struct mspace *s,
		const struct wd_object *obj)
{
	struct mover *over = m->over ? over_find(m, obj) : NULL;
	struct mreferrer *one;
	struct mcost cost;

	if (over) {
		over_free(m, over);
		return true;
	}
	HASH_FIND_PTR(m->referrers, &obj, one);
	if (one) {
		give_back(s, &one->cost);
		HASH_DEL(m->referrers, one);
		free(one);
		return false;
	}
	cost = cost_of(m, obj);
	give_back(s, &cost);
	return false;
}

static bool comes(struct wd_model *m, struct mspace *s,
		  const struct wd_object *obj, const struct mcost *cost)
{
	if (lacks(m, s, cost) == WD_QUOTA__MAX) {
		take(m, s, obj, cost);
		return false;
	}
	over_add(m, s, obj, cost);
	return true;
}

bool quota_comes(struct wd_model *m, struct mspace *s,
		 const struct wd_object *obj)
{
	struct mcost cost = cost_of(m, obj);

	return comes(m, s, obj, &cost);
}

/* One pass: room only gets less by it, so that who had none has none. */
void quota_next(struct wd_model *m, struct mspace *s,
		void (*fn)(struct wd_model *m, struct mspace *s,
			   const struct wd_object *obj))
{
	struct mover *over;
	struct mover *tmp;

	if (!s->over)
		return;
	HASH_ITER(hh, m->over, over, tmp) {
		const struct wd_object *obj = over->obj;

		if (over->space != s)
			continue;
		over->quota = lacks(m, s, &over->cost);
		if (over->quota != WD_QUOTA__MAX)
			continue;
		take(m, s, obj, &over->cost);
		over_free(m, over);
		fn(m, s, obj);
	}
}

/* Work out again what referrers take. Return: is it another for any. */
static bool reckon(struct wd_model *m)
{
	bool any = false;

	for (struct mover *over = m->over; over; over = over->hh.next) {
		if (!refers_to_changed(m, &over->refers))
			continue;
		over->cost = cost_of(m, over->obj);
		any = true;
	}
	for (struct mreferrer *one = m->referrers; one; one = one->hh.next) {
		if (!refers_to_changed(m, &one->refers))
			continue;
		one->comes = cost_of(m, one->obj);
		one->changed =
			memcmp(&one->comes, &one->cost, sizeof(one->cost)) != 0;
		any |= one->changed;
	}
	return any;
}

void quota_regroup(struct wd_model *m,
		   void (*fn)(struct wd_model *m, struct mspace *s,
			      const struct wd_object *obj))
{
	struct mreferrer *was = m->referrers;
	struct mreferrer *one;
	struct mreferrer *tmp;

	if (!reckon(m))
		return;
	for (one = was; one; one = one->hh.next)
		give_back(one->space, &one->cost);
	m->referrers = NULL;
	HASH_ITER(hh, was, one, tmp) {
		HASH_DEL(was, one);
		if (comes(m, one->space, one->obj,
			  one->changed ? &one->comes : &one->cost))
			fn(m, one->space, one->obj);
		free(one);
	}
	for (struct mspace *s = m->spaces; s; s = s->hh.next)
		quota_next(m, s, fn);
}

/* ---- what is looked up ---- */

/* How often each backend that a namespace may have is looked up, on average. */
#define LOOKUPS 32

uint64_t quota_load(const struct wd_model *m)
{
	return (uint64_t)m->quota[WD_QUOTA_BACKENDS] * LOOKUPS;
}

static void tell_vast(const struct wd_model *m,
		      void (*fn)(void *ctx, const struct wd_over *over),
		      void *ctx)
{
	uint64_t load = quota_load(m);

	for (const struct mservice *s = m->services; s; s = s->hh.next) {
		const struct wd_over over = {
			.obj = s->obj,
			.ns = s->key.ns,
			.quota = WD_QUOTA_BACKENDS,
			.limit = load < UINT32_MAX ? (uint32_t)load :
						     UINT32_MAX,
			.pairs = true,
		};

		if (s->vast && s->obj)
			fn(ctx, &over);
	}
}

/* ---- label sets, numbers of port names ---- */

static bool has_labels(const struct wd_model *m, const struct mspace *s,
		       const struct mgroup *leaving)
{
	bool one_less = leaving && leaving->key.space == s &&
			leaving->pods.cnt == 1;

	/* namespaces of other clusters share one: there may be any number */
	if (wd_cluster_is_other(s->name))
		return fits(m->others - one_less, 1, m->quota[WD_QUOTA_LABELS]);
	return fits(s->groups.cnt - one_less, 1, m->quota[WD_QUOTA_LABELS]);
}

enum wd_quota quota_lacks_group(const struct wd_model *m,
				const struct mgroup_key *key,
				const struct mgroup *leaving)
{
	if (!has_labels(m, key->space, leaving))
		return WD_QUOTA_LABELS;
	if (!portnames_have_room(m, key, leaving))
		return WD_QUOTA_NUMBERS;
	return WD_QUOTA__MAX;
}

/* Is there a group for its pods now, or room for one? */
static bool has_room(struct wd_model *m, struct mpod *pod)
{
	struct mgroup_key key;
	bool has = group_find(m, pod->obj, &key) != NULL;

	if (!has) {
		pod->lacks = quota_lacks_group(m, &key, NULL);
		has = pod->lacks == WD_QUOTA__MAX;
	}
	group_key_fini(m, &key);
	return has;
}

/*
 * Who came first comes in first. One pass: who comes in only takes, but for the
 * group that others of its labels and ports then have.
 */
static void name_waiting(struct wd_model *m, struct mspace *space)
{
	size_t i = 0;

	while (i < space->nameless.cnt) {
		struct mpod *pod = space->nameless.item[i];

		if (has_room(m, pod))
			pod_refresh(m, pod); /* the next has its place now */
		else
			i++;
	}
}

/* In all namespaces of other clusters, or (!@other) of this one. */
static void name_all_waiting(struct wd_model *m, bool other)
{
	for (struct mspace *s = m->spaces; s; s = s->hh.next)
		if (wd_cluster_is_other(s->name) == other)
			name_waiting(m, s);
}

void pod_update(struct wd_model *m, struct mpod *pod)
{
	struct mspace *space = space_get(m, pod->key.ns);
	bool is_other = wd_cluster_is_other(space->name);
	uint64_t left = m->groups_left;

	m->portnames_room = false;
	pod_refresh(m, pod);
	if (m->groups_left == left)
		return;
	if (is_other || m->portnames_room)
		name_all_waiting(m, is_other);
	else
		name_waiting(m, space);
}

/* ---- who asks ---- */

static void tell_nameless(const struct wd_model *m, const struct mspace *s,
			  void (*fn)(void *ctx, const struct wd_over *over),
			  void *ctx)
{
	uint32_t cnt[WD_QUOTA__MAX] = { 0 };

	for (size_t i = 0; i < s->nameless.cnt; i++)
		cnt[((const struct mpod *)s->nameless.item[i])->lacks]++;
	for (int i = 0; i < WD_QUOTA__MAX; i++) {
		const struct wd_over over = {
			.ns = s->name,
			.quota = (enum wd_quota)i,
			.limit = m->quota[i],
			.pods = cnt[i],
		};

		if (over.pods)
			fn(ctx, &over);
	}
}

bool wd_model_policy_over(const struct wd_model *m,
			  const struct wd_object *policy)
{
	return quota_is_over(m, policy);
}

void wd_model_over(const struct wd_model *m,
		   void (*fn)(void *ctx, const struct wd_over *over), void *ctx)
{
	for (const struct mover *o = m->over; o; o = o->hh.next) {
		const struct wd_over over = {
			.obj = o->obj,
			.ns = o->space->name,
			.quota = o->quota,
			.limit = m->quota[o->quota],
		};

		fn(ctx, &over);
	}
	tell_vast(m, fn, ctx);
	for (const struct mspace *s = m->spaces; s; s = s->hh.next) {
		const struct wd_over closed = {
			.ns = s->name,
			.quota = WD_QUOTA_SERVICES,
			.limit = front_own(m, WIDTH_ADDRESS),
			.covered = s->covered,
		};

		tell_nameless(m, s, fn, ctx);
		if (closed.covered)
			fn(ctx, &closed);
	}
}

void wd_model_quotas(const struct wd_model *m,
		     void (*fn)(void *ctx, const char *ns,
				const uint64_t used[WD_QUOTA__MAX]),
		     void *ctx)
{
	for (const struct mspace *s = m->spaces; s; s = s->hh.next) {
		struct mcost all = s->cost;
		uint64_t any = 0;

		all.of[WD_QUOTA_LABELS] = s->groups.cnt;
		all.of[WD_QUOTA_NUMBERS] = portnames_most(m, s);
		for (int i = 0; i < WD_QUOTA__MAX; i++)
			any |= all.of[i];
		if (any)
			fn(ctx, s->name, all.of);
	}
}

void quota_fini(struct wd_model *m)
{
	struct mreferrer *one = m->referrers;
	struct mover *over = m->over;

	HASH_CLEAR(hh, m->referrers);
	while (one) {
		struct mreferrer *next = one->hh.next;

		free(one);
		one = next;
	}
	HASH_CLEAR(hh, m->over);
	while (over) {
		struct mover *next = over->hh.next;

		free(over);
		over = next;
	}
}
