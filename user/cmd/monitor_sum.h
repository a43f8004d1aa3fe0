/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor_sum.h - events that say the same, as one and a number.
 *
 * The same say those of one reason, verdict, rule and direction, between the
 * same two sides, of one protocol and port that was sent to. The port sent from
 * is the sender's choice: whoever scans ports from a low one hides none of them.
 */
#ifndef WARDER_MONITOR_SUM_H
#define WARDER_MONITOR_SUM_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct wd_sums;

/** wd_sums_new() - of what comes within @window_ms after the first of its kind */
struct wd_sums *wd_sums_new(uint32_t window_ms);
void wd_sums_free(struct wd_sums *sums);

/** wd_sums_add() - is it the first of its kind, to be shown? Else it is counted */
bool wd_sums_add(struct wd_sums *sums, struct json_object *event);

/**
 * wd_sums_due() - the last of those whose time is over, or of @all that were counted
 * It has the fields "more" (how many came after the first, itself included) and
 * "since" (the time of the first) besides.
 * Return: to be put by the caller, or NULL: no more.
 */
struct json_object *wd_sums_due(struct wd_sums *sums, bool all);

#endif /* WARDER_MONITOR_SUM_H */
