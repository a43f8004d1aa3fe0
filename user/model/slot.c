/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slot.c - the policy of an endpoint, flattened, and shared by all that are equal.
 *
 * Policies that select the pod -> atoms (direction, ports, term, rule) -> per
 * protocol the port space cut where any atom begins or ends -> per piece one
 * class: the rules that cover it, in order. Equal atoms are the same slot,
 * equal rule lists the same class. Nothing here is reachable by a program
 * until an endpoint of a published generation points at it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

/* What an endpoint's policy comes to, while it is worked out. */
struct draft {
	bool isolated[WD_DIR__MAX];
	bool named_egress;
	struct atom *atom;
	size_t cnt;
	size_t cap;
};

static const uint8_t l4_proto[WD_L4__MAX] = {
	[WD_L4_TCP] = IPPROTO_TCP,
	[WD_L4_UDP] = IPPROTO_UDP,
	[WD_L4_SCTP] = IPPROTO_SCTP,
};

/* ---- atoms ---- */

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
	return term_pods(m, space, peer, holds);
}

/* Where a rule comes from and for whom it is compiled. */
struct source {
	const struct wd_object *policy;
	const struct wd_object *pod;
	struct mspace *space;
	enum wd_dir dir;
	int index;
};

static struct atom *add_atom(struct wd_model *m, struct draft *d,
			     const struct source *s, const struct wd_peer *peer,
			     const struct wd_port_name *holds)
{
	return draft_add(d, s->dir, peer_term(m, s->space, peer, holds),
			 rule_get(m, s->policy, s->dir, s->index));
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

static void add_policy(struct wd_model *m, struct draft *d, struct source *s)
{
	const struct wd_netpol *np = &s->policy->netpol;

	if (!np->isolates[s->dir])
		return;
	d->isolated[s->dir] = true;
	if (np->subject_broken)
		return;
	for (uint32_t i = 0; i < np->rule_cnt[s->dir]; i++) {
		const struct wd_policy_rule *rule = &np->rule[s->dir][i];

		s->index = (int)i;
		if (rule->broken)
			continue;
		if (rule->any_peer)
			add_ports(m, d, s, rule, NULL);
		for (uint32_t k = 0; !rule->any_peer && k < rule->peer_cnt; k++)
			add_ports(m, d, s, rule, &rule->peer[k]);
	}
}

static void draft_fill(struct wd_model *m, struct draft *d,
		       const struct wd_object *pod)
{
	struct mspace *space = space_get(m, pod->ns);

	for (size_t i = 0; i < space->policies.cnt; i++) {
		struct source s = {
			.policy = space->policies.item[i],
			.pod = pod,
			.space = space,
		};
		const struct wd_netpol *np = &s.policy->netpol;

		if (!np->subject_broken &&
		    !wd_selector_matches(&np->subject, pod->pod.labels))
			continue;
		s.dir = WD_INGRESS;
		add_policy(m, d, &s);
		s.dir = WD_EGRESS;
		add_policy(m, d, &s);
	}
}

static void draft_fini(struct wd_model *m, struct draft *d)
{
	for (size_t i = 0; i < d->cnt; i++) {
		rule_put(m, d->atom[i].rule);
		if (d->atom[i].term)
			term_put(m, d->atom[i].term);
	}
	free(d->atom);
}

/* ---- classes ---- */

static void class_put(struct wd_model *m, struct mclass *c)
{
	if (--c->refs > 0)
		return;
	HASH_DELETE(hh, m->classes, c);
	wd_alloc_put(&m->class_alloc, c->id, 1);
	for (uint32_t i = 0; i < c->bit_cnt; i++)
		bit_put(m, c->bit[i]);
	free(c);
}

/* Keep @like (which owns its bits) or the class that is equal to it. NULL: no class is free. */
static struct mclass *class_intern(struct wd_model *m, struct mclass *like)
{
	struct mclass *c;
	int64_t id = -1;

	HASH_FIND(hh, m->classes, &like->val, sizeof(like->val), c);
	if (!c)
		id = array_get(m, WD_MAP_wd_class, 1);
	if (c || id < 0) {
		for (uint32_t i = 0; i < like->bit_cnt; i++)
			bit_put(m, like->bit[i]);
		if (c)
			c->refs++;
		return c;
	}
	c = wd_xcalloc(1, sizeof(*c));
	*c = *like;
	c->id = (uint32_t)id;
	c->refs = 1;
	m->sink.class[id] = c->val;
	HASH_ADD(hh, m->classes, val, sizeof(c->val), c);
	return c;
}

/* The rules that cover one piece of the port space; terms distinct, an "any peer" rule last. */
struct cover {
	size_t cnt;
	size_t cap;
	const struct atom **atom;
};

/* @mark: of this piece; a policy may have tens of thousands of prefixes. */
static void cover_add(struct cover *cov, const struct atom *a, uint64_t mark)
{
	if (a->term && a->term->mark == mark)
		return;
	if (a->term)
		a->term->mark = mark;
	cov->atom = wd_grow(cov->atom, cov->cnt, &cov->cap, sizeof(*cov->atom));
	cov->atom[cov->cnt++] = a;
}

static void cover_find(struct wd_model *m, struct cover *cov,
		       const struct draft *d, enum wd_dir dir, int proto,
		       uint32_t port)
{
	uint64_t mark = ++m->mark;

	cov->cnt = 0;
	for (size_t i = 0; i < d->cnt; i++) {
		const struct atom *a = &d->atom[i];

		if (a->dir != dir)
			continue;
		if (!a->any_port &&
		    (a->proto != proto || port < a->lo || port > a->hi))
			continue;
		cover_add(cov, a, mark);
		if (a->any_peer)
			return;
	}
}

static int term_cmp(const void *a, const void *b)
{
	const struct mterm *const *x = a;
	const struct mterm *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* One rule for all of them: true where any term is. */
static int class_merge(struct wd_model *m, const struct cover *cov,
		       struct mclass *c)
{
	const struct atom *last = cov->atom[cov->cnt - 1];
	struct mterm **term;

	c->val.cnt = 1;
	c->val.rule[0].action = WD_ACT_ALLOW;
	if (last->any_peer) {
		c->val.rule[0].id = last->rule;
		c->val.rule[0].pred = WD_PRED_ANY;
		return 0;
	}
	term = wd_xcalloc(cov->cnt, sizeof(struct mterm *));
	for (size_t i = 0; i < cov->cnt; i++)
		term[i] = cov->atom[i]->term;
	qsort(term, cov->cnt, sizeof(struct mterm *), term_cmp);
	c->bit[0] = bit_get(m, term, (uint32_t)cov->cnt);
	free(term);
	if (!c->bit[0])
		return -ENOSPC;
	c->bit_cnt = 1;
	c->val.rule[0].pred = (uint16_t)c->bit[0]->nr;
	return 0;
}

static int class_list(struct wd_model *m, const struct cover *cov,
		      struct mclass *c)
{
	for (size_t i = 0; i < cov->cnt; i++) {
		const struct atom *a = cov->atom[i];
		struct wd_rule *rule = &c->val.rule[c->val.cnt];
		struct mterm *term = a->term;
		struct mbit *bit = NULL;

		if (term) {
			bit = bit_get(m, &term, 1);
			if (!bit)
				return -ENOSPC;
			c->bit[c->bit_cnt++] = bit;
		}
		rule->id = a->rule;
		rule->pred = bit ? (uint16_t)bit->nr : WD_PRED_ANY;
		rule->action = WD_ACT_ALLOW;
		c->val.cnt++;
	}
	return 0;
}

/* The class for one piece. *ret_class NULL: no rule covers it. */
static int class_get(struct wd_model *m, const struct cover *cov,
		     struct mclass **ret_class)
{
	struct mclass like = { 0 };
	int err;

	*ret_class = NULL;
	if (cov->cnt == 0)
		return 0;
	err = cov->cnt > WD_CLASS_RULES ? class_merge(m, cov, &like) :
					  class_list(m, cov, &like);
	if (err) {
		for (uint32_t i = 0; i < like.bit_cnt; i++)
			bit_put(m, like.bit[i]);
		return err;
	}
	*ret_class = class_intern(m, &like);
	return *ret_class ? 0 : -ENOSPC;
}

/* ---- spans ---- */

static int u32_cmp(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where the rules of a protocol can change: sorted, distinct, beginning with 0. Return: count. */
static size_t cuts_find(const struct draft *d, enum wd_dir dir, uint8_t proto,
			uint32_t **ret_cut)
{
	uint32_t *cut = wd_xcalloc(2 * d->cnt + 1, sizeof(*cut));
	size_t cnt = 1;
	size_t kept = 1;

	for (size_t i = 0; i < d->cnt; i++) {
		const struct atom *a = &d->atom[i];

		if (a->dir != dir || a->any_port || a->proto != proto)
			continue;
		cut[cnt++] = a->lo;
		if (a->hi < 65535)
			cut[cnt++] = a->hi + 1U;
	}
	qsort(cut, cnt, sizeof(*cut), u32_cmp);
	for (size_t i = 1; i < cnt; i++) {
		if (cut[i] != cut[kept - 1])
			cut[kept++] = cut[i];
	}
	*ret_cut = cut;
	return kept;
}

static int spans_store(struct wd_model *m, struct mslot *s, enum wd_dir dir,
		       enum wd_l4 l4, const struct wd_span_val *span,
		       size_t cnt)
{
	int64_t first;

	if (cnt == 1 && span[0].class == 0)
		return 0;
	if (cnt > WD_SPANS_PER_SLOT)
		return -E2BIG;
	first = array_get(m, WD_MAP_wd_span, (uint32_t)cnt);
	if (first < 0)
		return (int)first;
	memcpy(&m->sink.span[first], span, cnt * sizeof(*span));
	s->span[dir][l4] = wd_xcalloc(cnt, sizeof(*span));
	memcpy(s->span[dir][l4], span, cnt * sizeof(*span));
	s->val[dir].first[l4] = (uint32_t)first;
	s->val[dir].cnt[l4] = (uint32_t)cnt;
	return 0;
}

static int slot_ports(struct wd_model *m, struct mslot *s,
		      const struct draft *d, enum wd_dir dir, enum wd_l4 l4)
{
	struct cover cov = { 0 };
	uint32_t *cut;
	size_t cuts = cuts_find(d, dir, l4_proto[l4], &cut);
	struct wd_span_val *span = wd_xcalloc(cuts, sizeof(*span));
	size_t cnt = 0;
	int err = 0;

	for (size_t i = 0; i < cuts && !err; i++) {
		struct mclass *c;

		cover_find(m, &cov, d, dir, l4_proto[l4], cut[i]);
		err = class_get(m, &cov, &c);
		if (err)
			break;
		if (c)
			vec_push(&s->classes, c);
		if (cnt && span[cnt - 1].class == (c ? c->id : 0))
			continue;
		span[cnt].lo = cut[i];
		span[cnt++].class = c ? c->id : 0;
	}
	if (!err)
		err = spans_store(m, s, dir, l4, span, cnt);
	free(cov.atom);
	free(cut);
	free(span);
	return err;
}

static int slot_any(struct wd_model *m, struct mslot *s, const struct draft *d,
		    enum wd_dir dir)
{
	struct cover cov = { 0 };
	struct mclass *c;
	int err;

	cover_find(m, &cov, d, dir, -1, 0);
	err = class_get(m, &cov, &c);
	free(cov.atom);
	if (err || !c)
		return err;
	vec_push(&s->classes, c);
	s->val[dir].any = c->id;
	return 0;
}

static int slot_build(struct wd_model *m, struct mslot *s,
		      const struct draft *d)
{
	int err;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		s->val[dir].flags = WD_SLOT_READY;
		if (!d->isolated[dir])
			continue;
		s->val[dir].flags |= WD_SLOT_ISOLATED;
		err = slot_any(m, s, d, dir);
		for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
			err = slot_ports(m, s, d, dir, l4);
		if (err)
			return err;
	}
	memcpy(&m->sink.slot[(size_t)s->id * WD_DIR__MAX], s->val,
	       sizeof(s->val));
	return 0;
}

/* ---- slots ---- */

static void slot_free(struct wd_model *m, struct mslot *s)
{
	struct draft d = { 0 };

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
			if (s->val[dir].cnt[l4])
				wd_alloc_put(&m->span_alloc,
					     s->val[dir].first[l4],
					     s->val[dir].cnt[l4]);
			free(s->span[dir][l4]);
		}
	}
	for (size_t i = 0; i < s->classes.cnt; i++)
		class_put(m, s->classes.item[i]);
	vec_fini(&s->classes);
	wd_alloc_put(&m->slot_alloc, s->id, 1);
	if (s->key) {
		d.cnt = (s->key_len - sizeof(struct atom)) /
			sizeof(struct atom);
		d.atom = wd_xcalloc(d.cnt, sizeof(*d.atom));
		memcpy(d.atom, (struct atom *)s->key + 1,
		       d.cnt * sizeof(*d.atom));
		draft_fini(m, &d);
		free(s->key);
	}
	free(s);
}

