/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_netpol.c - every spelling of a NetworkPolicy: what it becomes, what is
 * wrong with it, where. reading.h says how policies are written here.
 */
#include <stdio.h>
#include <string.h>

#include "reading.h"

#include "../tap.h"

#define HEAD \
	"apiVersion: networking.k8s.io/v1\n" \
	"kind: NetworkPolicy\n" \
	"metadata: {name: p, namespace: n}\n"
#define SPEC HEAD "spec:\n" /* four lines */

static char text[READING_TEXT];
static char buf[READING_TEXT];
static struct wd_load load;

struct row {
	const char *body; /* from line 5 on, below spec */
	const char *policy; /* "refused": the version before stays */
	const char *problems;
};

static void expect_policy(const char *document, const char *policy,
			  const char *problems)
{
	bool refused = strcmp(policy, "refused") == 0;

	reading_load(&load, "p.yaml", document);
	wd_expect_str(problems, reading_problems(&load.problems, buf));
	if (refused) {
		wd_expect_str("NetworkPolicy/n/p?",
			      reading_objects(&load, buf));
		wd_expect(!wd_load_is_clean(&load));
	} else if (wd_expect_int(1, (long long)load.obj_cnt)) {
		wd_expect_str("NetworkPolicy/n/p", reading_objects(&load, buf));
		wd_expect_str(policy, reading_object(load.obj[0], buf));
		wd_expect(wd_load_is_clean(&load));
	}
	wd_load_fini(&load);
}

static void expect_rows(const struct row *row)
{
	for (; row->body; row++) {
		wd_test_row(row->body);
		(void)snprintf(text, sizeof(text), "%s%s", SPEC, row->body);
		expect_policy(text, row->policy, row->problems);
	}
	wd_test_row(NULL);
}

/* ---- subject ---- */

static void subject_is_read_in_every_spelling(void)
{
	static const struct row rows[] = {
		{ "  podSelector: {}", "*|I|", "" },
		{ "  podSelector:\n  policyTypes: [Ingress]", "*|I|", "" },
		{ "  podSelector: null\n  policyTypes: [Ingress]", "*|I|", "" },
		{ "  podSelector: ~\n  ingress: []", "*|I|", "" },
		{ "  policyTypes: [Ingress]", "*|I|", "" },
		{ "  ingress: []", "*|I|", "" },
		{ "  podSelector: {matchLabels: {}}", "*|I|", "" },
		{ "  podSelector: {matchLabels: }", "*|I|", "" },
		{ "  podSelector: {matchExpressions: []}", "*|I|", "" },
		{ "  podSelector: {matchExpressions: null, matchLabels: null}",
		  "*|I|", "" },
		{ "  podSelector: {matchLabels: {app: db}}", "app=db|I|", "" },
		{ "  podSelector: {matchLabels: {b: '2', a: '1'}}",
		  "a=1,b=2|I|", "" },
		{ "  podSelector: {matchLabels: {app: ''}}", "app=|I|", "" },
		{ "  podSelector: {matchLabels: {app: null}}", "app=|I|", "" },
		{ "  podSelector: {matchLabels: {app: '5', x: 'true'}}",
		  "app=5,x=true|I|", "" },
		{ "  podSelector: {matchLabels: {example.com/a.b_c-D: A.b_c-9}}",
		  "example.com/a.b_c-D=A.b_c-9|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: [y, x, y]}]}",
		  "a=x/y|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: [x]}]}",
		  "a!=x|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: Exists}]}",
		  "a|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: DoesNotExist, values: []}]}",
		  "!a|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: null}]}",
		  "a|I|", "" },
		{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: ['']}]}",
		  "a=|I|", "" },
		{ "  podSelector:\n    matchLabels: {b: c}\n    matchExpressions:\n"
		  "    - {key: b, operator: Exists}\n    - {key: a, operator: DoesNotExist}",
		  "!a,b=c,b|I|", "" },
		{},
	};

	expect_rows(rows);
}

