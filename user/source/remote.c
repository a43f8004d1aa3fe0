/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remote.c - reads CiliumIdentity, CiliumEndpointSlice and CiliumEndpoint.
 *
 * A value that cannot be read refuses the object as a whole, and the version
 * before stays. Which labels count is Cilium's choice and is not repeated here.
 */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/xalloc.h"
#include "read.h"

#define SOURCE "k8s:"
#define KEY_NAMESPACE "io.kubernetes.pod.namespace"
#define KEY_NS_LABEL "io.cilium.k8s.namespace.labels."
#define KEY_CLUSTER "io.cilium.k8s.policy.cluster"
#define NAMED_PORTS_MAX 1024 /* of a pod */

/* ---- what was read ---- */

void wd_remote_pod_fini(struct wd_remote_pod *pod)
{
	/* named ports are let go of by an object that has them */
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = WD_KIND_POD;
	obj->ns = pod->ns;
	obj->name = pod->name;
	obj->pod.addr = pod->addr;
	obj->pod.port = pod->port;
	obj->pod.port_cnt = pod->port_cnt;
	obj->pod.ports_shared = pod->port_cnt;
	wd_object_free(obj);
	*pod = (struct wd_remote_pod){ 0 };
}

void wd_remote_pods_fini(struct wd_remote_pods *pods)
{
	for (uint32_t i = 0; i < pods->cnt; i++)
		wd_remote_pod_fini(&pods->pod[i]);
	free(pods->pod);
	wd_str_put(pods->ns);
	wd_str_put(pods->name);
	wd_str_put(pods->uid);
	*pods = (struct wd_remote_pods){ 0 };
}

void wd_remote_identity_fini(struct wd_remote_identity *identity)
{
	wd_str_put(identity->uid);
	wd_str_put(identity->ns);
	wd_labels_put(identity->labels);
	*identity = (struct wd_remote_identity){ 0 };
}

bool wd_remote_pod_equal(const struct wd_remote_pod *a,
			 const struct wd_remote_pod *b)
{
	if (a->ns != b->ns || a->name != b->name ||
	    a->identity != b->identity || a->addr_cnt != b->addr_cnt ||
	    a->port != b->port || !wd_addr_equal(&a->node, &b->node))
		return false;
	for (uint32_t i = 0; i < a->addr_cnt; i++) {
		if (!wd_addr_equal(&a->addr[i], &b->addr[i]))
			return false;
	}
	return true;
}

/* ---- parts ---- */

/* A whole number of 32 bits; 0 where there is none. */
static int read_number(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, const char *key,
		       uint32_t *ret)
{
	const struct wd_tree *node = wd_tree_get(map, key);
	unsigned long nr = 0;

	*ret = 0;
	if (!node)
		return 0;
	if (node->type == WD_TREE_SCALAR &&
	    wd_tree_scalar(node) == WD_SCALAR_INT && strlen(node->text) < 12)
		nr = strtoul(node->text, NULL, 10);
	if (!nr || nr > UINT32_MAX) {
		wd_read_problem(r, WD_AT(at, key), node->line,
				"must be the number of an identity");
		return -EINVAL;
	}
	*ret = (uint32_t)nr;
	return 0;
}

/* networking: {node, addressing: [{ipv4, ipv6}]} */
static int read_networking(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *map, struct wd_remote_pod *pod)
{
	static const char *const keys[] = { "ipv4", "ipv6" };
	const struct wd_tree *net = NULL;
	const struct wd_tree *list = NULL;
	uint32_t index;

	if (wd_read_map(r, at, map, "networking", &net))
		return -EINVAL;
	at = WD_AT(at, "networking");
	if (wd_read_addr(r, at, net, "node", &pod->node) ||
	    wd_read_list(r, at, net, "addressing", &list))
		return -EINVAL;
	at = WD_AT(at, "addressing");
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);

		if (wd_read_is_hollow(r, here, e))
			return -EINVAL;
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
			struct wd_addr addr;

			if (wd_read_addr(r, here, e, keys[i], &addr))
				return -EINVAL;
			if (addr.family &&
			    wd_read_addr_add(r, here, &addr, &pod->addr,
					     &pod->addr_cnt))
				return -EINVAL;
		}
	}
	return 0;
}

static int compare_ports(const void *a, const void *b)
{
	const struct wd_port_name *x = a;
	const struct wd_port_name *y = b;
	int diff = strcmp(x->name, y->name);

	diff = diff ? diff : (int)x->proto - (int)y->proto;
	return diff ? diff : (int)x->port - (int)y->port;
}

/* Of a name that is there twice the lower number counts. Return: how many are left */
static uint32_t sort_ports(struct wd_port_name *port, uint32_t cnt)
{
	uint32_t left = 0;

	if (cnt > 1)
		qsort(port, cnt, sizeof(*port), compare_ports);
	for (uint32_t i = 0; i < cnt; i++) {
		if (left && port[left - 1].name == port[i].name &&
		    port[left - 1].proto == port[i].proto)
			wd_str_put(port[i].name);
		else
			port[left++] = port[i];
	}
	return left;
}