void slot_put(struct wd_model *m, struct mslot *s)
{
	if (!s || --s->refs > 0)
		return;
	HASH_DELETE(hh, m->slots, s);
	slot_free(m, s);
}

/* The slot of a draft; takes over the draft's references. NULL with *ret_err: it does not fit. */
static struct mslot *slot_get(struct wd_model *m, struct draft *d, int *ret_err)
{
	size_t len = (d->cnt + 1) * sizeof(struct atom);
	struct atom *key =
		wd_xcalloc(1, len); /* element 0 holds the isolation flags */
	struct mslot *s;
	int64_t id;

	key[0].dir = d->isolated[WD_INGRESS];
	key[0].proto = d->isolated[WD_EGRESS];
	if (d->cnt)
		memcpy(key + 1, d->atom, d->cnt * sizeof(*d->atom));
	HASH_FIND(hh, m->slots, key, len, s);
	if (s) {
		s->refs++;
		free(key);
		draft_fini(m, d);
		return s;
	}
	id = array_get(m, WD_MAP_wd_slot, 1);
	if (id < 0) {
		*ret_err = -ENOSPC;
		free(key);
		draft_fini(m, d);
		return NULL;
	}
	s = wd_xcalloc(1, sizeof(*s));
	s->id = (uint32_t)id;
	*ret_err = slot_build(m, s, d);
	if (*ret_err) {
		free(key);
		slot_free(m, s);
		draft_fini(m, d);
		return NULL;
	}
	free(d->atom); /* its references live on in the key */
	s->key = key;
	s->key_len = len;
	s->refs = 1;
	HASH_ADD_KEYPTR(hh, m->slots, s->key, s->key_len, s);
	return s;
}

