/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nodehook.h - the program of the node's own sockets on the maps of a
 * wd_kernel, attached in a network namespace of this process, and real packets
 * that pass it: written to a tun device, or sent by a raw socket. Whatever it
 * lets pass is counted behind it, and dropped.
 */
#ifndef WARDER_SELFTESTS_NODEHOOK_H
#define WARDER_SELFTESTS_NODEHOOK_H

#include "kernel.h"

struct wd_nodehook;

/**
 * wd_nodehook_devices() - a network namespace where every address is this node's
 * on the way in, and nobody's on the way out
 * Return: 0 with *ret_ifindex filled for @cnt devices, which end with the
 * process, or -errno.
 */
int wd_nodehook_devices(uint32_t *ret_ifindex, uint32_t cnt);

/** wd_nodehook_open() - after wd_nodehook_devices(). Return: NULL with the cause on stdout */
struct wd_nodehook *wd_nodehook_open(struct wd_kernel *kernel);
void wd_nodehook_close(struct wd_nodehook *hook);

/**
 * wd_nodehook_run() - one packet
 * @probe: its iif is one of the devices, or another: the first of them
 * @expected: the reason that is looked at first
 */
struct wd_outcome wd_nodehook_run(struct wd_nodehook *hook,
				  const struct wd_probe *probe, int expected);

#endif /* WARDER_SELFTESTS_NODEHOOK_H */
