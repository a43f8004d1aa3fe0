/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inquiry_doc.c - which hook decides, and the answer of `warder why` in words.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/icmp.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../model/xalloc.h"
#include "advice.h"
#include "inquiry.h"
#include "inquiry_int.h"
#include "query.h"
#include "stages.h"

/* ---- which hook decides ---- */

static bool is_same_pod(const struct question *q)
{
	const struct end *from = &q->end[FROM], *to = &q->end[TO];

	return (from->ep && from->ep == to->ep) ||
	       (from->pod && from->pod == to->pod);
}

/* A pod that should have a hook here but has none: worth an alarm. */
static bool is_unguarded(const struct question *q, enum side side)
{
	const struct end *end = inquiry_at(q, side);

	return end->pod && !end->ep && !end->pod->pod.host_network &&
	       !end->pod->pod.finished && end->pod->pod.node &&
	       !strcmp(end->pod->pod.node, q->world->node);
}

bool inquiry_is_elsewhere(const struct question *q, enum side side)
{
	const struct end *end = inquiry_at(q, side);

	return end->pod && !end->ep && !end->pod->pod.host_network &&
	       !is_unguarded(q, side);
}

/*
 * In the order of a packet: the first hook that drops, else the first that
 * would, else the one that needed a rule, else any. NULL: no hook here.
 */
static const struct wd_decision *decider(const struct question *q)
{
	const struct wd_decision *out = &q->hook[WD_EGRESS];
	const struct wd_decision *in = &q->hook[WD_INGRESS];

	if (!out->enforced || !in->enforced)
		return out->enforced ? out : in->enforced ? in : NULL;
	if (out->verdict == WD_DROP || in->verdict == WD_DROP)
		return out->verdict == WD_DROP ? out : in;
	if (out->verdict == WD_AUDIT || in->verdict == WD_AUDIT)
		return out->verdict == WD_AUDIT ? out : in;
	if (out->reason == WD_R_SERVICE_LATE)
		return out;
	if (in->reason != WD_R_POLICY_ALLOW && out->reason == WD_R_POLICY_ALLOW)
		return out;
	return in;
}

/* What does not fit is not in the tables, and that is told as what it is. */
static bool hook_drifts(const struct question *q, enum wd_dir dir)
{
	const struct wd_decision *hook = &q->hook[dir];
	const struct heard *heard = &q->heard[dir];

	if (!hook->enforced || heard->unfit)
		return false;
	if (heard->verdict != hook->table_verdict ||
	    heard->reason != hook->table_reason)
		return true;
	return heard->traced && (heard->verdict != heard->trace.verdict ||
				 heard->reason != heard->trace.reason);
}

static bool drifts(const struct question *q)
{
	return hook_drifts(q, WD_EGRESS) || hook_drifts(q, WD_INGRESS);
}

/* ---- the answer ---- */

static void put_end(const struct question *q, enum side side,
		    struct json_object *doc)
{
	static const char *const types[] = { "pod", "address", "host" };
	const struct end *end = &q->end[side];
	struct json_object *obj =
		wd_json_object(doc, side == FROM ? "from" : "to");
	const struct wd_object *pod = end->pod;
	const struct wd_decision *own =
		&q->hook[side == FROM ? WD_EGRESS : WD_INGRESS];
	const struct wd_decision *other =
		&q->hook[side == FROM ? WD_INGRESS : WD_EGRESS];
	uint32_t identity = own->enforced   ? own->identity :
			    other->enforced ? other->peer_identity :
					      end->info.identity;

	wd_json_str(obj, "type", types[end->target.type]);
	wd_json_str(obj, "namespace", pod ? pod->ns : end->info.ns);
	wd_json_str(obj, "name", pod ? pod->name : end->info.name);
	wd_query_addr(obj, "address",
		      side == FROM ? &q->flow.src : &q->flow.dst);
	wd_query_identity(obj, "identity", identity);
	wd_query_labels(obj, "labels",
			pod ? pod->pod.labels : end->info.labels);
	wd_json_str(obj, "node", pod ? pod->pod.node : NULL);
	wd_json_bool(obj, "local", end->ep != NULL);
	wd_json_bool(obj, "host", end->host);
}

static const char *hook_place(const struct question *q, enum wd_dir dir)
{
	enum side side = inquiry_side(dir);

	if (q->hook[dir].enforced)
		return "here";
	if (is_unguarded(q, side))
		return "missing";
	return inquiry_is_elsewhere(q, side) ? "elsewhere" : "none";
}

