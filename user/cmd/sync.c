/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sync.c - `warder sync`: read the sources again now; success means that all
 * of what was read is in force.
 */
#include <stdio.h>

#include "../base/json.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "cmd.h"

static int cmd_sync(const struct wd_args *args)
{
	const char *timeout = wd_args_get(args, "timeout");
	struct json_object *result = NULL;
	uint32_t ms = WD_CMD_TIMEOUT_MS;
	int code;

	if (timeout && (wd_duration_parse(timeout, &ms) || !ms))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--timeout",
				   "'%s' is not a time, as in 30, 5s or 500ms",
				   timeout);
	code = wd_cmd_ask(args, wd_cmd_request("sync"), (int)ms, &result);
	if (code)
		return code;
	if (args->json) {
		wd_cmd_json(result);
	} else {
		printf("%lld\n",
		       (long long)wd_json_get_int(result, "generation"));
		for (size_t i = 0; i < wd_json_len(result, "problems"); i++)
			wd_show_problem(stderr,
					wd_json_at(result, "problems", i));
	}
	json_object_put(result);
	return WD_EXIT_OK;
}

static const struct wd_opt opts[] = {
	{ .name = "timeout",
	  .arg = "TIME",
	  .help = "how long to wait, as 30, 5s or 500ms (default 30)" },
	{},
};

const struct wd_cmd wd_cmd_sync = {
	.object = "sync",
	.summary = "read the sources again now, and say when all is enforced",
	.text = "Prints the generation that is in force. Problems of the files "
		"are named on\nstderr (with --json in `problems`); they do not "
		"make it fail: what could be\nenforced is.",
	.opts = opts,
	.fn = cmd_sync,
};
