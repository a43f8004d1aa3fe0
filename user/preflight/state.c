/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.c - the state of a node: lists, and JSON made of them. Reads nothing.
 */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/names.h"

struct wd_state *wd_state_new(void)
{
	return calloc(1, sizeof(struct wd_state));
}

void wd_state_free(struct wd_state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->ep_cnt; i++)
		free(state->ep[i].name);
	for (size_t i = 0; i < state->rule_cnt; i++)
		free(state->rule[i].name);
	free(state->node);
	free(state->kernel);
	free(state->version);
	free(state->rung);
	free(state->ep);
	free(state->addr);
	free(state->cidr);
	free(state->front);
	free(state->row);
	free(state->slot);
	free(state->span);
	free(state->class);
	free(state->rule);
	free(state);
}

void *wd_state_grow(void **list, size_t *cnt, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 16;
	void *grown;

	if (*cnt == *cap) {
		grown = realloc(*list, more * size);
		if (!grown)
			return NULL;
		*list = grown;
		*cap = more;
	}
	grown = (char *)*list + (*cnt)++ * size;
	memset(grown, 0, size);
	return grown;
}

/* ---- order ---- */

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct wd_state_ep *x = a, *y = b;

	return by_number(x->ifindex, y->ifindex);
}

static int by_addr(const void *a, const void *b)
{
	const struct wd_cidr *x = &((const struct wd_state_addr *)a)->cidr;
	const struct wd_cidr *y = &((const struct wd_state_addr *)b)->cidr;
	int diff = by_number(x->addr.family, y->addr.family);

	if (!diff)
		diff = memcmp(&x->addr.v6, &y->addr.v6,
			      x->addr.family == 4 ? 4 : 16);
	return diff ? diff : by_number(x->len, y->len);
}

static int by_front(const void *a, const void *b)
{
	const struct wd_state_front *x = a, *y = b;
	int diff = by_number(x->addr.family, y->addr.family);

	if (!diff)
		diff = memcmp(&x->addr.v6, &y->addr.v6,
			      x->addr.family == 4 ? 4 : 16);
	if (!diff)
		diff = by_number(x->proto, y->proto);
	if (!diff)
		diff = by_number(x->port, y->port);
	return diff ? diff : by_number(x->nr, y->nr);
}

static int by_row(const void *a, const void *b)
{
	const struct wd_state_row *x = a, *y = b;

	return by_number(x->nr, y->nr);
}

static int by_slot(const void *a, const void *b)
{
	const struct wd_state_slot *x = a, *y = b;

	return by_number((uint64_t)x->nr * WD_DIR__MAX + x->dir,
			 (uint64_t)y->nr * WD_DIR__MAX + y->dir);
}

static int by_class(const void *a, const void *b)
{
	const struct wd_state_class *x = a, *y = b;

	return by_number(x->nr, y->nr);
}

static int by_rule(const void *a, const void *b)
{
	const struct wd_state_rule *x = a, *y = b;

	return by_number(x->id, y->id);
}

