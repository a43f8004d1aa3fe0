/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium_peer.c - who a rule of Cilium's is about: endpoints, entities, prefixes,
 * nodes, services.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/xalloc.h"
#include "cilium.h"

/* ---- entities ---- */

static enum wd_cidr_scope world_of(const struct wd_cilium_place *p)
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
static int add_entity(const struct wd_cilium_place *p,
		      struct wd_policy_rule *rule, const char *name)
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

static int read_entity(struct wd_read *r, const struct wd_cilium_place *p,
		       const struct wd_at *at, uint32_t line, const char *name,
		       struct wd_policy_rule *rule)
{
	if (name && !add_entity(p, rule, name))
		return 0;
	wd_read_problem(r, at, line, "'%.60s' is no entity", name ? name : "");
	return -EINVAL;
}

static int read_entities(struct wd_read *r, const struct wd_cilium_place *p,
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

/* Everybody who is no pod, as far as the selector does not spare them. */
static void add_others(struct wd_policy_rule *rule,
		       const struct wd_cilium_selector *sel)
{
	add_world(rule, sel->spares_world ? WD_CIDR_UNKNOWN : WD_CIDR_STRANGER);
	if (!sel->spares_own)
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OWN;
	if (!sel->spares_nodes)
		wd_read_peer_add(rule, WD_PEER_NODES)->nodes = WD_NODES_OTHER;
}

static int read_endpoint(struct wd_read *r, const struct wd_cilium_place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule)
{
	struct wd_cilium_selector sel;
	struct wd_peer *peer;
	int err;

	if (wd_read_is_hollow(r, at, map))
		return -EINVAL;
	err = wd_read_cilium_selector(r, at, map, p->ns,
				      p->section->action == WD_RULE_DENY ?
					      WD_CILIUM_DENIED :
					      WD_CILIUM_ALLOWED,
				      &sel);
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
	if (sel.others)
		add_others(rule, &sel);
	return err;
}

static int read_endpoints(struct wd_read *r, const struct wd_cilium_place *p,
			  const struct wd_at *at, const struct wd_tree *list,
			  struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = 0;

	wd_for_each_element(e, index, list)
		err |= read_endpoint(r, p, WD_ELEMENT(at, index), e, rule);
	return err;
}

static int read_nodes(struct wd_read *r, const struct wd_cilium_place *p,
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
		err |= wd_read_sourced_selector(r, here, e, WD_SOURCE_NODE,
						&peer->node_sel);
	}
	return err;
}

