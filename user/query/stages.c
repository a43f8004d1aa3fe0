/* SPDX-License-Identifier: GPL-2.0-only */
/* stages.c - see stages.h. */
#include "stages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../base/rule_text.h"
#include "../model/store.h"
#include "../model/way.h"
#include "../model/xalloc.h"
#include "inquiry.h"
#include "query.h"

#define PREDICATES_SHOWN 6

struct telling {
	const struct question *q;
	const struct wd_decision *hook;
	const struct end *own, *peer;
	struct wd_flow flow; /* as the rules see it: to a backend */
	struct wd_way way;
	bool has_way;
	struct json_object *array;
};

static struct json_object *put(const struct telling *t, const char *stage,
			       const char *outcome, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static struct json_object *put(const struct telling *t, const char *stage,
			       const char *outcome, const char *fmt, ...)
{
	struct json_object *obj = wd_json_push(t->array);
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	wd_json_str(obj, "stage", stage);
	wd_json_str(obj, "outcome", outcome);
	wd_json_str(obj, "text", text ?: "");
	free(text);
	return obj;
}

static bool is_out(const struct telling *t)
{
	return t->hook->dir == WD_EGRESS;
}

/* "shop/srv", or the address of who is no pod. To be freed. */
static char *name_of(const struct telling *t, const struct end *end)
{
	char addr[WD_ADDR_STRLEN];
	const struct wd_addr *at = end == &t->q->end[FROM] ? &t->flow.src :
							     &t->flow.dst;

	if (end->pod)
		return wd_xprintf("%s/%s", end->pod->ns, end->pod->name);
	return wd_xstrdup(wd_addr_str(at, addr));
}

/* ---- who ---- */

static void put_source(const struct telling *t)
{
	const struct wd_endpoint *peer = t->peer->ep;
	const struct wd_endpoint *own = t->own->ep;

	if (is_out(t) && own)
		put(t, "source", "checked",
		    "must be an address and the MAC of this pod: else SPOOF_IP, SPOOF_MAC");
	else if (is_out(t))
		put(t, "source", "none", "the node's own sockets");
	else if (t->q->flow.from_host)
		put(t, "source", "checked",
		    "a socket of this node, which is no device: nothing from outside passes for it");
	else if (peer && inquiry_is_within_node(t->q))
		put(t, "source", "checked",
		    "must come in by %s of that pod, or a bridge it hangs on: else SPOOF_IP",
		    *peer->host_name ? peer->host_name : "the device");
	else
		put(t, "source", "checked",
		    "from outside this node: must not come in by the device of a pod");
}

static void put_conntrack(const struct telling *t)
{
	struct json_object *obj = put(
		t, "conntrack", "new",
		"asked is a new flow; live ones that were judged under this generation go on, older ones are judged anew at their next packet");

	if (t->own->ep)
		wd_json_int(obj, "endpoint", t->own->ep->id);
	/* a service is what its sender sends to, a backend is who receives */
	wd_json_int(obj, "port", is_out(t) ? t->q->flow.port : t->flow.port);
}

static void put_service(const struct telling *t)
{
	const struct wd_service_info *service = &t->q->service;
	char addr[WD_ADDR_STRLEN];

	if (!is_out(t) || !service->ns)
		return;
	if (!service->backends) {
		put(t, "service", "nobody",
		    "leads to no backend that is known");
		return;
	}
	put(t, "service", service->late ? "late" : "backends",
	    "%u of %u backends allowed%s; here it is about %s port %u",
	    service->allowed, service->backends,
	    service->late ? ", judged again behind the translation" :
			    ", and each must be",
	    wd_addr_str(&service->addr, addr), service->port);
}

static void put_identity(const struct telling *t)
{
	char *own = name_of(t, t->own), *peer = name_of(t, t->peer);
	char number[16];

	snprintf(number, sizeof(number), "%u", t->hook->peer_identity);
	put(t, "identity", number, "%s is %u, %s is %u", own, t->hook->identity,
	    peer, t->hook->peer_identity);
	free(own);
	free(peer);
}

struct preds {
	char *text;
	uint32_t cnt;
};

static void add_pred(void *ctx, uint32_t pred, const char *text)
{
	struct preds *preds = ctx;
	char *both;

	(void)pred;
	if (++preds->cnt > PREDICATES_SHOWN)
		return;
	both = wd_xprintf("%s%s%s", preds->text ?: "", preds->text ? "; " : "",
			  text);
	free(preds->text);
	preds->text = both;
}

static void put_row(const struct telling *t)
{
	struct preds preds = { 0 };
	char number[16], more[32] = "";

	wd_model_row_preds(t->q->world->model, t->way.row, add_pred, &preds);
	if (preds.cnt > PREDICATES_SHOWN)
		snprintf(more, sizeof(more), "; and %u more",
			 preds.cnt - PREDICATES_SHOWN);
	snprintf(number, sizeof(number), "%u", t->way.row);
	put(t, "row", number, "%s%s",
	    preds.text ?: "nothing that a policy says is true of the peer",
	    more);
	free(preds.text);
}

/* ---- what is said of them ---- */

static void put_mode_of_node(const struct telling *t)
{
	if (t->has_way)
		put(t, "mode", t->way.tried ? "tried" : "enforce", "%s",
		    t->way.tried ?
			    "enforced until its time is over, unless confirmed: `warder policy confirm`" :
			    "what the node's own policies drop is dropped");
}

static void put_mode(const struct telling *t)
{
	struct wd_ep_info info;

	if (!t->own->ep)
		put_mode_of_node(t);
	if (!t->own->ep ||
	    wd_model_endpoint(t->q->world->model, t->own->ep->id, &info))
		return;
	put(t, "mode", wd_mode_name(info.mode), "%s%s%s",
	    info.mode == WD_MODE_ENFORCE ?
		    "what is dropped is dropped" :
	    info.mode == WD_MODE_AUDIT ?
		    "what policy drops is counted, and passes" :
		    "no policy has a say",
	    info.lifted ? "; what is cluster-wide is enforced" : "",
	    info.relaxed ? "; by `warder slo`" : "");
}

static void put_class(const struct telling *t)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", t->way.class);
	put(t, "class", number, "slot %u%s: %u rule%s about this port",
	    t->way.slot, t->hook->on_trial ? ", on trial" : "",
	    t->way.rules.cnt, t->way.rules.cnt == 1 ? "" : "s");
}