static const struct wd_object *pod_of(const struct question *q, enum wd_dir dir)
{
	return inquiry_at(q, inquiry_side(dir))->pod;
}

/* Does the rung tell who is denied? See bpf/rung.h. No kernel: as if it did. */
static bool is_rung_polite(const char *rung)
{
	return !rung || strcmp(rung, "full") == 0 ||
	       strcmp(rung, "compat") == 0;
}

static void put_decision(const struct question *q,
			 const struct wd_decision *hook,
			 struct json_object *obj)
{
	const struct wd_query_subject of = {
		.store = q->world->store,
		.model = q->world->model,
		.pod = pod_of(q, hook->dir),
		.ep = inquiry_at(q, inquiry_side(hook->dir))->ep,
	};
	struct json_object *array;

	wd_json_str(obj, "verdict", wd_verdict_name(hook->verdict));
	wd_json_bool(obj, "on_trial", hook->on_trial);
	wd_json_bool(obj, "sender_is_told",
		     hook->told && hook->verdict == WD_DROP &&
			     is_rung_polite(q->world->rung));
	wd_json_str(obj, "reason", wd_reason_name(hook->reason));
	wd_json_str(obj, "help", wd_reason_help(hook->reason));
	wd_json_add(obj, "rule",
		    hook->policy ?
			    wd_query_rule(hook->policy, hook->dir, hook->rule) :
			    NULL);
	wd_json_int(obj, "rule_id", hook->rule_id);
	array = wd_json_array(obj, "isolated_by");
	if (of.pod)
		wd_query_isolated_by(&of, hook->dir, array);
}

static struct json_object *put_said(struct json_object *obj, const char *by,
				    enum wd_verdict verdict,
				    enum wd_reason reason)
{
	struct json_object *said = wd_json_object(obj, by);

	wd_json_str(said, "verdict", wd_verdict_name(verdict));
	wd_json_str(said, "reason", wd_reason_name(reason));
	return said;
}

/* The same by whoever was asked, and the way through the maps. */
static void put_heard(const struct question *q, enum wd_dir dir,
		      struct json_object *obj)
{
	const struct wd_decision *hook = &q->hook[dir];
	const struct heard *heard = &q->heard[dir];
	const struct wd_trace *trace = &heard->trace;
	struct json_object *kernel;

	(void)put_said(obj, "objects", heard->verdict, heard->reason);
	(void)put_said(obj, "table", hook->table_verdict, hook->table_reason);
	wd_json_str(obj, "does_not_fit", heard->unfit);
	if (!heard->traced) {
		wd_json_add(obj, "kernel", NULL);
		return;
	}
	kernel = put_said(obj, "kernel", trace->verdict, trace->reason);
	wd_json_int(kernel, "generation", trace->gen);
	wd_json_int(kernel, "identity", trace->identity);
	wd_json_int(kernel, "peer_identity", trace->peer_identity);
	wd_json_int(kernel, "row", trace->row);
	wd_json_int(kernel, "slot", trace->slot);
	wd_json_int(kernel, "class", trace->class);
	wd_json_int(kernel, "rule_id", trace->rule_id);
}

static void put_hook(const struct question *q, enum wd_dir dir,
		     struct json_object *array)
{
	const struct wd_decision *hook = &q->hook[dir];
	const struct end *end = inquiry_at(q, inquiry_side(dir));
	struct json_object *obj = wd_json_push(array);

	wd_json_str(obj, "direction", wd_dir_name(dir));
	wd_json_str(obj, "where", hook_place(q, dir));
	wd_json_str(obj, "node", end->pod ? end->pod->pod.node : NULL);
	if (!hook->enforced)
		return;
	wd_json_str(obj, "interface", end->ep ? end->ep->host_name : NULL);
	put_decision(q, hook, obj);
	wd_query_identity(obj, "identity", hook->identity);
	wd_query_identity(obj, "peer_identity", hook->peer_identity);
	put_heard(q, dir, obj);
	wd_json_bool(obj, "drift", hook_drifts(q, dir));
	stages_put(q, dir, wd_json_array(obj, "stages"));
}

static void put_no_hook(const struct question *q, struct json_object *doc)
{
	wd_json_str(doc, "verdict", wd_verdict_name(WD_ALLOW));
	wd_json_str(doc, "reason", "NO_HOOK");
	wd_json_str(doc, "help",
		    is_same_pod(q) ?
			    "a pod's traffic to itself stays inside it" :
			    "no end is a guarded pod of this node, so nothing "
			    "is judged here");
	wd_json_str(doc, "direction", NULL);
	wd_json_add(doc, "rule", NULL);
	wd_json_array(doc, "isolated_by");
}

