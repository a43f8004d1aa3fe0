/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.c - finds the command, reads its options, talks to the agent for it.
 * Knows of no command more than its struct says.
 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../preflight/guest.h"
#include "../query/ctl.h"

const struct wd_cmd *const wd_cmds[] = {
	&wd_cmd_agent,
	&wd_cmd_status,
	&wd_cmd_sync,
	&wd_cmd_stop,
	&wd_cmd_endpoint_list,
	&wd_cmd_endpoint_get,
	&wd_cmd_identity_list,
	&wd_cmd_identity_get,
	&wd_cmd_service_list,
	&wd_cmd_service_get,
	&wd_cmd_policy_list,
	&wd_cmd_policy_get,
	&wd_cmd_policy_unused,
	&wd_cmd_policy_check,
	&wd_cmd_policy_diff,
	&wd_cmd_policy_confirm,
	&wd_cmd_why,
	&wd_cmd_monitor,
	&wd_cmd_replay,
	&wd_cmd_top,
	&wd_cmd_report,
	&wd_cmd_metrics,
	&wd_cmd_flow_list,
	&wd_cmd_map_list,
	&wd_cmd_ladder_show,
	&wd_cmd_ladder_climb,
	&wd_cmd_ladder_pin,
	&wd_cmd_encryption_status,
	&wd_cmd_encryption_report,
	&wd_cmd_slo_status,
	&wd_cmd_slo_baseline,
	&wd_cmd_slo_set,
	&wd_cmd_slo_clear,
	&wd_cmd_slo_runtime,
	&wd_cmd_cni_install,
	&wd_cmd_cni_check,
	&wd_cmd_cni_uninstall,
	&wd_cmd_doctor,
	&wd_cmd_bugreport,
	&wd_cmd_state_export,
	&wd_cmd_preflight,
	&wd_cmd_wireguard_status,
	&wd_cmd_wireguard_apply,
	&wd_cmd_completion,
	&wd_cmd_version,
	&wd_cmd_help,
	NULL,
};

const struct wd_opt wd_cmd_common_opts[] = {
	{ .name = "json", .help = "one JSON document instead of text" },
	{ .name = "run-dir",
	  .arg = "DIR",
	  .help = "where the agent's socket is (default " WD_RUN_DIR_DEFAULT
		  ",\nor $WARDER_RUN_DIR)" },
	{ .name = "help", .key = 'h', .help = "this text" },
	{},
};

const char *wd_args_get(const struct wd_args *args, const char *name)
{
	for (size_t i = args->set_cnt; i-- > 0;)
		if (!strcmp(args->set[i].name, name))
			return args->set[i].value;
	return NULL;
}

bool wd_args_has(const struct wd_args *args, const char *name)
{
	for (size_t i = 0; i < args->set_cnt; i++)
		if (!strcmp(args->set[i].name, name))
			return true;
	return false;
}

