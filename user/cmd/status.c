/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.c - `warder status`: how enforcement on this node stands, on a page;
 * with --wait, not before everything that was read is in force.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/now.h"
#include "../base/table.h"
#include "cmd.h"

#define POLL_MS 50
#define ALIVE_MS 20000

/* ---- text ---- */

static void print_replaced(struct json_object *maps)
{
	if (maps)
		wd_show_line("maps",
			     "of schema %lld replaced by schema %lld at %s "
			     "(%s); counters began anew",
			     (long long)wd_json_get_int(maps, "schema_before"),
			     (long long)wd_json_get_int(maps, "schema"),
			     wd_json_get_str(maps, "time"),
			     wd_json_get_str(maps, "why"));
}

/* What a person must know of a rung that is not the best; nothing of the best. */
static void print_lower(struct json_object *doc)
{
	if (!strcmp(wd_json_get_str(doc, "rung"), "full") &&
	    !wd_json_get_bool(doc, "kept"))
		return;
	wd_show_line("", "since %s", wd_json_get_str(doc, "rung_since"));
	wd_show_line("", "lacks: %s", wd_json_get_str(doc, "rung_lacks"));
	if (*wd_json_get_str(doc, "rung_cause"))
		wd_show_line("", "cause: %s; what would help: %s",
			     wd_json_get_str(doc, "rung_cause"),
			     wd_json_get_str(doc, "rung_fix"));
}

static void print_rung(struct json_object *doc)
{
	wd_show_line("rung", "%s, %s: %s; %s%s%s", wd_json_get_str(doc, "rung"),
		     wd_json_get_str(doc, "attach"),
		     wd_json_get_str(doc, "rung_reason"),
		     wd_json_get_str(doc, "attach_reason"),
		     wd_json_get_bool(doc, "swapped") ?
			     "; running programs were replaced" :
			     "",
		     wd_json_get_bool(doc, "kept") ?
			     "; those of the agent before stay" :
			     "");
	print_lower(doc);
}

/* Nothing where nothing must be encrypted: then no device is looked at. */
static void print_wires(struct json_object *doc)
{
	struct json_object *wires = wd_json_get(doc, "wires");
	struct json_object *found = wd_json_get(doc, "wireguard");
	const char *error = wd_json_get_str(wires, "new_devices_error");
	size_t cnt = wd_json_len(wires, "devices"), guarded = 0;

	if (!cnt && !wd_json_get_bool(wires, "open") &&
	    !wd_json_get_bool(wires, "new_devices_open"))
		return;
	for (size_t i = 0; i < cnt; i++)
		guarded += wd_json_get_bool(wd_json_at(wires, "devices", i),
					    "guarded");
	wd_show_line("wires", "%zu of %zu devices guarded%s", guarded, cnt,
		     wd_json_get_bool(wires, "open") ?
			     "; what must be encrypted does not pass between "
			     "pods and other nodes" :
			     "");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *d = wd_json_at(wires, "devices", i);

		if (!wd_json_get_bool(d, "guarded"))
			wd_show_line("", "%s: %s",
				     wd_json_get_str(d, "interface"),
				     wd_json_get_str(d, "error"));
	}
	if (wd_json_get_bool(wires, "new_devices_open"))
		wd_show_line("",
			     "a new device is not closed to pods until it is "
			     "guarded: %s",
			     *error ? error : "encryption-new-devices: open");
	for (size_t i = 0; i < wd_json_len(wires, "no_prefix"); i++)
		wd_show_line("",
			     "no %s prefix of the cluster is known: pods "
			     "that must encrypt reach nobody in clear",
			     json_object_get_string(
				     wd_json_at(wires, "no_prefix", i)));
	cnt = wd_json_len(found, "findings");
	wd_show_line("wireguard",
		     cnt == 1 ? "%zu finding" :
		     cnt      ? "%zu findings" :
				"as it should be",
		     cnt);
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *f = wd_json_at(found, "findings", i);

		wd_show_line("", "%s: %s: %s", wd_json_get_str(f, "finding"),
			     wd_json_get_str(f, "object"),
			     wd_json_get_str(f, "text"));
	}
}