#define SORT(state, name, order) \
	do { \
		if ((state)->name##_cnt) \
			qsort((state)->name, (state)->name##_cnt, \
			      sizeof(*(state)->name), order); \
	} while (0)

void wd_state_sort(struct wd_state *state)
{
	SORT(state, ep, by_ifindex);
	SORT(state, addr, by_addr);
	SORT(state, cidr, by_addr);
	SORT(state, front, by_front);
	SORT(state, row, by_row);
	SORT(state, slot, by_slot);
	SORT(state, class, by_class);
	SORT(state, rule, by_rule);
	state->flags &= ~(uint32_t)(WD_STATE_CIDR4 | WD_STATE_CIDR6 |
				    WD_STATE_FRONTS | WD_STATE_CLOSED);
	if (state->front_cnt)
		state->flags |= WD_STATE_FRONTS;
	for (size_t i = 0; i < state->front_cnt; i++)
		if (!state->front[i].port)
			state->flags |= WD_STATE_CLOSED;
	for (size_t i = 0; i < state->cidr_cnt; i++)
		state->flags |= state->cidr[i].cidr.addr.family == 4 ?
					WD_STATE_CIDR4 :
					WD_STATE_CIDR6;
}

/* ---- looking ---- */

const struct wd_state_slot *wd_state_slot(const struct wd_state *state,
					  uint32_t nr, enum wd_dir dir)
{
	for (size_t i = 0; i < state->slot_cnt; i++)
		if (state->slot[i].nr == nr && state->slot[i].dir == dir)
			return &state->slot[i];
	return NULL;
}

const struct wd_state_class *wd_state_class(const struct wd_state *state,
					    uint32_t nr)
{
	for (size_t i = 0; i < state->class_cnt; i++)
		if (state->class[i].nr == nr)
			return &state->class[i];
	return NULL;
}

const struct wd_state_row *wd_state_row(const struct wd_state *state,
					uint32_t nr)
{
	for (size_t i = 0; i < state->row_cnt; i++)
		if (state->row[i].nr == nr)
			return &state->row[i];
	return NULL;
}

const struct wd_state_addr *wd_state_addr(const struct wd_state *state,
					  const struct wd_addr *addr)
{
	struct wd_state_addr key = {
		.cidr = { .addr = *addr, .len = addr->family == 4 ? 32 : 128 },
	};

	return state->addr_cnt ? bsearch(&key, state->addr, state->addr_cnt,
					 sizeof(key), by_addr) :
				 NULL;
}

const struct wd_state_front *wd_state_front(const struct wd_state *state,
					    const struct wd_addr *addr,
					    uint8_t proto, uint16_t port,
					    uint8_t nr)
{
	const struct wd_state_front key = {
		.addr = *addr, .port = port, .proto = proto, .nr = nr
	};

	return state->front_cnt ? bsearch(&key, state->front, state->front_cnt,
					  sizeof(key), by_front) :
				  NULL;
}

const char *wd_state_rule(const struct wd_state *state, uint32_t id)
{
	for (size_t i = 0; i < state->rule_cnt; i++)
		if (state->rule[i].id == id)
			return state->rule[i].name;
	return NULL;
}

struct wd_addr wd_state_own(const struct wd_state_ep *ep, uint8_t family, int i)
{
	static const uint8_t none[16];
	struct wd_addr addr = { .family = family };

	if (family == 4)
		addr.v4 = wd_in_addr(ep->val.ip4[i]);
	else
		memcpy(&addr.v6, ep->val.ip6[i], sizeof(addr.v6));
	if (!memcmp(&addr.v6, none, family == 4 ? 4 : 16))
		addr.family = 0;
	return addr;
}

/* ---- to JSON ---- */

static void put_mac(struct json_object *obj, const char *key,
		    const uint8_t mac[6])
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x",
		       mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	wd_json_str(obj, key, text);
}

static void put_own(const struct wd_state_ep *ep, struct json_object *array)
{
	char buf[WD_ADDR_STRLEN];

	for (int i = 0; i < 2 * WD_EP_ADDRS; i++) {
		struct wd_addr addr = wd_state_own(ep, i < WD_EP_ADDRS ? 4 : 6,
						   i % WD_EP_ADDRS);

		if (addr.family)
			wd_json_push_str(array, wd_addr_str(&addr, buf));
	}
}

static void put_ep(const struct wd_state_ep *ep, struct json_object *obj)
{
	const struct wd_endpoint_val *val = &ep->val;
	struct wd_addr ll = { .family = 6 };
	char buf[WD_ADDR_STRLEN];

	memcpy(&ll.v6, val->ll6, sizeof(ll.v6));
	wd_json_int(obj, "ifindex", ep->ifindex);
	wd_json_str(obj, "name", ep->name);
	wd_json_int(obj, "id", val->id);
	wd_json_int(obj, "stat", val->stat);
	wd_json_int(obj, "identity", val->identity);
	wd_json_int(obj, "slot", val->slot[0]);
	wd_json_int(obj, "trial", val->trial[0]);
	wd_json_int(obj, "master", val->master);
	wd_json_str(obj, "mode",
		    val->flags[0] & WD_EP_OFF	? "off" :
		    val->flags[0] & WD_EP_AUDIT ? "audit" :
						  "enforce");
	wd_json_bool(obj, "encap", val->flags[0] & WD_EP_ENCAP);
	put_own(ep, wd_json_array(obj, "addresses"));
	wd_json_str(obj, "link_local", wd_addr_str(&ll, buf));
	put_mac(obj, "mac", val->mac);
	put_mac(obj, "host_mac", val->host_mac);
}

