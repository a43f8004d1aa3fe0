/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium_l4.c - what a rule of Cilium's policies says of protocols: toPorts
 * and icmps. Cilium takes one of both in a rule.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../base/icmp.h"
#include "../model/intern.h"
#include "../model/l4.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define PORTS_MAX 40 /* of one entry of toPorts; the CRD's limit */
#define FIELDS_MAX 40 /* of one entry of icmps, the same */

/* ---- ports ---- */

static void port_add(struct wd_policy_rule *rule, const struct wd_port *like)
{
	rule->port = wd_xrealloc(rule->port, rule->port_cnt + 1,
				 sizeof(*rule->port));
	rule->port[rule->port_cnt] = *like;
	rule->port[rule->port_cnt++].name = wd_str_ref(like->name);
}

/*
 * Those that Cilium takes, and ICMP as a whole. What has no ports is the whole
 * protocol.
 */
static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{ "TCP", IPPROTO_TCP },	      { "UDP", IPPROTO_UDP },
	{ "SCTP", IPPROTO_SCTP },     { "ICMP", IPPROTO_ICMP },
	{ "ICMPv6", IPPROTO_ICMPV6 }, { "VRRP", 112 },
	{ "IGMP", IPPROTO_IGMP },     { "GRE", IPPROTO_GRE },
	{ "IPIP", IPPROTO_IPIP },     { "IPV6", IPPROTO_IPV6 },
	{ "ESP", IPPROTO_ESP },	      { "AH", IPPROTO_AH },
};

#define PROTOS (sizeof(protos) / sizeof(*protos))

