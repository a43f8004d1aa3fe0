/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seen.c - the child that tells what was seen. Reads, and changes nothing.
 */
#include "seen.h"

#include "../agent/agent.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "forked.h"
#include "rehearsal_flows.h"

int wd_seen_run(struct wd_agent *agent, int fd, void *ctx)
{
	const struct wd_seen *seen = ctx;
	struct json_object *doc = json_object_new_object();

	wd_forked_keep_no_sockets(fd);
	wd_datapath_unlock(agent->dp);
	wd_json_str(doc, "node", agent->config.node);
	wd_json_str(doc, "rung", wd_rungs_name(agent));
	wd_json_int(doc, "since_s", seen->since_s);
	wd_rehearsal_flows_tell(wd_rehearsal_flows_new(agent, seen->since_s),
				WD_SEEN_FLOWS, doc);
	return wd_forked_write_doc(fd, doc, "");
}
