/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suggest.c - makes the object. What it should say is advice.c's matter.
 */
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../model/intern.h"
#include "../model/near.h"
#include "../model/store.h"
#include "../model/xalloc.h"

#define NAME_MAX_LEN 200 /* of 253, so that a number has room */

/* ---- who ---- */

/* Not the service account, which is no label of the object. */
static bool counts(const struct wd_label *label)
{
	return strcmp(label->key, WD_LABEL_ACCOUNT) != 0 &&
	       !wd_label_is_noise(label->key);
}

static bool has_labels(const struct wd_object *pod)
{
	const struct wd_labels *labels = pod->pod.labels;

	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		if (counts(&labels->label[i]))
			return true;
	return false;
}

static void put_labels(struct json_object *selector,
		       const struct wd_object *pod)
{
	struct json_object *to = wd_json_object(selector, "matchLabels");
	const struct wd_labels *labels = pod->pod.labels;

	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		if (counts(&labels->label[i]))
			wd_json_str(to, labels->label[i].key,
				    labels->label[i].value);
}

static void put_address(const struct wd_addr *addr, struct json_object *peer)
{
	char buf[WD_ADDR_STRLEN];
	const struct wd_cidr cidr = { .addr = *addr,
				      .len = addr->family == 4 ? 32 : 128 };

	wd_json_str(wd_json_object(peer, "ipBlock"), "cidr",
		    wd_cidr_str(&cidr, buf));
}

static void put_peer(const struct wd_suggestion *of, struct json_object *rule)
{
	bool in = of->dir == WD_INGRESS;
	struct json_object *peer =
		wd_json_push(wd_json_array(rule, in ? "from" : "to"));

	if (!of->peer) {
		put_address(in ? &of->flow->src : &of->flow->dst, peer);
		return;
	}
	put_labels(wd_json_object(peer, "podSelector"), of->peer);
	if (strcmp(of->peer->ns, of->subject->ns) != 0)
		wd_json_str(wd_json_object(wd_json_object(peer,
							  "namespaceSelector"),
					   "matchLabels"),
			    "kubernetes.io/metadata.name", of->peer->ns);
}

/* ---- what ---- */

bool wd_suggest_is_dns(const struct wd_flow *flow, const struct wd_object *to)
{
	const char *name = wd_near_port_name(to, flow->proto, flow->port);

	if (flow->proto != IPPROTO_UDP && flow->proto != IPPROTO_TCP)
		return false;
	return flow->port == 53 || (name && !strncmp(name, "dns", 3));
}

static void put_port(struct json_object *ports, const char *proto,
		     uint16_t port)
{
	struct json_object *obj = wd_json_push(ports);

	wd_json_str(obj, "protocol", proto);
	wd_json_int(obj, "port", port);
}

/* Of other protocols the kind knows nothing: then it is any. */
static void put_ports(const struct wd_suggestion *of, struct json_object *rule)
{
	const struct wd_flow *flow = of->flow;
	const char *proto = flow->proto == IPPROTO_TCP	? "TCP" :
			    flow->proto == IPPROTO_UDP	? "UDP" :
			    flow->proto == IPPROTO_SCTP ? "SCTP" :
							  NULL;
	const struct wd_object *to = of->dir == WD_INGRESS ? of->subject :
							     of->peer;
	struct json_object *ports;

	if (!proto)
		return;
	ports = wd_json_array(rule, "ports");
	put_port(ports, proto, flow->port);
	if (wd_suggest_is_dns(flow, to))
		put_port(ports, flow->proto == IPPROTO_UDP ? "TCP" : "UDP",
			 flow->port);
}

/* ---- the object ---- */

/* One that would take the place of another would be no small change. */
static char *free_name(const struct wd_suggestion *of)
{
	const char *dir = of->dir == WD_INGRESS ? "ingress" : "egress";
	char *stem = wd_xprintf("%s-%s-%.*s", of->closes ? "isolate" : "allow",
				dir, NAME_MAX_LEN, of->subject->name);
	char *name = wd_xstrdup(stem);

	for (uint32_t nr = 2;
	     wd_store_get(of->store, WD_KIND_NETPOL, of->subject->ns, name);
	     nr++) {
		free(name);
		name = wd_xprintf("%s-%u", stem, nr);
	}
	free(stem);
	return name;
}

static void put_meta(const struct wd_suggestion *of, struct json_object *doc)
{
	struct json_object *meta = wd_json_object(doc, "metadata");
	char *name = free_name(of);

	wd_json_str(meta, "name", name);
	wd_json_str(meta, "namespace", of->subject->ns);
	free(name);
}

struct json_object *wd_suggest(const struct wd_suggestion *of)
{
	bool in = of->dir == WD_INGRESS;
	struct json_object *doc, *spec, *rule;

	if (!has_labels(of->subject) ||
	    (of->peer && !of->closes && !has_labels(of->peer)))
		return NULL;
	doc = json_object_new_object();
	wd_json_str(doc, "apiVersion", "networking.k8s.io/v1");
	wd_json_str(doc, "kind", "NetworkPolicy");
	put_meta(of, doc);
	spec = wd_json_object(doc, "spec");
	put_labels(wd_json_object(spec, "podSelector"), of->subject);
	wd_json_push_str(wd_json_array(spec, "policyTypes"),
			 in ? "Ingress" : "Egress");
	if (of->closes)
		return doc;
	rule = wd_json_push(wd_json_array(spec, in ? "ingress" : "egress"));
	put_peer(of, rule);
	put_ports(of, rule);
	return doc;
}
