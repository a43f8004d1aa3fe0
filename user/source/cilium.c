/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium.c - CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy
 * (cilium.io/v2), as far as addresses and ports decide.
 *
 * A cluster-wide one may be about nodes instead of pods (nodeSelector): what the
 * sockets of such a node receive and send.
 *
 * Until all subjects are clear nothing changes. Then a rule that needs what
 * warder does not enforce (names of domains, HTTP, TLS, authentication, ...)
 * is broken as a whole: one that allows then allows nothing, one that denies
 * denies everything. A field outside of the rules that is not understood could
 * have been to deny, so it denies everything, too.
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

#define LOG_MAX 32 /* characters of log.value, as the API has it */

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
	const char *ns; /* the policy's, "" of the cluster-wide kind */
	bool nodes; /* the subject is nodes, which name no ports */
};

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

static struct wd_peer *add_apiserver(struct wd_policy_rule *rule)
{
	struct wd_peer *peer = wd_read_peer_add(rule, WD_PEER_SERVICES);

	peer->service_ns = wd_str_get("default");
	peer->service = wd_str_get("kubernetes");
	return peer;
}

static void add_cluster(struct wd_policy_rule *rule)
{
	wd_read_peer_add(rule, WD_PEER_PODS)->ns_sel = wd_read_everything();
	wd_read_peer_add(rule, WD_PEER_NODES);
	add_apiserver(rule)->only_known = true;
}

/* Who nobody tells of: an address inside the cluster that is unknown may be one. */
static bool is_untold(const char *name)
{
	return !strcmp(name, "unmanaged") || !strcmp(name, "init") ||
	       !strcmp(name, "health") || !strcmp(name, "ingress");
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
		add_cluster(rule);
	else if (!strcmp(name, "host"))
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OWN;
	else if (!strcmp(name, "remote-node"))
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OTHER;
	else if (!strcmp(name, "kube-apiserver"))
		(void)add_apiserver(rule);
	else if (is_untold(name) && denies)
		add_world(rule, WD_CIDR_UNKNOWN);
	else if (!is_untold(name) && strcmp(name, "none") != 0)
		return -EINVAL;
	return 0;
}

static int read_entity(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, uint32_t line, const char *name,
		       struct wd_policy_rule *rule)
{
	if (name && !add_entity(p, rule, name))
		return 0;
	wd_read_problem(r, at, line, "'%.60s' is no entity", name ? name : "");
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
	err = wd_read_cilium_selector(r, at, map, p->ns, false, &sel);
	if (sel.entity) {
		free(sel.pod_sel); /* empty */
		err = read_entity(r, p, at, map->line, sel.entity, rule);
		wd_str_put(sel.entity);
		return err;
	}
	peer = wd_read_peer_add(rule, WD_PEER_PODS);
	peer->ns_sel = sel.ns_sel;
	peer->pod_sel = wd_selector_share(sel.pod_sel);
	if (!peer->ns_sel && !*p->ns)
		peer->ns_sel = wd_read_everything();
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

/* What of a group's prefixes is not meant: may be inside some of them or not. */
static int read_group_except(struct wd_read *r, const struct wd_at *at,
			     const struct wd_tree *list, struct wd_peer *peer)
{
	uint32_t index;
	int err = 0;

	peer->except = wd_xcalloc(list ? list->cnt : 0, sizeof(*peer->except));
	peer->except_cnt = list ? list->cnt : 0;
	wd_for_each_element(e, index, list)
		err |= wd_read_cidr(r, WD_ELEMENT(at, index), e, e->line,
				    &peer->except[index]);
	return err;
}

/* {cidrGroupRef} or {cidrGroupSelector}, with excepts. */
static int read_groups(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, const struct wd_tree *map,
		       struct wd_policy_rule *rule)
{
	static const char *const by_name[] = { "cidrGroupRef", "except", NULL };
	static const char *const by_label[] = { "cidrGroupSelector", "except",
						NULL };
	const struct wd_tree *sel = NULL;
	const struct wd_tree *except = NULL;
	const char *name = NULL;
	struct wd_peer *peer;

