/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - one program, two names: `warder` for people and the agent,
 * `warder-cni` for container runtimes. Decides only which.
 */
#include <string.h>

#include "cmd/cmd.h"
#include "cni/cni.h"

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";

	if (!strcmp(name, "warder-cni"))
		return wd_cni_main(argc, argv);
	return wd_cmd_main(argc, argv);
}