static void print_services(struct json_object *services)
{
	wd_show_line("services", "%s, because %s",
		     wd_json_get_str(services, "judged"),
		     wd_json_get_str(services, "why"));
}

static void print_host(struct json_object *host)
{
	const char *state = wd_json_get_str(host, "state");
	bool enforced = wd_json_get_bool(host, "enforced");
	const char *why = wd_json_get_str(host, "why");

	if (!strcmp(state, "none"))
		return;
	if (!strcmp(state, "tried") && enforced)
		wd_show_line(
			"host policy",
			"tried: taken back in %lld s unless `warder policy confirm`",
			(long long)wd_json_get_int(host, "seconds_left"));
	else
		wd_show_line("host policy", "%s%s%s%s", state,
			     enforced ? "" : ", not enforced", *why ? ": " : "",
			     why);
}

static void print_head(struct json_object *doc)
{
	struct json_object *progs = wd_json_get(doc, "programs");

	print_rung(doc);
	wd_show_line("state", "%s",
		     !wd_json_get_bool(doc, "ready") ?
			     "starting: not everything is in force yet" :
		     wd_json_get_bool(doc, "settled") ?
			     "ready, everything read is in force" :
			     "ready, changes are on their way");
	wd_show_line("generation", "%lld%s",
		     (long long)wd_json_get_int(doc, "generation"),
		     wd_json_get_bool(doc, "adopted") ?
			     " (maps taken over from the agent before)" :
			     "");
	print_replaced(wd_json_get(doc, "replaced_maps"));
	wd_show_line("node", "%s, mode %s, host ingress %s, encryption %s",
		     wd_json_get_str(doc, "node"), wd_json_get_str(doc, "mode"),
		     wd_json_get_str(doc, "host_ingress"),
		     wd_json_get_str(doc, "encryption"));
	print_wires(doc);
	print_services(wd_json_get(doc, "services"));
	print_host(wd_json_get(doc, "host"));
	wd_show_line("agent",
		     "version %s, pid %lld, up %lld s, ready %.1f ms "
		     "after its start",
		     wd_json_get_str(doc, "version"),
		     (long long)wd_json_get_int(doc, "pid"),
		     (long long)wd_json_get_int(doc, "uptime_s"),
		     (double)wd_json_get_int(doc, "start_us") / 1000);
	for (size_t i = 0; i < wd_json_len(doc, "programs"); i++) {
		struct json_object *prog = json_object_array_get_idx(progs, i);

		wd_show_line(i ? "" : "programs",
			     "%s id %lld tag %s, %lld instructions verified",
			     wd_json_get_str(prog, "name"),
			     (long long)wd_json_get_int(prog, "id"),
			     wd_json_get_str(prog, "tag"),
			     (long long)wd_json_get_int(prog,
							"verified_insns"));
	}
}

static void print_counts(const char *label, struct json_object *counts)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	int cnt = 0;

	if (!to)
		return;
	if (json_object_is_type(counts, json_type_object)) {
		json_object_object_foreach(counts, name, value)
			fprintf(to, "%s%lld %s", cnt++ ? ", " : "",
				(long long)json_object_get_int64(value), name);
	}
	fclose(to);
	wd_show_line_free(label, text);
}

/* Has the server none of it, or is it not asked for? */
static bool is_not_there(const char *state)
{
	return strcmp(state, "absent") == 0 || strcmp(state, "unused") == 0;
}

/* Kinds that are not just watched. */
static void print_kube_kinds(struct json_object *source)
{
	for (size_t i = 0; i < wd_json_len(source, "kinds"); i++) {
		struct json_object *kind = wd_json_at(source, "kinds", i);
		const char *state = wd_json_get_str(kind, "state");
		const char *error = wd_json_get_str(kind, "error");
		long long cnt = wd_json_get_int(kind, "unconfirmed_deletions");

		if (cnt)
			wd_show_line(
				"",
				"  %s: %lld deleted, which count until the server has said that the kind stays",
				wd_json_get_str(kind, "kind"), cnt);
		if (is_not_there(state) ||
		    (strcmp(state, "watching") == 0 && !*error))
			continue;
		wd_show_line("", "  %s: %s since %s%s%s%s",
			     wd_json_get_str(kind, "kind"), state,
			     wd_json_get_str(kind, "since"),
			     wd_json_get_bool(kind, "kept") ?
				     ", in force is what the disk had" :
				     "",
			     *error ? "; " : "", error);
	}
}

