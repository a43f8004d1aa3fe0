/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer.c - who is behind an address: pods, nodes and this host, as claims.
 *
 * Several objects may claim one address (reuse, a finished pod, events out of
 * order). One claim wins, always by the same rule, and only the winner's
 * labels count; when it goes, the next one takes over.
 */
#include <stdlib.h>
#include <string.h>

#include "cover_int.h"
#include "model_int.h"
#include "nodes.h"

/* ---- claims ---- */

/* Is @obj the very pod that @ep was made for? One of another uid only has its name. */
static bool same_instance(const struct wd_endpoint *ep,
			  const struct wd_object *obj)
{
	return !*ep->uid || !*obj->uid || strcmp(ep->uid, obj->uid) == 0;
}

/* The pod object behind an endpoint, NULL while no source has told of it. */
const struct wd_object *endpoint_pod(const struct mendpoint *e)
{
	const struct wd_object *obj = e->pod->obj;

	return obj && same_instance(e->ep, obj) ? obj : NULL;
}

uint32_t endpoint_identity(const struct mendpoint *e)
{
	if (e->is_host)
		return WD_ID_HOST;
	return endpoint_pod(e) && e->pod->group ? e->pod->group->identity->id :
						  WD_ID_UNKNOWN;
}

/* The pod object behind a claim, or NULL. */
const struct wd_object *claim_pod(const struct mclaim *c)
{
	const struct wd_object *obj = c->pod ? c->pod->obj : NULL;

	return obj && (!c->ep || same_instance(c->ep, obj)) ? obj : NULL;
}

struct wd_addr addr_clean(const struct wd_addr *from)
{
	struct wd_addr to;

	memset(&to, 0, sizeof(to));
	to.family = from->family;
	if (from->family == 4)
		to.v4 = from->v4;
	else
		to.v6 = from->v6;
	return to;
}

struct maddr *addr_get(struct wd_model *m, const struct wd_addr *addr)
{
	struct wd_addr key = addr_clean(addr);
	struct maddr *a;

	HASH_FIND(hh, m->addrs, &key, sizeof(key), a);
	if (a)
		return a;
	a = wd_xcalloc(1, sizeof(*a));
	a->addr = key;
	HASH_ADD(hh, m->addrs, addr, sizeof(a->addr), a);
	return a;
}

void addr_dirty(struct wd_model *m, struct maddr *a)
{
	m->commit_needed = true;
	if (a->e.dirty)
		return;
	a->e.dirty = true;
	vec_push(&m->dirty_addrs, a);
}

void prefix_dirty(struct wd_model *m, struct mprefix *p)
{
	m->commit_needed = true;
	if (p->e.dirty)
		return;
	p->e.dirty = true;
	vec_push(&m->dirty_prefixes, p);
}

struct mclaim *claim_new(struct wd_model *m, const struct wd_addr *addr,
			 enum claim_kind kind)
{
	struct mclaim *c = wd_xcalloc(1, sizeof(*c));

	c->kind = kind;
	c->addr = addr_get(m, addr);
	SLIST_INSERT_HEAD(&c->addr->claims, c, of_addr);
	addr_dirty(m, c->addr);
	return c;
}

void claim_free(struct wd_model *m, struct mclaim *c)
{
	SLIST_REMOVE(&c->addr->claims, c, mclaim, of_addr);
	addr_dirty(m, c->addr);
	free(c);
}

/* Does pod @a come before pod @b where both claim an address? */
static bool pod_beats(const struct wd_object *a, const struct wd_object *b)
{
	int cmp;

	if (a->created != b->created)
		return a->created > b->created;
	if (a->pod.terminating != b->pod.terminating)
		return b->pod.terminating;
	cmp = strcmp(a->uid, b->uid);
	if (cmp == 0)
		cmp = strcmp(a->ns, b->ns);
	if (cmp == 0)
		cmp = strcmp(a->name, b->name);
	return cmp > 0;
}

/* Of a pod of another cluster: whatever this one says of the address counts more. */
static bool claim_is_others(const struct mclaim *c)
{
	return c->kind == CLAIM_POD && wd_cluster_is_other(c->pod->key.ns);
}

