/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * package.h - the files of a Debian package, as a stream: nothing is unpacked
 * on disk. dpkg-deb knows the outer form and the compression, we the tar in it.
 */
#ifndef WARDER_PACKAGE_H
#define WARDER_PACKAGE_H

#include <stdbool.h>

#include "bytes.h"

/**
 * wd_package_read() - look at each regular file of a package
 * @wants: by its path ("./boot/vmlinuz-6.1.0-56-amd64")
 * @take: with its bytes, which it may take over (then it empties @bytes)
 * @ret_error: one sentence; to be freed
 * Return: 0; -ENOENT no dpkg-deb; -EINVAL no package; -EINTR; what @take returned; -errno.
 */
int wd_package_read(const char *path,
		    bool (*wants)(void *ctx, const char *name),
		    int (*take)(void *ctx, const char *name,
				struct wd_bytes *bytes),
		    void *ctx, char **ret_error);

#endif /* WARDER_PACKAGE_H */
