/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objections.h - all that is wrong with objects: what the sources found in them,
 * and what the quotas of namespaces have no room for.
 */
#ifndef WARDER_OBJECTIONS_H
#define WARDER_OBJECTIONS_H

struct wd_agent;
struct wd_problems;

/* of quotas; the rest is counted in one */
#define WD_OBJECTIONS_MAX 1000

/**
 * wd_objections() - a list of them, sorted by file, line and field
 * @ret_list: to be given to wd_problems_fini()
 */
void wd_objections(const struct wd_agent *agent, struct wd_problems *ret_list);

#endif /* WARDER_OBJECTIONS_H */
