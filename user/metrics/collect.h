/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collect.h - what the agent's numbers are, for those who draw curves of them.
 *
 * Most is of the answer to `status`, so that the two never differ. How many
 * series there are depends on the lists of warder alone (reasons, kinds, causes,
 * maps, findings), never on pods, addresses, nodes or namespaces; but for those
 * namespaces whose handshakes somebody has guarded (`warder slo`).
 */
#ifndef WARDER_METRICS_COLLECT_H
#define WARDER_METRICS_COLLECT_H

#include <stddef.h>

#include "query/query.h"

struct json_object;
struct wd_agent;

/**
 * wd_metrics_text() - all of it, to be freed
 * Return: NULL without memory.
 */
char *wd_metrics_text(const struct wd_agent *agent, size_t *ret_len);

/** wd_metrics_of() - the same of a document that has been collected, for tests */
char *wd_metrics_of(struct json_object *doc, size_t *ret_len);

/* Serves agent->config.metrics, if it is set: agent->metrics. Return: 0 or -errno. */
int wd_metrics_open(struct wd_agent *agent);

/* The "metrics" command: {"content_type", "text"}. */
WD_QUERY_HANDLER(wd_query_metrics);

#endif /* WARDER_METRICS_COLLECT_H */
