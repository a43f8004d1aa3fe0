/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * admin.c - policies of those who run the cluster: ClusterNetworkPolicy
 * (policy.networking.k8s.io/v1alpha2 and v1beta1, which say the same), and
 * AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1), which it
 * replaces.
 *
 * Tier, priority and subject say where a policy stands: until they are clear
 * nothing changes. From then on a rule that is not understood as a whole is
 * broken, and a field outside of the rules that is not understood makes the
 * policy deny its subject everything.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

/* What tells the three kinds apart. Maxima are the API's (CRD schemas of network-policy-api 0.2.0). */
struct dialect {
	enum wd_kind kind;
	const char *allow; /* word for the action */
	const char *ports; /* key of the list of ports in a rule */
	uint32_t rules_max;
	uint32_t peers_max;
	uint32_t ports_max;
	int (*read_port)(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map,
			 struct wd_policy_rule *rule);
};

/* Where a rule is read. */
struct place {
	const struct dialect *dialect;
	enum wd_tier tier;
	int dir;
};

#define NETWORKS_MAX 25
#define NAME_MAX_CHARS 100
#define PRIORITY_MAX 1000

/* ---- small parts ---- */

/* The only field of a map of which exactly one must be there; NULL with a problem told. */
static const struct wd_tree *read_one_of(struct wd_read *r,
					 const struct wd_at *at,
					 const struct wd_tree *map,
					 const char *const *known)
{
	const struct wd_tree *one = NULL;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known))
		return NULL;
	wd_for_each_entry(e, map) {
		if (wd_tree_is_null(e))
			continue;
		if (one) {
			wd_read_problem(r, WD_AT(at, e->key), e->line,
					"cannot stand beside %s; write two "
					"entries",
					one->key);
			return NULL;
		}
		one = e;
	}
	if (!one)
		wd_read_problem(r, at, map->line, "says nothing");
	return one;
}

static int read_count(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *list, uint32_t max)
{
	if (!list || list->cnt <= max)
		return 0;
	wd_read_problem(r, at, list->line,
			"has %u entries; the API takes %u, so split the policy",
			list->cnt, max);
	return -EINVAL;
}

static int read_number(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, const char *key, long max,
		       uint32_t *ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);
	long nr = -1;

	if (node && node->type == WD_TREE_SCALAR &&
	    wd_tree_scalar(node) == WD_SCALAR_INT && strlen(node->text) < 8)
		nr = strtol(node->text, NULL, 10);
	if (nr < 0 || nr > max) {
		wd_read_problem(r, WD_AT(at, key),
				node ? node->line : map->line,
				"must be a number from 0 to %ld", max);
		return -EINVAL;
	}
	*ret = (uint32_t)nr;
	return 0;
}

/* ---- whom a policy or a peer means ---- */

/* {namespaceSelector, podSelector}; the older API wants both, the newer takes the first for {}. */
static int read_pods(struct wd_read *r, const struct dialect *dialect,
		     const struct wd_at *at, const struct wd_tree *map,
		     const struct wd_tree **ret_nss,
		     const struct wd_tree **ret_pods)
{
	static const char *const known[] = { "namespaceSelector", "podSelector",
					     NULL };

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    wd_read_map(r, at, map, "namespaceSelector", ret_nss) ||
	    wd_read_map(r, at, map, "podSelector", ret_pods))
		return -EINVAL;
	if (*ret_pods && (*ret_nss || dialect->kind == WD_KIND_CLUSTER_NP))
		return 0;
	wd_read_problem(
		r, WD_AT(at, *ret_pods ? "namespaceSelector" : "podSelector"),
		map->line, "is missing; write {} if all are meant");
	return -EINVAL;
}

static int read_networks(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *list,
			 struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = read_count(r, at, list, NETWORKS_MAX);

	if (list->type != WD_TREE_LIST || !list->cnt) {
		wd_read_problem(r, at, list->line,
				"must be a list of at least one CIDR");
		return -EINVAL;
	}
	wd_for_each_element(e, index, list)
		err |= wd_read_cidr(
			r, WD_ELEMENT(at, index), e, e->line,
			&wd_read_peer_add(rule, WD_PEER_CIDR)->cidr);
	return err;
}

static int read_pods_peer(struct wd_read *r, const struct place *p,
			  const struct wd_at *at, const struct wd_tree *map,
			  struct wd_policy_rule *rule)
{
	const struct wd_tree *nss = NULL;
	const struct wd_tree *pods = NULL;
	struct wd_peer *peer;