static void print_kube(const char *label, struct json_object *source)
{
	const char *oldest = NULL;
	size_t cnt[2] = { 0 };

	for (size_t i = 0; i < wd_json_len(source, "kinds"); i++) {
		struct json_object *kind = wd_json_at(source, "kinds", i);
		const char *state = wd_json_get_str(kind, "state");
		const char *heard = wd_json_get_str(kind, "heard");

		cnt[0] += !strcmp(state, "watching");
		cnt[1] += !strcmp(state, "absent");
		/* all are UTC and of one form: their order is that of the texts */
		if (!is_not_there(state) &&
		    (!oldest || strcmp(heard, oldest) < 0))
			oldest = heard;
	}
	wd_show_line(label,
		     "%s: %zu kinds watched, %zu not there; of each heard "
		     "since %s",
		     wd_json_get_str(source, "server"), cnt[0], cnt[1],
		     oldest && *oldest ? oldest : "never");
	print_kube_kinds(source);
}

static void print_cluster(const char *label, struct json_object *source)
{
	const char *error = wd_json_get_str(source, "error");

	wd_show_line(label, "cluster %s: %s, %lld pods%s%s",
		     wd_json_get_str(source, "name"),
		     *error			       ? "not heard" :
		     wd_json_get_bool(source, "known") ? "followed" :
							 "being read",
		     (long long)wd_json_get_int(source, "pods"),
		     *error ? "; " : "", error);
	print_kube_kinds(source);
}

static void print_sources(struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "sources");
	struct json_object *unknown;

	for (size_t i = 0; i < cnt; i++) {
		struct json_object *source = wd_json_at(doc, "sources", i);
		const char *label = i ? "" : "sources";

		if (!strcmp(wd_json_get_str(source, "type"), "kube"))
			print_kube(label, source);
		else if (!strcmp(wd_json_get_str(source, "type"), "cluster"))
			print_cluster(label, source);
		else
			wd_show_line(label, "%s",
				     wd_json_get_str(source, "dir"));
	}
	if (!cnt)
		wd_show_line("sources", "none; start with --manifests DIR or "
					"--kubeconfig FILE");
	print_counts("objects", wd_json_get(doc, "objects"));
	unknown = wd_json_get(doc, "unknown_kinds"); /* not of an older agent */
	if (json_object_is_type(unknown, json_type_object) &&
	    json_object_object_length(unknown))
		print_counts("unknown kinds", unknown);
	cnt = wd_json_len(doc, "problems");
	wd_show_line("problems", cnt ? "%zu" : "none", cnt);
	for (size_t i = 0; i < cnt; i++) {
		fputs("  ", stdout);
		wd_show_problem(stdout, wd_json_at(doc, "problems", i));
	}
}

/* What a start could not use of the disk; nothing where it could use all. */
static void print_unread(struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "unread_state");

	if (cnt)
		wd_show_line("state", "%zu %s not be used at the start", cnt,
			     cnt == 1 ? "file could" : "files could");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *one = wd_json_at(doc, "unread_state", i);
		const char *kept = wd_json_get_str(one, "kept_as");

		wd_print(stdout, "  %s: %s%s%s\n", wd_json_get_str(one, "file"),
			 wd_json_get_str(one, "error"),
			 *kept ? ", kept as " : "", kept);
	}
}

static void print_beside(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "beside"); i++) {
		struct json_object *one = wd_json_at(doc, "beside", i);

		wd_show_line(i ? "" : "NOT ENFORCED", "%s; %s",
			     wd_json_get_str(one, "text"),
			     wd_json_get_str(one, "fix"));
	}
	if (wd_json_get(doc, "beside_unknown"))
		wd_show_line(
			"cilium",
			"%s: whether packets come to pods past warder's hooks is not known",
			wd_json_get_str(doc, "beside_unknown"));
}

