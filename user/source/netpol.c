/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netpol.c - NetworkPolicy (networking.k8s.io/v1): subject, directions, rules.
 *
 * The threat is a policy that says less than its author meant. Until the
 * subject is clear nothing changes (the version before stays). From then on
 * the subject is isolated whatever else is wrong: a rule that is not understood
 * as a whole is broken and allows nothing, and a field that is not understood
 * outside of the rules breaks all of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

/* ---- ports ---- */

static int read_named_port(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *map,
			   const struct wd_tree *node, struct wd_port *port)
{
	const char *name = wd_tree_str(node);

	if (!wd_read_is_port_name(name)) {
		wd_read_problem(
			r, WD_AT(at, "port"), node->line,
			name[strspn(name, "0123456789")] ?
				"'%.40s' is no port name (lower case, at most 15 characters)" :
				"a number stands without quotes here: %.40s",
			name);
		return -EINVAL;
	}
	if (wd_tree_get(map, "endPort")) {
		wd_read_problem(r, WD_AT(at, "endPort"), node->line,
				"needs a number in port, not a name");
		return -EINVAL;
	}
	port->name = wd_str_get(name);
	return 0;
}

static int read_port_range(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *map, struct wd_port *port)
{
	const struct wd_tree *node = wd_tree_get(map, "port");
	const struct wd_tree *end = wd_tree_get(map, "endPort");

	if (!node) {
		port->hi = 65535;
		if (!end)
			return 0;
		wd_read_problem(r, WD_AT(at, "endPort"), end->line,
				"needs a port");
		return -EINVAL;
	}
	if (wd_tree_str(node))
		return read_named_port(r, at, map, node, port);
	if (wd_read_port_nr(r, WD_AT(at, "port"), node, &port->lo))
		return -EINVAL;
	port->hi = port->lo;
	if (!end)
		return 0;
	if (wd_read_port_nr(r, WD_AT(at, "endPort"), end, &port->hi))
		return -EINVAL;
	if (port->hi >= port->lo)
		return 0;
	wd_read_problem(r, WD_AT(at, "endPort"), end->line,
			"is lower than port");
	return -EINVAL;
}

static int read_port(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_port *port)
{
	static const char *const known[] = { "protocol", "port", "endPort",
					     NULL };

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    wd_read_proto(r, at, map, &port->proto))
		return -EINVAL;
	return read_port_range(r, at, map, port);
}

/* ---- peers ---- */

static int read_ip_block(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, struct wd_peer *peer)
{
	static const char *const known[] = { "cidr", "except", NULL };
	const struct wd_tree *except = NULL;

	peer->type = WD_PEER_CIDR;
	if (wd_read_known(r, at, map, known) ||
	    wd_read_cidr(r, WD_AT(at, "cidr"), wd_tree_get(map, "cidr"),
			 map->line, &peer->cidr) ||
	    wd_read_list(r, at, map, "except", &except))
		return -EINVAL;
	return wd_read_except(r, WD_AT(at, "except"), except, peer);
}

static int read_peer(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_peer *peer)
{
	static const char *const known[] = { "podSelector", "namespaceSelector",
					     "ipBlock", NULL };
	const struct wd_tree *pods = NULL;
	const struct wd_tree *nss = NULL;
	const struct wd_tree *block = NULL;

	if (map->type == WD_TREE_MAP &&
	    (wd_read_known(r, at, map, known) ||
	     wd_read_map(r, at, map, "podSelector", &pods) ||
	     wd_read_map(r, at, map, "namespaceSelector", &nss) ||
	     wd_read_map(r, at, map, "ipBlock", &block)))
		return -EINVAL;
	if (!pods && !nss && !block) {
		wd_read_problem(
			r, at, map->line,
			"must say podSelector, namespaceSelector or ipBlock; remove the "
			"whole list if everybody is meant");
		return -EINVAL;
	}
	if (block && (pods || nss)) {
		wd_read_problem(
			r, WD_AT(at, "ipBlock"), block->line,
			"cannot stand beside a selector; write two entries");
		return -EINVAL;
	}
	if (block)
		return read_ip_block(r, WD_AT(at, "ipBlock"), block, peer);
	peer->type = WD_PEER_PODS;
	return wd_read_peer_selector(r, WD_AT(at, "podSelector"), pods,
				     &peer->pod_sel) |
	       wd_read_peer_selector(r, WD_AT(at, "namespaceSelector"), nss,
				     &peer->ns_sel);
}

/* ---- rules ---- */

static int read_peers(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *list, struct wd_policy_rule *rule)
{
	int err = 0;

	rule->any_peer = !list || !list->cnt;
	rule->peer = wd_xcalloc(list ? list->cnt : 0, sizeof(*rule->peer));
	wd_for_each_entry(e, list) {
		const struct wd_at *here = WD_ELEMENT(at, rule->peer_cnt);

		err |= read_peer(r, here, e, &rule->peer[rule->peer_cnt++]);
	}
	return err;
}

static int read_ports(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *list, struct wd_policy_rule *rule)
{
	int err = 0;

	rule->any_port = !list || !list->cnt;
	rule->port = wd_xcalloc(list ? list->cnt : 0, sizeof(*rule->port));
	wd_for_each_entry(e, list) {
		const struct wd_at *here = WD_ELEMENT(at, rule->port_cnt);

		err |= read_port(r, here, e, &rule->port[rule->port_cnt++]);
	}
	return err;
}

