/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inspect.c - what comes to the host and to pods while the agent runs.
 *
 * A pair whose other end is in a namespace of a pod is closed at once: our
 * programs drop everything on an interface that they do not know. Then it is
 * looked at. What is found of a pod that has no end here, and what handles
 * packets before our hooks, cannot be prevented from here: it is noted and told.
 *
 * What an attacker controls: a pod makes and renames devices in its own
 * namespace, which takes a look every few seconds; it cannot make the host see
 * a new pair. So a look out of turn is caused by the host's events only, and
 * not more often than LOOK_AGAIN_MS.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../net/rtnl.h"
#include "endpoints_int.h"

#define LOOK_FIRST_MS 20 /* plugins give an address right after the pair */
#define LOOK_AGAIN_MS 1000
#define TURNS 10 /* calls of inspect after which every pod was looked at */

/* ---- newcomers ---- */

/* The pod that this number of a namespace belongs to, NULL none. */
static const struct wd_local *by_nsid(const struct wd_endpoints *eps, int nsid)
{
	const struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (local->nsid == nsid)
			return local;
	}
	return NULL;
}

static bool is_unaddressed(const struct wd_endpoints *eps)
{
	const struct wd_local *local;

	for (local = eps->locals; local; local = local->hh.next) {
		if (local->was_found && !local->ep.addr_cnt)
			return true;
	}
	return false;
}

static void look_again(struct wd_endpoints *eps, uint64_t ms)
{
	if (!wd_timer_armed(eps->look_timer))
		wd_timer_set(eps->look_timer,
			     ms > eps->look_ms ? ms : eps->look_ms);
}

static void look_around(void *ctx)
{
	struct wd_endpoints *eps = ctx;

	if (wd_endpoints_discover(eps) > 0)
		wd_agent_commit_soon(eps->agent);
	if (is_unaddressed(eps)) {
		/* Somebody is about to give one: 20 ms, 40 ms, ... */
		eps->look_ms = eps->look_ms ? 2 * eps->look_ms : LOOK_FIRST_MS;
		if (eps->look_ms < LOOK_AGAIN_MS)
			look_again(eps, 0);
		else
			eps->look_ms = LOOK_AGAIN_MS;
		return;
	}
	eps->look_ms = LOOK_AGAIN_MS;
}

int wd_endpoints_watch(struct wd_endpoints *eps)
{
	return wd_timer_new(eps->agent->loop, look_around, eps,
			    &eps->look_timer);
}

int wd_endpoints_close(struct wd_endpoints *eps, uint32_t ifindex)
{
	struct wd_agent *agent = eps->agent;
	int err = wd_map_del(agent->dp, WD_MAP_wd_endpoint, &ifindex);

	return err ? err : wd_datapath_attach(agent->dp, ifindex);
}

static void take_in(struct wd_endpoints *eps, const struct wd_local *owner,
		    const struct wd_link *link)
{
	int err = wd_endpoints_close(eps, link->ifindex);

	if (err)
		wd_err("pod '%s/%s': attaching to its new interface %s: %s, trying again",
		       owner->ep.ns, owner->ep.name, link->name, wd_errno(err));
	/* Taking up the interface may be what makes the list anew: no @owner below. */
	err = *owner->ep.netns ? wd_pod_look(eps, owner->ep.netns) : 0;
	if (err <= 0)
		(void)wd_endpoints_discover(eps);
	if (wd_local_by_ifindex(eps, link->ifindex)) {
		(void)wd_agent_commit(eps->agent);
		eps->look_ms = 0;
		look_again(eps, LOOK_FIRST_MS);
		return;
	}
	wd_debug("links: %s is no pod's after all", link->name);
	err = wd_datapath_detach(eps->agent->dp, link->ifindex);
	if (err)
		wd_warn("links: opening %s again: %s, it drops everything",
			link->name, wd_errno(err));
}

void wd_endpoints_newcomer(struct wd_endpoints *eps, const struct wd_link *link)
{
	const struct wd_local *owner;

	/* Before the first generation everything is looked at anyway. */
	if (!eps->agent->ready || !link->is_veth || link->peer_nsid < 0)
		return;
	owner = by_nsid(eps, link->peer_nsid);
	if (owner)
		take_in(eps, owner, link);
	else
		look_again(eps, LOOK_FIRST_MS);
}

