/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_encryption.c - what must be encrypted on this node, what guards it, and
 * what was counted. The keys are in warder-encryption(8).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../datapath/ladder.h"
#include "../encryption/cover_report.h"
#include "../encryption/encryption.h"
#include "../encryption/evidence.h"
#include "../encryption/gate.h"
#include "../encryption/ports.h"
#include "../encryption/tunnels.h"
#include "../encryption/wires.h"
#include "../encryption/witness.h"
#include "../model/nodes.h"
#include "query.h"

#define HOST_PODS_SHOWN 500 /* of the host's network; enough to know which */

static const char *required(bool is)
{
	return is ? "required" : "none";
}

/* ---- the requirement ---- */

static void put_namespaces(const struct wd_agent *agent,
			   struct json_object *array)
{
	const struct wd_object *ns = NULL;

	while ((ns = wd_store_next(agent->store, WD_KIND_NAMESPACE, ns))) {
		struct json_object *obj = wd_json_push(array);
		enum wd_encryption_want says = ns->nsp.encryption;
		bool by_default = says == WD_ENCRYPTION_UNSET;

		wd_json_str(obj, "namespace", ns->name);
		wd_json_str(obj, "encryption",
			    required(by_default ?
					     agent->config.encryption_required :
					     says == WD_ENCRYPTION_REQUIRED));
		wd_json_str(obj, "by",
			    by_default ? "the cluster's default" :
					 "its annotation");
	}
}

static void put_prefix(struct json_object *array, const struct wd_cidr *cidr,
		       const char *node)
{
	struct json_object *obj = wd_json_push(array);
	char buf[WD_ADDR_STRLEN];

	wd_json_str(obj, "prefix", wd_cidr_str(cidr, buf));
	wd_json_str(obj, "node", node);
	wd_json_str(obj, "by", node ? "the node's pod CIDRs" : "configuration");
}

static void put_nodes(const struct wd_agent *agent, struct json_object *names,
		      struct json_object *prefixes)
{
	struct wd_nodes nodes;

	wd_nodes_read(agent->store, &nodes);
	for (size_t k = 0; k < nodes.cnt; k++) {
		const struct wd_named_node *n = &nodes.node[k];

		wd_json_push_str(names, n->name);
		for (uint32_t i = 0; i < n->node.cidr_cnt; i++)
			put_prefix(prefixes, &n->node.cidr[i], n->name);
	}
	wd_nodes_fini(&nodes);
	for (size_t i = 0; i < agent->config.prefix_cnt; i++)
		put_prefix(prefixes, &agent->config.prefix[i], NULL);
}

static void put_host_pods(const struct wd_agent *agent,
			  struct json_object *array)
{
	const struct wd_object *pod = NULL;
	size_t cnt = 0;

	while ((pod = wd_store_next(agent->store, WD_KIND_POD, pod))) {
		struct json_object *obj;

		if (!pod->pod.host_network || pod->pod.finished)
			continue;
		if (++cnt > HOST_PODS_SHOWN)
			return;
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", pod->ns);
		wd_json_str(obj, "name", pod->name);
		wd_json_str(obj, "node", pod->pod.node);
	}
}

/* A ruleset judges, but counts nothing here. */
static bool has_programs(const struct wd_agent *agent)
{
	return wd_datapath_has_programs(agent->dp) &&
	       wd_wire_info(agent->dp)->loaded;
}

/* Programs are on every device that leads out of the node. */
static bool is_judged(const struct wd_agent *agent)
{
	return wd_encryption_required(agent->encryption) &&
	       has_programs(agent) &&
	       !wd_wires_open(wd_encryption_wires(agent->encryption));
}

static struct json_object *requirement(const struct wd_agent *agent)
{
	struct json_object *req = json_object_new_object(), *exempt, *names;

	wd_json_str(req, "node", agent->config.node);
	wd_json_str(req, "pods", required(agent->config.encryption_required));
	wd_json_str(req, "nodes", required(agent->config.encryption_nodes));
	exempt = wd_json_array(req, "exempt");
	for (size_t i = 0; i < agent->config.exempt_cnt; i++)
		wd_json_push_str(exempt, agent->config.exempt[i]);
	wd_json_bool(req, "judged", is_judged(agent));
	wd_json_bool(req, "new_devices_open", wd_gatekeeper_open(agent));
	put_namespaces(agent, wd_json_array(req, "namespaces"));
	names = wd_json_array(req, "node_names");
	put_nodes(agent, names, wd_json_array(req, "prefixes"));
	put_host_pods(agent, wd_json_array(req, "host_network"));
	return req;
}

/* ---- devices ---- */

static const char *tunnel_kind(uint8_t kind)
{
	switch (kind) {
	case WD_TUNNEL_WIREGUARD:
		return "wireguard";
	case WD_TUNNEL_VXLAN:
		return "vxlan";
	case WD_TUNNEL_GENEVE:
		return "geneve";
	case WD_TUNNEL_OTHER:
		return "another";
	case WD_TUNNEL_ANY:
		return "more than fit";
	}
	return "unknown";
}

static void put_tunnels(const struct wd_agent *agent, struct json_object *array)
{
	const struct wd_state_val *state =
		wd_map_window(agent->dp, WD_MAP_wd_state);

	for (int i = 0; i < WD_TUNNEL_PORTS; i++) {
		struct json_object *obj;

		if (!state->tunnel[i].kind)
			continue;
		obj = wd_json_push(array);
		wd_json_int(obj, "port", wd_host16(state->tunnel[i].port));
		wd_json_str(obj, "kind", tunnel_kind(state->tunnel[i].kind));
	}
}

