/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state_read.c - reads the state of a node from JSON, and believes nothing.
 *
 * A file comes from another machine, perhaps of another version: what is not
 * known, missing or out of range is refused with its place in the file, and so
 * is a number that nothing in the file stands behind. What was read can be
 * written into maps as it is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "state.h"

#define FILE_MOST (256U << 20) /* bytes */
#define DEPTH 16

/* Where we are, and what was wrong first. */
struct reader {
	struct wd_state *state;
	const char *list; /* "endpoints", "" the document itself */
	size_t at; /* element of the list */
	int err;
	char *why;
};

struct field {
	const char *key; /* NULL ends a table */
	enum json_type type;
};

static void refuse(struct reader *r, int err, const char *key, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct reader *r, int err, const char *key, const char *fmt,
		   ...)
{
	char text[256];
	va_list ap;

	if (r->err)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->err = err;
	if (*r->list)
		wd_format(&r->why, "%s[%zu]%s%s: %s", r->list, r->at,
			  *key ? "." : "", key, text);
	else
		wd_format(&r->why, "%s%s%s", key, *key ? ": " : "", text);
}

/* ---- fields ---- */

/* Exactly these fields, each of its type. */
static bool is_shaped(struct reader *r, struct json_object *obj,
		      const struct field *fields)
{
	int known = 0;

	if (!json_object_is_type(obj, json_type_object)) {
		refuse(r, -EINVAL, "", "is not an object");
		return false;
	}
	for (; fields->key; fields++, known++) {
		struct json_object *value = wd_json_get(obj, fields->key);

		if (!json_object_object_get_ex(obj, fields->key, NULL))
			refuse(r, -EINVAL, fields->key, "is missing");
		else if (!json_object_is_type(value, fields->type))
			refuse(r, -EINVAL, fields->key, "is not of type %s",
			       json_type_to_name(fields->type));
	}
	if (r->err || json_object_object_length(obj) == known)
		return !r->err;
	json_object_object_foreach(obj, key, unused) {
		const struct field *f = fields - known;

		(void)unused;
		while (f->key && strcmp(f->key, key) != 0)
			f++;
		if (!f->key)
			refuse(r, -EINVAL, key, "is not known to this version");
	}
	return false;
}

/* A number up to @most. */
static uint32_t number(struct reader *r, struct json_object *obj,
		       const char *key, uint32_t most)
{
	int64_t value = json_object_get_int64(wd_json_get(obj, key));

	if (value < 0 || value > most) {
		refuse(r, -EINVAL, key, "%lld is not from 0 to %u",
		       (long long)value, most);
		return 0;
	}
	return (uint32_t)value;
}

static char *text(struct reader *r, struct json_object *obj, const char *key)
{
	char *copy = strdup(wd_json_get_str(obj, key));

	if (!copy)
		refuse(r, -ENOMEM, key, "out of memory");
	return copy;
}

/* Which of @cnt words. */
static uint32_t word(struct reader *r, struct json_object *value,
		     const char *key, const char *const *words, uint32_t cnt)
{
	const char *got = json_object_is_type(value, json_type_string) ?
				  json_object_get_string(value) :
				  "";

	for (uint32_t i = 0; i < cnt; i++)
		if (!strcmp(got, words[i]))
			return i;
	refuse(r, -EINVAL, key, "'%.40s' is not a word of this version", got);
	return 0;
}

static struct wd_addr address(struct reader *r, struct json_object *value,
			      const char *key)
{
	const char *got = json_object_is_type(value, json_type_string) ?
				  json_object_get_string(value) :
				  "";
	struct wd_addr addr = { .family = 0 };

	if (wd_addr_parse(got, &addr))
		refuse(r, -EINVAL, key, "'%.60s' is not an address", got);
	return addr;
}

