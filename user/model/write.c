/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * write.c - from what is wanted to what the kernel has, entry by entry.
 *
 * Before the publication only the half that is not in force is changed, and
 * only for keys that differ; after it, keys that nobody wants are deleted and
 * references to what is out of force are dropped. A row or slot is referenced
 * by each half that points at it, so none is reused while a program can see it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "cover_int.h"
#include "model_int.h"
#include "rule.h"

static enum wd_map addr_map(const struct maddr *a)
{
	return a->addr.family == 4 ? WD_MAP_wd_addr4 : WD_MAP_wd_addr6;
}

static enum wd_map prefix_map(const struct mprefix *p)
{
	return p->cidr.addr.family == 4 ? WD_MAP_wd_cidr4 : WD_MAP_wd_cidr6;
}

/* The key of a prefix; large enough for both families, IPv4 uses the first 8 bytes. */
static struct wd_cidr6_key prefix_key(const struct mprefix *p)
{
	struct wd_cidr6_key key = { .prefixlen = p->cidr.len };

	memcpy(key.addr, &p->cidr.addr.v6, p->cidr.addr.family == 4 ? 4 : 16);
	return key;
}

/* The kernel took @val: account the rows behind it. */
static void entry_took(struct wd_model *m, struct mentry *e,
		       const struct wd_addr_val *val)
{
	for (int i = 0; i < 2; i++) {
		if (e->in_kernel && !e->owned[i] &&
		    val->row[i] == e->have.row[i])
			continue; /* still a row of the agent before */
		row_ref(m, val->row[i]);
		if (e->owned[i])
			row_put(m, e->have.row[i]);
		e->owned[i] = true;
	}
	e->have = *val;
	e->in_kernel = true;
	e->rewrite = false;
}

void entry_gone(struct wd_model *m, struct mentry *e)
{
	for (int i = 0; i < 2; i++) {
		if (e->owned[i])
			row_put(m, e->have.row[i]);
		e->owned[i] = false;
	}
	e->in_kernel = false;
	if (e->wanted)
		row_put(m, e->want.row[0]);
	e->wanted = false;
}

/* The port of a front's backends has a half for each generation, too. */
static void set_ports(const struct mentry *e, struct wd_addr_val *val,
		      unsigned int next, uint32_t other)
{
	uint32_t port = e->want.ifindex & 0xffff;

	other = other >> (next ? 0 : 16) & 0xffff;
	val->ifindex = next ? port << 16 | other : other << 16 | port;
}

int entry_write(struct wd_model *m, struct mentry *e, enum wd_map map,
		const void *key, bool *ret_wrote)
{
	unsigned int next = (m->gen + 1) & 1;
	struct wd_addr_val val = e->want;
	int err;

	if (!e->wanted)
		return 0;
	val.row[next] = e->want.row[0];
	/* Rows of this agent mean nothing to slots of the one before: none until published. */
	val.row[!next] = e->in_kernel ? e->have.row[!next] :
			 m->first     ? 0 :
					e->want.row[0];
	if (map == WD_MAP_wd_front)
		set_ports(e, &val, next,
			  e->in_kernel ? e->have.ifindex :
					 e->want.ifindex * 0x10001);
	if (e->in_kernel && !e->rewrite &&
	    memcmp(&val, &e->have, sizeof(val)) == 0)
		return 0;
	err = m->sink.set(m->sink.ctx, map, key, &val);
	if (err)
		return err;
	entry_took(m, e, &val);
	*ret_wrote = true;
	return 0;
}

/* ---- arrays ---- */

static struct wd_alloc *array_alloc(struct wd_model *m, enum wd_map map)
{
	switch ((int)map) {
	case WD_MAP_wd_row:
		return &m->row_alloc;
	case WD_MAP_wd_slot:
		return &m->slot_alloc;
	case WD_MAP_wd_span:
		return &m->span_alloc;
	}
	return &m->class_alloc;
}

