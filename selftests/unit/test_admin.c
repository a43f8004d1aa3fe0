/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_admin.c - ClusterNetworkPolicy, AdminNetworkPolicy and
 * BaselineAdminNetworkPolicy: what they become, what is wrong with them, where.
 * reading.h says how policies are written here.
 */
#include "reading.h"

#include <stdio.h>
#include <string.h>

#include "../tap.h"
#include "source/problems.h"

#define HEAD(api, kind, name) \
	"apiVersion: policy.networking.k8s.io/v1" api "\nkind: " kind "\n" \
	"metadata: {name: " name "}\nspec:\n" /* four lines */

static const char cluster[] =
	HEAD("alpha2", "ClusterNetworkPolicy",
	     "p") "  tier: Admin\n  priority: 7\n  subject: {namespaces: {}}\n";
static const char admin[] =
	HEAD("alpha1", "AdminNetworkPolicy",
	     "p") "  priority: 7\n  subject: {namespaces: {}}\n";
static const char baseline[] = HEAD("alpha1", "BaselineAdminNetworkPolicy",
				    "default") "  subject: {namespaces: {}}\n";

static void cluster_policies_are_read_in_every_form(void)
{
	static const struct reading_row rows[] = {
		{ "", "admin:7 */*|-|", "" },
		{ "  ingress:\n  - {name: a, action: Accept, from: [{namespaces: {}}]}\n"
		  "  - {action: Deny, from: [{pods: {namespaceSelector: {matchLabels: {t: a}}, podSelector: {}}}]}\n"
		  "  - {action: Pass, from: [{namespaces: {matchLabels: {t: b}}}], protocols: [{tcp: {destinationPort: {number: 80}}}]}\n",
		  "admin:7 */*|-|Ins:*@any I-ns:t=a&pod:*@any I>ns:t=b@TCP:80",
		  "" },
		{ "  ingress:\n  - {action: Deny, from: [{pods: {podSelector: {matchLabels: {a: b}}}}]}\n",
		  "admin:7 */*|-|I-ns:*&pod:a=b@any", "" },
		{ "  egress:\n  - action: Deny\n    to:\n    - networks: [10.0.0.0/8, 2001:db8::/32]\n"
		  "    - nodes: {matchLabels: {r: x}}\n    protocols:\n"
		  "    - udp: {destinationPort: {range: {start: 1, end: 9}}}\n"
		  "    - sctp: {destinationPort: {number: 5}}\n",
		  "admin:7 */*|-|E-10.0.0.0/8+2001:db8::/32+node:r=x@UDP:1-9+SCTP:5",
		  "" },
		{ "  egress:\n  - {action: Deny, to: [{namespaces: {}}], protocols: [{destinationNamedPort: web}]}\n",
		  "admin:7 */*|-|E-ns:*@TCP:web+UDP:web+SCTP:web", "" },
	};

	READING_EXPECT_ROWS(cluster, rows);
}

static void older_kinds_are_read_in_every_form(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress:\n  - {action: Allow, from: [{namespaces: {}}]}\n"
		  "  - {action: Pass, from: [{namespaces: {}}], ports: [{portNumber: {port: 80}}, {portRange: {protocol: UDP, start: 1, end: 2}}, {namedPort: dns}]}\n"
		  "  egress:\n  - {action: Deny, to: [{networks: [0.0.0.0/0]}]}\n",
		  "admin:7 */*|-|Ins:*@any I>ns:*@TCP:80+UDP:1-2+TCP:dns+UDP:dns+SCTP:dns E-0.0.0.0/0@any",
		  "" },
	};
	static const struct reading_row lowest[] = {
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}}]}\n",
		  "baseline:1001 */*|-|I-ns:*@any", "" },
		{ "  ingress:\n  - {action: Pass, from: [{namespaces: {}}]}\n",
		  "baseline:1001 */*|-|I-!",
		  "isolated 7 spec.ingress[0].action" },
	};

	READING_EXPECT_ROWS(admin, rows);
	READING_EXPECT_ROWS(baseline, lowest);
}

