/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_status.c - the agent's account of itself: what is in force, whether
 * all that was read is in force, and what is wrong.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <time.h>
#include <unistd.h>

#include <warder/limits.h>

#include "../agent/agent.h"
#include "../agent/beside.h"
#include "../agent/endpoints.h"
#include "../agent/rungs.h"
#include "../agent/services.h"
#include "../agent/unread.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/version.h"
#include "../datapath/ladder.h"
#include "../encryption/encryption.h"
#include "../encryption/tunnels.h"
#include "../events/journal.h"
#include "../host/hostpolicy.h"
#include "../kube/kube.h"
#include "../kube/mesh.h"
#include "../metrics/server.h"
#include "../report/report.h"
#include "../slo/slo.h"
#include "query.h"

/* Everything the files say is in force; not just: in force is what it was. */
static bool is_settled(const struct wd_agent *agent)
{
	struct pollfd files = { .fd = wd_manifests_fd(agent->manifests),
				.events = POLLIN };

	return agent->ready && !agent->commit_error &&
	       (!agent->beside || agent->config.beside_cilium) &&
	       !wd_model_dirty(agent->model) &&
	       !wd_timer_armed(agent->commit_timer) &&
	       wd_endpoints_all_attached(agent->endpoints) &&
	       poll(&files, 1, 0) == 0;
}

bool wd_query_in_force(const struct wd_agent *agent)
{
	return agent->ready && !agent->commit_error &&
	       !wd_model_dirty(agent->model) && !wd_ladder(agent->dp)->frozen;
}

/* Maps of another version that this agent let go; null if there were none. */
static void put_replaced(const struct wd_agent *agent,
			 const struct wd_datapath_info *info,
			 struct json_object *doc)
{
	struct json_object *obj;

	if (!agent->replaced_ms) {
		json_object_object_add(doc, "replaced_maps", NULL);
		return;
	}
	obj = wd_json_object(doc, "replaced_maps");
	wd_json_int(obj, "schema_before", info->schema_before);
	wd_json_int(obj, "schema", WD_SCHEMA);
	wd_json_str(obj, "why",
		    *info->misfit ? info->misfit : "begun by an agent before");
	wd_query_time(obj, "time", agent->replaced_ms);
}

static void put_datapath(const struct wd_agent *agent, struct json_object *doc)
{
	const struct wd_datapath_info *info = wd_datapath_info(agent->dp);
	bool has_progs = wd_datapath_has_programs(agent->dp);
	bool tcx = info->attach == WD_ATTACH_TCX;
	struct json_object *progs;

	wd_rungs_put(agent, doc);
	wd_json_str(doc, "attach",
		    !has_progs ? "none" :
		    tcx	       ? "tcx" :
				 "clsact");
	wd_json_str(doc, "attach_reason",
		    !has_progs ? "no programs are in force" :
		    tcx	       ? "the kernel has tcx links" :
				 "the kernel has no tcx links");
	wd_json_bool(doc, "adopted", info->adopted);
	wd_json_bool(doc, "swapped", info->swapped);
	put_replaced(agent, info, doc);
	progs = wd_json_array(doc, "programs");
	for (int dir = 0; has_progs && dir < WD_DIR__MAX; dir++) {
		struct json_object *prog = wd_json_push(progs);

		wd_json_str(prog, "name", info->prog_name[dir]);
		wd_json_str(prog, "direction", wd_dir_name((uint32_t)dir));
		wd_json_int(prog, "id", info->prog_id[dir]);
		wd_json_str(prog, "tag", info->tag[dir]);
		wd_json_int(prog, "verified_insns", info->verified_insns[dir]);
	}
}

static const char *phase_name(enum wd_kube_phase phase)
{
	switch (phase) {
	case WD_KUBE_WAITING:
		return "waiting";
	case WD_KUBE_LISTING:
		return "listing";
	case WD_KUBE_WATCHING:
		return "watching";
	case WD_KUBE_ABSENT:
		return "absent";
	}
	return "unknown";
}

static void put_kube_kind(const struct wd_kube_kind_status *status,
			  struct json_object *obj)
{
	const struct wd_kube_reflector_status *r = &status->reflector;

