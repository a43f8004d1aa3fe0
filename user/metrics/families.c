/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * families.c - from the collected document to families of samples. Pure: it
 * knows names, units and helps, and nothing of the agent.
 *
 * Every name that a label can have is there from the first second, with 0: a
 * rule that waits for one to grow needs to have seen it.
 */
#include <stdio.h>
#include <string.h>

#include <warder/rung.h>

#include "base/json.h"
#include "base/names.h"
#include "datapath/cause.h"
#include "datapath/ladder.h"
#include "encryption/cover.h"
#include "metrics/collect.h"
#include "metrics/handshakes.h"
#include "metrics/text.h"
#include "slo/hist.h"
#include "wireguard/check.h"

static int64_t number(struct json_object *obj, const char *key)
{
	/* of a bool 0 or 1; of what is not there 0 */
	return json_object_get_int64(wd_json_get(obj, key));
}

/* ---- single numbers ---- */

static const struct plain {
	const char *name;
	enum wd_metric_type type;
	const char *help;
	const char *in; /* object of the document, NULL the document */
	const char *key;
	double unit; /* that the value is in; 0: it is a number of things */
} plains[] = {
	{ "warder_agent_start_time_seconds", WD_GAUGE,
	  "When the agent began, since the epoch.", "agent", "started_ms",
	  1e-3 },
	{ "warder_agent_start_duration_seconds", WD_GAUGE,
	  "From the agent's begin until everything read was in force.", NULL,
	  "start_us", 1e-6 },
	{ "warder_agent_resident_memory_bytes", WD_GAUGE,
	  "Memory of the agent's process in RAM.", "agent", "rss_bytes", 0 },
	{ "warder_ready", WD_GAUGE,
	  "1: a generation of this agent is in force.", NULL, "ready", 0 },
	{ "warder_settled", WD_GAUGE,
	  "1: everything that was read is in force.", NULL, "settled", 0 },
	{ "warder_everything_allowed", WD_GAUGE,
	  "1: NOTHING IS ENFORCED: no rung works, and --hold allow is set.",
	  NULL, "everything_allowed", 0 },
	{ "warder_rung_frozen", WD_GAUGE,
	  "1: rung hold, nothing in the kernel is changed any more.", NULL,
	  "frozen", 0 },
	{ "warder_rung_start_time_seconds", WD_GAUGE,
	  "Since when the rung is in force, since the epoch.", "agent",
	  "rung_since_ms", 1e-3 },
	{ "warder_generation", WD_GAUGE,
	  "Number of the generation in force; begins anew with new maps.", NULL,
	  "generation", 0 },
	{ "warder_commits_total", WD_COUNTER,
	  "Generations that this agent has brought into force.", "commits",
	  "total", 0 },
	{ "warder_commit_last_duration_seconds", WD_GAUGE,
	  "What the last generation took to compile and write.", "commits",
	  "last_us", 1e-6 },
	{ "warder_commit_failures_in_a_row", WD_GAUGE,
	  "Attempts since the last one that succeeded; the generation before stays.",
	  "commits", "failures", 0 },
	{ "warder_map_writes_total", WD_COUNTER,
	  "Entries of maps written by system calls.", "commits", "map_writes",
	  0 },
	{ "warder_drift_checks_total", WD_COUNTER,
	  "How often the kernel's maps were read back.", "drift", "checks", 0 },
	{ "warder_drift_found_total", WD_COUNTER,
	  "Entries, pins and attachments that were not as written.", "drift",
	  "found", 0 },
	{ "warder_drift_repaired_total", WD_COUNTER, "Of these, repaired.",
	  "drift", "repaired", 0 },
	{ "warder_events_sent_total", WD_COUNTER,
	  "Events of packets for `warder monitor`.", "events", "sent", 0 },
	{ "warder_events_limited_total", WD_COUNTER,
	  "Events that the programs left out at their limit.", "events",
	  "limited", 0 },
	{ "warder_events_lost_total", WD_COUNTER,
	  "Events that the full buffer had no place for.", "events", "lost",
	  0 },
	{ "warder_source_last_read_timestamp_seconds", WD_GAUGE,
	  "When the manifests were last looked at and all could be read, since the epoch.",
	  "agent", "source_ms", 1e-3 },
	{ "warder_source_lost", WD_GAUGE,
	  "Directories of manifests that cannot be read; what they said stays in force.",
	  "agent", "source_lost", 0 },
	{ "warder_beside_findings", WD_GAUGE,
	  "What of Cilium on this node carries packets past warder's hooks.",
	  "agent", "beside", 0 },
	{ "warder_state_unread_files", WD_GAUGE,
	  "Files of the state directory that could not be used at the start.",
	  "agent", "state_unread", 0 },
	{ "warder_report_writes_total", WD_COUNTER,
	  "What the API server was told and has taken.", "reports", "written",
	  0 },
	{ "warder_report_refusals_total", WD_COUNTER,
	  "What it refused for good.", "reports", "refused", 0 },
	{ "warder_report_untold_total", WD_COUNTER,
	  "What was to be an Event, and was not told: too much, or refused.",
	  "reports", "untold", 0 },
	{ "warder_report_failures_total", WD_COUNTER,
	  "Requests that failed and are made again.", "reports", "failed", 0 },
	{ "warder_encryption_required", WD_GAUGE,
	  "1: something on this node must be encrypted.", "agent",
	  "encryption_required", 0 },
	{ "warder_wire_open", WD_GAUGE,
	  "1: a wire is unguarded, and what must be encrypted does not pass.",
	  "wires", "open", 0 },
	{ "warder_new_devices_open", WD_GAUGE,
	  "1: pods' packets may leave by a new device before it is judged.",
	  "wires", "new_devices_open", 0 },
	{ "warder_new_devices_dropped_total", WD_COUNTER,
	  "Packets that were to leave by a device that nothing judged yet.",
	  "wires", "new_devices_dropped", 0 },
};