/* A rule that closes and is not understood closes everything, see draft.c. */
static void rules_that_are_not_understood_are_broken_whole(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress:\n  - {action: Accept, from: []}\n",
		  "admin:7 */*|-|I!", "isolated 9 spec.ingress[0].from" },
		{ "  ingress:\n  - {action: Deny}\n", "admin:7 */*|-|I-!",
		  "isolated 9 spec.ingress[0].from" },
		{ "  ingress:\n  - {action: Allow, from: [{namespaces: {}}]}\n",
		  "admin:7 */*|-|I-!", "isolated 9 spec.ingress[0].action" },
		{ "  ingress:\n  - {action: Pass, from: [{networks: [10.0.0.0/8]}]}\n",
		  "admin:7 */*|-|I>!",
		  "isolated 9 spec.ingress[0].from[0].networks" },
		{ "  ingress:\n  - {action: Deny, from: [{}]}\n",
		  "admin:7 */*|-|I-!", "isolated 9 spec.ingress[0].from[0]" },
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}, pods: {}}]}\n",
		  "admin:7 */*|-|I-!",
		  "isolated 9 spec.ingress[0].from[0].pods" },
		{ "  ingress:\n  - {action: Deny, from: [{pods: {namespaceSelector: {}}}]}\n",
		  "admin:7 */*|-|I-!",
		  "isolated 9 spec.ingress[0].from[0].pods.podSelector" },
		{ "  egress:\n  - {action: Accept, to: [{domainNames: [a.example]}]}\n",
		  "admin:7 */*|-|E!",
		  "isolated 9 spec.egress[0].to[0].domainNames" },
		{ "  egress:\n  - {action: Deny, to: [{networks: []}]}\n",
		  "admin:7 */*|-|E-!",
		  "isolated 9 spec.egress[0].to[0].networks" },
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], protocols: []}\n",
		  "admin:7 */*|-|I-!", "isolated 9 spec.ingress[0].protocols" },
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {}}]}\n",
		  "admin:7 */*|-|I-!",
		  "isolated 9 spec.ingress[0].protocols[0].tcp" },
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], protocols: [{tcp: {destinationPort: {range: {start: 9, end: 9}}}}]}\n",
		  "admin:7 */*|-|I-!",
		  "isolated 9 spec.ingress[0].protocols[0].tcp.destinationPort.range.end" },
		{ "  egress:\n  - {action: Deny, to: [{nodes: {}}], protocols: [{destinationNamedPort: web}]}\n",
		  "admin:7 */*|-|E-!", "isolated 9 spec.egress[0].protocols" },
		{ "  egress:\n  - {action: Pass, to: [{namespaces: {}}, {networks: [10.0.0.0/8]}], protocols: [{destinationNamedPort: web}]}\n",
		  "admin:7 */*|-|E>!", "isolated 9 spec.egress[0].protocols" },
		{ "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], ports: []}\n",
		  "admin:7 */*|-|I-!", "isolated 9 spec.ingress[0].ports" },
	};

	READING_EXPECT_ROWS(cluster, rows);
}

static void the_older_api_wants_both_selectors(void)
{
	static const struct reading_row row = {
		"  ingress:\n  - {action: Deny, from: [{pods: {podSelector: {}}}]}\n",
		"admin:7 */*|-|I-!",
		"isolated 8 spec.ingress[0].from[0].pods.namespaceSelector"
	};

	reading_expect_row(admin, &row);
}

static void what_is_wrong_outside_of_rules_closes_the_subject(void)
{
	static const struct reading_row rows[] = {
		{ "  foo: 1\n", "admin:7 */*|-|I-! E-!",
		  "isolated 8 spec.foo" },
		{ "  ingress: {}\n", "admin:7 */*|-|I-! E-!",
		  "isolated 8 spec.ingress" },
	};

	READING_EXPECT_ROWS(cluster, rows);
}

static void where_it_stands_must_be_clear(void)
{
	static const struct reading_row rows[] = {
		{ "  tier: Normal\n  priority: 1\n  subject: {namespaces: {}}\n",
		  "refused", "kept 5 spec.tier" },
		{ "  tier: Admin\n  subject: {namespaces: {}}\n", "refused",
		  "kept 5 spec.priority" },
		{ "  tier: Admin\n  priority: 1001\n  subject: {namespaces: {}}\n",
		  "refused", "kept 6 spec.priority" },
		{ "  tier: Admin\n  priority: -1\n  subject: {namespaces: {}}\n",
		  "refused", "kept 6 spec.priority" },
		{ "  tier: Admin\n  priority: 1\n", "refused",
		  "kept 5 spec.subject" },
		{ "  tier: Admin\n  priority: 1\n  subject: {}\n", "refused",
		  "kept 7 spec.subject" },
		{ "  tier: Admin\n  priority: 1\n  subject: {namespaces: {}, pods: {}}\n",
		  "refused", "kept 7 spec.subject.pods" },
		{ "  tier: Admin\n  priority: 1\n  subject: {pods: {namespaceSelector: {}}}\n",
		  "refused", "kept 7 spec.subject.pods.podSelector" },
		{ "  tier: Baseline\n  priority: 0\n  subject: {pods: {namespaceSelector: {matchLabels: {t: a}}, podSelector: {matchLabels: {p: b}}}}\n",
		  "baseline:0 t=a/p=b|-|", "" },
	};

	READING_EXPECT_ROWS(HEAD("alpha2", "ClusterNetworkPolicy", "p"), rows);
}

