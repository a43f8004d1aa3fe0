/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h - a small cluster in the maps, and packets run through the programs.
 *
 * One pod is behind the hooks (ifindex 1, whatever that device is: nothing is
 * attached). Its policy, in both directions, is the table in world.c. The maps
 * belong to this process and end with it.
 */
#ifndef WARDER_SELFTESTS_WORLD_H
#define WARDER_SELFTESTS_WORLD_H

#include <stdint.h>
#include <warder/abi.h>

#include "frame.h"

enum {
	IF_POD = 1, /* the hook */
	IF_NEAR = 101, /* endpoint: H_NEAR */
	IF_BRIDGED = 102, /* endpoint: H_BRIDGED, port of IF_BRIDGE */
	IF_BRIDGE = 103, /* no endpoint */
	IF_UPLINK = 200, /* no endpoint */
};

/* What every packet towards the pod came in by, until set otherwise. */
extern uint32_t world_iif;

enum slot {
	SLOT_NONE,
	SLOT_RULES, /* isolated, with the rules of world.c */
	SLOT_OPEN, /* ready, not isolated, no rule */
	SLOT_OPEN_DENY, /* not isolated, denies H_FOE */
	SLOT_SHUT, /* isolated, no rule */
	SLOT_UNREADY,
};

struct wd_pod;

/** world_open() - load the programs and fill the maps. Return: 0 or -errno, told on stdout */
int world_open(void);
void world_close(void);

/** world_reset() - forget flows, fragments and quotas; generation 1, SLOT_RULES */
void world_reset(void);

/** world_publish() - put @slot in force under a new generation. @flags: WD_EP_* */
void world_publish(enum slot slot, uint32_t flags);

/** world_endpoint() - change the pod's entry. Return: a copy to edit and give to world_endpoint_set() */
struct wd_endpoint_val world_endpoint(void);
void world_endpoint_set(const struct wd_endpoint_val *val);

/** world_state() - a copy of the state in force, to edit and give to world_state_set() */
struct wd_state_val *world_state(void);
void world_state_set(const struct wd_state_val *state);

/** world_ticks() - now, in ticks */
uint32_t world_ticks(void);

/** world_flow() - the flow of @packet if it is in the new (or replied) table. Return: 0 or -ENOENT */
int world_flow(const struct packet *packet, bool in_new,
	       struct wd_ct_val *ret_val);
/** world_flow_set() - overwrite a flow of either table */
void world_flow_set(const struct packet *packet, bool in_new,
		    const struct wd_ct_val *val);

struct wd_quota_val world_quota(void);
void world_quota_set(struct wd_quota_val val);

/** world_map_fd() - descriptor of a map by its name */
int world_map_fd(const char *name);

/* What a run did. */
struct outcome {
	int reason; /* enum wd_reason, or -1: not exactly one was counted */
	int verdict; /* enum wd_verdict as the endpoint's counter says */
	uint32_t retval;
};

/** world_run() - one packet through the hook of @dir */
struct outcome world_run(const struct frame *frame, int dir);

/**
 * world_expect() - run @frame and expect @reason; checks return code, both
 * counters and bytes too
 */
#define world_expect(frame, dir, reason) \
	world_expect_at(__FILE__, __LINE__, frame, dir, reason)
void world_expect_at(const char *file, int line, const struct frame *frame,
		     int dir, int reason);

/** expect_packet() - the same for a described packet */
#define expect_packet(reason, ...) \
	do { \
		struct packet p_ = { __VA_ARGS__ }; \
		struct frame f_; \
		frame_make(&f_, &p_); \
		world_expect_at(__FILE__, __LINE__, &f_, p_.dir, reason); \
	} while (0)

#define IN .dir = WD_INGRESS
#define OUT .dir = WD_EGRESS
#define FROM(h) .src = (h), .has_src = true
#define TO(h) .dst = (h), .has_dst = true

/* Run the body for both families, with the row named after it. */
#define for_each_family(fam) \
	for (int fam = 4; wd_test_row(fam == 4 ? "v4" : \
				      fam == 6 ? "v6" : \
						 (const char *)0), \
		 fam <= 6; \
	     fam += 2)

/* The groups of tests. */
void tests_of_link(void);
void tests_of_network(void);
void tests_of_fragments(void);
void tests_of_icmp(void);
void tests_of_policy(void);
void tests_of_flows(void);
void tests_of_provenance(void);
void tests_of_events(void);

#endif /* WARDER_SELFTESTS_WORLD_H */
