/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.c - `warder state export`: what this node enforces, in one file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <warder/maps.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../base/version.h"
#include "../datapath/pinned.h"
#include "../preflight/collect.h"
#include "../preflight/state.h"
#include "cmd.h"

/* ---- from the pins, when no agent is there to be asked ---- */

static int name_pinned(struct wd_state *state)
{
	struct utsname uts;

	state->node = strdup("");
	state->kernel = strdup(uname(&uts) ? "" : uts.release);
	state->version = strdup(WARDER_VERSION);
	state->rung = strdup("");
	return state->node && state->kernel && state->version && state->rung ?
		       0 :
		       -ENOMEM;
}

static int no_pins(const struct wd_args *args, const char *bpffs, int err)
{
	if (err == -ENOENT)
		return wd_cmd_fail(args, WD_EXIT_NO_AGENT, bpffs,
				   "no agent is running, and nothing is "
				   "pinned here; are --run-dir and --bpffs "
				   "right?");
	if (err == -ESTALE)
		return wd_cmd_fail(args, WD_EXIT_NO, bpffs,
				   "what is pinned here is of another version "
				   "of warder");
	return wd_cmd_fail(args, WD_EXIT_NO, bpffs,
			   "the pinned tables cannot be read: %s",
			   wd_errno(err));
}

static int from_pins(const struct wd_args *args, struct json_object **ret_doc)
{
	const char *bpffs = wd_args_get(args, "bpffs") ?: WD_BPFFS_DEFAULT;
	struct wd_pinned *pinned = NULL;
	struct wd_state_tables tables = { NULL, wd_pinned_get, wd_pinned_next };
	struct wd_state *state = NULL;
	char *why = NULL;
	int err = wd_pinned_open(bpffs, &pinned), code = WD_EXIT_OK;

	if (err)
		return no_pins(args, bpffs, err);
	tables.ctx = pinned;
	err = wd_state_collect(&tables, &state, &why);
	if (!err)
		err = name_pinned(state);
	if (!err)
		*ret_doc = wd_state_json(state);
	if (err || !*ret_doc)
		code = wd_cmd_fail(args, WD_EXIT_NO, bpffs, "%s",
				   why ?: "out of memory");
	wd_state_free(state);
	wd_pinned_close(pinned);
	free(why);
	return code;
}

/* ---- to a file ---- */

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t cnt = write(fd, text, len);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			return -errno;
		text += cnt;
		len -= (size_t)cnt;
	}
	return 0;
}

/* Whole or not at all: beside it first. */
static int replace_file(const char *path, const char *text, size_t len)
{
	char *temp = NULL;
	int fd, err;

	wd_format(&temp, "%s.XXXXXX", path);
	fd = temp ? mkostemp(temp, O_CLOEXEC) : -1;
	if (fd < 0) {
		err = temp ? -errno : -ENOMEM;
		free(temp);
		return err;
	}
	err = write_all(fd, text, len);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		(void)unlink(temp); /* the error is told */
	free(temp);
	return err;
}

static int put_out(const struct wd_args *args, struct json_object *doc)
{
	const char *path = args->argc ? args->argv[0] : "-";
	const char *body = json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *text = NULL;
	int err;

	wd_format(&text, "%s\n", body ?: "");
	if (!body || !text)
		err = -ENOMEM;
	else if (strcmp(path, "-") != 0)
		err = replace_file(path, text, strlen(text));
	else
		err = write_all(STDOUT_FILENO, text, strlen(text));
	free(text);
	return err ? wd_cmd_fail(args, WD_EXIT_NO, path,
				 "cannot be written: %s", wd_errno(err)) :
		     WD_EXIT_OK;
}

static int cmd_state_export(const struct wd_args *args)
{
	struct json_object *answer = NULL, *doc = NULL;
	int err = wd_cmd_try(args, wd_cmd_request("state.export"),
			     WD_CMD_TIMEOUT_MS, &answer);
	int code = WD_EXIT_OK;

	if (err == -ENOENT || err == -ECONNREFUSED) {
		code = from_pins(args, &doc);
	} else if (err) {
		code = wd_cmd_lost(args, err);
	} else if (!wd_json_get_bool(answer, "ok")) {
		code = wd_cmd_fail(args,
				   wd_json_get_int(answer, "code") == 3 ?
					   WD_EXIT_NO_AGENT :
					   WD_EXIT_NO,
				   wd_json_get_str(answer, "where"), "%s",
				   wd_json_get_str(answer, "error"));
	} else {
		doc = json_object_get(wd_json_get(answer, "result"));
	}
	if (!code)
		code = put_out(args, doc);
	json_object_put(doc);
	json_object_put(answer);
	return code;
}

static const struct wd_opt options[] = {
	{ .name = "bpffs",
	  .arg = "DIR",
	  .help = "where the pins are, for when no agent runs (default\n" WD_BPFFS_DEFAULT
		  ")" },
	{},
};

const struct wd_cmd wd_cmd_state_export = {
	.object = "state",
	.verb = "export",
	.args = "[FILE]",
	.max = 1,
	.summary = "what this node enforces, in one file, for preflight",
	.text = "Writes JSON to FILE, or to stdout: endpoints, addresses, "
		"prefixes, services and\nthe compiled policies that are in "
		"force, with names beside the numbers. Neither flows\nnor "
		"counters nor secrets are in it. Without an agent the pinned "
		"tables are read,\nwhich know no names.",
	.opts = options,
	.fn = cmd_state_export,
};