	if (read_pods(r, p->dialect, at, map, &nss, &pods))
		return -EINVAL;
	peer = wd_read_peer_add(rule, WD_PEER_PODS);
	if (!nss)
		peer->ns_sel = wd_read_everything();
	return wd_read_peer_selector(r, WD_AT(at, "namespaceSelector"), nss,
				     &peer->ns_sel) |
	       wd_read_peer_selector(r, WD_AT(at, "podSelector"), pods,
				     &peer->pod_sel);
}

static int read_peer(struct wd_read *r, const struct place *p,
		     const struct wd_at *at, const struct wd_tree *map,
		     struct wd_policy_rule *rule)
{
	static const char *const known[2][6] = {
		[WD_INGRESS] = { "namespaces", "pods", NULL },
		[WD_EGRESS] = { "namespaces", "pods", "nodes", "networks",
				"domainNames", NULL },
	};
	const struct wd_tree *one = read_one_of(r, at, map, known[p->dir]);
	const struct wd_at *here;

	if (!one)
		return -EINVAL;
	here = WD_AT(at, one->key);
	if (strcmp(one->key, "pods") == 0)
		return read_pods_peer(r, p, here, one, rule);
	if (strcmp(one->key, "networks") == 0)
		return read_networks(r, here, one, rule);
	if (strcmp(one->key, "domainNames") == 0) {
		wd_read_problem(r, here, one->line,
				"names of domains are not enforced; use "
				"networks");
		return -EINVAL;
	}
	if (wd_read_is_hollow(r, here, one))
		return -EINVAL;
	if (strcmp(one->key, "nodes") == 0)
		return wd_read_peer_selector(
			r, here, one,
			&wd_read_peer_add(rule, WD_PEER_NODES)->node_sel);
	return wd_read_peer_selector(
		r, here, one, &wd_read_peer_add(rule, WD_PEER_PODS)->ns_sel);
}

static int read_peers(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *list,
		      uint32_t line, struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = read_count(r, at, list, p->dialect->peers_max);

	if (!list || !list->cnt) {
		wd_read_problem(r, at, list ? list->line : line,
				"must have at least one entry; write "
				"'namespaces: {}' if all pods are meant");
		return -EINVAL;
	}
	wd_for_each_element(e, index, list)
		err |= read_peer(r, p, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* ---- ports ---- */

static struct wd_port *port_add(struct wd_policy_rule *rule, uint8_t proto)
{
	struct wd_port *port;

	rule->port = wd_xrealloc(rule->port, rule->port_cnt + 1,
				 sizeof(*rule->port));
	port = &rule->port[rule->port_cnt++];
	memset(port, 0, sizeof(*port));
	port->proto = proto;
	return port;
}

/* A name is looked up in every protocol. */
static int read_named(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *node, struct wd_policy_rule *rule)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP,
					  IPPROTO_SCTP };
	const char *name = wd_tree_str(node);

	if (!name || !wd_read_is_port_name(name)) {
		wd_read_problem(r, at, node->line,
				"must be the name of a port (lower case, at "
				"most 15 characters)");
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(protos); i++)
		port_add(rule, protos[i])->name = wd_str_get(name);
	return 0;
}

/* {start, end}; @map also has what is in @more */
static int read_range(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, struct wd_port *port)
{
	const struct wd_tree *start = wd_tree_get(map, "start");
	const struct wd_tree *end = wd_tree_get(map, "end");

	if (!start || !end) {
		wd_read_problem(r, WD_AT(at, start ? "end" : "start"),
				map->line, "is missing");
		return -EINVAL;
	}
	if (wd_read_port_nr(r, WD_AT(at, "start"), start, &port->lo) ||
	    wd_read_port_nr(r, WD_AT(at, "end"), end, &port->hi))
		return -EINVAL;
	if (port->lo < port->hi)
		return 0;
	wd_read_problem(r, WD_AT(at, "end"), end->line,
			"must be higher than start");
	return -EINVAL;
}

static int read_one_port(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *node, struct wd_port *port)
{
	if (wd_read_port_nr(r, at, node, &port->lo))
		return -EINVAL;
	port->hi = port->lo;
	return 0;
}