int64_t array_get(struct wd_model *m, enum wd_map map, uint32_t cnt)
{
	uint32_t each = map == WD_MAP_wd_slot ? WD_DIR__MAX : 1;
	struct wd_alloc *alloc = array_alloc(m, map);
	int64_t first = wd_alloc_get(alloc, cnt);
	int err = 0;

	if (first < 0)
		return -ENOSPC;
	if (m->sink.reach)
		err = m->sink.reach(m->sink.ctx, map, (uint32_t)first * each,
				    cnt * each);
	if (!err)
		return first;
	wd_alloc_put(alloc, (uint32_t)first, cnt);
	if (err != -ENOSPC && err != -E2BIG)
		m->failed = err;
	return err;
}

/* ---- endpoints ---- */

static void endpoint_addrs(const struct wd_endpoint *ep,
			   struct wd_endpoint_val *val)
{
	uint32_t n4 = 0;
	uint32_t n6 = 0;

	for (uint32_t i = 0; i < ep->addr_cnt; i++) {
		const struct wd_addr *a = &ep->addr[i];

		if (a->family == 4 && n4 < WD_EP_ADDRS)
			val->ip4[n4++] = wd_be32_of(a->v4);
		else if (a->family == 6 && n6 < WD_EP_ADDRS)
			memcpy(val->ip6[n6++], &a->v6, sizeof(a->v6));
	}
	memcpy(val->ll6, &ep->ll6, sizeof(ep->ll6));
	memcpy(val->mac, ep->pod_mac, sizeof(val->mac));
	memcpy(val->host_mac, ep->host_mac, sizeof(val->host_mac));
}

static uint16_t endpoint_flags(const struct wd_model *m,
			       const struct mendpoint *e)
{
	enum wd_mode mode = endpoint_enforced(m, e);
	unsigned int flags = mode == WD_MODE_AUDIT ? WD_EP_AUDIT :
			     mode == WD_MODE_OFF   ? WD_EP_OFF :
						     0;

	if (endpoint_encap(e))
		flags |= WD_EP_ENCAP;
	if (endpoint_encrypts(m, e))
		flags |= WD_EP_ENCRYPT;
	if (endpoint_rejects(e))
		flags |= WD_EP_REJECT;
	return (uint16_t)flags;
}

static void endpoint_val(const struct wd_model *m, const struct mendpoint *e,
			 struct wd_endpoint_val *val)
{
	const struct wd_endpoint *ep = e->ep;
	unsigned int next = (m->gen + 1) & 1;
	uint16_t flags = endpoint_flags(m, e);
	uint32_t slot = e->slot ? e->slot->id : 0;
	uint32_t trial = e->trial ? e->trial->id : 0;

	memset(val, 0, sizeof(*val));
	val->cookie = ep->cookie;
	val->id = ep->id;
	val->stat = ep->stat;
	val->identity = endpoint_identity(e);
	val->flags[next] = flags;
	/* One that is new has them at once: without a slot nothing passes. */
	val->flags[!next] = e->in_kernel ? e->have.flags[!next] : flags;
	val->master = ep->master;
	val->slot[next] = slot;
	val->slot[!next] = e->in_kernel ? e->have.slot[!next] :
			   m->first	? 0 :
					  slot;
	val->trial[next] = trial;
	val->trial[!next] = e->in_kernel ? e->have.trial[!next] :
			    m->first	 ? 0 :
					   trial;
	endpoint_addrs(ep, val);
}

/* The entry has @val where it had @have, which was owned, too: @slot is ours if it is the one. */
static void half_took(struct wd_model *m, struct mslot **owned,
		      struct mslot *slot, uint32_t val, uint32_t have)
{
	if (val == have)
		return;
	if (slot && slot->id != val)
		slot = NULL;
	if (slot)
		slot->refs++;
	slot_put(m, *owned);
	*owned = slot;
}

static void endpoint_took(struct wd_model *m, struct mendpoint *e,
			  const struct wd_endpoint_val *val)
{
	for (int i = 0; i < 2; i++) {
		half_took(m, &e->owned.slot[i], e->slot, val->slot[i],
			  e->in_kernel ? e->have.slot[i] : 0);
		half_took(m, &e->owned.trial[i], e->trial, val->trial[i],
			  e->in_kernel ? e->have.trial[i] : 0);
	}
	e->have = *val;
	e->in_kernel = true;
	e->rewrite = false;
}

