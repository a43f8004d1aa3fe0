/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self.c - the dynamic linker knows what it loaded, and from where.
 */
#include "self.h"

#include <errno.h>
#include <link.h>
#include <string.h>

#include "cpio.h"

#define FILE_MOST (256U << 20) /* bytes */

static int add_file(struct wd_cpio *cpio, const char *path, const char *from)
{
	struct wd_bytes bytes = { 0 };
	int err = wd_bytes_load(&bytes, from, FILE_MOST);

	if (!err)
		wd_cpio_file(cpio, path, 0755, bytes.data, bytes.len);
	wd_bytes_free(&bytes);
	return err ? err : cpio->err;
}

static int add_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	/* the program itself has no name, what the kernel maps has no path */
	if (!info->dlpi_name || info->dlpi_name[0] != '/')
		return 0;
	return add_file(ctx, info->dlpi_name, info->dlpi_name);
}

int wd_self_add(struct wd_cpio *cpio, const char *path)
{
	int err = add_file(cpio, path, "/proc/self/exe");

	return err ? err : dl_iterate_phdr(add_library, cpio);
}
