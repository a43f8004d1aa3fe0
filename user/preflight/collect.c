/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collect.c - walks the tables from what leads into them: endpoints to slots,
 * spans and classes; addresses and prefixes to rows.
 */
#include "collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "state.h"

struct collector {
	const struct wd_state_tables *t;
	struct wd_state *s;
	uint32_t half; /* of two-element arrays, in force */
	bool row[WD_ROWS_MAX]; /* taken */
	bool slot[WD_SLOTS_MAX];
	bool class[WD_CLASSES_MAX];
};

static int get(const struct collector *c, enum wd_map map, uint32_t nr,
	       void *ret_val)
{
	return c->t->get(c->t->ctx, map, &nr, ret_val);
}

static int add_row(struct collector *c, uint32_t nr)
{
	struct wd_state_row *row;

	if (nr >= WD_ROWS_MAX)
		return -EBADMSG;
	if (!nr || c->row[nr])
		return 0;
	c->row[nr] = true;
	row = WD_STATE_ADD(c->s, row);
	if (!row)
		return -ENOMEM;
	row->nr = nr;
	return get(c, WD_MAP_wd_row, nr, &row->val);
}

static int add_class(struct collector *c, uint32_t nr)
{
	struct wd_state_class *class;
	int err;

	if (nr >= WD_CLASSES_MAX)
		return -EBADMSG;
	if (!nr || c->class[nr])
		return 0;
	c->class[nr] = true;
	class = WD_STATE_ADD(c->s, class);
	if (!class)
		return -ENOMEM;
	class->nr = nr;
	err = get(c, WD_MAP_wd_class, nr, &class->val);
	if (!err && class->val.cnt > WD_CLASS_RULES)
		err = -EBADMSG;
	return err;
}

static int add_spans(struct collector *c, struct wd_slot_val *val, int l4)
{
	uint32_t first = val->first[l4];
	int err = 0;

	if (val->cnt[l4] > WD_SPANS_PER_SLOT || first >= WD_SPANS_MAX)
		return -EBADMSG;
	val->first[l4] = (uint32_t)c->s->span_cnt;
	for (uint32_t i = 0; i < val->cnt[l4] && !err; i++) {
		struct wd_span_val *span = WD_STATE_ADD(c->s, span);

		if (!span)
			return -ENOMEM;
		err = get(c, WD_MAP_wd_span, first + i, span);
		if (!err)
			err = add_class(c, span->class);
	}
	return err;
}

static int add_slot_way(struct collector *c, uint32_t nr, enum wd_dir dir)
{
	struct wd_slot_val val;
	struct wd_state_slot *slot;
	int err = get(c, WD_MAP_wd_slot, nr * WD_DIR__MAX + dir, &val);

	for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
		err = add_spans(c, &val, l4);
	if (err)
		return err;
	slot = WD_STATE_ADD(c->s, slot);
	if (!slot)
		return -ENOMEM;
	*slot = (struct wd_state_slot){ .nr = nr, .dir = dir, .val = val };
	return 0;
}

static int add_slot(struct collector *c, uint32_t nr)
{
	int err;

	if (nr >= WD_SLOTS_MAX)
		return -EBADMSG;
	if (!nr || c->slot[nr])
		return 0;
	c->slot[nr] = true;
	err = add_slot_way(c, nr, WD_INGRESS);
	return err ? err : add_slot_way(c, nr, WD_EGRESS);
}

/* ---- what leads there ---- */

/* The node itself, which has no device; what it only tries is not in force. */
static int add_host(struct collector *c, const void *key)
{
	struct wd_endpoint_val val;
	int err = c->t->get(c->t->ctx, WD_MAP_wd_endpoint, key, &val);

	if (err)
		return err;
	c->s->host_slot = val.slot[c->half];
	return add_slot(c, c->s->host_slot);
}

static int add_ep(struct collector *c, const void *key)
{
	struct wd_state_ep *ep;
	uint32_t ifindex;
	int err;

	memcpy(&ifindex, key, sizeof(ifindex));
	if (ifindex == WD_HOST_KEY)
		return add_host(c, key);
	if (ifindex == WD_HOST_TRIED_KEY)
		return 0;
	ep = WD_STATE_ADD(c->s, ep);
	if (!ep)
		return -ENOMEM;
	ep->ifindex = ifindex;
	wd_format(&ep->name, "ifindex %u", ep->ifindex);
	if (!ep->name)
		return -ENOMEM;
	err = c->t->get(c->t->ctx, WD_MAP_wd_endpoint, key, &ep->val);
	ep->val.slot[!c->half] = ep->val.slot[c->half];
	ep->val.trial[!c->half] = ep->val.trial[c->half];
	ep->val.flags[!c->half] = ep->val.flags[c->half];
	if (!err)
		err = add_slot(c, ep->val.slot[0]);
	return err ? err : add_slot(c, ep->val.trial[0]);
}

static int fill_addr(struct collector *c, enum wd_map map, const void *key,
		     struct wd_state_addr *addr)
{
	int err = c->t->get(c->t->ctx, map, key, &addr->val);

	addr->val.row[!c->half] = addr->val.row[c->half];
	return err ? err : add_row(c, addr->val.row[0]);
}

static int add_addr4(struct collector *c, const void *key)
{
	struct wd_state_addr *addr = WD_STATE_ADD(c->s, addr);

	if (!addr)
		return -ENOMEM;
	addr->cidr = (struct wd_cidr){ .addr.family = 4, .len = 32 };
	memcpy(&addr->cidr.addr.v4, key, 4);
	return fill_addr(c, WD_MAP_wd_addr4, key, addr);
}

