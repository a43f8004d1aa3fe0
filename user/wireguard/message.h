/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * message.h - answers of the generic netlink family "wireguard", and the
 * number under which the kernel has the family.
 *
 * A dump of one device is many messages, and a peer with many prefixes is in
 * several of them (linux/wireguard.h says how). Here they become one device.
 */
#ifndef WARDER_WG_MESSAGE_H
#define WARDER_WG_MESSAGE_H

#include <libmnl/libmnl.h>

#include "device.h"

struct wd_rtnl;

/**
 * wd_wg_take() - add what one message of a dump says to @dev
 * @dev: zeroed before the first message of the dump, but for is_up
 * Private and preshared keys are not copied. Attributes that nobody here knows
 * are passed over.
 * Return: 0, or -EPROTO: something that must be there is missing, is too short
 * or makes no sense; @dev is then good for wd_wg_device_fini() alone.
 */
int wd_wg_take(struct wd_wg_device *dev, const struct nlmsghdr *msg);

/** wd_wg_family() - number of the family. Return: 0; -ENOENT this kernel has no WireGuard; -errno */
int wd_wg_family(struct wd_rtnl *nl, uint16_t *ret_family);

#endif /* WARDER_WG_MESSAGE_H */