static const struct row unclear_subjects[] = {
	{ "  podSelector: x", "refused", "kept 5 spec.podSelector" },
	{ "  podSelector: []", "refused", "kept 5 spec.podSelector" },
	{ "  podSelector: ''", "refused", "kept 5 spec.podSelector" },
	{ "  podSelector: {matchLabel: {a: b}}", "refused",
	  "kept 5 spec.podSelector.matchLabel" },
	{ "  podSelector: {app: db}", "refused",
	  "kept 5 spec.podSelector.app" },
	{ "  podSelector: {matchLabels: [a]}", "refused",
	  "kept 5 spec.podSelector.matchLabels" },
	{ "  podSelector: {matchLabels: a}", "refused",
	  "kept 5 spec.podSelector.matchLabels" },
	{ "  podSelector:\n    matchLabels:\n      a: 5", "refused",
	  "kept 7 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchLabels: {a: yes}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchLabels: {a: {}}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchLabels: {a b: c}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a b" },
	{ "  podSelector: {matchLabels: {a: b c}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchLabels: {a: -b}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchLabels: {Example.com/a: b}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.Example.com/a" },
	{ "  podSelector: {matchLabels: {/a: b}}", "refused",
	  "kept 5 spec.podSelector.matchLabels./a" },
	{ "  podSelector: {matchLabels: {a/b/c: b}}", "refused",
	  "kept 5 spec.podSelector.matchLabels.a/b/c" },
	{ "  podSelector: {matchLabels: {a: "
	  "a123456789b123456789c123456789d123456789e123456789f123456789g123}}",
	  "refused", "kept 5 spec.podSelector.matchLabels.a" },
	{ "  podSelector: {matchExpressions: {key: a, operator: Exists}}",
	  "refused", "kept 5 spec.podSelector.matchExpressions" },
	{ "  podSelector: {matchExpressions: [null]}", "refused",
	  "kept 5 spec.podSelector.matchExpressions[0]" },
	{ "  podSelector: {matchExpressions: [a]}", "refused",
	  "kept 5 spec.podSelector.matchExpressions[0]" },
	{ "  podSelector: {matchExpressions: [{operator: Exists}]}", "refused",
	  "kept 5 spec.podSelector.matchExpressions[0].key" },
	{ "  podSelector: {matchExpressions: [{key: a}]}", "refused",
	  "kept 5 spec.podSelector.matchExpressions[0].operator" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: exists}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].operator" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: Equals, values: [b]}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].operator" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: In}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: []}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: NotIn, values: null}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: b}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: [b, 5]}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values[1]" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: In, values: ['b c']}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].values[0]" },
	{ "  podSelector: {matchExpressions: [{key: 'a b', operator: Exists}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].key" },
	{ "  podSelector: {matchExpressions: [{key: a, operator: Exists, value: b}]}",
	  "refused", "kept 5 spec.podSelector.matchExpressions[0].value" },
	{},
};

static void a_subject_that_is_not_clear_changes_nothing(void)
{
	expect_rows(unclear_subjects);
}

static void documents_without_a_spec_change_nothing(void)
{
	expect_policy(HEAD, "refused", "kept 1 spec");
	expect_policy(HEAD "spec:\n", "refused", "kept 1 spec");
	expect_policy(HEAD "spec: null\n", "refused", "kept 1 spec");
	expect_policy(HEAD "spec: x\n", "refused", "kept 4 spec");
	expect_policy(HEAD "spec: []\n", "refused", "kept 4 spec");
	expect_policy(HEAD "spec: {}\n", "refused", "kept 4 spec");
	expect_policy(HEAD "spec: {podSelector: {}}\n", "*|I|", "");
}

/* ---- directions ---- */

static void directions_follow_policy_types_or_the_rules(void)
{
	static const struct row rows[] = {
		{ "  policyTypes: [Ingress]", "*|I|", "" },
		{ "  policyTypes: [Egress]", "*|E|", "" },
		{ "  policyTypes: [Egress, Ingress]", "*|IE|", "" },
		{ "  policyTypes: [\"Ingress\", 'Egress']", "*|IE|", "" },
		{ "  policyTypes: [Ingress, Ingress]", "*|I|", "" },
		{ "  policyTypes:\n  - Egress", "*|E|", "" },
		{ "  policyTypes: []\n  podSelector: {}", "*|I|", "" },
		{ "  policyTypes:\n  podSelector: {}", "*|I|", "" },
		{ "  policyTypes: null\n  egress: [{}]", "*|IE|Eany@any", "" },
		{ "  policyTypes: []\n  egress: [{}]", "*|IE|Eany@any", "" },
		{ "  egress: [{}]", "*|IE|Eany@any", "" },
		{ "  egress: []", "*|I|", "" },
		{ "  egress:\n  podSelector: {}", "*|I|", "" },
		{ "  egress: null\n  ingress: null", "*|I|", "" },
		{ "  ingress: [{}]", "*|I|Iany@any", "" },
		{ "  ingress: [{}]\n  egress: [{}]", "*|IE|Iany@any Eany@any",
		  "" },
		{ "  policyTypes: [Ingress]\n  egress: [{}]", "*|I|Eany@any",
		  "" },
		{ "  policyTypes: [Egress]\n  ingress: [{}]", "*|E|Iany@any",
		  "" },
		{ "  policyTypes: [Egress]\n  ingress: []\n  egress: []",
		  "*|E|", "" },
		{},
	};

	expect_rows(rows);
}

