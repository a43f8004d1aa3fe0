/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * suggest.h - a NetworkPolicy that would change a verdict, as one may apply it.
 *
 * The narrowest that the kind can say: pods by all labels that last, one port,
 * an address where there is no pod. Nothing applies it here.
 */
#ifndef WARDER_SUGGEST_H
#define WARDER_SUGGEST_H

#include <stdbool.h>

#include <warder/verdict.h>

#include "../model/model.h"

struct json_object;
struct wd_store;

struct wd_suggestion {
	const struct wd_store *store; /* so that its name is free */
	enum wd_dir dir;
	const struct wd_object *subject; /* the pod that it selects */
	const struct wd_object *peer; /* a pod, or NULL: the address */
	const struct wd_flow *flow;
	bool closes; /* it isolates, and allows nothing */
};

/**
 * wd_suggest() - the object, to be put
 * Return: NULL: there is no label to select the pod or its peer by, and what
 *	   selects all would be more than was asked for.
 */
struct json_object *wd_suggest(const struct wd_suggestion *of);

/** wd_suggest_is_dns() - is it a question for names, which goes by UDP and by TCP */
bool wd_suggest_is_dns(const struct wd_flow *flow, const struct wd_object *to);

#endif /* WARDER_SUGGEST_H */
