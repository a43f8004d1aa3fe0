/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * draft.c - the policies that select a pod, as atoms in order of precedence.
 */
#include <stdlib.h>
#include <string.h>

#include "l4.h"
#include "rule.h"
#include "slot_int.h"

static struct atom *draft_add(struct draft *d, enum wd_dir dir,
			      struct mterm *term, uint32_t rule)
{
	struct atom *a;

	d->atom = wd_grow(d->atom, d->cnt, &d->cap, sizeof(*d->atom));
	a = &d->atom[d->cnt++];
	memset(a, 0, sizeof(*a)); /* padding too: atoms are compared as bytes */
	a->dir = (uint8_t)dir;
	a->term = term;
	a->any_peer = term == NULL;
	a->rule = rule;
	a->hi = 65535;
	return a;
}

/* Somebody unknown inside the cluster could be one of these. */
static bool peer_may_be_unknown(const struct wd_peer *peer)
{
	return peer->type == WD_PEER_PODS ||
	       (peer->type == WD_PEER_NODES && peer->nodes != WD_NODES_OWN);
}

/* The number of a rule, once for all of its atoms. */
struct numbered {
	uint32_t id; /* 0: not asked for yet */
	uint32_t atoms; /* that have it */
};

/* Where a rule comes from and for whom it is compiled. */
struct source {
	const struct wd_object *policy;
	const struct wd_object *pod;
	struct mspace *space; /* the pod's */
	const struct wd_spec *spec;
	enum wd_dir dir;
	enum wd_rule_action action; /* as it is enforced, see add_rule() */
	const struct mcidrs
		*list; /* what the peer, of CIDRs, is about; or NULL */
	int index;
	/* once for all ports of a peer, as they are needed; see add_ports() */
	bool termed;
	struct mterm *term; /* of the peer, whatever its ports; NULL: everybody */
	struct mterm *unknown;
	struct numbered *number;
};

/* What denies is about whom it could be about; by name see add_unknown(). */
static struct mterm *peer_term(struct wd_model *m, const struct source *s,
			       const struct wd_peer *peer,
			       const struct wd_port_name *holds)
{
	bool or_unknown;

	if (!peer)
		return holds ? term_anypod(m, holds) : NULL;
	or_unknown = s->action == WD_RULE_DENY && !holds &&
		     peer_may_be_unknown(peer);
	if (s->list)
		return term_cidrs(m, peer, s->list, holds);
	if (peer->type == WD_PEER_CIDR)
		return term_cidr(m, peer, holds);
	if (peer->type == WD_PEER_NODES)
		return term_nodes(m, peer, or_unknown);
	return term_pods(m, s->space, peer, holds, or_unknown);
}

static uint8_t tell_of(const struct wd_object *policy)
{
	switch (policy->policy.response) {
	case WD_RESPONSE_UNSET:
		break;
	case WD_RESPONSE_DROP:
		return WD_TELL_NOTHING;
	case WD_RESPONSE_REJECT:
		return WD_TELL_DENIED;
	}
	return WD_TELL_AS_EP;
}

/* Return: the number of the rule; references come in add_rule(). */
static uint32_t rule_of(struct wd_model *m, struct source *s)
{
	struct numbered *n = s->number;

	if (!n->id)
		n->id = rule_get(m, s->policy, s->dir, s->index);
	n->atoms++;
	return n->id;
}

/* As peer_term() of no port; the same for each port. */
static struct mterm *term_of(struct wd_model *m, struct source *s,
			     const struct wd_peer *peer)
{
	if (!s->termed)
		s->term = peer_term(m, s, peer, NULL);
	s->termed = true;
	if (s->term)
		term_ref(s->term);
	return s->term;
}

static struct mterm *unknown_of(struct wd_model *m, struct source *s)
{
	if (!s->unknown)
		s->unknown = term_unknown(m);
	term_ref(s->unknown);
	return s->unknown;
}

static void source_fini(struct wd_model *m, struct source *s)
{
	if (s->term)
		term_put(m, s->term);
	if (s->unknown)
		term_put(m, s->unknown);
}

