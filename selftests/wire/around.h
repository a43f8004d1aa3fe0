/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * around.h - ways by which packets of a site's pods could leave without
 * WireGuard: routes, rules, tunnel devices of others.
 *
 * All but the devices are of node a.
 */
#ifndef WARDER_SELFTESTS_WIRE_AROUND_H
#define WARDER_SELFTESTS_WIRE_AROUND_H

#include <stdbool.h>
#include <stddef.h>

/** around_route() - to the pod of node b by the uplink, or away with it. False if it failed */
bool around_route(bool add);

/** around_rule() - a rule in front of all others: to the pod of node b by the uplink. False if it failed */
bool around_rule(bool add);

/** around_mark() - the same for what has mark AROUND_MARK. False if it failed */
bool around_mark(bool add);

#define AROUND_MARK 0x99

/** around_service() - node a rewrites AROUND_SERVICE4 and 6 to the pod of node b. False if it failed */
bool around_service(bool add);

#define AROUND_SERVICE4 "10.96.0.10"
#define AROUND_SERVICE6 "fd00:96::10"

/** around_vrf() - node a's pod is in a routing domain whose table leads to the uplink. False if it failed */
bool around_vrf(bool add);

/** around_name() - of a device that would carry packets in a tunnel of its own, in clear; NULL behind the last */
const char *around_name(size_t device);

/** around_device() - make it on both nodes, and route each other's pods by it. False if it failed */
bool around_device(size_t device);

/** around_end() - delete the device. False if it failed */
bool around_end(void);

#endif /* WARDER_SELFTESTS_WIRE_AROUND_H */
