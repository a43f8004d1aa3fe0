/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen.h - small random clusters that change, and flows that hit their edges.
 *
 * Everything comes from one seed. Alphabets are tiny so that things meet:
 * labels match, addresses are used again, ports lie at the ends of ranges.
 * Knows what is legal in the structs, and nothing of what policy means.
 */
#ifndef WARDER_SELFTESTS_GEN_H
#define WARDER_SELFTESTS_GEN_H

#include "model/model.h"
#include "model/store.h"

#define WD_GEN_EPS 8
#define WD_GEN_NOTES 12

struct wd_gen {
	uint64_t rng;
	struct wd_store *store;
	bool meshed; /* other clusters have pods, too */
	struct wd_endpoint *ep[WD_GEN_EPS];
	uint32_t ep_cnt;
	uint32_t ep_id; /* last instance number given */
	const uint32_t *
		ifindex; /* devices that endpoints may have, WD_GEN_EPS or more */
	uint32_t ifindex_cnt;
	uint32_t uid; /* last one given */
	int64_t clock; /* last creationTimestamp given */
	char note[WD_GEN_NOTES][160]; /* what was done last, a ring */
	uint32_t note_cnt;
	/* told of endpoints and of the addresses of this host */
	void (*ep_set)(void *ctx, const struct wd_endpoint *ep);
	void (*ep_del)(void *ctx, uint32_t id);
	void (*host_addrs)(void *ctx, const struct wd_addr *addr, size_t cnt);
	void *ctx;
};

/** wd_gen_rnd() - a number below @n, which is at least 1 */
uint32_t wd_gen_rnd(struct wd_gen *gen, uint32_t n);

/** wd_gen_one_in() - true once in @n times */
bool wd_gen_one_in(struct wd_gen *gen, uint32_t n);

/** wd_gen_fill() - a first cluster into the empty store, with endpoints */
void wd_gen_fill(struct wd_gen *gen);

/** wd_gen_mutate() - one random change of objects or endpoints */
void wd_gen_mutate(struct wd_gen *gen);

/** wd_gen_flow() - a flow from (WD_EGRESS) or to @ep; false if it has no address */
bool wd_gen_flow(struct wd_gen *gen, const struct wd_endpoint *ep,
		 enum wd_dir dir, struct wd_flow *ret_flow);

/** wd_gen_fini() - free the endpoints that are left, without telling */
void wd_gen_fini(struct wd_gen *gen);

#endif /* WARDER_SELFTESTS_GEN_H */
