/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * term.c - what peers of rules say, once each; and the prefixes they name.
 *
 * A term is true or false of an address: of the pod behind it (selectors,
 * named ports) or of the address itself (CIDR minus excepts). Two rules that
 * say the same share one term.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

/* ---- as text ---- */

static void print_req(FILE *out, const struct wd_req *req)
{
	static const char *const op[] = {
		[WD_OP_IN] = " in (",
		[WD_OP_NOT_IN] = " notin (",
		[WD_OP_EXISTS] = " exists",
		[WD_OP_NOT_EXISTS] = " not exists",
	};

	if (req->op == WD_OP_IN && req->cnt == 1) {
		(void)fprintf(out, "%s=%s", req->key, req->values[0]);
		return;
	}
	(void)fprintf(out, "%s%s", req->key, op[req->op]);
	for (uint32_t i = 0; i < req->cnt; i++)
		(void)fprintf(out, "%s%s", i ? "," : "", req->values[i]);
	if (req->cnt)
		(void)fputc(')', out);
}

static void print_selector(FILE *out, const struct wd_selector *sel)
{
	if (!sel || sel->cnt == 0) {
		(void)fputc('*', out);
		return;
	}
	for (uint32_t i = 0; i < sel->cnt; i++) {
		if (i)
			(void)fputs(", ", out);
		print_req(out, &sel->req[i]);
	}
}

/* ---- terms ---- */

/* Only protocols with ports have named ones. */
static const char *proto_text(uint32_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" :
	       proto == IPPROTO_UDP ? "udp" :
				      "sctp";
}

uint32_t term_prefixes(const struct mterm *t, const struct wd_cidr **ret_cidr)
{
	*ret_cidr = t->list_cnt ? t->list : &t->cidr;
	return t->list_cnt ? t->list_cnt : 1;
}

static void print_cidrs(FILE *out, const struct mterm *t)
{
	static const char *const scope[] = {
		[WD_CIDR_ALL] = "ipBlock",
		[WD_CIDR_WORLD] = "world",
		[WD_CIDR_UNKNOWN] = "unknown inside",
		[WD_CIDR_STRANGER] = "no pod or node of",
	};
	const struct wd_cidr *cidr;
	uint32_t cnt = term_prefixes(t, &cidr);
	char buf[WD_ADDR_STRLEN];

	(void)fputs(scope[t->scope], out);
	for (uint32_t i = 0; i < cnt; i++)
		(void)fprintf(out, "%s %s", i ? "," : "",
			      wd_cidr_str(&cidr[i], buf));
	for (uint32_t i = 0; i < t->except_cnt; i++)
		(void)fprintf(out, " except %s",
			      wd_cidr_str(&t->except[i], buf));
}

static void print_pods(FILE *out, const struct mterm *t)
{
	(void)fputs("pods {", out);
	print_selector(out, t->pod_sel);
	(void)fputs("} in ", out);
	if (t->space) {
		(void)fprintf(out, "namespace %s", t->space->name);
		return;
	}
	(void)fputs("namespaces {", out);
	print_selector(out, t->ns_sel);
	(void)fputc('}', out);
}

static void print_nodes(FILE *out, const struct mterm *t)
{
	(void)fputs(t->nodes == WD_NODES_OWN   ? "this node {" :
		    t->nodes == WD_NODES_OTHER ? "other nodes {" :
						 "nodes {",
		    out);
	print_selector(out, t->node_sel);
	(void)fputc('}', out);
}

char *term_text(const struct mterm *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = wd_xtext_open(&text, &len);

	switch (t->type) {
	case TERM_CIDR:
		print_cidrs(out, t);
		break;
	case TERM_UNKNOWN:
		(void)fputs("unknown inside", out);
		break;
	case TERM_NODES:
		print_nodes(out, t);
		break;
	case TERM_PODS:
		print_pods(out, t);
		break;
	}
	if (t->or_unknown && t->type != TERM_UNKNOWN)
		(void)fputs(" or unknown inside", out);
	if (t->port_name)
		(void)fprintf(out, " with port %s=%s/%u", t->port_name,
			      proto_text(t->proto), t->port);
	wd_xtext_close(out, &text);
	return text;
}