/* The rules may be all right, but what they were for is not known. */
static void wrong_policy_types_isolate_in_both_directions(void)
{
	static const struct row rows[] = {
		{ "  policyTypes: [ingress]\n  ingress: [{}]", "*|IE|I!",
		  "isolated 5 spec.policyTypes[0]" },
		{ "  policyTypes: [Ingress, All]\n  ingress: [{}]", "*|IE|I!",
		  "isolated 5 spec.policyTypes[1]" },
		{ "  policyTypes:\n  - Ingress\n  -\n  ingress: [{}]",
		  "*|IE|I!", "isolated 7 spec.policyTypes[1]" },
		{ "  policyTypes: ['']", "*|IE|",
		  "isolated 5 spec.policyTypes[0]" },
		{ "  policyTypes: [{}]", "*|IE|",
		  "isolated 5 spec.policyTypes[0]" },
		{ "  policyTypes: Ingress\n  ingress: [{}]\n  egress: [{}]",
		  "*|IE|I! E!", "isolated 5 spec.policyTypes" },
		{ "  policyTypes: {Ingress: true}\n  ingress: [{}]", "*|IE|I!",
		  "isolated 5 spec.policyTypes" },
		{},
	};

	expect_rows(rows);
}

/* ---- unknown fields, wrong types ---- */

static void what_is_not_understood_outside_the_rules_breaks_all_of_them(void)
{
	static const struct row rows[] = {
		{ "  podselector: {}\n  ingress: [{}]", "*|IE|I!",
		  "isolated 5 spec.podselector" },
		{ "  podSelector: {}\n  Ingress: [{}]\n  ingress: [{}, {}]",
		  "*|IE|I! I!", "isolated 6 spec.Ingress" },
		{ "  policyTypes: [Ingress]\n  order: 5\n  ingress: [{}]",
		  "*|I|I!", "isolated 6 spec.order" },
		{ "  policyTypes: [Egress]\n  order:\n  ingress: [{}]\n  egress: [{}]",
		  "*|E|I! E!", "isolated 6 spec.order" },
		{ "  ingress: {}\n  egress: [{}]", "*|IE|E!",
		  "isolated 5 spec.ingress" },
		{ "  ingress: {from: []}", "*|IE|", "isolated 5 spec.ingress" },
		{ "  ingress: x", "*|IE|", "isolated 5 spec.ingress" },
		{ "  policyTypes: [Ingress]\n  ingress: true", "*|I|",
		  "isolated 6 spec.ingress" },
		{ "  policyTypes: [Ingress]\n  ingress: [{}]\n  egress: x",
		  "*|I|I!", "isolated 7 spec.egress" },
		{ "  ingress: [{}]\nstatus: {conditions: []}", "*|I|Iany@any",
		  "" },
		{ "  ingress: [{}]\nspecs: []", "*|IE|I!", "isolated 6 specs" },
		{ "  ingress: [{}]\nSpec: {}", "*|IE|I!", "isolated 6 Spec" },
		{},
	};

	expect_rows(rows);
}

/* A rule that is not understood allows nothing; the one beside it is as it is. */
static void a_broken_rule_breaks_no_other(void)
{
	static const struct row rows[] = {
		{ "  ingress:\n  - {}\n  - form: []\n  - from: []",
		  "*|I|Iany@any I! Iany@any",
		  "isolated 7 spec.ingress[1].form" },
		{ "  ingress: [{to: [{podSelector: {}}]}]", "*|I|I!",
		  "isolated 5 spec.ingress[0].to" },
		{ "  egress: [{from: [{podSelector: {}}]}]", "*|IE|E!",
		  "isolated 5 spec.egress[0].from" },
		{ "  ingress:\n  -\n  - {}", "*|I|I! Iany@any",
		  "isolated 6 spec.ingress[0]" },
		{ "  ingress: [null]", "*|I|I!", "isolated 5 spec.ingress[0]" },
		{ "  ingress: ['']", "*|I|I!", "isolated 5 spec.ingress[0]" },
		{ "  ingress: [[]]", "*|I|I!", "isolated 5 spec.ingress[0]" },
		{ "  ingress: [5, {}]", "*|I|I! Iany@any",
		  "isolated 5 spec.ingress[0]" },
		{ "  egress: [null]", "*|IE|E!", "isolated 5 spec.egress[0]" },
		{ "  ingress: [{from: {}}]", "*|I|I!",
		  "isolated 5 spec.ingress[0].from" },
		{ "  ingress: [{from: x}]", "*|I|I!",
		  "isolated 5 spec.ingress[0].from" },
		{ "  ingress: [{ports: {}}]", "*|I|I!",
		  "isolated 5 spec.ingress[0].ports" },
		{ "  ingress: [{ports: 80}]", "*|I|I!",
		  "isolated 5 spec.ingress[0].ports" },
		{ "  ingress:\n  - from:\n    - podSelector: x\n    ports:\n    - port: 0\n",
		  "*|I|I!",
		  "isolated 7 spec.ingress[0].from[0].podSelector; "
		  "isolated 9 spec.ingress[0].ports[0].port" },
		{},
	};

	expect_rows(rows);
}

