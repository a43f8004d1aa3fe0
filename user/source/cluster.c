/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.c - Pod, Namespace and Node: who is there, with which labels and
 * addresses. Only what identity and policy need is read; a value that cannot
 * be read refuses the object as a whole, and the version before stays.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../base/names.h"
#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define NS_NAME_LABEL "kubernetes.io/metadata.name"
#define MODE_ANNOTATION "warder.io/mode"
#define ENCAP_ANNOTATION "warder.io/encapsulation"
#define WGKEY_ANNOTATION "network.cilium.io/wg-pub-key"
#define ENCRYPTION_ANNOTATION "warder.io/encryption"
#define NO_ACCOUNT "default" /* what the API puts where none is named */

/* ---- what several kinds have ---- */

/*
 * A bad value is told, and the mode inherited: the default enforces. Whoever
 * wrote it wanted to say one: what relaxes those that say none lets it be.
 */
static enum wd_mode read_mode(struct wd_read *r, const struct wd_meta *meta,
			      bool *ret_bad)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *node =
		wd_tree_get(meta->annotations, MODE_ANNOTATION);
	const char *text = node ? wd_tree_str(node) : NULL;
	int mode = text ? wd_mode_find(text) : -ENOENT;

	if (!node)
		return WD_MODE_UNSET;
	/* "off" without quotes is a boolean in YAML, which the API would refuse. */
	if (!text && node->type == WD_TREE_SCALAR)
		mode = wd_mode_find(node->text);
	if (mode > WD_MODE_UNSET)
		return (enum wd_mode)mode;
	*ret_bad = true;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(
		r, WD_AT(at, MODE_ANNOTATION), node->line,
		"must be enforce, audit or off; taken as if it were not there");
	r->effect = WD_PROBLEM_KEPT;
	return WD_MODE_UNSET;
}

/*
 * May pods exchange tunnels with nodes? Who may write pods must not be able to
 * say so, which is why only the namespace counts.
 */
static bool read_encap(struct wd_read *r, const struct wd_meta *meta,
		       bool counts)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *node =
		wd_tree_get(meta->annotations, ENCAP_ANNOTATION);
	const char *text = node ? wd_tree_str(node) : NULL;

	if (!node || (counts && text && strcmp(text, "forbidden") == 0))
		return false;
	if (counts && text && strcmp(text, "allowed") == 0)
		return true;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(r, WD_AT(at, ENCAP_ANNOTATION), node->line,
			counts ? "must be allowed or forbidden; taken as "
				 "forbidden" :
				 "counts on a Namespace only; taken as if it "
				 "were not there");
	r->effect = WD_PROBLEM_KEPT;
	return false;
}

/*
 * What the pods exchange with other nodes. A value that cannot be read is taken
 * for the stricter one.
 */
static enum wd_encryption_want
read_encryption(struct wd_read *r, const struct wd_meta *meta, bool counts)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *node =
		wd_tree_get(meta->annotations, ENCRYPTION_ANNOTATION);
	const char *text = node ? wd_tree_str(node) : NULL;

	if (!node)
		return WD_ENCRYPTION_UNSET;
	if (counts && text && strcmp(text, "required") == 0)
		return WD_ENCRYPTION_REQUIRED;
	if (counts && text && strcmp(text, "none") == 0)
		return WD_ENCRYPTION_NONE;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(r, WD_AT(at, ENCRYPTION_ANNOTATION), node->line,
			counts ? "must be required or none; taken as required" :
				 "counts on a Namespace only; taken as if it "
				 "were not there");
	r->effect = WD_PROBLEM_KEPT;
	return counts ? WD_ENCRYPTION_REQUIRED : WD_ENCRYPTION_UNSET;
}

/* ---- Pod ---- */

/*
 * Far more than any pod has; an object of the API server (1.5 MiB) has room for
 * 20,000, each of which is looked for among those before.
 */
#define POD_PORTS_MAX 1024

/* The first of a name and protocol counts. */
static void add_port_name(struct wd_pod *pod, const char *text, uint16_t nr,
			  uint8_t proto)
{
	const char *name = wd_str_get(text); /* one copy: compared as such */

	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		if (pod->port[i].proto == proto && pod->port[i].name == name) {
			wd_str_put(name);
			return;
		}
	}
	pod->port =
		wd_xrealloc(pod->port, pod->port_cnt + 1U, sizeof(*pod->port));
	pod->port[pod->port_cnt++] = (struct wd_port_name){
		.name = name,
		.port = nr,
		.proto = proto,
	};
}

static int read_container_ports(struct wd_read *r, const struct wd_at *at,
				const struct wd_tree *container,
				struct wd_pod *pod)
{
	const struct wd_tree *ports = NULL;
	uint32_t index;