	if (wd_read_known(r, at, map,
			  wd_tree_get(map, *by_name) ? by_name : by_label) ||
	    wd_read_str(r, at, map, *by_name, &name) ||
	    wd_read_map(r, at, map, *by_label, &sel) ||
	    wd_read_list(r, at, map, "except", &except))
		return -EINVAL;
	/* As in other selectors {} could be all of them, or a mistake. */
	if (name ? !*name : !sel->cnt) {
		wd_read_problem(r, WD_AT(at, name ? *by_name : *by_label),
				map->line, "must not be empty");
		return -EINVAL;
	}
	peer = wd_read_peer_add(rule, WD_PEER_GROUPS);
	peer->scope = world_of(p);
	peer->group = name ? wd_str_get(name) : NULL;
	return wd_read_peer_selector(r, WD_AT(at, *by_label), sel,
				     &peer->group_sel) |
	       read_group_except(r, WD_AT(at, "except"), except, peer);
}

static int read_cidr_set(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule)
{
	static const char *const known[] = { "cidr", "except", NULL };
	const struct wd_tree *except = NULL;
	struct wd_peer *peer;

	if (wd_read_is_hollow(r, at, map))
		return -EINVAL;
	if (wd_tree_get(map, "cidrGroupRef") ||
	    wd_tree_get(map, "cidrGroupSelector"))
		return read_groups(r, p, at, map, rule);
	if (wd_read_known(r, at, map, known) ||
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

/*
 * Where services are looked for whose namespace is not named: what allows in a
 * namespace means only its own, or any other could widen it; what denies, all.
 */
static const char *services_ns(const struct place *p, const char *named)
{
	if (named && *named)
		return wd_str_get(named);
	return *p->ns && p->section->action == WD_RULE_ALLOW ?
		       wd_str_get(p->ns) :
		       NULL;
}

/* The same: what allows for the whole cluster must say whose services. */
static bool lacks_namespace(struct wd_read *r, const struct place *p,
			    const struct wd_at *at, const struct wd_tree *map,
			    const char *named)
{
	if ((named && *named) || *p->ns || p->section->action != WD_RULE_ALLOW)
		return false;
	wd_read_problem(r, WD_AT(at, "namespace"), map->line,
			"is missing: a rule that allows for the whole cluster "
			"must name it, since services of that name in any "
			"namespace could widen it");
	return true;
}

static int read_service(struct wd_read *r, const struct place *p,
			const struct wd_at *at, const struct wd_tree *map,
			struct wd_policy_rule *rule)
{
	static const char *const known[] = { "serviceName", "namespace", NULL };
	const char *name = NULL;
	const char *ns = NULL;
	struct wd_peer *peer;

	if (wd_read_known(r, at, map, known) |
	    wd_read_str(r, at, map, "serviceName", &name) |
	    wd_read_str(r, at, map, "namespace", &ns))
		return -EINVAL;
	if (!name || !*name) {
		wd_read_problem(r, WD_AT(at, "serviceName"), map->line,
				"is missing");
		return -EINVAL;
	}
	if (lacks_namespace(r, p, at, map, ns))
		return -EINVAL;
	peer = wd_read_peer_add(rule, WD_PEER_SERVICES);
	peer->service = wd_str_get(name);
	peer->service_ns = services_ns(p, ns);
	if (peer->service_ns || !*p->ns)
		return 0;
	/* Only the own namespace's makes it known, or any other could narrow it. */
	peer->only_known = true;
	peer = wd_read_peer_add(rule, WD_PEER_SERVICES);
	peer->service = wd_str_get(name);
	peer->service_ns = wd_str_get(p->ns);
	return 0;
}

static int read_service_labels(struct wd_read *r, const struct place *p,
			       const struct wd_at *at,
			       const struct wd_tree *map,
			       struct wd_policy_rule *rule)
{
	static const char *const known[] = { "selector", "namespace", NULL };
	const struct wd_tree *sel = NULL;
	const char *ns = NULL;
	struct wd_peer *peer;

	if (wd_read_known(r, at, map, known) |
	    wd_read_map(r, at, map, "selector", &sel) |
	    wd_read_str(r, at, map, "namespace", &ns))
		return -EINVAL;
	if (!sel || !sel->cnt) {
		wd_read_problem(r, WD_AT(at, "selector"), map->line,
				"must not be empty");
		return -EINVAL;
	}
	if (lacks_namespace(r, p, at, map, ns))
		return -EINVAL;
	peer = wd_read_peer_add(rule, WD_PEER_SERVICES);
	peer->service_ns = services_ns(p, ns);
	return wd_read_peer_selector(r, WD_AT(at, "selector"), sel,
				     &peer->service_sel);
}

/* {k8sService} or {k8sServiceSelector} */
static int read_services(struct wd_read *r, const struct place *p,
			 const struct wd_at *at, const struct wd_tree *list,
			 struct wd_policy_rule *rule)
{
	static const char *const ways[] = { "k8sService", "k8sServiceSelector",
					    NULL };
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);
		const struct wd_tree *name = NULL;
		const struct wd_tree *sel = NULL;

		if (wd_read_is_hollow(r, here, e) ||
		    wd_read_known(r, here, e, ways) |
			    wd_read_map(r, here, e, ways[0], &name) |
			    wd_read_map(r, here, e, ways[1], &sel)) {
			err = -EINVAL;
		} else if (!name == !sel) {
			wd_read_problem(r, here, e->line,
					"must have one of k8sService and "
					"k8sServiceSelector");
			err = -EINVAL;
		} else if (name) {
			err |= read_service(r, p, WD_AT(here, ways[0]), name,
					    rule);
		} else {
			err |= read_service_labels(r, p, WD_AT(here, ways[1]),
						   sel, rule);
		}
	}
	return err;
}

/* The ways to say who, by direction; not all can be said of ingress. */
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
	{ { [WD_EGRESS] = "toServices" }, read_services },
};

