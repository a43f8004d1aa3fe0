/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium.c - CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy
 * (cilium.io/v2), as far as addresses and ports decide.
 *
 * Until all subjects are clear nothing changes. Then a rule that needs what
 * warder does not enforce (names of domains, HTTP, TLS, authentication, ...)
 * is broken as a whole: one that allows then allows nothing, one that denies
 * denies everything. A field outside of the rules that is not understood breaks
 * them all, and isolates.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define PORTS_MAX 40 /* of one entry of toPorts; the CRD's limit */

/* One list of rules of a spec. */
struct section {
	const char *key;
	enum wd_dir dir;
	enum wd_rule_action action;
};

static const struct section sections[] = {
	/* what denies stands first in wd_spec.rule */
	{ "ingressDeny", WD_INGRESS, WD_RULE_DENY },
	{ "ingress", WD_INGRESS, WD_RULE_ALLOW },
	{ "egressDeny", WD_EGRESS, WD_RULE_DENY },
	{ "egress", WD_EGRESS, WD_RULE_ALLOW },
};

#define SECTIONS (sizeof(sections) / sizeof(*sections))

/* Where a rule is read. */
struct place {
	const struct section *section;
	bool wide; /* of the cluster-wide kind */
};

static struct wd_selector *everything(void)
{
	return wd_selector_share(wd_xcalloc(1, sizeof(struct wd_selector)));
}

/* ---- entities ---- */

static enum wd_cidr_scope world_of(const struct place *p)
{
	return p->section->action == WD_RULE_DENY ? WD_CIDR_STRANGER :
						    WD_CIDR_WORLD;
}

static void add_cidr(struct wd_policy_rule *rule, uint8_t family,
		     enum wd_cidr_scope scope)
{
	struct wd_peer *peer = wd_read_peer_add(rule, WD_PEER_CIDR);

	peer->cidr.addr.family = family;
	peer->scope = scope;
}

static void add_world(struct wd_policy_rule *rule, enum wd_cidr_scope scope)
{
	add_cidr(rule, 4, scope);
	add_cidr(rule, 6, scope);
}

/*
 * An address inside the cluster that nobody knows is a pod of it or is not:
 * allowed as neither, denied as both.
 */
static void add_cluster(const struct place *p, struct wd_policy_rule *rule)
{
	wd_read_peer_add(rule, WD_PEER_PODS)->ns_sel = everything();
	wd_read_peer_add(rule, WD_PEER_NODES);
	if (p->section->action == WD_RULE_DENY)
		add_world(rule, WD_CIDR_UNKNOWN);
}

/* Return: 0, or -EINVAL: it is none. */
static int add_entity(const struct place *p, struct wd_policy_rule *rule,
		      const char *name)
{
	bool denies = p->section->action == WD_RULE_DENY;

	if (!strcmp(name, "all"))
		rule->any_peer = true;
	else if (!strcmp(name, "world"))
		add_world(rule, world_of(p));
	else if (!strcmp(name, "world-ipv4"))
		add_cidr(rule, 4, world_of(p));
	else if (!strcmp(name, "world-ipv6"))
		add_cidr(rule, 6, world_of(p));
	else if (!strcmp(name, "cluster"))
		add_cluster(p, rule);
	else if (!strcmp(name, "host"))
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OWN;
	else if (!strcmp(name, "remote-node"))
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OTHER;
	else if (!strcmp(name, "unmanaged") && denies)
		add_world(rule, WD_CIDR_UNKNOWN);
	else if (strcmp(name, "unmanaged") != 0 && strcmp(name, "none") != 0 &&
		 strcmp(name, "init") != 0 && strcmp(name, "health") != 0 &&
		 strcmp(name, "ingress") != 0)
		return -EINVAL; /* the others: nobody has them here */
	return 0;
}

