/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tar.h - archives as POSIX.1-1988 (ustar) has them, for any tar to read. Only
 * written, file after file; what is in them is the caller's matter.
 */
#ifndef WARDER_TAR_H
#define WARDER_TAR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a name, without NUL. */
#define WD_TAR_NAME_MAX 99

/**
 * wd_tar_put() - one more file, of mode 0600 and of root
 * @name: up to WD_TAR_NAME_MAX bytes, not absolute
 * @mtime: seconds since the epoch, not negative
 * Return: 0; -ENAMETOOLONG; -EFBIG: 8 GiB or more; -EIO: @to takes no more.
 */
int wd_tar_put(FILE *to, const char *name, int64_t mtime, const void *data,
	       size_t len);

/** wd_tar_end() - the two empty blocks after the last file. Return: 0 or -EIO, also of what came before */
int wd_tar_end(FILE *to);

#endif /* WARDER_TAR_H */
