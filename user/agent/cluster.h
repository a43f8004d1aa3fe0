/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cluster.h - the API server as a source of the agent: log in, wait, follow.
 * Manifests are waited for here, too, where nobody knows what was in force.
 */
#ifndef WARDER_CLUSTER_H
#define WARDER_CLUSTER_H

struct wd_agent;
struct wd_config;

/**
 * wd_cluster_start() - begin to ask the API server, where one is configured, and
 * those of other clusters
 *
 * Nothing waits for the latter: what is not known of them is nobody's.
 * Returns 0, also without one, or -errno, told in the log: what the login
 * lacks (file, field) or what libcurl does.
 */
int wd_cluster_start(struct wd_agent *agent);

/** wd_cluster_name() - say what this one and others are called, before anything is read */
void wd_cluster_name(const struct wd_config *config);

/** wd_cluster_waits_for() - Return: what is not known yet, to be freed; NULL: nothing */
char *wd_cluster_waits_for(const struct wd_agent *agent);

/**
 * wd_cluster_wait() - run the loop until the server has told of everything once,
 * and manifests are such that what they stand for is known
 *
 * agent->waiting is set meanwhile, and the tick timer ends in
 * wd_cluster_look(). Returns 0, or -EINTR if a signal came first, or
 * -errno of the loop.
 */
int wd_cluster_wait(struct wd_agent *agent);

/** wd_cluster_heard() - of a source: ends the wait if all is known */
void wd_cluster_heard(struct wd_agent *agent);

/** wd_cluster_look() - while it is waited: ports of tunnels, now and then a line; sets the tick timer */
void wd_cluster_look(struct wd_agent *agent);

#endif /* WARDER_CLUSTER_H */
