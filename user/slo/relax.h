/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relax.h - a namespace that is slow is put in audit, if the operator of the
 * node said so (`warder slo set NS --action audit`).
 *
 * It stays so, over restarts too, until `warder slo clear` or `--action alarm`:
 * an alarm that ends does not shut what was opened. It is as if each of its pods
 * on this node said warder.io/mode: audit itself: what is cluster-wide stays in
 * force, but for the tier Baseline, and a Namespace or Pod that says a mode keeps it.
 * Baseline holds where a namespace says nothing, and a policy of its own takes its
 * place: so the guard does no more than who may write the namespace could do.
 */
#ifndef WARDER_RELAX_H
#define WARDER_RELAX_H

#include <stdbool.h>

struct json_object;
struct wd_agent;
struct wd_guard;

/** wd_relax_again() - what slo.json says: before the first commit */
void wd_relax_again(struct wd_agent *agent, const struct wd_guard *guard);

/**
 * wd_relax_tend() - put it in audit where it is slow and told to be
 * Return: true: it was put there now, which is to be saved.
 */
bool wd_relax_tend(struct wd_agent *agent, struct wd_guard *guard);

/**
 * wd_relax_lost() - has the Namespace gone that was put in audit, or come anew?
 * Return: true: it is in audit no more, which is told, and is to be saved.
 */
bool wd_relax_lost(const struct wd_agent *agent, struct wd_guard *guard);

/** wd_relax_end() - put it back, if it is in audit by @was; which is no more saved */
void wd_relax_end(struct wd_agent *agent, const struct wd_guard *was);

/** wd_relax_put() - into an array, if it is in audit: namespace, since, pods */
void wd_relax_put(const struct wd_agent *agent, const struct wd_guard *guard,
		  struct json_object *array);

#endif /* WARDER_RELAX_H */
