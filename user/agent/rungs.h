/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rungs.h - the agent and its ladder: which rung it begins with, when it climbs,
 * and what it tells of both.
 *
 * Climbs only when it starts, when somebody says so, and, a few times with
 * growing pauses, after a failure that may have been of the moment.
 */
#ifndef WARDER_RUNGS_H
#define WARDER_RUNGS_H

#include "../datapath/cause.h"
#include "../query/query.h"

struct wd_agent;
struct wd_rungs;

/**
 * wd_rungs_open() - opens the data path on the rung that holds
 * Reads ladder.json, heeds --max-rung, writes what was refused, and says so; of
 * the rung itself wd_rungs_look() tells.
 * Return: 0 with agent->dp and agent->rungs; or -errno, said why.
 */
int wd_rungs_open(struct wd_agent *agent);

/**
 * wd_rungs_look() - tells of a rung that nobody asked for
 * The first time, in the end of the start, of one below full; from then on, each
 * tick, of the fall to nft that a device causes where no program can be attached.
 * What may have been of the moment is tried again.
 */
void wd_rungs_look(struct wd_agent *agent);

/** wd_rungs_free() - takes NULL */
void wd_rungs_free(struct wd_rungs *rungs);

/** wd_rungs_name() - of the rung in force, as verdicts name it */
const char *wd_rungs_name(const struct wd_agent *agent);

/** wd_rungs_failures() - rungs tried and not had for this cause, since the agent began */
uint64_t wd_rungs_failures(const struct wd_agent *agent, enum wd_cause cause);

/** wd_rungs_put() - the ladder as JSON: rung, why, since when, attempts, what is lacking */
void wd_rungs_put(const struct wd_agent *agent, struct json_object *doc);

WD_QUERY_HANDLER(wd_query_ladder_show);
WD_QUERY_HANDLER(wd_query_ladder_climb);
WD_QUERY_HANDLER(wd_query_ladder_pin);

#endif /* WARDER_RUNGS_H */
