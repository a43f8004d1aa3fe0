/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rehearsal_flows.h - observed flows, judged before and after a change.
 *
 * A flow is judged by the hooks of this node that saw it, and if the sender's
 * did, by the receiver's, too. What is compared is the model's word before
 * with its word after, not what happened an hour ago under other policies.
 */
#ifndef WARDER_REHEARSAL_FLOWS_H
#define WARDER_REHEARSAL_FLOWS_H

#include <stdint.h>

struct json_object;
struct wd_agent;
struct wd_rehearsal_flows;

/** wd_rehearsal_flows_new() - take what was seen in the last @since_s seconds; never freed, its process ends */
struct wd_rehearsal_flows *wd_rehearsal_flows_new(const struct wd_agent *agent,
						  uint32_t since_s);

/** wd_rehearsal_flows_before() - judge each by what is in force */
void wd_rehearsal_flows_before(struct wd_rehearsal_flows *flows);

/** wd_rehearsal_flows_after() - judge again, and tell what is another verdict: keys "changes", "summary", "not_judged", "notes" */
void wd_rehearsal_flows_after(struct wd_rehearsal_flows *flows,
			      struct json_object *doc);

/**
 * wd_rehearsal_flows_tell() - without any change: what was seen, and what is said of it now
 * @max: so many flows, those that were stopped most first; all are counted
 * Keys "pairs" (by namespaces), "flows", "flow_count", "other_drops", "notes".
 */
void wd_rehearsal_flows_tell(struct wd_rehearsal_flows *flows, uint32_t max,
			     struct json_object *doc);

#endif /* WARDER_REHEARSAL_FLOWS_H */