/* named-ports: [{name, port, protocol}] */
static int read_ports(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, struct wd_remote_pod *pod)
{
	const struct wd_tree *list = NULL;
	struct wd_port_name *port;
	uint32_t cnt = 0;
	uint32_t index;
	int err = 0;

	if (wd_read_list(r, at, map, "named-ports", &list))
		return -EINVAL;
	if (!list || !list->cnt)
		return 0;
	at = WD_AT(at, "named-ports");
	if (list->cnt > NAMED_PORTS_MAX) {
		wd_read_problem(r, at, list->line,
				"are %u named ports, more than %d", list->cnt,
				NAMED_PORTS_MAX);
		return -EINVAL;
	}
	port = wd_xcalloc(list->cnt, sizeof(*port));
	wd_for_each_element(e, index, list) {
		const struct wd_at *here = WD_ELEMENT(at, index);
		const struct wd_tree *nr = wd_tree_get(e, "port");
		const char *name = NULL;

		err = wd_read_is_hollow(r, here, e) ||
		      wd_read_str(r, here, e, "name", &name) ||
		      (nr && wd_read_port_nr(r, WD_AT(here, "port"), nr,
					     &port[cnt].port)) ||
		      wd_read_proto(r, here, e, &port[cnt].proto);
		if (err)
			break;
		if (name && *name && nr)
			port[cnt++].name = wd_str_get(name);
	}
	cnt = sort_ports(port, cnt);
	if (cnt) {
		pod->port = wd_ports_share(port, cnt);
		pod->port_cnt = cnt;
	} else {
		free(port);
	}
	return err ? -EINVAL : 0;
}

/* ---- CiliumEndpointSlice, CiliumEndpoint ---- */

static int read_meta(struct wd_read *r, const struct wd_tree *doc,
		     const char *kind, bool namespaced,
		     struct wd_remote_pods *pods)
{
	struct wd_meta meta;

	if (wd_read_meta(r, doc, namespaced, false, &meta))
		return -ENOENT;
	r->effect = WD_PROBLEM_KEPT;
	(void)snprintf(r->object, sizeof(r->object), "%s/%s%s%s", kind, meta.ns,
		       *meta.ns ? "/" : "", meta.name);
	pods->ns = wd_str_get(meta.ns);
	pods->name = wd_str_get(meta.name);
	pods->uid = wd_str_get(meta.uid);
	return 0;
}

static int read_member(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *e, const char *ns,
		       struct wd_remote_pod *pod)
{
	const char *name = NULL;

	if (wd_read_is_hollow(r, at, e) ||
	    wd_read_str(r, at, e, "name", &name) ||
	    wd_read_object_name(r, WD_AT(at, "name"), e->line, name ?: "") ||
	    read_number(r, at, e, "id", &pod->identity))
		return -EINVAL;
	pod->ns = wd_str_get(ns);
	pod->name = wd_str_get(name);
	return read_networking(r, at, e, pod) || read_ports(r, at, e, pod) ?
		       -EINVAL :
		       0;
}

static int compare_names(const void *a, const void *b)
{
	const struct wd_remote_pod *const *x = a;
	const struct wd_remote_pod *const *y = b;

	return ((*x)->name > (*y)->name) - ((*x)->name < (*y)->name);
}

/* A slice says one thing of a pod, or nobody knows which. */
static int look_for_twins(struct wd_read *r, const struct wd_at *at,
			  const struct wd_remote_pods *pods)
{
	const struct wd_remote_pod **all =
		wd_xcalloc(pods->cnt + 1, sizeof(*all));
	int err = 0;

	for (uint32_t i = 0; i < pods->cnt; i++)
		all[i] = &pods->pod[i];
	qsort(all, pods->cnt, sizeof(*all), compare_names);
	for (uint32_t i = 1; i < pods->cnt && !err; i++) {
		if (all[i - 1]->name != all[i]->name)
			continue;
		wd_read_problem(r, at, 0, "has the pod '%.60s' twice",
				all[i]->name);
		err = -EINVAL;
	}
	free(all);
	return err;
}

static int read_members(struct wd_read *r, const struct wd_tree *doc,
			struct wd_remote_pods *pods)
{
	const struct wd_tree *list = NULL;
	const char *ns = NULL;
	uint32_t index;

	if (wd_read_str(r, NULL, doc, "namespace", &ns) ||
	    wd_read_list(r, NULL, doc, "endpoints", &list) ||
	    wd_read_object_name(r, WD_AT(NULL, "namespace"), doc->line,
				ns ?: ""))
		return -EINVAL;
	pods->pod = wd_xcalloc(list ? list->cnt + 1 : 1, sizeof(*pods->pod));
	wd_for_each_element(e, index, list) {
		const struct wd_at *at =
			WD_ELEMENT(WD_AT(NULL, "endpoints"), index);

		if (read_member(r, at, e, ns, &pods->pod[pods->cnt++]))
			return -EINVAL;
	}
	return look_for_twins(r, WD_AT(NULL, "endpoints"), pods);
}

