/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * discover.c - pods that are there without having come by CNI.
 *
 * Their namespaces are found where the kernel shows them (/proc/PID/ns/net and
 * the mounted ones of runtimes), their interfaces by following the veth pair,
 * and the pod by its address among the objects of this node, or by another
 * interface of the same namespace that is known. The connections
 * they have are written into the flow table as not yet judged, so that each is
 * decided in its own direction at its next packet and no permitted one is cut.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/byteorder.h"
#include "../base/log.h"
#include "../model/xalloc.h"
#include "../net/diag.h"
#include "../net/netns.h"
#include "../net/rtnl.h"
#include "endpoints_int.h"

/* ---- flows ---- */

/* Index of the endpoint's own address, as the programs number it; -1 not its own. */
static int own_index(const struct wd_endpoint *ep, const struct wd_addr *addr)
{
	int index = 0;

	for (uint32_t i = 0; i < ep->addr_cnt; i++) {
		if (ep->addr[i].family != addr->family)
			continue;
		if (wd_addr_equal(&ep->addr[i], addr))
			return index;
		index++;
	}
	return -1;
}

static int seed_one(struct wd_agent *agent, const struct wd_endpoint *ep,
		    const struct wd_conn *conn)
{
	int laddr = own_index(ep, &conn->local);
	__be32 own[4] = { 0 };
	struct wd_seed_in seed = {
		.key = { .ep = ep->id,
			 .lport = wd_be16(conn->lport),
			 .pport = wd_be16(conn->pport),
			 .proto = conn->proto,
			 .laddr = (uint8_t)laddr,
			 .family = conn->peer.family },
		.life = conn->proto == IPPROTO_TCP ? WD_LIFE_TCP : WD_LIFE_UDP,
		.stat = ep->stat,
		.dir = conn->inbound ? WD_INGRESS : WD_EGRESS,
	};

	if (laddr < 0)
		return 0;
	if (conn->local.family == 4)
		own[0] = wd_be32_of(conn->local.v4);
	else
		memcpy(own, &conn->local.v6, sizeof(own));
	if (conn->peer.family == 4)
		seed.key.peer[3] = wd_be32_of(conn->peer.v4);
	else
		memcpy(seed.key.peer, &conn->peer.v6, sizeof(seed.key.peer));
	return wd_flow_seed(agent->dp, &seed, own);
}

static void seed(struct wd_agent *agent, const struct wd_endpoint *ep,
		 int netns_fd)
{
	struct wd_conn *conns = NULL;
	int cnt = wd_diag_conns(netns_fd, &conns);
	int failed = 0;

	if (cnt < 0) {
		wd_warn("endpoint '%s/%s': reading its connections: %s, they may be cut",
			ep->ns, ep->name, wd_errno(cnt));
		free(conns);
		return;
	}
	for (int i = 0; i < cnt; i++)
		failed += seed_one(agent, ep, &conns[i]) != 0;
	if (failed)
		wd_warn("endpoint '%s/%s': %d of %d connections could not be kept",
			ep->ns, ep->name, failed, cnt);
	free(conns);
}

/* ---- pods ---- */

/* Addresses for an endpoint. What is beyond WD_EP_ADDRS of a family is dropped as forged. */
struct addrs {
	struct wd_addr addr[2 * WD_EP_ADDRS];
	size_t cnt;
	uint32_t of_family[2];
};

static void addrs_add(struct addrs *to, const struct wd_addr *addr)
{
	uint32_t *cnt = &to->of_family[addr->family == 6];

	if (*cnt == WD_EP_ADDRS)
		return;
	++*cnt;
	to->addr[to->cnt++] = *addr;
}

static bool veth_has(const struct wd_veth *veth, const struct wd_addr *addr)
{
	for (uint32_t i = 0; i < veth->addr_cnt; i++) {
		if (wd_addr_equal(&veth->addr[i], addr))
			return true;
	}
	return false;
}

