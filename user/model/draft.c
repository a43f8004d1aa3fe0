/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * draft.c - the policies that select a pod, as atoms in order of precedence.
 */
#include <stdlib.h>
#include <string.h>

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

static struct mterm *peer_term(struct wd_model *m, struct mspace *space,
			       const struct wd_peer *peer,
			       const struct wd_port_name *holds)
{
	if (!peer)
		return holds ? term_anypod(m, holds) : NULL;
	if (peer->type == WD_PEER_CIDR)
		return term_cidr(m, peer, holds);
	if (peer->type == WD_PEER_NODES)
		return term_nodes(m, peer);
	return term_pods(m, space, peer, holds);
}

/* Where a rule comes from and for whom it is compiled. */
struct source {
	const struct wd_object *policy;
	const struct wd_object *pod;
	struct mspace *space; /* the pod's */
	const struct wd_spec *spec;
	enum wd_dir dir;
	enum wd_rule_action action; /* as it is enforced, see add_rule() */
	int index;
};

static struct atom *add_atom(struct wd_model *m, struct draft *d,
			     const struct source *s, const struct wd_peer *peer,
			     const struct wd_port_name *holds)
{
	struct atom *a = draft_add(d, s->dir,
				   peer_term(m, s->space, peer, holds),
				   rule_get(m, s->policy, s->dir, s->index));

	a->tier = (uint8_t)s->policy->policy.tier;
	a->action = (uint8_t)s->action;
	return a;
}

/* Ingress by name: the number is the subject pod's own. */
static void add_named_ingress(struct wd_model *m, struct draft *d,
			      const struct source *s,
			      const struct wd_peer *peer,
			      const struct wd_port *port)
{
	const struct wd_pod *pod = &s->pod->pod;

	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		struct atom *a;

		if (pod->port[i].name != port->name ||
		    pod->port[i].proto != port->proto)
			continue;
		a = add_atom(m, d, s, peer, NULL);
		a->proto = port->proto;
		a->lo = pod->port[i].port;
		a->hi = pod->port[i].port;
	}
}

/* Egress by name: every number that the name has, each for the pods where it has that number. */
static void add_named_egress(struct wd_model *m, struct draft *d,
			     const struct source *s, const struct wd_peer *peer,
			     const struct wd_port *port)
{
	struct mportname like = { .key = { port->name, port->proto } };
	struct mportname *n;

	d->named_egress = true;
	if (peer && peer->type == WD_PEER_NODES)
		return; /* nodes name no ports */
	HASH_FIND(hh, m->portnames, &like.key, sizeof(like.key), n);
	for (size_t i = 0; n && i < n->cnt; i++) {
		struct wd_port_name holds = {
			.name = port->name,
			.port = n->num[i].port,
			.proto = port->proto,
		};
		struct atom *a = add_atom(m, d, s, peer, &holds);

		a->proto = port->proto;
		a->lo = holds.port;
		a->hi = holds.port;
	}
}

static void add_ports(struct wd_model *m, struct draft *d,
		      const struct source *s, const struct wd_policy_rule *rule,
		      const struct wd_peer *peer)
{
	if (rule->any_port)
		add_atom(m, d, s, peer, NULL)->any_port = 1;
	for (uint32_t i = 0; !rule->any_port && i < rule->port_cnt; i++) {
		const struct wd_port *port = &rule->port[i];

		if (port->name && s->dir == WD_INGRESS) {
			add_named_ingress(m, d, s, peer, port);
		} else if (port->name) {
			add_named_egress(m, d, s, peer, port);
		} else {
			struct atom *a = add_atom(m, d, s, peer, NULL);

			a->proto = port->proto;
			a->lo = port->lo;
			a->hi = port->hi;
		}
	}
}

/*
 * What of a rule is enforced. One that was not understood allows nothing;
 * skipping one that denies or passes on would open what it was to close, so
 * it denies everything then.
 */
static void add_rule(struct wd_model *m, struct draft *d, struct source *s,
		     const struct wd_policy_rule *rule)
{
	static const struct wd_policy_rule all = { .any_peer = true,
						   .any_port = true };

	s->action = rule->action;
	if (rule->broken || s->spec->subject_broken) {
		if (rule->action == WD_RULE_ALLOW)
			return;
		s->action = WD_RULE_DENY;
		rule = &all;
	}
	if (rule->any_peer)
		add_ports(m, d, s, rule, NULL);
	for (uint32_t k = 0; !rule->any_peer && k < rule->peer_cnt; k++)
		add_ports(m, d, s, rule, &rule->peer[k]);
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
			d->isolated[s->dir] |= s->spec->isolates[s->dir];
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

void draft_fill(struct wd_model *m, struct draft *d,
		const struct wd_object *pod)
{
	static const enum wd_rule_action order[] = { WD_RULE_DENY,
						     WD_RULE_ALLOW };
	struct source s = { .pod = pod, .space = space_get(m, pod->ns) };

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		s.dir = (enum wd_dir)dir;
		add_tier(m, d, &s, &m->wide, WD_TIER_ADMIN, -1);
		for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
			add_tier(m, d, &s, &m->wide, WD_TIER_NORMAL,
				 (int)order[i]);
			add_tier(m, d, &s, &s.space->policies, WD_TIER_NORMAL,
				 (int)order[i]);
		}
		if (!d->isolated[dir])
			add_tier(m, d, &s, &m->wide, WD_TIER_BASELINE, -1);
	}
}

void draft_fini(struct wd_model *m, struct draft *d)
{
	for (size_t i = 0; i < d->cnt; i++) {
		rule_put(m, d->atom[i].rule);
		if (d->atom[i].term)
			term_put(m, d->atom[i].term);
	}
	free(d->atom);
}