static void put_addr(const struct wd_state_addr *addr, struct json_object *obj)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = { { WD_ADDR_POD, "pod" },
		      { WD_ADDR_NODE, "node" },
		      { WD_ADDR_HOST, "host" },
		      { WD_ADDR_LOCAL, "local" },
		      { WD_ADDR_SERVED, "served" } };
	struct json_object *array;
	char buf[WD_ADDR_STRLEN];

	wd_json_str(obj, "address", wd_addr_str(&addr->cidr.addr, buf));
	wd_json_int(obj, "identity", addr->val.identity);
	wd_json_int(obj, "row", addr->val.row[0]);
	wd_json_int(obj, "ifindex", addr->val.ifindex);
	wd_json_int(obj, "node", addr->val.node);
	array = wd_json_array(obj, "is");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (addr->val.flags & flags[i].flag)
			wd_json_push_str(array, flags[i].name);
}

static void put_cidr(const struct wd_state_addr *addr, struct json_object *obj)
{
	char buf[WD_ADDR_STRLEN];

	wd_json_str(obj, "prefix", wd_cidr_str(&addr->cidr, buf));
	wd_json_int(obj, "identity", addr->val.identity);
	wd_json_int(obj, "row", addr->val.row[0]);
}

static void put_front(const struct wd_state_front *front,
		      struct json_object *obj)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = { { WD_FRONT_NODE, "node" },
		      { WD_FRONT_NONE, "none" },
		      { WD_FRONT_MANY, "many" } };
	struct json_object *array;
	char buf[WD_ADDR_STRLEN];

	wd_json_str(obj, "address", wd_addr_str(&front->addr, buf));
	wd_json_int(obj, "protocol", front->proto);
	wd_json_int(obj, "port", front->port);
	wd_json_int(obj, "number", front->nr);
	wd_json_int(obj, "identity", front->val.identity);
	wd_json_int(obj, "row", front->val.row[0]);
	wd_json_int(obj, "target", front->val.port[0]);
	array = wd_json_array(obj, "is");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (front->val.flags & flags[i].flag)
			wd_json_push_str(array, flags[i].name);
}

static void push_int(struct json_object *array, int64_t value)
{
	struct json_object *child = json_object_new_int64(value);

	if (json_object_array_add(array, child))
		json_object_put(child);
}

static void put_row(const struct wd_state_row *row, struct json_object *obj)
{
	struct json_object *array;

	wd_json_int(obj, "row", row->nr);
	array = wd_json_array(obj, "predicates");
	for (uint32_t i = 0; i < WD_PREDS_MAX; i++)
		if (row->val.bits[i / 64] >> (i % 64) & 1)
			push_int(array, i);
}

const char *wd_state_l4_name(enum wd_l4 l4)
{
	static const char *const names[WD_L4__MAX] = {
		[WD_L4_TCP] = "tcp",	  [WD_L4_UDP] = "udp",
		[WD_L4_SCTP] = "sctp",	  [WD_L4_ICMP] = "icmp",
		[WD_L4_ICMP6] = "icmpv6", [WD_L4_OTHER] = "other",
	};

	return names[l4];
}

