/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow.c - `warder flow list`: the flow table for people. It is read where it
 * is pinned, so this also works while no agent runs; with one, endpoints have
 * their names.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/table.h"
#include "../datapath/datapath.h"
#include "cmd.h"

struct listing {
	struct json_object *endpoints; /* the agent's, NULL: it did not answer */
	struct json_object *flows;
	int64_t only; /* endpoint instance, 0 all */
};

static const char *state_of(const struct wd_flow_entry *flow)
{
	const uint16_t fins = WD_FLOW_FIN_IN | WD_FLOW_FIN_OUT;

	if ((flow->flags & WD_FLOW_RST) || (flow->flags & fins) == fins)
		return "closing";
	if (flow->flags & WD_FLOW_REPLIED)
		return "replied";
	return flow->flags & WD_FLOW_SYNACK ? "handshake" : "unreplied";
}

static struct json_object *endpoint_of(const struct listing *listing,
				       int64_t id)
{
	for (size_t i = 0; i < wd_json_len(listing->endpoints, "endpoints");
	     i++) {
		struct json_object *ep =
			wd_json_at(listing->endpoints, "endpoints", i);

		if (wd_json_get_int(ep, "id") == id)
			return ep;
	}
	return NULL;
}

static void put_ports(struct json_object *obj, const struct wd_flow_key *key)
{
	const char *proto = wd_proto_name(key->proto);

	if (proto)
		wd_json_str(obj, "proto", proto);
	wd_json_int(obj, "proto_number", key->proto);
	if (key->sub) {
		wd_json_int(obj, "icmp_type", wd_host16(key->pport) >> 8);
		wd_json_int(obj, "icmp_code", wd_host16(key->pport) & 0xff);
		return; /* the other port is the id of an echo */
	}
	wd_json_int(obj, "port", wd_host16(key->lport));
	wd_json_int(obj, "peer_port", wd_host16(key->pport));
}

static void put_flow(void *ctx, const struct wd_flow_entry *flow,
		     const struct wd_flow_times *times)
{
	const struct listing *listing = ctx;
	struct json_object *ep = endpoint_of(listing, flow->key.ep), *obj;
	bool is_v4 = flow->key.family == 4;
	char addr[INET6_ADDRSTRLEN];

	if (listing->only && flow->key.ep != listing->only)
		return;
	if (!inet_ntop(is_v4 ? AF_INET : AF_INET6,
		       is_v4 ? &flow->key.peer[3] : flow->key.peer, addr,
		       sizeof(addr)))
		return;
	obj = wd_json_push(listing->flows);
	if (ep) {
		wd_json_str(obj, "namespace", wd_json_get_str(ep, "namespace"));
		wd_json_str(obj, "name", wd_json_get_str(ep, "name"));
	}
	wd_json_int(obj, "endpoint", flow->key.ep);
	wd_json_str(obj, "direction", wd_dir_name(flow->dir));
	put_ports(obj, &flow->key);
	wd_json_str(obj, "peer", addr);
	wd_json_str(obj, "state", state_of(flow));
	wd_json_int(obj, "expires_in_s", times->left_s);
	wd_json_int(obj, "generation", flow->gen);
	wd_json_str(obj, "reason", wd_reason_name(flow->reason));
	wd_json_bool(obj, "seeded", flow->flags & WD_FLOW_SEEDED);
}

/* ---- for people ---- */

static void cell_peer(struct wd_table *table, struct json_object *flow)
{
	const char *peer = wd_json_get_str(flow, "peer");
	bool is_v6 = strchr(peer, ':') != NULL;

	if (!wd_json_get(flow, "peer_port"))
		wd_table_cell(table, "%s", peer);
	else
		wd_table_cell(table, is_v6 ? "[%s]:%d" : "%s:%d", peer,
			      (int)wd_json_get_int(flow, "peer_port"));
}

static void print_flow(struct wd_table *table, struct json_object *flow)
{
	if (wd_json_get(flow, "name"))
		wd_table_cell(table, "%s/%s",
			      wd_json_get_str(flow, "namespace"),
			      wd_json_get_str(flow, "name"));
	else
		wd_table_cell(table, "#%lld",
			      (long long)wd_json_get_int(flow, "endpoint"));
	wd_table_cell(table, "%s", wd_json_get_str(flow, "direction"));
	if (wd_json_get(flow, "proto"))
		wd_table_cell(table, "%s", wd_json_get_str(flow, "proto"));
	else
		wd_table_cell(table, "%d",
			      (int)wd_json_get_int(flow, "proto_number"));
	if (wd_json_get(flow, "port"))
		wd_table_cell(table, "%d", (int)wd_json_get_int(flow, "port"));
	else
		wd_table_cell(table, "-");
	cell_peer(table, flow);
	wd_table_cell(table, "%s", wd_json_get_str(flow, "state"));
	wd_table_cell(table, "%lld",
		      (long long)wd_json_get_int(flow, "expires_in_s"));
	if (wd_json_get_int(flow, "generation"))
		wd_table_cell(table, "%s", wd_json_get_str(flow, "reason"));
	else
		wd_table_cell(table, "judged at each packet");
}