static int read_entity(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, uint32_t line, const char *name,
		       struct wd_policy_rule *rule)
{
	if (name && !add_entity(p, rule, name))
		return 0;
	if (name && !strcmp(name, "kube-apiserver"))
		wd_read_problem(r, at, line,
				"kube-apiserver is not told from other "
				"addresses; name them by CIDR");
	else
		wd_read_problem(r, at, line, "'%.60s' is no entity",
				name ? name : "");
	return -EINVAL;
}

static int read_entities(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *list,
			 struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list)
		err |= read_entity(r, p, WD_ELEMENT(at, index), e->line,
				   wd_tree_str(e), rule);
	return err;
}

/* ---- other peers ---- */

static int read_endpoint(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule)
{
	struct wd_cilium_selector sel;
	struct wd_peer *peer;
	int err;

	if (wd_read_is_hollow(r, at, map))
		return -EINVAL;
	err = wd_read_cilium_selector(r, at, map, NULL, &sel);
	if (sel.entity) {
		free(sel.pod_sel); /* empty */
		err = read_entity(r, p, at, map->line, sel.entity, rule);
		wd_str_put(sel.entity);
		return err;
	}
	peer = wd_read_peer_add(rule, WD_PEER_PODS);
	peer->ns_sel = sel.ns_sel;
	peer->pod_sel = wd_selector_share(sel.pod_sel);
	if (!peer->ns_sel && p->wide)
		peer->ns_sel = everything();
	return err;
}

static int read_endpoints(struct wd_read *r, const struct place *p,
			  const struct wd_at *at, const struct wd_tree *list,
			  struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list)
		err |= read_endpoint(r, p, WD_ELEMENT(at, index), e, rule);
	return err;
}

static int read_nodes(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *list,
		      struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	(void)p;
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);
		struct wd_peer *peer;

		if (wd_read_is_hollow(r, here, e)) {
			err = -EINVAL;
			continue;
		}
		peer = wd_read_peer_add(rule, WD_PEER_NODES);
		peer->nodes = WD_NODES_OTHER;
		err |= wd_read_peer_selector(r, here, e, &peer->node_sel);
	}
	return err;
}

static int read_cidrs(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *list,
		      struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list) {
		struct wd_peer *peer = wd_read_peer_add(rule, WD_PEER_CIDR);

		peer->scope = world_of(p);
		err |= wd_read_cidr(r, WD_ELEMENT(at, index), e, e->line,
				    &peer->cidr);
	}
	return err;
}

static int read_cidr_set(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule)
{
	static const char *const known[] = { "cidr", "except", NULL };
	const struct wd_tree *except = NULL;
	struct wd_peer *peer;

	/* cidrGroupRef and cidrGroupSelector are not */
	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    wd_read_list(r, at, map, "except", &except))
		return -EINVAL;
	peer = wd_read_peer_add(rule, WD_PEER_CIDR);
	peer->scope = world_of(p);
	if (wd_read_cidr(r, WD_AT(at, "cidr"), wd_tree_get(map, "cidr"),
			 map->line, &peer->cidr))
		return -EINVAL;
	return wd_read_except(r, WD_AT(at, "except"), except, peer);
}