static void print_blind_spots(struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "blind_spots");

	wd_show_line("blind spots", cnt ? "%zu" : "none", cnt);
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *spot = wd_json_at(doc, "blind_spots", i);

		wd_print(stdout, "  %s/%s (%s): %s: %s\n",
			 wd_json_get_str(spot, "namespace"),
			 wd_json_get_str(spot, "name"),
			 wd_json_get_str(spot, "interface"),
			 wd_json_get_str(spot, "kind"),
			 wd_json_get_str(spot, "text"));
	}
}

static void print_endpoints(struct json_object *doc)
{
	print_counts("endpoints", wd_json_get(doc, "endpoints"));
	for (size_t i = 0; i < wd_json_len(doc, "endpoint_problems"); i++) {
		struct json_object *ep =
			wd_json_at(doc, "endpoint_problems", i);
		const char *state = wd_json_get_str(ep, "state");
		const char *interface = wd_json_get_str(ep, "interface");
		const char *what = "drops all";

		if (!strcmp(state, "unattached") || !strcmp(state, "unguarded"))
			what = "NOT ENFORCED";
		if (!strcmp(state, "unenforced"))
			what = "UNENFORCED";
		wd_print(stdout, "  %s/%s (%s): %s: %s\n",
			 wd_json_get_str(ep, "namespace"),
			 wd_json_get_str(ep, "name"),
			 *interface ? interface : "-", what,
			 wd_json_get_str(ep, "error"));
	}
	print_blind_spots(doc);
}

static void print_slow(struct json_object *slow)
{
	const char *ns = wd_json_get_str(slow, "namespace");
	const char *side = wd_json_get_str(slow, "side");
	const char *unmeasured = wd_json_get_str(slow, "unmeasured_since");

	if (*unmeasured)
		wd_show_line(
			"",
			"handshakes of namespace %s as %s are not measured "
			"since %s, and were slow: `warder slo status %s`",
			ns, side, unmeasured, ns);
	else
		wd_show_line("",
			     "SLOW: handshakes of namespace %s as %s since %s: "
			     "`warder slo status %s`",
			     ns, side, wd_json_get_str(slow, "since"), ns);
}

static void print_slo_audit(struct json_object *slo)
{
	for (size_t i = 0; i < wd_json_len(slo, "audit"); i++) {
		struct json_object *one = wd_json_at(slo, "audit", i);
		const char *ns = wd_json_get_str(one, "namespace");

		wd_show_line("",
			     "AUDIT: namespace %s since %s, as its handshakes "
			     "were slow: what its policies deny passes, %lld "
			     "pods here; `warder slo clear %s` ends it",
			     ns, wd_json_get_str(one, "since"),
			     (long long)wd_json_get_int(one, "pods"), ns);
	}
}

/* Only where there is something to see. */
static void print_slo(struct json_object *slo)
{
	size_t cnt = wd_json_len(slo, "slow");
	size_t slow = 0;

	if (!wd_json_get_int(slo, "guarded") && !wd_json_len(slo, "audit"))
		return;
	for (size_t i = 0; i < cnt; i++)
		slow += !*wd_json_get_str(wd_json_at(slo, "slow", i),
					  "unmeasured_since");
	wd_show_line("slo", "%lld namespaces guarded, %zu sides slow",
		     (long long)wd_json_get_int(slo, "guarded"), slow);
	for (size_t i = 0; i < cnt; i++)
		print_slow(wd_json_at(slo, "slow", i));
	print_slo_audit(slo);
}

static void print_reports(struct json_object *reports)
{
	const char *last = wd_json_get_str(reports, "last");
	const char *error = wd_json_get_str(reports, "error");

	if (reports)
		wd_show_line("reports", "%lld to the API server, last %s%s%s",
			     (long long)wd_json_get_int(reports, "written"),
			     *last ? last : "never", *error ? "; " : "", error);
}

static void print_metrics(struct json_object *metrics)
{
	const char *where = wd_json_get_str(metrics, "served_at");
	const char *error = wd_json_get_str(metrics, "error");

	if (*where)
		wd_show_line("metrics", "%s %s%s%s",
			     *error ? "NOT served at" : "served at", where,
			     *error ? ": " : "", error);
}