static void put_slot(const struct wd_state *state,
		     const struct wd_state_slot *slot, struct json_object *obj)
{
	wd_json_int(obj, "slot", slot->nr);
	wd_json_str(obj, "direction", wd_dir_name(slot->dir));
	wd_json_bool(obj, "ready", slot->val.flags & WD_SLOT_READY);
	wd_json_bool(obj, "isolated", slot->val.flags & WD_SLOT_ISOLATED);
	wd_json_bool(obj, "denies", slot->val.flags & WD_SLOT_DENIES);
	for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
		struct json_object *array =
			wd_json_array(obj, wd_state_l4_name((enum wd_l4)l4));

		for (uint32_t i = 0; i < slot->val.cnt[l4]; i++) {
			const struct wd_span_val *span =
				&state->span[slot->val.first[l4] + i];
			struct json_object *child = wd_json_push(array);

			wd_json_int(child, "from", span->lo);
			wd_json_int(child, "class", span->class);
		}
	}
}

static void put_class(const struct wd_state_class *class,
		      struct json_object *obj)
{
	struct json_object *array;

	wd_json_int(obj, "class", class->nr);
	array = wd_json_array(obj, "rules");
	for (uint32_t i = 0; i < class->val.cnt; i++) {
		const struct wd_rule *rule = &class->val.rule[i];
		struct json_object *child = wd_json_push(array);

		wd_json_int(child, "rule", rule->id);
		wd_json_int(child, "predicate", rule->pred);
		wd_json_str(child, "action",
			    rule->action == WD_ACT_ALLOW ? "allow" : "deny");
	}
}

static void put_lists(const struct wd_state *state, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "endpoints");

	for (size_t i = 0; i < state->ep_cnt; i++)
		put_ep(&state->ep[i], wd_json_push(array));
	array = wd_json_array(doc, "addresses");
	for (size_t i = 0; i < state->addr_cnt; i++)
		put_addr(&state->addr[i], wd_json_push(array));
	array = wd_json_array(doc, "prefixes");
	for (size_t i = 0; i < state->cidr_cnt; i++)
		put_cidr(&state->cidr[i], wd_json_push(array));
	array = wd_json_array(doc, "services");
	for (size_t i = 0; i < state->front_cnt; i++)
		put_front(&state->front[i], wd_json_push(array));
	array = wd_json_array(doc, "rows");
	for (size_t i = 0; i < state->row_cnt; i++)
		put_row(&state->row[i], wd_json_push(array));
	array = wd_json_array(doc, "slots");
	for (size_t i = 0; i < state->slot_cnt; i++)
		put_slot(state, &state->slot[i], wd_json_push(array));
	array = wd_json_array(doc, "classes");
	for (size_t i = 0; i < state->class_cnt; i++)
		put_class(&state->class[i], wd_json_push(array));
	array = wd_json_array(doc, "rules");
	for (size_t i = 0; i < state->rule_cnt; i++) {
		struct json_object *obj = wd_json_push(array);

		wd_json_int(obj, "rule", state->rule[i].id);
		wd_json_str(obj, "name", state->rule[i].name);
	}
}

static void put_tunnels(const struct wd_state *state, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "tunnels");

	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		if (state->encap.own[i].kind)
			wd_json_int(wd_json_push(array), "port",
				    wd_host16(state->encap.own[i].port));
}

struct json_object *wd_state_json(const struct wd_state *state)
{
	struct json_object *doc = json_object_new_object();

	if (!doc)
		return NULL;
	wd_json_int(doc, "format", WD_STATE_FORMAT);
	wd_json_str(doc, "warder", state->version);
	wd_json_int(doc, "schema", state->schema);
	wd_json_str(doc, "node", state->node);
	wd_json_str(doc, "kernel", state->kernel);
	wd_json_str(doc, "rung", state->rung);
	wd_json_int(doc, "generation", state->gen);
	wd_json_bool(doc, "host_policy", state->flags & WD_STATE_HOST_POLICY);
	wd_json_bool(doc, "services_exact", state->flags & WD_STATE_LATE);
	wd_json_bool(doc, "encryption_required", state->encrypt);
	wd_json_bool(doc, "host_enforced", state->host);
	wd_json_int(doc, "host_slot", state->host_slot);
	put_tunnels(state, doc);
	put_lists(state, doc);
	return doc;
}
