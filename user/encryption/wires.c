/* SPDX-License-Identifier: GPL-2.0-only */
#include "wires.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/adopt.h"
#include "../agent/agent.h"
#include "../agent/endpoints_int.h"
#include "../base/log.h"
#include "../datapath/ladder.h"
#include "../model/hash.h"
#include "../model/xalloc.h"
#include "encryption.h"

struct device {
	UT_hash_handle hh; /* by wire.ifindex */
	struct wd_wire wire;
	bool raw;
	bool written; /* the programs know its kind */
	int lost; /* somebody took off what was attached: of the check, as -errno */
	bool seen; /* scratch of a listing */
};

struct wd_wires {
	struct wd_agent *agent;
	struct device *devices;
	bool wanted;
	bool loaded;
	bool by_others; /* no programs are in force: a ruleset judges, or all is closed */
	bool left; /* and none of an agent before hang anywhere */
	int load_err; /* told already */
};

/* ---- what a device is ---- */

/*
 * Kinds that send by other devices of this namespace, after a lookup of a route
 * or by IFLA_LINK: drivers/net and net/ipv4, net/ipv6 of Linux. A dummy sends
 * nothing. What is not here leads out; so do gtp, bareudp and amt, and IP or GRE
 * in UDP (FOU), whose ports tell the wires nothing.
 */
static bool is_upper(const char *kind)
{
	static const char *const uppers[] = {
		"bridge", "bond",      "team",	 "vlan",    "vxlan",
		"geneve", "gre",       "gretap", "ip6gre",  "ip6gretap",
		"erspan", "ip6erspan", "ipip",	 "sit",	    "ip6tnl",
		"vti",	  "vti6",      "xfrm",	 "macvlan", "macvtap",
		"ipvlan", "ipvtap",    "vrf",	 "dummy",   "ifb",
		"hsr",
	};

	for (size_t i = 0; i < sizeof(uppers) / sizeof(*uppers); i++)
		if (!strcmp(kind, uppers[i]))
			return true;
	return false;
}

static uint8_t kind_of(const struct wd_link *link)
{
	if (!strcmp(link->kind, "wireguard"))
		return WD_WIRE_WIREGUARD;
	return is_upper(link->kind) && !link->in_udp ? WD_WIRE_UPPER :
						       WD_WIRE_OUT;
}

static bool is_raw(const struct wd_link *link)
{
	return link->type != ARPHRD_ETHER;
}

/* Pods and the loopback are none of ours. */
static bool is_ours(const struct wd_wires *wires, const struct wd_link *link)
{
	return !link->is_loopback &&
	       !wd_local_by_ifindex(wires->agent->endpoints, link->ifindex);
}

/* ---- one device ---- */

static struct device *find(const struct wd_wires *wires, uint32_t ifindex)
{
	struct device *d;

	HASH_FIND(hh, wires->devices, &ifindex, sizeof(ifindex), d);
	return d;
}

static int tell_programs(struct wd_wires *wires, struct device *d)
{
	struct wd_wire_val val = { .kind = d->wire.kind, .raw = d->raw };
	int err = 0;

	if (!d->written)
		err = wd_map_set(wires->agent->dp, WD_MAP_wd_wire,
				 &d->wire.ifindex, &val);
	d->written = !err;
	return err;
}

static enum wd_family family_of(const struct device *d)
{
	return d->wire.kind == WD_WIRE_WIREGUARD ? WD_FAMILY_TUNNEL :
						   WD_FAMILY_WIRE;
}

static int attach(struct wd_wires *wires, struct device *d)
{
	int err = tell_programs(wires, d);

	if (err || d->wire.kind == WD_WIRE_UPPER || wires->by_others)
		return err;
	if (!wires->loaded)
		return -EOPNOTSUPP;
	if (!wd_wire_check(wires->agent->dp, family_of(d), d->wire.ifindex))
		return 0;
	return wd_wire_attach(wires->agent->dp, family_of(d), d->wire.ifindex);
}