static bool claim_beats(const struct mclaim *a, const struct mclaim *b)
{
	bool is_others = claim_is_others(a);

	if (is_others != claim_is_others(b))
		return !is_others;
	if (a->kind != b->kind)
		return a->kind > b->kind;
	switch (a->kind) {
	case CLAIM_ENDPOINT:
		return a->ep->id > b->ep->id;
	case CLAIM_POD:
		return pod_beats(a->pod->obj, b->pod->obj);
	case CLAIM_NODE:
		if (a->node->name == b->node->name) /* the Node's labels */
			return a->node->kind < b->node->kind;
		return strcmp(a->node->name, b->node->name) > 0;
	case CLAIM_HOST:
		break;
	}
	return false;
}

/* Do two pods' namespaces, "CLUSTER/NAMESPACE", name the same cluster? */
static bool is_same_cluster(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return len == strcspn(b, "/") && strncmp(a, b, len) == 0;
}

/* @c: of another cluster, and the best there is. Does one more claim it? */
static bool is_disputed(const struct maddr *a, const struct mclaim *c)
{
	const struct mclaim *other;

	SLIST_FOREACH(other, &a->claims, of_addr) {
		if (!is_same_cluster(c->pod->key.ns, other->pod->key.ns))
			return true;
	}
	return false;
}

/*
 * An address where pods of this cluster are to be is no other one's, though
 * nobody has it yet; and one that two others claim is neither's.
 */
const struct mclaim *addr_winner(const struct wd_model *m,
				 const struct maddr *a)
{
	const struct mclaim *best = NULL;

	const struct mclaim *c;

	SLIST_FOREACH(c, &a->claims, of_addr) {
		if (!best || claim_beats(c, best))
			best = c;
	}
	if (best && claim_is_others(best) &&
	    (inside_is_nodes(m, &a->addr) || is_disputed(a, best)))
		return NULL;
	return best;
}

/* ---- namespaces ---- */

static const struct wd_labels *implicit_labels(const char *name)
{
	struct wd_label label = { "kubernetes.io/metadata.name", name };

	if (wd_cluster_is_other(name))
		return wd_cluster_labels(NULL, name);
	return wd_labels_get(&label, 1);
}

struct mspace *space_get(struct wd_model *m, const char *name)
{
	struct mspace *s;

	HASH_FIND(hh, m->spaces, name, strlen(name), s);
	if (s)
		return s;
	s = wd_xcalloc(1, sizeof(*s));
	s->name = wd_str_get(name);
	s->labels = implicit_labels(name);
	s->number = WD_NS_FIRST + m->numbered.cnt;
	vec_push(&m->numbered, s);
	HASH_ADD_KEYPTR(hh, m->spaces, s->name, strlen(s->name), s);
	return s;
}

uint32_t wd_model_ns_number(struct wd_model *m, const char *name)
{
	return space_get(m, name)->number;
}

const char *wd_model_ns_name(const struct wd_model *m, uint32_t number)
{
	const struct mspace *s;

	if (number < WD_NS_FIRST || number - WD_NS_FIRST >= m->numbered.cnt)
		return NULL;
	s = m->numbered.item[number - WD_NS_FIRST];
	return s->name;
}

/* Every address that a pod of the namespace claims. */
static void space_dirty(struct wd_model *m, const struct mspace *s)
{
	const struct mclaim *c;

	for (size_t i = 0; i < s->groups.cnt; i++)
		group_dirty(m, s->groups.item[i]);
	for (size_t i = 0; i < s->endpoints.cnt; i++) {
		const struct mendpoint *e = s->endpoints.item[i];

		SLIST_FOREACH(c, &e->pod->claims, of_pod)
			addr_dirty(m, c->addr);
	}
}

/* Other policies may select it now. */
static void subject_changed(struct mendpoint *e)
{
	e->listed = false;
	e->dirty = true;
}

/* What was relaxed was the one of that uid: another one enforces. */
static bool unrelax(struct mspace *s, const struct wd_object *now)
{
	if (!s->relaxed || (now && strcmp(now->uid, s->relaxed) == 0))
		return false;
	wd_str_put(s->relaxed);
	s->relaxed = NULL;
	return true;
}

