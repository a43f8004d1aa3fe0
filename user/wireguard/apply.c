/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * apply.c - carries out the steps of a plan, one by one. Decides nothing but the
 * MTU, which the routes to the other nodes tell.
 */
#include "apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/opt.h"
#include "../model/xalloc.h"
#include "../net/linkset.h"
#include "plan.h"
#include "set.h"

#define MTU_MIN 1280 /* of IPv6 */

struct applying {
	const struct wd_wg_cluster *cluster;
	const struct wd_wg_apply *opts;
	struct wd_rtnl nl;
	struct wd_wg_set set;
	bool set_is_open;
	uint32_t ifindex; /* 0 no link yet */
	/* what is there */
	struct wd_wg_state state;
	struct wd_wg_has has;
	struct wd_addr *addr;
	struct wd_cidr *route;
	char **error;
};

static int fail(struct applying *a, int err, const char *what)
{
	wd_format(a->error, "%s: %s", what, wd_errno(err));
	return err;
}

/* ---- looking ---- */

static int look_at_addrs(struct applying *a)
{
	struct wd_ifaddr *list = NULL;
	int cnt = wd_ifaddr_list(&a->nl, a->ifindex, &list);

	if (cnt < 0)
		return fail(a, cnt, "the addresses cannot be read");
	a->addr = wd_xcalloc((size_t)cnt + 1, sizeof(*a->addr));
	for (int i = 0; i < cnt; i++)
		a->addr[i] = list[i].addr;
	free(list);
	a->has.addr = a->addr;
	a->has.addr_cnt = (uint32_t)cnt;
	return 0;
}

static int look_at_link(struct applying *a, const struct wd_link *link)
{
	int cnt;

	if (strcmp(link->kind, "wireguard") != 0) {
		wd_format(a->error, "%s is there, and is no WireGuard device",
			  link->name);
		return -EEXIST;
	}
	a->ifindex = link->ifindex;
	a->has.mtu = link->mtu;
	a->has.dev = wd_wg_device_find(&a->state, link->name);
	if (!a->has.dev)
		return fail(a, -ENODEV, "the device cannot be read");
	cnt = wd_route_list(&a->nl, a->ifindex, &a->route);
	if (cnt < 0)
		return fail(a, cnt, "the routes cannot be read");
	a->has.route = a->route;
	a->has.route_cnt = (uint32_t)cnt;
	return look_at_addrs(a);
}

static int look(struct applying *a)
{
	struct wd_link link;
	int err = wd_rtnl_open(&a->nl, -1, NETLINK_ROUTE);

	if (err)
		return fail(a, err, "no netlink socket");
	err = wd_wg_read(-1, &a->state);
	if (err)
		return fail(a, err, "the devices cannot be read");
	err = wd_link_get(&a->nl, 0, a->opts->device, &link);
	if (err == -ENODEV)
		return 0;
	return err ? fail(a, err, "the link cannot be read") :
		     look_at_link(a, &link);
}

/*
 * So that what is encrypted fits on the way to every node. 0 where no way is
 * known; what leads by the device itself is no way.
 */
static uint32_t mtu_for(struct applying *a)
{
	uint32_t seen = 0, least = UINT32_MAX;

	for (uint32_t i = 0; i < a->cluster->node_cnt; i++) {
		const struct wd_wg_node *node = &a->cluster->node[i];
		uint32_t oif = 0;
		struct wd_link link;

		if (node->is_self || !node->addr_cnt ||
		    wd_route_get(&a->nl, &node->addr[0], &oif) || !oif ||
		    oif == a->ifindex || oif == seen)
			continue;
		seen = oif;
		if (!wd_link_get(&a->nl, oif, NULL, &link) && link.mtu < least)
			least = link.mtu;
	}
	if (least == UINT32_MAX)
		return 0;
	return least < MTU_MIN + WD_WG_OVERHEAD ? MTU_MIN :
						  least - WD_WG_OVERHEAD;
}

/* ---- doing ---- */

static int make_link(struct applying *a)
{
	struct wd_link link = { 0 };
	int err = wd_link_create(&a->nl, a->opts->device, "wireguard");

	if (!err)
		err = wd_link_get(&a->nl, 0, a->opts->device, &link);
	if (!err)
		a->ifindex = link.ifindex;
	return err;
}

static int do_routes(struct applying *a, const struct wd_wg_step *step)
{
	for (uint32_t i = 0; i < step->prefix_cnt; i++) {
		int err = step->act == WD_WG_ACT_ROUTE ?
				  wd_route_put(&a->nl, a->ifindex,
					       &step->prefix[i]) :
				  wd_route_del(&a->nl, a->ifindex,
					       &step->prefix[i]);

		if (err)
			return err;
	}
	return 0;
}

