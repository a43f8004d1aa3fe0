/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cluster.c - Pods, Namespaces and Nodes as objects, Lists of anything,
 * and which documents are for warder at all. reading.h says how objects are
 * written here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/nodes.h"
#include "model/store.h"
#include "reading.h"

#include "../tap.h"

static char text[READING_TEXT];
static char buf[READING_TEXT];
static struct wd_load load;

struct row {
	const char *body;
	const char *object; /* "refused": the version before stays */
	const char *problems;
};

/* @head: format of a document with one %s for the body. */
static void expect_row(const struct row *row)
{
	reading_load(&load, "c.yaml", text);
	wd_expect_str(row->problems, reading_problems(&load.problems, buf));
	wd_expect(!load.unsure);
	if (strcmp(row->object, "refused") == 0) {
		wd_expect_int(0, (long long)load.obj_cnt);
		wd_expect_int(1, (long long)load.refused.cnt);
	} else if (wd_expect_int(1, (long long)load.obj_cnt)) {
		wd_expect_str(row->object, reading_object(load.obj[0], buf));
		wd_expect(wd_load_is_clean(&load));
	}
	wd_load_fini(&load);
}

#define EXPECT_ROWS(rows, head, tail) \
	do { \
		for (const struct row *row = (rows); row->body; row++) { \
			wd_test_row(row->body); \
			(void)snprintf(text, sizeof(text), \
				       head "%s" tail "\n", row->body); \
			expect_row(row); \
		} \
		wd_test_row(NULL); \
	} while (0)

/* ---- Pod: LABELS|NODE|FLAGS|ADDRESSES@HOST|PORTS|MODE ---- */

#define POD "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\n"

static void pod_addresses_are_read_in_every_spelling(void)
{
	static const struct row rows[] = {
		{ "", "|-||||unset", "" },
		{ "status: {}", "|-||||unset", "" },
		{ "status:", "|-||||unset", "" },
		{ "status: {podIP: 10.0.0.1}", "|-||10.0.0.1||unset", "" },
		{ "status: {podIP: '10.0.0.1', podIPs: []}",
		  "|-||10.0.0.1||unset", "" },
		{ "status: {podIP: '', podIPs: null}", "|-||||unset", "" },
		{ "status: {podIPs: [{ip: 10.0.0.1}]}", "|-||10.0.0.1||unset",
		  "" },
		{ "status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}",
		  "|-||10.0.0.1,fd00::1||unset", "" },
		{ "status: {podIPs: [{ip: 'FD00:0::01'}], podIP: 'fd00::1'}",
		  "|-||fd00::1||unset", "" },
		{ "status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.1}]}",
		  "|-||10.0.0.1||unset", "" },
		{ "status: {podIPs: [{ip: ''}]}", "|-||||unset", "" },
		{ "status: {podIP: 10.0.0.1, hostIP: 192.168.0.1}",
		  "|-||10.0.0.1@192.168.0.1||unset", "" },
		{ "status: {podIP: 10.0.0.256}", "refused",
		  "kept 4 status.podIP" },
		{ "status: {podIP: 10.0.0.01}", "refused",
		  "kept 4 status.podIP" },
		{ "status: {podIP: 10.0.0.1/24}", "refused",
		  "kept 4 status.podIP" },
		{ "status: {podIP: '::ffff:10.0.0.1'}", "refused",
		  "kept 4 status.podIP" },
		{ "status: {podIP: 10.1}", "refused", "kept 4 status.podIP" },
		{ "status: {podIP: []}", "refused", "kept 4 status.podIP" },
		{ "status: {hostIP: x}", "refused", "kept 4 status.hostIP" },
		{ "status: {podIPs: [{ip: 10.0.0.1}, {ip: x}]}", "refused",
		  "kept 4 status.podIPs[1].ip" },
		{ "status: {podIPs: [10.0.0.1]}", "refused",
		  "kept 4 status.podIPs[0]" },
		{ "status: {podIPs: [{ip: 10.0.0.1}, null]}", "refused",
		  "kept 4 status.podIPs[1]" },
		{ "status: {podIPs: 10.0.0.1}", "refused",
		  "kept 4 status.podIPs" },
		{ "status: []", "refused", "kept 4 status" },
		{},
	};

	EXPECT_ROWS(rows, POD, "");
}

