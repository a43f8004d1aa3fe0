/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_server.c - the agent's side of the CNI plugin.
 *
 * ADD is answered when the endpoint is enforced, or given up after cni-wait
 * when no source has told of its pod; until then the pod's interface drops
 * everything. Which interface that is comes from the kernel, never from the
 * request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../agent/beside.h"
#include "../agent/endpoints_int.h"
#include "../base/log.h"
#include "../model/xalloc.h"

static const char *text_of(struct json_object *req, const char *key)
{
	struct json_object *v = json_object_object_get(req, key);

	return json_object_is_type(v, json_type_string) ?
		       json_object_get_string(v) :
		       "";
}

/* ---- answers ---- */

static struct json_object *state_json(const struct wd_local *local,
				      const struct wd_ep_info *info)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "endpoint", json_object_new_int64(local->id));
	json_object_object_add(o, "ifindex",
			       json_object_new_int64(local->ep.ifindex));
	json_object_object_add(o, "interface",
			       json_object_new_string(local->ep.host_name));
	json_object_object_add(
		o, "state",
		json_object_new_string(info->state == WD_EP_ENFORCED ?
					       "enforced" :
					       "not-ready"));
	return o;
}

static void wait_timeout(void *ctx)
{
	struct wd_wait *wait = ctx;
	struct wd_local *local = wait->local;

	wd_info("endpoint '%s/%s': %s", local->ep.ns, local->ep.name,
		local->attached ?
			"no source knows the pod yet; it drops everything until then" :
			"not attached in time");
	wd_ctl_on_close(wait->conn, NULL, NULL);
	if (!local->attached)
		wd_ctl_error(
			wait->conn, 1, local->ep.host_name,
			"programs are not attached: %s",
			local->attach_err ?
				wd_errno(local->attach_err) :
				"no generation that knows the pod is in force");
	else
		wd_ctl_error(
			wait->conn, 3, "pod",
			"no source has told of pod %s/%s yet; it is attached and drops everything",
			local->ep.ns, local->ep.name);
	local->wait = NULL;
	wd_timer_free(wait->timer);
	free(wait);
}

void wd_wait_finish(struct wd_endpoints *eps, struct wd_local *local,
		    bool timed_out)
{
	struct wd_wait *wait = local->wait;
	struct wd_ep_info info;

	if (!wait)
		return;
	if (timed_out) {
		wait_timeout(wait);
		return;
	}
	if (wd_model_endpoint(eps->agent->model, local->id, &info) ||
	    !local->attached || info.state == WD_EP_WAITING)
		return;
	wd_endpoints_save(eps);
	wd_ctl_on_close(wait->conn, NULL, NULL);
	if (info.state == WD_EP_TOO_LARGE)
		wd_ctl_error(wait->conn, 1, "policy",
			     "pod %s/%s drops everything: %s", local->ep.ns,
			     local->ep.name, info.error);
	else
		wd_ctl_reply(wait->conn, state_json(local, &info));
	local->wait = NULL;
	wd_timer_free(wait->timer);
	free(wait);
}

static void wait_closed(void *ctx, struct wd_ctl_conn *conn)
{
	struct wd_wait *wait = ctx;

	(void)conn;
	wait->local->wait = NULL;
	wd_timer_free(wait->timer);
	free(wait);
}

static void wait_begin(struct wd_endpoints *eps, struct wd_local *local,
		       struct wd_ctl_conn *conn)
{
	struct wd_wait *wait = wd_xcalloc(1, sizeof(*wait));

	wait->conn = conn;
	wait->local = local;
	if (wd_timer_new(eps->agent->loop, wait_timeout, wait, &wait->timer)) {
		free(wait);
		wd_ctl_error(conn, 1, "agent", "no timer for the request");
		return;
	}
	local->wait = wait;
	wd_ctl_on_close(conn, wait_closed, wait);
	wd_timer_set(wait->timer, eps->agent->config.cni_wait_ms);
}

/* ---- ADD ---- */