	wd_json_str(obj, "kind", status->name);
	wd_json_str(obj, "state",
		    status->held   ? "held" :
		    status->unused ? "unused" :
				     phase_name(r->phase));
	wd_json_bool(obj, "this_node_only", status->here);
	wd_query_time(obj, "since", r->since_ms);
	wd_query_time(obj, "heard", r->heard_ms);
	wd_query_time(obj, "listed", r->listed_ms);
	wd_json_bool(obj, "known", status->known);
	wd_json_bool(obj, "kept", status->kept);
	wd_json_int(obj, "held_objects", status->held_cnt);
	wd_json_int(obj, "unconfirmed_deletions", status->unconfirmed);
	wd_json_str(obj, "version", r->version);
	wd_json_int(obj, "lists", (int64_t)r->lists);
	wd_json_int(obj, "watches", (int64_t)r->watches);
	wd_json_int(obj, "events", (int64_t)r->events);
	wd_json_int(obj, "failures", (int64_t)r->failures);
	wd_json_str(obj, "error", r->error);
}

static void put_kube(const struct wd_kube *kube, const char *type,
		     struct json_object *obj)
{
	struct json_object *array = wd_json_array(obj, "kinds");
	struct wd_kube_kind_status status;

	wd_json_str(obj, "type", type);
	wd_json_str(obj, "server", kube ? wd_kube_server(kube) : NULL);
	wd_json_bool(obj, "known", kube && wd_kube_is_known(kube));
	for (size_t i = 0; kube && wd_kube_status(kube, i, &status); i++)
		put_kube_kind(&status, wd_json_push(array));
}

static void put_clusters(const struct wd_mesh *mesh, struct json_object *array)
{
	struct wd_mesh_status status;

	for (size_t i = 0; wd_mesh_status(mesh, i, &status); i++) {
		struct json_object *obj = wd_json_push(array);

		put_kube(status.kube, "cluster", obj);
		wd_json_str(obj, "name", status.name);
		wd_json_str(obj, "kubeconfig", status.file);
		wd_json_int(obj, "pods", status.pod_cnt);
		wd_json_int(obj, "refused_addresses", status.refused_cnt);
		wd_json_int(obj, "left_out", status.over_cnt);
		wd_json_str(obj, "error", status.error);
		free(status.error);
	}
}

static void put_sources(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "sources"), *obj;
	const struct wd_unknown_kind *unknown;
	size_t cnt = 0;

	for (size_t i = 0; i < agent->config.manifests_cnt; i++) {
		obj = wd_json_push(array);
		wd_json_str(obj, "type", "manifests");
		wd_json_str(obj, "dir", agent->config.manifests[i]);
	}
	if (agent->kube)
		put_kube(agent->kube, "kube", wd_json_push(array));
	if (agent->mesh)
		put_clusters(agent->mesh, array);
	obj = wd_json_object(doc, "objects");
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		wd_json_int(obj, wd_kind_name((enum wd_kind)kind),
			    wd_store_count(agent->store, (enum wd_kind)kind));
	wd_query_problems(agent, NULL, wd_json_array(doc, "problems"));
	obj = wd_json_object(doc, "unknown_kinds");
	unknown = wd_manifests_unknown(agent->manifests, &cnt);
	for (size_t i = 0; i < cnt; i++)
		wd_json_int(obj, unknown[i].kind, unknown[i].cnt);
}

struct endpoint_sum {
	const struct wd_agent *agent;
	int64_t by_state[WD_EP_TOO_LARGE + 1];
	int64_t unattached;
	int64_t unenforced;
	struct json_object *trouble; /* array */
	struct json_object *blind; /* array */
};

static void put_blind_spot(struct json_object *array,
			   const struct wd_endpoint *ep, const char *kind,
			   uint32_t prog, const char *text)
{
	struct json_object *obj = wd_json_push(array);

	wd_json_str(obj, "namespace", ep->ns);
	wd_json_str(obj, "name", ep->name);
	wd_json_str(obj, "interface", ep->host_name);
	wd_json_str(obj, "kind", kind);
	wd_json_int(obj, "program", prog);
	wd_json_str(obj, "text", text);
}