static int read_cidr_sets(struct wd_read *r, const struct place *p,
			  const struct wd_at *at, const struct wd_tree *list,
			  struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list)
		err |= read_cidr_set(r, p, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* The ways to say who, by direction. */
static const struct member {
	const char *key[WD_DIR__MAX];
	int (*read)(struct wd_read *r, const struct place *p,
		    const struct wd_at *at, const struct wd_tree *list,
		    struct wd_policy_rule *rule);
} members[] = {
	{ { [WD_INGRESS] = "fromEndpoints", [WD_EGRESS] = "toEndpoints" },
	  read_endpoints },
	{ { [WD_INGRESS] = "fromEntities", [WD_EGRESS] = "toEntities" },
	  read_entities },
	{ { [WD_INGRESS] = "fromCIDR", [WD_EGRESS] = "toCIDR" }, read_cidrs },
	{ { [WD_INGRESS] = "fromCIDRSet", [WD_EGRESS] = "toCIDRSet" },
	  read_cidr_sets },
	{ { [WD_INGRESS] = "fromNodes", [WD_EGRESS] = "toNodes" }, read_nodes },
};

#define MEMBERS (sizeof(members) / sizeof(*members))

/* ---- ports ---- */

static void port_add(struct wd_policy_rule *rule, const struct wd_port *like)
{
	rule->port = wd_xrealloc(rule->port, rule->port_cnt + 1,
				 sizeof(*rule->port));
	rule->port[rule->port_cnt] = *like;
	rule->port[rule->port_cnt++].name = wd_str_ref(like->name);
}

/* One of the protocols with ports, or 0 for all three; absent is ANY. */
static int read_proto(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, uint8_t *ret)
{
	const char *name = NULL;

	if (wd_read_str(r, at, map, "protocol", &name))
		return -EINVAL;
	*ret = 0;
	if (!name || !strcmp(name, "ANY"))
		return 0;
	if (!strcmp(name, "TCP") || !strcmp(name, "UDP") ||
	    !strcmp(name, "SCTP"))
		return wd_read_proto(r, at, map, ret);
	wd_read_problem(r, WD_AT(at, "protocol"), map->line,
			"'%.20s' is not enforced; it must be TCP, UDP, SCTP or "
			"ANY",
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
		if (nr <= 65535)
			return 0;
		wd_read_problem(r, at, node->line,
				"must be a number up to 65535");
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
	if (port->name || !port->lo) {
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

/* What else stands beside ports looks into connections. */
static int read_port_rule(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_policy_rule *rule)
{
	static const char *const known[] = { "ports", NULL };
	const struct wd_tree *list = NULL;
	uint32_t index;
	int err;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
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

static int read_ports(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *list, struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	rule->any_port = !list;
	if (list && !list->cnt) {
		wd_read_problem(r, at, list->line,
				"is empty; remove it if every port is meant");
		return -EINVAL;
	}
	wd_for_each_element(e, index, list)
		err |= read_port_rule(r, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* ---- rules ---- */

/*
 * Who: nothing said is everybody, an empty list nobody. Cilium takes one way
 * to say it in a rule.
 */
static int read_peers(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *map,
		      struct wd_policy_rule *rule, bool *ret_said)
{
	const char *first = NULL;
	int err = 0;

	for (size_t i = 0; i < MEMBERS; i++) {
		const char *key = members[i].key[p->section->dir];
		const struct wd_tree *list = NULL;

		err |= wd_read_list(r, at, map, key, &list);
		if (!list)
			continue;
		if (first) {
			wd_read_problem(r, WD_AT(at, key), list->line,
					"cannot stand beside %s; write two "
					"rules",
					first);
			err = -EINVAL;
		}
		first = key;
		err |= members[i].read(r, p, WD_AT(at, key), list, rule);
	}
	*ret_said = first != NULL;
	rule->any_peer |= !first;
	return err;
}

/* Absent, or what means the same as being absent. */
static int read_requires(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *map)
{
	const char *key = p->section->dir == WD_INGRESS ? "fromRequires" :
							  "toRequires";
	const struct wd_tree *list = NULL;

	if (wd_read_list(r, at, map, key, &list))
		return -EINVAL;
	if (!list || !list->cnt)
		return 0;
	wd_read_problem(r, WD_AT(at, key), list->line, "is not enforced");
	return -EINVAL;
}

static int read_fields(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, const struct wd_tree *map)
{
	const char *known[MEMBERS + 3] = { 0 };
	size_t cnt = 0;

	for (size_t i = 0; i < MEMBERS; i++)
		known[cnt++] = members[i].key[p->section->dir];
	known[cnt++] = p->section->dir == WD_INGRESS ? "fromRequires" :
						       "toRequires";
	known[cnt] = "toPorts";
	return wd_read_known(r, at, map, known);
}

static void read_rule(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *map,
		      struct wd_policy_rule *rule)
{
	const struct wd_tree *ports = NULL;
	bool said = false;
	int err;

	rule->line = r->line_base + map->line;
	rule->action = p->section->action;
	rule->broken = true;
	if (wd_read_is_hollow(r, at, map))
		return;
	err = read_fields(r, p, at, map);
	err |= read_requires(r, p, at, map);
	err |= wd_read_list(r, at, map, "toPorts", &ports);
	err |= read_peers(r, p, at, map, rule, &said);
	err |= read_ports(r, WD_AT(at, "toPorts"), ports, rule);
	rule->broken = err != 0;
	if (said || ports)
		return;
	/* {} isolates, and allows nobody anything */
	rule->any_peer = false;
	if (rule->action != WD_RULE_DENY)
		return;
	wd_read_problem(r, at, map->line,
			"denies nobody; write 'fromEntities: [all]' if "
			"everybody is meant");
	rule->broken = true;
}

/* ---- specs ---- */

/* Return: 0, or -EINVAL: how many rules there are is not clear. */
static int read_section(struct wd_read *r, const struct place *p,
			const struct wd_at *at, const struct wd_tree *map,
			struct wd_spec *spec)
{
	const struct section *s = p->section;
	const struct wd_tree *list = NULL;
	uint32_t *cnt = &spec->rule_cnt[s->dir];
	uint32_t index;

	if (wd_read_list(r, at, map, s->key, &list))
		return -EINVAL;
	if (!list || !list->cnt)
		return 0;
	spec->applies[s->dir] = true;
	spec->isolates[s->dir] = true;
	spec->rule[s->dir] = wd_xrealloc(spec->rule[s->dir], *cnt + list->cnt,
					 sizeof(*spec->rule[s->dir]));
	memset(&spec->rule[s->dir][*cnt], 0,
	       list->cnt * sizeof(*spec->rule[s->dir]));
	wd_for_each_element(e, index, list)
		read_rule(r, p, WD_ELEMENT(WD_AT(at, s->key), index), e,
			  &spec->rule[s->dir][(*cnt)++]);
	return 0;
}

static int read_default_deny(struct wd_read *r, const struct wd_at *at,
			     const struct wd_tree *map, struct wd_spec *spec)
{
	static const char *const known[] = { "ingress", "egress", NULL };
	const struct wd_tree *deny = NULL;
	int err = wd_read_map(r, at, map, "enableDefaultDeny", &deny);

	if (err || !deny)
		return err;
	at = WD_AT(at, "enableDefaultDeny");
	err = wd_read_known(r, at, deny, known);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		const char *key = dir == WD_INGRESS ? "ingress" : "egress";

		if (!wd_tree_get(deny, key))
			continue;
		err |= wd_read_bool(r, at, deny, key, &spec->isolates[dir]);
		spec->applies[dir] |= spec->isolates[dir];
	}
	return err;
}

static void break_spec(struct wd_spec *spec)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		spec->isolates[dir] = spec->applies[dir] = true;
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++)
			spec->rule[dir][i].broken = true;
	}
}

static void read_rules(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, bool wide,
		       struct wd_spec *spec)
{
	static const char *const known[] = { "endpointSelector",
					     "ingress",
					     "ingressDeny",
					     "egress",
					     "egressDeny",
					     "enableDefaultDeny",
					     "labels",
					     "description",
					     "log",
					     NULL };
	int err = wd_read_known(r, at, map, known);

	for (size_t i = 0; i < SECTIONS; i++) {
		const struct place p = { &sections[i], wide };

		err |= read_section(r, &p, at, map, spec);
	}
	err |= read_default_deny(r, at, map, spec);
	if (err)
		break_spec(spec);
}

static int read_subject(struct wd_read *r, const struct wd_at *at,
			const struct wd_tree *map, const struct wd_meta *meta,
			struct wd_spec *spec)
{
	struct wd_cilium_selector sel;
	const struct wd_tree *node = NULL;
	int err;

	if (wd_read_map(r, at, map, "endpointSelector", &node))
		return -EINVAL;
	at = WD_AT(at, "endpointSelector");
	if (!node) {
		wd_read_problem(r, at, map->line,
				"is missing; policies of nodes are not "
				"enforced, and {} means every pod");
		return -EINVAL;
	}
	err = wd_read_cilium_selector(r, at, node, *meta->ns ? meta->ns : NULL,
				      &sel);
	spec->ns_sel = sel.ns_sel;
	spec->subject = wd_selector_share(sel.pod_sel);
	if (!spec->ns_sel && !*meta->ns)
		spec->ns_sel = everything();
	if (sel.entity) {
		wd_read_problem(r, at, node->line,
				"means no pod but 'reserved:%.40s'",
				sel.entity);
		wd_str_put(sel.entity);
		err = -EINVAL;
	}
	return err;
}

/* ---- the policy ---- */

/* "spec" and "specs" together; each element is one. */
static uint32_t count_specs(const struct wd_tree *one,
			    const struct wd_tree *many)
{
	return (one ? 1 : 0) + (many ? many->cnt : 0);
}

static int read_subjects(struct wd_read *r, const struct wd_tree *one,
			 const struct wd_tree *many, const struct wd_meta *meta,
			 struct wd_policy *policy)
{
	uint32_t nr = 0;
	uint32_t index;

	if (one && read_subject(r, WD_AT(NULL, "spec"), one, meta,
				&policy->spec[nr++]))
		return -EINVAL;
	wd_for_each_element(e, index, many) {
		const struct wd_at *at =
			WD_ELEMENT(WD_AT(NULL, "specs"), index);

		if (wd_read_is_hollow(r, at, e) ||
		    read_subject(r, at, e, meta, &policy->spec[nr++]))
			return -EINVAL;
	}
	return 0;
}

static void read_all_rules(struct wd_read *r, const struct wd_tree *doc,
			   const struct wd_tree *one,
			   const struct wd_tree *many, bool wide,
			   struct wd_policy *policy)
{
	static const char *const known[] = { "apiVersion", "kind",  "metadata",
					     "spec",	   "specs", "status",
					     NULL };
	int err = wd_read_known(r, NULL, doc, known);
	uint32_t nr = 0;
	uint32_t index;

	if (one)
		read_rules(r, WD_AT(NULL, "spec"), one, wide,
			   &policy->spec[nr++]);
	wd_for_each_element(e, index, many)
		read_rules(r, WD_ELEMENT(WD_AT(NULL, "specs"), index), e, wide,
			   &policy->spec[nr++]);
	for (uint32_t i = 0; err && i < policy->spec_cnt; i++)
		break_spec(&policy->spec[i]);
}

static int read_policy(struct wd_read *r, enum wd_kind kind,
		       const struct wd_tree *doc, const struct wd_meta *meta,
		       struct wd_object **ret_obj)
{
	const struct wd_tree *one = NULL;
	const struct wd_tree *many = NULL;
	struct wd_object *obj;

	if (wd_read_map(r, NULL, doc, "spec", &one) ||
	    wd_read_list(r, NULL, doc, "specs", &many))
		return -EINVAL;
	if (!count_specs(one, many)) {
		wd_read_problem(r, WD_AT(NULL, "spec"), doc->line,
				"is missing");
		return -EINVAL;
	}
	obj = wd_read_object_new(r, (int)kind, meta, doc->line);
	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, count_specs(one, many));
	if (read_subjects(r, one, many, meta, &obj->policy)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	r->effect = WD_PROBLEM_ISOLATED;
	read_all_rules(r, doc, one, many, kind == WD_KIND_CILIUM_CNP,
		       &obj->policy);
	*ret_obj = obj;
	return 0;
}

int wd_read_cilium_np(struct wd_read *r, const struct wd_tree *doc,
		      const struct wd_meta *meta, struct wd_object **ret_obj)
{
	return read_policy(r, WD_KIND_CILIUM_NP, doc, meta, ret_obj);
}

int wd_read_cilium_cnp(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj)
{
	return read_policy(r, WD_KIND_CILIUM_CNP, doc, meta, ret_obj);
}
