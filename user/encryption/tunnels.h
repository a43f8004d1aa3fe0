/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tunnels.h - what WireGuard does on this node, next to what it should do.
 *
 * Follows the devices (wireguard/watch.h) while something must be encrypted,
 * keeps wd_tun4/6 (which node may send and is sent which addresses), tells
 * ports.h of WireGuard's, and knows what is wrong (wireguard/check.h).
 */
#ifndef WARDER_TUNNELS_H
#define WARDER_TUNNELS_H

#include <stdbool.h>

#include "../model/object.h"

struct wd_agent;
struct wd_tunnels;
struct wd_wg_findings;
struct wd_wg_state;

/** wd_tunnels_new() - nothing is followed yet; out of memory ends the program */
struct wd_tunnels *wd_tunnels_new(struct wd_agent *agent);
void wd_tunnels_free(struct wd_tunnels *tunnels);

/** wd_tunnels_adopt() - take over what an agent before has written; 0 or -errno */
int wd_tunnels_adopt(struct wd_tunnels *tunnels);

/** wd_tunnels_want() - follow WireGuard, or not */
void wd_tunnels_want(struct wd_tunnels *tunnels, bool wanted);

/** wd_tunnels_object() - the store changed, as wd_store_fn says */
void wd_tunnels_object(struct wd_tunnels *tunnels, const struct wd_object *was,
		       const struct wd_object *now);

/** wd_tunnels_write() - write whose prefixes are, if nodes or WireGuard changed; 0 or -errno, tried again */
int wd_tunnels_write(struct wd_tunnels *tunnels);

/** wd_tunnels_kick() - a device came, changed or went */
void wd_tunnels_kick(struct wd_tunnels *tunnels);

/** wd_tunnels_reload() - the maps are others */
void wd_tunnels_reload(struct wd_tunnels *tunnels);

/** wd_tunnels_check() - read the table back and look for what is wrong; entries that were not as written */
int wd_tunnels_check(struct wd_tunnels *tunnels);

/** wd_tunnels_look() - look for what is wrong now, if anything changed and WireGuard was read */
void wd_tunnels_look(struct wd_tunnels *tunnels);

/** wd_tunnels_look_now() - the same, after WireGuard was read again: for somebody who asks */
void wd_tunnels_look_now(struct wd_tunnels *tunnels);

/** wd_tunnels_state() - the last reading, borrowed; NULL none */
const struct wd_wg_state *wd_tunnels_state(const struct wd_tunnels *tunnels);

/** wd_tunnels_findings() - what is wrong, as of the last look; borrowed */
const struct wd_wg_findings *
wd_tunnels_findings(const struct wd_tunnels *tunnels);

#endif /* WARDER_TUNNELS_H */
