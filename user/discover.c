/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * discover.c - pods that are there without having come by CNI.
 *
 * Their namespaces are found where the kernel shows them (/proc/PID/ns/net and
 * the mounted ones of runtimes), their interfaces by following the veth pair,
 * and the pod by its address among the objects of this node. The connections
 * they have are written into the flow table as not yet judged, so that each is
 * decided in its own direction at its next packet and no permitted one is cut.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "byteorder.h"
#include "datapath/clock.h"
#include "endpoints_int.h"
#include "log.h"
#include "model/xalloc.h"
#include "net/diag.h"

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
		    const struct wd_conn *conn, uint32_t now)
{
	struct wd_ct_val val = {
		.gen = 0, /* never in force: judged again at its next packet */
		.expires = now + (conn->proto == IPPROTO_TCP ? WD_LIFE_TCP :
							       WD_LIFE_UDP),
		.dir = conn->inbound ? WD_INGRESS : WD_EGRESS,
		.flags = WD_CT_SEEDED,
		.reason = WD_R_NOT_ISOLATED,
	};
	int laddr = own_index(ep, &conn->local);
	struct wd_ct4_key k4 = { .ep = ep->id, .proto = conn->proto };
	struct wd_ct6_key k6 = { .ep = ep->id, .proto = conn->proto };

	if (laddr < 0)
		return 0;
	k4.laddr = k6.laddr = (uint8_t)laddr;
	k4.lport = k6.lport = wd_be16(conn->lport);
	k4.pport = k6.pport = wd_be16(conn->pport);
	if (conn->peer.family == 4) {
		k4.peer = wd_be32_of(conn->peer.v4);
		return wd_map_set(agent->dp, WD_MAP_wd_ct4, &k4, &val);
	}
	memcpy(k6.peer, &conn->peer.v6, sizeof(k6.peer));
	return wd_map_set(agent->dp, WD_MAP_wd_ct6, &k6, &val);
}

static void seed(struct wd_agent *agent, const struct wd_endpoint *ep,
		 int netns_fd)
{
	struct wd_conn *conns = NULL;
	int cnt = wd_diag_conns(netns_fd, &conns);
	uint32_t now = 0;
	int err = cnt < 0 ? cnt : wd_clock_ticks(&now);
	int failed = 0;

	if (err) {
		wd_warn("endpoint '%s/%s': reading its connections: %s, they may be cut",
			ep->ns, ep->name, wd_errno(err));
		free(conns);
		return;
	}
	for (int i = 0; i < cnt; i++)
		failed += seed_one(agent, ep, &conns[i], now) != 0;
	if (failed)
		wd_warn("endpoint '%s/%s': %d of %d connections could not be kept",
			ep->ns, ep->name, failed, cnt);
	free(conns);
}

/* ---- pods ---- */

static bool pod_has_addr(const struct wd_pod *pod, const struct wd_veth *veth)
{
	for (uint32_t i = 0; i < pod->addr_cnt; i++) {
		for (uint32_t k = 0; k < veth->addr_cnt; k++) {
			if (wd_addr_equal(&pod->addr[i], &veth->addr[k]))
				return true;
		}
	}
	return false;
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
		if (pod_has_addr(p, veth))
			return pod;
	}
	return NULL;
}

static int take_up(struct wd_endpoints *eps, const struct wd_object *pod,
		   const struct wd_veth *veth, const char *path, int netns_fd)
{
	struct wd_local_spec spec = {
		.ns = pod->ns,
		.name = pod->name,
		.uid = pod->uid,
		.netns = strncmp(path, "/proc/", 6) == 0 ? "" : path,
		.addr = veth->addr,
		.addr_cnt = veth->addr_cnt,
		.veth = veth,
	};
	struct wd_local *local;
	int err = wd_local_add(eps, &spec, &local);

	if (err) {
		wd_warn("pod '%s/%s': found on %s, but: %s; it is NOT enforced",
			pod->ns, pod->name, veth->host_name, wd_errno(err));
		return 0;
	}
	wd_info("endpoint '%s/%s': found on %s", pod->ns, pod->name,
		veth->host_name);
	seed(eps->agent, &local->ep, netns_fd);
	return 1;
}

/* Look at one namespace: eth0 first is the custom of runtimes, but any veth counts. */
static int look_into(struct wd_endpoints *eps, const char *path)
{
	static const char *const names[] = { "eth0", "net1", "eth1", "net2" };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int found = 0;

	if (fd < 0)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct wd_object *pod;
		struct wd_veth veth;

		if (wd_veth_find(fd, names[i], &veth) ||
		    wd_local_by_ifindex(eps, veth.host_ifindex))
			continue;
		pod = pod_with(eps->agent, &veth);
		if (pod)
			found += take_up(eps, pod, &veth, path, fd);
	}
	(void)close(fd);
	return found;
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

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (*suffix && strspn(entry->d_name, "0123456789") !=
				       strlen(entry->d_name))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s%s", dir, entry->d_name,
			     suffix) >= (int)sizeof(path))
			continue;
		if (!seen_before(seen, path))
			found += look_into(eps, path);
	}
	if (d)
		(void)closedir(d);
	return found;
}

/* A veth towards another namespace that is no endpoint: worth a look around. */
static int stranger(void *ctx, uint32_t ifindex, const char *name,
		    int peer_nsid)
{
	const struct wd_endpoints *eps = ctx;

	(void)name;
	(void)peer_nsid;
	return wd_local_by_ifindex(eps, ifindex) ? 0 : 1;
}

int wd_endpoints_discover(struct wd_endpoints *eps)
{
	struct seen seen = { 0 };
	int found = 0;

	if (wd_veth_each(stranger, eps) <= 0)
		return 0;
	(void)seen_before(&seen, "/proc/self/ns/net");
	found += look_through(eps, &seen, "/run/netns", "");
	found += look_through(eps, &seen, "/var/run/netns", "");
	found += look_through(eps, &seen, "/proc", "/ns/net");
	free(seen.ino);
	return found;
}