static void read_rule(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, int dir,
		      struct wd_policy_rule *rule)
{
	static const char *const known[2][3] = {
		[WD_INGRESS] = { "from", "ports", NULL },
		[WD_EGRESS] = { "to", "ports", NULL },
	};
	const char *peers_key = known[dir][0];
	const struct wd_tree *peers = NULL;
	const struct wd_tree *ports = NULL;
	int err;

	rule->line = r->line_base + map->line;
	if (wd_read_is_hollow(r, at, map)) {
		rule->broken = true;
		return;
	}
	err = wd_read_known(r, at, map, known[dir]);
	err |= wd_read_list(r, at, map, peers_key, &peers);
	err |= wd_read_list(r, at, map, "ports", &ports);
	/* All of them, so that all problems are told at once. */
	err |= read_peers(r, WD_AT(at, peers_key), peers, rule);
	err |= read_ports(r, WD_AT(at, "ports"), ports, rule);
	rule->broken = err != 0;
}

static int read_rules(struct wd_read *r, const struct wd_tree *spec, int dir,
		      struct wd_spec *np)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const char *key = dir == WD_INGRESS ? "ingress" : "egress";
	const struct wd_tree *list = NULL;

	if (wd_read_list(r, at, spec, key, &list))
		return -EINVAL;
	np->rule[dir] =
		wd_xcalloc(list ? list->cnt : 0, sizeof(*np->rule[dir]));
	wd_for_each_entry(e, list) {
		uint32_t nr = np->rule_cnt[dir]++;

		read_rule(r, WD_ELEMENT(WD_AT(at, key), nr), e, dir,
			  &np->rule[dir][nr]);
	}
	return 0;
}

/* ---- directions ---- */

/* Absent: ingress always, egress if there are egress rules (the API's defaulting). */
static int read_types(struct wd_read *r, const struct wd_tree *spec,
		      struct wd_spec *np)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "spec"), "policyTypes");
	const struct wd_tree *list = NULL;
	uint32_t index;
	int err = wd_read_list(r, WD_AT(NULL, "spec"), spec, "policyTypes",
			       &list);

	if (err)
		return err;
	if (!list || !list->cnt) {
		np->isolates[WD_INGRESS] = true;
		np->isolates[WD_EGRESS] = np->rule_cnt[WD_EGRESS] > 0;
		return 0;
	}
	wd_for_each_element(e, index, list) {
		const char *type = wd_tree_str(e);

		if (type && strcmp(type, "Ingress") == 0) {
			np->isolates[WD_INGRESS] = true;
		} else if (type && strcmp(type, "Egress") == 0) {
			np->isolates[WD_EGRESS] = true;
		} else {
			wd_read_problem(r, WD_ELEMENT(at, index), e->line,
					"must be Ingress or Egress");
			err = -EINVAL;
		}
	}
	return err;
}

static void break_rules(struct wd_spec *np)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		for (uint32_t i = 0; i < np->rule_cnt[dir]; i++)
			np->rule[dir][i].broken = true;
	}
}

static void read_fields(struct wd_read *r, const struct wd_tree *doc,
			const struct wd_tree *spec, struct wd_spec *np)
{
	static const char *const doc_fields[] = { "apiVersion", "kind",
						  "metadata",	"spec",
						  "status",	NULL };
	static const char *const spec_fields[] = { "podSelector", "policyTypes",
						   "ingress", "egress", NULL };
	int err = wd_read_known(r, NULL, doc, doc_fields);
	int types;

	err |= wd_read_known(r, WD_AT(NULL, "spec"), spec, spec_fields);
	err |= read_rules(r, spec, WD_INGRESS, np);
	err |= read_rules(r, spec, WD_EGRESS, np);
	types = read_types(r, spec, np);
	if (!err && !types)
		return;
	break_rules(np);
	/* Which directions were meant is not known then, unless it is written. */
	if (types || !wd_tree_get(spec, "policyTypes"))
		np->isolates[WD_INGRESS] = np->isolates[WD_EGRESS] = true;
}

static void read_body(struct wd_read *r, const struct wd_tree *doc,
		      const struct wd_tree *spec, struct wd_spec *np)
{
	read_fields(r, doc, spec, np);
	np->applies[WD_INGRESS] = np->isolates[WD_INGRESS];
	np->applies[WD_EGRESS] = np->isolates[WD_EGRESS];
}

int wd_read_netpol(struct wd_read *r, const struct wd_tree *doc,
		   const struct wd_meta *meta, struct wd_object **ret_obj)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const struct wd_tree *spec = NULL;
	const struct wd_tree *subject = NULL;
	struct wd_object *obj;

	if (wd_read_map(r, NULL, doc, "spec", &spec))
		return -EINVAL;
	if (!spec || !spec->cnt) {
		wd_read_problem(
			r, at, spec ? spec->line : doc->line,
			"is empty; write 'podSelector: {}' in it if every pod of the "
			"namespace is meant");
		return -EINVAL;
	}
	if (wd_read_map(r, at, spec, "podSelector", &subject))
		return -EINVAL;
	obj = wd_read_object_new(r, WD_KIND_NETPOL, meta, doc->line);
	obj->policy.tier = WD_TIER_NORMAL;
	obj->policy.on_trial = wd_read_on_trial(r, meta);
	obj->policy.response = wd_read_response(r, meta, true);
	wd_policy_specs(obj, 1);
	if (wd_read_peer_selector(r, WD_AT(at, "podSelector"), subject,
				  &obj->policy.spec->subject)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	r->effect = WD_PROBLEM_ISOLATED;
	read_body(r, doc, spec, obj->policy.spec);
	*ret_obj = obj;
	return 0;
}
