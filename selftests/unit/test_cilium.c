/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cilium.c - CiliumNetworkPolicy and its cluster-wide kind: what they
 * become, what is wrong with them, where. reading.h says how policies are
 * written here.
 */
#include <stdio.h>
#include <string.h>

#include "reading.h"

#include "../tap.h"

#define NAMESPACED \
	"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n" \
	"metadata: {name: p, namespace: n}\n"
#define WIDE \
	"apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n" \
	"metadata: {name: p}\n"
#define SPEC "spec:\n  endpointSelector: {}\n" /* with the head: five lines */

static char text[READING_TEXT];
static char buf[READING_TEXT];
static struct wd_load load;

struct row {
	const char *body;
	const char *policy; /* "refused": the version before stays */
	const char *problems;
};

static void expect_row(const char *head, const struct row *row)
{
	wd_test_row(row->body);
	(void)snprintf(text, sizeof(text), "%s%s", head, row->body);
	reading_load(&load, "p.yaml", text);
	wd_expect_str(row->problems, reading_problems(&load.problems, buf));
	if (strcmp(row->policy, "refused") == 0) {
		wd_expect_int(0, (long long)load.obj_cnt);
		wd_expect(!wd_load_is_clean(&load));
	} else if (wd_expect_int(1, (long long)load.obj_cnt)) {
		wd_expect_str(row->policy, reading_object(load.obj[0], buf));
	}
	wd_load_fini(&load);
	wd_test_row(NULL);
}

#define EXPECT_ROWS(head, rows) \
	do { \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(*(rows)); i_++) \
			expect_row((head), &(rows)[i_]); \
	} while (0)