static int endpoint_write(struct wd_model *m, struct mendpoint *e,
			  bool *ret_wrote)
{
	struct wd_endpoint_val val;
	int err;

	endpoint_val(m, e, &val);
	if (e->in_kernel && !e->rewrite &&
	    memcmp(&val, &e->have, sizeof(val)) == 0)
		return 0;
	err = m->sink.set(m->sink.ctx, WD_MAP_wd_endpoint, &e->ep->ifindex,
			  &val);
	if (err)
		return err;
	endpoint_took(m, e, &val);
	*ret_wrote = true;
	return 0;
}

void ghost_add(struct wd_model *m, uint32_t ifindex, const struct mowned *owned)
{
	struct mghost *g = wd_xcalloc(1, sizeof(*g));

	g->ifindex = ifindex;
	if (owned)
		g->owned = *owned;
	vec_push(&m->ghosts, g);
	m->commit_needed = true;
}

void owned_put(struct wd_model *m, struct mowned *owned)
{
	for (int i = 0; i < 2; i++) {
		slot_put(m, owned->slot[i]);
		slot_put(m, owned->trial[i]);
	}
}

static bool ifindex_in_use(const struct wd_model *m, uint32_t ifindex)
{
	for (const struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		if (e->ep->ifindex == ifindex)
			return true;
	}
	return false;
}

static void ghosts_delete(struct wd_model *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->ghosts.cnt; i++) {
		struct mghost *g = m->ghosts.item[i];

		if (!ifindex_in_use(m, g->ifindex) &&
		    m->sink.del(m->sink.ctx, WD_MAP_wd_endpoint, &g->ifindex)) {
			m->ghosts.item[kept++] =
				g; /* again with the next commit */
			continue;
		}
		owned_put(m, &g->owned);
		free(g);
	}
	m->ghosts.cnt = kept;
}

/* ---- all of it ---- */

static void addr_free(struct wd_model *m, struct maddr *a)
{
	entry_gone(m, &a->e);
	HASH_DELETE(hh, m->addrs, a);
	free(a);
}

static void prefix_free(struct wd_model *m, struct mprefix *p)
{
	entry_gone(m, &p->e);
	m->prefix_lens[p->cidr.addr.family == 6][p->cidr.len]--;
	m->prefix_cnt[p->cidr.addr.family == 6]--;
	HASH_DELETE(hh, m->prefixes, p);
	vec_fini(&p->in);
	vec_fini(&p->out);
	free(p);
}

bool prefixes_fit(const struct wd_model *m, const uint32_t *was, bool narrow)
{
	for (int i = 0; i < 2; i++) {
		bool more = m->prefix_cnt[i] > was[i];
		uint32_t left = narrow && more ? WD_CIDRS_MAX / 16 : 0;

		if (m->prefix_cnt[i] > WD_CIDRS_MAX - left)
			return false;
	}
	return true;
}

static bool prefix_is_wanted(const struct mprefix *p)
{
	return p->in.cnt || p->out.cnt || p->inside;
}

void prefixes_forget(struct wd_model *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->dirty_prefixes.cnt; i++) {
		struct mprefix *p = m->dirty_prefixes.item[i];

		if (prefix_is_wanted(p) || p->e.in_kernel)
			m->dirty_prefixes.item[kept++] = p;
		else
			prefix_free(m, p);
	}
	m->dirty_prefixes.cnt = kept;
}

/*
 * What a commit that failed has written and nobody wants any more: no policy in
 * force asks for it, and the room may be needed, so it goes before the rest.
 */