static void put_plains(struct wd_metrics *m, struct json_object *doc)
{
	for (size_t i = 0; i < sizeof(plains) / sizeof(*plains); i++) {
		const struct plain *p = &plains[i];
		struct json_object *in = p->in ? wd_json_get(doc, p->in) : doc;
		int64_t value = number(in, p->key);

		wd_metrics_family(m, p->name, p->type, p->help);
		if (p->unit > 0)
			wd_metrics_real(m, NULL, (double)value * p->unit);
		else
			wd_metrics_int(m, NULL, value);
	}
	wd_metrics_family(m, "warder_build_info", WD_GAUGE,
			  "1; what runs here.");
	wd_metrics_int(
		m, WD_LABELS({ "version", wd_json_get_str(doc, "version") }),
		1);
}

/* ---- the ladder ---- */

static const char *wire_rung(struct json_object *doc)
{
	struct json_object *wires = wd_json_get(doc, "wires");
	const char *pods = wd_json_get_str(doc, "rung");
	const char *rung = wd_json_get_str(wires, "rung");

	if (!number(wd_json_get(doc, "agent"), "encryption_required"))
		return "none";
	if (*rung)
		return rung;
	/* without programs: where pods have none either, what guards those */
	return !strcmp(pods, "nft") || !strcmp(pods, "hold") ? pods : "none";
}

static void put_rung(struct wd_metrics *m, const char *family, const char *name)
{
	for (int rung = 0; rung <= WD_RUNG__MAX; rung++) {
		const char *this = rung < WD_RUNG__MAX ?
					   wd_rung_name((enum wd_rung)rung) :
					   "none";

		wd_metrics_int(
			m, WD_LABELS({ "family", family }, { "rung", this }),
			!strcmp(this, name));
	}
}