static void pod_state_decides_whether_it_counts(void)
{
	static const struct row rows[] = {
		{ "status: {phase: Running}", "|-||||unset", "" },
		{ "status: {phase: Pending}", "|-||||unset", "" },
		{ "status: {phase: Unknown}", "|-||||unset", "" },
		{ "status: {phase: Succeeded}", "|-|f|||unset", "" },
		{ "status: {phase: Failed}", "|-|f|||unset", "" },
		{ "status: {phase: failed}", "|-||||unset", "" },
		{ "status: {phase: ''}", "|-||||unset", "" },
		{ "status: {phase: null}", "|-||||unset", "" },
		{ "status: {phase: 5}", "refused", "kept 4 status.phase" },
		{ "spec: {nodeName: a}", "|a||||unset", "" },
		{ "spec: {nodeName: ''}", "|-||||unset", "" },
		{ "spec: {nodeName: null}", "|-||||unset", "" },
		{ "spec: {nodeName: '5'}", "|5||||unset", "" },
		{ "spec: {nodeName: 5}", "refused", "kept 4 spec.nodeName" },
		{ "spec: {hostNetwork: true}", "|-|h|||unset", "" },
		{ "spec: {hostNetwork: yes}", "|-|h|||unset", "" },
		{ "spec: {hostNetwork: On}", "|-|h|||unset", "" },
		{ "spec: {hostNetwork: false}", "|-||||unset", "" },
		{ "spec: {hostNetwork: no}", "|-||||unset", "" },
		{ "spec: {hostNetwork: Off}", "|-||||unset", "" },
		{ "spec: {hostNetwork: FALSE}", "|-||||unset", "" },
		{ "spec: {hostNetwork: null}", "|-||||unset", "" },
		{ "spec: {hostNetwork: 'true'}", "refused",
		  "kept 4 spec.hostNetwork" },
		{ "spec: {hostNetwork: 1}", "refused",
		  "kept 4 spec.hostNetwork" },
		{ "spec: x", "refused", "kept 4 spec" },
		{ "spec:", "|-||||unset", "" },
		{ "spec: {somethingNew: 5}", "|-||||unset", "" },
		{},
	};

	EXPECT_ROWS(rows, POD, "");
}

static void named_ports_of_containers_and_sidecars_are_kept(void)
{
	static const struct row rows[] = {
		{ "{containers: []}", "|-||||unset", "" },
		{ "{containers: }", "|-||||unset", "" },
		{ "{containers: [{name: c}]}", "|-||||unset", "" },
		{ "{containers: [{ports: }]}", "|-||||unset", "" },
		{ "{containers: [{ports: [{containerPort: 80}]}]}",
		  "|-||||unset", "" },
		{ "{containers: [{ports: [{containerPort: 80, name: http}]}]}",
		  "|-|||http=TCP:80|unset", "" },
		{ "{containers: [{ports: [{containerPort: 80, name: ''}]}]}",
		  "|-||||unset", "" },
		{ "{containers: [{ports: [{containerPort: 53, name: dns, protocol: UDP},"
		  " {containerPort: 54, name: dns}, {containerPort: 9, name: a, protocol: SCTP}]}]}",
		  "|-|||a=SCTP:9,dns=TCP:54,dns=UDP:53|unset", "" },
		{ "{containers: [{ports: [{containerPort: 80, name: http}]},"
		  " {ports: [{containerPort: 81, name: http}]}]}",
		  "|-|||http=TCP:80|unset", "" },
		{ "{initContainers: [{ports: [{containerPort: 80, name: http}]}]}",
		  "|-||||unset", "" },
		{ "{initContainers: [{restartPolicy: Always, ports: [{containerPort: 80, name: http}]}]}",
		  "|-|||http=TCP:80|unset", "" },
		{ "{initContainers: [{restartPolicy: Always, ports: [{containerPort: 80, name: x}]}],"
		  " containers: [{ports: [{containerPort: 81, name: x}]}]}",
		  "|-|||x=TCP:81|unset", "" },
		{ "{initContainers: [{restartPolicy: OnFailure, ports: [{containerPort: 0, name: x}]}]}",
		  "|-||||unset", "" },
		{ "{containers: [{ports: [{name: x}]}]}", "refused",
		  "kept 4 spec.containers[0].ports[0].containerPort" },
		{ "{containers: [{ports: [{name: x, containerPort: 0}]}]}",
		  "refused",
		  "kept 4 spec.containers[0].ports[0].containerPort" },
		{ "{containers: [{}, {ports: [{name: x, containerPort: 65536}]}]}",
		  "refused",
		  "kept 4 spec.containers[1].ports[0].containerPort" },
		{ "{containers: [{ports: [{name: x, containerPort: '80'}]}]}",
		  "refused",
		  "kept 4 spec.containers[0].ports[0].containerPort" },
		{ "{containers: [{ports: [{name: 5, containerPort: 80}]}]}",
		  "refused", "kept 4 spec.containers[0].ports[0].name" },
		{ "{containers: [{ports: [{name: x, containerPort: 80, protocol: udp}]}]}",
		  "refused", "kept 4 spec.containers[0].ports[0].protocol" },
		{ "{containers: [{ports: [null]}]}", "refused",
		  "kept 4 spec.containers[0].ports[0]" },
		{ "{containers: [{ports: [80]}]}", "refused",
		  "kept 4 spec.containers[0].ports[0]" },
		{ "{containers: [{ports: 80}]}", "refused",
		  "kept 4 spec.containers[0].ports" },
		{ "{containers: [null]}", "refused",
		  "kept 4 spec.containers[0]" },
		{ "{containers: [x]}", "refused", "kept 4 spec.containers[0]" },
		{ "{containers: {}}", "refused", "kept 4 spec.containers" },
		{ "{initContainers: [x]}", "refused",
		  "kept 4 spec.initContainers[0]" },
		{},
	};

	EXPECT_ROWS(rows, POD "spec: ", "");
}

#define POD_META "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, "