static void a_section_isolates_an_empty_one_does_not(void)
{
	static const struct row rows[] = {
		{ "", "*|-|", "" },
		{ "  ingress: []\n", "*|-|", "" },
		{ "  ingress: [{}]\n", "*|I|I@any", "" },
		{ "  egress: [{}]\n", "*|E|E@any", "" },
		{ "  ingress: [{fromEndpoints: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{fromEndpoints: [{}]}]\n", "*|I|Ipod:*@any",
		  "" },
		{ "  ingressDeny: [{fromEntities: [all]}]\n", "*|I|I-any@any",
		  "" },
		{ "  ingressDeny: [{}]\n", "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0]" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]}]\n"
		  "  enableDefaultDeny: {ingress: false}\n",
		  "*|-|Iany@TCP:80", "" },
		{ "  enableDefaultDeny: {egress: true}\n", "*|E|", "" },
		{ "  egress: [{toEntities: [all]}]\n  egressDeny: [{toCIDR: [10.0.0.0/8]}]\n",
		  "*|E|E-stranger:10.0.0.0/8@any Eany@any", "" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void selectors_know_sources_and_namespaces(void)
{
	static const struct row rows[] = {
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:app\": a, \"any:b\": c}}]}]\n",
		  "*|I|Ipod:app=a,b=c@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:io.kubernetes.pod.namespace\": m, app: a}}]}]\n",
		  "*|I|Ins:kubernetes.io/metadata.name=m&pod:app=a@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.team: a}}]}]\n",
		  "*|I|Ins:team=a&pod:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]\n",
		  "*|I|Ins:kubernetes.io/metadata.name&pod:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: default, a: b}}]}]\n",
		  "*|I|Ipod:a=b@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: far}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:host\": \"\"}}]}]\n",
		  "*|I|Iown:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchExpressions: [{key: \"reserved:init\", operator: DoesNotExist}]}]}]\n",
		  "*|I|Ipod:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:host\": \"\", a: b}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"cidr:10.0.0.0/8\": \"\"}}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].fromEndpoints[0].matchLabels.cidr:10.0.0.0/8" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void subjects_never_leave_their_namespace(void)
{
	static const struct row rows[] = {
		{ "spec:\n  endpointSelector: {matchLabels: {a: b}}\n",
		  "a=b|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}\n",
		  "in kubernetes.io/metadata.name=n,kubernetes.io/metadata.name=other *|-|",
		  "" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: \"reserved:init\", operator: DoesNotExist}]}\n",
		  "*|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {\"reserved:host\": \"\"}}\n",
		  "refused", "kept 5 spec.endpointSelector" },
		{ "spec:\n  nodeSelector: {}\n", "refused",
		  "kept 5 spec.endpointSelector" },
		{ "specs:\n- endpointSelector: {matchLabels: {a: b}}\n- endpointSelector: {}\n  ingress: [{}]\n",
		  "a=b|-|; *|I|I@any", "" },
		{ "specs: []\n", "refused", "kept 1 spec" },
	};

	EXPECT_ROWS(NAMESPACED, rows);
}

static void the_wide_kind_means_all_namespaces(void)
{
	static const struct row rows[] = {
		{ "  ingress: [{fromEndpoints: [{}]}]\n",
		  "in * *|I|Ins:*&pod:*@any", "" },
	};

	EXPECT_ROWS(WIDE SPEC, rows);
}

static void every_entity_is_read(void)
{
	static const struct row rows[] = {
		{ "  ingress: [{fromEntities: [world]}]\n",
		  "*|I|Iworld:0.0.0.0/0+world:::/0@any", "" },
		{ "  ingress: [{fromEntities: [world-ipv4]}]\n",
		  "*|I|Iworld:0.0.0.0/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [world-ipv6]}]\n",
		  "*|I|I-stranger:::/0@any", "" },
		{ "  ingress: [{fromEntities: [cluster]}]\n",
		  "*|I|Ins:*+node:*@any", "" },
		{ "  ingressDeny: [{fromEntities: [cluster]}]\n",
		  "*|I|I-ns:*+node:*+unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingress: [{fromEntities: [host, remote-node]}]\n",
		  "*|I|Iown:*+other:*@any", "" },
		{ "  ingress: [{fromEntities: [init, health, ingress, unmanaged, none]}]\n",
		  "*|I|I@any", "" },
		{ "  ingress: [{fromEntities: [kube-apiserver]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].fromEntities[0]" },
		{ "  ingressDeny: [{fromEntities: [martians]}]\n", "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].fromEntities[0]" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void prefixes_are_of_the_world(void)
{
	static const struct row rows[] = {
		{ "  egress: [{toCIDR: [10.0.0.1/8, 2001:db8::/32]}]\n",
		  "*|E|Eworld:10.0.0.0/8+world:2001:db8::/32@any", "" },
		{ "  egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]}]\n",
		  "*|E|Eworld:10.0.0.0/8-10.1.0.0/16@any", "" },
		{ "  egress: [{toCIDR: [010.0.0.0/8]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toCIDR[0]" },
		{ "  egress: [{toCIDR: [10.0.0.1]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toCIDR[0]" },
		{ "  egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}]}]\n",
		  "*|E|E!",
		  "isolated 6 spec.egress[0].toCIDRSet[0].except[0]" },
		{ "  egress: [{toCIDRSet: [{cidrGroupRef: g}]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toCIDRSet[0].cidrGroupRef" },
		{ "  egress: [{toNodes: [{matchLabels: {a: b}}]}]\n",
		  "*|E|Eother:a=b@any", "" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void every_spelling_of_a_port(void)
{
	static const struct row rows[] = {
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\"}]}]}]\n",
		  "*|I|Iany@TCP:80+UDP:80+SCTP:80", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"0\", protocol: UDP}]}]}]\n",
		  "*|I|Iany@UDP:*", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", endPort: 90, protocol: TCP}, {port: WEB, protocol: TCP}]}]}]\n",
		  "*|I|Iany@TCP:80-90+TCP:web", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"99999\", protocol: TCP}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].port" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: GRE}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].protocol" },
		{ "  ingress: [{toPorts: []}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts" },
		{ "  ingress: [{toPorts: [{ports: []}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

/* Neither wider nor silent. */
static void what_is_not_enforced_refuses_the_rule(void)
{
	static const struct row rows[] = {
		{ "  egress: [{toFQDNs: [{matchName: a.example}]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toFQDNs" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: a}}]}]\n",
		  "*|E|E!", "isolated 6 spec.egress[0].toServices" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\"}], rules: {http: [{}]}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].toPorts[0].rules" },
		{ "  ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].authentication" },
		{ "  ingress: [{icmps: [{fields: [{type: 8, family: IPv4}]}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].icmps" },
		{ "  ingress: [{fromGroups: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].fromGroups" },
		{ "  ingress: [{fromRequires: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].fromRequires" },
		{ "  ingress: [{fromRequires: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromCIDR" },
		{ "  ingress: [{fromEndpoints: [{}]}]\n  ingres: []\n",
		  "*|IE|I!", "isolated 7 spec.ingres" },
		{ "  ingressDeny: [{toPorts: [{ports: [{port: \"80\", protocol: ESP}]}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].toPorts[0].ports[0].protocol" },
	};

	EXPECT_ROWS(NAMESPACED SPEC, rows);
}

int main(void)
{
	WD_TEST(a_section_isolates_an_empty_one_does_not);
	WD_TEST(selectors_know_sources_and_namespaces);
	WD_TEST(subjects_never_leave_their_namespace);
	WD_TEST(the_wide_kind_means_all_namespaces);
	WD_TEST(every_entity_is_read);
	WD_TEST(prefixes_are_of_the_world);
	WD_TEST(every_spelling_of_a_port);
	WD_TEST(what_is_not_enforced_refuses_the_rule);
	return wd_tests_end();
}