static bool is_of_cluster(const struct question *q, enum side side)
{
	const struct wd_addr_info *info = &inquiry_at(q, side)->info;
	const uint32_t known = WD_ADDR_POD | WD_ADDR_NODE | WD_ADDR_HOST;

	return (info->flags & known) ||
	       q->world->inside(q->world->ctx, &info->addr);
}

/* Of manifests both ends have a hook, whatever nodes they are on. */
bool inquiry_is_within_node(const struct question *q)
{
	const uint32_t here = WD_ADDR_LOCAL | WD_ADDR_HOST;
	const struct end *dst = inquiry_at(q, TO);
	const struct wd_object *from = q->end[FROM].pod, *to = dst->pod;

	if (!q->world->as_of || !from || !to)
		return (q->end[FROM].info.flags & here) &&
		       (dst->info.flags & here);
	return from->pod.node && to->pod.node &&
	       !strcmp(from->pod.node, to->pod.node);
}

/* Must what goes between these two be encrypted on its way to the other node? */
const char *inquiry_encryption(const struct question *q)
{
	uint32_t from = q->end[FROM].info.flags;
	uint32_t to = inquiry_at(q, TO)->info.flags;

	if (inquiry_is_within_node(q))
		return "none"; /* it crosses no wire */
	if (!((from | to) & WD_ADDR_ENCRYPT))
		return "none";
	if (!(is_of_cluster(q, FROM) && is_of_cluster(q, TO)))
		return "none";
	return (from | to) & WD_ADDR_EXEMPT ? "exempt" : "required";
}

/* Ports of mesh proxies: HBONE of Istio's ambient mode, Linkerd's proxy. */
const char *inquiry_mesh(const struct wd_flow *flow)
{
	if (flow->proto != IPPROTO_TCP)
		return NULL;
	return flow->port == 15008 ? "HBONE (Istio)" :
	       flow->port == 4143  ? "Linkerd" :
				     NULL;
}

static void warn_mesh(const struct question *q, struct json_object *warnings)
{
	const char *mesh = inquiry_mesh(&q->flow);
	char *text = NULL;

	if (!mesh)
		return;
	wd_format(&text,
		  "port %u is of tunnels of %s: the ports inside are another "
		  "matter, which no rule by port sees; rule by who may "
		  "talk to whom here, and by port in the mesh's own policy "
		  "(AuthorizationPolicy)",
		  q->flow.port, mesh);
	wd_json_push_str(warnings, text);
	free(text);
}

static void warn_unfit(const struct question *q, enum wd_dir dir,
		       struct json_object *warnings)
{
	const struct wd_object *pod = pod_of(q, dir);
	char *text;

	if (!q->heard[dir].unfit)
		return;
	text = wd_xprintf("all traffic of %s/%s is dropped: %s",
			  pod ? pod->ns : "", pod ? pod->name : "",
			  q->heard[dir].unfit);
	wd_json_push_str(warnings, text);
	free(text);
}

static void warn_host_network(const struct end *end,
			      struct json_object *warnings)
{
	char *text;

	if (!end->pod || !end->pod->pod.host_network)
		return;
	text = wd_advise_host_network(end->pod);
	wd_json_push_str(warnings, text);
	free(text);
}

/* What would allow it, but does not count. */
static void warn_refused(const struct question *q, enum wd_dir dir,
			 struct json_object *array)
{
	const struct wd_decision *hook = &q->hook[dir];
	const struct wd_object *policy = hook->refused;
	char *text;

	if (!hook->enforced || hook->verdict == WD_ALLOW || !policy)
		return;
	text = wd_xprintf(
		"%s: %s/%s%s%s %s", wd_dir_name(dir),
		wd_kind_name(policy->kind), policy->ns, *policy->ns ? "/" : "",
		policy->name,
		wd_model_policy_over(q->world->model, policy) ?
			"would allow it, but goes beyond its namespace's quota" :
			"has a rule that was not understood, which may be "
			"meant to allow it");
	wd_json_push_str(array, text);
	free(text);
}

static void put_warnings(const struct question *q, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "warnings");

	if (drifts(q))
		wd_json_push_str(array,
				 "drift: the tables of the programs do not say "
				 "what the objects say; see hooks[]");
	for (int i = 0; i < WD_DIR__MAX; i++)
		warn_unfit(q, (enum wd_dir)i, array);
	for (int side = FROM; side <= TO; side++)
		if (is_unguarded(q, (enum side)side))
			wd_json_push_str(
				array, side == FROM ?
					       "the sender is a pod of this "
					       "node whose interface is not "
					       "guarded" :
					       "the receiver is a pod of this "
					       "node whose interface is not "
					       "guarded");
	for (int side = FROM; side <= TO; side++)
		warn_host_network(inquiry_at(q, (enum side)side), array);
	warn_mesh(q, array);
	warn_refused(q, WD_EGRESS, array);
	warn_refused(q, WD_INGRESS, array);
}