/* Who may take packets of the interface away before our hooks. */
static void put_blind_spots(struct json_object *array,
			    const struct wd_endpoint *ep,
			    const struct wd_blind *blind)
{
	if (blind->has_xdp)
		put_blind_spot(array, ep, "xdp", 0,
			       "an XDP program on it handles what the pod "
			       "sends before any hook");
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		if (blind->before[dir])
			put_blind_spot(array, ep,
				       dir == WD_INGRESS ? "before ingress" :
							   "before egress",
				       blind->before[dir],
				       "another program runs before warder's "
				       "and can keep packets from it");
	}
}

static void sum_endpoint(void *ctx, const struct wd_ep_info *info)
{
	struct endpoint_sum *sum = ctx;
	int err = wd_endpoints_trouble(sum->agent->endpoints, info->ep->id);
	const char *stray =
		wd_endpoints_stray(sum->agent->endpoints, info->ep->id);
	struct json_object *obj;

	put_blind_spots(sum->blind, info->ep,
			wd_endpoints_blind(sum->agent->endpoints,
					   info->ep->id));
	if (err)
		sum->unattached++;
	else if (stray)
		sum->unenforced++;
	else
		sum->by_state[info->state]++;
	if (!err && !stray && info->state == WD_EP_ENFORCED)
		return;
	obj = wd_json_push(sum->trouble);
	wd_json_str(obj, "namespace", info->ep->ns);
	wd_json_str(obj, "name", info->ep->name);
	wd_json_str(obj, "interface", info->ep->host_name);
	wd_json_str(obj, "state", wd_query_endpoint_state(sum->agent, info));
	if (err)
		wd_json_str(obj, "error", wd_errno(err));
	else if (stray)
		wd_json_str(obj, "error", stray);
	else
		wd_json_str(obj, "error",
			    info->error ?:
					  "no source has told of this pod yet");
}

static bool is_unguarded(const struct wd_agent *agent,
			 const struct wd_object *pod)
{
	const struct wd_pod *p = &pod->pod;

	return p->node && !strcmp(p->node, agent->config.node) &&
	       !p->host_network && !p->finished && p->addr_cnt &&
	       !wd_endpoints_find(agent->endpoints, pod->ns, pod->name);
}

/* Pods that run here, but came by no CNI call and were not discovered. */
static int64_t put_unguarded(const struct wd_agent *agent,
			     struct json_object *trouble)
{
	const struct wd_object *pod = NULL;
	int64_t cnt = 0;

	while ((pod = wd_store_next(agent->store, WD_KIND_POD, pod))) {
		struct json_object *obj;

		if (!is_unguarded(agent, pod))
			continue;
		cnt++;
		obj = wd_json_push(trouble);
		wd_json_str(obj, "namespace", pod->ns);
		wd_json_str(obj, "name", pod->name);
		wd_json_str(obj, "interface", NULL);
		wd_json_str(obj, "state", "unguarded");
		wd_json_str(obj, "error",
			    "it runs on this node, but no interface of it "
			    "was found");
	}
	return cnt;
}

static void put_endpoints(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "endpoints");
	struct endpoint_sum sum = {
		.agent = agent,
		.trouble = wd_json_array(doc, "endpoint_problems"),
		.blind = wd_json_array(doc, "blind_spots"),
	};

	wd_model_endpoints(agent->model, sum_endpoint, &sum);
	wd_json_int(obj, "enforced", sum.by_state[WD_EP_ENFORCED]);
	wd_json_int(obj, "waiting", sum.by_state[WD_EP_WAITING]);
	wd_json_int(obj, "too_large", sum.by_state[WD_EP_TOO_LARGE]);
	wd_json_int(obj, "unattached", sum.unattached);
	wd_json_int(obj, "unenforced", sum.unenforced);
	wd_json_int(obj, "unguarded", put_unguarded(agent, sum.trouble));
}

