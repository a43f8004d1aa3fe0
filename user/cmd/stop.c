/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stop.c - `warder stop --detach`: the one command that ends enforcement.
 * Through the agent if there is one, else directly.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <warder/maps.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../datapath/datapath.h"
#include "cmd.h"

#define GONE_TRIES 100 /* of 50 ms, until the agent's socket is closed */

static int print_done(const struct wd_args *args, const char *bpffs,
		      bool by_agent, bool found)
{
	struct json_object *doc;

	if (!args->json && !found) {
		wd_print(stdout,
			 "nothing to end: no agent in %s, no pins below %s\n",
			 args->run_dir, bpffs);
		return WD_EXIT_OK;
	}
	if (!args->json) {
		wd_print(stdout, "enforcement ended, pins below %s removed%s\n",
			 bpffs, by_agent ? ", the agent is gone" : "");
		return WD_EXIT_OK;
	}
	doc = json_object_new_object();
	wd_json_bool(doc, "detached", true);
	wd_json_bool(doc, "agent", by_agent);
	wd_json_bool(doc, "found", found);
	wd_json_str(doc, "bpffs", bpffs);
	wd_cmd_json(doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

/* Who named another directory than the agent's must not think it done. */
static bool has_pins(const char *bpffs)
{
	char *path = NULL;
	bool found;

	wd_format(&path, "%s/maps", bpffs);
	found = path && !access(path, F_OK);
	free(path);
	return found;
}

static int stop_alone(const struct wd_args *args)
{
	const char *bpffs = wd_args_get(args, "bpffs") ?: WD_BPFFS_DEFAULT;
	bool found = has_pins(bpffs);
	int err = wd_datapath_remove(bpffs);

	if (err)
		return wd_cmd_fail(args, WD_EXIT_NO, bpffs,
				   "enforcement could not be removed: %s%s",
				   wd_errno(err),
				   err == -EPERM || err == -EACCES ?
					   "; this needs root" :
					   "");
	return print_done(args, bpffs, false, found);
}

/* An agent that still runs could attach again. */
static bool agent_is_gone(const struct wd_args *args)
{
	for (int i = 0; i < GONE_TRIES; i++) {
		struct json_object *answer = NULL;
		int err = wd_cmd_try(args, wd_cmd_request("status"), 1000,
				     &answer);

		json_object_put(answer);
		if (err == -ENOENT || err == -ECONNREFUSED)
			return true;
		poll(NULL, 0, 50);
	}
	return false;
}

static int stop_agent(const struct wd_args *args, struct json_object *answer)
{
	struct json_object *result = wd_json_get(answer, "result");

	if (!wd_json_get_bool(answer, "ok"))
		return wd_cmd_fail(args, WD_EXIT_NO,
				   wd_json_get_str(answer, "where"), "%s",
				   wd_json_get_str(answer, "error"));
	if (!agent_is_gone(args))
		return wd_cmd_fail(args, WD_EXIT_NO, args->run_dir,
				   "enforcement was removed, but the agent "
				   "(pid %d) still runs and may bring it back",
				   (int)wd_json_get_int(result, "pid"));
	return print_done(args, wd_json_get_str(result, "bpffs"), true, true);
}

static int cmd_stop(const struct wd_args *args)
{
	struct json_object *req, *answer = NULL;
	int code, err;

	if (!wd_args_has(args, "detach"))
		return wd_cmd_fail(
			args, WD_EXIT_USAGE, "",
			"stop needs --detach, which ends enforcement "
			"on this node; to end only the agent and keep "
			"enforcement, send it SIGTERM");
	req = wd_cmd_request("stop");
	wd_json_bool(req, "detach", true);
	err = wd_cmd_try(args, req, WD_CMD_TIMEOUT_MS, &answer);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return stop_alone(args);
	if (err)
		return wd_cmd_lost(args, err);
	code = stop_agent(args, answer);
	json_object_put(answer);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "detach",
	  .help = "required: take programs, links, filters and pins away" },
	{ .name = "bpffs",
	  .arg = "DIR",
	  .help = "where the pins are, when no agent runs to ask\n"
		  "(default " WD_BPFFS_DEFAULT ")" },
	{},
};

const struct wd_cmd wd_cmd_stop = {
	.object = "stop",
	.args = "--detach",
	.summary = "end enforcement on this node, and the agent",
	.text = "The one command that ends enforcement: removes every program, "
		"link, filter and pin.\nA running agent does it and ends; "
		"otherwise it is done directly. To end the agent\nand keep "
		"enforcement, send it SIGTERM instead.",
	.opts = opts,
	.fn = cmd_stop,
};
