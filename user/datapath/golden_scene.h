/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_scene.h - what the tables say while golden packets are tried: a pod,
 * its peers and one small policy. Programs read them in maps of the trial's
 * own, the ruleset is made of them in memory.
 *
 * The policy, of TCP and UDP alike: port 80 allowed, 82 denied by a rule, others
 * not mentioned; ICMP and what has no ports allowed. golden_frame.h says of
 * whom.
 */
#ifndef WARDER_GOLDEN_SCENE_H
#define WARDER_GOLDEN_SCENE_H

#include <warder/maps.h>

#include "golden_frame.h"

/* The tables of a trial; calls return 0 or -errno, as of wd_memory_set(). */
struct wd_golden_tables {
	void *ctx;
	int (*set)(void *ctx, enum wd_map map, const void *key,
		   const void *val);
	int (*del)(void *ctx, enum wd_map map, const void *key);
	uint32_t ifindex; /* of the pod's interface */
};

/** wd_golden_policy() - fill them with the peers and the policy. Return: 0 or -errno */
int wd_golden_policy(const struct wd_golden_tables *to);

/** wd_golden_scene() - the endpoint, and what applies. Return: 0 or -errno */
int wd_golden_scene(const struct wd_golden_tables *to,
		    enum wd_golden_scene scene);

#endif /* WARDER_GOLDEN_SCENE_H */