void space_changed(struct wd_model *m, const struct wd_object *was,
		   const struct wd_object *now)
{
	struct mspace *s = space_get(m, now ? now->name : was->name);
	bool encrypted = space_encrypts(m, s);
	enum wd_mode was_mode;
	bool was_bad = s->mode_bad;
	bool shut = unrelax(s, now);
	const struct wd_labels *labels = now ? wd_labels_ref(now->nsp.labels) :
					       implicit_labels(s->name);

	was_mode = s->mode;
	s->mode = now ? now->nsp.mode : WD_MODE_UNSET;
	s->mode_bad = now && now->nsp.mode_bad;
	s->encap = now && now->nsp.encap;
	s->rejects = now && now->nsp.response == WD_RESPONSE_REJECT;
	s->encryption = now ? now->nsp.encryption : WD_ENCRYPTION_UNSET;
	if (space_encrypts(m, s) != encrypted)
		space_dirty(m, s);
	for (size_t i = 0; i < s->endpoints.cnt; i++) {
		struct mendpoint *e = s->endpoints.item[i];

		/* what its pod may lift goes by it; flags are compared at commit */
		e->dirty |= s->mode != was_mode || s->mode_bad != was_bad ||
			    shut;
		m->commit_needed = true;
	}
	if (labels == s->labels) {
		wd_labels_put(labels);
		return;
	}
	wd_labels_put(s->labels);
	s->labels = labels;
	m->portnames_changed =
		true; /* other numbers may be meant by its labels */
	/* Policies may select its pods by them now, or no more. */
	for (size_t i = 0; i < s->endpoints.cnt; i++)
		subject_changed(s->endpoints.item[i]);
	for (size_t i = 0; i < s->groups.cnt; i++) {
		struct mgroup *g = s->groups.item[i];

		group_evaluate(m, g);
		group_dirty(m, g);
	}
}

/* ---- groups ---- */

struct mgroup *group_find(struct wd_model *m, const struct wd_object *pod,
			  struct mgroup_key *key)
{
	struct mgroup *g;

	*key = (struct mgroup_key){
		.space = space_get(m, pod->ns),
		.labels = pod->pod.labels,
		.ports = ports_get(m, &pod->pod),
		.number = pod->pod.identity,
	};
	HASH_FIND(hh, m->groups, key, sizeof(*key), g);
	return g;
}

void group_key_fini(struct wd_model *m, struct mgroup_key *key)
{
	ports_put(m, key->ports);
}

/*
 * NULL: a quota of the namespace has no room for it, see pod->lacks.
 * @leaving: the group that the pod is in now, or NULL
 */
static struct mgroup *group_get(struct wd_model *m, struct mpod *pod,
				const struct mgroup *leaving)
{
	struct mgroup_key key;
	struct mgroup *g = group_find(m, pod->obj, &key);

	if (!g)
		pod->lacks = quota_lacks_group(m, &key, leaving);
	if (g || pod->lacks != WD_QUOTA__MAX) {
		group_key_fini(m, &key);
		return g;
	}
	g = wd_xcalloc(1, sizeof(*g));
	g->key = key;
	(void)wd_labels_ref(key.labels);
	g->identity = identity_get(m, key.space->name, key.labels, key.number);
	g->bits = wd_xcalloc(m->words, sizeof(*g->bits));
	HASH_ADD(hh, m->groups, key, sizeof(g->key), g);
	vec_push(&space_get(m, key.space->name)->groups, g);
	m->others += wd_cluster_is_other(key.space->name);
	portnames_count(m, key.space, key.ports, true);
	group_evaluate(m, g);
	return g;
}

static void group_leave(struct wd_model *m, struct mgroup *g, struct mpod *pod)
{
	(void)vec_remove(&g->pods, pod);
	if (g->pods.cnt)
		return;
	m->groups_left++;
	portnames_count(m, g->key.space, g->key.ports, false);
	m->others -= wd_cluster_is_other(g->key.space->name);
	(void)vec_remove(&space_get(m, g->key.space->name)->groups, g);
	HASH_DELETE(hh, m->groups, g);
	identity_put(m, g->identity);
	wd_labels_put(g->key.labels);
	ports_put(m, g->key.ports);
	vec_fini(&g->pods);
	free(g->bits);
	free(g);
}

static void group_join(struct wd_model *m, struct mpod *pod,
		       struct mspace *space, const struct mgroup *leaving)
{
	pod->group = group_get(m, pod, leaving);
	vec_push(pod->group ? &pod->group->pods : &space->nameless, pod);
}

/* ---- pods ---- */

struct mpod *pod_get(struct wd_model *m, const char *ns, const char *name)
{
	struct mpod_key key = { wd_str_get(ns), wd_str_get(name) };
	struct mpod *pod;

