/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quotas.h - what objects would take of their namespaces' quotas, of no agent.
 */
#ifndef WARDER_QUOTAS_H
#define WARDER_QUOTAS_H

#include <stdint.h>

#include "../model/object.h"

struct wd_problems;
struct wd_quotas;
struct wd_store;

/**
 * wd_quotas_new() - a store that counts
 * @quota: of each namespace, by enum wd_quota; 0: no limit
 */
struct wd_quotas *wd_quotas_new(const uint32_t quota[WD_QUOTA__MAX]);
void wd_quotas_free(struct wd_quotas *quotas);

/** wd_quotas_store() - to be filled as an agent's: who comes first has room */
struct wd_store *wd_quotas_store(struct wd_quotas *quotas);

/**
 * wd_quotas_judge() - once all objects are there
 * @ret_list: gets what there is no room for
 * Return: 0, or -errno as of wd_model_commit().
 */
int wd_quotas_judge(struct wd_quotas *quotas, struct wd_problems *ret_list);

/**
 * wd_quotas_each() - then: what each namespace would take, if it takes any
 * @used: by enum wd_quota; with what there is no room for
 */
void wd_quotas_each(const struct wd_quotas *quotas,
		    void (*fn)(void *ctx, const char *ns,
			       const uint64_t used[WD_QUOTA__MAX]),
		    void *ctx);

#endif /* WARDER_QUOTAS_H */