static void pod_labels_are_those_of_the_api(void)
{
	static const struct row rows[] = {
		{ "labels: {}", "|-||||unset", "" },
		{ "labels: ", "|-||||unset", "" },
		{ "labels: {b: '2', a: '1'}", "a=1,b=2|-||||unset", "" },
		{ "labels: {a: ''}", "a=|-||||unset", "" },
		{ "labels: {a: null}", "a=|-||||unset", "" },
		{ "labels: {example.com/a: b, A_b.c-9: D}",
		  "A_b.c-9=D,example.com/a=b|-||||unset", "" },
		{ "labels: {kubernetes.io/metadata.name: x}",
		  "kubernetes.io/metadata.name=x|-||||unset", "" },
		{ "labels: {'on': b}", "on=b|-||||unset", "" },
		{ "labels: {on: b}", "refused", "kept 3 metadata.labels.on" },
		{ "labels: {1: b}", "refused", "kept 3 metadata.labels.1" },
		{ "labels: {a: 5}", "refused", "kept 3 metadata.labels.a" },
		{ "labels: {a: true}", "refused", "kept 3 metadata.labels.a" },
		{ "labels: {a: 1.5}", "refused", "kept 3 metadata.labels.a" },
		{ "labels: {a: [b]}", "refused", "kept 3 metadata.labels.a" },
		{ "labels: {a: b c}", "refused", "kept 3 metadata.labels.a" },
		{ "labels: {a: \xc3\xa4}", "refused",
		  "kept 3 metadata.labels.a" },
		{ "labels: {'': b}", "refused", "kept 3 metadata.labels." },
		{ "labels: {a/: b}", "refused", "kept 3 metadata.labels.a/" },
		{ "labels: [a]", "refused", "kept 3 metadata.labels" },
		{ "labels: a", "refused", "kept 3 metadata.labels" },
		{},
	};

	EXPECT_ROWS(rows, POD_META, "}");
}

static void the_service_account_of_a_pod_is_a_label_nobody_can_forge(void)
{
	static const struct row rows[] = {
		{ "spec: {serviceAccountName: till}", "account=till|-||||unset",
		  "" },
		{ "spec: {serviceAccountName: ''}", "|-||||unset", "" },
		{ "spec: {serviceAccountName: null}", "|-||||unset", "" },
		{ "spec: {serviceAccountName: a.b-2}",
		  "account=a.b-2|-||||unset", "" },
		{ "spec: {serviceAccountName: 'a;app=b'}", "refused",
		  "kept 4 spec.serviceAccountName" },
		{ "spec: {serviceAccountName: [a]}", "refused",
		  "kept 4 spec.serviceAccountName" },
		{},
	};
	static const struct row forged[] = {
		{ "", "a=b|-||||unset", "" },
		{ "spec: {serviceAccountName: till}",
		  "a=b,account=till|-||||unset", "" },
		{},
	};

	EXPECT_ROWS(rows, POD, "");
	EXPECT_ROWS(
		forged,
		POD_META
		"labels: {a: b, io.cilium.k8s.policy.serviceaccount: admin}}\n",
		"");
}

static void mode_is_an_annotation(void)
{
	static const struct row rows[] = {
		{ "{}", "|-||||unset", "" },
		{ "", "|-||||unset", "" },
		{ "{warder.io/mode: enforce}", "|-||||enforce", "" },
		{ "{warder.io/mode: audit}", "|-||||audit", "" },
		{ "{warder.io/mode: 'off'}", "|-||||off", "" },
		{ "{warder.io/mode: off}", "|-||||off", "" },
		{ "{warder.io/mode: null}", "|-||||unset", "" },
		{ "{other: [], warder.io/mode: audit}", "|-||||audit", "" },
		{ "{warder.io/mode: Off}", "|-||||off", "" },
		{ "{warder.io/mode: Audit}", "|-||||audit", "" },
		{ "{warder.io/mode: enforced}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "{warder.io/mode: false}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "{warder.io/mode: unset}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "{warder.io/mode: ''}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "{warder.io/mode: 5}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "{warder.io/mode: [off]}", "|-||||unset|bad",
		  "ignored 3 metadata.annotations.warder.io/mode" },
		{ "x", "|-||||unset", "" },
		{},
	};

	EXPECT_ROWS(rows, POD_META "annotations: ", "}");
}

static void who_is_denied_is_told_where_a_namespace_says_so(void)
{
#define SAYS "warder.io/deny-response: "
#define NAME "kubernetes.io/metadata.name=n|unset"
#define AT "ignored 3 metadata.annotations.warder.io/deny-response"
	static const struct row spaces[] = {
		{ "{" SAYS "reject}", NAME "|reject", "" },
		{ "{" SAYS "drop}", NAME "|drop", "" },
		{ "{" SAYS "Reject}", NAME, AT },
		{ "{" SAYS "[reject]}", NAME, AT },
		{},
	};
	static const struct row on_pods[] = {
		{ "{" SAYS "reject}", "|-||||unset", AT },
		{},
	};

	EXPECT_ROWS(spaces,
		    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, "
		    "annotations: ",
		    "}");
	EXPECT_ROWS(on_pods, POD_META "annotations: ", "}");
#undef SAYS
#undef NAME
#undef AT
}