/* v1alpha2: {tcp|udp|sctp: {destinationPort: {number|range}}} or {destinationNamedPort} */
static int read_protocol(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, struct wd_policy_rule *rule)
{
	static const char *const known[] = { "tcp", "udp", "sctp",
					     "destinationNamedPort", NULL };
	static const char *const inner[] = { "destinationPort", NULL };
	static const char *const forms[] = { "number", "range", NULL };
	static const char *const ends[] = { "start", "end", NULL };
	const struct wd_tree *one = read_one_of(r, at, map, known);
	const struct wd_tree *port;
	const struct wd_at *here;
	uint8_t proto;

	if (!one)
		return -EINVAL;
	here = WD_AT(at, one->key);
	if (strcmp(one->key, "destinationNamedPort") == 0)
		return read_named(r, here, one, rule);
	proto = *one->key == 't' ? IPPROTO_TCP :
		*one->key == 'u' ? IPPROTO_UDP :
				   IPPROTO_SCTP;
	one = read_one_of(r, here, one, inner);
	if (!one)
		return -EINVAL;
	here = WD_AT(here, one->key);
	port = read_one_of(r, here, one, forms);
	if (!port)
		return -EINVAL;
	here = WD_AT(here, port->key);
	if (strcmp(port->key, "number") == 0)
		return read_one_port(r, here, port, port_add(rule, proto));
	if (wd_read_is_hollow(r, here, port) ||
	    wd_read_known(r, here, port, ends))
		return -EINVAL;
	return read_range(r, here, port, port_add(rule, proto));
}

/* v1alpha1: {portNumber: {protocol, port}}, {portRange: {protocol, start, end}} or {namedPort} */
static int read_port(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_policy_rule *rule)
{
	static const char *const known[] = { "portNumber", "portRange",
					     "namedPort", NULL };
	static const char *const number[] = { "protocol", "port", NULL };
	static const char *const range[] = { "protocol", "start", "end", NULL };
	const struct wd_tree *one = read_one_of(r, at, map, known);
	const struct wd_tree *port;
	const struct wd_at *here;
	bool is_range;
	uint8_t proto;

	if (!one)
		return -EINVAL;
	here = WD_AT(at, one->key);
	if (strcmp(one->key, "namedPort") == 0)
		return read_named(r, here, one, rule);
	is_range = strcmp(one->key, "portRange") == 0;
	if (wd_read_is_hollow(r, here, one) ||
	    wd_read_known(r, here, one, is_range ? range : number) ||
	    wd_read_proto(r, here, one, &proto))
		return -EINVAL;
	if (is_range)
		return read_range(r, here, one, port_add(rule, proto));
	port = wd_tree_get(one, "port");
	if (port)
		return read_one_port(r, WD_AT(here, "port"), port,
				     port_add(rule, proto));
	wd_read_problem(r, WD_AT(here, "port"), one->line, "is missing");
	return -EINVAL;
}

/* Absent means all; an empty list is refused by the API, and empty is not any. */
static int read_ports(struct wd_read *r, const struct dialect *dialect,
		      const struct wd_at *at, const struct wd_tree *list,
		      struct wd_policy_rule *rule)
{
	uint32_t index;
	int err = read_count(r, at, list, dialect->ports_max);

	if (!list) {
		rule->any_port = true;
		return 0;
	}
	if (!list->cnt) {
		wd_read_problem(r, at, list->line,
				"is empty; remove it if every port is meant");
		return -EINVAL;
	}
	wd_for_each_element(e, index, list)
		err |= dialect->read_port(r, WD_ELEMENT(at, index), e, rule);
	return err;
}

/* ---- rules ---- */

static int read_action(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, const struct wd_tree *map,
		       enum wd_rule_action *ret)
{
	/* the older baseline has nothing to pass on to */
	bool passes = p->dialect->kind != WD_KIND_BASELINE_NP;
	const char *allow = p->dialect->allow;
	const char *text = NULL;

	*ret = WD_RULE_DENY; /* what is not understood closes */
	if (wd_read_str(r, at, map, "action", &text))
		return -EINVAL;
	if (text && strcmp(text, allow) == 0) {
		*ret = WD_RULE_ALLOW;
	} else if (text && passes && strcmp(text, "Pass") == 0) {
		*ret = WD_RULE_PASS;
	} else if (!text || strcmp(text, "Deny") != 0) {
		wd_read_problem(r, WD_AT(at, "action"), map->line,
				"must be %s%s or Deny", allow,
				passes ? ", Pass" : "");
		return -EINVAL;
	}
	return 0;
}

static int read_name(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map)
{
	const char *name = NULL;

	if (wd_read_str(r, at, map, "name", &name))
		return -EINVAL;
	if (!name || strlen(name) <= NAME_MAX_CHARS)
		return 0;
	wd_read_problem(r, WD_AT(at, "name"), map->line,
			"is longer than %d characters", NAME_MAX_CHARS);
	return -EINVAL;
}

