/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ports.h - the ports of tunnels that an agent finds by itself, where only a kernel
 * that has WireGuard and FOU shows it. Each is a test of wire_guest.c.
 */
#ifndef WARDER_SELFTESTS_WIRE_PORTS_H
#define WARDER_SELFTESTS_WIRE_PORTS_H

void row_125_nothing_is_lost_at_a_start_where_nodes_must_encrypt(void);
void ports_of_fou_and_l2tp_are_shut_to_pods(void);

#endif /* WARDER_SELFTESTS_WIRE_PORTS_H */
