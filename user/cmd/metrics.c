/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.c - `warder metrics`: what the agent would serve to Prometheus, once.
 */
#include <stdio.h>

#include "../base/json.h"
#include "cmd.h"

static void print_metrics(struct json_object *doc)
{
	fputs(wd_json_get_str(doc, "text"), stdout);
}

static int cmd_metrics(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("metrics"), WD_CMD_TIMEOUT_MS,
			     print_metrics);
}

const struct wd_cmd wd_cmd_metrics = {
	.object = "metrics",
	.summary = "the numbers of this node, as Prometheus reads them",
	.text = "Prints once what an agent with --metrics serves at /metrics; it needs no "
		"such\noption. How many series there are does not depend on pods, "
		"nodes or addresses.",
	.fn = cmd_metrics,
};
