/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * document.c - a file's text into documents, Lists into items, items by kind
 * to their readers. Decides what is an object, what is not for warder, and
 * what nobody can know.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../model/object.h"
#include "read.h"

#define LIST_DEPTH 2 /* Lists in a List */
#define KUBERNETES_CORE "v1"
#define KUBERNETES_NET "networking.k8s.io/v1"
#define KUBERNETES_DISCOVERY "discovery.k8s.io/v1"
#define CILIUM "cilium.io/v2"
#define KUBERNETES_ADMIN "policy.networking.k8s.io/v1"

struct kind {
	const char *api;
	const char *name;
	enum wd_kind kind;
	bool namespaced;
	bool strict; /* an unknown field in metadata may hide which object is meant */
	int (*read)(struct wd_read *r, const struct wd_tree *doc,
		    const struct wd_meta *meta, struct wd_object **ret_obj);
};

static const struct kind kinds[] = {
	{ KUBERNETES_CORE, "Pod", WD_KIND_POD, true, false, wd_read_pod },
	{ KUBERNETES_CORE, "Namespace", WD_KIND_NAMESPACE, false, false,
	  wd_read_namespace },
	{ KUBERNETES_CORE, "Node", WD_KIND_NODE, false, false, wd_read_node },
	{ CILIUM, "CiliumNode", WD_KIND_CILIUM_NODE, false, false,
	  wd_read_cilium_node },
	{ CILIUM, "CiliumCIDRGroup", WD_KIND_CIDR_GROUP, false, true,
	  wd_read_cidr_group },
	{ CILIUM "alpha1", "CiliumCIDRGroup", WD_KIND_CIDR_GROUP, false, true,
	  wd_read_cidr_group },
	{ KUBERNETES_CORE, "Service", WD_KIND_SERVICE, true, false,
	  wd_read_service },
	{ KUBERNETES_DISCOVERY, "EndpointSlice", WD_KIND_SLICE, true, false,
	  wd_read_slice },
	{ KUBERNETES_NET, "NetworkPolicy", WD_KIND_NETPOL, true, true,
	  wd_read_netpol },
	{ CILIUM, "CiliumNetworkPolicy", WD_KIND_CILIUM_NP, true, true,
	  wd_read_cilium_np },
	{ CILIUM, "CiliumClusterwideNetworkPolicy", WD_KIND_CILIUM_CNP, false,
	  true, wd_read_cilium_cnp },
	{ KUBERNETES_ADMIN "alpha2", "ClusterNetworkPolicy", WD_KIND_CLUSTER_NP,
	  false, true, wd_read_cluster_np },
	{ KUBERNETES_ADMIN "beta1", "ClusterNetworkPolicy", WD_KIND_CLUSTER_NP,
	  false, true, wd_read_cluster_np },
	{ KUBERNETES_ADMIN "alpha1", "AdminNetworkPolicy", WD_KIND_ADMIN_NP,
	  false, true, wd_read_admin_np },
	{ KUBERNETES_ADMIN "alpha1", "BaselineAdminNetworkPolicy",
	  WD_KIND_BASELINE_NP, false, true, wd_read_baseline_np },
	{},
};

