/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wireguard.c - `warder wireguard status` and `apply`: look at this node's
 * WireGuard, and make it what the nodes' objects say. Both ask the kernel and
 * read manifests themselves; no agent takes part.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/manifests.h"
#include "../wireguard/apply.h"
#include "../wireguard/check.h"
#include "../wireguard/gather.h"
#include "../wireguard/keyfile.h"
#include "cmd.h"

#define DEVICE_DEFAULT "warder_wg0"
#define PORT_DEFAULT 51871
#define KEY_DEFAULT WD_STATE_DIR_DEFAULT "/wireguard.key"

/* ---- the cluster out of files ---- */

struct reading {
	struct wd_store *store;
	struct wd_manifests *src;
	struct wd_wg_gathered all;
	struct wd_config config; /* for the node's name alone */
	uint32_t doubts; /* problems that kept something out */
};

static void reading_fini(struct reading *r)
{
	wd_wg_gathered_fini(&r->all);
	wd_manifests_free(r->src);
	wd_store_free(r->store);
	wd_config_fini(&r->config);
}

/* The names after each --manifests. */
static size_t manifest_dirs(const struct wd_args *args, const char **dir)
{
	size_t cnt = 0;

	for (size_t i = 0; i < args->set_cnt; i++) {
		if (!strcmp(args->set[i].name, "manifests"))
			dir[cnt++] = args->set[i].value;
	}
	return cnt;
}

static void count_doubts(struct reading *r)
{
	const struct wd_problems *list = wd_manifests_problems(r->src);

	for (size_t i = 0; i < list->cnt; i++) {
		const struct wd_problem *problem = &list->problem[i];

		if (problem->effect == WD_PROBLEM_IGNORED &&
		    strncmp(problem->object, "Node/", 5) != 0)
			continue;
		r->doubts += problem->effect == WD_PROBLEM_KEPT;
		wd_print(stderr, "warder: %s:%u: %s%s%s\n", problem->file,
			 problem->line, problem->field,
			 *problem->field ? ": " : "", problem->text);
	}
}

static int read_cluster(const struct wd_args *args, struct reading *r)
{
	const char *dir[WD_OPTS_MAX];
	size_t cnt = manifest_dirs(args, dir);
	const char *node = wd_args_get(args, "node");
	struct stat st;
	int err = 0;

	memset(r, 0, sizeof(*r));
	wd_config_init(&r->config);
	r->store = wd_store_new(NULL, NULL);
	for (size_t i = 0; i < cnt; i++) {
		if (stat(dir[i], &st) || !S_ISDIR(st.st_mode))
			return wd_cmd_fail(args, WD_EXIT_NO, dir[i],
					   "is no folder that can be read");
	}
	err = wd_manifests_new(dir, cnt, NULL, r->store, &r->src);
	if (!err)
		err = wd_manifests_scan(r->src);
	if (err < 0)
		return wd_cmd_fail(args, WD_EXIT_NO, dir[0],
				   "cannot be read: %s", wd_errno(err));
	count_doubts(r);
	wd_wg_gather(r->store, node ?: r->config.node, &r->all);
	r->all.cluster.device = wd_args_get(args, "device");
	return WD_EXIT_OK;
}

/* ---- status: devices and peers ---- */

struct looking {
	const struct wd_wg_state *state;
	struct wd_wg_keys keys; /* of no node without manifests */
	struct wd_wg_findings findings;
	bool has_findings;
};

static const char *owner_name(const struct looking *look,
			      const struct wd_wg_peer *peer)
{
	const struct wd_wg_node *node =
		wd_wg_keys_find(&look->keys, &peer->key, NULL);

	return node ? node->name : NULL;
}

static char *endpoint_text(const struct wd_wg_peer *peer)
{
	char addr[WD_ADDR_STRLEN];

	if (!peer->endpoint.family)
		return wd_xstrdup("");
	return wd_xprintf(peer->endpoint.family == 4 ? "%s:%u" : "[%s]:%u",
			  wd_addr_str(&peer->endpoint, addr),
			  peer->endpoint_port);
}

