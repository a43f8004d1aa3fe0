/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uncovered.c - see uncovered.h. One row for each path; what decides whether it
 * is there, and whom it concerns, is a function of the requirement.
 */
#include "uncovered.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../base/json.h"

/* Adds names to @subjects, NULL if only asked. Return: is the path there. */
typedef bool (*subject_fn)(struct json_object *req,
			   struct json_object *subjects);

static bool always(struct json_object *req, struct json_object *subjects)
{
	(void)req;
	(void)subjects;
	return true;
}

static bool is_required(struct json_object *obj, const char *key)
{
	return !strcmp(wd_json_get_str(obj, key), "required");
}

static size_t spaces_without(struct json_object *req,
			     struct json_object *subjects)
{
	size_t cnt = 0;

	for (size_t i = 0; i < wd_json_len(req, "namespaces"); i++) {
		struct json_object *ns = wd_json_at(req, "namespaces", i);

		if (is_required(ns, "encryption"))
			continue;
		cnt++;
		wd_json_push_str(subjects, wd_json_get_str(ns, "namespace"));
	}
	return cnt;
}

static bool nothing_required(struct json_object *req,
			     struct json_object *subjects)
{
	(void)subjects;
	for (size_t i = 0; i < wd_json_len(req, "namespaces"); i++)
		if (is_required(wd_json_at(req, "namespaces", i), "encryption"))
			return false;
	return !is_required(req, "pods") && !is_required(req, "nodes");
}

/* Also with no namespace so far: one that comes has the default. */
static bool spaces_not_required(struct json_object *req,
				struct json_object *subjects)
{
	return spaces_without(req, subjects) || !is_required(req, "pods");
}

static bool not_judged(struct json_object *req, struct json_object *subjects)
{
	(void)subjects;
	return !nothing_required(req, subjects) &&
	       !wd_json_get_bool(req, "judged");
}

static bool new_devices(struct json_object *req, struct json_object *subjects)
{
	(void)subjects;
	return wd_json_get_bool(req, "new_devices_open");
}

static void copy_strings(struct json_object *from, const char *key,
			 struct json_object *to)
{
	for (size_t i = 0; i < wd_json_len(from, key); i++)
		wd_json_push_str(
			to, json_object_get_string(wd_json_at(from, key, i)));
}

static bool exempt_nodes(struct json_object *req, struct json_object *subjects)
{
	copy_strings(req, "exempt", subjects);
	return wd_json_len(req, "exempt") > 0;
}

static bool other_nodes(struct json_object *req, struct json_object *subjects)
{
	const char *self = wd_json_get_str(req, "node");

	for (size_t i = 0; i < wd_json_len(req, "node_names"); i++) {
		struct json_object *node = wd_json_at(req, "node_names", i);
		const char *name = json_object_get_string(node);

		if (name && strcmp(name, self) != 0)
			wd_json_push_str(subjects, name);
	}
	return true;
}

static bool nodes_not_required(struct json_object *req,
			       struct json_object *subjects)
{
	copy_strings(req, "node_names", subjects);
	return !is_required(req, "nodes");
}

static bool host_network(struct json_object *req, struct json_object *subjects)
{
	for (size_t i = 0; i < wd_json_len(req, "host_network"); i++) {
		struct json_object *pod = wd_json_at(req, "host_network", i);
		char name[600];

		(void)snprintf(name, sizeof(name), "%s/%s",
			       wd_json_get_str(pod, "namespace"),
			       wd_json_get_str(pod, "name"));
		wd_json_push_str(subjects, name);
	}
	return true;
}

static bool outside(struct json_object *req, struct json_object *subjects)
{
	for (size_t i = 0; i < wd_json_len(req, "prefixes"); i++)
		wd_json_push_str(subjects,
				 wd_json_get_str(wd_json_at(req, "prefixes", i),
						 "prefix"));
	return true;
}

struct path {
	const char *path, *title, *why, *change;
	const char *counted_as[3];
	const char *subjects; /* what they are */
	subject_fn applies;
};

