/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * initial.h - does an API server tell what is there at the head of a watch.
 *
 * "WatchList" of Kubernetes, on by default since 1.34: each object comes as an
 * event, then a bookmark that says that these were all. It costs the server as
 * much as a watcher, where a list is built whole. One that cannot do it says so
 * and is asked again later: it may have been upgraded.
 */
#ifndef WARDER_KUBE_INITIAL_H
#define WARDER_KUBE_INITIAL_H

#include <stdbool.h>
#include <stdint.h>

struct wd_kube_timing;
struct wd_tree;

/* All zero: not asked yet. */
struct wd_kube_initial {
	uint32_t refusals; /* in a row */
	int64_t again_ms; /* CLOCK_MONOTONIC: not asked before */
};

/** wd_kube_initial_may() - is it worth asking for; NULL: never */
bool wd_kube_initial_may(const struct wd_kube_initial *server);

/** wd_kube_initial_refused() - a list of @path was not given so, with this @code of HTTP */
void wd_kube_initial_refused(struct wd_kube_initial *server,
			     const struct wd_kube_timing *timing,
			     const char *path, int code);

/** wd_kube_initial_given() - a list came so */
void wd_kube_initial_given(struct wd_kube_initial *server);

/** wd_kube_initial_is_end() - is it the bookmark behind the last object; @meta: its metadata */
bool wd_kube_initial_is_end(const struct wd_tree *meta);

#endif /* WARDER_KUBE_INITIAL_H */