/* ---- prefixes ---- */

static struct mprefix *prefix_get(struct wd_model *m,
				  const struct wd_cidr *cidr)
{
	struct mprefix *p;

	HASH_FIND(hh, m->prefixes, cidr, sizeof(*cidr), p);
	if (p)
		return p;
	p = wd_xcalloc(1, sizeof(*p));
	p->cidr = *cidr;
	HASH_ADD(hh, m->prefixes, cidr, sizeof(p->cidr), p);
	m->prefix_lens[cidr->addr.family == 6][cidr->len]++;
	m->prefix_cnt[cidr->addr.family == 6]++;
	return p;
}

/* Byte-wise comparable copy: padding and the unused part of the union are zero. */
static struct wd_cidr cidr_clean(const struct wd_cidr *from)
{
	struct wd_cidr to;

	memset(&to, 0, sizeof(to));
	to.addr.family = from->addr.family;
	if (from->addr.family == 4)
		to.addr.v4 = from->addr.v4;
	else
		to.addr.v6 = from->addr.v6;
	to.len = from->len;
	return to;
}

/* ---- inside the cluster ---- */

/*
 * Prefixes of the cluster have entries of their own only while a term asks:
 * else every packet of a stranger would be looked up among them.
 */
static void inside_mark(struct wd_model *m, const struct wd_cidr *cidr,
			bool inside)
{
	prefix_get(m, cidr)->inside = inside;
	prefix_dirty(m, prefix_get(m, cidr));
	m->prefixes_dirty = true;
}

static struct minside *inside_find(const struct wd_model *m,
				   const struct wd_cidr *cidr)
{
	struct wd_cidr key = cidr_clean(cidr);
	struct minside *in;

	HASH_FIND(hh, m->insides, &key, sizeof(key), in);
	return in;
}

void inside_add(struct wd_model *m, const struct wd_cidr *cidr)
{
	struct minside *in = inside_find(m, cidr);

	if (!in) {
		in = wd_xcalloc(1, sizeof(*in));
		in->cidr = cidr_clean(cidr);
		HASH_ADD(hh, m->insides, cidr, sizeof(in->cidr), in);
		if (m->scoped)
			inside_mark(m, &in->cidr, true);
	}
	in->refs++;
}

void inside_del(struct wd_model *m, const struct wd_cidr *cidr)
{
	struct minside *in = inside_find(m, cidr);

	if (--in->refs > 0)
		return;
	if (m->scoped)
		inside_mark(m, &in->cidr, false);
	HASH_DELETE(hh, m->insides, in);
	free(in);
}

static void pods_dirty(struct wd_model *m, const struct vec *pods,
		       const struct wd_cidr *in)
{
	for (size_t i = 0; i < pods->cnt; i++) {
		const struct mpod *pod = pods->item[i];
		const struct mclaim *c;

		SLIST_FOREACH(c, &pod->claims, of_pod) {
			if (wd_cidr_has(in, &c->addr->addr))
				addr_dirty(m, c->addr);
		}
	}
}

/* Pods of other clusters are nobody there, or may be somebody now. */
static void others_dirty(struct wd_model *m, const struct wd_cidr *in)
{
	for (const struct mspace *s = m->spaces; s; s = s->hh.next) {
		if (!wd_cluster_is_other(s->name))
			continue;
		pods_dirty(m, &s->nameless, in);
		for (size_t i = 0; i < s->groups.cnt; i++)
			pods_dirty(m,
				   &((const struct mgroup *)s->groups.item[i])
					    ->pods,
				   in);
	}
}