static void put_ladder(struct wd_metrics *m, struct json_object *doc)
{
	struct json_object *failures =
		wd_json_get(wd_json_get(doc, "agent"), "ladder_failures");
	const char *cause = wd_json_get_str(doc, "rung_cause");

	wd_metrics_family(
		m, "warder_rung", WD_GAUGE,
		"1: this rung is in force for pods, or for wires; none: nothing has to be.");
	put_rung(m, "pods", wd_json_get_str(doc, "rung"));
	put_rung(m, "wires", wire_rung(doc));
	wd_metrics_family(
		m, "warder_rung_cause", WD_GAUGE,
		"1: this is why no better rung is in force for pods; none: nothing failed.");
	wd_metrics_int(m, WD_LABELS({ "cause", "none" }), !*cause);
	for (int i = 0; i < WD_CAUSE__MAX; i++) {
		const char *name = wd_cause_name((enum wd_cause)i);

		wd_metrics_int(m, WD_LABELS({ "cause", name }),
			       !strcmp(name, cause));
	}
	wd_metrics_family(m, "warder_ladder_failures_total", WD_COUNTER,
			  "Rungs tried and not had, by cause.");
	for (int i = 0; i < WD_CAUSE__MAX; i++) {
		const char *name = wd_cause_name((enum wd_cause)i);

		wd_metrics_int(m, WD_LABELS({ "cause", name }),
			       number(failures, name));
	}
}

/* ---- packets ---- */

static void put_counters(struct wd_metrics *m, struct json_object *doc,
			 const char *name, const char *key, const char *help)
{
	wd_metrics_family(m, name, WD_COUNTER, help);
	for (size_t i = 0; i < wd_json_len(doc, "counters"); i++) {
		struct json_object *c = wd_json_at(doc, "counters", i);

		wd_metrics_int(
			m,
			WD_LABELS({ "reason", wd_json_get_str(c, "reason") },
				  { "direction",
				    wd_json_get_str(c, "direction") },
				  { "verdict", wd_json_get_str(c, "verdict") }),
			number(c, key));
	}
}

/* What became of the answers to denied packets; @cut: of those that were not sent. */
static void put_answered(struct wd_metrics *m, struct json_object *doc,
			 bool cut)
{
	static const char *const sent[] = { "reset", "prohibited", NULL };
	static const char *const unsent[] = { "held", "failed", NULL };
	const char *const *names = cut ? unsent : sent;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		const char *name = wd_dir_name((uint32_t)dir);
		struct json_object *in =
			wd_json_get(wd_json_get(doc, "deny_responses"), name);

		for (int i = 0; names[i]; i++)
			wd_metrics_int(
				m,
				WD_LABELS({ cut ? "cause" : "kind", names[i] },
					  { "direction", name }),
				number(in, names[i]));
	}
}

static void put_answers(struct wd_metrics *m, struct json_object *doc)
{
	wd_metrics_family(
		m, "warder_deny_responses_total", WD_COUNTER,
		"Senders told that their packet was denied, by a reset or an ICMP error; see warder.io/deny-response.");
	put_answered(m, doc, false);
	wd_metrics_family(
		m, "warder_deny_responses_suppressed_total", WD_COUNTER,
		"Those not told: held by the limit of a pod and direction, or failed in the kernel.");
	put_answered(m, doc, true);
}

/* ---- what is there ---- */

/* One sample for each key of an object, under its name. */
static void put_object(struct wd_metrics *m, struct json_object *obj,
		       const char *label)
{
	if (!json_object_is_type(obj, json_type_object))
		return;
	json_object_object_foreach(obj, name, value)
		wd_metrics_int(m, WD_LABELS({ label, name }),
			       json_object_get_int64(value));
}

static void put_maps(struct wd_metrics *m, struct json_object *doc,
		     const char *key)
{
	struct json_object *maps = wd_json_get(doc, "maps");

	if (!json_object_is_type(maps, json_type_object))
		return;
	json_object_object_foreach(maps, name, map)
		wd_metrics_int(m, WD_LABELS({ "map", name }), number(map, key));
}