/* 0 for all that have ports; absent is ANY. */
static int read_proto(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, uint8_t *ret)
{
	const char *name = NULL;

	if (wd_read_str(r, at, map, "protocol", &name))
		return -EINVAL;
	*ret = 0;
	if (!name || !strcmp(name, "ANY"))
		return 0;
	for (size_t i = 0; i < PROTOS; i++) {
		if (strcmp(name, protos[i].name) != 0)
			continue;
		*ret = protos[i].proto;
		return 0;
	}
	wd_read_problem(r, WD_AT(at, "protocol"), map->line,
			"'%.20s' is not enforced; it must be TCP, UDP, SCTP, "
			"ANY, ICMP, ICMPv6, VRRP, IGMP, GRE, IPIP, IPV6, ESP "
			"or AH",
			name);
	return -EINVAL;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* "0": every port. Names are those of container ports, in any case of letters. */
static int read_port_text(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *node, const char *text,
			  struct wd_port *port)
{
	char name[16];
	size_t len = strlen(text);

	if (is_number(text)) {
		unsigned long nr = len < 8 ? strtoul(text, NULL, 10) : 65536;

		port->lo = (uint16_t)nr;
		port->hi = nr ? (uint16_t)nr : 65535;
		/* Cilium takes 010 for 8 */
		if (nr <= 65535 && (*text != '0' || len == 1))
			return 0;
		wd_read_problem(r, at, node->line,
				"must be a number up to 65535, without leading "
				"zeros");
		return -EINVAL;
	}
	for (size_t i = 0; i <= len && i < sizeof(name); i++)
		name[i] = text[i] >= 'A' && text[i] <= 'Z' ?
				  (char)(text[i] - 'A' + 'a') :
				  text[i];
	if (len < sizeof(name) && wd_read_is_port_name(name)) {
		port->name = wd_str_get(name);
		return 0;
	}
	wd_read_problem(r, at, node->line,
			"'%.40s' is neither a number nor the name of a port",
			text);
	return -EINVAL;
}

static int read_end_port(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, struct wd_port *port)
{
	const struct wd_tree *end = wd_tree_get(map, "endPort");

	/* 0 is what the API takes for absent */
	if (!end || (end->type == WD_TREE_SCALAR && !strcmp(end->text, "0")))
		return 0;
	at = WD_AT(at, "endPort");
	if (port->name) {
		const enum wd_problem_effect effect = r->effect;

		/* as Cilium has it: a name is one port */
		r->effect = WD_PROBLEM_IGNORED;
		wd_read_problem(r, at, end->line,
				"has no bearing beside the name of a port");
		r->effect = effect;
		return 0;
	}
	if (!port->lo) {
		wd_read_problem(r, at, end->line, "needs a number in port");
		return -EINVAL;
	}
	if (wd_read_port_nr(r, at, end, &port->hi))
		return -EINVAL;
	if (port->hi >= port->lo)
		return 0;
	wd_read_problem(r, at, end->line, "is lower than port");
	return -EINVAL;
}

/* A protocol without ports: port is absent or "0", as Cilium has it. */
static int read_whole(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, uint8_t proto,
		      struct wd_policy_rule *rule)
{
	static const char *const keys[] = { "port", "endPort" };
	const struct wd_port port = { .proto = proto, .hi = 65535 };

	/* of IPv6 the programs step over it, to what it carries */
	if (proto == IPPROTO_AH && rule->action != WD_RULE_ALLOW) {
		wd_read_problem(r, WD_AT(at, "protocol"), map->line,
				"AH cannot be denied; deny what it carries");
		return -EINVAL;
	}
	for (size_t i = 0; i < 2; i++) {
		const struct wd_tree *node = wd_tree_get(map, keys[i]);

		if (!node ||
		    (node->type == WD_TREE_SCALAR && !strcmp(node->text, "0")))
			continue;
		wd_read_problem(r, WD_AT(at, keys[i]), node->line,
				"the protocol has none; it must be \"0\" or "
				"absent");
		return -EINVAL;
	}
	port_add(rule, &port);
	return 0;
}

static int read_port(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_policy_rule *rule)
{
	static const char *const known[] = { "port", "endPort", "protocol",
					     NULL };
	static const uint8_t all[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	const struct wd_tree *node;
	struct wd_port port = { 0 };
	int err;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    read_proto(r, at, map, &port.proto))
		return -EINVAL;
	if (port.proto && !wd_l4_has_ports(wd_l4_of(port.proto)))
		return read_whole(r, at, map, port.proto, rule);
	node = wd_tree_get(map, "port");
	if (!node || node->type != WD_TREE_SCALAR) {
		wd_read_problem(r, WD_AT(at, "port"), map->line,
				"must be a number or a name; \"0\" is every "
				"port");
		return -EINVAL;
	}
	err = read_port_text(r, WD_AT(at, "port"), node, node->text, &port);
	if (!err)
		err = read_end_port(r, at, map, &port);
	for (size_t i = 0; !err && i < sizeof(all); i++) {
		struct wd_port one = port;

		one.proto = all[i];
		if (!port.proto || port.proto == all[i])
			port_add(rule, &one);
	}
	wd_str_put(port.name);
	return err;
}

#define LOOKS_INSIDE \
	"needs a look into connections, and only their addresses and ports " \
	"are judged; remove it if the ports alone are meant"

/* What else stands beside ports looks into connections. */
static const struct wd_read_beyond inside[] = {
	{ "rules", LOOKS_INSIDE, .hollow = true },
	{ "serverNames", LOOKS_INSIDE, .hollow = true },
	{ "terminatingTLS", LOOKS_INSIDE, false },
	{ "originatingTLS", LOOKS_INSIDE, false },
	{ "listener", LOOKS_INSIDE, false },
	{ NULL, NULL, false },
};

static int read_port_rule(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_policy_rule *rule)
{
	static const char *const known[] = { "ports", NULL };
	const struct wd_tree *list = NULL;
	uint32_t index;
	int err;

	if (wd_read_is_hollow(r, at, map) ||
	    wd_read_known_beyond(r, at, map, known, inside) ||
	    wd_read_list(r, at, map, "ports", &list))
		return -EINVAL;
	at = WD_AT(at, "ports");
	if (!list || !list->cnt || list->cnt > PORTS_MAX) {
		wd_read_problem(r, at, map->line, "must have 1 to %d entries",
				PORTS_MAX);
		return -EINVAL;
	}
	err = 0;
	wd_for_each_element(e, index, list)
		err |= read_port(r, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* ---- types of ICMP ---- */

/* 0 to 255 in digits. Return: -EINVAL if it is anything else */
static int byte_of(const char *text)
{
	size_t len = strlen(text);
	unsigned long nr;

	if (!is_number(text) || len > 3 || (*text == '0' && len > 1))
		return -EINVAL;
	nr = strtoul(text, NULL, 10);
	return nr <= 255 ? (int)nr : -EINVAL;
}

/* One of @map's fields as text, NULL if it is not there. */
static const char *text_of(const struct wd_tree *map, const char *key)
{
	const struct wd_tree *node = wd_tree_get(map, key);

	return node && node->type == WD_TREE_SCALAR ? node->text : NULL;
}

static int read_family(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, uint8_t *ret_family)
{
	const char *name = NULL;

	*ret_family = 4;
	if (wd_read_str(r, at, map, "family", &name))
		return -EINVAL;
	if (!name || !strcmp(name, "IPv4"))
		return 0;
	*ret_family = 6;
	if (!strcmp(name, "IPv6"))
		return 0;
	wd_read_problem(r, WD_AT(at, "family"), map->line,
			"'%.20s' is neither IPv4 nor IPv6", name);
	return -EINVAL;
}

/* A number or a name, in quotes or not. */
static int read_type(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, uint8_t family)
{
	const char *text = text_of(map, "type");
	int type = text ? byte_of(text) : -EINVAL;

	if (text && type < 0)
		type = wd_icmp_find(family, text);
	if (type >= 0)
		return type;
	wd_read_problem(r, WD_AT(at, "type"), map->line,
			"'%.40s' is no type of ICMP of IPv%d, by name or by "
			"number up to 255",
			text ? text : "", family);
	return -EINVAL;
}

/* Beyond Cilium: one code of the type only. */
static int read_code(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_port *port)
{
	const char *text = text_of(map, "code");
	int code = text ? byte_of(text) : -EINVAL;

	port->hi = port->lo | 0xff;
	if (!wd_tree_get(map, "code"))
		return 0;
	if (code < 0) {
		wd_read_problem(r, WD_AT(at, "code"), map->line,
				"must be a number up to 255");
		return -EINVAL;
	}
	port->lo = port->hi = (uint16_t)(port->lo | code);
	return 0;
}

static int read_field(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, struct wd_policy_rule *rule)
{
	static const char *const known[] = { "family", "type", "code", NULL };
	struct wd_port port = { .proto = IPPROTO_ICMP };
	uint8_t family;
	int type;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    read_family(r, at, map, &family))
		return -EINVAL;
	type = read_type(r, at, map, family);
	if (type < 0)
		return -EINVAL;
	if (family == 6)
		port.proto = IPPROTO_ICMPV6;
	port.lo = (uint16_t)(type << 8);
	if (read_code(r, at, map, &port))
		return -EINVAL;
	port_add(rule, &port);
	return 0;
}

static int read_icmp_rule(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_policy_rule *rule)
{
	static const char *const known[] = { "fields", NULL };
	const struct wd_tree *list = NULL;
	uint32_t index;
	int err = 0;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    wd_read_list(r, at, map, "fields", &list))
		return -EINVAL;
	at = WD_AT(at, "fields");
	if (!list || !list->cnt || list->cnt > FIELDS_MAX) {
		wd_read_problem(r, at, map->line, "must have 1 to %d entries",
				FIELDS_MAX);
		return -EINVAL;
	}
	wd_for_each_element(e, index, list)
		err |= read_field(r, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* ---- both ---- */

typedef int element_reader(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *map,
			   struct wd_policy_rule *rule);

static int read_elements(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *list,
			 struct wd_policy_rule *rule, element_reader *read)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list)
		err |= read(r, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* As Cilium has it: a list without entries says no more than none. */
static bool says_any(const struct wd_tree *list)
{
	return list && list->cnt;
}

int wd_read_cilium_l4(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, struct wd_policy_rule *rule)
{
	const struct wd_tree *ports = NULL;
	const struct wd_tree *icmps = NULL;
	int err = wd_read_list(r, at, map, "toPorts", &ports);

	err |= wd_read_list(r, at, map, "icmps", &icmps);
	rule->any_port = !says_any(ports) && !says_any(icmps);
	err |= read_elements(r, WD_AT(at, "toPorts"), ports, rule,
			     read_port_rule);
	err |= read_elements(r, WD_AT(at, "icmps"), icmps, rule,
			     read_icmp_rule);
	if (!says_any(ports) || !says_any(icmps))
		return err;
	wd_read_problem(r, WD_AT(at, "icmps"), icmps->line,
			"cannot stand beside toPorts; write two rules");
	return -EINVAL;
}
