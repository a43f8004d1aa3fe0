/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * way.h - by which entries of the compiled tables a new flow comes to its
 * verdict: for people. What comes of it is wd_model_why()'s to say.
 */
#ifndef WARDER_WAY_H
#define WARDER_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/abi.h>

struct wd_flow;
struct wd_model;

struct wd_way {
	uint32_t row; /* of the peer: 0 nothing is true of it */
	uint32_t slot; /* the compiled policy; 0 it has none that can be asked */
	bool isolated; /* what no rule allows is dropped */
	bool tried; /* the node's policies, enforced until somebody confirms */
	uint32_t class; /* 0: the slot says nothing of this port */
	struct wd_class_val rules; /* in their order */
	bool holds[WD_CLASS_RULES]; /* is the peer whom the rule is about */
};

/* What is asked of an endpoint. */
struct wd_way_ask {
	uint32_t ep; /* instance number; 0: the node's own policies */
	enum wd_dir dir;
	bool on_trial; /* of what is on trial there, not of what is enforced */
	const struct wd_flow *flow;
};

/**
 * wd_model_way() - Return: 0; -ENOENT: no such endpoint, or not written yet;
 * also where the node has no policies of its own
 */
int wd_model_way(const struct wd_model *model, const struct wd_way_ask *ask,
		 struct wd_way *ret);

#endif /* WARDER_WAY_H */
