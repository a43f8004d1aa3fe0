/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * advice.c - from what decided to what would have to be otherwise. The nearest
 * rule comes first, a policy of its own where none is near.
 */
#include "advice.h"

#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/rule_text.h"
#include "../model/intern.h"
#include "../model/near.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "suggest.h"

/* What it is about, found. */
struct matter {
	const struct wd_store *store;
	const struct wd_model *model;
	const struct wd_decision *hook;
	struct wd_flow flow; /* as that hook sees it */
	const struct wd_object *subject;
	const struct wd_object
		*peer; /* a pod that policy may mean by labels, or NULL */
	uint32_t others; /* backends that this hook, or theirs, denies besides */
};

/* ---- words ---- */

/* "tcp port 80", "icmp", "protocol 47" */
static char *port_words(const struct wd_flow *flow)
{
	const char *proto = wd_proto_name(flow->proto);

	if (flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP ||
	    flow->proto == IPPROTO_SCTP)
		return wd_xprintf("%s port %u", proto, flow->port);
	return proto ? wd_xstrdup(proto) :
		       wd_xprintf("protocol %u", flow->proto);
}

/* "NetworkPolicy/shop/srv ingress[0] (srv.yaml:12)" */
static char *rule_words(const struct wd_object *policy, enum wd_dir dir,
			int index)
{
	const struct wd_policy_rule *rule =
		wd_policy_rule(&policy->policy, (int)dir, (uint32_t)index);

	return wd_xprintf("%s/%s%s%s %s[%d] (%s:%u)",
			  wd_kind_name(policy->kind), policy->ns,
			  *policy->ns ? "/" : "", policy->name,
			  wd_dir_name(dir), index, policy->file,
			  rule ? rule->line : policy->line);
}

static char *req_words(const struct wd_req *req)
{
	struct wd_req copy = *req;
	const struct wd_selector one = { .cnt = 1, .req = &copy };

	return wd_selector_text(&one);
}

static const char *label_of(const struct wd_object *pod, const char *key)
{
	const struct wd_labels *labels = pod->pod.labels;

	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		if (!strcmp(labels->label[i].key, key))
			return labels->label[i].value;
	return NULL;
}

/* ---- to allow: the nearest rule ---- */

static char *near_name(const struct matter *of, const struct wd_near *near,
		       const char *rule)
{
	const struct wd_object *named_by =
		of->hook->dir == WD_INGRESS ? of->subject : of->peer;
	const char *name =
		wd_near_port_name(named_by, of->flow.proto, of->flow.port);
	char *port = port_words(&of->flow), *text;

	text = wd_xprintf("%s allows the port named '%s', but pod %s/%s calls "
			  "%s '%s': write that name, or the number, in the "
			  "rule",
			  rule, near->port->name, named_by->ns, named_by->name,
			  port, name ? name : "");
	free(port);
	return text;
}

static char *near_port(const struct matter *of, const char *rule)
{
	char *port = port_words(&of->flow), *text;

	text = wd_xprintf("%s allows this peer, on other ports only: add %s%s "
			  "to its ports",
			  rule, port,
			  wd_suggest_is_dns(&of->flow, of->peer) ?
				  ", and the same of the other of udp and tcp "
				  "(names are asked over both)," :
				  "");
	free(port);
	return text;
}

static char *near_label(const struct matter *of, const struct wd_near *near,
			const char *rule)
{
	const char *has = label_of(of->peer, near->req->key);
	char *wants = req_words(near->req), *text;

	if (has)
		text = wd_xprintf("%s allows pods with %s, and %s/%s has %s=%s:"
				  " if that pod is meant, correct the label in"
				  " the rule or on the pod",
				  rule, wants, of->peer->ns, of->peer->name,
				  near->req->key, has);
	else
		text = wd_xprintf("%s allows pods with %s, and %s/%s has no "
				  "such label: if that pod is meant, give it "
				  "the label",
				  rule, wants, of->peer->ns, of->peer->name);
	free(wants);
	return text;
}

static char *near_space(const struct matter *of, const struct wd_near *near,
			const char *rule)
{
	char *wants, *text;

	if (!near->req)
		return wd_xprintf("%s allows such pods of its own namespace "
				  "only: add a namespaceSelector that selects "
				  "'%s'",
				  rule, of->peer->ns);
	wants = req_words(near->req);
	text = wd_xprintf("%s allows such pods in namespaces with %s, which "
			  "'%s' is not: correct the selector, or the labels of "
			  "that namespace",
			  rule, wants, of->peer->ns);
	free(wants);
	return text;
}