static int add_addr6(struct collector *c, const void *key)
{
	struct wd_state_addr *addr = WD_STATE_ADD(c->s, addr);

	if (!addr)
		return -ENOMEM;
	addr->cidr = (struct wd_cidr){ .addr.family = 6, .len = 128 };
	memcpy(&addr->cidr.addr.v6, key, 16);
	return fill_addr(c, WD_MAP_wd_addr6, key, addr);
}

static int add_cidr(struct collector *c, enum wd_map map, const void *key,
		    uint8_t family)
{
	struct wd_state_addr *cidr = WD_STATE_ADD(c->s, cidr);
	uint32_t len;

	if (!cidr)
		return -ENOMEM;
	memcpy(&len, key, sizeof(len));
	if (len > (family == 4 ? 32 : 128))
		return -EBADMSG;
	cidr->cidr =
		(struct wd_cidr){ .addr.family = family, .len = (uint8_t)len };
	memcpy(&cidr->cidr.addr.v6, (const char *)key + sizeof(len),
	       family == 4 ? 4 : 16);
	return fill_addr(c, map, key, cidr);
}

static int add_cidr4(struct collector *c, const void *key)
{
	return add_cidr(c, WD_MAP_wd_cidr4, key, 4);
}

static int add_cidr6(struct collector *c, const void *key)
{
	return add_cidr(c, WD_MAP_wd_cidr6, key, 6);
}

static int add_front(struct collector *c, const void *key)
{
	struct wd_state_front *front = WD_STATE_ADD(c->s, front);
	struct wd_front_key k;
	int err;

	if (!front)
		return -ENOMEM;
	memcpy(&k, key, sizeof(k));
	if ((k.family != 4 && k.family != 6) || k.nr >= WD_FRONT_KINDS)
		return -EBADMSG;
	front->addr.family = k.family;
	memcpy(&front->addr.v6, &k.addr[k.family == 4 ? 3 : 0],
	       k.family == 4 ? 4 : 16);
	front->port = wd_host16(k.port);
	front->proto = k.proto;
	front->nr = (uint8_t)k.nr;
	err = c->t->get(c->t->ctx, WD_MAP_wd_front, key, &front->val);
	front->val.row[!c->half] = front->val.row[c->half];
	front->val.port[!c->half] = front->val.port[c->half];
	return err ? err : add_row(c, front->val.row[0]);
}

#define KEY_MOST 32 /* bytes */

static int walk(struct collector *c, enum wd_map map,
		int (*fn)(struct collector *c, const void *key))
{
	uint8_t key[KEY_MOST] __attribute__((aligned(8)));
	uint8_t next[KEY_MOST] __attribute__((aligned(8)));
	int err = c->t->next(c->t->ctx, map, NULL, next);

	while (!err) {
		memcpy(key, next, sizeof(key));
		err = fn(c, key);
		/* an error of the entry is not the end of the map */
		if (err)
			return err == -ENOENT ? -EBADMSG : err;
		err = c->t->next(c->t->ctx, map, key, next);
	}
	return err == -ENOENT ? 0 : err;
}

/* What kind they are of makes no difference to pods. */
static void take_tunnels(struct collector *c, const struct wd_state_val *state)
{
	struct wd_tunnel_port *to = c->s->encap.own;

	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (state->tunnel[i].kind == WD_TUNNEL_ANY)
			c->s->encap.own[i].kind = WD_TUNNEL_ANY;
		else if (state->tunnel[i].kind > WD_TUNNEL_WIREGUARD)
			*to++ = (struct wd_tunnel_port){
				.port = state->tunnel[i].port,
				.kind = WD_TUNNEL_OTHER,
			};
}

static int collect(struct collector *c, char **ret_error)
{
	static const struct {
		enum wd_map map;
		const char *name;
		int (*fn)(struct collector *c, const void *key);
	} steps[] = {
		{ WD_MAP_wd_endpoint, "endpoints", add_ep },
		{ WD_MAP_wd_addr4, "IPv4 addresses", add_addr4 },
		{ WD_MAP_wd_addr6, "IPv6 addresses", add_addr6 },
		{ WD_MAP_wd_cidr4, "IPv4 prefixes", add_cidr4 },
		{ WD_MAP_wd_cidr6, "IPv6 prefixes", add_cidr6 },
		{ WD_MAP_wd_front, "services", add_front },
	};
	struct wd_state_val state;
	int err = get(c, WD_MAP_wd_state, 0, &state);

	if (err) {
		wd_format(ret_error, "the table of the generation: %s",
			  wd_errno(err));
		return err;
	}
	c->half = state.gen & 1;
	c->s->gen = state.gen;
	c->s->flags = state.flags & (WD_STATE_HOST_POLICY | WD_STATE_LATE);
	c->s->encrypt = state.flags & WD_STATE_ENCRYPT;
	c->s->schema = state.schema;
	take_tunnels(c, &state);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		err = walk(c, steps[i].map, steps[i].fn);
		if (err) {
			wd_format(ret_error, "the table of %s: %s",
				  steps[i].name, wd_errno(err));
			return err;
		}
	}
	wd_state_sort(c->s);
	return 0;
}

int wd_state_collect(const struct wd_state_tables *tables,
		     struct wd_state **ret_state, char **ret_error)
{
	struct collector *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c)
		c->s = wd_state_new();
	if (!c || !c->s) {
		wd_format(ret_error, "out of memory");
		free(c);
		return err;
	}
	c->t = tables;
	err = collect(c, ret_error);
	if (err)
		wd_state_free(c->s);
	else
		*ret_state = c->s;
	free(c);
	return err;
}
