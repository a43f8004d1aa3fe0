/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h - a kernel to be looked at: its image and the few modules that
 * warder needs, from a package, a file or a folder. Installs nothing.
 */
#ifndef WARDER_KERNEL_H
#define WARDER_KERNEL_H

#include <stdbool.h>

#include "bytes.h"

struct wd_module {
	char *name; /* "sch_ingress" */
	struct wd_bytes bytes; /* ready for the kernel: not compressed */
};

struct wd_kernel_files {
	char release[128]; /* as the image says, "" not known */
	struct wd_bytes image; /* bzImage */
	struct wd_module *module; /* each behind those it needs */
	size_t module_cnt;
};

/**
 * wd_kernel_read() - a kernel and its modules
 * @path: vmlinuz, or a Debian package that has one
 * @modules: folder or package with the modules; NULL: the same package; of a
 *           file the folder "modules" beside it, else /lib/modules/RELEASE
 * @temp: folder for what must be unpacked by other programs
 * @ret_error: one sentence, what and why; to be freed
 * A module that is not found is left out: it may be built in.
 * Return: 0; -EINTR; -EINVAL it is no kernel, or no package of one; -errno.
 */
int wd_kernel_read(const char *path, const char *modules, const char *temp,
		   struct wd_kernel_files *ret, char **ret_error);
void wd_kernel_free(struct wd_kernel_files *kernel);

/** wd_kernel_is_package() - by its first bytes */
bool wd_kernel_is_package(const char *path);

/** wd_kernel_is_image() - is this a kernel that can be booted here, by its first bytes */
bool wd_kernel_is_image(const char *path);

#endif /* WARDER_KERNEL_H */