void inside_node(struct wd_model *m, const struct wd_cidr *cidr, bool is)
{
	struct minside *in;

	if (is) {
		inside_add(m, cidr);
		in = inside_find(m, cidr);
		if (in->nodes++ == 0)
			others_dirty(m, cidr);
		return;
	}
	in = inside_find(m, cidr);
	if (--in->nodes == 0)
		others_dirty(m, cidr);
	inside_del(m, cidr);
}

bool inside_is_nodes(const struct wd_model *m, const struct wd_addr *addr)
{
	for (const struct minside *in = m->insides; in; in = in->hh.next) {
		if (in->nodes && wd_cidr_has(&in->cidr, addr))
			return true;
	}
	return false;
}

/* A term that asks comes (@by 1) or goes (-1). */
static void scoped_count(struct wd_model *m, const struct mterm *t, int by)
{
	bool before = m->scoped > 0;

	if (!t->or_unknown && (t->type != TERM_CIDR || t->scope == WD_CIDR_ALL))
		return;
	m->scoped += (uint32_t)by;
	if (before == (m->scoped > 0))
		return;
	for (struct minside *in = m->insides; in; in = in->hh.next)
		inside_mark(m, &in->cidr, m->scoped > 0);
}

static void term_link_prefixes(struct wd_model *m, struct mterm *t)
{
	const struct wd_cidr *cidr;
	uint32_t cnt = term_prefixes(t, &cidr);
	struct mprefix *p;

	for (uint32_t i = 0; i < cnt; i++) {
		p = prefix_get(m, &cidr[i]);
		vec_push(&p->in, t);
		prefix_dirty(m, p);
	}
	for (uint32_t i = 0; i < t->except_cnt; i++) {
		p = prefix_get(m, &t->except[i]);
		vec_push(&p->out, t);
		prefix_dirty(m, p);
	}
}

static void term_unlink_prefixes(struct wd_model *m, struct mterm *t)
{
	const struct wd_cidr *cidr;
	uint32_t cnt = term_prefixes(t, &cidr);
	struct mprefix *p;

	for (uint32_t i = 0; i < cnt; i++) {
		p = prefix_get(m, &cidr[i]);
		(void)vec_remove(&p->in, t);
		prefix_dirty(m, p);
	}
	for (uint32_t i = 0; i < t->except_cnt; i++) {
		p = prefix_get(m, &t->except[i]);
		(void)vec_remove(&p->out, t);
		prefix_dirty(m, p);
	}
	m->prefixes_dirty = true;
}

/* ---- terms ---- */

/*
 * What a term says, as bytes: equal exactly for terms of equal meaning (given
 * sorted selectors, which are shared: their addresses do). Printed instead, a
 * selector of thousands of values took milliseconds each time it was met.
 */
struct key {
	const struct mspace *space;
	const struct wd_selector *ns_sel;
	const struct wd_selector *pod_sel;
	const struct wd_selector *node_sel;
	const char *port_name;
	struct wd_cidr cidr;
	uint32_t list_cnt;
	uint32_t except_cnt;
	uint16_t port;
	uint8_t proto;
	uint8_t type;
	uint8_t nodes;
	uint8_t scope;
	uint8_t or_unknown;
	uint8_t pad;
	struct wd_cidr prefix[]; /* excepts, then the list */
};

static size_t key_size(const struct mterm *t)
{
	return sizeof(struct key) +
	       ((size_t)t->list_cnt + t->except_cnt) * sizeof(struct wd_cidr);
}

/* Of one with selectors that are shared; the caller's. */
static struct key *key_of(const struct mterm *t)
{
	struct key *key = wd_xcalloc(1, key_size(t)); /* padding too */

	key->space = t->space;
	key->ns_sel = t->ns_sel;
	key->pod_sel = t->pod_sel;
	key->node_sel = t->node_sel;
	key->port_name = t->port_name;
	key->cidr = t->cidr;
	key->list_cnt = t->list_cnt;
	key->except_cnt = t->except_cnt;
	key->port = t->port;
	key->proto = t->proto;
	key->type = (uint8_t)t->type;
	key->nodes = (uint8_t)t->nodes;
	key->scope = (uint8_t)t->scope;
	key->or_unknown = t->or_unknown;
	if (t->except_cnt)
		memcpy(key->prefix, t->except,
		       t->except_cnt * sizeof(*key->prefix));
	if (t->list_cnt)
		memcpy(key->prefix + t->except_cnt, t->list,
		       t->list_cnt * sizeof(*key->prefix));
	return key;
}