/* Two digits. Return: -1 these are none */
static int hex_byte(const char *text)
{
	static const char digits[] = "0123456789abcdef";
	const char *high = *text ? strchr(digits, text[0]) : NULL;
	const char *low = high && text[1] ? strchr(digits, text[1]) : NULL;

	return low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

static void mac(struct reader *r, struct json_object *obj, const char *key,
		uint8_t to[6])
{
	const char *got = wd_json_get_str(obj, key);

	if (strlen(got) != 17) {
		refuse(r, -EINVAL, key, "is not a hardware address");
		return;
	}
	for (int i = 0; i < 6; i++) {
		int byte = hex_byte(got + (size_t)i * 3);

		if (byte < 0 || (i < 5 && got[i * 3 + 2] != ':'))
			refuse(r, -EINVAL, key, "is not a hardware address");
		to[i] = (uint8_t)byte;
	}
}

static void *added(struct reader *r, void *element)
{
	if (!element)
		refuse(r, -ENOMEM, "", "out of memory");
	return element;
}

/* ---- elements ---- */

static void read_own(struct reader *r, struct json_object *obj,
		     struct wd_endpoint_val *val)
{
	int cnt[2] = { 0, 0 };

	for (size_t i = 0; i < wd_json_len(obj, "addresses"); i++) {
		struct wd_addr addr = address(
			r, wd_json_at(obj, "addresses", i), "addresses");
		int is6 = addr.family == 6;

		if (r->err)
			return;
		if (cnt[is6] == WD_EP_ADDRS) {
			refuse(r, -EINVAL, "addresses", "are too many");
			return;
		}
		if (is6)
			memcpy(val->ip6[cnt[1]++], &addr.v6, 16);
		else
			val->ip4[cnt[0]++] = wd_be32_of(addr.v4);
	}
}

static void read_ep(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "ifindex", json_type_int },
		{ "name", json_type_string },
		{ "id", json_type_int },
		{ "stat", json_type_int },
		{ "identity", json_type_int },
		{ "slot", json_type_int },
		{ "trial", json_type_int },
		{ "master", json_type_int },
		{ "mode", json_type_string },
		{ "encap", json_type_boolean },
		{ "addresses", json_type_array },
		{ "link_local", json_type_string },
		{ "mac", json_type_string },
		{ "host_mac", json_type_string },
		{},
	};
	static const char *const modes[] = { "enforce", "audit", "off" };
	static const uint16_t mode_flags[] = { 0, WD_EP_AUDIT, WD_EP_OFF };
	struct wd_state_ep *ep;
	struct wd_addr ll;

	if (!is_shaped(r, obj, fields))
		return;
	ep = added(r, WD_STATE_ADD(r->state, ep));
	if (!ep)
		return;
	ep->ifindex = number(r, obj, "ifindex", INT32_MAX);
	ep->name = text(r, obj, "name");
	ep->val.id = number(r, obj, "id", UINT32_MAX);
	ep->val.stat = number(r, obj, "stat", WD_ENDPOINTS_MAX - 1);
	ep->val.identity = number(r, obj, "identity", UINT32_MAX);
	ep->val.slot[0] = number(r, obj, "slot", WD_SLOTS_MAX - 1);
	ep->val.slot[1] = ep->val.slot[0];
	ep->val.trial[0] = number(r, obj, "trial", WD_SLOTS_MAX - 1);
	ep->val.trial[1] = ep->val.trial[0];
	ep->val.master = number(r, obj, "master", INT32_MAX);
	ep->val.flags[0] =
		mode_flags[word(r, wd_json_get(obj, "mode"), "mode", modes, 3)];
	if (wd_json_get_bool(obj, "encap"))
		ep->val.flags[0] |= WD_EP_ENCAP;
	ep->val.flags[1] = ep->val.flags[0];
	read_own(r, obj, &ep->val);
	ll = address(r, wd_json_get(obj, "link_local"), "link_local");
	memcpy(ep->val.ll6, &ll.v6, sizeof(ep->val.ll6));
	mac(r, obj, "mac", ep->val.mac);
	mac(r, obj, "host_mac", ep->val.host_mac);
	if (ep->ifindex < 2 || !ep->val.id)
		refuse(r, -EINVAL, "ifindex",
		       "is that of no interface of a pod, or id is 0");
}

