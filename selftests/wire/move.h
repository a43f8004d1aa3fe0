/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * move.h - an address of a pod that goes from one node to the other.
 */
#ifndef WARDER_SELFTESTS_WIRE_MOVE_H
#define WARDER_SELFTESTS_WIRE_MOVE_H

#include <stdbool.h>

/**
 * move_and_back() - of node a's pod, to node b and back, while a neighbour sends to
 * it; expects that it is reached by WireGuard there, and that nothing shows
 * @interface_first: and then what WireGuard's peer may send; else the other way
 *
 * Both come before the objects say it.
 */
void move_and_back(bool interface_first);

#endif /* WARDER_SELFTESTS_WIRE_MOVE_H */