static void put_rule(const struct telling *t, uint32_t i, bool *won,
		     struct json_object *array)
{
	const struct wd_rule *rule = &t->way.rules.rule[i];
	struct json_object *obj = wd_json_push(array);
	enum wd_dir dir = t->hook->dir;
	int index = -1;
	const struct wd_object *policy =
		wd_model_rule(t->q->world->model, rule->id, &dir, &index);

	wd_json_int(obj, "id", rule->id);
	wd_json_str(obj, "action",
		    rule->action == WD_ACT_ALLOW ? "allow" : "deny");
	wd_json_bool(obj, "holds", t->way.holds[i]);
	wd_json_bool(obj, "wins", t->way.holds[i] && !*won);
	wd_json_add(obj, "rule",
		    policy ? wd_query_rule(policy, dir, index) : NULL);
	*won |= t->way.holds[i];
}

static void put_rules(const struct telling *t)
{
	struct json_object *obj, *array;
	bool won = false;

	if (t->hook->reason == WD_R_HOST) {
		put(t, "rules", "not asked",
		    "what the node's own sockets send passes before them");
		return;
	}
	for (uint32_t i = 0; i < t->way.rules.cnt; i++)
		won |= t->way.holds[i];
	obj = put(t, "rules", won ? "decides" : "none",
		  won ? "the first that is about the peer" :
			"none is about the peer");
	array = wd_json_array(obj, "rules");
	won = false;
	for (uint32_t i = 0; i < t->way.rules.cnt && i < WD_CLASS_RULES; i++)
		put_rule(t, i, &won, array);
}