static void read_addr(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "address", json_type_string },
		{ "identity", json_type_int },
		{ "row", json_type_int },
		{ "ifindex", json_type_int },
		{ "node", json_type_int },
		{ "is", json_type_array },
		{},
	};
	static const char *const kinds[] = { "pod", "node", "host", "local",
					     "served" };
	static const uint32_t kind_flags[] = { WD_ADDR_POD, WD_ADDR_NODE,
					       WD_ADDR_HOST, WD_ADDR_LOCAL,
					       WD_ADDR_SERVED };
	struct wd_state_addr *addr;

	if (!is_shaped(r, obj, fields))
		return;
	addr = added(r, WD_STATE_ADD(r->state, addr));
	if (!addr)
		return;
	addr->cidr.addr = address(r, wd_json_get(obj, "address"), "address");
	addr->cidr.len = addr->cidr.addr.family == 4 ? 32 : 128;
	addr->val.identity = number(r, obj, "identity", UINT32_MAX);
	addr->val.row[0] = number(r, obj, "row", WD_ROWS_MAX - 1);
	addr->val.row[1] = addr->val.row[0];
	addr->val.ifindex = number(r, obj, "ifindex", INT32_MAX);
	addr->val.node = number(r, obj, "node", UINT32_MAX);
	for (size_t i = 0; i < wd_json_len(obj, "is"); i++)
		addr->val.flags |= kind_flags[word(r, wd_json_at(obj, "is", i),
						   "is", kinds, 5)];
}

static void read_cidr(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "prefix", json_type_string },
		{ "identity", json_type_int },
		{ "row", json_type_int },
		{},
	};
	struct wd_state_addr *cidr;

	if (!is_shaped(r, obj, fields))
		return;
	cidr = added(r, WD_STATE_ADD(r->state, cidr));
	if (!cidr)
		return;
	if (wd_cidr_parse(wd_json_get_str(obj, "prefix"), &cidr->cidr))
		refuse(r, -EINVAL, "prefix", "is not a prefix");
	cidr->val.identity = number(r, obj, "identity", UINT32_MAX);
	cidr->val.row[0] = number(r, obj, "row", WD_ROWS_MAX - 1);
	cidr->val.row[1] = cidr->val.row[0];
}

static void read_front(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "address", json_type_string },
		{ "protocol", json_type_int },
		{ "port", json_type_int },
		{ "number", json_type_int },
		{ "identity", json_type_int },
		{ "row", json_type_int },
		{ "target", json_type_int },
		{ "is", json_type_array },
		{},
	};
	static const char *const kinds[] = { "node", "none", "many" };
	static const uint32_t kind_flags[] = { WD_FRONT_NODE, WD_FRONT_NONE,
					       WD_FRONT_MANY };
	struct wd_state_front *front;

	if (!is_shaped(r, obj, fields))
		return;
	front = added(r, WD_STATE_ADD(r->state, front));
	if (!front)
		return;
	front->addr = address(r, wd_json_get(obj, "address"), "address");
	front->proto = (uint8_t)number(r, obj, "protocol", UINT8_MAX);
	front->port = (uint16_t)number(r, obj, "port", UINT16_MAX);
	front->nr = (uint8_t)number(r, obj, "number", WD_FRONT_KINDS - 1);
	front->val.identity = number(r, obj, "identity", UINT32_MAX);
	front->val.row[0] = number(r, obj, "row", WD_ROWS_MAX - 1);
	front->val.row[1] = front->val.row[0];
	front->val.port[0] = (uint16_t)number(r, obj, "target", UINT16_MAX);
	front->val.port[1] = front->val.port[0];
	for (size_t i = 0; i < wd_json_len(obj, "is"); i++)
		front->val.flags |= kind_flags[word(r, wd_json_at(obj, "is", i),
						    "is", kinds, 3)];
}

static void read_row(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "row", json_type_int },
		{ "predicates", json_type_array },
		{},
	};
	struct wd_state_row *row;

	if (!is_shaped(r, obj, fields))
		return;
	row = added(r, WD_STATE_ADD(r->state, row));
	if (!row)
		return;
	row->nr = number(r, obj, "row", WD_ROWS_MAX - 1);
	for (size_t i = 0; i < wd_json_len(obj, "predicates"); i++) {
		struct json_object *value = wd_json_at(obj, "predicates", i);
		int64_t pred = json_object_get_int64(value);

		if (!json_object_is_type(value, json_type_int) || pred < 0 ||
		    pred >= WD_PREDS_MAX) {
			refuse(r, -EINVAL, "predicates",
			       "has what is no predicate");
			return;
		}
		row->val.bits[pred / 64] |= 1ULL << (pred % 64);
	}
	if (!row->nr)
		refuse(r, -EINVAL, "row", "0 has no predicates");
}