static void encapsulation_is_allowed_by_a_namespace_only(void)
{
#define ENCAP "warder.io/encapsulation: "
#define NAME "kubernetes.io/metadata.name=n|unset"
#define AT "metadata.annotations.warder.io/encapsulation"
	static const struct row spaces[] = {
		{ "{" ENCAP "allowed}", NAME "|encap", "" },
		{ "{" ENCAP "forbidden}", NAME, "" },
		{ "{" ENCAP "null}", NAME, "" },
		{ "{" ENCAP "Allowed}", NAME, "ignored 3 " AT },
		{ "{" ENCAP "true}", NAME, "ignored 3 " AT },
		{ "{" ENCAP "''}", NAME, "ignored 3 " AT },
		{ "{" ENCAP "[allowed]}", NAME, "ignored 3 " AT },
		{},
	};
	static const struct row on_pods[] = {
		{ "{" ENCAP "allowed}", "|-||||unset", "ignored 3 " AT },
		{ "{" ENCAP "forbidden}", "|-||||unset", "ignored 3 " AT },
		{},
	};

	EXPECT_ROWS(spaces,
		    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, "
		    "annotations: ",
		    "}");
	EXPECT_ROWS(on_pods, POD_META "annotations: ", "}");
#undef ENCAP
#undef NAME
#undef AT
}

static void encryption_is_required_by_a_namespace_only(void)
{
#define ENCRYPTION "warder.io/encryption: "
#define NAME "kubernetes.io/metadata.name=n|unset"
#define AT "metadata.annotations.warder.io/encryption"
	static const struct row spaces[] = {
		{ "{" ENCRYPTION "required}", NAME "|encrypted", "" },
		{ "{" ENCRYPTION "none}", NAME "|clear", "" },
		{ "{" ENCRYPTION "null}", NAME, "" },
		/* what cannot be read is the stricter of the two */
		{ "{" ENCRYPTION "None}", NAME "|encrypted", "ignored 3 " AT },
		{ "{" ENCRYPTION "false}", NAME "|encrypted", "ignored 3 " AT },
		{ "{" ENCRYPTION "''}", NAME "|encrypted", "ignored 3 " AT },
		{ "{" ENCRYPTION "[none]}", NAME "|encrypted",
		  "ignored 3 " AT },
		{},
	};
	static const struct row on_pods[] = {
		{ "{" ENCRYPTION "none}", "|-||||unset", "ignored 3 " AT },
		{ "{" ENCRYPTION "required}", "|-||||unset", "ignored 3 " AT },
		{},
	};

	EXPECT_ROWS(spaces,
		    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, "
		    "annotations: ",
		    "}");
	EXPECT_ROWS(on_pods, POD_META "annotations: ", "}");
#undef ENCRYPTION
#undef NAME
#undef AT
}

/*
 * Rows 46, 47: what other products let a pod say of its own sources. Nothing
 * here takes it, so nothing has to be delegated or withdrawn.
 */
static void no_annotation_gives_a_pod_other_addresses(void)
{
	static const struct row rows[] = {
		{ "{cni.projectcalico.org/allowedSourcePrefixes: "
		  "'[\"0.0.0.0/0\",\"::/0\"]'}",
		  "|-||||unset", "" },
		{ "{cni.projectcalico.org/ipAddrs: '[\"10.0.0.9\"]'}",
		  "|-||||unset", "" },
		{ "{config.cilium.io/disable-source-ip-verification: 'true'}",
		  "|-||||unset", "" },
		{ "{warder.io/sources: '0.0.0.0/0'}", "|-||||unset", "" },
		{},
	};

	EXPECT_ROWS(rows, POD_META "annotations: ", "}");
}

