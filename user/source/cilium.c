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
 * is broken as a whole: one that allows then allows nothing and isolates, even
 * where enableDefaultDeny is false; one that denies denies everything. A field
 * outside of the rules that is not understood could have been to deny, so it
 * denies everything, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/xalloc.h"
#include "cilium.h"

#define LOG_MAX 32 /* characters of log.value, as the API has it */

static const struct wd_cilium_section sections[] = {
	/* what denies stands first in wd_spec.rule */
	{ "ingressDeny", WD_INGRESS, WD_RULE_DENY },
	{ "ingress", WD_INGRESS, WD_RULE_ALLOW },
	{ "egressDeny", WD_EGRESS, WD_RULE_DENY },
	{ "egress", WD_EGRESS, WD_RULE_ALLOW },
};

#define SECTIONS (sizeof(sections) / sizeof(*sections))

/* ---- rules ---- */

/* Absent, or what means the same as being absent. */
static int read_requires(struct wd_read *r, const struct wd_cilium_place *p,
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

#define ASKS_CLOUD \
	"needs the interface of a cloud, and it is not asked; allow addresses " \
	"with a CIDRSet"
#define AUTHENTICATES \
	"needs both sides to prove who they are, and that is not seen in " \
	"addresses and ports; only {mode: disabled} is taken, in a rule that " \
	"allows"

/* {mode: disabled}: the rule allows as it would without the field. */
static bool is_unauthenticated(const struct wd_cilium_place *p,
			       const struct wd_tree *map)
{
	const struct wd_tree *auth = wd_tree_get(map, "authentication");
	const struct wd_tree *mode;

	if (p->section->action != WD_RULE_ALLOW || !auth ||
	    auth->type != WD_TREE_MAP || auth->cnt != 1)
		return false;
	mode = wd_tree_get(auth, "mode");
	return mode && mode->type == WD_TREE_SCALAR &&
	       !strcmp(mode->text, "disabled");
}

static int read_fields(struct wd_read *r, const struct wd_cilium_place *p,
		       const struct wd_at *at, const struct wd_tree *map)
{
	static const struct wd_read_beyond beyond[] = {
		{ "toFQDNs",
		  "needs the answers of DNS, and these are not "
		  "read; allow addresses with toCIDR",
		  false },
		{ "toGroups", ASKS_CLOUD, false },
		{ "fromGroups", ASKS_CLOUD, false },
		{ "authentication", AUTHENTICATES, false },
		{ NULL, NULL, false },
	};
	const char *known[WD_CILIUM_PEERS + 5] = { 0 };
	size_t cnt = 0;

	for (size_t i = 0; i < WD_CILIUM_PEERS; i++) {
		known[cnt] = wd_cilium_peer_key(i, p->section->dir);
		cnt += known[cnt] != NULL;
	}
	known[cnt++] = p->section->dir == WD_INGRESS ? "fromRequires" :
						       "toRequires";
	known[cnt++] = "toPorts";
	known[cnt++] = "icmps";
	if (is_unauthenticated(p, map))
		known[cnt] = "authentication";
	return wd_read_known_beyond(r, at, map, known, beyond);
}

/*
 * A name of a port is looked up at who is sent to, and only pods have any.
 * Who allows everybody means those pods; who denies everybody means more.
 */
static int check_names(struct wd_read *r, const struct wd_cilium_place *p,
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

static void read_rule(struct wd_read *r, const struct wd_cilium_place *p,
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
	err |= wd_read_cilium_peers(r, p, at, map, rule, &said);
	err |= wd_read_cilium_l4(r, at, map, rule);
	if (!err)
		err = check_names(r, p, at, map->line, rule);
	rule->broken = err != 0;
	if (said || !rule->any_port)
		return;
	/* {} isolates, and allows nobody anything */
	rule->any_peer = false;
	if (rule->action != WD_RULE_DENY || err)
		return;
	wd_read_problem(
		r, at, map->line,
		"denies nobody; write '%s: [all]' if everybody is meant",
		p->section->dir == WD_INGRESS ? "fromEntities" : "toEntities");
	rule->broken = true;
}

/* ---- specs ---- */

/* Return: 0, or -EINVAL: how many rules there are is not clear. */
static int read_section(struct wd_read *r, const struct wd_cilium_place *p,
			const struct wd_at *at, const struct wd_tree *map,
			struct wd_spec *spec)
{
	const struct wd_cilium_section *s = p->section;
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

static bool has_broken(const struct wd_spec *spec, int dir)
{
	for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++)
		if (spec->rule[dir][i].broken)
			return true;
	return false;
}

/*
 * What a rule was to hold back beside addresses and ports (requests, names of
 * servers) would pass where nothing isolates.
 */
static void isolate_for_broken(struct wd_read *r, const struct wd_at *at,
			       uint32_t line, const char *key,
			       struct wd_spec *spec, int dir)
{
	if (spec->isolates[dir] || !has_broken(spec, dir))
		return;
	spec->isolates[dir] = true;
	wd_read_problem(r, WD_AT(at, key), line,
			"is taken for true while a rule of %s is refused: "
			"what that holds back would pass",
			key);
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
		isolate_for_broken(r, at, deny->line, key, spec, dir);
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
	/* one of the selectors is null, if both are there */
	static const char *const known[] = { "nodeSelector",
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
		const struct wd_cilium_place p = { &sections[i], ns,
						   spec->nodes };

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
	return wd_read_sourced_selector(r, at, node, WD_SOURCE_K8S,
					&spec->subject) ?
		       -EINVAL :
		       1;
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
	err = wd_read_cilium_selector(r, at, node, meta->ns, WD_CILIUM_SUBJECT,
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
