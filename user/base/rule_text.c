/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule_text.c - policies in words. Nothing is decided by these texts.
 */
#include "rule_text.h"

#include <stdio.h>
#include <stdlib.h>

#include <warder/verdict.h>

#include "../model/xalloc.h"
#include "icmp.h"
#include "names.h"

static void put_req(FILE *to, const struct wd_req *req)
{
	switch (req->op) {
	case WD_OP_EXISTS:
		fputs(req->key, to);
		return;
	case WD_OP_NOT_EXISTS:
		fprintf(to, "!%s", req->key);
		return;
	case WD_OP_IN:
	case WD_OP_NOT_IN:
		break;
	}
	if (req->cnt == 1) {
		fprintf(to, "%s%s%s", req->key,
			req->op == WD_OP_IN ? "=" : "!=", req->values[0]);
		return;
	}
	fprintf(to, "%s %s (", req->key, req->op == WD_OP_IN ? "in" : "notin");
	for (uint32_t i = 0; i < req->cnt; i++)
		fprintf(to, "%s%s", i ? "," : "", req->values[i]);
	fputc(')', to);
}

static void put_selector(FILE *to, const struct wd_selector *sel)
{
	if (!sel || !sel->cnt)
		fputc('*', to);
	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		if (i)
			fputc(',', to);
		put_req(to, &sel->req[i]);
	}
}

static void put_pods(FILE *to, const struct wd_peer *peer)
{
	fputs("pods ", to);
	put_selector(to, peer->pod_sel);
	if (!peer->ns_sel) {
		fputs(" of this namespace", to);
	} else {
		fputs(" in namespaces ", to);
		put_selector(to, peer->ns_sel);
	}
}

static void put_cidr(FILE *to, const struct wd_peer *peer)
{
	static const char *const scope[] = {
		[WD_CIDR_ALL] = "",
		[WD_CIDR_WORLD] = "the world in ",
		[WD_CIDR_UNKNOWN] = "unknown addresses of the cluster in ",
		[WD_CIDR_STRANGER] = "no pods or nodes in ",
	};
	char buf[WD_ADDR_STRLEN];

	fputs(scope[peer->scope], to);
	if (peer->type == WD_PEER_CIDR) {
		fputs(wd_cidr_str(&peer->cidr, buf), to);
	} else if (peer->group) {
		fprintf(to, "CIDR group %s", peer->group);
	} else {
		fputs("CIDR groups ", to);
		put_selector(to, peer->group_sel);
	}
	for (uint32_t i = 0; i < peer->except_cnt; i++)
		fprintf(to, "%s %s", i ? "," : " except",
			wd_cidr_str(&peer->except[i], buf));
}

/* Who is in front of it: any namespace, or one. */
static void put_services(FILE *to, const struct wd_peer *peer)
{
	if (peer->service) {
		fprintf(to, "service %s/%s",
			peer->service_ns ? peer->service_ns : "*",
			peer->service);
		return;
	}
	fputs("services ", to);
	put_selector(to, peer->service_sel);
	if (peer->service_ns)
		fprintf(to, " in namespace %s", peer->service_ns);
}

static void put_peer(FILE *to, const struct wd_peer *peer)
{
	switch (peer->type) {
	case WD_PEER_PODS:
		put_pods(to, peer);
		return;
	case WD_PEER_CIDR:
	case WD_PEER_GROUPS:
		put_cidr(to, peer);
		return;
	case WD_PEER_SERVICES:
		put_services(to, peer);
		return;
	case WD_PEER_NODES:
		fputs(peer->nodes == WD_NODES_OWN   ? "this node " :
		      peer->nodes == WD_NODES_OTHER ? "other nodes " :
						      "nodes ",
		      to);
		put_selector(to, peer->node_sel);
		return;
	}
}

/* "ICMP EchoRequest", "ICMPv6 type 200 code 3" */
static void put_icmp(FILE *to, const struct wd_port *port)
{
	uint8_t family = port->proto == IPPROTO_ICMP ? 4 : 6;
	uint8_t type = (uint8_t)(port->lo >> 8);
	const char *name = wd_icmp_name(family, type);

	fputs(family == 4 ? "ICMP " : "ICMPv6 ", to);
	if (name)
		fputs(name, to);
	else
		fprintf(to, "type %u", type);
	if (port->lo == port->hi)
		fprintf(to, " code %d", port->lo & 0xff);
}

static void put_port(FILE *to, const struct wd_port *port)
{
	const char *proto = wd_proto_name(port->proto);

	if ((port->proto == IPPROTO_ICMP || port->proto == IPPROTO_ICMPV6) &&
	    port->hi - port->lo < 256) {
		put_icmp(to, port);
		return;
	}
	if (proto)
		fputs(proto, to);
	else
		fprintf(to, "%u", port->proto);
	if (port->name)
		fprintf(to, "/%s", port->name);
	else if (port->lo == port->hi)
		fprintf(to, "/%u", port->lo);
	else if (port->lo || port->hi != 65535)
		fprintf(to, "/%u-%u", port->lo, port->hi);
}

char *wd_selector_text(const struct wd_selector *sel)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	put_selector(to, sel);
	wd_xtext_close(to, &text);
	return text;
}

char *wd_subject_text(const struct wd_spec *spec)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	if (spec->nodes)
		fputs("nodes ", to);
	put_selector(to, spec->subject);
	if (spec->ns_sel) {
		fputs(" in namespaces ", to);
		put_selector(to, spec->ns_sel);
	}
	wd_xtext_close(to, &text);
	return text;
}

const char *wd_action_text(enum wd_rule_action action)
{
	switch (action) {
	case WD_RULE_DENY:
		return "deny";
	case WD_RULE_PASS:
		return "pass";
	case WD_RULE_ALLOW:
		break;
	}
	return "allow";
}

const char *wd_tier_text(enum wd_tier tier)
{
	switch (tier) {
	case WD_TIER_ADMIN:
		return "admin";
	case WD_TIER_BASELINE:
		return "baseline";
	case WD_TIER_NORMAL:
		break;
	}
	return "normal";
}

char *wd_peer_text(const struct wd_peer *peer)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	put_peer(to, peer);
	wd_xtext_close(to, &text);
	return text;
}

char *wd_port_text(const struct wd_port *port)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	put_port(to, port);
	wd_xtext_close(to, &text);
	return text;
}

char *wd_rule_text(const struct wd_policy_rule *rule, uint32_t dir)
{
	char *text = NULL;
	size_t len;
	FILE *to = wd_xtext_open(&text, &len);

	if (rule->broken) {
		/* What was read of it may be less than what is written. */
		fputs(rule->action == WD_RULE_ALLOW ?
			      "nothing: the rule was not understood" :
			      "everything, denied: the rule was not understood",
		      to);
		wd_xtext_close(to, &text);
		return text;
	}
	fputs(dir == WD_INGRESS ? "from " : "to ", to);
	if (rule->any_peer)
		fputs("anybody", to);
	else if (!rule->peer_cnt)
		fputs("nobody", to);
	for (uint32_t i = 0; !rule->any_peer && i < rule->peer_cnt; i++) {
		fputs(i ? "; " : "", to);
		put_peer(to, &rule->peer[i]);
	}
	fputs(rule->any_port ? " on any port and protocol" : " on ", to);
	for (uint32_t i = 0; !rule->any_port && i < rule->port_cnt; i++) {
		fputs(i ? ", " : "", to);
		put_port(to, &rule->port[i]);
	}
	wd_xtext_close(to, &text);
	return text;
}
