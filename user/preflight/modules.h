/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * modules.h - finds modules and what they need, and makes them ready to load.
 */
#ifndef WARDER_MODULES_H
#define WARDER_MODULES_H

#include <stdbool.h>

#include "kernel.h"

/* Names of modules that are still to be found. */
struct wd_wanted {
	char **name;
	bool *seen; /* looked at: it was found, or it is nowhere */
	size_t cnt;
};

/** wd_wanted_init() - what warder needs of a kernel; 0 or -ENOMEM */
int wd_wanted_init(struct wd_wanted *wanted);
void wd_wanted_free(struct wd_wanted *wanted);

/** wd_wanted_find() - is the file of this path a wanted module; its index or -1 */
int wd_wanted_find(const struct wd_wanted *wanted, const char *path);

/**
 * wd_module_add() - a module's file into @kernel; what it needs into @wanted
 * @bytes: taken over; may be compressed (gzip, xz, zstd)
 * @temp: folder for unpacking
 * Return: 0; -EINTR; -EINVAL no module; -errno; with *ret_error one sentence.
 */
int wd_module_add(struct wd_kernel_files *kernel, struct wd_wanted *wanted,
		  size_t nr, struct wd_bytes *bytes, const char *temp,
		  char **ret_error);

/** wd_modules_order() - each behind those it needs */
void wd_modules_order(struct wd_kernel_files *kernel);

#endif /* WARDER_MODULES_H */
