/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cilium.c - CiliumNetworkPolicy and its cluster-wide kind: what they
 * become, what is wrong with them, where. reading.h says how policies are
 * written here.
 */
#include <stdio.h>
#include <string.h>

#include "model/clusters.h"

#include "reading.h"

#include "../tap.h"

#define NAMESPACED \
	"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n" \
	"metadata: {name: p, namespace: n}\n"
#define WIDE \
	"apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n" \
	"metadata: {name: p}\n"
#define SPEC "spec:\n  endpointSelector: {}\n" /* with the head: five lines */

static void a_section_isolates_an_empty_one_does_not(void)
{
	static const struct reading_row rows[] = {
		{ "", "*|-|", "" },
		{ "  ingress: []\n", "*|-|", "" },
		{ "  ingress: [{}]\n", "*|I|I@any", "" },
		{ "  egress: [{}]\n", "*|E|E@any", "" },
		{ "  ingress: [{fromEndpoints: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{fromEndpoints: [], fromEntities: [all]}]\n",
		  "*|I|I@any", "" },
		{ "  ingress: [{fromEndpoints: [{}], fromCIDR: [], fromNodes: []}]\n",
		  "*|I|I@any", "" },
		{ "  ingressDeny: [{fromEntities: [all], fromCIDR: []}]\n",
		  "*|I|I-any@any", "" },
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
		{ "  egress: [{toFQDNs: [{matchName: a.example}]}, {toCIDR: [192.0.2.0/24]}]\n"
		  "  ingress: [{}]\n"
		  "  enableDefaultDeny: {ingress: false, egress: false}\n",
		  "*|E|I@any E! Eworld:192.0.2.0/24@any",
		  "isolated 6 spec.egress[0].toFQDNs; isolated 8 spec.enableDefaultDeny.egress" },
		{ "  egress: [{toEntities: [all]}]\n  egressDeny: [{toCIDR: [10.0.0.0/8]}]\n",
		  "*|E|E-stranger:10.0.0.0/8@any Eany@any", "" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void clusters_are_named_where_there_are_others(void)
{
#define IN_CLUSTER \
	"  ingress: [{fromEndpoints: [{matchExpressions: [{key: \"k8s:io.cilium.k8s.policy.cluster\", operator: "
#define END "}]}]}]\n"
	static const struct reading_row rows[] = {
		{ IN_CLUSTER "In, values: [home]" END, "*|I|Ipod:*@any", "" },
		{ IN_CLUSTER "In, values: [west]" END,
		  "*|I|Ins:k8s:io.cilium.k8s.policy.cluster=west,kubernetes.io/metadata.name=n&pod:*@any",
		  "" },
		{ IN_CLUSTER "In, values: [default]" END, "*|I|I!",
		  "isolated 6 spec.ingress[0].fromEndpoints[0]" },
		{ IN_CLUSTER "NotIn, values: [west]" END,
		  "*|I|Ins:k8s:io.cilium.k8s.policy.cluster!=west,kubernetes.io/metadata.name=n&pod:*@any",
		  "" },
		{ IN_CLUSTER "Exists" END,
		  "*|I|Ins:k8s:io.cilium.k8s.policy.cluster,kubernetes.io/metadata.name=n&pod:*@any",
		  "" },
		{ IN_CLUSTER "DoesNotExist" END, "*|I|I!",
		  "isolated 6 spec.ingress[0].fromEndpoints[0]" },
	};

	wd_clusters_set_own("home");
	wd_clusters_add("west");
	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
	wd_clusters_forget();
#undef IN_CLUSTER
#undef END
}

static void selectors_know_sources_and_namespaces(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:app\": a, \"any:b\": c}}]}]\n",
		  "*|I|Ipod:app=a,b=c@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:io.kubernetes.pod.namespace\": m, app: a}}]}]\n",
		  "*|I|Ins:kubernetes.io/metadata.name=m&pod:app=a@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {io.cilium.k8s.namespace.labels.team: a}}]}]\n",
		  "*|I|Ins:team=a&pod:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]\n",
		  "*|I|Ins:kubernetes.io/metadata.name&pod:*@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"k8s:io.cilium.k8s.policy.serviceaccount\": a, b: c}}]}]\n",
		  "*|I|Ipod:b=c,io.cilium.k8s.policy.serviceaccount=a@any",
		  "" },
		{ "  egress: [{toEndpoints: [{matchExpressions: [{key: \"any:io.cilium.k8s.policy.serviceaccount\", operator: NotIn, values: [a]}]}]}]\n",
		  "*|E|Epod:io.cilium.k8s.policy.serviceaccount!=a@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:io.cilium.k8s.policy.serviceaccount\": a}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
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
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:world\": \"\", \"k8s:io.kubernetes.pod.namespace\": m}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
		{ "  ingressDeny: [{fromEndpoints: [{matchLabels: {\"reserved:host\": \"\", a: b}}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].fromEndpoints[0]" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"cidr:10.0.0.0/8\": \"\"}}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].fromEndpoints[0].matchLabels.cidr:10.0.0.0/8" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void what_denies_means_all_but_the_entities_it_spares(void)
{
#define DENIED "  ingressDeny: [{fromEndpoints: [{matchExpressions: ["
#define NO(name) "{key: \"reserved:" name "\", operator: DoesNotExist}"
	static const struct reading_row rows[] = {
		{ DENIED NO("init") "]}]}]\n",
		  "*|I|I-ns:*&pod:*+stranger:0.0.0.0/0+stranger:::/0+own:*+other:*@any",
		  "" },
		{ DENIED NO("host") ", " NO("world") "]}]}]\n",
		  "*|I|I-ns:*&pod:*+unknown:0.0.0.0/0+unknown:::/0+other:*@any",
		  "" },
		{ DENIED NO(
			  "remote-node") ", {key: a, operator: NotIn, values: [b]}]}]}]\n",
		  "*|I|I-ns:*&pod:a!=b+stranger:0.0.0.0/0+stranger:::/0+own:*@any",
		  "" },
		{ DENIED
		  "{key: \"reserved:host\", operator: NotIn, values: [x]}]}]}]\n",
		  "*|I|I-ns:*&pod:*+stranger:0.0.0.0/0+stranger:::/0+own:*+other:*@any",
		  "" },
		{ DENIED
		  "{key: \"reserved:host\", operator: NotIn, values: [x, \"\"]}]}]}]\n",
		  "*|I|I-ns:*&pod:*+stranger:0.0.0.0/0+stranger:::/0+other:*@any",
		  "" },
		{ DENIED NO("init") "], matchLabels: {a: b}}]}]\n",
		  "*|I|I-ns:*&pod:a=b@any", "" },
		{ DENIED NO(
			  "init") "], matchLabels: {io.kubernetes.pod.namespace: m}}]}]\n",
		  "*|I|I-ns:kubernetes.io/metadata.name=m&pod:*@any", "" },
		{ DENIED
		  "{key: io.kubernetes.pod.namespace, operator: DoesNotExist}]}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].fromEndpoints[0]" },
		{ "  ingress: [{fromEndpoints: [{matchExpressions: [{key: \"any:io.kubernetes.pod.namespace\", operator: DoesNotExist}]}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
	};
	static const struct reading_row afar[] = {
		{ DENIED NO("init") "], matchLabels: {a: b}}]}]\n",
		  "*|I|I-ns:k8s:io.cilium.k8s.policy.cluster&pod:a=b@any", "" },
		{ DENIED NO(
			  "init") "], matchLabels: {io.cilium.k8s.policy.cluster: west}}]}]\n",
		  "*|I|I-ns:k8s:io.cilium.k8s.policy.cluster=west&pod:*@any",
		  "" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
	wd_clusters_set_own("home");
	wd_clusters_add("west");
	READING_EXPECT_ROWS(NAMESPACED SPEC, afar);
	wd_clusters_forget();
#undef NO
#undef DENIED
}

static void subjects_never_leave_their_namespace(void)
{
	static const struct reading_row rows[] = {
		{ "spec:\n  endpointSelector: {matchLabels: {a: b}}\n",
		  "a=b|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {io.cilium.k8s.policy.serviceaccount: a}}\n",
		  "io.cilium.k8s.policy.serviceaccount=a|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: other}}\n",
		  "*|-|", "ignored 5 spec.endpointSelector" },
		{ "spec:\n  endpointSelector: {matchLabels: {\"k8s:io.kubernetes.pod.namespace\": n, a: b}}\n",
		  "a=b|-|", "" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: [n]}]}\n",
		  "*|-|", "ignored 5 spec.endpointSelector" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: In, values: [n, m]}]}\n",
		  "*|-|", "" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}\n",
		  "*|-|", "" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: \"any:io.kubernetes.pod.namespace\", operator: DoesNotExist}]}\n",
		  "*|-|", "ignored 5 spec.endpointSelector" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: io.cilium.k8s.namespace.labels.t, operator: DoesNotExist}]}\n",
		  "in kubernetes.io/metadata.name=n,!t *|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {io.kubernetes.pod.namespace: m, \"any:io.cilium.k8s.namespace.labels.t\": a}}\n",
		  "in kubernetes.io/metadata.name=n,t=a *|-|",
		  "ignored 5 spec.endpointSelector" },
		{ "spec:\n  endpointSelector: {matchLabels: {io.cilium.k8s.namespace.labels.t: a}}\n",
		  "in kubernetes.io/metadata.name=n,t=a *|-|", "" },
		{ "spec:\n  endpointSelector: {matchExpressions: [{key: \"reserved:init\", operator: DoesNotExist}]}\n",
		  "*|-|", "" },
		{ "spec:\n  endpointSelector: {matchLabels: {\"reserved:host\": \"\"}}\n",
		  "refused", "kept 5 spec.endpointSelector" },
		{ "spec:\n  nodeSelector: {}\n", "refused",
		  "kept 5 spec.nodeSelector" },
		{ "specs:\n- endpointSelector: {matchLabels: {a: b}}\n- endpointSelector: {}\n  ingress: [{}]\n",
		  "a=b|-|; *|I|I@any", "" },
		{ "specs: []\n", "refused", "kept 1 spec" },
	};

	READING_EXPECT_ROWS(NAMESPACED, rows);
}

