/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query.h - answers of the agent, one file per noun, for query.c's table only.
 *
 * Handlers look at struct wd_agent and change nothing, but for sync, stop, policy.confirm,
 * and why, which has drift repaired that it finds.
 * The keys of the answers are documented in the man page of each command.
 */
#ifndef WARDER_QUERY_H
#define WARDER_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/model.h"
#include "../source/manifests.h"
#include "ctl.h"

struct wd_agent;
struct wd_store;

#define WD_QUERY_HANDLER(name) \
	void name(void *ctx, struct wd_ctl_conn *conn, \
		  struct json_object *req, int fd)

WD_QUERY_HANDLER(wd_query_status);
WD_QUERY_HANDLER(wd_query_endpoint_list);
WD_QUERY_HANDLER(wd_query_endpoint_get);
WD_QUERY_HANDLER(wd_query_identity_list);
WD_QUERY_HANDLER(wd_query_identity_get);
WD_QUERY_HANDLER(wd_query_service_list);
WD_QUERY_HANDLER(wd_query_service_get);
WD_QUERY_HANDLER(wd_query_policy_list);
WD_QUERY_HANDLER(wd_query_policy_get);
WD_QUERY_HANDLER(wd_query_policy_unused);
WD_QUERY_HANDLER(wd_query_policy_hits);
WD_QUERY_HANDLER(wd_query_policy_rules);
WD_QUERY_HANDLER(wd_query_policy_diff);
WD_QUERY_HANDLER(wd_query_replay);
WD_QUERY_HANDLER(wd_query_seen);
WD_QUERY_HANDLER(wd_query_policy_confirm);
WD_QUERY_HANDLER(wd_query_why);
WD_QUERY_HANDLER(wd_query_map_list);
WD_QUERY_HANDLER(wd_query_state_export);
WD_QUERY_HANDLER(wd_query_encryption_status);
WD_QUERY_HANDLER(wd_query_encryption_report);
WD_QUERY_HANDLER(wd_query_slo_status);
WD_QUERY_HANDLER(wd_query_slo_baseline);
WD_QUERY_HANDLER(wd_query_slo_set);
WD_QUERY_HANDLER(wd_query_slo_clear);

/** wd_query_status_doc() - the answer to `status`, to be put */
struct json_object *wd_query_status_doc(const struct wd_agent *agent);

/** wd_query_in_force() - all that was compiled is in the kernel: what was read until now is in force */
bool wd_query_in_force(const struct wd_agent *agent);

/* ---- shared pieces ---- */

/** wd_query_no_fd() - no command here takes a descriptor: close it */
void wd_query_no_fd(int fd);

struct wd_ep_info;

/** wd_query_endpoint_state() - in one word, as STATE of `endpoint list` */
const char *wd_query_endpoint_state(const struct wd_agent *agent,
				    const struct wd_ep_info *info);

/** wd_problem_effect_name() - "kept", "isolated", "ignored" */
const char *wd_problem_effect_name(enum wd_problem_effect effect);

/** wd_query_problem() - one of them, into an object */
void wd_query_problem(const struct wd_problem *problem,
		      struct json_object *obj);

/** wd_query_problems() - what is wrong with the files; @object NULL: with all of them */
void wd_query_problems(const struct wd_agent *agent, const char *object,
		       struct json_object *array);

/** wd_query_addr() - an address as text below @key */
void wd_query_addr(struct json_object *obj, const char *key,
		   const struct wd_addr *addr);

/** wd_query_time() - milliseconds since the epoch as RFC 3339 in UTC; 0 gives null */
void wd_query_time(struct json_object *obj, const char *key, int64_t ms);

void wd_query_labels(struct json_object *obj, const char *key,
		     const struct wd_labels *labels);

/** wd_query_identity() - number below @key, the reserved name or null below @key + "_name" */
void wd_query_identity(struct json_object *obj, const char *key, uint32_t id);

/** wd_query_policy_name() - kind, namespace and name */
void wd_query_policy_name(struct json_object *obj,
			  const struct wd_object *policy);

/** wd_query_rule() - the rule of a policy as verdicts name it; @index -1: that it isolates */
struct json_object *wd_query_rule(const struct wd_object *policy,
				  enum wd_dir dir, int index);

/** wd_query_split() - cut "a/b" or "a/b/c" at its slashes in place. Return: parts, at most @max */
int wd_query_split(char *text, char **part, int max);

/** wd_query_policy_find() - KIND/NS/NAME, KIND/NAME or NS/NAME, cut into its parts; NULL none */
const struct wd_object *wd_query_policy_find(const struct wd_store *store,
					     char **part, int cnt);

/** wd_query_next_policy() - all policies, kind after kind; @prev NULL: the first one */
const struct wd_object *wd_query_next_policy(const struct wd_store *store,
					     const struct wd_object *prev);

/* Whom policies isolate, or not; all borrowed. */
struct wd_query_subject {
	const struct wd_store *store;
	const struct wd_model *model;
	const struct wd_object *pod;
	const struct wd_endpoint *ep; /* NULL: no interface of this node */
};

/**
 * wd_query_isolated_by() - policies that isolate a pod in a direction
 * @array: gets them as objects: what is enforced; if nothing is, what is on
 *	trial. Empty before.
 */
void wd_query_isolated_by(const struct wd_query_subject *of, enum wd_dir dir,
			  struct json_object *array);

/** wd_query_wires() - devices that are no pod's, and what guards them, below "wires" */
void wd_query_wires(const struct wd_agent *agent, struct json_object *doc);

/** wd_query_wireguard() - WireGuard devices, and what is wrong: objects in these arrays */
void wd_query_wireguard(const struct wd_agent *agent,
			struct json_object *devices,
			struct json_object *findings);

#endif /* WARDER_QUERY_H */
