/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netkit.h - a pair of interfaces where the kernel has no veth.
 *
 * iproute2 of Debian 12 does not know this kind, so netlink is spoken here.
 */
#ifndef WARDER_SELFTESTS_NETKIT_H
#define WARDER_SELFTESTS_NETKIT_H

/**
 * wd_netkit_new() - a pair that carries Ethernet frames, @name and @peer
 * Return: 0; -EOPNOTSUPP no such kind; or -errno.
 */
int wd_netkit_new(const char *name, const char *peer);

#endif /* WARDER_SELFTESTS_NETKIT_H */