	if (wd_read_list(r, at, container, "ports", &ports))
		return -EINVAL;
	wd_for_each_element(e, index, ports) {
		const struct wd_at *here =
			WD_ELEMENT(WD_AT(at, "ports"), index);
		const struct wd_tree *nr = wd_tree_get(e, "containerPort");
		const char *name = NULL;
		uint16_t port = 0;
		uint8_t proto;

		if (wd_read_is_hollow(r, here, e) ||
		    wd_read_str(r, here, e, "name", &name))
			return -EINVAL;
		if (!name || !*name)
			continue;
		if (!nr) {
			wd_read_problem(r, WD_AT(here, "containerPort"),
					e->line, "is missing");
			return -EINVAL;
		}
		if (wd_read_port_nr(r, WD_AT(here, "containerPort"), nr,
				    &port) ||
		    wd_read_proto(r, here, e, &proto))
			return -EINVAL;
		if (pod->port_cnt == POD_PORTS_MAX) {
			wd_read_problem(r, here, e->line,
					"is one named port too many: a pod may "
					"have 1,024");
			return -EINVAL;
		}
		add_port_name(pod, name, port, proto);
	}
	return 0;
}

static bool is_sidecar(const struct wd_tree *container)
{
	const char *policy =
		wd_tree_str(wd_tree_get(container, "restartPolicy"));

	return policy && strcmp(policy, "Always") == 0;
}

static int read_containers(struct wd_read *r, const struct wd_tree *spec,
			   const char *key, bool sidecars_only,
			   struct wd_pod *pod)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "spec"), key);
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_list(r, WD_AT(NULL, "spec"), spec, key, &list))
		return -EINVAL;
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);

		if (wd_read_is_hollow(r, here, e))
			return -EINVAL;
		if (sidecars_only && !is_sidecar(e))
			continue;
		if (read_container_ports(r, here, e, pod))
			return -EINVAL;
	}
	return 0;
}

static int compare_ports(const void *a, const void *b)
{
	const struct wd_port_name *x = a;
	const struct wd_port_name *y = b;
	int diff = strcmp(x->name, y->name);

	return diff ? diff : (int)x->proto - (int)y->proto;
}

static int read_pod_spec(struct wd_read *r, const struct wd_tree *doc,
			 struct wd_pod *pod)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const struct wd_tree *spec = NULL;
	const char *node = NULL;

	if (wd_read_map(r, NULL, doc, "spec", &spec) ||
	    wd_read_str(r, at, spec, "nodeName", &node) ||
	    wd_read_bool(r, at, spec, "hostNetwork", &pod->host_network) ||
	    read_containers(r, spec, "containers", false, pod) ||
	    read_containers(r, spec, "initContainers", true, pod))
		return -EINVAL;
	if (node && *node)
		pod->node = wd_str_get(node);
	if (pod->port_cnt > 1)
		qsort(pod->port, pod->port_cnt, sizeof(*pod->port),
		      compare_ports);
	if (pod->port_cnt) {
		pod->port = wd_ports_share(pod->port, pod->port_cnt);
		pod->ports_shared = true;
	}
	return 0;
}

static int read_pod_addrs(struct wd_read *r, const struct wd_tree *status,
			  struct wd_pod *pod)
{
	const struct wd_at *at = WD_AT(NULL, "status");
	const struct wd_tree *list = NULL;
	struct wd_addr addr;
	uint32_t index;

	if (wd_read_list(r, at, status, "podIPs", &list))
		return -EINVAL;
	wd_for_each_element(e, index, list) {
		const struct wd_at *here =
			WD_ELEMENT(WD_AT(at, "podIPs"), index);

		if (wd_read_is_hollow(r, here, e) ||
		    wd_read_addr(r, here, e, "ip", &addr))
			return -EINVAL;
		if (addr.family && wd_read_addr_add(r, here, &addr, &pod->addr,
						    &pod->addr_cnt))
			return -EINVAL;
	}
	if (wd_read_addr(r, at, status, "podIP", &addr))
		return -EINVAL;
	if (addr.family &&
	    wd_read_addr_add(r, at, &addr, &pod->addr, &pod->addr_cnt))
		return -EINVAL;
	return wd_read_addr(r, at, status, "hostIP", &pod->host_addr);
}

static int read_pod_status(struct wd_read *r, const struct wd_tree *doc,
			   struct wd_pod *pod)
{
	const struct wd_tree *status = NULL;
	const char *phase = NULL;

	if (wd_read_map(r, NULL, doc, "status", &status) ||
	    wd_read_str(r, WD_AT(NULL, "status"), status, "phase", &phase))
		return -EINVAL;
	pod->finished = phase && (strcmp(phase, "Succeeded") == 0 ||
				  strcmp(phase, "Failed") == 0);
	return read_pod_addrs(r, status, pod);
}

