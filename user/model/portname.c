/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portname.c - what pods call their ports.
 */
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

/* For whom those of other clusters are counted together; never looked into. */
static const struct mspace elsewhere;

const struct mports *ports_get(struct wd_model *m, const struct wd_pod *pod)
{
	size_t size = pod->port_cnt * sizeof(struct wd_port_name);
	struct wd_port_name *key;
	struct mports *p;

	if (pod->port_cnt == 0)
		return NULL;
	key = wd_xcalloc(1, size); /* padding must compare equal */
	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		key[i].name = pod->port[i].name;
		key[i].port = pod->port[i].port;
		key[i].proto = pod->port[i].proto;
	}
	HASH_FIND(hh, m->ports, key, size, p);
	if (!p) {
		p = wd_xcalloc(1, sizeof(*p) + size);
		p->cnt = pod->port_cnt;
		memcpy(p->port, key, size);
		for (uint32_t i = 0; i < p->cnt; i++)
			(void)wd_str_ref(p->port[i].name);
		HASH_ADD_KEYPTR(hh, m->ports, p->port, size, p);
	}
	p->refs++;
	free(key);
	return p;
}

void ports_put(struct wd_model *m, const struct mports *const_ports)
{
	struct mports *p;

	if (!const_ports)
		return;
	HASH_FIND(hh, m->ports, const_ports->port,
		  const_ports->cnt * sizeof(struct wd_port_name), p);
	if (--p->refs > 0)
		return;
	HASH_DELETE(hh, m->ports, p);
	for (uint32_t i = 0; i < p->cnt; i++)
		wd_str_put(p->port[i].name);
	free(p);
}

static struct mportname *find(const struct wd_model *m,
			      const struct mspace *space,
			      const struct wd_port_name *p)
{
	struct mportname like = { .key = { p->name, space, p->proto } };
	struct mportname *n;

	HASH_FIND(hh, m->portnames, &like.key, sizeof(like.key), n);
	return n;
}

/* Where the number stands; n->cnt: it has it not. */
static size_t index_of(const struct mportname *n, uint16_t port)
{
	size_t k;

	for (k = 0; k < n->cnt && n->num[k].port != port; k++)
		;
	return k;
}

static void forget(struct wd_model *m, struct mportname *n)
{
	HASH_DELETE(hh, m->portnames, n);
	wd_str_put(n->key.name);
	free(n->num);
	free(n);
}

/* Numbers of one name that are many for all together; 0: nobody counts. */
static uint64_t many(const struct wd_model *m)
{
	return m->quota[WD_QUOTA_NUMBERS] * PORTNAMES_MANY;
}

static void count(struct wd_model *m, const struct mspace *space,
		  const struct wd_port_name *p, bool add)
{
	struct mportname *n = find(m, space, p);
	size_t k;

	if (!n) {
		n = wd_xcalloc(1, sizeof(*n));
		n->key.name = wd_str_ref(p->name);
		n->key.space = space;
		n->key.proto = p->proto;
		HASH_ADD(hh, m->portnames, key, sizeof(n->key), n);
	}
	k = index_of(n, p->port);
	if (k == n->cnt) {
		n->num = wd_grow(n->num, n->cnt, &n->cap, sizeof(*n->num));
		n->num[k].port = p->port;
		n->num[k].refs = 0;
		n->cnt++;
	}
	n->num[k].refs += add ? 1 : -1U;
	if (n->num[k].refs == (add ? 1U : 0U))
		m->portnames_changed = true;
	if (n->num[k].refs == 0) {
		n->num[k] = n->num[--n->cnt];
		m->portnames_room |= !space && n->cnt + 1 == many(m);
	}
	if (n->cnt == 0)
		forget(m, n); /* pods could come with names for ever */
}

void portnames_count(struct wd_model *m, const struct mspace *space,
		     const struct mports *ports, bool add)
{
	bool is_other = wd_cluster_is_other(space->name);

	for (uint32_t i = 0; ports && i < ports->cnt; i++) {
		/* what another cluster's pods say widens no rule about this one's */
		count(m, is_other ? &elsewhere : NULL, &ports->port[i], add);
		count(m, space, &ports->port[i], add);
	}
}

/* Does a number of @n go with the last pod of @leaving? */
static bool loses_one(const struct mportname *n, const struct mgroup *leaving)
{
	const struct mports *ports = leaving ? leaving->key.ports : NULL;

	for (uint32_t i = 0; ports && i < ports->cnt; i++) {
		const struct wd_port_name *p = &ports->port[i];

		if (p->name == n->key.name && p->proto == n->key.proto)
			return leaving->pods.cnt == 1 &&
			       n->num[index_of(n, p->port)].refs == 1;
	}
	return false;
}

/* How many numbers @space may have of the name of @p, of which that is a new one. */
static uint64_t limit_of(const struct wd_model *m, const struct mspace *space,
			 const struct wd_port_name *p,
			 const struct mgroup *leaving)
{
	uint64_t limit = m->quota[WD_QUOTA_NUMBERS];
	const struct mportname *all = find(m, NULL, p);

	if (space == &elsewhere)
		return many(m);
	if (!all || index_of(all, p->port) < all->cnt ||
	    all->cnt - loses_one(all, leaving) < many(m))
		return limit;
	return limit < PORTNAMES_FEW ? 1 : limit / PORTNAMES_FEW;
}

bool portnames_have_room(const struct wd_model *m, const struct mgroup_key *key,
			 const struct mgroup *leaving)
{
	const struct mspace *space =
		wd_cluster_is_other(key->space->name) ? &elsewhere : key->space;
	uint32_t cnt =
		m->quota[WD_QUOTA_NUMBERS] && key->ports ? key->ports->cnt : 0;

	for (uint32_t i = 0; i < cnt; i++) {
		const struct wd_port_name *p = &key->ports->port[i];
		const struct mportname *n = find(m, space, p);

		if (n && index_of(n, p->port) == n->cnt &&
		    n->cnt - loses_one(n, leaving) >=
			    limit_of(m, space, p, leaving))
			return false;
	}
	return true;
}

size_t portnames_most(const struct wd_model *m, const struct mspace *space)
{
	size_t most = 0;

	for (const struct mportname *n = m->portnames; n; n = n->hh.next)
		if (n->key.space == space && n->cnt > most)
			most = n->cnt;
	return most;
}