	HASH_FIND(hh, m->pods, &key, sizeof(key), pod);
	if (pod) {
		wd_str_put(key.ns);
		wd_str_put(key.name);
		return pod;
	}
	pod = wd_xcalloc(1, sizeof(*pod));
	pod->key = key;
	HASH_ADD(hh, m->pods, key, sizeof(pod->key), pod);
	return pod;
}

static void pod_drop_claims(struct wd_model *m, struct mpod *pod)
{
	while (!SLIST_EMPTY(&pod->claims)) {
		struct mclaim *c = SLIST_FIRST(&pod->claims);

		SLIST_REMOVE_HEAD(&pod->claims, of_pod);
		claim_free(m, c);
	}
}

static void pod_claim(struct wd_model *m, struct mpod *pod,
		      const struct wd_addr *addr, const struct wd_endpoint *ep)
{
	struct mclaim *c = claim_new(m, addr, ep ? CLAIM_ENDPOINT : CLAIM_POD);

	c->pod = pod;
	c->ep = ep;
	SLIST_INSERT_HEAD(&pod->claims, c, of_pod);
}

/*
 * What the pod claims: nothing when it is finished; its endpoints' addresses
 * where it has endpoints on this node (also before any source told of it);
 * else what its status says, unless it lives in its node's namespace. An
 * endpoint of another incarnation claims for itself and stands for nobody.
 */
static void pod_make_claims(struct wd_model *m, struct mpod *pod)
{
	const struct wd_pod *p = pod->obj ? &pod->obj->pod : NULL;
	const struct mendpoint *e;
	bool is_local = false;

	SLIST_FOREACH(e, &pod->endpoints, of_pod) {
		const struct wd_endpoint *ep = e->ep;
		bool is_its = p && same_instance(ep, pod->obj);

		is_local |= is_its;
		if (is_its && p->finished)
			continue;
		for (uint32_t k = 0; k < ep->addr_cnt; k++)
			pod_claim(m, pod, &ep->addr[k], ep);
	}
	if (is_local || !p || p->finished || p->host_network)
		return;
	for (uint32_t i = 0; i < p->addr_cnt; i++)
		pod_claim(m, pod, &p->addr[i], NULL);
}

/* Bring claims and group to what object and endpoints say; forget a pod that has neither. */
void pod_refresh(struct wd_model *m, struct mpod *pod)
{
	struct mspace *space = space_get(m, pod->key.ns);
	struct mgroup *old = pod->group;
	struct mendpoint *e;

	pod_drop_claims(m, pod);
	pod->group = NULL;
	pod_make_claims(m, pod);
	if (space->nameless.cnt)
		vec_take(&space->nameless, pod);
	if (pod->obj && !pod->obj->pod.finished)
		group_join(m, pod, space, old);
	if (old)
		group_leave(m, old, pod);
	SLIST_FOREACH(e, &pod->endpoints, of_pod)
		subject_changed(e);
	services_of(m, space);
	m->commit_needed = true;
	if (!pod->obj && SLIST_EMPTY(&pod->endpoints)) {
		HASH_DELETE(hh, m->pods, pod);
		wd_str_put(pod->key.ns);
		wd_str_put(pod->key.name);
		free(pod);
	}
}

void pod_changed(struct wd_model *m, const struct wd_object *was,
		 const struct wd_object *now)
{
	const struct wd_object *any = now ? now : was;
	struct mpod *pod = pod_get(m, any->ns, any->name);

	pod->obj = now;
	pod_update(m, pod);
}

/* ---- nodes ---- */

/*
 * The first address of a pod CIDR, where plugins put the node's own end. If it
 * is a pod's instead, the pod's claim wins.
 */
static struct wd_addr cidr_gateway(const struct wd_cidr *cidr)
{
	struct wd_addr addr = cidr->addr;
	uint8_t *last = (uint8_t *)&addr.v6 + (addr.family == 4 ? 3 : 15);

	*last |= 1;
	return addr;
}

/* The @nr-th address that a node has as far as its object tells. */
static bool node_addr(const struct wd_node *node, uint32_t nr,
		      struct wd_addr *ret_addr)
{
	if (nr < node->addr_cnt)
		*ret_addr = node->addr[nr];
	else if (nr - node->addr_cnt < node->cidr_cnt)
		*ret_addr = cidr_gateway(&node->cidr[nr - node->addr_cnt]);
	else
		return false;
	return true;
}