/*
 * A static pod runs under the uid that the kubelet made from its file, which is
 * what the runtime tells CNI. The API server has a mirror of it, with another
 * uid and that one as an annotation.
 */
static struct wd_meta with_own_uid(const struct wd_meta *meta)
{
	const char *uid = wd_tree_str(
		wd_tree_get(meta->annotations, WD_MIRROR_ANNOTATION));
	struct wd_meta own = *meta;

	if (uid && *uid)
		own.uid = uid;
	return own;
}

/* Its service account is one of its labels, and no label of that name is. */
static int read_pod_labels(struct wd_read *r, const struct wd_tree *doc,
			   const struct wd_meta *meta, struct wd_pod *pod)
{
	const struct wd_at *at = WD_AT(NULL, "spec");
	const struct wd_tree *spec = NULL;
	const struct wd_tree *node;
	const char *account = NULL;

	if (wd_read_map(r, NULL, doc, "spec", &spec) ||
	    wd_read_str(r, at, spec, "serviceAccountName", &account))
		return -EINVAL;
	node = wd_tree_get(spec, "serviceAccountName");
	if (!account || !*account)
		account = NO_ACCOUNT;
	if (wd_read_object_name(r, WD_AT(at, "serviceAccountName"),
				node ? node->line : 0, account))
		return -EINVAL;
	return wd_read_own_labels(r, meta, WD_LABEL_ACCOUNT, account,
				  &pod->labels);
}

int wd_read_pod(struct wd_read *r, const struct wd_tree *doc,
		const struct wd_meta *meta, struct wd_object **ret_obj)
{
	const struct wd_meta own = with_own_uid(meta);
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_POD, &own, doc->line);

	if (read_pod_labels(r, doc, meta, &obj->pod) ||
	    read_pod_spec(r, doc, &obj->pod) ||
	    read_pod_status(r, doc, &obj->pod)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	obj->pod.terminating = meta->deleting;
	obj->pod.mode = read_mode(r, meta, &obj->pod.mode_bad);
	(void)read_encap(r, meta, false);
	(void)wd_read_response(r, meta, false);
	(void)read_encryption(r, meta, false);
	*ret_obj = obj;
	return 0;
}

/* ---- Namespace ---- */

int wd_read_namespace(struct wd_read *r, const struct wd_tree *doc,
		      const struct wd_meta *meta, struct wd_object **ret_obj)
{
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_NAMESPACE, meta, doc->line);

	/* The server sets this label; nobody may say something else. */
	if (wd_read_own_labels(r, meta, NS_NAME_LABEL, meta->name,
			       &obj->nsp.labels)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	obj->nsp.mode = read_mode(r, meta, &obj->nsp.mode_bad);
	obj->nsp.encap = read_encap(r, meta, true);
	obj->nsp.encryption = read_encryption(r, meta, true);
	obj->nsp.response = wd_read_response(r, meta, true);
	*ret_obj = obj;
	return 0;
}

/* ---- Node ---- */

static bool is_one_of(const char *text, const char *const *list)
{
	while (*list && strcmp(text, *list) != 0)
		list++;
	return *list;
}

/* @parent.addresses, of which those of @types count; their text is in @field. */
static int read_addrs(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *parent, const char *field,
		      const char *const *types, struct wd_node *node)
{
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_list(r, at, parent, "addresses", &list))
		return -EINVAL;
	at = WD_AT(at, "addresses");
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);
		const char *type = wd_tree_str(wd_tree_get(e, "type"));
		struct wd_addr addr;

		if (wd_read_is_hollow(r, here, e))
			return -EINVAL;
		if (!type || !is_one_of(type, types))
			continue;
		if (wd_read_addr(r, here, e, field, &addr))
			return -EINVAL;
		if (addr.family && wd_read_addr_add(r, here, &addr, &node->addr,
						    &node->addr_cnt))
			return -EINVAL;
	}
	return 0;
}

static int read_node_addrs(struct wd_read *r, const struct wd_tree *doc,
			   struct wd_node *node)
{
	static const char *const types[] = { "InternalIP", "ExternalIP", NULL };
	const struct wd_tree *status = NULL;

	if (wd_read_map(r, NULL, doc, "status", &status))
		return -EINVAL;
	return read_addrs(r, WD_AT(NULL, "status"), status, "address", types,
			  node);
}

/* The list of prefixes below @key of @parent. */
static int read_cidrs(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *parent, const char *key,
		      struct wd_node *node)
{
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_list(r, at, parent, key, &list))
		return -EINVAL;
	node->cidr = wd_xrealloc(node->cidr,
				 node->cidr_cnt + (list ? list->cnt : 0) + 1,
				 sizeof(*node->cidr));
	wd_for_each_element(e, index, list) {
		const char *text = wd_tree_str(e);

		if (!text || wd_cidr_parse(text, &node->cidr[node->cidr_cnt])) {
			wd_read_problem(r, WD_ELEMENT(WD_AT(at, key), index),
					e->line, "is no CIDR");
			return -EINVAL;
		}
		node->cidr_cnt++;
	}
	return 0;
}

