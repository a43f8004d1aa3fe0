/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * advice.h - what to change so that a verdict becomes another, in one sentence
 * and, where a NetworkPolicy does it, as one.
 *
 * Words beside a verdict: no packet is judged by them.
 */
#ifndef WARDER_ADVICE_H
#define WARDER_ADVICE_H

#include "../model/model.h"

struct json_object;
struct wd_store;

struct wd_advice {
	const struct wd_store *store;
	const struct wd_model *model;
	const struct wd_decision *hook; /* what it decided; enforced */
	const struct wd_flow *flow;
	const struct wd_service_info
		*service; /* where the flow leads to, if to a service */
	const struct wd_object *subject; /* the pod of the hook, NULL not known */
};

/**
 * wd_advise() - add what would change it
 * @array: gets one object: direction, "to" (allow, deny, enforce), text, and
 *	   "manifest", an object or null.
 */
void wd_advise(const struct wd_advice *of, struct json_object *array);

/** wd_advise_host_network() - what to know of a pod in the network of its node; to be freed */
char *wd_advise_host_network(const struct wd_object *pod);

#endif /* WARDER_ADVICE_H */