static char *near_text(const struct matter *of, const struct wd_near *near)
{
	char *rule = rule_words(near->policy, of->hook->dir, near->rule);
	char *text = NULL;

	switch (near->lack) {
	case WD_NEAR_PORT_NAME:
		text = near_name(of, near, rule);
		break;
	case WD_NEAR_PORT:
	case WD_NEAR_PORT_OF_ANY:
		text = near_port(of, rule);
		break;
	case WD_NEAR_LABEL:
		text = near_label(of, near, rule);
		break;
	case WD_NEAR_NAMESPACE:
		text = near_space(of, near, rule);
		break;
	case WD_NEAR__MAX:
		break;
	}
	free(rule);
	return text;
}

static struct json_object *suggestion(const struct matter *of, bool closes)
{
	const struct wd_suggestion what = {
		.store = of->store,
		.dir = of->hook->dir,
		.subject = of->subject,
		.peer = of->peer,
		.flow = &of->flow,
		.closes = closes,
	};

	return wd_suggest(&what);
}

static char *own_policy_text(const struct matter *of, bool has_manifest)
{
	const char *end = of->hook->dir == WD_INGRESS ? "from" : "to";
	char *port = port_words(&of->flow), *text;

	if (!has_manifest)
		text = wd_xprintf("no rule comes near: one that allows %s %s "
				  "this peer is wanted, and labels to select "
				  "by, which a pod of the two has none of",
				  port, end);
	else
		text = wd_xprintf("no rule comes near: a policy that allows "
				  "%s %s this peer (--suggest prints one)",
				  port, end);
	free(port);
	return text;
}

/* No rule allows it: the nearest, and in any case a policy that does. */
static char *to_allow(const struct matter *of, struct json_object **manifest)
{
	struct wd_near near;

	*manifest = suggestion(of, false);
	if (wd_model_near(of->model, &of->flow, of->hook->dir, of->subject,
			  &near))
		return near_text(of, &near);
	return own_policy_text(of, *manifest != NULL);
}

/* ---- the others ---- */

static char *denied_text(const struct matter *of)
{
	char *rule, *text;

	if (!of->hook->policy || of->hook->rule < 0)
		return wd_xstrdup("warder policy list says which policy could "
				  "not be read as written: correct it");
	rule = rule_words(of->hook->policy, of->hook->dir, of->hook->rule);
	text = wd_xprintf("%s denies it, and no rule that allows goes before: "
			  "take this peer or port out of it",
			  rule);
	free(rule);
	return text;
}

static char *allowed_text(const struct matter *of)
{
	char *rule, *text;

	if (!of->hook->policy || of->hook->rule < 0)
		return NULL;
	rule = rule_words(of->hook->policy, of->hook->dir, of->hook->rule);
	text = wd_xprintf("%s allows it: take this peer or port out of it, or "
			  "deny it by a policy of a higher tier",
			  rule);
	free(rule);
	return text;
}

/* Some backends of a service: whose rules they are is another question. */
static char *late_text(const struct matter *of)
{
	char addr[WD_ADDR_STRLEN];
	const char *proto = wd_proto_name(of->flow.proto);
	bool is_v6 = of->flow.dst.family == 6;

	wd_addr_str(&of->flow.dst, addr);
	return wd_xprintf(
		"some of its backends are allowed: `warder why` of each, as of %s%s%s:%u/%s, says by which rule",
		is_v6 ? "[" : "", addr, is_v6 ? "]" : "", of->flow.port,
		proto ?: "tcp");
}

static char *open_text(const struct matter *of, struct json_object **manifest)
{
	*manifest = of->subject ? suggestion(of, true) : NULL;
	return wd_xprintf("no policy isolates the pod for %s: one that selects "
			  "it closes it to all that no rule allows%s",
			  wd_dir_name(of->hook->dir),
			  *manifest ? " (--suggest prints one)" : "");
}

/* What lets pass or drops without a rule, and who could change that. */
static char *fixed_text(enum wd_reason reason)
{
	if (reason == WD_R_HOST)
		return wd_xstrdup("what this node's own sockets send to its "
				  "pods passes, as probes must: host-ingress: "
				  "policy in the agent's configuration has it "
				  "judged");
	if (reason == WD_R_MODE_OFF)
		return wd_xstrdup("take the annotation warder.io/mode: off "
				  "from the pod or its namespace, or `mode` "
				  "from the agent's configuration");
	if (reason == WD_R_NOT_READY)
		return wd_xstrdup("warder endpoint get of the pod says what is "
				  "missing or does not fit");
	if (reason == WD_R_ENCAP_FORBIDDEN)
		return wd_xstrdup("annotate the pod's namespace with "
				  "warder.io/encapsulation: allowed, if its "
				  "pods may tunnel to nodes");
	if (reason == WD_R_SERVICE)
		return wd_xstrdup("give the service backends that are known "
				  "(EndpointSlice or selector)");
	return NULL;
}