static void only_one_baseline_policy_is_there(void)
{
	static const struct reading_row row = { "", "refused",
						"kept 1 metadata.name" };

	reading_expect_row(HEAD("alpha1", "BaselineAdminNetworkPolicy",
				"other") "  subject: {namespaces: {}}\n",
			   &row);
}

/* @cnt times @item with a number for #, in the list that @before begins. */
static void write_list(char *text, size_t bytes, const char *before,
		       const char *item, uint32_t cnt, const char *after)
{
	FILE *out = fmemopen(text, bytes, "w");

	if (!wd_expect(out))
		return;
	(void)fputs(before, out);
	for (uint32_t i = 0; i < cnt; i++) {
		(void)fputs(i ? ", " : "", out);
		(void)fprintf(out, "%.*s%u%s", (int)strcspn(item, "#"), item,
			      i + 1, strchr(item, '#') + 1);
	}
	(void)fputs(after, out);
	(void)fclose(out);
}

/* As many as the API takes, and one more, of which nothing is cut off. */
static void more_than_the_api_takes_is_refused_by_name(void)
{
	static const struct {
		const char *head, *before, *item, *after, *field;
		uint32_t most;
	} lists[] = {
		{ cluster, "  ingress: [",
		  "{action: Accept, from: [{namespaces: {}}], name: r#}", "]\n",
		  "spec.ingress", 25 },
		{ cluster, "  ingress:\n  - {action: Deny, from: [",
		  "{namespaces: {matchLabels: {t: t#}}}", "]}\n",
		  "spec.ingress[0].from", 25 },
		{ cluster,
		  "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], protocols: [",
		  "{tcp: {destinationPort: {number: #}}}", "]}\n",
		  "spec.ingress[0].protocols", 25 },
		{ cluster, "  egress:\n  - {action: Deny, to: [{networks: [",
		  "10.#.0.0/16", "]}]}\n", "spec.egress[0].to[0].networks",
		  25 },
		{ admin, "  egress: [",
		  "{action: Allow, to: [{namespaces: {}}], name: r#}", "]\n",
		  "spec.egress", 100 },
		{ admin, "  ingress:\n  - {action: Deny, from: [",
		  "{namespaces: {matchLabels: {t: t#}}}", "]}\n",
		  "spec.ingress[0].from", 100 },
		{ admin,
		  "  ingress:\n  - {action: Deny, from: [{namespaces: {}}], ports: [",
		  "{portNumber: {protocol: TCP, port: #}}", "]}\n",
		  "spec.ingress[0].ports", 100 },
		{ baseline, "  ingress: [",
		  "{action: Deny, from: [{namespaces: {}}], name: r#}", "]\n",
		  "spec.ingress", 100 },
	};
	static char body[16384], text[16384 + 512];
	struct wd_load load;

	for (size_t i = 0; i < 2 * (sizeof(lists) / sizeof(*lists)); i++) {
		bool is_more = i % 2;

		wd_test_row(lists[i / 2].field);
		write_list(body, sizeof(body), lists[i / 2].before,
			   lists[i / 2].item, lists[i / 2].most + is_more,
			   lists[i / 2].after);
		(void)snprintf(text, sizeof(text), "%s%s", lists[i / 2].head,
			       body);
		reading_load(&load, "p.yaml", text);
		if (wd_expect_int(is_more, (long long)load.problems.cnt) &&
		    is_more) {
			wd_expect_str(lists[i / 2].field,
				      load.problems.problem[0].field);
			wd_expect_int(WD_PROBLEM_ISOLATED,
				      load.problems.problem[0].effect);
		}
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(cluster_policies_are_read_in_every_form);
	WD_TEST(older_kinds_are_read_in_every_form);
	WD_TEST(rules_that_are_not_understood_are_broken_whole);
	WD_TEST(the_older_api_wants_both_selectors);
	WD_TEST(what_is_wrong_outside_of_rules_closes_the_subject);
	WD_TEST(where_it_stands_must_be_clear);
	WD_TEST(only_one_baseline_policy_is_there);
	WD_TEST(more_than_the_api_takes_is_refused_by_name);
	return wd_tests_end();
}