/* What is done to the device itself. */
static int do_device(struct applying *a, const struct wd_wg_step *step)
{
	const struct wd_addr *endpoint = step->addr.family ? &step->addr : NULL;

	if (!a->set_is_open) {
		int err = wd_wg_set_open(&a->set, a->ifindex);

		if (err)
			return err;
		a->set_is_open = true;
	}
	switch (step->act) {
	case WD_WG_ACT_KEY:
		return a->opts->secret ? wd_wg_set_key(&a->set, a->opts->secret,
						       (uint16_t)step->number) :
					 0;
	case WD_WG_ACT_PEER:
		return wd_wg_set_peer(&a->set, &step->key, endpoint,
				      (uint16_t)step->number, step->prefix,
				      step->prefix_cnt);
	case WD_WG_ACT_UNPREFIX:
		return wd_wg_unset_prefixes(&a->set, step->prefix,
					    step->prefix_cnt);
	default:
		return wd_wg_unset_peer(&a->set, &step->key);
	}
}

static int do_step(struct applying *a, const struct wd_wg_step *step)
{
	switch (step->act) {
	case WD_WG_ACT_LINK:
		return make_link(a);
	case WD_WG_ACT_MTU:
		return wd_link_set(&a->nl, a->ifindex, false, step->number);
	case WD_WG_ACT_ADDR:
		return wd_ifaddr_add(&a->nl, a->ifindex, &step->addr);
	case WD_WG_ACT_UP:
		return wd_link_set(&a->nl, a->ifindex, true, 0);
	case WD_WG_ACT_ROUTE:
	case WD_WG_ACT_UNROUTE:
		return do_routes(a, step);
	case WD_WG_ACT_KEY:
	case WD_WG_ACT_PEER:
	case WD_WG_ACT_UNPREFIX:
	case WD_WG_ACT_UNPEER:
		return do_device(a, step);
	}
	return -EINVAL;
}

/*
 * Is the private key another node's, too? A disk was copied: then nobody can tell
 * who speaks, and both would use up the same numbers. Only the kernel makes the
 * public key, so it is asked when it has the private one, and no peer of it yet.
 */
static int check_copied(struct applying *a)
{
	const struct wd_wg_cluster *cluster = a->cluster;
	const struct wd_wg_device *dev;
	struct wd_wg_state state;
	int err = wd_wg_read(-1, &state);

	if (err)
		return err;
	dev = wd_wg_device_find(&state, a->opts->device);
	for (uint32_t i = 0; dev && dev->has_key && i < cluster->node_cnt;
	     i++) {
		const struct wd_wg_node *node = &cluster->node[i];

		if (node->is_self || !node->has_key ||
		    wd_wgkey_compare(&node->key, &dev->key) != 0)
			continue;
		*a->error = wd_xprintf(
			"node %s has the same key: it was copied with a disk; "
			"remove the file of the private key here, so that "
			"this node makes its own, or the object of node %s if "
			"that is gone",
			node->name, node->name);
		err = -EEXIST;
	}
	wd_wg_state_fini(&state);
	return err;
}

static int do_plan(struct applying *a, const struct wd_wg_plan *plan)
{
	int done = 0;

	for (uint32_t i = 0; i < plan->cnt; i++) {
		const struct wd_wg_step *step = &plan->step[i];
		char *line = wd_wg_step_str(step);
		int err = a->opts->dry_run ? 0 : do_step(a, step);

		if (!err && !a->opts->dry_run && step->act == WD_WG_ACT_KEY)
			err = check_copied(a);
		if (err) {
			if (!*a->error)
				fail(a, err, line);
			free(line);
			return err;
		}
		if (!step->is_silent) {
			a->opts->say(a->opts->ctx, line);
			done++;
		}
		free(line);
	}
	return done;
}

/* ---- all together ---- */

static int run(struct applying *a)
{
	struct wd_wg_wants wants = {
		.device = a->opts->device,
		.port = a->opts->port,
		.may_remove = a->opts->may_remove,
	};
	struct wd_wg_plan plan;
	int done = look(a);

	if (done)
		return done;
	wants.mtu = mtu_for(a);
	wd_wg_plan(a->cluster, &wants, &a->has, &plan);
	done = do_plan(a, &plan);
	wd_wg_plan_fini(&plan);
	return done;
}

/* Told apart only by the public key, which the kernel makes of the private one. */
static int tell_key(struct applying *a, int done, struct wd_wgkey *ret_key)
{
	const struct wd_wg_device *was = a->has.dev, *now;
	struct wd_wg_state state;
	int err = wd_wg_read(-1, &state);

	if (err)
		return fail(a, err, "the device cannot be read again");
	now = wd_wg_device_find(&state, a->opts->device);
	if (now)
		*ret_key = now->key;
	if (now && was && was->has_key &&
	    wd_wgkey_compare(&was->key, &now->key) != 0) {
		a->opts->say(a->opts->ctx, "the private key is another one");
		done++;
	}
	wd_wg_state_fini(&state);
	return done;
}

int wd_wg_apply(const struct wd_wg_cluster *cluster,
		const struct wd_wg_apply *opts, struct wd_wgkey *ret_key,
		char **ret_error)
{
	struct applying a = {
		.cluster = cluster,
		.opts = opts,
		.nl = { .fd = -1 },
		.error = ret_error,
	};
	int done;

	memset(ret_key, 0, sizeof(*ret_key));
	done = run(&a);
	if (done >= 0)
		done = tell_key(&a, done, ret_key);
	if (a.set_is_open)
		wd_wg_set_close(&a.set);
	wd_rtnl_close(&a.nl);
	wd_wg_state_fini(&a.state);
	free(a.addr);
	free(a.route);
	return done;
}