/* The addresses of prevResult ("10.1.0.5/24"); the prefix length does not matter here. */
static int parse_ips(struct json_object *req, struct wd_addr *addr, size_t max)
{
	struct json_object *list = json_object_object_get(req, "ips");
	size_t cnt = json_object_is_type(list, json_type_array) ?
			     json_object_array_length(list) :
			     0;
	char text[WD_ADDR_STRLEN];

	if (cnt > max)
		return -E2BIG;
	for (size_t i = 0; i < cnt; i++) {
		const char *ip = json_object_get_string(
			json_object_array_get_idx(list, i));

		if (!ip || strlen(ip) >= sizeof(text))
			return -EINVAL;
		memcpy(text, ip, strlen(ip) + 1);
		text[strcspn(text, "/")] = '\0';
		if (wd_addr_parse(text, &addr[i]))
			return -EINVAL;
	}
	return (int)cnt;
}

static const char *veth_problem(int err)
{
	switch (err) {
	case -ENODEV:
		return "no such interface in the pod's namespace";
	case -ENOTSUP:
		return "the interface is not a veth; warder-cni must be chained after a plugin that makes one";
	case -EXDEV:
		return "its peer is not in the agent's network namespace, or does not point back";
	}
	return wd_errno(err);
}

/* An older endpoint of the same attachment or on the same interface ends here. */
static void drop_older(struct wd_endpoints *eps, const char *container,
		       const char *ifname, uint32_t ifindex)
{
	struct wd_local *old = wd_local_by_container(eps, container, ifname);

	if (old)
		wd_local_drop(eps, old);
	old = wd_local_by_ifindex(eps, ifindex);
	if (old)
		wd_local_drop(eps, old);
}

static void add_found(struct wd_endpoints *eps, struct wd_ctl_conn *conn,
		      struct json_object *req, const struct wd_veth *veth)
{
	struct wd_addr addr[WD_VETH_ADDRS];
	int cnt = parse_ips(req, addr, WD_VETH_ADDRS);
	struct wd_local_spec spec = {
		.ns = text_of(req, "namespace"),
		.name = text_of(req, "pod"),
		.uid = text_of(req, "uid"),
		.container = text_of(req, "container"),
		.network = text_of(req, "network"),
		.netns = text_of(req, "netns"),
		.addr = cnt > 0 ? addr : veth->addr,
		.addr_cnt = cnt > 0 ? (size_t)cnt : veth->addr_cnt,
		.veth = veth,
	};
	struct wd_local *local;
	int err;

	if (cnt < 0) {
		wd_ctl_error(conn, 1, "ips",
			     "prevResult has an address that cannot be read");
		return;
	}
	drop_older(eps, spec.container, text_of(req, "ifname"),
		   veth->host_ifindex);
	err = wd_local_add(eps, &spec, &local);
	if (err) {
		wd_ctl_error(conn, 1, "endpoint", "%s",
			     err == -E2BIG ?
				     "more than two addresses of one family" :
				     wd_errno(err));
		return;
	}
	wait_begin(eps, local, conn);
	err = wd_agent_commit(
		eps->agent); /* attaches, and answers if the pod is known */
	if (err && local->wait)
		wd_info("endpoint '%s/%s': waits for a commit that works",
			spec.ns, spec.name);
}

/* Return: whether it was: code 3, as what is wrong may be mended. */
static bool refuse_beside(const struct wd_agent *agent,
			  struct wd_ctl_conn *conn)
{
	char *why = wd_beside_refuses(agent);

	if (!why)
		return false;
	wd_ctl_error(conn, 3, "cilium", "%s", why);
	free(why);
	return true;
}

