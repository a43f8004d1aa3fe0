/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_swap.h - whole files of a directory that others write, too.
 */
#ifndef WARDER_CNI_SWAP_H
#define WARDER_CNI_SWAP_H

#include <stddef.h>
#include <sys/stat.h>

#define WD_SWAP_MAX (64u << 20) /* bytes of a file */

struct wd_bytes {
	char *data; /* owned, with a zero behind it */
	size_t len;
	struct stat st;
};

/**
 * wd_swap_read() - a file of the directory @dir (a descriptor)
 * @ret_bytes: to be freed: its data
 * Return: 0, -ENOENT, -EFBIG, -errno
 */
int wd_swap_read(int dir, const char *name, struct wd_bytes *ret_bytes);

/**
 * wd_swap_write() - put @now in the place of @was, if that is still there
 * The new file has mode and owner of @now->st and is on disk before it has the
 * name. What another wrote since @was is put back, also if it was written while
 * this was under way.
 * @was: NULL: whatever is there, or nothing
 * Return: 0; -EAGAIN: it is no longer @was; -ENOENT: it is gone; -errno, also where
 * only what was there before cannot be removed.
 */
int wd_swap_write(int dir, const char *name, const struct wd_bytes *was,
		  const struct wd_bytes *now);

/**
 * wd_swap_clean() - what an interrupted wd_swap_write() of @name left
 * What another had written and that did not put back is put back: read @name
 * after this only.
 */
void wd_swap_clean(int dir, const char *name);

#endif /* WARDER_CNI_SWAP_H */
