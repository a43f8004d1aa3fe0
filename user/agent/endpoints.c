/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoints.c - the registry of local pod interfaces.
 *
 * An endpoint begins with a number that was never used before, is told to the
 * model, and is attached only after a generation that knows it was published.
 * When it ends its programs stay where they are: an interface that outlives
 * its endpoint drops everything, it does not fall open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../encryption/encryption.h"
#include "../encryption/wires.h"
#include "../model/intern.h"
#include "../model/xalloc.h"
#include "adopt.h"
#include "endpoints_int.h"

int wd_endpoints_new(struct wd_agent *agent, struct wd_endpoints **ret_eps)
{
	struct wd_endpoints *eps = wd_xcalloc(1, sizeof(*eps));

	eps->agent = agent;
	eps->stat_used[WD_HOST_STAT] = true;
	eps->next_id = wd_adopt_max_endpoint_id(agent) + 1;
	*ret_eps = eps;
	return wd_endpoints_watch(eps);
}

static void local_free(struct wd_local *local)
{
	wd_str_put(local->ep.ns);
	wd_str_put(local->ep.name);
	wd_str_put(local->ep.uid);
	wd_str_put(local->ep.container);
	wd_str_put(local->ep.network);
	wd_str_put(local->ep.netns);
	free(local);
}

void wd_endpoints_free(struct wd_endpoints *eps)
{
	struct wd_local *local;
	struct wd_local *tmp;

	if (!eps)
		return;
	HASH_ITER(hh, eps->locals, local, tmp) {
		HASH_DELETE(hh, eps->locals, local);
		local_free(local);
	}
	wd_timer_free(eps->look_timer);
	free(eps);
}

/* ---- one endpoint ---- */

static int stat_get(struct wd_endpoints *eps)
{
	for (uint32_t i = 0; i < WD_ENDPOINTS_MAX; i++) {
		if (eps->stat_used[i])
			continue;
		eps->stat_used[i] = true;
		return (int)i;
	}
	return -ENOSPC;
}

static int count_family(const struct wd_local_spec *spec, uint8_t family)
{
	int cnt = 0;

	for (size_t i = 0; i < spec->addr_cnt; i++)
		cnt += spec->addr[i].family == family;
	return cnt;
}

static void fill(struct wd_endpoint *ep, const struct wd_local_spec *spec)
{
	const struct wd_veth *v = spec->veth;

	ep->ifindex = v->host_ifindex;
	ep->master = v->master;
	ep->cookie = v->cookie;
	memcpy(ep->host_name, v->host_name, sizeof(ep->host_name));
	memcpy(ep->pod_name, v->pod_name, sizeof(ep->pod_name));
	memcpy(ep->host_mac, v->host_mac, sizeof(ep->host_mac));
	memcpy(ep->pod_mac, v->pod_mac, sizeof(ep->pod_mac));
	ep->ll6 = v->ll6;
	ep->addr_cnt = (uint32_t)spec->addr_cnt;
	memcpy(ep->addr, spec->addr, spec->addr_cnt * sizeof(ep->addr[0]));
	ep->ns = wd_str_get(spec->ns);
	ep->name = wd_str_get(spec->name);
	ep->uid = wd_str_get(spec->uid ? spec->uid : "");
	ep->container = wd_str_get(spec->container ? spec->container : "");
	ep->network = wd_str_get(spec->network ? spec->network : "");
	ep->netns = wd_str_get(spec->netns ? spec->netns : "");
}

/* The programs compare with addresses that are there, so fewer is closed, not open. */
static int check_addrs(const struct wd_local_spec *spec)
{
	if (count_family(spec, 4) > WD_EP_ADDRS ||
	    count_family(spec, 6) > WD_EP_ADDRS)
		return -E2BIG;
	return 0;
}