int wd_read_remote_slice(struct wd_read *r, const struct wd_tree *doc,
			 struct wd_remote_pods *ret_pods)
{
	struct wd_remote_pods pods = { 0 };
	int err = read_meta(r, doc, "CiliumEndpointSlice", false, &pods);

	if (!err)
		err = read_members(r, doc, &pods);
	if (err)
		wd_remote_pods_fini(&pods);
	else
		*ret_pods = pods;
	return err;
}

int wd_read_remote_endpoint(struct wd_read *r, const struct wd_tree *doc,
			    struct wd_remote_pods *ret_pods)
{
	const struct wd_at *at = WD_AT(NULL, "status");
	struct wd_remote_pods pods = { 0 };
	const struct wd_tree *status = NULL;
	const struct wd_tree *identity = NULL;
	struct wd_remote_pod *pod;
	int err = read_meta(r, doc, "CiliumEndpoint", true, &pods);

	if (err)
		return err;
	pod = pods.pod = wd_xcalloc(1, sizeof(*pod));
	pods.cnt = 1;
	pod->ns = wd_str_ref(pods.ns);
	pod->name = wd_str_ref(pods.name);
	if (wd_read_map(r, NULL, doc, "status", &status) ||
	    wd_read_map(r, at, status, "identity", &identity) ||
	    read_number(r, WD_AT(at, "identity"), identity, "id",
			&pod->identity) ||
	    read_networking(r, at, status, pod) ||
	    read_ports(r, at, status, pod)) {
		wd_remote_pods_fini(&pods);
		return -EINVAL;
	}
	*ret_pods = pods;
	return 0;
}

/* ---- CiliumIdentity ---- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Those of the namespace are told by the Namespace; reserved: and others are no labels of pods. */
static bool is_pods(const char *key)
{
	return begins(key, SOURCE) && !begins(key + 4, KEY_NS_LABEL) &&
	       strcmp(key + 4, KEY_CLUSTER) != 0 &&
	       strcmp(key + 4, KEY_NAMESPACE) != 0;
}

static int read_label(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *e, struct wd_label *label)
{
	const char *value = wd_tree_str(e);

	if (!value) {
		wd_read_problem(r, at, e->line, "must be text");
		return -EINVAL;
	}
	label->key = e->key + strlen(SOURCE);
	label->value = value;
	/* an account's name may be longer than a label's value */
	if (strcmp(label->key, WD_LABEL_ACCOUNT) == 0)
		return wd_read_object_name(r, at, e->line, value);
	if (wd_read_label_key(r, at, e->line, label->key))
		return -EINVAL;
	return wd_read_label_value(r, at, e->line, value);
}

static int read_labels(struct wd_read *r, const struct wd_tree *map,
		       struct wd_remote_identity *id)
{
	const struct wd_at *at = WD_AT(NULL, "security-labels");
	struct wd_label *label = wd_xcalloc(map->cnt + 1, sizeof(*label));
	uint32_t cnt = 0;
	int err = 0;

	wd_for_each_entry(e, map) {
		if (!is_pods(e->key))
			continue;
		err |= read_label(r, WD_AT(at, e->key), e, &label[cnt]);
		if (err)
			break;
		cnt++;
	}
	if (!err)
		err = wd_read_label_cnt(r, at, map->line, cnt);
	if (!err)
		id->labels = wd_labels_get(label, cnt);
	free(label);
	return err;
}

/* "1234": nothing but digits, and one cluster's. */
static uint32_t parse_name(const char *name)
{
	unsigned long nr = strlen(name) < 11 && strspn(name, "0123456789") ==
							strlen(name) ?
				   strtoul(name, NULL, 10) :
				   0;

	return nr <= UINT32_MAX ? (uint32_t)nr : 0;
}

int wd_read_remote_identity(struct wd_read *r, const struct wd_tree *doc,
			    struct wd_remote_identity *ret_identity)
{
	const struct wd_at *at = WD_AT(NULL, "security-labels");
	struct wd_remote_identity id = { 0 };
	const struct wd_tree *map = NULL;
	const char *ns = NULL;
	struct wd_meta meta;

	if (wd_read_meta(r, doc, false, false, &meta))
		return -ENOENT;
	r->effect = WD_PROBLEM_KEPT;
	(void)snprintf(r->object, sizeof(r->object), "CiliumIdentity/%s",
		       meta.name);
	id.number = parse_name(meta.name);
	if (!id.number) {
		wd_read_problem(r, WD_AT(WD_AT(NULL, "metadata"), "name"),
				doc->line, "must be a number");
		return -EINVAL;
	}
	if (wd_read_map(r, NULL, doc, "security-labels", &map) ||
	    wd_read_str(r, at, map, SOURCE KEY_NAMESPACE, &ns))
		return -EINVAL;
	if (!ns) {
		wd_read_problem(r, WD_AT(at, SOURCE KEY_NAMESPACE), doc->line,
				"is missing: whose labels are these?");
		return -EINVAL;
	}
	if (read_labels(r, map, &id))
		return -EINVAL;
	id.uid = wd_str_get(meta.uid);
	id.ns = wd_str_get(ns);
	*ret_identity = id;
	return 0;
}