static void the_wide_kind_means_all_namespaces(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{fromEndpoints: [{}]}]\n",
		  "in * *|I|Ins:*&pod:*@any", "" },
	};

	READING_EXPECT_ROWS(WIDE SPEC, rows);
}

static void every_entity_is_read(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{fromEntities: [world]}]\n",
		  "*|I|Iworld:0.0.0.0/0+world:::/0@any", "" },
		{ "  ingress: [{fromEntities: [world-ipv4]}]\n",
		  "*|I|Iworld:0.0.0.0/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [world-ipv6]}]\n",
		  "*|I|I-stranger:::/0@any", "" },
		{ "  ingress: [{fromEntities: [cluster]}]\n",
		  "*|I|Ins:*+node:*+service:?default/kubernetes@any", "" },
		{ "  ingressDeny: [{fromEntities: [cluster]}]\n",
		  "*|I|I-ns:*+node:*+service:?default/kubernetes@any", "" },
		{ "  ingressDeny: [{fromEntities: [health]}]\n",
		  "*|I|I-unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [init]}]\n",
		  "*|I|I-unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [ingress]}]\n",
		  "*|I|I-unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [unmanaged]}]\n",
		  "*|I|I-unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingressDeny: [{fromEntities: [none]}]\n", "*|I|I-@any",
		  "" },
		{ "  ingressDeny: [{fromEndpoints: [{matchLabels: {\"reserved:unmanaged\": \"\"}}]}]\n",
		  "*|I|I-unknown:0.0.0.0/0+unknown:::/0@any", "" },
		{ "  ingress: [{fromEndpoints: [{matchLabels: {\"reserved:martian\": \"\"}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromEndpoints[0]" },
		{ "  ingress: [{fromEntities: [host, remote-node]}]\n",
		  "*|I|Iown:*+other:*@any", "" },
		{ "  ingress: [{fromEntities: [init, health, ingress, unmanaged, none]}]\n",
		  "*|I|I@any", "" },
		{ "  ingress: [{fromEntities: [kube-apiserver]}]\n",
		  "*|I|Iservice:default/kubernetes@any", "" },
		{ "  egressDeny: [{toEndpoints: [{matchLabels: {\"reserved:kube-apiserver\": \"\"}}]}]\n",
		  "*|E|E-service:default/kubernetes@any", "" },
		{ "  ingressDeny: [{fromEntities: [martians]}]\n", "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].fromEntities[0]" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void prefixes_are_of_the_world(void)
{
	static const struct reading_row rows[] = {
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
		{ "  egress: [{toCIDRSet: [{cidrGroupRef: g}]}]\n  egressDeny: [{toCIDRSet: [{cidrGroupRef: g, except: [10.0.0.0/8]}]}]\n",
		  "*|E|E-stranger:group:g-10.0.0.0/8@any Eworld:group:g@any",
		  "" },
		{ "  ingress: [{fromCIDRSet: [{cidrGroupSelector: {matchLabels: {r: vpn}}}, {cidr: 10.0.0.0/8}]}]\n",
		  "*|I|Iworld:group:r=vpn+world:10.0.0.0/8@any", "" },
		{ "  ingress: [{fromCIDRSet: [{cidrGroupSelector: {}}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].fromCIDRSet[0].cidrGroupSelector" },
		{ "  ingress: [{fromCIDRSet: [{cidrGroupRef: \"\"}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].fromCIDRSet[0].cidrGroupRef" },
		{ "  ingress: [{fromCIDRSet: [{cidrGroupRef: g, cidr: 10.0.0.0/8}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromCIDRSet[0]" },
		{ "  ingressDeny: [{fromCIDRSet: [{cidrGroupRef: g, cidrGroupSelector: {}}]}]\n",
		  "*|I|I-!", "isolated 6 spec.ingressDeny[0].fromCIDRSet[0]" },
		{ "  egress: [{toNodes: [{matchLabels: {a: b}}]}]\n",
		  "*|E|Eother:a=b@any", "" },
		{ "  egress: [{toNodes: [{matchLabels: {\"node:a\": b, \"any:c\": d}}]}]\n",
		  "*|E|Eother:a=b,c=d@any", "" },
		{ "  ingress: [{fromNodes: [{matchLabels: {\"k8s:a\": b}}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].fromNodes[0].matchLabels.k8s:a" },
		{ "  ingressDeny: [{fromNodes: [{matchLabels: {io.cilium.k8s.policy.cluster: c}}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].fromNodes[0].matchLabels.io.cilium.k8s.policy.cluster" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void groups_of_cidrs_have_labels_and_prefixes(void)
{
	static const struct reading_row rows[] = {
		{ "spec: {externalCIDRs: [10.48.0.1/24, 2001:db8::/32]}\n",
		  "r=vpn|10.48.0.0/24,2001:db8::/32", "" },
		{ "spec: {externalCIDRs: []}\n", "r=vpn", "" },
		{ "spec: {}\n", "refused", "kept 4 spec.externalCIDRs" },
		{ "spec: {externalCIDRs: [10.0.0.0/8, 10.0.0.0/33]}\n",
		  "refused", "kept 4 spec.externalCIDRs[1]" },
		{ "spec: {externalCIDRs: [], cidrs: []}\n", "refused",
		  "kept 4 spec.cidrs" },
	};

	READING_EXPECT_ROWS("apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\n"
			    "metadata: {name: g, labels: {r: vpn}}\n",
			    rows);
	READING_EXPECT_ROWS(
		"apiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\n"
		"metadata: {name: g, labels: {r: vpn}}\n",
		rows);
}

static void every_spelling_of_a_port(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\"}]}]}]\n",
		  "*|I|Iany@TCP:80+UDP:80+SCTP:80", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"0\", protocol: UDP}]}]}]\n",
		  "*|I|Iany@UDP:*", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", endPort: 90, protocol: TCP}, {port: WEB, protocol: TCP}]}]}]\n",
		  "*|I|Iany@TCP:80-90+TCP:web", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"99999\", protocol: TCP}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].port" },
		{ "  ingressDeny: [{toPorts: [{ports: [{port: \"010\", protocol: TCP}]}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].toPorts[0].ports[0].port" },
		{ "  egress: [{toEndpoints: [{}], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n"
		  "  egressDeny: [{toEndpoints: [{}], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|E-pod:*@TCP:web Epod:*@TCP:web", "" },
		{ "  egress: [{toEntities: [all], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|Eany@TCP:web", "" },
		{ "  egressDeny: [{toEntities: [all], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|E-!", "isolated 6 spec.egressDeny[0].toPorts" },
		{ "  egressDeny: [{toEntities: [remote-node], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|E-!", "isolated 6 spec.egressDeny[0].toPorts" },
		{ "  egress: [{toCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|E!", "isolated 6 spec.egress[0].toPorts" },
		{ "  ingressDeny: [{fromCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|I|I-stranger:10.0.0.0/8@TCP:web", "" },
		{ "  ingress: [{toPorts: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{toPorts: [], icmps: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{fromEntities: [all], toPorts: []}]\n",
		  "*|I|Iany@any", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: TCP}], rules: {}, serverNames: [], listener: ~, terminatingTLS: null}]}]\n",
		  "*|I|Iany@TCP:80", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: TCP}], rules: {http: []}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].toPorts[0].rules" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: TCP}], listener: {}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].toPorts[0].listener" },
		{ "  egress: [{toEntities: [all], toFQDNs: ~, toGroups: null, authentication: ~}]\n",
		  "*|E|Eany@any", "" },
		{ "  egress: [{toEntities: [all], toFQDNs: []}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toFQDNs" },
		{ "  egress: [{toEntities: [all], toOther: ~}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toOther" },
		{ "  ingress: [{fromCIDRSet: [{cidr: ~, cidrGroupRef: g, cidrGroupSelector: ~}, {cidr: 10.0.0.0/8, cidrGroupRef: ~}]}]\n",
		  "*|I|Iworld:group:g+world:10.0.0.0/8@any", "" },
		{ "  nodeSelector: ~\n  ingress: [{fromEntities: [all]}]\n",
		  "*|I|Iany@any", "" },
		{ "  ingress: [{toPorts: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports" },
		{ "  ingress: [{toPorts: [{ports: []}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void protocols_without_ports_are_read_whole(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{toPorts: [{ports: [{port: \"0\", protocol: VRRP}, {protocol: IGMP}]}]}]\n",
		  "*|I|Iany@112:*+2:*", "" },
		{ "  ingress: [{toPorts: [{ports: [{protocol: ICMP}, {protocol: ICMPv6}]}]}]\n",
		  "*|I|Iany@ICMP:*+ICMPv6:*", "" },
		{ "  egress: [{toPorts: [{ports: [{protocol: GRE}, {protocol: IPIP}, {protocol: IPV6}, {protocol: ESP}, {protocol: AH}]}]}]\n",
		  "*|E|Eany@47:*+4:*+41:*+50:*+51:*", "" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\", protocol: GRE}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].port" },
		{ "  ingress: [{toPorts: [{ports: [{port: web, protocol: ICMP}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].port" },
		{ "  ingress: [{toPorts: [{ports: [{endPort: 7, protocol: VRRP}]}]}]\n",
		  "*|I|I!",
		  "isolated 6 spec.ingress[0].toPorts[0].ports[0].endPort" },
		{ "  egressDeny: [{toPorts: [{ports: [{protocol: AH}]}]}]\n",
		  "*|E|E-!",
		  "isolated 6 spec.egressDeny[0].toPorts[0].ports[0].protocol" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void types_of_icmp_are_read_by_name_and_number(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{icmps: [{fields: [{type: 8}]}]}]\n",
		  "*|I|Iany@ICMP:2048-2303", "" },
		{ "  ingress: [{icmps: [{fields: [{type: EchoRequest, family: IPv6}, {type: \"8\", family: IPv4}]}]}]\n",
		  "*|I|Iany@ICMPv6:32768-33023+ICMP:2048-2303", "" },
		{ "  ingressDeny: [{fromEndpoints: [{}], icmps: [{fields: [{type: Echo}]}, {fields: [{type: 255, family: IPv6}]}]}]\n",
		  "*|I|I-pod:*@ICMP:2048-2303+ICMPv6:65280-65535", "" },
		{ "  egress: [{icmps: [{fields: [{type: DestinationUnreachable}, {type: DestinationUnreachable, family: IPv6}]}]}]\n",
		  "*|E|Eany@ICMP:768-1023+ICMPv6:256-511", "" },
		{ "  egressDeny: [{icmps: [{fields: [{type: 0, code: 0}, {type: 3, code: 4}]}]}]\n",
		  "*|E|E-any@ICMP:0+ICMP:772", "" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void what_is_no_type_refuses_the_rule(void)
{
#define FIELD "isolated 6 spec.ingress[0].icmps[0].fields[0]"
	static const struct reading_row rows[] = {
		{ "  ingress: [{icmps: [{fields: [{type: 256}]}]}]\n", "*|I|I!",
		  FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: -1}]}]}]\n", "*|I|I!",
		  FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: 08}]}]}]\n", "*|I|I!",
		  FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: 0x8}]}]}]\n", "*|I|I!",
		  FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: echoreply}]}]}]\n",
		  "*|I|I!", FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: PacketTooBig}]}]}]\n",
		  "*|I|I!", FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: Timestamp, family: IPv6}]}]}]\n",
		  "*|I|I!", FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{family: IPv6}]}]}]\n",
		  "*|I|I!", FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: [8]}]}]}]\n", "*|I|I!",
		  FIELD ".type" },
		{ "  ingress: [{icmps: [{fields: [{type: 8, family: ipv4}]}]}]\n",
		  "*|I|I!", FIELD ".family" },
		{ "  ingress: [{icmps: [{fields: [{type: 8, code: 256}]}]}]\n",
		  "*|I|I!", FIELD ".code" },
		{ "  ingress: [{icmps: [{fields: [{type: 8, code: any}]}]}]\n",
		  "*|I|I!", FIELD ".code" },
		{ "  ingress: [{icmps: [{fields: [{type: 8, port: 1}]}]}]\n",
		  "*|I|I!", FIELD ".port" },
		{ "  ingress: [{icmps: [{fields: []}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].icmps[0].fields" },
		{ "  ingress: [{icmps: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].icmps[0].fields" },
		{ "  ingress: [{icmps: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{icmps: [], toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]}]\n",
		  "*|I|Iany@TCP:80", "" },
		{ "  ingressDeny: [{fromEntities: [all], icmps: []}]\n",
		  "*|I|I-any@any", "" },
		{ "  ingressDeny: [{icmps: []}]\n", "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0]" },
		{ "  ingress: [{icmps: [{fields: [{type: 8}]}], toPorts: [{ports: [{port: \"80\"}]}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].icmps" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
#undef FIELD
}

