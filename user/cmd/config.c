/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.c - the agent's configuration, for commands that stand in for one.
 */
#include "../agent/config.h"

#include <stdlib.h>

#include "../model/xalloc.h"
#include "cmd.h"

int wd_cmd_config(const struct wd_args *args, struct wd_config *ret_config)
{
	const char *path = wd_args_get(args, "config");
	char name[] = "warder", option[] = "--config", *why = NULL;
	char *file = wd_xstrdup(path ?: "");
	char *argv[] = { name, option, file, NULL };
	int code = WD_EXIT_OK;

	wd_config_init(ret_config);
	if (path && wd_config_parse(ret_config, 3, argv, &why))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "--config", "%s",
				   why ?: "");
	free(why);
	free(file);
	return code;
}