static void print_list(struct json_object *doc)
{
	static const char *const head[] = { "ENDPOINT", "OPENED",  "PROTO",
					    ">PORT",	"PEER",	   "STATE",
					    ">LEFT S",	"BECAUSE", NULL };
	struct wd_table *table = wd_table_new(head);
	size_t cnt = wd_json_len(doc, "flows");

	for (size_t i = 0; i < cnt; i++)
		print_flow(table, wd_json_at(doc, "flows", i));
	wd_table_print(table, stdout, "");
	printf("%zu flow%s\n", cnt, cnt == 1 ? "" : "s");
}

/* ---- asking ---- */

/* The instance that NS/POD is. Return: the exit code. */
static int find_only(const struct wd_args *args, struct listing *listing)
{
	const char *slash = strchr(args->argv[0], '/');

	for (size_t i = 0;
	     slash && i < wd_json_len(listing->endpoints, "endpoints"); i++) {
		struct json_object *ep =
			wd_json_at(listing->endpoints, "endpoints", i);
		const char *ns = wd_json_get_str(ep, "namespace");
		size_t len = (size_t)(slash - args->argv[0]);

		if (strlen(ns) != len || strncmp(ns, args->argv[0], len) != 0 ||
		    strcmp(wd_json_get_str(ep, "name"), slash + 1) != 0)
			continue;
		listing->only = wd_json_get_int(ep, "id");
		return WD_EXIT_OK;
	}
	return wd_cmd_fail(
		args, slash ? WD_EXIT_NO : WD_EXIT_USAGE, args->argv[0],
		slash ? "is no endpoint of this node" : "is not NS/POD");
}

/* The table is in no order that means anything. */
static int by_endpoint(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a;
	struct json_object *y = *(struct json_object *const *)b;
	int64_t diff =
		wd_json_get_int(x, "endpoint") - wd_json_get_int(y, "endpoint");

	if (diff)
		return diff < 0 ? -1 : 1;
	return strcmp(wd_json_get_str(x, "direction"),
		      wd_json_get_str(y, "direction"));
}

static int read_flows(const struct wd_args *args, struct listing *listing)
{
	const char *bpffs = wd_args_get(args, "bpffs") ?: WD_BPFFS_DEFAULT;
	int err = wd_flow_read(bpffs, put_flow, listing);

	json_object_array_sort(listing->flows, by_endpoint);
	if (!err)
		return WD_EXIT_OK;
	return wd_cmd_fail(
		args, WD_EXIT_NO, bpffs, "cannot read the flow table: %s%s",
		wd_errno(err),
		err == -ENOENT ?
			"; nothing is pinned here: no agent has run since this machine started, or --bpffs is another" :
		err == -EACCES || err == -EPERM ? "; only root may" :
						  "");
}

static int cmd_flow_list(const struct wd_args *args)
{
	struct json_object *doc = json_object_new_object(), *answer = NULL;
	struct listing listing = { NULL, wd_json_array(doc, "flows"), 0 };
	int err = wd_cmd_try(args, wd_cmd_request("endpoint.list"),
			     WD_CMD_TIMEOUT_MS, &answer);
	int code = WD_EXIT_OK;

	if (!err)
		listing.endpoints = wd_json_get(answer, "result");
	if (args->argc)
		code = err ? wd_cmd_lost(args, err) : find_only(args, &listing);
	if (!code)
		code = read_flows(args, &listing);
	if (!code && args->json)
		wd_cmd_json(doc);
	else if (!code)
		print_list(doc);
	json_object_put(answer);
	json_object_put(doc);
	return code;
}

static const struct wd_opt options[] = {
	{ .name = "bpffs",
	  .arg = "DIR",
	  .help = "where the pins are (default " WD_BPFFS_DEFAULT ")" },
	{ .name = NULL },
};

const struct wd_cmd wd_cmd_flow_list = {
	.object = "flow",
	.verb = "list",
	.args = "[NS/POD]",
	.max = 1,
	.summary = "live flows: who opened them, state, how long they are kept",
	.text = "Each endpoint's leg of a flow is one; PORT is the endpoint's. "
		"Reads the pinned table, "
		"also while no agent runs: then endpoints have numbers instead "
		"of names.",
	.opts = options,
	.fn = cmd_flow_list,
};