static void print_peers(const struct looking *look,
			const struct wd_wg_device *dev)
{
	static const char *const head[] = { "PEER",	  "NODE",
					    "ENDPOINT",	  ">PREFIXES",
					    ">HANDSHAKE", ">RECEIVED",
					    ">SENT",	  NULL };
	struct wd_table *table = wd_table_new(head);

	for (uint32_t i = 0; i < dev->peer_cnt; i++) {
		const struct wd_wg_peer *peer = &dev->peer[i];
		char *endpoint = endpoint_text(peer);
		char key[WD_WGKEY_STRLEN], bytes[32];

		wd_table_cell(table, "%s", wd_wgkey_str(&peer->key, key));
		wd_table_cell(table, "%s", owner_name(look, peer) ?: "");
		wd_table_cell(table, "%s", endpoint);
		wd_table_cell(table, "%u", peer->prefix_cnt);
		if (peer->handshake)
			wd_table_cell(table, "%" PRId64 " s ago",
				      look->state->time - peer->handshake);
		else
			wd_table_cell(table, "never");
		wd_table_cell(table, "%s", wd_bytes_str(peer->rx_bytes, bytes));
		wd_table_cell(table, "%s", wd_bytes_str(peer->tx_bytes, bytes));
		free(endpoint);
	}
	wd_table_print(table, stdout, "");
}

static void print_status(const struct looking *look)
{
	if (!look->state->device_cnt)
		puts("this node has no WireGuard device");
	for (uint32_t i = 0; i < look->state->device_cnt; i++) {
		const struct wd_wg_device *dev = &look->state->device[i];
		char key[WD_WGKEY_STRLEN];

		wd_show_line("device", "%s, index %u, %s", dev->name,
			     dev->ifindex, dev->is_up ? "up" : "down");
		wd_show_line("public key", "%s",
			     dev->has_key ? wd_wgkey_str(&dev->key, key) :
					    "none");
		wd_show_line("listens", "UDP port %u, mark %#x", dev->port,
			     dev->fwmark);
		if (dev->peer_cnt) {
			putchar('\n');
			print_peers(look, dev);
		} else {
			wd_show_line("peers", "none");
		}
		putchar('\n');
	}
	for (uint32_t i = 0; i < look->findings.cnt; i++) {
		const struct wd_wg_finding *finding =
			&look->findings.finding[i];

		wd_print(stdout, "%s: %s: %s\n", wd_wg_kind_name(finding->kind),
			 finding->object, finding->text);
	}
	if (look->has_findings && !look->findings.cnt)
		puts("as the nodes' objects say");
}

static void put_peer(struct json_object *obj, const struct looking *look,
		     const struct wd_wg_peer *peer)
{
	struct json_object *prefixes;
	char *endpoint = endpoint_text(peer);
	char key[WD_WGKEY_STRLEN];

	wd_json_str(obj, "public_key", wd_wgkey_str(&peer->key, key));
	wd_json_str(obj, "node", owner_name(look, peer));
	wd_json_str(obj, "endpoint", *endpoint ? endpoint : NULL);
	wd_json_int(obj, "keepalive_s", peer->keepalive);
	wd_json_int(obj, "last_handshake", peer->handshake);
	wd_json_int(obj, "rx_bytes", (int64_t)peer->rx_bytes);
	wd_json_int(obj, "tx_bytes", (int64_t)peer->tx_bytes);
	prefixes = wd_json_array(obj, "allowed_ips");
	for (uint32_t i = 0; i < peer->prefix_cnt; i++) {
		char text[WD_ADDR_STRLEN];

		wd_json_push_str(prefixes, wd_cidr_str(&peer->prefix[i], text));
	}
	free(endpoint);
}

static void put_device(struct json_object *obj, const struct looking *look,
		       const struct wd_wg_device *dev)
{
	struct json_object *peers;
	char key[WD_WGKEY_STRLEN];

	wd_json_str(obj, "name", dev->name);
	wd_json_int(obj, "ifindex", dev->ifindex);
	wd_json_bool(obj, "up", dev->is_up);
	wd_json_str(obj, "public_key",
		    dev->has_key ? wd_wgkey_str(&dev->key, key) : NULL);
	wd_json_int(obj, "listen_port", dev->port);
	wd_json_int(obj, "fwmark", dev->fwmark);
	peers = wd_json_array(obj, "peers");
	for (uint32_t i = 0; i < dev->peer_cnt; i++)
		put_peer(wd_json_push(peers), look, &dev->peer[i]);
}

static void print_status_json(const struct looking *look)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *devices = wd_json_array(doc, "devices");
	struct json_object *findings;

	for (uint32_t i = 0; i < look->state->device_cnt; i++)
		put_device(wd_json_push(devices), look,
			   &look->state->device[i]);
	if (look->has_findings) {
		findings = wd_json_array(doc, "findings");
		for (uint32_t i = 0; i < look->findings.cnt; i++) {
			const struct wd_wg_finding *finding =
				&look->findings.finding[i];
			struct json_object *obj = wd_json_push(findings);

			wd_json_str(obj, "name",
				    wd_wg_kind_name(finding->kind));
			wd_json_str(obj, "object", finding->object);
			wd_json_str(obj, "text", finding->text);
			wd_json_bool(obj, "stops",
				     wd_wg_kind_stops(finding->kind));
		}
	}
	wd_cmd_json(doc);
	json_object_put(doc);
}

