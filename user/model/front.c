/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * front.c - addresses and ports of services as the programs look them up: an
 * entry for each kind of backends, that is, for each row and port among them.
 *
 * The entries beyond the last kind are deleted once the new generation is in
 * force: until then they say what was in force, and a flow that one more kind
 * has to allow is never allowed by mistake. Of a front that goes as a whole row
 * 0 is in force first.
 *
 * Nothing here fails because the table is full, or one tenant's services would
 * hold up the changes of all: see cover.c.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "cover_int.h"

struct mfront *front_find(const struct wd_model *m,
			  const struct wd_front_key *key)
{
	struct mfront *f;

	HASH_FIND(hh, m->fronts, key, sizeof(*key), f);
	return f;
}

struct mfront *front_get(struct wd_model *m, const struct wd_front_key *key)
{
	struct mfront *f = front_find(m, key);

	if (f)
		return f;
	f = wd_xcalloc(1, sizeof(*f));
	f->key = *key;
	HASH_ADD(hh, m->fronts, key, sizeof(f->key), f);
	if (!key->port)
		m->closed_cnt++;
	return f;
}

void front_dirty(struct wd_model *m, struct mfront *f)
{
	m->commit_needed = true;
	if (f->dirty)
		return;
	f->dirty = true;
	vec_push(&m->dirty_fronts, f);
}

/* The one with that number; those before it are made, too. */
static struct mkind *kind_get(struct wd_model *m, struct mfront *f, uint32_t nr)
{
	while (f->kinds.cnt <= nr) {
		struct mkind *kind = wd_xcalloc(1, sizeof(*kind));

		kind->key = f->key;
		kind->key.nr = f->kinds.cnt;
		kind->gone = true;
		vec_push(&f->kinds, kind);
		m->kind_cnt++;
		m->closed_kinds[front_width(&f->key)]++;
	}
	return f->kinds.item[nr];
}

void front_adopt(struct wd_model *m, const struct wd_front_key *key,
		 const struct wd_front_val *val)
{
	struct wd_front_key first = *key;
	struct mkind *kind;
	struct mfront *f;

	if (key->nr >= WD_FRONT_KINDS)
		return; /* nobody looks there */
	first.nr = 0;
	f = front_get(m, &first);
	kind = kind_get(m, f, key->nr);
	kind->e.in_kernel = true;
	kind->e.published = true;
	memcpy(&kind->e.have, val, sizeof(kind->e.have));
	front_dirty(m, f);
}

/* ---- what it rests on ---- */

static void drop_front(struct mback *b, uint32_t at)
{
	b->fronts.item[at] = b->fronts.item[--b->fronts.cnt];
}

/*
 * Fronts are unlinked in the order in which they were linked: the next one is
 * where the last one was or behind it, or came to the end's place. What else
 * there is, is looked for.
 */
static void forget_front(struct mback *b, const struct mfront *f)
{
	uint32_t cnt = b->fronts.cnt;

	if (cnt && b->fronts.item[cnt - 1] == f) {
		drop_front(b, cnt - 1);
		return;
	}
	for (uint32_t i = 0; i < cnt; i++) {
		uint32_t at = (b->next + i) % cnt;

		if (b->fronts.item[at] != f)
			continue;
		drop_front(b, at);
		b->next = at + 1;
		return;
	}
}

static void unlink_backs(struct wd_model *m, struct mfront *f)
{
	for (size_t i = 0; i < f->backs.cnt; i++) {
		struct mback *b = f->backs.item[i];

		forget_front(b, f);
		if (b->fronts.cnt)
			continue;
		assert(m->backs); /* it is in there */
		HASH_DELETE(hh, m->backs, b);
		vec_fini(&b->fronts);
		free(b);
	}
	f->backs.cnt = 0;
	m->strays -= f->strays;
	f->strays = 0;
}