/* ---- the host's interfaces ---- */

static void see_before(struct wd_endpoints *eps, struct wd_local *local)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		uint32_t prog = 0;
		int err = wd_datapath_before(eps->agent->dp, local->ep.ifindex,
					     (enum wd_dir)dir, &prog);

		if (err)
			continue; /* the check of attachments tells of it */
		if (prog && !local->blind.before[dir])
			wd_warn("endpoint '%s/%s': program %u of others runs before ours on %s",
				local->ep.ns, local->ep.name, prog,
				local->ep.host_name);
		local->blind.before[dir] = prog;
	}
}

static void see_xdp(struct wd_local *local, const struct wd_link *link)
{
	if (link->has_xdp && !local->blind.has_xdp)
		wd_warn("endpoint '%s/%s': an XDP program is on %s; what it takes our programs do not see",
			local->ep.ns, local->ep.name, local->ep.host_name);
	local->blind.has_xdp = link->has_xdp;
}

/* Return: 1 if it leads to another namespace and is no endpoint's, else 0 */
static int see_link(struct wd_endpoints *eps, const struct wd_link *link)
{
	struct wd_local *local = wd_local_by_ifindex(eps, link->ifindex);

	if (local) {
		wd_endpoints_link(eps, link, false);
		/* gone, if the index is another interface's by now */
		local = wd_local_by_ifindex(eps, link->ifindex);
	}
	if (!local)
		return link->is_veth && link->peer_nsid >= 0;
	see_xdp(local, link);
	if (local->attached)
		see_before(eps, local);
	return 0;
}

/* Return: count with *ret_list to be freed, or -errno */
static int list_host(struct wd_link **ret_list)
{
	struct wd_rtnl nl;
	int cnt = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (cnt < 0)
		return cnt;
	cnt = wd_link_list(&nl, ret_list);
	wd_rtnl_close(&nl);
	return cnt;
}

int wd_endpoints_survey(struct wd_endpoints *eps)
{
	struct wd_link *list = NULL;
	int cnt = list_host(&list);
	int strangers = 0;

	if (cnt < 0) {
		wd_warn("links: reading all interfaces: %s, ignoring",
			wd_errno(cnt));
		return cnt;
	}
	for (int i = 0; list && i < cnt; i++)
		strangers += see_link(eps, &list[i]);
	free(list);
	return strangers;
}

/* ---- the pods' devices ---- */

/* The endpoint with the next number, or again the lowest. */
static struct wd_local *after(const struct wd_endpoints *eps, uint32_t id)
{
	struct wd_local *best = NULL;
	struct wd_local *local;

	/* Distances wrap around, so that numbers up to @id are the farthest. */
	for (local = eps->locals; local; local = local->hh.next) {
		if (!best || local->id - id - 1 < best->id - id - 1)
			best = local;
	}
	return best;
}

void wd_endpoints_inspect(struct wd_endpoints *eps, bool all)
{
	uint32_t cnt = HASH_COUNT(eps->locals);
	bool has_news = false;

	if (!all)
		cnt = (cnt + TURNS - 1) / TURNS;
	for (; cnt; cnt--) {
		struct wd_local *local = after(eps, eps->inspected);

		eps->inspected = local->id;
		local->is_hidden = true; /* found again right below */
		if (*local->ep.netns)
			has_news |= wd_pod_look(eps, local->ep.netns) > 0;
	}
	if (has_news)
		wd_agent_commit_soon(eps->agent);
}

static const struct wd_local *by_id(const struct wd_endpoints *eps, uint32_t id)
{
	const struct wd_local *local;

	HASH_FIND(hh, eps->locals, &id, sizeof(id), local);
	return local;
}

const char *wd_endpoints_stray(const struct wd_endpoints *eps, uint32_t id)
{
	const struct wd_local *local = by_id(eps, id);

	return local && *local->stray.name ? wd_stray_text(&local->stray) :
					     NULL;
}

const struct wd_blind *wd_endpoints_blind(const struct wd_endpoints *eps,
					  uint32_t id)
{
	const struct wd_local *local = by_id(eps, id);

	return local ? &local->blind : NULL;
}
