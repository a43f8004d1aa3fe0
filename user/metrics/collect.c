/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collect.c - the answer to `status`, and beside it under "agent" the numbers
 * that it has no place for.
 */
#include "metrics/collect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <warder/limits.h>

#include "agent/agent.h"
#include "agent/beside.h"
#include "agent/hits.h"
#include "agent/rungs.h"
#include "agent/unread.h"
#include "base/json.h"
#include "base/log.h"
#include "base/names.h"
#include "datapath/ladder.h"
#include "encryption/cover.h"
#include "encryption/encryption.h"
#include "encryption/tunnels.h"
#include "events/journal.h"
#include "metrics/handshakes.h"
#include "metrics/server.h"
#include "metrics/text.h"
#include "wireguard/device.h"

/* Second word of /proc/self/statm, in pages; 0 where there is no /proc. */
static int64_t rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128] = "";
	const char *second;

	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	(void)fclose(file);
	second = strchr(line, ' ');
	return second ? (int64_t)strtoul(second, NULL, 10) *
				sysconf(_SC_PAGESIZE) :
			0;
}

static void put_ladder(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "ladder_failures");

	for (int i = 0; i < WD_CAUSE__MAX; i++)
		wd_json_int(obj, wd_cause_name((enum wd_cause)i),
			    (int64_t)wd_rungs_failures(agent,
						       (enum wd_cause)i));
}

static void put_peers(const struct wd_agent *agent, struct json_object *doc)
{
	const struct wd_wg_state *state =
		wd_tunnels_state(wd_encryption_tunnels(agent->encryption));
	struct json_object *obj = wd_json_object(doc, "wireguard");
	int64_t shaken = 0, unshaken = 0, oldest_s = 0;

	for (uint32_t d = 0; state && d < state->device_cnt; d++) {
		const struct wd_wg_device *dev = &state->device[d];

		for (uint32_t p = 0; p < dev->peer_cnt; p++) {
			int64_t at = dev->peer[p].handshake;
			int64_t age = at ? state->time - at : 0;

			shaken += at != 0;
			unshaken += at == 0;
			oldest_s = age > oldest_s ? age : oldest_s;
		}
	}
	wd_json_int(obj, "shaken", shaken);
	wd_json_int(obj, "unshaken", unshaken);
	wd_json_int(obj, "oldest_s", oldest_s);
}

typedef struct wd_stat_val cover_sums[WD_COVER__MAX][WD_DIR__MAX];

static int add_cover(void *ctx, const struct wd_cover_key *key,
		     const struct wd_stat_val *val)
{
	cover_sums *sums = ctx;

	if (key->kind >= WD_COVER__MAX || key->dir >= WD_DIR__MAX)
		return 0;
	(*sums)[key->kind][key->dir].packets += val->packets;
	(*sums)[key->kind][key->dir].bytes += val->bytes;
	return 0;
}

/* Left out where it cannot be read: a 0 would look like counters that begin anew. */
static void put_cover(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "cover");
	cover_sums sums = { 0 };
	int err = wd_cover_read(agent->dp, add_cover, &sums);

	if (err) {
		wd_debug("metrics: reading wd_cover: %s, leaving it out",
			 wd_errno(err));
		return;
	}
	for (uint32_t kind = 0; kind < WD_COVER__MAX; kind++) {
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
			struct json_object *obj = wd_json_push(array);

			wd_json_str(obj, "kind", wd_cover_kind_name(kind));
			wd_json_str(obj, "direction", wd_dir_name(dir));
			wd_json_int(obj, "packets",
				    (int64_t)sums[kind][dir].packets);
			wd_json_int(obj, "bytes",
				    (int64_t)sums[kind][dir].bytes);
		}
	}
}

/* Counted by the programs, so not of what the model fills. */
static void put_flows(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *flows =
		wd_json_object(wd_json_get(doc, "maps"), "wd_flow");

	wd_json_int(flows, "used", wd_flow_count(agent->dp));
	wd_json_int(flows, "max", WD_FLOW_BUCKETS * WD_FLOW_WAYS);
}

static void put_happened(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "happened");

	for (int i = 0; i < WD_HAPPENS__MAX; i++)
		wd_json_int(obj, wd_happening_name((enum wd_happening)i),
			    (int64_t)wd_journal_count(agent->journal,
						      (enum wd_happening)i));
}

static void put_rules(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "rules");
	struct wd_hits_sums sums = wd_hits_sums(agent);

	wd_json_int(obj, "hit", sums.hit);
	wd_json_int(obj, "unused", sums.unused);
	wd_json_int(obj, "not_known", sums.unknown);
}

static struct json_object *collect(const struct wd_agent *agent)
{
	struct json_object *doc = wd_query_status_doc(agent);
	struct json_object *own = wd_json_object(doc, "agent");

	wd_json_int(own, "started_ms", agent->started_ms);
	wd_json_int(own, "rss_bytes", rss_bytes());
	wd_json_int(own, "rung_since_ms",
		    (int64_t)wd_ladder(agent->dp)->since_ms);
	wd_json_int(own, "source_ms", wd_manifests_read_ms(agent->manifests));
	wd_json_int(own, "source_lost",
		    (int64_t)wd_manifests_lost(agent->manifests)->cnt);
	wd_json_int(own, "beside", (int64_t)wd_beside_cnt(agent));
	wd_json_int(own, "state_unread", (int64_t)wd_unread_cnt());
	wd_json_bool(own, "encryption_required",
		     wd_encryption_required(agent->encryption));
	put_flows(agent, doc);
	put_ladder(agent, own);
	put_happened(agent, own);
	put_peers(agent, own);
	put_cover(agent, own);
	put_rules(agent, own);
	wd_handshakes_collect(agent, own);
	return doc;
}

char *wd_metrics_text(const struct wd_agent *agent, size_t *ret_len)
{
	struct json_object *doc = collect(agent);
	char *text = wd_metrics_of(doc, ret_len);

	json_object_put(doc);
	return text;
}

void wd_query_metrics(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc;
	size_t len;
	char *text;

	(void)req;
	wd_query_no_fd(fd);
	if (!agent->ready) {
		wd_ctl_error(conn, 3, "metrics", "the agent is still starting");
		return;
	}
	text = wd_metrics_text(agent, &len);
	if (!text) {
		wd_ctl_error(conn, 1, "metrics", "out of memory");
		return;
	}
	doc = json_object_new_object();
	wd_json_str(doc, "content_type", WD_METRICS_TYPE);
	wd_json_str(doc, "text", text);
	free(text);
	wd_ctl_reply(conn, doc);
}

/* ---- serving ---- */

static char *serve_text(void *ctx, size_t *ret_len)
{
	const struct wd_agent *agent = ctx;

	return wd_metrics_text(agent, ret_len);
}

/* Ready, and not letting everything pass; a lower rung is a metric, no illness. */
static bool is_healthy(void *ctx)
{
	const struct wd_agent *agent = ctx;

	return agent->ready && !wd_ladder(agent->dp)->open;
}

int wd_metrics_open(struct wd_agent *agent)
{
	struct wd_metrics_ops ops = {
		.text = serve_text,
		.healthy = is_healthy,
		.ctx = agent,
	};
	int err;

	if (!agent->config.metrics)
		return 0;
	err = wd_metrics_server_new(agent->loop, agent->config.metrics, &ops,
				    &agent->metrics);
	if (err)
		wd_err("metrics: %s: %s", agent->config.metrics, wd_errno(err));
	return err;
}
