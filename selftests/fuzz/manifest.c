/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * manifest.c - reads any bytes as a manifest and checks what object.h promises
 * of objects, whatever the text was.
 */
#include <string.h>

#include "model/intern.h"
#include "model/l4.h"
#include "source/load.h"

#include "fuzz.h"

static void check_selector(const struct wd_selector *sel)
{
	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		const struct wd_req *req = &sel->req[i];
		bool values = req->op == WD_OP_IN || req->op == WD_OP_NOT_IN;

		fuzz_expect(req->key && *req->key);
		fuzz_expect(values == (req->cnt > 0));
		for (uint32_t k = 1; k < req->cnt; k++)
			fuzz_expect(strcmp(req->values[k - 1], req->values[k]) <
				    0);
	}
}

static void check_peer(const struct wd_peer *peer)
{
	if (peer->type == WD_PEER_PODS) {
		fuzz_expect(peer->ns_sel || peer->pod_sel);
		check_selector(peer->ns_sel);
		check_selector(peer->pod_sel);
		return;
	}
	if (peer->type == WD_PEER_NODES) {
		check_selector(peer->node_sel);
		return;
	}
	if (peer->type == WD_PEER_SERVICES) {
		fuzz_expect(!peer->service == !!peer->service_sel);
		check_selector(peer->service_sel);
		return;
	}
	if (peer->type == WD_PEER_GROUPS) {
		fuzz_expect(!peer->group == !!peer->group_sel);
		check_selector(peer->group_sel);
		return;
	}
	fuzz_expect(peer->type == WD_PEER_CIDR);
	fuzz_expect(peer->cidr.len <= (peer->cidr.addr.family == 4 ? 32 : 128));
	for (uint32_t i = 0; i < peer->except_cnt; i++)
		fuzz_expect(wd_cidr_covers(&peer->cidr, &peer->except[i]));
}

static void check_rule(enum wd_kind kind, const struct wd_policy_rule *rule)
{
	if (rule->broken)
		return;
	/* Cilium's may mean nobody, or everybody and somebody */
	fuzz_expect(kind >= WD_KIND_CILIUM_NP ||
		    rule->any_peer == !rule->peer_cnt);
	fuzz_expect(rule->any_port == !rule->port_cnt);
	for (uint32_t i = 0; i < rule->peer_cnt; i++)
		check_peer(&rule->peer[i]);
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		const struct wd_port *port = &rule->port[i];

		enum wd_l4 l4 = wd_l4_of(port->proto);

		fuzz_expect(wd_l4_has_ports(l4) || kind >= WD_KIND_CILIUM_NP);
		fuzz_expect(port->name ? *port->name != '\0' :
					 port->lo <= port->hi);
		if (wd_l4_has_ports(l4))
			fuzz_expect(port->name || port->lo ||
				    port->hi == 65535);
		else
			fuzz_expect(!port->name);
		if (l4 == WD_L4_OTHER)
			fuzz_expect(!port->lo && port->hi == 65535);
	}
}

/* A policy in a namespace selects there; one that has none says where. */
static void check_spec(const struct wd_object *obj, const struct wd_spec *spec)
{
	fuzz_expect(*obj->ns || spec->ns_sel);
	check_selector(spec->subject);
	for (int dir = 0; dir < 2; dir++) {
		fuzz_expect(spec->applies[dir] || !spec->isolates[dir]);
		for (uint32_t i = 0; i < spec->rule_cnt[dir]; i++)
			check_rule(obj->kind, &spec->rule[dir][i]);
	}
}

static void check_object(const struct wd_object *obj)
{
	fuzz_expect(obj->name && *obj->name && obj->ns && obj->uid &&
		    obj->line);
	fuzz_expect((*obj->ns != '\0') ==
		    (obj->kind == WD_KIND_POD || obj->kind == WD_KIND_SERVICE ||
		     obj->kind == WD_KIND_SLICE ||
		     obj->kind == WD_KIND_NETPOL ||
		     obj->kind == WD_KIND_CILIUM_NP));
	if (!wd_kind_is_policy(obj->kind))
		return;
	fuzz_expect(obj->policy.spec_cnt);
	if (obj->kind == WD_KIND_NETPOL)
		fuzz_expect(obj->policy.spec->isolates[0] ||
			    obj->policy.spec->isolates[1]);
	for (uint32_t i = 0; i < obj->policy.spec_cnt; i++)
		check_spec(obj, &obj->policy.spec[i]);
}

static void load(struct wd_load *ret_load, const char *path,
		 const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	fuzz_expect(text);
	if (size)
		memcpy(text, data, size);
	wd_load_text(ret_load, path, text, size);
	free(text);
}

void fuzz_manifest(const char *path, const uint8_t *data, size_t size)
{
	struct wd_load first;
	struct wd_load second;

	load(&first, path, data, size);
	load(&second, path, data, size);
	fuzz_expect(first.obj_cnt == second.obj_cnt);
	for (size_t i = 0; i < first.obj_cnt; i++) {
		check_object(first.obj[i]);
		fuzz_expect(wd_object_equal(first.obj[i], second.obj[i]));
	}
	/* What is not in force as it was written is told. */
	fuzz_expect(wd_load_is_clean(&first) || first.problems.cnt);
	for (size_t i = 0; i < first.problems.cnt; i++)
		fuzz_expect(*first.problems.problem[i].text &&
			    first.problems.problem[i].line);
	wd_load_fini(&first);
	wd_load_fini(&second);
}
