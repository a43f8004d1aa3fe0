/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.c - `warder agent`: reads its settings and runs; with --check it only
 * looks at the settings and at what the directories hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../agent/cluster.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../datapath/datapath.h"
#include "../kube/login.h"
#include "check.h"
#include "cmd.h"

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

/* What a kubeconfig says, without asking the server. */
static int check_login(const struct wd_args *args, const char *file)
{
	struct wd_kube_login login;
	char *why = NULL;
	int code = 0;

	if (wd_kube_login_file(file, &login, &why))
		code = wd_cmd_fail(args, WD_EXIT_NO, "agent", "%s",
				   why ?: "bad kubeconfig");
	wd_kube_login_fini(&login);
	free(why);
	return code;
}

static int check_logins(const struct wd_args *args,
			const struct wd_config *config)
{
	int code = config->kubeconfig ? check_login(args, config->kubeconfig) :
					0;

	for (size_t i = 0; i < config->cluster_cnt && !code; i++)
		code = check_login(args, config->cluster[i].file);
	return code;
}

static int check(struct wd_args *args, struct wd_config *config)
{
	args->argc = (int)config->manifests_cnt;
	args->argv = config->manifests;
	return wd_check_files(args, config);
}

/*
 * In a pod there is no mount of ours that outlives us: pins in a bpffs that the
 * agent mounts there would go with its container, and enforcement with them.
 */
static int run(const struct wd_args *args, const struct wd_config *config)
{
	if (config->in_cluster && !wd_datapath_is_mounted(config->bpffs))
		return wd_cmd_fail(
			args, WD_EXIT_NO, config->bpffs,
			"no bpffs is mounted here, and one of this pod's own would end with it: mount /sys/fs/bpf of the host");
	return wd_agent_run(config);
}

static int agent_main(int argc, char **argv)
{
	static const char see[] = "; see `warder help agent`";
	struct wd_args args = { .cmd = &wd_cmd_agent };
	struct wd_config config;
	char *why = NULL;
	int code;

	if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h")) {
		char word[] = "agent", *words[] = { word };

		return wd_help_print(1, words);
	}
	wd_config_init(&config);
	if (wd_config_parse(&config, argc, argv, &why)) {
		args.json = has_word(argc, argv, "--json");
		code = wd_cmd_fail(&args, WD_EXIT_USAGE, "agent", "%s%s",
				   why ?: "bad settings",
				   why && strstr(why, see) ? "" : see);
		free(why);
		wd_config_fini(&config);
		return code;
	}
	args.json = config.json;
	wd_cluster_name(&config);
	code = config.check ? check_logins(&args, &config) :
			      run(&args, &config);
	if (config.check && !code)
		code = check(&args, &config);
	wd_config_fini(&config);
	return code;
}

const struct wd_cmd wd_cmd_agent = {
	.object = "agent",
	.summary = "enforce policy on this node, until told to end",
	.text = "Runs in the foreground and logs to stderr. SIGTERM ends the "
		"process and leaves\nenforcement in place; only `warder stop "
		"--detach` ends that. SIGHUP reads the\nmanifests again.",
	.opts = wd_config_opts,
	.main = agent_main,
};