static struct wd_local *insert(struct wd_endpoints *eps,
			       const struct wd_local_spec *spec, uint32_t id,
			       uint32_t stat)
{
	struct wd_local *local = wd_xcalloc(1, sizeof(*local));

	fill(&local->ep, spec);
	local->id = id;
	local->nsid = spec->veth->nsid;
	local->was_found = !*local->ep.container;
	local->ep.id = id;
	local->ep.stat = stat;
	HASH_ADD(hh, eps->locals, id, sizeof(local->id), local);
	wd_model_endpoint_set(eps->agent->model, &local->ep);
	eps->unsaved = true;
	return local;
}

int wd_local_add(struct wd_endpoints *eps, const struct wd_local_spec *spec,
		 struct wd_local **ret_local)
{
	int stat;
	int err = check_addrs(spec);

	if (err)
		return err;
	stat = stat_get(eps);
	if (stat < 0)
		return stat;
	err = wd_epstat_reset(eps->agent->dp, (uint32_t)stat);
	if (err) {
		eps->stat_used[stat] = false;
		return err;
	}
	*ret_local = insert(eps, spec, eps->next_id++, (uint32_t)stat);
	return 0;
}

int wd_endpoints_take(struct wd_endpoints *eps,
		      const struct wd_local_spec *spec, uint32_t id,
		      uint32_t stat, struct wd_local **ret_local)
{
	int err = check_addrs(spec);

	if (err)
		return err;
	eps->stat_used[stat] = true;
	*ret_local = insert(eps, spec, id, stat);
	return 0;
}

void wd_local_drop(struct wd_endpoints *eps, struct wd_local *local)
{
	if (local->wait)
		wd_wait_finish(eps, local, true);
	wd_model_endpoint_del(eps->agent->model, local->id);
	HASH_DELETE(hh, eps->locals, local);
	eps->stat_used[local->ep.stat] = false;
	eps->unsaved = true;
	local_free(local);
	wd_agent_commit_soon(eps->agent);
}

int wd_local_attach(struct wd_endpoints *eps, struct wd_local *local)
{
	int err;

	if (local->attached)
		return 0;
	err = wd_datapath_attach(eps->agent->dp, local->ep.ifindex);
	if (err) {
		if (err != local->attach_err)
			wd_err("endpoint '%s/%s': attaching to %s: %s, trying again",
			       local->ep.ns, local->ep.name,
			       local->ep.host_name, wd_errno(err));
		local->attach_err = err;
		return err;
	}
	local->attached = true;
	local->attach_err = 0;
	wd_wires_endpoint(wd_encryption_wires(eps->agent->encryption),
			  local->ep.ifindex);
	return 0;
}

/* ---- finding ---- */

struct wd_local *wd_local_by_ifindex(const struct wd_endpoints *eps,
				     uint32_t ifindex)
{
	struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (local->ep.ifindex == ifindex)
			return local;
	}
	return NULL;
}

struct wd_local *wd_local_by_container(const struct wd_endpoints *eps,
				       const char *container,
				       const char *ifname)
{
	struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (strcmp(local->ep.container, container) == 0 &&
		    strcmp(local->ep.pod_name, ifname) == 0)
			return local;
	}
	return NULL;
}

/* The latest instance of a pod, and of its interfaces the first. */
static bool comes_before(const struct wd_endpoint *a,
			 const struct wd_endpoint *b)
{
	return a->cookie && a->cookie == b->cookie ? a->id < b->id :
						     a->id > b->id;
}

const struct wd_endpoint *wd_endpoints_find(const struct wd_endpoints *eps,
					    const char *ns, const char *name)
{
	const struct wd_endpoint *best = NULL;

	for (const struct wd_local *local = eps->locals; local;
	     local = local->hh.next) {
		if (strcmp(local->ep.ns, ns) == 0 &&
		    strcmp(local->ep.name, name) == 0 &&
		    (!best || comes_before(&local->ep, best)))
			best = &local->ep;
	}
	return best;
}

const struct wd_endpoint *wd_endpoints_by_id(const struct wd_endpoints *eps,
					     uint32_t id)
{
	const struct wd_local *local;

	HASH_FIND(hh, eps->locals, &id, sizeof(id), local);
	return local ? &local->ep : NULL;
}