static void node_unclaim(struct wd_model *m, const struct wd_object *node,
			 const struct wd_addr *addr)
{
	struct maddr *a = addr_get(m, addr);
	struct mclaim *c;

	SLIST_FOREACH(c, &a->claims, of_addr) {
		if (c->kind == CLAIM_NODE && c->node == node) {
			claim_free(m, c);
			break;
		}
	}
}

void node_changed(struct wd_model *m, const struct wd_object *was,
		  const struct wd_object *now)
{
	struct wd_addr addr;

	for (uint32_t i = 0; was && node_addr(&was->node, i, &addr); i++)
		node_unclaim(m, was, &addr);
	for (uint32_t i = 0; was && i < was->node.cidr_cnt; i++)
		inside_node(m, &was->node.cidr[i], false);
	for (uint32_t i = 0; now && i < now->node.cidr_cnt; i++)
		inside_node(m, &now->node.cidr[i], true);
	for (uint32_t i = 0; now && node_addr(&now->node, i, &addr); i++)
		claim_new(m, &addr, CLAIM_NODE)->node = now;
	/* This one's labels count for its own interfaces. */
	for (size_t i = 0;
	     (now ? now : was)->name == m->node && i < m->host_claims.cnt; i++)
		addr_dirty(m, ((struct mclaim *)m->host_claims.item[i])->addr);
}

void wd_model_host_addrs(struct wd_model *m, const struct wd_addr *addr,
			 size_t cnt)
{
	struct vec old = m->host_claims;

	m->host_claims = (struct vec){ 0 };
	for (size_t i = 0; i < cnt; i++)
		vec_push(&m->host_claims, claim_new(m, &addr[i], CLAIM_HOST));
	for (size_t i = 0; i < old.cnt; i++)
		claim_free(m, old.item[i]);
	vec_fini(&old);
}

/* ---- compiling ---- */

static uint32_t node_number(struct wd_model *m, const char *name)
{
	if (!name)
		return 0;
	for (size_t i = 0; i < m->nodes.cnt; i++) {
		if (m->nodes.item[i] == name)
			return (uint32_t)i + 1;
	}
	union {
		const char *in;
		void *out;
	} cast = { wd_str_ref(name) };
	vec_push(&m->nodes, cast.out);
	return (uint32_t)m->nodes.cnt;
}

uint32_t wd_model_node_number(struct wd_model *m, const char *name)
{
	const char *own = wd_str_get(name);
	uint32_t number = node_number(m, own);

	wd_str_put(own);
	return number;
}

const char *wd_model_node_name(const struct wd_model *m, uint32_t number)
{
	return number && number <= m->nodes.cnt ? m->nodes.item[number - 1] :
						  NULL;
}

static void want_pod(struct wd_model *m, const struct mclaim *c,
		     struct wd_addr_val *val)
{
	const struct mspace *space = space_get(m, c->pod->key.ns);
	const struct wd_object *obj = claim_pod(c);

	val->flags = WD_ADDR_POD;
	if (front_is_missing(m, &c->addr->addr))
		val->flags |= WD_ADDR_SERVED;
	if (space_encrypts(m, space))
		val->flags |= WD_ADDR_ENCRYPT;
	val->ns = space->number;
	val->identity = obj && c->pod->group ? c->pod->group->identity->id :
					       WD_ID_UNKNOWN;
	val->node = node_number(m, obj ? obj->pod.node : NULL);
	if (c->ep) {
		val->flags |= WD_ADDR_LOCAL;
		val->ifindex = c->ep->ifindex;
	}
}

static bool is_exempt(const struct wd_model *m, const char *node)
{
	for (size_t i = 0; i < m->exempt_cnt; i++)
		if (!strcmp(m->exempt[i], node) || !strcmp(m->exempt[i], "all"))
			return true;
	return false;
}

static bool node_is_self(const struct wd_model *m, const struct wd_object *node)
{
	return node->name == m->node;
}

static void want_entry(struct wd_model *m, const struct mclaim *c,
		       struct wd_addr_val *val)
{
	switch (c->kind) {
	case CLAIM_ENDPOINT:
	case CLAIM_POD:
		want_pod(m, c, val);
		break;
	case CLAIM_HOST:
		val->flags = WD_ADDR_HOST;
		val->identity = WD_ID_HOST;
		if (is_exempt(m, m->node))
			val->flags |= WD_ADDR_EXEMPT;
		break;
	case CLAIM_NODE:
		val->flags = node_is_self(m, c->node) ? WD_ADDR_HOST :
							WD_ADDR_NODE;
		val->identity = node_is_self(m, c->node) ? WD_ID_HOST :
							   WD_ID_REMOTE_NODE;
		val->node = node_number(m, c->node->name);
		if (is_exempt(m, c->node->name))
			val->flags |= WD_ADDR_EXEMPT;
		break;
	}
}

