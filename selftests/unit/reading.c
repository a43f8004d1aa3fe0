/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reading.c - manifests to objects for the tests, objects to text.
 */
#include "reading.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "base/names.h"
#include "model/intern.h"
#include "source/problems.h"
#include "tap.h"

void reading_bytes(struct wd_load *load, const char *path, const char *text,
		   size_t len)
{
	/* Exactly as much as is promised: ASan sees one byte too many. */
	char *copy = malloc(len + 1);

	if (!copy)
		abort();
	memcpy(copy, text, len);
	wd_load_text(load, path, copy, len);
	free(copy);
	wd_problems_sort(&load->problems);
}

void reading_load(struct wd_load *load, const char *path, const char *text)
{
	reading_bytes(load, path, text, strlen(text));
}

static void put(char *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(char *buf, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(buf + len, READING_TEXT - len, fmt, args);
	va_end(args);
}

static void put_selector(char *buf, const struct wd_selector *sel)
{
	if (!sel || !sel->cnt)
		put(buf, "*");
	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		const struct wd_req *req = &sel->req[i];

		put(buf, "%s%s%s", i ? "," : "",
		    req->op == WD_OP_NOT_EXISTS ? "!" : "", req->key);
		if (req->op == WD_OP_IN || req->op == WD_OP_NOT_IN)
			put(buf, "%s", req->op == WD_OP_IN ? "=" : "!=");
		for (uint32_t k = 0; k < req->cnt; k++)
			put(buf, "%s%s", k ? "/" : "", req->values[k]);
	}
}

static void put_peer(char *buf, const struct wd_peer *peer)
{
	if (peer->type == WD_PEER_CIDR || peer->type == WD_PEER_GROUPS) {
		char addr[WD_ADDR_STRLEN];

		static const char *const scopes[] = {
			[WD_CIDR_ALL] = "",
			[WD_CIDR_WORLD] = "world:",
			[WD_CIDR_UNKNOWN] = "unknown:",
			[WD_CIDR_STRANGER] = "stranger:",
		};

		put(buf, "%s", scopes[peer->scope]);
		if (peer->type == WD_PEER_CIDR) {
			put(buf, "%s", wd_cidr_str(&peer->cidr, addr));
		} else {
			put(buf, "group:%s", peer->group ? peer->group : "");
			if (peer->group_sel)
				put_selector(buf, peer->group_sel);
		}
		for (uint32_t i = 0; i < peer->except_cnt; i++)
			put(buf, "-%s", wd_cidr_str(&peer->except[i], addr));
		return;
	}
	if (peer->type == WD_PEER_SERVICES) {
		put(buf, "service:%s%s/", peer->only_known ? "?" : "",
		    peer->service_ns ? peer->service_ns : "*");
		put(buf, "%s", peer->service ? peer->service : "");
		if (peer->service_sel)
			put_selector(buf, peer->service_sel);
		return;
	}
	if (peer->type == WD_PEER_NODES) {
		static const char *const nodes[] = { "node:", "own:", "other:" };

		put(buf, "%s", nodes[peer->nodes]);
		put_selector(buf, peer->node_sel);
		return;
	}
	if (peer->ns_sel) {
		put(buf, "ns:");
		put_selector(buf, peer->ns_sel);
	}
	if (peer->ns_sel && peer->pod_sel)
		put(buf, "&");
	if (peer->pod_sel) {
		put(buf, "pod:");
		put_selector(buf, peer->pod_sel);
	}
}

static const char *proto_name(uint8_t proto)
{
	static char number[4];

	(void)snprintf(number, sizeof(number), "%u", proto);
	return proto == IPPROTO_TCP    ? "TCP" :
	       proto == IPPROTO_UDP    ? "UDP" :
	       proto == IPPROTO_SCTP   ? "SCTP" :
	       proto == IPPROTO_ICMP   ? "ICMP" :
	       proto == IPPROTO_ICMPV6 ? "ICMPv6" :
					 number;
}

static void put_port(char *buf, const struct wd_port *port)
{
	put(buf, "%s:", proto_name(port->proto));
	if (port->name)
		put(buf, "%s", port->name);
	else if (port->lo == 0 && port->hi == 65535)
		put(buf, "*");
	else if (port->lo == port->hi)
		put(buf, "%u", port->lo);
	else
		put(buf, "%u-%u", port->lo, port->hi);
}

static void put_rule(char *buf, const struct wd_policy_rule *rule, char dir)
{
	static const char *const actions[] = { "", "-", ">" };

	if (rule->broken) {
		put(buf, "%c%s!", dir, actions[rule->action]);
		return;
	}
	put(buf, "%c%s%s", dir, actions[rule->action],
	    rule->any_peer ? "any" : "");
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		put(buf, "%s", i ? "+" : "");
		put_peer(buf, &rule->peer[i]);
	}
	put(buf, "@%s", rule->any_port ? "any" : "");
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		put(buf, "%s", i ? "+" : "");
		put_port(buf, &rule->port[i]);
	}
}