const struct wd_endpoint *wd_endpoints_by_addr(const struct wd_endpoints *eps,
					       const struct wd_addr *addr)
{
	for (const struct wd_local *local = eps->locals; local;
	     local = local->hh.next) {
		for (uint32_t i = 0; i < local->ep.addr_cnt; i++) {
			if (wd_addr_equal(&local->ep.addr[i], addr))
				return &local->ep;
		}
	}
	return NULL;
}

int wd_endpoints_trouble(const struct wd_endpoints *eps, uint32_t id)
{
	const struct wd_local *local;

	HASH_FIND(hh, eps->locals, &id, sizeof(id), local);
	if (!local || local->attached)
		return 0;
	return local->attach_err ? local->attach_err : -EINPROGRESS;
}

bool wd_endpoints_all_attached(const struct wd_endpoints *eps)
{
	for (const struct wd_local *local = eps->locals; local;
	     local = local->hh.next) {
		if (!local->attached)
			return false;
	}
	return true;
}

/* ---- staying true ---- */

/*
 * Indexes are used again, and events come late: the interface that went may be
 * the one before. Programs go with theirs, so where they are nothing is gone.
 */
static bool is_guarded(struct wd_endpoints *eps, const struct wd_local *local)
{
	return local && local->attached &&
	       wd_datapath_check(eps->agent->dp, local->ep.ifindex) == 0;
}

/*
 * The interface is no more. What the kernel's maps say of its index goes right
 * away: the next one with this index must not be taken for it.
 */
static void forget(struct wd_endpoints *eps, struct wd_local *local,
		   uint32_t ifindex)
{
	struct wd_datapath *dp = eps->agent->dp;
	int err = wd_datapath_detach(dp, ifindex); /* pins point nowhere now */

	if (err)
		wd_warn("endpoint: removing pins of interface %u: %s, ignoring",
			ifindex, wd_errno(err));
	if (!local)
		return;
	err = wd_map_del(dp, WD_MAP_wd_endpoint, &ifindex);
	if (err)
		wd_warn("endpoint '%s/%s': removing its entry: %s, the next commit tries again",
			local->ep.ns, local->ep.name, wd_errno(err));
	wd_local_drop(eps, local);
}

/* An interface changes its names and its bridge; it stays the endpoint. */
static void follow(struct wd_endpoints *eps, struct wd_local *local,
		   const struct wd_link *link)
{
	if (link->peer_nsid >= 0)
		local->nsid = link->peer_nsid;
	if (*link->name && strcmp(local->ep.host_name, link->name) != 0) {
		wd_info("endpoint '%s/%s': interface %s is called %s now",
			local->ep.ns, local->ep.name, local->ep.host_name,
			link->name);
		memcpy(local->ep.host_name, link->name,
		       sizeof(local->ep.host_name));
		eps->unsaved = true;
	}
	if (local->ep.master == link->master &&
	    (!link->has_mac ||
	     !memcmp(local->ep.host_mac, link->mac, sizeof(link->mac))))
		return;
	local->ep.master = link->master;
	if (link->has_mac)
		memcpy(local->ep.host_mac, link->mac, sizeof(link->mac));
	wd_model_endpoint_set(eps->agent->model, &local->ep);
	eps->unsaved = true;
	wd_agent_commit_soon(eps->agent);
}

/*
 * Is it another interface that has the index now? Name and hardware address of
 * one do not change in the same event. What was told of the old one, its end
 * too, may still be on its way.
 */
static bool is_other(const struct wd_local *local, const struct wd_link *link)
{
	return link->has_mac && *link->name &&
	       memcmp(link->mac, local->ep.host_mac, sizeof(link->mac)) != 0 &&
	       strcmp(link->name, local->ep.host_name) != 0;
}