static struct atom *add_atom(struct wd_model *m, struct draft *d,
			     struct source *s, const struct wd_peer *peer,
			     const struct wd_port_name *holds)
{
	struct atom *a = draft_add(d, s->dir,
				   holds ? peer_term(m, s, peer, holds) :
					   term_of(m, s, peer),
				   rule_of(m, s));

	a->tier = (uint8_t)s->policy->policy.tier;
	a->action = (uint8_t)s->action;
	if (s->action == WD_RULE_DENY)
		a->tell = tell_of(s->policy);
	return a;
}

/*
 * What a rule says of somebody unknown who may be its peer: nothing if it
 * allows; if it passes on, that nothing of its tier allows him any more.
 * Return: the atom, of every port.
 */
static struct atom *add_unknown(struct wd_model *m, struct draft *d,
				struct source *s)
{
	struct atom *a = draft_add(d, s->dir, unknown_of(m, s), rule_of(m, s));

	a->tier = (uint8_t)s->policy->policy.tier;
	a->action = s->action == WD_RULE_DENY ? ATOM_DENY : ATOM_MAYBE;
	if (s->action == WD_RULE_DENY)
		a->tell = tell_of(s->policy);
	return a;
}

/* The same where @like, which passes on, is for those it is sure of. */
static void add_maybe(struct wd_model *m, struct draft *d, struct source *s,
		      const struct wd_peer *peer, const struct atom *like)
{
	struct atom ports = *like; /* it may move */
	struct atom *a;

	if (s->action != WD_RULE_PASS || !peer || !peer_may_be_unknown(peer))
		return;
	a = add_unknown(m, d, s);
	a->any_port = ports.any_port;
	a->l4 = ports.l4;
	a->lo = ports.lo;
	a->hi = ports.hi;
}

/* What the programs take for the port, see enum wd_l4. Return: @a */
static struct atom *set_ports(struct atom *a, uint8_t proto, uint16_t lo,
			      uint16_t hi)
{
	a->l4 = (uint8_t)wd_l4_of(proto);
	a->lo = a->l4 == WD_L4_OTHER ? proto : lo;
	a->hi = a->l4 == WD_L4_OTHER ? proto : hi;
	return a;
}

/* Ingress by name: the number is the subject pod's own. */
static void add_named_ingress(struct wd_model *m, struct draft *d,
			      struct source *s, const struct wd_peer *peer,
			      const struct wd_port *port)
{
	const struct wd_pod *pod = &s->pod->pod;

	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		if (pod->port[i].name != port->name ||
		    pod->port[i].proto != port->proto)
			continue;
		add_maybe(m, d, s, peer,
			  set_ports(add_atom(m, d, s, peer, NULL), port->proto,
				    pod->port[i].port, pod->port[i].port));
	}
}

/* A set of port numbers. */
#define SEEN_WORDS (65536 / 64)

/* The numbers of a name in @space (NULL: in all), each once. */
static void add_numbers(struct wd_model *m, struct draft *d, struct source *s,
			const struct wd_peer *peer,
			const struct mportname *like, uint64_t *seen)
{
	const struct mportname *n;

	HASH_FIND(hh, m->portnames, &like->key, sizeof(like->key), n);
	for (size_t i = 0; n && i < n->cnt; i++) {
		struct wd_port_name holds = {
			.name = like->key.name,
			.port = n->num[i].port,
			.proto = (uint8_t)like->key.proto,
		};
		uint64_t bit = 1ULL << (holds.port % 64);

		if (seen[holds.port / 64] & bit)
			continue;
		seen[holds.port / 64] |= bit;
		set_ports(add_atom(m, d, s, peer, &holds), holds.proto,
			  holds.port, holds.port);
	}
}

/*
 * Egress by name: every number that the name has in the namespaces that are
 * meant, each for the pods where it has that number: what others call their
 * ports is not theirs to make a policy larger with. Of somebody unknown any
 * port may have the name.
 */
static void add_named_egress(struct wd_model *m, struct draft *d,
			     struct source *s, const struct wd_peer *peer,
			     const struct wd_port *port)
{
	bool is_pods = peer && peer->type == WD_PEER_PODS;
	struct mportname like = { .key = { port->name, NULL, port->proto } };
	uint64_t *seen;

	d->named_egress = true;
	if (peer && peer->type == WD_PEER_NODES)
		return; /* nodes name no ports */
	if (s->action != WD_RULE_ALLOW && (!peer || is_pods))
		set_ports(add_unknown(m, d, s), port->proto, 0, 65535);
	seen = wd_xcalloc(SEEN_WORDS, sizeof(*seen));
	if (is_pods && !peer->ns_sel)
		like.key.space = s->space;
	if (!is_pods || !peer->ns_sel || !peer->ns_sel->cnt) {
		add_numbers(m, d, s, peer, &like, seen);
		free(seen);
		return;
	}
	for (const struct mspace *in = m->spaces; in; in = in->hh.next) {
		like.key.space = in;
		if (wd_space_matches(peer->ns_sel, in->labels))
			add_numbers(m, d, s, peer, &like, seen);
	}
	free(seen);
}