/* Those of @veth that the pod may use: what its object says, none other. */
static struct addrs shared_addrs(const struct wd_pod *pod,
				 const struct wd_veth *veth)
{
	struct addrs shared = { .cnt = 0 };

	for (uint32_t i = 0; i < pod->addr_cnt; i++) {
		if (veth_has(veth, &pod->addr[i]))
			addrs_add(&shared, &pod->addr[i]);
	}
	return shared;
}

static const struct wd_object *pod_with(const struct wd_agent *agent,
					const struct wd_veth *veth)
{
	const struct wd_object *pod = NULL;

	while ((pod = wd_store_next(agent->store, WD_KIND_POD, pod))) {
		const struct wd_pod *p = &pod->pod;

		if (p->finished || p->host_network ||
		    (p->node && strcmp(p->node, agent->config.node) != 0))
			continue;
		if (shared_addrs(p, veth).cnt)
			return pod;
	}
	return NULL;
}

/* Does this host send to @addr by the interface, or by the bridge it is a port of? */
static bool leads_to(const struct wd_veth *veth, const struct wd_addr *addr)
{
	struct wd_rtnl nl;
	uint32_t ifindex = 0;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return false;
	err = wd_route_get(&nl, addr, &ifindex);
	wd_rtnl_close(&nl);
	return !err && ifindex &&
	       (ifindex == veth->host_ifindex || ifindex == veth->master);
}

/*
 * Addresses of a further interface, which no object names: those in the
 * namespace that are nobody's yet. A pod chooses what stands there, so none
 * that somebody has may come to it in this way, and none that this host does
 * not itself send there: else a pod could take any address of the world.
 */
static struct addrs free_addrs(const struct wd_agent *agent,
			       const struct wd_veth *veth)
{
	struct addrs found = { .cnt = 0 };

	for (uint32_t i = 0; i < veth->addr_cnt; i++) {
		struct wd_addr_info info;

		wd_model_addr(agent->model, &veth->addr[i], &info);
		if (!info.flags && leads_to(veth, &veth->addr[i]))
			addrs_add(&found, &veth->addr[i]);
	}
	return found;
}

static int take_up(struct wd_endpoints *eps, struct wd_local_spec *spec,
		   const char *path, int netns_fd)
{
	const struct wd_veth *veth = spec->veth;
	struct wd_local *local;
	int err;

	spec->netns = strncmp(path, "/proc/", 6) == 0 ? "" : path;
	err = wd_local_add(eps, spec, &local);
	if (err) {
		wd_warn("pod '%s/%s': found on %s, but: %s; it is NOT enforced",
			spec->ns, spec->name, veth->host_name, wd_errno(err));
		return 0;
	}
	wd_info("endpoint '%s/%s': found on %s", spec->ns, spec->name,
		veth->host_name);
	seed(eps->agent, &local->ep, netns_fd);
	return 1;
}

/* Another namespace has the address of a pod that is guarded already: it is not that pod. */
static void claim_refused(struct wd_endpoints *eps, const struct wd_object *pod,
			  const struct wd_veth *veth)
{
	int err;

	if (!eps->agent->ready ||
	    wd_datapath_check(eps->agent->dp, veth->host_ifindex) == 0)
		return; /* closed already */
	err = wd_endpoints_close(eps, veth->host_ifindex);
	wd_warn("links: %s leads to an address of pod '%s/%s', which is elsewhere: %s",
		veth->host_name, pod->ns, pod->name,
		err ? wd_errno(err) : "it drops everything");
}

static int take_pod(struct wd_endpoints *eps, const struct wd_veth *veth,
		    const char *path, int netns_fd)
{
	const struct wd_object *pod = pod_with(eps->agent, veth);
	struct wd_local_spec spec = { .veth = veth };
	const struct wd_endpoint *other;
	struct addrs shared;

	if (!pod)
		return 0;
	other = wd_endpoints_find(eps->agent->endpoints, pod->ns, pod->name);
	if (other && !strcmp(other->uid, pod->uid)) {
		claim_refused(eps, pod, veth);
		return 0;
	}
	shared = shared_addrs(&pod->pod, veth);
	spec.ns = pod->ns;
	spec.name = pod->name;
	spec.uid = pod->uid;
	spec.addr = shared.addr;
	spec.addr_cnt = shared.cnt;
	return take_up(eps, &spec, path, netns_fd);
}