static void link_back(struct wd_model *m, struct mfront *f,
		      const struct wd_addr *addr)
{
	struct mback *b;

	HASH_FIND(hh, m->backs, addr, sizeof(*addr), b);
	if (!b) {
		b = wd_xcalloc(1, sizeof(*b));
		b->addr = *addr;
		HASH_ADD(hh, m->backs, addr, sizeof(b->addr), b);
	}
	if (b->fronts.cnt && b->fronts.item[b->fronts.cnt - 1] == f)
		return; /* another port of the same */
	vec_push(&b->fronts, f);
	vec_push(&f->backs, b);
}

void front_addr_changed(struct wd_model *m, const struct wd_addr *addr)
{
	struct mback *b;

	if (!m->backs)
		return;
	HASH_FIND(hh, m->backs, addr, sizeof(*addr), b);
	for (size_t i = 0; b && i < b->fronts.cnt; i++)
		front_dirty(m, b->fronts.item[i]);
}

void front_prefixes_changed(struct wd_model *m)
{
	if (!m->strays)
		return;
	for (struct mfront *f = m->fronts; f; f = f->hh.next) {
		if (f->strays)
			front_dirty(m, f);
	}
}

/* ---- compiling ---- */

/* Kinds as they are found; each holds a reference to its row. */
struct kinds {
	uint32_t cnt;
	bool too_many;
	bool tunnel; /* some may be ends of tunnels of nodes */
	struct wd_addr_val val[WD_FRONT_KINDS];
};

static void kinds_put(struct wd_model *m, struct kinds *kinds)
{
	for (uint32_t i = 0; i < kinds->cnt; i++)
		row_put(m, kinds->val[i].row[0]);
	kinds->cnt = 0;
}

static void kinds_add(struct wd_model *m, struct kinds *kinds,
		      const struct wd_addr_val *val)
{
	for (uint32_t i = 0; i < kinds->cnt; i++) {
		const struct wd_addr_val *have = &kinds->val[i];

		if (have->row[0] == val->row[0] && have->flags == val->flags &&
		    have->ifindex == val->ifindex) {
			row_put(m, val->row[0]);
			return;
		}
	}
	if (kinds->cnt == WD_FRONT_KINDS) {
		row_put(m, val->row[0]);
		kinds->too_many = true;
		return;
	}
	kinds->val[kinds->cnt++] = *val;
}

static bool may_be_tunnel(const struct wd_model *m, const struct mfront *f,
			  const struct wd_end *end)
{
	return f->key.proto == IPPROTO_UDP &&
	       wd_encap_is_port(&m->encap, end->port);
}

static int add_end(struct wd_model *m, struct mfront *f, struct kinds *kinds,
		   const struct wd_end *end)
{
	struct wd_addr_val val = { .identity = WD_ID_WORLD,
				   .ifindex = end->port };
	const struct maddr *a;
	int err;

	if (addr_is_near(&end->addr))
		val.flags = WD_FRONT_NODE;
	link_back(m, f, &end->addr);
	HASH_FIND(hh, m->addrs, &end->addr, sizeof(end->addr), a);
	if (a && (addr_winner(m, a) || a->e.is_nobodys)) {
		val.identity = a->e.want.identity;
		val.row[0] = a->e.want.row[0];
		if (a->e.want.flags & (WD_ADDR_NODE | WD_ADDR_HOST))
			val.flags = WD_FRONT_NODE;
		row_ref(m, val.row[0]);
	} else {
		uint64_t bits[WD_ROW_WORDS] = { 0 };

		stray_bits(m, &end->addr, end->addr.family == 4 ? 32 : 128,
			   bits);
		err = row_get(m, bits, &val.row[0]);
		if (err)
			return err;
		f->strays++;
		m->strays++;
	}
	kinds->tunnel |= may_be_tunnel(m, f, end) &&
			 (val.flags & WD_FRONT_NODE);
	kinds_add(m, kinds, &val);
	return 0;
}

/*
 * Beyond the last kind it does not rest on those that come: they are not looked
 * up, and a port of tunnels is one to a node.
 */