static bool is_vast(struct draft *d)
{
	d->vast |= d->cnt >= DRAFT_ATOMS;
	return d->vast;
}

static void add_port(struct wd_model *m, struct draft *d, struct source *s,
		     const struct wd_peer *peer, const struct wd_port *port)
{
	if (port->name && s->dir == WD_INGRESS) {
		add_named_ingress(m, d, s, peer, port);
	} else if (port->name) {
		add_named_egress(m, d, s, peer, port);
	} else {
		add_maybe(m, d, s, peer,
			  set_ports(add_atom(m, d, s, peer, NULL), port->proto,
				    port->lo, port->hi));
	}
}

static void add_ports(struct wd_model *m, struct draft *d,
		      const struct source *of,
		      const struct wd_policy_rule *rule,
		      const struct wd_peer *peer)
{
	struct source s = *of;

	if (is_vast(d))
		return;
	if (rule->any_port) {
		struct atom *a = add_atom(m, d, &s, peer, NULL);

		a->any_port = 1;
		add_maybe(m, d, &s, peer, a);
	}
	for (uint32_t i = 0;
	     !rule->any_port && i < rule->port_cnt && !is_vast(d); i++)
		add_port(m, d, &s, peer, &rule->port[i]);
	source_fini(m, &s);
}

/*
 * What a peer of many prefixes says, as one: each port is told of once and not
 * of each prefix, which others than who wrote the policy may make many.
 */
static void add_cidrs(struct wd_model *m, struct draft *d,
		      const struct source *s, const struct wd_policy_rule *rule,
		      const struct wd_peer *peer, struct mcidrs *list)
{
	struct source these = *s;

	these.list = list;
	cidrs_sort(list);
	if (list->cnt)
		add_ports(m, d, &these, rule, peer);
	free(list->cidr);
}

static bool is_excepted(const struct wd_peer *peer, const struct wd_cidr *cidr)
{
	for (uint32_t i = 0; i < peer->except_cnt; i++) {
		if (wd_cidr_covers(&peer->except[i], cidr))
			return true;
	}
	return false;
}

static bool is_inside_any(const struct mcidrs *list, const struct wd_cidr *cidr)
{
	for (size_t i = 0; i < list->cnt; i++) {
		if (wd_cidr_covers(&list->cidr[i], cidr))
			return true;
	}
	return false;
}

/* Groups that are not there have no members: nobody is meant. */
static void add_groups(struct wd_model *m, struct draft *d,
		       const struct source *s,
		       const struct wd_policy_rule *rule,
		       const struct wd_peer *peer)
{
	struct wd_peer all = { .type = WD_PEER_CIDR, .scope = peer->scope };
	const struct wd_object *obj = NULL;
	struct mcidrs list = { 0 };

	d->grouped = true;
	while ((obj = wd_store_next(m->store, WD_KIND_CIDR_GROUP, obj))) {
		for (uint32_t i = 0;
		     wd_peer_means(peer, obj) && i < obj->group.cidr_cnt; i++)
			if (!is_excepted(peer, &obj->group.cidr[i]))
				cidrs_add(&list, &obj->group.cidr[i]);
	}
	all.except = wd_xcalloc(peer->except_cnt, sizeof(*all.except));
	for (uint32_t i = 0; i < peer->except_cnt; i++) {
		if (is_inside_any(&list, &peer->except[i]))
			all.except[all.except_cnt++] = peer->except[i];
	}
	add_cidrs(m, d, s, rule, &all, &list);
	free(all.except);
}