static void drop_unpublished(struct wd_model *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->dirty_prefixes.cnt; i++) {
		struct mprefix *p = m->dirty_prefixes.item[i];
		struct wd_cidr6_key key = prefix_key(p);

		if (prefix_is_wanted(p) || p->e.published ||
		    (p->e.in_kernel &&
		     m->sink.del(m->sink.ctx, prefix_map(p), &key)))
			m->dirty_prefixes.item[kept++] = p;
		else
			prefix_free(m, p);
	}
	m->dirty_prefixes.cnt = kept;
	kept = 0;
	for (size_t i = 0; i < m->dirty_addrs.cnt; i++) {
		struct maddr *a = m->dirty_addrs.item[i];

		if (!SLIST_EMPTY(&a->claims) || a->e.published ||
		    (a->e.in_kernel &&
		     m->sink.del(m->sink.ctx, addr_map(a), &a->addr.v6)))
			m->dirty_addrs.item[kept++] = a;
		else
			addr_free(m, a);
	}
	m->dirty_addrs.cnt = kept;
}

/* Everything that must be there before the publication: prefixes, addresses, then endpoints. */
int write_all(struct wd_model *m, bool *ret_wrote)
{
	int err = 0;

	drop_unpublished(m);
	rules_begin(m);
	for (size_t i = 0; i < m->dirty_prefixes.cnt && !err; i++) {
		struct mprefix *p = m->dirty_prefixes.item[i];
		struct wd_cidr6_key key = prefix_key(p);

		err = entry_write(m, &p->e, prefix_map(p), &key, ret_wrote);
	}
	/* before the addresses: WD_ADDR_SERVED goes when there is an entry */
	for (size_t i = 0; i < m->dirty_fronts.cnt && !err; i++)
		err = front_write(m, m->dirty_fronts.item[i], ret_wrote);
	for (size_t i = 0; i < m->dirty_addrs.cnt && !err; i++) {
		struct maddr *a = m->dirty_addrs.item[i];

		err = entry_write(m, &a->e, addr_map(a), &a->addr.v6,
				  ret_wrote);
	}
	for (struct mendpoint *e = m->endpoints; e && !err; e = e->hh.next)
		err = endpoint_write(m, e, ret_wrote);
	if (m->ghosts.cnt)
		*ret_wrote = true;
	return err;
}

static void addr_done(struct wd_model *m, struct maddr *a)
{
	a->e.dirty = false;
	a->e.published = true;
	if (!SLIST_EMPTY(&a->claims)) {
		if (a->e.have.row[0] != a->e.have.row[1] && !a->e.unsettled) {
			a->e.unsettled = true;
			vec_push(&m->unsettled_addrs, a);
		}
		return;
	}
	if (a->e.in_kernel &&
	    m->sink.del(m->sink.ctx, addr_map(a), &a->addr.v6)) {
		addr_dirty(
			m,
			a); /* again with the next commit; it says what its CIDR says */
		return;
	}
	addr_free(m, a);
}

static void prefix_done(struct wd_model *m, struct mprefix *p)
{
	struct wd_cidr6_key key = prefix_key(p);

	p->e.dirty = false;
	p->e.published = true;
	if (prefix_is_wanted(p)) {
		if (p->e.have.row[0] != p->e.have.row[1] && !p->e.unsettled) {
			p->e.unsettled = true;
			vec_push(&m->unsettled_prefixes, p);
		}
		return;
	}
	if (p->e.in_kernel && m->sink.del(m->sink.ctx, prefix_map(p), &key)) {
		prefix_dirty(m, p);
		return;
	}
	m->room = true; /* what did not fit may fit now */
	prefix_free(m, p);
}

/* After the publication: delete what nobody wants, remember what is to be settled. */
void write_done(struct wd_model *m)
{
	struct vec addrs = m->dirty_addrs;
	struct vec prefixes = m->dirty_prefixes;
	struct vec fronts = m->dirty_fronts;

	m->dirty_fronts = (struct vec){ 0 };
	m->dirty_addrs = (struct vec){ 0 };
	m->dirty_prefixes = (struct vec){ 0 };
	for (size_t i = 0; i < addrs.cnt; i++)
		addr_done(m, addrs.item[i]);
	for (size_t i = 0; i < prefixes.cnt; i++)
		prefix_done(m, prefixes.item[i]);
	for (size_t i = 0; i < fronts.cnt; i++)
		front_done(m, fronts.item[i]);
	fronts_room(m);
	m->front_room = m->closed_room = false;
	vec_fini(&fronts);
	vec_fini(&addrs);
	vec_fini(&prefixes);
	ghosts_delete(m);
}