static void forget(struct wd_wires *wires, struct device *d)
{
	int err = 0;

	if (d->wire.kind != WD_WIRE_UPPER)
		err = wd_wire_detach(wires->agent->dp, family_of(d),
				     d->wire.ifindex);
	if (err && err != -ENODEV)
		wd_warn("wires: taking programs off %s: %s, ignoring",
			d->wire.name, wd_errno(err));
	err = wd_map_del(wires->agent->dp, WD_MAP_wd_wire, &d->wire.ifindex);
	if (err)
		wd_warn("wires: forgetting %s: %s, ignoring", d->wire.name,
			wd_errno(err));
	HASH_DELETE(hh, wires->devices, d);
	free(d);
}

static void guard(struct wd_wires *wires, struct device *d)
{
	int err = attach(wires, d);

	if (err == -ENODEV) {
		forget(wires, d); /* its end is told of as well */
		return;
	}
	if (err && err != d->wire.err)
		wd_err("wires: %s cannot be guarded: %s; what must be encrypted does not pass between pods and other nodes",
		       d->wire.name, wd_errno(err));
	else if (!err && !d->wire.guarded)
		wd_debug("wires: %s is guarded (%s)", d->wire.name,
			 d->wire.kind == WD_WIRE_OUT	   ? "wire" :
			 d->wire.kind == WD_WIRE_WIREGUARD ? "WireGuard" :
							     "upper device");
	d->wire.guarded = !err;
	d->wire.err = err;
}

static void see(struct wd_wires *wires, const struct wd_link *link)
{
	struct device *d = find(wires, link->ifindex);
	uint8_t kind = kind_of(link);

	if (d && (d->wire.kind != kind || d->raw != is_raw(link))) {
		forget(wires, d); /* the index is another device's now */
		d = NULL;
	}
	if (!is_ours(wires, link)) {
		if (d)
			forget(wires, d);
		return;
	}
	if (!d) {
		d = wd_xcalloc(1, sizeof(*d));
		d->wire.ifindex = link->ifindex;
		d->wire.kind = kind;
		d->raw = is_raw(link);
		HASH_ADD(hh, wires->devices, wire.ifindex,
			 sizeof(d->wire.ifindex), d);
	}
	memcpy(d->wire.name, link->name, sizeof(d->wire.name));
	d->seen = true;
	if (!d->wire.guarded)
		guard(wires, d);
}

/* ---- all of them ---- */

static void load(struct wd_wires *wires)
{
	int err = wd_wire_open(wires->agent->dp);

	if (wires->by_others)
		err = 0; /* none are to be loaded */
	wires->loaded = !err;
	if (err != wires->load_err && err)
		wd_err("wires: no programs for devices that are no pod's: %s%s%s",
		       wd_errno(err),
		       *wd_wire_info(wires->agent->dp)->error ? ": " : "",
		       wd_wire_info(wires->agent->dp)->error);
	wires->load_err = err;
}

/* What hangs on devices that nobody knows any more, of an agent before. */
static void drop_strangers(struct wd_wires *wires, enum wd_family family)
{
	uint32_t *list = NULL;
	int cnt = wd_wire_attached(wires->agent->dp, family, &list);

	for (int i = 0; i < cnt; i++) {
		struct device *d = find(wires, list[i]);

		if (!d || d->wire.kind == WD_WIRE_UPPER ||
		    family_of(d) != family)
			(void)wd_wire_detach(wires->agent->dp, family, list[i]);
	}
	if (cnt > 0)
		free(list);
}

static void drop_unknown_entries(struct wd_wires *wires)
{
	uint32_t key, next, *prev = NULL;

	while (!wd_map_next(wires->agent->dp, WD_MAP_wd_wire, prev, &next)) {
		if (prev && !find(wires, key))
			(void)wd_map_del(wires->agent->dp, WD_MAP_wd_wire,
					 &key);
		key = next;
		prev = &key;
	}
	if (prev && !find(wires, key))
		(void)wd_map_del(wires->agent->dp, WD_MAP_wd_wire, &key);
}

static void let_all_go(struct wd_wires *wires)
{
	struct device *d, *tmp;

	HASH_ITER(hh, wires->devices, d, tmp)
		forget(wires, d);
	for (int i = 0; i < WD_FAMILY__MAX; i++)
		drop_strangers(wires, i);
	drop_unknown_entries(wires);
}

/* What judges is another: nothing that was known of hooks holds any more. */
static void forget_programs(struct wd_wires *wires)
{
	wires->by_others = !wd_datapath_has_programs(wires->agent->dp);
	wires->loaded = wires->left = false;
	for (struct device *d = wires->devices; d; d = d->hh.next)
		d->written = d->wire.guarded = false;
}