static void put_netpol(char *buf, const struct wd_spec *np)
{
	const char *space = "";

	put(buf, "%s", np->nodes ? "nodes " : "");
	put_selector(buf, np->subject);
	put(buf, "|%s%s%s|", np->isolates[WD_INGRESS] ? "I" : "",
	    np->isolates[WD_EGRESS] ? "E" : "",
	    np->isolates[WD_INGRESS] || np->isolates[WD_EGRESS] ? "" : "-");
	for (int dir = 0; dir < 2; dir++) {
		for (uint32_t i = 0; i < np->rule_cnt[dir]; i++) {
			put(buf, "%s", space);
			put_rule(buf, &np->rule[dir][i],
				 dir == WD_INGRESS ? 'I' : 'E');
			space = " ";
		}
	}
}

/* "admin:10 NAMESPACES/", and the rest as of a NetworkPolicy. */
static void put_wide(char *buf, const struct wd_policy *policy)
{
	static const char *const tiers[] = { "admin", "normal", "baseline" };

	put(buf, "%s:%u ", tiers[policy->tier], policy->priority);
	put_selector(buf, policy->spec->ns_sel);
	put(buf, "/");
	put_netpol(buf, policy->spec);
}

/* "in NAMESPACES " where they are named, and the rest as of a NetworkPolicy. */
static void put_specs(char *buf, const struct wd_policy *policy)
{
	for (uint32_t i = 0; i < policy->spec_cnt; i++) {
		put(buf, "%s", i ? "; " : "");
		if (policy->spec[i].ns_sel) {
			put(buf, "in ");
			put_selector(buf, policy->spec[i].ns_sel);
			put(buf, " ");
		}
		put_netpol(buf, &policy->spec[i]);
		if (policy->spec[i].log)
			put(buf, " log '%s'", policy->spec[i].log);
	}
}

/* The service account as "account", where it is not the default. */
static void put_labels(char *buf, const struct wd_labels *labels)
{
	const char *comma = "";

	for (uint32_t i = 0; i < labels->cnt; i++) {
		const struct wd_label *l = &labels->label[i];
		bool is_account = !strcmp(l->key, WD_LABEL_ACCOUNT);

		if (is_account && !strcmp(l->value, "default"))
			continue;
		put(buf, "%s%s=%s", comma, is_account ? "account" : l->key,
		    l->value);
		comma = ",";
	}
}

static void put_addrs(char *buf, const struct wd_addr *addr, uint32_t cnt)
{
	char text[WD_ADDR_STRLEN];

	for (uint32_t i = 0; i < cnt; i++)
		put(buf, "%s%s", i ? "," : "", wd_addr_str(&addr[i], text));
}

static void put_pod(char *buf, const struct wd_pod *pod)
{
	char text[WD_ADDR_STRLEN];

	put_labels(buf, pod->labels);
	put(buf, "|%s|%s%s%s|", pod->node ? pod->node : "-",
	    pod->host_network ? "h" : "", pod->finished ? "f" : "",
	    pod->terminating ? "t" : "");
	put_addrs(buf, pod->addr, pod->addr_cnt);
	if (pod->host_addr.family)
		put(buf, "@%s", wd_addr_str(&pod->host_addr, text));
	put(buf, "|");
	for (uint32_t i = 0; i < pod->port_cnt; i++)
		put(buf, "%s%s=%s:%u", i ? "," : "", pod->port[i].name,
		    proto_name(pod->port[i].proto), pod->port[i].port);
	put(buf, "|%s%s", wd_mode_name(pod->mode), pod->mode_bad ? "|bad" : "");
}

static void put_node(char *buf, const struct wd_node *node)
{
	put_labels(buf, node->labels);
	put(buf, "|");
	put_addrs(buf, node->addr, node->addr_cnt);
	put(buf, "|");
	for (uint32_t i = 0; i < node->cidr_cnt; i++) {
		char text[WD_ADDR_STRLEN];

		put(buf, "%s%s", i ? "," : "",
		    wd_cidr_str(&node->cidr[i], text));
	}
	if (node->has_wgkey) {
		char key[WD_WGKEY_STRLEN];

		put(buf, "|%s", wd_wgkey_str(&node->wgkey, key));
	}
}

static void put_group(char *buf, const struct wd_cidr_group *group)
{
	char cidr[WD_ADDR_STRLEN];

	put_labels(buf, group->labels);
	for (uint32_t i = 0; i < group->cidr_cnt; i++)
		put(buf, "%s%s", i ? "," : "|",
		    wd_cidr_str(&group->cidr[i], cidr));
}