int wd_cmd_fail(const struct wd_args *args, enum wd_exit code,
		const char *where, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (args->json) {
		struct json_object *doc = json_object_new_object();

		wd_json_int(doc, "code", code);
		wd_json_str(doc, "error", text ?: "out of memory");
		wd_json_str(doc, "where", where);
		fprintf(stderr, "%s\n",
			json_object_to_json_string_ext(
				doc, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(doc);
	} else {
		wd_print(stderr, "warder: %s%s%s\n", where, *where ? ": " : "",
			 text ?: "out of memory");
	}
	free(text);
	return code;
}

struct json_object *wd_cmd_request(const char *name)
{
	struct json_object *req = json_object_new_object();

	wd_json_str(req, "cmd", name);
	return req;
}

int wd_cmd_try(const struct wd_args *args, struct json_object *req,
	       int timeout_ms, struct json_object **ret_answer)
{
	int err = wd_ctl_call(args->run_dir, req, -1, timeout_ms, ret_answer);

	json_object_put(req);
	return err;
}

int wd_cmd_take(const struct wd_args *args, struct json_object *answer,
		struct json_object **ret_result)
{
	int code = (int)wd_json_get_int(answer, "code");

	if (wd_json_get_bool(answer, "ok")) {
		*ret_result = json_object_get(wd_json_get(answer, "result"));
		json_object_put(answer);
		return WD_EXIT_OK;
	}
	if (code < WD_EXIT_NO || code > WD_EXIT_NO_AGENT)
		code = WD_EXIT_NO;
	wd_cmd_fail(args, (enum wd_exit)code, wd_json_get_str(answer, "where"),
		    "%s", wd_json_get_str(answer, "error"));
	json_object_put(answer);
	return code;
}

int wd_cmd_ask_fd(const struct wd_args *args, struct json_object *req, int fd,
		  int timeout_ms, struct json_object **ret_result)
{
	struct json_object *answer = NULL;
	int err = wd_ctl_call(args->run_dir, req, fd, timeout_ms, &answer);

	json_object_put(req);
	return err ? wd_cmd_lost(args, err) :
		     wd_cmd_take(args, answer, ret_result);
}

int wd_cmd_lost(const struct wd_args *args, int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return wd_cmd_fail(args, WD_EXIT_NO_AGENT, args->run_dir,
				   "no agent is running here: start `warder "
				   "agent`, or name its --run-dir");
	case -EACCES:
	case -EPERM:
		return wd_cmd_fail(args, WD_EXIT_NO, args->run_dir,
				   "only root and the agent's own user may ask "
				   "the agent: %s",
				   wd_errno(err));
	case -ETIMEDOUT:
		return wd_cmd_fail(args, WD_EXIT_NO, args->run_dir,
				   "the agent did not answer in time");
	case -EPROTO:
		return wd_cmd_fail(args, WD_EXIT_NO, args->run_dir,
				   "what came is no whole answer: the agent "
				   "ended, or is of another version: -EPROTO");
	}
	return wd_cmd_fail(args, WD_EXIT_NO, args->run_dir,
			   "asking the agent failed: %s", wd_errno(err));
}

int wd_cmd_ask(const struct wd_args *args, struct json_object *req,
	       int timeout_ms, struct json_object **ret_result)
{
	return wd_cmd_ask_fd(args, req, -1, timeout_ms, ret_result);
}

int wd_cmd_answer(const struct wd_args *args, struct json_object *req,
		  int timeout_ms, void (*print)(struct json_object *result))
{
	struct json_object *result = NULL;
	int code = wd_cmd_ask(args, req, timeout_ms, &result);

	if (code)
		return code;
	if (args->json)
		wd_cmd_json(result);
	else
		print(result);
	json_object_put(result);
	return WD_EXIT_OK;
}

void wd_cmd_wait_end(int fd)
{
	char rest[1024];
	ssize_t got;

	do
		got = read(fd, rest, sizeof(rest));
	while (got > 0 || (got < 0 && errno == EINTR));
}

void wd_cmd_json_line(struct json_object *doc)
{
	puts(json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

int wd_cmd_page(const struct wd_args *args, struct json_object *doc,
		void (*put)(struct json_object *doc, FILE *to))
{
	const char *path = wd_args_get(args, "html");
	FILE *to = path ? fopen(path, "we") : stdout;
	int err = 0;

	if (!to)
		return wd_cmd_fail(args, WD_EXIT_NO, path,
				   "cannot be written: %s", wd_errno(-errno));
	put(doc, to);
	/* Of stdout end_answer() tells. */
	if (path && (fflush(to) || ferror(to)))
		err = errno ? -errno : -EIO;
	if (path && fclose(to) && !err)
		err = -errno;
	return err ? wd_cmd_fail(args, WD_EXIT_NO, path,
				 "cannot be written: %s", wd_errno(err)) :
		     WD_EXIT_OK;
}

void wd_cmd_json(struct json_object *doc)
{
	puts(json_object_to_json_string_ext(
		doc, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			     JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- from words to a command ---- */

static bool object_exists(const char *object)
{
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		if (!strcmp((*cmd)->object, object))
			return true;
	return false;
}

/* *ret_words: how many words of @argv name it. */
static const struct wd_cmd *find(int argc, char **argv, int *ret_words)
{
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (strcmp((*cmd)->object, argv[0]) != 0)
			continue;
		if ((*cmd)->verb &&
		    (argc < 2 || strcmp((*cmd)->verb, argv[1]) != 0))
			continue;
		*ret_words = (*cmd)->verb ? 2 : 1;
		return *cmd;
	}
	return NULL;
}

struct reading {
	struct wd_args *args;
	bool help;
};

static int take_option(void *ctx, const struct wd_opt *opt, const char *value,
		       char **ret_error)
{
	struct reading *reading = ctx;
	struct wd_args *args = reading->args;

	if (!strcmp(opt->name, "json")) {
		args->json = true;
	} else if (!strcmp(opt->name, "help")) {
		reading->help = true;
	} else if (!strcmp(opt->name, "run-dir")) {
		args->run_dir = value;
	} else if (args->set_cnt == WD_OPTS_MAX) {
		wd_format(ret_error, "too many options");
		return -EINVAL;
	} else {
		args->set[args->set_cnt].name = opt->name;
		args->set[args->set_cnt++].value = value;
	}
	return 0;
}

static int usage_fail(const struct wd_args *args, const char *text)
{
	const struct wd_cmd *cmd = args->cmd;
	const char *verb = cmd->verb ?: "";
	const char *space = cmd->verb ? " " : "";

	return wd_cmd_fail(args, WD_EXIT_USAGE, "",
			   "%s; usage: warder %s%s%s%s%s [OPTION]...; see "
			   "`warder help %s%s%s`",
			   text, cmd->object, space, verb, cmd->args ? " " : "",
			   cmd->args ?: "", cmd->object, space, verb);
}

/* Errors met before --json was read are still to be JSON. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

/*
 * An answer that a full disk cut off must not be taken for a whole one. Who closed
 * the pipe has what he wants.
 */
static int end_answer(const struct wd_args *args, int code)
{
	bool lost = fflush(stdout);
	int err = lost ? errno : EIO;

	if ((!lost && !ferror(stdout)) || err == EPIPE ||
	    code == WD_EXIT_USAGE || code == WD_EXIT_NO_AGENT)
		return code;
	return wd_cmd_fail(args, code ?: WD_EXIT_NO, "stdout",
			   "cannot be written: %s", wd_errno(-err));
}

static int run_cmd(const struct wd_cmd *cmd, int argc, char **argv)
{
	const struct wd_opt *const tables[] = { wd_cmd_common_opts, cmd->opts,
						NULL };
	const char *run_dir = getenv("WARDER_RUN_DIR");
	struct wd_args args = {
		.cmd = cmd,
		.run_dir = run_dir && *run_dir ? run_dir : WD_RUN_DIR_DEFAULT,
		.json = wants_json(argc, argv),
	};
	struct reading reading = { .args = &args };
	char *why = NULL;
	int first =
		wd_opt_parse(tables, argc, argv, take_option, &reading, &why);

	if (first < 0) {
		usage_fail(&args, why ?: "invalid option");
		free(why);
		return WD_EXIT_USAGE;
	}
	if (reading.help) {
		char *words[] = { (char *)(uintptr_t)cmd->object,
				  (char *)(uintptr_t)cmd->verb };

		return end_answer(&args,
				  wd_help_print(cmd->verb ? 2 : 1, words));
	}
	args.argc = argc - first;
	args.argv = argv + first;
	if (args.argc < cmd->min)
		return usage_fail(&args, "arguments are missing");
	if (cmd->max >= 0 && args.argc > cmd->max)
		return usage_fail(&args, "too many arguments");
	return end_answer(&args, cmd->fn(&args));
}

static int no_such_command(int argc, char **argv)
{
	struct wd_args args = { .json = wants_json(argc, argv) };

	if (object_exists(argv[0]) && (argc < 2 || *argv[1] == '-'))
		return wd_cmd_fail(&args, WD_EXIT_USAGE, argv[0],
				   "a verb is missing; see `warder help %s`",
				   argv[0]);
	if (object_exists(argv[0]))
		return wd_cmd_fail(&args, WD_EXIT_USAGE, argv[0],
				   "no verb '%s'; see `warder help %s`",
				   argv[1], argv[0]);
	return wd_cmd_fail(&args, WD_EXIT_USAGE, argv[0],
			   "no such command; see `warder help`");
}

int wd_cmd_main(int argc, char **argv)
{
	const struct wd_cmd *cmd;
	int words = 0;

	if (argc < 2) {
		wd_help_print(0, NULL);
		return WD_EXIT_USAGE;
	}
	if (!strcmp(argv[1], WD_GUEST_COMMAND))
		return wd_guest_main(argc, argv);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return wd_help_print(0, NULL);
	if (!strcmp(argv[1], "--version"))
		return run_cmd(&wd_cmd_version, argc - 1, argv + 1);
	if (argc > 2 && object_exists(argv[1]) &&
	    (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h")))
		return wd_help_print(1, argv + 1);
	cmd = find(argc - 1, argv + 1, &words);
	if (!cmd)
		return no_such_command(argc - 1, argv + 1);
	argc -= words; /* the last word of the name becomes argv[0] */
	argv += words;
	if (cmd->main) {
		struct wd_args args = { .cmd = cmd,
					.json = wants_json(argc, argv) };

		return end_answer(&args, cmd->main(argc, argv));
	}
	return run_cmd(cmd, argc, argv);
}