static int read_node_cidrs(struct wd_read *r, const struct wd_tree *doc,
			   struct wd_node *node)
{
	const struct wd_tree *spec = NULL;

	if (wd_read_map(r, NULL, doc, "spec", &spec))
		return -EINVAL;
	return read_cidrs(r, WD_AT(NULL, "spec"), spec, "podCIDRs", node);
}

/*
 * A key that cannot be read is told and taken for none: then no peer is known
 * to be this node, and what must be encrypted is not sent to it. Its addresses
 * and prefixes count all the same.
 */
static void read_node_key(struct wd_read *r, const struct wd_meta *meta,
			  struct wd_node *node)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *key =
		wd_tree_get(meta->annotations, WGKEY_ANNOTATION);
	const char *text = key ? wd_tree_str(key) : NULL;

	if (!key || (text && !*text))
		return;
	node->has_wgkey = text && !wd_wgkey_parse(text, &node->wgkey);
	if (node->has_wgkey)
		return;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(r, WD_AT(at, WGKEY_ANNOTATION), key->line,
			"must be a public key of WireGuard, 32 bytes in "
			"base64; taken as if it were not there");
	r->effect = WD_PROBLEM_KEPT;
}

int wd_read_node(struct wd_read *r, const struct wd_tree *doc,
		 const struct wd_meta *meta, struct wd_object **ret_obj)
{
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_NODE, meta, doc->line);

	if (wd_read_own_labels(r, meta, NULL, NULL, &obj->node.labels) ||
	    read_node_addrs(r, doc, &obj->node) ||
	    read_node_cidrs(r, doc, &obj->node)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	read_node_key(r, meta, &obj->node);
	*ret_obj = obj;
	return 0;
}

/* ---- CiliumNode ---- */

/* ipam: {podCIDRs, pools: {allocated: [{cidrs}]}} */
static int read_ipam(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *spec, struct wd_node *node)
{
	const struct wd_tree *ipam = NULL;
	const struct wd_tree *pools = NULL;
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_map(r, at, spec, "ipam", &ipam))
		return -EINVAL;
	at = WD_AT(at, "ipam");
	if (read_cidrs(r, at, ipam, "podCIDRs", node) ||
	    wd_read_map(r, at, ipam, "pools", &pools) ||
	    wd_read_list(r, WD_AT(at, "pools"), pools, "allocated", &list))
		return -EINVAL;
	at = WD_AT(WD_AT(at, "pools"), "allocated");
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);

		if (wd_read_is_hollow(r, here, e) ||
		    read_cidrs(r, here, e, "cidrs", node))
			return -EINVAL;
	}
	return 0;
}

/* Where the node's own agent answers, in @key: addresses of the node like others. */
static int read_own_end(struct wd_read *r, const struct wd_at *at,
			const struct wd_tree *spec, const char *key,
			struct wd_node *node)
{
	static const char *const fields[] = { "ipv4", "ipv6" };
	const struct wd_tree *map = NULL;

	if (wd_read_map(r, at, spec, key, &map))
		return -EINVAL;
	for (size_t i = 0; map && i < sizeof(fields) / sizeof(*fields); i++) {
		struct wd_addr addr;

		if (wd_read_addr(r, WD_AT(at, key), map, fields[i], &addr))
			return -EINVAL;
		if (addr.family && wd_read_addr_add(r, at, &addr, &node->addr,
						    &node->addr_cnt))
			return -EINVAL;
	}
	return 0;
}

int wd_read_cilium_node(struct wd_read *r, const struct wd_tree *doc,
			const struct wd_meta *meta, struct wd_object **ret_obj)
{
	static const char *const types[] = { "InternalIP", "ExternalIP",
					     "CiliumInternalIP", NULL };
	const struct wd_at *at = WD_AT(NULL, "spec");
	struct wd_object *obj =
		wd_read_object_new(r, WD_KIND_CILIUM_NODE, meta, doc->line);
	const struct wd_tree *spec = NULL;

	if (wd_read_own_labels(r, meta, NULL, NULL, &obj->node.labels) ||
	    wd_read_map(r, NULL, doc, "spec", &spec) ||
	    read_addrs(r, at, spec, "ip", types, &obj->node) ||
	    read_ipam(r, at, spec, &obj->node) ||
	    read_own_end(r, at, spec, "health", &obj->node) ||
	    read_own_end(r, at, spec, "ingress", &obj->node)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	read_node_key(r, meta, &obj->node);
	*ret_obj = obj;
	return 0;
}
