/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slo.h - how long TCP handshakes of pods take, by namespace, and the guard
 * that tells when they get slower than their baseline.
 */
#ifndef WARDER_SLO_H
#define WARDER_SLO_H

#include <stdint.h>

#include <warder/abi.h>

struct json_object;
struct wd_agent;
struct wd_guard;
struct wd_guard_own;
struct wd_guard_terms;
struct wd_guards;
struct wd_slo;

/**
 * wd_slo_new() - with the baselines of the state directory
 * Before the model's first commit: it knows then which namespaces are in audit.
 * Out of memory ends the program.
 */
struct wd_slo *wd_slo_new(struct wd_agent *agent);
void wd_slo_free(struct wd_slo *slo);

/** wd_slo_tick() - look after it, once in a second */
void wd_slo_tick(struct wd_slo *slo);

/** wd_slo_why_not() - why nothing is measured now, NULL: it is */
const char *wd_slo_why_not(const struct wd_slo *slo);

/**
 * wd_slo_next() - namespaces that have a group, in the order of these
 * @group: of the one before, WD_GROUP_REST before the first
 * Return: the next group, WD_GROUP_REST there are no more.
 */
uint32_t wd_slo_next(const struct wd_slo *slo, uint32_t group,
		     const char **ret_ns);

/** wd_slo_group() - of a namespace by its interned name, WD_GROUP_REST it has none */
uint32_t wd_slo_group(const struct wd_slo *slo, const char *ns);

/** wd_slo_read() - all that was counted in a group; 0 or -errno */
int wd_slo_read(const struct wd_slo *slo, uint32_t group,
		struct wd_timing_val *ret_val);

/** wd_slo_guards() - all there are */
const struct wd_guards *wd_slo_guards(const struct wd_slo *slo);

/**
 * wd_slo_baseline() - take and keep the baseline of a namespace
 * @for_ms: of what is counted from now on, for so long; 0: of all that was counted
 * @ret_error: why not, to be freed
 * Return: 0; -ENODATA too few were counted; -ENOSPC too many namespaces have one;
 * -errno the file cannot be written. Then what was in force stays.
 */
int wd_slo_baseline(struct wd_slo *slo, const char *ns, uint32_t for_ms,
		    char **ret_error);

/**
 * wd_slo_set() - other terms for a namespace, which may have no baseline yet
 * @own: which of them were said of it; what was said before stays its own
 * Return: 0; -EINVAL; -ENOSPC; -errno as of wd_slo_baseline().
 */
int wd_slo_set(struct wd_slo *slo, const char *ns,
	       const struct wd_guard_terms *terms,
	       const struct wd_guard_own *own, char **ret_error);

/** wd_slo_clear() - forget baseline and terms, end audit. Return: 0; -ENOENT; -errno */
int wd_slo_clear(struct wd_slo *slo, const char *ns, char **ret_error);

/** wd_slo_put() - how many are guarded, which are slow or in audit, below "slo" of @doc */
void wd_slo_put(const struct wd_slo *slo, struct json_object *doc);

/** wd_timing_side_name() - "client", "server" */
const char *wd_timing_side_name(enum wd_timing_side side);

#endif /* WARDER_SLO_H */