static void term_link(struct wd_model *m, struct mterm *t)
{
	if (t->type == TERM_CIDR)
		term_link_prefixes(m, t);
	scoped_count(m, t, 1);
	if (t->type == TERM_NODES)
		vec_push(&m->node_terms, t);
	if (t->or_unknown)
		vec_push(&m->unknown_terms, t);
}

static void selectors_put(const struct mterm *t)
{
	wd_selector_put(t->ns_sel);
	wd_selector_put(t->pod_sel);
	wd_selector_put(t->node_sel);
}

/* Find the term that says the same as @like, which is changed, or keep a copy. */
static struct mterm *term_intern(struct wd_model *m, struct mterm *like)
{
	struct mterm *t;
	struct key *key;

	like->ns_sel = wd_selector_keep(like->ns_sel);
	like->pod_sel = wd_selector_keep(like->pod_sel);
	like->node_sel = wd_selector_keep(like->node_sel);
	key = key_of(like);
	m->sought++;
	HASH_FIND(hh, m->terms, key, key_size(like), t);
	if (t) {
		selectors_put(like);
		free(key);
		t->refs++;
		return t;
	}
	t = wd_xcalloc(1, sizeof(*t));
	*t = *like;
	t->key = key;
	t->refs = 1;
	t->port_name = wd_str_ref(like->port_name);
	t->except = t->except_cnt ? key->prefix : NULL;
	t->list = t->list_cnt ? key->prefix + t->except_cnt : NULL;
	HASH_ADD_KEYPTR(hh, m->terms, t->key, key_size(t), t);
	term_link(m, t);
	return t;
}

static void term_set_holds(struct mterm *t, const struct wd_port_name *holds)
{
	if (!holds)
		return;
	t->port_name = holds->name;
	t->proto = holds->proto;
	t->port = holds->port;
}

struct mterm *term_pods(struct wd_model *m, struct mspace *space,
			const struct wd_peer *peer,
			const struct wd_port_name *holds, bool or_unknown)
{
	struct mterm like = {
		.type = TERM_PODS,
		.or_unknown = or_unknown,
		.space = peer->ns_sel ? NULL : space,
		.ns_sel = peer->ns_sel,
		.pod_sel = peer->pod_sel,
	};

	term_set_holds(&like, holds);
	return term_intern(m, &like);
}

struct mterm *term_anypod(struct wd_model *m, const struct wd_port_name *holds)
{
	struct mterm like = { .type = TERM_PODS };

	term_set_holds(&like, holds);
	return term_intern(m, &like);
}

struct mterm *term_unknown(struct wd_model *m)
{
	struct mterm like = { .type = TERM_UNKNOWN, .or_unknown = true };

	return term_intern(m, &like);
}

struct mterm *term_nodes(struct wd_model *m, const struct wd_peer *peer,
			 bool or_unknown)
{
	struct mterm like = {
		.type = TERM_NODES,
		.or_unknown = or_unknown,
		.nodes = peer->nodes,
		.node_sel = peer->node_sel,
	};

	return term_intern(m, &like);
}

static int cidr_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wd_cidr));
}

void cidrs_add(struct mcidrs *list, const struct wd_cidr *cidr)
{
	list->cidr =
		wd_grow(list->cidr, list->cnt, &list->cap, sizeof(*list->cidr));
	list->cidr[list->cnt++] = cidr_clean(cidr);
}

void cidrs_sort(struct mcidrs *list)
{
	size_t kept = 0;

	if (list->cnt)
		qsort(list->cidr, list->cnt, sizeof(*list->cidr), cidr_cmp);
	for (size_t i = 0; i < list->cnt; i++)
		if (!kept || cidr_cmp(&list->cidr[i], &list->cidr[kept - 1]))
			list->cidr[kept++] = list->cidr[i];
	list->cnt = kept;
}

