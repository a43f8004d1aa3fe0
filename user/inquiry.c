/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inquiry.c - finds who is meant, asks the model, and says which hook decides.
 */
#include "inquiry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "advice.h"
#include "icmp.h"
#include "json.h"
#include "model/endpoint.h"
#include "model/model.h"
#include "model/nodes.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "names.h"
#include "opt.h"
#include "query.h"
#include "target.h"

/* One end of the flow, found. */
struct end {
	struct wd_target target;
	const struct wd_object *pod; /* NULL: not a pod that a source told of */
	const struct wd_endpoint *ep; /* NULL: no interface of this node */
	struct wd_addr addr[2]; /* IPv4, IPv6; family 0: it has none */
	bool host; /* sockets of this host, or a pod in its namespace */
	struct wd_addr_info info; /* of the address asked about */
};

struct question {
	const struct wd_world *world;
	struct wd_refusal *refusal;
	const char *text[2]; /* as given, by enum side */
	int family; /* 4, 6; 0: whichever both have, IPv4 first */
	struct end end[2];
	struct wd_flow flow;
	struct wd_decision hook[WD_DIR__MAX];
	struct wd_service_info service;
};

enum side {
	FROM,
	TO,
};

static void refuse(struct question *q, int code, const char *where,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void refuse(struct question *q, int code, const char *where,
		   const char *fmt, ...)
{
	va_list ap;

	q->refusal->code = code;
	q->refusal->where = wd_xstrdup(where);
	va_start(ap, fmt);
	if (vasprintf(&q->refusal->text, fmt, ap) < 0)
		q->refusal->text = wd_xstrdup("");
	va_end(ap);
}

static enum side side_of(enum wd_dir dir)
{
	return dir == WD_EGRESS ? FROM : TO;
}

/* ---- who is meant ---- */

static void add_addr(struct end *end, const struct wd_addr *addr)
{
	struct wd_addr *slot = &end->addr[addr->family == 6];

	if (addr->family && !slot->family)
		*slot = *addr;
}

static void find_pod(const struct wd_world *world, struct end *end,
		     const char *ns, const char *name)
{
	const struct wd_object *pod =
		wd_store_get(world->store, WD_KIND_POD, ns, name);

	end->pod = pod;
	end->ep = world->by_pod(world->ctx, ns, name);
	if (end->ep)
		for (uint32_t i = 0; i < end->ep->addr_cnt; i++)
			add_addr(end, &end->ep->addr[i]);
	if (!pod)
		return;
	if (!pod->pod.finished)
		for (uint32_t i = 0; i < pod->pod.addr_cnt; i++)
			add_addr(end, &pod->pod.addr[i]);
	end->host = pod->pod.host_network && pod->pod.node &&
		    !strcmp(pod->pod.node, world->node);
}

static void find_addr(const struct wd_world *world, struct end *end)
{
	struct wd_addr_info info;

	end->ep = world->by_addr(world->ctx, &end->target.addr);
	wd_model_addr(world->model, &end->target.addr, &info);
	if (end->ep)
		end->pod = wd_store_get(world->store, WD_KIND_POD, end->ep->ns,
					end->ep->name);
	else if (info.flags & WD_ADDR_POD && info.ns && info.name)
		end->pod = wd_store_get(world->store, WD_KIND_POD, info.ns,
					info.name);
	end->host = info.flags & WD_ADDR_HOST;
	add_addr(end, &end->target.addr);
}

static void take_host_addr(void *ctx, const struct wd_addr_info *info)
{
	struct end *end = ctx;
	const struct wd_addr *addr = &info->addr;
	bool local = addr->family == 4 ?
			     (ntohl(addr->v4.s_addr) >> 24) == 127 :
			     IN6_IS_ADDR_LOOPBACK(&addr->v6) ||
				     IN6_IS_ADDR_LINKLOCAL(&addr->v6);

	if (info->flags & WD_ADDR_HOST && !local)
		add_addr(end, addr);
}

/* The node object's addresses first: those a cluster knows this host by. */
static void find_host(const struct wd_world *world, struct end *end)
{
	const struct wd_object *node =
		wd_nodes_object(world->store, world->node);

	end->host = true;
	if (node)
		for (uint32_t i = 0; i < node->node.addr_cnt; i++)
			add_addr(end, &node->node.addr[i]);
	wd_model_addrs(world->model, take_host_addr, end);
}

static int find_end(struct question *q, enum side side)
{
	struct end *end = &q->end[side];

	switch (end->target.type) {
	case WD_TARGET_POD:
		find_pod(q->world, end, end->target.ns, end->target.name);
		if (end->pod || end->ep)
			break;
		refuse(q, 1, q->text[side], "no source has told of this pod");
		return -ENOENT;
	case WD_TARGET_ADDR:
		find_addr(q->world, end);
		break;
	case WD_TARGET_HOST:
		find_host(q->world, end);
		break;
	}
	if (end->addr[0].family || end->addr[1].family)
		return 0;
	refuse(q, 1, q->text[side],
	       end->pod && end->pod->pod.finished ?
		       "this pod has finished, its addresses are free" :
		       "has no address yet");
	return -ENOENT;
}

/* ---- what is asked ---- */

/* The address this host would send from; no packet is sent to find out. */
static void host_source(const struct wd_addr *to, struct wd_addr *from)
{
	int fd = socket(to->family == 6 ? AF_INET6 : AF_INET,
			SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} sa = {};
	socklen_t len = to->family == 6 ? sizeof(sa.v6) : sizeof(sa.v4);

	if (fd < 0)
		return; /* the node's own address stays */
	sa.any.sa_family = to->family == 6 ? AF_INET6 : AF_INET;
	if (to->family == 6) {
		sa.v6.sin6_addr = to->v6;
		sa.v6.sin6_port = htons(9);
	} else {
		sa.v4.sin_addr = to->v4;
		sa.v4.sin_port = htons(9);
	}
	if (!connect(fd, &sa.any, len) && !getsockname(fd, &sa.any, &len)) {
		if (to->family == 6)
			from->v6 = sa.v6.sin6_addr;
		else
			from->v4 = sa.v4.sin_addr;
	}
	close(fd);
}

static int choose_family(struct question *q)
{
	for (int family = 4; family <= 6; family += 2) {
		int i = family == 6;

		if (q->family && q->family != family)
			continue;
		if (!q->end[FROM].addr[i].family || !q->end[TO].addr[i].family)
			continue;
		q->flow.src = q->end[FROM].addr[i];
		q->flow.dst = q->end[TO].addr[i];
		return 0;
	}
	if (q->family)
		refuse(q, 1, "", "%s and %s do not both have IPv%d",
		       q->text[FROM], q->text[TO], q->family);
	else
		refuse(q, 1, "", "%s and %s have no address family in common",
		       q->text[FROM], q->text[TO]);
	return -EAFNOSUPPORT;
}

/* Type and code stand for the port. */
static int choose_type(struct question *q)
{
	const struct wd_target *to = &q->end[TO].target;
	uint8_t family = q->flow.dst.family;
	const char *text = *to->icmp_type ? to->icmp_type : "EchoRequest";
	int type = *text >= '0' && *text <= '9' ? (int)strtoul(text, NULL, 10) :
						  wd_icmp_find(family, text);

	q->flow.proto = family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (type >= 0)
		q->flow.port = (uint16_t)(type << 8 | to->icmp_code);
	if (type >= 0 && wd_icmp_opens(family, (uint8_t)type))
		return 0;
	refuse(q, 1, q->text[TO],
	       type < 0 ? "ICMP of IPv%d has no type '%s'" :
			  "of IPv%d: no rule decides about %s, which "
			  "belongs to a flow or to the link",
	       family, text);
	return -EINVAL;
}

static int choose_port(struct question *q)
{
	const struct wd_target *to = &q->end[TO].target;
	const struct wd_object *pod = q->end[TO].pod;

	q->flow.port = to->port;
	q->flow.proto = to->proto;
	if (to->icmp)
		return choose_type(q);
	if (!*to->port_name)
		return 0;
	for (uint32_t i = 0; pod && i < pod->pod.port_cnt; i++) {
		const struct wd_port_name *port = &pod->pod.port[i];

		if (port->proto != to->proto ||
		    strcmp(port->name, to->port_name) != 0)
			continue;
		q->flow.port = port->port;
		return 0;
	}
	refuse(q, 1, q->text[TO],
	       pod ? "the pod has no %s port of the name '%s'" :
		     "not a pod, so it has no %s port named '%s'",
	       wd_proto_name(to->proto), to->port_name);
	return -ENOENT;
}

static int ask(struct question *q)
{
	const struct wd_world *world = q->world;
	int err = find_end(q, FROM) ?: find_end(q, TO);

	err = err ?: choose_family(q) ?: choose_port(q);
	if (err)
		return err;
	q->flow.from_host = q->end[FROM].host;
	q->flow.late = world->late;
	/* only the node itself knows its routes */
	if (q->end[FROM].target.type == WD_TARGET_HOST && !world->as_of)
		host_source(&q->flow.dst, &q->flow.src);
	wd_model_addr(world->model, &q->flow.src, &q->end[FROM].info);
	wd_model_addr(world->model, &q->flow.dst, &q->end[TO].info);
	wd_model_why(world->model, &q->flow, world->host_policy, q->hook,
		     &q->service);
	return 0;
}

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
	const struct end *end = &q->end[side];

	return end->pod && !end->ep && !end->pod->pod.host_network &&
	       !end->pod->pod.finished && end->pod->pod.node &&
	       !strcmp(end->pod->pod.node, q->world->node);
}

