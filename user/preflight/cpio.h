/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpio.h - an initramfs: an archive in cpio's newc format, in memory.
 *
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.
 */
#ifndef WARDER_CPIO_H
#define WARDER_CPIO_H

#include <stdint.h>

#include "bytes.h"

struct wd_cpio {
	struct wd_bytes bytes; /* the archive */
	char **name; /* entries so far, without a leading slash */
	uint32_t cnt;
	int err; /* the first failure; all calls after it do nothing */
};

/* Each makes the folders above it; an entry that is there already stays. */

/** wd_cpio_file() - a regular file with these bytes */
void wd_cpio_file(struct wd_cpio *cpio, const char *path, uint32_t mode,
		  const void *data, size_t len);
void wd_cpio_folder(struct wd_cpio *cpio, const char *path);

/** wd_cpio_device() - a character device */
void wd_cpio_device(struct wd_cpio *cpio, const char *path, uint32_t major,
		    uint32_t minor);

/** wd_cpio_end() - close the archive. Return: 0, or the first failure */
int wd_cpio_end(struct wd_cpio *cpio);
void wd_cpio_free(struct wd_cpio *cpio);

#endif /* WARDER_CPIO_H */