static void pod_times_and_uid_are_read(void)
{
	static const struct {
		const char *meta;
		long long created;
		bool terminating;
		const char *uid;
	} rows[] = {
		{ "x: y", 0, false, "" },
		{ "creationTimestamp: '1970-01-02T00:00:01Z'", 86401, false,
		  "" },
		{ "creationTimestamp: 2024-02-29T12:00:00Z", 1709208000, false,
		  "" },
		{ "creationTimestamp: '2024-02-29T12:00:00.5Z'", 1709208000,
		  false, "" },
		{ "creationTimestamp: null", 0, false, "" },
		{ "creationTimestamp: yesterday", 0, false, "" },
		{ "deletionTimestamp: '2024-02-29T12:00:00Z', uid: u-1", 0,
		  true, "u-1" },
		{ "deletionTimestamp: null, uid: null", 0, false, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].meta);
		(void)snprintf(text, sizeof(text), POD_META "%s}\n",
			       rows[i].meta);
		reading_load(&load, "c.yaml", text);
		wd_expect_str("", reading_problems(&load.problems, buf));
		if (wd_expect_int(1, (long long)load.obj_cnt)) {
			wd_expect_int(rows[i].created, load.obj[0]->created);
			wd_expect_int(rows[i].terminating,
				      load.obj[0]->pod.terminating);
			wd_expect_str(rows[i].uid, load.obj[0]->uid);
		}
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

/* ---- Namespace, Node ---- */

static void namespaces_always_have_their_name_as_a_label(void)
{
	static const struct row rows[] = {
		{ "{name: n}", "kubernetes.io/metadata.name=n|unset", "" },
		{ "{name: n, namespace: x}",
		  "kubernetes.io/metadata.name=n|unset", "" },
		{ "{name: n, labels: {a: b}}",
		  "a=b,kubernetes.io/metadata.name=n|unset", "" },
		{ "{name: n, labels: {kubernetes.io/metadata.name: x, z: y}}",
		  "kubernetes.io/metadata.name=n,z=y|unset", "" },
		{ "{name: n, annotations: {warder.io/mode: off}}",
		  "kubernetes.io/metadata.name=n|off", "" },
		{ "{name: n, labels: {a: 5}}", "refused",
		  "kept 3 metadata.labels.a" },
		{},
	};

	EXPECT_ROWS(rows, "apiVersion: v1\nkind: Namespace\nmetadata: ", "");
}

static void node_addresses_and_prefixes_are_read(void)
{
	static const struct row rows[] = {
		{ "", "||", "" },
		{ "status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}",
		  "|10.0.0.1|", "" },
		{ "status: {addresses: [{type: ExternalIP, address: 'fd00::1'}, {type: Hostname, "
		  "address: a}, {type: InternalDNS, address: b}, {address: c}]}",
		  "|fd00::1|", "" },
		{ "status: {addresses: [{type: InternalIP, address: 10.0.0.1},"
		  " {type: ExternalIP, address: 10.0.0.1}]}",
		  "|10.0.0.1|", "" },
		{ "spec: {podCIDRs: [10.0.1.0/24, 'fd00:1::/64']}",
		  "||10.0.1.0/24,fd00:1::/64", "" },
		{ "spec: {podCIDRs: null, unschedulable: true}", "||", "" },
		{ "status: {addresses: [{type: InternalIP, address: a}]}",
		  "refused", "kept 4 status.addresses[0].address" },
		{ "status: {addresses: [10.0.0.1]}", "refused",
		  "kept 4 status.addresses[0]" },
		{ "status: {addresses: [null]}", "refused",
		  "kept 4 status.addresses[0]" },
		{ "status: {addresses: {}}", "refused",
		  "kept 4 status.addresses" },
		{ "spec: {podCIDRs: [10.0.1.0]}", "refused",
		  "kept 4 spec.podCIDRs[0]" },
		{ "spec: {podCIDRs: [10.0.1.0/24, null]}", "refused",
		  "kept 4 spec.podCIDRs[1]" },
		{ "spec: {podCIDRs: 10.0.1.0/24}", "refused",
		  "kept 4 spec.podCIDRs" },
		{},
	};

	EXPECT_ROWS(rows, "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n",
		    "");
}

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void nodes_of_cilium_are_read(void)
{
	static const struct row rows[] = {
		{ "", "||", "" },
		{ "spec: {addresses: [{type: InternalIP, ip: 10.0.0.1}, {type: CiliumInternalIP, "
		  "ip: 10.0.1.9}, {type: Hostname, ip: a}]}",
		  "|10.0.0.1,10.0.1.9|", "" },
		{ "spec: {ipam: {podCIDRs: [10.0.1.0/24], pools: {allocated: [{pool: default, cidrs: "
		  "[10.0.2.0/24, 'fd00:2::/64']}]}}}",
		  "||10.0.1.0/24,10.0.2.0/24,fd00:2::/64", "" },
		{ "spec: {health: {ipv4: 10.0.1.7, ipv6: 'fd00::7'}, ingress: {ipv4: 10.0.1.8}}",
		  "|10.0.1.7,fd00::7,10.0.1.8|", "" },
		{ "spec: {addresses: [{type: InternalIP, ip: a}]}", "refused",
		  "kept 4 spec.addresses[0].ip" },
		{ "spec: {ipam: {podCIDRs: [10.0.1.0]}}", "refused",
		  "kept 4 spec.ipam.podCIDRs[0]" },
		{ "spec: {ipam: {pools: {allocated: [{cidrs: [x]}]}}}",
		  "refused", "kept 4 spec.ipam.pools.allocated[0].cidrs[0]" },
		{ "spec: {health: {ipv4: x}}", "refused",
		  "kept 4 spec.health.ipv4" },
		{},
	};

	EXPECT_ROWS(
		rows,
		"apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: a}\n",
		"");
}

/* Name, addresses, prefixes and key of each, as nodes.h joins them. */
static void expect_nodes(const char *a, const char *b, const char *want)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	struct wd_nodes nodes;

	(void)snprintf(text, sizeof(text), "%s---\n%s", a, b);
	reading_load(&load, "c.yaml", text);
	wd_expect_int(2, (long long)load.obj_cnt);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		(void)wd_store_put(store, load.obj[i]);
		load.obj[i] = NULL;
	}
	wd_load_fini(&load);
	wd_nodes_read(store, &nodes);
	*buf = '\0';
	for (size_t i = 0; i < nodes.cnt; i++) {
		const struct wd_named_node *n = &nodes.node[i];
		size_t len = strlen(buf);

		(void)snprintf(buf + len, sizeof(buf) - len, "%s%s %u %u %d",
			       i ? "; " : "", n->name, n->node.addr_cnt,
			       n->node.cidr_cnt, n->node.has_wgkey);
	}
	wd_expect_str(want, buf);
	wd_nodes_fini(&nodes);
	wd_store_free(store);
}