/* ---- lists of peers and ports ---- */

static void absent_and_empty_lists_mean_any(void)
{
	static const struct row rows[] = {
		{ "  ingress: [{}]", "*|I|Iany@any", "" },
		{ "  ingress: [{from: []}]", "*|I|Iany@any", "" },
		{ "  ingress: [{from: null}]", "*|I|Iany@any", "" },
		{ "  ingress: [{from: , ports: }]", "*|I|Iany@any", "" },
		{ "  ingress: [{ports: []}]", "*|I|Iany@any", "" },
		{ "  ingress: [{ports: null, from: []}]", "*|I|Iany@any", "" },
		{ "  ingress: [{from: [], ports: [{port: 80}]}]",
		  "*|I|Iany@TCP:80", "" },
		{ "  ingress: [{from: [{podSelector: {}}], ports: []}]",
		  "*|I|Ipod:*@any", "" },
		{ "  egress: [{}]", "*|IE|Eany@any", "" },
		{ "  egress: [{to: [], ports: []}]", "*|IE|Eany@any", "" },
		{ "  egress: [{to: null, ports: null}]", "*|IE|Eany@any", "" },
		{},
	};

	expect_rows(rows);
}

/* ---- one peer, one port ---- */

struct part {
	const char *yaml; /* flow style */
	const char *part; /* NULL: the rule is broken */
	const char *field; /* of the problem, below the part */
};

/* @open: what stands before the part in a rule; @field: path of the part. */
static void expect_parts(const struct part *part, const char *open,
			 const char *field)
{
	bool ports = strcmp(open, "{ports: [") == 0;
	static char policy[READING_TEXT];
	static char problems[512];

	for (; part->yaml; part++) {
		wd_test_row(part->yaml);
		(void)snprintf(text, sizeof(text),
			       SPEC "  ingress:\n  - %s%s]}\n", open,
			       part->yaml);
		(void)snprintf(policy, sizeof(policy), "*|I|I%s%s%s",
			       part->part && ports ? "any@" : "",
			       part->part ? part->part : "!",
			       part->part && !ports ? "@any" : "");
		problems[0] = '\0';
		if (!part->part)
			(void)snprintf(problems, sizeof(problems),
				       "isolated 6 %s%s%s", field,
				       *part->field ? "." : "", part->field);
		expect_policy(text, policy, problems);
	}
	wd_test_row(NULL);
}