/* One more interface of a pod that is known by another one. */
static int take_further(struct wd_endpoints *eps, const struct wd_local *owner,
			const struct wd_veth *veth, const char *path,
			int netns_fd)
{
	struct addrs found = free_addrs(eps->agent, veth);
	struct wd_local_spec spec = {
		.ns = owner->ep.ns,
		.name = owner->ep.name,
		.uid = owner->ep.uid,
		.veth = veth,
		.addr = found.addr,
		.addr_cnt = found.cnt,
	};

	return take_up(eps, &spec, path, netns_fd);
}

/* ---- one namespace ---- */

struct space {
	const char *path;
	int fd;
	uint64_t cookie;
	struct wd_netdev *dev;
	int cnt;
};

static bool has_local(const struct space *space, const struct wd_local *local)
{
	if (space->cookie && local->ep.cookie)
		return space->cookie == local->ep.cookie;
	for (int i = 0; i < space->cnt; i++) {
		if (space->dev[i].host_ifindex == local->ep.ifindex)
			return true;
	}
	return false;
}

/* The pod that lives here, by the first of its interfaces; NULL not known. */
static const struct wd_local *owner_of(const struct wd_endpoints *eps,
				       const struct space *space)
{
	const struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (has_local(space, local))
			return local;
	}
	return NULL;
}

static int take_pairs(struct wd_endpoints *eps, const struct space *space)
{
	const struct wd_local *owner = owner_of(eps, space);
	int found = 0;

	for (int i = 0; i < space->cnt; i++) {
		const struct wd_netdev *dev = &space->dev[i];
		struct wd_veth veth;

		if (dev->way != WD_NETDEV_PAIR ||
		    wd_local_by_ifindex(eps, dev->host_ifindex) ||
		    wd_veth_find(space->fd, dev->name, &veth) ||
		    wd_local_by_ifindex(eps, veth.host_ifindex))
			continue;
		if (owner)
			found += take_further(eps, owner, &veth, space->path,
					      space->fd);
		else
			found += take_pod(eps, &veth, space->path, space->fd);
	}
	return found;
}

static const struct wd_netdev *stray_of(const struct wd_netdev *dev, int cnt)
{
	static const struct wd_netdev none;

	for (int i = 0; i < cnt; i++) {
		if (dev[i].way == WD_NETDEV_OUTSIDE)
			return &dev[i];
	}
	return &none;
}

const char *wd_stray_text(const struct wd_netdev *dev)
{
	static char text[160];

	(void)snprintf(text, sizeof(text),
		       "its device %s (%s) has no end on this host that could "
		       "be guarded",
		       dev->name, *dev->kind ? dev->kind : "hardware");
	return text;
}

/* What was said of a pod once is said again only when it changes. */
static void mark(struct wd_endpoints *eps, const struct space *space)
{
	const struct wd_netdev *stray = stray_of(space->dev, space->cnt);
	struct wd_local *local;
	bool is_told = false;

	for (local = eps->locals; local; local = local->hh.next) {
		if (!has_local(space, local))
			continue;
		local->is_hidden = false;
		if (!strcmp(local->stray.name, stray->name))
			continue;
		local->stray = *stray;
		if (*stray->name && !is_told)
			wd_warn("pod '%s/%s': UNENFORCED: %s", local->ep.ns,
				local->ep.name, wd_stray_text(stray));
		is_told = true;
	}
}

/* An interface that had no address yet when it was found has one now? */
static void read_addrs(struct wd_endpoints *eps, const struct space *space)
{
	struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		struct wd_veth veth;
		struct addrs found;

		if (!local->was_found || local->ep.addr_cnt ||
		    !has_local(space, local) ||
		    wd_veth_find(space->fd, local->ep.pod_name, &veth) ||
		    veth.host_ifindex != local->ep.ifindex || !veth.addr_cnt)
			continue;
		found = free_addrs(eps->agent, &veth);
		if (!found.cnt)
			continue;
		local->ep.addr_cnt = (uint32_t)found.cnt;
		memcpy(local->ep.addr, found.addr, sizeof(local->ep.addr));
		local->ep.ll6 = veth.ll6;
		wd_model_endpoint_set(eps->agent->model, &local->ep);
		eps->unsaved = true;
		wd_agent_commit_soon(eps->agent);
	}
}