static int cmd_status(const struct wd_args *args)
{
	struct wd_wg_state state = { 0 };
	struct looking look = { .state = &state };
	struct reading r = { 0 };
	int code = WD_EXIT_OK, err;

	if (wd_args_has(args, "manifests")) {
		code = read_cluster(args, &r);
		if (code)
			goto out;
		look.has_findings = true;
	}
	err = wd_wg_read(-1, &state);
	if (err) {
		code = wd_cmd_fail(args, WD_EXIT_NO, "",
				   "the kernel does not tell what WireGuard "
				   "does: %s",
				   wd_errno(err));
		goto out;
	}
	wd_wg_keys_init(&look.keys, &r.all.cluster);
	r.all.cluster.is_required = true;
	if (look.has_findings)
		wd_wg_check(&state, &r.all.cluster, &look.findings);
	if (args->json)
		print_status_json(&look);
	else
		print_status(&look);
	if (look.findings.cnt || r.doubts)
		code = WD_EXIT_NO;
	wd_wg_keys_fini(&look.keys);
	wd_wg_findings_fini(&look.findings);
out:
	wd_wg_state_fini(&state);
	if (r.store)
		reading_fini(&r);
	return code;
}

/* ---- apply ---- */

struct doing {
	const struct wd_args *args;
	struct json_object *doc;
	struct json_object *changes;
};

static void say(void *ctx, const char *line)
{
	struct doing *doing = ctx;

	if (doing->args->json)
		wd_json_push_str(doing->changes, line);
	else
		wd_print(stdout, "%s\n", line);
}

/* A key in @ret_secret, or the exit code of why there is none. */
static int take_key(struct doing *doing, bool dry_run,
		    struct wd_wgkey *ret_secret)
{
	const char *path = wd_args_get(doing->args, "key") ?: KEY_DEFAULT;
	int err = wd_wg_keyfile_read(path, ret_secret);

	if (err == -ENOENT) {
		err = dry_run ? 0 : wd_wg_keyfile_make(path, ret_secret);
		if (!err)
			say(doing, "make a private key");
	}
	switch (err) {
	case 0:
		return WD_EXIT_OK;
	case -EACCES:
		return wd_cmd_fail(doing->args, WD_EXIT_NO, path,
				   "must belong to this user and be of mode "
				   "0600, so that nobody else has read it");
	case -EINVAL:
		return wd_cmd_fail(doing->args, WD_EXIT_NO, path,
				   "holds no private key");
	}
	return wd_cmd_fail(doing->args, WD_EXIT_NO, path,
			   "the private key cannot be had: %s", wd_errno(err));
}

/* What is missing so that the other nodes do the same. */
static void tell_key(struct doing *doing, const struct wd_wg_cluster *cluster,
		     const struct wd_wgkey *key)
{
	const struct wd_wg_node *self = wd_wg_self(cluster);
	char text[WD_WGKEY_STRLEN];

	if (wd_wgkey_is_none(key))
		return;
	wd_json_str(doing->doc, "public_key", wd_wgkey_str(key, text));
	if (self && self->has_key && !wd_wgkey_compare(&self->key, key))
		return;
	wd_json_bool(doing->doc, "annotated", false);
	if (!doing->args->json)
		wd_print(stdout,
			 "the other nodes do not know this node's key yet; its "
			 "object needs the annotation\n"
			 "  network.cilium.io/wg-pub-key: %s\n",
			 text);
}

static int finish(struct doing *doing, int done, bool dry_run, uint32_t doubts)
{
	wd_json_bool(doing->doc, "dry_run", dry_run);
	wd_json_bool(doing->doc, "complete", !doubts);
	if (doing->args->json)
		wd_cmd_json(doing->doc);
	else if (!done)
		puts("nothing to do");
	if (!doubts)
		return WD_EXIT_OK;
	return wd_cmd_fail(doing->args, WD_EXIT_NO, "manifests",
			   "%u problem%s: what cannot be read may have more "
			   "nodes and pods, so nothing was removed",
			   doubts, doubts == 1 ? "" : "s");
}

