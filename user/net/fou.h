/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fou.h - UDP ports at which the kernel unpacks without a device that says so:
 * sockets of FOU and GUE (`ip fou`) and of L2TP over UDP (`ip l2tp`).
 *
 * No event tells of them; who wants to know asks again.
 */
#ifndef WARDER_FOU_H
#define WARDER_FOU_H

#include <stdint.h>

#include <libmnl/libmnl.h>

/**
 * wd_fou_ports() - all of the caller's network namespace
 * Families that the kernel does not have now are not asked for by name: it would
 * load their modules.
 * Answers about a socket that make no sense are left out, and counted in *ret_odd.
 * Return: count, perhaps with a port twice, and *ret_port (host byte order) to be
 * freed; -EPROTO the list of families makes no sense; -EINTR they kept changing; -errno.
 */
int wd_fou_ports(uint16_t **ret_port, uint32_t *ret_odd);

/** wd_fou_take_fou() - port of one answer of FOU, host byte order. Return: 0 or -EPROTO */
int wd_fou_take_fou(const struct nlmsghdr *msg, uint16_t *ret_port);

/** wd_fou_take_l2tp() - of one of L2TP; 0: that tunnel is over IP. Return: 0 or -EPROTO */
int wd_fou_take_l2tp(const struct nlmsghdr *msg, uint16_t *ret_port);

#endif /* WARDER_FOU_H */