static void put_counter(struct json_object *array, uint32_t reason,
			uint32_t dir, enum wd_verdict verdict,
			const struct wd_stat_val *stat)
{
	struct json_object *obj = wd_json_push(array);

	wd_json_str(obj, "reason", wd_reason_name(reason));
	wd_json_str(obj, "direction", wd_dir_name(dir));
	wd_json_str(obj, "verdict", wd_verdict_name(verdict));
	wd_json_int(obj, "packets", (int64_t)stat->packets);
	wd_json_int(obj, "bytes", (int64_t)stat->bytes);
}

static void put_counters(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "counters");
	int r = -1;

	while ((r = wd_reason_next(r)) >= 0) {
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
			enum wd_reason reason = (enum wd_reason)r;
			bool drops = r >= WD_R_FIRST_DROP;
			struct wd_stat_val stat;

			if (!wd_stat_read(agent->dp, reason, (enum wd_dir)dir,
					  &stat))
				put_counter(array, (uint32_t)r, dir,
					    drops ? WD_DROP : WD_ALLOW, &stat);
			if (drops &&
			    !wd_stat_audit_read(agent->dp, reason,
						(enum wd_dir)dir, &stat))
				put_counter(array, (uint32_t)r, dir, WD_AUDIT,
					    &stat);
		}
	}
}

static void put_answered(const struct wd_agent *agent, struct json_object *doc)
{
	static const char *const names[WD_ANSWERED__MAX] = {
		[WD_ANSWERED_RESET] = "reset",
		[WD_ANSWERED_PROHIBITED] = "prohibited",
		[WD_ANSWERED_HELD] = "held",
		[WD_ANSWERED_FAILED] = "failed",
	};
	struct json_object *all = wd_json_object(doc, "deny_responses");

	for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
		struct json_object *obj = wd_json_object(all, wd_dir_name(dir));

		for (int what = 0; what < WD_ANSWERED__MAX; what++) {
			struct wd_stat_val stat;

			if (!wd_stat_answered_read(agent->dp,
						   (enum wd_answered)what,
						   (enum wd_dir)dir, &stat))
				wd_json_int(obj, names[what],
					    (int64_t)stat.packets);
		}
	}
}

static void put_use(struct json_object *maps, const char *name, uint32_t used,
		    uint32_t max)
{
	struct json_object *obj = wd_json_object(maps, name);

	wd_json_int(obj, "used", used);
	wd_json_int(obj, "max", max);
}

/* What the model fills; flows are counted by `map list`, which walks them. */
static void put_maps(const struct wd_model_stats *stats,
		     struct json_object *doc)
{
	struct json_object *maps = wd_json_object(doc, "maps");

	put_use(maps, "wd_endpoint", stats->endpoints, WD_ENDPOINTS_MAX);
	put_use(maps, "wd_addr4", stats->addrs[0], WD_ADDRS_MAX);
	put_use(maps, "wd_addr6", stats->addrs[1], WD_ADDRS_MAX);
	put_use(maps, "wd_cidr4", stats->prefixes[0], WD_CIDRS_MAX);
	put_use(maps, "wd_cidr6", stats->prefixes[1], WD_CIDRS_MAX);
	put_use(maps, "wd_front", stats->fronts, WD_FRONTS_MAX);
	put_use(maps, "wd_row", stats->rows, WD_ROWS_MAX);
	put_use(maps, "wd_slot", stats->slots, WD_SLOTS_MAX);
	put_use(maps, "wd_span", stats->spans, WD_SPANS_MAX);
	put_use(maps, "wd_class", stats->classes, WD_CLASSES_MAX);
	put_use(maps, "predicates", stats->preds, WD_PREDS_MAX);
}

static void put_work(const struct wd_agent *agent,
		     const struct wd_model_stats *stats,
		     struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "commits");

	wd_json_int(obj, "total", (int64_t)stats->commits);
	wd_json_int(obj, "last_us", (int64_t)stats->commit_us);
	wd_json_int(obj, "failures", agent->commit_failures);
	wd_json_str(obj, "error", agent->commit_error);
	wd_json_int(obj, "map_writes", (int64_t)wd_datapath_writes(agent->dp));
	obj = wd_json_object(doc, "drift");
	wd_json_int(obj, "checks", (int64_t)agent->drift.checks);
	wd_json_int(obj, "found", (int64_t)agent->drift.found);
	wd_json_int(obj, "repaired", (int64_t)agent->drift.repaired);
	wd_query_time(obj, "last", agent->drift.last_ms);
	wd_json_str(obj, "error", agent->drift.error);
	obj = wd_json_object(doc, "model");
	wd_json_int(obj, "pods", stats->pods);
	wd_json_int(obj, "groups", stats->groups);
	wd_json_int(obj, "identities", stats->identities);
}