/* ---- settling ---- */

int entry_settle(struct wd_model *m, struct mentry *e, enum wd_map map,
		 const void *key)
{
	struct wd_addr_val val = e->have;
	int err;

	val.row[(m->gen + 1) & 1] = val.row[m->gen & 1];
	if (map == WD_MAP_wd_front)
		val.ifindex = (val.ifindex >> (m->gen & 1 ? 16 : 0) & 0xffff) *
			      0x10001;
	if (memcmp(&val, &e->have, sizeof(val)) == 0)
		return 0;
	err = m->sink.set(m->sink.ctx, map, key, &val);
	if (!err)
		entry_took(m, e, &val);
	return err;
}

static void half_settle(struct wd_model *m, struct mslot *owned[2],
			unsigned int cur)
{
	if (owned[cur])
		owned[cur]->refs++;
	slot_put(m, owned[!cur]);
	owned[!cur] = owned[cur];
}

static bool endpoint_is_unsettled(const struct mendpoint *e)
{
	const struct wd_endpoint_val *have = &e->have;

	return e->in_kernel && (have->flags[0] != have->flags[1] ||
				have->slot[0] != have->slot[1] ||
				have->trial[0] != have->trial[1]);
}

static int endpoint_settle(struct wd_model *m, struct mendpoint *e)
{
	unsigned int cur = m->gen & 1;
	struct wd_endpoint_val val = e->have;
	int err;

	if (!endpoint_is_unsettled(e))
		return 0;
	val.flags[!cur] = val.flags[cur];
	val.slot[!cur] = val.slot[cur];
	val.trial[!cur] = val.trial[cur];
	err = m->sink.set(m->sink.ctx, WD_MAP_wd_endpoint, &e->ep->ifindex,
			  &val);
	if (err)
		return err;
	e->have = val;
	half_settle(m, e->owned.slot, cur);
	half_settle(m, e->owned.trial, cur);
	return 0;
}

/* Both halves are ours: nothing of the agent before can be seen any more. */
static void release_held(struct wd_model *m)
{
	if (!m->held || m->first || m->ghosts.cnt)
		return;
	wd_alloc_release(&m->row_alloc);
	wd_alloc_release(&m->slot_alloc);
	wd_alloc_release(&m->span_alloc);
	wd_alloc_release(&m->class_alloc);
	m->held = false;
	m->room = true;
	rules_release(m);
}

int wd_model_settle(struct wd_model *m)
{
	int err = 0;

	while (m->unsettled_addrs.cnt) {
		struct maddr *a =
			m->unsettled_addrs.item[m->unsettled_addrs.cnt - 1];

		err = entry_settle(m, &a->e, addr_map(a), &a->addr.v6);
		if (err)
			return err;
		a->e.unsettled = false;
		m->unsettled_addrs.cnt--;
	}
	while (m->unsettled_prefixes.cnt) {
		struct mprefix *p =
			m->unsettled_prefixes
				.item[m->unsettled_prefixes.cnt - 1];
		struct wd_cidr6_key key = prefix_key(p);

		err = entry_settle(m, &p->e, prefix_map(p), &key);
		if (err)
			return err;
		p->e.unsettled = false;
		m->unsettled_prefixes.cnt--;
	}
	while (m->unsettled_kinds.cnt) {
		struct mkind *kind =
			m->unsettled_kinds.item[m->unsettled_kinds.cnt - 1];

		err = entry_settle(m, &kind->e, WD_MAP_wd_front, &kind->key);
		if (err)
			return err;
		kind->e.unsettled = false;
		m->unsettled_kinds.cnt--;
	}
	for (struct mendpoint *e = m->endpoints; e && !err; e = e->hh.next)
		err = endpoint_settle(m, e);
	if (err)
		return err;
	release_held(m);
	rules_end(m);
	return 0;
}

bool wd_model_unsettled(const struct wd_model *m)
{
	if (m->unsettled_addrs.cnt || m->unsettled_prefixes.cnt ||
	    m->unsettled_kinds.cnt)
		return true;
	for (const struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		if (endpoint_is_unsettled(e))
			return true;
	}
	return false;
}
