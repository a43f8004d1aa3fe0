/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * standing.h - how enforcement stands on this node, as one text for the cluster.
 *
 * Whoever watches Nodes hears of each change, and there are hundreds of them: so
 * what moves all the time (generations, versions of quiet kinds) is told along
 * with what matters, and never for its own sake.
 */
#ifndef WARDER_STANDING_H
#define WARDER_STANDING_H

#include <stdbool.h>

struct wd_agent;
struct wd_standing;

#define WD_STANDING_ANNOTATION "warder.io/in-force"
#define WD_STANDING_CONDITION "WarderEnforcing"

/** wd_standing_new() - nothing was told yet; out of memory ends the program */
struct wd_standing *wd_standing_new(const struct wd_agent *agent);
void wd_standing_free(struct wd_standing *standing);

/**
 * wd_standing_look() - look at the agent; once a second
 * Return: true: it is other than what was told, and was so for some looks.
 */
bool wd_standing_look(struct wd_standing *standing);

/**
 * wd_standing_patch() - of the last look, as a strategic merge patch of the
 * node's status
 * Return: to be freed.
 */
char *wd_standing_patch(struct wd_standing *standing);

/** wd_standing_told() - the last patch has reached the server */
void wd_standing_told(struct wd_standing *standing);

#endif /* WARDER_STANDING_H */