/* What a service without a selector leads to, pods or not. */
static void list_slices(const struct mservice *service, struct mcidrs *list)
{
	for (size_t i = 0; i < service->slices.cnt; i++) {
		const struct wd_object *obj = service->slices.item[i];

		for (uint32_t k = 0; k < obj->slice.addr_cnt; k++) {
			struct wd_cidr one = { .addr = obj->slice.addr[k] };

			one.len = one.addr.family == 4 ? 32 : 128;
			cidrs_add(list, &one);
		}
	}
}

/* Pods where there is a selector: it says the same of those to come. */
static void add_pods_of(struct wd_model *m, struct draft *d,
			const struct source *s,
			const struct wd_policy_rule *rule,
			const struct mservice *service)
{
	union {
		const struct wd_selector *in;
		struct wd_selector *out; /* not changed, as a peer's */
	} cast = { service_pods(service) };
	struct wd_peer one = { .type = WD_PEER_PODS, .pod_sel = cast.out };
	struct source there = *s;

	there.space = space_get(m, service->key.ns);
	add_ports(m, d, &there, rule, &one);
}

/*
 * Who denies a service means whoever it may lead to: also what only its slices
 * name, as pods in their node's network and what was written by hand.
 */
static void add_services(struct wd_model *m, struct draft *d,
			 const struct source *s,
			 const struct wd_policy_rule *rule,
			 const struct wd_peer *peer)
{
	const struct wd_peer all = { .type = WD_PEER_CIDR };
	const struct mservice *service = NULL;
	bool denies = s->action != WD_RULE_ALLOW;
	struct mcidrs list = { 0 };

	d->served |= service_bit(peer->service);
	if (denies)
		d->sliced |= service_bit(peer->service);
	if (denies && services_unknown(m, peer)) {
		add_ports(m, d, s, rule, NULL);
		return;
	}
	while ((service = service_next(m, peer, service))) {
		if (service_pods(service))
			add_pods_of(m, d, s, rule, service);
		if (!service_pods(service) || denies)
			list_slices(service, &list);
	}
	add_cidrs(m, d, s, rule, &all, &list);
}

static void add_peer(struct wd_model *m, struct draft *d,
		     const struct source *s, const struct wd_policy_rule *rule,
		     const struct wd_peer *peer)
{
	if (peer->type == WD_PEER_GROUPS)
		add_groups(m, d, s, rule, peer);
	else if (peer->type == WD_PEER_SERVICES)
		add_services(m, d, s, rule, peer);
	else
		add_ports(m, d, s, rule, peer);
}

/*
 * What of a rule is enforced. One that was not understood allows nothing;
 * skipping one that denies or passes on would open what it was to close, so
 * it denies everything then.
 */
static void add_rule(struct wd_model *m, struct draft *d,
		     const struct source *of, const struct wd_policy_rule *rule)
{
	static const struct wd_policy_rule all = { .any_peer = true,
						   .any_port = true };
	struct numbered number = { 0 };
	struct source s = *of;

	s.action = rule->action;
	if (rule->broken || s.spec->subject_broken ||
	    quota_is_over(m, s.policy)) {
		if (rule->action == WD_RULE_ALLOW)
			return;
		s.action = WD_RULE_DENY;
		rule = &all;
	}
	s.number = &number;
	if (rule->any_peer)
		add_ports(m, d, &s, rule, NULL);
	for (uint32_t k = 0; !rule->any_peer && k < rule->peer_cnt; k++)
		add_peer(m, d, &s, rule, &rule->peer[k]);
	if (!number.id)
		return;
	d->narrow |= *s.policy->ns != '\0';
	rule_ref(m, number.id, number.atoms);
	rule_put(m, number.id, 1);
}

/* Those rules of one spec that do @only; -1: all of them. */
static void add_spec(struct wd_model *m, struct draft *d, struct source *s,
		     int first, int only)
{
	for (uint32_t i = 0; i < s->spec->rule_cnt[s->dir]; i++) {
		const struct wd_policy_rule *rule = &s->spec->rule[s->dir][i];

		s->index = first + (int)i;
		if (only < 0 || only == (int)rule->action)
			add_rule(m, d, s, rule);
	}
}

static bool is_left_out(const struct draft *d, const struct wd_object *policy)
{
	return !wd_policy_counts(policy, d->tries, d->lifts);
}

/* Of several that isolate, one that wants silence gets it. */
static void add_isolation(struct draft *d, const struct source *s)
{
	uint8_t tell = tell_of(s->policy);

	if (!s->spec->isolates[s->dir])
		return;
	d->isolated[s->dir] = true;
	if (tell == WD_TELL_NOTHING || d->tell[s->dir] == WD_TELL_AS_EP)
		d->tell[s->dir] = tell;
}