static int find_kinds(struct wd_model *m, struct mfront *f, struct kinds *kinds)
{
	struct wd_end *end = NULL;
	size_t cnt = service_ends(m, f, &end);
	int err = 0;

	unlink_backs(m, f);
	for (size_t i = 0; i < cnt && !err; i++) {
		if (kinds->too_many)
			kinds->tunnel |= may_be_tunnel(m, f, &end[i]);
		else
			err = add_end(m, f, kinds, &end[i]);
	}
	free(end);
	return err;
}

static void kind_want(struct wd_model *m, struct mkind *kind,
		      const struct wd_addr_val *val)
{
	if (kind->e.wanted)
		row_put(m, kind->e.want.row[0]);
	kind->e.want = *val;
	kind->e.wanted = true;
	kind->gone = false;
}

/* The one entry of a front of which no kinds are told. Return: entries. */
static uint32_t want_none(struct wd_model *m, struct mfront *f,
			  const struct kinds *kinds)
{
	struct wd_addr_val none = { .flags = WD_FRONT_NONE };

	if (kinds->too_many)
		none.flags |= WD_FRONT_MANY;
	if (kinds->tunnel)
		none.flags |= WD_FRONT_NODE;
	if (!front_has_room(m, f, 1)) {
		front_cover(m, f);
		return 0;
	}
	front_pay(f);
	kind_want(m, kind_get(m, f, 0), &none);
	return 1;
}

/* Which ports are tunnels' is another thing now; what knows its backends need not. */
void fronts_encap(struct wd_model *m)
{
	for (struct mfront *f = m->fronts; f; f = f->hh.next) {
		if (f->key.proto == IPPROTO_UDP)
			front_dirty(m, f);
	}
}

static bool is_sure(const struct wd_model *m, const struct mfront *f)
{
	for (size_t i = 0; i < f->services.cnt; i++) {
		if (!service_is_sure(f->services.item[i]))
			return false;
	}
	return f->key.port != 0 && !service_shares(m, f);
}

/* Those that are to be told of; none and too_many: more than can be. */
static int kinds_of(struct wd_model *m, struct mfront *f, struct kinds *kinds)
{
	int err = 0;

	if (is_sure(m, f)) {
		err = find_kinds(m, f, kinds);
	} else {
		unlink_backs(m, f);
		kinds->too_many = kinds->tunnel = true;
	}
	if (!err && !kinds->too_many && !front_has_room(m, f, kinds->cnt)) {
		front_squeeze(m, f);
		kinds->too_many = true;
	}
	if (kinds->too_many || err)
		kinds_put(m, kinds);
	return err;
}

int front_compile(struct wd_model *m, struct mfront *f)
{
	struct kinds *kinds = wd_xcalloc(1, sizeof(*kinds));
	uint32_t cnt;
	int err;

	front_uncover(m, f);
	err = kinds_of(m, f, kinds);
	cnt = kinds->cnt;
	for (uint32_t i = 0; i < cnt; i++)
		kind_want(m, kind_get(m, f, i), &kinds->val[i]);
	if (!err && !cnt && (front_is_wanted(f) || f->kinds.cnt))
		cnt = want_none(m, f, kinds);
	free(kinds);
	if (err)
		return err;
	for (uint32_t i = front_is_wanted(f) ? cnt : 0; i < f->kinds.cnt; i++)
		((struct mkind *)f->kinds.item[i])->gone = true;
	return 0;
}

int front_write(struct wd_model *m, struct mfront *f, bool *ret_wrote)
{
	int err = 0;

	for (size_t i = 0; i < f->kinds.cnt && !err; i++) {
		struct mkind *kind = f->kinds.item[i];

		if (!kind->gone || !front_is_wanted(f))
			err = entry_write(m, &kind->e, WD_MAP_wd_front,
					  &kind->key, ret_wrote);
		if (kind->gone && kind->e.in_kernel)
			*ret_wrote = true; /* one less to allow: judge anew */
	}
	return err;
}

/* ---- after the publication ---- */