/* The API refuses it (a rule of its schema): networks and nodes name no ports. */
static int check_names(struct wd_read *r, const struct place *p,
		       const struct wd_at *at, uint32_t line,
		       const struct wd_policy_rule *rule)
{
	if (p->dir == WD_INGRESS || !wd_read_names_ports(rule) ||
	    wd_read_means_pods(rule))
		return 0;
	wd_read_problem(r, WD_AT(at, p->dialect->ports), line,
			"has the name of a port, which networks and nodes do "
			"not have; write two rules, or ports by number");
	return -EINVAL;
}

static void read_rule(struct wd_read *r, const struct place *p,
		      const struct wd_at *at, const struct wd_tree *map,
		      struct wd_policy_rule *rule)
{
	const struct dialect *dialect = p->dialect;
	const char *peers_key = p->dir == WD_INGRESS ? "from" : "to";
	const char *const known[] = { "name", "action", peers_key,
				      dialect->ports, NULL };
	const struct wd_tree *peers = NULL;
	const struct wd_tree *ports = NULL;
	int err;

	rule->line = r->line_base + map->line;
	rule->action = WD_RULE_DENY;
	rule->broken = true;
	if (wd_read_is_hollow(r, at, map))
		return;
	err = wd_read_known(r, at, map, known);
	err |= read_name(r, at, map);
	err |= read_action(r, p, at, map, &rule->action);
	err |= wd_read_list(r, at, map, peers_key, &peers);
	err |= wd_read_list(r, at, map, dialect->ports, &ports);
	/* All of them, so that all problems are told at once. */
	err |= read_peers(r, p, WD_AT(at, peers_key), peers, map->line, rule);
	err |= read_ports(r, dialect, WD_AT(at, dialect->ports), ports, rule);
	if (!err)
		err = check_names(r, p, at, map->line, rule);
	rule->broken = err != 0;
}

static int read_rules(struct wd_read *r, const struct dialect *dialect,
		      const struct wd_tree *map, int dir, enum wd_tier tier,
		      struct wd_spec *spec)
{
	const struct place p = { dialect, tier, dir };
	const char *key = dir == WD_INGRESS ? "ingress" : "egress";
	const struct wd_at *at = WD_AT(WD_AT(NULL, "spec"), key);
	const struct wd_tree *list = NULL;
	int err = wd_read_list(r, WD_AT(NULL, "spec"), map, key, &list);

	spec->rule[dir] =
		wd_xcalloc(list ? list->cnt : 0, sizeof(*spec->rule[dir]));
	wd_for_each_entry(e, list) {
		uint32_t nr = spec->rule_cnt[dir]++;

		read_rule(r, &p, WD_ELEMENT(at, nr), e, &spec->rule[dir][nr]);
	}
	return err | read_count(r, at, list, dialect->rules_max);
}

/* ---- the policy ---- */

/* Exactly one of namespaces and pods. */
static int read_subject(struct wd_read *r, const struct dialect *dialect,
			const struct wd_tree *spec, struct wd_spec *ret)
{
	static const char *const known[] = { "namespaces", "pods", NULL };
	const struct wd_at *at = WD_AT(WD_AT(NULL, "spec"), "subject");
	const struct wd_tree *map = NULL;
	const struct wd_tree *one;
	const struct wd_tree *pods = NULL;
	const struct wd_tree *nss = NULL;

	if (wd_read_map(r, WD_AT(NULL, "spec"), spec, "subject", &map))
		return -EINVAL;
	if (!map) {
		wd_read_problem(r, at, spec->line, "is missing");
		return -EINVAL;
	}
	one = read_one_of(r, at, map, known);
	if (!one)
		return -EINVAL;
	at = WD_AT(at, one->key);
	if (strcmp(one->key, "namespaces") == 0) {
		if (wd_read_is_hollow(r, at, one))
			return -EINVAL;
		return wd_read_peer_selector(r, at, one, &ret->ns_sel);
	}
	if (read_pods(r, dialect, at, one, &nss, &pods) ||
	    wd_read_peer_selector(r, WD_AT(at, "namespaceSelector"), nss,
				  &ret->ns_sel))
		return -EINVAL;
	return wd_read_peer_selector(r, WD_AT(at, "podSelector"), pods,
				     &ret->subject);
}

static int read_tier(struct wd_read *r, const struct wd_tree *spec,
		     enum wd_tier *ret)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const char *text = NULL;

	if (wd_read_str(r, at, spec, "tier", &text))
		return -EINVAL;
	if (text && strcmp(text, "Admin") == 0) {
		*ret = WD_TIER_ADMIN;
	} else if (text && strcmp(text, "Baseline") == 0) {
		*ret = WD_TIER_BASELINE;
	} else {
		wd_read_problem(r, WD_AT(at, "tier"), spec->line,
				"must be Admin or Baseline");
		return -EINVAL;
	}
	return 0;
}