/* ---- what would change it ---- */

static void put_fix(const struct question *q, enum wd_dir dir,
		    struct json_object *array)
{
	const struct wd_advice of = {
		.store = q->world->store,
		.model = q->world->model,
		.hook = &q->hook[dir],
		.flow = &q->flow,
		.service = &q->service,
		.subject = pod_of(q, dir),
	};

	wd_advise(&of, array);
}

/* Every hook that drops must change its mind; to deny, one is enough. */
static void put_fixes(const struct question *q,
		      const struct wd_decision *decides,
		      struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "fixes");

	for (int i = WD_DIR__MAX; decides && i-- > 0;) {
		const struct wd_decision *hook = &q->hook[i];

		if (hook->enforced &&
		    (hook == decides || hook->verdict == WD_DROP))
			put_fix(q, (enum wd_dir)i, array);
	}
}

/* To whom a service leads, and which of them decided. */
static void put_service(const struct question *q, struct json_object *doc)
{
	const struct wd_service_info *service = &q->service;
	struct json_object *obj;

	if (!service->ns) {
		wd_json_add(doc, "service", NULL);
		return;
	}
	obj = wd_json_object(doc, "service");
	wd_json_str(obj, "namespace", service->ns);
	wd_json_str(obj, "name", service->name);
	wd_json_int(obj, "backends", service->backends);
	wd_json_int(obj, "allowed", service->allowed);
	if (q->world->everywhere)
		wd_json_int(obj, "denied", service->denied);
	wd_json_bool(obj, "late", service->late);
	if (service->backends) {
		wd_query_addr(obj, "address", &service->addr);
		wd_json_int(obj, "port", service->port);
	}
}

static void put_flow(const struct question *q, struct json_object *doc)
{
	const char *proto = wd_proto_name(q->flow.proto);

	wd_json_int(doc, "family", q->flow.dst.family);
	wd_json_str(doc, "proto", proto);
	wd_json_int(doc, "proto_number", q->flow.proto);
	if (q->end[TO].target.icmp) {
		wd_json_int(doc, "icmp_type", q->flow.port >> 8);
		wd_json_int(doc, "icmp_code", q->flow.port & 0xff);
		wd_json_str(doc, "icmp_name",
			    wd_icmp_name(q->flow.dst.family,
					 (uint8_t)(q->flow.port >> 8)));
	}
	if (q->end[TO].target.no_ports)
		wd_json_str(doc, "port", NULL);
	else
		wd_json_int(doc, "port", q->flow.port);
	put_end(q, FROM, doc);
	put_end(q, TO, doc);
	put_service(q, doc);
}

struct json_object *inquiry_answer(const struct question *q)
{
	const struct wd_decision *hook = is_same_pod(q) ? NULL : decider(q);
	struct json_object *doc = json_object_new_object(), *hooks;
	struct wd_model_stats stats;

	wd_model_stats(q->world->model, &stats);
	if (hook) {
		put_decision(q, hook, doc);
		wd_json_str(doc, "direction", wd_dir_name(hook->dir));
	} else {
		put_no_hook(q, doc);
	}
	put_flow(q, doc);
	hooks = wd_json_array(doc, "hooks");
	if (!is_same_pod(q)) {
		put_hook(q, WD_EGRESS, hooks);
		put_hook(q, WD_INGRESS, hooks);
	}
	wd_json_bool(doc, "drift", drifts(q));
	wd_json_str(doc, "answered_by", q->by_kernel ? "kernel" : "model");
	put_warnings(q, doc);
	put_fixes(q, hook, doc);
	wd_json_str(doc, "encryption", inquiry_encryption(q));
	wd_json_str(doc, "as_of", q->world->as_of);
	if (q->world->rung)
		wd_json_int(doc, "generation", stats.gen);
	else
		wd_json_add(doc, "generation", NULL);
	wd_json_str(doc, "rung", q->world->rung);
	return doc;
}

/* Nothing of it passes here: only another node's agent can answer. */
bool inquiry_is_for_others(const struct question *q)
{
	return !decider(q) && !is_same_pod(q) &&
	       (inquiry_is_elsewhere(q, FROM) || inquiry_is_elsewhere(q, TO));
}
