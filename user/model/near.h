/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * near.h - which rule comes nearest to allowing a flow that none allows, and
 * what it lacks. For advice only: no verdict rests on it.
 */
#ifndef WARDER_NEAR_H
#define WARDER_NEAR_H

#include <stdbool.h>

#include <warder/verdict.h>

#include "object.h"

struct wd_flow;
struct wd_model;

/* The smaller, the likelier that this is what was meant. */
enum wd_near_lack {
	WD_NEAR_PORT_NAME, /* names a port that the pod does not call so */
	WD_NEAR_PORT, /* is about this peer, on other ports */
	WD_NEAR_LABEL, /* pods with one label that the peer has not */
	WD_NEAR_NAMESPACE, /* such pods, in other namespaces */
	WD_NEAR_PORT_OF_ANY, /* is about anybody, on other ports */
	WD_NEAR__MAX,
};

struct wd_near {
	enum wd_near_lack lack;
	const struct wd_object *policy; /* borrowed, as all of this */
	int rule; /* for wd_policy_rule() */
	const struct wd_port *port; /* of WD_NEAR_PORT_NAME */
	/* what does not hold, of pod or namespace; NULL of WD_NEAR_NAMESPACE: its own namespace only */
	const struct wd_req *req;
};

/**
 * wd_model_near() - the rule that needs the smallest change
 * @subject: the pod that is isolated in @dir
 * Only rules that allow, of policies that select it, of the normal tier: no
 * other is asked where a pod is isolated.
 * Return: is there any that lacks one thing only; then @ret is set.
 */
bool wd_model_near(const struct wd_model *model, const struct wd_flow *flow,
		   enum wd_dir dir, const struct wd_object *subject,
		   struct wd_near *ret);

/** wd_near_port_name() - what the pod calls that port, or NULL; borrowed */
const char *wd_near_port_name(const struct wd_object *pod, uint8_t proto,
			      uint16_t port);

#endif /* WARDER_NEAR_H */