static void seed_all(struct wd_endpoints *eps, const struct space *space)
{
	struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (has_local(space, local))
			seed(eps->agent, &local->ep, space->fd);
	}
}

int wd_pod_look(struct wd_endpoints *eps, const char *path)
{
	struct space space = { .path = path };
	int found;

	space.fd = wd_netns_open(path);
	if (space.fd < 0)
		return space.fd;
	space.cnt = wd_netdev_list(space.fd, &space.dev, &space.cookie);
	if (space.cnt < 0) {
		(void)close(space.fd);
		return space.cnt;
	}
	found = take_pairs(eps, &space);
	if (eps->is_seeding)
		seed_all(eps, &space);
	read_addrs(eps, &space);
	mark(eps, &space);
	free(space.dev);
	(void)close(space.fd);
	return found;
}

int wd_pod_stray(int netns_fd, struct wd_netdev *ret_dev)
{
	struct wd_netdev *dev = NULL;
	const struct wd_netdev *stray;
	uint64_t cookie;
	int cnt = wd_netdev_list(netns_fd, &dev, &cookie);
	bool has_one;

	if (cnt < 0)
		return cnt;
	stray = stray_of(dev, cnt);
	has_one = *stray->name;
	if (has_one)
		*ret_dev = *stray;
	free(dev);
	return has_one;
}

/* ---- namespaces ---- */

/* Namespaces already looked at in this round, by inode. */
struct seen {
	size_t cnt;
	size_t cap;
	ino_t *ino;
};

static bool seen_before(struct seen *seen, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return true;
	for (size_t i = 0; i < seen->cnt; i++) {
		if (seen->ino[i] == st.st_ino)
			return true;
	}
	seen->ino =
		wd_grow(seen->ino, seen->cnt, &seen->cap, sizeof(*seen->ino));
	seen->ino[seen->cnt++] = st.st_ino;
	return false;
}

static int look_through(struct wd_endpoints *eps, struct seen *seen,
			const char *dir, const char *suffix)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char path[NAME_MAX + 32]; /* @dir and @suffix are short */
	int found = 0;
	int got;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (*suffix && strspn(entry->d_name, "0123456789") !=
				       strlen(entry->d_name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s%s", dir, entry->d_name,
			     suffix) >= (int)sizeof(path))
			continue;
		if (seen_before(seen, path))
			continue;
		got = wd_pod_look(eps, path);
		found += got > 0 ? got : 0;
	}
	if (d)
		(void)closedir(d);
	return found;
}

/* Is a pod, or what may be one, reached by no path of ours? */
static bool is_worth_it(const struct wd_endpoints *eps, int strangers)
{
	const struct wd_local *local;

	for (local = eps->locals; local && !strangers; local = local->hh.next)
		strangers += local->is_hidden || !*local->ep.netns;
	return strangers > 0;
}

static int look_everywhere(struct wd_endpoints *eps)
{
	struct seen seen = { 0 };
	int found = 0;

	(void)seen_before(&seen, "/proc/self/ns/net");
	found += look_through(eps, &seen, "/run/netns", "");
	found += look_through(eps, &seen, "/var/run/netns", "");
	found += look_through(eps, &seen, "/proc", "/ns/net");
	free(seen.ino);
	return found;
}

int wd_endpoints_discover(struct wd_endpoints *eps)
{
	int strangers = wd_endpoints_survey(eps);

	return is_worth_it(eps, strangers) ? look_everywhere(eps) : 0;
}

void wd_endpoints_seed(struct wd_endpoints *eps)
{
	eps->is_seeding = true;
	(void)look_everywhere(eps);
	eps->is_seeding = false;
}
