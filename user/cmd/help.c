/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * help.c - `warder help` and `warder version`: prints what the structs of the
 * commands say. The man pages are held to the same structs by a test.
 */
#include <stdio.h>
#include <string.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/version.h"
#include "cmd.h"

#define OPTION_WIDTH 24
#define WIDTH 79 /* of a line */

/*
 * What stands before the next word of a text: its lines are filled, an empty
 * line parts paragraphs, and a line that begins with a blank stays a line.
 * Return: 0 filled, else the line feeds to write.
 */
static int gap_feeds(const char *text)
{
	int feeds = 0;

	for (; *text == '\n'; text++)
		feeds++;
	return feeds > 1 || *text == ' ' ? feeds : 0;
}

/* @text between the columns @indent and WIDTH; we are at the former. */
static void print_filled(const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int feeds = gap_feeds(text);
		size_t blanks = strspn(text, " \n");
		int len = (int)strcspn(text + blanks, " \n");

		if (!feeds && blanks && column + 1 + len > WIDTH)
			feeds = 1;
		for (int i = 0; i < feeds; i++)
			putchar('\n');
		if (feeds) {
			column = indent + (text[feeds] == ' ' ? 2 : 0);
			printf("%*s", column, "");
		} else if (blanks) {
			column += printf(" ");
		}
		column += printf("%.*s", len, text + blanks);
		text += blanks + (size_t)len;
	}
	putchar('\n');
}

static void print_option(const struct wd_opt *opt)
{
	char left[64];
	int len = snprintf(left, sizeof(left), "  %c%c%s--%s",
			   opt->key ? '-' : ' ', opt->key ?: ' ',
			   opt->key ? ", " : "  ", opt->name);

	if (opt->arg && len > 0 && (size_t)len < sizeof(left))
		snprintf(left + len, sizeof(left) - (size_t)len,
			 opt->optional ? "[=%s]" : " %s", opt->arg);
	if (strlen(left) < OPTION_WIDTH)
		printf("%-*s", OPTION_WIDTH, left);
	else
		printf("%s\n%*s", left, OPTION_WIDTH, "");
	print_filled(opt->help, OPTION_WIDTH);
}

static void print_options(const char *title, const struct wd_opt *opt)
{
	if (!opt || !opt->name)
		return;
	printf("\n%s\n", title);
	for (; opt->name; opt++)
		print_option(opt);
}

static void print_synopsis(const struct wd_cmd *cmd)
{
	printf("warder %s%s%s%s%s", cmd->object, cmd->verb ? " " : "",
	       cmd->verb ?: "", cmd->args ? " " : "", cmd->args ?: "");
}

static void print_command(const struct wd_cmd *cmd)
{
	printf("usage: ");
	print_synopsis(cmd);
	printf(" [OPTION]...\n\n%s\n", cmd->summary);
	if (cmd->text) {
		putchar('\n');
		print_filled(cmd->text, 0);
	}
	print_options("Options", cmd->opts);
	if (!cmd->main)
		print_options("Common options", wd_cmd_common_opts);
}

static int print_overview(void)
{
	puts("usage: warder OBJECT VERB [ARG]... [OPTION]...\n"
	     "       warder VERB [ARG]... [OPTION]...\n\n"
	     "Enforces Kubernetes network policy on the pods of this node.\n");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s%s%s", (*cmd)->object,
			 (*cmd)->verb ? " " : "", (*cmd)->verb ?: "",
			 (*cmd)->args ? " " : "", (*cmd)->args ?: "");
		if (strlen(left) > 32)
			printf("  %s\n  %32s  %s\n", left, "", (*cmd)->summary);
		else
			printf("  %-32s  %s\n", left, (*cmd)->summary);
	}
	print_options("Common options", wd_cmd_common_opts);
	puts("\nExit codes: 0 yes or done, 1 failed or no, 2 usage, 3 the agent "
	     "is not running\nor not ready. `warder help COMMAND` tells more.");
	return WD_EXIT_OK;
}

/* By as many words as were given. */
static bool is_named(const struct wd_cmd *cmd, int cnt, char **word)
{
	if (cnt > 0 && strcmp(cmd->object, word[0]) != 0)
		return false;
	return cnt < 2 || (cmd->verb && !strcmp(cmd->verb, word[1]));
}

int wd_help_print(int cnt, char **word)
{
	int found = 0;

	if (!cnt)
		return print_overview();
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (!is_named(*cmd, cnt, word))
			continue;
		if (found++)
			putchar('\n');
		print_command(*cmd);
	}
	return found ? WD_EXIT_OK : WD_EXIT_NO;
}

/* ---- the same as JSON ---- */

static void put_options(struct json_object *array, const struct wd_opt *opt)
{
	for (; opt && opt->name; opt++) {
		char key[2] = { opt->key };
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "name", opt->name);
		wd_json_str(obj, "key", opt->key ? key : NULL);
		wd_json_str(obj, "arg", opt->arg);
		wd_json_bool(obj, "arg_optional", opt->optional);
		wd_json_str(obj, "help", opt->help);
	}
}

static void put_command(struct json_object *obj, const struct wd_cmd *cmd)
{
	struct json_object *options;

	wd_json_str(obj, "object", cmd->object);
	wd_json_str(obj, "verb", cmd->verb);
	wd_json_str(obj, "args", cmd->args);
	wd_json_str(obj, "summary", cmd->summary);
	wd_json_str(obj, "text", cmd->text);
	options = wd_json_array(obj, "options");
	put_options(options, cmd->opts);
	if (!cmd->main)
		put_options(options, wd_cmd_common_opts);
}

static int help_json(int cnt, char **word)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *array = wd_json_array(doc, "commands");
	int found = 0;

	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (!is_named(*cmd, cnt, word))
			continue;
		found++;
		put_command(wd_json_push(array), *cmd);
	}
	if (found)
		wd_cmd_json(doc);
	json_object_put(doc);
	return found ? WD_EXIT_OK : WD_EXIT_NO;
}

static int cmd_help(const struct wd_args *args)
{
	int code = args->json ? help_json(args->argc, args->argv) :
				wd_help_print(args->argc, args->argv);

	if (code == WD_EXIT_OK)
		return WD_EXIT_OK;
	return wd_cmd_fail(args, WD_EXIT_USAGE, args->argv[0],
			   "no such command; see `warder help`");
}

const struct wd_cmd wd_cmd_help = {
	.object = "help",
	.args = "[COMMAND]",
	.max = 2,
	.summary = "what a command does and takes",
	.fn = cmd_help,
};

static int cmd_version(const struct wd_args *args)
{
	struct json_object *doc;

	if (!args->json) {
		puts("warder " WARDER_VERSION);
		return WD_EXIT_OK;
	}
	doc = json_object_new_object();
	wd_json_str(doc, "version", WARDER_VERSION);
	wd_cmd_json(doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

const struct wd_cmd wd_cmd_version = {
	.object = "version",
	.summary = "version of this program",
	.fn = cmd_version,
};