#define MEMBERS (sizeof(members) / sizeof(*members))

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

		if (key)
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
	const char *known[MEMBERS + 4] = { 0 };
	size_t cnt = 0;

	for (size_t i = 0; i < MEMBERS; i++) {
		known[cnt] = members[i].key[p->section->dir];
		cnt += known[cnt] != NULL;
	}
	known[cnt++] = p->section->dir == WD_INGRESS ? "fromRequires" :
						       "toRequires";
	known[cnt++] = "toPorts";
	known[cnt] = "icmps";
	return wd_read_known(r, at, map, known);
}

/*
 * A name of a port is looked up at who is sent to, and only pods have any.
 * Who allows everybody means those pods; who denies everybody means more.
 */
static int check_names(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, uint32_t line,
		       const struct wd_policy_rule *rule)
{
	if (!wd_read_names_ports(rule) ||
	    (p->section->dir == WD_INGRESS && !p->nodes) ||
	    (p->section->dir == WD_EGRESS && wd_read_means_pods(rule) &&
	     (!rule->any_peer || rule->action == WD_RULE_ALLOW)))
		return 0;
	wd_read_problem(r, WD_AT(at, "toPorts"), line,
			"has the name of a port, and only pods have those: "
			"name pods in toEndpoints, or ports by number");
	return -EINVAL;
}

static void read_rule(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *map,
		      struct wd_policy_rule *rule)
{
	bool said = false;
	int err;

	rule->line = r->line_base + map->line;
	rule->action = p->section->action;
	rule->broken = true;
	if (wd_read_is_hollow(r, at, map))
		return;
	err = read_fields(r, p, at, map);
	err |= read_requires(r, p, at, map);
	err |= read_peers(r, p, at, map, rule, &said);
	err |= wd_read_cilium_l4(r, at, map, rule);
	if (!err)
		err = check_names(r, p, at, map->line, rule);
	rule->broken = err != 0;
	if (said || !rule->any_port)
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

/* Text of the API's length without control characters. */
static bool is_loggable(const char *text)
{
	size_t cnt = 0;

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == 0x7f)
			return false;
		cnt += (byte & 0xc0) != 0x80; /* not the rest of a character */
	}
	return cnt <= LOG_MAX;
}

/* For readers of events only: what is wrong with it changes no verdict. */
static void read_log(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_spec *spec)
{
	static const char *const known[] = { "value", NULL };
	const enum wd_problem_effect effect = r->effect;
	const struct wd_tree *log = NULL;
	const char *text = NULL;

	r->effect = WD_PROBLEM_IGNORED;
	if (!wd_read_map(r, at, map, "log", &log) && log &&
	    !wd_read_known(r, WD_AT(at, "log"), log, known) &&
	    !wd_read_str(r, WD_AT(at, "log"), log, "value", &text) && text) {
		if (!is_loggable(text))
			wd_read_problem(r, WD_AT(WD_AT(at, "log"), "value"),
					log->line,
					"must be at most %d printable "
					"characters; taken as if it were not "
					"there",
					LOG_MAX);
		else if (*text)
			spec->log = wd_str_get(text);
	}
	r->effect = effect;
}

/* Other policies may allow what a lost rule was to deny: isolating is not enough. */
static void break_spec(struct wd_spec *spec, uint32_t line)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		spec->isolates[dir] = spec->applies[dir] = true;
	wd_read_break_spec(spec, line);
}

static void read_rules(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, const char *ns,
		       struct wd_spec *spec)
{
	const char *const known[] = { spec->nodes ? "nodeSelector" :
						    "endpointSelector",
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
		const struct place p = { &sections[i], ns, spec->nodes };

		err |= read_section(r, &p, at, map, spec);
	}
	err |= read_default_deny(r, at, map, spec);
	read_log(r, at, map, spec);
	if (err)
		break_spec(spec, r->line_base + map->line);
}