static void read_spans(struct reader *r, struct json_object *obj,
		       const char *key, uint32_t *ret_first, uint32_t *ret_cnt)
{
	static const struct field fields[] = {
		{ "from", json_type_int },
		{ "class", json_type_int },
		{},
	};
	size_t cnt = wd_json_len(obj, key);
	uint32_t before = 0;

	if (cnt > WD_SPANS_PER_SLOT ||
	    r->state->span_cnt + cnt > WD_SPANS_MAX) {
		refuse(r, -EINVAL, key, "has too many spans");
		return;
	}
	*ret_first = (uint32_t)r->state->span_cnt;
	*ret_cnt = (uint32_t)cnt;
	for (size_t i = 0; i < cnt && !r->err; i++) {
		struct json_object *child = wd_json_at(obj, key, i);
		struct wd_span_val *span;

		if (!is_shaped(r, child, fields))
			return;
		span = added(r, WD_STATE_ADD(r->state, span));
		if (!span)
			return;
		span->lo = number(r, child, "from", 65535);
		span->class = number(r, child, "class", WD_CLASSES_MAX - 1);
		if (i ? span->lo <= before : span->lo != 0)
			refuse(r, -EINVAL, key,
			       "does not begin at 0 and go up");
		before = span->lo;
	}
}

static void read_slot(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "slot", json_type_int },
		{ "direction", json_type_string },
		{ "ready", json_type_boolean },
		{ "isolated", json_type_boolean },
		{ "denies", json_type_boolean },
		{ "tcp", json_type_array },
		{ "udp", json_type_array },
		{ "sctp", json_type_array },
		{ "icmp", json_type_array },
		{ "icmpv6", json_type_array },
		{ "other", json_type_array },
		{},
	};
	static const char *const dirs[] = { "ingress", "egress" };
	struct wd_slot_val *val;
	struct wd_state_slot *slot;

	if (!is_shaped(r, obj, fields))
		return;
	slot = added(r, WD_STATE_ADD(r->state, slot));
	if (!slot)
		return;
	val = &slot->val;
	slot->nr = number(r, obj, "slot", WD_SLOTS_MAX - 1);
	slot->dir = word(r, wd_json_get(obj, "direction"), "direction", dirs,
			 WD_DIR__MAX);
	if (wd_json_get_bool(obj, "ready"))
		val->flags |= WD_SLOT_READY;
	if (wd_json_get_bool(obj, "isolated"))
		val->flags |= WD_SLOT_ISOLATED;
	if (wd_json_get_bool(obj, "denies"))
		val->flags |= WD_SLOT_DENIES;
	for (int l4 = 0; l4 < WD_L4__MAX; l4++)
		read_spans(r, obj, wd_state_l4_name((enum wd_l4)l4),
			   &val->first[l4], &val->cnt[l4]);
	if (!slot->nr)
		refuse(r, -EINVAL, "slot", "0 means none");
}

static void read_rule(struct reader *r, struct json_object *obj,
		      struct wd_rule *rule)
{
	static const struct field fields[] = {
		{ "rule", json_type_int },
		{ "predicate", json_type_int },
		{ "action", json_type_string },
		{},
	};
	static const char *const actions[] = { "allow", "deny" };

	if (!is_shaped(r, obj, fields))
		return;
	rule->id = number(r, obj, "rule", UINT32_MAX);
	rule->pred = (uint16_t)number(r, obj, "predicate", WD_PRED_ANY);
	if (rule->pred >= WD_PREDS_MAX && rule->pred != WD_PRED_ANY)
		refuse(r, -EINVAL, "predicate", "is not one");
	rule->action = (uint8_t)word(r, wd_json_get(obj, "action"), "action",
				     actions, 2);
}