static void put_problems(struct wd_metrics *m, struct json_object *doc)
{
	static const char *const effects[] = { "kept", "isolated", "ignored" };

	wd_metrics_family(
		m, "warder_object_problems", WD_GAUGE,
		"Things wrong with objects as read, by what became of the object.");
	for (size_t e = 0; e < sizeof(effects) / sizeof(*effects); e++) {
		int64_t cnt = 0;

		for (size_t i = 0; i < wd_json_len(doc, "problems"); i++)
			cnt += !strcmp(
				effects[e],
				wd_json_get_str(wd_json_at(doc, "problems", i),
						"effect"));
		wd_metrics_int(m, WD_LABELS({ "effect", effects[e] }), cnt);
	}
}

static void put_clusters(struct wd_metrics *m, struct json_object *doc,
			 const char *key, bool is_flag)
{
	for (size_t i = 0; i < wd_json_len(doc, "sources"); i++) {
		struct json_object *source = wd_json_at(doc, "sources", i);

		if (strcmp(wd_json_get_str(source, "type"), "cluster") != 0)
			continue;
		wd_metrics_int(m,
			       WD_LABELS({ "cluster",
					   wd_json_get_str(source, "name") }),
			       is_flag ? !*wd_json_get_str(source, key) :
					 number(source, key));
	}
}

static void put_mesh(struct wd_metrics *m, struct json_object *doc)
{
	wd_metrics_family(
		m, "warder_cluster_heard", WD_GAUGE,
		"1: another cluster's API server has told of all its pods and goes on doing so.");
	put_clusters(m, doc, "error", true);
	wd_metrics_family(m, "warder_cluster_pods", WD_GAUGE,
			  "Pods of another cluster that are in force.");
	put_clusters(m, doc, "pods", false);
}

static void put_things(struct wd_metrics *m, struct json_object *doc)
{
	wd_metrics_family(m, "warder_endpoints", WD_GAUGE,
			  "Pod interfaces of this node, by state.");
	put_object(m, wd_json_get(doc, "endpoints"), "state");
	wd_metrics_family(m, "warder_objects", WD_GAUGE,
			  "Objects that were read, by kind.");
	put_object(m, wd_json_get(doc, "objects"), "kind");
	put_problems(m, doc);
	put_mesh(m, doc);
	wd_metrics_family(
		m, "warder_policy_rules", WD_GAUGE,
		"Rules of all policies, by whether a packet was decided by them here; `warder policy unused` names those.");
	put_object(m, wd_json_get(wd_json_get(doc, "agent"), "rules"), "hits");
	wd_metrics_family(
		m, "warder_agent_events_total", WD_COUNTER,
		"What happened to the agent, as `warder status --events` tells it.");
	put_object(m, wd_json_get(wd_json_get(doc, "agent"), "happened"),
		   "kind");
	wd_metrics_family(m, "warder_map_entries", WD_GAUGE,
			  "Entries in use, by map.");
	put_maps(m, doc, "used");
	wd_metrics_family(m, "warder_map_max_entries", WD_GAUGE,
			  "Entries that fit, by map.");
	put_maps(m, doc, "max");
}

static void put_services(struct wd_metrics *m, struct json_object *doc)
{
	const char *error =
		wd_json_get_str(wd_json_get(doc, "services"), "error");

	wd_metrics_family(
		m, "warder_services_fallback", WD_GAUGE,
		"1: what judges services exactly cannot be had; all their backends count.");
	wd_metrics_int(m, NULL, *error != 0);
}

/* ---- encryption ---- */

static void put_wires(struct wd_metrics *m, struct json_object *doc)
{
	struct json_object *wires = wd_json_get(doc, "wires");
	int64_t guarded = 0, all = (int64_t)wd_json_len(wires, "devices");

	for (int64_t i = 0; i < all; i++)
		guarded += wd_json_get_bool(
			wd_json_at(wires, "devices", (size_t)i), "guarded");
	wd_metrics_family(m, "warder_wires", WD_GAUGE,
			  "Devices that are no pod's while something must be "
			  "encrypted, by whether they are guarded.");
	wd_metrics_int(m, WD_LABELS({ "state", "guarded" }), guarded);
	wd_metrics_int(m, WD_LABELS({ "state", "unguarded" }), all - guarded);
}

