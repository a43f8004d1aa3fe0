// SPDX-License-Identifier: GPL-2.0-only
/*
 * query_slo.c - how long handshakes take, by namespace.
 */
#include <string.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../slo/hist.h"
#include "../slo/slo.h"
#include "query.h"

static void put_side(const uint32_t *cnt, enum wd_timing_side side,
		     struct json_object *obj)
{
	wd_json_str(obj, "side", wd_timing_side_name(side));
	wd_json_int(obj, "handshakes", (int64_t)wd_hist_sum(cnt));
	wd_json_int(obj, "p50_ns", (int64_t)wd_hist_share_ns(cnt, 500));
	wd_json_int(obj, "p99_ns", (int64_t)wd_hist_share_ns(cnt, 990));
}

/* Both sides of a group, in @array. */
static void put_group(const struct wd_slo *slo, uint32_t group,
		      struct json_object *array)
{
	static struct wd_timing_val val; /* large for a stack */
	int err = wd_slo_read(slo, group, &val);

	if (err) {
		wd_debug("slo: reading group %u: %s", group, wd_errno(err));
		return;
	}
	for (int side = 0; side < WD_TIMING__MAX; side++)
		put_side(val.cnt[side], (enum wd_timing_side)side,
			 wd_json_push(array));
}

void wd_query_slo_status(void *ctx, struct wd_ctl_conn *conn,
			 struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *only = wd_json_get_str(req, "namespace");
	const char *why = wd_slo_why_not(agent->slo);
	struct json_object *doc = json_object_new_object();
	struct json_object *array = wd_json_array(doc, "namespaces");
	uint32_t group = WD_GROUP_REST;
	const char *ns = NULL;

	wd_query_no_fd(fd);
	wd_json_bool(doc, "measured", !why);
	wd_json_str(doc, "why_not", why);
	while ((group = wd_slo_next(agent->slo, group, &ns))) {
		struct json_object *obj;

		if (*only && strcmp(only, ns) != 0)
			continue;
		obj = wd_json_push(array);
		wd_json_str(obj, "namespace", ns);
		put_group(agent->slo, group, wd_json_array(obj, "sides"));
	}
	put_group(agent->slo, WD_GROUP_REST, wd_json_array(doc, "others"));
	if (*only && !json_object_array_length(array)) {
		json_object_put(doc);
		wd_ctl_error(conn, 1, only,
			     "no pod of this namespace was on this node");
		return;
	}
	wd_ctl_reply(conn, doc);
}
