/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drops.h - what the nodes' programs have dropped since a test began: their
 * counters are of all that was before, too.
 *
 * Read from the maps, not asked of the agents, which would take a slow machine
 * seconds. What a ruleset drops is not in it.
 */
#ifndef WARDER_SELFTESTS_WIRE_DROPS_H
#define WARDER_SELFTESTS_WIRE_DROPS_H

/** drops_mark() - from here on; before it, from the beginning */
void drops_mark(void);

/** drops_show() - as comments; of maps that were replaced meanwhile nothing */
void drops_show(void);

#endif /* WARDER_SELFTESTS_WIRE_DROPS_H */