static void put_findings(struct wd_metrics *m, struct json_object *doc)
{
	struct json_object *wg = wd_json_get(doc, "wireguard");

	wd_metrics_family(m, "warder_wireguard_findings", WD_GAUGE,
			  "What is wrong with WireGuard, by name; stops=\"1\": "
			  "nothing encrypted passes.");
	for (int kind = 0; kind < WD_WG_KIND__MAX; kind++) {
		const char *name = wd_wg_kind_name((enum wd_wg_kind)kind);
		bool stops = wd_wg_kind_stops((enum wd_wg_kind)kind);
		int64_t cnt = 0;

		for (size_t i = 0; i < wd_json_len(wg, "findings"); i++)
			cnt += !strcmp(
				name,
				wd_json_get_str(wd_json_at(wg, "findings", i),
						"finding"));
		wd_metrics_int(m,
			       WD_LABELS({ "finding", name },
					 { "stops", stops ? "1" : "0" }),
			       cnt);
	}
}

static void put_wireguard(struct wd_metrics *m, struct json_object *doc)
{
	struct json_object *wg = wd_json_get(doc, "wireguard");
	struct json_object *peers =
		wd_json_get(wd_json_get(doc, "agent"), "wireguard");

	wd_metrics_family(
		m, "warder_wireguard_devices", WD_GAUGE,
		"WireGuard devices, while something must be encrypted.");
	wd_metrics_int(m, NULL, (int64_t)wd_json_len(wg, "devices"));
	wd_metrics_family(m, "warder_wireguard_peers", WD_GAUGE,
			  "Peers of these, by whether there ever was a "
			  "handshake.");
	wd_metrics_int(m, WD_LABELS({ "handshake", "done" }),
		       number(peers, "shaken"));
	wd_metrics_int(m, WD_LABELS({ "handshake", "never" }),
		       number(peers, "unshaken"));
	wd_metrics_family(m, "warder_wireguard_handshake_max_age_seconds",
			  WD_GAUGE,
			  "Age of the oldest last handshake of a peer; grows "
			  "while a peer has nothing to say.");
	wd_metrics_int(m, NULL, number(peers, "oldest_s"));
	put_findings(m, doc);
}

static void put_cover(struct wd_metrics *m, struct json_object *doc,
		      const char *name, const char *key, const char *help)
{
	struct json_object *array =
		wd_json_get(wd_json_get(doc, "agent"), "cover");
	size_t cnt = array ? json_object_array_length(array) : 0;

	wd_metrics_family(m, name, WD_COUNTER, help);
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *c = json_object_array_get_idx(array, i);

		wd_metrics_int(
			m,
			WD_LABELS({ "evidence", wd_json_get_str(c, "kind") },
				  { "direction",
				    wd_json_get_str(c, "direction") }),
			number(c, key));
	}
}

/* ---- handshakes ---- */

static void put_buckets(struct wd_metrics *m, struct json_object *of)
{
	const char *ns = wd_json_get_str(of, "namespace");
	const char *side = wd_json_get_str(of, "side");
	struct json_object *below = wd_json_get(of, "below");
	char end[32];

	wd_metrics_part(m, "_bucket");
	for (size_t i = 0; i < wd_json_len(of, "below"); i++) {
		uint32_t step =
			(WD_HANDSHAKES_FIRST + (uint32_t)i) * WD_TIMING_PARTS;

		(void)snprintf(end, sizeof(end), "%.9g",
			       (double)wd_hist_floor_ns(step) * 1e-9);
		wd_metrics_int(m,
			       WD_LABELS({ "namespace", ns }, { "side", side },
					 { "le", end }),
			       json_object_get_int64(
				       json_object_array_get_idx(below, i)));
	}
	wd_metrics_int(m,
		       WD_LABELS({ "namespace", ns }, { "side", side },
				 { "le", "+Inf" }),
		       number(of, "count"));
	wd_metrics_part(m, "_sum");
	wd_metrics_real(m, WD_LABELS({ "namespace", ns }, { "side", side }),
			(double)number(of, "sum_ns") * 1e-9);
	wd_metrics_part(m, "_count");
	wd_metrics_int(m, WD_LABELS({ "namespace", ns }, { "side", side }),
		       number(of, "count"));
}