#define JOIN_NODE(name, more) \
	"apiVersion: v1\nkind: Node\nmetadata: {name: " name more "}\n" \
	"spec: {podCIDRs: [10.0.1.0/24]}\n" \
	"status: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n"
#define JOIN_CILIUM(name, more) \
	"apiVersion: cilium.io/v2\nkind: CiliumNode\n" \
	"metadata: {name: " name more "}\n" \
	"spec: {addresses: [{type: InternalIP, ip: 10.0.0.1}, " \
	"{type: InternalIP, ip: 10.0.0.2}], ipam: {podCIDRs: [10.0.1.0/24, 10.0.2.0/24]}}\n"
#define JOIN_KEY(key) ", annotations: {network.cilium.io/wg-pub-key: '" key "'}"

static void two_objects_of_one_node_are_one_node(void)
{
	expect_nodes(JOIN_NODE("a", ""), JOIN_CILIUM("a", ""), "a 2 2 0");
	expect_nodes(JOIN_NODE("b", ""), JOIN_CILIUM("a", ""),
		     "a 2 2 0; b 1 1 0");
	expect_nodes(JOIN_NODE("a", JOIN_KEY(KEY)), JOIN_CILIUM("a", ""),
		     "a 2 2 1");
	expect_nodes(JOIN_NODE("a", ""), JOIN_CILIUM("a", JOIN_KEY(KEY)),
		     "a 2 2 1");
	expect_nodes(JOIN_NODE("a", JOIN_KEY(KEY)),
		     JOIN_CILIUM("a", JOIN_KEY(KEY)), "a 2 2 1");
	/* two keys: nobody knows which is the node's */
	expect_nodes(
		JOIN_NODE("a", JOIN_KEY(KEY)),
		JOIN_CILIUM(
			"a",
			JOIN_KEY(
				"AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")),
		"a 2 2 0");
}

static void key_of_a_node_is_an_annotation(void)
{
	static const struct row rows[] = {
		{ "'" KEY "'", "||10.0.1.0/24|" KEY, "" },
		{ KEY, "||10.0.1.0/24|" KEY, "" },
		{ "''", "||10.0.1.0/24", "" },
		{ "x", "||10.0.1.0/24",
		  "ignored 3 metadata.annotations.network.cilium.io/wg-pub-key" },
		{ "5", "||10.0.1.0/24",
		  "ignored 3 metadata.annotations.network.cilium.io/wg-pub-key" },
		{ "[]", "||10.0.1.0/24",
		  "ignored 3 metadata.annotations.network.cilium.io/wg-pub-key" },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		  "||10.0.1.0/24",
		  "ignored 3 metadata.annotations.network.cilium.io/wg-pub-key" },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
		  "||10.0.1.0/24",
		  "ignored 3 metadata.annotations.network.cilium.io/wg-pub-key" },
		{},
	};

	EXPECT_ROWS(
		rows,
		"apiVersion: v1\nkind: Node\n"
		"metadata: {name: a, annotations: {network.cilium.io/wg-pub-key: ",
		"}}\nspec: {podCIDRs: [10.0.1.0/24]}");
}

static void key_of_a_node_is_part_of_what_it_means(void)
{
	static const char head[] =
		"apiVersion: v1\nkind: Node\n"
		"metadata: {name: a, annotations: {network.cilium.io/wg-pub-key: ";
	static const char *const keys[] = {
		KEY,
		"''",
		"AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	};
	struct wd_load of[3];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(text, sizeof(text), "%s%s}}\n", head, keys[i]);
		reading_load(&of[i], "c.yaml", text);
		if (!wd_expect_int(1, (long long)of[i].obj_cnt))
			return;
	}
	for (size_t i = 0; i < 9; i++)
		wd_expect_int(i / 3 == i % 3,
			      wd_object_equal(of[i / 3].obj[0],
					      of[i % 3].obj[0]));
	for (size_t i = 0; i < 3; i++)
		wd_load_fini(&of[i]);
}

/* ---- documents ---- */

struct document {
	const char *text;
	const char *objects; /* reading_objects() */
	const char *unknown; /* "kind=count", joined by spaces */
	const char *problems;
};

static void put_unknown(char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	for (size_t i = 0; i < load.unknown_cnt; i++)
		len += (size_t)snprintf(to + len, size - len, "%s%s=%u",
					len ? " " : "", load.unknown[i].kind,
					load.unknown[i].cnt);
}

static void expect_documents(const struct document *doc)
{
	for (; doc->text; doc++) {
		wd_test_row(doc->text);
		reading_load(&load, "c.yaml", doc->text);
		wd_expect_str(doc->objects, reading_objects(&load, buf));
		wd_expect_str(doc->problems,
			      reading_problems(&load.problems, buf));
		put_unknown(buf, sizeof(buf));
		wd_expect_str(doc->unknown, buf);
		wd_load_fini(&load);
	}
	wd_test_row(NULL);
}

#define P1 "{apiVersion: v1, kind: Pod, metadata: {name: p1}}"
#define P2 "{apiVersion: v1, kind: Pod, metadata: {name: p2}}"
#define LIST "apiVersion: v1\nkind: List\n"
#define POD_LIST "apiVersion: v1\nkind: PodList\n"