static void read_class(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "class", json_type_int },
		{ "rules", json_type_array },
		{},
	};
	struct wd_state_class *class;
	size_t cnt;

	if (!is_shaped(r, obj, fields))
		return;
	class = added(r, WD_STATE_ADD(r->state, class));
	if (!class)
		return;
	class->nr = number(r, obj, "class", WD_CLASSES_MAX - 1);
	cnt = wd_json_len(obj, "rules");
	if (cnt > WD_CLASS_RULES || !class->nr) {
		refuse(r, -EINVAL, "rules", "are too many, or of class 0");
		return;
	}
	class->val.cnt = (uint32_t)cnt;
	for (size_t i = 0; i < cnt; i++)
		read_rule(r, wd_json_at(obj, "rules", i), &class->val.rule[i]);
}

static void read_name(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "rule", json_type_int },
		{ "name", json_type_string },
		{},
	};
	struct wd_state_rule *rule;

	if (!is_shaped(r, obj, fields))
		return;
	rule = added(r, WD_STATE_ADD(r->state, rule));
	if (!rule)
		return;
	rule->id = number(r, obj, "rule", UINT32_MAX);
	rule->name = text(r, obj, "name");
}

/* Port 0: there are more than are told of. */
static void read_tunnel(struct reader *r, struct json_object *obj)
{
	static const struct field fields[] = {
		{ "port", json_type_int },
		{},
	};
	uint32_t port;

	if (!is_shaped(r, obj, fields))
		return;
	port = number(r, obj, "port", UINT16_MAX);
	if (!port && r->at != WD_TUNNEL_PORTS - 1)
		refuse(r, -EINVAL, "port", "0 is no port, but of number %d",
		       WD_TUNNEL_PORTS - 1);
	if (r->err)
		return;
	r->state->encap.own[r->at] = (struct wd_tunnel_port){
		.port = wd_be16((uint16_t)port),
		.kind = port ? WD_TUNNEL_OTHER : WD_TUNNEL_ANY,
	};
}

/* ---- what stands for something ---- */

/* Is number @nr one of those of a list? 0 always is: it means none. */
struct known {
	bool row[WD_ROWS_MAX];
	bool slot[WD_SLOTS_MAX][WD_DIR__MAX];
	bool class[WD_CLASSES_MAX];
};

static void note_once(struct reader *r, bool *known, const char *list, size_t i)
{
	r->list = list;
	r->at = i;
	if (*known)
		refuse(r, -EINVAL, "", "is there twice");
	*known = true;
}

static void note_all(struct reader *r, struct known *known)
{
	const struct wd_state *s = r->state;

	for (size_t i = 0; i < s->row_cnt; i++)
		note_once(r, &known->row[s->row[i].nr], "rows", i);
	for (size_t i = 0; i < s->slot_cnt; i++)
		note_once(r, &known->slot[s->slot[i].nr][s->slot[i].dir],
			  "slots", i);
	for (size_t i = 0; i < s->class_cnt; i++)
		note_once(r, &known->class[s->class[i].nr], "classes", i);
	known->row[0] = known->class[0] = true;
	known->slot[0][WD_INGRESS] = known->slot[0][WD_EGRESS] = true;
}

static void need(struct reader *r, bool known, const char *list, size_t i,
		 const char *key)
{
	r->list = list;
	r->at = i;
	if (!known)
		refuse(r, -EINVAL, key, "is a number that nothing has here");
}

static void check_addrs(struct reader *r, const struct known *known,
			const char *name, const struct wd_state_addr *list,
			size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		need(r, known->row[list[i].val.row[0]], name, i, "row");
		if (i &&
		    wd_addr_equal(&list[i].cidr.addr, &list[i - 1].cidr.addr) &&
		    list[i].cidr.len == list[i - 1].cidr.len)
			refuse(r, -EINVAL, "", "is there twice");
	}
}