static const struct path paths[] = {
	{ .path = "nothing-required",
	  .title = "everything: nothing has to be encrypted",
	  .why = "Neither the cluster's default nor any namespace requires "
		 "encryption. The wires are not judged and nothing is counted.",
	  .change = "encryption: required in the agent's configuration, or "
		    "warder.io/encryption: required on a namespace",
	  .applies = nothing_required },
	{ .path = "not-judged",
	  .title = "wires without a program",
	  .why = "Encryption is required, but programs do not judge every "
		 "wire of this node now. While a wire has none, what must be "
		 "encrypted is stopped at the pods. On rung nft a ruleset "
		 "drops it, and nothing is counted.",
	  .change = "see `warder encryption status` and `warder ladder show`",
	  .applies = not_judged },
	{ .path = "new-devices",
	  .title = "a new device until it is judged",
	  .why = "Programs come onto a device some milliseconds after the "
		 "kernel has told of it. A ruleset beside them can keep what "
		 "is the pods' off it until then, and is not there.",
	  .change = "encryption-new-devices: closed, and nftables on the node; "
		    "`warder status` says what it lacks",
	  .applies = new_devices },
	{ .path = "namespace-not-required",
	  .title = "pods of namespaces that do not require it, among each "
		   "other and with nodes",
	  .why = "The default or the annotation warder.io/encryption of both "
		 "namespaces says none. Where one of two requires it, both "
		 "ways are covered.",
	  .change = "warder.io/encryption: required on the namespace",
	  .counted_as = { "clear" },
	  .subjects = "namespaces",
	  .applies = spaces_not_required },
	{ .path = "node-exempt",
	  .title = "pods with nodes that are exempt",
	  .why = "An exemption of the agent's configuration: what these nodes "
		 "themselves exchange with pods may be in clear.",
	  .change = "take the node out of encryption-exempt",
	  .counted_as = { "exempt" },
	  .subjects = "nodes",
	  .applies = exempt_nodes },
	{ .path = "node-to-node",
	  .title = "nodes with nodes",
	  .why = "Not required: API server, kubelet, storage and everything "
		 "else that nodes say to each other by their own addresses "
		 "passes as it is; often it is TLS, which is not looked at. "
		 "So does what pods send to nodes where it is masqueraded.",
	  .change = "encryption-nodes: required",
	  .counted_as = { "nodes", "esp" },
	  .subjects = "nodes",
	  .applies = nodes_not_required },
	{ .path = "unknown-tunnels",
	  .title = "tunnels between nodes of unknown make",
	  .why = "VXLAN, Geneve and IP in UDP are looked into on any port, GRE "
		 "in UDP on its own. Others in UDP are taken for what nodes say "
		 "themselves; so is ESP without a cipher.",
	  .change = "encryption-nodes: required",
	  .counted_as = { "nodes" },
	  .subjects = "nodes",
	  .applies = nodes_not_required },
	{ .path = "host-network",
	  .title = "pods in the host's network",
	  .why = "They have their node's addresses and are counted as that "
		 "node. Their namespaces' requirement does not reach them.",
	  .change = "encryption-nodes: required, or a network of their own",
	  .counted_as = { "nodes", "exempt" },
	  .subjects = "pods",
	  .applies = host_network },
	{ .path = "outside",
	  .title = "to and from addresses outside of the cluster",
	  .why = "Only what is between addresses of the cluster is judged: "
		 "nodes, pods and the prefixes listed. Clients, databases and "
		 "services elsewhere are not; nor are nodes and pods whose "
		 "addresses are not known and in no prefix.",
	  .change = "encryption-prefix for further addresses of the cluster",
	  .subjects = "prefixes inside",
	  .applies = outside },
	{ .path = "same-node",
	  .title = "pods of one node with each other and with their node",
	  .why = "Crosses no wire. It is in clear in the node's memory, and "
		 "root of the node can read it, as it can before and after "
		 "WireGuard.",
	  .applies = always },
	{ .path = "mesh",
	  .title = "traffic of a service mesh outside of WireGuard",
	  .why = "The port of a mesh's proxy (HBONE 15008, Linkerd 4143) was "
		 "seen. Whether it is encrypted and for whom is the mesh's to "
		 "prove. Where encryption is required it is stopped like any "
		 "other.",
	  .change = "warder.io/encryption: required on the namespace",
	  .counted_as = { "hbone", "linkerd" },
	  .applies = always },
	{ .path = "esp",
	  .title = "what is inside IPsec ESP",
	  .why = "ESP between nodes is seen as ESP. Keys, algorithms (NULL is "
		 "one) and what is inside are not seen.",
	  .counted_as = { "esp" },
	  .applies = always },
	{ .path = "other-nodes",
	  .title = "nodes without warder, and wires between others",
	  .why = "This report is one node's. What two other nodes exchange is "
		 "in theirs; a node without warder has none.",
	  .subjects = "nodes",
	  .change = "warder and its report on every node",
	  .applies = other_nodes },
	{ .path = "no-ip",
	  .title = "frames without IP",
	  .why = "ARP, LLDP and other link protocols pass. They carry no data "
		 "of pods; MPLS and NSH, which could, are stopped.",
	  .applies = always },
	{ .path = "around",
	  .title = "ways around the hooks",
	  .why = "Devices that pods have without an end on this host (SR-IOV, "
		 "macvlan, RDMA), hardware that forwards by itself, programs "
		 "and packet sockets of the node's root. `warder status` lists "
		 "the blind spots it sees.",
	  .applies = always },
};

static void put_path(struct json_object *array, const struct path *path,
		     struct json_object *req)
{
	struct json_object *obj = json_object_new_object(), *subjects, *kinds;

	wd_json_str(obj, "path", path->path);
	wd_json_str(obj, "title", path->title);
	wd_json_str(obj, "why", path->why);
	wd_json_str(obj, "change", path->change);
	kinds = wd_json_array(obj, "counted_as");
	for (size_t i = 0; i < 3 && path->counted_as[i]; i++)
		wd_json_push_str(kinds, path->counted_as[i]);
	wd_json_str(obj, "subjects_are", path->subjects);
	subjects = wd_json_array(obj, "subjects");
	if (path->applies(req, subjects))
		json_object_array_add(array, obj);
	else
		json_object_put(obj);
}

void wd_uncovered_put(struct json_object *req, struct json_object *array)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		put_path(array, &paths[i], req);
}