static char *audit_text(const struct matter *of)
{
	if (of->subject && wd_model_relaxed(of->model, of->subject))
		return wd_xprintf(
			"it would be dropped: its handshakes were "
			"slow, and `warder slo set --action audit` "
			"was given; `warder slo clear %s` on this "
			"node ends it%s",
			of->subject->ns,
			of->hook->on_trial ?
				" (and warder.io/audit on the policy, "
				"where it is there)" :
				"");
	return wd_xstrdup(of->hook->on_trial ?
				  "it would be dropped: take the annotation "
				  "warder.io/audit from the policy to enforce "
				  "it" :
				  "it would be dropped: take the annotation "
				  "warder.io/mode: audit from the pod or its "
				  "namespace, or `mode` from the agent's "
				  "configuration");
}

/* ---- together ---- */

static void put(const struct matter *of, const char *to, char *text,
		struct json_object *manifest, struct json_object *array)
{
	struct json_object *obj;

	if (!text) {
		json_object_put(manifest);
		return;
	}
	obj = wd_json_push(array);
	wd_json_str(obj, "direction", wd_dir_name(of->hook->dir));
	wd_json_str(obj, "to", to);
	wd_json_str(obj, "text", text);
	wd_json_add(obj, "manifest", manifest);
	free(text);
}

/* What is done for one backend opens no other. */
static char *with_others(const struct matter *of, char *text)
{
	char *whole;

	if (!text || !of->others)
		return text;
	whole = wd_xprintf(
		"%s. %u more of the service's backends %s denied: ask again when this is done",
		text, of->others, of->others == 1 ? "is" : "are");
	free(text);
	return whole;
}

static void advise(const struct matter *of, struct json_object *array)
{
	const struct wd_decision *hook = of->hook;
	struct json_object *manifest = NULL;
	const char *to = hook->verdict == WD_ALLOW ? "deny" : "allow";
	char *text;

	if (hook->verdict == WD_AUDIT)
		put(of, "enforce", audit_text(of), NULL, array);
	if (hook->reason == WD_R_POLICY_ALLOW)
		text = allowed_text(of);
	else if (hook->reason == WD_R_NOT_ISOLATED)
		text = open_text(of, &manifest);
	else if (hook->reason == WD_R_SERVICE_LATE && *to == 'd')
		text = late_text(of);
	else if (hook->reason == WD_R_POLICY)
		text = denied_text(of);
	else if (of->subject && (hook->reason == WD_R_DEFAULT ||
				 hook->reason == WD_R_PROTO_UNSUP ||
				 hook->reason == WD_R_MCAST))
		text = to_allow(of, &manifest);
	else
		text = fixed_text(hook->reason);
	if (hook->verdict == WD_DROP)
		text = with_others(of, text);
	put(of, to, text, manifest, array);
}

/* Besides the one that is told of. */
static uint32_t other_backends(const struct wd_service_info *service,
			       enum wd_dir dir)
{
	uint32_t denied = dir == WD_INGRESS ? service->denied :
			  service->late	    ? 0 :
					  service->backends - service->allowed;

	return denied > 1 ? denied - 1 : 0;
}

/* As the rules of the hook see it: a backend, where a service leads to one. */
void wd_advise(const struct wd_advice *of, struct json_object *array)
{
	const struct wd_service_info *service = of->service;
	struct matter matter = {
		.store = of->store,
		.model = of->model,
		.hook = of->hook,
		.flow = *of->flow,
		.subject = of->subject,
		.others = other_backends(service, of->hook->dir),
	};
	struct wd_addr_info info;

	if (service->backends) {
		matter.flow.dst = service->addr;
		matter.flow.port = service->port;
	}
	wd_model_addr(of->model,
		      of->hook->dir == WD_EGRESS ? &matter.flow.dst :
						   &matter.flow.src,
		      &info);
	if (info.flags & WD_ADDR_POD && info.ns && info.name)
		matter.peer = wd_store_get(of->store, WD_KIND_POD, info.ns,
					   info.name);
	advise(&matter, array);
}

char *wd_advise_host_network(const struct wd_object *pod)
{
	char addr[WD_ADDR_STRLEN] = "";

	if (pod->pod.addr_cnt)
		wd_addr_str(&pod->pod.addr[0], addr);
	return wd_xprintf("%s/%s has hostNetwork: no policy about pods selects "
			  "it, and no rule by labels means it; to others it is "
			  "its node%s%s. Name the node's addresses in an "
			  "ipBlock, or take hostNetwork from the pod",
			  pod->ns, pod->name, *addr ? ", " : "", addr);
}
