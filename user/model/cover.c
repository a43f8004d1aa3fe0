/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover.c - what holds for fronts for which wd_front has no room.
 *
 * A front for whose kinds there is no room says that they are too many. If there
 * is none for that either, an entry that stands for all addresses around its own
 * closes what has no other: of a block (IPv4 /24, IPv6 /112); if that has no
 * room, of a region (/8, /32), at last of everything. It never opens, whoever
 * fills the table.
 *
 * Addresses of services beyond the quota are in no quota, so each namespace may
 * have so many entries for them and no more: what it tells of beyond that closes
 * what is around those addresses, and nothing of the others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "cover_int.h"

#define SPARED 64 /* entries that only the API server's own service has */

/* Entries with port 0, of one namespace and of all. */
static const struct {
	uint32_t own, most;
} bound[WIDTH__MAX] = {
	[WIDTH_ADDRESS] = { WD_FRONTS_MAX / 8, WD_FRONTS_MAX / 2 },
	[WIDTH_BLOCK] = { WD_FRONTS_COVER / 4, WD_FRONTS_COVER / 4 * 3 },
	[WIDTH_REGION] = { WD_FRONTS_COVER / 16, WD_FRONTS_COVER / 4 },
};

/* ---- how wide ---- */

static bool is_everywhere(const struct wd_front_key *key)
{
	return !(key->addr[0] | key->addr[1] | key->addr[2] | key->addr[3]);
}

enum mwidth front_width(const struct wd_front_key *key)
{
	if (key->port)
		return WIDTH_PORT;
	if (key->proto == WD_FRONT_BLOCK)
		return WIDTH_BLOCK;
	if (key->proto == WD_FRONT_REGION)
		return WIDTH_REGION;
	return is_everywhere(key) ? WIDTH_ALL : WIDTH_ADDRESS;
}

static void mask(struct wd_front_key *key, uint8_t proto)
{
	bool is_4 = key->family == 4;

	key->proto = proto;
	key->port = 0;
	if (proto == WD_FRONT_BLOCK) {
		key->addr[3] &= wd_be32(is_4 ? 0xffffff00 : 0xffff0000);
		return;
	}
	key->addr[3] &= wd_be32(is_4 ? 0xff000000 : 0);
	key->addr[1] = key->addr[2] = 0;
}

bool front_widen(struct wd_front_key *key)
{
	switch (front_width(key)) {
	case WIDTH_PORT:
		if (is_everywhere(key)) {
			key->port = 0;
			key->proto = 0;
			return true; /* of all nodes */
		}
		mask(key, WD_FRONT_BLOCK);
		return true;
	case WIDTH_ADDRESS:
		mask(key, WD_FRONT_BLOCK);
		return true;
	case WIDTH_BLOCK:
		mask(key, WD_FRONT_REGION);
		return true;
	case WIDTH_REGION:
		memset(key->addr, 0, sizeof(key->addr));
		key->proto = 0;
		return true;
	case WIDTH_ALL:
	case WIDTH__MAX:
		break;
	}
	return false;
}

/* ---- who has room ---- */

bool front_is_wanted(const struct mfront *f)
{
	return f->services.cnt || f->crowd;
}

/* Of what nobody else may take all: the API server's own, for which the node asks. */
static bool is_spared(const struct mfront *f)
{
	for (size_t i = 0; i < f->services.cnt; i++) {
		const struct mservice *s = f->services.item[i];

		if (quota_spares(s->key.ns, s->key.name))
			return true;
	}
	return false;
}

/* Whose room it takes: who told of it first, or last, of what covers others. */
static void set_space(struct wd_model *m, struct mfront *f)
{
	const struct mservice *s;

	if (f->pays || !f->services.cnt)
		return;
	s = f->services.item[0];
	f->space = space_get(m, s->key.ns);
}

uint32_t front_own(const struct wd_model *m, enum mwidth width)
{
	return m->closed_most ? m->closed_most : bound[width].own;
}

static bool is_within(const struct wd_model *m, const struct mfront *f,
		      uint32_t more)
{
	enum mwidth width = front_width(&f->key);

	if (m->closed_kinds[width] + more > bound[width].most)
		return false;
	return !f->space ||
	       f->space->closed[width] + more <= front_own(m, width);
}

/* What covers others has its own part of the table, and everything two entries. */
bool front_has_room(struct wd_model *m, struct mfront *f, uint32_t cnt)
{
	enum mwidth width = front_width(&f->key);
	uint32_t most = WD_FRONTS_MAX - 2 - WD_FRONTS_COVER;
	uint32_t covers = m->closed_kinds[WIDTH_BLOCK] +
			  m->closed_kinds[WIDTH_REGION] +
			  m->closed_kinds[WIDTH_ALL];
	uint32_t more;

	if (width == WIDTH_ADDRESS)
		set_space(m, f);
	if (cnt <= f->kinds.cnt || width == WIDTH_ALL)
		return true;
	more = cnt - f->kinds.cnt;
	if (width != WIDTH_PORT && !is_within(m, f, more))
		return false;
	/*
	 * Their part is nobody else's, but in a table that an agent before left
	 * fuller than that: what is everything's has its entries in any case.
	 */
	if (width == WIDTH_BLOCK || width == WIDTH_REGION)
		return m->kind_cnt + more <= WD_FRONTS_MAX - 2;
	if (!is_spared(f))
		most = cnt > 1 ? WD_FRONTS_MAX / 4 * 3 : most - SPARED;
	return m->kind_cnt - covers + more <= most;
}