static void print_work(struct json_object *doc)
{
	struct json_object *commits = wd_json_get(doc, "commits");
	struct json_object *drift = wd_json_get(doc, "drift");
	struct json_object *events = wd_json_get(doc, "events");
	const char *error = wd_json_get_str(commits, "error");

	wd_show_line("commits", "%lld, the last took %.1f ms; %lld map writes",
		     (long long)wd_json_get_int(commits, "total"),
		     (double)wd_json_get_int(commits, "last_us") / 1000,
		     (long long)wd_json_get_int(commits, "map_writes"));
	if (*error)
		wd_show_line("commit error",
			     "%s (%lld in a row; the generation before stays)",
			     error,
			     (long long)wd_json_get_int(commits, "failures"));
	wd_show_line("drift", "%lld checks, %lld found, %lld repaired",
		     (long long)wd_json_get_int(drift, "checks"),
		     (long long)wd_json_get_int(drift, "found"),
		     (long long)wd_json_get_int(drift, "repaired"));
	if (*wd_json_get_str(drift, "error"))
		wd_show_line("drift error", "%s",
			     wd_json_get_str(drift, "error"));
	wd_show_line("events", "%lld sent, %lld limited, %lld lost",
		     (long long)wd_json_get_int(events, "sent"),
		     (long long)wd_json_get_int(events, "limited"),
		     (long long)wd_json_get_int(events, "lost"));
	print_slo(wd_json_get(doc, "slo"));
	print_metrics(wd_json_get(doc, "metrics"));
	print_reports(wd_json_get(doc, "reports"));
	wd_show_line_free("capabilities",
			  wd_show_join(doc, "capabilities", " "));
}

static void print_maps(struct json_object *doc)
{
	static const char *const head[] = { "MAP", ">USED", ">MAX", NULL };
	struct wd_table *table = wd_table_new(head);
	struct json_object *maps = wd_json_get(doc, "maps");

	if (json_object_is_type(maps, json_type_object)) {
		json_object_object_foreach(maps, name, map) {
			wd_table_cell(table, "%s", name);
			wd_table_cell(table, "%lld",
				      (long long)wd_json_get_int(map, "used"));
			wd_table_cell(table, "%lld",
				      (long long)wd_json_get_int(map, "max"));
		}
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
}

static void print_counters(struct json_object *doc)
{
	static const char *const head[] = { "REASON",	"DIRECTION", "VERDICT",
					    ">PACKETS", ">BYTES",    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "counters"); i++) {
		struct json_object *obj = wd_json_at(doc, "counters", i);
		long long packets = wd_json_get_int(obj, "packets");

		if (!packets)
			continue;
		wd_table_cell(table, "%s", wd_json_get_str(obj, "reason"));
		wd_table_cell(table, "%s", wd_json_get_str(obj, "direction"));
		wd_table_cell(table, "%s", wd_json_get_str(obj, "verdict"));
		wd_table_cell(table, "%lld", packets);
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(obj, "bytes"));
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
}

static void print_happened(const struct wd_args *args, struct json_object *doc)
{
	size_t cnt = wd_json_len(doc, "happened");

	if (!wd_args_has(args, "events"))
		return;
	puts(cnt ? "\nwhat happened to the agent, in UTC" :
		   "\nnothing happened to the agent");
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *event = wd_json_at(doc, "happened", i);

		wd_print(stdout, "%.10s ", wd_json_get_str(event, "time"));
		wd_show_happened(event);
	}
}

static struct json_object *request(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("status");

	wd_json_bool(req, "events", wd_args_has(args, "events"));
	return req;
}

static void print_status(const struct wd_args *args, struct json_object *doc)
{
	if (args->json) {
		wd_cmd_json(doc);
		return;
	}
	print_head(doc);
	print_beside(doc);
	print_sources(doc);
	print_unread(doc);
	print_endpoints(doc);
	print_work(doc);
	print_maps(doc);
	print_counters(doc);
	print_happened(args, doc);
}

/* ---- waiting ---- */

