/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * completion.c - `warder completion`: what a shell needs to complete commands,
 * made of the same structs as the help, so that it cannot drift from them.
 */
#include <stdio.h>
#include <string.h>

#include <warder/verdict.h>

#include "cmd.h"

/* What stands for a value: words to choose from, or what the shell is to call. */
#define REASON_WORD(name, nr, drop, help) #name " "
static const struct {
	const char *arg; /* begin of the placeholder in the help */
	const char *words; /* NULL: @bash and @zsh */
	const char *bash, *zsh;
} values[] = {
	{ "DIR", NULL, "_warder_files", "_files" },
	{ "FILE", NULL, "_warder_files", "_files" },
	{ "[FILE", NULL, "_warder_files", "_files" },
	{ "NS/POD", NULL, "_warder_pods", "_warder_pods" },
	{ "[NS/POD", NULL, "_warder_pods", "_warder_pods" },
	{ "FROM TO", NULL, "_warder_pods", "_warder_pods" },
	{ "POLICY", NULL, "_warder_policies", "_warder_policies" },
	{ "KIND/NS/NAME", NULL, "_warder_policies", "_warder_policies" },
	{ "REASON", WD_REASONS(REASON_WORD), NULL, NULL },
	{ "VERDICT", "allow drop audit", NULL, NULL },
	{ "FORMAT", "text json hubble", NULL, NULL },
	{ "RUNG|auto", "full compat minimal nft hold auto", NULL, NULL },
	{ "RUNG", "full compat minimal nft hold", NULL, NULL },
};
#undef REASON_WORD

/* Place in the table, or -1: nothing is known of the value. */
static int find_value(const char *arg)
{
	for (size_t i = 0; arg && i < sizeof(values) / sizeof(*values); i++)
		if (!strncmp(arg, values[i].arg, strlen(values[i].arg)))
			return (int)i;
	return -1;
}

/* "allow|policy": a placeholder that is its own list. */
static bool is_choice(const char *arg)
{
	return arg && strchr(arg, '|') &&
	       strspn(arg, "abcdefghijklmnopqrstuvwxyz-|") == strlen(arg);
}

static void put_choice(const char *arg)
{
	for (; *arg; arg++)
		putchar(*arg == '|' ? ' ' : *arg);
}

/* The first command of each object. */
static bool is_first(const struct wd_cmd *const *cmd)
{
	return cmd == wd_cmds || strcmp(cmd[-1]->object, cmd[0]->object) != 0;
}

static void put_objects(void)
{
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		if (is_first(cmd))
			printf("%s ", (*cmd)->object);
}

static void put_verbs(const char *object)
{
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		if (!strcmp((*cmd)->object, object))
			printf("%s ", (*cmd)->verb);
}

/* Calls @fn for each option of a command. */
static void each_option(const struct wd_cmd *cmd,
			void (*fn)(const struct wd_cmd *cmd,
				   const struct wd_opt *opt))
{
	for (const struct wd_opt *opt = cmd->opts; opt && opt->name; opt++)
		fn(cmd, opt);
	for (const struct wd_opt *opt = wd_cmd_common_opts;
	     !cmd->main && opt->name; opt++)
		fn(cmd, opt);
}

/* ---- bash ---- */

static const char bash_head[] =
	"# Completion of warder for bash; made by `warder completion bash`.\n"
	"_warder_words() { COMPREPLY=($(compgen -W \"$*\" -- \"$cur\")); }\n"
	"_warder_files() { COMPREPLY=($(compgen -f -- \"$cur\")); }\n"
	"_warder_pods() { _warder_words \"$(warder endpoint list 2>/dev/null |\n"
	"	awk 'NR > 1 {print $1}')\"; }\n"
	"_warder_policies() { _warder_words \"$(warder policy list 2>/dev/null |\n"
	"	awk 'NR > 1 {print $1}')\"; }\n"
	"_warder() {\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"	local name=${COMP_WORDS[1]}\n"
	"	COMPREPLY=()\n"
	"	if [ \"$COMP_CWORD\" = 1 ]; then\n"
	"		_warder_words ";

static void bash_value(const char *arg)
{
	int at = find_value(arg);

	if (is_choice(arg)) {
		printf("_warder_words ");
		put_choice(arg);
	} else if (at < 0) {
		putchar(':');
	} else if (values[at].words) {
		printf("_warder_words %s", values[at].words);
	} else {
		fputs(values[at].bash, stdout);
	}
}

static void bash_option_value(const struct wd_cmd *cmd,
			      const struct wd_opt *opt)
{
	if (!opt->arg || opt->optional)
		return;
	printf("	'%s%s%s --%s') ", cmd->object, cmd->verb ? " " : "",
	       cmd->verb ?: "", opt->name);
	bash_value(opt->arg);
	puts("; return;;");
}

static void bash_option(const struct wd_cmd *cmd, const struct wd_opt *opt)
{
	(void)cmd;
	printf("--%s ", opt->name);
}

static void bash_command(const struct wd_cmd *cmd)
{
	printf("	'%s%s%s')\n		case $cur in\n		-*) _warder_words ",
	       cmd->object, cmd->verb ? " " : "", cmd->verb ?: "");
	each_option(cmd, bash_option);
	printf(";;\n		*) ");
	if (!strcmp(cmd->object, "help")) {
		printf("_warder_words ");
		put_objects();
	} else {
		bash_value(cmd->args);
	}
	puts(";;\n		esac;;");
}

