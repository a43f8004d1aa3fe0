/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * handshakes.h - how long handshakes take, for Prometheus.
 */
#ifndef WARDER_METRICS_HANDSHAKES_H
#define WARDER_METRICS_HANDSHAKES_H

struct json_object;
struct wd_agent;

/* Buckets end at each doubling from this one (32.8 us) on, the last at 17 s. */
#define WD_HANDSHAKES_FIRST 5

/**
 * wd_handshakes_collect() - "handshakes" and "guards" in @doc, one of each side
 * Of guarded namespaces only: others make no series.
 */
void wd_handshakes_collect(const struct wd_agent *agent,
			   struct json_object *doc);

#endif /* WARDER_METRICS_HANDSHAKES_H */
