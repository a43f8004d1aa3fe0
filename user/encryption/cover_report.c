/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_report.c - groups of rows. The rows come sorted, so that a group of
 * namespaces is a run; groups of nodes are made from rows with other names.
 */
#include "cover_report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/version.h"
#include "evidence.h"
#include "uncovered.h"

void wd_cover_time(struct json_object *obj, const char *key, int64_t s)
{
	time_t seconds = (time_t)s;
	char text[64];
	struct tm tm;

	if (!s || !gmtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		wd_json_str(obj, key, NULL);
	else
		wd_json_str(obj, key, text);
}

static void put_count(struct json_object *obj, uint64_t packets, uint64_t bytes)
{
	wd_json_int(obj, "packets", (int64_t)packets);
	wd_json_int(obj, "bytes", (int64_t)bytes);
}

/* "" is nobody's name: a node, or not known. */
static void put_name(struct json_object *obj, const char *key, const char *name)
{
	wd_json_str(obj, key, *name ? name : NULL);
}

static void put_direction(struct json_object *obj, uint8_t dir)
{
	wd_json_str(obj, "direction", wd_dir_name(dir));
}

/* ---- kinds ---- */

struct json_object *wd_cover_kinds(const struct wd_cover *cover)
{
	struct wd_stat_val sum[WD_COVER__MAX][WD_DIR__MAX] = { 0 };
	struct wd_cover_row *row = wd_cover_rows(cover);
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < wd_cover_cnt(cover); i++) {
		sum[row[i].kind][row[i].dir].packets += row[i].packets;
		sum[row[i].kind][row[i].dir].bytes += row[i].bytes;
	}
	free(row);
	for (uint32_t kind = 0; kind < WD_COVER__MAX; kind++) {
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "kind", wd_cover_kind_name(kind));
		wd_json_str(obj, "evidence", wd_cover_kind_evidence(kind));
		wd_json_str(obj, "help", wd_cover_kind_help(kind));
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++)
			put_count(wd_json_object(obj, dir == WD_EGRESS ?
							      "egress" :
							      "ingress"),
				  sum[kind][dir].packets, sum[kind][dir].bytes);
	}
	return array;
}

/* ---- groups: one object, with a count for each kind that was met ---- */

static void put_counts(struct json_object *group,
		       const struct wd_cover_row *row, size_t cnt)
{
	struct wd_stat_val sum[WD_COVER__MAX] = { 0 };
	struct json_object *counts = wd_json_object(group, "counts");

	for (size_t i = 0; i < cnt; i++) {
		sum[row[i].kind].packets += row[i].packets;
		sum[row[i].kind].bytes += row[i].bytes;
	}
	for (uint32_t kind = 0; kind < WD_COVER__MAX; kind++)
		if (sum[kind].packets || sum[kind].bytes)
			put_count(wd_json_object(counts,
						 wd_cover_kind_name(kind)),
				  sum[kind].packets, sum[kind].bytes);
}

static void put_namespaces(const struct wd_cover *cover,
			   struct json_object *array)
{
	struct wd_cover_row *row = wd_cover_rows(cover);
	size_t cnt = wd_cover_cnt(cover);

	for (size_t first = 0, next; first < cnt; first = next) {
		struct json_object *obj = wd_json_push(array);

		for (next = first + 1; next < cnt; next++)
			if (strcmp(row[next].from, row[first].from) != 0 ||
			    strcmp(row[next].to, row[first].to) != 0)
				break;
		put_name(obj, "from", row[first].from);
		put_name(obj, "to", row[first].to);
		put_counts(obj, &row[first], next - first);
	}
	free(row);
}

/* The same rows without namespaces and families. */
static struct wd_cover *by_peer(const struct wd_cover *cover)
{
	struct wd_cover_row *row = wd_cover_rows(cover);
	struct wd_cover *peers = wd_cover_new();

	for (size_t i = 0; i < wd_cover_cnt(cover); i++) {
		row[i].from = row[i].to = "";
		row[i].family = 0;
		wd_cover_add(peers, &row[i]);
	}
	free(row);
	return peers;
}