void wd_endpoints_link(struct wd_endpoints *eps, const struct wd_link *link,
		       bool gone)
{
	struct wd_local *local = wd_local_by_ifindex(eps, link->ifindex);

	if (gone) {
		if (!is_guarded(eps, local))
			forget(eps, local, link->ifindex);
	} else if (local && is_other(local, link)) {
		wd_info("endpoint '%s/%s': interface %s is gone, %s has its index",
			local->ep.ns, local->ep.name, local->ep.host_name,
			link->name);
		forget(eps, local, link->ifindex);
		wd_endpoints_newcomer(eps, link);
	} else if (local) {
		follow(eps, local, link);
	} else {
		wd_endpoints_newcomer(eps, link);
	}
}

void wd_endpoints_relink(struct wd_endpoints *eps)
{
	struct wd_local *local;
	struct wd_local *tmp;

	HASH_ITER(hh, eps->locals, local, tmp) {
		struct wd_link link = { .ifindex = local->ep.ifindex };
		int err = wd_link_look(local->ep.ifindex, &link);

		if (err && err != -ENODEV)
			wd_warn("endpoint '%s/%s': asking for %s: %s, ignoring",
				local->ep.ns, local->ep.name,
				local->ep.host_name, wd_errno(err));
		else
			wd_endpoints_link(eps, &link, err == -ENODEV);
	}
	(void)wd_endpoints_survey(eps);
}

/*
 * Without programs of ours, is this still the endpoint's interface? An index is
 * used again, and then somebody else's would get this pod's rights. Names and
 * hardware addresses are given by pod or at random, one of the two at least.
 */
static bool is_same(const struct wd_local *local, const struct wd_link *link)
{
	return link->is_veth && link->has_mac &&
	       !memcmp(link->mac, local->ep.host_mac, sizeof(link->mac)) &&
	       !strcmp(link->name, local->ep.host_name);
}

static void mend(struct wd_endpoints *eps, struct wd_local *local, int err)
{
	bool repaired;

	local->attached = false;
	repaired = wd_local_attach(eps, local) == 0;
	wd_drift_tell(eps->agent, 1, repaired,
		      "endpoint '%s/%s': programs on %s: %s", local->ep.ns,
		      local->ep.name, local->ep.host_name, wd_errno(err));
}

static void check_one(struct wd_endpoints *eps, struct wd_local *local)
{
	uint32_t ifindex = local->ep.ifindex;
	int err = wd_datapath_check(eps->agent->dp, ifindex);
	struct wd_link link;
	int look;

	if (err == 0)
		return;
	look = err == -ENODEV ? err : wd_link_look(ifindex, &link);
	if (look == -ENODEV) {
		forget(eps, local, ifindex);
		return;
	}
	if (look == 0 && !is_same(local, &link)) {
		wd_info("endpoint '%s/%s': interface %u is another one now",
			local->ep.ns, local->ep.name, ifindex);
		forget(eps, local, ifindex);
		wd_endpoints_newcomer(eps, &link);
		return;
	}
	mend(eps, local, err);
}

void wd_endpoints_check(struct wd_endpoints *eps)
{
	/* No program before a generation that knows the endpoint. */
	bool is_published = eps->agent->ready && !eps->agent->commit_failures &&
			    !wd_model_dirty(eps->agent->model);
	struct wd_local *local;
	struct wd_local *tmp;

	HASH_ITER(hh, eps->locals, local, tmp) {
		if (local->attached)
			check_one(eps, local);
		else if (is_published)
			(void)wd_local_attach(eps, local);
	}
	wd_endpoints_save(eps);
}

void wd_endpoints_guard(struct wd_endpoints *eps)
{
	for (struct wd_local *local = eps->locals; local;
	     local = local->hh.next)
		(void)wd_local_attach(eps, local);
}

void wd_endpoints_committed(struct wd_endpoints *eps)
{
	struct wd_local *local;
	struct wd_local *tmp;

	HASH_ITER(hh, eps->locals, local, tmp) {
		(void)wd_local_attach(eps, local);
		if (local->wait)
			wd_wait_finish(eps, local, false);
	}
	wd_endpoints_save(
		eps); /* a restart at once finds the same numbers, so flows stay theirs */
}