/* The kinds of a service go from 0 up without a gap, and each is there once. */
static void check_fronts(struct reader *r, const struct known *known)
{
	const struct wd_state *s = r->state;

	for (size_t i = 0; i < s->front_cnt; i++) {
		const struct wd_state_front *f = &s->front[i];

		need(r, known->row[f->val.row[0]], "services", i, "row");
		if (f->nr && !wd_state_front(s, &f->addr, f->proto, f->port,
					     (uint8_t)(f->nr - 1)))
			refuse(r, -EINVAL, "number",
			       "is one of which the one before is missing");
		if (wd_state_front(s, &f->addr, f->proto, f->port, f->nr) != f)
			refuse(r, -EINVAL, "", "is there twice");
	}
}

/* The lists are in order by now, so the numbers told are those of the order. */
static void check_numbers(struct reader *r)
{
	struct known *known = calloc(1, sizeof(*known));
	const struct wd_state *s = r->state;

	if (!known) {
		refuse(r, -ENOMEM, "", "out of memory");
		return;
	}
	note_all(r, known);
	for (size_t i = 0; i < s->ep_cnt; i++) {
		const bool *slot = known->slot[s->ep[i].val.slot[0]];

		const bool *trial = known->slot[s->ep[i].val.trial[0]];

		need(r, slot[WD_INGRESS] && slot[WD_EGRESS], "endpoints", i,
		     "slot");
		need(r, trial[WD_INGRESS] && trial[WD_EGRESS], "endpoints", i,
		     "trial");
		if (i && s->ep[i].ifindex == s->ep[i - 1].ifindex)
			refuse(r, -EINVAL, "ifindex", "is there twice");
	}
	r->list = "";
	if (!known->slot[s->host_slot][WD_INGRESS] ||
	    !known->slot[s->host_slot][WD_EGRESS])
		refuse(r, -EINVAL, "host_slot",
		       "is a number that nothing has here");
	check_addrs(r, known, "addresses", s->addr, s->addr_cnt);
	check_addrs(r, known, "prefixes", s->cidr, s->cidr_cnt);
	check_fronts(r, known);
	for (size_t i = 0; i < s->span_cnt; i++)
		need(r, known->class[s->span[i].class], "spans", i, "class");
	free(known);
}

/* ---- all of it ---- */

static void read_list(struct reader *r, struct json_object *doc,
		      const char *name, size_t most,
		      void (*fn)(struct reader *r, struct json_object *obj))
{
	size_t cnt = wd_json_len(doc, name);

	if (r->err)
		return;
	if (cnt > most)
		refuse(r, -EINVAL, name, "has %zu elements, at most %zu fit",
		       cnt, most);
	r->list = name;
	for (r->at = 0; r->at < cnt && !r->err; r->at++) {
		fn(r, wd_json_at(doc, name, r->at));
		if (r->err)
			return;
	}
	r->list = "";
}

static void read_lists(struct reader *r, struct json_object *doc)
{
	read_list(r, doc, "tunnels", WD_TUNNEL_PORTS, read_tunnel);
	read_list(r, doc, "endpoints", WD_ENDPOINTS_MAX, read_ep);
	read_list(r, doc, "addresses", 2 * WD_ADDRS_MAX, read_addr);
	read_list(r, doc, "prefixes", 2 * WD_CIDRS_MAX, read_cidr);
	read_list(r, doc, "services", WD_FRONTS_MAX, read_front);
	read_list(r, doc, "rows", WD_ROWS_MAX, read_row);
	read_list(r, doc, "slots", 2 * WD_SLOTS_MAX, read_slot);
	read_list(r, doc, "classes", WD_CLASSES_MAX, read_class);
	read_list(r, doc, "rules", SIZE_MAX, read_name);
}