/* Also where nothing is wanted any more: their maps still say what was. */
static void leave_programs(struct wd_wires *wires)
{
	struct wd_datapath *dp = wires->agent->dp;
	int err;

	if (wires->left || wd_ladder(dp)->rung != WD_RUNG_NFT ||
	    wd_datapath_unsettled(dp))
		return;
	err = wd_wire_leave(dp);
	if (err)
		wd_warn("wires: taking programs off where the ruleset judges: %s, trying again",
			wd_errno(err));
	wires->left = !err;
}

/* Somebody may have taken off what was attached. Return: 0; or -errno of looking */
static int check_hooks(const struct wd_wires *wires, const struct device *d)
{
	if (!d->wire.guarded || d->wire.kind == WD_WIRE_UPPER ||
	    wires->by_others)
		return 0;
	return wd_wire_check(wires->agent->dp, family_of(d), d->wire.ifindex);
}

void wd_wires_check(struct wd_wires *wires)
{
	struct wd_link *link = NULL;
	struct device *d, *tmp;
	int cnt;

	if (wires->by_others == wd_datapath_has_programs(wires->agent->dp))
		forget_programs(wires);
	leave_programs(wires);
	if (!wires->wanted)
		return;
	if (!wires->loaded)
		load(wires);
	cnt = wd_link_list_here(&link);
	if (cnt < 0) {
		wd_warn("wires: listing devices: %s, trying again",
			wd_errno(cnt));
		return;
	}
	HASH_ITER(hh, wires->devices, d, tmp) {
		d->seen = false;
		d->lost = check_hooks(wires, d);
		if (d->lost)
			d->wire.guarded = false;
	}
	for (int i = 0; i < cnt; i++)
		see(wires, &link[i]);
	free(link);
	HASH_ITER(hh, wires->devices, d, tmp) {
		if (!d->seen)
			forget(wires, d);
		else if (d->lost)
			wd_drift_tell(wires->agent, 1, d->wire.guarded,
				      "wires: programs on %s: %s", d->wire.name,
				      wd_errno(d->lost));
	}
}

void wd_wires_want(struct wd_wires *wires, bool wanted)
{
	if (wanted == wires->wanted)
		return;
	wires->wanted = wanted;
	if (!wanted) {
		let_all_go(wires);
		return;
	}
	wd_wires_check(wires);
	for (int i = 0; i < WD_FAMILY__MAX; i++)
		drop_strangers(wires, i);
	drop_unknown_entries(wires);
}

void wd_wires_reload(struct wd_wires *wires)
{
	forget_programs(wires);
	wd_wires_check(wires);
}

void wd_wires_link(struct wd_wires *wires, const struct wd_link *link,
		   bool gone)
{
	struct device *d = find(wires, link->ifindex);

	if (!wires->wanted)
		return;
	if (!gone)
		see(wires, link);
	else if (d)
		forget(wires, d);
	wd_encryption_link(wires->agent);
}

void wd_wires_endpoint(struct wd_wires *wires, uint32_t ifindex)
{
	struct device *d = find(wires, ifindex);

	if (d)
		forget(wires, d);
}

bool wd_wires_open(const struct wd_wires *wires)
{
	if (!wires->wanted)
		return false;
	if (!wires->loaded)
		return true;
	for (const struct device *d = wires->devices; d; d = d->hh.next)
		if (!d->wire.guarded)
			return true;
	return false;
}

void wd_wires_each(const struct wd_wires *wires,
		   void (*fn)(void *ctx, const struct wd_wire *wire), void *ctx)
{
	for (const struct device *d = wires->devices; d; d = d->hh.next)
		fn(ctx, &d->wire);
}

/* ---- life ---- */

struct wd_wires *wd_wires_new(struct wd_agent *agent)
{
	struct wd_wires *wires = wd_xcalloc(1, sizeof(*wires));

	wires->agent = agent;
	return wires;
}

void wd_wires_free(struct wd_wires *wires)
{
	struct device *d, *tmp;

	if (!wires)
		return;
	HASH_ITER(hh, wires->devices, d, tmp) { /* enforcement stays */
		HASH_DELETE(hh, wires->devices, d);
		free(d);
	}
	free(wires);
}