static const struct part port_parts[] = {
	{ "{}", "TCP:*", NULL },
	{ "{port: null}", "TCP:*", NULL },
	{ "{port: , protocol: , endPort: }", "TCP:*", NULL },
	{ "{protocol: TCP}", "TCP:*", NULL },
	{ "{protocol: UDP}", "UDP:*", NULL },
	{ "{protocol: SCTP}", "SCTP:*", NULL },
	{ "{protocol: 'UDP', port: 53}", "UDP:53", NULL },
	{ "{protocol: null, port: 53}", "TCP:53", NULL },
	{ "{port: 1}", "TCP:1", NULL },
	{ "{port: 65535}", "TCP:65535", NULL },
	{ "{port: 80, endPort: null}", "TCP:80", NULL },
	{ "{port: 80, endPort: 80}", "TCP:80", NULL },
	{ "{port: 80, endPort: 90}", "TCP:80-90", NULL },
	{ "{port: 1, endPort: 65535, protocol: SCTP}", "SCTP:1-65535", NULL },
	{ "{port: http}", "TCP:http", NULL },
	{ "{port: 'http', protocol: UDP}", "UDP:http", NULL },
	{ "{port: 8080-tcp}", "TCP:8080-tcp", NULL },
	{ "{port: a}", "TCP:a", NULL },
	{ "{port: 1a}", "TCP:1a", NULL },
	{ "{port: 'on'}", "TCP:on", NULL },
	{ "{port: abcdefghijklmno}", "TCP:abcdefghijklmno", NULL },
	{ "{port: 80}, {port: 80}", "TCP:80+TCP:80", NULL },
	{ "{port: 80}, {protocol: UDP, port: dns}", "TCP:80+UDP:dns", NULL },

	{ "null", NULL, "" },
	{ "80", NULL, "" },
	{ "http", NULL, "" },
	{ "[]", NULL, "" },
	{ "{port: 0}", NULL, "port" },
	{ "{port: -0}", NULL, "port" },
	{ "{port: -1}", NULL, "port" },
	{ "{port: 65536}", NULL, "port" },
	{ "{port: 99999999999999999999}", NULL, "port" },
	{ "{port: 4294967376}", NULL, "port" },
	{ "{port: 80.0}", NULL, "port" },
	{ "{port: 8e1}", NULL, "port" },
	{ "{port: 0120}", NULL, "port" },
	{ "{port: 080}", NULL, "port" },
	{ "{port: 0x50}", NULL, "port" },
	{ "{port: 0o120}", NULL, "port" },
	{ "{port: 0b1}", NULL, "port" },
	{ "{port: +80}", NULL, "port" },
	{ "{port: 8_0}", NULL, "port" },
	{ "{port: .inf}", NULL, "port" },
	{ "{port: '80'}", NULL, "port" },
	{ "{port: '0'}", NULL, "port" },
	{ "{port: ''}", NULL, "port" },
	{ "{port: ' '}", NULL, "port" },
	{ "{port: 80-90}", NULL, "port" },
	{ "{port: '80,90'}", NULL, "port" },
	{ "{port: true}", NULL, "port" },
	{ "{port: on}", NULL, "port" },
	{ "{port: HTTP}", NULL, "port" },
	{ "{port: http_1}", NULL, "port" },
	{ "{port: -http}", NULL, "port" },
	{ "{port: http-}", NULL, "port" },
	{ "{port: ht--tp}", NULL, "port" },
	{ "{port: abcdefghijklmnop}", NULL, "port" },
	{ "{port: {}}", NULL, "port" },
	{ "{port: [80]}", NULL, "port" },
	{ "{endPort: 90}", NULL, "endPort" },
	{ "{port: null, endPort: 90}", NULL, "endPort" },
	{ "{port: 80, endPort: 79}", NULL, "endPort" },
	{ "{port: 80, endPort: 0}", NULL, "endPort" },
	{ "{port: 80, endPort: 65536}", NULL, "endPort" },
	{ "{port: 80, endPort: -1}", NULL, "endPort" },
	{ "{port: 80, endPort: '90'}", NULL, "endPort" },
	{ "{port: 80, endPort: 90.0}", NULL, "endPort" },
	{ "{port: 80, endPort: http}", NULL, "endPort" },
	{ "{port: 80, endPort: []}", NULL, "endPort" },
	{ "{port: http, endPort: 90}", NULL, "endPort" },
	{ "{protocol: tcp}", NULL, "protocol" },
	{ "{protocol: ICMP}", NULL, "protocol" },
	{ "{protocol: ANY}", NULL, "protocol" },
	{ "{protocol: ''}", NULL, "protocol" },
	{ "{protocol: 6}", NULL, "protocol" },
	{ "{protocol: [TCP]}", NULL, "protocol" },
	{ "{Port: 80}", NULL, "Port" },
	{ "{port: 80, endport: 90}", NULL, "endport" },
	{ "{port: 80, targetPort: 90}", NULL, "targetPort" },
	{},
};

static void every_spelling_of_a_port(void)
{
	static const struct part second[] = {
		{ "{port: 80}, {port: 0}", NULL, "port" },
		{},
	};

	expect_parts(port_parts, "{ports: [", "spec.ingress[0].ports[0]");
	expect_parts(second, "{ports: [", "spec.ingress[0].ports[1]");
}