static bool is_settled(struct json_object *answer)
{
	struct json_object *doc = wd_json_get(answer, "result");

	return wd_json_get_bool(answer, "ok") &&
	       wd_json_get_bool(doc, "ready") &&
	       wd_json_get_bool(doc, "settled") &&
	       !wd_json_get_int(wd_json_get(doc, "endpoints"), "too_large");
}

/* Time is up. @answer: the last one, NULL if there never was an agent. */
static int give_up(const struct wd_args *args, int64_t ms, int err,
		   struct json_object *answer)
{
	struct json_object *doc = wd_json_get(answer, "result");
	const char *error =
		wd_json_get_str(wd_json_get(doc, "commits"), "error");

	if (!answer)
		return wd_cmd_lost(args, err);
	if (!doc) /* nothing to show yet, and it says why */
		return wd_cmd_take(args, json_object_get(answer), &doc);
	print_status(args, doc);
	return wd_cmd_fail(args, WD_EXIT_NO, "status",
			   "after %lld ms not everything read is enforced%s%s",
			   (long long)ms, *error ? ": " : "", error);
}

static int wait_settled(const struct wd_args *args, int64_t ms)
{
	int64_t end = wd_now_ms() + ms;
	struct json_object *last = NULL;
	int err, code;

	for (;;) {
		struct json_object *answer = NULL;

		err = wd_cmd_try(args, request(args), WD_CMD_TIMEOUT_MS,
				 &answer);
		if (!err) {
			json_object_put(last);
			last = answer;
		}
		if (!err && is_settled(answer)) {
			print_status(args, wd_json_get(answer, "result"));
			code = WD_EXIT_OK;
			break;
		}
		if (wd_now_ms() >= end) {
			code = give_up(args, ms, err, last);
			break;
		}
		poll(NULL, 0, POLL_MS);
	}
	json_object_put(last);
	return code;
}

/* For who ends what answers nothing: that it is not ready is an answer. */
static int is_alive(const struct wd_args *args)
{
	struct json_object *answer = NULL, *doc;
	int err = wd_cmd_try(args, wd_cmd_request("status"), ALIVE_MS, &answer);

	json_object_put(answer);
	if (err)
		return wd_cmd_lost(args, err);
	if (!args->json) {
		puts("the agent answers");
		return WD_EXIT_OK;
	}
	doc = json_object_new_object();
	wd_json_bool(doc, "alive", true);
	wd_cmd_json(doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

static int cmd_status(const struct wd_args *args)
{
	const char *wait = wd_args_get(args, "wait");
	struct json_object *result = NULL;
	uint32_t ms = 30000;
	int code;

	if (wait && wd_duration_parse(wait, &ms))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--wait",
				   "'%s' is not a time, as in 30, 5s or 500ms",
				   wait);
	if (wd_args_has(args, "alive"))
		return is_alive(args);
	if (wd_args_has(args, "wait"))
		return wait_settled(args, ms);
	code = wd_cmd_ask(args, request(args), WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	print_status(args, result);
	json_object_put(result);
	return WD_EXIT_OK;
}

static const struct wd_opt opts[] = {
	{ .name = "events",
	  .help = "also what happened to the agent, the last 100 of it" },
	{ .name = "wait",
	  .arg = "TIME",
	  .optional = true,
	  .help = "wait until the agent is ready and everything read is\n"
		  "enforced, at most TIME: 30, 5s, 500ms (default 30)" },
	{ .name = "alive",
	  .help = "only whether an agent answers within 20 s, ready or not" },
	{},
};

const struct wd_cmd wd_cmd_status = {
	.object = "status",
	.summary = "how enforcement on this node stands",
	.text = "Rung and why, how services are judged, sources and what is wrong "
		"with them,\ngeneration, endpoints by state, map use, drift, "
		"counters by reason; verdict\naudit is what audit mode let pass "
		"in spite of the reason. UNENFORCED is a pod\nthat has a device "
		"which cannot be guarded; blind spots are programs of others\n"
		"that handle packets before warder's. With --wait it fails (1) "
		"when the time is\nup, or with 3 when no agent was there all "
		"along or it still waits for\nits sources.",
	.opts = opts,
	.fn = cmd_status,
};