static void read_doc(struct reader *r, struct json_object *doc)
{
	static const struct field fields[] = {
		{ "format", json_type_int },
		{ "warder", json_type_string },
		{ "schema", json_type_int },
		{ "node", json_type_string },
		{ "kernel", json_type_string },
		{ "rung", json_type_string },
		{ "generation", json_type_int },
		{ "host_policy", json_type_boolean },
		{ "services_exact", json_type_boolean },
		{ "encryption_required", json_type_boolean },
		{ "host_enforced", json_type_boolean },
		{ "host_slot", json_type_int },
		{ "tunnels", json_type_array },
		{ "endpoints", json_type_array },
		{ "addresses", json_type_array },
		{ "prefixes", json_type_array },
		{ "services", json_type_array },
		{ "rows", json_type_array },
		{ "slots", json_type_array },
		{ "classes", json_type_array },
		{ "rules", json_type_array },
		{},
	};

	/* First: all else may have another meaning in another format. */
	if (!json_object_is_type(wd_json_get(doc, "format"), json_type_int)) {
		refuse(r, -EINVAL, "", "this is not the state of a node");
		return;
	}
	if (wd_json_get_int(doc, "format") != WD_STATE_FORMAT) {
		refuse(r, -EINVAL, "format",
		       "%lld is of another version of warder, this one knows "
		       "%d",
		       (long long)wd_json_get_int(doc, "format"),
		       WD_STATE_FORMAT);
		return;
	}
	if (!is_shaped(r, doc, fields))
		return;
	r->state->version = text(r, doc, "warder");
	r->state->node = text(r, doc, "node");
	r->state->kernel = text(r, doc, "kernel");
	r->state->rung = text(r, doc, "rung");
	r->state->schema = number(r, doc, "schema", UINT32_MAX);
	r->state->gen = number(r, doc, "generation", UINT32_MAX);
	if (wd_json_get_bool(doc, "host_policy"))
		r->state->flags |= WD_STATE_HOST_POLICY;
	if (wd_json_get_bool(doc, "services_exact"))
		r->state->flags |= WD_STATE_LATE;
	r->state->encrypt = wd_json_get_bool(doc, "encryption_required");
	r->state->host = wd_json_get_bool(doc, "host_enforced");
	r->state->host_slot = number(r, doc, "host_slot", WD_SLOTS_MAX - 1);
	if (r->state->schema != WD_SCHEMA)
		refuse(r, -EINVAL, "schema",
		       "%u is of another version of warder, this one has %d",
		       r->state->schema, WD_SCHEMA);
	read_lists(r, doc);
}

int wd_state_parse(struct json_object *doc, struct wd_state **ret_state,
		   char **ret_error)
{
	struct reader r = { .state = wd_state_new(), .list = "" };

	if (!r.state) {
		wd_format(ret_error, "out of memory");
		return -ENOMEM;
	}
	read_doc(&r, doc);
	if (!r.err) {
		wd_state_sort(r.state);
		check_numbers(&r);
	}
	if (r.err) {
		wd_state_free(r.state);
		*ret_error = r.why;
		return r.err;
	}
	*ret_state = r.state;
	return 0;
}

static int parse_text(const char *data, size_t len,
		      struct json_object **ret_doc)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH);
	struct json_object *doc;
	int err = 0;

	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	doc = json_tokener_parse_ex(tok, data, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(doc, json_type_object))
		err = -EINVAL;
	json_tokener_free(tok);
	if (err)
		json_object_put(doc);
	else
		*ret_doc = doc;
	return err;
}

static int read_file(const char *path, char **ret_data, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	size_t cap = 0, len = 0, cnt;
	char *data = NULL;
	int err = 0;

	if (!file)
		return -errno;
	do {
		char *grown = realloc(data, cap += 1 << 20);

		if (!grown) {
			err = -ENOMEM;
			break;
		}
		data = grown;
		errno = 0;
		cnt = fread(data + len, 1, cap - len, file);
		len += cnt;
		if (ferror(file))
			err = errno ? -errno : -EIO;
		else if (len > FILE_MOST)
			err = -EFBIG;
	} while (!err && len == cap);
	(void)fclose(file); /* was only read */
	if (err) {
		free(data);
		return err;
	}
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int wd_state_read(const char *path, struct wd_state **ret_state,
		  char **ret_error)
{
	struct json_object *doc = NULL;
	char *data = NULL;
	size_t len = 0;
	int err = read_file(path, &data, &len);

	if (err) {
		wd_format(ret_error, "cannot be read: %s", wd_errno(err));
		return err;
	}
	err = parse_text(data, len, &doc);
	free(data);
	if (err) {
		wd_format(ret_error, "is not JSON");
		return err;
	}
	err = wd_state_parse(doc, ret_state, ret_error);
	json_object_put(doc);
	return err;
}
