/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_service.c - Services and EndpointSlices as objects. reading.h says how
 * objects are written here.
 */
#include "reading.h"

#include "../tap.h"

#define SERVICE \
	"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: n}\n"
#define SLICE \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: e, namespace: n, " \
	"labels: {kubernetes.io/service-name: s}}\n"
#define PORT "ports: [{port: 80}]"

static void addresses_of_a_service_are_all_that_lead_to_it(void)
{
	static const struct reading_row rows[] = {
		{ "", "|", "" },
		{ "spec: {clusterIP: 10.96.0.1}", "|10.96.0.1", "" },
		{ "spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd96::1']}",
		  "|10.96.0.1,fd96::1", "" },
		{ "spec: {clusterIP: None, clusterIPs: [None]}", "|", "" },
		{ "spec: {clusterIP: ''}", "|", "" },
		{ "spec: {clusterIP: 10.96.0.1, externalIPs: [192.0.2.1]}",
		  "|10.96.0.1,192.0.2.1", "" },
		{ "spec: {clusterIP: 10.96.0.1, externalIPs: [192.0.2.9, 192.0.2.1, 192.0.2.9, 10.96.0.1, 'fd96::1', 192.0.2.1, 10.0.0.1]}",
		  "|10.96.0.1,192.0.2.9,192.0.2.1,fd96::1,10.0.0.1", "" },
		{ "spec: {clusterIP: 10.96.0.1}\nstatus: {loadBalancer: {ingress: [{ip: 192.0.2.2}, {hostname: a.example}]}}",
		  "|10.96.0.1,192.0.2.2", "" },
		{ "spec: {clusterIP: 0.0.0.0, externalIPs: [127.0.0.1, 169.254.1.1, 224.0.0.251, 255.255.255.255, 192.0.2.1]}",
		  "|169.254.1.1,224.0.0.251,255.255.255.255,192.0.2.1",
		  "ignored 4 spec" },
		{ "spec: {externalIPs: ['::', '::1', 'fe80::1', 'ff02::fb', 'fd00::1', 223.255.255.255, 240.0.0.1]}",
		  "|fe80::1,ff02::fb,fd00::1,223.255.255.255,240.0.0.1",
		  "ignored 4 spec" },
		{ "spec: {clusterIP: 10.96.0.1}\nstatus: {loadBalancer: {ingress: [{ip: 0.0.0.0}, {ip: 169.254.1.1}, {ip: 127.1.1.1}]}}",
		  "|10.96.0.1,169.254.1.1", "ignored 4 spec" },
		{ "spec: {clusterIP: 010.96.0.1, externalIPs: ['::ffff:192.0.2.1']}\nstatus: {loadBalancer: {ingress: [{ip: '::ffff:c000:202'}]}}",
		  "|10.96.0.1,192.0.2.1,192.0.2.2", "" },
		{ "spec: {type: ExternalName, externalName: a.example, clusterIP: x, " PORT
		  "}",
		  "|", "" },
		{ "spec: {clusterIP: 10.96.0.256}", "refused",
		  "kept 4 spec.clusterIP" },
		{ "spec: {clusterIPs: [10.96.0.1, x]}", "refused",
		  "kept 4 spec.clusterIPs[1]" },
		{ "spec: {externalIPs: [5]}", "refused",
		  "kept 4 spec.externalIPs[0]" },
		{ "status: {loadBalancer: {ingress: [{ip: x}]}}", "refused",
		  "kept 4 status.loadBalancer.ingress[0].ip" },
		{ "spec: []", "refused", "kept 4 spec" },
	};

	READING_EXPECT_ROWS(SERVICE, rows);
}

static void ports_lead_to_a_number_or_a_name(void)
{
	static const struct reading_row rows[] = {
		{ "spec: {ports: [{port: 80}]}", "||TCP:80>80", "" },
		{ "spec: {ports: [{port: 80, protocol: UDP, name: web}]}",
		  "||web UDP:80>80", "" },
		{ "spec: {ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}",
		  "||TCP:80>8080@30080", "" },
		{ "spec: {ports: [{port: 80, targetPort: web}, {port: 81, protocol: SCTP}]}",
		  "||TCP:80>web SCTP:81>81", "" },
		{ "spec: {ports: [{port: 80, targetPort: 0, nodePort: 0}]}",
		  "||TCP:80>80", "" },
		{ "spec: {ports: [{targetPort: 80}]}", "refused",
		  "kept 4 spec.ports[0].port" },
		{ "spec: {ports: [{port: 0}]}", "refused",
		  "kept 4 spec.ports[0].port" },
		{ "spec: {ports: [{port: 80, targetPort: 65536}]}", "refused",
		  "kept 4 spec.ports[0].targetPort" },
		{ "spec: {ports: [{port: 80, targetPort: '80'}]}", "refused",
		  "kept 4 spec.ports[0].targetPort" },
		{ "spec: {ports: [{port: 80, nodePort: x}]}", "refused",
		  "kept 4 spec.ports[0].nodePort" },
		{ "spec: {ports: [{port: 80, protocol: ICMP}]}", "refused",
		  "kept 4 spec.ports[0].protocol" },
		{ "spec: {ports: [null]}", "refused", "kept 4 spec.ports[0]" },
	};

	READING_EXPECT_ROWS(SERVICE, rows);
}

static void an_empty_selector_selects_nobody(void)
{
	static const struct reading_row rows[] = {
		{ "spec: {selector: {app: a, env: ''}}", "app=a,env=|", "" },
		{ "spec: {selector: {}}", "|", "" },
		{ "spec: {selector: null}", "|", "" },
		{ "spec: {selector: {app: 5}}", "refused",
		  "kept 4 spec.selector.app" },
		{ "spec: {selector: app}", "refused", "kept 4 spec.selector" },
	};

	READING_EXPECT_ROWS(SERVICE, rows);
}

static void slices_hold_addresses_whatever_their_conditions(void)
{
	static const struct reading_row rows[] = {
		{ "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}, {addresses: [10.0.0.2, 10.0.0.3]}]\nports: [{name: web, port: 8080}]",
		  "s|10.0.0.1,10.0.0.2,10.0.0.3|web TCP:8080", "" },
		{ "addressType: IPv6\nendpoints: [{addresses: ['fd00::1']}]\nports: [{port: 53, protocol: UDP}, {name: '', port: 53}]",
		  "s|fd00::1|UDP:53 TCP:53", "" },
		{ "addressType: FQDN\nendpoints: [{addresses: [a.example]}]",
		  "|", "" },
		{ "endpoints: null\nports: null", "s|", "" },
		{ "ports: [{name: web}]", "s|", "" },
		{ "endpoints: [{addresses: [x]}]", "refused",
		  "kept 4 endpoints[0].addresses[0]" },
		{ "endpoints: [null]", "refused", "kept 4 endpoints[0]" },
		{ "endpoints: [{addresses: 10.0.0.1}]", "refused",
		  "kept 4 endpoints[0].addresses" },
		{ "ports: [{port: 0}]", "refused", "kept 4 ports[0].port" },
		{ "ports: [{port: 80, protocol: tcp}]", "refused",
		  "kept 4 ports[0].protocol" },
	};

	READING_EXPECT_ROWS(SLICE, rows);
}

int main(void)
{
	WD_TEST(addresses_of_a_service_are_all_that_lead_to_it);
	WD_TEST(ports_lead_to_a_number_or_a_name);
	WD_TEST(an_empty_selector_selects_nobody);
	WD_TEST(slices_hold_addresses_whatever_their_conditions);
	return wd_tests_end();
}
