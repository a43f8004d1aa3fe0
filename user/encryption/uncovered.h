/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uncovered.h - every path that is not proven to be encrypted, and why.
 *
 * The other half of a report: what its counters of encrypted traffic do not
 * speak of. Found from what is configured and from the objects of the cluster,
 * so that a path which was not used is listed, too. Pure: data in, data out.
 */
#ifndef WARDER_UNCOVERED_H
#define WARDER_UNCOVERED_H

struct json_object;

/**
 * wd_uncovered_put() - describe each path in @array
 * @requirement: as `encryption status` tells it, keys: pods, nodes ("required",
 *               "none"), exempt (names, or "all"), namespaces (namespace,
 *               encryption), node_names, host_network (namespace, name),
 *               prefixes (prefix), judged; see warder-encryption(8)
 * An element has: path (a word), title, why, counted_as (kinds of the report,
 * none: not counted), subjects (names; which depends on the path) and change
 * (what would cover it, null: nothing of warder's).
 */
void wd_uncovered_put(struct json_object *requirement,
		      struct json_object *array);

#endif /* WARDER_UNCOVERED_H */