static void put_bash(void)
{
	fputs(bash_head, stdout);
	put_objects();
	puts("\n		return\n	fi\n	case $name in");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (!(*cmd)->verb || !is_first(cmd))
			continue;
		printf("	%s)\n		if [ \"$COMP_CWORD\" = 2 ]; then\n"
		       "			_warder_words ",
		       (*cmd)->object);
		put_verbs((*cmd)->object);
		puts("\n			return\n		fi\n"
		     "		name+=\" ${COMP_WORDS[2]}\";;");
	}
	puts("	esac\n	case \"$name $prev\" in");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		each_option(*cmd, bash_option_value);
	puts("	esac\n	case $name in");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		bash_command(*cmd);
	puts("	esac\n}\ncomplete -F _warder warder");
}

/* ---- zsh ---- */

static const char zsh_head[] =
	"#compdef warder\n"
	"# Completion of warder for zsh; made by `warder completion zsh`.\n"
	"_warder_pods() {\n"
	"	local -a list=(${(f)\"$(warder endpoint list 2>/dev/null |\n"
	"		awk 'NR > 1 {print $1}')\"})\n"
	"	compadd -a list\n"
	"}\n"
	"_warder_policies() {\n"
	"	local -a list=(${(f)\"$(warder policy list 2>/dev/null |\n"
	"		awk 'NR > 1 {print $1}')\"})\n"
	"	compadd -a list\n"
	"}\n"
	"_warder() {\n"
	"	local -a list\n"
	"	local name=$words[2]\n"
	"	if (( CURRENT == 2 )); then\n"
	"		list=(";

/* Inside single quotes; @special gets a backslash, a line feed becomes a blank. */
static void zsh_quoted(const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (*text == '\n')
			putchar(' ');
		else if (strchr(special, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

static void zsh_value(const char *arg)
{
	int at = find_value(arg);

	if (is_choice(arg)) {
		printf(":(");
		put_choice(arg);
		putchar(')');
	} else if (at < 0) {
		fputs(": ", stdout);
	} else if (values[at].words) {
		printf(":(%s)", values[at].words);
	} else {
		printf(":%s", values[at].zsh);
	}
}

static void zsh_option(const struct wd_cmd *cmd, const struct wd_opt *opt)
{
	(void)cmd;
	printf(" \\\n			'*--%s%s[", opt->name,
	       !opt->arg     ? "" :
	       opt->optional ? "=-" :
			       "=");
	zsh_quoted(opt->help, "[]:\\");
	putchar(']');
	if (opt->arg) {
		printf(":%s", opt->optional ? ":" : "");
		zsh_quoted(opt->arg, "[]:\\");
		zsh_value(opt->arg);
	}
	putchar('\'');
}

static void zsh_command(const struct wd_cmd *cmd)
{
	printf("	('%s%s%s')\n		_arguments", cmd->object,
	       cmd->verb ? " " : "", cmd->verb ?: "");
	each_option(cmd, zsh_option);
	if (!strcmp(cmd->object, "help")) {
		printf(" \\\n			'*:command:(");
		put_objects();
		printf(")'");
	} else if (cmd->args) {
		printf(" \\\n			'*:");
		zsh_quoted(cmd->args, "[]:\\");
		zsh_value(cmd->args);
		putchar('\'');
	}
	puts(";;");
}

/* "word:summary" of commands: each of @object, or the first of each. */
static void zsh_words(const char *object)
{
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (object ? strcmp((*cmd)->object, object) != 0 :
			     !is_first(cmd))
			continue;
		printf("'%s", object ? (*cmd)->verb : (*cmd)->object);
		/* an object of several verbs has no summary of its own */
		if (object || !(*cmd)->verb) {
			putchar(':');
			zsh_quoted((*cmd)->summary, "\\:");
		}
		printf("' ");
	}
}

static void put_zsh(void)
{
	fputs(zsh_head, stdout);
	zsh_words(NULL);
	puts(")\n		_describe command list\n		return\n	fi\n"
	     "	shift words\n	(( CURRENT-- ))\n	case $name in");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++) {
		if (!(*cmd)->verb || !is_first(cmd))
			continue;
		printf("	(%s)\n		if (( CURRENT == 2 )); then\n"
		       "			list=(",
		       (*cmd)->object);
		zsh_words((*cmd)->object);
		puts(")\n			_describe verb list\n			return\n		fi\n"
		     "		name+=\" $words[2]\"\n		shift words\n"
		     "		(( CURRENT-- ));;");
	}
	puts("	esac\n	case $name in");
	for (const struct wd_cmd *const *cmd = wd_cmds; *cmd; cmd++)
		zsh_command(*cmd);
	/* Loaded by its name it is called at once; sourced, it is made known. */
	puts("	esac\n}\nif [[ $funcstack[1] == _warder ]]; then\n"
	     "	_warder \"$@\"\nelse\n	compdef _warder warder\nfi");
}

static int cmd_completion(const struct wd_args *args)
{
	const char *shell = args->argv[0];

	if (!strcmp(shell, "bash"))
		put_bash();
	else if (!strcmp(shell, "zsh"))
		put_zsh();
	else
		return wd_cmd_fail(args, WD_EXIT_USAGE, shell,
				   "no such shell: bash or zsh");
	return WD_EXIT_OK;
}

const struct wd_cmd wd_cmd_completion = {
	.object = "completion",
	.args = "bash|zsh",
	.min = 1,
	.max = 1,
	.summary = "what a shell needs to complete commands of warder",
	.text = "Prints a script, which `make install` puts where shells look for it. By hand:\n"
		"`source <(warder completion bash)`. Names of pods and policies are asked of the agent.",
	.fn = cmd_completion,
};
