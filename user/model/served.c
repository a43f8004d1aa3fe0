/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * served.c - services as they are in force, for people to look at.
 */
#include "served.h"

#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "model_int.h"

void wd_served_each(const struct wd_model *m,
		    void (*fn)(void *ctx,
			       const struct wd_served_service *service),
		    void *ctx)
{
	for (const struct mservice *s = m->services; s; s = s->hh.next) {
		const struct wd_served_service service = {
			.ns = s->key.ns,
			.name = s->key.name,
			.obj = s->obj,
			.slices = (uint32_t)s->slices.cnt,
			.slices_over = s->over,
		};

		fn(ctx, &service);
	}
}

static bool is_over(const struct mfront *f)
{
	for (size_t i = 0; i < f->services.cnt; i++) {
		if (!service_is_sure(f->services.item[i]))
			return true;
	}
	return false;
}

static enum wd_served state_of(const struct wd_model *m, const struct mfront *f)
{
	const struct mkind *kind = f->kinds.cnt ? f->kinds.item[0] : NULL;

	if (f->squeezed)
		return WD_SERVED_FULL;
	if (is_over(f) || service_shares(m, f))
		return WD_SERVED_OVER;
	if (!kind)
		return WD_SERVED_NOBODY;
	if (kind->e.have.flags & WD_FRONT_MANY)
		return WD_SERVED_MANY;
	if (kind->e.have.flags & WD_FRONT_NONE)
		return WD_SERVED_NOBODY;
	return f->kinds.cnt > 1 ? WD_SERVED_MIXED : WD_SERVED_ALIKE;
}

static void set_addr(const struct wd_front_key *key,
		     struct wd_served_front *front)
{
	static const __be32 any[4];

	front->addr.family = key->family;
	memcpy(&front->addr.v6, &key->addr[key->family == 4 ? 3 : 0],
	       key->family == 4 ? 4 : 16);
	front->any_node = !memcmp(key->addr, any, sizeof(any));
}

void wd_served_fronts(
	const struct wd_model *m, const struct wd_served_service *service,
	void (*fn)(void *ctx, const struct wd_served_front *front), void *ctx)
{
	const struct mservice *s;
	struct mpod_key key;

	memset(&key, 0, sizeof(key));
	key.ns = service->ns;
	key.name = service->name;
	HASH_FIND(hh, m->services, &key, sizeof(key), s);
	for (size_t i = 0; s && i < s->fronts.cnt; i++) {
		const struct mfront *f = s->fronts.item[i];
		struct wd_end *end = NULL;
		struct wd_served_front front = {
			.port = wd_host16(f->key.port),
			.proto = f->key.proto,
			.state = state_of(m, f),
		};

		front.end_cnt = service_ends(m, f, &end);
		front.end = end;
		if (front.state == WD_SERVED_ALIKE ||
		    front.state == WD_SERVED_MIXED)
			front.kinds = (uint32_t)f->kinds.cnt;
		set_addr(&f->key, &front);
		fn(ctx, &front);
		free(end);
	}
}
