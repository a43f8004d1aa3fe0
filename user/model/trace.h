/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - what the kernel's maps say of a new flow: the walk of bpf/policy.h,
 * entry by entry, with nothing of the model in it but its limits.
 *
 * Beside wd_model_why(), which asks objects and what the agent wrote: this asks
 * what is there.
 */
#ifndef WARDER_TRACE_H
#define WARDER_TRACE_H

#include "model.h"

/* How maps are read: 0, -ENOENT, or -errno. Tries give their longest match. */
struct wd_trace_source {
	void *ctx;
	int (*get)(void *ctx, enum wd_map map, const void *key, void *ret_val);
};

struct wd_trace_ask {
	enum wd_dir dir;
	uint32_t ifindex; /* of the endpoint's host-side device */
	const struct wd_flow *flow; /* .late is not looked at */
};

/* Where it went, for people; 0 where it did not come so far. */
struct wd_trace {
	enum wd_verdict verdict;
	enum wd_reason reason;
	bool on_trial;
	uint32_t rule_id;
	uint32_t identity; /* of the endpoint */
	uint32_t peer_identity;
	uint32_t gen;
	uint32_t slot;
	uint32_t class;
	uint32_t row;
};

/**
 * wd_trace() - walk the maps once
 * Not asked: where the packet comes from, flows that exist, and services, where
 * one entry for each backend decides.
 * Return: 0, or -errno of reading; what is not there is an answer.
 */
int wd_trace(const struct wd_trace_source *source,
	     const struct wd_trace_ask *ask, struct wd_trace *ret);

#endif /* WARDER_TRACE_H */