/* As in Cilium, 40 of one entry. */
static void more_fields_than_the_api_takes_are_refused(void)
{
	char body[1024];
	struct reading_row row = {
		body, "*|I|I!", "isolated 6 spec.ingress[0].icmps[0].fields"
	};
	size_t len = (size_t)snprintf(
		body, sizeof(body), "  ingress: [{icmps: [{fields: [{type: 0}");

	for (int i = 0; i < 40; i++)
		len += (size_t)snprintf(body + len, sizeof(body) - len,
					", {type: 8}");
	(void)snprintf(body + len, sizeof(body) - len, "]}]}]\n");
	reading_expect_row(NAMESPACED SPEC, &row);
}

/* Neither wider nor silent. */
static void services_of_other_namespaces_widen_and_narrow_nothing(void)
{
	static const struct reading_row near[] = {
		{ "  egress: [{toServices: [{k8sService: {serviceName: a}}, {k8sService: {serviceName: b, namespace: m}}]}]\n",
		  "*|E|Eservice:n/a+service:m/b@any", "" },
		{ "  egressDeny: [{toServices: [{k8sService: {serviceName: a}}]}]\n",
		  "*|E|E-service:?*/a+service:n/a@any", "" },
		{ "  egressDeny: [{toServices: [{k8sService: {serviceName: a, namespace: m}}]}]\n",
		  "*|E|E-service:m/a@any", "" },
		{ "  egressDeny: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {a: b}}}}]}]\n",
		  "*|E|E-service:?*/a=b+service:n/a=b@any", "" },
		{ "  egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {a: b}}}}], toPorts: [{ports: [{port: \"80\", protocol: TCP}]}]}]\n",
		  "*|E|Eservice:n/a=b@TCP:80", "" },
		{ "  egress: [{toServices: []}]\n", "*|E|E@any", "" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: \"\"}}]}]\n",
		  "*|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sService.serviceName" },
		{ "  egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {\"k8s:c\": d}, matchExpressions: [{key: \"any:a\", operator: Exists}]}}}]}]\n",
		  "*|E|Eservice:n/a,c=d@any", "" },
		{ "  egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {\"reserved:c\": d}}}}]}]\n",
		  "*|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sServiceSelector.selector.matchLabels.reserved:c" },
		{ "  egress: [{toServices: [{k8sServiceSelector: {selector: {}}}]}]\n",
		  "*|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sServiceSelector.selector" },
		{ "  egressDeny: [{toServices: [{k8sService: {serviceName: a}, k8sServiceSelector: {selector: {matchLabels: {a: b}}}}]}]\n",
		  "*|E|E-!", "isolated 6 spec.egressDeny[0].toServices[0]" },
		{ "  egress: [{toServices: [{}]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toServices[0]" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: a, port: 80}}]}]\n",
		  "*|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sService.port" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: a}}], toPorts: [{ports: [{port: web, protocol: TCP}]}]}]\n",
		  "*|E|E!", "isolated 6 spec.egress[0].toPorts" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: a}}], toCIDR: [10.0.0.0/8]}]\n",
		  "*|E|E!", "isolated 6 spec.egress[0].toServices" },
	};
	static const struct reading_row wide[] = {
		{ "  egress: [{toServices: [{k8sService: {serviceName: a}}]}]\n",
		  "in * *|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sService.namespace" },
		{ "  egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {a: b}}}}]}]\n",
		  "in * *|E|E!",
		  "isolated 6 spec.egress[0].toServices[0].k8sServiceSelector.namespace" },
		{ "  egress: [{toServices: [{k8sService: {serviceName: a, namespace: m}}]}]\n",
		  "in * *|E|Eservice:m/a@any", "" },
		{ "  egressDeny: [{toServices: [{k8sService: {serviceName: a}}]}]\n",
		  "in * *|E|E-service:*/a@any", "" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, near);
	READING_EXPECT_ROWS(WIDE SPEC, wide);
}