static void add_policy(struct wd_model *m, struct draft *d, struct source *s,
		       int only)
{
	const struct wd_policy *policy = &s->policy->policy;
	int first = 0;

	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		s->spec = &policy->spec[i];
		if (s->spec->applies[s->dir] &&
		    wd_spec_selects(s->spec, s->policy->ns, s->pod,
				    s->space->labels)) {
			if (is_left_out(d, s->policy)) {
				d->left_out = true;
				return;
			}
			add_isolation(d, s);
			add_spec(m, d, s, first, only);
		}
		first += (int)s->spec->rule_cnt[s->dir];
	}
}

/* A list is in order of precedence already. */
static void add_tier(struct wd_model *m, struct draft *d, struct source *s,
		     const struct vec *list, enum wd_tier tier, int only)
{
	for (size_t i = 0; i < list->cnt; i++) {
		s->policy = list->item[i];
		if (s->policy->policy.tier == tier)
			add_policy(m, d, s, only);
	}
}

/* Those of a list that select the pod. */
static void list(struct vec *some, const struct vec *all,
		 const struct source *s)
{
	some->cnt = 0;
	for (size_t i = 0; i < all->cnt; i++) {
		if (policy_selects(all->item[i], s->space, s->pod))
			vec_push(some, all->item[i]);
	}
}

static void fill_dir(struct wd_model *m, struct draft *d, struct source *s,
		     const struct mendpoint *e)
{
	static const enum wd_rule_action order[] = { WD_RULE_DENY,
						     WD_RULE_ALLOW };

	add_tier(m, d, s, &e->wide, WD_TIER_ADMIN, -1);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		add_tier(m, d, s, &e->wide, WD_TIER_NORMAL, (int)order[i]);
		add_tier(m, d, s, &e->near, WD_TIER_NORMAL, (int)order[i]);
	}
	if (!d->isolated[s->dir])
		add_tier(m, d, s, &e->wide, WD_TIER_BASELINE, -1);
}

/* Is this direction any business of the policy's? */
static bool speaks_of(const struct draft *d, const struct source *s,
		      const struct wd_object *policy)
{
	if (policy->policy.tier == WD_TIER_ADMIN || is_left_out(d, policy))
		return false;
	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++) {
		const struct wd_spec *spec = &policy->policy.spec[i];

		if ((spec->applies[s->dir] || spec->isolates[s->dir]) &&
		    wd_spec_selects(spec, policy->ns, s->pod, s->space->labels))
			return true;
	}
	return false;
}

/*
 * In place of rules that do not fit, and never wider than they are: what is
 * always open is, and else each direction that they speak of is shut.
 */
static void fill_shut(struct wd_model *m, struct draft *d, struct source *s,
		      const struct mendpoint *e)
{
	add_tier(m, d, s, &e->wide, WD_TIER_ADMIN, -1);
	for (size_t i = 0; i < e->wide.cnt; i++)
		d->isolated[s->dir] |= speaks_of(d, s, e->wide.item[i]);
}

void draft_fill(struct wd_model *m, struct draft *d, struct mendpoint *e)
{
	const struct wd_object *pod = endpoint_pod(e);
	struct source s = { .pod = pod, .space = space_get(m, pod->ns) };

	/* those of the host are given; others are noted as they come and go */
	if (!e->listed && !e->is_host) {
		list(&e->wide, &m->wide, &s);
		list(&e->near, &s.space->policies, &s);
		e->listed = true;
	}
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		s.dir = (enum wd_dir)dir;
		if (d->shut)
			fill_shut(m, d, &s, e);
		else
			fill_dir(m, d, &s, e);
	}
}

void draft_fini(struct wd_model *m, struct draft *d)
{
	uint32_t same = 0; /* atoms of one rule stand together: one look */

	for (size_t i = 0; i < d->cnt; i++) {
		same++;
		if (d->atom[i].term)
			term_put(m, d->atom[i].term);
		if (i + 1 < d->cnt && d->atom[i + 1].rule == d->atom[i].rule)
			continue;
		rule_put(m, d->atom[i].rule, same);
		same = 0;
	}
	free(d->atom);
}
