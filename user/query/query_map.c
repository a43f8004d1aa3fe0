/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_map.c - the maps: where each is pinned, how full, how large, what for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/log.h"
#include "query.h"

/* Elements in use of an array, as far as somebody counts them; else -1. */
static int64_t array_used(const struct wd_agent *agent,
			  const struct wd_model_stats *stats, enum wd_map map)
{
	if (map == WD_MAP_wd_flow)
		return wd_flow_count(agent->dp);
	if (map == WD_MAP_wd_row)
		return stats->rows;
	if (map == WD_MAP_wd_slot)
		return 2 * (int64_t)stats->slots; /* one per direction */
	if (map == WD_MAP_wd_span)
		return stats->spans;
	if (map == WD_MAP_wd_class)
		return stats->classes;
	return -1;
}

/* Nobody but the agent may read a ring buffer: its events are gone then. */
static void put_command(const struct wd_map_info *info, const char *pin,
			struct json_object *obj)
{
	char *text = NULL;

	wd_format(&text, "bpftool map %s pinned %s",
		  !strcmp(info->type, "ringbuf") ? "show" : "dump", pin);
	wd_json_str(obj, "bpftool", text);
	free(text);
}

static void put_map(const struct wd_agent *agent, enum wd_map map,
		    const struct wd_model_stats *stats,
		    struct json_object *array)
{
	struct wd_map_info info;
	struct json_object *obj;
	char *pin = NULL;
	int err = wd_map_info(agent->dp, map, &info);
	int64_t used;

	if (err) {
		wd_warn("map %d: cannot be described: %s, leaving it out",
			(int)map, wd_errno(err));
		return;
	}
	used = info.used == UINT32_MAX ? array_used(agent, stats, map) :
					 info.used;
	obj = wd_json_push(array);
	wd_json_str(obj, "name", info.name);
	wd_format(&pin, "%s/maps/%s", agent->config.bpffs, info.name);
	wd_json_str(obj, "pin", pin);
	put_command(&info, pin, obj);
	free(pin);
	wd_json_str(obj, "type", info.type);
	if (used < 0)
		wd_json_str(obj, "used", NULL);
	else
		wd_json_int(obj, "used", used);
	/* of the flow table an element is a bucket */
	wd_json_int(obj, "max",
		    map == WD_MAP_wd_flow ? (int64_t)info.max * WD_FLOW_WAYS :
					    (int64_t)info.max);
	wd_json_int(obj, "bytes", (int64_t)info.bytes);
	wd_json_str(obj, "purpose", info.help);
}

void wd_query_map_list(void *ctx, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	struct json_object *array = wd_json_array(doc, "maps");
	struct wd_model_stats stats;

	(void)req;
	wd_query_no_fd(fd);
	wd_model_stats(agent->model, &stats);
	wd_json_str(doc, "bpffs", agent->config.bpffs);
	for (int map = 0; map < WD_MAP__MAX; map++)
		put_map(agent, (enum wd_map)map, &stats, array);
	wd_ctl_reply(conn, doc);
}