static void cni_add(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_netdev stray;
	struct wd_veth veth;
	int stray_err;
	int err;

	if (!*text_of(req, "namespace") || !*text_of(req, "pod") ||
	    !*text_of(req, "container") || !*text_of(req, "ifname") || fd < 0) {
		wd_ctl_error(
			conn, 2, "request",
			"namespace, pod, container, ifname and a descriptor are needed");
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (refuse_beside(agent, conn)) {
		(void)close(fd);
		return;
	}
	err = wd_veth_find(fd, text_of(req, "ifname"), &veth);
	stray_err = err ? 0 : wd_pod_stray(fd, &stray);
	(void)close(fd);
	if (err)
		/* 2: no retry helps, the chain is wrong */
		wd_ctl_error(conn, err == -ENOTSUP || err == -EXDEV ? 2 : 1,
			     text_of(req, "ifname"), "%s", veth_problem(err));
	else if (stray_err)
		wd_ctl_error(conn, 1, "pod", "it would be UNENFORCED: %s",
			     stray_err < 0 ? wd_errno(stray_err) :
					     wd_stray_text(&stray));
	else
		add_found(agent->endpoints, conn, req, &veth);
}

/* ---- DEL, CHECK, GC, STATUS ---- */

static void cni_del(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_local *local = wd_local_by_container(
		agent->endpoints, text_of(req, "container"),
		text_of(req, "ifname"));

	if (fd >= 0)
		(void)close(fd);
	if (local) {
		wd_local_drop(agent->endpoints, local);
		(void)wd_agent_commit(agent);
		wd_endpoints_save(agent->endpoints);
	}
	wd_ctl_reply(conn, NULL);
}

static void cni_check(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_local *local = wd_local_by_container(
		agent->endpoints, text_of(req, "container"),
		text_of(req, "ifname"));
	struct wd_ep_info info;
	struct wd_veth veth;
	int err = fd >= 0 && local ?
			  wd_veth_find(fd, text_of(req, "ifname"), &veth) :
			  0;

	if (fd >= 0)
		(void)close(fd);
	if (!local || wd_model_endpoint(agent->model, local->id, &info)) {
		wd_ctl_error(conn, 1, "container",
			     "no endpoint of this container and interface");
		return;
	}
	if (err || (fd >= 0 && veth.host_ifindex != local->ep.ifindex)) {
		wd_ctl_error(conn, 1, local->ep.host_name, "%s",
			     err ? veth_problem(err) :
				   "the interface is another one than at ADD");
		return;
	}
	err = wd_datapath_check(agent->dp, local->ep.ifindex);
	if (err)
		wd_ctl_error(conn, 1, local->ep.host_name,
			     "programs are not attached: %s", wd_errno(err));
	else
		wd_ctl_reply(conn, state_json(local, &info));
}

/*
 * Of the asking network only: another one's attachments are not in its list.
 * Discovered pods have no container id, and the runtime may not know of them.
 */
static bool is_listed(const struct wd_endpoint *ep, const char *network)
{
	return *ep->container && strcmp(ep->network, network) == 0;
}

static bool is_valid(struct json_object *valid, const struct wd_endpoint *ep)
{
	for (size_t i = 0; i < json_object_array_length(valid); i++) {
		struct json_object *v = json_object_array_get_idx(valid, i);

		if (strcmp(text_of(v, "container"), ep->container) == 0 &&
		    strcmp(text_of(v, "ifname"), ep->pod_name) == 0)
			return true;
	}
	return false;
}

static void cni_gc(void *ctx, struct wd_ctl_conn *conn, struct json_object *req,
		   int fd)
{
	struct wd_agent *agent = ctx;
	struct json_object *valid = json_object_object_get(req, "valid");
	struct wd_local *local;
	struct wd_local *tmp;

	if (fd >= 0)
		(void)close(fd);
	if (!json_object_is_type(valid, json_type_array)) {
		wd_ctl_error(conn, 2, "valid",
			     "a list of attachments is needed");
		return;
	}
	HASH_ITER(hh, agent->endpoints->locals, local, tmp) {
		if (is_listed(&local->ep, text_of(req, "network")) &&
		    !is_valid(valid, &local->ep))
			wd_local_drop(agent->endpoints, local);
	}
	(void)wd_agent_commit(agent);
	wd_endpoints_save(agent->endpoints);
	wd_ctl_reply(conn, NULL);
}

static void cni_status(void *ctx, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;

	(void)req;
	if (fd >= 0)
		(void)close(fd);
	if (!agent->ready || agent->commit_failures)
		wd_ctl_error(conn, 3, "agent", "not ready: %s",
			     agent->commit_error ? agent->commit_error :
						   "starting");
	else if (!refuse_beside(agent, conn))
		wd_ctl_reply(conn, NULL);
}

const struct wd_ctl_cmd wd_cni_cmds[] = {
	{ "cni.add", cni_add },	      { "cni.del", cni_del },
	{ "cni.check", cni_check },   { "cni.gc", cni_gc },
	{ "cni.status", cni_status }, {},
};