/* Where it stands among all policies. */
static int read_place(struct wd_read *r, const struct dialect *dialect,
		      const struct wd_tree *doc, const struct wd_tree *spec,
		      const struct wd_meta *meta, struct wd_policy *policy)
{
	policy->tier = dialect->kind == WD_KIND_BASELINE_NP ? WD_TIER_BASELINE :
							      WD_TIER_ADMIN;
	if (dialect->kind == WD_KIND_BASELINE_NP) {
		/* The API has one, and behind all others of its tier. */
		policy->priority = PRIORITY_MAX + 1;
		if (strcmp(meta->name, "default") == 0)
			return 0;
		wd_read_problem(r, WD_AT(WD_AT(NULL, "metadata"), "name"),
				doc->line,
				"must be default: there is only one");
		return -EINVAL;
	}
	if (dialect->kind == WD_KIND_CLUSTER_NP &&
	    read_tier(r, spec, &policy->tier))
		return -EINVAL;
	return read_number(r, WD_AT(NULL, "spec"), spec, "priority",
			   PRIORITY_MAX, &policy->priority);
}

static void read_body(struct wd_read *r, const struct dialect *dialect,
		      const struct wd_tree *doc, const struct wd_tree *map,
		      struct wd_policy *policy)
{
	static const char *const doc_fields[] = { "apiVersion", "kind",
						  "metadata",	"spec",
						  "status",	NULL };
	static const char *const fields[][7] = {
		{ "tier", "priority", "subject", "ingress", "egress", NULL },
		{ "priority", "subject", "ingress", "egress", NULL },
		{ "subject", "ingress", "egress", NULL },
	};
	const char *const *known =
		fields[dialect->kind == WD_KIND_CLUSTER_NP ? 0 :
		       dialect->kind == WD_KIND_ADMIN_NP   ? 1 :
							     2];
	struct wd_spec *spec = policy->spec;
	int err = wd_read_known(r, NULL, doc, doc_fields);

	err |= wd_read_known(r, WD_AT(NULL, "spec"), map, known);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		spec->applies[dir] = true;
		err |= read_rules(r, dialect, map, dir, policy->tier, spec);
	}
	if (err)
		wd_read_break_spec(spec, r->line_base + map->line);
}

static int read_policy(struct wd_read *r, const struct dialect *dialect,
		       const struct wd_tree *doc, const struct wd_meta *meta,
		       struct wd_object **ret_obj)
{
	const struct wd_tree *map = NULL;
	struct wd_object *obj;

	if (wd_read_map(r, NULL, doc, "spec", &map))
		return -EINVAL;
	if (!map) {
		wd_read_problem(r, WD_AT(NULL, "spec"), doc->line,
				"is missing");
		return -EINVAL;
	}
	obj = wd_read_object_new(r, (int)dialect->kind, meta, doc->line);
	obj->policy.on_trial = wd_read_on_trial(r, meta);
	obj->policy.response = wd_read_response(r, meta, true);
	wd_policy_specs(obj, 1);
	if (read_place(r, dialect, doc, map, meta, &obj->policy) ||
	    read_subject(r, dialect, map, obj->policy.spec)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	r->effect = WD_PROBLEM_ISOLATED;
	read_body(r, dialect, doc, map, &obj->policy);
	*ret_obj = obj;
	return 0;
}

int wd_read_cluster_np(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj)
{
	static const struct dialect dialect = {
		WD_KIND_CLUSTER_NP, "Accept", "protocols", 25, 25, 25,
		read_protocol,
	};

	return read_policy(r, &dialect, doc, meta, ret_obj);
}

int wd_read_admin_np(struct wd_read *r, const struct wd_tree *doc,
		     const struct wd_meta *meta, struct wd_object **ret_obj)
{
	static const struct dialect dialect = {
		WD_KIND_ADMIN_NP, "Allow", "ports", 100, 100, 100, read_port,
	};

	return read_policy(r, &dialect, doc, meta, ret_obj);
}

int wd_read_baseline_np(struct wd_read *r, const struct wd_tree *doc,
			const struct wd_meta *meta, struct wd_object **ret_obj)
{
	static const struct dialect dialect = {
		WD_KIND_BASELINE_NP, "Allow", "ports", 100, 100, 100, read_port,
	};

	return read_policy(r, &dialect, doc, meta, ret_obj);
}