static void what_events_are_to_carry_changes_no_verdict(void)
{
	static const struct reading_row rows[] = {
		{ "  ingress: [{}]\n  log: {value: audited 1}\n",
		  "*|I|I@any log 'audited 1'", "" },
		{ "  ingress: [{}]\n  log: {value: ääääääääääääääääääääääääääääääää}\n",
		  "*|I|I@any log 'ääääääääääääääääääääääääääääääää'", "" },
		{ "  ingress: [{}]\n  log: {value: \"\"}\n", "*|I|I@any", "" },
		{ "  ingress: [{}]\n  log: {}\n", "*|I|I@any", "" },
		{ "  ingress: [{}]\n  log: {value: \"a\\tb\"}\n", "*|I|I@any",
		  "ignored 7 spec.log.value" },
		{ "  ingress: [{}]\n  log: {value: 123456789012345678901234567890123x}\n",
		  "*|I|I@any", "ignored 7 spec.log.value" },
		{ "  ingress: [{}]\n  log: {value: [a]}\n", "*|I|I@any",
		  "ignored 7 spec.log.value" },
		{ "  ingress: [{}]\n  log: {level: a}\n", "*|I|I@any",
		  "ignored 7 spec.log.level" },
		{ "  ingress: [{}]\n  log: a\n", "*|I|I@any",
		  "ignored 7 spec.log" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void what_is_not_enforced_refuses_the_rule(void)
{
	static const struct reading_row rows[] = {
		{ "  egress: [{toFQDNs: [{matchName: a.example}]}]\n", "*|E|E!",
		  "isolated 6 spec.egress[0].toFQDNs" },
		{ "  ingress: [{toServices: [{k8sService: {serviceName: a}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].toServices" },
		{ "  ingress: [{toPorts: [{ports: [{port: \"80\"}], rules: {http: [{}]}}]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].toPorts[0].rules" },
		{ "  ingress: [{fromEndpoints: [{}], authentication: {mode: required}}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].authentication" },
		{ "  ingress: [{fromGroups: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].fromGroups" },
		{ "  ingress: [{fromRequires: [{}]}]\n", "*|I|I!",
		  "isolated 6 spec.ingress[0].fromRequires" },
		{ "  ingress: [{fromRequires: []}]\n", "*|I|I@any", "" },
		{ "  ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]\n",
		  "*|I|I!", "isolated 6 spec.ingress[0].fromCIDR" },
		{ "  ingress: [{fromEndpoints: [{}]}]\n  ingres: []\n",
		  "*|IE|I-! Ipod:*@any E-!", "isolated 7 spec.ingres" },
		{ "  ingressDeny: {}\n", "*|IE|I-! E-!",
		  "isolated 6 spec.ingressDeny" },
		{ "  ingressDeny: [{toPorts: [{ports: [{port: \"80\", protocol: L2TP}]}]}]\n",
		  "*|I|I-!",
		  "isolated 6 spec.ingressDeny[0].toPorts[0].ports[0].protocol" },
	};

	READING_EXPECT_ROWS(NAMESPACED SPEC, rows);
}

static void policies_of_nodes_are_of_the_wide_kind(void)
{
	static const struct reading_row rows[] = {
		{ "spec:\n  nodeSelector: {}\n  ingress: [{}]\n",
		  "nodes *|I|I@any", "" },
		{ "spec:\n  nodeSelector: {matchLabels: {a: b}}\n  egress: [{toEntities: [host], toPorts: [{ports: [{port: \"80\"}]}]}]\n",
		  "nodes a=b|E|Eown:*@TCP:80+UDP:80+SCTP:80", "" },
		{ "spec:\n  nodeSelector: {matchLabels: {\"k8s:a\": b, \"any:c\": d}}\n  ingress: [{}]\n",
		  "nodes a=b,c=d|I|I@any", "" },
		{ "spec:\n  nodeSelector: {matchLabels: {\"node:a\": b}}\n  ingress: [{}]\n",
		  "refused", "kept 5 spec.nodeSelector.matchLabels.node:a" },
		{ "spec:\n  nodeSelector: {}\n  endpointSelector: {}\n",
		  "refused", "kept 5 spec.nodeSelector" },
		{ "spec:\n  nodeSelector: [a]\n", "refused",
		  "kept 5 spec.nodeSelector" },
		{ "spec:\n  nodeSelector: {}\n  ingress: [{toPorts: [{ports: [{port: web}]}]}]\n",
		  "nodes *|I|I!", "isolated 6 spec.ingress[0].toPorts" },
		{ "specs:\n- nodeSelector: {}\n- endpointSelector: {}\n  ingress: [{}]\n",
		  "nodes *|-|; in * *|I|I@any", "" },
	};

	READING_EXPECT_ROWS(WIDE, rows);
}

/* What was confirmed is kept as this text. */
static void a_policy_of_nodes_has_a_text_that_reads_the_same(void)
{
	static const char *const bodies[] = {
		"spec:\n  nodeSelector: {}\n  ingress: [{}]\n",
		"spec:\n  nodeSelector: {matchLabels: {a: \"true\", c: \"1\"}}\n"
		"  description: \"q\\\"\\\\\\x07 \\u00e9\"\n"
		"  enableDefaultDeny: {ingress: no, egress: true}\n"
		"  egressDeny: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}],"
		" toPorts: [{ports: [{port: \"1\", endPort: 9}]}]}]\n",
		"specs:\n- nodeSelector: {}\n- endpointSelector: {}\n  ingress: [{fromEntities: [~]}]\n",
		"spec:\n  nodeSelector: {}\n  typo: 1\nmore: x\n",
	};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		static char text[4096];
		struct wd_load first, again;

		wd_test_row(bodies[i]);
		(void)snprintf(text, sizeof(text), "%s%s", WIDE, bodies[i]);
		reading_load(&first, "p.yaml", text);
		if (!wd_expect_int(1, (long long)first.obj_cnt))
			continue;
		(void)snprintf(text, sizeof(text), "# of it\n%s",
			       first.obj[0]->policy.text);
		reading_load(&again, "p.yaml", text);
		if (wd_expect_int(1, (long long)again.obj_cnt))
			wd_expect(wd_object_equal(first.obj[0], again.obj[0]));
		wd_load_fini(&again);
		wd_load_fini(&first);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(a_section_isolates_an_empty_one_does_not);
	WD_TEST(clusters_are_named_where_there_are_others);
	WD_TEST(selectors_know_sources_and_namespaces);
	WD_TEST(what_denies_means_all_but_the_entities_it_spares);
	WD_TEST(subjects_never_leave_their_namespace);
	WD_TEST(the_wide_kind_means_all_namespaces);
	WD_TEST(every_entity_is_read);
	WD_TEST(prefixes_are_of_the_world);
	WD_TEST(groups_of_cidrs_have_labels_and_prefixes);
	WD_TEST(every_spelling_of_a_port);
	WD_TEST(protocols_without_ports_are_read_whole);
	WD_TEST(types_of_icmp_are_read_by_name_and_number);
	WD_TEST(what_is_no_type_refuses_the_rule);
	WD_TEST(more_fields_than_the_api_takes_are_refused);
	WD_TEST(services_of_other_namespaces_widen_and_narrow_nothing);
	WD_TEST(what_events_are_to_carry_changes_no_verdict);
	WD_TEST(what_is_not_enforced_refuses_the_rule);
	WD_TEST(policies_of_nodes_are_of_the_wide_kind);
	WD_TEST(a_policy_of_nodes_has_a_text_that_reads_the_same);
	return wd_tests_end();
}