static void lists_hold_objects(void)
{
	static const struct document docs[] = {
		{ LIST "items: []", "", "", "" },
		{ LIST "items: null", "", "", "" },
		{ LIST "metadata: {}\nitems: [" P1 ", " P2 "]",
		  "Pod/default/p1 Pod/default/p2", "", "" },
		{ LIST "items: [" P1
		       ", {kind: List, apiVersion: v1, items: [" P2 "]}]",
		  "Pod/default/p1 Pod/default/p2", "", "" },
		{ POD_LIST
		  "items: [{metadata: {name: a}}, {metadata: {name: b}}]",
		  "Pod/default/a Pod/default/b", "", "" },
		{ POD_LIST
		  "items: [{kind: Pod, apiVersion: v1, metadata: {name: a}}]",
		  "Pod/default/a", "", "" },
		{ POD_LIST
		  "items: [{kind: null, apiVersion: '', metadata: {name: a}}]",
		  "?", "", "kept 3 apiVersion" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\n"
		  "items: [{metadata: {name: a}, spec: {podSelector: {}}}]",
		  "NetworkPolicy/default/a", "", "" },
		{ "apiVersion: v1\nkind: SecretList\nitems: [{metadata: {name: a}}, {}]",
		  "", "Secret=2", "" },
		{ LIST "items: [{metadata: {name: a}}]", "?", "",
		  "kept 3 kind" },
		{ LIST "items: [null]", "?", "", "kept 3" },
		{ LIST "items: [" P1 ", x]", "Pod/default/p1 ?", "", "kept 3" },
		{ LIST "items: {}", "?", "", "kept 3 items" },
		{ LIST "items: x", "?", "", "kept 3 items" },
		{ LIST
		  "items: [{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: "
		  "[{apiVersion: v1, kind: List, items: []}]}]}]",
		  "?", "", "kept 3" },
		{ POD_LIST
		  "items: [{metadata: {name: a, labels: {b: 5}}}, {metadata: {name: c}}]",
		  "Pod/default/c Pod/default/a?", "",
		  "kept 3 metadata.labels.b" },
		{},
	};

	expect_documents(docs);
}

/* A List that lost its items says nothing of them: nothing may go. */
static void lists_without_items_change_nothing(void)
{
	static const struct document docs[] = {
		{ LIST, "?", "", "kept 1 items" },
		{ POD_LIST, "?", "", "kept 1 items" },
		{ LIST "Items: [" P1 "]", "?", "", "kept 1 items" },
		{ POD_LIST "item: []", "?", "", "kept 1 items" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\n",
		  "?", "", "kept 1 items" },
		{ "apiVersion: example.com/v1\nkind: AllowList\nspec: {}", "",
		  "example.com/v1 AllowList=1", "" },
		{},
	};

	expect_documents(docs);
}

static void kinds_that_are_not_for_warder_are_counted(void)
{
	static const struct document docs[] = {
		{ "apiVersion: v1\nkind: Secret\nmetadata: {name: a}", "",
		  "Secret=1", "" },
		{ "apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: apps/v1\nkind: Deployment\n",
		  "", "apps/v1 Deployment=2", "" },
		{ "apiVersion: crd.projectcalico.org/v1\nkind: NetworkPolicy\nmetadata: {name: a}",
		  "", "crd.projectcalico.org/v1 NetworkPolicy=1", "" },
		{ "apiVersion: metrics.k8s.io/v1beta1\nkind: PodMetrics\n", "",
		  "metrics.k8s.io/v1beta1 PodMetrics=1", "" },
		{ "apiVersion: networking.k8s.io/v1\nkind: Ingress\n", "",
		  "networking.k8s.io/v1 Ingress=1", "" },
		{},
	};

	expect_documents(docs);
}

/* What looks like a kind of ours, but is none, may have been one of ours: nothing may go. */
static void kinds_written_wrongly_change_nothing(void)
{
	static const struct document docs[] = {
		{ "apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: a}",
		  "?", "", "kept 1 apiVersion" },
		{ "apiVersion: networking.k8s.io/v1beta1\nkind: NetworkPolicy",
		  "?", "", "kept 1 apiVersion" },
		{ "apiVersion: networking.k8s.io\nkind: NetworkPolicy", "?", "",
		  "kept 1 apiVersion" },
		{ "apiVersion: network.k8s.io/v1\nkind: NetworkPolicy", "?", "",
		  "kept 1 apiVersion" },
		{ "apiVersion: v1\nkind: NetworkPolicy", "?", "",
		  "kept 1 apiVersion" },
		{ "apiVersion: networking/v1\nkind: NetworkPolicy", "?", "",
		  "kept 1 apiVersion" },
		{ "apiVersion: apps/v1\nkind: Pod\nmetadata: {name: a}", "?",
		  "", "kept 1 apiVersion" },
		{ "apiVersion: v1beta1\nkind: Namespace\nmetadata: {name: a}",
		  "?", "", "kept 1 apiVersion" },
		{ "apiVersion: networking.k8s.io/v1\nkind: networkpolicy", "?",
		  "", "kept 1 kind" },
		{ "apiVersion: networking.k8s.io/v1\nkind: Networkpolicy", "?",
		  "", "kept 1 kind" },
		{ "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicies", "",
		  "networking.k8s.io/v1 NetworkPolicies=1", "" },
		{ "apiVersion: v1\nkind: pod\nmetadata: {name: a}", "?", "",
		  "kept 1 kind" },
		{ "apiVersion: v1\nmetadata: {name: a}", "?", "",
		  "kept 1 kind" },
		{ "kind: Pod\nmetadata: {name: a}", "?", "",
		  "kept 1 apiVersion" },
		{ "kind: Pod\napiVersion: ''\nmetadata: {name: a}", "?", "",
		  "kept 1 apiVersion" },
		{ "kind: Pod\napiVersion: 1\nmetadata: {name: a}", "?", "",
		  "kept 2 apiVersion" },
		{ "kind: [Pod]\napiVersion: v1\nmetadata: {name: a}", "?", "",
		  "kept 1 kind" },
		{ "just text", "?", "", "kept 1" },
		{ "- a\n- b", "?", "", "kept 1" },
		{ "5", "?", "", "kept 1" },
		{},
	};

	expect_documents(docs);
}

