/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_config.c - any bytes as the agent's settings file.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/config.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("settings", MFD_CLOEXEC);
	char agent[] = "agent";
	char option[] = "--config";
	char path[32];
	char *argv[] = { agent, option, path, NULL };
	struct wd_config config;
	char *error = NULL;
	int err;

	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd_config_init(&config);
	err = wd_config_parse(&config, 3, argv, &error);
	fuzz_expect((err != 0) == (error != NULL));
	fuzz_expect(err || (*config.node && *config.run_dir &&
			    *config.state_dir && *config.bpffs));
	free(error);
	wd_config_fini(&config);
	(void)close(fd);
	return 0;
}