/* What no rule decides passes or not for other reasons, too: see the verdict. */
static void put_tier(const struct telling *t)
{
	const struct wd_object *policy = t->hook->policy;
	const char *who = t->own->ep ? "the pod" : "the node";

	if (policy && t->hook->rule >= 0)
		put(t, "tier", wd_tier_text(policy->policy.tier),
		    "of the policy whose rule decides");
	else if (t->hook->reason == WD_R_HOST)
		put(t, "tier", "none", "no rule is asked");
	else if (t->hook->reason == WD_R_SERVICE_LATE)
		put(t, "tier", "later",
		    "of what decides behind the translation");
	else if (!t->has_way || !t->way.slot)
		put(t, "tier", "none",
		    "%s has no compiled policy that could be asked", who);
	else if (t->way.isolated)
		put(t, "tier", "default",
		    "no rule decides, and policies isolate %s in this direction%s",
		    who, t->hook->verdict == WD_DROP ? ": dropped" : "");
	else
		put(t, "tier", "default",
		    "no rule decides, and nothing isolates %s in this direction%s",
		    who, t->hook->verdict == WD_ALLOW ? ": passes" : "");
}

/* ---- the way of the packet ---- */

static void put_around(const struct telling *t)
{
	const char *needs = inquiry_encryption(t->q);
	const char *mesh = inquiry_mesh(&t->flow);
	const char *rung = t->q->world->rung;

	put(t, "encryption", needs, "%s",
	    !strcmp(needs, "required") ?
		    "only by WireGuard, which the programs of the wires see to: `warder encryption status`" :
	    !strcmp(needs, "exempt") ? "in clear, as a node is exempt" :
				       "nothing asks for it");
	put(t, "mesh", mesh ?: "none", "%s",
	    mesh ? "a tunnel: ports inside it are hidden from every rule here" :
		   "not the port of a mesh's tunnel");
	put(t, "rung", rung ?: "none", "%s",
	    !rung ? "no kernel was asked" :
	    !strcmp(rung, "minimal") ?
		    "fragments and extension headers are dropped (SHED)" :
	    !strcmp(rung, "nft") ?
		    "judged by an nftables ruleset of the same policy" :
	    !strcmp(rung, "hold") ? "what was in force last stays so" :
				    "nothing is shed");
}

static void put_verdict(const struct telling *t)
{
	put(t, "verdict", wd_verdict_name(t->hook->verdict), "%s: %s%s",
	    wd_reason_name(t->hook->reason), wd_reason_help(t->hook->reason),
	    t->hook->on_trial ? ", by what is on trial" : "");
}

void stages_put(const struct question *q, enum wd_dir dir,
		struct json_object *array)
{
	struct telling t = {
		.q = q,
		.hook = &q->hook[dir],
		.own = inquiry_at(q, inquiry_side(dir)),
		.peer = inquiry_at(q, inquiry_side(dir) == FROM ? TO : FROM),
		.flow = q->flow,
		.array = array,
	};
	struct wd_way_ask ask = { .dir = dir,
				  .on_trial = t.hook->on_trial,
				  .flow = &t.flow };

	if (!t.hook->enforced)
		return;
	if (q->service.backends) {
		t.flow.dst = q->service.addr;
		t.flow.port = q->service.port;
	}
	ask.ep = t.own->ep ? t.own->ep->id : 0;
	t.has_way = !wd_model_way(q->world->model, &ask, &t.way);
	put_source(&t);
	put_conntrack(&t);
	put_service(&t);
	put_identity(&t);
	if (t.has_way)
		put_row(&t);
	put_mode(&t);
	if (t.has_way && t.way.slot) {
		put_class(&t);
		put_rules(&t);
	}
	put_tier(&t);
	put_around(&t);
	put_verdict(&t);
}