static void put_nodes(const struct wd_cover *cover, const char *node,
		      struct json_object *array)
{
	struct wd_cover *peers = by_peer(cover);
	struct wd_cover_row *row = wd_cover_rows(peers);
	size_t cnt = wd_cover_cnt(peers);

	for (size_t first = 0, next; first < cnt; first = next) {
		struct json_object *obj = wd_json_push(array);

		for (next = first + 1; next < cnt; next++)
			if (strcmp(row[next].peer, row[first].peer) != 0 ||
			    row[next].dir != row[first].dir)
				break;
		wd_json_str(obj, "node", node);
		put_name(obj, "peer", row[first].peer);
		put_direction(obj, row[first].dir);
		put_counts(obj, &row[first], next - first);
	}
	free(row);
	wd_cover_free(peers);
}

static void put_rows(const struct wd_cover *cover, struct json_object *array)
{
	struct wd_cover_row *row = wd_cover_rows(cover);

	for (size_t i = 0; i < wd_cover_cnt(cover); i++) {
		struct json_object *obj = wd_json_push(array);

		put_name(obj, "from", row[i].from);
		put_name(obj, "to", row[i].to);
		put_name(obj, "peer", row[i].peer);
		put_direction(obj, row[i].dir);
		wd_json_int(obj, "family", row[i].family);
		wd_json_str(obj, "kind", wd_cover_kind_name(row[i].kind));
		put_count(obj, row[i].packets, row[i].bytes);
	}
	free(row);
}

/* ---- times ---- */

static void put_seconds(const struct wd_evidence_sum *sum,
			struct json_object *obj)
{
	wd_json_int(obj, "known", (int64_t)sum->known_s);
	wd_json_int(obj, "required", (int64_t)sum->required_s);
	wd_json_int(obj, "nodes_required", (int64_t)sum->nodes_s);
	wd_json_int(obj, "wire_open", (int64_t)sum->open_s);
	wd_json_int(obj, "gaps", (int64_t)sum->gap_s);
}

static void put_gaps(const struct wd_evidence_sum *sum, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "gaps");

	for (size_t i = 0; i < sum->gap_cnt && i < WD_EVIDENCE_GAPS; i++) {
		struct json_object *obj = wd_json_push(array);

		wd_cover_time(obj, "from", sum->gap[i].from_s);
		wd_cover_time(obj, "to", sum->gap[i].to_s);
		wd_json_int(obj, "seconds", (int64_t)sum->gap[i].gap_s);
	}
	wd_json_int(doc, "gap_count", (int64_t)sum->gap_cnt);
}

static void put_history(const struct wd_cover_history *history,
			struct json_object *obj)
{
	wd_json_str(obj, "file", WD_COVER_FILE);
	wd_json_int(obj, "spans", (int64_t)history->spans);
	wd_json_int(obj, "damaged", (int64_t)history->damaged);
	wd_json_int(obj, "bytes", (int64_t)history->bytes);
}

struct json_object *wd_cover_report(const struct wd_evidence_sum *sum,
				    const char *node, int64_t since_s,
				    struct json_object *requirement)
{
	struct json_object *doc = json_object_new_object();

	wd_json_str(doc, "node", node);
	wd_json_str(doc, "version", WARDER_VERSION);
	wd_cover_time(doc, "since", since_s);
	wd_cover_time(doc, "from", sum->from_s);
	wd_cover_time(doc, "to", sum->to_s);
	put_seconds(sum, wd_json_object(doc, "seconds"));
	put_gaps(sum, doc);
	put_history(&sum->history, wd_json_object(doc, "history"));
	wd_json_add(doc, "kinds", wd_cover_kinds(sum->cover));
	put_namespaces(sum->cover, wd_json_array(doc, "namespaces"));
	put_nodes(sum->cover, node, wd_json_array(doc, "nodes"));
	put_rows(sum->cover, wd_json_array(doc, "rows"));
	wd_uncovered_put(requirement, wd_json_array(doc, "not_covered"));
	wd_json_add(doc, "requirement", requirement);
	return doc;
}