void front_pay(struct mfront *f)
{
	if (f->pays || !f->space)
		return;
	f->pays = true;
	f->space->closed[front_width(&f->key)]++;
}

void front_unpay(struct mfront *f)
{
	if (f->pays)
		f->space->closed[front_width(&f->key)]--;
	f->pays = false;
}

/* ---- whose address it is ---- */

static struct wd_addr addr_of(const struct wd_front_key *key)
{
	struct wd_addr addr = { .family = key->family };

	if (key->family == 4)
		memcpy(&addr.v4, &key->addr[3], sizeof(addr.v4));
	else
		memcpy(&addr.v6, key->addr, sizeof(addr.v6));
	return addr;
}

static struct mcrowd *crowd_find(const struct wd_model *m,
				 const struct wd_addr *addr)
{
	struct mcrowd *crowd;

	HASH_FIND(hh, m->crowds, addr, sizeof(*addr), crowd);
	return crowd;
}

bool front_is_missing(const struct wd_model *m, const struct wd_addr *addr)
{
	return m->crowds && crowd_find(m, addr);
}

/* What covers others is not looked up for pods, but for those of such addresses. */
static void tell_pod(struct wd_model *m, const struct wd_addr *addr, bool is)
{
	struct maddr *a;

	HASH_FIND(hh, m->addrs, addr, sizeof(*addr), a);
	if (!a || !(a->e.want.flags & WD_ADDR_POD))
		return;
	a->e.want.flags &= ~WD_ADDR_SERVED;
	if (is)
		a->e.want.flags |= WD_ADDR_SERVED;
	addr_dirty(m, a);
}

static void crowd_count(struct wd_model *m, const struct mfront *f, bool add)
{
	const struct wd_addr addr = addr_of(&f->key);
	struct mcrowd *crowd = crowd_find(m, &addr);

	if (add && !crowd) {
		crowd = wd_xcalloc(1, sizeof(*crowd));
		crowd->addr = addr;
		HASH_ADD(hh, m->crowds, addr, sizeof(crowd->addr), crowd);
		tell_pod(m, &addr, true);
	}
	crowd->fronts += add ? 1 : -1U;
	if (crowd->fronts)
		return;
	HASH_DELETE(hh, m->crowds, crowd);
	free(crowd);
	tell_pod(m, &addr, false);
}

void crowds_fini(struct wd_model *m)
{
	struct mcrowd *crowd;
	struct mcrowd *tmp;

	HASH_ITER(hh, m->crowds, crowd, tmp) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was freed is no entry any more */
		HASH_DELETE(hh, m->crowds, crowd);
		free(crowd);
	}
}

/* ---- what covers it ---- */

static void cover_count(struct wd_model *m, struct mfront *f, bool add)
{
	struct wd_front_key key = f->key;
	struct mfront *cover;

	(void)front_widen(&key); /* everything has room */
	cover = front_get(m, &key);
	cover->crowd += add ? 1 : -1U;
	if (!cover->pays && front_width(&key) != WIDTH_ALL)
		cover->space = f->space;
	front_dirty(m, cover);
	(void)front_compile(m, cover); /* rests on nothing that could fail */
}

/* Is it there for others, and nobody's own? */
static bool is_cover(const struct mfront *f)
{
	enum mwidth width = front_width(&f->key);

	return width == WIDTH_BLOCK || width == WIDTH_REGION;
}

void front_squeeze(struct wd_model *m, struct mfront *f)
{
	m->squeezed_cnt += !f->squeezed && !is_cover(f);
	f->squeezed = true;
}

void front_cover(struct wd_model *m, struct mfront *f)
{
	front_squeeze(m, f);
	f->crowded = true;
	set_space(m, f);
	if (f->space && front_width(&f->key) == WIDTH_ADDRESS) {
		f->space->covered++;
		f->counted = true;
	}
	if (!is_cover(f))
		crowd_count(m, f, true);
	cover_count(m, f, true);
}

void front_uncover(struct wd_model *m, struct mfront *f)
{
	if (f->counted)
		f->space->covered--;
	if (f->crowded && !is_cover(f))
		crowd_count(m, f, false);
	if (f->crowded)
		cover_count(m, f, false);
	m->squeezed_cnt -= f->squeezed && !is_cover(f);
	f->squeezed = f->crowded = f->counted = false;
}

void fronts_room(struct wd_model *m)
{
	if (!m->front_room || !m->squeezed_cnt)
		return;
	for (struct mfront *f = m->fronts; f; f = f->hh.next) {
		if (f->squeezed && (f->key.port || m->closed_room))
			front_dirty(m, f);
	}
}