/* Return: 1 it is about nodes; 0; or -EINVAL with the problem told. */
static int read_nodes_meant(struct wd_read *r, const struct wd_at *at,
			    const struct wd_tree *map,
			    const struct wd_meta *meta, struct wd_spec *spec)
{
	const struct wd_tree *node = NULL;
	const struct wd_tree *other = NULL;

	if (wd_read_map(r, at, map, "nodeSelector", &node) |
	    wd_read_map(r, at, map, "endpointSelector", &other))
		return -EINVAL;
	if (!node)
		return 0;
	at = WD_AT(at, "nodeSelector");
	if (*meta->ns || other) {
		wd_read_problem(r, at, node->line,
				other ? "cannot stand beside endpointSelector" :
					"is for CiliumClusterwideNetworkPolicy "
					"only: a namespace has no nodes");
		return -EINVAL;
	}
	spec->nodes = true;
	return wd_read_peer_selector(r, at, node, &spec->subject) ? -EINVAL : 1;
}

static int read_subject(struct wd_read *r, const struct wd_at *at,
			const struct wd_tree *map, const struct wd_meta *meta,
			struct wd_spec *spec)
{
	struct wd_cilium_selector sel;
	const struct wd_tree *node = NULL;
	int err = read_nodes_meant(r, at, map, meta, spec);

	if (err)
		return err < 0 ? err : 0;
	if (wd_read_map(r, at, map, "endpointSelector", &node))
		return -EINVAL;
	at = WD_AT(at, "endpointSelector");
	if (!node) {
		wd_read_problem(r, at, map->line,
				"is missing; {} means every pod");
		return -EINVAL;
	}
	err = wd_read_cilium_selector(r, at, node, meta->ns, *meta->ns != '\0',
				      &sel);
	spec->ns_sel = sel.ns_sel;
	spec->subject = wd_selector_share(sel.pod_sel);
	if (!spec->ns_sel && !*meta->ns)
		spec->ns_sel = wd_read_everything();
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

/* As an example of Cilium's has it: the API drops it there, and it says nothing. */
static void tell_of_description(struct wd_read *r, const struct wd_tree *doc)
{
	const enum wd_problem_effect effect = r->effect;
	const struct wd_tree *text = wd_tree_get(doc, "description");

	r->effect = WD_PROBLEM_IGNORED;
	if (text && !wd_tree_is_null(text))
		wd_read_problem(r, WD_AT(NULL, "description"), text->line,
				"belongs into spec; it changes nothing");
	r->effect = effect;
}

static void read_all_rules(struct wd_read *r, const struct wd_tree *doc,
			   const struct wd_tree *one,
			   const struct wd_tree *many, const char *ns,
			   struct wd_policy *policy)
{
	static const char *const known[] = { "apiVersion",  "kind",  "metadata",
					     "spec",	    "specs", "status",
					     "description", NULL };
	int err = wd_read_known(r, NULL, doc, known);
	uint32_t nr = 0;
	uint32_t index;

	tell_of_description(r, doc);

	if (one)
		read_rules(r, WD_AT(NULL, "spec"), one, ns,
			   &policy->spec[nr++]);
	wd_for_each_element(e, index, many)
		read_rules(r, WD_ELEMENT(WD_AT(NULL, "specs"), index), e, ns,
			   &policy->spec[nr++]);
	for (uint32_t i = 0; err && i < policy->spec_cnt; i++)
		break_spec(&policy->spec[i], r->line_base + doc->line);
}

/* All of the policy that has a say, to be read again when it is no more. */
static char *text_of(const struct wd_tree *doc, const struct wd_meta *meta,
		     bool on_trial)
{
	char *all = wd_xprintf("{metadata: {name: \"%s\"%s}", meta->name,
			       on_trial ? ", annotations: "
					  "{warder.io/audit: \"true\"}" :
					  "");
	char *text;

	wd_for_each_entry(part, doc) {
		char *one, *more;

		if (!strcmp(part->key, "metadata") ||
		    !strcmp(part->key, "status"))
			continue;
		one = wd_tree_text(part);
		more = wd_xprintf("%s, \"%s\": %s", all, part->key, one);
		free(one);
		free(all);
		all = more;
	}
	text = wd_xprintf("%s}", all);
	free(all);
	return text;
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
	obj->policy.on_trial = wd_read_on_trial(r, meta);
	obj->policy.response = wd_read_response(r, meta, true);
	wd_policy_specs(obj, count_specs(one, many));
	if (read_subjects(r, one, many, meta, &obj->policy)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	if (wd_policy_nodes(&obj->policy))
		obj->policy.text = text_of(doc, meta, obj->policy.on_trial);
	r->effect = WD_PROBLEM_ISOLATED;
	read_all_rules(r, doc, one, many, meta->ns, &obj->policy);
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