static bool is_elsewhere(const struct question *q, enum side side)
{
	const struct end *end = &q->end[side];

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

static bool hook_drifts(const struct wd_decision *hook)
{
	return hook->enforced && (hook->verdict != hook->table_verdict ||
				  hook->reason != hook->table_reason);
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
	enum side side = side_of(dir);

	if (q->hook[dir].enforced)
		return "here";
	if (is_unguarded(q, side))
		return "missing";
	return is_elsewhere(q, side) ? "elsewhere" : "none";
}

static const struct wd_object *pod_of(const struct question *q, enum wd_dir dir)
{
	return q->end[side_of(dir)].pod;
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
	const struct wd_object *pod = pod_of(q, hook->dir);
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
	if (pod)
		wd_query_isolated_by(q->world->store, q->world->model, pod,
				     hook->dir, array);
}

static void put_hook(const struct question *q, enum wd_dir dir,
		     struct json_object *array)
{
	const struct wd_decision *hook = &q->hook[dir];
	const struct end *end = &q->end[side_of(dir)];
	struct json_object *obj = wd_json_push(array), *table;

	wd_json_str(obj, "direction", wd_dir_name(dir));
	wd_json_str(obj, "where", hook_place(q, dir));
	wd_json_str(obj, "node", end->pod ? end->pod->pod.node : NULL);
	if (!hook->enforced)
		return;
	wd_json_str(obj, "interface", end->ep ? end->ep->host_name : NULL);
	put_decision(q, hook, obj);
	wd_query_identity(obj, "identity", hook->identity);
	wd_query_identity(obj, "peer_identity", hook->peer_identity);
	table = wd_json_object(obj, "table");
	wd_json_str(table, "verdict", wd_verdict_name(hook->table_verdict));
	wd_json_str(table, "reason", wd_reason_name(hook->table_reason));
	wd_json_bool(obj, "drift", hook_drifts(hook));
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
	const struct wd_addr_info *info = &q->end[side].info;
	const uint32_t known = WD_ADDR_POD | WD_ADDR_NODE | WD_ADDR_HOST;

	return (info->flags & known) ||
	       q->world->inside(q->world->ctx, &info->addr);
}

/* Of manifests both ends have a hook, whatever nodes they are on. */
static bool is_within_node(const struct question *q)
{
	const uint32_t here = WD_ADDR_LOCAL | WD_ADDR_HOST;
	const struct wd_object *from = q->end[FROM].pod, *to = q->end[TO].pod;

	if (!q->world->as_of || !from || !to)
		return (q->end[FROM].info.flags & here) &&
		       (q->end[TO].info.flags & here);
	return from->pod.node && to->pod.node &&
	       !strcmp(from->pod.node, to->pod.node);
}

/* Must what goes between these two be encrypted on its way to the other node? */
static const char *encryption_of(const struct question *q)
{
	uint32_t from = q->end[FROM].info.flags, to = q->end[TO].info.flags;

	if (is_within_node(q))
		return "none"; /* it crosses no wire */
	if (!((from | to) & WD_ADDR_ENCRYPT))
		return "none";
	if (!(is_of_cluster(q, FROM) && is_of_cluster(q, TO)))
		return "none";
	return (from | to) & WD_ADDR_EXEMPT ? "exempt" : "required";
}

/* Ports of mesh proxies: HBONE of Istio's ambient mode, Linkerd's proxy. */
static const char *mesh_of(const struct wd_flow *flow)
{
	if (flow->proto != IPPROTO_TCP)
		return NULL;
	return flow->port == 15008 ? "HBONE (Istio)" :
	       flow->port == 4143  ? "Linkerd" :
				     NULL;
}

static void warn_mesh(const struct question *q, struct json_object *warnings)
{
	const char *mesh = mesh_of(&q->flow);
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

static void put_warnings(const struct question *q, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "warnings");

	if (hook_drifts(&q->hook[WD_EGRESS]) ||
	    hook_drifts(&q->hook[WD_INGRESS]))
		wd_json_push_str(array,
				 "drift: the tables of the programs do not say "
				 "what the objects say; see hooks[].table");
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
		warn_host_network(&q->end[side], array);
	warn_mesh(q, array);
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

static struct json_object *answer(const struct question *q)
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
	wd_json_bool(doc, "drift",
		     hook_drifts(&q->hook[WD_EGRESS]) ||
			     hook_drifts(&q->hook[WD_INGRESS]));
	put_warnings(q, doc);
	put_fixes(q, hook, doc);
	wd_json_str(doc, "encryption", encryption_of(q));
	wd_json_str(doc, "as_of", q->world->as_of);
	if (q->world->rung)
		wd_json_int(doc, "generation", stats.gen);
	else
		wd_json_add(doc, "generation", NULL);
	wd_json_str(doc, "rung", q->world->rung);
	return doc;
}

/* Nothing of it passes here: only another node's agent can answer. */
static bool is_for_others(const struct question *q)
{
	return !decider(q) && !is_same_pod(q) &&
	       (is_elsewhere(q, FROM) || is_elsewhere(q, TO));
}

static void refuse_elsewhere(struct question *q)
{
	const struct wd_object *pod =
		q->end[is_elsewhere(q, TO) ? TO : FROM].pod;

	refuse(q, 1, pod->name,
	       "no hook of this node sees this traffic: ask the agent of "
	       "node '%s'",
	       pod->pod.node ?: "(not scheduled)");
}

static int read_question(struct question *q, struct json_object *req)
{
	char *why = NULL;
	int err;

	q->text[FROM] = wd_json_get_str(req, "from");
	q->text[TO] = wd_json_get_str(req, "to");
	q->family = (int)wd_json_get_int(req, "family");
	err = wd_target_from(q->text[FROM], &q->end[FROM].target, &why);
	if (err)
		refuse(q, 2, "FROM", "%s", why ?: "");
	free(why);
	if (err)
		return err;
	why = NULL;
	err = wd_target_to(q->text[TO], &q->end[TO].target, &why);
	if (err)
		refuse(q, 2, "TO", "%s", why ?: "");
	free(why);
	return err;
}

struct json_object *wd_inquire(const struct wd_world *world,
			       struct json_object *req,
			       struct wd_refusal *ret_refusal)
{
	struct question *q = wd_xcalloc(1, sizeof(*q)); /* two KiB */
	struct json_object *doc = NULL;

	*ret_refusal = (struct wd_refusal){ 0 };
	q->world = world;
	q->refusal = ret_refusal;
	if (!read_question(q, req) && !ask(q)) {
		if (is_for_others(q))
			refuse_elsewhere(q);
		else
			doc = answer(q);
	}
	free(q);
	return doc;
}
