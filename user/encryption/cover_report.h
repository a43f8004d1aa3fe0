/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_report.h - the report of an auditor as data: what was counted in a
 * time, by pairs of namespaces and of nodes, and what no count speaks of.
 *
 * Pure: from sums and requirement to JSON, which the commands print. Keys are
 * in warder-encryption(8).
 */
#ifndef WARDER_COVER_REPORT_H
#define WARDER_COVER_REPORT_H

#include <stdint.h>

struct json_object;
struct wd_cover;
struct wd_evidence_sum;

/**
 * wd_cover_report() - the whole report
 * @node: this one's name
 * @since_s: what was asked for, seconds since the epoch; 0 everything
 * @requirement: as `encryption status` has it; becomes part of the answer
 * Return: to be put.
 */
struct json_object *wd_cover_report(const struct wd_evidence_sum *sum,
				    const char *node, int64_t since_s,
				    struct json_object *requirement);

/** wd_cover_kinds() - one element for each kind, with what was counted in each way */
struct json_object *wd_cover_kinds(const struct wd_cover *cover);

/** wd_cover_time() - seconds since the epoch as RFC 3339 in UTC; 0 gives null */
void wd_cover_time(struct json_object *obj, const char *key, int64_t s);

#endif /* WARDER_COVER_REPORT_H */