static int read_cidrs(struct wd_read *r, const struct wd_cilium_place *p,
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

/* What says which is one of three, the others are null. */
static const char *const cidr_fields[] = { "cidr", "cidrGroupRef",
					   "cidrGroupSelector", "except",
					   NULL };

/* {cidrGroupRef} or {cidrGroupSelector}, with excepts. */
static int read_groups(struct wd_read *r, const struct wd_cilium_place *p,
		       const struct wd_at *at, const struct wd_tree *map,
		       struct wd_policy_rule *rule)
{
	static const char by_name[] = "cidrGroupRef";
	static const char by_label[] = "cidrGroupSelector";
	const struct wd_tree *sel = NULL;
	const struct wd_tree *except = NULL;
	const char *name = NULL;
	struct wd_peer *peer;

	if (wd_read_known(r, at, map, cidr_fields) ||
	    wd_read_str(r, at, map, by_name, &name) ||
	    wd_read_map(r, at, map, by_label, &sel) ||
	    wd_read_list(r, at, map, "except", &except))
		return -EINVAL;
	/* As in other selectors {} could be all of them, or a mistake. */
	if (name ? !*name : !sel->cnt) {
		wd_read_problem(r, WD_AT(at, name ? by_name : by_label),
				map->line, "must not be empty");
		return -EINVAL;
	}
	peer = wd_read_peer_add(rule, WD_PEER_GROUPS);
	peer->scope = world_of(p);
	peer->group = name ? wd_str_get(name) : NULL;
	return wd_read_peer_selector(r, WD_AT(at, by_label), sel,
				     &peer->group_sel) |
	       read_group_except(r, WD_AT(at, "except"), except, peer);
}

static int read_cidr_set(struct wd_read *r, const struct wd_cilium_place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule)
{
	const struct wd_tree *except = NULL;
	struct wd_peer *peer;

	if (wd_read_is_hollow(r, at, map))
		return -EINVAL;
	if (!!wd_tree_get(map, "cidr") + !!wd_tree_get(map, "cidrGroupRef") +
		    !!wd_tree_get(map, "cidrGroupSelector") >
	    1) {
		wd_read_problem(r, at, map->line,
				"must have one of cidr, cidrGroupRef and "
				"cidrGroupSelector");
		return -EINVAL;
	}
	if (wd_tree_get(map, "cidrGroupRef") ||
	    wd_tree_get(map, "cidrGroupSelector"))
		return read_groups(r, p, at, map, rule);
	if (wd_read_known(r, at, map, cidr_fields) ||
	    wd_read_list(r, at, map, "except", &except))
		return -EINVAL;
	peer = wd_read_peer_add(rule, WD_PEER_CIDR);
	peer->scope = world_of(p);
	if (wd_read_cidr(r, WD_AT(at, "cidr"), wd_tree_get(map, "cidr"),
			 map->line, &peer->cidr))
		return -EINVAL;
	return wd_read_except(r, WD_AT(at, "except"), except, peer);
}

static int read_cidr_sets(struct wd_read *r, const struct wd_cilium_place *p,
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
static const char *services_ns(const struct wd_cilium_place *p,
			       const char *named)
{
	if (named && *named)
		return wd_str_get(named);
	return *p->ns && p->section->action == WD_RULE_ALLOW ?
		       wd_str_get(p->ns) :
		       NULL;
}

/* The same: what allows for the whole cluster must say whose services. */
static bool lacks_namespace(struct wd_read *r, const struct wd_cilium_place *p,
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

static int read_service(struct wd_read *r, const struct wd_cilium_place *p,
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

static int read_service_labels(struct wd_read *r,
			       const struct wd_cilium_place *p,
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
	if (wd_read_sourced_selector(r, WD_AT(at, "selector"), sel,
				     WD_SOURCE_K8S, &peer->service_sel))
		return -EINVAL;
	if (peer->service_ns || !*p->ns)
		return 0;
	/* Others' that lead nowhere shut nothing, the own namespace's do. */
	peer->only_known = true;
	peer = wd_read_peer_add(rule, WD_PEER_SERVICES);
	peer->service_ns = wd_str_get(p->ns);
	return wd_read_sourced_selector(r, WD_AT(at, "selector"), sel,
					WD_SOURCE_K8S, &peer->service_sel);
}

/* {k8sService} or {k8sServiceSelector} */
static int read_services(struct wd_read *r, const struct wd_cilium_place *p,
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
	int (*read)(struct wd_read *r, const struct wd_cilium_place *p,
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

_Static_assert(sizeof(members) / sizeof(*members) == WD_CILIUM_PEERS,
	       "as the header has it");

const char *wd_cilium_peer_key(size_t way, enum wd_dir dir)
{
	return members[way].key[dir];
}

int wd_read_cilium_peers(struct wd_read *r, const struct wd_cilium_place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule, bool *ret_said)
{
	const char *first = NULL;
	bool nobody = false;
	int err = 0;

	*ret_said = false;
	for (size_t i = 0; i < WD_CILIUM_PEERS; i++) {
		const char *key = members[i].key[p->section->dir];
		const struct wd_tree *list = NULL;

		if (key)
			err |= wd_read_list(r, at, map, key, &list);
		*ret_said |= list != NULL;
		nobody |= list && !list->cnt &&
			  members[i].read != read_services;
		if (!list || !list->cnt)
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
	rule->any_peer |= !*ret_said;
	/* As Cilium has it, whatever stands beside; what denies goes on to deny. */
	if (nobody && p->section->action == WD_RULE_ALLOW)
		wd_rule_nobody(rule);
	return err;
}
