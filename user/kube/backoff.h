/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backoff.h - how long to wait after a failure, so that six hundred nodes do
 * not come back to a server all at once.
 */
#ifndef WARDER_KUBE_BACKOFF_H
#define WARDER_KUBE_BACKOFF_H

#include <stdint.h>

struct wd_kube_timing;

struct wd_kube_backoff {
	uint32_t failures; /* in a row */
	int64_t last_ms; /* CLOCK_MONOTONIC of the last one */
};

/** wd_kube_random() - 0 .. @below - 1; 0 for 0 */
uint32_t wd_kube_random(uint32_t below);

/** wd_kube_spread() - @ms, and up to as much again at random */
uint32_t wd_kube_spread(uint32_t ms);

/**
 * wd_kube_backoff() - one more failure at @now_ms (CLOCK_MONOTONIC)
 * Return: milliseconds to wait.
 * Source: client-go, tools/cache/reflector.go.
 */
uint32_t wd_kube_backoff(struct wd_kube_backoff *b,
			 const struct wd_kube_timing *timing, int64_t now_ms);

#endif /* WARDER_KUBE_BACKOFF_H */