static int kind_delete(struct wd_model *m, struct mkind *kind)
{
	int err = 0;

	if (kind->e.in_kernel)
		err = m->sink.del(m->sink.ctx, WD_MAP_wd_front, &kind->key);
	if (err)
		return err;
	entry_gone(m, &kind->e);
	m->closed_kinds[front_width(&kind->key)]--;
	m->closed_room |= !kind->key.port || m->kind_cnt > WD_FRONTS_MAX / 2;
	m->front_room = true;
	m->kind_cnt--;
	free(kind);
	return 0;
}

static void front_free(struct wd_model *m, struct mfront *f)
{
	HASH_DELETE(hh, m->fronts, f);
	m->closed_cnt -= !f->key.port;
	vec_fini(&f->services);
	vec_fini(&f->kinds);
	vec_fini(&f->backs);
	free(f);
}

void front_done(struct wd_model *m, struct mfront *f)
{
	f->dirty = false;
	/* from the end: no gap that hides what comes after it */
	while (f->kinds.cnt) {
		struct mkind *kind = f->kinds.item[f->kinds.cnt - 1];

		if (!kind->gone)
			break;
		if (kind_delete(m, kind)) {
			front_dirty(m, f); /* again with the next commit */
			break;
		}
		f->kinds.cnt--;
	}
	if (!f->kinds.cnt)
		front_unpay(f);
	for (size_t i = 0; i < f->kinds.cnt; i++) {
		struct mkind *kind = f->kinds.item[i];

		kind->e.published = true;
		if (!kind->e.in_kernel || kind->e.unsettled ||
		    (kind->e.have.row[0] == kind->e.have.row[1] &&
		     kind->e.have.ifindex >> 16 ==
			     (kind->e.have.ifindex & 0xffff)))
			continue;
		kind->e.unsettled = true;
		vec_push(&m->unsettled_kinds, kind);
	}
	if (!f->kinds.cnt && !front_is_wanted(f) && !f->dirty)
		front_free(m, f);
}

/* ---- looking ---- */

bool wd_model_closes(const struct wd_model *m)
{
	return m->closed_cnt != 0;
}

uint32_t wd_model_squeezed(const struct wd_model *m)
{
	return m->squeezed_cnt;
}

/* As the programs find it: one that has an entry. */
static const struct mfront *find(const struct wd_model *m,
				 const struct wd_front_key *key)
{
	const struct mfront *f;

	HASH_FIND(hh, m->fronts, key, sizeof(*key), f);
	return f && front_is_wanted(f) && !f->crowded ? f : NULL;
}

const struct mfront *front_of(const struct wd_model *m,
			      const struct wd_addr *addr, uint8_t proto,
			      uint16_t port, const struct mclaim *claim)
{
	struct wd_front_key key = { .family = addr->family };
	struct wd_front_key any = key;
	const struct mfront *f;

	if (addr->family == 4)
		memcpy(&key.addr[3], &addr->v4, sizeof(addr->v4));
	else
		memcpy(key.addr, &addr->v6, sizeof(addr->v6));
	any.proto = key.proto = proto;
	any.port = key.port = wd_be16(port);
	f = find(m, &key);
	if (!f && claim &&
	    (claim->kind == CLAIM_HOST || claim->kind == CLAIM_NODE))
		f = find(m, &any);
	if (f || !m->closed_cnt)
		return f;
	key.proto = 0;
	key.port = 0;
	f = find(m, &key);
	if (claim && claim->pod && !front_is_missing(m, addr))
		return f;
	while (!f && front_widen(&key))
		f = find(m, &key);
	return f;
}

void fronts_fini(struct wd_model *m)
{
	struct mfront *f;
	struct mfront *tmp;

	HASH_ITER(hh, m->fronts, f, tmp) {
		unlink_backs(m, f);
		for (size_t i = 0; i < f->kinds.cnt; i++) {
			struct mkind *kind = f->kinds.item[i];

			entry_gone(m, &kind->e);
			free(kind);
		}
		front_free(m, f);
	}
	crowds_fini(m);
	vec_fini(&m->dirty_fronts);
	vec_fini(&m->unsettled_kinds);
}
