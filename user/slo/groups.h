/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * groups.h - which histogram the handshakes of a namespace are counted in.
 *
 * A namespace with pods on this node has a group of wd_timing, and each of its
 * endpoints an entry of wd_group that says so. A group stays the namespace's
 * when its last pod goes, until another one needs it. Over a restart of the
 * agent the entries of wd_group tell which was whose.
 */
#ifndef WARDER_GROUPS_H
#define WARDER_GROUPS_H

#include <stdint.h>

struct wd_agent;
struct wd_groups;

/** wd_groups_new() - none; out of memory ends the program */
struct wd_groups *wd_groups_new(void);
void wd_groups_free(struct wd_groups *groups);

/**
 * wd_groups_tend() - give each endpoint of the agent the group of its namespace
 * What cannot be written is tried again the next time. Nothing is done where
 * the tables are not the kernel's.
 */
void wd_groups_tend(struct wd_groups *groups, struct wd_agent *agent);

/** wd_groups_of() - the group of a namespace by its interned name, WD_GROUP_REST none */
uint32_t wd_groups_of(const struct wd_groups *groups, const char *ns);

/** wd_groups_ns() - the interned name of the namespace whose group it is, NULL nobody's */
const char *wd_groups_ns(const struct wd_groups *groups, uint32_t group);

#endif /* WARDER_GROUPS_H */