/* Take @bits as the wanted row of an entry; the reference it had goes. */
static int entry_set_row(struct wd_model *m, struct mentry *e,
			 const uint64_t *bits, bool had)
{
	uint32_t row;
	int err = row_get(m, bits, &row);

	if (err)
		return err;
	if (had)
		row_put(m, e->want.row[0]);
	e->want.row[0] = row;
	return 0;
}

/* Labels of the node whose address is claimed; a node that nobody told of has none. */
static const struct wd_labels *claim_node(const struct wd_model *m,
					  const struct mclaim *c)
{
	const struct wd_object *node = NULL;

	if (c->kind == CLAIM_NODE)
		node = c->node;
	else if (c->kind == CLAIM_HOST)
		node = wd_nodes_object(m->store, m->node);
	else
		return NULL;
	return node ? node->node.labels : m->no_labels;
}

static bool claim_is_own(const struct wd_model *m, const struct mclaim *c)
{
	return c->kind == CLAIM_HOST ||
	       (c->kind == CLAIM_NODE && node_is_self(m, c->node));
}

/* Work out what the kernel should have for an address. Return: 0 or -ENOSPC. */
int addr_compile(struct wd_model *m, struct maddr *a)
{
	const struct mclaim *c = addr_winner(m, a);
	uint64_t bits[WD_ROW_WORDS] = { 0 };
	bool had = a->e.wanted;
	uint32_t row = a->e.want.row[0];
	const struct mgroup *g = c && claim_pod(c) ? c->pod->group : NULL;
	uint8_t len = a->addr.family == 4 ? 32 : 128;
	/* What two other clusters claim may be the pod of either. */
	bool is_nobodys = !c && !SLIST_EMPTY(&a->claims);
	bool is_inside = m->scoped &&
			 (is_nobodys || inside_has(m, &a->addr, len));
	const struct whose who = {
		.addr = &a->addr,
		.len = len,
		.is_known = c != NULL,
		.is_inside = is_inside,
		.is_unknown = c ? c->pod && !g : is_inside,
		.is_own = c && claim_is_own(m, c),
		.group = g,
		.node = c ? claim_node(m, c) : NULL,
	};
	int err;

	if (g)
		memcpy(bits, g->bits, m->words * sizeof(*bits));
	cidr_bits(m, &who, bits);
	nodes_bits(m, &who, bits);
	unknown_bits(m, &who, bits);
	ordered_bits(m, &who, bits);
	a->e.is_nobodys = is_nobodys;
	a->e.want = (struct wd_addr_val){ .row = { row, 0 } };
	a->e.want.identity = WD_ID_WORLD;
	if (c)
		want_entry(m, c, &a->e.want);
	/* Not wanted any more: the row of what covers it, in force until it is deleted. */
	err = entry_set_row(m, &a->e, bits, had);
	if (err)
		return err;
	a->e.wanted = true;
	front_addr_changed(m, &a->addr);
	if (!c && !is_nobodys && !a->e.in_kernel) {
		row_put(m, a->e.want.row[0]);
		a->e.want.row[0] = 0;
		a->e.wanted = false;
	}
	return 0;
}

void stray_bits(struct wd_model *m, const struct wd_addr *addr, uint8_t len,
		uint64_t *bits)
{
	bool is_inside = m->scoped && inside_has(m, addr, len);
	const struct whose who = {
		.addr = addr,
		.len = len,
		.is_inside = is_inside,
		.is_unknown = is_inside,
	};

	cidr_bits(m, &who, bits);
	unknown_bits(m, &who, bits);
	ordered_bits(m, &who, bits);
}

int prefix_compile(struct wd_model *m, struct mprefix *p)
{
	uint64_t bits[WD_ROW_WORDS] = { 0 };
	bool had = p->e.wanted;
	uint32_t row = p->e.want.row[0];
	int err;

	stray_bits(m, &p->cidr.addr, p->cidr.len, bits);
	p->e.want = (struct wd_addr_val){ .identity = WD_ID_WORLD,
					  .row = { row, 0 } };
	err = entry_set_row(m, &p->e, bits, had);
	if (err)
		return err;
	p->e.wanted = true;
	return 0;
}