enum wd_mode endpoint_mode(const struct wd_model *m, const struct mendpoint *e)
{
	const struct wd_object *obj = endpoint_pod(e);
	const struct mspace *s;

	if (obj && obj->pod.mode != WD_MODE_UNSET)
		return obj->pod.mode;
	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return s && s->mode != WD_MODE_UNSET ? s->mode : m->mode;
}

/* @s: NULL, a namespace that nobody has told of */
bool space_encrypts(const struct wd_model *m, const struct mspace *s)
{
	return s && s->encryption != WD_ENCRYPTION_UNSET ?
		       s->encryption == WD_ENCRYPTION_REQUIRED :
		       m->encrypt;
}

bool endpoint_encrypts(const struct wd_model *m, const struct mendpoint *e)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return space_encrypts(m, s);
}

bool endpoint_encap(const struct wd_model *m, const struct mendpoint *e)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, e->pod->key.ns, strlen(e->pod->key.ns), s);
	return s && s->encap;
}

static char *too_large(int err)
{
	char *text = NULL;

	if (asprintf(
		    &text,
		    "its policy does not fit (%s): split port lists or peers of the policies that select it",
		    err == -E2BIG ?
			    "too many distinct port ranges" :
			    "no free slot, span, class or predicate") < 0)
		return NULL;
	return text;
}

/*
 * Work out the endpoint's slot for the next generation.
 * Return: 0; the error of a policy that does not fit is kept in the endpoint,
 * which then drops everything.
 */
int endpoint_compile(struct wd_model *m, struct mendpoint *e)
{
	struct mslot *old = e->slot;
	struct draft d = { 0 };
	int err = 0;

	free(e->error);
	e->error = NULL;
	e->slot = NULL;
	if (endpoint_pod(e)) {
		draft_fill(m, &d, endpoint_pod(e));
		e->named_egress = d.named_egress;
		e->slot = slot_get(m, &d, &err);
		if (!e->slot)
			e->error = too_large(err);
	}
	e->dirty = false;
	slot_put(m, old);
	return 0;
}