/* A document that cannot be parsed hides none of the others. */
static void documents_stand_for_themselves(void)
{
	static const struct document docs[] = {
		{ "", "", "", "" },
		{ "# nothing\n", "", "", "" },
		{ "---\n---\n...\n---\n", "", "", "" },
		{ P1 "\n---\n" P2 "\n", "Pod/default/p1 Pod/default/p2", "",
		  "" },
		{ "---\n" P1 "\n---\n# c\n---\n" P2 "\n...\n",
		  "Pod/default/p1 Pod/default/p2", "", "" },
		{ "%YAML 1.1\n---\n" P1 "\n", "Pod/default/p1", "", "" },
		{ P1 "\n---\na: [\n---\n" P2 "\n",
		  "Pod/default/p1 Pod/default/p2 ?", "", "kept 4" },
		{ "a: [\n---\n" P1 "\n", "Pod/default/p1 ?", "", "kept 2" },
		{ P1 "\n---\na: 'b\n", "Pod/default/p1 ?", "", "kept 4" },
		{ P1 "\n---   \r\n" P2 "\r\n", "Pod/default/p1 Pod/default/p2",
		  "", "" },
		{ P1 "\n--- " P2 "\n", "Pod/default/p1 Pod/default/p2", "",
		  "" },
		{ "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    text: |\n"
		  "      ---\n      a: [\n    folded: x\n     ---\n",
		  "Pod/default/a", "", "" },
		{ P1 "\n---\n" P1 "\n", "Pod/default/p1", "",
		  "ignored 3 metadata.name" },
		{ "\xef\xbb\xbf---\n" P1 "\n", "Pod/default/p1", "", "" },
		{},
	};

	expect_documents(docs);
}

static void problems_of_one_file_have_a_limit(void)
{
	size_t size = 200000;
	char *many = malloc(size);
	size_t len = (size_t)snprintf(
		many, size, "apiVersion: v1\nkind: PodList\nitems:\n");

	for (int i = 0; i < 2000; i++)
		len += (size_t)snprintf(
			many + len, size - len,
			"- metadata: {name: p%d, labels: {a: 5}}\n", i);
	reading_load(&load, "c.yaml", many);
	wd_expect_int(1001, (long long)load.problems.cnt);
	wd_expect_int(2000, (long long)load.refused.cnt);
	wd_expect(!wd_load_is_clean(&load));
	wd_load_fini(&load);
	free(many);
}

int main(void)
{
	WD_TEST(pod_addresses_are_read_in_every_spelling);
	WD_TEST(pod_state_decides_whether_it_counts);
	WD_TEST(named_ports_of_containers_and_sidecars_are_kept);
	WD_TEST(pod_labels_are_those_of_the_api);
	WD_TEST(the_service_account_of_a_pod_is_a_label_nobody_can_forge);
	WD_TEST(mode_is_an_annotation);
	WD_TEST(who_is_denied_is_told_where_a_namespace_says_so);
	WD_TEST(encapsulation_is_allowed_by_a_namespace_only);
	WD_TEST(encryption_is_required_by_a_namespace_only);
	WD_TEST(no_annotation_gives_a_pod_other_addresses);
	WD_TEST(pod_times_and_uid_are_read);
	WD_TEST(namespaces_always_have_their_name_as_a_label);
	WD_TEST(node_addresses_and_prefixes_are_read);
	WD_TEST(nodes_of_cilium_are_read);
	WD_TEST(two_objects_of_one_node_are_one_node);
	WD_TEST(key_of_a_node_is_an_annotation);
	WD_TEST(key_of_a_node_is_part_of_what_it_means);
	WD_TEST(lists_hold_objects);
	WD_TEST(lists_without_items_change_nothing);
	WD_TEST(kinds_that_are_not_for_warder_are_counted);
	WD_TEST(kinds_written_wrongly_change_nothing);
	WD_TEST(documents_stand_for_themselves);
	WD_TEST(problems_of_one_file_have_a_limit);
	return wd_tests_end();
}