static int apply(struct doing *doing, struct wd_wg_apply *opts)
{
	struct wd_wgkey public, secret = { 0 };
	struct reading r;
	char *why = NULL;
	int done, code = read_cluster(doing->args, &r);

	if (code)
		goto out;
	if (!wd_wg_self(&r.all.cluster)) {
		code = wd_cmd_fail(doing->args, WD_EXIT_NO, "--node",
				   "the manifests have no Node '%s'",
				   wd_args_get(doing->args, "node") ?:
					   r.config.node);
		goto out;
	}
	code = take_key(doing, opts->dry_run, &secret);
	if (code)
		goto out;
	opts->secret = wd_wgkey_is_none(&secret) ? NULL : &secret;
	opts->may_remove = !r.doubts;
	done = wd_wg_apply(&r.all.cluster, opts, &public, &why);
	wd_wgkey_wipe(&secret);
	opts->secret = NULL;
	if (done < 0) {
		code = wd_cmd_fail(doing->args, WD_EXIT_NO, opts->device, "%s",
				   why ?: wd_errno(done));
		goto out;
	}
	tell_key(doing, &r.all.cluster, &public);
	code = finish(doing, done, opts->dry_run, r.doubts);
out:
	free(why);
	reading_fini(&r);
	return code;
}

static int cmd_apply(const struct wd_args *args)
{
	const char *port = wd_args_get(args, "port");
	struct doing doing = { .args = args };
	struct wd_wg_apply opts = {
		.device = wd_args_get(args, "device") ?: DEVICE_DEFAULT,
		.port = PORT_DEFAULT,
		.dry_run = wd_args_has(args, "dry-run"),
		.say = say,
		.ctx = &doing,
	};
	int code;

	if (port) {
		char *end;
		unsigned long nr = strtoul(port, &end, 10);

		if (*port < '1' || *port > '9' || *end || nr > UINT16_MAX)
			return wd_cmd_fail(args, WD_EXIT_USAGE, "--port",
					   "'%s' is no port", port);
		opts.port = (uint16_t)nr;
	}
	if (!wd_args_has(args, "manifests"))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--manifests",
				   "is missing: where are the nodes' objects?");
	doing.doc = json_object_new_object();
	doing.changes = wd_json_array(doing.doc, "changes");
	code = apply(&doing, &opts);
	json_object_put(doing.doc);
	return code;
}

/* ---- what they are called ---- */

#define FINDING_LINE(symbol, name, stops, help) "\n  " name ": " help

static const struct wd_opt status_opts[] = {
	{ .name = "manifests",
	  .arg = "DIR",
	  .help = "compare with the Nodes and Pods in here (repeatable)" },
	{ .name = "node",
	  .arg = "NAME",
	  .help = "this node (default: the host name)" },
	{ .name = "device",
	  .arg = "NAME",
	  .help = "the device that is to connect the nodes (default: the one\n"
		  "that has this node's key)" },
	{},
};

const struct wd_cmd wd_cmd_wireguard_status = {
	.object = "wireguard",
	.verb = "status",
	.summary = "WireGuard's devices and peers, and what is wrong with them",
	.text = "Asks the kernel; needs no agent. With --manifests what is found "
		"is compared with\nthe nodes' objects, and each difference is a "
		"line: its name, what it is about, and\ntext. It fails if there "
		"is any. No private key is shown.\n\n"
		"Findings:" WD_WG_FINDINGS(FINDING_LINE),
	.opts = status_opts,
	.fn = cmd_status,
};

static const struct wd_opt apply_opts[] = {
	{ .name = "manifests",
	  .arg = "DIR",
	  .help = "where the Nodes and Pods are (repeatable)" },
	{ .name = "node",
	  .arg = "NAME",
	  .help = "this node (default: the host name)" },
	{ .name = "device",
	  .arg = "NAME",
	  .help = "the device (default " DEVICE_DEFAULT ")" },
	{ .name = "port",
	  .arg = "PORT",
	  .help = "UDP port, the same on every node (default 51871)" },
	{ .name = "key",
	  .arg = "FILE",
	  .help = "the private key, of mode 0600; made if it is not there\n"
		  "(default " KEY_DEFAULT ")" },
	{ .name = "dry-run", .help = "only say what would be done" },
	{},
};

const struct wd_cmd wd_cmd_wireguard_apply = {
	.object = "wireguard",
	.verb = "apply",
	.summary = "make this node's WireGuard what the nodes' objects say",
	.text = "For a cluster in which nothing else does. Makes the device, sets "
		"key, port, MTU\nand an address, gives each node whose object "
		"has the annotation\nnetwork.cilium.io/wg-pub-key a peer with "
		"the prefixes and addresses of its pods,\nand leads these "
		"prefixes by the device. What is missing is added first, what "
		"is too\nmuch is removed last, and not at all while manifests "
		"cannot be read. Prints what\nit does; again and again is as "
		"good as once. The agent never calls it.",
	.opts = apply_opts,
	.fn = cmd_apply,
};