struct mterm *term_cidr(struct wd_model *m, const struct wd_peer *peer,
			const struct wd_port_name *holds)
{
	struct wd_cidr cidr = cidr_clean(&peer->cidr);
	const struct mcidrs one = { .cidr = &cidr, .cnt = 1 };

	return term_cidrs(m, peer, &one, holds);
}

struct mterm *term_cidrs(struct wd_model *m, const struct wd_peer *peer,
			 const struct mcidrs *list,
			 const struct wd_port_name *holds)
{
	struct wd_cidr *except = wd_xcalloc(peer->except_cnt, sizeof(*except));
	struct mterm like = {
		.type = TERM_CIDR,
		.scope = peer->scope,
		.cidr = list->cidr[0],
		.list_cnt = list->cnt > 1 ? (uint32_t)list->cnt : 0,
		.list = list->cidr,
		.except_cnt = peer->except_cnt,
		.except = except,
	};
	struct mterm *t;

	for (uint32_t i = 0; i < peer->except_cnt; i++)
		except[i] = cidr_clean(&peer->except[i]);
	if (peer->except_cnt)
		qsort(except, peer->except_cnt, sizeof(*except), cidr_cmp);
	term_set_holds(&like, holds);
	t = term_intern(m, &like);
	free(except);
	return t;
}

void term_ref(struct mterm *t)
{
	t->refs++;
}

void term_put(struct wd_model *m, struct mterm *t)
{
	if (--t->refs > 0)
		return;
	if (t->type == TERM_CIDR)
		term_unlink_prefixes(m, t);
	scoped_count(m, t, -1);
	if (t->type == TERM_NODES)
		(void)vec_remove(&m->node_terms, t);
	if (t->or_unknown)
		(void)vec_remove(&m->unknown_terms, t);
	HASH_DELETE(hh, m->terms, t);
	selectors_put(t);
	wd_str_put(t->port_name);
	vec_fini(&t->bits);
	free(t->key);
	free(t);
}

bool ports_hold(const struct mports *ports, const char *name, uint8_t proto,
		uint16_t port)
{
	for (uint32_t i = 0; ports && i < ports->cnt; i++) {
		const struct wd_port_name *p = &ports->port[i];

		if (p->name == name && p->proto == proto && p->port == port)
			return true;
	}
	return false;
}

bool term_matches_group(const struct mterm *t, const struct mgroup *g)
{
	const struct mspace *space = g->key.space;

	if (t->type != TERM_PODS)
		return false;
	if (t->space ? t->space != space :
		       !wd_space_matches(t->ns_sel, space->labels))
		return false;
	if (!wd_selector_matches(t->pod_sel, g->key.labels))
		return false;
	return !t->port_name ||
	       ports_hold(g->key.ports, t->port_name, t->proto, t->port);
}

/* ---- addresses against prefixes ---- */

static struct wd_cidr mask(const struct wd_addr *addr, uint8_t len)
{
	struct wd_cidr c;
	uint8_t *byte;
	uint8_t size;

	memset(&c, 0, sizeof(c));
	c.addr.family = addr->family;
	c.len = len;
	size = addr->family == 4 ? 4 : 16;
	byte = (uint8_t *)&c.addr.v6;
	memcpy(byte, &addr->v6, size);
	for (uint8_t i = 0; i < size; i++) {
		if (len >= 8 * (i + 1))
			continue;
		byte[i] &= len <= 8 * i ? 0 :
					  (uint8_t)(0xff00U >> (len - 8 * i));
	}
	return c;
}

static void term_set_bits(const struct mterm *t, uint64_t *bits)
{
	for (size_t i = 0; i < t->bits.cnt; i++) {
		const struct mbit *b = t->bits.item[i];

		if (!b->ordered)
			bits[b->nr / 64] |= 1ULL << (b->nr % 64);
	}
}