/* "SELECTOR|ADDRESSES|NAME TCP:80>8080@30080 ..." */
static void put_service(char *buf, const struct wd_service *s)
{
	if (s->selector)
		put_selector(buf, s->selector);
	put(buf, "|");
	put_addrs(buf, s->addr, s->addr_cnt);
	for (uint32_t i = 0; i < s->port_cnt; i++) {
		const struct wd_service_port *p = &s->port[i];

		put(buf, "%s%s%s%s:%u>", i ? " " : "|", p->name,
		    *p->name ? " " : "", proto_name(p->proto), p->port);
		if (p->target_name)
			put(buf, "%s", p->target_name);
		else
			put(buf, "%u", p->target);
		if (p->node_port)
			put(buf, "@%u", p->node_port);
	}
}

/* "SERVICE|ADDRESSES|NAME TCP:8080 ..." */
static void put_slice(char *buf, const struct wd_slice *s)
{
	put(buf, "%s|", s->service);
	put_addrs(buf, s->addr, s->addr_cnt);
	for (uint32_t i = 0; i < s->port_cnt; i++)
		put(buf, "%s%s%s%s:%u", i ? " " : "|", s->port[i].name,
		    *s->port[i].name ? " " : "", proto_name(s->port[i].proto),
		    s->port[i].port);
}

const char *reading_object(const struct wd_object *obj, char *buf)
{
	*buf = '\0';
	if (!obj) {
		put(buf, "none");
		return buf;
	}
	switch (obj->kind) {
	case WD_KIND_NETPOL:
		put_netpol(buf, obj->policy.spec);
		break;
	case WD_KIND_CILIUM_NP:
	case WD_KIND_CILIUM_CNP:
		put_specs(buf, &obj->policy);
		break;
	case WD_KIND_CLUSTER_NP:
	case WD_KIND_ADMIN_NP:
	case WD_KIND_BASELINE_NP:
		put_wide(buf, &obj->policy);
		break;
	case WD_KIND_POD:
		put_pod(buf, &obj->pod);
		break;
	case WD_KIND_NAMESPACE:
		put_labels(buf, obj->nsp.labels);
		put(buf, "|%s%s%s%s%s", wd_mode_name(obj->nsp.mode),
		    obj->nsp.mode_bad ? "|bad" : "",
		    obj->nsp.encap ? "|encap" : "",
		    obj->nsp.response == WD_RESPONSE_REJECT ? "|reject" :
		    obj->nsp.response == WD_RESPONSE_DROP   ? "|drop" :
							      "",
		    obj->nsp.encryption == WD_ENCRYPTION_REQUIRED ?
			    "|encrypted" :
		    obj->nsp.encryption == WD_ENCRYPTION_NONE ? "|clear" :
								"");
		break;
	case WD_KIND_NODE:
	case WD_KIND_CILIUM_NODE:
		put_node(buf, &obj->node);
		break;
	case WD_KIND_CIDR_GROUP:
		put_group(buf, &obj->group);
		break;
	case WD_KIND_SERVICE:
		put_service(buf, &obj->service);
		break;
	case WD_KIND_SLICE:
		put_slice(buf, &obj->slice);
		break;
	case WD_KIND__MAX:
		break;
	}
	return buf;
}

static void put_key(char *buf, const struct wd_key *key, const char *mark)
{
	put(buf, "%s%s/%s%s%s%s", *buf ? " " : "", wd_kind_name(key->kind),
	    key->ns, *key->ns ? "/" : "", key->name, mark);
}

const char *reading_objects(const struct wd_load *load, char *buf)
{
	*buf = '\0';
	for (size_t i = 0; i < load->obj_cnt; i++) {
		const struct wd_key key = wd_object_key(load->obj[i]);

		put_key(buf, &key, "");
	}
	for (size_t i = 0; i < load->refused.cnt; i++)
		put_key(buf, &load->refused.key[i], "?");
	if (load->unsure)
		put(buf, "%s?", *buf ? " " : "");
	return buf;
}

const char *reading_problems(const struct wd_problems *list, char *buf)
{
	static const char *const effects[] = {
		[WD_PROBLEM_KEPT] = "kept",
		[WD_PROBLEM_ISOLATED] = "isolated",
		[WD_PROBLEM_IGNORED] = "ignored",
	};

	*buf = '\0';
	for (size_t i = 0; i < list->cnt; i++) {
		const struct wd_problem *p = &list->problem[i];

		put(buf, "%s%s %u%s%s", i ? "; " : "", effects[p->effect],
		    p->line, *p->field ? " " : "", p->field);
	}
	return buf;
}

void reading_expect_row(const char *head, const struct reading_row *row)
{
	static char text[READING_TEXT];
	static char buf[READING_TEXT];
	struct wd_load load;

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