static void every_spelling_of_a_selecting_peer(void)
{
	static const struct part parts[] = {
		{ "{podSelector: {}}", "pod:*", NULL },
		{ "{podSelector: {matchLabels: {}}}", "pod:*", NULL },
		{ "{podSelector: {matchLabels: {a: b}}}", "pod:a=b", NULL },
		{ "{namespaceSelector: {}}", "ns:*", NULL },
		{ "{namespaceSelector: {matchLabels: null}}", "ns:*", NULL },
		{ "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}}",
		  "ns:kubernetes.io/metadata.name=x", NULL },
		{ "{podSelector: {}, namespaceSelector: {}}", "ns:*&pod:*",
		  NULL },
		{ "{podSelector: {matchLabels: {a: b}}, namespaceSelector: {matchExpressions: "
		  "[{key: c, operator: NotIn, values: [d]}]}}",
		  "ns:c!=d&pod:a=b", NULL },
		{ "{podSelector: {}, namespaceSelector: null}", "pod:*", NULL },
		{ "{podSelector: null, namespaceSelector: {}}", "ns:*", NULL },
		{ "{podSelector: {}, ipBlock: null}", "pod:*", NULL },
		{ "{podSelector: {}}, {namespaceSelector: {}}", "pod:*+ns:*",
		  NULL },

		{ "{}", NULL, "" },
		{ "null", NULL, "" },
		{ "x", NULL, "" },
		{ "''", NULL, "" },
		{ "[]", NULL, "" },
		{ "{podSelector: null}", NULL, "" },
		{ "{podSelector: }", NULL, "" },
		{ "{podSelector: null, namespaceSelector: null, ipBlock: null}",
		  NULL, "" },
		{ "{podSelector: x}", NULL, "podSelector" },
		{ "{podSelector: []}", NULL, "podSelector" },
		{ "{namespaceSelector: x}", NULL, "namespaceSelector" },
		{ "{podselector: {}}", NULL, "podselector" },
		{ "{podSelector: {}, nodeSelector: {}}", NULL, "nodeSelector" },
		{ "{podSelector: {matchLabels: {a: 5}}}", NULL,
		  "podSelector.matchLabels.a" },
		{ "{podSelector: {matchlabels: {a: b}}}", NULL,
		  "podSelector.matchlabels" },
		{ "{namespaceSelector: {name: x}}", NULL,
		  "namespaceSelector.name" },
		{ "{namespaceSelector: {matchExpressions: [{key: a, operator: In}]}}",
		  NULL, "namespaceSelector.matchExpressions[0].values" },
		{ "{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}", NULL,
		  "ipBlock" },
		{ "{namespaceSelector: {}, ipBlock: {}}", NULL, "ipBlock" },
		{},
	};

	expect_parts(parts, "{from: [", "spec.ingress[0].from[0]");
}

static const struct part block_parts[] = {
	{ "{ipBlock: {cidr: 10.0.0.0/8}}", "10.0.0.0/8", NULL },
	{ "{ipBlock: {cidr: '10.0.0.0/8', except: }}", "10.0.0.0/8", NULL },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: []}}", "10.0.0.0/8", NULL },
	{ "{ipBlock: {cidr: 10.0.0.1/8}}", "10.0.0.0/8", NULL },
	{ "{ipBlock: {cidr: 0.0.0.0/0}}", "0.0.0.0/0", NULL },
	{ "{ipBlock: {cidr: 10.0.0.1/32}}", "10.0.0.1/32", NULL },
	{ "{ipBlock: {cidr: '::/0'}}", "::/0", NULL },
	{ "{ipBlock: {cidr: 2001:DB8::1/32}}", "2001:db8::/32", NULL },
	{ "{ipBlock: {cidr: '2001:db8::1/128'}}", "2001:db8::1/128", NULL },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.3.4/32]}}",
	  "10.0.0.0/8-10.1.0.0/16-10.2.3.4/32", NULL },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.3/16]}}",
	  "10.0.0.0/8-10.1.0.0/16", NULL },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}",
	  "10.0.0.0/8-10.0.0.0/8", NULL },
	{ "{ipBlock: {cidr: '::/0', except: ['fd00::/8']}}", "::/0-fd00::/8",
	  NULL },

	{ "{ipBlock: {}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: x}", NULL, "ipBlock" },
	{ "{ipBlock: []}", NULL, "ipBlock" },
	{ "{ipBlock: {cidr: null}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: ''}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0/8}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/33}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/-1}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/08}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/+8}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: '10.0.0.0/8 '}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: ' 10.0.0.0/8'}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 010.0.0.0/8}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.00.0.0/8}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.256/32}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/255.0.0.0}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: '::/129'}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 'fe80::1%eth0/64'}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: '12345::/16'}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: [10.0.0.0/8]}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {except: [10.0.0.0/8]}}", NULL, "ipBlock.cidr" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, cidrs: []}}", NULL, "ipBlock.cidrs" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, exept: [10.1.0.0/16]}}", NULL,
	  "ipBlock.exept" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}", NULL,
	  "ipBlock.except" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: {}}}", NULL, "ipBlock.except" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [null]}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: ['']}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0]}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [010.1.0.0/16]}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [0.0.0.0/0]}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 'fd00::/8']}}",
	  NULL, "ipBlock.except[1]" },
	{ "{ipBlock: {cidr: 0.0.0.0/0, except: ['::/0']}}", NULL,
	  "ipBlock.except[0]" },
	{ "{ipBlock: {cidr: '::/0', except: [10.0.0.0/8]}}", NULL,
	  "ipBlock.except[0]" },
	{},
};

static void every_spelling_of_an_ip_block(void)
{
	expect_parts(block_parts, "{from: [", "spec.ingress[0].from[0]");
}

/* ---- the object itself ---- */

