/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump.h - objects in words, for the report of a case that failed. Each line
 * begins with "# ". Decides nothing.
 */
#ifndef WARDER_SELFTESTS_DUMP_H
#define WARDER_SELFTESTS_DUMP_H

#include "gen.h"
#include "oracle.h"

/** wd_dump_reason() - name of a reason, "?" if there is none */
const char *wd_dump_reason(int reason);

/** wd_dump_object() - one object */
void wd_dump_object(const struct wd_object *obj);

/** wd_dump_flow() - a question: the flow, and at which end it was asked */
void wd_dump_flow(const struct wd_endpoint *ep, enum wd_dir dir,
		  const struct wd_flow *flow);

/** wd_dump_case() - what matters for a question: pods, namespaces, policies, last changes */
void wd_dump_case(const struct wd_gen *gen, const struct wd_oracle *oracle,
		  const struct wd_endpoint *ep, enum wd_dir dir,
		  const struct wd_flow *flow);

#endif /* WARDER_SELFTESTS_DUMP_H */