static void put_quantile(struct wd_metrics *m, struct json_object *guard,
			 const char *quantile, const char *key)
{
	wd_metrics_real(
		m,
		WD_LABELS({ "namespace", wd_json_get_str(guard, "namespace") },
			  { "side", wd_json_get_str(guard, "side") },
			  { "quantile", quantile }),
		(double)number(guard, key) * 1e-9);
}

static void put_slo(struct wd_metrics *m, struct json_object *own)
{
	size_t cnt = wd_json_len(own, "guards");

	wd_metrics_family(
		m, "warder_handshake_seconds", WD_HISTOGRAM,
		"What pods waited for in TCP handshakes, by namespace "
		"and side; see `warder slo status`.");
	for (size_t i = 0; i < wd_json_len(own, "handshakes"); i++)
		put_buckets(m, wd_json_at(own, "handshakes", i));
	wd_metrics_family(m, "warder_slo_slow", WD_GAUGE,
			  "1: handshakes are slower than the baseline that is "
			  "kept of the namespace; none where nothing is "
			  "measured.");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *guard = wd_json_at(own, "guards", i);

		if (!wd_json_get(guard, "slow"))
			continue; /* nothing is measured */
		wd_metrics_int(
			m,
			WD_LABELS({ "namespace",
				    wd_json_get_str(guard, "namespace") },
				  { "side", wd_json_get_str(guard, "side") }),
			number(guard, "slow"));
	}
	wd_metrics_family(m, "warder_slo_audit", WD_GAUGE,
			  "1: the namespace is in audit, as its handshakes "
			  "were slow; 0: it may be put there.");
	for (size_t i = 0; i < wd_json_len(own, "guards_audit"); i++) {
		struct json_object *guard = wd_json_at(own, "guards_audit", i);

		wd_metrics_int(
			m,
			WD_LABELS({ "namespace",
				    wd_json_get_str(guard, "namespace") }),
			number(guard, "audit"));
	}
	wd_metrics_family(m, "warder_slo_baseline_seconds", WD_GAUGE,
			  "The baseline that handshakes are compared with.");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *guard = wd_json_at(own, "guards", i);

		put_quantile(m, guard, "0.5", "baseline_p50_ns");
		put_quantile(m, guard, "0.99", "baseline_p99_ns");
	}
	wd_metrics_family(m, "warder_slo_window_seconds", WD_GAUGE,
			  "The same of the last window; 0: none was yet.");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *guard = wd_json_at(own, "guards", i);

		put_quantile(m, guard, "0.5", "last_p50_ns");
		put_quantile(m, guard, "0.99", "last_p99_ns");
	}
}

char *wd_metrics_of(struct json_object *doc, size_t *ret_len)
{
	struct wd_metrics *m = wd_metrics_new();

	if (!m)
		return NULL;
	put_plains(m, doc);
	put_ladder(m, doc);
	put_counters(m, doc, "warder_packets_total", "packets",
		     "Packets judged; verdict audit: would be dropped.");
	put_counters(m, doc, "warder_packet_bytes_total", "bytes",
		     "Bytes of packets judged.");
	put_answers(m, doc);
	put_things(m, doc);
	put_services(m, doc);
	put_wires(m, doc);
	put_wireguard(m, doc);
	put_cover(
		m, doc, "warder_encryption_packets_total", "packets",
		"Packets between nodes, by what is known of their encryption.");
	put_cover(m, doc, "warder_encryption_bytes_total", "bytes",
		  "Bytes between nodes, by what is known of their encryption.");
	put_slo(m, wd_json_get(doc, "agent"));
	return wd_metrics_end(m, ret_len);
}