static void metadata_says_which_policy_is_meant(void)
{
	static const struct {
		const char *metadata;
		const char *objects; /* "?": nobody knows which */
		const char *problems;
	} rows[] = {
		{ "{name: p, namespace: n}", "NetworkPolicy/n/p", "" },
		{ "{name: p}", "NetworkPolicy/default/p", "" },
		{ "{name: p, namespace: ''}", "NetworkPolicy/default/p", "" },
		{ "{name: p, namespace: null}", "NetworkPolicy/default/p", "" },
		{ "{name: a.b-c, namespace: n}", "NetworkPolicy/n/a.b-c", "" },
		{ "{name: '5', namespace: '6'}", "NetworkPolicy/6/5", "" },
		{ "{name: p, uid: u, labels: {a: b}, annotations: {c: d}, generation: 1}",
		  "NetworkPolicy/default/p", "" },
		{ "{name: p, labels: [], annotations: x}",
		  "NetworkPolicy/default/p", "" },
		{ "{name: 5}", "?", "kept 3 metadata.name" },
		{ "{}", "?", "kept 3 metadata.name" },
		{ "null", "?", "kept 1 metadata.name" },
		{ "[]", "?", "kept 3 metadata" },
		{ "x", "?", "kept 3 metadata" },
		{ "{generateName: p-}", "?", "kept 3 metadata.name" },
		{ "{name: ''}", "?", "kept 3 metadata.name" },
		{ "{name: P}", "?", "kept 3 metadata.name" },
		{ "{name: a/b}", "?", "kept 3 metadata.name" },
		{ "{name: ../b}", "?", "kept 3 metadata.name" },
		{ "{name: .a}", "?", "kept 3 metadata.name" },
		{ "{name: a..b}", "?", "kept 3 metadata.name" },
		{ "{name: p, namespace: a.b}", "?",
		  "kept 3 metadata.namespace" },
		{ "{name: p, namespace: 5}", "?", "kept 3 metadata.namespace" },
		{ "{name: p, namespace: []}", "?",
		  "kept 3 metadata.namespace" },
		{ "{name: p, namespce: prod}", "?",
		  "kept 3 metadata.namespce" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].metadata);
		(void)snprintf(
			text, sizeof(text),
			"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			"metadata: %s\nspec: {podSelector: {}}\n",
			rows[i].metadata);
		reading_load(&load, "p.yaml", text);
		wd_expect_str(rows[i].objects, reading_objects(&load, buf));
		wd_expect_str(rows[i].problems,
			      reading_problems(&load.problems, buf));
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

static void annotations_say_how_a_policy_of_any_kind_is_enforced(void)
{
	static const struct {
		const char *value;
		enum { NOTHING, TRIAL, REJECT, SILENT } says;
		const char *problems;
	} rows[] = {
		{ "{warder.io/audit: 'true'}", TRIAL, "" },
		{ "{warder.io/audit: true}", TRIAL, "" },
		{ "{warder.io/audit: 'false'}", NOTHING, "" },
		{ "{other: x}", NOTHING, "" },
#define AT "ignored 3 metadata.annotations.warder.io/audit"
		{ "{warder.io/audit: yes}", NOTHING, AT },
		{ "{warder.io/audit: 'True'}", NOTHING, AT },
		{ "{warder.io/audit: ''}", NOTHING, AT },
		{ "{warder.io/audit: [true]}", NOTHING, AT },
#undef AT
#define AT "ignored 3 metadata.annotations.warder.io/deny-response"
		{ "{warder.io/deny-response: reject}", REJECT, "" },
		{ "{warder.io/deny-response: drop}", SILENT, "" },
		{ "{warder.io/deny-response: Drop}", NOTHING, AT },
		{ "{warder.io/deny-response: {}}", NOTHING, AT },
#undef AT
	};
	static const struct {
		const char *kind, *name, *spec;
	} kinds[] = {
		{ "networking.k8s.io/v1\nkind: NetworkPolicy", "p",
		  "{podSelector: {}}" },
		{ "cilium.io/v2\nkind: CiliumNetworkPolicy", "p",
		  "{endpointSelector: {}, ingress: [{}]}" },
		{ "cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy", "p",
		  "{endpointSelector: {}, ingress: [{}]}" },
		{ "policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy",
		  "p",
		  "{tier: Admin, priority: 1, subject: {namespaces: {}}}" },
		{ "policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy",
		  "p", "{priority: 1, subject: {namespaces: {}}}" },
		{ "policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy",
		  "default", "{subject: {namespaces: {}}}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) * 6; i++) {
		size_t row = i / 6, kind = i % 6;

		wd_test_row(rows[row].value);
		(void)snprintf(
			text, sizeof(text),
			"apiVersion: %s\nmetadata: {name: %s, annotations: %s}\n"
			"spec: %s\n",
			kinds[kind].kind, kinds[kind].name, rows[row].value,
			kinds[kind].spec);
		reading_load(&load, "p.yaml", text);
		wd_expect_str(rows[row].problems,
			      reading_problems(&load.problems, buf));
		if (wd_expect_int(1, (long long)load.obj_cnt)) {
			wd_expect_int(rows[row].says == TRIAL,
				      load.obj[0]->policy.on_trial);
			wd_expect_int(
				rows[row].says == REJECT ? WD_RESPONSE_REJECT :
				rows[row].says == SILENT ? WD_RESPONSE_DROP :
							   WD_RESPONSE_UNSET,
				load.obj[0]->policy.response);
		}
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

static void names_may_be_as_long_as_in_the_api_and_no_longer(void)
{
	static const struct {
		int name_len;
		int ns_len;
		bool fits;
	} rows[] = {
		{ 253, 63, true },
		{ 254, 63, false },
		{ 253, 64, false },
	};
	char a[256];

	memset(a, 'a', sizeof(a));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].fits ? "fits" : "too long");
		(void)snprintf(
			text, sizeof(text),
			"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
			"metadata: {name: %.*s, namespace: %.*s}\n"
			"spec: {podSelector: {}}\n",
			rows[i].name_len, a, rows[i].ns_len, a);
		reading_load(&load, "p.yaml", text);
		wd_expect_int(rows[i].fits, (long long)load.obj_cnt);
		wd_expect_int(!rows[i].fits, load.unsure);
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

/* What a human reads in `warder why`: where each rule stands. */
static void objects_and_rules_know_file_and_line(void)
{
	const struct wd_object *obj;

	reading_load(&load, "dir/p.yaml",
		     "# nothing\n---\n" SPEC
		     "  podSelector: {}\n  ingress:\n  - {}\n  -\n"
		     "    ports:\n    - {port: 80}\n  egress:\n  - to: []\n");
	if (wd_expect_int(1, (long long)load.obj_cnt)) {
		obj = load.obj[0];
		wd_expect_str("dir/p.yaml", obj->file);
		wd_expect_int(3, obj->line);
		wd_expect_int(9, obj->policy.spec->rule[0][0].line);
		wd_expect_int(11, obj->policy.spec->rule[0][1].line);
		wd_expect_int(14, obj->policy.spec->rule[1][0].line);
	}
	wd_load_fini(&load);
}

static void json_policies_are_read_alike(void)
{
	reading_load(
		&load, "p.json",
		"{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\",\n"
		"\"metadata\": {\"name\": \"p\", \"namespace\": \"n\"},\n"
		"\"spec\": {\"podSelector\": {\"matchLabels\": {\"app\": \"db\"}},\n"
		"\"ingress\": [{\"from\": [{\"podSelector\": {}}],\n"
		"\"ports\": [{\"port\": 80}, {\"port\": \"http\", \"protocol\": \"UDP\"}]},\n"
		"{\"ports\": [{\"port\": \"80\"}]}, null]}}\n");
	if (wd_expect_int(1, (long long)load.obj_cnt))
		wd_expect_str("app=db|I|Ipod:*@TCP:80+UDP:http I! I!",
			      reading_object(load.obj[0], buf));
	wd_expect_str(
		"isolated 6 spec.ingress[1].ports[0].port; isolated 6 spec.ingress[2]",
		reading_problems(&load.problems, buf));
	wd_load_fini(&load);
}

int main(void)
{
	WD_TEST(subject_is_read_in_every_spelling);
	WD_TEST(a_subject_that_is_not_clear_changes_nothing);
	WD_TEST(documents_without_a_spec_change_nothing);
	WD_TEST(directions_follow_policy_types_or_the_rules);
	WD_TEST(wrong_policy_types_isolate_in_both_directions);
	WD_TEST(what_is_not_understood_outside_the_rules_breaks_all_of_them);
	WD_TEST(a_broken_rule_breaks_no_other);
	WD_TEST(absent_and_empty_lists_mean_any);
	WD_TEST(every_spelling_of_a_port);
	WD_TEST(every_spelling_of_a_selecting_peer);
	WD_TEST(every_spelling_of_an_ip_block);
	WD_TEST(metadata_says_which_policy_is_meant);
	WD_TEST(annotations_say_how_a_policy_of_any_kind_is_enforced);
	WD_TEST(names_may_be_as_long_as_in_the_api_and_no_longer);
	WD_TEST(objects_and_rules_know_file_and_line);
	WD_TEST(json_policies_are_read_alike);
	return wd_tests_end();
}