bool inside_has(const struct wd_model *m, const struct wd_addr *addr,
		uint8_t len)
{
	for (uint32_t l = 0; l <= len; l++) {
		struct wd_cidr key;
		const struct mprefix *p;

		if (!m->prefix_lens[addr->family == 6][l])
			continue;
		key = mask(addr, (uint8_t)l);
		HASH_FIND(hh, m->prefixes, &key, sizeof(key), p);
		if (p && p->inside)
			return true;
	}
	return false;
}

static bool scope_has(enum wd_cidr_scope scope, const struct whose *who)
{
	switch (scope) {
	case WD_CIDR_WORLD:
		return !who->is_known && !who->is_inside;
	case WD_CIDR_UNKNOWN:
		return !who->is_known && who->is_inside;
	case WD_CIDR_STRANGER:
		return !who->is_known;
	case WD_CIDR_ALL:
		break;
	}
	return true;
}

/* Of an address or prefix that lies in the term's prefix and in no except. */
static bool cidr_counts(const struct mterm *t, const struct whose *who)
{
	const struct mgroup *g = who->group;

	if (!scope_has(t->scope, who))
		return false;
	if (!t->port_name)
		return true;
	/* no cluster is named: names are those of this one's ports */
	return g && !wd_cluster_is_other(g->key.space->name) &&
	       ports_hold(g->key.ports, t->port_name, t->proto, t->port);
}

/* Its prefix covers all of the address or prefix, and none of its excepts does. */
void cidr_terms(struct wd_model *m, const struct whose *who, struct vec *ret)
{
	bool is6 = who->addr->family == 6;
	struct vec in = { 0 };
	struct vec out = { 0 };

	for (uint32_t l = 0; l <= who->len; l++) {
		struct wd_cidr key;
		struct mprefix *p;

		if (!m->prefix_lens[is6][l])
			continue;
		key = mask(who->addr, (uint8_t)l);
		HASH_FIND(hh, m->prefixes, &key, sizeof(key), p);
		for (size_t i = 0; p && i < p->in.cnt; i++)
			vec_push(&in, p->in.item[i]);
		for (size_t i = 0; p && i < p->out.cnt; i++) {
			((struct mterm *)p->out.item[i])->out = true;
			vec_push(&out, p->out.item[i]);
		}
	}
	for (size_t i = 0; i < in.cnt; i++) {
		const struct mterm *t = in.item[i];

		if (!t->out && cidr_counts(t, who))
			vec_push(ret, in.item[i]);
	}
	for (size_t i = 0; i < out.cnt; i++)
		((struct mterm *)out.item[i])->out = false;
	vec_fini(&in);
	vec_fini(&out);
}

void cidr_bits(struct wd_model *m, const struct whose *who, uint64_t *bits)
{
	struct vec terms = { 0 };

	cidr_terms(m, who, &terms);
	for (size_t i = 0; i < terms.cnt; i++)
		term_set_bits(terms.item[i], bits);
	vec_fini(&terms);
}

/* ---- addresses of nodes ---- */

bool term_matches_node(const struct mterm *t, const struct whose *who)
{
	if (!who->node || (t->nodes == WD_NODES_OWN && !who->is_own) ||
	    (t->nodes == WD_NODES_OTHER && who->is_own))
		return false;
	return wd_selector_matches(t->node_sel, who->node);
}

void nodes_bits(const struct wd_model *m, const struct whose *who,
		uint64_t *bits)
{
	for (size_t i = 0; who->node && i < m->node_terms.cnt; i++) {
		const struct mterm *t = m->node_terms.item[i];

		if (term_matches_node(t, who))
			term_set_bits(t, bits);
	}
}

void unknown_bits(const struct wd_model *m, const struct whose *who,
		  uint64_t *bits)
{
	for (size_t i = 0; who->is_unknown && i < m->unknown_terms.cnt; i++)
		term_set_bits(m->unknown_terms.item[i], bits);
}