static const struct kind *find_kind(const char *api, const char *name)
{
	for (const struct kind *k = kinds; k->name; k++) {
		if (strcmp(k->api, api) == 0 && strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

/* ---- one object ---- */

static void read_known_kind(struct wd_read *r, const struct wd_tree *doc,
			    const struct kind *k)
{
	struct wd_object *obj = NULL;
	struct wd_meta meta;

	r->effect = WD_PROBLEM_KEPT;
	if (wd_read_meta(r, doc, k->namespaced, k->strict, &meta)) {
		r->fns->unreadable(r->ctx);
		return;
	}
	(void)snprintf(r->object, sizeof(r->object), "%s/%s%s%s", k->name,
		       meta.ns, *meta.ns ? "/" : "", meta.name);
	r->effect = WD_PROBLEM_KEPT;
	if (k->read(r, doc, &meta, &obj) == 0)
		r->fns->object(r->ctx, obj);
	else
		r->fns->refused(r->ctx, k->kind, meta.ns, meta.name);
	r->object[0] = '\0';
}

/*
 * Groups of Kubernetes itself ("v1", "apps/v1", "networking.k8s.io/v1") have no
 * second Pod or NetworkPolicy; other groups may have what they like.
 */
static bool is_upstream_api(const char *api)
{
	size_t len = strcspn(api, "/");

	return (len == 9 && strncmp(api, CILIUM, len) == 0) ||
	       !memchr(api, '.', len) ||
	       (len > 7 && strncmp(api + len - 7, ".k8s.io", 7) == 0);
}

/* A kind of ours written wrongly: refused, not ignored, for it may have been in force. */
static bool is_miswritten(struct wd_read *r, const struct wd_tree *doc,
			  const char *api, const char *name)
{
	if (!is_upstream_api(api))
		return false;
	for (const struct kind *k = kinds; k->name; k++) {
		if (strcasecmp(name, k->name) != 0)
			continue;
		if (strcmp(name, k->name) != 0)
			wd_read_problem(r, WD_AT(NULL, "kind"), doc->line,
					"'%.80s' is not read; write %s", name,
					k->name);
		else
			wd_read_problem(r, WD_AT(NULL, "apiVersion"), doc->line,
					"'%.80s' is not read; write %s", api,
					k->api);
		return true;
	}
	return false;
}

static void read_other_kind(struct wd_read *r, const struct wd_tree *doc,
			    const char *api, const char *name)
{
	char kind[256];

	if (is_miswritten(r, doc, api, name)) {
		r->fns->unreadable(r->ctx);
		return;
	}
	if (strcmp(api, KUBERNETES_CORE) == 0)
		(void)snprintf(kind, sizeof(kind), "%s", name);
	else
		(void)snprintf(kind, sizeof(kind), "%s %s", api, name);
	r->fns->unknown(r->ctx, kind);
}

static void read_item(struct wd_read *r, const struct wd_tree *doc,
		      const char *list_api, const char *list_kind,
		      uint32_t depth);

/* ---- Lists ---- */

static bool has_field(const struct wd_tree *map, const char *key)
{
	wd_for_each_entry(e, map) {
		if (strcmp(e->key, key) == 0)
			return true;
	}
	return false;
}

/* "PodList" is a list of Pods, "List" one of anything, and an "AllowList" may be none. */
static bool is_list(const struct wd_tree *doc, const char *api,
		    const char *name, char *item_kind, size_t size)
{
	size_t len = strlen(name);

	if (len < 4 || strcmp(name + len - 4, "List") != 0)
		return false;
	(void)snprintf(item_kind, size, "%.*s", (int)(len - 4), name);
	return has_field(doc, "items") || find_kind(api, item_kind) ||
	       (!*item_kind && strcmp(api, KUBERNETES_CORE) == 0);
}

static void read_items(struct wd_read *r, const struct wd_tree *doc,
		       const char *api, const char *item_kind, uint32_t depth)
{
	const struct wd_tree *items = NULL;

	if (!has_field(doc, "items")) {
		wd_read_problem(
			r, WD_AT(NULL, "items"), doc->line,
			"is missing; write 'items: []' if the list is empty");
		r->fns->unreadable(r->ctx);
		return;
	}
	if (wd_read_list(r, NULL, doc, "items", &items)) {
		r->fns->unreadable(r->ctx);
		return;
	}
	if (depth > LIST_DEPTH) {
		wd_read_problem(r, NULL, doc->line,
				"a List in a List in a List is not read");
		r->fns->unreadable(r->ctx);
		return;
	}
	wd_for_each_entry(e, items)
		read_item(r, e, *item_kind ? api : NULL, item_kind, depth + 1);
}

/* @list_api, @list_kind: what an item of a typed list is where it does not say. */
static void read_item(struct wd_read *r, const struct wd_tree *doc,
		      const char *list_api, const char *list_kind,
		      uint32_t depth)
{
	const char *name = NULL;
	const char *api = NULL;
	const struct kind *k;
	char item_kind[128];

	r->effect = WD_PROBLEM_KEPT;
	r->object[0] = '\0';
	if (doc->type != WD_TREE_MAP) {
		wd_read_problem(r, NULL, doc->line,
				"is no Kubernetes object (no mapping)");
		r->fns->unreadable(r->ctx);
		return;
	}
	if (wd_read_str(r, NULL, doc, "kind", &name) ||
	    wd_read_str(r, NULL, doc, "apiVersion", &api)) {
		r->fns->unreadable(r->ctx);
		return;
	}
	name = name ? name : list_kind;
	api = api ? api : list_api;
	if (!name || !*name || !api || !*api) {
		wd_read_problem(
			r, WD_AT(NULL, name && *name ? "apiVersion" : "kind"),
			doc->line, "is missing: is this a Kubernetes object?");
		r->fns->unreadable(r->ctx);
		return;
	}
	k = find_kind(api, name);
	if (k)
		read_known_kind(r, doc, k);
	else if (is_list(doc, api, name, item_kind, sizeof(item_kind)))
		read_items(r, doc, api, item_kind, depth);
	else
		read_other_kind(r, doc, api, name);
}

void wd_read_object(struct wd_read *r, const struct wd_tree *doc,
		    const char *api, const char *kind)
{
	read_item(r, doc, api, kind, LIST_DEPTH + 1);
}

static void on_document(void *ctx, const struct wd_tree *root)
{
	read_item(ctx, root, NULL, NULL, 0);
}

/* ---- texts ---- */

static void cannot_parse(struct wd_read *r, const struct wd_tree_error *error)
{
	r->effect = WD_PROBLEM_KEPT;
	r->object[0] = '\0';
	wd_read_problem(r, NULL, error->line ? error->line : 1, "%s",
			error->text);
	r->fns->unreadable(r->ctx);
}

/* A line that ends one YAML document and begins the next: "---" and no more of a word. */
static bool is_separator(const char *line)
{
	return strncmp(line, "---", 3) == 0 &&
	       (!line[3] || strchr(" \t\r\n", line[3]));
}

/* Nothing but blank lines, comments and directives: belongs to what follows. */
static bool is_preamble(const char *text, const char *end)
{
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t indent = strspn(text, " \t\r");

		if (text + indent < end && !strchr("#%\n", text[indent]))
			return false;
		text = eol ? eol + 1 : end;
	}
	return true;
}

/*
 * Each document is parsed by itself, so that one that is not YAML does not
 * hide those after it. A line of three dashes at the left edge cannot be part
 * of a value: block text is indented, and quoted text must be too (YAML 1.2,
 * 9.1.2: c-forbidden).
 */
static void read_yaml(struct wd_read *r, const char *text, size_t len)
{
	const char *end = text + len;
	const char *start = text;
	uint32_t start_line = 0;
	uint32_t line = 0;
	const char *at = text;

	while (at <= end) {
		const char *eol =
			at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;

		if (at == end || (at > start && is_separator(at) &&
				  !is_preamble(start, at))) {
			struct wd_tree_error error = { 0 };

			r->line_base = start_line;
			if (wd_yaml_read(start, (size_t)(at - start),
					 on_document, r, &error))
				cannot_parse(r, &error);
			start = at;
			start_line = line;
		}
		if (at == end)
			break;
		at = eol ? eol + 1 : end;
		line++;
	}
}

void wd_read_text(struct wd_read *r, char *text, size_t len, bool json)
{
	struct wd_tree_error error = { 0 };

	r->line_base = 0;
	text[len] = '\0';
	if (!json) {
		read_yaml(r, text, len);
		return;
	}
	if (wd_json_read(text, len, on_document, r, &error))
		cannot_parse(r, &error);
}