static void put_events(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "events");
	struct wd_evstat_val stat;

	if (wd_evstat_read(agent->dp, &stat))
		return;
	wd_json_int(obj, "sent", (int64_t)stat.sent);
	wd_json_int(obj, "limited", (int64_t)stat.limited);
	wd_json_int(obj, "lost", (int64_t)stat.lost);
}

static void put_capabilities(struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "capabilities");
	cap_t caps = cap_get_proc();

	for (cap_value_t cap = 0; caps && cap < cap_max_bits(); cap++) {
		cap_flag_value_t set = CAP_CLEAR;
		char *name;

		if (cap_get_flag(caps, cap, CAP_EFFECTIVE, &set) ||
		    set != CAP_SET)
			continue;
		name = cap_to_name(cap);
		wd_json_push_str(array, name ?: "?");
		cap_free(name);
	}
	cap_free(caps);
}

static void put_process(const struct wd_agent *agent, struct json_object *doc)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	wd_json_str(doc, "version", WARDER_VERSION);
	wd_json_int(doc, "pid", getpid());
	wd_json_str(doc, "node", agent->config.node);
	wd_query_time(doc, "started", agent->started_ms);
	wd_json_int(doc, "uptime_s", now.tv_sec - agent->started_ms / 1000);
	wd_json_int(doc, "start_us", agent->start_us);
	wd_json_str(doc, "bpffs", agent->config.bpffs);
	wd_json_str(doc, "state_dir", agent->config.state_dir);
	wd_json_str(doc, "mode", wd_mode_name(agent->config.mode));
	wd_json_str(doc, "host_ingress",
		    agent->config.host_ingress_policy ? "policy" : "allow");
	wd_hostpolicy_put(agent->hostpolicy, doc);
	wd_json_str(doc, "encryption",
		    agent->config.encryption_required ? "required" : "none");
}

static void put_encryption(const struct wd_agent *agent,
			   struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "wireguard");

	wd_tunnels_look_now(wd_encryption_tunnels(agent->encryption));
	wd_query_wireguard(agent, wd_json_array(obj, "devices"),
			   wd_json_array(obj, "findings"));
	wd_query_wires(agent, doc);
}

static void put_metrics(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "metrics");

	wd_json_str(obj, "served_at", agent->config.metrics);
	wd_json_str(obj, "error",
		    agent->metrics ? wd_metrics_server_error(agent->metrics) :
				     NULL);
}

struct json_object *wd_query_status_doc(const struct wd_agent *agent)
{
	struct json_object *doc = json_object_new_object();
	struct wd_model_stats stats;

	wd_model_stats(agent->model, &stats);
	put_datapath(agent, doc);
	wd_json_bool(doc, "ready", agent->ready);
	wd_json_bool(doc, "settled", is_settled(agent));
	wd_json_int(doc, "generation", stats.gen);
	put_process(agent, doc);
	put_encryption(agent, doc);
	wd_services_put(agent, doc);
	put_sources(agent, doc);
	wd_unread_put(doc);
	wd_beside_put(agent, doc);
	put_endpoints(agent, doc);
	put_counters(agent, doc);
	put_answered(agent, doc);
	put_maps(&stats, doc);
	put_work(agent, &stats, doc);
	put_events(agent, doc);
	wd_slo_put(agent->slo, doc);
	put_metrics(agent, doc);
	wd_report_put(agent->report, doc);
	put_capabilities(doc);
	return doc;
}

void wd_query_status(void *ctx, struct wd_ctl_conn *conn,
		     struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = wd_query_status_doc(agent);

	wd_query_no_fd(fd);
	if (wd_json_get_bool(req, "events"))
		wd_journal_put(agent->journal, doc);
	wd_ctl_reply(conn, doc);
}
