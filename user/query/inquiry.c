/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inquiry.c - finds who is meant, and asks the model and the kernel's maps.
 */
#include "inquiry.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/icmp.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/opt.h"
#include "../base/target.h"
#include "../model/endpoint.h"
#include "../model/model.h"
#include "../model/nodes.h"
#include "../model/store.h"
#include "../model/trace.h"
#include "../model/xalloc.h"
#include "inquiry_int.h"

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
	       end->pod ?
		       "has no address yet" :
		       "no source has told of an address of this node, which its Node object has");
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

/* ---- what the kernel has ---- */

static void note_unfit(struct question *q, enum wd_dir dir)
{
	const struct wd_endpoint *ep = inquiry_at(q, inquiry_side(dir))->ep;
	struct wd_ep_info info;

	if (ep && !wd_model_endpoint(q->world->model, ep->id, &info) &&
	    info.state == WD_EP_TOO_LARGE)
		q->heard[dir].unfit = wd_xstrdup(info.error ?: "");
}

/* The kernel's word in place of the model's. */
static void take_trace(struct question *q, enum wd_dir dir)
{
	const struct wd_trace *trace = &q->heard[dir].trace;
	struct wd_decision *hook = &q->hook[dir];
	enum wd_dir of = dir;
	int rule = -1;

	if (trace->verdict == hook->verdict && trace->reason == hook->reason)
		return;
	hook->verdict = trace->verdict;
	hook->reason = trace->reason;
	hook->on_trial = trace->on_trial;
	hook->rule_id = trace->rule_id;
	hook->policy = trace->rule_id ?
			       wd_model_rule(q->world->model, trace->rule_id,
					     &of, &rule) :
			       NULL;
	hook->rule = hook->policy ? rule : -1;
}

/* Of a service each backend has a say, and of the host no device: see trace.h. */
static int trace_hook(struct question *q, enum wd_dir dir)
{
	const struct wd_endpoint *ep = inquiry_at(q, inquiry_side(dir))->ep;
	struct heard *heard = &q->heard[dir];
	struct wd_flow flow = q->flow;
	const struct wd_trace_ask ask = { .dir = dir,
					  .ifindex = ep ? ep->ifindex : 0,
					  .flow = &flow };
	int err;

	heard->verdict = q->hook[dir].verdict;
	heard->reason = q->hook[dir].reason;
	if (!q->hook[dir].enforced || !ep)
		return 0;
	note_unfit(q, dir);
	if (!q->world->kernel || (dir == WD_EGRESS && q->service.ns))
		return 0;
	if (q->service.backends) {
		flow.dst = q->service.addr;
		flow.port = q->service.port;
	}
	err = wd_trace(q->world->kernel, &ask, &heard->trace);
	heard->traced = !err;
	if (heard->traced && q->by_kernel)
		take_trace(q, dir);
	return err;
}

static int ask_kernel(struct question *q)
{
	int err = 0;

	for (int i = 0; i < WD_DIR__MAX && !err; i++)
		err = trace_hook(q, (enum wd_dir)i);
	if (err)
		refuse(q, 1, "kernel",
		       "its maps cannot be read: %s; --from model asks none",
		       wd_errno(err));
	return err;
}

static void find_backend(struct question *q)
{
	if (!q->service.backends)
		return;
	q->backend.target = (struct wd_target){ .type = WD_TARGET_ADDR,
						.addr = q->service.addr };
	find_addr(q->world, &q->backend);
	wd_model_addr(q->world->model, &q->service.addr, &q->backend.info);
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
	q->flow.everywhere = world->everywhere;
	/* only the node itself knows its routes */
	if (q->end[FROM].target.type == WD_TARGET_HOST && !world->as_of)
		host_source(&q->flow.dst, &q->flow.src);
	wd_model_addr(world->model, &q->flow.src, &q->end[FROM].info);
	wd_model_addr(world->model, &q->flow.dst, &q->end[TO].info);
	wd_model_why(world->model, &q->flow, world->host_policy, q->hook,
		     &q->service);
	find_backend(q);
	return ask_kernel(q);
}

static void refuse_elsewhere(struct question *q)
{
	const struct wd_object *pod =
		inquiry_at(q, inquiry_is_elsewhere(q, TO) ? TO : FROM)->pod;

	refuse(q, 1, pod->name,
	       "no hook of this node sees this traffic: ask the agent of "
	       "node '%s'",
	       pod->pod.node ?: "(not scheduled)");
}

static int choose_source(struct question *q, const char *ask)
{
	q->by_kernel = q->world->kernel && strcmp(ask, "model") != 0;
	if (q->by_kernel || strcmp(ask, "kernel") != 0)
		return 0;
	refuse(q, 1, "--from",
	       "no programs are in force that read maps (rung %s); --from "
	       "model asks the objects",
	       q->world->rung ?: "none");
	return -EOPNOTSUPP;
}

static int read_question(struct question *q, struct json_object *req)
{
	char *why = NULL;
	int err;

	q->text[FROM] = wd_json_get_str(req, "from");
	q->text[TO] = wd_json_get_str(req, "to");
	q->family = (int)wd_json_get_int(req, "family");
	if (choose_source(q, wd_json_get_str(req, "ask")))
		return -EINVAL;
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
		if (inquiry_is_for_others(q))
			refuse_elsewhere(q);
		else
			doc = inquiry_answer(q);
	}
	free(q->heard[WD_EGRESS].unfit);
	free(q->heard[WD_INGRESS].unfit);
	free(q);
	return doc;
}