static void put_wireguard(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *wg = wd_json_object(doc, "wireguard");

	wd_query_wireguard(agent, wd_json_array(wg, "devices"),
			   wd_json_array(wg, "findings"));
}

/* ---- what stands against it ---- */

static void add_problem(struct json_object *array, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add_problem(struct json_object *array, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	wd_json_push_str(array, text ?: "out of memory");
	free(text);
}

static void add_wire_problems(struct json_object *doc,
			      struct json_object *problems)
{
	struct json_object *wires = wd_json_get(doc, "wires");

	for (size_t i = 0; i < wd_json_len(wires, "no_prefix"); i++)
		add_problem(problems,
			    "no %s prefix of the cluster is known: pods that "
			    "must encrypt reach nobody in clear; give "
			    "--encryption-prefix, or Nodes with podCIDRs",
			    json_object_get_string(
				    wd_json_at(wires, "no_prefix", i)));
	for (size_t i = 0; i < wd_json_len(wires, "devices"); i++) {
		struct json_object *wire = wd_json_at(wires, "devices", i);
		const char *error = wd_json_get_str(wire, "error");

		if (!wd_json_get_bool(wire, "guarded"))
			add_problem(problems,
				    "device %s is not guarded%s%s: what must "
				    "be encrypted does not pass between pods "
				    "and other nodes",
				    wd_json_get_str(wire, "interface"),
				    *error ? ", " : "", error);
	}
}

static void add_wireguard_problems(const struct wd_agent *agent,
				   struct json_object *doc,
				   struct json_object *problems)
{
	struct json_object *wg = wd_json_get(doc, "wireguard");
	size_t cnt = wd_json_len(wg, "findings");

	if (!cnt && !wd_tunnels_state(wd_encryption_tunnels(agent->encryption)))
		add_problem(problems, "WireGuard was not read yet");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *f = wd_json_at(wg, "findings", i);

		add_problem(problems, "%s: %s: %s",
			    wd_json_get_str(f, "finding"),
			    wd_json_get_str(f, "object"),
			    wd_json_get_str(f, "text"));
	}
}

static void put_problems(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *problems = wd_json_array(doc, "problems");
	const struct wd_wire_info *info = wd_wire_info(agent->dp);
	bool is_required = wd_encryption_required(agent->encryption);
	const char *error =
		wd_evidence_error(wd_witness_evidence(agent->witness));
	int err = wd_ports_error(wd_encryption_ports(agent->encryption));

	if (is_required && !wd_datapath_has_programs(agent->dp))
		add_problem(problems,
			    "rung %s: no program judges the wires, nothing is "
			    "counted",
			    wd_rung_name(wd_ladder(agent->dp)->rung));
	else if (is_required && !info->loaded)
		add_problem(problems, "no program judges the wires: %s",
			    *info->error ? info->error : "none is loaded");
	if (is_required && has_programs(agent))
		add_wire_problems(doc, problems);
	if (is_required)
		add_wireguard_problems(agent, doc, problems);
	if (error)
		add_problem(problems, "the record: %s", error);
	if (err)
		add_problem(problems,
			    "not all ports of FOU and L2TP are known, pods may "
			    "send to the others: %s",
			    wd_errno(err));
	wd_json_str(doc, "answer",
		    !is_required ? "nothing has to be encrypted" :
		    wd_json_len(doc, "problems") ?
				   "required, and something stands against it" :
				   "required, and judged on every wire");
}

/* ---- commands ---- */

static int put_counted(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *history = wd_json_object(doc, "history");
	struct wd_evidence_sum sum;
	int err =
		wd_evidence_since(wd_witness_evidence(agent->witness), 0, &sum);

	if (err)
		return err;
	wd_json_str(history, "file", WD_COVER_FILE);
	wd_cover_time(history, "from", sum.from_s);
	wd_json_int(history, "spans", (int64_t)sum.history.spans);
	wd_json_int(history, "damaged", (int64_t)sum.history.damaged);
	wd_json_int(history, "bytes", (int64_t)sum.history.bytes);
	wd_json_add(doc, "kinds", wd_cover_kinds(sum.cover));
	wd_evidence_sum_fini(&sum);
	return 0;
}

void wd_query_encryption_status(void *ctx, struct wd_ctl_conn *conn,
				struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc;
	int err;

	(void)req;
	wd_query_no_fd(fd);
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "encryption",
			     "the agent is still starting");
		return;
	}
	/* the answer is of now, not of the last look */
	wd_tunnels_look_now(wd_encryption_tunnels(agent->encryption));
	doc = json_object_new_object();
	wd_json_add(doc, "requirement", requirement(agent));
	wd_query_wires(agent, doc);
	put_tunnels(agent, wd_json_array(doc, "tunnels"));
	put_wireguard(agent, doc);
	put_problems(agent, doc);
	err = put_counted(agent, doc);
	if (err) {
		json_object_put(doc);
		wd_ctl_error(conn, 1, "encryption",
			     "the counters cannot be read: %s", wd_errno(err));
		return;
	}
	wd_ctl_reply(conn, doc);
}

void wd_query_encryption_report(void *ctx, struct wd_ctl_conn *conn,
				struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	int64_t since_s = wd_json_get_int(req, "since");
	struct wd_evidence_sum sum;
	int err;

	wd_query_no_fd(fd);
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "encryption",
			     "the agent is still starting");
		return;
	}
	err = wd_evidence_since(wd_witness_evidence(agent->witness), since_s,
				&sum);
	if (err) {
		wd_ctl_error(conn, 1, "encryption",
			     "the record cannot be read: %s", wd_errno(err));
		return;
	}
	wd_ctl_reply(conn, wd_cover_report(&sum, agent->config.node, since_s,
					   requirement(agent)));
	wd_evidence_sum_fini(&sum);
}
