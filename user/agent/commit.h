/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * commit.h - from what the sources say to the generation in force.
 *
 * wd_agent_commit() and what is around it are in agent.h: all parts call them.
 */
#ifndef WARDER_COMMIT_H
#define WARDER_COMMIT_H

/**
 * wd_commit_on_timer() - commit what waits, or settle the last generation
 * @ctx: the agent
 *
 * For the loop. A commit that failed sets the timer itself, later each time.
 */
void wd_commit_on_timer(void *ctx);

#endif /* WARDER_COMMIT_H */
